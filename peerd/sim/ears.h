/*
 * Single pairs of ears: what detectors of one path alone make of the paths between the clusters of
 * a scenario. Ours, told its wish, and those of rivals.h, each swept over its parameter.
 *
 * Each way between two peers, as the scenario begins, carries beats at the scenario's interval for
 * some hours; ways that are alike are one. A mistake is a time at which the peer, which lives, is
 * given up. At a random instant between each two beats the peer dies in thought: detection time is
 * from there until it is given up for what was heard. The first minute of a way does not count.
 * Beats that overtake count as the later one.
 */
#ifndef PEERD_SIM_EARS_H
#define PEERD_SIM_EARS_H

#include "peerd/sim/scenario.h"

#define EARS_ROWS_MAX  200
#define EARS_PATHS_MAX 12 /* ways that differ; further ones are left out */

struct ears_row {
    const char *name;  /* of the detector */
    const char *what;  /* its parameter is */
    double param;      /* ours: detect_within [ms] */
    bool customary;    /* its users' own choice of parameter; ours always is */
    int64_t ms_p50;    /* [ms] of detection */
    int64_t ms_p99;    /* [ms] */
    uint64_t mistakes; /* on all ways together */
    double per_hour;   /* mistakes, of each way */
};

struct ears {
    struct ears_row rows[EARS_ROWS_MAX];
    uint32_t count;
    uint32_t paths;
    double hours; /* of all ways together, that count */
};

/* `hours` of all ways together, for each of `wishes` of detect_within. False without memory, or if
 * no two clusters are peers. */
bool ears_listen(struct ears *out, const struct scenario *s, const struct duration *wishes,
                 uint32_t wish_count, double hours, uint64_t seed);

#endif
