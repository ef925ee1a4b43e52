#include "peerd/sim/invariants_private.h"

#include "peerd/sim/client.h"
#include "peerd/sim/node.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What one worker does with one session: who may be answered how, what is sent, and until when. */

#define REPEAT_MS   100 /* [ms] in which a repeated question is one and the same */
#define FILLED_BY   20  /* frames after a start its backfill has gone out, if it is … */
#define FILL_MAX    60  /* … no longer than this */
#define COOKIE_LIFE duration_s(60)    /* so long what was recorded could be sent again */
#define BUDGET_US   INT64_C(60000000) /* [µs] budgets are a minute */

static struct sim_client_name whose(const struct sim *sim, const struct watch_session *s) {
    return sim_client_name(sim, &sim->clients[s->client]);
}

static struct sim_client_name whose_slot(const struct sim *sim, const struct sim_worker *w,
                                         uint32_t slot) {
    return sim_client_name(sim, &sim->clients[sim_session_at(w, slot)->client]);
}

/* ---- what is remembered ---------------------------------------------------------------------- */

static struct watch_session *watch_of(const struct sim_worker *w, uint32_t slot) {
    return &sim_shelf_at(w->shelf, slot)->watch;
}

static void forget_frames(struct watch_session *s) {
    free(s->frames);
    s->frames = NULL;
}

void watch_sessions_died(struct sim_worker *w) {
    struct sim_slot room;
    for (uint32_t i = 0; i < w->slots; i++) {
        if (sim_shelf_look(w->shelf, i, &room) == NULL)
            continue;
        forget_frames(watch_of(w, i));
        *watch_of(w, i) = (struct watch_session){0};
    }
}

/* ---- 9: replays ------------------------------------------------------------------------------ */

/* What was seen before changes nothing and is not even answered. */
static void check_replay(struct sim *sim, const struct sim_worker *w,
                         const struct tenure_event *e) {
    uint32_t slot = sim->watch->before.slot;
    if (slot == TENURE_SLOT_NONE)
        return;
    struct watch_session *s = watch_of(w, slot);
    uint64_t counter =
        e->kind == TENURE_RESUME_RECEIVED ? e->u.resume->counter : e->u.report->counter;
    if (!s->known)
        return;
    if (counter <= s->counter && sim->tenure_outbox.count > 0)
        sim_breach(sim, "%s obeys a message of %s that it had seen before (counter %" PRIu64 ")",
                   watch_cluster(sim, w->cluster), whose(sim, s).text, counter);
    if (counter > s->counter)
        s->counter = counter;
}

/* ---- 10: admission --------------------------------------------------------------------------- */

/* No more of its standbys begin to send than there may be, nor of those of its issuer. */
static void check_hot(struct sim *sim, const struct sim_worker *w, uint32_t slot) {
    const struct tenure *t = &w->tenure;
    uint8_t guest = t->sessions[slot].guest;
    uint32_t all = 0, of_issuer = 0;
    for (uint32_t i = 0; i < t->capacity; i++)
        if (t->sessions[i].state == TENURE_HOT) {
            all++;
            of_issuer += t->sessions[i].guest == guest;
        }
    if (all > t->config.hot_max)
        sim_breach(sim, "%s sends for %s as number %" PRIu32 " of its hot standbys, of %" PRIu32,
                   watch_cluster(sim, w->cluster), whose_slot(sim, w, slot).text, all,
                   t->config.hot_max);
    if (t->guests == NULL || guest == GUESTS_NONE || t->guests->rows[guest].row == GUESTS_NONE)
        return;
    if (of_issuer > t->guests->rows[guest].hot_max)
        sim_breach(sim, "%s sends for %s as number %" PRIu32 " of %s's, which may have %" PRIu32,
                   watch_cluster(sim, w->cluster), whose_slot(sim, w, slot).text, of_issuer,
                   t->guests->rows[guest].issuer.text, t->guests->rows[guest].hot_max);
}

