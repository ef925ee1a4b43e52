/*
 * Sketch: quantiles of a stream of figures, in a few hundred bytes, the older the less they count.
 *
 * As DDSketch (Masson, Rim and Lee 2019): buckets whose width is a fixed share of where they lie,
 * so that every quantile is within SKETCH_ERROR of a figure that was there, whatever the
 * distribution; and sketches merge as if one had heard all. Buckets are sixteen an octave and not
 * powers of one base, as in HdrHistogram: a figure finds its own by shifts, in whole numbers, alike
 * everywhere. There are SKETCH_BUCKETS at most; beyond, the two lowest become one, since what is
 * asked of lateness and loss are high quantiles. Weights fade, and what a division leaves over is
 * handed on to the next bucket: nothing of the whole is lost by rounding.
 */
#ifndef MONITOR_SKETCH_H
#define MONITOR_SKETCH_H

#include <stdbool.h>
#include <stdint.h>

#define SKETCH_BUCKETS 40         /* 2.5 octaves without a gap */
#define SKETCH_ERROR   (1.0 / 32) /* of a quantile, relative */
#define SKETCH_UNIT    16         /* weight of a figure that has not faded */

struct sketch_bucket {
    uint16_t index;
    uint16_t weight; /* [1/SKETCH_UNIT figures] never 0 */
};

struct sketch {
    uint32_t total; /* [1/SKETCH_UNIT figures] all weights */
    uint16_t count; /* buckets in use, by index */
    struct sketch_bucket buckets[SKETCH_BUCKETS];
};

/* One that has heard nothing is all zero. */
void sketch_add(struct sketch *s, uint32_t figure);

/* All that has been heard counts num/den of what it did; num <= den, den > 0. */
void sketch_fade(struct sketch *s, uint32_t num, uint32_t den);

/* `s` has heard what `other` has, too. */
void sketch_merge(struct sketch *s, const struct sketch *other);

/* The figure that `permille` of all do not exceed; 0 if there is none. */
uint32_t sketch_quantile(const struct sketch *s, uint32_t permille);

/* Figures heard, faded, rounded up. */
uint32_t sketch_figures(const struct sketch *s);

void sketch_check_invariants(const struct sketch *s);

#endif
