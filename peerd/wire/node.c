#include "peerd/wire/node.h"

#include "peerd/wire/drain_word_json.h"
#include "peerd/wire/json_read.h"
#include "peerd/wire/json_write.h"

#include <stdlib.h>
#include <string.h>

/*
 * The request of a node. Each struct has a put and a get that list its members in the same order;
 * optional members are put only when they say something, which keeps a full list of thousands of
 * sessions small. The answer is in node_answer.c.
 */

#define BOOT_BYTES 8 /* [bytes] as base64url: JSON integers end at 63 bits */

static const char *class_word(unsigned value) {
    return source_class_name((enum source_class)value);
}

const char *node_preroll_name(enum node_preroll p) {
    switch (p) {
    case NODE_PREROLL_NONE:
        return "none";
    case NODE_PREROLL_FULL:
        return "full";
    case NODE_PREROLL_QUICK:
        return "quick";
    case NODE_PREROLL_LEAST:
        return "least";
    }
    return "unknown";
}

static const char *preroll_word(unsigned value) {
    return node_preroll_name((enum node_preroll)value);
}

static const char *cause_word(unsigned value) {
    return move_cause_name((enum move_cause)value);
}

static const char *purpose_word(unsigned value) {
    return resume_purpose_name((enum resume_purpose)value);
}

