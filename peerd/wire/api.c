#include "peerd/wire/api.h"

#include "peerd/wire/json_read.h"
#include "peerd/wire/json_write.h"

#include <string.h>

/* ---- session request ------------------------------------------------------------------------- */

char *api_session_request_encode(const struct api_session_request *r, size_t *len) {
    struct json_writing w;
    json_write_begin(&w);
    json_write_name(&w, w.root, "service", &r->service);
    json_write_name(&w, w.root, "profile", &r->profile);
    json_write_name(&w, w.root, "source", &r->source);
    json_write_key(&w, w.root, "client_key", &r->client_key);
    json_write_string(&w, w.root, "protection", protection_name(r->protection));
    json_write_uint(&w, w.root, "start_ms", r->start_ms);
    return json_write_end(&w, API_REQUEST_LEN_MAX, len);
}

static const char *protection_word(unsigned value) {
    return protection_name((enum protection)value);
}

enum err api_session_request_decode(struct api_session_request *out, const char *text, size_t len,
                                    struct wire_fault *fault) {
    static const char *const known[] = {"service",    "profile",  "source", "client_key",
                                        "protection", "start_ms", NULL};
    struct json_document d;
    struct json_place o;
    struct api_session_request r = {.protection = PROTECTION_WARM};
    enum err e = json_read_begin(&d, &o, text, len, API_REQUEST_LEN_MAX, fault);
    if (e != ERR_OK)
        return e;
    json_read_only(&o, known);
    r.service = json_read_name(&o, "service");
    r.profile = json_read_name(&o, "profile");
    r.source = json_read_name(&o, "source");
    r.client_key = json_read_key(&o, "client_key");
    if (json_read_has(&o, "protection"))
        r.protection = (enum protection)json_read_word(&o, "protection", protection_word,
                                                       PROTECTION_COLD, PROTECTION_HOT);
    if (json_read_has(&o, "start_ms"))
        r.start_ms = json_read_uint(&o, "start_ms", 0, API_START_MS_MAX);
    e = json_read_end(&d);
    if (e == ERR_OK)
        *out = r;
    return e;
}

/* ---- session answer -------------------------------------------------------------------------- */

static void put_rtp(struct json_writing *w, const struct api_rtp *r) {
    json_t *o = json_write_object(w, w->root, "rtp");
    json_write_string(w, o, "encoding", r->encoding);
    json_write_uint(w, o, "payload_type", r->payload_type);
    json_write_uint(w, o, "clock_rate", r->clock_rate_hz);
    json_write_uint(w, o, "channels", r->channels);
    json_write_uint(w, o, "frame_ms", r->frame_ms);
    json_write_uint(w, o, "samples_per_frame", r->samples_per_frame);
    json_write_uint(w, o, "ssrc", r->ssrc);
    json_write_uint(w, o, "seq0", r->seq0);
    json_write_uint(w, o, "ts0", r->ts0);
    json_write_string(w, o, "fmtp", r->fmtp);
}

static void put_clusters(struct json_writing *w, const char *key, const struct api_backup *list,
                         size_t count) {
    json_t *clusters = json_write_array(w, w->root, key);
    for (size_t i = 0; i < count; i++) {
        json_t *e = json_write_element(w, clusters);
        json_write_name(w, e, "cluster", &list[i].cluster);
        json_write_key(w, e, "key", &list[i].key);
        json_write_addr(w, e, "media", &list[i].media);
    }
}

char *api_session_answer_encode(const struct api_session_answer *a, size_t *len) {
    struct json_writing w;
    if (a->backup_count > TICKET_BACKUPS_MAX || a->probe_count > API_PROBES_MAX)
        return NULL;
    json_write_begin(&w);
    json_write_bytes(&w, w.root, "session", a->session.bytes, SESSION_ID_BYTES);
    json_write_string(&w, w.root, "ticket", a->ticket);
    json_write_uint(&w, w.root, "epoch", a->epoch);
    json_write_uint(&w, w.root, "lease_ms", a->lease_ms);
    json_write_int(&w, w.root, "expires", a->expires_s);
    json_t *cluster = json_write_object(&w, w.root, "cluster");
    json_write_name(&w, cluster, "name", &a->cluster);
    json_write_key(&w, cluster, "key", &a->cluster_key);
    json_write_addr(&w, w.root, "media", &a->media);
    put_clusters(&w, "backups", a->backups, a->backup_count);
    if (a->measures)
        put_clusters(&w, "probes", a->probes, a->probe_count);
    put_rtp(&w, &a->rtp);
    return json_write_end(&w, API_ANSWER_LEN_MAX, len);
}

