#include "peerd/wire/beat.h"

#include "peerd/core/peering.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <string.h>

/* [bytes] as the header documents them, counted here once more */
#define BODY_LEN 78 /* of `sample`, whose numbers are long */
#define BODY_MIN 23 /* of the shortest */

static const uint8_t nonce[BEAT_NONCE_BYTES] = {9, 8, 7, 6, 5, 4, 3, 2, 1};

static struct key_pair pair_of(uint8_t fill) {
    uint8_t seed[KEY_BYTES];
    struct key_pair pair;
    memset(seed, fill, sizeof(seed));
    key_pair_from_seed(&pair, seed);
    return pair;
}

/* The key under which cluster 1 seals for cluster 2. */
static struct seal_key key_of(enum seal_purpose purpose, uint32_t node) {
    struct key_pair a = pair_of(1), b = pair_of(2);
    struct seal_key key;
    cr_assert_eq(seal_key_derive(&key, &a, &b.public_key, true, purpose, node), ERR_OK);
    return key;
}

static struct key_hint hint_of(uint8_t fill) {
    struct key_pair pair = pair_of(fill);
    return key_hint_of(&pair.public_key);
}

static struct beat sample(unsigned views) {
    struct beat b = {.kind = BEAT_KIND_BEAT,
                     .boot = 0x0102030405060708,
                     .seq = 0x1112131415161718,
                     .send_us = -0x2122232425262728,
                     .echo_boot = 0x3132333435363738,
                     .echo_seq = 0x4142434445464748,
                     .echo_age_us = 0x51525354,
                     .candidate_boot = 0x6162636465666768,
                     .candidate_seq = 0x7172737475767778,
                     .interval_ms = 0x8182,
                     .ask_interval_ms = 0x9192,
                     .flags = BEAT_FLAG_DRAINING | BEAT_FLAG_RECOVERING,
                     .sessions = 0xa1a2a3a4,
                     .free_slots = 0xb1b2b3b4,
                     .view_count = (uint8_t)views};
    for (unsigned i = 0; i < views; i++)
        b.views[i] = (struct beat_view){.peer = {.bytes = {1, 2, 3, 4, 5, 6, 7, (uint8_t)i}},
                                        .age_ms = 304,
                                        .rtt_ms = i % 32,
                                        .loss_permille_x4 = 250,
                                        .verdict = (uint8_t)(i % 7)};
    return b;
}

static size_t seal(uint8_t out[BEAT_LEN_MAX], const struct beat *b, const struct seal_key *key) {
    struct key_hint sender = hint_of(1);
    size_t len = beat_seal(out, BEAT_LEN_MAX, b, &sender, key, nonce);
    cr_assert_neq(len, 0);
    return len;
}

/* Seals any body under any header, with libsodium alone and by the documented layout. */
static size_t seal_body(uint8_t *out, uint8_t kind, const uint8_t *body, size_t len,
                        const struct seal_key *key) {
    struct key_hint sender = hint_of(1);
    const uint8_t start[4] = {'p', 'B', 2, kind};
    memcpy(out, start, 4);
    memcpy(out + 4, sender.bytes, 8);
    memcpy(out + 12, nonce, 24);
    crypto_aead_xchacha20poly1305_ietf_encrypt(out + 36, NULL, body, len, out, 36, NULL, nonce,
                                               key->bytes);
    return 36 + len + 16;
}

static void expect_equal(const struct beat *a, const struct beat *b, const char *what) {
    cr_expect(a->blocks_len == b->blocks_len && memcmp(a->blocks, b->blocks, a->blocks_len) == 0,
              "%s: blocks", what);
    cr_expect(a->kind == b->kind && a->boot == b->boot && a->seq == b->seq &&
                  a->send_us == b->send_us,
              "%s: who", what);
    cr_expect(a->echo_boot == b->echo_boot && a->echo_seq == b->echo_seq &&
                  a->echo_age_us == b->echo_age_us && a->candidate_boot == b->candidate_boot &&
                  a->candidate_seq == b->candidate_seq,
              "%s: echo", what);
    cr_expect(a->interval_ms == b->interval_ms && a->ask_interval_ms == b->ask_interval_ms &&
                  a->flags == b->flags && a->node == b->node && a->sessions == b->sessions &&
                  a->free_slots == b->free_slots,
              "%s: what", what);
    cr_assert_eq(a->view_count, b->view_count, "%s: views", what);
    for (unsigned i = 0; i < a->view_count; i++)
        cr_expect(key_hint_equal(&a->views[i].peer, &b->views[i].peer) &&
                      a->views[i].age_ms == b->views[i].age_ms &&
                      a->views[i].rtt_ms == b->views[i].rtt_ms &&
                      a->views[i].loss_permille_x4 == b->views[i].loss_permille_x4 &&
                      a->views[i].verdict == b->views[i].verdict,
                  "%s: view %u", what, i);
}

