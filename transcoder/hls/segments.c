#include "transcoder/hls/segments.h"

#include <assert.h>

_Static_assert(RENDITION_RATE_HZ / 1000 * SEGMENT_MS % SEGMENT_AAC == 0 &&
                   RENDITION_RATE_HZ / 1000 * SEGMENT_MS % SEGMENT_OPUS == 0,
               "a segment holds whole frames");

uint32_t segments_of(uint64_t duration_ms) {
    if (duration_ms > (uint64_t)SEGMENTS_MAX * SEGMENT_MS)
        return 0;
    return (uint32_t)((duration_ms + SEGMENT_MS - 1) / SEGMENT_MS);
}

uint32_t segment_ms(uint64_t duration_ms, uint32_t number) {
    uint32_t count = segments_of(duration_ms);
    if (number >= count)
        return 0;
    uint64_t left = duration_ms - (uint64_t)number * SEGMENT_MS;
    return left < SEGMENT_MS ? (uint32_t)left : SEGMENT_MS;
}

/* Ticks are the smallest unit that all frames of the rendition are whole in. */
static struct segment_span frames_of(const struct rendition *r) {
    switch (r->codec) {
    case RENDITION_H264:
        return (struct segment_span){.ticks = 512, .scale = 512 * r->fps};
    case RENDITION_AAC:
        return (struct segment_span){.ticks = SEGMENT_AAC, .scale = RENDITION_RATE_HZ};
    case RENDITION_OPUS:
        return (struct segment_span){.ticks = SEGMENT_OPUS, .scale = RENDITION_RATE_HZ};
    }
    return (struct segment_span){.ticks = 1, .scale = 1};
}

bool segment_span(struct segment_span *out, const struct rendition *r, uint64_t duration_ms,
                  uint32_t number) {
    uint32_t ms = segment_ms(duration_ms, number);
    if (ms == 0)
        return false;
    *out = frames_of(r);
    uint64_t whole = (uint64_t)SEGMENT_MS * out->scale / 1000 / out->ticks;
    assert(whole * out->ticks * 1000 == (uint64_t)SEGMENT_MS * out->scale);
    uint64_t per_frame = (uint64_t)out->ticks * 1000;
    out->first = number * whole;
    out->count = (uint32_t)(((uint64_t)ms * out->scale + per_frame - 1) / per_frame);
    return true;
}
