/*
 * PASETO v4.public over libsodium: sign and verify, nothing else.
 *
 * Follows paseto-spec docs/01-Protocol-Versions/Version4.md: Ed25519 over
 * PAE("v4.public.", message, footer, implicit assertion). The official vectors are its test. Strict
 * where the specification leaves room: one token has one spelling, so no padding, no stray bits and
 * no empty footer behind a dot.
 */
#ifndef PEERD_WIRE_PASETO_H
#define PEERD_WIRE_PASETO_H

#include "peerd/wire/keys.h"

#define PASETO_TOKEN_LEN_MAX    2048 /* [characters] larger than any ticket, so vectors fit too */
#define PASETO_IMPLICIT_LEN_MAX 256  /* [bytes] ours are short labels */

/* Writes the token and a terminator to `out` and returns its length; 0 if it does not fit there or
 * would pass PASETO_TOKEN_LEN_MAX. `footer` and `implicit` may be NULL if their length is 0. */
size_t paseto_sign(char *out, size_t out_size, const struct key_pair *pair, const void *message,
                   size_t message_len, const void *footer, size_t footer_len, const void *implicit,
                   size_t implicit_len);

/* The footer of a token that has not been verified: only good for choosing the key. `out_len` is 0
 * if there is none. Errors: BAD_MAGIC, BAD_FIELD, TRUNCATED, OVERSIZED (also for `out`). */
enum err paseto_footer(const char *token, size_t len, void *out, size_t out_size, size_t *out_len);

/* Verifies and copies the message out; `out` is untouched on failure. Errors: BAD_MAGIC (another
 * header), BAD_FIELD (encoding, or not the expected footer), TRUNCATED, OVERSIZED (the token, or
 * the message for `out`), BAD_SIGNATURE. `expected_footer` may be NULL to accept any; it is
 * authenticated all the same. */
enum err paseto_verify(const char *token, size_t len, const struct public_key *key,
                       const void *implicit, size_t implicit_len, const void *expected_footer,
                       size_t expected_footer_len, void *out, size_t out_size, size_t *out_len);

#endif
