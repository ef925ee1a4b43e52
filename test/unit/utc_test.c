#include "peerd/base/utc.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

Test(utc, known_dates) {
    static const struct {
        int64_t unix_s;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00Z"},          {951782399, "2000-02-28T23:59:59Z"},
        {951782400, "2000-02-29T00:00:00Z"},  {1000000000, "2001-09-09T01:46:40Z"},
        {4107542400, "2100-03-01T00:00:00Z"}, {UTC_SECOND_MAX, "9999-12-31T23:59:59Z"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[UTC_TEXT_LEN + 1];
        int64_t back = -1;
        cr_expect(utc_to_text(rows[i].unix_s, text));
        cr_expect_str_eq(text, rows[i].text);
        cr_expect(utc_from_text(&back, rows[i].text, UTC_TEXT_LEN), "%s", rows[i].text);
        cr_expect_eq(back, rows[i].unix_s, "%s: %" PRId64, rows[i].text, back);
    }
}

/* Each day of the range but a few (steps of a prime number of seconds), against the C library. */
Test(utc, agrees_with_the_c_library) {
    for (int64_t s = 0; s <= UTC_SECOND_MAX; s += 604799) {
        char text[UTC_TEXT_LEN + 1], theirs[40];
        time_t t = (time_t)s;
        struct tm tm;
        int64_t back = -1;
        gmtime_r(&t, &tm);
        strftime(theirs, sizeof(theirs), "%Y-%m-%dT%H:%M:%SZ", &tm);
        cr_assert(utc_to_text(s, text));
        cr_assert_str_eq(text, theirs);
        cr_assert(utc_from_text(&back, text, strlen(text)) && back == s, "%s", text);
    }
}

Test(utc, refuses) {
    static const struct {
        const char *what, *text;
    } rows[] = {
        {"nothing", ""},
        {"too short", "2026-01-31T12:00:00"},
        {"an offset", "2026-01-31T12:00:00+00:00"},
        {"a fraction", "2026-01-31T12:00:00.5Z"},
        {"a blank for T", "2026-01-31 12:00:00Z"},
        {"small letters", "2026-01-31t12:00:00z"},
        {"a sign", "+026-01-31T12:00:00Z"},
        {"before the epoch", "1969-12-31T23:59:59Z"},
        {"month 0", "2026-00-31T12:00:00Z"},
        {"month 13", "2026-13-31T12:00:00Z"},
        {"day 0", "2026-01-00T12:00:00Z"},
        {"day 32", "2026-01-32T12:00:00Z"},
        {"June 31st", "2026-06-31T12:00:00Z"},
        {"February 29th in a common year", "2026-02-29T12:00:00Z"},
        {"February 29th in 2100", "2100-02-29T12:00:00Z"},
        {"hour 24", "2026-01-31T24:00:00Z"},
        {"minute 60", "2026-01-31T12:60:00Z"},
        {"a leap second", "2026-06-30T23:59:60Z"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t out = 42;
        cr_expect_not(utc_from_text(&out, rows[i].text, strlen(rows[i].text)), "%s", rows[i].what);
        cr_expect_eq(out, 42, "%s: touched", rows[i].what);
    }
    char text[UTC_TEXT_LEN + 1];
    cr_expect_not(utc_to_text(-1, text), "before the epoch");
    cr_expect_not(utc_to_text(UTC_SECOND_MAX + 1, text), "after 9999");
    cr_expect_str_empty(text);
}
