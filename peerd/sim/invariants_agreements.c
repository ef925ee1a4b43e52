#include "peerd/sim/invariants_private.h"

#include "peerd/sim/client.h"
#include "peerd/sim/worker.h"

#include <inttypes.h>

/* What clusters have agreed upon: nobody relies on what is not held, and no more is held than there
 * is. A holder that was started anew has forgotten, which is all that excuses it. */

static const struct agreement *theirs_about(const struct sim *sim, const struct sim_site *site,
                                            uint32_t peer, uint32_t *held) {
    const struct sim_site *other = &sim->sites[site->cluster_of[peer]];
    uint32_t back = other->peer_of[site->index];
    if (other->core == NULL || back >= other->policy.peer_count)
        return NULL;
    struct core_agreement_status s = core_peer_agreement(other->core, back);
    *held = s.held;
    return s.agreement;
}

static void check_relied(struct sim *sim, const struct sim_site *site, uint32_t peer) {
    struct core_agreement_status s = core_peer_agreement(site->core, peer);
    uint32_t held = 0;
    if (s.agreement == NULL || s.relied == 0)
        return;
    if (instant_reached(sim_site_now(sim, site), s.agreement->relied_until))
        return; /* it is about to notice */
    const struct agreement *theirs = theirs_about(sim, site, peer, &held);
    if (theirs != NULL && theirs->run == s.agreement->peer_run && held < s.relied)
        sim_breach(sim, "%s relies on %" PRIu32 " slots at %s, where %" PRIu32 " are held",
                   watch_cluster(sim, site->index), s.relied, site->policy.peers[peer].name.text,
                   held);
}

/* Its own `residence`, and what the peer told of its region last. */
static bool may_reside(const struct sim_site *site, uint32_t peer, const struct prefix *location) {
    const struct policy_residence *r =
        location->addr.family == 0 ? NULL : policy_residence_of(&site->policy, location);
    if (r == NULL)
        return true;
    struct core_peer_status s = core_peer_status(site->core, peer, instant_us(0));
    for (uint32_t i = 0; i < r->region_count && s.description != NULL; i++)
        if (name_equal(&r->regions[i], &s.description->region))
            return true;
    return false;
}

bool watch_may_go(const struct sim_site *site, uint32_t peer, const struct name *service,
                  const struct prefix *location) {
    if (!may_reside(site, peer, location))
        return false;
    struct core_agreement_status s = core_peer_agreement(site->core, peer);
    const struct policy_service *known = policy_service_find(&site->policy, service);
    if (!s.required || !site->policy.peers[peer].offer_moves)
        return site->policy.peers[peer].offer_moves;
    return s.agreement != NULL &&
           agreement_offers(s.agreement, service, known != NULL ? (uint8_t)known->priority : 0,
                            &location->addr);
}

uint32_t watch_room_at(const struct sim_site *site, uint32_t peer) {
    struct core_agreement_status s = core_peer_agreement(site->core, peer);
    uint32_t said = core_peer_free_slots(site->core, peer);
    uint32_t left = s.relied > s.counted ? s.relied - s.counted : 0;
    return s.required && left < said ? left : said;
}

bool watch_lets_in(const struct sim *sim, const struct sim_worker *w, const struct sim_client *c,
                   uint8_t server, uint32_t slot, bool held) {
    const struct witness_server *s = &c->witness->servers[server];
    const struct name *issuer = sim_issuer(sim, w, c->index);
    if (w->guests == NULL || issuer == NULL)
        return true;
    if (s->refusal == ERR_DENIED && instant_before(sim_client_now(sim, c), s->not_before))
        return false; /* it said so, and is not to be asked for a while */
    if (held)
        return w->tenures[slot].state != TENURE_STANDBY ||
               !guests_deny(w->guests, issuer, sim_service(sim, c->index));
    return guests_room(w->guests, issuer, sim_service(sim, c->index));
}

void watch_agreements(struct sim *sim, struct sim_site *site) {
    struct agreement_room room = core_agreement_room(site->core);
    if (site->policy.agreement_count == 0)
        return;
    if (room.held > room.slots && site->at_start == NULL)
        sim_breach(sim, "%s holds %" PRIu32 " slots for peers, and has %" PRIu32,
                   watch_cluster(sim, site->index), room.held, room.slots);
    for (uint32_t i = 0; i < site->policy.peer_count; i++)
        check_relied(sim, site, i);
}
