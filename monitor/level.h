/*
 * Level: mean and spread of a stream of figures, where what is older by a half-life counts half.
 *
 * Sums of whole numbers: the same reports give the same level on every machine. Fading goes in
 * eighths of a half-life, so that a sum is touched seldom and loses nothing by rounding.
 */
#ifndef MONITOR_LEVEL_H
#define MONITOR_LEVEL_H

#include "peerd/base/time.h"

#include <stdint.h>

#define LEVEL_UNIT       256   /* weight of a figure that has not faded */
#define LEVEL_FIGURE_MAX 65535 /* larger ones count as this */

/* One that has heard nothing is all zero. */
struct level {
    int64_t weight; /* [1/LEVEL_UNIT figures] */
    int64_t sum;
    int64_t square;
    struct instant at; /* faded until then */
};

void level_add(struct level *l, struct duration half_life, uint32_t figure, struct instant now);
void level_fade(struct level *l, struct duration half_life, struct instant now);

/* As if `l` had heard what `other` has; both are faded until the same instant, or nearly. */
void level_merge(struct level *l, const struct level *other);

uint32_t level_mean(const struct level *l);    /* 0 without figures */
uint32_t level_spread(const struct level *l);  /* standard deviation, rounded down */
uint32_t level_figures(const struct level *l); /* heard, faded, rounded */

/* The largest whole number whose square is no larger. */
uint32_t level_root(uint64_t square);

#endif
