#include "peerd/sim/invariants.h"

#include "peerd/sim/client.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define SLACK        duration_s(3)  /* packets under way, checks a second apart */
#define LOST_AFTER   duration_s(20) /* the witness gives up after 10 s, and says so */
#define SERVED_AFTER duration_s(5)  /* of being servable: clients ask twice a second */
#define QUIET        duration_ms(200)

/* ---- a breach -------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void breach(struct sim *sim, const char *format, ...) {
    va_list arguments;
    if (sim->violated)
        return; /* the first one is the cause of the others */
    sim->violated = true;
    va_start(arguments, format);
    vsnprintf(sim->violation, sizeof(sim->violation), format, arguments);
    va_end(arguments);
}

static const char *cluster_name(const struct sim *sim, uint32_t cluster) {
    return sim->scenario->clusters[cluster].identity.name.text;
}

/* ---- 1: one lease-holder --------------------------------------------------------------------- */

static void remove_holder(struct sim_client *c, uint32_t worker) {
    for (uint32_t i = 0; i < c->holder_count; i++)
        if (c->holders[i].worker == worker) {
            c->holders[i] = c->holders[--c->holder_count];
            return;
        }
}

static struct sim_holder *holder_of(struct sim *sim, struct sim_client *c, uint32_t worker) {
    for (uint32_t i = 0; i < c->holder_count; i++)
        if (c->holders[i].worker == worker)
            return &c->holders[i];
    if (c->holder_count == SIM_HOLDERS_MAX) {
        breach(sim, "%s is served by more than %d workers", sim_client_name(sim, c).text,
               SIM_HOLDERS_MAX);
        return NULL;
    }
    /* Room doubles, so the count alone says how much there is. */
    if ((c->holder_count & (c->holder_count - 1)) == 0)
        c->holders = sim_grow(c->holders, c->holder_count == 0 ? 1 : 2 * c->holder_count,
                              sizeof(*c->holders));
    struct sim_holder *h = &c->holders[c->holder_count++];
    *h = (struct sim_holder){.worker = worker, .unwanted = INSTANT_NEVER};
    return h;
}

static void check_epochs_differ(struct sim *sim, const struct sim_client *c,
                                const struct sim_holder *h) {
    for (uint32_t i = 0; i < c->holder_count; i++) {
        const struct sim_holder *other = &c->holders[i];
        if (other != h && other->epoch == h->epoch)
            breach(sim, "%s has two lease-holders under epoch %" PRIu32 ": workers of %s and %s",
                   sim_client_name(sim, c).text, h->epoch,
                   cluster_name(sim, sim->workers[other->worker].cluster),
                   cluster_name(sim, sim->workers[h->worker].cluster));
    }
    if (c->witness != NULL && h->epoch > c->witness->epoch_high)
        breach(sim, "%s never gave out epoch %" PRIu32 ", which %s serves under",
               sim_client_name(sim, c).text, h->epoch,
               cluster_name(sim, sim->workers[h->worker].cluster));
}

/* True if the client follows the holder, or is asking just this of it. */
static bool is_wanted(const struct sim *sim, const struct sim_client *c,
                      const struct sim_holder *h) {
    const struct witness *w = c->witness;
    struct addr at = sim_worker_addr(sim, &sim->workers[h->worker]);
    if (c->state != SIM_CLIENT_OPEN)
        return false;
    uint8_t server = witness_server_find(w, &at);
    return server != WITNESS_SERVER_NONE &&
           ((w->serving == server && w->epoch == h->epoch) ||
            (w->attempt.server == server && w->attempt.epoch == h->epoch));
}

/* Time in which a process did not run, or was started anew, is not held against it. */
static struct instant counts_from(const struct sim *sim, const struct sim_worker *w,
                                  struct instant since) {
    if (w->process.life != SIM_LIFE_RUNNING)
        return sim->now;
    return instant_max(since, w->process.since);
}

static void check_holders(struct sim *sim, struct sim_client *c) {
    struct duration limit = duration_add(sim->scenario->limits.session_lease, SLACK);
    for (uint32_t i = 0; i < c->holder_count; i++) {
        struct sim_holder *h = &c->holders[i];
        const struct sim_worker *w = &sim->workers[h->worker];
        if (is_wanted(sim, c, h))
            h->unwanted = INSTANT_NEVER;
        else if (instant_is_never(h->unwanted))
            h->unwanted = sim->now;
        if (instant_is_never(h->unwanted))
            continue;
        struct duration lingers = instant_since(sim->now, counts_from(sim, w, h->unwanted));
        if (duration_less(limit, lingers))
            breach(sim,
                   "%s has served %s under epoch %" PRIu32 " for %" PRId64
                   " ms although its client turned away",
                   cluster_name(sim, w->cluster), sim_client_name(sim, c).text, h->epoch,
                   duration_in_ms(lingers));
    }
}

