/*
 * A payload is a function of source, profile and position: each test makes a reference in one go
 * from frame 0 and compares what starts elsewhere give.
 */
#include "media_fixture.h"

#ifndef __SANITIZE_ADDRESS__
#define POINTS 40 /* starts a row, as in the experiment that the design rests on */
#else
#define POINTS 8 /* what runs here is a codec that no sanitizer looks into */
#endif
#define AFTER 12  /* [frames] compared after each start */
#define SPAN  900 /* [frames] of reference: several laps */

static struct media_profile profile_of(enum media_codec codec) {
    struct media_profile p;
    media_profile_init(&p, codec);
    return p;
}

/* Frames from `first` on that differ from the reference, `count` of them. */
static int differing(struct media_stream *s, const uint8_t *reference, size_t bytes, uint64_t first,
                     int count) {
    int bad = 0;
    for (int i = 0; i < count; i++) {
        uint8_t payload[MEDIA_PAYLOAD_BYTES_MAX];
        size_t len;
        enum err e = media_stream_next(s, payload, sizeof payload, &len);
        cr_assert_eq(e, ERR_OK, "%s: %s", err_name(e), media_stream_why(s));
        cr_assert_eq(len, bytes);
        bad += memcmp(payload, reference + (first + (uint64_t)i) * bytes, bytes) != 0;
    }
    return bad;
}

/* Starts at random points and counts those after which anything differs. */
static void expect_identical(const char *path, bool loop, const struct media_profile *p,
                             uint32_t phase) {
    size_t bytes = media_profile_payload_bytes(p);
    struct media_stream *s = fixture_stream(path, loop, p);
    uint8_t *reference = malloc(bytes * SPAN);
    media_stream_set_phase(s, phase);
    cr_assert_eq(media_stream_start(s, 0, MEDIA_PREROLL_FULL, NULL), ERR_OK);
    for (size_t n = 0, len; n < SPAN; n++)
        cr_assert_eq(media_stream_next(s, reference + n * bytes, bytes, &len), ERR_OK);
    struct rng rng;
    rng_seed(&rng, 2003);
    int bad = 0;
    for (int i = 0; i < POINTS; i++) {
        uint64_t at = 1 + rng_below(&rng, SPAN - AFTER - 1), mergeable_from;
        enum err e = media_stream_start(s, at, MEDIA_PREROLL_FULL, &mergeable_from);
        cr_assert_eq(e, ERR_OK, "%s: %s", err_name(e), media_stream_why(s));
        cr_expect_eq(mergeable_from, at);
        bad += differing(s, reference, bytes, at, AFTER) > 0;
    }
    cr_expect_eq(bad, 0, "%s as %s: %d of %d starts differ", path, p->name.text, bad, POINTS);
    free(reference);
    media_stream_close(s);
}

static void expect_all_codecs_identical(const char *path) {
    for (int c = MEDIA_CODEC_OPUS; c <= MEDIA_CODEC_L16; c++) {
        struct media_profile p = profile_of((enum media_codec)c);
        expect_identical(path, false, &p, 0);
    }
}

Test(media_stream, music_in_gsm_is_identical_from_any_start) {
    fixture_need(MUSIC_GSM);
    expect_all_codecs_identical(MUSIC_GSM);
}

Test(media_stream, music_in_wav_is_identical_from_any_start) {
    fixture_need(MUSIC_WAV);
    expect_all_codecs_identical(MUSIC_WAV);
}

Test(media_stream, speech_is_identical_from_any_start) {
    fixture_need(SPEECH_WAV);
    expect_all_codecs_identical(SPEECH_WAV);
}

