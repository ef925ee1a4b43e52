#include "transcoder/media/chunk.h"

#include <libavformat/avformat.h>
#include <stdlib.h>

struct media_chunk {
    AVCodecContext *x264; /* NULL: sound alone */
    AVCodecContext *alac;
    AVPacket **pictures; /* owned, `span` and one before them */
    uint32_t count, room;
    uint32_t span;  /* pictures of a segment */
    uint32_t shown; /* of them */
    AVFormatContext *format;
    struct media_why *why;
};

static enum err fault(struct media_chunk *c, int averror, const char *doing) {
    char text[AV_ERROR_MAX_STRING_SIZE];
    media_whyf(c->why, "%s: %s", doing, av_make_error_string(text, sizeof text, averror));
    return averror == AVERROR(ENOMEM) ? ERR_NO_MEMORY : ERR_UNSUPPORTED;
}

static enum err open_pictures(struct media_chunk *c, const struct rendition *r, uint32_t width) {
    c->span = SEGMENT_MS * r->fps / 1000;
    c->room = c->span + INCOMING_BEFORE;
    c->pictures = calloc(c->room, sizeof(AVPacket *));
    return c->pictures == NULL ? ERR_NO_MEMORY : media_ingest_x264(&c->x264, r, width, c->why);
}

enum err media_chunk_new(struct media_chunk **out, const struct rendition *pictures, uint32_t width,
                         struct media_why *why) {
    struct media_chunk *c = *out = calloc(1, sizeof(*c));
    if (c == NULL)
        return ERR_NO_MEMORY;
    c->why = why;
    enum err e = media_ingest_alac(&c->alac, why);
    if (e == ERR_OK && pictures != NULL)
        e = open_pictures(c, pictures, width);
    if (e != ERR_OK) {
        media_chunk_close(c);
        *out = NULL;
    }
    return e;
}

void media_chunk_close(struct media_chunk *c) {
    if (c == NULL)
        return;
    for (uint32_t i = 0; i < c->count; i++)
        av_packet_free(&c->pictures[i]);
    free((void *)c->pictures);
    avcodec_free_context(&c->x264);
    avcodec_free_context(&c->alac);
    if (c->format != NULL && c->format->pb != NULL) {
        uint8_t *rest = NULL;
        avio_close_dyn_buf(c->format->pb, &rest);
        av_free(rest);
    }
    avformat_free_context(c->format);
    free(c);
}

/* ---- pictures -------------------------------------------------------------------------------- */

/* Packets wait in memory: of the file nothing is written before its sound is there. */
static enum err encode(struct media_chunk *c, AVFrame *picture) {
    int r = avcodec_send_frame(c->x264, picture);
    while (r >= 0) {
        AVPacket *p = av_packet_alloc();
        r = p != NULL ? avcodec_receive_packet(c->x264, p) : AVERROR(ENOMEM);
        if (r >= 0 && c->count < c->room) {
            c->pictures[c->count++] = p;
            continue;
        }
        av_packet_free(&p);
        if (r == AVERROR(EAGAIN) || r == AVERROR_EOF)
            return ERR_OK;
    }
    return fault(c, r, "encoding pictures");
}

/* Where sound alone is there must be some picture: the first one, which lasts as long. */
enum err media_chunk_show(struct media_chunk *c, AVFrame *picture, struct media_why *why) {
    enum err e = ERR_OK;
    c->why = why;
    for (bool first = c->shown == 0; first && e == ERR_OK; first = false) {
        picture->pts = 0;
        picture->pict_type = AV_PICTURE_TYPE_I;
        e = encode(c, picture);
    }
    picture->pts = (int64_t)INCOMING_BEFORE * c->span + c->shown;
    picture->pict_type = c->shown == 0 ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    c->shown++;
    return e == ERR_OK ? encode(c, picture) : e;
}

/* ---- the file -------------------------------------------------------------------------------- */

static enum err add_stream(struct media_chunk *c, const AVCodecContext *encoder) {
    AVStream *s = avformat_new_stream(c->format, NULL);
    if (s == NULL || avcodec_parameters_from_context(s->codecpar, encoder) < 0)
        return ERR_NO_MEMORY;
    s->time_base = encoder->time_base;
    s->avg_frame_rate = encoder->framerate;
    return ERR_OK;
}

