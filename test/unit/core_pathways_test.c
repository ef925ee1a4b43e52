#include "peerd/core/pathways.h"

#include "peerd/core/state.h"
#include "test/lib/overlay.h"
#include "topo/trips.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* fra1, ams1 and lon1, each with an origin `film`, seen from whichever is asked. */

static const char *const clusters[] = {"fra1", "ams1", "lon1"};
static struct policy changed;
static struct core_pathways ways;

static struct policy *policy_of(const struct overlay *o, uint32_t cluster) {
    policy_copy(&changed, core_policy(overlay_core(o, cluster)));
    return &changed;
}

static struct policy_origin film_at(uint32_t cluster) {
    struct policy_origin film = {.failures = 2, .successes = 3};
    name_set(&film.name, "film");
    snprintf(film.url.text, sizeof(film.url.text), "https://%s.example/film/master.m3u8",
             clusters[cluster]);
    return film;
}

static void offer(struct overlay *o, uint32_t cluster, const struct policy_origin *origin) {
    struct policy *p = policy_of(o, cluster);
    p->origin_count = 1;
    p->origins[0] = *origin;
    overlay_policy(o, cluster, p);
}

static struct overlay *begun(void) {
    struct overlay *o = overlay_new(&(struct overlay_setup){.clusters = 3});
    for (uint32_t i = 0; i < 3; i++) {
        const struct policy_origin film = film_at(i);
        offer(o, i, &film);
    }
    overlay_run_until(o, 3000);
    return o;
}

static enum err ask(const struct overlay *o, uint32_t cluster, const char *client,
                    const char *current) {
    struct name film, at = {{0}};
    struct addr from;
    cr_assert(name_set(&film, "film") && addr_from_text(&from, client));
    cr_assert(current[0] == '\0' || name_set(&at, current));
    memset(&ways, 0x5a, sizeof(ways));
    return core_pathways(overlay_core(o, cluster), &film, &from, &at, &ways);
}

/* The order, a `-` before those that take nobody, and after a `>` who is asked next. */
static const char *asked(const struct overlay *o, uint32_t cluster, const char *current) {
    static char text[256];
    size_t len = 0;
    if (ask(o, cluster, "192.0.2.7:5004", current) != ERR_OK)
        return "unknown";
    for (uint32_t i = 0; i < ways.count; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s ",
                                ways.list[i].takes ? "" : "-", ways.list[i].cluster.text);
    snprintf(text + len, sizeof(text) - len, "> %.12s", ways.steers == NULL ? "us" : ways.steers);
    return text;
}

static bool is_first(const char *order, const char *cluster) {
    return strncmp(order, cluster, strlen(cluster)) == 0;
}

static uint32_t place_of(const char *cluster) {
    for (uint32_t i = 0; i < ways.count; i++)
        if (strcmp(ways.list[i].cluster.text, cluster) == 0)
            return i + 1;
    return 0;
}

Test(core_pathways, a_player_stays_where_it_is_whoever_is_asked) {
    struct overlay *o = begun();
    for (uint32_t at = 0; at < 3; at++)
        for (uint32_t who = 0; who < 3; who++) {
            const char *order = asked(o, who, clusters[at]);
            cr_expect(is_first(order, clusters[at]), "%s at %s: %s", clusters[at], clusters[who],
                      order);
            cr_expect_eq(ways.count, 3u);
            for (uint32_t i = 0; i < 3; i++)
                cr_expect(ways.list[i].takes, "%s", order);
            /* Whoever is asked next is not the one that serves. */
            cr_expect(at == who ? ways.steers != NULL && strstr(ways.steers, clusters[at]) == NULL
                                : ways.steers == NULL,
                      "%s at %s: %s", clusters[at], clusters[who], order);
        }
    for (uint32_t who = 0; who < 3; who++)
        cr_expect(is_first(asked(o, who, ""), clusters[who]), "who is asked is near: %s",
                  asked(o, who, ""));
    asked(o, 0, "");
    cr_expect_str_eq(ways.list[place_of("ams1") - 1].url, "https://ams1.example/film/master.m3u8");
    cr_expect_str_eq(ways.list[place_of("lon1") - 1].door, "https://lon1.example:7680");
    cr_expect_null(ways.list[place_of("fra1") - 1].door);
    overlay_free(o);
}

