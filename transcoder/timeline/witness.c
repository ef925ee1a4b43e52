#include "transcoder/timeline/witness.h"

#include "transcoder/timeline/witness_inner.h"

#include <assert.h>
#include <string.h>

#define OVERSLEPT_MS  30 /* [ms] after the deadline: no timer of a healthy machine is so late */
#define ENDING_FRAMES 1  /* frame times after the last instant: its owner wakes as we do */
#define ASK_AGAIN_MS  50 /* [ms] between looks for frames that are missing before the end */

const char *witness_state_name(enum witness_state s) {
    static const char *const names[] = {"opening",    "following", "missing", "hedging",
                                        "committing", "moving",    "ending",  "ended"};
    return names[s];
}

struct witness_config witness_config_default(void) {
    return (struct witness_config){
        .frame = duration_ms(FRAME_MS),
        .mergeable = true,
        .miss_min = duration_ms(45),
        .miss_max = duration_ms(120),
        .commit_min = duration_ms(200),
        .commit_max = duration_ms(400),
        .young = duration_ms(20000),
        .zombie = duration_ms(1000),
        .hedge = duration_ms(500),
        .hedges_per_minute = 30,
        .moves_per_minute = 6,
        .dwell = duration_ms(2000),
        .hello = duration_ms(500),
        .hello_idle = duration_ms(5000),
        .report = duration_ms(500),
        .attempt = duration_ms(300),
        .give_up = duration_ms(10000),
        .lead_frames = 4,
        .overlap_frames = 3,
    };
}

void witness_init(struct witness *w, const struct witness_config *config, struct playout *playout,
                  const struct witness_address *serving, const struct witness_address *backups,
                  uint8_t backup_count, uint64_t seed, struct instant now) {
    memset(w, 0, sizeof(*w));
    w->config = *config;
    w->state = WITNESS_OPENING;
    w->playout = playout;
    rng_seed(&w->rng, seed);
    schedule_init(&w->schedule, config->frame);
    w->serving = SERVER_NONE;
    w->follow_at = w->miss_since = w->dwell_until = w->probed_at = w->report_at = w->debt_at = now;
    w->report_next = now;
    for (int i = 0; i < WITNESS_GAINS_MAX; i++)
        w->gained[i] = INSTANT_NEVER;
    w->decided_at = w->probe_at = w->reseated_at = w->repair_at = w->wake_at = INSTANT_NEVER;
    w->others_at = w->back_at = INSTANT_NEVER;
    budget_init(&w->hedges, config->hedges_per_minute, now);
    budget_init(&w->moves, config->moves_per_minute, now);
    doubt_init(&w->doubt);
    w->hot = (struct witness_hot){
        .server = SERVER_NONE, .since = INSTANT_NEVER, .report_at = INSTANT_NEVER};
    schedule_init(&w->hot.schedule, config->frame);
    witness_attempt_clear(w);
    witness_filler_clear(w);
    witness_server_reset(w, 0, serving, 0, now);
    w->servers[0].hello_at = INSTANT_NEVER; /* the attempt says hello first */
    for (uint8_t i = 0; i < backup_count && i + 1 < WITNESS_SERVERS_MAX; i++)
        witness_server_reset(w, i + 1, &backups[i], i + 1, now);
}

/* ---- states ---- */

static bool is_legal(enum witness_state from, enum witness_state to) {
    if (to == WITNESS_ENDED)
        return from != WITNESS_ENDED;
    switch (from) {
    case WITNESS_OPENING:
        return to == WITNESS_FOLLOWING || to == WITNESS_ENDING;
    case WITNESS_FOLLOWING:
        return to != WITNESS_OPENING;
    case WITNESS_MISSING:
    case WITNESS_HEDGING:
        return to == WITNESS_FOLLOWING || to == WITNESS_MISSING || to == WITNESS_HEDGING ||
               to == WITNESS_COMMITTING || to == WITNESS_ENDING;
    case WITNESS_COMMITTING:
    case WITNESS_MOVING:
        return to == WITNESS_FOLLOWING || to == WITNESS_COMMITTING || to == WITNESS_ENDING;
    case WITNESS_ENDING:
    case WITNESS_ENDED:
        return false;
    }
    return false;
}

