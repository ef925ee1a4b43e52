/*
 * How many streams one core makes, against the bare loop (bare.h) on the same libraries in the same
 * process, with FFmpeg throughout and with libopus called by the loop itself, as ours calls it;
 * what a stream weighs; what a start costs. Ours runs INTERLEAVED streams a frame each in turn, as
 * a worker does, started at different positions. Both count processor time, in turns, and the best
 * of ROUNDS each: other work on the machine only ever adds.
 *
 * Sources: real music from Debian's asterisk-moh-opsound packages (CC BY-SA 3.0) where installed,
 * else noise and tones made here. `--json` ends with one JSON object on its last line.
 */
#include "test/bench/bare.h"
#include "test/bench/sheet.h"
#include "transcoder/media/stream.h"
#include "transcoder/media/wav.h"

#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
#define FRAME_US      (MEDIA_FRAME_MS * 1000.0)

/* Less with --quick, which only shows that everything works. */
static int rounds = ROUNDS;
static int frames = FRAMES;
static uint64_t starts = STARTS;

static void die(const char *what, const char *why) {
    fprintf(stderr, "media_bench: %s: %s\n", what, why);
    exit(SHEET_BROKEN);
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
    double start = sheet_cpu_s();
    for (int n = 0; n < frames; n++)
        next_frame(streams[n % INTERLEAVED]);
    double took = sheet_cpu_s() - start;
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
    double start = sheet_cpu_s();
    for (uint64_t i = 0; i < starts; i++)
        start_at(s, 1000 + i * 337 % 9000);
    double took = sheet_cpu_s() - start;
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
    double ours, bare, direct; /* streams a core; direct: the bare loop calls libopus itself */
};

static void run_scene(struct scene *s, bool quiet) {
    struct media_profile p;
    media_profile_init(&p, s->codec);
    for (int i = 0; i < rounds; i++) {
        s->bare =
            fmax(s->bare, FRAME_US / bare_frame_us(s->path, &p, BARE_FFMPEG, (uint32_t)frames));
        s->direct =
            fmax(s->direct, FRAME_US / bare_frame_us(s->path, &p, BARE_LIBOPUS, (uint32_t)frames));
        s->ours = fmax(s->ours, our_run(s->path, &p));
    }
    if (!quiet)
        printf("  %-34s %10.0f %10.0f %8.2f %10.0f %8.2f\n", s->what, s->ours, s->bare,
               s->ours / s->bare, s->direct, s->ours / s->direct);
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
        {"opus", "opus 48k mono from 8 kHz GSM", music_gsm, MEDIA_CODEC_OPUS, 0, 0, 0},
        {"opus_wav8", "opus 48k mono from 8 kHz WAV", music_wav, MEDIA_CODEC_OPUS, 0, 0, 0},
        {"opus_wav48", "opus 48k mono from 48 kHz stereo WAV", wav48, MEDIA_CODEC_OPUS, 0, 0, 0},
        {"pcmu", "pcmu from 8 kHz GSM", music_gsm, MEDIA_CODEC_PCMU, 0, 0, 0},
        {"pcmu_wav8", "pcmu from 8 kHz WAV", music_wav, MEDIA_CODEC_PCMU, 0, 0, 0},
    };
    size_t count = sizeof scenes / sizeof *scenes;
    if (!json)
        printf("  %-34s %10s %10s %8s %10s %8s\n", "streams a core", "ours", "bare", "ratio",
               "libopus", "ratio");
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
        printf("\"%s\":{\"streams_per_core\":%.0f,\"bare_streams_per_core\":%.0f,\"ratio\":%.3f,"
               "\"direct_streams_per_core\":%.0f,\"ratio_direct\":%.3f},",
               scenes[i].key, scenes[i].ours, scenes[i].bare, scenes[i].ours / scenes[i].bare,
               scenes[i].direct, scenes[i].ours / scenes[i].direct);
    printf("\"memory_per_stream_kib\":%.1f,\"memory_per_standby_kib\":%.1f,\"start_us\":%.0f}\n",
           running_kib, standby_kib, start);
    return 0;
}
