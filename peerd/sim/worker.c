#include "peerd/sim/worker.h"
#include "peerd/sim/shelf.h"

#include "peerd/sim/client.h"
#include "peerd/sim/inbox.h"
#include "peerd/sim/invariants.h"
#include "peerd/sim/labour.h"
#include "peerd/sim/narrative.h"
#include "peerd/sim/node.h"
#include "peerd/sim/post.h"
#include "peerd/sim/roster.h"
#include "peerd/sim/site.h"
#include "peerd/sim/sleep.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICKS_MAX 100000 /* of tenure at one instant: more is a busy loop */

/* ---- life ---- */

#define SLOTS_FIRST 16

static void make_room(struct sim *sim, struct sim_worker *w, uint32_t slots) {
    w->slots = slots;
    w->tenures = sim_grow(w->tenures, slots, sizeof(*w->tenures));
    w->leases = sim_grow(w->leases, slots, sizeof(*w->leases));
    w->lookup = sim_grow(w->lookup, tenure_index_count(slots), sizeof(*w->lookup));
    w->paces = sim_grow(w->paces, slots, sizeof(*w->paces));
    sim_shelf_room(w->shelf, slots);
    sim_roster_room(&sim->nodes[w->node].roster, w->number, w->shelf, slots);
}

/* A worker of the programs has room for all that it may ever hold; here there are thousands. */
static void grow_if_full(struct sim *sim, struct sim_worker *w) {
    if (!tenure_is_full(&w->tenure) || w->slots == w->slots_max)
        return;
    uint32_t slots = w->slots + w->slots / 8 + SLOTS_FIRST;
    make_room(sim, w, slots < w->slots_max ? slots : w->slots_max);
    tenure_grow(&w->tenure, w->tenures, w->leases, w->lookup, w->slots);
    due_grow(&w->due, w->paces, w->slots);
}

void sim_worker_init(struct sim *sim, uint32_t index, uint32_t slots_max) {
    struct sim_worker *w = &sim->workers[index];
    w->slots_max = slots_max;
    w->shelf = sim_shelf_new();
    if (sim_site_counts_guests(sim, &sim->sites[w->cluster]))
        w->guests = sim_alloc(1, sizeof(*w->guests));
    make_room(sim, w, SLOTS_FIRST);
}

void sim_worker_free(struct sim *sim, struct sim_worker *w) {
    sim_process_kill(sim, &w->process);
    sim_inbox_free(sim, w);
    free(w->tenures);
    free(w->leases);
    free(w->lookup);
    free(w->guests);
    free(w->paces);
    sim_shelf_free(w->shelf);
}

static void forget_sessions(struct sim_worker *w) {
    struct sim_slot room;
    for (uint32_t slot = 0; slot < w->slots; slot++)
        if (sim_shelf_look(w->shelf, slot, &room) != NULL)
            *sim_session_at(w, slot) = (struct sim_session){0};
}

void sim_worker_start(struct sim *sim, struct sim_worker *w, struct duration after) {
    const struct tenure_config config = {.notices_from =
                                             tenure_notices_from(sim_worker_now(sim, w))};
    if (w->process.life != SIM_LIFE_DEAD)
        return;
    sim_process_start(sim, &w->process, SIM_LIFE_STARTING);
    tenure_init(&w->tenure, &config, w->tenures, w->leases, w->lookup, w->slots);
    if (w->guests != NULL)
        guests_init(w->guests, sim->nodes[w->node].board, w->number);
    w->tenure.guests = w->guests;
    due_init(&w->due, w->paces, w->slots);
    forget_sessions(w);
    w->started = w->busy_until = sim_worker_now(sim, w);
    for (int i = 0; i < QUEUE_CROWD; i++)
        w->warm[i] = w->started;
    queue_init(&w->queue, w->started);
    sim_put(sim, after,
            &(struct sim_event){.kind = SIM_WORKER_STARTS, .a = w->index, .n = w->process.run});
}

void sim_worker_started(struct sim *sim, const struct sim_event *e) {
    struct sim_worker *w = &sim->workers[e->a];
    struct sim_node *node = &sim->nodes[w->node];
    if (e->n != w->process.run || w->process.life != SIM_LIFE_STARTING)
        return;
    if (sim_process_holds(sim, &node->process, e))
        return;
    w->process.life = SIM_LIFE_RUNNING;
    sim_sleep_turned(sim, w);
    sim_node_worker_ready(sim, w);
}

