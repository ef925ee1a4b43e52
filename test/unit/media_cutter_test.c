/* What comes in is cut into chunks, and of each chunk a segment is made as of the whole. */
#include "transcoder/media/cutter.h"
#include "transcoder/media/ingest.h"
#include "transcoder/media/pictures.h"
#include "transcoder/media/segment.h"
#include "transcoder/media/source.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RATE     48000
#define PER_FILE 323 /* [frames of 20 ms] 6.46 s */

static char folder[] = "/tmp/peerd-cutter-XXXXXX";
static char came[64], torn[64], whole[64], chunk[64];

/* Sound that never repeats, pictures that all differ; and the same without its seventh second of
 * sound, time stamps as they were. */
static void make_recordings(void) {
    char command[1024];
    cr_assert(mkdtemp(folder) != NULL);
    snprintf(came, sizeof(came), "%s/came.mkv", folder);
    snprintf(torn, sizeof(torn), "%s/torn.mkv", folder);
    snprintf(whole, sizeof(whole), "%s/whole.mp4", folder);
    snprintf(chunk, sizeof(chunk), "%s/chunk.mp4", folder);
    snprintf(command, sizeof(command),
             "ffmpeg -v error -nostdin -f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i "
             "'aevalsrc=0.3*sin(300*t*t)|0.3*sin(200*t*t+t):s=48000' -t 15 -c:v libx264 -preset "
             "ultrafast -crf 10 -g 50 -bf 2 -pix_fmt yuv420p -c:a pcm_s16le %s && ffmpeg -v error "
             "-nostdin -i %s -af \"aselect='not(between(t,6,7))'\" -c:v copy -c:a pcm_s16le %s",
             came, came, torn);
    cr_assert_eq(system(command), 0, "ffmpeg makes no recording");
}

static void remove_recordings(void) {
    char command[96];
    snprintf(command, sizeof(command), "rm -r %s", folder);
    cr_expect_eq(system(command), 0);
}

TestSuite(media_cutter, .init = make_recordings, .fini = remove_recordings);

static struct media_why why;

/* Stands so that samples of the feed are those of the recording. */
static struct media_cutter *open_cutter(const char *from, struct media_cut *cut) {
    struct media_cutter *c;
    int64_t over;
    cr_assert_eq(media_cutter_open(&c, from, &why), ERR_OK, "%s", why.text);
    cr_assert_eq(media_cutter_begin(c, 0, 0, cut, &over, &why), ERR_OK, "%s", why.text);
    cr_assert(over > 0 && over < RATE);
    media_cutter_place(c, over);
    return c;
}

/* Into the file `chunk`; false at the end. */
static bool next_chunk(struct media_cutter *c, uint32_t *number) {
    struct media_bytes bytes;
    enum err e = media_cutter_next(c, number, &bytes, &why);
    if (e == ERR_SOURCE_ENDED)
        return false;
    cr_assert_eq(e, ERR_OK, "%s", why.text);
    FILE *f = fopen(chunk, "w");
    cr_assert(f != NULL && fwrite(bytes.data, 1, bytes.len, f) == bytes.len && fclose(f) == 0);
    media_bytes_free(&bytes);
    return true;
}

static struct media_bytes segment_of(const char *location, bool is_chunk, uint64_t ms,
                                     enum rendition_codec codec, uint32_t number) {
    const struct media_segment_source source = {.location = location,
                                                .class = SOURCE_CLASS_EXACT,
                                                .facts = {ms, 320, 180},
                                                .chunk = is_chunk};
    struct rendition r = {.codec = codec, .bitrate_bps = 96000};
    struct media_bytes out = {0};
    r.channels = rendition_is_sound(&r) ? 2 : 0;
    r.height = rendition_is_sound(&r) ? 0 : 180;
    r.fps = rendition_is_sound(&r) ? 0 : 25;
    cr_assert_eq(media_segment_make(&out, &source, &r, number, &why), ERR_OK, "%s", why.text);
    return out;
}

static bool same_bytes(struct media_bytes a, struct media_bytes b) {
    bool same = a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
    media_bytes_free(&a);
    media_bytes_free(&b);
    return same;
}

static uint64_t ingest_whole(void) {
    const struct media_ingest order = {.from = came, .to = whole};
    struct media_ingested made;
    cr_assert_eq(media_ingest(&made, &order, &why), ERR_OK, "%s", why.text);
    return made.duration_ms;
}

/* What a listener hears over the joints of segments is what he would hear of the whole. */
Test(media_cutter, sound_of_a_chunk_is_as_of_the_whole) {
    struct media_cut cut;
    struct media_cutter *c = open_cutter(came, &cut);
    uint64_t ms = ingest_whole();
    uint32_t number, expected = 1;
    cr_expect(cut.width == 320 && cut.height == 180 && cut.fps == 25);
    for (; next_chunk(c, &number); expected++) {
        cr_assert_eq(number, expected);
        cr_expect(same_bytes(segment_of(chunk, true, 6460, RENDITION_AAC, number),
                             segment_of(whole, false, ms, RENDITION_AAC, number)),
                  "AAC of number %u", number);
        cr_expect(same_bytes(segment_of(chunk, true, 6460, RENDITION_AAC, SEGMENT_INIT),
                             segment_of(whole, false, ms, RENDITION_AAC, SEGMENT_INIT)));
        cr_expect(same_bytes(segment_of(chunk, true, 6460, RENDITION_OPUS, number),
                             segment_of(chunk, true, 6460, RENDITION_OPUS, number)));
        cr_expect(same_bytes(segment_of(chunk, true, 6460, RENDITION_H264, number),
                             segment_of(chunk, true, 6460, RENDITION_H264, number)));
    }
    cr_expect_eq(expected, 4, "numbers 1 to 3 are whole in 15 s");
    media_cutter_close(c);
}

