/*
 * What players and origins write: CMCD, paths of streams, parts and conditions, a multivariant
 * playlist, and an MPD. Either is taken whole or refused; what is refused of CMCD changes nothing,
 * a playlist that was made from another names each of its variants for each pathway, and an MPD has
 * each pathway once. An index of what comes in has one form.
 */
#include "transcoder/hls/cmcd.h"
#include "transcoder/hls/condition.h"
#include "transcoder/hls/fold.h"
#include "transcoder/hls/incoming.h"
#include "transcoder/hls/mpd.h"
#include "transcoder/hls/multivariant.h"
#include "transcoder/hls/playlist.h"
#include "transcoder/hls/range.h"

#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void say(const char *text, size_t len) {
    struct cmcd c, before;
    memset(&c, 0x55, sizeof(c));
    cmcd_init(&c);
    before = c;
    if (cmcd_read(&c, text, len) != ERR_OK) {
        CHECK(memcmp(&c, &before, sizeof(c)) == 0);
        return;
    }
    CHECK(memchr(c.session, 0, sizeof(c.session)) && memchr(c.next_object, 0, CMCD_URL_MAX + 1));
    CHECK(c.buffer_ms <= CMCD_MS_MAX || c.buffer_ms == CMCD_UNKNOWN);
}

/* As a path, and as what a player says comes next. */
static void ask(const char *text) {
    struct playlist_path path, next, last = {.object = PLAYLIST_SEGMENT, .number = 9};
    CHECK(name_set(&last.stream, "film") && name_set(&last.rendition, "x"));
    if (playlist_path_read(&path, text)) {
        CHECK(path.stream.text[0] != 0);
        CHECK(path.object != PLAYLIST_SEGMENT || strlen(path.print) == PLAYLIST_PRINT_LEN);
        CHECK(path.number <= LIVE_NUMBER_MAX || path.number == SEGMENT_INIT);
    }
    CHECK(playlist_path_next(&next, &last, text) && name_equal(&next.stream, &last.stream));
    CHECK(next.number <= LIVE_NUMBER_MAX || next.number == SEGMENT_INIT);
}

static unsigned count(const char *text, const char *word) {
    unsigned n = 0;
    while ((text = strstr(text, word)) != NULL) {
        text++;
        n++;
    }
    return n;
}

static void repeat(const char *text, size_t len) {
    static char out[MULTIVARIANT_OUT_MAX];
    struct multivariant_pathway p[2] = {{.base = "https://a.example/"},
                                        {.base = "https://b.example/"}};
    CHECK(name_set(&p[0].id, "a") && name_set(&p[1].id, "b"));
    struct multivariant m = {p, 2, "https://c.example/"};
    struct multivariant_fault fault;
    size_t length = 0;
    (void)multivariant_poorest_kbps(text, len);
    if (multivariant_write(out, sizeof(out), &length, &m, text, len, &fault) != ERR_OK) {
        CHECK(fault.why[0] != 0);
        return;
    }
    CHECK(length == strlen(out));
    CHECK(count(out, "\n#EXT-X-STREAM-INF:") % 2 == 0 && count(out, "\nhttps://a.example/") > 0);
    CHECK(count(out, "\nhttps://a.example/") == count(out, "\nhttps://b.example/"));
    CHECK(count(out, "\n#EXT-X-CONTENT-STEERING:") == 1);
}

static void place(const char *text, size_t len) {
    static char out[MULTIVARIANT_OUT_MAX];
    struct multivariant_pathway p[2] = {{.base = "https://a.example/"},
                                        {.base = "https://b.example/"}};
    CHECK(name_set(&p[0].id, "a") && name_set(&p[1].id, "b"));
    struct multivariant m = {p, 2, "https://c.example/"};
    struct multivariant_fault fault;
    size_t length = 0;
    if (mpd_write(out, sizeof(out), &length, &m, text, len, &fault) != ERR_OK) {
        CHECK(fault.why[0] != 0 && fault.line > 0);
        return;
    }
    CHECK(length == strlen(out) && length > len);
    CHECK(strstr(out, "<BaseURL serviceLocation=\"a\">https://a.example/</BaseURL>") != NULL);
    CHECK(strstr(out, "<BaseURL serviceLocation=\"b\">https://b.example/</BaseURL>") != NULL);
    CHECK(strstr(out, ">https://c.example/</ContentSteering>") != NULL);
}

static void fold(const char *text, size_t len) {
    static char out[MULTIVARIANT_OUT_MAX];
    static struct fold f;
    static const char *const urls[] = {"https://a.example/x/m.m3u8", "https://b.example/m.m3u8"};
    const struct fold_from from = {urls, 2, 0};
    const struct site site = {.base = "https://a.example/"};
    size_t length = 0;
    if (fold_read(&f, out, sizeof(out), &length, &from, text, len) == ERR_OK) {
        CHECK(f.sites.count > 0 && f.path[0] == '/');
        CHECK(length == 0 || length == strlen(out));
        CHECK(length == 0 || count(out, "\n#EXT-X-CONTENT-STEERING:") == 0);
        for (uint32_t i = 0; i < f.sites.count; i++)
            CHECK(f.sites.list[i].base[strlen(f.sites.list[i].base) - 1] == '/');
    } else {
        CHECK(f.why[0] != 0);
    }
    if (fold_media(out, sizeof(out), &length, &site, "/x/low.m3u8", text, len) == ERR_OK)
        CHECK(length < sizeof(out));
}

static void part(const char *text) {
    char out[URI_LEN_MAX + 1], again[RANGE_TEXT_MAX + 1];
    struct range r, same;
    uint64_t total, total_again;
    if (range_read(&r, text, 1000) == RANGE_PART)
        CHECK(r.from < r.end && r.end <= 1000);
    if (range_content_read(&r, &total, text)) {
        range_content_write(again, &r, total);
        CHECK(range_content_read(&same, &total_again, again) && same.from == r.from &&
              same.end == r.end && total == total_again);
    }
    enum condition c = condition_judge(text, text, "\"12ab\"");
    CHECK(c == CONDITION_FAILS || c == CONDITION_HAS_IT);
    CHECK(c == CONDITION_HAS_IT || !condition_allows_part(text, "\"12ab\""));
    if (uri_resolve(out, "https://a.example/x/y", text, strlen(text)))
        CHECK(strlen(out) <= URI_LEN_MAX);
}

static void arrive(const char *text, size_t len) {
    static char out[INCOMING_TEXT_MAX + 1];
    static struct incoming in;
    size_t length = 0;
    if (incoming_read(&in, text, len) != ERR_OK)
        return;
    CHECK(incoming_write(out, sizeof(out), &length, &in) == ERR_OK);
    CHECK(length == len && memcmp(out, text, len) == 0);
    for (uint32_t i = 0; i < in.count; i++)
        CHECK(incoming_find(&in, in.chunks[i].number) == &in.chunks[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1);
    CHECK(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = 0;
    ask(text);
    part(text);
    free(text);
    say((const char *)data, size);
    repeat((const char *)data, size);
    place((const char *)data, size);
    fold((const char *)data, size);
    arrive((const char *)data, size);
    return 0;
}
