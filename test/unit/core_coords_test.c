#include "peerd/core/ranking.h"
#include "peerd/core/state.h"
#include "peerd/wire/nearness.h"
#include "test/unit/core_fixture.h"

#include <math.h>

#define PEERS 4

static struct echo other;

static struct fixture *begin(uint32_t peers, bool coordinates) {
    struct fixture *f = calloc(1, sizeof(*f));
    cr_assert_not_null(f);
    f->now = instant_us(5000000);
    fixture_policy(&f->policy, 0, peers, 100);
    f->policy.performance.coordinates = coordinates;
    fixture_start(f, 0x123456789abcdef);
    echo_init(&other, 77);
    return f;
}

/* ---- who gets blocks ------------------------------------------------------------------------- */

/* Each says something every 100 ms and hears the other; how often we said where we are. */
static int converse(struct fixture *f, int rounds) {
    int told = 0;
    for (int i = 0; i < rounds; i++) {
        struct beat beat = {.kind = BEAT_KIND_BEAT, .interval_ms = 100};
        struct core_event e = {.kind = CORE_BEAT_RECEIVED};
        size_t len;
        f->now = instant_add(f->now, duration_ms(100));
        echo_fill(&other, &beat, f->now);
        e.u.beat = (struct core_beat_received){.peer = 0, .beat = &beat};
        fixture_step(f, &e);
        for (uint32_t k = 0; k < f->outbox.count; k++) {
            const struct core_intention *sent = &f->outbox.items[k];
            if (sent->kind != CORE_SEND_BEAT)
                continue;
            echo_beat_received(&other, &sent->u.beat.beat, f->now);
            told += beat_find_block(&sent->u.beat.beat, BEAT_BLOCK_COORDINATE, &len) != NULL;
        }
    }
    return told;
}

static void describe(struct fixture *f, bool takes_blocks) {
    const struct description d = {.cluster = f->policy.peers[0].name, .beat_blocks = takes_blocks};
    struct core_event e = {.kind = CORE_PEER_DESCRIBED};
    e.u.described = (struct core_peer_described){.peer = 0, .description = &d};
    fixture_step(f, &e);
}

Test(core_coords, whoever_may_be_of_an_older_version_gets_no_blocks) {
    struct fixture *f = begin(1, true);
    cr_expect_eq(converse(f, 30), 0, "it has not described itself");
    describe(f, false);
    cr_expect_eq(converse(f, 30), 0, "it does not take any");
    describe(f, true);
    int told = converse(f, 50);
    cr_expect(told >= 4 && told <= 6, "once a second: %d", told);
    echo_init(&other, 78);
    cr_expect_eq(converse(f, 30), 0, "its new run may be an older one");
    describe(f, true);
    cr_expect_gt(converse(f, 30), 0);
    fixture_free(f);
}

Test(core_coords, become_rare_and_may_be_forbidden) {
    struct fixture *f = begin(1, true);
    converse(f, 20);
    describe(f, true);
    converse(f, 600);
    int told = converse(f, 500);
    cr_expect(told >= 4 && told <= 6, "every ten seconds: %d", told);
    f->policy.performance.coordinates = false;
    fixture_step(f, &(struct core_event){.kind = CORE_POLICY_CHANGED, .u.policy = &f->policy});
    cr_expect_eq(converse(f, 300), 0);
    fixture_free(f);
}

/* ---- where everybody is ---------------------------------------------------------------------- */

static const double places_ms[PEERS][2] = {{0, 0}, {100, 0}, {0, 80}, {90, 70}};

static double away_ms(const double a[2], const double b[2]) {
    return hypot(a[0] - b[0], a[1] - b[1]) + 2;
}

/* A peer tells its place, and is as far from us as that. */
static void tell(struct fixture *f, uint32_t i, const double *ours) {
    const struct nearness_coordinate c = {
        .at_tenths = {(int16_t)(places_ms[i][0] * 10), (int16_t)(places_ms[i][1] * 10)},
        .height_tenths = 10,
        .error_percent = 5};
    struct beat beat = {.kind = BEAT_KIND_BEAT};
    uint8_t bytes[NEARNESS_COORDINATE_LEN];
    struct peering *p = f->core->peers[i];
    nearness_write_coordinate(bytes, &c);
    cr_assert(beat_add_block(&beat, BEAT_BLOCK_COORDINATE, bytes, sizeof(bytes)));
    if (ours != NULL)
        p->rtt = duration_us((int64_t)(away_ms(ours, places_ms[i]) * 1000));
    coords_heard(f->core, p, &beat);
}

static const struct prefix *location(void) {
    static struct prefix p;
    cr_assert(prefix_from_text(&p, "192.0.2.0/24"));
    return &p;
}