/* What a stopped worker has not read waits in the socket, which is the supervisor's. */
static void leave_unread(struct sim *sim, struct sim_worker *w) {
    uint32_t dropped = 0;
    bool kept = sim_process_lives(&sim->nodes[w->node].process);
    sim_inbox_leave(sim, w, kept);
    if (!kept)
        return;
    for (uint32_t i = 0; i < w->process.held_count; i++) {
        if (w->process.held[i].kind == SIM_TO_WORKER)
            sim_put(sim, DURATION_ZERO, &w->process.held[i]);
        else
            w->process.held[dropped++] = w->process.held[i];
    }
    w->process.held_count = dropped;
}

void sim_worker_kill(struct sim *sim, struct sim_worker *w) {
    leave_unread(sim, w);
    sim_process_kill(sim, &w->process);
    sim_invariants_worker_died(sim, w);
    sim_due_worker(sim, w);
}

void sim_worker_stop(struct sim *sim, struct sim_worker *w) {
    sim_process_stop(sim, &w->process);
    sim_due_worker(sim, w);
}

void sim_worker_continue(struct sim *sim, struct sim_worker *w) {
    sim_process_continue(sim, &w->process);
    sim_due_worker(sim, w);
}

void sim_worker_brief(struct sim *sim, struct sim_worker *w) {
    const struct sim_node *node = &sim->nodes[w->node];
    const struct node_limits *l = &node->limits;
    if (!node->briefed)
        return;
    w->tenure.config = (struct tenure_config){
        .notices_from = w->tenure.config.notices_from,
        .session_lease = duration_ms(l->session_lease_ms),
        .standby_lease = duration_ms(l->standby_lease_ms),
        .hedge_ms_max = l->hedge_ms_max,
        .hedges_per_minute = l->hedges_per_minute,
        .hot_max = l->hot_max,
        .retry_ms = SIM_RETRY_MS,
        .retry_draining_ms = SIM_DRAINING_MS,
    };
}

/* ---- sending ---- */

void sim_worker_send(struct sim *sim, const struct sim_worker *w, uint32_t client,
                     const struct message *message) {
    const struct sim_client *c = &sim->clients[client];
    sim_post(sim, w->cluster, sim_network_group(&sim->network, c->group), SIM_MESSAGE_BYTES,
             &(struct sim_event){.kind = SIM_TO_CLIENT, .a = client, .b = w->index}, message,
             sim_message_size(message));
}

static void send_frame(struct sim *sim, struct sim_worker *w, uint32_t slot, uint64_t frame) {
    struct sim_session *s = sim_session_at(w, slot);
    const struct sim_client *c = &sim->clients[s->client];
    uint32_t group = c->group;
    sim_invariants_frame_sent(sim, w, slot, frame);
    w->frames++;
    if (!s->sent_any || frame > s->last_sent)
        s->last_sent = frame;
    s->sent_any = true;
    sim_post(sim, w->cluster, sim_network_group(&sim->network, group),
             SIM_RTP_BYTES + sim->streams[group].frame_bytes,
             &(struct sim_event){.kind = SIM_MEDIA,
                                 .a = s->client,
                                 .b = w->index,
                                 .n = sim_client_frame_tag(c, frame, false)},
             NULL, 0);
}

void sim_worker_resend(struct sim *sim, struct sim_worker *w, uint32_t slot, uint64_t from,
                       uint64_t missing) {
    struct sim_session *s = sim_session_at(w, slot);
    const struct sim_client *c = &sim->clients[s->client];
    for (unsigned i = 0; i < NACK_FRAMES_MAX; i++) {
        uint64_t frame = from + i;
        if ((missing >> i & 1) == 0 ||
            !resend_may(&s->resend, &s->pace, frame, sim_worker_now(sim, w)))
            continue;
        sim_invariants_frame_resent(sim, w, slot, frame);
        sim_post(sim, w->cluster, sim_network_group(&sim->network, c->group),
                 SIM_RTX_BYTES + sim->streams[c->group].frame_bytes,
                 &(struct sim_event){.kind = SIM_MEDIA,
                                     .a = s->client,
                                     .b = w->index,
                                     .n = sim_client_frame_tag(c, frame, true)},
                 NULL, 0);
    }
}

/* ---- media ---- */

