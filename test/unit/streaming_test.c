/*
 * The sidecar for streams before two sites, all in one loop over real HTTP: what the sites do to a
 * body, and what a player gets.
 */
#include "peerd/net/clock.h"
#include "test/lib/standstill.h"
#include "test/unit/net_fixture.h"
#include "transcoder/client/streaming_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_BYTES    3000000
#define LONG_BYTES    40000000 /* more than sockets take by themselves */
#define WAITING_BYTES 65536
#define TAG           "\"film-1\""

struct origin {
    struct net_http_server *server;
    struct net_http_stream *stream;
    struct net_timer more;
    uint64_t at, end; /* [bytes] of what it sends */
    size_t most;      /* [bytes] it sends in one go before it breaks off, 0: all */
    const char *tag;
    bool other;    /* bytes */
    bool stands;   /* still where it would break off */
    unsigned busy; /* times that it says "not ready yet" */
    unsigned asked, parts;
};

static struct net_loop *loop;
static struct net_http_client *player;
static struct streaming sidecar;
static struct origin origins[2];
static char urls[2][64];

static struct {
    bool over;
    enum err err;
    unsigned status;
    uint64_t bytes, wrong;
    char text[4096], range[64];
    struct net_http_call *call, *to_pause;
} got;

static char byte_at(uint64_t n, bool other) {
    return (char)('a' + (n % 23 + (other && n > 100)) % 26);
}

/* ---- a site ---- */

static void end_stream(struct origin *o, bool whole) {
    struct net_http_stream *stream = o->stream;
    o->stream = NULL;
    if (whole)
        net_http_stream_end(stream);
    else
        net_http_stream_break(stream);
}

static void write_more(void *data, struct instant now) {
    struct origin *o = data;
    static char block[8192];
    uint64_t end = o->most > 0 && o->most < o->end ? o->most : o->end;
    (void)now;
    while (o->stream != NULL && o->at < end &&
           net_http_stream_waiting(o->stream) < WAITING_BYTES / 2) {
        size_t len = end - o->at < sizeof(block) ? (size_t)(end - o->at) : sizeof(block);
        for (size_t i = 0; i < len; i++)
            block[i] = byte_at(o->at + i, o->other);
        cr_assert(net_http_stream_write(o->stream, block, len));
        o->at += len;
    }
    if (o->stream == NULL || o->at < end || (o->stands && end < o->end))
        return;
    if (end < o->end && net_http_stream_waiting(o->stream) > 0) {
        net_timer_arm(&o->more, in_ms(5)); /* what is written is to arrive */
        return;
    }
    end_stream(o, end == o->end);
}

static void drained(void *data) {
    net_timer_arm(&((struct origin *)data)->more, net_now());
}

static void over(void *data) {
    ((struct origin *)data)->stream = NULL;
}

static void serve_body(struct origin *o, struct net_http_request *r, uint64_t total) {
    const char *range = net_http_header(r, "Range"), *condition = net_http_header(r, "If-Range");
    char text[RANGE_TEXT_MAX + 1];
    struct range part = {0, total};
    bool partly = range != NULL && (condition == NULL || strcmp(condition, o->tag) == 0) &&
                  range_read(&part, range, total) == RANGE_PART;
    range_content_write(text, &part, total);
    const struct net_http_header headers[] = {{"ETag", o->tag}, {"Content-Range", text}};
    o->parts += partly;
    o->at = part.from;
    o->end = part.end;
    o->stream = net_http_answer_stream(
        r, &(struct net_http_stream_options){.status = partly ? 206 : 200,
                                             .headers = headers,
                                             .header_count = partly ? 2 : 1,
                                             .body_bytes = part.end - part.from,
                                             .waiting_bytes_max = WAITING_BYTES,
                                             .drained = drained,
                                             .over = over,
                                             .data = o});
    net_timer_arm(&o->more, net_now());
}

