#include "monitor/damping.h"

#include <criterion/criterion.h>

static const struct damping_rule rule = {.half_life = {60000000}, .suppress = 2000, .reuse = 750};

static struct instant at_s(int64_t s) {
    return instant_us(s * 1000000);
}

Test(damping, who_comes_and_goes_is_damped) {
    static const struct {
        const char *what;
        int64_t flaps_s[6]; /* 0 for no more */
        uint32_t suppress;
        int64_t damped_s; /* 0: never */
    } rows[] = {
        {"once is no habit", {10}, 2000, 0},
        {"twice is not, if some time lies between", {10, 11}, 2000, 0},
        {"three times within a minute are", {10, 20, 30}, 2000, 30},
        {"… the rest adds to it", {10, 20, 30, 40, 50}, 2000, 30},
        {"twice at once", {10, 10}, 2000, 10},
        {"once in two minutes never sums up", {10, 130, 250, 370, 490, 610}, 2000, 0},
        {"nobody is, where the policy says so", {10, 11, 12, 13, 14, 15}, 0, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct damping_rule r = rule;
        struct damping d;
        int64_t damped_s = 0;
        r.suppress = rows[i].suppress;
        damping_init(&d);
        uint64_t flaps = 0;
        for (size_t n = 0; n < 6 && rows[i].flaps_s[n] > 0; n++, flaps++)
            if (damping_flapped(&d, &r, at_s(rows[i].flaps_s[n]))) {
                cr_expect_eq(damped_s, 0, "%s: told twice", rows[i].what);
                damped_s = rows[i].flaps_s[n];
            }
        cr_expect_eq(damped_s, rows[i].damped_s, "%s: at %lld", rows[i].what, (long long)damped_s);
        cr_expect_eq(d.damped, damped_s > 0);
        cr_expect_eq(d.flaps, flaps);
    }
}

Test(damping, points_are_halved) {
    struct damping d;
    damping_init(&d);
    damping_flapped(&d, &rule, at_s(0));
    static const struct {
        int64_t s;
        uint32_t points;
    } rows[] = {{0, 1000}, {30, 750}, {60, 500}, {90, 375}, {120, 250}, {180, 125}, {100000, 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect_eq(damping_points(&d, &rule, at_s(rows[i].s)), rows[i].points, "after %lld s: %u",
                     (long long)rows[i].s, damping_points(&d, &rule, at_s(rows[i].s)));
}

/* It ends when it said that it would, to the second, and the wait has a limit. */
Test(damping, it_ends) {
    for (int flaps = 2; flaps < 40; flaps++) {
        struct damping d;
        damping_init(&d);
        for (int i = 0; i < flaps; i++)
            damping_flapped(&d, &rule, at_s(100));
        struct instant ends = damping_ends(&d, &rule);
        cr_assert(d.damped && !instant_is_never(ends), "%d flaps", flaps);
        cr_expect_leq(instant_since(ends, at_s(100)).us, rule.half_life.us * DAMPING_HALVES_MAX);
        cr_expect_not(damping_passed(&d, &rule, instant_sub(ends, duration_s(1))), "%d flaps",
                      flaps);
        cr_expect(damping_passed(&d, &rule, ends), "%d flaps: %u points left", flaps,
                  damping_points(&d, &rule, ends));
        cr_expect_not(d.damped);
        cr_expect_not(damping_passed(&d, &rule, ends), "told once");
        cr_expect(instant_is_never(damping_ends(&d, &rule)));
    }
}

Test(damping, a_rule_may_change) {
    struct damping d;
    struct damping_rule other = rule;
    damping_init(&d);
    for (int i = 0; i < 3; i++)
        damping_flapped(&d, &rule, at_s(100));
    other.reuse = 5000;
    other.suppress = 6000;
    cr_expect(damping_passed(&d, &other, at_s(100)), "it has less than is enough now");
    damping_flapped(&d, &rule, at_s(100));
    other.suppress = 0;
    cr_expect(d.damped && damping_passed(&d, &other, at_s(100)), "nobody is damped any more");
}
