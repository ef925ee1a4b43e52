#include "peerd/sim/queue.h"

#include "peerd/base/rng.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static void put(struct sim_queue *q, int64_t at_us, uint32_t a) {
    sim_queue_put(q, instant_us(at_us), &(struct sim_event){.kind = SIM_CHECK, .a = a});
}

Test(sim_queue, is_empty_at_first) {
    struct sim_queue q;
    struct sim_event e;
    sim_queue_init(&q);
    cr_expect(instant_is_never(sim_queue_first(&q)));
    cr_expect_not(sim_queue_take(&q, &e));
    sim_queue_free(&q);
}

Test(sim_queue, goes_by_time_and_then_by_order_of_putting) {
    static const uint32_t wanted[] = {3, 0, 2, 4, 1};
    struct sim_queue q;
    struct sim_event e;
    sim_queue_init(&q);
    put(&q, 20, 0);
    put(&q, 30, 1);
    put(&q, 20, 2);
    put(&q, 10, 3);
    put(&q, 20, 4);
    cr_expect_eq(sim_queue_first(&q).us, 10);
    for (size_t i = 0; i < 5; i++) {
        cr_assert(sim_queue_take(&q, &e));
        cr_expect_eq(e.a, wanted[i], "place %zu", i);
    }
    sim_queue_free(&q);
}

/* Slots are used again in another order; ties must not follow them. */
Test(sim_queue, keeps_the_order_of_ties_when_slots_are_reused) {
    struct sim_queue q;
    struct sim_event e;
    sim_queue_init(&q);
    for (uint32_t i = 0; i < 10; i++)
        put(&q, (int64_t)(i * 7 % 10), i);
    for (int i = 0; i < 5; i++)
        sim_queue_take(&q, &e);
    for (uint32_t i = 100; i < 110; i++)
        put(&q, 50, i);
    for (int i = 0; i < 5; i++)
        sim_queue_take(&q, &e);
    for (uint32_t i = 100; i < 110; i++) {
        cr_assert(sim_queue_take(&q, &e));
        cr_expect_eq(e.a, i);
    }
    sim_queue_free(&q);
}

Test(sim_queue, grows) {
    struct sim_queue q;
    struct sim_event e;
    int64_t before = -1;
    sim_queue_init(&q);
    for (uint32_t i = 0; i < 100000; i++)
        put(&q, (int64_t)(i * 7919U % 100003U), i);
    for (uint32_t i = 0; i < 100000; i++) {
        int64_t at = sim_queue_first(&q).us;
        cr_assert(at >= before && sim_queue_take(&q, &e));
        before = at;
    }
    sim_queue_free(&q);
}

/* What is far away waits in bins, each of which is emptied into the heap as its time comes. */
Test(sim_queue, goes_by_time_and_order_whether_near_or_far) {
    static const int64_t steps_us[] = {0, 1, SIM_BIN_US - 1, SIM_BIN_US, SIM_BIN_US * 40};
    struct sim_queue q;
    struct sim_event e;
    struct instant now = instant_us(0);
    uint32_t newest = 0, put_so_far = 0, taken = 0;
    sim_queue_init(&q);
    for (; put_so_far < 50; put_so_far++)
        put(&q, steps_us[put_so_far % 5], put_so_far);
    while (sim_queue_first(&q).us < INSTANT_NEVER.us) {
        struct instant at = sim_queue_first(&q);
        cr_assert(sim_queue_take(&q, &e) && !instant_before(at, now));
        cr_expect(now.us < at.us || taken == 0 || e.a > newest, "%u after %u", e.a, newest);
        now = at;
        newest = e.a;
        taken++;
        for (int i = 0; i < 2 && put_so_far < 5000; i++, put_so_far++)
            put(&q, now.us + steps_us[put_so_far % 5], put_so_far);
    }
    cr_expect_eq(taken, put_so_far);
    sim_queue_free(&q);
}

/* A listener that is woken goes back in time; and a day is more than there are bins for. */
Test(sim_queue, takes_what_is_before_the_horizon_and_what_is_beyond_all_bins) {
    const int64_t beyond = (int64_t)SIM_BIN_US * (SIM_BINS + 1);
    struct sim_queue q;
    struct sim_event e;
    sim_queue_init(&q);
    put(&q, beyond, 0);
    put(&q, SIM_BIN_US * 100, 1);
    cr_expect(sim_queue_take(&q, &e) && e.a == 1);
    put(&q, SIM_BIN_US * 200, 2);
    put(&q, 5, 3);
    cr_expect_eq(sim_queue_first(&q).us, 5);
    cr_expect(sim_queue_take(&q, &e) && e.a == 3);
    cr_expect(sim_queue_take(&q, &e) && e.a == 2);
    cr_expect_eq(sim_queue_first(&q).us, beyond);
    cr_expect(sim_queue_take(&q, &e) && e.a == 0);
    sim_queue_free(&q);
}

/* Against the plain way: look at all of them. Near and far, before all others and behind them. */
Test(sim_queue, agrees_with_a_linear_search) {
    enum {
        MOST = 200
    };
    int64_t at_us[MOST];
    uint32_t numbers[MOST], count = 0, next = 0;
    struct sim_queue q;
    struct sim_event e;
    struct rng g;
    int64_t now_us = 1000000000;
    rng_seed(&g, 11);
    sim_queue_init(&q);
    for (int step = 0; step < 20000; step++) {
        if (count < MOST && rng_below(&g, 2)) {
            static const uint64_t reach_us[] = {20, 300, SIM_BIN_US * 3, SIM_BIN_US * 2000};
            at_us[count] = now_us + (int64_t)rng_below(&g, reach_us[rng_below(&g, 4)]);
            numbers[count] = next++;
            put(&q, at_us[count], numbers[count]);
            count++;
        } else if (count > 0) {
            uint32_t best = 0;
            for (uint32_t i = 1; i < count; i++)
                if (at_us[i] < at_us[best] ||
                    (at_us[i] == at_us[best] && numbers[i] < numbers[best]))
                    best = i;
            cr_assert_eq(sim_queue_first(&q).us, at_us[best]);
            cr_assert_eq(sim_queue_soon(&q, 0)->a, numbers[best]);
            cr_assert(sim_queue_take(&q, &e));
            cr_assert_eq(e.a, numbers[best], "step %d", step);
            now_us = at_us[best];
            at_us[best] = at_us[--count];
            numbers[best] = numbers[count];
        }
    }
    while (sim_queue_take(&q, &e))
        continue;
    sim_queue_free(&q);
}
