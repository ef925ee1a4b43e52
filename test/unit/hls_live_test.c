#include "transcoder/hls/live.h"
#include "transcoder/hls/playlist.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* 2026-11-22T00:00:00Z, a pass of 10 segments. */
static const struct live_channel channel = {.since_us = INT64_C(1795305600) * 1000000, .pass = 10};

#define MS(n) ((n)*INT64_C(1000))

/* So long after the anchor. */
static struct wall at(int64_t ms, int64_t uncertainty_ms) {
    return (struct wall){channel.since_us + MS(ms), MS(uncertainty_ms)};
}

Test(hls_live, the_window_follows_from_the_anchor) {
    static const struct {
        const char *what;
        int64_t ms, uncertainty_ms;
        enum err e;
        uint32_t first, count;
    } rows[] = {
        {"before it began", -1, 10, ERR_NOT_YET, 0, 0},
        {"nothing is whole yet", 3199, 10, ERR_NOT_YET, 0, 0},
        {"the first one is", 3200, 10, ERR_OK, 0, 1},
        {"as many as are listed", 16 * 3200, 10, ERR_OK, 0, 16},
        {"a millisecond before the next", 17 * 3200 - 1, 10, ERR_OK, 0, 16},
        {"and it moves", 17 * 3200, 10, ERR_OK, 1, 16},
        {"whatever the pass", INT64_C(86400) * 365 * 1000, 500, ERR_OK, 9855000 - 16, 16},
        {"a clock that is too uncertain", 17 * 3200, 501, ERR_TIMEOUT, 0, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct live_window w = {0, 0};
        cr_expect_eq(live_window(&w, &channel, at(rows[i].ms, rows[i].uncertainty_ms)), rows[i].e,
                     "%s", rows[i].what);
        cr_expect(w.first == rows[i].first && w.count == rows[i].count, "%s: %u, %u", rows[i].what,
                  w.first, w.count);
    }
}

/* Whatever one cluster lists another one serves, as far apart as two clocks may be. */
Test(hls_live, what_one_lists_all_serve) {
    for (int64_t ms = 3200; ms < 60 * 3200; ms += 77) {
        struct live_window w;
        cr_assert_eq(live_window(&w, &channel, at(ms, 500)), ERR_OK);
        for (int64_t off = -1000; off <= 1000; off += 1000)
            for (uint32_t i = 0; i < w.count && ms + off >= 3200; i++)
                cr_expect_eq(live_serves(&channel, at(ms + off, 500), w.first + i), ERR_OK,
                             "%ld ms, a clock that is %ld ms off, number %u", (long)ms, (long)off,
                             w.first + i);
    }
}

Test(hls_live, and_nothing_else) {
    static const struct {
        uint32_t number;
        enum err e;
    } rows[] = {{100, ERR_NOT_FOUND}, {99, ERR_OK},         {84, ERR_OK},      {68, ERR_OK},
                {67, ERR_NOT_FOUND},  {101, ERR_NOT_FOUND}, {0, ERR_NOT_FOUND}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect_eq(live_serves(&channel, at(100 * 3200, 10), rows[i].number), rows[i].e, "%u",
                     rows[i].number);
    cr_expect_eq(live_serves(&channel, at(101 * 3200 - 1000, 10), 100), ERR_OK,
                 "a clock that is fast has listed it");
    cr_expect_eq(live_serves(&channel, at(101 * 3200 - 1001, 10), 100), ERR_NOT_FOUND);
    cr_expect_eq(live_serves(&channel, at(100 * 3200, 501), 84), ERR_TIMEOUT);
}

Test(hls_live, what_is_listed_next_is_wanted_before) {
    uint32_t newest;
    cr_expect(!live_newest(&newest, &channel, at(3199, 10)));
    cr_assert(live_newest(&newest, &channel, at(100 * 3200 + 5, 10)));
    cr_expect_eq(newest, 101);
    cr_expect_eq(live_next(&channel, at(100 * 3200 + 5, 10)).us, MS(3195));
    cr_expect_eq(live_next(&channel, at(-10, 10)).us, MS(3210));
    cr_expect_eq(live_next(&channel, at(5, 501)).us, MS(1000));
    cr_expect_eq(live_pass(3199), 0);
    cr_expect_eq(live_pass(32100), 10);
}

/* ---- playlists ------------------------------------------------------------------------------- */

static char out[PLAYLIST_LEN_MAX];
static size_t len;
static const struct playlist_rendition renditions[] = {
    {{{"360p"}, RENDITION_H264, 800000, 360, 25, 0}, "1123456789abcdef"},
    {{{"aac"}, RENDITION_AAC, 128000, 0, 0, 2}, "2123456789abcdef"},
};
static const struct playlist_stream stream = {{33000, 640, 360}, renditions, 2, &channel};

Test(hls_live, a_media_playlist_is_the_window) {
    cr_assert_eq(playlist_live(out, sizeof(out), &len, &stream, &renditions[0], at(2 * 3200, 10)),
                 ERR_OK);
    cr_expect_str_eq(out, "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n"
                          "#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-INDEPENDENT-SEGMENTS\n"
                          "#EXT-X-MAP:URI=\"1123456789abcdef/init.mp4\"\n"
                          "#EXT-X-PROGRAM-DATE-TIME:2026-11-22T00:00:00.000Z\n"
                          "#EXTINF:3.200,\n1123456789abcdef/0.m4s\n"
                          "#EXTINF:3.200,\n1123456789abcdef/1.m4s\n");
    cr_expect_eq(len, strlen(out));
    cr_assert_eq(playlist_live(out, sizeof(out), &len, &stream, &renditions[0], at(18 * 3200, 10)),
                 ERR_OK);
    cr_expect(strstr(out, "MEDIA-SEQUENCE:2\n") != NULL);
    cr_expect(strstr(out, "DATE-TIME:2026-11-22T00:00:06.400Z\n") != NULL);
    cr_expect_eq(playlist_live(out, sizeof(out), &len, &stream, &renditions[0], at(1, 10)),
                 ERR_NOT_YET);
    cr_expect_eq(playlist_live(out, 400, &len, &stream, &renditions[0], at(18 * 3200, 10)),
                 ERR_OVERSIZED);
}

Test(hls_live, an_mpd_says_when_it_began) {
    cr_assert_eq(playlist_mpd(out, sizeof(out), &len, &stream, at(18 * 3200 + 7, 10)), ERR_OK);
    static const char *const parts[] = {
        "type=\"dynamic\"", "availabilityStartTime=\"2026-11-22T00:00:00.000Z\"",
        "timeShiftBufferDepth=\"PT51.2S\"", "value=\"2026-11-22T00:00:57.607Z\"",
        "duration=\"3200\" startNumber=\"0\""};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        cr_expect(strstr(out, parts[i]) != NULL, "%s in %s", parts[i], out);
    cr_expect_null(strstr(out, "mediaPresentationDuration"));
    cr_expect_eq(playlist_mpd(out, sizeof(out), &len, &stream, at(18 * 3200, 501)), ERR_TIMEOUT);
}
