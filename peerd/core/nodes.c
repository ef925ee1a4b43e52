#include "peerd/core/nodes.h"

#include "peerd/core/moves.h"
#include "peerd/core/naming.h"
#include "peerd/core/open.h"
#include "peerd/core/report.h"
#include "peerd/core/state.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct node *node_new(const struct policy_node *policy, uint32_t index) {
    struct node *n = calloc(1, sizeof(*n));
    if (n == NULL)
        return NULL;
    n->policy = *policy;
    n->index = index;
    n->heard = n->lease = n->full_asked = n->credit.until = INSTANT_NEVER;
    orders_init(&n->orders);
    load_init(&n->load);
    list_init(&n->sessions);
    list_init(&n->waiting);
    replan_pass_init(&n->replan);
    return n;
}

void node_free(struct node *n) {
    if (n == NULL)
        return;
    assert(n->sessions.count == 0);
    allotments_forget(n);
    free(n->sources);
    free(n->starts);
    free(n->making.streams);
    free(n);
}

/* ---- queries --------------------------------------------------------------------------------- */

const struct node_source *node_source_find(const struct node *n, const struct name *name) {
    for (uint32_t i = 0; i < n->source_count; i++)
        if (name_equal(&n->sources[i].name, name))
            return n->sources[i].error == ERR_OK ? &n->sources[i] : NULL;
    return NULL;
}

const struct node_profile *node_profile_find(const struct node *n, const struct name *name) {
    for (uint32_t i = 0; i < n->profile_count; i++)
        if (name_equal(&n->profiles[i].name, name))
            return &n->profiles[i];
    return NULL;
}

static uint32_t worker_free(const struct node *n, uint32_t worker) {
    if (n->workers[worker].pid == 0 || n->used_by_worker[worker] >= n->credit.slots)
        return 0;
    return n->credit.slots - n->used_by_worker[worker];
}

/* A worker may have more than its part, of those for whom slots are kept: the others' are fewer. */
uint32_t node_free_slots(const struct node *n) {
    uint32_t sum = 0, over = 0;
    for (uint32_t i = 0; n->registered && i < n->media_count; i++) {
        sum += worker_free(n, i);
        if (n->workers[i].pid != 0 && n->used_by_worker[i] > n->credit.slots)
            over += n->used_by_worker[i] - n->credit.slots;
    }
    return sum > over ? sum - over : 0;
}

uint32_t node_open_slots(const struct core *core, const struct node *n) {
    uint32_t all = node_free_slots(n), kept = allotments_kept_unused(core, n, NULL);
    return all > kept ? all - kept : 0;
}

uint32_t node_worker_pick(const struct node *n) {
    uint32_t best = UINT32_MAX, most = 0;
    for (uint32_t i = 0; i < n->media_count; i++)
        if (worker_free(n, i) > most) {
            most = worker_free(n, i);
            best = i;
        }
    return best;
}

/* ---- registration ---------------------------------------------------------------------------- */

void node_lost(struct core *core, struct node *n, const char *why) {
    uint32_t dropped = n->sessions.count;
    struct link *first;
    while ((first = list_first(&n->sessions)) != NULL) {
        struct session *s = LIST_ELEMENT(first, struct session, at_node);
        counterpart_ended(core, s);
        session_remove(core, s);
    }
    if (n->registered) {
        core->counters.nodes_lost++;
        causes_failed(core, CAUSES_FAILURE_NODE);
        core_trace(core, "node %s lost (%s), %u sessions out of sight", n->policy.name.text, why,
                   dropped);
    }
    n->registered = n->complete = false;
    n->lease = INSTANT_NEVER;
    orders_init(&n->orders);
    load_init(&n->load);
    allotments_forget(n);
}

static void take_sources(struct node *n, const struct node_request *r) {
    if (r->source_count == 0 && !r->full)
        return;
    size_t count = r->source_count < POLICY_SOURCES_MAX ? r->source_count : POLICY_SOURCES_MAX;
    struct node_source *copy = count == 0 ? NULL : malloc(count * sizeof(*copy));
    if (count > 0 && copy == NULL)
        return; /* what it said before stays; the next change brings all of it again */
    if (count > 0)
        memcpy(copy, r->sources, count * sizeof(*copy));
    free(n->sources);
    n->sources = copy;
    n->source_count = (uint32_t)count;
}

