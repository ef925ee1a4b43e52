/* What comes in is taken for what its index says it is, or not at all. */
#include "transcoder/worker/chunks.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/peerd-chunks-XXXXXX";
static char index_path[64];
static const char content[] = "all that there is of it";

static void put(const char *name, const char *text, size_t len) {
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    cr_assert(f != NULL && fwrite(text, 1, len, f) == len && fclose(f) == 0);
}

static void make_feed(void) {
    cr_assert(sodium_init() >= 0 && mkdtemp(folder) != NULL);
    snprintf(index_path, sizeof(index_path), "%s/%s", folder, INCOMING_INDEX);
    put("7.mp4", content, strlen(content));
    put("8.mp4", content, strlen(content) - 1);
    put("9.mp4", "all that there is of if", strlen(content));
    put("10.mp4", "all that there is of it and more", strlen(content) + 9);
}

static void remove_feed(void) {
    char command[96];
    snprintf(command, sizeof(command), "rm -r %s", folder);
    cr_expect_eq(system(command), 0);
}

TestSuite(chunks, .init = make_feed, .fini = remove_feed);

static struct incoming_chunk told(uint32_t number) {
    struct incoming_chunk c = {.number = number, .bytes = (uint32_t)strlen(content)};
    crypto_generichash(c.hash, sizeof(c.hash), (const uint8_t *)content, strlen(content), NULL, 0);
    return c;
}

Test(chunks, bytes_are_those_that_are_told_of) {
    static const struct {
        const char *what;
        uint32_t number;
        enum err e;
    } rows[] = {{"as told", 7, ERR_OK},
                {"one byte less", 8, ERR_SOURCE_DIFFERS},
                {"one other byte", 9, ERR_SOURCE_DIFFERS},
                {"more", 10, ERR_OVERSIZED},
                {"none", 11, ERR_SOURCE_FAILED}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct incoming_chunk c = told(rows[i].number);
        struct media_why why = {.text = ""};
        int fd = 0;
        cr_expect_eq(chunks_get(&fd, index_path, &c, &why), rows[i].e, "%s: %s", rows[i].what,
                     why.text);
        cr_expect((fd > 0) == (rows[i].e == ERR_OK) && (fd > 0) == (why.text[0] == '\0'), "%s",
                  rows[i].what);
        char found[64] = "";
        if (fd > 0)
            cr_expect(pread(fd, found, sizeof(found), 0) == (ssize_t)strlen(content) &&
                      strcmp(found, content) == 0);
        if (fd > 0)
            close(fd);
    }
}

Test(chunks, an_index_is_read_whole_or_not) {
    struct incoming in = {.since_ms = 1795305600000, .late_ms = INCOMING_LATE_MS}, found;
    struct media_why why = {.text = ""};
    char text[INCOMING_TEXT_MAX + 8];
    size_t len;
    uint32_t gone;
    cr_expect_eq(chunks_index(&found, index_path, &why), ERR_SOURCE_FAILED);
    for (uint32_t n = 0; n < INCOMING_CHUNKS_MAX; n++) {
        const struct incoming_chunk c = told(n);
        incoming_add(&in, &c, &gone);
    }
    cr_assert_eq(incoming_write(text, sizeof(text), &len, &in), ERR_OK);
    put(INCOMING_INDEX, text, len);
    cr_assert_eq(chunks_index(&found, index_path, &why), ERR_OK, "%s", why.text);
    cr_expect(found.count == INCOMING_CHUNKS_MAX && found.chunks[63].number == 63);
    put(INCOMING_INDEX, text, len - 1);
    cr_expect_eq(chunks_index(&found, index_path, &why), ERR_BAD_FIELD);
    memset(text, 'x', sizeof(text));
    put(INCOMING_INDEX, text, INCOMING_TEXT_MAX + 1);
    cr_expect_eq(chunks_index(&found, index_path, &why), ERR_OVERSIZED);
}
