/*
 * Clients: the door that listeners open sessions at, and that monitoring reads.
 *
 * A session is opened with a bearer token or from an address prefix that the policy names; the core
 * says where it is served and by whom it is backed up, and the ticket is signed here, where the key
 * is. Idempotency-Key is honoured by a digest over it, the client's key and the whole request:
 * the same key with another request is another session, never somebody else's answer. Session id,
 * SSRC and first numbers follow from that digest, so it is keyed with a secret of this cluster:
 * clients cannot choose them, and the same request to two clusters makes two sessions.
 */
#include "peerd/io/streams.h"
#include "peerd/net/clock.h"
#include "peerd/policy/policy_schema.h"
#include "peerd/wire/api.h"
#include "transcoder/rtp/payload.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BODY_BYTES_MAX      API_REQUEST_LEN_MAX
#define CONNECTIONS_MAX     4096
#define IDEMPOTENCY_LEN_MAX 255
#define SESSION_LABEL       "peerd session v1"

/* ---- may they? ---- */

/* The scheme's name is the same in any case (RFC 9110 section 11.1). */
static bool token_matches(const struct policy *p, const char *authorization) {
    static const char scheme[] = "Bearer ";
    uint8_t digest[32];
    bool found = false;
    if (authorization == NULL || strncasecmp(authorization, scheme, sizeof(scheme) - 1) != 0)
        return false;
    const char *token = authorization + sizeof(scheme) - 1;
    policy_token_digest(digest, token, strlen(token));
    for (uint32_t i = 0; i < p->grant_count; i++)
        if (p->grants[i].by_token)
            found |= sodium_memcmp(digest, p->grants[i].token_digest, sizeof(digest)) == 0;
    return found;
}

/* 0, or the status that refuses. */
static unsigned denial(struct daemon *d, const struct net_http_request *r) {
    const struct policy *p = d->policy;
    const char *authorization = net_http_header(r, "Authorization");
    for (uint32_t i = 0; i < p->grant_count; i++)
        if (!p->grants[i].by_token && prefix_holds(&p->grants[i].prefix, &r->peer))
            return 0;
    if (token_matches(p, authorization))
        return 0;
    d->counters.requests_denied++;
    return authorization != NULL ? 403 : 401;
}

/* Refuses a body before it is read, from whoever may not send one. */
static unsigned admit(void *data, const struct net_http_request *r) {
    return streams_wanted(r) || page_wanted(data, r) ? 0 : denial(data, r);
}

/* ---- refusing ---- */

static void answer_problem(struct net_http_request *r, struct api_problem *problem,
                           const struct net_http_header *header) {
    char *json = api_problem_encode(problem, NULL);
    net_http_answer(r, &(struct net_http_answer){.status = problem->status,
                                                 .content_type = "application/problem+json",
                                                 .body = json,
                                                 .body_len = json != NULL ? strlen(json) : 0,
                                                 .retry_after_s = problem->retry_after_s,
                                                 .headers = header,
                                                 .header_count = header != NULL ? 1 : 0});
    free(json);
}

static void refuse(struct net_http_request *r, enum err err, const char *detail,
                   uint32_t retry_after_ms) {
    struct api_problem problem = api_problem_of(err, detail);
    problem.retry_after_s = (retry_after_ms + 999) / 1000;
    answer_problem(r, &problem, NULL);
}

/* `allow` is what RFC 9110 section 15.5.6 wants said. */
static void refuse_method(struct net_http_request *r, const char *allow) {
    struct api_problem problem = api_problem_of(ERR_NOT_FOUND, NULL);
    problem.status = 405;
    snprintf(problem.title, sizeof(problem.title), "this path has other methods");
    answer_problem(r, &problem, &(struct net_http_header){"Allow", allow});
}

/* ---- opening a session ---- */

static void digest_request(const struct daemon *d, uint8_t out[32], const char *key,
                           const struct net_http_request *r) {
    crypto_generichash_state state;
    crypto_generichash_init(&state, d->session_secret, sizeof(d->session_secret), 32);
    crypto_generichash_update(&state, (const uint8_t *)key, strlen(key) + 1);
    crypto_generichash_update(&state, r->body, r->body_len);
    crypto_generichash_final(&state, out, 32);
    sodium_memzero(&state, sizeof(state));
}

