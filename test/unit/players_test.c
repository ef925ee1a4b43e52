#include "monitor/players.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct players players;

static struct name name_of(const char *text) {
    struct name name;
    cr_assert(name_set(&name, text));
    return name;
}

static struct prefix place(unsigned number) {
    struct prefix p = {.bits = 24};
    p.addr = addr_ipv4((uint8_t[4]){10, (uint8_t)(number / 256), (uint8_t)number, 0}, 0);
    return p;
}

static void tell(const char *pathway, unsigned where, uint32_t kbps, uint32_t buffer_ms,
                 bool starved, int64_t at_ms) {
    const struct name name = name_of(pathway);
    const struct prefix location = place(where);
    const struct players_word word = {kbps, buffer_ms, starved};
    players_told(&players, &name, &location, &word, instant_us(at_ms * 1000));
}

Test(players, are_summed_up_by_pathway_and_by_location) {
    players_init(&players);
    tell("fra1", 1, 8000, 4000, false, 1);
    tell("fra1", 1, 0, PLAYERS_UNKNOWN, true, 2);
    tell("fra1", 2, PLAYERS_UNKNOWN, 500, true, 3);
    tell("ams1", 1, PLAYERS_KBPS_MAX + 1, PLAYERS_UNKNOWN, false, 4);
    cr_assert_eq(players.pathway_count, 2);
    cr_expect_eq(players.pathways[0].sum.asked, 3);
    cr_expect_eq(players.pathways[0].sum.starved, 2);
    cr_expect_float_eq(players.pathways[0].sum.throughput_kbps, 7000, 1e-6, "an eighth of a word");
    cr_assert_eq(players.row_count, 3);
    cr_expect_float_eq(players.rows[0].sum.buffer_ms, 4000, 1e-6, "what is not said counts not");
    cr_expect_eq(players.rows[1].sum.throughput_kbps, 0);
    cr_expect_float_eq(players.rows[1].sum.buffer_ms, 500, 1e-6);
    cr_expect_eq(players.rows[2].sum.throughput_kbps, 0, "nobody has that rate");
}

/* Whoever asks from everywhere crowds out rows, not memory, and not who is still there. */
Test(players, the_one_unheard_for_longest_makes_room) {
    players_init(&players);
    for (unsigned i = 0; i < PLAYERS_ROWS_MAX; i++)
        tell("fra1", i, 1000, 0, false, i);
    tell("fra1", 0, 1000, 0, false, 5000);
    tell("fra1", 60000, 1000, 0, false, 5001);
    cr_expect_eq(players.row_count, PLAYERS_ROWS_MAX);
    cr_expect_eq(players.rows[0].sum.asked, 2);
    cr_expect_eq(players.rows[1].sum.asked, 1);
    cr_expect_eq(players.rows[1].heard.us, 5001000);
    for (unsigned i = 0; i < PLAYERS_PATHWAYS_MAX + 5; i++) {
        char text[NAME_LEN_MAX + 1];
        snprintf(text, sizeof(text), "c%u", i);
        tell(text, 1, 1000, 0, false, 6000);
    }
    cr_expect_eq(players.pathway_count, PLAYERS_PATHWAYS_MAX);
}

Test(players, a_word_is_worth) {
    static const struct {
        const char *what;
        struct players_word word;
        uint32_t poorest_kbps, centi;
    } rows[] = {
        {"at ease", {5000, 8000, false}, 400, PLAYERS_CENTI_WELL},
        {"half a buffer", {PLAYERS_UNKNOWN, 2000, false}, 0, 7600},
        {"an empty one", {5000, 0, false}, 400, PLAYERS_CENTI_THIN},
        {"it has run dry, whatever else", {5000, 8000, true}, 400, PLAYERS_CENTI_DRY},
        {"too slow for the poorest rendition", {399, 8000, false}, 400, PLAYERS_CENTI_THIN},
        {"fast enough, and no more is said",
         {400, PLAYERS_UNKNOWN, false},
         400,
         PLAYERS_CENTI_WELL},
        {"fast, and nobody knows what is needed", {400, PLAYERS_UNKNOWN, false}, 0, 0},
        {"nothing", {PLAYERS_UNKNOWN, PLAYERS_UNKNOWN, false}, 400, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect_eq(players_rate(&rows[i].word, rows[i].poorest_kbps), rows[i].centi, "%s",
                     rows[i].what);
}
