#include "peerd/core/drain.h"

#include "peerd/core/state.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

void drain_init(struct drain *d) {
    *d = (struct drain){.deadline = INSTANT_NEVER, .next_at = INSTANT_NEVER};
    list_init(&d->waiting);
}

static struct session *element(struct link *l) {
    return l == NULL ? NULL : LIST_ELEMENT(l, struct session, queued);
}

/* A line of the trace, and the same with that word in the journal. */
__attribute__((format(printf, 3, 4))) static void tell(struct core *core, const char *what,
                                                       const char *format, ...) {
    char text[TRACE_LINE_LEN_MAX + 1];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    core_trace(core, "%s", text);
    journal_enter(
        core->journal,
        &(struct journal_entry){
            .at = core->now, .kind = JOURNAL_DRAIN, .what = what, .about = core->drain.to},
        text);
}

static uint32_t left(const struct core *core) {
    return core->sessions.by_state[SESSION_STATE_COMMITTED];
}

/* ---- begin and end --------------------------------------------------------------------------- */

static void gather(struct core *core) {
    for (uint32_t i = 0; i < core->node_count; i++) {
        struct node *n = core->nodes[i];
        for (struct link *l = list_first(&n->sessions); l != NULL;
             l = list_after(&n->sessions, l)) {
            struct session *s = LIST_ELEMENT(l, struct session, at_node);
            if (s->state == SESSION_STATE_COMMITTED && s->queue == NULL)
                session_queue(s, &core->drain.waiting);
        }
    }
}

/* Told of twice, the second time changes deadline and target. */
void drain_begin(struct core *core, const struct core_event *event) {
    struct drain *d = &core->drain;
    struct duration deadline = event->u.drain.deadline;
    if (deadline.us <= 0)
        deadline = core->policy.limits.drain_deadline;
    if (!d->active) {
        d->since = core->now;
        d->next_at = core->now;
        d->drained = false;
        progress_begin(&d->progress, left(core), core->now);
    }
    d->active = true;
    d->overdue = d->stuck = false;
    d->deadline = instant_add(core->now, deadline);
    d->to = event->u.drain.to;
    canary_stop_all(core);
    leaving_take_over(core);
    gather(core);
    tell(core, "begun",
         "draining: %" PRIu32 " sessions, %" PRIu32 " a second, within %" PRId64 " s", left(core),
         core->policy.limits.drain_per_s, duration_in_ms(deadline) / 1000);
    for (uint32_t i = 0; i < core->peer_count; i++)
        peering_beat_soon(core, core->peers[i]);
}

void drain_end(struct core *core) {
    struct drain *d = &core->drain;
    struct session *s;
    if (!d->active)
        return;
    d->active = d->drained = false;
    d->deadline = d->next_at = INSTANT_NEVER;
    while ((s = element(list_first(&d->waiting))) != NULL)
        session_queue(s, NULL);
    leaving_call_off_all(core);
    tell(core, "undrained", "undrained: %" PRIu32 " sessions stay", left(core));
    for (uint32_t i = 0; i < core->peer_count; i++)
        peering_beat_soon(core, core->peers[i]);
}

void drain_session_came(struct core *core, struct session *s) {
    if (!core->drain.active)
        return;
    core->drain.drained = false;
    session_queue(s, &core->drain.waiting);
}

/* ---- one after the other --------------------------------------------------------------------- */

/* The first in the line; false if nothing can be ordered just now. One that has nowhere to go is
 * sent to the end of the line, so that it does not hold up the others. */
static bool order_next(struct core *core) {
    struct drain *d = &core->drain;
    for (uint32_t tried = 0; tried < CORE_ORDERS_MAX && list_holds_any(&d->waiting); tried++) {
        struct session *s = element(list_first(&d->waiting));
        const struct peering *to = leaving_target(core, s, &d->to);
        if (to != NULL) {
            if (!leaving_order(core, s, to, MOVE_CAUSE_DRAIN))
                return false;
            d->stuck = false;
            return true;
        }
        session_queue(s, &d->waiting);
        if (tried + 1 >= d->waiting.count)
            break;
    }
    if (list_holds_any(&d->waiting) && !d->stuck) {
        d->stuck = true;
        tell(core, "waits", "drain waits: no usable backup for %" PRIu32 " sessions",
             d->waiting.count);
    }
    return false;
}

static void order_due(struct core *core) {
    struct drain *d = &core->drain;
    while (list_holds_any(&d->waiting) && instant_reached(core->now, d->next_at)) {
        if (!order_next(core)) {
            d->next_at = instant_add(core->now, DRAIN_RETRY);
            return;
        }
        struct duration pace = duration_us(1000000 / core->policy.limits.drain_per_s);
        /* A late tick catches up with what it owes, but not with more than a second's worth. */
        d->next_at =
            instant_max(instant_add(d->next_at, pace), instant_sub(core->now, duration_s(1)));
    }
}

void drain_step(struct core *core) {
    struct drain *d = &core->drain;
    if (!d->active)
        return;
    order_due(core);
    progress_told(&d->progress, left(core), core->now);
    if (!d->drained && left(core) == 0) {
        d->drained = true;
        tell(core, "drained", "drained: empty after %" PRId64 " ms",
             duration_in_ms(instant_since(core->now, d->since)));
    }
    if (!d->overdue && left(core) > 0 && instant_reached(core->now, d->deadline)) {
        d->overdue = true;
        tell(core, "overdue", "drain overdue: %" PRIu32 " sessions are still here", left(core));
    }
}

struct instant drain_deadline(const struct core *core) {
    const struct drain *d = &core->drain;
    struct instant due = INSTANT_NEVER;
    if (!d->active)
        return due;
    if (list_holds_any(&d->waiting))
        due = d->next_at;
    if (!d->overdue && left(core) > 0)
        due = instant_min(due, d->deadline);
    return due;
}

void drain_check_invariants(const struct core *core) {
    const struct drain *d = &core->drain;
    /* What drain_step looks at has a timer. */
    bool late = d->active && !d->overdue && left(core) > 0;
    assert(!late || !instant_before(d->deadline, drain_deadline(core)));
    assert(!list_holds_any(&d->waiting) || !instant_before(d->next_at, drain_deadline(core)));
    assert(d->active || d->waiting.count == 0);
    assert(!d->active || d->waiting.count + core->leaving.ordered.count == left(core));
    assert(!d->drained || left(core) == 0);
}
