#include "peerd/base/rng.h"

#include <criterion/criterion.h>

/* First outputs of the authors' reference code from the state 1, 2, 3, 4. */
Test(rng, is_xoshiro256_starstar) {
    static const uint64_t expected[] = {11520, 0, 1509978240, 1215971899390074240,
                                        1216172134540287360};
    struct rng g = {.s = {1, 2, 3, 4}};
    for (size_t i = 0; i < 5; i++)
        cr_expect_eq(rng_u64(&g), expected[i], "output %zu", i);
}

/* First outputs of the authors' splitmix64 from 0. */
Test(rng, seeds_through_splitmix64) {
    struct rng g;
    rng_seed(&g, 0);
    cr_expect_eq(g.s[0], 0xe220a8397b1dcdafULL);
    cr_expect_eq(g.s[1], 0x6e789e6aa1b965f4ULL);
    cr_expect_eq(g.s[2], 0x06c45d188009454fULL);
    cr_expect_eq(g.s[3], 0xf88bb8a8724c81ecULL);
}

Test(rng, below_stays_below_and_reaches_everything) {
    struct rng g;
    unsigned hits[7] = {0};
    rng_seed(&g, 7);
    for (int i = 0; i < 7000; i++) {
        uint64_t v = rng_below(&g, 7);
        cr_assert_lt(v, 7);
        hits[v]++;
    }
    for (int i = 0; i < 7; i++)
        cr_expect(hits[i] > 850 && hits[i] < 1150, "%d came %u times of 7000", i, hits[i]);
    cr_expect_eq(rng_below(&g, 0), 0);
    cr_expect_eq(rng_below(&g, 1), 0);
}

Test(rng, unit_interval) {
    struct rng g;
    double sum = 0;
    rng_seed(&g, 3);
    for (int i = 0; i < 10000; i++) {
        double u = rng_unit(&g);
        cr_assert(u >= 0 && u < 1);
        sum += u;
    }
    cr_expect(sum > 4850 && sum < 5150, "mean of %f", sum / 10000);
}

Test(rng, durations) {
    static const struct {
        const char *what;
        int64_t lo, hi;
    } rows[] = {
        {"plain", 100, 200},
        {"negative", -200, -100},
        {"two values", 5, 6},
        {"wider than half the range", INT64_MIN + 5, INT64_MAX - 5},
        {"the whole range", INT64_MIN, INT64_MAX},
    };
    struct rng g;
    rng_seed(&g, 9);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t least = INT64_MAX, most = INT64_MIN;
        for (int n = 0; n < 200; n++) {
            int64_t us = rng_duration(&g, duration_us(rows[i].lo), duration_us(rows[i].hi)).us;
            cr_expect(us >= rows[i].lo && us <= rows[i].hi, "%s", rows[i].what);
            least = us < least ? us : least;
            most = us > most ? us : most;
        }
        cr_expect_lt(least, most, "%s: always the same", rows[i].what);
    }
    cr_expect_eq(rng_duration(&g, duration_us(7), duration_us(7)).us, 7, "nothing to choose");
    cr_expect_eq(rng_duration(&g, duration_us(7), duration_us(3)).us, 7, "the wrong way round");
}
