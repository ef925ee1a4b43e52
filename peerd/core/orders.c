#include "peerd/core/orders.h"

#include <assert.h>

void orders_init(struct orders *o) {
    o->first = 0;
    o->count = 0;
    o->next_id = 1;
}

static struct order *at(struct orders *o, uint32_t index) {
    return &o->queue[(o->first + index) % CORE_ORDERS_MAX];
}

const struct order *orders_at(const struct orders *o, uint32_t index) {
    assert(index < o->count);
    return &o->queue[(o->first + index) % CORE_ORDERS_MAX];
}

uint64_t orders_push(struct orders *o, const struct order *order) {
    if (o->count == CORE_ORDERS_MAX)
        return 0;
    struct order *slot = at(o, o->count++);
    *slot = *order;
    slot->id = o->next_id++;
    return slot->id;
}

void orders_taken_on(struct orders *o, uint64_t up_to,
                     void (*taken)(void *context, const struct order *order), void *context) {
    while (o->count > 0 && at(o, 0)->id <= up_to) {
        struct order done = *at(o, 0);
        o->first = (o->first + 1) % CORE_ORDERS_MAX;
        o->count--;
        if (taken != NULL)
            taken(context, &done);
    }
    /* A peerd before us may have counted further: ids must stay new to the node. */
    if (o->next_id <= up_to && up_to < UINT64_MAX)
        o->next_id = up_to + 1;
}

void orders_drop(struct orders *o, uint64_t id) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < o->count; i++)
        if (at(o, i)->id != id)
            *at(o, kept++) = *at(o, i);
    o->count = kept;
}

void orders_drop_moves(struct orders *o) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < o->count; i++)
        if (at(o, i)->what != NODE_ORDER_MOVE)
            *at(o, kept++) = *at(o, i);
    o->count = kept;
}

void orders_check_invariants(const struct orders *o) {
    assert(o->count <= CORE_ORDERS_MAX && o->first < CORE_ORDERS_MAX && o->next_id > 0);
    for (uint32_t i = 0; i < o->count; i++) {
        assert(orders_at(o, i)->id < o->next_id);
        assert(i == 0 || orders_at(o, i - 1)->id < orders_at(o, i)->id);
    }
}