Test(core_pathways, nobody_has_it) {
    struct overlay *o = overlay_new(&(struct overlay_setup){.clusters = 2});
    overlay_run_until(o, 2000);
    cr_expect_eq(ask(o, 0, "192.0.2.7:1", ""), ERR_UNKNOWN_SERVICE);
    const struct policy_origin film = film_at(1);
    offer(o, 1, &film);
    overlay_run_until(o, 2900);
    cr_expect_str_eq(asked(o, 0, ""), "ams1 > us", "told in a beat that there is a list");
    cr_expect_str_eq(asked(o, 1, ""), "ams1 > us", "nobody else has it");
    overlay_free(o);
}

Test(core_pathways, an_ill_origin_comes_last_within_a_beat) {
    struct overlay *o = begun();
    overlay_forget(o);
    overlay_check_origin(o, 1, 0, ERR_TIMEOUT);
    overlay_run_until(o, 3200);
    cr_expect(is_first(asked(o, 0, "ams1"), "ams1"), "one failure is none");
    overlay_check_origin(o, 1, 0, ERR_TIMEOUT);
    cr_expect_eq(overlay_count(o, "ams1 origin film is ill: 2 looks in a row failed"), 1u);
    cr_expect_not(is_first(asked(o, 1, "ams1"), "ams1"));
    overlay_run_until(o, 3260);
    for (uint32_t who = 0; who < 3; who++) {
        const char *order = asked(o, who, "ams1");
        cr_expect_eq(place_of("ams1"), 3u, "%s: %s", clusters[who], order);
        cr_expect_not(ways.list[2].takes);
    }
    /* Its peerd answers all the same. */
    cr_expect_eq(ask(o, 0, "192.0.2.7:1", "fra1"), ERR_OK);
    cr_expect_not_null(ways.steers);
    for (int i = 0; i < 2; i++)
        overlay_check_origin(o, 1, 0, ERR_OK);
    overlay_check_origin(o, 1, 0, ERR_IO);
    for (int i = 0; i < 2; i++)
        overlay_check_origin(o, 1, 0, ERR_OK);
    cr_expect_eq(overlay_count(o, "well again"), 0u, "not three in a row");
    overlay_check_origin(o, 1, 0, ERR_OK);
    cr_expect_eq(overlay_count(o, "ams1 origin film is well again"), 1u);
    overlay_run_until(o, 3400);
    cr_expect(is_first(asked(o, 0, "ams1"), "ams1"));
    overlay_free(o);
}

Test(core_pathways, the_dead_and_those_who_drain_come_last) {
    struct overlay *o = begun();
    overlay_kill_site(o, 1);
    overlay_drain(o, 2, 30000);
    overlay_run_until(o, 3600);
    cr_assert_eq(overlay_verdict(o, 0, 1), VERDICT_CRASHED);
    const char *order = asked(o, 0, "ams1");
    cr_expect(is_first(order, "fra1 -"), "%s", order);
    cr_expect_eq(ways.count, 3u, "listed all the same: %s", order);
    cr_expect_null(ways.steers, "%s", order);
    order = asked(o, 2, "lon1");
    cr_expect(is_first(order, "fra1 -"), "who drains sends them away: %s", order);
    overlay_undrain(o, 2);
    overlay_run_until(o, 3900);
    cr_expect(is_first(asked(o, 0, "lon1"), "lon1"));
    overlay_free(o);
}

