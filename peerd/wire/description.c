#include "peerd/wire/description.h"

#include "peerd/base/url.h"
#include "peerd/wire/json_read.h"
#include "peerd/wire/json_write.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL          "peerd description v1"
#define HASH_BYTES     32         /* [bytes] BLAKE2b-256 */
#define LATITUDE_UDEG  90000000   /* [µ°] the poles */
#define LONGITUDE_UDEG 180000000  /* [µ°] the date line */
#define CAPACITY_MAX   UINT32_MAX /* [sessions] */

static void hash_of(uint8_t out[HASH_BYTES], const char *text, size_t len) {
    crypto_generichash(out, HASH_BYTES, (const unsigned char *)text, len, NULL, 0);
}

/* ---- sealing --------------------------------------------------------------------------------- */

static void put_lists(struct json_writing *w, const struct description *d) {
    json_t *services = json_write_array(w, w->root, "services");
    for (size_t i = 0; i < d->service_count; i++) {
        json_t *e = json_write_element(w, services);
        json_write_name(w, e, "name", &d->services[i].name);
        json_write_uint(w, e, "free", d->services[i].free);
        json_write_uint(w, e, "capacity", d->services[i].capacity);
    }
    json_t *profiles = json_write_array(w, w->root, "profiles");
    for (size_t i = 0; i < d->profile_count; i++) {
        json_t *e = json_write_element(w, profiles);
        json_write_name(w, e, "name", &d->profiles[i].name);
        json_write_bytes(w, e, "determinism", d->profiles[i].determinism.bytes,
                         DETERMINISM_ID_BYTES);
    }
    json_t *sources = json_write_array(w, w->root, "sources");
    for (size_t i = 0; i < d->source_count; i++) {
        json_t *e = json_write_element(w, sources);
        json_write_name(w, e, "name", &d->sources[i].name);
        json_write_bytes(w, e, "digest", d->sources[i].digest.bytes, DIGEST_BYTES);
    }
    json_write_addrs(w, w->root, "media", d->media, d->media_count);
}

static void put_origins(struct json_writing *w, const struct description *d) {
    if (d->origin_count == 0)
        return;
    json_t *origins = json_write_array(w, w->root, "origins");
    for (size_t i = 0; i < d->origin_count; i++) {
        json_t *e = json_write_element(w, origins);
        json_write_name(w, e, "name", &d->origins[i].name);
        json_write_string(w, e, "url", d->origins[i].url);
        json_write_bool(w, e, "live", d->origins[i].live);
        json_write_bool(w, e, "healthy", d->origins[i].healthy);
    }
}

static void put_past(struct json_writing *w, const struct description_past *past) {
    if (past == NULL)
        return;
    json_t *former = json_write_array(w, w->root, "former_keys");
    for (size_t i = 0; i < past->former_count; i++) {
        json_t *e = json_write_element(w, former);
        json_write_key(w, e, "key", &past->former[i].key);
        json_write_int(w, e, "switched_s", past->former[i].switched_s);
        json_write_int(w, e, "until_s", past->former[i].until_s);
    }
    json_t *revoked = json_write_array(w, w->root, "revoked_keys");
    for (size_t i = 0; i < past->revoked_count; i++)
        json_write_key(w, json_write_element(w, revoked), "key", &past->revoked[i]);
}

