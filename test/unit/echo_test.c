#include "peerd/wire/echo.h"

#include "peerd/base/rng.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define A     0xa1 /* boots: a run of the other side, and the ones after it */
#define A2    0xa2
#define A3    0xa3
#define OURS  0xb1
#define OURS2 0xb2

static struct instant at_ms(int64_t ms) {
    return instant_us(ms * 1000);
}

static struct beat send(struct echo *e, int64_t ms) {
    struct beat b = {.kind = BEAT_KIND_BEAT, .interval_ms = 100};
    echo_fill(e, &b, at_ms(ms));
    echo_check_invariants(e);
    return b;
}

static struct echo_proof receive(struct echo *e, const struct beat *b, int64_t ms) {
    struct echo before = *e;
    struct echo_proof p = echo_beat_received(e, b, at_ms(ms));
    echo_check_invariants(e);
    if (p.result == ECHO_REPLAYED)
        cr_expect_arr_eq(e, &before, sizeof(before), "a replay touched the state");
    cr_expect_not(instant_before(e->life_at, before.life_at), "life went backwards");
    return p;
}

/* `from` beats and `to` hears it `delay` later. */
static struct echo_proof pass(struct echo *from, struct echo *to, int64_t ms, int64_t delay) {
    struct beat b = send(from, ms);
    return receive(to, &b, ms + delay);
}

/* Lets two fresh sides confirm one another; returns the time at which they have. */
static int64_t introduce(struct echo *a, struct echo *b, int64_t ms) {
    for (int i = 0; i < 3; i++, ms += 100) {
        pass(a, b, ms, 10);
        pass(b, a, ms + 20, 10);
    }
    cr_assert_eq(a->confirmed.boot, b->boot);
    cr_assert_eq(b->confirmed.boot, a->boot);
    return ms;
}

static void start(struct echo *a, uint64_t a_boot, struct echo *b, uint64_t b_boot) {
    echo_init(a, a_boot);
    echo_init(b, b_boot);
}

/* ---- coming up ------------------------------------------------------------------------------- */

Test(echo, cold_start_beat_by_beat) {
    struct echo a, b;
    struct beat sent;
    start(&a, A, &b, OURS);
    cr_expect_eq(b.life_at.us, INT64_MIN, "nothing is proven yet");
    struct echo_proof p = pass(&a, &b, 0, 10);
    cr_expect_eq(p.result, ECHO_CANDIDATE, "a first beat echoes nothing");
    sent = send(&b, 20);
    cr_expect(sent.echo_boot == 0 && sent.candidate_boot == A && sent.candidate_seq == 1,
              "the stranger is answered, not echoed");
    p = receive(&a, &sent, 30);
    cr_expect_eq(p.result, ECHO_CANDIDATE, "that echoes what was sent before it was seen");
    p = pass(&a, &b, 100, 10);
    cr_expect(p.result == ECHO_LIFE && p.new_boot && p.newest, "it echoes what was sent since");
    cr_expect_eq(p.life_at.us, 20000, "as of when we sent what it echoes");
    cr_expect_not(p.rtt_known, "a candidate's answer has no holding time");
    sent = send(&b, 120);
    cr_expect(sent.echo_boot == A && sent.echo_seq == 2 && sent.candidate_boot == 0);
    cr_expect_eq(sent.echo_age_us, 10000);
    p = receive(&a, &sent, 130);
    cr_expect(p.result == ECHO_LIFE && p.new_boot, "two beats each and both are confirmed");
    cr_expect(p.rtt_known && p.rtt.us == 20000, "30 ms less the 10 that it was held");
    p = pass(&a, &b, 200, 10);
    cr_expect(p.result == ECHO_LIFE && !p.new_boot && p.rtt_known && p.rtt.us == 20000);
}

Test(echo, both_restart_at_once) {
    struct echo a, b;
    start(&a, A, &b, OURS);
    int64_t ms = introduce(&a, &b, 0);
    struct beat late = send(&a, ms), late_b = send(&b, ms);
    start(&a, A2, &b, OURS2);
    receive(&a, &late_b, ms + 5);
    receive(&b, &late, ms + 5);
    introduce(&a, &b, ms + 10);
}

