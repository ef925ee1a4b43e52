#include "topo/turn.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct trips *t;
static struct prefix here;

static void begin(void) {
    t = malloc(sizeof(*t));
    cr_assert_not_null(t);
    trips_init(t);
    cr_assert(prefix_from_text(&here, "192.0.2.0/24"));
}

static void finish(void) {
    cr_expect(trips_check_invariants(t));
    free(t);
}

TestSuite(turn, .init = begin, .fini = finish);

static struct instant at_s(int64_t s) {
    return instant_us(s * 1000000);
}

/* Of clusters 1 to `count`, ranked in that order. Leaves who was chosen, as numbers. */
static size_t choose(uint16_t out[8], size_t count, int64_t s) {
    uint16_t clusters[TURN_CANDIDATES_MAX];
    uint8_t chosen[8];
    for (uint16_t i = 0; i < count; i++)
        clusters[i] = (uint16_t)(i + 1);
    size_t held = turn_choose(t, &here, clusters, count, at_s(s), chosen, 8);
    for (size_t i = 0; i < held; i++)
        out[i] = clusters[chosen[i]];
    return held;
}

Test(turn, all_have_theirs_the_best_ranked_first) {
    uint16_t chosen[8];
    int last[20];
    for (int i = 0; i < 20; i++)
        last[i] = -1;
    for (int round = 0; round < 40; round++) {
        cr_assert_eq(choose(chosen, 19, 10 + 45 * round), 8u);
        for (int i = 0; i < 8; i++) {
            last[chosen[i]] = round;
            cr_expect(round > 0 || chosen[i] == i + 1, "in their order");
            cr_expect(round != 1 || chosen[i] == i + 9, "those who had none yet");
        }
        for (int i = 1; i < 20 && round >= 2; i++)
            cr_expect(last[i] >= 0 && round - last[i] <= 3, "%d waits too long", i);
    }
}

Test(turn, who_was_measured_by_others_waits) {
    uint16_t chosen[8];
    for (uint16_t i = 1; i <= 8; i++)
        trips_heard(t, &here, i, 99, 40000, 4, at_s(9));
    cr_assert_eq(choose(chosen, 12, 10), 8u);
    for (int i = 0; i < 4; i++)
        cr_expect_eq(chosen[i], i + 9, "%d", chosen[i]);
    for (int i = 4; i < 8; i++)
        cr_expect_eq(chosen[i], i - 3, "then by their ranking: %d", chosen[i]);
}

Test(turn, who_never_answers_takes_no_more_turns_than_others) {
    uint16_t chosen[8];
    int turns[17] = {0};
    for (int round = 0; round < 6; round++) {
        cr_assert_eq(choose(chosen, 16, 10 + 45 * round), 8u);
        for (int i = 0; i < 8; i++) {
            turns[chosen[i]]++;
            if (chosen[i] > 8) /* of the first eight nobody is ever heard */
                trips_heard(t, &here, chosen[i], 1, 40000, 4, at_s(20 + 45 * round));
        }
    }
    for (int i = 1; i <= 16; i++)
        cr_expect_eq(turns[i], 3, "%d: %d", i, turns[i]);
}

Test(turn, another_location_has_turns_of_its_own) {
    uint16_t chosen[8];
    choose(chosen, 16, 10);
    cr_assert(prefix_from_text(&here, "192.0.3.0/24"));
    choose(chosen, 16, 11);
    cr_expect_eq(chosen[0], 1);
    here = (struct prefix){.bits = 0};
    choose(chosen, 16, 12);
    choose(chosen, 16, 13);
    cr_expect_eq(chosen[0], 1, "without a location it is always the best ranked");
}

Test(turn, few_all_have_it_every_time) {
    uint16_t chosen[8];
    cr_expect_eq(choose(chosen, 0, 10), 0u);
    cr_expect_eq(choose(chosen, 3, 11), 3u);
    cr_expect_eq(choose(chosen, 3, 12), 3u);
}
