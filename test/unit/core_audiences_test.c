#include "peerd/core/audiences.h"

#include "monitor/players.h"
#include "peerd/core/pathways.h"
#include "peerd/core/state.h"
#include "test/lib/overlay.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* Players of `film` at up to three clusters, who ask every 2 s whom they are told to ask, and say
 * how it is where they are. They begin by asking fra1, and so begin there. */

#define PLAYERS_MAX 60
#define TTL_MS      2000

static const char *const clusters[] = {"fra1", "ams1", "lon1"};

struct player {
    struct addr addr;
    struct name at; /* empty: nowhere yet */
    uint32_t asks, next_ms, moves;
    bool lies;
};

static struct world {
    struct overlay *o;
    uint32_t clusters, now_ms;
    struct player players[PLAYERS_MAX];
    uint32_t count;
    bool passed_on;       /* who serves hears them, not whom they ask */
    const char *bad_at;   /* a cluster, or "*"; NULL: none … */
    const char *bad_from; /* … for players of addresses that begin so */
} w;

static struct policy changed;

static uint32_t number_of(const char *name) {
    for (uint32_t i = 0; i < 3; i++)
        if (strncmp(clusters[i], name, 4) == 0)
            return i;
    cr_assert(false, "no cluster %s", name);
    return 0;
}

static void begin(uint32_t count, uint32_t canary) {
    memset(&w, 0, sizeof(w));
    w.clusters = count;
    w.o = overlay_new(&(struct overlay_setup){.clusters = count});
    for (uint32_t i = 0; i < count; i++) {
        policy_copy(&changed, core_policy(overlay_core(w.o, i)));
        changed.origin_count = 1;
        changed.origins[0] = (struct policy_origin){.live = true, .failures = 2, .successes = 3};
        name_set(&changed.origins[0].name, "film");
        snprintf(changed.origins[0].url.text, sizeof(changed.origins[0].url.text),
                 "https://%s.example/film/master.m3u8", clusters[i]);
        changed.performance = (struct policy_performance){.locations_max = 100,
                                                          .tell = true,
                                                          .tell_ipv4_bits = 24,
                                                          .tell_ipv6_bits = 48,
                                                          .tell_clients_min = 5,
                                                          .tell_bytes_per_s = 600,
                                                          .degraded_drop = 10,
                                                          .degraded_clients_min = 8,
                                                          .degraded_hold = duration_s(10),
                                                          .canary = canary};
        overlay_policy(w.o, i, &changed);
    }
    w.now_ms = 3000;
    overlay_run_until(w.o, w.now_ms);
}

static void come(const char *net, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        char text[32];
        struct player *p = &w.players[w.count];
        *p = (struct player){.next_ms = w.now_ms + w.count * 97 % TTL_MS};
        snprintf(text, sizeof(text), "%s.%u:5004", net, w.count + 1);
        cr_assert(addr_from_text(&p->addr, text));
        w.count++;
    }
}

static bool is_from(const struct player *p, const char *net) {
    char text[ADDR_TEXT_LEN_MAX + 1];
    return net == NULL || strncmp(addr_to_text(&p->addr, text), net, strlen(net)) == 0;
}

static bool suffers(const struct player *p) {
    return w.bad_at != NULL && is_from(p, w.bad_from) &&
           (strcmp(w.bad_at, "*") == 0 || strcmp(w.bad_at, p->at.text) == 0);
}

static void ask(struct player *p) {
    struct core_pathways ways;
    struct name film;
    struct core_player_told told = {.cluster = p->at, .client = p->addr, .live = true};
    told.rating_centi = suffers(p) || p->lies ? PLAYERS_CENTI_DRY : PLAYERS_CENTI_WELL;
    name_set(&told.origin, "film");
    name_set(&film, "film");
    if (!name_is_empty(&p->at))
        overlay_player(w.o, w.passed_on ? number_of(p->at.text) : p->asks, &told);
    cr_assert_eq(core_pathways(overlay_core(w.o, p->asks), &film, &p->addr, &p->at, &ways), ERR_OK);
    p->moves += !name_is_empty(&p->at) && !name_equal(&p->at, &ways.list[0].cluster);
    p->at = ways.list[0].cluster;
    if (ways.steers != NULL)
        p->asks = number_of(strstr(ways.steers, "//") + 2);
    p->next_ms += TTL_MS;
}

static void play(uint32_t for_ms) {
    for (uint32_t end = w.now_ms + for_ms; w.now_ms < end; w.now_ms += 50) {
        overlay_run_until(w.o, w.now_ms);
        for (uint32_t i = 0; i < w.count; i++)
            if (w.players[i].next_ms <= w.now_ms)
                ask(&w.players[i]);
    }
}

static uint32_t at(const char *cluster, const char *net) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < w.count; i++)
        count += is_from(&w.players[i], net) && strcmp(w.players[i].at.text, cluster) == 0;
    return count;
}

/* Plays until the narrative has the words; [ms] that took. */
static uint32_t until(const char *words, uint32_t ms_max) {
    uint32_t began = w.now_ms;
    while (overlay_count(w.o, words) == 0 && w.now_ms - began < ms_max)
        play(50);
    return w.now_ms - began;
}

static void expect_moves(uint32_t most) {
    for (uint32_t i = 0; i < w.count; i++)
        cr_expect_leq(w.players[i].moves, most, "player %u: %u moves", i, w.players[i].moves);
}

