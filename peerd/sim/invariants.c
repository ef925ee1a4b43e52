#include "peerd/sim/invariants_private.h"

#include "peerd/base/fetch.h"
#include "peerd/sim/discovery.h"
#include "peerd/sim/pages.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- a breach -------------------------------------------------------------------------------- */

void sim_breach(struct sim *sim, const char *format, ...) {
    va_list arguments;
    if (sim->violated)
        return;
    sim->violated = true;
    va_start(arguments, format);
    vsnprintf(sim->violation, sizeof(sim->violation), format, arguments);
    va_end(arguments);
}

const char *watch_cluster(const struct sim *sim, uint32_t cluster) {
    return sim->scenario->clusters[cluster].identity.name.text;
}

/* ---- life ------------------------------------------------------------------------------------ */

void sim_invariants_init(struct sim *sim) {
    struct sim_watch *watch = sim_alloc(1, sizeof(*watch));
    watch->sites = sim_alloc(sim->site_count, sizeof(*watch->sites));
    watch->clients = sim_alloc(sim->client_count, sizeof(*watch->clients));
    if (sim->client_count <= SCENARIO_CROWD) {
        watch->answers = sim_alloc(sim->client_count, sizeof(*watch->answers));
        watch->purses = sim_alloc(sim->client_count, sizeof(*watch->purses));
    }
    sim_pages_enlarge(watch->clients, sim->client_count * sizeof(*watch->clients));
    watch->disturbed = sim->now;
    sim->watch = watch;
}

void sim_invariants_free(struct sim *sim) {
    struct sim_watch *watch = sim->watch;
    for (uint32_t i = 0; i < sim->site_count; i++) {
        free(watch->sites[i].peers);
        free(watch->sites[i].nodes);
    }
    free(watch->sites);
    free(watch->clients);
    free(watch->answers);
    free(watch->purses);
    free(watch);
}

struct duration watch_asleep(const struct sim *sim, const struct sim_process *p) {
    if (p->life != SIM_LIFE_STOPPED)
        return p->asleep;
    return duration_add(p->asleep, instant_since(sim->now, p->since));
}

struct duration watch_unknown_stop(const struct sim_site *site) {
    struct duration rhythm = duration_scale(policy_interval_max(&site->policy.detection), 2, 1);
    if (site->policy.peer_count == 0) /* then it has no beats to send */
        rhythm = duration_max(rhythm, site->policy.limits.node_lease);
    return duration_scale(rhythm, site->peerd.stops, 1);
}

struct watch_moment watch_now(const struct sim *sim, const struct sim_site *site) {
    return (struct watch_moment){sim_site_now(sim, site), watch_asleep(sim, &site->peerd)};
}

struct instant watch_counts_from(const struct sim *sim, const struct sim_process *p,
                                 struct instant since) {
    if (p->life != SIM_LIFE_RUNNING)
        return sim->now;
    return instant_max(since, p->since);
}

struct instant watch_site_counts_from(const struct sim *sim, const struct sim_site *site,
                                      struct instant since) {
    if (site->peerd.life != SIM_LIFE_RUNNING)
        return sim_site_now(sim, site);
    return instant_max(since, sim_clock_local(&site->clock, site->peerd.since));
}

/* ---- before one ------------------------------------------------------------------------------ */

void sim_invariants_foresee_client(const struct sim *sim, uint32_t client) {
    fetch(&sim->watch->clients[client], sizeof(sim->watch->clients[0]));
}

void sim_invariants_foresee_site(const struct sim *sim, uint32_t cluster) {
    const struct watch_site *watch = &sim->watch->sites[cluster];
    fetch(watch, 128);
    fetch(&watch->abandoned, 64);
}

void sim_invariants_foresee_peer(const struct sim *sim, uint32_t cluster, uint32_t peer) {
    const struct watch_peer *p = sim->watch->sites[cluster].peers;
    if (p == NULL)
        return;
    fetch(&p[peer], 16);
    fetch(&p[peer].promised_ms, sizeof(*p) - offsetof(struct watch_peer, promised_ms));
}

/* ---- after a step ---------------------------------------------------------------------------- */