/* Late, headless, cut off from us, or not heard since we started: its media may well flow. */
Test(core_pathways, who_may_live_keeps_its_players_and_gets_no_others) {
    static const struct {
        const char *what;
        enum verdict verdict;
        bool damped, stays;
    } rows[] = {
        {"alive", VERDICT_ALIVE, false, true},
        {"degraded", VERDICT_DEGRADED, false, true},
        {"comes and goes", VERDICT_ALIVE, true, true},
        {"late", VERDICT_SUSPECT, false, true},
        {"headless", VERDICT_HEADLESS, false, true},
        {"cut off", VERDICT_PARTITIONED, false, true},
        {"not heard", VERDICT_UNKNOWN, false, true},
        {"dead", VERDICT_CRASHED, false, false},
        {"drains", VERDICT_DRAINING, false, false},
    };
    struct overlay *o = begun();
    struct core *core = (struct core *)(uintptr_t)overlay_core(o, 0);
    struct peering *ams1 = core->peers[0];
    const enum verdict was = ams1->verdict.verdict;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool takes = verdict_is_usable(rows[i].verdict) && !rows[i].damped;
        ams1->verdict.verdict = rows[i].verdict;
        ams1->damping.damped = rows[i].damped;
        const char *order = asked(o, 0, "ams1");
        cr_expect_eq(place_of("ams1"), rows[i].stays ? 1u : 3u, "%s: %s", rows[i].what, order);
        cr_expect_eq(ways.list[place_of("ams1") - 1].takes, takes, "%s: %s", rows[i].what, order);
        order = asked(o, 0, "");
        cr_expect(takes || place_of("ams1") == 3, "%s: %s", rows[i].what, order);
    }
    ams1->damping.damped = false;
    ams1->verdict.verdict = was;
    overlay_free(o);
}

Test(core_pathways, whoever_just_started_moves_nobody) {
    struct overlay *o = begun();
    overlay_kill_peerd(o, 1);
    overlay_run_until(o, 3050);
    overlay_start_peerd(o, 1);
    const struct policy_origin film = film_at(1);
    offer(o, 1, &film);
    overlay_run_until(o, 3060);
    cr_expect_eq(ask(o, 1, "192.0.2.7:1", "fra1"), ERR_OK);
    cr_expect_eq(place_of("fra1"), 0u, "not known yet: the player finds no such name in its list");
    cr_expect_null(ways.steers);
    overlay_run_until(o, 3900);
    cr_expect(is_first(asked(o, 1, "fra1"), "fra1"), "%s", asked(o, 1, "fra1"));
    overlay_free(o);
}

Test(core_pathways, whom_policy_forbids_is_left_out) {
    struct overlay *o = begun();
    struct policy *p = policy_of(o, 0);
    p->peers[0].offer_moves = false;
    overlay_policy(o, 0, p);
    cr_expect_eq(ask(o, 0, "192.0.2.7:1", "ams1"), ERR_OK);
    cr_expect(ways.count == 2 && place_of("ams1") == 0);
    /* The law: clients there stay in a region, which is ours. Or, with nobody in it, with us. */
    static const char *const regions[] = {"europe", "ocean"};
    p = policy_of(o, 2);
    cr_assert(name_set(&p->cluster.region, "asia"));
    overlay_policy(o, 2, p);
    overlay_run_until(o, 9000);
    for (int i = 0; i < 2; i++) {
        p = policy_of(o, 0);
        p->peers[0].offer_moves = true;
        p->residence_count = p->residence[0].region_count = 1;
        cr_assert(prefix_from_text(&p->residence[0].prefix, "192.0.2.0/24"));
        cr_assert(name_set(&p->residence[0].regions[0], regions[i]));
        overlay_policy(o, 0, p);
        cr_expect_eq(ask(o, 0, "192.0.2.7:1", "lon1"), ERR_OK);
        cr_expect_eq(place_of("lon1"), i == 0 ? 0u : 3u, "%s", regions[i]);
        cr_expect_eq(ways.count, i == 0 ? 2u : 3u, "%s", regions[i]);
        cr_expect_eq(ask(o, 0, "198.51.100.1:1", "fra1"), ERR_OK);
        cr_expect_eq(ways.count, 3u, "others are free to go");
    }
    overlay_free(o);
}