void witness_set_state(const struct turn *t, enum witness_state to) {
    struct witness *w = t->w;
    assert(w->state != to && is_legal(w->state, to));
    trace_linef(t->out->trace, t->now, "%s -> %s", witness_state_name(w->state),
                witness_state_name(to));
    w->state = to;
    if (to == WITNESS_FOLLOWING || to == WITNESS_ENDING) {
        w->decided_at = INSTANT_NEVER;
        w->hedged = false;
        w->bear = DURATION_ZERO;
        w->probe_at = w->others_at = w->back_at = INSTANT_NEVER;
        w->others = 0;
    }
}

static void release_all(const struct turn *t) {
    struct witness *w = t->w;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++) {
        const struct witness_server *s = &w->servers[i];
        if (!witness_is_server(w, i))
            continue;
        bool lodged = i == w->serving || s->epoch_asked > 0 || s->hedge.active ||
                      !instant_is_never(s->standby_until);
        if (lodged && path_has_cookie(&s->path, t->now))
            witness_release(t, i);
    }
}

void witness_finish(const struct turn *t, enum err why) {
    witness_move_settle(t, true);
    release_all(t);
    witness_put(t, WITNESS_SESSION_ENDED, SERVER_NONE)->u.ended = why;
    trace_linef(t->out->trace, t->now, "the session has ended (%s)",
                why == ERR_OK ? "closed" : err_name(why));
    witness_set_state(t, WITNESS_ENDED);
}

/* When the last frame is late enough to be missing: it may have been overtaken by the notice. */
static struct instant late_at(const struct witness *w) {
    if (!schedule_known(&w->schedule) || w->schedule.stale || w->playout->end == 0)
        return w->miss_since;
    return instant_add(schedule_expected(&w->schedule, w->playout->end - 1), witness_miss_time(w));
}

void witness_begin_ending(const struct turn *t, enum err why, uint64_t end) {
    struct witness *w = t->w;
    w->end_error = why;
    if (instant_is_never(playout_due(w->playout, w->playout->next))) {
        witness_finish(t, why); /* nothing was ever heard: there is nothing to play out */
        return;
    }
    /* Without a number, or with one that no buffer reaches, the end is where media has come so far:
     * the notice follows the last frame. */
    bool known = end <= w->playout->next + w->playout->config.slot_count;
    playout_end_at(w->playout, known ? end : w->playout->high);
    if (w->state != WITNESS_MISSING && w->state != WITNESS_HEDGING)
        w->miss_since = t->now;
    w->repair_at = late_at(w);
    witness_attempt_clear(w);
    witness_set_state(t, WITNESS_ENDING);
}

static struct instant ending_at(const struct witness *w) {
    struct instant last = playout_due(w->playout, w->playout->end);
    return instant_add(last, duration_scale(w->config.frame, ENDING_FRAMES, 1));
}

/* The server that knows the end has no more to send: what is missing before it comes from backups,
 * asked anew for as long as there is time. */
static void keep_ending(const struct turn *t) {
    struct witness *w = t->w;
    if (playout_missing(w->playout, t->now) >= w->playout->end) {
        witness_hedges_cancel(t, SERVER_NONE);
        w->repair_at = INSTANT_NEVER;
        return;
    }
    witness_keep_hedges(t);
    if (!instant_reached(t->now, w->repair_at))
        return;
    if (!witness_is_hedging(w))
        witness_hedge_next(t);
    w->repair_at = instant_add(t->now, duration_ms(ASK_AGAIN_MS));
}

static void pass_time(const struct turn *t) {
    struct witness *w = t->w;
    if (w->state != WITNESS_ENDED)
        witness_keep_paths(t);
    witness_move_settle(t, false);
    switch (w->state) {
    case WITNESS_OPENING:
        witness_keep_attempt(t);
        return;
    case WITNESS_FOLLOWING:
        if (instant_reached(t->now, witness_miss_at(w)))
            witness_media_missing(t);
        else
            witness_keep_repairs(t);
        return;
    case WITNESS_MISSING:
    case WITNESS_HEDGING:
        witness_time_missing(t);
        return;
    case WITNESS_COMMITTING:
        witness_keep_probing(t);
        witness_keep_hedges(t);
        witness_keep_attempt(t);
        return;
    case WITNESS_MOVING:
        witness_time_moving(t);
        return;
    case WITNESS_ENDING:
        if (playout_finished(w->playout) || instant_reached(t->now, ending_at(w)))
            witness_finish(t, w->end_error);
        else
            keep_ending(t);
        return;
    case WITNESS_ENDED:
        return;
    }
}

/* ---- events ---- */

