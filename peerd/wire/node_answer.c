#include "peerd/wire/node.h"

#include "peerd/base/utc.h"
#include "peerd/wire/drain_word_json.h"
#include "peerd/wire/json_read.h"
#include "peerd/wire/json_write.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* peerd's answer to a node; its request is in node.c. */

static const char *class_word(unsigned value) {
    return source_class_name((enum source_class)value);
}

static const char *cause_word(unsigned value) {
    return move_cause_name((enum move_cause)value);
}

static const char *order_word(unsigned value) {
    return value == NODE_ORDER_MOVE ? "move" : "end";
}

/* ---- encoding -------------------------------------------------------------------------------- */

static void put_catalogue(struct json_writing *w, json_t *o, const struct node_catalogue *c) {
    json_t *sources = json_write_array(w, o, "sources");
    for (size_t i = 0; i < c->source_count; i++) {
        const struct node_source_spec *s = &c->sources[i];
        json_t *e = json_write_element(w, sources);
        json_write_name(w, e, "name", &s->name);
        json_write_string(w, e, "location", s->location);
        json_write_string(w, e, "class", source_class_name(s->class));
        json_write_bool(w, e, "loop", s->loop);
        if (s->channel_since_s != 0)
            json_write_int(w, e, "channel_since_s", s->channel_since_s);
    }
    json_t *profiles = json_write_array(w, o, "profiles");
    for (size_t i = 0; i < c->profile_count; i++) {
        const struct node_profile_spec *p = &c->profiles[i];
        json_t *e = json_write_element(w, profiles);
        json_write_name(w, e, "name", &p->name);
        json_write_name(w, e, "codec", &p->codec);
        json_write_uint(w, e, "rate_hz", p->rate_hz);
        json_write_uint(w, e, "channels", p->channels);
        json_write_uint(w, e, "bitrate_bps", p->bitrate_bps);
        json_write_uint(w, e, "complexity", p->complexity);
        json_write_uint(w, e, "preroll_frames", p->preroll_frames);
    }
    json_t *renditions = c->rendition_count > 0 ? json_write_array(w, o, "renditions") : NULL;
    for (size_t i = 0; i < c->rendition_count; i++) {
        const struct node_rendition_spec *r = &c->renditions[i];
        json_t *e = json_write_element(w, renditions);
        json_write_name(w, e, "name", &r->name);
        json_write_name(w, e, "codec", &r->codec);
        json_write_uint(w, e, "bitrate_bps", r->bitrate_bps);
        json_write_uint(w, e, "height", r->height);
        json_write_uint(w, e, "fps", r->fps);
        json_write_uint(w, e, "channels", r->channels);
    }
}

struct catalogue_hash node_catalogue_hash(const struct node_catalogue *c) {
    struct catalogue_hash hash = {.bytes = {0}};
    struct json_writing w;
    size_t len = 0;
    json_write_begin(&w);
    put_catalogue(&w, w.root, c);
    char *text = json_write_end(&w, NODE_ANSWER_LEN_MAX, &len);
    if (text != NULL)
        crypto_generichash(hash.bytes, sizeof(hash.bytes), (const unsigned char *)text, len, NULL,
                           0);
    free(text);
    return hash;
}

static void put_issuers(struct json_writing *w, const struct node_answer *a) {
    json_t *issuers = json_write_array(w, w->root, "issuers");
    for (size_t i = 0; i < a->issuer_count; i++) {
        json_t *e = json_write_element(w, issuers);
        json_write_name(w, e, "name", &a->issuers[i].cluster);
        json_write_key(w, e, "key", &a->issuers[i].key);
        if (a->issuers[i].issued_until_s != 0)
            json_write_int(w, e, "issued_until_s", a->issuers[i].issued_until_s);
        if (a->issuers[i].expires_until_s != 0)
            json_write_int(w, e, "expires_until_s", a->issuers[i].expires_until_s);
    }
}

static void put_guests(struct json_writing *w, const struct node_answer *a) {
    json_t *guests = a->guest_count > 0 ? json_write_array(w, w->root, "guests") : NULL;
    for (size_t i = 0; i < a->guest_count; i++) {
        json_t *e = json_write_element(w, guests);
        json_write_name(w, e, "issuer", &a->guests[i].issuer);
        json_write_uint(w, e, "slots", a->guests[i].slots);
        if (a->guests[i].kept > 0)
            json_write_uint(w, e, "kept", a->guests[i].kept);
        json_write_string(w, e, "refusal", err_name(a->guests[i].refusal));
        if (a->guests[i].services != NODE_GUEST_SERVICES_ALL)
            json_write_uint(w, e, "takes", a->guests[i].services);
        if (a->guests[i].hot != NODE_GUEST_HOT_ALL)
            json_write_uint(w, e, "hot", a->guests[i].hot);
    }
    const struct node_guest_services *s = &a->guest_services;
    bool classed = false;
    for (uint32_t i = 0; i < s->count; i++)
        classed = classed || s->priorities[i] != 0;
    if (s->count > 0 && (a->guest_count > 0 || classed))
        json_write_names(w, w->root, "services", s->names, s->count);
    if (classed)
        json_write_uints(w, w->root, "priorities", s->priorities, s->count);
}

