/*
 * The simulator: clusters, machines, listeners and a network under a virtual clock.
 *
 * The same core, tenure, witness, playout and pace as in the programs; the same scenario and seed
 * give the same run, line for line. After every step what must always be true is checked, once a
 * simulated second in full.
 */
#ifndef PEERD_SIM_SIM_H
#define PEERD_SIM_SIM_H

#include "peerd/core/status.h"
#include "peerd/sim/report.h"

#include <stdio.h>

struct sim;

/* Whether listeners at whom nothing happens are simulated all the same (sleep.h): it changes how
 * long a run takes, and not what comes out. */
enum sim_sleep {
    SIM_SLEEP_DRAWN, /* where there are many; and under every third seed, so that it is tested */
    SIM_SLEEP_ALWAYS,
    SIM_SLEEP_NEVER
};

struct sim_options {
    const struct scenario *scenario;      /* borrowed */
    const struct policy *const *policies; /* of its clusters, in place of what it says of them;
                                             borrowed; NULL: as it says */
    uint64_t seed;
    FILE *narrative;        /* facts for people; NULL: none */
    FILE *trace;            /* every line of every machine; NULL: none */
    uint32_t drift_ppm_max; /* [ppm] each clock is wrong by up to this, either way; 0: none is */
    enum sim_sleep sleep;
    bool
        apart; /* clusters and nodes begin at instants of their own, as real ones do; else at one */
};

/* What the simulator can do, for scenario_check_abilities. */
extern const struct scenario_abilities sim_abilities;

struct sim *sim_new(const struct sim_options *options);
void sim_free(struct sim *sim);

/* Lets virtual time pass until so long after the beginning; stops at a violation. */
void sim_run_until(struct sim *sim, struct duration at);

/* The whole scenario; then the report is made, listeners leave, and leases run out. */
void sim_run(struct sim *sim);

/* What was violated, in one line; NULL if nothing was. */
const char *sim_violation(const struct sim *sim);

/* What the peerd of a cluster says of itself now; false if it does not run. */
bool sim_cluster_status(const struct sim *sim, uint32_t cluster, struct core_status *out);

/* Virtual time since the beginning of the scenario. */
struct duration sim_time(const struct sim *sim);

/* Complete after sim_run. */
const struct report *sim_report(const struct sim *sim);

/* Over every line of every machine so far: equal runs have equal digests. */
uint64_t sim_digest(const struct sim *sim);
uint64_t sim_lines(const struct sim *sim);
uint64_t sim_steps(const struct sim *sim);

#endif
