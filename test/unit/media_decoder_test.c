#include "media_fixture.h"
#include "transcoder/media/decoder.h"
#include "transcoder/media/encoder.h"

#include <libavcodec/avcodec.h>

#define FRAMES 100

/* A clean tone, so that a difference in level or pitch shows. */
static void tone(int16_t *samples, const struct media_profile *p, int frame) {
    uint32_t count = media_profile_samples(p);
    for (uint32_t i = 0; i < count; i++)
        for (int c = 0; c < p->channels; c++)
            samples[i * p->channels + (uint32_t)c] =
                (int16_t)(10000 * sin(2 * M_PI * 440 * (frame * (double)count + i) / p->rate_hz));
}

static double energy(const int16_t *samples, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)samples[i] * samples[i];
    return sqrt(sum / (double)count);
}

static struct media_decoder *open_decoder(const struct media_profile *p) {
    struct media_decoder *d;
    struct media_why why = {""};
    cr_assert_eq(media_decoder_open(&d, p, &why), ERR_OK, "%s", why.text);
    return d;
}

static struct media_encoder *open_encoder(const struct media_profile *p) {
    struct media_encoder *e;
    struct media_why why = {""};
    cr_assert_eq(media_encoder_open(&e, p, &why), ERR_OK, "%s", why.text);
    return e;
}

/* Encodes frame `n` of the tone and decodes it. */
static void pass(struct media_encoder *e, struct media_decoder *d, const struct media_profile *p,
                 int n, int16_t *out) {
    int16_t samples[MEDIA_DECODER_SAMPLES_MAX];
    uint8_t payload[MEDIA_PAYLOAD_BYTES_MAX];
    size_t len;
    tone(samples, p, n);
    cr_assert_eq(media_encoder_frame(e, samples, payload, sizeof payload, &len), ERR_OK);
    cr_assert_eq(len, media_profile_payload_bytes(p));
    cr_assert_eq(media_decoder_frame(d, payload, len, out), ERR_OK);
}

Test(media_decoder, what_goes_in_comes_out_at_its_level) {
    for (int c = MEDIA_CODEC_OPUS; c <= MEDIA_CODEC_L16; c++)
        for (uint8_t channels = 1; channels <= 2; channels++) {
            struct media_profile p;
            media_profile_init(&p, (enum media_codec)c);
            p.channels = channels;
            if (c == MEDIA_CODEC_L16 && channels == 2)
                p.rate_hz = 8000;
            if (media_profile_check(&p, NULL) != ERR_OK)
                continue;
            struct media_encoder *e = open_encoder(&p);
            struct media_decoder *d = open_decoder(&p);
            cr_expect_eq(media_decoder_rate_hz(d), c == MEDIA_CODEC_OPUS ? 48000 : p.rate_hz);
            cr_expect_eq(media_decoder_samples(d),
                         media_decoder_rate_hz(d) / MEDIA_FRAMES_PER_S * channels);
            int16_t out[MEDIA_DECODER_SAMPLES_MAX];
            for (int n = 0; n < FRAMES; n++)
                pass(e, d, &p, n, out);
            double level = energy(out, media_decoder_samples(d));
            cr_expect(level > 6000 && level < 8200, "%s/%d: %f", p.name.text, channels, level);
            media_encoder_close(e);
            media_decoder_close(d);
        }
}

Test(media_decoder, l16_is_lossless_and_big_endian) {
    struct media_profile p;
    media_profile_init(&p, MEDIA_CODEC_L16);
    struct media_encoder *e = open_encoder(&p);
    int16_t samples[320] = {0x0102, -2};
    uint8_t payload[640];
    size_t len;
    cr_assert_eq(media_encoder_frame(e, samples, payload, sizeof payload, &len), ERR_OK);
    cr_expect_arr_eq(payload, ((uint8_t[]){1, 2, 0xff, 0xfe}), 4);
    media_encoder_close(e);
}

Test(media_decoder, small_buffer_is_refused_before_anything_happens) {
    struct media_profile p;
    media_profile_init(&p, MEDIA_CODEC_PCMU);
    struct media_encoder *e = open_encoder(&p);
    int16_t samples[160] = {0};
    uint8_t payload[159];
    size_t len = 7;
    cr_expect_eq(media_encoder_frame(e, samples, payload, sizeof payload, &len), ERR_OVERSIZED);
    cr_expect_eq(len, 0);
    media_encoder_close(e);
}

