#include "peerd/sim/node.h"

#include "peerd/sim/kitchen.h"
#include "peerd/sim/roster.h"
#include "peerd/sim/shelf.h"
#include "peerd/sim/site.h"
#include "peerd/sim/sleep.h"
#include "peerd/sim/worker.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_POLL  duration_ms(100) /* until peerd says otherwise */
#define SOUND_AFTER duration_s(10)   /* a worker that dies sooner may die of what it served */

void sim_node_init(struct sim *sim, uint32_t index) {
    struct sim_node *node = &sim->nodes[index];
    const struct sim_site *site = &sim->sites[node->cluster];
    uint32_t peers = site->discovery != NULL ? sim->site_count : site->policy.peer_count;
    node->peers = peers;
    node->echoes = sim_alloc(peers, sizeof(*node->echoes));
    node->told_alive = sim_alloc(peers, sizeof(*node->told_alive));
    if (sim_site_counts_guests(sim, site))
        node->guests = sim_alloc(1, sizeof(*node->guests));
    if (node->guests != NULL)
        node->board = sim_alloc(1, sizeof(*node->board));
}

static void forget_echoes(struct sim_node *node) {
    for (uint32_t i = 0; i < node->peers; i++) {
        free(node->echoes[i]);
        node->echoes[i] = NULL;
        node->told_alive[i] = false;
    }
}

uint32_t sim_node_peer(const struct sim *sim, const struct sim_node *node, uint32_t cluster) {
    const struct sim_site *site = &sim->sites[node->cluster];
    return site->discovery != NULL ? cluster : site->peer_of[cluster];
}

struct echo *sim_node_echo(struct sim_node *node, uint32_t peer) {
    if (node->echoes[peer] == NULL) {
        node->echoes[peer] = sim_alloc(1, sizeof(struct echo));
        echo_init(node->echoes[peer], node->boot);
    }
    return node->echoes[peer];
}

void sim_node_free(struct sim *sim, struct sim_node *node) {
    sim_process_kill(sim, &node->process);
    forget_echoes(node);
    free(node->echoes);
    free(node->told_alive);
    free(node->guests);
    free(node->board);
    sim_roster_free(&node->roster);
    free(node->trips);
    free(node->asks);
}

static struct sim_worker *worker_at(struct sim *sim, const struct sim_node *node, uint32_t i) {
    return &sim->workers[node->first_worker + i];
}

uint32_t sim_node_place(const struct sim_worker *worker, uint32_t slot) {
    return sim_roster_place(worker->number, slot);
}

/* ---- life ---- */

void sim_node_start(struct sim *sim, struct sim_node *node) {
    if (node->process.life != SIM_LIFE_DEAD)
        return;
    sim_process_start(sim, &node->process, SIM_LIFE_STARTING);
    struct duration later = sim_process_begins(sim, &node->process, FIRST_POLL, ~node->index);
    sim_put(sim, duration_add(SIM_NODE_START, later),
            &(struct sim_event){.kind = SIM_NODE_STARTS, .a = node->index, .n = node->process.run});
}

static void forget_all(struct sim *sim, struct sim_node *node) {
    node->boot = rng_u64(&sim->rng) | 1;
    node->cookie_secret = rng_u64(&sim->rng);
    node->seq = node->order_seen = node->asking = 0;
    node->full = true;
    headless_init(&node->peerd);
    node->poll = FIRST_POLL;
    node->briefed = node->draining = node->beating = false;
    node->drain = (struct drain_kept){0};
    node->limits = (struct node_limits){0};
    node->credit = (struct node_credit){0};
    node->credit_until = instant_us(INT64_MIN);
    if (node->guests != NULL)
        node->guests->count = 0;
    if (node->board != NULL)
        board_init(node->board);
    forget_echoes(node);
    sim_roster_clear(&node->roster);
    node->trip_count = 0;
}

