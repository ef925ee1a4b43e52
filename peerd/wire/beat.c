#include "peerd/wire/beat.h"

#include "peerd/base/bytes.h"
#include "peerd/wire/coarse.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#define VERSION    2
#define FIXED_LEN  23 /* [bytes] of the body before what may be absent, with every varint at one */
#define VARINT_MAX 10 /* [bytes] */
#define REST_MAX   (2 * (VARINT_MAX - 1) + 1 + 2 * (8 + VARINT_MAX) + 4) /* [bytes] */
#define VIEW_LEN   12                                                    /* [bytes] */
#define TAG_LEN    16                                                    /* [bytes] Poly1305 */
#define MOST       (FIXED_LEN + REST_MAX + 1 + BEAT_DIGEST_MAX + 1 + BEAT_VIEWS_MAX * VIEW_LEN)
#define BODY_MAX   (MOST + BEAT_BLOCKS_MAX)
#define FLAGS_KNOWN                                                                                \
    (BEAT_FLAG_DRAINING | BEAT_FLAG_ANSWER | BEAT_FLAG_RECOVERING | BEAT_FLAG_LISTENS)

/* In the same byte, of the encoding alone. */
#define HAS_BLOCKS    0x10
#define HAS_DIGEST    0x20
#define HAS_ECHO      0x40
#define HAS_CANDIDATE 0x80

static const uint8_t magic[2] = {'p', 'B'};

