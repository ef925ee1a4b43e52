/*
 * A request of a player, and the calls to sites that it takes. What to ask of whom is decided in
 * transcoder/hls/fetch.h. Calls are begun and ended from a timer, never from within what libcurl or
 * microhttpd call.
 */
#include "transcoder/client/streaming_inner.h"

#include "peerd/net/clock.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define WAITING_BYTES_MAX 524288 /* [bytes] for a player: the site is paused at the half */
#define SILENCE_MS        60000  /* [ms] the fetch is over long before */
#define CONNECT_MS        5000   /* [ms] */
#define HEADERS_MAX       8
#define RATE_BYTES_MIN    32768 /* [bytes] of a body that is long enough to be timed */

struct relay_call {
    struct relay *relay;
    struct net_http_call *call; /* NULL: none */
    bool paused;                /* until the player has taken more */
};

struct relay {
    struct streaming *s;
    struct relay *next, *previous;
    struct net_http_request *request; /* NULL: answered */
    struct net_http_stream *stream;   /* NULL: not yet, not any more, or it is whole */
    struct net_timer timer;
    struct fetch fetch;
    struct relay_call calls[SITES_MAX];
    char target[URI_LEN_MAX + 1];   /* begins with a slash */
    char range[RANGE_TEXT_MAX + 1]; /* as the player asked; empty: none */
    char type[128];                 /* of a whole one */
    uint8_t *body;                  /* of a whole one; owned */
    size_t body_len, capacity;      /* [bytes] */
    struct instant first_at;        /* first byte */
    bool head_only, gone, was_paused, oversized;
};

/* ---- towards the player ---------------------------------------------------------------------- */

static void soon(struct relay *r) {
    net_timer_arm(&r->timer, net_now());
}

static void player_gone(void *data) {
    struct relay *r = data;
    r->stream = NULL;
    r->gone = true;
    soon(r);
}

static void pause_site(struct relay *r) {
    struct relay_call *c = &r->calls[r->fetch.serving];
    r->was_paused = true;
    fetch_paused(&r->fetch, true, net_now());
    if (c->call != NULL && !c->paused)
        net_http_pause(c->call, true);
    c->paused = true;
}

static void go_on(struct relay *r) {
    fetch_paused(&r->fetch, false, net_now());
    for (size_t i = 0; i < SITES_MAX; i++) {
        struct relay_call *c = &r->calls[i];
        bool was = c->paused;
        c->paused = false;
        if (was && c->call != NULL)
            net_http_pause(c->call, false);
    }
}

static void player_drained(void *data) {
    soon(data);
}

/* What the site says of the body, and scripts of any page may read it. */
static size_t headers_of(const struct relay *r, const struct net_http_result *head,
                         char range[RANGE_TEXT_MAX + 1], struct net_http_header *out) {
    static const char *const passed[] = {"Content-Type", "ETag", "Last-Modified", "Cache-Control"};
    size_t count = 0;
    out[count++] = (struct net_http_header){"Access-Control-Allow-Origin", "*"};
    out[count++] = (struct net_http_header){"Accept-Ranges", "bytes"};
    if (r->fetch.head.status == 206) {
        range_content_write(range, &r->fetch.head.range, r->fetch.head.total);
        out[count++] = (struct net_http_header){"Content-Range", range};
    }
    for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++) {
        const char *value = net_http_result_header(head, passed[i]);
        if (value != NULL)
            out[count++] = (struct net_http_header){passed[i], value};
    }
    return count;
}

/* The first byte is here: what is told now cannot be taken back. */
static void answer_head(struct relay *r, const struct net_http_result *head) {
    char range[RANGE_TEXT_MAX + 1];
    struct net_http_header headers[HEADERS_MAX];
    uint64_t length = fetch_length(&r->fetch);
    const struct net_http_stream_options options = {
        .status = r->fetch.head.status,
        .headers = headers,
        .header_count = headers_of(r, head, range, headers),
        .body_bytes = length != RANGE_UNKNOWN ? length : 0,
        .waiting_bytes_max = WAITING_BYTES_MAX,
        .drained = player_drained,
        .over = player_gone,
        .data = r};
    struct net_http_request *request = r->request;
    r->request = NULL;
    r->first_at = net_now();
    r->stream = net_http_answer_stream(request, &options);
    r->gone = r->stream == NULL;
}

