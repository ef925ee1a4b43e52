#include "transcoder/timeline/tenure.h"

#include "transcoder/timeline/tenure_inner.h"

#include <assert.h>
#include <string.h>

_Static_assert(OWNERS_CLASSES == TENURE_PRIORITIES, "classes are the same everywhere");

#define NOTICE_MS_MAX 1000 /* [ms] between repetitions of a notice */

const char *tenure_state_name(enum tenure_state s) {
    static const char *const names[] = {"free", "standby", "hot", "hedging", "serving", "ended"};
    return names[s];
}

/* ---- outbox and traces ---- */

struct tenure_short_id tenure_short_id(const struct session_id *id) {
    struct tenure_short_id s;
    session_id_to_text(id, s.text);
    s.text[6] = 0; /* enough for a person to tell sessions apart */
    return s;
}

struct tenure_out *tenure_put(struct tenure_outbox *out, enum tenure_out_kind kind, uint32_t slot,
                              const struct session_id *id) {
    assert(out->count < TENURE_OUT_MAX);
    struct tenure_out *o = &out->items[out->count++];
    *o = (struct tenure_out){.kind = kind, .slot = slot, .session = *id, .until = INSTANT_NEVER};
    return o;
}

uint32_t tenure_ms_until(struct instant end, struct instant now) {
    int64_t us = instant_since(end, now).us;
    if (us <= 0)
        return 0;
    return us / 1000 > UINT32_MAX ? UINT32_MAX : (uint32_t)(us / 1000);
}

/* ---- states, credit, deadlines ---- */

static bool takes_credit(enum tenure_state s) {
    return s == TENURE_STANDBY || s == TENURE_HOT || s == TENURE_HEDGING || s == TENURE_SERVING;
}

static bool is_legal(enum tenure_state from, enum tenure_state to) {
    switch (from) {
    case TENURE_FREE:
    case TENURE_ENDED:
        return takes_credit(to);
    case TENURE_STANDBY:
    case TENURE_HOT:
    case TENURE_HEDGING:
    case TENURE_SERVING:
        return to != TENURE_FREE && to != from;
    }
    return false;
}

static bool stands_by(enum tenure_state s) {
    return s == TENURE_STANDBY || s == TENURE_HOT;
}

/* By class, and by who serves them. */
static void count_standing(struct tenure *t, struct tenure_session *s, bool stands) {
    t->standing[s->priority] += stands ? 1 : UINT32_MAX;
    if (stands)
        s->owner = owners_row(&t->owners, &s->served_by);
    owners_count(&t->owners, s->owner, s->priority, stands ? 1 : -1);
    if (!stands)
        s->owner = OWNERS_NONE;
}

void tenure_owned_by(struct tenure *t, uint32_t slot, const struct key_hint *server) {
    struct tenure_session *s = &t->sessions[slot];
    bool counted = stands_by(s->state) && !key_hint_equal(&s->served_by, server);
    if (counted)
        count_standing(t, s, false);
    s->served_by = *server;
    if (counted)
        count_standing(t, s, true);
}

static uint32_t larger(uint32_t a, uint32_t b) {
    return a > b ? a : b;
}

/* Its start is over, one way or another. */
static void start_ended(struct tenure *t, struct tenure_session *s, enum window_end end,
                        struct instant admitted, struct instant now) {
    if (s->window != WINDOW_NONE)
        windows_ended(&t->windows, s->window, end, admitted, now);
    s->window = WINDOW_NONE;
}

/* The only place where a state changes, but for a tombstone that is forgotten. */
void tenure_set_state(struct tenure *t, uint32_t slot, enum tenure_state to, struct instant now,
                      struct tenure_outbox *out) {
    struct tenure_session *s = &t->sessions[slot];
    enum tenure_state from = s->state;
    assert(is_legal(from, to));
    t->counts[from]--;
    t->counts[to]++;
    if (stands_by(to) != stands_by(from))
        count_standing(t, s, stands_by(to));
    t->hedging[s->priority] += (to == TENURE_HEDGING) - (from == TENURE_HEDGING);
    t->credit_used = t->credit_used - takes_credit(from) + takes_credit(to);
    t->credit_ceiling = larger(t->credit_slots, t->credit_used);
    if (t->guests != NULL) {
        guests_hot(t->guests, s->guest, (to == TENURE_HOT) - (from == TENURE_HOT));
        guests_count(t->guests, s->guest, takes_credit(to) - takes_credit(from));
    }
    if (to != TENURE_HEDGING && to != TENURE_SERVING)
        start_ended(t, s, WINDOW_GIVEN_UP, now, now);
    s->state = to;
    s->since = now;
    if (to != TENURE_HEDGING)
        s->hedge = INSTANT_NEVER;
    trace_linef(out->trace, now, "session %s: %s -> %s (epoch %u, credit %u of %u)",
                tenure_short_id(&s->id).text, tenure_state_name(from), tenure_state_name(to),
                s->epoch, t->credit_used, t->credit_slots);
}