Test(beat, there_and_back) {
    struct seal_key key = key_of(SEAL_PURPOSE_BEAT, 0);
    for (unsigned views = 0; views <= BEAT_VIEWS_MAX; views++) {
        uint8_t datagram[BEAT_LEN_MAX];
        struct beat in = sample(views), out;
        size_t len = seal(datagram, &in, &key);
        cr_expect_eq(len, 36 + BODY_LEN + 16 + 12 * views);
        cr_expect_leq(len, 1200, "a datagram that every path takes whole");
        cr_assert_eq(beat_open(&out, datagram, len, &key), ERR_OK, "%u views", views);
        expect_equal(&in, &out, "beat");
    }
    key = key_of(SEAL_PURPOSE_MEDIA_ALIVE, 200);
    uint8_t datagram[BEAT_LEN_MAX];
    struct beat out, in = {.kind = BEAT_KIND_MEDIA_ALIVE, .boot = 1, .seq = 1, .interval_ms = 100};
    in.node = 200;
    cr_assert_eq(beat_open(&out, datagram, seal(datagram, &in, &key), &key), ERR_OK);
    expect_equal(&in, &out, "media-alive");
}

/* Whatever it is, and beside all the views that there can be. */
Test(beat, carries_a_digest_as_it_is) {
    struct seal_key key = key_of(SEAL_PURPOSE_BEAT, 0);
    for (unsigned views = 0; views <= BEAT_VIEWS_MAX; views += BEAT_VIEWS_MAX)
        for (unsigned n = 1; n <= BEAT_DIGEST_MAX; n += 239) {
            uint8_t datagram[BEAT_LEN_MAX];
            struct beat in = sample(views), out;
            in.digest_len = (uint8_t)n;
            memset(in.digest, 0xa7, n);
            size_t len = seal(datagram, &in, &key);
            cr_expect_eq(len, 36 + BODY_LEN + 16 + 12 * views + 1 + n);
            cr_assert_eq(beat_open(&out, datagram, len, &key), ERR_OK);
            expect_equal(&in, &out, "with a digest");
            cr_expect_eq(out.digest_len, n);
            cr_expect_arr_eq(out.digest, in.digest, n);
        }
}

Test(beat, a_digest_is_whole_or_the_beat_is_none) {
    static const struct {
        const char *what;
        const char *rest; /* after a body without anything */
        size_t len;
        uint8_t kind;
        enum err expected;
    } rows[] = {
        {"one byte", "\1\x77", 2, 1, ERR_OK},
        {"empty", "\0", 1, 1, ERR_BAD_FIELD},
        {"shorter than it says", "\2\x77", 2, 1, ERR_BAD_FIELD},
        {"longer than may be", "\xf1", 1, 1, ERR_BAD_FIELD},
        {"of media-alive", "\0\1\x77", 3, 2, ERR_BAD_FIELD},
    };
    static const uint8_t bare[] = "\x20\1\2\3\4\5\6\7\x08\1\0\0\1\0\0\0\0\0\0\0\0\0";
    struct seal_key key = key_of(SEAL_PURPOSE_BEAT, 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t datagram[BEAT_LEN_MAX], body[64];
        struct beat out;
        memcpy(body, bare, sizeof(bare));
        memcpy(body + sizeof(bare), rows[i].rest, rows[i].len);
        size_t len = seal_body(datagram, rows[i].kind, body, sizeof(bare) + rows[i].len, &key);
        cr_expect_eq(beat_open(&out, datagram, len, &key), rows[i].expected, "%s", rows[i].what);
    }
}

