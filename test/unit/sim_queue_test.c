#include "peerd/sim/queue.h"

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
