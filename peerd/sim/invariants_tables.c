#include "peerd/sim/invariants_private.h"

#include <inttypes.h>

/* What a core keeps: its table, its ledger, what it orders, and what it sets aside for others. */

#define TWINS_MAX    64                /* entries of the ledger looked back for the same move */
#define DRAIN_SLACK  duration_ms(1500) /* nodes poll, orders wait, targets are looked for anew */
#define LODGED_SLACK duration_s(1)

static struct watch_site *watch_of(struct sim *sim, const struct sim_site *site) {
    return &sim->watch->sites[site->index];
}

/* ---- 17: the ledger -------------------------------------------------------------------------- */

static bool is_twin(const struct move *a, const struct move *b) {
    bool same_way = a->out == b->out && session_id_equal(&a->session, &b->session);
    return same_way && a->epoch_to == b->epoch_to && (!a->out || a->begun.us == b->begun.us);
}

/* Each move stands there once, with a cause that fits and epochs that grow. */
static void check_entry(struct sim *sim, struct sim_site *site, uint64_t number) {
    const struct ledger *l = core_ledger(site->core);
    const struct move *m = &ledger_find(l, number)->move;
    const char *name = watch_cluster(sim, site->index);
    if (m->out && (m->cause != MOVE_CAUSE_DRAIN || !watch_of(sim, site)->draining))
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

void watch_ledger(struct sim *sim, struct sim_site *site) {
    struct watch_site *watch = watch_of(sim, site);
    const struct ledger *l = core_ledger(site->core);
    for (; watch->ledger < l->count; watch->ledger++)
        if (watch->ledger + 1 >= ledger_first(l))
            check_entry(sim, site, watch->ledger + 1);
}

/* An arrival is entered as its client told it. */
static void check_arrivals(struct sim *sim, struct sim_site *site, const struct node_request *r) {
    struct watch_site *watch = watch_of(sim, site);
    for (uint64_t n = watch->ledger_before + 1; n <= watch->ledger; n++) {
        const struct ledger_entry *e = ledger_find(core_ledger(site->core), n);
        if (e == NULL || e->move.out)
            continue;
        bool told = false;
        for (size_t i = 0; i < r->session_count && !told; i++)
            told = session_id_equal(&r->sessions[i].session, &e->move.session) &&
                   r->sessions[i].purpose == RESUME_COMMIT &&
                   r->sessions[i].epoch == e->move.epoch_to &&
                   r->sessions[i].cause == e->move.cause;
        if (!told)
            sim_breach(sim, "%s enters an arrival (%s, epoch %" PRIu32 ") that no node has told",
                       watch_cluster(sim, site->index), move_cause_name(e->move.cause),
                       e->move.epoch_to);
    }
}

/* ---- 18: orders ------------------------------------------------------------------------------ */

/* A core orders a session to move for one reason: it drains. No verdict, headless least of all,
 * and no restart ever moves anything. */
void watch_orders(struct sim *sim, struct sim_site *site, const struct core_answer_node *a) {
    bool draining = watch_of(sim, site)->draining;
    for (uint32_t i = 0; i < a->order_count; i++)
        if (a->orders[i].what == NODE_ORDER_MOVE && !draining)
            sim_breach(sim, "%s orders a session to move although it does not drain",
                       watch_cluster(sim, site->index));
    if (a->draining != draining)
        sim_breach(sim, "%s tells a node that it %s", watch_cluster(sim, site->index),
                   a->draining ? "drains, which it does not" : "does not drain, which it does");
}

/* ---- 19: the table against its nodes --------------------------------------------------------- */

static enum session_state state_of(enum resume_purpose purpose) {
    return purpose == RESUME_STANDBY ? SESSION_STATE_STANDBY
           : purpose == RESUME_HEDGE ? SESSION_STATE_HEDGING
                                     : SESSION_STATE_COMMITTED;
}

/* What was told stands there as told, unless something newer does. */
static void check_told(struct sim *sim, struct sim_site *site, const struct name *node,
                       const struct node_session *t) {
    struct core_session_status s;
    const char *name = watch_cluster(sim, site->index);
    if (!core_session_find(site->core, &t->session, &s)) {
        if (core_status(site->core).sessions < site->policy.limits.sessions_max)
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
    if (s.epoch != t->epoch || s.state != state_of(t->purpose) || s.worker != t->worker)
        sim_breach(sim,
                   "%s has a session as %s under epoch %" PRIu32
                   " that %s tells as %s under %" PRIu32,
                   name, session_state_name(s.state), s.epoch, node->text,
                   session_state_name(state_of(t->purpose)), t->epoch);
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

void watch_reported(struct sim *sim, struct sim_site *site, uint32_t index,
                    const struct node_request *r) {
    struct watch_node *n = &watch_of(sim, site)->nodes[index];
    struct core_node_status status = core_node_status(site->core, index);
    bool newest = r->boot != n->boot || r->seq > n->seq;
    if (!newest)
        return; /* overtaken: only its lease counts */
    n->boot = r->boot;
    n->seq = r->seq;
    if (!status.complete)
        return;
    for (size_t i = 0; i < r->session_count; i++)
        check_told(sim, site, &status.policy->name, &r->sessions[i]);
    check_ended(sim, site, &status.policy->name, r);
    check_full(sim, site, &status.policy->name, r);
    check_arrivals(sim, site, r);
}

/* ---- 20: what is lodged ---------------------------------------------------------------------- */

/* Others are promised what policy keeps for them, no more, for as long as they say so. */
void watch_lodged(struct sim *sim, struct sim_site *site, const struct core_event *e,
                  const struct core_answer_standbys *a) {
    uint32_t peer = e->u.lodged.peer;
    const struct policy_peer *policy = &site->policy.peers[peer];
    uint64_t sum = 0;
    for (uint32_t i = 0; i < a->slot_count; i++) {
        sum += a->slots[i];
        if (a->slots[i] > e->u.lodged.groups[i].sessions)
            sim_breach(sim, "%s sets %" PRIu32 " slots aside for %" PRIu32 " sessions of %s",
                       watch_cluster(sim, site->index), a->slots[i], e->u.lodged.groups[i].sessions,
                       policy->name.text);
    }
    bool none = !policy->accept_moves || watch_of(sim, site)->draining;
    if (sum > (none ? 0 : policy->reserved_slots))
        sim_breach(sim,
                   "%s sets %" PRIu64 " slots aside for %s, more than the %" PRIu32 " reserved",
                   watch_cluster(sim, site->index), sum, policy->name.text,
                   none ? 0 : policy->reserved_slots);
    if ((a->err == ERR_OK) != policy->accept_moves)
        sim_breach(sim, "%s answers a lodging of %s with %s", watch_cluster(sim, site->index),
                   policy->name.text, err_name(a->err));
    watch_of(sim, site)->peers[peer].lodged_until =
        instant_add(sim_site_now(sim, site), duration_ms(e->u.lodged.ttl_ms));
}

void watch_lodges(struct sim *sim, struct sim_site *site, const struct core_lodge_standbys *l) {
    watch_of(sim, site)->peers[l->peer].lodged_at = sim_site_now(sim, site);
}

/* Our own groups count on somebody who counts, and are lodged there anew before that ends. */
static void check_lodged(struct sim *sim, struct sim_site *site, const struct core_peer_status *s,
                         struct watch_peer *p) {
    struct duration most = duration_add(duration_us(CORE_STANDBYS_TTL.us / 3), LODGED_SLACK);
    if (s->lodged_groups == 0) {
        p->lodged_at = INSTANT_NEVER;
        return;
    }
    if (!verdict_is_usable(s->verdict) && s->verdict != VERDICT_SUSPECT)
        sim_breach(sim, "%s has %" PRIu32 " groups count on %s, which it believes %s",
                   watch_cluster(sim, site->index), s->lodged_groups, s->policy->name.text,
                   verdict_name(s->verdict));
    if (instant_is_never(p->lodged_at))
        p->lodged_at = sim_site_now(sim, site);
    struct instant since = watch_site_counts_from(sim, site, p->lodged_at);
    if (duration_less(most, instant_since(sim_site_now(sim, site), since)))
        sim_breach(sim, "%s lets what it has lodged with %s run out",
                   watch_cluster(sim, site->index), s->policy->name.text);
}

static void check_lodgings(struct sim *sim, struct sim_site *site) {
    for (uint32_t i = 0; i < site->policy.peer_count; i++) {
        struct core_peer_status s = core_peer_status(site->core, i, sim_site_now(sim, site));
        struct watch_peer *p = &watch_of(sim, site)->peers[i];
        check_lodged(sim, site, &s, p);
        struct instant until = watch_site_counts_from(sim, site, p->lodged_until);
        if (s.standby_groups > 0 &&
            (instant_is_never(p->lodged_until) ||
             duration_less(LODGED_SLACK, instant_since(sim_site_now(sim, site), until))))
            sim_breach(sim, "%s keeps %" PRIu32 " slots for %s, whose lodging is over",
                       watch_cluster(sim, site->index), s.standby_slots, s.policy->name.text);
    }
}

/* ---- 21: drains ------------------------------------------------------------------------------ */

/* True if a backup of it could have been asked for so long that waiting has no reason. */
static bool could_go(struct sim *sim, const struct sim_site *site,
                     const struct core_session_status *s) {
    for (uint8_t b = 0; b < s->backup_count; b++)
        for (uint32_t i = 0; i < site->policy.peer_count; i++) {
            if (!name_equal(&site->policy.peers[i].name, &s->backups[b]))
                continue;
            struct core_peer_status p = core_peer_status(site->core, i, sim_site_now(sim, site));
            if (p.policy->offer_moves && verdict_is_usable(p.verdict) &&
                duration_less(DRAIN_SLACK, instant_since(sim_site_now(sim, site), p.since)))
                return true;
        }
    return false;
}

/* A drain forgets nobody: each session is ordered to go in its turn. */
static void check_drain(struct sim *sim, struct sim_site *site) {
    struct watch_site *watch = watch_of(sim, site);
    struct core_session_status s;
    uint32_t cursor = 0;
    uint32_t sessions = core_status(site->core).sessions;
    if (watch->drain_most < sessions)
        watch->drain_most = sessions;
    uint32_t pace = site->policy.limits.drain_per_s;
    struct duration turn = duration_us((int64_t)(watch->drain_most * UINT64_C(1200000) / pace));
    while (watch->draining && core_session_next(site->core, &cursor, &s)) {
        struct instant since = instant_max(watch->drain_since, s.since);
        since = watch_site_counts_from(sim, site, since);
        struct duration waits = instant_since(sim_site_now(sim, site), since);
        if (s.state == SESSION_STATE_COMMITTED && s.move == NULL &&
            duration_less(duration_add(DRAIN_SLACK, turn), waits) && could_go(sim, site, &s))
            sim_breach(sim, "%s has drained for %" PRId64 " ms and not asked a session to go",
                       watch_cluster(sim, site->index), duration_in_ms(waits));
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
    /* It cannot know when it was stopped, only that it missed a deadline. */
    struct duration slack = slept.us > 0
                                ? duration_scale(policy_interval_max(&site->policy.detection), 2, 1)
                                : DURATION_ZERO;
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
    for (uint32_t i = 0; i < site->node_count && (reported || lost != watch->nodes_lost); i++) {
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
    for (uint32_t i = 0; i < site->node_count; i++)
        complete += core_node_status(site->core, i).complete;
    watch->recovered =
        complete == site->node_count || instant_reached(sim_site_now(sim, site), ends);
    if (s.recovering == watch->recovered)
        sim_breach(sim, "%s %s, having heard all of %" PRIu32 " of %" PRIu32 " nodes",
                   watch_cluster(sim, site->index),
                   s.recovering ? "is recovering still" : "has recovered", complete,
                   site->node_count);
}

/* ---- in full --------------------------------------------------------------------------------- */

/* A node that is not heard for a lease is gone. */
static void check_nodes(struct sim *sim, struct sim_site *site) {
    struct duration lease = duration_add(site->policy.limits.node_lease, TIMER);
    for (uint32_t i = 0; i < site->node_count; i++) {
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
    check_lodgings(sim, site);
    check_drain(sim, site);
}
