/* How codecs appear in RTP and SDP: RFC 3551 table 4 and RFC 7587 sections 4 and 7. */
#include "transcoder/rtp/payload.h"

#include <criterion/criterion.h>
#include <string.h>

Test(payload, facts_of_each_codec) {
    static const struct {
        const char *what;
        const char *codec;
        uint32_t rate_hz, channels, bitrate_bps;
        struct rtp_payload is;
    } rows[] = {
        {"G.711 µ-law", "pcmu", 8000, 1, 0, {"PCMU", 0, 8000, 1, 160, ""}},
        {"G.711 A-law", "pcma", 8000, 1, 0, {"PCMA", 8, 8000, 1, 160, ""}},
        {"GSM full rate", "gsm", 8000, 1, 0, {"GSM", 3, 8000, 1, 160, ""}},
        {"linear, as sampled", "l16", 16000, 2, 0, {"L16", 112, 16000, 2, 320, ""}},
        {"linear, 24 kHz", "l16", 24000, 1, 0, {"L16", 112, 24000, 1, 480, ""}},
        {"Opus says 48 kHz and two channels whatever is inside",
         "opus",
         8000,
         1,
         6000,
         {"opus", 111, 48000, 2, 960, "stereo=0;sprop-stereo=0;cbr=1;maxaveragebitrate=6000"}},
        {"Opus stereo",
         "opus",
         48000,
         2,
         510000,
         {"opus", 111, 48000, 2, 960, "stereo=1;sprop-stereo=1;cbr=1;maxaveragebitrate=510000"}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rtp_payload p;
        const struct rtp_payload *is = &rows[i].is;
        memset(&p, 0xa5, sizeof(p));
        cr_assert(rtp_payload_of(&p, rows[i].codec, rows[i].rate_hz, rows[i].channels,
                                 rows[i].bitrate_bps),
                  "%s", rows[i].what);
        cr_expect_str_eq(p.encoding, is->encoding, "%s", rows[i].what);
        cr_expect_eq(p.payload_type, is->payload_type, "%s", rows[i].what);
        cr_expect_eq(p.clock_rate_hz, is->clock_rate_hz, "%s", rows[i].what);
        cr_expect_eq(p.channels, is->channels, "%s", rows[i].what);
        cr_expect_eq(p.samples_per_frame, is->samples_per_frame, "%s", rows[i].what);
        cr_expect_str_eq(p.fmtp, is->fmtp, "%s", rows[i].what);
    }
}

Test(payload, unknown_codecs_are_refused) {
    static const char *const words[] = {"", "Opus", "opu", "opusx", "g722", "PCMU"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        struct rtp_payload p = {.payload_type = 99};
        cr_expect_not(rtp_payload_of(&p, words[i], 8000, 1, 0), "%s", words[i]);
        cr_expect_eq(p.payload_type, 99, "%s: left alone", words[i]);
    }
}

/* Types 72 to 76 would look like RTCP beside it (RFC 5761 section 4). */
Test(payload, dynamic_types_stay_clear_of_rtcp) {
    cr_expect(RTP_PAYLOAD_TYPE_OPUS >= 96 && RTP_PAYLOAD_TYPE_OPUS <= 127);
    cr_expect(RTP_PAYLOAD_TYPE_L16 >= 96 && RTP_PAYLOAD_TYPE_L16 <= 127);
    cr_expect_neq(RTP_PAYLOAD_TYPE_OPUS, RTP_PAYLOAD_TYPE_L16);
}
