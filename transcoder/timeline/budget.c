#include "transcoder/timeline/budget.h"

#define TOKEN_US 60000000 /* [µs] a token costs a minute at one a minute */

void budget_init(struct budget *b, uint32_t per_minute, struct instant now) {
    *b = (struct budget){
        .per_minute = per_minute, .level_us = (int64_t)per_minute * TOKEN_US, .at = now};
}

static int64_t level(const struct budget *b, struct instant now) {
    int64_t full = (int64_t)b->per_minute * TOKEN_US;
    int64_t passed = instant_since(now, b->at).us;
    if (passed <= 0)
        return b->level_us;
    /* A minute fills it whatever the rate; this also keeps the product small. */
    if (passed >= TOKEN_US)
        return full;
    int64_t filled = b->level_us + passed * b->per_minute;
    return filled < full ? filled : full;
}

void budget_look(struct budget *b, struct instant now) {
    b->level_us = level(b, now);
    b->at = instant_max(b->at, now);
}

bool budget_spend(struct budget *b, struct instant now) {
    budget_look(b, now);
    if (b->level_us < TOKEN_US)
        return false;
    b->level_us -= TOKEN_US;
    return true;
}

uint32_t budget_left(const struct budget *b, struct instant now) {
    return (uint32_t)(level(b, now) / TOKEN_US);
}

struct duration budget_wait(const struct budget *b, struct instant now) {
    int64_t lacking = TOKEN_US - level(b, now);
    if (lacking <= 0)
        return DURATION_ZERO;
    if (b->per_minute == 0)
        return DURATION_ENDLESS;
    return duration_us((lacking + b->per_minute - 1) / b->per_minute);
}
