#include "transcoder/timeline/telling.h"

#include <criterion/criterion.h>

Test(telling, goes_out_behind_reports_until_one_says_so) {
    struct telling t = {0};
    cr_expect_eq(telling_reported(&t, 7), TELLING_NOTHING, "nothing was ordered");
    telling_ordered(&t, 7);
    cr_expect_eq(telling_reported(&t, 0), TELLING_TELL);
    cr_expect_eq(telling_reported(&t, 6), TELLING_TELL, "it goes by an older list");
    cr_expect_eq(telling_reported(&t, 7), TELLING_TAKEN);
    cr_expect_eq(telling_reported(&t, 7), TELLING_NOTHING, "once");
}

Test(telling, a_client_that_never_says_so_is_told_a_few_times_an_order) {
    struct telling t = {0};
    for (int order = 0; order < 2; order++) {
        telling_ordered(&t, 7);
        for (int i = 0; i < TELLING_TIMES; i++)
            cr_expect_eq(telling_reported(&t, 0), TELLING_TELL);
        cr_expect_eq(telling_reported(&t, 0), TELLING_NOTHING);
    }
    cr_expect_eq(telling_reported(&t, 7), TELLING_TAKEN, "late is not never");
}
