#include "transcoder/media/arrival.h"

#include "transcoder/media/chunk.h"

#include <libavformat/avformat.h>
#include <libswresample/swresample.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_US        2000000    /* [µs] of media that is read to know what comes */
#define SERVER_WAIT_US "10000000" /* [µs] */
#define PIECE          960        /* [samples] of silence at a time */
#define OF_A_SERVER    "http,https,tcp,tls,udp,rtp,rtmp,rtmps,crypto"
#define OF_OURS        "file,pipe"
#define TEAR           (100 * CHUNK_PER_MS) /* [samples] between two frames: time stamps jumped */

struct media_arrival {
    AVFormatContext *format;
    AVCodecContext *sound, *pictures; /* pictures NULL: none */
    int sound_index, pictures_index;
    AVPacket *packet;
    AVFrame *frame;
    SwrContext *swr; /* for the frames as they are; NULL before the first */
    AVFrame *kind;   /* what they are: rate, format, channels */
    int32_t stretch; /* [samples] asked for, and not begun */
    int16_t *samples;
    int room;         /* [samples a channel] of it */
    bool any;         /* sound has been heard */
    int64_t heard;    /* [samples] given out */
    int64_t expected; /* [samples by its time stamps] the next one */
    int64_t silence;  /* [samples] to be given out before what comes next … */
    bool pending;     /* which is in `frame` */
};

static enum err fault(int averror, const char *doing, struct media_why *why) {
    char text[AV_ERROR_MAX_STRING_SIZE];
    media_whyf(why, "%s: %s", doing, av_make_error_string(text, sizeof text, averror));
    return averror == AVERROR(ENOMEM) ? ERR_NO_MEMORY : ERR_SOURCE_FAILED;
}

/* ---- opening --------------------------------------------------------------------------------- */

/* A playlist of a server must not name our files. */
enum err media_arrival_open(struct media_arrival **out, const char *from, struct media_why *why) {
    bool server = strstr(from, "://") != NULL;
    AVDictionary *o = NULL;
    media_init();
    struct media_arrival *a = *out = calloc(1, sizeof(*a));
    if (a == NULL)
        return ERR_NO_MEMORY;
    av_dict_set(&o, "protocol_whitelist", server ? OF_A_SERVER : OF_OURS, 0);
    av_dict_set_int(&o, "analyzeduration", LOOK_US, 0);
    if (server)
        av_dict_set(&o, "rw_timeout", SERVER_WAIT_US, 0);
    int r = avformat_open_input(&a->format, strcmp(from, "-") == 0 ? "pipe:0" : from, NULL, &o);
    av_dict_free(&o);
    if (r >= 0)
        return ERR_OK;
    media_arrival_close(a);
    *out = NULL;
    return fault(r, from, why);
}

void media_arrival_close(struct media_arrival *a) {
    if (a == NULL)
        return;
    avcodec_free_context(&a->sound);
    avcodec_free_context(&a->pictures);
    avformat_close_input(&a->format);
    av_packet_free(&a->packet);
    av_frame_free(&a->frame);
    av_frame_free(&a->kind);
    swr_free(&a->swr);
    free(a->samples);
    free(a);
}

static enum err open_decoder(struct media_arrival *a, AVCodecContext **out, int *index,
                             enum AVMediaType type, struct media_why *why) {
    const AVCodec *codec = NULL;
    *index = av_find_best_stream(a->format, type, -1, -1, &codec, 0);
    if (*index < 0 || codec == NULL) {
        media_whyf(why, "no %s in it that can be decoded", av_get_media_type_string(type));
        return ERR_UNSUPPORTED;
    }
    AVStream *s = a->format->streams[*index];
    s->discard = AVDISCARD_DEFAULT;
    *out = avcodec_alloc_context3(codec);
    if (*out == NULL || avcodec_parameters_to_context(*out, s->codecpar) < 0)
        return ERR_NO_MEMORY;
    (*out)->pkt_timebase = s->time_base;
    (*out)->thread_count = 1;
    int r = avcodec_open2(*out, codec, NULL);
    return r < 0 ? fault(r, codec->name, why) : ERR_OK;
}

