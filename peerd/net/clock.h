/*
 * The three things a machine cannot make up for itself: monotonic time, wall time, randomness.
 *
 * Pure code receives them as arguments; only the edge calls these functions. Monotonic time is
 * CLOCK_MONOTONIC and not CLOCK_BOOTTIME: it is the clock of timerfd and libuv, and network
 * namespaces of one machine share it. The two differ by time spent in suspend, which servers do not
 * do; a virtual machine that is paused sees neither advance, and whoever sleeps through the end of
 * a lease is fenced by epochs, not by his own clock.
 */
#ifndef PEERD_NET_CLOCK_H
#define PEERD_NET_CLOCK_H

#include "peerd/base/time.h"

#include <stddef.h>

/* [µs] what is assumed when the kernel's clock is not synchronised (adjtimex says TIME_ERROR):
 * wall time is then a hint, and tickets are judged with the skew that policy allows on top. */
#define NET_WALL_UNSYNCHRONISED_US 16000000

/* Never fails, ~25 ns. */
struct instant net_now(void);

/* CLOCK_REALTIME with the half-width that the kernel's clock discipline states (ntp_adjtime:
 * maxerror). The kernel is asked for that once a second, and at once when the clock was set. */
struct wall net_wall(void);

/* Fills `out` from the kernel's generator. Blocks only in the first seconds after boot, and aborts
 * if the kernel has none: nothing here may run on guessable keys. */
void net_entropy(void *out, size_t len);

#endif
