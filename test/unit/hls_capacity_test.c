#include "transcoder/hls/capacity.h"

#include <criterion/criterion.h>

static struct instant at(int64_t ms) {
    return instant_us(7000000 + ms * 1000);
}

Test(hls_capacity, whoever_makes_nothing_has_all_of_it) {
    struct capacity c;
    capacity_init(&c, at(0));
    cr_expect_eq(capacity_spare_ms(&c, 4, at(0)), 4000u);
    cr_expect_eq(capacity_spare_ms(&c, 4, at(60000)), 4000u);
}

Test(hls_capacity, what_makers_did_is_not_to_spare) {
    static const struct {
        const char *what;
        uint32_t busy;
        int64_t until_ms, now_ms;
        uint32_t spare_ms;
    } rows[] = {
        {"one of four all the time", 1, 20000, 20000, 3000},
        {"all of them all the time", 4, 20000, 20000, 0},
        {"one for half of the last five seconds", 1, 2500, 5000, 3500},
        {"as long ago as is forgotten", 4, 2500, 8000, 4000},
        {"the present second does not count yet", 4, 900, 950, 4000},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct capacity c;
        capacity_init(&c, at(0));
        capacity_busy(&c, rows[i].busy, at(0));
        capacity_busy(&c, 0, at(rows[i].until_ms));
        cr_expect_eq(capacity_spare_ms(&c, 4, at(rows[i].now_ms)), rows[i].spare_ms, "%s: %u",
                     rows[i].what, capacity_spare_ms(&c, 4, at(rows[i].now_ms)));
    }
}

/* Half of the time of one of two makers was CPU: so is half of what is idle. */
Test(hls_capacity, of_a_busy_machine_less_is_to_be_had) {
    struct capacity c;
    capacity_init(&c, at(0));
    capacity_busy(&c, 1, at(0));
    for (int64_t ms = 1000; ms <= 10000; ms += 1000)
        capacity_made(&c, 500000, at(ms - 1));
    cr_expect_eq(capacity_spare_ms(&c, 2, at(10000)), 500u);
    capacity_busy(&c, 0, at(10000));
    cr_expect_gt(capacity_spare_ms(&c, 2, at(60000)), 1990u, "nobody says that it is still so");
}

Test(hls_capacity, more_cpu_than_time_is_all_of_it) {
    struct capacity c;
    capacity_init(&c, at(0));
    capacity_busy(&c, 1, at(0));
    capacity_made(&c, 90000000, at(500));
    cr_expect_eq(capacity_spare_ms(&c, 2, at(5000)), 1000u);
}

Test(hls_capacity, a_player_takes_one_of_each_kind_at_worst) {
    static const struct rendition big = {.codec = RENDITION_H264},
                                  small = {.codec = RENDITION_H264}, aac = {.codec = RENDITION_AAC},
                                  opus = {.codec = RENDITION_OPUS};
    const struct rendition *renditions[] = {&small, &big, &aac, &opus};
    struct cost costs[4] = {{.count = 0}};
    const struct cost *of[] = {&costs[0], &costs[1], &costs[2], &costs[3]};
    cr_expect_eq(capacity_player_ms(renditions, of, 0), 0u);
    cr_expect_eq(capacity_player_ms(renditions, of, 4), 0u, "nothing is known");
    cost_add(&costs[0], 320000, 320000);
    cost_add(&costs[1], 1280000, 1280000);
    cr_expect_eq(capacity_player_ms(renditions, of, 4), 400u);
    cost_add(&costs[3], 64000, 64000);
    cost_add(&costs[2], 32000, 32000);
    cr_expect_eq(capacity_player_ms(renditions, of, 4), 420u);
    cr_expect_eq(capacity_player_ms(&renditions[2], &of[2], 2), 20u, "sound alone");
}
