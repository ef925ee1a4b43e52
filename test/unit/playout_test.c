#include "transcoder/timeline/playout.h"

#include "peerd/base/rng.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define SLOTS 16
#define BYTES 8

static struct playout_slot slots[SLOTS];
static uint8_t payloads[2 * SLOTS * BYTES];

static struct instant at_ms(int64_t ms) {
    return instant_us(ms * 1000);
}

/* 100 ms deep, from frame 10 on. */
static struct playout fresh(void) {
    struct playout p;
    playout_init(&p, &(struct playout_config){.depth = duration_ms(100),
                                              .frame = duration_ms(20),
                                              .first_frame = 10,
                                              .slots = slots,
                                              .slot_count = SLOTS,
                                              .payloads = payloads,
                                              .payload_bytes_max = BYTES});
    return p;
}

static enum playout_result insert(struct playout *p, uint8_t source, uint64_t frame,
                                  const char *payload, int64_t ms) {
    enum playout_result r = playout_insert(p, source, frame, payload, strlen(payload), at_ms(ms));
    playout_check_invariants(p);
    return r;
}

/* Plays all that is due; writes one character a frame: the first of its payload, '.' for lost. */
static const char *play(struct playout *p, int64_t ms) {
    static char text[256];
    size_t len = 0;
    struct playout_frame f;
    enum playout_taken taken;
    while ((taken = playout_take(p, at_ms(ms), &f)) == PLAYOUT_PLAY || taken == PLAYOUT_LOST) {
        text[len++] = taken == PLAYOUT_LOST ? '.' : (char)f.payload[0];
        playout_check_invariants(p);
    }
    if (taken == PLAYOUT_ENDED)
        text[len++] = '|';
    text[len] = 0;
    return text;
}

Test(playout, the_clock_starts_once) {
    struct playout p = fresh();
    cr_expect_str_eq(play(&p, 100000), "", "nothing has arrived: nothing is due");
    cr_expect(instant_is_never(playout_deadline(&p)));
    insert(&p, 0, 10, "a", 1000);
    cr_expect_eq(playout_deadline(&p).us, at_ms(1100).us);
    cr_expect_str_eq(play(&p, 1099), "");
    cr_expect_str_eq(play(&p, 1100), "a");
    cr_expect_str_eq(play(&p, 1200), ".....", "it does not wait for anything");
    cr_expect_eq(insert(&p, 0, 16, "b", 1215), PLAYOUT_NEW);
    cr_expect_str_eq(play(&p, 1220), "b", "and goes on in its own steps");
    cr_expect_eq(p.stats.expected, 7);
    cr_expect_eq(p.stats.lost, 5);
    cr_expect_eq(p.stats.lost_run_max, 5);
}

/* Runs of two, then of six; those late for their instant are missing there, too. */
Test(playout, how_long_runs_of_missing_frames_are) {
    struct playout p = fresh();
    insert(&p, 0, 10, "a", 1000);
    cr_expect_str_eq(play(&p, 1140), "a..");
    cr_expect_eq(insert(&p, 0, 11, "b", 1141), PLAYOUT_LATE);
    insert(&p, 0, 13, "d", 1150);
    cr_expect_eq(p.stats.burst_x16, 0, "it is not over");
    cr_expect_str_eq(play(&p, 1160), "d");
    cr_expect_eq(p.stats.burst_x16, 2 * 16);
    cr_expect_str_eq(play(&p, 1280), "......");
    insert(&p, 0, 20, "k", 1290);
    cr_expect_str_eq(play(&p, 1300), "k");
    cr_expect_eq(p.stats.burst_x16, 2 * 16 + (6 - 2) * 16 / 8);
    cr_expect(p.stats.missed_run == 0 && p.stats.lost_before == 8);
}

