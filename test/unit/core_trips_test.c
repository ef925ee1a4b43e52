/*
 * What clients measure: who is named to them, what is made of what they tell, and who is believed.
 */
#include "peerd/core/naming.h"
#include "peerd/core/ranking.h"
#include "peerd/core/state.h"
#include "test/lib/overlay_private.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define WHERE "192.0.2.7:5004"

static struct overlay *o;
static struct core *core;
static struct core_ranking r; /* 11 KB */

/* Eight clusters, so that the first has four backups and three others. */
static void begin(void) {
    o = overlay_new(&(struct overlay_setup){.clusters = 8});
    overlay_run_until(o, 1000);
    core = (struct core *)(uintptr_t)overlay_core(o, 0);
    core->fares.locations_max = 64;
    core->policy.performance.probing = true;
}

static void finish(void) {
    overlay_free(o);
}

TestSuite(core_trips, .init = begin, .fini = finish);

static struct addr client(uint8_t number) {
    return addr_ipv4((uint8_t[]){192, 0, 2, number}, 5004);
}

/* So many clients there have measured a peer. */
static void tell(uint32_t peer, uint32_t ms, uint8_t clients) {
    struct node_trip trips[32];
    for (uint8_t i = 0; i < clients; i++)
        trips[i] = (struct node_trip){.client = client((uint8_t)(i + 1)),
                                      .cluster = key_hint_of(&core->peers[peer]->policy.key),
                                      .rtt_us = ms * 1000,
                                      .samples = 4};
    fares_trips_heard(core, &(struct node_request){.trips = trips, .trip_count = clients});
}

static const struct rank_candidate *rank(uint32_t peer) {
    memset(&r, 0, sizeof(r));
    r.location = (struct prefix){.addr = addr_ipv4((uint8_t[]){192, 0, 2, 0}, 0), .bits = 24};
    cr_assert_eq(core_rank(core, NULL, &r), ERR_OK);
    for (uint32_t i = 0; i < r.count; i++)
        if (r.rows[i].peer == peer)
            return &r.rows[i].candidate;
    return NULL;
}

static bool names(const struct core_answer_open *a, const struct core_backup *probe) {
    bool backup = false;
    for (uint32_t i = 0; i < a->backup_count; i++)
        backup |= name_equal(&a->backups[i].cluster, &probe->cluster);
    return backup;
}

Test(core_trips, a_client_is_named_the_others_beside_its_backups) {
    for (int i = 0; i < 20; i++) {
        struct core_answer_open a = overlay_open(o, 0, WHERE);
        cr_assert_eq(a.err, ERR_OK);
        cr_expect(a.measures);
        cr_expect_eq(a.backup_count, 4u);
        cr_assert_eq(a.probe_count, 3u);
        for (uint32_t k = 0; k < a.probe_count; k++) {
            cr_expect(!names(&a, &a.probes[k]) && a.probes[k].media.port != 0);
            for (uint32_t n = 0; n < k; n++)
                cr_expect(!name_equal(&a.probes[n].cluster, &a.probes[k].cluster));
        }
    }
}

/* An answer that was lost on its way is no reason to measure nothing. */
Test(core_trips, who_asks_again_is_named_the_very_same) {
    struct core_event e = {.kind = CORE_SESSION_OPEN};
    struct core_session_open *open = &e.u.open;
    name_set(&open->service, "radio");
    name_set(&open->profile, "pcmu");
    name_set(&open->source, "news");
    open->protection = PROTECTION_WARM;
    open->from = client(7);
    open->idempotent = true;
    memset(open->digest, 0x5a, sizeof(open->digest));
    overlay_step(o, 0, &e);
    const struct core_answer_open first = o->opened;
    cr_assert(first.err == ERR_OK && first.probe_count == 3 && !first.repeated);
    for (uint32_t i = 0; i < core->peer_count; i++)
        tell(i, i == 5 ? 6 : 80, 7); /* by now others would be named */
    overlay_step(o, 0, &e);
    const struct core_answer_open *again = &o->opened;
    cr_expect(again->repeated && again->measures);
    cr_expect_eq(again->backup_count, first.backup_count);
    cr_assert_eq(again->probe_count, first.probe_count);
    for (uint32_t i = 0; i < first.probe_count; i++)
        cr_expect(
            name_equal(&again->probes[i].cluster, &first.probes[i].cluster) &&
            memcmp(&again->probes[i].key, &first.probes[i].key, sizeof(first.probes[i].key)) == 0 &&
            addr_equal(&again->probes[i].media, &first.probes[i].media));
}

