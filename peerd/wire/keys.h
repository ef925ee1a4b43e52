/*
 * Keys: one Ed25519 seed a cluster, node or client, and everything that follows from it.
 *
 * Text forms are PASERK (k4.public., k4.secret., k4.pid.; paserk-wg/paserk, docs/types), so that a
 * key pasted into a policy says what it is. A key id is k4.pid. and 33 bytes of BLAKE2b over
 * "k4.pid." and the text of the public key. A hint is the first 8 bytes of BLAKE2b-256 over the
 * public key: it names a cluster inside datagrams, where 8 bytes are affordable; it selects a key
 * to try and never authenticates anything by itself.
 *
 * Beats are sealed under X25519 forms of the same keys (crypto_sign_ed25519_pk_to_curve25519). The
 * seal key of a direction is BLAKE2b-256, keyed with the X25519 shared secret, over
 * "peerd seal v1" ‖ 0x00 ‖ purpose 1 ‖ node 4 ‖ sender's public key ‖ receiver's public key: who
 * sends is part of the key, so a message reflected to its sender does not open.
 *
 * Everything here is a function of its arguments. Programs call sodium_init() once at start; it
 * chooses faster implementations and changes no result.
 */
#ifndef PEERD_WIRE_KEYS_H
#define PEERD_WIRE_KEYS_H

#include "peerd/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEY_BYTES           32    /* [bytes] Ed25519 public key or seed */
#define SIGNATURE_BYTES     64    /* [bytes] Ed25519 */
#define SEAL_KEY_BYTES      32    /* [bytes] XChaCha20-Poly1305 */
#define KEY_HINT_BYTES      8     /* [bytes] */
#define SIGNED_LEN_MAX      16384 /* [bytes] longest labelled message: a cluster's description */
#define KEY_PUBLIC_TEXT_LEN 53    /* [characters] "k4.public." + 43 */
#define KEY_SECRET_TEXT_LEN 96    /* [characters] "k4.secret." + 86 */
#define KEY_ID_TEXT_LEN     51    /* [characters] "k4.pid." + 44 */

struct public_key {
    uint8_t bytes[KEY_BYTES];
};

struct key_pair {
    uint8_t seed[KEY_BYTES];      /* secret */
    struct public_key public_key; /* follows from the seed */
};

struct seal_key {
    uint8_t bytes[SEAL_KEY_BYTES]; /* secret, one a direction and purpose */
};

struct key_hint {
    uint8_t bytes[KEY_HINT_BYTES];
};

/* What a seal key is for: the kinds never share a key. */
enum seal_purpose {
    SEAL_PURPOSE_BEAT = 1, /* peerd to peerd */
    SEAL_PURPOSE_MEDIA_ALIVE =
        2, /* node to a backup's peerd; the node gets it from its own peerd */
    SEAL_PURPOSE_MEDIA_ANSWER = 3 /* a backup's peerd to such a node: its answer must never pass
                                     for a media-alive of the answering cluster's own nodes */
};

/* The pair keeps a copy of the seed; whoever holds either wipes it (sodium_memzero). */
void key_pair_from_seed(struct key_pair *out, const uint8_t seed[KEY_BYTES]);
bool public_key_equal(const struct public_key *a, const struct public_key *b);

/* PASERK text; `out` has room for the length and a terminator. Reading is strict, one text a key.
 * Errors, `out` untouched: BAD_MAGIC (not this kind of key: say which kind was wanted), TRUNCATED,
 * OVERSIZED, BAD_FIELD (no base64url, no point of the curve, or a secret key whose public half does
 * not follow from its seed). */
void public_key_to_text(const struct public_key *key, char out[KEY_PUBLIC_TEXT_LEN + 1]);
enum err public_key_from_text(struct public_key *out, const char *text);
void key_pair_to_text(const struct key_pair *pair, char out[KEY_SECRET_TEXT_LEN + 1]);
enum err key_pair_from_text(struct key_pair *out, const char *text);
void key_id_to_text(const struct public_key *key, char out[KEY_ID_TEXT_LEN + 1]);

struct key_hint key_hint_of(const struct public_key *key);
bool key_hint_equal(const struct key_hint *a, const struct key_hint *b);

/* Derives the key of one direction between two parties; either secret gives the same key. `mine`
 * is our pair, `theirs` the other's public key, and `i_send` says which way. `node` is zero for
 * beats and the node's number for the others. ERR_BAD_FIELD, `out` untouched, if `theirs` is no
 * valid point or is our own key: with oneself the two directions would be one. */
enum err seal_key_derive(struct seal_key *out, const struct key_pair *mine,
                         const struct public_key *theirs, bool i_send, enum seal_purpose purpose,
                         uint32_t node);

/* A secret of the holder of `pair` alone, the same at every start, one a label: BLAKE2b-256, keyed
 * with the seed, over the label and 0x00. Wipe it when done. */
void own_secret_derive(uint8_t out[KEY_BYTES], const char *label, const struct key_pair *pair);

/* The two halves of seal_key_derive, for whoever needs many keys with one party: the secret costs
 * an X25519 (some 60 µs), a key made from it one hash. Wipe the secret when done. */
struct seal_secret {
    uint8_t bytes[32]; /* X25519 */
};

enum err seal_secret_derive(struct seal_secret *out, const struct key_pair *mine,
                            const struct public_key *theirs);
void seal_key_from(struct seal_key *out, const struct seal_secret *secret,
                   const struct public_key *mine, const struct public_key *theirs, bool i_send,
                   enum seal_purpose purpose, uint32_t node);

/* Ed25519 over label ‖ 0x00 ‖ message: every signature here is made under a context label, so
 * that one made for one purpose means nothing for another. A message longer than SIGNED_LEN_MAX is
 * a bug when signing and does not verify. */
void sign_labelled(uint8_t out[SIGNATURE_BYTES], const char *label, const void *message, size_t len,
                   const struct key_pair *pair);
bool verify_labelled(const uint8_t signature[SIGNATURE_BYTES], const char *label,
                     const void *message, size_t len, const struct public_key *key);

#endif
