/*
 * Budget: a token bucket for things that may happen often for a moment but not for long.
 *
 * It starts full and refills evenly, `per_minute` tokens a minute and no more than that at once.
 */
#ifndef TRANSCODER_TIMELINE_BUDGET_H
#define TRANSCODER_TIMELINE_BUDGET_H

#include "peerd/base/time.h"

#include <stdbool.h>
#include <stdint.h>

struct budget {
    uint32_t per_minute; /* tokens; 0 forbids */
    int64_t level_us;    /* [µs × tokens] one token is 60 s */
    struct instant at;   /* when the level was true */
};

void budget_init(struct budget *b, uint32_t per_minute, struct instant now);

/* Takes one token, or returns false and changes nothing but the clock. */
bool budget_spend(struct budget *b, struct instant now);

/* Brings the level up to `now`. */
void budget_look(struct budget *b, struct instant now);

/* Whole tokens left. */
uint32_t budget_left(const struct budget *b, struct instant now);

/* How long until one token is there; zero if there is one, endless if there never will be. */
struct duration budget_wait(const struct budget *b, struct instant now);

#endif
