#include "peerd/core/orders.h"

#include <criterion/criterion.h>

static uint64_t taken[CORE_ORDERS_MAX];
static uint32_t taken_count;

static void note(void *context, const struct order *order) {
    (void)context;
    taken[taken_count++] = order->id;
}

static uint64_t push(struct orders *o, enum node_order_what what) {
    return orders_push(o, &(struct order){.what = what});
}

Test(orders, are_repeated_until_taken_on) {
    static struct orders o;
    orders_init(&o);
    for (uint64_t i = 1; i <= 5; i++)
        cr_expect_eq(push(&o, NODE_ORDER_MOVE), i);
    taken_count = 0;
    orders_taken_on(&o, 0, note, NULL);
    cr_expect(taken_count == 0 && o.count == 5);
    orders_taken_on(&o, 3, note, NULL);
    cr_expect(taken_count == 3 && taken[0] == 1 && taken[2] == 3 && o.count == 2);
    cr_expect_eq(orders_at(&o, 0)->id, 4u);
    orders_taken_on(&o, 3, note, NULL);
    cr_expect_eq(taken_count, 3u, "each once");
    orders_check_invariants(&o);
}

Test(orders, a_full_queue_refuses_and_goes_round) {
    static struct orders o;
    orders_init(&o);
    for (int round = 0; round < 3; round++) {
        while (push(&o, NODE_ORDER_MOVE) != 0)
            continue;
        cr_expect_eq(o.count, (uint32_t)CORE_ORDERS_MAX);
        orders_check_invariants(&o);
        orders_taken_on(&o, o.next_id - 100, NULL, NULL);
        orders_check_invariants(&o);
        cr_expect_eq(o.count, 99u);
    }
}

Test(orders, ids_are_new_to_a_node_that_knew_a_peerd_before_us) {
    static struct orders o;
    orders_init(&o);
    orders_taken_on(&o, 700, NULL, NULL);
    cr_expect_eq(push(&o, NODE_ORDER_END), 701u);
    orders_taken_on(&o, UINT64_MAX, NULL, NULL);
    cr_expect_eq(o.count, 0u);
    cr_expect_neq(push(&o, NODE_ORDER_END), 0u, "whatever a node claims, we can go on");
    orders_check_invariants(&o);
}

Test(orders, moves_are_taken_back_and_ends_stay) {
    static struct orders o;
    orders_init(&o);
    for (int i = 0; i < 6; i++)
        push(&o, i % 3 == 0 ? NODE_ORDER_END : NODE_ORDER_MOVE);
    orders_drop_moves(&o);
    cr_expect(o.count == 2 && orders_at(&o, 0)->id == 1 && orders_at(&o, 1)->id == 4);
    orders_check_invariants(&o);
}