static void check_admitted(struct sim *sim, const struct sim_worker *w, uint32_t slot,
                           const struct tenure_event *e) {
    const struct tenure *t = &w->tenure;
    const struct message_resume *m = e->u.resume;
    struct watch_session *s = watch_of(w, slot);
    if (!instant_before(e->now, t->credit_until) || !watch_has_slot(sim, w, slot, e))
        sim_breach(sim, "%s admits %s with %" PRIu32 " of %" PRIu32 " slots of credit in use%s",
                   watch_cluster(sim, w->cluster), whose_slot(sim, w, slot).text, t->credit_used,
                   t->credit_slots,
                   instant_before(e->now, t->credit_until) ? "" : " that are leased no more");
    if (t->draining && m->purpose != RESUME_HEDGE)
        sim_breach(sim, "%s drains and admits %s all the same (%s)", watch_cluster(sim, w->cluster),
                   whose_slot(sim, w, slot).text, resume_purpose_name(m->purpose));
    if (t->guests != NULL && !e->adopted)
        watch_slot_taken(sim, w, slot);
    forget_frames(s);
    bool again = sim->watch->before.slot != TENURE_SLOT_NONE && s->known;
    if (!again)
        *s = (struct watch_session){.known = true,
                                    .waits = s->waits,
                                    .client = sim_session_at(w, slot)->client,
                                    .counter = m->counter,
                                    .since = sim->now,
                                    .hedge = INSTANT_NEVER};
    s->epoch = 0;
    s->promised = e->now;
    s->renewed = sim->now;
}

/* ---- 3: leases ------------------------------------------------------------------------------- */

static struct duration longest_lease(const struct sim *sim, const struct sim_worker *w) {
    return sim->sites[w->cluster].policy.limits.session_lease;
}

/* A lease has ended by then, even by a clock that is slow by a tenth: see SIM_DRIFT_PPM_MAX. */
static struct instant surely_ended(const struct sim *sim, const struct sim_worker *w,
                                   struct instant from) {
    return instant_add(from, duration_scale(longest_lease(sim, w), 9, 8));
}

static void put_check(struct sim *sim, const struct sim_worker *w, uint32_t slot,
                      struct instant at) {
    watch_of(w, slot)->waits = true;
    sim_put_at(
        sim, at,
        &(struct sim_event){.kind = SIM_LEASE_DUE, .a = w->index, .b = slot, .n = w->process.run});
}

static void renewed(struct sim *sim, const struct sim_worker *w, uint32_t slot) {
    struct watch_session *s = watch_of(w, slot);
    s->renewed = sim->now;
    if (!s->waits)
        put_check(sim, w, slot, surely_ended(sim, w, sim->now));
}

/* Whoever holds a session has heard of its client within a lease, or did not run. */
void sim_invariants_lease_due(struct sim *sim, const struct sim_event *e) {
    const struct sim_worker *w = &sim->workers[e->a];
    if (e->n != w->process.run)
        return;
    struct watch_session *s = watch_of(w, e->b);
    enum tenure_state state = w->tenures[e->b].state;
    s->waits = false;
    if (w->tenures[e->b].resting)
        sim_shelf_fold(w->shelf, e->b);
    if (state == TENURE_FREE || state == TENURE_ENDED || w->tenures[e->b].resting)
        return;
    struct instant at = surely_ended(sim, w, watch_counts_from(sim, &w->process, s->renewed));
    if (instant_before(sim->now, at))
        put_check(sim, w, e->b, at);
    else
        sim_breach(sim, "%s still holds %s (%s), although its lease was renewed %" PRId64 " ms ago",
                   watch_cluster(sim, w->cluster), whose(sim, s).text, tenure_state_name(state),
                   duration_in_ms(instant_since(sim->now, s->renewed)));
}

