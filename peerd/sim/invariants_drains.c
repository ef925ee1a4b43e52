#include "peerd/core/leaving.h"
#include "peerd/core/newcomers.h"
#include "peerd/sim/client.h"
#include "peerd/sim/invariants_private.h"
#include "topo/location.h"

#include <inttypes.h>

/* What a core orders, and when: it drains, at the pace and until the deadline that it was told. */

#define DRAIN_SLACK    duration_ms(1500) /* nodes poll, orders wait, targets are looked for anew */
#define LEARNED        duration_s(2)     /* … and a report of theirs says so */
#define TELLING        duration_s(6)     /* clients take another list of backups up */
#define DEADLINE_SLACK 1                 /* [ms] of rounding */
#define HOME_BY        duration_s(180)   /* [s] NEWCOMERS_FOR after the last of some waves */

static struct watch_site *watch_of(struct sim *sim, const struct sim_site *site) {
    return &sim->watch->sites[site->index];
}

static void begins(struct sim *sim, struct sim_site *site, struct instant ends,
                   const struct name *to) {
    struct watch_site *watch = watch_of(sim, site);
    struct instant now = sim_site_now(sim, site);
    if (!watch->draining) {
        watch->draining = true;
        watch->drain_named = false;
        watch->drain_most = core_status(site->core).sessions;
        watch->drain_since = now;
        watch->drain_orders = 0;
        watch->drain_earliest = watch->drain_latest = ends;
    }
    watch->drain_named |= !name_is_empty(to);
    watch->drain_earliest = instant_min(watch->drain_earliest, ends);
    watch->drain_latest = instant_max(watch->drain_latest, ends);
}

void watch_drain_begins(struct sim *sim, struct sim_site *site, const struct core_drain *d) {
    bool told = d->deadline.us > 0;
    struct duration within = told ? d->deadline : site->policy.limits.drain_deadline;
    watch_of(sim, site)->drain_spoken = true;
    begins(sim, site, instant_add(sim_site_now(sim, site), within), &d->to);
}

void watch_drain_ends(struct sim *sim, struct sim_site *site) {
    watch_of(sim, site)->drain_spoken = true;
    watch_of(sim, site)->draining = false;
}

/* A node tells a run to which its operator has said nothing yet what he said to the runs before: of
 * several words the newest counts. */
void watch_drain_told(struct sim *sim, struct sim_site *site, const struct core_node_reported *e) {
    struct watch_site *watch = watch_of(sim, site);
    const struct watch_node *n = &watch->nodes[e->node];
    const struct node_request *r = e->report;
    struct instant now = sim_site_now(sim, site);
    bool is_news = core_node_status(site->core, e->node).boot == r->boot &&
                   (r->boot != n->boot || r->seq > n->seq);
    if (!is_news || watch->drain_spoken || r->drain.number <= watch->drain_number)
        return;
    watch->drain_number = r->drain.number;
    if (!r->drain.active) {
        watch->draining = false;
        return;
    }
    struct instant since = instant_sub(now, duration_ms((int64_t)r->drain.age_ms));
    begins(sim, site, instant_add(since, duration_ms((int64_t)r->drain.within_ms)), &r->drain.to);
}

/* ---- 18: orders ------------------------------------------------------------------------------ */

/* No faster than policy says: a second's worth may have waited for somebody to go. */
static void check_pace(struct sim *sim, const struct sim_site *site) {
    const struct watch_site *watch = watch_of(sim, site);
    uint32_t pace = site->policy.limits.drain_per_s;
    int64_t us = instant_since(sim_site_now(sim, site), watch->drain_since).us;
    uint64_t most = 2 + pace + pace * (uint64_t)us / 1000000;
    if (watch->drain_orders > most)
        sim_breach(sim,
                   "%s has ordered %" PRIu64 " sessions to go within %" PRId64 " ms, at %" PRIu32
                   " a second",
                   watch_cluster(sim, site->index), watch->drain_orders, us / 1000, pace);
}

static int64_t ms_left(const struct sim *sim, const struct sim_site *site, struct instant ends) {
    int64_t ms = duration_in_ms(instant_since(ends, sim_site_now(sim, site)));
    return ms < 0 ? 0 : ms;
}

