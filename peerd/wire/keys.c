#include "peerd/wire/keys.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#define PUBLIC_PREFIX "k4.public."
#define SECRET_PREFIX "k4.secret."
#define ID_PREFIX     "k4.pid."
#define PREFIX_LEN    10 /* [characters] of the first two */
#define ID_PREFIX_LEN 7  /* [characters] */
#define ID_BYTES      33 /* [bytes] PASERK: 264 bits, no padding in base64 */
#define SECRET_BYTES  64 /* [bytes] seed, then public key: what libsodium signs with */
#define SEAL_LABEL    "peerd seal v1"

_Static_assert(KEY_BYTES == crypto_sign_ed25519_SEEDBYTES, "seed");
_Static_assert(KEY_BYTES == crypto_sign_ed25519_PUBLICKEYBYTES, "public key");
_Static_assert(SECRET_BYTES == crypto_sign_ed25519_SECRETKEYBYTES, "secret key");
_Static_assert(SIGNATURE_BYTES == crypto_sign_ed25519_BYTES, "signature");
_Static_assert(sizeof(struct seal_secret) == crypto_scalarmult_BYTES, "shared secret");
_Static_assert(SEAL_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "seal key");

static void secret_of(uint8_t out[SECRET_BYTES], const struct key_pair *pair) {
    memcpy(out, pair->seed, KEY_BYTES);
    memcpy(out + KEY_BYTES, pair->public_key.bytes, KEY_BYTES);
}

void key_pair_from_seed(struct key_pair *out, const uint8_t seed[KEY_BYTES]) {
    uint8_t secret[SECRET_BYTES];
    struct key_pair pair;
    memcpy(pair.seed, seed, KEY_BYTES);
    crypto_sign_ed25519_seed_keypair(pair.public_key.bytes, secret, pair.seed);
    *out = pair;
    sodium_memzero(secret, sizeof(secret));
    sodium_memzero(&pair, sizeof(pair));
}

bool public_key_equal(const struct public_key *a, const struct public_key *b) {
    return sodium_memcmp(a->bytes, b->bytes, KEY_BYTES) == 0;
}

/* ---- text ------------------------------------------------------------------------------------ */

