/*
 * Expectations: compares a report with what its scenario says must be true at the end.
 *
 * Each expectation of the scenario becomes one row of the report, in words, met or not. Used by
 * the simulator and by the live runner alike.
 */
#ifndef PEERD_SIM_EXPECT_H
#define PEERD_SIM_EXPECT_H

#include "peerd/sim/report.h"

/* Clients, moves and verdicts must be in the report already. */
void expect_all(const struct scenario *scenario, struct report *report);

/* One of them: what clusters came to believe of another. Called by expect_all. */
void expect_verdict(const struct scenario *scenario, const struct scenario_verdict *verdict,
                    struct report *report);

/* That nobody came to any verdict but those, suspicions apart. */
void expect_no_other_verdict(const struct scenario_expectations *expectations,
                             struct report *report);

#endif
