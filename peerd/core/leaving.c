#include "peerd/core/leaving.h"

#include "peerd/core/moves.h"
#include "peerd/core/state.h"

#include <assert.h>

void leaving_init(struct leaving *l) {
    list_init(&l->ordered);
}

static struct session *element(struct link *l) {
    return l == NULL ? NULL : LIST_ELEMENT(l, struct session, queued);
}

/* ---- where to -------------------------------------------------------------------------------- */

static bool is_fit(const struct core *core, const struct session *s, const struct peering *p) {
    return p != NULL && group_may_go(core, s->group, p) && verdict_is_usable(p->verdict.verdict);
}

/* Clusters that its client knows the way to: the backups of its ticket, then who issued that. NULL:
 * it is a stranger to us. False at the end. */
static bool next_known(const struct core *core, const struct session *s, uint8_t *cursor,
                       struct peering **out) {
    if (*cursor > s->group->key.backup_count)
        return false;
    if (*cursor == s->group->key.backup_count) {
        *out = s->group->issuer;
    } else {
        struct name name = group_backup(core, s->group, *cursor);
        *out = peering_by_name(core, &name);
    }
    (*cursor)++;
    return true;
}

struct peering *leaving_target(const struct core *core, const struct session *s,
                               const struct name *wanted) {
    struct peering *first = NULL, *damped = NULL, *p;
    uint8_t cursor = 0;
    while (next_known(core, s, &cursor, &p)) {
        if (!is_fit(core, s, p) || room_left(core, s, p) == 0)
            continue;
        if (name_equal(&p->policy.name, wanted))
            return p;
        if (p->damping.damped)
            damped = damped == NULL ? p : damped;
        else if (first == NULL)
            first = p;
    }
    return first != NULL ? first : damped;
}

/* That very cluster, or NULL. */
static struct peering *target_named(const struct core *core, const struct session *s,
                                    const struct name *wanted) {
    struct peering *p = leaving_target(core, s, wanted);
    return p != NULL && name_equal(&p->policy.name, wanted) ? p : NULL;
}

/* … whether it has room or not: who is asked to go there already is counted in that. */
static bool is_fit_named(const struct core *core, const struct session *s,
                         const struct name *wanted) {
    struct peering *p;
    uint8_t cursor = 0;
    while (next_known(core, s, &cursor, &p))
        if (is_fit(core, s, p) && name_equal(&p->policy.name, wanted))
            return true;
    return false;
}

/* ---- the operator's wish --------------------------------------------------------------------- */

static bool is_known(const struct core *core, const struct session *s, const struct name *to) {
    struct peering *p;
    uint8_t cursor = 0;
    while (next_known(core, s, &cursor, &p))
        if (p != NULL && name_equal(&p->policy.name, to))
            return true;
    return false;
}

/* What is known of where it is to go: its client is told of it first, or knows it. */
static enum err target_refusal(const struct core *core, const struct session *s,
                               const struct name *to, const char **why) {
    const struct peering *p = peering_by_name(core, to);
    enum err err = ERR_OK;
    const char *trouble = p == NULL ? NULL : drain_target_trouble(core, p, &err);
    bool known = is_known(core, s, to);
    if (trouble != NULL && (known || err == ERR_FULL)) {
        *why = trouble;
        return err;
    }
    if (p != NULL && room_left(core, s, p) == 0) {
        *why = "that cluster says that it has no room for it";
        return ERR_FULL;
    }
    if (!known)
        return wishes_refusal(core, s, to, why);
    if (!is_fit_named(core, s, to)) {
        *why = "to: policy (residence among it) or agreement keep the session from that cluster";
        return ERR_DENIED;
    }
    return ERR_OK;
}

/* A moment ago it may have been moved there. */
static const char *not_served(const struct core *core, const struct session_id *id,
                              const struct name *to) {
    const struct ledger_entry *gone = ledger_departure(&core->ledger, id);
    if (gone == NULL)
        return "session: it is not served here";
    return name_equal(&gone->move.to, to)
               ? "session: it is not served here any more: it has gone to that very cluster"
               : "session: it is not served here any more: `why` says where it has gone";
}

enum err core_move_refusal(const struct core *core, const struct session_id *id,
                           const struct name *to, const char **why) {
    const struct session *s = session_find(core, id);
    *why = "";
    if (s == NULL || s->state != SESSION_STATE_COMMITTED) {
        *why = not_served(core, id, to);
        return ERR_NOT_FOUND;
    }
    if (name_equal(to, &core->name)) {
        *why = "to: that is the cluster that serves it; expected another one";
        return ERR_BAD_FIELD;
    }
    if (core->drain.active) {
        *why = "all sessions are leaving already: `drain --to` says where to";
        return ERR_DRAINING;
    }
    enum err err = target_refusal(core, s, to, why);
    if (err != ERR_OK)
        return err;
    if (s->node->orders.count == CORE_ORDERS_MAX) {
        *why = "its node has not taken earlier orders on yet";
        return ERR_FULL;
    }
    return ERR_OK;
}

