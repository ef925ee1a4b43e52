/*
 * Round-trip times that benches stand upon: a measured matrix, however it was written down.
 *
 * Beyond what scenarios take, values may be in seconds or microseconds, and what was not measured
 * may be written as people do (`nan`, `-1`, `-`). Which unit it is shows: no wide area has a median
 * below 2 ms, and none above 2 s.
 */
#ifndef PEERD_SIM_BENCH_RTTS_H
#define PEERD_SIM_BENCH_RTTS_H

#include "peerd/sim/scenario.h"

struct bench_rtts {
    struct scenario_matrix matrix;
    const char *unit;  /* of the file: "ms", "s" or "us" */
    uint64_t measured; /* pairs, each direction for itself */
    uint64_t missing;
};

/* `unit` is NULL for finding out. False: it has said what is wrong with the file. */
bool bench_rtts_load(struct bench_rtts *out, const char *path, const char *unit);
void bench_rtts_free(struct bench_rtts *r);

/* [µs] from one to another; the other direction's if only that was measured; 0: neither. */
uint32_t bench_rtt_us(const struct bench_rtts *r, uint32_t from, uint32_t to);

#endif
