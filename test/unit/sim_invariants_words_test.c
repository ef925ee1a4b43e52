/*
 * What a cluster tells others, its nodes and its clients, and each such invariant broken once on
 * purpose.
 */
#include "peerd/core/state.h"

#include "test/unit/sim_breach.h"

#include <stdlib.h>

TestSuite(sim_invariants_words, .init = begin, .fini = finish);

static struct sim_site *site(void) {
    return &f.sim->sites[0];
}

static struct watch_site *watch(void) {
    return &f.sim->watch->sites[0];
}

/* The core answers `e` with this one intention, as it seems. */
static void says(const struct core_event *e, const struct core_intention *i) {
    sim_invariants_site_steps(f.sim, site(), e);
    outbox_clear(&f.sim->core_outbox);
    if (i != NULL)
        *outbox_put(&f.sim->core_outbox, i->kind) = *i;
    sim_invariants_site_stepped(f.sim, site(), e);
}

static const struct core_event tick = {.kind = CORE_TICK};

static void expect_quiet(void) {
    cr_expect_null(sim_violation(f.sim), "%s", sim_violation(f.sim));
}

/* ---- beats ---- */

static struct core_intention beat(void) {
    struct core_intention i = {.kind = CORE_SEND_BEAT};
    sim_run_until(f.sim, duration_ms(3050));
    site()->core->peers[0]->asked = true;
    peering_fill_beat(site()->core, site()->core->peers[0], &i.u.beat.beat);
    i.u.beat.beat.boot = watch()->peers[0].boot;
    i.u.beat.beat.seq = watch()->peers[0].seq + 1;
    return i;
}

Test(sim_invariants_words, a_beat_that_is_true) {
    struct core_intention i = beat();
    says(&tick, &i);
    expect_quiet();
}

Test(sim_invariants_words, a_beat_that_boasts) {
    struct core_intention i = beat();
    i.u.beat.beat.free_slots++;
    says(&tick, &i);
    expect_told("fra1 tells ams1 of 4 sessions, 47 free slots; it has 4 and 46");
}

static void three(void) {
    begin_with("name: three\nduration: 10s\n"
               "clusters: [{name: fra1}, {name: ams1}, {name: lon1}]\n"
               "clients:\n  - {name: near, count: 4, open_at: fra1}\n");
}

Test(sim_invariants_words, a_view_that_is_none_of_ours, .init = three) {
    struct core_intention i = beat();
    i.u.beat.beat.views[0].verdict = VERDICT_CRASHED;
    says(&tick, &i);
    expect_told("fra1 tells ams1 of lon1 what it does not believe itself");
}

Test(sim_invariants_words, views_left_out, .init = three) {
    struct core_intention i = beat();
    i.u.beat.beat.view_count = 0;
    watch()->peers[0].said_at = f.sim->now;
    says(&tick, &i);
    expect_quiet();
}

static void expect_kept_back(const struct core_intention *i) {
    says(&tick, i);
    expect_told("fra1 tells ams1 nothing of others, and there is something to tell");
}

Test(sim_invariants_words, views_left_out_for_too_long, .init = three) {
    struct core_intention i = beat();
    i.u.beat.beat.view_count = 0;
    watch()->peers[0].said_at = instant_sub(f.sim->now, duration_ms(300));
    expect_kept_back(&i);
}

Test(sim_invariants_words, views_left_out_of_an_answer, .init = three) {
    struct core_intention i = beat();
    i.u.beat.beat.view_count = 0;
    watch()->peers[0].said_at = f.sim->now;
    watch()->peers[0].asked = true;
    expect_kept_back(&i);
}

Test(sim_invariants_words, views_left_out_though_awaited, .init = three) {
    struct core_intention i = beat();
    i.u.beat.beat.view_count = 0;
    watch()->peers[0].said_at = f.sim->now;
    watch()->peers[0].listens = true;
    expect_kept_back(&i);
}

Test(sim_invariants_words, views_asked_for_without_need, .init = three) {
    struct core_intention i = beat();
    i.u.beat.beat.flags |= BEAT_FLAG_LISTENS;
    says(&tick, &i);
    expect_told("fra1 tells ams1 that it waits for views, and is not in doubt");
}

