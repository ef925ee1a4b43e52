#include "monitor/sketch.h"

#include "peerd/base/rng.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FIGURES 4000

enum shape {
    UNIFORM,
    NORMAL,
    EXPONENTIAL,
    TWO_HUMPS
};

static uint32_t draw(enum shape shape, struct rng *g) {
    double u = 1 - rng_unit(g), v = rng_unit(g);
    switch (shape) {
    case UNIFORM:
        return (uint32_t)(30000 + 60000 * u);
    case NORMAL:
        return (uint32_t)fmax(80000 + 9000 * sqrt(-2 * log(u)) * cos(6.283185307 * v), 1);
    case EXPONENTIAL:
        return (uint32_t)(20000 - 9000 * log(u));
    case TWO_HUMPS:
        return (uint32_t)((v < 0.8 ? 20000 : 75000) + 3000 * u);
    }
    return 0;
}

static int by_size(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void expect_near(const struct sketch *s, uint32_t *all, size_t count, const char *what) {
    static const uint32_t permilles[] = {250, 500, 900, 950, 990};
    qsort(all, count, sizeof(all[0]), by_size);
    for (size_t i = 0; i < sizeof(permilles) / sizeof(permilles[0]); i++) {
        double truth = all[(count * permilles[i] + 999) / 1000 - 1];
        double found = sketch_quantile(s, permilles[i]);
        cr_expect(fabs(found - truth) <= truth * SKETCH_ERROR, "%s, %u permille: %g, not %g", what,
                  permilles[i], found, truth);
    }
}

Test(sketch, every_quantile_is_within_its_error) {
    static uint32_t all[FIGURES];
    static const char *const names[] = {"uniform", "normal", "exponential", "two humps"};
    for (int shape = UNIFORM; shape <= TWO_HUMPS; shape++) {
        struct sketch s = {0};
        struct rng g;
        rng_seed(&g, 7 + (uint64_t)shape);
        for (size_t i = 0; i < FIGURES; i++)
            sketch_add(&s, all[i] = draw((enum shape)shape, &g));
        sketch_check_invariants(&s);
        cr_expect_eq(sketch_figures(&s), FIGURES);
        expect_near(&s, all, FIGURES, names[shape]);
    }
}

Test(sketch, merged_ones_are_as_if_one_had_heard_all) {
    static uint32_t all[FIGURES];
    struct sketch parts[4] = {0}, whole = {0}, merged = {0};
    struct rng g;
    rng_seed(&g, 3);
    for (size_t i = 0; i < FIGURES; i++) {
        all[i] = draw(NORMAL, &g);
        sketch_add(&parts[i % 4], all[i]);
        sketch_add(&whole, all[i]);
    }
    for (int i = 0; i < 4; i++)
        sketch_merge(&merged, &parts[i]);
    sketch_check_invariants(&merged);
    cr_expect_eq(memcmp(&merged, &whole, sizeof(whole)), 0);
}

Test(sketch, small_figures_are_exact_and_large_ones_have_a_bucket) {
    static const uint32_t figures[] = {0, 1, 17, 31, 32, 33, 1000, 65535, 1U << 31, UINT32_MAX};
    for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
        struct sketch s = {0};
        sketch_add(&s, figures[i]);
        double off = fabs((double)sketch_quantile(&s, 500) - figures[i]);
        cr_expect(off <= (figures[i] < 32 ? 0 : figures[i] * SKETCH_ERROR), "%u", figures[i]);
    }
}

Test(sketch, there_are_so_many_buckets_and_the_upper_ones_stay_true) {
    static uint32_t all[FIGURES];
    struct sketch s = {0};
    struct rng g;
    rng_seed(&g, 11);
    for (size_t i = 0; i < FIGURES; i++) /* nine octaves */
        sketch_add(&s, all[i] = (uint32_t)exp(4 + 6.3 * rng_unit(&g)));
    sketch_check_invariants(&s);
    cr_expect_eq(s.count, SKETCH_BUCKETS);
    cr_expect_leq(sizeof(s), 168);
    qsort(all, FIGURES, sizeof(all[0]), by_size);
    for (uint32_t permille = 800; permille <= 990; permille += 10) {
        double truth = all[FIGURES * permille / 1000 - 1];
        cr_expect(fabs(sketch_quantile(&s, permille) - truth) <= truth * SKETCH_ERROR);
    }
}

Test(sketch, what_is_old_fades_and_nothing_is_lost_by_rounding) {
    struct sketch s = {0};
    for (uint32_t i = 0; i < 1000; i++)
        sketch_add(&s, 1000 + i % 300);
    uint32_t before = s.total;
    sketch_fade(&s, 235, 256);
    sketch_check_invariants(&s);
    cr_expect(s.total == before * 235 / 256, "%u of %u", s.total, before);
    for (int i = 0; i < 4; i++)
        sketch_fade(&s, 1, 2);
    for (uint32_t i = 0; i < 300; i++)
        sketch_add(&s, 5000);
    cr_expect(fabs(sketch_quantile(&s, 500) - 5000.0) <= 5000 * SKETCH_ERROR);
    sketch_fade(&s, 0, 1);
    cr_expect_eq(s.total, 0);
    cr_expect_eq(sketch_quantile(&s, 500), 0);
}

Test(sketch, a_bucket_that_overflows_halves_all) {
    struct sketch s = {0};
    for (uint32_t i = 0; i < 20000; i++)
        sketch_add(&s, i % 4 == 0 ? 40 : 4000);
    sketch_check_invariants(&s);
    cr_expect(fabs(sketch_quantile(&s, 200) - 40.0) <= 2);
    cr_expect(fabs(sketch_quantile(&s, 300) - 4000.0) <= 125);
    struct sketch other = s;
    sketch_merge(&s, &other);
    sketch_check_invariants(&s);
}
