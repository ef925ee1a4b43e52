#include "peerd/core/credit.h"

#include "peerd/core/state.h"

#include <assert.h>

uint32_t credit_capacity(const struct core *core) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < core->policy.service_count; i++)
        sum += core->policy.services[i].capacity;
    return sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum;
}

uint32_t credit_share(const struct core *core, const struct node *n) {
    uint32_t capacity = credit_capacity(core), nodes = core->policy.node_count;
    /* What does not divide goes to the first ones, one each. */
    return capacity / nodes + (n->index < capacity % nodes ? 1 : 0);
}

uint32_t credit_promised(const struct core *core, const struct node *n) {
    if (!instant_is_never(n->credit.until))
        return instant_reached(core->now, n->credit.until) ? 0 : n->credit.promised;
    /* Not heard in this run: a former one may have granted its share, until that lease ends. */
    struct instant unknown_until = instant_add(core->started, core->policy.limits.credit_lease);
    return instant_reached(core->now, unknown_until) ? 0 : credit_share(core, n);
}

static uint64_t promised_to_others(const struct core *core, const struct node *n) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < core->node_count; i++)
        if (core->nodes[i] != n)
            sum += credit_promised(core, core->nodes[i]);
    for (uint32_t i = 0; i < POLICY_NODES_MAX; i++)
        if (!instant_reached(core->now, core->orphans[i].until))
            sum += core->orphans[i].promised;
    return sum;
}

void credit_acknowledged(struct node *n, const struct node_request *report) {
    if (!instant_is_never(n->credit.until) && report->seen >= n->credit.granted_seq)
        n->credit.promised = n->credit.granted;
}

void credit_grant(struct core *core, struct node *n, uint64_t seq) {
    struct credit *c = &n->credit;
    uint64_t capacity = credit_capacity(core), others = promised_to_others(core, n);
    uint64_t room = others < capacity ? capacity - others : 0;
    uint32_t share = credit_share(core, n);
    uint32_t grant = room < share ? (uint32_t)room : share;
    uint32_t slots = n->media_count == 0 ? 0 : grant / n->media_count;
    uint32_t before = credit_promised(core, n);
    if (slots * n->media_count != c->granted || instant_is_never(c->until)) {
        c->granted = slots * n->media_count;
        c->granted_seq = seq;
    }
    c->slots = slots;
    c->promised = before < c->granted ? c->granted : before;
    c->until = instant_add(core->now, core->policy.limits.credit_lease);
    /* Only a shrinking policy or share can leave more promised than there is, and no grant may
     * add to that. */
    assert(others + c->promised <= capacity || c->promised <= before);
}

void credit_orphaned(struct core *core, const struct node *n) {
    uint32_t promised = credit_promised(core, n);
    struct instant until = n->credit.until;
    if (promised == 0)
        return;
    if (instant_is_never(until))
        until = instant_add(core->started, core->policy.limits.credit_lease);
    for (uint32_t i = 0; i < POLICY_NODES_MAX; i++)
        if (instant_reached(core->now, core->orphans[i].until)) {
            core->orphans[i] = (struct credit_orphan){promised, until};
            return;
        }
    /* More nodes came and went within a lease than a policy can name: the last entry carries
     * several, for as long as the longest. */
    struct credit_orphan *last = &core->orphans[POLICY_NODES_MAX - 1];
    last->promised += promised;
    last->until = instant_max(last->until, until);
}

void credit_check_invariants(const struct core *core) {
    for (uint32_t i = 0; i < core->node_count; i++) {
        const struct node *n = core->nodes[i];
        assert(instant_is_never(n->credit.until) || n->credit.granted <= n->credit.promised);
    }
}