static bool keep(struct relay *r, const char *bytes, size_t len, uint64_t at) {
    size_t need = (size_t)at + len, capacity = r->capacity > 0 ? r->capacity : 16384;
    if (need > STREAMING_PLAYLIST_MAX)
        return false;
    while (capacity < need)
        capacity *= 2;
    uint8_t *body = capacity > r->capacity ? realloc(r->body, capacity) : r->body;
    if (body == NULL)
        return false;
    r->body = body;
    r->capacity = capacity;
    memcpy(r->body + at, bytes, len);
    r->body_len = need;
    return true;
}

static void pass_on(struct relay *r, const char *bytes, size_t len, uint64_t at) {
    r->s->bytes += len;
    if (r->fetch.whole) {
        r->oversized |= !keep(r, bytes, len, at);
        return;
    }
    if (r->stream == NULL || r->head_only)
        return;
    if (!net_http_stream_write(r->stream, bytes, len))
        return; /* player_gone follows */
    if (net_http_stream_waiting(r->stream) >= WAITING_BYTES_MAX / 2)
        pause_site(r);
}

/* ---- towards the sites ----------------------------------------------------------------------- */

static uint32_t site_of(const struct relay_call *c) {
    return (uint32_t)(c - c->relay->calls);
}

static void read_head(struct fetch_head *out, const struct net_http_result *result) {
    const char *length = net_http_result_header(result, "Content-Length");
    const char *etag = net_http_result_header(result, "ETag");
    const char *range = net_http_result_header(result, "Content-Range");
    *out = (struct fetch_head){.status = result->status,
                               .again = net_http_result_header(result, "Retry-After") != NULL,
                               .total = RANGE_UNKNOWN};
    if (length != NULL)
        out->total = strtoull(length, NULL, 10);
    out->range = (struct range){0, out->total};
    if (result->status == 206 && !range_content_read(&out->range, &out->total, range))
        out->total = RANGE_UNKNOWN;
    if (range_tag_is_strong(etag) && strlen(etag) <= FETCH_ETAG_MAX)
        strcpy(out->etag, etag);
}

static void head_came(void *data, const struct net_http_result *result) {
    struct relay_call *c = data;
    struct relay *r = c->relay;
    struct fetch_head head;
    const char *type = net_http_result_header(result, "Content-Type");
    read_head(&head, result);
    fetch_head_came(&r->fetch, site_of(c), &head, net_now());
    if (r->fetch.serving != site_of(c) || r->fetch.state != FETCH_FLOWING)
        return;
    if (r->fetch.whole)
        snprintf(r->type, sizeof(r->type), "%s", type != NULL ? type : "");
    else if (r->request != NULL)
        answer_head(r, result);
}

static void piece_came(void *data, const char *bytes, size_t count) {
    struct relay_call *c = data;
    struct relay *r = c->relay;
    size_t skip, len;
    uint64_t at;
    fetch_bytes_came(&r->fetch, site_of(c), (const uint8_t *)bytes, count, net_now(), &skip, &len,
                     &at);
    if (len > 0)
        pass_on(r, bytes + skip, len, at);
    soon(r);
}

static void call_over(void *data, const struct net_http_result *result) {
    struct relay_call *c = data;
    struct relay *r = c->relay;
    struct fetch_head head;
    c->call = NULL;
    if (result->err == ERR_OK) {
        read_head(&head, result);
        fetch_ended(&r->fetch, site_of(c), &head, NULL, net_now());
    } else {
        fetch_ended(&r->fetch, site_of(c), NULL, result->detail, net_now());
    }
    soon(r);
}

/* What players say of themselves goes on to whoever serves them (CTA-5004). */
static size_t asked_with(const struct relay *r, char range[RANGE_TEXT_MAX + 1],
                         struct net_http_header *out) {
    static const char *const said[] = {"CMCD-Request", "CMCD-Object", "CMCD-Status",
                                       "CMCD-Session"};
    struct range part;
    const char *tag;
    size_t count = 0;
    if (!fetch_rest(&r->fetch, &part, &tag)) {
        if (r->range[0] != '\0')
            out[count++] = (struct net_http_header){"Range", r->range};
    } else if (tag[0] != '\0') {
        range_write(range, &part);
        out[count++] = (struct net_http_header){"Range", range};
        out[count++] = (struct net_http_header){"If-Range", tag};
    }
    for (size_t i = 0; r->request != NULL && i < sizeof(said) / sizeof(said[0]); i++) {
        const char *value = net_http_header(r->request, said[i]);
        if (value != NULL)
            out[count++] = (struct net_http_header){said[i], value};
    }
    return count;
}

