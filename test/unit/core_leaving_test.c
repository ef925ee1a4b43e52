#include "peerd/core/moves.h"
#include "peerd/core/state.h"
#include "test/unit/core_fixture.h"

/* One session with backups of which nothing bad is known; the operator wants it at the first. */
static struct fixture *with_backups(struct node_session *s, uint8_t count) {
    struct fixture *f = fixture_new(1, count, 100);
    *s = fixture_session(1, 1, RESUME_COMMIT);
    for (uint8_t i = 0; i < count; i++)
        s->backups[i] = f->policy.peers[i].name;
    s->backup_count = count;
    fixture_register(f);
    fixture_node(f, 0, &(struct fixture_report){.sessions = s, .session_count = 1});
    for (uint8_t i = 0; i < count; i++) {
        f->core->peers[i]->verdict.verdict = VERDICT_ALIVE;
        f->core->peers[i]->said_free = 10;
        peering_show(f->core, f->core->peers[i]);
    }
    struct core_event e = {.kind = CORE_MOVE};
    e.u.move.session = s->session;
    e.u.move.to = f->policy.peers[0].name;
    fixture_step(f, &e);
    return f;
}

static struct fixture *with_wish(struct node_session *s) {
    return with_backups(s, 1);
}

static struct core_answer_node poll(struct fixture *f, struct node_session *s) {
    return fixture_node(
        f, 0, &(struct fixture_report){.changes = true, .sessions = s, .session_count = 1});
}

static enum move_state state_of(const struct fixture *f, const struct node_session *s) {
    struct core_session_status status;
    cr_assert(core_session_find(f->core, &s->session, &status));
    cr_assert_not_null(status.move);
    return status.move->state;
}

static void take_on(struct fixture *f, struct node_session *s, uint64_t order) {
    fixture_node(f, 0,
                 &(struct fixture_report){
                     .changes = true, .sessions = s, .session_count = 1, .order_seen = order});
}

/* The node has taken an order on that is no longer the one that counts. */
Test(core_leaving, an_earlier_order_is_not_this_one) {
    struct node_session s;
    struct fixture *f = with_wish(&s);
    struct session *record = session_find(f->core, &s.session);
    uint64_t first = record->move->order;
    cr_assert(moves_order_again(f->core, record, NULL));
    uint64_t second = record->move->order;
    cr_assert_gt(second, first);
    take_on(f, &s, first);
    cr_expect_eq(state_of(f, &s), MOVE_STATE_PREPARE);
    take_on(f, &s, second);
    cr_expect_eq(state_of(f, &s), MOVE_STATE_OVERLAP);
    fixture_free(f);
}

/* With its node's queue full an order cannot be repeated, and waking up for it would be in vain. */
Test(core_leaving, a_full_queue_has_no_timer) {
    struct node_session s;
    struct fixture *f = with_wish(&s);
    take_on(f, &s, session_find(f->core, &s.session)->move->order);
    cr_assert_eq(state_of(f, &s), MOVE_STATE_OVERLAP);
    struct orders *o = &f->core->nodes[0]->orders;
    while (o->count < CORE_ORDERS_MAX)
        orders_push(o, &(struct order){.session = fixture_id(77), .what = NODE_ORDER_END});
    for (int i = 0; i < 44; i++) { /* the node tells nothing new, and its lease goes on */
        f->now = instant_add(f->now, duration_ms(50));
        f->core->nodes[0]->lease = instant_add(f->now, duration_s(1));
        fixture_step(f, &(struct core_event){.kind = CORE_TICK});
    }
    cr_expect(instant_is_never(leaving_deadline(f->core)));
    cr_expect(instant_before(f->now, core_deadline(f->core)), "it would not sleep any more");
    fixture_free(f);
}

/* Its node has not taken the order on, and must not do so when nobody wants it any more. */
Test(core_leaving, what_has_lapsed_is_not_told) {
    struct node_session s;
    struct core_session_status status;
    struct fixture *f = with_wish(&s);
    struct core_answer_node a = poll(f, &s);
    cr_assert_eq(a.order_count, 1u);
    cr_expect_eq(a.orders[0].what, NODE_ORDER_MOVE);
    cr_expect(a.orders[0].only, "an operator wants it there, and not just gone");
    for (int ms = 0; ms < 15000; ms += 500) {
        fixture_wait(f, 500);
        a = poll(f, &s);
    }
    cr_assert(core_session_find(f->core, &s.session, &status));
    cr_expect_null(status.move);
    cr_expect_eq(a.order_count, 0u);
    fixture_free(f);
}

