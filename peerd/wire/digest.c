#include "peerd/wire/digest.h"

#include "peerd/base/bytes.h"
#include "peerd/wire/coarse.h"

#include <string.h>

#define IPV6_FLAG   0x80
#define RATING_UNIT 50 /* [R/100] */
#define SPREAD_UNIT 25 /* [R/100] */

static uint8_t in_units(uint32_t figure, uint32_t unit, uint32_t most) {
    uint32_t units = (figure + unit / 2) / unit;
    return (uint8_t)(units < most ? units : most);
}

/* Rounded down, where wire/coarse rounds up. */
static uint8_t code_of(uint32_t count) {
    uint8_t code = coarse_from_ms(count);
    return coarse_to_ms(code) > count ? (uint8_t)(code - 1) : code;
}

static uint16_t count_of(uint8_t code) {
    uint32_t count = coarse_to_ms(code);
    return count < UINT16_MAX ? (uint16_t)count : UINT16_MAX;
}

static void write_entry(struct writer *w, const struct digest_entry *e) {
    write_u8(w, (uint8_t)(e->location.bits | (e->location.addr.family == 6 ? IPV6_FLAG : 0)));
    write_copy(w, e->location.addr.ip, (e->location.bits + 7U) / 8);
    write_u8(w, in_units(e->usual_centi, RATING_UNIT, DIGEST_RATING_MAX / RATING_UNIT));
    write_u8(w, in_units(e->recent_centi, RATING_UNIT, DIGEST_RATING_MAX / RATING_UNIT));
    write_u8(w, in_units(e->spread_centi, SPREAD_UNIT, UINT8_MAX));
    write_u8(w, code_of(e->reports));
    write_u8(w, code_of(e->clients));
}

static size_t len_of(const struct digest_entry *e) {
    return DIGEST_ENTRY_LEN(e->location.bits);
}

size_t digest_encode(uint8_t *out, size_t room, const struct digest_entry *entries, size_t count,
                     size_t *written) {
    size_t fitting = 0, len = DIGEST_HEADER_LEN;
    room = room < DIGEST_LEN_MAX ? room : DIGEST_LEN_MAX;
    while (fitting < count && fitting < DIGEST_ENTRIES_MAX &&
           len + len_of(&entries[fitting]) <= room)
        len += len_of(&entries[fitting++]);
    *written = fitting;
    if (fitting == 0)
        return 0;
    struct writer w = writer_over(out, room);
    write_u8(&w, DIGEST_VERSION);
    write_u8(&w, (uint8_t)fitting);
    for (size_t i = 0; i < fitting; i++)
        write_entry(&w, &entries[i]);
    return writer_len(&w);
}

static bool read_entry(struct reader *r, struct digest_entry *e) {
    uint8_t form = read_u8(r), bits = form & (IPV6_FLAG - 1), rating;
    *e = (struct digest_entry){.location.bits = bits};
    e->location.addr.family = form & IPV6_FLAG ? 6 : 4;
    if (bits > (form & IPV6_FLAG ? DIGEST_IPV6_BITS_MAX : 32))
        return false;
    read_copy(r, e->location.addr.ip, (bits + 7U) / 8);
    rating = read_u8(r);
    e->usual_centi = (uint16_t)(rating * RATING_UNIT);
    rating = read_u8(r);
    e->recent_centi = (uint16_t)(rating * RATING_UNIT);
    e->spread_centi = (uint16_t)(read_u8(r) * SPREAD_UNIT);
    e->reports = count_of(read_u8(r));
    e->clients = count_of(read_u8(r));
    return e->usual_centi <= DIGEST_RATING_MAX && e->recent_centi <= DIGEST_RATING_MAX &&
           prefix_is_canonical(&e->location);
}

enum err digest_decode(struct digest_entry *out, size_t *count, const void *bytes, size_t len) {
    struct digest_entry entries[DIGEST_ENTRIES_MAX];
    struct reader r = reader_over(bytes, len);
    if (len > DIGEST_LEN_MAX)
        return ERR_OVERSIZED;
    if (len < DIGEST_HEADER_LEN)
        return ERR_TRUNCATED;
    if (read_u8(&r) != DIGEST_VERSION)
        return ERR_BAD_VERSION;
    size_t told = read_u8(&r);
    if (told == 0 || told > DIGEST_ENTRIES_MAX)
        return ERR_BAD_FIELD;
    for (size_t i = 0; i < told; i++)
        if (!read_entry(&r, &entries[i]))
            return ERR_BAD_FIELD;
    if (r.failed)
        return ERR_TRUNCATED;
    if (!reader_done(&r))
        return ERR_BAD_FIELD;
    memcpy(out, entries, told * sizeof(entries[0]));
    *count = told;
    return ERR_OK;
}