/* What a slot waits for stands in the heap: a timer that is lost is a lease that never ends. */
static void check_timer(struct sim *sim, const struct sim_worker *w, uint32_t slot) {
    const struct tenure_session *t = &w->tenures[slot];
    if (t->state == TENURE_FREE)
        return;
    struct instant due = t->state == TENURE_HEDGING ? t->hedge : t->lease;
    if (t->notice.number != 0)
        due = instant_min(due, instant_min(t->notice.again, t->notice.deadline));
    if (instant_before(due, due_at(&w->tenure.due, slot)))
        sim_breach(sim, "%s has lost the timer of slot %" PRIu32 " (%s)",
                   watch_cluster(sim, w->cluster), slot, tenure_state_name(t->state));
    if (t->notice.number > watch_of(w, slot)->heeded && instant_is_never(t->notice.again))
        sim_breach(sim, "%s does not repeat to %s what it has not answered",
                   watch_cluster(sim, w->cluster), whose_slot(sim, w, slot).text);
}

static bool is_ending(const struct tenure_session *t) {
    return t->notice.number != 0 && t->notice.what == NOTICE_END;
}

/* An end is told for so long and no longer: reports do not renew what is over. */
static void check_ending(struct sim *sim, const struct sim_worker *w, uint32_t slot,
                         const struct tenure_event *e) {
    const struct tenure_session *t = &w->tenures[slot];
    const struct watch_before *before = &sim->watch->before;
    bool told = e->kind == TENURE_REPORT_RECEIVED && before->slot == slot && before->ending;
    if (!is_ending(t) || t->state != TENURE_SERVING) /* a standby has its own lease */
        return;
    if ((told && instant_before(before->lease, t->lease)) ||
        instant_before(instant_add(e->now, duration_ms(TENURE_END_AFTER_MS)), t->lease))
        sim_breach(sim, "%s keeps %s for another %" PRId64 " ms, which is over",
                   watch_cluster(sim, w->cluster), whose_slot(sim, w, slot).text,
                   duration_in_ms(instant_since(t->lease, e->now)));
}

/* A client that is heard keeps its lease, for as long as it was told. */
static void check_lease_told(struct sim *sim, const struct sim_worker *w,
                             const struct tenure_out *o, bool in_full) {
    const struct tenure_session *t = &w->tenures[o->slot];
    int64_t lease_ms = duration_in_ms(longest_lease(sim, w));
    bool holds = t->state == TENURE_SERVING && !is_ending(t);
    if (o->lease_ms > lease_ms || (in_full && holds && o->lease_ms + 1 < lease_ms))
        sim_breach(sim, "%s tells %s of a lease of %" PRIu32 " ms, not of %" PRId64,
                   watch_cluster(sim, w->cluster), whose_slot(sim, w, o->slot).text, o->lease_ms,
                   lease_ms);
}

static void promised(struct watch_session *s, const struct tenure_out *o,
                     const struct tenure_event *e, bool replaces) {
    struct instant until = instant_add(e->now, duration_ms(o->lease_ms));
    s->promised = replaces ? until : instant_max(s->promised, until);
}

/* ---- 11: hedges ------------------------------------------------------------------------------ */

/* No longer than policy allows, and no more than it allows. One that replaces the right to serve
 * costs nothing: it makes less of it. */
static void check_hedge(struct sim *sim, const struct sim_worker *w, const struct tenure_out *o,
                        const struct tenure_event *e) {
    const struct policy_limits *l = &sim->sites[w->cluster].policy.limits;
    const struct tenure_session *t = &w->tenures[o->slot];
    struct watch_session *s = watch_of(w, o->slot);
    if (t->state != TENURE_HEDGING)
        return;
    int64_t ms = duration_in_ms(instant_since(t->hedge, e->now));
    if (ms > l->hedge_ms_max || ms > e->u.resume->hedge_ms)
        sim_breach(sim, "%s hedges for %s for %" PRId64 " ms; asked %" PRIu16 ", at most %" PRIu32,
                   watch_cluster(sim, w->cluster), whose(sim, s).text, ms, e->u.resume->hedge_ms,
                   l->hedge_ms_max);
    bool more = instant_is_never(s->hedge) || instant_before(s->hedge, t->hedge);
    bool paid = sim->watch->before.state != TENURE_SERVING;
    s->hedge = t->hedge;
    s->hedges += more && paid;
    int64_t lives_us = instant_since(sim->now, s->since).us;
    int64_t allowed = l->hedges_per_minute + l->hedges_per_minute * lives_us / BUDGET_US;
    if (s->hedges > allowed)
        sim_breach(sim,
                   "%s has hedged for %s %" PRIu32 " times in %" PRId64
                   " ms; policy allows %" PRIu32 " a minute",
                   watch_cluster(sim, w->cluster), whose(sim, s).text, s->hedges, lives_us / 1000,
                   l->hedges_per_minute);
}

