/*
 * What a running peerd is asked: over its pinned door, with the cluster's own key, which the policy
 * file leads to. One request, then the loop ends.
 */
#include "peerd/ctl/remote.h"
#include "peerd/ctl/ctl.h"
#include "peerd/io/policy_file.h"
#include "peerd/net/clock.h"
#include "peerd/net/http_client.h"
#include "peerd/wire/message.h"
#include "topo/location.h"

#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define USUAL_POLICY "/etc/peerd/policy.yaml"
#define CALL_TIMEOUT duration_s(5)
#define FAULTS_TOLD  3 /* of a policy's */

/* The first few; `peerctl check` has all of them. */
static void say_faults(const char *file, const struct faults *faults) {
    char line[FAULT_LINE_LEN_MAX + 1];
    uint32_t told = faults->count < FAULTS_TOLD ? faults->count : FAULTS_TOLD;
    for (uint32_t i = 0; i < told; i++)
        fprintf(stderr, "%s\n", fault_to_text(faults, &faults->list[i], line));
    if (faults->count + faults->lost > told)
        fprintf(stderr, "and %u more: peerctl check %s\n", faults->count + faults->lost - told,
                file);
}

/* A peerd that runs keeps its policy when somebody breaks the file; it must be possible to tell it
 * something then, too. So only that much of the file has to be well which leads to it. */
static int load_policy(struct remote *r, const char *file, bool placed, struct faults *faults) {
    static const struct key_pair none;
    struct policy_way way;
    policy_file_find(file, &way, faults);
    bool known = memcmp(&way.own, &none, sizeof(none)) != 0 && (placed || way.control.port != 0);
    if (faults_any(faults)) {
        say_faults(file, faults);
        fprintf(stderr,
                known ? "peerctl: %s has faults; a peerd that runs has kept its policy, and is "
                        "asked with what is well of the file\n"
                      : "peerctl: %s does not tell whom to ask; a peerd that runs has kept its "
                        "policy: ask it with --connect and --key\n",
                file);
    }
    r->key = way.own;
    r->to = way.control;
    r->also_count = way.also_count;
    memcpy(r->also, way.also, sizeof(r->also));
    sodium_memzero(&way, sizeof(way));
    return known ? CTL_DONE : CTL_REFUSED;
}

static int load_key(struct remote *r, const struct ctl_options *o) {
    enum err err = key_file_read_secret(&r->key, o->key);
    if (err == ERR_OK)
        return CTL_DONE;
    fprintf(stderr, "peerctl: --key: %s: %s\n", o->key,
            err == ERR_DENIED ? "others may read it" : err_text(err));
    return CTL_REFUSED;
}

/* The one of the machine, if nobody says which; NULL if there is none. */
static const char *policy_meant(const struct ctl_options *o) {
    const char *named = getenv("PEERD_POLICY");
    if (o->policy != NULL)
        return o->policy;
    if (named != NULL && named[0] != '\0')
        return named;
    return access(USUAL_POLICY, F_OK) == 0 ? USUAL_POLICY : NULL;
}

static int load(struct remote *r, const struct ctl_options *o, struct faults *faults) {
    struct addr connect_to = {0};
    bool alone = o->connect != NULL && o->key != NULL;
    const char *policy = policy_meant(o);
    if (policy == NULL && !alone) {
        fputs("peerctl: --policy FILE says which peerd is meant\n", stderr);
        return CTL_USAGE;
    }
    if (o->connect != NULL && (!addr_from_text(&connect_to, o->connect) || connect_to.port == 0)) {
        fprintf(stderr, "peerctl: --connect: expected ip:port, found `%s`\n", o->connect);
        return CTL_USAGE;
    }
    int result = alone ? load_key(r, o) : load_policy(r, policy, o->connect != NULL, faults);
    if (o->connect != NULL)
        r->to = connect_to;
    return result;
}

int remote_open(struct remote *r, const struct ctl_options *o) {
    static struct faults faults;
    memset(r, 0, sizeof(*r));
    int result = load(r, o, &faults);
    if (result != CTL_DONE)
        return result;
    r->loop = net_loop_new();
    r->http = r->loop != NULL ? net_http_client_new(r->loop) : NULL;
    if (r->http == NULL || net_identity_new(&r->identity, &r->key) != ERR_OK) {
        fputs("peerctl: out of memory\n", stderr);
        return CTL_UNREACHABLE;
    }
    return CTL_DONE;
}

void remote_close(struct remote *r) {
    json_decref(r->answer);
    net_http_client_free(r->http);
    net_identity_free(r->identity);
    net_loop_free(r->loop);
    sodium_memzero(&r->key, sizeof(r->key));
}