/* For whom there is time until the end of the drain that was told. */
static void check_deadline(struct sim *sim, const struct sim_site *site,
                           const struct node_order *o) {
    const struct watch_site *watch = watch_of(sim, site);
    int64_t least = ms_left(sim, site, watch->drain_earliest);
    int64_t most = ms_left(sim, site, watch->drain_latest);
    if (o->deadline_ms + DEADLINE_SLACK < least || o->deadline_ms > most + DEADLINE_SLACK)
        sim_breach(sim, "%s orders a session to go within %" PRIu32 " ms, not %" PRId64,
                   watch_cluster(sim, site->index), o->deadline_ms, most);
}

/* Its node has said something of it since it was to go: which backups its client goes by now (by
 * its ticket again, where a worker has died) may not be what was chosen among. */
static bool told_since(const struct core_session_status *s) {
    return instant_before(s->move->begun, s->renewed);
}

/* To a backup of the session, of which nothing bad was known when it was chosen. */
static void check_target(struct sim *sim, const struct sim_site *site, const struct node_order *o,
                         const struct core_session_status *s) {
    struct instant now = sim_site_now(sim, site);
    bool known = name_equal(&s->issuer, &o->target);
    for (uint8_t b = 0; b < s->backup_count; b++)
        known |= name_equal(&s->backups[b], &o->target);
    for (uint32_t i = 0; i < site->policy.peer_count && known; i++) {
        struct core_peer_status p = core_peer_status(site->core, i, now);
        if (name_equal(&p.policy->name, &o->target) && !verdict_is_usable(p.verdict) &&
            instant_before(p.since, s->move->begun))
            sim_breach(sim, "%s orders a session to %s, which it believes %s",
                       watch_cluster(sim, site->index), o->target.text, verdict_name(p.verdict));
    }
    if (!known && !told_since(s))
        sim_breach(sim, "%s orders a session to %s, which is no backup of it",
                   watch_cluster(sim, site->index), o->target.text);
}

void sim_invariants_move_asked(struct sim *sim, const struct sim_site *site,
                               const struct session_id *session, const struct name *to) {
    struct sim_watch *w = sim->watch;
    w->asked[w->asked_count++ % WATCH_ASKED_MAX] = (struct watch_asked){site->index, *session, *to};
}

bool watch_asked_to_move(const struct sim *sim, uint32_t cluster, const struct session_id *session,
                         const struct name *to) {
    const struct sim_watch *w = sim->watch;
    for (uint32_t i = 0; i < w->asked_count && i < WATCH_ASKED_MAX; i++)
        if (w->asked[i].site == cluster && (to == NULL || name_equal(&w->asked[i].to, to)) &&
            session_id_equal(&w->asked[i].session, session))
            return true;
    return false;
}

/* Some worker of it has been made slow, or frames cost something there anyhow. */
static bool is_slow(const struct sim *sim, const struct sim_site *site) {
    bool slow = sim->scenario->clusters[site->index].frame_cpu.us > 0;
    for (uint32_t i = 0; i < site->worker_count; i++)
        slow |= sim->workers[site->first_worker + i].slowed;
    return slow && core_counters(site->core)->sessions_shed > 0;
}

/* Whose path has been found bad, or who is short of CPU, and whose policy has canaries; it is asked
 * for, no more. */
static void check_degraded(struct sim *sim, const struct sim_site *site,
                           const struct node_order *o) {
    struct core_session_status s;
    bool bad = core_counters(site->core)->canaries > 0 || is_slow(sim, site);
    if (!bad || site->policy.performance.canary == 0)
        sim_breach(sim, "%s orders a session to move for a path that it has not found bad",
                   watch_cluster(sim, site->index));
    if (duration_less(LEAVING_ASKED_WITHIN, duration_ms(o->deadline_ms - DEADLINE_SLACK)))
        sim_breach(sim, "%s asks a session to go within %" PRIu32 " ms",
                   watch_cluster(sim, site->index), o->deadline_ms);
    if (core_session_find(site->core, &o->session, &s) && s.move != NULL &&
        s.move->order == o->id && s.move->orders == 1)
        check_target(sim, site, o, &s);
}

/* By policy to the cluster that opened it, which is back for long enough and does not come and go.
 */
static void check_homing(struct sim *sim, const struct sim_site *site, const struct node_order *o,
                         const struct core_session_status *s, struct duration stayed) {
    const struct policy_limits *l = &site->policy.limits;
    if (l->homing == POLICY_RETURN_NEVER || !name_equal(&s->issuer, &o->target))
        sim_breach(sim, "%s sends a session to %s that has not come from there, off a bad path",
                   watch_cluster(sim, site->index), o->target.text);
    if (duration_less(duration_add(stayed, duration_s(1)), l->return_after))
        sim_breach(sim, "%s sends a session home %" PRId64 " ms after it came",
                   watch_cluster(sim, site->index), duration_in_ms(stayed));
    for (uint32_t i = 0; i < site->policy.peer_count; i++)
        if (name_equal(&site->policy.peers[i].name, &o->target) &&
            core_peer_damped(site->core, i) && instant_reached(s->move->begun, sim->now))
            sim_breach(sim, "%s sends a session home to %s, which comes and goes",
                       watch_cluster(sim, site->index), o->target.text);
}