/* Whoever knows none of them has the beat all the same, and the blocks as they are. */
Test(beat, blocks_of_any_kind_are_passed_over) {
    static const struct {
        const char *what;
        const char *rest; /* after a body without anything */
        size_t len;
        uint8_t kind;
        enum err expected;
        int says; /* the first byte of a coordinate's block; -1: there is none */
    } rows[] = {
        {"one that we know", "\3\1\1\x77", 4, 1, ERR_OK, 0x77},
        {"one that nobody knows", "\5\xee\3abc", 6, 1, ERR_OK, -1},
        {"ours after one that nobody knows", "\x8\xee\3abc\1\1\x66", 9, 1, ERR_OK, 0x66},
        {"an unknown one that says nothing", "\2\xee\0", 3, 1, ERR_OK, -1},
        {"two alike: the first counts", "\6\1\1\x11\1\1\x22", 7, 1, ERR_OK, 0x11},
        {"with a view after it",
         "\2\xee\0"
         "12345678\1\1\0\1",
         15, 1, ERR_OK, -1},
        {"none", "\0", 1, 1, ERR_BAD_FIELD, -1},
        {"a kind alone", "\1\xee", 2, 1, ERR_BAD_FIELD, -1},
        {"shorter than it says", "\3\xee\2a", 4, 1, ERR_BAD_FIELD, -1},
        {"the second is cut", "\6\xee\1a\xef\2b", 7, 1, ERR_BAD_FIELD, -1},
        {"longer than what is there", "\x9\xee\3abc", 6, 1, ERR_BAD_FIELD, -1},
        {"of media-alive", "\0\2\xee\0", 4, 2, ERR_BAD_FIELD, -1},
    };
    static const uint8_t bare[] = "\x10\1\2\3\4\5\6\7\x08\1\0\0\1\0\0\0\0\0\0\0\0\0";
    struct seal_key key = key_of(SEAL_PURPOSE_BEAT, 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t datagram[BEAT_LEN_MAX], again[BEAT_LEN_MAX], body[64];
        struct beat out;
        memcpy(body, bare, sizeof(bare));
        memcpy(body + sizeof(bare), rows[i].rest, rows[i].len);
        size_t len = seal_body(datagram, rows[i].kind, body, sizeof(bare) + rows[i].len, &key);
        enum err err = beat_open(&out, datagram, len, &key);
        cr_expect_eq(err, rows[i].expected, "%s", rows[i].what);
        if (err != ERR_OK)
            continue;
        size_t block_len = 0;
        const uint8_t *block = beat_find_block(&out, BEAT_BLOCK_COORDINATE, &block_len);
        cr_expect_eq(block == NULL ? -1 : block[0], rows[i].says, "%s", rows[i].what);
        cr_expect(block == NULL || block_len == 1, "%s", rows[i].what);
        cr_expect_eq(seal(again, &out, &key), len, "%s", rows[i].what);
        cr_expect_arr_eq(again, datagram, len, "%s", rows[i].what);
    }
}

/* Beside all else that a beat can say, and not a byte more. */
Test(beat, has_room_for_some_blocks_always) {
    struct seal_key key = key_of(SEAL_PURPOSE_BEAT, 0);
    uint8_t datagram[BEAT_LEN_MAX], bytes[BEAT_BLOCKS_ROOM] = {0x42};
    struct beat in = sample(BEAT_VIEWS_MAX), out;
    in.seq = in.echo_seq = in.candidate_seq = UINT64_MAX;
    in.digest_len = BEAT_DIGEST_MAX;
    memset(in.digest, 0xa7, sizeof(in.digest));
    cr_expect(beat_add_block(&in, BEAT_BLOCK_COORDINATE, bytes, 11));
    cr_expect_not(beat_add_block(&in, BEAT_BLOCK_ROUND_TRIPS, bytes, BEAT_BLOCKS_ROOM - 14));
    cr_expect(beat_add_block(&in, BEAT_BLOCK_ROUND_TRIPS, bytes, BEAT_BLOCKS_ROOM - 15));
    cr_expect_eq(in.blocks_len, BEAT_BLOCKS_ROOM);
    cr_assert_eq(beat_open(&out, datagram, seal(datagram, &in, &key), &key), ERR_OK);
    expect_equal(&in, &out, "a full beat");
    size_t len = 0;
    cr_expect_not_null(beat_find_block(&out, BEAT_BLOCK_ROUND_TRIPS, &len));
    cr_expect_eq(len, BEAT_BLOCKS_ROOM - 15);
}

