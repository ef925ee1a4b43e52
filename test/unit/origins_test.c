#include "peerd/wire/origins.h"

#include <criterion/criterion.h>
#include <string.h>

static struct description_origin origin(const char *name, const char *url, bool live,
                                        bool healthy) {
    struct description_origin o = {.live = live, .healthy = healthy};
    name_set(&o.name, name);
    strcpy(o.url, url);
    return o;
}

Test(origins, a_word_is_of_one_list) {
    const struct description_origin list[] = {origin("film", "https://x/m.m3u8", false, true),
                                              origin("news", "https://x/n.m3u8", true, false)};
    const struct {
        const char *what;
        struct description_origin list[2];
        size_t count;
        bool same;
    } rows[] = {
        {"the same", {list[0], list[1]}, 2, true},
        {"another is ill", {origin("film", "https://x/m.m3u8", false, false), list[1]}, 2, true},
        {"turned around", {list[1], list[0]}, 2, false},
        {"one less", {list[0]}, 1, false},
        {"another name", {origin("movi", "https://x/m.m3u8", false, true), list[1]}, 2, false},
        {"another URL", {origin("film", "https://y/m.m3u8", false, true), list[1]}, 2, false},
        {"live", {origin("film", "https://x/m.m3u8", true, true), list[1]}, 2, false},
    };
    uint32_t check = origins_check(list, 2);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect_eq(origins_check(rows[i].list, rows[i].count) == check, rows[i].same, "%s",
                     rows[i].what);
    struct origins_word word = origins_word_of(list, 2);
    cr_expect_eq(word.check, check);
    cr_expect_eq(word.ill, 2);
}

Test(origins, a_block_has_one_layout) {
    static const uint8_t bytes[ORIGINS_BLOCK_LEN + 1] = {0x12, 0x34, 0x56, 0x78, 0x80, 0x01, 0};
    const struct origins_word word = {0x12345678, 0x8001};
    struct origins_word out = {7, 7};
    uint8_t written[ORIGINS_BLOCK_LEN];
    origins_write(written, &word);
    cr_expect_eq(memcmp(written, bytes, sizeof(written)), 0);
    cr_expect_not(origins_read(&out, bytes, ORIGINS_BLOCK_LEN - 1));
    cr_expect_not(origins_read(&out, bytes, ORIGINS_BLOCK_LEN + 1));
    cr_expect(out.check == 7 && out.ill == 7, "untouched");
    cr_assert(origins_read(&out, bytes, ORIGINS_BLOCK_LEN));
    cr_expect(out.check == word.check && out.ill == word.ill);
}
