#include "transcoder/timeline/schedule.h"

#include <assert.h>

void schedule_init(struct schedule *s, struct duration frame) {
    assert(frame.us > 0);
    *s = (struct schedule){.frame = frame, .window_since = INSTANT_NEVER};
}

void schedule_restart(struct schedule *s) {
    s->stale = true;
    s->high = 0;
}

bool schedule_known(const struct schedule *s) {
    return !instant_is_never(s->window_since);
}

static void learn_offset(struct schedule *s, int64_t transit_us, struct instant now) {
    if (s->stale || !schedule_known(s)) {
        s->stale = false;
        s->window_since = now;
        s->offset_us[0] = s->offset_us[1] = transit_us;
        return;
    }
    if (!duration_less(instant_since(now, s->window_since), duration_ms(SCHEDULE_WINDOW_MS))) {
        s->offset_us[1] = s->offset_us[0];
        s->offset_us[0] = transit_us;
        s->window_since = now;
    } else if (transit_us < s->offset_us[0]) {
        s->offset_us[0] = transit_us;
    }
}

static void learn_jitter(struct schedule *s, int64_t transit_us) {
    int64_t sample = transit_us - s->transit_us;
    if (sample < 0)
        sample = -sample;
    if (sample > SCHEDULE_SAMPLE_MS_MAX * 1000)
        sample = SCHEDULE_SAMPLE_MS_MAX * 1000;
    s->jitter_us_x16 += sample - (s->jitter_us_x16 + 8) / 16;
}

void schedule_frame_arrived(struct schedule *s, uint64_t frame, struct instant now) {
    int64_t transit_us = now.us - (int64_t)frame * s->frame.us;
    bool first = !schedule_known(s) || s->stale;
    learn_offset(s, transit_us, now);
    if (frame < s->high)
        return; /* reordered, repeated or backfilled */
    if (!first)
        learn_jitter(s, transit_us);
    s->transit_us = transit_us;
    s->high = frame + 1;
}

static int64_t offset_us(const struct schedule *s) {
    return s->offset_us[0] < s->offset_us[1] ? s->offset_us[0] : s->offset_us[1];
}

uint64_t schedule_live(const struct schedule *s, struct instant at) {
    if (!schedule_known(s) || at.us < offset_us(s))
        return 0;
    return (uint64_t)((at.us - offset_us(s)) / s->frame.us);
}

struct instant schedule_expected(const struct schedule *s, uint64_t frame) {
    if (!schedule_known(s))
        return INSTANT_NEVER;
    return instant_us(offset_us(s) + (int64_t)frame * s->frame.us);
}

struct duration schedule_jitter(const struct schedule *s) {
    return duration_us(s->jitter_us_x16 / 16);
}
