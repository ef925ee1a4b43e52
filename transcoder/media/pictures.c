#include "transcoder/media/pictures.h"

#include <stdlib.h>

#define PACKETS_DRY_MAX 1000 /* without a picture between them: damaged */
#define SEEK_BACK_MS    1000 /* [ms] further back, doubled, where a seek came out too late */

/* Thread counts change no picture, but a maker is one of several processes already. */
static enum err open_decoder(struct media_pictures *p, struct media_why *why) {
    const AVCodecParameters *parameters = p->container->stream->codecpar;
    const AVCodec *codec = avcodec_find_decoder(parameters->codec_id);
    if (codec == NULL) {
        media_whyf(why, "no decoder for codec %s", avcodec_get_name(parameters->codec_id));
        return ERR_UNSUPPORTED;
    }
    avcodec_free_context(&p->codec);
    p->codec = avcodec_alloc_context3(codec);
    if (p->codec == NULL || avcodec_parameters_to_context(p->codec, parameters) < 0)
        return ERR_NO_MEMORY;
    p->codec->pkt_timebase = p->container->stream->time_base;
    p->codec->thread_count = 1;
    p->codec->flags |= AV_CODEC_FLAG_BITEXACT;
    int r = avcodec_open2(p->codec, codec, NULL);
    if (r < 0)
        media_whyf(why, "the decoder of %s does not open", codec->name);
    return r == AVERROR(ENOMEM) ? ERR_NO_MEMORY : r < 0 ? ERR_UNSUPPORTED : ERR_OK;
}

static enum err open_all(struct media_pictures *p, const char *location, enum source_class class,
                         struct duration timeout, struct media_why *why) {
    struct media_input *input;
    p->packet = av_packet_alloc();
    p->shown = av_frame_alloc();
    p->ahead = av_frame_alloc();
    if (p->packet == NULL || p->shown == NULL || p->ahead == NULL)
        return ERR_NO_MEMORY;
    enum err e = media_input_open(&input, location, timeout, why);
    if (e == ERR_OK)
        e = media_container_open_pictures(&p->container, input, location, class, why);
    return e == ERR_OK ? open_decoder(p, why) : e;
}

enum err media_pictures_open(struct media_pictures **out, const char *location,
                             enum source_class class, struct duration timeout,
                             struct media_why *why) {
    *out = NULL;
    media_init();
    struct media_pictures *p = calloc(1, sizeof *p);
    if (p == NULL)
        return ERR_NO_MEMORY;
    enum err e = open_all(p, location, class, timeout, why);
    if (e != ERR_OK) {
        media_pictures_close(p);
        return e;
    }
    *out = p;
    return ERR_OK;
}

void media_pictures_close(struct media_pictures *p) {
    if (p == NULL)
        return;
    avcodec_free_context(&p->codec);
    av_packet_free(&p->packet);
    av_frame_free(&p->shown);
    av_frame_free(&p->ahead);
    media_container_close(p->container);
    free(p);
}

void media_pictures_shape(const struct media_pictures *p, uint32_t *width, uint32_t *height) {
    const AVStream *s = p->container->stream;
    AVRational pixel = av_guess_sample_aspect_ratio(p->container->format, (AVStream *)s, NULL);
    if (pixel.num <= 0 || pixel.den <= 0)
        pixel = (AVRational){1, 1};
    *height = (uint32_t)s->codecpar->height;
    *width = (uint32_t)av_rescale(s->codecpar->width, pixel.num, pixel.den);
}

/* ---- decoding -------------------------------------------------------------------------------- */

static enum err feed(struct media_pictures *p, struct media_why *why) {
    media_input_arm(p->container->input);
    enum err e = media_container_read(p->container, p->packet, why);
    if (e != ERR_OK && e != ERR_SOURCE_ENDED)
        return e;
    p->drained = e == ERR_SOURCE_ENDED;
    int r = avcodec_send_packet(p->codec, p->drained ? NULL : p->packet);
    av_packet_unref(p->packet);
    return r < 0 && r != AVERROR_EOF ? media_input_error(NULL, r, "decoding", why) : ERR_OK;
}

