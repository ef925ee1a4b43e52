/*
 * Playlists of several sites folded into one; URIs and parts of bodies.
 */
#include "transcoder/hls/fold.h"
#include "transcoder/hls/multivariant.h"
#include "transcoder/hls/range.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct fold fold;
static char text[65536];
static size_t len;

static enum err read_one(const char *const *urls, size_t count, const char *playlist) {
    const struct fold_from from = {urls, count, 0};
    enum err e = fold_read(&fold, text, sizeof(text), &len, &from, playlist, strlen(playlist));
    cr_assert(e != ERR_OK || fold.media || strlen(text) == len);
    return e;
}

static void expect_site(uint32_t i, const char *id, const char *base) {
    cr_assert(i < fold.sites.count, "%u sites", fold.sites.count);
    cr_expect_str_eq(fold.sites.list[i].id, id);
    cr_expect_str_eq(fold.sites.list[i].base, base);
}

static const char origin[] =
    "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n"
    "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"snd\",NAME=\"en\",URI=\"aac/index.m3u8\"\n"
    "#EXT-X-STREAM-INF:BANDWIDTH=900000,AUDIO=\"snd\"\nhigh/index.m3u8\n"
    "#EXT-X-STREAM-INF:BANDWIDTH=400000,AUDIO=\"snd\"\nlow/index.m3u8\n";

/* What peerd writes of it, and back. */
static void write_and_read(const char *a, const char *b, const char *c) {
    static char many[MULTIVARIANT_OUT_MAX];
    struct multivariant_pathway p[3] = {{.base = a}, {.base = b}, {.base = c}};
    cr_assert(name_set(&p[0].id, "a") && name_set(&p[1].id, "b") && name_set(&p[2].id, "c"));
    const struct multivariant m = {p, 3, "https://b.example:7680/v1/steer/film"};
    struct multivariant_fault fault;
    size_t many_len;
    static const char *const urls[] = {"https://x.example/v1/hls/film/master.m3u8"};
    cr_assert_eq(
        multivariant_write(many, sizeof(many), &many_len, &m, origin, strlen(origin), &fault),
        ERR_OK);
    cr_assert_eq(read_one(urls, 1, many), ERR_OK, "%s", fold.why);
    cr_expect_str_eq(fold.steering, "https://b.example:7680/v1/steer/film");
}

Test(hls_fold, what_multivariant_wrote) {
    write_and_read("https://a/film/", "https://b:81/film/", "https://c/film/");
    cr_expect_eq(fold.sites.count, 3u);
    expect_site(0, "a", "https://a/");
    expect_site(1, "b", "https://b:81/");
    expect_site(2, "c", "https://c/");
    cr_expect_null(strstr(text, "://"), "%s", text);
    cr_expect_null(strstr(text, "STEERING"), "%s", text);
    cr_expect_null(strstr(text, "PATHWAY"), "%s", text);
    cr_expect_not_null(strstr(text, "\nfilm/high/index.m3u8\n"), "%s", text);
    cr_expect_not_null(strstr(text, "URI=\"film/aac/index.m3u8\""), "%s", text);
    cr_expect_not_null(strstr(text, "#EXT-X-INDEPENDENT-SEGMENTS\n"), "%s", text);
    const char *once = strstr(text, "#EXT-X-MEDIA:");
    cr_expect(once != NULL && strstr(once + 1, "#EXT-X-MEDIA:") == NULL, "%s", text);
}

Test(hls_fold, sites_keep_it_in_other_folders) {
    write_and_read("https://a/x/film/", "https://b/y/film/", "https://c/film/");
    expect_site(0, "a", "https://a/x/");
    expect_site(1, "b", "https://b/y/");
    expect_site(2, "c", "https://c/");
    write_and_read("https://a/one/", "https://b/two/", "https://c/three/four/");
    expect_site(0, "a", "https://a/one/");
    expect_site(1, "b", "https://b/two/");
    expect_site(2, "c", "https://c/three/four/");
    cr_expect_not_null(strstr(text, "\nhigh/index.m3u8\n"), "%s", text);
}

