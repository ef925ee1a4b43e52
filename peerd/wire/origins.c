#include "peerd/wire/origins.h"

#include "peerd/base/bytes.h"

#include <assert.h>
#include <string.h>

/* FNV-1a, 32 bit (Fowler, Noll and Vo): it tells lists apart, nobody has to be kept from making two
 * alike, since a cluster signs its list itself. */
static uint32_t mix(uint32_t hash, const void *data, size_t len) {
    const uint8_t *bytes = data;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ bytes[i]) * UINT32_C(16777619);
    return hash;
}

uint32_t origins_check(const struct description_origin *origins, size_t count) {
    uint32_t hash = UINT32_C(2166136261);
    for (size_t i = 0; i < count; i++) {
        const uint8_t live = origins[i].live;
        hash = mix(hash, origins[i].name.text, strlen(origins[i].name.text) + 1);
        hash = mix(hash, origins[i].url, strlen(origins[i].url) + 1);
        hash = mix(hash, &live, 1);
    }
    return hash;
}

struct origins_word origins_word_of(const struct description_origin *origins, size_t count) {
    struct origins_word word = {.check = origins_check(origins, count)};
    assert(count <= ORIGINS_MAX);
    for (size_t i = 0; i < count; i++)
        if (!origins[i].healthy)
            word.ill |= (uint16_t)(1U << i);
    return word;
}

void origins_write(uint8_t out[ORIGINS_BLOCK_LEN], const struct origins_word *word) {
    struct writer w = writer_over(out, ORIGINS_BLOCK_LEN);
    write_u32(&w, word->check);
    write_u16(&w, word->ill);
}

bool origins_read(struct origins_word *out, const void *bytes, size_t len) {
    struct reader r = reader_over(bytes, len);
    struct origins_word word;
    word.check = read_u32(&r);
    word.ill = read_u16(&r);
    if (!reader_done(&r))
        return false;
    *out = word;
    return true;
}
