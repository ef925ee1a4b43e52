/* Sound of a segment. See segment.h. */
#include "transcoder/media/input.h"
#include "transcoder/media/segment_inner.h"
#include "transcoder/media/source.h"
#include "transcoder/media/stream.h"

#include <libavutil/intreadwrite.h>
#include <stdlib.h>
#include <string.h>

#define FRAME (RENDITION_RATE_HZ / MEDIA_FRAMES_PER_S) /* [samples] of a frame of the source */

static AVRational rate_base(void) {
    return (AVRational){1, RENDITION_RATE_HZ};
}

/* ---- samples --------------------------------------------------------------------------------- */

/* Samples of a source by position, in pieces of any size; silence before its beginning and after
 * its end, or the pass before and the next one. */
struct samples {
    struct media_source *source;
    uint32_t channels;
    int64_t pass;             /* [samples a channel] after which it is repeated; 0: never */
    int64_t at;               /* [samples a channel] what comes next */
    int16_t frame[FRAME * 2]; /* the source's frame that `at` lies in */
    uint32_t used;            /* [samples a channel] of it */
};

static enum err next_frame(struct samples *s) {
    memset(s->frame, 0, sizeof s->frame);
    s->used = 0;
    if (s->at < 0)
        return ERR_OK;
    enum err e = ERR_OK;
    if (s->pass > 0 && s->at % s->pass == 0)
        e = media_source_seek(s->source, 0);
    if (e == ERR_OK)
        e = media_source_read(s->source, s->frame);
    return e == ERR_SOURCE_ENDED ? ERR_OK : e;
}

/* Stands at `at`, which may be negative. */
static enum err samples_seek(struct samples *s, int64_t at) {
    if (at < 0)
        at += s->pass;
    int64_t frame = at >= 0 ? at / FRAME : -((-at + FRAME - 1) / FRAME);
    enum err e = media_source_seek(s->source, frame > 0 ? (uint64_t)frame : 0);
    s->at = frame * FRAME;
    if (e == ERR_OK || e == ERR_SOURCE_ENDED)
        e = next_frame(s);
    s->used = (uint32_t)(at - s->at);
    s->at = at;
    return e;
}

/* One for each channel, as encoders of AAC want them. */
static enum err samples_take(struct samples *s, AVFrame *out) {
    for (int i = 0; i < out->nb_samples; i++) {
        enum err e = s->used == FRAME ? next_frame(s) : ERR_OK;
        if (e != ERR_OK)
            return e;
        for (uint32_t c = 0; c < s->channels; c++)
            ((float *)(void *)out->data[c])[i] =
                (float)s->frame[s->used * s->channels + c] / 32768.0F;
        s->used++;
        s->at++;
    }
    return ERR_OK;
}

/* ---- AAC ------------------------------------------------------------------------------------- */

struct aac {
    struct segment_job *job;
    struct samples samples;
    AVCodecContext *encoder;
    AVFrame *frame;
    AVPacket *packet;
};

static enum err open_aac(struct aac *a) {
    const struct rendition *r = a->job->rendition;
    const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_AAC);
    a->encoder = codec != NULL ? avcodec_alloc_context3(codec) : NULL;
    a->frame = av_frame_alloc();
    a->packet = av_packet_alloc();
    if (a->encoder == NULL || a->frame == NULL || a->packet == NULL)
        return ERR_NO_MEMORY;
    a->encoder->sample_rate = RENDITION_RATE_HZ;
    a->encoder->sample_fmt = AV_SAMPLE_FMT_FLTP;
    a->encoder->bit_rate = r->bitrate_bps;
    a->encoder->time_base = rate_base();
    a->encoder->thread_count = 1;
    a->encoder->flags |= AV_CODEC_FLAG_BITEXACT | AV_CODEC_FLAG_GLOBAL_HEADER;
    av_channel_layout_default(&a->encoder->ch_layout, (int)r->channels);
    AVDictionary *options = NULL;
    av_dict_set(&options, "aac_coder", SEGMENT_AAC_CODER, 0);
    int opened = avcodec_open2(a->encoder, codec, &options);
    av_dict_free(&options);
    if (opened < 0 || a->encoder->frame_size != SEGMENT_AAC) {
        media_whyf(a->job->why, "AAC refuses the parameters of rendition %s", r->name.text);
        return ERR_UNSUPPORTED;
    }
    a->frame->nb_samples = SEGMENT_AAC;
    a->frame->format = AV_SAMPLE_FMT_FLTP;
    a->frame->sample_rate = RENDITION_RATE_HZ;
    bool made = av_channel_layout_copy(&a->frame->ch_layout, &a->encoder->ch_layout) >= 0 &&
                av_frame_get_buffer(a->frame, 0) >= 0;
    return made ? ERR_OK : ERR_NO_MEMORY;
}

