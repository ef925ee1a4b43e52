/*
 * Nap: what is kept of a listener's witness while it sleeps.
 *
 * A record of transcoder/timeline/witness_rest.h has some eight hundred bytes, and those of two
 * listeners that were served at the same place are alike, once instants count from when each fell
 * asleep. So a nap holds what it differs in from a pattern: that of the first who slept, of the
 * same group, at the same worker, and for each of its servers likewise. The generator of nonces is
 * kept as the number of draws since its seed. The record comes back byte for byte.
 */
#ifndef PEERD_SIM_NAP_H
#define PEERD_SIM_NAP_H

#include "peerd/base/chains.h"
#include "peerd/sim/world.h"

/* Room for any record. */
union sim_nap_room {
    struct witness_rest rest;
    uint8_t bytes[sizeof(struct witness_rest) +
                  WITNESS_SERVERS_MAX * sizeof(struct witness_rest_server)];
};

/* Replaces the client's nap; every server has its tag. */
void sim_nap_write(struct sim *sim, struct sim_client *client, const struct witness_rest *rest);

/* The record of one that sleeps; it lies in `room`. */
struct witness_rest *sim_nap_read(const struct sim *sim, const struct sim_client *client,
                                  union sim_nap_room *room);

void sim_naps_free(struct sim_naps *naps);

#endif
