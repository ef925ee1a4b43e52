/*
 * What the media tests share: synthetic WAV files, real recordings of Debian's packages, and a
 * stream driven from a position.
 *
 * Recordings: asterisk-moh-opsound-gsm and -wav (music by macroform, manolo camp, reno project and
 * others, CC BY-SA 3.0), asterisk-core-sounds-en-wav (speech by Allison Smith, CC BY-SA 3.0). None
 * is committed; where a package is missing the test says so and is skipped.
 */
#ifndef TEST_UNIT_MEDIA_FIXTURE_H
#define TEST_UNIT_MEDIA_FIXTURE_H

#include "peerd/base/rng.h"
#include "transcoder/media/stream.h"
#include "transcoder/media/wav.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MUSIC_GSM  "/usr/share/asterisk/moh/macroform-cold_day.gsm"
#define MUSIC_WAV  "/usr/share/asterisk/moh/macroform-cold_day.wav"
#define SPEECH_WAV "/usr/share/asterisk/sounds/en_US_f_Allison/demo-instruct.wav"

#define FIXTURE_PATH_LEN_MAX 255

/* Skips the calling test, visibly, when a recording is not installed. */
static inline void fixture_need(const char *path) {
    if (access(path, R_OK) != 0)
        cr_skip_test("skipped: %s is not installed", path);
}

/* A name under the temporary directory that no other test process has. Returns `out`. */
static inline const char *fixture_path(char out[FIXTURE_PATH_LEN_MAX + 1], const char *name) {
    const char *dir = getenv("TMPDIR");
    snprintf(out, FIXTURE_PATH_LEN_MAX + 1, "%s/peerd-media-%ld-%s", dir != NULL ? dir : "/tmp",
             (long)getpid(), name);
    return out;
}

/* Writes noise over two sines that glide, loud and quiet by turns: nothing repeats. */
static inline void fixture_wav(const char *path, uint32_t rate_hz, uint8_t channels,
                               size_t samples) {
    struct media_wav *w;
    struct rng rng;
    rng_seed(&rng, rate_hz + channels);
    cr_assert_eq(media_wav_create(&w, path, rate_hz, channels, NULL), ERR_OK);
    int16_t block[4000];
    size_t filled = 0;
    for (size_t i = 0; i < samples; i++) {
        double t = (double)i / rate_hz;
        double loud = 0.5 + 0.45 * sin(2 * M_PI * 0.7 * t);
        for (int c = 0; c < channels; c++) {
            double tone = sin(2 * M_PI * (300 + 40 * t + 150 * c) * t) * 0.6;
            double hiss = (rng_unit(&rng) - 0.5) * 0.5;
            block[filled++] = (int16_t)(30000 * loud * (tone + hiss));
        }
        if (i + 1 == samples || filled + 2 > sizeof(block) / sizeof(block[0])) {
            cr_assert_eq(media_wav_write(w, block, filled), ERR_OK);
            filled = 0;
        }
    }
    cr_assert_eq(media_wav_close(w), ERR_OK);
}

/* Writes arbitrary bytes. */
static inline void fixture_file(const char *path, const void *bytes, size_t len) {
    FILE *f = fopen(path, "wb");
    cr_assert_not_null(f);
    cr_assert_eq(fwrite(bytes, 1, len, f), len);
    fclose(f);
}

/* Copies the first `len` bytes of a file, all of it if it is shorter; returns how many. */
static inline size_t fixture_copy(const char *to, const char *from, size_t len) {
    FILE *in = fopen(from, "rb");
    cr_assert_not_null(in);
    uint8_t *bytes = malloc(len + 1);
    cr_assert_not_null(bytes);
    size_t got = fread(bytes, 1, len, in);
    fclose(in);
    fixture_file(to, bytes, got);
    free(bytes);
    return got;
}

static inline struct media_stream *fixture_stream(const char *location, bool loop,
                                                  const struct media_profile *profile) {
    /* A limit that no busy machine reaches: what is tested here is not speed. */
    struct media_source_options options = {
        .class = SOURCE_CLASS_EXACT, .loop = loop, .timeout = duration_s(120)};
    struct media_why why = {""};
    struct media_stream *s;
    enum err e = media_stream_open(&s, location, &options, profile, &why);
    cr_assert_eq(e, ERR_OK, "%s: %s: %s", location, err_name(e), why.text);
    return s;
}

/* Payloads of frames 0 to count - 1, made in one go from the beginning, one after the other. */
static inline uint8_t *fixture_reference(const char *location, bool loop,
                                         const struct media_profile *profile, size_t count) {
    size_t bytes = media_profile_payload_bytes(profile);
    uint8_t *all = malloc(bytes * count);
    struct media_stream *s = fixture_stream(location, loop, profile);
    cr_assert_eq(media_stream_start(s, 0, MEDIA_PREROLL_FULL, NULL), ERR_OK);
    for (size_t n = 0; n < count; n++) {
        size_t len;
        enum err e = media_stream_next(s, all + n * bytes, bytes, &len);
        cr_assert_eq(e, ERR_OK, "frame %zu: %s: %s", n, err_name(e), media_stream_why(s));
        cr_assert_eq(len, bytes);
    }
    media_stream_close(s);
    return all;
}

#endif
