/*
 * Moves of the sessions in the table: begins them, tells the machine (move.h) what nodes report,
 * and enters them into the ledger when they are over.
 */
#ifndef PEERD_CORE_MOVES_H
#define PEERD_CORE_MOVES_H

#include "peerd/core/move.h"
#include "peerd/core/orders.h"
#include "peerd/core/sessions.h"

/* Leaving: makes the move and queues its order; false if the node takes no more orders now. */
bool moves_order(struct core *core, struct session *s, const struct peering *to,
                 enum move_cause cause);

/* The order once more, to another target if `to` is not NULL; false as above. */
bool moves_order_again(struct core *core, struct session *s, const struct peering *to);

/* A node has taken an order on. */
void moves_taken_on(struct core *core, const struct order *order);

/* Arriving: what a node's report says of a hedge or a commit here; `held`: what was held of the
 * session just before. */
void moves_hedging(struct core *core, struct session *s, const struct node_session *told,
                   enum protection held);

/* `epoch_before`: under which the record stood here so far, as a standby; 0 for none. */
void moves_arrived(struct core *core, struct session *s, const struct node_session *told,
                   uint32_t epoch_before, enum protection held);

/* The record is about to leave its state or the table: what that means for its move. */
void moves_session_left(struct core *core, struct session *s);

/* Undrain, or a hedge that was only loss: `why`, for people. */
void moves_call_off(struct core *core, struct session *s, const char *why);

/* Forgets the move without a word: the node is out of sight, the session is not over. */
void moves_forget(struct core *core, struct session *s);

#endif
