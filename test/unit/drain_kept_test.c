#include "transcoder/timeline/drain_kept.h"

#include <criterion/criterion.h>

static struct drain_word word(uint64_t number, bool active) {
    struct drain_word w = {.number = number, .active = active};
    if (active) {
        w.age_ms = 4000;
        w.within_ms = 30000;
        w.gone = 7;
        name_set(&w.to, "lon1");
    }
    return w;
}

static struct instant at_s(int64_t s) {
    return instant_us(s * 1000000);
}

Test(drain_kept, what_was_told_is_said_again_and_is_older) {
    struct drain_kept k = {0};
    cr_expect_eq(drain_kept_word(&k, at_s(9)).number, 0u, "nothing is known");
    struct drain_word told = word(5, true);
    drain_kept_heard(&k, &told, at_s(10));
    struct drain_word w = drain_kept_word(&k, at_s(72));
    cr_expect(w.number == 5 && w.active && w.age_ms == 66000);
    cr_expect(w.within_ms == 30000 && w.gone == 7);
    cr_expect_str_eq(w.to.text, "lon1");
}

Test(drain_kept, the_newest_counts) {
    static const struct {
        const char *what;
        uint64_t first, then, kept;
    } rows[] = {
        {"a newer one", 5, 6, 6},
        {"an older one, of a peerd that does not know better yet", 5, 4, 5},
        {"none, of one that knows nothing", 5, 0, 5},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct drain_kept k = {0};
        struct drain_word first = word(rows[i].first, true), then = word(rows[i].then, false);
        drain_kept_heard(&k, &first, at_s(10));
        drain_kept_heard(&k, &then, at_s(11));
        cr_expect_eq(drain_kept_word(&k, at_s(12)).number, rows[i].kept, "%s", rows[i].what);
        cr_expect_eq(drain_kept_word(&k, at_s(12)).active, rows[i].kept == 5, "%s", rows[i].what);
    }
}

/* How many have gone is told with each answer, under the same number. */
Test(drain_kept, the_same_word_is_taken_again) {
    struct drain_kept k = {0};
    struct drain_word told = word(5, true);
    drain_kept_heard(&k, &told, at_s(10));
    told.gone = 9;
    told.age_ms = 5000;
    drain_kept_heard(&k, &told, at_s(11));
    struct drain_word w = drain_kept_word(&k, at_s(11));
    cr_expect(w.gone == 9 && w.age_ms == 5000);
}

/* However long it lies. */
Test(drain_kept, what_it_says_can_be_read) {
    struct drain_kept k = {0};
    struct drain_word told = word(5, true);
    drain_kept_heard(&k, &told, at_s(0));
    cr_expect_eq(drain_kept_word(&k, instant_us(INT64_MAX - 1)).age_ms, DRAIN_WORD_MS_MAX);
}
