/*
 * Requests that make no sense, or that this one may not make, at the clients' door and at the
 * control door.
 */
#include "test/live/hostile.h"

#include "peerd/net/clock.h"
#include "peerd/net/http_client.h"
#include "test/live/site.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct call {
    struct net_loop *loop;
    unsigned status;
    enum err err;
    char *body; /* owned */
    size_t len;
};

static void done(void *data, const struct net_http_result *result) {
    struct call *c = data;
    c->err = result->err;
    c->status = result->err == ERR_OK ? result->status : 0;
    c->body = malloc(result->body_len + 1);
    if (c->body != NULL) {
        if (result->body_len > 0)
            memcpy(c->body, result->body, result->body_len);
        c->body[result->body_len] = '\0';
        c->len = result->body_len;
    }
    net_loop_stop(c->loop);
}

/* One request, waited for. `identity` and `pinned` are for the control door. */
static void call(struct call *c, const char *method, const char *url, const char *body, size_t len,
                 const struct net_identity *identity, const struct public_key *pinned) {
    memset(c, 0, sizeof(*c));
    c->loop = net_loop_new();
    struct net_http_client *http = net_http_client_new(c->loop);
    struct net_http_call_options options = {.method = method,
                                            .url = url,
                                            .body = body,
                                            .body_len = len,
                                            .timeout = duration_s(5),
                                            .identity = identity,
                                            .pinned = pinned,
                                            .done = done,
                                            .data = c};
    c->err = net_http_call(http, &options, NULL);
    if (c->err == ERR_OK)
        net_loop_run(c->loop);
    net_http_client_free(http);
    net_loop_free(c->loop);
}

static const char *door(const struct hostile_site *s, bool control, const char *path,
                        char out[256]) {
    struct addr a =
        space_site_addr(NULL, s->index, control ? SITE_CONTROL_PORT : SITE_CLIENTS_PORT);
    char text[ADDR_TEXT_LEN_MAX + 1];
    snprintf(out, 256, "%s://%s%s", control ? "https" : "http", addr_to_text(&a, text), path);
    return out;
}

unsigned hostile_open(const struct hostile_site *site, const struct api_session_request *request,
                      struct api_session_answer *answer, struct api_problem *problem) {
    struct call c;
    char url[256];
    size_t len = 0;
    char *body = api_session_request_encode(request, &len);
    call(&c, "POST", door(site, false, "/v1/sessions", url), body, len, NULL, NULL);
    free(body);
    unsigned status = c.status;
    if (status == 201 && api_session_answer_decode(answer, c.body, c.len, NULL) != ERR_OK)
        status = 0;
    if (status != 201 && problem != NULL)
        api_problem_decode(problem, c.body, c.len, NULL);
    free(c.body);
    return status;
}

/* ---- the clients' door ---- */

static void try_request(struct hostile *h, const char *what, const char *method, const char *path,
                        const char *body, size_t len, unsigned expected) {
    struct call c;
    char url[256];
    call(&c, method, door(&h->sites[0], false, path, url), body, len, NULL, NULL);
    hostile_result(h, c.status == expected, "%s: %u (%s)", what, c.status,
                   c.status == 0 ? err_name(c.err) : "clear refusal");
    free(c.body);
}

static void try_names(struct hostile *h, const char *what, const char *service, const char *profile,
                      const char *source, unsigned expected) {
    struct api_session_request request = {.protection = PROTECTION_WARM,
                                          .client_key = h->sites[0].key.public_key};
    struct api_session_answer answer;
    struct api_problem problem = {.code = ERR_COUNT};
    name_set(&request.service, service);
    name_set(&request.profile, profile);
    name_set(&request.source, source);
    unsigned status = hostile_open(&h->sites[0], &request, &answer, &problem);
    hostile_result(h, status == expected && problem.code != ERR_COUNT, "%s: %u %s", what, status,
                   err_name(problem.code));
}

static void clients_door(struct hostile *h) {
    static char large[2 * 1024 * 1024];
    memset(large, 'x', sizeof(large));
    try_request(h, "JSON that is none", "POST", "/v1/sessions", "{\"service\":", 11, 400);
    try_request(h, "a request with a misspelt member", "POST", "/v1/sessions",
                "{\"servise\":\"radio\"}", 19, 400);
    try_request(h, "two megabytes of request", "POST", "/v1/sessions", large, sizeof(large), 413);
    try_request(h, "a path that is none", "GET", "/v1/../../etc/passwd", NULL, 0, 404);
    try_request(h, "a method that is none here", "DELETE", "/v1/sessions", NULL, 0, 405);
    try_names(h, "an unknown source", "radio", "pcmu", "nonesuch", 404);
    try_names(h, "an unknown profile", "radio", "nonesuch", "music", 404);
    try_names(h, "an unknown service", "nonesuch", "pcmu", "music", 404);
}

/* ---- the control door ---- */

static void try_control(struct hostile *h, const char *what, const char *method, const char *path,
                        const struct key_pair *as, bool may) {
    struct net_identity *identity = NULL;
    struct call c;
    char url[256];
    if (as != NULL && net_identity_new(&identity, as) != ERR_OK)
        return;
    call(&c, method, door(&h->sites[0], true, path, url), NULL, 0, identity,
         &h->sites[0].key.public_key);
    bool ok = may ? c.status == 200 : c.status == 403 || c.status == 0;
    hostile_result(h, ok, "%s: %u (%s)", what, c.status,
                   c.status == 0     ? err_name(c.err)
                   : c.status == 200 ? "answered"
                                     : "refused");
    net_identity_free(identity);
    free(c.body);
}

static void control_door(struct hostile *h) {
    struct key_pair stranger;
    uint8_t seed[KEY_BYTES];
    net_entropy(seed, sizeof(seed));
    key_pair_from_seed(&stranger, seed);
    try_control(h, "control, with the cluster's own key", "GET", "/v1/status", &h->sites[0].key,
                true);
    try_control(h, "control, without a key", "GET", "/v1/status", NULL, false);
    try_control(h, "control, with a stranger's key", "GET", "/v1/status", &stranger, false);
    try_control(h, "control, a peer asks what peers may", "GET", "/v1/description",
                &h->sites[1].key, true);
    try_control(h, "control, a peer asks what only operators may", "POST", "/v1/drain",
                &h->sites[1].key, false);
    try_control(h, "control, a peer registers as a node", "POST", "/v1/node", &h->sites[1].key,
                false);
}

void hostile_doors(struct hostile *h) {
    clients_door(h);
    control_door(h);
}
