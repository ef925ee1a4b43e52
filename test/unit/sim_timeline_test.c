#include "test/unit/sim_fixture.h"

#include "peerd/sim/client.h"

/* Three regions, two providers; the entries of the timeline are filled in by each test. */
static const char text[] = "name: timeline\n"
                           "duration: 10s\n"
                           "clusters:\n"
                           "  - {name: fra1, region: eu, provider: big}\n"
                           "  - {name: ams1, region: eu, provider: small}\n"
                           "  - {name: nyc1, region: us, provider: big}\n"
                           "clients:\n"
                           "  - {name: here, count: 3, open_at: fra1}\n"
                           "  - {name: there, count: 4, open_at: nyc1}\n"
                           "timeline:\n"
                           "  - {at: 1s, kill: fra1}\n"
                           "  - {at: 2s, restart: fra1}\n";

struct fixture {
    struct scenario scenario;
    struct sim *sim;
};

static void load(struct fixture *f) {
    static struct faults faults;
    cr_assert_eq(scenario_parse(text, strlen(text), "f", &f->scenario, &faults), ERR_OK);
    for (uint32_t i = 0; i < f->scenario.event_count; i++)
        f->scenario.events[i].verb = SCENARIO_VERB_HEAL; /* of nothing */
}

static void begin(struct fixture *f) {
    f->sim = sim_new(&(struct sim_options){.scenario = &f->scenario, .seed = 3});
}

static void finish(struct fixture *f) {
    cr_expect_null(sim_violation(f->sim), "%s", sim_violation(f->sim));
    sim_free(f->sim);
    scenario_free(&f->scenario);
}

static uint32_t count(const struct sim *sim, uint32_t group, enum sim_client_state state) {
    uint32_t found = 0;
    for (uint32_t i = 0; i < sim->client_count; i++)
        found += sim->clients[i].group == group && sim->clients[i].state == state;
    return found;
}

/* ---- targets ---- */

