#include "transcoder/hls/cmcd.h"
#include "transcoder/hls/condition.h"
#include "transcoder/hls/range.h"
#include "transcoder/worker/front_inner.h"

#include "peerd/net/clock.h"

#include <stdlib.h>
#include <string.h>

#define KEPT_FOR_EVER "public, max-age=31536000, immutable" /* of a name that means its bytes */
#define KEPT_SHORTLY  "public, max-age=2"
#define KEPT_LIVE     "no-cache" /* it changes at an instant, and an MPD says what time it is */

/* Scripts of any page may read what everybody may (the Fetch standard, section 3.2). */
static void answer(struct net_http_request *r, unsigned status, const char *type, const char *kept,
                   const void *body, size_t len) {
    const struct net_http_header headers[] = {{"Access-Control-Allow-Origin", "*"},
                                              {"Cache-Control", kept}};
    net_http_answer(r, &(struct net_http_answer){.status = status,
                                                 .content_type = type,
                                                 .body = body,
                                                 .body_len = len,
                                                 .headers = headers,
                                                 .header_count = 2});
}

static void answer_words(struct net_http_request *r, unsigned status, const char *words) {
    answer(r, status, "text/plain", "no-store", words, strlen(words));
}

/* Players go elsewhere at once; a sidecar that has been everywhere comes back. */
static void answer_not_ready(struct net_http_request *r) {
    static const char words[] = "it cannot be ready in time here\n";
    static const struct net_http_header headers[] = {{"Access-Control-Allow-Origin", "*"},
                                                     {"Cache-Control", "no-store"}};
    net_http_answer(r, &(struct net_http_answer){.status = 404,
                                                 .content_type = "text/plain",
                                                 .body = words,
                                                 .body_len = sizeof(words) - 1,
                                                 .retry_after_s = 1,
                                                 .headers = headers,
                                                 .header_count = 2});
}

/* ---- playlists ------------------------------------------------------------------------------- */

static enum err write_playlist(const struct front *f, const struct front_stream *s,
                               const struct playlist_path *path, char *text, size_t *len) {
    const bool live = front_is_channel(s);
    const struct playlist_stream all = {.source = s->facts,
                                        .renditions = s->renditions,
                                        .count = s->count,
                                        .channel = live ? &s->channel : NULL};
    const struct wall now = front_wall(f);
    enum err e = live && path->object != PLAYLIST_MEDIA ? live_offered(&s->channel, now) : ERR_OK;
    if (e != ERR_OK)
        return e;
    if (path->object == PLAYLIST_MULTIVARIANT)
        return playlist_multivariant(text, PLAYLIST_LEN_MAX, len, &all);
    if (path->object == PLAYLIST_MPD)
        return playlist_mpd(text, PLAYLIST_LEN_MAX, len, &all, now);
    for (size_t i = 0; i < s->count; i++)
        if (name_equal(&s->renditions[i].rendition.name, &path->rendition))
            return live ? playlist_live(text, PLAYLIST_LEN_MAX, len, &all, &s->renditions[i], now)
                        : playlist_media(text, PLAYLIST_LEN_MAX, len, &s->facts, &s->renditions[i]);
    return ERR_NOT_FOUND;
}

/* It and what comes after it, as far as its rendition wants. */
static bool expect_more(struct front *f, const struct front_stream *s, struct shelf_key key) {
    uint32_t ahead = cost_ahead(&f->lines[key.line].cost);
    bool more = false;
    for (uint32_t i = 0; i < ahead; i++, key.number++)
        if (front_live_serves(f, s, key.number) == ERR_OK)
            more |= shelf_expect(&f->shelf, key, front_cost_us(f, key));
    return more;
}

/* Who reads a list of segments asks for the first ones next; a multivariant playlist leads to lists
 * first. */
static void expect_first(struct front *f, const struct front_stream *s,
                         const struct playlist_path *path) {
    for (size_t i = 0; i < s->count; i++) {
        bool meant = path->object == PLAYLIST_MPD ||
                     (path->object == PLAYLIST_MEDIA &&
                      name_equal(&s->renditions[i].rendition.name, &path->rendition));
        const struct shelf_key init = {s->lines[i], SEGMENT_INIT}, first = {s->lines[i], 0};
        if (!meant)
            continue;
        shelf_expect(&f->shelf, init, front_cost_us(f, init));
        (void)expect_more(f, s, first);
    }
    front_go_on(f);
}

