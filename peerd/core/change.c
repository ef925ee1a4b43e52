#include "peerd/core/change.h"

#include "peerd/core/agreements.h"
#include "peerd/core/state.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- peers ----------------------------------------------------------------------------------- */

static struct peering *same_peer(const struct core *core, const struct policy_peer *policy) {
    struct peering *p = peering_by_name(core, &policy->name);
    return p != NULL && public_key_equal(&p->policy.key, &policy->key) ? p : NULL;
}

/* Makes what is new of both kinds before anything is changed; false if memory is short. */
struct plan {
    struct peering *peers[POLICY_PEERS_MAX];
    bool peer_is_new[POLICY_PEERS_MAX];
    struct node *nodes[POLICY_NODES_MAX];
    bool node_is_new[POLICY_NODES_MAX];
};

static bool plan_peers(struct core *core, const struct policy *policy, struct plan *plan) {
    for (uint32_t i = 0; i < policy->peer_count; i++) {
        plan->peers[i] = same_peer(core, &policy->peers[i]);
        if (plan->peers[i] != NULL)
            continue;
        plan->peers[i] = peering_new(core, &policy->peers[i], i);
        plan->peer_is_new[i] = true;
        if (plan->peers[i] == NULL)
            return false;
    }
    return true;
}

static struct node *same_node(const struct core *core, const struct policy_node *policy) {
    for (uint32_t i = 0; i < core->node_count; i++)
        if (name_equal(&core->nodes[i]->policy.name, &policy->name) &&
            public_key_equal(&core->nodes[i]->policy.key, &policy->key))
            return core->nodes[i];
    return NULL;
}

static bool plan_nodes(const struct core *core, const struct policy *policy, struct plan *plan) {
    for (uint32_t i = 0; i < policy->node_count; i++) {
        plan->nodes[i] = same_node(core, &policy->nodes[i]);
        if (plan->nodes[i] != NULL)
            continue;
        plan->nodes[i] = node_new(&policy->nodes[i], i);
        plan->node_is_new[i] = true;
        if (plan->nodes[i] == NULL)
            return false;
    }
    return true;
}

static void abandon(struct plan *plan) {
    for (uint32_t i = 0; i < POLICY_PEERS_MAX; i++)
        if (plan->peer_is_new[i])
            peering_free(plan->peers[i]);
    for (uint32_t i = 0; i < POLICY_NODES_MAX; i++)
        if (plan->node_is_new[i])
            node_free(plan->nodes[i]);
}

/* ---- carrying it out ------------------------------------------------------------------------- */

static bool is_kept(const void *one, void *const *all, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (all[i] == one)
            return true;
    return false;
}

static void drop_node(struct core *core, struct node *n) {
    node_lost(core, n, "the policy names it no longer");
    credit_orphaned(core, n);
    node_free(n);
}

static void change_nodes(struct core *core, const struct policy *policy, const struct plan *plan) {
    struct node *old[POLICY_NODES_MAX];
    uint32_t old_count = core->node_count;
    memcpy(old, core->nodes, sizeof(old));
    for (uint32_t i = 0; i < old_count; i++)
        if (!is_kept(old[i], (void *const *)plan->nodes, policy->node_count))
            drop_node(core, old[i]);
    core->node_count = policy->node_count;
    for (uint32_t i = 0; i < policy->node_count; i++) {
        core->nodes[i] = plan->nodes[i];
        core->nodes[i]->index = i;
        core->nodes[i]->policy = policy->nodes[i];
    }
}

static void drop_peer(struct core *core, const struct peering *p) {
    core->suspects -= p->verdict.verdict == VERDICT_SUSPECT;
    if (core->fares.perf != NULL)
        perf_forget_cluster(core->fares.perf, p->number);
    coords_forget(core, p);
    fares_trips_forget(core, p);
}

static void change_peers(struct core *core, const struct policy *policy, const struct plan *plan,
                         struct peering **gone, uint32_t *gone_count) {
    for (uint32_t i = 0; i < core->peer_count; i++)
        if (!is_kept(core->peers[i], (void *const *)plan->peers, policy->peer_count))
            drop_peer(core, gone[(*gone_count)++] = core->peers[i]);
    core->peer_count = policy->peer_count;
    for (uint32_t i = 0; i < policy->peer_count; i++) {
        struct peering *p = core->peers[i] = plan->peers[i];
        p->index = i;
        p->policy = policy->peers[i];
        memset(p->views, 0, sizeof(p->views));
        memset(p->about, 0, sizeof(p->about));
        p->viewed_at = INSTANT_NEVER;
        struct detector_wish wish = peering_wish(&policy->detection, &p->policy);
        detector_wish_changed(&p->detector, &wish);
        peering_show(core, p);
        peering_touch(core, p);
    }
}

static bool carry_out(struct core *core, const struct policy *policy) {
    struct plan plan;
    struct peering *gone[POLICY_PEERS_MAX];
    uint32_t gone_count = 0;
    memset(&plan, 0, sizeof(plan));
    if (!plan_peers(core, policy, &plan) || !plan_nodes(core, policy, &plan)) {
        abandon(&plan);
        return false;
    }
    change_nodes(core, policy, &plan);
    change_peers(core, policy, &plan, gone, &gone_count);
    origins_policy(core, policy);
    policy_copy(&core->policy, policy);
    fares_policy(core);
    agreements_policy(core);
    for (uint32_t i = 0; i < core->peer_count; i++)
        flaps_calm(core, core->peers[i]);
    groups_refresh(core); /* leaves nothing lodged with those who are gone */
    promises_refresh(core);
    for (uint32_t i = 0; i < gone_count; i++)
        peering_free(gone[i]);
    return true;
}

bool policy_take(struct core *core, const struct policy *policy) {
    const struct policy_cluster *c = &policy->cluster;
    core->name = c->name;
    core->place =
        (struct rank_place){rank_domain_of(c->provider.text), rank_domain_of(c->region.text),
                            rank_domain_of(c->upstream.text)};
    policy_copy(&core->policy, policy);
    return carry_out(core, policy);
}

void policy_change(struct core *core, const struct policy *policy) {
    struct journal_entry entry = {.at = core->now, .kind = JOURNAL_POLICY, .what = "taken"};
    char text[128];
    bool done = carry_out(core, policy);
    if (done)
        snprintf(text, sizeof(text),
                 "policy changed: %" PRIu32 " peers, %" PRIu32 " nodes, %" PRIu32 " sessions kept",
                 core->peer_count, core->node_count, core->sessions.count);
    else
        snprintf(text, sizeof(text), "policy not changed: %s", err_text(ERR_NO_MEMORY));
    core_trace(core, "%s", text);
    entry.what = done ? "taken" : "refused";
    journal_enter(core->journal, &entry, text);
}