Test(echo, restart_of_the_other_side) {
    struct echo a, b;
    start(&a, A, &b, OURS);
    int64_t ms = introduce(&a, &b, 0);
    echo_init(&a, A2);
    cr_expect_eq(pass(&a, &b, ms, 10).result, ECHO_CANDIDATE);
    cr_expect_eq(b.confirmed.boot, A, "the old run is still the confirmed one");
    struct beat sent = send(&b, ms + 20);
    cr_expect(sent.echo_boot == A && sent.candidate_boot == A2, "both are answered");
    struct echo_proof p = receive(&a, &sent, ms + 30);
    cr_expect_eq(p.result, ECHO_CANDIDATE, "for the new run we are new, too");
    p = pass(&a, &b, ms + 100, 10);
    cr_expect(p.result == ECHO_LIFE && p.new_boot);
    cr_expect(b.confirmed.boot == A2 && b.retired_boot == A && b.candidate.boot == 0);
    p = pass(&b, &a, ms + 120, 10);
    cr_expect(p.result == ECHO_LIFE && p.new_boot, "and we are confirmed there");
}

/* ---- what proves nothing --------------------------------------------------------------------- */

Test(echo, only_an_echo_of_this_run_proves_life) {
    static const struct {
        const char *what;
        uint64_t echo_boot, echo_seq, candidate_boot, candidate_seq;
        enum echo_result result;
        int64_t life_ms; /* as of our send number n at n · 1000 ms */
    } rows[] = {
        {"echoes nothing", 0, 0, 0, 0, ECHO_UNCONFIRMED, 0},
        {"echoes our last send", OURS, 300, 0, 0, ECHO_LIFE, 300000},
        {"echoes an earlier one", OURS, 290, 0, 0, ECHO_LIFE, 290000},
        {"answers us as its candidate", 0, 0, OURS, 299, ECHO_LIFE, 299000},
        {"the newer of both counts", OURS, 280, OURS, 281, ECHO_LIFE, 281000},
        {"whichever place it stands in", OURS, 283, OURS, 282, ECHO_LIFE, 283000},
        {"echoes a run of us that is over", 0xdead, 300, 0, 0, ECHO_UNCONFIRMED, 0},
        {"answers a run that is over", 0, 0, 0xdead, 300, ECHO_UNCONFIRMED, 0},
        {"confirmed a run that is over, answers this one", 0xdead, 900, OURS, 299, ECHO_LIFE,
         299000},
        {"echoes what we have not sent", OURS, 301, 0, 0, ECHO_UNCONFIRMED, 0},
        {"echoes what nobody ever sends", OURS, UINT64_MAX, 0, 0, ECHO_UNCONFIRMED, 0},
        {"lies in one place only", OURS, UINT64_MAX, OURS, 299, ECHO_LIFE, 299000},
        {"the oldest that is remembered", OURS, 300 - ECHO_SENT_MAX + 1, 0, 0, ECHO_LIFE, 45000},
        {"one older", OURS, 300 - ECHO_SENT_MAX, 0, 0, ECHO_UNCONFIRMED, 0},
        {"the very first", OURS, 1, 0, 0, ECHO_UNCONFIRMED, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct echo e;
        struct beat b = {.boot = A, .seq = 1};
        echo_init(&e, OURS);
        send(&e, 1000);
        receive(&e, &b, 1001);
        send(&e, 2000);
        b = (struct beat){.boot = A, .seq = 2, .echo_boot = OURS, .echo_seq = 2};
        cr_assert(receive(&e, &b, 2001).new_boot);
        for (int n = 3; n <= 300; n++)
            send(&e, n * 1000);
        struct instant before = e.life_at;
        b = (struct beat){.boot = A,
                          .seq = 3,
                          .echo_boot = rows[i].echo_boot,
                          .echo_seq = rows[i].echo_seq,
                          .candidate_boot = rows[i].candidate_boot,
                          .candidate_seq = rows[i].candidate_seq};
        struct echo_proof p = receive(&e, &b, 300100);
        cr_expect_eq(p.result, rows[i].result, "%s: %d", rows[i].what, (int)p.result);
        if (rows[i].result == ECHO_LIFE)
            cr_expect_eq(p.life_at.us, rows[i].life_ms * 1000, "%s", rows[i].what);
        else
            cr_expect_eq(e.life_at.us, before.us, "%s: life moved", rows[i].what);
    }
}

Test(echo, sequence_numbers_are_accepted_once) {
    static const struct {
        const char *what;
        uint64_t seq;
        bool accepted, newest;
    } rows[] = {
        {"next", 101, true, true},
        {"the same again", 101, false, false},
        {"a jump", 110, true, true},
        {"into the gap", 105, true, false},
        {"into the gap again", 105, false, false},
        {"the oldest in the window", 110 - 63, true, false},
        {"one older", 110 - 64, false, false},
        {"long ago", 1, false, false},
        {"far ahead", 1000, true, true},
        {"the window went along", 110, false, false},
        {"a gap behind it", 999, true, false},
        {"exactly a window ahead", 1064, true, true},
        {"a window back is too old", 1000, false, false},
        {"63 back is not", 1001, true, false},
        {"the last there is", UINT64_MAX, true, true},
        {"nothing is after that", UINT64_MAX, false, false},
    };
    struct echo e;
    echo_init(&e, OURS);
    struct beat b = {.boot = A, .seq = 99};
    receive(&e, &b, 0);
    send(&e, 1);
    b = (struct beat){.boot = A, .seq = 100, .echo_boot = OURS, .echo_seq = 1};
    cr_assert_eq(receive(&e, &b, 2).result, ECHO_LIFE);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        b.seq = rows[i].seq;
        struct echo_proof p = receive(&e, &b, 3 + (int64_t)i);
        cr_expect_eq(p.result, rows[i].accepted ? ECHO_LIFE : ECHO_REPLAYED, "%s", rows[i].what);
        cr_expect_eq(p.newest, rows[i].newest, "%s", rows[i].what);
    }
}

