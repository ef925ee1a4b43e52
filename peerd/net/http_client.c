/*
 * The client behind http_client.h: libcurl's multi-socket interface on the loop.
 *
 * Nothing of ours is called by libcurl but the four small callbacks below; finished calls are
 * collected after it has returned, because it must not be entered again from its own callbacks.
 */
#include "peerd/net/http_client.h"

#include "peerd/net/clock.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CONNECTIONS_KEPT 64 /* idle connections; more peers than that are rare, and only slower */

struct net_http_call {
    struct net_http_client *client;
    CURL *easy;
    struct curl_slist *headers;
    struct curl_slist *connect_to;
    uint8_t *body;        /* `capacity` bytes */
    size_t body_len;      /* [bytes] */
    size_t capacity;      /* [bytes] */
    size_t body_max;      /* [bytes] */
    bool oversized;       /* the answer went past body_max */
    struct instant since; /* when the call began */
    net_http_done_fn done;
    net_http_piece_fn piece; /* NULL: the answer is kept whole */
    net_http_head_fn head;   /* NULL: nobody asks, or it has been told */
    bool parts;              /* of a body (206) are pieces, too */
    bool paused;
    struct net_timer silence; /* only with `piece`: since the newest one */
    struct duration silence_max;
    void *data;
    struct net_http_call *next, *previous;
    char error[CURL_ERROR_SIZE];
};

struct net_http_client {
    struct net_loop *loop;
    CURLM *multi;
    struct net_timer timer;
    struct net_http_call calls; /* head of a ring: in flight */
    size_t count;
};

struct socket_watch {
    struct net_http_client *client;
    curl_socket_t fd;
    struct net_watch *watch;
};

/* ---- finished calls ---- */

static void free_call(struct net_http_call *call) {
    struct net_http_client *client = call->client;

    net_timer_cancel(&call->silence);
    curl_multi_remove_handle(client->multi, call->easy);
    curl_easy_cleanup(call->easy);
    curl_slist_free_all(call->headers);
    curl_slist_free_all(call->connect_to);
    free(call->body);
    if (call->next != NULL) {
        call->previous->next = call->next;
        call->next->previous = call->previous;
        client->count--;
    }
    free(call);
}

static enum err err_of(CURLcode code, const struct net_http_call *call) {
    if (call->oversized)
        return ERR_OVERSIZED;
    switch ((int)code) {
    case CURLE_OK:
        return ERR_OK;
    case CURLE_COULDNT_RESOLVE_HOST:
        return ERR_NOT_FOUND;
    case CURLE_COULDNT_CONNECT:
        return ERR_UNREACHABLE;
    case CURLE_OPERATION_TIMEDOUT:
        return ERR_TIMEOUT;
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_PEER_FAILED_VERIFICATION:
        return ERR_FOREIGN;
    case CURLE_SSL_CERTPROBLEM:
        return ERR_DENIED;
    case CURLE_URL_MALFORMAT:
        return ERR_BAD_FIELD;
    case CURLE_FILESIZE_EXCEEDED:
        return ERR_OVERSIZED;
    case CURLE_OUT_OF_MEMORY:
        return ERR_NO_MEMORY;
    default:
        /* In TLS 1.3 a server refuses our certificate after the handshake is done for us, and
         * libcurl then reports the alert as a failed read. */
        return strstr(call->error, "alert") != NULL ? ERR_DENIED : ERR_IO;
    }
}

/* Not merely out of reach: a reply came, and it was ECONNREFUSED. */
static bool is_refused(const struct net_http_call *call, enum err e) {
    long number = 0;
    curl_easy_getinfo(call->easy, CURLINFO_OS_ERRNO, &number);
    return e == ERR_UNREACHABLE && number == ECONNREFUSED;
}

static struct duration retry_after(const struct net_http_result *result) {
    const char *text = net_http_result_header(result, "Retry-After");
    char *end;
    long seconds = text != NULL ? strtol(text, &end, 10) : 0;

    /* A date is allowed too (RFC 9110 10.2.3), but nobody here sends one. */
    if (text == NULL || end == text || *end != '\0' || seconds < 0 || seconds > 86400)
        return DURATION_ZERO;
    return duration_s(seconds);
}

static void finish(struct net_http_call *call, CURLcode code) {
    struct net_http_result result = {.err = err_of(code, call), .detail = "", .call = call};
    long status = 0, connects = 1;

    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(call->easy, CURLINFO_NUM_CONNECTS, &connects);
    if (result.err == ERR_OK) {
        result.status = (unsigned)status;
        result.body = call->body_len > 0 ? call->body : (const uint8_t *)"";
        result.body_len = call->body_len;
        result.retry_after = retry_after(&result);
    } else if (call->oversized) {
        result.detail = "the answer is longer than allowed";
    } else {
        result.detail = call->error[0] != '\0' ? call->error : curl_easy_strerror(code);
    }
    result.refused = is_refused(call, result.err);
    result.took = instant_since(net_now(), call->since);
    result.reused = connects == 0;
    /* First give the connection back, so that a call made by `done` can have it. */
    curl_multi_remove_handle(call->client->multi, call->easy);
    call->done(call->data, &result);
    free_call(call);
}