void sim_invariants_worker_steps(struct sim *sim, const struct sim_worker *w,
                                 const struct tenure_event *e) {
    struct watch_before *before = &sim->watch->before;
    if (e->kind == TENURE_SOURCE_STOPPED)
        watch_fenced(sim, w, e);
    const struct session_id *id = e->kind == TENURE_RESUME_RECEIVED   ? &e->u.resume->session
                                  : e->kind == TENURE_REPORT_RECEIVED ? &e->u.report->session
                                                                      : NULL;
    before->slot = id == NULL ? TENURE_SLOT_NONE : tenure_find(&w->tenure, id);
    const struct tenure_session *t =
        before->slot == TENURE_SLOT_NONE ? NULL : &w->tenures[before->slot];
    before->state = t == NULL ? TENURE_FREE : t->state;
    before->epoch = t == NULL ? 0 : t->epoch;
    before->ending = t != NULL && t->notice.number != 0 && t->notice.what == NOTICE_END;
    before->lease = t == NULL ? INSTANT_NEVER : t->lease;
}

void sim_invariants_worker_stepped(struct sim *sim, struct sim_worker *w,
                                   const struct tenure_event *e) {
    watch_holders_stepped(sim, w);
    watch_sessions_stepped(sim, w, e);
    watch_credit_stepped(sim, w);
}

void sim_invariants_worker_died(struct sim *sim, struct sim_worker *w) {
    watch_holders_died(sim, w);
    watch_sessions_died(w);
    watch_credit_died(sim, w);
}

static uint32_t peers_at_most(const struct sim_site *site) {
    if (site->discovery != NULL)
        return POLICY_PEERS_MAX;
    return site->at_start != NULL ? site->at_start->peer_count : site->policy.peer_count;
}

static void forget_peer(struct watch_peer *p) {
    *p = (struct watch_peer){0};
    p->heard = p->told = p->said_at = p->forgotten = p->lodged_until = INSTANT_NEVER;
    p->life.at = p->life_any.at = p->media_life.at = p->lodged_at = INSTANT_NEVER;
    p->stated_off = INSTANT_NEVER;
}

/* A peerd that was started anew knows nothing, and nothing is known of it. */
static struct watch_site *site_watch(struct sim *sim, const struct sim_site *site) {
    struct watch_site *watch = &sim->watch->sites[site->index];
    if (watch->run == site->peerd.run && watch->peers != NULL)
        return watch;
    free(watch->peers);
    free(watch->nodes);
    *watch = (struct watch_site){.run = site->peerd.run, .drain_since = INSTANT_NEVER};
    watch->peers = sim_alloc(peers_at_most(site), sizeof(*watch->peers));
    watch->nodes = sim_alloc(site->node_count, sizeof(*watch->nodes));
    watch->tokens = site->policy.limits.opens_per_s;
    watch->filled = sim_site_now(sim, site);
    for (uint32_t i = 0; i < peers_at_most(site); i++)
        forget_peer(&watch->peers[i]);
    return watch;
}

/* Who is named no longer is forgotten. Of what is shared anew only that is known which is true
 * of the old shares and the new ones. */
void sim_invariants_policy_changes(struct sim *sim, struct sim_site *site) {
    struct watch_site *watch = &sim->watch->sites[site->index];
    if (watch->peers == NULL || watch->run != site->peerd.run)
        return;
    for (uint32_t i = site->policy.peer_count; i < peers_at_most(site); i++) {
        watch->suspects -= watch->peers[i].verdict == VERDICT_SUSPECT;
        forget_peer(&watch->peers[i]);
    }
    for (uint32_t i = site->policy.node_count; i < site->node_count; i++)
        watch->nodes[i] = (struct watch_node){0};
    watch->tokens = duration_s(1).us; /* the bucket's old size is not known any more */
    watch->drain_since = sim_site_now(sim, site);
    watch->drain_orders = 0;
}

/* Those that stay have other places in the policy, and in all else they are who they were. */
void sim_invariants_peers_change(struct sim *sim, struct sim_site *site, const uint32_t *was) {
    struct watch_site *watch = site_watch(sim, site);
    struct watch_peer *before = watch->peers;
    sim->watch->disturbed = sim->now;
    watch->peers = sim_alloc(peers_at_most(site), sizeof(*watch->peers));
    watch->suspects = 0;
    for (uint32_t i = 0; i < peers_at_most(site); i++) {
        if (i < site->policy.peer_count && was[i] != UINT32_MAX)
            watch->peers[i] = before[was[i]];
        else
            forget_peer(&watch->peers[i]);
        watch->suspects += watch->peers[i].verdict == VERDICT_SUSPECT;
    }
    free(before);
}

