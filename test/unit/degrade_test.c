#include "monitor/degrade.h"

#include "peerd/base/rng.h"

#include <criterion/criterion.h>
#include <string.h>

#define CLIENTS 20

static const struct degrade_wish wish = {.drop_centi = 1000,
                                         .clients_min = 5,
                                         .reports_min = 3,
                                         .interval = {1000000},
                                         .hold = {10000000}};

struct bed {
    struct degrade d;
    uint32_t lost;  /* of 50 frames a report of who is bad */
    uint32_t looks; /* packets asked of cluster 7 with each report, … */
    uint32_t every; /* … of which each so manyth is lost; 0: none */
    uint32_t asked;
    struct rng rng;
    struct instant now;
    struct degrade_peer peers[2];
    size_t peer_count;
    bool silent;                /* they have said it before, and say nothing now */
    struct degrade_event event; /* the newest */
    int events;
};

/* Each client reports once a second; the first `bad_clients` of them this R, the others usual. */
static void run(struct bed *b, struct duration how_long, int bad_clients, uint32_t bad_centi) {
    struct instant end = instant_add(b->now, how_long);
    struct degrade_event e;
    for (; instant_before(b->now, end); b->now = instant_add(b->now, duration_ms(50))) {
        int client = (int)(b->now.us / 50000 % CLIENTS);
        uint32_t usual = 9000 - (uint32_t)rng_below(&b->rng, 400);
        degrade_heard(&b->d, &wish, b->now, (uint32_t)client,
                      client < bad_clients ? bad_centi : usual);
        degrade_lost(&b->d, 50, client < bad_clients ? b->lost : 0, b->now);
        for (uint32_t i = 0; i < b->looks; i++)
            degrade_way_heard(&b->d, &wish, 7, 1, b->every > 0 && b->asked++ % b->every == 0,
                              b->now);
        for (size_t i = 0; i < b->peer_count && !b->silent; i++)
            b->peers[i].heard_at = b->now;
        degrade_check_invariants(&b->d);
        if (degrade_judge(&b->d, &wish, b->now, b->peers, b->peer_count, &e)) {
            b->event = e;
            b->events++;
        }
    }
}

static struct bed bed_of(uint32_t peer_recent) {
    struct bed b = {.now = {5000000}};
    rng_seed(&b.rng, 1);
    degrade_init(&b.d, b.now);
    b.peers[0] = (struct degrade_peer){9000, peer_recent, 300, 7, {0}};
    b.peer_count = peer_recent > 0 ? 1 : 0;
    run(&b, duration_s(30), 0, 0);
    cr_assert_eq(b.events, 0);
    cr_assert_eq(b.d.state, DEGRADE_STATE_STEADY);
    return b;
}