/* True if what came is an answer to a question of ours. Anything else was counted. */
static bool is_answer(const struct turn *t, const struct witness_event *e) {
    if (path_answered(&t->w->servers[e->server].path, e->nonce, t->now))
        return true;
    t->w->stats.forged++;
    return false;
}

static void take(const struct turn *t, const struct witness_event *e) {
    struct witness *w = t->w;
    switch (e->kind) {
    case WITNESS_SESSION_OPENED:
        if (w->epoch_high == 0)
            witness_attempt_start(t, WITNESS_OPENING, MOVE_CAUSE_NONE, 0);
        return;
    case WITNESS_FRAME_ARRIVED:
        witness_heard(t, e->server);
        witness_fact_frame_arrived(t, e->server, e->u.media.frame, e->u.media.result);
        return;
    case WITNESS_PACKET_HEARD:
        witness_heard(t, e->server);
        return;
    case WITNESS_COOKIE_RECEIVED:
    case WITNESS_GRANTED:
    case WITNESS_REFUSED:
    case WITNESS_ACKNOWLEDGED:
        if (!is_answer(t, e))
            return;
        witness_heard(t, e->server);
        if (e->kind == WITNESS_COOKIE_RECEIVED)
            witness_fact_cookie_received(t, e->server, &e->u.cookie);
        else if (e->kind == WITNESS_GRANTED)
            witness_fact_granted(t, e->server, &e->u.grant);
        else if (e->kind == WITNESS_REFUSED)
            witness_fact_refused(t, e->server, &e->u.refuse);
        else if (e->server == w->serving)
            witness_report_heard(w, &e->u.ack);
        else
            witness_hot_acknowledged(t, e->server, e->u.ack.lease_ms);
        return;
    case WITNESS_NOTICED:
        witness_fact_noticed(t, e->server, &e->u.notice);
        return;
    case WITNESS_BACKUPS_TOLD:
        witness_fact_backups_told(t, e->server, e->nonce, &e->u.backups);
        return;
    case WITNESS_TICKED:
        return;
    case WITNESS_CLOSED:
        witness_finish(t, ERR_OK);
        return;
    }
}

void witness_step(struct witness *w, const struct witness_event *e, struct witness_outbox *out) {
    struct turn t = {.w = w, .now = e->now, .out = out};
    out->count = 0;
    if (w->state == WITNESS_ENDED)
        return;
    bool needs_server =
        e->kind != WITNESS_SESSION_OPENED && e->kind != WITNESS_TICKED && e->kind != WITNESS_CLOSED;
    if (needs_server && !witness_is_server(w, e->server))
        return; /* it has left the list while its packet was on the way */
    if (instant_reached(e->now, instant_add(w->wake_at, duration_ms(OVERSLEPT_MS))))
        witness_overslept(&t);
    take(&t, e);
    if (w->epoch_high > 0)
        pass_time(&t);
    /* What this step has made overdue (a hedge that covered a silence is over) was not slept
     * through. */
    w->wake_at = instant_max(witness_deadline(w), e->now);
}

/* ---- queries ---- */

struct instant witness_deadline(const struct witness *w) {
    if (w->epoch_high == 0 || w->state == WITNESS_ENDED)
        return INSTANT_NEVER;
    struct instant at = instant_min(witness_paths_deadline(w), witness_move_deadline(w));
    /* Waits that depend on the budget of moves are looked at with what is left of it now. */
    struct instant now = w->moves.at;
    switch (w->state) {
    case WITNESS_FOLLOWING:
        return instant_min(at, instant_min(witness_miss_at(w), w->repair_at));
    case WITNESS_MISSING:
    case WITNESS_HEDGING:
        at = instant_min(at, instant_min(witness_silent_at(w, now), witness_reseat_at(w, now)));
        at = instant_min(at, instant_min(w->probe_at, witness_hedges_deadline(w)));
        return at;
    case WITNESS_OPENING:
        return instant_min(at, witness_attempt_deadline(w));
    case WITNESS_COMMITTING:
        at = instant_min(at, instant_min(w->probe_at, witness_hedges_deadline(w)));
        return instant_min(at, witness_attempt_deadline(w));
    case WITNESS_MOVING:
        return instant_min(at, instant_min(witness_miss_at(w), witness_attempt_deadline(w)));
    case WITNESS_ENDING:
        at = instant_min(at, instant_min(w->repair_at, witness_hedges_deadline(w)));
        return instant_min(at, ending_at(w));
    case WITNESS_ENDED:
        return INSTANT_NEVER;
    }
    return at;
}

