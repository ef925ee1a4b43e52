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
        ledger_enter(&l, &m, "ams1 crashed: no beat for 290 ms", INSTANT_NEVER);
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
    ledger_enter(&l, &m, "", INSTANT_NEVER);
    m.session = other; /* of the same bucket */
    m.epoch_to = 9;
    ledger_enter(&l, &m, "", INSTANT_NEVER);
    cr_expect(ledger_has_arrival(&l, &here, 3, instant_us(6)));
    cr_expect(ledger_has_arrival(&l, &here, 2, instant_us(6)), "older than what it knows");
    cr_expect_not(ledger_has_arrival(&l, &here, 4, instant_us(6)));
    cr_expect_not(ledger_has_arrival(&l, &here, 3, instant_us(7)), "too long ago");
    cr_expect(ledger_has_arrival(&l, &other, 9, instant_us(6)));
    for (uint32_t i = 0; i < LEDGER_MAX - 1; i++)
        ledger_enter(&l, &m, "", INSTANT_NEVER);
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
    ledger_enter(&l, &m, "", INSTANT_NEVER);
    m.session = other; /* of the same bucket */
    ledger_enter(&l, &m, "", INSTANT_NEVER);
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
    ledger_enter(&l, &m, "", INSTANT_NEVER);
    cr_expect_not(ledger_told(&l, &m.session, &(struct message_moved){3, 45, 80, 2, 5}));
    cr_expect_eq(l.figures.of[MOVE_CAUSE_CRASHED].left, 1u);
    cr_expect_eq(l.figures.of[MOVE_CAUSE_CRASHED].arrived, 0u);
    ledger_check_invariants(&l);
}

/* Where it went, until somebody says that it is elsewhere. */
Test(ledger, knows_where_a_session_went) {
    static struct ledger l;
    struct name lon1;
    struct move came = done(1), m;
    name_set(&lon1, "lon1");
    ledger_init(&l);
    ledger_enter(&l, &came, "", INSTANT_NEVER);
    cr_expect_null(ledger_departure(&l, &came.session), "it has only come");
    for (uint32_t epoch = 1; epoch < 4; epoch += 2) {
        m = done(0);
        m.out = true;
        m.epoch_from = epoch;
        ledger_enter(&l, &m, "", INSTANT_NEVER);
    }
    struct move off = m;
    off.epoch_from = 5;
    off.state = MOVE_STATE_CANCELLED;
    ledger_enter(&l, &off, "undrained", INSTANT_NEVER);
    const struct ledger_entry *e = ledger_departure(&l, &m.session);
    cr_assert_not_null(e);
    cr_expect(e->move.epoch_from == 3 && e->move.epoch_to == 0, "nobody has told yet");
    cr_assert(ledger_heard_arrival(&l, &m.session, &lon1, 4, &(struct message_moved){0}));
    e = ledger_departure(&l, &m.session);
    cr_expect(e->move.epoch_to == 4 && name_equal(&e->move.to, &lon1));
    cr_expect_null(ledger_departure(&l, &(struct session_id){{1, 0, 7}}), "of the same bucket");
}

