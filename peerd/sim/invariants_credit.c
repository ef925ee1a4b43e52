#include "peerd/sim/invariants_private.h"

#include "peerd/core/open.h"
#include "peerd/sim/site.h"
#include "topo/location.h"

#include <inttypes.h>
#include <string.h>

#define LEASE_SLACK_MS      300
#define SIM_WORKERS_CLOSELY 64 /* of a node: of more than that some are counted together */

/* Credit and admission: nobody is promised what is not there. */

/* ---- 4: what is held ------------------------------------------------------------------------- */

static void count_credit(struct sim *sim, struct sim_worker *w, uint32_t used) {
    struct sim_site *site = &sim->sites[w->cluster];
    site->credit_used += used - w->credit_used;
    w->credit_used = used;
    if (site->credit_used > site->capacity && !site->shared_anew)
        sim_breach(sim,
                   "workers of %s hold %" PRIu32 " sessions, more than its capacity of %" PRIu32,
                   watch_cluster(sim, w->cluster), site->credit_used, site->capacity);
}

void watch_credit_stepped(struct sim *sim, struct sim_worker *w) {
    count_credit(sim, w, w->tenure.credit_used);
}

void watch_credit_died(struct sim *sim, struct sim_worker *w) {
    count_credit(sim, w, 0);
}

/* ---- 14: what is granted --------------------------------------------------------------------- */

static uint64_t granted_to(const struct sim *sim, const struct sim_node *node) {
    struct instant until = node->credit_until;
    if (sim->sites[node->cluster].shared_anew) /* clocks differ, and its peerd's began earlier */
        until = instant_sub(until, duration_ms(LEASE_SLACK_MS + node->credit.lease_ms / 16));
    bool counts = sim_process_lives(&node->process) && node->briefed &&
                  instant_before(sim_node_now(sim, node), until);
    return counts ? (uint64_t)node->credit.slots * node->worker_count : 0;
}

/* All nodes of a cluster together never hold credit beyond its capacity, whichever runs of its
 * peerd granted it; which is so because none gets more than its fixed share. */
void sim_invariants_credit_taken(struct sim *sim, const struct sim_node *node) {
    const struct sim_site *site = &sim->sites[node->cluster];
    uint64_t sum = 0, share = site->capacity / site->node_count;
    share += node->number < site->capacity % site->node_count;
    for (uint32_t i = 0; i < site->node_count; i++)
        sum += granted_to(sim, &sim->nodes[site->first_node + i]);
    if (site->shared_anew && site->peerd.run != site->shared_run)
        return; /* this run knows nothing of the shares before */
    if (sum > site->capacity)
        sim_breach(sim,
                   "nodes of %s hold credit for %" PRIu64 " sessions; its capacity is %" PRIu32,
                   watch_cluster(sim, node->cluster), sum, site->capacity);
    if (granted_to(sim, node) > share && !site->shared_anew)
        sim_breach(sim,
                   "node %" PRIu32 " of %s holds credit for %" PRIu64
                   " sessions, more than its share of %" PRIu64,
                   node->number, watch_cluster(sim, node->cluster), granted_to(sim, node), share);
}

/* ---- 10: admission --------------------------------------------------------------------------- */

static void check_rate(struct sim *sim, struct sim_site *site) {
    struct watch_site *watch = &sim->watch->sites[site->index];
    struct instant now = sim_site_now(sim, site);
    double rate = site->policy.limits.opens_per_s;
    watch->tokens += rate * (double)instant_since(now, watch->filled).us / 1e6;
    watch->tokens = watch->tokens > rate ? rate : watch->tokens;
    watch->filled = now;
    watch->tokens -= 1;
    if (watch->tokens < -0.01)
        sim_breach(sim, "%s opens more than %" PRIu32 " sessions a second",
                   watch_cluster(sim, site->index), site->policy.limits.opens_per_s);
}

/* Workers take resumes without asking, so what was opened at one of them may find no room there any
 * more. That is its own trouble: it takes nothing away from the others. */
static uint32_t overbooked(const struct sim_site *site) {
    uint32_t cursor = 0, sum = 0, used[POLICY_NODES_MAX][SIM_WORKERS_CLOSELY] = {{0}};
    struct core_session_status s;
    while (core_session_next(site->core, &cursor, &s))
        for (uint32_t i = 0; i < site->policy.node_count; i++)
            if (name_equal(&s.node, &site->policy.nodes[i].name))
                sum += ++used[i][s.worker % SIM_WORKERS_CLOSELY] >
                       core_node_status(site->core, i).slots;
    return sum;
}

/* An open leaves alone what policy keeps for peers, and what is not there at all. */
static void check_room(struct sim *sim, const struct sim_site *site) {
    struct core_status s = core_status(site->core);
    uint32_t used = s.sessions + s.standbys + s.hedging + s.opened;
    if (used > site->capacity)
        used -= overbooked(site);
    if (used > site->capacity || s.opened > s.credit)
        sim_breach(sim,
                   "%s opens a session although %" PRIu32 " of %" PRIu32
                   " are in use, with credit for %" PRIu32,
                   watch_cluster(sim, site->index), used - 1, site->capacity, s.credit);
    if (s.free < s.reserved)
        sim_breach(sim,
                   "%s opens a session and keeps %" PRIu32 " slots for its peers, not %" PRIu32,
                   watch_cluster(sim, site->index), s.free, s.reserved);
}