Test(beat, layout_is_as_documented) {
    static const struct {
        const char *what;
        size_t at, len;
        const char *bytes;
    } rows[] = {
        {"flags", 0, 1, "\xc5"},
        {"boot", 1, 8, "\x01\x02\x03\x04\x05\x06\x07\x08"},
        {"seq", 9, 9, "\x98\xae\xd8\xa8\xc1\xe2\x84\x89\x11"},
        {"send_us", 18, 10, "\xd8\xb1\xe7\xd6\xbd\x9b\xf7\xee\xde\x01"},
        {"interval_ms", 28, 2, "\x81\x82"},
        {"ask_interval_ms", 30, 2, "\x91\x92"},
        {"sessions", 32, 4, "\xa1\xa2\xa3\xa4"},
        {"free_slots", 36, 4, "\xb1\xb2\xb3\xb4"},
        {"echo_boot", 40, 8, "\x31\x32\x33\x34\x35\x36\x37\x38"},
        {"echo_seq", 48, 9, "\xc8\x8e\x99\xaa\xc4\xe8\x90\xa1\x41"},
        {"echo_age_us", 57, 4, "\x51\x52\x53\x54"},
        {"candidate_boot", 61, 8, "\x61\x62\x63\x64\x65\x66\x67\x68"},
        {"candidate_seq", 69, 9, "\xf8\xee\xd9\xab\xc7\xee\x9c\xb9\x71"},
        {"second view", 90, 12, "\x01\x02\x03\x04\x05\x06\x07\x01\x53\x01\xfa\x01"},
    };
    struct seal_key key = key_of(SEAL_PURPOSE_BEAT, 0);
    struct key_hint sender = hint_of(1);
    struct beat in = sample(2);
    uint8_t datagram[BEAT_LEN_MAX], body[BEAT_LEN_MAX];
    unsigned long long body_len;
    size_t len = seal(datagram, &in, &key);
    cr_expect_arr_eq(datagram, "pB\x02\x01", 4);
    cr_expect_arr_eq(datagram + 4, sender.bytes, 8);
    cr_expect_arr_eq(datagram + 12, nonce, 24);
    cr_assert_eq(crypto_aead_xchacha20poly1305_ietf_decrypt(body, &body_len, NULL, datagram + 36,
                                                            len - 36, datagram, 36, nonce,
                                                            key.bytes),
                 0);
    cr_expect_eq(body_len, BODY_LEN + 24);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect_arr_eq(body + rows[i].at, rows[i].bytes, rows[i].len, "%s", rows[i].what);
}

Test(beat, every_other_length_is_refused) {
    struct seal_key key = key_of(SEAL_PURPOSE_BEAT, 0);
    uint8_t datagram[BEAT_LEN_MAX + 1] = {0};
    struct beat in = sample(3), out, before;
    enum beat_kind kind;
    struct key_hint sender;
    size_t len = seal(datagram, &in, &key);
    memset(&out, 0x5a, sizeof(out));
    before = out;
    for (size_t n = 0; n <= BEAT_LEN_MAX + 1; n++) {
        if (n == len)
            continue;
        enum err expected = n < BEAT_LEN_MIN   ? ERR_TRUNCATED
                            : n > BEAT_LEN_MAX ? ERR_OVERSIZED
                                               : ERR_BAD_SEAL;
        cr_expect_eq(beat_open(&out, datagram, n, &key), expected, "%zu of %zu bytes", n, len);
        enum err peeked = beat_peek(datagram, n, &kind, &sender);
        cr_expect_eq(peeked, expected == ERR_BAD_SEAL ? ERR_OK : expected, "%zu", n);
    }
    cr_expect_eq(beat_open(&out, NULL, 0, &key), ERR_TRUNCATED, "nothing at all");
    cr_expect_arr_eq(&out, &before, sizeof(out), "touched");
}