static void post_session(struct daemon *d, struct net_http_request *r) {
    struct api_session_request request;
    struct wire_fault fault = {{0}};
    enum err err = api_session_request_decode(&request, (const char *)r->body, r->body_len, &fault);
    if (err != ERR_OK) {
        refuse(r, err, fault.text, 0);
        return;
    }
    struct core_event event = {.kind = CORE_SESSION_OPEN,
                               .u.open = {.request = (uint64_t)(uintptr_t)r,
                                          .service = request.service,
                                          .profile = request.profile,
                                          .source = request.source,
                                          .client = request.client_key,
                                          .protection = request.protection,
                                          .start_frame = request.start_ms / RTP_PAYLOAD_FRAME_MS,
                                          .from = r->peer}};
    const char *key = net_http_header(r, "Idempotency-Key");
    if (key != NULL && (key[0] == '\0' || strlen(key) > IDEMPOTENCY_LEN_MAX)) {
        refuse(r, ERR_BAD_FIELD, "Idempotency-Key: expected 1 to 255 characters", 0);
        return;
    }
    event.u.open.idempotent = key != NULL;
    if (key != NULL)
        digest_request(d, event.u.open.digest, key, r);
    net_entropy(event.u.open.entropy, sizeof(event.u.open.entropy));
    daemon_step(d, &event);
}

/* False for a codec that RTP does not know; the policy's checks let none in. */
static bool fill_rtp(struct api_rtp *out, const struct core_answer_open *answer) {
    const struct policy_profile *profile = answer->profile;
    const struct leg *leg = &answer->ticket.legs[0];
    struct rtp_payload payload;
    if (!rtp_payload_of(&payload, profile->codec.text, profile->rate_hz, profile->channels,
                        profile->bitrate_bps))
        return false;
    *out = (struct api_rtp){.payload_type = payload.payload_type,
                            .clock_rate_hz = payload.clock_rate_hz,
                            .channels = payload.channels,
                            .frame_ms = RTP_PAYLOAD_FRAME_MS,
                            .samples_per_frame = payload.samples_per_frame,
                            .ssrc = leg->ssrc,
                            .seq0 = leg->seq0,
                            .ts0 = leg->ts0};
    snprintf(out->encoding, sizeof(out->encoding), "%s", payload.encoding);
    snprintf(out->fmtp, sizeof(out->fmtp), "%s", payload.fmtp);
    return true;
}

static bool fill_session(const struct daemon *d, struct api_session_answer *out,
                         const struct core_answer_open *answer) {
    *out = (struct api_session_answer){.session = answer->ticket.session,
                                       .epoch = answer->epoch,
                                       .lease_ms = answer->lease_ms,
                                       .expires_s = answer->ticket.expires_s,
                                       .cluster = answer->cluster,
                                       .cluster_key = answer->cluster_key,
                                       .media = answer->media,
                                       .backup_count = (uint8_t)answer->backup_count};
    for (uint32_t i = 0; i < answer->backup_count; i++)
        out->backups[i] = (struct api_backup){answer->backups[i].cluster, answer->backups[i].key,
                                              answer->backups[i].media};
    out->measures = answer->measures;
    out->probe_count = (uint8_t)answer->probe_count;
    for (uint32_t i = 0; i < answer->probe_count; i++)
        out->probes[i] = (struct api_backup){answer->probes[i].cluster, answer->probes[i].key,
                                             answer->probes[i].media};
    return fill_rtp(&out->rtp, answer) && ticket_sign(out->ticket, &answer->ticket, &d->key) > 0;
}

