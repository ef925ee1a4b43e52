/*
 * Opus by libopus itself makes the bytes that FFmpeg's wrapper around it makes: what a ticket's
 * determinism id promises did not change with who calls the library.
 */
#include "media_fixture.h"
#include "transcoder/media/encoder.h"
#include "transcoder/media/opus.h"

#include <libavcodec/avcodec.h>

#define FRAMES 60 /* a row; loud, quiet and silent ones among them */

struct wrapper {
    AVCodecContext *codec;
    AVFrame *frame;
    AVPacket *packet;
};

static void wrapper_open(struct wrapper *w, const struct media_profile *p) {
    const AVCodec *codec = avcodec_find_encoder_by_name("libopus");
    AVDictionary *options = NULL;
    cr_assert_not_null(codec);
    w->codec = avcodec_alloc_context3(codec);
    w->codec->sample_rate = (int)p->rate_hz;
    w->codec->sample_fmt = AV_SAMPLE_FMT_S16;
    w->codec->bit_rate = p->bitrate_bps;
    w->codec->compression_level = p->complexity;
    w->codec->flags |= AV_CODEC_FLAG_BITEXACT;
    av_channel_layout_default(&w->codec->ch_layout, p->channels);
    av_dict_set(&options, "application", media_application_name(p->application), 0);
    av_dict_set(&options, "vbr", "off", 0);
    cr_assert_geq(avcodec_open2(w->codec, codec, &options), 0);
    av_dict_free(&options);
    w->packet = av_packet_alloc();
    w->frame = av_frame_alloc();
    w->frame->nb_samples = (int)media_profile_samples(p);
    w->frame->format = AV_SAMPLE_FMT_S16;
    av_channel_layout_copy(&w->frame->ch_layout, &w->codec->ch_layout);
    cr_assert_geq(av_frame_get_buffer(w->frame, 0), 0);
}

static void wrapper_close(struct wrapper *w) {
    avcodec_free_context(&w->codec);
    av_frame_free(&w->frame);
    av_packet_free(&w->packet);
}

/* True if the wrapper makes the same of these samples. */
static bool wrapper_agrees(struct wrapper *w, const int16_t *samples, size_t count,
                           const uint8_t *payload, size_t bytes) {
    cr_assert_geq(av_frame_make_writable(w->frame), 0);
    memcpy(w->frame->data[0], samples, count * sizeof *samples);
    cr_assert_geq(avcodec_send_frame(w->codec, w->frame), 0);
    cr_assert_geq(avcodec_receive_packet(w->codec, w->packet), 0);
    bool same = (size_t)w->packet->size == bytes && memcmp(w->packet->data, payload, bytes) == 0;
    av_packet_unref(w->packet);
    return same;
}

/* By turns a chord, noise, almost nothing and nothing. */
static void make_samples(int16_t *samples, size_t count, int frame, struct rng *rng) {
    for (size_t i = 0; i < count; i++) {
        double t = (double)((size_t)frame * count + i) * 0.01;
        switch (frame / 5 % 4) {
        case 0:
            samples[i] = (int16_t)(9000 * sin(t) + 6000 * sin(2.7 * t + frame));
            break;
        case 1:
            samples[i] = (int16_t)(rng_below(rng, 40000) - 20000);
            break;
        case 2:
            samples[i] = (int16_t)(rng_below(rng, 3) - 1);
            break;
        default:
            samples[i] = 0;
        }
    }
}

static const struct {
    const char *what;
    uint32_t rate_hz, bitrate_bps;
    uint8_t channels, complexity;
    enum media_application application;
} rows[] = {
    {"the default", 48000, 32000, 1, 5, MEDIA_APPLICATION_LOWDELAY},
    {"least bits", 48000, 6000, 1, 5, MEDIA_APPLICATION_LOWDELAY},
    {"odd bits", 48000, 24400, 1, 0, MEDIA_APPLICATION_LOWDELAY},
    {"many bits", 48000, 256000, 1, 10, MEDIA_APPLICATION_LOWDELAY},
    {"stereo", 48000, 96000, 2, 5, MEDIA_APPLICATION_LOWDELAY},
    {"stereo, few bits", 48000, 12000, 2, 5, MEDIA_APPLICATION_LOWDELAY},
    {"telephone", 8000, 24000, 1, 5, MEDIA_APPLICATION_LOWDELAY},
    {"16 kHz", 16000, 16000, 1, 3, MEDIA_APPLICATION_LOWDELAY},
    {"24 kHz stereo", 24000, 64000, 2, 9, MEDIA_APPLICATION_LOWDELAY},
    {"12 kHz", 12000, 20000, 1, 5, MEDIA_APPLICATION_LOWDELAY},
    {"audio", 48000, 32000, 1, 5, MEDIA_APPLICATION_AUDIO},
    {"audio, stereo", 48000, 48000, 2, 10, MEDIA_APPLICATION_AUDIO},
    {"voice", 48000, 20000, 1, 5, MEDIA_APPLICATION_VOIP},
    {"voice at 8 kHz", 8000, 12000, 1, 9, MEDIA_APPLICATION_VOIP},
};
#define ROWS (sizeof rows / sizeof *rows)

