/*
 * The timeline: what the scenario lets happen.
 */
#ifndef PEERD_SIM_TIMELINE_H
#define PEERD_SIM_TIMELINE_H

#include "peerd/sim/world.h"

/* Puts every entry of the scenario into the queue, at its instant. */
void sim_timeline_init(struct sim *sim, struct rng *rng);

/* One entry is due. */
void sim_timeline_entry(struct sim *sim, const struct sim_event *e);

#endif
