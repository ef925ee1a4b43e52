#include "transcoder/media/ingest_inner.h"

/* Better than what is made of it later by six steps, which nobody sees. */
#define PRESET "veryfast"
#define CRF    "17"
#define X264_PARAMS                                                                                \
    "cpu-independent=1:scenecut=0:open-gop=0:keyint=infinite:force-cfr=1:lookahead-threads=1:"     \
    "sliced-threads=0"

static enum err fault(int averror, const char *doing, struct media_why *why) {
    char text[AV_ERROR_MAX_STRING_SIZE];
    media_whyf(why, "%s: %s", doing, av_make_error_string(text, sizeof text, averror));
    return averror == AVERROR(ENOMEM) ? ERR_NO_MEMORY : ERR_UNSUPPORTED;
}

enum err media_ingest_shape(struct rendition *r, uint32_t *width,
                            const struct rendition_source *source, uint32_t height, uint32_t fps,
                            struct media_why *why) {
    uint32_t most = source->height < RENDITION_HEIGHT_MAX ? source->height : RENDITION_HEIGHT_MAX;
    *r = (struct rendition){.codec = RENDITION_H264, .bitrate_bps = 1000000};
    r->height = height != 0 ? height : most / 2 * 2;
    r->fps = fps != 0 ? fps : RENDITION_FPS;
    const char *wrong = rendition_fault(r);
    if (wrong == NULL && !rendition_fits(r, source))
        wrong = "a height that the recording has";
    if (wrong != NULL) {
        media_whyf(why, "%u lines at %u pictures a second of %ux%u: expected %s", r->height, r->fps,
                   source->width, source->height, wrong);
        return ERR_UNSUPPORTED;
    }
    *width = rendition_width(r, source);
    return ERR_OK;
}

enum err media_ingest_x264(AVCodecContext **out, const struct rendition *r, uint32_t width,
                           struct media_why *why) {
    const AVCodec *codec = avcodec_find_encoder_by_name("libx264");
    AVDictionary *o = NULL;
    AVCodecContext *c = *out = codec != NULL ? avcodec_alloc_context3(codec) : NULL;
    if (c == NULL) {
        media_whyf(why, "this machine's FFmpeg has no encoder libx264");
        return ERR_UNSUPPORTED;
    }
    c->width = (int)width;
    c->height = (int)r->height;
    c->pix_fmt = AV_PIX_FMT_YUV420P;
    c->sample_aspect_ratio = (AVRational){1, 1};
    c->time_base = (AVRational){1, (int)r->fps};
    c->framerate = (AVRational){(int)r->fps, 1};
    c->max_b_frames = 0;
    c->thread_count = 1;
    c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_CLOSED_GOP | AV_CODEC_FLAG_BITEXACT;
    av_dict_set(&o, "preset", PRESET, 0);
    av_dict_set(&o, "crf", CRF, 0);
    av_dict_set(&o, "forced-idr", "1", 0);
    av_dict_set(&o, "x264-params", X264_PARAMS, 0);
    int e = avcodec_open2(c, codec, &o);
    av_dict_free(&o);
    return e < 0 ? fault(e, "x264", why) : ERR_OK;
}

enum err media_ingest_alac(AVCodecContext **out, struct media_why *why) {
    const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_ALAC);
    AVCodecContext *c = *out = codec != NULL ? avcodec_alloc_context3(codec) : NULL;
    if (c == NULL) {
        media_whyf(why, "this machine's FFmpeg has no encoder of ALAC");
        return ERR_UNSUPPORTED;
    }
    c->sample_rate = RENDITION_RATE_HZ;
    c->sample_fmt = AV_SAMPLE_FMT_S16P;
    c->time_base = (AVRational){1, RENDITION_RATE_HZ};
    c->thread_count = 1;
    c->flags |= AV_CODEC_FLAG_BITEXACT | AV_CODEC_FLAG_GLOBAL_HEADER;
    av_channel_layout_default(&c->ch_layout, INGEST_CHANNELS);
    int e = avcodec_open2(c, codec, NULL);
    return e < 0 ? fault(e, "ALAC", why) : ERR_OK;
}