/* Whatever state it was in, and why: and what a listener does again and again is one entry. */
Test(ledger, what_was_called_off_is_entered) {
    static struct ledger l;
    struct name me, from;
    struct move m;
    ledger_init(&l);
    name_set(&me, "fra1");
    name_set(&from, "ams1");
    for (uint32_t i = 0; i < 5; i++) {
        move_init(&m, &(struct session_id){{1}}, MOVE_CAUSE_CRASHED, false, instant_us(i * 100));
        m.from = i < 3 ? from : (struct name){""};
        move_step(&m, MOVE_EVENT_HEDGING, instant_us(i * 100 + 1), NULL, &me);
        move_step(&m, MOVE_EVENT_CALLED_OFF, instant_us(i * 100 + 20), NULL, &me);
        ledger_enter(&l, &m, "it was only loss", INSTANT_NEVER);
        ledger_check_invariants(&l);
    }
    cr_assert_eq(l.count, 2u, "three from ams1 in a row, then two from elsewhere");
    const struct ledger_entry *e = ledger_find(&l, 1);
    cr_expect(e->times == 3 && e->move.state == MOVE_STATE_CANCELLED);
    cr_expect(e->move.was == MOVE_STATE_OVERLAP && e->move.called_off.us == 220);
    cr_expect_str_eq(e->evidence, "it was only loss");
    cr_expect_eq(ledger_find(&l, 2)->times, 2u);
    struct move out;
    move_init(&out, &m.session, MOVE_CAUSE_DRAIN, true, instant_us(900));
    out.epoch_from = 1;
    for (uint32_t i = 0; i < 2; i++) {
        struct move again = out;
        move_step(&again, MOVE_EVENT_ORDERED, instant_us(901), NULL, &me);
        move_step(&again, MOVE_EVENT_CALLED_OFF, instant_us(902), NULL, &me);
        cr_expect_eq(again.was, MOVE_STATE_PREPARE);
        ledger_enter(&l, &again, "undrained", INSTANT_NEVER);
    }
    cr_expect_eq(l.count, 4u, "each order is one of its own");
    cr_expect_not(ledger_has_arrival(&l, &m.session, 0, instant_us(0)), "nobody came");
    cr_expect_not(ledger_told(&l, &m.session, &(struct message_moved){0, 45, 80, 2, 5}));
    const struct move_figures *f = &l.figures;
    cr_expect(f->of[MOVE_CAUSE_CRASHED].cancelled == 5 && f->of[MOVE_CAUSE_DRAIN].cancelled == 2);
    cr_expect(f->of[MOVE_CAUSE_CRASHED].arrived == 0 && f->of[MOVE_CAUSE_DRAIN].left == 0);
    ledger_check_invariants(&l);
}

/* It counts when it is settled, once, by the cause as it turned out, and its client's word, too. */
Test(ledger, an_open_cause_counts_when_it_is_settled) {
    static struct ledger l;
    ledger_init(&l);
    for (uint32_t i = 1; i <= 4; i++) {
        struct move m = done(i);
        ledger_enter(&l, &m, "ams1 suspect", i == 2 ? INSTANT_NEVER : instant_us(3000));
    }
    const struct move_figures_of_cause *of = l.figures.of;
    cr_expect_eq(of[MOVE_CAUSE_CRASHED].arrived, 1u);
    cr_expect(ledger_told(&l, &(struct session_id){{1}}, &(struct message_moved){3, 45, 80, 2, 5}));
    cr_expect_eq(of[MOVE_CAUSE_CRASHED].told, 0u, "not yet");
    cr_expect_eq(ledger_next_open(&l, 0)->number, 1u);
    cr_expect_eq(ledger_next_open(&l, 1)->number, 3u);
    ledger_settle(&l, 3, MOVE_CAUSE_PARTITIONED, "ams1 alive");
    ledger_check_invariants(&l);
    cr_expect(of[MOVE_CAUSE_PARTITIONED].arrived == 1 && of[MOVE_CAUSE_PARTITIONED].told == 1);
    cr_expect(of[MOVE_CAUSE_PARTITIONED].lost == 2 && of[MOVE_CAUSE_CRASHED].told == 0);
    cr_expect_eq(ledger_find(&l, 3)->cause, MOVE_CAUSE_PARTITIONED);
    cr_expect_eq(ledger_find(&l, 3)->move.cause, MOVE_CAUSE_CRASHED, "so its client said");
    cr_expect_str_eq(ledger_find(&l, 3)->evidence, "ams1 alive");
    ledger_settle(&l, 1, MOVE_CAUSE_CRASHED, NULL);
    cr_expect_str_eq(ledger_find(&l, 1)->evidence, "ams1 suspect");
    cr_expect_eq(ledger_next_open(&l, 0)->number, 4u);
    for (uint32_t i = 5; i <= 4 + LEDGER_MAX; i++) {
        struct move m = done(i);
        ledger_enter(&l, &m, "", INSTANT_NEVER);
    }
    cr_expect_null(ledger_next_open(&l, 0));
    cr_expect_eq(of[MOVE_CAUSE_CRASHED].arrived, 3u + LEDGER_MAX, "as told, for want of its place");
    ledger_check_invariants(&l);
}