void tenure_rearm(struct tenure *t, uint32_t slot) {
    const struct tenure_session *s = &t->sessions[slot];
    struct instant at = instant_min(s->lease, s->notice.again);
    if (s->state == TENURE_HEDGING)
        at = instant_min(s->hedge, s->notice.again);
    if (s->notice.number != 0 && s->notice.what == NOTICE_MOVE)
        at = instant_min(at, s->notice.deadline);
    due_set(&t->due, slot, at);
}

void tenure_rest(struct tenure *t, uint32_t slot) {
    struct tenure_session *s = &t->sessions[slot];
    assert((s->state == TENURE_SERVING || s->state == TENURE_STANDBY) && s->notice.number == 0);
    s->resting = true;
    due_set(&t->due, slot, INSTANT_NEVER);
}

void tenure_wake(struct tenure *t, uint32_t slot, uint64_t counter, uint64_t last_frame,
                 struct instant lease) {
    struct tenure_session *s = &t->sessions[slot];
    assert(s->resting && counter >= s->counter);
    s->resting = false;
    s->counter = counter;
    s->lease = lease;
    if (s->state == TENURE_SERVING)
        s->last_frame = last_frame;
    tenure_rearm(t, slot);
}

void tenure_clear_notice(struct tenure_session *s) {
    s->notice = (struct tenure_notice){.deadline = INSTANT_NEVER, .again = INSTANT_NEVER};
}

void tenure_stop_media(struct tenure_session *s, uint32_t slot, struct tenure_outbox *out) {
    s->sending = false;
    tenure_put(out, TENURE_MEDIA_STOP, slot, &s->id);
}

/* The session is over here; what stays is the fence. */
void tenure_end(struct tenure *t, uint32_t slot, enum err why, struct instant now,
                struct tenure_outbox *out) {
    struct tenure_session *s = &t->sessions[slot];
    tenure_put(out, TENURE_FORGET, slot, &s->id)->error = why;
    tenure_set_state(t, slot, TENURE_ENDED, now, out);
    s->standby = false;
    s->sending = false;
    s->lease = instant_add(now, duration_ms(TENURE_TOMB_MS));
    tenure_clear_notice(s);
}

static uint32_t notice_ms(const struct tenure_notice *n, struct instant now) {
    uint32_t ms = n->what == NOTICE_MOVE ? tenure_ms_until(n->deadline, now) : 0;
    return ms < MESSAGE_DEADLINE_MS_MAX ? ms : MESSAGE_DEADLINE_MS_MAX;
}

static void send_notice(struct tenure_session *s, uint32_t slot, struct instant now,
                        struct tenure_outbox *out) {
    struct tenure_notice *n = &s->notice;
    tenure_put(out, TENURE_NOTICE, slot, &s->id)->notice = (struct message_notice){
        .session = s->id,
        .number = n->number,
        .what = n->what,
        .error = n->error,
        .cause = n->cause,
        .target = n->target,
        .deadline_ms = notice_ms(n, now),
        .only = n->only,
        .end = n->end,
    };
    n->again = instant_add(now, n->every);
    n->every = duration_min(duration_scale(n->every, 2, 1), duration_ms(NOTICE_MS_MAX));
}

static struct tenure_notice *new_notice(struct tenure_session *s, enum notice_what what) {
    s->notice = (struct tenure_notice){
        .number = ++s->notice_number,
        .what = what,
        .end = FRAME_NEVER,
        .deadline = INSTANT_NEVER,
        .every = duration_ms(TENURE_NOTICE_MS),
    };
    return &s->notice;
}

