/*
 * The roster: all sessions of this machine as peerd is told of them.
 *
 * Workers say what changed; the roster keeps the newest snapshot of each session, what peerd has
 * acknowledged of it, and a digest of the whole. A request carries what changed since the last
 * answer, so a lost request loses nothing. Figures that move all the time (last frame) are worth a
 * line every ROSTER_FIGURES_MS only, of those who came off a bad path, and of those who have just
 * lost frames and might lose none now, ROSTER_WATCHED_MS; that frames are lost, repaired or not, is
 * news: who judges by it whether a path is bad should not wait. A snapshot is also what a
 * replacement worker needs to go on with the session.
 */
#ifndef TRANSCODER_WORKER_ROSTER_H
#define TRANSCODER_WORKER_ROSTER_H

#include "transcoder/worker/link.h"

#define ROSTER_FIGURES_MS 2000 /* [ms] between two reports of a session that only goes on … */
#define ROSTER_WATCHED_MS 1000 /* [ms] … and whose path is, or was, bad: is it better now? */

struct roster;

struct roster *roster_new(void);
void roster_free(struct roster *r);

/* From a worker. When the roster is at NODE_SESSIONS_MAX the session is not kept (it is served all
 * the same); false then. */
bool roster_session_changed(struct roster *r, const struct link_session *s);
void roster_session_ended(struct roster *r, const struct session_id *id, uint32_t worker);

/* The worker and all its sessions are gone for good. */
void roster_worker_lost(struct roster *r, uint32_t worker);

/* Calls `each` with every session of a worker that is to be adopted by its replacement. */
void roster_each(const struct roster *r, uint32_t worker,
                 void (*each)(void *data, const struct link_session *s), void *data);

/* Worker that has the session; UINT32_MAX if nobody. */
uint32_t roster_worker_of(const struct roster *r, const struct session_id *id);

/* Sessions of that issuer, at each of the first `count` workers; returns how many in all. */
uint32_t roster_guests(const struct roster *r, const struct name *issuer, uint32_t *here,
                       uint32_t count);

/* Fills the session part of request `seq`: what changed since `seen`, or everything. The arrays
 * are the roster's until the next call. False if memory is short. */
bool roster_fill(struct roster *r, struct node_request *request, uint64_t seq, bool full,
                 struct instant now);

/* peerd has answered request `seq`. */
void roster_acknowledged(struct roster *r, uint64_t seq);

size_t roster_count(const struct roster *r);

/* Sessions served under an epoch, for beats. */
uint32_t roster_committed(const struct roster *r);

#endif
