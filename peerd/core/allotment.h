/*
 * Allotments: how many sessions of each peer's tickets a node may have, so that its workers refuse
 * at the door whoever is more than was agreed; and how many slots a node keeps for each peer, so
 * that they refuse everybody else once no more are left than those.
 *
 * What is held for a peer (agreements.h) is divided among the nodes that are registered: each may
 * have those that it has, and its part of the rest by its number of workers, anew with every poll.
 * What a node may believe to have is its *promise*, as with credit (credit.h): the largest
 * allotment that is not yet replaced by an acknowledged one. None is given more than is held less
 * what the others were promised, so all together never admit more, whatever is lost on the way. Two
 * things are forgiven, as they pass by themselves: a node that is lost sight of goes by what it was
 * told last while its slots are given to others, and of nodes not heard since we started each may
 * have its part. The node's report shows who is too many (report.h).
 *
 * Peers with whom nothing has to be agreed are not bounded. What the policy sets aside for them
 * (`reserved_slots`) is kept: each registered node keeps its part by its number of workers,
 * whatever has come where. It is what a peer may be sure of, as far as its sessions come to the
 * nodes in that proportion: the rest find what is kept for nobody, as everybody does.
 */
#ifndef PEERD_CORE_ALLOTMENT_H
#define PEERD_CORE_ALLOTMENT_H

#include "peerd/wire/node.h"

struct core;
struct policy;
struct node;
struct peering;

struct allotment {
    struct name issuer;
    uint32_t here;        /* [sessions] at the node, as it said last */
    uint64_t refused;     /* by its workers, as it said last … */
    uint64_t denied;      /* … and of services that are not in the terms */
    uint32_t granted;     /* [sessions] in the newest answer … */
    uint32_t kept;        /* … and of these such as nobody else gets: all or none */
    uint64_t granted_seq; /* request in whose answer that figure first stood */
    uint32_t promised;    /* it may believe in up to this many */
};

struct allotments {
    struct allotment *rows; /* owned */
    uint32_t count;
};

/* The node tells how many are there, and how many it has refused: that is shown. */
void allotments_heard(struct core *core, struct node *n, const struct node_request *r);

/* Allots anew, in the answer to request `seq`. Into `out`, of NODE_GUESTS_MAX; returns how many. */
uint32_t allotments_grant(struct core *core, struct node *n, uint64_t seq,
                          struct node_guest_limit *out);

/* [sessions] that the node keeps for peers and that are not there, by its newest answer and word;
 * those for `but`, if that is not NULL, are not counted. */
uint32_t allotments_kept_unused(const struct core *core, const struct node *n,
                                const struct peering *but);

/* The services that those limits speak of: all of the policy, in its order. */
struct node_guest_services allotments_services(const struct policy *policy);

/* It is another run of the node, or the node is gone. */
void allotments_forget(struct node *n);

void allotments_check_invariants(const struct core *core);

#endif