/* Says that this is the end until a report has seen it, or for a while. */
static void announce_end(struct tenure *t, uint32_t slot, enum err why, uint64_t end,
                         struct instant now, struct tenure_outbox *out) {
    struct tenure_session *s = &t->sessions[slot];
    struct tenure_notice *n = new_notice(s, NOTICE_END);
    n->error = why;
    n->end = end;
    start_ended(t, s, WINDOW_GIVEN_UP, now, now);
    s->lease = instant_min(s->lease, instant_add(now, duration_ms(TENURE_END_AFTER_MS)));
    trace_linef(out->trace, now, "session %s: no more media (%s) -> telling the client",
                tenure_short_id(&s->id).text, err_name(why));
    send_notice(s, slot, now, out);
}

/* A repeated order finds a client that has seen the notice and is here all the same: nobody took it
 * then, or it had other things to do. It is asked anew. */
static void move_ordered(struct tenure *t, const struct tenure_event *e,
                         struct tenure_outbox *out) {
    uint32_t slot = tenure_find(t, &e->u.move.session);
    if (slot == TENURE_SLOT_NONE || t->sessions[slot].state != TENURE_SERVING)
        return; /* it has left already */
    struct tenure_session *s = &t->sessions[slot];
    struct tenure_notice *n = &s->notice;
    if (n->number != 0 && n->what == NOTICE_END)
        return;
    bool same = n->number != 0 && n->only == e->u.move.only &&
                key_hint_equal(&n->target, &e->u.move.target);
    bool anew = !same || instant_is_never(n->again);
    if (anew) {
        n = new_notice(s, NOTICE_MOVE);
        n->target = e->u.move.target;
        n->cause = e->u.move.cause;
        n->only = e->u.move.only;
    }
    n->deadline = instant_add(e->now, e->u.move.deadline);
    if (anew)
        send_notice(s, slot, e->now, out);
    tenure_rearm(t, slot);
}

static void source_stopped(struct tenure *t, const struct tenure_event *e,
                           struct tenure_outbox *out) {
    uint32_t slot = tenure_find(t, &e->u.source.session);
    if (slot == TENURE_SLOT_NONE)
        return;
    switch (t->sessions[slot].state) {
    case TENURE_HEDGING:
    case TENURE_SERVING:
        if (t->sessions[slot].notice.number == 0 || t->sessions[slot].notice.what != NOTICE_END)
            announce_end(t, slot, e->u.source.error, e->u.source.end, e->now, out);
        break;
    case TENURE_STANDBY:
    case TENURE_HOT: /* whoever serves tells the client */
        tenure_end(t, slot, e->u.source.error, e->now, out);
        break;
    case TENURE_FREE:
    case TENURE_ENDED:
        return;
    }
    tenure_rearm(t, slot);
}

/* ---- time ---- */

static void hedge_is_over(struct tenure *t, uint32_t slot, struct instant now,
                          struct tenure_outbox *out) {
    struct tenure_session *s = &t->sessions[slot];
    bool ended = s->notice.number != 0 && s->notice.what == NOTICE_END;
    start_ended(t, s, WINDOW_TOO_LATE, s->since, now); /* nothing of it was heard */
    if (!s->standby || ended || instant_reached(now, s->lease)) {
        tenure_end(t, slot, ended ? s->notice.error : ERR_TIMEOUT, now, out);
        return;
    }
    tenure_stop_media(s, slot, out);
    tenure_set_state(t, slot, TENURE_STANDBY, now, out);
}

static void lease_is_over(struct tenure *t, uint32_t slot, struct instant now,
                          struct tenure_outbox *out) {
    struct tenure_session *s = &t->sessions[slot];
    if (s->state == TENURE_ENDED) {
        tenure_table_remove(t, slot);
        return;
    }
    bool ended = s->notice.number != 0 && s->notice.what == NOTICE_END;
    tenure_end(t, slot, ended ? s->notice.error : ERR_TIMEOUT, now, out);
}

static void ticked(struct tenure *t, struct instant now, struct tenure_outbox *out) {
    uint32_t slot;
    if (!due_reached(&t->due, now, &slot))
        return;
    struct tenure_session *s = &t->sessions[slot];
    struct tenure_notice *n = &s->notice;
    if (s->state == TENURE_HEDGING && instant_reached(now, s->hedge))
        hedge_is_over(t, slot, now, out);
    else if (s->state != TENURE_HEDGING && instant_reached(now, s->lease))
        lease_is_over(t, slot, now, out);
    else if (n->number != 0 && n->what == NOTICE_MOVE && instant_reached(now, n->deadline))
        tenure_clear_notice(s); /* it was asked, and stays: nobody is cut off */
    else if (instant_reached(now, n->again))
        send_notice(s, slot, now, out);
    if (s->state != TENURE_FREE)
        tenure_rearm(t, slot);
}

