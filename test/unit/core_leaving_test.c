#include "peerd/core/state.h"
#include "test/unit/core_fixture.h"

/* One session with one backup, of which nothing bad is known, and the operator wants it there. */
static struct fixture *with_wish(struct node_session *s) {
    struct fixture *f = fixture_new(1, 1, 100);
    *s = fixture_session(1, 1, RESUME_COMMIT);
    s->backups[0] = f->policy.peers[0].name;
    s->backup_count = 1;
    fixture_register(f);
    fixture_node(f, 0, &(struct fixture_report){.sessions = s, .session_count = 1});
    f->core->peers[0]->verdict.verdict = VERDICT_ALIVE;
    peering_show(f->core, f->core->peers[0]);
    struct core_event e = {.kind = CORE_MOVE};
    e.u.move.session = s->session;
    e.u.move.to = f->policy.peers[0].name;
    fixture_step(f, &e);
    return f;
}

static struct core_answer_node poll(struct fixture *f, struct node_session *s) {
    return fixture_node(
        f, 0, &(struct fixture_report){.changes = true, .sessions = s, .session_count = 1});
}

/* Its node has not taken the order on, and must not do so when nobody wants it any more. */
Test(core_leaving, what_has_lapsed_is_not_told) {
    struct node_session s;
    struct core_session_status status;
    struct fixture *f = with_wish(&s);
    struct core_answer_node a = poll(f, &s);
    cr_assert_eq(a.order_count, 1u);
    cr_expect_eq(a.orders[0].what, NODE_ORDER_MOVE);
    for (int ms = 0; ms < 15000; ms += 500) {
        fixture_wait(f, 500);
        a = poll(f, &s);
    }
    cr_assert(core_session_find(f->core, &s.session, &status));
    cr_expect_null(status.move);
    cr_expect_eq(a.order_count, 0u);
    fixture_free(f);
}
