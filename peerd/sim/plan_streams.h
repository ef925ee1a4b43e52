/*
 * The streams of a plan: which of the policies' origins are made here, by how many cores, and who
 * watches them.
 *
 * An origin with a `source` is made by the cluster's own machines (transcoderd --hls), and takes
 * their CPU; at each cluster it is a stream of its own name, whatever its source is called there.
 * What another program serves (nginx, a CDN) no policy says the capacity of: it is left out, and
 * the plan says so. A machine has as many makers as the request says; what sessions take of the
 * same cores is not subtracted.
 */
#ifndef PEERD_SIM_PLAN_STREAMS_H
#define PEERD_SIM_PLAN_STREAMS_H

#include "peerd/sim/plan.h"

#define PLAN_MAKERS_MAX 128 /* of a cluster, as of a scenario's */
#define PLAN_BUFFERS_AFTER                                                                         \
    6 /* buffers' length: what is a fifth too much has emptied them by then */

/* Of a policy that has just been read: keeps what is made here, and notes what is not. */
void plan_streams_take(struct plan *plan, struct policy *p);

/* Rows of a scenario: `streams`, if there are any; and groups of `clients`: how many. */
void plan_streams_put(FILE *out, const struct plan *plan);
uint32_t plan_streams_put_players(FILE *out, struct plan *plan);

/* Of the scenario's groups of players, whose rows cannot say as much. */
void plan_streams_fill_buffers(struct plan *plan);

/* How long it takes until all players have begun; 0: there are none. */
int64_t plan_streams_begin_ms(const struct plan *plan);

#endif
