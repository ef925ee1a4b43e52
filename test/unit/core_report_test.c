#include "test/unit/core_fixture.h"

static struct core_session_status found(const struct fixture *f, uint32_t number) {
    struct core_session_status s = {.epoch = UINT32_MAX};
    struct session_id id = fixture_id(number);
    if (!core_session_find(f->core, &id, &s))
        s.epoch = UINT32_MAX;
    return s;
}

static bool is_there(const struct fixture *f, uint32_t number) {
    return found(f, number).epoch != UINT32_MAX;
}

static struct core_answer_node tell(struct fixture *f, uint32_t node, struct node_session s,
                                    bool full) {
    return fixture_node(
        f, node, &(struct fixture_report){.sessions = &s, .session_count = 1, .changes = !full});
}

Test(core_report, full_reports_replace_and_changes_add) {
    struct fixture *f = fixture_new(1, 0, 100);
    struct node_session two[2] = {fixture_session(1, 1, RESUME_COMMIT),
                                  fixture_session(2, 1, RESUME_STANDBY)};
    fixture_node(f, 0, &(struct fixture_report){.sessions = two, .session_count = 2});
    cr_expect(core_status(f->core).sessions == 1 && core_status(f->core).standbys == 1);

    struct set_digest digest = {{0}};
    struct node_session third = fixture_session(3, 1, RESUME_COMMIT);
    set_digest_toggle(&digest, &third.session, 1, RESUME_COMMIT);
    set_digest_toggle(&digest, &two[1].session, 1, RESUME_STANDBY);
    struct session_id ended = fixture_id(1);
    struct core_answer_node a = fixture_node(f, 0,
                                             &(struct fixture_report){.changes = true,
                                                                      .sessions = &third,
                                                                      .session_count = 1,
                                                                      .ended = &ended,
                                                                      .ended_count = 1,
                                                                      .digest = &digest});
    cr_expect_not(a.want_full, "the digests agree");
    cr_expect(!is_there(f, 1) && is_there(f, 2) && is_there(f, 3));

    tell(f, 0, fixture_session(2, 1, RESUME_STANDBY), true);
    cr_expect(is_there(f, 2) && !is_there(f, 3), "a full report names all there is");
    fixture_free(f);
}

Test(core_report, divergence_asks_for_everything_and_not_too_often) {
    struct fixture *f = fixture_new(1, 0, 100);
    struct fixture_report more = {.wrong_digest = true};
    struct fixture_report changes = {.changes = true, .wrong_digest = true};
    cr_expect(fixture_node(f, 0, &changes).want_full, "nothing is known yet");
    cr_expect(fixture_node(f, 0, &changes).want_full, "and still not");
    cr_expect_not(core_node_status(f->core, 0).complete);
    cr_expect_not(fixture_node(f, 0, &more).want_full, "asked a moment ago");
    cr_expect(core_node_status(f->core, 0).complete);
    fixture_wait(f, 900);
    cr_expect_not(fixture_node(f, 0, &more).want_full);
    fixture_wait(f, 150);
    cr_expect(fixture_node(f, 0, &more).want_full);
    cr_expect_eq(core_counters(f->core)->node_fulls_asked, 3u);
    fixture_free(f);
}

