/*
 * Why no detector comes out well on every path: paths that begin alike, byte for byte.
 *
 * The first loses no beat, the next one, the next two, each from an instant on at which those that
 * lose no more go on without a loss: until then no detector can tell them apart. What outlasts a
 * lost beat notices a death a whole interval later. Whoever waits so long where no beat is lost any
 * more is far from the best; and whoever never does is wrong once too often where one more is lost
 * than the wish allows. A detector can only choose the number of mistakes after which it begins to,
 * and on one of the paths that was the wrong one.
 */
#ifndef TEST_BENCH_ARGUMENT_H
#define TEST_BENCH_ARGUMENT_H

#include "test/bench/beats.h"

#define ARGUMENT_LOST_MAX 8

/* The path that loses so many beats, of those that lose up to `most` of them (1 to
 * ARGUMENT_LOST_MAX); they are alike until the one loses a beat and the other does not. */
void argument_beats(struct beats *b, unsigned lost, unsigned most, double hours, double interval_ms,
                    uint64_t seed);

/* So many beats from the first on are the same on both. */
size_t argument_alike(const struct beats *a, const struct beats *b);

/* One that waits as long as a beat takes, and after `param` mistakes as long as two, for good: the
 * paths hardly jitter, and nobody needs more. */
const struct rival_kind *argument_turns_after(void);

#endif