Test(sim_invariants_words, a_verdict_kept_back, .init = three) {
    struct core_intention i = beat();
    i.u.beat.beat.view_count = 0;
    watch()->peers[0].said_at = f.sim->now;
    watch()->peers[0].said++;
    expect_kept_back(&i);
}

Test(sim_invariants_words, a_word_that_was_overtaken) {
    site()->core->peers[0]->said_free = 7;
    const struct beat b = {.kind = BEAT_KIND_BEAT,
                           .boot = watch()->peers[0].taken_boot,
                           .seq = watch()->peers[0].taken_high};
    watch()->peers[0].taken = 0; /* not seen yet, and yet not the newest */
    says(&(struct core_event){.kind = CORE_BEAT_RECEIVED, .u.beat = {.beat = &b}}, NULL);
    expect_told("fra1 believes that ams1 has 0 sessions and 7 free slots");
}

Test(sim_invariants_words, a_round_trip_that_nothing_took) {
    site()->core->peers[0]->rtt = duration_s(1);
    expect_breach(3500, "fra1 reckons with a round trip of");
}

Test(sim_invariants_words, a_node_that_is_not_answered) {
    const struct beat b = {.kind = BEAT_KIND_MEDIA_ALIVE, .node = 3};
    says(&(struct core_event){.kind = CORE_BEAT_RECEIVED, .u.beat = {.beat = &b}}, NULL);
    expect_told("fra1 does not answer node 3 of ams1, whose media lives");
}

Test(sim_invariants_words, headless_for_ever) {
    struct peering *p = site()->core->peers[0];
    p->verdict.verdict = VERDICT_HEADLESS;
    peering_show(site()->core, p);
    site()->peerd.since = instant_sub(f.sim->now, duration_s(60));
    watch()->peers[0].media_heard = instant_sub(sim_site_now(f.sim, site()), duration_s(2));
    watch_beliefs(f.sim, site());
    expect_told("fra1 believes ams1 headless, whose nodes were heard 2000 ms ago");
}

/* ---- lodgings ---- */

Test(sim_invariants_words, a_lodging_of_more_than_there_is) {
    const struct standbys_group group = {.sessions = 5};
    struct core_intention i = {.kind = CORE_LODGE_STANDBYS};
    i.u.lodge = (struct core_lodge_standbys){.groups = &group, .group_count = 1};
    says(&tick, &i);
    expect_told("fra1 lodges 5 sessions in 1 groups with ams1, not 4 in 1");
}

Test(sim_invariants_words, slots_that_nobody_has_set_aside) {
    const uint32_t slots[] = {1, 2};
    site()->core->peers[0]->lodged_slots = 2;
    says(&(struct core_event){.kind = CORE_STANDBYS_ANSWERED,
                              .u.standbys = {.slots = slots, .slot_count = 2}},
         NULL);
    expect_told("fra1 counts on 2 slots at ams1, which has set 3 aside");
}

Test(sim_invariants_words, a_lodging_that_is_out_of_date) {
    sim_invariants_check(f.sim);
    watch()->peers[0].stated_sessions--;
    watch()->peers[0].stated_off = instant_sub(sim_site_now(f.sim, site()), duration_s(5));
    site()->peerd.since = instant_sub(f.sim->now, duration_s(60));
    sim_invariants_check(f.sim);
    expect_told("has 4 sessions in 1 groups count on ams1, and told it of 3 in 1");
}

/* ---- drains ---- */

static struct node_order order(void) {
    struct node_order o = {.id = 9, .what = NODE_ORDER_MOVE, .deadline_ms = 5000};
    o.session = f.sim->clients[0].ticket.session;
    o.target = site()->policy.peers[0].name;
    return o;
}

/* A drain of five seconds, and an answer that holds the order. */
static void orders(const struct node_order *o) {
    struct core_intention i = {.kind = CORE_ANSWER_NODE};
    const struct core_drain drain = {.deadline = duration_s(5)};
    watch_drain_begins(f.sim, site(), &drain);
    i.u.node = (struct core_answer_node){.orders = o, .order_count = 1, .draining = true};
    says(&tick, &i);
}

