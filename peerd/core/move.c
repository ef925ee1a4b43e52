#include "peerd/core/move.h"

#include <assert.h>

void move_init(struct move *m, const struct session_id *session, enum move_cause cause, bool out,
               struct instant now) {
    *m = (struct move){.state = MOVE_STATE_IDLE,
                       .out = out,
                       .cause = cause,
                       .session = *session,
                       .begun = now,
                       .ordered = INSTANT_NEVER,
                       .overlaps = INSTANT_NEVER,
                       .switched = INSTANT_NEVER,
                       .released = INSTANT_NEVER,
                       .called_off = INSTANT_NEVER};
}

/* A row a state: to which others it may go. The diagram in the header, as bits. */
#define TO(state) (1u << MOVE_STATE_##state)

static bool is_legal(enum move_state from, enum move_state to) {
    static const unsigned reachable[] = {
        [MOVE_STATE_IDLE] = TO(PREPARE) | TO(OVERLAP) | TO(SWITCH),
        [MOVE_STATE_PREPARE] = TO(OVERLAP) | TO(SWITCH) | TO(CANCELLED),
        [MOVE_STATE_OVERLAP] = TO(SWITCH) | TO(CANCELLED),
        [MOVE_STATE_SWITCH] = TO(RELEASE),
        [MOVE_STATE_RELEASE] = TO(OVER),
        [MOVE_STATE_OVER] = 0,
        [MOVE_STATE_CANCELLED] = 0,
    };
    return (reachable[from] & 1u << to) != 0;
}

static const char *name_text(const struct name *n) {
    return name_is_empty(n) ? "?" : n->text;
}

static void trace_entry(const struct move *m, struct instant now, struct trace *trace,
                        const struct name *self) {
    char id[SESSION_ID_TEXT_LEN + 1];
    session_id_to_text(&m->session, id);
    trace_linef(trace, now, "%s move %s %s (%s: %s -> %s)", self->text, id,
                move_state_name(m->state), move_cause_name(m->cause), name_text(&m->from),
                name_text(&m->to));
}

/* The one place where a move changes its state. */
static void move_set_state(struct move *m, enum move_state to, struct instant now,
                           struct trace *trace, const struct name *self) {
    assert(is_legal(m->state, to));
    enum move_state before = m->state;
    m->state = to;
    switch (to) {
    case MOVE_STATE_IDLE:
    case MOVE_STATE_PREPARE:
        break;
    case MOVE_STATE_CANCELLED:
        m->was = before;
        m->called_off = now;
        break;
    case MOVE_STATE_OVERLAP:
        m->overlaps = now;
        break;
    case MOVE_STATE_SWITCH:
        m->switched = now;
        break;
    case MOVE_STATE_RELEASE:
        m->released = now;
        break;
    case MOVE_STATE_OVER:
        return; /* the release has been traced */
    }
    trace_entry(m, now, trace, self);
}

static void order_counted(struct move *m, struct instant now) {
    m->orders++;
    m->ordered = now;
}

/* The last three steps are one fact for the side that is left, or arrived at: it cannot see when
 * the other let go. */
static void conclude(struct move *m, struct instant now, struct trace *trace,
                     const struct name *self) {
    move_set_state(m, MOVE_STATE_SWITCH, now, trace, self);
    move_set_state(m, MOVE_STATE_RELEASE, now, m->out ? trace : NULL, self);
    move_set_state(m, MOVE_STATE_OVER, now, trace, self);
}

static bool step_idle(struct move *m, enum move_event event, struct instant now,
                      struct trace *trace, const struct name *self) {
    switch (event) {
    case MOVE_EVENT_ORDERED:
        if (!m->out)
            return false;
        order_counted(m, now);
        move_set_state(m, MOVE_STATE_PREPARE, now, trace, self);
        return true;
    case MOVE_EVENT_HEDGING:
        if (m->out)
            return false;
        move_set_state(m, MOVE_STATE_OVERLAP, now, trace, self);
        return true;
    case MOVE_EVENT_COMMITTED:
        if (m->out)
            return false;
        conclude(m, now, trace, self);
        return true;
    case MOVE_EVENT_ENDED: /* unasked, and its new server says so */
        if (!m->out)
            return false;
        conclude(m, now, trace, self);
        return true;
    case MOVE_EVENT_TAKEN_ON:
    case MOVE_EVENT_CALLED_OFF:
        return false;
    }
    return false;
}