static void set_due(struct sim_worker *w, uint32_t slot) {
    struct sim_session *s = sim_session_at(w, slot);
    struct instant at = s->used && !s->resting ? pace_deadline(&s->pace) : INSTANT_NEVER;
    bool over = s->used && !s->resting && s->pace.running && pace_finished(&s->pace) && !s->told;
    if (over)
        at = s->warm;
    due_set(&w->due, slot, instant_is_never(at) ? at : instant_max(at, s->warm));
}

/* When an origin answers a question, for which there is a connection first. It is asked for the
 * head when a session is prepared and, at any frame but the first, once more from there on. */
static struct instant answers(const struct sim_stream *stream, struct instant asked) {
    return instant_add(asked, duration_us(2 * stream->origin.us));
}

/* As transcoderd, which leaves that to threads of its own (worker/feed.h). */
static void fetch(const struct sim *sim, const struct sim_worker *w, struct sim_session *s,
                  const struct sim_stream *stream, uint64_t from, struct instant now) {
    struct instant head = instant_max(s->warm, now);
    uint64_t frames =
        stream->laps ? lap_preroll(from, stream->phase, stream->preroll_frames, UINT32_MAX) : 0;
    s->warm = from > 0 ? answers(stream, head) : head;
    s->warm = instant_add(s->warm, sim_labour_preroll(sim, w, frames));
    if (stream->laps && stream->mergeable)
        s->mergeable_from = lap_merges_from(from, stream->phase, frames);
}

/* It waits for its pre-roll, beside those who do. */
static void join_queue(struct sim_worker *w, struct instant warm, struct instant now) {
    uint32_t waiting = 0;
    memmove(&w->warm[1], &w->warm[0], (QUEUE_CROWD - 1) * sizeof(w->warm[0]));
    w->warm[0] = warm;
    while (waiting < QUEUE_CROWD && instant_before(now, w->warm[waiting]))
        waiting++;
    queue_waits(&w->queue, waiting, now);
}

/* One session after the other has its pre-roll: back to the beginning of its lap, or only a little
 * if so many wait for theirs. */
static void warm_up(const struct sim *sim, struct sim_worker *w, struct sim_session *s,
                    const struct sim_stream *stream, uint64_t from, bool asked) {
    struct instant now = sim_worker_now(sim, w);
    uint32_t allowed = asked ? queue_preroll(&w->queue, now) : UINT32_MAX;
    uint64_t frames = lap_preroll(from, stream->phase, stream->preroll_frames, allowed);
    if (allowed < UINT32_MAX)
        pace_spare(&s->pace);
    s->preroll = allowed == UINT32_MAX         ? NODE_PREROLL_FULL
                 : allowed == LAP_LEAST_FRAMES ? NODE_PREROLL_LEAST
                                               : NODE_PREROLL_QUICK;
    if (stream->mergeable)
        s->mergeable_from = lap_merges_from(from, stream->phase, frames);
    if (frames == 0)
        return;
    s->warm = instant_add(instant_max(w->warm[0], now), sim_labour_preroll(sim, w, frames));
    join_queue(w, s->warm, now);
}

static void start_media(struct sim *sim, struct sim_worker *w, struct sim_session *s,
                        const struct tenure_out *o, bool asked, struct instant now) {
    const struct sim_stream *stream = &sim->streams[sim->clients[s->client].group];
    pace_start(&s->pace, duration_ms(FRAME_MS), o->from, o->live, o->held, now);
    if (stream->end != FRAME_NEVER)
        pace_end_at(&s->pace, stream->end);
    s->mergeable_from = stream->mergeable ? o->from : FRAME_NEVER;
    s->preroll = NODE_PREROLL_FULL;
    s->told = false;
    s->begins = now;
    if (stream->origin.us > 0)
        fetch(sim, w, s, stream, o->from, now);
    else
        s->warm = now;
    if (stream->origin.us == 0 && stream->laps)
        warm_up(sim, w, s, stream, o->from, asked);
    uint64_t after = s->mergeable_from - o->from;
    s->merges_after = after < UINT16_MAX ? (uint16_t)after : UINT16_MAX;
}

