/*
 * Clients that lie about the cluster that serves them (`lies` of a group in a scenario).
 *
 * One that says it misses its server hears nothing of what that one sends, and does all else as an
 * honest one would: nobody can tell it from one that is cut off. One that says it hears its server
 * never asks another to hedge or to take over. Either may come to others without a ticket, or for a
 * session that is not its own.
 */
#ifndef PEERD_SIM_LIAR_H
#define PEERD_SIM_LIAR_H

#include "peerd/sim/world.h"

/* It is one, or will be. What is owed to listeners is not owed to it, and it never sleeps. */
bool sim_liar_is(const struct sim *sim, const struct sim_client *c);

/* It pretends not to hear this cluster now. */
bool sim_liar_ignores(const struct sim *sim, const struct sim_client *c, uint32_t cluster);

/* What it says in place of that; false: nothing. */
bool sim_liar_says(const struct sim *sim, const struct sim_client *c, struct message *m);

#endif