Test(media_decoder, invalid_profiles_open_nothing) {
    struct media_profile p;
    media_profile_init(&p, MEDIA_CODEC_PCMU);
    p.rate_hz = 44100;
    struct media_encoder *e;
    struct media_decoder *d;
    cr_expect_eq(media_encoder_open(&e, &p, NULL), ERR_UNSUPPORTED);
    cr_expect_eq(media_decoder_open(&d, &p, NULL), ERR_UNSUPPORTED);
    cr_expect_null(e);
    cr_expect_null(d);
    media_encoder_close(e);
    media_decoder_close(d);
}

Test(media_decoder, opus_conceals_a_lost_frame_with_sound) {
    struct media_profile p;
    media_profile_init(&p, MEDIA_CODEC_OPUS);
    struct media_encoder *e = open_encoder(&p);
    struct media_decoder *d = open_decoder(&p);
    int16_t out[MEDIA_DECODER_SAMPLES_MAX];
    size_t count = media_decoder_samples(d);
    cr_assert_eq(media_decoder_conceal(d, out), ERR_OK);
    cr_expect_eq(energy(out, count), 0.0, "silence before the first frame");
    for (int n = 0; n < 50; n++)
        pass(e, d, &p, n, out);
    for (int lost = 0; lost < 3; lost++) {
        memset(out, 0, sizeof out);
        cr_assert_eq(media_decoder_conceal(d, out), ERR_OK);
        cr_expect_gt(energy(out, count), 1500.0, "lost frame %d", lost);
    }
    pass(e, d, &p, 53, out);
    cr_expect_gt(energy(out, count), 4000.0, "and goes on");
    media_encoder_close(e);
    media_decoder_close(d);
}

Test(media_decoder, others_conceal_with_silence) {
    struct media_profile p;
    media_profile_init(&p, MEDIA_CODEC_PCMA);
    struct media_decoder *d = open_decoder(&p);
    int16_t out[160] = {1, 2, 3};
    cr_assert_eq(media_decoder_conceal(d, out), ERR_OK);
    cr_expect_eq(energy(out, 160), 0.0);
    media_decoder_close(d);
}

