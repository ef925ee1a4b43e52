/*
 * One HTTP request from its headers to its answer.
 *
 *   headers ──admit, length──> receiving ──body complete──> with the handler ──answer──> answered
 *      │ refused                  │ too long                     │ overdue: 503             │
 *      └──────────────> refused <─┘                              └────────> answered        v
 *                          └── rest of the body read and thrown away ──> answered        completed
 *
 * A refused body is read on for a while, because a connection closed over unread bytes is reset,
 * and a reset overtakes the answer that would have said why.
 */
#include "peerd/net/http_server_private.h"

#include "peerd/net/clock.h"
#include "peerd/net/sockaddr.h"

#include <assert.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* How much of a refused body is read for courtesy: this many times the bound, then hang up. */
#define DISCARD_FACTOR 8

/* ---- holding ---- */

static void free_if_let_go(struct http_exchange *e) {
    if (e->mhd != NULL || e->held_by_handler)
        return;
    if (e->ready != NULL)
        net_http_ready_drop(e->ready);
    else if (e->response != NULL)
        MHD_destroy_response(e->response);
    free(e->body);
    free(e);
}

static void hold(struct http_exchange *e) {
    struct http_exchange *head = &e->server->held;

    e->held_by_handler = true;
    e->next = head;
    e->previous = head->previous;
    e->previous->next = e->next->previous = e;
}

static void let_go(struct http_exchange *e) {
    e->held_by_handler = false;
    if (e->next != NULL) {
        e->previous->next = e->next;
        e->next->previous = e->previous;
        e->next = e->previous = NULL;
    }
}

/* ---- answering ---- */

static const char *content_type_of(const struct net_http_answer *a) {
    return a->content_type != NULL ? a->content_type : "application/json";
}

static struct MHD_Response *body_of(const struct net_http_answer *a) {
    if (a->release == NULL)
        return MHD_create_response_from_buffer(a->body_len, (void *)a->body, MHD_RESPMEM_MUST_COPY);
    struct MHD_Response *r = MHD_create_response_from_buffer_with_free_callback_cls(
        a->body_len, (void *)a->body, a->release, a->owner);
    if (r == NULL)
        a->release(a->owner);
    return r;
}

static struct MHD_Response *make_response(const struct net_http_answer *a) {
    struct MHD_Response *r = body_of(a);
    char seconds[16];

    if (r == NULL)
        return NULL;
    if (a->body_len > 0)
        MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, content_type_of(a));
    if (a->retry_after_s > 0) {
        snprintf(seconds, sizeof seconds, "%u", a->retry_after_s);
        MHD_add_response_header(r, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
    }
    /* None is worth more than the answer: where memory is short it goes without. */
    for (size_t i = 0; i < a->header_count; i++)
        (void)MHD_add_response_header(r, a->headers[i].name, a->headers[i].value);
    return r;
}

/* Gives microhttpd the answer; only from within its callback. */
static enum MHD_Result queue(struct http_exchange *e) {
    e->connection->waiting = e->stream != NULL; /* it lasts as long as it is read */
    e->connection->since = net_now();
    return MHD_queue_response(e->mhd, e->status, e->response);
}

static void store_response(struct http_exchange *e, unsigned status,
                           struct MHD_Response *response) {
    e->status = status;
    e->response = response;
    if (e->suspended) {
        e->suspended = false;
        MHD_resume_connection(e->mhd);
        http_server_kick(e->server);
    }
}

static void store(struct http_exchange *e, const struct net_http_answer *answer) {
    store_response(e, answer->status, make_response(answer));
}

bool http_exchange_respond(struct http_exchange *e, unsigned status,
                           struct MHD_Response *response) {
    bool wanted = e->mhd != NULL && e->response == NULL;

    assert(e->held_by_handler && "a request is answered once");
    let_go(e);
    if (wanted)
        store_response(e, status, response);
    else
        MHD_destroy_response(response);
    free_if_let_go(e);
    return wanted;
}

void net_http_answer(struct net_http_request *request, const struct net_http_answer *answer) {
    struct http_exchange *e = (struct http_exchange *)request;

    assert(e->held_by_handler && "a request is answered once");
    assert(answer->status >= 200 && answer->status < 600);
    let_go(e);
    /* If the client has gone, or was answered for us, there is nobody left to tell. */
    if (e->mhd != NULL && e->response == NULL)
        store(e, answer);
    else if (answer->release != NULL)
        answer->release(answer->owner);
    free_if_let_go(e);
}