Test(playout, the_first_arrival_need_not_be_the_first_frame) {
    struct playout p = fresh();
    insert(&p, 0, 12, "c", 1000);
    cr_expect_eq(playout_due(&p, 12).us, at_ms(1100).us);
    cr_expect_eq(insert(&p, 0, 10, "a", 1059), PLAYOUT_NEW);
    cr_expect_str_eq(play(&p, 1100), "a.c");
}

Test(playout, what_becomes_of_an_arrival) {
    static const struct {
        const char *what;
        uint64_t frame;
        int64_t ms;
        enum playout_result expect;
    } rows[] = {
        /* Frame 10 arrived at 1000; 10…12 are played at 1145; 13 is due at 1160. */
        {"a new one", 14, 1145, PLAYOUT_NEW},
        {"the next one in its last moment", 13, 1159, PLAYOUT_NEW},
        {"the next one at its very instant", 13, 1160, PLAYOUT_LATE},
        {"one played already", 12, 1145, PLAYOUT_LATE},
        {"one lost already", 11, 1145, PLAYOUT_LATE},
        {"one before the session", 3, 1145, PLAYOUT_LATE},
        {"one held already", 20, 1145, PLAYOUT_DUPLICATE},
        {"the last that the slots reach", 13 + SLOTS - 1, 1145, PLAYOUT_NEW},
        {"one further", 13 + SLOTS, 1145, PLAYOUT_EARLY},
        {"a number out of this world", UINT64_MAX - 1, 1145, PLAYOUT_EARLY},
        {"frame zero", 0, 1145, PLAYOUT_LATE},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct playout p = fresh();
        insert(&p, 0, 10, "a", 1000);
        insert(&p, 0, 12, "c", 1040);
        insert(&p, 0, 20, "k", 1045);
        cr_assert_str_eq(play(&p, 1145), "a.c");
        enum playout_result r = insert(&p, 0, rows[i].frame, "x", rows[i].ms);
        cr_expect_eq(r, rows[i].expect, "%s: %d", rows[i].what, r);
        const struct playout_stats *s = &p.stats;
        bool played = rows[i].frame == 12;
        cr_expect_eq(s->late, r == PLAYOUT_LATE && !played, "%s", rows[i].what);
        cr_expect_eq(s->early, r == PLAYOUT_EARLY, "%s", rows[i].what);
        cr_expect_eq(s->duplicates, r == PLAYOUT_DUPLICATE || played, "%s", rows[i].what);
    }
}

Test(playout, late_is_late_even_if_nobody_took_the_frame_yet) {
    struct playout p = fresh();
    insert(&p, 0, 10, "a", 1000);
    cr_expect_eq(insert(&p, 0, 11, "b", 1125), PLAYOUT_LATE, "it was due at 1120");
    cr_expect_str_eq(play(&p, 1130), "a.");
}

Test(playout, too_long_a_payload) {
    struct playout p = fresh();
    cr_expect_eq(insert(&p, 0, 10, "12345678", 0), PLAYOUT_NEW);
    cr_expect_eq(insert(&p, 0, 11, "123456789", 0), PLAYOUT_OVERSIZED);
    cr_expect_eq(p.stats.oversized, 1);
    cr_expect_not(playout_holds(&p, 11));
}

Test(playout, mergeable_sources_are_one) {
    struct playout p = fresh();
    playout_mergeable_from(&p, 0, 0);
    playout_mergeable_from(&p, 1, 11);
    cr_expect_eq(insert(&p, 0, 10, "a", 1000), PLAYOUT_NEW);
    cr_expect_eq(insert(&p, 1, 11, "b", 1000), PLAYOUT_NEW);
    cr_expect_eq(insert(&p, 0, 11, "b", 1001), PLAYOUT_DUPLICATE);
    cr_expect_eq(insert(&p, 0, 12, "c", 1002), PLAYOUT_NEW);
    cr_expect_eq(insert(&p, 1, 12, "X", 1003), PLAYOUT_DUPLICATE);
    cr_expect_eq(insert(&p, 1, 10, "q", 1003), PLAYOUT_SPARE, "frame 10 of source 1 is not yet");
    cr_expect_eq(p.stats.differing, 1, "X is not c: somebody is not what he says");
    cr_expect_str_eq(play(&p, 1140), "abc", "the first of each won");
    cr_expect_eq(p.stats.splices, 0);
}

