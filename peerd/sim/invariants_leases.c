#include "peerd/sim/invariants_private.h"

#include "peerd/sim/client.h"

#include <inttypes.h>

/* Who serves, under which epoch, and for how long after it is wanted no more. */

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
        sim_breach(sim, "%s is served by more than %d workers", sim_client_name(sim, c).text,
                   SIM_HOLDERS_MAX);
        return NULL;
    }
    /* Room doubles, so the count alone says how much there is. */
    if ((c->holder_count & (c->holder_count - 1)) == 0)
        c->holders = sim_grow(c->holders, c->holder_count == 0 ? 1 : 2 * c->holder_count,
                              sizeof(*c->holders));
    struct sim_holder *h = &c->holders[c->holder_count++];
    *h = (struct sim_holder){.worker = worker, .since = sim->now, .unwanted = INSTANT_NEVER};
    return h;
}

static void check_epochs_differ(struct sim *sim, const struct sim_client *c,
                                const struct sim_holder *h) {
    for (uint32_t i = 0; i < c->holder_count; i++) {
        const struct sim_holder *other = &c->holders[i];
        if (other != h && other->epoch == h->epoch && !h->hot && !other->hot)
            sim_breach(sim,
                       "%s has two lease-holders under epoch %" PRIu32 ": workers of %s and %s",
                       sim_client_name(sim, c).text, h->epoch,
                       watch_cluster(sim, sim->workers[other->worker].cluster),
                       watch_cluster(sim, sim->workers[h->worker].cluster));
    }
    if (c->witness != NULL && h->epoch > c->witness->epoch_high)
        sim_breach(sim, "%s never gave out epoch %" PRIu32 ", which %s serves under",
                   sim_client_name(sim, c).text, h->epoch,
                   watch_cluster(sim, sim->workers[h->worker].cluster));
}

/* True if the holder is the client's hot backup, or is asked to be. */
static bool is_hot_backup(const struct witness *w, uint8_t server) {
    return w->config.hot &&
           (w->hot.server == server ||
            (w->servers[server].hot_told && w->servers[server].role == WITNESS_ROLE_WARM));
}

/* True if the client follows the holder, or is asking just this of it. */
static bool is_wanted(const struct sim *sim, const struct sim_client *c,
                      const struct sim_holder *h) {
    const struct witness *w = c->witness;
    struct addr at = sim_worker_addr(sim, &sim->workers[h->worker]);
    if (c->nap != NULL)
        return c->epoch == h->epoch; /* it sleeps only where it is served */
    if (c->state != SIM_CLIENT_OPEN)
        return false;
    uint8_t server = witness_server_find(w, &at);
    if (server != WITNESS_SERVER_NONE && h->hot)
        return is_hot_backup(w, server);
    return server != WITNESS_SERVER_NONE &&
           ((w->serving == server && w->epoch == h->epoch) ||
            (w->attempt.server == server && w->attempt.epoch == h->epoch));
}

void watch_holders(struct sim *sim, struct sim_client *c) {
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
        struct duration lingers =
            instant_since(sim->now, watch_counts_from(sim, &w->process, h->unwanted));
        if (duration_less(limit, lingers))
            sim_breach(sim,
                       "%s has %s %s under epoch %" PRIu32 " for %" PRId64
                       " ms although its client turned away",
                       watch_cluster(sim, w->cluster), h->hot ? "been hot for" : "served",
                       sim_client_name(sim, c).text, h->epoch, duration_in_ms(lingers));
    }
}

/* A cluster fences whoever serves under an epoch that is not the newest, and nobody else. */
void watch_fenced(struct sim *sim, const struct sim_worker *w, const struct tenure_event *e) {
    uint32_t slot = tenure_find(&w->tenure, &e->u.source.session);
    if (slot == TENURE_SLOT_NONE || e->u.source.error != ERR_MOVED)
        return;
    const struct sim_client *c = &sim->clients[sim_session_at(w, slot)->client];
    for (uint32_t i = 0; i < c->holder_count; i++)
        if (c->holders[i].worker == w->index && c->nap == NULL &&
            is_wanted(sim, c, &c->holders[i]) && c->holders[i].epoch == c->witness->epoch_high)
            sim_breach(sim, "%s ends %s under epoch %" PRIu32 ", which is the newest",
                       watch_cluster(sim, w->cluster), sim_client_name(sim, c).text,
                       c->holders[i].epoch);
}

/* ---- 2: epochs grow -------------------------------------------------------------------------- */

static void session_stepped(struct sim *sim, struct sim_worker *w, uint32_t slot) {
    const struct tenure_session *t = &w->tenures[slot];
    struct sim_session *s = sim_session_at(w, slot);
    struct sim_client *c = &sim->clients[s->client];
    if (t->epoch < s->epoch)
        sim_breach(sim, "epoch of %s at %s went back from %" PRIu32 " to %" PRIu32,
                   sim_client_name(sim, c).text, watch_cluster(sim, w->cluster), s->epoch,
                   t->epoch);
    s->epoch = t->epoch;
    if (t->state != TENURE_SERVING && t->state != TENURE_HOT) {
        remove_holder(c, w->index);
        return;
    }
    struct sim_holder *h = holder_of(sim, c, w->index);
    if (h == NULL)
        return;
    bool hot = t->state == TENURE_HOT;
    if (h->epoch != t->epoch || h->hot != hot)
        h->unwanted = INSTANT_NEVER; /* its client has just asked for this one */
    if (h->hot != hot)
        h->since = sim->now;
    h->epoch = t->epoch;
    h->hot = hot;
    check_epochs_differ(sim, c, h);
}

void watch_holders_stepped(struct sim *sim, struct sim_worker *w) {
    const struct tenure_outbox *out = &sim->tenure_outbox;
    for (uint32_t i = 0; i < out->count; i++)
        if (out->items[i].slot != TENURE_SLOT_NONE)
            session_stepped(sim, w, out->items[i].slot);
}

void watch_holders_died(struct sim *sim, struct sim_worker *w) {
    struct sim_slot room;
    for (uint32_t slot = 0; slot < w->slots; slot++) {
        const struct sim_slot *s = sim_shelf_look(w->shelf, slot, &room);
        if (s != NULL)
            remove_holder(&sim->clients[s->session.client], w->index);
    }
}

/* ---- 3: leases reclaim ----------------------------------------------------------------------- */

void watch_reclaimed(struct sim *sim, const struct sim_worker *w) {
    struct sim_slot room;
    struct duration limit = duration_add(sim->scenario->limits.session_lease, SLACK);
    for (uint32_t slot = 0; slot < w->slots; slot++) {
        const struct sim_slot *s = sim_shelf_look(w->shelf, slot, &room);
        if (s == NULL || !s->session.used)
            continue;
        const struct sim_client *c = &sim->clients[s->session.client];
        if (c->state != SIM_CLIENT_OVER)
            continue;
        /* What was recorded of it may have come again since. */
        struct instant asked = instant_max(c->over_at, s->watch.renewed);
        struct duration kept = instant_since(sim->now, watch_counts_from(sim, &w->process, asked));
        if (duration_less(limit, kept))
            sim_breach(sim, "%s still holds %s (%s), which has been gone for %" PRId64 " ms",
                       watch_cluster(sim, w->cluster), sim_client_name(sim, c).text,
                       tenure_state_name(w->tenures[slot].state), duration_in_ms(kept));
    }
}
