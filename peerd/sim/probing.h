/*
 * Probing: the prober of a listener whose cluster wants to know how far away others are.
 *
 * Only where it is followed how listeners fare, and there nobody sleeps: what sleeps has no prober.
 */
#ifndef PEERD_SIM_PROBING_H
#define PEERD_SIM_PROBING_H

#include "peerd/sim/world.h"
#include "transcoder/timeline/naming.h"
#include "transcoder/timeline/prober.h"

struct sim_probing {
    struct prober prober;
    bool asked;              /* it has sent a packet … */
    struct instant asked_at; /* … the newest then, by its clock: for the invariant */
    /* What a worker has to remember of it, here since most listeners have none. */
    struct naming naming;
    uint32_t worker; /* whose that is … */
    uint64_t run;    /* … and of which run: another one begins anew */
};

/* NULL if the answer asks for nothing. */
struct sim_probing *sim_probing_new(struct sim *sim, const struct sim_client *client,
                                    const struct core_answer_open *answer);

/* After a step of its witness that left it open. */
void sim_probing_step(struct sim *sim, struct sim_client *client, struct sim_probing *probing);

/* What is for the prober: an echo, or others that whoever serves has named. */
void sim_probing_heard(struct sim *sim, struct sim_client *client, struct sim_probing *probing,
                       const struct addr *from, const struct message *message);

/* A worker has taken round trips of a client that it serves, in a message of that nonce. True: its
 * node is to ask whom to name. */
bool sim_probing_told(struct sim *sim, const struct sim_worker *worker, uint32_t client,
                      uint64_t nonce);

/* peerd names some to the client of a session that the worker has. */
void sim_probing_names(struct sim *sim, struct sim_worker *worker, const struct node_named *named);

#endif
