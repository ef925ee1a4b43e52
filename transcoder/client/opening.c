/*
 * Opening: asks one cluster after another for a session until one answers 201.
 *
 * The same Idempotency-Key and client key go to all, so that an answer lost on the way costs
 * nothing when the same cluster is asked again. Each cluster has its own time before which it is
 * not asked again: what its Retry-After says, a short pause after a silence, and never after a
 * refusal that waiting does not change. When all have refused for good, or nothing can come of it
 * before the time is up, it ends.
 */
#include "transcoder/client/client.h"

#include "peerd/net/clock.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALL_TIMEOUT    duration_ms(3000)
#define CONNECT_TIMEOUT duration_ms(1000) /* a dead site does not refuse: it does not answer */
#define PAUSE           duration_ms(500)
#define GIVE_UP         duration_ms(10000)

static void ask(struct peerclient *c);

/* Asks the next one in this round; after the last one waits for whoever may be asked first. */
static void go_on(struct peerclient *c) {
    struct instant now = net_now();
    struct instant first = INSTANT_NEVER;
    for (; c->cluster < c->config.cluster_count; c->cluster++)
        if (instant_reached(now, c->ask_again_at[c->cluster])) {
            ask(c);
            return;
        }
    c->cluster = 0;
    for (size_t i = 0; i < c->config.cluster_count; i++)
        first = instant_min(first, c->ask_again_at[i]);
    if (instant_is_never(first) || instant_reached(first, c->give_up))
        client_finish(c, c->open_failure, c->detail);
    else
        net_timer_arm(&c->open_again, first);
}

static void make_printable(char *text) {
    for (; *text != '\0'; text++)
        if (*text < ' ' || *text > '~')
            *text = '?';
}

/* What a cluster says ends up on terminals. A refusal is worth more than a silence, and the first
 * one of a kind more than its repetition. */
static void failed(struct peerclient *c, enum peerclient_end how, const char *what, const char *why,
                   struct instant again) {
    char line[sizeof(c->detail)];
    snprintf(line, sizeof(line), "%s: %s%s%s", c->config.clusters[c->cluster], what,
             why[0] != '\0' ? ": " : "", why);
    make_printable(line);
    if (c->open_failure == PEERCLIENT_END_NONE ||
        (how == PEERCLIENT_END_REFUSED && c->open_failure != how)) {
        c->open_failure = how;
        memcpy(c->detail, line, sizeof(c->detail));
    }
    if (c->config.trace != NULL)
        c->config.trace(c->config.data, net_now().us, line);
    c->ask_again_at[c->cluster++] = again;
    go_on(c);
}

/* Waiting changes nothing about what the request says (4xx), unless the status says just that. */
static bool is_final(unsigned status) {
    return status >= 400 && status < 500 && status != 408 && status != 409 && status != 425 &&
           status != 429;
}

static void refused(struct peerclient *c, const struct net_http_result *result) {
    struct api_problem problem;
    char what[128];
    if (api_problem_decode(&problem, (const char *)result->body, result->body_len, NULL) != ERR_OK)
        problem = (struct api_problem){.title = "refused"};
    snprintf(what, sizeof(what), "%u %s", result->status, problem.title);
    struct duration pause = result->retry_after.us > 0 ? result->retry_after : PAUSE;
    const char *detail = strcmp(problem.detail, problem.title) != 0 ? problem.detail : "";
    failed(c, PEERCLIENT_END_REFUSED, what, detail,
           is_final(result->status) ? INSTANT_NEVER : instant_add(net_now(), pause));
}

static void answered(void *data, const struct net_http_result *result) {
    struct peerclient *c = data;
    struct wire_fault fault = {{0}};
    struct instant again = instant_add(net_now(), PAUSE);
    if (c->end != PEERCLIENT_END_NONE)
        return; /* told to stop in this very turn of the loop */
    if (result->err != ERR_OK) {
        failed(c, PEERCLIENT_END_UNREACHABLE, err_text(result->err), result->detail, again);
        return;
    }
    if (result->status != 201) {
        refused(c, result);
        return;
    }
    enum err err = api_session_answer_decode(&c->session, (const char *)result->body,
                                             result->body_len, &fault);
    if (err != ERR_OK)
        failed(c, PEERCLIENT_END_REFUSED, "an answer that cannot be read", fault.text, again);
    else
        client_session_opened(c);
}