static char *encode(const struct description *d, size_t *len) {
    struct json_writing w;
    json_write_begin(&w);
    json_write_name(&w, w.root, "cluster", &d->cluster);
    json_write_name(&w, w.root, "provider", &d->provider);
    json_write_name(&w, w.root, "region", &d->region);
    if (d->upstream[0] != '\0')
        json_write_string(&w, w.root, "upstream", d->upstream);
    if (d->placed) {
        json_t *place = json_write_object(&w, w.root, "place");
        json_write_int(&w, place, "latitude_udeg", d->latitude_udeg);
        json_write_int(&w, place, "longitude_udeg", d->longitude_udeg);
    }
    json_write_key(&w, w.root, "key", &d->key);
    if (d->has_next_key)
        json_write_key(&w, w.root, "next_key", &d->next_key);
    put_past(&w, d->past);
    json_write_int(&w, w.root, "issued_s", d->issued_s);
    put_lists(&w, d);
    json_write_string(&w, w.root, "clients_url", d->clients_url);
    json_write_bool(&w, w.root, "draining", d->draining);
    if (d->reserved > 0)
        json_write_uint(&w, w.root, "reserved", d->reserved);
    if (d->doors != NULL) {
        json_t *doors = json_write_object(&w, w.root, "doors");
        json_write_string(&w, doors, "beats", d->doors->beats);
        json_write_string(&w, doors, "control", d->doors->control);
    }
    if (d->beat_blocks)
        json_write_bool(&w, w.root, "beat_blocks", true);
    put_origins(&w, d);
    return json_write_end(&w, DESCRIPTION_LEN_MAX, len);
}

static bool counts_in_range(const struct description *d) {
    return d->service_count <= DESCRIPTION_SERVICES_MAX &&
           d->profile_count <= DESCRIPTION_PROFILES_MAX &&
           d->source_count <= DESCRIPTION_SOURCES_MAX && d->media_count <= DESCRIPTION_MEDIA_MAX &&
           d->origin_count <= ORIGINS_MAX &&
           (d->past == NULL || (d->past->former_count <= DESCRIPTION_FORMER_MAX &&
                                d->past->revoked_count <= DESCRIPTION_REVOKED_MAX));
}

char *description_seal(const struct description *d, const struct key_pair *pair, size_t *len) {
    struct json_writing w;
    uint8_t hash[HASH_BYTES];
    uint8_t signature[SIGNATURE_BYTES];
    size_t text_len = 0;
    assert(public_key_equal(&d->key, &pair->public_key));
    char *text = counts_in_range(d) ? encode(d, &text_len) : NULL;
    if (text == NULL)
        return NULL;
    hash_of(hash, text, text_len);
    sign_labelled(signature, LABEL, hash, sizeof(hash), pair);
    json_write_begin(&w);
    json_write_string(&w, w.root, "description", text);
    json_write_bytes(&w, w.root, "signature", signature, sizeof(signature));
    free(text);
    return json_write_end(&w, DESCRIPTION_LEN_MAX, len);
}

/* ---- opening --------------------------------------------------------------------------------- */

static void get_service(const struct json_place *o, void *out) {
    struct description_service *s = out;
    s->name = json_read_name(o, "name");
    s->free = (uint32_t)json_read_uint(o, "free", 0, CAPACITY_MAX);
    s->capacity = (uint32_t)json_read_uint(o, "capacity", 0, CAPACITY_MAX);
}

static void get_profile(const struct json_place *o, void *out) {
    struct description_profile *p = out;
    p->name = json_read_name(o, "name");
    json_read_bytes(o, "determinism", p->determinism.bytes, DETERMINISM_ID_BYTES);
}

static void get_source(const struct json_place *o, void *out) {
    struct description_source *s = out;
    s->name = json_read_name(o, "name");
    json_read_bytes(o, "digest", s->digest.bytes, DIGEST_BYTES);
}

/* Players are sent there as it stands. */
static void get_origin(const struct json_place *o, void *out) {
    struct description_origin *origin = out;
    origin->name = json_read_name(o, "name");
    json_read_text(o, "url", origin->url, 1, sizeof(origin->url));
    origin->live = json_read_bool(o, "live");
    origin->healthy = json_read_bool(o, "healthy");
    if (o->document->err == ERR_OK && !url_is_file(origin->url)) {
        struct json_place at = json_read_member(o, "url");
        json_read_fail(&at, "an http:// or https:// URL of a file");
    }
}

