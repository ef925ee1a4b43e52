#include "transcoder/media/decoder.h"

#include <assert.h>
#include <gsm/gsm.h>
#include <opus.h>
#include <stdlib.h>
#include <string.h>

#define GSM_SAMPLES   160
#define G711_BIAS     0x84 /* of u-law, which counts its steps from there (ITU-T G.711) */
#define G711_SEGMENT0 0x08 /* A-law: half a step, to the middle of an interval */
#define G711_SEGMENTS 0x108

struct media_decoder {
    OpusDecoder *opus; /* one of the two, or none: the others have no memory */
    gsm gsm;
    struct media_profile profile;
    size_t samples; /* of a frame, all channels */
    bool heard;     /* a payload has been decoded */
};

static enum err open_codec(struct media_decoder *d, struct media_why *why) {
    if (d->profile.codec == MEDIA_CODEC_OPUS) {
        int r;
        d->opus = opus_decoder_create((opus_int32)media_profile_decoded_hz(&d->profile),
                                      d->profile.channels, &r);
        if (d->opus == NULL)
            media_whyf(why, "the Opus decoder does not open: %s", opus_strerror(r));
        return d->opus != NULL ? ERR_OK : r == OPUS_ALLOC_FAIL ? ERR_NO_MEMORY : ERR_UNSUPPORTED;
    }
    if (d->profile.codec == MEDIA_CODEC_GSM) {
        d->gsm = gsm_create();
        return d->gsm != NULL ? ERR_OK : ERR_NO_MEMORY;
    }
    return ERR_OK;
}

enum err media_decoder_open(struct media_decoder **out, const struct media_profile *profile,
                            struct media_why *why) {
    *out = NULL;
    enum err e = media_profile_check(profile, why);
    if (e != ERR_OK)
        return e;
    struct media_decoder *d = calloc(1, sizeof *d);
    if (d == NULL)
        return ERR_NO_MEMORY;
    d->profile = *profile;
    d->samples = media_profile_decoded_hz(profile) / MEDIA_FRAMES_PER_S * profile->channels;
    e = open_codec(d, why);
    if (e != ERR_OK) {
        media_decoder_close(d);
        return e;
    }
    *out = d;
    return ERR_OK;
}

void media_decoder_close(struct media_decoder *d) {
    if (d == NULL)
        return;
    if (d->opus != NULL)
        opus_decoder_destroy(d->opus);
    if (d->gsm != NULL)
        gsm_destroy(d->gsm);
    free(d);
}

uint32_t media_decoder_rate_hz(const struct media_decoder *d) {
    return media_profile_decoded_hz(&d->profile);
}

uint8_t media_decoder_channels(const struct media_decoder *d) {
    return d->profile.channels;
}

size_t media_decoder_samples(const struct media_decoder *d) {
    return d->samples;
}

/* Samples a channel at 48 kHz in one Opus frame of this configuration (RFC 6716 section 3.1). */
static unsigned opus_frame_samples(uint8_t toc) {
    unsigned config = toc >> 3;
    if (config >= 16)
        return 120u << (config & 3);
    if (config >= 12)
        return (config & 1) != 0 ? 960 : 480;
    return (config & 3) == 3 ? 2880 : 480u << (config & 3);
}

/* Only one frame of 20 ms, or two of 10 ms and so on, may reach the decoder: anything else would
 * move its state by another time than ours. */
static bool opus_is_20ms(const uint8_t *payload, size_t len) {
    unsigned code = payload[0] & 3;
    if (code == 3 && len < 2)
        return false;
    unsigned frames = code == 0 ? 1 : code == 3 ? payload[1] & 0x3f : 2;
    return frames * opus_frame_samples(payload[0]) == 960;
}

