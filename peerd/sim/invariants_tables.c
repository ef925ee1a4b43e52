#include "peerd/sim/invariants_private.h"

#include <inttypes.h>

/* What a core keeps: its ledger, its nodes. */

#define TWINS_MAX 64 /* entries of the ledger looked back for the same move */

static struct watch_site *watch_of(struct sim *sim, const struct sim_site *site) {
    return &sim->watch->sites[site->index];
}

/* ---- 17: the ledger -------------------------------------------------------------------------- */

static bool is_twin(const struct move *a, const struct move *b) {
    bool same_way = a->out == b->out && session_id_equal(&a->session, &b->session);
    bool over = a->state == MOVE_STATE_OVER && b->state == MOVE_STATE_OVER;
    return over && same_way && a->epoch_to == b->epoch_to &&
           (!a->out || a->begun.us == b->begun.us);
}

/* What is called off has changed nothing: whoever was to go is served as before. */
static void check_called_off(struct sim *sim, struct sim_site *site, const struct move *m) {
    struct core_session_status s;
    if (m->was != MOVE_STATE_PREPARE && m->was != MOVE_STATE_OVERLAP)
        sim_breach(sim, "%s enters a move called off in %s", watch_cluster(sim, site->index),
                   move_state_name(m->was));
    if (m->out &&
        (!core_session_find(site->core, &m->session, &s) || s.state != SESSION_STATE_COMMITTED))
        sim_breach(sim, "%s calls a move to %s off, and does not serve that session",
                   watch_cluster(sim, site->index), m->to.text);
}

/* One that nobody here asked for: the cluster that tells of it has entered the arrival, unless it
 * has been started anew since, or does not list it any more. */
static bool has_arrived(const struct sim *sim, const struct move *m) {
    for (uint32_t i = 0; i < sim->scenario->cluster_count; i++) {
        const struct sim_site *to = &sim->sites[i];
        if (!name_equal(&to->policy.cluster.name, &m->to))
            continue;
        const struct ledger *l = to->core == NULL ? NULL : core_ledger(to->core);
        if (l == NULL || ledger_first(l) > 1 || to->peerd.run > 1)
            return true;
        for (uint64_t n = 1; n <= l->count; n++) {
            const struct move *other = &ledger_find(l, n)->move;
            if (!other->out && other->state == MOVE_STATE_OVER && other->epoch_to == m->epoch_to &&
                session_id_equal(&other->session, &m->session))
                return true;
        }
    }
    return false;
}

/* Each move stands there once, with a cause that fits and epochs that grow. */
static void check_entry(struct sim *sim, struct sim_site *site, uint64_t number) {
    const struct ledger *l = core_ledger(site->core);
    const struct move *m = &ledger_find(l, number)->move;
    const char *name = watch_cluster(sim, site->index);
    if (m->state == MOVE_STATE_CANCELLED) {
        check_called_off(sim, site, m);
        return;
    }
    bool drains = m->cause == MOVE_CAUSE_DRAIN && watch_of(sim, site)->draining;
    const struct core_counters *counters = core_counters(site->core);
    bool canary =
        m->cause == MOVE_CAUSE_DEGRADED && (counters->canaries > 0 || counters->sessions_shed > 0);
    bool home = m->cause == MOVE_CAUSE_RETURN && core_counters(site->core)->sessions_returned > 0;
    bool asked =
        m->cause == MOVE_CAUSE_DRAIN && watch_asked_to_move(sim, site->index, &m->session, &m->to);
    bool unasked = m->orders == 0 && m->epoch_to > 0 && has_arrived(sim, m);
    if (m->out && !unasked && !drains && !canary && !home && !asked)
        sim_breach(sim, "%s enters a move of its own to %s (%s) although it does not drain", name,
                   m->to.text, move_cause_name(m->cause));
    if (!m->out && (m->epoch_to == 0 || !name_equal(&m->to, &site->policy.cluster.name)))
        sim_breach(sim, "%s enters an arrival at %s under epoch %" PRIu32, name, m->to.text,
                   m->epoch_to);
    if (m->epoch_from > 0 && m->epoch_to > 0 && m->epoch_to <= m->epoch_from)
        sim_breach(sim, "%s enters a move from epoch %" PRIu32 " to %" PRIu32, name, m->epoch_from,
                   m->epoch_to);
    for (uint64_t n = number - 1; n >= ledger_first(l) && n > 0 && number - n <= TWINS_MAX; n--)
        if (is_twin(m, &ledger_find(l, n)->move))
            sim_breach(sim, "%s enters the same move twice (%s to %s, %s)", name, m->from.text,
                       m->to.text, move_cause_name(m->cause));
}

static bool has_been_down(const struct sim_process *p, struct instant since) {
    return p->life != SIM_LIFE_RUNNING && !instant_before(since, p->since);
}

static bool somebody_lies(const struct sim *sim) {
    for (uint32_t i = 0; i < sim->scenario->cluster_count; i++)
        if (sim->scenario->clusters[i].lies.says != SCENARIO_LIE_NONE)
            return true;
    return false;
}

/* Whoever is said to have been cut off from a client that came was not dead by then, all of it;
 * where a cluster says of a dead one that it lives, it may be believed for a while. */
