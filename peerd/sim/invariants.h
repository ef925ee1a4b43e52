/*
 * What must be true whatever happens. A breach ends the run.
 *
 * 1. One lease-holder. Of the workers that believe to serve a session no two do so under the same
 *    epoch, and no epoch is newer than the newest that its client has given out. A worker whose
 *    client neither follows it nor asks it to serve is *unwanted*: it may linger until its lease
 *    ends, that is for session_lease and SLACK after the client turned away, and no longer.
 * 2. Epochs only grow: a client's, and a session's at each worker.
 * 3. Leases reclaim: a listener that is gone, whatever it held anywhere, is forgotten after the
 *    same time.
 * 4. Credit: what all workers of a cluster hold together, standbys and hedges included, never
 *    exceeds the capacity of its policy.
 * 5. No session is lost: whoever has a session hears something, or is told an end, within
 *    LOST_AFTER; and while a server of its own could serve it, within SERVED_AFTER.
 * 6. Playout: frames expected, counted from outside by the clock, are those played and those lost.
 * 7. A move's figures make sense: nothing is noticed before it happened.
 * 8. What the machines themselves assert.
 * 1, 2 and 4 are checked after each step that could break them, all once a simulated second.
 */
#ifndef PEERD_SIM_INVARIANTS_H
#define PEERD_SIM_INVARIANTS_H

#include "peerd/sim/world.h"

/* After a worker's step: its outbox says which sessions have changed. */
void sim_invariants_worker_stepped(struct sim *sim, struct sim_worker *worker);
void sim_invariants_worker_died(struct sim *sim, struct sim_worker *worker);
void sim_invariants_client_stepped(struct sim *sim, struct sim_client *client);
void sim_invariants_moved(struct sim *sim, const struct sim_client *client,
                          const struct witness_move *move);

/* Everything, in full. */
void sim_invariants_check(struct sim *sim);

/* After everything was healed and had time: the overlay is whole again. */
void sim_invariants_check_whole(struct sim *sim);

/* After everybody has left and every lease has run out: nothing is held anywhere. */
void sim_invariants_check_empty(struct sim *sim);

#endif
