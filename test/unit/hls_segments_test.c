#include "transcoder/hls/segments.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct rendition pictures = {
    .codec = RENDITION_H264, .bitrate_bps = 800000, .height = 360, .fps = 25};
static const struct rendition aac = {.codec = RENDITION_AAC, .bitrate_bps = 128000, .channels = 2};
static const struct rendition opus = {.codec = RENDITION_OPUS, .bitrate_bps = 64000, .channels = 2};

Test(hls_segments, frames_of_each) {
    static const struct {
        const char *what;
        const struct rendition *r;
        uint64_t duration_ms;
        uint32_t number;
        uint64_t first;
        uint32_t count; /* 0: there is none */
    } table[] = {
        {"pictures", &pictures, 10000, 1, 80, 80},
        {"AAC", &aac, 10000, 1, 150, 150},
        {"Opus", &opus, 10000, 1, 160, 160},
        {"the last, 400 ms", &pictures, 10000, 3, 240, 10},
        {"a frame that begins in time and ends later", &aac, 10000, 3, 450, 19},
        {"the same of Opus", &opus, 10010, 3, 480, 21},
        {"a millisecond", &pictures, 3201, 1, 80, 1},
        {"exactly one", &opus, 3200, 0, 0, 160},
        {"after exactly one", &opus, 3200, 1, 0, 0},
        {"of nothing", &opus, 0, 0, 0, 0},
        {"after the last", &aac, 10000, 4, 0, 0},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct segment_span span = {.count = 0};
        bool there = segment_span(&span, table[i].r, table[i].duration_ms, table[i].number);
        cr_expect_eq(there, table[i].count > 0, "%s", table[i].what);
        if (!there)
            continue;
        cr_expect_eq(span.first, table[i].first, "%s", table[i].what);
        cr_expect_eq(span.count, table[i].count, "%s: %u", table[i].what, span.count);
    }
}

/* Cut at the same instants, at every rate that is allowed. */
Test(hls_segments, all_begin_together) {
    for (uint32_t fps = 5; fps <= 60; fps++) {
        struct rendition r = pictures;
        r.fps = fps;
        if (rendition_fault(&r) != NULL)
            continue;
        struct segment_span a, b;
        cr_assert(segment_span(&a, &r, 172800000, 53999));
        cr_assert(segment_span(&b, &aac, 172800000, 53999));
        cr_expect_eq(a.first * a.ticks * b.scale, b.first * b.ticks * a.scale, "%u", fps);
    }
    cr_expect_eq(segments_of(172800001), 0, "longer than two days");
}

Test(hls_segments, renditions_that_cannot_be) {
    static const struct {
        const char *what;
        struct rendition r;
        bool good;
    } table[] = {
        {"720 lines",
         {.codec = RENDITION_H264, .bitrate_bps = 2000000, .height = 720, .fps = 30},
         true},
        {"odd", {.codec = RENDITION_H264, .bitrate_bps = 2000000, .height = 721, .fps = 30}, false},
        {"24 a second",
         {.codec = RENDITION_H264, .bitrate_bps = 2000000, .height = 720, .fps = 24},
         false},
        {"too high",
         {.codec = RENDITION_H264, .bitrate_bps = 2000000, .height = 2160, .fps = 25},
         false},
        {"no pictures a second",
         {.codec = RENDITION_H264, .bitrate_bps = 90000, .height = 64},
         false},
        {"mono", {.codec = RENDITION_AAC, .bitrate_bps = 64000, .channels = 1}, true},
        {"three channels", {.codec = RENDITION_AAC, .bitrate_bps = 64000, .channels = 3}, false},
        {"half a byte a frame",
         {.codec = RENDITION_OPUS, .bitrate_bps = 32200, .channels = 1},
         false},
        {"a frame larger than a datagram",
         {.codec = RENDITION_OPUS, .bitrate_bps = 500000, .channels = 2},
         false},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        cr_expect_eq(rendition_fault(&table[i].r) == NULL, table[i].good, "%s", table[i].what);
}

Test(hls_segments, shape_and_level) {
    static const struct {
        uint32_t width, height, lines, fps, expect, level;
    } table[] = {
        {1920, 1080, 720, 25, 1280, 31},  {1920, 1080, 1080, 25, 1920, 40},
        {1920, 1080, 1080, 50, 1920, 42}, {640, 360, 360, 25, 640, 30},
        {640, 360, 180, 25, 320, 21},     {768, 576, 288, 25, 384, 21},
        {1998, 1080, 360, 25, 666, 30},   {1080, 1920, 720, 25, 406, 30},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const struct rendition_source s = {1000, table[i].width, table[i].height};
        struct rendition r = pictures;
        r.height = table[i].lines;
        r.fps = table[i].fps;
        cr_expect_eq(rendition_width(&r, &s), table[i].expect, "%zu: %u", i,
                     rendition_width(&r, &s));
        cr_expect_eq(rendition_level(&r, table[i].expect), table[i].level, "%zu: %u", i,
                     rendition_level(&r, table[i].expect));
    }
    const struct rendition_source small = {1000, 320, 180}, sound = {1000, 0, 0};
    cr_expect(!rendition_fits(&pictures, &small), "it is not blown up");
    cr_expect(!rendition_fits(&pictures, &sound) && rendition_fits(&aac, &sound));
}
