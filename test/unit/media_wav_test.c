#include "media_fixture.h"

#include <sys/stat.h>

static uint32_t get_u32(const uint8_t *at) {
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static size_t read_file(const char *path, uint8_t *out, size_t size) {
    FILE *f = fopen(path, "rb");
    cr_assert_not_null(f);
    size_t got = fread(out, 1, size, f);
    fclose(f);
    return got;
}

Test(media_wav, header_says_what_there_is) {
    char path[FIXTURE_PATH_LEN_MAX + 1];
    struct media_wav *w;
    uint8_t file[64];
    cr_assert_eq(media_wav_create(&w, fixture_path(path, "h.wav"), 16000, 2, NULL), ERR_OK);
    cr_assert_eq(media_wav_write(w, (int16_t[]){1, -1, 0x1234, 0}, 4), ERR_OK);
    cr_assert_eq(media_wav_close(w), ERR_OK);
    cr_assert_eq(read_file(path, file, sizeof file), 52);
    cr_expect_arr_eq(file, "RIFF", 4);
    cr_expect_eq(get_u32(file + 4), 52 - 8);
    cr_expect_arr_eq(file + 8, "WAVEfmt ", 8);
    cr_expect_eq(get_u32(file + 20), 1 | 2u << 16);
    cr_expect_eq(get_u32(file + 24), 16000);
    cr_expect_eq(get_u32(file + 28), 64000);
    cr_expect_eq(get_u32(file + 32), 4 | 16u << 16);
    cr_expect_eq(get_u32(file + 40), 8);
    cr_expect_arr_eq(file + 44, ((uint8_t[]){1, 0, 0xff, 0xff, 0x34, 0x12, 0, 0}), 8);
    unlink(path);
}

/* A writer that is killed never closes: what is on disk must open, and lack a second at most. */
Test(media_wav, can_be_read_at_any_moment) {
    char path[FIXTURE_PATH_LEN_MAX + 1];
    struct media_wav *w;
    int16_t frame[160] = {0};
    cr_assert_eq(media_wav_create(&w, fixture_path(path, "k.wav"), 8000, 1, NULL), ERR_OK);
    for (uint32_t n = 1; n <= 180; n++) {
        uint8_t header[44];
        struct stat st;
        cr_assert_eq(media_wav_write(w, frame, 160), ERR_OK);
        read_file(path, header, sizeof header);
        cr_assert_eq(stat(path, &st), 0);
        uint32_t told = get_u32(header + 40);
        cr_assert_eq(get_u32(header + 4), told + 36);
        cr_assert_leq(44 + told, (uint32_t)st.st_size, "it never says more than there is");
        cr_assert_gt(told + 16000, n * 320, "frame %u: %u bytes told", n, told);
    }
    cr_assert_eq(media_wav_close(w), ERR_OK);
    unlink(path);
}

Test(media_wav, failures_are_told) {
    struct media_wav *w;
    struct media_why why = {""};
    cr_expect_eq(media_wav_create(&w, "/nonexistent/a.wav", 8000, 1, &why), ERR_IO);
    cr_expect(strstr(why.text, "No such file") != NULL, "%s", why.text);
    cr_expect_null(w);
    cr_expect_eq(media_wav_close(w), ERR_OK);
    if (access("/dev/full", W_OK) == 0)
        cr_expect_eq(media_wav_create(&w, "/dev/full", 8000, 1, NULL), ERR_IO);
}