static void ask(struct relay *r, uint32_t site) {
    const struct streaming *s = r->s;
    char url[SITES_BASE_MAX + URI_LEN_MAX + 1], range[RANGE_TEXT_MAX + 1];
    struct net_http_header headers[HEADERS_MAX];
    snprintf(url, sizeof(url), "%s%s", s->sites.list[site].base, r->target + 1);
    const struct net_http_call_options options = {.url = url,
                                                  .headers = headers,
                                                  .header_count = asked_with(r, range, headers),
                                                  .timeout = duration_ms(SILENCE_MS),
                                                  .connect_timeout = duration_ms(CONNECT_MS),
                                                  .local_ip = s->config.bind_ip,
                                                  .ca_file = s->config.ca_file,
                                                  .head = head_came,
                                                  .piece = piece_came,
                                                  .done = call_over,
                                                  .data = &r->calls[site]};
    r->calls[site].relay = r;
    r->calls[site].paused = false;
    enum err e = net_http_call(s->client, &options, &r->calls[site].call);
    if (e != ERR_OK)
        fetch_ended(&r->fetch, site, NULL, err_text(e), net_now());
}

/* ---- one turn -------------------------------------------------------------------------------- */

static void obey(struct relay *r) {
    while ((r->fetch.cancel | r->fetch.ask) != 0) {
        uint32_t cancel = r->fetch.cancel, to_ask = r->fetch.ask;
        r->fetch.cancel = r->fetch.ask = 0;
        for (uint32_t i = 0; i < SITES_MAX; i++) {
            if ((cancel & 1u << i) != 0 && r->calls[i].call != NULL) {
                net_http_cancel(r->calls[i].call);
                r->calls[i].call = NULL;
            }
            if ((to_ask & 1u << i) != 0)
                ask(r, i);
        }
    }
}

static void answer_whole(struct relay *r) {
    const struct site *site = &r->s->sites.list[r->fetch.serving];
    size_t size = r->body_len * 2 + 65536, len = 0;
    char *text = malloc(size);
    struct net_http_request *request = r->request;
    const struct net_http_header headers[] = {{"Access-Control-Allow-Origin", "*"},
                                              {"Cache-Control", "no-store"}};
    r->request = NULL;
    if (text == NULL ||
        fold_media(text, size, &len, site, r->target, r->body != NULL ? (const char *)r->body : "",
                   r->body_len) != ERR_OK)
        net_http_answer_problem(request, 502, ERR_OVERSIZED, "that playlist is too long", 0);
    else
        net_http_answer(
            request, &(struct net_http_answer){.status = 200,
                                               .content_type = r->type[0] != '\0' ? r->type : NULL,
                                               .body = text,
                                               .body_len = len,
                                               .headers = headers,
                                               .header_count = 2});
    free(text);
}

static void measure(struct relay *r) {
    int64_t took_us = instant_since(net_now(), r->first_at).us;
    uint64_t *rate = &r->s->bits_per_s;
    if (r->fetch.whole || r->was_paused || r->fetch.given < RATE_BYTES_MIN || r->fetch.resumes > 0)
        return;
    uint64_t now = r->fetch.given * 8 * 1000000 / (uint64_t)(took_us > 1000 ? took_us : 1000);
    *rate = *rate == 0 ? now : (*rate * 3 + now) / 4;
}

static void finish_well(struct relay *r) {
    const struct net_http_header headers[] = {{"Access-Control-Allow-Origin", "*"}};
    r->s->served[r->fetch.serving]++;
    measure(r);
    if (r->stream != NULL) {
        net_http_stream_end(r->stream);
        r->stream = NULL;
    } else if (r->request != NULL && r->fetch.whole) {
        answer_whole(r);
    } else if (r->request != NULL) { /* a body without a byte */
        struct net_http_request *request = r->request;
        r->request = NULL;
        net_http_answer(request, &(struct net_http_answer){.status = r->fetch.head.status,
                                                           .headers = headers,
                                                           .header_count = 1});
    }
}