static void asked(void *data, struct net_http_request *r) {
    static const char playlist[] = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow.m3u8\n";
    struct origin *o = data;
    bool begins = strcmp(r->path, "/film/master.m3u8") == 0;
    o->asked += !begins;
    if (begins)
        net_http_answer(r, &(struct net_http_answer){
                               .status = 200, .body = playlist, .body_len = strlen(playlist)});
    else if (o->busy > 0) {
        o->busy--;
        net_http_answer(r, &(struct net_http_answer){.status = 404, .retry_after_s = 1});
    } else if (strcmp(r->path, "/film/low.m3u8") == 0)
        net_http_answer(r, &(struct net_http_answer){.status = 200,
                                                     .content_type = "application/x-mpegurl",
                                                     .body = "#EXTM3U\n/film/1.ts\n",
                                                     .body_len = 19});
    else if (strcmp(r->path, "/film/1.ts") == 0)
        serve_body(o, r, BODY_BYTES);
    else if (strcmp(r->path, "/film/long.ts") == 0)
        serve_body(o, r, LONG_BYTES);
    else
        net_http_answer(r, &(struct net_http_answer){.status = 404});
}

/* ---- a player ---- */

static void head(void *data, const struct net_http_result *r) {
    const char *range = net_http_result_header(r, "content-range");
    (void)data;
    got.status = r->status;
    snprintf(got.range, sizeof(got.range), "%s", range != NULL ? range : "");
}

static uint64_t first_byte; /* of the body, that the player asked for */

static void piece(void *data, const char *text, size_t len) {
    (void)data;
    for (size_t i = 0; i < len; i++)
        got.wrong += text[i] != byte_at(first_byte + got.bytes + i, false);
    if (got.bytes + len < sizeof(got.text))
        memcpy(got.text + got.bytes, text, len);
    got.bytes += len;
    if (got.to_pause != NULL)
        net_http_pause(got.to_pause, true);
    got.to_pause = NULL;
}

static void done(void *data, const struct net_http_result *r) {
    (void)data;
    got.over = true;
    got.err = r->err;
    got.status = r->status != 0 ? r->status : got.status;
    net_loop_stop(loop);
}

static void ask(const char *method, const char *path, const char *range) {
    char url[128], at[ADDR_TEXT_LEN_MAX + 1];
    struct addr address = net_http_server_address(sidecar.server);
    const struct net_http_header header = {"Range", range};
    memset(&got, 0, sizeof(got));
    snprintf(url, sizeof(url), "http://%s%s", addr_to_text(&address, at), path);
    cr_assert_eq(net_http_call(player,
                               &(struct net_http_call_options){.method = method,
                                                               .url = url,
                                                               .headers = &header,
                                                               .header_count = range != NULL,
                                                               .timeout = duration_s(20),
                                                               .head = head,
                                                               .piece = piece,
                                                               .done = done},
                               &got.call),
                 ERR_OK);
}

static void get(const char *path) {
    ask(NULL, path, NULL);
    cr_assert(net_loop_run_until(loop, in_ms(30000)));
}

static void begin(void) {
    static const char *list[] = {urls[0], urls[1]};
    char at[ADDR_TEXT_LEN_MAX + 1];
    standstill_begin();
    loop = net_loop_new();
    player = net_http_client_new(loop);
    for (size_t i = 0; i < 2; i++) {
        struct origin *o = &origins[i];
        const struct net_http_server_options options = {
            .bind_to = loopback(0), .handler = asked, .data = o};
        *o = (struct origin){.tag = TAG};
        net_timer_init(&o->more, loop, write_more, o);
        cr_assert_eq(net_http_server_start(&o->server, loop, &options, NULL, 0), ERR_OK);
        struct addr address = net_http_server_address(o->server);
        snprintf(urls[i], sizeof(urls[i]), "http://%s/film/master.m3u8",
                 addr_to_text(&address, at));
    }
    const struct streaming_config config = {
        .urls = list, .url_count = 2, .http = loopback(0), .give_up_ms = 20000, .json = true};
    cr_assert(streaming_open(&sidecar, loop, &config));
    get("/master.m3u8");
    cr_assert_not_null(strstr(got.text, "\nfilm/low.m3u8\n"), "%s", got.text);
}

static void end(void) {
    net_http_client_free(player);
    streaming_close(&sidecar);
    for (size_t i = 0; i < 2; i++) {
        net_http_server_stop(origins[i].server);
        net_timer_cancel(&origins[i].more);
    }
    net_loop_free(loop);
}

TestSuite(streaming, .init = begin, .fini = end, .timeout = 120);

