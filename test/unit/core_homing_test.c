/* Sessions that fled here go home: what speaks against it, one row each, and how fast. */
#include "peerd/core/homing.h"
#include "peerd/core/state.h"
#include "test/unit/core_fixture.h"

#define SESSIONS 12

struct bed {
    struct fixture *f;
    struct node_session sessions[SESSIONS];
    uint32_t count;
};

static struct peering *home_of(const struct bed *b) {
    return b->f->core->peers[0];
}

static void tell(struct bed *b, enum verdict home) {
    home_of(b)->verdict.verdict = home;
    home_of(b)->said_free = 100;
    peering_show(b->f->core, home_of(b));
    fixture_node(b->f, 0,
                 &(struct fixture_report){.sessions = b->sessions, .session_count = b->count});
}

static struct bed bed_new(uint32_t count, enum policy_return homing) {
    struct bed b = {.f = fixture_new(1, 1, 100), .count = count};
    struct policy_limits *l = &b.f->policy.limits;
    b.f->policy.detection.flap_half_life = duration_s(60);
    l->homing = homing;
    l->return_after = duration_s(5);
    l->return_per_s = 2;
    fixture_step(b.f, &(struct core_event){.kind = CORE_POLICY_CHANGED, .u.policy = &b.f->policy});
    for (uint32_t i = 0; i < count; i++) {
        b.sessions[i] = fixture_session(i + 1, 1, RESUME_STANDBY);
        b.sessions[i].issuer = b.f->policy.peers[0].name;
        b.sessions[i].backups[0] = b.f->policy.cluster.name;
        b.sessions[i].backup_count = 1;
        b.sessions[i].rtt_us = 80000;
    }
    fixture_register(b.f);
    tell(&b, VERDICT_ALIVE);
    return b;
}

static void come(struct bed *b, enum move_cause cause) {
    for (uint32_t i = 0; i < b->count; i++) {
        b->sessions[i].purpose = RESUME_COMMIT;
        b->sessions[i].epoch = 2;
        b->sessions[i].cause = cause;
        b->sessions[i].served_by = key_hint_of(&b->f->policy.peers[0].key);
    }
}

static void wait(struct bed *b, int64_t ms, enum verdict home) {
    for (; ms > 0; ms -= 100) {
        b->f->now = instant_add(b->f->now, duration_ms(100));
        tell(b, home);
        home_of(b)->back_since = b->f->core->started;
    }
}

static uint32_t sent_home(const struct bed *b) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < b->count; i++) {
        const struct session *s = session_find(b->f->core, &b->sessions[i].session);
        count +=
            s != NULL && s->move != NULL && s->move->out && s->move->cause == MOVE_CAUSE_RETURN;
    }
    return count;
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
        struct bed b = bed_new(1, rows[i].homing);
        home_of(&b)->description.draining = rows[i].home_drained;
        come(&b, rows[i].cause);
        tell(&b, VERDICT_ALIVE);
        home_of(&b)->description.draining = false;
        wait(&b, rows[i].stays_ms, rows[i].home);
        cr_expect_eq(sent_home(&b), rows[i].goes ? 1u : 0u, "%s", rows[i].what);
        fixture_free(b.f);
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
        bool damped, draining, just_back;
    } rows[] = {
        {"it comes and goes", .damped = true},
        {"it drains", .draining = true},
        {"it is back only now", .just_back = true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bed b = bed_new(1, POLICY_RETURN_ALWAYS);
        come(&b, MOVE_CAUSE_CRASHED);
        for (int n = 0; n < 80; n++) {
            damp(&b, rows[i].damped);
            home_of(&b)->description.draining = rows[i].draining;
            b.f->now = instant_add(b.f->now, duration_ms(100));
            if (rows[i].just_back)
                home_of(&b)->back_since = b.f->now;
            tell(&b, VERDICT_ALIVE);
        }
        cr_expect_eq(sent_home(&b), 0u, "%s", rows[i].what);
        damp(&b, false);
        home_of(&b)->description.draining = false;
        wait(&b, 3000, VERDICT_ALIVE);
        cr_expect_eq(sent_home(&b), 1u, "%s no more", rows[i].what);
        fixture_free(b.f);
    }
}

Test(core_homing, nobody_goes_while_we_drain) {
    struct bed b = bed_new(1, POLICY_RETURN_ALWAYS);
    come(&b, MOVE_CAUSE_CRASHED);
    struct core_event drain = {.kind = CORE_DRAIN};
    drain.u.drain.deadline = duration_s(60);
    fixture_step(b.f, &drain);
    wait(&b, 8000, VERDICT_ALIVE);
    cr_expect_eq(sent_home(&b), 0u);
    fixture_free(b.f);
}

Test(core_homing, no_more_a_second_than_the_policy_says) {
    struct bed b = bed_new(SESSIONS, POLICY_RETURN_ALWAYS);
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
    fixture_free(b.f);
}

/* The whole budget of moves that somebody only gains by is two a minute. */
Test(core_homing, no_more_a_minute_than_the_budget_of_gains) {
    struct bed b = bed_new(SESSIONS, POLICY_RETURN_ALWAYS);
    b.f->policy.limits.moves_per_minute = 2;
    fixture_step(b.f, &(struct core_event){.kind = CORE_POLICY_CHANGED, .u.policy = &b.f->policy});
    come(&b, MOVE_CAUSE_CRASHED);
    wait(&b, 12000, VERDICT_ALIVE);
    cr_expect_eq(b.f->core->counters.sessions_returned, 2u, "%u",
                 (unsigned)b.f->core->counters.sessions_returned);
    wait(&b, 24000, VERDICT_ALIVE);
    cr_expect_eq(b.f->core->counters.sessions_returned, 3u, "half a minute: one more, %u",
                 (unsigned)b.f->core->counters.sessions_returned);
    b.f->policy.limits.moves_per_minute = 0;
    fixture_step(b.f, &(struct core_event){.kind = CORE_POLICY_CHANGED, .u.policy = &b.f->policy});
    wait(&b, 60000, VERDICT_ALIVE);
    cr_expect_eq(b.f->core->counters.sessions_returned, 3u, "nobody goes");
    fixture_free(b.f);
}