uint64_t witness_frame_near(const struct witness *w) {
    return w->playout->high;
}

void witness_check_invariants(const struct witness *w) {
    assert(w->epoch <= w->epoch_high);
    assert((w->epoch > 0) == (w->serving != SERVER_NONE));
    assert(w->serving == SERVER_NONE || witness_is_server(w, w->serving));
    /* A source may end before its server's grant has come, but not before its media. */
    assert(w->epoch > 0 || w->state == WITNESS_OPENING || w->state == WITNESS_ENDING ||
           w->state == WITNESS_ENDED);
    bool asking = w->state == WITNESS_OPENING || w->state == WITNESS_COMMITTING ||
                  w->state == WITNESS_MOVING || w->state == WITNESS_ENDED;
    assert(asking || w->attempt.server == SERVER_NONE);
    assert(w->attempt.server == SERVER_NONE || w->attempt.epoch == w->epoch_high);
    uint32_t serving = 0, warm = 0;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++) {
        const struct witness_server *s = &w->servers[i];
        serving += s->role == WITNESS_ROLE_SERVING;
        warm += s->role == WITNESS_ROLE_WARM;
        assert(s->role != WITNESS_ROLE_SERVING || i == w->serving);
        assert(s->epoch_asked <= w->epoch_high);
        assert(s->hot == (i == w->hot.server));
        /* Who was asked to serve in vain is fenced by a newer epoch than it was asked under. */
        assert(w->state != WITNESS_FOLLOWING || i == w->serving || s->epoch_asked <= w->epoch ||
               s->epoch_asked < w->epoch_high);
        assert(!s->hedge.active || (s->role != WITNESS_ROLE_FREE && i != w->serving));
    }
    assert(serving <= 1 && warm <= 1);
    assert(w->hot.server == SERVER_NONE ||
           (w->config.hot && w->hot.server != w->serving && w->servers[w->hot.server].hot));
    nack_check_invariants(&w->nack);
    if (w->state == WITNESS_HEDGING)
        assert(witness_is_hedging(w));
}

/* ---- messages ---- */

void witness_resume_fill(struct message *m, const struct witness *w, const struct witness_out *o,
                         const char *ticket, size_t ticket_len) {
    assert(o->kind == WITNESS_SEND_RESUME && ticket_len <= TICKET_LEN_MAX);
    memset(m, 0, sizeof(*m));
    m->kind = MESSAGE_RESUME;
    m->nonce = o->nonce;
    struct message_resume *r = &m->u.resume;
    r->cookie = o->u.resume.cookie;
    r->target = w->servers[o->server].address.hint;
    r->session = w->config.session;
    r->purpose = o->u.resume.purpose;
    r->epoch = o->u.resume.epoch;
    r->counter = o->u.resume.counter;
    r->from_frame = o->u.resume.from_frame;
    r->live_frame = o->u.resume.live_frame;
    memcpy(r->held, o->u.resume.held, sizeof(r->held));
    r->hedge_ms = o->u.resume.hedge_ms;
    r->silent_ms = o->u.resume.silent_ms;
    r->served_by = o->u.resume.served_by;
    r->cause = o->u.resume.cause;
    if (!o->u.resume.with_ticket)
        return;
    r->ticket_len = (uint16_t)ticket_len;
    memcpy(r->ticket, ticket, ticket_len);
}

void witness_report_fill(struct message *m, const struct witness *w, const struct witness_out *o) {
    assert(o->kind == WITNESS_SEND_REPORT);
    memset(m, 0, sizeof(*m));
    m->kind = MESSAGE_REPORT;
    m->nonce = o->nonce;
    const struct playout_stats *stats = &w->playout->stats;
    m->u.report = (struct message_report){
        .target = w->servers[o->server].address.hint,
        .session = w->config.session,
        .epoch = o->u.report.epoch,
        .counter = o->u.report.counter,
        .last_frame = o->u.report.last_frame,
        .expected = (uint32_t)stats->expected,
        .lost_before = (uint32_t)stats->lost_before,
        .lost_after = (uint32_t)stats->lost,
        .jitter_us = (uint32_t)schedule_jitter(&w->schedule).us,
        .rtt_us = o->u.report.rtt_us,
        .lag_us = o->u.report.lag_us,
        .notice = o->u.report.notice,
        .moved = o->u.report.moved,
        .backups = o->u.report.backups,
    };
}