Test(media_cutter, what_was_torn_out_is_silence_and_nothing_is_moved) {
    struct media_cut cut;
    struct media_cutter *c = open_cutter(torn, &cut);
    uint64_t ms = ingest_whole();
    uint32_t number = 0;
    while (next_chunk(c, &number))
        cr_expect_eq(same_bytes(segment_of(chunk, true, 6460, RENDITION_AAC, number),
                                segment_of(whole, false, ms, RENDITION_AAC, number)),
                     number == 3, "number %u", number);
    cr_expect_eq(number, 3);
    media_cutter_close(c);
}

static double differ(const AVFrame *a, const AVFrame *b) {
    double sum = 0;
    for (int y = 0; y < 180; y++)
        for (int x = 0; x < 320; x++)
            sum += abs(a->data[0][y * a->linesize[0] + x] - b->data[0][y * b->linesize[0] + x]);
    return sum / (320 * 180);
}

/* Each picture of the segment is the recording's, the first needs no other. */
Test(media_cutter, pictures_are_where_they_belong) {
    struct media_cut cut;
    struct media_cutter *c = open_cutter(came, &cut);
    struct media_pictures *of_whole, *of_chunk;
    const AVFrame *there, *here;
    uint32_t number;
    (void)ingest_whole();
    cr_assert(next_chunk(c, &number) && next_chunk(c, &number));
    media_cutter_close(c);
    cr_assert_eq(media_pictures_open(&of_whole, whole, SOURCE_CLASS_EXACT, DURATION_ZERO, &why),
                 ERR_OK);
    cr_assert_eq(media_pictures_open(&of_chunk, chunk, SOURCE_CLASS_EXACT, DURATION_ZERO, &why),
                 ERR_OK, "%s", why.text);
    cr_assert_eq(media_pictures_seek(of_chunk, 80, 25, &why), ERR_OK);
    cr_expect_eq(of_chunk->decoded, 1);
    cr_assert_eq(media_pictures_seek(of_whole, 160, 25, &why), ERR_OK);
    for (uint64_t k = 0; k < 80; k++) {
        cr_assert_eq(media_pictures_at(of_chunk, 80 + k, 25, &here, &why), ERR_OK);
        cr_assert_eq(media_pictures_at(of_whole, 160 + k, 25, &there, &why), ERR_OK);
        cr_expect_lt(differ(here, there), 1.5, "picture %lu: %g", (unsigned long)k,
                     differ(here, there));
    }
    media_pictures_close(of_whole);
    media_pictures_close(of_chunk);
}

/* 100 ms of sound from 5.9 s on, which is 2.7 s after chunk 2 begins. */
static void listen(int32_t stretch, int16_t out[RATE / 5 * 2]) {
    const struct media_source_options exact = {.class = SOURCE_CLASS_EXACT};
    struct media_cut cut;
    struct media_cutter *c = open_cutter(came, &cut);
    struct media_source *s;
    uint32_t number = 0;
    media_cutter_stretch(c, stretch);
    while (number < 2)
        cr_assert(next_chunk(c, &number));
    media_cutter_close(c);
    cr_assert_eq(media_source_open(&s, chunk, &exact, RATE, 2, &why), ERR_OK, "%s", why.text);
    cr_expect_eq(media_source_facts(s)->duration_frames, PER_FILE);
    cr_assert_eq(media_source_seek(s, 135), ERR_OK);
    for (int i = 0; i < 10; i++)
        cr_assert_eq(media_source_read(s, out + (ptrdiff_t)i * RATE / 50 * 2), ERR_OK);
    media_source_close(s);
}

/* So many samples later than it was. */
static int shifted(const int16_t *a, const int16_t *b) {
    double best = -1;
    int at = 0;
    for (int lag = -400; lag <= 400; lag++) {
        double sum = 0;
        for (int i = 500; i < RATE / 5 - 500; i++)
            sum += (double)a[i * 2] * b[(i + lag) * 2];
        if (sum > best)
            best = sum;
        else
            continue;
        at = lag;
    }
    return at;
}

Test(media_cutter, sound_is_stretched_by_as_much_as_is_said) {
    static int16_t calm[RATE / 5 * 2], longer[RATE / 5 * 2], shorter[RATE / 5 * 2];
    listen(0, calm);
    listen(150, longer);
    listen(-150, shorter);
    cr_expect(abs(shifted(calm, longer) - 150) <= 20, "%d", shifted(calm, longer));
    cr_expect(abs(shifted(calm, shorter) + 150) <= 20, "%d", shifted(calm, shorter));
}

Test(media_cutter, what_is_moved_on_begins_with_a_whole_segment) {
    struct media_cut cut;
    struct media_cutter *c = open_cutter(came, &cut);
    uint32_t number;
    cr_assert(next_chunk(c, &number));
    media_cutter_place(c, 101 * INT64_C(153600) + 1);
    cr_assert(next_chunk(c, &number));
    cr_expect_eq(number, 102);
    media_cutter_close(c);
}

Test(media_cutter, what_cannot_be) {
    struct media_cutter *c;
    struct media_cut cut;
    int64_t over;
    cr_expect_eq(media_cutter_open(&c, "/nowhere/x.nut", &why), ERR_SOURCE_FAILED);
    cr_expect(c == NULL && strstr(why.text, "No such file") != NULL, "%s", why.text);
    cr_assert_eq(media_cutter_open(&c, came, &why), ERR_OK);
    cr_expect_eq(media_cutter_begin(c, 181, 0, &cut, &over, &why), ERR_UNSUPPORTED);
    media_cutter_close(c);
}
