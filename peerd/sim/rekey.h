/*
 * Other keys, under virtual time. Nothing is sealed here; who holds which key, and who knows it, is
 * kept as the daemon keeps it (peerd/io/keys.c), by number: a cluster's first key, its second, … In
 * a scenario in which somebody takes another key everybody announces the next one from its start
 * on.
 */
#ifndef PEERD_SIM_REKEY_H
#define PEERD_SIM_REKEY_H

#include "peerd/sim/world.h"

struct public_key sim_rekey_key(uint32_t cluster, uint32_t node, uint32_t number);

/* Makes what is kept of it, if the scenario has need of it. */
void sim_rekey_init(struct sim *sim, struct sim_site *site);

/* Its peerd starts: its policy names the keys that are in force. */
void sim_rekey_started(struct sim *sim, struct sim_site *site);

/* The site's policy is another one: the keys in force go into it. */
void sim_rekey_policy(struct sim *sim, struct sim_site *site);

/* It takes its next key; a dead peerd when it starts. */
void sim_rekey(struct sim *sim, struct sim_site *site);

/* By which keys a beat to a peer is sealed, for its event; and whether it opens there, which may
 * show the receiver that the sender has another key now. */
uint64_t sim_rekey_seal(const struct sim *sim, uint32_t from, uint32_t to);
bool sim_rekey_opens(struct sim *sim, struct sim_site *site, uint32_t peer, uint64_t seal);

/* What a description says of keys, and what is made of it. */
void sim_rekey_describe(const struct sim_site *site, struct description *d);
void sim_rekey_described(struct sim *sim, struct sim_site *site, uint32_t peer,
                         const struct description *d);

/* Is that its key, or the one before? */
bool sim_rekey_is_called(const struct sim_site *site, const struct key_hint *hint);

/* Is that a key by which a site knows a peer? The one before counts for whoever saw the change. */
bool sim_rekey_knows(const struct sim *sim, const struct sim_site *site, uint32_t peer,
                     const struct key_hint *hint);

/* How a client whose ticket was issued then knows a cluster [s since the Unix epoch]. */
struct key_hint sim_rekey_known_as(const struct sim_site *site, int64_t issued_s);

#endif
