/*
 * Page: what the status page asks at the clients' door, of whom the policy lets look at it.
 *
 *   /                  the page, and /page/NAME its files (peerd/web)
 *   /v1/page           all that it draws, as peerctl is told it, in one answer
 *   /v1/page/policy    the policy in force: what differs from what holds without a word
 *   /v1/page/events    the journal, as server-sent events
 *
 * Nothing can be changed by it. Whoever may not look is told what everybody is told of a path that
 * is not there. A name in Host that is not ours is refused: a page of somebody else's, whose name
 * points at us all of a sudden, would otherwise read in a viewer's browser what the viewer may.
 */
#include "peerd/io/daemon.h"
#include "peerd/io/policy_file.h"
#include "peerd/policy/policy_schema.h"
#include "peerd/policy/schema_diff.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LOCATIONS_SHOWN 200
#define MOVES_SHOWN     40

/* ---- who may ---- */

static bool is_path(const char *path) {
    return strcmp(path, "/") == 0 || strncmp(path, "/page/", 6) == 0 ||
           strcmp(path, "/v1/page") == 0 || strncmp(path, "/v1/page/", 9) == 0;
}

bool page_wanted(const struct daemon *d, const struct net_http_request *r) {
    const struct policy_client_listen *door = &d->policy->client_listen;
    if (d->page == NULL || !is_path(r->path))
        return false;
    for (uint32_t i = 0; i < door->viewer_count; i++)
        if (prefix_holds(&door->viewers[i], &r->peer))
            return true;
    return false;
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
