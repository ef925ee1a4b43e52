#include "peerd/sim/invariants_private.h"
#include "peerd/sim/rekey.h"

#include <inttypes.h>

/* What nodes tell, and what a core makes of it. */

static struct watch_site *watch_of(struct sim *sim, const struct sim_site *site) {
    return &sim->watch->sites[site->index];
}

/* ---- 17: arrivals ---------------------------------------------------------------------------- */

/* The cluster that served before, as far as we know it; NULL: nobody we know, or perhaps one whose
 * key of before that is, which a run that began later has not been told. */
static const struct name *who_served(const struct sim *sim, const struct sim_site *site,
                                     const struct key_hint *hint) {
    if (key_hint_equal(&site->hint, hint))
        return &site->policy.cluster.name;
    for (uint32_t i = 0; i < site->policy.peer_count; i++)
        if (sim_rekey_knows(sim, site, i, hint))
            return &site->policy.peers[i].name;
    return NULL;
}

static bool is_as_told(const struct sim *sim, const struct sim_site *site, const struct move *m,
                       const struct node_session *t) {
    const struct name *from = who_served(sim, site, &t->served_by);
    return session_id_equal(&t->session, &m->session) && t->purpose == RESUME_COMMIT &&
           t->epoch == m->epoch_to && t->cause == m->cause && t->silent_ms == m->silent_ms &&
           (from == NULL || name_equal(from, &m->from));
}

/* An arrival is entered as its client told it, when it happens: a node that tells for the first
 * time what it has tells of nothing that happens now. */
static void check_arrivals(struct sim *sim, struct sim_site *site, const struct node_request *r,
                           bool at_first) {
    struct watch_site *watch = watch_of(sim, site);
    for (uint64_t n = watch->ledger_before + 1; n <= watch->ledger; n++) {
        const struct ledger_entry *e = ledger_find(core_ledger(site->core), n);
        if (e == NULL || e->move.out || e->move.state != MOVE_STATE_OVER)
            continue;
        bool told = false;
        for (size_t i = 0; i < r->session_count && !told; i++)
            told = is_as_told(sim, site, &e->move, &r->sessions[i]);
        if (at_first)
            sim_breach(sim, "%s enters an arrival (%s) of a session that its node had before",
                       watch_cluster(sim, site->index), move_cause_name(e->move.cause));
        if (!told)
            sim_breach(sim, "%s enters an arrival (%s, epoch %" PRIu32 ") that no node has told",
                       watch_cluster(sim, site->index), move_cause_name(e->move.cause),
                       e->move.epoch_to);
    }
}

/* ---- 19: the table against its nodes --------------------------------------------------------- */

static enum session_state state_of(enum resume_purpose purpose) {
    return purpose == RESUME_STANDBY ? SESSION_STATE_STANDBY
           : purpose == RESUME_HEDGE ? SESSION_STATE_HEDGING
                                     : SESSION_STATE_COMMITTED;
}

/* More than was agreed is not taken into the table, and is ended with that reason. */
static bool is_refused(const struct sim *sim, const struct sim_site *site,
                       const struct node_session *t) {
    const struct core_outbox *out = &sim->core_outbox;
    if (site->policy.agreement_count == 0 || name_equal(&t->issuer, &site->policy.cluster.name))
        return false;
    for (uint32_t i = 0; i < out->count; i++) {
        const struct core_answer_node *a = &out->items[i].u.node;
        if (out->items[i].kind != CORE_ANSWER_NODE)
            continue;
        for (uint32_t k = 0; k < a->order_count; k++)
            if (session_id_equal(&a->orders[k].session, &t->session) &&
                a->orders[k].what == NODE_ORDER_END &&
                (a->orders[k].error == ERR_NO_CREDIT || a->orders[k].error == ERR_DENIED))
                return true;
        return a->order_count == CORE_ORDERS_MAX; /* in its turn */
    }
    return false;
}

/* What was told stands there as told, unless something newer does. */
static void check_told(struct sim *sim, struct sim_site *site, const struct name *node,
                       const struct node_session *t) {
    struct core_session_status s;
    const char *name = watch_cluster(sim, site->index);
    if (!core_session_find(site->core, &t->session, &s)) {
        if (core_status(site->core).sessions < site->policy.limits.sessions_max &&
            !is_refused(sim, site, t))
            sim_breach(sim, "%s does not know a session that %s has just told", name, node->text);
        return;
    }
    bool serves = t->purpose == RESUME_COMMIT;
    if (!name_equal(&s.node, node)) {
        if (serves && t->epoch > s.epoch)
            sim_breach(sim, "%s keeps epoch %" PRIu32 " of %s although %s serves under %" PRIu32,
                       name, s.epoch, s.node.text, node->text, t->epoch);
        return;
    }
    if (t->epoch < s.epoch)
        return;
    if (s.state == SESSION_STATE_STANDBY && is_refused(sim, site, t))
        return;
    if (s.epoch != t->epoch || s.state != state_of(t->purpose) || s.worker != t->worker)
        sim_breach(sim,
                   "%s has a session as %s under epoch %" PRIu32
                   " that %s tells as %s under %" PRIu32,
                   name, session_state_name(s.state), s.epoch, node->text,
                   session_state_name(state_of(t->purpose)), t->epoch);
    if (s.last_frame != t->last_frame || s.expected != t->expected ||
        s.lost_before != t->lost_before || s.lost_after != t->lost_after || s.rtt_us != t->rtt_us ||
        s.jitter_us != t->jitter_us)
        sim_breach(sim, "%s shows other figures of a session than %s has just told", name,
                   node->text);
}

