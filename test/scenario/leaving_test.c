#include "peerd/core/wishes.h"
#include "test/lib/overlay.h"

#include <criterion/criterion.h>

/* The operator moves one session: fra1, where it is served, is cluster 0. */

static struct core_answer_open session;

static struct overlay *with_session(uint32_t move_ms) {
    struct overlay *o = overlay_new(&(struct overlay_setup){.move_ms = move_ms});
    overlay_run_until(o, 1000);
    session = overlay_open(o, 0, "192.0.2.7:5004");
    cr_assert_eq(session.err, ERR_OK, "%s", session.detail);
    cr_assert_eq(session.backup_count, 2u);
    overlay_commit(o, 0, &session, 1, MOVE_CAUSE_NONE, 0);
    overlay_run_until(o, 2000);
    overlay_forget(o);
    return o;
}

static enum err refusal(const struct overlay *o, const char *to) {
    struct name name;
    const char *why;
    cr_assert(name_set(&name, to));
    enum err err = core_move_refusal(overlay_core(o, 0), &session.ticket.session, &name, &why);
    cr_expect_eq(err == ERR_OK, why[0] == '\0', "what is refused has a reason");
    return err;
}

static uint32_t cluster_of(const struct name *name) {
    return strcmp(name->text, "ams1") == 0 ? 1 : 2;
}

Test(leaving, one_session_goes_where_the_operator_says) {
    for (uint32_t b = 0; b < 2; b++) {
        struct overlay *o = with_session(150);
        const struct name *to = &session.backups[b].cluster;
        cr_expect_eq(refusal(o, to->text), ERR_OK);
        overlay_move(o, 0, &session.ticket.session, to->text);
        overlay_run_until(o, 4000);
        cr_expect(overlay_serves(o, cluster_of(to), &session.ticket.session), "%s",
                  overlay_narrative(o));
        cr_expect_eq(core_status(overlay_core(o, 0)).sessions, 0u);
        cr_expect_not(core_status(overlay_core(o, 0)).draining);
        const struct ledger_entry *e = ledger_find(core_ledger(overlay_core(o, 0)), 1);
        cr_assert_not_null(e);
        cr_expect(e->move.asked && e->move.out && e->move.cause == MOVE_CAUSE_DRAIN);
        cr_expect(name_equal(&e->move.to, to));
        cr_expect_eq(refusal(o, to->text), ERR_NOT_FOUND, "it has left");
        overlay_free(o);
    }
}

Test(leaving, what_speaks_against_it) {
    struct overlay *o = with_session(150);
    cr_expect_eq(refusal(o, "fra1"), ERR_BAD_FIELD, "it is here");
    cr_expect_eq(refusal(o, "mars1"), ERR_BAD_FIELD, "its client does not know the way");
    overlay_kill_site(o, 2);
    overlay_run_until(o, 6000);
    cr_expect_eq(refusal(o, "lon1"), ERR_DENIED);
    cr_expect_eq(refusal(o, "ams1"), ERR_OK);
    overlay_forget(o);
    overlay_move(o, 0, &session.ticket.session, "lon1");
    overlay_run_until(o, 8000);
    cr_expect_eq(overlay_count(o, " move "), 0u, "what is refused changes nothing: %s",
                 overlay_narrative(o));
    overlay_drain(o, 0, 60000);
    cr_expect_eq(refusal(o, "ams1"), ERR_DRAINING);
    overlay_free(o);
}

/* Its client does not obey: the wish lapses, and the session stays as it was. */
Test(leaving, a_wish_lapses) {
    struct overlay *o = with_session(60000);
    overlay_move(o, 0, &session.ticket.session, "ams1");
    overlay_run_until(o, 11900);
    struct core_session_status s;
    cr_assert(core_session_find(overlay_core(o, 0), &session.ticket.session, &s));
    cr_assert_not_null(s.move);
    cr_expect(s.move->orders >= 4 && s.move->orders <= 5, "%u orders", s.move->orders);
    overlay_run_until(o, 14500);
    cr_assert(core_session_find(overlay_core(o, 0), &session.ticket.session, &s));
    cr_expect_null(s.move);
    cr_expect_eq(overlay_count(o, "cancelled"), 1u);
    cr_expect_eq(core_counters(overlay_core(o, 0))->moves_cancelled, 1u);
    cr_expect(overlay_serves(o, 0, &session.ticket.session));
    cr_expect_eq(refusal(o, "ams1"), ERR_OK, "it may be asked again");
    overlay_free(o);
}

Test(leaving, a_wish_ends_with_the_cluster_that_it_named) {
    struct overlay *o = with_session(60000);
    overlay_move(o, 0, &session.ticket.session, "ams1");
    overlay_run_until(o, 2500);
    overlay_kill_site(o, 1);
    overlay_run_until(o, 7000);
    cr_expect_eq(overlay_count(o, "cancelled"), 1u, "%s", overlay_narrative(o));
    cr_expect_eq(overlay_count(o, "-> lon1"), 0u, "nowhere else");
    overlay_free(o);
}

