/*
 * Sources from good, damaged, lying and hostile files: an answer every time, the right one, and
 * never a crash or a hang.
 */
#include "media_fixture.h"

#include <sys/stat.h>

static enum err open_as(struct media_source **out, const char *location, enum source_class class,
                        bool loop, struct media_why *why) {
    struct media_source_options options = {.class = class, .loop = loop};
    return media_source_open(out, location, &options, 8000, 1, why);
}

static enum err open_exact(struct media_source **out, const char *location, struct media_why *why) {
    return open_as(out, location, SOURCE_CLASS_EXACT, false, why);
}

/* Opens and reads all there is, at most `frames_max`; returns the error that ended it. */
static enum err drain(const char *location, enum source_class class, uint64_t frames_max,
                      uint64_t *frames) {
    struct media_source *s;
    *frames = 0;
    enum err e = open_as(&s, location, class, false, NULL);
    int16_t samples[160];
    while (e == ERR_OK && *frames < frames_max) {
        e = media_source_read(s, samples);
        *frames += e == ERR_OK;
    }
    media_source_close(s);
    return e;
}

static void put_u32(uint8_t *at, uint32_t v) {
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(v >> (8 * i));
}

/* A WAV header as it should be, for tests to spoil. */
static void wav_header(uint8_t h[44], uint16_t format, uint16_t channels, uint32_t rate_hz,
                       uint16_t bits, uint32_t data_bytes) {
    memcpy(h, "RIFF....WAVEfmt ", 16);
    put_u32(h + 4, data_bytes + 36);
    put_u32(h + 16, 16);
    put_u32(h + 20, format | (uint32_t)channels << 16);
    put_u32(h + 24, rate_hz);
    put_u32(h + 28, rate_hz * channels * bits / 8);
    put_u32(h + 32, (uint32_t)(channels * bits / 8) | (uint32_t)bits << 16);
    memcpy(h + 36, "data", 4);
    put_u32(h + 40, data_bytes);
}

Test(media_source, facts_of_a_probe) {
    char path[FIXTURE_PATH_LEN_MAX + 1];
    fixture_path(path, "facts.wav");
    fixture_wav(path, 44100, 2, 44100 + 1);
    struct media_source *s;
    cr_assert_eq(open_exact(&s, path, NULL), ERR_OK);
    const struct media_source_facts *f = media_source_facts(s);
    cr_expect_str_eq(f->codec, "pcm_s16le");
    cr_expect_str_eq(f->container, "wav");
    cr_expect_eq(f->rate_hz, 44100);
    cr_expect_eq(f->channels, 2);
    cr_expect_eq(f->duration_frames, 51, "the last frame counts in full");
    cr_expect_eq(f->bytes, 44 + 44101 * 4);
    cr_expect(!f->remote);
    media_source_close(s);
    unlink(path);
}

Test(media_source, facts_of_gsm) {
    fixture_need(MUSIC_GSM);
    struct media_source *s;
    cr_assert_eq(open_exact(&s, MUSIC_GSM, NULL), ERR_OK);
    cr_expect_str_eq(media_source_facts(s)->codec, "gsm");
    cr_expect_eq(media_source_facts(s)->rate_hz, 8000);
    cr_expect_eq(media_source_facts(s)->duration_frames, media_source_facts(s)->bytes / 33);
    media_source_close(s);
}

