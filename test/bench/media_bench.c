/*
 * How many streams one core makes, against a bare decode-resample-encode loop on the same libraries
 * in the same process; what a stream weighs; what a start costs.
 *
 * The bare loop is what one would write with FFmpeg in an afternoon: one file, from the beginning,
 * no position, no laps, no checks. Ours runs INTERLEAVED streams a frame each in turn, as a worker
 * does, started at different positions. Both count processor time, in turns, and the best of ROUNDS
 * each: other work on the machine only ever adds.
 *
 * Sources: real music from Debian's asterisk-moh-opsound packages (CC BY-SA 3.0) where installed,
 * else noise and tones made here. `--json` ends with one JSON object on its last line.
 */
#include "transcoder/media/stream.h"
#include "transcoder/media/wav.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswresample/swresample.h>
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MUSIC_GSM     "/usr/share/asterisk/moh/macroform-cold_day.gsm"
#define MUSIC_WAV     "/usr/share/asterisk/moh/macroform-cold_day.wav"
#define ROUNDS        5
#define ROUNDS_QUICK  1
#define FRAMES        3000 /* [frames] a round: a minute of sound */
#define FRAMES_QUICK  500
#define INTERLEAVED   20  /* streams */
#define WEIGHED       100 /* streams open at once to weigh one */
#define STARTS        100
#define STARTS_QUICK  20
#define SYNTHETIC_S   70  /* [s] */
#define BLOCK_SAMPLES 160 /* a channel, written at a time */
#define PATH_LEN_MAX  255

/* Less with --quick, which only shows that everything works. */
static int rounds = ROUNDS;
static int frames = FRAMES;
static uint64_t starts = STARTS;

static double cpu_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void die(const char *what, const char *why) {
    fprintf(stderr, "media_bench: %s: %s\n", what, why);
    exit(1);
}

/* ---- the bare loop --------------------------------------------------------------------------- */

struct bare {
    AVFormatContext *format;
    AVCodecContext *decoder, *encoder;
    SwrContext *swr;
    AVPacket *in, *out;
    AVFrame *decoded, *frame;
};

static AVCodecContext *bare_encoder(const struct media_profile *p) {
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
        die("bare loop", "no encoder");
    av_dict_free(&options);
    return c;
}

static void bare_open(struct bare *b, const char *path, const struct media_profile *p) {
    *b = (struct bare){0};
    if (avformat_open_input(&b->format, path, NULL, NULL) < 0)
        die(path, "does not open");
    AVCodecParameters *par = b->format->streams[0]->codecpar;
    const AVCodec *codec = avcodec_find_decoder(par->codec_id);
    b->decoder = avcodec_alloc_context3(codec);
    b->decoder->thread_count = 1;
    avcodec_parameters_to_context(b->decoder, par);
    if (avcodec_open2(b->decoder, codec, NULL) < 0)
        die(path, "no decoder");
    b->encoder = bare_encoder(p);
    AVChannelLayout layout;
    av_channel_layout_default(&layout, par->ch_layout.nb_channels);
    swr_alloc_set_opts2(&b->swr, &b->encoder->ch_layout, AV_SAMPLE_FMT_S16, (int)p->rate_hz,
                        &layout, b->decoder->sample_fmt, par->sample_rate, 0, NULL);
    if (swr_init(b->swr) < 0)
        die(path, "no resampler");
    b->in = av_packet_alloc();
    b->out = av_packet_alloc();
    b->decoded = av_frame_alloc();
    b->frame = av_frame_alloc();
    b->frame->nb_samples = (int)media_profile_samples(p);
    b->frame->format = AV_SAMPLE_FMT_S16;
    av_channel_layout_copy(&b->frame->ch_layout, &b->encoder->ch_layout);
    av_frame_get_buffer(b->frame, 0);
}

static void bare_close(struct bare *b) {
    avformat_close_input(&b->format);
    avcodec_free_context(&b->decoder);
    avcodec_free_context(&b->encoder);
    swr_free(&b->swr);
    av_packet_free(&b->in);
    av_packet_free(&b->out);
    av_frame_free(&b->decoded);
    av_frame_free(&b->frame);
}