static void expect_whole(const char *what) {
    cr_expect(got.err == ERR_OK && got.status == 200, "%s: %s %u", what, err_name(got.err),
              got.status);
    cr_expect(got.bytes == BODY_BYTES && got.wrong == 0, "%s: %llu bytes, %llu wrong", what,
              (unsigned long long)got.bytes, (unsigned long long)got.wrong);
}

Test(streaming, what_comes_through) {
    get("/film/1.ts");
    expect_whole("as it is");
    get("/film/low.m3u8");
    cr_expect_str_eq(got.text, "#EXTM3U\n/film/1.ts\n");
    get("/film/2.ts");
    cr_expect_eq(got.status, 404);
    cr_expect_eq(origins[1].asked, 1u, "the second was asked for nothing but what the first lacks");
    ask("HEAD", "/film/1.ts", NULL);
    cr_assert(net_loop_run_until(loop, in_ms(30000)));
    cr_expect(got.err == ERR_OK && got.status == 200 && got.bytes == 0);
    first_byte = 100000;
    ask(NULL, "/film/1.ts", "bytes=100000-199999");
    cr_assert(net_loop_run_until(loop, in_ms(30000)));
    cr_expect(got.status == 206 && got.bytes == 100000 && got.wrong == 0);
    cr_expect_str_eq(got.range, "bytes 100000-199999/3000000");
}

/* It breaks off, or stands still; the other has the same bytes under the same tag, or another. */
Test(streaming, the_rest_comes_from_the_other) {
    static const struct {
        const char *what, *tag;
        bool stands;
        unsigned parts;
    } rows[] = {{"breaks off", TAG, false, 1},
                {"breaks off, another tag", "\"x\"", false, 0},
                {"stands still", TAG, true, 1},
                {"stands still, another tag", "\"x\"", true, 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct origin *one = &origins[sidecar.sites.at], *two = &origins[!sidecar.sites.at];
        *one =
            (struct origin){.server = one->server, .more = one->more, .tag = TAG, .most = 1000000};
        one->stands = rows[i].stands;
        two->most = two->parts = 0;
        two->tag = rows[i].tag;
        get("/film/1.ts");
        expect_whole(rows[i].what);
        cr_expect(two->parts == rows[i].parts, "%s: %u parts", rows[i].what, two->parts);
        cr_expect(&origins[sidecar.sites.at] == two, "%s: the choice sticks", rows[i].what);
    }
    cr_expect(sidecar.broken == 0 && sidecar.resumes == 4);
}

Test(streaming, other_bytes_are_not_joined) {
    origins[0].most = 1000000;
    origins[1].tag = "\"x\"";
    origins[1].other = true;
    get("/film/1.ts");
    cr_expect(got.err != ERR_OK && got.bytes <= BODY_BYTES && got.wrong == 0);
    cr_expect_eq(got.bytes % 1000000, 0u);
}

Test(streaming, what_nobody_has_ready_is_asked_again) {
    origins[0].busy = 2;
    origins[1].busy = 1;
    get("/film/1.ts");
    expect_whole("in the end");
}

/* A player that does not read holds its site back, and is no fault of it. */
Test(streaming, a_player_that_pauses) {
    ask(NULL, "/film/long.ts", NULL);
    got.to_pause = got.call;
    net_loop_run_until(loop, in_ms(2000));
    const struct origin *one = &origins[0];
    cr_assert(!got.over && one->stream != NULL && one->at < LONG_BYTES / 2, "%llu were taken",
              (unsigned long long)one->at);
    cr_expect(origins[1].asked == 0, "nobody else is asked");
    net_http_pause(got.call, false);
    cr_assert(net_loop_run_until(loop, in_ms(30000)));
    cr_expect(got.err == ERR_OK && got.bytes == LONG_BYTES && got.wrong == 0);
    cr_expect(sidecar.resumes == 0 && sidecar.hedges == 0);
}

Test(streaming, a_player_that_goes) {
    ask(NULL, "/film/long.ts", NULL);
    got.to_pause = got.call;
    net_loop_run_until(loop, in_ms(300));
    cr_expect_eq(sidecar.relay_count, 1u);
    net_http_cancel(got.call);
    for (int i = 0; i < 100 && sidecar.relay_count > 0; i++)
        net_loop_run_until(loop, in_ms(50));
    cr_expect_eq(sidecar.relay_count, 0u);
    get("/film/1.ts");
    expect_whole("the next");
}
