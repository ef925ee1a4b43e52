#include "peerd/sim/many.h"
#include "peerd/sim/trial.h"

#include "test/unit/sim_fixture.h"

#include <signal.h>

static struct trial trials[3];

Test(sim_trial, says_how_it_ended) {
    static const struct {
        const char *what, *text;
        enum trial_end end;
        const char *failure;
    } rows[] = {
        {"as expected", sim_quiet, TRIAL_OK, ""},
        {"not as expected",
         "name: a\nduration: 2s\nclusters: [{name: fra1}]\nexpectations: {moves: [{min: 1}]}\n",
         TRIAL_FAILED, "not met: 1 or more moves"},
        {"not whole",
         "name: a\nduration: 2s\nclusters: [{name: fra1}]\ntimeline: [{at: 1s, kill: fra1}]\n"
         "expectations: {whole: true}\n",
         TRIAL_FAILED, "fra1 was not healed"},
        {"not to be read", "name: a\n", TRIAL_UNUSABLE, "scenario:1:1: "},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct trial *t = &trials[0];
        cr_assert(trial_run(t, &(struct trial_options){.text = rows[i].text, .limit_s = 60}));
        cr_expect_eq(t->end, rows[i].end, "%s: %s", rows[i].what, t->failure);
        cr_expect_eq(strncmp(t->failure, rows[i].failure, strlen(rows[i].failure)), 0, "%s: %s",
                     rows[i].what, t->failure);
        cr_expect_eq(t->digest != 0, t->end == TRIAL_OK, "%s", rows[i].what);
    }
}

Test(sim_trial, one_that_dies_or_hangs_takes_nobody_along, .timeout = 60) {
    static const char endless[] = "name: a\nduration: 30d\nclusters: [{name: fra1}]\n";
    const struct trial_options hangs = {.text = endless, .limit_s = 1};
    const struct trial_options dies = {.text = endless, .limit_s = 30};
    const struct trial_options lives = {.text = sim_quiet, .limit_s = 30};
    cr_assert(trial_begin(&trials[0], &hangs) && trial_begin(&trials[1], &dies) &&
              trial_begin(&trials[2], &lives));
    kill(trials[1].pid, SIGKILL); /* a sanitizer would report a SIGSEGV */
    for (int ended = 0; ended < 3;)
        ended += trial_wait(trials, 3, 1000) != NULL;
    cr_expect_null(trial_wait(trials, 3, 0));
    cr_expect_str_eq(trials[0].failure, "no end within 1 s");
    cr_expect_str_eq(trials[1].failure, "killed by signal 9");
    cr_expect_eq(trials[2].end, TRIAL_OK);
}

Test(sim_trial, two_failures_of_a_kind) {
    static const char *const names[] = {"near", "nearest", "fra1", "ams1", NULL};
    static const struct {
        const char *what, *a, *b;
        bool same;
    } rows[] = {
        {"numbers", "gap of 120 ms", "gap of 7 ms", true},
        {"names", "near-3 is served by fra1", "nearest-12 is served by ams1", true},
        {"a name within a word", "the unfra1 thing", "the unams1 thing", false},
        {"evidence", "fra1 believes ams1 crashed after healing: silent 3 ms",
         "ams1 believes fra1 crashed after healing: rtt", true},
        {"another verdict", "fra1 believes ams1 crashed", "fra1 believes ams1 suspect", false},
        {"what is not met", "not met: at most 0 frames lost: 3 lost",
         "not met: at most 0 frames lost: 12 lost of 90", true},
        {"something else is not met", "not met: at most 0 frames lost: 3 lost",
         "not met: no session of near moves: 3 moves", false},
        {"an assertion", "peersim: a.c:12: f: Assertion `x: y' failed.",
         "peersim: a.c:19: f: Assertion `x: y' failed.", true},
        {"another assertion", "peersim: a.c:12: f: Assertion `x > 0' failed.",
         "peersim: a.c:12: f: Assertion `y > 0' failed.", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char a[TRIAL_FAILURE_MAX + 1], b[TRIAL_FAILURE_MAX + 1];
        trial_kind(rows[i].a, names, a);
        trial_kind(rows[i].b, names, b);
        cr_expect_eq(strcmp(a, b) == 0, rows[i].same, "%s: `%s` and `%s`", rows[i].what, a, b);
    }
}

Test(sim_trial, the_swarm_runs_seed_after_seed, .timeout = 120) {
    struct many_options options = {.first_seed = 1, .runs = 6, .jobs = 2};
    cr_expect(many_run(&options));
    options.text = "name: a\nduration: 2s\nclusters: [{name: fra1}]\nclients: [{}]\n"
                   "timeline: [{at: {between: [0s, 2s]}, kill: fra1}]\n"
                   "expectations: {frames_lost_max: 60}\n";
    options.path = "some/file.yaml";
    options.runs = 20;
    options.keep_going = true;
    cr_expect_not(many_run(&options));
}

Test(sim_trial, what_a_kept_run_is_called) {
    static const struct {
        const char *path, *name;
    } rows[] = {
        {NULL, "swarm-7"},
        {"a.yaml", "a-7"},
        {"x.y/some-thing.yaml", "some-thing-7"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char name[MANY_NAME_MAX + 1];
        many_name(rows[i].path, 7, name);
        cr_expect_str_eq(name, rows[i].name);
    }
}
