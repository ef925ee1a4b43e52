/*
 * What a node is told, as far as it follows from the core's answer and the policy: the same for a
 * real node and a simulated one. Keys, catalogue and whom to tell that media lives are the
 * caller's.
 */
#ifndef PEERD_CORE_BRIEFING_H
#define PEERD_CORE_BRIEFING_H

#include "peerd/core/core.h"
#include "peerd/wire/node.h"

/* Borrows the arrays of `a`: orders, guests, named and told. */
struct node_answer briefing_of(const struct core_answer_node *a, const struct policy *policy);

#endif
