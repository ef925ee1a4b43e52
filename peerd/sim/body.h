/*
 * Bodies: what datagrams of the simulated network carry, from the sender to whoever takes them.
 *
 * Thousands are in the air at any time, and each lives for some milliseconds. So a body that is
 * given back is the first to be handed out again, while it is still near the processor. Where
 * somebody looks for memory used after it was freed (AddressSanitizer) they come from malloc.
 */
#ifndef PEERD_SIM_BODY_H
#define PEERD_SIM_BODY_H

#include <stddef.h>

#define SIM_BODY_BYTES_MAX 2048
#define SIM_BODY_GRAIN     64 /* [bytes] sizes are rounded up to so many */

struct sim_body;

struct sim_bodies {
    struct sim_body *free[SIM_BODY_BYTES_MAX / SIM_BODY_GRAIN]; /* by size, newest first */
    struct sim_body *blocks;                                    /* all that was allocated */
    size_t left;                                                /* [bytes] of the newest block */
};

/* Not cleared; `size` is at most SIM_BODY_BYTES_MAX. Aborts when memory is short. */
void *sim_body_make(struct sim_bodies *b, size_t size);

/* Accepts NULL. */
void sim_body_free(struct sim_bodies *b, void *body);

/* All of them, given back or not. */
void sim_bodies_free(struct sim_bodies *b);

#endif
