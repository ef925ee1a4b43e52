/*
 * A resolver: the name server that the peerd of one site asks, a real knotd at the site's own
 * address.
 *
 * It answers for SCENARIO_DOMAIN out of a zone of its own: a TXT record for each cluster (name, key
 * and where its SRV records are), SRV records and an address. It belongs to the site's user and
 * stands where the site stands, so that it is cut off with it; but whoever kills the site leaves
 * it. What a scenario wants of it is made real: it is killed, stopped (SIGSTOP), or gets another
 * zone (SIGHUP).
 */
#ifndef TEST_LIVE_RESOLVER_H
#define TEST_LIVE_RESOLVER_H

#include "test/live/site.h"

#define RESOLVER_PROGRAM "knotd"
#define RESOLVER_PACKAGE "knot"

struct resolver {
    const struct scenario *scenario;
    const struct site *sites; /* all of them, … */
    uint32_t index;           /* … of which this is its own */
    char dir[SITE_PATH_MAX + 8];
    struct public_key liars[SPACE_SITES_MAX]; /* what it calls the clusters' keys when it lies */
    enum scenario_resolver does;              /* what it is to do */
    uint32_t serial;                          /* of its zone */
    pid_t pid;                                /* 0 while it does not run */
    struct lines *log;
    bool doomed;  /* its end, when it comes, was wanted */
    bool loaded;  /* it has its zone, since it was started … */
    bool started; /* … and has begun to answer */
    bool stale;   /* its zone has changed since it was read */
};

/* Where knotd is; NULL: nowhere. */
const char *resolver_program(void);

/* Folder, keys of nobody, configuration, zone. Once all sites have keys. False with errno set. */
bool resolver_make(struct resolver *x, const struct scenario *scenario, const struct site *sites,
                   uint32_t index);

/* Starts it. False if that cannot be. */
bool resolver_start(struct resolver *x);

/* True once it answers. */
bool resolver_answers(const struct resolver *x);

/* From now on it does this. False if it had to be started and cannot be. */
bool resolver_do(struct resolver *x, enum scenario_resolver does);

/* What that is, for people: "dies (SIGKILL)". */
const char *resolver_deed(enum scenario_resolver does);

/* Takes note of its end. True if nobody wanted that. */
bool resolver_reap(struct resolver *x);

void resolver_close(struct resolver *x);

#endif