static void tick_later(struct sim *sim, const struct sim_node *node) {
    sim_put(sim, duration_ms(SIM_NODE_TICK_MS),
            &(struct sim_event){.kind = SIM_NODE_TICK, .a = node->index, .n = node->process.run});
}

static void poll_after(struct sim *sim, const struct sim_node *node, struct duration after) {
    sim_put(sim, after,
            &(struct sim_event){.kind = SIM_POLL, .a = node->index, .n = node->process.run});
}

void sim_node_started(struct sim *sim, const struct sim_event *e) {
    struct sim_node *node = &sim->nodes[e->a];
    if (e->n != node->process.run || node->process.life != SIM_LIFE_STARTING)
        return;
    node->process.life = SIM_LIFE_RUNNING;
    forget_all(sim, node);
    for (uint32_t i = 0; i < node->worker_count; i++) {
        worker_at(sim, node, i)->restarts = 0;
        sim_worker_start(sim, worker_at(sim, node, i), SIM_WORKER_START);
    }
    node->spare = instant_add(sim_node_now(sim, node), SIM_SPARE);
    sim_kitchen_starts(sim, node);
    tick_later(sim, node);
    poll_after(sim, node, DURATION_ZERO);
}

void sim_node_kill(struct sim *sim, struct sim_node *node) {
    sim_kitchen_dies(sim, node);
    sim_process_kill(sim, &node->process);
    for (uint32_t i = 0; i < node->worker_count; i++)
        sim_worker_kill(sim, worker_at(sim, node, i));
}

void sim_node_stop(struct sim *sim, struct sim_node *node) {
    sim_process_stop(sim, &node->process);
    for (uint32_t i = 0; i < node->worker_count; i++)
        sim_worker_stop(sim, worker_at(sim, node, i));
}

/* Whoever was stopped as a whole blames nobody for the time that has passed. */
void sim_node_continue(struct sim *sim, struct sim_node *node) {
    sim_process_continue(sim, &node->process);
    for (uint32_t i = 0; i < node->worker_count; i++)
        sim_worker_continue(sim, worker_at(sim, node, i));
}

/* ---- what workers tell ---- */

void sim_node_session_changed(struct sim *sim, struct sim_worker *worker, uint32_t slot) {
    struct sim_node *node = &sim->nodes[worker->node];
    const struct tenure_session *t = tenure_session_at(&worker->tenure, slot);
    const struct sim_session *s = sim_session_at(worker, slot);
    if (t == NULL || !s->used)
        return;
    struct sim_told told = {.epoch = t->epoch,
                            .purpose = (uint8_t)tenure_purpose(t) & 0x7f,
                            .hot = t->state == TENURE_HOT,
                            .cause = (uint8_t)t->cause,
                            .silent_ms = s->silent_ms,
                            .lease_ms =
                                tenure_lease_ms(t, sim_node_now(sim, node), NODE_INTERVAL_MS_MAX),
                            .last_frame = s->sent_any ? s->last_sent : 0,
                            .expected = s->expected,
                            .lost_before = s->lost_before,
                            .lost_after = s->lost_after,
                            .rtt_us = s->rtt_us,
                            .jitter_us = s->jitter_us,
                            .buffer_ms = s->buffer_ms,
                            .burst_x16 = s->burst_x16,
                            .served_by = t->served_by,
                            .preroll = s->preroll,
                            .merges_after = s->merges_after,
                            .moved = s->moved,
                            .backup_count = s->backup_count};
    memcpy(told.backups, s->backups, sizeof(told.backups));
    uint32_t place = sim_node_place(worker, slot);
    sim_roster_changed(sim, &node->roster, place, s->client, &told);
    struct sim_entry *e = sim_roster_at(&node->roster, place);
    e->counter = t->counter;
    e->live_frame = s->pace.live;
    e->live_at = s->pace.base;
}

void sim_node_session_ended(struct sim *sim, struct sim_worker *worker, uint32_t slot) {
    sim_roster_ended(sim, &sim->nodes[worker->node].roster, sim_node_place(worker, slot));
}

