/*
 * Payload: how each codec appears in RTP and SDP.
 *
 * RFC 3551 for PCMU, PCMA, GSM and L16, RFC 7587 for Opus. A frame is 20 ms everywhere in this
 * project. peerd tells clients these facts, workers number packets by them.
 */
#ifndef TRANSCODER_RTP_PAYLOAD_H
#define TRANSCODER_RTP_PAYLOAD_H

#include <stdbool.h>
#include <stdint.h>

#define RTP_PAYLOAD_FRAME_MS  20  /* [ms] */
#define RTP_PAYLOAD_TYPE_OPUS 111 /* dynamic; the number that browsers use, too */
#define RTP_PAYLOAD_TYPE_L16  112 /* dynamic: types 10 and 11 mean 44.1 kHz */

struct rtp_payload {
    const char *encoding;       /* encoding name, e.g. "opus", "PCMU" */
    uint8_t payload_type;       /* static, or ours from the dynamic range */
    uint32_t clock_rate_hz;     /* [Hz] of RTP timestamps */
    uint8_t channels;           /* of the rtpmap: always 2 for Opus, whatever is inside */
    uint32_t samples_per_frame; /* timestamp units in 20 ms */
    char fmtp[96];              /* value of a=fmtp without the payload type; empty for none */
};

/* Facts of a codec by the name that policies use (opus, pcmu, pcma, gsm, l16), given the sampling
 * rate and channels of what is encoded. False for an unknown codec. */
bool rtp_payload_of(struct rtp_payload *out, const char *codec, uint32_t rate_hz, uint32_t channels,
                    uint32_t bitrate_bps);

#endif