static bool looks_right(const struct media_decoder *d, const uint8_t *payload, size_t len) {
    if (len == 0 || len > MEDIA_PAYLOAD_BYTES_MAX)
        return false;
    if (d->profile.codec == MEDIA_CODEC_OPUS)
        return opus_is_20ms(payload, len);
    if (len != media_profile_payload_bytes(&d->profile))
        return false;
    return d->profile.codec != MEDIA_CODEC_GSM || payload[0] >> 4 == 0xd;
}

/* ITU-T G.711, table 2a: sign, segment and step, all bits inverted. */
static int16_t from_ulaw(uint8_t code) {
    code = (uint8_t)~code;
    int magnitude = (((code & 0x0f) << 3) + G711_BIAS) << ((code & 0x70) >> 4);
    return (int16_t)((code & 0x80) != 0 ? G711_BIAS - magnitude : magnitude - G711_BIAS);
}

/* Table 1a: the same, every other bit inverted, and the sign the other way round. */
static int16_t from_alaw(uint8_t code) {
    code ^= 0x55;
    int segment = (code & 0x70) >> 4, magnitude = (code & 0x0f) << 4;
    magnitude =
        segment == 0 ? magnitude + G711_SEGMENT0 : (magnitude + G711_SEGMENTS) << (segment - 1);
    return (int16_t)((code & 0x80) != 0 ? magnitude : -magnitude);
}

static enum err decode_opus(struct media_decoder *d, const uint8_t *payload, size_t len,
                            int16_t *samples) {
    int frames = (int)(d->samples / d->profile.channels);
    int16_t out[MEDIA_DECODER_SAMPLES_MAX];
    int got = opus_decode(d->opus, payload, (opus_int32)len, out, frames, 0);
    if (got != frames)
        return got == OPUS_ALLOC_FAIL ? ERR_NO_MEMORY : ERR_BAD_FIELD;
    memcpy(samples, out, d->samples * sizeof *samples);
    return ERR_OK;
}

static enum err decode_gsm(struct media_decoder *d, const uint8_t *payload, int16_t *samples) {
    gsm_frame frame;
    gsm_signal out[GSM_SAMPLES];
    assert(d->samples == GSM_SAMPLES);
    memcpy(frame, payload, sizeof frame);
    if (gsm_decode(d->gsm, frame, out) != 0)
        return ERR_BAD_FIELD;
    memcpy(samples, out, sizeof out);
    return ERR_OK;
}

static enum err decode(struct media_decoder *d, const uint8_t *payload, size_t len,
                       int16_t *samples) {
    switch (d->profile.codec) {
    case MEDIA_CODEC_OPUS:
        return decode_opus(d, payload, len, samples);
    case MEDIA_CODEC_GSM:
        return decode_gsm(d, payload, samples);
    case MEDIA_CODEC_PCMU:
        for (size_t i = 0; i < d->samples; i++)
            samples[i] = from_ulaw(payload[i]);
        return ERR_OK;
    case MEDIA_CODEC_PCMA:
        for (size_t i = 0; i < d->samples; i++)
            samples[i] = from_alaw(payload[i]);
        return ERR_OK;
    case MEDIA_CODEC_L16: /* RFC 3551 section 4.5.11: network byte order */
        for (size_t i = 0; i < d->samples; i++)
            samples[i] = (int16_t)(payload[2 * i] << 8 | payload[2 * i + 1]);
        return ERR_OK;
    }
    return ERR_UNSUPPORTED;
}

enum err media_decoder_frame(struct media_decoder *d, const uint8_t *payload, size_t len,
                             int16_t *samples) {
    if (!looks_right(d, payload, len))
        return ERR_BAD_FIELD;
    enum err e = decode(d, payload, len, samples);
    d->heard = d->heard || e == ERR_OK;
    return e;
}

enum err media_decoder_conceal(struct media_decoder *d, int16_t *samples) {
    if (d->opus != NULL && d->heard)
        return decode_opus(d, NULL, 0, samples);
    memset(samples, 0, d->samples * sizeof *samples);
    return ERR_OK;
}
