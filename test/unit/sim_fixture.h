/*
 * What tests of the simulator share: a scenario from text, and a run of it.
 */
#ifndef TEST_UNIT_SIM_FIXTURE_H
#define TEST_UNIT_SIM_FIXTURE_H

#include "peerd/sim/world.h"

#include <criterion/criterion.h>
#include <string.h>

struct sim_fixture {
    struct scenario scenario;
    struct sim *sim;
};

/* Two sites, four listeners at the first, ten seconds, nothing happens. */
static const char sim_quiet[] = "name: quiet\n"
                                "duration: 10s\n"
                                "clusters: [{name: fra1, capacity: 50}, {name: ams1}]\n"
                                "clients:\n"
                                "  - {name: near, count: 4, open_at: fra1}\n";

static inline void sim_fixture_open(struct sim_fixture *f, const char *text, uint64_t seed) {
    static struct faults faults;
    enum err err = scenario_parse(text, strlen(text), "fixture", &f->scenario, &faults);
    char line[FAULT_LINE_LEN_MAX + 1] = "";
    if (err != ERR_OK && faults.count > 0)
        fault_to_text(&faults, &faults.list[0], line);
    cr_assert_eq(err, ERR_OK, "%s", line);
    f->sim = sim_new(&(struct sim_options){.scenario = &f->scenario, .seed = seed});
}

static inline void sim_fixture_close(struct sim_fixture *f) {
    sim_free(f->sim);
    scenario_free(&f->scenario);
    f->sim = NULL;
}

#endif
