#include "peerd/wire/standbys.h"

#include "peerd/wire/json_read.h"
#include "peerd/wire/json_write.h"

#include <stdlib.h>

static void put_group(struct json_writing *w, json_t *o, const struct standbys_group *g) {
    if (g->backup_count > TICKET_BACKUPS_MAX) {
        w->failed = true;
        return;
    }
    json_write_name(w, o, "issuer", &g->issuer);
    json_write_name(w, o, "service", &g->service);
    json_write_prefix(w, o, "location", &g->location);
    json_write_names(w, o, "backups", g->backups, g->backup_count);
    json_write_uint(w, o, "sessions", g->sessions);
    json_write_bytes(w, o, "digest", g->digest.bytes, SET_DIGEST_BYTES);
}

char *standbys_request_encode(const struct standbys_request *r, size_t *len) {
    struct json_writing w;
    if (r->group_count > STANDBYS_GROUPS_MAX)
        return NULL;
    json_write_begin(&w);
    json_write_uint(&w, w.root, "ttl_ms", r->ttl_ms);
    json_t *groups = json_write_array(&w, w.root, "groups");
    for (size_t i = 0; i < r->group_count && !w.failed; i++)
        put_group(&w, json_write_element(&w, groups), &r->groups[i]);
    return json_write_end(&w, STANDBYS_REQUEST_LEN_MAX, len);
}

char *standbys_answer_encode(const struct standbys_answer *a, size_t *len) {
    struct json_writing w;
    if (a->slot_count > STANDBYS_GROUPS_MAX)
        return NULL;
    json_write_begin(&w);
    json_write_uint(&w, w.root, "lease_ms", a->lease_ms);
    json_write_uints(&w, w.root, "slots", a->slots, a->slot_count);
    return json_write_end(&w, STANDBYS_ANSWER_LEN_MAX, len);
}

static void get_group(const struct json_place *o, void *out) {
    struct standbys_group *g = out;
    g->issuer = json_read_name(o, "issuer");
    g->service = json_read_name(o, "service");
    if (json_read_has(o, "location"))
        g->location = json_read_prefix(o, "location");
    g->backup_count = (uint8_t)json_read_list(o, "backups", g->backups, TICKET_BACKUPS_MAX,
                                              sizeof(g->backups[0]), json_read_each_name);
    struct json_place backups = json_read_member(o, "backups");
    if (g->backup_count == 0)
        json_read_fail(&backups, "at least one backup");
    g->sessions = (uint32_t)json_read_uint(o, "sessions", 0, UINT32_MAX);
    json_read_bytes(o, "digest", g->digest.bytes, SET_DIGEST_BYTES);
}

enum err standbys_request_decode(struct standbys_request *out, const char *text, size_t len,
                                 struct wire_fault *fault) {
    struct json_document d;
    struct json_place o;
    struct standbys_request r = {.ttl_ms = 0};
    enum err e = json_read_begin(&d, &o, text, len, STANDBYS_REQUEST_LEN_MAX, fault);
    if (e != ERR_OK)
        return e;
    r.ttl_ms = (uint32_t)json_read_uint(&o, "ttl_ms", 1, STANDBYS_TTL_MS_MAX);
    r.groups = json_read_array(&o, "groups", STANDBYS_GROUPS_MAX, sizeof(*r.groups), get_group,
                               &r.group_count);
    e = json_read_end(&d);
    if (e == ERR_OK)
        *out = r;
    else
        standbys_request_free(&r);
    return e;
}

enum err standbys_answer_decode(struct standbys_answer *out, const char *text, size_t len,
                                size_t groups, struct wire_fault *fault) {
    struct json_document d;
    struct json_place o;
    struct standbys_answer a = {.lease_ms = 0};
    enum err e = json_read_begin(&d, &o, text, len, STANDBYS_ANSWER_LEN_MAX, fault);
    if (e != ERR_OK)
        return e;
    a.lease_ms = (uint32_t)json_read_uint(&o, "lease_ms", 0, STANDBYS_TTL_MS_MAX);
    a.slots = json_read_array(&o, "slots", STANDBYS_GROUPS_MAX, sizeof(*a.slots),
                              json_read_each_u32, &a.slot_count);
    struct json_place slots = json_read_member(&o, "slots");
    if (a.slot_count != groups)
        json_read_fail(&slots, "as many figures as there are groups");
    e = json_read_end(&d);
    if (e == ERR_OK)
        *out = a;
    else
        standbys_answer_free(&a);
    return e;
}

void standbys_request_free(struct standbys_request *r) {
    if (r == NULL)
        return;
    free(r->groups);
    *r = (struct standbys_request){.ttl_ms = 0};
}

void standbys_answer_free(struct standbys_answer *a) {
    if (a == NULL)
        return;
    free(a->slots);
    *a = (struct standbys_answer){.lease_ms = 0};
}
