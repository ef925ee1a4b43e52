#include "peerd/wire/digest.h"

#include <criterion/criterion.h>
#include <string.h>

static struct digest_entry entry_at(const char *location) {
    struct digest_entry e = {.usual_centi = 9100,
                             .recent_centi = 6250,
                             .spread_centi = 475,
                             .reports = 14,
                             .clients = 20};
    cr_assert(prefix_from_text(&e.location, location), "%s", location);
    return e;
}

Test(digest, what_is_told_arrives) {
    const struct digest_entry told[] = {entry_at("203.0.113.0/24"), entry_at("2001:db8:7::/48"),
                                        entry_at("10.16.0.0/12"), entry_at("0.0.0.0/0")};
    struct digest_entry heard[DIGEST_ENTRIES_MAX];
    uint8_t bytes[DIGEST_LEN_MAX];
    size_t written, count;
    size_t len = digest_encode(bytes, sizeof(bytes), told, 4, &written);
    cr_assert_eq(written, 4);
    cr_expect_eq(len, 2 + 9 + 12 + 8 + 6);
    cr_assert_eq(digest_decode(heard, &count, bytes, len), ERR_OK);
    cr_assert_eq(count, 4);
    for (size_t i = 0; i < count; i++)
        cr_expect_eq(memcmp(&heard[i], &told[i], sizeof(told[i])), 0, "entry %zu", i);
}

Test(digest, figures_are_rounded_and_clients_never_up) {
    struct digest_entry e = entry_at("203.0.113.0/24"), heard[DIGEST_ENTRIES_MAX];
    uint8_t bytes[DIGEST_LEN_MAX];
    size_t written, count;
    e.usual_centi = 9124;
    e.recent_centi = 65535;
    e.spread_centi = 65535;
    e.reports = e.clients = 1003;
    size_t len = digest_encode(bytes, sizeof(bytes), &e, 1, &written);
    cr_assert_eq(digest_decode(heard, &count, bytes, len), ERR_OK);
    cr_expect_eq(heard[0].usual_centi, 9100);
    cr_expect_eq(heard[0].recent_centi, 10000);
    cr_expect_eq(heard[0].spread_centi, 6375);
    cr_expect(heard[0].clients <= 1003 && heard[0].clients > 930, "%u", heard[0].clients);
}

Test(digest, it_takes_no_more_than_it_is_given) {
    struct digest_entry many[DIGEST_ENTRIES_MAX];
    uint8_t bytes[DIGEST_LEN_MAX];
    size_t written;
    for (size_t i = 0; i < DIGEST_ENTRIES_MAX; i++)
        many[i] = entry_at("203.0.113.0/24");
    cr_expect_eq(digest_encode(bytes, 100, many, DIGEST_ENTRIES_MAX, &written), 92);
    cr_expect_eq(written, 10);
    cr_expect_eq(digest_encode(bytes, 10, many, DIGEST_ENTRIES_MAX, &written), 0);
    cr_expect_eq(written, 0);
    cr_expect_leq(digest_encode(bytes, 60000, many, DIGEST_ENTRIES_MAX, &written), DIGEST_LEN_MAX);
}

/* Nothing but what was encoded is accepted, and a refusal touches nothing. */
Test(digest, what_is_wrong_is_refused) {
    static const struct {
        const char *what;
        size_t at; /* this byte … */
        int value; /* … becomes this; −1: the digest ends before it */
        enum err err;
    } rows[] = {
        {"empty", 0, -1, ERR_TRUNCATED},
        {"another version", 0, 2, ERR_BAD_VERSION},
        {"no entries", 1, 0, ERR_BAD_FIELD},
        {"more entries than there are", 1, 2, ERR_TRUNCATED},
        {"too many entries", 1, 65, ERR_BAD_FIELD},
        {"a prefix too long", 2, 33, ERR_BAD_FIELD},
        {"a host of IPv6", 2, 0x80 | 65, ERR_BAD_FIELD},
        {"bits beyond the prefix", 2, 20, ERR_BAD_FIELD},
        {"a rating beyond all", 6, 201, ERR_BAD_FIELD},
        {"cut off", 10, -1, ERR_TRUNCATED},
    };
    struct digest_entry e = entry_at("203.0.113.0/24"), heard[DIGEST_ENTRIES_MAX], before;
    memset(heard, 0x55, sizeof(heard));
    before = heard[0];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t bytes[DIGEST_LEN_MAX];
        size_t written, count = 77, len = digest_encode(bytes, sizeof(bytes), &e, 1, &written);
        if (rows[i].value < 0)
            len = rows[i].at;
        else
            bytes[rows[i].at] = (uint8_t)rows[i].value;
        cr_expect_eq(digest_decode(heard, &count, bytes, len), rows[i].err, "%s", rows[i].what);
        cr_expect(count == 77 && memcmp(heard, &before, sizeof(before)) == 0, "%s", rows[i].what);
    }
    uint8_t longer[DIGEST_LEN_MAX] = {0};
    size_t written, count, len = digest_encode(longer, sizeof(longer), &e, 1, &written);
    cr_expect_eq(digest_decode(heard, &count, longer, len + 1), ERR_BAD_FIELD, "something more");
}
