/*
 * What a worker believes its client of the round trips to others: forged, replayed, overtaken.
 */
#include "transcoder/timeline/probed.h"

#include "peerd/base/rng.h"
#include "test/unit/wire_samples.h"

#include <criterion/criterion.h>

#define CLIENT 9
#define ME     0x7a

struct told {
    uint8_t bytes[MESSAGE_LEN_MAX];
    size_t len;
};

static struct told tell(uint64_t counter, uint32_t rtt_us, uint8_t signer, uint8_t target) {
    struct key_pair pair = sample_pair(signer);
    struct message m = {.kind = MESSAGE_TRIPS, .nonce = counter};
    struct told out;
    m.u.trips = (struct message_trips){
        .counter = counter, .count = 1, .list = {{sample_hint(0x16), rtt_us, 8, 0, 0}}};
    m.u.trips.target = sample_hint(target);
    out.len = message_encode(out.bytes, sizeof(out.bytes), &m, &pair);
    cr_assert_gt(out.len, 0u);
    return out;
}

static enum err take(uint64_t *newest, const struct told *t) {
    struct key_pair client = sample_pair(CLIENT);
    struct key_hint me = sample_hint(ME);
    struct message m;
    enum err e = message_decode(&m, t->bytes, t->len);
    return e != ERR_OK ? e : probed_take_trips(newest, &m, &client.public_key, &me);
}

Test(probed, each_word_is_taken_once_and_none_after_a_newer_one) {
    struct told first = tell(5, 40000, CLIENT, ME), second = tell(6, 41000, CLIENT, ME),
                late = tell(7, 20000, CLIENT, ME), newer = tell(9, 42000, CLIENT, ME);
    uint64_t newest = 0;
    cr_expect_eq(take(&newest, &first), ERR_OK);
    cr_expect_eq(take(&newest, &first), ERR_REPLAYED, "the very same");
    cr_expect_eq(take(&newest, &second), ERR_OK);
    cr_expect_eq(take(&newest, &first), ERR_REPLAYED, "an old one");
    cr_expect_eq(take(&newest, &newer), ERR_OK, "one that was lost is missed by nobody");
    cr_expect_eq(take(&newest, &late), ERR_REPLAYED, "it was overtaken");
    for (int i = 0; i < 100; i++)
        cr_expect_neq(take(&newest, i % 2 ? &first : &newer), ERR_OK);
    cr_expect_eq(newest, 9u);
    struct told none = tell(0, 40000, CLIENT, ME);
    newest = 0;
    cr_expect_eq(take(&newest, &none), ERR_REPLAYED, "counters begin with 1");
}

/* Whoever cannot sign is not believed, and shuts nobody out by a counter beyond all. */
Test(probed, what_another_has_signed_changes_nothing) {
    static const struct {
        const char *what;
        uint8_t signer, target;
        enum err err;
    } rows[] = {
        {"another's key", 8, ME, ERR_BAD_SIGNATURE},
        {"for another cluster", CLIENT, 0x7b, ERR_FOREIGN},
        {"another's key, for another", 8, 0x7b, ERR_FOREIGN},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t newest = 3;
        struct told forged = tell(UINT64_MAX, 1, rows[i].signer, rows[i].target),
                    own = tell(4, 40000, CLIENT, ME);
        cr_expect_eq(take(&newest, &forged), rows[i].err, "%s", rows[i].what);
        cr_expect_eq(newest, 3u, "%s", rows[i].what);
        cr_expect_eq(take(&newest, &own), ERR_OK, "%s", rows[i].what);
    }
}

/* No bit of it can be changed on the way: round trip, counter, cluster, session or length. */
Test(probed, a_changed_word_is_no_word) {
    struct told whole = tell(5, 40000, CLIENT, ME);
    for (size_t bit = 0; bit < whole.len * 8; bit++) {
        struct told t = whole;
        uint64_t newest = 4;
        t.bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        cr_expect_neq(take(&newest, &t), ERR_OK, "bit %zu", bit);
        cr_expect_eq(newest, 4u, "bit %zu", bit);
    }
    for (size_t len = 0; len < whole.len; len++) {
        struct told t = whole;
        uint64_t newest = 4;
        t.len = len;
        cr_expect_neq(take(&newest, &t), ERR_OK, "%zu bytes", len);
    }
}

/* In whatever order a network brings them, as often as it likes: what is taken only gets newer. */
Test(probed, any_order_of_any_copies) {
    struct told all[12];
    struct rng g;
    for (uint64_t i = 0; i < 12; i++)
        all[i] = tell(i + 1, 40000, i % 5 == 4 ? 8 : CLIENT, ME);
    for (uint64_t seed = 1; seed <= 20; seed++) {
        uint64_t newest = 0, before = 0;
        rng_seed(&g, seed);
        for (int i = 0; i < 60; i++) {
            uint64_t k = rng_below(&g, 12);
            bool taken = take(&newest, &all[k]) == ERR_OK;
            cr_assert_eq(taken, k + 1 > before && k % 5 != 4);
            cr_assert_eq(newest, taken ? k + 1 : before);
            before = newest;
        }
    }
}
