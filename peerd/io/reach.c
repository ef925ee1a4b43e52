/* Reach: see reach.h. One trial a question, over when all its doors are or time is. */
#include "peerd/io/reach.h"

#include "peerd/net/clock.h"
#include "peerd/wire/api.h"
#include "peerd/wire/message.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOORS_MAX      (3 + REACH_MEDIA_MAX)
#define STATUS_LEN_MAX 65536 /* [bytes] of what its client door answers */

enum door_kind {
    DOOR_BEATS,
    DOOR_CONTROL,
    DOOR_CLIENTS,
    DOOR_MEDIA
};

struct door {
    struct reach_trial *trial;
    enum door_kind kind;
    char where[DESCRIPTION_TEXT_LEN_MAX + 1];
    struct addr addr;           /* of media */
    struct net_http_call *call; /* under way; NULL for none */
    bool reached;
    bool timed;
    struct duration took;
};

struct reach_trial {
    struct daemon *daemon;
    struct net_http_request *request;
    struct key_hint hint; /* of the asker's key */
    struct door doors[DOORS_MAX];
    uint32_t door_count;
    uint32_t untried;
    struct net_udp *udp;    /* for probes; NULL without media */
    struct net_timer timer; /* the next probes, or the end */
    struct instant begun, probed;
    uint64_t nonce; /* of the probes; door n's is this plus n */
};

static const char *door_name(enum door_kind kind) {
    static const char *const names[] = {"beats", "control", "clients", "media"};
    return names[kind];
}

/* ---- its end ---- */

static json_t *door_json(const struct door *door) {
    return json_pack("{s:s, s:s, s:b, s:o}", "door", door_name(door->kind), "where", door->where,
                     "reached", door->reached, "ms",
                     door->timed ? json_real((double)door->took.us / 1000) : json_null());
}

static char *answer_text(const struct reach_trial *t) {
    json_t *list = json_array();
    for (uint32_t i = 0; i < t->door_count; i++)
        json_array_append_new(list, door_json(&t->doors[i]));
    json_t *out = json_pack("{s:s, s:i, s:o}", "cluster", t->daemon->policy->cluster.name.text,
                            "untried", (int)t->untried, "doors", list);
    char *text = out != NULL ? json_dumps(out, JSON_COMPACT | JSON_REAL_PRECISION(7)) : NULL;
    json_decref(out);
    return text;
}

static void trial_free(struct reach_trial *t) {
    struct daemon *d = t->daemon;
    for (uint32_t i = 0; i < t->door_count; i++)
        if (t->doors[i].call != NULL)
            net_http_cancel(t->doors[i].call);
    net_timer_cancel(&t->timer);
    net_udp_close(t->udp);
    for (uint32_t i = 0; i < REACH_TRIALS_MAX; i++)
        if (d->reaching[i] == t)
            d->reaching[i] = NULL;
    free(t);
}

static void trial_over(struct reach_trial *t) {
    control_answer_text(t->request, answer_text(t));
    trial_free(t);
}

static bool all_are_reached(const struct reach_trial *t) {
    for (uint32_t i = 0; i < t->door_count; i++)
        if (!t->doors[i].reached)
            return false;
    return true;
}

/* ---- HTTP doors ---- */

/* Not from within a callback of the client: the trial ends when the loop comes round. */
static void door_reached(struct door *door, struct duration took) {
    door->reached = true;
    door->timed = true;
    door->took = took;
    if (all_are_reached(door->trial))
        net_timer_arm(&door->trial->timer, net_now());
}

static void control_answered(void *data, const struct net_http_result *result) {
    struct door *door = data;
    door->call = NULL;
    if (result->err == ERR_OK) /* whatever it says: its key has been proven */
        door_reached(door, result->took);
}

/* A client door lets in whom its policy names, which we need not be: its refusal is as good. */
static bool is_client_door(const struct net_http_result *result) {
    struct api_problem problem;
    const char *text = (const char *)result->body;
    if (result->err != ERR_OK)
        return false;
    if (result->status != 200)
        return api_problem_decode(&problem, text, result->body_len, NULL) == ERR_OK;
    json_t *root = json_loadb(text, result->body_len, 0, NULL);
    bool is = json_is_string(json_object_get(root, "cluster"));
    json_decref(root);
    return is;
}

static void clients_answered(void *data, const struct net_http_result *result) {
    struct door *door = data;
    door->call = NULL;
    if (is_client_door(result))
        door_reached(door, result->took);
}

static struct door *add_door(struct reach_trial *t, enum door_kind kind, const char *where) {
    struct door *door = &t->doors[t->door_count++];
    door->trial = t;
    door->kind = kind;
    snprintf(door->where, sizeof(door->where), "%s", where);
    return door;
}

static void try_control(struct reach_trial *t, const struct daemon_peer *p) {
    char text[ADDR_TEXT_LEN_MAX + 1], url[ADDR_TEXT_LEN_MAX + 64];
    struct door *door = add_door(t, DOOR_CONTROL, addr_to_text(&p->control.addr, text));
    snprintf(url, sizeof(url), "https://%s/v1/description", text);
    struct net_http_call_options options = {.url = url,
                                            .timeout = REACH_PATIENCE,
                                            .answer_bytes_max = DESCRIPTION_LEN_MAX,
                                            .identity = t->daemon->identity,
                                            .pinned = &p->key,
                                            .or_pinned = &p->next,
                                            .or_pinned_count = p->has_next,
                                            .connect_to = p->control.addr,
                                            .done = control_answered,
                                            .data = door};
    if (addr_is_none(&p->control.addr) ||
        net_http_call(t->daemon->http, &options, &door->call) != ERR_OK)
        door->call = NULL;
}

