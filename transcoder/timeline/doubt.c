#include "transcoder/timeline/doubt.h"

void doubt_init(struct doubt *d) {
    *d = (struct doubt){.look_at = INSTANT_NEVER};
    budget_init(&d->looks, DOUBT_LOOKS, d->at);
}

bool doubt_is(const struct doubt *d, struct instant now) {
    return instant_before(now, d->until);
}

/* What is forgotten since the last run, and what is usual by now. */
static void fade(struct doubt *d, struct instant now) {
    int64_t since_us = instant_since(now, d->at).us;
    if (since_us > 60 * DOUBT_USUAL.us)
        since_us = 60 * DOUBT_USUAL.us;
    d->level_us -= since_us + since_us / 1000 * 2 * d->usual * DOUBT_FORGET.us / 1000000;
    d->level_us = d->level_us < 0 ? 0 : d->level_us;
    d->usual = d->usual * DOUBT_USUAL.us / (DOUBT_USUAL.us + since_us);
    d->at = now;
}

/* A long run is more than one event, unless such runs are what the path does. */
static int64_t counted(const struct doubt *d, uint64_t frames) {
    bool is_long = frames >= DOUBT_LONG && d->usual < DOUBT_SELDOM;
    uint64_t most = is_long ? DOUBT_FRAMES : DOUBT_RUN;
    return (int64_t)(frames < most ? frames : most);
}

bool doubt_lost(struct doubt *d, uint64_t frames, struct instant now) {
    bool was = doubt_is(d, now);
    fade(d, now);
    int64_t full = (DOUBT_FULL + d->usual) * DOUBT_FORGET.us / 1000;
    int64_t more = counted(d, frames);
    d->level_us += more * DOUBT_FORGET.us;
    d->level_us = d->level_us > full ? full : d->level_us;
    d->usual += more * 1000000000 / DOUBT_USUAL.us;
    d->usual = d->usual > DOUBT_MOST ? DOUBT_MOST : d->usual;
    if (d->level_us < full)
        return false;
    d->until = instant_add(now, DOUBT_FOR);
    if (!was) {
        d->since = d->look_at = now;
        d->looked = 0;
    }
    return !was;
}

/* What cannot be paid for is looked at when it can. */
bool doubt_look(struct doubt *d, struct instant now, bool follows) {
    if (!instant_reached(now, d->look_at))
        return false;
    d->look_at = INSTANT_NEVER;
    if (!doubt_is(d, now))
        return false;
    bool looks = budget_spend(&d->looks, now);
    d->looked += looks && d->looked < DOUBT_FIRST;
    struct duration every = follows && d->looked < DOUBT_FIRST ? DOUBT_SOON : DOUBT_EVERY;
    d->look_at = instant_add(now, looks ? every : budget_wait(&d->looks, now));
    return looks;
}

struct instant doubt_deadline(const struct doubt *d) {
    return d->look_at;
}