static void check_cause(struct sim *sim, const struct sim_site *site,
                        const struct ledger_entry *e) {
    const struct move *m = &e->move;
    if (e->cause != MOVE_CAUSE_PARTITIONED || m->cause == MOVE_CAUSE_PARTITIONED ||
        somebody_lies(sim))
        return;
    struct duration ago = instant_since(sim_site_now(sim, site), m->begun);
    struct instant begun = instant_sub(sim->now, ago);
    for (uint32_t i = 0; i < sim->scenario->cluster_count; i++) {
        const struct sim_site *from = &sim->sites[i];
        if (!name_equal(&from->policy.cluster.name, &m->from))
            continue;
        bool down = has_been_down(&from->peerd, begun);
        for (uint32_t n = 0; n < from->node_count; n++)
            down &= has_been_down(&sim->nodes[from->first_node + n].process, begun);
        if (down)
            sim_breach(sim, "%s finds a listener cut off from %s, which was dead",
                       watch_cluster(sim, site->index), m->from.text);
    }
}

void watch_ledger(struct sim *sim, struct sim_site *site) {
    struct watch_site *watch = watch_of(sim, site);
    const struct ledger *l = core_ledger(site->core);
    for (; watch->ledger < l->count; watch->ledger++)
        if (watch->ledger + 1 >= ledger_first(l))
            check_entry(sim, site, watch->ledger + 1);
    for (; watch->settled < l->count; watch->settled++) {
        const struct ledger_entry *e = ledger_find(l, watch->settled + 1);
        if (e != NULL && !instant_is_never(e->open_until))
            break;
        if (e != NULL)
            check_cause(sim, site, e);
    }
}

/* ---- 19: nodes ------------------------------------------------------------------------------- */

/* A node is lost when it has not been heard for its lease while we ran: not before, not after. */
static void check_lost(struct sim *sim, const struct sim_site *site, uint32_t node,
                       const struct watch_node *n) {
    struct duration lease = site->policy.limits.node_lease;
    struct duration slept = duration_sub(watch_asleep(sim, &site->peerd), n->heard.asleep);
    struct duration whole = instant_since(sim_site_now(sim, site), n->heard.at);
    struct duration awake = duration_sub(whole, slept);
    struct duration slack = slept.us > 0 ? watch_unknown_stop(site) : DURATION_ZERO;
    if (duration_less(duration_add(awake, duration_add(slack, TIMER)), lease) ||
        (slept.us == 0 && duration_less(duration_add(lease, TIMER), awake)))
        sim_breach(sim,
                   "%s believes %s lost, heard %" PRId64 " ms ago, its lease being %" PRId64 " ms",
                   watch_cluster(sim, site->index), site->policy.nodes[node].name.text,
                   duration_in_ms(awake), duration_in_ms(lease));
}

void watch_nodes(struct sim *sim, struct sim_site *site, const struct core_event *e) {
    struct watch_site *watch = watch_of(sim, site);
    uint64_t lost = core_counters(site->core)->nodes_lost;
    bool reported = e->kind == CORE_NODE_REPORTED;
    bool look = reported || lost != watch->nodes_lost;
    for (uint32_t i = 0; i < site->policy.node_count && look; i++) {
        struct watch_node *n = &watch->nodes[i];
        struct core_node_status s = core_node_status(site->core, i);
        if (n->registered && !s.registered)
            check_lost(sim, site, i, n);
        n->registered = s.registered;
        if (reported && i == e->u.node.node && s.heard.us == sim_site_now(sim, site).us)
            n->heard = watch_now(sim, site);
    }
    watch->nodes_lost = lost;
}

/* Recovering until every node has told all it has, or a lease of them has passed. */
void watch_recovery(struct sim *sim, struct sim_site *site) {
    struct watch_site *watch = watch_of(sim, site);
    if (watch->recovered)
        return;
    struct core_status s = core_status(site->core);
    struct instant ends = instant_add(s.started, site->policy.limits.node_lease);
    uint32_t complete = 0;
    for (uint32_t i = 0; i < site->policy.node_count; i++)
        complete += core_node_status(site->core, i).complete;
    watch->recovered =
        complete == site->policy.node_count || instant_reached(sim_site_now(sim, site), ends);
    if (s.recovering == watch->recovered)
        sim_breach(sim, "%s %s, having heard all of %" PRIu32 " of %" PRIu32 " nodes",
                   watch_cluster(sim, site->index),
                   s.recovering ? "is recovering still" : "has recovered", complete,
                   site->policy.node_count);
}

/* ---- in full --------------------------------------------------------------------------------- */

/* A node that is not heard for a lease is gone. */
static void check_nodes(struct sim *sim, struct sim_site *site) {
    struct duration lease = duration_add(site->policy.limits.node_lease, TIMER);
    for (uint32_t i = 0; i < site->policy.node_count; i++) {
        struct core_node_status s = core_node_status(site->core, i);
        if (!s.registered)
            continue;
        struct instant heard = watch_site_counts_from(sim, site, s.heard);
        if (duration_less(lease, instant_since(sim_site_now(sim, site), heard)))
            sim_breach(sim, "%s believes in %s, not heard for %" PRId64 " ms",
                       watch_cluster(sim, site->index), s.policy->name.text,
                       duration_in_ms(instant_since(sim_site_now(sim, site), heard)));
    }
}

void watch_tables(struct sim *sim, struct sim_site *site) {
    check_nodes(sim, site);
    watch_grants(sim, site);
    watch_lodgings(sim, site);
    watch_drain(sim, site);
}
