#include "peerd/core/redirect.h"
#include "peerd/core/state.h"
#include "test/lib/overlay.h"

#include <criterion/criterion.h>
#include <string.h>

/* ---- better: one losing row a rule ----------------------------------------------------------- */

static struct rank_candidate candidate(const char *name, int64_t rtt_ms) {
    struct rank_candidate c = {.usable = true,
                               .offers = true,
                               .accepts = true,
                               .same_determinism = true,
                               .free_slots = 10,
                               .rtt_measured = duration_ms(rtt_ms)};
    name_set(&c.name, name);
    return c;
}

Test(core_redirect, better_is_only_what_is_clearly_better) {
    static const struct {
        const char *what;
        int64_t here_ms, there_ms, here_estimated_ms, there_estimated_ms;
        struct rank_experience here, there;
        uint32_t cost, full;
        bool kept_out, alike, better;
    } rows[] = {
        {.what = "much nearer", .here_ms = 90, .there_ms = 20, .better = true},
        {.what = "a quarter and 5 ms nearer", .here_ms = 55, .there_ms = 40, .better = true},
        {.what = "a quarter and less than 5 ms", .here_ms = 54, .there_ms = 40},
        {.what = "5 ms and less than a quarter", .here_ms = 90, .there_ms = 80},
        {.what = "as near", .here_ms = 90, .there_ms = 90},
        {.what = "farther", .here_ms = 20, .there_ms = 90},
        {.what = "nobody has measured it there", .here_ms = 90},
        {.what = "nobody has measured it here", .there_ms = 20},
        {.what = "estimated, both",
         .here_estimated_ms = 90,
         .there_estimated_ms = 20,
         .better = true},
        {.what = "what was measured counts before",
         .here_ms = 20,
         .here_estimated_ms = 90,
         .there_ms = 20,
         .there_estimated_ms = 10},
        {.what = "nearer and dear", .here_ms = 90, .there_ms = 20, .cost = 1},
        {.what = "nearer and full", .here_ms = 90, .there_ms = 20, .full = 1},
        {.what = "nearer and may not", .here_ms = 90, .there_ms = 20, .kept_out = true},
        {.what = "nearer, and falls with us",
         .here_ms = 90,
         .there_ms = 20,
         .alike = true,
         .better = true},
        {.what = "fares better there",
         .here = {true, 600, 20},
         .there = {true, 900, 20},
         .better = true},
        {.what = "though it costs",
         .here = {true, 600, 20},
         .there = {true, 900, 20},
         .cost = 9,
         .better = true},
        {.what = "better, perhaps: nobody has told", .here = {true, 600, 20}},
        {.what = "better, perhaps: too few have told",
         .here = {true, 600, 90},
         .there = {true, 700, 90}},
        {.what = "nearer, and fares worse there",
         .here_ms = 90,
         .there_ms = 20,
         .here = {true, 900, 20},
         .there = {true, 600, 20}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rank_candidate here = candidate("fra1", rows[i].here_ms);
        struct rank_candidate there = candidate("ams1", rows[i].there_ms);
        enum rank_rule rule;
        here.rtt_estimated = duration_ms(rows[i].here_estimated_ms);
        there.rtt_estimated = duration_ms(rows[i].there_estimated_ms);
        here.experience = rows[i].here;
        there.experience = rows[i].there;
        there.cost = rows[i].cost;
        there.free_slots = rows[i].full ? 0 : 10;
        there.accepts = !rows[i].kept_out;
        here.place = (struct rank_place){1, 2, 3};
        there.place = rows[i].alike ? here.place : (struct rank_place){4, 5, 6};
        there.same_determinism = !rows[i].alike;
        cr_expect_eq(redirect_is_better(&there, &here, &rule), rows[i].better, "%s", rows[i].what);
    }
}

/* ---- an overlay ------------------------------------------------------------------------------ */

#define CLIENT "192.0.2.7:5004"

static struct policy changed;

/* The policy of a cluster, to be changed and taken. */
static struct policy *policy_of(const struct overlay *o, uint32_t cluster) {
    policy_copy(&changed, core_policy(overlay_core(o, cluster)));
    return &changed;
}

static void wish(struct overlay *o, enum policy_redirect redirect) {
    policy_of(o, 0)->limits.redirect = redirect;
    overlay_policy(o, 0, &changed);
}

static struct overlay *begun(uint32_t clusters, uint32_t capacity) {
    struct overlay *o =
        overlay_new(&(struct overlay_setup){.clusters = clusters, .capacity = capacity});
    overlay_run_until(o, 2000);
    return o;
}

static bool names(const struct core_answer_open *a, const char *cluster) {
    bool found = false;
    for (uint32_t i = 0; i < a->backup_count; i++)
        found |= strcmp(a->backups[i].cluster.text, cluster) == 0;
    return found;
}

Test(core_redirect, who_asks_one_that_drains_is_served_by_a_peer_at_once) {
    struct overlay *o = begun(3, 0);
    struct core *core = (struct core *)(uintptr_t)overlay_core(o, 0);
    core->place = (struct rank_place){1, 1, 1}; /* as a backup we would come first */
    core->peers[0]->place = core->peers[1]->place = (struct rank_place){2, 2, 2};
    overlay_drain(o, 0, 60000);
    overlay_run_until(o, 2500);
    for (int i = 0; i < 20; i++) {
        struct core_answer_open a = overlay_open(o, 0, CLIENT);
        cr_assert_eq(a.err, ERR_OK, "%s", err_name(a.err));
        cr_expect_eq(a.redirect, CORE_REDIRECT_DRAINING);
        cr_expect(strcmp(a.cluster.text, "ams1") == 0 || strcmp(a.cluster.text, "lon1") == 0);
        cr_expect_str_eq(a.ticket.issuer.text, "fra1", "the ticket is ours");
        cr_expect_str_eq(a.ticket.backups[0].text, a.cluster.text, "as if it had been moved there");
        cr_expect_eq(a.ticket.backup_count, 2);
        cr_expect(a.backup_count == 2 && names(&a, "fra1") && !names(&a, a.cluster.text));
        cr_expect_str_eq(a.backups[1].cluster.text, "fra1", "who drains comes last");
        cr_expect_eq(a.epoch, 1u);
        cr_expect(a.media.family == 4 && a.lease_ms > 0 && a.profile != NULL);
    }
    cr_expect_eq(core_counters(overlay_core(o, 0))->opens_redirected, 20u);
    cr_expect_eq(core_counters(overlay_core(o, 0))->opens_answered, 20u);
    cr_expect_eq(core_status(overlay_core(o, 0)).opened, 0u, "nothing is kept of it");
    overlay_undrain(o, 0);
    cr_expect_eq(overlay_open(o, 0, CLIENT).redirect, CORE_REDIRECT_NOT);
    overlay_free(o);
}

/* As a move would be: served there, backed up, and no move. */
Test(core_redirect, the_peer_has_it_as_one_of_ours) {
    struct overlay *o = begun(3, 0);
    overlay_drain(o, 0, 60000);
    overlay_run_until(o, 2500);
    struct core_answer_open a = overlay_open(o, 0, CLIENT);
    uint32_t at = strcmp(a.cluster.text, "ams1") == 0 ? 1 : 2;
    struct core_session_status s;
    overlay_commit(o, at, &a, 1, MOVE_CAUSE_NONE, at);
    overlay_run_until(o, 3500);
    cr_assert(core_session_find(overlay_core(o, at), &a.ticket.session, &s));
    cr_expect(s.state == SESSION_STATE_COMMITTED && s.epoch == 1 && s.move == NULL);
    cr_expect_str_eq(s.issuer.text, "fra1");
    cr_expect_eq(core_counters(overlay_core(o, at))->moves_begun, 0u);
    cr_expect_eq(core_peer_status(overlay_core(o, at), 0, overlay_now(o)).here, 1u);
    overlay_free(o);
}

Test(core_redirect, the_operators_target_goes_before_others) {
    struct overlay *o = begun(4, 0);
    struct core_event e = {.kind = CORE_DRAIN};
    static struct core_outbox outbox;
    name_set(&e.u.drain.to, "par1");
    e.now = overlay_now(o);
    struct core *core = (struct core *)(uintptr_t)overlay_core(o, 0);
    core_step(core, &e, &outbox);
    for (int i = 0; i < 10; i++)
        cr_expect_str_eq(overlay_open(o, 0, CLIENT).cluster.text, "par1");
    overlay_free(o);
}

Test(core_redirect, without_a_peer_that_may_it_is_refused_as_ever) {
    static const struct {
        const char *what;
        enum {
            DEAD,
            DRAINING,
            NOT_OFFERED,
            ELSEWHERE
        } why;
    } rows[] = {{"it is dead", DEAD},
                {"it drains, too", DRAINING},
                {"policy gives it nothing", NOT_OFFERED},
                {"the law keeps the client elsewhere", ELSEWHERE}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct overlay *o = begun(2, 0);
        struct policy *p = policy_of(o, 0);
        if (rows[i].why == DEAD)
            overlay_kill_site(o, 1);
        if (rows[i].why == DRAINING)
            overlay_drain(o, 1, 60000);
        if (rows[i].why == NOT_OFFERED)
            p->peers[0].offer_moves = false;
        if (rows[i].why == ELSEWHERE) {
            p->residence_count = p->residence[0].region_count = 1;
            prefix_from_text(&p->residence[0].prefix, "192.0.2.0/24");
            name_set(&p->residence[0].regions[0], "asia");
        }
        overlay_policy(o, 0, p);
        overlay_drain(o, 0, 60000);
        overlay_run_until(o, 5000);
        struct core_answer_open a = overlay_open(o, 0, CLIENT);
        cr_expect_eq(a.err, ERR_DRAINING, "%s: %s", rows[i].what, err_name(a.err));
        cr_expect(a.retry_after_ms >= 5000 && a.redirect == CORE_REDIRECT_NOT, "%s", rows[i].what);
        cr_expect_eq(core_counters(overlay_core(o, 0))->opens_redirected, 0u, "%s", rows[i].what);
        overlay_free(o);
    }
}

/* ---- full ------------------------------------------------------------------------------------ */

Test(core_redirect, a_full_cluster_sends_on_only_where_policy_says_so) {
    struct overlay *o = begun(2, 20);
    struct core_answer_open a;
    policy_of(o, 0)->services[0].capacity = 12; /* ten are kept for the peer */
    overlay_policy(o, 0, &changed);
    overlay_run_until(o, 3000);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(overlay_open(o, 0, CLIENT).err, ERR_OK);
    a = overlay_open(o, 0, CLIENT);
    cr_expect(a.err == ERR_NO_CREDIT && a.redirect == CORE_REDIRECT_NOT, "the default is never");
    wish(o, POLICY_REDIRECT_WHEN_FULL);
    a = overlay_open(o, 0, CLIENT);
    cr_expect(a.err == ERR_OK && a.redirect == CORE_REDIRECT_FULL, "%s", err_name(a.err));
    cr_expect_str_eq(a.cluster.text, "ams1");
    overlay_free(o);
}

/* Beats say how much room there is; until the next one nobody is sent twice to one place. */
Test(core_redirect, no_more_are_sent_than_there_is_room_for) {
    struct overlay *o = begun(2, 20);
    struct core *core = (struct core *)(uintptr_t)overlay_core(o, 0);
    struct peering *p = core->peers[0];
    uint32_t room = redirect_room(core, p), sent = 0;
    cr_expect_eq(p->description.reserved, 10u);
    cr_expect_eq(room, 10 - (uint32_t)p->description.media_count + 1, "%u", room);
    cr_expect_gt(room, 4u);
    overlay_drain(o, 0, 60000);
    while (overlay_open(o, 0, CLIENT).err == ERR_OK)
        sent++;
    cr_expect_eq(sent, room, "%u", sent);
    cr_expect_eq(overlay_open(o, 0, CLIENT).err, ERR_DRAINING);
    overlay_run_until(o, 2000 + 2200); /* nobody has come there: there is room again */
    cr_expect_eq(overlay_open(o, 0, CLIENT).err, ERR_OK);
    overlay_free(o);
}

Test(core_redirect, what_a_peer_keeps_for_its_peers_is_not_for_newcomers) {
    struct overlay *o = begun(2, 50);
    struct core *core = (struct core *)(uintptr_t)overlay_core(o, 0);
    struct peering *p = core->peers[0];
    uint32_t room = redirect_room(core, p);
    p->description.reserved += 4;
    cr_expect_eq(redirect_room(core, p), room - 4);
    p->description.reserved = 1000;
    cr_expect_eq(redirect_room(core, p), 0u);
    /* … and that is what a cluster says of itself. */
    struct description d;
    policy_of(o, 1)->peers[0].reserved_slots = 3;
    overlay_policy(o, 1, &changed);
    cr_assert_eq(
        core_describe((struct core *)(uintptr_t)overlay_core(o, 1), (struct wall){1, 1}, &d),
        ERR_OK);
    cr_expect_eq(d.reserved, 3u);
    overlay_free(o);
}

/* ---- just started, asked again --------------------------------------------------------------- */

Test(core_redirect, nobody_is_sent_on_by_one_who_has_just_started) {
    struct overlay *o = overlay_new(&(struct overlay_setup){.clusters = 2});
    overlay_run_until(o, 500);
    wish(o, POLICY_REDIRECT_WHEN_FULL);
    policy_of(o, 0)->services[0].capacity = 11; /* ten are kept for the peer */
    overlay_policy(o, 0, &changed);
    overlay_open(o, 0, CLIENT);
    cr_expect_eq(overlay_open(o, 0, CLIENT).redirect, CORE_REDIRECT_NOT);
    overlay_run_until(o, 1500);
    overlay_open(o, 0, CLIENT);
    cr_expect_eq(overlay_open(o, 0, CLIENT).redirect, CORE_REDIRECT_FULL);
    overlay_free(o);
}

static struct core_answer_open ask(struct core *core, const struct core_session_open *open,
                                   struct instant now) {
    static struct core_outbox outbox;
    struct core_event e = {.kind = CORE_SESSION_OPEN, .now = now, .wall = {1700000000000000, 1000}};
    e.u.open = *open;
    outbox_clear(&outbox);
    core_step(core, &e, &outbox);
    cr_assert_eq(outbox.items[0].kind, CORE_ANSWER_OPEN);
    return outbox.items[0].u.open;
}

/* What has become of the first one there is not known here, and under its id an epoch may have been
 * committed: the same question gets another session, and never one that begins here under that id.
 */
Test(core_redirect, asked_again_it_is_another_session) {
    struct overlay *o = begun(2, 0);
    overlay_drain(o, 0, 60000);
    overlay_run_until(o, 2500);
    struct core *core = (struct core *)(uintptr_t)overlay_core(o, 0);
    struct core_session_open open = {.request = 7, .idempotent = true};
    struct core_answer_open like = overlay_open(o, 0, CLIENT);
    open.service = like.ticket.service;
    open.profile = like.ticket.profile;
    open.source = like.ticket.source;
    addr_from_text(&open.from, CLIENT);
    memset(open.digest, 3, sizeof(open.digest));
    memset(open.entropy, 4, sizeof(open.entropy));
    struct core_answer_open first = ask(core, &open, overlay_now(o));
    struct core_answer_open again = ask(core, &open, overlay_now(o));
    cr_assert(first.err == ERR_OK && again.err == ERR_OK);
    cr_expect(!again.repeated && again.redirect == CORE_REDIRECT_DRAINING);
    cr_expect_not(session_id_equal(&first.ticket.session, &again.ticket.session));
    overlay_free(o);
}
