/* A recording that no cluster could serve exactly, and what ingest makes of it. */
#include "transcoder/media/ingest.h"
#include "transcoder/media/pictures.h"
#include "transcoder/media/segment.h"
#include "transcoder/media/source.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SAMPLES (RENDITION_RATE_HZ / MEDIA_FRAMES_PER_S * 2)

static char folder[] = "/tmp/peerd-ingest-XXXXXX";
static char film[64], sound[64], a[64], b[64];

/* Odd in all ways: 29.97 pictures a second with open groups of them, an odd size, wide pixels, MP3
 * at 44.1 kHz in Matroska. */
static void make_recordings(void) {
    char command[768];
    cr_assert(mkdtemp(folder) != NULL);
    snprintf(film, sizeof(film), "%s/film.mkv", folder);
    snprintf(sound, sizeof(sound), "%s/sound.ogg", folder);
    snprintf(a, sizeof(a), "%s/a.mp4", folder);
    snprintf(b, sizeof(b), "%s/b.mp4", folder);
    snprintf(
        command, sizeof(command),
        "ffmpeg -v error -nostdin -f lavfi -i testsrc2=size=174x98:rate=30000/1001 -f lavfi -i "
        "sine=frequency=440:sample_rate=44100 -t 7 -vf setsar=4/3 -c:v libx264 -preset "
        "ultrafast -bf 3 -g 250 -x264-params open-gop=1 -pix_fmt yuv420p -c:a libmp3lame %s && "
        "ffmpeg -v error -nostdin -i %s -map 0:a -c:a libvorbis %s",
        film, film, sound);
    cr_assert_eq(system(command), 0, "ffmpeg makes no recording");
}

static void remove_recordings(void) {
    char command[96];
    snprintf(command, sizeof(command), "rm -r %s", folder);
    cr_expect_eq(system(command), 0);
}

TestSuite(media_ingest, .init = make_recordings, .fini = remove_recordings);

static struct media_ingested ingest(const char *from, const char *to, uint32_t height) {
    const struct media_ingest order = {.from = from, .to = to, .height = height};
    struct media_ingested made;
    struct media_why why = {.text = ""};
    cr_assert_eq(media_ingest(&made, &order, &why), ERR_OK, "%s", why.text);
    return made;
}

static bool same_bytes(const char *one, const char *other) {
    char command[192];
    snprintf(command, sizeof(command), "cmp -s %s %s", one, other);
    return system(command) == 0;
}

/* Sound from anywhere is sound from the beginning. */
static void check_sound(const char *path, uint64_t frames) {
    const struct media_source_options exact = {.class = SOURCE_CLASS_EXACT};
    struct media_source *whole, *part;
    static int16_t expect[400][SAMPLES];
    int16_t found[SAMPLES];
    struct media_why why = {.text = ""};
    cr_assert_eq(media_source_open(&whole, path, &exact, RENDITION_RATE_HZ, 2, &why), ERR_OK, "%s",
                 why.text);
    cr_assert_eq(media_source_open(&part, path, &exact, RENDITION_RATE_HZ, 2, &why), ERR_OK);
    cr_expect_eq(media_source_facts(whole)->duration_frames, frames);
    for (uint64_t i = 0; i < frames; i++)
        cr_assert_eq(media_source_read(whole, expect[i]), ERR_OK);
    for (uint64_t i = frames; i-- > 0; i -= i > 6 ? 6 : i) {
        cr_assert_eq(media_source_seek(part, i), ERR_OK);
        cr_assert_eq(media_source_read(part, found), ERR_OK);
        cr_assert(memcmp(found, expect[i], sizeof(found)) == 0, "frame %lu", (unsigned long)i);
    }
    media_source_close(whole);
    media_source_close(part);
}

/* Each segment begins with a picture that needs no other: nothing is decoded before it. */
static void check_pictures(const char *path) {
    struct media_pictures *p;
    const AVFrame *shown;
    cr_assert_eq(media_pictures_open(&p, path, SOURCE_CLASS_EXACT, DURATION_ZERO, NULL), ERR_OK);
    for (uint64_t k = 0; k < 175; k += 80) {
        cr_assert_eq(media_pictures_seek(p, k, 25, NULL), ERR_OK);
        cr_expect_eq(p->decoded, 1, "picture %lu: %u decoded", (unsigned long)k, p->decoded);
        cr_assert_eq(media_pictures_at(p, k, 25, &shown, NULL), ERR_OK);
        cr_expect(shown->key_frame && shown->pict_type == AV_PICTURE_TYPE_I);
    }
    media_pictures_close(p);
}

Test(media_ingest, twice_the_same_and_exact) {
    struct rendition_source facts;
    struct media_why why = {.text = ""};
    cr_expect_neq(media_segment_facts(&facts, film, SOURCE_CLASS_EXACT, DURATION_ZERO, &why),
                  ERR_OK, "it was exact already");
    struct media_ingested made = ingest(film, a, 0);
    ingest(film, b, 0);
    cr_expect(same_bytes(a, b));
    cr_expect(made.width == 232 && made.height == 98 && made.fps == 25, "%ux%u", made.width,
              made.height);
    cr_expect_geq(made.duration_ms, 6980);
    cr_expect_leq(made.duration_ms, 7060);
    cr_assert_eq(media_segment_facts(&facts, a, SOURCE_CLASS_EXACT, DURATION_ZERO, &why), ERR_OK,
                 "%s", why.text);
    cr_expect_eq(facts.duration_ms, made.duration_ms);
    cr_expect(facts.width == made.width && facts.height == made.height);
    check_sound(a, made.duration_ms / MEDIA_FRAME_MS);
    check_pictures(a);
    ingest(film, b, 64);
    cr_expect(!same_bytes(a, b));
}

Test(media_ingest, sound_alone) {
    struct media_ingested made = ingest(sound, a, 0);
    cr_expect(made.width == 0 && made.height == 0);
    check_sound(a, made.duration_ms / MEDIA_FRAME_MS);
}

Test(media_ingest, what_cannot_be) {
    static const struct {
        const char *from, *to;
        uint32_t height, fps;
        const char *why;
    } rows[] = {
        {"/nowhere/film.mkv", NULL, 0, 0, "No such file"},
        {NULL, "/nowhere/film.mp4", 0, 0, "/nowhere/film.mp4.part: No such file or directory"},
        {NULL, NULL, 97, 0, "97 lines at 25 pictures a second of 232x98: expected an even height"},
        {NULL, NULL, 720, 0, "expected a height that the recording has"},
        {NULL, NULL, 0, 24, "of which 3.2 s are a whole number"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct media_ingest order = {.from = rows[i].from != NULL ? rows[i].from : film,
                                           .to = rows[i].to != NULL ? rows[i].to : a,
                                           .height = rows[i].height,
                                           .fps = rows[i].fps};
        struct media_ingested made;
        struct media_why why = {.text = ""};
        cr_expect_neq(media_ingest(&made, &order, &why), ERR_OK);
        cr_expect(strstr(why.text, rows[i].why) != NULL, "%s, where \"%s\" was expected", why.text,
                  rows[i].why);
        cr_expect_neq(access(a, F_OK), 0, "half a file");
    }
}
