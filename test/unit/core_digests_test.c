#include "peerd/wire/coarse.h"
#include "peerd/wire/digest.h"
#include "peerd/wire/echo.h"
#include "test/unit/core_fixture.h"
#include "topo/location.h"

#define CLIENTS 20
#define PEERS   2

/* What each peer was told, and by which echo it is heard. */
struct told {
    struct echo echo;
    size_t digests, bytes, entries;
    struct digest_entry last[DIGEST_ENTRIES_MAX];
    size_t last_count;
    bool heard[256];          /* third byte of a location */
    struct digest_entry says; /* of its own clients; reports 0: nothing */
    uint8_t says_trip;        /* [ms] to them; 0: it does not say */
    size_t trips;             /* digests with round trips … */
    uint32_t last_trip_ms;    /* … and the first of the newest */
};

struct bed {
    struct fixture *f;
    struct node_session sessions[2 * CLIENTS];
    uint32_t session_count;
    struct told peers[PEERS];
    char line[TRACE_LINE_LEN_MAX + 1]; /* that somebody fares worse */
};

static struct prefix prefix_of(const char *text) {
    struct prefix p;
    cr_assert(prefix_from_text(&p, text));
    return p;
}

static struct bed bed_new(const struct policy_performance *performance, uint32_t clients) {
    struct bed b = {.f = calloc(1, sizeof(*b.f)), .session_count = clients};
    cr_assert_not_null(b.f);
    b.f->now = instant_us(5000000);
    fixture_policy(&b.f->policy, 1, PEERS, 100);
    b.f->policy.performance = *performance;
    b.f->boot[0] = 100;
    fixture_start(b.f, 1);
    for (uint32_t i = 0; i < clients; i++) {
        b.sessions[i] = fixture_session(i + 1, 1, RESUME_COMMIT);
        b.sessions[i].client.ip[3] = (uint8_t)(i + 1);
        b.sessions[i].expected = 1000;
        b.sessions[i].rtt_us = 30000;
    }
    for (uint32_t i = 0; i < PEERS; i++)
        echo_init(&b.peers[i].echo, 50 + i);
    return b;
}

static void take(struct bed *b) {
    for (uint32_t i = 0; i < b->f->outbox.count; i++) {
        const struct core_send_beat *sent = &b->f->outbox.items[i].u.beat;
        if (b->f->outbox.items[i].kind != CORE_SEND_BEAT)
            continue;
        struct told *t = &b->peers[sent->peer];
        echo_beat_received(&t->echo, &sent->beat, b->f->now);
        if (sent->beat.digest_len == 0)
            continue;
        t->digests++;
        t->bytes += sent->beat.digest_len;
        cr_assert_eq(
            digest_decode(t->last, &t->last_count, sent->beat.digest, sent->beat.digest_len),
            ERR_OK);
        size_t len = 0;
        const uint8_t *trips = beat_find_block(&sent->beat, BEAT_BLOCK_ROUND_TRIPS, &len);
        if (trips != NULL) {
            cr_expect_eq(len, t->last_count);
            t->trips++;
            t->last_trip_ms = coarse_to_ms(trips[0]);
        }
        t->entries += t->last_count;
        for (size_t k = 0; k < t->last_count; k++)
            t->heard[t->last[k].location.addr.ip[2]] = true;
    }
}

static void read_lines(struct bed *b) {
    for (uint32_t i = 0; i < b->f->trace.count; i++) {
        const char *text = b->f->trace.lines[(b->f->trace.first + i) % TRACE_LINES_MAX].text;
        if (strstr(text, "fares worse") != NULL)
            snprintf(b->line, sizeof(b->line), "%s", text);
    }
    trace_init(&b->f->trace);
}

static void peer_speaks(struct bed *b, uint32_t peer) {
    struct beat beat = {.kind = BEAT_KIND_BEAT, .interval_ms = 100};
    struct told *t = &b->peers[peer];
    struct core_event e = {.kind = CORE_BEAT_RECEIVED};
    size_t written;
    echo_fill(&t->echo, &beat, b->f->now);
    if (t->says.reports > 0)
        beat.digest_len =
            (uint8_t)digest_encode(beat.digest, BEAT_DIGEST_MAX, &t->says, 1, &written);
    if (t->says_trip > 0)
        cr_assert(beat_add_block(&beat, BEAT_BLOCK_ROUND_TRIPS, &t->says_trip, 1));
    e.u.beat = (struct core_beat_received){.peer = peer, .beat = &beat};
    fixture_step(b->f, &e);
    take(b);
}

