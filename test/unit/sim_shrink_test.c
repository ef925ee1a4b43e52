#include "peerd/io/yaml.h"
#include "peerd/sim/shrink.h"
#include "peerd/sim/shrunk.h"

#include "test/unit/sim_fixture.h"

#include <stdlib.h>
#include <unistd.h>

/* A failure as a machine might have it: it needs some words of the file, wherever they stand, and
 * the file has to be a scenario. */
struct bug {
    const char *needs[4];
    uint32_t runs, unreadable;
    uint32_t enough_after; /* 0: never */
};

static enum shrink_verdict fails(void *context, const char *text) {
    static struct faults faults;
    struct bug *bug = context;
    struct scenario s;
    bug->runs++;
    if (bug->enough_after > 0 && bug->runs > bug->enough_after)
        return SHRINK_ENOUGH;
    if (scenario_parse(text, strlen(text), "candidate", &s, &faults) != ERR_OK) {
        bug->unreadable++;
        return SHRINK_OTHER;
    }
    scenario_free(&s);
    for (size_t i = 0; i < 4 && bug->needs[i] != NULL; i++)
        if (strstr(text, bug->needs[i]) == NULL)
            return SHRINK_OTHER;
    return SHRINK_SAME;
}

static const char large[] = "name: large\n"
                            "duration: 60s\n"
                            "limits: {session_lease: 4s, opens_per_s: 50}\n"
                            "clusters:\n"
                            "  - {name: ams1, nodes: 2, workers: 3, capacity: 40}\n"
                            "  - {name: fra1, nodes: 2, workers: 3}\n"
                            "  - {name: lon1, peers: [ams1, fra1, par1]}\n"
                            "  - {name: par1, peers: [lon1]}\n"
                            "links:\n"
                            "  - {between: all, rtt: 30ms}\n"
                            "  - {between: [clients, ams1], rtt: 80ms, loss: 1%}\n"
                            "  - {between: [far, par1], rtt: 90ms}\n"
                            "clients:\n"
                            "  - {name: near, count: 37, buffer: 200ms, open_at: [ams1, fra1]}\n"
                            "  - {name: far, count: 12, profile: pcmu, open_at: par1}\n"
                            "timeline:\n"
                            "  - {at: 2345ms, kill: ams1, blackhole: true}\n"
                            "  - {at: 3s, drain: fra1, deadline: 2s}\n"
                            "  - {at: 4001ms, partition: {from: [ams1, lon1], to: [fra1, par1]}}\n"
                            "  - {at: 5s, stop: {worker: lon1, number: 1}}\n"
                            "  - {at: 6s, kill: {peerd: par1}}\n"
                            "  - {at: 7s, restart: all}\n"
                            "  - {at: 8s, heal: all}\n"
                            "  - {at: 9s, undrain: all}\n"
                            "expectations: {whole: true, must_not_move: [near, far]}\n";

static char *shrink(struct bug *bug, uint32_t attempts_max, struct shrink_outcome *outcome) {
    static struct faults faults;
    struct tree tree;
    tree_init(&tree);
    faults_init(&faults, "test");
    cr_assert(yaml_parse(&tree, large, strlen(large), &faults));
    const struct shrink_options options = {
        .fails = fails, .context = bug, .attempts_max = attempts_max};
    cr_assert(shrink_tree(&tree, &options, outcome));
    char *text = yaml_write(tree.root);
    tree_free(&tree);
    return text;
}