/* libsodium's base64 takes the same time for every secret; that of peerd/base does not. */
static void encode(char *out, size_t out_size, const char *prefix, const void *data, size_t len) {
    size_t prefix_len = strlen(prefix);
    memcpy(out, prefix, prefix_len);
    sodium_bin2base64(out + prefix_len, out_size - prefix_len, data, len,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* Decodes a text of exactly `text_len` characters into exactly `len` bytes. One key has one text:
 * libsodium 1.0.18 takes some characters past 127 for others, so the result is written back and
 * compared. */
static enum err decode(uint8_t *out, size_t len, const char *text, const char *prefix,
                       size_t text_len) {
    char back[KEY_SECRET_TEXT_LEN + 1];
    size_t got = 0;
    if (strncmp(text, prefix, PREFIX_LEN) != 0)
        return ERR_BAD_MAGIC;
    size_t have = strlen(text);
    if (have != text_len)
        return have < text_len ? ERR_TRUNCATED : ERR_OVERSIZED;
    if (sodium_base642bin(out, len, text + PREFIX_LEN, text_len - PREFIX_LEN, NULL, &got, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
        return ERR_BAD_FIELD;
    if (got != len)
        return ERR_BAD_FIELD;
    encode(back, text_len + 1, prefix, out, len);
    bool same = sodium_memcmp(back, text, text_len) == 0;
    sodium_memzero(back, sizeof(back));
    return same ? ERR_OK : ERR_BAD_FIELD;
}

void public_key_to_text(const struct public_key *key, char out[KEY_PUBLIC_TEXT_LEN + 1]) {
    encode(out, KEY_PUBLIC_TEXT_LEN + 1, PUBLIC_PREFIX, key->bytes, KEY_BYTES);
}

enum err public_key_from_text(struct public_key *out, const char *text) {
    struct public_key key;
    enum err e = decode(key.bytes, KEY_BYTES, text, PUBLIC_PREFIX, KEY_PUBLIC_TEXT_LEN);
    if (e != ERR_OK)
        return e;
    /* Says so where the policy is read, not when the first beat fails. */
    if (!crypto_core_ed25519_is_valid_point(key.bytes))
        return ERR_BAD_FIELD;
    *out = key;
    return ERR_OK;
}

void key_pair_to_text(const struct key_pair *pair, char out[KEY_SECRET_TEXT_LEN + 1]) {
    uint8_t secret[SECRET_BYTES];
    secret_of(secret, pair);
    encode(out, KEY_SECRET_TEXT_LEN + 1, SECRET_PREFIX, secret, sizeof(secret));
    sodium_memzero(secret, sizeof(secret));
}

enum err key_pair_from_text(struct key_pair *out, const char *text) {
    uint8_t secret[SECRET_BYTES];
    struct key_pair pair = {0};
    enum err e = decode(secret, sizeof(secret), text, SECRET_PREFIX, KEY_SECRET_TEXT_LEN);
    if (e == ERR_OK) {
        key_pair_from_seed(&pair, secret);
        if (sodium_memcmp(pair.public_key.bytes, secret + KEY_BYTES, KEY_BYTES) != 0)
            e = ERR_BAD_FIELD;
        else
            *out = pair;
    }
    sodium_memzero(secret, sizeof(secret));
    sodium_memzero(&pair, sizeof(pair));
    return e;
}

void key_id_to_text(const struct public_key *key, char out[KEY_ID_TEXT_LEN + 1]) {
    char text[KEY_PUBLIC_TEXT_LEN + 1];
    uint8_t id[ID_BYTES];
    crypto_generichash_state state;
    public_key_to_text(key, text);
    crypto_generichash_init(&state, NULL, 0, sizeof(id));
    crypto_generichash_update(&state, (const uint8_t *)ID_PREFIX, ID_PREFIX_LEN);
    crypto_generichash_update(&state, (const uint8_t *)text, KEY_PUBLIC_TEXT_LEN);
    crypto_generichash_final(&state, id, sizeof(id));
    encode(out, KEY_ID_TEXT_LEN + 1, ID_PREFIX, id, sizeof(id));
}

/* ---- hints ----------------------------------------------------------------------------------- */

struct key_hint key_hint_of(const struct public_key *key) {
    uint8_t hash[32];
    struct key_hint hint;
    crypto_generichash(hash, sizeof(hash), key->bytes, KEY_BYTES, NULL, 0);
    memcpy(hint.bytes, hash, KEY_HINT_BYTES);
    return hint;
}

bool key_hint_equal(const struct key_hint *a, const struct key_hint *b) {
    return memcmp(a->bytes, b->bytes, KEY_HINT_BYTES) == 0;
}

/* ---- sealing --------------------------------------------------------------------------------- */

/* X25519 between our secret and their public key, both in Ed25519 form. */
static bool shared_secret(uint8_t out[crypto_scalarmult_BYTES], const struct key_pair *mine,
                          const struct public_key *theirs) {
    uint8_t secret[SECRET_BYTES];
    uint8_t scalar[crypto_scalarmult_SCALARBYTES];
    uint8_t point[crypto_scalarmult_BYTES];
    bool ok = crypto_sign_ed25519_pk_to_curve25519(point, theirs->bytes) == 0;
    secret_of(secret, mine);
    ok = crypto_sign_ed25519_sk_to_curve25519(scalar, secret) == 0 && ok;
    ok = ok && crypto_scalarmult(out, scalar, point) == 0;
    sodium_memzero(secret, sizeof(secret));
    sodium_memzero(scalar, sizeof(scalar));
    return ok;
}

enum err seal_secret_derive(struct seal_secret *out, const struct key_pair *mine,
                            const struct public_key *theirs) {
    struct seal_secret secret;
    bool ok =
        !public_key_equal(&mine->public_key, theirs) && shared_secret(secret.bytes, mine, theirs);
    if (ok)
        *out = secret;
    sodium_memzero(&secret, sizeof(secret));
    return ok ? ERR_OK : ERR_BAD_FIELD;
}

void seal_key_from(struct seal_key *out, const struct seal_secret *secret,
                   const struct public_key *mine, const struct public_key *theirs, bool i_send,
                   enum seal_purpose purpose, uint32_t node) {
    assert(purpose >= SEAL_PURPOSE_BEAT && purpose <= SEAL_PURPOSE_MEDIA_ANSWER);
    assert(purpose != SEAL_PURPOSE_BEAT || node == 0);
    const uint8_t what[5] = {(uint8_t)purpose, (uint8_t)(node >> 24), (uint8_t)(node >> 16),
                             (uint8_t)(node >> 8), (uint8_t)node};
    const struct public_key *from = i_send ? mine : theirs;
    const struct public_key *to = i_send ? theirs : mine;
    crypto_generichash_state state;
    crypto_generichash_init(&state, secret->bytes, sizeof(secret->bytes), SEAL_KEY_BYTES);
    crypto_generichash_update(&state, (const uint8_t *)SEAL_LABEL, sizeof(SEAL_LABEL));
    crypto_generichash_update(&state, what, sizeof(what));
    crypto_generichash_update(&state, from->bytes, KEY_BYTES);
    crypto_generichash_update(&state, to->bytes, KEY_BYTES);
    crypto_generichash_final(&state, out->bytes, SEAL_KEY_BYTES);
    sodium_memzero(&state, sizeof(state));
}

enum err seal_key_derive(struct seal_key *out, const struct key_pair *mine,
                         const struct public_key *theirs, bool i_send, enum seal_purpose purpose,
                         uint32_t node) {
    struct seal_secret secret;
    enum err err = seal_secret_derive(&secret, mine, theirs);
    if (err != ERR_OK)
        return err;
    seal_key_from(out, &secret, &mine->public_key, theirs, i_send, purpose, node);
    sodium_memzero(&secret, sizeof(secret));
    return ERR_OK;
}

/* Signing hashes the seed with SHA-512, so neither use tells anything of the other. */
void own_secret_derive(uint8_t out[KEY_BYTES], const char *label, const struct key_pair *pair) {
    crypto_generichash(out, KEY_BYTES, (const uint8_t *)label, strlen(label) + 1, pair->seed,
                       KEY_BYTES);
}

/* ---- signing --------------------------------------------------------------------------------- */

#define LABEL_LEN_MAX 64 /* [characters] ours are short */

/* Ed25519 hashes its input twice, so it wants the message in one piece. Returns the length. */
static size_t labelled(uint8_t out[LABEL_LEN_MAX + SIGNED_LEN_MAX], const char *label,
                       const void *message, size_t len) {
    size_t label_size = strlen(label) + 1;
    assert(label_size <= LABEL_LEN_MAX);
    memcpy(out, label, label_size);
    if (len != 0)
        memcpy(out + label_size, message, len);
    return label_size + len;
}

void sign_labelled(uint8_t out[SIGNATURE_BYTES], const char *label, const void *message, size_t len,
                   const struct key_pair *pair) {
    assert(len <= SIGNED_LEN_MAX);
    uint8_t text[LABEL_LEN_MAX + SIGNED_LEN_MAX];
    uint8_t secret[SECRET_BYTES];
    size_t text_len = labelled(text, label, message, len);
    secret_of(secret, pair);
    crypto_sign_ed25519_detached(out, NULL, text, text_len, secret);
    sodium_memzero(secret, sizeof(secret));
}

bool verify_labelled(const uint8_t signature[SIGNATURE_BYTES], const char *label,
                     const void *message, size_t len, const struct public_key *key) {
    if (len > SIGNED_LEN_MAX)
        return false;
    uint8_t text[LABEL_LEN_MAX + SIGNED_LEN_MAX];
    size_t text_len = labelled(text, label, message, len);
    return crypto_sign_ed25519_verify_detached(signature, text, text_len, key->bytes) == 0;
}
