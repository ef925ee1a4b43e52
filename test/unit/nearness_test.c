#include "peerd/wire/nearness.h"

#include <criterion/criterion.h>
#include <string.h>

#define ITEMS(a) (sizeof(a) / sizeof((a)[0]))

Test(nearness, a_coordinate_travels_as_documented) {
    static const struct nearness_coordinate in = {
        .at_tenths = {1, -2, 0x1234, -32767}, .height_tenths = 0x0304, .error_percent = 25};
    uint8_t bytes[NEARNESS_COORDINATE_LEN];
    struct nearness_coordinate out;
    nearness_write_coordinate(bytes, &in);
    cr_expect_arr_eq(bytes, "\0\1\xff\xfe\x12\x34\x80\1\3\4\x19", sizeof(bytes));
    cr_assert(nearness_read_coordinate(&out, bytes, sizeof(bytes)));
    cr_expect(memcmp(out.at_tenths, in.at_tenths, sizeof(in.at_tenths)) == 0 &&
              out.height_tenths == in.height_tenths && out.error_percent == in.error_percent);
}

Test(nearness, what_is_no_coordinate_touches_nothing) {
    static const struct {
        const char *what;
        const char *bytes;
        size_t len;
        bool good;
    } rows[] = {
        {"at the origin", "\0\0\0\0\0\0\0\0\0\1\x64", 11, true},
        {"as wrong as can be", "\0\0\0\0\0\0\0\0\0\1\x96", 11, true},
        {"more wrong than that", "\0\0\0\0\0\0\0\0\0\1\x97", 11, false},
        {"never wrong", "\0\0\0\0\0\0\0\0\0\1\0", 11, false},
        {"without an access link", "\0\0\0\0\0\0\0\0\0\0\x64", 11, false},
        {"too short", "\0\0\0\0\0\0\0\0\0\1", 10, false},
        {"too long", "\0\0\0\0\0\0\0\0\0\1\x64\0", 12, false},
        {"nothing", "", 0, false},
    };
    for (size_t i = 0; i < ITEMS(rows); i++) {
        struct nearness_coordinate out, before;
        memset(&out, 0x5a, sizeof(out));
        before = out;
        cr_expect_eq(nearness_read_coordinate(&out, rows[i].bytes, rows[i].len), rows[i].good, "%s",
                     rows[i].what);
        cr_expect(rows[i].good || memcmp(&out, &before, sizeof(out)) == 0, "%s: touched",
                  rows[i].what);
    }
}
