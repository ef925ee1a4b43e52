#include "peerd/sim/swarm.h"
#include "peerd/wire/message.h"

#include "test/unit/sim_fixture.h"

#include <stdlib.h>

static const char crash[] = "name: crash\n"
                            "duration: 8s\n"
                            "clusters: [{name: fra1}, {name: ams1}, {name: lon1}]\n"
                            "clients:\n"
                            "  - {name: near, count: 6, open_at: fra1}\n"
                            "timeline:\n"
                            "  - {at: {between: [3s, 4s]}, kill: serving, blackhole: true}\n"
                            "expectations:\n"
                            "  frames_lost_max: 0\n"
                            "  moves: [{cause: crashed, min: 6, max: 6}]\n";

Test(sim, a_site_dies_and_nobody_hears_it) {
    struct sim_fixture f;
    sim_fixture_open(&f, crash, 1);
    sim_run(f.sim);
    cr_expect_null(sim_violation(f.sim), "%s", sim_violation(f.sim));
    const struct report *r = sim_report(f.sim);
    cr_expect(report_ok(r));
    cr_assert_eq(r->move_count, 6);
    cr_expect_str_eq(r->moves[0].from.text, "fra1");
    cr_expect_eq(report_frames_lost(r), 0);
    cr_expect(report_frames_expected(r) > 6 * 350);
    bool convicted = false;
    for (uint32_t i = 0; i < r->verdict_count; i++)
        convicted |= strcmp(r->verdicts[i].peer.text, "fra1") == 0 &&
                     strcmp(r->verdicts[i].verdict.text, "crashed") == 0;
    cr_expect(convicted, "its peers say that it has crashed");
    sim_fixture_close(&f);
}

/* Whoever takes over does so with all its workers: backups are spread over them beforehand. */
Test(sim, backups_are_spread_over_workers) {
    static const char text[] = "name: spread\n"
                               "duration: 6s\n"
                               "clusters: [{name: fra1}, {name: ams1, workers: 2, nodes: 2}]\n"
                               "clients: [{name: near, count: 32, open_at: fra1}]\n"
                               "timeline: [{at: 3s, kill: fra1, blackhole: true}]\n"
                               "expectations: {moves: [{cause: crashed, min: 32}]}\n";
    struct sim_fixture f;
    sim_fixture_open(&f, text, 1);
    sim_run(f.sim);
    cr_expect(report_ok(sim_report(f.sim)));
    const struct sim_site *ams1 = &f.sim->sites[1];
    cr_assert_eq(ams1->worker_count, 4);
    for (uint32_t i = 0; i < ams1->worker_count; i++)
        cr_expect(f.sim->workers[ams1->first_worker + i].frames > 0, "worker %u has nobody", i);
    sim_fixture_close(&f);
}

/* The same without the kill: the expectation must not be met. */
Test(sim, expectations_can_fail) {
    struct sim_fixture f;
    char text[sizeof(crash)];
    memcpy(text, crash, sizeof(crash));
    memcpy(strstr(text, "kill: serving, blackhole: true"), "heal: all                     ", 30);
    sim_fixture_open(&f, text, 1);
    sim_run(f.sim);
    cr_expect_null(sim_violation(f.sim));
    cr_expect_not(report_ok(sim_report(f.sim)));
    sim_fixture_close(&f);
}

static uint64_t digest_of(const char *text, uint64_t seed, uint64_t *lines) {
    struct sim_fixture f;
    sim_fixture_open(&f, text, seed);
    sim_run(f.sim);
    uint64_t digest = sim_digest(f.sim);
    *lines = sim_lines(f.sim);
    sim_fixture_close(&f);
    return digest;
}

Test(sim, the_same_seed_gives_the_same_run_line_for_line) {
    uint64_t lines[3];
    uint64_t a = digest_of(crash, 5, &lines[0]);
    /* Other things on the heap, so that addresses differ. */
    void *ballast[64];
    for (size_t i = 0; i < 64; i++)
        ballast[i] = malloc(1000 * (i + 1));
    uint64_t b = digest_of(crash, 5, &lines[1]);
    uint64_t c = digest_of(crash, 6, &lines[2]);
    for (size_t i = 0; i < 64; i++)
        free(ballast[i]);
    cr_expect_eq(a, b);
    cr_expect_eq(lines[0], lines[1]);
    cr_expect(lines[0] > 100);
    cr_expect_neq(a, c, "another seed, another run");
}

static uint64_t digest_apart(const char *text, uint64_t seed, bool apart) {
    struct sim_fixture f;
    sim_fixture_open(&f, text, seed);
    sim_free(f.sim);
    f.sim = sim_new(&(struct sim_options){.scenario = &f.scenario, .seed = seed, .apart = apart});
    sim_run(f.sim);
    cr_expect(report_ok(sim_report(f.sim)));
    uint64_t digest = sim_digest(f.sim);
    sim_fixture_close(&f);
    return digest;
}

