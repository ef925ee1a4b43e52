#include "monitor/tail.h"

#include <math.h>

/* A shape from n exceedances is believed n : SHAPE_DOUBT against an exponential tail. */
#define SHAPE_DOUBT 25
#define SHAPE_MIN   (-0.4)
#define SHAPE_MAX   0.6
#define SHAPE_GUESS 0.1  /* without exceedances: a little heavier than exponential */
#define RECORD      1.15 /* what has been seen may come so much larger again */

#define GROWN_DEVIATIONS 3 /* samples beyond the expected … */
#define GROWN_LEAST      2 /* … by so many and these are no chance */

#define AHEAD 20 /* tails are compared where so many times more samples would reach */

/* The more so while little has been seen. */
#define FEW             3000 /* samples */
#define SHAPE_GUESS_FEW 0.03
#define RECORD_FEW      0.1

/* Beyond the farthest so much of the whole wait is believed, or what breaking a record is. */
#define ROOM 0.05
#define NONE 0.1 /* samples, faded: less is none */

/* The largest of all would on average not have come again in the time it took to come. */
#define CHANCE 0.6 /* samples */

static double edge_us(int bin) {
    return TAIL_US_MIN * exp2((double)bin / TAIL_PER_OCT);
}

static double octaves_above(double us) {
    return log2(us / TAIL_US_MIN) * TAIL_PER_OCT;
}

void tail_add(struct tail *t, double excess_us) {
    t->all += 1;
    if (excess_us < TAIL_US_MIN)
        return;
    int bin = (int)octaves_above(fmin(excess_us, TAIL_US_MAX));
    t->counts[bin < TAIL_BINS ? bin : TAIL_BINS - 1] += 1;
}

void tail_fade(struct tail *t, double keep) {
    for (int i = 0; i < TAIL_BINS; i++)
        t->counts[i] *= (float)keep;
    t->all *= (float)keep;
}

bool tail_has_grown(const struct tail *recent, const struct tail *all) {
    double seen = 0, ever = 0, part = (double)recent->all / fmax((double)all->all, 1);
    for (int i = TAIL_BINS - 1; i >= 0; i--) {
        seen += (double)recent->counts[i];
        ever += (double)all->counts[i];
        double chance = ever * part + GROWN_DEVIATIONS * sqrt(ever * part) + GROWN_LEAST;
        if (seen > chance)
            return true;
    }
    return false;
}

/* The lowest bin of the uppermost `want` samples. */
static int top_bin(const struct tail *t, double want, double *count) {
    *count = 0;
    int bin = TAIL_BINS;
    while (bin > 0 && *count < want)
        *count += (double)t->counts[--bin];
    return bin;
}

/* By the mean and the variance of what is beyond the lower edge of a bin. */
static void fit_pareto(const struct tail *t, struct tail_fit *fit, double want, double doubt) {
    double top, first = 0, second = 0, few = exp(-(double)t->all / FEW);
    int from = top_bin(t, want, &top);
    fit->from_us = edge_us(from);
    fit->from_share = top / fmax((double)t->all, 1);
    fit->scale_us = fit->shape = 0;
    if (top < 1e-6)
        return;
    for (int i = from; i < TAIL_BINS; i++) {
        double low = edge_us(i) - fit->from_us, high = edge_us(i + 1) - fit->from_us;
        first += (double)t->counts[i] * (low + high) / 2;
        second += (double)t->counts[i] * (low * low + low * high + high * high) / 3;
    }
    double mean = first / top, variance = fmax(second / top - mean * mean, mean * mean / 100);
    double shape = fmin(fmax((1 - mean * mean / variance) / 2, 2 * SHAPE_MIN), SHAPE_MAX);
    double guess = SHAPE_GUESS + SHAPE_GUESS_FEW * few;
    shape = (shape * top + guess * SHAPE_DOUBT * doubt) / (top + SHAPE_DOUBT * doubt);
    fit->shape = fmax(shape, SHAPE_MIN);
    fit->scale_us = mean * (1 - fit->shape);
}

/* [µs] beyond which a share of AHEAD / samples is expected. */
static double reach(const struct tail_fit *fit, double all) {
    double rarer = fmax(fit->from_share * all * AHEAD, 1);
    if (fabs(fit->shape) < 1e-3)
        return fit->from_us + fit->scale_us * log(rarer);
    return fit->from_us + fit->scale_us * (pow(rarer, fit->shape) - 1) / fit->shape;
}

/* [µs] the upper edge of the last bin that holds any. */
static double farthest(const struct tail *t) {
    int bin = TAIL_BINS;
    while (bin > 0 && (double)t->counts[bin - 1] < NONE)
        bin--;
    return bin > 0 ? edge_us(bin) : 0;
}

/* Where hand-overs make two heaps of one path, a tail that begins between them is much too long;
 * so there are two tries, and the shorter tail counts. */
void tail_fit(const struct tail *t, struct tail_fit *fit, double doubt, double interval_us) {
    double beyond = 0, all = fmax((double)t->all, 1);
    double want = fmin(fmax(all * TAIL_TOP_SHARE, TAIL_TOP), TAIL_TOP_MAX);
    struct tail_fit further;
    fit_pareto(t, &further, fmax(want / 3, TAIL_TOP / 2.0), doubt);
    fit_pareto(t, fit, want, doubt);
    if (reach(&further, all) < reach(fit, all))
        *fit = further;
    fit->share_beyond[TAIL_BINS] = 0;
    for (int i = TAIL_BINS - 1; i >= 0; i--) {
        beyond += (double)t->counts[i];
        fit->share_beyond[i] = beyond / all;
    }
    fit->record = RECORD + RECORD_FEW * exp(-all / FEW);
    fit->chance = CHANCE / all;
    double farthest_us = farthest(t);
    fit->most_us =
        fmax(farthest_us * fit->record, farthest_us + ROOM * (interval_us + farthest_us));
}

static double pareto_beyond(const struct tail_fit *fit, double us) {
    if (fit->scale_us <= 0)
        return 0;
    double x = (us - fit->from_us) / fit->scale_us;
    if (fabs(fit->shape) < 1e-3)
        return fit->from_share * exp(-x);
    double base = 1 + fit->shape * x;
    return base <= 0 ? 0 : fit->from_share * pow(base, -1 / fit->shape);
}

double tail_share_seen(const struct tail_fit *fit, double us) {
    if (us < 0)
        return 1;
    if (us <= TAIL_US_MIN) /* between no excess and the least counted all is equally likely */
        return fit->share_beyond[0];
    double at = octaves_above(us);
    int bin = (int)at;
    if (bin >= TAIL_BINS)
        return fit->share_beyond[TAIL_BINS];
    return fit->share_beyond[bin] +
           (fit->share_beyond[bin + 1] - fit->share_beyond[bin]) * (at - bin);
}

double tail_share_beyond(const struct tail_fit *fit, double us) {
    if (us < fit->from_us)
        return tail_share_seen(fit, us);
    if (us > fit->most_us)
        return 0;
    double before = fit->from_us + (us - fit->from_us) / fit->record;
    double again = tail_share_seen(fit, before) - fit->chance;
    return fmax(pareto_beyond(fit, us), again);
}