static bool step_prepare(struct move *m, enum move_event event, struct instant now,
                         struct trace *trace, const struct name *self) {
    switch (event) {
    case MOVE_EVENT_ORDERED:
        order_counted(m, now);
        return true;
    case MOVE_EVENT_TAKEN_ON:
        move_set_state(m, MOVE_STATE_OVERLAP, now, trace, self);
        return true;
    case MOVE_EVENT_ENDED:
        conclude(m, now, trace, self);
        return true;
    case MOVE_EVENT_CALLED_OFF:
        move_set_state(m, MOVE_STATE_CANCELLED, now, trace, self);
        return true;
    case MOVE_EVENT_HEDGING:
    case MOVE_EVENT_COMMITTED:
        return false;
    }
    return false;
}

static bool step_overlap(struct move *m, enum move_event event, struct instant now,
                         struct trace *trace, const struct name *self) {
    switch (event) {
    case MOVE_EVENT_ORDERED: /* again: the worker that had taken it on may be gone */
        if (!m->out)
            return false;
        order_counted(m, now);
        return true;
    case MOVE_EVENT_ENDED:
        if (!m->out)
            return false;
        conclude(m, now, trace, self);
        return true;
    case MOVE_EVENT_COMMITTED:
        if (m->out)
            return false;
        conclude(m, now, trace, self);
        return true;
    case MOVE_EVENT_CALLED_OFF:
        move_set_state(m, MOVE_STATE_CANCELLED, now, trace, self);
        return true;
    case MOVE_EVENT_TAKEN_ON:
    case MOVE_EVENT_HEDGING:
        return false;
    }
    return false;
}

bool move_step(struct move *m, enum move_event event, struct instant now, struct trace *trace,
               const struct name *self) {
    switch (m->state) {
    case MOVE_STATE_IDLE:
        return step_idle(m, event, now, trace, self);
    case MOVE_STATE_PREPARE:
        return step_prepare(m, event, now, trace, self);
    case MOVE_STATE_OVERLAP:
        return step_overlap(m, event, now, trace, self);
    case MOVE_STATE_SWITCH: /* passed through within one step */
    case MOVE_STATE_RELEASE:
    case MOVE_STATE_OVER:
    case MOVE_STATE_CANCELLED:
        return false;
    }
    return false;
}

struct instant move_deadline(const struct move *m) {
    if (!m->out || m->state != MOVE_STATE_OVERLAP)
        return INSTANT_NEVER;
    return instant_add(m->ordered, MOVE_REPEAT_AFTER);
}

bool move_is_over(const struct move *m) {
    return m->state == MOVE_STATE_OVER || m->state == MOVE_STATE_CANCELLED;
}

const char *move_state_name(enum move_state s) {
    static const char *const names[] = {"idle",    "prepare", "overlap",  "switch",
                                        "release", "over",    "cancelled"};
    return (unsigned)s < sizeof(names) / sizeof(names[0]) ? names[s] : "?";
}

void move_check_invariants(const struct move *m) {
    assert(m->cause != MOVE_CAUSE_NONE || !m->out);
    assert((m->orders > 0) == !instant_is_never(m->ordered));
    assert(m->out || m->orders == 0);
    assert(m->state != MOVE_STATE_OVER || !instant_is_never(m->released));
    assert((m->state == MOVE_STATE_CANCELLED) == !instant_is_never(m->called_off));
    assert(m->state == MOVE_STATE_CANCELLED || m->was == MOVE_STATE_IDLE);
    assert(m->state != MOVE_STATE_CANCELLED || instant_is_never(m->switched));
    assert(instant_is_never(m->switched) || !instant_before(m->switched, m->begun));
    assert(instant_is_never(m->overlaps) || !instant_before(m->switched, m->overlaps));
}
