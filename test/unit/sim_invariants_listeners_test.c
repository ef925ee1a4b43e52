/*
 * What a listener may ask and when it may turn away; each such invariant broken once on purpose.
 */
#include "test/unit/sim_breach.h"

#include "peerd/core/state.h"

TestSuite(sim_invariants_listeners, .init = begin, .fini = finish);

static struct sim_client *listener(void) {
    return &f.sim->clients[0];
}

static struct watch_client *watch(void) {
    return &f.sim->watch->clients[0];
}

static uint8_t other(void) {
    return listener()->witness->serving == 0 ? 1 : 0;
}

static void says(struct witness_out o) {
    f.sim->witness_outbox.count = 1;
    f.sim->witness_outbox.items[0] = o;
    sim_invariants_client_stepped(f.sim, listener());
}

/* A resume that is right in all respects. */
static struct witness_out resume(enum resume_purpose purpose) {
    const struct witness *w = listener()->witness;
    struct witness_out o = {.kind = WITNESS_SEND_RESUME, .server = other()};
    struct duration ahead =
        duration_add(path_rtt(&w->servers[other()].path), listener()->playout->config.depth);
    int64_t reach_us = instant_since(instant_add(f.sim->now, ahead), listener()->anchor).us;
    o.u.resume.purpose = purpose;
    o.u.resume.epoch = w->epoch_high;
    o.u.resume.counter = w->counter + 1000;
    o.u.resume.live_frame = (uint64_t)(reach_us / 20000);
    o.u.resume.from_frame = listener()->playout->next;
    return o;
}

Test(sim_invariants_listeners, hold_when_nothing_is_wrong) {
    says(resume(RESUME_HEDGE));
    cr_expect_null(sim_violation(f.sim), "%s", sim_violation(f.sim));
}

Test(sim_invariants_listeners, two_servers_asked_under_one_epoch) {
    says(resume(RESUME_COMMIT));
    expect_told("near-1 asks a second server to serve under epoch 1");
}

Test(sim_invariants_listeners, an_epoch_followed_that_was_not_asked_there) {
    listener()->epoch = 0;
    listener()->witness->servers[listener()->witness->serving].epoch_asked = 9;
    says((struct witness_out){.kind = WITNESS_SEND_HELLO});
    expect_told("near-1 follows epoch 1 at a server that it asked under 9");
}

Test(sim_invariants_listeners, a_counter_that_does_not_grow) {
    struct witness_out o = resume(RESUME_HEDGE);
    o.u.resume.counter = watch()->counter;
    says(o);
    expect_told("near-1 counts a message");
}

Test(sim_invariants_listeners, a_server_told_a_wrong_position) {
    struct witness_out o = resume(RESUME_HEDGE);
    o.u.resume.live_frame -= 3;
    says(o);
    expect_told("as the live one");
}

Test(sim_invariants_listeners, a_frame_asked_for_that_was_played) {
    struct witness_out o = resume(RESUME_HEDGE);
    o.u.resume.from_frame--;
    says(o);
    expect_told("near-1 asks for frame");
}

Test(sim_invariants_listeners, hedges_beyond_the_budget) {
    listener()->witness->stats.hedges = 1000;
    says(resume(RESUME_HEDGE));
    expect_told("near-1 has asked for 1000 hedges in");
}

Test(sim_invariants_listeners, a_server_given_up_too_early) {
    struct witness *w = listener()->witness;
    w->state = WITNESS_COMMITTING;
    w->attempt.server = other();
    w->attempt.cause = MOVE_CAUSE_CRASHED;
    w->attempt.until = INSTANT_NEVER;
    says(resume(RESUME_HEDGE));
    expect_told("near-1 gives its server up as crashed, heard");
}

Test(sim_invariants_listeners, a_server_left_without_a_word) {
    watch()->serving = backup()->index;
    says(resume(RESUME_HEDGE));
    expect_told("near-1 has left ams1 without a word");
}

Test(sim_invariants_listeners, a_timer_that_is_lost) {
    listener()->witness->attempt.server = other();
    listener()->witness->attempt.until = instant_sub(f.sim->now, duration_s(1));
    says(resume(RESUME_HEDGE));
    expect_told("near-1 (following) has lost a timer");
}

/* As if it had just begun to ask `server` to take over. */
static void begins(uint8_t server, enum move_cause cause) {
    struct witness *w = listener()->witness;
    w->state = WITNESS_COMMITTING;
    w->attempt.server = server;
    w->attempt.cause = cause;
    w->attempt.epoch = w->epoch_high;
    w->attempt.asked = f.sim->now;
    w->attempt.until = INSTANT_NEVER;
}

