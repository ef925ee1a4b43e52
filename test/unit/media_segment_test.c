/* Segments of films that ffmpeg's command line makes: some whole ones and a short one. */
#include "transcoder/hls/live.h"
#include "transcoder/media/print.h"
#include "transcoder/media/segment.h"
#include "transcoder/media/segment_inner.h"
#include "transcoder/media/stream.h"

#include <criterion/criterion.h>
#include <libavutil/cpu.h>
#include <libavutil/intreadwrite.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT      4  /* segments of the short film */
#define COUNT_LONG 21 /* and of the long one */

static char folder[] = "/tmp/peerd-segment-XXXXXX";
static char film[64];

static const struct rendition renditions[] = {
    {.name = {"96p"}, .codec = RENDITION_H264, .bitrate_bps = 150000, .height = 96, .fps = 25},
    {.name = {"aac"}, .codec = RENDITION_AAC, .bitrate_bps = 64000, .channels = 2},
    {.name = {"opus"}, .codec = RENDITION_OPUS, .bitrate_bps = 32000, .channels = 2},
};
#define RENDITIONS (sizeof(renditions) / sizeof(renditions[0]))

/* Pictures at 24 a second, with a picture that needs no other every 2 s, and AAC. */
static void make_film_of(double seconds) {
    char command[640];
    cr_assert_neq(sodium_init(), -1);
    cr_assert(mkdtemp(folder) != NULL);
    snprintf(film, sizeof(film), "%s/film.mp4", folder);
    snprintf(command, sizeof(command),
             "ffmpeg -v error -f lavfi -i testsrc2=size=170x96:rate=24 -f lavfi -i "
             "'aevalsrc=sin(440*2*PI*t)*0.3+random(0)*0.1:s=48000' -t %.1f -c:v libx264 -preset "
             "ultrafast -bf 2 -g 48 -pix_fmt yuv420p -c:a aac -b:a 96k %s",
             seconds, film);
    cr_assert_eq(system(command), 0, "ffmpeg makes no film");
}

static void make_film(void) {
    make_film_of(3.2 * (COUNT - 1) + 0.5);
}

static void make_long_film(void) {
    make_film_of(3.2 * (COUNT_LONG - 1) + 0.5);
}

static void remove_film(void) {
    unlink(film);
    rmdir(folder);
}

static struct media_segment_source source(void) {
    struct media_segment_source s = {.location = film, .class = SOURCE_CLASS_EXACT};
    struct media_why why = {.text = ""};
    cr_assert_eq(media_segment_facts(&s.facts, film, SOURCE_CLASS_EXACT, DURATION_ZERO, &why),
                 ERR_OK, "%s", why.text);
    return s;
}

static struct media_bytes make(const struct media_segment_source *s, const struct rendition *r,
                               uint32_t number) {
    struct media_why why = {.text = ""};
    struct media_bytes b;
    cr_assert_eq(media_segment_make(&b, s, r, number, &why), ERR_OK, "%s %u: %s", r->name.text,
                 number, why.text);
    return b;
}

/* What follows a box's name. */
static const uint8_t *box(const struct media_bytes *b, const char *name) {
    const uint8_t *at = memmem(b->data, b->len, name, 4);
    cr_assert(at != NULL, "no box %s", name);
    return at + 4;
}

static void check_facts(void) {
    struct media_segment_source s = source();
    cr_expect_eq(s.facts.width, 170);
    cr_expect_eq(s.facts.height, 96);
    cr_expect_eq(segments_of(s.facts.duration_ms), COUNT, "%lu ms",
                 (unsigned long)s.facts.duration_ms);
}

/* Each begins where it should, in its own clock, with as many frames as it owns. */
static void check_times(void) {
    struct media_segment_source s = source();
    const uint32_t numbers[] = {0, 1, COUNT - 1};
    for (size_t r = 0; r < RENDITIONS; r++)
        for (size_t i = 0; i < 3; i++) {
            struct segment_span span;
            cr_assert(segment_span(&span, &renditions[r], s.facts.duration_ms, numbers[i]));
            struct media_bytes b = make(&s, &renditions[r], numbers[i]);
            cr_expect_eq(AV_RB64(box(&b, "tfdt") + 4), span.first * span.ticks, "%s %u",
                         renditions[r].name.text, numbers[i]);
            cr_expect_eq(AV_RB32(box(&b, "trun") + 4), span.count, "%s %u", renditions[r].name.text,
                         numbers[i]);
            cr_expect_eq(AV_RB32(box(&b, "mfhd") + 4), numbers[i] + 1);
            media_bytes_free(&b);
        }
    struct media_bytes none;
    cr_expect_eq(media_segment_make(&none, &s, &renditions[0], COUNT, NULL), ERR_SOURCE_ENDED);
}

