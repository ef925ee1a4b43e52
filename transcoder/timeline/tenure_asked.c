#include "transcoder/timeline/tenure_inner.h"

#include <assert.h>
#include <string.h>

#define REPEAT_MS 100                 /* [ms] as pace.h: a hedge repeated within is the same */
#define FRAME_MAX (UINT64_C(1) << 40) /* 697 years: keeps arithmetic on frames from wrapping */
#define REACH_MAX 15000               /* frames between from and live: five minutes */

/* ---- answers ---- */

uint32_t tenure_retry_ms(struct tenure *t, const struct message_resume *m, enum err error,
                         struct instant now) {
    if (error == ERR_BUSY)
        return windows_wait_ms(&t->windows, &m->session, m->counter, now);
    uint32_t least = error == ERR_DRAINING ? t->config.retry_draining_ms : t->config.retry_ms;
    return err_retryable(error) ? rush_wait_ms(&t->rush, &m->session, m->counter, least, now) : 0;
}

void tenure_refuse(struct tenure *t, const struct message_resume *m, enum err error,
                   struct instant now, struct tenure_outbox *out) {
    struct tenure_out *o = tenure_put(out, TENURE_REFUSE, tenure_find(t, &m->session), &m->session);
    o->purpose = m->purpose;
    o->counter = m->counter;
    o->error = error;
    if (err_retryable(error) && error != ERR_BUSY) /* the window has counted that */
        rush_refused(&t->rush, now);
    o->retry_after_ms = tenure_retry_ms(t, m, error, now);
    t->refused++;
    trace_linef(out->trace, now, "session %s: %s under epoch %u refused (%s)",
                tenure_short_id(&m->session).text, resume_purpose_name(m->purpose), m->epoch,
                err_name(error));
}

static void grant(const struct tenure_session *s, uint32_t slot, const struct message_resume *m,
                  struct instant lease, struct instant now, struct tenure_outbox *out) {
    struct tenure_out *o = tenure_put(out, TENURE_GRANT, slot, &s->id);
    o->purpose = m->purpose;
    o->epoch = m->epoch;
    o->counter = m->counter;
    o->from = m->from_frame;
    o->lease_ms = tenure_ms_until(lease, now);
}

/* Who sends already goes on undisturbed; `afresh` starts anew all the same. */
static void media(struct tenure_session *s, uint32_t slot, const struct message_resume *m,
                  bool afresh, struct instant until, struct tenure_outbox *out) {
    enum tenure_out_kind kind = s->sending && !afresh ? TENURE_MEDIA_REPAIR : TENURE_MEDIA_START;
    s->sending = true;
    struct tenure_out *o = tenure_put(out, kind, slot, &s->id);
    o->from = m->from_frame;
    o->live = m->live_frame;
    o->until = until;
    memcpy(o->held, m->held, sizeof(o->held));
}

/* ---- what a client may ask ---- */

/* A standby is not renewed where nobody may come, and ends. */
static enum err may_not_stay(const struct tenure *t, struct instant now) {
    if (t->draining)
        return ERR_DRAINING;
    return instant_before(now, t->credit_until) ? ERR_OK : ERR_NO_CREDIT;
}

static bool may_stay(struct tenure *t, uint32_t slot, const struct message_resume *m,
                     struct instant now, struct tenure_outbox *out) {
    enum err error = may_not_stay(t, now);
    if (error == ERR_OK)
        return true;
    tenure_refuse(t, m, error, now, out);
    tenure_end(t, slot, error, now, out);
    return false;
}

