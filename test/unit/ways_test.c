/* Whose fault it is that clients lose frames, by how they hear others. */
#include "monitor/ways.h"

#include <criterion/criterion.h>

#define CLIENTS 20

static struct instant at_ms(int64_t ms) {
    return instant_us(5000000 + ms * 1000);
}

/* Each client reports every half second of its frames, and of as many packets to each of two. Loss
 * is spread evenly. */
static struct ways heard(uint32_t own_permille, uint32_t packets, const uint32_t permille[2],
                         int64_t for_ms) {
    struct ways w = {.own = {.weight = 0}};
    uint32_t owed[3] = {0};
    for (int64_t ms = 0; ms < for_ms; ms += 500 / CLIENTS) {
        owed[2] += 25 * own_permille;
        ways_own(&w, 25, owed[2] / 1000, at_ms(ms));
        owed[2] %= 1000;
        for (uint16_t i = 0; i < 2; i++) {
            owed[i] += packets * permille[i];
            ways_told(&w, (uint16_t)(i + 1), packets, owed[i] / 1000, at_ms(ms));
            owed[i] %= 1000;
        }
    }
    return w;
}

Test(ways, who_loses_of_nobody_else_shows_that_our_path_is_bad) {
    static const struct {
        const char *what;
        uint32_t own, packets, others[2]; /* [1/1000] lost */
        enum ways_finding finding;
        uint16_t cluster; /* 0: whichever */
    } cases[] = {
        {"only ours", 150, 5, {0, 0}, WAYS_PATH, 0},
        {"all alike", 150, 5, {150, 150}, WAYS_ACCESS, 0},
        {"both ways of the access", 150, 5, {280, 280}, WAYS_ACCESS, 0},
        {"the first is as bad, the second not", 150, 5, {150, 0}, WAYS_PATH, 2},
        {"the second is as bad, the first not", 150, 5, {10, 150}, WAYS_PATH, 1},
        {"a little is lost everywhere", 150, 5, {20, 20}, WAYS_PATH, 0},
        {"half of ours and more", 150, 5, {90, 90}, WAYS_ACCESS, 0},
        {"we lose next to nothing", 5, 5, {0, 0}, WAYS_NOTHING, 0},
        {"nobody tells", 150, 0, {0, 0}, WAYS_NOTHING, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ways w = heard(cases[i].own, cases[i].packets, cases[i].others, 1000);
        struct ways_view v = ways_find(&w, at_ms(1000));
        cr_expect_eq(v.finding, cases[i].finding, "%s: %d", cases[i].what, (int)v.finding);
        cr_expect(cases[i].cluster == 0 || v.cluster == cases[i].cluster, "%s: %u", cases[i].what,
                  v.cluster);
    }
}

Test(ways, it_is_sure_once_chance_does_not_do_that) {
    static const uint32_t none[2] = {0, 0};
    struct ways w = heard(150, 5, none, 1300);
    uint32_t errors = ways_find(&w, at_ms(1300)).errors;
    cr_expect_geq(errors, 196, "a good second of twenty clients: %u", errors);
    w = heard(150, 1, none, 300);
    struct ways_view v = ways_find(&w, at_ms(300));
    cr_expect(v.finding == WAYS_PATH && v.errors < 196, "a dozen packets: %u", v.errors);
    w = heard(150, 1, none, 150);
    cr_expect_eq(ways_find(&w, at_ms(150)).finding, WAYS_NOTHING, "half a dozen");
}

Test(ways, what_was_heard_is_forgotten) {
    static const uint32_t none[2] = {0, 0};
    struct ways w = heard(150, 5, none, 1000);
    cr_expect_eq(ways_one(&w, 2, at_ms(1000)).finding, WAYS_PATH);
    cr_expect_eq(ways_one(&w, 3, at_ms(1000)).finding, WAYS_NOTHING, "of somebody else");
    cr_expect_eq(ways_one(&w, 0, at_ms(1000)).finding, WAYS_NOTHING, "of nobody");
    cr_expect_eq(ways_one(&w, 2, at_ms(60000)).finding, WAYS_NOTHING, "a minute later");
}

Test(ways, one_client_does_not_outvote_all_others) {
    static const uint32_t bad[2] = {150, 150};
    struct ways w = heard(150, 5, bad, 1000);
    ways_told(&w, 1, 255, 0, at_ms(1000));
    cr_expect_eq(ways_find(&w, at_ms(1000)).finding, WAYS_ACCESS);
    ways_told(&w, 1, 100, 200, at_ms(1000));
    cr_expect_leq(ways_one(&w, 1, at_ms(1000)).lost, WAYS_ALL);
}

Test(ways, a_further_cluster_takes_the_place_of_who_is_known_least) {
    static const uint32_t none[2] = {0, 0};
    struct ways w = heard(150, 5, none, 1000);
    ways_told(&w, 7, 2, 0, at_ms(1000));
    for (int i = 0; i < 20; i++)
        ways_told(&w, 8, 5, 0, at_ms(1000));
    cr_expect_eq(ways_one(&w, 7, at_ms(1000)).packets, 0);
    cr_expect_eq(ways_one(&w, 8, at_ms(1000)).packets, 100);
    cr_expect_eq(ways_one(&w, 1, at_ms(1000)).finding, WAYS_PATH);
}
