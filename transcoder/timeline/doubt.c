#include "transcoder/timeline/doubt.h"

void doubt_init(struct doubt *d) {
    *d = (struct doubt){.look_at = INSTANT_NEVER};
    budget_init(&d->looks, DOUBT_LOOKS, d->at);
}

bool doubt_is(const struct doubt *d, struct instant now) {
    return instant_before(now, d->until);
}

bool doubt_lost(struct doubt *d, uint64_t frames, struct instant now) {
    const int64_t full = DOUBT_FRAMES * DOUBT_FORGET.us;
    bool was = doubt_is(d, now);
    d->level_us -= instant_since(now, d->at).us;
    d->level_us = d->level_us < 0 ? 0 : d->level_us;
    uint64_t most = frames < DOUBT_LONG ? DOUBT_RUN : DOUBT_FRAMES;
    d->level_us += (int64_t)(frames < most ? frames : most) * DOUBT_FORGET.us;
    d->level_us = d->level_us > full ? full : d->level_us;
    d->at = now;
    if (d->level_us < full)
        return false;
    d->until = instant_add(now, DOUBT_FOR);
    if (!was) {
        d->look_at = now;
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
