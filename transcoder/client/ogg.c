#include "transcoder/client/ogg.h"

#include <assert.h>
#include <string.h>

#define CRC_POLYNOMIAL 0x04c11db7u
#define LACING         255u
#define PAGE_HEAD_LEN  27 /* [bytes] */

enum page_kind {
    PAGE_PLAIN = 0,
    PAGE_BEGINS = 2,
    PAGE_ENDS = 4
};

static void put(uint8_t *out, uint64_t value, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        out[i] = (uint8_t)(value >> 8 * i);
}

/* RFC 3533 section 6: no reflection, no initial value, over the page with zeros in its place. */
static uint32_t crc_of(const uint8_t *page, size_t len) {
    uint32_t crc = 0;
    for (size_t i = 0; i < len; i++) {
        crc ^= (uint32_t)page[i] << 24;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 0x80000000u ? crc << 1 ^ CRC_POLYNOMIAL : crc << 1;
    }
    return crc;
}

static size_t page(struct ogg *o, enum page_kind kind, const void *packet, size_t len,
                   uint8_t *out) {
    size_t segments = packet == NULL ? 0 : len / LACING + 1;
    size_t head = PAGE_HEAD_LEN + segments;
    memcpy(out, "OggS", 4);
    out[4] = 0;
    out[5] = (uint8_t)kind;
    put(out + 6, o->granule, 8);
    put(out + 14, o->serial, 4);
    put(out + 18, o->page++, 4);
    put(out + 22, 0, 4);
    out[26] = (uint8_t)segments;
    for (size_t i = 0; i < segments; i++)
        out[PAGE_HEAD_LEN + i] = i + 1 < segments ? LACING : (uint8_t)(len % LACING);
    if (packet != NULL)
        memcpy(out + head, packet, len);
    put(out + 22, crc_of(out, head + len), 4);
    return head + len;
}

void ogg_init(struct ogg *o, uint32_t serial) {
    *o = (struct ogg){.serial = serial};
}

size_t ogg_head(struct ogg *o, unsigned channels, uint32_t rate_hz, uint8_t out[OGG_HEAD_LEN_MAX]) {
    static const uint8_t tags[] =
        "OpusTags\5\0\0\0peerd\0\0\0"; /* and a zero of C's: no comments */
    uint8_t head[19] = "OpusHead\1";
    assert(channels == 1 || channels == 2);
    head[9] = (uint8_t)channels;
    put(head + 10, OGG_PRE_SKIP, 2);
    put(head + 12, rate_hz, 4);
    put(head + 16, 0, 3); /* no gain, mapping family 0 */
    size_t len = page(o, PAGE_BEGINS, head, sizeof(head), out);
    return len + page(o, PAGE_PLAIN, tags, sizeof(tags), out + len);
}

size_t ogg_packet(struct ogg *o, const void *packet, size_t len, uint32_t granules,
                  uint8_t out[OGG_PAGE_LEN_MAX]) {
    if (len == 0 || len > OGG_PACKET_LEN_MAX)
        return 0;
    o->granule += granules;
    return page(o, PAGE_PLAIN, packet, len, out);
}

size_t ogg_end(struct ogg *o, uint8_t out[OGG_PAGE_LEN_MAX]) {
    return page(o, PAGE_ENDS, NULL, 0, out);
}

uint8_t ogg_missing(uint8_t toc) {
    return toc & 0xfc; /* the same kind of frame, one of them */
}
