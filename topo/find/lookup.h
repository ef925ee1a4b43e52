/*
 * Asks a domain which clusters it names: the TXT records of _peerd._udp.DOMAIN, by c-ares.
 */
#ifndef TOPO_FIND_LOOKUP_H
#define TOPO_FIND_LOOKUP_H

#include "peerd/net/dns.h"
#include "topo/find.h"

/* Valid during the callback only. With an error, or when none of the records can be read, there are
 * no claims. */
struct lookup_answer {
    enum err err;
    const char *detail; /* for people */
    const struct find_claim *claims;
    uint32_t count;
    uint32_t unreadable; /* records that say nothing of a cluster */
    struct duration ttl;
};

struct lookup;
typedef void (*lookup_done_fn)(void *data, const struct lookup_answer *answer);

/* NULL if memory is short. `done` comes once, never before this returns; then the lookup is gone.
 * `domain` is copied. */
struct lookup *lookup_start(struct net_dns *dns, const char *domain, lookup_done_fn done,
                            void *data);

/* `done` will not be called. Only before it was; NULL is fine. */
void lookup_cancel(struct lookup *lookup);

#endif
