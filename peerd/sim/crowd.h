/*
 * The crowd: who comes and who goes because the scenario says so.
 */
#ifndef PEERD_SIM_CROWD_H
#define PEERD_SIM_CROWD_H

#include "peerd/sim/world.h"

/* All listeners, and when each opens its session, and closes it; instants are drawn from `rng`. */
void sim_crowd_init(struct sim *sim, struct rng *rng);

/* So many of a group that have not come yet, or of those that are there, in their order. */
void sim_crowd_arrive(struct sim *sim, const struct scenario_crowd *crowd);
void sim_crowd_leave(struct sim *sim, const struct scenario_crowd *crowd);

/* Somebody comes or goes now: a listener or a player. */
void sim_crowd_starts(struct sim *sim, const struct sim_event *e);
void sim_crowd_leaves(struct sim *sim, const struct sim_event *e);
void sim_crowd_vanishes(struct sim *sim, const struct sim_event *e);

/* The operator moves the session of one of them. */
void sim_crowd_move(struct sim *sim, const struct scenario_move *move);

#endif
