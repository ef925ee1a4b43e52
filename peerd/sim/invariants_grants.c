#include "peerd/sim/invariants_private.h"

#include <inttypes.h>

/* A second ledger of credit, kept by what is said and answered: what each node may believe to have.
 * That is what it was granted last, and what it was granted before until it says that it has heard
 * of less; none of it when nobody has renewed it for its lease. */

static uint32_t share_of(const struct sim_site *site, uint32_t node) {
    uint64_t capacity = 0;
    for (uint32_t i = 0; i < site->policy.service_count; i++)
        capacity += site->policy.services[i].capacity;
    uint64_t nodes = site->policy.node_count;
    return (uint32_t)(capacity / nodes + (node < capacity % nodes));
}

/* Of one that was not heard in this run of peerd an earlier one may have granted its share. */
static uint32_t owed_unheard(const struct sim_site *site, uint32_t node, struct instant now) {
    struct instant until =
        instant_add(core_status(site->core).started, site->policy.limits.credit_lease);
    return instant_reached(now, until) ? 0 : share_of(site, node);
}

static void check_owed(struct sim *sim, const struct sim_site *site, uint32_t node, uint32_t owed) {
    struct core_node_status s = core_node_status(site->core, node);
    if (s.promised != owed)
        sim_breach(sim,
                   "%s reckons that %s may have credit for %" PRIu32 " sessions, which is %" PRIu32,
                   watch_cluster(sim, site->index), s.policy->name.text, s.promised, owed);
}

/* After a step; `r` is what was answered. */
void watch_granted(struct sim *sim, struct sim_site *site, const struct core_answer_node *a,
                   const struct node_request *r) {
    struct watch_node *n = &sim->watch->sites[site->index].nodes[a->node];
    struct instant now = sim_site_now(sim, site);
    bool newest = r->boot != n->boot || r->seq > n->seq;
    uint32_t granted = a->credit.slots * core_node_status(site->core, a->node).workers;
    if (n->grant_boot != r->boot)
        n->grant_seq = 0; /* what an older run had heard of is gone with it */
    if (n->grants && newest && r->seen >= n->grant_seq)
        n->owed = n->granted;
    if (!n->grants)
        n->owed = owed_unheard(site, a->node, now);
    else if (instant_reached(now, n->owed_until))
        n->owed = 0;
    if (!n->grants || granted != n->granted)
        n->grant_seq = a->seq;
    n->grants = true;
    n->grant_boot = r->boot;
    n->granted = granted;
    n->owed = n->owed > granted ? n->owed : granted;
    n->owed_until = instant_add(now, site->policy.limits.credit_lease);
    check_owed(sim, site, a->node, n->owed);
}

/* Once a second: what has lapsed is free again, as of the core's newest step. */
void watch_grants(struct sim *sim, struct sim_site *site) {
    struct instant now = sim_site_now(sim, site);
    for (uint32_t i = 0; i < site->policy.node_count; i++) {
        const struct watch_node *n = &sim->watch->sites[site->index].nodes[i];
        bool over = n->grants && instant_reached(now, n->owed_until);
        struct instant known = watch_site_counts_from(sim, site, n->owed_until);
        if (over && instant_reached(now, instant_add(known, SLACK)))
            check_owed(sim, site, i, 0);
        else if (n->grants && !over)
            check_owed(sim, site, i, n->owed);
    }
}
