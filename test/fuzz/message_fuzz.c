/*
 * Media messages: what decodes is in range, encodes to the same bytes (a signature or a pass's MAC
 * aside, which need a key), and what does not decode leaves the caller's struct alone.
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
    const struct pass pass = {.mark = m.mark};
    size_t same = m.mark != 0 ? len - PASS_PROOF_BYTES : is_signed ? len - SIGNATURE_BYTES : len;
    require(m.mark == 0 || m.kind == MESSAGE_RESUME || m.kind == MESSAGE_REPORT);
    require((m.mark != 0 ? message_encode_passed(again, sizeof(again), &m, &pass)
                         : message_encode(again, sizeof(again), &m, &pair)) == len);
    require(memcmp(again, data, same) == 0);
    if (is_signed)
        require(m.signed_part.data == data && m.signed_part.len == same);
    if (m.mark != 0)
        require(message_verify_passed(&m, &pair.public_key, &nobody, seed, 1) != ERR_OK);
    else if (is_signed)
        (void)message_verify(&m, &pair.public_key, &nobody);
    return 0;
}