static bool all_zero(const uint8_t *bytes, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

/* ---- encoding -------------------------------------------------------------------------------- */

/* An optional count or time: zero is what its absence means. */
static void put_some(struct json_writing *w, json_t *o, const char *key, uint64_t value) {
    if (value != 0)
        json_write_uint(w, o, key, value);
}

static void put_digest(struct json_writing *w, json_t *o, const char *key, const uint8_t *digest,
                       size_t len) {
    if (!all_zero(digest, len))
        json_write_bytes(w, o, key, digest, len);
}

static void put_profile(struct json_writing *w, json_t *o, const struct node_profile *p) {
    json_write_name(w, o, "name", &p->name);
    json_write_bytes(w, o, "determinism", p->determinism.bytes, DETERMINISM_ID_BYTES);
}

static void put_source(struct json_writing *w, json_t *o, const struct node_source *s) {
    json_write_name(w, o, "name", &s->name);
    put_digest(w, o, "digest", s->digest.bytes, DIGEST_BYTES);
    json_write_string(w, o, "class", source_class_name(s->class));
    json_write_uint(w, o, "duration_ms", s->duration_ms);
    json_write_string(w, o, "error", err_name(s->error));
}

static void put_worker(struct json_writing *w, json_t *o, const struct node_worker *k) {
    json_write_uint(w, o, "index", k->index);
    json_write_uint(w, o, "pid", k->pid);
    json_write_uint(w, o, "restarts", k->restarts);
    json_write_uint(w, o, "frames", k->frames);
    json_write_uint(w, o, "resent", k->resent);
    json_write_uint(w, o, "sessions", k->sessions);
    json_write_uint(w, o, "credit_spent", k->credit_spent);
    json_write_uint(w, o, "cpu_ms", k->cpu_ms);
    put_some(w, o, "probes", k->probes);
    put_some(w, o, "probes_refused", k->probes_refused);
    put_some(w, o, "late_ms", k->late_ms);
}

static void put_session(struct json_writing *w, json_t *o, const struct node_session *s) {
    if (s->backup_count > TICKET_BACKUPS_MAX) {
        w->failed = true;
        return;
    }
    json_write_bytes(w, o, "session", s->session.bytes, SESSION_ID_BYTES);
    json_write_name(w, o, "issuer", &s->issuer);
    json_write_name(w, o, "service", &s->service);
    json_write_name(w, o, "profile", &s->profile);
    json_write_name(w, o, "source", &s->source);
    json_write_names(w, o, "backups", s->backups, s->backup_count);
    json_write_int(w, o, "expires_s", s->expires_s);
    json_write_uint(w, o, "epoch", s->epoch);
    json_write_string(w, o, "purpose", resume_purpose_name(s->purpose));
    json_write_uint(w, o, "worker", s->worker);
    json_write_uint(w, o, "last_frame", s->last_frame);
    json_write_addr(w, o, "client", &s->client);
    if (s->hot)
        json_write_bool(w, o, "hot", true);
    json_write_uint(w, o, "lease_ms", s->lease_ms);
    put_some(w, o, "expected", s->expected);
    put_some(w, o, "lost_before", s->lost_before);
    put_some(w, o, "lost_after", s->lost_after);
    put_some(w, o, "rtt_us", s->rtt_us);
    put_some(w, o, "jitter_us", s->jitter_us);
    put_some(w, o, "buffer_ms", s->buffer_ms);
    put_some(w, o, "burst_x16", s->burst_x16);
    put_some(w, o, "silent_ms", s->silent_ms);
    if (s->cause != MOVE_CAUSE_NONE)
        json_write_string(w, o, "cause", move_cause_name(s->cause));
    put_digest(w, o, "served_by", s->served_by.bytes, KEY_HINT_BYTES);
    if (s->preroll != NODE_PREROLL_NONE)
        json_write_string(w, o, "preroll", node_preroll_name(s->preroll));
    put_some(w, o, "merges_after", s->merges_after);
    put_some(w, o, "moved_epoch", s->moved.epoch);
    put_some(w, o, "moved_detect_ms", s->moved.detect_ms);
    put_some(w, o, "moved_first_frame_ms", s->moved.first_frame_ms);
    put_some(w, o, "moved_lost", s->moved.lost);
    put_some(w, o, "moved_duplicates", s->moved.duplicates);
}

static void put_trips(struct json_writing *w, const struct node_request *r) {
    json_t *trips = r->trip_count > 0 ? json_write_array(w, w->root, "trips") : NULL;
    for (size_t i = 0; i < r->trip_count && !w->failed; i++) {
        json_t *o = json_write_element(w, trips);
        json_write_addr(w, o, "client", &r->trips[i].client);
        json_write_bytes(w, o, "cluster", r->trips[i].cluster.bytes, KEY_HINT_BYTES);
        json_write_uint(w, o, "rtt_us", r->trips[i].rtt_us);
        json_write_uint(w, o, "samples", r->trips[i].samples);
        put_some(w, o, "asked", r->trips[i].asked);
        put_some(w, o, "lost", r->trips[i].lost);
        put_some(w, o, "due", r->trips[i].due);
        put_some(w, o, "missing", r->trips[i].missing);
        put_some(w, o, "runs", r->trips[i].runs);
        if (r->trips[i].asked > 0)
            json_write_bytes(w, o, "session", r->trips[i].session.bytes, SESSION_ID_BYTES);
    }
}

static void put_lists(struct json_writing *w, const struct node_request *r) {
    json_write_addrs(w, w->root, "media", r->media, r->media_count);
    json_t *profiles = json_write_array(w, w->root, "profiles");
    for (size_t i = 0; i < r->profile_count; i++)
        put_profile(w, json_write_element(w, profiles), &r->profiles[i]);
    json_t *sources = json_write_array(w, w->root, "sources");
    for (size_t i = 0; i < r->source_count; i++)
        put_source(w, json_write_element(w, sources), &r->sources[i]);
    json_t *workers = json_write_array(w, w->root, "workers");
    for (size_t i = 0; i < r->worker_count; i++)
        put_worker(w, json_write_element(w, workers), &r->workers[i]);
    json_t *sessions = json_write_array(w, w->root, "sessions");
    for (size_t i = 0; i < r->session_count && !w->failed; i++)
        put_session(w, json_write_element(w, sessions), &r->sessions[i]);
    json_write_session_ids(w, w->root, "ended", r->ended, r->ended_count);
    put_trips(w, r);
    if (r->ask_count > 0)
        json_write_session_ids(w, w->root, "asks", r->asks, r->ask_count);
}

static void put_guests(struct json_writing *w, const struct node_request *r) {
    json_t *guests = r->guest_count > 0 ? json_write_array(w, w->root, "guests") : NULL;
    for (size_t i = 0; i < r->guest_count; i++) {
        json_t *e = json_write_element(w, guests);
        json_write_name(w, e, "issuer", &r->guests[i].issuer);
        json_write_uint(w, e, "sessions", r->guests[i].sessions);
        json_write_uint(w, e, "refused", r->guests[i].refused);
        if (r->guests[i].denied > 0)
            json_write_uint(w, e, "denied", r->guests[i].denied);
    }
}

static void put_starts(struct json_writing *w, const struct node_request *r) {
    json_t *starts = r->start_count > 0 ? json_write_array(w, w->root, "starts") : NULL;
    for (size_t i = 0; i < r->start_count; i++) {
        const struct node_starts *s = &r->starts[i];
        json_t *e = json_write_element(w, starts);
        if (!name_is_empty(&s->issuer))
            json_write_name(w, e, "issuer", &s->issuer);
        json_write_uint(w, e, "window", s->window);
        put_some(w, e, "under_way", s->under_way);
        put_some(w, e, "in_time", s->in_time);
        put_some(w, e, "late", s->late);
        put_some(w, e, "refused", s->refused);
    }
}

static void put_making(struct json_writing *w, const struct node_making *m) {
    if (!m->told)
        return;
    json_t *making = json_write_object(w, w->root, "making");
    json_write_uint(w, making, "makers", m->makers);
    json_write_uint(w, making, "spare_ms", m->spare_ms);
    json_t *streams = json_write_array(w, making, "streams");
    for (size_t i = 0; i < m->stream_count; i++) {
        json_t *e = json_write_element(w, streams);
        json_write_name(w, e, "source", &m->streams[i].source);
        json_write_uint(w, e, "player_ms", m->streams[i].player_ms);
    }
}

static bool counts_in_range(const struct node_request *r) {
    return r->guest_count <= NODE_GUESTS_MAX && r->media_count <= NODE_WORKERS_MAX &&
           r->profile_count <= NODE_PROFILES_MAX && r->source_count <= NODE_SOURCES_MAX &&
           r->worker_count <= NODE_WORKERS_MAX && r->session_count <= NODE_SESSIONS_MAX &&
           r->ended_count <= NODE_SESSIONS_MAX && r->trip_count <= NODE_TRIPS_MAX &&
           r->ask_count <= NODE_ASKS_MAX && r->start_count <= NODE_STARTS_MAX &&
           r->making.stream_count <= NODE_SOURCES_MAX;
}

char *node_request_encode(const struct node_request *r, size_t *len) {
    struct json_writing w;
    uint8_t boot[BOOT_BYTES];
    if (!counts_in_range(r))
        return NULL;
    for (int i = 0; i < BOOT_BYTES; i++)
        boot[i] = (uint8_t)(r->boot >> (56 - 8 * i));
    json_write_begin(&w);
    json_write_name(&w, w.root, "node", &r->node);
    json_write_bytes(&w, w.root, "boot", boot, sizeof(boot));
    json_write_uint(&w, w.root, "seq", r->seq);
    json_write_uint(&w, w.root, "seen", r->seen);
    json_write_uint(&w, w.root, "order_seen", r->order_seen);
    put_digest(&w, w.root, "catalogue", r->catalogue.bytes, CATALOGUE_HASH_BYTES);
    json_write_bytes(&w, w.root, "sessions_digest", r->sessions_digest.bytes, SET_DIGEST_BYTES);
    json_write_bool(&w, w.root, "full", r->full);
    put_lists(&w, r);
    put_guests(&w, r);
    put_starts(&w, r);
    put_making(&w, &r->making);
    drain_word_put(&w, &r->drain);
    return json_write_end(&w, NODE_REQUEST_LEN_MAX, len);
}

/* ---- decoding -------------------------------------------------------------------------------- */

static uint64_t get_some(const struct json_place *o, const char *key, uint64_t max) {
    return json_read_has(o, key) ? json_read_uint(o, key, 0, max) : 0;
}

static void get_digest(const struct json_place *o, const char *key, uint8_t *digest, size_t len) {
    memset(digest, 0, len);
    if (json_read_has(o, key))
        json_read_bytes(o, key, digest, len);
}

static void get_profile(const struct json_place *o, void *out) {
    struct node_profile *p = out;
    p->name = json_read_name(o, "name");
    json_read_bytes(o, "determinism", p->determinism.bytes, DETERMINISM_ID_BYTES);
}

static void get_source(const struct json_place *o, void *out) {
    struct node_source *s = out;
    s->name = json_read_name(o, "name");
    get_digest(o, "digest", s->digest.bytes, DIGEST_BYTES);
    s->class = (enum source_class)json_read_word(o, "class", class_word, SOURCE_CLASS_EXACT,
                                                 SOURCE_CLASS_PUSH);
    s->duration_ms = json_read_uint(o, "duration_ms", 0, INT64_MAX);
    s->error = json_read_err(o, "error");
}

static void get_worker(const struct json_place *o, void *out) {
    struct node_worker *k = out;
    k->index = (uint32_t)json_read_uint(o, "index", 0, NODE_WORKERS_MAX - 1);
    k->pid = (uint32_t)json_read_uint(o, "pid", 0, INT32_MAX);
    k->restarts = (uint32_t)json_read_uint(o, "restarts", 0, UINT32_MAX);
    k->frames = json_read_uint(o, "frames", 0, INT64_MAX);
    k->resent = get_some(o, "resent", INT64_MAX);
    k->sessions = (uint32_t)json_read_uint(o, "sessions", 0, UINT32_MAX);
    k->credit_spent = (uint32_t)json_read_uint(o, "credit_spent", 0, UINT32_MAX);
    k->cpu_ms = json_read_uint(o, "cpu_ms", 0, INT64_MAX);
    k->probes = get_some(o, "probes", INT64_MAX);
    k->probes_refused = get_some(o, "probes_refused", INT64_MAX);
    k->late_ms = (uint32_t)get_some(o, "late_ms", UINT32_MAX);
}

static void get_measured(const struct json_place *o, struct node_session *s) {
    s->expected = (uint32_t)get_some(o, "expected", UINT32_MAX);
    s->lost_before = (uint32_t)get_some(o, "lost_before", UINT32_MAX);
    s->lost_after = (uint32_t)get_some(o, "lost_after", UINT32_MAX);
    s->rtt_us = (uint32_t)get_some(o, "rtt_us", UINT32_MAX);
    s->jitter_us = (uint32_t)get_some(o, "jitter_us", UINT32_MAX);
    s->buffer_ms = (uint16_t)get_some(o, "buffer_ms", UINT16_MAX);
    s->burst_x16 = (uint16_t)get_some(o, "burst_x16", UINT16_MAX);
    s->silent_ms = (uint32_t)get_some(o, "silent_ms", UINT32_MAX);
    s->cause = MOVE_CAUSE_NONE;
    if (json_read_has(o, "cause"))
        s->cause = (enum move_cause)json_read_word(o, "cause", cause_word, MOVE_CAUSE_NONE,
                                                   MOVE_CAUSE_RETURN);
    get_digest(o, "served_by", s->served_by.bytes, KEY_HINT_BYTES);
    s->preroll = NODE_PREROLL_NONE;
    if (json_read_has(o, "preroll"))
        s->preroll = (enum node_preroll)json_read_word(o, "preroll", preroll_word,
                                                       NODE_PREROLL_NONE, NODE_PREROLL_LEAST);
    s->merges_after = (uint32_t)get_some(o, "merges_after", UINT32_MAX);
    s->moved.epoch = (uint32_t)get_some(o, "moved_epoch", UINT32_MAX);
    s->moved.detect_ms = (uint16_t)get_some(o, "moved_detect_ms", UINT16_MAX);
    s->moved.first_frame_ms = (uint16_t)get_some(o, "moved_first_frame_ms", UINT16_MAX);
    s->moved.lost = (uint16_t)get_some(o, "moved_lost", UINT16_MAX);
    s->moved.duplicates = (uint16_t)get_some(o, "moved_duplicates", UINT16_MAX);
}

static void get_session(const struct json_place *o, void *out) {
    struct node_session *s = out;
    json_read_bytes(o, "session", s->session.bytes, SESSION_ID_BYTES);
    s->issuer = json_read_name(o, "issuer");
    s->service = json_read_name(o, "service");
    s->profile = json_read_name(o, "profile");
    s->source = json_read_name(o, "source");
    s->backup_count = (uint8_t)json_read_list(o, "backups", s->backups, TICKET_BACKUPS_MAX,
                                              sizeof(s->backups[0]), json_read_each_name);
    s->expires_s = json_read_int(o, "expires_s", 0, INT64_MAX / 1000000);
    s->epoch = (uint32_t)json_read_uint(o, "epoch", 0, UINT32_MAX);
    s->purpose = (enum resume_purpose)json_read_word(o, "purpose", purpose_word, RESUME_STANDBY,
                                                     RESUME_COMMIT);
    s->worker = (uint32_t)json_read_uint(o, "worker", 0, NODE_WORKERS_MAX - 1);
    s->last_frame = json_read_uint(o, "last_frame", 0, MESSAGE_FRAME_MAX);
    s->client = json_read_addr(o, "client");
    s->hot = json_read_has(o, "hot") && json_read_bool(o, "hot");
    s->lease_ms = (uint32_t)json_read_uint(o, "lease_ms", 0, NODE_INTERVAL_MS_MAX);
    get_measured(o, s);
}

static void get_guest(const struct json_place *o, void *out) {
    struct node_guest *g = out;
    g->issuer = json_read_name(o, "issuer");
    g->sessions = (uint32_t)json_read_uint(o, "sessions", 0, UINT32_MAX);
    g->refused = json_read_uint(o, "refused", 0, INT64_MAX);
    g->denied = json_read_has(o, "denied") ? json_read_uint(o, "denied", 0, INT64_MAX) : 0;
}

static void get_starts(const struct json_place *o, void *out) {
    struct node_starts *s = out;
    s->issuer = json_read_has(o, "issuer") ? json_read_name(o, "issuer") : (struct name){""};
    s->window = (uint32_t)json_read_uint(o, "window", 0, UINT32_MAX);
    s->under_way = (uint32_t)get_some(o, "under_way", UINT32_MAX);
    s->in_time = get_some(o, "in_time", INT64_MAX);
    s->late = get_some(o, "late", INT64_MAX);
    s->refused = get_some(o, "refused", INT64_MAX);
}

static void get_stream(const struct json_place *o, void *out) {
    struct node_stream *s = out;
    s->source = json_read_name(o, "source");
    s->player_ms = (uint32_t)json_read_uint(o, "player_ms", 0, UINT32_MAX);
}

static void get_making(const struct json_place *o, struct node_making *m) {
    if (!json_read_has(o, "making"))
        return;
    struct json_place making = json_read_member(o, "making");
    m->told = true;
    m->makers = (uint32_t)json_read_uint(&making, "makers", 0, NODE_WORKERS_MAX);
    m->spare_ms = (uint32_t)json_read_uint(&making, "spare_ms", 0, NODE_WORKERS_MAX * 1000);
    m->streams = json_read_array(&making, "streams", NODE_SOURCES_MAX, sizeof(*m->streams),
                                 get_stream, &m->stream_count);
}

static void get_trip(const struct json_place *o, void *out) {
    struct node_trip *t = out;
    t->client = json_read_addr(o, "client");
    json_read_bytes(o, "cluster", t->cluster.bytes, KEY_HINT_BYTES);
    t->rtt_us = (uint32_t)json_read_uint(o, "rtt_us", 1, MESSAGE_TRIP_US_MAX);
    t->samples = (uint8_t)json_read_uint(o, "samples", 1, UINT8_MAX);
    t->asked = (uint8_t)get_some(o, "asked", UINT8_MAX);
    t->lost = (uint8_t)get_some(o, "lost", t->asked);
    t->due = (uint16_t)get_some(o, "due", UINT16_MAX);
    t->missing = (uint16_t)get_some(o, "missing", t->due);
    t->runs = (uint16_t)get_some(o, "runs", t->missing);
    if (json_read_has(o, "session"))
        json_read_bytes(o, "session", t->session.bytes, SESSION_ID_BYTES);
}

static void get_lists(const struct json_place *o, struct node_request *r) {
    r->media = json_read_array(o, "media", NODE_WORKERS_MAX, sizeof(*r->media), json_read_each_addr,
                               &r->media_count);
    r->profiles = json_read_array(o, "profiles", NODE_PROFILES_MAX, sizeof(*r->profiles),
                                  get_profile, &r->profile_count);
    r->sources = json_read_array(o, "sources", NODE_SOURCES_MAX, sizeof(*r->sources), get_source,
                                 &r->source_count);
    r->workers = json_read_array(o, "workers", NODE_WORKERS_MAX, sizeof(*r->workers), get_worker,
                                 &r->worker_count);
    r->sessions = json_read_array(o, "sessions", NODE_SESSIONS_MAX, sizeof(*r->sessions),
                                  get_session, &r->session_count);
    r->ended = json_read_array(o, "ended", NODE_SESSIONS_MAX, sizeof(*r->ended),
                               json_read_each_session_id, &r->ended_count);
    if (json_read_has(o, "guests"))
        r->guests = json_read_array(o, "guests", NODE_GUESTS_MAX, sizeof(*r->guests), get_guest,
                                    &r->guest_count);
    if (json_read_has(o, "trips"))
        r->trips = json_read_array(o, "trips", NODE_TRIPS_MAX, sizeof(*r->trips), get_trip,
                                   &r->trip_count);
    if (json_read_has(o, "asks"))
        r->asks = json_read_array(o, "asks", NODE_ASKS_MAX, sizeof(*r->asks),
                                  json_read_each_session_id, &r->ask_count);
    if (json_read_has(o, "starts"))
        r->starts = json_read_array(o, "starts", NODE_STARTS_MAX, sizeof(*r->starts), get_starts,
                                    &r->start_count);
}

/* Whoever reads a worker's number uses it as an index into `media`. */
static void check_workers(const struct json_place *o, const struct node_request *r) {
    bool ok = true;
    for (size_t i = 0; i < r->worker_count; i++)
        ok = ok && r->workers[i].index < r->media_count;
    struct json_place workers = json_read_member(o, "workers");
    if (!ok)
        json_read_fail(&workers, "every index to be that of a `media` address");
    for (size_t i = 0; i < r->session_count; i++)
        ok = ok && r->sessions[i].worker < r->media_count;
    struct json_place sessions = json_read_member(o, "sessions");
    if (!ok)
        json_read_fail(&sessions, "every worker to be that of a `media` address");
}

static uint64_t get_boot(const struct json_place *o) {
    uint8_t bytes[BOOT_BYTES];
    uint64_t boot = 0;
    json_read_bytes(o, "boot", bytes, sizeof(bytes));
    for (int i = 0; i < BOOT_BYTES; i++)
        boot = boot << 8 | bytes[i];
    struct json_place p = json_read_member(o, "boot");
    if (boot == 0)
        json_read_fail(&p, "a boot other than zero");
    return boot;
}

enum err node_request_decode(struct node_request *out, const char *text, size_t len,
                             struct wire_fault *fault) {
    struct json_document d;
    struct json_place o;
    struct node_request r = {.seq = 0};
    enum err e = json_read_begin(&d, &o, text, len, NODE_REQUEST_LEN_MAX, fault);
    if (e != ERR_OK)
        return e;
    r.node = json_read_name(&o, "node");
    r.boot = get_boot(&o);
    r.seq = json_read_uint(&o, "seq", 1, INT64_MAX);
    r.seen = json_read_uint(&o, "seen", 0, INT64_MAX);
    r.order_seen = json_read_uint(&o, "order_seen", 0, INT64_MAX);
    get_digest(&o, "catalogue", r.catalogue.bytes, CATALOGUE_HASH_BYTES);
    json_read_bytes(&o, "sessions_digest", r.sessions_digest.bytes, SET_DIGEST_BYTES);
    r.full = json_read_bool(&o, "full");
    get_lists(&o, &r);
    get_making(&o, &r.making);
    drain_word_get(&o, &r.drain);
    check_workers(&o, &r);
    e = json_read_end(&d);
    if (e == ERR_OK)
        *out = r;
    else
        node_request_free(&r);
    return e;
}

void node_request_free(struct node_request *r) {
    if (r == NULL)
        return;
    free(r->media);
    free(r->profiles);
    free(r->sources);
    free(r->workers);
    free(r->sessions);
    free(r->ended);
    free(r->guests);
    free(r->trips);
    free(r->asks);
    free(r->starts);
    free(r->making.streams);
    *r = (struct node_request){.seq = 0};
}