Test(media_source, samples_are_those_of_the_file) {
    char path[FIXTURE_PATH_LEN_MAX + 1];
    fixture_path(path, "ramp.wav");
    struct media_wav *w;
    cr_assert_eq(media_wav_create(&w, path, 8000, 1, NULL), ERR_OK);
    for (int i = 0; i < 160 * 30 + 7; i++)
        media_wav_write(w, &(int16_t){(int16_t)i}, 1);
    media_wav_close(w);
    struct media_source *s;
    int16_t got[160];
    cr_assert_eq(open_exact(&s, path, NULL), ERR_OK);
    for (int n = 0; n < 30; n++) {
        cr_assert_eq(media_source_read(s, got), ERR_OK);
        for (int i = 0; i < 160; i++)
            cr_assert_eq(got[i], n * 160 + i);
    }
    cr_assert_eq(media_source_read(s, got), ERR_OK);
    for (int i = 0; i < 160; i++)
        cr_assert_eq(got[i], i < 7 ? 4800 + i : 0, "sample %d of the last frame", i);
    cr_expect_eq(media_source_read(s, got), ERR_SOURCE_ENDED);
    cr_assert_eq(media_source_seek(s, 17), ERR_OK);
    cr_expect_eq(media_source_position(s), 17);
    cr_assert_eq(media_source_read(s, got), ERR_OK);
    cr_expect_eq(got[0], 17 * 160);
    media_source_close(s);
    unlink(path);
}

/* Puts a chunk that plain.h does not know before the sound: it is left to FFmpeg. */
static void wav_with_a_chunk_more(const char *to, const char *from) {
    static uint8_t file[1 << 20];
    static const uint8_t more[10] = "cue \2\0\0\0..";
    size_t size = fixture_copy(to, from, sizeof file);
    FILE *f = fopen(from, "rb");
    cr_assert(f != NULL && fread(file, 1, size, f) == size && size < sizeof file);
    fclose(f);
    f = fopen(to, "wb");
    cr_assert(f != NULL && fwrite(file, 1, 36, f) == 36);
    cr_assert(fwrite(more, 1, sizeof more, f) == sizeof more);
    cr_assert(fwrite(file + 36, 1, size - 36, f) == size - 36);
    fclose(f);
}

static void expect_same_frames(struct media_source *a, struct media_source *b, uint64_t from,
                               int count, size_t samples) {
    int16_t x[960 * 2], y[960 * 2];
    enum err e = media_source_seek(a, from), f = media_source_seek(b, from);
    cr_assert_eq(e, f, "seek to %llu: %s, %s", (unsigned long long)from, err_name(e), err_name(f));
    for (int i = 0; i < count && e == ERR_OK; i++) {
        e = media_source_read(a, x);
        f = media_source_read(b, y);
        cr_assert_eq(e, f, "frame %llu: %s, %s", (unsigned long long)from + (unsigned)i,
                     err_name(e), err_name(f));
        cr_assert(e != ERR_OK || memcmp(x, y, samples * sizeof *x) == 0, "frame %llu differs",
                  (unsigned long long)from + (unsigned)i);
    }
}

