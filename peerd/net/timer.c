/*
 * Timers: a pairing heap (Fredman, Sedgewick, Sleator, Tarjan 1986) threaded through the callers'
 * own storage, and one timerfd for its root.
 *
 * A timerfd is an hrtimer: it fires within microseconds and without the slack that epoll_wait adds
 * to its timeout. A pairing heap arms in O(1), which is what happens for each frame, and needs no
 * memory of its own, so arming cannot fail.
 */
#include "peerd/net/clock.h"
#include "peerd/net/loop_private.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static bool earlier(const struct net_timer *a, const struct net_timer *b) {
    if (a->at.us != b->at.us)
        return instant_before(a->at, b->at);
    return a->sequence < b->sequence;
}

/* Joins two heaps; the later root becomes the first child of the earlier. */
static struct net_timer *merge(struct net_timer *a, struct net_timer *b) {
    if (a == NULL)
        return b;
    if (b == NULL)
        return a;
    if (earlier(b, a)) {
        struct net_timer *t = a;
        a = b;
        b = t;
    }
    b->previous = a;
    b->next = a->child;
    if (b->next != NULL)
        b->next->previous = b;
    a->child = b;
    a->next = a->previous = NULL;
    return a;
}

/* Joins a list of siblings: pairs from the left, then all from the right. */
static struct net_timer *merge_siblings(struct net_timer *first) {
    struct net_timer *pairs = NULL, *root = NULL;

    while (first != NULL) {
        struct net_timer *a = first, *b = a->next;
        first = b != NULL ? b->next : NULL;
        a->next = a->previous = NULL;
        if (b != NULL)
            b->next = b->previous = NULL;
        a = merge(a, b);
        a->next = pairs;
        pairs = a;
    }
    while (pairs != NULL) {
        struct net_timer *a = pairs;
        pairs = a->next;
        a->next = NULL;
        root = merge(root, a);
    }
    return root;
}

static void unlink_timer(struct net_timer *timer) {
    struct net_loop *loop = timer->loop;
    struct net_timer *children = merge_siblings(timer->child);

    if (loop->timers == timer) {
        loop->timers = children;
    } else {
        if (timer->previous->child == timer)
            timer->previous->child = timer->next;
        else
            timer->previous->next = timer->next;
        if (timer->next != NULL)
            timer->next->previous = timer->previous;
        loop->timers = merge(loop->timers, children);
    }
    timer->child = timer->next = timer->previous = NULL;
    timer->at = INSTANT_NEVER;
}

void net_timer_init(struct net_timer *timer, struct net_loop *loop,
                    void (*fired)(void *data, struct instant now), void *data) {
    *timer = (struct net_timer){.loop = loop, .fired = fired, .data = data, .at = INSTANT_NEVER};
}

void net_timer_arm(struct net_timer *timer, struct instant at) {
    net_timer_cancel(timer);
    if (instant_is_never(at))
        return;
    timer->at = at;
    timer->sequence = timer->loop->timer_sequence++;
    timer->loop->timers = merge(timer->loop->timers, timer);
}

void net_timer_cancel(struct net_timer *timer) {
    if (net_timer_armed(timer))
        unlink_timer(timer);
}

bool net_timer_armed(const struct net_timer *timer) {
    return timer->loop != NULL && !instant_is_never(timer->at);
}

static void expired(void *data, unsigned events) {
    struct net_loop *loop = data;
    struct instant now = net_now();
    uint64_t expirations, limit = loop->timer_sequence;

    (void)events;
    if (read(loop->timer_fd, &expirations, sizeof expirations) < 0 && errno != EAGAIN)
        abort(); /* a timerfd has no other error: the descriptor was closed behind our back */
    loop->timer_set_to = INSTANT_NEVER;
    /* Timers armed by these callbacks wait for the next turn, or they could starve the sockets. */
    while (loop->timers != NULL && loop->timers->sequence < limit &&
           instant_reached(now, loop->timers->at)) {
        struct net_timer *timer = loop->timers;
        unlink_timer(timer);
        timer->fired(timer->data, now);
    }
}

void net_timers_settle(struct net_loop *loop) {
    struct instant at = loop->timers != NULL ? loop->timers->at : INSTANT_NEVER;
    struct itimerspec when = {0};

    if (at.us == loop->timer_set_to.us)
        return;
    if (!instant_is_never(at)) {
        /* Zero would disarm; any other past instant fires at once. */
        int64_t us = at.us > 0 ? at.us : 1;
        when.it_value.tv_sec = us / 1000000;
        when.it_value.tv_nsec = us % 1000000 * 1000;
    }
    timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
    loop->timer_set_to = at;
}

bool net_timers_open(struct net_loop *loop) {
    loop->timer_set_to = INSTANT_NEVER;
    loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (loop->timer_fd < 0)
        return false;
    loop->timer_watch = net_watch_open(loop, loop->timer_fd, NET_READABLE, expired, loop);
    return loop->timer_watch != NULL;
}

void net_timers_close(struct net_loop *loop) {
    net_watch_close(loop->timer_watch);
    if (loop->timer_fd >= 0)
        close(loop->timer_fd);
}
