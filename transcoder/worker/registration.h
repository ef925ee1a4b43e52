/*
 * Registration: telling peerd what this machine has and does, and hearing what it should do.
 *
 * POST /v1/node over TLS pinned both ways, one request at a time, the next one poll_ms after the
 * last. Whatever peerd said stays in force while it is silent: catalogue, issuers, credit until its
 * lease is over. An answer is taken as a whole or, if it is damaged, not at all.
 */
#ifndef TRANSCODER_WORKER_REGISTRATION_H
#define TRANSCODER_WORKER_REGISTRATION_H

#include "peerd/net/identity.h"
#include "peerd/net/log.h"
#include "peerd/net/loop.h"
#include "peerd/wire/node.h"

#define REGISTRATION_KEYS_MAX 2 /* of a peerd: now and next */

#define REGISTRATION_POLL_MS 100 /* [ms] until peerd says otherwise */

/* [ms] to wait for an answer: twice what peerd itself would call silence, so that a lost packet
 * (TCP repeats after 200 ms) is not a lost request; a full report of thousands takes longer. */
#define REGISTRATION_WAIT_MS      1000
#define REGISTRATION_WAIT_MS_FULL 5000

struct registration;

struct registration_options {
    struct net_loop *loop;
    struct net_log *log;
    const char *peerd;                                   /* "host:port"; borrowed */
    struct public_key peerd_keys[REGISTRATION_KEYS_MAX]; /* any of them is peerd */
    size_t peerd_key_count;                              /* at least 1 */
    const struct net_identity *identity;                 /* of this node; borrowed */
    struct name node;
    /* Fills everything but node, boot, seq, seen and order_seen; arrays stay the callee's until the
     * next call. False to skip this turn. */
    bool (*describe)(void *data, struct node_request *request, bool full);
    /* A valid answer to the newest request; borrowed. */
    void (*answered)(void *data, const struct node_answer *answer);
    /* Another supervisor has our name and key and was here first: this one is not wanted. Said
     * again with each refusal; asking goes on, rarely, in case that the other one goes. */
    void (*unwanted)(void *data);
    /* Nobody listens where peerd was: it is gone, not late. Said again with each request. */
    void (*gone)(void *data);
    void *data;
};

struct registration *registration_new(const struct registration_options *options);

/* The last answer's arrival; the earliest instant if there was none. */
struct instant registration_heard(const struct registration *r);

/* Orders up to this id have been handed on and need not be repeated. */
void registration_orders_seen(struct registration *r, uint64_t id);
uint64_t registration_order_seen(const struct registration *r);

#endif