Test(core_report, an_older_epoch_never_replaces) {
    static const struct {
        const char *what;
        uint32_t node; /* that tells the second */
        uint32_t first, second, expected;
        uint32_t holder;
        uint32_t fenced; /* which node is told to end; 9 none */
    } rows[] = {
        {"same node, newer", 0, 1, 2, 2, 0, 9},
        {"same node, older", 0, 2, 1, 2, 0, 9},
        {"other node, newer: the first is fenced", 1, 1, 2, 2, 1, 0},
        {"other node, older: it is fenced", 1, 2, 1, 2, 0, 1},
        {"other node, equal: who was first stays", 1, 2, 2, 2, 0, 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture *f = fixture_new(2, 0, 100);
        fixture_register(f);
        tell(f, 0, fixture_session(1, rows[i].first, RESUME_COMMIT), true);
        tell(f, rows[i].node, fixture_session(1, rows[i].second, RESUME_COMMIT), true);
        struct core_session_status s = found(f, 1);
        cr_expect_eq(s.epoch, rows[i].expected, "%s: epoch %u", rows[i].what, s.epoch);
        cr_expect_str_eq(s.node.text, f->policy.nodes[rows[i].holder].name.text, "%s",
                         rows[i].what);
        cr_expect_eq(core_status(f->core).sessions, 1u, "one lease-holder: %s", rows[i].what);
        for (uint32_t n = 0; n < 2; n++) {
            struct core_answer_node a =
                fixture_node(f, n, &(struct fixture_report){.changes = true, .wrong_digest = true});
            bool told = a.order_count == 1 && a.orders[0].what == NODE_ORDER_END &&
                        a.orders[0].error == ERR_MOVED;
            cr_expect_eq(told, rows[i].fenced == n, "%s: node %u", rows[i].what, n);
        }
        fixture_free(f);
    }
}

Test(core_report, a_standby_never_replaces_who_serves) {
    struct fixture *f = fixture_new(2, 0, 100);
    fixture_register(f);
    tell(f, 0, fixture_session(1, 3, RESUME_COMMIT), true);
    tell(f, 1, fixture_session(1, 4, RESUME_STANDBY), true);
    cr_expect_eq(found(f, 1).state, SESSION_STATE_COMMITTED);
    cr_expect_str_eq(found(f, 1).node.text, "n0");
    tell(f, 0, fixture_session(3, 3, RESUME_HEDGE), true);
    tell(f, 1, fixture_session(3, 3, RESUME_STANDBY), true);
    cr_expect_eq(found(f, 3).state, SESSION_STATE_HEDGING, "nor who is asked, for no newer word");
    cr_expect_str_eq(found(f, 3).node.text, "n0");
    /* But a commit replaces a standby, of whatever node. */
    tell(f, 0, fixture_session(2, 3, RESUME_STANDBY), true);
    tell(f, 1, fixture_session(2, 3, RESUME_COMMIT), true);
    cr_expect_eq(found(f, 2).state, SESSION_STATE_COMMITTED);
    cr_expect_str_eq(found(f, 2).node.text, "n1");
    fixture_free(f);
}

Test(core_report, nonsense_is_dropped_and_the_rest_is_taken) {
    struct fixture *f = fixture_new(1, 0, 100);
    struct node_session s[4] = {
        fixture_session(1, 0, RESUME_COMMIT), fixture_session(2, 1, RESUME_RELEASE),
        fixture_session(3, 1, RESUME_COMMIT), fixture_session(4, 1, RESUME_COMMIT)};
    s[2].worker = 57;
    fixture_node(f, 0, &(struct fixture_report){.sessions = s, .session_count = 4});
    cr_expect(!is_there(f, 1) && !is_there(f, 2) && !is_there(f, 3) && is_there(f, 4));
    fixture_free(f);
}

Test(core_report, stale_requests_renew_the_lease_and_say_nothing) {
    struct fixture *f = fixture_new(1, 0, 100);
    struct node_session s = fixture_session(1, 1, RESUME_COMMIT);
    tell(f, 0, s, true);
    struct core_answer_node a = fixture_node(f, 0, &(struct fixture_report){.stale = true});
    cr_expect(is_there(f, 1), "an overtaken full report does not empty the table");
    cr_expect_eq(a.seq, 1u);
    cr_expect_eq(core_counters(f->core)->node_reports_stale, 1u);
    fixture_free(f);
}

Test(core_report, lease_ends_and_everything_is_back_with_the_next_full_report) {
    struct fixture *f = fixture_new(1, 1, 100);
    struct node_session s = fixture_session(1, 2, RESUME_COMMIT);
    s.cause = MOVE_CAUSE_CRASHED;
    fixture_register(f);
    tell(f, 0, s, true);
    cr_expect_eq(core_ledger(f->core)->count, 1u, "it arrived");
    fixture_wait(f, 1050);
    cr_expect_not(is_there(f, 1));
    cr_expect_not(core_node_status(f->core, 0).registered);
    tell(f, 0, s, true);
    cr_expect(is_there(f, 1));
    cr_expect_eq(core_ledger(f->core)->count, 1u, "it was only out of sight");
    cr_expect_eq(core_counters(f->core)->nodes_lost, 1u);
    fixture_free(f);
}

/* By how much pre-roll the worker began stands where the move does, and is counted. */
Test(core_report, the_preroll_of_an_arrival) {
    static const struct {
        enum node_preroll preroll;
        uint32_t merges_after;
        uint64_t full, quick, least;
    } rows[] = {{NODE_PREROLL_NONE, 0, 0, 0, 0},
                {NODE_PREROLL_FULL, 0, 1, 0, 0},
                {NODE_PREROLL_QUICK, 240, 0, 1, 0},
                {NODE_PREROLL_LEAST, 240, 0, 0, 1},
                {NODE_PREROLL_FULL, NODE_MERGES_NEVER, 1, 0, 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture *f = fixture_new(1, 1, 100);
        struct node_session s = fixture_session(1, 2, RESUME_COMMIT);
        s.cause = MOVE_CAUSE_CRASHED;
        s.preroll = rows[i].preroll;
        s.merges_after = rows[i].merges_after;
        fixture_register(f);
        tell(f, 0, s, true);
        const struct ledger_entry *e = ledger_find(core_ledger(f->core), 1);
        cr_assert_not_null(e);
        cr_expect(e->move.preroll == s.preroll && e->move.merges_after == s.merges_after);
        const struct move_figures_of_cause *of = core_ledger(f->core)->figures.of;
        cr_expect_eq(of[MOVE_CAUSE_CRASHED].full, rows[i].full, "row %zu", i);
        cr_expect_eq(of[MOVE_CAUSE_CRASHED].quick, rows[i].quick, "row %zu", i);
        cr_expect_eq(of[MOVE_CAUSE_CRASHED].least, rows[i].least, "row %zu", i);
        fixture_free(f);
    }
}

/* It is told again and again, with every figure that changes. */
Test(core_report, what_a_move_was_like_is_entered_once) {
    struct fixture *f = fixture_new(1, 1, 100);
    struct node_session s = fixture_session(1, 2, RESUME_COMMIT);
    s.cause = MOVE_CAUSE_CRASHED;
    fixture_register(f);
    tell(f, 0, s, true);
    const struct ledger *l = core_ledger(f->core);
    cr_assert_eq(l->count, 1u);
    cr_expect_eq(ledger_find(l, 1)->told.epoch, 0u, "nobody has said");
    s.moved = (struct message_moved){2, 45, 90, 1, 7};
    tell(f, 0, s, true);
    tell(f, 0, s, true);
    cr_expect(ledger_find(l, 1)->told.lost == 1 && ledger_find(l, 1)->told.duplicates == 7);
    cr_expect_eq(l->figures.of[MOVE_CAUSE_CRASHED].told, 1u);
    fixture_free(f);
}

Test(core_report, a_supervisor_started_anew_has_nothing_of_the_old_one) {
    struct fixture *f = fixture_new(1, 0, 100);
    fixture_register(f);
    tell(f, 0, fixture_session(1, 1, RESUME_COMMIT), true);
    f->boot[0] = 999;
    f->seq[0] = 0;
    f->seen[0] = 0;
    struct core_answer_node a = fixture_node(f, 0, &(struct fixture_report){.changes = true});
    cr_expect(a.want_full && !is_there(f, 1));
    fixture_free(f);
}

/* What a report of that boot is answered. */
static enum err report_of(struct fixture *f, uint64_t boot) {
    f->boot[0] = boot;
    f->seq[0]++;
    return fixture_node(f, 0, &(struct fixture_report){0}).refused;
}

Test(core_report, of_two_under_one_name_the_first_stays) {
    struct fixture *f = fixture_new(1, 0, 100);
    cr_expect_eq(report_of(f, 1), ERR_OK);
    cr_expect_eq(report_of(f, 2), ERR_OK, "it may have been started anew");
    cr_expect_eq(report_of(f, 1), ERR_STALE, "and this have been on its way as it died");
    cr_expect_eq(report_of(f, 2), ERR_OK);
    uint64_t lost = core_counters(f->core)->nodes_lost;
    cr_expect_eq(report_of(f, 1), ERR_OK, "it lives");
    for (int i = 0; i < 100; i++) {
        cr_expect_eq(report_of(f, 2), ERR_DENIED);
        cr_expect_eq(report_of(f, 1), ERR_OK);
        fixture_wait(f, 100);
    }
    cr_expect_eq(core_counters(f->core)->nodes_lost, lost + 1, "no flapping");
    fixture_wait(f, 10000);
    cr_expect_eq(report_of(f, 2), ERR_OK, "the first one's lease is over");
    cr_expect_eq(report_of(f, 2), ERR_OK);
    cr_expect_eq(report_of(f, 3), ERR_OK, "started anew");
    cr_expect_eq(report_of(f, 4), ERR_OK, "and again");
    fixture_free(f);
}

Test(core_report, after_a_restart_what_is_told_is_known_not_moved) {
    struct fixture *f = fixture_new(2, 1, 100);
    cr_expect(core_status(f->core).recovering);
    struct node_session s = fixture_session(1, 2, RESUME_COMMIT);
    s.cause = MOVE_CAUSE_CRASHED;
    tell(f, 0, s, true);
    cr_expect(core_status(f->core).recovering, "n1 has not been heard");
    cr_expect_eq(core_ledger(f->core)->count, 0u);
    s = fixture_session(2, 2, RESUME_COMMIT);
    s.cause = MOVE_CAUSE_CRASHED;
    tell(f, 1, s, true);
    cr_expect_not(core_status(f->core).recovering);
    cr_expect_eq(core_ledger(f->core)->count, 0u);
    s.epoch = 3;
    s.session = fixture_id(3);
    tell(f, 1, s, false);
    cr_expect_eq(core_ledger(f->core)->count, 1u, "what happens now is a move");
    fixture_free(f);

    f = fixture_new(2, 0, 100);
    fixture_node(f, 0, &(struct fixture_report){0});
    fixture_wait(f, 990);
    cr_expect(core_status(f->core).recovering);
    fixture_wait(f, 60);
    cr_expect_not(core_status(f->core).recovering, "a node that stays away is not waited for");
    fixture_free(f);
}

/* Of whom it held nothing, a standby, one that sent; and of two of them the client hedged first. */
Test(core_report, the_ledger_says_what_was_held_of_who_came) {
    static const struct {
        const char *what;
        enum protection held;
        bool hedges;
    } rows[] = {{"nothing", PROTECTION_COLD, false},
                {"nothing, and hedged", PROTECTION_COLD, true},
                {"a standby", PROTECTION_WARM, false},
                {"a standby that hedged", PROTECTION_WARM, true},
                {"one that sent", PROTECTION_HOT, false}};
    struct fixture *f = fixture_new(1, 1, 100);
    fixture_register(f);
    for (uint8_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct node_session s = fixture_session((uint8_t)(i + 1), 1, RESUME_STANDBY);
        s.served_by = key_hint_of(&f->policy.peers[0].key);
        s.hot = rows[i].held == PROTECTION_HOT;
        if (rows[i].held != PROTECTION_COLD)
            tell(f, 0, s, true);
        cr_expect_eq(core_status(f->core).hot, (uint32_t)s.hot);
        s.hot = false;
        s.purpose = RESUME_HEDGE;
        if (rows[i].hedges)
            tell(f, 0, s, true);
        s.purpose = RESUME_COMMIT;
        s.epoch = 2;
        s.cause = MOVE_CAUSE_CRASHED;
        tell(f, 0, s, true);
        const struct ledger_entry *e = ledger_find(core_ledger(f->core), i + 1U);
        cr_assert_not_null(e, "%s", rows[i].what);
        cr_expect_eq(e->move.held, rows[i].held, "%s: %s", rows[i].what,
                     protection_name(e->move.held));
    }
    for (int i = 0; i < 7; i++)
        fixture_wait(f, 500); /* nobody knows better than their clients */
    const uint64_t *held = core_ledger(f->core)->figures.of[MOVE_CAUSE_CRASHED].held;
    cr_expect(held[PROTECTION_COLD] == 2 && held[PROTECTION_WARM] == 2 &&
              held[PROTECTION_HOT] == 1);
    cr_expect_eq(core_status(f->core).hot, 0u);
    fixture_free(f);
}

Test(core_report, a_hedge_is_seen_called_off_and_committed) {
    struct fixture *f = fixture_new(1, 1, 100);
    fixture_register(f);
    struct node_session s = fixture_session(1, 1, RESUME_STANDBY);
    s.served_by = key_hint_of(&f->policy.peers[0].key);
    tell(f, 0, s, true);
    s.purpose = RESUME_HEDGE;
    tell(f, 0, s, true);
    cr_expect_eq(core_status(f->core).hedging, 1u);
    cr_expect_eq(found(f, 1).move->state, MOVE_STATE_OVERLAP);
    s.purpose = RESUME_STANDBY;
    tell(f, 0, s, true);
    cr_expect_null(found(f, 1).move, "it was only loss");
    cr_expect_eq(core_counters(f->core)->moves_cancelled, 1u);
    s.purpose = RESUME_HEDGE;
    tell(f, 0, s, true);
    s.purpose = RESUME_COMMIT;
    s.epoch = 2;
    s.cause = MOVE_CAUSE_CRASHED;
    s.silent_ms = 123;
    tell(f, 0, s, true);
    const struct ledger_entry *e = ledger_find(core_ledger(f->core), 1);
    cr_assert_not_null(e);
    cr_expect(e->move.state == MOVE_STATE_CANCELLED && e->move.was == MOVE_STATE_OVERLAP);
    cr_expect_str_eq(e->evidence, "its client hears media again, or its hedge was over");
    e = ledger_find(core_ledger(f->core), 2);
    cr_assert_not_null(e);
    cr_expect(e->move.epoch_from == 1 && e->move.epoch_to == 2 && e->move.silent_ms == 123);
    cr_expect_str_eq(e->move.from.text, "peer0");
    cr_expect_str_eq(e->evidence, "peer0 unknown: not heard since we started");
    cr_expect(!instant_is_never(e->move.overlaps));
    cr_expect_eq(core_counters(f->core)->hedges, 2u);
    fixture_free(f);
}

/* A copy of a commit reaches a worker that was started anew: the client has not moved again. */
Test(core_report, the_same_commit_is_one_move) {
    static const struct {
        const char *what;
        uint32_t epoch;
        uint32_t wait_ms;
        uint64_t moves;
    } rows[] = {
        {"that commit again", 4, 0, 1},
        {"an older one", 3, 0, 1},
        {"a newer one", 5, 0, 2},
        {"that commit again, nearly a minute later", 4, 59000, 1},
        {"an id that begins anew, long after", 2, 60001, 2},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture *f = fixture_new(1, 1, 100);
        struct node_session s = fixture_session(1, 4, RESUME_COMMIT);
        fixture_register(f);
        s.served_by = key_hint_of(&f->policy.peers[0].key);
        s.cause = MOVE_CAUSE_CRASHED;
        tell(f, 0, s, true);
        cr_expect_eq(core_ledger(f->core)->count, 1u, "%s", rows[i].what);
        fixture_node(f, 0, &(struct fixture_report){.ended = &s.session, .ended_count = 1});
        cr_expect_not(is_there(f, 1), "%s", rows[i].what);
        for (uint32_t ms = 0; ms < rows[i].wait_ms; ms += 500) {
            fixture_wait(f, 500);
            fixture_node(f, 0, &(struct fixture_report){0});
        }
        s.epoch = rows[i].epoch;
        tell(f, 0, s, true);
        cr_expect(is_there(f, 1), "%s", rows[i].what);
        cr_expect_eq(core_ledger(f->core)->count, rows[i].moves, "%s", rows[i].what);
        cr_expect_null(found(f, 1).move, "%s", rows[i].what);
        core_check_invariants(f->core);
        fixture_free(f);
    }
}

Test(core_report, sessions_are_grouped_by_what_they_share) {
    struct fixture *f = fixture_new(1, 1, 100);
    struct node_session s[5];
    for (uint32_t i = 0; i < 5; i++)
        s[i] = fixture_session(i, 1, RESUME_COMMIT);
    s[1].client = addr_ipv4((uint8_t[4]){192, 0, 2, 99}, 1); /* the same /24 */
    s[2].client = addr_ipv4((uint8_t[4]){192, 0, 3, 1}, 1);
    name_set(&s[3].issuer, "peer0");
    s[4].backup_count = 1;
    s[4].backups[0] = f->policy.peers[0].name;
    fixture_node(f, 0, &(struct fixture_report){.sessions = s, .session_count = 5});
    struct core_group_cursor cursor;
    struct core_group_status g;
    uint32_t groups = 0, members = 0;
    core_groups_begin(f->core, &cursor);
    while (core_group_next(&cursor, &g)) {
        groups++;
        members += g.sessions;
        if (groups == 1) {
            struct set_digest expected = {{0}};
            set_digest_toggle(&expected, &s[0].session, 1, RESUME_STANDBY);
            set_digest_toggle(&expected, &s[1].session, 1, RESUME_STANDBY);
            cr_expect(g.sessions == 2 && set_digest_equal(&g.digest, &expected));
        }
    }
    cr_expect(groups == 4 && members == 5, "%u groups of %u", groups, members);
    cr_expect_eq(core_status(f->core).groups, 4u);
    fixture_free(f);
}

Test(core_report, cursor_shows_each_session_once) {
    struct fixture *f = fixture_new(1, 0, 1000);
    struct node_session s[600];
    for (uint32_t i = 0; i < 600; i++)
        s[i] = fixture_session(i, 1, RESUME_COMMIT);
    fixture_node(f, 0, &(struct fixture_report){.sessions = s, .session_count = 600});
    fixture_node(f, 0, &(struct fixture_report){.sessions = s + 100, .session_count = 500});
    uint32_t cursor = 0, count = 0;
    bool seen[600] = {false};
    struct core_session_status status;
    while (core_session_next(f->core, &cursor, &status)) {
        uint32_t number;
        memcpy(&number, status.id.bytes, sizeof(number));
        cr_expect(number >= 100 && !seen[number]);
        seen[number] = true;
        count++;
    }
    cr_expect_eq(count, 500u);
    fixture_free(f);
}
