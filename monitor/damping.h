/*
 * Damping: a peer that is given up and taken back again and again is not relied upon for a while.
 *
 * As of routes that flap (RFC 2439): each time that it comes back costs DAMPING_FLAP points, points
 * lose half their number in every half-life, at `suppress` the peer is damped, and it is no longer
 * when they have come down to `reuse`. They grow no higher than DAMPING_HALVES_MAX half-lives above
 * `reuse`, so that the longest wait is known. A flap is counted when the peer is back, not when it
 * goes: while it is away nobody relies on it anyway.
 *
 * Halving is exact after whole half-lives and a straight line between them, so that no run depends
 * on a machine's arithmetic.
 */
#ifndef MONITOR_DAMPING_H
#define MONITOR_DAMPING_H

#include "peerd/base/time.h"

#include <stdbool.h>
#include <stdint.h>

#define DAMPING_FLAP       1000 /* points */
#define DAMPING_HALVES_MAX 4

struct damping_rule {
    struct duration half_life;
    uint32_t suppress; /* points; 0: nothing is ever damped */
    uint32_t reuse;    /* points, less than that */
};

struct damping {
    uint32_t points;   /* when they were counted last */
    struct instant at; /* then */
    uint64_t flaps;    /* since the beginning */
    bool damped;
};

void damping_init(struct damping *d);

/* It is back after it was given up. True if it is damped only now. */
bool damping_flapped(struct damping *d, const struct damping_rule *rule, struct instant now);

/* Time passes, or the rule is another. True if it is damped no longer. */
bool damping_passed(struct damping *d, const struct damping_rule *rule, struct instant now);

/* Points left; none where nothing is ever damped. */
uint32_t damping_points(const struct damping *d, const struct damping_rule *rule,
                        struct instant now);

/* When damping_passed() will be true if nothing else happens; "never" unless it is damped. */
struct instant damping_ends(const struct damping *d, const struct damping_rule *rule);

#endif
