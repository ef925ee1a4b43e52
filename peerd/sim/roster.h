/*
 * The roster: all sessions of a simulated machine, as peerd is told of them.
 *
 * A request carries what changed since the last one that was answered, or everything; figures that
 * move all the time are worth a line every two seconds only.
 */
#ifndef PEERD_SIM_ROSTER_H
#define PEERD_SIM_ROSTER_H

#include "peerd/sim/shelf.h"

/* A place: a worker of the node, by its number, and its slot. */
uint32_t sim_roster_place(uint32_t worker, uint32_t slot);
struct sim_entry *sim_roster_at(const struct sim_roster *r, uint32_t place);

/* A look at it (sim_shelf_look); NULL if there is no session. */
const struct sim_entry *sim_roster_look(const struct sim_roster *r, uint32_t place,
                                        struct sim_slot *room);

/* A worker has so many slots from now on, on its shelf. Empty, a roster is all zero. */
void sim_roster_room(struct sim_roster *r, uint32_t worker, struct sim_shelf *shelf,
                     uint32_t slots);
void sim_roster_free(struct sim_roster *r);

/* Everything is forgotten: another run. */
void sim_roster_clear(struct sim_roster *r);

/* A snapshot of the session in this place, or its end. */
void sim_roster_changed(const struct sim *sim, struct sim_roster *r, uint32_t place,
                        uint32_t client, const struct sim_told *told);
void sim_roster_ended(const struct sim *sim, struct sim_roster *r, uint32_t place);

/* Fills sessions, ended ones and digest of request `seq`; the arrays become the request's. */
void sim_roster_fill(const struct sim *sim, struct sim_roster *r, struct node_request *request,
                     uint64_t seq, bool full);

void sim_roster_acknowledged(struct sim_roster *r, uint64_t seq);

#endif
