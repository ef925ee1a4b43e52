#include "transcoder/timeline/servo.h"

#include "peerd/base/rng.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#define STALE 9 /* reports, 4.5 s: a minimum over two windows, and a round trip */

/* A listener, a path and a server whose clock is off. */
struct plant {
    struct servo servo;
    struct rng rng;
    double lag_us;         /* now */
    double seen_us[STALE]; /* at the reports before: what is reported is old */
    double worst_us;       /* farthest from content since the last look */
    int32_t rate_ppb;
    int32_t rate_most_ppb; /* largest, either way, since then */
};

static void plant_init(struct plant *p, double lag_us) {
    *p = (struct plant){.lag_us = lag_us};
    servo_init(&p->servo);
    rng_seed(&p->rng, 1);
    for (int i = 0; i < STALE; i++)
        p->seen_us[i] = lag_us;
}

static void look(struct plant *p) {
    p->worst_us = 0;
    p->rate_most_ppb = 0;
}

static double off_us(const struct plant *p) {
    return fmax(fmax(p->lag_us - SERVO_LATE_US, -SERVO_EARLY_US - p->lag_us), 0);
}

/* Time passes, with a clock that is so far off and noise in what is seen; only each `every`th
 * report arrives. */
static void run(struct plant *p, int64_t seconds, double drift_ppm, double noise_us, int every) {
    for (int64_t i = 0; i < seconds * 1000 / SERVO_REPORT_MS; i++) {
        p->lag_us -= (p->rate_ppb / 1000.0 + drift_ppm) * SERVO_REPORT_MS / 1000;
        double seen = p->seen_us[i % STALE];
        p->seen_us[i % STALE] = p->lag_us;
        p->worst_us = fmax(p->worst_us, off_us(p));
        if (i % every != 0)
            continue;
        seen += noise_us * (2 * rng_unit(&p->rng) - 1);
        p->rate_ppb = servo_report(&p->servo, (int32_t)seen);
        cr_assert(abs(p->rate_ppb) <= SERVO_RATE_PPB_MAX);
        p->rate_most_ppb =
            abs(p->rate_ppb) > p->rate_most_ppb ? abs(p->rate_ppb) : p->rate_most_ppb;
    }
}

Test(servo, a_clock_that_is_off_is_followed) {
    static const struct {
        double drift_ppm, worst_us; /* beyond what is content, meanwhile */
    } rows[] = {{1, 30},     {-1, 30},    {40, 800},    {-40, 800},   {-200, 3500},
                {200, 3500}, {500, 9000}, {-500, 9000}, {900, 16500}, {-900, 16500}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct plant p;
        plant_init(&p, 0);
        run(&p, 86400, rows[i].drift_ppm, 0, 1);
        cr_expect_leq(p.worst_us, rows[i].worst_us, "%.0f ppm: %.0f", rows[i].drift_ppm,
                      p.worst_us);
        cr_expect_gt(p.worst_us, 0, "%.0f ppm are felt", rows[i].drift_ppm);
        look(&p);
        run(&p, 86400, rows[i].drift_ppm, 0, 1);
        cr_expect_leq(p.worst_us, 150, "%.0f ppm, another day: %.0f", rows[i].drift_ppm,
                      p.worst_us);
        cr_expect_float_eq(p.rate_ppb / 1000.0, -rows[i].drift_ppm, 4, "%.0f ppm: %d ppb",
                           rows[i].drift_ppm, p.rate_ppb);
    }
}

/* The simulator lets listeners sleep on this. */
Test(servo, who_is_content_changes_nothing) {
    static const int32_t lags_us[] = {-SERVO_EARLY_US, -12345, 0, SERVO_LATE_US};
    struct servo s;
    servo_init(&s);
    for (size_t i = 0; i < sizeof(lags_us) / sizeof(lags_us[0]); i++) {
        cr_expect(servo_is_content(lags_us[i]), "%d", lags_us[i]);
        cr_expect_eq(servo_report(&s, lags_us[i]), 0, "%d", lags_us[i]);
        cr_expect_eq(s.integral_ppb, 0);
    }
    cr_expect_not(servo_is_content(SERVO_LATE_US + 1));
    cr_expect_not(servo_is_content(-SERVO_EARLY_US - 1));
    cr_expect_gt(servo_report(&s, SERVO_LATE_US + 1), 0);
    servo_init(&s);
    cr_expect_lt(servo_report(&s, -SERVO_EARLY_US - 1), 0);
}