/* What plain.h reads is what FFmpeg reads, wherever it begins and whatever is made of it. */
Test(media_source, plain_recordings_are_what_ffmpeg_reads) {
    const struct {
        uint32_t rate_hz, out_hz;
        uint8_t channels, out_channels;
        bool loop;
    } rows[] = {{8000, 8000, 1, 1, true},   {8000, 48000, 1, 1, true},  {48000, 8000, 2, 1, true},
                {16000, 48000, 1, 2, true}, {44100, 48000, 2, 2, true}, {8000, 8000, 1, 1, false},
                {48000, 48000, 2, 2, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char plain[FIXTURE_PATH_LEN_MAX + 1], other[FIXTURE_PATH_LEN_MAX + 1];
        struct media_source_options o = {.class = SOURCE_CLASS_EXACT, .loop = rows[i].loop};
        size_t samples = rows[i].out_hz / 50 * rows[i].out_channels;
        struct media_source *a, *b;
        fixture_path(plain, "plain.wav");
        fixture_path(other, "other.wav");
        fixture_wav(plain, rows[i].rate_hz, rows[i].channels, rows[i].rate_hz * 5 / 2 + 11);
        wav_with_a_chunk_more(other, plain);
        cr_assert_eq(media_source_open(&a, plain, &o, rows[i].out_hz, rows[i].out_channels, NULL),
                     ERR_OK);
        cr_assert_eq(media_source_open(&b, other, &o, rows[i].out_hz, rows[i].out_channels, NULL),
                     ERR_OK);
        const struct media_source_facts *f = media_source_facts(a), *g = media_source_facts(b);
        cr_expect_str_eq(f->codec, g->codec);
        cr_expect_str_eq(f->container, g->container);
        cr_expect(f->rate_hz == g->rate_hz && f->channels == g->channels);
        cr_expect_eq(f->duration_frames, g->duration_frames);
        cr_expect_eq(f->bytes + 10, g->bytes);
        expect_same_frames(a, b, 0, 130, samples);
        for (uint64_t n = 0; n < 128; n += 9)
            expect_same_frames(a, b, n, 20, samples);
        expect_same_frames(a, b, 126, 3, samples);
        expect_same_frames(a, b, 1000, 30, samples);
        media_source_close(a);
        media_source_close(b);
        unlink(plain);
        unlink(other);
    }
}

/* ---- what is refused ------------------------------------------------------------------------- */

Test(media_source, locations_that_are_not_files) {
    char fifo[FIXTURE_PATH_LEN_MAX + 1];
    mkfifo(fixture_path(fifo, "fifo"), 0600);
    const struct {
        const char *location;
        enum err error;
        const char *says;
    } rows[] = {
        {"/nonexistent/recording.wav", ERR_SOURCE_FAILED, "No such file"},
        {"", ERR_SOURCE_FAILED, "No such file"},
        {"/tmp", ERR_SOURCE_FAILED, "not a regular file"},
        {"/dev/zero", ERR_SOURCE_FAILED, "not a regular file"},
        {fifo, ERR_SOURCE_FAILED, "not a regular file"},
        {"file:/etc/passwd", ERR_SOURCE_FAILED, "No such file"},
        {"file:///etc/passwd", ERR_UNSUPPORTED, "only file paths"},
        {"concat:/etc/passwd|/etc/group", ERR_SOURCE_FAILED, "No such file"},
        {"ftp://127.0.0.1/a.wav", ERR_UNSUPPORTED, "only file paths"},
        {"rtmp://127.0.0.1/a", ERR_UNSUPPORTED, "only file paths"},
        {"HTTP://127.0.0.1/a.wav", ERR_UNSUPPORTED, "only file paths"},
        {"tcp://127.0.0.1:1", ERR_UNSUPPORTED, "only file paths"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct media_source *s = (struct media_source *)&s;
        struct media_why why = {""};
        enum err e = open_exact(&s, rows[i].location, &why);
        cr_expect_eq(e, rows[i].error, "%s: %s", rows[i].location, err_name(e));
        cr_expect(strstr(why.text, rows[i].says) != NULL, "%s: \"%s\"", rows[i].location, why.text);
        cr_expect_null(s);
    }
    unlink(fifo);
}

Test(media_source, classes_that_are_not_read_here) {
    char path[FIXTURE_PATH_LEN_MAX + 1];
    fixture_path(path, "class.wav");
    fixture_wav(path, 8000, 1, 8000);
    struct media_source *s;
    cr_expect_eq(open_as(&s, path, SOURCE_CLASS_LIVE, false, NULL), ERR_UNSUPPORTED);
    cr_expect_eq(open_as(&s, path, SOURCE_CLASS_PUSH, false, NULL), ERR_UNSUPPORTED);
    cr_expect_eq(open_as(&s, path, SOURCE_CLASS_SEEKABLE, true, NULL), ERR_UNSUPPORTED);
    cr_expect_eq(open_as(&s, path, SOURCE_CLASS_SEEKABLE, false, NULL), ERR_OK);
    media_source_close(s);
    unlink(path);
}

struct damaged {
    const char *what;
    uint16_t format, channels;
    uint32_t rate_hz;
    uint16_t bits;
    uint32_t promised, held; /* [bytes] of data */
    enum err error;
    const char *says;
};

Test(media_source, wav_headers_that_lie) {
    const struct damaged rows[] = {
        {"as it should be", 1, 1, 8000, 16, 3200, 3200, ERR_OK, ""},
        {"more behind than promised", 1, 1, 8000, 16, 3200, 6400, ERR_OK, ""},
        {"a pipe's 2^32-1", 1, 1, 8000, 16, UINT32_MAX, 3200, ERR_OK, ""},
        {"a pipe's 0", 1, 1, 8000, 16, 0, 3200, ERR_OK, ""},
        {"half of it missing", 1, 1, 8000, 16, 6400, 3200, ERR_SOURCE_FAILED, "truncated"},
        {"two gigabytes promised", 1, 1, 8000, 16, 0x7ffffff0, 3200, ERR_SOURCE_FAILED,
         "truncated"},
        {"no sound", 1, 1, 8000, 16, 0, 0, ERR_SOURCE_FAILED, "empty"},
        {"rate 0", 1, 1, 0, 16, 3200, 3200, ERR_SOURCE_FAILED, ""},
        {"rate beyond hearing", 1, 1, 400000000, 16, 3200, 3200, ERR_SOURCE_FAILED, ""},
        {"no channel", 1, 0, 8000, 16, 3200, 3200, ERR_SOURCE_FAILED, ""},
        {"60000 channels", 1, 60000, 8000, 16, 3200, 3200, ERR_SOURCE_FAILED, ""},
        {"0 bits", 1, 1, 8000, 0, 3200, 3200, ERR_UNSUPPORTED, ""},
        {"11025 Hz: 220.5 samples a frame", 1, 1, 11025, 16, 3200, 3200, ERR_UNSUPPORTED,
         "whole number of samples"},
        {"ADPCM", 2, 1, 8000, 4, 3200, 3200, ERR_UNSUPPORTED, "cannot be exact"},
        {"MP3 inside", 0x55, 1, 8000, 16, 3200, 3200, ERR_UNSUPPORTED, "cannot be exact"},
        {"no codec we know", 0x7777, 1, 8000, 16, 3200, 3200, ERR_UNSUPPORTED, ""},
    };
    char path[FIXTURE_PATH_LEN_MAX + 1];
    fixture_path(path, "lies.wav");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct damaged *r = &rows[i];
        uint8_t file[44 + 6400] = {0};
        wav_header(file, r->format, r->channels, r->rate_hz, r->bits, r->promised);
        fixture_file(path, file, 44 + r->held);
        struct media_source *s;
        struct media_why why = {""};
        enum err e = open_exact(&s, path, &why);
        cr_expect_eq(e, r->error, "%s: %s: %s", r->what, err_name(e), why.text);
        cr_expect(strstr(why.text, r->says) != NULL, "%s: \"%s\"", r->what, why.text);
        cr_expect(e == ERR_OK || why.text[0] != '\0', "%s: no reason given", r->what);
        if (e == ERR_OK && r->promised == 3200)
            cr_expect_eq(media_source_facts(s)->duration_frames, 10, "%s", r->what);
        media_source_close(s);
    }
    unlink(path);
}

Test(media_source, chunks_that_lie) {
    const struct {
        const char *what;
        uint32_t fmt_bytes, extra_bytes;
        char extra[5];
    } rows[] = {
        {"format chunk of 2 GiB", 0x7fffffff, 0, "LIST"},
        {"format chunk of nothing", 0, 0, "LIST"},
        {"format chunk of 65 KiB", 65000, 0, "LIST"},
        {"list of 4 GiB", 16, UINT32_MAX, "LIST"},
        {"picture of 2 GiB", 16, 0x7fffffff, "id3 "},
        {"origination of 2 GiB", 16, 0x7fffffff, "bext"},
        {"unknown of 1 GiB", 16, 0x40000000, "junk"},
    };
    char path[FIXTURE_PATH_LEN_MAX + 1];
    fixture_path(path, "chunks.wav");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t file[44 + 3200] = {0};
        wav_header(file, 1, 1, 8000, 16, 3200);
        put_u32(file + 16, rows[i].fmt_bytes);
        memcpy(file + 36, rows[i].extra, 4);
        put_u32(file + 40, rows[i].extra_bytes);
        fixture_file(path, file, sizeof file);
        uint64_t frames;
        enum err e = drain(path, SOURCE_CLASS_EXACT, 1000, &frames);
        cr_expect_neq(e, ERR_OK, "%s: it went on for ever", rows[i].what);
    }
    unlink(path);
}

