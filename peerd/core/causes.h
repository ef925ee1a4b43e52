/*
 * Causes: why a session came to us, if its client heard nothing any more where it was.
 *
 *      its client's word                   where it was is dead, by our verdict
 *   (open: crashed) ------------------------------------------------------> crashed
 *        |   |      it tells of a worker or node of its own that died, or has been started anew
 *        |   +------------------------------------------------------------> crashed
 *        |          CAUSES_OPEN later: it has lived since its client was here
 *        +----------------------------------------------------------------> partitioned
 *        |          CAUSES_OPEN later: nobody knows
 *        +----------------------------------------------------------------> crashed, as was told
 *
 * A client turns away after some 200 ms of silence; others take longer to be sure of a death. So
 * the ledger's entry stays open, and it is looked at every CAUSES_LOOK whether what is known by now
 * settles it. That a cluster lives does not: the machine may have died that served, and only its
 * own cluster knows, once the machine's lease is over. It tells its peers in a block of its beats,
 * for CAUSES_TELL: what died (1 a worker, 2 a node) in one byte, and how long ago in two [10 ms].
 *
 * Life counts from the commit on, by an echo of ours that left after it: then the cluster lived
 * while its client had heard nothing for its whole commit time. So does life of its nodes, where
 * its peerd is silent (headless), and the word of a witness (partitioned from us).
 */
#ifndef PEERD_CORE_CAUSES_H
#define PEERD_CORE_CAUSES_H

#include "peerd/base/time.h"
#include "peerd/core/move.h"

#define CAUSES_OPEN  duration_s(3)    /* [s] a node's lease is one, by default; then it is told */
#define CAUSES_LOOK  duration_ms(100) /* [ms] */
#define CAUSES_TELL  duration_s(5)    /* [s] what died is told so long */
#define CAUSES_SLACK duration_ms(500) /* [ms] a worker dies before its client hears nothing */

struct beat;
struct core;
struct peering;

enum causes_failure {
    CAUSES_FAILURE_NONE = 0,
    CAUSES_FAILURE_WORKER = 1,
    CAUSES_FAILURE_NODE = 2
};

struct causes {
    struct instant next_at;  /* open ones are looked at; "never" while there is none */
    enum causes_failure own; /* what of ours died last … */
    struct instant own_at;   /* … and when that was noticed */
};

void causes_init(struct causes *c);

/* Until when the cause of a move that has just arrived may turn out to be another one; "never": it
 * is known. */
struct instant causes_open_until(struct core *core, const struct move *m);

/* Something of ours has died. */
void causes_failed(struct core *core, enum causes_failure what);

/* Into a beat, and out of one. */
void causes_fill(const struct core *core, const struct peering *to, struct beat *beat);
void causes_heard(struct core *core, struct peering *from, const struct beat *beat);

void causes_step(struct core *core);
struct instant causes_deadline(const struct core *core);
void causes_check_invariants(const struct core *core);

#endif
