/*
 * How far beyond the expected do beats come, and how rarely further still?
 *
 * A histogram of excesses with eight bins an octave from a quarter of a millisecond to eight
 * seconds, and beyond its last dozens of samples the generalised Pareto distribution, which is what
 * the tail of almost any distribution looks like (Pickands 1975; Balkema and de Haan 1974). The
 * shape comes from the moments of the exceedances (Hosking and Wallis 1987), drawn towards an
 * exponential tail while they are few. Old samples fade, so that a path may change.
 *
 * What is fitted is believed only little beyond the farthest that has been seen. A path that does
 * two things, one of them rarely, has a fit that reaches from the one to far beyond the other until
 * the rare one has come dozens of times; that the farthest is exceeded costs a mistake, and then it
 * is known.
 */
#ifndef MONITOR_TAIL_H
#define MONITOR_TAIL_H

#include <stdbool.h>
#include <stdint.h>

#define TAIL_OCTAVES   15
#define TAIL_PER_OCT   8
#define TAIL_BINS      (TAIL_OCTAVES * TAIL_PER_OCT)
#define TAIL_US_MIN    256     /* [µs] less is no excess */
#define TAIL_US_MAX    8388608 /* [µs] more is counted as so much */
#define TAIL_TOP       12      /* exceedances that the fit wants at least … */
#define TAIL_TOP_MAX   60      /* … and at most, where a fiftieth of all are more */
#define TAIL_TOP_SHARE 0.02

struct tail {
    float all;               /* samples, faded, those without excess included */
    float counts[TAIL_BINS]; /* samples in each bin, faded */
};

/* What is asked of a tail again and again: made once after it has changed. */
struct tail_fit {
    double share_beyond[TAIL_BINS + 1]; /* share of samples beyond the lower edge of a bin */
    double from_us;                     /* [µs] the Pareto tail begins here … */
    double from_share;                  /* … with this share of all samples beyond it */
    double scale_us;                    /* [µs] of it; 0: no exceedance at all */
    double shape;                       /* of it: 0 exponential, above heavy, below bounded */
    double record;                      /* what has been seen may come so much larger … */
    double most_us;                     /* [µs] nothing is expected beyond */
    double chance;                      /* … but for this share of all, which was bad luck */
};

/* An excess of zero or less is a sample without excess. */
void tail_add(struct tail *t, double excess_us);

/* All samples count this much of what they did; 0 < keep <= 1. */
void tail_fade(struct tail *t, double keep);

/* The recent samples, which may be among all, go further than those let expect: by so much more
 * than chance explains, wherever one looks. */
bool tail_has_grown(const struct tail *recent, const struct tail *all);

/* `doubt` multiplies that in the shape; what is beyond the farthest seen is measured by what it
 * costs: a wait of `interval_us` and as long as the tail reaches. */
void tail_fit(const struct tail *t, struct tail_fit *fit, double doubt, double interval_us);

/* Share of samples that were beyond `us`. */
double tail_share_seen(const struct tail_fit *fit, double us);

/* Estimated share of samples whose excess is beyond `us`: 1 for a negative one. Never less than
 * the share seen beyond what is a little shorter: records are broken. */
double tail_share_beyond(const struct tail_fit *fit, double us);

#endif
