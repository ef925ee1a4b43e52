#include "peerd/sim/bench_ranking_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_US      1000.0 /* mean, and … */
#define QUEUE_SHARE   0.03   /* … this of the way */
#define SPIKE_EVERY   50
#define SPIKE_US      200000
#define LOST_EVERY    100
#define ERROR_STEP    0.0005 /* classes in which relative errors are counted … */
#define ERROR_CLASSES 4000   /* … the last one has all that are larger */
#define DRAWS_MAX     2000   /* for a neighbour, before there are none left */

/* ---- setting up ------------------------------------------------------------------------------ */

static bool is_way(const struct ranking_world *w, uint32_t from, uint32_t to) {
    return from != to && bench_rtt_us(w->request->rtts, from, to) > 0;
}

static void draw_neighbours(struct ranking_world *w, uint32_t node) {
    uint8_t held = 0;
    for (uint32_t draws = 0; held < COORD_NEIGHBOURS_MAX && draws < DRAWS_MAX; draws++) {
        uint32_t other = (uint32_t)rng_below(&w->rng, w->nodes);
        bool is_new = is_way(w, node, other);
        for (uint8_t i = 0; i < held; i++)
            is_new &= w->neighbours[node][i] != other;
        if (is_new)
            w->neighbours[node][held++] = other;
    }
    w->neighbour_count[node] = held;
}

static struct session_id session_of(uint32_t client) {
    struct session_id id;
    struct rng g;
    rng_seed(&g, client);
    for (size_t i = 0; i < sizeof(id.bytes); i++)
        id.bytes[i] = (uint8_t)rng_u64(&g);
    return id;
}

static void set_up(struct ranking_world *w) {
    for (uint32_t i = 0; i < w->nodes; i++)
        w->node_of[i] = i;
    for (uint32_t i = 0; i + 1 < w->nodes; i++) {
        uint32_t k = i + (uint32_t)rng_below(&w->rng, w->nodes - i), swapped = w->node_of[i];
        w->node_of[i] = w->node_of[k];
        w->node_of[k] = swapped;
    }
    for (uint32_t i = 0; i < w->nodes; i++) {
        coord_init(&w->maps[i]);
        draw_neighbours(w, i);
    }
    for (uint32_t i = 0; i < w->client_count; i++) {
        struct ranking_client *c = &w->clients[i];
        c->node = w->node_of[w->request->clusters + i];
        c->serving = (uint32_t)rng_below(&w->rng, w->request->clusters);
        c->session = session_of(i);
        const uint8_t ip[] = {10, (uint8_t)(1 + (i >> 8)), (uint8_t)i, 0};
        c->location = (struct prefix){.addr = addr_ipv4(ip, 0), .bits = 24};
        ranking_client_open(w, c);
    }
}

/* ---- measuring ------------------------------------------------------------------------------- */

struct duration ranking_sample(struct ranking_world *w, uint32_t from, uint32_t to) {
    double us = bench_rtt_us(w->request->rtts, from, to);
    if (us <= 0 || w->request->exact)
        return duration_us((int64_t)us);
    if (rng_below(&w->rng, LOST_EVERY) == 0)
        return DURATION_ZERO;
    us -= (QUEUE_US + QUEUE_SHARE * us) * log(1 - rng_unit(&w->rng));
    if (rng_below(&w->rng, SPIKE_EVERY) == 0)
        us += SPIKE_US * rng_unit(&w->rng);
    return duration_us((int64_t)us);
}

static void measure_coordinates(struct ranking_world *w, uint32_t second) {
    for (uint32_t i = 0; i < w->nodes; i++) {
        if (w->neighbour_count[i] == 0)
            continue;
        uint32_t other = w->neighbours[i][(second + i) % w->neighbour_count[i]];
        struct coord at = w->maps[other].self;
        struct duration rtt = ranking_sample(w, i, other);
        coord_measured(&w->maps[i], other, &at, rtt, rng_u64(&w->rng));
    }
}

/* ---- ranking --------------------------------------------------------------------------------- */

/* What is known of the way between a client and a cluster. Nobody has a coordinate at the
 * beginning; then there is what clusters know of one another. */
static void fill_nearness(const struct ranking_world *w, const struct ranking_client *c,
                          uint32_t cluster, enum ranking_by by, struct rank_candidate *out) {
    uint32_t to = w->node_of[cluster];
    const struct coord *here = &w->maps[c->node].self, *there = &w->maps[to].self;
    if (by == RANKING_BY_DISTANCE)
        out->rtt_estimated = bench_places_rtt(w->request->places, c->node, to);
    else if (w->maps[c->node].turn > 0)
        out->rtt_estimated = coord_rtt(here, there);
    if (by != RANKING_BY_MEASURING)
        return;
    uint32_t serving = w->node_of[c->serving];
    const struct trips_view said =
        trips_find(&w->trips[c->serving], &c->location, (uint16_t)(cluster + 1), w->now);
    out->rtt = duration_us(bench_rtt_us(w->request->rtts, serving, to));
    const struct duration own = duration_us(bench_rtt_us(w->request->rtts, c->node, serving));
    if (said.clients > 0) /* as peerd/core/fares has it */
        out->rtt_measured = trips_believed(
            &said, own.us > 0 && out->rtt.us > 0 ? duration_sub(out->rtt, own) : DURATION_ZERO);
}