Test(media_source, every_truncation_is_told) {
    char whole[FIXTURE_PATH_LEN_MAX + 1], path[FIXTURE_PATH_LEN_MAX + 1];
    fixture_path(whole, "whole.wav");
    fixture_path(path, "cut.wav");
    fixture_wav(whole, 8000, 1, 400);
    size_t size = fixture_copy(path, whole, 4096);
    for (size_t len = 0; len < size; len++) {
        fixture_copy(path, whole, len);
        struct media_source *s;
        struct media_why why = {""};
        enum err e = open_exact(&s, path, &why);
        bool told = e == ERR_SOURCE_FAILED || e == ERR_UNSUPPORTED;
        cr_expect(told && why.text[0] != '\0', "%zu of %zu bytes: %s", len, size, err_name(e));
        media_source_close(s);
    }
    unlink(whole);
    unlink(path);
}

Test(media_source, gsm_that_is_none) {
    char path[FIXTURE_PATH_LEN_MAX + 1];
    fixture_path(path, "none.gsm");
    fixture_need(MUSIC_GSM);
    struct media_source *s;
    struct media_why why = {""};
    fixture_copy(path, MUSIC_GSM, 33 * 500 + 5);
    cr_expect_eq(open_exact(&s, path, &why), ERR_SOURCE_FAILED);
    cr_expect(strstr(why.text, "truncated") != NULL, "%s", why.text);

    fixture_copy(path, MUSIC_GSM, 33 * 500);
    FILE *f = fopen(path, "r+b");
    fseek(f, 33 * 300, SEEK_SET);
    fputc(0x11, f);
    fclose(f);
    uint64_t frames;
    cr_expect_eq(drain(path, SOURCE_CLASS_EXACT, 1000, &frames), ERR_SOURCE_FAILED);
    cr_expect_leq(frames, 300);

    fixture_file(path, "", 0);
    cr_expect_neq(open_exact(&s, path, &why), ERR_OK);
    unlink(path);
}