/* ---- 2: epochs grow -------------------------------------------------------------------------- */

static void session_stepped(struct sim *sim, struct sim_worker *w, uint32_t slot) {
    const struct tenure_session *t = &w->tenures[slot];
    struct sim_session *s = &w->sessions[slot];
    struct sim_client *c = &sim->clients[s->client];
    if (t->epoch < s->epoch)
        breach(sim, "epoch of %s at %s went back from %" PRIu32 " to %" PRIu32,
               sim_client_name(sim, c).text, cluster_name(sim, w->cluster), s->epoch, t->epoch);
    s->epoch = t->epoch;
    if (t->state != TENURE_SERVING) {
        remove_holder(c, w->index);
        return;
    }
    struct sim_holder *h = holder_of(sim, c, w->index);
    if (h == NULL)
        return;
    if (h->epoch != t->epoch)
        h->unwanted = INSTANT_NEVER; /* its client has just asked for this one */
    h->epoch = t->epoch;
    check_epochs_differ(sim, c, h);
}

/* ---- 4: credit ------------------------------------------------------------------------------- */

static void count_credit(struct sim *sim, struct sim_worker *w, uint32_t used) {
    struct sim_site *site = &sim->sites[w->cluster];
    site->credit_used += used - w->credit_used;
    w->credit_used = used;
    if (site->credit_used > site->capacity)
        breach(sim, "workers of %s hold %" PRIu32 " sessions, more than its capacity of %" PRIu32,
               cluster_name(sim, w->cluster), site->credit_used, site->capacity);
}

/* ---- after a step ---------------------------------------------------------------------------- */

void sim_invariants_worker_stepped(struct sim *sim, struct sim_worker *w) {
    const struct tenure_outbox *out = &sim->tenure_outbox;
    for (uint32_t i = 0; i < out->count; i++)
        if (out->items[i].slot != TENURE_SLOT_NONE)
            session_stepped(sim, w, out->items[i].slot);
    count_credit(sim, w, w->tenure.credit_used);
}

void sim_invariants_worker_died(struct sim *sim, struct sim_worker *w) {
    for (uint32_t slot = 0; slot < w->slots; slot++)
        remove_holder(&sim->clients[w->sessions[slot].client], w->index);
    count_credit(sim, w, 0);
}

void sim_invariants_client_stepped(struct sim *sim, struct sim_client *c) {
    const struct witness *w = c->witness;
    if (w->epoch < c->epoch || w->epoch_high < c->epoch_high || w->epoch > w->epoch_high)
        breach(sim,
               "epoch of %s went back from %" PRIu32 " (%" PRIu32 ") to %" PRIu32 " (%" PRIu32 ")",
               sim_client_name(sim, c).text, c->epoch, c->epoch_high, w->epoch, w->epoch_high);
    c->epoch = w->epoch;
    c->epoch_high = w->epoch_high;
}

void sim_invariants_moved(struct sim *sim, const struct sim_client *c,
                          const struct witness_move *m) {
    if (m->detect_ms < 0 || m->gap_ms < 0 || m->first_frame_ms < -1)
        breach(sim,
               "%s tells of a move from %s to %s noticed in %" PRId64
               " ms, first frame after %" PRId64 " ms, gap %" PRId64 " ms",
               sim_client_name(sim, c).text, m->from.text, m->to.text, m->detect_ms,
               m->first_frame_ms, m->gap_ms);
}

/* ---- 3: leases reclaim ----------------------------------------------------------------------- */

static void check_reclaimed(struct sim *sim, const struct sim_worker *w) {
    struct duration limit = duration_add(sim->scenario->limits.session_lease, SLACK);
    for (uint32_t slot = 0; slot < w->slots; slot++) {
        const struct sim_session *s = &w->sessions[slot];
        const struct sim_client *c = &sim->clients[s->client];
        if (!s->used || c->state != SIM_CLIENT_OVER)
            continue;
        struct duration kept = instant_since(sim->now, counts_from(sim, w, c->over_at));
        if (duration_less(limit, kept))
            breach(sim, "%s still holds %s (%s), which has been gone for %" PRId64 " ms",
                   cluster_name(sim, w->cluster), sim_client_name(sim, c).text,
                   tenure_state_name(w->tenures[slot].state), duration_in_ms(kept));
    }
}