static void answered(void *data, const struct net_http_result *result) {
    struct remote *r = data;
    json_error_t error;
    if (result->err != ERR_OK) {
        if (!r->quiet)
            fprintf(stderr, "peerctl: %s%s%s\n", err_text(result->err),
                    result->detail[0] != '\0' ? ": " : "", result->detail);
    } else {
        r->status = (int)result->status;
        json_decref(r->answer);
        r->answer = json_loadb((const char *)result->body, result->body_len, 0, &error);
    }
    net_loop_stop(r->loop);
}

struct net_http_call_options remote_call(struct remote *r, const char *path, char *url,
                                         size_t size) {
    char text[ADDR_TEXT_LEN_MAX + 1];
    snprintf(url, size, "https://%s%s", addr_to_text(&r->to, text), path);
    return (struct net_http_call_options){
        .url = url,
        .timeout = CALL_TIMEOUT,
        .answer_bytes_max = (size_t)64 << 20,
        .identity = r->identity,
        .pinned = &r->key.public_key,
        .or_pinned = r->also,
        .or_pinned_count = r->also_count,
        .connect_to = r->to,
        .data = r,
    };
}

/* Of a policy that was refused, each on a line, as `peerctl check` has them. */
static void print_faults(const json_t *faults, json_int_t more) {
    for (size_t i = 0; i < json_array_size(faults); i++)
        fprintf(stderr, "%s\n", json_string_value(json_array_get(faults, i)));
    if (more > 0)
        fprintf(stderr, "and %" JSON_INTEGER_FORMAT " more\n", more);
}

bool remote_call_peer(struct remote *r, const json_t *peer, const char *path, char *url,
                      size_t size, struct public_key *key, struct net_http_call_options *out) {
    char text[ADDR_TEXT_LEN_MAX + 1];
    struct addr to;
    const char *where = json_string_value(json_object_get(peer, "control"));
    const char *its = json_string_value(json_object_get(peer, "key"));
    if (where == NULL || !addr_from_text(&to, where) || its == NULL ||
        public_key_from_text(key, its) != ERR_OK)
        return false;
    *out = remote_call(r, path, url, size);
    snprintf(url, size, "https://%s%s", addr_to_text(&to, text), path);
    out->pinned = key;
    out->or_pinned = NULL;
    out->or_pinned_count = 0;
    out->connect_to = to;
    return true;
}

int remote_ask(struct remote *r, const char *method, const char *path, const char *body) {
    char url[ADDR_TEXT_LEN_MAX + 128];
    struct net_http_call_options options = remote_call(r, path, url, sizeof(url));
    options.method = method;
    options.body = body;
    options.body_len = body != NULL ? strlen(body) : 0;
    options.done = answered;
    r->status = 0;
    enum err err = net_http_call(r->http, &options, NULL);
    if (err == ERR_OK)
        net_loop_run(r->loop);
    if (r->status == 0)
        return CTL_UNREACHABLE;
    if (r->status != 200 || r->answer == NULL) {
        const char *title = json_string_value(json_object_get(r->answer, "title"));
        const char *detail = json_string_value(json_object_get(r->answer, "detail"));
        const json_t *faults = json_object_get(r->answer, "faults");
        bool one = detail != NULL && json_array_size(faults) <= 1;
        fprintf(stderr, "peerctl: refused (%d): %s%s%s\n", r->status,
                title != NULL ? title : "no reason given", one ? ": " : "", one ? detail : "");
        if (!one)
            print_faults(faults, json_integer_value(json_object_get(r->answer, "more")));
        return CTL_REFUSED;
    }
    return CTL_DONE;
}

void remote_print(const struct ctl_options *o, const json_t *answer,
                  void (*table)(const json_t *answer)) {
    if (!o->json) {
        table(answer);
        return;
    }
    json_dumpf(answer, stdout, JSON_COMPACT | JSON_REAL_PRECISION(7));
    putchar('\n');
}

static int show(const struct ctl_options *o, const char *method, const char *path,
                void (*table)(const json_t *answer)) {
    struct remote r;
    int result = remote_open(&r, o);
    if (result == CTL_DONE)
        result = remote_ask(&r, method, path, strcmp(method, "POST") == 0 ? "{}" : NULL);
    if (result == CTL_DONE)
        remote_print(o, r.answer, table);
    remote_close(&r);
    return result;
}

/* Of the peers by the name of a command's word, or NULL, said on standard error. */
const json_t *remote_peer(const json_t *answer, const char *name) {
    const json_t *peer;
    size_t i;
    json_array_foreach(json_object_get(answer, "peers"), i, peer) {
        const char *its = json_string_value(json_object_get(peer, "name"));
        if (its != NULL && strcmp(its, name) == 0)
            return peer;
    }
    fprintf(stderr, "peerctl: no peer `%s`; try `peerctl peers`\n", name);
    return NULL;
}