Test(sim_shrink, keeps_what_the_failure_needs_and_nothing_else) {
    static const struct {
        const char *what;
        struct bug bug;
        const char *left;
    } rows[] = {
        {"nothing of it",
         {.needs = {"name"}},
         "name: large\nduration: 1s\nclusters:\n  - {name: ams1}\n"},
        {"two entries that only fail together",
         {.needs = {"drain: fra1", "peerd: par1"}},
         "name: large\nduration: 6s\nclusters:\n  - {name: fra1}\n  - {name: par1}\n"
         "timeline:\n  - {at: 3s, drain: fra1}\n  - {at: 6s, kill: {peerd: par1}}\n"},
        {"an instant that may be rounded",
         {.needs = {"kill: ams1", "blackhole"}},
         "name: large\nduration: 2s\nclusters:\n  - {name: ams1}\n"
         "timeline:\n  - {at: 2s, kill: ams1, blackhole: true}\n"},
        {"one that may only in part",
         {.needs = {"at: 23", "kill: ams1"}},
         "name: large\nduration: 3s\nclusters:\n  - {name: ams1}\n"
         "timeline:\n  - {at: 2300ms, kill: ams1}\n"},
        {"a name from a list, a key of another cluster",
         {.needs = {"from: [ams1", "to: [par1]"}},
         "name: large\nduration: 4s\nclusters:\n  - {name: ams1}\n  - {name: par1}\n"
         "timeline:\n  - {at: 4s, partition: {from: [ams1], to: [par1]}}\n"},
        {"a group, and how many", {.needs = {"count: 3", "far"}}, NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bug bug = rows[i].bug;
        struct shrink_outcome outcome;
        char *text = shrink(&bug, 3000, &outcome);
        if (rows[i].left != NULL)
            cr_expect_str_eq(text, rows[i].left, "%s: %s", rows[i].what, text);
        cr_expect_eq(fails(&bug, text), SHRINK_SAME, "%s", rows[i].what);
        cr_expect_eq(outcome.entries_before, 8);
        cr_expect_eq(outcome.attempts + 1, bug.runs);
        cr_expect_lt(outcome.attempts, 400, "%s: %u runs", rows[i].what, outcome.attempts);
        free(text);
    }
}

Test(sim_shrink, ends_when_told_and_what_it_has_still_fails) {
    for (uint32_t limit = 0; limit < 60; limit++) {
        struct bug by_count = {.needs = {"kill: ams1", "fra1"}};
        struct bug by_time = {.needs = {"kill: ams1", "fra1"}, .enough_after = limit + 1};
        struct shrink_outcome outcome;
        char *text = shrink(&by_count, limit, &outcome);
        cr_expect_leq(outcome.attempts, limit);
        cr_expect_eq(fails(&by_count, text), SHRINK_SAME, "after %u: %s", limit, text);
        free(text);
        text = shrink(&by_time, 3000, &outcome);
        by_time.enough_after = 0;
        cr_expect_eq(fails(&by_time, text), SHRINK_SAME, "after %u: %s", limit, text);
        free(text);
    }
}

/* Too few moves: fewer listeners, or a timeline without a fault, would make too few of any run. */
Test(sim_shrink, leaves_what_expected_moves_need) {
    static const char head[] = "name: few\nduration: 30s\nclusters: [{name: a}, {name: b}]\n"
                               "clients: [{name: l, count: 10}, {name: k, count: 5}]\n"
                               "timeline: [{at: 5s, kill: a}, {at: 9s, restart: a}]\n";
    static const struct {
        const char *moves, *needs, *left[3];
    } rows[] = {
        {"{min: 8, of: l}", "min: 8", {"{count: 8}", "{at: 5s, kill: a}", "duration: 30s"}},
        {"{min: 12}", "min: 12", {"{count: 7}", "{at: 5s, kill: a}", "{name: b}"}},
        {"{min: 11, of: l}", "min: 11", {"{count: 10}", "{at: 5s, kill: a}", "{name: b}"}},
        {"{max: 0, of: l}", "max: 0", {"duration: 1s", "{name: a}", "moves"}},
        {"{min: 8, of: l}", "name: few", {"duration: 1s", "name: few", "clusters"}},
    };
    static struct faults faults;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bug bug = {.needs = {rows[i].needs}};
        const struct shrink_options options = {
            .fails = fails, .context = &bug, .attempts_max = 3000};
        struct shrink_outcome outcome;
        struct tree tree;
        char text[512];
        size_t len = (size_t)snprintf(text, sizeof(text), "%sexpectations: {moves: [%s]}\n", head,
                                      rows[i].moves);
        tree_init(&tree);
        faults_init(&faults, "test");
        cr_assert(yaml_parse(&tree, text, len, &faults));
        cr_assert(shrink_tree(&tree, &options, &outcome));
        char *out = yaml_write(tree.root);
        for (size_t k = 0; k < 3; k++)
            cr_expect_not_null(strstr(out, rows[i].left[k]), "%s: no `%s` in\n%s", rows[i].moves,
                               rows[i].left[k], out);
        free(out);
        tree_free(&tree);
    }
}

