#include "topo/probe.h"

#include "peerd/base/rng.h"

#include <criterion/criterion.h>

#define TARGETS 20

static const struct duration unknown[PROBE_TARGETS_MAX];

/* Asks `seconds` times and counts whom. */
static void ask(struct probe *p, const struct duration *expected, int seconds, int *asked) {
    for (int s = 0; s < seconds; s++) {
        size_t target = SIZE_MAX;
        cr_assert(probe_next(p, expected, &target));
        cr_assert(probe_check_invariants(p));
        cr_assert_lt(target, p->count);
        probe_measured(p, target, duration_ms(10));
        asked[target]++;
    }
}

Test(probe, every_other_packet_goes_to_the_standbys) {
    struct probe p;
    int asked[TARGETS] = {0};
    probe_init(&p, TARGETS);
    probe_set(&p, 4, true, false);
    probe_set(&p, 7, false, true);
    probe_set(&p, 9, false, true);
    ask(&p, unknown, 300, asked);
    cr_expect_eq(asked[4], 0, "who serves says so with its media");
    cr_expect_eq(asked[7], 75);
    cr_expect_eq(asked[9], 75);
    for (int i = 0; i < TARGETS; i++)
        cr_expect(i == 4 || asked[i] >= 7, "%d: %d", i, asked[i]);
}

Test(probe, without_standbys_others_have_all_of_it_and_the_other_way_round) {
    struct probe p;
    int asked[2] = {0};
    size_t target;
    probe_init(&p, 2);
    ask(&p, unknown, 10, asked);
    cr_expect(asked[0] == 5 && asked[1] == 5);
    probe_set(&p, 0, false, true);
    probe_set(&p, 1, true, false);
    ask(&p, unknown, 10, asked);
    cr_expect(asked[0] == 15 && asked[1] == 5);
    probe_set(&p, 0, true, false);
    cr_expect_not(probe_next(&p, unknown, &target), "nobody is left");
}

/* The handful is what coordinates think nearest, and only a handful at once; 3 would be the second
 * nearest, if they could tell. */
Test(probe, the_nearest_by_coordinates_are_asked_first) {
    struct probe p;
    int asked[TARGETS] = {0};
    struct duration expected[TARGETS];
    probe_init(&p, TARGETS);
    for (int i = 0; i < TARGETS; i++)
        expected[i] = i == 3 ? DURATION_ZERO : duration_ms(10 + (i * 7) % TARGETS);
    ask(&p, expected, (PROBE_STAY - 1) * PROBE_HANDFUL, asked);
    for (int i = 0; i < TARGETS; i++)
        cr_expect_eq(asked[i], i != 3 && (i * 7) % TARGETS <= PROBE_HANDFUL ? PROBE_STAY - 1 : 0,
                     "%d: %d", i, asked[i]);
    ask(&p, expected, (TARGETS - PROBE_HANDFUL) * PROBE_STAY, asked);
    for (int i = 0; i < TARGETS; i++)
        cr_expect(asked[i] >= 1 && asked[i] <= 2 * PROBE_STAY, "%d: %d", i, asked[i]);
}

Test(probe, a_round_trip_is_the_median_of_the_last) {
    struct probe p;
    probe_init(&p, 1);
    cr_expect_eq(probe_rtt(&p, 0).us, 0, "nobody knows");
    static const struct {
        int64_t sample_ms, expected_ms;
    } rows[] = {{50, 50}, {40, 40}, {900, 50}, {45, 45}, {0, 45}, {-3, 45}, {70000, 45}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        probe_measured(&p, 0, duration_ms(rows[i].sample_ms));
        cr_expect_eq(probe_rtt(&p, 0).us, rows[i].expected_ms * 1000, "row %zu", i);
    }
    for (int i = 0; i < PROBE_SAMPLES; i++)
        probe_measured(&p, 0, duration_ms(120));
    cr_expect_eq(probe_rtt(&p, 0).us, 120000, "old ones go");
}

Test(probe, whoever_does_not_answer_is_deaf_until_it_does) {
    struct probe p;
    size_t target;
    probe_init(&p, 1);
    probe_measured(&p, 0, duration_ms(20));
    for (int i = 0; i < PROBE_DEAF; i++) {
        cr_expect_not(probe_is_deaf(&p, 0));
        cr_expect_eq(probe_rtt(&p, 0).us, 20000);
        cr_assert(probe_next(&p, unknown, &target));
    }
    cr_expect(probe_is_deaf(&p, 0));
    cr_expect_eq(probe_rtt(&p, 0).us, 0);
    cr_expect(probe_next(&p, unknown, &target), "it is still asked");
    probe_measured(&p, 0, duration_ms(30));
    cr_expect_not(probe_is_deaf(&p, 0));
    cr_expect_eq(probe_rtt(&p, 0).us, 20000);
}

Test(probe, stays_whole_whatever_happens) {
    struct rng g;
    rng_seed(&g, 7);
    for (int round = 0; round < 200; round++) {
        struct probe p;
        struct duration expected[PROBE_TARGETS_MAX];
        size_t count = rng_below(&g, PROBE_TARGETS_MAX + 1);
        probe_init(&p, count);
        for (int step = 0; count > 0 && step < 200; step++) {
            size_t at = rng_below(&g, count), target;
            expected[at] = duration_us((int64_t)rng_below(&g, 90000));
            for (size_t i = 0; step == 0 && i < count; i++)
                expected[i] = DURATION_ZERO;
            if (rng_below(&g, 3) == 0)
                probe_set(&p, at, rng_below(&g, 4) == 0, rng_below(&g, 3) == 0);
            if (probe_next(&p, expected, &target) && rng_below(&g, 2) == 0)
                probe_measured(&p, target, duration_us((int64_t)rng_below(&g, 90000)));
            cr_assert(probe_check_invariants(&p), "round %d", round);
        }
    }
}

/* Who comes into the handful again has as many packets as the first time. */
Test(probe, who_comes_again_stays_again) {
    struct probe p;
    int asked[2 * PROBE_HANDFUL] = {0}, times = 0, packets = 0;
    probe_init(&p, 2 * PROBE_HANDFUL);
    for (int i = 0; i < 200; i++) {
        int before = asked[0];
        ask(&p, unknown, 1, asked);
        packets += asked[0] - before;
        if (asked[0] == before || p.targets[0].stay < PROBE_STAY)
            continue;
        cr_expect_eq(packets, PROBE_STAY, "the %dth time: %d", times, packets);
        packets = 0;
        times++;
    }
    cr_expect_geq(times, 4);
}

/* Who serves or stands by leaves the handful, and has its place there given to others at once. */
Test(probe, who_stands_by_gives_its_place_in_the_handful) {
    struct probe p;
    int asked[PROBE_HANDFUL + 1] = {0};
    probe_init(&p, PROBE_HANDFUL + 1);
    ask(&p, unknown, PROBE_HANDFUL, asked);
    cr_expect_eq(asked[PROBE_HANDFUL], 0);
    probe_set(&p, 2, true, false);
    ask(&p, unknown, PROBE_HANDFUL, asked);
    cr_expect_eq(asked[PROBE_HANDFUL], 1);
    cr_expect_eq(asked[2], 1, "and is asked no more");
}
