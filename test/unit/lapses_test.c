#include "transcoder/timeline/lapses.h"

#include <criterion/criterion.h>

#define FRAME duration_ms(20)

static struct instant at_s(int64_t s) {
    return instant_us(s * 1000000);
}

static int64_t bear_ms(const struct lapses *l, int64_t s) {
    return duration_in_ms(lapses_bear(l, FRAME, at_s(s)));
}

Test(lapses, what_was_seen_is_borne_twelve_times_over) {
    static const struct {
        const char *what;
        uint64_t frames[4]; /* runs that were lost, 0 for no more */
        int64_t ms;
    } rows[] = {
        {"nothing was lost", {0}, 0},
        {"one frame: (1 + 12) / 5 of them on average, with those always counted", {1}, 624},
        {"a few", {2, 4, 3}, 720},
        {"long ones", {8, 10, 9, 10}, 1470},
        {"an outage counts as 25 frames", {100000}, 1776},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct lapses l;
        lapses_restart(&l, at_s(0));
        for (size_t n = 0; n < 4; n++)
            lapses_seen(&l, rows[i].frames[n], at_s(30));
        cr_expect_eq(bear_ms(&l, 31), rows[i].ms, "%s: %lld", rows[i].what,
                     (long long)bear_ms(&l, 31));
    }
}

Test(lapses, old_ones_are_forgotten) {
    struct lapses l;
    lapses_restart(&l, at_s(0));
    for (int i = 0; i < 8; i++)
        lapses_seen(&l, 6, at_s(10));
    cr_expect_eq(bear_ms(&l, 10), 1200, "%lld", (long long)bear_ms(&l, 10));
    cr_expect_eq(bear_ms(&l, 130), 960, "two minutes: %lld", (long long)bear_ms(&l, 130));
    cr_expect_eq(bear_ms(&l, 250), 0, "four: %lld", (long long)bear_ms(&l, 250));
    lapses_seen(&l, 1, at_s(250));
    cr_expect_eq(bear_ms(&l, 250), 624, "and begins anew");
    lapses_restart(&l, at_s(251));
    cr_expect_eq(bear_ms(&l, 251), 0, "another path");
}

Test(lapses, the_newest_count) {
    struct lapses l;
    lapses_restart(&l, at_s(0));
    for (int i = 0; i < 1000; i++)
        lapses_seen(&l, 10, at_s(1));
    for (int i = 0; i < 200; i++)
        lapses_seen(&l, 1, at_s(1));
    cr_expect_leq(l.runs, LAPSES_COUNT_MAX);
    cr_expect(bear_ms(&l, 1) <= 300, "%lld", (long long)bear_ms(&l, 1));
}

Test(lapses, a_path_is_unknown_while_it_is_new_and_has_lost_nothing) {
    struct lapses l;
    lapses_restart(&l, at_s(100));
    cr_expect(lapses_are_unknown(&l, duration_s(20), at_s(119)));
    cr_expect_not(lapses_are_unknown(&l, duration_s(20), at_s(120)));
    lapses_seen(&l, 1, at_s(105));
    cr_expect_not(lapses_are_unknown(&l, duration_s(20), at_s(106)));
}