/* An opening is never late: nobody was heard before. */
static void media_begun(struct tenure *t, uint32_t slot, struct instant asked, struct instant now) {
    static const struct key_hint nobody;
    bool opening = key_hint_equal(&t->sessions[slot].served_by, &nobody);
    bool late = !opening && duration_less(duration_ms(WINDOW_LATE), instant_since(now, asked));
    start_ended(t, &t->sessions[slot], late ? WINDOW_TOO_LATE : WINDOW_IN_TIME, asked, now);
}

static void credit_leased(struct tenure *t, uint32_t slots, struct instant until) {
    if (t->guests != NULL)
        guests_credit(t->guests, slots);
    t->credit_slots = slots;
    t->credit_until = until;
    t->credit_ceiling = larger(slots, t->credit_used);
}

/* Drain is reversible: who has not left yet may stay. */
static void drain_changed(struct tenure *t, bool draining, struct instant now,
                          struct tenure_outbox *out) {
    if (t->draining == draining)
        return;
    t->draining = draining;
    trace_linef(out->trace, now, draining ? "draining" : "no longer draining");
    for (uint32_t slot = 0; slot < t->capacity && !draining; slot++) {
        struct tenure_session *s = &t->sessions[slot];
        if (s->state != TENURE_SERVING || s->notice.number == 0 || s->notice.what != NOTICE_MOVE)
            continue;
        tenure_clear_notice(s);
        tenure_rearm(t, slot);
    }
}

void tenure_init(struct tenure *t, const struct tenure_config *config,
                 struct tenure_session *sessions, struct due_entry *due, uint32_t *index,
                 uint32_t capacity) {
    *t = (struct tenure){
        .config = *config,
        .sessions = sessions,
        .capacity = capacity,
        .index = index,
        .index_count = tenure_index_count(capacity),
        .credit_until = instant_us(INT64_MIN),
        .short_until = instant_us(INT64_MIN),
    };
    due_init(&t->due, due, capacity);
    windows_init(&t->windows, instant_us(0));
    tenure_table_init(t);
}

void tenure_step(struct tenure *t, const struct tenure_event *e, struct tenure_outbox *out) {
    out->count = 0;
    switch (e->kind) {
    case TENURE_RESUME_RECEIVED:
        tenure_resume_received(t, e, out);
        return;
    case TENURE_REPORT_RECEIVED:
        tenure_report_received(t, e->u.report, e->now, out);
        return;
    case TENURE_CREDIT_LEASED:
        credit_leased(t, e->u.credit.slots, e->u.credit.until);
        return;
    case TENURE_DRAIN_CHANGED:
        drain_changed(t, e->u.draining, e->now, out);
        return;
    case TENURE_MOVE_ORDERED:
        move_ordered(t, e, out);
        return;
    case TENURE_SOURCE_STOPPED:
        source_stopped(t, e, out);
        return;
    case TENURE_MEDIA_BEGUN:
        media_begun(t, e->u.begun.slot, e->u.begun.asked, e->now);
        return;
    case TENURE_FELL_BEHIND:
        windows_behind(&t->windows, e->now);
        return;
    case TENURE_TICKED:
        ticked(t, e->now, out);
        return;
    }
}

struct instant tenure_deadline(const struct tenure *t) {
    return due_first(&t->due);
}

const struct tenure_session *tenure_session_at(const struct tenure *t, uint32_t slot) {
    assert(slot < t->capacity);
    return takes_credit(t->sessions[slot].state) ? &t->sessions[slot] : NULL;
}

enum resume_purpose tenure_purpose(const struct tenure_session *s) {
    switch (s->state) {
    case TENURE_STANDBY:
    case TENURE_HOT:
        return RESUME_STANDBY;
    case TENURE_HEDGING:
        return RESUME_HEDGE;
    case TENURE_FREE:
    case TENURE_ENDED:
    case TENURE_SERVING:
        break;
    }
    return RESUME_COMMIT;
}

