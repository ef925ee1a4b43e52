#include "peerd/core/moves.h"

#include "peerd/core/rekey.h"
#include "peerd/core/state.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define COOKIE_LIFE duration_s(60) /* so long a commit that was sent before is taken */

static bool begin(struct core *core, struct session *s, enum move_cause cause, bool out) {
    assert(s->move == NULL);
    s->move = malloc(sizeof(*s->move));
    if (s->move == NULL)
        return false; /* the session moves all the same; only the record of it is lost */
    move_init(s->move, &s->id, cause, out, core->now);
    core->counters.moves_begun++;
    return true;
}

void moves_forget(struct core *core, struct session *s) {
    if (s->move != NULL && s->move->out)
        room_unasked(core, &s->move->to);
    free(s->move);
    s->move = NULL;
}

/* Enters the record if it is complete, and lets go of the machine. */
static void finish(struct core *core, struct session *s, const char *evidence) {
    struct move *m = s->move;
    if (!move_is_over(m))
        return;
    journal_moved(core->journal, m, evidence, core->now);
    core->counters.moves_over += m->state == MOVE_STATE_OVER;
    core->counters.moves_cancelled += m->state == MOVE_STATE_CANCELLED;
    ledger_enter(&core->ledger, m, evidence, causes_open_until(core, m));
    if (m->out && m->state == MOVE_STATE_OVER)
        room_gone(core, &m->to);
    moves_forget(core, s);
}

static void tell(struct core *core, struct session *s, enum move_event event,
                 const char *evidence) {
    (void)move_step(s->move, event, core->now, core->trace, &core->name);
    finish(core, s, evidence);
}

/* ---- leaving --------------------------------------------------------------------------------- */

static uint64_t push_order(struct core *core, struct session *s, const struct name *to) {
    struct order order = {.session = s->id,
                          .what = NODE_ORDER_MOVE,
                          .target = *to,
                          .cause = s->move->cause,
                          .only = !core->drain.active, /* only a drain wants it gone, wherever to */
                          .deadline = core->drain.active
                                          ? core->drain.deadline
                                          : instant_add(s->move->begun, LEAVING_ASKED_WITHIN)};
    return orders_push(&s->node->orders, &order);
}

bool moves_order(struct core *core, struct session *s, const struct peering *to,
                 enum move_cause cause) {
    if (s->node->orders.count == CORE_ORDERS_MAX || !begin(core, s, cause, true))
        return false;
    s->move->from = core->name;
    s->move->to = to->policy.name;
    room_asked(core, &s->move->to);
    s->move->epoch_from = s->epoch;
    s->move->order = push_order(core, s, &to->policy.name);
    tell(core, s, MOVE_EVENT_ORDERED, "");
    return true;
}

bool moves_order_again(struct core *core, struct session *s, const struct peering *to) {
    if (s->node->orders.count == CORE_ORDERS_MAX)
        return false;
    if (to != NULL && !name_equal(&s->move->to, &to->policy.name)) {
        room_unasked(core, &s->move->to);
        s->move->to = to->policy.name;
        room_asked(core, &s->move->to);
    }
    s->move->order = push_order(core, s, &s->move->to);
    tell(core, s, MOVE_EVENT_ORDERED, "");
    return true;
}

void moves_taken_on(struct core *core, const struct order *order) {
    struct session *s = session_find(core, &order->session);
    if (s != NULL && s->move != NULL && s->move->out && s->move->order == order->id)
        tell(core, s, MOVE_EVENT_TAKEN_ON, "");
}

void moves_session_left(struct core *core, struct session *s) {
    if (s->move == NULL)
        return;
    char late[VERDICT_TEXT_LEN_MAX + 1];
    snprintf(late, sizeof(late), "%s sends frames %" PRIu32 " ms late", s->node->policy.name.text,
             s->move->late_ms);
    const char *why = s->move->late_ms > 0 ? late : "ordered";
    session_queue(s, NULL);
    tell(core, s, s->move->out ? MOVE_EVENT_ENDED : MOVE_EVENT_CALLED_OFF,
         s->move->out ? why : "the session ended while its client only hedged");
}

void moves_call_off(struct core *core, struct session *s, const char *why) {
    if (s->move != NULL)
        tell(core, s, MOVE_EVENT_CALLED_OFF, why);
}

/* ---- arriving -------------------------------------------------------------------------------- */

static void describe(const struct core *core, struct session *s, const struct node_session *told) {
    const struct peering *from = peering_by_hint(core, &told->served_by);
    if (from != NULL)
        s->move->from = from->policy.name;
    else if (rekey_is_self(core, &told->served_by))
        s->move->from = core->name; /* hedging: another worker of ours */
    s->move->to = core->name;
    s->move->epoch_to = told->epoch;
    s->move->silent_ms = told->silent_ms;
    s->move->preroll = told->preroll;
    s->move->merges_after = told->merges_after;
}

/* What we ourselves believe of the cluster that the client has left. */
static void evidence_of(const struct core *core, const struct node_session *told, char *out,
                        size_t size) {
    const struct peering *from = peering_by_hint(core, &told->served_by);
    if (from == NULL)
        snprintf(out, size, "no peer of ours");
    else
        snprintf(out, size, "%s %s: %.120s", from->policy.name.text,
                 verdict_name(from->verdict.verdict), from->verdict.evidence);
}

void moves_hedging(struct core *core, struct session *s, const struct node_session *told,
                   enum protection held) {
    core->counters.hedges++;
    enum move_cause cause = told->cause == MOVE_CAUSE_NONE ? MOVE_CAUSE_CRASHED : told->cause;
    if (s->move != NULL || !begin(core, s, cause, false))
        return;
    s->move->held = held;
    describe(core, s, told);
    tell(core, s, MOVE_EVENT_HEDGING, "");
}

void moves_arrived(struct core *core, struct session *s, const struct node_session *told,
                   uint32_t epoch_before, enum protection held) {
    if (told->cause == MOVE_CAUSE_NONE) {
        moves_call_off(core, s, "a start under an old hedge: nobody was left");
        return;
    }
    if (rekey_is_self(core, &told->served_by)) {
        core->counters.sessions_taken_up++;
        moves_call_off(core, s, "its client was served here before");
        return;
    }
    if (ledger_has_arrival(&core->ledger, &s->id, told->epoch,
                           instant_sub(core->now, COOKIE_LIFE))) {
        moves_call_off(core, s, "that commit, again, reached a worker that was started anew");
        return;
    }
    char evidence[VERDICT_TEXT_LEN_MAX + 1];
    s->came_from = 0; /* whatever brought it here the last time: it may have stood by since */
    if (s->move == NULL) {
        if (!begin(core, s, told->cause, false))
            return;
        s->move->held = held;
    }
    s->move->cause = told->cause;
    s->move->epoch_from = epoch_before < told->epoch ? epoch_before : 0;
    describe(core, s, told);
    evidence_of(core, told, evidence, sizeof(evidence));
    if (told->cause == MOVE_CAUSE_DEGRADED)
        newcomers_came(core, s, peering_by_hint(core, &told->served_by));
    char id[SESSION_ID_TEXT_LEN + 1];
    session_id_to_text(&s->id, id);
    if (told->cause != MOVE_CAUSE_DRAIN && told->cause != MOVE_CAUSE_RETURN)
        core_trace(core, "move %s evidence: client heard nothing for %" PRIu32 " ms; %s", id,
                   told->silent_ms, evidence);
    tell(core, s, MOVE_EVENT_COMMITTED, evidence);
}
