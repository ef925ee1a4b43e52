/*
 * Lodging standbys: a cluster asks a peer to set slots aside for groups of its sessions.
 *
 * POST /v1/standbys, over TLS pinned both ways, which says who asks. Sessions are lodged by group
 * (issuer, service, location, backup set), so the cost follows the number of groups and not of
 * sessions. The request is idempotent: it states all groups that the asker wants lodged, and
 * replaces what it stated before. It is a lease: unless repeated within ttl_ms, all ends by itself.
 *
 * Request:
 *   {"ttl_ms":…, "groups":[{"issuer":…, "service":…, "location":"192.0.2.0/24" (optional),
 *    "backups":[names in order], "sessions":…, "digest":"<base64url>"}, …]}
 * Answer: {"lease_ms":…, "slots":[…]}: for each group of the request, in its order, how many
 *   sessions the backup has set slots aside for; 0 to `sessions`.
 * Members of other names are ignored: peers are upgraded each in its own time.
 */
#ifndef PEERD_WIRE_STANDBYS_H
#define PEERD_WIRE_STANDBYS_H

#include "peerd/base/addr.h"
#include "peerd/base/err.h"
#include "peerd/base/id.h"
#include "peerd/wire/fault.h"
#include "peerd/wire/set_digest.h"
#include "peerd/wire/ticket.h"

#define STANDBYS_GROUPS_MAX      4096               /* then lodge by coarser location */
#define STANDBYS_REQUEST_LEN_MAX ((size_t)2 << 20)  /* [bytes] JSON */
#define STANDBYS_ANSWER_LEN_MAX  ((size_t)64 << 10) /* [bytes] JSON */
#define STANDBYS_TTL_MS_MAX      3600000U           /* [ms] one hour */

struct standbys_group {
    struct name issuer; /* whose tickets */
    struct name service;
    struct prefix location;                  /* of the clients; none if unknown */
    struct name backups[TICKET_BACKUPS_MAX]; /* in the tickets' order */
    uint8_t backup_count;                    /* at least 1 */
    uint32_t sessions;                       /* how many */
    struct set_digest digest;                /* which: purpose RESUME_STANDBY, current epochs */
};

/* A struct to be encoded borrows its array; a decoded one owns it until standbys_request_free. */
struct standbys_request {
    uint32_t ttl_ms; /* [ms] at least 1 */
    struct standbys_group *groups;
    size_t group_count;
};

struct standbys_answer {
    uint32_t lease_ms; /* [ms] at most the ttl asked for */
    uint32_t *slots;   /* set aside, one figure a group */
    size_t slot_count;
};

/* Compact JSON from malloc, the caller's to free(); NULL if memory is short or a count passes its
 * maximum. `len` may be NULL. */
char *standbys_request_encode(const struct standbys_request *r, size_t *len);
char *standbys_answer_encode(const struct standbys_answer *a, size_t *len);

/* Decode in full before `out` is touched. `fault` may be NULL. Errors: TRUNCATED, OVERSIZED,
 * BAD_FIELD, NO_MEMORY. An answer is refused unless it has exactly `groups` figures, the number of
 * groups in the request that it answers. */
enum err standbys_request_decode(struct standbys_request *out, const char *text, size_t len,
                                 struct wire_fault *fault);
enum err standbys_answer_decode(struct standbys_answer *out, const char *text, size_t len,
                                size_t groups, struct wire_fault *fault);

/* Free what a decoder allocated and zero the struct. Accept NULL. */
void standbys_request_free(struct standbys_request *r);
void standbys_answer_free(struct standbys_answer *a);

#endif