static enum err open_mux(struct segment_job *j, const AVCodecContext *encoder) {
    AVCodecParameters *p = avcodec_parameters_alloc();
    enum err e = ERR_NO_MEMORY;
    if (p != NULL && avcodec_parameters_from_context(p, encoder) >= 0) {
        p->initial_padding = 0; /* each packet says itself where it belongs */
        e = media_mux_open(&j->mux, p, rate_base(), (AVRational){0, 1},
                           segment_job_is_init(j) ? 0 : j->number, j->why);
    }
    avcodec_parameters_free(&p);
    return e;
}

/* Packets of the segment go on to the mux, those of the pre-roll nowhere. */
static enum err collect_aac(struct aac *a, int64_t from, int64_t to, bool *enough) {
    for (;;) {
        int r = avcodec_receive_packet(a->encoder, a->packet);
        if (r == AVERROR(EAGAIN) || r == AVERROR_EOF)
            return ERR_OK;
        if (r < 0)
            return media_input_error(NULL, r, "encoding AAC", a->job->why);
        *enough = a->packet->pts + SEGMENT_AAC >= to;
        if (a->packet->pts < from || a->packet->pts >= to) {
            av_packet_unref(a->packet);
            continue;
        }
        a->packet->dts = a->packet->pts;
        a->packet->duration = SEGMENT_AAC;
        av_packet_free_side_data(a->packet);
        enum err e = media_mux_write(&a->job->mux, a->packet, a->job->why);
        if (e != ERR_OK)
            return e;
    }
}

static enum err encode_aac(struct aac *a) {
    const struct segment_span *span = &a->job->span;
    const int64_t preroll = SEGMENT_AAC_PREROLL * SEGMENT_AAC;
    int64_t from = (int64_t)(a->job->shift + span->first) * SEGMENT_AAC;
    int64_t to = from + (int64_t)span->count * SEGMENT_AAC;
    int64_t at = from - preroll;
    bool enough = false;
    enum err e = samples_seek(&a->samples, (int64_t)span->first * SEGMENT_AAC - preroll);
    while (e == ERR_OK && !enough) {
        if (av_frame_make_writable(a->frame) < 0)
            return ERR_NO_MEMORY;
        e = samples_take(&a->samples, a->frame);
        a->frame->pts = at;
        at += SEGMENT_AAC;
        if (e == ERR_OK && avcodec_send_frame(a->encoder, a->frame) < 0)
            e = ERR_UNSUPPORTED;
        if (e == ERR_OK)
            e = collect_aac(a, from, to, &enough);
    }
    return e;
}

static enum err run_aac(struct aac *a) {
    const struct media_segment_source *s = a->job->source;
    const struct media_source_options o = {.class = s->class, .timeout = s->timeout};
    enum err e = open_aac(a);
    if (e == ERR_OK)
        e = open_mux(a->job, a->encoder);
    if (e != ERR_OK || segment_job_is_init(a->job))
        return e;
    a->samples.channels = a->job->rendition->channels;
    a->samples.pass = (int64_t)s->pass * SEGMENT_MS * (RENDITION_RATE_HZ / 1000);
    e = media_source_open(&a->samples.source, s->location, &o, RENDITION_RATE_HZ,
                          (uint8_t)a->samples.channels, a->job->why);
    return e == ERR_OK ? encode_aac(a) : e;
}

