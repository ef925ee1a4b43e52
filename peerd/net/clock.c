#include "peerd/net/clock.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/timex.h>
#include <time.h>

/* Asking makes the kernel stir its entropy pool each time, which costs more than all else in a step
 * that takes a beat; and what it answers changes once a second. */
#define ASK_EVERY_US 1000000
#define STEP_US      1000 /* [µs] nobody slews a clock so far in a second */
#define DRIFT_SHARE  2000 /* the error grows by 500 ppm until asked again, as the kernel reckons */

static int64_t read_us(clockid_t clock) {
    struct timespec t;

    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

struct instant net_now(void) {
    return instant_us(read_us(CLOCK_MONOTONIC));
}

/* What the kernel's clock discipline said last. */
struct discipline {
    bool known;
    int64_t asked_us;  /* [µs] when, monotonic */
    int64_t offset_us; /* [µs] wall less monotonic time then: both are slewed alike, so that it
                          changes only when somebody sets the clock */
    int64_t maxerror_us;
};

static bool stands(const struct discipline *d, int64_t now_us, int64_t offset_us) {
    return d->known && now_us - d->asked_us < ASK_EVERY_US &&
           llabs(offset_us - d->offset_us) < STEP_US;
}

static struct discipline ask_discipline(int64_t now_us, int64_t offset_us) {
    struct timex t = {0};
    int state = ntp_adjtime(&t);
    /* In a sandbox that forbids the call nothing is known, which is the same as unsynchronised. */
    bool lost = state < 0 || state == TIME_ERROR;
    return (struct discipline){true, now_us, offset_us,
                               lost ? NET_WALL_UNSYNCHRONISED_US : t.maxerror};
}

struct wall net_wall(void) {
    static _Thread_local struct discipline last;
    int64_t now_us = read_us(CLOCK_MONOTONIC), wall_us = read_us(CLOCK_REALTIME);
    if (!stands(&last, now_us, wall_us - now_us))
        last = ask_discipline(now_us, wall_us - now_us);
    return (struct wall){
        .us = wall_us, .uncertainty_us = last.maxerror_us + (now_us - last.asked_us) / DRIFT_SHARE};
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