static void get_backup(const struct json_place *o, void *out) {
    struct api_backup *b = out;
    b->cluster = json_read_name(o, "cluster");
    b->key = json_read_key(o, "key");
    b->media = json_read_addr(o, "media");
}

static void get_rtp(const struct json_place *root, struct api_rtp *r) {
    struct json_place o = json_read_object(root, "rtp");
    json_read_text(&o, "encoding", r->encoding, 1, sizeof(r->encoding));
    r->payload_type = (uint8_t)json_read_uint(&o, "payload_type", 0, 127);
    r->clock_rate_hz = (uint32_t)json_read_uint(&o, "clock_rate", 1000, 384000);
    r->channels = (uint8_t)json_read_uint(&o, "channels", 1, 8);
    r->frame_ms = (uint32_t)json_read_uint(&o, "frame_ms", 1, 1000);
    r->samples_per_frame = (uint32_t)json_read_uint(&o, "samples_per_frame", 1, 384000);
    r->ssrc = (uint32_t)json_read_uint(&o, "ssrc", 0, UINT32_MAX);
    r->seq0 = (uint16_t)json_read_uint(&o, "seq0", 0, UINT16_MAX);
    r->ts0 = (uint32_t)json_read_uint(&o, "ts0", 0, UINT32_MAX);
    json_read_text(&o, "fmtp", r->fmtp, 0, sizeof(r->fmtp));
}

static void get_answer(const struct json_place *o, struct api_session_answer *a) {
    json_read_bytes(o, "session", a->session.bytes, SESSION_ID_BYTES);
    json_read_text(o, "ticket", a->ticket, 1, sizeof(a->ticket));
    a->epoch = (uint32_t)json_read_uint(o, "epoch", 1, UINT32_MAX);
    a->lease_ms = (uint32_t)json_read_uint(o, "lease_ms", 1, API_LEASE_MS_MAX);
    a->expires_s = json_read_int(o, "expires", 0, INT64_MAX / 1000000);
    struct json_place cluster = json_read_object(o, "cluster");
    a->cluster = json_read_name(&cluster, "name");
    a->cluster_key = json_read_key(&cluster, "key");
    a->media = json_read_addr(o, "media");
    a->backup_count = (uint8_t)json_read_list(o, "backups", a->backups, TICKET_BACKUPS_MAX,
                                              sizeof(a->backups[0]), get_backup);
    a->measures = json_read_has(o, "probes");
    if (a->measures)
        a->probe_count = (uint8_t)json_read_list(o, "probes", a->probes, API_PROBES_MAX,
                                                 sizeof(a->probes[0]), get_backup);
    get_rtp(o, &a->rtp);
}

enum err api_session_answer_decode(struct api_session_answer *out, const char *text, size_t len,
                                   struct wire_fault *fault) {
    struct json_document d;
    struct json_place o;
    struct api_session_answer a = {.epoch = 0};
    enum err e = json_read_begin(&d, &o, text, len, API_ANSWER_LEN_MAX, fault);
    if (e != ERR_OK)
        return e;
    get_answer(&o, &a);
    e = json_read_end(&d);
    if (e == ERR_OK)
        *out = a;
    return e;
}

/* ---- problem --------------------------------------------------------------------------------- */

char *api_problem_encode(const struct api_problem *p, size_t *len) {
    struct json_writing w;
    json_write_begin(&w);
    json_write_string(&w, w.root, "title", p->title);
    json_write_uint(&w, w.root, "status", p->status);
    if (p->detail[0] != '\0')
        json_write_string(&w, w.root, "detail", p->detail);
    json_write_string(&w, w.root, "code", err_name(p->code));
    if (p->retry_after_s != 0)
        json_write_uint(&w, w.root, "retry_after_s", p->retry_after_s);
    return json_write_end(&w, API_PROBLEM_LEN_MAX, len);
}