/* All of them are told each time. */
static void take_starts(struct node *n, const struct node_request *r) {
    size_t count = r->start_count < NODE_STARTS_MAX ? r->start_count : NODE_STARTS_MAX;
    struct node_starts *copy = count == 0 ? NULL : malloc(count * sizeof(*copy));
    if (copy != NULL)
        memcpy(copy, r->starts, count * sizeof(*copy));
    free(n->starts);
    n->starts = copy;
    n->start_count = copy == NULL ? 0 : (uint32_t)count;
}

/* A worker is being replaced, or has been since we heard of it last. */
static bool has_lost_worker(const struct node *n, const struct node_request *r) {
    for (size_t i = 0; i < r->worker_count; i++) {
        const struct node_worker *now = &r->workers[i], *before = &n->workers[now->index];
        if (now->index < n->media_count && before->pid != 0 &&
            (now->pid == 0 || now->restarts > before->restarts))
            return true;
    }
    return false;
}

static void take_machine(struct node *n, const struct node_request *r) {
    n->media_count =
        (uint32_t)(r->media_count < NODE_WORKERS_MAX ? r->media_count : NODE_WORKERS_MAX);
    for (uint32_t i = 0; i < n->media_count; i++)
        n->media[i] = r->media[i];
    memset(n->workers, 0, sizeof(n->workers));
    for (size_t i = 0; i < r->worker_count; i++)
        if (r->workers[i].index < n->media_count)
            n->workers[r->workers[i].index] = r->workers[i];
    if (r->profile_count > 0 || r->full) {
        n->profile_count =
            (uint32_t)(r->profile_count < NODE_PROFILES_MAX ? r->profile_count : NODE_PROFILES_MAX);
        for (uint32_t i = 0; i < n->profile_count; i++)
            n->profiles[i] = r->profiles[i];
    }
    take_sources(n, r);
    take_starts(n, r);
    making_node_told(n, &r->making);
}

/* Whose place `r` takes, if anybody's. A run that was lost and is back takes nobody's. */
static void displace(struct core *core, struct node *n, const struct node_request *r) {
    bool returns = n->registered && r->boot == n->former;
    if (!n->registered && n->boot == r->boot)
        return;
    uint64_t before = n->registered ? n->boot : 0;
    if (n->registered)
        node_lost(core, n,
                  returns ? "two report under its name and key; the first one stays"
                          : "started anew");
    n->twin = returns ? before : n->twin == r->boot ? 0 : n->twin;
    n->former = returns ? 0 : before;
    n->former_heard = 0;
}

/* A supervisor that was started anew has taken its workers and their sessions along. */
static enum err welcome(struct core *core, struct node *n, const struct node_request *r) {
    if (n->registered && n->boot == r->boot)
        return ERR_OK;
    if (n->registered && n->twin == r->boot)
        return ERR_DENIED;
    if (n->registered && n->former == r->boot && n->former_heard++ == 0)
        return ERR_STALE;
    displace(core, n, r);
    if (n->boot != r->boot) {
        n->seq = 0;
        n->credit.granted_seq = 0; /* what an older run had been promised is gone with it */
    }
    n->boot = r->boot;
    n->registered = true;
    core_trace(core, "node %s registered, %zu workers", n->policy.name.text, r->media_count);
    return ERR_OK;
}

static void taken_on(void *context, const struct order *order) {
    moves_taken_on(context, order);
}

static void take(struct core *core, struct node *n, const struct node_request *r) {
    n->seq = r->seq;
    credit_acknowledged(n, r);
    if (has_lost_worker(n, r))
        causes_failed(core, CAUSES_FAILURE_WORKER);
    take_machine(n, r);
    drain_heard(core, n, &r->drain);
    allotments_heard(core, n, r);
    report_sessions(core, n, r);
    bool was_full = n->orders.count == CORE_ORDERS_MAX;
    orders_taken_on(&n->orders, r->order_seen, taken_on, core);
    load_heard(core, n, r);
    if (was_full)
        drain_step(core); /* what it has room for now goes with this very answer */
}

/* ---- answer ---------------------------------------------------------------------------------- */

static uint32_t in_ms(struct duration d, uint32_t max) {
    int64_t ms = duration_in_ms(d);
    return ms < 1 ? 1 : ms > max ? max : (uint32_t)ms;
}

static bool fill_order(const struct core *core, struct node_order *out, const struct order *order) {
    *out = (struct node_order){.id = order->id,
                               .session = order->session,
                               .what = order->what,
                               .target = order->target,
                               .cause = order->cause,
                               .only = order->only,
                               .error = order->error};
    if (order->what == NODE_ORDER_END)
        return true;
    const struct peering *p = peering_by_name(core, &order->target);
    if (p == NULL)
        return false; /* the policy no longer names it; the move will be ordered anew */
    out->target_key = p->policy.key;
    struct duration left = instant_since(order->deadline, core->now);
    out->deadline_ms = left.us <= 0 ? 0 : in_ms(left, NODE_INTERVAL_MS_MAX);
    return true;
}

