#include "peerd/core/making.h"

#include "peerd/core/pathways.h"
#include "peerd/core/state.h"
#include "test/lib/overlay.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* fra1, ams1 and lon1, whose own machines make `film` of a source of that name. */

static const char *const clusters[] = {"fra1", "ams1", "lon1"};
static struct policy changed;
static struct core_pathways ways;
static struct name film;

static void offer(struct overlay *o, uint32_t cluster, const char *source) {
    policy_copy(&changed, core_policy(overlay_core(o, cluster)));
    changed.origin_count = 1;
    changed.origins[0] = (struct policy_origin){.failures = 2, .successes = 3, .name = film};
    if (source[0] != '\0')
        name_set(&changed.origins[0].source, source);
    snprintf(changed.origins[0].url.text, sizeof(changed.origins[0].url.text),
             "https://%s.example/film/master.m3u8", clusters[cluster]);
    overlay_policy(o, cluster, &changed);
}

static struct overlay *begun(uint32_t spare_ms, uint32_t player_ms) {
    struct overlay *o = overlay_new(&(struct overlay_setup){.clusters = 3});
    name_set(&film, "film");
    for (uint32_t i = 0; i < 3; i++) {
        offer(o, i, "film");
        overlay_makes(o, i, "film", spare_ms, player_ms);
    }
    overlay_run_until(o, 3000);
    return o;
}

static struct addr client(uint32_t n) {
    return addr_ipv4((uint8_t[4]){192, 0, (uint8_t)(2 + n / 200), (uint8_t)(1 + n % 200)}, 5004);
}

/* Where a player of that number is sent that is at `current`, or nowhere; it is counted. */
static const char *sent(struct overlay *o, uint32_t cluster, uint32_t n, const char *current) {
    struct name at = {{0}};
    struct core_event e;
    const struct addr from = client(n);
    cr_assert(current[0] == '\0' || name_set(&at, current));
    cr_assert_eq(core_pathways(overlay_core(o, cluster), &film, &from, &at, &ways), ERR_OK);
    if (core_pathways_sent(&ways, &film, &from, &at, &e))
        overlay_sent(o, cluster, &e.u.sent);
    return ways.list[0].cluster.text;
}

static uint32_t players(const struct overlay *o, uint32_t cluster, const char *where) {
    struct name at;
    name_set(&at, where);
    return making_players(overlay_core(o, cluster), &film, &at);
}

Test(core_making, everybody_knows_how_many_more_there_is_room_for) {
    struct overlay *o = begun(2000, 300);
    overlay_makes(o, 1, "film", 950, 300);
    overlay_makes(o, 2, "film", 100, 0);
    overlay_run_until(o, 4000);
    for (uint32_t who = 0; who < 3; who++) {
        cr_expect_eq(players(o, who, "fra1"), 6u, "of %s: %u", clusters[who],
                     players(o, who, "fra1"));
        cr_expect_eq(players(o, who, "ams1"), 3u);
        cr_expect_eq(players(o, who, "lon1"), MAKING_ANY, "what they cost is not known there");
    }
    overlay_free(o);
}

Test(core_making, who_is_full_gets_nobody_and_keeps_whom_it_has) {
    struct overlay *o = begun(2000, 300);
    overlay_makes(o, 0, "film", 299, 300);
    overlay_run_until(o, 4000);
    for (uint32_t who = 0; who < 3; who++) {
        for (uint32_t n = 0; n < 4; n++)
            cr_expect_str_neq(sent(o, who, n, ""), "fra1", "%s is asked", clusters[who]);
        cr_expect_str_eq(sent(o, who, 9, "fra1"), "fra1", "it is there already");
        cr_expect(ways.list[0].takes, "full is not ill");
    }
    overlay_free(o);
}

Test(core_making, where_all_are_full_they_are_taken_as_ever) {
    struct overlay *o = begun(100, 300);
    cr_expect_str_eq(sent(o, 0, 1, ""), "fra1", "who is asked is near");
    cr_expect_eq(ways.count, 3u);
    overlay_free(o);
}

/* Ten for three sites of 900 and 300 each: three here, then three at each of the others. */
Test(core_making, who_was_sent_is_counted_before_anybody_tells) {
    struct overlay *o = begun(900, 300);
    uint32_t at[3] = {0, 0, 0};
    for (uint32_t n = 0; n < 9; n++) {
        const char *where = sent(o, 0, n, "");
        for (uint32_t i = 0; i < 3; i++)
            at[i] += strcmp(where, clusters[i]) == 0;
    }
    cr_expect(at[0] == 3 && at[1] == 3 && at[2] == 3, "%u, %u, %u", at[0], at[1], at[2]);
    for (uint32_t i = 0; i < 3; i++)
        cr_expect_eq(players(o, 0, clusters[i]), 0u);
    cr_expect_eq(players(o, 1, "fra1"), 3u, "another does not know whom we have sent");
    overlay_run_until(o, 3000 + 9000);
    cr_expect_eq(players(o, 0, "ams1"), 0u, "they may not have come yet");
    overlay_run_until(o, 3000 + 10500);
    cr_expect_eq(players(o, 0, "ams1"), 3u, "by now its own word has them");
    overlay_free(o);
}

Test(core_making, one_client_is_counted_once) {
    struct overlay *o = begun(900, 300);
    for (uint32_t n = 0; n < 20; n++)
        cr_expect_str_eq(sent(o, 0, 1, ""), "fra1");
    cr_expect_eq(players(o, 0, "fra1"), 2u);
    (void)sent(o, 0, 1, "fra1");
    cr_expect_eq(players(o, 0, "fra1"), 2u, "who stays is not counted again");
    overlay_free(o);
}

/* As far from fra1 as each other. */
Test(core_making, equals_are_dealt_by_their_room) {
    struct overlay *o = begun(60000, 100);
    overlay_makes(o, 0, "film", 0, 100);
    overlay_makes(o, 2, "film", 20000, 100);
    overlay_run_until(o, 4000);
    uint32_t at_ams1 = 0, at_lon1 = 0;
    for (uint32_t n = 0; n < 80; n++) {
        const char *where = sent(o, 0, n, "");
        at_ams1 += strcmp(where, "ams1") == 0;
        at_lon1 += strcmp(where, "lon1") == 0;
    }
    cr_expect_eq(at_ams1 + at_lon1, 80u);
    cr_expect(at_lon1 >= 10 && at_lon1 <= 30, "a quarter of 80: %u", at_lon1);
    overlay_free(o);
}

Test(core_making, other_programs_are_not_counted) {
    struct overlay *o = begun(100, 300);
    for (uint32_t i = 0; i < 3; i++)
        offer(o, i, "");
    overlay_run_until(o, 3000 + 11000);
    for (uint32_t i = 0; i < 3; i++)
        cr_expect_eq(players(o, 0, clusters[i]), MAKING_ANY, "nobody says so, or long ago");
    overlay_free(o);
}

Test(core_making, a_node_that_is_lost_makes_nothing) {
    struct overlay *o = begun(2000, 300);
    cr_expect_eq(players(o, 0, "fra1"), 6u);
    overlay_kill_site(o, 1);
    overlay_run_until(o, 3000 + 11000);
    cr_expect_eq(players(o, 0, "ams1"), MAKING_ANY, "its word is old");
    overlay_free(o);
}