void leaving_asked(struct core *core, const struct core_event *event) {
    const char *why;
    struct session *s = session_find(core, &event->u.move.session);
    if (core_move_refusal(core, &event->u.move.session, &event->u.move.to, &why) != ERR_OK)
        return;
    if (!leaving_wish(core, s, &event->u.move.to))
        wishes_begin(core, s, &event->u.move.to);
}

bool leaving_wish(struct core *core, struct session *s, const struct name *wanted) {
    const struct peering *to = target_named(core, s, wanted);
    if (to == NULL || (s->move == NULL && !leaving_order(core, s, to, MOVE_CAUSE_DRAIN)))
        return false;
    if (!name_equal(&s->move->to, &to->policy.name) && !moves_order_again(core, s, to))
        return true;
    s->move->asked = true;
    s->move->begun = core->now;
    return true;
}

/* ---- one after the other --------------------------------------------------------------------- */

bool leaving_order(struct core *core, struct session *s, const struct peering *to,
                   enum move_cause cause) {
    if (!moves_order(core, s, to, cause))
        return false;
    session_queue(s, &core->leaving.ordered);
    return true;
}

static bool has_lapsed(const struct core *core, const struct session *s) {
    return s->move->asked &&
           (instant_reached(core->now, instant_add(s->move->begun, LEAVING_ASKED_WITHIN)) ||
            !is_fit_named(core, s, &s->move->to));
}

static void call_off(struct core *core, struct session *s) {
    bool in_vain = instant_reached(core->now, instant_add(s->move->begun, LEAVING_ASKED_WITHIN));
    orders_drop(&s->node->orders, s->move->order);
    session_queue(s, NULL);
    moves_call_off(core, s,
                   in_vain ? "its client has not gone within 10 s"
                           : "the cluster it was to go to is not fit for it any more");
}

/* The target may have died in the meantime, or refused it: it is chosen anew, unless it is wanted
 * there and nowhere else. Where nobody has room any more its client would be refused once more: it
 * waits. False: its node takes no more orders now. */
static bool ask_again(struct core *core, struct session *s) {
    const struct move *m = s->move;
    const struct peering *to = m->asked ? target_named(core, s, canary_instead(core, s))
                                        : leaving_target(core, s, &core->drain.to);
    bool in_vain = to == NULL && is_fit_named(core, s, &m->to);
    return m->state != MOVE_STATE_OVERLAP || in_vain || moves_order_again(core, s, to);
}

/* The first in the list was ordered longest ago. One whose order still waits in the node's queue
 * needs no other: it goes to the end as it is. */
void leaving_step(struct core *core) {
    for (uint32_t n = core->leaving.ordered.count; n > 0; n--) {
        struct session *s = element(list_first(&core->leaving.ordered));
        struct move *m = s->move;
        if (!instant_reached(core->now, instant_add(m->ordered, MOVE_REPEAT_AFTER)))
            return;
        if (has_lapsed(core, s)) {
            call_off(core, s);
            continue;
        }
        if (!ask_again(core, s))
            return;
        m->ordered = core->now;
        session_queue(s, &core->leaving.ordered);
    }
}

struct instant leaving_deadline(const struct core *core) {
    const struct session *s = element(list_first(&core->leaving.ordered));
    if (s == NULL)
        return INSTANT_NEVER;
    struct instant again = instant_add(s->move->ordered, MOVE_REPEAT_AFTER);
    /* With the node's queue full only its next report, an event of its own, makes room. */
    if (s->node->orders.count < CORE_ORDERS_MAX || instant_before(core->now, again))
        return again;
    return INSTANT_NEVER;
}

void leaving_take_over(struct core *core) {
    wishes_forget_all(core);
    for (struct link *l = list_first(&core->leaving.ordered); l != NULL;
         l = list_after(&core->leaving.ordered, l))
        element(l)->move->asked = false;
}

void leaving_call_off_all(struct core *core) {
    struct session *s;
    while ((s = element(list_first(&core->leaving.ordered))) != NULL) {
        session_queue(s, NULL);
        moves_call_off(core, s, "undrained");
    }
    for (uint32_t i = 0; i < core->node_count; i++)
        orders_drop_moves(&core->nodes[i]->orders);
}

void leaving_check_invariants(const struct core *core) {
    uint32_t asked[POLICY_PEERS_MAX] = {0};
    for (const struct link *l = list_first(&core->leaving.ordered); l != NULL;
         l = list_after(&core->leaving.ordered, l)) {
        const struct session *s = LIST_ELEMENT(l, const struct session, queued);
        assert(s->move != NULL && s->move->out && s->state == SESSION_STATE_COMMITTED);
        assert(s->move->asked != core->drain.active);
        const struct peering *to = peering_by_name(core, &s->move->to);
        if (to != NULL)
            asked[to->index]++;
    }
    for (uint32_t i = 0; i < core->peer_count; i++)
        assert(core->peers[i]->room.asked <= asked[i]);
}
