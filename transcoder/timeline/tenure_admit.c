#include "transcoder/timeline/tenure_inner.h"

#include <assert.h>

static bool has_credit(const struct tenure *t, struct instant now) {
    return instant_before(now, t->credit_until) && t->credit_used < t->credit_slots;
}

uint32_t tenure_free(const struct tenure *t, struct instant now) {
    return !t->draining && has_credit(t, now) ? t->credit_slots - t->credit_used : 0;
}

/* Who was here before is no newcomer. */
static enum err guest_admits(const struct tenure *t, uint8_t guest, const struct tenure_event *e) {
    return t->guests == NULL || e->adopted ? ERR_OK : guests_admit(t->guests, guest, e->service);
}

/* Who asks to be sent to, and was not here before, begins: so many at once of each cluster. */
bool tenure_may_start(struct tenure *t, uint8_t guest, const struct tenure_event *e) {
    static const struct key_hint nobody;
    const struct message_resume *m = e->u.resume;
    if (e->adopted || (m->purpose != RESUME_HEDGE && m->purpose != RESUME_COMMIT))
        return true;
    bool first = m->purpose == RESUME_COMMIT && key_hint_equal(&m->served_by, &nobody);
    uint32_t bound = t->guests != NULL ? guests_slots(t->guests, guest) : UINT32_MAX;
    uint32_t slots_max = bound < t->credit_slots ? bound : t->credit_slots;
    uint8_t row = windows_row(&t->windows, e->issuer, e->now);
    return windows_admit(&t->windows, row, slots_max, first, e->now);
}

/* Makes room for a session that is not here, or of which only a tombstone is. The slot, with the
 * state still to be set, or TENURE_SLOT_NONE after a refusal. */
uint32_t tenure_admit(struct tenure *t, uint32_t slot, const struct tenure_event *e,
                      struct tenure_outbox *out) {
    const struct message_resume *m = e->u.resume;
    struct instant now = e->now;
    enum err error = ERR_OK;
    bool fresh = slot == TENURE_SLOT_NONE;
    bool counted = t->guests != NULL && e->issuer != NULL;
    uint8_t guest = counted ? guests_row(t->guests, e->issuer) : GUESTS_NONE;
    bool hedges =
        fresh ? t->config.hedges_per_minute > 0 : budget_left(&t->sessions[slot].hedges, now) > 0;
    if (m->purpose == RESUME_HEDGE && !hedges)
        error = ERR_BUDGET;
    else if (t->draining && m->purpose != RESUME_HEDGE) /* a hedge is over before the drain is */
        error = ERR_DRAINING;
    else if (!has_credit(t, now))
        error = ERR_NO_CREDIT;
    else if (!tenure_may_start(t, guest, e))
        error = ERR_BUSY;
    else if ((error = guest_admits(t, guest, e)) == ERR_OK && fresh &&
             (slot = tenure_table_add(t, &m->session)) == TENURE_SLOT_NONE) {
        error = ERR_FULL;
        if (t->guests != NULL)
            guests_forgo(t->guests, guest);
    }
    if (error != ERR_OK) {
        tenure_refuse(t, m, error, now, out);
        return TENURE_SLOT_NONE;
    }
    struct tenure_session *s = &t->sessions[slot];
    if (fresh) { /* a tombstone's budget and numbers go on, or ending would be a way around them */
        s->notice_number = t->config.notices_from;
        budget_init(&s->hedges, t->config.hedges_per_minute, now);
    }
    s->guest = guest;
    s->window = WINDOW_NONE;
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
