/*
 * What a joint costs that comes after a short pre-roll: the receiver's decoder goes on, and hears
 * one encoder up to a frame, and then another one that was fed only a little before it. Measured
 * against the recording, beside the encoder that was never interrupted.
 */
#include "media_fixture.h"

#include "transcoder/media/decoder.h"
#include "transcoder/media/source.h"

#ifndef __SANITIZE_ADDRESS__
#define JOINTS 24 /* a row */
#else
#define JOINTS 4
#endif
#define SPAN       900 /* [frames] that joints are drawn from */
#define KEPT       40  /* [frames] that the decoder has heard before: it goes on */
#define HEARD      5   /* [frames] after a joint that are measured: 100 ms */
#define SAMPLES    960 /* a frame at 48 kHz */
#define LOOKAHEAD  120 /* [samples] by which an encoder of low delay is behind at 48 kHz */
#define SILENCE_DB 40  /* a joint in silence proves nothing: so far below full scale it is */

struct joints {
    struct media_profile profile;
    const char *path;
    int16_t *recording;
    uint8_t *whole; /* payloads of the encoder that was never interrupted */
    size_t bytes;
};

static struct joints prepare(const char *path, uint32_t bitrate_bps, uint8_t complexity) {
    struct joints j = {.path = path};
    media_profile_init(&j.profile, MEDIA_CODEC_OPUS);
    j.profile.bitrate_bps = bitrate_bps;
    j.profile.complexity = complexity;
    j.bytes = media_profile_payload_bytes(&j.profile);
    j.whole = fixture_reference(path, false, &j.profile, SPAN + HEARD);
    j.recording = calloc((SPAN + HEARD) * SAMPLES, sizeof(*j.recording));
    const struct media_source_options options = {.class = SOURCE_CLASS_EXACT,
                                                 .timeout = duration_s(120)};
    struct media_source *source;
    struct media_why why = {""};
    cr_assert_eq(media_source_open(&source, path, &options, 48000, 1, &why), ERR_OK);
    cr_assert_eq(media_source_seek(source, 0), ERR_OK);
    for (size_t n = 0; n < SPAN + HEARD; n++)
        cr_assert_eq(media_source_read(source, j.recording + n * SAMPLES), ERR_OK);
    media_source_close(source);
    return j;
}

static void release(struct joints *j) {
    free(j->whole);
    free(j->recording);
}

struct powers {
    double signal, error;
};

static void measure(struct powers *p, const struct joints *j, uint64_t frame,
                    const int16_t *heard) {
    const int16_t *said = j->recording + frame * SAMPLES - LOOKAHEAD;
    for (int i = 0; i < SAMPLES; i++) {
        p->signal += (double)said[i] * said[i];
        p->error += (double)(heard[i] - said[i]) * (heard[i] - said[i]);
    }
}

static double snr_db(const struct powers *p) {
    return 10 * log10(p->signal / (p->error + 1));
}

/* The signal to noise of HEARD frames after the joint; `stream` NULL: there is none. */
static double listen(const struct joints *j, uint64_t at, struct media_stream *stream,
                     double *level_db) {
    struct media_decoder *d;
    struct powers p = {0, 0};
    int16_t heard[MEDIA_DECODER_SAMPLES_MAX];
    cr_assert_eq(media_decoder_open(&d, &j->profile, NULL), ERR_OK);
    for (uint64_t n = at - KEPT; n < at + HEARD; n++) {
        uint8_t made[MEDIA_PAYLOAD_BYTES_MAX];
        const uint8_t *payload = j->whole + n * j->bytes;
        size_t len = j->bytes;
        if (n >= at && stream != NULL) {
            cr_assert_eq(media_stream_next(stream, made, sizeof(made), &len), ERR_OK);
            payload = made;
        }
        cr_assert_eq(media_decoder_frame(d, payload, len, heard), ERR_OK);
        if (n >= at)
            measure(&p, j, n, heard);
    }
    media_decoder_close(d);
    *level_db = 10 * log10(p.signal / (HEARD * SAMPLES) / (32768.0 * 32768) + 1e-12);
    return snr_db(&p);
}

struct loss {
    double mean_db, worst_db, whole_db;
    int joints;
};

static struct loss lost_at_joints(const struct joints *j, uint32_t preroll, int joints) {
    struct loss l = {0, 0, 0, 0};
    struct rng rng;
    rng_seed(&rng, 4);
    for (int i = 0; i < joints; i++) {
        uint64_t at = KEPT + 1 + rng_below(&rng, SPAN - KEPT - 1), merges;
        struct media_stream *s = fixture_stream(j->path, false, &j->profile);
        double level_db;
        cr_assert_eq(media_stream_start(s, at, preroll, &merges), ERR_OK);
        double whole_db = listen(j, at, NULL, &level_db);
        double joint_db = listen(j, at, s, &level_db);
        media_stream_close(s);
        if (level_db < -SILENCE_DB)
            continue;
        double lost_db = whole_db - joint_db;
        l.joints++;
        l.whole_db += whole_db;
        l.mean_db += lost_db;
        l.worst_db = lost_db > l.worst_db ? lost_db : l.worst_db;
    }
    l.mean_db /= l.joints;
    l.whole_db /= l.joints;
    return l;
}

static void expect_little_lost(const char *path, uint32_t preroll, double mean_db,
                               double worst_db) {
    const struct {
        uint32_t bitrate_bps;
        uint8_t complexity;
    } rows[] = {{24000, 2}, {64000, 5}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct joints j = prepare(path, rows[i].bitrate_bps, rows[i].complexity);
        struct loss l = lost_at_joints(&j, preroll, JOINTS);
        struct loss bare = lost_at_joints(&j, 0, JOINTS / 4);
        cr_assert_gt(l.joints, JOINTS / 2, "%s is silent", path);
        cr_expect_lt(l.mean_db, mean_db, "%s, %u bit/s: %.2f dB of %.1f on average", path,
                     rows[i].bitrate_bps, l.mean_db, l.whole_db);
        cr_expect_lt(l.worst_db, worst_db, "%s, %u bit/s: %.2f dB at worst", path,
                     rows[i].bitrate_bps, l.worst_db);
        cr_expect_gt(bare.mean_db, 2.0, "%s, %u bit/s: no pre-roll costs %.2f dB: nothing is shown",
                     path, rows[i].bitrate_bps, bare.mean_db);
        release(&j);
    }
}

Test(media_joint, the_least_preroll_in_music) {
    fixture_need(MUSIC_WAV);
    expect_little_lost(MUSIC_WAV, MEDIA_PREROLL_LEAST, 1.0, 8.0);
}

Test(media_joint, the_least_preroll_in_speech) {
    fixture_need(SPEECH_WAV);
    expect_little_lost(SPEECH_WAV, MEDIA_PREROLL_LEAST, 1.0, 8.0);
}

Test(media_joint, the_least_preroll_in_noise) {
    char path[FIXTURE_PATH_LEN_MAX + 1];
    fixture_path(path, "joint.wav");
    fixture_wav(path, 48000, 1, 48000 * 20);
    expect_little_lost(path, MEDIA_PREROLL_LEAST, 0.1, 1.0);
    unlink(path);
}

Test(media_joint, a_quick_preroll) {
    fixture_need(MUSIC_WAV);
    expect_little_lost(MUSIC_WAV, MEDIA_PREROLL_QUICK, 0.1, 3.0);
}
