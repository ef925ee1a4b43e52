#include "peerd/core/state.h"
#include "test/lib/overlay.h"

#include <criterion/criterion.h>

/* Whose backups die is told of others: fra1, where sessions are served, is cluster 0. */

static struct core_answer_open session;
static const char *const names[] = {"fra1", "ams1", "lon1", "par1", "mad1", "osl1", "rom1", "vie1"};

static uint32_t cluster_of(const struct name *name) {
    for (uint32_t i = 0; i < OVERLAY_CLUSTERS_MAX; i++)
        if (strcmp(names[i], name->text) == 0)
            return i;
    cr_assert_fail("%s is none of them", name->text);
    return 0;
}

/* Sessions begin once peerd has heard everybody for so long that it would notice a change. */
static struct overlay *with_session(uint32_t clusters, bool old_clients) {
    struct overlay *o =
        overlay_new(&(struct overlay_setup){.clusters = clusters, .old_clients = old_clients});
    overlay_run_until(o, 15000);
    session = overlay_open(o, 0, "192.0.2.7:5004");
    cr_assert_eq(session.err, ERR_OK, "%s", session.detail);
    overlay_commit(o, 0, &session, 1, MOVE_CAUSE_NONE, 0);
    overlay_run_until(o, 16000);
    overlay_forget(o);
    return o;
}

static const struct node_session *told(const struct overlay *o, uint32_t *times) {
    const struct node_session *s = overlay_told(o, 0, &session.ticket.session, times);
    cr_assert_not_null(s);
    return s;
}

static bool names_it(const struct node_session *s, const struct name *cluster) {
    for (uint8_t i = 0; i < s->backup_count; i++)
        if (name_equal(&s->backups[i], cluster))
            return true;
    return false;
}

Test(replan, while_all_live_nobody_is_told_anything) {
    struct overlay *o = with_session(8, false);
    uint32_t times;
    overlay_run_until(o, 60000);
    told(o, &times);
    cr_expect_eq(times, 0u);
    cr_expect_eq(core_counters(overlay_core(o, 0))->backups_told, 0u);
    overlay_free(o);
}

Test(replan, another_takes_the_place_of_a_backup_that_dies) {
    struct overlay *o = with_session(8, false);
    uint32_t times;
    const struct name dead = session.backups[0].cluster;
    cr_assert_eq(session.backup_count, TICKET_BACKUPS_MAX);
    overlay_kill_site(o, cluster_of(&dead));
    overlay_run_until(o, 18500);
    told(o, &times);
    cr_expect_eq(times, 0u, "it may be back: %s", overlay_narrative(o));
    overlay_run_until(o, 20500);
    const struct node_session *s = told(o, &times);
    cr_expect_eq(times, 1u, "%s", overlay_narrative(o));
    cr_assert_eq(s->backup_count, TICKET_BACKUPS_MAX);
    cr_expect_not(names_it(s, &dead), "there are others");
    struct core_session_status status;
    cr_assert(core_session_find(overlay_core(o, 0), &session.ticket.session, &status));
    cr_expect(name_equal(&status.backups[0], &s->backups[0]), "operators see what it goes by");
    overlay_run_until(o, 120000);
    told(o, &times);
    cr_expect_eq(times, 1u, "who has said that it goes by it is told no more");
    overlay_free(o);
}

Test(replan, with_nobody_else_the_dead_come_last_and_stay) {
    struct overlay *o = with_session(3, false);
    uint32_t times;
    const struct name dead = session.backups[0].cluster, other = session.backups[1].cluster;
    overlay_kill_site(o, cluster_of(&dead));
    overlay_run_until(o, 21000);
    const struct node_session *s = told(o, &times);
    cr_expect_eq(times, 1u);
    cr_assert_eq(s->backup_count, 2);
    cr_expect(name_equal(&s->backups[0], &other) && name_equal(&s->backups[1], &dead));
    overlay_kill_site(o, cluster_of(&other));
    overlay_run_until(o, 40000);
    s = told(o, &times);
    cr_expect_eq(times, 1u, "there is nobody to be told of");
    overlay_free(o);
}

Test(replan, a_client_that_does_not_take_it_up_is_told_ever_more_seldom) {
    struct overlay *o = with_session(3, true);
    uint32_t times;
    overlay_kill_site(o, cluster_of(&session.backups[0].cluster));
    /* At some 19.7 s, then 5, 10, 20 and 40 s later. */
    static const struct {
        uint32_t ms, times;
    } rows[] = {{21000, 1}, {26000, 2}, {36000, 3}, {56000, 4}, {97000, 5}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        overlay_run_until(o, rows[i].ms);
        told(o, &times);
        cr_expect_eq(times, rows[i].times, "at %u ms: %u", rows[i].ms, times);
    }
    overlay_free(o);
}

