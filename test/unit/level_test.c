#include "monitor/level.h"

#include <criterion/criterion.h>

#define HALF duration_s(10)

Test(level, mean_and_spread_are_those_of_what_was_heard) {
    struct level l = {0};
    for (uint32_t i = 0; i < 1000; i++)
        level_add(&l, HALF, i % 2 == 0 ? 9000 : 7000, instant_us(0));
    cr_expect_eq(level_mean(&l), 8000);
    cr_expect_eq(level_spread(&l), 1000);
    cr_expect_eq(level_figures(&l), 1000);
}

Test(level, what_is_a_half_life_old_counts_half) {
    struct level l = {0};
    for (int i = 0; i < 64; i++)
        level_add(&l, HALF, 9000, instant_us(0));
    level_fade(&l, HALF, instant_add(instant_us(0), HALF));
    cr_expect_eq(level_figures(&l), 32);
    cr_expect_eq(level_mean(&l), 9000);
    for (int i = 0; i < 32; i++)
        level_add(&l, HALF, 5000, instant_add(instant_us(0), HALF));
    cr_expect_eq(level_mean(&l), 7000);
    level_fade(&l, HALF, instant_us(13750000)); /* three eighths more: 2^(-3/8) = 0.771 */
    cr_expect_eq(level_figures(&l), 49);
    cr_expect_eq(level_mean(&l), 7000);
    level_fade(&l, HALF, instant_us(1000000000));
    cr_expect_eq(level_figures(&l), 0);
    cr_expect_eq(level_mean(&l), 0);
    cr_expect_eq(level_spread(&l), 0);
}

Test(level, one_that_heard_nothing_may_begin_late) {
    struct level l = {0};
    level_add(&l, HALF, 100, instant_us(INT64_MAX / 2));
    level_add(&l, HALF, 100, instant_add(instant_us(INT64_MAX / 2), HALF));
    cr_expect_eq(level_mean(&l), 100);
    cr_expect_eq(l.weight, LEVEL_UNIT * 3 / 2);
}

Test(level, however_many_figures_do_not_overflow) {
    struct level l = {0}, other = {0};
    for (int i = 0; i < 5000000; i++)
        level_add(&l, HALF, 1000000, instant_us(0));
    other = l;
    level_merge(&l, &other);
    cr_expect_eq(level_mean(&l), LEVEL_FIGURE_MAX);
    cr_expect(level_spread(&l) < 4000);
}

Test(level, roots_are_whole) {
    cr_expect_eq(level_root(0), 0);
    cr_expect_eq(level_root(15), 3);
    cr_expect_eq(level_root(16), 4);
    cr_expect_eq(level_root(UINT64_MAX), UINT32_MAX);
}
