#include "transcoder/worker/roster.h"

#include <criterion/criterion.h>
#include <string.h>

static struct roster *roster;

static void start(void) {
    roster = roster_new();
    cr_assert_not_null(roster);
}

static void stop(void) {
    roster_free(roster);
}

TestSuite(roster, .init = start, .fini = stop);

static struct instant at_ms(int64_t ms) {
    return instant_us(ms * 1000);
}

static struct link_session session(uint8_t id, uint32_t worker, int64_t ms) {
    struct link_session s;
    memset(&s, 0, sizeof(s));
    s.node.session.bytes[0] = id;
    s.node.worker = worker;
    s.node.epoch = 1;
    s.node.purpose = RESUME_COMMIT;
    s.node.lease_ms = 3000;
    s.at = at_ms(ms);
    return s;
}

static struct node_request fill(uint64_t seq, bool full, int64_t ms) {
    struct node_request r = {.seq = seq};
    cr_assert(roster_fill(roster, &r, seq, full, at_ms(ms)));
    return r;
}

Test(roster, tells_changes_until_they_are_heard) {
    struct link_session s = session(1, 0, 0);
    cr_assert(roster_session_changed(roster, &s));
    cr_expect_eq(fill(1, false, 10).session_count, 1);
    cr_expect_eq(fill(2, false, 20).session_count, 1, "request 1 may be lost");
    roster_acknowledged(roster, 1);
    cr_expect_eq(fill(3, false, 30).session_count, 1, "it was said again in 2");
    roster_acknowledged(roster, 3);
    cr_expect_eq(fill(4, false, 40).session_count, 0);
    cr_expect_eq(fill(5, true, 50).session_count, 1, "everything was asked for");
    roster_acknowledged(roster, 5);

    s.node.last_frame = 20;
    s.at = at_ms(500);
    roster_session_changed(roster, &s);
    cr_assert_eq(fill(6, false, 500).session_count, 1, "it has begun to send");
    roster_acknowledged(roster, 6);

    s.node.last_frame = 100;
    s.at = at_ms(1000);
    roster_session_changed(roster, &s);
    cr_expect_eq(fill(6, false, 1000).session_count, 0, "figures are not worth a line yet");
    s.at = at_ms(ROSTER_FIGURES_MS + 550);
    roster_session_changed(roster, &s);
    struct node_request r = fill(7, false, ROSTER_FIGURES_MS + 1550);
    cr_assert_eq(r.session_count, 1, "now they are");
    cr_expect_eq(r.sessions[0].last_frame, 100);
    cr_expect_eq(r.sessions[0].lease_ms, 2000, "a second of it has passed since");
    roster_acknowledged(roster, 7);
    s.node.epoch = 2;
    roster_session_changed(roster, &s);
    cr_expect_eq(fill(8, false, 3000).session_count, 1, "an epoch is news at once");
    roster_acknowledged(roster, 8);
    s.node.lost_before = 1;
    s.at = at_ms(3010);
    roster_session_changed(roster, &s);
    cr_expect_eq(fill(9, false, 3010).session_count, 1, "a lost frame too, repaired or not");
}

static size_t told_again_after(struct link_session *s, uint64_t seq, int64_t from_ms, int64_t ms) {
    s->at = at_ms(from_ms + ms);
    roster_session_changed(roster, s);
    size_t count = fill(seq, false, from_ms + ms).session_count;
    roster_acknowledged(roster, seq);
    return count;
}

/* Whether a path is well again, or the new one is better, should be known soon. */
Test(roster, figures_that_somebody_waits_for) {
    struct link_session s = session(1, 0, 0);
    cr_expect_eq(told_again_after(&s, 1, 0, 0), 1);
    s.node.lost_before = 3;
    cr_expect_eq(told_again_after(&s, 2, 0, 500), 1);
    cr_expect_eq(told_again_after(&s, 3, 500, ROSTER_WATCHED_MS - 1), 0);
    cr_expect_eq(told_again_after(&s, 4, 500, ROSTER_WATCHED_MS), 1, "no more are lost");
    cr_expect_eq(told_again_after(&s, 5, 1500, ROSTER_WATCHED_MS), 0, "and it is well");
    cr_expect_eq(told_again_after(&s, 6, 1500, ROSTER_FIGURES_MS), 1);
    s = session(2, 0, 4000);
    s.node.cause = MOVE_CAUSE_DEGRADED;
    cr_expect_eq(told_again_after(&s, 7, 4000, 0), 1);
    cr_expect_eq(told_again_after(&s, 8, 4000, ROSTER_WATCHED_MS), 1, "does it fare better here?");
}

