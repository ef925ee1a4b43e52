/*
 * The crew: the worker processes of this machine, their sockets, and the power switch.
 *
 *            spawned                ready                  died, or switched off
 *   (none) ----------> STARTING ------------> RUNNING -------------------------+
 *             ^            | died                                              |
 *             |            v                                                   v
 *             +-------- WAITING <----------------------------------------------+
 *        at once, or after CREW_BACKOFF_MS when it died too often
 *
 * One process more than there are places is kept at hand (spare.h). It takes the place of one that
 * has died without having to be loaded first, which takes longer than a listener waits for a frame.
 *
 * The socket of a worker is bound once and outlives every process that uses it, so datagrams that
 * arrive meanwhile wait in it for the replacement. A worker is killed when it leaves a ping
 * unanswered, or has frames due and sends none, for as long as the stall limit; SIGKILL, because a
 * process that no longer turns its loop answers nothing gentler. A worker that merely waits for a
 * processor is spared: on an overloaded machine its replacement would fare no better, and starting
 * it costs more of what is scarce. If the supervisor itself was held up (a stopped machine, a
 * debugger) the measurement starts anew and nobody is blamed.
 */
#ifndef TRANSCODER_WORKER_CREW_H
#define TRANSCODER_WORKER_CREW_H

#include "peerd/net/log.h"
#include "transcoder/worker/hand.h"
#include "transcoder/worker/options.h"

#define CREW_PING_MS      100   /* [ms] between pings */
#define CREW_START_MS_MAX 20000 /* [ms] a new process has for its first word */
#define CREW_STARVED_MAX  10    /* [stall limits] after which even want of CPU is no excuse */
#define CREW_DEATHS_MAX   5     /* more of them within … */
#define CREW_DEATHS_MS    10000 /* [ms] … this time make the next start wait … */
#define CREW_BACKOFF_MS   1000  /* [ms] … so long */

struct crew;

/* All are called from the loop. */
struct crew_handlers {
    /* The process speaks: hand it configuration, credit, and what it is to adopt. `sound` is false
     * if its predecessor died soon after it began: then what it served may be what kills. */
    void (*started)(void *data, uint32_t worker, bool sound);
    void (*session_changed)(void *data, uint32_t worker, const struct link_session *s);
    void (*session_ended)(void *data, uint32_t worker, const struct link_ended *e);
    void (*refused)(void *data, const struct link_refused *r);
    void (*window)(void *data, uint32_t worker, const struct link_window *w);
    void (*trip_measured)(void *data, const struct node_trip *t);
    /* Its client may be named others to measure. */
    void (*asked)(void *data, const struct session_id *session);
    void (*all_ready)(void *data); /* once, the first time that every worker runs */
    void *data;
};

/* Binds the sockets and starts the processes. ERR_IO with one line in `fault`. */
enum err crew_new(struct crew **out, struct net_loop *loop, struct net_log *log,
                  const struct options *options, const struct crew_handlers *handlers,
                  char fault[OPTIONS_FAULT_MAX]);

uint32_t crew_count(const struct crew *c);

/* What all workers share; the crew's. */
struct board *crew_board(struct crew *c);

/* Sends to one worker; a worker that does not read is switched off. Not for one that is not
 * running: it gets everything when it starts. */
void crew_send(struct crew *c, uint32_t worker, enum link_kind kind, const void *body);
void crew_send_all(struct crew *c, enum link_kind kind, const void *body);

/* The worker's part of a request to peerd, and where clients reach it. */
void crew_describe(const struct crew *c, uint32_t worker, struct node_worker *out,
                   struct addr *media);

/* Until when the process before the present one was known to be sending. */
struct instant crew_lost_at(const struct crew *c, uint32_t worker);

/* SIGKILL to all, for the end. */
void crew_kill_all(struct crew *c);

#endif