static void answer_playlist(struct front *f, struct net_http_request *r,
                            const struct front_stream *s, const struct playlist_path *path) {
    size_t len = 0;
    char *text = malloc(PLAYLIST_LEN_MAX);
    enum err e = text == NULL ? ERR_NO_MEMORY : write_playlist(f, s, path, text, &len);
    const char *type =
        path->object == PLAYLIST_MPD ? "application/dash+xml" : "application/vnd.apple.mpegurl";
    if (e == ERR_OK) {
        answer(r, 200, type, front_is_channel(s) ? KEPT_LIVE : KEPT_SHORTLY, text, len);
        if (!front_is_channel(s))
            expect_first(f, s, path);
    } else if (e == ERR_SOURCE_FAILED) {
        answer_words(r, 404, "nothing comes in for the channel, or it comes too late\n");
    } else if (e == ERR_TIMEOUT || e == ERR_NOT_YET) {
        answer_words(r, 404,
                     e == ERR_NOT_YET ? "the channel has not begun\n"
                                      : "this cluster's clock is too uncertain for a channel\n");
    } else {
        answer_words(r, 404, "no rendition of that name can be made of this source\n");
    }
    free(text);
}

/* ---- segments -------------------------------------------------------------------------------- */

/* 200 with all of it, 206 with `part`, or nothing of it. */
static unsigned status_of(const struct net_http_request *r, const struct front_bytes *b,
                          struct range *part) {
    const char *match = net_http_header(r, "If-Match"), *range = net_http_header(r, "Range");
    switch (condition_judge(match, net_http_header(r, "If-None-Match"), b->etag)) {
    case CONDITION_HAS_IT:
        return 304;
    case CONDITION_FAILS:
        return 412;
    case CONDITION_HOLDS:
        break;
    }
    *part = (struct range){0, b->len};
    if (range == NULL || strcmp(r->method, "GET") != 0 || /* of HEAD it means nothing */
        !condition_allows_part(net_http_header(r, "If-Range"), b->etag))
        return 200;
    switch (range_read(part, range, b->len)) {
    case RANGE_PART:
        return 206;
    case RANGE_BEYOND:
        return 416;
    case RANGE_WHOLE:
        break;
    }
    return 200;
}

/* Of a segment, as much as is asked for; `told` is Content-Range, or "". */
static struct net_http_answer answer_of(struct front_bytes *b, const char *type, unsigned status,
                                        const struct range *part, struct net_http_header headers[4],
                                        const char *told) {
    const bool body = status == 200 || status == 206;
    headers[0] = (struct net_http_header){"Access-Control-Allow-Origin", "*"};
    headers[1] = (struct net_http_header){"Cache-Control",
                                          body || status == 304 ? KEPT_FOR_EVER : "no-store"};
    headers[2] = (struct net_http_header){"ETag", b->etag};
    headers[3] = (struct net_http_header){"Content-Range", told};
    b->holders++;
    return (struct net_http_answer){.status = status,
                                    .content_type = type,
                                    .body = b->data + (body ? part->from : 0),
                                    .body_len = body ? (size_t)(part->end - part->from) : 0,
                                    .headers = headers,
                                    .header_count = told[0] != '\0' ? 4 : 3,
                                    .release = front_let_go,
                                    .owner = b};
}

/* Nearly every answer: all of it, with the same headers for everybody. */
static void answer_whole(struct net_http_request *r, const char *type, struct front_bytes *b) {
    struct net_http_header headers[4];
    const struct range all = {0, b->len};
    if (b->whole == NULL) {
        const struct net_http_answer whole = answer_of(b, type, 200, &all, headers, "");
        b->whole = net_http_ready_new(&whole);
    }
    if (b->whole != NULL)
        net_http_answer_ready(r, b->whole);
    else
        answer_not_ready(r); /* memory is short */
}

static void answer_bytes(struct net_http_request *r, const char *type, struct front_bytes *b) {
    char told[RANGE_TEXT_MAX + 1] = "";
    struct net_http_header headers[4];
    struct range part = {0, 0};
    const unsigned status = status_of(r, b, &part);
    if (status == 200) {
        answer_whole(r, type, b);
        return;
    }
    if (status == 206)
        range_content_write(told, &part, b->len);
    else if (status == 416)
        range_beyond_write(told, b->len);
    const struct net_http_answer answer = answer_of(b, type, status, &part, headers, told);
    net_http_answer(r, &answer);
}

