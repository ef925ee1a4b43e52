/* Whether one client hears another cluster better than us, and what many of them say together. */
#include "monitor/lean.h"

#include <criterion/criterion.h>

static struct instant at_ms(int64_t ms) {
    return instant_us(5000000 + ms * 1000);
}

/* Half a second of a client: five packets to each of two, and 25 frames of ours. Loss is spread
 * evenly, ours in runs of so many. */
static struct lean heard(uint32_t own_permille, const uint32_t permille[2], uint32_t run,
                         int64_t for_ms) {
    struct lean l = {{{0}}};
    uint32_t owed[2] = {0}, ours = 0;
    for (int64_t ms = 500; ms <= for_ms; ms += 500) {
        ours += 25 * own_permille;
        uint32_t runs = ours / (1000 * run);
        ours -= runs * 1000 * run;
        for (uint16_t i = 0; i < 2; i++) {
            owed[i] += 5 * permille[i];
            const struct lean_word word = {
                .asked = 5, .lost = owed[i] / 1000, .due = 25, .missing = runs * run, .runs = runs};
            lean_told(&l, (uint16_t)(i + 1), &word, at_ms(ms));
            owed[i] %= 1000;
        }
    }
    return l;
}

static int32_t leaning(const struct lean *l, uint16_t cluster, int64_t ms) {
    int32_t out;
    return lean_towards(l, cluster, at_ms(ms), &out) ? out : INT32_MIN;
}