/* What playlists say of pictures is what the stream says of itself. */
static void check_codecs(void) {
    struct media_segment_source s = source();
    char told[RENDITION_CODEC_LEN_MAX + 1], found[RENDITION_CODEC_LEN_MAX + 1];
    struct media_bytes b = make(&s, &renditions[0], SEGMENT_INIT);
    const uint8_t *avc = box(&b, "avcC");
    snprintf(found, sizeof(found), "avc1.%02x%02x%02x", avc[1], avc[2], avc[3]);
    rendition_codec_text(&renditions[0], rendition_width(&renditions[0], &s.facts), told);
    cr_expect_str_eq(found, told);
    cr_expect(memmem(b.data, b.len, "elst", 4) == NULL, "an edit list");
    media_bytes_free(&b);
}

/* A listener to the stream hears what one of a session hears. */
static void check_opus(void) {
    struct media_segment_source s = source();
    const struct media_source_options o = {.class = SOURCE_CLASS_EXACT};
    uint8_t payload[MEDIA_PAYLOAD_BYTES_MAX];
    struct media_profile profile;
    struct media_stream *stream;
    media_profile_init(&profile, MEDIA_CODEC_OPUS);
    profile.channels = 2;
    struct media_bytes b = make(&s, &renditions[2], 2);
    const uint8_t *at = box(&b, "mdat");
    cr_assert_eq(media_stream_open(&stream, film, &o, &profile, NULL), ERR_OK);
    cr_assert_eq(media_stream_start(stream, 2 * 160, MEDIA_PREROLL_FULL, NULL), ERR_OK);
    for (int i = 0; i < 160; i++) {
        size_t len;
        cr_assert_eq(media_stream_next(stream, payload, sizeof(payload), &len), ERR_OK);
        cr_assert(memcmp(at, payload, len) == 0, "frame %d", i);
        at += len;
    }
    media_stream_close(stream);
    media_bytes_free(&b);
}

/* What an encoder made: a segment without its boxes. */
static struct media_bytes payload_of(const struct media_bytes *b) {
    const uint8_t *at = box(b, "mdat");
    return (struct media_bytes){(uint8_t *)at, (size_t)(b->data + b->len - at)};
}

/* Segment 7 of a channel of three whole ones is the recording's segment 1, later. */
static void check_channel(void) {
    struct media_segment_source s = source(), channel = s;
    channel.pass = COUNT - 1;
    for (size_t r = 0; r < RENDITIONS; r++) {
        struct segment_span span;
        struct media_bytes once = make(&s, &renditions[r], 1);
        struct media_bytes again = make(&channel, &renditions[r], 2 * (COUNT - 1) + 1);
        cr_assert(segment_span(&span, &renditions[r], s.facts.duration_ms, 1));
        cr_expect_eq(AV_RB64(box(&again, "tfdt") + 4), 7 * span.first * span.ticks);
        cr_expect_eq(AV_RB32(box(&again, "mfhd") + 4), 8);
        struct media_bytes a = payload_of(&once), b = payload_of(&again);
        cr_expect(a.len == b.len && memcmp(a.data, b.data, a.len) == 0, "%s",
                  renditions[r].name.text);
        media_bytes_free(&once);
        media_bytes_free(&again);
    }
    /* Where passes meet, sound is no other than where segments do: it is not preceded by silence.
     */
    struct media_bytes first = make(&s, &renditions[1], 0),
                       next = make(&channel, &renditions[1], 3);
    struct media_bytes a = payload_of(&first), b = payload_of(&next);
    cr_expect(a.len != b.len || memcmp(a.data, b.data, a.len) != 0);
    media_bytes_free(&first);
    media_bytes_free(&next);
    first = make(&channel, &renditions[1], LIVE_NUMBER_MAX);
    cr_expect_eq(AV_RB64(box(&first, "tfdt") + 4), UINT64_C(150) * LIVE_NUMBER_MAX * SEGMENT_AAC);
    media_bytes_free(&first);
}

