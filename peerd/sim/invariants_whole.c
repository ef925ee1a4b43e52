#include "peerd/sim/invariants_private.h"

#include "peerd/sim/client.h"
#include "peerd/sim/site.h"

#include <inttypes.h>

/* What can be asked of a world in which nothing is wrong. */

#define QUIET       duration_ms(200)
#define CALM_AFTER  duration_s(14)   /* witnesses give up after 10 s, leases end */
#define CALM_JITTER duration_ms(10)  /* of jitter: nobody hedges for that */
#define CALM_BOUND  duration_ms(100) /* what a path may cost that is as good as was asked for */
#define FRESH       duration_s(8)    /* descriptions are asked for every five */
#define CALM_DELAY  duration_ms(100) /* each way: the buffer must cover a miss and a trip */
#define SETTLED     duration_s(1)    /* after a move: its old server has been released, and tells */

/* ---- 28: quiet ------------------------------------------------------------------------------- */

static bool is_good(const struct sim *sim, uint32_t from, uint32_t to) {
    struct path_quality q = sim_network_quality(&sim->network, from, to);
    return q.loss_ppm == 0 && q.bursts.enter_ppm == 0 && q.bursts.loss_good_ppm == 0 &&
           q.outages.every.us == 0 && q.rate_bps == 0 && q.reorder_ppm == 0 &&
           !duration_less(CALM_JITTER, q.jitter) && !duration_less(CALM_DELAY, q.delay);
}

/* True if every way between listeners and clusters, and among these, delivers all, in time. */
static bool ways_are_good(const struct sim *sim) {
    for (uint32_t i = 0; i < sim->site_count; i++)
        for (uint32_t end = 0; end < sim->network.end_count; end++)
            if (end != i && (!is_good(sim, i, end) || !is_good(sim, end, i)))
                return false;
    return true;
}

static void check_calm_listener(struct sim *sim, const struct sim_client *c) {
    struct watch_client *watch = watch_client_of(sim, c);
    bool calm = watch->calm;
    if (c->nap != NULL)
        return; /* nothing happens to it, by its own invariant */
    watch->calm = c->state == SIM_CLIENT_OPEN && c->witness->state == WITNESS_FOLLOWING;
    if (!watch->calm)
        return;
    const struct witness_stats *s = &c->witness->stats;
    uint64_t lost = c->playout->stats.lost;
    if (calm && (lost > watch->lost || s->hedges > watch->hedges || s->commits > watch->commits))
        sim_breach(sim,
                   "%s loses %" PRIu64 " frames, hedges %" PRIu64 " and moves %" PRIu64
                   " times although nothing has happened for long",
                   sim_client_name(sim, c).text, lost - watch->lost, s->hedges - watch->hedges,
                   s->commits - watch->commits);
    watch->lost = lost;
    watch->hedges = s->hedges;
    watch->commits = s->commits;
}

/* Whom nothing keeps from asking knows what there is, and would soon notice if it were no more. */
static void check_known(struct sim *sim, const struct sim_site *site, uint32_t peer) {
    struct core_peer_status s = core_peer_status(site->core, peer, sim_site_now(sim, site));
    const struct sim_site *other = &sim->sites[site->cluster_of[peer]];
    struct duration within = policy_detect_within(&site->policy.detection, &s.policy->wish);
    if (site->discovery != NULL && !sim_site_knows(other, other->peer_of[site->index]))
        return; /* it has not found us yet, which may take as long as it could not */
    if (duration_less(duration_add(within, CALM_BOUND), s.figures.bound))
        sim_breach(sim, "%s would notice the end of %s within %" PRId64 " ms, not %" PRId64,
                   watch_cluster(sim, site->index), s.policy->name.text,
                   duration_in_ms(s.figures.bound), duration_in_ms(within));
    if (instant_is_never(s.described) || s.description == NULL ||
        s.description->media_count != other->worker_count ||
        duration_less(FRESH, instant_since(sim_site_now(sim, site), s.described)))
        sim_breach(sim, "%s does not know any more what %s is like, which it could ask",
                   watch_cluster(sim, site->index), s.policy->name.text);
}

static void check_calm_site(struct sim *sim, const struct sim_site *site, bool before) {
    struct watch_site *watch = &sim->watch->sites[site->index];
    if (site->core == NULL)
        return;
    uint64_t changed = core_counters(site->core)->verdicts_changed;
    if (before && changed != watch->verdicts)
        sim_breach(sim, "%s changes a verdict although nothing has happened for long",
                   watch_cluster(sim, site->index));
    watch->verdicts = changed;
    for (uint32_t i = 0; i < site->policy.peer_count; i++)
        check_known(sim, site, i);
}

