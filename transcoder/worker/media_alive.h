/*
 * Media-alive: while peerd is silent or gone, the machine itself tells the backups that media still
 * flows.
 *
 * Beats of kind 2, sealed with keys that peerd handed out while it lived, one a backup. A backup
 * that hears them knows a headless cluster from a dead one and moves nothing. They say nothing
 * while peerd speaks for itself, and nothing when no session is served here.
 */
#ifndef TRANSCODER_WORKER_MEDIA_ALIVE_H
#define TRANSCODER_WORKER_MEDIA_ALIVE_H

#include "peerd/net/log.h"
#include "peerd/net/loop.h"
#include "peerd/wire/node.h"

#define MEDIA_ALIVE_INTERVAL_MS 100 /* [ms] between beats: what peerd's own interval is */

struct media_alive;

/* NULL if memory is short or no socket can be had. */
struct media_alive *media_alive_new(struct net_loop *loop, struct net_log *log);

/* Peerd has answered: whom to tell if it falls silent, and for whom (its key); it will be asked
 * again after `poll`. Ends the beating. */
void media_alive_peerd_heard(struct media_alive *m, struct duration poll,
                             const struct public_key *cluster,
                             const struct node_media_alive *backups, size_t count);

/* Nobody listens where peerd was: no silence need be waited out (timeline/headless.h), and the
 * backups hear of it at once. */
void media_alive_peerd_gone(struct media_alive *m);

/* How many sessions are served; call it when convenient, beats say the newest. */
void media_alive_sessions(struct media_alive *m, uint32_t sessions);

#endif
