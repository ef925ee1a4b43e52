#include "peerd/base/rng.h"
#include "peerd/sim/nap.h"
#include "peerd/sim/packed.h"
#include "peerd/sim/shelf.h"
#include "peerd/sim/sleep.h"

#include <criterion/criterion.h>
#include <string.h>

#define WORDS 37

/* `out` is like the pattern, but for so many bytes on average in a hundred. */
static void vary(struct rng *g, const uint64_t *pattern, uint64_t *out, uint64_t percent) {
    uint8_t *bytes = (uint8_t *)out;
    memcpy(out, pattern, WORDS * sizeof(*out));
    for (size_t i = 0; i < WORDS * sizeof(*out); i++)
        if (rng_below(g, 100) < percent)
            bytes[i] = (uint8_t)rng_u64(g);
}

Test(sim_packed, a_record_comes_back_whatever_it_differs_in) {
    struct rng g;
    rng_seed(&g, 1);
    for (int i = 0; i < 2000; i++) {
        uint64_t pattern[WORDS], record[WORDS], back[WORDS];
        uint8_t packed[PACKED_MAX(sizeof(record))];
        for (size_t k = 0; k < WORDS; k++)
            pattern[k] = rng_u64(&g);
        vary(&g, pattern, record, (uint64_t)i % 101);
        size_t size = packed_write(packed, record, pattern, sizeof(record));
        cr_assert_leq(size, sizeof(packed));
        cr_expect_eq(packed_read(packed, pattern, back, sizeof(back)), size);
        cr_expect_eq(memcmp(back, record, sizeof(record)), 0, "%d", i);
    }
}

Test(sim_packed, small_differences_take_few_bytes) {
    static const struct {
        const char *what;
        int64_t by;
        size_t bytes;
    } rows[] = {
        {"none", 0, 1},
        {"one more", 1, 3},
        {"one less", -1, 3},
        {"a millisecond", 1000, 4},
        {"one earlier", -1000, 4},
        {"everything", INT64_MIN, 10},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t pattern[8] = {0}, record[8] = {0};
        uint8_t packed[PACKED_MAX(sizeof(record))];
        pattern[3] = 1700000000000000;
        record[3] = (int64_t)((uint64_t)pattern[3] + (uint64_t)rows[i].by);
        size_t size = packed_write(packed, record, pattern, sizeof(record));
        cr_expect_leq(size, rows[i].bytes, "%s: %zu", rows[i].what, size);
    }
}

Test(sim_packed, numbers_come_back) {
    static const uint64_t rows[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t bytes[10];
        uint64_t back;
        size_t size = packed_write_number(bytes, rows[i]);
        cr_expect_eq(packed_read_number(bytes, &back), size);
        cr_expect_eq(back, rows[i]);
    }
}

/* ---- shelves --------------------------------------------------------------------------------- */

#define SLOTS 60

static void draw_instant(struct rng *g, struct instant *at) {
    static const int64_t odd[] = {0, INT64_MIN, INT64_MAX, INT64_MIN + 1, -5};
    uint64_t n = rng_below(g, 10);
    at->us = n < 5 ? odd[n] : (int64_t)rng_below(g, 1000000000000);
}

static void draw_slot(struct rng *g, struct sim_slot *s) {
    uint8_t *bytes = (uint8_t *)s;
    for (size_t i = 0; i < sizeof(*s); i++)
        bytes[i] = rng_below(g, 4) == 0 ? (uint8_t)rng_u64(g) : 0;
    struct pace *p = &s->session.pace;
    struct instant *const all[] = {&p->base,          &p->fill_at,         &p->asked_at,
                                   &s->session.warm,  &s->session.told_at, &s->entry.at,
                                   &s->entry.told_at, &s->entry.live_at,   &s->watch.since,
                                   &s->watch.hedge,   &s->watch.renewed,   &s->watch.promised};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        draw_instant(g, all[i]);
    p->running = rng_below(g, 2) == 0;
    s->watch.frames = NULL;
}

