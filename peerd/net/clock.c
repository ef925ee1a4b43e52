#include "peerd/net/clock.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/timex.h>
#include <time.h>

static int64_t read_us(clockid_t clock) {
    struct timespec t;

    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

struct instant net_now(void) {
    return instant_us(read_us(CLOCK_MONOTONIC));
}

struct wall net_wall(void) {
    struct timex discipline = {0};
    int state = ntp_adjtime(&discipline);
    struct wall wall = {.us = read_us(CLOCK_REALTIME), .uncertainty_us = discipline.maxerror};

    /* In a sandbox that forbids the call nothing is known, which is the same as unsynchronised. */
    if (state < 0 || state == TIME_ERROR)
        wall.uncertainty_us = NET_WALL_UNSYNCHRONISED_US;
    return wall;
}

void net_entropy(void *out, size_t len) {
    uint8_t *at = out;

    while (len > 0) {
        /* Up to 256 bytes at once are never interrupted by a signal (getrandom(2)). */
        ssize_t got = getrandom(at, len < 256 ? len : 256, 0);
        if (got <= 0) {
            fputs("the kernel gives no random bytes\n", stderr);
            abort();
        }
        at += got;
        len -= (size_t)got;
    }
}
