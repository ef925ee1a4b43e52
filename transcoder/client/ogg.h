/*
 * Ogg pages with Opus in them (RFC 3533, RFC 7845): one packet a page, so that nothing waits for
 * the next. Pure.
 *
 * Time goes by granules of 48 kHz, whatever the encoder's rate. A packet that is missing is stood
 * in for by its table of contents alone (RFC 6716 section 3.1: a frame of no bytes), which every
 * decoder conceals: what follows keeps its place.
 */
#ifndef TRANSCODER_CLIENT_OGG_H
#define TRANSCODER_CLIENT_OGG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OGG_PACKET_LEN_MAX 1500 /* [bytes] */
#define OGG_HEAD_LEN_MAX   256  /* [bytes] of the two pages of headers */
#define OGG_PRE_SKIP       3840 /* [granules] 80 ms, until a decoder that comes late converges */

/* [bytes] Its head, six lacing values at most, and a packet. */
#define OGG_PAGE_LEN_MAX (27 + 6 + OGG_PACKET_LEN_MAX)

/* One logical stream. */
struct ogg {
    uint32_t serial;
    uint32_t page; /* number of the next one */
    uint64_t granule;
};

void ogg_init(struct ogg *o, uint32_t serial);

/* Both header pages, OpusHead and OpusTags; `channels` 1 or 2. Returns their length. */
size_t ogg_head(struct ogg *o, unsigned channels, uint32_t rate_hz, uint8_t out[OGG_HEAD_LEN_MAX]);

/* A page with one packet of so many granules. Returns its length, 0 for a packet that is too long.
 */
size_t ogg_packet(struct ogg *o, const void *packet, size_t len, uint32_t granules,
                  uint8_t out[OGG_PAGE_LEN_MAX]);

/* The last page, with nothing in it. */
size_t ogg_end(struct ogg *o, uint8_t out[OGG_PAGE_LEN_MAX]);

/* What stands in for a packet that is missing, by the first byte of the one before it. */
uint8_t ogg_missing(uint8_t toc);

#endif
