#include "transcoder/media/ingest.h"

#include "transcoder/hls/segments.h"
#include "transcoder/media/ingest_inner.h"
#include "transcoder/media/pictures.h"
#include "transcoder/media/scaler.h"
#include "transcoder/media/source.h"

#include <errno.h>
#include <libavformat/avformat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHANNELS     INGEST_CHANNELS
#define FRAME        (RENDITION_RATE_HZ / MEDIA_FRAMES_PER_S) /* [samples] of the source's */
#define PATH_MAX_LEN 4096

struct work {
    const struct media_ingest *order;
    struct media_ingested *out;
    struct media_why *why;
    char part[PATH_MAX_LEN]; /* what is written until it is whole */
    AVFormatContext *format;
    bool begun; /* there is such a file */
    AVPacket *packet;
    struct media_source *sound;
    AVCodecContext *alac;
    AVFrame *samples;                /* being filled */
    int filled;                      /* [samples a channel] of it */
    int64_t heard;                   /* [samples a channel] of the recording so far */
    bool silent;                     /* the recording's sound is over */
    struct media_pictures *pictures; /* NULL: none */
    struct media_scaler scaler;
    AVCodecContext *x264;
    AVFrame *scaled;
    int64_t shown; /* pictures so far */
};

static enum err fault(struct work *w, int averror, const char *doing) {
    char text[AV_ERROR_MAX_STRING_SIZE];
    media_whyf(w->why, "%s: %s", doing, av_make_error_string(text, sizeof text, averror));
    return averror == AVERROR(ENOMEM) ? ERR_NO_MEMORY : ERR_UNSUPPORTED;
}

/* ---- packets --------------------------------------------------------------------------------- */

/* Of either encoder, to the file; `frame` NULL at the end. */
static enum err encode(struct work *w, AVCodecContext *encoder, AVFrame *frame, int stream) {
    int r = avcodec_send_frame(encoder, frame);
    while (r >= 0) {
        r = avcodec_receive_packet(encoder, w->packet);
        if (r == AVERROR(EAGAIN) || r == AVERROR_EOF)
            return ERR_OK;
        if (r < 0)
            break;
        w->packet->stream_index = stream;
        if (stream > 0)
            w->packet->duration = 1;
        av_packet_rescale_ts(w->packet, encoder->time_base, w->format->streams[stream]->time_base);
        r = av_interleaved_write_frame(w->format, w->packet);
        if (r < 0) {
            (void)fault(w, r, w->part);
            return ERR_IO;
        }
    }
    return fault(w, r, "encoding");
}

/* ---- sound ----------------------------------------------------------------------------------- */

static enum err open_sound(struct work *w) {
    const struct media_source_options o = {.class = SOURCE_CLASS_SEEKABLE};
    enum err e =
        media_source_open(&w->sound, w->order->from, &o, RENDITION_RATE_HZ, CHANNELS, w->why);
    return e == ERR_OK ? media_ingest_alac(&w->alac, w->why) : e;
}

static enum err new_samples(struct work *w) {
    AVFrame *f = w->samples;
    av_frame_unref(f);
    f->nb_samples = w->alac->frame_size;
    f->format = AV_SAMPLE_FMT_S16P;
    f->sample_rate = RENDITION_RATE_HZ;
    w->filled = 0;
    bool made = av_channel_layout_copy(&f->ch_layout, &w->alac->ch_layout) >= 0 &&
                av_frame_get_buffer(f, 0) >= 0;
    return made ? ERR_OK : ERR_NO_MEMORY;
}

static enum err flush_samples(struct work *w) {
    w->samples->nb_samples = w->filled;
    w->samples->pts = w->heard - w->filled;
    enum err e = encode(w, w->alac, w->samples, 0);
    return e == ERR_OK ? new_samples(w) : e;
}

static enum err take_samples(struct work *w, const int16_t samples[FRAME * CHANNELS]) {
    enum err e = ERR_OK;
    for (int i = 0; i < FRAME && e == ERR_OK; i++) {
        for (int c = 0; c < CHANNELS; c++)
            ((int16_t *)(void *)w->samples->data[c])[w->filled] = samples[i * CHANNELS + c];
        w->filled++;
        w->heard++;
        if (w->filled == w->alac->frame_size)
            e = flush_samples(w);
    }
    return e;
}

/* The sound of one more segment, or what there is of it. */
static enum err hear(struct work *w) {
    int16_t samples[FRAME * CHANNELS];
    enum err e = ERR_OK;
    for (int i = 0; i < SEGMENT_MS / MEDIA_FRAME_MS && e == ERR_OK && !w->silent; i++) {
        e = media_source_read(w->sound, samples);
        w->silent = e == ERR_SOURCE_ENDED;
        if (w->silent)
            e = ERR_OK;
        else if (e == ERR_OK)
            e = take_samples(w, samples);
        else
            media_whyf(w->why, "%s", media_source_why(w->sound));
    }
    return e;
}

/* ---- pictures -------------------------------------------------------------------------------- */

static enum err choose_size(struct work *w, struct rendition *r, uint32_t *width) {
    struct rendition_source source = {0};
    media_pictures_shape(w->pictures, &source.width, &source.height);
    return media_ingest_shape(r, width, &source, w->order->height, w->order->fps, w->why);
}

