/*
 * Which recordings are plain: the others are FFmpeg's to read, or to refuse.
 */
#include "media_fixture.h"
#include "transcoder/media/plain.h"

#define DATA_BYTES 3200

struct row {
    const char *what;
    size_t at;     /* [bytes] where the file is changed … */
    uint8_t to[9]; /* … and to what */
    size_t len;
    bool plain;
};

static const uint8_t good[44] =
    "RIFF\244\014\0\0WAVEfmt \20\0\0\0\1\0\1\0\100\37\0\0\200\76\0\0\2\0\20\0"
    "data\200\014\0";

static bool is_plain(const uint8_t *file, size_t len, struct media_plain *facts) {
    char path[FIXTURE_PATH_LEN_MAX + 1];
    struct media_input *in;
    fixture_path(path, "plain.wav");
    fixture_file(path, file, len);
    cr_assert_eq(media_input_open(&in, path, duration_s(1), NULL), ERR_OK);
    struct media_plain *p = media_plain_open(in);
    if (p != NULL)
        *facts = *p;
    else
        media_input_close(in);
    media_plain_close(p);
    unlink(path);
    return p != NULL;
}

Test(media_plain, what_is_told_without_doubt) {
    const struct row rows[] = {
        {"as it should be", 0, "R", 1, true},
        {"another magic", 0, "RIFX", 4, false},
        {"no WAVE", 8, "AVI ", 4, false},
        {"floats", 20, "\3", 1, false},
        {"a format that is told further on", 20, "\376\377", 2, false},
        {"no channel", 22, "\0", 1, false},
        {"three channels", 22, "\3", 1, false},
        {"blocks of another size", 32, "\4", 1, false},
        {"two channels in blocks of one", 22, "\2", 1, false},
        {"8 bits", 34, "\10", 1, false},
        {"11025 Hz", 24, "\21\53", 2, false},
        {"50 Hz", 24, "\62\0", 2, false},
        {"400 kHz", 24, "\200\32\6", 3, false},
        {"a longer format chunk", 16, "\22", 1, false},
        {"a chunk unknown here", 36, "cue ", 4, false},
        {"a list where the sound should be", 36, "LIST", 4, false},
        {"a size that was never filled in", 40, "\0\0\0\0", 4, false},
        {"likewise", 40, "\377\377\377\377", 4, false},
        {"half a sample", 40, "\177\14", 2, false},
        {"more than there is", 40, "\202\14", 2, false},
        {"less than there is", 40, "\176\14", 2, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t file[44 + DATA_BYTES] = {0};
        struct media_plain p;
        memcpy(file, good, sizeof good);
        memcpy(file + rows[i].at, rows[i].to, rows[i].len);
        cr_expect_eq(is_plain(file, sizeof file, &p), rows[i].plain, "%s", rows[i].what);
    }
}

Test(media_plain, chunks_before_the_sound) {
    static const uint8_t list[12] = "LIST\4\0\0\0abcd", odd[12] = "LIST\3\0\0\0abc";
    uint8_t file[44 + 12 + DATA_BYTES] = {0};
    struct media_plain p;
    memcpy(file, good, 36);
    memcpy(file + 36, list, 12);
    memcpy(file + 48, good + 36, 8);
    cr_assert(is_plain(file, sizeof file, &p));
    cr_expect_eq(p.data_at, 56);
    cr_expect_eq(p.samples, DATA_BYTES / 2);
    cr_expect_eq(p.rate_hz, 8000);
    cr_expect_eq(p.channels, 1);
    memcpy(file + 36, odd, 12);
    cr_expect(!is_plain(file, sizeof file, &p), "some writers pad, some do not");
}

Test(media_plain, every_truncation_is_left_to_ffmpeg) {
    uint8_t file[44 + DATA_BYTES] = {0};
    struct media_plain p;
    memcpy(file, good, sizeof good);
    cr_assert(is_plain(file, sizeof file, &p));
    for (size_t len = 0; len < sizeof file; len += len < 60 ? 1 : 101)
        cr_expect(!is_plain(file, len, &p), "%zu bytes", len);
}
