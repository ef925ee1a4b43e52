/*
 * Digest: how a cluster's clients fare, location by location, for its peers.
 *
 * Layout: 1 version (1), 1 count of entries, then of each entry
 *     1  length of the prefix in bits, with 0x80 for IPv6
 *     n  the prefix, as many bytes as hold its bits, the rest of the last zero
 *     1  usual rating [R/2]      1  recent rating [R/2]      1  spread of recent ones [R/4]
 *     1  reports that these stand on     1  clients, at least; both codes of wire/coarse
 * so that a /24 takes 9 bytes and a /48 takes 12. It is sealed with the beat that carries it. What
 * may be told, to how few bits and of how few clients, is the sender's policy; which entries come
 * first is the sender's choice. Figures are rounded to what travels, clients downwards.
 */
#ifndef PEERD_WIRE_DIGEST_H
#define PEERD_WIRE_DIGEST_H

#include "peerd/base/addr.h"
#include "peerd/base/err.h"

#include <stddef.h>

#define DIGEST_VERSION         1
#define DIGEST_HEADER_LEN      2  /* [bytes] */
#define DIGEST_ENTRY_LEN_MAX   22 /* [bytes] a whole IPv6 address; 9 for a /24, 12 for a /48 */
#define DIGEST_ENTRIES_MAX     64
#define DIGEST_ENTRY_LEN(bits) ((size_t)6 + ((bits) + 7U) / 8) /* [bytes] of a prefix so long */
#define DIGEST_LEN_MAX         512                             /* [bytes] whatever is asked for */
#define DIGEST_IPV6_BITS_MAX   64    /* nobody needs to know of a single subscriber */
#define DIGEST_RATING_MAX      10000 /* [R/100] */

struct digest_entry {
    struct prefix location; /* canonical */
    uint16_t usual_centi;   /* [R/100] */
    uint16_t recent_centi;  /* [R/100] */
    uint16_t spread_centi;  /* [R/100] */
    uint16_t reports;
    uint16_t clients;
};

/* Encodes the first entries, as many as fit into `room` bytes (and DIGEST_LEN_MAX), and returns the
 * length, 0 if none fits; `*written` says how many. Figures beyond what travels are saturated. */
size_t digest_encode(uint8_t *out, size_t room, const struct digest_entry *entries, size_t count,
                     size_t *written);

/* Decodes in full before `out`, of DIGEST_ENTRIES_MAX, is touched. Errors: TRUNCATED, OVERSIZED,
 * BAD_VERSION, BAD_FIELD. */
enum err digest_decode(struct digest_entry *out, size_t *count, const void *bytes, size_t len);

#endif
