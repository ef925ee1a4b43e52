#include "peerd/core/drain.h"

#include "peerd/core/state.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

void drain_init(struct drain *d) {
    *d = (struct drain){.deadline = INSTANT_NEVER,
                        .next_at = INSTANT_NEVER,
                        .turn_at = INSTANT_NEVER,
                        .look_at = INSTANT_NEVER};
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

uint32_t drain_waiting(const struct core *core) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < core->node_count; i++)
        sum += core->nodes[i]->waiting.count;
    return sum;
}

/* ---- begin and end --------------------------------------------------------------------------- */

static void gather(struct core *core) {
    for (uint32_t i = 0; i < core->node_count; i++) {
        struct node *n = core->nodes[i];
        for (struct link *l = list_first(&n->sessions); l != NULL;
             l = list_after(&n->sessions, l)) {
            struct session *s = LIST_ELEMENT(l, struct session, at_node);
            if (s->state == SESSION_STATE_COMMITTED && s->queue == NULL)
                session_queue(s, &n->waiting);
        }
    }
}

static void look_again(struct drain *d) {
    d->nowhere = 0;
    d->look_at = INSTANT_NEVER;
}

static void beat_all(struct core *core) {
    for (uint32_t i = 0; i < core->peer_count; i++)
        peering_beat_soon(core, core->peers[i]);
}

/* Until then whoever does not know the way to the named cluster waits to be told (replan.h). */
static struct instant told_by(const struct core *core, const struct name *to) {
    uint32_t most = 0;
    if (name_is_empty(to))
        return core->now;
    for (uint32_t i = 0; i < core->node_count; i++)
        most = core->nodes[i]->used > most ? core->nodes[i]->used : most;
    struct duration telling =
        duration_scale(core->policy.limits.node_poll, most / NODE_TOLD_MAX + 1, 1);
    return instant_add(core->now, duration_add(DRAIN_TELL, telling));
}

/* Told of twice, the second time changes deadline and target. */
static void set_going(struct core *core, struct instant since, struct instant deadline,
                      const struct name *to) {
    struct drain *d = &core->drain;
    if (!d->active) {
        d->since = since;
        d->next_at = d->turn_at = core->now;
        d->node = 0;
        d->drained = false;
        progress_begin(&d->progress, left(core), core->now);
    }
    d->active = true;
    d->overdue = d->stuck = false;
    look_again(d);
    d->deadline = deadline;
    d->to = *to;
    d->told_by = told_by(core, to);
    if (!name_is_empty(to))
        replan_wish(core);
    canary_stop_all(core);
    load_stop_all(core);
    leaving_take_over(core);
    gather(core);
}

/* Before the name of the cluster that the operator named, if any. */
static const char *to_word(const struct core *core) {
    return name_is_empty(&core->drain.to) ? "" : " to ";
}

void drain_begin(struct core *core, const struct core_event *event) {
    struct duration deadline = event->u.drain.deadline;
    if (deadline.us <= 0)
        deadline = core->policy.limits.drain_deadline;
    drain_spoken(core);
    set_going(core, core->now, instant_add(core->now, deadline), &event->u.drain.to);
    tell(core, "begun",
         "draining%s%s: %" PRIu32 " sessions, %" PRIu32 " a second, within %" PRId64 " s",
         to_word(core), core->drain.to.text, left(core), core->policy.limits.drain_per_s,
         duration_in_ms(deadline) / 1000);
    beat_all(core);
}

void drain_resume(struct core *core, const struct node *n, const struct drain_word *w) {
    struct drain *d = &core->drain;
    struct instant since = instant_sub(core->now, duration_ms((int64_t)w->age_ms));
    set_going(core, since, instant_add(since, duration_ms((int64_t)w->within_ms)), &w->to);
    d->progress.gone = w->gone;
    tell(core, "resumed",
         "draining%s%s as before we were started, for %" PRIu64 " s already (%s says so)",
         to_word(core), d->to.text, w->age_ms / 1000, n->policy.name.text);
    beat_all(core);
}

void drain_end(struct core *core) {
    drain_spoken(core);
    drain_called_off(core, "");
}

void drain_called_off(struct core *core, const char *whence) {
    struct drain *d = &core->drain;
    struct session *s;
    if (!d->active)
        return;
    d->active = d->drained = false;
    d->deadline = d->next_at = d->turn_at = INSTANT_NEVER;
    d->to = (struct name){""};
    look_again(d);
    for (uint32_t i = 0; i < core->node_count; i++)
        while ((s = element(list_first(&core->nodes[i]->waiting))) != NULL)
            session_queue(s, NULL);
    leaving_call_off_all(core);
    tell(core, "undrained", "undrained%s: %" PRIu32 " sessions stay", whence, left(core));
    beat_all(core);
}

void drain_session_came(struct core *core, struct session *s) {
    if (!core->drain.active)
        return;
    core->drain.drained = false;
    session_queue(s, &s->node->waiting);
}

/* ---- one after the other --------------------------------------------------------------------- */

/* Takes no more of them just now: its next report makes room. */
static bool is_full(const struct node *n) {
    return n->orders.count == CORE_ORDERS_MAX;
}

