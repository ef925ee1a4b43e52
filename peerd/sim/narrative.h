/*
 * The narrative: one line a fact for people, every line of every machine for comparing runs.
 */
#ifndef PEERD_SIM_NARRATIVE_H
#define PEERD_SIM_NARRATIVE_H

#include "peerd/sim/world.h"

/* A fact, for both. */
__attribute__((format(printf, 2, 3))) void sim_narrative_fact(struct sim *sim, const char *format,
                                                              ...);

/* Takes over the lines of a machine. `who` stands before them; NULL where they say it themselves.
 * Lines of a core are facts, save those about one session. */
void sim_narrative_drain(struct sim *sim, struct trace *trace, const char *who);

/* A listener's move, as people want to read it. */
void sim_narrative_move(struct sim *sim, const struct report_move *move);

#endif