/* The core itself believes that it has ordered it. */
static struct move *moves(void) {
    struct session *s = session_find(site()->core, &f.sim->clients[0].ticket.session);
    s->move = calloc(1, sizeof(*s->move));
    *s->move = (struct move){.out = true, .orders = 1, .order = 9};
    s->move->ordered = s->move->begun = sim_site_now(f.sim, site());
    return s->move;
}

Test(sim_invariants_words, an_order_that_is_right) {
    struct node_order o = order();
    moves();
    orders(&o);
    expect_quiet();
}

Test(sim_invariants_words, an_order_with_too_much_time) {
    struct node_order o = order();
    o.deadline_ms = 30000;
    orders(&o);
    expect_told("fra1 orders a session to go within 30000 ms, not 5000");
}

Test(sim_invariants_words, an_order_to_nobody_it_knows) {
    struct node_order o = order();
    moves();
    name_set(&o.target, "lon1");
    orders(&o);
    expect_told("fra1 orders a session to lon1, which is no backup of it");
}

Test(sim_invariants_words, an_order_to_the_dead) {
    struct node_order o = order();
    moves();
    site()->core->peers[0]->verdict.verdict = VERDICT_CRASHED;
    peering_show(site()->core, site()->core->peers[0]);
    orders(&o);
    expect_told("fra1 orders a session to ams1, which it believes crashed");
}

/* Of two that are as alive as each other. */
Test(sim_invariants_words, an_order_to_the_second_best, .init = three) {
    struct node_order o = order();
    struct core_session_status s;
    cr_assert(core_session_find(site()->core, &o.session, &s));
    cr_assert_eq(s.backup_count, 2);
    struct move *m = moves();
    o.target = s.backups[0];
    orders(&o);
    expect_quiet();
    m->order = ++o.id;
    o.target = s.backups[1];
    orders(&o);
    expect_told(", although ");
}

Test(sim_invariants_words, orders_in_a_flood) {
    struct node_order o = order();
    moves();
    watch_drain_begins(f.sim, site(), &(struct core_drain){.deadline = duration_s(5)});
    watch()->drain_orders = 200;
    orders(&o);
    expect_told("fra1 has ordered 201 sessions to go within 0 ms, at 100 a second");
}

Test(sim_invariants_words, an_order_that_is_not_repeated) {
    struct move *m = moves();
    m->state = MOVE_STATE_OVERLAP;
    m->overlaps = instant_sub(sim_site_now(f.sim, site()), duration_s(6));
    site()->peerd.since = instant_sub(f.sim->now, duration_s(60));
    watch()->draining = true;
    watch_drain(f.sim, site());
    expect_told("fra1 has ordered a session to go 1 times in 6000 ms");
}

Test(sim_invariants_words, an_order_that_was_never_sent) {
    struct move *m = moves();
    m->state = MOVE_STATE_OVERLAP;
    m->overlaps = sim_site_now(f.sim, site());
    watch()->draining = true;
    watch_drain(f.sim, site());
    expect_told("fra1 believes that n1 has taken on order 9, which it never got");
}

/* ---- reports ---- */

static struct node_request next_report(void) {
    return (struct node_request){.boot = site()->core->nodes[0]->boot, .seq = 1000000};
}

static void reports(struct node_session *s) {
    struct node_request r = next_report();
    r.sessions = s;
    r.session_count = 1;
    says(&(struct core_event){.kind = CORE_NODE_REPORTED, .u.node = {.report = &r}}, NULL);
}

Test(sim_invariants_words, figures_that_were_not_noted) {
    struct node_session s = {.session = f.sim->clients[0].ticket.session,
                             .purpose = RESUME_COMMIT,
                             .epoch = 1,
                             .worker = server()->number,
                             .lost_after = 1000};
    reports(&s);
    expect_told("fra1 shows other figures of a session than n1 has just told");
}

Test(sim_invariants_words, an_opened_session_forgotten) {
    struct node_request r = next_report();
    struct core_event e = {.kind = CORE_NODE_REPORTED, .u.node = {.report = &r}};
    site()->core->sessions.by_state[SESSION_STATE_OPENED]++;
    sim_invariants_site_steps(f.sim, site(), &e);
    site()->core->sessions.by_state[SESSION_STATE_OPENED]--;
    outbox_clear(&f.sim->core_outbox);
    sim_invariants_site_stepped(f.sim, site(), &e);
    expect_told("fra1 forgets a session that it has opened");
}

