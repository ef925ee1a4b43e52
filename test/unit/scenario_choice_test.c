/*
 * Scenarios whose clusters choose their peers by coverage.
 */
#include "peerd/sim/scenario.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct faults faults;

static struct scenario parsed(const char *clusters) {
    char text[4096], line[FAULT_LINE_LEN_MAX + 1] = "";
    struct scenario s;
    int len = snprintf(text, sizeof(text), "name: choice\nduration: 5s\n%s", clusters);
    enum err err = scenario_parse(text, (size_t)len, "choice", &s, &faults);
    if (faults.count > 0)
        fault_to_text(&faults, &faults.list[0], line);
    cr_assert_eq(err, ERR_OK, "%s", line);
    return s;
}

static uint32_t named(const struct scenario *s, const char *name) {
    for (uint32_t i = 0; i < s->cluster_count; i++)
        if (strcmp(s->clusters[i].identity.name.text, name) == 0)
            return i;
    cr_assert_fail("no cluster %s", name);
    return 0;
}

static bool are_peers(const struct scenario *s, const char *a, const char *b) {
    return scenario_are_peers(s, named(s, a), named(s, b));
}

static const char europe[] =
    "clusters:\n"
    "  - {name: fra, count: 20, place: frankfurt, upstream: AS1, chooses: 8}\n"
    "  - {name: par, count: 20, place: paris, upstream: AS2, chooses: 8}\n"
    "  - {name: lon, count: 20, place: london, upstream: AS3, chooses: 8}\n"
    "  - {name: mil, count: 20, place: milan, upstream: AS4, chooses: 8}\n"
    "clients:\n"
    "  - {name: west, count: 50, place: brussels, open_at: nearest, spread: true}\n";

Test(scenario_choice, peerings_are_mutual_and_bounded) {
    struct scenario s = parsed(europe);
    cr_expect_eq(s.choice.clusters, 80u);
    cr_expect(s.choice.peers_min >= 4 && s.choice.peers_max <= 8, "%u to %u", s.choice.peers_min,
              s.choice.peers_max);
    for (uint32_t a = 0; a < s.cluster_count; a++) {
        uint32_t count = 0;
        for (uint32_t b = 0; b < s.cluster_count; b++)
            count += scenario_are_peers(&s, a, b);
        cr_expect_eq(count, s.clusters[a].peer_count, "whom one names names it, too");
    }
    scenario_free(&s);
}

/* With so few peers not quite all: what one takes another cannot have. */
Test(scenario_choice, locations_have_two_backups_that_do_not_fall_together) {
    struct scenario s = parsed(europe);
    cr_expect_geq(s.choice.locations, 80u);
    cr_expect_geq(s.choice.covered * 100, s.choice.locations * 95, "%u of %u", s.choice.covered,
                  s.choice.locations);
    cr_expect_eq(s.choice.covered + s.choice.weak, s.choice.locations);
    scenario_free(&s);
}

Test(scenario_choice, what_cannot_be_had_is_counted_as_weak) {
    struct scenario s =
        parsed("clusters:\n"
               "  - {name: syd, count: 6, place: sydney, upstream: AS1, chooses: 4}\n");
    cr_expect_eq(s.choice.covered, 0u);
    cr_expect_eq(s.choice.weak, 6u, "%u", s.choice.weak);
    scenario_free(&s);
}

Test(scenario_choice, the_same_file_gives_the_same_peers) {
    struct scenario a = parsed(europe), b = parsed(europe);
    for (uint32_t i = 0; i < a.cluster_count; i++)
        for (uint32_t k = 0; k < a.clusters[i].peer_count; k++)
            cr_expect(name_equal(&a.clusters[i].peers[k], &b.clusters[i].peers[k]));
    scenario_free(&a);
    scenario_free(&b);
}

/* Two of the others are enough for fra1; what they take decides which. */
Test(scenario_choice, the_dear_one_is_left_out) {
    struct scenario s =
        parsed("clusters:\n"
               "  - {name: fra1, region: eu, place: frankfurt, upstream: AS1, chooses: 2}\n"
               "  - {name: ams1, region: nl, place: amsterdam, upstream: AS2, chooses: 2}\n"
               "  - {name: bru1, region: be, place: brussels, upstream: AS3, chooses: 2}\n"
               "  - {name: par1, region: fr, place: paris, upstream: AS4, chooses: 2}\n"
               "agreements:\n"
               "  - {at: ams1, terms: {name: fra1, cost: 900}}\n");
    cr_expect(!are_peers(&s, "fra1", "ams1"));
    cr_expect(are_peers(&s, "fra1", "bru1") && are_peers(&s, "fra1", "par1"));
    scenario_free(&s);
}

Test(scenario_choice, whoever_names_one_that_chooses_is_its_peer) {
    struct scenario s = parsed("clusters:\n"
                               "  - {name: fra1, place: frankfurt, chooses: 2}\n"
                               "  - {name: ams1, place: amsterdam, chooses: 2}\n"
                               "  - {name: far1, place: sydney, peers: [fra1]}\n");
    cr_expect(are_peers(&s, "fra1", "far1") && are_peers(&s, "fra1", "ams1"));
    cr_expect(!are_peers(&s, "ams1", "far1"));
    scenario_free(&s);
}

Test(scenario_choice, peers_are_said_in_one_way) {
    static const char *const both[] = {"peers: [ams1], chooses: 3", "nearest: 1, chooses: 3",
                                       "peers: [ams1], nearest: 1"};
    for (size_t i = 0; i < sizeof(both) / sizeof(both[0]); i++) {
        char text[512];
        struct scenario s;
        int len = snprintf(text, sizeof(text),
                           "name: choice\nduration: 5s\nclusters:\n"
                           "  - {name: fra1, %s}\n  - {name: ams1}\n",
                           both[i]);
        cr_expect_eq(scenario_parse(text, (size_t)len, "choice", &s, &faults), ERR_BAD_POLICY, "%s",
                     both[i]);
        cr_expect_eq(faults.count, 1u, "%s", both[i]);
    }
}