void clients_answer(struct daemon *d, const struct core_answer_open *answer) {
    struct net_http_request *r = (struct net_http_request *)(uintptr_t)answer->request;
    struct api_session_answer out;
    if (answer->err != ERR_OK) {
        refuse(r, answer->err, answer->detail, answer->retry_after_ms);
        return;
    }
    if (!fill_session(d, &out, answer)) {
        /* The client can do nothing about the names in the policy: not its 413 but our 500. */
        struct api_problem problem = api_problem_of(
            ERR_OVERSIZED, "the ticket would pass 900 characters: the policy's names are too long");
        problem.status = 500;
        answer_problem(r, &problem, NULL);
        return;
    }
    char *json = api_session_answer_encode(&out, NULL);
    if (json == NULL)
        refuse(r, ERR_NO_MEMORY, NULL, 1000);
    else
        net_http_answer_json(r, 201, json);
    free(json);
}

/* ---- routes ---- */

static void get_text(struct net_http_request *r, char *text, const char *type) {
    if (text == NULL) {
        refuse(r, ERR_NO_MEMORY, NULL, 1000);
        return;
    }
    net_http_answer(
        r, &(struct net_http_answer){
               .status = 200, .content_type = type, .body = text, .body_len = strlen(text)});
    free(text);
}

static void get_status(struct daemon *d, struct net_http_request *r) {
    get_text(r, present_status_for_clients(d), "application/json");
}

static void get_metrics(struct daemon *d, struct net_http_request *r) {
    get_text(r, metrics_render(d), "text/plain; version=0.0.4; charset=utf-8");
}

struct route {
    const char *path;
    const char *method;
    const char *allow;
    void (*handle)(struct daemon *d, struct net_http_request *r);
};

static const struct route routes[] = {
    {"/v1/sessions", "POST", "POST", post_session},
    {"/v1/status", "GET", "GET, HEAD", get_status},
    {"/metrics", "GET", "GET, HEAD", get_metrics},
};
#define ROUTE_COUNT (sizeof(routes) / sizeof(routes[0]))

/* Whoever comes so far was let in by admit(): a stranger does not even learn which paths there
 * are. */
static void handle(void *data, struct net_http_request *r) {
    struct daemon *d = data;
    const char *method = strcmp(r->method, "HEAD") == 0 ? "GET" : r->method;
    const struct route *route = NULL;
    if (streams_wanted(r)) {
        streams_handle(d, r);
        return;
    }
    if (page_wanted(d, r)) {
        page_handle(d, r);
        return;
    }
    for (size_t i = 0; i < ROUTE_COUNT; i++)
        if (strcmp(routes[i].path, r->path) == 0)
            route = &routes[i];
    if (route == NULL)
        refuse(r, ERR_NOT_FOUND, NULL, 0);
    else if (strcmp(route->method, method) != 0)
        refuse_method(r, route->allow);
    else
        route->handle(d, r);
}

static void certificate_reloaded(void *data, enum err err, const char *detail) {
    struct daemon *d = data;
    net_log(d->log, err == ERR_OK ? NET_LOG_INFO : NET_LOG_ERROR,
            err == ERR_OK ? "new certificate taken" : "new certificate unusable, the old one stays",
            NET_TEXT("why", detail));
}

enum err clients_open(struct daemon *d) {
    char detail[256] = "";
    const struct policy_client_listen *door = &d->policy->client_listen;
    /* Half of what there is, so that clients never use up what peers and nodes need. */
    unsigned most =
        d->descriptors_max / 2 < CONNECTIONS_MAX ? d->descriptors_max / 2 : CONNECTIONS_MAX;
    struct net_http_server_options options = {
        .door = door->plain_http ? NET_HTTP_DOOR_PLAIN : NET_HTTP_DOOR_OPERATOR,
        .bind_to = door->listen.bind,
        .certificate_file = door->tls_cert.text,
        .key_file = door->tls_key.text,
        .connections_max = most,
        .connections_max_per_ip = most / 4, /* many clients may come from behind one address */
        .body_bytes_max = BODY_BYTES_MAX,
        .admit = admit,
        .handler = handle,
        .reloaded = certificate_reloaded,
        .data = d,
    };
    own_secret_derive(d->session_secret, SESSION_LABEL, &d->key);
    if (addr_is_none(&options.bind_to))
        return ERR_OK;
    enum err err = net_http_server_start(&d->clients, d->loop, &options, detail, sizeof(detail));
    if (err != ERR_OK)
        net_logf(d->log, NET_LOG_ERROR, "client_listen: %s", detail);
    return err;
}
