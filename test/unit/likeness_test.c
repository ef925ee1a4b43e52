/* Are two samples of one distribution? */
#include "test/lib/likeness.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum {
    MODEL_RUNS = 100,
    PER_RUN = 8
};

/* Runs of PER_RUN figures between `low` and `high`, in a fixed order that fills it evenly. With
 * `each` all figures of a run are the same: the run alone decides. */
static struct sample spread(unsigned runs, double low, double high, bool each) {
    struct sample s = {0};
    for (unsigned run = 0; run < runs; run++)
        for (unsigned i = 0; i < PER_RUN; i++) {
            unsigned n = each ? run * 37 % runs * PER_RUN : (run * PER_RUN + i) * 37;
            unsigned all = runs * PER_RUN;
            sample_add(&s, low + (high - low) * (double)(n % all) / all, run);
        }
    return s;
}

static enum likeness_verdict judge(struct sample model, unsigned model_runs, struct sample measured,
                                   unsigned measured_runs, struct likeness *out) {
    struct likeness l = likeness_of(&model, model_runs, &measured, measured_runs);
    free(model.values);
    free(measured.values);
    if (out != NULL)
        *out = l;
    return l.verdict;
}

Test(likeness, within_bounds_or_not) {
    static const struct {
        const char *what;
        double model_low, model_high, low, high;
        enum likeness_verdict verdict;
    } rows[] = {
        {"the same", 40, 60, 40, 60, LIKENESS_AGREES},
        {"14 ms later", 40, 60, 54, 74, LIKENESS_AGREES},
        {"16 ms later", 40, 60, 56, 76, LIKENESS_APART},
        {"16 ms earlier", 56, 76, 40, 60, LIKENESS_APART},
        {"a fifth of what was measured", 201, 201, 250, 250, LIKENESS_AGREES},
        {"more than a fifth", 199, 199, 250, 250, LIKENESS_APART},
        {"a fifth of what was modelled is not meant", 250, 250, 202, 202, LIKENESS_APART},
        {"the middle agrees, the tails do not", 100, 100, 60, 140, LIKENESS_APART},
        {"wider, by less than the bound", 100, 100, 90, 110, LIKENESS_AGREES},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect_eq((int)judge(spread(MODEL_RUNS, rows[i].model_low, rows[i].model_high, false),
                                MODEL_RUNS, spread(5, rows[i].low, rows[i].high, false), 5, NULL),
                     (int)rows[i].verdict, "%s", rows[i].what);
}

Test(likeness, one_tail_is_enough) {
    struct sample measured = spread(5, 100, 100, false);
    struct likeness l;
    for (size_t i = 0; i < 5; i++) /* of 40 */
        measured.values[i].ms = 200;
    cr_assert_eq((int)judge(spread(MODEL_RUNS, 100, 100, false), MODEL_RUNS, measured, 5, &l),
                 (int)LIKENESS_APART);
    cr_assert_float_eq(l.measured[1], 100, 1e-9);
    cr_assert_float_eq(l.measured[2], 200, 1e-9);
    cr_assert_float_eq(l.shift_ms, 100, 1e-9);
    cr_assert_float_eq(l.bound_ms, 40, 1e-9);
}

/* Two runs of a figure that falls anywhere within 200 ms say nothing, a hundred do. */
Test(likeness, too_few_to_judge) {
    static const struct {
        const char *what;
        unsigned runs;
        double shift;
        enum likeness_verdict verdict;
    } rows[] = {
        {"two runs", 2, 0, LIKENESS_TOO_FEW},
        {"two runs, apart, as any two may be", 2, 60, LIKENESS_TOO_FEW},
        {"two runs, further off than any two", 2, 2000, LIKENESS_APART},
        {"many runs", 100, 0, LIKENESS_AGREES},
        {"many runs, apart", 100, 120, LIKENESS_APART},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct likeness l;
        double low = 100 + rows[i].shift;
        cr_expect_eq((int)judge(spread(MODEL_RUNS, 100, 300, true), MODEL_RUNS,
                                spread(rows[i].runs, low, low + 200, true), rows[i].runs, &l),
                     (int)rows[i].verdict, "%s: chance %f", rows[i].what, l.chance);
        cr_expect_eq(l.chance > LIKENESS_CHANCE_MAX, rows[i].runs == 2, "%s: chance %f",
                     rows[i].what, l.chance);
    }
}

/* As many as judge themselves the same, and no more; and none where none would do. */
Test(likeness, how_many_runs_tell) {
    static const struct {
        const char *what;
        double high; /* of a run, from 100 */
        unsigned least, most;
        bool tells, more;
    } rows[] = {
        {"all runs are alike", 105, 3, 100, true, false},
        {"they differ a little", 180, 3, 100, true, true},
        {"they differ a lot", 300, 3, 100, true, true},
        {"so many are not allowed", 300, 3, 6, false, false},
    };
    unsigned before = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sample model = spread(MODEL_RUNS, 100, rows[i].high, true);
        unsigned runs = likeness_runs(&model, MODEL_RUNS, rows[i].least, rows[i].most);
        cr_expect_eq(runs > rows[i].least, rows[i].more, "%s: %u", rows[i].what, runs);
        cr_expect_eq(rows[i].more && runs <= before, 0, "%s: %u", rows[i].what, runs);
        before = runs;
        for (unsigned n = runs - rows[i].more; n <= runs; n++) {
            struct likeness l;
            judge(spread(MODEL_RUNS, 100, rows[i].high, true), MODEL_RUNS,
                  spread(n, 100, rows[i].high, true), n, &l);
            cr_expect_eq(l.chance <= LIKENESS_CHANCE_MAX, rows[i].tells && n == runs,
                         "%s: %u of %u, chance %f", rows[i].what, n, runs, l.chance);
        }
        free(model.values);
    }
}

Test(likeness, something_against_nothing) {
    struct sample one = {0}, none = {0};
    sample_add(&one, 50, 0);
    cr_assert_eq((int)judge(none, 1, none, 1, NULL), (int)LIKENESS_NONE);
    cr_assert_eq((int)judge(none, MODEL_RUNS, spread(5, 40, 60, false), 5, NULL),
                 (int)LIKENESS_APART);
    cr_assert_eq((int)judge(none, MODEL_RUNS, one, 1, NULL), (int)LIKENESS_TOO_FEW,
                 "one figure may be an accident");
    cr_assert_eq((int)judge(none, MODEL_RUNS, spread(1, 40, 60, false), 5, NULL),
                 (int)LIKENESS_TOO_FEW, "so may one run of five");
    cr_assert_eq((int)judge(none, MODEL_RUNS, spread(2, 40, 60, false), 5, NULL),
                 (int)LIKENESS_APART, "two are none");
    cr_assert_eq((int)judge(none, MODEL_RUNS, spread(1, 40, 60, false), 1, NULL),
                 (int)LIKENESS_APART, "if there is but one run, it is all there is");
    cr_assert_eq((int)judge(spread(MODEL_RUNS, 40, 60, false), MODEL_RUNS, none, 5, NULL),
                 (int)LIKENESS_APART, "the model says that there should be some");
}
