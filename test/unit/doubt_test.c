/* When a client asks its backups for a sign of life because its media loses frames, and how often.
 */
#include "transcoder/timeline/doubt.h"

#include <criterion/criterion.h>

static struct instant at_ms(int64_t ms) {
    return instant_us(ms * 1000);
}

/* So many lost frames, one each so often; how many looks came of them until then. */
static uint32_t looks(struct doubt *d, int frames, int64_t every_ms, int64_t until_ms) {
    uint32_t count = 0;
    for (int64_t ms = 0; ms <= until_ms; ms += 10) {
        if (ms % every_ms == 0 && ms / every_ms < frames)
            doubt_lost(d, 1, at_ms(ms));
        count += doubt_look(d, at_ms(ms), true);
    }
    return count;
}

Test(doubt, begins_with_what_is_lost_more_than_now_and_then) {
    static const struct {
        const char *what;
        int frames;
        int64_t every_ms, until_ms;
        uint32_t least, most; /* looks */
    } cases[] = {
        {"nothing is lost", 0, 10, 10000, 0, 0},
        {"two at once", 2, 10, 10000, 0, 0},
        {"one a second, for a minute", 60, 1000, 60000, 0, 0},
        {"one in 0.71 s, for a minute", 84, 710, 60000, 0, 0},
        {"five, a tenth of a second apart: in the first second more", 5, 100, 10000, 29, 33},
        {"a seventh of all, for three seconds", 21, 140, 3000, 34, 40},
        {"a seventh of all, for a minute", 428, 140, 60000, 140, 161},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct doubt d;
        doubt_init(&d);
        uint32_t found = looks(&d, cases[i].frames, cases[i].every_ms, cases[i].until_ms);
        cr_expect(found >= cases[i].least && found <= cases[i].most, "%s: %u looks", cases[i].what,
                  found);
    }
}

Test(doubt, says_when_it_begins_and_is_over_by_itself) {
    struct doubt d;
    doubt_init(&d);
    cr_expect_not(doubt_lost(&d, DOUBT_LONG - 1, at_ms(100)), "a gap is one event");
    cr_expect_not(doubt_is(&d, at_ms(100)));
    cr_expect(instant_is_never(doubt_deadline(&d)));
    cr_expect(doubt_lost(&d, DOUBT_LONG - 1, at_ms(200)), "two of them are enough");
    cr_expect(doubt_is(&d, at_ms(200)));
    cr_expect_eq(doubt_deadline(&d).us, 200000);
    cr_expect_not(doubt_lost(&d, 1, at_ms(300)), "it goes on");
    cr_expect(doubt_is(&d, at_ms(2299)));
    cr_expect_not(doubt_is(&d, at_ms(2300)));
    cr_expect_not(doubt_look(&d, at_ms(2300), true));
    cr_expect(instant_is_never(doubt_deadline(&d)));
    cr_expect_not(doubt_lost(&d, 3, at_ms(9000)));
    cr_expect(doubt_lost(&d, 3, at_ms(9100)), "and again");
    cr_expect(doubt_lost(&d, DOUBT_LONG, at_ms(90000)), "one that is long is");
}

/* [looks] a minute of who loses so many in a row each so often; the first minute teaches. */
static uint32_t looks_a_minute(uint64_t run, int64_t every_ms) {
    struct doubt d;
    uint32_t count = 0;
    doubt_init(&d);
    for (int64_t ms = 0; ms < 120000; ms += 10) {
        if (ms % every_ms == 0)
            doubt_lost(&d, run, at_ms(ms));
        count += doubt_look(&d, at_ms(ms), true) && ms >= 60000;
    }
    return count;
}

Test(doubt, what_is_usual_for_a_path_makes_nobody_ask) {
    cr_expect_eq(looks_a_minute(1, 500), 0u, "4 %%, one by one");
    cr_expect_eq(looks_a_minute(3, 3000), 0u, "2 %% in runs of three");
    cr_expect_eq(looks_a_minute(6, 3000), 0u, "4 %% in runs of six");
    cr_expect_geq(looks_a_minute(1, 140), 70u, "a seventh of all is never usual");
}

/* Of a path that loses 2 % all the time, and then more. */
Test(doubt, begins_where_a_path_loses_more_than_is_usual_for_it) {
    struct doubt d;
    doubt_init(&d);
    for (int64_t ms = 0; ms < 60000; ms += 1000)
        cr_expect_not(doubt_lost(&d, 1, at_ms(ms)));
    bool begins = false;
    for (int64_t ms = 60000; ms < 61000; ms += 140)
        begins |= doubt_lost(&d, 1, at_ms(ms));
    cr_expect(begins);
    for (int64_t ms = 61000; ms < 360000; ms += 1000)
        doubt_lost(&d, 1, at_ms(ms));
    cr_expect_not(doubt_is(&d, at_ms(360000)));
}

Test(doubt, looks_no_oftener_than_ever_while_media_is_missing) {
    struct doubt d;
    uint32_t count = 0;
    doubt_init(&d);
    doubt_lost(&d, 2, at_ms(0));
    doubt_lost(&d, 2, at_ms(0));
    for (int64_t ms = 0; ms < 2000; ms += 10)
        count += doubt_look(&d, at_ms(ms), false);
    cr_expect_eq(count, 20);
}