Test(lean, it_leans_to_whom_it_hears_better) {
    static const struct {
        const char *what;
        uint32_t own, others[2]; /* [1/1000] lost */
        int towards[2];          /* its sign; 2: nothing is known */
    } rows[] = {
        {"only ours", 150, {0, 0}, {1, 1}},
        {"all alike", 150, {150, 150}, {-1, -1}},
        {"both ways of the access", 150, {280, 280}, {-1, -1}},
        {"the first is as bad", 150, {150, 0}, {-1, 1}},
        {"half of ours and more", 150, {100, 100}, {-1, -1}},
        {"a third of ours", 150, {50, 50}, {1, 1}},
        {"we lose half", 500, {0, 500}, {1, -1}},
        {"we lose all", 1000, {0, 1000}, {1, -1}},
        {"we lose nothing", 0, {0, 0}, {0, 0}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct lean l = heard(rows[i].own, rows[i].others, 1, 8000);
        for (uint16_t k = 0; k < 2; k++) {
            int32_t x = leaning(&l, (uint16_t)(k + 1), 8000);
            int sign = x == INT32_MIN ? 2 : (x > 0) - (x < 0);
            cr_expect_eq(sign, rows[i].towards[k], "%s, %u: %d", rows[i].what, k + 1U, x);
        }
    }
}

Test(lean, a_few_answers_are_enough_to_choose_it_and_runs_need_more) {
    static const uint32_t none[2] = {0, 0};
    struct lean l = heard(150, none, 1, 500);
    cr_expect_not(lean_is_away(&l, at_ms(500)), "five: %d", leaning(&l, 1, 500));
    l = heard(150, none, 1, 1000);
    cr_expect(lean_is_away(&l, at_ms(1000)), "ten: %d", leaning(&l, 1, 1000));
    l = heard(150, none, 8, 2000);
    cr_expect_not(lean_is_away(&l, at_ms(2000)), "runs of 8: %d", leaning(&l, 1, 2000));
    l = heard(150, none, 8, 6000);
    cr_expect(lean_is_away(&l, at_ms(6000)), "for long: %d", leaning(&l, 1, 6000));
}

Test(lean, what_is_old_is_not_known) {
    static const uint32_t none[2] = {0, 0};
    struct lean l = heard(150, none, 1, 3000);
    int32_t then = leaning(&l, 1, 3000);
    cr_expect_geq(then, 1000);
    cr_expect_lt(leaning(&l, 1, 5900), then * 9 / 10);
    cr_expect_eq(leaning(&l, 1, 6000), INT32_MIN);
    cr_expect_not(lean_is_away(&l, at_ms(6000)));
    cr_expect_eq(leaning(&l, 3, 3000), INT32_MIN, "of a third it has told nothing");
    cr_expect_eq(leaning(&l, 0, 3000), INT32_MIN, "nor is there a cluster without a number");
}

Test(lean, it_is_bounded_and_so_is_one_word) {
    static const struct lean_word well = {255, 0, 25, 25, 25}, bad = {255, 255, 25, 0, 0},
                                  nothing_due = {5, 5, 0, 0, 0}, damaged = {3, 200, 25, 90, 200};
    struct lean l = {{{0}}};
    for (int i = 0; i < 20; i++)
        lean_told(&l, 1, &well, at_ms(i));
    cr_expect_eq(leaning(&l, 1, 20), LEAN_MOST);
    lean_told(&l, 1, &nothing_due, at_ms(20));
    cr_expect_eq(leaning(&l, 1, 20), LEAN_MOST, "without our frames answers are not weighed");
    lean_told(&l, 1, &bad, at_ms(20));
    cr_expect_eq(leaning(&l, 1, 20), -LEAN_MOST);
    for (uint16_t k = 2; k < 10; k++) /* the one told of longest ago gives way */
        lean_told(&l, k, &well, at_ms(20 + k));
    cr_expect_eq(leaning(&l, 1, 40), INT32_MIN);
    cr_expect_gt(leaning(&l, 9, 40), 0);
    lean_told(&l, 9, &damaged, at_ms(41));
    cr_expect_gt(leaning(&l, 9, 41), -LEAN_MOST);
}

/* Three in eight words, each by itself or all in one; of many each word tells of some. */
Test(lean, answers_that_are_missing_together_are_one_event) {
    struct lean apart = {{{0}}}, together = {{{0}}}, many = {{{0}}};
    for (int i = 0; i < 8; i++) {
        struct lean_word word = {.asked = 5, .due = 25, .missing = 4, .runs = 4};
        word.lost = i == 3 || i == 5 || i == 7;
        lean_told(&apart, 1, &word, at_ms(i));
        word.lost = i == 7 ? 3 : 0;
        lean_told(&together, 1, &word, at_ms(i));
        word.lost = 2;
        lean_told(&many, 1, &word, at_ms(i));
    }
    cr_expect_geq(leaning(&together, 1, 8), leaning(&apart, 1, 8) + 1000);
    cr_expect_eq(leaning(&many, 1, 8), -LEAN_MOST, "%d", (int)leaning(&many, 1, 8));
}

/* Two paths alike, of a run of three now and then. A client asks for two seconds after each of
 * ours: that one of them made it ask says nothing, and is not in its words. */
Test(lean, two_paths_alike_lean_neither_way) {
    int64_t sum = 0;
    uint32_t away = 0;
    for (int client = 0; client < 1000; client++) {
        struct lean l = {{{0}}};
        uint32_t draw = (uint32_t)client * 2654435761U + 1;
        int asks = 0;
        for (int64_t ms = 500; ms <= 20000; ms += 500) {
            draw = draw * 1664525U + 1013904223U;
            bool ours = draw >> 30 == 0; /* in one of four halves of a second */
            draw = draw * 1664525U + 1013904223U;
            const struct lean_word word = {.asked = 5,
                                           .lost = draw >> 16 < 65536 / 17 * 5,
                                           .due = 25,
                                           .missing = ours ? 3 : 0,
                                           .runs = ours};
            if (asks > 0) /* five questions, of which each falls upon a run in one of 17 */
                lean_told(&l, 1, &word, at_ms(ms));
            asks = ours ? 4 : asks - 1;
        }
        int32_t x = leaning(&l, 1, 20000);
        sum += x == INT32_MIN ? 0 : lean_joined(x);
        away += lean_is_away(&l, at_ms(20000));
    }
    cr_expect_lt(sum, 0, "%ld", (long)sum);
    cr_expect_lt(away, 300, "%u of a thousand", away);
}

/* [1/1000] of so many who have heard so many answers each, and of others who have lost some. */
static int64_t joined(int well, int64_t well_ms, int bad) {
    static const uint32_t none[2] = {0, 0}, all[2] = {280, 280};
    struct lean w = heard(150, none, 1, well_ms), b = heard(150, all, 1, well_ms);
    return well * lean_joined(leaning(&w, 1, well_ms)) + bad * lean_joined(leaning(&b, 1, well_ms));
}

/* [1/1000] of so many who have heard as much, all of whom may have one path in common. */
static int64_t in_common(int well, int64_t well_ms) {
    static const uint32_t none[2] = {0, 0};
    struct lean w = heard(150, none, 1, well_ms);
    int32_t x = leaning(&w, 1, well_ms);
    return lean_either(well * lean_joined(x), (int64_t)well * x);
}

Test(lean, many_are_sure_sooner_and_some_of_many_too) {
    cr_expect_lt(joined(1, 3000, 0), LEAN_SURE, "one");
    cr_expect_lt(joined(20, 500, 0), LEAN_SURE, "twenty, of five answers each: some of them");
    cr_expect_geq(in_common(20, 500), LEAN_SURE, "or all");
    cr_expect_lt(in_common(2, 1000), LEAN_SURE, "two of them are not sure");
    cr_expect_geq(joined(20, 1000, 0), LEAN_SURE, "twenty, of ten answers each");
    cr_expect_geq(joined(8, 2500, 0), LEAN_SURE, "eight, of 25");
    cr_expect_lt(joined(0, 2000, 20), 0, "none of twenty");
    cr_expect_geq(joined(20, 3000, 20), LEAN_SURE, "twenty of forty");
    for (int32_t x = -LEAN_MOST - 10; x < LEAN_MOST + 10; x += 7)
        cr_expect_leq(lean_joined(x), lean_joined(x + 7));
    cr_expect_eq(lean_joined(0), 0);
}

Test(lean, one_of_two_is_so_and_nobody_knows_which) {
    cr_expect_eq(lean_either(0, 0), 0);
    cr_expect_eq(lean_either(5000, -90000), 5000 - 693);
    cr_expect_eq(lean_either(-90000, 5000), 5000 - 693);
    for (int64_t x = -9000; x < 9000; x += 250) {
        cr_expect_leq(lean_either(1000, x), lean_either(1000, x + 250));
        cr_expect_eq(lean_either(1000, x), lean_either(x, 1000));
    }
}

/* One who loses a sixth of ours in so many words, and misses so many answers, one in each word. */
static struct lean misses(int words, int answers) {
    struct lean l = {{{0}}};
    for (int i = 0; i < words; i++) {
        const struct lean_word word = {
            .asked = 5, .lost = i < answers, .due = 24, .missing = 4, .runs = 4};
        lean_told(&l, 1, &word, at_ms(i * 100));
    }
    return l;
}

Test(lean, who_misses_more_of_a_way_than_others_is_apart) {
    static const struct {
        const char *what;
        int others, theirs, answers; /* others, each of twelve words and sixty answers */
        bool apart;
    } rows[] = {
        {"as well as they", 18, 0, 0, false},
        {"one of sixty is chance", 18, 0, 1, false},
        {"two are not, where they miss none", 18, 0, 2, true},
        {"nor are six, half of what ours loses", 18, 0, 6, true},
        {"where they miss one each nobody can tell", 18, 1, 9, false},
        {"two others are enough", 2, 0, 9, true},
        {"one is not", 1, 0, 9, false},
        {"nobody else", 0, 0, 9, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct lean other = misses(12, rows[i].theirs), l = misses(12, rows[i].answers);
        struct lean_heard sum = {0};
        for (int k = 0; k < rows[i].others; k++)
            lean_add(&sum, &other, 1, at_ms(1100));
        cr_expect_eq(sum.asked, 60u * (unsigned)rows[i].others);
        cr_expect_eq(lean_is_apart(&l, 1, &sum, at_ms(1100)), rows[i].apart, "%s", rows[i].what);
        cr_expect_not(lean_is_apart(&l, 2, &sum, at_ms(1100)), "of that way nothing is known");
        cr_expect_not(lean_is_apart(&l, 1, &sum, at_ms(9000)), "nor so much later");
    }
}

/* Its own loss of ours is no more than what others may miss of that way. */
Test(lean, who_loses_little_is_not_apart) {
    struct lean l = {{{0}}};
    const struct lean_heard sum = {.asked = 1000};
    for (int i = 0; i < 40; i++) {
        const struct lean_word word = {
            .asked = 5, .lost = 1, .due = 200, .missing = i == 0, .runs = i == 0};
        lean_told(&l, 1, &word, at_ms(i * 100));
    }
    cr_expect_not(lean_is_apart(&l, 1, &sum, at_ms(3900)));
}

/* By the way of which most was told: a new one says little. */
Test(lean, what_is_usual_of_ours_is_known_by_all_words) {
    struct lean l = {{{0}}};
    cr_expect_eq(lean_usual_milli(&l, 25), 0, "nothing was told");
    for (int i = 0; i < 8; i++) {
        const struct lean_word word = {.asked = 5, .due = 25, .missing = 6, .runs = 3};
        lean_told(&l, 1, &word, at_ms(i * 500));
    }
    cr_expect_eq(lean_usual_milli(&l, 25), 3000, "as many runs, not frames, as in each word");
    cr_expect_eq(lean_usual_milli(&l, 50), 6000);
    const struct lean_word none = {.asked = 5, .due = 25};
    lean_told(&l, 2, &none, at_ms(4000));
    cr_expect_eq(lean_usual_milli(&l, 25), 3000, "one word of another way changes nothing");
    lean_told(&l, 1, &none, at_ms(4000));
    uint32_t now = lean_usual_milli(&l, 25);
    cr_expect(now > 2600 && now < 2700, "one without any changes little: %u", now);
}