_Static_assert(BEAT_HEADER_LEN == 2 + 1 + 1 + KEY_HINT_BYTES + BEAT_NONCE_BYTES, "header");
_Static_assert(BEAT_LEN_MIN == BEAT_HEADER_LEN + FIXED_LEN + TAG_LEN, "shortest beat");
_Static_assert(BEAT_LEN_MAX >= BEAT_HEADER_LEN + MOST + BEAT_BLOCKS_ROOM + TAG_LEN, "longest beat");
_Static_assert(BEAT_NONCE_BYTES == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce");
_Static_assert(TAG_LEN == crypto_aead_xchacha20poly1305_ietf_ABYTES, "tag");

/* An echo names a boot and one of its sequence numbers, or is absent and zero. */
static bool echo_valid(uint64_t boot, uint64_t seq) {
    return (boot == 0) == (seq == 0);
}

/* They fill what they take exactly. */
static bool blocks_whole(const uint8_t *blocks, size_t len) {
    size_t at = 0;
    while (at + BEAT_BLOCK_HEAD <= len)
        at += BEAT_BLOCK_HEAD + (size_t)blocks[at + 1];
    return at == len;
}

static bool fields_valid(const struct beat *b) {
    return b->boot != 0 && b->seq != 0 && echo_valid(b->echo_boot, b->echo_seq) &&
           (b->echo_boot != 0 || b->echo_age_us == 0) &&
           echo_valid(b->candidate_boot, b->candidate_seq) && b->interval_ms != 0 &&
           (b->flags & ~FLAGS_KNOWN) == 0 && (b->kind == BEAT_KIND_MEDIA_ALIVE || b->node == 0) &&
           b->view_count <= BEAT_VIEWS_MAX && b->digest_len <= BEAT_DIGEST_MAX &&
           (b->kind == BEAT_KIND_BEAT || (b->digest_len == 0 && b->blocks_len == 0)) &&
           blocks_whole(b->blocks, b->blocks_len);
}

static bool kind_valid(uint8_t kind) {
    return kind == BEAT_KIND_BEAT || kind == BEAT_KIND_MEDIA_ALIVE;
}

/* ---- blocks ---------------------------------------------------------------------------------- */

bool beat_add_block(struct beat *beat, enum beat_block kind, const void *bytes, size_t len) {
    size_t used = beat->blocks_len;
    if (used + BEAT_BLOCK_HEAD + len > BEAT_BLOCKS_ROOM)
        return false;
    beat->blocks[used] = (uint8_t)kind;
    beat->blocks[used + 1] = (uint8_t)len;
    memcpy(beat->blocks + used + BEAT_BLOCK_HEAD, bytes, len);
    beat->blocks_len = (uint8_t)(used + BEAT_BLOCK_HEAD + len);
    return true;
}

const uint8_t *beat_find_block(const struct beat *beat, enum beat_block kind, size_t *len) {
    size_t at = 0;
    for (; at < beat->blocks_len; at += BEAT_BLOCK_HEAD + *len) {
        *len = beat->blocks[at + 1];
        if (beat->blocks[at] == kind)
            return beat->blocks + at + BEAT_BLOCK_HEAD;
    }
    return NULL;
}

/* ---- sealing --------------------------------------------------------------------------------- */

static void write_echo(struct writer *w, const struct beat *b) {
    if (b->echo_boot != 0) {
        write_u64(w, b->echo_boot);
        write_varint(w, b->echo_seq);
        write_u32(w, b->echo_age_us);
    }
    if (b->candidate_boot != 0) {
        write_u64(w, b->candidate_boot);
        write_varint(w, b->candidate_seq);
    }
}

static void write_body(struct writer *w, const struct beat *b) {
    unsigned has = (b->echo_boot != 0 ? HAS_ECHO : 0) |
                   (b->candidate_boot != 0 ? HAS_CANDIDATE : 0) |
                   (b->digest_len != 0 ? HAS_DIGEST : 0) | (b->blocks_len != 0 ? HAS_BLOCKS : 0);
    write_u8(w, (uint8_t)(b->flags | has));
    write_u64(w, b->boot);
    write_varint(w, b->seq);
    write_varint(w, (uint64_t)b->send_us);
    write_u16(w, b->interval_ms);
    write_u16(w, b->ask_interval_ms);
    write_u32(w, b->sessions);
    write_u32(w, b->free_slots);
    if (b->kind == BEAT_KIND_MEDIA_ALIVE)
        write_u8(w, b->node);
    write_echo(w, b);
    if (b->digest_len != 0) {
        write_u8(w, b->digest_len);
        write_copy(w, b->digest, b->digest_len);
    }
    if (b->blocks_len != 0) {
        write_u8(w, b->blocks_len);
        write_copy(w, b->blocks, b->blocks_len);
    }
    for (unsigned i = 0; i < b->view_count; i++) {
        const struct beat_view *v = &b->views[i];
        write_copy(w, v->peer.bytes, KEY_HINT_BYTES);
        write_u8(w, coarse_from_ms(v->age_ms));
        write_u8(w, coarse_from_ms(v->rtt_ms));
        write_u8(w, v->loss_permille_x4);
        write_u8(w, v->verdict);
    }
}

size_t beat_seal(uint8_t *out, size_t out_size, const struct beat *beat,
                 const struct key_hint *sender, const struct seal_key *key,
                 const uint8_t nonce[BEAT_NONCE_BYTES]) {
    assert(kind_valid((uint8_t)beat->kind) && fields_valid(beat));
    uint8_t body[BODY_MAX];
    struct writer w = writer_over(body, sizeof(body));
    write_body(&w, beat);
    size_t body_len = writer_len(&w);
    size_t room = out_size < BEAT_LEN_MAX ? out_size : BEAT_LEN_MAX;
    if (w.failed || room < BEAT_HEADER_LEN + body_len + TAG_LEN)
        return 0;
    struct writer header = writer_over(out, BEAT_HEADER_LEN);
    write_copy(&header, magic, sizeof(magic));
    write_u8(&header, VERSION);
    write_u8(&header, (uint8_t)beat->kind);
    write_copy(&header, sender->bytes, KEY_HINT_BYTES);
    write_copy(&header, nonce, BEAT_NONCE_BYTES);
    crypto_aead_xchacha20poly1305_ietf_encrypt(out + BEAT_HEADER_LEN, NULL, body, body_len, out,
                                               BEAT_HEADER_LEN, NULL, nonce, key->bytes);
    return BEAT_HEADER_LEN + body_len + TAG_LEN;
}

/* ---- opening --------------------------------------------------------------------------------- */

enum err beat_peek(const void *datagram, size_t len, enum beat_kind *kind,
                   struct key_hint *sender) {
    struct reader r = reader_over(datagram, len);
    uint8_t start[sizeof(magic)];
    if (len > BEAT_LEN_MAX)
        return ERR_OVERSIZED;
    if (len < BEAT_LEN_MIN)
        return ERR_TRUNCATED;
    read_copy(&r, start, sizeof(start));
    if (memcmp(start, magic, sizeof(magic)) != 0)
        return ERR_BAD_MAGIC;
    if (read_u8(&r) != VERSION)
        return ERR_BAD_VERSION;
    uint8_t k = read_u8(&r);
    if (!kind_valid(k))
        return ERR_BAD_KIND;
    *kind = (enum beat_kind)k;
    read_copy(&r, sender->bytes, KEY_HINT_BYTES);
    return ERR_OK;
}

static void read_view(struct reader *r, struct beat_view *v) {
    read_copy(r, v->peer.bytes, KEY_HINT_BYTES);
    v->age_ms = coarse_to_ms(read_u8(r));
    v->rtt_ms = coarse_to_ms(read_u8(r));
    v->loss_permille_x4 = read_u8(r);
    v->verdict = read_u8(r);
}

/* False if what the flags announce is not there. */
static bool read_echo(struct reader *r, struct beat *b, uint8_t flags) {
    if ((flags & HAS_ECHO) != 0) {
        b->echo_boot = read_u64(r);
        b->echo_seq = read_varint(r);
        b->echo_age_us = read_u32(r);
    }
    if ((flags & HAS_CANDIDATE) != 0) {
        b->candidate_boot = read_u64(r);
        b->candidate_seq = read_varint(r);
    }
    return (b->echo_boot != 0) == ((flags & HAS_ECHO) != 0) &&
           (b->candidate_boot != 0) == ((flags & HAS_CANDIDATE) != 0);
}

/* Likewise. */
static bool read_digest(struct reader *r, struct beat *b, uint8_t flags) {
    if ((flags & HAS_DIGEST) == 0)
        return true;
    b->digest_len = read_u8(r);
    if (b->digest_len == 0 || b->digest_len > BEAT_DIGEST_MAX)
        return false;
    read_copy(r, b->digest, b->digest_len);
    return true;
}

/* Likewise. Whether each of them is whole is for fields_valid() to say. */
static bool read_blocks(struct reader *r, struct beat *b, uint8_t flags) {
    if ((flags & HAS_BLOCKS) == 0)
        return true;
    b->blocks_len = read_u8(r);
    if (b->blocks_len == 0)
        return false;
    read_copy(r, b->blocks, b->blocks_len);
    return true;
}

static enum err read_body(struct reader *r, struct beat *b) {
    uint8_t flags = read_u8(r);
    b->flags = flags & (uint8_t) ~(HAS_BLOCKS | HAS_DIGEST | HAS_ECHO | HAS_CANDIDATE);
    b->boot = read_u64(r);
    b->seq = read_varint(r);
    b->send_us = (int64_t)read_varint(r);
    b->interval_ms = read_u16(r);
    b->ask_interval_ms = read_u16(r);
    b->sessions = read_u32(r);
    b->free_slots = read_u32(r);
    if (b->kind == BEAT_KIND_MEDIA_ALIVE)
        b->node = read_u8(r);
    bool whole = read_echo(r, b, flags) && read_digest(r, b, flags) && read_blocks(r, b, flags);
    size_t views = reader_left(r) / VIEW_LEN;
    if (r->failed || !whole || views > BEAT_VIEWS_MAX)
        return ERR_BAD_FIELD;
    b->view_count = (uint8_t)views;
    if (!fields_valid(b))
        return ERR_BAD_FIELD;
    for (unsigned i = 0; i < b->view_count; i++)
        read_view(r, &b->views[i]);
    return reader_done(r) ? ERR_OK : ERR_BAD_FIELD;
}

enum err beat_open(struct beat *out, const void *datagram, size_t len, const struct seal_key *key) {
    const uint8_t *bytes = datagram;
    uint8_t body[BEAT_LEN_MAX];
    unsigned long long body_len = 0;
    struct beat beat = {0};
    struct key_hint sender;
    enum err e = beat_peek(datagram, len, &beat.kind, &sender);
    if (e != ERR_OK)
        return e;
    const uint8_t *nonce = bytes + BEAT_HEADER_LEN - BEAT_NONCE_BYTES;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(body, &body_len, NULL, bytes + BEAT_HEADER_LEN,
                                                   len - BEAT_HEADER_LEN, bytes, BEAT_HEADER_LEN,
                                                   nonce, key->bytes) != 0)
        return ERR_BAD_SEAL;
    struct reader r = reader_over(body, (size_t)body_len);
    e = read_body(&r, &beat);
    if (e == ERR_OK)
        *out = beat;
    return e;
}