/* ---- opens and descriptions ---- */

static struct core_event asked(void) {
    struct core_event e = {.kind = CORE_SESSION_OPEN, .wall = {.us = 5000000}};
    name_set(&e.u.open.service, "radio");
    name_set(&e.u.open.profile, "opus");
    return e;
}

static struct core_intention opened(const struct core_event *e) {
    struct core_intention i = {.kind = CORE_ANSWER_OPEN};
    const struct policy_limits *l = &site()->policy.limits;
    struct core_answer_open *a = &i.u.open;
    a->media = sim_worker_addr(f.sim, server());
    a->epoch = 2;
    a->lease_ms = (uint32_t)duration_in_ms(l->session_lease);
    a->ticket.session = f.sim->clients[0].ticket.session;
    a->ticket.issuer = site()->policy.cluster.name;
    a->ticket.service = e->u.open.service;
    a->ticket.profile = e->u.open.profile;
    a->ticket.issued_s = 5;
    a->ticket.expires_s = 5 + l->ticket_life.us / 1000000;
    f.sim->watch->answers[0] = (struct watch_answer){0}; /* as if it were the first */
    return i;
}

Test(sim_invariants_words, an_open_that_is_right) {
    struct core_event e = asked();
    struct core_intention i = opened(&e);
    says(&e, &i);
    expect_quiet();
}

Test(sim_invariants_words, a_ticket_for_something_else) {
    struct core_event e = asked();
    struct core_intention i = opened(&e);
    name_set(&i.u.open.ticket.profile, "pcmu");
    says(&e, &i);
    expect_told("fra1 gives a ticket for something else than was asked for");
}

Test(sim_invariants_words, a_ticket_for_ever) {
    struct core_event e = asked();
    struct core_intention i = opened(&e);
    i.u.open.ticket.expires_s *= 10;
    says(&e, &i);
    expect_told("fra1 gives a ticket from 5 to");
}

Test(sim_invariants_words, a_lease_that_is_another) {
    struct core_event e = asked();
    struct core_intention i = opened(&e);
    i.u.open.lease_ms++;
    says(&e, &i);
    expect_told("fra1 tells of a lease of");
}

Test(sim_invariants_words, an_epoch_that_was_given_out) {
    struct core_event e = asked();
    struct core_intention i = opened(&e);
    i.u.open.epoch = 1;
    says(&e, &i);
    expect_told("fra1 opens a session under epoch 1 elsewhere than its table says");
}

Test(sim_invariants_words, the_id_of_a_session_that_is_over) {
    struct core_event e = asked();
    struct core_intention i = opened(&e);
    says(&e, &i);
    expect_quiet();
    says(&e, &i);
    expect_told("fra1 gives the id of a session that is over to another one");
}

Test(sim_invariants_words, an_answer_repeated_too_late) {
    struct core_event e = asked();
    struct core_intention i = opened(&e);
    struct watch_answer *before = &f.sim->watch->answers[0];
    says(&e, &i);
    i.u.open.repeated = true;
    says(&e, &i);
    expect_quiet();
    before->at = instant_sub(before->at, CORE_IDEMPOTENT_LIFE);
    says(&e, &i);
    expect_told("fra1 repeats an answer of more than a minute ago");
}

Test(sim_invariants_words, an_open_at_a_worker_that_does_not_run) {
    struct core_event e = asked();
    struct core_intention i = opened(&e);
    watch()->nodes[0].running = 0;
    says(&e, &i);
    expect_told("fra1 opens a session at a worker that does not run");
}

Test(sim_invariants_words, a_description_of_the_dead) {
    struct addr media = sim_worker_addr(f.sim, server());
    watch()->nodes[0].running = 0;
    sim_invariants_described(f.sim, site(),
                             &(struct description){.media = &media, .media_count = 1});
    expect_told("fra1 describes a worker that does not run");
}

Test(sim_invariants_words, a_description_that_hides_a_drain) {
    watch()->draining = true;
    sim_invariants_described(f.sim, site(), &(struct description){.draining = false});
    expect_told("fra1 describes itself as one that does not drain");
}
