/*
 * The inside of struct net_loop, shared by loop.c, timer.c and watch.c only.
 */
#ifndef PEERD_NET_LOOP_PRIVATE_H
#define PEERD_NET_LOOP_PRIVATE_H

#include "peerd/net/loop.h"

#include <uv.h>

struct net_loop {
    uv_loop_t uv;
    uv_prepare_t prepare;        /* runs before the loop sleeps */
    struct net_hook hooks;       /* head of a ring */
    struct net_hook *hook_next;  /* next to be called, so that a hook may remove any other */
    struct net_timer *timers;    /* root of a pairing heap: the earliest; NULL if none is armed */
    uint64_t timer_sequence;     /* given to the next timer armed */
    struct instant timer_set_to; /* what the timerfd was last set to */
    int timer_fd;                /* on CLOCK_MONOTONIC, absolute */
    struct net_watch *timer_watch;
    size_t work_count; /* items on other threads */
    bool running;      /* within net_loop_run */
    bool stopped;      /* net_loop_stop was called */
};

/* Makes and closes the timerfd of a loop. False if the system refuses. */
bool net_timers_open(struct net_loop *loop);
void net_timers_close(struct net_loop *loop);

/* Sets the timerfd to the earliest timer, if that changed. */
void net_timers_settle(struct net_loop *loop);

#endif