/* Whose listener has reported has told how deep its buffer is, as well. */
static void check_playout(struct sim *sim, const struct name *node, const struct node_session *t) {
    if (t->purpose == RESUME_COMMIT && t->expected > 0 && t->buffer_ms == 0)
        sim_breach(sim, "%s tells figures of a session that it serves, and no buffer", node->text);
}

static bool tells(const struct node_request *r, const struct session_id *id) {
    for (size_t i = 0; i < r->session_count; i++)
        if (session_id_equal(&r->sessions[i].session, id))
            return true;
    return false;
}

static void check_ended(struct sim *sim, struct sim_site *site, const struct name *node,
                        const struct node_request *r) {
    struct core_session_status s;
    for (size_t i = 0; i < r->ended_count; i++)
        if (core_session_find(site->core, &r->ended[i], &s) && name_equal(&s.node, node) &&
            s.state != SESSION_STATE_OPENED && !tells(r, &r->ended[i]))
            sim_breach(sim, "%s keeps a session (%s) whose end %s has just told",
                       watch_cluster(sim, site->index), session_state_name(s.state), node->text);
}

/* After all was told nothing else is believed to be there. */
static void check_full(struct sim *sim, struct sim_site *site, const struct name *node,
                       const struct node_request *r) {
    struct core_session_status s;
    uint32_t cursor = 0;
    while (r->full && core_session_next(site->core, &cursor, &s))
        if (name_equal(&s.node, node) && s.state != SESSION_STATE_OPENED && !tells(r, &s.id))
            sim_breach(sim, "%s keeps a session (%s) of %s, which has told all and not this one",
                       watch_cluster(sim, site->index), session_state_name(s.state), node->text);
}

/* What was opened waits for its client, whatever nodes say that do not know of it yet. */
static void check_opened(struct sim *sim, const struct sim_site *site) {
    const struct watch_site *watch = watch_of(sim, site);
    uint64_t abandoned = core_counters(site->core)->opens_abandoned - watch->abandoned_before;
    uint32_t opened = core_status(site->core).opened;
    if (watch->lost_before == core_counters(site->core)->nodes_lost &&
        opened + watch->started + abandoned < watch->opened_before)
        sim_breach(sim, "%s forgets a session that it has opened", watch_cluster(sim, site->index));
}

static uint64_t running(const struct node_request *r) {
    uint64_t bits = 0;
    for (size_t i = 0; i < r->worker_count; i++)
        bits |= (uint64_t)(r->workers[i].pid != 0) << (r->workers[i].index % 64);
    return bits;
}

/* Before the step. */
void watch_reports(struct sim *sim, struct sim_site *site, const struct core_node_reported *e) {
    struct watch_site *watch = watch_of(sim, site);
    struct core_session_status s;
    struct watch_node *n = &watch->nodes[e->node];
    if (e->report->boot != n->boot || e->report->seq > n->seq) {
        n->taken_boot = e->report->boot;
        n->taken_on = e->report->order_seen;
    }
    n->complete = core_node_status(site->core, e->node).complete;
    n->registered_before = core_node_status(site->core, e->node).registered;
    watch->stale_before = core_counters(site->core)->node_reports_stale;
    watch->opened_before = core_status(site->core).opened;
    watch->abandoned_before = core_counters(site->core)->opens_abandoned;
    watch->lost_before = core_counters(site->core)->nodes_lost;
    watch->started = 0;
    for (size_t i = 0; i < e->report->session_count && watch->opened_before > 0; i++)
        watch->started += core_session_find(site->core, &e->report->sessions[i].session, &s) &&
                          s.state == SESSION_STATE_OPENED;
}

/* True if what was said is news: of the run that counts, and not heard before. What an earlier run
 * said comes too late, once; a second word of it says that there are two. */
static bool is_news(struct sim *sim, struct sim_site *site, uint32_t index,
                    const struct node_request *r) {
    struct watch_node *n = &watch_of(sim, site)->nodes[index];
    struct core_node_status s = core_node_status(site->core, index);
    bool counted =
        core_counters(site->core)->node_reports_stale > watch_of(sim, site)->stale_before;
    bool former = r->boot == n->former && n->former != 0;
    if (s.boot != r->boot) {
        n->former_words += former;
        return false;
    }
    if (former && n->former_words == 0 && n->registered_before)
        sim_breach(sim, "%s takes a report of a run of %s that another has followed",
                   watch_cluster(sim, site->index), s.policy->name.text);
    if (r->boot == n->boot && r->seq <= n->seq) {
        if (!counted)
            sim_breach(sim, "%s takes report %" PRIu64 " of %s, having taken %" PRIu64,
                       watch_cluster(sim, site->index), r->seq, s.policy->name.text, n->seq);
        return false; /* overtaken: only its lease counts */
    }
    if (r->boot != n->boot) {
        n->former = n->registered_before ? n->boot : 0;
        n->former_words = 0;
    }
    return true;
}

void watch_reported(struct sim *sim, struct sim_site *site, uint32_t index,
                    const struct node_request *r) {
    struct watch_node *n = &watch_of(sim, site)->nodes[index];
    struct core_node_status status = core_node_status(site->core, index);
    if (!is_news(sim, site, index, r))
        return;
    n->boot = r->boot;
    n->seq = r->seq;
    n->running = running(r);
    if (!status.complete)
        return;
    for (size_t i = 0; i < r->session_count; i++)
        check_playout(sim, &status.policy->name, &r->sessions[i]);
    for (size_t i = 0; i < r->session_count; i++)
        check_told(sim, site, &status.policy->name, &r->sessions[i]);
    check_ended(sim, site, &status.policy->name, r);
    check_full(sim, site, &status.policy->name, r);
    check_arrivals(sim, site, r, !n->complete);
    check_opened(sim, site);
}