struct net_http_ready *net_http_ready_new(const struct net_http_answer *answer) {
    struct net_http_ready *ready = malloc(sizeof *ready);
    struct MHD_Response *response = make_response(answer);

    if (ready == NULL || response == NULL) {
        if (response != NULL)
            MHD_destroy_response(response);
        free(ready);
        return NULL;
    }
    *ready = (struct net_http_ready){1, answer->status, response};
    return ready;
}

void net_http_ready_drop(struct net_http_ready *ready) {
    if (ready == NULL || --ready->holders > 0)
        return;
    MHD_destroy_response(ready->response); /* microhttpd counts those that it is sending */
    free(ready);
}

void net_http_answer_ready(struct net_http_request *request, struct net_http_ready *ready) {
    struct http_exchange *e = (struct http_exchange *)request;

    assert(e->held_by_handler && "a request is answered once");
    let_go(e);
    if (e->mhd != NULL && e->response == NULL) {
        ready->holders++;
        e->ready = ready;
        store_response(e, ready->status, ready->response);
    }
    free_if_let_go(e);
}

void net_http_answer_json(struct net_http_request *request, unsigned status, const char *json) {
    net_http_answer(request, &(struct net_http_answer){
                                 .status = status, .body = json, .body_len = strlen(json)});
}

static const char *title_of(unsigned status) {
    const char *title = MHD_get_reason_phrase_for(status);

    return title != NULL ? title : "Error";
}

/* The problem as JSON, to be freed; NULL if memory is short or `detail` is not UTF-8. */
static char *problem_text(unsigned status, const char *code, const char *detail) {
    json_t *problem = json_pack("{s:s, s:i, s:s, s:s*}", "title", title_of(status), "status",
                                (int)status, "code", code, "detail", detail);
    char *text = problem != NULL ? json_dumps(problem, JSON_COMPACT) : NULL;

    json_decref(problem);
    return text;
}

static struct net_http_answer problem_answer(unsigned status, const char *text,
                                             unsigned retry_after_s) {
    return (struct net_http_answer){.status = status,
                                    .content_type = "application/problem+json",
                                    .body = text,
                                    .body_len = text != NULL ? strlen(text) : 0,
                                    .retry_after_s = retry_after_s};
}

void net_http_answer_problem(struct net_http_request *request, unsigned status, enum err code,
                             const char *detail, unsigned retry_after_s) {
    char *text = problem_text(status, err_name(code), detail);
    struct net_http_answer answer = problem_answer(status, text, retry_after_s);

    net_http_answer(request, &answer);
    free(text);
}

void net_http_answer_preflight(struct net_http_request *request, const char *headers,
                               bool from_anywhere) {
    const struct net_http_header allowed[] = {
        {"Access-Control-Allow-Origin", "*"},
        {"Access-Control-Allow-Methods", "GET, HEAD, OPTIONS"},
        {"Access-Control-Allow-Headers", headers},
        {"Access-Control-Max-Age", "86400"},
        {"Access-Control-Allow-Private-Network", "true"}};

    net_http_answer(request, &(struct net_http_answer){.status = 204,
                                                       .headers = allowed,
                                                       .header_count = from_anywhere ? 5 : 4});
}

void http_exchange_give_up(struct http_exchange *e) {
    if (e->mhd == NULL || e->response != NULL)
        return;
    char *text = problem_text(503, err_name(ERR_TIMEOUT), NULL);
    struct net_http_answer answer = problem_answer(503, text, 1);
    store(e, &answer);
    free(text);
}

/* ---- asking about a request ---- */

static const char *look_up(const struct net_http_request *request, enum MHD_ValueKind kind,
                           const char *name) {
    const struct http_exchange *e = (const struct http_exchange *)request;
    const char *value = NULL;
    size_t len = 0;

    if (e->mhd == NULL ||
        MHD_lookup_connection_value_n(e->mhd, kind, name, strlen(name), &value, &len) != MHD_YES)
        return NULL;
    return value != NULL ? value : "";
}

