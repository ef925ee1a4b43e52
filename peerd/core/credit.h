/*
 * Credit: how many sessions a node's workers may hold without asking, leased.
 *
 * Capacity belongs to machines: each node of the policy has a fixed share of it, capacity divided
 * by the number of nodes, and its workers get an equal part each. A share is a *ceiling* on
 * sessions held (committed, hedging or standing by), so a lease that is granted twice, or whose
 * answer was lost, counts once. What a node may at most believe to have is its *promise*: the
 * largest ceiling not yet replaced by an acknowledged smaller one, until the lease runs out. A
 * grant is never more than the capacity less the promises to all others. So
 *      sessions held by workers <= ceilings they believe in <= promises <= capacity
 * whatever is lost, and also across a restart of peerd: then a node not yet heard counts with its
 * share, which is all that a former run can have granted it under this policy. Two shortcomings
 * are accepted: a node that is off takes its share with it, and a restart at the same instant as a
 * policy that shrinks shares can exceed the new capacity until nodes have polled once.
 */
#ifndef PEERD_CORE_CREDIT_H
#define PEERD_CORE_CREDIT_H

#include "peerd/base/time.h"

#include <stdbool.h>
#include <stdint.h>

struct core;
struct node;
struct node_request;

struct credit {
    uint32_t slots;       /* granted last, a worker */
    uint32_t granted;     /* granted last, all workers together */
    uint64_t granted_seq; /* request in whose answer that figure first stood */
    uint32_t promised;    /* it may believe in up to this many */
    struct instant until; /* … until then; "never" as long as it has not been heard */
};

/* A promise to a node that the policy no longer names. */
struct credit_orphan {
    uint32_t promised;
    struct instant until;
};

/* Capacity of the policy: all services together. */
uint32_t credit_capacity(const struct core *core);

/* What a node may hold under this policy. */
uint32_t credit_share(const struct core *core, const struct node *n);

/* What a node may believe to have at this instant. */
uint32_t credit_promised(const struct core *core, const struct node *n);

/* The node has answered: what it acknowledges is no longer in doubt. */
void credit_acknowledged(struct node *n, const struct node_request *report);

/* Grants anew, in the answer to request `seq`. */
void credit_grant(struct core *core, struct node *n, uint64_t seq);

/* The node leaves the policy; its promise does not leave with it. */
void credit_orphaned(struct core *core, const struct node *n);

void credit_check_invariants(const struct core *core);

#endif