Test(beat, every_flipped_bit_is_refused) {
    struct seal_key key = key_of(SEAL_PURPOSE_BEAT, 0);
    uint8_t datagram[BEAT_LEN_MAX];
    struct beat in = sample(1), out, before;
    size_t len = seal(datagram, &in, &key);
    memset(&out, 0x5a, sizeof(out));
    before = out;
    for (size_t bit = 0; bit < len * 8; bit++) {
        datagram[bit / 8] ^= (uint8_t)(1U << bit % 8);
        enum err e = beat_open(&out, datagram, len, &key);
        /* Kind 1 becomes kinds that do not exist, but never kind 2: that takes two bits. */
        enum err expected = bit < 16   ? ERR_BAD_MAGIC
                            : bit < 24 ? ERR_BAD_VERSION
                            : bit < 32 ? ERR_BAD_KIND
                                       : ERR_BAD_SEAL;
        cr_expect_eq(e, expected, "bit %zu: %s", bit, err_name(e));
        datagram[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    cr_expect_arr_eq(&out, &before, sizeof(out), "touched");
    datagram[3] = BEAT_KIND_MEDIA_ALIVE;
    cr_expect_eq(beat_open(&out, datagram, len, &key), ERR_BAD_SEAL, "the kind is authenticated");
}

Test(beat, other_keys_do_not_open) {
    static const struct {
        const char *what;
        uint8_t mine, theirs;
        bool i_send;
        enum seal_purpose purpose;
        enum err expected;
    } rows[] = {
        {"the receiver's", 2, 1, false, SEAL_PURPOSE_BEAT, ERR_OK},
        {"reflected to the sender", 1, 2, false, SEAL_PURPOSE_BEAT, ERR_BAD_SEAL},
        {"as media-alive", 2, 1, false, SEAL_PURPOSE_MEDIA_ALIVE, ERR_BAD_SEAL},
        {"a stranger's with the sender", 3, 1, false, SEAL_PURPOSE_BEAT, ERR_BAD_SEAL},
        {"a stranger's with the receiver", 3, 2, false, SEAL_PURPOSE_BEAT, ERR_BAD_SEAL},
    };
    struct seal_key key = key_of(SEAL_PURPOSE_BEAT, 0);
    uint8_t datagram[BEAT_LEN_MAX];
    struct beat in = sample(1), out;
    size_t len = seal(datagram, &in, &key);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct key_pair mine = pair_of(rows[i].mine), theirs = pair_of(rows[i].theirs);
        struct seal_key other;
        cr_assert_eq(
            seal_key_derive(&other, &mine, &theirs.public_key, rows[i].i_send, rows[i].purpose, 0),
            ERR_OK);
        cr_expect_eq(beat_open(&out, datagram, len, &other), rows[i].expected, "%s", rows[i].what);
    }
}

/* Sealed with the right key, so only the field is wrong: of the body `cut` bytes at `at` make room
 * for others. */
Test(beat, fields_out_of_range_are_refused) {
    static const struct {
        const char *what;
        uint8_t kind;
        size_t at, cut, len;
        const char *bytes;
        enum err expected;
    } rows[] = {
        {"nothing wrong", 1, 0, 0, 0, "", ERR_OK},
        {"no boot", 1, 1, 8, 8, "\0\0\0\0\0\0\0\0", ERR_BAD_FIELD},
        {"no seq", 1, 9, 9, 1, "\0", ERR_BAD_FIELD},
        {"a short seq", 1, 9, 9, 1, "\1", ERR_OK},
        {"a seq longer than it need be", 1, 9, 9, 2, "\x81\0", ERR_BAD_FIELD},
        {"a send instant beyond 64 bits", 1, 27, 1, 1, "\x02", ERR_BAD_FIELD},
        {"an echo without boot", 1, 40, 8, 8, "\0\0\0\0\0\0\0\0", ERR_BAD_FIELD},
        {"an echo without seq", 1, 48, 9, 1, "\0", ERR_BAD_FIELD},
        {"no echo, says the flag", 1, 0, 1, 1, "\x85", ERR_BAD_FIELD},
        {"an echo, and no candidate, says the flag", 1, 0, 1, 1, "\x45", ERR_BAD_FIELD},
        {"neither echo nor candidate", 1, 0, 78, 23,
         "\0\1\2\3\4\5\6\7\x08\1\0\0\1\0\0\0\0\0\0\0\0\0\0", ERR_OK},
        {"flags of an echo that is missing", 1, 0, 78, 23,
         "\x40\1\2\3\4\5\6\7\x08\1\0\0\1\0\0\0\0\0\0\0\0\0\0", ERR_BAD_FIELD},
        {"a candidate without seq", 1, 69, 9, 1, "\0", ERR_BAD_FIELD},
        {"a candidate's seq without boot", 1, 61, 8, 8, "\0\0\0\0\0\0\0\0", ERR_BAD_FIELD},
        {"no interval", 1, 28, 2, 2, "\0\0", ERR_BAD_FIELD},
        {"no wish", 1, 30, 2, 2, "\0\0", ERR_OK},
        {"blocks are not there", 1, 0, 1, 1, "\xd5", ERR_BAD_FIELD},
        {"a digest is not there", 1, 0, 1, 1, "\xe5", ERR_BAD_FIELD},
        {"a node in a cluster's beat", 1, 40, 0, 1, "\x01", ERR_BAD_FIELD},
        {"a node in media-alive", 2, 40, 0, 1, "\x01", ERR_OK},
        {"a view too short by one", 1, 78, 1, 0, "", ERR_BAD_FIELD},
        {"a view too long by one", 1, 78, 0, 1, "\0", ERR_BAD_FIELD},
        {"no view", 1, 78, 12, 0, "", ERR_OK},
        {"a verdict that we do not know", 1, 89, 1, 1, "\xff", ERR_OK},
    };
    struct seal_key key = key_of(SEAL_PURPOSE_BEAT, 0);
    uint8_t datagram[BEAT_LEN_MAX], good[BEAT_LEN_MAX], body[BEAT_LEN_MAX];
    struct beat in = sample(1), out, before;
    size_t len = seal(datagram, &in, &key), whole = BODY_LEN + 12;
    cr_assert_eq(crypto_aead_xchacha20poly1305_ietf_decrypt(
                     good, NULL, NULL, datagram + 36, len - 36, datagram, 36, nonce, key.bytes),
                 0);
    memset(&out, 0x5a, sizeof(out));
    before = out;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct beat opened = before;
        size_t after = rows[i].at + rows[i].cut, new_len = whole - rows[i].cut + rows[i].len;
        memcpy(body, good, rows[i].at);
        memcpy(body + rows[i].at, rows[i].bytes, rows[i].len);
        memcpy(body + rows[i].at + rows[i].len, good + after, whole - after);
        len = seal_body(datagram, rows[i].kind, body, new_len, &key);
        cr_expect_eq(beat_open(&opened, datagram, len, &key), rows[i].expected, "%s", rows[i].what);
        if (rows[i].expected != ERR_OK)
            cr_expect_arr_eq(&opened, &before, sizeof(before), "%s: touched", rows[i].what);
    }
    for (size_t n = 0; n < sizeof(body) - 52; n++) {
        memset(body, 0, sizeof(body));
        memcpy(body, good, whole);
        len = seal_body(datagram, 1, body, n, &key);
        bool fits =
            n >= BODY_LEN && n <= BODY_LEN + 12 * BEAT_VIEWS_MAX && (n - BODY_LEN) % 12 == 0;
        cr_expect_eq(beat_open(&out, datagram, len, &key) == ERR_OK, fits, "a body of %zu bytes",
                     n);
    }
    /* 65 views would fit into a datagram, but not into our table. */
    memset(body, 0, sizeof(body));
    memcpy(body, good, BODY_LEN);
    len = seal_body(datagram, 1, body, BODY_LEN + 12 * (BEAT_VIEWS_MAX + 1), &key);
    cr_expect_eq(beat_open(&out, datagram, len, &key), ERR_BAD_FIELD, "65 views");
}

