/*
 * What a cluster may say, believe and keep, and each such invariant broken once on purpose.
 */
#include "peerd/core/state.h"

#include "test/unit/sim_breach.h"

#include <signal.h>

TestSuite(sim_invariants_sites, .init = begin, .fini = finish);

static struct sim_site *site(void) {
    return &f.sim->sites[0];
}

static struct watch_peer *peer(void) {
    return &f.sim->watch->sites[0].peers[0];
}

/* The core answers `e` with this one intention, as it seems. */
static void says(const struct core_event *e, const struct core_intention *i) {
    sim_invariants_site_steps(f.sim, site(), e);
    outbox_clear(&f.sim->core_outbox);
    if (i != NULL)
        *outbox_put(&f.sim->core_outbox, i->kind) = *i;
    sim_invariants_site_stepped(f.sim, site(), e);
}

/* The core shows what it believes of its peer. */
static void show(enum verdict v) {
    struct peering *p = site()->core->peers[0];
    p->verdict.verdict = v;
    peering_show(site()->core, p);
}

static const struct core_event tick = {.kind = CORE_TICK};

/* ---- credit and admission ---- */

Test(sim_invariants_sites, credit_beyond_the_capacity) {
    f.sim->nodes[0].credit.slots = 1000;
    sim_invariants_credit_taken(f.sim, &f.sim->nodes[0]);
    expect_told("nodes of fra1 hold credit for 2000 sessions; its capacity is 50");
}

static void two_nodes(void) {
    begin_with("name: two\nduration: 10s\n"
               "clusters: [{name: fra1, capacity: 50, nodes: 2}, {name: ams1}]\n"
               "clients:\n  - {name: near, count: 4, open_at: fra1}\n");
}

Test(sim_invariants_sites, more_than_a_share, .init = two_nodes) {
    f.sim->nodes[0].credit.slots = 14;
    f.sim->nodes[1].credit.slots = 5;
    sim_invariants_credit_taken(f.sim, &f.sim->nodes[0]);
    expect_told("node 0 of fra1 holds credit for 28 sessions, more than its share of 25");
}

static struct core_intention opened(void) {
    struct core_intention i = {.kind = CORE_ANSWER_OPEN};
    i.u.open.media = sim_worker_addr(f.sim, server());
    i.u.open.backup_count = 1;
    i.u.open.backups[0].cluster = i.u.open.ticket.backups[0] = site()->policy.peers[0].name;
    i.u.open.backups[0].media = sim_worker_addr(f.sim, backup());
    return i;
}

Test(sim_invariants_sites, opens_that_are_right) {
    struct core_intention i = opened();
    says(&tick, &i);
    i.u.open = (struct core_answer_open){.err = ERR_NO_CREDIT, .retry_after_ms = 1};
    says(&tick, &i);
    cr_expect_null(sim_violation(f.sim), "%s", sim_violation(f.sim));
}

Test(sim_invariants_sites, an_open_refused_without_retry_after) {
    struct core_intention i = opened();
    i.u.open.err = ERR_NO_CREDIT;
    says(&tick, &i);
    expect_told("refuses an open (no_credit) with Retry-After 0 ms");
}

Test(sim_invariants_sites, an_open_at_another_clusters_worker) {
    struct core_intention i = opened();
    i.u.open.media = sim_worker_addr(f.sim, backup());
    says(&tick, &i);
    expect_told("opens a session at a worker that is none of its own");
}

Test(sim_invariants_sites, a_backup_at_the_cluster_itself) {
    struct core_intention i = opened();
    i.u.open.backups[0].media = sim_worker_addr(f.sim, server());
    says(&tick, &i);
    expect_told("names ams1 as a backup, which is none");
}

Test(sim_invariants_sites, a_backup_that_is_believed_dead) {
    struct core_intention i = opened();
    show(VERDICT_CRASHED);
    says(&tick, &i);
    expect_told("names ams1 as a backup, of which it thinks ill");
}

Test(sim_invariants_sites, an_open_while_draining) {
    struct core_intention i = opened();
    f.sim->watch->sites[0].draining = true;
    says(&tick, &i);
    expect_told("fra1 drains and opens a session");
}

Test(sim_invariants_sites, opens_beyond_the_rate) {
    struct core_intention i = opened();
    for (int n = 0; n < 202; n++)
        says(&tick, &i);
    expect_told("opens more than 200 sessions a second");
}

Test(sim_invariants_sites, an_open_beyond_the_capacity) {
    struct core_intention i = opened();
    site()->capacity = 3;
    says(&tick, &i);
    expect_told("opens a session although 3 of 3 are in use");
}

