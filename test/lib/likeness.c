#include "test/lib/likeness.h"

#include "peerd/base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DRAWS 4000
#define SEED  7 /* the same samples are always judged the same way */

const double likeness_points[LIKENESS_POINTS] = {0.1, 0.5, 0.9};

/* ---- quantiles ---- */

static void take_points(const struct sample *s, double out[LIKENESS_POINTS]) {
    for (int i = 0; i < LIKENESS_POINTS; i++)
        out[i] = sample_quantile(s, likeness_points[i]);
}

static double bound(double measured_ms) {
    return fmax(LIKENESS_MS, LIKENESS_PART * measured_ms);
}

/* The quantile that is worst within its bound, as a part of it: up to 1 it is near enough. */
static double worst(const double model[LIKENESS_POINTS], const double measured[LIKENESS_POINTS],
                    int *point) {
    double most = -1;
    for (int i = 0; i < LIKENESS_POINTS; i++) {
        double part = fabs(measured[i] - model[i]) / bound(measured[i]);
        if (part > most) {
            most = part;
            *point = i;
        }
    }
    return most;
}

/* The same with bounds that do not depend on what is compared, so that further off is always more.
 */
static double distance(const double model[LIKENESS_POINTS], const double other[LIKENESS_POINTS]) {
    double most = 0;
    for (int i = 0; i < LIKENESS_POINTS; i++)
        most = fmax(most, fabs(other[i] - model[i]) / bound(model[i]));
    return most;
}

/* ---- chance ---- */

static int by_run(const void *a, const void *b) {
    const struct sample_value *x = a, *y = b;
    return x->run != y->run ? (x->run > y->run) - (x->run < y->run)
                            : (x->ms > y->ms) - (x->ms < y->ms);
}

static size_t begin_of(const struct sample *s, unsigned run) {
    size_t low = 0, high = s->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->values[middle].run < run)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* `s` has its values run by run. */
static void draw_run(struct sample *out, const struct sample *s, unsigned run) {
    for (size_t i = begin_of(s, run); i < s->count && s->values[i].run == run; i++)
        sample_add(out, s->values[i].ms, run);
}

/* How far off as many runs of the model are as were measured: `chance` is how often by more than
 * the bound, `as_far` how often by at least as much as what was measured. It ends when `chance` is
 * above `enough`, which is then all that it says. */
static void draw(struct likeness *l, const struct sample *model, unsigned model_runs,
                 unsigned drawn_runs, double enough, double measured_distance, double *as_far) {
    struct sample by_runs = {.grain_ms = model->grain_ms}, drawn = by_runs;
    struct rng rng;
    unsigned apart = 0, further = 0;
    int point;
    rng_seed(&rng, SEED);
    for (size_t i = 0; i < model->count; i++)
        sample_add(&by_runs, model->values[i].ms, model->values[i].run);
    qsort(by_runs.values, by_runs.count, sizeof(*by_runs.values), by_run);
    for (unsigned i = 0; i < DRAWS && apart <= enough * DRAWS; i++) {
        double there[LIKENESS_POINTS];
        drawn.count = 0;
        for (unsigned k = 0; k < drawn_runs; k++)
            draw_run(&drawn, &by_runs, (unsigned)rng_below(&rng, model_runs));
        sample_sort(&drawn);
        take_points(&drawn, there);
        bool few = drawn.count < LIKENESS_FEW;
        apart += few || worst(l->model, there, &point) > 1;
        further += few || distance(l->model, there) >= measured_distance;
    }
    free(by_runs.values);
    free(drawn.values);
    l->chance = (double)apart / DRAWS;
    *as_far = (double)further / DRAWS;
}

/* ---- judging ---- */

/* Of what a model does not know a figure or two say little, nor do those of one run out of many,
 * which have one cause. */
static bool is_accident(const struct sample *s, unsigned runs) {
    bool one_run = runs > 1;
    for (size_t i = 1; i < s->count; i++)
        one_run = one_run && s->values[i].run == s->values[0].run;
    return s->count < LIKENESS_FEW || one_run;
}

unsigned likeness_runs(struct sample *model, unsigned model_runs, unsigned least, unsigned most) {
    struct likeness l = {.chance = 1};
    double as_far;
    if (model->count == 0)
        return least;
    sample_sort(model);
    take_points(model, l.model);
    for (unsigned runs = least; runs <= most; runs++) {
        draw(&l, model, model_runs, runs, LIKENESS_CHANCE_MAX, INFINITY, &as_far);
        if (l.chance <= LIKENESS_CHANCE_MAX)
            return runs;
    }
    return least;
}

struct likeness likeness_of(struct sample *model, unsigned model_runs, struct sample *measured,
                            unsigned measured_runs) {
    struct likeness l = {.verdict = LIKENESS_NONE};
    double as_far;
    int point = 0;
    if (model->count == 0 && measured->count == 0)
        return l;
    sample_sort(model);
    sample_sort(measured);
    take_points(model, l.model);
    take_points(measured, l.measured);
    double off = worst(l.model, l.measured, &point);
    l.shift_ms = l.measured[point] - l.model[point];
    l.bound_ms = bound(l.measured[point]);
    if (model->count == 0) {
        l.verdict = is_accident(measured, measured_runs) ? LIKENESS_TOO_FEW : LIKENESS_APART;
        return l;
    }
    bool few = measured->count < LIKENESS_FEW;
    off = few ? INFINITY : off;
    draw(&l, model, model_runs, measured_runs, 1, few ? INFINITY : distance(l.model, l.measured),
         &as_far);
    if (off > 1 && as_far < LIKENESS_RARE)
        l.verdict = LIKENESS_APART;
    else if (l.chance > LIKENESS_CHANCE_MAX)
        l.verdict = LIKENESS_TOO_FEW;
    else
        l.verdict = off > 1 ? LIKENESS_APART : LIKENESS_AGREES;
    return l;
}
