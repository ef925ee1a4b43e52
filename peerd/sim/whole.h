/*
 * Whole: the end of a run in which all is to be well again.
 */
#ifndef PEERD_SIM_WHOLE_H
#define PEERD_SIM_WHOLE_H

#include "peerd/sim/world.h"

/* Wakes all who sleep and looks at everything; goes on for a while if somebody
 * is on its way to another server just then. */
void sim_whole_check(struct sim *sim);

/* It is an invariant while it is looked at, and an expectation to whoever reads the report. */
void sim_whole_report(struct sim *sim);

#endif
