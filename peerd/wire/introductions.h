/*
 * Introductions: a peer tells of the clusters that it knows.
 *
 * GET /v1/introductions answers {"descriptions":["<envelope>", …]}: each a description as its
 * cluster signed it (description.h), byte for byte, so that nobody on the way can change a word of
 * it. Whom the teller has not met itself is not in it. Long descriptions are left out: whoever is
 * curious asks the cluster.
 *
 * A teller who knows more than INTRODUCTIONS_MAX tells of those whose keys follow the one in the
 * query, `?after=` and 32 bytes in base64url, in the order of their bytes and round again after the
 * last, and names the last one that it told of (`"next":"k4.public.…"`), which is what to ask after
 * next time. Nobody need remember for another where he is, and who begins anywhere gets around to
 * all.
 */
#ifndef PEERD_WIRE_INTRODUCTIONS_H
#define PEERD_WIRE_INTRODUCTIONS_H

#include "peerd/wire/description.h"

#define INTRODUCTIONS_MAX     32
#define INTRODUCTION_LEN_MAX  ((size_t)16 << 10)  /* [bytes] of an envelope */
#define INTRODUCTIONS_LEN_MAX ((size_t)768 << 10) /* [bytes] with what escaping adds */

/* Compact JSON from malloc, the caller's to free(). Envelopes are terminated; NULL ones, longer
 * ones and those beyond the maximum are left out. `next` is NULL if that is all there is. NULL if
 * memory is short or it all gets too long. */
char *introductions_encode(const char *const envelopes[], size_t count,
                           const struct public_key *next, size_t *len);

/* Opens them all, each by the key that it names itself, into `out`: those that hold, each to be
 * freed by description_free. `refused` counts the others, which say nothing against the rest.
 * `next` is all zero if that is all there is. Errors concern the whole: TRUNCATED, OVERSIZED,
 * BAD_FIELD, NO_MEMORY; then there is none. */
enum err introductions_decode(struct description out[INTRODUCTIONS_MAX], size_t *count,
                              size_t *refused, struct public_key *next, const char *text,
                              size_t len, struct wire_fault *fault);

#endif
