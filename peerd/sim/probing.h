/*
 * Probing: the prober of a listener whose cluster wants to know how far away others are.
 *
 * Only where it is followed how listeners fare, and there nobody sleeps: what sleeps has no prober.
 */
#ifndef PEERD_SIM_PROBING_H
#define PEERD_SIM_PROBING_H

#include "peerd/sim/world.h"
#include "transcoder/timeline/prober.h"

struct sim_probing {
    struct prober prober;
    bool asked;              /* it has sent a packet … */
    struct instant asked_at; /* … the newest then, by its clock: for the invariant */
};

/* NULL if the answer asks for nothing. */
struct sim_probing *sim_probing_new(struct sim *sim, const struct sim_client *client,
                                    const struct core_answer_open *answer);

/* After a step of its witness that left it open. */
void sim_probing_step(struct sim *sim, struct sim_client *client, struct sim_probing *probing);

/* From a worker that is no server of its session. */
void sim_probing_echoed(struct sim *sim, const struct sim_client *client,
                        struct sim_probing *probing, const struct addr *from,
                        const struct message *message);

#endif
