/*
 * Places on the globe for the nodes of a matrix, for ranking by geographic distance.
 *
 * Measured matrices rarely say where their nodes are. Where a file of latitudes and longitudes is
 * given, that counts; else each node gets the place that fits the round trips of the whole matrix
 * best, by gradient descent along great circles: more than any location database knows, since it
 * has seen the very figures that are to be told.
 */
#ifndef PEERD_SIM_BENCH_PLACES_H
#define PEERD_SIM_BENCH_PLACES_H

#include "peerd/sim/bench_rtts.h"

#include "peerd/base/time.h"

struct bench_places {
    double (*at)[3]; /* owned; a point of the unit sphere each */
    uint32_t count;
};

/* False without memory. The same matrix gives the same places. */
bool bench_places_fit(struct bench_places *out, const struct bench_rtts *rtts);

/* From a file of `count` lines, `latitude longitude` in degrees. False: it has said why. */
bool bench_places_load(struct bench_places *out, const char *path, uint32_t count);
void bench_places_free(struct bench_places *p);

/* The round trip that follows from the distance, as scenarios have it (test/README.md). */
struct duration bench_places_rtt(const struct bench_places *p, uint32_t a, uint32_t b);

#endif