/* All clusters but the serving one are alike but for how near they are. */
size_t ranking_order(const struct ranking_world *w, const struct ranking_client *c,
                     enum ranking_by by, uint8_t *order, size_t room) {
    const struct rank_place serving = {0};
    struct rank_candidate candidates[RANKING_CLUSTERS];
    for (uint32_t k = 0; k < w->request->clusters; k++) {
        candidates[k] = (struct rank_candidate){.usable = is_way(w, c->node, w->node_of[k]),
                                                .offers = true,
                                                .accepts = k != c->serving,
                                                .same_determinism = true,
                                                .free_slots = 100};
        snprintf(candidates[k].name.text, sizeof(candidates[k].name.text), "c%03u", (unsigned)k);
        fill_nearness(w, c, k, by, &candidates[k]);
    }
    return rank_order(candidates, w->request->clusters, &serving, &c->session, order, room);
}

/* ---- judging --------------------------------------------------------------------------------- */

static void judge_client(struct ranking_world *w, uint32_t client) {
    const struct ranking_client *c = &w->clients[client];
    uint32_t least_us = UINT32_MAX, known = 0;
    for (uint32_t k = 0; k < w->request->clusters; k++) {
        if (k == c->serving || !is_way(w, c->node, w->node_of[k]))
            continue;
        uint32_t us = bench_rtt_us(w->request->rtts, c->node, w->node_of[k]);
        least_us = us < least_us ? us : least_us;
        known++;
    }
    if (known < 2) {
        w->result->left_out++;
        return;
    }
    for (int by = 0; by < RANKING_WAYS; by++) {
        struct ranking_outcome *o = &w->result->by[by];
        uint8_t order[1];
        uint32_t us = 0;
        if (ranking_order(w, c, (enum ranking_by)by, order, 1) == 1)
            us = bench_rtt_us(w->request->rtts, c->node, w->node_of[order[0]]);
        double excess_us = us > 0 ? (double)us - least_us : 1e9; /* nobody is the worst */
        o->near += excess_us <= RANKING_NEAR_US || excess_us <= RANKING_NEAR_SHARE * least_us;
        o->first += excess_us <= 0;
        o->excess_ms[w->result->judged] = excess_us / 1000;
    }
    w->result->judged++;
}

/* To within ERROR_STEP; pairs that were measured, each direction for itself. */
static double error_median(const struct ranking_world *w) {
    static uint64_t counts[ERROR_CLASSES];
    uint64_t all = 0, below = 0;
    memset(counts, 0, sizeof(counts));
    for (uint32_t i = 0; i < w->nodes; i++) {
        for (uint32_t k = 0; k < w->nodes; k++) {
            double us = w->request->rtts->matrix.rtt_us[(size_t)i * w->nodes + k];
            if (i == k || us <= 0)
                continue;
            double said_us = (double)coord_rtt(&w->maps[i].self, &w->maps[k].self).us;
            double class = fabs(said_us - us) / us / ERROR_STEP;
            counts[class < ERROR_CLASSES - 1 ? (size_t) class : ERROR_CLASSES - 1]++;
            all++;
        }
    }
    size_t class = 0;
    for (; class < ERROR_CLASSES && below + counts[class] <= all / 2; class ++)
        below += counts[class];
    return ((double)class + 0.5) * ERROR_STEP;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static bool make(struct ranking_world *w) {
    w->node_of = calloc(w->nodes, sizeof(*w->node_of));
    w->maps = calloc(w->nodes, sizeof(*w->maps));
    w->neighbours = calloc(w->nodes, sizeof(*w->neighbours));
    w->neighbour_count = calloc(w->nodes, sizeof(*w->neighbour_count));
    w->clients = calloc(w->client_count, sizeof(*w->clients));
    w->trips = calloc(w->request->clusters, sizeof(*w->trips));
    bool good = w->node_of != NULL && w->maps != NULL && w->neighbours != NULL &&
                w->neighbour_count != NULL && w->clients != NULL && w->trips != NULL;
    for (int by = 0; by < RANKING_WAYS; by++) {
        double *excess_ms = calloc(w->client_count, sizeof(*excess_ms));
        w->result->by[by].excess_ms = excess_ms;
        good &= excess_ms != NULL;
    }
    return good;
}

static void run(struct ranking_world *w) {
    for (uint32_t i = 0; i < w->request->clusters; i++)
        trips_init(&w->trips[i]);
    set_up(w);
    for (uint32_t s = 0; s < w->request->seconds; s++) {
        w->now = instant_us((int64_t)s * 1000000);
        measure_coordinates(w, s);
        for (uint32_t i = 0; i < w->client_count; i++)
            ranking_client_live(w, &w->clients[i]);
    }
    for (uint32_t i = 0; i < w->client_count; i++)
        judge_client(w, i);
    w->result->error_median = error_median(w);
}

bool ranking_run(const struct ranking_request *q, uint64_t seed, struct ranking_result *out) {
    struct ranking_world w = {.request = q,
                              .result = out,
                              .nodes = q->rtts->matrix.size,
                              .client_count = q->rtts->matrix.size - q->clusters};
    *out = (struct ranking_result){.judged = 0};
    rng_seed(&w.rng, seed);
    bool good = make(&w);
    if (good)
        run(&w);
    else
        ranking_free(out);
    free(w.node_of);
    free(w.maps);
    free(w.neighbours);
    free(w.neighbour_count);
    free(w.clients);
    free(w.trips);
    return good;
}

void ranking_free(struct ranking_result *r) {
    for (int by = 0; by < RANKING_WAYS; by++) {
        free(r->by[by].excess_ms);
        r->by[by].excess_ms = NULL;
    }
}
