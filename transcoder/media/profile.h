/*
 * A profile: the codec of a session's output and every parameter that its bytes depend on.
 *
 * Pure facts, no library behind them: what a profile means in RTP (RFC 3551 for G.711, GSM and
 * L16, RFC 7587 for Opus), whether it can be carried in one datagram a frame, and whether frames
 * made by two servers can be merged. Bit rates are constant, always: with a variable one an
 * encoder's past decides the size of every later packet and no pre-roll makes two servers agree.
 */
#ifndef TRANSCODER_MEDIA_PROFILE_H
#define TRANSCODER_MEDIA_PROFILE_H

#include "peerd/base/err.h"
#include "peerd/base/id.h"
#include "transcoder/media/media.h"
#include "transcoder/timeline/lap.h"

#include <stdbool.h>

/* [frames] A codec with a memory is run in laps: see lap.h and stream.h. */
#define MEDIA_LAP_FRAMES      LAP_FRAMES
#define MEDIA_LAP_JOIN_FRAMES LAP_JOIN_FRAMES

/* [frames] A profile that asks for less pre-roll prefers quick starts to mergeable ones. */
#define MEDIA_OPUS_PREROLL_MERGES LAP_MERGES_FRAMES

#define MEDIA_PREROLL_FRAMES_MAX 500        /* [frames] more would cost over 30 ms of CPU a start */
#define MEDIA_NEVER_MERGES       UINT64_MAX /* a mergeable_from that never comes */

enum media_codec {
    MEDIA_CODEC_OPUS,
    MEDIA_CODEC_PCMU,
    MEDIA_CODEC_PCMA,
    MEDIA_CODEC_GSM,
    MEDIA_CODEC_L16
};

/* OPUS_APPLICATION_*. Only the first runs in laps: the others switch modes, and their joints were
 * less even (voip 0.8 dB of SNR lost on average with a join of 10 frames; audio 17 dB in one frame
 * with 8). */
enum media_application {
    MEDIA_APPLICATION_LOWDELAY, /* restricted low delay: CELT only */
    MEDIA_APPLICATION_AUDIO,
    MEDIA_APPLICATION_VOIP
};

struct media_profile {
    struct name name;                   /* what tickets and policies call it */
    enum media_codec codec;             /* of the payload */
    uint32_t rate_hz;                   /* [Hz] of the samples that are encoded */
    uint8_t channels;                   /* 1 or 2 */
    uint32_t bitrate_bps;               /* [bit/s] of the payload; follows from the codec but for
                                           Opus, where it is a choice */
    uint8_t complexity;                 /* 0..10, Opus only */
    enum media_application application; /* Opus only */
    uint16_t preroll_frames;            /* how far a full start may reach back; from
                                           MEDIA_OPUS_PREROLL_MERGES on, to the lap's beginning;
                                           without meaning where the codec has no memory */
};

/* What SDP and RTP need to know. */
struct media_rtp {
    const char *encoding;       /* encoding name of RFC 3551 or RFC 7587 */
    uint8_t payload_type;       /* static one, or ours from the dynamic range */
    uint32_t clock_rate_hz;     /* [Hz] of RTP timestamps */
    uint8_t channels;           /* of the rtpmap: always 2 for Opus, whatever is inside */
    uint32_t samples_per_frame; /* timestamp units in 20 ms */
    char rtpmap[40];            /* value of a=rtpmap without the payload type */
    char fmtp[96];              /* value of a=fmtp without the payload type; empty for none */
};

const char *media_codec_name(enum media_codec c); /* "opus", "pcmu", "pcma", "gsm", "l16" */
bool media_codec_by_name(enum media_codec *out, const char *text);
const char *media_application_name(enum media_application a); /* "lowdelay", "audio", "voip" */
bool media_application_by_name(enum media_application *out, const char *text);

/* The codec's defaults, under the codec's name: Opus 48 kHz mono, 32 kbit/s, low delay, complexity
 * 5, 100 frames of pre-roll; G.711 and GSM 8 kHz mono; L16 16 kHz mono. */
void media_profile_init(struct media_profile *out, enum media_codec codec);

/* ERR_UNSUPPORTED, and in `why` (may be NULL) what to change, when no encoder could serve it or a
 * frame would not fit MEDIA_PAYLOAD_BYTES_MAX. L16 therefore goes up to 30 kHz mono or 15 kHz
 * stereo: at 48 kHz a frame is 1920 bytes, and shorter frames would break the one rule that frame n
 * is 20 ms. Call it before any other use of a profile that came from outside. */
enum err media_profile_check(const struct media_profile *p, struct media_why *why);

/* True if the codec has a memory and is run in laps. */
bool media_profile_laps(const struct media_profile *p);

/* True if payloads made by two servers from one exact source can be the same bytes. */
bool media_profile_merges(const struct media_profile *p);

/* Samples a channel in a frame, at rate_hz. */
uint32_t media_profile_samples(const struct media_profile *p);

/* Exact size of every payload [bytes]. */
size_t media_profile_payload_bytes(const struct media_profile *p);

/* Rate at which a receiver's decoder delivers samples [Hz]: 48000 for Opus, else rate_hz. */
uint32_t media_profile_decoded_hz(const struct media_profile *p);

void media_profile_rtp(const struct media_profile *p, struct media_rtp *out);

#endif
