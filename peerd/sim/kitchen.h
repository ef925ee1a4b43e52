/*
 * The kitchen of a cluster: what makes the segments of its streams, on its first machine.
 *
 * The shelf, the costs and the capacity are those of transcoderd (transcoder/hls); makers are so
 * many cores, and a segment takes one of them what the scenario says that it costs. No byte is
 * made. It lives and dies with its machine; peerd looks once a second whether it is there.
 */
#ifndef PEERD_SIM_KITCHEN_H
#define PEERD_SIM_KITCHEN_H

#include "peerd/sim/world.h"

/* What a player hears, in the lowest bits of SIM_SEGMENT_ANSWERED's number. */
enum sim_kitchen_word {
    SIM_KITCHEN_GONE, /* the connection ends, or there is none */
    SIM_KITCHEN_NO,   /* 404 */
    SIM_KITCHEN_HAVE
};

/* Nothing, where the scenario has no streams or the cluster no makers. */
void sim_kitchen_init(struct sim *sim, struct sim_site *site);
void sim_kitchen_free(struct sim_site *site);

/* Its machine runs: nothing is at hand yet. */
void sim_kitchen_starts(struct sim *sim, const struct sim_node *node);

/* It is gone: whoever waits for a segment hears that its connection has ended. */
void sim_kitchen_dies(struct sim *sim, const struct sim_node *node);

/* What that machine says of its streams; the list is the caller's to free. */
void sim_kitchen_tell(const struct sim *sim, const struct sim_node *node, struct node_making *out);

/* SIM_SEGMENT and SIM_KITCHEN. */
void sim_kitchen_asked(struct sim *sim, const struct sim_event *e);
void sim_kitchen_due(struct sim *sim, const struct sim_event *e);

/* Every peerd looks at its own. */
void sim_kitchen_look(struct sim *sim);

#endif
