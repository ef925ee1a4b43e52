#include "transcoder/hls/cost.h"

#include <criterion/criterion.h>

static struct cost of(uint32_t count, uint32_t us) {
    struct cost c = {.count = 0};
    for (uint32_t i = 0; i < count; i++)
        cost_add(&c, us, us / 2);
    return c;
}

Test(hls_cost, nothing_known_is_quick) {
    struct cost c = of(0, 0);
    cr_expect(cost_mean_us(&c) == 0 && cost_p99_us(&c) == 0);
    cr_expect(cost_is_quick(&c));
    cr_expect_eq(cost_ahead(&c), 1);
}

Test(hls_cost, one_of_a_hundred_may_be_slow) {
    struct cost c = of(127, 400000);
    cost_add(&c, 2000000, 2000000 / 2);
    cr_expect_eq(cost_p99_us(&c), 400000);
    cr_expect_eq(cost_mean_us(&c), (127 * 400000 + 2000000) / 128);
    cr_expect(cost_is_quick(&c));
    cost_add(&c, 1000000, 1000000 / 2);
    cr_expect_eq(cost_p99_us(&c), 1000000);
    cr_expect(!cost_is_quick(&c), "two of 128 are more than that");
    c = of(20, 400000);
    cost_add(&c, 1000000, 1000000 / 2);
    cr_expect(!cost_is_quick(&c), "so is one of 21");
}

Test(hls_cost, what_was_is_forgotten) {
    struct cost c = of(500, 3000000);
    cr_expect(!cost_is_quick(&c));
    for (uint32_t i = 0; i < COST_KEPT; i++)
        cost_add(&c, 300000, 300000 / 2);
    cr_expect(cost_is_quick(&c));
    cr_expect_eq(cost_mean_us(&c), 300000);
    c.count = UINT32_MAX - 1;
    cost_add(&c, 300000, 300000 / 2);
    cost_add(&c, 300000, 300000 / 2);
    cr_expect_eq(cost_mean_us(&c), 300000, "for ever");
}

Test(hls_cost, what_is_slow_is_made_further_ahead) {
    static const struct {
        uint32_t us, ahead;
    } rows[] = {{999999, 1}, {1000000, 2}, {3300000, 3}, {9700000, 5}, {60000000, COST_AHEAD_MAX}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cost c = of(100, rows[i].us);
        cr_expect_eq(cost_ahead(&c), rows[i].ahead, "%u us", rows[i].us);
    }
}

Test(hls_cost, cpu_is_counted_for_each_second_of_media) {
    struct cost c = of(0, 0);
    cr_expect_eq(cost_media_ms(&c), 0u, "nothing is known");
    cost_add(&c, 2000000, 640000);
    cr_expect_eq(cost_media_ms(&c), 200u, "640 ms for 3.2 s, however long it took");
    cost_add(&c, 2000000, 1280000);
    cr_expect_eq(cost_media_ms(&c), 300u);
    for (uint32_t i = 0; i < COST_KEPT; i++)
        cost_add(&c, 5000000, 320000);
    cr_expect_eq(cost_media_ms(&c), 100u, "what was is forgotten");
    c = (struct cost){.count = 0};
    cost_add(&c, 900, 900);
    cr_expect_eq(cost_media_ms(&c), 1u, "next to nothing is not unknown");
}
