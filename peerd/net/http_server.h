/*
 * An HTTP/1.1 server in the loop: one handler, bounded everything, answers now or later.
 *
 * libmicrohttpd without threads; its epoll descriptor is watched by our loop. Three kinds of door:
 * plain (loopback and tests, or where policy says so), pinned (our Ed25519 identity; the client
 * must show an Ed25519 certificate of its own, TLS 1.3 only, and whose key that is decides
 * everything), and operator (a PEM certificate for browsers, TLS 1.2 or 1.3, loaded anew when the
 * files change).
 *
 * A client can hold one connection for a bounded time, never the loop: whoever has not completed a
 * request, or read its answer, within `idle` of the last one is cut off, however lively he
 * dribbles.
 */
#ifndef PEERD_NET_HTTP_SERVER_H
#define PEERD_NET_HTTP_SERVER_H

#include "peerd/base/addr.h"
#include "peerd/base/err.h"
#include "peerd/net/http.h"
#include "peerd/net/identity.h"
#include "peerd/net/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum net_http_door {
    NET_HTTP_DOOR_PLAIN,
    NET_HTTP_DOOR_PINNED,  /* needs `identity` */
    NET_HTTP_DOOR_OPERATOR /* needs `certificate_file` and `key_file` */
};

struct net_http_server;

/* A request, complete with its body. Valid until it is answered, whatever the client does
 * meanwhile; it must be answered exactly once. */
struct net_http_request {
    const char *method;         /* "GET", "POST", … */
    const char *path;           /* decoded, without the query */
    const uint8_t *body;        /* followed by a zero byte that is not counted */
    size_t body_len;            /* [bytes] */
    struct addr peer;           /* who is connected */
    bool has_peer_key;          /* true at a pinned door, false elsewhere */
    struct public_key peer_key; /* proven by the handshake */
};

struct net_http_answer {
    unsigned status;                       /* 200 … 599 */
    const char *content_type;              /* NULL: application/json if there is a body */
    const void *body;                      /* copied, but see release; NULL for none */
    size_t body_len;                       /* [bytes] */
    unsigned retry_after_s;                /* [s] header Retry-After; 0 for none */
    const struct net_http_header *headers; /* further ones, copied */
    size_t header_count;
    /* Where it is set, the body is not copied but borrowed until this is called with it: once, in
     * whatever way the answer ends, perhaps before net_http_answer returns. */
    void (*release)(void *owner);
    void *owner;
};

/* May answer before it returns, or keep the request and answer later from any callback of the loop.
 */
typedef void (*net_http_handler_fn)(void *data, struct net_http_request *request);

/* Called when only the headers are there: 0 lets the body come in, a status refuses (the body is
 * never read). Must not answer or keep the request. */
typedef unsigned (*net_http_admit_fn)(void *data, const struct net_http_request *request);

struct net_http_server_options {
    enum net_http_door door;
    struct addr bind_to;                 /* port 0 picks one */
    const struct net_identity *identity; /* pinned; borrowed while the server lives */
    const char *certificate_file;        /* operator; PEM chain */
    const char *key_file;                /* operator; PEM */
    unsigned connections_max;            /* 0: 1024 */
    unsigned connections_max_per_ip;     /* 0: no limit of its own */
    size_t body_bytes_max;               /* 0: NET_HTTP_BODY_MAX; beyond it 413 */
    struct duration idle;                /* 0: 30 s */
    struct duration answer_within; /* 0: 10 s; a handler that takes longer is answered for: 503 */
    net_http_admit_fn admit;       /* may be NULL */
    net_http_handler_fn handler;
    /* Operator door, may be NULL: the files changed and were taken (OK) or could not be used. */
    void (*reloaded)(void *data, enum err err, const char *detail);
    void *data; /* handed to all three */
};

struct net_http_server_counters {
    uint64_t connections;     /* accepted since the start */
    uint64_t open;            /* connections now */
    uint64_t requests;        /* handed to the handler */
    uint64_t refused;         /* by `admit`, or body too large */
    uint64_t cut_off;         /* connections ended for slowness */
    uint64_t overdue;         /* requests answered 503 because the handler did not */
    uint64_t handshaking;     /* connections now whose TLS handshake is not over */
    uint64_t turns;           /* times that microhttpd was run */
    uint64_t reloads;         /* times that new certificate files were taken */
    uint64_t reload_failures; /* files changed but could not be used; the old ones serve on */
};

/* Starts to listen. ERR_IO if the address is taken, ERR_BAD_FIELD if a certificate cannot be used;
 * `detail` (may be NULL) then says which, for people. */