/* Alive, or gone by intent. */
static bool is_well(const json_t *peer) {
    const char *verdict = json_string_value(json_object_get(peer, "verdict"));
    return verdict != NULL && (strcmp(verdict, "alive") == 0 || strcmp(verdict, "draining") == 0);
}

/* Done, unless the answer names trouble. */
int ctl_status(const struct ctl_options *o) {
    struct remote r;
    int result = remote_open(&r, o);
    if (result == CTL_DONE)
        result = remote_ask(&r, "GET", "/v1/status", NULL);
    if (result == CTL_DONE) {
        remote_print(o, r.answer, tables_status);
        if (json_array_size(json_object_get(r.answer, "trouble")) > 0)
            result = CTL_REFUSED;
    }
    remote_close(&r);
    return result;
}

int ctl_agreements(const struct ctl_options *o) {
    return show(o, "GET", "/v1/agreements", tables_agreements);
}

static bool is_ill_anywhere(const json_t *answer) {
    const json_t *origin, *site;
    size_t i, k;
    json_array_foreach(json_object_get(answer, "origins"), i, origin) {
        json_array_foreach(json_object_get(origin, "at"), k, site) {
            const char *state = json_string_value(json_object_get(site, "state"));
            if (state != NULL && strcmp(state, "ill") == 0)
                return true;
        }
    }
    return false;
}

/* Done, unless one is ill, here or at a peer. */
int ctl_origins(const struct ctl_options *o) {
    struct remote r;
    int result = remote_open(&r, o);
    if (result == CTL_DONE)
        result = remote_ask(&r, "GET", "/v1/origins", NULL);
    if (result == CTL_DONE) {
        remote_print(o, r.answer, tables_origins);
        if (is_ill_anywhere(r.answer))
            result = CTL_REFUSED;
    }
    remote_close(&r);
    return result;
}

int ctl_peers(const struct ctl_options *o) {
    struct remote r;
    const json_t *peer;
    size_t i;
    int result = remote_open(&r, o);
    if (result == CTL_DONE)
        result = remote_ask(&r, "GET", "/v1/peers", NULL);
    if (result == CTL_DONE) {
        remote_print(o, r.answer, tables_peers);
        json_array_foreach(json_object_get(r.answer, "peers"), i, peer) if (!is_well(peer)) result =
            CTL_REFUSED;
    }
    remote_close(&r);
    return result;
}

int ctl_peer(const struct ctl_options *o) {
    struct remote r;
    if (o->word_count != 1) {
        fputs("peerctl peer: expected the name of one peer; try `peerctl peers`\n", stderr);
        return CTL_USAGE;
    }
    int result = remote_open(&r, o);
    if (result == CTL_DONE)
        result = remote_ask(&r, "GET", "/v1/peers", NULL);
    const json_t *peer = result == CTL_DONE ? remote_peer(r.answer, o->words[0]) : NULL;
    if (peer != NULL)
        remote_print(o, peer, tables_peer);
    if (result == CTL_DONE && (peer == NULL || !is_well(peer)))
        result = CTL_REFUSED;
    remote_close(&r);
    return result;
}

/* An id has always 22 characters; a name that long would have to be one by chance. */
int ctl_why(const struct ctl_options *o) {
    struct name name;
    struct session_id session;
    char path[64];
    if (o->word_count == 1 && session_id_from_text(&session, o->words[0], strlen(o->words[0]))) {
        snprintf(path, sizeof(path), "/v1/why?session=%s", o->words[0]);
        return show(o, "GET", path, tables_why_session);
    }
    if (o->word_count != 1 || !name_set(&name, o->words[0])) {
        fprintf(stderr,
                "peerctl why: expected the name of one peer, or a session; found %s%s%s; try "
                "`peerctl peers` or `peerctl sessions`\n",
                o->word_count == 1 ? "`" : "",
                o->word_count == 1   ? o->words[0]
                : o->word_count == 0 ? "nothing"
                                     : "several words",
                o->word_count == 1 ? "`" : "");
        return CTL_USAGE;
    }
    snprintf(path, sizeof(path), "/v1/why?cluster=%s", name.text);
    return show(o, "GET", path, tables_why);
}

/* A prefix that is one, and refused all the same. */
static bool is_wide(const char *text) {
    struct prefix p, location;
    return prefix_from_text(&p, text) && !location_of_text(&location, text);
}

