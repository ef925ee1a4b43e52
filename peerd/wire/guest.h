/*
 * A limit on guests: how many sessions of a peer's tickets a machine may have, as agreed with that
 * peer. peerd tells a node of it in its answer (node.h); of those whom no limit names there may be
 * as many as there is credit. It holds for as long as the credit does.
 */
#ifndef PEERD_WIRE_GUEST_H
#define PEERD_WIRE_GUEST_H

#include "peerd/base/err.h"
#include "peerd/base/id.h"

#define NODE_GUESTS_MAX 64 /* peers whose sessions are bounded */

struct node_guest_limit {
    struct name issuer;
    uint32_t slots;   /* [sessions] of all its workers together */
    enum err refusal; /* of one too many: ERR_NO_CREDIT, or ERR_DENIED if nothing is agreed */
};

#endif