static void fell_silent(void *data, struct instant now) {
    (void)now;
    finish(data, CURLE_OPERATION_TIMEDOUT);
}

static void collect(struct net_http_client *client) {
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        struct net_http_call *call;
        CURLcode code = message->data.result; /* the message ends with remove_handle */
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
        finish(call, code);
    }
}

const char *net_http_result_header(const struct net_http_result *result, const char *name) {
    struct curl_header *header;

    if (curl_easy_header(result->call->easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return NULL;
    return header->value;
}

/* ---- libcurl's callbacks ---- */

static void socket_ready(void *data, unsigned events) {
    struct socket_watch *w = data;
    struct net_http_client *client = w->client;
    int mask = ((events & NET_READABLE) ? CURL_CSELECT_IN : 0) |
               ((events & NET_WRITABLE) ? CURL_CSELECT_OUT : 0) |
               ((events & NET_FAILED) ? CURL_CSELECT_ERR : 0);
    int running;

    curl_multi_socket_action(client->multi, w->fd, mask, &running);
    collect(client);
}

static int socket_wanted(CURL *easy, curl_socket_t fd, int what, void *data, void *socket_data) {
    struct net_http_client *client = data;
    struct socket_watch *w = socket_data;
    unsigned events =
        ((what & CURL_POLL_IN) ? NET_READABLE : 0) | ((what & CURL_POLL_OUT) ? NET_WRITABLE : 0);

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (w != NULL)
            net_watch_close(w->watch);
        free(w);
        return 0;
    }
    if (w != NULL) {
        net_watch_set(w->watch, events);
        return 0;
    }
    w = calloc(1, sizeof *w);
    if (w == NULL)
        return -1;
    *w = (struct socket_watch){.client = client, .fd = fd};
    w->watch = net_watch_open(client->loop, fd, events, socket_ready, w);
    if (w->watch == NULL) {
        free(w);
        return -1;
    }
    curl_multi_assign(client->multi, fd, w);
    return 0;
}

static void time_to_run(void *data, struct instant now) {
    struct net_http_client *client = data;
    int running;

    (void)now;
    curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect(client);
}

static int timer_wanted(CURLM *multi, long timeout_ms, void *data) {
    struct net_http_client *client = data;

    (void)multi;
    if (timeout_ms < 0)
        net_timer_cancel(&client->timer);
    else
        net_timer_arm(&client->timer, instant_add(net_now(), duration_ms(timeout_ms)));
    return 0;
}

static void piece_received(struct net_http_call *call, const char *data, size_t len, long status) {
    if (!call->paused)
        net_timer_arm(&call->silence, instant_add(net_now(), call->silence_max));
    if (call->head != NULL) {
        const struct net_http_result head = {
            .err = ERR_OK, .detail = "", .status = (unsigned)status, .call = call};
        net_http_head_fn tell = call->head;
        call->head = NULL;
        tell(call->data, &head);
    }
    call->piece(call->data, data, len);
}

static size_t body_received(char *data, size_t size, size_t count, void *userdata) {
    struct net_http_call *call = userdata;
    size_t len = size * count, need = call->body_len + len + 1, capacity = call->capacity;
    long status = 0;

    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    if (call->piece != NULL && (status == 200 || (status == 206 && call->parts))) {
        piece_received(call, data, len, status);
        return len;
    }
    if (len > call->body_max - call->body_len) {
        call->oversized = true;
        return 0;
    }
    while (capacity < need)
        capacity = capacity == 0 ? 1024 : capacity * 2;
    if (capacity != call->capacity) {
        uint8_t *body = realloc(call->body, capacity);
        if (body == NULL)
            return 0;
        call->body = body;
        call->capacity = capacity;
    }
    memcpy(call->body + call->body_len, data, len);
    call->body_len += len;
    call->body[call->body_len] = '\0';
    return len;
}

/* ---- starting a call ---- */

static bool add_header(struct net_http_call *call, const char *name, const char *value) {
    size_t size = strlen(name) + strlen(value) + 3;
    char *line = malloc(size);
    struct curl_slist *list;

    assert(strpbrk(name, "\r\n:") == NULL && strpbrk(value, "\r\n") == NULL);
    if (line == NULL)
        return false;
    /* libcurl's way to say that a header is there and empty is a semicolon. */
    if (value[0] == '\0')
        snprintf(line, size, "%s;", name);
    else
        snprintf(line, size, "%s: %s", name, value);
    list = curl_slist_append(call->headers, line);
    free(line);
    if (list != NULL)
        call->headers = list;
    return list != NULL;
}

static bool set_headers(struct net_http_call *call, const struct net_http_call_options *o) {
    const char *type = o->content_type != NULL ? o->content_type : "application/json";

    if (o->body != NULL && !add_header(call, "Content-Type", type))
        return false;
    for (size_t i = 0; i < o->header_count; i++)
        if (!add_header(call, o->headers[i].name, o->headers[i].value))
            return false;
    return curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers) == CURLE_OK;
}

