/*
 * One case of the bench of degradations: a location whose listeners are served by several clusters,
 * and what goes wrong, drawn by a seed.
 *
 * Every voice packet crosses the core path of its cluster, the access of the location and its
 * listener's own line (peerd/sim/path each), with noise on all of them: loss, bursts, jitter, lines
 * of a few listeners that go bad by themselves, short bursts that hit everybody. Listeners count
 * and report as RFC 3550 says, in real RTCP that may be lost, twice a second; clusters rate, judge
 * and tell one another in digests, as in the programs (monitor/perf, monitor/degrade, wire/digest).
 */
#ifndef PEERD_SIM_BENCH_DEGRADATION_H
#define PEERD_SIM_BENCH_DEGRADATION_H

#include "monitor/degrade.h"

#include <stdbool.h>
#include <stdint.h>

#define BENCH_TRACE_MAX 8 /* events of a case that are kept as text */

/* What goes wrong. */
enum bench_trouble {
    BENCH_TROUBLE_NONE,  /* nothing: a quiet case */
    BENCH_TROUBLE_PATH,  /* the first cluster's path to the location */
    BENCH_TROUBLE_ACCESS /* the location's own access */
};

/* … and how. */
enum bench_kind {
    BENCH_KIND_LOSS,
    BENCH_KIND_BURSTS,
    BENCH_KIND_DELAY,
    BENCH_KIND_BOTH /* loss and delay: a full queue */
};
#define BENCH_KINDS 4

struct bench_case {
    uint64_t seed;
    enum bench_trouble trouble;
    uint32_t clients;         /* listeners of the first cluster there */
    uint32_t clients_else;    /* … and of all others together */
    struct duration interval; /* between two reports of a listener */
    struct duration length;   /* of a quiet case */
};

struct bench_outcome {
    enum bench_kind kind;
    uint32_t clusters;
    struct instant onset;
    uint32_t early;        /* events before anything went wrong, at any cluster */
    uint32_t elsewhere;    /* events at other clusters, which have no trouble of their own */
    bool told;             /* the first cluster has had an event … */
    struct duration after; /* … so long after the onset */
    enum degrade_cause cause;
    uint64_t digest_bytes; /* that all clusters sent to each of their peers */
    struct duration lasted;
    uint32_t text_count;
    char texts[BENCH_TRACE_MAX][DEGRADE_TEXT_LEN_MAX + 32];
};

/* False without memory. */
bool bench_case_run(const struct bench_case *c, struct bench_outcome *out);

#endif
