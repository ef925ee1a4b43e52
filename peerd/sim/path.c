#include "peerd/sim/path.h"

#include <assert.h>
#include <math.h>

#define PPM              UINT32_C(1000000)
#define BITS             8
#define US_PER_S         UINT64_C(1000000)
#define DUPLICATE_WITHIN duration_ms(1)
#define OUTAGES_AT_ONCE  1000 /* drawn to catch up with an idle time; then the clock begins anew */

static const struct instant long_ago = {INT64_MIN};

static bool chance(struct rng *rng, uint32_t ppm) {
    return ppm >= PPM || (ppm > 0 && rng_below(rng, PPM) < ppm);
}

void way_init(struct way *w, const struct path_quality *quality, struct instant now) {
    *w = (struct way){.quality = *quality,
                      .arrived = long_ago,
                      .jitter_until = long_ago,
                      .free_at = long_ago,
                      .outage_from = now,
                      .outage_until = now};
}

void way_set_quality(struct way *w, const struct path_quality *quality, struct instant now) {
    const struct path_quality *old = &w->quality;
    struct duration waits = DURATION_ZERO; /* for the rate: the same bits wait for the new one */
    if (instant_before(now, w->free_at))
        waits = instant_since(w->free_at, now);
    w->free_rest = 0;
    w->free_at = now;
    if (quality->rate_bps > 0)
        w->free_at = instant_add(
            now, duration_scale(waits, (int64_t)old->rate_bps, (int64_t)quality->rate_bps));
    if (quality->outages.every.us != old->outages.every.us)
        w->outage_from = w->outage_until = now;
    if (quality->bursts.enter_ppm == 0)
        w->bad = false;
    w->jitter_until = long_ago;
    w->quality = *quality;
}

void way_take_mile(struct way *w, const struct way_mile *mile) {
    if (!mile->begun)
        return;
    if (mile->bursts)
        w->bad = mile->bad;
    if (!mile->outages)
        return;
    w->outage_from = mile->outage_from;
    w->outage_until = mile->outage_until;
}

void way_give_mile(const struct way *w, struct way_mile *mile) {
    mile->begun = true;
    mile->bad = w->bad;
    mile->outage_from = w->outage_from;
    mile->outage_until = w->outage_until;
}

/* ---- what it meets, in this order ---- */

/* Exponential: the pauses of a Poisson process. */
static struct duration drawn_pause(struct rng *rng, struct duration mean) {
    return duration_us((int64_t)((double)mean.us * -log(1.0 - rng_unit(rng))) + 1);
}

static struct duration drawn_outage(struct rng *rng, const struct path_outages *o) {
    double longest = (double)duration_max(o->least, o->longest).us;
    double us = (double)o->least.us * pow(1.0 - rng_unit(rng), -1000.0 / o->shape_permille);
    return duration_us((int64_t)(us < longest ? us : longest));
}

bool way_is_out(struct way *w, struct rng *rng, struct instant now) {
    const struct path_outages *o = &w->quality.outages;
    if (o->every.us <= 0)
        return false;
    assert(o->shape_permille > 0);
    for (uint32_t i = 0; !instant_before(now, w->outage_until); i++) {
        /* After an idle age it does not matter when the last one was: pauses have no memory. */
        struct instant from = i < OUTAGES_AT_ONCE ? w->outage_until : now;
        w->outage_from = instant_add(from, drawn_pause(rng, o->every));
        w->outage_until = instant_add(w->outage_from, drawn_outage(rng, o));
    }
    return !instant_before(now, w->outage_from);
}

/* Takes its place in the queue; false if that would be too far behind. `left`: on its way. */
static bool queue_passed(struct way *w, struct instant now, uint32_t bytes, struct instant *left) {
    const struct path_quality *q = &w->quality;
    *left = now;
    if (q->rate_bps == 0)
        return true;
    if (!instant_before(now, w->free_at)) {
        w->free_at = now;
        w->free_rest = 0;
    }
    if (duration_less(q->queue, instant_since(w->free_at, now)))
        return false;
    uint64_t work = (uint64_t)bytes * BITS * US_PER_S + w->free_rest; /* [bit·µs/s] */
    w->free_at = instant_add(w->free_at, duration_us((int64_t)(work / q->rate_bps)));
    w->free_rest = work % q->rate_bps;
    *left = w->free_at;
    return true;
}