/* Whoever is sent home has come from there, since the path was bad, not long ago and not just now;
 * or goes by policy, as it may when that path is well again. */
static void check_return(struct sim *sim, const struct sim_site *site, const struct node_order *o) {
    const struct ledger *l = core_ledger(site->core);
    struct core_session_status s;
    if (!core_session_find(site->core, &o->session, &s) || s.move == NULL ||
        s.move->order != o->id || s.move->orders != 1)
        return;
    check_target(sim, site, o, &s);
    for (uint64_t n = l->count; n >= ledger_first(l) && n > 0; n--) {
        const struct move *m = &ledger_find(l, n)->move;
        if (m->out || m->state != MOVE_STATE_OVER || !session_id_equal(&m->session, &o->session))
            continue;
        struct duration stayed = instant_since(s.move->begun, m->begun);
        if (m->cause != MOVE_CAUSE_DEGRADED || !name_equal(&m->from, &o->target) ||
            duration_less(HOME_BY, stayed))
            check_homing(sim, site, o, &s, stayed);
        else if (duration_less(stayed, NEWCOMERS_STAY))
            sim_breach(sim, "%s sends a session home %" PRId64 " ms after it came",
                       watch_cluster(sim, site->index), duration_in_ms(stayed));
        return;
    }
}

/* When its client was last told of other backups, by that cluster's clock. */
static struct instant named_at(const struct sim *sim, const struct sim_site *site,
                               const struct session_id *id) {
    for (uint32_t i = 0; i < sim->client_count; i++)
        if (sim->clients[i].named && session_id_equal(&sim->clients[i].ticket.session, id))
            return sim_clock_local(&site->clock, sim->clients[i].named_at);
    return instant_us(INT64_MIN / 2);
}

/* Since when it has said that it takes as many as there are to be drained; "never": it does not.
 * Else it may be full by those who go there themselves, or be kept from more before. */
static struct instant has_room_since(const struct sim *sim, const struct sim_site *site,
                                     uint32_t peer, const struct core_peer_status *p) {
    const struct watch_site *watch = &sim->watch->sites[site->index];
    bool has = !p->room_known || p->room.room >= watch->drain_most;
    return has ? instant_max(p->since, watch->peers[peer].room_since) : INSTANT_NEVER;
}

static bool named_has_room(const struct sim *sim, const struct sim_site *site,
                           const struct name *cluster, struct instant since) {
    for (uint32_t i = 0; i < site->policy.peer_count; i++) {
        struct core_peer_status p = core_peer_status(site->core, i, sim_site_now(sim, site));
        if (name_equal(&p.policy->name, cluster))
            return instant_before(has_room_since(sim, site, i, &p), since);
    }
    return true;
}

/* Backups stand in the order of their worth, from when the table has learned which they are now.
 * Only of those that never went away is it known here that nothing spoke against them then. */
static void check_choice(struct sim *sim, const struct sim_site *site, const struct node_order *o,
                         const struct core_session_status *s) {
    bool simple = site->at_start == NULL && site->policy.agreement_count == 0;
    struct instant learned = instant_add(named_at(sim, site, &o->session), LEARNED);
    if (!simple || watch_of(sim, site)->drain_named || told_since(s) ||
        instant_before(s->move->begun, learned))
        return;
    for (uint8_t b = 0; b < s->backup_count && !name_equal(&s->backups[b], &o->target); b++)
        for (uint32_t i = 0; i < site->policy.peer_count; i++) {
            struct core_peer_status p = core_peer_status(site->core, i, sim_site_now(sim, site));
            if (name_equal(&p.policy->name, &s->backups[b]) && p.policy->offer_moves &&
                verdict_is_usable(p.verdict) && p.flaps == 0 &&
                instant_before(has_room_since(sim, site, i, &p), s->move->begun))
                sim_breach(sim, "%s orders a session to %s, although %s comes first",
                           watch_cluster(sim, site->index), o->target.text, p.policy->name.text);
        }
}

