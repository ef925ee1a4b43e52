#include "monitor/quality.h"

#include "peerd/base/rng.h"

#include <criterion/criterion.h>
#include <math.h>

#define INTERVAL_MS 100
#define CLOCK_OFF   77000000123 /* [µs] the sender's clock is off by so much */

static const struct quality_wish hourly = {.false_alarm_every = {3600000000},
                                           .margin_max = {260000}};

/* Ten beats a second over a path of 40 ms. */
struct path {
    struct quality q;
    struct rng rng;
    double jitter_ms; /* mean of an exponential one */
    double loss;
    double burst; /* lost together, mean */
    double route_ms;
    double spike_ms; /* every 15 s */
    uint64_t seq;
    uint64_t to_lose;
    uint64_t mistakes;
};

static void begin(struct path *p, uint64_t seed) {
    quality_init(&p->q);
    rng_seed(&p->rng, seed);
    p->burst = 1;
}

static void beat(struct path *p) {
    int64_t sent_us = (int64_t)++p->seq * INTERVAL_MS * 1000;
    bool spike = p->seq % 150 < 3;
    double delay_ms =
        40 + p->route_ms - p->jitter_ms * log(1 - rng_unit(&p->rng)) + (spike ? p->spike_ms : 0);
    if (p->to_lose == 0 && rng_unit(&p->rng) < p->loss)
        p->to_lose =
            1 +
            (p->burst > 1 ? (uint64_t)(-log(1 - rng_unit(&p->rng)) / -log(1 - 1 / p->burst)) : 0);
    if (p->to_lose > 0) {
        p->to_lose--;
        return;
    }
    struct instant now = instant_us(sent_us + (int64_t)(delay_ms * 1000));
    if (p->q.answer.known && instant_before(quality_fresh_until(&p->q), now))
        p->mistakes++;
    quality_heard(&p->q, p->seq, sent_us + CLOCK_OFF, now, duration_ms(INTERVAL_MS), DURATION_ZERO,
                  &hourly);
    quality_check_invariants(&p->q);
}

static void beats(struct path *p, int seconds) {
    for (int i = 0; i < seconds * 10; i++)
        beat(p);
}

static double transit_us(const struct path *p, int foreteller) {
    return p->q.foretellers[foreteller].transit_us;
}

static int64_t margin_ms(const struct path *p) {
    return duration_in_ms(p->q.answer.margin);
}

