/* Sessions that fled here go home: what speaks against it, one row each, and how fast. */
#include "test/unit/homing_fixture.h"
#include "topo/location.h"

static struct bed bed_of(uint32_t count, enum policy_return homing) {
    return bed_new(&(struct bed_setup){.count = count, .homing = homing, .return_per_s = 2});
}

static void come(struct bed *b, enum move_cause cause) {
    for (uint32_t i = 0; i < b->count; i++)
        comes(b, i, cause);
}

static void wait(struct bed *b, int64_t ms, enum verdict home) {
    for (; ms > 0; ms -= 100) {
        b->f->now = instant_add(b->f->now, duration_ms(100));
        tell(b, home);
        home_of(b)->back_since = b->f->core->started;
    }
}

Test(core_homing, goes_who_fled_and_nobody_else) {
    static const struct {
        const char *what;
        enum policy_return homing;
        enum move_cause cause;
        enum verdict home;
        bool home_drained; /* when it came */
        int64_t stays_ms;
        bool goes;
    } rows[] = {
        {"home was dead", POLICY_RETURN_ALWAYS, MOVE_CAUSE_CRASHED, VERDICT_ALIVE, false, 8000,
         true},
        {"… but not at once", POLICY_RETURN_ALWAYS, MOVE_CAUSE_CRASHED, VERDICT_ALIVE, false, 4800,
         false},
        {"home was cut off", POLICY_RETURN_ALWAYS, MOVE_CAUSE_PARTITIONED, VERDICT_ALIVE, false,
         8000, true},
        {"home was drained", POLICY_RETURN_ALWAYS, MOVE_CAUSE_DRAIN, VERDICT_ALIVE, true, 8000,
         true},
        {"an operator moved that one", POLICY_RETURN_ALWAYS, MOVE_CAUSE_DRAIN, VERDICT_ALIVE, false,
         8000, false},
        {"off a bad path", POLICY_RETURN_ALWAYS, MOVE_CAUSE_DEGRADED, VERDICT_ALIVE, false, 8000,
         false},
        {"it was sent home to us", POLICY_RETURN_ALWAYS, MOVE_CAUSE_RETURN, VERDICT_ALIVE, false,
         8000, false},
        {"never, says the policy", POLICY_RETURN_NEVER, MOVE_CAUSE_CRASHED, VERDICT_ALIVE, false,
         8000, false},
        {"home is dead", POLICY_RETURN_ALWAYS, MOVE_CAUSE_CRASHED, VERDICT_CRASHED, false, 8000,
         false},
        {"nobody knows how far home is", POLICY_RETURN_WHEN_BETTER, MOVE_CAUSE_CRASHED,
         VERDICT_ALIVE, false, 8000, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bed b = bed_of(1, rows[i].homing);
        home_of(&b)->description.draining = rows[i].home_drained;
        come(&b, rows[i].cause);
        tell(&b, VERDICT_ALIVE);
        home_of(&b)->description.draining = false;
        wait(&b, rows[i].stays_ms, rows[i].home);
        cr_expect_eq(sent_home(&b), rows[i].goes ? 1u : 0u, "%s", rows[i].what);
        bed_free(&b);
    }
}

/* Whoever was on the way as its drain was called off arrives when that drains no more. */
Test(core_homing, a_drain_that_is_over_sent_whom_it_had_asked) {
    static const struct {
        const char *what;
        int64_t since_ms;
        bool goes;
    } rows[] = {{"a moment ago", 300, true},
                {"a lease ago: an operator moved that one", 6000, false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bed b = bed_of(1, POLICY_RETURN_ALWAYS);
        home_of(&b)->drained_at = b.f->now;
        wait(&b, rows[i].since_ms, VERDICT_ALIVE);
        come(&b, MOVE_CAUSE_DRAIN);
        wait(&b, 8000, VERDICT_ALIVE);
        cr_expect_eq(sent_home(&b), rows[i].goes ? 1u : 0u, "%s", rows[i].what);
        bed_free(&b);
    }
}

static void damp(struct bed *b, bool damped) {
    home_of(b)->damping = (struct damping){.damped = damped, .points = damped ? 3000 : 0};
    home_of(b)->damping.at = b->f->now;
    home_of(b)->calm_at = damped ? instant_add(b->f->now, duration_s(3600)) : INSTANT_NEVER;
}

Test(core_homing, goes_when_home_is_fit_for_it_again) {
    static const struct {
        const char *what;
        bool damped, draining, just_back, just_started, full;
    } rows[] = {
        {"it comes and goes", .damped = true},
        {"it drains", .draining = true},
        {"it is back only now", .just_back = true},
        {"it was started and does not know yet whom it serves", .just_started = true},
        {"it has no room", .full = true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bed b = bed_of(1, POLICY_RETURN_ALWAYS);
        come(&b, MOVE_CAUSE_CRASHED);
        for (int n = 0; n < 80; n++) {
            damp(&b, rows[i].damped);
            b.full = rows[i].full;
            home_of(&b)->description.draining = rows[i].draining;
            home_of(&b)->said_recovering = rows[i].just_started;
            b.f->now = instant_add(b.f->now, duration_ms(100));
            if (rows[i].just_back)
                home_of(&b)->back_since = b.f->now;
            tell(&b, VERDICT_ALIVE);
        }
        cr_expect_eq(sent_home(&b), 0u, "%s", rows[i].what);
        damp(&b, false);
        b.full = false;
        home_of(&b)->description.draining = home_of(&b)->said_recovering = false;
        wait(&b, 3000, VERDICT_ALIVE);
        cr_expect_eq(sent_home(&b), 1u, "%s no more", rows[i].what);
        bed_free(&b);
    }
}

Test(core_homing, nobody_goes_while_we_drain) {
    struct bed b = bed_of(1, POLICY_RETURN_ALWAYS);
    come(&b, MOVE_CAUSE_CRASHED);
    struct core_event drain = {.kind = CORE_DRAIN};
    drain.u.drain.deadline = duration_s(60);
    fixture_step(b.f, &drain);
    wait(&b, 8000, VERDICT_ALIVE);
    cr_expect_eq(sent_home(&b), 0u);
    bed_free(&b);
}

Test(core_homing, no_more_a_second_than_the_policy_says) {
    struct bed b = bed_of(SESSIONS_MAX, POLICY_RETURN_ALWAYS);
    come(&b, MOVE_CAUSE_CRASHED);
    wait(&b, 5000, VERDICT_ALIVE);
    uint32_t before = sent_home(&b);
    while (before == 0) {
        wait(&b, 100, VERDICT_ALIVE);
        before = sent_home(&b);
    }
    cr_expect_leq(before, 2u);
    wait(&b, 2000, VERDICT_ALIVE);
    uint32_t more = sent_home(&b) - before;
    cr_expect(more >= 3 && more <= 5, "%u in two seconds", more);
    bed_free(&b);
}

/* The whole budget of moves that somebody only gains by is two a minute. */
Test(core_homing, no_more_a_minute_than_the_budget_of_gains) {
    struct bed b = bed_of(SESSIONS_MAX, POLICY_RETURN_ALWAYS);
    b.f->policy.limits.moves_per_minute = 2;
    bed_policy(&b);
    come(&b, MOVE_CAUSE_CRASHED);
    wait(&b, 12000, VERDICT_ALIVE);
    cr_expect_eq(b.f->core->counters.sessions_returned, 2u, "%u",
                 (unsigned)b.f->core->counters.sessions_returned);
    wait(&b, 24000, VERDICT_ALIVE);
    cr_expect_eq(b.f->core->counters.sessions_returned, 3u, "half a minute: one more, %u",
                 (unsigned)b.f->core->counters.sessions_returned);
    b.f->policy.limits.moves_per_minute = 0;
    bed_policy(&b);
    wait(&b, 60000, VERDICT_ALIVE);
    cr_expect_eq(b.f->core->counters.sessions_returned, 3u, "nobody goes");
    bed_free(&b);
}

/* ---- when it is better --------------------------------------------------------------------------
 */

/* Clients here measure home, and home says how its own of their location fare (0: nothing); those
 * here fare very well, 80 ms away. */
static void is_known(struct bed *b, uint32_t home_ms, uint16_t there_centi) {
    struct perf *perf = fares_perf(b->f->core);
    struct perf_sample here = {.expected = 50, .rtt = duration_ms(80)};
    struct perf_summary said = {
        .usual_centi = there_centi, .recent_centi = there_centi, .reports = 20, .clients = 5};
    struct node_trip trips[4];
    here.location = said.location = location_of(&b->sessions[0].client);
    for (uint8_t i = 0; i < 4; i++) {
        trips[i] = (struct node_trip){.client = b->sessions[0].client,
                                      .cluster = key_hint_of(&b->f->policy.peers[0].key),
                                      .rtt_us = home_ms * 1000,
                                      .samples = 9};
        trips[i].client.ip[3] = (uint8_t)(i + 1);
        cr_assert(perf_heard(perf, &here, b->f->core->now));
    }
    fares_trips_heard(b->f->core, &(struct node_request){.trips = trips, .trip_count = 4});
    if (there_centi > 0)
        cr_assert(perf_told(perf, home_of(b)->number, &said, b->f->core->now));
}

Test(core_homing, when_better_goes_who_gains_by_it) {
    static const struct {
        const char *what;
        uint32_t home_ms;
        uint16_t there_centi;
        bool goes;
    } rows[] = {
        {"a quarter and 5 ms nearer than 80", 60, 0, true},
        {"not by so much", 62, 0, false},
        {"further away", 90, 0, false},
        {"near, and its own fare as well", 20, 9000, true},
        {"near, and its own fare worse by less than a category", 20, 8500, true},
        {"near, and its own fare worse", 20, 6000, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bed b = bed_new(&(struct bed_setup){
            .count = 1, .homing = POLICY_RETURN_WHEN_BETTER, .return_per_s = 2, .probing = true});
        come(&b, MOVE_CAUSE_CRASHED);
        wait(&b, 4000, VERDICT_ALIVE);
        is_known(&b, rows[i].home_ms, rows[i].there_centi);
        wait(&b, 4000, VERDICT_ALIVE);
        cr_expect_eq(sent_home(&b), rows[i].goes ? 1u : 0u, "%s", rows[i].what);
        bed_free(&b);
    }
}

/* ---- in vain --------------------------------------------------------------------------------- */

static void goes_home(struct bed *b) {
    goes(b, 0);
    tell(b, VERDICT_ALIVE);
}

static void flees(struct bed *b) {
    comes(b, 0, MOVE_CAUSE_CRASHED);
    tell(b, VERDICT_ALIVE);
}

/* [s] from now until it is sent home; 0: not within that. */
static int64_t sent_home_after(struct bed *b, int64_t at_most_s) {
    for (int64_t ms = 500; ms <= at_most_s * 1000; ms += 500) {
        wait(b, 500, VERDICT_ALIVE);
        if (sent_home(b) == 1)
            return ms / 1000;
    }
    return 0;
}

/* Seconds are counted whole. */
static void expect_about(int64_t seen_s, int64_t wanted_s, const char *what) {
    cr_expect(seen_s >= wanted_s - 1 && seen_s <= wanted_s + 2, "%s: after %lld s, not %lld", what,
              (long long)seen_s, (long long)wanted_s);
}

/* Its way home is cut again and again, and home lives all the time. */
Test(core_homing, who_has_to_flee_again_stays_twice_as_long) {
    static const int64_t waits_s[] = {5, 30, 60, 120};
    struct bed b = bed_of(1, POLICY_RETURN_ALWAYS);
    for (size_t i = 0; i < sizeof(waits_s) / sizeof(waits_s[0]); i++) {
        flees(&b);
        expect_about(sent_home_after(&b, 200), waits_s[i], "in vain");
        goes_home(&b);
        wait(&b, 3000, VERDICT_ALIVE);
    }
    session_find(b.f->core, &b.sessions[0].session)->homed = HOMING_VAIN_MAX;
    flees(&b);
    expect_about(sent_home_after(&b, 4000), 3600, "and no longer than an hour");
    bed_free(&b);
}

/* Maintenance twice within a few minutes is nobody's flight. */
Test(core_homing, who_is_drained_again_was_not_home_in_vain) {
    struct bed b = bed_of(1, POLICY_RETURN_ALWAYS);
    for (int i = 0; i < 3; i++) {
        comes(&b, 0, MOVE_CAUSE_DRAIN);
        tell(&b, VERDICT_DRAINING);
        expect_about(sent_home_after(&b, 200), 5, "not in vain");
        goes_home(&b);
        wait(&b, 3000, VERDICT_ALIVE);
    }
    flees(&b);
    expect_about(sent_home_after(&b, 200), 30, "but this time it had to flee");
    bed_free(&b);
}

Test(core_homing, who_stayed_at_home_is_forgiven) {
    struct bed b = bed_of(1, POLICY_RETURN_ALWAYS);
    for (int i = 0; i < 2; i++) {
        flees(&b);
        cr_assert_gt(sent_home_after(&b, 200), 0);
        goes_home(&b);
        wait(&b, 3000, VERDICT_ALIVE);
    }
    wait(&b, duration_in_ms(HOMING_CALM), VERDICT_ALIVE);
    flees(&b);
    expect_about(sent_home_after(&b, 200), 30, "one of two times");
    goes_home(&b);
    wait(&b, 2 * duration_in_ms(HOMING_CALM), VERDICT_ALIVE);
    flees(&b);
    expect_about(sent_home_after(&b, 200), 5, "all of them");
    bed_free(&b);
}

/* Its client does not go, for whatever reason: it is asked later and later. */
Test(core_homing, who_does_not_go_is_asked_less_and_less) {
    struct bed b = bed_of(1, POLICY_RETURN_ALWAYS);
    flees(&b);
    expect_about(sent_home_after(&b, 200), 5, "at first");
    wait(&b, 14000, VERDICT_ALIVE);
    cr_assert_eq(sent_home(&b), 0u, "it has lapsed");
    expect_about(14 + sent_home_after(&b, 200), 30, "then");
    wait(&b, 14000, VERDICT_ALIVE);
    cr_assert_eq(sent_home(&b), 0u, "it has lapsed");
    expect_about(14 + sent_home_after(&b, 200), 60, "then");
    bed_free(&b);
}
