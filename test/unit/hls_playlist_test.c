#include "transcoder/hls/multivariant.h"
#include "transcoder/hls/playlist.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static char out[PLAYLIST_LEN_MAX];
static size_t len;

static const struct playlist_rendition renditions[] = {
    {{{"720p"}, RENDITION_H264, 2500000, 720, 25, 0}, "0123456789abcdef"},
    {{{"360p"}, RENDITION_H264, 800000, 360, 25, 0}, "1123456789abcdef"},
    {{{"aac"}, RENDITION_AAC, 128000, 0, 0, 2}, "2123456789abcdef"},
    {{{"opus"}, RENDITION_OPUS, 64000, 0, 0, 2}, "3123456789abcdef"},
};

static struct playlist_stream film(uint32_t width, uint32_t height) {
    return (struct playlist_stream){{7000, width, height}, renditions, 4, NULL};
}

static const struct wall never = {0, INT64_MAX}; /* of a recording no clock is asked */

Test(hls_playlist, multivariant) {
    struct playlist_stream s = film(640, 360);
    const char *expect =
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n"
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"aac\",NAME=\"aac\",DEFAULT=YES,AUTOSELECT=YES,"
        "CHANNELS=\"2\",URI=\"aac/index.m3u8\"\n"
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"opus\",NAME=\"opus\",DEFAULT=YES,AUTOSELECT=YES,"
        "CHANNELS=\"2\",URI=\"opus/index.m3u8\"\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=1204016,CODECS=\"avc1.64001e,mp4a.40.2\","
        "RESOLUTION=640x360,FRAME-RATE=25.000,AUDIO=\"aac\"\n360p/index.m3u8\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=1127600,CODECS=\"avc1.64001e,opus\","
        "RESOLUTION=640x360,FRAME-RATE=25.000,AUDIO=\"opus\"\n360p/index.m3u8\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=148816,CODECS=\"mp4a.40.2\",AUDIO=\"aac\"\n"
        "aac/index.m3u8\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=72400,CODECS=\"opus\",AUDIO=\"opus\"\nopus/index.m3u8\n";
    cr_assert_eq(playlist_multivariant(out, sizeof(out), &len, &s), ERR_OK);
    cr_expect_str_eq(out, expect);
    cr_expect_eq(len, strlen(expect));
}

/* What we write is what peerd makes pathways of. */
Test(hls_playlist, multivariant_can_be_steered) {
    static char steered[MULTIVARIANT_OUT_MAX];
    struct playlist_stream s = film(1280, 720);
    struct multivariant_pathway p[2] = {{.base = "https://fra1.example/film/"},
                                        {.base = "https://ams1.example/film/"}};
    struct multivariant_fault fault;
    size_t steered_len;
    name_set(&p[0].id, "fra1");
    name_set(&p[1].id, "ams1");
    const struct multivariant m = {p, 2, "https://lon1.example/v1/steer/film"};
    cr_assert_eq(playlist_multivariant(out, sizeof(out), &len, &s), ERR_OK);
    cr_assert_eq(multivariant_write(steered, sizeof(steered), &steered_len, &m, out, len, &fault),
                 ERR_OK, "line %u: %s", fault.line, fault.why);
    cr_expect(strstr(steered, "https://ams1.example/film/720p/index.m3u8") != NULL);
    cr_expect_eq(multivariant_poorest_kbps(out, len), 72);
}

Test(hls_playlist, sound_alone) {
    struct playlist_stream s = film(0, 0);
    cr_assert_eq(playlist_multivariant(out, sizeof(out), &len, &s), ERR_OK);
    cr_expect_null(strstr(out, "avc1"));
    cr_expect(strstr(out, "CODECS=\"opus\",AUDIO=\"opus\"\nopus/index.m3u8\n") != NULL);
    s.count = 2;
    cr_expect_eq(playlist_multivariant(out, sizeof(out), &len, &s), ERR_NOT_FOUND);
    cr_expect_eq(playlist_mpd(out, sizeof(out), &len, &s, never), ERR_NOT_FOUND);
}

Test(hls_playlist, media) {
    struct playlist_stream s = film(640, 360);
    cr_assert_eq(playlist_media(out, sizeof(out), &len, &s.source, &renditions[1]), ERR_OK);
    cr_expect_str_eq(out, "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n"
                          "#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:VOD\n"
                          "#EXT-X-INDEPENDENT-SEGMENTS\n"
                          "#EXT-X-MAP:URI=\"1123456789abcdef/init.mp4\"\n"
                          "#EXTINF:3.200,\n1123456789abcdef/0.m4s\n"
                          "#EXTINF:3.200,\n1123456789abcdef/1.m4s\n"
                          "#EXTINF:0.600,\n1123456789abcdef/2.m4s\n#EXT-X-ENDLIST\n");
    cr_expect_eq(playlist_media(out, sizeof(out), &len, &s.source, &renditions[0]), ERR_NOT_FOUND);
    s.source.duration_ms = UINT64_C(172800000);
    cr_expect_eq(playlist_media(out, sizeof(out), &len, &s.source, &renditions[1]), ERR_OK);
    cr_expect_eq(playlist_media(out, 1000, &len, &s.source, &renditions[1]), ERR_OVERSIZED);
}

