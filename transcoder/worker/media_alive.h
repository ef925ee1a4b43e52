/*
 * Media-alive: while peerd is silent, the machine itself tells the backups that media still flows.
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
#define MEDIA_ALIVE_SILENT_MS   200 /* [ms] of silence before the first, … */
#define MEDIA_ALIVE_POLLS       2   /* … where polls are rarer so many of them */

struct media_alive;

/* NULL if memory is short or no socket can be had. */
struct media_alive *media_alive_new(struct net_loop *loop, struct net_log *log);

/* Peerd has answered: whom to tell if it falls silent, and for whom (its key); it will be asked
 * again after `poll`. Ends the beating. */
void media_alive_peerd_heard(struct media_alive *m, struct duration poll,
                             const struct public_key *cluster,
                             const struct node_media_alive *backups, size_t count);

/* How many sessions are served; call it when convenient, beats say the newest. */
void media_alive_sessions(struct media_alive *m, uint32_t sessions);

#endif