/* What the beats of a cluster cost: most of what two peers send one another. */
Test(beat, is_no_longer_than_it_must_be) {
    static const struct {
        const char *what;
        uint64_t seq;
        int64_t send_us;
        unsigned views;
        size_t len;
    } rows[] = {
        {"a minute old", 600, 60000000, 0, 93},
        {"a week old", 6048000, 604800000000, 0, 99},
        {"a year old", 315360000, 31536000000000, 0, 102},
        {"a week old, with nine views", 6048000, 604800000000, 9, 99 + 9 * 12},
    };
    struct seal_key key = key_of(SEAL_PURPOSE_BEAT, 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t datagram[BEAT_LEN_MAX];
        struct beat b = sample(rows[i].views);
        b.seq = b.echo_seq = rows[i].seq;
        b.send_us = rows[i].send_us;
        b.candidate_boot = b.candidate_seq = 0;
        cr_expect_eq(seal(datagram, &b, &key), rows[i].len, "%s: %zu", rows[i].what,
                     seal(datagram, &b, &key));
    }
}

Test(beat, views_are_rounded_up_and_saturate) {
    struct seal_key key = key_of(SEAL_PURPOSE_BEAT, 0);
    uint8_t datagram[BEAT_LEN_MAX];
    struct beat in = sample(1), out;
    in.views[0].age_ms = 1001;
    in.views[0].rtt_ms = UINT32_MAX;
    cr_assert_eq(beat_open(&out, datagram, seal(datagram, &in, &key), &key), ERR_OK);
    cr_expect(out.views[0].age_ms >= 1001 && out.views[0].age_ms <= 1064, "%u",
              out.views[0].age_ms);
    cr_expect_eq(out.views[0].rtt_ms, 507904);
}