/* Each row: who delivers frames 10, 11, … ('0', '1', 'b' both, '-' nobody), and what is played. */
Test(playout, sources_that_cannot_be_merged_are_spliced_as_seldom_as_can_be) {
    static const struct {
        const char *what;
        const char *who;
        const char *expect;
        uint64_t splices;
    } rows[] = {
        {"one source", "0000", "0000", 0},
        {"a move: both send for a while", "00bbb111", "00000111", 1},
        {"a crash, with a straggler behind the last frame", "000-1b111", "000.11111", 1},
        {"a false alarm", "0011bbb00", "001111100", 2},
        {"a false alarm with loss in both", "001b1b0b0", "001111000", 2},
        {"nobody", "0--1", "0..1", 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct playout p = fresh();
        for (size_t k = 0; rows[i].who[k] != 0; k++) {
            char who = rows[i].who[k];
            if (who == '0' || who == 'b')
                insert(&p, 0, 10 + k, "0", 1000);
            if (who == '1' || who == 'b')
                insert(&p, 1, 10 + k, "1", 1000);
        }
        const char *played = play(&p, 1100 + 20 * (int64_t)(strlen(rows[i].who) - 1));
        cr_expect_str_eq(played, rows[i].expect, "%s: %s", rows[i].what, played);
        cr_expect_eq(p.stats.splices, rows[i].splices, "%s: %llu", rows[i].what,
                     (unsigned long long)p.stats.splices);
    }
}

Test(playout, lost_before_counts_the_misses_of_who_serves) {
    struct playout p = fresh();
    playout_mergeable_from(&p, 0, 0);
    playout_mergeable_from(&p, 1, 0);
    insert(&p, 0, 10, "a", 1000);
    insert(&p, 1, 11, "b", 1001); /* repaired by the other */
    insert(&p, 0, 12, "c", 1002);
    insert(&p, 1, 13, "d", 1003);
    playout_serving(&p, 1, 13); /* who is the one to judge from here on */
    cr_expect_str_eq(play(&p, 1180), "abcd.");
    cr_expect_eq(p.stats.lost_before, 2, "11 and 14: %llu",
                 (unsigned long long)p.stats.lost_before);
    cr_expect_eq(p.stats.lost, 1);
}

Test(playout, what_a_resume_says) {
    struct playout p = fresh();
    cr_expect_eq(playout_missing(&p, at_ms(0)), 10, "before the first arrival");
    cr_expect_eq(playout_last_contiguous(&p, at_ms(0)), 0);
    static const uint64_t have[] = {10, 11, 12, 14, 15, 18};
    for (size_t i = 0; i < sizeof(have) / sizeof(have[0]); i++)
        insert(&p, 0, have[i], "x", 1000);
    uint8_t held[PLAYOUT_HELD_BYTES];
    cr_expect_eq(playout_missing(&p, at_ms(1000)), 13);
    cr_expect_eq(playout_last_contiguous(&p, at_ms(1000)), 12);
    playout_held(&p, 13, held);
    cr_expect_eq(held[0], 0x13, "14, 15 and 18: %02x", held[0]);
    for (size_t i = 1; i < sizeof(held); i++)
        cr_expect_eq(held[i], 0);
    /* 13 is due at 1160: from then on it cannot be helped any more, taken or not. */
    cr_expect_eq(playout_missing(&p, at_ms(1159)), 13);
    cr_expect_eq(playout_missing(&p, at_ms(1160)), 16);
    cr_expect_eq(playout_missing(&p, at_ms(1240)), 19, "17 is due now, 18 is held");
}

Test(playout, the_end) {
    struct playout p = fresh();
    insert(&p, 0, 10, "a", 1000);
    insert(&p, 0, 11, "b", 1000);
    playout_end_at(&p, 12);
    playout_end_at(&p, 50);
    cr_expect_eq(p.end, 12, "it only comes nearer");
    cr_expect_eq(insert(&p, 0, 12, "c", 1001), PLAYOUT_EARLY, "there is no such frame");
    cr_expect_eq(playout_missing(&p, at_ms(1001)), 12);
    cr_expect_str_eq(play(&p, 5000), "ab|");
    cr_expect(playout_finished(&p));
    cr_expect(instant_is_never(playout_deadline(&p)));
    cr_expect_eq(p.stats.expected, 2, "no instant passes after the end");
}

Test(playout, a_simulator_keeps_no_bytes) {
    struct playout p;
    playout_init(&p, &(struct playout_config){.depth = duration_ms(100),
                                              .frame = duration_ms(20),
                                              .slots = slots,
                                              .slot_count = SLOTS});
    struct playout_frame f;
    playout_insert(&p, 0, 0, NULL, 160, at_ms(0));
    cr_assert_eq(playout_take(&p, at_ms(100), &f), PLAYOUT_PLAY);
    cr_expect_eq(f.len, 160);
    cr_expect_null(f.payload);
}

/* Random arrivals against the definition: lost if and only if no copy came before its instant. */
Test(playout, agrees_with_the_definition_of_lost) {
    enum {
        FRAMES = 3000
    };
    static int64_t best[FRAMES];
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct playout p = fresh();
        struct rng g;
        rng_seed(&g, seed);
        insert(&p, 0, 10, "x", 0);
        for (int n = 0; n < FRAMES; n++)
            best[n] = INT64_MAX;
        best[10] = 0;
        uint64_t expect_lost = 0;
        for (int64_t ms = 1; ms < (FRAMES - 30) * 20; ms++) {
            uint64_t frame = (uint64_t)(10 + ms / 20 + (int64_t)rng_below(&g, 12)) - 6;
            if (rng_below(&g, 8) == 0 && frame < FRAMES) {
                uint8_t source = (uint8_t)rng_below(&g, 3);
                insert(&p, source, frame, "x", ms);
                best[frame] = ms < best[frame] ? ms : best[frame];
            }
            if (rng_below(&g, 5) == 0)
                play(&p, ms);
        }
        for (uint64_t n = 10; n < p.next; n++)
            expect_lost += best[n] >= 100 + (int64_t)(n - 10) * 20;
        cr_expect_eq(p.stats.lost, expect_lost, "seed %llu: %llu lost, %llu by definition",
                     (unsigned long long)seed, (unsigned long long)p.stats.lost,
                     (unsigned long long)expect_lost);
        cr_expect(expect_lost > 100 && p.stats.played > 1000, "this test sees both");
    }
}

Test(playout, what_was_sent_again_is_heard_and_counts_as_lost_before) {
    struct playout p = fresh();
    playout_serving(&p, 0, 10);
    insert(&p, 0, 10, "a", 0);
    insert(&p, 0, 12, "c", 40);
    cr_expect_eq(playout_insert_again(&p, 0, 11, "b", 1, at_ms(60)), PLAYOUT_NEW);
    cr_expect_eq(playout_insert_again(&p, 0, 12, "c", 1, at_ms(60)), PLAYOUT_DUPLICATE);
    cr_expect_str_eq(play(&p, 140), "abc");
    cr_expect_eq(p.stats.lost, 0);
    cr_expect_eq(p.stats.lost_before, 1, "the path had lost it");
    cr_expect_eq(p.stats.repaired, 1);
    cr_expect_eq(playout_insert_again(&p, 0, 11, "b", 1, at_ms(150)), PLAYOUT_LATE);
    cr_expect_eq(p.stats.repaired, 1);
}