int ctl_rank(const struct ctl_options *o) {
    struct prefix location;
    struct name service = {""};
    char path[128], text[LOCATION_TEXT_LEN_MAX + 1];
    if (o->word_count < 1 || o->word_count > 2 || !location_of_text(&location, o->words[0]) ||
        (o->word_count == 2 && !name_set(&service, o->words[1]))) {
        fputs("peerctl rank: expected an address or a prefix (192.0.2.7, 2001:db8:1::/48), and a "
              "service if not the first one\n",
              stderr);
        if (o->word_count > 0 && is_wide(o->words[0]))
            fprintf(stderr,
                    "peerctl rank: %s is wider than a location, for which backups are ranked: /24, "
                    "IPv6 /48\n",
                    o->words[0]);
        return CTL_USAGE;
    }
    location_to_text(&location, text);
    snprintf(path, sizeof(path), "/v1/rank?location=%s%s%s", text,
             name_is_empty(&service) ? "" : "&service=", service.text);
    return show(o, "GET", path, tables_rank);
}

int ctl_found(const struct ctl_options *o) {
    return show(o, "GET", "/v1/found", tables_found);
}

/* An address, or a prefix, in its one form; false if a text is neither. */
static bool is_prefix(const char *text, char out[PREFIX_TEXT_LEN_MAX + 1]) {
    struct prefix prefix;
    if (!prefix_from_text(&prefix, text))
        return false;
    prefix_to_text(&prefix, out);
    return true;
}

int ctl_sessions(const struct ctl_options *o) {
    char path[64 + PREFIX_TEXT_LEN_MAX], client[PREFIX_TEXT_LEN_MAX + 1] = "";
    if (o->client != NULL && !is_prefix(o->client, client)) {
        fprintf(stderr,
                "peerctl sessions: --client: expected an address or a prefix such as 192.0.2.7 or "
                "2001:db8::/32, found `%s`\n",
                o->client);
        return CTL_USAGE;
    }
    snprintf(path, sizeof(path), "/v1/sessions%s%s", client[0] != '\0' ? "?client=" : "", client);
    return show(o, "GET", path, tables_sessions);
}

int ctl_locations(const struct ctl_options *o) {
    char path[64 + PREFIX_TEXT_LEN_MAX], within[PREFIX_TEXT_LEN_MAX + 1] = "";
    if (o->word_count > 1 || (o->word_count == 1 && !is_prefix(o->words[0], within))) {
        fputs("peerctl locations: expected at most one address or prefix, such as 192.0.2.7 or "
              "10.0.0.0/8\n",
              stderr);
        return CTL_USAGE;
    }
    snprintf(path, sizeof(path), "/v1/locations%s%s", within[0] != '\0' ? "?within=" : "", within);
    return show(o, "GET", path, tables_locations);
}

int ctl_moves(const struct ctl_options *o) {
    return show(o, "GET", "/v1/moves", tables_moves);
}

static bool is_cause(const char *text) {
    for (int cause = MOVE_CAUSE_DRAIN; cause <= MOVE_CAUSE_RETURN; cause++)
        if (strcmp(text, move_cause_name((enum move_cause)cause)) == 0)
            return true;
    return false;
}

/* False: said on standard error what was expected. */
static bool is_filter(const struct ctl_options *o) {
    struct session_id id;
    bool session = o->session == NULL || session_id_from_text(&id, o->session, strlen(o->session));
    if (!session)
        fprintf(stderr,
                "peerctl ledger: --session: expected the id of a session (%d letters, digits, - "
                "and _; see `peerctl sessions`), found `%s`\n",
                SESSION_ID_TEXT_LEN, o->session);
    bool cause = o->cause == NULL || is_cause(o->cause);
    if (!cause)
        fprintf(stderr,
                "peerctl ledger: --cause: expected drain, degraded, crashed, partitioned or "
                "return, found `%s`\n",
                o->cause);
    return session && cause;
}

int ctl_ledger(const struct ctl_options *o) {
    char path[128];
    if (!is_filter(o))
        return CTL_USAGE;
    snprintf(path, sizeof(path), "/v1/moves?%s%s%s%s%s", o->session != NULL ? "session=" : "",
             o->session != NULL ? o->session : "",
             o->session != NULL && o->cause != NULL ? "&" : "", o->cause != NULL ? "cause=" : "",
             o->cause != NULL ? o->cause : "");
    return show(o, "GET", path, tables_ledger);
}

int ctl_diff(const struct ctl_options *o) {
    struct remote r;
    char path[PATH_MAX];
    json_t *body = NULL;
    if (o->word_count > 1 || (o->word_count == 1 && realpath(o->words[0], path) == NULL)) {
        fprintf(stderr, "peerctl diff: expected one file at most, which is there\n");
        return CTL_USAGE;
    }
    if (o->word_count == 1)
        body = json_pack("{s:s}", "file", path);
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    int result = remote_open(&r, o);
    if (result == CTL_DONE)
        result = remote_ask(&r, "POST", "/v1/diff", text);
    if (result == CTL_DONE)
        remote_print(o, r.answer, tables_diff);
    free(text);
    json_decref(body);
    remote_close(&r);
    return result;
}

int ctl_reload(const struct ctl_options *o) {
    return show(o, "POST", "/v1/reload", tables_status);
}
