/*
 * RTP packets: the fixed header of RFC 3550 section 5.1 and what may follow it.
 *
 * Written without CSRC, extension or padding; read with all of them, strictly: every length must
 * lie within the datagram, and nothing is guessed. RTP, RTCP and our own messages share one port;
 * rtp_kind() tells them apart by RFC 7983 and RFC 5761 section 4.
 */
#ifndef TRANSCODER_RTP_RTP_H
#define TRANSCODER_RTP_RTP_H

#include "peerd/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTP_HEADER_BYTES 12 /* [bytes] without CSRC and extension */
#define RTP_VERSION      2

enum rtp_kind {
    RTP_KIND_NEITHER, /* not of this family: STUN, DTLS, our own messages, noise */
    RTP_KIND_RTP,
    RTP_KIND_RTCP
};

struct rtp_packet {
    bool marker;
    uint8_t payload_type; /* 0…127 */
    uint16_t seq;
    uint32_t timestamp; /* [ticks of the RTP clock] */
    uint32_t ssrc;
    const uint8_t *payload; /* borrowed from the datagram; padding is not part of it */
    size_t payload_len;     /* [bytes] */
};

enum rtp_kind rtp_kind(const void *datagram, size_t len);

/* Decodes in full before `out` is touched. ERR_TRUNCATED, ERR_BAD_VERSION, ERR_BAD_KIND (that is
 * RTCP), ERR_BAD_FIELD (padding of 0 or more than there is). */
enum err rtp_decode(struct rtp_packet *out, const void *datagram, size_t len);

/* Writes the 12 bytes of header only: the payload may stand elsewhere (scatter/gather). */
void rtp_header_encode(uint8_t out[RTP_HEADER_BYTES], const struct rtp_packet *p);

/* Writes header and payload. Returns the length, 0 if it does not fit. */
size_t rtp_encode(uint8_t *out, size_t out_size, const struct rtp_packet *p);

#endif
