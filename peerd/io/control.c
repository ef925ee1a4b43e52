/*
 * Control: the pinned door, for peers, nodes and the operator. Whose key the handshake has proven
 * decides what may be asked: a peer's what peers ask, a node's what nodes ask, our own (that is
 * peerctl, which reads the cluster's key file) everything that an operator asks.
 */
#include "peerd/io/daemon.h"
#include "peerd/io/reach.h"
#include "peerd/net/clock.h"
#include "peerd/policy/fault.h"
#include "peerd/wire/api.h"
#include "peerd/wire/json_read.h"
#include "topo/location.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTIONS_MAX    1024
#define SESSIONS_SHOWN     1000  /* unless `limit` says otherwise */
#define SESSIONS_SHOWN_MAX 10000 /* 5 MB, 50 ms: more would hold up beats */

enum asker {
    ASKER_STRANGER,
    ASKER_FOUND, /* heard of, no peer (yet): it may ask who we are */
    ASKER_PEER,
    ASKER_NODE,
    ASKER_OPERATOR
};

static bool is_key_of(const struct daemon_peer *p, const struct public_key *key) {
    return (!p->revoked && public_key_equal(key, &p->key)) ||
           (p->has_next && public_key_equal(key, &p->next));
}

/* Who asks; `index` is that of the peer or node in the policy. */
static enum asker who_asks(const struct daemon *d, const struct net_http_request *r,
                           uint32_t *index) {
    *index = 0;
    if (!r->has_peer_key)
        return ASKER_STRANGER;
    /* Whoever holds our next key already has it from the operator. */
    if (public_key_equal(&r->peer_key, &d->key.public_key) ||
        (keys_announces(d) && public_key_equal(&r->peer_key, &d->policy->cluster.next_key)))
        return ASKER_OPERATOR;
    for (uint32_t i = 0; i < d->peer_count; i++)
        if (is_key_of(d->peers[i], &r->peer_key)) {
            *index = i;
            return ASKER_PEER;
        }
    for (uint32_t i = 0; i < d->policy->node_count; i++)
        if (public_key_equal(&r->peer_key, &d->policy->nodes[i].key)) {
            *index = i;
            return ASKER_NODE;
        }
    return discovery_knows(d, &r->peer_key) ? ASKER_FOUND : ASKER_STRANGER;
}

/* ---- what peers ask ---- */

void control_clients_url(const struct policy *p, char *out, size_t size) {
    const struct policy_client_listen *door = &p->client_listen;
    char text[ADDR_TEXT_LEN_MAX + 1];
    const char *host = door->listen.advertise.text;
    out[0] = '\0';
    if (addr_is_none(&door->listen.bind))
        return;
    if (host[0] == '\0')
        host = addr_to_text(&door->listen.bind, text);
    if (snprintf(out, size, "%s://%s", door->plain_http ? "http" : "https", host) >= (int)size)
        out[0] = '\0'; /* half a name would be another one */
}

/* Anybody heard of may ask who we are; only of peers it matters that they have. */
static bool asker_is_peer(const struct daemon *d, const struct net_http_request *r,
                          uint32_t index) {
    return index < d->peer_count && is_key_of(d->peers[index], &r->peer_key);
}

/* Where a door is to be found from outside. */
static void fill_door(const struct policy_listen *listen, char *out, size_t size) {
    char text[ADDR_TEXT_LEN_MAX + 1];
    const char *told = listen->advertise.text;
    snprintf(out, size, "%s", told[0] != '\0' ? told : addr_to_text(&listen->bind, text));
}

static void get_description(struct daemon *d, struct net_http_request *r, uint32_t index) {
    struct description description;
    struct description_past past;
    size_t len = 0;
    enum err err = core_describe(d->core, net_wall(), &description);
    if (err != ERR_OK) {
        net_http_answer_problem(r, 503, err, NULL, 1);
        return;
    }
    control_clients_url(d->policy, description.clients_url, sizeof(description.clients_url));
    struct description_doors doors;
    fill_door(&d->policy->beats, doors.beats, sizeof(doors.beats));
    fill_door(&d->policy->peer_listen, doors.control, sizeof(doors.control));
    /* Whoever does not say where it is cannot be introduced to anybody. */
    description.doors = d->policy->discovery.introduction ? &doors : NULL;
    keys_describe(d, &description, &past);
    char *envelope = description_seal(&description, &d->key, &len);
    if (r->has_peer_key)
        discovery_asked(d, &r->peer_key);
    if (envelope != NULL && asker_is_peer(d, r, index) && keys_announces(d))
        d->peers[index]->told_next = true;
    if (envelope == NULL)
        net_http_answer_problem(r, 503, ERR_NO_MEMORY, NULL, 1);
    else
        net_http_answer_json(r, 200, envelope);
    free(envelope);
}

