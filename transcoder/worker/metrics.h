/*
 * Metrics: what a node is doing, for Prometheus (text exposition format 0.0.4), on a plain HTTP
 * door of its own (--metrics IP:PORT) that knows nothing but GET /metrics.
 *
 * The supervisor answers from what its workers last said: asking costs them nothing. Whoever
 * reaches the door may read it: bind it where only Prometheus does. It names no client and no
 * source.
 */
#ifndef TRANSCODER_WORKER_METRICS_H
#define TRANSCODER_WORKER_METRICS_H

#include "peerd/net/log.h"
#include "peerd/net/loop.h"
#include "peerd/wire/node.h"
#include "transcoder/worker/link.h"
#include "transcoder/worker/starts.h"

struct metrics;

/* What there is to tell just now; arrays are the teller's and hold during the call. */
struct metrics_facts {
    const struct node_worker *workers;
    uint32_t worker_count;
    const struct starts_row *starts;
    uint32_t starts_count;
    struct name self;                        /* the cluster that it belongs to */
    const struct link_streams *streams;      /* NULL: none are served */
    const struct link_rendition_cost *costs; /* of their renditions */
    size_t cost_count;
    uint32_t standbys;        /* sessions here that are served elsewhere */
    uint32_t credit_slots;    /* leased by peerd */
    struct duration credit;   /* left of that lease; zero: it is over; endless: without a peerd */
    struct duration unheard;  /* since peerd's last answer; endless: none yet, or without a peerd */
    uint32_t sources, broken; /* in the catalogue; of them those that cannot be read */
    bool draining;
};

typedef void (*metrics_tell_fn)(void *data, struct metrics_facts *out);

/* Opens the door for as long as the process lives. NULL, with the reason in the log, if it cannot
 * be had: media does not wait for that. */
struct metrics *metrics_open(struct net_loop *loop, struct net_log *log, const struct addr *bind_to,
                             metrics_tell_fn tell, void *data);

/* The page, from malloc; NULL if memory is short. */
char *metrics_render(const struct metrics_facts *facts);

#endif
