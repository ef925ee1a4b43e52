#include "peerd/wire/paseto.h"

#include "peerd/base/bytes.h"
#include "peerd/base/id.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#define HEADER     "v4.public."
#define HEADER_LEN 10
#define RAW_MAX    (PASETO_TOKEN_LEN_MAX / 4 * 3) /* [bytes] that a token can hold */
/* Pre-authentication encoding: a count, then four pieces, each with its length before it. Payload
 * and footer together fit into a token. */
#define PAE_MAX (8 + 4 * 8 + HEADER_LEN + RAW_MAX + PASETO_IMPLICIT_LEN_MAX)

static void write_le64(struct writer *w, uint64_t v) {
    for (int i = 0; i < 8; i++)
        write_u8(w, (uint8_t)(v >> (8 * i)));
}

static void write_piece(struct writer *w, struct bytes piece) {
    write_le64(w, piece.len);
    write_copy(w, piece.data, piece.len);
}

/* What the signature stands over; returns its length, 0 if it does not fit. */
static size_t pae(uint8_t out[PAE_MAX], struct bytes message, struct bytes footer,
                  struct bytes implicit) {
    struct writer w = writer_over(out, PAE_MAX);
    write_le64(&w, 4);
    write_piece(&w, (struct bytes){(const uint8_t *)HEADER, HEADER_LEN});
    write_piece(&w, message);
    write_piece(&w, footer);
    write_piece(&w, implicit);
    return w.failed ? 0 : writer_len(&w);
}

/* ---- signing --------------------------------------------------------------------------------- */

static void sign(uint8_t out[SIGNATURE_BYTES], const uint8_t *text, size_t len,
                 const struct key_pair *pair) {
    uint8_t secret[crypto_sign_ed25519_SECRETKEYBYTES];
    memcpy(secret, pair->seed, KEY_BYTES);
    memcpy(secret + KEY_BYTES, pair->public_key.bytes, KEY_BYTES);
    crypto_sign_ed25519_detached(out, NULL, text, len, secret);
    sodium_memzero(secret, sizeof(secret));
}

size_t paseto_sign(char *out, size_t out_size, const struct key_pair *pair, const void *message,
                   size_t message_len, const void *footer, size_t footer_len, const void *implicit,
                   size_t implicit_len) {
    uint8_t text[PAE_MAX];
    uint8_t payload[RAW_MAX];
    size_t text_len =
        pae(text, (struct bytes){message, message_len}, (struct bytes){footer, footer_len},
            (struct bytes){implicit, implicit_len});
    if (text_len == 0 || message_len > RAW_MAX - SIGNATURE_BYTES)
        return 0;
    if (message_len != 0)
        memcpy(payload, message, message_len);
    sign(payload + message_len, text, text_len, pair);
    if (out_size > PASETO_TOKEN_LEN_MAX + 1)
        out_size = PASETO_TOKEN_LEN_MAX + 1;
    if (out_size <= HEADER_LEN)
        return 0;
    memcpy(out, HEADER, HEADER_LEN);
    size_t at = HEADER_LEN;
    size_t n = base64url_encode(payload, message_len + SIGNATURE_BYTES, out + at, out_size - at);
    at += n;
    if (n == 0 || footer_len == 0)
        return n == 0 ? 0 : at;
    if (out_size - at < 2)
        return 0;
    out[at++] = '.';
    n = base64url_encode(footer, footer_len, out + at, out_size - at);
    return n == 0 ? 0 : at + n;
}

/* ---- verifying ------------------------------------------------------------------------------- */

/* A token taken apart; borrowed characters, still in base64url. */
struct parts {
    const char *payload;
    size_t payload_len;
    const char *footer; /* NULL for none */
    size_t footer_len;
};

static enum err split(struct parts *out, const char *token, size_t len) {
    if (len > PASETO_TOKEN_LEN_MAX)
        return ERR_OVERSIZED;
    size_t have = len < HEADER_LEN ? len : HEADER_LEN;
    if (memcmp(token, HEADER, have) != 0)
        return ERR_BAD_MAGIC;
    if (len <= HEADER_LEN)
        return ERR_TRUNCATED;
    *out = (struct parts){.payload = token + HEADER_LEN, .payload_len = len - HEADER_LEN};
    const char *dot = memchr(out->payload, '.', out->payload_len);
    if (dot == NULL)
        return ERR_OK;
    out->footer = dot + 1;
    out->footer_len = (size_t)(token + len - out->footer);
    out->payload_len = (size_t)(dot - out->payload);
    return out->footer_len == 0 ? ERR_TRUNCATED : ERR_OK;
}

static enum err decode_footer(const struct parts *p, uint8_t out[RAW_MAX], size_t *out_len) {
    *out_len = 0;
    if (p->footer == NULL || base64url_decode(p->footer, p->footer_len, out, RAW_MAX, out_len))
        return ERR_OK;
    return ERR_BAD_FIELD;
}

static enum err copy_out(void *out, size_t out_size, size_t *out_len, const void *data,
                         size_t len) {
    if (len > out_size)
        return ERR_OVERSIZED;
    if (len != 0)
        memcpy(out, data, len);
    *out_len = len;
    return ERR_OK;
}

enum err paseto_footer(const char *token, size_t len, void *out, size_t out_size, size_t *out_len) {
    struct parts parts;
    uint8_t footer[RAW_MAX];
    size_t footer_len;
    enum err e = split(&parts, token, len);
    if (e == ERR_OK)
        e = decode_footer(&parts, footer, &footer_len);
    return e == ERR_OK ? copy_out(out, out_size, out_len, footer, footer_len) : e;
}

enum err paseto_verify(const char *token, size_t len, const struct public_key *key,
                       const void *implicit, size_t implicit_len, const void *expected_footer,
                       size_t expected_footer_len, void *out, size_t out_size, size_t *out_len) {
    struct parts parts;
    uint8_t footer[RAW_MAX], payload[RAW_MAX], text[PAE_MAX];
    size_t footer_len, payload_len;
    assert(implicit_len <= PASETO_IMPLICIT_LEN_MAX);
    enum err e = split(&parts, token, len);
    if (e == ERR_OK)
        e = decode_footer(&parts, footer, &footer_len);
    if (e != ERR_OK)
        return e;
    if (expected_footer != NULL && (footer_len != expected_footer_len ||
                                    sodium_memcmp(footer, expected_footer, footer_len) != 0))
        return ERR_BAD_FIELD;
    if (!base64url_decode(parts.payload, parts.payload_len, payload, sizeof(payload), &payload_len))
        return ERR_BAD_FIELD;
    if (payload_len < SIGNATURE_BYTES)
        return ERR_TRUNCATED;
    size_t message_len = payload_len - SIGNATURE_BYTES;
    size_t text_len =
        pae(text, (struct bytes){payload, message_len}, (struct bytes){footer, footer_len},
            (struct bytes){implicit, implicit_len});
    assert(text_len != 0);
    if (crypto_sign_ed25519_verify_detached(payload + message_len, text, text_len, key->bytes) != 0)
        return ERR_BAD_SIGNATURE;
    return copy_out(out, out_size, out_len, payload, message_len);
}
