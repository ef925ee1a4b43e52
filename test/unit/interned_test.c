#include "peerd/base/interned.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define MANY 1000

static struct name numbered(int i) {
    struct name name;
    char text[16];
    snprintf(text, sizeof(text), "name-%d", i);
    cr_assert(name_set(&name, text));
    return name;
}

Test(interned, equal_bytes_are_kept_once_as_long_as_anybody_has_them) {
    struct interns t = {0};
    struct name a, b, a_too;
    name_set(&a, "pcmu");
    name_set(&b, "opus");
    memset(&a_too, 'x', sizeof(a_too)); /* what stands after the end counts nothing */
    memcpy(a_too.text, "pcmu", 5);
    uint32_t first = interned_take_name(&t, &a), other = interned_take_name(&t, &b);
    cr_expect_eq(interned_take_name(&t, &a_too), first);
    cr_expect_neq(other, first);
    cr_expect_eq(t.by_bytes.count, 2);
    struct name said = interned_name(&t, first);
    cr_expect(name_equal(&said, &a));
    interned_give(&t, first);
    cr_expect_eq(t.by_bytes.count, 2, "one has it still");
    interned_give(&t, first);
    cr_expect_eq(t.by_bytes.count, 1);
    cr_expect_eq(interned_take_name(&t, &a), first, "its number was free");
    interned_give(&t, first);
    interned_give(&t, other);
    interned_give(&t, INTERNED_NONE);
    interns_free(&t);
}

Test(interned, bytes_that_begin_alike_differ) {
    struct interns t = {0};
    const uint8_t bytes[24] = {1, 2, 3};
    uint32_t numbers[sizeof(bytes)];
    for (size_t len = 0; len < sizeof(bytes); len++) {
        numbers[len] = interned_take(&t, bytes, len);
        cr_expect_eq(memcmp(interned_bytes(&t, numbers[len]), bytes, len), 0);
        for (size_t i = 0; i < len; i++)
            cr_expect_neq(numbers[i], numbers[len], "%zu and %zu bytes", i, len);
    }
    for (size_t len = 0; len < sizeof(bytes); len++)
        interned_give(&t, numbers[len]);
    interns_free(&t);
}

Test(interned, many_are_found_again_and_gone_in_any_order) {
    struct interns t = {0};
    static uint32_t numbers[MANY];
    for (int i = 0; i < MANY; i++) {
        struct name name = numbered(i);
        numbers[i] = interned_take_name(&t, &name);
    }
    for (int i = 0; i < MANY; i += 3)
        interned_give(&t, numbers[i]);
    for (int i = 0; i < MANY; i++) {
        struct name name = numbered(i);
        if (i % 3 == 0)
            numbers[i] = interned_take_name(&t, &name);
        struct name said = interned_name(&t, numbers[i]);
        cr_expect(name_equal(&said, &name), "%d", i);
    }
    cr_expect_eq(t.number_count, MANY, "numbers are used again");
    for (int i = MANY; i-- > 0;)
        interned_give(&t, numbers[i]);
    interns_free(&t);
}

/* ---- chains ---------------------------------------------------------------------------------- */

struct record {
    struct chained chained;
    int key;
};

Test(chains, records_of_one_hash_are_told_apart_by_who_looks) {
    struct chains t = {0};
    struct record r[300];
    for (int i = 0; i < 300; i++) {
        r[i].key = i;
        cr_assert(chains_add(&t, &r[i].chained, (uint32_t)i % 7));
    }
    for (int i = 0; i < 300; i += 2)
        chains_remove(&t, &r[i].chained);
    cr_expect_eq(t.count, 150);
    int seen = 0;
    for (uint32_t hash = 0; hash < 8; hash++)
        for (struct chained *c = chains_first(&t, hash); c != NULL; c = chains_after(c)) {
            const struct record *one = CHAINED_RECORD(c, struct record, chained);
            cr_expect_eq((uint32_t)one->key % 7, hash);
            cr_expect_eq(one->key % 2, 1);
            seen++;
        }
    cr_expect_eq(seen, 150);
    chains_free(&t);
    cr_expect_null(chains_first(&t, 1), "an empty one holds nothing");
}
