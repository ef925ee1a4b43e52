/*
 * Tickets: everything needed to make a session again, signed by the cluster that issued it.
 *
 * A PASETO v4.public token of at most 900 characters, so that a resume that carries it fits into
 * one datagram. The footer is {"kid":"k4.pid.…"}. Claims, JSON, registered names where PASETO has
 * them (types and units in brackets):
 *   iss  issuing cluster [name]                   jti  session id [base64url, 128 bit]
 *   iat  issued at [RFC 3339, UTC]                exp  absolute expiry [RFC 3339, UTC]
 *   svc  service [name]                           pro  profile [name]
 *   det  determinism id of the issuer's media stack for that profile [base64url, 64 bit]
 *   src  catalogue name of the source [name]      dig  digest of its content [base64url, 128 bit]
 *   cls  source class: exact|seekable|live|push   cpk  client's Ed25519 key [base64url, 256 bit]
 *   leg  media legs: [[direction "d"|"u", SSRC, sequence number of frame 0, timestamp of frame 0]]
 *   pre  protection: cold|warm|hot                bak  ordered backups [names]
 *   anc  anchor: [position of frame 0 in the source in frames of 20 ms, UTC of frame 0 in ms]
 *   crt  names of claims that a reader must understand, or refuse [strings]; absent for none
 * A claim outside this list is ignored unless `crt` names it: then the ticket is refused with
 * ERR_UNKNOWN_CLAIM. The signature is made under TICKET_LABEL as PASETO's implicit assertion, so
 * that another PASETO token of the same key is no ticket. Wall time decides expiry only, with the
 * skew that the policy allows and what the reader does not know of its own clock on top.
 *
 * Size: everything but the names is bounded, so a ticket whose names (iss, svc, pro, src and bak
 * together) have at most TICKET_NAMES_LEN_SAFE characters always fits. The longest names everywhere
 * with four backups do not fit: ticket_sign then refuses, and who writes the policy shortens names.
 */
#ifndef PEERD_WIRE_TICKET_H
#define PEERD_WIRE_TICKET_H

#include "peerd/base/id.h"
#include "peerd/base/time.h"
#include "peerd/wire/keys.h"

#define TICKET_LEN_MAX        900 /* [characters] */
#define TICKET_LABEL          "peerd ticket v1"
#define TICKET_NAMES_LEN_SAFE 142 /* [characters] 17 each with four backups; see above */
#define TICKET_BACKUPS_MAX    4   /* ordered */
#define TICKET_LEGS_MAX       2   /* one down; a second when calls become two-way */
#define DIGEST_BYTES          16  /* [bytes] BLAKE2b-128 over the source's bytes */
#define DETERMINISM_ID_BYTES  8   /* [bytes] */

enum source_class {
    SOURCE_CLASS_EXACT,    /* seekable to the sample, reproducible */
    SOURCE_CLASS_SEEKABLE, /* seekable, bytes may differ */
    SOURCE_CLASS_LIVE,     /* shared, with history every cluster can read */
    SOURCE_CLASS_PUSH      /* a client sends */
};

enum protection {
    PROTECTION_COLD, /* the client holds a ticket, nothing is lodged */
    PROTECTION_WARM, /* ticket verified, source open, credit and path ready */
    PROTECTION_HOT   /* that, and the backup sends, too */
};

struct determinism_id {
    uint8_t bytes[DETERMINISM_ID_BYTES];
};

struct source_digest {
    uint8_t bytes[DIGEST_BYTES];
};

struct leg {
    bool up;       /* from the client */
    uint32_t ssrc; /* RFC 3550 */
    uint16_t seq0; /* sequence number of frame 0 */
    uint32_t ts0;  /* timestamp of frame 0, in the profile's RTP clock */
};

struct ticket {
    struct name issuer;
    struct session_id session;
    int64_t issued_s;  /* [s] since the Unix epoch */
    int64_t expires_s; /* [s] since the Unix epoch */
    struct name service;
    struct name profile;
    struct determinism_id determinism;
    struct name source;
    struct source_digest digest;
    enum source_class class;
    struct public_key client;
    struct leg legs[TICKET_LEGS_MAX];
    uint8_t leg_count; /* at least 1 */
    enum protection protection;
    struct name backups[TICKET_BACKUPS_MAX];
    uint8_t backup_count;
    uint64_t anchor_frame;  /* source position of frame 0 [frames of 20 ms], at most INT64_MAX */
    int64_t anchor_wall_ms; /* UTC of frame 0 [ms], from 1970 to 9999 */
};

const char *source_class_name(enum source_class c);
bool source_class_by_name(enum source_class *out, const char *text);
const char *protection_name(enum protection p);
bool protection_by_name(enum protection *out, const char *text);

/* Signs. Returns the length; 0, `out` empty, if the ticket would pass TICKET_LEN_MAX or is not one
 * that ticket_verify accepts (an empty name, no leg, expiry not after issue, a date past 9999). */
size_t ticket_sign(char out[TICKET_LEN_MAX + 1], const struct ticket *ticket,
                   const struct key_pair *issuer);

/* One key that may sign tickets, and in whose name. A former key may have signed those that are
 * still about; what its thief signs afterwards is newer, or lives longer than any of them. */
struct ticket_issuer {
    struct name cluster;
    struct public_key key;
    int64_t issued_until_s;  /* [s] since the Unix epoch: it signed none later; 0: it is in force */
    int64_t expires_until_s; /* likewise: none of them outlives this; 0: no bound */
};

/* The row of a key that is revoked: no ticket of it is good, nor was one. */
static inline struct ticket_issuer ticket_issuer_revoked(const struct name *cluster,
                                                         const struct public_key *key) {
    return (struct ticket_issuer){
        .cluster = *cluster, .key = *key, .issued_until_s = 1, .expires_until_s = 1};
}

static inline bool ticket_issuer_is_revoked(const struct ticket_issuer *i) {
    return i->issued_until_s == 1 && i->expires_until_s == 1;
}

/* The row of a key that is in force. */
static inline struct ticket_issuer ticket_issuer_of(const struct name *cluster,
                                                    const struct public_key *key) {
    return (struct ticket_issuer){.cluster = *cluster, .key = *key};
}

bool ticket_issuer_equal(const struct ticket_issuer *a, const struct ticket_issuer *b);

/* Whose ticket it says it is, by the first key that it names: nothing is verified, and whoever made
 * it up may say what he likes. For who must choose what to look at. NULL: nobody's of these. */
const struct ticket_issuer *ticket_claimed(const char *token, size_t len,
                                           const struct ticket_issuer *issuers,
                                           size_t issuer_count);

/* Verifies signature, form, claims and expiry, in that order, before `out` is touched. An issuer
 * with several keys has a row for each. Errors: OVERSIZED, TRUNCATED, BAD_MAGIC, BAD_FIELD,
 * UNKNOWN_ISSUER (no key with that id, or a former one and too new), BAD_SIGNATURE, FOREIGN (signed
 * by another cluster's key than `iss` names), UNKNOWN_CLAIM, NOT_YET, EXPIRED; NO_MEMORY, the only
 * one worth a retry besides NOT_YET. */
enum err ticket_verify(struct ticket *out, const char *token, size_t len,
                       const struct ticket_issuer *issuers, size_t issuer_count, struct wall now,
                       struct duration skew);

#endif
