/*
 * Who comes first when slots are few:
 *
 *  1. Who is served, hedged or standing by here keeps the slot that it has, and a standby spends it
 *     when it is needed. Nobody who is served ever gives way.
 *  2. What is kept for a peer (guests.h) is that peer's alone: its first so many find a slot here
 *     whatever else is full, and everybody else, ourselves included, finds what is kept for nobody.
 *  3. A newcomer of a more urgent class (`services[].priority`, 0 first) takes the slot of a
 *     standby of a less urgent one: of the least urgent that there are, whoever came last. What was
 *     agreed with a peer, or kept for it, is not given to a third: such a standby gives way to that
 *     peer's sessions only. Where no such standby is left, whom somebody misses takes the slot of a
 *     hedge of a less urgent class that has not committed yet, by the same rules. Of a herd most
 *     ask within a tenth of a second, and commit a tenth later; so its classes are served in their
 *     order, though not its sessions. Who loses its hedge is told so at once, as if it had come
 *     after the one that took its slot, and asks elsewhere.
 *  4. In one class whom somebody misses (a hedge, a commit of who was served before) before who is
 *     served elsewhere (a standby) and whom nobody has served yet (an opening): until one of the
 *     former, who has found no slot, may have come again, the latter are refused, and what becomes
 *     free meanwhile is for those who come again. For whom a slot is kept does not wait.
 *  5. First come, first served, but for one thing: whom somebody misses takes the slot of a standby
 *     of his own class whose owner lives, where nobody of a less urgent class gives way: a promise
 *     keeps nobody who is heard no more from a slot. Whom such a standby's client names as its
 *     server (owners.h) is taken to live if it is another cluster than the one that is missed; who
 *     is of that one has his turn now, too.
 *
 * Who loses a standby counts on another backup, or finds a slot again when the herd has gone; if
 * his site died in that moment he would come as one of a herd does. Slots that are kept free for
 * the missed were rejected: they would be idle on all days on which nobody dies. So was a queue of
 * those who were refused: a listener asks several clusters, and knows best what it still wants.
 */
#include "transcoder/timeline/tenure_inner.h"

#include <assert.h>

#define SHORT_MS 200 /* [ms] over the wait that who was refused was told: he has come by then */

static bool has_credit(const struct tenure *t, struct instant now) {
    return instant_before(now, t->credit_until) && t->credit_used < t->credit_slots;
}

uint32_t tenure_free(const struct tenure *t, struct instant now) {
    if (t->draining || !has_credit(t, now))
        return 0;
    return t->guests != NULL ? guests_free(t->guests) : t->credit_slots - t->credit_used;
}

/* A slot for one more of that peer; `after_one`: if a standby gave way. */
static bool finds(const struct tenure *t, uint8_t guest, bool after_one) {
    return t->guests != NULL ? guests_slot(t->guests, guest, after_one)
                             : t->credit_used < t->credit_slots + after_one;
}

static uint8_t guest_of(const struct tenure *t, const struct name *issuer) {
    return t->guests != NULL && issuer != NULL ? guests_find(t->guests, issuer) : GUESTS_NONE;
}

bool tenure_slot_for(const struct tenure *t, const struct name *issuer, struct instant now) {
    return !t->draining && instant_before(now, t->credit_until) &&
           finds(t, guest_of(t, issuer), false);
}

/* Who was here before is no newcomer. */
static enum err guest_admits(const struct tenure *t, uint8_t guest, const struct tenure_event *e) {
    return t->guests == NULL || e->adopted ? ERR_OK : guests_admit(t->guests, guest, e->service);
}

/* It was heard until lately, or will not be in a moment. */
static bool is_missed(const struct message_resume *m) {
    static const struct key_hint nobody;
    return m->purpose == RESUME_HEDGE ||
           (m->purpose == RESUME_COMMIT && !key_hint_equal(&m->served_by, &nobody));
}

/* Who asks to be sent to, and was not here before, begins: so many at once of each cluster. */
bool tenure_may_start(struct tenure *t, uint8_t guest, const struct tenure_event *e) {
    const struct message_resume *m = e->u.resume;
    if (e->adopted || (m->purpose != RESUME_HEDGE && m->purpose != RESUME_COMMIT))
        return true;
    bool first = !is_missed(m);
    uint32_t bound = t->guests != NULL ? guests_slots(t->guests, guest) : UINT32_MAX;
    uint32_t slots_max = bound < t->credit_slots ? bound : t->credit_slots;
    uint8_t row = windows_row(&t->windows, e->issuer, e->now);
    return windows_admit(&t->windows, row, slots_max, first, e->now);
}

/* ---- who gives way ---- */

static bool stands_by(enum tenure_state s) {
    return s == TENURE_STANDBY || s == TENURE_HOT;
}

/* Of a less urgent class, for one that is missed hedges, too; or of its own with another owner. */
static bool any_gives_way(const struct tenure *t, uint8_t priority,
                          const struct message_resume *m) {
    bool missed = is_missed(m);
    for (uint32_t class = priority + 1U; class < TENURE_PRIORITIES; class ++)
        if (t->standing[class] > 0 || (missed && t->hedging[class] > 0))
            return true;
    return missed && owners_others(&t->owners, priority, &m->served_by);
}

