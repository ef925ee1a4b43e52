#include "transcoder/media/track.h"

#include <assert.h>
#include <stdlib.h>

/* [frames of 20 ms] After 30 frames GSM 06.10 had forgotten at 97 of 100 points of real recordings;
 * at the others samples differed by 400 of 32768 at most. Laps of 12 s cost a twentieth of the
 * decoding and at most 1.5 ms a start. */
#define GSM_PREROLL_FRAMES 30
#define GSM_LAP_FRAMES     600

/* AAC overlaps a block with the one before. Its decoder is slower than GSM's, hence laps of 2 s. */
#define AAC_PREROLL_PACKETS 4
#define AAC_PACKET_SAMPLES  1024
#define AAC_LAP_FRAMES      100

#define OTHER_PREROLL_FRAMES                                                                       \
    10 /* [frames of 20 ms] MPEG layer 3 keeps bits of up to 9 packets back */

#define AT_UNKNOWN INT64_MIN

#define DAMAGED_MAX     50   /* packets in a row, of a source that may be damaged */
#define PACKETS_DRY_MAX 1000 /* packets read without a sample decoded: the file leads us on */

static enum AVCodecID codec_of(const struct media_track *t) {
    return t->container->stream->codecpar->codec_id;
}

static bool is_gsm(const struct media_track *t) {
    return codec_of(t) == AV_CODEC_ID_GSM || codec_of(t) == AV_CODEC_ID_GSM_MS;
}

static int64_t frame_samples(const struct media_track *t) {
    return t->container->stream->codecpar->sample_rate / MEDIA_FRAMES_PER_S;
}

static int64_t preroll_samples(const struct media_track *t) {
    if (is_gsm(t))
        return GSM_PREROLL_FRAMES * frame_samples(t);
    if (codec_of(t) == AV_CODEC_ID_AAC)
        return AAC_PREROLL_PACKETS * AAC_PACKET_SAMPLES;
    return t->strict ? 0
                     : OTHER_PREROLL_FRAMES * frame_samples(t); /* PCM and ALAC forget at once */
}

static int64_t lap_samples(const struct media_track *t) {
    if (t->strict && is_gsm(t))
        return GSM_LAP_FRAMES * frame_samples(t);
    return t->strict && codec_of(t) == AV_CODEC_ID_AAC ? AAC_LAP_FRAMES * frame_samples(t) : 0;
}

static enum err open_decoder(struct media_track *t, struct media_why *why) {
    const AVCodecParameters *p = t->container->stream->codecpar;
    t->codec = avcodec_alloc_context3(NULL);
    if (t->codec == NULL)
        return ERR_NO_MEMORY;
    int r = avcodec_parameters_to_context(t->codec, p);
    t->codec->thread_count = 1;
    t->codec->flags |= AV_CODEC_FLAG_BITEXACT;
    t->codec->pkt_timebase = t->container->stream->time_base;
    if (r >= 0)
        r = avcodec_open2(t->codec, avcodec_find_decoder(p->codec_id), NULL);
    return r < 0 ? media_input_error(NULL, r, "opening the decoder", why) : ERR_OK;
}

enum err media_track_open(struct media_track **out, struct media_container *container,
                          enum source_class class, struct media_why *why) {
    *out = NULL;
    struct media_track *t = calloc(1, sizeof *t);
    if (t == NULL) {
        media_container_close(container);
        return ERR_NO_MEMORY;
    }
    t->container = container;
    t->strict = class == SOURCE_CLASS_EXACT;
    t->lap = lap_samples(t);
    t->lap_end = t->lap > 0 ? t->lap : INT64_MAX;
    t->packet = av_packet_alloc();
    t->frame = av_frame_alloc();
    enum err e = t->packet != NULL && t->frame != NULL ? open_decoder(t, why) : ERR_NO_MEMORY;
    if (e != ERR_OK) {
        media_track_close(t);
        return e;
    }
    *out = t;
    return ERR_OK;
}

void media_track_close(struct media_track *t) {
    if (t == NULL)
        return;
    avcodec_free_context(&t->codec);
    av_packet_free(&t->packet);
    av_frame_free(&t->frame);
    media_container_close(t->container);
    free(t);
}

/* Where the fresh frame lies. A strict track takes the container's word once after a seek, and from
 * then on insists that its timestamps follow one another. */
static enum err place_frame(struct media_track *t, struct media_why *why) {
    const AVStream *s = t->container->stream;
    int64_t pts = t->frame->pts != AV_NOPTS_VALUE ? t->frame->pts : t->frame->best_effort_timestamp;
    int64_t told = pts == AV_NOPTS_VALUE ? -1
                                         : av_rescale_q(pts - t->container->origin, s->time_base,
                                                        (AVRational){1, s->codecpar->sample_rate});
    if (t->at == AT_UNKNOWN)
        t->at = told;
    if (t->at == AT_UNKNOWN) {
        media_whyf(why, "no timestamp after a seek");
        return ERR_SOURCE_FAILED;
    }
    if (t->strict && told != AT_UNKNOWN && told != t->at) {
        media_whyf(why, "timestamps jump from sample %lld to %lld", (long long)t->at,
                   (long long)told);
        return ERR_SOURCE_FAILED;
    }
    return ERR_OK;
}

