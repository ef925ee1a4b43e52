#include "peerd/sim/overlap.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct duration trip = {80000}; /* [µs] */

static struct instant at_ms(int64_t ms) {
    return instant_us(ms * 1000);
}

/* The listener is served by site 0 since 0 ms; then it sends this at these instants. */
Test(overlap, two_may_send_until_one_is_released) {
    static const struct {
        const char *what;
        struct {
            int64_t ms;
            uint32_t site;
            enum resume_purpose purpose;
        } sent[3];
        int64_t at_ms; /* a frame comes twice */
        bool covered;
    } rows[] = {
        {"nobody else was asked", {{0}}, 1000, false},
        {"a standby sends nothing", {{900, 1, RESUME_STANDBY}}, 1000, false},
        {"one hedges", {{900, 1, RESUME_HEDGE}}, 1500, true},
        {"no hedge is longer than 2 s, a trip and 100 ms", {{900, 1, RESUME_HEDGE}}, 3081, false},
        {"it is hot", {{900, 1, RESUME_HOT}}, 9000, true},
        {"another one is to serve", {{900, 1, RESUME_COMMIT}}, 9000, true},
        {"and the first is released, 180 ms ago",
         {{900, 1, RESUME_COMMIT}, {2000, 0, RESUME_RELEASE}},
         2179,
         true},
        {"181 ms ago", {{900, 1, RESUME_COMMIT}, {2000, 0, RESUME_RELEASE}}, 2181, false},
        {"the hedge is called off",
         {{900, 1, RESUME_HEDGE}, {2000, 1, RESUME_CANCEL}},
         2181,
         false},
        {"the one that serves is asked for what is missing", {{900, 0, RESUME_COMMIT}}, 1079, true},
        {"and has answered", {{900, 0, RESUME_COMMIT}}, 1081, false},
        {"a release is repeated",
         {{900, 1, RESUME_COMMIT}, {2000, 0, RESUME_RELEASE}, {2400, 0, RESUME_RELEASE}},
         2579,
         true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct overlap o = {.count = 0};
        overlap_serves(&o, 0);
        o.answered = at_ms(0);
        for (int k = 0; k < 3 && rows[i].sent[k].purpose != 0; k++)
            overlap_sent(&o, rows[i].sent[k].site, rows[i].sent[k].purpose, trip,
                         at_ms(rows[i].sent[k].ms));
        cr_expect_eq(overlap_covers(&o, at_ms(rows[i].at_ms)), rows[i].covered, "%s", rows[i].what);
    }
}

Test(overlap, who_ends_first_makes_room) {
    struct overlap o = {.count = 0};
    overlap_serves(&o, 0);
    for (uint32_t site = 1; site < 20; site++)
        overlap_sent(&o, site, RESUME_HEDGE, trip, at_ms(site * 10));
    cr_expect_eq(o.count, OVERLAP_SITES);
    cr_expect_eq(o.sites[0].site, 0, "the one that serves stays");
    overlap_sent(&o, 19, RESUME_CANCEL, trip, at_ms(200));
    cr_expect(overlap_covers(&o, at_ms(300)));
}
