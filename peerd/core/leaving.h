/*
 * Leaving: sessions that are asked to go, one by one, whoever wants them gone.
 *
 *      (stays) --ordered--> leaving --its lease ended here--> (gone)
 *         ^                    |
 *         +----called off------+
 *
 * Each stands in a list, the one ordered longest ago first; its order is given again every
 * MOVE_REPEAT_AFTER until it has gone, since the worker that had it may have been replaced. A
 * client knows the way to the backups in its ticket and to the cluster that issued it, so that is
 * where it may be sent: a session that came here when its first cluster was drained can go home
 * again.
 *
 * A drain (drain.h) wants all of them gone and lets go of none. The operator wants one of them at a
 * certain cluster, and nowhere else: its client is told so, and stays where it is refused; one that
 * does not know the way there is told of it first (wishes.h). That wish lapses after
 * LEAVING_ASKED_WITHIN, or when the cluster is not fit for it any more, and the session stays. A
 * drain that begins takes such wishes over.
 */
#ifndef PEERD_CORE_LEAVING_H
#define PEERD_CORE_LEAVING_H

#include "peerd/base/err.h"
#include "peerd/base/id.h"
#include "peerd/base/time.h"
#include "peerd/core/list.h"
#include "peerd/core/status.h"
#include "peerd/wire/message.h"

#include <stdbool.h>

struct core;
struct core_event;
struct peering;
struct session;

#define LEAVING_ASKED_WITHIN duration_s(10)

struct leaving {
    struct list ordered;
};

void leaving_init(struct leaving *l);

/* Where a session may go: `wanted` if it may go there, else the first that is fit of its backups,
 * then of its issuer. One that is damped is taken for want of another. Who says that he has no room
 * for one more (room.h) is not fit. NULL: nowhere. `wanted` may be empty. */
struct peering *leaving_target(const struct core *core, const struct session *s,
                               const struct name *wanted);

/* Asks it to go. False if its node takes no more orders now. */
bool leaving_order(struct core *core, struct session *s, const struct peering *to,
                   enum move_cause cause);

/* CORE_MOVE: the operator's wish, if core_move_refusal() has nothing against it; else nothing.
 * Whose client does not know the way there is told of it first (wishes.h). */
void leaving_asked(struct core *core, const struct core_event *event);

/* Asks it to go there and nowhere else. False: its client does not know the way, or that cluster is
 * not fit for it, or its node takes no more orders now. */
bool leaving_wish(struct core *core, struct session *s, const struct name *wanted);

/* A drain begins: what was asked for is part of it now. It ends: all stay. */
void leaving_take_over(struct core *core);
void leaving_call_off_all(struct core *core);

void leaving_step(struct core *core);
struct instant leaving_deadline(const struct core *core);
void leaving_check_invariants(const struct core *core);

#endif
