#include "peerd/sim/invariants_private.h"

#include "peerd/core/redirect.h"
#include "peerd/sim/site.h"
#include "topo/location.h"

/* A session that begins at a peer. */

/* A reason that is one: the cluster drains, or its policy says so. */
static void check_reason(struct sim *sim, const struct sim_site *site,
                         const struct core_answer_open *a) {
    enum policy_redirect wish = site->policy.limits.redirect;
    bool drains = sim->watch->sites[site->index].draining;
    bool may = a->redirect == CORE_REDIRECT_DRAINING ? drains
               : a->redirect == CORE_REDIRECT_FULL   ? !drains && wish != POLICY_REDIRECT_NEVER
                                                   : !drains && wish == POLICY_REDIRECT_WHEN_BETTER;
    if (!may)
        sim_breach(sim, "%s sends a newcomer on (%s) against its policy",
                   watch_cluster(sim, site->index), core_redirect_name(a->redirect));
    if (a->repeated)
        sim_breach(sim, "%s sends the same session on again", watch_cluster(sim, site->index));
}

/* A peer that may have it, lives as far as is known, and has said that there is room. */
static void check_target(struct sim *sim, const struct sim_site *site,
                         const struct core_answer_open *a, const struct prefix *location) {
    uint32_t cluster = sim_cluster_at(sim, &a->media);
    uint32_t peer = cluster == UINT32_MAX ? UINT32_MAX : site->peer_of[cluster];
    const char *name = watch_cluster(sim, site->index);
    if (sim_worker_at(sim, &a->media) == UINT32_MAX || cluster == site->index ||
        !sim_site_knows(site, peer)) {
        sim_breach(sim, "%s sends a newcomer on to %s, which is no peer of its", name,
                   a->cluster.text);
        return;
    }
    if (!name_equal(&site->policy.peers[peer].name, &a->cluster) ||
        !watch_may_go(site, peer, &a->ticket.service, location))
        sim_breach(sim, "%s sends a newcomer on to %s, which may not have it", name,
                   a->cluster.text);
    if (!verdict_is_usable(core_peer_verdict(site->core, peer)))
        sim_breach(sim, "%s sends a newcomer on to %s, of which it thinks ill", name,
                   a->cluster.text);
    if (watch_room_at(site, peer) == 0)
        sim_breach(sim, "%s sends a newcomer on to %s, which is full", name, a->cluster.text);
    if (policy_service_find(&sim->sites[cluster].policy, &a->ticket.service) == NULL)
        sim_breach(sim, "%s sends a newcomer on to %s, which does not offer %s", name,
                   a->cluster.text, a->ticket.service.text);
}

/* A node of ours has told all it has. */
static bool has_nodes(const struct sim_site *site) {
    for (uint32_t i = 0; i < site->policy.node_count; i++)
        if (core_node_status(site->core, i).complete)
            return true;
    return false;
}

/* The ticket names the server first and not us; the answer us, once, and never the server. */
static void check_named(struct sim *sim, const struct sim_site *site,
                        const struct core_answer_open *a) {
    const char *name = watch_cluster(sim, site->index);
    const struct name *self = &site->policy.cluster.name;
    uint32_t ours = 0, others = 0;
    for (uint32_t i = 0; i < a->backup_count; i++) {
        const struct name *backup = &a->backups[i].cluster;
        ours += name_equal(backup, self);
        others += !name_equal(backup, self) && !name_equal(backup, &a->cluster);
        if (!name_equal(backup, self) && !name_equal(backup, &a->ticket.backups[1 + i - ours]))
            sim_breach(sim, "%s names %s to a newcomer out of its turn", name, backup->text);
    }
    if (ours != has_nodes(site) || others + ours != a->backup_count ||
        a->ticket.backup_count != others + 1 || !name_equal(&a->ticket.backups[0], &a->cluster) ||
        a->epoch != 1)
        sim_breach(sim, "%s sends a newcomer on and does not say all that it must know", name);
}

void watch_redirected(struct sim *sim, struct sim_site *site, const struct core_answer_open *a,
                      const struct core_event *e) {
    const struct prefix location =
        e->kind == CORE_SESSION_OPEN ? location_of(&e->u.open.from) : (struct prefix){.bits = 0};
    check_reason(sim, site, a);
    check_target(sim, site, a, &location);
    check_named(sim, site, a);
    if (e->kind == CORE_SESSION_OPEN)
        watch_promises(sim, site, a, e);
}