/* Its clients at the location are as far from it as from `at`. */
static void serve(struct fixture *f, uint32_t i, const double at[2]) {
    const struct perf_summary told = {.location = *location(),
                                      .usual_centi = 9000,
                                      .recent_centi = 9000,
                                      .reports = 9,
                                      .clients = 9,
                                      .rtt_ms = (uint16_t)lround(away_ms(at, places_ms[i]))};
    cr_assert(perf_told(fares_perf(f->core), f->core->peers[i]->number, &told, f->now));
}

Test(core_coords, what_nobody_has_measured_is_estimated) {
    static const double clients[][2] = {{10, 10}, {80, 10}, {20, 60}, {50, 40}};
    for (size_t k = 0; k < sizeof(clients) / sizeof(clients[0]); k++) {
        struct fixture *f = begin(PEERS, true);
        struct fares_words words;
        struct coord at;
        for (uint32_t i = 0; i < PEERS; i++)
            tell(f, i, NULL);
        for (uint32_t i = 0; i < PEERS - 1; i++) {
            fares_words(f->core, location(), &words);
            cr_expect_not(coords_locate(f->core, location(), &words, &at), "%u are too few", i);
            serve(f, i, clients[k]);
        }
        fares_words(f->core, location(), &words);
        cr_assert(coords_locate(f->core, location(), &words, &at));
        const struct coord *last = coords_of(f->core, f->core->peers[PEERS - 1]);
        cr_assert_not_null(last);
        double is = away_ms(clients[k], places_ms[PEERS - 1]);
        double estimated = (double)coord_rtt(&at, last).us / 1000;
        cr_expect(fabs(estimated - is) < 0.25 * is, "%zu: %.1f ms, not %.1f", k, estimated, is);
        struct rank_candidate candidates[POLICY_PEERS_MAX];
        const struct ranking_about about = {.location = *location()};
        cr_assert_eq(ranking_candidates(f->core, &about, false, candidates), PEERS);
        for (uint32_t i = 0; i < PEERS; i++)
            cr_expect_eq(candidates[i].rtt_measured.us > 0, i < PEERS - 1);
        cr_expect_eq(candidates[PEERS - 1].rtt_estimated.us, coord_rtt(&at, last).us);
        fixture_free(f);
    }
}

Test(core_coords, we_find_our_own_place) {
    static const double ours[2] = {60, 30};
    struct fixture *f = begin(PEERS, true);
    for (int round = 0; round < 60; round++) {
        f->now = instant_add(f->now, duration_s(1));
        f->core->now = f->now;
        for (uint32_t i = 0; i < PEERS; i++)
            tell(f, i, ours);
    }
    struct beat beat = {.kind = BEAT_KIND_BEAT};
    struct nearness_coordinate told;
    size_t len;
    f->core->peers[0]->takes_blocks = true;
    coords_fill(f->core, f->core->peers[0], &beat);
    const uint8_t *block = beat_find_block(&beat, BEAT_BLOCK_COORDINATE, &len);
    cr_assert(block != NULL && nearness_read_coordinate(&told, block, len));
    struct coord at = {.height_ms = told.height_tenths / 10.0, .error = 1};
    for (int i = 0; i < COORD_DIMENSIONS; i++)
        at.at_ms[i] = told.at_tenths[i] / 10.0;
    for (uint32_t i = 0; i < PEERS; i++) {
        double is = away_ms(ours, places_ms[i]);
        double estimated = (double)coord_rtt(&at, coords_of(f->core, f->core->peers[i])).us / 1000;
        cr_expect(fabs(estimated - is) < 0.1 * is, "%u: %.1f ms, not %.1f", i, estimated, is);
    }
    cr_expect_leq(told.error_percent, 10);
    fixture_free(f);
}

Test(core_coords, one_that_is_none_is_counted) {
    struct fixture *f = begin(1, true);
    struct beat beat = {.kind = BEAT_KIND_BEAT};
    cr_assert(beat_add_block(&beat, BEAT_BLOCK_COORDINATE, "none", 4));
    coords_heard(f->core, f->core->peers[0], &beat);
    cr_expect_eq(core_counters(f->core)->coordinates_refused, 1u);
    cr_expect_null(coords_of(f->core, f->core->peers[0]));
    fixture_free(f);
}

/* Its place in the list may be another's now. */
Test(core_coords, who_is_no_peer_any_more_is_forgotten) {
    struct fixture *f = begin(2, true);
    tell(f, 0, NULL);
    cr_expect_not_null(coords_of(f->core, f->core->peers[0]));
    f->policy.peers[0] = f->policy.peers[1];
    f->policy.peer_count = 1;
    fixture_step(f, &(struct core_event){.kind = CORE_POLICY_CHANGED, .u.policy = &f->policy});
    cr_expect_null(coords_of(f->core, f->core->peers[0]));
    fixture_free(f);
}
