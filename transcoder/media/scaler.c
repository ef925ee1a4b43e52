#include "transcoder/media/scaler.h"

#define SCALER (SWS_BICUBIC | SWS_ACCURATE_RND | SWS_BITEXACT)

static enum err make(struct media_scaler *s, const AVFrame *in, int width, int height,
                     struct media_why *why) {
    if (s->context != NULL && s->shape[0] == in->width && s->shape[1] == in->height &&
        s->shape[2] == in->format)
        return ERR_OK;
    sws_freeContext(s->context);
    s->context = sws_getContext(in->width, in->height, (enum AVPixelFormat)in->format, width,
                                height, AV_PIX_FMT_YUV420P, SCALER, NULL, NULL, NULL);
    if (s->context == NULL) {
        media_whyf(why, "no scaling of %dx%d in format %d", in->width, in->height, in->format);
        return ERR_UNSUPPORTED;
    }
    s->shape[0] = in->width;
    s->shape[1] = in->height;
    s->shape[2] = in->format;
    return ERR_OK;
}

enum err media_scale(struct media_scaler *s, const AVFrame *in, int width, int height, AVFrame *out,
                     struct media_why *why) {
    av_frame_unref(out);
    if (in->width == width && in->height == height && in->format == AV_PIX_FMT_YUV420P)
        return av_frame_ref(out, in) < 0 ? ERR_NO_MEMORY : ERR_OK;
    enum err e = make(s, in, width, height, why);
    if (e != ERR_OK)
        return e;
    out->width = width;
    out->height = height;
    out->format = AV_PIX_FMT_YUV420P;
    if (av_frame_get_buffer(out, 0) < 0)
        return ERR_NO_MEMORY;
    sws_scale(s->context, (const uint8_t *const *)in->data, in->linesize, 0, in->height, out->data,
              out->linesize);
    return ERR_OK;
}

void media_scaler_close(struct media_scaler *s) {
    sws_freeContext(s->context);
    *s = (struct media_scaler){0};
}