Test(media_decoder, payloads_that_are_not_a_frame_are_refused) {
    const struct {
        const char *what;
        enum media_codec codec;
        size_t len;
        uint8_t first[2];
    } rows[] = {
        {"nothing", MEDIA_CODEC_OPUS, 0, {0, 0}},
        {"longer than a datagram", MEDIA_CODEC_OPUS, MEDIA_PAYLOAD_BYTES_MAX + 1, {0xf8, 0}},
        {"10 ms of CELT", MEDIA_CODEC_OPUS, 80, {0xf0, 0}},
        {"2.5 ms of CELT", MEDIA_CODEC_OPUS, 80, {0xe0, 0}},
        {"60 ms of SILK", MEDIA_CODEC_OPUS, 80, {0x18, 0}},
        {"two frames of 20 ms", MEDIA_CODEC_OPUS, 81, {0xf9, 0}},
        {"48 frames", MEDIA_CODEC_OPUS, 80, {0xfb, 48}},
        {"no frames", MEDIA_CODEC_OPUS, 80, {0xfb, 0}},
        {"a code 3 without its count", MEDIA_CODEC_OPUS, 1, {0xfb, 0}},
        {"half a frame of G.711", MEDIA_CODEC_PCMU, 80, {0, 0}},
        {"two frames of G.711", MEDIA_CODEC_PCMA, 320, {0, 0}},
        {"GSM without its magic", MEDIA_CODEC_GSM, 33, {0x10, 0}},
        {"GSM cut short", MEDIA_CODEC_GSM, 32, {0xd0, 0}},
        {"an odd byte of L16", MEDIA_CODEC_L16, 639, {0, 0}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct media_profile p;
        media_profile_init(&p, rows[i].codec);
        struct media_decoder *d = open_decoder(&p);
        uint8_t payload[MEDIA_PAYLOAD_BYTES_MAX + 1] = {rows[i].first[0], rows[i].first[1]};
        int16_t out[MEDIA_DECODER_SAMPLES_MAX];
        cr_expect_eq(media_decoder_frame(d, payload, rows[i].len, out), ERR_BAD_FIELD, "%s",
                     rows[i].what);
        media_decoder_close(d);
    }
}

Test(media_decoder, random_payloads_leave_it_usable) {
    struct rng rng;
    rng_seed(&rng, 8);
    for (int c = MEDIA_CODEC_OPUS; c <= MEDIA_CODEC_L16; c++) {
        struct media_profile p;
        media_profile_init(&p, (enum media_codec)c);
        struct media_encoder *e = open_encoder(&p);
        struct media_decoder *d = open_decoder(&p);
        int16_t out[MEDIA_DECODER_SAMPLES_MAX];
        for (int round = 0; round < 2000; round++) {
            uint8_t payload[MEDIA_PAYLOAD_BYTES_MAX];
            size_t len = round % 2 == 0 ? media_profile_payload_bytes(&p)
                                        : (size_t)rng_below(&rng, sizeof payload + 1);
            for (size_t i = 0; i < len; i++)
                payload[i] = (uint8_t)rng_u64(&rng);
            enum err r = media_decoder_frame(d, payload, len, out);
            cr_assert(r == ERR_OK || r == ERR_BAD_FIELD, "%s", err_name(r));
            if (round % 7 == 0)
                cr_assert_eq(media_decoder_conceal(d, out), ERR_OK);
        }
        for (int n = 0; n < 20; n++)
            pass(e, d, &p, n, out);
        cr_expect_gt(energy(out, media_decoder_samples(d)), 4000.0, "%s", p.name.text);
        media_encoder_close(e);
        media_decoder_close(d);
    }
}

/* ---- held against FFmpeg ---- */

static void with_ffmpeg(const char *name, const uint8_t *payload, size_t len, int16_t *samples,
                        size_t count) {
    const AVCodec *codec = avcodec_find_decoder_by_name(name);
    cr_assert_not_null(codec, "%s", name);
    AVCodecContext *c = avcodec_alloc_context3(codec);
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    c->sample_rate = 8000;
    av_channel_layout_default(&c->ch_layout, 1);
    cr_assert_eq(avcodec_open2(c, codec, NULL), 0);
    cr_assert_eq(av_new_packet(packet, (int)len), 0);
    memcpy(packet->data, payload, len);
    cr_assert_eq(avcodec_send_packet(c, packet), 0);
    cr_assert_eq(avcodec_receive_frame(c, frame), 0);
    cr_assert_eq((size_t)frame->nb_samples, count, "%s: %d samples", name, frame->nb_samples);
    memcpy(samples, frame->data[0], count * sizeof *samples);
    av_packet_free(&packet);
    av_frame_free(&frame);
    avcodec_free_context(&c);
}

Test(media_decoder, every_code_is_what_ffmpeg_makes_of_it) {
    static const struct {
        enum media_codec codec;
        const char *name;
    } rows[] = {{MEDIA_CODEC_PCMU, "pcm_mulaw"}, {MEDIA_CODEC_PCMA, "pcm_alaw"}};
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        struct media_profile p;
        media_profile_init(&p, rows[r].codec);
        struct media_decoder *d = open_decoder(&p);
        for (int first = 0; first < 256; first += 128) {
            uint8_t payload[160];
            int16_t ours[160], theirs[160];
            for (int i = 0; i < 160; i++)
                payload[i] = (uint8_t)(first + i);
            cr_assert_eq(media_decoder_frame(d, payload, sizeof payload, ours), ERR_OK);
            with_ffmpeg(rows[r].name, payload, sizeof payload, theirs, 160);
            for (int i = 0; i < 160; i++)
                cr_assert_eq(ours[i], theirs[i], "%s %02x: %d, not %d", rows[r].name, payload[i],
                             ours[i], theirs[i]);
        }
        media_decoder_close(d);
    }
}

Test(media_decoder, the_first_gsm_frame_is_what_ffmpeg_makes_of_it) {
    struct media_profile p;
    media_profile_init(&p, MEDIA_CODEC_GSM);
    struct media_encoder *e = open_encoder(&p);
    struct media_decoder *d = open_decoder(&p);
    int16_t samples[160], ours[160], theirs[160];
    uint8_t payload[33];
    size_t len;
    tone(samples, &p, 0);
    cr_assert_eq(media_encoder_frame(e, samples, payload, sizeof payload, &len), ERR_OK);
    cr_assert_eq(media_decoder_frame(d, payload, len, ours), ERR_OK);
    with_ffmpeg("gsm", payload, len, theirs, 160);
    cr_expect_arr_eq(ours, theirs, sizeof ours);
    media_encoder_close(e);
    media_decoder_close(d);
}
