#include "transcoder/hls/shelf.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct shelf s;
static struct instant now;

static void begin(uint64_t bytes_max, uint32_t makers) {
    shelf_init(&s, bytes_max);
    now = instant_us(1000000);
    for (uint32_t i = 0; i < makers; i++)
        shelf_maker_here(&s, i);
}

static enum shelf_answer ask(uint32_t number, uint64_t token) {
    uint32_t item;
    enum shelf_answer a = shelf_ask(&s, (struct shelf_key){1, number}, 500000, token, now, &item);
    shelf_check_invariants(&s);
    return a;
}

/* The number that a maker was given; SHELF_NONE: none was. */
static uint32_t assigned(uint32_t *maker) {
    uint32_t item;
    bool given = shelf_assign(&s, now, maker, &item);
    shelf_check_invariants(&s);
    return given ? s.items[item].key.number : SHELF_NONE;
}

/* The waiter that has its answer; 0: none has. */
static uint64_t answered(bool *good) {
    uint64_t token;
    uint32_t item;
    bool any = shelf_answered(&s, now, &token, &item);
    shelf_check_invariants(&s);
    *good = any && item != SHELF_NONE;
    return any ? token : 0;
}

Test(hls_shelf, made_once_for_all_who_ask) {
    uint32_t maker, other;
    bool good;
    begin(1000, 4);
    cr_expect_eq(ask(7, 1), SHELF_WAIT);
    cr_expect_eq(ask(7, 2), SHELF_WAIT);
    cr_expect_eq(assigned(&maker), 7);
    cr_expect_eq(ask(7, 3), SHELF_WAIT);
    cr_expect_eq(assigned(&other), SHELF_NONE, "it is being made already");
    cr_expect_eq(answered(&good), 0);
    shelf_made(&s, maker, true, 10);
    for (uint64_t token = 1; token <= 3; token++)
        cr_expect(answered(&good) == token && good);
    cr_expect_eq(answered(&good), 0);
    cr_expect_eq(ask(7, 4), SHELF_HAVE);
    cr_expect_eq(s.counters.made, 1);
}

Test(hls_shelf, who_waits_is_told_no_in_time) {
    uint32_t maker;
    bool good;
    begin(1000, 1);
    cr_expect_eq(ask(7, 1), SHELF_WAIT);
    cr_expect_eq(assigned(&maker), 7);
    cr_expect_eq(shelf_deadline(&s).us, now.us + 1500000);
    now.us += 1499999;
    cr_expect_eq(answered(&good), 0);
    now.us += 1;
    cr_expect(answered(&good) == 1 && !good);
    shelf_made(&s, maker, true, 10);
    cr_expect_eq(ask(7, 2), SHELF_HAVE, "it was made all the same");
}

/* With one maker and half a second each the fourth could not be there in time. */
Test(hls_shelf, who_would_wait_in_vain_is_told_at_once) {
    uint32_t maker;
    begin(1000, 1);
    cr_expect_eq(ask(1, 1), SHELF_WAIT);
    cr_expect_eq(assigned(&maker), 1);
    cr_expect_eq(ask(2, 2), SHELF_WAIT);
    cr_expect_eq(ask(3, 3), SHELF_WAIT);
    cr_expect_eq(ask(4, 4), SHELF_NO);
    shelf_made(&s, maker, true, 10);
    cr_expect_eq(assigned(&maker), 2);
    shelf_made(&s, maker, true, 10);
    cr_expect_eq(assigned(&maker), 3);
    shelf_made(&s, maker, true, 10);
    cr_expect_eq(assigned(&maker), 4, "for when it is asked for again");
}

Test(hls_shelf, asked_comes_before_expected) {
    uint32_t maker, other;
    begin(1000, 2);
    cr_expect(shelf_expect(&s, (struct shelf_key){1, 5}, 0));
    cr_expect_eq(assigned(&maker), 5);
    cr_expect(!shelf_expect(&s, (struct shelf_key){1, 5}, 0), "it is being made");
    shelf_expect(&s, (struct shelf_key){1, 6}, 0);
    cr_expect_eq(assigned(&other), SHELF_NONE, "the last maker is for who asks");
    ask(9, 1);
    ask(6, 2);
    cr_expect_eq(assigned(&other), 9);
    shelf_made(&s, other, true, 1);
    cr_expect_eq(assigned(&other), 6);
    shelf_made(&s, maker, true, 1);
    cr_expect_eq(s.counters.ahead, 1);
}

Test(hls_shelf, what_is_expected_may_be_forgotten) {
    uint32_t maker;
    begin(1000, 1);
    shelf_expect(&s, (struct shelf_key){1, 5}, 0);
    shelf_expect(&s, (struct shelf_key){1, 6}, 0);
    ask(7, 1);
    for (uint32_t n = 4; n < 8; n += n == 5 ? 2 : 1)
        shelf_forget(&s, (struct shelf_key){1, n});
    cr_expect(!shelf_knows(&s, (struct shelf_key){1, 5}) &&
              shelf_knows(&s, (struct shelf_key){1, 6}));
    cr_expect_eq(assigned(&maker), 7, "somebody waits for it");
    shelf_forget(&s, (struct shelf_key){1, 7});
    shelf_made(&s, maker, true, 1);
    cr_expect_eq(assigned(&maker), 6);
    shelf_made(&s, maker, true, 1);
    cr_expect_eq(assigned(&maker), SHELF_NONE);
}