static bool set_method(CURL *easy, const struct net_http_call_options *o) {
    CURLcode code = CURLE_OK;

    if (o->body != NULL) {
        code |= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)o->body_len);
        code |= curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, o->body);
    } else if (o->method != NULL && strcmp(o->method, "POST") == 0) {
        code |= curl_easy_setopt(easy, CURLOPT_POST, 1L);
        code |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "");
    } else if (o->method != NULL && strcmp(o->method, "HEAD") == 0) {
        code |= curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    }
    if (o->method != NULL)
        code |= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, o->method);
    return code == CURLE_OK;
}

static bool set_destination(struct net_http_call *call, const struct net_http_call_options *o) {
    CURL *easy = call->easy;
    CURLcode code = curl_easy_setopt(easy, CURLOPT_URL, o->url);
    char text[ADDR_TEXT_LEN_MAX + 1], rule[ADDR_TEXT_LEN_MAX + 3];
    char from[ADDR_TEXT_LEN_MAX + sizeof("host!")];

    code |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    code |= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    /* An environment made for somebody else's programs must not reroute the control channel. */
    code |= curl_easy_setopt(easy, CURLOPT_PROXY, "");
    if (!addr_is_none(&o->connect_to)) {
        /* HOST:PORT:TO-HOST:TO-PORT with the first two empty: whatever the URL says. */
        snprintf(rule, sizeof rule, "::%s", addr_to_text(&o->connect_to, text));
        call->connect_to = curl_slist_append(NULL, rule);
        if (call->connect_to == NULL)
            return false;
        code |= curl_easy_setopt(easy, CURLOPT_CONNECT_TO, call->connect_to);
    }
    if (o->local_ip != NULL) {
        snprintf(from, sizeof from, "host!%s", o->local_ip);
        code |= curl_easy_setopt(easy, CURLOPT_INTERFACE, from);
    }
    return code == CURLE_OK;
}

static bool set_identity(CURL *easy, const struct net_identity *identity) {
    struct curl_blob certificate = {(void *)net_identity_certificate(identity), 0, CURL_BLOB_COPY};
    struct curl_blob key = {(void *)net_identity_private_key(identity), 0, CURL_BLOB_COPY};
    CURLcode code = CURLE_OK;

    certificate.len = strlen(certificate.data);
    key.len = strlen(key.data);
    code |= curl_easy_setopt(easy, CURLOPT_SSLCERT_BLOB, &certificate);
    code |= curl_easy_setopt(easy, CURLOPT_SSLCERTTYPE, "PEM");
    code |= curl_easy_setopt(easy, CURLOPT_SSLKEY_BLOB, &key);
    code |= curl_easy_setopt(easy, CURLOPT_SSLKEYTYPE, "PEM");
    return code == CURLE_OK;
}

/* In curl's form: one after the other, each with its length. */
static void write_pins(char *out, const struct net_http_call_options *o) {
    net_identity_pin(o->pinned, out);
    for (size_t i = 0; i < o->or_pinned_count; i++) {
        out += strlen(out);
        *out++ = ';';
        net_identity_pin(&o->or_pinned[i], out);
    }
}

static bool set_trust(CURL *easy, const struct net_http_call_options *o) {
    CURLcode code = CURLE_OK;
    char pins[(NET_HTTP_PINS_MAX + 1) * (NET_PIN_LEN_MAX + 1)];

    if (o->identity != NULL && !set_identity(easy, o->identity))
        return false;
    /* A resumed session would skip the certificate, and with it the proof of the key. */
    code |= curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    if (o->pinned != NULL) {
        write_pins(pins, o);
        code |= curl_easy_setopt(easy, CURLOPT_PINNEDPUBLICKEY, pins);
        code |= curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3);
        code |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        code |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    } else {
        code |= curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
        if (o->ca_file != NULL)
            code |= curl_easy_setopt(easy, CURLOPT_CAINFO, o->ca_file);
    }
    return code == CURLE_OK;
}

