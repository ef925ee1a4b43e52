#include "peerd/wire/pass.h"

#include "peerd/base/bytes.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

_Static_assert(PASS_SEALED_BYTES == crypto_box_SEALBYTES + PASS_BYTES, "a sealed box");
_Static_assert(PASS_PROOF_BYTES >= crypto_generichash_BYTES_MIN, "a MAC");
_Static_assert(KEY_BYTES == crypto_box_SECRETKEYBYTES, "a secret");

static const char domain[] = "peerd pass v1";

static uint8_t mark_of(uint64_t period) {
    return (uint8_t)(1 + period % PASS_MARK_MAX);
}

void pass_make(struct pass *out, const uint8_t secret[32], const struct public_key *client,
               uint64_t period) {
    uint8_t input[sizeof(domain) + KEY_BYTES + 8];
    struct writer w = writer_over(input, sizeof(input));
    write_copy(&w, domain, sizeof(domain));
    write_copy(&w, client->bytes, KEY_BYTES);
    write_u64(&w, period);
    assert(!w.failed);
    crypto_generichash(out->bytes, PASS_BYTES, input, writer_len(&w), secret, 32);
    out->mark = mark_of(period);
}

void pass_marked(struct pass *out, const uint8_t secret[32], const struct public_key *client,
                 uint8_t mark, uint64_t period) {
    pass_make(out, secret, client, mark == mark_of(period) ? period : period - 1);
}

/* Of a sealed box: it follows from both public keys, of which one is used once. */
static void sealing_nonce(uint8_t out[crypto_box_NONCEBYTES],
                          const uint8_t once[crypto_box_PUBLICKEYBYTES],
                          const uint8_t to[crypto_box_PUBLICKEYBYTES]) {
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, crypto_box_NONCEBYTES);
    crypto_generichash_update(&state, once, crypto_box_PUBLICKEYBYTES);
    crypto_generichash_update(&state, to, crypto_box_PUBLICKEYBYTES);
    crypto_generichash_final(&state, out, crypto_box_NONCEBYTES);
}

enum err pass_seal(uint8_t out[PASS_SEALED_BYTES], const struct pass *pass,
                   const struct public_key *client, const uint8_t entropy[32]) {
    uint8_t to[crypto_box_PUBLICKEYBYTES], nonce[crypto_box_NONCEBYTES];
    if (crypto_sign_ed25519_pk_to_curve25519(to, client->bytes) != 0 ||
        crypto_scalarmult_base(out, entropy) != 0)
        return ERR_BAD_FIELD;
    sealing_nonce(nonce, out, to);
    int sealed = crypto_box_easy(out + crypto_box_PUBLICKEYBYTES, pass->bytes, PASS_BYTES, nonce,
                                 to, entropy);
    return sealed == 0 ? ERR_OK : ERR_BAD_FIELD;
}

enum err pass_open(struct pass *out, const uint8_t sealed[PASS_SEALED_BYTES], uint8_t mark,
                   const struct key_pair *mine) {
    uint8_t whole[crypto_sign_ed25519_SECRETKEYBYTES], secret[crypto_box_SECRETKEYBYTES];
    uint8_t to[crypto_box_PUBLICKEYBYTES], nonce[crypto_box_NONCEBYTES];
    struct pass pass = {.mark = mark};
    if (mark == 0 || mark > PASS_MARK_MAX)
        return ERR_BAD_SIGNATURE;
    memcpy(whole, mine->seed, KEY_BYTES);
    memcpy(whole + KEY_BYTES, mine->public_key.bytes, KEY_BYTES);
    bool ok = crypto_sign_ed25519_sk_to_curve25519(secret, whole) == 0 &&
              crypto_scalarmult_base(to, secret) == 0;
    sealing_nonce(nonce, sealed, to);
    ok = ok && crypto_box_open_easy(pass.bytes, sealed + crypto_box_PUBLICKEYBYTES,
                                    PASS_SEALED_BYTES - crypto_box_PUBLICKEYBYTES, nonce, sealed,
                                    secret) == 0;
    if (ok)
        *out = pass;
    sodium_memzero(whole, sizeof(whole));
    sodium_memzero(secret, sizeof(secret));
    sodium_memzero(&pass, sizeof(pass));
    return ok ? ERR_OK : ERR_BAD_SIGNATURE;
}

void pass_prove(uint8_t out[PASS_PROOF_BYTES], const struct pass *pass, const void *text,
                size_t len) {
    crypto_generichash(out, PASS_PROOF_BYTES, text, len, pass->bytes, PASS_BYTES);
}

bool pass_proves(const uint8_t proof[PASS_PROOF_BYTES], const struct pass *pass, const void *text,
                 size_t len) {
    uint8_t right[PASS_PROOF_BYTES];
    pass_prove(right, pass, text, len);
    bool same = sodium_memcmp(proof, right, sizeof(right)) == 0;
    sodium_memzero(right, sizeof(right)); /* it would prove what did not hold */
    return same;
}