Test(media_segment, follows_from_source_rendition_and_number, .init = make_film,
     .fini = remove_film) {
    check_facts();
    check_times();
    check_codecs();
    check_opus();
    check_channel();
}

/* ---- two machines ---------------------------------------------------------------------------- */

struct hash {
    uint8_t bytes[16];
};

/* Sound costs most. */
static const uint32_t counts[RENDITIONS] = {COUNT_LONG, 6, 6};

struct machine {
    const char *x264; /* features that x264 finds */
    int ffmpeg;       /* and FFmpeg, before it is held to the baseline */
    bool backwards;   /* last segment first */
};

#define MACHINES 2

/* In a process of its own: libraries choose their loops once. */
static void work(const struct machine *m, struct hash out[RENDITIONS][COUNT_LONG]) {
    av_force_cpu_flags(m->ffmpeg);
    segment_pictures_pretend(m->x264);
    struct media_segment_source s = source();
    for (size_t r = 0; r < RENDITIONS; r++)
        for (uint32_t i = 0; i < counts[r]; i++) {
            uint32_t number = m->backwards ? counts[r] - 1 - i : i;
            struct media_bytes b = make(&s, &renditions[r], number);
            crypto_generichash(out[r][number].bytes, sizeof(out[r][number].bytes), b.data, b.len,
                               NULL, 0);
            media_bytes_free(&b);
        }
}

Test(media_segment, processors_make_the_same_bytes, .init = make_long_film, .fini = remove_film) {
    const struct machine machines[] = {{"SSE2", 0, true}, {NULL, -1, false}};
    typedef struct hash results[RENDITIONS][COUNT_LONG];
    results *shared = mmap(NULL, sizeof(results) * MACHINES, PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert(shared != MAP_FAILED);
    pid_t pids[MACHINES];
    for (int i = 0; i < MACHINES; i++)
        if ((pids[i] = fork()) == 0) {
            work(&machines[i], shared[i]);
            _exit(0);
        }
    for (int i = 0; i < MACHINES; i++) {
        int status = -1;
        waitpid(pids[i], &status, 0);
        cr_assert_eq(status, 0, "machine %d", i);
    }
    for (int i = 1; i < MACHINES; i++)
        for (size_t r = 0; r < RENDITIONS; r++)
            for (uint32_t n = 0; n < counts[r]; n++)
                cr_expect(memcmp(&shared[0][r][n], &shared[i][r][n], sizeof(struct hash)) == 0,
                          "machine %d: %s %u", i, renditions[r].name.text, n);
    cr_expect(memcmp(&shared[0][0][1], &shared[0][0][2], sizeof(struct hash)) != 0);
    munmap(shared, sizeof(results) * MACHINES);
}

/* ---- prints ---------------------------------------------------------------------------------- */

Test(media_segment, a_print_changes_with_source_and_rendition) {
    cr_assert_neq(sodium_init(), -1);
    const struct source_digest one = {{1}}, two = {{2}};
    for (size_t r = 0; r < RENDITIONS; r++) {
        struct rendition other = renditions[r];
        char a[MEDIA_PRINT_LEN + 1], b[MEDIA_PRINT_LEN + 1];
        cr_assert_eq(media_print(a, &renditions[r], &one, 0, NULL), ERR_OK);
        cr_assert_eq(media_print(b, &renditions[r], &one, 0, NULL), ERR_OK);
        cr_expect_str_eq(a, b);
        cr_expect_eq(strlen(a), MEDIA_PRINT_LEN);
        cr_assert_eq(media_print(b, &renditions[r], &two, 0, NULL), ERR_OK);
        cr_expect_str_neq(a, b);
        other.bitrate_bps += 400;
        cr_assert_eq(media_print(b, &other, &one, 0, NULL), ERR_OK);
        cr_expect_str_neq(a, b);
        name_set(&other.name, "elsewise");
        cr_assert_eq(media_print(a, &other, &one, 0, NULL), ERR_OK);
        cr_expect_str_eq(a, b);
        cr_assert_eq(media_print(b, &other, &one, 3, NULL), ERR_OK);
        cr_expect_str_neq(a, b, "a channel's times are others");
    }
}