/* Encodes what the resampler holds; returns how many frames that were. */
static int bare_encode(struct bare *b, int frames_max) {
    int made = 0;
    int wanted = b->frame->nb_samples;
    while (made < frames_max && swr_get_out_samples(b->swr, 0) >= wanted) {
        av_frame_make_writable(b->frame);
        if (swr_convert(b->swr, b->frame->data, wanted, (const uint8_t *[]){(uint8_t *)b, NULL},
                        0) != wanted)
            break;
        if (avcodec_send_frame(b->encoder, b->frame) < 0 ||
            avcodec_receive_packet(b->encoder, b->out) < 0)
            die("bare loop", "does not encode");
        av_packet_unref(b->out);
        made++;
    }
    return made;
}

static double bare_run(const char *path, const struct media_profile *p) {
    struct bare b;
    bare_open(&b, path, p);
    double start = cpu_s();
    int made = 0;
    while (made < frames && av_read_frame(b.format, b.in) >= 0) {
        avcodec_send_packet(b.decoder, b.in);
        av_packet_unref(b.in);
        while (avcodec_receive_frame(b.decoder, b.decoded) >= 0) {
            swr_convert(b.swr, NULL, 0, (const uint8_t **)b.decoded->extended_data,
                        b.decoded->nb_samples);
            made += bare_encode(&b, frames - made);
        }
    }
    double took = cpu_s() - start;
    bare_close(&b);
    return made * (MEDIA_FRAME_MS / 1000.0) / took;
}

/* ---- ours ------------------------------------------------------------------------------------ */

static struct media_stream *open_stream(const char *path, const struct media_profile *p) {
    struct media_source_options options = {.class = SOURCE_CLASS_EXACT, .loop = true};
    struct media_stream *s;
    struct media_why why = {""};
    if (media_stream_open(&s, path, &options, p, &why) != ERR_OK)
        die(path, why.text);
    return s;
}

static void next_frame(struct media_stream *s) {
    uint8_t payload[MEDIA_PAYLOAD_BYTES_MAX];
    size_t len;
    enum err e = media_stream_next(s, payload, sizeof payload, &len);
    if (e != ERR_OK)
        die(err_name(e), media_stream_why(s));
}

static void start_at(struct media_stream *s, uint64_t frame) {
    if (media_stream_start(s, frame, MEDIA_PREROLL_FULL, NULL) != ERR_OK ||
        media_stream_warm(s, UINT32_MAX, NULL) != ERR_OK)
        die("start", media_stream_why(s));
}

static double our_run(const char *path, const struct media_profile *p) {
    struct media_stream *streams[INTERLEAVED];
    for (int i = 0; i < INTERLEAVED; i++) {
        streams[i] = open_stream(path, p);
        start_at(streams[i], (uint64_t)i * 97);
    }
    double start = cpu_s();
    for (int n = 0; n < frames; n++)
        next_frame(streams[n % INTERLEAVED]);
    double took = cpu_s() - start;
    for (int i = 0; i < INTERLEAVED; i++)
        media_stream_close(streams[i]);
    return frames * (MEDIA_FRAME_MS / 1000.0) / took;
}

static double held_kib(void) {
    struct mallinfo2 m = mallinfo2();
    return ((double)m.uordblks + (double)m.hblkhd) / 1024;
}

/* Weighs open streams, before and after they run. */
static void weigh(const char *path, const struct media_profile *p, double *standby_kib,
                  double *running_kib) {
    struct media_stream *streams[WEIGHED];
    double before = held_kib();
    for (int i = 0; i < WEIGHED; i++)
        streams[i] = open_stream(path, p);
    *standby_kib = (held_kib() - before) / WEIGHED;
    for (int i = 0; i < WEIGHED; i++) {
        start_at(streams[i], (uint64_t)i * 97);
        for (int n = 0; n < 20; n++)
            next_frame(streams[i]);
    }
    *running_kib = (held_kib() - before) / WEIGHED;
    for (int i = 0; i < WEIGHED; i++)
        media_stream_close(streams[i]);
}

static double start_us(const char *path, const struct media_profile *p) {
    struct media_stream *s = open_stream(path, p);
    double start = cpu_s();
    for (uint64_t i = 0; i < starts; i++)
        start_at(s, 1000 + i * 337 % 9000);
    double took = cpu_s() - start;
    media_stream_close(s);
    return took * 1e6 / (double)starts;
}

/* ---- sources --------------------------------------------------------------------------------- */

