/*
 * What a worker may do with a session, and each such invariant broken once on purpose: with words
 * put into its outbox that tenure did not say.
 */
#include "peerd/sim/shelf.h"
#include "test/unit/sim_breach.h"

TestSuite(sim_invariants_sessions, .init = begin, .fini = finish);

static struct message_resume asked(enum resume_purpose purpose) {
    return (struct message_resume){.session = f.sim->clients[0].ticket.session,
                                   .purpose = purpose,
                                   .epoch = 1,
                                   .counter = 100000,
                                   .hedge_ms = 500};
}

static struct tenure_out said(enum tenure_out_kind kind, const struct sim_worker *w) {
    return (struct tenure_out){.kind = kind,
                               .slot = slot_at(w),
                               .session = f.sim->clients[0].ticket.session,
                               .purpose = RESUME_COMMIT,
                               .epoch = w->tenures[slot_at(w)].epoch,
                               .lease_ms = 5000};
}

/* The worker answers `m` with `out`, as it seems. */
static void says(struct sim_worker *w, const struct message_resume *m, struct tenure_out out) {
    const struct tenure_event e = {
        .kind = TENURE_RESUME_RECEIVED, .now = f.sim->now, .u.resume = m};
    sim_invariants_worker_steps(f.sim, w, &e);
    f.sim->tenure_outbox.count = 1;
    f.sim->tenure_outbox.items[0] = out;
    sim_invariants_worker_stepped(f.sim, w, &e);
}

/* What the check of leases says of one that was renewed so long ago. */
static bool is_overdue(struct duration ago) {
    struct sim_worker *w = server();
    const struct sim_event e = {
        .kind = SIM_LEASE_DUE, .a = w->index, .b = slot_at(w), .n = w->process.run};
    sim_shelf_at(w->shelf, slot_at(w))->watch.renewed = instant_sub(f.sim->now, ago);
    sim_invariants_lease_due(f.sim, &e);
    return sim_violation(f.sim) != NULL;
}

Test(sim_invariants_sessions, a_lease_that_does_not_end) {
    cr_expect_not(is_overdue(duration_ms(4000)), "it holds");
    cr_expect_not(is_overdue(duration_ms(5086)), "by a clock that is slow by 1.7 %% it holds");
    cr_expect_not(is_overdue(duration_ms(5600)), "by one that is slow by a tenth, too");
    cr_expect(is_overdue(duration_ms(5700)));
    expect_told("still holds near-1 (serving), although its lease was renewed 5700 ms ago");
}

Test(sim_invariants_sessions, hold_when_nothing_is_wrong) {
    struct message_resume m = asked(RESUME_COMMIT);
    says(server(), &m, said(TENURE_GRANT, server()));
    cr_expect_null(sim_violation(f.sim), "%s", sim_violation(f.sim));
}

Test(sim_invariants_sessions, a_replay_that_is_obeyed) {
    struct message_resume m = asked(RESUME_COMMIT);
    m.counter = 1;
    says(server(), &m, said(TENURE_GRANT, server()));
    expect_told("obeys a message of near-1 that it had seen before");
}

Test(sim_invariants_sessions, a_newcomer_without_credit) {
    struct message_resume m = asked(RESUME_STANDBY);
    backup()->tenure.credit_until = f.sim->now;
    says(backup(), &m, said(TENURE_PREPARE, backup()));
    expect_told("that are leased no more");
}

Test(sim_invariants_sessions, a_newcomer_beyond_the_credit) {
    struct message_resume m = asked(RESUME_STANDBY);
    backup()->tenure.credit_slots = 0;
    says(backup(), &m, said(TENURE_PREPARE, backup()));
    expect_told("of 0 slots of credit in use");
}

Test(sim_invariants_sessions, a_newcomer_while_draining) {
    struct message_resume m = asked(RESUME_STANDBY);
    backup()->tenure.draining = true;
    says(backup(), &m, said(TENURE_PREPARE, backup()));
    expect_told("ams1 drains and admits near-1 all the same (standby)");
}

Test(sim_invariants_sessions, a_grant_under_an_epoch_that_is_over) {
    struct message_resume m = asked(RESUME_COMMIT);
    struct tenure_out o = said(TENURE_GRANT, server());
    o.epoch = 0;
    says(server(), &m, o);
    expect_told("under epoch 0, having seen 1");
}

