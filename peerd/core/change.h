/*
 * A change of policy: what still makes sense is kept.
 *
 * A peer or node is the same one if its name and key are; then all that was learnt of it stays.
 * Sessions stay with their nodes. Views, which go by index, are learnt anew with the next beats.
 * The cluster's own name never changes at run time: that takes a restart.
 */
#ifndef PEERD_CORE_CHANGE_H
#define PEERD_CORE_CHANGE_H

#include "peerd/policy/policy.h"

#include <stdbool.h>

struct core;

/* The first policy. False if memory is short. */
bool policy_take(struct core *core, const struct policy *policy);

/* CORE_POLICY_CHANGED. With memory short the old policy stays in force, and a line says so. */
void policy_change(struct core *core, const struct policy *policy);

#endif
