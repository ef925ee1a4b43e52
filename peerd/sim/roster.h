/*
 * The roster: all sessions of a simulated machine, as peerd is told of them.
 *
 * A request carries what changed since the last one that was answered, or everything; figures that
 * move all the time are worth a line every two seconds only.
 */
#ifndef PEERD_SIM_ROSTER_H
#define PEERD_SIM_ROSTER_H

#include "peerd/sim/world.h"

/* `entry_count` places: each slot of each worker has its own. */
void sim_roster_init(struct sim_roster *r, uint32_t entry_count);
void sim_roster_free(struct sim_roster *r);

/* Everything is forgotten: another run. */
void sim_roster_clear(struct sim_roster *r);

/* A snapshot of the session in this place, or its end. */
void sim_roster_changed(struct sim_roster *r, uint32_t place, const struct node_session *session,
                        struct instant now);
void sim_roster_ended(struct sim_roster *r, uint32_t place);

/* Fills sessions, ended ones and digest of request `seq`; the arrays become the request's. */
void sim_roster_fill(struct sim_roster *r, struct node_request *request, uint64_t seq, bool full,
                     struct instant now);

void sim_roster_acknowledged(struct sim_roster *r, uint64_t seq);

/* Place of a session; UINT32_MAX if it is not here. */
uint32_t sim_roster_find(const struct sim_roster *r, const struct session_id *id);

#endif
