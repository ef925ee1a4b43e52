/*
 * The move of one session, whatever its cause. One machine for both ends of it.
 *
 *                 ordered to go             taken on        committed here; it has gone
 *        (idle) ------------> prepare ------------> overlap ------------> switch ---> release
 *          | |                  | |                  ^   |                  ^            |
 *          | |                  | |                  |   |                  |          (over)
 *          | |                  | +------------------)---)---- it has gone -+
 *          | |                  |                    |   |                  |
 *          | |                  +--- called off --+  |   +-- called off -+  |
 *          | |                                    v  |                   v  |
 *          | |                             (cancelled)                (cancelled)
 *          | +-------------- a hedge is seen --------+                      |
 *          +---------------- a commit is seen ------------------------------+
 *               (leaving unasked: where it has gone to says so, counterpart.h)
 *
 * prepare: the target is chosen, the order is on its way to the worker. overlap: both may be
 * sending. switch: the client has committed at the new server; the epoch is the proof. release:
 * the old server has let go. A cancel is possible before the switch only, and always leaves a
 * working session: until the client commits elsewhere the old server has not stopped, and the
 * client alone decides. Leaving side (`out`): all four, driven by orders and by the session's end
 * in the node's report. Arriving side: nobody orders it; a hedge or a commit in a node's report is
 * how it becomes known, and release follows at once, since the old server is the other's affair.
 * A session that simply ends while it is ordered to go looks the same to us as one that has gone.
 *
 * All causes take the same way. Drain, degraded and return are those of orders, ours or the other
 * side's, which its client repeats; of one that moves by itself it says crashed if it heard nothing
 * any more, and degraded if nothing but media was missing. Whether what it heard nothing of had
 * died, or was cut off from it alone (partitioned), it cannot know: causes.h finds out.
 *
 * Who starts it: the client (HEDGING and COMMITTED, seen in a report) or the cluster that serves
 * (ORDERED). There is room for a third, the backup itself, for receivers that cannot ask, from what
 * was lodged with it in escrow: an arriving move that our own core orders, from idle to prepare
 * with ORDERED, once its own expiry and a witness in another failure domain agree; overlap as its
 * worker sends; switch at once, since there is nobody whose epoch could grow: the lease of the
 * escrow takes its place; and CALLED_OFF if the verdict was false. Its order to the node would be
 * another `node_order_what` (wire/node.h), and the client's messages have no part in it
 * (wire/message.h).
 */
#ifndef PEERD_CORE_MOVE_H
#define PEERD_CORE_MOVE_H

#include "peerd/base/id.h"
#include "peerd/base/time.h"
#include "peerd/base/trace.h"
#include "peerd/wire/node.h"

#include <stdbool.h>

/* An order that was taken on and yet has had no effect is given again after this: the worker that
 * had it may have been replaced. */
#define MOVE_REPEAT_AFTER duration_s(2)

enum move_state {
    MOVE_STATE_IDLE,
    MOVE_STATE_PREPARE,
    MOVE_STATE_OVERLAP,
    MOVE_STATE_SWITCH,
    MOVE_STATE_RELEASE,
    MOVE_STATE_OVER,
    MOVE_STATE_CANCELLED
};

struct move {
    enum move_state state;
    bool out;   /* we are `from` */
    bool asked; /* a wish, of the operator or a canary: it may lapse (leaving.h) */
    enum move_cause cause;
    enum protection held; /* what `to` held of it when the move began; known where it arrives */
    struct session_id session;
    struct name from; /* cluster; empty for unknown */
    struct name to;
    uint32_t epoch_from; /* under which `from` served; 0 unknown */
    uint32_t epoch_to;   /* under which `to` serves; 0 while there is none or it is unknown */
    uint32_t silent_ms;  /* [ms] evidence of the client: silence before it turned away */
    uint32_t late_ms;    /* [ms] leaving: our node was so late as it was asked to go; 0 no cause */
    enum node_preroll preroll; /* arriving: by which our worker began, none if it has not said … */
    uint32_t merges_after;     /* [frames] … and after so many its bytes are everybody's */
    uint32_t orders;           /* times ordered */
    uint64_t order;            /* id of the newest order */
    enum move_state was;       /* cancelled: the state in which it was called off; else idle */
    struct instant begun;
    struct instant ordered;  /* newest order; "never" for none */
    struct instant overlaps; /* "never" until then, and so on */
    struct instant switched;
    struct instant released;
    struct instant called_off;
};

/* What can happen to a move; named after facts. */
enum move_event {
    MOVE_EVENT_ORDERED,   /* the order was queued for the node, for the first time or again */
    MOVE_EVENT_TAKEN_ON,  /* the node has seen it: the client is being asked */
    MOVE_EVENT_HEDGING,   /* arriving: our worker sends what the other's client misses */
    MOVE_EVENT_COMMITTED, /* arriving: the client has committed here */
    MOVE_EVENT_ENDED,     /* leaving: the session is no longer at our node */
    MOVE_EVENT_CALLED_OFF /* undrain, the hedge was cancelled, or the session just ended */
};

void move_init(struct move *m, const struct session_id *session, enum move_cause cause, bool out,
               struct instant now);

/* Takes a fact; one that does not fit the state changes nothing and returns false. */
bool move_step(struct move *m, enum move_event event, struct instant now, struct trace *trace,
               const struct name *self);

/* When an order has to be repeated; never if it need not. */
struct instant move_deadline(const struct move *m);

bool move_is_over(const struct move *m);
const char *move_state_name(enum move_state s);
void move_check_invariants(const struct move *m);

#endif