/* ---- 5, 6: listeners ------------------------------------------------------------------------- */

static void check_playout(struct sim *sim, const struct sim_client *c) {
    const struct playout *p = c->playout;
    uint64_t expected = 0;
    struct instant now = sim_client_now(sim, c);
    if (!instant_is_never(c->anchor) && !instant_before(now, c->anchor))
        expected = (uint64_t)(instant_since(now, c->anchor).us / p->config.frame.us) + 1;
    if (expected > p->end)
        expected = p->end;
    if (p->stats.expected != expected || p->stats.played + p->stats.lost != expected)
        breach(sim,
               "%s expected %" PRIu64 " frames by the clock, its buffer %" PRIu64 ": %" PRIu64
               " played, %" PRIu64 " lost",
               sim_client_name(sim, c).text, expected, p->stats.expected, p->stats.played,
               p->stats.lost);
}

/* True if the server could take the listener on right now. */
static bool could_serve(const struct sim *sim, const struct sim_client *c, uint8_t server) {
    uint32_t at = sim_worker_at(sim, &c->witness->servers[server].address.media);
    const struct sim_worker *w = &sim->workers[at];
    const struct sim_node *node = &sim->nodes[w->node];
    uint32_t end = sim_network_group(&sim->network, c->group);
    if (c->witness->servers[server].role == WITNESS_ROLE_FREE ||
        w->process.life != SIM_LIFE_RUNNING || node->process.life != SIM_LIFE_RUNNING ||
        !node->briefed || !sim_network_open(&sim->network, end, w->cluster) ||
        !sim_network_open(&sim->network, w->cluster, end))
        return false;
    if (wall_after(sim_wall(sim, &node->clock), c->ticket.expires_s,
                   sim->scenario->limits.clock_skew))
        return false; /* by its clock the ticket has expired */
    uint32_t slot = tenure_find(&w->tenure, &c->ticket.session);
    bool held = slot != TENURE_SLOT_NONE && tenure_session_at(&w->tenure, slot) != NULL;
    return !w->tenure.draining && (held || tenure_free(&w->tenure, sim_worker_now(sim, w)) > 0);
}

static void note_who_could(struct sim *sim, struct sim_client *c) {
    bool any = false;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX && !any; i++)
        any = c->witness->servers[i].role != WITNESS_ROLE_FREE && could_serve(sim, c, i);
    if (!any)
        c->servable = INSTANT_NEVER;
    else if (instant_is_never(c->servable))
        c->servable = sim->now;
}

/* A source that has ended is served by nobody, and one whose end has been told neither. */
static bool wants_media(const struct sim_client *c) {
    return c->state == SIM_CLIENT_OPEN && c->witness->state != WITNESS_ENDING;
}

static void check_served(struct sim *sim, struct sim_client *c) {
    struct duration silent = instant_since(sim->now, c->heard);
    note_who_could(sim, c);
    if (duration_less(LOST_AFTER, silent))
        breach(sim, "%s has heard nothing for %" PRId64 " ms and was told nothing (%s)",
               sim_client_name(sim, c).text, duration_in_ms(silent),
               witness_state_name(c->witness->state));
    if (!wants_media(c) || instant_is_never(c->servable))
        return;
    struct duration servable = instant_since(sim->now, c->servable);
    if (duration_less(SERVED_AFTER, silent) && duration_less(SERVED_AFTER, servable))
        breach(sim,
               "%s hears nothing for %" PRId64 " ms although it could be served for %" PRId64
               " ms (%s)",
               sim_client_name(sim, c).text, duration_in_ms(silent), duration_in_ms(servable),
               witness_state_name(c->witness->state));
}

static void check_client(struct sim *sim, struct sim_client *c) {
    if (c->state != SIM_CLIENT_OPEN)
        return;
    sim_client_play(sim, c);
    witness_check_invariants(c->witness);
    playout_check_invariants(c->playout);
    check_playout(sim, c);
    check_holders(sim, c);
    check_served(sim, c);
}

/* ---- all of it ------------------------------------------------------------------------------- */