static void standby_asked(struct tenure *t, uint32_t slot, const struct message_resume *m,
                          bool newer, struct instant now, struct tenure_outbox *out) {
    struct tenure_session *s = &t->sessions[slot];
    switch (s->state) {
    case TENURE_FREE:
    case TENURE_ENDED:
        tenure_set_state(t, slot, TENURE_STANDBY, now, out);
        break;
    case TENURE_SERVING:
        if (!newer) {
            /* The client follows us and asks us to stand by: it is confused, we are not. */
            grant(s, slot, m, s->lease, now, out);
            return;
        }
        /* A newer epoch says that it is served elsewhere; its release was lost. */
        tenure_stop_media(s, slot, out);
        tenure_clear_notice(s);
        tenure_set_state(t, slot, TENURE_STANDBY, now, out);
        break;
    case TENURE_STANDBY:
        if (!may_stay(t, slot, m, now, out))
            return;
        break;
    case TENURE_HOT:
        if (!may_stay(t, slot, m, now, out))
            return;
        tenure_stop_media(s, slot, out);
        tenure_set_state(t, slot, TENURE_STANDBY, now, out);
        break;
    case TENURE_HEDGING:
        break;
    }
    if (s->state == TENURE_STANDBY)
        tenure_owned_by(t, slot, &m->served_by);
    s->standby = true;
    s->lease = instant_add(now, t->config.standby_lease);
    grant(s, slot, m, s->lease, now, out);
}

/* Who sends already goes on undisturbed, in time with what it has sent. */
static void hot_asked(struct tenure *t, uint32_t slot, const struct message_resume *m, bool newer,
                      struct instant now, struct tenure_outbox *out) {
    struct tenure_session *s = &t->sessions[slot];
    if (s->notice.number != 0 && s->notice.what == NOTICE_END) {
        tenure_refuse(t, m, s->notice.error, now, out); /* there is no more to send */
        return;
    }
    switch (s->state) {
    case TENURE_SERVING:
        if (!newer) {
            grant(s, slot, m, s->lease, now, out);
            return;
        }
        tenure_clear_notice(s);
        break;
    case TENURE_STANDBY:
    case TENURE_HOT:
        if (!may_stay(t, slot, m, now, out))
            return;
        break;
    case TENURE_FREE:
    case TENURE_ENDED:
    case TENURE_HEDGING:
        break;
    }
    if (!s->sending)
        media(s, slot, m, true, INSTANT_NEVER, out);
    if (s->state != TENURE_HOT)
        tenure_set_state(t, slot, TENURE_HOT, now, out);
    tenure_owned_by(t, slot, &m->served_by);
    s->standby = true;
    s->lease = instant_add(now, t->config.session_lease);
    grant(s, slot, m, s->lease, now, out);
}

static struct instant hedge_end(const struct tenure *t, const struct message_resume *m,
                                struct instant now) {
    uint32_t ms = m->hedge_ms < t->config.hedge_ms_max ? m->hedge_ms : t->config.hedge_ms_max;
    return instant_add(now, duration_ms(ms));
}

/* A hedge of a session that is prepared, or was admitted just now. */
static void hedge_begins(struct tenure *t, uint32_t slot, const struct message_resume *m,
                         struct instant now, struct tenure_outbox *out) {
    struct tenure_session *s = &t->sessions[slot];
    if (!budget_spend(&s->hedges, now)) {
        tenure_refuse(t, m, ERR_BUDGET, now, out);
        return;
    }
    s->served_by = m->served_by; /* whom its client misses */
    tenure_set_state(t, slot, TENURE_HEDGING, now, out);
    s->hedge = hedge_end(t, m, now);
    media(s, slot, m, true, s->hedge, out);
    grant(s, slot, m, s->hedge, now, out);
}

