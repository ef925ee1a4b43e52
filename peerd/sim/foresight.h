/*
 * Foresight: what the next events are going to touch is fetched before their turn.
 *
 * A million listeners and a thousand clusters fit in no cache. An event jumps to a machine of which
 * nothing is near the processor, follows a few pointers from there, and waits for memory each time:
 * ten waits of 0.1 to 0.4 us, and little else. But it is known who is next (queue.h), so the first
 * steps of these ways are gone a few events ahead, without waiting: what has come with one step
 * says where the next leads. It changes no result. With the crowd of test/scenario/scale, and
 * pages.h, it takes a quarter of the time away.
 */
#ifndef PEERD_SIM_FORESIGHT_H
#define PEERD_SIM_FORESIGHT_H

#include "peerd/sim/world.h"

/* Whether to look ahead at all: what fits in a cache is there already, and a fifth of a small run
 * would be spent on looks. Under every eighth seed it is done all the same, to show that it changes
 * nothing. */
bool sim_foresight_pays(const struct sim *sim);

/* After an event was taken: looks at those who follow. */
void sim_foresee_events(const struct sim *sim);

/* After a machine was found due: likewise. */
void sim_foresee_machines(const struct sim *sim);

#endif
