/*
 * The bench of ranking, between its files: one seed's world, and what came of it.
 *
 * Of the matrix's nodes some are drawn to be clusters, the others are clients. Every node has a
 * coordinate (topo/coord) with sixteen neighbours drawn, one of which it measures each second.
 * Every client is alone at its location and served by a cluster drawn. It has a ticket's four
 * backups, greets them as a witness does, and probes whom it has been named: eight at first, others
 * in turns while it lasts (transcoder/timeline/prober and naming, topo/turn and probe: what a real
 * client, worker and peerd do). What it tells is kept by its cluster (topo/trips). At the end three
 * orders (topo/rank) for the next session of that location are compared: by all that is known, by
 * coordinates alone, by geographic distance alone.
 *
 * A sample is the matrix's round trip, and on top of it what queues add: an exponential of mean
 * 1 ms and 3 % of the way; one in fifty meets up to 200 ms more; one in a hundred is lost.
 */
#ifndef PEERD_SIM_BENCH_RANKING_H
#define PEERD_SIM_BENCH_RANKING_H

#include "peerd/sim/bench_places.h"
#include "peerd/sim/bench_rtts.h"

#include "topo/rank.h"

#define RANKING_NEAR_SHARE 0.10 /* the first backup is this near to the best, or … */
#define RANKING_NEAR_US    5000 /* … this */
#define RANKING_CLUSTERS   RANK_CANDIDATES_MAX

enum ranking_by {
    RANKING_BY_MEASURING,
    RANKING_BY_COORDINATES,
    RANKING_BY_DISTANCE,
    RANKING_WAYS
};

struct ranking_request {
    const struct bench_rtts *rtts;
    const struct bench_places *places;
    uint32_t clusters;
    uint32_t seconds;
    bool no_turns; /* only those who were named at first are ever probed */
    bool exact;    /* samples are the matrix's, none is lost */
};

/* How far from the best the first backups are, by one of the three orders. */
struct ranking_outcome {
    uint32_t near;     /* clients whose first backup is near the best */
    uint32_t first;    /* … is the best */
    double *excess_ms; /* by client judged, in no order; owned */
};

struct ranking_result {
    struct ranking_outcome by[RANKING_WAYS];
    uint32_t judged;     /* clients that know at least two clusters besides their own */
    uint32_t left_out;   /* the others */
    double error_median; /* relative, of coordinates over all pairs */
    uint64_t packets;    /* probes that clients sent, at most one a client and second */
};

/* False without memory. */
bool ranking_run(const struct ranking_request *q, uint64_t seed, struct ranking_result *out);
void ranking_free(struct ranking_result *r);

#endif