static bool set_limits(struct net_http_call *call, const struct net_http_call_options *o) {
    int64_t timeout_ms = o->timeout.us > 0 ? duration_in_ms(o->timeout) : 5000;
    int64_t connect_ms =
        o->connect_timeout.us > 0 ? duration_in_ms(o->connect_timeout) : timeout_ms / 2;
    CURLcode code = CURLE_OK;

    /* Zero would mean "for ever". */
    timeout_ms = timeout_ms > 0 ? timeout_ms : 1;
    connect_ms = connect_ms > 0 ? connect_ms : 1;
    call->body_max = o->answer_bytes_max > 0 ? o->answer_bytes_max : NET_HTTP_BODY_MAX;
    if (o->piece == NULL) {
        code |= curl_easy_setopt(call->easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    } else {
        call->silence_max = duration_ms(timeout_ms);
        net_timer_arm(&call->silence, instant_add(call->since, call->silence_max));
    }
    code |= curl_easy_setopt(call->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
    code |= curl_easy_setopt(call->easy, CURLOPT_NOSIGNAL, 1L);
    code |= curl_easy_setopt(call->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    code |= curl_easy_setopt(call->easy, CURLOPT_ERRORBUFFER, call->error);
    code |= curl_easy_setopt(call->easy, CURLOPT_PRIVATE, call);
    code |= curl_easy_setopt(call->easy, CURLOPT_WRITEFUNCTION, body_received);
    code |= curl_easy_setopt(call->easy, CURLOPT_WRITEDATA, call);
    return code == CURLE_OK;
}

static bool options_make_sense(const struct net_http_call_options *o) {
    bool plain = strncasecmp(o->url, "http://", 7) == 0;

    if (!plain && strncasecmp(o->url, "https://", 8) != 0)
        return false;
    /* Whoever names keys does not want to be sent in the clear. */
    if (o->or_pinned_count > (o->pinned != NULL ? NET_HTTP_PINS_MAX : 0))
        return false;
    return !(plain && (o->pinned != NULL || o->identity != NULL));
}

enum err net_http_call(struct net_http_client *client, const struct net_http_call_options *options,
                       struct net_http_call **out) {
    struct net_http_call *call;

    if (out != NULL)
        *out = NULL;
    if (!options_make_sense(options))
        return ERR_BAD_FIELD;
    if (client->count >= NET_HTTP_CALLS_MAX)
        return ERR_FULL;
    if ((call = calloc(1, sizeof *call)) == NULL)
        return ERR_NO_MEMORY;
    call->client = client;
    call->easy = curl_easy_init();
    call->since = net_now();
    net_timer_init(&call->silence, client->loop, fell_silent, call);
    call->done = options->done;
    call->piece = options->piece;
    call->head = options->head;
    call->parts = options->head != NULL;
    call->data = options->data;
    if (call->easy == NULL || !set_limits(call, options) || !set_destination(call, options) ||
        !set_method(call->easy, options) || !set_trust(call->easy, options) ||
        !set_headers(call, options) ||
        curl_multi_add_handle(client->multi, call->easy) != CURLM_OK) {
        free_call(call);
        return ERR_NO_MEMORY;
    }
    call->next = &client->calls;
    call->previous = client->calls.previous;
    call->previous->next = call->next->previous = call;
    client->count++;
    if (out != NULL)
        *out = call;
    return ERR_OK;
}

void net_http_pause(struct net_http_call *call, bool paused) {
    assert(call->piece != NULL);
    call->paused = paused;
    if (paused)
        net_timer_cancel(&call->silence);
    else
        net_timer_arm(&call->silence, instant_add(net_now(), call->silence_max));
    curl_easy_pause(call->easy, paused ? CURLPAUSE_RECV : CURLPAUSE_CONT);
}

void net_http_cancel(struct net_http_call *call) {
    free_call(call);
}

size_t net_http_calls_in_flight(const struct net_http_client *client) {
    return client->count;
}

/* ---- lifecycle ---- */

static void prepare_curl(void) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct net_http_client *net_http_client_new(struct net_loop *loop) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct net_http_client *client = calloc(1, sizeof *client);

    pthread_once(&once, prepare_curl);
    if (client == NULL)
        return NULL;
    client->loop = loop;
    client->calls.next = client->calls.previous = &client->calls;
    net_timer_init(&client->timer, loop, time_to_run, client);
    client->multi = curl_multi_init();
    if (client->multi == NULL) {
        free(client);
        return NULL;
    }
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, timer_wanted);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_KEPT);
    return client;
}

void net_http_client_free(struct net_http_client *client) {
    if (client == NULL)
        return;
    while (client->calls.next != &client->calls)
        free_call(client->calls.next);
    curl_multi_cleanup(client->multi);
    net_timer_cancel(&client->timer);
    free(client);
}