static void synthesise(const char *path, uint32_t rate_hz, uint8_t channels) {
    struct media_wav *w;
    struct media_why why;
    if (media_wav_create(&w, path, rate_hz, channels, &why) != ERR_OK)
        die(path, why.text);
    uint32_t noise = 1;
    for (uint32_t block = 0; block < rate_hz * SYNTHETIC_S / BLOCK_SAMPLES; block++) {
        int16_t samples[BLOCK_SAMPLES * 2];
        for (uint32_t i = 0; i < BLOCK_SAMPLES; i++) {
            double t = (double)(block * BLOCK_SAMPLES + i) / rate_hz;
            noise = noise * 1664525 + 1013904223; /* Numerical Recipes' quick generator */
            for (uint32_t c = 0; c < channels; c++)
                samples[i * channels + c] =
                    (int16_t)(9000 * sin(2 * M_PI * (300 + 30 * t + 200 * c) * t) +
                              (double)(noise >> 20));
        }
        media_wav_write(w, samples, (size_t)BLOCK_SAMPLES * channels);
    }
    media_wav_close(w);
}

struct scene {
    const char *key;
    const char *what;
    const char *path;
    enum media_codec codec;
    double ours, bare;
};

static void run_scene(struct scene *s, bool quiet) {
    struct media_profile p;
    media_profile_init(&p, s->codec);
    for (int i = 0; i < rounds; i++) {
        s->bare = fmax(s->bare, bare_run(s->path, &p));
        s->ours = fmax(s->ours, our_run(s->path, &p));
    }
    if (!quiet)
        printf("  %-34s %10.0f %10.0f %8.2f\n", s->what, s->ours, s->bare, s->ours / s->bare);
}

int main(int argc, char **argv) {
    bool json = false;
    for (int i = 1; i < argc; i++) {
        json |= strcmp(argv[i], "--json") == 0;
        if (strcmp(argv[i], "--quick") == 0) {
            rounds = ROUNDS_QUICK;
            frames = FRAMES_QUICK;
            starts = STARTS_QUICK;
        }
    }
    media_init();
    char wav8[PATH_LEN_MAX + 1], wav48[PATH_LEN_MAX + 1];
    const char *dir = getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp";
    snprintf(wav8, sizeof wav8, "%s/peerd-bench-%ld-8.wav", dir, (long)getpid());
    snprintf(wav48, sizeof wav48, "%s/peerd-bench-%ld-48.wav", dir, (long)getpid());
    synthesise(wav8, 8000, 1);
    synthesise(wav48, 48000, 2);
    const char *music_wav = access(MUSIC_WAV, R_OK) == 0 ? MUSIC_WAV : wav8;
    const char *music_gsm = access(MUSIC_GSM, R_OK) == 0 ? MUSIC_GSM : wav8;

    struct scene scenes[] = {
        {"opus", "opus 48k mono from 8 kHz GSM", music_gsm, MEDIA_CODEC_OPUS, 0, 0},
        {"opus_wav8", "opus 48k mono from 8 kHz WAV", music_wav, MEDIA_CODEC_OPUS, 0, 0},
        {"opus_wav48", "opus 48k mono from 48 kHz stereo WAV", wav48, MEDIA_CODEC_OPUS, 0, 0},
        {"pcmu", "pcmu from 8 kHz GSM", music_gsm, MEDIA_CODEC_PCMU, 0, 0},
        {"pcmu_wav8", "pcmu from 8 kHz WAV", music_wav, MEDIA_CODEC_PCMU, 0, 0},
    };
    size_t count = sizeof scenes / sizeof *scenes;
    if (!json)
        printf("  %-34s %10s %10s %8s\n", "streams a core", "ours", "bare", "ratio");
    for (size_t i = 0; i < count; i++)
        run_scene(&scenes[i], json);

    struct media_profile opus;
    double standby_kib, running_kib;
    media_profile_init(&opus, MEDIA_CODEC_OPUS);
    weigh(music_gsm, &opus, &standby_kib, &running_kib);
    double start = start_us(music_gsm, &opus);
    unlink(wav8);
    unlink(wav48);
    if (!json) {
        printf("  opus from GSM: %.0f KiB a stream, %.0f KiB a standby, %.1f ms a full start\n",
               running_kib, standby_kib, start / 1000);
        return 0;
    }
    printf("{");
    for (size_t i = 0; i < count; i++)
        printf("\"%s\":{\"streams_per_core\":%.0f,\"bare_streams_per_core\":%.0f,\"ratio\":%.3f},",
               scenes[i].key, scenes[i].ours, scenes[i].bare, scenes[i].ours / scenes[i].bare);
    printf("\"memory_per_stream_kib\":%.1f,\"memory_per_standby_kib\":%.1f,\"start_us\":%.0f}\n",
           running_kib, standby_kib, start);
    return 0;
}
