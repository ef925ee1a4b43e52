#include "peerd/wire/audience.h"

#include "peerd/base/bytes.h"

#include <string.h>

#define HEAD_LEN 6
#define LOT_STEP 4 /* lots a step of what is told */

/* FNV-1a, 32 bit, each name with its end, so that no two pairs of names run together alike. */
static uint32_t mix(uint32_t hash, const struct name *name) {
    for (size_t i = 0; i <= strlen(name->text); i++)
        hash = (hash ^ (uint8_t)name->text[i]) * UINT32_C(16777619);
    return hash;
}

uint32_t audience_way(const struct name *origin, const struct name *cluster) {
    return mix(mix(UINT32_C(2166136261), origin), cluster);
}

size_t audience_write(uint8_t out[AUDIENCE_BLOCK_LEN_MAX], const struct audience_told *told) {
    struct writer w = writer_over(out, HEAD_LEN);
    size_t written = 0;
    write_u32(&w, told->way);
    write_u8(&w, (uint8_t)(told->leave_from / LOT_STEP));
    write_u8(&w, (uint8_t)(told->leave_to / LOT_STEP));
    return HEAD_LEN + digest_encode(out + HEAD_LEN, AUDIENCE_BLOCK_LEN_MAX - HEAD_LEN, &told->fares,
                                    1, &written);
}

bool audience_read(struct audience_told *out, const void *bytes, size_t len) {
    struct digest_entry entries[DIGEST_ENTRIES_MAX];
    size_t count = 0;
    if (len < HEAD_LEN || len > AUDIENCE_BLOCK_LEN_MAX)
        return false;
    struct reader r = reader_over(bytes, HEAD_LEN);
    struct audience_told told = {.way = read_u32(&r)};
    told.leave_from = (uint16_t)(read_u8(&r) * LOT_STEP);
    told.leave_to = (uint16_t)(read_u8(&r) * LOT_STEP);
    if (told.leave_from > told.leave_to || told.leave_to > AUDIENCE_LOTS ||
        digest_decode(entries, &count, (const uint8_t *)bytes + HEAD_LEN, len - HEAD_LEN) !=
            ERR_OK ||
        count != 1)
        return false;
    told.fares = entries[0];
    *out = told;
    return true;
}
