#include "monitor/detector.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define START 1000 /* [ms] */

static struct instant at(int64_t ms) {
    return instant_us(ms * 1000);
}

static struct detector fresh(void) {
    struct detector d;
    detector_init(&d, &(struct detector_wish){.detect_within = duration_ms(400),
                                              .false_alarm_every = duration_s(3600),
                                              .interval = duration_ms(100)});
    return d;
}

/* Beats every 100 ms, each proof 60 ms old on arrival; the last at START + 100 × (beats - 1). */
static struct detector steady(int beats) {
    struct detector d = fresh();
    for (int i = 0; i < beats; i++)
        detector_life_proven(&d, at(START + i * 100 - 60), at(START + i * 100), duration_ms(100));
    return d;
}

Test(detector, nobody_is_judged_unheard) {
    struct detector d = fresh();
    cr_expect_eq(detector_step(&d, at(1000000)), DETECTOR_UNKNOWN);
    cr_expect(instant_is_never(detector_deadline(&d)));
    detector_unconfirmed(&d, at(1000000));
    cr_expect_eq(detector_step(&d, at(2000000)), DETECTOR_UNKNOWN,
                 "a beat without proof is no life");
    detector_check_invariants(&d);
}

Test(detector, opinion_follows_silence) {
    static const struct {
        const char *what;
        int64_t silent_ms; /* since the last arrival, whose proof was 60 ms old */
        enum detector_opinion expected;
    } rows[] = {
        {"just heard", 0, DETECTOR_TRUST},
        {"the announced beat is due", 100, DETECTOR_TRUST},
        {"one millisecond before the margin ends", 149, DETECTOR_TRUST},
        {"late beyond the margin", 150, DETECTOR_SUSPECT},
        {"one millisecond before the bound", 339, DETECTOR_SUSPECT},
        {"the newest proof is 400 ms old", 340, DETECTOR_EXPIRED},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct detector d = steady(50);
        int64_t last = START + 4900;
        cr_expect_eq(detector_step(&d, at(last + rows[i].silent_ms)), rows[i].expected, "%s",
                     rows[i].what);
        detector_check_invariants(&d);
    }
}

Test(detector, deadlines_are_where_the_opinion_changes) {
    struct detector d = steady(50);
    cr_expect_eq(detector_deadline(&d).us, at(START + 4900 + 150).us);
    detector_step(&d, detector_deadline(&d));
    cr_expect_eq(d.opinion, DETECTOR_SUSPECT);
    cr_expect_eq(detector_deadline(&d).us, at(START + 4900 + 340).us);
    detector_step(&d, detector_deadline(&d));
    cr_expect_eq(d.opinion, DETECTOR_EXPIRED);
    cr_expect(instant_is_never(detector_deadline(&d)));
    cr_expect(d.suspicions == 1 && d.expiries == 1 && d.mistakes == 0);
}

Test(detector, death_is_noticed_within_the_wish_wherever_it_strikes) {
    /* The peer dies just after any of its sends: the proof is 1..219 ms old by then. */
    for (int64_t lag = 1; lag < 220; lag += 7) {
        struct detector d = fresh();
        int64_t death = 0;
        for (int i = 0; i < 30; i++) {
            death = START + i * 100;
            detector_life_proven(&d, at(death - lag), at(death + 10), duration_ms(100));
        }
        int64_t noticed = death + 10;
        for (; detector_step(&d, at(noticed)) != DETECTOR_EXPIRED; noticed++)
            continue;
        cr_expect(noticed <= death + 400, "lag %d: %d ms", (int)lag, (int)(noticed - death));
    }
}

Test(detector, beats_held_back_and_released_prove_nothing_new) {
    struct detector d = steady(50);
    int64_t last = START + 4900;
    /* They keep coming on time, and echo only what was sent before the cut. */
    for (int i = 1; i <= 3; i++)
        detector_life_proven(&d, at(last - 60), at(last + i * 100), duration_ms(100));
    cr_expect_eq(detector_step(&d, at(last + 339)), DETECTOR_TRUST);
    cr_expect_eq(detector_step(&d, at(last + 340)), DETECTOR_EXPIRED);
    /* One that comes later still does not bring it back. */
    detector_life_proven(&d, at(last - 60), at(last + 400), duration_ms(100));
    cr_expect_eq(d.opinion, DETECTOR_EXPIRED);
}

