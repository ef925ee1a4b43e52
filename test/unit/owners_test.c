#include "transcoder/timeline/owners.h"

#include <criterion/criterion.h>
#include <string.h>

static struct key_hint cluster(uint8_t number) {
    return (struct key_hint){{number}};
}

static uint8_t stand(struct owners *o, uint8_t number, uint8_t priority) {
    const struct key_hint c = cluster(number);
    uint8_t row = owners_row(o, &c);
    owners_count(o, row, priority, 1);
    return row;
}

static bool others(const struct owners *o, uint8_t priority, uint8_t missed) {
    const struct key_hint c = cluster(missed);
    return owners_others(o, priority, &c);
}

Test(owners, are_told_apart_by_class_and_cluster) {
    struct owners o = {0};
    cr_expect_not(others(&o, 2, 1));
    uint8_t row = stand(&o, 1, 2);
    cr_expect_not(others(&o, 2, 1), "it is that cluster's own");
    cr_expect(others(&o, 2, 3));
    cr_expect_not(others(&o, 1, 3), "another class");
    cr_expect_not(others(&o, 2, 0), "nobody knows who is missed");
    cr_expect_eq(stand(&o, 1, 2), row);
    cr_expect_neq(stand(&o, 3, 2), row);
    cr_expect(others(&o, 2, 1));
    owners_count(&o, row, 2, -1);
    cr_expect(others(&o, 2, 3), "one is left");
    owners_count(&o, row, 2, -1);
    cr_expect_not(others(&o, 2, 3));
}

Test(owners, have_a_bounded_table_whose_rows_come_free) {
    struct owners o = {0};
    for (uint8_t i = 1; i <= OWNERS_MAX; i++)
        cr_expect_lt(stand(&o, i, 0), OWNERS_MAX);
    cr_expect_eq(stand(&o, 100, 0), OWNERS_NONE, "one too many: it is not counted");
    owners_count(&o, 5, 0, -1);
    cr_expect_eq(stand(&o, 101, 0), 5);
    cr_expect_eq(stand(&o, 0, 0), OWNERS_NONE, "nobody");
}
