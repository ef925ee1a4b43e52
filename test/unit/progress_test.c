#include "peerd/core/progress.h"

#include <criterion/criterion.h>

static struct instant at_ms(int64_t ms) {
    return instant_us(5000000 + ms * 1000);
}

/* `per_s` a second from then on, told four times a second. */
static void empty(struct progress *p, int64_t from_ms, int64_t until_ms, uint32_t per_s) {
    uint32_t begun = p->left;
    for (int64_t ms = from_ms; ms <= until_ms; ms += 250) {
        uint32_t gone = (uint32_t)((ms - from_ms) * per_s / 1000);
        progress_told(p, gone < begun ? begun - gone : 0, at_ms(ms));
    }
}

Test(progress, a_steady_pace_is_foretold) {
    struct progress p;
    progress_begin(&p, 1000, at_ms(0));
    empty(&p, 0, 5000, 40);
    cr_expect_float_eq(progress_rate(&p, at_ms(5000)), 40, 1);
    cr_expect_float_eq((double)progress_left(&p, at_ms(5000)).us / 1e6, 20, 0.5);
    cr_expect_eq(p.gone, 200u);
    empty(&p, 5000, 20000, 40);
    cr_expect_float_eq(progress_rate(&p, at_ms(20000)), 40, 3);
}

Test(progress, an_old_pace_is_forgotten) {
    struct progress p;
    progress_begin(&p, 1000, at_ms(0));
    empty(&p, 0, 5000, 100);
    progress_told(&p, 500, at_ms(14000));
    cr_expect_gt(progress_rate(&p, at_ms(14000)), 0);
    cr_expect_eq(progress_rate(&p, at_ms(15000)), 0, "nothing has gone in the last ten seconds");
    cr_expect_eq(progress_left(&p, at_ms(15000)).us, DURATION_ENDLESS.us,
                 "and nothing is foretold");
    progress_told(&p, 490, at_ms(60000));
    cr_expect_float_eq(progress_rate(&p, at_ms(60000)), 1.1, 0.11);
}

Test(progress, before_anything_has_gone_nothing_is_known) {
    struct progress p;
    progress_begin(&p, 10, at_ms(0));
    cr_expect_eq(progress_left(&p, at_ms(100)).us, DURATION_ENDLESS.us);
    progress_told(&p, 7, at_ms(100));
    cr_expect_float_eq(progress_rate(&p, at_ms(100)), 3, 0.01, "not 30 a second");
    progress_told(&p, 0, at_ms(200));
    cr_expect_eq(progress_left(&p, at_ms(200)).us, 0);
}

Test(progress, who_comes_is_not_held_against_it) {
    struct progress p;
    progress_begin(&p, 10, at_ms(0));
    progress_told(&p, 5, at_ms(500));
    progress_told(&p, 8, at_ms(600));
    progress_told(&p, 6, at_ms(700));
    cr_expect_eq(p.gone, 7u);
    cr_expect_eq(p.left, 6u);
}
