#include "transcoder/timeline/pace.h"

#include "peerd/wire/message.h"

#include <assert.h>
#include <string.h>

#define BILLION INT64_C(1000000000)

static void begin_fill(struct pace *p, uint64_t from, uint64_t end,
                       const uint8_t held[PACE_HELD_BYTES], struct instant now) {
    p->fill_next = from;
    p->fill_end = end;
    p->held_from = from;
    if (held != NULL)
        memcpy(p->held, held, sizeof(p->held));
    else
        memset(p->held, 0, sizeof(p->held));
    p->fill_at = now;
    p->fill_sent = 0;
}

static bool held(const struct pace *p, uint64_t frame) {
    if (frame <= p->held_from || frame - p->held_from > 8 * PACE_HELD_BYTES)
        return false;
    uint64_t bit = frame - p->held_from - 1;
    return p->held[bit / 8] >> (bit % 8) & 1;
}

static void skip_held(struct pace *p) {
    while (p->fill_next < p->fill_end && held(p, p->fill_next))
        p->fill_next++;
}

void pace_start(struct pace *p, struct duration frame, uint64_t from, uint64_t live,
                const uint8_t held_map[PACE_HELD_BYTES], struct instant now) {
    assert(frame.us > 0);
    *p = (struct pace){
        .frame = frame,
        .base = now,
        .live = live,
        .next = from > live ? from : live,
        .end = FRAME_NEVER,
        .covered_from = from,
        .asked_at = now,
        .running = true,
    };
    servo_init(&p->servo);
    begin_fill(p, from, from < live ? live : from, held_map, now);
    skip_held(p);
}

void pace_spare(struct pace *p) {
    p->sparing = true;
    p->spared_at = p->base;
    p->spared = 0;
}

/* When the backfill goes on. */
static struct instant fill_again_at(const struct pace *p) {
    if (p->sparing)
        return p->spared_at;
    int64_t gap = p->fill_sent < PACE_BURST_FRAMES ? PACE_BURST_GAP_US : PACE_BACKFILL_GAP_US;
    return instant_add(p->fill_at, duration_us(gap));
}

/* A sparing one does not make up for what it waited until it began, and later for a frame's time: a
 * turn of whoever drives it may be longer than the gap, and it must not fall behind real time. */
static void spare(struct pace *p, struct instant now) {
    struct duration gap = duration_us(PACE_SPARING_GAP_US);
    struct instant least = instant_add(instant_sub(now, p->frame), gap);
    struct instant from = p->spared++ == 0 ? now : instant_max(p->spared_at, least);
    p->spared_at = instant_add(from, gap);
}

/* Frames of a backfill under way that have gone out: the question for earlier ones has crossed
 * them. */
static void leave_out(struct pace *p, uint64_t from, uint64_t end) {
    for (uint64_t f = from; f < end && f - p->held_from <= 8 * PACE_HELD_BYTES; f++) {
        uint64_t bit = f - p->held_from - 1;
        p->held[bit / 8] |= (uint8_t)(1U << (bit % 8));
    }
}

/* A start ahead of `live` has not sent anything while its first frame is not due: if it is asked
 * for earlier ones after all, those that are not due either wait for their instants like any other.
 */
static void begin_earlier(struct pace *p, uint64_t from, struct instant now) {
    int64_t passed_us = pace_media_us(p, now);
    uint64_t due = p->live + (passed_us < 0 ? 0 : (uint64_t)(passed_us / p->frame.us) + 1);
    uint64_t first = from > due ? from : due;
    if (first >= p->next)
        return;
    p->next = first;
    p->covered_from = first < p->covered_from ? first : p->covered_from;
}

/* How long a question was on its way, or waited to be read, beyond what its asker reckoned with: it
 * says which frame should be on the wire when it arrives. Who has heard nothing yet does not know.
 */
static struct duration age(const struct pace *p, uint64_t from, uint64_t live, struct instant now) {
    if (from >= live)
        return DURATION_ZERO;
    int64_t asked_us = (int64_t)(live - p->live) * p->frame.us;
    return duration_max(duration_us(pace_media_us(p, now) - asked_us), DURATION_ZERO);
}