Test(hls_playlist, mpd_has_the_same_segments) {
    struct playlist_stream s = film(1280, 720);
    cr_assert_eq(playlist_mpd(out, sizeof(out), &len, &s, never), ERR_OK);
    cr_expect(strstr(out, "mediaPresentationDuration=\"PT7.000S\"") != NULL);
    cr_expect(strstr(out, "media=\"720p/0123456789abcdef/$Number$.m4s\"") != NULL);
    cr_expect(strstr(out, "codecs=\"avc1.64001f\" width=\"1280\" height=\"720\"") != NULL, "%s",
              out);
}

Test(hls_playlist, paths) {
    static const struct {
        const char *path;
        bool good;
        enum playlist_object object;
        uint32_t number;
    } table[] = {
        {"/film/master.m3u8", true, PLAYLIST_MULTIVARIANT, 0},
        {"/film/manifest.mpd", true, PLAYLIST_MPD, 0},
        {"/film/720p/index.m3u8", true, PLAYLIST_MEDIA, 0},
        {"/film/720p/0123456789abcdef/init.mp4", true, PLAYLIST_SEGMENT, SEGMENT_INIT},
        {"/film/720p/0123456789abcdef/0.m4s", true, PLAYLIST_SEGMENT, 0},
        {"/film/720p/0123456789abcdef/53999.m4s", true, PLAYLIST_SEGMENT, 53999},
        {"/film/720p/0123456789abcdef/2147483646.m4s", true, PLAYLIST_SEGMENT, LIVE_NUMBER_MAX},
        {"/film/720p/0123456789abcdef/2147483647.m4s", false, PLAYLIST_SEGMENT, 0},
        {"/film/720p/0123456789abcdef/10000000000.m4s", false, PLAYLIST_SEGMENT, 0},
        {"/film/720p/0123456789abcdef/007.m4s", false, PLAYLIST_SEGMENT, 0},
        {"/film/720p/0123456789abcdef/-1.m4s", false, PLAYLIST_SEGMENT, 0},
        {"/film/720p/0123456789abcdef/4294967296.m4s", false, PLAYLIST_SEGMENT, 0},
        {"/film/720p/0123456789ABCDEF/0.m4s", false, PLAYLIST_SEGMENT, 0},
        {"/film/720p/0123456789abcde/0.m4s", false, PLAYLIST_SEGMENT, 0},
        {"/film/720p/0123456789abcdef/0.m4s/", false, PLAYLIST_SEGMENT, 0},
        {"/film", false, PLAYLIST_SEGMENT, 0},
        {"/", false, PLAYLIST_SEGMENT, 0},
        {"", false, PLAYLIST_SEGMENT, 0},
        {"/../etc/master.m3u8", false, PLAYLIST_SEGMENT, 0},
        {"/Film/master.m3u8", false, PLAYLIST_SEGMENT, 0},
        {"//master.m3u8", false, PLAYLIST_SEGMENT, 0},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct playlist_path p;
        bool good = playlist_path_read(&p, table[i].path);
        cr_expect_eq(good, table[i].good, "%s", table[i].path);
        if (good)
            cr_expect(p.object == table[i].object && p.number == table[i].number, "%s",
                      table[i].path);
    }
}

Test(hls_playlist, what_comes_next) {
    static const struct {
        const char *named, *rendition, *print;
        uint32_t number;
    } table[] = {
        {"", "720p", "0123456789abcdef", 8},
        {"12.m4s", "720p", "0123456789abcdef", 12},
        {"../1123456789abcdef/9.m4s", "720p", "1123456789abcdef", 9},
        {"../../360p/1123456789abcdef/9.m4s", "360p", "1123456789abcdef", 9},
        {"../../../other/360p/1123456789abcdef/9.m4s", "720p", "0123456789abcdef", 8},
        {"https://elsewhere.example/9.m4s", "720p", "0123456789abcdef", 8},
        {"init.mp4", "720p", "0123456789abcdef", SEGMENT_INIT},
    };
    struct playlist_path now, next;
    cr_assert(playlist_path_read(&now, "/film/720p/0123456789abcdef/7.m4s"));
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        cr_assert(playlist_path_next(&next, &now, table[i].named), "%s", table[i].named);
        cr_expect_str_eq(next.stream.text, "film");
        cr_expect_str_eq(next.rendition.text, table[i].rendition, "%s", table[i].named);
        cr_expect_str_eq(next.print, table[i].print, "%s", table[i].named);
        cr_expect_eq(next.number, table[i].number, "%s", table[i].named);
    }
    now.number = LIVE_NUMBER_MAX;
    cr_expect(!playlist_path_next(&next, &now, ""));
    now.number = SEGMENT_INIT;
    cr_expect(playlist_path_next(&next, &now, "") && next.number == 0);
}
