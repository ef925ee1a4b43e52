#include "media_fixture.h"
#include "transcoder/media/digest.h"

#include <sodium.h>
#include <utime.h>

static const struct media_source_options exact = {.class = SOURCE_CLASS_EXACT};

struct progress {
    uint64_t done, total;
    int calls, stop_after;
};

static bool note(void *context, uint64_t bytes_done, uint64_t bytes_total) {
    struct progress *p = context;
    p->done = bytes_done;
    p->total = bytes_total;
    return ++p->calls != p->stop_after;
}

Test(media_digest, is_blake2b_128_of_the_bytes) {
    char path[FIXTURE_PATH_LEN_MAX + 1];
    fixture_wav(fixture_path(path, "d.wav"), 8000, 1, 100001);
    static uint8_t file[300000];
    FILE *f = fopen(path, "rb");
    size_t len = fread(file, 1, sizeof file, f);
    fclose(f);
    uint8_t expected[DIGEST_BYTES];
    crypto_generichash(expected, sizeof expected, file, len, NULL, 0);
    struct media_digest d;
    struct progress p = {0};
    cr_assert_eq(media_digest_compute(&d, path, &exact, note, &p, NULL), ERR_OK);
    cr_expect_arr_eq(d.digest.bytes, expected, sizeof expected);
    cr_expect_eq(d.facts.duration_frames, 626);
    cr_expect_eq(p.done, len);
    cr_expect_eq(p.total, len);
    cr_expect_gt(p.calls, 1);
    unlink(path);
}

Test(media_digest, can_be_stopped) {
    char path[FIXTURE_PATH_LEN_MAX + 1];
    fixture_wav(fixture_path(path, "stop.wav"), 8000, 1, 100000);
    struct media_digest d;
    struct progress p = {.stop_after = 1};
    cr_expect_eq(media_digest_compute(&d, path, &exact, note, &p, NULL), ERR_TIMEOUT);
    cr_expect_eq(p.calls, 1);
    unlink(path);
}

Test(media_digest, a_changed_file_is_noticed) {
    char path[FIXTURE_PATH_LEN_MAX + 1], other[FIXTURE_PATH_LEN_MAX + 1];
    struct media_digest d;
    fixture_wav(fixture_path(path, "c.wav"), 8000, 1, 8000);
    fixture_wav(fixture_path(other, "o.wav"), 8000, 1, 8000);
    cr_assert_eq(media_digest_compute(&d, path, &exact, NULL, NULL, NULL), ERR_OK);
    cr_expect(media_digest_is_current(&d, path));
    cr_assert_eq(utime(path, &(struct utimbuf){1, 1}), 0);
    cr_expect(!media_digest_is_current(&d, path), "touched");
    cr_assert_eq(media_digest_compute(&d, path, &exact, NULL, NULL, NULL), ERR_OK);
    cr_assert_eq(rename(other, path), 0);
    cr_expect(!media_digest_is_current(&d, path), "replaced");
    unlink(path);
    cr_expect(!media_digest_is_current(&d, path), "gone");
}

Test(media_digest, refuses_what_a_source_refuses) {
    char path[FIXTURE_PATH_LEN_MAX + 1];
    struct media_digest d;
    struct media_why why = {""};
    cr_expect_eq(media_digest_compute(&d, "/nonexistent.wav", &exact, NULL, NULL, &why),
                 ERR_SOURCE_FAILED);
    cr_expect(why.text[0] != '\0');
    fixture_file(fixture_path(path, "t.wav"), "RIFF", 4);
    cr_expect_neq(media_digest_compute(&d, path, &exact, NULL, NULL, NULL), ERR_OK);
    unlink(path);
}
