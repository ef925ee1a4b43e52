/*
 * Acquaintances: the descriptions of clusters that we have met, as they signed them, for whoever
 * asks us to introduce them (peerd/wire/introductions.h).
 *
 * Those of our peers stand with them; here are those of the others that discovery knows and that a
 * rule accepts, one each at most, and no longer than ACQUAINTANCE_LEN_MAX: 4 MiB in all.
 */
#ifndef PEERD_IO_ACQUAINTANCES_H
#define PEERD_IO_ACQUAINTANCES_H

#include "peerd/wire/description.h"
#include "topo/find.h"

#define ACQUAINTANCE_LEN_MAX 4096 /* [bytes] mostly it is one to two thousand */

struct daemon;

struct acquaintances {
    char *envelopes[FIND_CLUSTERS_MAX]; /* owned; of the cluster in that place of the table … */
    struct find_key keys[FIND_CLUSTERS_MAX]; /* … while this is its key */
    struct instant asked[FIND_CLUSTERS_MAX]; /* it asked what we are like, newest … */
    struct instant wants[FIND_CLUSTERS_MAX]; /* … and so soon after another time as a peer does */
};

void acquaintances_init(struct acquaintances *a);

void acquaintances_free(struct acquaintances *a);

/* Of a cluster that has just been met. One that does not want to be introduced is not kept. */
void acquaintances_keep(struct acquaintances *a, const struct find *f, const struct find_key *key,
                        const struct description *d, const char *envelope, size_t len);

/* It asks for our description. Those to whom we are a peer do so every few seconds. */
void acquaintances_asked(struct acquaintances *a, const struct find *f, const struct find_key *key,
                         struct instant now);

/* Those who do, and are no peers of ours. */
void acquaintances_wanting(const struct acquaintances *a, const struct find *f, struct instant now,
                           struct find_clients *out);

/* What we tell `asker` (a peer, by number) of those whose keys follow `after`: JSON from malloc,
 * NULL if memory is short. `a` and `f` may be NULL: then our peers are all whom we know. */
char *acquaintances_page(const struct daemon *d, const struct acquaintances *a,
                         const struct find *f, uint32_t asker, const struct public_key *after,
                         size_t *len);

#endif
