/*
 * Names to addresses: SRV, A and AAAA lookups on the loop (c-ares), and the order of RFC 2782; TXT
 * records besides.
 *
 * c-ares doubles its timeout with each try: 400 ms × 3 tries make 0.4 + 0.8 + 1.6 = 2.8 s before a
 * name fails with one server, which is the default here. Truncated answers are asked for again over
 * TCP by c-ares itself. Results carry the smallest TTL seen; caching is the caller's decision.
 */
#ifndef PEERD_NET_DNS_H
#define PEERD_NET_DNS_H

#include "peerd/base/addr.h"
#include "peerd/base/err.h"
#include "peerd/base/rng.h"
#include "peerd/base/time.h"
#include "peerd/net/loop.h"

#include <stddef.h>
#include <stdint.h>

#define NET_DNS_NAME_LEN_MAX 255 /* [characters] RFC 1035 */
#define NET_DNS_RECORDS_MAX  32  /* SRV records used of an answer; the rest is left out */
#define NET_DNS_TARGETS_MAX  64  /* addresses a result; the rest is left out */
#define NET_DNS_TEXTS_MAX    256 /* TXT records used of an answer; the rest is left out */
#define NET_DNS_TEXT_LEN_MAX                                                                       \
    511 /* [bytes] of one, its strings joined; longer ones are left out                            \
         */

struct net_dns;
struct net_dns_query;

struct net_dns_target {
    struct addr addr;                    /* with the SRV record's port */
    uint16_t priority;                   /* lower is preferred; 0 for host lookups */
    uint16_t weight;                     /* share among equals; 0 for host lookups */
    uint16_t record;                     /* which SRV record: addresses of one host share it */
    char host[NET_DNS_NAME_LEN_MAX + 1]; /* its name, for TLS and for people */
};

/* Valid during the callback only. `err`: NOT_FOUND (no such name or record), TIMEOUT, UNREACHABLE,
 * IO; then there are no targets. A service whose target is "." is NOT_FOUND (RFC 2782). */
struct net_dns_result {
    enum err err;
    const char *detail;             /* for people */
    struct net_dns_target *targets; /* in the order of the answer; may be reordered in place */
    size_t count;
    struct duration ttl; /* smallest TTL of all records used; zero on failure and from /etc/hosts */
};

typedef void (*net_dns_done_fn)(void *data, const struct net_dns_result *result);

/* The same for TXT records. */
struct net_dns_texts {
    enum err err;
    const char *detail;                            /* for people */
    const char (*texts)[NET_DNS_TEXT_LEN_MAX + 1]; /* strings of one record joined (RFC 7208 3.3) */
    size_t count;
    struct duration ttl; /* smallest of the answer; zero on failure */
};

typedef void (*net_dns_texts_fn)(void *data, const struct net_dns_texts *result);

struct net_dns_options {
    const char *servers;     /* "127.0.0.1:5353,[::1]:53"; NULL: the system's */
    struct duration timeout; /* first try; 0: 400 ms */
    int tries;               /* 0: 3 */
};

/* `options` may be NULL. ERR_BAD_FIELD for a server list that does not parse. */
enum err net_dns_new(struct net_dns **out, struct net_loop *loop,
                     const struct net_dns_options *options);

/* Queries in flight end without their callback. Accepts NULL. Not from within a callback. */
void net_dns_free(struct net_dns *dns);

/* Looks up e.g. "_peerd._tcp.example.org" and then every target's A and AAAA records. `done` comes
 * once, never before this returns. NULL if memory is short. */
struct net_dns_query *net_dns_srv(struct net_dns *dns, const char *name, net_dns_done_fn done,
                                  void *data);

/* Looks up a host's A and AAAA records (also in /etc/hosts; an address in text form works too). */
struct net_dns_query *net_dns_host(struct net_dns *dns, const char *host, uint16_t port,
                                   net_dns_done_fn done, void *data);

/* Looks up where something is: "srv:NAME" for net_dns_srv, "host:port" for net_dns_host. NULL also
 * if the text has neither form. */
struct net_dns_query *net_dns_place(struct net_dns *dns, const char *place, net_dns_done_fn done,
                                    void *data);

/* Looks up a name's TXT records; those with a zero byte in them are left out. */
struct net_dns_query *net_dns_txt(struct net_dns *dns, const char *name, net_dns_texts_fn done,
                                  void *data);

/* `done` will not be called. Only before it was. */
void net_dns_cancel(struct net_dns_query *query);

/* Orders as RFC 2782 says: rising priority, weighted draw within one. Addresses of one record stay
 * together in their order. Pure: the draw comes from `rng`. */
void net_dns_order(struct net_dns_target *targets, size_t count, struct rng *rng);

#endif
