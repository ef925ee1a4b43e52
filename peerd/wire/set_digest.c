#include "peerd/wire/set_digest.h"

#include "peerd/base/bytes.h"

#include <sodium.h>
#include <string.h>

void set_digest_toggle(struct set_digest *d, const struct session_id *session, uint32_t epoch,
                       enum resume_purpose purpose) {
    uint8_t input[SESSION_ID_BYTES + 5];
    uint8_t hash[SET_DIGEST_BYTES];
    struct writer w = writer_over(input, sizeof(input));
    write_copy(&w, session->bytes, SESSION_ID_BYTES);
    write_u32(&w, epoch);
    write_u8(&w, (uint8_t)purpose);
    crypto_generichash(hash, sizeof(hash), input, writer_len(&w), NULL, 0);
    for (size_t i = 0; i < sizeof(hash); i++)
        d->bytes[i] ^= hash[i];
}

bool set_digest_equal(const struct set_digest *a, const struct set_digest *b) {
    return memcmp(a->bytes, b->bytes, SET_DIGEST_BYTES) == 0;
}