/* ---- answers --------------------------------------------------------------------------------- */

/* 2: a grant names the newest epoch, under which it is held. */
static void check_grant(struct sim *sim, const struct sim_worker *w, const struct tenure_out *o,
                        const struct tenure_event *e) {
    const struct tenure_session *t = &w->tenures[o->slot];
    struct watch_session *s = watch_of(w, o->slot);
    bool ends = o->purpose == RESUME_CANCEL || o->purpose == RESUME_RELEASE;
    if (o->epoch < t->epoch)
        sim_breach(sim, "%s grants %s a %s under epoch %" PRIu32 ", having seen %" PRIu32,
                   watch_cluster(sim, w->cluster), whose(sim, s).text,
                   resume_purpose_name(o->purpose), o->epoch, t->epoch);
    if ((o->purpose == RESUME_RELEASE && t->state != TENURE_ENDED) ||
        (o->purpose == RESUME_CANCEL && t->state == TENURE_HEDGING) ||
        (o->purpose == RESUME_CANCEL && t->state == TENURE_SERVING &&
         o->epoch > sim->watch->before.epoch))
        sim_breach(sim, "%s grants %s a %s and keeps the session (%s)",
                   watch_cluster(sim, w->cluster), whose(sim, s).text,
                   resume_purpose_name(o->purpose), tenure_state_name(t->state));
    if (o->purpose == RESUME_STANDBY && w->tenure.draining && t->state == TENURE_STANDBY &&
        sim->watch->before.state == TENURE_STANDBY)
        sim_breach(sim, "%s drains and renews the standby of %s", watch_cluster(sim, w->cluster),
                   whose(sim, s).text);
    if (ends)
        return;
    check_lease_told(sim, w, o, o->purpose == RESUME_COMMIT);
    if (t->state == TENURE_HOT && sim->watch->before.state != TENURE_HOT)
        check_hot(sim, w, o->slot);
    if (o->purpose == RESUME_HEDGE)
        check_hedge(sim, w, o, e);
    if (o->purpose != RESUME_HEDGE)
        promised(s, o, e, o->epoch > s->epoch);
    else if (o->epoch > s->epoch)
        s->promised = e->now; /* it may be called off at any time */
    s->epoch = o->epoch;
    renewed(sim, w, o->slot);
}

/* 12: who may come again is told when, and nobody else. */
static void check_refusal(struct sim *sim, const struct sim_worker *w, const struct tenure_out *o) {
    if ((o->retry_after_ms > 0) != err_retryable(o->error))
        sim_breach(sim, "%s refuses a %s (%s) with Retry-After %" PRIu32 " ms",
                   watch_cluster(sim, w->cluster), resume_purpose_name(o->purpose),
                   err_name(o->error), o->retry_after_ms);
}

/* Where nothing happens a standby is renewed in time by whoever counts on it; who has been told
 * that its source is at an end counts on nobody. */
static void check_kept_warm(struct sim *sim, const struct sim_worker *w,
                            const struct tenure_out *o) {
    const struct sim_client *c = &sim->clients[watch_of(w, o->slot)->client];
    if (!sim->watch->calm || o->error != ERR_TIMEOUT || c->state != SIM_CLIENT_OPEN ||
        c->witness == NULL || c->witness->state == WITNESS_ENDING)
        return;
    struct addr at = sim_worker_addr(sim, w);
    uint8_t server = witness_server_find(c->witness, &at);
    if (server != WITNESS_SERVER_NONE && c->witness->servers[server].role == WITNESS_ROLE_WARM)
        sim_breach(sim, "%s lets %s stand by no more, which is to be kept warm",
                   sim_client_name(sim, c).text, watch_cluster(sim, w->cluster));
}