/* ---- replacing workers ---- */

static bool is_sound(const struct sim_worker *worker) {
    return worker->restarts == 0 ||
           !duration_less(instant_since(worker->lost_at, worker->started), SOUND_AFTER);
}

void sim_node_worker_died(struct sim *sim, struct sim_worker *worker) {
    struct sim_node *node = &sim->nodes[worker->node];
    bool sound = is_sound(worker);
    sim_worker_kill(sim, worker);
    if (node->process.life != SIM_LIFE_RUNNING)
        return;
    worker->restarts++;
    for (uint32_t slot = 0; slot < worker->slots && !sound; slot++)
        sim_roster_ended(sim, &node->roster, sim_node_place(worker, slot));
    bool at_hand = instant_reached(sim_node_now(sim, node), node->spare);
    sim_worker_start(sim, worker, at_hand ? SIM_WORKER_PLACE : SIM_WORKER_START);
    node->spare = instant_add(sim_node_now(sim, node), SIM_SPARE);
}

uint32_t sim_node_guests(struct sim *sim, const struct sim_node *node, const struct name *issuer,
                         uint32_t *here) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < node->worker_count; i++) {
        const struct sim_worker *w = worker_at(sim, node, i);
        bool known = w->process.life != SIM_LIFE_DEAD;
        here[i] = known ? guests_here(w->guests, issuer) : 0;
        sum += here[i];
    }
    return sum;
}

void sim_node_allot(struct sim *sim, struct sim_node *node, const struct node_answer *a) {
    uint32_t here[SIM_WORKERS_MAX];
    guests_allot(node->guests, node->board, a->guests, a->guest_count, &a->guest_services);
    for (uint32_t i = 0; i < node->guests->count; i++) {
        if (!node->guests->fresh[i])
            continue;
        sim_node_guests(sim, node, &node->guests->limits[i].issuer, here);
        for (uint32_t w = 0; w < node->worker_count; w++)
            board_tell(node->board, node->guests->rows[i], w, here[w]);
    }
}

static void limit_guests(const struct sim_node *node, const struct sim_worker *worker) {
    struct guest_limit limits[NODE_GUESTS_MAX];
    for (uint32_t i = 0; i < node->guests->count; i++)
        limits[i] = guests_allotted_limit(node->guests, i);
    guests_limit_set(worker->guests, limits, node->guests->count, &node->guests->services);
}

void sim_node_lease_credit(struct sim *sim, const struct sim_node *node,
                           struct sim_worker *worker) {
    uint32_t slots = node->credit.slots;
    struct tenure_event e = {.kind = TENURE_CREDIT_LEASED, .now = sim_worker_now(sim, worker)};
    e.u.credit.slots = slots < node->limits.sessions_max ? slots : node->limits.sessions_max;
    e.u.credit.until = node->credit_until;
    sim_worker_step(sim, worker, &e, NULL);
    if (node->guests != NULL)
        limit_guests(node, worker);
}

void sim_node_set_draining(struct sim *sim, struct sim_worker *worker, bool draining) {
    if (worker->tenure.draining != draining)
        sim_sleep_wake_worker(sim, worker);
    sim_worker_step(sim, worker,
                    &(struct tenure_event){.kind = TENURE_DRAIN_CHANGED,
                                           .now = sim_worker_now(sim, worker),
                                           .u.draining = draining},
                    NULL);
}

void sim_node_worker_ready(struct sim *sim, struct sim_worker *worker) {
    struct sim_node *node = &sim->nodes[worker->node];
    sim_worker_brief(sim, worker);
    sim_node_lease_credit(sim, node, worker);
    sim_adopt_all(sim, node, worker);
    if (worker->guests != NULL)
        guests_begin(worker->guests);
    sim_node_set_draining(sim, worker, node->draining); /* who was here before is no newcomer */
}
