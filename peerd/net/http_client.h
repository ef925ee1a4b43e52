/*
 * HTTP requests from the loop, with connections kept and peers pinned.
 *
 * libcurl (OpenSSL flavour) driven by its multi-socket interface. Trust is one of three: a pinned
 * key (TLS 1.3; certificate names and dates mean nothing, the key everything), a CA (file, or the
 * system's), or plain http, which is for loopback and where policy says so. No redirects, no
 * proxies from the environment, no protocol but http and https, no answer larger than asked for.
 */
#ifndef PEERD_NET_HTTP_CLIENT_H
#define PEERD_NET_HTTP_CLIENT_H

#include "peerd/base/addr.h"
#include "peerd/base/err.h"
#include "peerd/net/http.h"
#include "peerd/net/identity.h"
#include "peerd/net/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NET_HTTP_PINS_MAX  8    /* keys beside the one pinned */
#define NET_HTTP_CALLS_MAX 1024 /* calls in flight a client; beyond that ERR_FULL */

struct net_http_client;
struct net_http_call;

/* What came of a call; valid during the callback only. `err` is OK whenever an answer arrived,
 * whatever its status. Otherwise: UNREACHABLE, TIMEOUT, FOREIGN (the other side's key or
 * certificate is not the one expected), DENIED (it refused ours and said so), OVERSIZED, NOT_FOUND
 * (no such host), BAD_FIELD (the URL), NO_MEMORY, IO (anything else; also a server that hangs up
 * without a word because it wants a certificate). */
struct net_http_result {
    enum err err;
    const char *detail;          /* for people; "" if there is nothing to say */
    unsigned status;             /* 0 if no answer */
    const uint8_t *body;         /* followed by a zero byte that is not counted */
    size_t body_len;             /* [bytes] */
    struct duration retry_after; /* header Retry-After in seconds, zero if absent or a date */
    bool refused;         /* with UNREACHABLE: the machine replied that nobody listens there */
    struct duration took; /* from the call to the last byte */
    bool reused;          /* true if it went over a connection that existed */
    const struct net_http_call *call; /* for net_http_result_header */
};

typedef void (*net_http_done_fn)(void *data, const struct net_http_result *result);

/* A piece of an answer that goes on, as it came; may be cut anywhere. No call may be begun or
 * cancelled in it, nor in net_http_head_fn. */
typedef void (*net_http_piece_fn)(void *data, const char *text, size_t len);

/* Status and headers of an answer whose pieces follow at once. */
typedef void (*net_http_head_fn)(void *data, const struct net_http_result *head);

struct net_http_call_options {
    const char *method;                    /* NULL: POST with a body, GET without */
    const char *url;                       /* http:// or https:// */
    const struct net_http_header *headers; /* copied */
    size_t header_count;
    const void *body;                /* copied; NULL for none */
    size_t body_len;                 /* [bytes] */
    const char *content_type;        /* NULL: application/json if there is a body */
    struct duration timeout;         /* 0: 5 s, for the whole call */
    struct duration connect_timeout; /* 0: half of `timeout` */
    size_t answer_bytes_max;         /* 0: NET_HTTP_BODY_MAX */
    const struct net_identity
        *identity; /* shown to the server; may be NULL; borrowed during the call */
    const struct public_key *pinned;    /* the only key accepted; NULL: a CA decides; copied */
    const struct public_key *or_pinned; /* beside it these; copied */
    size_t or_pinned_count;             /* at most NET_HTTP_PINS_MAX */
    const char *ca_file;                /* NULL: the system's */
    const char *local_ip;               /* connect from there; NULL: as the system likes; copied */
    struct addr connect_to;  /* where to connect whatever the URL's host says; none: ask DNS */
    net_http_piece_fn piece; /* the answer goes on: each piece of it if its status is 200, and
                                nothing is kept; `timeout` is for the silence between two */
    net_http_head_fn head;   /* with `piece`, may be NULL: before the first one, and then pieces of
                                206 (part of a body) come, too */
    net_http_done_fn done;   /* called exactly once, never before net_http_call returns */
    void *data;
};

/* Makes a client with its own connection cache. NULL if the system refuses. */
struct net_http_client *net_http_client_new(struct net_loop *loop);

/* Cancels what is in flight (`done` is not called) and closes the connections. Accepts NULL. Not
 * from within a `done`. */
void net_http_client_free(struct net_http_client *client);

/* Starts a call. On success *out (may be NULL) is good for cancelling until `done` is called.
 * ERR_FULL, ERR_BAD_FIELD (URL or options), ERR_NO_MEMORY: then `done` is never called. */
enum err net_http_call(struct net_http_client *client, const struct net_http_call_options *options,
                       struct net_http_call **out);

/* For a call with `piece` of which one has come: no more until it is resumed, but for what has come
 * already. The silence that `timeout` bounds is not the other side's then. Resuming may call
 * `piece` at once. */
void net_http_pause(struct net_http_call *call, bool paused);

/* Ends a call without calling `done`. Not for a call whose `done` has begun. */
void net_http_cancel(struct net_http_call *call);

/* A header of the answer by name (any case); NULL if absent. Borrowed during the callback. */
const char *net_http_result_header(const struct net_http_result *result, const char *name);

size_t net_http_calls_in_flight(const struct net_http_client *client);

#endif
