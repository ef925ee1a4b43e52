#include "peerd/core/progress.h"

#include <string.h>

#define WINDOW PROGRESS_WINDOW_S

static int64_t second_of(const struct progress *p, struct instant now) {
    return instant_since(now, p->since).us / 1000000;
}

void progress_begin(struct progress *p, uint32_t left, struct instant now) {
    *p = (struct progress){.since = now, .left = left};
}

/* Seconds that have passed since count nothing. */
static void advance(struct progress *p, struct instant now) {
    int64_t second = second_of(p, now);
    if (second - p->second >= WINDOW)
        memset(p->gone_in, 0, sizeof(p->gone_in));
    else
        for (int64_t s = p->second + 1; s <= second; s++)
            p->gone_in[s % WINDOW] = 0;
    p->second = second;
}

void progress_told(struct progress *p, uint32_t left, struct instant now) {
    if (left < p->left) {
        advance(p, now);
        p->gone_in[p->second % WINDOW] += p->left - left;
        p->gone += p->left - left;
    }
    p->left = left;
}

double progress_rate(const struct progress *p, struct instant now) {
    int64_t second = second_of(p, now), oldest = second - WINDOW + 1;
    uint64_t sum = 0;
    if (oldest < 0)
        oldest = 0;
    for (int64_t s = oldest; s <= p->second; s++)
        if (s > p->second - WINDOW)
            sum += p->gone_in[s % WINDOW];
    double passed_s = (double)instant_since(now, p->since).us / 1e6 - (double)oldest;
    /* What goes at once at the beginning is no rate yet. */
    return (double)sum / (passed_s < 1 ? 1 : passed_s);
}

struct duration progress_left(const struct progress *p, struct instant now) {
    double rate = progress_rate(p, now);
    if (p->left == 0)
        return DURATION_ZERO;
    if (rate <= 0)
        return DURATION_ENDLESS;
    return duration_us((int64_t)((double)p->left / rate * 1e6));
}
