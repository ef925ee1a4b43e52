/*
 * Orders to a node, in flight: a queue with rising ids, repeated in every answer until the node
 * has taken them on. A full queue refuses: whoever wants to order waits for the next poll.
 */
#ifndef PEERD_CORE_ORDERS_H
#define PEERD_CORE_ORDERS_H

#include "peerd/base/time.h"
#include "peerd/core/outbox.h"
#include "peerd/wire/node.h"

struct order {
    uint64_t id;
    struct session_id session;
    enum node_order_what what;
    struct name target;      /* with NODE_ORDER_MOVE */
    struct instant deadline; /* with NODE_ORDER_MOVE */
    enum move_cause cause;   /* with NODE_ORDER_MOVE */
    bool only;               /* with NODE_ORDER_MOVE: there or nowhere */
    enum err error;          /* with NODE_ORDER_END */
};

struct orders {
    struct order queue[CORE_ORDERS_MAX]; /* ring, ids rising */
    uint32_t first;
    uint32_t count;
    uint64_t next_id; /* from 1; grows over the node's whole time with us */
};

void orders_init(struct orders *o);

/* Queues a copy and returns its id; 0 when full. */
uint64_t orders_push(struct orders *o, const struct order *order);

/* The node has taken on everything up to this id. Calls `taken` for each; it may be NULL. */
void orders_taken_on(struct orders *o, uint64_t up_to,
                     void (*taken)(void *context, const struct order *order), void *context);

/* Takes an order back, if it is still in the queue: it is no longer repeated. */
void orders_drop(struct orders *o, uint64_t id);

/* Takes back all moves: those still in the queue are no longer repeated. */
void orders_drop_moves(struct orders *o);

const struct order *orders_at(const struct orders *o, uint32_t index);
void orders_check_invariants(const struct orders *o);

#endif
