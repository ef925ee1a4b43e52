#include "transcoder/timeline/schedule.h"

#include "peerd/base/rng.h"

#include <criterion/criterion.h>

static struct instant at_ms(int64_t ms) {
    return instant_us(ms * 1000);
}

static struct schedule steady(int64_t delay_ms, uint64_t frames) {
    struct schedule s;
    schedule_init(&s, duration_ms(20));
    for (uint64_t n = 0; n < frames; n++)
        schedule_frame_arrived(&s, n, at_ms((int64_t)n * 20 + delay_ms));
    return s;
}

Test(schedule, nothing_is_known_before_the_first_arrival) {
    struct schedule s;
    schedule_init(&s, duration_ms(20));
    cr_expect_not(schedule_known(&s));
    cr_expect_eq(schedule_live(&s, at_ms(1000)), 0);
    cr_expect(instant_is_never(schedule_expected(&s, 3)));
}

Test(schedule, a_steady_path) {
    struct schedule s = steady(35, 100);
    cr_expect_eq(schedule_expected(&s, 100).us, at_ms(2035).us);
    cr_expect_eq(schedule_live(&s, at_ms(2035)), 100);
    cr_expect_eq(schedule_live(&s, at_ms(2054)), 100);
    cr_expect_eq(schedule_live(&s, at_ms(2055)), 101);
    cr_expect_eq(schedule_live(&s, at_ms(10)), 0, "before anything");
    cr_expect_eq(schedule_jitter(&s).us, 0);
}

Test(schedule, delay_by_queues_does_not_move_it) {
    struct schedule s;
    struct rng g;
    rng_seed(&g, 5);
    schedule_init(&s, duration_ms(20));
    for (uint64_t n = 0; n < 1000; n++)
        schedule_frame_arrived(&s, n,
                               instant_add(at_ms((int64_t)n * 20 + 30),
                                           rng_duration(&g, DURATION_ZERO, duration_ms(10))));
    int64_t off_us = schedule_expected(&s, 1000).us - at_ms(20030).us;
    cr_expect(off_us >= 0 && off_us < 1000, "%lld us", (long long)off_us);
    /* Uniform over 10 ms: the mean distance of two is a third of it. */
    cr_expect(schedule_jitter(&s).us > 2000 && schedule_jitter(&s).us < 5000, "%lld us",
              (long long)schedule_jitter(&s).us);
}

Test(schedule, a_longer_way_is_believed_after_two_windows) {
    struct schedule s = steady(30, 200);
    for (uint64_t n = 200; n < 250; n++)
        schedule_frame_arrived(&s, n, at_ms((int64_t)n * 20 + 80));
    cr_expect_eq(schedule_expected(&s, 250).us, at_ms(5030).us, "not yet");
    for (uint64_t n = 250; n < 420; n++)
        schedule_frame_arrived(&s, n, at_ms((int64_t)n * 20 + 80));
    cr_expect_eq(schedule_expected(&s, 420).us, at_ms(8480).us);
}

Test(schedule, a_shorter_way_is_believed_at_once) {
    struct schedule s = steady(80, 100);
    schedule_frame_arrived(&s, 100, at_ms(2030));
    cr_expect_eq(schedule_expected(&s, 101).us, at_ms(2050).us);
}

Test(schedule, backfill_and_outage_say_nothing_about_jitter) {
    struct schedule s = steady(30, 100);
    for (uint64_t n = 90; n < 99; n++)
        schedule_frame_arrived(&s, n, at_ms(2200));
    cr_expect_eq(schedule_jitter(&s).us, 0, "late and repeated frames do not count");
    schedule_frame_arrived(&s, 100, at_ms(2530));
    cr_expect_leq(schedule_jitter(&s).us, 2500, "one outage counts as two frame times, over 16");
    cr_expect_eq(s.high, 101);
}

Test(schedule, another_server_replaces_the_offset_with_its_first_frame) {
    struct schedule s = steady(30, 100);
    schedule_restart(&s);
    cr_expect_eq(schedule_expected(&s, 100).us, at_ms(2030).us, "until then the old one holds");
    schedule_frame_arrived(&s, 100, at_ms(2045));
    cr_expect_eq(schedule_expected(&s, 101).us, at_ms(2065).us);
    cr_expect_eq(schedule_jitter(&s).us, 0, "the step between servers is no jitter");
}
