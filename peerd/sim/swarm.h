/*
 * The swarm: a scenario that the seed draws, options and all.
 *
 * First a time of faults: kills and restarts, stops, drains, cuts, worse links, one after another
 * and on top of one another. Then everything is healed, and the overlay must be whole again. It is
 * written in the ordinary format, so that a run that found something can be kept and cut down.
 */
#ifndef PEERD_SIM_SWARM_H
#define PEERD_SIM_SWARM_H

#include <stddef.h>
#include <stdint.h>

#define SWARM_TEXT_MAX        16384 /* [bytes] */
#define SWARM_VANISH_PERMILLE 150   /* [‰] of its listeners go without a word */

/* Writes the scenario of a seed into `out`; returns its length. */
size_t swarm_draw(uint64_t seed, char out[SWARM_TEXT_MAX]);

#endif