Test(sim_timeline, hits_whole_regions_and_providers_and_remembers_them_as_the_last) {
    static const struct {
        const char *what;
        struct scenario_target target;
        bool dead[3];
        const char *said; /* in the report; empty: more than one, or everybody is meant */
    } rows[] = {
        {"one", {.cluster = 1}, {false, true, false}, "ams1"},
        {"a region",
         {.cluster = SCENARIO_NONE, .region = true, .name = {"eu"}},
         {true, true, false},
         ""},
        {"a provider",
         {.cluster = SCENARIO_NONE, .provider = true, .name = {"big"}},
         {true, false, true},
         ""},
        {"a region of one",
         {.cluster = SCENARIO_NONE, .region = true, .name = {"us"}},
         {false, false, true},
         "nyc1"},
        {"all", {.cluster = SCENARIO_ALL}, {true, true, true}, ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        load(&f);
        f.scenario.events[0].verb = SCENARIO_VERB_KILL;
        f.scenario.events[0].target = rows[i].target;
        f.scenario.events[1].verb = SCENARIO_VERB_RESTART;
        f.scenario.events[1].target.cluster =
            rows[i].target.cluster == SCENARIO_ALL ? SCENARIO_ALL : SCENARIO_LAST;
        begin(&f);
        sim_run_until(f.sim, duration_ms(1500));
        for (uint32_t k = 0; k < 3; k++)
            cr_expect_eq(f.sim->sites[k].core == NULL, rows[i].dead[k], "%s: %u", rows[i].what, k);
        sim_run_until(f.sim, duration_ms(2500));
        for (uint32_t k = 0; k < 3; k++)
            cr_expect_not_null(f.sim->sites[k].core, "%s: %u is back", rows[i].what, k);
        for (uint32_t k = 0; k < 2; k++)
            cr_expect_str_eq(sim_report(f.sim)->events[k].target.text, rows[i].said, "%s: %u",
                             rows[i].what, k);
        finish(&f);
    }
}

/* fra1 and nyc1 lose their uplinks: what a word stands for is settled when it happens. */
Test(sim_timeline, heals_whom_a_word_stands_for) {
    static const struct {
        const char *what;
        uint32_t word;
        bool dark[3];
    } rows[] = {
        {"last", SCENARIO_LAST, {false, false, false}},
        {"serving: fra1 does not any more, its listeners have moved",
         SCENARIO_SERVING,
         {true, false, true}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        load(&f);
        f.scenario.events[0].verb = SCENARIO_VERB_BLACKHOLE;
        f.scenario.events[0].target =
            (struct scenario_target){.cluster = SCENARIO_NONE, .provider = true, .name = {"big"}};
        f.scenario.events[1].cut = (struct scenario_cut){.from = {{.index = rows[i].word}},
                                                         .from_count = 1,
                                                         .to = {{.index = SCENARIO_ALL}},
                                                         .to_count = 1};
        begin(&f);
        sim_run_until(f.sim, duration_ms(1500));
        cr_expect(f.sim->network.dark[0] && !f.sim->network.dark[1] && f.sim->network.dark[2]);
        sim_run_until(f.sim, duration_ms(2500));
        for (uint32_t k = 0; k < 3; k++)
            cr_expect_eq(f.sim->network.dark[k], rows[i].dark[k], "%s: %u", rows[i].what, k);
        finish(&f);
    }
}

Test(sim_timeline, everything_whole_is_one_of_the_expectations) {
    for (int heals = 0; heals < 2; heals++) {
        struct fixture f;
        load(&f);
        f.scenario.expectations.whole = true;
        f.scenario.events[0].verb = SCENARIO_VERB_KILL;
        f.scenario.events[1].verb = heals ? SCENARIO_VERB_RESTART : SCENARIO_VERB_HEAL;
        begin(&f);
        sim_run(f.sim);
        const struct report *r = sim_report(f.sim);
        cr_assert_eq(r->expectation_count, 1);
        cr_expect_str_eq(r->expectations[0].what, "everything whole at the end");
        cr_expect_eq(r->expectations[0].met, heals == 1);
        cr_expect_str_eq(r->expectations[0].found,
                         heals ? "it is"
                               : "fra1 was not healed, so not everything can be whole: killed or "
                                 "stopped");
        sim_free(f.sim);
        scenario_free(&f.scenario);
    }
}

Test(sim_timeline, the_last_one_before_anything_was_hit_is_nobody) {
    struct fixture f;
    load(&f);
    f.scenario.events[0].verb = SCENARIO_VERB_KILL;
    f.scenario.events[0].target = (struct scenario_target){.cluster = SCENARIO_LAST};
    begin(&f);
    sim_run_until(f.sim, duration_ms(1500));
    for (uint32_t k = 0; k < 3; k++)
        cr_expect_not_null(f.sim->sites[k].core);
    finish(&f);
}

/* ---- who comes and goes ---- */

Test(sim_timeline, listeners_that_wait_arrive_one_after_another) {
    struct fixture f;
    load(&f);
    f.scenario.clients[1].waits = true;
    f.scenario.events[0].verb = SCENARIO_VERB_ARRIVE;
    f.scenario.events[0].crowd =
        (struct scenario_crowd){.group = 1, .count = 3, .spread = duration_s(3)};
    begin(&f);
    sim_run_until(f.sim, duration_ms(900));
    cr_expect_eq(count(f.sim, 0, SIM_CLIENT_OPEN), 3);
    cr_expect_eq(count(f.sim, 1, SIM_CLIENT_WAITING), 4);
    sim_run_until(f.sim, duration_ms(1500));
    cr_expect_eq(count(f.sim, 1, SIM_CLIENT_OPEN), 1);
    sim_run_until(f.sim, duration_ms(3500));
    cr_expect_eq(count(f.sim, 1, SIM_CLIENT_OPEN), 3);
    sim_run(f.sim);
    cr_expect(sim_report(f.sim)->clients[6].left, "nobody called the fourth");
    cr_expect_not(sim_report(f.sim)->clients[5].left);
    finish(&f);
}

Test(sim_timeline, those_who_were_called_are_not_called_again) {
    struct fixture f;
    load(&f);
    f.scenario.clients[1].waits = true;
    for (int i = 0; i < 2; i++) {
        f.scenario.events[i].verb = SCENARIO_VERB_ARRIVE;
        f.scenario.events[i].crowd =
            (struct scenario_crowd){.group = 1, .count = 2, .spread = duration_s(4)};
    }
    begin(&f);
    sim_run_until(f.sim, duration_ms(8000));
    cr_expect_eq(count(f.sim, 1, SIM_CLIENT_OPEN), 4);
    finish(&f);
}

Test(sim_timeline, listeners_leave_or_vanish_and_their_leases_end) {
    static const bool vanish[] = {false, true};
    for (size_t i = 0; i < 2; i++) {
        struct fixture f;
        load(&f);
        f.scenario.expectations.all_served_by_given = true;
        f.scenario.expectations.all_served_by = duration_s(1);
        f.scenario.events[0].verb = SCENARIO_VERB_LEAVE;
        f.scenario.events[0].crowd =
            (struct scenario_crowd){.group = SCENARIO_ALL, .count = 5, .vanish = vanish[i]};
        begin(&f);
        sim_run_until(f.sim, duration_ms(1500));
        cr_expect_eq(count(f.sim, 0, SIM_CLIENT_OVER), 3);
        cr_expect_eq(count(f.sim, 1, SIM_CLIENT_OVER), 2);
        cr_expect_eq(f.sim->workers[0].tenure.credit_used + f.sim->workers[1].tenure.credit_used,
                     vanish[i] ? 3 : 0, "who says so is gone at once");
        sim_run_until(f.sim, duration_ms(9000));
        cr_expect_eq(f.sim->workers[0].tenure.credit_used + f.sim->workers[1].tenure.credit_used,
                     0);
        sim_run(f.sim);
        cr_expect(report_ok(sim_report(f.sim)), "nobody owes media to who has left");
        finish(&f);
    }
}

Test(sim_timeline, a_group_may_leave_at_an_instant_of_its_own) {
    struct fixture f;
    load(&f);
    f.scenario.clients[0].leaves = true;
    f.scenario.clients[0].leave = (struct scenario_when){duration_s(3), duration_s(3)};
    begin(&f);
    sim_run_until(f.sim, duration_ms(2900));
    cr_expect_eq(count(f.sim, 0, SIM_CLIENT_OPEN), 3);
    sim_run_until(f.sim, duration_ms(3100));
    cr_expect_eq(count(f.sim, 0, SIM_CLIENT_OVER), 3);
    cr_expect_eq(count(f.sim, 1, SIM_CLIENT_OPEN), 4);
    finish(&f);
}

/* ---- pauses ---- */

/* Whatever was stopped and goes on, with all that waited for it: nobody loses his session, and the
 * overlay is whole again. */
Test(sim_timeline, pauses_end_without_a_trace) {
    static const enum scenario_part parts[] = {SCENARIO_PART_SITE, SCENARIO_PART_PEERD,
                                               SCENARIO_PART_NODE, SCENARIO_PART_WORKER};
    static const int64_t pauses_ms[] = {60, 900, 6000};
    for (size_t i = 0; i < 12; i++) {
        struct fixture f;
        load(&f);
        f.scenario.duration = duration_s(20);
        f.scenario.expectations.whole = true;
        f.scenario.events[0].verb = SCENARIO_VERB_STOP;
        f.scenario.events[0].target = (struct scenario_target){.cluster = 0, .part = parts[i / 3]};
        f.scenario.events[1].verb = SCENARIO_VERB_CONTINUE;
        f.scenario.events[1].target = f.scenario.events[0].target;
        struct duration until = duration_ms(1000 + pauses_ms[i % 3]);
        f.scenario.events[1].at = (struct scenario_when){until, until};
        begin(&f);
        sim_run(f.sim);
        cr_expect_eq(report_frames_lost(sim_report(f.sim)), 0, "a %s for %ld ms",
                     scenario_part_name(parts[i / 3]), (long)pauses_ms[i % 3]);
        finish(&f);
    }
}

/* ---- clocks ---- */

static void set_clock(struct fixture *f, uint32_t cluster, enum scenario_part part,
                      struct scenario_clock clock) {
    f->scenario.events[0].verb = SCENARIO_VERB_CLOCK;
    f->scenario.events[0].target = (struct scenario_target){.cluster = cluster, .part = part};
    f->scenario.events[0].clock = clock;
}

Test(sim_timeline, clocks_of_a_site_or_of_one_machine_go_wrong_from_now_on) {
    static const struct {
        enum scenario_part part;
        bool peerd, node;
    } rows[] = {
        {SCENARIO_PART_SITE, true, true},
        {SCENARIO_PART_PEERD, true, false},
        {SCENARIO_PART_NODE, false, true},
        {SCENARIO_PART_WORKER, false, true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        load(&f);
        set_clock(&f, 0, rows[i].part,
                  (struct scenario_clock){.step_us = 5000000, .drifts = true, .drift_ppm = 500});
        begin(&f);
        sim_run_until(f.sim, duration_s(5));
        const struct sim_site *site = &f.sim->sites[0];
        cr_expect_eq(instant_since(sim_site_now(f.sim, site), f.sim->now).us,
                     rows[i].peerd ? 2000 : 0, "row %zu", i);
        cr_expect_eq(instant_since(sim_worker_now(f.sim, &f.sim->workers[0]), f.sim->now).us,
                     rows[i].node ? 2000 : 0, "row %zu", i);
        cr_expect_eq(sim_wall(f.sim, &site->clock).us - sim_wall(f.sim, &f.sim->sites[1].clock).us,
                     rows[i].peerd ? 5002000 : 0, "row %zu", i);
        finish(&f);
    }
}

/* By the clock of the only other site all tickets have expired: it takes nobody on, and they are
 * told so. A step that the skew forgives does not matter. */
Test(sim_timeline, who_lives_in_another_year_takes_no_tickets) {
    static const struct {
        int64_t step_us;
        bool moved;
    } rows[] = {{0, true}, {20 * INT64_C(1000000), true}, {86450 * INT64_C(1000000), false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        load(&f);
        f.scenario.cluster_count = 2; /* the third is listened to by nobody and peers with nobody */
        f.scenario.client_group_count = 1;
        f.scenario.duration = duration_s(25);
        set_clock(&f, 1, SCENARIO_PART_SITE, (struct scenario_clock){.step_us = rows[i].step_us});
        f.scenario.events[1].verb = SCENARIO_VERB_KILL;
        f.scenario.events[1].target = (struct scenario_target){.cluster = 0};
        f.scenario.events[1].blackhole = true;
        begin(&f);
        sim_run(f.sim);
        cr_expect_eq(sim_report(f.sim)->move_count, rows[i].moved ? 3 : 0, "row %zu: %u moves", i,
                     sim_report(f.sim)->move_count);
        finish(&f);
    }
}

/* All quartzes of the world are wrong at once; drawn by the seed. */
Test(sim_timeline, nobody_hears_that_clocks_drift) {
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct fixture f;
        load(&f);
        f.scenario.expectations.whole = true;
        f.scenario.events[0].verb = SCENARIO_VERB_KILL;
        f.scenario.events[0].target = (struct scenario_target){.cluster = 0};
        f.scenario.events[1].verb = SCENARIO_VERB_RESTART;
        f.scenario.events[1].target = (struct scenario_target){.cluster = SCENARIO_LAST};
        f.sim = sim_new(
            &(struct sim_options){.scenario = &f.scenario, .seed = seed, .drift_ppm_max = 500});
        cr_expect_neq(f.sim->clients[0].drift_ppm, f.sim->clients[1].drift_ppm);
        sim_run(f.sim);
        cr_expect_eq(report_frames_lost(sim_report(f.sim)), 0);
        cr_expect_eq(sim_report(f.sim)->move_count, 3);
        finish(&f);
    }
}

/* ---- going on ---- */

/* A worker is stopped at 2 s and goes on at `until`. */
static uint64_t frames_heard_twice(const char *until, uint64_t seed) {
    static struct faults faults;
    char stopped[512];
    struct scenario scenario;
    int len = snprintf(stopped, sizeof(stopped),
                       "name: stopped\n"
                       "duration: 6s\n"
                       "clusters: [{name: a}, {name: b}]\n"
                       "clients: [{name: l, open_at: a}]\n"
                       "timeline:\n"
                       "  - {at: 2s, stop: {worker: a}}\n"
                       "  - {at: %s, continue: {worker: a}}\n",
                       until);
    cr_assert_eq(scenario_parse(stopped, (size_t)len, "s", &scenario, &faults), ERR_OK);
    struct sim *sim = sim_new(&(struct sim_options){.scenario = &scenario, .seed = seed});
    sim_run(sim);
    uint64_t twice = report_frames_duplicated(sim_report(sim));
    cr_expect_null(sim_violation(sim), "%s", sim_violation(sim));
    sim_free(sim);
    scenario_free(&scenario);
    return twice;
}

/* The real ones behave so: what a hung worker has not read is read by its successor before it sends
 * anything; one that goes on by itself reads first, too, unless it was stopped while it sent. */
Test(sim_timeline, a_worker_hears_that_its_listeners_have_gone_before_it_goes_on) {
    unsigned loud = 0;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        cr_expect_eq(frames_heard_twice("4s", seed), 0, "seed %u: replaced meanwhile",
                     (unsigned)seed);
        loud += frames_heard_twice("2500ms", seed) > 0;
    }
    cr_expect(loud > 0 && loud < 6, "%u of 12 sent first", loud);
}