void front_answer(struct front *f, struct net_http_request *r, uint32_t item) {
    if (item == SHELF_NONE) {
        answer_not_ready(r);
        return;
    }
    const struct front_line *line = &f->lines[f->shelf.items[item].key.line];
    bool sound = rendition_is_sound(&line->order.rendition);
    answer_bytes(r, sound ? "audio/mp4" : "video/mp4", f->held[item]);
}

/* Damaged words are no words. */
static struct cmcd cmcd_of(const struct net_http_request *r) {
    struct cmcd cmcd;
    const char *argument = net_http_query(r, "CMCD"), *header = net_http_header(r, "CMCD-Request");
    cmcd_init(&cmcd);
    if (argument != NULL)
        (void)cmcd_read(&cmcd, argument, strlen(argument));
    if (header != NULL)
        (void)cmcd_read(&cmcd, header, strlen(header));
    return cmcd;
}

/* False: it is at hand or wanted already, or there is none. */
static bool expect_next(struct front *f, const struct net_http_request *r,
                        const struct front_stream *s, const struct playlist_path *path) {
    const struct cmcd cmcd = cmcd_of(r);
    struct playlist_path next;
    if (!playlist_path_next(&next, path, cmcd.next_object))
        return false;
    uint32_t line = front_list_line(s, &next);
    const struct shelf_key key = {line, next.number};
    if (line == SHELF_NONE)
        return false;
    return next.number == SEGMENT_INIT ? shelf_expect(&f->shelf, key, 0) : expect_more(f, s, key);
}

/* Of a rendition that is slow here: who asks for what nobody has begun would wait in vain. */
static bool refuse_cold(struct front *f, struct net_http_request *r, const struct front_stream *s,
                        const struct playlist_path *path, struct shelf_key key) {
    if (key.number == SEGMENT_INIT || cost_is_quick(&f->lines[key.line].cost) ||
        shelf_knows(&f->shelf, key))
        return false;
    f->not_cold++;
    shelf_expect(&f->shelf, key, front_cost_us(f, key));
    (void)expect_next(f, r, s, path);
    front_answer(f, r, SHELF_NONE);
    front_go_on(f);
    return true;
}

static void answer_segment(struct front *f, struct net_http_request *r,
                           const struct front_stream *s, const struct playlist_path *path) {
    uint32_t line = front_list_line(s, path), item;
    if (line == SHELF_NONE) {
        answer_words(r, 404, "this cluster makes no such bytes\n");
        return;
    }
    if (front_live_serves(f, s, path->number) != ERR_OK) {
        answer_words(r, 404,
                     front_is_channel(s) ? "that is not in the channel's window\n"
                                         : "the stream is shorter\n");
        return;
    }
    const struct shelf_key key = {line, path->number};
    if (refuse_cold(f, r, s, path, key))
        return;
    enum shelf_answer a =
        shelf_ask(&f->shelf, key, front_cost_us(f, key), (uint64_t)(uintptr_t)r, net_now(), &item);
    /* It may borrow from the request, which is still ours. */
    bool more = a != SHELF_NO && expect_next(f, r, s, path);
    if (a == SHELF_HAVE)
        front_answer(f, r, item);
    else if (a == SHELF_NO)
        front_answer(f, r, SHELF_NONE);
    if (a != SHELF_HAVE || more)
        front_go_on(f); /* of what is at hand nothing else follows */
}

void front_asked(void *data, struct net_http_request *r) {
    struct front *f = data;
    struct playlist_path path;
    bool gets = strcmp(r->method, "GET") == 0 || strcmp(r->method, "HEAD") == 0;
    const struct front_stream *s = NULL;
    if (strcmp(r->method, "OPTIONS") == 0) {
        net_http_answer_preflight(r, CMCD_HEADERS ", Range, If-Range, If-None-Match", false);
        return;
    }
    if (!gets) {
        answer_words(r, 405, "this door has GET, HEAD and OPTIONS\n");
        return;
    }
    if (playlist_path_read(&path, r->path))
        s = front_list_find(f, &path.stream);
    if (s == NULL)
        answer_words(r, 404, "there is /STREAM/master.m3u8 and /STREAM/manifest.mpd\n");
    else if (s->state != FRONT_KNOWN)
        answer_words(r, 404, "that source is not read yet, or cannot be: the log says why\n");
    else if (path.object == PLAYLIST_SEGMENT)
        answer_segment(f, r, s, &path);
    else
        answer_playlist(f, r, s, &path);
}