Test(detector, jitter_widens_the_margin_and_loss_does_not) {
    struct detector d = fresh();
    int64_t now = START;
    for (int i = 0; i < 100; i++) {
        now += i % 2 == 0 ? 60 : 140;
        detector_life_proven(&d, at(now - 40), at(now), duration_ms(100));
    }
    struct detector_figures f = detector_figures(&d, at(now));
    cr_expect(duration_in_ms(f.margin) >= 120, "%d", (int)duration_in_ms(f.margin));
    d = steady(50);
    for (int i = 0; i < 20; i++) { /* every second beat is lost */
        now = START + 4900 + (i + 1) * 200;
        detector_step(&d, at(now - 1));
        detector_life_proven(&d, at(now - 60), at(now), duration_ms(100));
    }
    f = detector_figures(&d, at(now));
    cr_expect_eq(duration_in_ms(f.margin), 50);
}

Test(detector, a_path_too_slow_for_the_wish_says_so) {
    struct detector d = fresh();
    for (int i = 0; i < 50; i++)
        detector_life_proven(&d, at(START + i * 100 - 700), at(START + i * 100), duration_ms(100));
    struct detector_figures f = detector_figures(&d, at(START + 4900));
    cr_expect_not(f.meets_wish);
    cr_expect(duration_in_ms(f.bound) >= 850, "%d", (int)duration_in_ms(f.bound));
    cr_expect_eq(detector_step(&d, at(START + 4950)), DETECTOR_TRUST);
    d = steady(50);
    cr_expect(detector_figures(&d, at(START + 4900)).meets_wish);
}

/* Beats every 100 ms from `from` on, the newest echo so old on arrival; when it was trusted last
 * before which it was not. Whoever asks lets time pass to the very instant of each beat. */
static int64_t trusted_from(struct detector *d, int64_t from, int beats, int64_t lag) {
    int64_t since = -1;
    for (int i = 0; i < beats; i++) {
        int64_t now = from + i * 100;
        if (detector_step(d, at(now)) == DETECTOR_EXPIRED)
            since = -1;
        detector_life_proven(d, at(now - lag), at(now), duration_ms(100));
        if (since < 0 && d->opinion == DETECTOR_TRUST)
            since = now;
        detector_check_invariants(d);
    }
    return since;
}

