/*
 * A machine: the supervisor of its workers, which registers with its cluster's peerd, beats in its
 * place when it is silent, and replaces workers that die or hang.
 */
#ifndef PEERD_SIM_NODE_H
#define PEERD_SIM_NODE_H

#include "peerd/sim/world.h"

void sim_node_init(struct sim *sim, uint32_t index);
void sim_node_free(struct sim *sim, struct sim_node *node);

/* SIGKILL takes the workers along; a start brings them back, with nothing in them. */
void sim_node_start(struct sim *sim, struct sim_node *node);
void sim_node_kill(struct sim *sim, struct sim_node *node);
void sim_node_stop(struct sim *sim, struct sim_node *node);
void sim_node_continue(struct sim *sim, struct sim_node *node);

/* A worker tells what it has. */
void sim_node_session_changed(struct sim *sim, struct sim_worker *worker, uint32_t slot);
void sim_node_session_ended(struct sim *sim, struct sim_worker *worker, uint32_t slot);

/* A worker has died: it is started again, and handed what the one before had. */
void sim_node_worker_died(struct sim *sim, struct sim_worker *worker);
void sim_node_worker_ready(struct sim *sim, struct sim_worker *worker);

/* What it knows a cluster by: its index in the policy, UINT32_MAX if it is not there; with
 * discovery, where peerd's peers come and go, the cluster itself. */
uint32_t sim_node_peer(const struct sim *sim, const struct sim_node *node, uint32_t cluster);

/* Its echo towards a peer, by that index. */
struct echo *sim_node_echo(struct sim_node *node, uint32_t peer);

/* Place of a worker's slot in the roster. */
uint32_t sim_node_place(const struct sim_worker *worker, uint32_t slot);

/* [sessions] of that issuer, at each worker as well. Only where something has to be agreed. */
uint32_t sim_node_guests(struct sim *sim, const struct sim_node *node, const struct name *issuer,
                         uint32_t *here);

/* peerd has said how many of each peer's sessions may come. Likewise. */
void sim_node_allot(struct sim *sim, struct sim_node *node, const struct node_answer *a);

/* What peerd has said last, passed on to one worker: credit, and whose sessions are bounded. */
void sim_node_lease_credit(struct sim *sim, const struct sim_node *node, struct sim_worker *worker);
void sim_node_set_draining(struct sim *sim, struct sim_worker *worker, bool draining);

void sim_node_started(struct sim *sim, const struct sim_event *e);

/* ---- adoption.c: the sessions of the process before ---- */

void sim_adopt_all(struct sim *sim, struct sim_node *node, struct sim_worker *worker);

/* ---- registration.c: what comes in; each takes over the event's body ---- */

void sim_node_poll_due(struct sim *sim, const struct sim_event *e);
void sim_node_poll_answered(struct sim *sim, const struct sim_event *e);
void sim_node_poll_failed(struct sim *sim, const struct sim_event *e);
void sim_node_poll_refused(struct sim *sim, const struct sim_event *e);

/* ---- media_alive.c ---- */

void sim_node_tick(struct sim *sim, const struct sim_event *e);
void sim_node_peerd_gone(struct sim *sim, struct sim_node *node);
void sim_node_beat_received(struct sim *sim, const struct sim_event *e);

#endif