/* All that exists has been sent: the client must hear an end, not silence. */
static void tell_end(struct sim *sim, struct sim_worker *w, uint32_t slot, enum err error) {
    struct sim_session *s = sim_session_at(w, slot);
    struct tenure_event e = {.kind = TENURE_SOURCE_STOPPED, .now = sim_worker_now(sim, w)};
    s->told = true;
    pace_stop(&s->pace);
    e.u.source.session = sim->clients[s->client].ticket.session;
    e.u.source.error = error;
    e.u.source.end = sim->streams[sim->clients[s->client].group].end;
    sim_worker_step(sim, w, &e, NULL);
}

/* The first frame of a start is out. */
static void tell_begun(struct sim *sim, struct sim_worker *w, uint32_t slot) {
    struct sim_session *s = sim_session_at(w, slot);
    struct tenure_event e = {.kind = TENURE_MEDIA_BEGUN, .now = sim_worker_now(sim, w)};
    e.u.begun.slot = slot;
    e.u.begun.asked = s->begins;
    s->begins = INSTANT_NEVER;
    sim_worker_step(sim, w, &e, NULL);
}

static void serve(struct sim *sim, struct sim_worker *w, uint32_t slot) {
    struct sim_session *s = sim_session_at(w, slot);
    struct instant now = sim_worker_now(sim, w);
    uint32_t sent = 0;
    uint64_t frame;
    for (; pace_take(&s->pace, now, &frame); sent++)
        send_frame(sim, w, slot, frame);
    sim_labour_frames(sim, w, sent);
    if (sent > 0 && !instant_is_never(s->begins))
        tell_begun(sim, w, slot);
    bool over = s->pace.running && pace_finished(&s->pace) && !s->told;
    if (over)
        tell_end(sim, w, slot, ERR_SOURCE_ENDED);
    set_due(w, slot);
}

void sim_worker_rest(struct sim *sim, struct sim_worker *w, uint32_t slot) {
    tenure_rest(&w->tenure, slot);
    sim_session_at(w, slot)->resting = true;
    sim_invariants_session_rests(w, slot);
    set_due(w, slot);
    sim_due_worker(sim, w);
}

void sim_worker_wake(struct sim *sim, struct sim_worker *w, uint32_t slot) {
    struct sim_session *s = sim_session_at(w, slot);
    s->resting = false;
    if (s->pace.running) {
        uint64_t sent = pace_pass(&s->pace, sim_worker_now(sim, w));
        w->frames += sent;
        s->last_sent = sent > 0 ? s->pace.next - 1 : s->last_sent;
    }
    sim_invariants_session_woke(sim, w, slot);
    set_due(w, slot);
    sim_due_worker(sim, w);
}

static void wake_whom_it_concerns(struct sim *sim, struct sim_worker *w,
                                  const struct tenure_event *event) {
    const struct session_id *id =
        event->kind == TENURE_MOVE_ORDERED ? &event->u.move.session : &event->u.source.session;
    uint32_t slot = tenure_find(&w->tenure, id);
    if (slot != TENURE_SLOT_NONE && w->tenures[slot].resting)
        sim_sleep_wake(sim, &sim->clients[sim_session_at(w, slot)->client]);
}

void sim_worker_order(struct sim *sim, struct sim_worker *w, const struct tenure_event *event) {
    if (w->process.life != SIM_LIFE_RUNNING)
        return;
    wake_whom_it_concerns(sim, w, event);
    if (event->kind != TENURE_SOURCE_STOPPED) {
        sim_worker_step(sim, w, event, NULL);
        return;
    }
    uint32_t slot = tenure_find(&w->tenure, &event->u.source.session);
    if (slot == TENURE_SLOT_NONE || !sim_session_at(w, slot)->used)
        return;
    tell_end(sim, w, slot, event->u.source.error);
    set_due(w, slot);
    sim_due_worker(sim, w);
}

/* ---- what tenure wants ---- */