Test(media_stream, synthetic_wavs_are_identical_from_any_start) {
    const struct {
        uint32_t rate_hz;
        uint8_t channels;
    } rows[] = {{8000, 1}, {16000, 1}, {32000, 2}, {44100, 2}, {48000, 2}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[FIXTURE_PATH_LEN_MAX + 1];
        fixture_path(path, "synthetic.wav");
        fixture_wav(path, rows[i].rate_hz, rows[i].channels, rows[i].rate_hz * 20);
        struct media_profile opus = profile_of(MEDIA_CODEC_OPUS);
        struct media_profile l16 = profile_of(MEDIA_CODEC_L16);
        expect_identical(path, false, &opus, 0);
        expect_identical(path, false, &l16, 0);
        unlink(path);
    }
}

/* The cases in which a pre-roll of 100 frames and more was found not to be enough. */
Test(media_stream, noise_silence_and_odd_parameters_are_identical) {
    char path[FIXTURE_PATH_LEN_MAX + 1];
    fixture_path(path, "noise.wav");
    struct media_wav *w;
    struct rng rng;
    rng_seed(&rng, 1);
    cr_assert_eq(media_wav_create(&w, path, 48000, 1, NULL), ERR_OK);
    int16_t block[480];
    for (int i = 0; i < 48000 * 20; i++) {
        int second = i / 48000;
        int16_t v = second % 4 < 2 ? 0 : (int16_t)(rng_below(&rng, 3) - 1);
        if (second % 4 == 3)
            v = (int16_t)(rng_below(&rng, 30000) - 15000);
        block[i % 480] = v;
        if (i % 480 == 479)
            cr_assert_eq(media_wav_write(w, block, 480), ERR_OK);
    }
    cr_assert_eq(media_wav_close(w), ERR_OK);
    const struct {
        uint32_t rate_hz, bitrate_bps;
        uint8_t channels, complexity;
    } rows[] = {{48000, 24000, 1, 5},
                {48000, 64000, 1, 5},
                {48000, 32000, 1, 10},
                {48000, 96000, 2, 5},
                {8000, 24000, 1, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct media_profile p = profile_of(MEDIA_CODEC_OPUS);
        p.rate_hz = rows[i].rate_hz;
        p.bitrate_bps = rows[i].bitrate_bps;
        p.channels = rows[i].channels;
        p.complexity = rows[i].complexity;
        expect_identical(path, false, &p, 0);
    }
    unlink(path);
}

Test(media_stream, phase_of_laps_is_honoured) {
    char path[FIXTURE_PATH_LEN_MAX + 1];
    fixture_path(path, "phase.wav");
    fixture_wav(path, 8000, 1, 8000 * 20);
    struct media_profile p = profile_of(MEDIA_CODEC_OPUS);
    const uint32_t phases[] = {1, 9, 10, 11, 137, MEDIA_LAP_FRAMES - 1};
    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++)
        expect_identical(path, false, &p, phases[i]);
    unlink(path);
}

Test(media_stream, loop_repeats_and_is_identical_from_any_start) {
    char path[FIXTURE_PATH_LEN_MAX + 1];
    fixture_path(path, "loop.wav");
    fixture_wav(path, 44100, 2, 44100 * 3 + 100); /* 150 frames and a bit */
    struct media_profile opus = profile_of(MEDIA_CODEC_OPUS);
    struct media_profile l16 = profile_of(MEDIA_CODEC_L16);
    expect_identical(path, true, &opus, 0);
    expect_identical(path, true, &l16, 0);
    size_t bytes = media_profile_payload_bytes(&l16);
    uint8_t *twice = fixture_reference(path, true, &l16, 2 * 151);
    for (size_t n = 2; n < 150; n++) /* at the joint the resampler sees the other side */
        cr_expect_arr_eq(twice + n * bytes, twice + (n + 151) * bytes, bytes, "frame %zu", n);
    free(twice);
    unlink(path);
}

Test(media_stream, loop_of_gsm_is_identical_from_any_start) {
    char path[FIXTURE_PATH_LEN_MAX + 1];
    fixture_need(MUSIC_GSM);
    fixture_path(path, "loop.gsm");
    fixture_copy(path, MUSIC_GSM, 33 * 170);
    struct media_profile pcmu = profile_of(MEDIA_CODEC_PCMU);
    expect_identical(path, true, &pcmu, 0);
    unlink(path);
}