Test(beat, peek_tells_kind_and_sender) {
    struct seal_key key = key_of(SEAL_PURPOSE_BEAT, 0);
    uint8_t datagram[BEAT_LEN_MAX];
    struct beat in = sample(0);
    struct key_hint expected = hint_of(1), sender;
    enum beat_kind kind;
    size_t len = seal(datagram, &in, &key);
    cr_assert_eq(beat_peek(datagram, len, &kind, &sender), ERR_OK);
    cr_expect(kind == BEAT_KIND_BEAT && key_hint_equal(&sender, &expected));
}

Test(beat, sealing_needs_room) {
    struct seal_key key = key_of(SEAL_PURPOSE_BEAT, 0);
    struct key_hint sender = hint_of(1);
    struct beat in = sample(2);
    uint8_t out[36 + BODY_LEN + 16 + 24];
    for (size_t size = 0; size < sizeof(out); size++)
        cr_expect_eq(beat_seal(out, size, &in, &sender, &key, nonce), 0, "%zu bytes", size);
    cr_expect_eq(beat_seal(out, sizeof(out), &in, &sender, &key, nonce), sizeof(out));
    in = (struct beat){.kind = BEAT_KIND_BEAT, .boot = 1, .seq = 1, .interval_ms = 100};
    cr_expect_eq(beat_seal(out, sizeof(out), &in, &sender, &key, nonce), 36 + BODY_MIN + 16);
    cr_expect_eq(BEAT_LEN_MIN, 36 + BODY_MIN + 16);
}

/* What a peer may cost: beats every 100 ms, and views of nine others as often as they ride. */
Test(beat, ten_peers_cost_less_than_a_kilobyte_and_a_half_a_second) {
    struct seal_key key = key_of(SEAL_PURPOSE_BEAT, 0);
    uint8_t datagram[BEAT_LEN_MAX];
    struct beat plain = {.kind = BEAT_KIND_BEAT,
                         .boot = 1,
                         .seq = 6048000, /* of a week */
                         .send_us = 604800000000,
                         .echo_boot = 2,
                         .echo_seq = 6048000,
                         .interval_ms = 100};
    struct beat told = sample(9);
    told.boot = told.echo_boot = 1;
    told.candidate_boot = told.candidate_seq = 0;
    told.seq = told.echo_seq = plain.seq;
    told.send_us = plain.send_us;
    told.echo_age_us = 100000;
    size_t without = seal(datagram, &plain, &key), with = seal(datagram, &told, &key);
    size_t a_second = (without * (PEERING_VIEWS_EVERY - 1) + with) * 10 / PEERING_VIEWS_EVERY;
    cr_expect_leq(a_second, 1500u, "%zu bytes a second: %zu, and %zu with views", a_second, without,
                  with);
}
