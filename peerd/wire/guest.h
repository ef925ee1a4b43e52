/*
 * A limit on guests: how many sessions of a peer's tickets a machine may have, and for which
 * services, as agreed with that peer; and how many slots are kept for it whoever else asks, which
 * needs no agreement. peerd tells a node of it in its answer (node.h); of those whom no limit names
 * there may be as many as there is credit that is kept for nobody. It holds for as long as the
 * credit does.
 */
#ifndef PEERD_WIRE_GUEST_H
#define PEERD_WIRE_GUEST_H

#include "peerd/base/err.h"
#include "peerd/base/id.h"

#define NODE_GUESTS_MAX         64         /* peers whose sessions are bounded */
#define NODE_GUEST_SERVICES_MAX 16         /* services of the cluster */
#define NODE_GUEST_SERVICES_ALL UINT32_MAX /* nothing was agreed about services */
#define NODE_GUEST_SLOTS_ALL    UINT32_MAX /* no bound */
#define NODE_GUEST_HOT_ALL      UINT32_MAX /* as many as the worker may have */

struct node_guest_limit {
    struct name issuer;
    uint32_t slots;   /* [sessions] of all its workers together; NODE_GUEST_SLOTS_ALL: any */
    enum err refusal; /* of one too many: ERR_NO_CREDIT, or ERR_DENIED if nothing is agreed */
    /* Bit n: sessions of the service that node_guest_services has in place n may come; other
     * services may not, unless it is NODE_GUEST_SERVICES_ALL. Classes of priority are a service's,
     * so they are in it, too. */
    uint32_t services;
    uint32_t hot;  /* standbys that each of its workers may send for; NODE_GUEST_HOT_ALL: any */
    uint32_t kept; /* [sessions] of `slots` that nobody else gets */
};

#define NODE_PRIORITY_LEAST 7 /* of a service that is not named, where others are */

/* The services that the limits of the same answer speak of, and how urgent their sessions are. */
struct node_guest_services {
    struct name names[NODE_GUEST_SERVICES_MAX];
    uint32_t priorities[NODE_GUEST_SERVICES_MAX]; /* class: 0 the most urgent, to 7 */
    uint32_t count;
};

#endif
