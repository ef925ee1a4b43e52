#include "monitor/tail.h"

#include "peerd/base/rng.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#define INTERVAL_US 100000

enum shape {
    UNIFORM,
    EXPONENTIAL,
    PARETO
};

static double draw(enum shape shape, struct rng *g) {
    double u = 1 - rng_unit(g);
    switch (shape) {
    case UNIFORM:
        return 20000 * u;
    case EXPONENTIAL:
        return -5000 * log(u);
    case PARETO:
        return 2000 * pow(u, -1 / 2.5);
    }
    return 0;
}

static double beyond(enum shape shape, double us) {
    switch (shape) {
    case UNIFORM:
        return fmax(1 - us / 20000, 0);
    case EXPONENTIAL:
        return exp(-us / 5000);
    case PARETO:
        return pow(us / 2000, -2.5);
    }
    return 0;
}

/* The excess that a share of all is beyond, by the estimate. */
static double quantile(const struct tail_fit *fit, double share) {
    double low = 0, high = TAIL_US_MAX;
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        if (tail_share_beyond(fit, middle) > share)
            low = middle;
        else
            high = middle;
    }
    return high;
}

Test(tail, a_tail_is_known_from_few_samples) {
    static const struct {
        const char *what;
        enum shape shape;
        int samples;
        double share;
        double true_us;
        double least, most; /* of the estimate, in parts of the truth */
    } rows[] = {
        {"bounded, well within what was seen", UNIFORM, 20000, 1e-2, 19800, 0.95, 1.05},
        {"bounded, far beyond", UNIFORM, 600, 1e-5, 20000, 0.95, 1.8},
        {"exponential, within", EXPONENTIAL, 20000, 1e-2, 23026, 0.93, 1.07},
        {"exponential, a minute to foretell hours", EXPONENTIAL, 600, 2e-5, 54099, 0.6, 1.4},
        {"exponential, an hour to foretell hours", EXPONENTIAL, 36000, 2e-5, 54099, 0.85, 1.5},
        {"Pareto, within", PARETO, 20000, 1e-2, 12619, 0.93, 1.07},
        {"Pareto, an hour to foretell hours", PARETO, 36000, 2e-5, 151400, 0.5, 2},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (uint64_t seed = 1; seed <= 5; seed++) {
            struct tail t = {.all = 0};
            struct tail_fit fit;
            struct rng g;
            rng_seed(&g, seed);
            for (int n = 0; n < rows[i].samples; n++)
                tail_add(&t, draw(rows[i].shape, &g));
            tail_fit(&t, &fit, 1, INTERVAL_US);
            double ratio = quantile(&fit, rows[i].share) / rows[i].true_us;
            cr_expect(ratio >= rows[i].least && ratio <= rows[i].most, "%s, seed %d: %.2f",
                      rows[i].what, (int)seed, ratio);
            double seen = tail_share_seen(&fit, 10000), truth = beyond(rows[i].shape, 10000);
            cr_expect_float_eq(seen, truth, 0.07, "%s: %.3f", rows[i].what, seen);
        }
}

Test(tail, without_any_excess_there_is_none) {
    struct tail t = {.all = 0};
    struct tail_fit fit;
    for (int i = 0; i < 100; i++)
        tail_add(&t, -5);
    tail_fit(&t, &fit, 1, INTERVAL_US);
    cr_expect(tail_share_beyond(&fit, -1) == 1);
    cr_expect(tail_share_beyond(&fit, 0) == 0);
    cr_expect(tail_share_beyond(&fit, 1e9) == 0);
}

Test(tail, shares_fall_as_excesses_grow) {
    struct tail t = {.all = 0};
    struct tail_fit fit;
    struct rng g;
    rng_seed(&g, 7);
    for (int i = 0; i < 3000; i++)
        tail_add(&t, i % 150 == 0 ? 60000 + 500 * rng_unit(&g) : draw(EXPONENTIAL, &g));
    tail_fit(&t, &fit, 1, INTERVAL_US);
    double before = 1;
    for (double us = 0; us < 1e7; us = us * 1.02 + 50) {
        double share = tail_share_beyond(&fit, us);
        cr_assert(share <= before + 1e-12 && share >= 0, "beyond %.0f", us);
        before = share;
    }
}

Test(tail, what_was_seen_once_may_come_again_a_little_larger) {
    struct tail t = {.all = 0};
    struct tail_fit fit;
    for (int i = 0; i < 1000; i++)
        tail_add(&t, 300 + i % 7);
    for (int i = 0; i < 3; i++)
        tail_add(&t, 50000);
    tail_fit(&t, &fit, 1, INTERVAL_US);
    cr_expect_gt(tail_share_beyond(&fit, 52000), 1e-3);
    cr_expect_eq(tail_share_seen(&fit, 60000), 0);
}

Test(tail, old_samples_fade) {
    struct tail t = {.all = 0};
    struct tail_fit fit;
    for (int i = 0; i < 100; i++)
        tail_add(&t, 80000);
    tail_fade(&t, 0.001);
    for (int i = 0; i < 100; i++)
        tail_add(&t, 1000);
    tail_fit(&t, &fit, 1, INTERVAL_US);
    cr_expect_lt(tail_share_seen(&fit, 20000), 0.01);
}

/* Of the same distribution the last few hundred say nothing new, however much chance there is in
 * them; of a path that has become worse they do. */
Test(tail, the_recent_count_only_where_chance_cannot_explain_them) {
    static const struct {
        const char *what;
        double recent_factor; /* of the excess */
        bool grown;
    } rows[] = {{"the same", 1, false}, {"better", 0.5, false}, {"twice as late", 2, true}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (uint64_t seed = 1; seed <= 5; seed++)
            for (int shape = UNIFORM; shape <= PARETO; shape++) {
                struct tail all, recent;
                struct rng g;
                memset(&all, 0, sizeof(all));
                memset(&recent, 0, sizeof(recent));
                rng_seed(&g, seed);
                for (int n = 0; n < 20000; n++) {
                    double us = draw((enum shape)shape, &g);
                    us *= n < 18000 ? 1 : rows[i].recent_factor;
                    tail_add(&all, us);
                    if (n >= 18000)
                        tail_add(&recent, us);
                }
                cr_expect_eq(tail_has_grown(&recent, &all), rows[i].grown, "%s, shape %d, seed %d",
                             rows[i].what, shape, (int)seed);
            }
}

/* One sample in two hundred lies far from all others, as those of a sender that is busy now and
 * then: what a fit makes of both reaches much farther than either. */
Test(tail, what_is_rare_and_far_reaches_little_farther) {
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct tail t = {.all = 0};
        struct tail_fit fit;
        struct rng g;
        rng_seed(&g, seed);
        for (int n = 0; n < 1200; n++)
            tail_add(&t, n % 200 == 7 ? 50000 + 40000 * rng_unit(&g) : -1500 * log(rng_unit(&g)));
        tail_fit(&t, &fit, 1, INTERVAL_US);
        double us = quantile(&fit, 2e-5);
        cr_expect(us >= 75000 && us <= 130000, "seed %d: %.0f us", (int)seed, us);
    }
}
