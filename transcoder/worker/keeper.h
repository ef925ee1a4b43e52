/*
 * The keeper of the front, in the supervisor: starts its process, tells it the catalogue, and
 * starts another one when it is gone.
 */
#ifndef TRANSCODER_WORKER_KEEPER_H
#define TRANSCODER_WORKER_KEEPER_H

#include "peerd/net/log.h"
#include "transcoder/worker/link.h"
#include "transcoder/worker/options.h"

#define KEEPER_AGAIN_MS 500 /* [ms] at least between two starts */

struct keeper;

/* `started`: it speaks, and is to be told everything. NULL: memory is short. */
struct keeper *keeper_new(struct net_loop *loop, struct net_log *log, const struct options *options,
                          void (*started)(void *data), void *data);

/* Accepts NULL; does nothing while there is no front, which is told everything when it starts. */
void keeper_send(struct keeper *k, enum link_kind kind, const void *body);

/* What the front has said last; NULL: there is none, or it has said nothing yet. Accepts NULL. */
const struct link_streams *keeper_streams(const struct keeper *k);

/* What it says of its streams, for peerd: borrowed until it speaks again. */
struct node_making keeper_making(const struct keeper *k);

/* What its renditions cost, likewise; NULL and 0: nothing is known. */
const struct link_rendition_cost *keeper_costs(const struct keeper *k, size_t *count);

/* SIGKILL, for the end. Accepts NULL. */
void keeper_kill(const struct keeper *k);

#endif
