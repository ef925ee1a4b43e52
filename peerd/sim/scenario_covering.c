#include "peerd/sim/scenario_private.h"
#include "topo/choose.h"
#include "topo/find.h"

#include <stdlib.h>
#include <string.h>

/*
 * Peers of clusters that choose them by coverage, all of them known to each other.
 *
 * One after the other, in the order of the file, chooses as topo/choose does. Whoever has chosen it
 * before is its peer already, and counts; whoever has as many peers as it wants is full. At first
 * each takes what covers its locations and no more, so that there is room for those who come last;
 * then each takes further ones until it has half as many as it wants at most.
 */

/* What all choices share. */
struct choices {
    struct scenario *s;
    bool *joined;                        /* by cluster × count + cluster */
    struct choose_candidate *candidates; /* of the one that chooses: all others, in the order … */
    uint32_t *indexes;                   /* … of these clusters */
    uint32_t *rtt_us;                    /* by location and candidate */
    uint32_t *weights;
    uint32_t locations;
};

static struct rank_place place_of(const struct policy_cluster *c) {
    return (struct rank_place){rank_domain_of(c->provider.text), rank_domain_of(c->region.text),
                               rank_domain_of(c->upstream.text)};
}

/* What it takes of us for a session, by the first of its agreements that is about us. */
static uint32_t cost_at(const struct scenario *s, uint32_t there, const struct name *us) {
    for (uint32_t i = 0; i < s->agreement_count; i++) {
        const struct scenario_agreement *a = &s->agreements[i];
        if ((a->at == there || a->at == SCENARIO_ALL) &&
            find_pattern_fits(a->terms.pattern, us->text))
            return a->terms.cost;
    }
    return 0;
}

static uint32_t rtt_us_of(const struct scenario *s, uint32_t from, bool group, uint32_t to) {
    struct duration there = scenario_way(s, from, group, to, false).delay;
    struct duration back = scenario_way(s, to, false, from, group).delay;
    return (uint32_t)(there.us + back.us);
}

static bool serves(const struct scenario_clients *g, uint32_t index) {
    uint32_t first = g->spread ? g->open_at_count : 1;
    for (uint32_t k = 0; k < first && k < g->open_at_count; k++)
        if (g->open_at[k] == index)
            return true;
    return g->open_at_count == 0 && (g->spread || index == 0);
}

static void add_location(struct choices *c, uint32_t from, bool group, uint32_t weight) {
    uint32_t n = c->s->cluster_count - 1, at = c->locations++;
    c->weights[at] = weight;
    for (uint32_t i = 0; i < n; i++)
        c->rtt_us[(size_t)at * n + i] = rtt_us_of(c->s, from, group, c->indexes[i]);
}

static void find_locations(struct choices *c, uint32_t own) {
    const struct scenario *s = c->s;
    c->locations = 0;
    for (uint32_t g = 0; g < s->client_group_count && c->locations < CHOOSE_LOCATIONS_MAX; g++)
        if (serves(&s->clients[g], own))
            add_location(c, g, true, s->clients[g].count);
    if (c->locations == 0)
        add_location(c, own, false, 1);
}

static bool is_peer(const struct choices *c, uint32_t a, uint32_t b) {
    return c->joined[(size_t)a * c->s->cluster_count + b];
}

enum pass {
    PASS_COVER,
    PASS_FILL,
    PASS_JUDGE /* those who are peers are all there is */
};

static void find_candidates(struct choices *c, uint32_t own, enum pass pass) {
    const struct scenario *s = c->s;
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->cluster_count; i++) {
        const struct scenario_cluster *other = &s->clusters[i];
        bool peer = is_peer(c, own, i);
        if (i == own)
            continue;
        c->indexes[count] = i;
        c->candidates[count++] = (struct choose_candidate){
            .name = other->identity.name,
            .place = place_of(&other->identity),
            .cost = cost_at(s, i, &s->clusters[own].identity.name),
            .pinned = peer,
            .kept = peer,
            .excluded = !peer && (pass == PASS_JUDGE || other->peer_count >= other->chooses)};
    }
}

