#include "peerd/base/heap.h"

#include "peerd/base/rng.h"

#include <criterion/criterion.h>

Test(heap, earliest_first_and_ties_by_key) {
    static const struct heap_entry in[] = {{{30}, 1},        {{10}, 9}, {{20}, 5},       {{10}, 2},
                                           {{INT64_MAX}, 7}, {{10}, 4}, {{INT64_MIN}, 8}};
    static const uint64_t expected[] = {8, 2, 4, 9, 5, 1, 7};
    struct heap_entry storage[7], out;
    struct heap h;
    heap_init(&h, storage, 7);
    cr_expect_null(heap_peek(&h));
    cr_expect_not(heap_pop(&h, &out), "empty");
    for (size_t i = 0; i < 7; i++)
        cr_expect(heap_push(&h, in[i].at, in[i].key));
    cr_expect_not(heap_push(&h, instant_us(0), 0), "full refuses");
    for (size_t i = 0; i < 7; i++) {
        cr_expect_eq(heap_peek(&h)->key, expected[i]);
        cr_expect(heap_pop(&h, &out) && out.key == expected[i], "pop %zu: %d", i, (int)out.key);
    }
    cr_expect_null(heap_peek(&h));
}

Test(heap, random_pushes_and_pops_come_out_in_order) {
    struct heap_entry storage[64], out;
    struct heap h;
    struct rng g;
    rng_seed(&g, 1);
    heap_init(&h, storage, 64);
    for (int round = 0; round < 200; round++) {
        size_t pushes = (size_t)rng_below(&g, 64 - h.count + 1);
        for (size_t i = 0; i < pushes; i++)
            cr_assert(heap_push(&h, instant_us((int64_t)rng_below(&g, 20)), rng_below(&g, 20)));
        struct heap_entry last = {instant_us(-1), 0};
        for (size_t pops = (size_t)rng_below(&g, h.count + 1); pops > 0; pops--) {
            cr_assert(heap_pop(&h, &out));
            cr_assert(out.at.us > last.at.us || (out.at.us == last.at.us && out.key >= last.key),
                      "round %d", round);
            last = out;
        }
    }
}