Test(roster, tells_ends_until_they_are_heard) {
    struct link_session s = session(1, 0, 0);
    roster_session_changed(roster, &s);
    roster_session_ended(roster, &s.node.session, 1);
    cr_expect_eq(roster_count(roster), 1, "another worker does not speak for it");
    roster_session_ended(roster, &s.node.session, 0);
    cr_expect_eq(roster_count(roster), 0);
    cr_expect_eq(fill(1, false, 10).ended_count, 1);
    cr_expect_eq(fill(2, false, 10).ended_count, 1);
    roster_acknowledged(roster, 2);
    cr_expect_eq(fill(3, false, 10).ended_count, 0);
    roster_session_changed(roster, &s);
    roster_session_ended(roster, &s.node.session, 0);
    roster_session_changed(roster, &s);
    struct node_request r = fill(4, false, 10);
    cr_expect_eq(r.ended_count, 0, "it came back");
    cr_expect_eq(r.session_count, 1);
}

Test(roster, digest_follows_the_sessions) {
    struct set_digest empty = {.bytes = {0}}, one, both, expected = {.bytes = {0}};
    struct link_session a = session(1, 0, 0), b = session(2, 1, 0);
    roster_session_changed(roster, &a);
    one = fill(1, false, 0).sessions_digest;
    set_digest_toggle(&expected, &a.node.session, 1, RESUME_COMMIT);
    cr_expect(set_digest_equal(&one, &expected));
    roster_session_changed(roster, &b);
    roster_session_changed(roster, &b);
    both = fill(2, false, 0).sessions_digest;
    cr_expect(!set_digest_equal(&both, &one));
    a.node.epoch = 7;
    roster_session_changed(roster, &a);
    roster_worker_lost(roster, 1);
    a.node.epoch = 1;
    roster_session_changed(roster, &a);
    one = fill(3, false, 0).sessions_digest;
    cr_expect(set_digest_equal(&one, &expected), "back to where it was");
    roster_session_ended(roster, &a.node.session, 0);
    one = fill(4, false, 0).sessions_digest;
    cr_expect(set_digest_equal(&one, &empty));
}

static void count(void *data, const struct link_session *s) {
    uint32_t *n = data;
    *n += s->node.session.bytes[0];
}

Test(roster, knows_whose_they_are) {
    struct link_session s;
    uint32_t sum = 0;
    for (uint8_t i = 1; i <= 6; i++) {
        s = session(i, i % 2, 0);
        s.node.purpose = i == 6 ? RESUME_STANDBY : RESUME_COMMIT;
        roster_session_changed(roster, &s);
    }
    roster_each(roster, 1, count, &sum);
    cr_expect_eq(sum, 1 + 3 + 5);
    cr_expect_eq(roster_committed(roster), 5);
    cr_expect_eq(roster_worker_of(roster, &s.node.session), 0);
    s.node.worker = 1;
    roster_session_changed(roster, &s);
    cr_expect_eq(roster_worker_of(roster, &s.node.session), 1, "the client went over");
    roster_worker_lost(roster, 1);
    cr_expect_eq(roster_count(roster), 2);
    cr_expect_eq(roster_worker_of(roster, &s.node.session), UINT32_MAX);
}

Test(roster, is_bounded) {
    struct link_session s = session(0, 0, 0);
    for (uint32_t i = 0; i < NODE_SESSIONS_MAX; i++) {
        memcpy(s.node.session.bytes, &i, sizeof(i));
        cr_assert(roster_session_changed(roster, &s));
    }
    memset(s.node.session.bytes, 0xff, 4);
    cr_expect(!roster_session_changed(roster, &s));
    cr_expect_eq(fill(1, true, 0).session_count, NODE_SESSIONS_MAX);
}