Test(sim_invariants_sites, an_open_into_what_is_reserved) {
    struct core_intention i = opened();
    site()->core->peers[0]->policy.reserved_slots = 60;
    says(&tick, &i);
    expect_told("opens a session and keeps 46 slots for its peers, not 60");
}

static void near_and_far(void) {
    begin_with("name: near-and-far\nduration: 10s\nclusters:\n"
               "  - {name: fra1, provider: acme}\n  - {name: ams1, provider: acme}\n"
               "  - {name: lon1, provider: umbra}\n"
               "clients:\n  - {name: near, count: 4, open_at: fra1}\n");
}

Test(sim_invariants_sites, backups_in_the_wrong_order, .init = near_and_far) {
    struct core_intention i = opened();
    i.u.open.backup_count = 2;
    i.u.open.backups[1].cluster = i.u.open.ticket.backups[1] = site()->policy.peers[1].name;
    i.u.open.backups[1].media =
        sim_worker_addr(f.sim, &f.sim->workers[f.sim->sites[2].first_worker]);
    says(&tick, &i);
    expect_told("names lon1 as a backup after ams1, which is nearer to failing with it");
}

Test(sim_invariants_sites, an_open_before_peers_have_described_themselves) {
    struct core_intention i = opened();
    i.u.open.ticket.protection = PROTECTION_WARM;
    site()->core->started = f.sim->now;
    site()->core->peers[0]->described = false;
    says(&tick, &i);
    expect_told("opens a session as soon as it has started, before ams1 was heard");
}

static void open_and_go(void) {
    struct sim_client *goes = &f.sim->clients[1];
    for (int64_t ms = 4000; ms < 4200 && goes->state != SIM_CLIENT_OPEN; ms++)
        sim_run_until(f.sim, duration_ms(ms));
    cr_assert_eq(goes->state, SIM_CLIENT_OPEN);
    sim_client_vanish(f.sim, goes);
}

static void late_starter(void) {
    finish();
    sim_fixture_open(&f,
                     "name: goes\nduration: 20s\nclusters: [{name: fra1}, {name: ams1}]\n"
                     "clients:\n  - {name: near}\n  - {name: goes, start: 4s}\n",
                     1);
    sim_run_until(f.sim, duration_s(3));
}

Test(sim_invariants_sites, opened_and_never_dropped, .init = late_starter) {
    open_and_go();
    site()->core->policy.limits.session_lease = duration_s(3600);
    sim_run_until(f.sim, duration_ms(14000));
    expect_told("keeps a slot for a session that was opened");
}

Test(sim_invariants_sites, opens_dropped_before_their_time) {
    site()->core->counters.opens_abandoned++;
    says(&tick, NULL);
    expect_told("fra1 drops what it has opened, and nothing of that is over just now");
}

Test(sim_invariants_sites, opens_beyond_a_service, .init = late_starter) {
    open_and_go();
    site()->policy.services[0].capacity = 0;
    sim_run_until(f.sim, duration_ms(8500));
    expect_told("has opened 1 sessions of radio; its capacity is 0");
}

/* ---- beats and verdicts ---- */

static struct core_intention beat(void) {
    struct core_intention i = {.kind = CORE_SEND_BEAT};
    peering_fill_beat(site()->core, site()->core->peers[0], &i.u.beat.beat);
    i.u.beat.beat.boot = peer()->boot;
    i.u.beat.beat.seq = peer()->seq + 1;
    i.u.beat.beat.interval_ms = 100;
    return i;
}

Test(sim_invariants_sites, beats_that_come_too_often) {
    struct core_intention i = beat();
    says(&tick, &i);
    i.u.beat.beat.seq++;
    says(&tick, &i);
    expect_told("fra1 beats ams1 again after 0 us");
}

Test(sim_invariants_sites, a_beat_that_comes_too_late) {
    peer()->promised_ms = 10;
    expect_breach(3500, "fra1 has not beaten ams1 for");
}

Test(sim_invariants_sites, a_beat_that_hides_a_drain) {
    struct core_intention i = beat();
    sim_run_until(f.sim, duration_ms(3050));
    i = beat();
    f.sim->watch->sites[0].draining = true;
    says(&tick, &i);
    expect_told("fra1 tells ams1 that it does not drain, which it does");
}

static void hears(uint64_t boot, uint64_t seq) {
    const struct peering *p = site()->core->peers[0];
    const struct beat b = {.kind = BEAT_KIND_BEAT,
                           .boot = boot,
                           .seq = seq,
                           .sessions = p->said_sessions,
                           .free_slots = p->said_free};
    says(&(struct core_event){.kind = CORE_BEAT_RECEIVED, .u.beat = {.beat = &b}}, NULL);
}

