/*
 * Digests: any bytes are decoded or refused, and refused untouched. What is decoded encodes to the
 * same bytes: one digest has one encoding. So do the words about origins and about their players.
 */
#include "peerd/wire/audience.h"
#include "peerd/wire/digest.h"
#include "peerd/wire/origins.h"

#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

static void read_word(const uint8_t *data, size_t size) {
    struct origins_word word;
    uint8_t again[ORIGINS_BLOCK_LEN];
    bool read = origins_read(&word, data, size);
    CHECK(read == (size == ORIGINS_BLOCK_LEN));
    if (!read)
        return;
    origins_write(again, &word);
    CHECK(memcmp(again, data, size) == 0);
}

static void read_audience(const uint8_t *data, size_t size) {
    uint8_t again[AUDIENCE_BLOCK_LEN_MAX];
    struct audience_told told;
    if (!audience_read(&told, data, size))
        return;
    CHECK(audience_write(again, &told) == size);
    for (size_t i = 0; i < size; i++) /* counts as below */
        CHECK(again[i] == data[i] || data[i] >= 0xc0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct digest_entry entries[DIGEST_ENTRIES_MAX], before;
    uint8_t bytes[DIGEST_LEN_MAX];
    size_t count = 0, written = 0;
    read_word(data, size);
    read_audience(data, size);
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
