#include "peerd/sim/clock.h"

#include <criterion/criterion.h>

static int64_t shows(const struct sim_clock *c, int64_t truth_us) {
    return sim_clock_local(c, instant_us(truth_us)).us;
}

Test(sim_clock, shows_true_time_unless_told_otherwise) {
    const struct sim_clock c = {0};
    cr_expect_eq(shows(&c, 123456789), 123456789);
    cr_expect_eq(sim_clock_true(&c, instant_us(5)).us, 5);
    cr_expect_eq(sim_clock_wall_error(&c, instant_us(5)), 0);
    cr_expect(instant_is_never(sim_clock_local(&c, INSTANT_NEVER)));
}

Test(sim_clock, drifts_from_now_on_and_never_jumps) {
    static const struct {
        const char *what;
        int32_t drift_ppm;
        int64_t after_us, shows_us; /* since the drift began at 1 s */
    } rows[] = {
        {"at once", 500, 0, 0},
        {"fast", 500, 1000000, 1000500},
        {"slow", -500, 1000000, 999500},
        {"an hour", 200, 3600000000, 3600720000},
        {"less than a tick", 500, 1, 1},
        {"slow, less than a tick", -500, 1, 0},
        {"before", 500, -1000000, -1000500},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sim_clock c = {0};
        sim_clock_drift(&c, instant_us(1000000), rows[i].drift_ppm);
        cr_expect_eq(shows(&c, 1000000 + rows[i].after_us), 1000000 + rows[i].shows_us,
                     "%s: shows %ld", rows[i].what,
                     (long)shows(&c, 1000000 + rows[i].after_us) - 1000000);
    }
}

Test(sim_clock, keeps_what_it_has_lost_when_the_drift_ends) {
    struct sim_clock c = {0};
    sim_clock_drift(&c, instant_us(0), -100);
    sim_clock_drift(&c, instant_us(10000000), 0);
    cr_expect_eq(shows(&c, 10000000), 9999000);
    cr_expect_eq(shows(&c, 20000000), 19999000);
    cr_expect_eq(sim_clock_true(&c, instant_us(19999000)).us, 20000000);
    cr_expect_eq(sim_clock_wall_error(&c, instant_us(20000000)), -1000);
}

/* A machine that is woken for its deadline must find that its time has come, and not long since. */
Test(sim_clock, a_deadline_has_come_when_it_is_waited_for) {
    static const int32_t drifts[] = {-100000, -500, -33, -1, 0, 1, 77, 500, 100000};
    for (size_t i = 0; i < sizeof(drifts) / sizeof(drifts[0]); i++) {
        struct sim_clock c = {0};
        sim_clock_drift(&c, instant_us(1000000), 400);
        sim_clock_drift(&c, instant_us(5000000), drifts[i]);
        for (int64_t us = -3000; us < 5000000; us += 997) {
            struct instant local = instant_us(c.local.us + us);
            struct instant truth = sim_clock_true(&c, local);
            cr_assert_not(instant_before(sim_clock_local(&c, truth), local), "%d ppm, %ld",
                          drifts[i], (long)us);
            cr_assert(
                instant_before(sim_clock_local(&c, instant_sub(truth, duration_us(1))), local));
        }
    }
    const struct sim_clock c = {.drift_ppm = 5};
    cr_expect(instant_is_never(sim_clock_true(&c, INSTANT_NEVER)));
}

Test(sim_clock, steps_of_the_wall_clock_add_up_and_move_nothing_else) {
    struct sim_clock c = {0};
    sim_clock_step(&c, 5000000);
    sim_clock_step(&c, -7000000);
    cr_expect_eq(sim_clock_wall_error(&c, instant_us(9)), -2000000);
    cr_expect_eq(shows(&c, 9), 9);
}
