/*
 * Likeness: are two samples of one distribution, within stated bounds?
 *
 * Compared are the quantiles 10, 50 and 90 %, what was measured against what was modelled: each
 * must lie within 20 % of what was measured, or within 15 ms, whichever is more.
 *
 * Few samples say little, and runs are not independent of each other's figures within them. How
 * little is found out, not assumed: as many runs as were measured are drawn from the model's own,
 * again and again, and held against all of the model's. If the model differs from itself that way
 * more often than now and then, so few runs cannot tell, and nothing is judged, unless what was
 * measured is further off than hardly any draw.
 */
#ifndef TEST_LIB_LIKENESS_H
#define TEST_LIB_LIKENESS_H

#include "test/lib/sample.h"

#define LIKENESS_PART       0.20
#define LIKENESS_MS         15
#define LIKENESS_FEW        6     /* figures; fewer are not looked at */
#define LIKENESS_CHANCE_MAX 0.001 /* of being told apart from oneself */
#define LIKENESS_RARE       0.005 /* so many draws are "hardly any" */
#define LIKENESS_POINTS     3     /* quantiles that are compared */

enum likeness_verdict {
    LIKENESS_NONE, /* neither has any figures */
    LIKENESS_AGREES,
    LIKENESS_APART,
    LIKENESS_TOO_FEW
};

struct likeness {
    enum likeness_verdict verdict;
    double model[LIKENESS_POINTS], measured[LIKENESS_POINTS]; /* [ms] */
    double shift_ms; /* measured less modelled, at the quantile that is worst within its bound */
    double bound_ms; /* there */
    double chance;   /* of being apart although it is the model itself that was drawn */
};

extern const double likeness_points[LIKENESS_POINTS];

/* How many runs tell: the fewest from `least` to `most` whose chance of being told apart from the
 * model, although it is the model that was drawn, is small enough. `least` if none are enough.
 * Depends on the model alone, so that nobody goes on measuring until it agrees. Sorts it. */
unsigned likeness_runs(struct sample *model, unsigned model_runs, unsigned least, unsigned most);

/* Sorts both. */
struct likeness likeness_of(struct sample *model, unsigned model_runs, struct sample *measured,
                            unsigned measured_runs);

#endif