Test(hls_shelf, one_maker_works_ahead_when_nobody_asks) {
    uint32_t maker;
    begin(1000, 1);
    shelf_expect(&s, (struct shelf_key){1, 5}, 0);
    cr_expect_eq(assigned(&maker), 5);
}

Test(hls_shelf, the_longest_unused_goes_first) {
    uint32_t maker, item;
    bool good;
    begin(25, 1);
    for (uint32_t n = 1; n <= 3; n++) {
        ask(n, n);
        cr_assert_eq(assigned(&maker), n);
        if (n == 3)
            cr_expect_eq(ask(1, 9), SHELF_HAVE);
        shelf_made(&s, maker, true, 10);
        cr_expect(answered(&good) == n && good);
    }
    cr_assert(shelf_drop(&s, &item));
    cr_expect_eq(s.items[item].key.number, 2, "1 was used since");
    cr_expect(!shelf_drop(&s, &item));
    shelf_check_invariants(&s);
    cr_expect_eq(ask(2, 10), SHELF_WAIT);
}

Test(hls_shelf, a_lost_maker_costs_one_segment) {
    uint32_t maker;
    bool good;
    begin(100, 2);
    ask(1, 1);
    cr_expect_eq(assigned(&maker), 1);
    now.us += 1000 * (SHELF_MAKE_MS - 1);
    cr_expect(!shelf_overdue(&s, now, &maker));
    now.us += 1000;
    cr_assert(shelf_overdue(&s, now, &maker));
    shelf_maker_gone(&s, maker);
    shelf_check_invariants(&s);
    cr_expect(!shelf_overdue(&s, now, &maker));
    cr_expect(answered(&good) == 1 && !good);
    cr_expect_eq(ask(1, 2), SHELF_WAIT);
    cr_expect_eq(assigned(&maker), 1);
}

/* A flood of segments that nobody needs leaves what is kept alone. */
Test(hls_shelf, a_flood_is_bounded) {
    uint32_t maker, item;
    begin(1000, 1);
    ask(1, 1);
    cr_assert_eq(assigned(&maker), 1);
    shelf_made(&s, maker, true, 10);
    for (uint32_t n = 2; n < 4500; n++) {
        ask(n, n);
        while (shelf_drop(&s, &item))
            cr_assert_neq(s.items[item].key.number, 1);
    }
    cr_expect_eq(ask(1, 1), SHELF_HAVE);
}

/* Whatever happens: nobody waits longer than he should, everybody is answered once, the shelf
 * stays within its bound, nothing is made by two at a time (checked as invariants). */
Test(hls_shelf, whatever_happens) {
    enum {
        TOKENS = 4000
    };
    static struct instant asked[TOKENS];
    uint32_t next = 1, maker, item;
    uint64_t token, open = 0;
    begin(500, 3);
    srand(7);
    for (int step = 0; step < 30000; step++) {
        now.us += rand() % 40000;
        int what = rand() % 8;
        if (what < 4 && next < TOKENS) {
            asked[next] = now;
            open += ask((uint32_t)rand() % 60, next) == SHELF_WAIT;
            next++;
        } else if (what == 4) {
            shelf_expect(&s, (struct shelf_key){1, (uint32_t)rand() % 200}, 300000);
        } else {
            maker = (uint32_t)rand() % 3;
            if (s.makers[maker].here && s.makers[maker].item != SHELF_NONE && what < 7)
                shelf_made(&s, maker, rand() % 9 != 0, (uint64_t)rand() % 90);
            else if (s.makers[maker].here && what == 7 && rand() % 10 == 0)
                shelf_maker_gone(&s, maker);
            else if (!s.makers[maker].here)
                shelf_maker_here(&s, maker);
        }
        while (shelf_answered(&s, now, &token, &item)) {
            cr_assert(asked[token].us != 0 && open > 0, "answered twice");
            cr_assert_leq(instant_since(now, asked[token]).us, 1500000 + 40000);
            asked[token].us = 0;
            open--;
        }
        while (shelf_drop(&s, &item))
            continue;
        while (shelf_assign(&s, now, &maker, &item))
            continue;
        shelf_check_invariants(&s);
        cr_assert_leq(s.bytes, 500);
        cr_assert_eq(open, s.waiter_count);
    }
    cr_expect(s.counters.hits > 0 && s.counters.waited > 0 && s.counters.refused > 0 &&
              s.counters.failed > 0 && s.counters.dropped > 0 && s.counters.ahead > 0);
}
