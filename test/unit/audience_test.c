#include "peerd/wire/audience.h"

#include <criterion/criterion.h>
#include <string.h>

static struct name name_of(const char *text) {
    struct name name;
    cr_assert(name_set(&name, text));
    return name;
}

static struct digest_entry entry_of(const char *place) {
    struct digest_entry e = {
        .usual_centi = 9200, .recent_centi = 6400, .spread_centi = 800, .reports = 9, .clients = 7};
    cr_assert(prefix_from_text(&e.location, place));
    return e;
}

Test(audience, a_word_travels) {
    static const char *const places[] = {"198.51.100.0/24", "2001:db8:7::/48"};
    const struct name film = name_of("film"), fra1 = name_of("fra1");
    for (size_t i = 0; i < 2; i++) {
        const struct digest_entry entry = entry_of(places[i]);
        uint8_t bytes[AUDIENCE_BLOCK_LEN_MAX];
        const struct audience_told told = {audience_way(&film, &fra1), 356, 1000, entry};
        struct audience_told heard;
        size_t len = audience_write(bytes, &told);
        cr_expect_eq(len, i == 0 ? 17u : 20u);
        cr_assert(audience_read(&heard, bytes, len));
        const struct digest_entry read = heard.fares;
        cr_expect_eq(heard.way, audience_way(&film, &fra1));
        cr_expect_eq(heard.leave_from, 356);
        cr_expect_eq(heard.leave_to, 1000);
        cr_expect_eq(memcmp(&read.location, &entry.location, sizeof(entry.location)), 0);
        cr_expect_eq(read.usual_centi, 9200);
        cr_expect_eq(read.recent_centi, 6400);
        cr_expect_eq(read.spread_centi, 800);
        cr_expect_eq(read.reports, 9);
        cr_expect_eq(read.clients, 7);
        for (size_t cut = 0; cut < len; cut++)
            cr_expect_not(audience_read(&heard, bytes, cut), "%zu of %zu", cut, len);
    }
}

Test(audience, what_is_none_is_refused_untouched) {
    const struct digest_entry two[] = {entry_of("198.51.100.0/24"), entry_of("203.0.113.0/24")};
    uint8_t bytes[6 + DIGEST_LEN_MAX] = {1, 2, 3, 4, 0, 250};
    struct audience_told read = {.way = 77};
    size_t written, len = digest_encode(bytes + 6, DIGEST_LEN_MAX, two, 2, &written);
    cr_assert_eq(written, 2u);
    cr_expect_not(audience_read(&read, bytes, 6 + len), "two places");
    len = digest_encode(bytes + 6, DIGEST_LEN_MAX, two, 0, &written);
    cr_expect_not(audience_read(&read, bytes, 6 + len), "none");
    len = digest_encode(bytes + 6, DIGEST_LEN_MAX, two, 1, &written);
    bytes[5] = 251;
    cr_expect_not(audience_read(&read, bytes, 6 + len), "lots beyond all");
    bytes[4] = 9, bytes[5] = 8;
    cr_expect_not(audience_read(&read, bytes, 6 + len), "lots that end before they begin");
    bytes[4] = 8, bytes[6] = 9;
    cr_expect_not(audience_read(&read, bytes, 6 + len), "another version");
    cr_expect_eq(read.way, 77u);
    bytes[6] = DIGEST_VERSION;
    cr_expect(audience_read(&read, bytes, 6 + len));
}

Test(audience, ways_are_told_apart) {
    const struct name film = name_of("film"), fra1 = name_of("fra1"), ams1 = name_of("ams1"),
                      news = name_of("news"), fi = name_of("fi"), lmfra1 = name_of("lmfra1");
    cr_expect_neq(audience_way(&film, &fra1), audience_way(&film, &ams1));
    cr_expect_neq(audience_way(&film, &fra1), audience_way(&news, &fra1));
    cr_expect_neq(audience_way(&film, &fra1), audience_way(&fra1, &film));
    cr_expect_neq(audience_way(&film, &fra1), audience_way(&fi, &lmfra1));
}