Test(core_trips, nobody_is_named_where_policy_forbids_it_or_nothing_is_followed) {
    core->policy.performance.probing = false;
    struct core_answer_open a = overlay_open(o, 0, WHERE);
    cr_expect(a.err == ERR_OK && !a.measures && a.probe_count == 0);
    tell(5, 3, 7);
    cr_expect_null(core->fares.trips, "nor is anybody believed");
    core->policy.performance.probing = true;
    core->fares.locations_max = 0;
    a = overlay_open(o, 0, WHERE);
    cr_expect(a.err == ERR_OK && !a.measures && a.probe_count == 0);
}

Test(core_trips, whom_clients_measured_nearest_is_the_first_backup) {
    for (uint32_t i = 0; i < core->peer_count; i++)
        tell(i, i == 5 ? 6 : 80, 7);
    struct core_answer_open a = overlay_open(o, 0, WHERE);
    cr_expect_str_eq(a.backups[0].cluster.text, core->peers[5]->policy.name.text);
    const struct rank_candidate *c = rank(5);
    cr_expect_eq(r.rows[0].peer, 5);
    cr_expect(c->rtt_measured.us == 6000 && c->measured_by == 7 && c->measured_by_ours);
    cr_expect_eq(core_counters(core)->trips_heard, 7u * core->peer_count);
    a = overlay_open(o, 0, "198.51.100.7:5004");
    uint32_t elsewhere = 0;
    for (int i = 0; i < 20; i++)
        elsewhere += !name_equal(&overlay_open(o, 0, "198.51.100.7:5004").backups[0].cluster,
                                 &core->peers[5]->policy.name);
    cr_expect_gt(elsewhere, 0u, "it says nothing of another location");
}

Test(core_trips, those_more_clients_stand_for_are_believed) {
    struct perf_summary said = {
        .usual_centi = 9000, .recent_centi = 9000, .reports = 9, .clients = 5, .rtt_ms = 30};
    said.location = (struct prefix){.addr = addr_ipv4((uint8_t[]){192, 0, 2, 0}, 0), .bits = 24};
    cr_assert(perf_told(fares_perf(core), core->peers[2]->number, &said, core->now));
    cr_expect_eq(rank(2)->rtt_measured.us, 30000);
    cr_expect(!rank(2)->measured_by_ours && rank(2)->measured_by == 5);
    tell(2, 70, 2);
    cr_expect_eq(rank(2)->rtt_measured.us, 30000, "fewer");
    said.clients = 2;
    said.reports++;
    cr_assert(perf_told(fares_perf(core), core->peers[2]->number, &said, core->now));
    cr_expect_eq(rank(2)->rtt_measured.us, 70000, "as many");
}

/* It gains by what it tells. */
Test(core_trips, a_peer_makes_itself_no_nearer_than_is_plausible) {
    struct perf_sample here = {.expected = 50, .rtt = duration_ms(10)};
    struct perf_summary said = {
        .usual_centi = 9000, .recent_centi = 9000, .reports = 9, .clients = 60000, .rtt_ms = 1};
    here.location = said.location =
        (struct prefix){.addr = addr_ipv4((uint8_t[]){192, 0, 2, 0}, 0), .bits = 24};
    cr_assert(perf_heard(fares_perf(core), &here, core->now));
    cr_assert(perf_told(fares_perf(core), core->peers[3]->number, &said, core->now));
    core->peers[3]->rtt = duration_ms(410);
    const struct rank_candidate *c = rank(3);
    cr_expect(c->rtt_measured.us >= 195000 && c->rtt_measured.us <= 205000, "half of it, not %d",
              (int)c->rtt_measured.us);
    cr_expect_not(c->measured_by_ours);
    tell(3, 380, 2);
    cr_expect_not(rank(3)->measured_by_ours, "two of ours, against so many");
    tell(3, 380, 3);
    cr_expect(rank(3)->measured_by_ours && rank(3)->rtt_measured.us == 380000, "three who agree");
}

