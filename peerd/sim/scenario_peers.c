#include "peerd/sim/scenario_private.h"

#include <stdlib.h>
#include <string.h>

/*
 * Peers of clusters that want the nearest ones, and servers of listeners that do.
 *
 * Peers in rounds: each cluster in turn takes the next nearest one that it has not yet and that has
 * room, until all have as many as they want. A peering is mutual, so whoever is chosen has one
 * more, also beyond what it wanted itself, up to POLICY_PEERS_MAX; then it is passed over. By
 * rounds rather than one cluster after another, since otherwise the first ones would fill up the
 * centre and the last ones would have to peer with the far side. Of equally near ones the next in
 * the file is taken, and so on around its end: the same file gives the same graph, and where
 * nothing is known of distances a ring rather than a few hubs.
 */

struct candidate {
    uint32_t rtt_us;
    uint32_t after; /* how far behind the chooser in the file, around its end */
    uint32_t index;
    bool taken;
};

struct chooser {
    struct candidate *near; /* the others, nearest first; NULL: it chooses nobody */
    uint32_t count;
    uint32_t at;        /* next to look at: of any region … */
    uint32_t at_others; /* … and of another one */
    uint32_t wanted, wanted_others;
};

static int by_rtt(const void *a, const void *b) {
    const struct candidate *x = a, *y = b;
    if (x->rtt_us != y->rtt_us)
        return x->rtt_us < y->rtt_us ? -1 : 1;
    return (x->after > y->after) - (x->after < y->after);
}

/* [µs] of every pair, there and back, by index × count + index: each way is worked out once. */
static uint32_t *all_rtts(const struct scenario *s) {
    uint32_t n = s->cluster_count;
    uint32_t *rtt_us = calloc((size_t)n * n, sizeof(*rtt_us));
    for (uint32_t a = 0; rtt_us != NULL && a < n; a++)
        for (uint32_t b = 0; b < a; b++) {
            struct duration there = scenario_way(s, a, false, b, false).delay;
            struct duration back = scenario_way(s, b, false, a, false).delay;
            rtt_us[(size_t)a * n + b] = rtt_us[(size_t)b * n + a] = (uint32_t)(there.us + back.us);
        }
    return rtt_us;
}

static bool lists(const struct scenario_cluster *c, const struct name *name) {
    for (uint32_t i = 0; i < c->peer_count; i++) {
        if (name_equal(&c->peers[i], name))
            return true;
    }
    return false;
}

/* One with a list of its own takes part only if that names the other. */
static bool may_peer(const struct scenario_cluster *from, const struct scenario_cluster *to) {
    return to->nearest > 0 || to->peer_count == 0 || lists(to, &from->identity.name);
}

static bool find_candidates(const struct scenario *s, const uint32_t *rtt_us, uint32_t index,
                            struct chooser *c) {
    const struct scenario_cluster *own = &s->clusters[index];
    c->near = malloc(s->cluster_count * sizeof(*c->near));
    if (c->near == NULL)
        return false;
    for (uint32_t i = 0, n = s->cluster_count; i < n; i++) {
        if (i != index && may_peer(own, &s->clusters[i]))
            c->near[c->count++] = (struct candidate){
                .rtt_us = rtt_us[(size_t)index * n + i], .after = (i + n - index) % n, .index = i};
    }
    qsort(c->near, c->count, sizeof(*c->near), by_rtt);
    c->wanted_others = own->elsewhere;
    c->wanted = own->nearest - own->elsewhere;
    return true;
}

static void join(struct scenario_cluster *a, const struct scenario_cluster *b) {
    a->peers[a->peer_count++] = b->identity.name;
}

static bool has_room(const struct scenario_cluster *own, const struct scenario_cluster *other) {
    return own->peer_count < POLICY_PEERS_MAX &&
           (other->nearest == 0 || other->peer_count < POLICY_PEERS_MAX);
}

/* Takes the next one at or after `*at`, if there is one. One that is a peer already, since it has
 * chosen us or its list names us, counts as taken. */