static void hedge_asked(struct tenure *t, uint32_t slot, const struct message_resume *m, bool newer,
                        struct instant now, struct tenure_outbox *out) {
    struct tenure_session *s = &t->sessions[slot];
    switch (s->state) {
    case TENURE_FREE:
    case TENURE_ENDED:
    case TENURE_STANDBY:
        hedge_begins(t, slot, m, now, out);
        return;
    case TENURE_HEDGING:
        /* A repetition is idempotent; a later one wants more time and pays for it. */
        if (!duration_less(instant_since(now, s->since), duration_ms(REPEAT_MS))) {
            if (!budget_spend(&s->hedges, now)) {
                tenure_refuse(t, m, ERR_BUDGET, now, out);
                return;
            }
            s->since = now;
            s->hedge = hedge_end(t, m, now);
        }
        media(s, slot, m, false, s->hedge, out);
        grant(s, slot, m, s->hedge, now, out);
        return;
    case TENURE_HOT: /* it sends all the time: what was lost on both ways is sent again */
        if (!budget_spend(&s->hedges, now)) {
            tenure_refuse(t, m, ERR_BUDGET, now, out);
            return;
        }
        media(s, slot, m, false, s->lease, out);
        grant(s, slot, m, s->lease, now, out);
        return;
    case TENURE_SERVING:
        if (newer) { /* served elsewhere: the release was lost */
            tenure_clear_notice(s);
            tenure_set_state(t, slot, TENURE_HEDGING, now, out);
            s->hedge = hedge_end(t, m, now);
        }
        media(s, slot, m, false, s->hedge, out);
        grant(s, slot, m, newer ? s->hedge : s->lease, now, out);
        return;
    }
}

static void commit_asked(struct tenure *t, uint32_t slot, const struct message_resume *m,
                         bool newer, struct instant now, struct tenure_outbox *out) {
    struct tenure_session *s = &t->sessions[slot];
    bool serving = s->state == TENURE_SERVING;
    bool again = serving && newer; /* what it had from us did not suffice */
    if (!serving)
        tenure_set_state(t, slot, TENURE_SERVING, now, out);
    s->standby = false; /* its slot of credit is spent now */
    s->lease = instant_add(now, t->config.session_lease);
    if (m->cause != MOVE_CAUSE_NONE || !serving) { /* else why it came is not what it speaks of */
        s->served_by = m->served_by;
        s->cause = m->cause;
    }
    if (s->notice.number != 0 && s->notice.what == NOTICE_END) {
        /* Whoever commits here must learn that this is the end. */
        s->notice.again = now;
        s->lease = instant_min(s->lease, instant_add(now, duration_ms(TENURE_END_AFTER_MS)));
    }
    media(s, slot, m, again, INSTANT_NEVER, out);
    grant(s, slot, m, s->lease, now, out);
}

static void cancel_asked(struct tenure *t, uint32_t slot, const struct message_resume *m,
                         bool newer, struct instant now, struct tenure_outbox *out) {
    struct tenure_session *s = &t->sessions[slot];
    grant(s, slot, m, s->lease, now, out);
    switch (s->state) {
    case TENURE_HEDGING:
        if (!s->standby) {
            tenure_end(t, slot, ERR_OK, now, out);
            return;
        }
        tenure_stop_media(s, slot, out);
        tenure_set_state(t, slot, TENURE_STANDBY, now, out);
        return;
    case TENURE_SERVING:
        if (newer) /* served elsewhere: only a hedge was thought to run here */
            tenure_end(t, slot, ERR_MOVED, now, out);
        return;
    case TENURE_FREE:
    case TENURE_STANDBY:
    case TENURE_HOT:
    case TENURE_ENDED:
        return;
    }
}

static void release_asked(struct tenure *t, uint32_t slot, const struct message_resume *m,
                          struct instant now, struct tenure_outbox *out) {
    struct tenure_session *s = &t->sessions[slot];
    grant(s, slot, m, now, now, out);
    s->released = true;
    if (s->state != TENURE_ENDED)
        tenure_end(t, slot, ERR_MOVED, now, out);
}

/* Numbers that no client of ours would send: refused before they enter any arithmetic. */
static bool is_plausible(const struct message_resume *m) {
    if (m->from_frame > FRAME_MAX || m->live_frame > FRAME_MAX)
        return false;
    uint64_t reach = m->live_frame > m->from_frame ? m->live_frame - m->from_frame
                                                   : m->from_frame - m->live_frame;
    return reach <= REACH_MAX;
}