static void answer(struct sim *sim, struct sim_worker *w, const struct tenure_out *o,
                   const struct sim_question *q) {
    const struct sim_session *s = o->slot == TENURE_SLOT_NONE ? NULL : sim_session_at(w, o->slot);
    struct key_hint self = sim->sites[w->cluster].hint;
    struct message m = {.nonce = q->nonce};
    if (o->kind == TENURE_GRANT) {
        m.kind = MESSAGE_GRANT;
        m.u.grant = (struct message_grant){
            .session = o->session,
            .purpose = o->purpose,
            .epoch = o->epoch,
            .counter = o->counter,
            .start_frame = o->from,
            .mergeable_from = s != NULL && s->used ? s->mergeable_from : FRAME_NEVER,
            .lease_ms = o->lease_ms,
            .cluster = self};
    } else if (o->kind == TENURE_REFUSE) {
        m.kind = MESSAGE_REFUSE;
        m.u.refuse = (struct message_refuse){.session = o->session,
                                             .purpose = o->purpose,
                                             .error = o->error,
                                             .counter = o->counter,
                                             .retry_after_ms = o->retry_after_ms,
                                             .cluster = self};
    } else {
        m.kind = MESSAGE_ACK;
        m.u.ack = (struct message_ack){.session = o->session,
                                       .epoch = o->epoch,
                                       .counter = o->counter,
                                       .lease_ms = o->lease_ms};
    }
    sim_worker_send(sim, w, q->client, &m);
}

/* What a listener that has left once asked, and was refused, may come again as a replay and be
 * taken for news while its cookie is good: that lease counts from now. */
static void prepare(struct sim *sim, struct sim_worker *w, uint32_t slot,
                    const struct sim_question *q) {
    const struct sim_stream *stream = &sim->streams[sim->clients[q->client].group];
    assert(!sim_session_at(w, slot)->used);
    if (sim->clients[q->client].state == SIM_CLIENT_OVER && !q->silent)
        sim->clients[q->client].over_at = sim->now;
    *sim_session_at(w, slot) = (struct sim_session){.used = true,
                                                    .client = q->client,
                                                    .nonce = q->nonce,
                                                    .mergeable_from = FRAME_NEVER,
                                                    .told_at = instant_us(INT64_MIN),
                                                    .begins = INSTANT_NEVER,
                                                    .silent_ms = q->silent_ms};
    if (stream->origin.us > 0)
        sim_session_at(w, slot)->warm = answers(stream, sim_worker_now(sim, w));
}

/* A flat switch: one intention a case. */
static void carry_out(struct sim *sim, struct sim_worker *w, const struct tenure_out *o,
                      const struct sim_question *q, struct instant now) {
    struct sim_session *s = o->slot == TENURE_SLOT_NONE ? NULL : sim_session_at(w, o->slot);
    bool used = s != NULL && s->used;
    bool asked = q != NULL && !q->silent;
    switch (o->kind) {
    case TENURE_GRANT:
    case TENURE_REFUSE:
    case TENURE_ACK:
        if (used && asked && o->kind != TENURE_REFUSE)
            s->nonce = q->nonce;
        if (o->unasked)
            answer(sim, w, o, &(struct sim_question){.client = s->client, .nonce = s->nonce});
        else if (asked)
            answer(sim, w, o, q);
        if (used && o->kind == TENURE_ACK)
            pace_follow(&s->pace, o->lag_us, now);
        break;
    case TENURE_PREPARE:
        prepare(sim, w, o->slot, q);
        return;
    case TENURE_MEDIA_START:
        start_media(sim, w, s, o, asked, now);
        break;
    case TENURE_MEDIA_REPAIR:
        if (s->pace.running)
            pace_repair(&s->pace, o->from, o->live, o->held, now);
        else
            start_media(sim, w, s, o, asked, now);
        break;
    case TENURE_MEDIA_STOP:
        pace_stop(&s->pace);
        break;
    case TENURE_NOTICE: {
        struct message m = {.kind = MESSAGE_NOTICE, .nonce = s->nonce, .u.notice = o->notice};
        sim_worker_send(sim, w, s->client, &m);
        break;
    }
    case TENURE_FORGET:
        *s = (struct sim_session){.client = s->client, .epoch = s->epoch}; /* a tombstone */
        due_set(&w->due, o->slot, INSTANT_NEVER);
        sim_node_session_ended(sim, w, o->slot);
        return;
    }
    if (!used)
        return;
    set_due(w, o->slot);
    s->dirty |= o->kind != TENURE_ACK;
}

static void tell_node(struct sim *sim, struct sim_worker *w) {
    const struct tenure_outbox *out = &sim->tenure_outbox;
    for (uint32_t i = 0; i < out->count; i++) {
        uint32_t slot = out->items[i].slot;
        if (slot == TENURE_SLOT_NONE || !sim_session_at(w, slot)->dirty)
            continue;
        sim_session_at(w, slot)->dirty = false;
        sim_session_at(w, slot)->told_at = sim_worker_now(sim, w);
        sim_node_session_changed(sim, w, slot);
    }
}

