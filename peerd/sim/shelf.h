/*
 * A shelf: what a worker, its node and the invariants hold of each session, by the worker's slot.
 *
 * They are three parties, and none looks into what is another's; but the slots are the same, and
 * where the listener sleeps nothing of them changes. Then all of it is *folded*: kept as what it
 * differs in from a pattern (packed.h), the first that was folded of its kind here. Whoever looks a
 * slot up unfolds it, and folds it again when done, if the listener sleeps on.
 */
#ifndef PEERD_SIM_SHELF_H
#define PEERD_SIM_SHELF_H

#include "peerd/sim/world.h"

/* What was asked of a session that sends, and what has been sent since. */
struct watch_frames {
    struct instant at; /* when `live` was due */
    uint64_t from, live;
    uint8_t held[HELD_BITS / 8]; /* by the client, after `from` */
    uint64_t high;               /* newest frame sent */
    uint64_t sent[2];            /* bit i: frame high − i went out since … */
    struct instant asked;        /* … this question */
    uint32_t resent;             /* since it began */
    bool any;
    bool repaired; /* it was asked again since it began */
};

/* What the invariants remember of a session. */
struct watch_session {
    bool known;
    bool waits; /* a SIM_LEASE_DUE is in the queue */
    uint32_t client;
    uint32_t epoch;              /* of the newest grant */
    uint32_t heeded;             /* newest notice that a report has answered */
    uint64_t counter;            /* highest seen */
    uint32_t hedges;             /* begun or extended here, since … */
    struct instant since;        /* … this */
    struct instant hedge;        /* end of the newest */
    struct instant renewed;      /* newest grant or ack */
    struct instant promised;     /* the lease that it named ends */
    struct watch_frames *frames; /* NULL unless it was asked to send */
};

struct sim_slot {
    struct sim_session session; /* the worker's */
    struct sim_entry entry;     /* the node's: it outlives the worker */
    struct watch_session watch; /* the invariants' */
};

struct sim_shelf *sim_shelf_new(void);
void sim_shelf_free(struct sim_shelf *shelf);

/* There are so many slots; never fewer. */
void sim_shelf_room(struct sim_shelf *shelf, uint32_t slots);

/* Unfolds it; it stays where it is until it is folded. All zero at first. */
struct sim_slot *sim_shelf_at(struct sim_shelf *shelf, uint32_t slot);

/* A look at it that unfolds nothing: `room` may hold it. NULL if nobody has used it so far. */
const struct sim_slot *sim_shelf_look(const struct sim_shelf *shelf, uint32_t slot,
                                      struct sim_slot *room);

/* Hints that a slot is going to be looked up; the second a microsecond after the first. */
void sim_shelf_foresee(const struct sim_shelf *shelf, uint32_t slot);
void sim_shelf_foresee_slot(const struct sim_shelf *shelf, uint32_t slot);

/* No pointer into it must be used any more; its session sends nothing that is watched. */
void sim_shelf_fold(struct sim_shelf *shelf, uint32_t slot);

/* Of this worker; unfolded. */
static inline struct sim_session *sim_session_at(const struct sim_worker *w, uint32_t slot) {
    return &sim_shelf_at(w->shelf, slot)->session;
}

#endif