static void put_orders(struct json_writing *w, const struct node_answer *a) {
    json_t *orders = json_write_array(w, w->root, "orders");
    for (size_t i = 0; i < a->order_count; i++) {
        const struct node_order *r = &a->orders[i];
        json_t *e = json_write_element(w, orders);
        json_write_uint(w, e, "id", r->id);
        json_write_bytes(w, e, "session", r->session.bytes, SESSION_ID_BYTES);
        json_write_string(w, e, "what", order_word(r->what));
        if (r->what == NODE_ORDER_MOVE) {
            json_write_name(w, e, "target", &r->target);
            json_write_key(w, e, "target_key", &r->target_key);
            json_write_uint(w, e, "deadline_ms", r->deadline_ms);
            json_write_string(w, e, "cause", move_cause_name(r->cause));
            if (r->only)
                json_write_bool(w, e, "only", true);
        } else {
            json_write_string(w, e, "error", err_name(r->error));
        }
    }
}

static void put_named(struct json_writing *w, const char *member, const struct node_named *list,
                      size_t count) {
    json_t *named = count > 0 ? json_write_array(w, w->root, member) : NULL;
    for (size_t i = 0; i < count; i++) {
        const struct node_named *n = &list[i];
        json_t *e = json_write_element(w, named);
        json_write_bytes(w, e, "session", n->session.bytes, SESSION_ID_BYTES);
        json_t *clusters = json_write_array(w, e, "clusters");
        for (uint8_t k = 0; k < n->count; k++) {
            json_t *c = json_write_element(w, clusters);
            json_write_name(w, c, "name", &n->list[k].cluster);
            json_write_key(w, c, "key", &n->list[k].key);
            json_write_addr(w, c, "media", &n->list[k].media);
        }
    }
}

static void put_media_alive(struct json_writing *w, const struct node_answer *a) {
    json_t *list = json_write_array(w, w->root, "media_alive");
    for (size_t i = 0; i < a->media_alive_count; i++) {
        const struct node_media_alive *m = &a->media_alive[i];
        json_t *e = json_write_element(w, list);
        json_write_name(w, e, "cluster", &m->cluster);
        json_write_addr(w, e, "beats", &m->beats);
        json_write_bytes(w, e, "key", m->key.bytes, SEAL_KEY_BYTES);
        json_write_bytes(w, e, "answer_key", m->answer_key.bytes, SEAL_KEY_BYTES);
        json_write_uint(w, e, "node", m->node);
    }
}

static void put_limits(struct json_writing *w, const struct node_limits *l) {
    json_t *o = json_write_object(w, w->root, "limits");
    json_write_uint(w, o, "sessions_max", l->sessions_max);
    json_write_uint(w, o, "session_lease_ms", l->session_lease_ms);
    json_write_uint(w, o, "standby_lease_ms", l->standby_lease_ms);
    json_write_uint(w, o, "skew_ms", l->skew_ms);
    json_write_uint(w, o, "hedge_ms_max", l->hedge_ms_max);
    json_write_uint(w, o, "hedges_per_minute", l->hedges_per_minute);
    json_write_uint(w, o, "probes", l->probes_per_s);
    if (l->hot_max > 0)
        json_write_uint(w, o, "hot", l->hot_max);
}

static bool counts_in_range(const struct node_answer *a) {
    return a->guest_count <= NODE_GUESTS_MAX && a->issuer_count <= NODE_ISSUERS_MAX &&
           a->order_count <= NODE_ORDERS_MAX && a->named_count <= NODE_ASKS_MAX &&
           a->told_count <= NODE_TOLD_MAX && a->media_alive_count <= NODE_MEDIA_ALIVE_MAX &&
           (!a->has_catalogue || (a->catalogue.source_count <= NODE_SOURCES_MAX &&
                                  a->catalogue.profile_count <= NODE_PROFILES_MAX &&
                                  a->catalogue.rendition_count <= NODE_PROFILES_MAX));
}