Test(sim_invariants_sites, a_beat_taken_twice) {
    hears(peer()->taken_boot, peer()->taken_high);
    expect_told("of ams1, which it had seen before or outlived");
}

Test(sim_invariants_sites, a_beat_of_a_run_that_is_over) {
    peer()->retired_boot = 77;
    hears(77, 1000000);
    expect_told("fra1 takes beat 1000000 of ams1, which it had seen before or outlived");
}

Test(sim_invariants_sites, a_beat_that_is_new) {
    hears(peer()->taken_boot, peer()->taken_high + 1);
    cr_expect_null(sim_violation(f.sim), "%s", sim_violation(f.sim));
}

Test(sim_invariants_sites, beats_asked_for_as_under_suspicion) {
    sim_run_until(f.sim, duration_ms(3050));
    struct core_intention i = beat();
    i.u.beat.beat.ask_interval_ms = 20;
    site()->policy.detection.interval_suspect = duration_ms(20);
    says(&tick, &i);
    expect_told("fra1 asks for beats every 20 ms and suspects nobody");
}

static void believe(enum verdict v) {
    show(v);
    site()->core->counters.verdicts_changed++;
    says(&tick, NULL);
}

Test(sim_invariants_sites, a_conviction_without_an_expiry) {
    believe(VERDICT_HEADLESS);
    expect_told("fra1 believes ams1 headless without an expiry of its own");
}

Test(sim_invariants_sites, a_conviction_before_its_time) {
    site()->core->peers[0]->detector.opinion = DETECTOR_EXPIRED;
    believe(VERDICT_CRASHED);
    expect_told("fra1 believes ams1 crashed, which had proven its life");
}

Test(sim_invariants_sites, a_suspicion_that_comes_too_late) {
    struct peering *p = site()->core->peers[0];
    p->detector.arrival = instant_sub(p->detector.arrival, duration_ms(500));
    p->verdict.rule = 5;
    believe(VERDICT_SUSPECT);
    expect_told("fra1 suspects ams1 after");
}

Test(sim_invariants_sites, a_death_that_was_none_and_does_not_count) {
    peer()->verdict = VERDICT_SUSPECT;
    peer()->believed_dead = true;
    believe(VERDICT_ALIVE);
    expect_told("fra1 believed ams1 dead, which is back, and does not count it");
}

Test(sim_invariants_sites, trust_without_a_proof) {
    peer()->verdict = VERDICT_CRASHED;
    peer()->life_any.at = instant_sub(f.sim->now, duration_s(4));
    believe(VERDICT_ALIVE);
    expect_told("fra1 believes ams1 alive, which has echoed nothing new");
}

Test(sim_invariants_sites, a_crash_although_media_lives) {
    site()->core->peers[0]->detector.opinion = DETECTOR_EXPIRED;
    peer()->life.at = instant_sub(f.sim->now, duration_s(9));
    peer()->media_life = (struct watch_moment){f.sim->now, DURATION_ZERO};
    peer()->media_echoes = 3;
    believe(VERDICT_CRASHED);
    expect_told("fra1 believes ams1 crashed, whose media lives");
}

static void three(void) {
    begin_with("name: three\nduration: 10s\nclusters: [{name: fra1}, {name: ams1}, {name: lon1}]\n"
               "clients:\n  - {name: near, count: 4, open_at: fra1}\n");
}

Test(sim_invariants_sites, a_crash_although_a_witness_hears_it, .init = three) {
    site()->core->peers[0]->detector.opinion = DETECTOR_EXPIRED;
    peer()->life.at = peer()->life_any.at = instant_sub(f.sim->now, duration_s(9));
    believe(VERDICT_CRASHED);
    expect_told("fra1 believes ams1 crashed, which lon1 has heard");
}

Test(sim_invariants_sites, a_drain_that_is_not_believed) {
    site()->core->peers[0]->said_draining = peer()->said_draining = true;
    sim_invariants_check(f.sim);
    expect_told("fra1 believes ams1 alive, which says that it drains");
}

Test(sim_invariants_sites, a_drain_that_nobody_told) {
    site()->core->peers[0]->said_draining = true;
    sim_invariants_check(f.sim);
    expect_told("fra1 believes that ams1 drains, which says that it does not");
}