Test(hls_fold, sites_without_pathways_are_the_urls) {
    static const char *const urls[] = {"http://a:8080/hls/film/master.m3u8",
                                       "http://b:8080/film/master.m3u8",
                                       "http://a:8080/copy/film/master.m3u8"};
    cr_assert_eq(read_one(urls, 3, origin), ERR_OK, "%s", fold.why);
    expect_site(0, "a:8080/hls/film/", "http://a:8080/hls/");
    expect_site(1, "b:8080", "http://b:8080/");
    expect_site(2, "a:8080/copy/film/", "http://a:8080/copy/");
    cr_expect_str_eq(fold.steering, "");
    cr_expect_not_null(strstr(text, "\nfilm/low/index.m3u8\n"), "%s", text);
}

Test(hls_fold, who_has_no_copy_is_left_out) {
    static const char *const urls[] = {"http://x/master.m3u8"};
    static const char playlist[] =
        "#EXTM3U\n#EXT-X-CONTENT-STEERING:SERVER-URI=\"/s\",PATHWAY-ID=\"B\"\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=1,PATHWAY-ID=\"A\",STABLE-VARIANT-ID=\"1\"\nhttp://a/f/"
        "1.m3u8\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=1,PATHWAY-ID=\"B\",STABLE-VARIANT-ID=\"1\"\nhttp://b/f/"
        "1.m3u8\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=1,PATHWAY-ID=\"C\",STABLE-VARIANT-ID=\"1\"\nhttp://c/f/"
        "9.m3u8\n";
    cr_assert_eq(read_one(urls, 1, playlist), ERR_OK, "%s", fold.why);
    cr_expect(fold.sites.count == 2 && fold.left_out == 1);
    expect_site(0, "B", "http://b/");
    expect_site(1, "A", "http://a/");
    cr_expect_str_eq(fold.steering, "http://x/s");
    cr_expect_not_null(strstr(text, "\nf/1.m3u8\n"), "%s", text);
}

Test(hls_fold, one_rendition_alone) {
    static const char *const urls[] = {"http://a/live/index.m3u8", "http://b/live/index.m3u8"};
    cr_assert_eq(read_one(urls, 2, "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n1.ts\n"), ERR_OK);
    cr_expect(fold.media && fold.sites.count == 2);
    cr_expect_str_eq(fold.path, "/live/index.m3u8");
}

Test(hls_fold, what_is_none) {
    static const char *const urls[] = {"http://a/index.m3u8"};
    cr_expect_eq(read_one(urls, 1, "<html>"), ERR_BAD_FIELD);
    cr_expect_not_null(strstr(fold.why, "#EXTM3U"), "%s", fold.why);
    cr_expect_eq(read_one(urls, 1, "#EXTM3U\n"), ERR_BAD_FIELD);
    cr_expect_eq(read_one(urls, 1, "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH\nx\n"), ERR_BAD_FIELD);
    cr_expect_eq(read_one(urls, 1, "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n"), ERR_BAD_FIELD);
    const struct fold_from from = {urls, 1, 0};
    cr_expect_eq(fold_read(&fold, text, 40, &len, &from, origin, strlen(origin)), ERR_OVERSIZED);
}

Test(hls_fold, media_playlists_stay_here) {
    static const char playlist[] = "#EXTM3U\n#EXT-X-MAP:URI=\"/hls/film/i.mp4\"\n"
                                   "#EXT-X-KEY:METHOD=AES-128,URI=\"https://k/key\",IV=0x1\n"
                                   "1.m4s\n/hls/film/2.m4s\nhttp://a/hls/3.m4s?x=1\n/other/4.m4s\n";
    static const struct site site = {.id = "a", .base = "http://a/hls/"};
    cr_assert_eq(
        fold_media(text, sizeof(text), &len, &site, "/film/low.m3u8", playlist, strlen(playlist)),
        ERR_OK);
    cr_expect_str_eq(text, "#EXTM3U\n#EXT-X-MAP:URI=\"/film/i.mp4\"\n"
                           "#EXT-X-KEY:METHOD=AES-128,URI=\"https://k/key\",IV=0x1\n"
                           "1.m4s\n/film/2.m4s\n/3.m4s?x=1\nhttp://a/other/4.m4s\n");
    cr_expect_eq(fold_media(text, 20, &len, &site, "/low.m3u8", playlist, strlen(playlist)),
                 ERR_OVERSIZED);
}