/* True if the session is known and the message may speak for it. */
static bool is_current(struct tenure *t, uint32_t slot, const struct message_resume *m,
                       struct instant now, struct tenure_outbox *out) {
    struct tenure_session *s = &t->sessions[slot];
    if (m->counter <= s->counter) {
        t->replayed++;
        trace_linef(out->trace, now, "session %s: %s dropped (counter %llu seen before)",
                    tenure_short_id(&s->id).text, resume_purpose_name(m->purpose),
                    (unsigned long long)m->counter);
        return false;
    }
    s->counter = m->counter;
    bool moved = s->released && m->purpose == RESUME_COMMIT && m->epoch == s->epoch;
    if (m->epoch >= s->epoch && !moved)
        return true;
    t->stale++;
    tenure_refuse(t, m, moved ? ERR_MOVED : ERR_STALE, now, out);
    return false;
}

/* A standby of somebody with whom nothing is agreed any more is to serve: it is over. Of one whose
 * cluster has too many beginning already it is not: its slot waits for it. */
static bool may_begin(struct tenure *t, uint32_t slot, const struct tenure_event *e,
                      struct tenure_outbox *out) {
    const struct message_resume *m = e->u.resume;
    const struct tenure_session *s = &t->sessions[slot];
    bool stands = s->state == TENURE_STANDBY || s->state == TENURE_HOT;
    bool begins = stands && (m->purpose == RESUME_HEDGE || m->purpose == RESUME_COMMIT ||
                             m->purpose == RESUME_HOT);
    enum err error =
        begins && t->guests != NULL ? guests_serve(t->guests, s->guest, e->service) : ERR_OK;
    if (error != ERR_OK) {
        tenure_refuse(t, m, error, e->now, out);
        tenure_end(t, slot, error, e->now, out);
        return false;
    }
    if (!begins || s->sending || tenure_may_start(t, s->guest, e))
        return true;
    tenure_refuse(t, m, ERR_BUSY, e->now, out);
    return false;
}

/* What was admitted has begun, unless it was here before its worker was replaced. */
static void note_start(struct tenure *t, uint32_t slot, const struct tenure_event *e,
                       const struct tenure_outbox *out) {
    struct tenure_session *s = &t->sessions[slot];
    if (s->state != TENURE_HEDGING && s->state != TENURE_SERVING)
        return;
    for (uint32_t i = 0; i < out->count; i++) {
        if (out->items[i].kind != TENURE_MEDIA_START || s->window != WINDOW_NONE || e->adopted)
            continue;
        s->window = windows_row(&t->windows, e->issuer, e->now);
        windows_begun(&t->windows, s->window);
    }
}

static void dispatch(struct tenure *t, uint32_t slot, const struct message_resume *m, bool newer,
                     struct instant now, struct tenure_outbox *out) {
    switch (m->purpose) {
    case RESUME_STANDBY:
        standby_asked(t, slot, m, newer, now, out);
        return;
    case RESUME_HEDGE:
        hedge_asked(t, slot, m, newer, now, out);
        return;
    case RESUME_COMMIT:
        commit_asked(t, slot, m, newer, now, out);
        return;
    case RESUME_CANCEL:
        cancel_asked(t, slot, m, newer, now, out);
        return;
    case RESUME_RELEASE:
        release_asked(t, slot, m, now, out);
        return;
    case RESUME_HOT:
        hot_asked(t, slot, m, newer, now, out);
        return;
    }
}

/* As many as there may be, and as there may be of its issuer. */
static bool may_be_hot(const struct tenure *t, uint32_t slot, const struct name *issuer) {
    if (slot != TENURE_SLOT_NONE && t->sessions[slot].state == TENURE_HOT)
        return true;
    bool bounded = t->guests != NULL && issuer != NULL;
    return t->counts[TENURE_HOT] < t->config.hot_max &&
           (!bounded || guests_may_be_hot(t->guests, issuer));
}