static enum err open_pictures(struct work *w) {
    struct media_why unheard;
    struct rendition r = {.fps = 0};
    uint32_t width = 0;
    enum err e = media_pictures_open(&w->pictures, w->order->from, SOURCE_CLASS_SEEKABLE,
                                     DURATION_ZERO, &unheard);
    if (e != ERR_OK && strcmp(unheard.text, "no pictures in it") == 0)
        return ERR_OK;
    if (e != ERR_OK) {
        media_whyf(w->why, "%s", unheard.text);
        return e;
    }
    e = choose_size(w, &r, &width);
    if (e == ERR_OK)
        e = media_ingest_x264(&w->x264, &r, width, w->why);
    if (e == ERR_OK)
        e = media_pictures_seek(w->pictures, 0, r.fps, w->why);
    w->out->width = width;
    w->out->height = r.height;
    w->out->fps = r.fps;
    return e;
}

/* The pictures of what has been heard. */
static enum err show(struct work *w) {
    const uint32_t fps = w->out->fps;
    int64_t until = (w->heard * fps + RENDITION_RATE_HZ - 1) / RENDITION_RATE_HZ;
    enum err e = ERR_OK;
    for (; w->pictures != NULL && w->shown < until && e == ERR_OK; w->shown++) {
        const AVFrame *shown;
        e = media_pictures_at(w->pictures, (uint64_t)w->shown, fps, &shown, w->why);
        if (e == ERR_OK)
            e = media_scale(&w->scaler, shown, w->x264->width, w->x264->height, w->scaled, w->why);
        if (e != ERR_OK)
            break;
        w->scaled->pts = w->shown;
        w->scaled->pict_type = w->shown % (SEGMENT_MS * (int64_t)fps / 1000) == 0
                                   ? AV_PICTURE_TYPE_I
                                   : AV_PICTURE_TYPE_NONE;
        e = encode(w, w->x264, w->scaled, 1);
    }
    return e;
}

/* ---- the file -------------------------------------------------------------------------------- */

static enum err add_stream(struct work *w, const AVCodecContext *encoder) {
    AVStream *s = avformat_new_stream(w->format, NULL);
    if (s == NULL || avcodec_parameters_from_context(s->codecpar, encoder) < 0)
        return ERR_NO_MEMORY;
    s->time_base = encoder->time_base;
    s->avg_frame_rate = encoder->framerate;
    return ERR_OK;
}

static enum err begin_file(struct work *w) {
    AVDictionary *o = NULL;
    int n = snprintf(w->part, sizeof w->part, "%s.part", w->order->to);
    if (n < 0 || (size_t)n >= sizeof w->part) {
        media_whyf(w->why, "a path of at most %d characters was expected", PATH_MAX_LEN - 6);
        return ERR_UNSUPPORTED;
    }
    if (avformat_alloc_output_context2(&w->format, NULL, "mp4", w->part) < 0)
        return ERR_NO_MEMORY;
    w->format->flags |= AVFMT_FLAG_BITEXACT;
    enum err e = add_stream(w, w->alac);
    if (e == ERR_OK && w->x264 != NULL)
        e = add_stream(w, w->x264);
    if (e != ERR_OK)
        return e;
    int r = avio_open(&w->format->pb, w->part, AVIO_FLAG_WRITE);
    w->begun = r >= 0;
    av_dict_set(&o, "movflags", "+faststart", 0);
    av_dict_set(&o, "use_editlist", "0", 0);
    if (r >= 0)
        r = avformat_write_header(w->format, &o);
    av_dict_free(&o);
    if (r >= 0)
        return ERR_OK;
    (void)fault(w, r, w->part);
    return ERR_IO;
}

static enum err end_file(struct work *w) {
    int r = av_write_trailer(w->format);
    if (r >= 0)
        r = avio_closep(&w->format->pb);
    if (r < 0) {
        (void)fault(w, r, w->part);
        return ERR_IO;
    }
    if (rename(w->part, w->order->to) != 0) {
        media_whyf(w->why, "%s: %s", w->order->to, strerror(errno));
        return ERR_IO;
    }
    w->begun = false;
    return ERR_OK;
}

/* ---- whole ----------------------------------------------------------------------------------- */

static enum err open_all(struct work *w) {
    w->packet = av_packet_alloc();
    w->samples = av_frame_alloc();
    w->scaled = av_frame_alloc();
    if (w->packet == NULL || w->samples == NULL || w->scaled == NULL)
        return ERR_NO_MEMORY;
    enum err e = open_sound(w);
    if (e == ERR_OK)
        e = open_pictures(w);
    if (e == ERR_OK)
        e = new_samples(w);
    return e == ERR_OK ? begin_file(w) : e;
}

static enum err run(struct work *w) {
    enum err e = open_all(w);
    while (e == ERR_OK && !w->silent) {
        e = hear(w);
        if (e == ERR_OK)
            e = show(w);
    }
    if (e == ERR_OK && w->filled > 0)
        e = flush_samples(w);
    if (e == ERR_OK)
        e = encode(w, w->alac, NULL, 0);
    if (e == ERR_OK && w->x264 != NULL)
        e = encode(w, w->x264, NULL, 1);
    w->out->duration_ms = (uint64_t)w->heard * 1000 / RENDITION_RATE_HZ;
    return e == ERR_OK ? end_file(w) : e;
}

enum err media_ingest(struct media_ingested *out, const struct media_ingest *order,
                      struct media_why *why) {
    struct work w = {.order = order, .out = out, .why = why};
    *out = (struct media_ingested){0};
    media_init();
    enum err e = run(&w);
    if (w.format != NULL)
        avio_closep(&w.format->pb);
    avformat_free_context(w.format);
    if (w.begun)
        unlink(w.part);
    media_source_close(w.sound);
    media_pictures_close(w.pictures);
    media_scaler_close(&w.scaler);
    avcodec_free_context(&w.alac);
    avcodec_free_context(&w.x264);
    av_packet_free(&w.packet);
    av_frame_free(&w.samples);
    av_frame_free(&w.scaled);
    return e;
}
