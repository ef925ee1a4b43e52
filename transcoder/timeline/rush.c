#include "transcoder/timeline/rush.h"

#define ANSWER_US (1000000 / RUSH_ANSWERS_PER_S)
#define MOST_US                                                                                    \
    (INT64_C(60) * 1000000) /* counted at most: an hour of refusals is soon forgotten              \
                             */

void rush_init(struct rush *c, struct instant now) {
    *c = (struct rush){.at = now};
}

/* The finalizer of splitmix64 over all that tells one question from another. */
static uint64_t draw(const struct session_id *who, uint64_t counter) {
    uint64_t z = counter * 0x9e3779b97f4a7c15ULL;
    for (int i = 0; i < SESSION_ID_BYTES; i++)
        z = (z ^ who->bytes[i]) * 0x100000001b3ULL;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return z ^ z >> 31;
}

static void leak(struct rush *c, struct instant now) {
    c->refused_us -= instant_since(now, c->at).us;
    if (c->refused_us < 0)
        c->refused_us = 0;
    c->at = now;
}

void rush_refused(struct rush *c, struct instant now) {
    leak(c, now);
    if (c->refused_us < MOST_US)
        c->refused_us += ANSWER_US;
}

bool rush_is_crowd(const struct rush *c, struct instant now) {
    return c->refused_us - instant_since(now, c->at).us > INT64_C(1000) * RUSH_CROWD_MS;
}

uint32_t rush_wait_within_ms(struct rush *c, const struct session_id *who, uint64_t counter,
                             uint32_t least_ms, uint32_t span_ms_max, struct instant now) {
    leak(c, now);
    uint64_t span_ms = (uint64_t)c->refused_us / 1000;
    if (span_ms < least_ms / 2)
        span_ms = least_ms / 2; /* two that are refused need not meet again either */
    if (span_ms > span_ms_max)
        span_ms = span_ms_max;
    return least_ms + (uint32_t)(draw(who, counter) % (span_ms + 1));
}

uint32_t rush_wait_ms(struct rush *c, const struct session_id *who, uint64_t counter,
                      uint32_t least_ms, struct instant now) {
    return rush_wait_within_ms(c, who, counter, least_ms, RUSH_SPAN_MS_MAX, now);
}