static void take_next(struct scenario *s, uint32_t index, struct chooser *c, uint32_t *at,
                      bool others) {
    struct scenario_cluster *own = &s->clusters[index];
    for (bool found = false; *at < c->count && !found; ++*at) {
        struct candidate *near = &c->near[*at];
        struct scenario_cluster *other = &s->clusters[near->index];
        bool here = name_equal(&other->identity.region, &own->identity.region);
        bool peers = lists(own, &other->identity.name);
        if (near->taken || (others && here) || (!peers && !has_room(own, other)))
            continue;
        found = near->taken = true;
        if (peers)
            continue;
        join(own, other);
        if (other->nearest > 0)
            join(other, own);
    }
}

/* True if somebody wanted one more. Those elsewhere come first: they are the ones that count when a
 * region goes. */
static bool choose_round(struct scenario *s, struct chooser *choosers) {
    bool any = false;
    for (uint32_t i = 0; i < s->cluster_count; i++) {
        struct chooser *c = &choosers[i];
        any |= c->wanted_others > 0 || c->wanted > 0;
        if (c->wanted_others > 0) {
            c->wanted_others--;
            take_next(s, i, c, &c->at_others, true);
        } else if (c->wanted > 0) {
            c->wanted--;
            take_next(s, i, c, &c->at, false);
        }
    }
    return any;
}

/* Those whose list names one that chooses the nearest are its peers before it chooses. */
static void join_listed(struct scenario *s) {
    for (uint32_t i = 0; i < s->cluster_count; i++) {
        struct scenario_cluster *own = &s->clusters[i];
        if (own->nearest == 0)
            continue;
        for (uint32_t k = 0; k < s->cluster_count; k++) {
            const struct scenario_cluster *other = &s->clusters[k];
            if (other->nearest == 0 && lists(other, &own->identity.name) &&
                own->peer_count < POLICY_PEERS_MAX)
                join(own, other);
        }
    }
}

static bool anybody_chooses(struct scenario *s) {
    bool any = false;
    for (uint32_t i = 0; i < s->cluster_count; i++) {
        if (s->clusters[i].nearest > 0)
            s->clusters[i].peer_count = 0;
        any |= s->clusters[i].nearest > 0;
    }
    return any;
}

static void choose_servers(struct scenario *s, uint32_t group, struct candidate *near) {
    struct scenario_clients *g = &s->clients[group];
    for (uint32_t i = 0; i < s->cluster_count; i++) {
        struct duration there = scenario_way(s, group, true, i, false).delay;
        struct duration back = scenario_way(s, i, false, group, true).delay;
        near[i] =
            (struct candidate){.rtt_us = (uint32_t)(there.us + back.us), .after = i, .index = i};
    }
    qsort(near, s->cluster_count, sizeof(*near), by_rtt);
    for (g->open_at_count = 0;
         g->open_at_count < SCENARIO_OPEN_AT_MAX && g->open_at_count < s->cluster_count;
         g->open_at_count++) {
        uint32_t index = near[g->open_at_count].index;
        g->open_at[g->open_at_count] = index;
        g->open_at_names[g->open_at_count] = s->clusters[index].identity.name;
    }
}

static bool choose_all_servers(struct scenario *s) {
    struct candidate *near = malloc(s->cluster_count * sizeof(*near));
    for (uint32_t i = 0; near != NULL && i < s->client_group_count; i++) {
        if (s->clients[i].open_at_nearest)
            choose_servers(s, i, near);
    }
    bool good = near != NULL;
    free(near);
    return good;
}

static bool choose_peers(struct scenario *s) {
    if (!anybody_chooses(s))
        return true;
    struct chooser *choosers = calloc(s->cluster_count, sizeof(*choosers));
    uint32_t *rtt_us = all_rtts(s);
    bool good = choosers != NULL && rtt_us != NULL;
    join_listed(s);
    for (uint32_t i = 0; good && i < s->cluster_count; i++)
        good = s->clusters[i].nearest == 0 || find_candidates(s, rtt_us, i, &choosers[i]);
    while (good && choose_round(s, choosers))
        continue;
    for (uint32_t i = 0; choosers != NULL && i < s->cluster_count; i++)
        free(choosers[i].near);
    free(choosers);
    free(rtt_us);
    return good;
}

bool scenario_choose_nearest(struct scenario *s) {
    return choose_peers(s) && choose_all_servers(s) && scenario_choose_covering(s);
}
