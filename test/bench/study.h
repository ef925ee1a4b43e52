/*
 * One path, one way to beat over it, and what a detector makes of that: detection time, mistakes
 * and bytes, in virtual time.
 *
 * The sender beats at a fixed interval, or as the detector asks. Loss has its bursts in time, so
 * that more beats do not make a burst shorter. A death may strike at any instant; detection time is
 * from there to the instant at which the peer is given up for good.
 */
#ifndef TEST_BENCH_STUDY_H
#define TEST_BENCH_STUDY_H

#include <stdbool.h>
#include <stdint.h>

struct study_path {
    const char *name;
    double loss;     /* share of the time, or of the beats */
    double burst_ms; /* mean; zero for independent loss */
    double jitter_ms, round_trip_ms;
};

struct study_found {
    double interval_ms; /* mean, after ten minutes of learning */
    double td_ms_p50, td_ms_p99;
    double mistakes_per_hour;
    bool meets; /* says so at the end */
};

/* `interval_ms` zero: from 20 ms to 1 s, as asked. */
struct study_found study_run(const struct study_path *path, double interval_ms, double hours,
                             uint64_t seed);

#endif