Test(media_stream, short_preroll_merges_where_it_says) {
    char path[FIXTURE_PATH_LEN_MAX + 1];
    fixture_path(path, "short.wav");
    fixture_wav(path, 8000, 1, 8000 * 30);
    struct media_profile p = profile_of(MEDIA_CODEC_OPUS);
    const uint64_t lap = MEDIA_LAP_FRAMES, join = MEDIA_LAP_JOIN_FRAMES;
    const struct {
        const char *what;
        uint64_t frame;
        uint32_t preroll;
        uint64_t mergeable_from;
    } rows[] = {
        {"cold in the middle of a lap", lap + 100, 0, 2 * lap},
        {"quick in the middle of a lap", lap + 100, MEDIA_PREROLL_QUICK, 2 * lap},
        {"the least in the middle of a lap", lap + 100, MEDIA_PREROLL_LEAST, 2 * lap},
        {"the least, too late for the join", 2 * lap - 5, MEDIA_PREROLL_LEAST, 3 * lap},
        {"quick in the first lap", 100, MEDIA_PREROLL_QUICK, lap},
        {"quick so early that it reaches frame 0", join, MEDIA_PREROLL_QUICK, join},
        {"quick at the beginning of a lap", lap, MEDIA_PREROLL_QUICK, lap},
        {"a little less at the beginning of a lap", lap, MEDIA_PREROLL_QUICK - 1, 2 * lap},
        {"cold where the join begins", 2 * lap - join, 0, 2 * lap},
        {"cold just after the join began", 2 * lap - join + 1, 0, 3 * lap},
        {"pre-roll from where the join begins", 2 * lap - 4, (uint32_t)join - 4, 2 * lap},
        {"as far back as a full one", lap + 7, (uint32_t)join + 7, lap + 7},
        {"further than a full one", lap + 7, (uint32_t)join + 70, lap + 7},
        {"at frame 0", 0, 0, 0},
    };
    size_t bytes = media_profile_payload_bytes(&p);
    uint8_t *reference = fixture_reference(path, false, &p, 4 * lap);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct media_stream *s = fixture_stream(path, false, &p);
        uint64_t mergeable_from;
        cr_assert_eq(media_stream_start(s, rows[i].frame, rows[i].preroll, &mergeable_from),
                     ERR_OK);
        cr_expect_eq(mergeable_from, rows[i].mergeable_from, "%s: %llu", rows[i].what,
                     (unsigned long long)mergeable_from);
        int before = (int)(mergeable_from - rows[i].frame);
        int early = before > 0 ? differing(s, reference, bytes, rows[i].frame, before) : 0;
        int late = differing(s, reference, bytes, mergeable_from, (int)lap);
        cr_expect_eq(late, 0, "%s: %d frames differ after it said", rows[i].what, late);
        cr_expect(before == 0 || early > 0, "%s: nothing differs, the row proves nothing",
                  rows[i].what);
        media_stream_close(s);
    }
    free(reference);
    unlink(path);
}

