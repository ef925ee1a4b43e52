/*
 * A seeded generator of pseudo-random numbers for jitter, choice and simulation.
 *
 * xoshiro256** of Blackman and Vigna (2018), seeded through splitmix64. It is reproducible and fast
 * and it is not for secrets: keys, nonces and cookies come in as entropy from outside.
 */
#ifndef PEERD_BASE_RNG_H
#define PEERD_BASE_RNG_H

#include "peerd/base/time.h"

#include <stdint.h>

struct rng {
    uint64_t s[4]; /* never all zero once seeded */
};

void rng_seed(struct rng *g, uint64_t seed);
uint64_t rng_u64(struct rng *g);

/* Uniform in [0, bound), without modulo bias; 0 if bound is 0. */
uint64_t rng_below(struct rng *g, uint64_t bound);

/* Uniform in [0, 1). */
double rng_unit(struct rng *g);

/* Uniform in [lo, hi]; `lo` if hi is not larger. */
struct duration rng_duration(struct rng *g, struct duration lo, struct duration hi);

#endif
