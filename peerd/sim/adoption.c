#include "peerd/sim/node.h"
#include "peerd/sim/roster.h"
#include "peerd/sim/worker.h"

#include <stdlib.h>

/* Adoption: a worker was replaced, and the new process goes on with what the old one served. */

#define AGAIN_FRAMES 5 /* sent once more: they may have died with the worker */

/* The resume that the client would send if it had to. */
static struct message_resume resume_of(const struct sim *sim, const struct sim_worker *worker,
                                       const struct sim_entry *e) {
    struct message_resume r = {.session = sim->clients[e->client].ticket.session,
                               .purpose =
                                   e->now.purpose == RESUME_COMMIT ? RESUME_COMMIT : RESUME_STANDBY,
                               .epoch = e->now.epoch,
                               .counter = e->counter,
                               .served_by = e->now.served_by,
                               .cause = (enum move_cause)e->now.cause};
    if (r.purpose != RESUME_COMMIT)
        return r;
    int64_t frame_us = FRAME_MS * 1000;
    int64_t sent = instant_since(worker->lost_at, e->live_at).us / frame_us - AGAIN_FRAMES;
    int64_t since = instant_since(sim_worker_now(sim, worker), e->live_at).us / frame_us;
    uint64_t last = e->live_frame + (sent > 0 ? (uint64_t)sent : 0);
    r.live_frame = e->live_frame + (since > 0 ? (uint64_t)since : 0);
    r.from_frame = last < r.live_frame ? last + 1 : r.live_frame;
    if (r.live_frame - r.from_frame > MESSAGE_SPREAD_FRAMES_MAX)
        r.from_frame = r.live_frame - MESSAGE_SPREAD_FRAMES_MAX;
    return r;
}

static void adopt(struct sim *sim, struct sim_worker *worker, const struct sim_entry *e) {
    struct message_resume r = resume_of(sim, worker, e);
    struct tenure_event event = {.kind = TENURE_RESUME_RECEIVED,
                                 .now = sim_worker_now(sim, worker),
                                 .issuer = sim_issuer(sim, worker, e->client),
                                 .service = sim_service(sim, e->client),
                                 .priority = sim_priority(sim, worker, e->client),
                                 .adopted = true,
                                 .u.resume = &r};
    if (r.purpose == RESUME_COMMIT) { /* the pace goes on as it was */
        int64_t frames = (int64_t)(r.live_frame - e->live_frame);
        event.now = instant_add(e->live_at, duration_ms(frames * FRAME_MS));
    }
    struct sim_question q = {.client = e->client, .silent_ms = e->now.silent_ms, .silent = true};
    sim_worker_step(sim, worker, &event, &q);
}

/* The new process numbers its slots anew, so all old places are given up first. */
void sim_adopt_all(struct sim *sim, struct sim_node *node, struct sim_worker *worker) {
    struct sim_entry *old = sim_alloc(worker->slots, sizeof(*old));
    uint32_t count = 0;
    for (uint32_t slot = 0; slot < worker->slots; slot++) {
        struct sim_slot room;
        const struct sim_entry *e =
            sim_roster_look(&node->roster, sim_node_place(worker, slot), &room);
        if (e == NULL)
            continue;
        old[count++] = *e;
        sim_roster_ended(sim, &node->roster, sim_node_place(worker, slot));
    }
    worker->adopting = count;
    for (uint32_t i = 0; i < count; i++)
        adopt(sim, worker, &old[i]);
    free(old);
}