Test(replan, a_peerd_that_is_started_anew_learns_from_its_node_who_was_told) {
    struct overlay *o = with_session(8, false);
    uint32_t times;
    overlay_kill_site(o, cluster_of(&session.backups[0].cluster));
    overlay_run_until(o, 21000);
    const struct node_session before = *told(o, &times);
    cr_assert_eq(times, 1u);
    overlay_kill_peerd(o, 0);
    overlay_run_until(o, 23000);
    overlay_start_peerd(o, 0);
    overlay_run_until(o, 25000);
    struct core_session_status status;
    cr_assert(core_session_find(overlay_core(o, 0), &session.ticket.session, &status));
    cr_assert_eq(status.backup_count, before.backup_count);
    for (uint8_t i = 0; i < before.backup_count; i++)
        cr_expect(name_equal(&status.backups[i], &before.backups[i]));
    overlay_run_until(o, 60000);
    told(o, &times);
    cr_expect_eq(times, 1u);
    overlay_free(o);
}

/* It has fled to its first backup, and the second one dies: what it is told of then. */
static const struct node_session *told_away_from_home(struct overlay *o) {
    uint32_t times, at = cluster_of(&session.backups[0].cluster);
    overlay_kill_site(o, 0);
    overlay_run_until(o, 17000);
    overlay_commit(o, at, &session, 2, MOVE_CAUSE_CRASHED, 0);
    overlay_run_until(o, 18000);
    overlay_kill_site(o, cluster_of(&session.backups[1].cluster));
    overlay_run_until(o, 23000);
    const struct node_session *s = overlay_told(o, at, &session.ticket.session, &times);
    cr_assert_not_null(s);
    cr_expect_geq(times, 1u);
    return s;
}

Test(replan, who_came_from_a_cluster_can_be_sent_home_whatever_it_is_told) {
    struct overlay *o = with_session(8, false);
    struct name home;
    cr_assert(name_set(&home, "fra1"));
    const struct node_session *s = told_away_from_home(o);
    cr_assert_eq(s->backup_count, TICKET_BACKUPS_MAX);
    cr_expect(names_it(s, &home), "its issuer, though that is dead now");
    cr_expect_not(name_equal(&s->backups[0], &home));
    overlay_free(o);
}

/* Home chose them for its client, and has described itself to them; it may know no other. */
Test(replan, whom_its_ticket_names_come_before_others) {
    struct overlay *o = with_session(8, false);
    const struct node_session *s = told_away_from_home(o);
    cr_assert_eq(s->backup_count, TICKET_BACKUPS_MAX);
    for (uint8_t i = 0; i < 2; i++) {
        bool named = false;
        for (uint8_t k = 2; k < session.backup_count; k++)
            named |= name_equal(&s->backups[i], &session.backups[k].cluster);
        cr_expect(named, "place %u has %s, and two of its ticket live", i, s->backups[i].text);
    }
    overlay_free(o);
}

static void measured(struct core *core, const struct name *cluster, uint32_t ms) {
    struct node_trip trips[4];
    for (uint8_t i = 0; i < 4; i++)
        trips[i] =
            (struct node_trip){.client = addr_ipv4((uint8_t[]){192, 0, 2, (uint8_t)(i + 1)}, 5004),
                               .cluster = key_hint_of(&peering_by_name(core, cluster)->policy.key),
                               .rtt_us = ms * 1000,
                               .samples = 9};
    fares_trips_heard(core, &(struct node_request){.trips = trips, .trip_count = 4});
}

/* So much nearer that it is worth the way. */
Test(replan, who_is_nearer_by_a_quarter_and_five_milliseconds_comes_first) {
    static const struct { uint32_t second_ms, times; } rows[] = {{60, 1}, {62, 0}, {90, 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct overlay *o = with_session(3, false);
        struct core *core = (struct core *)(uintptr_t)overlay_core(o, 0);
        const struct name first = session.backups[0].cluster, second = session.backups[1].cluster;
        uint32_t times;
        core->fares.locations_max = 64;
        core->policy.performance.probing = true;
        measured(core, &first, 80);
        measured(core, &second, rows[i].second_ms);
        core->nodes[0]->replan.better_at = overlay_now(o);
        overlay_run_until(o, 18000);
        const struct node_session *s = told(o, &times);
        cr_expect_eq(times, rows[i].times, "%u ms: told %u times", rows[i].second_ms, times);
        cr_expect(times == 0 || name_equal(&s->backups[0], &second), "%u", rows[i].second_ms);
        overlay_free(o);
    }
}
