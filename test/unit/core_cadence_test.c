#include "peerd/core/state.h"
#include "test/unit/core_fixture.h"

#include <string.h>

/* How often beats leave, and are asked for, follows what the path needs and the peer asks, within
 * what policy permits. One peer of the test's answers each beat at once, or not at all. */

static struct echo other;
static uint16_t asked_by_peer; /* [ms] */
static uint32_t lose_every;    /* so many answers, one is lost; 0 none */
static uint32_t sent, answered, fetched;
static uint16_t asked, stated; /* [ms] in our newest beat */

static bool wants_description(const struct fixture *f) {
    for (uint32_t i = 0; i < f->outbox.count; i++)
        if (f->outbox.items[i].kind == CORE_FETCH_DESCRIPTION)
            return true;
    return false;
}

/* It has no node, and so no source. */
static void describe(struct fixture *f) {
    struct description d = {.cluster = f->policy.peers[0].name};
    struct core_event e = {.kind = CORE_PEER_DESCRIBED};
    name_set(&d.provider, "acme");
    name_set(&d.region, "here");
    e.u.described.peer = 0;
    e.u.described.description = &d;
    fixture_step(f, &e);
    fetched++;
}

static void answer(struct fixture *f, const struct core_send_beat *b) {
    struct beat beat = {.kind = BEAT_KIND_BEAT,
                        .interval_ms = b->beat.interval_ms,
                        .ask_interval_ms = asked_by_peer,
                        .send_us = f->now.us};
    struct core_event e = {.kind = CORE_BEAT_RECEIVED};
    echo_beat_received(&other, &b->beat, f->now);
    echo_fill(&other, &beat, f->now);
    /* Multiplied by the golden ratio a count looks random enough (Knuth, 6.4). */
    if (lose_every > 0 && (++answered * UINT32_C(2654435769) >> 16) % lose_every == 0)
        return;
    e.u.beat = (struct core_beat_received){.peer = 0, .beat = &beat};
    fixture_step(f, &e);
    if (wants_description(f))
        describe(f);
}

static void converse(struct fixture *f, int64_t ms) {
    sent = fetched = 0;
    for (int64_t t = 0; t < ms; t += 10) {
        struct core_send_beat b = {.peer = UINT32_MAX};
        f->now = instant_add(f->now, duration_ms(10));
        fixture_step(f, &(struct core_event){.kind = CORE_TICK});
        for (uint32_t i = 0; i < f->outbox.count; i++)
            if (f->outbox.items[i].kind == CORE_SEND_BEAT)
                b = f->outbox.items[i].u.beat;
        if (wants_description(f))
            describe(f);
        if (b.peer == UINT32_MAX)
            continue;
        sent++;
        asked = b.beat.ask_interval_ms;
        stated = b.beat.interval_ms;
        answer(f, &b);
    }
}

static struct fixture *begin(int64_t least_ms, int64_t most_ms) {
    struct fixture *f = fixture_new(0, 1, 100);
    f->policy.detection = (struct policy_detection){.detect_within = duration_ms(600),
                                                    .false_alarm_every = duration_s(3600),
                                                    .interval = duration_ms(100),
                                                    .interval_min = duration_ms(least_ms),
                                                    .interval_max = duration_ms(most_ms)};
    fixture_step(f, &(struct core_event){.kind = CORE_POLICY_CHANGED, .u.policy = &f->policy});
    echo_init(&other, 70);
    asked_by_peer = 100;
    lose_every = answered = 0;
    converse(f, 10000);
    cr_assert_eq(core_peer_status(f->core, 0, f->now).verdict, VERDICT_ALIVE);
    return f;
}

Test(core_cadence, the_sender_obeys_within_its_bounds) {
    static const struct {
        const char *what;
        int64_t least_ms, most_ms;
        uint16_t asked_ms, obeyed_ms;
    } rows[] = {
        {"as asked", 20, 200, 50, 50},
        {"no more often than permitted", 40, 200, 20, 40},
        {"nothing asked", 20, 200, 0, 100},
        {"not more rarely than our own ears need", 20, 200, 1000, 100},
        {"policy without bounds: fivefold", 0, 0, 1, 20},
        {"and never more rarely than usual", 0, 0, 500, 100},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture *f = begin(rows[i].least_ms, rows[i].most_ms);
        asked_by_peer = rows[i].asked_ms;
        converse(f, 500);
        cr_expect_eq(stated, rows[i].obeyed_ms, "%s: %d", rows[i].what, stated);
        converse(f, 2000);
        cr_expect(sent >= 2000u / rows[i].obeyed_ms - 1 && sent <= 2000u / rows[i].obeyed_ms + 1,
                  "%s: %u in two seconds", rows[i].what, sent);
        fixture_free(f);
    }
}

/* From the reload on, and of that peer alone; what was learnt of its path is kept. */
Test(core_cadence, a_peers_own_wish_counts) {
    struct fixture *f = begin(20, 200);
    struct policy_wish *own = &f->policy.peers[0].wish;
    own->detect_within = duration_ms(1500);
    own->false_alarm_every = duration_s(60);
    fixture_step(f, &(struct core_event){.kind = CORE_POLICY_CHANGED, .u.policy = &f->policy});
    struct core_peer_status s = core_peer_status(f->core, 0, f->now);
    cr_expect_eq(duration_in_ms(s.wish.detect_within), 1500);
    cr_expect_eq(duration_in_ms(s.wish.false_alarm_every), 60000);
    cr_expect_gt(s.proofs, 50);
    lose_every = 1;
    converse(f, 1300);
    cr_expect_eq(core_peer_status(f->core, 0, f->now).verdict, VERDICT_SUSPECT);
    converse(f, 300);
    cr_expect_eq(core_peer_status(f->core, 0, f->now).verdict, VERDICT_CRASHED);
    fixture_free(f);
}

Test(core_cadence, a_quiet_path_is_asked_for_less_and_both_do) {
    struct fixture *f = begin(20, 200);
    asked_by_peer = 1000;
    converse(f, 300000);
    cr_expect(asked > 150 && asked <= 200, "%d", asked);
    cr_expect_eq(stated, asked, "a proof is an echo: both directions count");
    struct core_peer_status s = core_peer_status(f->core, 0, f->now);
    cr_expect_eq(duration_in_ms(s.figures.asked), asked);
    cr_expect(s.figures.meets_wish);
    cr_expect_eq(s.mistakes, 0);
    fixture_free(f);
}

Test(core_cadence, a_path_that_loses_is_asked_for_more) {
    struct fixture *f = begin(20, 200);
    lose_every = 4;
    converse(f, 200000);
    cr_expect_lt(asked, 100, "%d", asked);
    cr_expect_geq(asked, 20);
    cr_expect_leq(stated, asked);
    fixture_free(f);
}

/* Each fetch is a TLS handshake; one that lacks something soon has it, or never will. */
Test(core_cadence, a_peer_without_nodes_is_not_asked_twice_a_second_for_ever) {
    struct fixture *f = begin(0, 0);
    cr_expect(fetched >= 18 && fetched <= 21, "%u in the first ten seconds", fetched);
    converse(f, 20000);
    cr_expect(fetched >= 3 && fetched <= 6, "%u in twenty more", fetched);
    fixture_free(f);
}