/* Into `ahead`, which is empty. */
static enum err decode(struct media_pictures *p, struct media_why *why) {
    for (int dry = 0; dry < PACKETS_DRY_MAX; dry++) {
        int r = avcodec_receive_frame(p->codec, p->ahead);
        if (r == AVERROR_EOF) {
            p->ended = true;
            return ERR_OK;
        }
        if (r < 0 && r != AVERROR(EAGAIN))
            return media_input_error(NULL, r, "decoding", why);
        if (r == 0) {
            if (p->ahead->pts == AV_NOPTS_VALUE)
                p->ahead->pts = p->ahead->best_effort_timestamp;
            p->decoded++;
            if (p->ahead->pts != AV_NOPTS_VALUE)
                return ERR_OK;
            av_frame_unref(p->ahead);
        } else {
            enum err e = feed(p, why);
            if (e != ERR_OK)
                return e;
        }
    }
    media_whyf(why, "no picture in %d packets", PACKETS_DRY_MAX);
    return ERR_SOURCE_FAILED;
}

static bool is_after(const struct media_pictures *p, const AVFrame *f, uint64_t k, uint32_t fps) {
    return av_compare_ts(f->pts, p->container->stream->time_base, (int64_t)k,
                         (AVRational){1, (int)fps}) > 0;
}

enum err media_pictures_at(struct media_pictures *p, uint64_t k, uint32_t fps, const AVFrame **out,
                           struct media_why *why) {
    enum err e = ERR_OK;
    while (e == ERR_OK) {
        if (p->ahead->buf[0] == NULL && !p->ended)
            e = decode(p, why);
        bool later = p->ahead->buf[0] == NULL || is_after(p, p->ahead, k, fps);
        if (e != ERR_OK || (later && p->shown->buf[0] != NULL))
            break;
        if (p->ahead->buf[0] == NULL) {
            media_whyf(why, "no picture in it");
            return ERR_SOURCE_FAILED;
        }
        av_frame_unref(p->shown);
        av_frame_move_ref(p->shown, p->ahead);
        if (later) /* before the first picture there is the first picture */
            break;
    }
    *out = p->shown;
    return e;
}

/* From the nearest picture before `ts` that needs no other. */
static enum err begin_at(struct media_pictures *p, int64_t ts, struct media_why *why) {
    av_frame_unref(p->shown);
    av_frame_unref(p->ahead);
    p->drained = p->ended = false;
    p->decoded = 0;
    p->container->input->io->error = 0;
    media_input_arm(p->container->input);
    enum err e = open_decoder(p, why);
    if (e != ERR_OK)
        return e;
    int r =
        av_seek_frame(p->container->format, p->container->stream->index, ts, AVSEEK_FLAG_BACKWARD);
    if (r < 0)
        return media_input_error(p->container->input, r, "seeking", why);
    return decode(p, why);
}

/* An index goes by when pictures are decoded, which is before they are shown: a seek may come out
 * behind the picture that is shown. */
enum err media_pictures_seek(struct media_pictures *p, uint64_t k, uint32_t fps,
                             struct media_why *why) {
    AVRational base = p->container->stream->time_base, rate = {1, (int)fps};
    for (int64_t back_ms = 0;; back_ms = back_ms == 0 ? SEEK_BACK_MS : back_ms * 2) {
        int64_t ms = av_rescale_q((int64_t)k, rate, (AVRational){1, 1000}) - back_ms;
        int64_t ts = back_ms == 0 ? av_rescale_q((int64_t)k, rate, base)
                                  : av_rescale_q(ms > 0 ? ms : 0, (AVRational){1, 1000}, base);
        enum err e = begin_at(p, ts, why);
        bool early = p->ahead->buf[0] != NULL && !is_after(p, p->ahead, k, fps);
        if (e != ERR_OK || early || ms <= 0)
            return e;
    }
}
