#include "peerd/core/briefing.h"

#include "peerd/core/allotment.h"

static struct node_limits limits_of(const struct policy_limits *l) {
    return (struct node_limits){
        .sessions_max = l->sessions_max,
        .session_lease_ms = (uint32_t)duration_in_ms(l->session_lease),
        .standby_lease_ms = (uint32_t)duration_in_ms(l->session_lease),
        .skew_ms = (uint32_t)duration_in_ms(l->clock_skew),
        .hedge_ms_max = l->hedge_ms_max,
        .hedges_per_minute = l->hedges_per_minute,
        .probes_per_s = l->probes_per_s,
        .hot_max = l->hot_standbys,
    };
}

struct node_answer briefing_of(const struct core_answer_node *a, const struct policy *policy) {
    return (struct node_answer){
        .seq = a->seq,
        .lease_ms = a->lease_ms,
        .poll_ms = a->poll_ms,
        .want_full = a->want_full,
        .draining = a->draining,
        .drain = a->drain,
        .cluster = policy->cluster.name,
        .credit = a->credit,
        .orders = (struct node_order *)a->orders,
        .order_count = a->order_count,
        .guests = (struct node_guest_limit *)a->guests,
        .guest_count = a->guest_count,
        .guest_services = allotments_services(policy),
        .named = (struct node_named *)a->named,
        .named_count = a->named_count,
        .told = (struct node_named *)a->told,
        .told_count = a->told_count,
        .limits = limits_of(&policy->limits),
    };
}