void sim_invariants_site_steps(struct sim *sim, struct sim_site *site, const struct core_event *e) {
    struct watch_site *watch = site_watch(sim, site);
    watch->ledger_before = watch->ledger;
    if (e->kind == CORE_NODE_REPORTED)
        watch_reports(sim, site, &e->u.node);
    if (e->kind == CORE_BEAT_RECEIVED)
        watch_beat_received(sim, site, &e->u.beat);
    if (e->kind == CORE_DRAIN)
        watch_drain_begins(sim, site, &e->u.drain);
    if (e->kind == CORE_UNDRAIN)
        watch_drain_ends(sim, site);
}

void sim_invariants_site_stepped(struct sim *sim, struct sim_site *site,
                                 const struct core_event *e) {
    watch_recovery(sim, site);
    if (e->kind == CORE_NODE_REPORTED)
        watch_drain_told(sim, site, &e->u.node);
    for (uint32_t i = 0; i < sim->core_outbox.count; i++) {
        const struct core_intention *o = &sim->core_outbox.items[i];
        switch (o->kind) {
        case CORE_SEND_BEAT:
            watch_beat_sent(sim, site, &o->u.beat);
            break;
        case CORE_ANSWER_OPEN:
            watch_opened(sim, site, &o->u.open, e);
            break;
        case CORE_ANSWER_NODE:
            if (o->u.node.refused != ERR_OK)
                break; /* the rest means nothing */
            watch_orders(sim, site, &o->u.node);
            if (e->kind == CORE_NODE_REPORTED)
                watch_granted(sim, site, &o->u.node, e->u.node.report);
            break;
        case CORE_ANSWER_STANDBYS:
            watch_lodged(sim, site, e, &o->u.standbys);
            break;
        case CORE_LODGE_STANDBYS:
            watch_lodges(sim, site, &o->u.lodge);
            break;
        case CORE_FETCH_DESCRIPTION:
        case CORE_ANSWER_AGREEMENT:
        case CORE_SAY_AGREEMENT:
            break;
        }
    }
    watch_stated(sim, site);
    watch_verdicts(sim, site);
    if (e->kind == CORE_BEAT_RECEIVED)
        watch_beat_taken(sim, site, &e->u.beat);
    if (e->kind == CORE_STANDBYS_ANSWERED)
        watch_lodging_answered(sim, site, &e->u.standbys);
    watch_nodes(sim, site, e);
    watch_abandoned(sim, site);
    watch_ledger(sim, site);
    if (e->kind == CORE_NODE_REPORTED)
        watch_reported(sim, site, e->u.node.node, e->u.node.report);
}

void sim_invariants_disturbed(struct sim *sim) {
    sim->watch->disturbed = sim->now;
    sim->watch->disturbances++;
}

bool sim_invariants_expect_faults(const struct sim *sim, struct duration *since) {
    *since = instant_since(sim->now, sim->watch->disturbed);
    return sim->scenario->expectations.whole &&
           sim->watch->disturbances < sim->scenario->event_count;
}

/* ---- in full --------------------------------------------------------------------------------- */

static void check_worker(struct sim *sim, struct sim_worker *w) {
    struct sim_slot room;
    if (!sim_process_lives(&w->process))
        return;
    tenure_check_invariants(&w->tenure);
    for (uint32_t slot = 0; slot < w->slots; slot++) {
        const struct sim_slot *s = sim_shelf_look(w->shelf, slot, &room);
        if (s != NULL && s->session.used)
            pace_check_invariants(&s->session.pace);
    }
    watch_reclaimed(sim, w);
    watch_probes(sim, w);
}

static void check_site(struct sim *sim, struct sim_site *site) {
    if (site->core == NULL)
        return;
    core_check_invariants(site->core);
    sim_discovery_check(site);
    if (site->peerd.life != SIM_LIFE_RUNNING)
        return;
    site_watch(sim, site);
    watch_beliefs(sim, site);
    watch_credit(sim, site);
    watch_tables(sim, site);
    watch_agreements(sim, site);
}

/* All of them in a small world; of a crowd so many, others the next time. */
void sim_invariants_check(struct sim *sim) {
    uint32_t shares = 1 + sim->client_count / SCENARIO_CROWD; /* the time it takes has a bound */
    uint32_t first = sim->watch->checks++ % shares;
    for (uint32_t i = first; i < sim->site_count; i += shares)
        check_site(sim, &sim->sites[i]);
    for (uint32_t i = first; i < sim->worker_count; i += shares)
        check_worker(sim, &sim->workers[i]);
    for (uint32_t i = first; i < sim->client_count; i += shares)
        watch_listener(sim, &sim->clients[i]);
    watch_quiet(sim);
}
