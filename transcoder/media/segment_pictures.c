/* Pictures of a segment: decoded, scaled, encoded. See segment.h. */
#include "transcoder/media/pictures.h"
#include "transcoder/media/scaler.h"
#include "transcoder/media/segment_inner.h"

#define PRESET "veryfast"
#define CRF    "23"
/* keyint=infinite: the first picture is the only one that needs no other, whatever is shown.
 * No picture is decoded before one that is shown earlier (no B pictures): what FFmpeg's players
 * make of negative offsets between the two is 80 ms between sound and picture, and Shaka plays
 * nothing without them. cpu-independent: equal bytes from all of x264's inner loops. */
#define X264_PARAMS                                                                                \
    "cpu-independent=1:scenecut=0:open-gop=0:keyint=infinite:force-cfr=1:lookahead-threads=1:"     \
    "sliced-threads=0"

struct work {
    struct segment_job *job;
    struct media_pictures *from;
    struct media_scaler scaler;
    AVCodecContext *encoder;
    AVFrame *scaled;
    AVPacket *packet;
};

static const char *pretended; /* in tests: the processor's features */

void segment_pictures_pretend(const char *features) {
    pretended = features;
}

const char *segment_pictures_settings(void) {
    return PRESET " crf=" CRF " " X264_PARAMS;
}

static void set_parameters(AVCodecContext *c, const struct rendition *r, uint32_t width,
                           uint32_t scale) {
    c->width = (int)width;
    c->height = (int)r->height;
    c->pix_fmt = AV_PIX_FMT_YUV420P;
    c->sample_aspect_ratio = (AVRational){1, 1};
    c->time_base = (AVRational){1, (int)scale};
    c->framerate = (AVRational){(int)r->fps, 1};
    c->max_b_frames = 0;
    c->thread_count = 1;
    c->rc_max_rate = r->bitrate_bps;
    c->rc_buffer_size = (int)r->bitrate_bps;
    c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_CLOSED_GOP | AV_CODEC_FLAG_BITEXACT;
    c->profile = FF_PROFILE_H264_HIGH;
    c->level = (int)rendition_level(r, width);
}

enum err segment_pictures_encoder(AVCodecContext **out, const struct rendition *r, uint32_t width,
                                  uint32_t scale, struct media_why *why) {
    const AVCodec *codec = avcodec_find_encoder_by_name("libx264");
    if (codec == NULL) {
        media_whyf(why, "this machine's FFmpeg has no encoder libx264");
        return ERR_UNSUPPORTED;
    }
    *out = avcodec_alloc_context3(codec);
    if (*out == NULL)
        return ERR_NO_MEMORY;
    set_parameters(*out, r, width, scale);
    AVDictionary *o = NULL;
    av_dict_set(&o, "preset", PRESET, 0);
    av_dict_set(&o, "profile", "high", 0);
    av_dict_set(&o, "crf", CRF, 0);
    av_dict_set(&o, "forced-idr", "1", 0);
    av_dict_set(&o, "x264-params", X264_PARAMS, 0);
    if (pretended != NULL) {
        av_dict_set(&o, "x264-params", ":asm=", AV_DICT_APPEND);
        av_dict_set(&o, "x264-params", pretended, AV_DICT_APPEND);
    }
    int e = avcodec_open2(*out, codec, &o);
    av_dict_free(&o);
    if (e < 0)
        media_whyf(why, "x264 refuses the parameters of rendition %s", r->name.text);
    return e == AVERROR(ENOMEM) ? ERR_NO_MEMORY : e < 0 ? ERR_UNSUPPORTED : ERR_OK;
}

static enum err open_mux(struct work *w) {
    struct segment_job *j = w->job;
    AVCodecParameters *p = avcodec_parameters_alloc();
    if (p == NULL || avcodec_parameters_from_context(p, w->encoder) < 0) {
        avcodec_parameters_free(&p);
        return ERR_NO_MEMORY;
    }
    enum err e = media_mux_open(&j->mux, p, w->encoder->time_base, w->encoder->framerate,
                                segment_job_is_init(j) ? 0 : j->number, j->why);
    avcodec_parameters_free(&p);
    return e;
}

/* ---- one picture ----------------------------------------------------------------------------- */

static enum err encode(struct work *w, AVFrame *picture) {
    int r = avcodec_send_frame(w->encoder, picture);
    while (r >= 0) {
        r = avcodec_receive_packet(w->encoder, w->packet);
        if (r == AVERROR(EAGAIN) || r == AVERROR_EOF)
            return ERR_OK;
        if (r < 0)
            break;
        w->packet->duration = w->job->span.ticks;
        enum err e = media_mux_write(&w->job->mux, w->packet, w->job->why);
        if (e != ERR_OK)
            return e;
    }
    return media_input_error(NULL, r, "encoding pictures", w->job->why);
}

static enum err encode_all(struct work *w) {
    const struct segment_job *j = w->job;
    const uint32_t fps = j->rendition->fps;
    enum err e = media_pictures_seek(w->from, j->span.first, fps, j->why);
    for (uint32_t i = 0; i < j->span.count && e == ERR_OK; i++) {
        const AVFrame *shown;
        e = media_pictures_at(w->from, j->span.first + i, fps, &shown, j->why);
        if (e == ERR_OK)
            e = media_scale(&w->scaler, shown, w->encoder->width, w->encoder->height, w->scaled,
                            j->why);
        if (e != ERR_OK)
            break;
        w->scaled->pts = (int64_t)((j->shift + j->span.first + i) * j->span.ticks);
        w->scaled->pict_type = i == 0 ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
        e = encode(w, w->scaled);
    }
    return e == ERR_OK ? encode(w, NULL) : e;
}

/* ---- whole ----------------------------------------------------------------------------------- */

static enum err run(struct work *w) {
    const struct media_segment_source *s = w->job->source;
    w->scaled = av_frame_alloc();
    w->packet = av_packet_alloc();
    if (w->scaled == NULL || w->packet == NULL)
        return ERR_NO_MEMORY;
    const struct rendition *r = w->job->rendition;
    enum err e = segment_pictures_encoder(&w->encoder, r, rendition_width(r, &s->facts),
                                          w->job->span.scale, w->job->why);
    if (e == ERR_OK)
        e = open_mux(w);
    if (e != ERR_OK || segment_job_is_init(w->job))
        return e;
    e = media_pictures_open(&w->from, s->location, s->class, s->timeout, w->job->why);
    return e == ERR_OK ? encode_all(w) : e;
}

enum err segment_pictures(struct segment_job *j) {
    struct work w = {.job = j};
    enum err e = run(&w);
    media_pictures_close(w.from);
    media_scaler_close(&w.scaler);
    avcodec_free_context(&w.encoder);
    av_frame_free(&w.scaled);
    av_packet_free(&w.packet);
    return e;
}
