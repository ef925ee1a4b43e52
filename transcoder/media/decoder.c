#include "transcoder/media/decoder.h"

#include <libavcodec/avcodec.h>
#include <stdlib.h>
#include <string.h>

struct media_decoder {
    AVCodecContext *codec;
    AVFrame *frame;
    AVPacket *packet;
    struct media_profile profile;
    size_t samples; /* of a frame, all channels */
    uint8_t toc;    /* Opus: first byte of the last good payload */
    bool heard;     /* a payload has been decoded */
};

static const char *const codec_names[] = {
    [MEDIA_CODEC_OPUS] = "libopus", /* FFmpeg's own decoder has no concealment */
    [MEDIA_CODEC_PCMU] = "pcm_mulaw", [MEDIA_CODEC_PCMA] = "pcm_alaw",
    [MEDIA_CODEC_GSM] = "gsm",        [MEDIA_CODEC_L16] = "pcm_s16be",
};

static enum err open_codec(struct media_decoder *d, struct media_why *why) {
    const AVCodec *codec = avcodec_find_decoder_by_name(codec_names[d->profile.codec]);
    if (codec == NULL) {
        media_whyf(why, "this machine's FFmpeg has no decoder %s", codec_names[d->profile.codec]);
        return ERR_UNSUPPORTED;
    }
    d->codec = avcodec_alloc_context3(codec);
    if (d->codec == NULL)
        return ERR_NO_MEMORY;
    d->codec->sample_rate = (int)media_profile_decoded_hz(&d->profile);
    d->codec->request_sample_fmt = AV_SAMPLE_FMT_S16;
    d->codec->thread_count = 1;
    d->codec->flags |= AV_CODEC_FLAG_BITEXACT;
    av_channel_layout_default(&d->codec->ch_layout, d->profile.channels);
    int r = avcodec_open2(d->codec, codec, NULL);
    if (r < 0)
        media_whyf(why, "%s does not open", codec->name);
    return r >= 0 ? ERR_OK : r == AVERROR(ENOMEM) ? ERR_NO_MEMORY : ERR_UNSUPPORTED;
}

enum err media_decoder_open(struct media_decoder **out, const struct media_profile *profile,
                            struct media_why *why) {
    *out = NULL;
    enum err e = media_profile_check(profile, why);
    if (e != ERR_OK)
        return e;
    media_init();
    struct media_decoder *d = calloc(1, sizeof *d);
    if (d == NULL)
        return ERR_NO_MEMORY;
    d->profile = *profile;
    d->samples = media_profile_decoded_hz(profile) / MEDIA_FRAMES_PER_S * profile->channels;
    d->frame = av_frame_alloc();
    d->packet = av_packet_alloc();
    e = d->frame != NULL && d->packet != NULL ? open_codec(d, why) : ERR_NO_MEMORY;
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
    avcodec_free_context(&d->codec);
    av_frame_free(&d->frame);
    av_packet_free(&d->packet);
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

/* The same mode and channels as `toc`, but a single frame of 20 ms. */
static uint8_t opus_toc_20ms(uint8_t toc) {
    unsigned config = toc >> 3;
    if (config >= 16)
        config |= 3;
    else if (config >= 12)
        config |= 1;
    else
        config = (config & ~3u) | 1;
    return (uint8_t)(config << 3 | (toc & 4));
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

static enum err decode(struct media_decoder *d, const uint8_t *payload, size_t len,
                       int16_t *samples) {
    int r = av_new_packet(d->packet, (int)len);
    if (r < 0)
        return ERR_NO_MEMORY;
    memcpy(d->packet->data, payload, len);
    r = avcodec_send_packet(d->codec, d->packet);
    av_packet_unref(d->packet);
    if (r >= 0)
        r = avcodec_receive_frame(d->codec, d->frame);
    if (r < 0)
        return r == AVERROR(ENOMEM) ? ERR_NO_MEMORY : ERR_BAD_FIELD;
    size_t got = (size_t)d->frame->nb_samples * (size_t)d->frame->ch_layout.nb_channels;
    bool right =
        got == d->samples && (d->frame->format == AV_SAMPLE_FMT_S16 ||
                              (d->frame->format == AV_SAMPLE_FMT_S16P && d->profile.channels == 1));
    if (right)
        memcpy(samples, d->frame->data[0], got * sizeof *samples);
    av_frame_unref(d->frame);
    return right ? ERR_OK : ERR_BAD_FIELD;
}

enum err media_decoder_frame(struct media_decoder *d, const uint8_t *payload, size_t len,
                             int16_t *samples) {
    if (!looks_right(d, payload, len))
        return ERR_BAD_FIELD;
    enum err e = decode(d, payload, len, samples);
    if (e == ERR_OK) {
        d->toc = payload[0];
        d->heard = true;
    }
    return e;
}

enum err media_decoder_conceal(struct media_decoder *d, int16_t *samples) {
    if (d->profile.codec != MEDIA_CODEC_OPUS || !d->heard) {
        memset(samples, 0, d->samples * sizeof *samples);
        return ERR_OK;
    }
    uint8_t toc = opus_toc_20ms(d->toc);
    return decode(d, &toc, 1, samples);
}