void pace_repair(struct pace *p, uint64_t from, uint64_t live,
                 const uint8_t held_map[PACE_HELD_BYTES], struct instant now) {
    assert(p->running);
    begin_earlier(p, from, now);
    uint64_t end = p->fill_next < p->fill_end ? p->fill_end : 0;
    struct duration crossing = duration_add(duration_ms(PACE_REPEAT_MS), age(p, from, live, now));
    bool again = !duration_less(instant_since(now, p->asked_at), crossing);
    if (again) {
        /* What went out since is still on its way, and the receiver could not know. */
        uint64_t flying = (uint64_t)(crossing.us / p->frame.us);
        uint64_t landed = p->next > flying ? p->next - flying : 0;
        end = end > landed ? end : landed;
    }
    if (from < p->covered_from && end < p->covered_from)
        end = p->covered_from < p->next ? p->covered_from : p->next;
    if ((!again && from >= p->covered_from) || from >= end)
        return;
    uint64_t sent_from = p->covered_from, sent_to = again ? sent_from : p->fill_next;
    begin_fill(p, from, end, held_map, now);
    leave_out(p, sent_from, sent_to);
    skip_held(p);
    p->covered_from = from < p->covered_from ? from : p->covered_from;
    p->asked_at = now;
}

void pace_stop(struct pace *p) {
    p->running = false;
}

void pace_end_at(struct pace *p, uint64_t end) {
    p->end = end < p->end ? end : p->end;
    p->fill_end = p->fill_end < p->end ? p->fill_end : p->end;
}

struct instant pace_due(const struct pace *p, uint64_t frame) {
    int64_t us = (int64_t)(frame - p->live) * p->frame.us;
    return instant_us(p->base.us + us - us * p->rate_ppb / BILLION);
}

static bool is_filling(const struct pace *p) {
    return p->fill_next < p->fill_end;
}

/* A sparing one goes by position, and does not make up at once for what it waited either. */
static struct instant paced_at(const struct pace *p) {
    if (p->next >= p->end || (p->sparing && is_filling(p)))
        return INSTANT_NEVER;
    struct instant due = pace_due(p, p->next);
    return p->sparing ? instant_max(due, p->spared_at) : due;
}

int64_t pace_media_us(const struct pace *p, struct instant at) {
    int64_t us = instant_since(at, p->base).us;
    return us + us * p->rate_ppb / (BILLION - p->rate_ppb);
}

/* The schedule goes on from the newest frame that is due and sent, if there is one: what is ahead
 * of it comes at another rate, what is behind it stays as it was. */
void pace_follow(struct pace *p, int32_t lag_us, struct instant now) {
    if (!p->running || lag_us == MESSAGE_LAG_UNKNOWN)
        return;
    int32_t rate_ppb = servo_report(&p->servo, lag_us);
    if (rate_ppb == p->rate_ppb)
        return;
    int64_t media_us = pace_media_us(p, now);
    uint64_t frame = p->live + (media_us > 0 ? (uint64_t)(media_us / p->frame.us) : 0);
    if (frame >= p->next)
        frame = p->next > p->live ? p->next - 1 : p->live;
    p->base = pace_due(p, frame);
    p->live = frame;
    p->rate_ppb = rate_ppb;
}

bool pace_is_steady(const struct pace *p) {
    return p->rate_ppb == 0 && p->servo.integral_ppb == 0;
}

uint64_t pace_pass(struct pace *p, struct instant now) {
    assert(p->running && p->fill_next >= p->fill_end && pace_is_steady(p));
    if (!instant_before(pace_due(p, p->next), now))
        return 0;
    uint64_t sent = (uint64_t)((instant_since(now, pace_due(p, p->next)).us - 1) / p->frame.us) + 1;
    sent = p->end - p->next < sent ? p->end - p->next : sent;
    p->next += sent;
    return sent;
}

static struct instant filled_at(const struct pace *p) {
    return is_filling(p) ? p->fill_at : INSTANT_NEVER;
}

bool pace_take(struct pace *p, struct instant now, uint64_t *frame) {
    if (!p->running)
        return false;
    if (instant_reached(now, filled_at(p))) {
        *frame = p->fill_next++;
        p->fill_sent++;
        spare(p, now);
        p->fill_at = fill_again_at(p);
        skip_held(p);
        return true;
    }
    if (instant_reached(now, paced_at(p))) {
        p->sparing = p->sparing && instant_before(pace_due(p, p->next), p->spared_at);
        spare(p, now);
        *frame = p->next++;
        return true;
    }
    return false;
}

struct instant pace_deadline(const struct pace *p) {
    if (!p->running)
        return INSTANT_NEVER;
    return instant_min(filled_at(p), paced_at(p));
}

bool pace_finished(const struct pace *p) {
    return p->next >= p->end && p->fill_next >= p->fill_end;
}

void pace_check_invariants(const struct pace *p) {
    if (!p->running)
        return;
    assert(p->frame.us > 0);
    assert(p->next >= p->live);
    assert(p->rate_ppb >= -SERVO_RATE_PPB_MAX && p->rate_ppb <= SERVO_RATE_PPB_MAX);
    assert(p->covered_from <= p->next);
    assert(p->fill_next >= p->fill_end || p->fill_end <= p->next);
    assert(p->fill_next >= p->fill_end || !held(p, p->fill_next));
}
