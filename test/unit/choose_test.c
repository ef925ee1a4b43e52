#include "topo/choose.h"

#include "peerd/base/rng.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- each rule has a row that loses by it ---------------------------------------------------- */

#define LOCATIONS 2

struct row {
    const char *what;
    struct choose_candidate a, b; /* a is chosen, b is not */
    uint32_t rtt_ms[2][LOCATIONS];
};

static const struct rank_place own = {1, 10, 100};

#define CANDIDATE(...)                                                                             \
    { .place = {2, 20, 200}, __VA_ARGS__ }
#define HERE                                                                                       \
    {                                                                                              \
        {5, 5}, {                                                                                  \
            5, 5                                                                                   \
        }                                                                                          \
    }

static const struct row rows[] = {
    {"pinned before all",
     CANDIDATE(.name = {"z"}, .pinned = true, .cost = 9),
     CANDIDATE(.name = {"b"}),
     {{500, 500}, {5, 5}}},
    {"excluded is not chosen", CANDIDATE(.name = {"z"}), CANDIDATE(.name = {"b"}, .excluded = true),
     HERE},
    {"1 good for two locations",
     CANDIDATE(.name = {"z"}, .cost = 5),
     CANDIDATE(.name = {"b"}, .kept = true),
     {{9, 9}, {5, 0}}},
    {"1 more sessions for what it costs",
     CANDIDATE(.name = {"z"}, .cost = 0),
     CANDIDATE(.name = {"b"}, .cost = 21),
     {{5, 0}, {5, 5}}},
    {"1 a peer already counts a quarter more", CANDIDATE(.name = {"z"}, .kept = true, .cost = 2),
     CANDIDATE(.name = {"b"}), HERE},
    {"1 falls not with us",
     CANDIDATE(.name = {"z"}, .cost = 500),
     {.name = {"b"}, .place = {1, 10, 100}},
     {{9, 9}, {5, 5}}},
    {"1 an upstream not known is everybody's",
     CANDIDATE(.name = {"z"}, .cost = 500),
     {.name = {"b"}, .place = {2, 20, 0}},
     {{9, 9}, {5, 5}}},
    {"2 cost, where both gain nothing",
     CANDIDATE(.name = {"z"}),
     CANDIDATE(.name = {"b"}, .cost = 1, .kept = true),
     {{0, 0}, {0, 0}}},
    {"3 a peer already, where nothing is known of either",
     CANDIDATE(.name = {"z"}, .kept = true),
     CANDIDATE(.name = {"b"}),
     {{0, 0}, {0, 0}}},
    {"3 nearer", CANDIDATE(.name = {"z"}), CANDIDATE(.name = {"b"}), {{8, 8}, {8, 9}}},
    {"3 known is nearer than not known",
     CANDIDATE(.name = {"z"}),
     CANDIDATE(.name = {"b"}),
     {{900, 900}, {0, 0}}},
    {"4 name", CANDIDATE(.name = {"a"}), CANDIDATE(.name = {"b"}), HERE},
};

static struct choose_result choose(const struct choose_task *task) {
    struct choose_result r;
    cr_assert_eq(choose_peers(&r, task), ERR_OK);
    return r;
}

Test(choose, each_rule_decides) {
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (int swapped = 0; swapped < 2; swapped++) {
            struct choose_candidate both[2] = {rows[i].a, rows[i].b};
            uint32_t weights[LOCATIONS] = {100, 100}, rtt_us[LOCATIONS * 2];
            if (swapped)
                both[0] = rows[i].b, both[1] = rows[i].a;
            for (int l = 0; l < LOCATIONS; l++)
                for (int c = 0; c < 2; c++)
                    rtt_us[l * 2 + c] = rows[i].rtt_ms[c ^ swapped][l] * 1000;
            /* What only nearness would choose is chosen for want of others: peers_min. */
            struct choose_result r = choose(&(struct choose_task){.own = own,
                                                                  .candidates = both,
                                                                  .candidate_count = 2,
                                                                  .weights = weights,
                                                                  .location_count = LOCATIONS,
                                                                  .rtt_us = rtt_us,
                                                                  .good_us = 10000,
                                                                  .backups = 2,
                                                                  .peers_min = 1,
                                                                  .peers_max = 1,
                                                                  .peering_cost = 20});
            cr_assert_eq(r.count, 1, "%s", rows[i].what);
            cr_expect_str_eq(both[r.peers[0]].name.text, rows[i].a.name.text, "%s", rows[i].what);
        }
    }
}