void tenure_resume_received(struct tenure *t, const struct tenure_event *e,
                            struct tenure_outbox *out) {
    const struct message_resume *m = e->u.resume;
    struct instant now = e->now;
    uint32_t slot = tenure_find(t, &m->session);
    bool ends = m->purpose == RESUME_CANCEL || m->purpose == RESUME_RELEASE;
    if (!is_plausible(m) || (slot == TENURE_SLOT_NONE && ends)) {
        tenure_refuse(t, m, ends ? ERR_UNKNOWN_SESSION : ERR_BAD_FIELD, now, out);
        return;
    }
    if (slot != TENURE_SLOT_NONE && !is_current(t, slot, m, now, out))
        return;
    if (m->purpose == RESUME_HOT && !may_be_hot(t, slot, e->issuer)) {
        tenure_refuse(t, m, ERR_BUDGET, now, out); /* what it has here it keeps */
        return;
    }
    if (slot == TENURE_SLOT_NONE || (t->sessions[slot].state == TENURE_ENDED && !ends)) {
        slot = tenure_admit(t, slot, e, out);
        if (slot == TENURE_SLOT_NONE)
            return;
    }
    bool newer = m->epoch > t->sessions[slot].epoch;
    if (newer) {
        t->sessions[slot].epoch = m->epoch;
        t->sessions[slot].released = false;
    }
    if (may_begin(t, slot, e, out)) {
        dispatch(t, slot, m, newer, now, out);
        note_start(t, slot, e, out);
    }
    assert(t->sessions[slot].state != TENURE_FREE);
    tenure_rearm(t, slot);
}

/* ---- reports ---- */

static void refuse_report(struct tenure *t, const struct message_report *m, enum err error,
                          struct instant now, struct tenure_outbox *out) {
    /* What is refused is the right to serve, which a report would renew. */
    struct message_resume as = {
        .session = m->session, .purpose = RESUME_COMMIT, .epoch = m->epoch, .counter = m->counter};
    tenure_refuse(t, &as, error, now, out);
}

static enum err judge_report(const struct tenure_session *s, const struct message_report *m) {
    if (m->epoch < s->epoch)
        return s->released ? ERR_MOVED : ERR_STALE;
    bool sends = s->state == TENURE_SERVING || s->state == TENURE_HOT;
    if (sends && m->epoch == s->epoch)
        return ERR_OK;
    return s->released ? ERR_MOVED : ERR_UNKNOWN_SESSION;
}

void tenure_report_received(struct tenure *t, const struct message_report *m, struct instant now,
                            struct tenure_outbox *out) {
    uint32_t slot = tenure_find(t, &m->session);
    if (slot == TENURE_SLOT_NONE) {
        refuse_report(t, m, ERR_UNKNOWN_SESSION, now, out);
        return;
    }
    struct tenure_session *s = &t->sessions[slot];
    if (m->counter <= s->counter) {
        t->replayed++;
        return;
    }
    s->counter = m->counter;
    enum err error = judge_report(s, m);
    enum err over = error == ERR_OK && s->state == TENURE_HOT ? may_not_stay(t, now) : ERR_OK;
    error = over != ERR_OK ? over : error;
    if (error != ERR_OK) {
        t->stale += error == ERR_STALE;
        refuse_report(t, m, error, now, out);
        if (over != ERR_OK) {
            tenure_end(t, slot, over, now, out);
            tenure_rearm(t, slot);
        }
        return;
    }
    bool ending = s->notice.number != 0 && s->notice.what == NOTICE_END;
    if (!ending)
        s->lease = instant_add(now, t->config.session_lease);
    s->last_frame = m->last_frame;
    if (m->notice >= s->notice.number)
        s->notice.again = INSTANT_NEVER;
    struct tenure_out *o = tenure_put(out, TENURE_ACK, slot, &s->id);
    o->epoch = s->epoch;
    o->counter = m->counter;
    o->lag_us = m->lag_us;
    o->lease_ms = tenure_ms_until(s->lease, now);
    if (ending && m->notice >= s->notice.number)
        tenure_end(t, slot, s->notice.error, now, out);
    tenure_rearm(t, slot);
}