static enum err begin_file(struct media_chunk *c) {
    AVDictionary *o = NULL;
    if (avformat_alloc_output_context2(&c->format, NULL, "mp4", NULL) < 0)
        return ERR_NO_MEMORY;
    c->format->flags |= AVFMT_FLAG_BITEXACT;
    enum err e = add_stream(c, c->alac);
    if (e == ERR_OK && c->x264 != NULL)
        e = add_stream(c, c->x264);
    if (e != ERR_OK || avio_open_dyn_buf(&c->format->pb) < 0)
        return e != ERR_OK ? e : ERR_NO_MEMORY;
    av_dict_set(&o, "use_editlist", "0", 0);
    int r = avformat_write_header(c->format, &o);
    av_dict_free(&o);
    return r < 0 ? fault(c, r, "a chunk") : ERR_OK;
}

static enum err write_packet(struct media_chunk *c, const AVCodecContext *encoder, AVPacket *p,
                             int stream) {
    p->stream_index = stream;
    av_packet_rescale_ts(p, encoder->time_base, c->format->streams[stream]->time_base);
    int r = av_interleaved_write_frame(c->format, p);
    return r < 0 ? fault(c, r, "a chunk") : ERR_OK;
}

/* Each lasts until the next one. */
static enum err write_pictures(struct media_chunk *c) {
    enum err e = encode(c, NULL);
    if (e == ERR_OK && c->count != c->room) {
        media_whyf(c->why, "%u of %u pictures", c->count, c->room);
        return ERR_SOURCE_FAILED;
    }
    for (uint32_t i = 0; i < c->count && e == ERR_OK; i++) {
        c->pictures[i]->duration = i < INCOMING_BEFORE ? c->span : 1;
        e = write_packet(c, c->x264, c->pictures[i], 1);
    }
    return e;
}

static enum err write_sound(struct media_chunk *c, AVFrame *frame, AVPacket *packet) {
    int r = avcodec_send_frame(c->alac, frame);
    while (r >= 0) {
        r = avcodec_receive_packet(c->alac, packet);
        if (r == AVERROR(EAGAIN) || r == AVERROR_EOF)
            return ERR_OK;
        enum err e = r >= 0 ? write_packet(c, c->alac, packet, 0) : ERR_OK;
        if (e != ERR_OK)
            return e;
    }
    return fault(c, r, "encoding sound");
}

/* The next samples of `from`, of which so many are left. */
static bool fill(const struct media_chunk *c, AVFrame *f, const int16_t *from, int64_t left) {
    av_frame_unref(f);
    f->nb_samples = left < c->alac->frame_size ? (int)left : c->alac->frame_size;
    f->format = AV_SAMPLE_FMT_S16P;
    f->sample_rate = RENDITION_RATE_HZ;
    f->pts = CHUNK_SAMPLES - left;
    if (av_channel_layout_copy(&f->ch_layout, &c->alac->ch_layout) < 0 ||
        av_frame_get_buffer(f, 0) < 0)
        return false;
    for (int channel = 0; channel < INGEST_CHANNELS; channel++)
        for (int i = 0; i < f->nb_samples; i++)
            ((int16_t *)(void *)f->data[channel])[i] = from[i * INGEST_CHANNELS + channel];
    return true;
}

static enum err write_all_sound(struct media_chunk *c, const int16_t *samples) {
    AVFrame *frame = av_frame_alloc();
    AVPacket *packet = av_packet_alloc();
    enum err e = frame != NULL && packet != NULL ? ERR_OK : ERR_NO_MEMORY;
    for (int64_t left = CHUNK_SAMPLES; left > 0 && e == ERR_OK; left -= frame->nb_samples) {
        e = fill(c, frame, samples, left) ? write_sound(c, frame, packet) : ERR_NO_MEMORY;
        samples += (ptrdiff_t)frame->nb_samples * INGEST_CHANNELS;
    }
    if (e == ERR_OK)
        e = write_sound(c, NULL, packet);
    av_frame_free(&frame);
    av_packet_free(&packet);
    return e;
}

enum err media_chunk_finish(struct media_chunk *c, const int16_t *samples, struct media_bytes *out,
                            struct media_why *why) {
    c->why = why;
    enum err e = begin_file(c);
    if (e == ERR_OK)
        e = write_all_sound(c, samples);
    if (e == ERR_OK && c->x264 != NULL)
        e = write_pictures(c);
    if (e != ERR_OK)
        return e;
    int r = av_write_trailer(c->format);
    if (r < 0)
        return fault(c, r, "a chunk");
    int len = avio_close_dyn_buf(c->format->pb, &out->data);
    c->format->pb = NULL;
    out->len = len > 0 ? (size_t)len : 0;
    return out->data != NULL ? ERR_OK : ERR_NO_MEMORY;
}
