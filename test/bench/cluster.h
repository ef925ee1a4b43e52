/*
 * A cluster as its core sees it, in virtual time: PEERS peers that beat and are beaten, and one
 * node that holds sessions and polls. Everything around the core is as small as it can be, so that
 * what is measured is the core.
 */
#ifndef TEST_BENCH_CLUSTER_H
#define TEST_BENCH_CLUSTER_H

#include "peerd/core/core.h"
#include "peerd/core/status.h"
#include "peerd/wire/echo.h"

#define CLUSTER_PEERS       20
#define CLUSTER_SESSIONS    1000
#define CLUSTER_INTERVAL_MS 100 /* between beats, each way */
#define CLUSTER_CHANGED     100 /* sessions in each poll whose figures have moved on */
#define CLUSTER_OPENS_MAX   20000

struct cluster {
    struct policy policy;
    struct core *core;
    struct core_outbox outbox;
    struct instant now;
    uint64_t steps;
    struct echo echo[CLUSTER_PEERS]; /* the peers' side */
    struct beat_view views[CLUSTER_PEERS];
    struct key_hint hints[CLUSTER_PEERS];
    struct node_request report;
    struct node_session sessions[CLUSTER_SESSIONS];
    uint32_t turn;    /* which part of the sessions the next poll tells */
    uint32_t answers; /* opens that were granted */
};

/* A core that has heard its peers and its node; NULL never, the process ends if it is not well. */
struct cluster *cluster_new(void);
void cluster_free(struct cluster *c);

/* So many intervals pass: each peer beats once in each, and the node polls once. */
void cluster_intervals(struct cluster *c, uint32_t count);

/* One beat from each peer in turn, `count` in all, nothing else. */
void cluster_beats(struct cluster *c, uint32_t count);

/* The node tells all its sessions, so often. */
void cluster_full_reports(struct cluster *c, uint32_t count);

/* Clients open sessions; at most CLUSTER_OPENS_MAX in the life of a cluster. */
void cluster_opens(struct cluster *c, uint32_t count);

/* Ends the process unless all peers are alive and all sessions are known. */
void cluster_check(const struct cluster *c);

/* A node's request that tells all sessions; borrowed until the next call. */
const struct node_request *cluster_full_report(struct cluster *c);

#endif
