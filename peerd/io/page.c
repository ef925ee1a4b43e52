/*
 * Page: what the status page asks at the clients' door, of whom the policy lets look at it.
 *
 *   /                  the page, and /page/NAME its files (peerd/web)
 *   /v1/page           all that it draws, as peerctl is told it, in one answer
 *   /v1/page/policy    the policy in force: what differs from what holds without a word
 *   /v1/page/events    the journal, as server-sent events
 *
 * Nothing can be changed by it. Whoever may not look is told what everybody is told of a path that
 * is not there, or, where there is a token for it, is asked for that: by Basic, since every browser
 * asks its user for a password by itself, and then shows it with files, questions and events alike,
 * but to no other page. A cookie would want a page to log in at, and an address with the token in
 * it would lie in logs and histories. A name in Host that is not ours is refused: a page of
 * somebody else's, whose name points at us all of a sudden, would otherwise read in a viewer's
 * browser what the viewer may.
 */
#include "peerd/io/daemon.h"
#include "peerd/io/policy_file.h"
#include "peerd/policy/policy_schema.h"
#include "peerd/policy/schema_diff.h"

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LOCATIONS_SHOWN 200
#define MOVES_SHOWN     40
#define CREDENTIALS_MAX 512 /* [bytes] of user, colon and password; a token has 255 at most */

/* ---- who may ---- */

static bool is_path(const char *path) {
    return strcmp(path, "/") == 0 || strncmp(path, "/page/", 6) == 0 ||
           strcmp(path, "/v1/page") == 0 || strncmp(path, "/v1/page/", 9) == 0;
}

static bool comes_from_viewers(const struct policy_client_listen *door,
                               const struct net_http_request *r) {
    for (uint32_t i = 0; i < door->viewer_count; i++)
        if (prefix_holds(&door->viewers[i], &r->peer))
            return true;
    return false;
}

static bool is_token(const struct policy_client_listen *door, const char *token, size_t len) {
    uint8_t digest[32];
    policy_token_digest(digest, token, len);
    return sodium_memcmp(digest, door->viewers_token_digest, sizeof(digest)) == 0;
}

/* Of Basic, the password of whatever user (RFC 7617). */
static bool is_password(const struct policy_client_listen *door, const char *base64) {
    char pair[CREDENTIALS_MAX], *colon = NULL;
    const char *end = NULL;
    size_t len = 0;
    bool good = sodium_base642bin((uint8_t *)pair, sizeof(pair), base64, strlen(base64), NULL, &len,
                                  &end, sodium_base64_VARIANT_ORIGINAL) == 0 &&
                *end == '\0' && (colon = memchr(pair, ':', len)) != NULL;
    good = good && is_token(door, colon + 1, len - (size_t)(colon + 1 - pair));
    sodium_memzero(pair, sizeof(pair));
    return good;
}

static bool shows_token(const struct policy_client_listen *door, const struct net_http_request *r) {
    const char *given = net_http_header(r, "Authorization");
    if (given == NULL || door->viewers_token_file.text[0] == '\0')
        return false;
    if (strncasecmp(given, "Bearer ", 7) == 0)
        return is_token(door, given + 7, strlen(given + 7));
    return strncasecmp(given, "Basic ", 6) == 0 && is_password(door, given + 6);
}

static bool may_look(const struct policy_client_listen *door, const struct net_http_request *r) {
    return comes_from_viewers(door, r) || shows_token(door, r);
}

bool page_wanted(const struct daemon *d, const struct net_http_request *r) {
    const struct policy_client_listen *door = &d->policy->client_listen;
    return d->page != NULL && is_path(r->path) &&
           (door->viewers_token_file.text[0] != '\0' || comes_from_viewers(door, r));
}

static void ask_for_token(struct daemon *d, struct net_http_request *r) {
    static const char text[] =
        "the status page wants the token of client_listen.viewers_token_file "
        "of this cluster's policy, as a password; any user will do\n";
    static const struct net_http_header headers[] = {
        {"WWW-Authenticate", "Basic realm=\"peerd\", charset=\"UTF-8\""},
        {"WWW-Authenticate", "Bearer realm=\"peerd\""},
        {"Cache-Control", "no-store"},
    };
    d->counters.requests_denied++;
    net_http_answer(r, &(struct net_http_answer){.status = 401,
                                                 .content_type = "text/plain; charset=utf-8",
                                                 .body = text,
                                                 .body_len = sizeof(text) - 1,
                                                 .headers = headers,
                                                 .header_count = 3});
}

/* [bytes] of it before the port. */
static size_t host_len(const char *host) {
    const char *end = host[0] == '[' ? strchr(host, ']') : NULL;
    return end != NULL ? (size_t)(end - host) + 1 : strcspn(host, ":");
}

/* An address cannot be made to point elsewhere; of names there are those that policy tells. */
static bool is_our_name(const struct daemon *d, const char *host) {
    const char *told = d->policy->client_listen.listen.advertise.text;
    size_t len = host_len(host);
    bool is_address = host[0] == '[' || strspn(host, "0123456789.") == len;
    return is_address || (len == 9 && strncasecmp(host, "localhost", len) == 0) ||
           (len > 0 && len == host_len(told) && strncasecmp(host, told, len) == 0);
}

