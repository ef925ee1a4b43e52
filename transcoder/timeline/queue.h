/*
 * Queue: by how much pre-roll sessions begin, by how many wait for theirs.
 *
 * A worker makes pre-rolls one after another. Who comes alone has all that its lap asks for, and
 * its bytes are everybody's at once. Where QUEUE_RUSH wait starts are quick for a while, and where
 * QUEUE_CROWD do they have the least that does: ten frames each would keep the last of so many
 * waiting for half a frame's time of a core that has nothing else to do, and longer on one that
 * has. Either says from which frame on it merges (lap.h), and the ledger of moves says which it
 * was.
 *
 * A short time is remembered, since a herd is a crowd also while the first of it are served.
 */
#ifndef TRANSCODER_TIMELINE_QUEUE_H
#define TRANSCODER_TIMELINE_QUEUE_H

#include "peerd/base/time.h"

#define QUEUE_RUSH  3   /* so many that wait: starts are quick … */
#define QUEUE_CROWD 16  /* … or have the least pre-roll there is … */
#define QUEUE_MS    500 /* [ms] … for so long after it */

struct queue {
    struct instant rush_until, crowd_until;
};

void queue_init(struct queue *q, struct instant now);

/* So many wait for a pre-roll. */
void queue_waits(struct queue *q, uint32_t count, struct instant now);

/* [frames] of pre-roll for who begins now: UINT32_MAX all that it needs, LAP_QUICK_FRAMES or
 * LAP_LEAST_FRAMES. */
uint32_t queue_preroll(const struct queue *q, struct instant now);

#endif
