/*
 * Reach: a peer asks whether it can be reached from here, since it cannot see its own firewall from
 * outside. POST /v1/reach on the pinned door, without a body, answered with
 *
 *   {"cluster":"ams1", "untried":0, "doors":[
 *     {"door":"beats","where":"192.0.2.1:7600","reached":true,"ms":null}, …]}
 *
 * Doors are `beats` (reached: it has lately echoed what we sent there), `control` (it answered
 * under its key), `clients` (a client door of peerd answered, whatever it answered) and `media` (a
 * worker echoed a probe), at most REACH_MEDIA_MAX of those, the others are counted as untried. `ms`
 * is the round trip, or null.
 *
 * It is no scanner for whoever may ask: the asker names nothing. What is tried is where our policy
 * or discovery has it, and what its description, which it has signed, says of its doors. Only an
 * answer that shows a peerd counts; the answer to it says yes or no and not why; and comes when all
 * doors are reached or REACH_PATIENCE is over, never sooner, so that it tells nothing by its haste.
 * A peer may ask once in REACH_EVERY (else 429), and REACH_TRIALS_MAX are answered at a time (503).
 */
#ifndef PEERD_IO_REACH_H
#define PEERD_IO_REACH_H

#include "peerd/io/daemon.h"

#define REACH_MEDIA_MAX  8
#define REACH_TRIALS_MAX DAEMON_REACH_TRIALS_MAX
#define REACH_PATIENCE   duration_ms(2500)
#define REACH_EVERY      duration_s(5)
#define REACH_AGAIN      duration_ms(600) /* between probes of a worker that has not answered */

/* `peer` has asked; answers now or later. */
void reach_asked(struct daemon *d, struct net_http_request *r, uint32_t peer);

/* Ends what is under way, before the HTTP client and after the doors; nobody hears of it. */
void reach_close(struct daemon *d);

#endif