enum err net_http_server_start(struct net_http_server **out, struct net_loop *loop,
                               const struct net_http_server_options *options, char *detail,
                               size_t detail_size);

/* Stops. Requests that were kept stay valid and must still be answered (to nobody). Accepts NULL.
 * Not from within a handler. */
void net_http_server_stop(struct net_http_server *server);

/* Operator door: looks at the files now (e.g. on SIGHUP) in place of within a second. Connections
 * that exist go on under the old certificate. ERR_BAD_FIELD: unusable, the old ones serve on. */
enum err net_http_server_reload(struct net_http_server *server);

/* Pinned door: shows another identity to whoever connects from now on, borrowed like the one
 * before, which is not needed any more. Connections that exist go on. On failure nothing has
 * changed. */
enum err net_http_server_rekey(struct net_http_server *server, const struct net_identity *identity);

struct addr net_http_server_address(const struct net_http_server *server);
const struct net_http_server_counters *
net_http_server_counters(const struct net_http_server *server);

/* A header by name (any case), or a query parameter, decoded; NULL if absent, "" if it has no
 * value. Borrowed until the request is answered. */
const char *net_http_header(const struct net_http_request *request, const char *name);
const char *net_http_query(const struct net_http_request *request, const char *name);

/* Path and query as they can be asked for elsewhere: what was decoded is encoded again (RFC 3986
 * section 2). Its length; 0 if it does not fit, or the client has gone. */
size_t net_http_target(const struct net_http_request *request, char *out, size_t size);

/* Answers and gives the request back. */
void net_http_answer(struct net_http_request *request, const struct net_http_answer *answer);

/* An answer that is given many times, to any requests at any server: what the HTTP library makes of
 * it is made once. */
struct net_http_ready;

/* NULL if memory is short; then `release` has been called. Where the body is borrowed it is so
 * until the last request that was answered with it is through, even after net_http_ready_drop. */
struct net_http_ready *net_http_ready_new(const struct net_http_answer *answer);

/* Answers with it and gives the request back; `ready` stays the caller's. */
void net_http_answer_ready(struct net_http_request *request, struct net_http_ready *ready);

/* It is not the caller's any more. Accepts NULL. */
void net_http_ready_drop(struct net_http_ready *ready);

/* The same with a JSON text (terminated). */
void net_http_answer_json(struct net_http_request *request, unsigned status, const char *json);

/* The same with an RFC 9457 problem: {title, status, detail, code}. `detail` may be NULL. */
void net_http_answer_problem(struct net_http_request *request, unsigned status, enum err code,
                             const char *detail, unsigned retry_after_s);

/* What a browser asks before a script of another page may send such headers (the Fetch standard,
 * section 3.2): it may, from any page, with GET, HEAD and OPTIONS, for a day. `from_anywhere`:
 * pages of public addresses, too, where this door is the reader's own machine or network (the
 * Private Network Access draft). */
void net_http_answer_preflight(struct net_http_request *request, const char *headers,
                               bool from_anywhere);

/* An answer that goes on: what is written is sent as it comes, until one side has had enough. */
struct net_http_stream;

struct net_http_stream_options {
    const char *content_type;              /* NULL: among `headers`, if anywhere */
    unsigned status;                       /* 0: 200 */
    const struct net_http_header *headers; /* copied; without any: Cache-Control: no-store */
    size_t header_count;
    uint64_t body_bytes; /* [bytes] of all that will be written, which is told; 0: nobody knows */
    size_t waiting_bytes_max;    /* [bytes] written and not sent yet; more is a reader too slow */
    void (*drained)(void *data); /* may be NULL: a quarter of that waits, where half had been
                                    reached. Do not write from within it */
    void (*over)(void *data);    /* nobody reads it any more: the stream is gone. Once, never before
                                    net_http_answer_stream returns; not after net_http_stream_end */
    void *data;
};

/* Gives the request back as the other two do. NULL: the client has gone, or memory is short; then
 * there is nothing to write to, and `over` is not called. */
struct net_http_stream *net_http_answer_stream(struct net_http_request *request,
                                               const struct net_http_stream_options *options);

/* [bytes] written and not sent yet. */
size_t net_http_stream_waiting(const struct net_http_stream *stream);

/* False: what waits would be more than the bound, or memory is short. He is cut off: nothing more
 * may be written, and `over` will be called. */
bool net_http_stream_write(struct net_http_stream *stream, const char *text, size_t len);

/* Nothing more comes; what waits is sent. The stream is not the caller's any more. */
void net_http_stream_end(struct net_http_stream *stream);

/* Breaks it off, so that the reader sees that it is not whole. Not the caller's any more. */
void net_http_stream_break(struct net_http_stream *stream);

#endif
