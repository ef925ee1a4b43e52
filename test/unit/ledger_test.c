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

Test(ledger, takes_the_clients_word_once) {
    static struct ledger l;
    const struct session_id here = {{1}}, other = {{1, 0, 7}};
    struct message_moved told = {3, 45, 80, 2, 5};
    ledger_init(&l);
    cr_expect_not(ledger_told(&l, &here, &told), "nothing is entered");
    struct move m = done(3);
    ledger_enter(&l, &m, "");
    m.session = other; /* of the same bucket */
    ledger_enter(&l, &m, "");
    cr_expect_not(ledger_told(&l, &here, &(struct message_moved){2, 45, 80, 2, 5}),
                  "another epoch");
    cr_expect(ledger_told(&l, &here, &told));
    cr_expect_not(ledger_told(&l, &here, &told), "reports repeat it");
    cr_expect_eq(ledger_find(&l, 1)->told.lost, 2);
    cr_expect_eq(ledger_find(&l, 2)->told.epoch, 0u, "that is another session");
    const struct move_figures_of_cause *of = &l.figures.of[MOVE_CAUSE_CRASHED];
    cr_expect(of->arrived == 2 && of->told == 1 && of->lost == 2 && of->duplicates == 5);
    ledger_check_invariants(&l);
}

/* Who is left does not know what it was like. */
Test(ledger, who_left_is_not_told_of) {
    static struct ledger l;
    struct move m = done(3);
    ledger_init(&l);
    m.out = true;
    m.epoch_from = 2;
    ledger_enter(&l, &m, "");
    cr_expect_not(ledger_told(&l, &m.session, &(struct message_moved){3, 45, 80, 2, 5}));
    cr_expect_eq(l.figures.of[MOVE_CAUSE_CRASHED].left, 1u);
    cr_expect_eq(l.figures.of[MOVE_CAUSE_CRASHED].arrived, 0u);
    ledger_check_invariants(&l);
}
