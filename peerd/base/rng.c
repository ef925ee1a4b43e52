#include "peerd/base/rng.h"

static uint64_t splitmix64(uint64_t *x) {
    uint64_t z = *x += 0x9e3779b97f4a7c15ULL;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return z ^ z >> 31;
}

void rng_seed(struct rng *g, uint64_t seed) {
    for (int i = 0; i < 4; i++)
        g->s[i] = splitmix64(&seed);
}

static uint64_t rotate_left(uint64_t x, int k) {
    return x << k | x >> (64 - k);
}

uint64_t rng_u64(struct rng *g) {
    uint64_t *s = g->s;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t rng_below(struct rng *g, uint64_t bound) {
    if (bound == 0)
        return 0;
    uint64_t unfair = (0 - bound) % bound; /* 2^64 mod bound */
    uint64_t x = rng_u64(g);
    while (x < unfair)
        x = rng_u64(g);
    return x % bound;
}

double rng_unit(struct rng *g) {
    return (double)(rng_u64(g) >> 11) * 0x1.0p-53;
}

struct duration rng_duration(struct rng *g, struct duration lo, struct duration hi) {
    if (!duration_less(lo, hi))
        return lo;
    /* Unsigned, so that even the whole range does not overflow; its size is then written as 0. */
    uint64_t span = (uint64_t)hi.us - (uint64_t)lo.us + 1;
    uint64_t offset = span == 0 ? rng_u64(g) : rng_below(g, span);
    return duration_us((int64_t)((uint64_t)lo.us + offset));
}