uint32_t tenure_lease_ms(const struct tenure_session *s, struct instant now, uint32_t ms_max) {
    uint32_t ms = tenure_ms_until(s->state == TENURE_HEDGING ? s->hedge : s->lease, now);
    return ms < ms_max ? ms : ms_max;
}

static void check_guests(const struct tenure *t) {
    uint32_t here[GUESTS_MAX] = {0}, hot[GUESTS_MAX] = {0};
    for (uint32_t i = 0; i < t->capacity; i++)
        if (takes_credit(t->sessions[i].state) && t->sessions[i].guest != GUESTS_NONE)
            here[t->sessions[i].guest]++;
    for (uint32_t i = 0; i < t->capacity; i++)
        if (t->sessions[i].state == TENURE_HOT && t->sessions[i].guest != GUESTS_NONE)
            hot[t->sessions[i].guest]++;
    for (uint32_t i = 0; i < GUESTS_MAX; i++)
        assert(here[i] == t->guests->rows[i].here && hot[i] == t->guests->rows[i].hot);
    assert(t->guests->used == t->credit_used && t->guests->credit == t->credit_slots);
}

static void check_standing(const struct tenure *t) {
    uint32_t standing[TENURE_PRIORITIES] = {0}, hedging[TENURE_PRIORITIES] = {0};
    for (uint32_t i = 0; i < t->capacity; i++) {
        const struct tenure_session *s = &t->sessions[i];
        standing[s->priority] += s->state == TENURE_STANDBY || s->state == TENURE_HOT;
        hedging[s->priority] += s->state == TENURE_HEDGING;
    }
    for (uint32_t class = 0; class < TENURE_PRIORITIES; class ++)
        assert(standing[class] == t->standing[class] && hedging[class] == t->hedging[class]);
}

static void check_owners(const struct tenure *t) {
    uint32_t standing[OWNERS_MAX][OWNERS_CLASSES] = {{0}};
    for (uint32_t i = 0; i < t->capacity; i++) {
        const struct tenure_session *s = &t->sessions[i];
        if (!stands_by(s->state) || s->owner == OWNERS_NONE)
            continue;
        standing[s->owner][s->priority]++;
        assert(key_hint_equal(&t->owners.rows[s->owner].cluster, &s->served_by));
    }
    for (uint32_t i = 0; i < OWNERS_MAX; i++)
        for (uint32_t class = 0; class < OWNERS_CLASSES; class ++)
            assert(standing[i][class] == t->owners.rows[i].standing[class]);
}

static void check_windows(const struct tenure *t) {
    uint32_t under_way[WINDOWS_MAX] = {0};
    for (uint32_t i = 0; i < t->capacity; i++) {
        const struct tenure_session *s = &t->sessions[i];
        if (s->state == TENURE_FREE || s->window == WINDOW_NONE)
            continue;
        assert(s->sending);
        under_way[s->window]++;
    }
    for (uint32_t i = 0; i < WINDOWS_MAX; i++)
        assert(under_way[i] == t->windows.rows[i].under_way);
    windows_check_invariants(&t->windows);
}

void tenure_check_invariants(const struct tenure *t) {
    due_check_invariants(&t->due);
    tenure_table_check_invariants(t);
    uint32_t used = 0;
    for (uint32_t i = 0; i < t->capacity; i++) {
        const struct tenure_session *s = &t->sessions[i];
        used += takes_credit(s->state);
        assert((s->state == TENURE_HEDGING) == !instant_is_never(s->hedge) ||
               s->state == TENURE_FREE);
        assert(s->state != TENURE_STANDBY || (s->standby && !s->sending));
        assert(s->state != TENURE_HOT || (s->standby && s->sending));
        assert(s->state != TENURE_HEDGING || s->sending);
        assert(s->state != TENURE_SERVING || !s->standby);
        assert(!s->released || s->state == TENURE_ENDED);
        assert(s->notice.number == 0 || s->notice.what != NOTICE_MOVE ||
               s->state == TENURE_SERVING);
        assert(s->state == TENURE_FREE || s->resting == instant_is_never(due_at(&t->due, i)));
    }
    assert(used == t->credit_used);
    assert(t->credit_used <= t->credit_ceiling);
    check_standing(t);
    check_owners(t);
    check_windows(t);
    if (t->guests != NULL)
        check_guests(t);
}