Test(echo, reflected_or_nonsensical_beats_are_dropped) {
    struct echo a, b;
    start(&a, A, &b, OURS);
    introduce(&a, &b, 0);
    struct beat own = send(&b, 1000);
    cr_expect_eq(receive(&b, &own, 1010).result, ECHO_REPLAYED, "our own");
    own = (struct beat){.boot = 0, .seq = 5};
    cr_expect_eq(receive(&b, &own, 1010).result, ECHO_REPLAYED, "no boot");
    own = (struct beat){.boot = A, .seq = 0};
    cr_expect_eq(receive(&b, &own, 1010).result, ECHO_REPLAYED, "no seq");
}

Test(echo, beats_held_back_and_released_late_prove_nothing_new) {
    struct echo a, b;
    struct beat held[5];
    start(&a, A, &b, OURS);
    int64_t ms = introduce(&a, &b, 0);
    pass(&a, &b, ms, 10);
    struct instant proven = b.life_at;
    send(&b, ms + 20); /* never arrives */
    for (int i = 0; i < 5; i++)
        held[i] = send(&a, ms + 100 + i * 100);
    for (int i = 0; i < 5; i++) { /* a is dead by now, we go on */
        send(&b, ms + 5000 + i * 100);
        struct echo_proof p = receive(&b, &held[i], ms + 5010 + i * 100);
        cr_expect_eq(p.result, ECHO_LIFE, "it is new and it echoes us");
        cr_expect_eq(p.life_at.us, proven.us, "but only as of then");
        cr_expect_eq(b.life_at.us, proven.us);
    }
}

Test(echo, reordering_never_takes_life_back) {
    struct echo a, b;
    struct beat first, second;
    start(&a, A, &b, OURS);
    int64_t ms = introduce(&a, &b, 0);
    pass(&b, &a, ms, 10);
    first = send(&a, ms + 20);
    pass(&b, &a, ms + 100, 10);
    second = send(&a, ms + 120);
    cr_expect_eq(receive(&b, &second, ms + 130).life_at.us, (ms + 100) * 1000);
    struct echo_proof p = receive(&b, &first, ms + 140);
    cr_expect(p.result == ECHO_LIFE && p.life_at.us == ms * 1000 && !p.newest);
    cr_expect_eq(b.life_at.us, (ms + 100) * 1000);
    struct beat sent = send(&b, ms + 150);
    cr_expect(sent.echo_seq == second.seq && sent.echo_age_us == 20000, "the highest is echoed");
}

/* ---- round trip ------------------------------------------------------------------------------ */

