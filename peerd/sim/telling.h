/*
 * Telling: other backups for a listener, at its simulated worker (transcoder/timeline/telling.h).
 */
#ifndef PEERD_SIM_TELLING_H
#define PEERD_SIM_TELLING_H

#include "peerd/sim/world.h"

/* peerd orders it, of a session that the worker has. Whoever sleeps is woken: it is going to hear
 * something. */
void sim_telling_ordered(struct sim *sim, struct sim_worker *worker, const struct node_named *list);

/* The worker has acknowledged a report of the session in that slot, which carried the nonce. */
void sim_telling_reported(struct sim *sim, struct sim_worker *worker, uint32_t slot,
                          const struct message_report *report, uint64_t nonce);

#endif
