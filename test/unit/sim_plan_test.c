/*
 * The planning tool: from policies to an overlay, from a run to advice, and the program itself on
 * the samples of conf/.
 */
#include "peerd/sim/plan.h"

#include "peerd/io/policy_file.h"
#include "test/lib/program.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const samples[] = {"conf/fra1.yaml", "conf/ams1.yaml", "conf/lon1.yaml",
                                      "conf/two-sites.yaml"};
#define SAMPLES 4

static struct plan plan;
static char folder[64];

static void make_folder(void) {
    snprintf(folder, sizeof(folder), "/tmp/peerd-plan-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

static void remove_folder(void) {
    char command[96];
    plan_free(&plan);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    cr_expect_eq(system(command), 0);
}

TestSuite(sim_plan, .init = make_folder, .fini = remove_folder, .timeout = 120);

static struct plan_request request(const char *const *files, uint32_t count) {
    return (struct plan_request){.files = files,
                                 .file_count = count,
                                 .load_ppm = 500000,
                                 .workers = 8,
                                 .makers = 8,
                                 .media_cpu = duration_ms(250),
                                 .player_buffer = duration_s(30),
                                 .buffer = duration_ms(200),
                                 .seed = 1};
}

static bool says(const struct plan_texts *t, const char *piece) {
    for (uint32_t i = 0; i < t->count; i++)
        if (strstr(t->list[i], piece) != NULL)
            return true;
    return false;
}

/* ---- from policies to an overlay ---- */

Test(sim_plan, a_policy_can_be_read_without_its_keys) {
    static struct faults faults;
    struct policy *p = policy_file_load_alone("conf/fra1.yaml", &faults);
    cr_assert_not_null(p);
    cr_expect_str_eq(p->cluster.name.text, "fra1");
    cr_expect_eq(p->peer_count, 2);
    policy_file_free(p);
    cr_expect_null(policy_file_load_alone("test/scenario/herd.yaml", &faults));
    cr_expect_gt(faults.count, 3, "faults are told all the same");
}

Test(sim_plan, samples_make_an_overlay) {
    struct plan_request q = request(samples, SAMPLES);
    q.kill = "fra1,lon1";
    q.cut = "ams1/clients";
    cr_assert(plan_load(&plan, &q));
    cr_expect_eq(plan.scenario.cluster_count, 4);
    cr_expect(plan.hit[0] && !plan.hit[1] && plan.hit[2] && !plan.hit[3]);
    cr_expect_eq(plan.scenario.event_count, 3);
    cr_expect_eq(plan.scenario.events[0].verb, SCENARIO_VERB_KILL);
    cr_expect(plan.scenario.events[0].blackhole);
    cr_expect_eq(plan.scenario.events[2].verb, SCENARIO_VERB_PARTITION);
    cr_expect_eq(plan.policies[0]->peer_count, 2);
    cr_expect_eq(plan.policies[3]->peer_count, 0, "nobody peers with par1");
    cr_expect(says(&plan.notes, "par1 has the peer ams1, which does not have par1"));
    /* Half of 500 slots less 200 that are set aside; par1: half of 500 and of 100. */
    cr_expect_eq(plan.scenario.client_group_count, 5);
    cr_expect_eq(plan.scenario.clients[0].count, 150);
    cr_expect_eq(plan.scenario.clients[3].count, 250);
    cr_expect_str_eq(plan.scenario.clients[4].name.text, "at-par1-bulletin");
    cr_expect(plan.scenario.clients[0].placed);
}

Test(sim_plan, sessions_can_be_given_instead) {
    struct plan_request q = request(samples, 1);
    q.kill = "fra1";
    q.sessions = 7;
    cr_assert(plan_load(&plan, &q));
    cr_expect_eq(plan.scenario.clients[0].count, 7);
    cr_expect(says(&plan.notes, "fra1 has the peer ams1, of which no policy was given"));
}

Test(sim_plan, a_matrix_is_about_clusters_and_listeners_are_where_theirs_is) {
    char path[128];
    snprintf(path, sizeof(path), "%s/rtt.txt", folder);
    FILE *f = fopen(path, "w");
    fputs("0 30 50\n30 0 70\n50 70 0\n", f);
    fclose(f);
    struct plan_request q = request(samples, 3);
    q.kill = "fra1";
    q.matrix = path;
    cr_assert(plan_load(&plan, &q));
    const struct scenario *s = &plan.scenario;
    cr_expect_eq(scenario_way(s, 0, false, 2, false).delay.us, 25000);
    cr_expect_eq(scenario_way(s, 1, true, 2, false).delay.us, 35000, "from ams1's listeners");
    cr_expect_eq(scenario_way(s, 1, true, 1, false).delay.us, 1000, "near their own");
}

/* ---- from a run to advice ---- */

static struct report report;

static void add_listener(uint32_t group, uint32_t before, uint32_t after, uint64_t lost) {
    uint32_t number = report.client_count;
    struct report_client c = {.group = group, .frames_expected = 500, .frames_lost = lost};
    c.name = "l";
    c.outcome = after == REPORT_NOBODY ? "no credit" : "playing";
    if (after == REPORT_NOBODY)
        c.served_from_ms = REPORT_UNSERVED;
    report_add_client(&report, &c);
    if (before != REPORT_NOBODY)
        report_add_mark(&report, &(struct report_mark){100, number, before, REPORT_MARK_SERVED});
    if (before == after || after == REPORT_NOBODY)
        return;
    report_add_mark(&report, &(struct report_mark){plan.event_ms + 200 + number, number, after,
                                                   REPORT_MARK_SERVED});
    struct report_move m = {.at_ms = plan.event_ms + 300,
                            .detect_ms = 45,
                            .first_frame_ms = 80 + 30 * (int64_t)number,
                            .gap_ms = (int64_t)lost * 20};
    name_set(&m.cause, "crashed");
    report_add_move(&report, &m);
}

static void load_three(const char *kill, const char *drain) {
    struct plan_request q = request(samples, 3);
    struct name name;
    q.kill = kill;
    q.drain = drain;
    cr_assert(plan_load(&plan, &q));
    name_set(&name, "plan");
    report_init(&report, "sim", &name, 1);
}

Test(sim_plan, counts_who_went_where_and_who_nowhere) {
    struct plan_result r;
    load_three("fra1", NULL);
    add_listener(0, 0, 1, 0);
    add_listener(0, 0, 2, 0);
    add_listener(0, 0, 2, 4);
    add_listener(0, 0, REPORT_NOBODY, 90);
    add_listener(1, 1, 1, 0);
    add_listener(1, REPORT_NOBODY, REPORT_NOBODY, 0);
    report_sort(&report);
    cr_assert(plan_judge(&plan, &report, &r));
    cr_expect_eq(r.flows[0 * 4 + 1], 1);
    cr_expect_eq(r.flows[0 * 4 + 2], 2);
    cr_expect_eq(r.flows[0 * 4 + 3], 1, "nowhere");
    cr_expect_eq(r.flows[1 * 4 + 1], 0, "who stays does not flow");
    cr_expect(r.before[0] == 4 && r.before[1] == 1 && r.after[0] == 0 && r.after[2] == 2);
    cr_expect(r.moved == 3 && r.nowhere == 1 && r.unopened == 1 && r.losers == 2 && r.lost == 94);
    cr_expect_eq(r.served_ms, 202);
    cr_expect_eq(r.noticed.median, 45);
    cr_expect_eq(r.first_frame.most, 140);
    cr_expect_str_eq(r.refusal, "no credit");
    /* 80, 110 and 140 ms to the first frame. */
    cr_expect(r.buffers[0].buffer_ms == 60 && r.buffers[0].listeners == 3);
    cr_expect(r.buffers[r.buffer_count - 1].buffer_ms == 150 &&
              r.buffers[r.buffer_count - 1].listeners == 0);
    cr_expect_not(r.ok);
    plan_result_free(&r);
    report_free(&report);
}

Test(sim_plan, a_drain_that_leaves_somebody_behind_has_not_worked) {
    static const struct {
        const char *what, *kill, *drain;
        uint32_t to; /* of the second listener of fra1 */
        uint32_t stuck;
        const char *verdict, *said;
    } rows[] = {
        {"all leave", NULL, "fra1", 1, 0, "All are served, and nobody misses a frame.", NULL},
        {"one stays", NULL, "fra1", 0, 1, "THE DRAIN DOES NOT FINISH: not all can leave.",
         "1 listeners of fra1 are not away in time, though ams1 or lon1 have room for 999."},
        {"one goes where it drains, too", NULL, "fra1,lon1", 2, 1,
         "THE DRAIN DOES NOT FINISH: not all can leave.",
         "1 listeners of lon1 are not away in time, though ams1 have room for 499."},
        {"nobody may take one", "ams1,lon1", "fra1", 0, 1,
         "THE DRAIN DOES NOT FINISH: not all can leave.",
         "1 listeners of fra1 have nowhere to go: nobody that is left may take them."},
        {"one is nowhere", NULL, "fra1", REPORT_NOBODY, 0, "NOT ALL ARE SERVED.", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct plan_result r;
        load_three(rows[i].kill, rows[i].drain);
        add_listener(0, 0, 1, 0);
        add_listener(0, 0, rows[i].to, 0);
        report_sort(&report);
        cr_assert(plan_judge(&plan, &report, &r));
        cr_expect_eq(r.stuck, rows[i].stuck, "%s: %u", rows[i].what, r.stuck);
        cr_expect_eq(r.ok, rows[i].verdict[0] == 'A', "%s", rows[i].what);
        cr_expect_str_eq(plan_verdict(&r), rows[i].verdict, "%s", rows[i].what);
        cr_expect(rows[i].said == NULL || says(&r.advice, rows[i].said), "%s: not said, but `%s`",
                  rows[i].what, r.advice.count > 0 ? r.advice.list[0] : "");
        plan_result_free(&r);
        report_free(&report);
        plan_free(&plan);
    }
}

Test(sim_plan, a_verdict_does_not_say_more_than_is_so) {
    static const struct plan_result none;
    struct plan_result r = none;
    r.lost = 3;
    cr_expect_str_eq(plan_verdict(&r), "All are served, BUT FRAMES ARE LOST.");
    r.unopened = 1;
    cr_expect_str_eq(plan_verdict(&r),
                     "All who had a session are served, BUT FRAMES ARE LOST, and not all had one.");
    r.lost = 0;
    cr_expect_str_eq(plan_verdict(&r), "All who had a session are served, but NOT ALL HAD ONE.");
}

Test(sim_plan, advice_says_what_is_short) {
    static const struct {
        const char *what;
        uint32_t to; /* of a listener of fra1 */
        uint64_t lost;
        bool accepts, offers, peers; /* at ams1, of fra1 */
        const char *said;            /* NULL: nothing */
        bool ok;
    } rows[] = {
        {"all is well", 1, 0, true, true, true, NULL, true},
        {"no room", REPORT_NOBODY, 5, true, true, true,
         "ams1 or lon1 would be full: 1 listeners of fra1 have nowhere to go. 1 more slots at ams1 "
         "or lon1 are needed.",
         false},
        {"one may not", REPORT_NOBODY, 5, false, true, true,
         "ams1 has room for 499 more, but may not take those of fra1: its policy says "
         "accept_moves: false for fra1.",
         false},
        {"one is not offered any", REPORT_NOBODY, 5, true, false, true,
         "fra1's policy says offer_moves: false for it", false},
        {"no peers", REPORT_NOBODY, 5, true, true, false, "they are no peers", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct plan_result r;
        load_three("fra1", NULL);
        for (uint32_t k = 0; k < 2; k++) {
            if (strcmp(plan.policies[1]->peers[k].name.text, "fra1") == 0)
                plan.policies[1]->peers[k].accept_moves = rows[i].accepts;
            if (strcmp(plan.policies[0]->peers[k].name.text, "ams1") == 0)
                plan.policies[0]->peers[k].offer_moves = rows[i].offers;
        }
        if (!rows[i].peers)
            plan.policies[1]->peer_count = 0;
        add_listener(0, 0, rows[i].to, rows[i].lost);
        add_listener(1, 1, 1, 0);
        add_listener(2, 2, 2, 0);
        report_sort(&report);
        cr_assert(plan_judge(&plan, &report, &r));
        cr_expect_eq(r.ok, rows[i].ok, "%s", rows[i].what);
        if (rows[i].said == NULL)
            cr_expect_eq(r.advice.count, 0, "%s: %s", rows[i].what,
                         r.advice.count > 0 ? r.advice.list[0] : "");
        else
            cr_expect(says(&r.advice, rows[i].said), "%s: not said, but `%s`", rows[i].what,
                      r.advice.count > 0 ? r.advice.list[0] : "");
        plan_result_free(&r);
        report_free(&report);
        plan_free(&plan);
    }
}

/* One listener, and nothing is set aside for it; of several machines each would keep its part. */
Test(sim_plan, what_makes_it_certain_depends_on_machines) {
    for (uint32_t nodes = 1; nodes <= 2; nodes++) {
        struct plan_result r;
        load_three("fra1", NULL);
        for (uint32_t c = 1; c <= 2; c++)
            for (uint32_t k = 0; k < plan.policies[c]->peer_count; k++)
                plan.policies[c]->peers[k].reserved_slots = 0;
        plan.policies[1]->node_count = nodes;
        add_listener(0, 0, 1, 0);
        add_listener(1, 1, 1, 0);
        add_listener(2, 2, 2, 0);
        report_sort(&report);
        cr_assert(plan_judge(&plan, &report, &r));
        cr_expect_eq(says(&r.advice, "0 slots are set aside for fra1 (ams1, lon1), and 1 listeners "
                                     "left it: the other 1 depend on what happens to be free. "
                                     "`reserved_slots` makes it certain."),
                     nodes == 1, "%s", r.advice.list[0]);
        cr_expect_eq(says(&r.advice, "0 slots are set aside for fra1 (ams1, lon1), and 1 listeners "
                                     "left it: the other 1 depend on what happens to be free. "
                                     "`reserved_slots` makes it certain, with some to spare where "
                                     "there are several machines."),
                     nodes == 2, "%s", r.advice.list[0]);
        plan_result_free(&r);
        report_free(&report);
        plan_free(&plan);
    }
}

/* The first three on a core go back half a lap, 8 ms each, those that follow are quick, 0.6 ms, and
 * from the seventeenth on 0.24 ms. */
Test(sim_plan, advice_counts_what_a_herd_waits_for) {
    static const struct {
        const char *what;
        uint32_t starts, cores; /* at ams1, which has one machine */
        const char *said;
    } rows[] = {
        {"a few", 8, 8, NULL},
        {"two hundred a core", 200, 1, NULL},
        {"four hundred a core", 400, 1,
         "ams1 has to start 400 streams at once on 1 cores: the last one waits 124 ms for its "
         "pre-roll. More cores would help."},
        {"the same on more of them", 400, 8, NULL},
        {"many on more of them", 3200, 8, "on 8 cores: the last one waits 124 ms"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct plan_result r;
        load_three("fra1", NULL);
        plan.request.workers = rows[i].cores;
        add_listener(0, 0, 1, 1);
        for (uint32_t k = 0; k < rows[i].starts; k++)
            report_add_mark(&report,
                            &(struct report_mark){plan.event_ms + 50, 0, 1, REPORT_MARK_HEDGED});
        report_sort(&report);
        cr_assert(plan_judge(&plan, &report, &r));
        cr_expect_eq(r.asked[1], rows[i].starts);
        if (rows[i].said == NULL)
            cr_expect_not(says(&r.advice, "streams at once"), "%s", rows[i].what);
        else
            cr_expect(says(&r.advice, rows[i].said), "%s: %s", rows[i].what,
                      r.advice.list[r.advice.count - 1]);
        plan_result_free(&r);
        report_free(&report);
        plan_free(&plan);
    }
}

/* ---- the program ---- */

#define RUN(...) program_run(folder, "peersim", (const char *[]){__VA_ARGS__, NULL})

static bool have_program(void) {
    char path[512];
    if (!program_find("peersim", path, sizeof(path)))
        cr_skip_test("no peersim in $PEERD_BIN");
    return true;
}

Test(sim_plan, the_samples_survive_the_death_of_one) {
    cr_assert(have_program());
    struct program_result r = RUN("--kill", "fra1", "--sessions", "40", "--json", samples[0],
                                  samples[1], samples[2], samples[3]);
    json_t *root = json_loads(r.out, JSON_REJECT_DUPLICATES, NULL), *flow;
    int64_t gone = 0, refused, lost, moved;
    int ok;
    size_t i;
    cr_assert_not_null(root, "%s%s", r.out, r.err);
    cr_expect_eq(r.status, 0);
    cr_assert_eq(json_unpack(root, "{s:I,s:I,s:I,s:b}", "refused", &refused, "frames_lost", &lost,
                             "moved", &moved, "ok", &ok),
                 0);
    cr_expect(refused == 0 && lost == 0 && moved == 40 && ok == 1);
    json_array_foreach(json_object_get(root, "flows"), i, flow) {
        cr_expect_str_eq(json_string_value(json_object_get(flow, "from")), "fra1");
        gone += json_integer_value(json_object_get(flow, "listeners"));
    }
    cr_expect_eq(gone, 40);
    json_decref(root);
    program_result_free(&r);
}

/* As the README has it: whatever else lies there, and is no part of their overlay. */
Test(sim_plan, all_samples_are_planned_with_at_once) {
    cr_assert(have_program());
    const char *words[32] = {"--kill", "fra1", "--load", "40%"};
    glob_t files;
    cr_assert_eq(glob("conf/*.yaml", 0, NULL, &files), 0);
    cr_assert(files.gl_pathc > SAMPLES && files.gl_pathc < 28);
    memcpy(&words[4], files.gl_pathv, files.gl_pathc * sizeof(*words));
    struct program_result r = program_run(folder, "peersim", words);
    cr_expect_neq(r.status, 2, "%s%s", r.out, r.err);
    cr_expect_not_null(strstr(r.out, "If fra1 dies: "), "%s", r.out);
    cr_expect_not_null(strstr(r.out, "note: vie1 has no nodes"), "%s", r.out);
    cr_expect_not_null(strstr(r.out, "osl1                        8         12      3.0"), "%s",
                       r.out);
    program_result_free(&r);
    globfree(&files);
}

/* Listeners that went from the dead to that one. */
static int64_t went_to(const json_t *root, const char *to) {
    const json_t *flow;
    int64_t count = 0;
    size_t i;
    json_array_foreach(json_object_get(root, "flows"), i,
                       flow) if (strcmp(json_string_value(json_object_get(flow, "to")), to) == 0)
        count += json_integer_value(json_object_get(flow, "listeners"));
    return count;
}

/* What each overlay of conf/ is there to show. */
Test(sim_plan, the_overlays_among_the_samples_do_what_they_say) {
    static const struct {
        const char *what, *kill, *load;
        const char *files[5];
        const char *to, *not_to;
        int64_t to_max; /* [listeners]; 0: any number */
    } rows[] = {
        {"clients' data stays in the union",
         "hub1",
         "10%",
         {"conf/hub/hub1.yaml", "conf/hub/mad1.yaml", "conf/hub/nyc1.yaml"},
         "mad1",
         "nyc1",
         0},
        {"the cheaper one has room",
         "own1",
         "10%",
         {"conf/paid/own1.yaml", "conf/paid/dear1.yaml", "conf/paid/thrift1.yaml"},
         "thrift1",
         "dear1",
         0},
        {"and no more go there than are paid for",
         "own1",
         "70%",
         {"conf/paid/own1.yaml", "conf/paid/dear1.yaml", "conf/paid/thrift1.yaml"},
         "thrift1",
         "own1",
         100},
        {"a federation",
         "zrh1",
         "10%",
         {"conf/five/vie1.yaml", "conf/five/ams7.yaml", "conf/five/prg1.yaml",
          "conf/five/zrh1.yaml", "conf/five/mil1.yaml"},
         "vie1",
         "ams7",
         0},
    };
    cr_assert(have_program());
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *const *f = rows[i].files;
        struct program_result r = f[3] == NULL ? RUN("--kill", rows[i].kill, "--load", rows[i].load,
                                                     "--json", f[0], f[1], f[2])
                                               : RUN("--kill", rows[i].kill, "--load", rows[i].load,
                                                     "--json", f[0], f[1], f[2], f[3], f[4]);
        json_t *root = json_loads(r.out, JSON_REJECT_DUPLICATES, NULL);
        cr_assert_not_null(root, "%s: %s%s", rows[i].what, r.out, r.err);
        cr_expect_eq(r.status, 0, "%s: %s", rows[i].what, r.out);
        cr_expect_gt(went_to(root, rows[i].to), 0, "%s: %s", rows[i].what, r.out);
        cr_expect_eq(went_to(root, rows[i].not_to), 0, "%s: %s", rows[i].what, r.out);
        cr_expect(rows[i].to_max == 0 || went_to(root, rows[i].to) <= rows[i].to_max, "%s: %s",
                  rows[i].what, r.out);
        json_decref(root);
        program_result_free(&r);
    }
}

Test(sim_plan, when_two_of_three_die_some_have_nowhere_to_go) {
    cr_assert(have_program());
    struct program_result r = RUN("--kill", "fra1,ams1", samples[0], samples[1], samples[2]);
    cr_expect_eq(r.status, 1);
    cr_expect_not_null(strstr(r.out, "If fra1, ams1 die: 3 clusters"), "%s", r.out);
    cr_expect_not_null(strstr(r.out, "nowhere"), "%s", r.out);
    cr_expect_not_null(strstr(r.out, "lon1 would be full"), "%s", r.out);
    cr_expect_not_null(strstr(r.out, "NOT ALL ARE SERVED"), "%s", r.out);
    program_result_free(&r);
}

Test(sim_plan, wrong_words_are_refused) {
    static const struct {
        const char *what;
        const char *words[6];
        const char *err;
    } rows[] = {
        {"no policy", {"--kill", "fra1", NULL}, "needs the policies"},
        {"unknown cluster",
         {"--kill", "fra2", "conf/fra1.yaml", NULL},
         "--kill: there is no policy of `fra2` among these; there is fra1"},
        {"half a cut", {"--cut", "fra1", "conf/fra1.yaml", NULL}, "expected two ends"},
        {"no runs", {"--runs", "0", NULL}, "--runs 0: expected at least 1"},
        {"one of many",
         {"--runs", "2", "--html", "page.html", NULL},
         "--html is for one run, not beside --runs"},
        {"cut from itself", {"--cut", "fra1/fra1", "conf/fra1.yaml", NULL}, "two ends that differ"},
        {"nobody", {"--drain", "", "conf/fra1.yaml", NULL}, "--drain : expected clusters"},
        {"a comma too many",
         {"--kill", "fra1,", "conf/fra1.yaml", NULL},
         "--kill fra1,: expected clusters of these policies, found none beside a comma"},
        {"one cluster twice",
         {"--kill", "fra1,fra1", "conf/fra1.yaml", NULL},
         "--kill: fra1 is named twice"},
        {"dead and drained",
         {"--kill", "fra1", "--drain=fra1", "conf/fra1.yaml", NULL},
         "--drain: fra1 is named twice"},
        {"no cores",
         {"--kill", "fra1", "--workers", "0", "conf/fra1.yaml", NULL},
         "--workers 0: expected at least 1"},
        {"no sessions",
         {"--kill", "fra1", "--sessions", "0", "conf/fra1.yaml", NULL},
         "--sessions 0: expected at least 1"},
        {"a folder of times",
         {"--kill", "fra1", "--rtt-matrix", "conf", "conf/fra1.yaml", NULL},
         "conf: expected a readable file of round-trip times, found Is a directory"},
        {"a folder of policies", {"--kill", "fra1", "conf", NULL}, "found Is a directory"},
        {"a folder of scenarios", {"conf", NULL}, "conf: expected a readable file, found Is a"},
        {"twice",
         {"--kill", "fra1", "conf/fra1.yaml", "conf/fra1.yaml", NULL},
         "another policy of fra1"},
        {"no nodes", {"--kill", "vie1", "conf/federation.yaml", NULL}, "has nodes, so there is no"},
        {"no policy at all",
         {"--drain", "fra1", "test/scenario/herd.yaml", NULL},
         "herd.yaml:2:1: name: expected a key of a policy"},
        {"no percentage",
         {"--kill", "fra1", "--load", "70", "conf/fra1.yaml", NULL},
         "--load 70: expected a percentage"},
        {"unknown option", {"--kill", "fra1", "--trace", NULL}, "--trace is no option of a plan"},
    };
    cr_assert(have_program());
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct program_result r = program_run(folder, "peersim", rows[i].words);
        cr_expect_eq(r.status, 2, "%s", rows[i].what);
        cr_expect_not_null(strstr(r.err, rows[i].err), "%s: %s", rows[i].what, r.err);
        program_result_free(&r);
    }
}
