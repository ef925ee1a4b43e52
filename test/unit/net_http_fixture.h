/*
 * An HTTP server and a client of peerd/net on one loop, for their tests.
 *
 * What the server answers is chosen by the path: /hello says so, /echo gives the body back, /who
 * says who asks, /later answers 30 ms later, /never keeps the request, /busy is a problem. /stream
 * begins with "one", says "two" 30 ms later and "end" another 30 ms later; /flood is written to
 * without end; /open is begun and nothing more. /ready is answered with `ready` of the site.
 * OPTIONS is what a browser asks before.
 */
#ifndef TEST_UNIT_NET_HTTP_FIXTURE_H
#define TEST_UNIT_NET_HTTP_FIXTURE_H

#include "peerd/net/http_client.h"
#include "peerd/net/http_server.h"
#include "test/unit/net_fixture.h"

struct site {
    struct net_loop *loop;
    struct net_http_server *server;
    struct net_http_client *client;
    struct net_timer later;
    struct net_http_request *kept[128]; /* by /later and /never */
    size_t kept_count;
    char url[256];                  /* what url_of wrote */
    struct net_http_stream *stream; /* of /stream, /flood and /open */
    struct net_timer more;
    int spoken, overs;
    size_t flooded;     /* [bytes] taken */
    int lent, returned; /* bodies of /later and /never, and of `ready` */
    struct net_http_ready *ready;
    bool tls;
    int reloads, reload_failures;
};

/* A call's outcome, copied. */
struct outcome {
    struct site *site;
    int done; /* times that the callback came */
    enum err err;
    unsigned status;
    char body[4096], type[64], detail[256], extra[64];
    char origin[8], allowed[64], network[8]; /* Access-Control-… */
    size_t body_len;
    bool reused;
    struct duration retry_after, took;
    size_t *left; /* stops the loop when it reaches zero; NULL: at once */
};

static inline void answer_text(struct net_http_request *r, const char *text) {
    static const struct net_http_header extra[] = {{"X-Extra", "more"}};

    net_http_answer(r, &(struct net_http_answer){.status = 200,
                                                 .content_type = "text/plain",
                                                 .body = text,
                                                 .body_len = strlen(text),
                                                 .headers = extra,
                                                 .header_count = 1});
}

static inline void answer_who(struct net_http_request *r) {
    char text[400], addr[ADDR_TEXT_LEN_MAX + 1], key[KEY_PUBLIC_TEXT_LEN + 1] = "-";
    const char *header = net_http_header(r, "x-ASKED"), *query = net_http_query(r, "q");
    struct addr peer = r->peer;

    if (r->has_peer_key)
        public_key_to_text(&r->peer_key, key);
    peer.port = 0;
    snprintf(text, sizeof text, "%s %s %s x-asked=%s q=%s", r->method, addr_to_text(&peer, addr),
             key, header != NULL ? header : "(none)", query != NULL ? query : "(none)");
    answer_text(r, text);
}

static inline void give_back(void *owner) {
    ((struct site *)owner)->returned++;
}

static inline void answer_kept(void *data, struct instant now) {
    struct site *s = data;

    (void)now;
    for (; s->kept_count > 0; s->lent++)
        net_http_answer(
            s->kept[--s->kept_count],
            &(struct net_http_answer){
                .status = 200, .body = "later", .body_len = 5, .release = give_back, .owner = s});
}

static inline void stream_over(void *data) {
    struct site *s = data;

    s->overs++;
    s->stream = NULL;
    net_timer_cancel(&s->more);
}

/* The next word; a flood, until it is not taken any more. */
static inline void speak(void *data, struct instant now) {
    struct site *s = data;
    char block[4096];

    if (s->spoken >= 0) {
        cr_expect(net_http_stream_write(s->stream, s->spoken == 0 ? "two" : "end", 3));
        if (s->spoken++ == 1)
            net_http_stream_end(s->stream);
        else
            net_timer_arm(&s->more, instant_add(now, duration_ms(30)));
        return;
    }
    memset(block, 'x', sizeof block);
    if (net_http_stream_write(s->stream, block, sizeof block))
        net_timer_arm(&s->more, instant_add(now, duration_ms(1)));
    s->flooded += sizeof block;
}

static inline void begin_stream(struct site *s, struct net_http_request *r) {
    bool floods = r->path[1] == 'f', speaks = r->path[1] == 's';

    s->spoken = floods ? -1 : 0;
    s->stream =
        net_http_answer_stream(r, &(struct net_http_stream_options){.content_type = "text/plain",
                                                                    .waiting_bytes_max = 100000,
                                                                    .over = stream_over,
                                                                    .data = s});
    cr_assert_not_null(s->stream);
    cr_expect(net_http_stream_write(s->stream, "one", 3));
    if (speaks || floods)
        net_timer_arm(&s->more, in_ms(30));
}

