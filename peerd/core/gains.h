/*
 * Gains: the budget of moves that nobody needs and somebody gains by.
 *
 * Sessions leave a bad path as canaries and after them (canary.h), or a machine that makes frames
 * late (load.h), and go home (homing.h), because they fare better there. Each such move has been
 * weighed by itself; what no such weighing sees is that paths and peers change as fast as they are
 * measured, so that all go over and come back, each time for a good reason. So a cluster asks no
 * more than `moves_per_minute` to go for a gain: a bucket of as many tokens, which is full again
 * within a minute. Moves of a drain, what an operator wishes, and canaries that are sent back are
 * not counted, nor are clients that save themselves.
 *
 * Of a single session its client keeps count, since no cluster sees all its moves
 * (WITNESS_GAINS_MAX).
 */
#ifndef PEERD_CORE_GAINS_H
#define PEERD_CORE_GAINS_H

#include "peerd/base/time.h"

#include <stdbool.h>
#include <stdint.h>

struct core;

struct gains {
    int64_t level_us;  /* [µs × moves] one move is a minute of them */
    struct instant at; /* when that was so */
};

void gains_init(struct gains *g, uint32_t per_minute, struct instant now);

/* May one more be asked to go? */
bool gains_left(struct core *core);

/* One has been asked; there was one left. */
void gains_spend(struct core *core);

void gains_check_invariants(const struct core *core);

#endif
