#include "peerd/base/time.h"

#include <criterion/criterion.h>
#include <inttypes.h>

#define EARLIEST INT64_MIN
#define NEVER    INT64_MAX

Test(time, instants_saturate_and_never_stays_never) {
    static const struct {
        const char *what;
        int64_t t, d, sum, difference;
    } rows[] = {
        {"plain", 100, 30, 130, 70},
        {"backwards", 100, -30, 70, 130},
        {"never stays never", NEVER, -5, NEVER, NEVER},
        {"endless leads to never", 5, NEVER, NEVER, EARLIEST},
        {"endless leads to never from before the origin", -5, NEVER, NEVER, EARLIEST},
        {"endless leads to never from the earliest", EARLIEST, NEVER, NEVER, EARLIEST},
        {"past the end", NEVER - 1, 10, NEVER, NEVER - 11},
        {"before the beginning", EARLIEST + 1, 10, EARLIEST + 11, EARLIEST},
        {"smallest duration", 0, INT64_MIN, EARLIEST, NEVER},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct instant t = instant_us(rows[i].t);
        struct duration d = duration_us(rows[i].d);
        cr_expect_eq(instant_add(t, d).us, rows[i].sum, "%s: sum", rows[i].what);
        cr_expect_eq(instant_sub(t, d).us, rows[i].difference, "%s: difference", rows[i].what);
    }
}

Test(time, distance_between_instants) {
    static const struct {
        const char *what;
        int64_t later, earlier, distance;
    } rows[] = {
        {"plain", 250, 100, 150},
        {"the other way round", 100, 250, -150},
        {"until never", NEVER, 100, NEVER},
        {"since the earliest", 100, EARLIEST, NEVER},
        {"wider than the type", INT64_MAX - 1, INT64_MIN + 1, NEVER},
        {"wider than the type, negative", INT64_MIN + 1, INT64_MAX - 1, INT64_MIN},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect_eq(instant_since(instant_us(rows[i].later), instant_us(rows[i].earlier)).us,
                     rows[i].distance, "%s", rows[i].what);
}

Test(time, durations_add_subtract_and_scale) {
    static const struct {
        const char *what;
        int64_t d, num, den, scaled;
    } rows[] = {
        {"half", 100, 1, 2, 50},
        {"rounded towards zero", 7, 1, 2, 3},
        {"rounded towards zero, negative", -7, 1, 2, -3},
        {"exact where the product is wider than 64 bits", 4000000000000000000, 3, 4,
         3000000000000000000},
        {"remainder times a large factor", 999999999999, 1000000000, 1000000000000, 999999999},
        {"overflow saturates", INT64_MAX / 2, 3, 1, INT64_MAX},
        {"negative overflow saturates", INT64_MAX / 2, -3, 1, INT64_MIN},
        {"smallest factor", 2, INT64_MIN, 1, INT64_MIN},
        {"endless stays endless", NEVER, 1, 1000, NEVER},
        {"nothing of endless", NEVER, 0, 1, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t us = duration_scale(duration_us(rows[i].d), rows[i].num, rows[i].den).us;
        cr_expect_eq(us, rows[i].scaled, "%s: %" PRId64, rows[i].what, us);
    }
    cr_expect_eq(duration_add(duration_us(3), duration_us(4)).us, 7);
    cr_expect_eq(duration_add(DURATION_ENDLESS, duration_us(-4)).us, NEVER, "endless plus less");
    cr_expect_eq(duration_add(duration_us(-4), DURATION_ENDLESS).us, NEVER, "less plus endless");
    cr_expect_eq(duration_sub(duration_us(3), duration_us(4)).us, -1);
    cr_expect_eq(duration_sub(DURATION_ENDLESS, duration_us(4)).us, NEVER, "endless minus some");
    cr_expect_eq(duration_sub(duration_us(0), duration_us(INT64_MIN)).us, NEVER, "saturates");
    cr_expect_eq(duration_ms(INT64_MAX / 100).us, NEVER, "milliseconds saturate");
    cr_expect_eq(duration_s(INT64_MIN / 100).us, INT64_MIN, "seconds saturate");
}

Test(time, deadlines) {
    cr_expect(instant_reached(instant_us(10), instant_us(10)), "at the deadline");
    cr_expect_not(instant_reached(instant_us(9), instant_us(10)), "before it");
    cr_expect_not(instant_reached(INSTANT_NEVER, INSTANT_NEVER), "never is never reached");
    cr_expect_eq(instant_min(instant_us(3), INSTANT_NEVER).us, 3);
    cr_expect_eq(instant_max(instant_us(3), instant_us(4)).us, 4);
}

Test(time, wall_time_against_a_second) {
    static const struct {
        const char *what;
        int64_t now_us, unix_s, slack_us;
        bool after, before;
    } rows[] = {
        {"exactly then", 5000000, 5, 0, false, false},
        {"a microsecond later", 5000001, 5, 0, true, false},
        {"a microsecond earlier", 4999999, 5, 0, false, true},
        {"later, but within the slack", 5002000, 5, 2000, false, false},
        {"later than the slack", 5002001, 5, 2000, true, false},
        {"earlier than the slack", 4997999, 5, 2000, false, true},
        {"endless slack decides nothing", INT64_MAX, 0, INT64_MAX, false, false},
        {"a second beyond microseconds", INT64_MAX, INT64_MAX, 0, false, true},
        {"a second before microseconds", INT64_MIN, INT64_MIN, 0, true, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wall now = {.us = rows[i].now_us};
        struct duration slack = duration_us(rows[i].slack_us);
        cr_expect_eq(wall_after(now, rows[i].unix_s, slack), rows[i].after, "%s: after",
                     rows[i].what);
        cr_expect_eq(wall_before(now, rows[i].unix_s, slack), rows[i].before, "%s: before",
                     rows[i].what);
    }
}