/* It has been asked to go there, and not to any other cluster that has room. */
Test(core_leaving, who_is_wanted_at_one_is_not_asked_to_another) {
    struct node_session s;
    struct fixture *f = with_backups(&s, 2);
    take_on(f, &s, session_find(f->core, &s.session)->move->order);
    cr_assert_eq(state_of(f, &s), MOVE_STATE_OVERLAP);
    const struct move *m = session_find(f->core, &s.session)->move;
    uint64_t order = m->order;
    f->core->peers[0]->room.known = true; /* and there is none */
    f->core->now = instant_add(f->core->now, MOVE_REPEAT_AFTER);
    leaving_step(f->core);
    cr_expect_eq(m->order, order, "it would be refused there: it waits");
    cr_expect(name_equal(&m->to, &f->policy.peers[0].name), "to %s", m->to.text);
    f->core->peers[0]->room.word.room = 10;
    f->core->now = instant_add(f->core->now, MOVE_REPEAT_AFTER);
    leaving_step(f->core);
    cr_expect_gt(m->order, order, "it has room again");
    cr_expect(name_equal(&m->to, &f->policy.peers[0].name), "to %s", m->to.text);
    fixture_free(f);
}

/* Where it is to go if nobody names a cluster: the first that is fit; one that comes and goes only
 * for want of another; one that is named even so. */
Test(core_leaving, who_comes_and_goes_is_taken_for_want_of_another) {
    static const struct {
        const char *what;
        bool damped[2], dead[2];
        int wanted; /* index; -1: anybody */
        int to;     /* -1: nobody */
    } rows[] = {
        {"the first", {false, false}, {false, false}, -1, 0},
        {"the first comes and goes", {true, false}, {false, false}, -1, 1},
        {"… and the other is dead", {true, false}, {false, true}, -1, 0},
        {"both come and go", {true, true}, {false, false}, -1, 0},
        {"the one that was named does", {true, false}, {false, false}, 0, 0},
        {"the other is named", {false, false}, {false, false}, 1, 1},
        {"the one that was named is dead", {false, false}, {false, true}, 1, 0},
        {"both are dead", {false, true}, {true, true}, -1, -1},
    };
    struct fixture *f = fixture_new(1, 2, 100);
    struct node_session s = fixture_session(1, 1, RESUME_COMMIT);
    for (int i = 0; i < 2; i++)
        s.backups[i] = f->policy.peers[i].name;
    s.backup_count = 2;
    fixture_register(f);
    fixture_node(f, 0, &(struct fixture_report){.sessions = &s, .session_count = 1});
    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        struct name wanted = {""};
        for (int i = 0; i < 2; i++) {
            struct peering *p = f->core->peers[i];
            p->verdict.verdict = rows[row].dead[i] ? VERDICT_CRASHED : VERDICT_ALIVE;
            p->damping.damped = rows[row].damped[i];
            if (rows[row].wanted == i)
                wanted = p->policy.name;
        }
        const struct peering *to =
            leaving_target(f->core, session_find(f->core, &s.session), &wanted);
        cr_expect_eq(to == NULL ? -1 : (int)to->index, rows[row].to, "%s", rows[row].what);
    }
    fixture_free(f);
}

Test(core_leaving, nobody_is_moved_to_where_it_is) {
    struct node_session s;
    const char *why;
    struct fixture *f = with_wish(&s);
    cr_expect_eq(core_move_refusal(f->core, &s.session, &f->core->name, &why), ERR_BAD_FIELD);
    cr_expect_not_null(strstr(why, "the cluster that serves it"), "%s", why);
    fixture_free(f);
}

Test(core_leaving, who_has_gone_is_known_to_be_elsewhere) {
    struct node_session s;
    const char *why;
    struct fixture *f = with_wish(&s);
    const struct name *to = &f->policy.peers[0].name;
    struct session *there = session_find(f->core, &s.session);
    cr_assert(there->move != NULL ||
              moves_order(f->core, there, f->core->peers[0], MOVE_CAUSE_DRAIN));
    moves_session_left(f->core, there);
    session_remove(f->core, there);
    cr_expect_eq(core_move_refusal(f->core, &s.session, to, &why), ERR_NOT_FOUND);
    cr_expect_not_null(strstr(why, "it has gone to that very cluster"), "%s", why);
    cr_expect_eq(core_move_refusal(f->core, &s.session, &f->core->name, &why), ERR_NOT_FOUND);
    cr_expect_not_null(strstr(why, "`why` says where"), "%s", why);
    cr_expect_eq(core_move_refusal(f->core, &(struct session_id){{9}}, to, &why), ERR_NOT_FOUND);
    cr_expect_str_eq(why, "session: it is not served here");
    fixture_free(f);
}

/* Before anybody is asked: it has said in its beats that it has none. */
Test(core_leaving, nobody_is_moved_to_one_that_has_no_room) {
    struct node_session s;
    const char *why;
    struct fixture *f = with_wish(&s);
    const struct name *to = &f->policy.peers[0].name;
    cr_expect_eq(core_move_refusal(f->core, &s.session, to, &why), ERR_OK, "%s", why);
    f->core->peers[0]->said_free = 0;
    cr_expect_eq(core_move_refusal(f->core, &s.session, to, &why), ERR_FULL);
    cr_expect_not_null(strstr(why, "no room"), "%s", why);
    f->core->peers[0]->verdict.verdict = VERDICT_CRASHED;
    cr_expect_eq(core_move_refusal(f->core, &s.session, to, &why), ERR_DENIED);
    cr_expect_not_null(strstr(why, "not alive"), "%s", why);
    fixture_free(f);
}
