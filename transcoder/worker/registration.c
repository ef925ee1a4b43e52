#include "transcoder/worker/registration.h"

#include "peerd/base/addr.h"
#include "peerd/net/clock.h"
#include "peerd/net/http_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct registration {
    struct registration_options options;
    struct net_http_client *client;
    struct net_timer timer;
    char url[320];
    struct addr connect_to; /* none: the URL's host is a name */
    uint64_t boot;
    uint64_t seq;        /* of the newest request */
    uint64_t seen;       /* highest answered; 0 until peerd has all */
    uint64_t order_seen; /* highest order handed on */
    bool full;           /* the next request tells everything */
    struct duration poll;
    struct instant heard;                          /* last answer */
    struct public_key keys[REGISTRATION_KEYS_MAX]; /* peerd's, now and next: nobody else's is it */
    size_t key_count;
    bool silent;      /* it was said in the log */
    unsigned refused; /* status that was said in the log */
};

static void report(struct registration *r);

static void timer_fired(void *data, struct instant now) {
    (void)now;
    report(data);
}

static void again(struct registration *r, struct duration after) {
    net_timer_arm(&r->timer, instant_add(net_now(), after));
}

/* Those of its cluster that are in force or will be. What we were started with is the last word
 * only until it has spoken. */
static void learn_keys(struct registration *r, const struct node_answer *a) {
    r->keys[0] = a->cluster_key;
    r->key_count = 1;
    for (size_t i = 0; i < a->issuer_count && r->key_count < REGISTRATION_KEYS_MAX; i++)
        if (name_equal(&a->issuers[i].cluster, &a->cluster) && a->issuers[i].issued_until_s == 0 &&
            !public_key_equal(&a->issuers[i].key, &a->cluster_key))
            r->keys[r->key_count++] = a->issuers[i].key;
}

static void take(struct registration *r, const struct node_answer *a) {
    learn_keys(r, a);
    if (r->silent || r->heard.us == INT64_MIN)
        net_log(r->options.log, NET_LOG_INFO, "registered", NET_TEXT("cluster", a->cluster.text),
                NET_NUMBER("credit_slots", a->credit.slots));
    r->heard = net_now();
    r->silent = false;
    r->refused = 0;
    r->seen = a->seq;
    r->full = a->want_full;
    r->poll = duration_ms(a->poll_ms);
    r->options.answered(r->options.data, a);
}

/* Nobody there, or nobody who says anything of use: said once, then tried again and again. */
static void not_heard(struct registration *r, const char *what, const char *detail) {
    if (!r->silent)
        net_log(r->options.log, NET_LOG_WARNING, "peerd does not answer", NET_TEXT("what", what),
                NET_TEXT("detail", detail), NET_TEXT("peerd", r->options.peerd));
    r->silent = true;
}

static void answer_received(struct registration *r, const struct net_http_result *result) {
    struct wire_fault fault = {.text = ""};
    struct node_answer answer;
    enum err e = node_answer_decode(&answer, (const char *)result->body, result->body_len, &fault);
    if (e != ERR_OK) {
        not_heard(r, err_name(e), fault.text);
        return;
    }
    if (answer.seq == r->seq)
        take(r, &answer);
    else
        not_heard(r, "stale", "the answer is to another request");
    node_answer_free(&answer);
}

static void done(void *data, const struct net_http_result *result) {
    struct registration *r = data;
    if (result->err != ERR_OK) {
        not_heard(r, err_name(result->err), result->detail);
        if (result->refused)
            r->options.gone(r->options.data);
    } else if (result->status == 200) {
        answer_received(r, result);
    } else {
        char status[96];
        snprintf(status, sizeof(status), "HTTP status %u%s", result->status,
                 result->status == 403   ? ": is our key under `nodes` in peerd's policy?"
                 : result->status == 409 ? ": a second one under our name and key, waiting"
                                         : "");
        r->silent &= r->refused == result->status;
        r->refused = result->status;
        not_heard(r, status, (const char *)result->body);
        if (result->status == 409) {
            r->full = true;
            r->options.unwanted(r->options.data);
        }
    }
    again(r, duration_max(r->poll, result->retry_after));
}

static enum err send_request(struct registration *r, bool full) {
    struct node_request request = {.node = r->options.node,
                                   .boot = r->boot,
                                   .seq = r->seq,
                                   .seen = r->seen,
                                   .order_seen = r->order_seen};
    if (!r->options.describe(r->options.data, &request, full))
        return ERR_NO_MEMORY;
    size_t len;
    char *text = node_request_encode(&request, &len);
    if (text == NULL)
        return ERR_NO_MEMORY;
    int64_t wait_ms = full ? REGISTRATION_WAIT_MS_FULL : REGISTRATION_WAIT_MS;
    const struct net_http_call_options call = {.url = r->url,
                                               .body = text,
                                               .body_len = len,
                                               .timeout = duration_ms(wait_ms),
                                               .connect_timeout = duration_ms(500),
                                               .answer_bytes_max = NODE_ANSWER_LEN_MAX,
                                               .identity = r->options.identity,
                                               .pinned = &r->keys[0],
                                               .or_pinned = &r->keys[1],
                                               .or_pinned_count = r->key_count - 1,
                                               .connect_to = r->connect_to,
                                               .done = done,
                                               .data = r};
    enum err e = net_http_call(r->client, &call, NULL);
    free(text);
    return e;
}

static void report(struct registration *r) {
    r->seq++;
    enum err e = send_request(r, r->full);
    if (e == ERR_OK)
        return;
    not_heard(r, err_name(e), "the request could not be made");
    again(r, r->poll);
}

struct registration *registration_new(const struct registration_options *options) {
    struct registration *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return NULL;
    r->options = *options;
    r->key_count = options->peerd_key_count;
    memcpy(r->keys, options->peerd_keys, sizeof(r->keys));
    r->client = net_http_client_new(options->loop);
    if (r->client == NULL) {
        free(r);
        return NULL;
    }
    snprintf(r->url, sizeof(r->url), "https://%s/v1/node", options->peerd);
    if (!addr_from_text(&r->connect_to, options->peerd))
        r->connect_to = (struct addr){.family = 0};
    while (r->boot == 0)
        net_entropy(&r->boot, sizeof(r->boot));
    r->full = true;
    r->poll = duration_ms(REGISTRATION_POLL_MS);
    r->heard = instant_us(INT64_MIN);
    net_timer_init(&r->timer, options->loop, timer_fired, r);
    again(r, DURATION_ZERO);
    return r;
}

struct instant registration_heard(const struct registration *r) {
    return r->heard;
}

void registration_orders_seen(struct registration *r, uint64_t id) {
    if (id > r->order_seen)
        r->order_seen = id;
}

uint64_t registration_order_seen(const struct registration *r) {
    return r->order_seen;
}