Test(echo, round_trip_is_without_the_holding_time) {
    static const struct {
        const char *what;
        uint32_t age_us;
        bool known;
        int64_t rtt_us;
    } rows[] = {
        {"held for a while", 60000, true, 40000},
        {"answered at once", 0, true, 100000},
        {"no way at all", 100000, true, 0},
        {"held longer than it was away", 100001, false, 0},
        {"saturated", UINT32_MAX, false, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct echo a, b;
        start(&a, A, &b, OURS);
        int64_t ms = introduce(&a, &b, 0);
        struct beat sent = send(&b, ms);
        struct beat back = {.boot = A,
                            .seq = 50,
                            .echo_boot = OURS,
                            .echo_seq = sent.seq,
                            .echo_age_us = rows[i].age_us};
        struct echo_proof p = receive(&b, &back, ms + 100);
        cr_expect_eq(p.result, ECHO_LIFE, "%s", rows[i].what);
        cr_expect_eq(p.rtt_known, rows[i].known, "%s", rows[i].what);
        cr_expect_eq(p.rtt.us, rows[i].rtt_us, "%s", rows[i].what);
    }
}

Test(echo, a_saturated_holding_time_gives_no_round_trip) {
    struct echo a, b;
    start(&a, A, &b, OURS);
    int64_t ms = introduce(&a, &b, 0);
    struct beat sent = send(&b, ms);
    struct beat back = {.boot = A, .seq = 50, .echo_boot = OURS, .echo_seq = sent.seq};
    back.echo_age_us = UINT32_MAX;
    struct echo_proof p = receive(&b, &back, ms + 5000000);
    cr_expect(p.result == ECHO_LIFE && !p.rtt_known, "it was held for 71 minutes or longer");
}

Test(echo, a_lie_about_the_future_does_not_wrap) {
    struct echo a, b;
    start(&a, A, &b, OURS);
    int64_t ms = introduce(&a, &b, 0);
    for (uint64_t i = 0; i < 2 * ECHO_SENT_MAX; i++) {
        struct beat lie = {.boot = A, .seq = 50 + i, .echo_boot = OURS, .echo_seq = UINT64_MAX - i};
        cr_expect_eq(receive(&b, &lie, ms).result, ECHO_UNCONFIRMED, "%llu before the last",
                     (unsigned long long)i);
    }
}

Test(echo, holding_time_saturates) {
    struct echo a, b;
    start(&a, A, &b, OURS);
    int64_t ms = introduce(&a, &b, 0);
    cr_expect_eq(send(&a, ms + 5000000).echo_age_us, UINT32_MAX, "more than 71 minutes");
}

/* ---- replay of runs that are over ------------------------------------------------------------ */

Test(echo, a_replayed_old_run_never_displaces_the_living_one) {
    struct echo a, b;
    struct beat old[20];
    start(&a, A, &b, OURS);
    int64_t ms = introduce(&a, &b, 0);
    for (int i = 0; i < 20; i++, ms += 100) {
        old[i] = send(&a, ms);
        if (i % 2 == 0) /* the others were held back */
            receive(&b, &old[i], ms + 10);
        pass(&b, &a, ms + 20, 10);
    }
    echo_init(&a, A2);
    ms = introduce(&a, &b, ms);
    cr_expect_eq(b.retired_boot, A);
    for (int i = 0; i < 20; i++)
        cr_expect_eq(receive(&b, &old[i], ms).result, ECHO_REPLAYED, "retired, beat %d", i);
    echo_init(&a, A3);
    ms = introduce(&a, &b, ms); /* by now the first run is forgotten */
    for (int i = 0; i < 20; i++) {
        struct echo_proof p = receive(&b, &old[i], ms);
        cr_expect_neq(p.result, ECHO_LIFE, "forgotten, beat %d", i);
        cr_expect_eq(b.confirmed.boot, A3);
        cr_expect_eq(pass(&a, &b, ms + i * 100, 10).result, ECHO_LIFE, "the living one goes on");
        pass(&b, &a, ms + i * 100 + 20, 10);
    }
}

/* A run whose first beat got through and whose others were held back until it was over. */
Test(echo, withheld_beats_cannot_confirm_a_dead_run_after_a_living_one) {
    struct echo dead, a, b;
    struct beat held[8];
    start(&dead, A, &b, OURS);
    pass(&dead, &b, 0, 10);
    for (int i = 0; i < 8; i++) {
        pass(&b, &dead, 20 + i * 100, 10);
        held[i] = send(&dead, 100 + i * 100);
    }
    echo_init(&a, A2);
    int64_t ms = introduce(&a, &b, 2000);
    for (int i = 0; i < 8; i++) {
        cr_expect_eq(receive(&b, &held[i], ms + i).result, ECHO_CANDIDATE, "beat %d", i);
        cr_expect_eq(b.confirmed.boot, A2);
    }
    cr_expect_eq(pass(&a, &b, ms + 100, 10).result, ECHO_LIFE);
}

/* Beats of many old runs, after and before each beat of a true restart. */
Test(echo, replay_cannot_starve_a_true_restart) {
    enum {
        RUNS = 12
    };
    struct echo a, b;
    struct beat old[RUNS];
    int64_t ms = 0;
    echo_init(&b, OURS);
    for (int run = 0; run < RUNS; run++) {
        echo_init(&a, (uint64_t)(0x100 + run));
        ms = introduce(&a, &b, ms);
        old[run] = send(&a, ms); /* recorded, and the best proof that this run ever made */
    }
    echo_init(&a, A2);
    int beats = 0;
    for (bool confirmed = false; !confirmed; beats++, ms += 100) {
        cr_assert_lt(beats, 4, "a restart takes more than four beats");
        for (int run = 0; run < RUNS; run++)
            receive(&b, &old[run], ms);
        confirmed = pass(&a, &b, ms + 10, 5).new_boot;
        for (int run = RUNS - 1; run >= 0; run--)
            receive(&b, &old[run], ms + 20);
        pass(&b, &a, ms + 30, 5);
    }
    cr_expect_eq(b.confirmed.boot, A2);
    cr_expect_leq(beats, 3, "replay costs one interval, it took %d beats", beats);
    cr_expect_eq(pass(&b, &a, ms, 5).result, ECHO_LIFE);
}

/* ---- everything at once ---------------------------------------------------------------------- */

enum {
    LOG_MAX = 4000
};

struct world {
    struct rng rng;
    struct echo a, b; /* b never restarts; its beliefs are checked */
    bool a_lives;
    int64_t ms, a_last_ms; /* when a was last there */
    uint64_t a_boots;
    struct beat log[LOG_MAX]; /* all that a ever said, for the attacker */
    size_t log_len;
};

static void world_hear(struct world *w, const struct beat *beat) {
    bool was_current = w->b.confirmed.boot == w->a.boot;
    receive(&w->b, beat, w->ms);
    cr_assert(w->b.life_at.us <= w->a_last_ms * 1000, "believes a alive after its end");
    cr_assert(!was_current || w->b.confirmed.boot == w->a.boot,
              "the living run was displaced by %llx", (unsigned long long)w->b.confirmed.boot);
}

static void world_turn(struct world *w, bool lossy) {
    w->ms += 1 + (int64_t)rng_below(&w->rng, 60);
    if (w->a_lives) {
        w->a_last_ms = w->ms;
        struct beat beat = send(&w->a, w->ms);
        if (w->log_len < LOG_MAX)
            w->log[w->log_len++] = beat;
        if (!lossy || rng_below(&w->rng, 3) != 0)
            world_hear(w, &beat);
    }
    struct beat beat = send(&w->b, w->ms);
    if (w->a_lives && (!lossy || rng_below(&w->rng, 3) != 0))
        receive(&w->a, &beat, w->ms);
    for (uint64_t n = w->log_len == 0 ? 0 : rng_below(&w->rng, 6); n > 0; n--)
        world_hear(w, &w->log[rng_below(&w->rng, w->log_len)]);
}

Test(echo, no_order_of_restarts_loss_and_replay_deceives) {
    static struct world w;
    for (uint64_t seed = 1; seed <= 150; seed++) {
        w = (struct world){.a_lives = true};
        rng_seed(&w.rng, seed);
        start(&w.a, 1000, &w.b, OURS);
        for (int turn = 0; turn < 400; turn++) {
            uint64_t dice = rng_below(&w.rng, 40);
            if (dice == 0)
                w.a_lives = false;
            if (dice <= 1 || (!w.a_lives && dice < 10)) {
                w.a_lives = dice != 0;
                echo_init(&w.a, 1000 + ++w.a_boots);
            }
            world_turn(&w, true);
        }
        /* Loss ends, the attacker goes on: within four beats the truth is known. */
        w.a_lives = true;
        for (int turn = 0; turn < 4; turn++)
            world_turn(&w, false);
        cr_assert_eq(w.b.confirmed.boot, w.a.boot, "seed %llu", (unsigned long long)seed);
        cr_assert_eq(w.a.confirmed.boot, w.b.boot, "seed %llu", (unsigned long long)seed);
    }
}
