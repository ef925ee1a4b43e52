#include "test/bench/replay.h"

#include "peerd/base/rng.h"
#include "test/bench/sheet.h"

#include <stdlib.h>
#include <string.h>

#define LATE_MAX_US 10000000 /* what is under way for longer is not waited for */

static int by_arrival(const void *a, const void *b) {
    const struct beats_line *x = a, *y = b;
    if (x->arrival_us != y->arrival_us)
        return x->arrival_us < y->arrival_us ? -1 : 1;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

static int by_instant(const void *a, const void *b) {
    const struct replay_death *x = a, *y = b;
    return (x->at_us > y->at_us) - (x->at_us < y->at_us);
}

static void *allocate(size_t count, size_t bytes) {
    void *p = calloc(count == 0 ? 1 : count, bytes);
    if (p == NULL)
        sheet_die("no memory for a replay");
    return p;
}

/* What of the trace a death leaves: found once, for all detectors. */
static void find_arrivals(const struct replay *p, struct replay_death *d, size_t *from) {
    size_t i = *from;
    while (i < p->count && p->arrivals[i].send_us <= d->at_us)
        i++;
    *from = d->arrivals = d->until = i;
    for (; i < p->count && p->arrivals[i].arrival_us < d->at_us + LATE_MAX_US; i++)
        if (p->arrivals[i].send_us <= d->at_us)
            d->until = i + 1;
}

void replay_init(struct replay *p, const struct beats *b, size_t deaths, uint64_t seed) {
    struct rng rng;
    *p = (struct replay){.arrivals = allocate(b->count, sizeof(*p->arrivals)),
                         .deaths = allocate(deaths, sizeof(*p->deaths)),
                         .detections = allocate(deaths, sizeof(double)),
                         .death_count = deaths};
    for (size_t i = 0; i < b->count; i++)
        if (b->lines[i].arrival_us != BEATS_LOST)
            p->arrivals[p->count++] = b->lines[i];
    if (p->count < 2)
        sheet_die("nothing of the trace arrives");
    qsort(p->arrivals, p->count, sizeof(*p->arrivals), by_arrival);
    p->begin_us = p->arrivals[0].arrival_us + REPLAY_LEARN_US;
    p->end_us = p->arrivals[p->count - 1].arrival_us;
    int64_t last_us = p->arrivals[p->count - 1].send_us - 1;
    if (last_us <= p->begin_us)
        sheet_die("the trace has to last longer than a minute");
    rng_seed(&rng, seed);
    for (size_t i = 0; i < deaths; i++)
        p->deaths[i].at_us =
            p->begin_us + (int64_t)rng_below(&rng, (uint64_t)(last_us - p->begin_us));
    qsort(p->deaths, deaths, sizeof(*p->deaths), by_instant);
    size_t from = 0;
    for (size_t i = 0; i < deaths; i++)
        find_arrivals(p, &p->deaths[i], &from);
}

void replay_free(struct replay *p) {
    free(p->arrivals);
    free(p->deaths);
    free(p->detections);
}

struct run {
    const struct replay *p;
    struct rival *r;
    uint64_t seq;    /* newest heard */
    int64_t give_up; /* [µs] */
    bool trusted;
    uint64_t mistakes, early;
};

static void count_mistake(struct run *x, int64_t at_us) {
    x->mistakes += at_us >= x->p->begin_us;
    x->early += at_us >= x->p->begin_us && at_us < x->p->begin_us + REPLAY_EARLY_US;
}

static void hear(struct run *x, const struct beats_line *line) {
    if (line->seq <= x->seq)
        return;
    if (x->trusted && x->give_up < line->arrival_us) {
        count_mistake(x, x->give_up);
        x->trusted = false;
    }
    x->seq = line->seq;
    x->give_up = x->r->kind->heard(x->r, line);
    if (x->give_up > line->arrival_us)
        x->trusted = true;
    else if (x->trusted) { /* came too late to be trusted for a moment */
        count_mistake(x, line->arrival_us);
        x->trusted = false;
    }
}

/* The peer dies: what is still under way is heard by a copy. */
static double detection_ms(const struct run *x, const struct replay_death *d) {
    static struct rival copy;
    struct run y = *x;
    if (d->until > d->arrivals) {
        memcpy(&copy, x->r, x->r->kind->state_bytes);
        y.r = &copy;
        for (size_t i = d->arrivals; i < d->until; i++)
            if (x->p->arrivals[i].send_us <= d->at_us)
                hear(&y, &x->p->arrivals[i]);
    }
    return y.give_up > d->at_us ? (double)(y.give_up - d->at_us) / 1e3 : 0;
}

struct replay_result replay_run(const struct replay *p, struct rival *r,
                                void (*each)(void *data, const struct rival *r, int64_t now_us),
                                void *data) {
    struct run x = {.p = p, .r = r, .give_up = RIVALS_NEVER, .trusted = true};
    struct replay_result out = {.param = r->param};
    size_t death = 0;
    for (size_t i = 0; i < p->count; i++) {
        for (; death < p->death_count && p->deaths[death].arrivals <= i; death++)
            p->detections[death] = detection_ms(&x, &p->deaths[death]);
        hear(&x, &p->arrivals[i]);
        if (each != NULL)
            each(data, r, p->arrivals[i].arrival_us);
    }
    for (; death < p->death_count; death++)
        p->detections[death] = detection_ms(&x, &p->deaths[death]);
    out.hours = (double)(p->end_us - p->begin_us) / 3600e6;
    out.mistakes = x.mistakes;
    out.mistakes_early = x.early;
    out.mistakes_per_hour = (double)x.mistakes / out.hours;
    out.td_ms_p50 = sheet_quantile(p->detections, p->death_count, 500);
    out.td_ms_p99 = sheet_quantile(p->detections, p->death_count, 990);
    out.td_ms_max = sheet_quantile(p->detections, p->death_count, 1000);
    return out;
}