/* Each 100 ms a tenth of the clients have their frames of a second, and everybody beats. */
static void run(struct bed *b, int seconds, uint32_t lost_of_50) {
    for (int tenth = 0; tenth < seconds * 10; tenth++) {
        for (uint32_t i = (uint32_t)tenth % 10; i < b->session_count; i += 10) {
            b->sessions[i].expected += 50;
            b->sessions[i].lost_before += lost_of_50;
        }
        b->f->now = instant_add(b->f->now, duration_ms(100));
        fixture_node(
            b->f, 0,
            &(struct fixture_report){.sessions = b->sessions, .session_count = b->session_count});
        take(b);
        for (uint32_t p = 0; p < PEERS; p++)
            peer_speaks(b, p);
        read_lines(b);
    }
}

#define USUAL                                                                                      \
    { 64, true, 24, 48, 5, 600, 10, 8, {10000000}, true, 0, true }

static const struct policy_performance usual = USUAL;

static const struct digest_entry well = {
    .usual_centi = 9200, .recent_centi = 9200, .spread_centi = 200, .reports = 12, .clients = 20};

Test(core_digests, every_peer_is_told_how_our_clients_fare) {
    struct bed b = bed_new(&usual, CLIENTS);
    run(&b, 20, 0);
    for (int p = 0; p < PEERS; p++) {
        const struct told *t = &b.peers[p];
        cr_expect_geq(t->digests, 15 * 5 - 1, "%zu", t->digests);
        cr_assert_eq(t->last_count, 1u);
        struct prefix here = prefix_of("192.0.2.0/24");
        cr_expect(location_equal(&t->last[0].location, &here));
        cr_expect(t->last[0].usual_centi >= 9250 && t->last[0].recent_centi >= 9250);
        cr_expect_geq(t->last[0].clients, 15);
        cr_expect_geq(t->last[0].reports, 3);
    }
    cr_expect_gt(core_counters(b.f->core)->locations_told, 0u);
    fixture_free(b.f);
}