Test(sim_invariants_sites, a_belief_without_proof) {
    peer()->life_any.at = instant_sub(f.sim->now, duration_s(20));
    sim_invariants_check(f.sim);
    expect_told("fra1 believes ams1 alive without proof for 20000 ms");
}

/* ---- the ledger ---- */

static struct move arrival(void) {
    return (struct move){.state = MOVE_STATE_OVER,
                         .cause = MOVE_CAUSE_CRASHED,
                         .session = f.sim->clients[0].ticket.session,
                         .to = site()->policy.cluster.name,
                         .epoch_to = 2};
}

static void enter(struct move m) {
    ledger_enter(&site()->core->ledger, &m, "", INSTANT_NEVER);
    says(&tick, NULL);
}

Test(sim_invariants_sites, a_move_entered_twice) {
    enter(arrival());
    cr_assert_null(sim_violation(f.sim), "%s", sim_violation(f.sim));
    enter(arrival());
    expect_told("fra1 enters the same move twice");
}

Test(sim_invariants_sites, a_move_under_an_older_epoch) {
    struct move m = arrival();
    m.epoch_from = 2;
    enter(m);
    expect_told("enters a move from epoch 2 to 2");
}

Test(sim_invariants_sites, an_arrival_without_an_epoch) {
    struct move m = arrival();
    m.epoch_to = 0;
    enter(m);
    expect_told("enters an arrival at fra1 under epoch 0");
}

Test(sim_invariants_sites, a_departure_without_a_drain) {
    struct move m = arrival();
    m.out = true;
    m.cause = MOVE_CAUSE_DRAIN;
    enter(m);
    expect_told("although it does not drain");
}

/* ---- orders, reports and lodgings ---- */

Test(sim_invariants_sites, an_order_to_move_without_a_drain) {
    const struct node_order order = {.id = 1, .what = NODE_ORDER_MOVE};
    struct core_intention i = {.kind = CORE_ANSWER_NODE};
    i.u.node.orders = &order;
    i.u.node.order_count = 1;
    says(&tick, &i);
    expect_told("orders a session to move although it does not drain");
}

Test(sim_invariants_sites, a_drain_that_no_node_is_told) {
    struct core_intention i = {.kind = CORE_ANSWER_NODE};
    f.sim->watch->sites[0].draining = true;
    says(&tick, &i);
    expect_told("tells a node that it does not drain, which it does");
}

#define NEXT_SEQ 1000000 /* no node has said so much so far */

static void reports(struct node_request *r) {
    struct core_event e = {.kind = CORE_NODE_REPORTED, .u.node = {.report = r}};
    r->boot = site()->core->nodes[0]->boot;
    r->seq = NEXT_SEQ;
    says(&e, NULL);
}

static struct node_session as_told(void) {
    return (struct node_session){.session = f.sim->clients[0].ticket.session,
                                 .purpose = RESUME_COMMIT,
                                 .epoch = 1,
                                 .worker = server()->number};
}

Test(sim_invariants_sites, a_session_told_and_not_known) {
    struct node_session s = as_told();
    s.session.bytes[0] ^= 1;
    reports(&(struct node_request){.sessions = &s, .session_count = 1});
    expect_told("fra1 does not know a session that n1 has just told");
}

Test(sim_invariants_sites, a_session_told_otherwise) {
    struct node_session s = as_told();
    s.epoch = 2;
    reports(&(struct node_request){.sessions = &s, .session_count = 1});
    expect_told("has a session as committed under epoch 1 that n1 tells as committed under 2");
}

Test(sim_invariants_sites, an_end_told_and_not_heard) {
    reports(&(struct node_request){.ended = &f.sim->clients[0].ticket.session, .ended_count = 1});
    expect_told("keeps a session (committed) whose end n1 has just told");
}

Test(sim_invariants_sites, a_session_that_is_not_swept) {
    reports(&(struct node_request){.full = true});
    expect_told("keeps a session (committed) of n1, which has told all and not this one");
}

Test(sim_invariants_sites, a_report_that_is_taken_twice) {
    struct node_request r = {.seq = 1};
    reports(&r);
    reports(&r);
    expect_told("fra1 takes report 1000000 of n1, having taken 1000000");
}

Test(sim_invariants_sites, a_run_that_comes_back) {
    f.sim->watch->sites[0].nodes[0].former = site()->core->nodes[0]->boot;
    reports(&(struct node_request){.seq = 1});
    expect_told("fra1 takes a report of a run of n1 that another has followed");
}

Test(sim_invariants_sites, credit_that_is_reckoned_wrongly) {
    f.sim->watch->sites[0].nodes[0].owed++;
    sim_invariants_check(f.sim);
    expect_told("fra1 reckons that n1 may have credit for");
}