Test(media_source, random_bytes_under_any_name) {
    const char *const names[] = {"r.wav", "r.gsm", "r.mp4", "r.mp3", "r.ogg", "r"};
    struct rng rng;
    rng_seed(&rng, 4);
    for (int round = 0; round < 60; round++) {
        char path[FIXTURE_PATH_LEN_MAX + 1];
        uint8_t bytes[33 * 60];
        size_t len = (size_t)rng_below(&rng, sizeof bytes + 1);
        for (size_t i = 0; i < len; i++)
            bytes[i] = (uint8_t)rng_u64(&rng);
        fixture_path(path, names[round % 6]);
        fixture_file(path, bytes, len);
        for (int c = SOURCE_CLASS_EXACT; c <= SOURCE_CLASS_SEEKABLE; c++) {
            uint64_t frames;
            enum err e = drain(path, (enum source_class)c, 100000, &frames);
            cr_expect_neq(e, ERR_OK, "%s goes on for ever", path);
        }
        unlink(path);
    }
}

/* Real files with bytes changed at random: the header more often than the rest. */
Test(media_source, spoilt_files_end_somehow) {
    char whole[FIXTURE_PATH_LEN_MAX + 1], path[FIXTURE_PATH_LEN_MAX + 1];
    fixture_path(whole, "good.wav");
    fixture_path(path, "spoilt.wav");
    fixture_wav(whole, 8000, 2, 2000);
    struct rng rng;
    rng_seed(&rng, 5);
    for (int round = 0; round < 300; round++) {
        size_t size = fixture_copy(path, whole, 65536);
        FILE *f = fopen(path, "r+b");
        for (int i = 0; i < 3; i++) {
            fseek(f, (long)rng_below(&rng, i < 2 ? 44 : size), SEEK_SET);
            fputc((int)rng_below(&rng, 256), f);
        }
        fclose(f);
        uint64_t frames;
        enum err e = drain(path, SOURCE_CLASS_SEEKABLE, 100000, &frames);
        cr_expect_neq(e, ERR_OK, "round %d goes on for ever", round);
    }
    unlink(whole);
    unlink(path);
}

