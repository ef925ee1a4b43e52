#include "peerd/core/load.h"
#include "peerd/core/state.h"
#include "test/unit/core_fixture.h"

#define SESSIONS 12

/* Twelve sessions that have been here for a while, each with one backup, which has room. */
static struct fixture *with_sessions(uint32_t canary) {
    struct fixture *f = fixture_new(1, 1, 100);
    struct node_session s[SESSIONS];
    fixture_register(f);
    for (uint32_t i = 0; i < SESSIONS; i++) {
        s[i] = fixture_session(i + 1, 1, RESUME_COMMIT);
        s[i].backups[0] = f->policy.peers[0].name;
        s[i].backup_count = 1;
    }
    fixture_node(f, 0, &(struct fixture_report){.sessions = s, .session_count = SESSIONS});
    struct peering *p = f->core->peers[0];
    p->verdict.verdict = VERDICT_ALIVE;
    p->said_free = 100;
    peering_show(f->core, p);
    f->core->policy.performance.canary = canary;
    f->core->now = instant_add(f->core->now, CANARY_STAY);
    return f;
}

/* Ten words a second for so long. */
static void says(struct fixture *f, uint32_t late_ms, uint32_t for_ms) {
    struct node_worker workers[2] = {{.index = 0, .pid = 7, .late_ms = late_ms},
                                     {.index = 1, .pid = 0, .late_ms = 5000}};
    const struct node_request r = {.workers = workers, .worker_count = 2};
    for (uint32_t ms = 0; ms < for_ms; ms += 100) {
        f->core->now = instant_add(f->core->now, duration_ms(100));
        load_heard(f->core, f->core->nodes[0], &r);
        load_check_invariants(f->core);
    }
}

static uint64_t asked(const struct fixture *f) {
    return core_counters(f->core)->sessions_shed;
}

Test(core_load, every_word_for_a_second_has_to_say_so) {
    static const struct {
        const char *what;
        uint32_t canary, before_ms, between, late_ms, for_ms;
        uint64_t asked;
    } rows[] = {
        {"late for long enough", 2, 900, LOAD_LATE_MS, LOAD_LATE_MS, 300, 2},
        {"not long enough", 2, 600, LOAD_LATE_MS, LOAD_LATE_MS, 200, 0},
        {"in time for a moment", 2, 900, LOAD_LATE_MS - 1, LOAD_LATE_MS, 900, 0},
        {"a little", 2, 3000, LOAD_LATE_MS - 1, LOAD_LATE_MS - 1, 3000, 0},
        {"nobody goes first by this policy", 0, 3000, 500, 500, 3000, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture *f = with_sessions(rows[i].canary);
        says(f, rows[i].late_ms, rows[i].before_ms);
        says(f, rows[i].between, 100);
        says(f, rows[i].late_ms, rows[i].for_ms);
        cr_expect_eq(asked(f), rows[i].asked, "%s: %lu", rows[i].what, (unsigned long)asked(f));
        fixture_free(f);
    }
}

/* Two, then four; then half of them have been asked, and the others stay however late it is. */
Test(core_load, more_follow_while_it_is_late_and_never_more_than_half) {
    struct fixture *f = with_sessions(2);
    struct load *l = &f->core->nodes[0]->load;
    says(f, 35, 1200);
    cr_expect_eq(asked(f), 2u);
    struct session *s =
        LIST_ELEMENT(list_first(&f->core->nodes[0]->sessions), struct session, at_node);
    cr_assert(s->move != NULL && s->move->cause == MOVE_CAUSE_DEGRADED);
    cr_expect(s->move->late_ms == 35 && s->move->asked);
    says(f, 24, 2500);
    cr_expect_eq(asked(f), 2u, "it has made up a quarter, and more");
    says(f, 24, 2000);
    cr_expect_eq(asked(f), 6u, "no more");
    cr_expect_eq(l->state, LOAD_STATE_SHEDDING);
    says(f, 60, 20000);
    cr_expect_eq(asked(f), 6u, "half");
    cr_expect_eq(l->state, LOAD_STATE_RESTING);
    says(f, 0, 1200);
    cr_expect_eq(l->state, LOAD_STATE_NONE);
    fixture_free(f);
}

Test(core_load, nobody_is_sent_where_there_is_no_room) {
    struct fixture *f = with_sessions(4);
    f->core->peers[0]->said_free = 1;
    says(f, 35, 1200);
    cr_expect_eq(asked(f), 1u);
    fixture_free(f);
    f = with_sessions(4);
    f->core->peers[0]->said_free = 0;
    says(f, 35, 1200);
    cr_expect_eq(asked(f), 0u);
    cr_expect_eq(f->core->nodes[0]->load.state, LOAD_STATE_RESTING);
    fixture_free(f);
    f = with_sessions(4);
    f->core->drain.active = true;
    says(f, 35, 3000);
    cr_expect_eq(asked(f), 0u, "all leave anyhow");
    f->core->drain.active = false;
    fixture_free(f);
}

/* Three a minute for whatever gain: two at once, then one, and another twenty seconds later. */
Test(core_load, no_more_a_minute_than_the_budget_of_gains) {
    struct fixture *f = with_sessions(2);
    f->core->policy.limits.moves_per_minute = 3;
    gains_init(&f->core->gains, 3, f->core->now);
    says(f, 35, 1200);
    cr_expect_eq(asked(f), 2u);
    says(f, 60, 10000);
    cr_expect_eq(asked(f), 3u, "%lu", (unsigned long)asked(f));
    cr_expect_eq(f->core->nodes[0]->load.state, LOAD_STATE_SHEDDING, "it waits for its turn");
    says(f, 90, 12000);
    cr_expect_eq(asked(f), 4u, "%lu", (unsigned long)asked(f));
    fixture_free(f);
}
