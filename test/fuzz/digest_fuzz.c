/*
 * Digests: any bytes are decoded or refused, and refused untouched. What is decoded encodes to the
 * same bytes: one digest has one encoding.
 */
#include "peerd/wire/digest.h"

#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct digest_entry entries[DIGEST_ENTRIES_MAX], before;
    uint8_t bytes[DIGEST_LEN_MAX];
    size_t count = 0, written = 0;
    memset(entries, 0x55, sizeof(entries));
    before = entries[0];
    if (digest_decode(entries, &count, data, size) != ERR_OK) {
        CHECK(count == 0 && memcmp(&entries[0], &before, sizeof(before)) == 0);
        return 0;
    }
    CHECK(count > 0 && count <= DIGEST_ENTRIES_MAX);
    for (size_t i = 0; i < count; i++)
        CHECK(prefix_is_canonical(&entries[i].location));
    size_t len = digest_encode(bytes, sizeof(bytes), entries, count, &written);
    CHECK(written == count && len == size);
    /* Counts of more than 65,535 are one. */
    for (size_t i = 0; i < len; i++)
        CHECK(bytes[i] == data[i] || data[i] >= 0xc0);
    return 0;
}