/* Who suffers, and what is said of it within 3 s. */
Test(degrade, the_cause_follows_from_what_peers_tell) {
    static const struct {
        const char *what;
        int bad;
        uint32_t r_centi, peer_centi;
        int events;
        enum degrade_cause cause;
    } rows[] = {
        {"our clients alone fare worse", CLIENTS, 6500, 9000, 1, DEGRADE_CAUSE_PATH},
        {"peers' clients there do, too", CLIENTS, 6500, 6700, 1, DEGRADE_CAUSE_ACCESS},
        {"nobody else serves there", CLIENTS, 6500, 0, 1, DEGRADE_CAUSE_UNKNOWN},
        {"most of our clients", 14, 6500, 9000, 1, DEGRADE_CAUSE_PATH},
        {"a few have a bad line of their own", 4, 2000, 9000, 0, DEGRADE_CAUSE_UNKNOWN},
        {"all of them, by less than is wished", CLIENTS, 8400, 9000, 0, DEGRADE_CAUSE_UNKNOWN},
        {"nobody", 0, 0, 9000, 0, DEGRADE_CAUSE_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bed b = bed_of(9000);
        b.peers[0].recent_centi = rows[i].peer_centi;
        b.peer_count = rows[i].peer_centi > 0;
        struct instant onset = b.now;
        run(&b, duration_s(3), rows[i].bad, rows[i].r_centi);
        cr_expect_eq(b.events, rows[i].events, "%s: %d events", rows[i].what, b.events);
        if (b.events == 0)
            continue;
        cr_expect_eq(b.event.cause, rows[i].cause, "%s: %s", rows[i].what,
                     degrade_cause_name(b.event.cause));
        cr_expect(instant_since(b.event.onset, onset).us < 1000000, "%s", rows[i].what);
    }
}

Test(degrade, one_burst_is_no_degradation) {
    struct bed b = bed_of(9000);
    for (int i = 0; i < 20; i++) { /* each client's next report shows it, and no further one */
        run(&b, duration_ms(1200), CLIENTS, 5000);
        run(&b, duration_s(4), 0, 0);
    }
    cr_expect_eq(b.events, 0);
}

/* That they fared well before says nothing of whose fault it is that ours do not now. */
Test(degrade, a_word_from_before_the_fall_is_no_evidence) {
    struct bed b = bed_of(9000);
    b.silent = true;
    run(&b, duration_s(3), CLIENTS, 6000);
    cr_expect_eq(b.events, 1);
    cr_expect_eq(b.event.cause, DEGRADE_CAUSE_UNKNOWN, "%s", degrade_cause_name(b.event.cause));
    cr_expect_eq(b.event.peer, (size_t)DEGRADE_PEERS_MAX);
}

Test(degrade, old_words_are_not_believed) {
    struct bed b = bed_of(9000);
    b.peers[0].recent_centi = 9000;
    size_t count = b.peer_count;
    b.peer_count = 0; /* told no more */
    run(&b, duration_s(3), CLIENTS, 6000);
    cr_expect_eq(count, 1);
    cr_expect_eq(b.events, 1);
    cr_expect_eq(b.event.cause, DEGRADE_CAUSE_UNKNOWN);
    b.peer_count = 1; /* then the peer tells: the cause is another than was said */
    run(&b, duration_s(5), CLIENTS, 6000);
    cr_expect_eq(b.events, 2);
    cr_expect_eq(b.event.change, DEGRADE_CHANGE_CAUSE);
    cr_expect_eq(b.event.cause, DEGRADE_CAUSE_PATH);
}

Test(degrade, it_ends_once_and_only_after_a_while) {
    struct bed b = bed_of(9000);
    run(&b, duration_s(5), CLIENTS, 6000);
    cr_assert_eq(b.events, 1);
    for (int i = 0; i < 5; i++) { /* it flaps: nothing is said */
        run(&b, duration_s(6), 0, 0);
        run(&b, duration_s(3), CLIENTS, 6000);
    }
    cr_expect_eq(b.events, 1);
    cr_expect(degrade_is_bad(&b.d));
    run(&b, duration_s(15), 0, 0);
    cr_expect_eq(b.events, 2);
    cr_expect_eq(b.event.change, DEGRADE_CHANGE_ENDED);
    cr_expect_not(degrade_is_bad(&b.d));
}

Test(degrade, what_stays_bad_becomes_usual_in_the_end) {
    struct bed b = bed_of(9000);
    run(&b, duration_s(3600), CLIENTS, 7000);
    cr_expect_eq(b.events, 2);
    cr_expect_eq(b.event.change, DEGRADE_CHANGE_ENDED);
}

Test(degrade, two_who_agree_and_one_who_fares_well) {
    struct bed b = bed_of(9000);
    b.peer_count = 2; /* the upstream that we share with one is bad: with the other it is not */
    b.peers[0] = (struct degrade_peer){9000, 6200, 300, 20, {0}};
    b.peers[1] = (struct degrade_peer){8800, 8800, 300, 6, {0}};
    run(&b, duration_s(3), CLIENTS, 6000);
    cr_assert_eq(b.events, 1);
    cr_expect_eq(b.event.cause, DEGRADE_CAUSE_PATH);
    cr_expect_eq(b.event.peer, 1);
}

/* Who loses frames reports four times as often: reports alone would make a few of them many. */
static int events_with(int bad_clients) {
    struct bed b = bed_of(9000);
    struct degrade_event e;
    for (int i = 0; i < 160; i++, b.now = instant_add(b.now, duration_ms(50))) {
        degrade_heard(&b.d, &wish, b.now, (uint32_t)(i % CLIENTS),
                      i % CLIENTS < bad_clients ? 6000 : 8800);
        for (int k = 0; i % 5 == 0 && k < bad_clients; k++)
            degrade_heard(&b.d, &wish, b.now, (uint32_t)k, 6000);
        b.peers[0].heard_at = b.now;
        b.events += degrade_judge(&b.d, &wish, b.now, b.peers, b.peer_count, &e);
        degrade_check_invariants(&b.d);
    }
    return b.events;
}

Test(degrade, a_third_of_those_there_must_be_bad_however_much_they_say) {
    cr_expect_eq(events_with(6), 0, "6 of 20: %d", events_with(6));
    cr_expect_eq(events_with(7), 1, "7 of 20: %d", events_with(7));
}

Test(degrade, another_cause_must_hold_before_it_is_named) {
    struct bed b = bed_of(9000);
    run(&b, duration_s(4), CLIENTS, 6000);
    cr_assert_eq(b.events, 1);
    cr_assert_eq(b.event.cause, DEGRADE_CAUSE_PATH);
    for (int i = 0; i < 4; i++) { /* the peer's clients have fallen, for 2.9 s, and have not */
        b.peers[0].recent_centi = 6200;
        run(&b, duration_ms(2900), CLIENTS, 6000);
        b.peers[0].recent_centi = 9000;
        run(&b, duration_ms(500), CLIENTS, 6000);
    }
    cr_expect_eq(b.events, 1);
    b.peers[0].recent_centi = 6200;
    run(&b, duration_ms(3200), CLIENTS, 6000);
    cr_expect_eq(b.events, 2);
    cr_expect_eq(b.event.cause, DEGRADE_CAUSE_ACCESS);
}

/* Its clients there have always fared so: it is as bad for them, and moving there would not help.
 */
Test(degrade, who_has_not_fallen_and_is_worse_than_we_are_shows_no_better_path) {
    struct bed b = bed_of(9000);
    b.peers[0] = (struct degrade_peer){5000, 5000, 300, 20, {0}};
    run(&b, duration_s(3), CLIENTS, 6000);
    cr_assert_eq(b.events, 1);
    cr_expect_eq(b.event.cause, DEGRADE_CAUSE_ACCESS, "%s", degrade_cause_name(b.event.cause));
}

/* Nobody else serves the location: its clients themselves tell by how they hear another cluster. */
Test(degrade, without_words_the_cause_follows_from_what_clients_hear) {
    static const struct {
        const char *what;
        uint32_t lost, looks, every;
        enum degrade_cause cause;
    } cases[] = {
        {"they hear another as ever", 8, 5, 0, DEGRADE_CAUSE_PATH},
        {"they lose as much of it", 8, 5, 6, DEGRADE_CAUSE_ACCESS},
        {"they lose more of it", 8, 5, 3, DEGRADE_CAUSE_ACCESS},
        {"they do not say", 8, 0, 0, DEGRADE_CAUSE_UNKNOWN},
        {"they say next to nothing", 8, 1, 3, DEGRADE_CAUSE_ACCESS},
        {"they lose nothing, it is something else", 0, 5, 0, DEGRADE_CAUSE_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bed b = bed_of(0);
        b.lost = cases[i].lost;
        b.looks = cases[i].looks;
        b.every = cases[i].every;
        run(&b, duration_ms(3500), CLIENTS, 6000);
        cr_assert_eq(b.events, 1, "%s: %d events", cases[i].what, b.events);
        cr_expect_eq(b.event.cause, cases[i].cause, "%s: %s", cases[i].what,
                     degrade_cause_name(b.event.cause));
        cr_expect_eq(b.event.peer, DEGRADE_PEERS_MAX);
        cr_expect_eq(b.event.way.cluster, cases[i].cause == DEGRADE_CAUSE_UNKNOWN ? 0 : 7);
    }
}

Test(degrade, what_clients_heard_before_they_fell_is_no_evidence) {
    struct bed b = bed_of(0);
    b.looks = 16;
    run(&b, duration_s(5), 0, 0);
    cr_expect_eq(ways_one(&b.d.ways, 7, b.now).packets, 0);
    b.lost = 8;
    b.every = 6;
    run(&b, duration_ms(3500), CLIENTS, 6000);
    cr_assert_eq(b.events, 1);
    cr_expect_eq(b.event.cause, DEGRADE_CAUSE_ACCESS);
}

Test(degrade, words_of_peers_come_before_what_clients_hear) {
    struct bed b = bed_of(6000);
    b.lost = 8;
    b.looks = 5;
    run(&b, duration_ms(3500), CLIENTS, 6000);
    cr_assert_eq(b.events, 1);
    cr_expect_eq(b.event.cause, DEGRADE_CAUSE_ACCESS);
    cr_expect_eq(b.event.peer, 0);
}

Test(degrade, the_event_says_what_it_rests_on) {
    char text[DEGRADE_TEXT_LEN_MAX + 1];
    struct degrade_event e = {.change = DEGRADE_CHANGE_BEGAN,
                              .cause = DEGRADE_CAUSE_PATH,
                              .usual_centi = 9100,
                              .recent_centi = 6200,
                              .clients_bad = 19,
                              .clients = 20,
                              .sure_permille = 999,
                              .peer = 0,
                              .word = {9000, 8950, 300, 7, {0}}};
    cr_expect_str_eq(degrade_event_to_text(&e, "203.0.113.0/24", "ams1", text),
                     "203.0.113.0/24 fares worse: R 91 -> 62 (MOS 4.3 -> 3.2) at 19 of 20 clients; "
                     "with ams1 90 -> 90: our path to it is bad (sure 99.9 %)");
    e.peer = DEGRADE_PEERS_MAX;
    e.way = (struct ways_view){WAYS_PATH, 310, 7, 40, 146, 1490};
    cr_expect_str_eq(degrade_event_to_text(&e, "203.0.113.0/24", "ams1", text),
                     "203.0.113.0/24 fares worse: R 91 -> 62 (MOS 4.3 -> 3.2) at 19 of 20 clients; "
                     "they lose 15 % of us and 0 % of 146 packets of ams1: our path to it is bad "
                     "(sure 99.9 %)");
    e.way = (struct ways_view){.finding = WAYS_NOTHING};
    e.cause = DEGRADE_CAUSE_UNKNOWN;
    cr_expect_str_eq(degrade_event_to_text(&e, "203.0.113.0/24", "", text),
                     "203.0.113.0/24 fares worse: R 91 -> 62 (MOS 4.3 -> 3.2) at 19 of 20 clients: "
                     "no peer can tell whose fault it is");
    e.change = DEGRADE_CHANGE_ENDED;
    cr_expect_str_eq(degrade_event_to_text(&e, "203.0.113.0/24", "", text),
                     "203.0.113.0/24 fares as usual again: R 62, usual 91");
}

/* Nothing bad is learnt as usual: of one whose clients a third of the time hear another better. */
Test(degrade, what_ailing_clients_have_is_never_usual) {
    struct degrade d;
    struct instant now = instant_us(1000000);
    degrade_init(&d, now);
    for (int i = 0; i < 400; i++, now = instant_add(now, duration_ms(50))) {
        if (i < 20) /* before it is known that they hear another better */
            degrade_heard(&d, &wish, now, (uint32_t)(i % CLIENTS), 6000);
        else
            degrade_heard_ailing(&d, &wish, now, (uint32_t)(i % CLIENTS), 6000);
        degrade_check_invariants(&d);
    }
    cr_expect_eq(d.state, DEGRADE_STATE_LEARNING);
    cr_expect_eq(level_figures(&d.usual), 0u, "nor is anything kept from before that");
    for (int i = 0; i < 400; i++, now = instant_add(now, duration_ms(50)))
        if (i % 5 == 0) /* some are left */
            degrade_heard_ailing(&d, &wish, now, 1, 6000);
        else
            degrade_heard(&d, &wish, now, (uint32_t)(i % CLIENTS), 9000);
    cr_expect_eq(d.state, DEGRADE_STATE_STEADY);
    cr_expect_eq(level_mean(&d.usual), 9000u);
    for (int i = 0; i < 40; i++, now = instant_add(now, duration_ms(500)))
        degrade_heard_ailing(&d, &wish, now, 1, 6000);
    cr_expect_eq(level_mean(&d.usual), 9000u, "nor later");
}