/* Of its own for each, and the same for the same seed. */
Test(sim, who_begins_apart_beats_apart) {
    uint64_t lines, together = digest_of(crash, 5, &lines), apart = digest_apart(crash, 5, true);
    cr_expect_eq(digest_apart(crash, 5, false), together);
    cr_expect_neq(apart, together);
    cr_expect_eq(digest_apart(crash, 5, true), apart);
}

Test(sim, a_drawn_run_can_be_repeated) {
    static char text[SWARM_TEXT_MAX];
    uint64_t lines[2];
    swarm_draw(3, text);
    cr_expect_eq(digest_of(text, 3, &lines[0]), digest_of(text, 3, &lines[1]));
    cr_expect_eq(lines[0], lines[1]);
}

/* A dead site sends no refusal, a living one without a peerd does: the next one is asked at once.
 */
Test(sim, a_listener_asks_the_next_cluster_when_one_is_dead) {
    static const struct {
        const char *what, *kill;
        int64_t from_ms, to_ms; /* when it hears something */
    } rows[] = {
        {"refused", "kill: {peerd: fra1}", 2200, 2800},
        {"silent", "kill: fra1, blackhole: true", 3200, 3800},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sim_fixture f;
        char text[512];
        snprintf(text, sizeof(text),
                 "name: ask\nduration: 6s\nclusters: [{name: fra1}, {name: ams1}]\n"
                 "clients: [{name: near, count: 3, start: 2s}]\n"
                 "timeline: [{at: 1s, %s}]\n",
                 rows[i].kill);
        sim_fixture_open(&f, text, 1);
        sim_run(f.sim);
        cr_expect_null(sim_violation(f.sim));
        const struct report_client *c = &sim_report(f.sim)->clients[0];
        cr_expect(c->served_from_ms >= rows[i].from_ms && c->served_from_ms <= rows[i].to_ms,
                  "%s: hears from %ld ms", rows[i].what, (long)c->served_from_ms);
        sim_fixture_close(&f);
    }
}

Test(sim, a_refused_listener_is_told_why) {
    struct sim_fixture f;
    sim_fixture_open(&f,
                     "name: full\nduration: 14s\n"
                     "clusters: [{name: fra1, capacity: 2}]\n"
                     "clients: [{name: near, count: 3, start: {between: [0s, 1s]}}]\n",
                     1);
    sim_run(f.sim);
    cr_expect_null(sim_violation(f.sim));
    const struct report *r = sim_report(f.sim);
    uint32_t refused = 0;
    for (uint32_t i = 0; i < r->client_count; i++) {
        if (r->clients[i].served_from_ms != REPORT_UNSERVED)
            continue;
        refused++;
        cr_expect_not_null(strstr(r->clients[i].outcome, "no session: fra1 refused (no capacity"),
                           "%s", r->clients[i].outcome);
    }
    cr_expect_eq(refused, 1);
    sim_fixture_close(&f);
}

/* Cookies, nonces and tickets are looked at although nothing is signed. */
Test(sim, a_worker_grants_nothing_without_a_good_cookie) {
    struct sim_fixture f;
    sim_fixture_open(&f, sim_quiet, 1);
    sim_run_until(f.sim, duration_s(2));
    struct sim_worker *w = &f.sim->workers[f.sim->sites[1].first_worker];
    uint32_t before = w->tenure.counts[TENURE_SERVING];
    struct message *m = sim_alloc(1, sizeof(*m));
    m->kind = MESSAGE_RESUME;
    m->u.resume = (struct message_resume){.target = f.sim->sites[1].hint,
                                          .session = f.sim->clients[0].ticket.session,
                                          .purpose = RESUME_COMMIT,
                                          .epoch = 9,
                                          .counter = 1000,
                                          .ticket_len = 6};
    sim_put(f.sim, DURATION_ZERO,
            &(struct sim_event){.kind = SIM_TO_WORKER, .a = w->index, .b = 0, .body = m});
    sim_run_until(f.sim, duration_ms(2100));
    cr_expect_eq(w->tenure.counts[TENURE_SERVING], before);
    cr_expect_null(sim_violation(f.sim));
    sim_fixture_close(&f);
}

Test(sim, a_thousand_listeners_do_not_take_for_ever) {
    struct sim_fixture f;
    sim_fixture_open(&f,
                     "name: many\nduration: 5s\nlimits: {opens_per_s: 1000}\n"
                     "clusters: [{name: fra1, capacity: 1200}, {name: ams1, capacity: 1200}]\n"
                     "clients: [{name: near, count: 1000, profile: pcmu, spread: true, "
                     "start: {between: [0s, 1500ms]}}]\n"
                     "expectations: {all_served_by: 3s, frames_lost_max: 0}\n",
                     1);
    sim_run(f.sim);
    cr_expect_null(sim_violation(f.sim));
    cr_expect(report_ok(sim_report(f.sim)), "%s", sim_report(f.sim)->expectations[0].found);
    /* About 1.2 steps a frame; a bound on work and not on time. */
    cr_expect(sim_steps(f.sim) < 2 * report_frames_expected(sim_report(f.sim)));
    sim_fixture_close(&f);
}
