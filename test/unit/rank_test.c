#include "topo/rank.h"

#include "peerd/base/rng.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const struct rank_place serving = {.provider = 1, .region = 10, .upstream = 100};

static struct session_id session(uint64_t number) {
    struct session_id id;
    struct rng g;
    rng_seed(&g, number);
    for (size_t i = 0; i < sizeof(id.bytes); i++)
        id.bytes[i] = (uint8_t)rng_u64(&g);
    return id;
}

static struct rank_candidate candidate(const char *name) {
    struct rank_candidate c = {.place = {2, 20, 200},
                               .usable = true,
                               .offers = true,
                               .accepts = true,
                               .same_determinism = true,
                               .free_slots = 100,
                               .rtt = duration_ms(20)};
    name_set(&c.name, name);
    return c;
}

/* `b` loses to `a` by one rule, and is better by the one that comes next. */
Test(rank, one_losing_row_for_each_rule) {
    static const struct {
        enum rank_rule rule;
        const char *what;
    } rows[] = {
        {RANK_RULE_PROVIDER, "same provider as the serving cluster"},
        {RANK_RULE_REGION, "same region"},
        {RANK_RULE_UPSTREAM, "same upstream"},
        {RANK_RULE_DETERMINISM, "other determinism id"},
        {RANK_RULE_FREE_SLOTS, "full"},
        {RANK_RULE_RTT, "twice as far"},
        {RANK_RULE_NAME, "the later name"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rank_candidate a = candidate("aaa"), b = candidate("bbb");
        int rule = rows[i].rule;
        /* b fails this rule; a fails every later one that can be failed. */
        struct rank_candidate *loser[9] = {NULL};
        for (int r = 1; r <= RANK_RULE_RTT; r++)
            loser[r] = r == rule ? &b : r > rule ? &a : NULL;
        if (loser[RANK_RULE_PROVIDER] != NULL)
            loser[RANK_RULE_PROVIDER]->place.provider = serving.provider;
        if (loser[RANK_RULE_REGION] != NULL)
            loser[RANK_RULE_REGION]->place.region = serving.region;
        if (loser[RANK_RULE_UPSTREAM] != NULL)
            loser[RANK_RULE_UPSTREAM]->place.upstream = serving.upstream;
        if (loser[RANK_RULE_DETERMINISM] != NULL)
            loser[RANK_RULE_DETERMINISM]->same_determinism = false;
        if (loser[RANK_RULE_FREE_SLOTS] != NULL)
            loser[RANK_RULE_FREE_SLOTS]->free_slots = 0;
        if (loser[RANK_RULE_RTT] != NULL)
            loser[RANK_RULE_RTT]->rtt = duration_ms(45);
        enum rank_rule decided;
        cr_expect(rank_compare(&a, &b, &serving, &decided) < 0, "%s", rows[i].what);
        cr_expect_eq(decided, rows[i].rule, "%s: rule %d", rows[i].what, decided);
        cr_expect(rank_compare(&b, &a, &serving, &decided) > 0, "%s, turned", rows[i].what);
    }
}

Test(rank, name_is_the_last_resort_and_a_candidate_equals_itself) {
    struct rank_candidate a = candidate("aaa"), b = candidate("aaa");
    enum rank_rule decided = RANK_RULE_RTT;
    cr_expect_eq(rank_compare(&a, &b, &serving, &decided), 0);
    cr_expect_eq(decided, RANK_RULE_NONE);
    b = candidate("bbb");
    int order = rank_compare(&a, &b, &serving, &decided);
    cr_expect(decided == RANK_RULE_NAME && order < 0);
    cr_expect_eq(order<0, rank_compare(&b, &a, &serving, NULL)> 0);
}

Test(rank, unknown_places_gain_nothing) {
    struct rank_candidate a = candidate("aaa"), b = candidate("bbb");
    enum rank_rule decided;
    b.place = (struct rank_place){0};
    cr_expect(rank_compare(&a, &b, &serving, &decided) < 0);
    cr_expect_eq(decided, RANK_RULE_PROVIDER);
    cr_expect_eq(rank_domain_of(""), 0u);
    cr_expect_neq(rank_domain_of("acme"), rank_domain_of("acmf"));
    cr_expect_neq(rank_place_domain(&a.place), rank_place_domain(&b.place));
}

Test(rank, rtt_counts_in_classes) {
    static const struct {
        const char *what;
        int64_t a_ms, b_ms;
        bool tells; /* apart */
    } rows[] = {{"both near", 1, 7, false},
                {"8 is the next class", 7, 8, true},
                {"noise", 17, 30, false},
                {"twice", 15, 32, true},
                {"unknown is last", 500, -1, true}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rank_candidate a = candidate("aaa"), b = candidate("bbb");
        enum rank_rule decided;
        a.rtt = duration_ms(rows[i].a_ms);
        b.rtt = rows[i].b_ms < 0 ? DURATION_ENDLESS : duration_ms(rows[i].b_ms);
        int order = rank_compare(&a, &b, &serving, &decided);
        cr_expect_eq(decided == RANK_RULE_RTT, rows[i].tells, "%s", rows[i].what);
        if (rows[i].tells)
            cr_expect(order < 0, "%s", rows[i].what);
    }
}

Test(rank, the_ineligible_are_not_ranked) {
    struct rank_candidate c[4] = {candidate("aaa"), candidate("bbb"), candidate("ccc"),
                                  candidate("ddd")};
    const struct session_id id = session(3);
    uint8_t order[4];
    c[0].usable = false;
    c[1].offers = false;
    c[2].accepts = false;
    cr_expect_eq(rank_order(c, 4, &serving, &id, order, 4), 1u);
    cr_expect_eq(order[0], 3);
    cr_expect_eq(rank_order(c, 3, &serving, &id, order, 4), 0u);
}

Test(rank, order_is_the_sorted_beginning_whatever_the_input_order) {
    struct rng g;
    rng_seed(&g, 5);
    for (int round = 0; round < 200; round++) {
        struct rank_candidate c[20];
        const struct session_id id = session((uint64_t)round);
        uint8_t order[4], again[4];
        for (int i = 0; i < 20; i++) {
            char name[16];
            snprintf(name, sizeof(name), "c%d", i);
            c[i] = candidate(name);
            c[i].place.provider = 1 + rng_below(&g, 2);
            c[i].same_determinism = rng_below(&g, 2) == 0;
            c[i].free_slots = (uint32_t)rng_below(&g, 3);
            c[i].usable = rng_below(&g, 4) != 0;
        }
        size_t count = rank_order(c, 20, &serving, &id, order, 4);
        for (size_t i = 0; i < count; i++) {
            size_t better = 0, equal = 0;
            for (int k = 0; k < 20; k++) {
                enum rank_rule rule = RANK_RULE_NONE;
                int side = rank_compare(&c[k], &c[order[i]], &serving, &rule);
                bool as_good = rule == RANK_RULE_NAME || rule == RANK_RULE_NONE;
                better += rank_is_eligible(&c[k]) && side < 0 && !as_good;
                equal += rank_is_eligible(&c[k]) && as_good;
            }
            cr_expect(better <= i && i < better + equal, "round %d: place %zu", round, i);
        }
        struct rank_candidate turned[20];
        for (int i = 0; i < 20; i++)
            turned[i] = c[19 - i];
        cr_expect_eq(rank_order(turned, 20, &serving, &id, again, 4), count);
        for (size_t i = 0; i < count; i++)
            cr_expect_eq(again[i], 19 - order[i], "round %d", round);
    }
}

Test(rank, sessions_spread_by_free_slots) {
    struct rank_candidate c[3] = {candidate("ams1"), candidate("lon1"), candidate("par1")};
    int first[3] = {0};
    c[0].free_slots = 100;
    c[1].free_slots = 200;
    c[2].free_slots = 300;
    for (uint64_t n = 0; n < 6000; n++) {
        const struct session_id id = session(n);
        uint8_t order[2];
        rank_order(c, 3, &serving, &id, order, 2);
        first[order[0]]++;
    }
    cr_expect(first[0] > 850 && first[0] < 1150, "%d of 1000", first[0]);
    cr_expect(first[1] > 1800 && first[1] < 2200, "%d of 2000", first[1]);
    cr_expect(first[2] > 2800 && first[2] < 3200, "%d of 3000", first[2]);
}

#define DEALT 60000

/* First choices, and second ones among those who lose the same first one, within a few per cent:
 * 60,000 sessions draw one of 60 points by chance, which alone is a deviation of one per cent. */
Test(rank, equals_share_the_load_and_that_of_each_other) {
    static const int equals[] = {2, 3, 4, 5, 6};
    for (size_t row = 0; row < sizeof(equals) / sizeof(equals[0]); row++) {
        struct rank_candidate c[6];
        int first[6] = {0}, second[6][6] = {{0}}, n = equals[row];
        for (int i = 0; i < n; i++) {
            char name[16];
            snprintf(name, sizeof(name), "c%d", i);
            c[i] = candidate(name);
        }
        for (uint64_t s = 0; s < DEALT; s++) {
            const struct session_id id = session(s);
            uint8_t order[4];
            cr_assert(rank_order(c, (size_t)n, &serving, &id, order, 4) >= 2);
            first[order[0]]++;
            second[order[0]][order[1]]++;
        }
        for (int i = 0; i < n; i++) {
            cr_expect(first[i] > 0.95 * DEALT / n && first[i] < 1.05 * DEALT / n, "%d of %d: %d", i,
                      n, first[i]);
            for (int k = 0; k < n; k++) {
                double fair = k == i ? 0 : (double)DEALT / n / (n - 1);
                bool even = 60 / n % (n - 1) == 0; /* the points can divide it */
                cr_expect(second[i][k] >= (even ? 0.88 : 0.7) * fair &&
                              second[i][k] <= (even ? 1.12 : 1.4) * fair,
                          "%d after %d of %d: %d", k, i, n, second[i][k]);
            }
        }
    }
}

/* What makes groups of them: a session has one of a few orders, and not one of 360. */
Test(rank, sessions_have_few_orders) {
    struct rank_candidate c[6];
    uint32_t seen[RANK_CLASSES + 1], count = 0;
    for (int i = 0; i < 6; i++) {
        char name[16];
        snprintf(name, sizeof(name), "c%d", i);
        c[i] = candidate(name);
        c[i].free_slots = 1000 + 7 * (uint32_t)i;
    }
    for (uint64_t s = 0; s < 5000; s++) {
        const struct session_id id = session(s);
        uint8_t o[4];
        uint32_t k = 0;
        rank_order(c, 6, &serving, &id, o, 4);
        uint32_t order = (uint32_t)o[0] << 24 | (uint32_t)o[1] << 16 | (uint32_t)o[2] << 8 | o[3];
        while (k < count && seen[k] != order)
            k++;
        if (k == count && count <= RANK_CLASSES)
            seen[count++] = order;
    }
    cr_expect(count <= RANK_CLASSES && count > 30, "%u orders", count);
}
