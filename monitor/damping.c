#include "monitor/damping.h"

void damping_init(struct damping *d) {
    *d = (struct damping){.at = INSTANT_NEVER};
}

uint32_t damping_points(const struct damping *d, const struct damping_rule *rule,
                        struct instant now) {
    if (rule->suppress == 0)
        return 0;
    if (d->points == 0 || !instant_before(d->at, now))
        return d->points;
    int64_t passed_us = instant_since(now, d->at).us, half_us = rule->half_life.us;
    int64_t halves = passed_us / half_us;
    if (halves >= 32)
        return 0;
    struct duration whole = duration_us(d->points >> halves);
    return (uint32_t)duration_scale(whole, 2 * half_us - passed_us % half_us, 2 * half_us).us;
}

static uint32_t most_of(const struct damping_rule *rule) {
    uint64_t most = (uint64_t)rule->reuse << DAMPING_HALVES_MAX;
    most = most > rule->suppress ? most : rule->suppress;
    return most < UINT32_MAX ? (uint32_t)most : UINT32_MAX;
}

bool damping_flapped(struct damping *d, const struct damping_rule *rule, struct instant now) {
    uint64_t points = (uint64_t)damping_points(d, rule, now) + DAMPING_FLAP;
    uint32_t most = most_of(rule);
    d->flaps++;
    d->points = points < most ? (uint32_t)points : most;
    d->at = now;
    if (d->damped || rule->suppress == 0 || d->points < rule->suppress)
        return false;
    d->damped = true;
    return true;
}

bool damping_passed(struct damping *d, const struct damping_rule *rule, struct instant now) {
    if (!d->damped || (rule->suppress > 0 && damping_points(d, rule, now) > rule->reuse))
        return false;
    d->damped = false;
    return true;
}

struct instant damping_ends(const struct damping *d, const struct damping_rule *rule) {
    if (!d->damped)
        return INSTANT_NEVER;
    if (rule->suppress == 0)
        return d->at;
    int64_t half_us = rule->half_life.us, halves = 0;
    uint32_t points = d->points;
    for (; points > 0 && points / 2 > rule->reuse; halves++)
        points /= 2;
    if (points <= rule->reuse)
        return instant_add(d->at, duration_scale(rule->half_life, halves, 1));
    /* points × (1 − t / 2 half-lives) is less than one over `reuse` from here on. */
    struct duration rest = duration_scale(duration_us(2 * half_us), points - rule->reuse, points);
    return instant_add(d->at, duration_add(duration_scale(rule->half_life, halves, 1), rest));
}