/* A file may change its mind about rate or channels midway; the resampler behind us may not. */
static enum err check_frame(const struct media_track *t, struct media_why *why) {
    const AVCodecParameters *p = t->container->stream->codecpar;
    if (t->frame->nb_samples > 0 && t->frame->sample_rate == p->sample_rate &&
        t->frame->ch_layout.nb_channels == p->ch_layout.nb_channels &&
        t->frame->format == t->codec->sample_fmt)
        return ERR_OK;
    media_whyf(why, "rate or channels change midway");
    return ERR_SOURCE_FAILED;
}

static enum err decode_error(struct media_track *t, int averror, struct media_why *why) {
    if (averror == AVERROR(ENOMEM))
        return ERR_NO_MEMORY;
    t->damaged++;
    if (!t->strict && t->damaged <= DAMAGED_MAX)
        return ERR_OK;
    return media_input_error(NULL, averror, "decoding", why);
}

static enum err feed_decoder(struct media_track *t, struct media_why *why) {
    enum err e = media_container_read(t->container, t->packet, why);
    if (e != ERR_OK && e != ERR_SOURCE_ENDED)
        return e;
    t->draining = e == ERR_SOURCE_ENDED;
    int r = avcodec_send_packet(t->codec, t->draining ? NULL : t->packet);
    av_packet_unref(t->packet);
    return r < 0 && r != AVERROR_EOF ? decode_error(t, r, why) : ERR_OK;
}

static enum err decode_frame(struct media_track *t, struct media_why *why) {
    t->touched = true;
    for (int dry = 0; dry < PACKETS_DRY_MAX; dry++) {
        int r = avcodec_receive_frame(t->codec, t->frame);
        if (r == AVERROR_EOF)
            return ERR_SOURCE_ENDED;
        enum err e = ERR_OK;
        if (r == 0) {
            t->used = 0;
            t->damaged = 0;
            e = check_frame(t, why);
            return e == ERR_OK ? place_frame(t, why) : e;
        }
        if (r == AVERROR(EAGAIN))
            e = feed_decoder(t, why);
        else
            e = decode_error(t, r, why);
        if (e != ERR_OK)
            return e;
    }
    media_whyf(why, "no sound in %d packets", PACKETS_DRY_MAX);
    return ERR_SOURCE_FAILED;
}

/* The decoder as it was when it was new. FFmpeg's flush is that for GSM; AAC keeps its seed. */
static enum err renew_decoder(struct media_track *t, struct media_why *why) {
    if (t->lap == 0 || is_gsm(t)) {
        avcodec_flush_buffers(t->codec);
        return ERR_OK;
    }
    avcodec_free_context(&t->codec);
    return open_decoder(t, why);
}

static enum err skip_to(struct media_track *t, int64_t sample, struct media_why *why);

/* Begins a lap at `sample`, or just begins there where there are no laps. */
static enum err begin_lap(struct media_track *t, int64_t sample, struct media_why *why) {
    int64_t preroll = preroll_samples(t);
    av_frame_unref(t->frame);
    t->used = 0;
    t->draining = false;
    t->damaged = 0;
    t->at = AT_UNKNOWN;
    t->lap_end = INT64_MAX;
    enum err e = renew_decoder(t, why);
    if (e == ERR_OK)
        e = media_container_seek(t->container, sample > preroll ? sample - preroll : 0, why);
    if (e == ERR_OK)
        e = skip_to(t, sample, why);
    if (e == ERR_OK && t->lap > 0)
        t->lap_end = sample + t->lap;
    return e;
}

enum err media_track_peek(struct media_track *t, const uint8_t *planes[MEDIA_CHANNELS_MAX],
                          int *count, struct media_why *why) {
    enum err e = t->at == t->lap_end ? begin_lap(t, t->at, why) : ERR_OK;
    if (e == ERR_OK && t->used >= t->frame->nb_samples)
        e = decode_frame(t, why);
    if (e != ERR_OK)
        return e;
    enum AVSampleFormat format = t->codec->sample_fmt;
    int channels = t->frame->ch_layout.nb_channels;
    bool planar = av_sample_fmt_is_planar(format) != 0;
    int stride = av_get_bytes_per_sample(format) * (planar ? 1 : channels);
    for (int i = 0; i < (planar ? channels : 1); i++)
        planes[i] = t->frame->extended_data[i] + (ptrdiff_t)t->used * stride;
    *count = t->frame->nb_samples - t->used;
    if (t->lap_end - t->at < *count)
        *count = (int)(t->lap_end - t->at);
    return ERR_OK;
}

void media_track_consume(struct media_track *t, int count) {
    assert(count >= 0 && t->used + count <= t->frame->nb_samples);
    t->used += count;
    t->at += count;
}

static enum err skip_to(struct media_track *t, int64_t sample, struct media_why *why) {
    while (t->at < sample) {
        const uint8_t *planes[MEDIA_CHANNELS_MAX];
        int count;
        enum err e = media_track_peek(t, planes, &count, why);
        if (e != ERR_OK)
            return e;
        int64_t left = sample - t->at;
        if (left > 0)
            media_track_consume(t, left < count ? (int)left : count);
    }
    if (t->at == sample || !t->strict)
        return ERR_OK;
    media_whyf(why, "a seek to sample %lld led to %lld", (long long)sample, (long long)t->at);
    return ERR_SOURCE_FAILED;
}

enum err media_track_seek(struct media_track *t, int64_t sample, struct media_why *why) {
    if (sample == 0 && !t->touched) /* spares a server without range requests, or a reconnect */
        return ERR_OK;
    enum err e = begin_lap(t, t->lap > 0 ? sample - sample % t->lap : sample, why);
    return e == ERR_OK ? skip_to(t, sample, why) : e;
}