static void tell_shape(const struct media_arrival *a, uint32_t *width, uint32_t *height) {
    AVStream *s = a->format->streams[a->pictures_index];
    AVRational pixel = av_guess_sample_aspect_ratio(a->format, s, NULL);
    if (pixel.num <= 0 || pixel.den <= 0)
        pixel = (AVRational){1, 1};
    *height = (uint32_t)s->codecpar->height;
    *width = (uint32_t)av_rescale(s->codecpar->width, pixel.num, pixel.den);
}

enum err media_arrival_begin(struct media_arrival *a, uint32_t *width, uint32_t *height,
                             struct media_why *why) {
    *width = *height = 0;
    a->packet = av_packet_alloc();
    a->frame = av_frame_alloc();
    a->kind = av_frame_alloc();
    if (a->packet == NULL || a->frame == NULL || a->kind == NULL)
        return ERR_NO_MEMORY;
    int r = avformat_find_stream_info(a->format, NULL);
    if (r < 0)
        return fault(r, "looking at what comes", why);
    for (unsigned i = 0; i < a->format->nb_streams; i++)
        a->format->streams[i]->discard = AVDISCARD_ALL;
    enum err e = open_decoder(a, &a->sound, &a->sound_index, AVMEDIA_TYPE_AUDIO, why);
    if (e != ERR_OK)
        return e;
    if (av_find_best_stream(a->format, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0) < 0)
        return ERR_OK;
    e = open_decoder(a, &a->pictures, &a->pictures_index, AVMEDIA_TYPE_VIDEO, why);
    if (e == ERR_OK)
        tell_shape(a, width, height);
    return e;
}

/* ---- sound ----------------------------------------------------------------------------------- */

static int64_t stamp(const struct media_arrival *a, int index, const AVFrame *f) {
    const AVRational ours = {1, RENDITION_RATE_HZ};
    int64_t t = f->best_effort_timestamp;
    return t == AV_NOPTS_VALUE ? t : av_rescale_q(t, a->format->streams[index]->time_base, ours);
}

/* How much silence is due before the frame. */
static int64_t torn(const struct media_arrival *a, int64_t t) {
    int64_t gap = t - a->expected;
    return a->any && gap > TEAR && gap <= (int64_t)ARRIVAL_SILENCE_MS * CHUNK_PER_MS ? gap : 0;
}

static bool same_kind(const AVFrame *a, const AVFrame *b) {
    return a->sample_rate == b->sample_rate && a->format == b->format &&
           av_channel_layout_compare(&a->ch_layout, &b->ch_layout) == 0;
}

/* A resampler for frames of this kind: a source may change it midway. */
static int fit(struct media_arrival *a) {
    AVChannelLayout two, from = {0};
    if (a->swr != NULL && same_kind(a->frame, a->kind))
        return 0;
    swr_free(&a->swr);
    av_channel_layout_default(&two, INGEST_CHANNELS);
    if (a->frame->ch_layout.order == AV_CHANNEL_ORDER_UNSPEC)
        av_channel_layout_default(&from, a->frame->ch_layout.nb_channels);
    else if (av_channel_layout_copy(&from, &a->frame->ch_layout) < 0)
        return AVERROR(ENOMEM);
    int r = swr_alloc_set_opts2(&a->swr, &two, AV_SAMPLE_FMT_S16, RENDITION_RATE_HZ, &from,
                                a->frame->format, a->frame->sample_rate, 0, NULL);
    av_channel_layout_uninit(&from);
    if (r >= 0)
        r = swr_init(a->swr);
    av_frame_unref(a->kind);
    a->kind->sample_rate = a->frame->sample_rate;
    a->kind->format = a->frame->format;
    if (r >= 0)
        r = av_channel_layout_copy(&a->kind->ch_layout, &a->frame->ch_layout);
    return r;
}

static bool make_room(struct media_arrival *a, int count) {
    if (count <= a->room)
        return true;
    int16_t *more = realloc(a->samples, (size_t)count * INGEST_CHANNELS * sizeof(*more));
    if (more == NULL)
        return false;
    a->samples = more;
    a->room = count;
    return true;
}