Test(quality, the_margin_is_the_smallest_that_the_path_allows) {
    static const struct {
        const char *what;
        double jitter_ms, loss, burst, spike_ms;
        int64_t least_ms, most_ms;
        bool meets;
    } rows[] = {
        {"a quiet path", 0.1, 0, 1, 0, 5, 12, true},
        {"jitter", 3, 0, 1, 0, 25, 70, true},
        {"a loss in a thousand: one in a row comes hourly", 0.1, 0.001, 1, 0, 100, 230, true},
        {"one in a hundred: two in a row", 0.1, 0.01, 1, 0, 200, 240, true},
        {"loss beyond what the wish bears: not a moment more than helps", 0.1, 0.2, 1, 0, 200, 220,
         false},
        {"the same share in bursts", 0.1, 0.02, 3, 0, 200, 260, false},
        {"hand-overs four times a minute", 0.1, 0, 1, 60, 58, 90, true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (uint64_t seed = 1; seed <= 3; seed++) {
            struct path p = {
                .jitter_ms = rows[i].jitter_ms, .loss = rows[i].loss, .spike_ms = rows[i].spike_ms};
            begin(&p, seed);
            p.burst = rows[i].burst;
            beats(&p, 3000);
            cr_expect(margin_ms(&p) >= rows[i].least_ms && margin_ms(&p) <= rows[i].most_ms,
                      "%s, seed %d: %d ms", rows[i].what, (int)seed, (int)margin_ms(&p));
            bool meets = !duration_less(p.q.answer.recurrence, hourly.false_alarm_every);
            cr_expect_eq(meets, rows[i].meets, "%s, seed %d", rows[i].what, (int)seed);
            if (!meets)
                cr_expect_lt(p.q.answer.margin.us, p.q.answer.margin_need.us, "%s", rows[i].what);
        }
}

Test(quality, nothing_is_derived_from_less_than_it_takes) {
    struct path p = {.jitter_ms = 1};
    begin(&p, 1);
    beats(&p, 69);
    cr_expect_not(p.q.answer.known);
    beats(&p, 8);
    cr_expect(p.q.answer.known);
}

Test(quality, mistakes_stay_as_rare_as_wished) {
    struct path p = {.jitter_ms = 3, .loss = 0.01, .spike_ms = 30};
    begin(&p, 3);
    beats(&p, 10 * 3600);
    cr_expect_leq(p.mistakes, 12u, "%d in ten hours", (int)p.mistakes);
    cr_expect_lt(margin_ms(&p), 260);
}

Test(quality, a_route_change_costs_one_mistake_at_most) {
    struct path p = {.jitter_ms = 1};
    begin(&p, 1);
    beats(&p, 300);
    p.mistakes = 0;
    p.route_ms = 80;
    beats(&p, 60);
    cr_expect_leq(p.mistakes, 1u, "%d", (int)p.mistakes);
    double there = transit_us(&p, 1);
    p.route_ms = 0;
    beat(&p);
    beat(&p);
    cr_expect_gt(transit_us(&p, 1), there - 20000, "two might be outliers");
    beats(&p, 1);
    cr_expect_lt(transit_us(&p, 1), there - 70000);
}

/* Eight beats are late and then none: who followed them was wrong twice. */
Test(quality, one_foreteller_waits_a_hand_over_out) {
    struct path p = {.jitter_ms = 1};
    begin(&p, 1);
    beats(&p, 300);
    double usual = transit_us(&p, 2);
    p.route_ms = 80;
    for (int i = 0; i < 8; i++)
        beat(&p);
    cr_expect_lt(transit_us(&p, 2), usual + 8000);
    cr_expect_gt(transit_us(&p, 1), usual + 70000);
    beats(&p, 2);
    cr_expect_gt(transit_us(&p, 2), usual + 70000, "two seconds are no hand-over");
}

Test(quality, a_late_sender_is_no_slow_path) {
    struct path p = {.jitter_ms = 0.1};
    begin(&p, 1);
    beats(&p, 120);
    struct instant before = quality_expected(&p.q);
    /* It was busy for 60 ms, and its beat says so by the instant at which it left. */
    int64_t sent_us = (int64_t)++p.seq * INTERVAL_MS * 1000 + 60000;
    quality_heard(&p.q, p.seq, sent_us + CLOCK_OFF, instant_us(sent_us + 40100),
                  duration_ms(INTERVAL_MS), DURATION_ZERO, &hourly);
    int64_t later_ms = duration_in_ms(instant_since(quality_expected(&p.q), before));
    cr_expect(later_ms >= 158 && later_ms <= 162, "%d", (int)later_ms);
}

Test(quality, our_own_deafness_teaches_nothing) {
    struct path p = {.jitter_ms = 0.1};
    begin(&p, 1);
    beats(&p, 120);
    struct quality before = p.q;
    p.seq += 50;
    int64_t sent_us = (int64_t)p.seq * INTERVAL_MS * 1000;
    quality_heard(&p.q, p.seq, sent_us + CLOCK_OFF, instant_us(sent_us + 900000),
                  duration_ms(INTERVAL_MS), duration_s(5), &hourly);
    cr_expect_eq(p.q.beats, before.beats);
    cr_expect_eq(p.q.answer.margin.us, before.answer.margin.us);
    cr_expect_eq(p.q.observed.us, before.observed.us);
}

Test(quality, a_new_run_has_a_clock_of_its_own) {
    struct path p = {.jitter_ms = 0.1};
    begin(&p, 1);
    beats(&p, 120);
    int64_t margin = margin_ms(&p);
    quality_new_run(&p.q);
    struct instant now = instant_add(p.q.arrival, duration_s(3));
    quality_heard(&p.q, 1, 5, now, duration_ms(INTERVAL_MS), DURATION_ZERO, &hourly);
    cr_expect_eq(instant_since(quality_expected(&p.q), now).us, INTERVAL_MS * 1000);
    cr_expect_eq(margin_ms(&p), margin, "the path is the same");
}

/* A machine that was suspended sends on by a clock that stood still; one whose clock steps says odd
 * things, too. Neither is the path's doing, and neither leaves the freshness point where it was. */
Test(quality, a_step_of_the_senders_clock_teaches_nothing) {
    static const struct {
        const char *what;
        int64_t step_us;  /* of the sender's clock against the truth */
        int64_t pause_us; /* in which it sent nothing */
    } rows[] = {
        {"suspended for a minute", -60000000, 60000000},
        {"suspended for ten seconds", -10000000, 10000000},
        {"stepped forward", 20000000, 0},
        {"stepped back", -20000000, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct path p = {.jitter_ms = 0.1};
        begin(&p, 1);
        beats(&p, 120);
        struct instant last = p.q.arrival;
        int64_t margin_us = p.q.answer.margin.us, sent_us = p.q.sent_us;
        for (int n = 1; n <= 100; n++) {
            struct instant now =
                instant_add(last, duration_us(n * INTERVAL_MS * 1000 + rows[i].pause_us));
            int64_t on_its_clock = sent_us + n * INTERVAL_MS * 1000 + rows[i].pause_us;
            quality_heard(&p.q, ++p.seq, on_its_clock + rows[i].step_us, now,
                          duration_ms(INTERVAL_MS), DURATION_ZERO, &hourly);
            int64_t ahead_us = instant_since(quality_fresh_until(&p.q), now).us;
            cr_expect(ahead_us > INTERVAL_MS * 1000 && ahead_us < INTERVAL_MS * 1000 + 40000,
                      "%s, beat %d: fresh for %d us", rows[i].what, n, (int)ahead_us);
        }
        cr_expect_leq(p.q.answer.margin.us, 2 * margin_us, "%s: %d us", rows[i].what,
                      (int)p.q.answer.margin.us);
    }
}

/* A hold of 700 ms once in ten minutes: no margin that is permitted outlasts it, so that none that
 * is longer is worth its wait; and all that comes at its end ended one silence. */
Test(quality, what_no_margin_prevents_raises_none) {
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct path p = {.jitter_ms = 0.5};
        begin(&p, seed);
        beats(&p, 120);
        int64_t before = margin_ms(&p);
        for (int n = 0; n < 5; n++) {
            int64_t end_us = (int64_t)(p.seq + 7) * INTERVAL_MS * 1000;
            for (int i = 0; i < 7; i++)
                quality_heard(&p.q, p.seq + 1 + (uint64_t)i,
                              (int64_t)(p.seq + 1 + (uint64_t)i) * INTERVAL_MS * 1000 + CLOCK_OFF,
                              instant_us(end_us + 40000 + i), duration_ms(INTERVAL_MS),
                              DURATION_ZERO, &hourly);
            p.seq += 7;
            beats(&p, 600);
        }
        cr_expect_leq(margin_ms(&p), 2 * before, "seed %d: %d ms, and %d before", (int)seed,
                      (int)margin_ms(&p), (int)before);
        cr_expect_not(p.q.answer.reachable, "and it is said");
    }
}

/* The estimate wanders around a stair: one beat in a hundred is lost, and two in a row come about
 * once in the time in which the wish allows one mistake. */
Test(quality, a_margin_is_held) {
    static const struct quality_wish often = {.false_alarm_every = {1000000000},
                                              .margin_max = {260000}};
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct quality q;
        struct rng g;
        unsigned changes = 0;
        quality_init(&q);
        rng_seed(&g, seed);
        for (uint64_t i = 1; i <= 72000; i++) {
            if (rng_unit(&g) < 0.01)
                continue;
            struct duration before = q.answer.margin;
            bool known = q.answer.known;
            double delay_us = 40000 - 1000 * log(1 - rng_unit(&g));
            quality_heard(&q, i, (int64_t)i * 100000,
                          instant_us((int64_t)i * 100000 + (int64_t)delay_us),
                          duration_ms(INTERVAL_MS), DURATION_ZERO, &often);
            changes += known && q.answer.margin.us != before.us;
        }
        cr_expect_leq(changes, 6u, "seed %d: %u changes in two hours", (int)seed, changes);
    }
}
