#include "test/bench/bare.h"

#include "peerd/net/clock.h"
#include "test/bench/sheet.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswresample/swresample.h>
#include <opus.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FRAME_US    20000
#define TOGETHER_US 1000 /* frames due within this are made in one go, as a worker does */

struct bare {
    AVFormatContext *format;
    AVCodecContext *decoder;
    AVCodecContext *encoder; /* its facts alone where libopus is called */
    OpusEncoder *opus;       /* NULL where FFmpeg encodes */
    opus_int32 opus_bytes;   /* of a packet */
    SwrContext *swr;         /* NULL where samples need no change */
    AVPacket *in;
    AVPacket *out;
    AVFrame *decoded;
    AVFrame *frame; /* what the encoder is given */
    int used;       /* [samples] of `decoded`, without a resampler */
};

static AVCodecContext *open_encoder(const struct media_profile *p) {
    bool opus = p->codec == MEDIA_CODEC_OPUS;
    const AVCodec *codec = avcodec_find_encoder_by_name(opus ? "libopus" : "pcm_mulaw");
    AVCodecContext *c = avcodec_alloc_context3(codec);
    AVDictionary *options = NULL;
    c->sample_rate = (int)p->rate_hz;
    c->sample_fmt = AV_SAMPLE_FMT_S16;
    c->bit_rate = p->bitrate_bps;
    c->thread_count = 1;
    av_channel_layout_default(&c->ch_layout, p->channels);
    if (opus) {
        c->compression_level = p->complexity;
        av_dict_set(&options, "application", "lowdelay", 0);
        av_dict_set(&options, "vbr", "off", 0);
    }
    if (avcodec_open2(c, codec, &options) < 0)
        sheet_die("the bare loop finds no encoder");
    av_dict_free(&options);
    return c;
}

static void open_decoder(struct bare *b, const char *path) {
    if (avformat_open_input(&b->format, path, NULL, NULL) < 0)
        sheet_die("%s does not open", path);
    AVCodecParameters *par = b->format->streams[0]->codecpar;
    const AVCodec *codec = avcodec_find_decoder(par->codec_id);
    b->decoder = avcodec_alloc_context3(codec);
    b->decoder->thread_count = 1;
    avcodec_parameters_to_context(b->decoder, par);
    if (avcodec_open2(b->decoder, codec, NULL) < 0)
        sheet_die("%s: no decoder", path);
}

static void open_resampler(struct bare *b) {
    AVCodecContext *in = b->decoder;
    AVCodecContext *out = b->encoder;
    AVChannelLayout layout;
    if (in->sample_rate == out->sample_rate && in->sample_fmt == out->sample_fmt &&
        in->ch_layout.nb_channels == out->ch_layout.nb_channels)
        return;
    av_channel_layout_default(&layout, in->ch_layout.nb_channels);
    swr_alloc_set_opts2(&b->swr, &out->ch_layout, AV_SAMPLE_FMT_S16, out->sample_rate, &layout,
                        in->sample_fmt, in->sample_rate, 0, NULL);
    if (swr_init(b->swr) < 0)
        sheet_die("the bare loop finds no resampler");
}

static void open_opus(struct bare *b, const struct media_profile *p) {
    int error;
    b->opus = opus_encoder_create((opus_int32)p->rate_hz, p->channels,
                                  OPUS_APPLICATION_RESTRICTED_LOWDELAY, &error);
    if (b->opus == NULL)
        sheet_die("libopus: %s", opus_strerror(error));
    opus_encoder_ctl(b->opus, OPUS_SET_BITRATE((opus_int32)p->bitrate_bps));
    opus_encoder_ctl(b->opus, OPUS_SET_COMPLEXITY(p->complexity));
    opus_encoder_ctl(b->opus, OPUS_SET_VBR(0));
    b->opus_bytes = (opus_int32)media_profile_payload_bytes(p);
}

static void bare_open(struct bare *b, const char *path, const struct media_profile *p,
                      enum bare_encoder encoder) {
    memset(b, 0, sizeof(*b));
    open_decoder(b, path);
    b->encoder = open_encoder(p);
    if (encoder == BARE_LIBOPUS && p->codec == MEDIA_CODEC_OPUS)
        open_opus(b, p);
    open_resampler(b);
    b->in = av_packet_alloc();
    b->out = av_packet_alloc();
    b->decoded = av_frame_alloc();
    b->frame = av_frame_alloc();
    b->frame->nb_samples = (int)media_profile_samples(p);
    b->frame->format = AV_SAMPLE_FMT_S16;
    av_channel_layout_copy(&b->frame->ch_layout, &b->encoder->ch_layout);
    if (av_frame_get_buffer(b->frame, 0) < 0)
        sheet_die("out of memory");
}

static void bare_close(struct bare *b) {
    avformat_close_input(&b->format);
    avcodec_free_context(&b->decoder);
    avcodec_free_context(&b->encoder);
    if (b->opus != NULL)
        opus_encoder_destroy(b->opus);
    swr_free(&b->swr);
    av_packet_free(&b->in);
    av_packet_free(&b->out);
    av_frame_free(&b->decoded);
    av_frame_free(&b->frame);
}