Test(media_source, file_that_shrinks_while_it_plays) {
    char path[FIXTURE_PATH_LEN_MAX + 1];
    fixture_path(path, "shrinks.wav");
    fixture_wav(path, 8000, 1, 8000 * 10);
    struct media_source *s;
    int16_t samples[160];
    cr_assert_eq(open_exact(&s, path, NULL), ERR_OK);
    cr_assert_eq(media_source_read(s, samples), ERR_OK);
    cr_assert_eq(truncate(path, 44 + 16000), 0);
    enum err e = ERR_OK;
    int frames = 1;
    for (; e == ERR_OK && frames < 1000; frames++)
        e = media_source_read(s, samples);
    cr_expect_eq(e, ERR_SOURCE_FAILED, "%s", err_name(e));
    cr_expect_lt(frames, 150, "no more than what was read ahead");
    cr_expect(media_source_why(s)[0] != '\0');
    cr_expect_eq(media_source_read(s, samples), ERR_SOURCE_FAILED, "it stays failed");
    cr_expect_eq(media_source_seek(s, 400), ERR_SOURCE_FAILED);
    cr_expect_eq(media_source_seek(s, 2), ERR_OK, "what is left can still be read");
    cr_expect_eq(media_source_read(s, samples), ERR_OK);
    media_source_close(s);
    unlink(path);
}

/* ---- formats that a test machine's ffmpeg makes ---------------------------------------------- */

static bool convert(const char *to, const char *arguments) {
    char from[FIXTURE_PATH_LEN_MAX + 1], command[1024];
    fixture_path(from, "from.wav");
    fixture_wav(from, 48000, 2, 48000 * 8);
    snprintf(command, sizeof command, "ffmpeg -nostdin -v quiet -y -i %s %s %s </dev/null", from,
             arguments, to);
    int r = system(command);
    unlink(from);
    return r == 0;
}

Test(media_source, exact_is_granted_or_refused_by_format) {
    const struct {
        const char *name, *arguments;
        const char *refused; /* NULL: exact */
    } rows[] = {
        {"f.mp4", "-c:a aac -b:a 64k", NULL}, /* with noise substitution, ffmpeg's default */
        {"f.m4a", "-c:a alac", NULL},
        {"f.mov", "-c:a pcm_s16le", NULL},
        {"f24.wav", "-c:a pcm_s24le", NULL},
        {"fmu.wav", "-ar 8000 -ac 1 -c:a pcm_mulaw", NULL},
        {"f49.wav", "-ar 8000 -ac 1 -c:a libgsm_ms", NULL},
        {"f.gsm", "-ar 8000 -ac 1 -c:a libgsm", NULL},
        {"fad.wav", "-c:a adpcm_ms", "cannot be exact"},
        {"f.mp3", "-c:a libmp3lame", "class seekable"},
        {"f.ogg", "-c:a libvorbis", "class seekable"},
        {"f.flac", "-c:a flac", "class seekable"},
        {"f.mka", "-c:a pcm_s16le", "class seekable"},
        {"fflac.mp4", "-c:a flac -strict -2", "cannot be exact"},
    };
    if (system("command -v ffmpeg >/dev/null 2>&1") != 0)
        cr_skip_test("skipped: no ffmpeg command here to make the files");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[FIXTURE_PATH_LEN_MAX + 1];
        fixture_path(path, rows[i].name);
        cr_assert(convert(path, rows[i].arguments), "%s", rows[i].name);
        struct media_source *s;
        struct media_why why = {""};
        enum err e = open_exact(&s, path, &why);
        cr_expect_eq(e, rows[i].refused == NULL ? ERR_OK : ERR_UNSUPPORTED, "%s: %s: %s",
                     rows[i].name, err_name(e), why.text);
        cr_expect(rows[i].refused == NULL || strstr(why.text, rows[i].refused) != NULL,
                  "%s: \"%s\"", rows[i].name, why.text);
        media_source_close(s);
        uint64_t frames;
        e = drain(path, SOURCE_CLASS_SEEKABLE, 10000, &frames);
        cr_expect_eq(e, ERR_SOURCE_ENDED, "%s as seekable: %s", rows[i].name, err_name(e));
        cr_expect(frames >= 400 && frames <= 410, "%s: %llu frames", rows[i].name,
                  (unsigned long long)frames);
        unlink(path);
    }
}