/* The client knows the way to these and no others: each must be able to take it. */
static void check_backups(struct sim *sim, const struct sim_site *site,
                          const struct core_answer_open *a, const struct core_event *e) {
    bool asked = e->kind == CORE_SESSION_OPEN && !a->repeated;
    struct prefix location = {.bits = 0};
    uint32_t damped = 0;
    if (asked)
        location = location_of(&e->u.open.from);
    for (uint32_t i = 0; i < a->backup_count; i++) {
        uint32_t cluster = sim_cluster_at(sim, &a->backups[i].media);
        uint32_t peer = cluster == UINT32_MAX ? UINT32_MAX : site->peer_of[cluster];
        if (a->repeated && !sim_site_knows(site, peer))
            continue; /* it was one then */
        bool fits = sim_site_knows(site, peer) && site->policy.peers[peer].offer_moves &&
                    name_equal(&site->policy.peers[peer].name, &a->backups[i].cluster) &&
                    name_equal(&a->ticket.backups[i], &a->backups[i].cluster) &&
                    sim_worker_at(sim, &a->backups[i].media) != UINT32_MAX;
        fits = fits && (!asked || watch_may_go(site, peer, &a->ticket.service, &location));
        for (uint32_t k = 0; k < i; k++)
            fits &= !name_equal(&a->backups[k].cluster, &a->backups[i].cluster);
        if (!fits)
            sim_breach(sim, "%s names %s as a backup, which is none",
                       watch_cluster(sim, site->index), a->backups[i].cluster.text);
        else if (!verdict_is_usable(core_peer_verdict(site->core, peer)) && !a->repeated)
            sim_breach(sim, "%s names %s as a backup, of which it thinks ill",
                       watch_cluster(sim, site->index), a->backups[i].cluster.text);
        damped += fits && core_peer_damped(site->core, peer);
    }
    if (damped > 0 && damped < a->backup_count && !a->repeated)
        sim_breach(sim, "%s names backups that come and go beside others that do not",
                   watch_cluster(sim, site->index));
}

/* Unknown is not another. */
static bool is_another(const char *a, const char *b) {
    return a[0] != 0 && strcmp(a, b) != 0;
}

/* A failure domain: what it does not share with us, in the order of what counts. */
static uint32_t apart(const struct sim *sim, const struct sim_site *site,
                      const struct core_backup *backup) {
    uint32_t cluster = sim_cluster_at(sim, &backup->media);
    if (cluster == UINT32_MAX)
        return 0; /* that is a breach of its own */
    const struct policy_cluster *self = &site->policy.cluster;
    const struct policy_cluster *other = &sim->sites[cluster].policy.cluster;
    bool provider = is_another(other->provider.text, self->provider.text);
    bool region = is_another(other->region.text, self->region.text);
    bool upstream = is_another(other->upstream.text, self->upstream.text);
    return 4U * provider + 2U * region + upstream;
}

/* Whoever has a free slot is named before whoever has none; of those, whoever shares no failure
 * domain with us before whoever does, unless it is followed how clients fare, which counts before.
 */
static void check_ranks(struct sim *sim, const struct sim_site *site,
                        const struct core_answer_open *a) {
    bool room_before = true;
    for (uint32_t i = 0; i < a->backup_count && !a->repeated; i++) {
        uint32_t cluster = sim_cluster_at(sim, &a->backups[i].media);
        uint32_t peer = cluster == UINT32_MAX ? UINT32_MAX : site->peer_of[cluster];
        if (!sim_site_knows(site, peer))
            return; /* that is a breach of its own */
        bool room = watch_room_at(site, peer) > 0;
        if (i > 0 && room && !room_before)
            sim_breach(sim, "%s names %s as a backup after %s, which is full",
                       watch_cluster(sim, site->index), a->backups[i].cluster.text,
                       a->backups[i - 1].cluster.text);
        if (i > 0 && room == room_before && core_status(site->core).locations == 0 &&
            core_status(site->core).locations_elsewhere == 0 &&
            apart(sim, site, &a->backups[i]) > apart(sim, site, &a->backups[i - 1]))
            sim_breach(sim, "%s names %s as a backup after %s, which is nearer to failing with it",
                       watch_cluster(sim, site->index), a->backups[i].cluster.text,
                       a->backups[i - 1].cluster.text);
        room_before = room;
    }
}

/* Who has just started opens nothing before its peers have said who could be a backup. */
static void check_settled(struct sim *sim, const struct sim_site *site,
                          const struct core_answer_open *a) {
    struct instant now = sim_site_now(sim, site);
    struct instant settled = instant_add(core_status(site->core).started, OPEN_SETTLE);
    if (a->ticket.protection == PROTECTION_COLD || instant_reached(now, settled))
        return;
    for (uint32_t i = 0; i < site->policy.peer_count; i++) {
        struct core_peer_status s = core_peer_status(site->core, i, now);
        if (s.policy->offer_moves && s.description == NULL)
            sim_breach(sim, "%s opens a session as soon as it has started, before %s was heard",
                       watch_cluster(sim, site->index), s.policy->name.text);
    }
}