const struct name *sim_issuer(const struct sim *sim, const struct sim_worker *w, uint32_t client) {
    uint32_t issuer = sim->clients[client].ticket.issuer;
    return issuer == w->cluster ? NULL : &sim->scenario->clusters[issuer].identity.name;
}

const struct name *sim_service(const struct sim *sim, uint32_t client) {
    return &sim->scenario->clients[sim->clients[client].group].service;
}

uint8_t sim_priority(const struct sim *sim, const struct sim_worker *w, uint32_t client) {
    const struct policy *policy = &sim->sites[w->cluster].policy;
    const struct policy_service *s = policy_service_find(policy, sim_service(sim, client));
    return s != NULL ? (uint8_t)s->priority : NODE_PRIORITY_LEAST;
}

static void wake_who_gives_way(struct sim *sim, struct sim_worker *w,
                               const struct tenure_event *event) {
    if (event->kind != TENURE_RESUME_RECEIVED)
        return;
    uint32_t slot = tenure_gives_way(&w->tenure, event);
    if (slot != TENURE_SLOT_NONE && w->tenures[slot].resting)
        sim_sleep_wake(sim, &sim->clients[sim_session_at(w, slot)->client]);
}

void sim_worker_step(struct sim *sim, struct sim_worker *w, const struct tenure_event *event,
                     const struct sim_question *q) {
    char who[NAME_LEN_MAX + 32];
    const struct tenure_outbox *out = &sim->tenure_outbox;
    sim->steps++;
    grow_if_full(sim, w);
    wake_who_gives_way(sim, w, event);
    sim_invariants_worker_steps(sim, w, event);
    tenure_step(&w->tenure, event, &sim->tenure_outbox);
    for (uint32_t i = 0; i < out->count; i++)
        carry_out(sim, w, &out->items[i], q, event->now);
    tell_node(sim, w);
    if (sim->trace.count > 0) {
        snprintf(who, sizeof(who), "%s/n%" PRIu32 "/w%" PRIu32,
                 sim->scenario->clusters[w->cluster].identity.name.text, sim->nodes[w->node].number,
                 w->number);
        sim_narrative_drain(sim, &sim->trace, who);
    }
    sim_invariants_worker_stepped(sim, w, event);
    sim_due_worker(sim, w);
}

/* ---- time ---- */

/* As transcoderd finds that out. */
static bool is_behind(struct sim_worker *w, uint32_t slot, struct instant now) {
    return instant_is_never(sim_session_at(w, slot)->begins) &&
           duration_less(duration_ms(WINDOW_BEHIND), instant_since(now, due_at(&w->due, slot)));
}

void sim_worker_due(struct sim *sim, struct sim_worker *w) {
    const struct tenure_event tick = {.kind = TENURE_TICKED, .now = sim_worker_now(sim, w)};
    uint32_t ticks = 0, slot;
    enum sim_turn turn;
    bool behind = false;
    while (instant_reached(tick.now, tenure_deadline(&w->tenure))) {
        sim_worker_step(sim, w, &tick, NULL);
        assert(++ticks < TICKS_MAX);
    }
    while (sim_labour_idle(w, tick.now) && (turn = sim_inbox_turn(w, tick.now)) != SIM_TURN_NONE) {
        if (turn == SIM_TURN_READS) {
            sim_door_read(sim, w);
            continue;
        }
        due_reached(&w->due, tick.now, &slot);
        behind = behind || is_behind(w, slot, tick.now);
        serve(sim, w, slot);
    }
    if (behind)
        sim_worker_step(sim, w, &(struct tenure_event){.kind = TENURE_FELL_BEHIND, .now = tick.now},
                        NULL);
    sim_due_worker(sim, w);
}

/* ---- short of CPU ---------------------------------------------------------------------------- */

uint32_t sim_worker_late_ms(const struct sim *sim, const struct sim_worker *w) {
    struct instant due = due_first(&w->due), now = sim_worker_now(sim, w);
    return instant_before(due, now) ? (uint32_t)duration_in_ms(instant_since(now, due)) : 0;
}

void sim_worker_slow(struct sim *sim, struct sim_worker *w, struct duration frame) {
    w->frame = frame;
    w->slowed |= frame.us > 0;
    w->busy_until = sim_worker_now(sim, w);
    sim_due_worker(sim, w);
}