const char *net_http_header(const struct net_http_request *request, const char *name) {
    return look_up(request, MHD_HEADER_KIND, name);
}

const char *net_http_query(const struct net_http_request *request, const char *name) {
    return look_up(request, MHD_GET_ARGUMENT_KIND, name);
}

struct target {
    char *out;
    size_t size, len;
    bool first; /* of the query */
};

static void put(struct target *t, char c) {
    if (t->len < t->size)
        t->out[t->len] = c;
    t->len++;
}

/* What may stand for itself in either part does; the slash of a path, too. */
static void put_encoded(struct target *t, const char *text, size_t len, const char *kept) {
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            (c != '\0' && strchr(kept, c) != NULL)) {
            put(t, (char)c);
            continue;
        }
        put(t, '%');
        put(t, hex[c >> 4]);
        put(t, hex[c & 15]);
    }
}

static enum MHD_Result put_argument(void *cls, enum MHD_ValueKind kind, const char *key,
                                    size_t key_len, const char *value, size_t value_len) {
    struct target *t = cls;

    (void)kind;
    put(t, t->first ? '?' : '&');
    t->first = false;
    put_encoded(t, key, key_len, "-._~");
    if (value == NULL)
        return MHD_YES;
    put(t, '=');
    put_encoded(t, value, value_len, "-._~");
    return MHD_YES;
}

size_t net_http_target(const struct net_http_request *request, char *out, size_t size) {
    const struct http_exchange *e = (const struct http_exchange *)request;
    struct target t = {.out = out, .size = size, .first = true};

    if (e->mhd == NULL)
        return 0;
    put_encoded(&t, request->path, strlen(request->path), "/-._~!$&'()*+,;=:@");
    MHD_get_connection_values_n(e->mhd, MHD_GET_ARGUMENT_KIND, put_argument, &t);
    put(&t, '\0');
    return t.len <= size ? t.len - 1 : 0;
}

/* ---- receiving ---- */

/* Who asks: the address, and at a pinned door the key. False if there is no key where one must be.
 */
static bool identify(struct http_exchange *e) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(e->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

    if (info != NULL)
        e->request.peer = net_addr_from_sockaddr(info->client_addr);
    if (e->server->options.door != NET_HTTP_DOOR_PINNED)
        return true;
    info = MHD_get_connection_info(e->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    e->request.has_peer_key =
        info != NULL && net_identity_of_session(info->tls_session, &e->request.peer_key);
    return e->request.has_peer_key;
}

static struct http_exchange *begin(struct net_http_server *server, struct MHD_Connection *mhd,
                                   const char *url, const char *method) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct http_connection *connection = info != NULL ? info->socket_context : NULL;
    const size_t method_size = strlen(method) + 1, path_size = strlen(url) + 1;
    struct http_exchange *e =
        connection != NULL ? calloc(1, sizeof *e + method_size + path_size) : NULL;

    if (e == NULL)
        return NULL;
    e->server = server;
    e->mhd = mhd;
    e->connection = connection;
    char *texts = (char *)(e + 1); /* copies: microhttpd's end with the connection */
    e->request.method = memcpy(texts, method, method_size);
    e->request.path = memcpy(texts + method_size, url, path_size);
    e->request.body = (const uint8_t *)"";
    if (!identify(e)) {
        e->mhd = NULL;
        free_if_let_go(e);
        return NULL;
    }
    return e;
}

/* The length that the client announced, or 0 if none or nonsense (microhttpd refuses nonsense). */
static unsigned long long announced_length(const struct http_exchange *e) {
    const char *text = net_http_header(&e->request, MHD_HTTP_HEADER_CONTENT_LENGTH);

    return text != NULL ? strtoull(text, NULL, 10) : 0;
}

static enum MHD_Result answer_refusal(struct http_exchange *e) {
    enum err code = e->refusal == 413 ? ERR_OVERSIZED : e->refusal >= 500 ? ERR_FULL : ERR_DENIED;
    char *text = problem_text(e->refusal, err_name(code), NULL);
    struct net_http_answer answer = problem_answer(e->refusal, text, e->refusal == 503 ? 1 : 0);
    /* RFC 9110 section 15.5.2 wants the scheme named; there is one here. */
    const struct net_http_header scheme = {"WWW-Authenticate", "Bearer"};