/* Four that cover the location, and one more of those who gain nothing there. */
Test(choose, who_is_a_peer_and_no_backup_gives_way_to_one_a_quarter_nearer) {
    static const struct {
        const char *what;
        uint32_t rtt_ms[3];
        const char *chosen;
    } cases[] = {{"somewhat nearer", {130, 101, 500}, "x"}, {"much nearer", {130, 500, 90}, "z"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct choose_candidate all[7] = {{.name = {"x"}, .kept = true},
                                          {.name = {"y"}},
                                          {.name = {"z"}},
                                          {.name = {"a"}},
                                          {.name = {"b"}},
                                          {.name = {"c"}},
                                          {.name = {"d"}}};
        uint32_t weight = 1, rtt_us[7] = {0, 0, 0, 5000, 6000, 7000, 8000};
        for (uint32_t c = 0; c < 7; c++)
            all[c].place = (struct rank_place){10 + c, 20 + c, 30 + c};
        for (uint32_t c = 0; c < 3; c++)
            rtt_us[c] = cases[i].rtt_ms[c] * 1000;
        struct choose_result r = choose(&(struct choose_task){.own = own,
                                                              .candidates = all,
                                                              .candidate_count = 7,
                                                              .weights = &weight,
                                                              .location_count = 1,
                                                              .rtt_us = rtt_us,
                                                              .good_us = 10000,
                                                              .backups = 2,
                                                              .peers_min = 5,
                                                              .peers_max = 5,
                                                              .peering_cost = 20});
        cr_assert_eq(r.count, 5);
        cr_expect_str_eq(all[r.peers[4]].name.text, cases[i].chosen, "%s", cases[i].what);
    }
}

/* ---- failure domains ------------------------------------------------------------------------- */

Test(choose, backups_do_not_fall_together_where_that_can_be_had) {
    static const struct {
        const char *what;
        struct rank_place places[3]; /* by nearness */
        const char *chosen;
        uint32_t covered, weak;
    } cases[] = {
        {"the second is of the first one's provider",
         {{2, 20, 200}, {2, 30, 300}, {3, 40, 400}},
         "ac",
         1,
         0},
        {"… region", {{2, 20, 200}, {3, 20, 300}, {4, 40, 400}}, "ac", 1, 0},
        {"… upstream", {{2, 20, 200}, {3, 30, 200}, {4, 40, 400}}, "ac", 1, 0},
        {"one is of our own provider", {{1, 20, 200}, {3, 30, 300}, {4, 40, 400}}, "bc", 1, 0},
        {"all are of one provider", {{2, 20, 200}, {2, 20, 300}, {2, 40, 400}}, "ac", 0, 1},
        {"all are of one upstream", {{2, 20, 200}, {2, 20, 200}, {2, 40, 200}}, "ac", 0, 1},
        {"there is nothing else", {{2, 20, 200}, {2, 20, 200}, {2, 20, 200}}, "ab", 0, 1},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct choose_candidate all[3] = {{.name = {"a"}}, {.name = {"b"}}, {.name = {"c"}}};
        uint32_t weight = 10, rtt_us[3] = {5000, 6000, 7000};
        for (int c = 0; c < 3; c++)
            all[c].place = cases[i].places[c];
        struct choose_result r = choose(&(struct choose_task){.own = own,
                                                              .candidates = all,
                                                              .candidate_count = 3,
                                                              .weights = &weight,
                                                              .location_count = 1,
                                                              .rtt_us = rtt_us,
                                                              .good_us = 10000,
                                                              .backups = 2,
                                                              .peers_max = 3,
                                                              .peering_cost = 1});
        char chosen[4] = "";
        for (uint32_t p = 0; p < r.count; p++)
            chosen[p] = all[r.peers[p]].name.text[0];
        cr_expect_str_eq(chosen, cases[i].chosen, "%s: %s", cases[i].what, chosen);
        cr_expect(r.covered == cases[i].covered && r.weak == cases[i].weak, "%s: %u, %u",
                  cases[i].what, r.covered, r.weak);
    }
}

Test(choose, what_is_pinned_counts_and_the_bound_holds) {
    struct choose_candidate all[6];
    uint32_t weight = 10, rtt_us[6];
    for (uint32_t c = 0; c < 6; c++) {
        all[c] = (struct choose_candidate){.place = {2 + c, 20 + c, 200 + c}, .pinned = c >= 4};
        snprintf(all[c].name.text, sizeof(all[c].name.text), "c%u", c);
        rtt_us[c] = 5000 + c;
    }
    struct choose_task task = {.own = own,
                               .candidates = all,
                               .candidate_count = 6,
                               .weights = &weight,
                               .location_count = 1,
                               .rtt_us = rtt_us,
                               .good_us = 10000,
                               .backups = 2,
                               .peers_max = 6,
                               .peering_cost = 1};
    struct choose_result r = choose(&task);
    cr_expect(r.count == 2 && r.peers[0] == 4 && r.peers[1] == 5, "both are backups already");
    task.peers_min = 5;
    r = choose(&task);
    cr_expect(r.count == 5 && r.peers[2] == 0, "further ones, the nearest first");
    task.peers_max = 1;
    r = choose(&task);
    cr_expect(r.count == 1 && r.covered == 0, "no more than that");
    task.candidate_count = 0;
    cr_expect_eq(choose(&task).count, 0);
}

/* ---- a thousand clusters that know each other ------------------------------------------------ */

#define CLUSTERS      1000
#define OWN_LOCATIONS 16
#define PEERS_MIN     10
#define PEERS_MAX     20
#define WIDTH_US      200000 /* [µs] of the world; its height is half of that */
#define CLIENTS_AWAY  20000  /* [µs] */

struct site {
    struct name name;
    int32_t x, y;
    struct rank_place place;
    uint32_t cost, degree;
    struct {
        int32_t x, y;
        uint32_t weight;
    } locations[OWN_LOCATIONS];
};

static struct site sites[CLUSTERS];
static bool linked[CLUSTERS][CLUSTERS];
static struct choose_candidate candidates[CLUSTERS];
static uint32_t rtts[OWN_LOCATIONS * CLUSTERS], weights[OWN_LOCATIONS];

/* In this world. */
static int32_t near(struct rng *g, int32_t at, int32_t end) {
    int32_t there = at + (int32_t)rng_below(g, 2 * CLIENTS_AWAY) - CLIENTS_AWAY;
    return there < 0 ? 0 : there < end ? there : end;
}

static void draw_sites(uint64_t seed) {
    struct rng g;
    rng_seed(&g, seed);
    memset(linked, 0, sizeof(linked));
    for (uint32_t i = 0; i < CLUSTERS; i++) {
        struct site *s = &sites[i];
        *s = (struct site){.x = (int32_t)rng_below(&g, WIDTH_US),
                           .y = (int32_t)rng_below(&g, WIDTH_US / 2),
                           .cost = (uint32_t)rng_below(&g, 20)};
        snprintf(s->name.text, sizeof(s->name.text), "c%03u", i);
        s->place.provider = 1 + rng_below(&g, 60);
        s->place.region = 1 + (uint64_t)(s->x / 20000 * 10 + s->y / 20000);
        s->place.upstream = 1 + rng_below(&g, 30);
        for (int l = 0; l < OWN_LOCATIONS; l++) {
            s->locations[l].x = near(&g, s->x, WIDTH_US);
            s->locations[l].y = near(&g, s->y, WIDTH_US / 2);
            s->locations[l].weight = 1 + (uint32_t)rng_below(&g, 100);
        }
    }
}

/* Of the others, from the last to the first if `backwards`. */
static uint32_t candidate_site(uint32_t self, uint32_t c, bool backwards) {
    uint32_t i = backwards ? CLUSTERS - 2 - c : c;
    return i < self ? i : i + 1;
}

static struct choose_result choose_for(uint32_t self, uint32_t peers_min, bool backwards) {
    const struct site *s = &sites[self];
    for (uint32_t c = 0; c < CLUSTERS - 1; c++) {
        uint32_t i = candidate_site(self, c, backwards);
        candidates[c] = (struct choose_candidate){.name = sites[i].name,
                                                  .place = sites[i].place,
                                                  .cost = sites[i].cost,
                                                  .pinned = linked[self][i],
                                                  .kept = linked[self][i],
                                                  .excluded = sites[i].degree >= PEERS_MAX};
        for (uint32_t l = 0; l < OWN_LOCATIONS; l++)
            rtts[l * (CLUSTERS - 1) + c] = 2000 + (uint32_t)abs(s->locations[l].x - sites[i].x) +
                                           (uint32_t)abs(s->locations[l].y - sites[i].y);
    }
    for (uint32_t l = 0; l < OWN_LOCATIONS; l++)
        weights[l] = s->locations[l].weight;
    struct choose_result r = choose(&(struct choose_task){.own = s->place,
                                                          .candidates = candidates,
                                                          .candidate_count = CLUSTERS - 1,
                                                          .weights = weights,
                                                          .location_count = OWN_LOCATIONS,
                                                          .rtt_us = rtts,
                                                          .good_us = 30000,
                                                          .backups = 2,
                                                          .peers_min = peers_min,
                                                          .peers_max = PEERS_MAX,
                                                          .peering_cost = 10});
    for (uint32_t p = 0; p < r.count; p++)
        r.peers[p] = candidate_site(self, r.peers[p], backwards);
    return r;
}

static void link_to(uint32_t self, const struct choose_result *r) {
    for (uint32_t p = 0; p < r->count; p++) {
        uint32_t i = r->peers[p];
        if (linked[self][i])
            continue;
        linked[self][i] = linked[i][self] = true;
        sites[self].degree++;
        sites[i].degree++;
    }
}

static void choose_and_link(uint32_t self, uint32_t peers_min) {
    struct choose_result r = choose_for(self, peers_min, false);
    if (self % 50 == 0) {
        struct choose_result again = choose_for(self, peers_min, true);
        cr_expect_eq(memcmp(&r, &again, sizeof(r)), 0, "the order of candidates decides");
    }
    link_to(self, &r);
}

/* One after the other chooses; whoever has no room for one more peer refuses. First all seek what
 * covers their locations, then those who have few peers some more. */
Test(choose, a_thousand_clusters_are_covered_by_ten_to_twenty_peers_each) {
    uint32_t covered = 0, weak = 0, least = CLUSTERS, most = 0, links = 0;
    draw_sites(1);
    for (uint32_t i = 0; i < CLUSTERS; i++)
        choose_and_link(i, 0);
    for (uint32_t i = 0; i < CLUSTERS; i++)
        if (sites[i].degree < PEERS_MIN)
            choose_and_link(i, PEERS_MIN);
    for (uint32_t i = 0; i < CLUSTERS; i++) {
        struct choose_result r = choose_for(i, 0, false);
        covered += r.covered;
        weak += r.weak;
        links += sites[i].degree;
        least = sites[i].degree < least ? sites[i].degree : least;
        most = sites[i].degree > most ? sites[i].degree : most;
    }
    cr_expect(least >= PEERS_MIN && most <= PEERS_MAX, "%u to %u peers", least, most);
    cr_expect_geq(covered, CLUSTERS * OWN_LOCATIONS / 100 * 99, "%u of %u, %u links", covered,
                  CLUSTERS * OWN_LOCATIONS, links);
    cr_expect_geq(covered + weak, CLUSTERS * OWN_LOCATIONS / 1000 * 998, "%u, and %u weakly",
                  covered, weak);
}