Test(sim_shelf, what_was_folded_comes_back_byte_for_byte) {
    static struct sim_slot slots[SLOTS], room;
    struct sim_shelf *shelf = sim_shelf_new();
    struct rng g;
    rng_seed(&g, 3);
    sim_shelf_room(shelf, SLOTS / 2);
    for (uint32_t i = 0; i < SLOTS; i++) {
        if (i == SLOTS / 2)
            sim_shelf_room(shelf, SLOTS + 1);
        draw_slot(&g, &slots[i]);
        memcpy(sim_shelf_at(shelf, i), &slots[i], sizeof(slots[i]));
        sim_shelf_fold(shelf, i);
    }
    for (uint32_t i = 0; i < SLOTS; i++) {
        const struct sim_slot *s = sim_shelf_look(shelf, i, &room);
        cr_expect_eq(s, &room, "a look unfolds nothing");
        cr_expect_eq(memcmp(s, &slots[i], sizeof(*s)), 0, "slot %u", i);
        cr_expect_eq(memcmp(sim_shelf_at(shelf, i), &slots[i], sizeof(*s)), 0, "slot %u", i);
        cr_expect_neq(sim_shelf_look(shelf, i, &room), &room, "it is unfolded");
        sim_shelf_fold(shelf, i);
        sim_shelf_fold(shelf, i);
    }
    cr_expect_null(sim_shelf_look(shelf, SLOTS, &room), "nobody has used it");
    sim_shelf_fold(shelf, SLOTS);
    cr_expect_eq(sim_shelf_at(shelf, SLOTS)->session.client, 0);
    sim_shelf_free(shelf);
}

/* ---- naps ------------------------------------------------------------------------------------ */

#define LISTENERS 40

/* Somebody's record, with chance in every byte: nothing in it may be lost. */
static void draw_rest(struct rng *g, union sim_nap_room *room, uint64_t seed, uint64_t draws) {
    struct witness_rest *r = &room->rest;
    for (size_t i = 0; i < sizeof(room->bytes); i++)
        room->bytes[i] = (uint8_t)(rng_u64(g) & (i % 8 == 7 ? 0x0f : 0xff)); /* no overflow */
    r->at = instant_us((int64_t)rng_below(g, 1000000000));
    r->follow_at = INSTANT_NEVER;
    r->server_count = (uint8_t)(1 + rng_below(g, WITNESS_SERVERS_MAX));
    for (uint8_t i = 0; i < r->server_count; i++) {
        r->servers[i].role = i == 0 ? WITNESS_ROLE_SERVING : WITNESS_ROLE_BACKUP;
        r->servers[i].tag = (uint32_t)rng_below(g, 4);
        r->servers[i].framed_at = INSTANT_NEVER;
        r->servers[i].waiting_count = (uint8_t)rng_below(g, WITNESS_REST_WAITING_MAX + 1);
        for (uint8_t k = 0; k < WITNESS_REST_WAITING_MAX; k++)
            r->servers[i].waiting[k].sent_us >>= 4; /* it has two bits less */
        r->servers[i].cookie_at = instant_us((int64_t)rng_below(g, 1000000000));
    }
    rng_seed(&r->rng, seed);
    for (; draws > 0; draws--)
        (void)rng_u64(&r->rng);
}

Test(sim_nap, every_record_comes_back_byte_for_byte) {
    static struct sim sim;
    static struct sim_client clients[LISTENERS];
    static union sim_nap_room rooms[LISTENERS];
    struct rng g;
    rng_seed(&g, 2);
    for (uint32_t i = 0; i < LISTENERS; i++) {
        clients[i] = (struct sim_client){.index = i, .group = i % 3, .seed = 1000 + i};
        draw_rest(&g, &rooms[i], clients[i].seed, i == 7 ? 70000 : i * 3);
        sim_nap_write(&sim, &clients[i], &rooms[i].rest);
    }
    for (uint32_t i = 0; i < LISTENERS; i++) {
        union sim_nap_room room;
        struct witness_rest *r = sim_nap_read(&sim, &clients[i], &room);
        size_t size = sizeof(*r) + r->server_count * sizeof(r->servers[0]);
        cr_expect_eq(memcmp(r, &rooms[i].rest, size), 0, "%u", i);
        sim_sleep_free(&clients[i]);
    }
    sim_naps_free(&sim.naps);
}
