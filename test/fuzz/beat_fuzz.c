/*
 * Beats: the first byte of an input chooses the way in.
 *   0       the rest is a datagram as it came: peek and open, which almost always end at the seal
 *   others  kind and the rest is a body, sealed here under the known key, so that the body parser
 *           and the echo machine behind it are reached
 * A beat that opens must seal to the very same datagram: one struct, one encoding.
 */
#include "peerd/wire/beat.h"
#include "peerd/wire/echo.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

#define OUR_BOOT  0x1111111111111111
#define OUR_SENDS 300

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct seal_key known_key(void) {
    static const uint8_t seeds[2][KEY_BYTES] = {{1}, {2}};
    static struct seal_key key;
    static int ready;
    if (!ready) {
        struct key_pair a, b;
        key_pair_from_seed(&a, seeds[0]);
        key_pair_from_seed(&b, seeds[1]);
        CHECK(seal_key_derive(&key, &a, &b.public_key, true, SEAL_PURPOSE_BEAT, 0) == ERR_OK);
        ready = 1;
    }
    return key;
}

static void open_untouched_or_canonical(const uint8_t *datagram, size_t len, struct beat *out,
                                        bool *opened) {
    struct seal_key key = known_key();
    struct beat before;
    struct key_hint sender;
    enum beat_kind kind;
    uint8_t again[BEAT_LEN_MAX];
    memset(out, 0x5a, sizeof(*out));
    before = *out;
    *opened = beat_open(out, datagram, len, &key) == ERR_OK;
    if (!*opened) {
        CHECK(memcmp(out, &before, sizeof(before)) == 0);
        return;
    }
    CHECK(beat_peek(datagram, len, &kind, &sender) == ERR_OK && kind == out->kind);
    CHECK(beat_seal(again, sizeof(again), out, &sender, &key, datagram + 12) == len);
    CHECK(memcmp(again, datagram, len) == 0);
}

/* A machine in the middle of its life hears the beat twice. */
static void hear(const struct beat *beat) {
    static struct echo ready;
    struct echo e;
    if (ready.boot == 0) {
        struct beat own = {.kind = BEAT_KIND_BEAT};
        echo_init(&ready, OUR_BOOT);
        for (int i = 0; i < OUR_SENDS; i++)
            echo_fill(&ready, &own, instant_us(i * 1000));
    }
    e = ready;
    for (int i = 0; i < 2; i++) {
        echo_beat_received(&e, beat, instant_us(OUR_SENDS * 1000));
        echo_check_invariants(&e);
    }
    CHECK(echo_beat_received(&e, beat, instant_us(OUR_SENDS * 1000)).result == ECHO_REPLAYED ||
          beat->boot != e.candidate.boot);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t header[BEAT_HEADER_LEN] = {'p', 'B', 2};
    struct seal_key key = known_key();
    struct beat beat;
    bool opened;
    if (size == 0)
        return 0;
    if (data[0] == 0) {
        open_untouched_or_canonical(data + 1, size - 1, &beat, &opened);
        return 0;
    }
    uint8_t datagram[BEAT_LEN_MAX + 64];
    size_t body_len = size - 1;
    if (body_len > sizeof(datagram) - BEAT_HEADER_LEN - 16)
        return 0;
    memcpy(datagram, header, sizeof(header));
    datagram[3] = data[0];
    crypto_aead_xchacha20poly1305_ietf_encrypt(datagram + BEAT_HEADER_LEN, NULL, data + 1, body_len,
                                               datagram, BEAT_HEADER_LEN, NULL, datagram + 12,
                                               key.bytes);
    open_untouched_or_canonical(datagram, BEAT_HEADER_LEN + body_len + 16, &beat, &opened);
    if (opened)
        hear(&beat);
    return 0;
}
