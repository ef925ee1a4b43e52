/*
 * The swarm: a scenario that the seed draws, options and all.
 *
 * Swarm testing (Groce et al. 2012): the seed first draws which kinds of fault and which options
 * there are at all, each with probability one half, and only then how often and how strong. Were
 * everything possible in every run, whatever hides another thing would hide it always: full tables
 * would hide what happens with room, constant loss what happens after silence.
 *
 * First a time of faults, one after another and on top of one another. Then everything is healed,
 * and the overlay must be whole again. It is written in the ordinary format, so that a run that
 * found something can be kept and cut down.
 */
#ifndef PEERD_SIM_SWARM_H
#define PEERD_SIM_SWARM_H

#include <stddef.h>
#include <stdint.h>

#define SWARM_TEXT_MAX 32768 /* [bytes] */

/* Writes the scenario of a seed into `out`, terminated; returns its length. */
size_t swarm_draw(uint64_t seed, char out[SWARM_TEXT_MAX]);

#endif