static void get_introductions(struct daemon *d, struct net_http_request *r, uint32_t index) {
    size_t len = 0;
    if (!d->policy->discovery.introduction) {
        net_http_answer_problem(r, 404, ERR_NOT_FOUND, "the policy introduces nobody", 0);
        return;
    }
    const char *text = net_http_query(r, "after");
    struct public_key after = {{0}};
    size_t got = sizeof(after.bytes);
    if (text != NULL &&
        (!base64url_decode(text, strlen(text), after.bytes, sizeof(after.bytes), &got) ||
         got != sizeof(after.bytes))) {
        net_http_answer_problem(r, 400, ERR_BAD_FIELD, "after: expected 32 bytes in base64url", 0);
        return;
    }
    char *json = discovery_introductions(d, index, &after, &len);
    if (json == NULL)
        net_http_answer_problem(r, 503, ERR_NO_MEMORY, NULL, 1);
    else
        net_http_answer_json(r, 200, json);
    free(json);
}

static void post_standbys(struct daemon *d, struct net_http_request *r, uint32_t index) {
    struct standbys_request request;
    struct wire_fault fault = {{0}};
    enum err err = standbys_request_decode(&request, (const char *)r->body, r->body_len, &fault);
    if (err != ERR_OK) {
        net_http_answer_problem(r, api_status_of(err), err, fault.text, 0);
        return;
    }
    daemon_step(d,
                &(struct core_event){.kind = CORE_STANDBYS_LODGED,
                                     .u.lodged = {.request = (uint64_t)(uintptr_t)r,
                                                  .peer = index,
                                                  .ttl_ms = request.ttl_ms,
                                                  .groups = request.groups,
                                                  .group_count = (uint32_t)request.group_count}});
    standbys_request_free(&request);
}

void control_answer_standbys(struct daemon *d, const struct core_answer_standbys *answer) {
    struct net_http_request *r = (struct net_http_request *)(uintptr_t)answer->request;
    const struct standbys_answer out = {
        .lease_ms = answer->lease_ms,
        .slots = (uint32_t *)answer->slots,
        .slot_count = answer->slot_count,
    };
    (void)d;
    if (answer->err != ERR_OK) {
        net_http_answer_problem(r, api_status_of(answer->err), answer->err, NULL, 0);
        return;
    }
    char *json = standbys_answer_encode(&out, NULL);
    if (json == NULL)
        net_http_answer_problem(r, 503, ERR_NO_MEMORY, NULL, 1);
    else
        net_http_answer_json(r, 200, json);
    free(json);
}

/* ---- what operators ask ---- */

void control_answer_text(struct net_http_request *r, char *json) {
    if (json == NULL)
        net_http_answer_problem(r, 503, ERR_NO_MEMORY, NULL, 1);
    else
        net_http_answer_json(r, 200, json);
    free(json);
}

static void get_status(struct daemon *d, struct net_http_request *r, uint32_t index) {
    (void)index;
    control_answer_text(r, present_status(d));
}

static void get_peers(struct daemon *d, struct net_http_request *r, uint32_t index) {
    (void)index;
    control_answer_text(r, present_peers(d));
}

#define DETAIL_SIZE 256

/* What there is, for who asked for something else. */
static const char *detail_of(const struct daemon *d, enum err err, const struct name *service,
                             char out[DETAIL_SIZE]) {
    const struct policy *p = d->policy;
    int at = 0;
    if (err == ERR_SOURCE_FAILED)
        return "no node of ours that makes it is registered";
    if (err == ERR_NOT_FOUND)
        return "session: expected one that is served or opened here";
    if (err != ERR_UNKNOWN_SERVICE || service == NULL)
        return NULL;
    at = snprintf(out, DETAIL_SIZE, "service: expected ");
    for (uint32_t i = 0; i < p->service_count && at < DETAIL_SIZE; i++)
        at += snprintf(out + at, DETAIL_SIZE - (size_t)at, "%s%s", i == 0 ? "" : ", ",
                       p->services[i].name.text);
    if (at < DETAIL_SIZE)
        snprintf(out + at, DETAIL_SIZE - (size_t)at, "%s; found `%s`",
                 p->service_count == 0 ? "none, for the policy has none" : "", service->text);
    return out;
}

