/*
 * Paths that nobody has tuned anything to: of each seed another one.
 *
 * Jitter of some distribution, loss of some kind, and on top of it one or two of what real paths
 * do: a delay that swings, wanders or steps, hand-overs at regular intervals, bursts of queueing
 * at random ones, a sender that is late now and then. Every figure is drawn.
 */
#ifndef TEST_BENCH_DRAWN_H
#define TEST_BENCH_DRAWN_H

#include "test/bench/beats.h"

/* Also says what came out. */
void drawn_beats(struct beats *b, double hours, double interval_ms, uint64_t seed, char *what,
                 size_t what_size);

#endif