static void check_order(struct sim *sim, const struct sim_site *site, const struct node_order *o,
                        bool first) {
    struct watch_site *watch = watch_of(sim, site);
    struct core_session_status s;
    if (o->what != NODE_ORDER_MOVE)
        return;
    if (o->cause == MOVE_CAUSE_DEGRADED || o->cause == MOVE_CAUSE_RETURN)
        sim_invariants_disturbed(sim); /* something happens, if only to one of them */
    if (o->cause == MOVE_CAUSE_DEGRADED) {
        check_degraded(sim, site, o);
        return;
    }
    if (o->cause == MOVE_CAUSE_RETURN) {
        check_return(sim, site, o);
        return;
    }
    /* What was asked for may wait at its node while a drain begins. */
    bool asked = watch_asked_to_move(sim, site->index, &o->session, &o->target);
    bool soon = !duration_less(LEAVING_ASKED_WITHIN, duration_ms(o->deadline_ms - DEADLINE_SLACK));
    if (asked && soon)
        return;
    if (!watch->draining) {
        sim_breach(sim, "%s orders a session to move although it does not drain",
                   watch_cluster(sim, site->index));
        return;
    }
    check_deadline(sim, site, o);
    if (!first || !core_session_find(site->core, &o->session, &s) || s.move == NULL ||
        s.move->order != o->id)
        return;
    /* What was ordered at another pace may be told since. */
    watch->drain_orders +=
        s.move->orders == 1 && !instant_before(s.move->begun, watch->drain_since);
    check_pace(sim, site);
    if (s.move->orders != 1)
        return;
    check_target(sim, site, o, &s);
    check_choice(sim, site, o, &s);
}

/* A core orders a session to move because it drains, because its path is bad, because an operator
 * wants it, or home. No verdict,
 * headless least of all, and no restart ever moves anything. */
void watch_orders(struct sim *sim, struct sim_site *site, const struct core_answer_node *a) {
    bool draining = watch_of(sim, site)->draining;
    struct watch_node *n = &watch_of(sim, site)->nodes[a->node];
    uint64_t boot = core_node_status(site->core, a->node).boot;
    uint32_t sessions = core_status(site->core).sessions;
    if (draining && watch_of(sim, site)->drain_most < sessions)
        watch_of(sim, site)->drain_most = sessions;
    bool comes = n->sent_boot != boot || !n->registered;
    if (n->sent_boot != boot) { /* its orders are counted anew */
        n->sent_boot = boot;
        n->sent = 0;
    }
    for (uint32_t i = 0; i < a->order_count; i++) {
        if (boot == n->taken_boot && a->orders[i].id <= n->taken_on)
            sim_breach(sim, "%s sends order %" PRIu64 " again, which %s has taken on",
                       watch_cluster(sim, site->index), a->orders[i].id,
                       core_node_status(site->core, a->node).policy->name.text);
        if (comes && a->orders[i].what == NODE_ORDER_MOVE)
            sim_breach(sim, "%s orders a session to move that %s had in an earlier life",
                       watch_cluster(sim, site->index),
                       core_node_status(site->core, a->node).policy->name.text);
        check_order(sim, site, &a->orders[i], a->orders[i].id > n->sent);
        n->sent = a->orders[i].id > n->sent ? a->orders[i].id : n->sent;
    }
    if (a->draining != draining)
        sim_breach(sim, "%s tells a node that it %s", watch_cluster(sim, site->index),
                   a->draining ? "drains, which it does not" : "does not drain, which it does");
}

/* ---- 21: drains ------------------------------------------------------------------------------ */

/* Since when that cluster could have been asked to take it; "never" if it cannot. */
static struct instant could_take_since(const struct sim *sim, const struct sim_site *site,
                                       const struct core_session_status *s,
                                       const struct name *cluster) {
    struct prefix location = location_of(&s->client);
    for (uint32_t i = 0; i < site->policy.peer_count; i++) {
        if (!name_equal(&site->policy.peers[i].name, cluster))
            continue;
        struct core_peer_status p = core_peer_status(site->core, i, sim_site_now(sim, site));
        if (watch_may_go(site, i, &s->service, &location) && verdict_is_usable(p.verdict))
            return has_room_since(sim, site, i, &p);
    }
    return INSTANT_NEVER;
}

