/*
 * Between the files of find; nobody else's.
 */
#ifndef TOPO_FIND_PRIVATE_H
#define TOPO_FIND_PRIVATE_H

#include "topo/find.h"

bool find_is_revoked(const struct find_config *c, const struct find_key *key);

/* Ourselves or a peer of the policy with that key; NULL for none. */
const struct find_holder *find_holder_of_key(const struct find_config *c,
                                             const struct find_key *key);

/* A peer by the name of `c`, which has been described; NULL for none. */
struct find_cluster *find_namesake(struct find *f, const struct find_cluster *c);

/* Has `before` announced the key of `c` as its next one? */
bool find_succeeds(const struct find_cluster *c, const struct find_cluster *before);

/* Of a cluster that has been described; sets `rule` if it is to be accepted. */
enum find_refusal find_judge(struct find *f, const struct find_cluster *c, uint32_t *rule);

/* A place for one that a peer introduces, or that a domain names (NULL): free, or with one in it
 * who is to be forgotten first; NULL if there is none. */
struct find_cluster *find_room(struct find *f, const struct find_key *by);

/* Takes what was told of clients and peers. */
void find_clients_heard(struct find *f, const struct find_clients *told, struct instant now);

/* [µs] between the clients of location `l` (location_count: of ourselves) and a cluster that has
 * been described; 0: unknown. */
uint32_t find_way_us(const struct find *f, uint32_t l, const struct find_cluster *c);

/* Are there more whom rules accept than may be peers? */
bool find_has_choice(const struct find *f);

/* Who of them should be, by index; false if it would be those who are, or memory is short. */
bool find_choose(const struct find *f, struct instant now, bool chosen[FIND_CLUSTERS_MAX]);

#endif