static void answer_text_or(const struct daemon *d, struct net_http_request *r, enum err err,
                           const struct name *service, char **json) {
    char detail[DETAIL_SIZE];
    if (err == ERR_OK)
        control_answer_text(r, *json);
    else
        net_http_answer_problem(r, api_status_of(err), err, detail_of(d, err, service, detail), 0);
}

static void get_rank(struct daemon *d, struct net_http_request *r, uint32_t index) {
    const char *where = net_http_query(r, "location"), *what = net_http_query(r, "service");
    struct prefix location;
    struct name service = {""};
    char *json = NULL;
    (void)index;
    if (where == NULL || !location_of_text(&location, where))
        net_http_answer_problem(
            r, 400, ERR_BAD_FIELD,
            "location: expected an address, or a prefix of /24 or /48 or longer", 0);
    else if (what != NULL && !name_set(&service, what))
        net_http_answer_problem(r, 400, ERR_BAD_FIELD, "service: expected a name", 0);
    else
        answer_text_or(d, r, present_rank(d, &location, &service, &json), &service, &json);
}

static void get_why_session(struct daemon *d, struct net_http_request *r, const char *text) {
    struct session_id id;
    char *json = NULL;
    if (!session_id_from_text(&id, text, strlen(text)))
        net_http_answer_problem(r, 400, ERR_BAD_FIELD, "session: expected the id of a session", 0);
    else
        answer_text_or(d, r, present_why_session(d, &id, &json), NULL, &json);
}

/* A word that is no peer's name: who there is, and whom it may have meant. */
static void answer_no_peer(const struct daemon *d, struct net_http_request *r,
                           const struct name *found) {
    const char *names[POLICY_PEERS_MAX], *near;
    char detail[DETAIL_SIZE];
    for (uint32_t i = 0; i < d->peer_count; i++)
        names[i] = d->policy->peers[i].name.text;
    near = fault_nearest(found->text, names, d->peer_count);
    snprintf(detail, sizeof(detail),
             "cluster: expected one of the %u peers that `peerctl peers` lists, or the id of a "
             "session (22 characters); found `%s`%s%s%s",
             (unsigned)d->peer_count, found->text, near != NULL ? "; did you mean `" : "",
             near != NULL ? near : "", near != NULL ? "`?" : "");
    net_http_answer_problem(r, 404, ERR_NOT_FOUND, detail, 0);
}

static void get_why(struct daemon *d, struct net_http_request *r, uint32_t index) {
    const char *text = net_http_query(r, "cluster"), *session = net_http_query(r, "session");
    struct name name;
    (void)index;
    if (session != NULL) {
        get_why_session(d, r, session);
        return;
    }
    if (text == NULL || !name_set(&name, text)) {
        net_http_answer_problem(r, 400, ERR_BAD_FIELD, "cluster: expected the name of a peer", 0);
        return;
    }
    for (uint32_t i = 0; i < d->peer_count; i++)
        if (name_equal(&d->policy->peers[i].name, &name)) {
            control_answer_text(r, present_why(d, i));
            return;
        }
    answer_no_peer(d, r, &name);
}

/* Of a list that may be long. False: it has been answered. */
static bool read_limit(struct net_http_request *r, uint32_t *out) {
    const char *text = net_http_query(r, "limit");
    char *end = NULL;
    long limit = text != NULL ? strtol(text, &end, 10) : SESSIONS_SHOWN;
    if (text != NULL && (end == text || *end != '\0' || limit < 0)) {
        net_http_answer_problem(r, 400, ERR_BAD_FIELD, "limit: expected how many to show", 0);
        return false;
    }
    *out = limit < SESSIONS_SHOWN_MAX ? (uint32_t)limit : SESSIONS_SHOWN_MAX;
    return true;
}

/* A part of a list, by prefix or address; *given is false if the whole is meant. False: it has been
 * answered. */
static bool read_prefix(struct net_http_request *r, const char *name, struct prefix *out,
                        bool *given) {
    char detail[64];
    const char *text = net_http_query(r, name);
    *given = text != NULL;
    if (text == NULL || prefix_from_text(out, text))
        return true;
    snprintf(detail, sizeof(detail), "%s: expected an address or a prefix", name);
    net_http_answer_problem(r, 400, ERR_BAD_FIELD, detail, 0);
    return false;
}