Test(sim_invariants_sessions, a_lease_that_is_not_renewed) {
    struct message_resume m = asked(RESUME_COMMIT);
    struct tenure_out o = said(TENURE_ACK, server());
    o.lease_ms = 4000;
    says(server(), &m, o);
    expect_told("tells near-1 of a lease of 4000 ms, not of 5000");
}

Test(sim_invariants_sessions, a_lease_longer_than_policy_says) {
    struct message_resume m = asked(RESUME_STANDBY);
    struct tenure_out o = said(TENURE_GRANT, backup());
    o.purpose = RESUME_STANDBY;
    o.lease_ms = 6000;
    says(backup(), &m, o);
    expect_told("tells near-1 of a lease of 6000 ms");
}

Test(sim_invariants_sessions, a_lease_cut_short) {
    struct message_resume m = asked(RESUME_COMMIT);
    struct tenure_out o = said(TENURE_FORGET, server());
    o.error = ERR_TIMEOUT;
    says(server(), &m, o);
    expect_told("before the lease that it was granted is over");
}

Test(sim_invariants_sessions, a_session_without_a_tombstone) {
    struct message_resume m = asked(RESUME_RELEASE);
    struct tenure_out o = said(TENURE_FORGET, server());
    o.error = ERR_MOVED;
    says(server(), &m, o);
    expect_told("forgets the epochs of near-1");
}

Test(sim_invariants_sessions, a_release_that_releases_nothing) {
    struct message_resume m = asked(RESUME_RELEASE);
    struct tenure_out o = said(TENURE_GRANT, backup());
    o.purpose = RESUME_RELEASE;
    says(backup(), &m, o);
    expect_told("ams1 grants near-1 a release and keeps the session (standby)");
}

Test(sim_invariants_sessions, a_timer_that_is_lost) {
    struct message_resume m = asked(RESUME_COMMIT);
    due_set(&server()->tenure.due, slot_at(server()), INSTANT_NEVER);
    says(server(), &m, said(TENURE_GRANT, server()));
    expect_told("fra1 has lost the timer of slot");
}

Test(sim_invariants_sessions, a_refusal_without_retry_after) {
    struct message_resume m = asked(RESUME_COMMIT);
    struct tenure_out o = said(TENURE_REFUSE, server());
    o.error = ERR_NO_CREDIT;
    says(server(), &m, o);
    expect_told("(no_credit) with Retry-After 0 ms");
}

Test(sim_invariants_sessions, a_final_refusal_with_retry_after) {
    struct message_resume m = asked(RESUME_COMMIT);
    struct tenure_out o = said(TENURE_REFUSE, server());
    o.error = ERR_STALE;
    o.retry_after_ms = 1000;
    says(server(), &m, o);
    expect_told("(stale) with Retry-After 1000 ms");
}

/* ---- hedges ---- */

static void hedge(int64_t ms) {
    struct message_resume m = asked(RESUME_HEDGE);
    struct tenure_out o = said(TENURE_GRANT, backup());
    struct tenure_session *t = &backup()->tenures[slot_at(backup())];
    m.counter = sim_shelf_at(backup()->shelf, slot_at(backup()))->watch.counter + 1;
    o.purpose = RESUME_HEDGE;
    t->state = TENURE_HEDGING;
    t->hedge = instant_add(f.sim->now, duration_ms(ms));
    due_set(&backup()->tenure.due, slot_at(backup()), t->hedge);
    says(backup(), &m, o);
}

Test(sim_invariants_sessions, a_hedge_that_is_too_long) {
    hedge(501);
    expect_told("ams1 hedges for near-1 for 501 ms");
}

Test(sim_invariants_sessions, a_hedge_beyond_the_budget) {
    for (int64_t i = 0; i < 31; i++)
        hedge(100 + i);
    cr_assert_null(sim_violation(f.sim), "%s", sim_violation(f.sim));
    for (int64_t i = 0; i < 3; i++)
        hedge(200 + i);
    expect_told("policy allows 30 a minute");
}

/* ---- frames ---- */

static uint64_t newest(void) {
    return sim_session_at(server(), slot_at(server()))->last_sent;
}

Test(sim_invariants_sessions, a_frame_without_the_right_to_send) {
    sim_invariants_frame_sent(f.sim, backup(), slot_at(backup()), newest());
    expect_told("to near-1 without the right to (standby)");
}