static void refuse(struct core *core, const struct node *n, enum err why,
                   const struct core_node_reported *event, struct core_outbox *outbox) {
    struct core_intention *i = outbox_put(outbox, CORE_ANSWER_NODE);
    assert(i != NULL);
    core->counters.node_reports_stale++;
    i->u.node = (struct core_answer_node){
        .request = event->request,
        .node = n->index,
        .seq = event->report->seq,
        .refused = why,
        .lease_ms = in_ms(core->policy.limits.node_lease, NODE_INTERVAL_MS_MAX)};
}

static void answer(struct core *core, struct node *n, const struct core_node_reported *event,
                   struct core_outbox *outbox) {
    struct core_intention *i = outbox_put(outbox, CORE_ANSWER_NODE);
    assert(i != NULL);
    const struct policy_limits *limits = &core->policy.limits;
    i->u.node = (struct core_answer_node){
        .request = event->request,
        .node = n->index,
        .seq = event->report->seq,
        .want_full = n->want_full,
        .draining = core->drain.active,
        .drain = drain_word(core),
        .lease_ms = in_ms(limits->node_lease, NODE_INTERVAL_MS_MAX),
        .poll_ms = in_ms(limits->node_poll, NODE_INTERVAL_MS_MAX),
        .credit = {n->credit.slots, in_ms(limits->credit_lease, NODE_INTERVAL_MS_MAX)},
        .guests = core->guests,
        .guest_count = allotments_grant(core, n, event->report->seq, core->guests),
        .orders = core->orders};
    for (uint32_t k = 0; k < n->orders.count; k++)
        if (fill_order(core, &core->orders[i->u.node.order_count], orders_at(&n->orders, k)))
            i->u.node.order_count++;
    i->u.node.named = naming_answer(core, n, event->report, &i->u.node.named_count);
    i->u.node.told = replan_answer(core, n, &i->u.node.told_count);
}

void node_reported(struct core *core, const struct core_event *event, struct core_outbox *outbox) {
    const struct core_node_reported *e = &event->u.node;
    assert(e->node < core->node_count);
    struct node *n = core->nodes[e->node];
    const struct node_request *r = e->report;
    core->counters.node_reports++;
    memories_expire(core);
    enum err refused = welcome(core, n, r);
    if (refused != ERR_OK) {
        refuse(core, n, refused, e, outbox);
        return;
    }
    n->heard = core->now;
    n->lease = instant_add(core->now, core->policy.limits.node_lease);
    n->want_full = false;
    if (r->seq <= n->seq)
        core->counters.node_reports_stale++; /* its content has been overtaken; its lease counts */
    else
        take(core, n, r);
    credit_grant(core, n, r->seq);
    answer(core, n, e, outbox);
}

/* ---- time ------------------------------------------------------------------------------------ */

struct instant nodes_deadline(const struct core *core) {
    struct instant due = INSTANT_NEVER;
    for (uint32_t i = 0; i < core->node_count; i++)
        due = instant_min(due, core->nodes[i]->lease);
    return due;
}

void nodes_expire(struct core *core) {
    for (uint32_t i = 0; i < core->node_count; i++)
        if (instant_reached(core->now, core->nodes[i]->lease))
            node_lost(core, core->nodes[i], "its lease ended");
}

void nodes_check_invariants(const struct core *core) {
    for (uint32_t i = 0; i < core->node_count; i++) {
        const struct node *n = core->nodes[i];
        uint32_t used = 0, listed = 0, by_state[4] = {0};
        for (uint32_t w = 0; w < NODE_WORKERS_MAX; w++)
            used += n->used_by_worker[w];
        for (const struct link *l = list_first(&n->sessions); l != NULL;
             l = list_after(&n->sessions, l)) {
            by_state[LIST_ELEMENT(l, const struct session, at_node)->state]++;
            listed++;
        }
        assert(memcmp(by_state, n->used_by_state, sizeof(by_state)) == 0);
        assert(n->index == i && used == n->used && listed == n->used);
        assert(n->used == n->sessions.count);
        assert(n->registered == !instant_is_never(n->lease));
        assert(n->registered || (!n->complete && n->used == 0));
        orders_check_invariants(&n->orders);
    }
    credit_check_invariants(core);
    allotments_check_invariants(core);
}
