#include "peerd/core/load.h"

#include "peerd/core/leaving.h"
#include "peerd/core/state.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

void load_init(struct load *l) {
    *l = (struct load){
        .late_from = INSTANT_NEVER, .well_from = INSTANT_NEVER, .next_at = INSTANT_NEVER};
}

/* ---- how late it is -------------------------------------------------------------------------- */

static uint32_t latest(const struct node_request *r) {
    uint32_t late_ms = 0;
    for (size_t i = 0; i < r->worker_count; i++)
        if (r->workers[i].pid != 0 && r->workers[i].late_ms > late_ms)
            late_ms = r->workers[i].late_ms;
    return late_ms;
}

static void since(struct instant *from, bool holds, struct instant now) {
    if (!holds)
        *from = INSTANT_NEVER;
    else if (instant_is_never(*from))
        *from = now;
}

static bool has_held(struct instant from, struct instant now) {
    return !instant_is_never(from) && instant_reached(now, instant_add(from, LOAD_HOLD));
}

/* ---- who goes -------------------------------------------------------------------------------- */

static uint32_t most(const struct load *l) {
    return l->had / LOAD_SHARE;
}

static bool may_go(const struct core *core, const struct session *s) {
    return s->state == SESSION_STATE_COMMITTED && s->queue == NULL &&
           !duration_less(instant_since(core->now, s->since), CANARY_STAY);
}

/* Its first backup that is fit and has room beyond those who have just been sent there. */
static struct peering *target(const struct core *core, const struct session *s,
                              const uint32_t given[POLICY_PEERS_MAX]) {
    const struct name any = {""};
    struct peering *p = leaving_target(core, s, &any);
    return p != NULL && p->said_free > given[p->index] ? p : NULL;
}

static void send_wave(struct core *core, struct node *n) {
    uint32_t given[POLICY_PEERS_MAX] = {0}, sent = 0;
    struct load *l = &n->load;
    for (struct link *at = list_first(&n->sessions);
         at != NULL && sent < l->wave && l->asked < most(l); at = list_after(&n->sessions, at)) {
        struct session *s = LIST_ELEMENT(at, struct session, at_node);
        struct peering *to = may_go(core, s) ? target(core, s, given) : NULL;
        if (to == NULL)
            continue;
        if (!gains_left(core) || !leaving_order(core, s, to, MOVE_CAUSE_DEGRADED))
            break; /* it takes no more now, or nobody goes */
        gains_spend(core);
        s->move->asked = true;
        s->move->late_ms = l->late_ms;
        given[to->index]++;
        sent++;
        l->asked++;
    }
    core->counters.sessions_shed += sent;
    if (sent > 0)
        core_trace(core,
                   "load: %s sends frames %" PRIu32 " ms late: %" PRIu32 " of its %" PRIu32
                   " sessions go elsewhere",
                   n->policy.name.text, l->late_ms, sent,
                   n->used_by_state[SESSION_STATE_COMMITTED]);
    l->next_at = instant_add(core->now, LOAD_WATCH);
    if (sent > 0 || !gains_left(core))
        return; /* when there is something of the budget left it goes on */
    core_trace(core, "load: %s sends frames %" PRIu32 " ms late: %s", n->policy.name.text,
               l->late_ms, l->asked >= most(l) ? "no more may go" : "nobody can go");
    l->state = LOAD_STATE_RESTING;
    l->next_at = instant_add(core->now, LOAD_DWELL);
}

/* ---- begin and end --------------------------------------------------------------------------- */

static void note(struct core *core, const struct node *n, const char *what) {
    char text[96];
    snprintf(text, sizeof(text), "%s: %" PRIu32 " ms late, %" PRIu32 " of %" PRIu32 " asked to go",
             n->policy.name.text, n->load.late_ms, n->load.asked, n->load.had);
    journal_enter(core->journal,
                  &(struct journal_entry){
                      .at = core->now, .kind = JOURNAL_LOAD, .what = what, .about = core->name},
                  text);
}

static void begin(struct core *core, struct node *n) {
    struct load *l = &n->load;
    l->state = LOAD_STATE_SHEDDING;
    l->had = n->used_by_state[SESSION_STATE_COMMITTED];
    l->wave = core->policy.performance.canary;
    l->was_ms = l->late_ms;
    l->asked = 0;
    send_wave(core, n);
    note(core, n, "late");
}

static void end(struct core *core, struct node *n) {
    core_trace(core, "load: %s is in time again, %" PRIu32 " of %" PRIu32 " were asked to go",
               n->policy.name.text, n->load.asked, n->load.had);
    note(core, n, "in_time");
    n->load.state = LOAD_STATE_NONE;
    n->load.next_at = INSTANT_NEVER;
}

/* Those who have gone may be enough: it has made up a quarter since. */
static bool catches_up(struct load *l, struct instant now) {
    bool better = l->late_ms * 4 <= l->was_ms * 3;
    l->was_ms = l->late_ms;
    if (better)
        l->next_at = instant_add(now, LOAD_WATCH);
    return better;
}

static void look(struct core *core, struct node *n) {
    struct load *l = &n->load;
    if (has_held(l->well_from, core->now)) {
        end(core, n);
        return;
    }
    if (!instant_reached(core->now, l->next_at) || l->late_ms < LOAD_LATE_MS ||
        catches_up(l, core->now))
        return;
    uint32_t pace = core->policy.limits.drain_per_s;
    l->wave = 2 * l->wave < pace ? 2 * l->wave : pace;
    send_wave(core, n);
}

void load_heard(struct core *core, struct node *n, const struct node_request *r) {
    struct load *l = &n->load;
    l->told = true;
    l->late_ms = latest(r);
    since(&l->late_from, l->late_ms >= LOAD_LATE_MS, core->now);
    since(&l->well_from, l->late_ms <= LOAD_WELL_MS, core->now);
    switch (l->state) {
    case LOAD_STATE_NONE:
        if (core->policy.performance.canary > 0 && !core->drain.active && !core->recovering &&
            has_held(l->late_from, core->now))
            begin(core, n);
        return;
    case LOAD_STATE_SHEDDING:
        look(core, n);
        return;
    case LOAD_STATE_RESTING:
        if (has_held(l->well_from, core->now))
            end(core, n);
        else if (instant_reached(core->now, l->next_at))
            load_init(l); /* tried anew, if it is late for LOAD_HOLD from now on */
        return;
    }
}

void load_stop_all(struct core *core) {
    for (uint32_t i = 0; i < core->node_count; i++)
        load_init(&core->nodes[i]->load);
}

void load_check_invariants(const struct core *core) {
    for (uint32_t i = 0; i < core->node_count; i++) {
        const struct load *l = &core->nodes[i]->load;
        assert(l->asked <= most(l));
        assert((l->state == LOAD_STATE_NONE) == instant_is_never(l->next_at));
        assert(l->state == LOAD_STATE_NONE || !core->drain.active);
        assert(instant_is_never(l->late_from) || instant_is_never(l->well_from));
    }
}
