/*
 * How many beats are lost in a row, and how often?
 *
 * Loss on real paths comes in bursts (Gilbert 1960, Elliott 1963), so that the square of the loss
 * rate says nothing about two in a row. What counts is the frequency of each run length. Where runs
 * have been seen often their own count decides; beyond, each length continues into the next as runs
 * of this path do: independent loss comes out as independent, a burst as a burst.
 */
#ifndef MONITOR_RUNS_H
#define MONITOR_RUNS_H

#include <stdbool.h>
#include <stdint.h>

#define RUNS_MAX      24 /* beats in a row told apart; longer runs count as this */
#define RUNS_FORETOLD 60 /* runs that what is foretold counts as, at most */

struct runs {
    float beyond[RUNS_MAX + 1]; /* gaps with at least so many lost, faded; [0]: all gaps */
};

void runs_add(struct runs *r, uint64_t lost);
void runs_fade(struct runs *r, double keep);

/* The beat interval has become `num`/`den` of what it was. What loss has of memory decays with time
 * and not with beats: a burst lasts as long as before, so that it takes so many beats more or
 * fewer, and independent loss stays independent. */
void runs_rescale(struct runs *r, int64_t num, int64_t den);

/* What is known is foretold and not seen: it counts little against what is seen from now on. */
void runs_are_foretold(struct runs *r);

/* Whether any beat has been lost, of those that are remembered. */
bool runs_any(const struct runs *r);

/* Mean number of beats sent a gap: one, and those lost in it. */
double runs_beats_per_gap(const struct runs *r);

/* Estimated share of gaps with exactly 0, 1, 2 … lost; the last takes all that are longer. */
void runs_shares(const struct runs *r, double shares[RUNS_MAX + 1]);

#endif
