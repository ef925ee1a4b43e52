/*
 * Keys that take the place of others. Who may have which key is for those to see who open seals and
 * verify signatures; here it changes by what name others call a cluster (its hint), and nothing
 * else: its run, its numbers and what is believed of it stay, so that no beat is missed for it.
 */
#ifndef PEERD_CORE_REKEY_H
#define PEERD_CORE_REKEY_H

#include "peerd/wire/keys.h"

struct core;
struct peering;

/* CORE_REKEYED. */
void rekey_self(struct core *core, const struct public_key *key);

/* CORE_PEER_REKEYED. Clients and other clusters may go on calling it by its former key's hint. */
void rekey_peer(struct core *core, struct peering *p, const struct public_key *key);

/* True if the hint is that of our key, or of the one before. */
bool rekey_is_self(const struct core *core, const struct key_hint *hint);

#endif