Test(servo, a_step_is_taken_back_and_forgotten) {
    static const double steps_us[] = {-100000, -60000, -30000, 10000, 30000, 150000};
    for (size_t i = 0; i < sizeof(steps_us) / sizeof(steps_us[0]); i++) {
        struct plant p;
        plant_init(&p, steps_us[i]);
        run(&p, 900, 0, 0, 1);
        cr_expect_leq(off_us(&p), 500, "%.0f us: %.0f", steps_us[i], off_us(&p));
        look(&p);
        run(&p, 4 * 3600, 0, 0, 1);
        cr_expect_leq(p.worst_us, 2500, "%.0f us: strayed by %.0f", steps_us[i], p.worst_us);
        cr_expect(p.rate_ppb == 0 && p.servo.integral_ppb == 0, "%.0f us: %d ppb, %ld", steps_us[i],
                  p.rate_ppb, (long)p.servo.integral_ppb);
    }
}

/* What the minimum leaves of jitter, and more. */
Test(servo, noise_is_not_followed) {
    static const double drifts_ppm[] = {-200, 0, 40};
    for (size_t i = 0; i < sizeof(drifts_ppm) / sizeof(drifts_ppm[0]); i++) {
        struct plant p;
        plant_init(&p, 0);
        run(&p, 1200, drifts_ppm[i], 5000, 1);
        look(&p);
        run(&p, 3600, drifts_ppm[i], 5000, 1);
        cr_expect_leq(p.worst_us, 2500, "%.0f ppm: %.0f us", drifts_ppm[i], p.worst_us);
    }
}

Test(servo, reports_may_be_lost) {
    static const int every[] = {2, 4, 10, 20};
    for (size_t i = 0; i < sizeof(every) / sizeof(every[0]); i++) {
        struct plant p;
        plant_init(&p, 0);
        run(&p, 7200, -500, 0, every[i]);
        cr_expect_leq(p.worst_us, 14000, "one of %d: %.0f us", every[i], p.worst_us);
        look(&p);
        run(&p, 7200, -500, 0, every[i]);
        cr_expect_leq(p.worst_us, 2000, "one of %d: %.0f us", every[i], p.worst_us);
    }
}

Test(servo, a_lie_is_worth_a_thousandth_and_nothing_later) {
    static const int32_t lies_us[] = {INT32_MAX, -INT32_MAX, 1000000, -1000000};
    struct servo s;
    for (size_t i = 0; i < sizeof(lies_us) / sizeof(lies_us[0]); i++) {
        servo_init(&s);
        for (int k = 0; k < 100000; k++)
            cr_assert_eq(servo_report(&s, lies_us[i]),
                         lies_us[i] > 0 ? SERVO_RATE_PPB_MAX : -SERVO_RATE_PPB_MAX);
        cr_expect_eq(servo_report(&s, 0), 0, "%d", lies_us[i]);
    }
    servo_init(&s);
    for (int k = 0; k < 100000; k++) { /* small enough to be believed, for ever */
        cr_assert_leq(servo_report(&s, 5000), SERVO_RATE_PPB_MAX);
        cr_assert_leq(s.integral_ppb, SERVO_RATE_PPB_MAX);
    }
}

Test(servo, what_no_crystal_does_is_met_with_all_there_is) {
    struct plant p;
    plant_init(&p, 0);
    run(&p, 600, -3000, 0, 1);
    cr_expect_eq(p.rate_ppb, SERVO_RATE_PPB_MAX);
    run(&p, 3600, 0, 0, 1); /* it has recovered: what was left behind is caught up with */
    cr_expect_leq(off_us(&p), 300, "%.0f", off_us(&p));
}