Test(sim_invariants_sessions, a_frame_after_the_lease) {
    server()->tenures[slot_at(server())].lease = instant_sub(f.sim->now, duration_s(1));
    sim_invariants_frame_sent(f.sim, server(), slot_at(server()), newest() + 1);
    expect_told("to near-1 without the right to (serving)");
}

Test(sim_invariants_sessions, a_frame_sent_twice) {
    sim_invariants_frame_sent(f.sim, server(), slot_at(server()), newest());
    expect_told("to near-1 twice, asked once");
}

Test(sim_invariants_sessions, a_frame_before_its_instant) {
    sim_invariants_frame_sent(f.sim, server(), slot_at(server()), newest() + 2);
    expect_told("us before its instant");
}

Test(sim_invariants_sessions, a_frame_beyond_the_end) {
    f.sim->streams[0].end = 10;
    sim_invariants_frame_sent(f.sim, server(), slot_at(server()), newest() + 1);
    expect_told("to near-1, beyond the end");
}

static void ask_from(uint64_t from, uint64_t live) {
    struct message_resume m = asked(RESUME_COMMIT);
    struct tenure_out o = said(TENURE_MEDIA_START, server());
    o.from = from;
    o.live = live;
    o.held[0] = 1;
    says(server(), &m, o);
}

Test(sim_invariants_sessions, a_frame_that_nobody_asked_for) {
    ask_from(100, 110);
    sim_invariants_frame_sent(f.sim, server(), slot_at(server()), 99);
    expect_told("sends frame 99 to near-1, who asked from 100");
}

Test(sim_invariants_sessions, a_frame_that_its_client_holds) {
    ask_from(100, 110);
    sim_invariants_frame_sent(f.sim, server(), slot_at(server()), 102);
    cr_assert_null(sim_violation(f.sim), "%s", sim_violation(f.sim));
    sim_invariants_frame_sent(f.sim, server(), slot_at(server()), 101);
    expect_told("sends frame 101 to near-1, who has it and said so");
}

Test(sim_invariants_sessions, a_frame_that_is_left_out) {
    ask_from(100, 110);
    for (uint64_t frame = 103; frame <= 110; frame++)
        sim_invariants_frame_sent(f.sim, server(), slot_at(server()), frame);
    f.sim->now = instant_add(f.sim->now, duration_s(1)); /* 100 is not there, 101 is held */
    sim_invariants_frame_sent(f.sim, server(), slot_at(server()), 130);
    expect_told("fra1 leaves out frame 100, for which near-1 has asked");
}

Test(sim_invariants_sessions, a_standby_renewed_while_draining) {
    struct message_resume m = asked(RESUME_STANDBY);
    struct tenure_out o = said(TENURE_GRANT, backup());
    o.purpose = RESUME_STANDBY;
    backup()->tenure.draining = true;
    says(backup(), &m, o);
    expect_told("ams1 drains and renews the standby of near-1");
}

Test(sim_invariants_sessions, a_session_asked_to_move_without_a_drain) {
    struct message_resume m = asked(RESUME_COMMIT);
    struct tenure_out out = said(TENURE_NOTICE, server());
    out.notice.what = NOTICE_MOVE;
    says(server(), &m, out);
    expect_told("asks near-1 to move and does not drain");
}

/* One that does not know its own session would let anybody in. */
Test(sim_invariants_sessions, an_overtaken_epoch_that_would_be_obeyed) {
    struct sim_worker *w = server();
    w->tenures[slot_at(w)].id.bytes[0] ^= 1;
    for (uint32_t slot = 0; slot < w->slots && sim_violation(f.sim) == NULL; slot++) {
        f.sim->watch->checks++;
        watch_probes(f.sim, w);
    }
    expect_told("would obey a commit of near-");
}

Test(sim_invariants_sessions, are_as_they_were_when_asked_what_they_would_do) {
    struct sim_worker *w = server();
    struct tenure before = w->tenure;
    struct tenure_session session = w->tenures[slot_at(w)];
    watch_probes(f.sim, w);
    cr_expect_null(sim_violation(f.sim), "%s", sim_violation(f.sim));
    cr_expect_eq(memcmp(&before, &w->tenure, sizeof(before)), 0);
    cr_expect_eq(memcmp(&session, &w->tenures[slot_at(w)], sizeof(session)), 0);
}