Test(sim_invariants_sites, an_arrival_that_nobody_told) {
    struct node_session s = as_told();
    struct move m = arrival();
    struct node_request r = {
        .boot = site()->core->nodes[0]->boot, .seq = NEXT_SEQ, .sessions = &s, .session_count = 1};
    struct core_event e = {.kind = CORE_NODE_REPORTED, .u.node = {.report = &r}};
    m.epoch_to = 1;
    s.cause = MOVE_CAUSE_DRAIN;
    sim_invariants_site_steps(f.sim, site(), &e);
    ledger_enter(&site()->core->ledger, &m, "", INSTANT_NEVER);
    outbox_clear(&f.sim->core_outbox);
    sim_invariants_site_stepped(f.sim, site(), &e);
    expect_told("enters an arrival (crashed, epoch 1) that no node has told");
}

static void lodges(uint32_t slots, uint32_t sessions, enum err err) {
    const struct standbys_group group = {.sessions = sessions};
    struct core_event e = {.kind = CORE_STANDBYS_LODGED,
                           .u.lodged = {.groups = &group, .group_count = 1, .ttl_ms = 1000}};
    struct core_intention i = {.kind = CORE_ANSWER_STANDBYS};
    i.u.standbys = (struct core_answer_standbys){.slots = &slots, .slot_count = 1, .err = err};
    says(&e, &i);
}

Test(sim_invariants_sites, more_slots_than_reserved) {
    lodges(1, 1, ERR_OK);
    expect_told("sets 1 slots aside for ams1, more than the 0 reserved");
}

Test(sim_invariants_sites, more_slots_than_sessions) {
    site()->policy.peers[0].reserved_slots = 10;
    lodges(2, 1, ERR_OK);
    expect_told("sets 2 slots aside for 1 sessions of ams1");
}

Test(sim_invariants_sites, a_lodging_that_is_refused_for_nothing) {
    lodges(0, 1, ERR_DENIED);
    expect_told("answers a lodging of ams1 with denied");
}

Test(sim_invariants_sites, a_lodging_that_never_ends) {
    f.sim->sites[1].core->peers[0]->held_until = instant_add(f.sim->now, duration_s(3600));
    f.sim->watch->sites[1].peers[0].lodged_until = instant_sub(f.sim->now, duration_s(2));
    sim_invariants_check(f.sim);
    expect_told("slots for fra1, whose lodging is over");
}

Test(sim_invariants_sites, groups_that_count_on_the_dead) {
    show(VERDICT_CRASHED);
    sim_invariants_check(f.sim);
    expect_told("groups count on ams1, which it believes crashed");
}

Test(sim_invariants_sites, a_lodging_that_is_not_renewed) {
    site()->peerd.since = instant_sub(f.sim->now, duration_s(60));
    peer()->lodged_at = instant_sub(f.sim->now, duration_s(12));
    sim_invariants_check(f.sim);
    expect_told("fra1 lets what it has lodged with ams1 run out");
}

/* ---- nodes ---- */

Test(sim_invariants_sites, a_node_given_up_before_its_lease_is_over) {
    site()->core->nodes[0]->registered = false;
    site()->core->counters.nodes_lost++;
    says(&tick, NULL);
    expect_told("fra1 believes n1 lost, heard");
}

Test(sim_invariants_sites, a_recovery_that_ends_too_soon) {
    f.sim->watch->sites[0].recovered = false;
    site()->core->started = f.sim->now;
    site()->core->nodes[0]->complete = false;
    says(&tick, NULL);
    expect_told("fra1 has recovered, having heard all of 0 of 1 nodes");
}

/* ---- what time alone could break ---- */

Test(sim_invariants_sites, a_drain_that_forgets) {
    struct watch_site *watch = &f.sim->watch->sites[0];
    sim_run_until(f.sim, duration_s(8));
    watch->draining = true;
    watch->drain_since = instant_sub(f.sim->now, duration_s(5));
    sim_invariants_check(f.sim);
    expect_told("and not asked a session to go");
}

Test(sim_invariants_sites, a_node_that_is_believed_in) {
    site()->core->nodes[0]->heard = instant_sub(f.sim->now, duration_s(5));
    sim_invariants_check(f.sim);
    expect_told("fra1 believes in n1, not heard for 5000 ms");
}

/* What the core counts for a service it reckons anew. */
Test(sim_invariants_sites, a_core_that_has_lost_count, .signal = SIGABRT) {
    site()->core->service_used[0]++;
    sim_invariants_check(f.sim);
}