static bool has_bursts(const struct path_bursts *b) {
    return b->enter_ppm > 0 || b->loss_good_ppm > 0;
}

static bool burst_takes(struct way *w, struct rng *rng) {
    const struct path_bursts *b = &w->quality.bursts;
    if (!has_bursts(b))
        return false;
    if (chance(rng, w->bad ? b->leave_ppm : b->enter_ppm))
        w->bad = !w->bad;
    return chance(rng, w->bad ? b->loss_bad_ppm : b->loss_good_ppm);
}

static struct duration jitter_now(struct way *w, struct rng *rng, struct instant now) {
    const struct path_quality *q = &w->quality;
    if (q->jitter.us <= 0)
        return DURATION_ZERO;
    if (instant_before(now, w->jitter_until))
        return w->jitter;
    bool first = w->jitter_until.us == long_ago.us;
    if (first || !chance(rng, q->jitter_correlation_ppm))
        w->jitter = rng_duration(rng, DURATION_ZERO, q->jitter);
    w->jitter_until = instant_add(now, duration_scale(q->jitter, 1, 2));
    return w->jitter;
}

/* The arrival of the original. */
static struct instant arrival_of(struct way *w, struct rng *rng, struct instant now,
                                 struct instant left) {
    struct duration way = duration_add(w->quality.delay, jitter_now(w, rng, now));
    if (chance(rng, w->quality.reorder_ppm))
        return instant_add(left,
                           rng_duration(rng, duration_scale(way, 1, 2), duration_scale(way, 3, 4)));
    w->arrived = instant_max(w->arrived, instant_add(left, way));
    return w->arrived;
}

static void arrives(struct way_fate *f, struct instant at, enum way_copy copy) {
    f->arrivals[f->count].at = at;
    f->arrivals[f->count++].copy = copy;
}

bool way_send(struct way *w, struct rng *rng, struct instant now, uint32_t bytes,
              struct way_fate *out) {
    const struct path_quality *q = &w->quality;
    struct instant left = now;
    out->drop = WAY_DROP_NONE;
    out->count = 0;
    if (way_is_out(w, rng, now))
        out->drop = WAY_DROP_OUTAGE;
    else if (!queue_passed(w, now, bytes, &left))
        out->drop = WAY_DROP_QUEUE;
    else if (burst_takes(w, rng))
        out->drop = WAY_DROP_BURST;
    else if (chance(rng, q->loss_ppm))
        out->drop = WAY_DROP_LOSS;
    if (out->drop != WAY_DROP_NONE)
        return false;
    struct instant at = arrival_of(w, rng, now, left);
    arrives(out, at, WAY_COPY_ORIGINAL);
    if (chance(rng, q->duplicate_ppm))
        arrives(out,
                instant_add(at, rng_duration(rng, DURATION_ZERO,
                                             duration_max(q->jitter, DUPLICATE_WITHIN))),
                WAY_COPY_DUPLICATE);
    if (chance(rng, q->replay_ppm))
        arrives(out, instant_add(at, rng_duration(rng, DURATION_ZERO, q->replay_in)),
                WAY_COPY_REPLAY);
    return true;
}

/* ---- queries ---- */

bool path_quality_is_delay(const struct path_quality *q) {
    return q->jitter.us <= 0 && q->loss_ppm == 0 && !has_bursts(&q->bursts) &&
           q->outages.every.us <= 0 && q->rate_bps == 0 && q->reorder_ppm == 0 &&
           q->duplicate_ppm == 0 && q->replay_ppm == 0;
}

uint32_t path_quality_loss(const struct path_quality *q) {
    const struct path_bursts *b = &q->bursts;
    uint64_t burst = b->loss_good_ppm;
    if (b->enter_ppm > 0)
        burst =
            ((uint64_t)b->enter_ppm * b->loss_bad_ppm + (uint64_t)b->leave_ppm * b->loss_good_ppm) /
            ((uint64_t)b->enter_ppm + b->leave_ppm);
    return (uint32_t)(burst + (PPM - burst) * q->loss_ppm / PPM);
}

const char *way_drop_name(enum way_drop drop) {
    switch (drop) {
    case WAY_DROP_NONE:
        return "none";
    case WAY_DROP_OUTAGE:
        return "outage";
    case WAY_DROP_QUEUE:
        return "queue";
    case WAY_DROP_BURST:
        return "burst";
    case WAY_DROP_LOSS:
        return "loss";
    }
    return "?";
}
