#include "test/lib/overlay.h"

#include <criterion/criterion.h>
#include <string.h>

/* A reload of the policy under three living clusters. */
static struct core_answer_open session;

static struct overlay *ready(struct policy *policy) {
    struct overlay *o = overlay_new(&(struct overlay_setup){0});
    overlay_run_until(o, 1000);
    session = overlay_open(o, 0, "192.0.2.7:5004");
    overlay_commit(o, 0, &session, 1, MOVE_CAUSE_NONE, 0);
    overlay_run_until(o, 4000);
    overlay_forget(o);
    *policy = *core_policy(overlay_core(o, 0));
    return o;
}

Test(core_change, nothing_changes_when_nothing_does) {
    static struct policy p;
    struct overlay *o = ready(&p);
    overlay_policy(o, 0, &p);
    overlay_run_until(o, 6000);
    cr_expect(
        overlay_tells(o, "   4.000 fra1 policy changed: 2 peers, 1 nodes, 1 sessions kept\n"));
    cr_expect_eq(core_status(overlay_core(o, 0)).sessions, 1u);
    cr_expect_eq(core_peer_status(overlay_core(o, 0), 1, overlay_now(o)).lodged_groups, 1u);
    overlay_free(o);
}

Test(core_change, a_removed_peer_is_forgotten_and_its_groups_go_elsewhere) {
    static struct policy p;
    struct overlay *o = ready(&p);
    cr_assert_str_eq(session.ticket.backups[0].text, "lon1");
    overlay_cut(o, 2, 0); /* lon1 does not know, and is not to be heard by index */
    overlay_run_until(o, 4050);
    p.peer_count = 1; /* ams1 stays */
    overlay_policy(o, 0, &p);
    cr_expect_eq(core_status(overlay_core(o, 0)).peers, 1u);
    cr_expect_eq(core_peer_status(overlay_core(o, 0), 0, overlay_now(o)).lodged_groups, 1u);
    cr_expect_eq(core_status(overlay_core(o, 0)).sessions, 1u);
    overlay_free(o);
}

Test(core_change, a_peer_with_another_key_is_another_peer) {
    static struct policy p;
    struct overlay *o = ready(&p);
    overlay_cut(o, 2, 0);
    overlay_run_until(o, 4050);
    p.peers[1].key.bytes[0] ^= 1;
    overlay_policy(o, 0, &p);
    cr_expect_eq(overlay_verdict(o, 0, 1), VERDICT_ALIVE);
    cr_expect_eq(overlay_verdict(o, 0, 2), VERDICT_UNKNOWN);
    overlay_free(o);
}

Test(core_change, a_removed_node_takes_its_sessions_out_of_sight) {
    static struct policy p;
    struct overlay *o = ready(&p);
    name_set(&p.nodes[0].name, "n2");
    overlay_policy(o, 0, &p);
    cr_expect_eq(overlay_count(o, "node n1 lost (the policy names it no longer), 1 sessions"), 1u);
    cr_expect_eq(core_status(overlay_core(o, 0)).sessions, 0u);
    overlay_run_until(o, 4300); /* in this overlay the node at index 0 simply goes on polling */
    cr_expect_eq(core_status(overlay_core(o, 0)).sessions, 1u);
    cr_expect_eq(core_ledger(overlay_core(o, 0))->count, 0u);
    overlay_free(o);
}

Test(core_change, detection_changes_at_once) {
    static struct policy p;
    struct overlay *o = ready(&p);
    p.detection.detect_within = duration_s(2);
    overlay_policy(o, 0, &p);
    overlay_kill_site(o, 1);
    overlay_run_until(o, 5500);
    cr_expect_eq(overlay_verdict(o, 0, 1), VERDICT_SUSPECT);
    cr_expect_eq(overlay_verdict(o, 2, 1), VERDICT_CRASHED);
    overlay_run_until(o, 6100);
    cr_expect_eq(overlay_verdict(o, 0, 1), VERDICT_CRASHED);
    overlay_free(o);
}

Test(core_change, descriptions_say_what_is_served) {
    static struct policy p;
    struct overlay *o = ready(&p);
    const struct description *d =
        core_peer_status(overlay_core(o, 1), 0, overlay_now(o)).description;
    cr_assert_not_null(d);
    cr_expect_str_eq(d->cluster.text, "fra1");
    cr_expect(d->service_count == 1 && d->services[0].capacity == 100);
    cr_expect(d->source_count == 1 && d->sources[0].digest.bytes[0] == 2);
    cr_expect(d->profile_count == 1 && d->media_count == 1 && !d->draining);
    overlay_free(o);
}