static char *request_body(const struct peerclient *c, size_t *len) {
    struct api_session_request request = {.client_key = c->key.public_key,
                                          .start_ms = c->config.start_ms};
    name_set(&request.service, c->config.service);
    name_set(&request.profile, c->config.profile);
    name_set(&request.source, c->config.source);
    protection_by_name(&request.protection, c->config.protection);
    return api_session_request_encode(&request, len);
}

/* A cluster knows a client's location by who asks: that is to be where its media goes. NULL for
 * 0.0.0.0 and ::, which are every address. */
static const char *local_ip(const struct peerclient *c) {
    const char *ip = c->config.bind_ip;
    return ip != NULL && strspn(ip, "0.:") < strlen(ip) ? ip : NULL;
}

static void ask(struct peerclient *c) {
    const char *base = c->config.clusters[c->cluster];
    char url[CLIENT_URL_LEN_MAX + sizeof("/v1/sessions")];
    char authorization[CLIENT_TOKEN_LEN_MAX + sizeof("Bearer ")] = "";
    size_t len = 0;
    size_t base_len = strlen(base);
    char *body = request_body(c, &len);
    struct duration left = instant_since(c->give_up, net_now());
    while (base_len > 0 && base[base_len - 1] == '/')
        base_len--;
    snprintf(url, sizeof(url), "%.*s/v1/sessions", (int)base_len, base);
    if (c->config.token != NULL)
        snprintf(authorization, sizeof(authorization), "Bearer %s", c->config.token);
    const struct net_http_header headers[2] = {{"Idempotency-Key", c->idempotency},
                                               {"Authorization", authorization}};
    struct net_http_call_options options = {
        .url = url,
        .headers = headers,
        .header_count = c->config.token != NULL ? 2 : 1,
        .body = body,
        .body_len = len,
        .timeout = duration_max(duration_min(CALL_TIMEOUT, left), duration_ms(1)),
        .connect_timeout = duration_max(duration_min(CONNECT_TIMEOUT, left), duration_ms(1)),
        .answer_bytes_max = API_ANSWER_LEN_MAX,
        .ca_file = c->config.ca_file,
        .local_ip = local_ip(c),
        .done = answered,
        .data = c,
    };
    enum err err = body != NULL ? net_http_call(c->http, &options, NULL) : ERR_NO_MEMORY;
    free(body);
    sodium_memzero(authorization, sizeof(authorization));
    if (err != ERR_OK)
        failed(c, PEERCLIENT_END_INTERNAL, "cannot be asked", err_text(err),
               instant_add(net_now(), PAUSE));
}

static void time_to_ask(void *data, struct instant now) {
    struct peerclient *c = data;
    (void)now;
    if (c->end == PEERCLIENT_END_NONE)
        go_on(c);
}

void client_random_text(char out[2 * SESSION_ID_BYTES + 1]) {
    uint8_t random[SESSION_ID_BYTES];
    net_entropy(random, sizeof(random));
    sodium_bin2hex(out, 2 * SESSION_ID_BYTES + 1, random, sizeof(random));
}

void opening_begin(struct peerclient *c) {
    uint8_t seed[KEY_BYTES];
    net_entropy(seed, sizeof(seed));
    key_pair_from_seed(&c->key, seed);
    sodium_memzero(seed, sizeof(seed));
    client_random_text(c->idempotency);
    struct instant now = net_now();
    for (size_t i = 0; i < c->config.cluster_count; i++)
        c->ask_again_at[i] = now;
    net_timer_init(&c->open_again, c->loop, time_to_ask, c);
    c->give_up =
        instant_add(now, c->config.give_up_ms != 0 ? duration_ms(c->config.give_up_ms) : GIVE_UP);
    c->http = net_http_client_new(c->loop);
    if (c->http == NULL)
        client_finish(c, PEERCLIENT_END_INTERNAL, "no HTTP client");
    else
        ask(c);
}

void opening_end(struct peerclient *c) {
    net_timer_cancel(&c->open_again);
    net_http_client_free(c->http);
    c->http = NULL;
}