static bool is_being_told(const struct core *core, const struct session *s) {
    return instant_before(core->now, core->drain.told_by) && replan_wished(core, s->group) != NULL;
}

/* The first in the line of a node that has somewhere to go; false if there is none. One that has
 * nowhere to go is sent to the end of the line, so that it does not hold up the others. */
static bool order_of(struct core *core, struct node *n) {
    for (uint32_t tried = 0; tried < CORE_ORDERS_MAX && tried < n->waiting.count; tried++) {
        struct session *s = element(list_first(&n->waiting));
        const struct peering *to =
            is_being_told(core, s) ? NULL : leaving_target(core, s, &core->drain.to);
        if (to != NULL && leaving_order(core, s, to, MOVE_CAUSE_DRAIN))
            return true;
        session_queue(s, &n->waiting);
    }
    return false;
}

static void note_nowhere(struct core *core, const struct node *n) {
    struct drain *d = &core->drain;
    d->nowhere |= 1u << n->index;
    if (instant_is_never(d->look_at))
        d->look_at = instant_add(core->now, DRAIN_RETRY);
}

/* Who was started anew may learn from the next node that it was called off. */
static bool is_sure(const struct core *core) {
    return core->drain.spoken || !core->recovering;
}

/* Holds orders up that could be given. */
static bool may_order(const struct core *core, const struct node *n) {
    return is_sure(core) && list_holds_any(&n->waiting) && !is_full(n) &&
           (core->drain.nowhere & 1u << n->index) == 0;
}

/* One more of some node, in turns; false if nothing can be ordered just now. */
static bool order_next(struct core *core) {
    struct drain *d = &core->drain;
    for (uint32_t i = 0; i < core->node_count; i++) {
        struct node *n = core->nodes[(d->node + i) % core->node_count];
        if (!may_order(core, n))
            continue;
        if (order_of(core, n)) {
            d->node = n->index + 1;
            d->stuck = false;
            return true;
        }
        note_nowhere(core, n);
    }
    return false;
}

static bool any_may_order(const struct core *core) {
    for (uint32_t i = 0; i < core->node_count; i++)
        if (may_order(core, core->nodes[i]))
            return true;
    return false;
}

static bool any_is_full(const struct core *core) {
    for (uint32_t i = 0; i < core->node_count; i++)
        if (list_holds_any(&core->nodes[i]->waiting) && is_full(core->nodes[i]))
            return true;
    return false;
}

/* Nothing can be ordered just now. What nodes could not take they are owed, and no more. */
static void wait_for_more(struct core *core) {
    struct drain *d = &core->drain;
    struct duration owed =
        any_is_full(core) ? duration_scale(core->policy.limits.node_poll, 2, 1) : duration_us(0);
    d->next_at = instant_max(d->next_at, instant_sub(core->now, owed));
    if (d->nowhere != 0 && !d->stuck && !instant_before(core->now, d->told_by)) {
        d->stuck = true;
        tell(core, "waits", "drain waits: no usable backup has room for %" PRIu32 " sessions",
             drain_waiting(core));
    }
}

static void order_due(struct core *core) {
    struct drain *d = &core->drain;
    struct duration pace = duration_us(1000000 / core->policy.limits.drain_per_s);
    if (instant_reached(core->now, d->look_at))
        look_again(d);
    if (!any_may_order(core) || !instant_reached(core->now, d->next_at))
        return;
    d->turn_at = instant_add(core->now, DRAIN_TURN);
    while (instant_reached(core->now, d->next_at)) {
        if (!order_next(core)) {
            wait_for_more(core);
            return;
        }
        /* A late tick catches up with what it owes, but not with more than a second's worth. */
        d->next_at =
            instant_max(instant_add(d->next_at, pace), instant_sub(core->now, duration_s(1)));
    }
}

void drain_step(struct core *core) {
    struct drain *d = &core->drain;
    if (!d->active || !is_sure(core))
        return;
    order_due(core);
    progress_told(&d->progress, left(core), core->now);
    if (!d->drained && left(core) == 0 && !core->recovering) {
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
    if (!d->active || !is_sure(core))
        return due;
    if (any_may_order(core))
        due = instant_max(d->next_at, d->turn_at);
    due = instant_min(due, d->look_at);
    if (!d->overdue && left(core) > 0)
        due = instant_min(due, d->deadline);
    return due;
}

void drain_check_invariants(const struct core *core) {
    const struct drain *d = &core->drain;
    /* What drain_step looks at has a timer. */
    bool late = d->active && is_sure(core) && !d->overdue && left(core) > 0;
    assert(!late || !instant_before(d->deadline, drain_deadline(core)));
    assert(!any_may_order(core) ||
           !instant_before(instant_max(d->next_at, d->turn_at), drain_deadline(core)));
    assert((d->nowhere != 0) == !instant_is_never(d->look_at));
    assert(d->active || (drain_waiting(core) == 0 && d->nowhere == 0));
    assert(!d->active || drain_waiting(core) + core->leaving.ordered.count == left(core));
    assert(!d->drained || left(core) == 0);
}
