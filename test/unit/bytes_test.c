#include "peerd/base/bytes.h"

#include <criterion/criterion.h>
#include <string.h>

static size_t write_all(uint8_t *out, size_t size, struct writer *w) {
    *w = writer_over(out, size);
    write_u8(w, 0x01);
    write_u16(w, 0x0203);
    write_u32(w, 0x04050607);
    write_u64(w, 0x08090a0b0c0d0e0f);
    write_copy(w, "ab", 2);
    write_zeros(w, 3);
    return writer_len(w);
}

Test(bytes, integers_are_in_network_byte_order) {
    static const uint8_t expected[20] = {1,  2,  3,  4,  5,  6,   7,   8, 9, 10,
                                         11, 12, 13, 14, 15, 'a', 'b', 0, 0, 0};
    uint8_t out[20];
    struct writer w;
    memset(out, 0xee, sizeof(out));
    cr_assert_eq(write_all(out, sizeof(out), &w), sizeof(out));
    cr_expect_not(w.failed);
    cr_expect_arr_eq(out, expected, sizeof(expected));
    struct reader r = reader_over(out, sizeof(out));
    char copy[2];
    cr_expect_eq(read_u8(&r), 0x01);
    cr_expect_eq(read_u16(&r), 0x0203);
    cr_expect_eq(read_u32(&r), 0x04050607U);
    cr_expect_eq(read_u64(&r), 0x08090a0b0c0d0e0fULL);
    read_copy(&r, copy, 2);
    cr_expect_arr_eq(copy, "ab", 2);
    cr_expect_not(reader_done(&r), "three bytes are left");
    cr_expect_eq(reader_left(&r), 3);
    cr_expect_eq(read_span(&r, 3), out + 17);
    cr_expect(reader_done(&r));
}

Test(bytes, reading_past_the_end_fails_for_good) {
    static const uint8_t three[3] = {0xaa, 0xbb, 0xcc};
    uint8_t copy[4] = {9, 9, 9, 9};
    struct reader r = reader_over(three, 3);
    cr_expect_eq(read_u32(&r), 0, "four of three");
    cr_expect(r.failed);
    cr_expect_eq(read_u8(&r), 0, "what would fit is zero as well");
    read_copy(&r, copy, 1);
    cr_expect_eq(copy[0], 0);
    cr_expect_null(read_span(&r, 0));
    cr_expect_not(reader_done(&r));
    r = reader_over(NULL, 0);
    cr_expect(reader_done(&r), "an empty message is read at once");
    cr_expect_eq(read_u8(&r), 0);
    cr_expect(r.failed);
    r = reader_over(three, 3);
    cr_expect_null(read_span(&r, SIZE_MAX), "a length that would wrap");
}

Test(bytes, writing_past_the_end_fails_for_good_and_writes_nothing) {
    for (size_t size = 0; size < 20; size++) {
        uint8_t out[21];
        struct writer w;
        memset(out, 0xee, sizeof(out));
        size_t len = write_all(out, size, &w);
        cr_expect(w.failed, "%zu bytes cannot hold 20", size);
        cr_expect_leq(len, size);
        for (size_t i = len; i < sizeof(out); i++)
            cr_expect_eq(out[i], 0xee, "byte %zu of %zu was touched", i, size);
    }
    struct writer w = writer_over(NULL, 0);
    write_copy(&w, NULL, 0);
    cr_expect_not(w.failed, "nothing fits into nothing");
}

Test(bytes, varints_have_one_encoding) {
    static const struct {
        const char *what;
        const char *bytes;
        size_t len;
        uint64_t value;
        bool refused;
    } rows[] = {
        {"nothing", "\0", 1, 0, false},
        {"one byte's most", "\x7f", 1, 127, false},
        {"two bytes' least", "\x80\x01", 2, 128, false},
        {"three bytes", "\xe5\x8e\x26", 3, 624485, false},
        {"the most of all", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, UINT64_MAX, false},
        {"a bit beyond 64", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10, 0, true},
        {"eleven bytes", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x01", 11, 0, true},
        {"a zero in two bytes", "\x80\0", 2, 0, true},
        {"127 in two bytes", "\xff\0", 2, 0, true},
        {"the end missing", "\x80", 1, 0, true},
        {"nothing at all", "", 0, 0, true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t out[16];
        struct reader r = reader_over(rows[i].bytes, rows[i].len);
        struct writer w = writer_over(out, sizeof(out));
        cr_expect_eq(read_varint(&r), rows[i].value, "%s", rows[i].what);
        cr_expect_eq(reader_done(&r), !rows[i].refused, "%s", rows[i].what);
        if (rows[i].refused)
            continue;
        write_varint(&w, rows[i].value);
        cr_expect_eq(writer_len(&w), rows[i].len, "%s", rows[i].what);
        cr_expect_arr_eq(out, rows[i].bytes, rows[i].len, "%s", rows[i].what);
    }
}
