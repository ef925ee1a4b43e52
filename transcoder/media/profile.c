#include "transcoder/media/profile.h"

#include "transcoder/rtp/payload.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define OPUS_CLOCK_HZ   48000  /* RFC 7587 section 4.1: whatever the encoder was fed */
#define OPUS_BPS_MIN    6000   /* below it CELT has no bits left after its band energies */
#define OPUS_BPS_MAX    256000 /* a channel: limit of the encoder's wrapper */
#define GSM_BLOCK_BYTES 33
#define TELEPHONE_HZ    8000

static const char *const codec_names[] = {
    [MEDIA_CODEC_OPUS] = "opus", [MEDIA_CODEC_PCMU] = "pcmu", [MEDIA_CODEC_PCMA] = "pcma",
    [MEDIA_CODEC_GSM] = "gsm",   [MEDIA_CODEC_L16] = "l16",
};
#define CODEC_COUNT (sizeof codec_names / sizeof *codec_names)

static const char *const application_names[] = {
    [MEDIA_APPLICATION_LOWDELAY] = "lowdelay",
    [MEDIA_APPLICATION_AUDIO] = "audio",
    [MEDIA_APPLICATION_VOIP] = "voip",
};
#define APPLICATION_COUNT (sizeof application_names / sizeof *application_names)

const char *media_codec_name(enum media_codec c) {
    return (size_t)c < CODEC_COUNT ? codec_names[c] : "unknown";
}

bool media_codec_by_name(enum media_codec *out, const char *text) {
    for (size_t i = 0; i < CODEC_COUNT; i++)
        if (strcmp(codec_names[i], text) == 0) {
            *out = (enum media_codec)i;
            return true;
        }
    return false;
}

const char *media_application_name(enum media_application a) {
    return (size_t)a < APPLICATION_COUNT ? application_names[a] : "unknown";
}

bool media_application_by_name(enum media_application *out, const char *text) {
    for (size_t i = 0; i < APPLICATION_COUNT; i++)
        if (strcmp(application_names[i], text) == 0) {
            *out = (enum media_application)i;
            return true;
        }
    return false;
}

static uint32_t derived_bps(const struct media_profile *p) {
    switch (p->codec) {
    case MEDIA_CODEC_OPUS:
        return p->bitrate_bps;
    case MEDIA_CODEC_PCMU:
    case MEDIA_CODEC_PCMA:
        return p->rate_hz * 8 * p->channels;
    case MEDIA_CODEC_GSM:
        return GSM_BLOCK_BYTES * 8 * MEDIA_FRAMES_PER_S;
    case MEDIA_CODEC_L16:
        return p->rate_hz * 16 * p->channels;
    }
    return 0;
}

void media_profile_init(struct media_profile *out, enum media_codec codec) {
    *out = (struct media_profile){.codec = codec, .rate_hz = TELEPHONE_HZ, .channels = 1};
    name_set(&out->name, media_codec_name(codec));
    switch (codec) {
    case MEDIA_CODEC_OPUS:
        out->rate_hz = 48000;
        out->bitrate_bps = 32000;
        out->complexity = 5;
        out->application = MEDIA_APPLICATION_LOWDELAY;
        out->preroll_frames = MEDIA_OPUS_PREROLL_MERGES;
        break;
    case MEDIA_CODEC_GSM:
        out->preroll_frames = MEDIA_OPUS_PREROLL_MERGES;
        break;
    case MEDIA_CODEC_L16:
        out->rate_hz = 16000;
        break;
    case MEDIA_CODEC_PCMU:
    case MEDIA_CODEC_PCMA:
        break;
    }
    out->bitrate_bps = derived_bps(out);
}

static enum err check_opus(const struct media_profile *p, struct media_why *why) {
    const uint32_t rates_hz[] = {8000, 12000, 16000, 24000, 48000};
    bool known = false;
    for (size_t i = 0; i < sizeof rates_hz / sizeof *rates_hz; i++)
        known = known || rates_hz[i] == p->rate_hz;
    if (!known) {
        media_whyf(why, "opus encodes at 8000, 12000, 16000, 24000 or 48000 Hz, not at %u",
                   p->rate_hz);
        return ERR_UNSUPPORTED;
    }
    if (p->bitrate_bps < OPUS_BPS_MIN || p->bitrate_bps > OPUS_BPS_MAX * p->channels ||
        p->bitrate_bps % 400 != 0) {
        media_whyf(why, "opus bit rate %u: use %u to %u in steps of 400 (whole bytes a frame)",
                   p->bitrate_bps, OPUS_BPS_MIN, OPUS_BPS_MAX * p->channels);
        return ERR_UNSUPPORTED;
    }
    if (p->complexity > 10) {
        media_whyf(why, "opus complexity %u: use 0 to 10", p->complexity);
        return ERR_UNSUPPORTED;
    }
    if ((size_t)p->application >= APPLICATION_COUNT) {
        media_whyf(why, "opus application: use lowdelay, audio or voip");
        return ERR_UNSUPPORTED;
    }
    return ERR_OK;
}

