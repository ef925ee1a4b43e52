/*
 * A path: what happens to packets on their way from one place to another.
 *
 * The simulator and the emulator under the live runner ask the very same functions, so that a link
 * means the same to both. One `struct path` is one direction between two ends, shared by everybody
 * who sends there, as a wire is. In this order a packet meets: an outage; the queue before a rate;
 * loss, independent or in bursts; delay and jitter; then perhaps reordering, a second copy, or a
 * recording of it that comes again much later.
 *
 * Pure: instants and the generator come in as arguments.
 */
#ifndef PEERD_SIM_PATH_H
#define PEERD_SIM_PATH_H

#include "peerd/base/rng.h"
#include "peerd/base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The chain of Gilbert (1960) and Elliott (1963): a good and a bad state, one step a packet; named
 * as by tc-netem(8), which calls them p, r, 1-h and 1-k. */
struct path_bursts {
    uint32_t enter_ppm;     /* p: good to bad, a packet; 0: there are no bursts */
    uint32_t leave_ppm;     /* r: bad to good; its inverse is the mean length of a burst */
    uint32_t loss_bad_ppm;  /* 1-h: loss in the bad state */
    uint32_t loss_good_ppm; /* 1-k: loss in the good one */
};

/* Times in which nothing passes: they begin as a Poisson process does, their lengths are of a
 * Pareto distribution, as those of routing failures are. */
struct path_outages {
    struct duration every;   /* mean time from the end of one to the next; zero: there are none */
    struct duration least;   /* shortest */
    struct duration longest; /* longer ones are cut to this */
    uint32_t shape_permille; /* of the Pareto distribution; 1000 to 2000 is a heavy tail */
};

/* All of one direction. */
struct path_quality {
    struct duration delay;           /* of every packet */
    struct duration jitter;          /* on top: from nothing up to this */
    uint32_t jitter_correlation_ppm; /* of a packet's jitter with that of the one before */
    uint32_t loss_ppm;               /* each packet for itself */
    struct path_bursts bursts;
    struct path_outages outages;
    uint64_t rate_bps;         /* [bit/s] of everybody together, IP headers included; 0: no limit */
    struct duration queue;     /* what would wait longer than this for the rate is dropped */
    uint32_t reorder_ppm;      /* of packets: not held behind the ones before */
    uint32_t duplicate_ppm;    /* of packets: come twice */
    uint32_t replay_ppm;       /* of packets: recorded, and sent again … */
    struct duration replay_in; /* … within this time */
};

#endif
