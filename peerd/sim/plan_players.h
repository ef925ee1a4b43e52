/*
 * What becomes of a plan's players: who goes where, who stands still, and the CPU that this wants.
 *
 * A cluster wants for each of its players what a second of media costs, as if no two watched the
 * same part (player.h). What is wanted beyond what is there empties buffers sooner or later, so it
 * counts even if nobody has stood still by the end of the run.
 */
#ifndef PEERD_SIM_PLAN_PLAYERS_H
#define PEERD_SIM_PLAN_PLAYERS_H

#include "peerd/sim/plan.h"
#include "peerd/sim/report_picture.h"

/* False if memory is short; plan_players_free in either case. */
bool plan_players_init(const struct plan *plan, struct plan_players *out);
void plan_players_free(struct plan_players *p);

/* One player of the report; then all of them together. */
void plan_players_count(const struct plan *plan, const struct picture *p, uint32_t client,
                        struct plan_players *out);
void plan_players_judge(const struct plan *plan, struct plan_players *p);

/* Sentences that help; part of plan_advise. */
void plan_players_advise(const struct plan *plan, struct plan_result *r);

#endif