Test(media_source, exact_formats_are_the_same_samples_after_a_seek) {
    const char *const rows[][2] = {{"s.mp4", "-c:a aac -b:a 48k"},
                                   {"s.m4a", "-c:a alac"},
                                   {"s.mov", "-c:a pcm_s16le"},
                                   {"s49.wav", "-ar 8000 -ac 1 -c:a libgsm_ms"},
                                   {"s.gsm", "-ar 8000 -ac 1 -c:a libgsm"}};
    if (system("command -v ffmpeg >/dev/null 2>&1") != 0)
        cr_skip_test("skipped: no ffmpeg command here to make the files");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        static int16_t all[400 * 160];
        char path[FIXTURE_PATH_LEN_MAX + 1];
        fixture_path(path, rows[i][0]);
        cr_assert(convert(path, rows[i][1]), "%s", rows[i][0]);
        struct media_source *s;
        cr_assert_eq(open_exact(&s, path, NULL), ERR_OK);
        for (int n = 0; n < 400; n++)
            cr_assert_eq(media_source_read(s, all + n * 160), ERR_OK, "%s frame %d: %s", rows[i][0],
                         n, media_source_why(s));
        struct rng rng;
        rng_seed(&rng, 6);
        int bad = 0;
        for (int point = 0; point < 40; point++) {
            uint64_t at = rng_below(&rng, 400);
            int16_t samples[160];
            cr_assert_eq(media_source_seek(s, at), ERR_OK, "%s", media_source_why(s));
            cr_assert_eq(media_source_read(s, samples), ERR_OK);
            bad += memcmp(samples, all + at * 160, sizeof samples) != 0;
        }
        cr_expect_eq(bad, 0, "%s: %d of 40 differ", rows[i][0], bad);
        media_source_close(s);
        unlink(path);
    }
}

Test(media_source, truncated_mp4_is_told) {
    char whole[FIXTURE_PATH_LEN_MAX + 1], path[FIXTURE_PATH_LEN_MAX + 1];
    if (system("command -v ffmpeg >/dev/null 2>&1") != 0)
        cr_skip_test("skipped: no ffmpeg command here to make the files");
    fixture_path(whole, "whole.mp4");
    fixture_path(path, "cut.mp4");
    cr_assert(convert(whole, "-c:a aac -movflags +faststart"));
    struct stat st;
    cr_assert_eq(stat(whole, &st), 0);
    for (int part = 0; part < 20; part++) {
        fixture_copy(path, whole, (size_t)(st.st_size * part / 20));
        struct media_source *s;
        enum err e = open_exact(&s, path, NULL);
        cr_expect(e == ERR_SOURCE_FAILED || e == ERR_UNSUPPORTED, "%d/20: %s", part, err_name(e));
        media_source_close(s);
    }
    unlink(whole);
    unlink(path);
}