Test(leaving, the_operator_thinks_again) {
    struct overlay *o = with_session(60000);
    overlay_move(o, 0, &session.ticket.session, "ams1");
    overlay_run_until(o, 2500);
    overlay_move(o, 0, &session.ticket.session, "lon1");
    struct core_session_status s;
    cr_assert(core_session_find(overlay_core(o, 0), &session.ticket.session, &s));
    cr_expect_str_eq(s.move->to.text, "lon1");
    cr_expect_eq(core_counters(overlay_core(o, 0))->moves_begun, 1u);
    overlay_free(o);
}

/* A drain that begins takes the wish over: it does not lapse, and goes with the drain. */
Test(leaving, a_drain_takes_wishes_over) {
    struct overlay *o = with_session(60000);
    overlay_move(o, 0, &session.ticket.session, "ams1");
    overlay_run_until(o, 4000);
    overlay_drain(o, 0, 120000);
    cr_expect_eq(core_status(overlay_core(o, 0)).drain_left, 1u);
    overlay_run_until(o, 30000);
    struct core_session_status s;
    cr_assert(core_session_find(overlay_core(o, 0), &session.ticket.session, &s));
    cr_assert_not_null(s.move);
    cr_expect_not(s.move->asked);
    overlay_undrain(o, 0);
    cr_assert(core_session_find(overlay_core(o, 0), &session.ticket.session, &s));
    cr_expect_null(s.move);
    cr_expect_eq(core_counters(overlay_core(o, 0))->moves_cancelled, 1u);
    overlay_free(o);
}

/* One cluster that its ticket does not name. */
static const char *stranger_of(const struct core_answer_open *opened) {
    static const char *const names[] = {"ams1", "lon1", "par1", "mad1", "osl1"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        bool named = false;
        for (uint32_t b = 0; b < opened->backup_count; b++)
            named |= strcmp(opened->backups[b].cluster.text, names[i]) == 0;
        if (!named)
            return names[i];
    }
    return "";
}

/* Its client does not know the way there: it is told first, goes if it can be told, and stays if
 * not. */
Test(leaving, who_does_not_know_the_way_is_told) {
    for (int old = 0; old < 2; old++) {
        struct overlay *o = overlay_new(
            &(struct overlay_setup){.clusters = 6, .move_ms = 150, .old_clients = old == 1});
        overlay_run_until(o, 2000);
        session = overlay_open(o, 0, "192.0.2.7:5004");
        overlay_commit(o, 0, &session, 1, MOVE_CAUSE_NONE, 0);
        overlay_run_until(o, 3000);
        const char *to = stranger_of(&session);
        cr_assert_neq(to[0], '\0');
        cr_expect_eq(refusal(o, to), ERR_OK);
        overlay_move(o, 0, &session.ticket.session, to);
        struct name telling = {""};
        cr_expect(core_move_telling(overlay_core(o, 0), &session.ticket.session, &telling));
        cr_expect_str_eq(telling.text, to);
        overlay_run_until(o, 15000);
        cr_expect_eq(overlay_serves(o, 0, &session.ticket.session), old == 1, "%s",
                     overlay_narrative(o));
        cr_expect_eq(overlay_count(o, "has not taken up"), (uint32_t)old);
        cr_expect_not(core_move_telling(overlay_core(o, 0), &session.ticket.session, &telling));
        overlay_free(o);
    }
}

/* As many at once as there is room for; a drain says where everybody goes. */
Test(leaving, wishes_are_few_and_end_with_a_drain) {
    static struct core_answer_open sessions[WISHES_MAX + 1];
    const struct core *core;
    struct name to;
    const char *why;
    struct overlay *o =
        overlay_new(&(struct overlay_setup){.clusters = 6, .move_ms = 150, .old_clients = true});
    overlay_run_until(o, 2000);
    for (uint32_t i = 0; i <= WISHES_MAX; i++) {
        sessions[i] = overlay_open(o, 0, "192.0.2.7:5004");
        cr_assert_eq(sessions[i].err, ERR_OK, "%s", sessions[i].detail);
        overlay_commit(o, 0, &sessions[i], 1, MOVE_CAUSE_NONE, 0);
    }
    overlay_run_until(o, 3000);
    core = overlay_core(o, 0);
    for (uint32_t i = 0; i <= WISHES_MAX; i++) {
        const struct session_id *id = &sessions[i].ticket.session;
        cr_assert(name_set(&to, stranger_of(&sessions[i])));
        cr_expect_eq(core_move_refusal(core, id, &to, &why), i < WISHES_MAX ? ERR_OK : ERR_FULL,
                     "%u: %s", i, why);
        overlay_move(o, 0, id, to.text);
        overlay_move(o, 0, id, to.text); /* the operator is impatient */
        cr_expect_eq(core_move_telling(core, id, &to), i < WISHES_MAX);
    }
    overlay_drain(o, 0, 60000);
    cr_expect_not(core_move_telling(core, &sessions[0].ticket.session, &to));
    overlay_run_until(o, 4000);
    overlay_free(o);
}