/* Of an agreement only its clients bind players: slots are of nodes. */
Test(core_pathways, an_agreement_says_which_clients_may_go) {
    struct overlay *o = begun();
    struct peering *ams1 = ((struct core *)(uintptr_t)overlay_core(o, 0))->peers[0];
    static struct accord accord;
    struct agreement_clients *clients = &accord.agreement.mine.asks.clients;
    struct accord *was = ams1->accord;
    accord.required = true;
    clients->never_count = 1;
    cr_assert(prefix_from_text(&clients->never[0], "192.0.2.0/24"));
    ams1->accord = &accord;
    cr_expect_eq(ask(o, 0, "192.0.2.7:1", ""), ERR_OK);
    cr_expect(ways.count == 2 && place_of("ams1") == 0, "%u", ways.count);
    cr_expect_eq(ask(o, 0, "198.51.100.7:1", ""), ERR_OK);
    cr_expect_eq(ways.count, 3u);
    accord.required = false;
    cr_expect_eq(ask(o, 0, "192.0.2.7:1", ""), ERR_OK);
    cr_expect_eq(ways.count, 3u);
    ams1->accord = was;
    overlay_free(o);
}

/* Nearer by much moves a player; nearer by little does not. */
Test(core_pathways, a_player_moves_to_what_is_clearly_better) {
    static const struct {
        const char *what;
        uint32_t ams1_ms, lon1_ms;
        bool moves;
    } rows[] = {
        {"as near", 30, 30, false},
        {"a quarter and 5 ms nearer", 20, 80, true},
        {"a little nearer", 30, 34, false},
        {"farther", 80, 20, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct overlay *o = begun();
        struct core *core = (struct core *)(uintptr_t)overlay_core(o, 0);
        struct prefix location;
        struct policy *p = policy_of(o, 0);
        p->performance.probing = true;
        core->fares.locations_max = 100;
        overlay_policy(o, 0, p);
        cr_assert(prefix_from_text(&location, "192.0.2.0/24"));
        overlay_check_origin(o, 0, 0, ERR_IO); /* so that only the two are compared */
        overlay_check_origin(o, 0, 0, ERR_IO);
        for (uint32_t client = 1; client <= 4; client++)
            for (uint32_t k = 0; k < 2; k++)
                trips_heard(fares_trips(core), &location, core->peers[k]->number, client,
                            1000 * (k == 0 ? rows[i].ams1_ms : rows[i].lon1_ms), 5, core->now);
        const char *order = asked(o, 0, "lon1");
        cr_expect(is_first(order, rows[i].moves ? "ams1" : "lon1"), "%s: %s", rows[i].what, order);
        order = asked(o, 0, "");
        cr_expect(rows[i].ams1_ms >= rows[i].lon1_ms || is_first(order, "ams1"), "%s: %s",
                  rows[i].what, order);
        overlay_free(o);
    }
}

/* What dies is no stampede on one neighbour. */
Test(core_pathways, equals_are_dealt_by_address) {
    struct overlay *o = begun();
    unsigned first[3] = {0};
    overlay_check_origin(o, 0, 0, ERR_IO);
    overlay_check_origin(o, 0, 0, ERR_IO);
    for (unsigned i = 0; i < 400; i++) {
        char client[32], again[2][NAME_LEN_MAX + 1];
        snprintf(client, sizeof(client), "10.0.%u.%u:1", i / 20, i % 20);
        for (int k = 0; k < 2; k++) {
            cr_assert_eq(ask(o, 0, client, "fra1"), ERR_OK);
            strcpy(again[k], ways.list[0].cluster.text);
        }
        cr_expect_str_eq(again[0], again[1], "the same each time");
        for (unsigned c = 0; c < 3; c++)
            first[c] += strcmp(ways.list[0].cluster.text, clusters[c]) == 0;
    }
    cr_expect_eq(first[0], 0u);
    cr_expect(first[1] > 150 && first[2] > 150, "%u and %u", first[1], first[2]);
    overlay_free(o);
}

/* A reload that changes a URL: beats say that the list is another, at once. */
Test(core_pathways, another_url_is_known_soon) {
    struct overlay *o = begun();
    struct policy_origin film = film_at(1);
    strcpy(film.url.text, "https://new.example/film/master.m3u8");
    overlay_run_until(o, 4000);
    offer(o, 1, &film);
    overlay_run_until(o, 4300);
    asked(o, 0, "");
    cr_expect_str_eq(ways.list[place_of("ams1") - 1].url, film.url.text);
    overlay_free(o);
}
