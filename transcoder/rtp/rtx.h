/*
 * RTX: a packet sent again, in the retransmission payload format of RFC 4588.
 *
 * It has a source, a payload type and sequence numbers of its own, so that what the receiver counts
 * of the stream itself (loss, jitter) stays what the path did; its timestamp is the original's, and
 * its payload begins with the original's sequence number. Source and payload type follow from those
 * of the stream, as all numbering follows from the ticket: nobody has to be told.
 */
#ifndef TRANSCODER_RTP_RTX_H
#define TRANSCODER_RTP_RTX_H

#include "transcoder/rtp/rtp.h"

#define RTX_OSN_BYTES 2 /* [bytes] of the original sequence number before the payload */

/* The source that sends again what `ssrc` sent: all its bits inverted. */
uint32_t rtx_ssrc(uint32_t ssrc);

/* Likewise the payload type: the next dynamic one, 97 for a static one (RFC 3551 section 6). */
uint8_t rtx_payload_type(uint8_t payload_type);

/* Writes `original` as packet `seq` of the retransmission stream. Returns the length, 0 if it does
 * not fit. */
size_t rtx_encode(uint8_t *out, size_t out_size, const struct rtp_packet *original, uint16_t seq);

/* True if `p` is one that was sent again for the stream of that source and payload type; then
 * `original` is that packet, its payload borrowed from `p`. False leaves `original` untouched. */
bool rtx_decode(struct rtp_packet *original, const struct rtp_packet *p, uint8_t payload_type,
                uint32_t ssrc);

#endif