Test(detector, a_path_that_becomes_slow_is_learnt) {
    static const struct {
        const char *what;
        int64_t lag;
        int64_t within; /* [ms] trusted for good, so long after it changed; -1: never */
    } rows[] = {
        {"as before", 60, 0},
        {"slower than the wish, less the time to the next beat", 320, 1000},
        {"slower than the wish", 700, 1500},
        {"much slower", 3000, 1500},
        {"so slow that it is none", 3300, -1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct detector d = steady(50);
        int64_t change = START + 5000 + (rows[i].lag - 60) / 100 * 100;
        int64_t trusted = trusted_from(&d, change, 100, rows[i].lag);
        if (rows[i].within < 0)
            cr_expect_lt(trusted, 0, "%s", rows[i].what);
        else
            cr_expect(trusted >= 0 && trusted <= change + rows[i].within, "%s: %d", rows[i].what,
                      (int)(trusted - change));
    }
}

Test(detector, a_slow_path_is_known_from_the_first_beats) {
    struct detector d = fresh();
    int64_t trusted = trusted_from(&d, START, 50, 900);
    cr_expect_eq(trusted, START + 200, "two to learn from, the next counts");
    cr_expect_not(detector_figures(&d, at(START + 4900)).meets_wish);
    d = fresh();
    cr_expect_lt(trusted_from(&d, START + 9000, 50, 9000), 0);
    cr_expect_eq(d.opinion, DETECTOR_UNKNOWN);
}

/* It heard one beat of ours before a cut; after the cut it says so in every beat. */
Test(detector, an_old_echo_that_comes_again_is_no_slow_path) {
    struct detector d = fresh();
    for (int i = 0; i < 20; i++) {
        detector_life_proven(&d, at(START), at(START + 2500 + i * 20), duration_ms(20));
        cr_expect_eq(d.opinion, DETECTOR_UNKNOWN, "beat %d", i);
    }
    detector_life_proven(&d, at(START + 2850), at(START + 2900), duration_ms(20));
    cr_expect_eq(d.opinion, DETECTOR_TRUST);
}

Test(detector, our_own_absence_is_not_the_peers_silence) {
    struct detector d = steady(50);
    int64_t last = START + 4900;
    detector_own_stall(&d, at(last + 100), at(last + 1100));
    cr_expect_eq(detector_step(&d, at(last + 1100)), DETECTOR_TRUST);
    cr_expect_eq(duration_in_ms(detector_figures(&d, at(last + 1100)).silent), 100);
    cr_expect_eq(detector_step(&d, at(last + 1150)), DETECTOR_SUSPECT);
    cr_expect_eq(detector_step(&d, at(last + 1339)), DETECTOR_SUSPECT);
    cr_expect_eq(detector_step(&d, at(last + 1340)), DETECTOR_EXPIRED, "but the rest of it is");
    /* What lay in the socket proves life before the pause, and counts as if there had been none. */
    d = steady(50);
    detector_own_stall(&d, at(last + 100), at(last + 1100));
    detector_life_proven(&d, at(last + 90), at(last + 1101), duration_ms(100));
    cr_expect_eq(detector_step(&d, at(last + 1101)), DETECTOR_TRUST);
    for (int i = 0; i < 10; i++)
        detector_own_stall(&d, at(last + 2000 + i), at(last + 2000 + i));
    detector_check_invariants(&d);
}

/* More often than stalls are remembered singly. */
Test(detector, many_short_absences_are_not_the_peers_silence) {
    struct detector d = steady(50);
    int64_t last = START + 4900, now = last;
    for (int i = 0; i < 10; i++, now += 200) {
        detector_own_stall(&d, at(now + 20), at(now + 200));
        cr_expect_eq(duration_in_ms(detector_age(&d, at(last), at(now + 200))), 20 * (i + 1));
    }
    /* What was long ago is forgotten, and adds nothing to what is deducted later. */
    now += 100000;
    for (int i = 0; i < DETECTOR_STALLS_MAX; i++)
        detector_own_stall(&d, at(now + 20 * i), at(now + 20 * i + 10));
    cr_expect_eq(duration_in_ms(detector_age(&d, at(now - 1000), at(now + 100))),
                 1100 - 10 * DETECTOR_STALLS_MAX);
    detector_check_invariants(&d);
}

Test(detector, our_own_absence_teaches_nothing_of_the_path) {
    struct detector d = steady(50);
    int64_t last = START + 4900;
    struct detector_figures before = detector_figures(&d, at(last));
    detector_own_stall(&d, at(last + 50), at(last + 5050));
    cr_expect_eq(duration_in_ms(detector_age(&d, at(last + 40), at(last + 5051))), 11);
    detector_life_proven(&d, at(last + 40), at(last + 5100), duration_ms(100));
    struct detector_figures after = detector_figures(&d, at(last + 5100));
    cr_expect_eq(after.bound.us, before.bound.us, "the bound is %d ms",
                 (int)duration_in_ms(after.bound));
    cr_expect_eq(after.margin.us, before.margin.us, "the margin is %d ms",
                 (int)duration_in_ms(after.margin));
}

Test(detector, mistakes_are_counted_and_restarts_are_not) {
    for (int anew = 0; anew < 2; anew++) {
        struct detector d = steady(50);
        int64_t back = START + 4900 + 600;
        detector_step(&d, at(back));
        cr_expect_eq(d.opinion, DETECTOR_EXPIRED);
        if (anew)
            detector_new_run(&d);
        detector_life_proven(&d, at(back - 10), at(back), duration_ms(100));
        cr_expect_eq(d.opinion, DETECTOR_TRUST);
        cr_expect_eq(d.mistakes, anew ? 0u : 1u);
        cr_expect_not(d.excused);
    }
}

Test(detector, unconfirmed_beats_are_counted_until_the_next_proof) {
    struct detector d = steady(5);
    detector_unconfirmed(&d, at(START + 500));
    detector_unconfirmed(&d, at(START + 600));
    cr_expect(d.unconfirmed == 2 && d.unconfirmed_at.us == at(START + 600).us);
    detector_life_proven(&d, at(START + 640), at(START + 700), duration_ms(100));
    cr_expect_eq(d.unconfirmed, 0u);
}

Test(detector, a_new_wish_takes_effect_at_once) {
    struct detector d = steady(50);
    detector_wish_changed(&d, &(struct detector_wish){.detect_within = duration_s(2),
                                                      .false_alarm_every = duration_s(3600),
                                                      .interval = duration_ms(100)});
    cr_expect_eq(detector_step(&d, at(START + 4900 + 1900)), DETECTOR_SUSPECT);
    cr_expect_eq(detector_step(&d, at(START + 4900 + 1940)), DETECTOR_EXPIRED);
}

/* Beats every 100 ms for so many seconds, heard and proven; each `lost_every`th is lost. */
static int64_t heard_for(struct detector *d, int seconds, int lost_every) {
    int64_t now = START;
    for (int i = 1; i <= seconds * 10; i++) {
        if (lost_every > 0 && i % lost_every == 0)
            continue;
        now = START + i * 100;
        detector_heard(d, (uint64_t)i, (int64_t)i * 100000, at(now), duration_ms(100));
        detector_life_proven(d, at(now - 60), at(now), duration_ms(100));
        detector_check_invariants(d);
    }
    return now;
}

Test(detector, a_path_known_well_expires_sooner_than_the_wish) {
    static const struct {
        const char *what;
        int seconds, lost_every;
        int64_t least_ms, most_ms; /* of silence, until it expires */
        bool meets;
    } rows[] = {
        {"not known yet", 40, 0, 340, 340, true},
        {"nor how much is lost", 40, 30, 340, 340, true},
        {"quiet", 120, 0, 105, 115, true},
        {"one beat in thirty is lost, alone", 1200, 30, 200, 340, true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct detector d = fresh();
        int64_t last = heard_for(&d, rows[i].seconds, rows[i].lost_every);
        int64_t silent = duration_in_ms(instant_since(detector_expires_at(&d), at(last)));
        cr_expect(silent >= rows[i].least_ms && silent <= rows[i].most_ms, "%s: %d", rows[i].what,
                  (int)silent);
        struct detector_figures f = detector_figures(&d, at(last));
        cr_expect_eq(f.meets_wish, rows[i].meets, "%s", rows[i].what);
        cr_expect_eq(f.measured, rows[i].seconds > 60, "%s", rows[i].what);
        cr_expect_eq(f.loses, rows[i].lost_every > 0, "%s", rows[i].what);
        cr_expect_leq(duration_in_ms(f.bound), 400, "%s", rows[i].what);
        while (d.opinion != DETECTOR_EXPIRED)
            detector_step(&d, detector_deadline(&d));
        cr_expect_eq(d.expired_at.us, at(last + silent).us + d.expired_at.us % 1000, "%s",
                     rows[i].what);
    }
}

Test(detector, our_own_absence_moves_the_freshness_point) {
    struct detector d = fresh();
    int64_t last = heard_for(&d, 120, 0);
    struct instant before = detector_expires_at(&d);
    detector_own_stall(&d, at(last + 50), at(last + 5050));
    cr_expect_eq(instant_since(detector_expires_at(&d), before).us, 5000000);
    cr_expect_eq(detector_step(&d, at(last + 5051)), DETECTOR_TRUST);
}

/* Stopped for three seconds it reads, one after the other, what came meanwhile. */
Test(detector, what_lay_in_our_socket_is_as_fresh_as_when_it_came) {
    struct detector d = fresh();
    int64_t last = heard_for(&d, 120, 0), back = last + 3050;
    detector_own_stall(&d, at(last + 50), at(back));
    for (int i = 1; i <= 30; i++) {
        int64_t sent = last - START + i * 100;
        detector_heard(&d, (uint64_t)(1200 + i), sent * 1000, at(back), duration_ms(100));
        cr_expect_eq(detector_step(&d, at(back)), DETECTOR_TRUST, "number %d", i);
        detector_life_proven(&d, at(last - 60), at(back), duration_ms(100));
        cr_expect_eq(d.opinion, DETECTOR_TRUST, "number %d, once it has proven", i);
    }
    cr_expect(d.suspicions == 0 && d.expiries == 0 && d.mistakes == 0);
    /* The next is due as ever. */
    cr_expect_leq(instant_since(detector_expires_at(&d), at(back)).us, 170000);
    cr_expect_geq(instant_since(detector_expires_at(&d), at(back)).us, 50000);
}

/* What proofs may be late by is no part of it where arrivals alone tell sooner. */
Test(detector, the_wish_is_held_against_the_bound_in_force) {
    static const struct {
        const char *what;
        int64_t within_ms;
        bool meets;
    } rows[] = {{"within what arrivals need", 180, true}, {"less than that", 160, false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct detector d;
        detector_init(&d, &(struct detector_wish){.detect_within = duration_ms(rows[i].within_ms),
                                                  .false_alarm_every = duration_s(3600),
                                                  .interval = duration_ms(100)});
        int64_t last = heard_for(&d, 120, 0);
        struct detector_figures f = detector_figures(&d, at(last));
        cr_expect_geq(duration_in_ms(f.proof_max), 210, "%s", rows[i].what);
        cr_expect_geq(duration_in_ms(f.bound), 165, "%s", rows[i].what);
        cr_expect_leq(duration_in_ms(f.bound), 175, "%s", rows[i].what);
        cr_expect_eq(f.meets_wish, rows[i].meets, "%s", rows[i].what);
    }
}

Test(detector, what_lay_in_our_socket_says_nothing_of_the_path) {
    struct detector d = fresh();
    int64_t last = heard_for(&d, 120, 0);
    detector_own_stall(&d, at(last + 50), at(last + 5050));
    struct quality before = d.quality;
    for (int i = 1; i <= 50; i++)
        detector_heard(&d, (uint64_t)(1200 + i), (int64_t)(1200 + i) * 100000, at(last + 5051),
                       duration_ms(100));
    cr_expect_eq(d.quality.beats, before.beats);
    cr_expect_eq(d.quality.answer.margin.us, before.answer.margin.us);
    cr_expect_eq(d.quality.seq, 1250u);
}

Test(detector, an_absurd_send_instant_leaves_the_life_clock) {
    struct detector d = fresh();
    int64_t last = heard_for(&d, 120, 0);
    detector_heard(&d, 1201, INT64_MIN, at(last + 100), duration_ms(100));
    detector_life_proven(&d, at(last + 40), at(last + 100), duration_ms(100));
    cr_expect_eq(detector_expires_at(&d).us, at(last + 440).us);
    detector_heard(&d, 1202, INT64_MAX, at(last + 200), duration_ms(100));
    cr_expect_eq(detector_expires_at(&d).us, at(last + 440).us);
    detector_check_invariants(&d);
}

static void back_again(struct detector *d, int64_t now, uint64_t seq) {
    detector_heard(d, seq, now * 1000, at(now), duration_ms(100));
    detector_life_proven(d, at(now - 60), at(now), duration_ms(100));
}

Test(detector, what_it_achieves_is_told) {
    struct detector d = fresh();
    int64_t last = heard_for(&d, 50, 0);
    detector_step(&d, detector_deadline(&d));
    detector_step(&d, detector_deadline(&d));
    cr_assert_eq(d.opinion, DETECTOR_EXPIRED);
    int64_t expired = duration_in_ms(instant_since(d.expired_at, at(0)));
    back_again(&d, expired + 1000, 601);
    struct detector_figures f = detector_figures(&d, at(START + 100 + 100000));
    cr_expect_eq(duration_in_ms(f.mistake_every), 100000);
    cr_expect_leq(llabs(duration_in_ms(f.mistake_lasts) - 1000), 1);
    cr_expect_float_eq(f.accuracy, 0.99, 1e-4);
    cr_expect_gt(expired, last);
    for (int i = 0; i < 2; i++) {
        detector_step(&d, detector_deadline(&d));
        detector_step(&d, detector_deadline(&d));
        int64_t back = duration_in_ms(instant_since(d.expired_at, at(0))) + 500;
        back_again(&d, back, 700 + (uint64_t)i);
    }
    cr_expect_eq(d.mistakes, 3u);
    cr_expect_not(detector_figures(&d, d.arrival).meets_wish, "thrice is a fact");
    while (d.opinion != DETECTOR_EXPIRED)
        detector_step(&d, detector_deadline(&d));
    detector_new_run(&d);
    int64_t detected = duration_in_ms(detector_figures(&d, d.expired_at).detected);
    cr_expect(detected > 100 && detected <= 400, "%d", (int)detected);
}

Test(detector, opinions_have_names) {
    cr_expect_str_eq(detector_opinion_name(DETECTOR_UNKNOWN), "unknown");
    cr_expect_str_eq(detector_opinion_name(DETECTOR_EXPIRED), "expired");
    cr_expect_str_eq(detector_opinion_name((enum detector_opinion)9), "?");
}

/* Before anything has been measured: beats that come so rarely cannot be missed in time. */
Test(detector, what_the_interval_alone_forbids_is_said_at_once) {
    static const struct {
        const char *what;
        int64_t interval_ms, within_ms;
        bool meets;
    } rows[] = {
        {"ten beats in the time wished", 100, 1000, true},
        {"four", 100, 400, true},
        {"two, and one half to wait for the second", 200, 400, true},
        {"one and a half", 270, 400, false},
        {"less than one", 500, 400, false},
        {"not even nearly one", 1000, 400, false},
        {"one", 1000, 1000, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct detector d = fresh();
        d.wish.detect_within = duration_ms(rows[i].within_ms);
        d.wish.interval = duration_ms(rows[i].interval_ms);
        for (int n = 0; n < 2; n++)
            detector_life_proven(&d, at(START + n * rows[i].interval_ms - 10),
                                 at(START + n * rows[i].interval_ms),
                                 duration_ms(rows[i].interval_ms));
        struct detector_figures f = detector_figures(&d, at(START + rows[i].interval_ms));
        cr_expect_eq(f.meets_wish, rows[i].meets, "%s", rows[i].what);
        cr_expect_eq(duration_less(d.wish.detect_within, f.bound), !rows[i].meets, "%s: %d ms",
                     rows[i].what, (int)duration_in_ms(f.bound));
    }
}

/* Mistakes come in clusters, and between them an estimate is good. */
Test(detector, that_the_wish_is_unmet_is_said_for_a_while) {
    static const struct {
        const char *what;
        int64_t after_s; /* since it was unmet last */
        bool meets;
    } rows[] = {{"a minute", 60, false},
                {"nearly a sixth of the wish", 590, false},
                {"more than that", 610, true}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct detector d = fresh();
        int64_t last = heard_for(&d, 120, 0);
        cr_expect(detector_meets_wish(&d, at(last)));
        d.unmet_at = at(last);
        cr_expect_eq(detector_meets_wish(&d, at(last + rows[i].after_s * 1000)), rows[i].meets,
                     "%s", rows[i].what);
        struct detector_wish other = d.wish;
        other.detect_within = duration_ms(500);
        detector_wish_changed(&d, &other);
        cr_expect(detector_meets_wish(&d, at(last + 1000)), "another wish");
    }
}