/* ---- frames ---------------------------------------------------------------------------------- */

/* The next decoded piece of the file, or of its beginning once more. */
static void decode(struct bare *b) {
    while (avcodec_receive_frame(b->decoder, b->decoded) < 0) {
        if (av_read_frame(b->format, b->in) < 0) {
            if (av_seek_frame(b->format, 0, 0, AVSEEK_FLAG_BACKWARD) < 0)
                sheet_die("the bare loop cannot go back");
            continue;
        }
        avcodec_send_packet(b->decoder, b->in);
        av_packet_unref(b->in);
    }
    b->used = 0;
}

static void fill_resampled(struct bare *b) {
    int channels = b->frame->ch_layout.nb_channels;
    int filled = 0;
    for (;;) {
        uint8_t *out[] = {(uint8_t *)((int16_t *)b->frame->data[0] + filled * channels)};
        filled += swr_convert(b->swr, out, b->frame->nb_samples - filled, NULL, 0);
        if (filled == b->frame->nb_samples)
            return;
        decode(b);
        swr_convert(b->swr, NULL, 0, (const uint8_t **)b->decoded->extended_data,
                    b->decoded->nb_samples);
    }
}

/* The same where samples need no change: they are only cut into frames. */
static void fill_copied(struct bare *b) {
    int channels = b->frame->ch_layout.nb_channels;
    for (int filled = 0; filled < b->frame->nb_samples;) {
        if (b->used == b->decoded->nb_samples)
            decode(b);
        int count = b->frame->nb_samples - filled;
        int left = b->decoded->nb_samples - b->used;
        count = count < left ? count : left;
        memcpy((int16_t *)b->frame->data[0] + filled * channels,
               (int16_t *)b->decoded->data[0] + b->used * channels,
               (size_t)count * (size_t)channels * sizeof(int16_t));
        b->used += count;
        filled += count;
    }
}

static void fill_one(struct bare *b) {
    av_frame_make_writable(b->frame);
    if (b->swr != NULL)
        fill_resampled(b);
    else
        fill_copied(b);
}

static void make_frame(struct bare *b) {
    uint8_t packet[MEDIA_PAYLOAD_BYTES_MAX];
    fill_one(b);
    if (b->opus != NULL) {
        if (opus_encode(b->opus, (const opus_int16 *)b->frame->data[0], b->frame->nb_samples,
                        packet, b->opus_bytes) != b->opus_bytes)
            sheet_die("the bare loop does not encode");
        return;
    }
    if (avcodec_send_frame(b->encoder, b->frame) < 0 ||
        avcodec_receive_packet(b->encoder, b->out) < 0)
        sheet_die("the bare loop does not encode");
    av_packet_unref(b->out);
}

/* ---- loops ----------------------------------------------------------------------------------- */

double bare_frame_us(const char *path, const struct media_profile *profile,
                     enum bare_encoder encoder, uint32_t frames) {
    struct bare b;
    bare_open(&b, path, profile, encoder);
    make_frame(&b); /* what the first one sets up is no cost of a frame */
    double begun_s = sheet_cpu_s();
    for (uint32_t i = 0; i < frames; i++)
        make_frame(&b);
    double took_s = sheet_cpu_s() - begun_s;
    bare_close(&b);
    return took_s * 1e6 / frames;
}

static void sleep_until(struct instant at) {
    const struct timespec t = {.tv_sec = at.us / 1000000, .tv_nsec = at.us % 1000000 * 1000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

double bare_paced_us(const char *path, const struct media_profile *profile,
                     enum bare_encoder encoder, uint32_t streams, double seconds) {
    struct bare *all = calloc(streams, sizeof(*all));
    if (all == NULL)
        sheet_die("out of memory");
    for (uint32_t i = 0; i < streams; i++) {
        bare_open(&all[i], path, profile, encoder);
        for (uint32_t skipped = 0; skipped < i * 97 % 600; skipped++)
            fill_one(&all[i]); /* apart from each other, as listeners are */
        make_frame(&all[i]);
    }
    double begun_s = sheet_cpu_s();
    struct instant begun = net_now();
    uint64_t made = 0, total = (uint64_t)(seconds * MEDIA_FRAMES_PER_S * streams);
    while (made < total) {
        int64_t now_us = instant_since(net_now(), begun).us + TOGETHER_US;
        for (; made < total && (int64_t)(made * FRAME_US / streams) <= now_us; made++)
            make_frame(&all[made % streams]);
        sleep_until(instant_add(begun, duration_us((int64_t)(made * FRAME_US / streams))));
    }
    double took_s = sheet_cpu_s() - begun_s;
    for (uint32_t i = 0; i < streams; i++)
        bare_close(&all[i]);
    free(all);
    return took_s * 1e6 / (double)total;
}