static void get_sessions(struct daemon *d, struct net_http_request *r, uint32_t index) {
    uint32_t limit;
    struct prefix of;
    bool given;
    (void)index;
    if (read_limit(r, &limit) && read_prefix(r, "client", &of, &given))
        control_answer_text(r, present_sessions(d, limit, given ? &of : NULL));
}

static void get_locations(struct daemon *d, struct net_http_request *r, uint32_t index) {
    uint32_t limit;
    struct prefix within;
    bool given;
    (void)index;
    if (read_limit(r, &limit) && read_prefix(r, "within", &within, &given))
        control_answer_text(r, present_locations(d, limit, given ? &within : NULL));
}

static void get_found(struct daemon *d, struct net_http_request *r, uint32_t index) {
    (void)index;
    control_answer_text(r, present_found(d));
}

static void get_origins(struct daemon *d, struct net_http_request *r, uint32_t index) {
    (void)index;
    control_answer_text(r, present_origins(d));
}

static void get_agreements(struct daemon *d, struct net_http_request *r, uint32_t index) {
    (void)index;
    control_answer_text(r, present_agreements(d));
}

static bool cause_from_text(const char *text, enum move_cause *out) {
    for (int c = MOVE_CAUSE_DRAIN; c <= MOVE_CAUSE_RETURN; c++)
        if (strcmp(text, move_cause_name((enum move_cause)c)) == 0) {
            *out = (enum move_cause)c;
            return true;
        }
    return false;
}

static void get_moves(struct daemon *d, struct net_http_request *r, uint32_t index) {
    const char *session = net_http_query(r, "session"), *cause = net_http_query(r, "cause");
    struct present_moves_filter f = {.of_session = session != NULL, .of_cause = cause != NULL};
    (void)index;
    if (session != NULL && !session_id_from_text(&f.session, session, strlen(session)))
        net_http_answer_problem(r, 400, ERR_BAD_FIELD, "session: expected the id of a session", 0);
    else if (cause != NULL && !cause_from_text(cause, &f.cause))
        net_http_answer_problem(r, 400, ERR_BAD_FIELD,
                                "cause: expected drain, degraded, crashed, partitioned or return",
                                0);
    else
        control_answer_text(r, present_moves(d, &f));
}

/* ---- routes ---- */

struct route {
    const char *method;
    const char *path;
    enum asker asker;
    void (*handle)(struct daemon *d, struct net_http_request *r, uint32_t index);
};

static const struct route routes[] = {
    {"GET", "/v1/description", ASKER_PEER, get_description},
    {"GET", "/v1/introductions", ASKER_PEER, get_introductions},
    {"POST", "/v1/standbys", ASKER_PEER, post_standbys},
    {"POST", "/v1/agreements", ASKER_PEER, control_agreement},
    {"POST", "/v1/reach", ASKER_PEER, reach_asked},
    {"POST", "/v1/node", ASKER_NODE, registrar_request},
    {"GET", "/v1/status", ASKER_OPERATOR, get_status},
    {"GET", "/v1/peers", ASKER_OPERATOR, get_peers},
    {"GET", "/v1/why", ASKER_OPERATOR, get_why},
    {"GET", "/v1/rank", ASKER_OPERATOR, get_rank},
    {"GET", "/v1/found", ASKER_OPERATOR, get_found},
    {"GET", "/v1/sessions", ASKER_OPERATOR, get_sessions},
    {"GET", "/v1/locations", ASKER_OPERATOR, get_locations},
    {"GET", "/v1/moves", ASKER_OPERATOR, get_moves},
    {"GET", "/v1/events", ASKER_OPERATOR, events_get},
    {"GET", "/v1/agreements", ASKER_OPERATOR, get_agreements},
    {"GET", "/v1/origins", ASKER_OPERATOR, get_origins},
    {"POST", "/v1/diff", ASKER_OPERATOR, steer_diff},
    {"POST", "/v1/drain", ASKER_OPERATOR, steer_drain},
    {"POST", "/v1/undrain", ASKER_OPERATOR, steer_undrain},
    {"POST", "/v1/move", ASKER_OPERATOR, steer_move},
    {"GET", "/v1/move", ASKER_OPERATOR, steer_moving},
    {"POST", "/v1/reload", ASKER_OPERATOR, steer_reload},
};
#define ROUTE_COUNT (sizeof(routes) / sizeof(routes[0]))

