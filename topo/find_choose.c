#include "topo/choose.h"
#include "topo/city.h"
#include "topo/find_private.h"

#include <stdlib.h>

#define GOOD_US      50000 /* [µs] a backup's round trip to us, or not much longer than any */
#define BACKUPS      2
#define PEERING_COST 10
#define US_PER_KM    14.0 /* there and back in glass, by cables that do not run straight */

_Static_assert(FIND_CLUSTERS_MAX <= CHOOSE_CANDIDATES_MAX, "all of them can be candidates");

/* A rule accepts it, and it is a peer or was told that there are enough. */
static bool is_candidate(const struct find_cluster *c) {
    return c->used && c->described &&
           (c->state == FIND_STATE_ACCEPTED ||
            (c->state == FIND_STATE_REFUSED && c->refusal == FIND_REFUSAL_FULL));
}

bool find_has_choice(const struct find *f) {
    uint32_t candidates = 0;
    for (uint32_t i = 0; i < f->top; i++)
        candidates += is_candidate(&f->clusters[i]);
    return candidates > f->config.peers_max && f->config.peers_max > 0;
}

static struct rank_place place_of(const struct find_facts *it) {
    return (struct rank_place){rank_domain_of(it->provider.text), rank_domain_of(it->region.text),
                               it->upstream};
}

/* [µs] 0: unknown, since one of the two does not say where it is. */
static uint32_t rtt_us(const struct find_facts *a, const struct find_facts *b) {
    if (!a->placed || !b->placed)
        return 0;
    return 1000 + (uint32_t)(US_PER_KM * city_distance_km(a->latitude_deg, a->longitude_deg,
                                                          b->latitude_deg, b->longitude_deg));
}

/* Our own place is the only location: where its clients are the core knows, and what round trips
 * they have to whom, but only of those who are peers. */
static bool choose(const struct find *f, const struct choose_candidate *candidates,
                   const uint32_t *rtts, uint32_t count, struct choose_result *out) {
    static const uint32_t weight = 1;
    uint32_t most = f->config.peers_max < CHOOSE_PEERS_MAX ? f->config.peers_max : CHOOSE_PEERS_MAX;
    return choose_peers(out, &(struct choose_task){.own = place_of(&f->config.own),
                                                   .candidates = candidates,
                                                   .candidate_count = count,
                                                   .weights = &weight,
                                                   .location_count = 1,
                                                   .rtt_us = rtts,
                                                   .good_us = GOOD_US,
                                                   .backups = BACKUPS,
                                                   .peers_min = most,
                                                   .peers_max = most,
                                                   .peering_cost = PEERING_COST}) == ERR_OK;
}

bool find_choose(const struct find *f, bool chosen[FIND_CLUSTERS_MAX]) {
    struct choose_candidate candidates[FIND_CLUSTERS_MAX];
    uint32_t rtts[FIND_CLUSTERS_MAX], index[FIND_CLUSTERS_MAX], count = 0;
    struct choose_result r;
    bool other = false;
    for (uint32_t i = 0; i < f->top; i++) {
        const struct find_cluster *c = &f->clusters[i];
        chosen[i] = false;
        if (!is_candidate(c))
            continue;
        index[count] = i;
        rtts[count] = rtt_us(&f->config.own, &c->facts);
        candidates[count++] = (struct choose_candidate){.name = c->facts.name,
                                                        .place = place_of(&c->facts),
                                                        .kept = c->state == FIND_STATE_ACCEPTED};
    }
    if (!choose(f, candidates, rtts, count, &r))
        return false;
    for (uint32_t i = 0; i < r.count; i++) {
        chosen[index[r.peers[i]]] = true;
        other |= !candidates[r.peers[i]].kept;
    }
    return other;
}