static void get_place(const struct json_place *root, struct description *d) {
    d->placed = json_read_has(root, "place");
    if (!d->placed)
        return;
    struct json_place o = json_read_object(root, "place");
    d->latitude_udeg = (int32_t)json_read_int(&o, "latitude_udeg", -LATITUDE_UDEG, LATITUDE_UDEG);
    d->longitude_udeg =
        (int32_t)json_read_int(&o, "longitude_udeg", -LONGITUDE_UDEG, LONGITUDE_UDEG);
}

static void get_lists(const struct json_place *o, struct description *d) {
    d->services = json_read_array(o, "services", DESCRIPTION_SERVICES_MAX, sizeof(*d->services),
                                  get_service, &d->service_count);
    d->profiles = json_read_array(o, "profiles", DESCRIPTION_PROFILES_MAX, sizeof(*d->profiles),
                                  get_profile, &d->profile_count);
    d->sources = json_read_array(o, "sources", DESCRIPTION_SOURCES_MAX, sizeof(*d->sources),
                                 get_source, &d->source_count);
    d->media = json_read_array(o, "media", DESCRIPTION_MEDIA_MAX, sizeof(*d->media),
                               json_read_each_addr, &d->media_count);
    if (json_read_has(o, "origins"))
        d->origins = json_read_array(o, "origins", ORIGINS_MAX, sizeof(*d->origins), get_origin,
                                     &d->origin_count);
}

static struct description_doors *get_doors(const struct json_place *root) {
    if (!json_read_has(root, "doors"))
        return NULL;
    struct json_place o = json_read_object(root, "doors");
    struct description_doors *doors = calloc(1, sizeof(*doors));
    if (doors == NULL) {
        root->document->err = ERR_NO_MEMORY;
        return NULL;
    }
    json_read_text(&o, "beats", doors->beats, 1, sizeof(doors->beats));
    json_read_text(&o, "control", doors->control, 1, sizeof(doors->control));
    return doors;
}

static void get_former(const struct json_place *o, void *out) {
    struct description_former *f = out;
    f->key = json_read_key(o, "key");
    f->switched_s = json_read_int(o, "switched_s", 1, INT64_MAX / 1000000);
    f->until_s = json_read_int(o, "until_s", 1, INT64_MAX / 1000000);
}

static void get_revoked(const struct json_place *o, void *out) {
    *(struct public_key *)out = json_read_key(o, "key");
}

static struct description_past *get_past(const struct json_place *root) {
    if (!json_read_has(root, "former_keys") && !json_read_has(root, "revoked_keys"))
        return NULL;
    struct description_past *past = calloc(1, sizeof(*past));
    if (past == NULL) {
        root->document->err = ERR_NO_MEMORY;
        return NULL;
    }
    if (json_read_has(root, "former_keys"))
        past->former_count =
            json_read_list(root, "former_keys", past->former, DESCRIPTION_FORMER_MAX,
                           sizeof(past->former[0]), get_former);
    if (json_read_has(root, "revoked_keys"))
        past->revoked_count =
            json_read_list(root, "revoked_keys", past->revoked, DESCRIPTION_REVOKED_MAX,
                           sizeof(past->revoked[0]), get_revoked);
    return past;
}

static enum err decode(struct description *out, const char *text, size_t len,
                       struct wire_fault *fault) {
    struct json_document document;
    struct json_place o;
    struct description d = {.issued_s = 0};
    enum err e = json_read_begin(&document, &o, text, len, DESCRIPTION_LEN_MAX, fault);
    if (e != ERR_OK)
        return e;
    d.cluster = json_read_name(&o, "cluster");
    d.provider = json_read_name(&o, "provider");
    d.region = json_read_name(&o, "region");
    if (json_read_has(&o, "upstream"))
        json_read_text(&o, "upstream", d.upstream, 0, sizeof(d.upstream));
    get_place(&o, &d);
    d.key = json_read_key(&o, "key");
    d.has_next_key = json_read_has(&o, "next_key");
    if (d.has_next_key)
        d.next_key = json_read_key(&o, "next_key");
    d.past = get_past(&o);
    d.issued_s = json_read_int(&o, "issued_s", 0, INT64_MAX / 1000000);
    get_lists(&o, &d);
    json_read_text(&o, "clients_url", d.clients_url, 0, sizeof(d.clients_url));
    d.draining = json_read_bool(&o, "draining");
    if (json_read_has(&o, "reserved"))
        d.reserved = (uint32_t)json_read_uint(&o, "reserved", 0, CAPACITY_MAX);
    d.doors = get_doors(&o);
    d.beat_blocks = json_read_has(&o, "beat_blocks") && json_read_bool(&o, "beat_blocks");
    e = json_read_end(&document);
    if (e == ERR_OK)
        *out = d;
    else
        description_free(&d);
    return e;
}