/* Of a scenario that says that all is well in the end: when nothing has been done to anybody for
 * CALM_AFTER, nobody loses a frame, hedges, moves, or changes a verdict. */
void watch_quiet(struct sim *sim) {
    struct sim_watch *watch = sim->watch;
    struct duration still = instant_since(sim->now, watch->disturbed);
    bool over = watch->disturbances == sim->scenario->event_count && !sim->closing;
    bool calm = sim->scenario->expectations.whole && over && duration_less(CALM_AFTER, still);
    if (!calm || (!watch->calm && !ways_are_good(sim))) {
        watch->calm = false;
        return;
    }
    for (uint32_t i = 0; i < sim->client_count; i++) {
        if (!watch->calm)
            watch->clients[i].calm = false;
        check_calm_listener(sim, &sim->clients[i]);
    }
    for (uint32_t i = 0; i < sim->site_count; i++)
        check_calm_site(sim, &sim->sites[i], watch->calm);
    watch->calm = true;
}

/* ---- after healing --------------------------------------------------------------------------- */

static void check_site_whole(struct sim *sim, struct sim_site *site) {
    const char *name = watch_cluster(sim, site->index);
    if (site->core == NULL) {
        sim_breach(sim, "%s does not run after everything was healed", name);
        return;
    }
    struct core_status s = core_status(site->core);
    if (s.recovering || s.draining || s.nodes_registered != s.nodes)
        sim_breach(sim,
                   "%s is not whole after everything was healed: %s%s%" PRIu32 " of %" PRIu32
                   " nodes",
                   name, s.recovering ? "recovering, " : "", s.draining ? "draining, " : "",
                   s.nodes_registered, s.nodes);
    if (site->discovery != NULL && site->policy.peer_count + 1 != sim->site_count &&
        site->policy.peer_count != site->policy.discovery.peers_max)
        sim_breach(sim,
                   "%s has found %" PRIu32 " of %" PRIu32 " others after everything was healed",
                   name, site->policy.peer_count, sim->site_count - 1);
    for (uint32_t i = 0; i < site->policy.peer_count; i++) {
        struct core_peer_status p = core_peer_status(site->core, i, sim_site_now(sim, site));
        if (p.verdict != VERDICT_ALIVE)
            sim_breach(sim, "%s believes %s %s after everything was healed: %s", name,
                       p.policy->name.text, verdict_name(p.verdict), p.evidence);
    }
}

/* The cluster that serves it knows it, under its epoch, and no other believes to serve it. */
static void check_tables(struct sim *sim, const struct sim_client *c, uint32_t by) {
    for (uint32_t i = 0; i < sim->site_count; i++) {
        struct core_session_status s;
        bool here = sim->sites[i].core != NULL &&
                    core_session_find(sim->sites[i].core, &c->ticket.session, &s) &&
                    s.state == SESSION_STATE_COMMITTED;
        if (here != (i == by))
            sim_breach(sim, "%s is served by %s, and %s %s", sim_client_name(sim, c).text,
                       watch_cluster(sim, by), watch_cluster(sim, i),
                       here ? "has it in its table, too" : "does not know it");
        else if (here && s.epoch != c->witness->epoch)
            sim_breach(sim, "%s is served under epoch %" PRIu32 ", %s knows %" PRIu32,
                       sim_client_name(sim, c).text, c->witness->epoch, watch_cluster(sim, i),
                       s.epoch);
    }
}

/* It follows; or its last mile, which is not healed, has swallowed some frames just now. */
static bool is_at_ease(const struct sim *sim, const struct sim_client *c) {
    enum witness_state state = c->witness->state;
    if (state != WITNESS_MISSING && state != WITNESS_HEDGING)
        return state == WITNESS_FOLLOWING;
    uint32_t end = sim_network_group(&sim->network, c->group);
    return sim_network_quality(&sim->network, sim_client_served_by(sim, c), end).loss_ppm > 0;
}

static void check_client_whole(struct sim *sim, struct sim_client *c) {
    if (c->state != SIM_CLIENT_OPEN)
        return; /* it has been told why not */
    if (c->witness->state == WITNESS_ENDING)
        return; /* its source is over */
    sim_client_play(sim, c);
    if (!is_at_ease(sim, c) || duration_less(QUIET, instant_since(sim->now, c->heard))) {
        sim_breach(sim, "%s is %s after everything was healed, silent for %" PRId64 " ms",
                   sim_client_name(sim, c).text, witness_state_name(c->witness->state),
                   duration_in_ms(instant_since(sim->now, c->heard)));
        return;
    }
    uint32_t serving = 0;
    for (uint32_t i = 0; i < c->holder_count; i++)
        serving += !c->holders[i].hot;
    if (serving == 0 && c->witness->state != WITNESS_FOLLOWING)
        return; /* its last mile has swallowed reports, too: a lease may be two of them long, and it
                   asks already to be taken up again */
    if (serving != 1)
        sim_breach(sim, "%s is served by %" PRIu32 " workers after everything was healed",
                   sim_client_name(sim, c).text, serving);
    check_tables(sim, c, sim_client_served_by(sim, c));
}

