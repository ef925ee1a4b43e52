/*
 * What ranking costs: an order of 64 candidates, all of it and a ticket's four, and its table.
 *
 * Candidates are drawn anew for each round of a thousand orders; beside them stands the worst case,
 * in which all are equal and each place is dealt among all that are left. In CPU-time of this
 * process.
 */
#include "peerd/base/rng.h"
#include "test/bench/sheet.h"
#include "topo/rank.h"

#include <stdio.h>

#define AIM_US 20.0
#define SETS   64

struct ranking {
    struct rank_candidate sets[SETS][RANK_CANDIDATES_MAX];
    struct session_id sessions[SETS];
    size_t room;
};

static const struct rank_place serving = {1, 10, 100};

static void draw(struct ranking *r, bool equal) {
    struct rng g;
    rng_seed(&g, 1);
    for (int s = 0; s < SETS; s++) {
        for (size_t i = 0; i < sizeof(r->sessions[s].bytes); i++)
            r->sessions[s].bytes[i] = (uint8_t)rng_u64(&g);
        for (int i = 0; i < RANK_CANDIDATES_MAX; i++) {
            struct rank_candidate *c = &r->sets[s][i];
            *c = (struct rank_candidate){.usable = true,
                                         .offers = true,
                                         .accepts = true,
                                         .place = {2, 20, 200},
                                         .free_slots = 100};
            snprintf(c->name.text, sizeof(c->name.text), "cluster-%u",
                     (unsigned)rng_below(&g, 1000000));
            if (equal)
                continue;
            c->place = (struct rank_place){rng_below(&g, 9), rng_below(&g, 9), rng_below(&g, 20)};
            c->same_determinism = rng_below(&g, 2) == 0;
            c->free_slots = (uint32_t)rng_below(&g, 4);
            c->cost = (uint32_t)rng_below(&g, 3);
            c->rtt_measured = duration_us((int64_t)rng_below(&g, 300000));
            c->rtt_estimated = duration_us((int64_t)rng_below(&g, 300000));
            c->experience = (struct rank_experience){
                rng_below(&g, 2) == 0, (uint16_t)rng_below(&g, 1000), (uint16_t)rng_below(&g, 90)};
        }
    }
}

static void order(void *data, uint32_t times) {
    struct ranking *r = data;
    uint8_t out[RANK_CANDIDATES_MAX];
    for (uint32_t i = 0; i < times; i++)
        if (rank_order(r->sets[i % SETS], RANK_CANDIDATES_MAX, &serving, &r->sessions[i % SETS],
                       out, r->room) != r->room)
            sheet_die("an order is too short");
}

static void table(void *data, uint32_t times) {
    struct ranking *r = data;
    struct rank_row rows[RANK_CANDIDATES_MAX];
    for (uint32_t i = 0; i < times; i++)
        if (rank_table(r->sets[i % SETS], RANK_CANDIDATES_MAX, &serving, &r->sessions[i % SETS],
                       rows) != RANK_CANDIDATES_MAX)
            sheet_die("a table is too short");
}

static double us_of(const struct sheet *s, void (*work)(void *, uint32_t), struct ranking *r) {
    return 1e6 / sheet_rate(s, work, r);
}

int main(int argc, char **argv) {
    static struct ranking r;
    struct sheet s;
    sheet_open(&s, "rank", "what an order of 64 candidates costs", argc, argv);
    sheet_group(&s, "rank", "64 candidates, CPU-time of one");
    draw(&r, false);
    r.room = 4;
    sheet_put_aimed(&s, "ticket_us", "a ticket's four backups", us_of(&s, order, &r), "us",
                    -AIM_US);
    r.room = RANK_CANDIDATES_MAX;
    sheet_put_aimed(&s, "order_us", "the whole order", us_of(&s, order, &r), "us", -AIM_US);
    draw(&r, true);
    sheet_put_aimed(&s, "equal_us", "the whole order of equals", us_of(&s, order, &r), "us",
                    -AIM_US);
    draw(&r, false);
    sheet_put(&s, "table_us", "the table that explains it", us_of(&s, table, &r), "us");
    return sheet_close(&s);
}