/* A front between us and the cluster may answer with a problem of its own making, so only the
 * status is indispensable and an unknown code is no fault (RFC 9457 section 3.2). */
enum err api_problem_decode(struct api_problem *out, const char *text, size_t len,
                            struct wire_fault *fault) {
    struct json_document d;
    struct json_place o;
    struct api_problem p = {.code = ERR_COUNT};
    enum err e = json_read_begin(&d, &o, text, len, API_PROBLEM_LEN_MAX, fault);
    if (e != ERR_OK)
        return e;
    p.status = (uint32_t)json_read_uint(&o, "status", 400, 599);
    if (json_read_has(&o, "title"))
        json_read_text(&o, "title", p.title, 0, sizeof(p.title));
    if (json_read_has(&o, "detail"))
        json_read_text(&o, "detail", p.detail, 0, sizeof(p.detail));
    if (json_read_has(&o, "code")) {
        char code[32];
        json_read_text(&o, "code", code, 0, sizeof(code));
        p.code = err_by_name(code);
    }
    if (json_read_has(&o, "retry_after_s"))
        p.retry_after_s = (uint32_t)json_read_uint(&o, "retry_after_s", 0, API_RETRY_AFTER_MAX);
    e = json_read_end(&d);
    if (e == ERR_OK)
        *out = p;
    return e;
}

/* A flat switch: each error is decided once, so a new one cannot be told by accident. */
uint32_t api_status_of(enum err e) {
    switch (e) {
    case ERR_OK:
        return 200;
    case ERR_TRUNCATED:
    case ERR_BAD_MAGIC:
    case ERR_BAD_VERSION:
    case ERR_BAD_KIND:
    case ERR_BAD_FIELD:
    case ERR_UNKNOWN_CLAIM:
    case ERR_BAD_POLICY:
        return 400;
    case ERR_BAD_SEAL:
    case ERR_BAD_SIGNATURE:
    case ERR_FOREIGN:
    case ERR_REFLECTED:
    case ERR_EXPIRED:
    case ERR_NOT_YET:
    case ERR_UNKNOWN_ISSUER:
    case ERR_BAD_COOKIE:
    case ERR_DENIED:
        return 403;
    case ERR_UNKNOWN_SOURCE:
    case ERR_UNKNOWN_PROFILE:
    case ERR_UNKNOWN_SERVICE:
    case ERR_UNKNOWN_SESSION:
    case ERR_NOT_FOUND:
        return 404;
    case ERR_REPLAYED:
    case ERR_STALE:
    case ERR_SOURCE_DIFFERS:
    case ERR_MOVED:
        return 409;
    case ERR_SOURCE_ENDED:
        return 410;
    case ERR_OVERSIZED:
        return 413;
    case ERR_UNSUPPORTED: /* of the request, not of the method: nobody should ask it again */
        return 422;
    case ERR_BUDGET:
        return 429;
    case ERR_COUNT:
        return 500;
    case ERR_SOURCE_FAILED:
    case ERR_NO_CREDIT:
    case ERR_BUSY:
    case ERR_DRAINING:
    case ERR_FULL:
    case ERR_IO:
    case ERR_NO_MEMORY:
    case ERR_UNREACHABLE:
        return 503;
    case ERR_TIMEOUT:
        return 504;
    }
    return 500;
}

/* Printable ASCII only: a refusal must never fail to be encoded because of what it quotes. */
static void copy_printable(char *out, size_t size, const char *text) {
    size_t i = 0;
    for (; i + 1 < size && text[i] != '\0'; i++)
        out[i] = text[i] >= 0x20 && text[i] <= 0x7e ? text[i] : '?';
    out[i] = '\0';
}

struct api_problem api_problem_of(enum err e, const char *detail) {
    struct api_problem p = {.status = api_status_of(e), .code = e};
    copy_printable(p.title, sizeof(p.title), err_text(e));
    if (detail != NULL)
        copy_printable(p.detail, sizeof(p.detail), detail);
    return p;
}
