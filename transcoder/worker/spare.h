/*
 * The spare: one worker process more than there are places, kept at hand by the crew.
 *
 * It takes the place of one that has died without having to be loaded first. Who dies without a
 * place is no loss: another is started after a while. A machine starts its spare when all of its
 * workers run and have for some time, since it must take the processor from nobody who has just
 * begun; and not in the same instant as machines that were started together, as they may share one.
 */
#ifndef TRANSCODER_WORKER_SPARE_H
#define TRANSCODER_WORKER_SPARE_H

#include "peerd/net/log.h"
#include "transcoder/worker/hand.h"

#define SPARE_MS           1000  /* [ms] after a worker has begun, or a spare has died … */
#define SPARE_APART        8     /* … later by up to so many … */
#define SPARE_APART_MS     150   /* [ms] … steps of this, from machine to machine */
#define SPARE_START_MS_MAX 20000 /* [ms] it has for its first word */

struct spare {
    struct hand hand;   /* pid 0: there is none … */
    struct instant due; /* … and this is when there is to be one */
    struct net_log *log;
    struct net_loop *loop;
    const struct options *options;
    const struct hand_fds *fds; /* borrowed, like all of these */
};

/* What a hand needs is borrowed until the end. It must not be moved. */
void spare_init(struct spare *s, struct net_loop *loop, struct net_log *log,
                const struct options *options, const struct hand_fds *fds);

/* Starts one if that is due and everybody `runs`; one that says nothing for too long is killed. */
void spare_keep(struct spare *s, bool runs, struct instant now);

/* Hands it over, with its link, whose handlers are to be set. False if none is ready. */
bool spare_take(struct spare *s, struct hand *out);

/* Somebody has begun: not now. */
void spare_put_off(struct spare *s, struct instant now);

/* We did not run ourselves until now: what it did not say meanwhile is not held against it. */
void spare_excuse(struct spare *s, struct instant now);

/* A child has ended; it is reaped if it was this one. */
void spare_reap(struct spare *s);

/* SIGKILL, for the end. */
void spare_kill(const struct spare *s);

#endif
