#include "topo/choose.h"
#include "topo/find_private.h"

#include <stdlib.h>
#include <string.h>

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

static bool holds(const struct find_key *keys, uint32_t count, const struct find_key *key) {
    for (uint32_t i = 0; i < count; i++)
        if (find_key_equal(&keys[i], key))
            return true;
    return false;
}

static struct choose_candidate candidate_of(const struct find *f, const struct find_cluster *c,
                                            struct instant now) {
    const struct find_clientele *all = &f->clientele;
    const struct find_key *key = &c->claim.key;
    bool peer = c->state == FIND_STATE_ACCEPTED;
    return (struct choose_candidate){.name = c->facts.name,
                                     .place = place_of(&c->facts),
                                     .cost = c->cost,
                                     .kept = peer || holds(all->wanting, all->wanting_count, key),
                                     .held = peer && holds(all->held, all->held_count, key),
                                     .excluded = instant_before(now, c->deaf_until)};
}

/* What choose_peers is asked, and who its candidates are. */
struct asking {
    struct choose_candidate candidates[FIND_CLUSTERS_MAX];
    uint32_t index[FIND_CLUSTERS_MAX];
    uint32_t count;
    uint32_t weights[FIND_LOCATIONS_MAX];
    uint32_t rtts[FIND_LOCATIONS_MAX * FIND_CLUSTERS_MAX];
};

static void fill_candidates(const struct find *f, struct instant now, struct asking *a) {
    for (uint32_t i = 0; i < f->top; i++) {
        const struct find_cluster *c = &f->clusters[i];
        if (!is_candidate(c))
            continue;
        a->index[a->count] = i;
        a->candidates[a->count++] = candidate_of(f, c, now);
    }
}

/* Of nobody's clients our own place is the location. */
static uint32_t fill_locations(const struct find *f, struct asking *a) {
    const struct find_clientele *all = &f->clientele;
    uint32_t count = all->location_count > 0 ? all->location_count : 1;
    for (uint32_t l = 0; l < count; l++) {
        a->weights[l] = all->location_count > 0 ? all->locations[l].weight : 1;
        for (uint32_t i = 0; i < a->count; i++)
            a->rtts[l * a->count + i] = find_way_us(f, l, &f->clusters[a->index[i]]);
    }
    return count;
}

static bool choose(const struct find *f, struct instant now, struct asking *a,
                   struct choose_result *out) {
    uint32_t most = f->config.peers_max < CHOOSE_PEERS_MAX ? f->config.peers_max : CHOOSE_PEERS_MAX;
    fill_candidates(f, now, a);
    uint32_t locations = fill_locations(f, a);
    return choose_peers(out, &(struct choose_task){.own = place_of(&f->config.own),
                                                   .candidates = a->candidates,
                                                   .candidate_count = a->count,
                                                   .weights = a->weights,
                                                   .location_count = locations,
                                                   .rtt_us = a->rtts,
                                                   .good_us = CHOOSE_GOOD_US,
                                                   .backups = CHOOSE_BACKUPS,
                                                   .peers_min = most,
                                                   .peers_max = most,
                                                   .peering_cost = CHOOSE_PEERING_COST}) == ERR_OK;
}

bool find_choose(const struct find *f, struct instant now, bool chosen[FIND_CLUSTERS_MAX]) {
    struct asking *a = calloc(1, sizeof(*a));
    struct choose_result r = {.count = 0};
    bool other = false;
    bool good = a != NULL && choose(f, now, a, &r);
    memset(chosen, 0, FIND_CLUSTERS_MAX * sizeof(*chosen));
    for (uint32_t i = 0; i < r.count && good; i++) {
        chosen[a->index[r.peers[i]]] = true;
        other |= f->clusters[a->index[r.peers[i]]].state != FIND_STATE_ACCEPTED;
    }
    free(a);
    return other;
}
