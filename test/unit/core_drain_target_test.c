#include "peerd/core/state.h"
#include "test/unit/core_fixture.h"

/* One peer that is well and has room, until a row says otherwise. */
static void well(struct peering *p) {
    p->verdict.verdict = VERDICT_ALIVE;
    p->said_free = 10;
}

static void drains(struct peering *p) {
    p->verdict.verdict = VERDICT_DRAINING;
    p->said_draining = true;
}

/* Its beat has come, and nobody has judged it yet. */
static void drains_since_now(struct peering *p) {
    p->said_draining = true;
}

static void is_dead(struct peering *p) {
    p->verdict.verdict = VERDICT_CRASHED;
}

static void is_cut_off(struct peering *p) {
    p->verdict.verdict = VERDICT_PARTITIONED;
}

static void takes_none(struct peering *p) {
    p->policy.offer_moves = false;
}

static void is_full(struct peering *p) {
    p->said_free = 0;
}

static void is_full_and_holds_some(struct peering *p) {
    p->said_free = 0;
    p->lodged_slots = 3;
}

Test(core_drain_target, what_speaks_against_it) {
    static const struct {
        const char *what, *to;
        void (*makes)(struct peering *p);
        enum err err;
        const char *why;
    } rows[] = {
        {"nobody named", "", is_dead, ERR_OK, ""},
        {"one that is well", "peer0", well, ERR_OK, ""},
        {"we ourselves", "fra1", well, ERR_BAD_FIELD, "is to be drained"},
        {"a stranger", "rom1", well, ERR_NOT_FOUND, "no peer of that name"},
        {"one that drains", "peer0", drains, ERR_DENIED, "drains itself"},
        {"one that has just said so", "peer0", drains_since_now, ERR_DENIED, "drains itself"},
        {"a dead one", "peer0", is_dead, ERR_DENIED, "is not alive"},
        {"one that is cut off", "peer0", is_cut_off, ERR_DENIED, "is not alive"},
        {"one that is offered nothing", "peer0", takes_none, ERR_DENIED, "offer_moves"},
        {"a full one", "peer0", is_full, ERR_FULL, "has no room"},
        {"a full one that holds slots for us", "peer0", is_full_and_holds_some, ERR_OK, ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture *f = fixture_new(1, 1, 100);
        struct core_drain d = {.deadline = duration_s(9)};
        const char *why;
        fixture_register(f);
        well(f->core->peers[0]);
        rows[i].makes(f->core->peers[0]);
        name_set(&d.to, rows[i].to);
        cr_expect_eq(core_drain_refusal(f->core, &d, &why), rows[i].err, "%s", rows[i].what);
        cr_expect_not_null(strstr(why, rows[i].why), "%s: %s", rows[i].what, why);
        fixture_free(f);
    }
}

/* It was well when the drain began, and is not any more; with the drain's end it is nobody's. */
Test(core_drain_target, what_comes_up_meanwhile_is_said) {
    struct fixture *f = fixture_new(1, 1, 100);
    struct node_session s = fixture_session(1, 1, RESUME_COMMIT);
    struct core_event e = {.kind = CORE_DRAIN, .u.drain = {.deadline = duration_s(9)}};
    fixture_register(f);
    fixture_node(f, 0, &(struct fixture_report){.sessions = &s, .session_count = 1});
    well(f->core->peers[0]);
    peering_show(f->core, f->core->peers[0]);
    e.u.drain.to = f->policy.peers[0].name;
    fixture_step(f, &e);
    cr_expect_null(core_status(f->core).drain_to_trouble);
    cr_expect_str_eq(core_status(f->core).drain_to.text, "peer0");
    drains(f->core->peers[0]);
    peering_show(f->core, f->core->peers[0]);
    cr_expect_not_null(strstr(core_status(f->core).drain_to_trouble, "drains itself"));
    e = (struct core_event){.kind = CORE_UNDRAIN};
    fixture_step(f, &e);
    cr_expect_null(core_status(f->core).drain_to_trouble);
    fixture_free(f);
}
