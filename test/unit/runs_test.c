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

Test(runs, an_outage_counts_once) {
    struct runs r = {.beyond = {0}};
    for (int i = 0; i < 999; i++)
        runs_add(&r, 0);
    runs_add(&r, 100000);
    cr_expect_float_eq(at_least(&r, 1), 0.001, 1e-6);
    cr_expect_float_eq((double)r.beyond[RUNS_MAX], 1, 1e-9);
}

Test(runs, bursts_last_as_long_at_another_interval) {
    struct runs r = {.beyond = {0}};
    for (int i = 0; i < 100; i++)
        runs_add(&r, i < 10 ? 3 : 0);
    runs_rescale(&r, 1, 2); /* twice as many beats: six in a row are lost */
    cr_expect_float_eq((double)r.beyond[6], 10, 1e-6);
    cr_expect_float_eq((double)r.beyond[8], 0, 1e-6);
    cr_expect_float_eq((double)r.beyond[0], 100, 1e-6);
    runs_rescale(&r, 4, 1);
    cr_expect_float_eq((double)r.beyond[1], 10, 1e-6, "none is lost from sight");
    cr_expect_float_eq((double)r.beyond[2], 0, 1e-6);
}