static void check_forgotten(struct sim *sim, const struct sim_worker *w, const struct tenure_out *o,
                            const struct tenure_event *e) {
    const struct tenure_session *t = &w->tenures[o->slot];
    struct watch_session *s = watch_of(w, o->slot);
    struct duration early = instant_since(s->promised, e->now);
    forget_frames(s);
    check_kept_warm(sim, w, o);
    if (o->error == ERR_TIMEOUT && duration_less(TIMER, early))
        sim_breach(sim, "%s forgets %s %" PRId64 " ms before the lease that it was granted is over",
                   watch_cluster(sim, w->cluster), whose(sim, s).text, duration_in_ms(early));
    if (t->state != TENURE_ENDED || duration_less(instant_since(t->lease, e->now), COOKIE_LIFE))
        sim_breach(sim, "%s forgets the epochs of %s while what was recorded of it is good",
                   watch_cluster(sim, w->cluster), whose(sim, s).text);
}

/* ---- 13: frames ------------------------------------------------------------------------------ */

static void asked_afresh(struct watch_session *s, const struct tenure_out *o,
                         const struct tenure_event *e) {
    if (s->frames == NULL)
        s->frames = sim_alloc(1, sizeof(*s->frames));
    *s->frames =
        (struct watch_frames){.at = e->now, .from = o->from, .live = o->live, .asked = e->now};
    memcpy(s->frames->held, o->held, sizeof(o->held));
}

static void asked_to_send(const struct sim_worker *w, const struct tenure_out *o,
                          const struct tenure_event *e) {
    struct watch_session *s = watch_of(w, o->slot);
    const struct pace *p = &sim_session_at(w, o->slot)->pace;
    struct watch_frames *f = s->frames;
    bool starts = p->running && p->base.us == e->now.us && p->live == o->live &&
                  p->covered_from == o->from && (f == NULL || f->at.us != e->now.us);
    if (o->kind == TENURE_MEDIA_START || f == NULL || starts) {
        asked_afresh(s, o, e);
        return;
    }
    f->repaired = true;
    bool honoured = p->asked_at.us == e->now.us;
    f->from = o->from < f->from ? o->from : f->from;
    memset(f->held, 0, sizeof(f->held));
    if (!honoured || duration_less(instant_since(e->now, f->asked), duration_ms(REPEAT_MS)))
        return;
    f->asked = e->now;
    f->sent[0] = f->sent[1] = 0;
}

static bool is_held(const struct watch_frames *f, uint64_t frame) {
    uint64_t bit = frame - f->from - 1;
    return frame > f->from && bit < HELD_BITS && (f->held[bit / 8] >> (bit % 8) & 1);
}

/* Notes that it goes out; true if it has done so since it was asked for last. */
static bool note_sent(struct watch_frames *f, uint64_t frame) {
    uint64_t ahead = f->any && frame > f->high ? frame - f->high : 0;
    if (!f->any || ahead >= 128)
        f->sent[0] = f->sent[1] = 0;
    else if (ahead >= 64)
        f->sent[1] = f->sent[0] << (ahead - 64), f->sent[0] = 0;
    else if (ahead > 0)
        f->sent[1] = f->sent[1] << ahead | f->sent[0] >> (64 - ahead), f->sent[0] <<= ahead;
    if (!f->any || ahead > 0)
        f->high = frame;
    f->any = true;
    uint64_t back = f->high - frame;
    if (back >= 128)
        return false; /* too long ago to tell */
    uint64_t *word = &f->sent[back / 64], bit = UINT64_C(1) << (back % 64);
    bool before = (*word & bit) != 0;
    *word |= bit;
    return before;
}