/* One who lies is outvoted; alone he misleads nobody but those of his own location. */
Test(core_trips, one_client_does_not_make_a_cluster_near) {
    tell(3, 80, 6);
    const struct node_trip lie = {.client = client(99),
                                  .cluster = key_hint_of(&core->peers[3]->policy.key),
                                  .rtt_us = 1,
                                  .samples = 255};
    struct node_trip lies[] = {lie, lie, lie, lie, lie, lie, lie, lie};
    for (int i = 0; i < 8; i++)
        lies[i].client.port = (uint16_t)(6000 + i); /* ports are cheap */
    fares_trips_heard(core, &(struct node_request){.trips = lies, .trip_count = 8});
    cr_expect_eq(rank(3)->rtt_measured.us, 80000);
}

static void tell_from(uint32_t peer, const char *address, uint32_t ms) {
    struct node_trip trip = {
        .cluster = key_hint_of(&core->peers[peer]->policy.key), .rtt_us = ms * 1000, .samples = 9};
    cr_assert(addr_from_text(&trip.client, address));
    fares_trips_heard(core, &(struct node_request){.trips = &trip, .trip_count = 1});
}

/* Until somebody there measures. */
Test(core_trips, a_place_is_as_far_as_its_neighbours_until_it_has_measured) {
    struct perf_sample here = {.expected = 50, .rtt = duration_ms(10)};
    here.location = (struct prefix){.addr = addr_ipv4((uint8_t[]){192, 0, 2, 0}, 0), .bits = 24};
    tell_from(5, "192.0.3.9:5004", 6);
    tell_from(5, "192.0.4.9:5004", 6);
    cr_expect_eq(rank(5)->rtt_measured.us, 0, "two places are too few");
    tell_from(5, "192.0.15.9:5004", 6);
    const struct rank_candidate *c = rank(5);
    cr_expect_eq(c->rtt_measured.us, 6000);
    cr_expect(c->measured_by == 3 && c->measured_from.bits == 20 && c->measured_by_ours);
    cr_expect_eq(r.rows[0].peer, 5, "it is the nearest");
    cr_assert(perf_heard(fares_perf(core), &here, core->now));
    core->peers[5]->rtt = duration_ms(410);
    cr_expect(rank(5)->rtt_measured.us >= 49000 && rank(5)->rtt_measured.us <= 51000,
              "no nearer than is plausible: %d", (int)rank(5)->rtt_measured.us);
    tell(5, 70, 1);
    c = rank(5);
    cr_expect_eq(c->rtt_measured.us, 70000);
    cr_expect(c->measured_by == 1 && c->measured_from.addr.family == 0);
}

/* Whoever has a /64 has 2^64 addresses. */
Test(core_trips, one_host_with_many_addresses_is_one_client) {
    for (int i = 0; i < 9; i++) {
        char address[64];
        snprintf(address, sizeof(address), "[2001:db8:7:1::%x]:5004", i + 1);
        tell_from(3, address, 1);
    }
    tell_from(3, "[2001:db8:7:2::1]:5004", 80);
    tell_from(3, "[2001:db8:7:3::1]:5004", 80);
    struct prefix there;
    cr_assert(prefix_from_text(&there, "2001:db8:7::/48"));
    struct fares_words words = {.count = 0};
    struct fares_trip trip = fares_trip_of_peer(core, core->peers[3], &there, &words);
    cr_expect_eq(trip.clients, 3u);
    cr_expect_eq(trip.rtt.us, 80000);
}