/* What is in `frame`, and whoever is told of it drops it. */
static int convert(struct media_arrival *a) {
    int r = fit(a);
    if (r >= 0 && a->stretch != 0)
        r = swr_set_compensation(a->swr, a->stretch, (int)CHUNK_SEGMENT);
    a->stretch = 0;
    if (r >= 0 && !make_room(a, swr_get_out_samples(a->swr, a->frame->nb_samples)))
        r = AVERROR(ENOMEM);
    uint8_t *out[] = {(uint8_t *)a->samples};
    if (r >= 0)
        r = swr_convert(a->swr, out, a->room, (const uint8_t **)(uintptr_t)a->frame->extended_data,
                        a->frame->nb_samples);
    a->expected += av_rescale(a->frame->nb_samples, RENDITION_RATE_HZ, a->frame->sample_rate);
    av_frame_unref(a->frame);
    a->pending = false;
    return r;
}

static int give_silence(struct media_arrival *a) {
    int count = a->silence < PIECE ? (int)a->silence : PIECE;
    if (!make_room(a, PIECE))
        return AVERROR(ENOMEM);
    memset(a->samples, 0, (size_t)count * INGEST_CHANNELS * sizeof(*a->samples));
    a->silence -= count;
    return count;
}

/* Samples of what is pending. */
static enum err give_sound(struct media_arrival *a, struct media_arrived *out,
                           struct media_why *why) {
    int got = a->silence > 0 ? give_silence(a) : convert(a);
    if (got < 0)
        return fault(got, "sound", why);
    *out = (struct media_arrived){.samples = a->samples, .count = got};
    a->heard += got;
    return ERR_OK;
}

void media_arrival_stretch(struct media_arrival *a, int32_t samples) {
    a->stretch = samples;
}

/* ---- what comes ------------------------------------------------------------------------------ */

static bool decoded(AVCodecContext *decoder, AVFrame *frame) {
    return decoder != NULL && avcodec_receive_frame(decoder, frame) >= 0;
}

static void heard(struct media_arrival *a) {
    int64_t t = stamp(a, a->sound_index, a->frame);
    if (t == AV_NOPTS_VALUE)
        t = a->expected;
    a->silence = torn(a, t);
    a->expected = t;
    a->any = a->pending = true;
}

/* One of before the first sound belongs before it; of another time than that, now. */
static void seen(struct media_arrival *a, struct media_arrived *out) {
    int64_t t = stamp(a, a->pictures_index, a->frame);
    int64_t after = t == AV_NOPTS_VALUE || !a->any ? 0 : t - a->expected;
    const int64_t most = (int64_t)ARRIVAL_SILENCE_MS * CHUNK_PER_MS;
    if (after > most || after < -most)
        after = 0;
    *out = (struct media_arrived){.picture = a->frame, .at = a->heard + after};
}

static enum err feed(struct media_arrival *a, struct media_why *why) {
    int r = av_read_frame(a->format, a->packet);
    if (r == AVERROR_EOF)
        return ERR_SOURCE_ENDED;
    if (r < 0)
        return fault(r, "what comes", why);
    AVCodecContext *decoder = a->packet->stream_index == a->sound_index ? a->sound
                              : a->pictures != NULL && a->packet->stream_index == a->pictures_index
                                  ? a->pictures
                                  : NULL;
    if (decoder != NULL)
        (void)avcodec_send_packet(decoder, a->packet); /* what is damaged is left out */
    av_packet_unref(a->packet);
    return ERR_OK;
}

enum err media_arrival_next(struct media_arrival *a, struct media_arrived *out,
                            struct media_why *why) {
    enum err e = ERR_OK;
    while (e == ERR_OK && !a->pending) {
        av_frame_unref(a->frame);
        if (decoded(a->sound, a->frame)) {
            heard(a);
        } else if (decoded(a->pictures, a->frame)) {
            seen(a, out);
            return ERR_OK;
        } else {
            e = feed(a, why);
        }
    }
    return e == ERR_OK ? give_sound(a, out, why) : e;
}
