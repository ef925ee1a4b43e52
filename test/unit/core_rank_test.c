#include "peerd/core/state.h"
#include "test/lib/overlay.h"

#include <criterion/criterion.h>
#include <string.h>

static struct core_ranking r; /* 11 KB */

static enum err rank(const struct overlay *o, const struct session_id *session) {
    memset(&r, 0, sizeof(r));
    return core_rank(overlay_core(o, 0), session, &r);
}

/* The order that a ticket has is the one that is told, and by which rule. */
Test(core_rank, tells_the_order_of_a_ticket) {
    struct overlay *o = overlay_new(&(struct overlay_setup){.clusters = 5});
    overlay_run_until(o, 1000);
    for (int i = 0; i < 20; i++) {
        struct core_answer_open session = overlay_open(o, 0, "192.0.2.7:5004");
        cr_assert_eq(session.err, ERR_OK);
        cr_assert_eq(rank(o, &session.ticket.session), ERR_OK);
        cr_expect_eq(r.count, 4u);
        cr_expect_str_eq(r.service.text, session.ticket.service.text);
        cr_expect_str_eq(r.source.text, session.ticket.source.text);
        cr_expect_eq(r.rows[0].rule, RANK_RULE_NONE);
        for (uint32_t k = 0; k < session.ticket.backup_count; k++) {
            cr_expect_str_eq(r.rows[k].candidate.name.text, session.ticket.backups[k].text);
            cr_expect_eq(r.rows[k].place, k + 1);
        }
    }
    overlay_free(o);
}

Test(core_rank, tells_who_is_kept_out_and_why) {
    struct overlay *o = overlay_new(&(struct overlay_setup){.clusters = 4});
    overlay_run_until(o, 1000);
    overlay_kill_site(o, 2);
    overlay_drain(o, 3, 60000);
    overlay_run_until(o, 4000);
    cr_assert_eq(rank(o, NULL), ERR_OK);
    cr_expect_not(r.damped_too);
    cr_assert_eq(r.count, 3u);
    cr_expect_str_eq(r.rows[0].candidate.name.text, "ams1");
    cr_expect_eq(r.rows[0].place, 1);
    for (int i = 1; i < 3; i++) {
        cr_expect_eq(r.rows[i].place, 0, "%s", r.rows[i].candidate.name.text);
        cr_expect_eq(r.rows[i].rule, RANK_RULE_VERDICT);
    }
    overlay_free(o);
}

static void damp(const struct overlay *o, uint32_t peer) {
    struct peering *p = overlay_core(o, 0)->peers[peer];
    p->damping = (struct damping){.damped = true, .points = 3000, .at = overlay_now(o)};
    p->calm_at = instant_add(overlay_now(o), duration_s(3600));
}

/* A client that has one of them can at least try. */
Test(core_rank, a_backup_that_comes_and_goes_is_better_than_none) {
    struct overlay *o = overlay_new(&(struct overlay_setup){.clusters = 3});
    overlay_run_until(o, 1000);
    damp(o, 0);
    struct core_answer_open session = overlay_open(o, 0, "192.0.2.7:5004");
    cr_assert_eq(session.ticket.backup_count, 1);
    cr_expect_str_eq(session.ticket.backups[0].text, "lon1", "there is another");
    damp(o, 1);
    session = overlay_open(o, 0, "192.0.2.7:5004");
    cr_expect_eq(session.ticket.backup_count, 2, "there is none");
    overlay_free(o);
}

/* All clusters of the overlay are in one region. */
Test(core_rank, whose_data_must_stay_elsewhere_is_backed_up_by_nobody) {
    static struct policy policy;
    struct overlay *o = overlay_new(&(struct overlay_setup){.clusters = 3});
    overlay_run_until(o, 1000);
    policy_copy(&policy, core_policy(overlay_core(o, 0)));
    policy.residence_count = 1;
    policy.residence[0].region_count = 1;
    cr_assert(prefix_from_text(&policy.residence[0].prefix, "192.0.2.0/24"));
    name_set(&policy.residence[0].regions[0], "asia");
    overlay_policy(o, 0, &policy);
    memset(&r, 0, sizeof(r));
    r.location = policy.residence[0].prefix;
    cr_assert_eq(core_rank(overlay_core(o, 0), NULL, &r), ERR_OK);
    for (uint32_t i = 0; i < r.count; i++)
        cr_expect(r.rows[i].place == 0 && r.rows[i].rule == RANK_RULE_MAY);
    cr_expect_eq(overlay_open(o, 0, "192.0.2.7:5004").ticket.backup_count, 0);
    cr_expect_eq(overlay_open(o, 0, "198.51.100.7:5004").ticket.backup_count, 2);
    name_set(&policy.residence[0].regions[0], "europe");
    overlay_policy(o, 0, &policy);
    cr_expect_eq(overlay_open(o, 0, "192.0.2.7:5004").ticket.backup_count, 2);
    overlay_free(o);
}

