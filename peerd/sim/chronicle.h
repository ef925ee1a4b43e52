/*
 * The chronicle: who serves whom since when, hedges, gaps, and how each cluster is. It goes into
 * the report, for its page (report_html.h). Nothing that it does changes a run.
 */
#ifndef PEERD_SIM_CHRONICLE_H
#define PEERD_SIM_CHRONICLE_H

#include "peerd/sim/world.h"

/* After what the timeline did; `cluster` is what it hit, UINT32_MAX: none or many. */
void sim_chronicle_event(struct sim *sim, const char *text, uint32_t cluster);

/* Looks at a cluster, or at every one; what changed is noted. */
void sim_chronicle_look_at(struct sim *sim, uint32_t cluster);
void sim_chronicle_look(struct sim *sim);

/* After every step of a listener. */
void sim_chronicle_client_stepped(struct sim *sim, struct sim_client *c);

/* A frame of it was due. */
void sim_chronicle_frame(struct sim *sim, struct sim_client *c, struct instant due, bool lost);

/* Whose segments a player gets from now on (UINT32_MAX: it has left); and that it has stood still
 * for so long. */
void sim_chronicle_player_served(struct sim *sim, const struct sim_client *c, uint32_t cluster);
void sim_chronicle_player_stood(struct sim *sim, const struct sim_client *c, struct instant from,
                                uint64_t us);

/* It is over: nobody serves it any more, and a gap at its end is one. */
void sim_chronicle_client_over(struct sim *sim, struct sim_client *c);

#endif
