#include "transcoder/media/encoder.h"

#include "transcoder/media/opus.h"

#include <libavcodec/avcodec.h>
#include <stdlib.h>
#include <string.h>

struct media_encoder {
    struct media_opus *opus; /* of Opus; FFmpeg's part below is of all others */
    AVCodecContext *codec;
    AVFrame *frame;
    AVPacket *packet;
    size_t payload_bytes; /* [bytes] of every payload */
    size_t frame_bytes;   /* [bytes] of samples in a frame */
};

static const char *const codec_names[] = {
    [MEDIA_CODEC_PCMU] = "pcm_mulaw",
    [MEDIA_CODEC_PCMA] = "pcm_alaw",
    [MEDIA_CODEC_GSM] = "libgsm",
    [MEDIA_CODEC_L16] = "pcm_s16be",
};

static void set_parameters(AVCodecContext *c, const struct media_profile *p) {
    c->sample_rate = (int)p->rate_hz;
    c->sample_fmt = AV_SAMPLE_FMT_S16;
    c->bit_rate = p->bitrate_bps;
    c->time_base = (AVRational){1, c->sample_rate};
    c->thread_count = 1;
    c->flags |= AV_CODEC_FLAG_BITEXACT;
    av_channel_layout_default(&c->ch_layout, p->channels);
}

static enum err open_codec(struct media_encoder *e, const struct media_profile *p,
                           struct media_why *why) {
    const AVCodec *codec = avcodec_find_encoder_by_name(codec_names[p->codec]);
    if (codec == NULL) {
        media_whyf(why, "this machine's FFmpeg has no encoder %s", codec_names[p->codec]);
        return ERR_UNSUPPORTED;
    }
    e->codec = avcodec_alloc_context3(codec);
    if (e->codec == NULL)
        return ERR_NO_MEMORY;
    set_parameters(e->codec, p);
    int r = avcodec_open2(e->codec, codec, NULL);
    if (r == AVERROR(ENOMEM))
        return ERR_NO_MEMORY;
    if (r < 0) {
        media_whyf(why, "%s refuses the parameters of profile %s", codec->name, p->name.text);
        return ERR_UNSUPPORTED;
    }
    return ERR_OK;
}

static enum err make_buffers(struct media_encoder *e, const struct media_profile *p) {
    e->frame = av_frame_alloc();
    e->packet = av_packet_alloc();
    if (e->frame == NULL || e->packet == NULL)
        return ERR_NO_MEMORY;
    e->frame->nb_samples = (int)media_profile_samples(p);
    e->frame->format = AV_SAMPLE_FMT_S16;
    e->frame->sample_rate = (int)p->rate_hz;
    if (av_channel_layout_copy(&e->frame->ch_layout, &e->codec->ch_layout) < 0 ||
        av_frame_get_buffer(e->frame, 0) < 0)
        return ERR_NO_MEMORY;
    e->frame_bytes = media_profile_samples(p) * p->channels * sizeof(int16_t);
    return ERR_OK;
}

static enum err open_any(struct media_encoder *e, const struct media_profile *p,
                         struct media_why *why) {
    if (p->codec == MEDIA_CODEC_OPUS)
        return media_opus_open(&e->opus, p, why);
    enum err error = open_codec(e, p, why);
    return error == ERR_OK ? make_buffers(e, p) : error;
}

enum err media_encoder_open(struct media_encoder **out, const struct media_profile *profile,
                            struct media_why *why) {
    *out = NULL;
    enum err e = media_profile_check(profile, why);
    if (e != ERR_OK)
        return e;
    media_init();
    struct media_encoder *made = calloc(1, sizeof *made);
    if (made == NULL)
        return ERR_NO_MEMORY;
    made->payload_bytes = media_profile_payload_bytes(profile);
    e = open_any(made, profile, why);
    if (e != ERR_OK) {
        media_encoder_close(made);
        return e;
    }
    *out = made;
    return ERR_OK;
}

void media_encoder_close(struct media_encoder *e) {
    if (e == NULL)
        return;
    media_opus_close(e->opus);
    avcodec_free_context(&e->codec);
    av_frame_free(&e->frame);
    av_packet_free(&e->packet);
    free(e);
}

static enum err encode(struct media_encoder *e, const int16_t *samples, uint8_t *payload) {
    if (av_frame_make_writable(e->frame) < 0)
        return ERR_NO_MEMORY;
    memcpy(e->frame->data[0], samples, e->frame_bytes);
    int r = avcodec_send_frame(e->codec, e->frame);
    if (r >= 0)
        r = avcodec_receive_packet(e->codec, e->packet);
    if (r < 0)
        return r == AVERROR(ENOMEM) ? ERR_NO_MEMORY : ERR_UNSUPPORTED;
    bool fits = (size_t)e->packet->size == e->payload_bytes;
    if (fits)
        memcpy(payload, e->packet->data, e->payload_bytes);
    av_packet_unref(e->packet);
    return fits ? ERR_OK : ERR_UNSUPPORTED;
}

enum err media_encoder_frame(struct media_encoder *e, const int16_t *samples, uint8_t *payload,
                             size_t capacity, size_t *len) {
    *len = 0;
    if (capacity < e->payload_bytes)
        return ERR_OVERSIZED;
    enum err error = e->opus != NULL ? media_opus_frame(e->opus, samples, payload, e->payload_bytes)
                                     : encode(e, samples, payload);
    if (error == ERR_OK)
        *len = e->payload_bytes;
    return error;
}