static bool choose(struct choices *c, uint32_t own, enum pass pass, struct choose_result *out) {
    const struct scenario_cluster *cluster = &c->s->clusters[own];
    find_candidates(c, own, pass);
    find_locations(c, own);
    return choose_peers(out, &(struct choose_task){
                                 .own = place_of(&cluster->identity),
                                 .candidates = c->candidates,
                                 .candidate_count = c->s->cluster_count - 1,
                                 .weights = c->weights,
                                 .location_count = c->locations,
                                 .rtt_us = c->rtt_us,
                                 .good_us = CHOOSE_GOOD_US,
                                 .backups = CHOOSE_BACKUPS,
                                 .peers_min = pass == PASS_COVER ? 1 : (cluster->chooses + 1) / 2,
                                 .peers_max = cluster->chooses,
                                 .peering_cost = CHOOSE_PEERING_COST}) == ERR_OK;
}

static void join(struct choices *c, uint32_t a, uint32_t b) {
    struct scenario_cluster *x = &c->s->clusters[a], *y = &c->s->clusters[b];
    if (is_peer(c, a, b) || x->peer_count == POLICY_PEERS_MAX)
        return;
    x->peers[x->peer_count++] = y->identity.name;
    if (y->chooses > 0)
        y->peers[y->peer_count++] = x->identity.name;
    c->joined[(size_t)a * c->s->cluster_count + b] = true;
    c->joined[(size_t)b * c->s->cluster_count + a] = true;
}

/* Those who name one that chooses are its peers before it does. */
static void join_listed(struct choices *c, uint32_t own) {
    struct scenario *s = c->s;
    for (uint32_t i = 0; i < s->cluster_count; i++)
        for (uint32_t k = 0; s->clusters[i].chooses == 0 && k < s->clusters[i].peer_count; k++)
            if (name_equal(&s->clusters[i].peers[k], &s->clusters[own].identity.name))
                join(c, own, i);
}

static void count(struct scenario_choice *all, const struct scenario_cluster *own,
                  const struct choose_result *r, uint32_t locations) {
    if (all->clusters++ == 0 || own->peer_count < all->peers_min)
        all->peers_min = own->peer_count;
    if (own->peer_count > all->peers_max)
        all->peers_max = own->peer_count;
    all->peers += own->peer_count;
    all->locations += locations;
    all->covered += r->covered;
    all->weak += r->weak;
}

static bool choose_all(struct choices *c) {
    struct scenario *s = c->s;
    struct choose_result r;
    for (uint32_t i = 0; i < s->cluster_count; i++)
        if (s->clusters[i].chooses > 0)
            join_listed(c, i);
    for (enum pass pass = PASS_COVER; pass <= PASS_JUDGE; pass++)
        for (uint32_t i = 0; i < s->cluster_count; i++) {
            if (s->clusters[i].chooses == 0)
                continue;
            if (!choose(c, i, pass, &r))
                return false;
            for (uint32_t k = 0; k < r.count; k++)
                join(c, i, c->indexes[r.peers[k]]);
            if (pass == PASS_JUDGE)
                count(&s->choice, &s->clusters[i], &r, c->locations);
        }
    return true;
}

bool scenario_choose_covering(struct scenario *s) {
    struct choices c = {.s = s};
    size_t n = s->cluster_count;
    bool any = false, good;
    if (s->discovery.given)
        return true; /* they choose while it runs, as the daemon does */
    memset(&s->choice, 0, sizeof(s->choice));
    for (uint32_t i = 0; i < s->cluster_count; i++)
        if (s->clusters[i].chooses > 0) {
            s->clusters[i].peer_count = 0;
            any = true;
        }
    if (!any)
        return true;
    c.joined = calloc(n * n, sizeof(*c.joined));
    c.candidates = calloc(n, sizeof(*c.candidates));
    c.indexes = calloc(n, sizeof(*c.indexes));
    c.rtt_us = calloc(n * CHOOSE_LOCATIONS_MAX, sizeof(*c.rtt_us));
    c.weights = calloc(CHOOSE_LOCATIONS_MAX, sizeof(*c.weights));
    good = c.joined != NULL && c.candidates != NULL && c.indexes != NULL && c.rtt_us != NULL &&
           c.weights != NULL && choose_all(&c);
    free(c.joined);
    free(c.candidates);
    free(c.indexes);
    free(c.rtt_us);
    free(c.weights);
    return good;
}