/* RFC 3986 section 5.4, as far as playlists go. */
Test(hls_fold, references) {
    static const struct {
        const char *reference, *means;
    } rows[] = {
        {"g", "http://a/b/c/g"},
        {"./g", "http://a/b/c/g"},
        {"g/", "http://a/b/c/g/"},
        {"/g", "http://a/g"},
        {"//g", "http://g"},
        {"?y", "http://a/b/c/d?y"},
        {"g?y#s", "http://a/b/c/g?y"},
        {"../g", "http://a/b/g"},
        {"../../g", "http://a/g"},
        {"../../../g", "http://a/g"},
        {"g/../h", "http://a/b/c/h"},
        {"https://x/y", "https://x/y"},
        {".", "http://a/b/c/"},
        {"..", "http://a/b/"},
        {"a:b", "a:b"},
        {"/../g", "http://a/g"},
        {"g;x=1/./y", "http://a/b/c/g;x=1/y"},
    };
    char out[URI_LEN_MAX + 1], long_one[URI_LEN_MAX + 2];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_assert(
            uri_resolve(out, "http://a/b/c/d?q", rows[i].reference, strlen(rows[i].reference)));
        cr_expect_str_eq(out, rows[i].means, "%s: %s", rows[i].reference, out);
    }
    cr_expect(uri_resolve(out, "http://a", "g", 1) && strcmp(out, "http://a/g") == 0);
    cr_expect_not(uri_resolve(out, "nothing", "g", 1));
    memset(long_one, 'x', sizeof(long_one));
    cr_expect_not(uri_resolve(out, "http://a/", long_one, URI_LEN_MAX));
}

Test(hls_fold, parts) {
    static const struct {
        const char *text;
        enum range_asked asked;
        uint64_t from, end;
    } rows[] = {
        {"bytes=0-0", RANGE_PART, 0, 1},      {"bytes=5-", RANGE_PART, 5, 10},
        {"bytes=5-99", RANGE_PART, 5, 10},    {"bytes=-3", RANGE_PART, 7, 10},
        {"bytes=-30", RANGE_PART, 0, 10},     {"bytes=10-", RANGE_BEYOND, 0, 0},
        {"bytes=-0", RANGE_BEYOND, 0, 0},     {"bytes=4-3", RANGE_WHOLE, 0, 0},
        {"bytes=1-2,4-5", RANGE_WHOLE, 0, 0}, {"items=1-2", RANGE_WHOLE, 0, 0},
        {"bytes=1 -2", RANGE_WHOLE, 0, 0},    {"bytes=99999999999999999999-", RANGE_WHOLE, 0, 0},
    };
    char out[RANGE_TEXT_MAX + 1];
    struct range r;
    uint64_t total;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum range_asked asked = range_read(&r, rows[i].text, 10);
        cr_expect_eq(asked, rows[i].asked, "%s", rows[i].text);
        if (asked == RANGE_PART)
            cr_expect(r.from == rows[i].from && r.end == rows[i].end, "%s", rows[i].text);
    }
    cr_expect_eq(range_read(&r, NULL, 10), RANGE_WHOLE);
    cr_expect_eq(range_read(&r, "bytes=0-", 0), RANGE_BEYOND);
    cr_expect(range_is_one("bytes=5-") && range_is_one("bytes=-5") &&
              !range_is_one("bytes=1-2,3-4"));
    range_write(out, &(struct range){5, 10});
    cr_expect_str_eq(out, "bytes=5-9");
    range_write(out, &(struct range){5, RANGE_UNKNOWN});
    cr_expect_str_eq(out, "bytes=5-");
    range_content_write(out, &(struct range){5, 10}, 100);
    cr_expect_str_eq(out, "bytes 5-9/100");
    range_beyond_write(out, 100);
    cr_expect_str_eq(out, "bytes */100");
    range_content_write(out, &(struct range){5, 10}, 100);
    cr_expect(range_content_read(&r, &total, out) && r.from == 5 && r.end == 10 && total == 100);
    range_content_write(out, &(struct range){5, 10}, RANGE_UNKNOWN);
    cr_expect(range_content_read(&r, &total, out) && total == RANGE_UNKNOWN);
    cr_expect(!range_content_read(&r, &total, "bytes 5-9/9") &&
              !range_content_read(&r, &total, "bytes */9") &&
              !range_content_read(&r, &total, "bytes 5-4/9") &&
              !range_content_read(&r, &total, "bytes 5-9/10x") &&
              !range_content_read(&r, &total, NULL));
    cr_expect(range_tag_is_strong("\"x\"") && !range_tag_is_strong("W/\"x\"") &&
              !range_tag_is_strong("x") && !range_tag_is_strong(NULL) &&
              !range_tag_is_strong("\""));
}