/* Who is still as the timeline left him, if anybody: then nothing can be asked of the rest. */
static void check_healed(struct sim *sim) {
    for (uint32_t i = 0; i < sim->site_count; i++) {
        const struct sim_site *site = &sim->sites[i];
        bool runs = site->peerd.life == SIM_LIFE_RUNNING;
        for (uint32_t n = 0; n < site->node_count; n++)
            runs &= sim->nodes[site->first_node + n].process.life == SIM_LIFE_RUNNING;
        for (uint32_t w = 0; w < site->worker_count; w++)
            runs &= sim->workers[site->first_worker + w].process.life == SIM_LIFE_RUNNING;
        bool heard = true;
        for (uint32_t end = 0; end < sim->network.end_count; end++)
            heard &= end == i || (sim_network_open(&sim->network, i, end) &&
                                  sim_network_open(&sim->network, end, i));
        bool drains = runs && core_status(site->core).draining;
        if (!runs || drains || !heard)
            sim_breach(sim, "%s was not healed, so not everything can be whole: %s",
                       watch_cluster(sim, i),
                       !runs    ? "killed or stopped"
                       : drains ? "drained"
                                : "cut off");
    }
}

/* Sessions go home, and off bad paths, for as long as there are such: one of them may be on its way
 * in the end, or have arrived just now. That is no fault; not to arrive is one. */
static bool is_on_its_way(const struct sim *sim, const struct sim_client *c) {
    if (c->state != SIM_CLIENT_OPEN || c->nap != NULL)
        return false;
    struct instant moved = watch_client_of(sim, c)->moved;
    bool planned = c->witness->move.cause == MOVE_CAUSE_RETURN ||
                   c->witness->move.cause == MOVE_CAUSE_DEGRADED;
    return c->witness->state == WITNESS_MOVING ||
           (planned && !instant_is_never(moved) &&
            duration_less(instant_since(sim_client_now(sim, c), moved), SETTLED));
}

uint32_t sim_invariants_check_whole(struct sim *sim) {
    uint32_t left = 0;
    check_healed(sim);
    for (uint32_t i = 0; i < sim->site_count; i++)
        check_site_whole(sim, &sim->sites[i]);
    for (uint32_t i = 0; i < sim->client_count; i++) {
        bool moves = is_on_its_way(sim, &sim->clients[i]);
        sim->watch->clients[i].late = moves;
        left += moves;
        if (!moves)
            check_client_whole(sim, &sim->clients[i]);
    }
    return left;
}

uint32_t sim_invariants_check_late(struct sim *sim, bool last) {
    uint32_t left = 0;
    for (uint32_t i = 0; i < sim->client_count; i++) {
        struct watch_client *watch = &sim->watch->clients[i];
        if (!watch->late)
            continue;
        watch->late = !last && is_on_its_way(sim, &sim->clients[i]);
        left += watch->late;
        if (!watch->late)
            check_client_whole(sim, &sim->clients[i]);
    }
    return left;
}

/* ---- after the end --------------------------------------------------------------------------- */

void sim_invariants_check_empty(struct sim *sim) {
    for (uint32_t i = 0; i < sim->worker_count; i++) {
        const struct sim_worker *w = &sim->workers[i];
        if (w->process.life == SIM_LIFE_RUNNING && w->tenure.credit_used > 0)
            sim_breach(sim,
                       "a worker of %s still holds %" PRIu32 " sessions after everybody has left",
                       watch_cluster(sim, w->cluster), w->tenure.credit_used);
    }
    for (uint32_t i = 0; i < sim->site_count; i++) {
        const struct sim_site *site = &sim->sites[i];
        if (site->peerd.life != SIM_LIFE_RUNNING)
            continue;
        struct core_status s = core_status(site->core);
        uint32_t left = s.sessions + s.standbys + s.hedging + s.opened;
        if (left > 0)
            sim_breach(sim,
                       "%s still has %" PRIu32 " sessions in its table after everybody has left",
                       watch_cluster(sim, i), left);
    }
}