/* What was opened and not started is dropped when its time is over: there is a timer for that. */
void watch_abandoned(struct sim *sim, struct sim_site *site) {
    struct watch_site *watch = &sim->watch->sites[site->index];
    uint64_t abandoned = core_counters(site->core)->opens_abandoned;
    struct instant now = sim_site_now(sim, site);
    if (abandoned == watch->abandoned)
        return;
    watch->abandoned = abandoned;
    for (uint64_t back = 1; back <= watch->opens && back <= OPENS_MAX; back++) {
        struct instant opened = watch->opened[(watch->opens - back) % OPENS_MAX];
        struct instant due = instant_add(opened, site->policy.limits.session_lease);
        struct duration late =
            instant_since(now, watch_site_counts_from(sim, site, due)); /* or it did not run */
        if (!duration_less(late, DURATION_ZERO) && !duration_less(TIMER, late))
            return;
        if (back == OPENS_MAX && !instant_reached(now, due))
            return; /* that was too long ago to tell */
    }
    sim_breach(sim, "%s drops what it has opened, and nothing of that is over just now",
               watch_cluster(sim, site->index));
}

void watch_opened(struct sim *sim, struct sim_site *site, const struct core_answer_open *a,
                  const struct core_event *e) {
    if (a->err != ERR_OK) {
        if ((a->retry_after_ms > 0) != err_retryable(a->err))
            sim_breach(sim, "%s refuses an open (%s) with Retry-After %" PRIu32 " ms",
                       watch_cluster(sim, site->index), err_name(a->err), a->retry_after_ms);
        return;
    }
    if (a->redirect != CORE_REDIRECT_NOT) {
        watch_redirected(sim, site, a, e);
        check_rate(sim, site);
        return;
    }
    uint32_t worker = sim_worker_at(sim, &a->media);
    if (worker == UINT32_MAX || sim->workers[worker].cluster != site->index)
        sim_breach(sim, "%s opens a session at a worker that is none of its own",
                   watch_cluster(sim, site->index));
    check_backups(sim, site, a, e);
    if (e->kind == CORE_SESSION_OPEN)
        watch_promises(sim, site, a, e);
    if (a->repeated)
        return;
    if (sim->watch->sites[site->index].draining)
        sim_breach(sim, "%s drains and opens a session", watch_cluster(sim, site->index));
    check_ranks(sim, site, a);
    check_settled(sim, site, a);
    struct watch_site *watch = &sim->watch->sites[site->index];
    watch->opened[watch->opens++ % OPENS_MAX] = sim_site_now(sim, site);
    check_rate(sim, site);
    check_room(sim, site);
}

/* ---- in full --------------------------------------------------------------------------------- */

/* Free is what registered nodes have credit for, and no more. */
static void check_free(struct sim *sim, const struct sim_site *site) {
    struct core_status s = core_status(site->core);
    uint64_t most = 0;
    for (uint32_t i = 0; i < s.nodes; i++) {
        struct core_node_status n = core_node_status(site->core, i);
        most += n.registered ? (uint64_t)n.slots * n.workers : 0;
    }
    if (s.free > most)
        sim_breach(sim, "%s believes %" PRIu32 " slots free, with credit for %" PRIu64,
                   watch_cluster(sim, site->index), s.free, most);
}

/* What was opened and not started is dropped; each service keeps to its own capacity. */
void watch_credit(struct sim *sim, struct sim_site *site) {
    struct duration lease = site->policy.limits.session_lease;
    uint32_t by_service[POLICY_SERVICES_MAX] = {0}, cursor = 0;
    struct core_session_status s;
    check_free(sim, site);
    while (core_session_next(site->core, &cursor, &s)) {
        struct duration waits =
            instant_since(sim_site_now(sim, site), watch_site_counts_from(sim, site, s.since));
        if (s.state == SESSION_STATE_OPENED && duration_less(duration_add(lease, TIMER), waits))
            sim_breach(sim,
                       "%s keeps a slot for a session that was opened %" PRId64
                       " ms ago and not started",
                       watch_cluster(sim, site->index), duration_in_ms(waits));
        for (uint32_t i = 0; i < site->policy.service_count; i++)
            by_service[i] += s.state == SESSION_STATE_OPENED &&
                             name_equal(&site->policy.services[i].name, &s.service);
    }
    for (uint32_t i = 0; i < site->policy.service_count; i++)
        if (by_service[i] > site->policy.services[i].capacity && !site->shared_anew)
            sim_breach(sim, "%s has opened %" PRIu32 " sessions of %s; its capacity is %" PRIu32,
                       watch_cluster(sim, site->index), by_service[i],
                       site->policy.services[i].name.text, site->policy.services[i].capacity);
}
