/*
 * Real peerd programs that do nothing but watch one another: what do beats cost?
 *
 * Each has a key, a policy and a loopback address of its own, and all the others as peers. They die
 * with the benchmark.
 */
#ifndef TEST_BENCH_BEATING_H
#define TEST_BENCH_BEATING_H

#include <sys/types.h>

#define BEATING_MAX 11

struct beating {
    char dir[64];
    unsigned count;
    pid_t pids[BEATING_MAX];
};

/* Starts them and returns; beats are every `interval_ms`, neither more nor fewer. */
void beating_start(struct beating *b, unsigned count, unsigned interval_ms);

/* [s] of CPU that all of them have used, user and system. */
double beating_cpu_s(const struct beating *b);

/* The sum of what their metrics say, for a counter without labels. */
double beating_metric(const struct beating *b, const char *name);

/* Kills them and removes what they had. */
void beating_stop(struct beating *b);

#endif
