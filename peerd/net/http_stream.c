/*
 * An answer that goes on.
 *
 *   written ──> waiting bytes ──microhttpd asks──> sent
 *                  │ none: the connection is suspended until there are some
 *                  └ too many: broken off, the reader is too slow
 *
 * It belongs to the response, which microhttpd frees; the writer lets go of it by ending it, or is
 * told by `over` that it has gone.
 */
#include "peerd/net/http_server_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BLOCK_BYTES 4096 /* [bytes] that microhttpd asks for at once */

struct net_http_stream {
    struct net_http_server *server;
    struct MHD_Connection *mhd; /* NULL: nobody reads it */
    struct net_http_stream_options options;
    char *bytes; /* owned */
    size_t begin, end, capacity;
    bool suspended;
    bool crowded; /* half of what may wait did */
    bool ended;   /* no more is written */
    bool broken;  /* … and what waits is not worth sending */
    struct net_http_stream *next, *previous;
};

/* ---- the server's list ---- */

static void enlist(struct net_http_stream *s) {
    s->next = s->server->streams;
    if (s->next != NULL)
        s->next->previous = s;
    s->server->streams = s;
}

static void delist(struct net_http_stream *s) {
    if (s->previous != NULL)
        s->previous->next = s->next;
    else
        s->server->streams = s->next;
    if (s->next != NULL)
        s->next->previous = s->previous;
    s->next = s->previous = NULL;
}

/* ---- microhttpd's side ---- */

static void wake(struct net_http_stream *s) {
    if (!s->suspended)
        return;
    s->suspended = false;
    MHD_resume_connection(s->mhd);
    http_server_kick(s->server);
}

static ssize_t read_some(void *cls, uint64_t pos, char *out, size_t max) {
    struct net_http_stream *s = cls;
    size_t len = s->end - s->begin < max ? s->end - s->begin : max;

    (void)pos;
    if (s->broken || s->mhd == NULL)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (len == 0 && s->ended)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (len == 0) {
        s->suspended = true;
        MHD_suspend_connection(s->mhd);
        return 0;
    }
    memcpy(out, s->bytes + s->begin, len);
    s->begin += len;
    if (s->crowded && s->end - s->begin <= s->options.waiting_bytes_max / 4) {
        s->crowded = false;
        if (s->options.drained != NULL && !s->ended)
            s->options.drained(s->options.data);
    }
    return (ssize_t)len;
}

static void release(void *cls) {
    struct net_http_stream *s = cls;

    free(s->bytes);
    free(s);
}

void http_stream_unread(struct net_http_stream *s) {
    if (s == NULL)
        return;
    delist(s);
    s->mhd = NULL;
    s->suspended = false;
    s->ended = true;
    if (s->options.over != NULL)
        s->options.over(s->options.data);
}

void http_streams_stop(struct net_http_server *server) {
    for (struct net_http_stream *s = server->streams; s != NULL; s = s->next) {
        s->broken = true;
        wake(s);
    }
}

/* ---- the writer's side ---- */

/* None is worth more than the answer: where memory is short it goes without. */
static void add_headers(struct MHD_Response *r, const struct net_http_stream_options *o) {
    if (o->content_type != NULL)
        (void)MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, o->content_type);
    if (o->header_count == 0)
        (void)MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    for (size_t i = 0; i < o->header_count; i++)
        (void)MHD_add_response_header(r, o->headers[i].name, o->headers[i].value);
}

struct net_http_stream *net_http_answer_stream(struct net_http_request *request,
                                               const struct net_http_stream_options *options) {
    struct http_exchange *e = (struct http_exchange *)request;
    struct net_http_stream *s = calloc(1, sizeof *s);
    uint64_t size = options->body_bytes > 0 ? options->body_bytes : MHD_SIZE_UNKNOWN;
    struct MHD_Response *r =
        s != NULL ? MHD_create_response_from_callback(size, BLOCK_BYTES, read_some, s, release)
                  : NULL;

    if (r == NULL) {
        free(s);
        net_http_answer_problem(request, 503, ERR_NO_MEMORY, NULL, 1);
        return NULL;
    }
    s->options = *options;
    s->server = e->server;
    s->mhd = e->mhd;
    add_headers(r, options);
    if (e->mhd != NULL && e->response == NULL) {
        e->stream = s;
        enlist(s);
    }
    return http_exchange_respond(e, options->status != 0 ? options->status : 200, r) ? s : NULL;
}

/* What has been sent makes room first. */
static bool make_room(struct net_http_stream *s, size_t len) {
    size_t waiting = s->end - s->begin, capacity = s->capacity;

    if (waiting + len > s->options.waiting_bytes_max)
        return false;
    if (s->begin > 0) {
        memmove(s->bytes, s->bytes + s->begin, waiting);
        s->begin = 0;
        s->end = waiting;
    }
    while (capacity < waiting + len)
        capacity = capacity == 0 ? BLOCK_BYTES : 2 * capacity;
    if (capacity == s->capacity)
        return true;
    char *bytes = realloc(s->bytes, capacity);
    if (bytes == NULL)
        return false;
    s->bytes = bytes;
    s->capacity = capacity;
    return true;
}

/* One who does not read would not notice before microhttpd's patience is over. */
static void break_off(struct net_http_stream *s) {
    const union MHD_ConnectionInfo *info =
        s->mhd != NULL ? MHD_get_connection_info(s->mhd, MHD_CONNECTION_INFO_CONNECTION_FD) : NULL;

    s->broken = true;
    if (info != NULL)
        shutdown(info->connect_fd, SHUT_RDWR);
    wake(s);
}

bool net_http_stream_write(struct net_http_stream *s, const char *text, size_t len) {
    assert(!s->ended);
    if (s->broken)
        return false;
    if (len == 0)
        return true;
    if (!make_room(s, len)) {
        break_off(s);
        return false;
    }
    memcpy(s->bytes + s->end, text, len);
    s->end += len;
    s->crowded |= s->end - s->begin >= s->options.waiting_bytes_max / 2;
    wake(s);
    return true;
}

size_t net_http_stream_waiting(const struct net_http_stream *s) {
    return s->end - s->begin;
}

void net_http_stream_break(struct net_http_stream *s) {
    s->ended = true;
    s->options.over = NULL;
    break_off(s);
}

void net_http_stream_end(struct net_http_stream *s) {
    assert(!s->ended);
    s->ended = true;
    s->options.over = NULL;
    wake(s);
}