void sim_invariants_check(struct sim *sim) {
    for (uint32_t i = 0; i < sim->site_count; i++)
        if (sim->sites[i].core != NULL)
            core_check_invariants(sim->sites[i].core);
    for (uint32_t i = 0; i < sim->worker_count; i++) {
        struct sim_worker *w = &sim->workers[i];
        if (!sim_process_lives(&w->process))
            continue;
        tenure_check_invariants(&w->tenure);
        for (uint32_t slot = 0; slot < w->slots; slot++)
            if (w->sessions[slot].used)
                pace_check_invariants(&w->sessions[slot].pace);
        check_reclaimed(sim, w);
    }
    for (uint32_t i = 0; i < sim->client_count; i++)
        check_client(sim, &sim->clients[i]);
}

/* ---- after healing --------------------------------------------------------------------------- */

static void check_site_whole(struct sim *sim, struct sim_site *site) {
    const char *name = cluster_name(sim, site->index);
    if (site->core == NULL) {
        breach(sim, "%s does not run after everything was healed", name);
        return;
    }
    struct core_status s = core_status(site->core);
    if (s.recovering || s.draining || s.nodes_registered != s.nodes)
        breach(sim,
               "%s is not whole after everything was healed: %s%s%" PRIu32 " of %" PRIu32 " nodes",
               name, s.recovering ? "recovering, " : "", s.draining ? "draining, " : "",
               s.nodes_registered, s.nodes);
    for (uint32_t i = 0; i < site->policy.peer_count; i++) {
        struct core_peer_status p = core_peer_status(site->core, i, sim_site_now(sim, site));
        if (p.verdict != VERDICT_ALIVE)
            breach(sim, "%s believes %s %s after everything was healed: %s", name,
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
            breach(sim, "%s is served by %s, and %s %s", sim_client_name(sim, c).text,
                   cluster_name(sim, by), cluster_name(sim, i),
                   here ? "has it in its table, too" : "does not know it");
        else if (here && s.epoch != c->witness->epoch)
            breach(sim, "%s is served under epoch %" PRIu32 ", %s knows %" PRIu32,
                   sim_client_name(sim, c).text, c->witness->epoch, cluster_name(sim, i), s.epoch);
    }
}

static void check_client_whole(struct sim *sim, struct sim_client *c) {
    if (c->state != SIM_CLIENT_OPEN)
        return; /* it has been told why not */
    if (c->witness->state == WITNESS_ENDING)
        return; /* its source is over */
    sim_client_play(sim, c);
    if (c->witness->state != WITNESS_FOLLOWING ||
        duration_less(QUIET, instant_since(sim->now, c->heard))) {
        breach(sim, "%s is %s after everything was healed, silent for %" PRId64 " ms",
               sim_client_name(sim, c).text, witness_state_name(c->witness->state),
               duration_in_ms(instant_since(sim->now, c->heard)));
        return;
    }
    if (c->holder_count != 1)
        breach(sim, "%s is served by %" PRIu32 " workers after everything was healed",
               sim_client_name(sim, c).text, c->holder_count);
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
        if (!runs || site->drained || !heard)
            breach(sim, "%s was not healed, so not everything can be whole: %s",
                   cluster_name(sim, i),
                   !runs           ? "killed or stopped"
                   : site->drained ? "drained"
                                   : "cut off");
    }
}

void sim_invariants_check_whole(struct sim *sim) {
    check_healed(sim);
    for (uint32_t i = 0; i < sim->site_count; i++)
        check_site_whole(sim, &sim->sites[i]);
    for (uint32_t i = 0; i < sim->client_count; i++)
        check_client_whole(sim, &sim->clients[i]);
}

/* ---- after the end --------------------------------------------------------------------------- */

void sim_invariants_check_empty(struct sim *sim) {
    for (uint32_t i = 0; i < sim->worker_count; i++) {
        const struct sim_worker *w = &sim->workers[i];
        if (w->process.life == SIM_LIFE_RUNNING && w->tenure.credit_used > 0)
            breach(sim, "a worker of %s still holds %" PRIu32 " sessions after everybody has left",
                   cluster_name(sim, w->cluster), w->tenure.credit_used);
    }
    for (uint32_t i = 0; i < sim->site_count; i++) {
        const struct sim_site *site = &sim->sites[i];
        if (site->peerd.life != SIM_LIFE_RUNNING)
            continue;
        struct core_status s = core_status(site->core);
        uint32_t left = s.sessions + s.standbys + s.hedging + s.opened;
        if (left > 0)
            breach(sim, "%s still has %" PRIu32 " sessions in its table after everybody has left",
                   cluster_name(sim, i), left);
    }
}