Test(media_stream, promise_is_never_given_where_it_cannot_be_kept) {
    struct media_profile voip = profile_of(MEDIA_CODEC_OPUS);
    voip.application = MEDIA_APPLICATION_VOIP;
    struct media_profile opus = profile_of(MEDIA_CODEC_OPUS);
    struct media_profile impatient = profile_of(MEDIA_CODEC_OPUS);
    impatient.preroll_frames = 20;
    struct media_profile pcmu = profile_of(MEDIA_CODEC_PCMU);
    const struct {
        const char *what;
        const struct media_profile *p;
        enum source_class class;
        uint64_t frame;
        uint64_t promise;
    } rows[] = {
        {"opus voip", &voip, SOURCE_CLASS_EXACT, 1000, MEDIA_NEVER_MERGES},
        {"opus voip from frame 0 on", &voip, SOURCE_CLASS_EXACT, 0, 0},
        {"opus from a seekable source", &opus, SOURCE_CLASS_SEEKABLE, 0, MEDIA_NEVER_MERGES},
        {"pcmu from a seekable source", &pcmu, SOURCE_CLASS_SEEKABLE, 9, MEDIA_NEVER_MERGES},
        {"opus from an exact one", &opus, SOURCE_CLASS_EXACT, 1111, 1111},
        {"a profile that prefers quick starts", &impatient, SOURCE_CLASS_EXACT, 1111, 1250},
        {"pcmu", &pcmu, SOURCE_CLASS_EXACT, 77, 77},
        {"a frame beyond all time", &opus, SOURCE_CLASS_EXACT, UINT64_MAX, MEDIA_NEVER_MERGES},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_expect_eq(
            media_stream_promise(rows[i].p, rows[i].class, 0, rows[i].frame, MEDIA_PREROLL_FULL),
            rows[i].promise, "%s", rows[i].what);
}

Test(media_stream, warming_in_slices_is_the_same_as_at_once) {
    char path[FIXTURE_PATH_LEN_MAX + 1];
    fixture_path(path, "warm.wav");
    fixture_wav(path, 8000, 1, 8000 * 12);
    struct media_profile p = profile_of(MEDIA_CODEC_OPUS);
    size_t bytes = media_profile_payload_bytes(&p);
    uint8_t *reference = fixture_reference(path, false, &p, 400);
    struct media_stream *s = fixture_stream(path, false, &p);
    uint32_t left, slices = 0;
    cr_assert_eq(media_stream_start(s, 300, MEDIA_PREROLL_FULL, NULL), ERR_OK);
    cr_assert_eq(media_stream_warm(s, 0, &left), ERR_OK);
    cr_expect_eq(left, 300 - MEDIA_LAP_FRAMES + MEDIA_LAP_JOIN_FRAMES);
    for (; left > 0; slices++)
        cr_assert_eq(media_stream_warm(s, 8, &left), ERR_OK);
    cr_expect_eq(slices, 8);
    cr_expect_eq(media_stream_position(s), 300);
    cr_expect_eq(differing(s, reference, bytes, 300, 20), 0);
    media_stream_close(s);
    free(reference);
    unlink(path);
}

Test(media_stream, starting_where_it_stands_costs_nothing) {
    char path[FIXTURE_PATH_LEN_MAX + 1];
    fixture_path(path, "again.wav");
    fixture_wav(path, 8000, 1, 8000 * 12);
    struct media_profile p = profile_of(MEDIA_CODEC_OPUS);
    size_t bytes = media_profile_payload_bytes(&p);
    uint8_t *reference = fixture_reference(path, false, &p, 400);
    struct media_stream *s = fixture_stream(path, false, &p);
    uint64_t mergeable_from;
    uint32_t left;
    cr_assert_eq(media_stream_start(s, 100, MEDIA_PREROLL_FULL, NULL), ERR_OK);
    cr_expect_eq(differing(s, reference, bytes, 100, 5), 0);
    cr_assert_eq(media_stream_start(s, 105, MEDIA_PREROLL_QUICK, &mergeable_from), ERR_OK);
    cr_expect_eq(mergeable_from, 100, "the better promise stays");
    cr_assert_eq(media_stream_warm(s, 0, &left), ERR_OK);
    cr_expect_eq(left, 0);
    cr_expect_eq(differing(s, reference, bytes, 105, 5), 0);
    media_stream_close(s);
    free(reference);
    unlink(path);
}

Test(media_stream, end_is_clean_and_can_be_rewound) {
    char path[FIXTURE_PATH_LEN_MAX + 1];
    fixture_path(path, "end.wav");
    fixture_wav(path, 8000, 1, 160 * 20 + 1); /* the 21st frame holds one sample */
    for (int c = MEDIA_CODEC_OPUS; c <= MEDIA_CODEC_L16; c++) {
        struct media_profile p = profile_of((enum media_codec)c);
        size_t bytes = media_profile_payload_bytes(&p), len;
        uint8_t *reference = fixture_reference(path, false, &p, 21);
        struct media_stream *s = fixture_stream(path, false, &p);
        uint8_t payload[MEDIA_PAYLOAD_BYTES_MAX];
        cr_expect_eq(media_stream_next(s, payload, sizeof payload, &len), ERR_BAD_FIELD,
                     "never started");
        cr_expect_eq(media_stream_facts(s)->duration_frames, 21);
        cr_expect_eq(media_stream_start(s, 21, MEDIA_PREROLL_FULL, NULL), ERR_SOURCE_ENDED);
        cr_expect_eq(media_stream_start(s, UINT64_MAX, MEDIA_PREROLL_FULL, NULL), ERR_SOURCE_ENDED);
        cr_assert_eq(media_stream_start(s, 20, MEDIA_PREROLL_FULL, NULL), ERR_OK);
        cr_expect_eq(differing(s, reference, bytes, 20, 1), 0, "%s", p.name.text);
        cr_expect_eq(media_stream_next(s, payload, sizeof payload, &len), ERR_SOURCE_ENDED);
        cr_expect_eq(media_stream_next(s, payload, sizeof payload, &len), ERR_SOURCE_ENDED);
        cr_assert_eq(media_stream_start(s, 3, MEDIA_PREROLL_FULL, NULL), ERR_OK);
        cr_expect_eq(differing(s, reference, bytes, 3, 5), 0, "%s", p.name.text);
        media_stream_close(s);
        free(reference);
    }
    unlink(path);
}

Test(media_stream, small_buffer_loses_nothing) {
    char path[FIXTURE_PATH_LEN_MAX + 1];
    fixture_path(path, "small.wav");
    fixture_wav(path, 8000, 1, 8000);
    struct media_profile p = profile_of(MEDIA_CODEC_OPUS);
    size_t bytes = media_profile_payload_bytes(&p), len;
    uint8_t *reference = fixture_reference(path, false, &p, 10), payload[1];
    struct media_stream *s = fixture_stream(path, false, &p);
    cr_assert_eq(media_stream_start(s, 0, MEDIA_PREROLL_FULL, NULL), ERR_OK);
    cr_expect_eq(media_stream_next(s, payload, sizeof payload, &len), ERR_OVERSIZED);
    cr_expect_eq(differing(s, reference, bytes, 0, 10), 0);
    media_stream_close(s);
    free(reference);
    unlink(path);
}

/* Two open streams of one file share nothing. */
Test(media_stream, streams_do_not_disturb_one_another) {
    char path[FIXTURE_PATH_LEN_MAX + 1];
    fixture_path(path, "two.wav");
    fixture_wav(path, 16000, 1, 16000 * 10);
    struct media_profile p = profile_of(MEDIA_CODEC_OPUS);
    size_t bytes = media_profile_payload_bytes(&p);
    uint8_t *reference = fixture_reference(path, false, &p, 400);
    struct media_stream *a = fixture_stream(path, false, &p);
    struct media_stream *b = fixture_stream(path, false, &p);
    cr_assert_eq(media_stream_start(a, 10, MEDIA_PREROLL_FULL, NULL), ERR_OK);
    cr_assert_eq(media_stream_start(b, 200, MEDIA_PREROLL_FULL, NULL), ERR_OK);
    for (uint64_t i = 0; i < 100; i++) {
        cr_expect_eq(differing(a, reference, bytes, 10 + i, 1), 0);
        cr_expect_eq(differing(b, reference, bytes, 200 + i, 1), 0);
    }
    media_stream_close(a);
    media_stream_close(b);
    free(reference);
    unlink(path);
}
