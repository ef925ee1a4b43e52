/*
 * Inbox: what stands in the socket of a worker that has something else to do.
 *
 * A worker whose CPU is followed (labour.h) reads and sends by turns, as transcoderd does: up to
 * SIM_INBOX_READS datagrams are read, then goes out what is due by then, for SIM_INBOX_SENDS_MS at
 * most, then it reads again. So neither who asks nor who is served takes all of its time from the
 * other, and the questions of a herd wait here. A worker that is idle reads at once; where nothing
 * is followed all are. How much a socket holds is not followed.
 */
#ifndef PEERD_SIM_INBOX_H
#define PEERD_SIM_INBOX_H

#include "peerd/sim/world.h"

#define SIM_INBOX_READS    128 /* datagrams: four batches, as net/udp.c reads in one go */
#define SIM_INBOX_SENDS_MS 20  /* [ms] WORKER_TURN_MS of transcoderd */

enum sim_turn {
    SIM_TURN_NONE,
    SIM_TURN_READS,
    SIM_TURN_SENDS
};

/* Takes the event, and its body, if it cannot be read now. */
bool sim_inbox_holds(struct sim *sim, struct sim_worker *w, const struct sim_event *e);

/* True if anything stands there. */
bool sim_inbox_waits(const struct sim_worker *w);

/* What an idle worker does next: nothing if nobody waits and nothing is due. */
enum sim_turn sim_inbox_turn(struct sim_worker *w, struct instant now);

/* In a turn of reading: what came first. Its body is the caller's. */
struct sim_event sim_inbox_take(struct sim_worker *w);

/* Its worker has died. What it has not read others will, if the socket is `kept`. */
void sim_inbox_leave(struct sim *sim, struct sim_worker *w, bool kept);

void sim_inbox_free(struct sim *sim, struct sim_worker *w);

#endif