Test(core_digests, what_leaves_is_as_the_policy_says) {
    static const struct {
        const char *what;
        struct policy_performance p;
        uint32_t clients;
        bool told;
        uint8_t bits;
    } rows[] = {
        {"as usual", USUAL, CLIENTS, true, 24},
        {"coarser",
         {64, true, 16, 32, 5, 600, 10, 8, {10000000}, true, 0, true},
         CLIENTS,
         true,
         16},
        {"too few clients",
         {64, true, 24, 48, 5, 600, 10, 8, {10000000}, true, 0, true},
         4,
         false,
         0},
        {"few are enough",
         {64, true, 24, 48, 4, 600, 10, 8, {10000000}, true, 0, true},
         4,
         true,
         24},
        {"nothing is told",
         {64, false, 24, 48, 5, 600, 10, 8, {10000000}, true, 0, true},
         CLIENTS,
         false,
         0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bed b = bed_new(&rows[i].p, rows[i].clients);
        run(&b, 5, 0);
        for (int p = 0; p < PEERS; p++) {
            cr_expect_eq(b.peers[p].digests > 0, rows[i].told, "%s", rows[i].what);
            if (rows[i].told)
                cr_expect_eq(b.peers[p].last[0].location.bits, rows[i].bits, "%s", rows[i].what);
        }
        fixture_free(b.f);
    }
}

/* Twenty sessions of one address are one person, and of one /64 too. */
Test(core_digests, sessions_of_one_client_are_no_location) {
    static const struct {
        const char *what;
        uint8_t family, others; /* who have addresses, or a /64, of their own */
        bool told;
    } rows[] = {
        {"one address", 4, 1, false}, {"four of them", 4, 4, false}, {"five", 4, 6, true},
        {"one /64", 6, 1, false},     {"four", 6, 4, false},         {"five", 6, 6, true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bed b = bed_new(&usual, CLIENTS);
        for (uint32_t k = 0; k < CLIENTS; k++) {
            struct addr *a = &b.sessions[k].client;
            cr_assert(
                addr_from_text(a, rows[i].family == 4 ? "192.0.2.1:5004" : "[2001:db8:7::1]:5004"));
            a->port = (uint16_t)(a->port + k);
            if (rows[i].family == 6)
                a->ip[15] = (uint8_t)k;
            a->ip[rows[i].family == 4 ? 3 : 7] = (uint8_t)(k % rows[i].others);
        }
        run(&b, 5, 0);
        cr_expect_eq(b.peers[0].digests > 0, rows[i].told, "IPv%u, %s", rows[i].family,
                     rows[i].what);
        fixture_free(b.f);
    }
}

/* Forty locations of one client each want out; so many bytes a second may. */
Test(core_digests, no_more_leaves_than_the_budget_and_all_come_in_turn) {
    for (uint32_t budget = 100; budget <= 1600; budget *= 4) {
        struct policy_performance p = usual;
        p.tell_bytes_per_s = budget;
        p.tell_clients_min = 1;
        struct bed b = bed_new(&p, 2 * CLIENTS);
        for (uint32_t i = 0; i < 2 * CLIENTS; i++)
            b.sessions[i].client.ip[2] = (uint8_t)i;
        run(&b, 2, 0);
        for (int p2 = 0; p2 < PEERS; p2++)
            b.peers[p2].bytes = 0;
        run(&b, 20, 0);
        for (int p2 = 0; p2 < PEERS; p2++) {
            cr_expect_leq(b.peers[p2].bytes, 20 * budget + BEAT_DIGEST_MAX, "of %u: %zu", budget,
                          b.peers[p2].bytes);
            cr_expect_gt(b.peers[p2].entries, 40u);
        }
        for (int i = 0; i < 2 * CLIENTS; i++)
            cr_expect(b.peers[1].heard[i], "%u bytes/s: location %d", budget, i);
        fixture_free(b.f);
    }
}

Test(core_digests, it_is_known_how_the_others_serve_a_location) {
    struct bed b = bed_new(&usual, CLIENTS);
    struct core_location_peer peers[CORE_LOCATION_PEERS_MAX];
    struct prefix here = prefix_of("192.0.2.0/24"), there = prefix_of("198.51.100.0/24");
    b.peers[0].says = b.peers[1].says = well;
    b.peers[0].says.location = here;
    b.peers[1].says.location = there;
    run(&b, 5, 0);
    cr_assert_eq(core_location_peers(b.f->core, &here, b.f->now, peers), 1u);
    cr_expect_str_eq(peers[0].cluster.text, "peer0");
    cr_expect_eq(peers[0].usual_centi, 9200u);
    cr_assert_eq(core_location_peers(b.f->core, &there, b.f->now, peers), 1u);
    cr_expect_str_eq(peers[0].cluster.text, "peer1");
    struct core_location_status l;
    uint32_t cursor = 0;
    cr_assert(core_location_next(b.f->core, &cursor, b.f->now, &l));
    cr_expect_str_neq(l.state, "elsewhere");
    cr_assert(core_location_next(b.f->core, &cursor, b.f->now, &l));
    cr_expect_str_eq(l.state, "elsewhere");
    cr_expect_not(core_location_next(b.f->core, &cursor, b.f->now, &l));
    cr_expect_eq(core_status(b.f->core).locations, 1u);
    cr_expect_eq(core_status(b.f->core).locations_elsewhere, 1u);
    /* Another order in the policy, and one peer less: who said what is as it was. */
    struct policy_peer first = b.f->policy.peers[0];
    b.f->policy.peers[0] = b.f->policy.peers[1];
    b.f->policy.peers[1] = first;
    fixture_step(b.f, &(struct core_event){.kind = CORE_POLICY_CHANGED, .u.policy = &b.f->policy});
    cr_assert_eq(core_location_peers(b.f->core, &here, b.f->now, peers), 1u);
    cr_expect_str_eq(peers[0].cluster.text, "peer0");
    b.f->policy.peer_count = 1;
    fixture_step(b.f, &(struct core_event){.kind = CORE_POLICY_CHANGED, .u.policy = &b.f->policy});
    cr_expect_eq(core_location_peers(b.f->core, &here, b.f->now, peers), 0u);
    fixture_free(b.f);
}

Test(core_digests, a_peer_whose_clients_fare_well_there_shows_that_our_path_is_bad) {
    struct bed b = bed_new(&usual, CLIENTS);
    b.peers[1].says = well;
    b.peers[1].says.location = prefix_of("192.0.2.0/24");
    run(&b, 20, 0);
    cr_expect_str_eq(b.line, "");
    cr_expect_null(core_fall(b.f->core, 0));
    run(&b, 4, 8);
    cr_expect_not_null(strstr(b.line, "with peer1 92 -> 92: our path to it is bad"), "%s", b.line);
    const struct core_fall *fall = core_fall(b.f->core, 0);
    cr_assert_not_null(fall);
    cr_expect(fall->cause == DEGRADE_CAUSE_PATH && fall->change == DEGRADE_CHANGE_BEGAN);
    cr_expect_str_eq(fall->peer.text, "peer1");
    cr_expect_not_null(strstr(b.line, fall->evidence), "%s", fall->evidence);
    cr_expect_eq(core_status(b.f->core).locations_degraded, 1u);
    run(&b, 20, 0);
    cr_assert_not_null(core_fall(b.f->core, 1));
    cr_expect_eq(core_fall(b.f->core, 0)->change, DEGRADE_CHANGE_ENDED);
    cr_expect_eq(core_status(b.f->core).locations_degraded, 0u);
    fixture_free(b.f);
}

Test(core_digests, where_peers_suffer_too_it_is_the_access) {
    struct bed b = bed_new(&usual, CLIENTS);
    b.peers[1].says = well;
    b.peers[1].says.location = prefix_of("192.0.2.0/24");
    run(&b, 20, 0);
    b.peers[1].says.recent_centi = 6000;
    run(&b, 4, 8);
    cr_expect_not_null(strstr(b.line, "its own access is bad"), "%s", b.line);
    cr_expect_eq(core_status(b.f->core).locations_degraded, 0u);
    cr_expect_eq(core_status(b.f->core).locations_bad, 1u);
    fixture_free(b.f);
}

Test(core_digests, one_that_cannot_be_read_is_counted_and_the_beat_counts_all_the_same) {
    struct bed b = bed_new(&usual, CLIENTS);
    run(&b, 2, 0);
    struct beat beat = {.kind = BEAT_KIND_BEAT, .interval_ms = 100, .digest_len = 3};
    struct core_event e = {.kind = CORE_BEAT_RECEIVED};
    uint64_t before = core_counters(b.f->core)->beats_received;
    echo_fill(&b.peers[0].echo, &beat, b.f->now);
    memset(beat.digest, 0xff, 3);
    e.u.beat = (struct core_beat_received){.peer = 0, .beat = &beat};
    fixture_step(b.f, &e);
    cr_expect_eq(core_counters(b.f->core)->digests_refused, 1u);
    cr_expect_eq(core_counters(b.f->core)->beats_received, before + 1);
    fixture_free(b.f);
}

/* ---- how far they are ------------------------------------------------------------------------ */

static struct core_ranking r; /* 11 KB */

static void takes_blocks(struct bed *b, uint32_t peer) {
    const struct description d = {.cluster = b->f->policy.peers[peer].name, .beat_blocks = true};
    struct core_event e = {.kind = CORE_PEER_DESCRIBED};
    e.u.described = (struct core_peer_described){.peer = peer, .description = &d};
    fixture_step(b->f, &e);
}

/* Peers that take blocks are told how far clients are; an older one is not, and has the digest. */
Test(core_digests, round_trips_ride_along) {
    struct bed b = bed_new(&usual, CLIENTS);
    run(&b, 2, 0);
    takes_blocks(&b, 0);
    run(&b, 3, 0);
    cr_expect_gt(b.peers[0].trips, 10u);
    cr_expect(b.peers[0].last_trip_ms >= 29 && b.peers[0].last_trip_ms <= 32, "%u",
              b.peers[0].last_trip_ms);
    cr_expect_eq(b.peers[1].trips, 0u);
    cr_expect_gt(b.peers[1].digests, 10u);
    fixture_free(b.f);
}

/* What a peer's clients have measured is what ranking goes by. */
Test(core_digests, round_trips_rank_backups) {
    struct bed b = bed_new(&usual, CLIENTS);
    b.peers[1].says = well;
    b.peers[1].says.location = prefix_of("192.0.2.0/24");
    b.peers[1].says_trip = 25;
    run(&b, 3, 0);
    memset(&r, 0, sizeof(r));
    r.location = prefix_of("192.0.2.0/24");
    cr_assert_eq(core_rank(b.f->core, NULL, &r), ERR_OK);
    for (uint32_t i = 0; i < r.count; i++)
        cr_expect_eq(r.rows[i].candidate.rtt_measured.us, r.rows[i].peer == 1 ? 25000 : 0);
    r.location = prefix_of("198.51.100.0/24");
    cr_assert_eq(core_rank(b.f->core, NULL, &r), ERR_OK);
    for (uint32_t i = 0; i < r.count; i++)
        cr_expect_eq(r.rows[i].candidate.rtt_measured.us, 0);
    fixture_free(b.f);
}