/* ---- with the simulator itself ---- */

/* Lost frames are the failure; of five faults only the stop of the worker causes them. */
static const char failing[] =
    "name: failing\n"
    "duration: 20s\n"
    "clusters: [{name: fra1, nodes: 2}, {name: ams1}, {name: lon1}]\n"
    "links: [{between: all, rtt: 10ms}]\n"
    "clients: [{name: near, count: 5, open_at: fra1}, {name: far, count: 3, open_at: lon1}]\n"
    "timeline:\n"
    "  - {at: 2s, kill: {peerd: ams1}}\n"
    "  - {at: 3s, drain: ams1}\n"
    "  - {at: 4100ms, partition: {from: clients, to: all}}\n"
    "  - {at: 5s, restart: ams1}\n"
    "  - {at: 6s, kill: {peerd: lon1}}\n"
    "  - {at: 8s, heal: all}\n"
    "expectations: {frames_lost_max: 0}\n";

Test(sim_shrink, a_failing_scenario_is_saved_in_its_smallest_form, .timeout = 120) {
    static struct shrunk shrunk;
    static struct trial trial;
    char folder[64], text[4096] = "";
    snprintf(folder, sizeof(folder), "/tmp/shrink-test-%d/a/b", (int)getpid());
    const struct shrunk_request request = {
        .text = failing, .name = "failing-3", .save_to = folder, .seed = 3, .limit_s = 100};
    cr_assert(shrunk_save(&request, &shrunk), "%s", shrunk.failure);
    cr_expect_eq(shrunk.entries_before, 6);
    cr_expect_eq(shrunk.entries_after, 1);
    FILE *file = fopen(shrunk.path, "r");
    cr_assert_not_null(file, "%s", shrunk.path);
    cr_expect_gt(fread(text, 1, sizeof(text) - 1, file), 0);
    fclose(file);
    cr_expect_not_null(strstr(text, "# not met: at most 0 frames lost"), "%s", text);
    cr_expect_not_null(strstr(text, "partition: {from: clients, to: all}"), "%s", text);
    cr_assert(trial_run(&trial, &(struct trial_options){.text = text, .seed = 3, .limit_s = 60}));
    cr_expect_eq(trial.end, TRIAL_FAILED);
    cr_expect_str_eq(trial.failure, shrunk.failure);
    unlink(shrunk.path);
    for (int i = 0; i < 3; i++) {
        rmdir(folder);
        *strrchr(folder, '/') = '\0';
    }
}

Test(sim_shrink, nothing_to_shrink) {
    static struct shrunk shrunk;
    struct shrunk_request request = {
        .text = sim_quiet, .name = "quiet", .save_to = "/tmp", .seed = 1, .limit_s = 60};
    cr_expect_not(shrunk_save(&request, &shrunk));
    cr_expect_not_null(strstr(shrunk.failure, "did not fail"), "%s", shrunk.failure);
    request.text = "name: [";
    cr_expect_not(shrunk_save(&request, &shrunk));
    cr_expect_str_eq(shrunk.failure, "it cannot be read");
}
