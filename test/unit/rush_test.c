#include "transcoder/timeline/rush.h"

#include <criterion/criterion.h>
#include <string.h>

#define LEAST_MS 1000

static struct session_id id(uint32_t n) {
    struct session_id out = {{0}};
    memcpy(out.bytes, &n, sizeof(n));
    return out;
}

static struct instant at_ms(int64_t ms) {
    return instant_us(ms * 1000);
}

/* So many refused within 100 ms; returns when the last of them may ask again, and the most that
 * come back within any 100 ms. */
static uint32_t herd(uint32_t count, uint32_t *most) {
    static uint32_t per_100ms[100];
    struct rush c;
    uint32_t last = 0;
    memset(per_100ms, 0, sizeof(per_100ms));
    *most = 0;
    rush_init(&c, at_ms(0));
    for (uint32_t i = 0; i < count; i++) {
        struct session_id who = id(i);
        int64_t now = (int64_t)i * 100 / count;
        rush_refused(&c, at_ms(now));
        uint32_t wait = rush_wait_ms(&c, &who, 7, LEAST_MS, at_ms(now));
        cr_assert(wait >= LEAST_MS && wait <= LEAST_MS + RUSH_SPAN_MS_MAX, "%u", wait);
        uint32_t back = (uint32_t)now + wait;
        last = back > last ? back : last;
        uint32_t n = ++per_100ms[back / 100];
        *most = n > *most ? n : *most;
    }
    return last;
}

Test(rush, a_few_are_back_soon) {
    uint32_t most;
    cr_expect_leq(herd(10, &most), 1600u);
}

Test(rush, a_herd_is_spread_over_seconds) {
    uint32_t most, last = herd(10000, &most);
    cr_expect(last > 4500 && last <= 5100, "%u", last);
    cr_expect_leq(most, 420u, "of 10,000 who are refused in 100 ms %u come back in 100 ms", most);
    last = herd(400, &most);
    cr_expect(last > 2000 && last < 3200, "%u", last);
    cr_expect_leq(most, 80u, "%u", most);
}

Test(rush, each_question_has_a_wait_of_its_own) {
    struct rush c;
    const struct session_id a = id(1), b = id(2);
    rush_init(&c, at_ms(0));
    for (int i = 0; i < 1000; i++)
        rush_refused(&c, at_ms(0));
    uint32_t first = rush_wait_ms(&c, &a, 1, LEAST_MS, at_ms(0));
    cr_expect_neq(rush_wait_ms(&c, &a, 2, LEAST_MS, at_ms(0)), first, "the next question");
    cr_expect_neq(rush_wait_ms(&c, &b, 1, LEAST_MS, at_ms(0)), first, "another session");
    cr_expect_eq(rush_wait_ms(&c, &a, 1, LEAST_MS, at_ms(0)), first, "a copy of the first");
}

Test(rush, a_herd_is_forgotten) {
    struct rush c;
    rush_init(&c, at_ms(0));
    for (uint32_t i = 0; i < 600; i++)
        rush_refused(&c, at_ms(0));
    cr_expect_eq(c.refused_us, 3000000);
    for (uint32_t i = 0; i < 100; i++) {
        struct session_id who = id(i);
        rush_refused(&c, at_ms(4000 + 5 * i));
        uint32_t wait = rush_wait_ms(&c, &who, 2, LEAST_MS, at_ms(4000 + 5 * i));
        cr_expect_leq(wait, 1500u, "%u", wait);
    }
}
