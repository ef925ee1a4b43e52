#include "transcoder/rtp/payload.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define FRAMES_PER_S (1000 / RTP_PAYLOAD_FRAME_MS)

struct row {
    const char *codec;
    const char *encoding;
    uint8_t payload_type;
    uint32_t clock_rate_hz; /* 0: that of the samples */
    uint8_t channels;       /* 0: those of the samples */
};

static const struct row rows[] = {
    {"opus", "opus", RTP_PAYLOAD_TYPE_OPUS, 48000, 2}, /* RFC 7587 sections 4.1 and 7 */
    {"pcmu", "PCMU", 0, 0, 0},
    {"pcma", "PCMA", 8, 0, 0},
    {"gsm", "GSM", 3, 0, 0},
    {"l16", "L16", RTP_PAYLOAD_TYPE_L16, 0, 0},
};

bool rtp_payload_of(struct rtp_payload *out, const char *codec, uint32_t rate_hz, uint32_t channels,
                    uint32_t bitrate_bps) {
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *r = &rows[i];
        if (strcmp(r->codec, codec) != 0)
            continue;
        *out = (struct rtp_payload){.encoding = r->encoding, .payload_type = r->payload_type};
        out->clock_rate_hz = r->clock_rate_hz != 0 ? r->clock_rate_hz : rate_hz;
        out->channels = (uint8_t)(r->channels != 0 ? r->channels : channels);
        out->samples_per_frame = out->clock_rate_hz / FRAMES_PER_S;
        if (r->payload_type == RTP_PAYLOAD_TYPE_OPUS)
            snprintf(out->fmtp, sizeof(out->fmtp),
                     "stereo=%d;sprop-stereo=%d;cbr=1;maxaveragebitrate=%u", channels == 2,
                     channels == 2, bitrate_bps);
        return true;
    }
    return false;
}
