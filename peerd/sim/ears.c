#include "peerd/sim/ears.h"

#include "peerd/sim/post.h"
#include "peerd/sim/rivals.h"

#include <stdlib.h>
#include <string.h>

#define LEARN_US 60000000 /* [µs] of each way that do not count */
#define MS_MAX   60000    /* [ms] longer detections count as this */

/* A way, and what became of its beats. */
struct listened {
    struct path_quality quality;
    struct beats_line *lines; /* owned */
    size_t count;
};

struct bench {
    struct listened ways[EARS_PATHS_MAX];
    uint32_t way_count;
    uint32_t histogram[MS_MAX + 1];
    struct rng rng; /* deaths */
    struct rival rival;
};

/* ---- beats on their way ---------------------------------------------------------------------- */

static bool same_way(const struct path_quality *a, const struct path_quality *b) {
    return a->delay.us == b->delay.us && a->jitter.us == b->jitter.us &&
           a->jitter_correlation_ppm == b->jitter_correlation_ppm && a->loss_ppm == b->loss_ppm &&
           memcmp(&a->bursts, &b->bursts, sizeof(a->bursts)) == 0 &&
           a->outages.every.us == b->outages.every.us && a->rate_bps == b->rate_bps &&
           a->reorder_ppm == b->reorder_ppm;
}

static void find_ways(struct bench *x, const struct scenario *s) {
    for (uint32_t from = 0; from < s->cluster_count; from++)
        for (uint32_t to = 0; to < s->cluster_count; to++) {
            if (from == to || x->way_count == EARS_PATHS_MAX || !scenario_are_peers(s, from, to))
                continue;
            struct path_quality q = scenario_way(s, from, false, to, false);
            uint32_t i = 0;
            while (i < x->way_count && !same_way(&x->ways[i].quality, &q))
                i++;
            if (i == x->way_count)
                x->ways[x->way_count++].quality = q;
        }
}

static bool send_beats(struct listened *w, int64_t interval_us, size_t count, struct rng *rng) {
    struct way way;
    int64_t newest_us = 0;
    w->lines = calloc(count, sizeof(*w->lines));
    if (w->lines == NULL)
        return false;
    w->count = count;
    way_init(&way, &w->quality, instant_us(0));
    for (size_t i = 0; i < count; i++) {
        struct way_fate fate;
        int64_t at_us = (int64_t)(i + 1) * interval_us;
        w->lines[i] = (struct beats_line){.seq = i + 1, .send_us = at_us, .arrival_us = BEATS_LOST};
        if (!way_send(&way, rng, instant_us(at_us), SIM_BEAT_BYTES, &fate))
            continue;
        newest_us = fate.arrivals[0].at.us > newest_us ? fate.arrivals[0].at.us : newest_us;
        w->lines[i].arrival_us = newest_us;
    }
    return true;
}

/* ---- a detector ------------------------------------------------------------------------------ */

/* One way from beginning to end; adds to the histogram. Returns mistakes. */
static uint64_t hear_way(struct bench *x, const struct listened *w, int64_t interval_us) {
    int64_t give_up = RIVALS_NEVER;
    bool trusted = true;
    uint64_t mistakes = 0;
    for (size_t i = 0; i < w->count; i++) {
        const struct beats_line *line = &w->lines[i];
        bool counts = line->send_us >= LEARN_US;
        if (line->arrival_us != BEATS_LOST) {
            mistakes += trusted && give_up < line->arrival_us && counts;
            trusted &= give_up >= line->arrival_us;
            give_up = x->rival.kind->heard(&x->rival, line);
            mistakes += trusted && give_up <= line->arrival_us && counts;
            trusted = give_up > line->arrival_us;
        }
        if (!counts || give_up == RIVALS_NEVER)
            continue;
        int64_t death = line->send_us + (int64_t)rng_below(&x->rng, (uint64_t)interval_us);
        int64_t ms = give_up > death ? (give_up - death) / 1000 : 0;
        x->histogram[ms < MS_MAX ? ms : MS_MAX]++;
    }
    return mistakes;
}

static int64_t quantile(const struct bench *x, uint64_t permille) {
    uint64_t sum = 0, seen = 0;
    for (uint32_t i = 0; i <= MS_MAX; i++)
        sum += x->histogram[i];
    for (uint32_t i = 0; i <= MS_MAX; i++) {
        seen += x->histogram[i];
        if (seen > 0 && seen * 1000 >= sum * permille)
            return i;
    }
    return -1;
}

static struct detector_wish wish_of(const struct scenario *s, struct duration detect_within) {
    const struct policy_detection *d = &s->detection;
    return (struct detector_wish){.detect_within = detect_within,
                                  .false_alarm_every = d->false_alarm_every,
                                  .interval = d->interval,
                                  .interval_min = d->interval,
                                  .interval_max = d->interval};
}

/* `ours` is NULL for a rival. */
static void add_row(struct ears *out, struct bench *x, const struct scenario *s,
                    const struct rival_kind *kind, double param, const struct duration *ours) {
    int64_t interval_us = s->detection.interval.us;
    if (out->count == EARS_ROWS_MAX)
        return;
    struct ears_row *row = &out->rows[out->count++];
    *row = (struct ears_row){.name = kind->name,
                             .what = ours != NULL ? "detect_within in ms" : kind->param,
                             .param = param,
                             .customary = ours != NULL || param == kind->customary};
    memset(x->histogram, 0, sizeof(x->histogram));
    for (uint32_t i = 0; i < x->way_count; i++) {
        if (ours != NULL) {
            struct detector_wish wish = wish_of(s, *ours);
            rival_start_ours(&x->rival, &wish);
        } else {
            rival_start(&x->rival, kind, param, (double)interval_us);
        }
        row->mistakes += hear_way(x, &x->ways[i], interval_us);
    }
    row->ms_p50 = quantile(x, 500);
    row->ms_p99 = quantile(x, 990);
    row->per_hour = (double)row->mistakes / out->hours;
}

bool ears_listen(struct ears *out, const struct scenario *s, const struct duration *wishes,
                 uint32_t wish_count, double hours, uint64_t seed) {
    struct bench *x = calloc(1, sizeof(*x));
    memset(out, 0, sizeof(*out));
    if (x == NULL)
        return false;
    rng_seed(&x->rng, seed);
    find_ways(x, s);
    bool good = x->way_count > 0;
    double each_us = good ? hours * 3600e6 / x->way_count : 0;
    size_t beats = (size_t)((each_us + LEARN_US) / (double)s->detection.interval.us);
    for (uint32_t i = 0; i < x->way_count && good; i++)
        good = send_beats(&x->ways[i], s->detection.interval.us, beats, &x->rng);
    out->paths = x->way_count;
    out->hours = hours;
    for (uint32_t i = 0; i < wish_count && good; i++)
        add_row(out, x, s, rival_ours(), (double)wishes[i].us / 1e3, &wishes[i]);
    for (const struct rival_kind *k = rival_kinds(); k->name != NULL && good; k++)
        for (uint32_t i = 0; k->params[i] > 0; i++)
            add_row(out, x, s, k, k->params[i], NULL);
    for (uint32_t i = 0; i < x->way_count; i++)
        free(x->ways[i].lines);
    free(x);
    return good;
}
