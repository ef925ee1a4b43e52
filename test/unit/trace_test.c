#include "peerd/base/trace.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct trace t;

Test(trace, lines_come_out_in_order) {
    trace_init(&t);
    cr_expect_null(trace_take(&t));
    trace_linef(&t, instant_us(5), "fra1 > %s suspect", "ams1");
    trace_linef(&t, instant_us(6), "second");
    const struct trace_line *line = trace_take(&t);
    cr_assert_not_null(line);
    cr_expect_str_eq(line->text, "fra1 > ams1 suspect");
    cr_expect_eq(line->at.us, 5);
    cr_expect_str_eq(trace_take(&t)->text, "second");
    cr_expect_null(trace_take(&t));
    trace_linef(NULL, instant_us(7), "nobody listens");
}

Test(trace, a_full_ring_loses_the_oldest_and_counts) {
    trace_init(&t);
    for (int i = 0; i < TRACE_LINES_MAX + 3; i++)
        trace_linef(&t, instant_us(i), "line %d", i);
    cr_expect_eq(t.lost, 3);
    for (int i = 3; i < TRACE_LINES_MAX + 3; i++) {
        const struct trace_line *line = trace_take(&t);
        cr_assert_not_null(line);
        cr_assert_eq(line->at.us, i);
    }
    cr_expect_null(trace_take(&t));
}

Test(trace, long_lines_end_in_an_ellipsis_and_whole_characters) {
    static const struct {
        const char *what, *unit;
        size_t before;
    } rows[] = {
        {"ASCII", "x", 0},
        {"an arrow across the cut", "\xe2\x86\x92", 0},
        {"an arrow across the cut, one later", "\xe2\x86\x92", 1},
        {"an arrow across the cut, two later", "\xe2\x86\x92", 2},
        {"two bytes across the cut", "\xc2\xb1", 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[400] = "";
        size_t unit = strlen(rows[i].unit);
        memset(text, 'a', rows[i].before);
        for (size_t at = rows[i].before; at + unit < 300; at += unit)
            memcpy(text + at, rows[i].unit, unit + 1);
        trace_init(&t);
        trace_linef(&t, instant_us(0), "%s", text);
        const char *out = trace_take(&t)->text;
        size_t len = strlen(out);
        cr_expect(len <= TRACE_LINE_LEN_MAX && len > TRACE_LINE_LEN_MAX - 4, "%s", rows[i].what);
        cr_expect_str_eq(out + len - 3, "\xe2\x80\xa6", "%s", rows[i].what);
        cr_expect_eq((len - 3 - rows[i].before) % unit, 0, "%s: half a character", rows[i].what);
    }
    trace_init(&t);
    char fits[TRACE_LINE_LEN_MAX + 1];
    memset(fits, 'y', TRACE_LINE_LEN_MAX);
    fits[TRACE_LINE_LEN_MAX] = '\0';
    trace_linef(&t, instant_us(0), "%s", fits);
    cr_expect_str_eq(trace_take(&t)->text, fits, "the longest that fits is left alone");
}