char *node_answer_encode(const struct node_answer *a, size_t *len) {
    struct json_writing w;
    if (!counts_in_range(a))
        return NULL;
    json_write_begin(&w);
    json_write_uint(&w, w.root, "seq", a->seq);
    json_write_uint(&w, w.root, "lease_ms", a->lease_ms);
    json_write_uint(&w, w.root, "poll_ms", a->poll_ms);
    json_write_bool(&w, w.root, "want_full", a->want_full);
    json_write_bool(&w, w.root, "draining", a->draining);
    drain_word_put(&w, &a->drain);
    json_t *self = json_write_object(&w, w.root, "self");
    json_write_name(&w, self, "name", &a->cluster);
    json_write_key(&w, self, "key", &a->cluster_key);
    if (a->has_catalogue) {
        json_t *catalogue = json_write_object(&w, w.root, "catalogue");
        json_write_bytes(&w, catalogue, "hash", a->catalogue.hash.bytes, CATALOGUE_HASH_BYTES);
        put_catalogue(&w, catalogue, &a->catalogue);
    }
    put_issuers(&w, a);
    json_t *credit = json_write_object(&w, w.root, "credit");
    json_write_uint(&w, credit, "slots", a->credit.slots);
    json_write_uint(&w, credit, "lease_ms", a->credit.lease_ms);
    put_guests(&w, a);
    put_orders(&w, a);
    put_named(&w, "named", a->named, a->named_count);
    put_named(&w, "told", a->told, a->told_count);
    put_media_alive(&w, a);
    put_limits(&w, &a->limits);
    return json_write_end(&w, NODE_ANSWER_LEN_MAX, len);
}

/* ---- decoding -------------------------------------------------------------------------------- */

static uint32_t get_ms(const struct json_place *o, const char *key, uint32_t min) {
    return (uint32_t)json_read_uint(o, key, min, NODE_INTERVAL_MS_MAX);
}

static void get_source(const struct json_place *o, void *out) {
    struct node_source_spec *s = out;
    s->name = json_read_name(o, "name");
    json_read_text(o, "location", s->location, 1, sizeof(s->location));
    s->class = (enum source_class)json_read_word(o, "class", class_word, SOURCE_CLASS_EXACT,
                                                 SOURCE_CLASS_PUSH);
    s->loop = json_read_bool(o, "loop");
    if (json_read_has(o, "channel_since_s"))
        s->channel_since_s = json_read_int(o, "channel_since_s", 1, UTC_SECOND_MAX);
}

static void get_profile(const struct json_place *o, void *out) {
    struct node_profile_spec *p = out;
    p->name = json_read_name(o, "name");
    p->codec = json_read_name(o, "codec");
    p->rate_hz = (uint32_t)json_read_uint(o, "rate_hz", 1000, 384000);
    p->channels = (uint32_t)json_read_uint(o, "channels", 1, 2);
    p->bitrate_bps = (uint32_t)json_read_uint(o, "bitrate_bps", 0, 10000000);
    p->complexity = (uint32_t)json_read_uint(o, "complexity", 0, 10);
    p->preroll_frames = (uint32_t)json_read_uint(o, "preroll_frames", 0, 1000);
}

static void get_rendition(const struct json_place *o, void *out) {
    struct node_rendition_spec *r = out;
    r->name = json_read_name(o, "name");
    r->codec = json_read_name(o, "codec");
    r->bitrate_bps = (uint32_t)json_read_uint(o, "bitrate_bps", 1, 100000000);
    r->height = (uint32_t)json_read_uint(o, "height", 0, 8192);
    r->fps = (uint32_t)json_read_uint(o, "fps", 0, 240);
    r->channels = (uint32_t)json_read_uint(o, "channels", 0, 2);
}

static void get_catalogue(const struct json_place *root, struct node_catalogue *c) {
    struct json_place o = json_read_object(root, "catalogue");
    json_read_bytes(&o, "hash", c->hash.bytes, CATALOGUE_HASH_BYTES);
    c->sources = json_read_array(&o, "sources", NODE_SOURCES_MAX, sizeof(*c->sources), get_source,
                                 &c->source_count);
    c->profiles = json_read_array(&o, "profiles", NODE_PROFILES_MAX, sizeof(*c->profiles),
                                  get_profile, &c->profile_count);
    if (json_read_has(&o, "renditions"))
        c->renditions = json_read_array(&o, "renditions", NODE_PROFILES_MAX, sizeof(*c->renditions),
                                        get_rendition, &c->rendition_count);
}

