/*
 * Clientele: where those are whom we serve, how far from whom, and what there is between us and our
 * peers, for the choice of peers (topo/find.h). Asked for about once a minute; groups say it, since
 * they know their location and are as few as places are.
 */
#include "peerd/core/agreements.h"
#include "peerd/core/ranking.h"
#include "peerd/core/status.h"
#include "topo/find_clients.h"
#include "topo/location.h"

#include <string.h>

#define PLACES     1024 /* more locations than that are not told apart: the rest is left out */
#define PLACE_WAYS 8    /* places that a location may stand in */

_Static_assert(FIND_PEERS_MAX == POLICY_PEERS_MAX, "every peer has a place");

struct place {
    struct prefix location;
    uint32_t sessions; /* 0: free */
};

static void count_in(struct place places[PLACES], const struct group *g) {
    struct prefix where = group_location(g);
    uint32_t first = chains_hash(g->key.location, sizeof(g->key.location));
    for (uint32_t i = 0; i < PLACE_WAYS; i++) {
        struct place *p = &places[(first + i) % PLACES];
        if (p->sessions > 0 && !location_equal(&p->location, &where))
            continue;
        p->location = where;
        p->sessions += g->committed;
        return;
    }
}

/* The one with most sessions, taken out; NULL: none is left. */
static struct place *take_most(struct place places[PLACES], struct place *out) {
    struct place *most = &places[0];
    for (uint32_t i = 1; i < PLACES; i++)
        if (places[i].sessions > most->sessions)
            most = &places[i];
    *out = *most;
    most->sessions = 0;
    return out->sessions > 0 ? out : NULL;
}

static uint32_t us_of(struct duration d) {
    return d.us <= 0 || duration_is_endless(d) || d.us > UINT32_MAX ? 0 : (uint32_t)d.us;
}

static void fill_location(const struct core *core, const struct place *at,
                          struct find_location *out) {
    struct duration rtts[POLICY_PEERS_MAX];
    *out = (struct find_location){.location = at->location, .sessions = at->sessions};
    out->rtt_us = us_of(fares_own_rtt(core, &at->location));
    ranking_rtts(core, &at->location, rtts);
    for (uint32_t i = 0; i < core->peer_count; i++)
        out->way_us[i] = us_of(rtts[i]);
}

static bool is_held(const struct core *core, const struct peering *p) {
    return p->here > 0 || list_first(&p->groups) != NULL ||
           core_peer_agreement(core, p->index).relied > 0;
}

static void fill_peer(const struct core *core, const struct peering *p, struct find_peer *out) {
    *out = (struct find_peer){.heard = p->verdict.verdict != VERDICT_UNKNOWN &&
                                       p->verdict.verdict != VERDICT_CRASHED &&
                                       p->verdict.verdict != VERDICT_PARTITIONED,
                              .held = is_held(core, p),
                              .cost = agreements_cost(p),
                              .placed = p->description.placed,
                              .latitude_deg = p->description.latitude_udeg / 1e6,
                              .longitude_deg = p->description.longitude_udeg / 1e6};
    memcpy(out->key.bytes, p->policy.key.bytes, sizeof(out->key.bytes));
}

void core_clientele(const struct core *core, struct find_clients *out) {
    struct place places[PLACES] = {{.sessions = 0}}, most;
    memset(out, 0, sizeof(*out));
    for (uint32_t i = 0; i < core->peer_count; i++)
        fill_peer(core, core->peers[i], &out->peers[out->peer_count++]);
    for (const struct link *l = list_first(&core->groups.all); l != NULL;
         l = list_after(&core->groups.all, l)) {
        const struct group *g = LIST_ELEMENT(l, const struct group, all);
        if (g->committed > 0)
            count_in(places, g);
    }
    while (out->location_count < FIND_LOCATIONS_MAX && take_most(places, &most) != NULL)
        fill_location(core, &most, &out->locations[out->location_count++]);
}