/* Since when a backup of it, or who issued its ticket, could have been asked. */
static struct instant could_go_since(const struct sim *sim, const struct sim_site *site,
                                     const struct core_session_status *s) {
    struct instant since = could_take_since(sim, site, s, &s->issuer);
    for (uint8_t b = 0; b < s->backup_count; b++)
        since = instant_min(since, could_take_since(sim, site, s, &s->backups[b]));
    return since;
}

/* True if a worker here serves it for no longer than that, whether its client knows of that or not:
 * the table may have it from before, when it stood by. */
static bool came_within(const struct sim *sim, const struct sim_site *site,
                        const struct session_id *id, struct duration time) {
    for (uint32_t i = 0; i < sim->client_count; i++) {
        const struct sim_client *c = &sim->clients[i];
        if (!session_id_equal(&c->ticket.session, id))
            continue;
        for (uint32_t h = 0; h < c->holder_count; h++)
            if (!c->holders[h].hot && sim->workers[c->holders[h].worker].cluster == site->index &&
                duration_less(instant_since(sim->now, c->holders[h].since), time))
                return true;
        return c->state != SIM_CLIENT_OPEN;
    }
    return true;
}

/* Each session is ordered to go in its turn. */
static void check_ordered(struct sim *sim, const struct sim_site *site,
                          const struct core_session_status *s) {
    const struct watch_site *watch = watch_of(sim, site);
    uint32_t pace = site->policy.limits.drain_per_s;
    struct duration turn = duration_us((int64_t)(watch->drain_most * UINT64_C(1200000) / pace));
    struct instant able = could_go_since(sim, site, s);
    if (s->move != NULL || instant_is_never(able))
        return;
    struct instant since = instant_max(instant_max(watch->drain_since, s->since), able);
    since =
        instant_max(since, named_at(sim, site, &s->id)); /* those before may all have been dead */
    since = watch_site_counts_from(sim, site, since);
    struct duration waits = instant_since(sim_site_now(sim, site), since);
    struct duration most = duration_add(DRAIN_SLACK, turn);
    if (watch->drain_named) /* its client may have to be told of that cluster first */
        most = duration_add(most, TELLING);
    if (duration_less(most, waits) && !came_within(sim, site, &s->id, most))
        sim_breach(sim, "%s has drained for %" PRId64 " ms and not asked a session to go",
                   watch_cluster(sim, site->index), duration_in_ms(waits));
}

/* The node of that name; UINT32_MAX: none any more. */
static uint32_t node_named(const struct sim_site *site, const struct name *name) {
    for (uint32_t i = 0; i < core_status(site->core).nodes; i++)
        if (name_equal(&core_node_status(site->core, i).policy->name, name))
            return i;
    return UINT32_MAX;
}

/* What its node has taken on it has been sent, and who stays all the same is asked again. */
static void check_repeated(struct sim *sim, const struct sim_site *site,
                           const struct core_session_status *s) {
    const struct move *m = s->move;
    if (m == NULL || !m->out || m->state != MOVE_STATE_OVERLAP)
        return;
    uint32_t node = node_named(site, &s->node);
    struct instant now = sim_site_now(sim, site);
    struct instant since = watch_site_counts_from(sim, site, m->overlaps);
    int64_t rounds = (instant_since(now, since).us - DRAIN_SLACK.us) / MOVE_REPEAT_AFTER.us;
    if (m->orders < rounds && named_has_room(sim, site, &m->to, m->begun))
        sim_breach(sim, "%s has ordered a session to go %" PRIu32 " times in %" PRId64 " ms",
                   watch_cluster(sim, site->index), m->orders,
                   duration_in_ms(instant_since(now, since)));
    if (m->orders == 1 && node != UINT32_MAX && m->order > watch_of(sim, site)->nodes[node].sent)
        sim_breach(sim, "%s believes that %s has taken on order %" PRIu64 ", which it never got",
                   watch_cluster(sim, site->index), s->node.text, m->order);
}

/* A drain forgets nobody. */
void watch_drain(struct sim *sim, struct sim_site *site) {
    struct watch_site *watch = watch_of(sim, site);
    struct core_session_status s;
    uint32_t cursor = 0, sessions = core_status(site->core).sessions;
    if (!watch->drain_spoken && core_status(site->core).recovering)
        watch->drain_since = sim_site_now(sim, site); /* it may hear yet that it was called off */
    if (watch->drain_most < sessions)
        watch->drain_most = sessions;
    while (watch->draining && core_session_next(site->core, &cursor, &s)) {
        if (s.state != SESSION_STATE_COMMITTED)
            continue;
        check_ordered(sim, site, &s);
        check_repeated(sim, site, &s);
    }
}
