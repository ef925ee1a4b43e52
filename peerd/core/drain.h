/*
 * Drain: planned maintenance, make before break, paced, reversible.
 *
 *      (not draining) --drain--> draining --last session left--> drained
 *             ^                     |                               |
 *             +------undrain--------+-----------undrain-------------+
 *
 * Every committed session waits its turn; drain_per_s of them a second are ordered to move to the
 * first usable of their own backups or back to who issued their ticket, or to the cluster that
 * the operator named where it is among them (leaving.h); clients of ours that do not know the way
 * there are told of it first (replan.h), and wait for that until told_by. None is sent to a peer
 * that has said that it has no room left (room.h): he waits. They wait in a line for each node, and
 * the nodes take turns: one whose queue of orders is full holds up none of the others, and has its
 * next ones in the answer to the very report that says it took the last ones on. What nodes could
 * not take in the meantime is owed, but for two polls' time at most. The deadline is told to
 * clients and to the operator when it passes; nobody is cut off by it: a session without a usable
 * backup stays until it ends, or until the operator kills us.
 *
 * It outlives us: each node is told of it with every answer, and tells whoever is peerd after us
 * (drain_words.c). Who was started anew orders nobody to go until it has recovered, since another
 * node may know of a newer word. Where no node is left that knew of it, it is forgotten.
 */
#ifndef PEERD_CORE_DRAIN_H
#define PEERD_CORE_DRAIN_H

#include "peerd/base/err.h"
#include "peerd/base/id.h"
#include "peerd/base/time.h"
#include "peerd/core/list.h"
#include "peerd/core/progress.h"
#include "peerd/wire/drain_word.h"

#include <stdbool.h>

struct core;
struct core_event;
struct node;
struct peering;
struct session;

#define DRAIN_RETRY                                                                                \
    duration_ms(200) /* [ms] nobody usable has room for those in front of a line                   \
                      */
/* [s] clients take a list of backups up within it; they are told NODE_TOLD_MAX a poll of a node */
#define DRAIN_TELL duration_s(4)
#define DRAIN_TURN duration_ms(10) /* [ms] what falls due within it is ordered together */

struct drain {
    uint64_t number; /* of the newest word; 0: none is known */
    bool spoken;     /* by the operator of this run, not of an earlier one */
    bool active;
    bool drained;
    bool overdue; /* the deadline has passed and has been traced */
    bool stuck;   /* traced that the first waiting one has no usable backup with room */
    struct instant since;
    struct instant deadline;
    struct instant next_at; /* when the next order may go … */
    struct instant turn_at; /* … and when the next turn is, if many are due */
    uint32_t node;          /* whose turn it is */
    uint32_t nowhere;       /* a bit for each node where those in front have nowhere to go … */
    struct instant look_at; /* … until we look again; "never" for none */
    struct name to;
    struct instant
        told_by; /* who does not know the way there by then goes to a backup of its own */
    struct progress progress; /* of the sessions left */
};

void drain_init(struct drain *d);
void drain_begin(struct core *core, const struct core_event *event);
void drain_end(struct core *core);

/* The newest word, to be kept by nodes; and what one of them has kept. */
struct drain_word drain_word(const struct core *core);
void drain_heard(struct core *core, const struct node *n, const struct drain_word *w);

/* What speaks against whom the operator has named; NULL: nothing, or nobody was named. */
const char *drain_to_trouble(const struct core *core);

/* What speaks against sending any session of ours to that peer, in words and as an error; NULL:
 * nothing. */
const char *drain_target_trouble(const struct core *core, const struct peering *p, enum err *err);

/* For drain_words.c and drain.c: the operator has said something; a node tells of a drain of ours;
 * there is none any more, and `whence` we know it. */
void drain_spoken(struct core *core);
void drain_resume(struct core *core, const struct node *n, const struct drain_word *w);
void drain_called_off(struct core *core, const char *whence);

/* Sessions that wait and have not been ordered yet, in the lines of all nodes; the others are
 * leaving. */
uint32_t drain_waiting(const struct core *core);

/* A session was committed here while we drain. */
void drain_session_came(struct core *core, struct session *s);

void drain_step(struct core *core);
struct instant drain_deadline(const struct core *core);
void drain_check_invariants(const struct core *core);

#endif
