/*
 * The event loop of a process: descriptors, timers, signals and work on other threads.
 *
 * A thin cover over libuv that adds absolute deadlines in microseconds. libuv's own timers count
 * whole milliseconds, too coarse to pace 20 ms frames, so all timers of a loop share one timerfd on
 * CLOCK_MONOTONIC, set once a turn to the earliest of them. All callbacks come on the thread that
 * runs the loop. Lateness is not hidden: callbacks get the instant at which they run.
 *
 * Forking: fork before net_loop_new, or exec afterwards. All descriptors made here are
 * close-on-exec.
 *
 * One thread runs a loop and all its callbacks; objects belong to their loop and are closed before
 * it. In this folder bad input is refused and counted (*_counters), errors of the environment are
 * returned, our own bugs are asserted, and whatever is bounded says what happens at the bound.
 *
 *   need                       use                     never
 *   time, randomness           clock.h                 time(), rand(); a clock in a pure folder
 *   a deadline                 net_timer: absolute, µs uv_timer, which counts milliseconds
 *   datagrams                  udp.h: batches, bounded a connected UDP socket: ICMP would matter
 *                              queue, kernel's stamps
 *   an endpoint of the kernel  sockaddr.h              struct sockaddr anywhere above
 *   HTTPS to or from a peer    http_client.h,          names or dates of certificates
 *                              http_server.h
 *   SRV, A, AAAA               dns.h                   getaddrinfo(), which blocks
 *   key files, reloads         file.h                  a key that others may read
 *   a line for the operator    log.h                   stderr in a daemon: a stalled reader would
 *                                                      stall media
 *   the service manager        notify.h                libsystemd
 */
#ifndef PEERD_NET_LOOP_H
#define PEERD_NET_LOOP_H

#include "peerd/base/err.h"
#include "peerd/base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net_loop;
struct uv_loop_s;

/* ---- lifecycle ---- */

/* Makes a loop; SIGPIPE is ignored from here on, in the whole process. NULL if the system refuses.
 */
struct net_loop *net_loop_new(void);

/* Frees a loop that is not running. Everything opened on it must have been closed first (asserted);
 * work still on other threads is waited for, and its `done` is called. Accepts NULL. */
void net_loop_free(struct net_loop *loop);

/* Runs until net_loop_stop. */
void net_loop_run(struct net_loop *loop);

/* Runs until net_loop_stop or `deadline`; true if it was stopped. For tests and short programs. */
bool net_loop_run_until(struct net_loop *loop, struct instant deadline);

/* For callbacks: the present turn is finished first. Does nothing while the loop does not run. */
void net_loop_stop(struct net_loop *loop);

/* For folders that bring their own libuv handle. */
struct uv_loop_s *net_loop_uv(struct net_loop *loop);

/* ---- timers ---- */

/* A one-shot timer. The storage is the caller's; cancel it before that storage goes away. Fields
 * are the loop's business. Arming costs no system call and no memory. */
struct net_timer {
    struct net_loop *loop;
    void (*fired)(void *data, struct instant now);
    void *data;        /* handed to `fired` */
    struct instant at; /* when; "never" if not armed */
    uint64_t sequence; /* order of arming: equal instants fire in it */
    struct net_timer *child, *next, *previous;
};

/* Makes an unarmed timer. `fired` runs once, at or after the deadline; it may arm it again. */
void net_timer_init(struct net_timer *timer, struct net_loop *loop,
                    void (*fired)(void *data, struct instant now), void *data);

/* Arms it, or moves the deadline if it is armed. "Never" cancels; the past fires in the next turn.
 */
void net_timer_arm(struct net_timer *timer, struct instant at);
void net_timer_cancel(struct net_timer *timer);
bool net_timer_armed(const struct net_timer *timer);

/* ---- descriptors ---- */

#define NET_READABLE 1u
#define NET_WRITABLE 2u
#define NET_FAILED   4u /* reported along with the watched bits: read or write to learn the error */

struct net_watch;

/* Watches a descriptor that the caller owns, level-triggered; it is made non-blocking. `events` may
 * be 0. Returns NULL if the descriptor cannot be watched or is being watched already. */
struct net_watch *net_watch_open(struct net_loop *loop, int fd, unsigned events,
                                 void (*ready)(void *data, unsigned events), void *data);
void net_watch_set(struct net_watch *watch, unsigned events);

/* Stops at once, also from within `ready`; close the descriptor after this, not before. Accepts
 * NULL. */
void net_watch_close(struct net_watch *watch);

/* ---- turns ---- */

/* Called at the end of each turn, before the loop sleeps: the place to flush what was queued. The
 * storage is the caller's. */
struct net_hook {
    struct net_hook *next, *previous;
    struct net_loop *loop;
    void (*called)(void *data);
    void *data;
};

void net_hook_add(struct net_hook *hook, struct net_loop *loop, void (*called)(void *data),
                  void *data);
void net_hook_remove(struct net_hook *hook);

/* ---- signals ---- */

struct net_signal;

/* Calls `arrived` from the loop for each delivery of `number` (SIGTERM, SIGHUP, SIGCHLD …). Several
 * deliveries may fold into one call. NULL if the system refuses. */
struct net_signal *net_signal_open(struct net_loop *loop, int number,
                                   void (*arrived)(void *data, int number), void *data);
void net_signal_close(struct net_signal *signal);

/* ---- work on another thread ---- */

/* Runs `work` on a thread of the pool, then `done` on the loop. `data` must be left alone by others
 * meanwhile. At most NET_WORK_MAX items wait or run; beyond that ERR_FULL. */
#define NET_WORK_MAX 1024
enum err net_work(struct net_loop *loop, void (*work)(void *data), void (*done)(void *data),
                  void *data);

#endif
