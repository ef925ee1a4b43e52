/* What comes in live: the index of its chunks, what is listed of it, and by whose clock. */
#include "transcoder/hls/incoming.h"
#include "transcoder/hls/playlist.h"
#include "transcoder/hls/tempo.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define SINCE_MS INT64_C(1795305600000) /* 2026-11-22T00:00:00Z */
#define MS(n)    ((n)*INT64_C(1000))
#define HEX      "0123456789abcdef0123456789abcdef"
#define FEED     "peerd incoming 1\nfeed " HEX "\nsince 1795305600000\n"
#define HEAD     FEED "late 6400\npictures 640 360\n"

static char out[PLAYLIST_LEN_MAX];
static size_t len;

/* ---- the index ------------------------------------------------------------------------------- */

Test(hls_incoming, an_index_has_one_form) {
    static const struct {
        const char *what, *text;
        bool good;
    } rows[] = {
        {"nothing yet", HEAD, true},
        {"a chunk", HEAD "chunk 0 1 " HEX "\n", true},
        {"a gap", HEAD "chunk 7 812345 " HEX "\nchunk 9 33554432 " HEX "\n", true},
        {"the last number", HEAD "chunk 2147483646 5 " HEX "\n", true},
        {"", "", false},
        {"another version", "peerd incoming 2\n", false},
        {"no last line feed", HEAD "chunk 7 5 " HEX, false},
        {"the same again", HEAD "chunk 7 5 " HEX "\nchunk 7 5 " HEX "\n", false},
        {"backwards", HEAD "chunk 7 5 " HEX "\nchunk 6 5 " HEX "\n", false},
        {"a needless zero", HEAD "chunk 07 5 " HEX "\n", false},
        {"no bytes", HEAD "chunk 7 0 " HEX "\n", false},
        {"too large", HEAD "chunk 7 33554433 " HEX "\n", false},
        {"after the last number", HEAD "chunk 2147483647 5 " HEX "\n", false},
        {"a number without end", HEAD "chunk 99999999999999999999999999 5 " HEX "\n", false},
        {"capitals", HEAD "chunk 7 5 0123456789ABCDEF0123456789abcdef\n", false},
        {"two spaces", HEAD "chunk  7 5 " HEX "\n", false},
        {"half a hash", HEAD "chunk 7 5 0123\n", false},
        {"something else behind", HEAD "chunk 7 5 " HEX "\n\n", false},
        {"too soon", FEED "late 1599\npictures 640 360\n", false},
        {"width without height", FEED "late 6400\npictures 640 0\n", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct incoming in;
        memset(&in, 0x55, sizeof(in));
        enum err e = incoming_read(&in, rows[i].text, strlen(rows[i].text));
        cr_expect_eq(e, rows[i].good ? ERR_OK : ERR_BAD_FIELD, "%s", rows[i].what);
        if (!rows[i].good) {
            cr_expect_eq(in.count, 0x55555555, "%s: touched", rows[i].what);
            continue;
        }
        cr_assert_eq(incoming_write(out, INCOMING_TEXT_MAX, &len, &in), ERR_OK);
        cr_expect_str_eq(out, rows[i].text);
        cr_expect_eq(len, strlen(rows[i].text));
    }
}

/* So many chunks, from number `first` on. */
static struct incoming feed_of(uint32_t first, uint32_t count) {
    struct incoming in = {
        .since_ms = SINCE_MS, .late_ms = INCOMING_LATE_MS, .width = 640, .height = 360};
    uint32_t gone;
    for (uint32_t i = 0; i < count; i++) {
        const struct incoming_chunk c = {.number = first + i, .bytes = 5};
        incoming_add(&in, &c, &gone);
    }
    return in;
}

Test(hls_incoming, it_tells_of_so_many) {
    struct incoming in = feed_of(LIVE_NUMBER_MAX - 200, INCOMING_CHUNKS_MAX), again;
    const struct incoming_chunk c = {.number = LIVE_NUMBER_MAX, .bytes = INCOMING_CHUNK_BYTES_MAX};
    uint32_t gone = 0;
    cr_expect(incoming_add(&in, &c, &gone));
    cr_expect_eq(gone, LIVE_NUMBER_MAX - 200);
    cr_expect_eq(in.count, INCOMING_CHUNKS_MAX);
    cr_expect_null(incoming_find(&in, gone));
    cr_expect_null(incoming_find(&in, LIVE_NUMBER_MAX - 1));
    cr_expect_eq(incoming_find(&in, LIVE_NUMBER_MAX), &in.chunks[INCOMING_CHUNKS_MAX - 1]);
    in.since_ms = INT64_C(253402300799000);
    cr_assert_eq(incoming_write(out, INCOMING_TEXT_MAX, &len, &in), ERR_OK, "the longest fits");
    cr_assert_eq(incoming_read(&again, out, len), ERR_OK);
    cr_expect(memcmp(&in, &again, sizeof(in)) == 0);
    cr_expect_eq(incoming_write(out, len, &len, &in), ERR_OVERSIZED);
}

/* ---- what is listed -------------------------------------------------------------------------- */

static const struct playlist_rendition rendition = {{{"360p"}, RENDITION_H264, 800000, 360, 25, 0},
                                                    "1123456789abcdef"};

static struct live_channel channel_of(const struct incoming *in) {
    return (struct live_channel){.since_us = MS(in->since_ms),
                                 .late_us = MS(in->late_ms),
                                 .incoming = in,
                                 .here = in->count > 0 ? in->chunks[in->count - 1].number + 1 : 0};
}

/* Just when number `n` is to be listed. */
static struct wall listing(uint32_t n) {
    return (struct wall){MS(SINCE_MS + (n + 1) * INT64_C(3200) + INCOMING_LATE_MS), MS(10)};
}

Test(hls_incoming, the_window_follows_from_the_clock_and_ends_with_what_is_here) {
    static const struct {
        const char *what;
        uint32_t due, from, here; /* chunks from `from` on are there, up to before `here` */
        enum err e, offered;
        uint32_t first, count;
    } rows[] = {
        {"all of it", 99, 50, 102, ERR_OK, ERR_OK, 84, 16},
        {"the newest is late", 99, 50, 99, ERR_OK, ERR_OK, 84, 15},
        {"as late as may be", 99, 50, 96, ERR_OK, ERR_OK, 84, 12},
        {"it stands still", 99, 50, 95, ERR_OK, ERR_SOURCE_FAILED, 84, 11},
        {"and is about to end", 99, 50, 88, ERR_OK, ERR_SOURCE_FAILED, 84, 4},
        {"and ends", 99, 50, 87, ERR_SOURCE_FAILED, ERR_SOURCE_FAILED, 84, 3},
        {"long ago", 99, 50, 60, ERR_SOURCE_FAILED, ERR_SOURCE_FAILED, 0, 0},
        {"nothing is here", 99, 0, 0, ERR_NOT_YET, ERR_NOT_YET, 0, 0},
        {"it has only begun", 1, 0, 4, ERR_OK, ERR_OK, 0, 2},
        {"and is late at once", 1, 0, 1, ERR_OK, ERR_OK, 0, 1},
        {"what comes is not due", 99, 90, 130, ERR_OK, ERR_OK, 84, 16},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct incoming in = feed_of(rows[i].from, rows[i].here - rows[i].from);
        const struct live_channel c = channel_of(&in);
        struct live_window w = {0, 0};
        cr_expect_eq(live_window(&w, &c, listing(rows[i].due)), rows[i].e, "%s", rows[i].what);
        cr_expect_eq(live_offered(&c, listing(rows[i].due)), rows[i].offered, "%s", rows[i].what);
        if (rows[i].e == ERR_OK)
            cr_expect(w.first == rows[i].first && w.count == rows[i].count, "%s: %u, %u",
                      rows[i].what, w.first, w.count);
    }
}

Test(hls_incoming, late_is_later_and_a_bad_clock_offers_nothing) {
    const struct incoming in = feed_of(50, 52);
    const struct live_channel c = channel_of(&in);
    struct wall now = listing(99);
    struct live_window w;
    now.us--;
    cr_assert_eq(live_window(&w, &c, now), ERR_OK);
    cr_expect_eq(w.first, 83);
    cr_expect_eq(live_next(&c, now).us, 1000);
    now.uncertainty_us = MS(501);
    cr_expect_eq(live_window(&w, &c, now), ERR_TIMEOUT);
    cr_expect_eq(live_offered(&c, now), ERR_TIMEOUT);
    cr_expect_eq(live_serves(&c, now, 90), ERR_TIMEOUT);
}

/* Two sites, one of which has less: both begin with the same number, and what the one lists the
 * other lists as well, or not yet. */
Test(hls_incoming, sites_differ_in_the_end_alone) {
    const struct incoming in = feed_of(50, 52);
    struct live_channel one = channel_of(&in), other = one;
    struct live_window a, b;
    other.here = 97;
    cr_assert_eq(live_window(&a, &one, listing(99)), ERR_OK);
    cr_assert_eq(live_window(&b, &other, listing(99)), ERR_OK);
    cr_expect(a.first == b.first && a.count == 16 && b.count == 13);
    cr_expect_eq(live_serves(&one, listing(99), 97), ERR_OK);
    cr_expect_eq(live_serves(&other, listing(99), 97), ERR_NOT_FOUND);
    cr_expect_eq(live_serves(&one, listing(99), 100), ERR_NOT_FOUND, "it is here, and not due");
}

Test(hls_incoming, what_the_feed_left_out_is_a_gap) {
    struct incoming in = feed_of(90, 6);
    uint32_t gone;
    for (uint32_t n = 98; n < 101; n++) {
        const struct incoming_chunk c = {.number = n, .bytes = 5};
        incoming_add(&in, &c, &gone);
    }
    struct live_channel c = channel_of(&in);
    const struct playlist_stream stream = {{9660, 640, 360}, &rendition, 1, &c};
    struct live_window w;
    cr_assert_eq(live_window(&w, &c, listing(97)), ERR_OK);
    cr_expect(w.first == 82 && w.count == 14, "a list does not end with a gap: %u", w.count);
    cr_expect_eq(live_serves(&c, listing(99), 96), ERR_NOT_FOUND);
    cr_expect_eq(live_serves(&c, listing(99), 98), ERR_OK);
    cr_assert_eq(playlist_live(out, sizeof(out), &len, &stream, &rendition, listing(98)), ERR_OK);
    const char *end = strstr(out, "1123456789abcdef/95.m4s\n");
    cr_assert(end != NULL, "%s", out);
    cr_expect_str_eq(end, "1123456789abcdef/95.m4s\n"
                          "#EXTINF:3.200,\n#EXT-X-GAP\n1123456789abcdef/96.m4s\n"
                          "#EXTINF:3.200,\n#EXT-X-GAP\n1123456789abcdef/97.m4s\n"
                          "#EXTINF:3.200,\n1123456789abcdef/98.m4s\n");
    cr_expect(strstr(out, "MEDIA-SEQUENCE:83\n") != NULL);
    cr_expect(strstr(out, "DATE-TIME:2026-11-22T00:04:25.600Z\n") != NULL, "by its date: %s", out);
}

Test(hls_incoming, an_mpd_begins_when_it_was_there) {
    const struct incoming in = feed_of(50, 52);
    struct live_channel c = channel_of(&in);
    const struct playlist_stream stream = {{9660, 640, 360}, &rendition, 1, &c};
    cr_assert_eq(playlist_mpd(out, sizeof(out), &len, &stream, listing(99)), ERR_OK);
    cr_expect(strstr(out, "availabilityStartTime=\"2026-11-22T00:00:06.400Z\"") != NULL, "%s", out);
    c.here = 95;
    cr_expect_eq(playlist_mpd(out, sizeof(out), &len, &stream, listing(99)), ERR_SOURCE_FAILED);
}

/* ---- tempo ----------------------------------------------------------------------------------- */

/* A day of a clock that is so wrong, on a network that holds chunks up by up to a second: the most
 * that it is off once it has settled. */
static int64_t worst_of_a_day(double wrong, double begins_ms) {
    struct tempo t = {.count = 0};
    double late_ms = begins_ms;
    int64_t worst = 0;
    int32_t stretch = 0;
    srand(7);
    for (int i = 0; i < 27000; i++) {
        /* Who stretches needs less of the source for a chunk. */
        late_ms += 3200 * wrong - stretch / 48.0;
        cr_assert(!tempo_heard(&t, (int64_t)late_ms + rand() % 1000, &stretch));
        cr_assert(stretch <= TEMPO_SAMPLES_MAX && stretch >= -TEMPO_SAMPLES_MAX);
        if (i > 2000)
            worst = llabs((int64_t)late_ms) > worst ? llabs((int64_t)late_ms) : worst;
    }
    return worst;
}

Test(hls_tempo, clocks_are_held_together) {
    static const double wrong[] = {0, 50e-6, -50e-6, 300e-6, -300e-6};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        for (int begins = -500; begins <= 1500; begins += 1000)
            cr_expect_leq(worst_of_a_day(wrong[i], begins), 450, "%g from %d ms on: %ld", wrong[i],
                          begins, (long)worst_of_a_day(wrong[i], begins));
}

Test(hls_tempo, what_is_on_time_is_left_alone) {
    struct tempo t = {.count = 0};
    int32_t stretch;
    for (int i = 0; i < 100; i++) {
        cr_expect(!tempo_heard(&t, 20 + i % 7 * 150, &stretch));
        cr_expect_eq(stretch, 0);
    }
}

Test(hls_tempo, who_stood_still_goes_to_the_present_unless_he_catches_up) {
    struct tempo t = {.count = 0};
    int32_t stretch;
    cr_expect(!tempo_heard(&t, 50, &stretch));
    cr_expect(!tempo_heard(&t, 10000, &stretch), "it may catch up");
    cr_expect(!tempo_heard(&t, 6900, &stretch), "and does");
    cr_expect(!tempo_heard(&t, 3800, &stretch));
    cr_expect(!tempo_heard(&t, 700, &stretch));
    cr_expect(!tempo_heard(&t, 10000, &stretch));
    cr_expect(tempo_heard(&t, 9900, &stretch));
    cr_expect_eq(t.count, 0);
    cr_expect(!tempo_heard(&t, 9900, &stretch), "a new count");
}
