/*
 * The description of a cluster: what it says of itself to its peers, signed.
 *
 * GET /v1/description answers an envelope {"description":"<JSON text>","signature":"<base64url>"}.
 * The text inside is signed as it stands, byte for byte, so nobody has to agree on a canonical form
 * of JSON. The signature is Ed25519 under the label "peerd description v1" over the BLAKE2b-256 of
 * the text, because labelled signatures stand over short messages only (keys.h). It is checked
 * before anything of the text is believed; when the key is not known beforehand it is the only
 * member that is read before.
 *
 * Inside, with units in brackets:
 *   {"cluster":…, "provider":…, "region":…, "upstream":"…" (optional),
 *    "place":{"latitude_udeg":…,"longitude_udeg":…} (optional) [millionths of a degree],
 *    "key":"k4.public.…", "next_key":"k4.public.…" (optional),
 *    "former_keys":[{"key":…,"switched_s":…,"until_s":…}, …] (optional) [s since the Unix epoch],
 *    "revoked_keys":[{"key":…}, …] (optional), "issued_s":… [s since the Unix epoch],
 * "services":[{"name":…,"free":…,"capacity":…}, …] [sessions],
 *    "profiles":[{"name":…,"determinism":"<base64url>"}, …],
 *    "sources":[{"name":…,"digest":"<base64url>"}, …],
 *    "media":["ip:port", …], "clients_url":"…" (may be empty), "draining":false,
 *    "reserved":… (optional: without it 0) [sessions],
 *    "doors":{"beats":"host:port","control":"host:port"} (optional),
 *    "beat_blocks":true (optional: without it false),
 *    "origins":[{"name":…,"url":"https://…","live":false,"healthy":true}, …] (optional: none)}
 * Members of other names are ignored: peers are upgraded each in its own time.
 *
 * Ownership: a struct to be encoded only borrows its arrays. An opened one owns them, in memory
 * from malloc, until description_free.
 */
#ifndef PEERD_WIRE_DESCRIPTION_H
#define PEERD_WIRE_DESCRIPTION_H

#include "peerd/base/addr.h"
#include "peerd/base/err.h"
#include "peerd/base/id.h"
#include "peerd/wire/fault.h"
#include "peerd/wire/keys.h"
#include "peerd/wire/origins.h"
#include "peerd/wire/ticket.h"

#define DESCRIPTION_SERVICES_MAX 64
#define DESCRIPTION_PROFILES_MAX 64
#define DESCRIPTION_SOURCES_MAX  1024
#define DESCRIPTION_MEDIA_MAX    1024 /* one a worker, over all nodes */
#define DESCRIPTION_FORMER_MAX   4
#define DESCRIPTION_REVOKED_MAX  8
#define DESCRIPTION_LEN_MAX      ((size_t)256 << 10) /* [bytes] of the envelope */
#define DESCRIPTION_TEXT_LEN_MAX 255                 /* [bytes] upstream and URL */

struct description_service {
    struct name name;
    uint32_t free;     /* sessions that would be accepted now */
    uint32_t capacity; /* sessions in all */
};

struct description_profile {
    struct name name;
    struct determinism_id determinism;
};

struct description_source {
    struct name name;
    struct source_digest digest;
};

/* Where it is for those who are told of it by others: each ip:port, host:port or srv:name. */
struct description_doors {
    char beats[DESCRIPTION_TEXT_LEN_MAX + 1];   /* UDP */
    char control[DESCRIPTION_TEXT_LEN_MAX + 1]; /* TCP, its peer_listen */
};

/* A key that signed before: tickets that it signed until the switch count until they expire. */
struct description_former {
    struct public_key key;
    int64_t switched_s; /* [s] since the Unix epoch, by the cluster's own clock */
    int64_t until_s;    /* likewise: the last of those tickets has expired */
};

struct description_past {
    struct description_former former[DESCRIPTION_FORMER_MAX];
    size_t former_count;
    struct public_key revoked[DESCRIPTION_REVOKED_MAX]; /* former ones that nobody may believe */
    size_t revoked_count;
};

struct description {
    struct name cluster;
    struct name provider;                        /* failure domain */
    struct name region;                          /* failure domain */
    char upstream[DESCRIPTION_TEXT_LEN_MAX + 1]; /* failure domain; may be empty */
    bool placed;                                 /* the two below mean something */
    int32_t latitude_udeg;                       /* [µ°] north is positive */
    int32_t longitude_udeg;                      /* [µ°] east is positive */
    struct public_key key;                       /* the one that signs */
    bool has_next_key;
    struct public_key next_key;    /* will sign later; until then it only announces itself */
    struct description_past *past; /* NULL: no other key before */
    int64_t issued_s;              /* [s] since the Unix epoch, by the cluster's own clock */
    struct description_service *services;
    size_t service_count;
    struct description_profile *profiles;
    size_t profile_count;
    struct description_source *sources;
    size_t source_count;
    struct addr *media; /* where its workers answer hello */
    size_t media_count;
    char clients_url[DESCRIPTION_TEXT_LEN_MAX + 1]; /* of POST /v1/sessions; may be empty */
    struct description_doors *doors;                /* NULL: not told */
    bool draining;
    uint32_t reserved; /* [sessions] of those free kept for peers: not for new sessions */
    bool beat_blocks;  /* its beats may have blocks, and so may those that it gets (wire/beat) */
    struct description_origin *origins; /* streams of other programs there; see wire/origins */
    size_t origin_count;
};

/* Signs and wraps: the envelope from malloc, the caller's to free(). NULL if memory is short, a
 * count passes its maximum, or text is not UTF-8. `pair` must be that of `key`. */
char *description_seal(const struct description *d, const struct key_pair *pair, size_t *len);

/* Opens the envelope of the cluster `who` (NULL: any name), whose key is known from the policy:
 * verifies, then decodes in full, then fills `out`. `fault` may be NULL. Errors: TRUNCATED,
 * OVERSIZED, BAD_FIELD, BAD_SIGNATURE, FOREIGN (signed by that key but speaking of another cluster
 * or key), NO_MEMORY. After any of them keep what was known before. */
enum err description_open(struct description *out, const char *envelope, size_t len,
                          const struct name *who, const struct public_key *key,
                          struct wire_fault *fault);

/* Opens the envelope of a cluster that a third party hands on, by the key that stands in it: that
 * proves who wrote it, and not that anybody should be believed. Errors as above. */
enum err description_open_foreign(struct description *out, const char *envelope, size_t len,
                                  struct wire_fault *fault);

/* Frees what description_open allocated and zeroes the struct. Accepts NULL. */
void description_free(struct description *d);

#endif