/* Backfill is out long before: nothing of what was asked for and fits into memory is left out. */
static void check_filled(struct sim *sim, const struct sim_worker *w,
                         const struct watch_session *s) {
    const struct watch_frames *f = s->frames;
    for (uint64_t frame = f->from; frame < f->live; frame++) {
        uint64_t back = f->high - frame;
        if (f->live - f->from <= FILL_MAX && back < 128 && !is_held(f, frame) &&
            (f->sent[back / 64] >> (back % 64) & 1) == 0)
            sim_breach(sim, "%s leaves out frame %" PRIu64 ", for which %s has asked",
                       watch_cluster(sim, w->cluster), frame, whose(sim, s).text);
    }
}

/* A frame is what its number says, so the number must be right: wanted, at its instant, once. */
static void check_frame(struct sim *sim, const struct sim_worker *w, const struct watch_session *s,
                        uint64_t frame) {
    struct watch_frames *f = s->frames;
    if (frame < f->from)
        sim_breach(sim, "%s sends frame %" PRIu64 " to %s, who asked from %" PRIu64,
                   watch_cluster(sim, w->cluster), frame, whose(sim, s).text, f->from);
    if (frame < f->live && is_held(f, frame))
        sim_breach(sim, "%s sends frame %" PRIu64 " to %s, who has it and said so",
                   watch_cluster(sim, w->cluster), frame, whose(sim, s).text);
    int64_t due_us = (int64_t)(frame - f->live) * FRAME_MS * 1000;
    int64_t since_us = instant_since(sim_worker_now(sim, w), f->at).us;
    if (frame >= f->live && since_us + TIMER.us + since_us / 1000 < due_us)
        sim_breach(sim, "%s sends frame %" PRIu64 " to %s %" PRId64 " us before its instant",
                   watch_cluster(sim, w->cluster), frame, whose(sim, s).text, due_us - since_us);
    bool twice = note_sent(f, frame);
    if (frame == f->live + FILLED_BY && !f->repaired)
        check_filled(sim, w, s);
    if (twice)
        sim_breach(sim, "%s sends frame %" PRIu64 " to %s twice, asked once",
                   watch_cluster(sim, w->cluster), frame, whose(sim, s).text);
}

void sim_invariants_frame_sent(struct sim *sim, const struct sim_worker *w, uint32_t slot,
                               uint64_t frame) {
    const struct tenure_session *t = &w->tenures[slot];
    struct watch_session *s = watch_of(w, slot);
    bool sends = t->state == TENURE_SERVING || t->state == TENURE_HOT;
    struct instant until = t->state == TENURE_HEDGING ? t->hedge
                           : sends                    ? t->lease
                                                      : instant_us(INT64_MIN);
    if (!t->sending || s->frames == NULL ||
        duration_less(TIMER, instant_since(sim_worker_now(sim, w), until))) {
        sim_breach(sim, "%s sends frame %" PRIu64 " to %s without the right to (%s)",
                   watch_cluster(sim, w->cluster), frame, whose_slot(sim, w, slot).text,
                   tenure_state_name(t->state));
        return;
    }
    if (frame >= sim->streams[sim->clients[s->client].group].end)
        sim_breach(sim, "%s sends frame %" PRIu64 " to %s, beyond the end",
                   watch_cluster(sim, w->cluster), frame, whose(sim, s).text);
    check_frame(sim, w, s, frame);
}

/* The allowance is counted from the other side: what went out at first earns it. */
void sim_invariants_frame_resent(struct sim *sim, const struct sim_worker *w, uint32_t slot,
                                 uint64_t frame) {
    const struct tenure_session *t = &w->tenures[slot];
    const struct watch_session *s = watch_of(w, slot);
    struct watch_frames *f = s->frames;
    uint64_t back = f == NULL || !f->any ? UINT64_MAX : f->high - frame;
    bool sent = back < 128 && (f->sent[back / 64] >> (back % 64) & 1) != 0;
    if (!t->sending || f == NULL || (!sent && !f->repaired)) {
        sim_breach(sim, "%s sends frame %" PRIu64 " to %s again, which it has not sent",
                   watch_cluster(sim, w->cluster), frame, whose_slot(sim, w, slot).text);
        return;
    }
    int64_t earned_us = instant_since(sim_worker_now(sim, w), f->at).us / RESEND_FRAMES_EACH;
    if (++f->resent > RESEND_BURST + (uint64_t)(earned_us / (FRAME_MS * 1000)) + 1)
        sim_breach(sim, "%s has sent %" PRIu32 " frames again to %s, more than half",
                   watch_cluster(sim, w->cluster), f->resent, whose(sim, s).text);
}