static enum err explain(struct wire_fault *fault, enum err e) {
    if (fault != NULL)
        snprintf(fault->text, sizeof(fault->text), "%s", err_text(e));
    return e;
}

/* The key that a text claims as its own. */
static enum err claimed_key(struct public_key *out, const char *text, size_t len,
                            struct wire_fault *fault) {
    struct json_document document;
    struct json_place o;
    enum err e = json_read_begin(&document, &o, text, len, DESCRIPTION_LEN_MAX, fault);
    if (e != ERR_OK)
        return e;
    *out = json_read_key(&o, "key");
    return json_read_end(&document);
}

/* Verifies what the envelope holds and then decodes it; `text` belongs to the envelope. */
static enum err open_text(struct description *out, const char *text, size_t len,
                          const uint8_t signature[SIGNATURE_BYTES], const struct name *who,
                          const struct public_key *key, struct wire_fault *fault) {
    uint8_t hash[HASH_BYTES];
    struct public_key claimed;
    struct description d;
    if (key == NULL) {
        enum err e = claimed_key(&claimed, text, len, fault);
        if (e != ERR_OK)
            return e;
        key = &claimed;
    }
    hash_of(hash, text, len);
    if (!verify_labelled(signature, LABEL, hash, sizeof(hash), key))
        return explain(fault, ERR_BAD_SIGNATURE);
    enum err e = decode(&d, text, len, fault);
    if (e != ERR_OK)
        return e;
    if (!public_key_equal(&d.key, key) || (who != NULL && !name_equal(who, &d.cluster))) {
        description_free(&d);
        return explain(fault, ERR_FOREIGN);
    }
    *out = d;
    return ERR_OK;
}

/* `key` NULL: whichever the text claims. */
static enum err open_envelope(struct description *out, const char *envelope, size_t len,
                              const struct name *who, const struct public_key *key,
                              struct wire_fault *fault) {
    static const char *const known[] = {"description", "signature", NULL};
    struct json_document d;
    struct json_place o;
    uint8_t signature[SIGNATURE_BYTES];
    enum err e = json_read_begin(&d, &o, envelope, len, DESCRIPTION_LEN_MAX, fault);
    if (e != ERR_OK)
        return e;
    json_read_only(&o, known);
    struct json_place text = json_read_member(&o, "description");
    if (!json_is_string(text.value))
        json_read_fail(&text, "the description as text");
    json_read_bytes(&o, "signature", signature, sizeof(signature));
    if (d.err == ERR_OK)
        d.err = open_text(out, json_string_value(text.value), json_string_length(text.value),
                          signature, who, key, fault);
    return json_read_end(&d);
}

enum err description_open(struct description *out, const char *envelope, size_t len,
                          const struct name *who, const struct public_key *key,
                          struct wire_fault *fault) {
    return open_envelope(out, envelope, len, who, key, fault);
}

enum err description_open_foreign(struct description *out, const char *envelope, size_t len,
                                  struct wire_fault *fault) {
    return open_envelope(out, envelope, len, NULL, NULL, fault);
}

void description_free(struct description *d) {
    if (d == NULL)
        return;
    free(d->services);
    free(d->profiles);
    free(d->sources);
    free(d->media);
    free(d->doors);
    free(d->past);
    free(d->origins);
    *d = (struct description){.issued_s = 0};
}