/* ---- what is shown ---- */

static void put(FILE *out, const char *key, char *json) {
    fprintf(out, "\"%s\":%s", key, json != NULL ? json : "null");
    free(json);
}

/* Where peers' clients go, which is where their pages are. */
static char *elsewhere(const struct daemon *d) {
    json_t *list = json_array();
    for (uint32_t i = 0; i < d->peer_count; i++) {
        const struct core_peer_status p = core_peer_status(d->core, i, d->started);
        const char *url = p.description != NULL ? p.description->clients_url : "";
        if (url[0] != '\0')
            json_array_append_new(list, json_pack("{s:s, s:o}", "cluster", p.policy->name.text,
                                                  "url", text_json(url)));
    }
    char *text = list != NULL ? json_dumps(list, JSON_COMPACT) : NULL;
    json_decref(list);
    return text;
}

static char *everything(const struct daemon *d) {
    const struct present_moves_filter newest = {.newest = MOVES_SHOWN};
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (out == NULL)
        return NULL;
    fputc('{', out);
    put(out, "status", present_status(d));
    fputc(',', out);
    put(out, "peers", present_peers(d));
    fputc(',', out);
    put(out, "agreements", present_agreements(d));
    fputc(',', out);
    put(out, "locations", present_locations(d, LOCATIONS_SHOWN, NULL));
    fputc(',', out);
    put(out, "moves", present_moves(d, &newest));
    fputc(',', out);
    put(out, "elsewhere", elsewhere(d));
    fputc('}', out);
    bool good = !ferror(out);
    if (fclose(out) == 0 && good)
        return text;
    free(text);
    return NULL;
}

static void tell(void *data, const char *path, const char *preset, const char *value) {
    if (value != NULL)
        json_array_append_new(data, json_pack("{s:s, s:s?, s:o}", "key", path, "preset", preset,
                                              "value", text_json(value)));
}

static json_t *services_json(const struct policy *p) {
    json_t *list = json_array();
    for (uint32_t i = 0; i < p->service_count; i++) {
        const struct policy_service *s = &p->services[i];
        json_array_append_new(list, json_pack("{s:s, s:i, s:i, s:b}", "name", s->name.text,
                                              "capacity", (int)s->capacity, "priority",
                                              (int)s->priority, "hot", s->hot));
    }
    return list;
}

/* Beside an empty file, whose faults are of no interest. */
static char *policy_text(const struct daemon *d) {
    struct policy *preset = calloc(1, sizeof(*preset));
    struct faults *faults = calloc(1, sizeof(*faults));
    json_t *keys = json_array();
    if (preset != NULL && faults != NULL) {
        policy_read(preset, NULL, faults);
        schema_diff(&policy_table, preset, d->policy, tell, keys);
    }
    json_t *all = json_pack("{s:o, s:s, s:b, s:o, s:o}", "file", text_json(d->policy_path),
                            "cluster", d->policy->cluster.name.text, "newer_refused",
                            d->policy_refused, "services", services_json(d->policy), "keys", keys);
    char *text = all != NULL ? json_dumps(all, JSON_COMPACT) : NULL;
    json_decref(all);
    policy_file_free(preset);
    free(faults);
    return text;
}

/* ---- routes ---- */

static void answer(struct net_http_request *r, char *json) {
    static const struct net_http_header headers[] = {
        {"Cache-Control", "no-store"},
        {"X-Content-Type-Options", "nosniff"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
    };
    if (json == NULL)
        net_http_answer_problem(r, 503, ERR_NO_MEMORY, NULL, 1);
    else
        net_http_answer(r, &(struct net_http_answer){.status = 200,
                                                     .body = json,
                                                     .body_len = strlen(json),
                                                     .headers = headers,
                                                     .header_count = 3});
    free(json);
}

void page_handle(struct daemon *d, struct net_http_request *r) {
    const char *host = net_http_header(r, "Host");
    bool gets = strcmp(r->method, "GET") == 0 || strcmp(r->method, "HEAD") == 0;
    if (host == NULL || !is_our_name(d, host)) {
        net_http_answer_problem(r, 403, ERR_DENIED,
                                "Host: expected an address, localhost or the name in "
                                "client_listen.advertise",
                                0);
        return;
    }
    if (!may_look(&d->policy->client_listen, r)) {
        ask_for_token(d, r);
        return;
    }
    if (d->page(r))
        return;
    if (!gets)
        net_http_answer_problem(r, 405, ERR_DENIED, "the page only looks", 0);
    else if (strcmp(r->path, "/v1/page") == 0)
        answer(r, everything(d));
    else if (strcmp(r->path, "/v1/page/policy") == 0)
        answer(r, policy_text(d));
    else if (strcmp(r->path, "/v1/page/events") == 0)
        events_get_viewed(d, r);
    else
        net_http_answer_problem(r, 404, ERR_NOT_FOUND, NULL, 0);
}