static void few_go_first_then_all(uint32_t count, bool passed_on) {
    begin(count, 3);
    w.passed_on = passed_on;
    come("198.51.100", 24);
    come("203.0.113", 12);
    play(20000);
    cr_assert_eq(at("fra1", NULL), 36u);
    w.bad_at = "fra1", w.bad_from = "198.51.100";
    uint32_t fell = until("go first", 8000);
    cr_expect_lt(fell, 8000u, "%s", overlay_narrative(w.o));
    play(TTL_MS + 100);
    uint32_t gone = 24 - at("fra1", "198.51.100");
    cr_expect(gone >= 1 && gone <= 12, "%u of 24 went first", gone);
    cr_expect_lt(until("are all sent away", 15000), 15000u, "%s", overlay_narrative(w.o));
    play(TTL_MS + 100);
    cr_expect_eq(at("fra1", "198.51.100"), 0u, "%s", overlay_narrative(w.o));
    cr_expect_eq(at("fra1", "203.0.113"), 12u, "the others stay");
    play(30000);
    cr_expect_eq(at("fra1", "198.51.100"), 0u);
    expect_moves(1);
    /* Whoever comes now is told not to begin there, whichever cluster it asks. */
    for (uint32_t who = 0; who < count; who++) {
        struct player p = {.asks = who};
        addr_from_text(&p.addr, "198.51.100.200:1");
        ask(&p);
        cr_expect_str_neq(p.at.text, "fra1", "asked %s", clusters[who]);
    }
}

Test(core_audiences, where_players_suffer_few_go_first_and_then_all) {
    few_go_first_then_all(3, false);
    overlay_free(w.o);
}

Test(core_audiences, two_clusters_are_enough) {
    few_go_first_then_all(2, false);
    overlay_free(w.o);
}

Test(core_audiences, who_serves_hears_them_and_tells_whom_they_ask) {
    few_go_first_then_all(3, true);
    overlay_free(w.o);
    few_go_first_then_all(2, true);
    overlay_free(w.o);
}

Test(core_audiences, they_are_let_back_few_first_when_it_is_well_again) {
    few_go_first_then_all(3, false);
    w.bad_at = NULL;
    cr_expect_lt(until("may come back", 90000), 90000u);
    /* Somebody who would rather be there, as whoever comes to fra1 would. */
    play(16000); /* what peers were told of it is forgotten */
    come("198.51.100", 12);
    play(30000);
    cr_expect_geq(overlay_count(w.o, "are sent away no longer"), 1u, "%s", overlay_narrative(w.o));
    cr_expect_geq(at("fra1", "198.51.100"), 1u);
    for (uint32_t i = 0; i < 36; i++)
        cr_expect_leq(w.players[i].moves, 1u, "who went stays");
    overlay_free(w.o);
}

Test(core_audiences, while_it_is_not_well_those_who_come_back_are_few_and_it_takes_longer) {
    few_go_first_then_all(3, false);
    cr_expect_lt(until("may come back", 90000), 90000u);
    play(16000);
    overlay_forget(w.o);
    come("198.51.100", 12);
    cr_expect_lt(until("are all sent away again", 20000), 20000u, "%s", overlay_narrative(w.o));
    play(TTL_MS + 100);
    cr_expect_eq(at("fra1", "198.51.100"), 0u);
    overlay_forget(w.o);
    play(100000);
    cr_expect_eq(overlay_count(w.o, "may come back"), 0u, "twice as long as before");
    expect_moves(2);
    overlay_free(w.o);
}

Test(core_audiences, who_is_as_badly_off_elsewhere_stays) {
    begin(3, 3);
    come("198.51.100", 24);
    play(20000);
    w.bad_at = "*", w.bad_from = "198.51.100";
    play(60000);
    cr_expect_geq(at("fra1", NULL), 12u);
    cr_expect_eq(overlay_count(w.o, "are all sent away"), 0u, "%s", overlay_narrative(w.o));
    cr_expect_geq(overlay_count(w.o, " stay: "), 1u, "%s", overlay_narrative(w.o));
    expect_moves(1);
    overlay_free(w.o);
}

Test(core_audiences, with_canary_0_nobody_goes) {
    begin(3, 0);
    come("198.51.100", 24);
    play(20000);
    w.bad_at = "fra1";
    play(30000);
    cr_expect_eq(at("fra1", NULL), 24u);
    cr_expect_geq(overlay_count(w.o, "nobody goes for it, canary is 0"), 1u, "%s",
                  overlay_narrative(w.o));
    overlay_free(w.o);
}

Test(core_audiences, few_who_say_so_move_nobody_however_often_they_say_it) {
    begin(3, 3);
    come("198.51.100", 30);
    play(20000);
    for (uint32_t i = 0; i < 7; i++)
        w.players[i].lies = true;
    for (uint32_t i = 0; i < 300; i++) {
        play(100);
        for (uint32_t k = 0; k < 7; k++) { /* ten times a second */
            w.players[k].next_ms = w.now_ms;
        }
    }
    cr_expect_eq(at("fra1", NULL), 30u, "%s", overlay_narrative(w.o));
    overlay_free(w.o);
}

Test(core_audiences, many_places_crowd_out_rows_and_none_that_players_are_kept_from) {
    few_go_first_then_all(3, false);
    struct core_player_told told = {.rating_centi = PLAYERS_CENTI_WELL};
    name_set(&told.origin, "film");
    name_set(&told.cluster, "fra1");
    for (uint32_t i = 0; i < 2 * AUDIENCES_MAX; i++) {
        const uint8_t from[4] = {10, (uint8_t)(i >> 8), (uint8_t)i, 1};
        told.client = addr_ipv4(from, 1);
        for (uint32_t c = 0; c < 3; c++)
            overlay_player(w.o, c, &told);
    }
    play(10000);
    cr_expect_eq(at("fra1", "198.51.100"), 0u);
    expect_moves(1);
    overlay_free(w.o);
}
