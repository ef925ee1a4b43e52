#include "peerd/core/ledger.h"

#include <criterion/criterion.h>

static struct move done(uint32_t epoch) {
    struct move m;
    struct name me;
    name_set(&me, "fra1");
    move_init(&m, &(struct session_id){{1}}, MOVE_CAUSE_CRASHED, false, instant_us(5));
    m.epoch_to = epoch;
    move_step(&m, MOVE_EVENT_COMMITTED, instant_us(6), NULL, &me);
    return m;
}

Test(ledger, keeps_the_newest) {
    static struct ledger l;
    ledger_init(&l);
    cr_expect_null(ledger_find(&l, 1));
    cr_expect_null(ledger_find(&l, 0));
    for (uint32_t i = 1; i <= LEDGER_MAX + 10; i++) {
        struct move m = done(i);
        ledger_enter(&l, &m, "ams1 crashed: no beat for 290 ms");
    }
    cr_expect_eq(l.count, LEDGER_MAX + 10u);
    cr_expect_eq(ledger_first(&l), 11u);
    cr_expect_null(ledger_find(&l, 10));
    cr_expect_eq(ledger_find(&l, 11)->move.epoch_to, 11u);
    cr_expect_eq(ledger_find(&l, LEDGER_MAX + 10)->move.epoch_to, LEDGER_MAX + 10u);
    cr_expect_str_eq(ledger_find(&l, 500)->evidence, "ams1 crashed: no beat for 290 ms");
    cr_expect_null(ledger_find(&l, LEDGER_MAX + 11));
    ledger_check_invariants(&l);
}

Test(ledger, knows_who_has_arrived) {
    static struct ledger l;
    const struct session_id here = {{1}}, other = {{1, 0, 7}};
    ledger_init(&l);
    cr_expect_not(ledger_has_arrival(&l, &here, 1, instant_us(0)));
    struct move m = done(3);
    ledger_enter(&l, &m, "");
    m.session = other; /* of the same bucket */
    m.epoch_to = 9;
    ledger_enter(&l, &m, "");
    cr_expect(ledger_has_arrival(&l, &here, 3, instant_us(6)));
    cr_expect(ledger_has_arrival(&l, &here, 2, instant_us(6)), "older than what it knows");
    cr_expect_not(ledger_has_arrival(&l, &here, 4, instant_us(6)));
    cr_expect_not(ledger_has_arrival(&l, &here, 3, instant_us(7)), "too long ago");
    cr_expect(ledger_has_arrival(&l, &other, 9, instant_us(6)));
    for (uint32_t i = 0; i < LEDGER_MAX - 1; i++)
        ledger_enter(&l, &m, "");
    cr_expect_not(ledger_has_arrival(&l, &here, 3, instant_us(6)), "its entry has gone");
    ledger_check_invariants(&l);
}