static void heard_ago(int64_t ms) {
    struct witness *w = listener()->witness;
    w->servers[w->serving].path.heard = instant_sub(f.sim->now, duration_ms(ms));
    watch()->framed = INSTANT_NEVER;
}

Test(sim_invariants_listeners, a_server_asked_before_it_may_be) {
    struct witness *w = listener()->witness;
    w->epoch_high++;
    begins(other(), MOVE_CAUSE_DEGRADED);
    w->servers[other()].not_before = instant_add(f.sim->now, duration_s(1));
    says(resume(RESUME_COMMIT));
    expect_told("near-1 asks ams1 to serve, 1000 ms before it may");
}

Test(sim_invariants_listeners, epochs_that_are_left_out) {
    listener()->witness->epoch_high += 2;
    says((struct witness_out){.kind = WITNESS_SEND_HELLO});
    expect_told("near-1 leaves out epochs between 1 and 3");
}

Test(sim_invariants_listeners, a_hedge_that_is_not_called_off) {
    watch()->state = WITNESS_HEDGING;
    watch()->hedging = (uint16_t)(1U << other());
    says((struct witness_out){.kind = WITNESS_SEND_HELLO});
    expect_told("near-1 has media again and lets ams1 hedge on");
}

Test(sim_invariants_listeners, a_missing_frame_that_is_not_asked_for) {
    struct witness_out o = resume(RESUME_HEDGE);
    o.u.resume.from_frame = listener()->playout->high + 1;
    says(o);
    expect_told("and has not got");
}

Test(sim_invariants_listeners, a_server_left_as_soon_as_it_was_come_to) {
    begins(other(), MOVE_CAUSE_DEGRADED);
    watch()->moved = instant_sub(f.sim->now, duration_ms(100));
    says((struct witness_out){.kind = WITNESS_SEND_HELLO});
    expect_told("near-1 leaves a server that lives, 100 ms after it came");
}

Test(sim_invariants_listeners, a_server_left_by_wish_as_soon_as_it_was_come_to) {
    begins(other(), MOVE_CAUSE_RETURN);
    listener()->witness->state = WITNESS_MOVING;
    watch()->moved = instant_sub(f.sim->now, duration_ms(100));
    says((struct witness_out){.kind = WITNESS_SEND_HELLO});
    expect_told("near-1 leaves a server that lives, 100 ms after it came");
}

Test(sim_invariants_listeners, the_silent_one_asked_again) {
    begins(listener()->witness->serving, MOVE_CAUSE_CRASHED);
    heard_ago(900);
    says((struct witness_out){.kind = WITNESS_SEND_HELLO});
    expect_told("near-1 asks the server that is silent for 900 ms, not another");
}

Test(sim_invariants_listeners, a_server_given_up_too_early_after_many_moves) {
    begins(other(), MOVE_CAUSE_CRASHED);
    heard_ago(300);
    watch()->moves = (struct budget){.at = f.sim->now};
    says((struct witness_out){.kind = WITNESS_SEND_HELLO});
    expect_told("near-1 gives its server up as crashed, heard 300 ms ago");
}

static void three(void) {
    begin_with("name: three\nduration: 10s\nclusters: [{name: fra1}, {name: ams1}, {name: lon1}]\n"
               "clients:\n  - {name: near, count: 4, open_at: fra1}\n");
}

Test(sim_invariants_listeners, a_deaf_backup_that_is_kept, .init = three) {
    struct witness *w = listener()->witness;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++)
        if (w->servers[i].role == WITNESS_ROLE_WARM)
            w->servers[i].path.hellos_missed = 9;
    sim_invariants_check(f.sim);
    expect_told("warm, which is deaf, and another backup answers");
}

/* ---- calm ---- */

static void calm(void) {
    begin_with("name: calm\nduration: 40s\nclusters: [{name: fra1}, {name: ams1}]\n"
               "clients:\n  - {name: near, count: 4, open_at: fra1}\n"
               "expectations: {whole: true}\n");
    sim_run_until(f.sim, duration_s(20));
    cr_assert_null(sim_violation(f.sim), "%s", sim_violation(f.sim));
}

Test(sim_invariants_listeners, a_move_where_nothing_happens, .init = calm) {
    listener()->witness->stats.commits++;
    expect_breach(22000, "near-1 loses 0 frames, hedges 0 and moves 1 times");
}

Test(sim_invariants_listeners, a_verdict_where_nothing_happens, .init = calm) {
    f.sim->sites[0].core->counters.verdicts_changed++;
    expect_breach(22000, "fra1 changes a verdict although nothing has happened for long");
}