static struct media_profile profile_of(size_t row) {
    struct media_profile p;
    media_profile_init(&p, MEDIA_CODEC_OPUS);
    p.rate_hz = rows[row].rate_hz;
    p.bitrate_bps = rows[row].bitrate_bps;
    p.channels = rows[row].channels;
    p.complexity = rows[row].complexity;
    p.application = rows[row].application;
    return p;
}

static struct media_opus *open_opus(const struct media_profile *p) {
    struct media_opus *o;
    struct media_why why = {""};
    enum err e = media_opus_open(&o, p, &why);
    cr_assert_eq(e, ERR_OK, "%s: %s", err_name(e), why.text);
    return o;
}

static int frames_that_differ(size_t row) {
    struct media_profile p = profile_of(row);
    size_t count = media_profile_samples(&p) * p.channels, bytes = media_profile_payload_bytes(&p);
    struct media_opus *o = open_opus(&p);
    struct wrapper w;
    struct rng rng;
    int16_t samples[960 * 2];
    uint8_t payload[MEDIA_PAYLOAD_BYTES_MAX];
    int differ = 0;
    rng_seed(&rng, 1 + row);
    wrapper_open(&w, &p);
    for (int frame = 0; frame < FRAMES; frame++) {
        make_samples(samples, count, frame, &rng);
        cr_assert_eq(media_opus_frame(o, samples, payload, bytes), ERR_OK);
        differ += !wrapper_agrees(&w, samples, count, payload, bytes);
    }
    wrapper_close(&w);
    media_opus_close(o);
    return differ;
}

Test(media_opus, bytes_are_those_of_the_wrapper) {
    media_init();
    for (size_t i = 0; i < ROWS; i++)
        cr_expect_eq(frames_that_differ(i), 0, "%s", rows[i].what);
}

/* More sets of parameters than are kept fresh, each opened twice. */
Test(media_opus, every_fresh_encoder_is_like_the_first) {
    media_init();
    for (size_t i = 0; i < 2 * ROWS; i++) {
        struct media_profile p = profile_of(i % ROWS);
        size_t count = media_profile_samples(&p) * p.channels;
        size_t bytes = media_profile_payload_bytes(&p);
        struct media_opus *a = open_opus(&p), *b = NULL;
        int16_t samples[960 * 2];
        uint8_t of_a[MEDIA_PAYLOAD_BYTES_MAX], of_b[MEDIA_PAYLOAD_BYTES_MAX];
        struct rng rng;
        rng_seed(&rng, 7);
        make_samples(samples, count, 5, &rng);
        media_opus_frame(a, samples, of_a, bytes);
        b = open_opus(&p); /* after the first one has been used */
        media_opus_frame(b, samples, of_b, bytes);
        cr_expect_arr_eq(of_a, of_b, bytes, "%s", rows[i % ROWS].what);
        media_opus_frame(a, samples, of_a, bytes);
        media_opus_close(a);
        media_opus_frame(b, samples, of_b, bytes);
        media_opus_close(b);
        cr_expect_arr_eq(of_a, of_b, bytes, "%s", rows[i % ROWS].what);
    }
}

Test(media_opus, what_libopus_does_not_know_is_refused) {
    struct media_profile p = profile_of(0);
    struct media_opus *o;
    struct media_why why = {""};
    p.rate_hz = 44100;
    cr_expect_eq(media_opus_open(&o, &p, &why), ERR_UNSUPPORTED);
    cr_expect_null(o);
    cr_expect_neq(why.text[0], '\0');
}
