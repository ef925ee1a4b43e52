#include "peerd/base/err.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <string.h>

Test(err, every_number_has_its_own_name_and_text) {
    for (int i = 0; i < ERR_COUNT; i++) {
        enum err e = (enum err)i;
        cr_expect_str_neq(err_name(e), "unknown", "number %d is not in the table", i);
        cr_expect_eq(err_by_name(err_name(e)), e, "%s is there twice", err_name(e));
        for (const char *c = err_name(e); *c != '\0'; c++)
            cr_expect(islower((unsigned char)*c) || *c == '_', "%s", err_name(e));
        const char *text = err_text(e);
        cr_expect(strlen(text) > 0 && text[strlen(text) - 1] != '.', "%s", err_name(e));
    }
}

/* The numbers are wire format: a row that moves breaks peers of another version. */
Test(err, numbers_never_change) {
    static const struct {
        enum err e;
        int number;
        const char *name;
        bool retryable;
    } rows[] = {
        {ERR_OK, 0, "ok", false},           {ERR_BAD_SIGNATURE, 8, "bad_signature", false},
        {ERR_NOT_YET, 14, "not_yet", true}, {ERR_NO_CREDIT, 25, "no_credit", true},
        {ERR_MOVED, 37, "moved", false},    {ERR_BUSY, 38, "busy", true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_expect_eq((int)rows[i].e, rows[i].number, "%s", rows[i].name);
        cr_expect_str_eq(err_name(rows[i].e), rows[i].name);
        cr_expect_eq(err_retryable(rows[i].e), rows[i].retryable, "%s", rows[i].name);
    }
}

Test(err, outside_the_table) {
    cr_expect_str_eq(err_name((enum err)ERR_COUNT), "unknown");
    cr_expect_str_eq(err_name((enum err) - 1), "unknown");
    cr_expect_str_eq(err_text((enum err)255), "unknown error");
    cr_expect_not(err_retryable((enum err)255));
    cr_expect_eq(err_by_name("no_such_error"), ERR_COUNT);
}
