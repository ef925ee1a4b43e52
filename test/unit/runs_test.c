#include "monitor/runs.h"

#include "peerd/base/rng.h"

#include <criterion/criterion.h>
#include <math.h>

/* Gilbert's model: bursts of so many beats in the mean, 1/(1-loss) for independent loss. */
static struct runs learn(double loss, double mean, int beats, uint64_t seed) {
    struct runs r = {.beyond = {0}};
    struct rng g;
    uint64_t lost = 0;
    bool bad = false;
    rng_seed(&g, seed);
    for (int i = 0; i < beats; i++) {
        double enter = loss / (1 - loss) / mean;
        bad = bad ? rng_unit(&g) >= 1 / mean : rng_unit(&g) < enter;
        if (bad) {
            lost++;
            continue;
        }
        runs_add(&r, lost);
        lost = 0;
    }
    return r;
}

static double at_least(const struct runs *r, int length) {
    double shares[RUNS_MAX + 1], sum = 0;
    runs_shares(r, shares);
    for (int k = length; k <= RUNS_MAX; k++)
        sum += shares[k];
    return sum;
}

Test(runs, frequencies_follow_the_kind_of_loss) {
    static const struct {
        const char *what;
        double loss, mean;
        int length;
        double truth;
        double factor; /* the estimate from ten minutes at ten a second is within this */
    } rows[] = {
        {"independent, one lost", 0.02, 1 / 0.98, 1, 0.02, 1.4},
        {"independent, three lost were hardly ever seen", 0.02, 1 / 0.98, 3, 8e-6, 12},
        {"independent and frequent, four", 0.1, 1 / 0.9, 4, 1e-4, 5},
        {"bursts of three, one lost", 0.02, 3, 1, 0.0068, 1.8},
        {"bursts of three, six lost", 0.02, 3, 6, 0.0068 * 0.1317, 4},
        {"bursts of three, twelve lost", 0.02, 3, 12, 0.0068 * 0.01156, 12},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (uint64_t seed = 1; seed <= 5; seed++) {
            struct runs r = learn(rows[i].loss, rows[i].mean, 6000, seed);
            double ratio = at_least(&r, rows[i].length) / rows[i].truth;
            cr_expect(ratio < rows[i].factor && ratio > 1 / rows[i].factor, "%s, seed %d: %.3f",
                      rows[i].what, (int)seed, ratio);
        }
}

Test(runs, without_loss_none_is_expected) {
    struct runs r = learn(0, 2, 1000, 1);
    cr_expect_eq(at_least(&r, 1), 0);
    cr_expect_float_eq(at_least(&r, 0), 1, 1e-9);
}

/* What one pair more or less makes of the estimate decides whether a detector waits for a beat
 * more, for hours. */
Test(runs, what_chance_explains_is_chance) {
    static const struct {
        const char *what;
        int gaps, ones, twos;
        double least, most; /* of what should be estimated, at least two lost */
    } rows[] = {
        {"none of fifty goes on", 10000, 50, 0, 2e-5, 3e-5},
        {"one of fifty does", 10000, 50, 1, 2e-5, 3e-5},
        {"three of fifty do", 10000, 50, 3, 2e-4, 5e-4},
        {"none of four hundred, where twenty should", 8000, 400, 0, 0, 2e-4},
        {"half of six do", 10000, 6, 3, 1e-4, 4e-4},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct runs r = {.beyond = {0}};
        for (int n = 0; n < rows[i].gaps; n++)
            runs_add(&r, n < rows[i].twos ? 2 : n < rows[i].ones);
        double seen = at_least(&r, 2);
        cr_expect(seen >= rows[i].least && seen <= rows[i].most, "%s: %g", rows[i].what, seen);
    }
}

Test(runs, an_outage_counts_once) {
    struct runs r = {.beyond = {0}};
    for (int i = 0; i < 999; i++)
        runs_add(&r, 0);
    runs_add(&r, 100000);
    cr_expect_float_eq(at_least(&r, 1), 0.001, 1e-6);
    cr_expect_float_eq((double)r.beyond[RUNS_MAX], 1, 1e-9);
}

/* A chain that fares as before with probability `memory` at one interval. */
static double mean_run(double loss, double memory) {
    return 1 / (1 - loss - (1 - loss) * memory);
}

Test(runs, another_interval_is_foretold_from_what_loss_has_of_memory) {
    static const struct {
        const char *what;
        double loss, memory;
        int num, den, length;
        double factor;
    } rows[] = {
        {"independent loss stays so with twice the beats", 0.05, 0, 1, 2, 2, 3},
        {"and with five times", 0.05, 0, 1, 5, 2, 4},
        {"and with half", 0.05, 0, 2, 1, 2, 3},
        {"a burst takes twice the beats", 0.05, 0.5, 1, 2, 4, 2},
        {"and half as many", 0.05, 0.5, 2, 1, 2, 2},
        {"begun as often in a second", 0.05, 0.5, 1, 2, 1, 1.5},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (uint64_t seed = 1; seed <= 3; seed++) {
            double ratio = (double)rows[i].num / rows[i].den;
            double then = mean_run(rows[i].loss, rows[i].memory);
            double now = mean_run(rows[i].loss, pow(rows[i].memory, ratio));
            struct runs r = learn(rows[i].loss, then, 30000, seed);
            struct runs truth = learn(rows[i].loss, now, 100000, seed + 10);
            runs_rescale(&r, rows[i].num, rows[i].den);
            double off = at_least(&r, rows[i].length) / at_least(&truth, rows[i].length);
            cr_expect(off < rows[i].factor && off > 1 / rows[i].factor, "%s, seed %d: %.3f",
                      rows[i].what, (int)seed, off);
            runs_are_foretold(&r);
            cr_expect_leq((double)r.beyond[1], RUNS_FORETOLD * 1.001);
        }
}

Test(runs, outages_last_as_long_at_another_interval) {
    struct runs r = {.beyond = {0}};
    for (int i = 0; i < 2000; i++)
        runs_add(&r, i % 20 == 7 ? 8 : 0);
    runs_rescale(&r, 1, 2);
    cr_expect_float_eq(at_least(&r, 16), 100.0 / 4000, 1e-2, "%g", at_least(&r, 16));
}

Test(runs, beats_of_a_gap_are_counted) {
    struct runs r = {.beyond = {0}};
    cr_expect_float_eq(runs_beats_per_gap(&r), 1, 1e-9);
    for (int i = 0; i < 10; i++)
        runs_add(&r, i == 3 ? 5 : 0);
    cr_expect_float_eq(runs_beats_per_gap(&r), 1.5, 1e-6);
}
