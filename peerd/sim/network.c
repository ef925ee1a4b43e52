#include "peerd/sim/network.h"

#include "peerd/sim/queue.h"

#include <stdlib.h>

#define RETRANSMIT   duration_ms(200) /* TCP's least retransmission timeout (Linux) */
#define JITTER_MEETS 4 /* a packet's jitter moves a quarter of the way to a new draw */

static struct sim_way *way(const struct sim_network *n, uint32_t from, uint32_t to) {
    return &n->ways[from * n->end_count + to];
}

uint32_t sim_network_group(const struct sim_network *n, uint32_t group) {
    return n->scenario->cluster_count + group;
}

static bool is_group(const struct sim_network *n, uint32_t end) {
    return end >= n->scenario->cluster_count;
}

static uint32_t index_of(const struct sim_network *n, uint32_t end) {
    return is_group(n, end) ? end - n->scenario->cluster_count : end;
}

static void set_way(struct sim_way *w, const struct scenario_link *link) {
    w->delay = duration_scale(link->rtt, 1, 2);
    w->jitter = link->quality.jitter;
    w->loss_ppm = link->quality.loss_ppm;
}

void sim_network_init(struct sim_network *n, const struct scenario *scenario, uint64_t seed) {
    *n = (struct sim_network){.scenario = scenario,
                              .end_count = scenario->cluster_count + scenario->client_group_count};
    rng_seed(&n->rng, seed);
    n->ways = sim_alloc((size_t)n->end_count * n->end_count, sizeof(*n->ways));
    n->dark = sim_alloc(scenario->cluster_count, sizeof(*n->dark));
    for (uint32_t from = 0; from < n->end_count; from++)
        for (uint32_t to = 0; to < n->end_count; to++) {
            struct scenario_link link = scenario_link_between(
                scenario, index_of(n, from), is_group(n, from), index_of(n, to), is_group(n, to));
            set_way(way(n, from, to), &link);
        }
}

void sim_network_free(struct sim_network *n) {
    free(n->ways);
    free(n->dark);
}

static bool is_dark(const struct sim_network *n, uint32_t end) {
    return !is_group(n, end) && n->dark[end];
}

bool sim_network_open(const struct sim_network *n, uint32_t from, uint32_t to) {
    return !is_dark(n, from) && !is_dark(n, to) && !way(n, from, to)->cut;
}

static struct duration drawn_jitter(struct sim_network *n, const struct sim_way *w,
                                    struct duration before) {
    if (w->jitter.us == 0)
        return DURATION_ZERO;
    int64_t drawn = rng_duration(&n->rng, DURATION_ZERO, w->jitter).us;
    int64_t us = before.us + (drawn - before.us) / JITTER_MEETS;
    return duration_us(us > w->jitter.us ? w->jitter.us : us);
}

bool sim_network_send(struct sim_network *n, uint32_t from, uint32_t to, struct sim_flow *flow,
                      struct instant now, struct instant *arrival) {
    const struct sim_way *w = way(n, from, to);
    if (!sim_network_open(n, from, to))
        return false;
    flow->jitter = drawn_jitter(n, w, flow->jitter);
    if (w->loss_ppm > 0 && rng_below(&n->rng, 1000000) < w->loss_ppm)
        return false;
    struct instant at = instant_add(now, duration_add(w->delay, flow->jitter));
    flow->arrived = instant_max(flow->arrived, at);
    *arrival = flow->arrived;
    return true;
}

bool sim_network_stream(struct sim_network *n, uint32_t from, uint32_t to, uint32_t trips,
                        struct instant now, struct instant *arrival) {
    struct instant at = now;
    if (!sim_network_open(n, from, to) || (trips > 1 && !sim_network_open(n, to, from)))
        return false;
    for (uint32_t i = 0; i < trips; i++) {
        const struct sim_way *w = i % 2 == 0 ? way(n, from, to) : way(n, to, from);
        at = instant_add(at, w->delay);
        at = instant_add(at, rng_duration(&n->rng, DURATION_ZERO, w->jitter));
        if (w->loss_ppm > 0 && rng_below(&n->rng, 1000000) < w->loss_ppm)
            at = instant_add(at, RETRANSMIT);
    }
    *arrival = at;
    return true;
}

/* ---- what the timeline says ---- */

static bool fits(const struct sim_network *n, const struct scenario_end *e, uint32_t end) {
    if (e->index == SCENARIO_ALL)
        return true;
    if (e->index == SCENARIO_CLIENTS)
        return is_group(n, end);
    return e->group == is_group(n, end) && e->index == index_of(n, end);
}

static bool fits_any(const struct sim_network *n, const struct scenario_end *ends, uint32_t count,
                     uint32_t end) {
    for (uint32_t i = 0; i < count; i++)
        if (fits(n, &ends[i], end))
            return true;
    return false;
}

void sim_network_partition(struct sim_network *n, const struct scenario_cut *cut) {
    for (uint32_t a = 0; a < n->end_count; a++)
        for (uint32_t b = 0; b < n->end_count; b++) {
            if (a == b || !fits_any(n, cut->from, cut->from_count, a) ||
                !fits_any(n, cut->to, cut->to_count, b))
                continue;
            way(n, a, b)->cut = true;
            if (!cut->one_way)
                way(n, b, a)->cut = true;
        }
}

void sim_network_heal(struct sim_network *n, const struct scenario_cut *cut) {
    bool all = cut->from_count == 0;
    for (uint32_t a = 0; a < n->end_count; a++) {
        bool from = all || fits_any(n, cut->from, cut->from_count, a);
        bool named_alone =
            from && (all || (cut->to_count == 1 && cut->to[0].index == SCENARIO_ALL));
        if (named_alone && !is_group(n, a))
            n->dark[a] = false;
        for (uint32_t b = 0; b < n->end_count; b++)
            if (all || (from && fits_any(n, cut->to, cut->to_count, b)))
                way(n, a, b)->cut = way(n, b, a)->cut = false;
    }
}

void sim_network_link(struct sim_network *n, const struct scenario_link *link) {
    for (uint32_t a = 0; a < n->end_count; a++)
        for (uint32_t b = 0; b < n->end_count; b++)
            if ((fits(n, &link->ends[0], a) && fits(n, &link->ends[1], b)) ||
                (fits(n, &link->ends[1], a) && fits(n, &link->ends[0], b)))
                set_way(way(n, a, b), link);
}
