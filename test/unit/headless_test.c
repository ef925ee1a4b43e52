#include "transcoder/timeline/headless.h"

#include <criterion/criterion.h>

static struct instant at_ms(int64_t ms) {
    return instant_us(ms * 1000);
}

Test(headless, what_says_that_peerd_is_gone) {
    static const struct {
        const char *what;
        int64_t answered_ms, poll_ms, refused_ms, answered_then_ms; /* -1: not */
        int64_t from_ms;                                            /* the first instant */
    } rows[] = {
        {"who never heard it has nobody to speak for", -1, 100, 300, -1, -1},
        {"silence", 1000, 100, -1, -1, 1200},
        {"silence of two polls where they are rare", 1000, 400, -1, -1, 1800},
        {"nobody listens", 1000, 100, 1040, -1, 1040},
        {"nobody listens, where polls are rare", 1000, 400, 1400, -1, 1400},
        {"it was started again", 1000, 100, 1040, 1140, 1340},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct headless h;
        int64_t from = -1;
        headless_init(&h);
        for (int64_t ms = 1000; ms < 2000; ms++) {
            if (ms == rows[i].answered_ms || ms == rows[i].answered_then_ms)
                headless_answered(&h, duration_ms(rows[i].poll_ms), at_ms(ms));
            if (ms == rows[i].refused_ms)
                headless_refused(&h);
            if (!headless_is(&h, at_ms(ms)))
                from = -1;
            else if (from < 0)
                from = ms;
        }
        cr_expect_eq(from, rows[i].from_ms, "%s: from %lld", rows[i].what, (long long)from);
    }
}