/* The way between the clusters is nobody's word. */
Test(core_trips, one_alone_makes_nobody_nearer_than_is_plausible) {
    struct perf_sample here = {.expected = 50, .rtt = duration_ms(10)};
    here.location = (struct prefix){.addr = addr_ipv4((uint8_t[]){192, 0, 2, 0}, 0), .bits = 24};
    cr_assert(perf_heard(fares_perf(core), &here, core->now));
    core->peers[3]->rtt = duration_ms(410);
    tell(3, 1, 1);
    cr_expect(rank(3)->rtt_measured.us >= 49000 && rank(3)->rtt_measured.us <= 51000, "%d",
              (int)rank(3)->rtt_measured.us);
    tell(3, 1, 3);
    cr_expect_eq(rank(3)->rtt_measured.us, 1000, "three who agree");
    core->peers[3]->rtt = DURATION_ENDLESS;
    tell(4, 1, 1);
    cr_expect_eq(rank(3)->rtt_measured.us, 1000);
    cr_expect_gt(rank(4)->rtt_measured.us, 0);
}

Test(core_trips, clusters_that_are_no_peers_are_counted_and_forgotten) {
    const struct node_trip trip = {
        .client = client(1), .cluster = {{1, 2, 3}}, .rtt_us = 1000, .samples = 9};
    fares_trips_heard(core,
                      &(struct node_request){.trips = (struct node_trip[]){trip}, .trip_count = 1});
    cr_expect(core_counters(core)->trips_refused == 1 && core_counters(core)->trips_heard == 0);
    tell(1, 20, 3);
    fares_trips_forget(core, core->peers[1]);
    cr_expect_eq(rank(1)->rtt_measured.us, 0, "it is a peer no longer");
}

/* ---- turns ----------------------------------------------------------------------------------- */

static struct core_backup named[API_PROBES_MAX];

/* Whom a session is named, `times` times, as a mask of peers. */
static uint32_t take_turns(const struct session *s, int times) {
    uint32_t mask = 0;
    for (int i = 0; i < times; i++) {
        uint32_t count = naming_of_session(core, s, named);
        for (uint32_t k = 0; k < count; k++)
            for (uint32_t p = 0; p < core->peer_count; p++)
                if (name_equal(&core->peers[p]->policy.name, &named[k].cluster))
                    mask |= 1u << p;
    }
    return mask;
}

Test(core_trips, while_a_session_lasts_all_but_its_backups_have_their_turn) {
    struct core_answer_open a = overlay_open(o, 0, WHERE);
    const struct session *s = session_find(core, &a.ticket.session);
    cr_assert_not_null(s);
    uint32_t mask = take_turns(s, 1);
    cr_expect_eq(__builtin_popcount(mask), 3, "three others: %x", mask);
    for (uint32_t i = 0; i < a.backup_count; i++)
        for (uint32_t p = 0; p < core->peer_count; p++)
            cr_expect(!name_equal(&core->peers[p]->policy.name, &a.backups[i].cluster) ||
                      (mask >> p & 1) == 0);
    core->policy.performance.probing = false;
    cr_expect_eq(take_turns(s, 1), 0u, "unless policy has nobody measure");
}

Test(core_trips, a_node_is_told_of_its_own_sessions_alone) {
    struct core_answer_open a = overlay_open(o, 0, WHERE);
    struct session *s = session_find(core, &a.ticket.session);
    struct node other = {.index = 9};
    struct session_id asks[] = {{{1, 2, 3}}, a.ticket.session};
    const struct node_request r = {.asks = asks, .ask_count = 2};
    uint32_t count = 7;
    cr_expect_null(naming_answer(core, &other, &r, &count));
    cr_expect_eq(count, 0u);
    const struct node_named *n = naming_answer(core, s->node, &r, &count);
    cr_assert_eq(count, 1u);
    cr_expect(session_id_equal(&n[0].session, &a.ticket.session) && n[0].count == 3);
    cr_expect(n[0].list[0].media.port != 0 && !name_is_empty(&n[0].list[0].cluster));
    cr_expect_eq(core_counters(core)->clients_named, 1u);
}
