/* Packets on their way: out they come by their instants, and in order of arrival among equals. */
#include "peerd/base/rng.h"
#include "test/lib/wan/held.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct held held;

static void open_held(void) {
    cr_assert(held_init(&held));
}

static void close_held(void) {
    held_free(&held);
}

TestSuite(held, .init = open_held, .fini = close_held);

static bool put(uint16_t number, int64_t due_us) {
    return held_put(&held, number, 0, &number, sizeof(number), instant_us(due_us));
}

Test(held, an_empty_one_waits_for_nothing) {
    cr_assert(instant_is_never(held_next(&held)));
    cr_assert_null(held_take(&held, instant_us(INT64_MAX - 1)));
}

Test(held, comes_out_by_instant_then_by_order) {
    static const struct {
        int64_t due_us;
        uint16_t number;
    } rows[] = {{30, 0}, {10, 1}, {20, 2}, {10, 3}, {30, 4}, {10, 5}};
    static const uint16_t expected[] = {1, 3, 5, 2, 0, 4};
    for (size_t i = 0; i < 6; i++)
        cr_assert(put(rows[i].number, rows[i].due_us));
    cr_assert_eq(held_next(&held).us, 10);
    cr_assert_null(held_take(&held, instant_us(9)));
    for (size_t i = 0; i < 6; i++) {
        const struct held_packet *p = held_take(&held, instant_us(30));
        cr_assert_not_null(p);
        cr_assert_eq(p->from, expected[i], "place %zu", i);
        cr_assert_eq(memcmp(p->data, &expected[i], sizeof(expected[i])), 0);
    }
    cr_assert_null(held_take(&held, instant_us(30)));
}

Test(held, is_bounded_and_used_again) {
    for (uint32_t i = 0; i < HELD_MAX; i++)
        cr_assert(put((uint16_t)i, (int64_t)(i * 7919 % HELD_MAX)));
    cr_assert_not(put(0, 0), "a full pool takes no more");
    int64_t before = -1;
    for (uint32_t i = 0; i < HELD_MAX; i++) {
        const struct held_packet *p = held_take(&held, instant_us(HELD_MAX));
        cr_assert_not_null(p);
        cr_assert_geq(p->due.us, before);
        before = p->due.us;
    }
    cr_assert(put(0, 0), "an empty one takes again");
}

Test(held, refuses_what_is_too_long) {
    uint8_t bytes[HELD_BYTES_MAX + 1] = {0};
    cr_assert_not(held_put(&held, 0, 1, bytes, sizeof(bytes), instant_us(1)));
    cr_assert(held_put(&held, 0, 1, bytes, HELD_BYTES_MAX, instant_us(1)));
}
