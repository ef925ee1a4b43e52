#include "peerd/sim/rivals.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

/* ---- a fixed time after the last arrival ----------------------------------------------------- */

static void start_nothing(struct rival *r) {
    (void)r;
}

static int64_t fixed_heard(struct rival *r, const struct beats_line *line) {
    return line->arrival_us + (int64_t)(r->param * r->interval_us);
}

/* ---- phi-accrual ----------------------------------------------------------------------------- */

#define PHI_DEVIATION_MIN_US 100.0

/* How many deviations beyond the mean a normal variable is with probability 10^-phi: Newton on the
 * logarithm of erfc, asymptotic where that underflows (Abramowitz and Stegun 7.1.23). */
static double log10_beyond(double z) {
    if (z < 30)
        return log10(erfc(z / sqrt(2)) / 2);
    return -z * z / 2 / log(10) - log10(z * sqrt(2 * 3.14159265358979));
}

static double deviations_for(double phi) {
    double low = -10, high = 200;
    for (int i = 0; i < 50; i++) {
        double middle = (low + high) / 2;
        if (log10_beyond(middle) > -phi)
            low = middle;
        else
            high = middle;
    }
    return high;
}

static void phi_start(struct rival *r) {
    r->u.phi = (struct rival_phi){.arrival = RIVALS_NEVER, .deviations = deviations_for(r->param)};
}

static void phi_learn(struct rival_phi *p, double gap_us) {
    if (p->count == RIVALS_WINDOW) {
        double old = p->gaps[p->next];
        p->sum -= old;
        p->squares -= old * old;
    } else {
        p->count++;
    }
    p->gaps[p->next] = gap_us;
    p->next = (p->next + 1) % RIVALS_WINDOW;
    p->sum += gap_us;
    p->squares += gap_us * gap_us;
}

static int64_t phi_heard(struct rival *r, const struct beats_line *line) {
    struct rival_phi *p = &r->u.phi;
    if (p->arrival != RIVALS_NEVER)
        phi_learn(p, (double)(line->arrival_us - p->arrival));
    p->arrival = line->arrival_us;
    if (p->count < 2)
        return RIVALS_NEVER;
    double mean = p->sum / p->count;
    double deviation = sqrt(fmax(p->squares / p->count - mean * mean, 0));
    double wait = mean + p->deviations * fmax(deviation, PHI_DEVIATION_MIN_US);
    return line->arrival_us + (int64_t)fmax(wait, 0);
}

/* ---- Chen's NFD-E and Bertier's -------------------------------------------------------------- */

static void chen_start(struct rival *r) {
    r->u.chen = (struct rival_chen){.size = (uint32_t)r->kind->more};
}

/* Expected arrival of the next beat: the mean of what the newest were late, plus its number times
 * the interval. */
static int64_t chen_expect(struct rival *r, const struct beats_line *line) {
    struct rival_chen *c = &r->u.chen;
    int64_t offset = line->arrival_us - (int64_t)((double)line->seq * r->interval_us);
    if (c->count == c->size)
        c->sum -= (double)c->offsets[c->next];
    else
        c->count++;
    c->offsets[c->next] = offset;
    c->next = (c->next + 1) % c->size;
    c->sum += (double)offset;
    return (int64_t)(c->sum / c->count + (double)(line->seq + 1) * r->interval_us);
}

static int64_t chen_heard(struct rival *r, const struct beats_line *line) {
    return chen_expect(r, line) + (int64_t)(r->param * 1e3);
}

#define BERTIER_GAMMA 0.1
#define BERTIER_BETA  1.0

static int64_t bertier_heard(struct rival *r, const struct beats_line *line) {
    struct rival_chen *c = &r->u.chen;
    if (c->count > 0) {
        int64_t foretold =
            c->expected + (int64_t)((double)(line->seq - c->seq - 1) * r->interval_us);
        double error = (double)(line->arrival_us - foretold) - c->delay;
        c->delay += BERTIER_GAMMA * error;
        c->var += BERTIER_GAMMA * (fabs(error) - c->var);
    }
    c->seq = line->seq;
    c->expected = chen_expect(r, line);
    return c->expected + (int64_t)(BERTIER_BETA * c->delay + r->param * c->var);
}

/* ---- ours ------------------------------------------------------------------------------------ */

static int64_t ours_heard(struct rival *r, const struct beats_line *line) {
    struct detector *d = &r->u.detector;
    struct instant now = instant_us(line->arrival_us);
    struct instant sent = instant_min(instant_us(line->send_us), now);
    struct duration interval = duration_us((int64_t)r->interval_us);
    detector_heard(d, line->seq, line->send_us, now, interval);
    detector_life_proven(d, sent, now, interval);
    return detector_expires_at(d).us;
}

/* ---- the table ------------------------------------------------------------------------------- */

#define STATE(field) (offsetof(struct rival, u) + sizeof(((struct rival *)NULL)->u.field))
#define ALPHAS                                                                                     \
    {                                                                                              \
        1, 2, 4, 6, 8, 10, 13, 16, 20, 25, 30, 40, 50, 60, 70, 80, 100, 120, 140, 160, 180, 200,   \
            220, 240, 260, 280, 300, 330, 360, 400, 500, 700, 1000, 1500, 2000, 3000               \
    }

static const struct rival_kind kinds[] = {
    {"fixed",
     "intervals after the last arrival",
     {1.03, 1.06, 1.1,  1.15, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2, 2.05, 2.1, 2.2, 2.3, 2.5,
      2.7,  2.9,  3.05, 3.1,  3.2, 3.3, 3.5, 4,   4.1, 4.5, 5,   6,   8, 10,   15,  20,  30},
     6,
     0,
     offsetof(struct rival, u),
     start_nothing,
     fixed_heard},
    {"bfd",
     "transmit intervals",
     {2, 3, 4, 5, 6, 8, 10, 15, 20, 30},
     3,
     0,
     offsetof(struct rival, u),
     start_nothing,
     fixed_heard},
    {"phi",
     "threshold",
     {0.5, 1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 30, 40, 60, 80, 120, 160, 240, 320, 500, 1000},
     8,
     0,
     STATE(phi),
     phi_start,
     phi_heard},
    {"chen", "alpha in ms, window 1000", ALPHAS, 100, 1000, STATE(chen), chen_start, chen_heard},
    {"chen100", "alpha in ms, window 100", ALPHAS, 0, 100, STATE(chen), chen_start, chen_heard},
    {"chen10", "alpha in ms, window 10", ALPHAS, 0, 10, STATE(chen), chen_start, chen_heard},
    {"bertier",
     "phi",
     {0.5, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 70, 100, 150, 200, 300, 500},
     4,
     1000,
     STATE(chen),
     chen_start,
     bertier_heard},
    {.name = NULL}};

static const struct rival_kind ours = {"peerd",
                                       "false_alarm_every in s",
                                       {60, 180, 600, 1800, 3600, 7200, 21600, 86400},
                                       0,
                                       0,
                                       STATE(detector),
                                       start_nothing,
                                       ours_heard};

const struct rival_kind *rival_kinds(void) {
    return kinds;
}

const struct rival_kind *rival_ours(void) {
    return &ours;
}

void rival_start(struct rival *r, const struct rival_kind *kind, double param, double interval_us) {
    r->kind = kind;
    r->param = param;
    r->interval_us = interval_us;
    kind->start(r);
}

void rival_start_ours(struct rival *r, const struct detector_wish *wish) {
    rival_start(r, &ours, (double)wish->false_alarm_every.us / 1e6, (double)wish->interval.us);
    detector_init(&r->u.detector, wish);
}