static enum err check_l16(const struct media_profile *p, struct media_why *why) {
    if (p->rate_hz < TELEPHONE_HZ || p->rate_hz > 48000 || p->rate_hz % MEDIA_FRAMES_PER_S != 0) {
        media_whyf(why, "l16 at %u Hz: use 8000 to 48000 in steps of 50 (whole samples a frame)",
                   p->rate_hz);
        return ERR_UNSUPPORTED;
    }
    return ERR_OK;
}

static enum err check_telephone(const struct media_profile *p, struct media_why *why) {
    if (p->rate_hz == TELEPHONE_HZ && p->channels == 1)
        return ERR_OK;
    media_whyf(why, "%s is 8000 Hz mono, not %u Hz with %u channels", media_codec_name(p->codec),
               p->rate_hz, p->channels);
    return ERR_UNSUPPORTED;
}

static enum err check_codec(const struct media_profile *p, struct media_why *why) {
    switch (p->codec) {
    case MEDIA_CODEC_OPUS:
        return check_opus(p, why);
    case MEDIA_CODEC_L16:
        return check_l16(p, why);
    case MEDIA_CODEC_PCMU:
    case MEDIA_CODEC_PCMA:
    case MEDIA_CODEC_GSM:
        return check_telephone(p, why);
    }
    media_whyf(why, "no such codec");
    return ERR_UNSUPPORTED;
}

enum err media_profile_check(const struct media_profile *p, struct media_why *why) {
    if (p->channels < 1 || p->channels > 2) {
        media_whyf(why, "%u channels: use 1 or 2", p->channels);
        return ERR_UNSUPPORTED;
    }
    enum err e = check_codec(p, why);
    if (e != ERR_OK)
        return e;
    if (media_profile_payload_bytes(p) > MEDIA_PAYLOAD_BYTES_MAX) {
        media_whyf(why, "a frame of %zu bytes does not fit a datagram of %u: lower %s",
                   media_profile_payload_bytes(p), MEDIA_PAYLOAD_BYTES_MAX,
                   p->codec == MEDIA_CODEC_OPUS ? "the bit rate" : "rate or channels");
        return ERR_UNSUPPORTED;
    }
    if (p->preroll_frames > MEDIA_PREROLL_FRAMES_MAX) {
        media_whyf(why, "pre-roll of %u frames: at most %u", p->preroll_frames,
                   MEDIA_PREROLL_FRAMES_MAX);
        return ERR_UNSUPPORTED;
    }
    return ERR_OK;
}

bool media_profile_laps(const struct media_profile *p) {
    switch (p->codec) {
    case MEDIA_CODEC_PCMU:
    case MEDIA_CODEC_PCMA:
    case MEDIA_CODEC_L16:
        return false;
    case MEDIA_CODEC_OPUS:
        return p->application == MEDIA_APPLICATION_LOWDELAY;
    case MEDIA_CODEC_GSM:
        return true;
    }
    return false;
}

bool media_profile_merges(const struct media_profile *p) {
    return p->codec != MEDIA_CODEC_OPUS || media_profile_laps(p);
}

uint32_t media_profile_samples(const struct media_profile *p) {
    return p->rate_hz / MEDIA_FRAMES_PER_S;
}

size_t media_profile_payload_bytes(const struct media_profile *p) {
    return derived_bps(p) / 8 / MEDIA_FRAMES_PER_S;
}

uint32_t media_profile_decoded_hz(const struct media_profile *p) {
    return p->codec == MEDIA_CODEC_OPUS ? OPUS_CLOCK_HZ : p->rate_hz;
}

/* The codec's name is the one that policies use, so the facts are there. */
void media_profile_rtp(const struct media_profile *p, struct media_rtp *out) {
    struct rtp_payload facts;
    bool known =
        rtp_payload_of(&facts, media_codec_name(p->codec), p->rate_hz, p->channels, p->bitrate_bps);
    assert(known);
    (void)known;
    *out = (struct media_rtp){.encoding = facts.encoding,
                              .payload_type = facts.payload_type,
                              .clock_rate_hz = facts.clock_rate_hz,
                              .channels = facts.channels,
                              .samples_per_frame = facts.samples_per_frame};
    snprintf(out->fmtp, sizeof out->fmtp, "%s", facts.fmtp);
    if (out->channels > 1)
        snprintf(out->rtpmap, sizeof out->rtpmap, "%s/%u/%u", out->encoding, out->clock_rate_hz,
                 out->channels);
    else
        snprintf(out->rtpmap, sizeof out->rtpmap, "%s/%u", out->encoding, out->clock_rate_hz);
}
