#include "test/bench/study.h"

#include "monitor/detector.h"
#include "peerd/base/rng.h"
#include "test/bench/sheet.h"

#include <math.h>
#include <stdlib.h>

#define LEARN_MS   600e3
#define DEATHS_MAX 8000
#define USUAL_MS   100

struct world {
    const struct study_path *path;
    struct rng rng;
    struct detector d;
    bool bad;
    double turn_ms;
    double now_ms, arrived_ms;
    double fixed_ms, interval_ms;
    uint64_t seq, counted, mistakes;
    struct instant give_up;
    double deaths[DEATHS_MAX]; /* [ms] detection times */
    size_t death_count;
    double death_share; /* of beats after which one strikes */
};

static double exponential(struct world *w) {
    return -log(1 - rng_unit(&w->rng));
}

static bool is_lost(struct world *w) {
    const struct study_path *p = w->path;
    if (p->burst_ms <= 0 || p->loss <= 0)
        return rng_unit(&w->rng) < p->loss;
    while (w->now_ms >= w->turn_ms) {
        w->bad = !w->bad;
        w->turn_ms += exponential(w) * p->burst_ms * (w->bad ? 1 : 1 / p->loss - 1);
    }
    return w->bad;
}

static struct instant at_ms(double ms) {
    return instant_us((int64_t)(ms * 1000));
}

/* What it echoes is half an interval old, in the mean, when it leaves. */
static void hear(struct world *w) {
    double delay_ms = w->path->round_trip_ms / 2 + w->path->jitter_ms * exponential(w);
    double echoed_ms = w->now_ms - w->interval_ms * rng_unit(&w->rng) - w->path->round_trip_ms / 2;
    w->arrived_ms = fmax(w->arrived_ms + 0.01, w->now_ms + delay_ms);
    struct instant now = at_ms(w->arrived_ms);
    struct duration announced = duration_us((int64_t)(w->interval_ms * 1000));
    if (instant_before(w->give_up, now) && w->now_ms > LEARN_MS)
        w->mistakes++;
    detector_heard(&w->d, w->seq, (int64_t)(w->now_ms * 1000), now, announced);
    detector_life_proven(&w->d, at_ms(echoed_ms), now, announced);
    w->give_up = detector_expires_at(&w->d);
}

static void strike(struct world *w) {
    if (w->now_ms < LEARN_MS || w->death_count == DEATHS_MAX || rng_unit(&w->rng) >= w->death_share)
        return;
    double death_ms = w->now_ms + w->interval_ms * rng_unit(&w->rng);
    w->deaths[w->death_count++] = fmax((double)w->give_up.us / 1000 - death_ms, 0);
}

static void beat(struct world *w) {
    w->seq++;
    w->counted += w->now_ms > LEARN_MS;
    if (!is_lost(w))
        hear(w);
    strike(w);
    w->now_ms += w->interval_ms;
    if (w->fixed_ms <= 0)
        w->interval_ms = (double)detector_interval_wished(&w->d).us / 1000;
}

struct study_found study_run(const struct study_path *path, double interval_ms, double hours,
                             uint64_t seed) {
    struct world *w = calloc(1, sizeof(*w));
    if (w == NULL)
        sheet_die("no memory for a study");
    double usual_ms = interval_ms > 0 ? interval_ms : USUAL_MS;
    struct detector_wish wish = {.detect_within = duration_ms(400),
                                 .false_alarm_every = duration_s(3600),
                                 .interval = duration_us((int64_t)(usual_ms * 1000))};
    wish.interval_min = interval_ms > 0 ? wish.interval : duration_ms(20);
    wish.interval_max = interval_ms > 0 ? wish.interval : duration_s(1);
    w->path = path;
    w->fixed_ms = interval_ms;
    w->interval_ms = usual_ms;
    w->give_up = INSTANT_NEVER;
    w->death_share = fmin(DEATHS_MAX / 2 * usual_ms / (hours * 3600e3), 1);
    rng_seed(&w->rng, seed);
    detector_init(&w->d, &wish);
    double end_ms = LEARN_MS + hours * 3600e3;
    while (w->now_ms < end_ms)
        beat(w);
    struct study_found found = {.interval_ms = hours * 3600e3 / (double)w->counted,
                                .td_ms_p50 = sheet_quantile(w->deaths, w->death_count, 500),
                                .td_ms_p99 = sheet_quantile(w->deaths, w->death_count, 990),
                                .mistakes_per_hour = (double)w->mistakes / hours,
                                .meets = detector_figures(&w->d, at_ms(w->now_ms)).meets_wish};
    free(w);
    return found;
}