static void finish_badly(struct relay *r) {
    const struct net_http_header headers[] = {{"Access-Control-Allow-Origin", "*"}};
    char words[sizeof(r->fetch.why) + 1];
    int len = snprintf(words, sizeof(words), "%s\n",
                       r->oversized ? "that playlist is too long" : r->fetch.why);
    r->s->failed++;
    streaming_say(r->s, "%s: %s", r->target, r->fetch.why);
    if (r->stream != NULL) {
        r->s->broken++;
        net_http_stream_break(r->stream);
        r->stream = NULL;
    } else if (r->request != NULL) {
        struct net_http_request *request = r->request;
        r->request = NULL;
        net_http_answer(request, &(struct net_http_answer){
                                     .status = r->fetch.refused >= 400 ? r->fetch.refused : 502,
                                     .content_type = "text/plain",
                                     .body = words,
                                     .body_len = (size_t)len,
                                     .headers = headers,
                                     .header_count = 1});
    }
}

static void release(struct relay *r) {
    struct streaming *s = r->s;
    net_timer_cancel(&r->timer);
    for (size_t i = 0; i < SITES_MAX; i++)
        if (r->calls[i].call != NULL)
            net_http_cancel(r->calls[i].call);
    s->hedges += r->fetch.hedges;
    s->resumes += r->fetch.resumes;
    s->relay_count--;
    if (r->previous != NULL)
        r->previous->next = r->next;
    else
        s->relays = r->next;
    if (r->next != NULL)
        r->next->previous = r->previous;
    free(r->body);
    free(r);
}

static void turn(void *data, struct instant now) {
    struct relay *r = data;
    struct streaming *s = r->s;
    if (r->fetch.paused && r->stream != NULL &&
        net_http_stream_waiting(r->stream) <= WAITING_BYTES_MAX / 4)
        go_on(r);
    fetch_due(&r->fetch, now);
    obey(r);
    bool head_told = r->head_only && r->stream != NULL;
    if (r->fetch.state == FETCH_DONE || head_told)
        finish_well(r);
    else if (r->fetch.state == FETCH_FAILED || r->oversized)
        finish_badly(r);
    else if (!r->gone) {
        net_timer_arm(&r->timer, fetch_deadline(&r->fetch));
        streaming_looked(s);
        return;
    }
    release(r);
    streaming_looked(s);
}

/* ---- lifecycle ------------------------------------------------------------------------------- */

static bool is_playlist(const char *target) {
    size_t len = strcspn(target, "?");
    return (len > 5 && strncmp(target + len - 5, ".m3u8", 5) == 0) ||
           (len > 4 && strncmp(target + len - 4, ".m3u", 4) == 0);
}

void relay_begin(struct streaming *s, struct net_http_request *request) {
    struct relay *r = s->relay_count < STREAMING_RELAYS_MAX ? calloc(1, sizeof(*r)) : NULL;
    const char *range = net_http_header(request, "Range");
    if (r == NULL) {
        net_http_answer_problem(request, 503, ERR_FULL, "as much is asked for as may", 1);
        return;
    }
    if (net_http_target(request, r->target, sizeof(r->target)) == 0) {
        free(r);
        net_http_answer_problem(request, 414, ERR_OVERSIZED, "the URL is too long", 0);
        return;
    }
    s->requests++;
    s->relay_count++;
    r->s = s;
    r->request = request;
    r->head_only = strcmp(request->method, "HEAD") == 0;
    r->next = s->relays;
    if (r->next != NULL)
        r->next->previous = r;
    s->relays = r;
    bool whole = is_playlist(r->target);
    if (!whole && range != NULL && strlen(range) <= RANGE_TEXT_MAX && range_is_one(range))
        strcpy(r->range, range);
    net_timer_init(&r->timer, s->loop, turn, r);
    fetch_begin(&r->fetch, &s->sites, whole, net_now());
    soon(r);
}

void relay_end_all(struct streaming *s) {
    while (s->relays != NULL) {
        struct relay *r = s->relays;
        snprintf(r->fetch.why, sizeof(r->fetch.why), "the sidecar ends");
        finish_badly(r);
        release(r);
    }
}
