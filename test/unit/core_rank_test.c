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
