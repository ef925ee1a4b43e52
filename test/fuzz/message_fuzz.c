/*
 * Media messages: what decodes is in range, encodes to the same bytes (a signature aside, which
 * needs a key), and what does not decode leaves the caller's struct alone.
 */
#include "peerd/wire/message.h"

#include <stdlib.h>
#include <string.h>

static void require(bool ok) {
    if (!ok)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static const uint8_t seed[KEY_BYTES] = {1};
    static const struct key_hint nobody = {{0}};
    struct key_pair pair;
    struct message m, untouched;
    uint8_t again[MESSAGE_LEN_MAX];
    memset(&m, 0xab, sizeof(m));
    memcpy(&untouched, &m, sizeof(m));
    if (message_decode(&m, data, len) != ERR_OK) {
        require(memcmp(&m, &untouched, sizeof(m)) == 0);
        return 0;
    }
    key_pair_from_seed(&pair, seed);
    bool is_signed = message_is_signed(m.kind);
    size_t same = is_signed ? len - SIGNATURE_BYTES : len;
    require(message_encode(again, sizeof(again), &m, &pair) == len);
    require(memcmp(again, data, same) == 0);
    if (is_signed) {
        require(m.signed_part.data == data && m.signed_part.len == same);
        (void)message_verify(&m, &pair.public_key, &nobody);
    }
    return 0;
}
