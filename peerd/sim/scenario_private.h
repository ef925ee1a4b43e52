/*
 * Between the files of the scenario format: the tables, and what is done after reading by them.
 */
#ifndef PEERD_SIM_SCENARIO_PRIVATE_H
#define PEERD_SIM_SCENARIO_PRIVATE_H

#include "peerd/sim/scenario.h"

/* Fills in what was not said (profiles, services, sources) and turns names into indices. The
 * checker of scenario_table. */
void scenario_resolve(struct schema_run *run, struct tree_node *root, void *record);

/* True for words that mean something special where a cluster's name could stand. */
bool scenario_word_reserved(const char *text);

#endif