static bool may_give_way(const struct tenure *t, const struct tenure_session *s, uint8_t priority,
                         const struct message_resume *m) {
    bool missed = is_missed(m);
    if (s->priority > priority)
        return stands_by(s->state) || (missed && s->state == TENURE_HEDGING);
    return missed && s->priority == priority && stands_by(s->state) && s->owner != OWNERS_NONE &&
           !key_hint_equal(&t->owners.rows[s->owner].cluster, &m->served_by);
}

/* The less urgent than the newcomer first, of these whom nobody hears, then the least urgent, then
 * whoever came last. */
static bool gives_way_before(const struct tenure_session *a, const struct tenure_session *b,
                             uint8_t priority) {
    if ((a->priority > priority) != (b->priority > priority))
        return a->priority > priority;
    if (stands_by(a->state) != stands_by(b->state))
        return stands_by(a->state);
    if (a->priority != b->priority)
        return a->priority > b->priority;
    return instant_before(b->since, a->since);
}

static bool is_promised(const struct tenure *t, const struct tenure_session *s) {
    return t->guests != NULL && guests_own(t->guests, s->guest);
}

/* A standby, or for one that is missed a hedge, that gives way to one of that peer; `of_peer`: only
 * one of that peer's helps. TENURE_SLOT_NONE: none does. */
static uint32_t who_gives_way(const struct tenure *t, const struct tenure_event *e, uint8_t guest,
                              bool of_peer) {
    uint32_t best = TENURE_SLOT_NONE;
    if (!any_gives_way(t, e->priority, e->u.resume))
        return TENURE_SLOT_NONE;
    for (uint32_t slot = 0; slot < t->capacity; slot++) {
        const struct tenure_session *s = &t->sessions[slot];
        if (!may_give_way(t, s, e->priority, e->u.resume) ||
            (s->guest != guest && (of_peer || is_promised(t, s))))
            continue;
        if (best == TENURE_SLOT_NONE || gives_way_before(s, &t->sessions[best], e->priority))
            best = slot;
    }
    return best;
}

static void give_way(struct tenure *t, uint32_t slot, struct instant now,
                     struct tenure_outbox *out) {
    const struct tenure_session *s = &t->sessions[slot];
    const struct message_resume hedge = {
        .session = s->id, .purpose = RESUME_HEDGE, .epoch = s->epoch, .counter = s->counter};
    trace_linef(out->trace, now, "session %s: gives way to a more urgent one",
                tenure_short_id(&s->id).text);
    t->displaced++;
    if (s->state == TENURE_HEDGING) { /* a standby is told when it asks to be renewed */
        tenure_refuse(t, &hedge, ERR_NO_CREDIT, now, out);
        out->items[out->count - 1].unasked = true;
    }
    tenure_end(t, slot, ERR_NO_CREDIT, now, out);
    tenure_rearm(t, slot);
}

/* ---- who is refused ---- */

/* Whom nobody misses comes after those who were missed and found no slot. */
static bool waits_for_others(const struct tenure *t, uint8_t guest, const struct tenure_event *e) {
    bool kept = t->guests != NULL && guests_keep(t->guests, guest);
    return !e->adopted && !kept && !is_missed(e->u.resume) && e->priority >= t->short_class &&
           instant_before(e->now, t->short_until);
}

static void note_shortage(struct tenure *t, const struct tenure_event *e, uint32_t retry_ms) {
    if (!is_missed(e->u.resume))
        return;
    bool over = !instant_before(e->now, t->short_until);
    if (over || e->priority < t->short_class)
        t->short_class = e->priority;
    struct instant back = instant_add(e->now, duration_ms((int64_t)retry_ms + SHORT_MS));
    t->short_until = instant_max(t->short_until, back);
}

bool tenure_has_room(const struct tenure *t, const struct message_resume *m,
                     const struct name *issuer, const struct name *service, uint8_t priority,
                     struct instant now) {
    bool bounded = t->guests != NULL && !guests_room(t->guests, issuer, service);
    if (!instant_before(now, t->credit_until))
        return false;
    if (bounded)
        return any_gives_way(t, priority, m) && !guests_deny(t->guests, issuer, service);
    return finds(t, guest_of(t, issuer), false) || any_gives_way(t, priority, m);
}

bool tenure_turns_away(struct tenure *t, const struct message_resume *m, const struct name *issuer,
                       struct instant now) {
    bool asks = m->purpose != RESUME_CANCEL && m->purpose != RESUME_RELEASE;
    uint32_t slot = tenure_find(t, &m->session);
    bool here = slot != TENURE_SLOT_NONE && t->sessions[slot].state != TENURE_ENDED;
    uint8_t first = t->guests != NULL ? guests_first(t->guests) : 0;
    if (here || !asks || !instant_before(now, t->credit_until) || !rush_is_crowd(&t->rush, now) ||
        finds(t, guest_of(t, issuer), false) || any_gives_way(t, first, m))
        return false;
    rush_refused(&t->rush, now);
    t->refused++;
    return true;
}

