#include "transcoder/timeline/budget.h"

#include <criterion/criterion.h>

static struct instant at_s(int64_t s) {
    return instant_us(s * 1000000);
}

Test(budget, starts_full_and_refills_evenly) {
    struct budget b;
    budget_init(&b, 6, at_s(0));
    for (int i = 0; i < 6; i++)
        cr_expect(budget_spend(&b, at_s(0)), "token %d", i);
    cr_expect_not(budget_spend(&b, at_s(0)), "empty");
    cr_expect_eq(budget_wait(&b, at_s(0)).us, 10000000);
    cr_expect_not(budget_spend(&b, instant_us(9999999)));
    cr_expect(budget_spend(&b, at_s(10)), "one token every ten seconds");
    cr_expect_not(budget_spend(&b, at_s(10)));
    cr_expect_eq(budget_left(&b, at_s(69)), 5);
    budget_init(&b, 6, at_s(0));
    cr_expect_eq(budget_left(&b, at_s(30)), 6, "full is full");
    cr_expect_eq(budget_left(&b, at_s(1000000)), 6, "never more than a minute's worth");
}

Test(budget, edges) {
    struct budget b;
    budget_init(&b, 0, at_s(0));
    cr_expect_not(budget_spend(&b, at_s(100)), "none at all");
    cr_expect_eq(budget_wait(&b, at_s(100)).us, DURATION_ENDLESS.us);
    budget_init(&b, 1, at_s(100));
    cr_expect(budget_spend(&b, at_s(50)), "a clock that seems to go back adds nothing");
    cr_expect_not(budget_spend(&b, at_s(100)));
    cr_expect_eq(budget_wait(&b, at_s(100)).us, 60000000);
}

/* Looking changes nothing but the instant at which the level was true. */
Test(budget, a_look_spends_nothing) {
    struct budget b;
    budget_init(&b, 6, at_s(0));
    while (budget_spend(&b, at_s(0)))
        continue;
    budget_look(&b, at_s(9));
    cr_expect_eq(budget_left(&b, b.at), 0);
    budget_look(&b, at_s(10));
    cr_expect_eq(b.at.us, at_s(10).us);
    cr_expect_eq(budget_left(&b, b.at), 1, "a token is there after ten seconds, looked at or not");
    budget_look(&b, at_s(5));
    cr_expect_eq(b.at.us, at_s(10).us, "time does not go back");
}