static uint32_t lodged(const struct overlay *o) {
    const struct core *core = overlay_core(o, 0);
    uint32_t count = 0;
    for (uint32_t i = 0; i < core->peer_count; i++)
        for (const struct link *l = list_first(&core->peers[i]->groups); l != NULL;
             l = list_after(&core->peers[i]->groups, l))
            count += LIST_ELEMENT(l, const struct group, lodged)->committed;
    return count;
}

static void let_reside(struct overlay *o, struct policy *policy, const char *region) {
    policy->residence_count = 1;
    policy->residence[0].region_count = 1;
    cr_assert(prefix_from_text(&policy->residence[0].prefix, "192.0.2.0/24"));
    name_set(&policy->residence[0].regions[0], region);
    overlay_policy(o, 0, policy);
}

/* Moves that we order ask the same as tickets: their clients were told of these backups before. */
Test(core_rank, whose_data_must_stay_elsewhere_is_moved_to_nobody) {
    static struct policy policy;
    const char *why;
    struct overlay *o = overlay_new(&(struct overlay_setup){.clusters = 3});
    overlay_run_until(o, 1000);
    struct core_answer_open bound = overlay_open(o, 0, "192.0.2.7:5004");
    struct core_answer_open free = overlay_open(o, 0, "198.51.100.7:5004");
    const struct session_id *id = &bound.ticket.session;
    cr_assert_eq(bound.ticket.backup_count, 2);
    overlay_commit(o, 0, &bound, 1, MOVE_CAUSE_NONE, 0);
    overlay_commit(o, 0, &free, 1, MOVE_CAUSE_NONE, 0);
    overlay_run_until(o, 2000);
    cr_expect_eq(lodged(o), 2u);
    policy_copy(&policy, core_policy(overlay_core(o, 0)));
    let_reside(o, &policy, "asia");
    for (int i = 0; i < 2; i++)
        cr_expect_eq(core_move_refusal(overlay_core(o, 0), id, &bound.ticket.backups[i], &why),
                     ERR_DENIED);
    cr_expect_eq(lodged(o), 1u, "nobody there is counted on either");
    overlay_move(o, 0, id, bound.ticket.backups[0].text);
    overlay_drain(o, 0, 1000);
    overlay_run_until(o, 6000);
    cr_expect(overlay_serves(o, 0, id), "it stays, as one without a backup does");
    cr_expect_not(overlay_serves(o, 0, &free.ticket.session));
    let_reside(o, &policy, "europe");
    overlay_run_until(o, 9000);
    cr_expect_not(overlay_serves(o, 0, id), "it may go now");
    overlay_free(o);
}

/* Who tells no region may be anywhere. */
Test(core_rank, a_peer_without_a_region_is_in_none) {
    static struct policy policy;
    struct overlay *o = overlay_new(&(struct overlay_setup){.clusters = 3});
    policy_copy(&policy, core_policy(overlay_core(o, 1)));
    policy.cluster.region = (struct name){0};
    overlay_policy(o, 1, &policy);
    overlay_run_until(o, 1000);
    policy_copy(&policy, core_policy(overlay_core(o, 0)));
    let_reside(o, &policy, "europe");
    struct core_answer_open session = overlay_open(o, 0, "192.0.2.7:5004");
    cr_assert_eq(session.ticket.backup_count, 1);
    cr_expect_str_eq(session.ticket.backups[0].text, "lon1");
    cr_expect_eq(overlay_open(o, 0, "198.51.100.7:5004").ticket.backup_count, 2);
    overlay_free(o);
}

Test(core_rank, refuses_what_is_not_there) {
    struct overlay *o = overlay_new(&(struct overlay_setup){0});
    memset(&r, 0, sizeof(r));
    name_set(&r.service, "nothing");
    cr_expect_eq(core_rank(overlay_core(o, 0), NULL, &r), ERR_UNKNOWN_SERVICE);
    memset(&r, 0, sizeof(r));
    name_set(&r.profile, "nothing");
    cr_expect_eq(core_rank(overlay_core(o, 0), NULL, &r), ERR_UNKNOWN_PROFILE);
    memset(&r, 0, sizeof(r));
    name_set(&r.source, "nothing");
    cr_expect_eq(core_rank(overlay_core(o, 0), NULL, &r), ERR_UNKNOWN_SOURCE);
    cr_expect_eq(rank(o, NULL), ERR_SOURCE_FAILED, "no node has registered yet");
    overlay_free(o);
}
