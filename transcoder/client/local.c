#include "transcoder/client/local.h"

#include "peerd/net/clock.h"
#include "peerd/net/http_server.h"
#include "transcoder/client/ogg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LISTENERS_MAX 16
#define WAITING_BYTES_MAX                                                                          \
    ((size_t)1 << 20) /* [bytes] a minute of 128 kbit/s: a player that pauses */
#define GRANULE_RATE_HZ 48000
#define TYPE            "audio/ogg"
#define TOC_BEFORE_ANY  0xf8             /* 20 ms of CELT, one channel */
#define LAST_WORDS      duration_ms(300) /* for what waits to be sent */
#define FRAME_MS        20

struct listener {
    struct local *local;
    struct net_http_stream *stream; /* NULL: free */
    bool cut;
    struct ogg ogg;
};

struct local {
    struct net_loop *loop;
    struct net_http_server *server;
    struct listener listeners[LISTENERS_MAX];
    unsigned channels;
    uint32_t serial;
    uint8_t toc; /* of the newest frame that was there */
};

/* ---- listeners ---- */

static void over(void *data) {
    struct listener *who = data;
    who->stream = NULL;
}

static void tell(struct listener *who, const uint8_t *bytes, size_t len) {
    if (who->stream != NULL && !who->cut)
        who->cut = !net_http_stream_write(who->stream, (const char *)bytes, len);
}

static void begin(struct local *l, struct net_http_request *r) {
    uint8_t head[OGG_HEAD_LEN_MAX];
    struct listener *who = l->listeners;
    while (who < l->listeners + LISTENERS_MAX && who->stream != NULL)
        who++;
    if (who == l->listeners + LISTENERS_MAX) {
        net_http_answer_problem(r, 503, ERR_FULL, "as many players listen as may", 5);
        return;
    }
    *who = (struct listener){.local = l};
    ogg_init(&who->ogg, l->serial++);
    who->stream = net_http_answer_stream(
        r, &(struct net_http_stream_options){.content_type = TYPE,
                                             .waiting_bytes_max = WAITING_BYTES_MAX,
                                             .over = over,
                                             .data = who});
    tell(who, head, ogg_head(&who->ogg, l->channels, GRANULE_RATE_HZ, head));
}

static void handle(void *data, struct net_http_request *r) {
    static const struct net_http_header allow = {"Allow", "GET, HEAD"},
                                        type = {"Content-Type", TYPE};
    if (strcmp(r->path, "/") != 0 && strcmp(r->path, "/listen.ogg") != 0)
        net_http_answer_problem(r, 404, ERR_NOT_FOUND, "there is / and /listen.ogg", 0);
    else if (strcmp(r->method, "HEAD") == 0)
        net_http_answer(
            r, &(struct net_http_answer){.status = 200, .headers = &type, .header_count = 1});
    else if (strcmp(r->method, "GET") == 0)
        begin(data, r);
    else
        net_http_answer(
            r, &(struct net_http_answer){.status = 405, .headers = &allow, .header_count = 1});
}

/* ---- the session's side ---- */

struct local *local_open(struct net_loop *loop, const struct addr *at,
                         const struct peerclient_media *media, char *why, size_t why_size) {
    struct net_http_server_options options = {.door = NET_HTTP_DOOR_PLAIN,
                                              .bind_to = *at,
                                              .connections_max = 2 * LISTENERS_MAX,
                                              .handler = handle};
    if (strcasecmp(media->encoding, "opus") != 0) {
        snprintf(why, why_size, "--http: expected a profile of opus, found one of %s",
                 media->encoding);
        return NULL;
    }
    struct local *l = calloc(1, sizeof(*l));
    if (l == NULL) {
        snprintf(why, why_size, "out of memory");
        return NULL;
    }
    l->loop = loop;
    l->serial = media->ssrc;
    l->toc = TOC_BEFORE_ANY;
    l->channels = strstr(media->fmtp, "stereo=1") != NULL ? 2 : 1;
    options.data = l;
    int before = snprintf(why, why_size, "--http: ");
    if (net_http_server_start(&l->server, loop, &options, why + before,
                              why_size - (size_t)before) != ERR_OK) {
        free(l);
        return NULL;
    }
    return l;
}

void local_frame(struct local *l, const struct peerclient_frame *frame) {
    uint8_t page[OGG_PAGE_LEN_MAX], missing = ogg_missing(l->toc);
    bool there = !frame->lost && frame->len > 0;
    const void *packet = there ? frame->payload : &missing;
    if (there)
        l->toc = *(const uint8_t *)frame->payload;
    for (size_t i = 0; i < LISTENERS_MAX; i++) {
        struct listener *who = &l->listeners[i];
        if (who->stream != NULL)
            tell(who, page,
                 ogg_packet(&who->ogg, packet, there ? frame->len : 1,
                            GRANULE_RATE_HZ / 1000 * FRAME_MS, page));
    }
}

void local_close(struct local *l) {
    uint8_t page[OGG_PAGE_LEN_MAX];
    if (l == NULL)
        return;
    for (size_t i = 0; i < LISTENERS_MAX; i++) {
        struct listener *who = &l->listeners[i];
        if (who->stream == NULL || who->cut)
            continue;
        tell(who, page, ogg_end(&who->ogg, page));
        if (!who->cut)
            net_http_stream_end(who->stream);
    }
    net_loop_run_until(l->loop, instant_add(net_now(), LAST_WORDS));
    net_http_server_stop(l->server);
    free(l);
}