static void try_clients(struct reach_trial *t, const char *base) {
    char url[DESCRIPTION_TEXT_LEN_MAX + 32];
    struct door *door = add_door(t, DOOR_CLIENTS, base);
    snprintf(url, sizeof(url), "%s/v1/status", base);
    struct net_http_call_options options = {.url = url,
                                            .timeout = REACH_PATIENCE,
                                            .answer_bytes_max = STATUS_LEN_MAX,
                                            .done = clients_answered,
                                            .data = door};
    if (net_http_call(t->daemon->http, &options, &door->call) != ERR_OK)
        door->call = NULL;
}

/* ---- media ---- */

static void echo_received(void *data, const struct net_datagram *d, struct instant now) {
    struct reach_trial *t = data;
    struct message m;
    (void)now;
    if (message_decode(&m, d->data, d->len) != ERR_OK || m.kind != MESSAGE_ECHO ||
        !key_hint_equal(&m.u.echo.cluster, &t->hint))
        return;
    uint64_t n = m.nonce - t->nonce;
    if (n < t->door_count && t->doors[n].kind == DOOR_MEDIA && !t->doors[n].reached &&
        addr_equal(&t->doors[n].addr, &d->from))
        door_reached(&t->doors[n], instant_since(d->at, t->probed));
}

/* Those that have not answered yet. */
static void probe(struct reach_trial *t, struct instant now) {
    uint8_t datagram[MESSAGE_LEN_MAX];
    t->probed = now;
    for (uint32_t i = 0; i < t->door_count; i++) {
        const struct door *door = &t->doors[i];
        if (door->kind != DOOR_MEDIA || door->reached)
            continue;
        struct message m = {
            .kind = MESSAGE_PROBE, .nonce = t->nonce + i, .u.probe = {.target = t->hint}};
        size_t len = message_encode(datagram, sizeof(datagram), &m, NULL);
        net_udp_send(t->udp, &door->addr, datagram, len);
    }
}

static void try_media(struct reach_trial *t, const struct description *its) {
    char text[ADDR_TEXT_LEN_MAX + 1];
    static const uint8_t any[16];
    struct addr bind_to = addr_ipv6(any, 0);
    size_t count = its->media_count < REACH_MEDIA_MAX ? its->media_count : REACH_MEDIA_MAX;
    t->untried = (uint32_t)(its->media_count - count);
    for (size_t i = 0; i < count; i++)
        add_door(t, DOOR_MEDIA, addr_to_text(&its->media[i], text))->addr = its->media[i];
    if (count == 0)
        return;
    if (net_udp_bind(&t->udp, t->daemon->loop, &bind_to, echo_received, t) != ERR_OK) {
        bind_to = addr_ipv4(any, 0); /* a machine without IPv6 */
        if (net_udp_bind(&t->udp, t->daemon->loop, &bind_to, echo_received, t) != ERR_OK)
            t->udp = NULL;
    }
}

/* ---- the question ---- */

static void timer_fired(void *data, struct instant now) {
    struct reach_trial *t = data;
    struct instant end = instant_add(t->begun, REACH_PATIENCE);
    struct instant again = instant_add(now, REACH_AGAIN);
    if (instant_reached(now, end) || all_are_reached(t)) {
        trial_over(t);
        return;
    }
    if (t->udp != NULL)
        probe(t, now);
    net_timer_arm(&t->timer, instant_reached(again, end) ? end : again);
}

/* It has echoed what we sent there, not too long ago; why it may be late is the verdict's. */
static bool is_heard(const struct core_peer_status *s) {
    return s->opinion == DETECTOR_TRUST || s->opinion == DETECTOR_SUSPECT;
}

static void begin(struct reach_trial *t, struct daemon_peer *p) {
    char text[ADDR_TEXT_LEN_MAX + 1];
    struct core_peer_status s = core_peer_status(t->daemon->core, p->index, t->begun);
    add_door(t, DOOR_BEATS, addr_to_text(&p->beats.addr, text))->reached = is_heard(&s);
    try_control(t, p);
    if (s.description != NULL && s.description->clients_url[0] != '\0')
        try_clients(t, s.description->clients_url);
    if (s.description != NULL)
        try_media(t, s.description);
    net_timer_arm(&t->timer, t->begun); /* the first probes, or the next look */
}

static struct reach_trial **free_place(struct daemon *d) {
    for (uint32_t i = 0; i < REACH_TRIALS_MAX; i++)
        if (d->reaching[i] == NULL)
            return &d->reaching[i];
    return NULL;
}

void reach_asked(struct daemon *d, struct net_http_request *r, uint32_t peer) {
    struct daemon_peer *p = daemon_peer_at(d, peer);
    struct instant now = net_now();
    struct reach_trial **place = free_place(d);
    if (p->reach_after.us != 0 && !instant_reached(now, p->reach_after)) {
        net_http_answer_problem(r, 429, ERR_BUDGET, "one question in five seconds", 5);
        return;
    }
    struct reach_trial *t = place != NULL ? calloc(1, sizeof(*t)) : NULL;
    if (t == NULL) {
        net_http_answer_problem(r, 503, place == NULL ? ERR_FULL : ERR_NO_MEMORY, NULL, 3);
        return;
    }
    p->reach_after = instant_add(now, REACH_EVERY);
    t->daemon = d;
    t->request = r;
    t->hint = key_hint_of(&p->key);
    t->begun = now;
    net_entropy(&t->nonce, sizeof(t->nonce));
    net_timer_init(&t->timer, d->loop, timer_fired, t);
    *place = t;
    begin(t, p);
}

void reach_close(struct daemon *d) {
    for (uint32_t i = 0; i < REACH_TRIALS_MAX; i++)
        if (d->reaching[i] != NULL)
            trial_over(d->reaching[i]);
}