/* Who was here before its worker was replaced goes on, also one of more than the worker's part. */
static bool stays(const struct tenure *t) {
    return t->credit_used < t->credit_slots || (t->guests != NULL && guests_keep_any(t->guests));
}

/* A slot for one more, whoever has to give way for it; `way` is that one. */
static bool finds_slot(const struct tenure *t, const struct tenure_event *e, uint8_t guest,
                       uint32_t *way) {
    *way = TENURE_SLOT_NONE;
    if (!instant_before(e->now, t->credit_until))
        return false;
    bool bounded = t->guests != NULL && e->issuer != NULL && !e->adopted &&
                   !guests_deny(t->guests, e->issuer, e->service) &&
                   !guests_room(t->guests, e->issuer, e->service);
    bool full = e->adopted ? !stays(t) : !finds(t, guest, false);
    if (bounded || (full && (e->adopted || finds(t, guest, true))))
        *way = who_gives_way(t, e, guest, bounded);
    return !full || *way != TENURE_SLOT_NONE;
}

uint32_t tenure_gives_way(const struct tenure *t, const struct tenure_event *e) {
    const struct message_resume *m = e->u.resume;
    uint32_t slot = tenure_find(t, &m->session), way = TENURE_SLOT_NONE;
    bool here = slot != TENURE_SLOT_NONE && t->sessions[slot].state != TENURE_ENDED;
    bool known = t->guests != NULL && e->issuer != NULL;
    if (!here)
        finds_slot(t, e, known ? guests_find(t->guests, e->issuer) : GUESTS_NONE, &way);
    return way;
}

/* It is granted: whoever stands in its way goes. */
static enum err take_slot(struct tenure *t, uint32_t *slot, uint32_t way, uint8_t guest,
                          const struct tenure_event *e, struct tenure_outbox *out) {
    if (way != TENURE_SLOT_NONE)
        give_way(t, way, e->now, out);
    enum err error = guest_admits(t, guest, e);
    if (error == ERR_OK && !e->unready && *slot == TENURE_SLOT_NONE)
        *slot = tenure_table_add(t, &e->u.resume->session);
    if (error != ERR_OK || (!e->unready && *slot != TENURE_SLOT_NONE))
        return error;
    if (t->guests != NULL)
        guests_forgo(t->guests, guest);
    return e->unready ? ERR_NO_CREDIT : ERR_FULL;
}

/* Makes room for a session that is not here, or of which only a tombstone is. The slot, with the
 * state still to be set, or TENURE_SLOT_NONE after a refusal. */
uint32_t tenure_admit(struct tenure *t, uint32_t slot, const struct tenure_event *e,
                      struct tenure_outbox *out) {
    const struct message_resume *m = e->u.resume;
    struct instant now = e->now;
    enum err error = ERR_OK;
    bool fresh = slot == TENURE_SLOT_NONE;
    uint32_t way;
    bool counted = t->guests != NULL && e->issuer != NULL;
    uint8_t guest = counted ? guests_row(t->guests, e->issuer) : GUESTS_NONE;
    bool hedges =
        fresh ? t->config.hedges_per_minute > 0 : budget_left(&t->sessions[slot].hedges, now) > 0;
    if (m->purpose == RESUME_HEDGE && !hedges)
        error = ERR_BUDGET;
    else if (t->draining && m->purpose != RESUME_HEDGE) /* a hedge is over before the drain is */
        error = ERR_DRAINING;
    else if (!finds_slot(t, e, guest, &way) || waits_for_others(t, guest, e))
        error = ERR_NO_CREDIT;
    else if (!tenure_may_start(t, guest, e))
        error = ERR_BUSY;
    else
        error = take_slot(t, &slot, way, guest, e, out);
    if (error != ERR_OK) {
        tenure_refuse(t, m, error, now, out);
        if (error == ERR_NO_CREDIT && !finds(t, GUESTS_NONE, false)) /* else a peer alone is */
            note_shortage(t, e, out->items[out->count - 1].retry_after_ms);
        return TENURE_SLOT_NONE;
    }
    struct tenure_session *s = &t->sessions[slot];
    if (fresh) { /* a tombstone's budget and numbers go on, or ending would be a way around them */
        s->notice_number = t->config.notices_from;
        budget_init(&s->hedges, t->config.hedges_per_minute, now);
    }
    s->guest = guest;
    s->window = WINDOW_NONE;
    s->priority = e->priority;
    s->owner = OWNERS_NONE;
    s->served_by = m->served_by;
    s->epoch = m->epoch;
    s->counter = m->counter;
    s->released = false;
    s->sending = false;
    s->standby = false;
    s->hedge = INSTANT_NEVER;
    s->lease = INSTANT_NEVER;
    s->last_frame = 0;
    tenure_clear_notice(s);
    tenure_put(out, TENURE_PREPARE, slot, &s->id);
    return slot;
}