static void get_issuer(const struct json_place *o, void *out) {
    struct ticket_issuer *i = out;
    i->cluster = json_read_name(o, "name");
    i->key = json_read_key(o, "key");
    if (json_read_has(o, "issued_until_s"))
        i->issued_until_s = json_read_int(o, "issued_until_s", 1, INT64_MAX / 1000000);
    if (json_read_has(o, "expires_until_s"))
        i->expires_until_s = json_read_int(o, "expires_until_s", 1, INT64_MAX / 1000000);
}

/* Whoever is refused must hear a reason. */
static void get_guest(const struct json_place *o, void *out) {
    struct node_guest_limit *g = out;
    struct json_place refusal = json_read_member(o, "refusal");
    g->issuer = json_read_name(o, "issuer");
    g->slots = (uint32_t)json_read_uint(o, "slots", 0, NODE_GUEST_SLOTS_ALL);
    if (json_read_has(o, "kept"))
        g->kept = (uint32_t)json_read_uint(o, "kept", 0, g->slots);
    g->services =
        json_read_has(o, "takes")
            ? (uint32_t)json_read_uint(o, "takes", 0, (UINT64_C(1) << NODE_GUEST_SERVICES_MAX) - 1)
            : NODE_GUEST_SERVICES_ALL;
    g->refusal = json_read_err(o, "refusal");
    if (g->refusal != ERR_NO_CREDIT && g->refusal != ERR_DENIED)
        json_read_fail(&refusal, "no_credit or denied");
    g->hot = NODE_GUEST_HOT_ALL;
    if (json_read_has(o, "hot"))
        g->hot = (uint32_t)json_read_uint(o, "hot", 0, NODE_GUEST_HOT_ALL);
}

static void get_priorities(const struct json_place *o, struct node_guest_services *s) {
    size_t count = json_read_list(o, "priorities", s->priorities, NODE_GUEST_SERVICES_MAX,
                                  sizeof(s->priorities[0]), json_read_each_u32);
    struct json_place list = json_read_member(o, "priorities");
    bool good = count == s->count;
    for (size_t i = 0; i < count; i++)
        good = good && s->priorities[i] <= NODE_PRIORITY_LEAST;
    if (!good)
        json_read_fail(&list, "a class from 0 to 7 for each of `services`");
}

static void get_order(const struct json_place *o, void *out) {
    struct node_order *r = out;
    r->id = json_read_uint(o, "id", 1, INT64_MAX);
    json_read_bytes(o, "session", r->session.bytes, SESSION_ID_BYTES);
    r->what = (enum node_order_what)json_read_word(o, "what", order_word, NODE_ORDER_MOVE,
                                                   NODE_ORDER_END);
    if (r->what == NODE_ORDER_MOVE) {
        r->target = json_read_name(o, "target");
        r->target_key = json_read_key(o, "target_key");
        r->deadline_ms = get_ms(o, "deadline_ms", 0);
        r->cause = json_read_has(o, "cause")
                       ? (enum move_cause)json_read_word(o, "cause", cause_word, MOVE_CAUSE_DRAIN,
                                                         MOVE_CAUSE_RETURN)
                       : MOVE_CAUSE_DRAIN;
        r->only = json_read_has(o, "only") && json_read_bool(o, "only");
    } else {
        r->error = json_read_err(o, "error");
    }
}

static void get_candidate(const struct json_place *o, void *out) {
    struct node_candidate *c = out;
    c->cluster = json_read_name(o, "name");
    c->key = json_read_key(o, "key");
    c->media = json_read_addr(o, "media");
}

static void get_clusters(const struct json_place *o, struct node_named *n, size_t max) {
    struct json_place clusters = json_read_member(o, "clusters");
    json_read_bytes(o, "session", n->session.bytes, SESSION_ID_BYTES);
    n->count =
        (uint8_t)json_read_list(o, "clusters", n->list, max, sizeof(n->list[0]), get_candidate);
    if (n->count == 0)
        json_read_fail(&clusters, "at least one cluster");
}

static void get_named(const struct json_place *o, void *out) {
    get_clusters(o, out, NAMED_MAX);
}

static void get_told(const struct json_place *o, void *out) {
    get_clusters(o, out, TICKET_BACKUPS_MAX);
}

static void get_media_alive(const struct json_place *o, void *out) {
    struct node_media_alive *m = out;
    m->cluster = json_read_name(o, "cluster");
    m->beats = json_read_addr(o, "beats");
    json_read_bytes(o, "key", m->key.bytes, SEAL_KEY_BYTES);
    json_read_bytes(o, "answer_key", m->answer_key.bytes, SEAL_KEY_BYTES);
    m->node = (uint8_t)json_read_uint(o, "node", 0, UINT8_MAX);
}