enum err segment_aac(struct segment_job *j) {
    struct aac a = {.job = j};
    enum err e = run_aac(&a);
    media_source_close(a.samples.source);
    avcodec_free_context(&a.encoder);
    av_frame_free(&a.frame);
    av_packet_free(&a.packet);
    return e;
}

/* ---- Opus ------------------------------------------------------------------------------------ */

#define HEAD_BYTES     19 /* OpusHead, RFC 7845 section 5.1 */
#define OPUS_BYTES_MAX MEDIA_PAYLOAD_BYTES_MAX

/* No pre-skip: packet n holds what the source has in its 20 ms n, 2.5 ms late (the encoder's
 * look-ahead), which is as sessions have it. */
static AVCodecParameters *opus_parameters(const struct rendition *r) {
    AVCodecParameters *p = avcodec_parameters_alloc();
    uint8_t *head = p != NULL ? av_mallocz(HEAD_BYTES + AV_INPUT_BUFFER_PADDING_SIZE) : NULL;
    if (head == NULL) {
        avcodec_parameters_free(&p);
        return NULL;
    }
    memcpy(head, "OpusHead", 8);
    head[8] = 1;
    head[9] = (uint8_t)r->channels;
    AV_WL32(head + 12, RENDITION_RATE_HZ);
    p->codec_type = AVMEDIA_TYPE_AUDIO;
    p->codec_id = AV_CODEC_ID_OPUS;
    p->sample_rate = RENDITION_RATE_HZ;
    p->bit_rate = r->bitrate_bps;
    p->frame_size = SEGMENT_OPUS;
    p->extradata = head;
    p->extradata_size = HEAD_BYTES;
    av_channel_layout_default(&p->ch_layout, (int)r->channels);
    return p;
}

static struct media_profile opus_profile(const struct rendition *r) {
    struct media_profile p;
    media_profile_init(&p, MEDIA_CODEC_OPUS);
    p.channels = (uint8_t)r->channels;
    p.bitrate_bps = r->bitrate_bps;
    return p;
}

static enum err write_opus(struct segment_job *j, struct media_stream *stream, uint64_t frame) {
    uint8_t payload[OPUS_BYTES_MAX];
    size_t len;
    enum err e = media_stream_next(stream, payload, sizeof payload, &len);
    AVPacket *packet = e == ERR_OK ? av_packet_alloc() : NULL;
    if (e == ERR_OK && (packet == NULL || av_new_packet(packet, (int)len) < 0))
        e = ERR_NO_MEMORY;
    if (e == ERR_OK) {
        memcpy(packet->data, payload, len);
        packet->pts = packet->dts = (int64_t)(j->shift + frame) * SEGMENT_OPUS;
        packet->duration = SEGMENT_OPUS;
        packet->flags |= AV_PKT_FLAG_KEY;
        e = media_mux_write(&j->mux, packet, j->why);
    }
    av_packet_free(&packet);
    return e;
}

static enum err encode_opus(struct segment_job *j) {
    const struct media_source_options o = {.class = j->source->class,
                                           .timeout = j->source->timeout};
    const struct media_profile profile = opus_profile(j->rendition);
    struct media_stream *stream;
    enum err e = media_stream_open(&stream, j->source->location, &o, &profile, j->why);
    if (e != ERR_OK)
        return e;
    e = media_stream_start(stream, j->span.first, MEDIA_PREROLL_FULL, NULL);
    for (uint32_t i = 0; i < j->span.count && e == ERR_OK; i++)
        e = write_opus(j, stream, j->span.first + i);
    if (e != ERR_OK && media_stream_why(stream)[0] != '\0')
        media_whyf(j->why, "%s", media_stream_why(stream));
    media_stream_close(stream);
    return e;
}

enum err segment_opus(struct segment_job *j) {
    AVCodecParameters *p = opus_parameters(j->rendition);
    if (p == NULL)
        return ERR_NO_MEMORY;
    enum err e = media_mux_open(&j->mux, p, rate_base(), (AVRational){0, 1},
                                segment_job_is_init(j) ? 0 : j->number, j->why);
    avcodec_parameters_free(&p);
    return e != ERR_OK || segment_job_is_init(j) ? e : encode_opus(j);
}