/* ---- sleep ----------------------------------------------------------------------------------- */

void sim_invariants_session_rests(const struct sim_worker *w, uint32_t slot) {
    forget_frames(watch_of(w, slot));
}

/* As if every question had been seen; its backfill has gone out, else it would not have slept. */
void sim_invariants_session_woke(struct sim *sim, const struct sim_worker *w, uint32_t slot) {
    const struct tenure_session *t = &w->tenures[slot];
    const struct pace *p = &sim_session_at(w, slot)->pace;
    struct watch_session *s = watch_of(w, slot);
    s->counter = t->counter;
    s->promised = t->lease;
    renewed(sim, w, slot);
    if (!t->sending)
        return;
    s->frames = sim_alloc(1, sizeof(*s->frames));
    *s->frames = (struct watch_frames){.at = p->base,
                                       .from = p->covered_from,
                                       .live = p->live,
                                       .asked = p->asked_at,
                                       .repaired = true};
}

/* ---- after a step ---------------------------------------------------------------------------- */

static void intended(struct sim *sim, struct sim_worker *w, const struct tenure_out *o,
                     const struct tenure_event *e) {
    switch (o->kind) {
    case TENURE_GRANT:
        check_grant(sim, w, o, e);
        return;
    case TENURE_REFUSE:
        check_refusal(sim, w, o);
        return;
    case TENURE_ACK:
        check_lease_told(sim, w, o, true);
        promised(watch_of(w, o->slot), o, e, false);
        if (e->u.report->notice > watch_of(w, o->slot)->heeded)
            watch_of(w, o->slot)->heeded = e->u.report->notice;
        renewed(sim, w, o->slot);
        return;
    case TENURE_PREPARE:
        check_admitted(sim, w, o->slot, e);
        return;
    case TENURE_MEDIA_START:
    case TENURE_MEDIA_REPAIR:
        asked_to_send(w, o, e);
        return;
    case TENURE_MEDIA_STOP:
        forget_frames(watch_of(w, o->slot));
        return;
    case TENURE_FORGET:
        check_forgotten(sim, w, o, e);
        return;
    case TENURE_NOTICE:
        if (o->notice.what == NOTICE_MOVE && o->notice.cause != MOVE_CAUSE_DEGRADED &&
            o->notice.cause != MOVE_CAUSE_RETURN && !w->tenure.draining &&
            !watch_asked_to_move(sim, w->cluster, &o->notice.session, NULL))
            sim_breach(sim, "%s asks %s to move and does not drain", watch_cluster(sim, w->cluster),
                       whose_slot(sim, w, o->slot).text);
        if (o->notice.what == NOTICE_MOVE && o->notice.number <= watch_of(w, o->slot)->heeded)
            sim_breach(sim, "%s asks %s to move, which it has answered",
                       watch_cluster(sim, w->cluster), whose_slot(sim, w, o->slot).text);
        return;
    }
}

void watch_sessions_stepped(struct sim *sim, struct sim_worker *w, const struct tenure_event *e) {
    if (e->kind == TENURE_RESUME_RECEIVED || e->kind == TENURE_REPORT_RECEIVED)
        check_replay(sim, w, e);
    for (uint32_t i = 0; i < sim->tenure_outbox.count; i++) {
        const struct tenure_out *o = &sim->tenure_outbox.items[i];
        intended(sim, w, o, e);
        if (o->slot == TENURE_SLOT_NONE)
            continue;
        check_timer(sim, w, o->slot);
        check_ending(sim, w, o->slot, e);
    }
}
