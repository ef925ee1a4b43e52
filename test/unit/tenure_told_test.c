/* What peerd is told of a session that a worker holds. */
#include "peerd/wire/node.h"
#include "transcoder/timeline/tenure.h"

#include <criterion/criterion.h>

Test(tenure_told, purpose_and_lease) {
    static const struct {
        enum tenure_state state;
        enum resume_purpose purpose;
        int64_t now_ms;
        uint32_t left_ms;
    } rows[] = {
        {TENURE_SERVING, RESUME_COMMIT, 1000, 4000},
        {TENURE_STANDBY, RESUME_STANDBY, 4930, 70},
        {TENURE_STANDBY, RESUME_STANDBY, 6000, 0},
        {TENURE_HEDGING, RESUME_HEDGE, 1000, 400},
        {TENURE_SERVING, RESUME_COMMIT, -INT64_C(4000000000), NODE_INTERVAL_MS_MAX},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct tenure_session s = {
            .state = rows[i].state,
            .lease = instant_us(5000000),
            .hedge = rows[i].state == TENURE_HEDGING ? instant_us(1400000) : INSTANT_NEVER};
        cr_expect_eq(tenure_purpose(&s), rows[i].purpose, "%zu", i);
        cr_expect_eq(tenure_lease_ms(&s, instant_us(rows[i].now_ms * 1000), NODE_INTERVAL_MS_MAX),
                     rows[i].left_ms, "%zu: %u", i,
                     tenure_lease_ms(&s, instant_us(rows[i].now_ms * 1000), NODE_INTERVAL_MS_MAX));
    }
}
