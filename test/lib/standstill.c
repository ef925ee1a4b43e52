#include "test/lib/standstill.h"

#include "peerd/net/clock.h"
#include "peerd/net/loop_private.h"

#include <assert.h>
#include <poll.h>
#include <sys/timerfd.h>

/* [ms] of real time in which a datagram on loopback arrives: it is there when the call that sent it
 * returns, save when the kernel put the work off. */
#define ARRIVES_WITHIN_MS 2

/* Turns of the loop without an event before nothing is left to do: what one turn queued, the next
 * sends. */
#define QUIET_TURNS 2

/* The linker gives our callers __wrap_NAME and us __real_NAME. */
struct instant __real_net_now(void);
struct instant __wrap_net_now(void);
bool __real_net_loop_run_until(struct net_loop *loop, struct instant deadline);
bool __wrap_net_loop_run_until(struct net_loop *loop, struct instant deadline);
int __real_timerfd_settime(int fd, int flags, const struct itimerspec *when,
                           struct itimerspec *before);
int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *when,
                           struct itimerspec *before);

static bool begun;
static struct instant now;

void standstill_begin(void) {
    now = __real_net_now();
    begun = true;
}

void standstill_pass(struct duration by) {
    assert(begun);
    now = instant_add(now, by);
}

struct instant __wrap_net_now(void) {
    return begun ? now : __real_net_now();
}

/* What is due fires at once. What is not never does: each run of the loop sets it anew. */
int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *when,
                           struct itimerspec *before) {
    static const struct itimerspec off, at_once = {.it_value = {.tv_nsec = 1}};
    int64_t us = when->it_value.tv_sec * 1000000 + when->it_value.tv_nsec / 1000;
    if (!begun)
        return __real_timerfd_settime(fd, flags, when, before);
    return __real_timerfd_settime(fd, flags, us > 0 && us <= now.us ? &at_once : &off, before);
}

static bool something_arrives(struct net_loop *loop) {
    struct pollfd p = {.fd = uv_backend_fd(net_loop_uv(loop)), .events = POLLIN};
    return poll(&p, 1, ARRIVES_WITHIN_MS) > 0;
}

/* Runs until there is nothing more to do at this instant; true if the loop was stopped. A deadline
 * that has been reached ends a run after one turn, which takes everything that is there. */
static bool settle(struct net_loop *loop) {
    for (int quiet = 0; quiet < QUIET_TURNS; quiet++) {
        if (__real_net_loop_run_until(loop, now))
            return true;
        if (something_arrives(loop))
            quiet = -1;
    }
    return false;
}

bool __wrap_net_loop_run_until(struct net_loop *loop, struct instant deadline) {
    if (!begun)
        return __real_net_loop_run_until(loop, deadline);
    while (!settle(loop)) {
        if (instant_reached(now, deadline))
            return false;
        struct instant next = loop->timers != NULL ? loop->timers->at : INSTANT_NEVER;
        now = instant_max(now, instant_min(next, deadline));
    }
    return true;
}