/* The route of a request, or NULL; then `other` is one with that path, for the header Allow. */
static const struct route *route_of(const struct net_http_request *r, const struct route **other) {
    const char *method = strcmp(r->method, "HEAD") == 0 ? "GET" : r->method;
    *other = NULL;
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        if (strcmp(routes[i].path, r->path) != 0)
            continue;
        *other = &routes[i];
        if (strcmp(routes[i].method, method) == 0)
            return &routes[i];
    }
    return NULL;
}

static void note_denied(struct daemon *d, const struct net_http_request *r) {
    char key[KEY_PUBLIC_TEXT_LEN + 1] = "";
    d->counters.requests_denied++;
    if (r->has_peer_key)
        public_key_to_text(&r->peer_key, key);
    net_log(d->log, NET_LOG_WARNING, "control request refused", NET_ADDR("from", &r->peer),
            NET_TEXT("key", key), NET_TEXT("path", r->path));
}

/* Before a body is read: a stranger may send none, and only nodes have much to say. */
static unsigned admit(void *data, const struct net_http_request *r) {
    struct daemon *d = data;
    const char *length = net_http_header(r, "Content-Length");
    const char *coding = net_http_header(r, "Transfer-Encoding");
    unsigned long long announced = length != NULL ? strtoull(length, NULL, 10) : 0;
    uint32_t index = 0;
    enum asker asker = who_asks(d, r, &index);
    if (asker <= ASKER_FOUND && (announced > 0 || coding != NULL)) {
        note_denied(d, r);
        return 403;
    }
    if (asker == ASKER_PEER && announced > STANDBYS_REQUEST_LEN_MAX)
        return 413;
    return 0;
}

/* What a peer may ask about us, whoever has been heard of may. */
static bool may_ask(enum asker asker, const struct route *route) {
    return route->asker == asker || (asker == ASKER_FOUND && route->handle == get_description);
}

static void refuse_method(struct net_http_request *r, const char *allow) {
    const struct net_http_header header = {"Allow", allow};
    net_http_answer(
        r, &(struct net_http_answer){.status = 405, .headers = &header, .header_count = 1});
}

static void handle(void *data, struct net_http_request *r) {
    struct daemon *d = data;
    uint32_t index = 0;
    const struct route *other;
    enum asker asker = who_asks(d, r, &index);
    if (asker == ASKER_PEER && !public_key_equal(&r->peer_key, &d->peers[index]->key))
        keys_peer_switched(d->peers[index]); /* its handshake has proven that it has switched */
    const struct route *route = route_of(r, &other);
    if (asker == ASKER_STRANGER || (route != NULL && !may_ask(asker, route))) {
        note_denied(d, r);
        net_http_answer_problem(r, 403, ERR_DENIED,
                                asker == ASKER_STRANGER
                                    ? "this key belongs to no peer, node or operator of the policy"
                                    : "this key may not ask that",
                                0);
    } else if (asker == ASKER_PEER && r->body_len > STANDBYS_REQUEST_LEN_MAX) {
        net_http_answer_problem(r, 413, ERR_OVERSIZED, NULL, 0); /* came in chunks, unannounced */
    } else if (route != NULL) {
        route->handle(d, r, index);
    } else if (other != NULL) {
        refuse_method(r, other->method);
    } else {
        net_http_answer_problem(r, 404, ERR_NOT_FOUND, NULL, 0);
    }
}

enum err control_open(struct daemon *d) {
    char detail[256] = "";
    unsigned most =
        d->descriptors_max / 4 < CONNECTIONS_MAX ? d->descriptors_max / 4 : CONNECTIONS_MAX;
    struct net_http_server_options options = {
        .door = NET_HTTP_DOOR_PINNED,
        .bind_to = d->policy->peer_listen.bind,
        .identity = d->identity,
        .connections_max = most,
        .connections_max_per_ip = most / 4, /* a machine may run a node and be a stranger's */
        .body_bytes_max = NODE_REQUEST_LEN_MAX,
        .admit = admit,
        .handler = handle,
        .data = d,
    };
    enum err err = net_http_server_start(&d->control, d->loop, &options, detail, sizeof(detail));
    if (err != ERR_OK)
        net_logf(d->log, NET_LOG_ERROR, "peer_listen: %s", detail);
    return err;
}