    answer.headers = &scheme;
    answer.header_count = e->refusal == 401 ? 1 : 0;
    e->server->counters.refused++;
    store(e, &answer);
    free(text);
    return e->response != NULL ? queue(e) : MHD_NO;
}

/* Only the headers are here. A refusal is given at once where the client waits for leave to send
 * (Expect), or where the body is too long to be read for courtesy. */
static enum MHD_Result headers_received(struct http_exchange *e) {
    size_t max = e->server->options.body_bytes_max;
    unsigned long long announced = announced_length(e);
    const char *expect = net_http_header(&e->request, MHD_HTTP_HEADER_EXPECT);

    if (announced > max)
        e->refusal = 413;
    else if (e->server->options.admit != NULL)
        e->refusal = e->server->options.admit(e->server->options.data, &e->request);
    if (e->refusal != 0 && (expect != NULL || announced / DISCARD_FACTOR > max))
        return answer_refusal(e);
    return MHD_YES;
}

static bool make_room(struct http_exchange *e, size_t len) {
    size_t need = e->request.body_len + len + 1, capacity = e->capacity;

    if (need <= capacity)
        return true;
    /* Grown by doubling and never by what the client announces: that is free for him to say. */
    while (capacity < need)
        capacity = capacity == 0 ? 1024 : capacity * 2;
    uint8_t *body = realloc(e->body, capacity);
    if (body == NULL)
        return false;
    e->body = body;
    e->capacity = capacity;
    return true;
}

static enum MHD_Result body_received(struct http_exchange *e, const char *data, size_t *len) {
    size_t max = e->server->options.body_bytes_max;

    if (e->refusal == 0 && *len > max - e->request.body_len)
        e->refusal = 413;
    if (e->refusal != 0) {
        e->discarded += *len;
        *len = 0;
        return e->discarded / DISCARD_FACTOR > max ? MHD_NO : MHD_YES;
    }
    if (!make_room(e, *len))
        return MHD_NO;
    memcpy(e->body + e->request.body_len, data, *len);
    e->request.body_len += *len;
    e->body[e->request.body_len] = '\0';
    e->request.body = e->body;
    *len = 0;
    return MHD_YES;
}

static enum MHD_Result request_complete(struct http_exchange *e) {
    struct net_http_server *server = e->server;

    if (server->stopping && e->refusal == 0)
        e->refusal = 503;
    if (e->refusal != 0)
        return answer_refusal(e);
    server->counters.requests++;
    e->deadline = instant_add(net_now(), server->options.answer_within);
    hold(e);
    server->options.handler(server->options.data, &e->request);
    /* `e` lives: microhttpd holds it, too. */
    if (e->response != NULL)
        return queue(e);
    if (!e->held_by_handler)
        return MHD_NO; /* answered, but memory was short */
    e->suspended = true;
    e->connection->waiting = true;
    MHD_suspend_connection(e->mhd);
    return MHD_YES;
}

enum MHD_Result http_exchange_progress(void *cls, struct MHD_Connection *mhd, const char *url,
                                       const char *method, const char *version,
                                       const char *upload_data, size_t *upload_data_size,
                                       void **state) {
    struct http_exchange *e = *state;

    (void)version;
    if (e == NULL) {
        *state = e = begin(cls, mhd, url, method);
        return e != NULL ? headers_received(e) : MHD_NO;
    }
    if (*upload_data_size > 0)
        return body_received(e, upload_data, upload_data_size);
    if (e->response != NULL)
        return queue(e); /* resumed */
    if (e->deadline.us != 0)
        return MHD_NO; /* resumed without an answer: memory was short */
    return request_complete(e);
}

void http_exchange_completed(void *cls, struct MHD_Connection *mhd, void **state,
                             enum MHD_RequestTerminationCode why) {
    struct http_exchange *e = *state;

    (void)cls;
    (void)mhd;
    (void)why;
    if (e == NULL)
        return;
    e->connection->waiting = false;
    e->connection->since = net_now();
    e->mhd = NULL;
    e->connection = NULL;
    *state = NULL;
    http_stream_unread(e->stream);
    e->stream = NULL;
    free_if_let_go(e);
}
