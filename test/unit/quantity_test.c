#include "peerd/policy/quantity.h"

#include <criterion/criterion.h>

Test(quantity, parses) {
    static const struct {
        const char *what;
        enum quantity kind;
        const char *text;
        int64_t value;
        const char *canonical;
    } rows[] = {
        {"milliseconds", QUANTITY_DURATION, "250ms", 250000, "250ms"},
        {"microseconds", QUANTITY_DURATION, "7us", 7, "7us"},
        {"seconds", QUANTITY_DURATION, "90s", 90000000, "90s"},
        {"larger unit", QUANTITY_DURATION, "120s", 120000000, "2min"},
        {"fraction", QUANTITY_DURATION, "1.5s", 1500000, "1500ms"},
        {"minutes", QUANTITY_DURATION, "10min", 600000000, "10min"},
        {"minutes, shorter", QUANTITY_DURATION, "10m", 600000000, "10min"},
        {"hours", QUANTITY_DURATION, "2h", 7200000000, "2h"},
        {"days", QUANTITY_DURATION, "365d", 31536000000000, "365d"},
        {"zero", QUANTITY_DURATION, "0s", 0, "0ms"},
        {"percent", QUANTITY_PERCENT, "2%", 20000, "2%"},
        {"part of a percent", QUANTITY_PERCENT, "0.25%", 2500, "0.25%"},
        {"a millionth", QUANTITY_PERCENT, "0.0001%", 1, "0.0001%"},
        {"kbit/s", QUANTITY_BITRATE, "64kbit/s", 64000, "64kbit/s"},
        {"Mbit/s", QUANTITY_BITRATE, "1.5Mbit/s", 1500000, "1500kbit/s"},
        {"Hz", QUANTITY_FREQUENCY, "44100Hz", 44100, "44100Hz"},
        {"kHz", QUANTITY_FREQUENCY, "44.1kHz", 44100, "44100Hz"},
        {"count", QUANTITY_COUNT, "42", 42, "42"},
        {"largest", QUANTITY_COUNT, "999999999999999", 999999999999999, "999999999999999"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char hint[QUANTITY_HINT_LEN_MAX + 1], text[QUANTITY_TEXT_LEN_MAX + 1];
        int64_t value = -1;
        cr_assert(quantity_parse(rows[i].kind, rows[i].text, &value, hint), "%s: %s", rows[i].what,
                  hint);
        cr_expect_eq(value, rows[i].value, "%s", rows[i].what);
        cr_expect_str_eq(quantity_to_text(rows[i].kind, value, text), rows[i].canonical, "%s",
                         rows[i].what);
        cr_expect(quantity_parse(rows[i].kind, text, &value, hint) && value == rows[i].value, "%s",
                  rows[i].what);
    }
}

Test(quantity, refuses_with_a_hint) {
    static const struct {
        enum quantity kind;
        const char *text, *hint;
    } rows[] = {
        {QUANTITY_DURATION, "250", "a bare number has no unit: write 250ms or 250s"},
        {QUANTITY_DURATION, "2%", "`%` makes it a percentage"},
        {QUANTITY_DURATION, "64kbit/s", "`kbit/s` makes it a bit rate"},
        {QUANTITY_DURATION, "250 ms", "number and unit stand together, without a space"},
        {QUANTITY_DURATION, "250mss",
         "unknown unit `mss`: known are us, ms, s, min, h, d; did you mean `ms`?"},
        {QUANTITY_DURATION, "-5ms", "it cannot be negative"},
        {QUANTITY_DURATION, "1.0000001s", "more than 6 decimals"},
        {QUANTITY_DURATION, "0.5us", "too fine a fraction"},
        {QUANTITY_DURATION, "999999999999999d", "too large"},
        {QUANTITY_DURATION, "1234567890123456s", "more than 15 digits"},
        {QUANTITY_DURATION, "ms", ""},
        {QUANTITY_DURATION, "", ""},
        {QUANTITY_DURATION, "1.s", ""},
        {QUANTITY_DURATION, "+5s", ""},
        {QUANTITY_DURATION, "1e3ms", "unknown unit `e3ms`: known are us, ms, s, min, h, d"},
        {QUANTITY_PERCENT, "2", "a bare number has no unit: write 2%"},
        {QUANTITY_PERCENT, "2ms", "`ms` makes it a unit of time"},
        {QUANTITY_BITRATE, "64000", "a bare number has no unit: write 64000bit/s or 64000kbit/s"},
        {QUANTITY_BITRATE, "64kbps", "unknown unit `kbps`: known are bit/s, kbit/s, Mbit/s"},
        {QUANTITY_FREQUENCY, "8khz", "unknown unit `khz`: known are Hz, kHz; did you mean `kHz`?"},
        {QUANTITY_COUNT, "10ms", "it has no unit"},
        {QUANTITY_COUNT, "010", "a number does not begin with 0"},
        {QUANTITY_COUNT, "00", "a number does not begin with 0"},
        {QUANTITY_DURATION, "05ms", "a number does not begin with 0"},
        {QUANTITY_COUNT, "10 sessions", "it has no unit"},
        {QUANTITY_COUNT, "0x10", "it has no unit"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char hint[QUANTITY_HINT_LEN_MAX + 1] = "unset";
        int64_t value = 77;
        cr_expect_not(quantity_parse(rows[i].kind, rows[i].text, &value, hint), "%s", rows[i].text);
        cr_expect_str_eq(hint, rows[i].hint, "%s: %s", rows[i].text, hint);
        cr_expect_eq(value, 77, "%s", rows[i].text);
    }
}
