/*
 * The curve: how soon a scenario's clusters act on a death, and how often they act on none, beside
 * what single pairs of ears make of the same paths (ears.h).
 *
 * `peersim FILE --seed A..B`. With `curve` in the file one point for each of its wishes of
 * detect_within, else one for the scenario's own. Rates are an hour: of suspicions and verdicts of
 * each pair, of moves of each listener. Nothing in T hours is not a rate of nothing: beside each
 * stands what it is at most, with 95 % certainty (Poisson; of none in T hours 3/T).
 */
#ifndef PEERD_SIM_CURVE_H
#define PEERD_SIM_CURVE_H

#include "peerd/sim/many.h"

/* Runs all, says what failed and prints the curve, as a table or with `many->json` as one object in
 * the last line. True if all passed and what `curve` asks is so. */
bool curve_run(const struct many_options *many);

/* [per hour] what `count` in so many hours is at most. */
double curve_at_most(uint64_t count, double hours);

#endif