static void get_limits(const struct json_place *root, struct node_limits *l) {
    struct json_place o = json_read_object(root, "limits");
    l->sessions_max = (uint32_t)json_read_uint(&o, "sessions_max", 0, UINT32_MAX);
    l->session_lease_ms = get_ms(&o, "session_lease_ms", 1);
    l->standby_lease_ms = get_ms(&o, "standby_lease_ms", 1);
    l->skew_ms = get_ms(&o, "skew_ms", 0);
    l->hedge_ms_max = (uint32_t)json_read_uint(&o, "hedge_ms_max", 0, MESSAGE_HEDGE_MS_MAX);
    l->hedges_per_minute = (uint32_t)json_read_uint(&o, "hedges_per_minute", 0, UINT32_MAX);
    l->probes_per_s = 0;
    if (json_read_has(&o, "probes"))
        l->probes_per_s = (uint32_t)json_read_uint(&o, "probes", 0, UINT32_MAX);
    l->hot_max = 0;
    if (json_read_has(&o, "hot"))
        l->hot_max = (uint32_t)json_read_uint(&o, "hot", 0, UINT32_MAX);
}

static void get_answer(const struct json_place *o, struct node_answer *a) {
    a->seq = json_read_uint(o, "seq", 1, INT64_MAX);
    a->lease_ms = get_ms(o, "lease_ms", 1);
    a->poll_ms = get_ms(o, "poll_ms", 1);
    a->want_full = json_read_bool(o, "want_full");
    a->draining = json_read_bool(o, "draining");
    drain_word_get(o, &a->drain);
    struct json_place self = json_read_object(o, "self");
    a->cluster = json_read_name(&self, "name");
    a->cluster_key = json_read_key(&self, "key");
    a->has_catalogue = json_read_has(o, "catalogue");
    if (a->has_catalogue)
        get_catalogue(o, &a->catalogue);
    a->issuers = json_read_array(o, "issuers", NODE_ISSUERS_MAX, sizeof(*a->issuers), get_issuer,
                                 &a->issuer_count);
    struct json_place credit = json_read_object(o, "credit");
    a->credit.slots = (uint32_t)json_read_uint(&credit, "slots", 0, UINT32_MAX);
    a->credit.lease_ms = get_ms(&credit, "lease_ms", 0);
    if (json_read_has(o, "guests"))
        a->guests = json_read_array(o, "guests", NODE_GUESTS_MAX, sizeof(*a->guests), get_guest,
                                    &a->guest_count);
    if (json_read_has(o, "services"))
        a->guest_services.count = (uint32_t)json_read_list(
            o, "services", a->guest_services.names, NODE_GUEST_SERVICES_MAX,
            sizeof(a->guest_services.names[0]), json_read_each_name);
    if (json_read_has(o, "priorities"))
        get_priorities(o, &a->guest_services);
    a->orders = json_read_array(o, "orders", NODE_ORDERS_MAX, sizeof(*a->orders), get_order,
                                &a->order_count);
    if (json_read_has(o, "named"))
        a->named = json_read_array(o, "named", NODE_ASKS_MAX, sizeof(*a->named), get_named,
                                   &a->named_count);
    if (json_read_has(o, "told"))
        a->told =
            json_read_array(o, "told", NODE_TOLD_MAX, sizeof(*a->told), get_told, &a->told_count);
    a->media_alive =
        json_read_array(o, "media_alive", NODE_MEDIA_ALIVE_MAX, sizeof(*a->media_alive),
                        get_media_alive, &a->media_alive_count);
    get_limits(o, &a->limits);
}

enum err node_answer_decode(struct node_answer *out, const char *text, size_t len,
                            struct wire_fault *fault) {
    struct json_document d;
    struct json_place o;
    struct node_answer a = {.seq = 0};
    enum err e = json_read_begin(&d, &o, text, len, NODE_ANSWER_LEN_MAX, fault);
    if (e != ERR_OK)
        return e;
    get_answer(&o, &a);
    e = json_read_end(&d);
    if (e == ERR_OK)
        *out = a;
    else
        node_answer_free(&a);
    return e;
}

void node_answer_free(struct node_answer *a) {
    if (a == NULL)
        return;
    if (a->media_alive != NULL)
        sodium_memzero(a->media_alive, a->media_alive_count * sizeof(*a->media_alive));
    free(a->catalogue.sources);
    free(a->catalogue.profiles);
    free(a->catalogue.renditions);
    free(a->issuers);
    free(a->guests);
    free(a->orders);
    free(a->named);
    free(a->told);
    free(a->media_alive);
    *a = (struct node_answer){.seq = 0};
}
