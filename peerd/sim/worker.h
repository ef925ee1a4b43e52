/*
 * A worker: tenure, and a pace for each session that it sends.
 */
#ifndef PEERD_SIM_WORKER_H
#define PEERD_SIM_WORKER_H

#include "peerd/sim/world.h"

void sim_worker_init(struct sim *sim, uint32_t index, uint32_t slots_max);
void sim_worker_free(struct sim *sim, struct sim_worker *worker);

/* Ready after so long; then the node hands over settings, credit and sessions. */
void sim_worker_start(struct sim *sim, struct sim_worker *worker, struct duration after);
void sim_worker_kill(struct sim *sim, struct sim_worker *worker);
void sim_worker_stop(struct sim *sim, struct sim_worker *worker);
void sim_worker_continue(struct sim *sim, struct sim_worker *worker);

/* Takes over what the node was told by peerd. */
void sim_worker_brief(struct sim *sim, struct sim_worker *worker);

/* Steps tenure and carries out what it wants. `q` is NULL where no client has asked. */
void sim_worker_step(struct sim *sim, struct sim_worker *worker, const struct tenure_event *event,
                     const struct sim_question *q);

/* Who signed the client's ticket; NULL: the worker's own cluster. */
const struct name *sim_issuer(const struct sim *sim, const struct sim_worker *worker,
                              uint32_t client);

/* What its session is for. */
const struct name *sim_service(const struct sim *sim, uint32_t client);

/* And how urgent it is there. */
uint8_t sim_priority(const struct sim *sim, const struct sim_worker *worker, uint32_t client);

/* An order of peerd, as a tenure event. Lost on a worker that is not running. */
void sim_worker_order(struct sim *sim, struct sim_worker *worker, const struct tenure_event *event);

/* The listener of this session sleeps, or has been restored as of now: see sleep.h. */
void sim_worker_rest(struct sim *sim, struct sim_worker *worker, uint32_t slot);
void sim_worker_wake(struct sim *sim, struct sim_worker *worker, uint32_t slot);

/* Sends to a client. */
void sim_worker_send(struct sim *sim, const struct sim_worker *worker, uint32_t client,
                     const struct message *message);

/* What comes in. */
void sim_worker_started(struct sim *sim, const struct sim_event *e);
void sim_worker_due(struct sim *sim, struct sim_worker *worker);

/* From now on each frame takes so much of its CPU; zero: none worth counting. */
void sim_worker_slow(struct sim *sim, struct sim_worker *worker, struct duration frame);

/* [ms] how long its most overdue frame has waited. */
uint32_t sim_worker_late_ms(const struct sim *sim, const struct sim_worker *worker);

/* The cookie that a client gets at this instant. */
struct cookie sim_door_cookie(const struct sim_node *node, uint32_t client, struct instant now);

/* ---- door.c: takes over the event's body ---- */

void sim_door_received(struct sim *sim, const struct sim_event *e);

/* True if the policy trusts the issuer's tickets. Of those who were found the worker knows whom its
 * peerd named last, and goes on to when that is started again and knows nobody yet. */
bool sim_door_knows(const struct sim *sim, const struct sim_node *node, uint32_t issuer);

/* In a turn of reading (inbox.h): what came first of all that waits. */
void sim_door_read(struct sim *sim, struct sim_worker *w);

/* Frames that a client lacks go out again, as far as they may: bit i of `missing` is from + i. */
void sim_worker_resend(struct sim *sim, struct sim_worker *w, uint32_t slot, uint64_t from,
                       uint64_t missing);

#endif
