#include "monitor/detector.h"
#include "peerd/base/rng.h"

#include <criterion/criterion.h>
#include <math.h>

/* A peer that beats as it is asked, over a path whose loss knows time and not beats. */
struct path {
    struct detector d;
    struct rng rng;
    double jitter_ms; /* mean of an exponential one */
    double loss;
    double burst_ms; /* mean; zero for independent loss */
    int obeys_ms;    /* the sender's own least; zero: whatever is asked */
    double lag_ms;   /* round trip */
    bool bad;
    double bad_until_ms, good_until_ms;
    double now_ms;
    uint64_t seq, beats, changes;
    double interval_ms;
};

static double exponential(struct path *p, double mean) {
    return -mean * log(1 - rng_unit(&p->rng));
}

static void begin(struct path *p, int least_ms, int most_ms, uint64_t seed) {
    detector_init(&p->d, &(struct detector_wish){.detect_within = duration_ms(400),
                                                 .false_alarm_every = duration_s(3600),
                                                 .interval = duration_ms(100),
                                                 .interval_min = duration_ms(least_ms),
                                                 .interval_max = duration_ms(most_ms)});
    rng_seed(&p->rng, seed);
    p->interval_ms = 100;
    p->lag_ms = p->lag_ms == 0 ? 20 : p->lag_ms;
}

static bool is_lost(struct path *p) {
    if (p->burst_ms <= 0)
        return rng_unit(&p->rng) < p->loss;
    while (p->now_ms >= (p->bad ? p->bad_until_ms : p->good_until_ms)) {
        p->bad = !p->bad;
        if (p->bad)
            p->bad_until_ms = p->good_until_ms + exponential(p, p->burst_ms);
        else
            p->good_until_ms = p->bad_until_ms + exponential(p, p->burst_ms / p->loss);
    }
    return p->bad;
}

static void beat(struct path *p) {
    p->seq++;
    if (!is_lost(p)) {
        double delay_ms = p->lag_ms / 2 + exponential(p, p->jitter_ms);
        struct instant now = instant_us((int64_t)((p->now_ms + delay_ms) * 1000));
        struct duration announced = duration_us((int64_t)(p->interval_ms * 1000));
        struct duration before = detector_interval_wished(&p->d);
        detector_heard(&p->d, p->seq, (int64_t)(p->now_ms * 1000), now, announced);
        /* It echoes our newest that it has: half an interval old, in the mean. */
        double old_ms = delay_ms + p->lag_ms / 2 + p->interval_ms / 2;
        detector_life_proven(&p->d, instant_sub(now, duration_us((int64_t)(old_ms * 1000))), now,
                             announced);
        p->changes += detector_interval_wished(&p->d).us != before.us;
    }
    p->beats++;
    p->now_ms += p->interval_ms;
    p->interval_ms = fmax((double)detector_interval_wished(&p->d).us / 1000, p->obeys_ms);
}

static void run(struct path *p, double seconds) {
    double end_ms = p->now_ms + seconds * 1000;
    p->beats = p->changes = 0;
    while (p->now_ms < end_ms)
        beat(p);
}

static int asked_ms(const struct path *p) {
    return (int)duration_in_ms(detector_interval_wished(&p->d));
}

Test(cadence, as_rarely_as_the_wish_allows_and_settled) {
    static const struct {
        const char *what;
        double jitter_ms, loss, burst_ms;
        int least_ms, most_ms; /* asked at the end */
        bool meets;
    } rows[] = {
        {"a quiet path needs few", 0.2, 0, 0, 160, 200, true},
        {"some loss needs more", 0.2, 0.01, 0, 50, 105, true},
        {"more loss needs yet more", 0.2, 0.05, 0, 20, 85, true},
        {"independent loss can be outrun", 0.2, 0.15, 0, 20, 45, true},
        {"short bursts as well", 0.2, 0.01, 15, 20, 110, true},
        {"outages longer than the wish cannot: no beat is spent on them", 0.2, 0.02, 600, 80, 100,
         false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct path p = {
            .jitter_ms = rows[i].jitter_ms, .loss = rows[i].loss, .burst_ms = rows[i].burst_ms};
        begin(&p, 20, 200, i + 1);
        run(&p, 1500);
        cr_expect_leq(p.changes, 12u, "%s: %d changes", rows[i].what, (int)p.changes);
        run(&p, 600);
        cr_expect_leq(p.changes, 2u, "%s: %d changes more", rows[i].what, (int)p.changes);
        cr_expect(asked_ms(&p) >= rows[i].least_ms && asked_ms(&p) <= rows[i].most_ms, "%s: %d ms",
                  rows[i].what, asked_ms(&p));
        struct detector_figures f = detector_figures(&p.d, instant_us((int64_t)(p.now_ms * 1000)));
        cr_expect_eq(f.meets_wish, rows[i].meets, "%s: mistakes %d, recurs %d s", rows[i].what,
                     (int)p.d.mistakes, (int)(duration_in_ms(f.recurs) / 1000));
        cr_expect_eq(f.asked.us, detector_interval_wished(&p.d).us);
        detector_check_invariants(&p.d);
    }
}

Test(cadence, nothing_is_asked_before_it_is_measured) {
    struct path p = {.loss = 0.1};
    begin(&p, 20, 1000, 1);
    run(&p, 44);
    cr_expect_eq(asked_ms(&p), 100);
    run(&p, 120);
    cr_expect_lt(asked_ms(&p), 100);
}

Test(cadence, bounds_are_kept_and_none_leave_the_usual) {
    struct path p = {.loss = 0.1};
    begin(&p, 80, 100, 1);
    run(&p, 600);
    cr_expect_eq(asked_ms(&p), 80);
    detector_wish_changed(&p.d, &(struct detector_wish){.detect_within = duration_ms(400),
                                                        .false_alarm_every = duration_s(3600),
                                                        .interval = duration_ms(150)});
    cr_expect_eq(asked_ms(&p), 150, "at once");
    struct path q = {.jitter_ms = 0.2};
    begin(&q, 20, 1000, 1);
    run(&q, 900);
    cr_expect(asked_ms(&q) >= 120 && asked_ms(&q) <= 250, "%d: the wish leaves no room for more",
              asked_ms(&q));
}

/* A sender with a policy of its own is taken as it is. */
Test(cadence, a_sender_that_does_not_obey_changes_no_mind) {
    struct path p = {.loss = 0.1, .obeys_ms = 100};
    begin(&p, 20, 100, 1);
    run(&p, 1200);
    cr_expect_leq(asked_ms(&p), 65, "%d", asked_ms(&p));
    cr_expect_leq(p.changes, 6u, "%d", (int)p.changes);
    cr_expect_not(detector_figures(&p.d, instant_us((int64_t)(p.now_ms * 1000))).meets_wish);
}

Test(cadence, less_is_asked_for_only_after_a_while) {
    struct path p = {.loss = 0.1};
    begin(&p, 20, 100, 1);
    run(&p, 600);
    int before = asked_ms(&p);
    cr_assert_lt(before, 70, "%d", before);
    p.loss = 0;
    run(&p, 30);
    cr_expect_eq(asked_ms(&p), before);
    run(&p, 1200);
    cr_expect_gt(asked_ms(&p), before);
}
