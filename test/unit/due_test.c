#include "transcoder/timeline/due.h"

#include "peerd/base/rng.h"

#include <criterion/criterion.h>

Test(due, earliest_first_and_ties_by_number) {
    struct due_entry storage[5];
    struct due d;
    uint32_t index;
    due_init(&d, storage, 5);
    cr_expect(instant_is_never(due_first(&d)));
    cr_expect_not(due_reached(&d, instant_us(INT64_MAX - 1), &index));
    due_set(&d, 4, instant_us(10));
    due_set(&d, 1, instant_us(10));
    due_set(&d, 3, instant_us(5));
    cr_expect_not(due_reached(&d, instant_us(4), &index));
    const uint32_t expect[] = {3, 1, 4};
    for (int i = 0; i < 3; i++) {
        cr_assert(due_reached(&d, instant_us(10), &index));
        cr_expect_eq(index, expect[i]);
        due_set(&d, index, INSTANT_NEVER);
        due_check_invariants(&d);
    }
    cr_expect_eq(d.count, 0);
}

/* Against the plain way: look at all of them. */
Test(due, agrees_with_a_linear_search) {
    enum {
        CAPACITY = 40
    };
    struct due_entry storage[CAPACITY];
    struct instant plain[CAPACITY];
    struct due d;
    struct rng g;
    rng_seed(&g, 3);
    due_init(&d, storage, CAPACITY);
    for (int i = 0; i < CAPACITY; i++)
        plain[i] = INSTANT_NEVER;
    for (int step = 0; step < 20000; step++) {
        uint32_t i = (uint32_t)rng_below(&g, CAPACITY);
        plain[i] = rng_below(&g, 4) ? instant_us((int64_t)rng_below(&g, 50)) : INSTANT_NEVER;
        due_set(&d, i, plain[i]);
        due_check_invariants(&d);
        uint32_t best = 0, found;
        for (uint32_t k = 1; k < CAPACITY; k++)
            if (plain[k].us < plain[best].us)
                best = k;
        cr_assert_eq(due_first(&d).us, plain[best].us);
        if (due_reached(&d, instant_us(1000), &found))
            cr_assert_eq(found, best);
    }
}