static inline void handle(void *data, struct net_http_request *r) {
    struct site *s = data;

    if (strcmp(r->method, "OPTIONS") == 0)
        net_http_answer_preflight(r, "X-One, X-Two", strcmp(r->path, "/hello") == 0);
    else if (strcmp(r->path, "/hello") == 0)
        answer_text(r, "hello");
    else if (strcmp(r->path, "/echo") == 0)
        net_http_answer(
            r, &(struct net_http_answer){.status = 201, .body = r->body, .body_len = r->body_len});
    else if (strcmp(r->path, "/who") == 0)
        answer_who(r);
    else if (strcmp(r->path, "/stream") == 0 || strcmp(r->path, "/flood") == 0 ||
             strcmp(r->path, "/open") == 0)
        begin_stream(s, r);
    else if (strcmp(r->path, "/ready") == 0)
        net_http_answer_ready(r, s->ready);
    else if (strcmp(r->path, "/busy") == 0)
        net_http_answer_problem(r, 503, ERR_NO_CREDIT, "all \"slots\" taken", 7);
    else if (strcmp(r->path, "/later") == 0 || strcmp(r->path, "/never") == 0) {
        cr_assert(s->kept_count < 128);
        s->kept[s->kept_count++] = r;
        if (r->path[1] == 'l' && !net_timer_armed(&s->later))
            net_timer_arm(&s->later, in_ms(30));
    } else
        net_http_answer_problem(r, 404, ERR_NOT_FOUND, NULL, 0);
}

static inline void reloaded(void *data, enum err err, const char *detail) {
    struct site *s = data;

    (void)detail;
    *(err == ERR_OK ? &s->reloads : &s->reload_failures) += 1;
}

/* Starts both; what `options` leaves open is filled in. */
static inline void open_site(struct site *s, struct net_http_server_options options) {
    char detail[256];

    s->loop = net_loop_new();
    options.bind_to = addr_is_none(&options.bind_to) ? loopback(0) : options.bind_to;
    options.handler = handle;
    options.reloaded = reloaded;
    options.data = s;
    s->tls = options.door != NET_HTTP_DOOR_PLAIN;
    net_timer_init(&s->later, s->loop, answer_kept, s);
    net_timer_init(&s->more, s->loop, speak, s);
    cr_assert_eq(net_http_server_start(&s->server, s->loop, &options, detail, sizeof detail),
                 ERR_OK, "%s", detail);
    s->client = net_http_client_new(s->loop);
    cr_assert_not_null(s->client);
}

static inline void close_site(struct site *s) {
    net_http_client_free(s->client);
    net_http_server_stop(s->server);
    net_timer_cancel(&s->later);
    net_timer_cancel(&s->more);
    while (s->kept_count > 0)
        net_http_answer_json(s->kept[--s->kept_count], 200, "{}");
    net_loop_free(s->loop);
    cr_expect_eq(s->returned, s->lent, "each body comes back once");
}

static inline const char *url_of(struct site *s, const char *path) {
    char addr[ADDR_TEXT_LEN_MAX + 1];
    struct addr at = net_http_server_address(s->server);

    snprintf(s->url, sizeof s->url, "%s://%s%s", s->tls ? "https" : "http", addr_to_text(&at, addr),
             path);
    return s->url;
}

static inline void copy_text(char *out, size_t size, const char *text) {
    snprintf(out, size, "%s", text != NULL ? text : "");
}

static inline void note_outcome(void *data, const struct net_http_result *r) {
    struct outcome *o = data;

    o->done++;
    o->err = r->err;
    o->status = r->status;
    o->body_len = r->body_len;
    o->reused = r->reused;
    o->retry_after = r->retry_after;
    o->took = r->took;
    copy_text(o->detail, sizeof o->detail, r->detail);
    if (r->err == ERR_OK) {
        copy_text(o->body, sizeof o->body, (const char *)r->body);
        copy_text(o->type, sizeof o->type, net_http_result_header(r, "content-type"));
        copy_text(o->extra, sizeof o->extra, net_http_result_header(r, "X-Extra"));
        copy_text(o->origin, sizeof o->origin,
                  net_http_result_header(r, "Access-Control-Allow-Origin"));
        copy_text(o->allowed, sizeof o->allowed,
                  net_http_result_header(r, "Access-Control-Allow-Headers"));
        copy_text(o->network, sizeof o->network,
                  net_http_result_header(r, "Access-Control-Allow-Private-Network"));
    }
    if (o->left == NULL || --*o->left == 0)
        net_loop_stop(o->site->loop);
}

/* Starts a call whose outcome goes to `o`. */
static inline enum err start_call(struct site *s, struct outcome *o,
                                  struct net_http_call_options options,
                                  struct net_http_call **out) {
    *o = (struct outcome){.site = s, .left = o->left};
    options.done = note_outcome;
    options.data = o;
    return net_http_call(s->client, &options, out);
}

/* Makes a call and waits for its end. */
static inline void call(struct site *s, struct outcome *o, struct net_http_call_options options) {
    o->left = NULL;
    cr_assert_eq(start_call(s, o, options, NULL), ERR_OK);
    run_until_stopped(s->loop);
    cr_assert_eq(o->done, 1);
}

static inline void get(struct site *s, struct outcome *o, const char *path) {
    call(s, o, (struct net_http_call_options){.url = url_of(s, path)});
}

#endif
