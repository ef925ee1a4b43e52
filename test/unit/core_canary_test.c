/* Who leaves a bad path, where to, and why somebody stays: one rule after the other. */
#include "peerd/core/canary_inner.h"
#include "peerd/core/state.h"
#include "peerd/wire/beat.h"
#include "peerd/wire/digest.h"
#include "test/unit/core_fixture.h"
#include "topo/location.h"

#define SESSIONS 12

struct bed {
    struct fixture *f;
    struct node_session sessions[SESSIONS];
    bool dead;     /* peer0 */
    uint32_t gone; /* sessions, the first ones */
};

static struct peering *peer(const struct bed *b, uint32_t index) {
    return b->f->core->peers[index];
}

static void tell(struct bed *b) {
    for (uint32_t i = 0; i < 2; i++) {
        peer(b, i)->verdict.verdict = b->dead && i == 0 ? VERDICT_CRASHED : VERDICT_ALIVE;
        peer(b, i)->takes_blocks = true;
        peer(b, i)->said_free = 100;
        peering_show(b->f->core, peer(b, i));
    }
    fixture_node(b->f, 0,
                 &(struct fixture_report){.sessions = b->sessions + b->gone,
                                          .session_count = SESSIONS - b->gone});
}

static void wait(struct bed *b, int64_t ms) {
    for (int64_t left = ms; left > 0; left -= 100) {
        b->f->now = instant_add(b->f->now, duration_ms(100));
        tell(b);
    }
}

/* Each in a network of its own; the first `to_first` like peer0 best, the others peer1. */
static struct bed bed_new(uint32_t canary, uint32_t to_first) {
    struct bed b = {.f = fixture_new(1, 2, 100)};
    b.f->policy.performance.canary = canary;
    b.f->policy.performance.degraded_clients_min = 8;
    b.f->policy.detection.flap_half_life = duration_s(60);
    fixture_step(b.f, &(struct core_event){.kind = CORE_POLICY_CHANGED, .u.policy = &b.f->policy});
    for (uint32_t i = 0; i < SESSIONS; i++) {
        struct node_session *s = &b.sessions[i];
        *s = fixture_session(i + 1, 1, RESUME_COMMIT);
        s->client = addr_ipv4((uint8_t[4]){198, 51, (uint8_t)i, 1}, 5004);
        s->backups[0] = b.f->policy.peers[i < to_first ? 0 : 1].name;
        s->backups[1] = b.f->policy.peers[i < to_first ? 1 : 0].name;
        s->backup_count = 2;
        s->expected = 50;
    }
    fixture_register(b.f);
    tell(&b);
    wait(&b, 12000);
    return b;
}

static struct session *session_of(const struct bed *b, uint32_t i) {
    struct session *s = session_find(b->f->core, &b->sessions[i].session);
    cr_assert_not_null(s);
    return s;
}

/* It has lost one frame in five since its last report. */
static void loses(struct bed *b, uint32_t i) {
    b->sessions[i].expected += 50;
    b->sessions[i].lost_before += 10;
}

/* Of our frames it has lost one in six meanwhile. */
static void hears(struct bed *b, uint32_t i, uint32_t of, uint8_t asked, uint8_t lost) {
    const struct node_trip t = {.session = b->sessions[i].session,
                                .client = b->sessions[i].client,
                                .asked = asked,
                                .lost = lost,
                                .due = 48,
                                .missing = 8,
                                .runs = 8};
    ailing_way_heard(b->f->core, &t, peer(b, of));
}

/* The first `count` lose, also while they ask, and hear both peers well. */
static void suffer(struct bed *b, uint32_t count) {
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < count; i++)
            loses(b, i);
        tell(b);
        for (uint32_t i = 0; i < count; i++) {
            hears(b, i, 0, 16, 0);
            hears(b, i, 1, 16, 0);
        }
    }
}

static struct canary fresh(const struct bed *b) {
    return (struct canary){.location = {.addr = {.family = 4}},
                           .begun = b->f->core->now,
                           .settled = INSTANT_NEVER,
                           .first = true};
}

static uint32_t sent(const struct bed *b) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < SESSIONS; i++) {
        const struct move *m = session_of(b, i)->move;
        count += m != NULL && m->out && m->cause == MOVE_CAUSE_DEGRADED;
    }
    return count;
}

Test(core_canary, goes_where_most_of_them_like_best) {
    static const uint32_t likes_first[] = {3, 9};
    for (size_t i = 0; i < 2; i++) {
        struct bed b = bed_new(0, likes_first[i]);
        struct canary c = fresh(&b);
        suffer(&b, SESSIONS);
        cr_expect_eq(canary_best_heard(b.f->core, &c), peer(&b, i == 0 ? 1 : 0));
        fixture_free(b.f);
    }
}

Test(core_canary, begins_with_as_many_as_policy_asks_for) {
    struct bed b = bed_new(3, SESSIONS);
    suffer(&b, 7);
    canary_judge(b.f->core);
    wait(&b, 200);
    cr_expect_eq(sent(&b), 0u, "seven are fewer than eight");
    suffer(&b, 8);
    wait(&b, 200);
    cr_expect_eq(sent(&b), 3u);
    fixture_free(b.f);
}

Test(core_canary, sends_nobody_where_its_client_loses_as_much) {
    struct bed b = bed_new(0, SESSIONS);
    struct canary c = fresh(&b);
    suffer(&b, SESSIONS);
    cr_expect(canary_may_turn(b.f->core, session_of(&b, 0), &c, peer(&b, 0)));
    for (int i = 0; i < 3; i++)
        hears(&b, 0, 0, 16, 8);
    cr_expect_not(canary_may_turn(b.f->core, session_of(&b, 0), &c, peer(&b, 0)));
    cr_expect(canary_may_turn(b.f->core, session_of(&b, 0), &c, peer(&b, 1)), "the other is well");
    fixture_free(b.f);
}

/* Even where its own reports have fallen as far as they can. */
Test(core_canary, what_its_client_hears_outweighs_how_it_fares) {
    struct bed b = bed_new(0, SESSIONS);
    const struct prefix location = location_of(&b.sessions[0].client);
    const struct canary own = {.location = location, .first = true};
    suffer(&b, SESSIONS);
    const struct perf_location *at = perf_find(b.f->core->fares.perf, &location);
    cr_assert(at != NULL && at->own != NULL);
    for (int i = 0; i < 50; i++)
        level_add(&at->own->degrade.usual, DEGRADE_USUAL_HALF, 9300, b.f->core->now);
    session_of(&b, 0)->fares_centi = 3000;
    cr_expect(canary_may_turn(b.f->core, session_of(&b, 0), &own, peer(&b, 0)));
    for (int i = 0; i < 4; i++)
        hears(&b, 0, 0, 16, 12);
    cr_expect_not(canary_may_turn(b.f->core, session_of(&b, 0), &own, peer(&b, 0)));
    fixture_free(b.f);
}

Test(core_canary, who_fares_as_usual_stays) {
    struct bed b = bed_new(0, SESSIONS);
    const struct prefix location = location_of(&b.sessions[0].client);
    const struct canary own = {.location = location, .first = true};
    suffer(&b, 1);
    struct session *s = session_of(&b, 0);
    ailing_forget(b.f->core, s);
    const struct perf_location *at = perf_find(b.f->core->fares.perf, &location);
    cr_assert(at != NULL && at->own != NULL);
    for (int i = 0; i < 50; i++)
        level_add(&at->own->degrade.usual, DEGRADE_USUAL_HALF, 9300, b.f->core->now);
    uint32_t usual = level_mean(&at->own->degrade.usual);
    s->fares_centi = (uint16_t)(usual - FARES_DROP_CENTI / 2 - 10);
    cr_expect(canary_may_turn(b.f->core, s, &own, peer(&b, 0)));
    s->fares_centi = (uint16_t)(usual - FARES_DROP_CENTI / 2 + 10);
    cr_expect_not(canary_may_turn(b.f->core, s, &own, peer(&b, 0)));
    fixture_free(b.f);
}

Test(core_canary, moves_nobody_who_came_just_now) {
    struct bed b = bed_new(0, SESSIONS);
    struct canary c = fresh(&b);
    suffer(&b, SESSIONS);
    for (uint32_t i = 0; i < SESSIONS; i++) {
        session_of(&b, i)->came_s = core_second(b.f->core) - 9;
        session_of(&b, i)->found = false;
        session_of(&b, i)->epoch = 2;
    }
    cr_expect_null(canary_best_heard(b.f->core, &c), "nine seconds");
    for (uint32_t i = 0; i < SESSIONS; i++)
        session_of(&b, i)->came_s = core_second(b.f->core) - 11;
    cr_expect_not_null(canary_best_heard(b.f->core, &c), "eleven");
    for (uint32_t i = 0; i < SESSIONS; i++) {
        session_of(&b, i)->came_s = core_second(b.f->core) - 2;
        session_of(&b, i)->epoch = 1;
    }
    cr_expect_null(canary_best_heard(b.f->core, &c), "two seconds, and they began here");
    for (uint32_t i = 0; i < SESSIONS; i++)
        session_of(&b, i)->came_s = core_second(b.f->core) - 3;
    cr_expect_not_null(canary_best_heard(b.f->core, &c), "three");
    fixture_free(b.f);
}

/* Three went first, and were sent back: others are next. */
Test(core_canary, who_went_first_and_came_back_does_not_go_first_again) {
    struct bed b = bed_new(3, SESSIONS);
    suffer(&b, SESSIONS);
    wait(&b, 200);
    cr_assert_eq(sent(&b), 3u);
    for (uint32_t i = 0; i < SESSIONS; i++) {
        struct session *s = session_of(&b, i);
        bool went = s->move != NULL;
        struct canary c = fresh(&b);
        s->came_cause = MOVE_CAUSE_RETURN;
        cr_expect_eq(canary_has_had_enough(b.f->core, s, &c), went, "session %u", (unsigned)i);
        s->came_s = core_second(b.f->core) + 70;
        cr_expect_not(canary_has_had_enough(b.f->core, s, &c), "it was well there for long");
        s->came_s = core_second(b.f->core) + 50;
        c.first = false;
        cr_expect_not(canary_has_had_enough(b.f->core, s, &c), "it may follow");
    }
    fixture_free(b.f);
}

static uint32_t asked_to(const struct bed *b, uint32_t of) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < SESSIONS; i++) {
        const struct move *m = session_of(b, i)->move;
        count += m != NULL && m->out && name_equal(&m->to, &peer(b, of)->policy.name);
    }
    return count;
}

Test(core_canary, nobody_is_asked_on_to_where_he_can_go_no_more) {
    struct bed b = bed_new(3, SESSIONS);
    suffer(&b, SESSIONS);
    wait(&b, 200);
    cr_assert_eq(asked_to(&b, 0), 3u);
    b.dead = true;
    wait(&b, 2500);
    cr_expect_eq(asked_to(&b, 0), 0u, "it lapses when its order would be repeated");
    fixture_free(b.f);
}

Test(core_canary, a_gain_must_be_more_than_chance) {
    struct bed b = bed_new(3, SESSIONS);
    suffer(&b, SESSIONS);
    struct canary c = fresh(&b);
    uint32_t own = canary_own_centi(b.f->core, &c);
    c.stayed_centi = own;
    c.stayed_looks = 1;
    c.sent = 3;
    c.told_reports = 3;
    c.told_spread = 300;
    c.told_centi = own + 500 + 284 + 20; /* half a fall, and what chance makes of three reports */
    cr_expect(canary_are_surely_better(b.f->core, &c));
    c.told_spread = 2000;
    cr_expect_not(canary_are_surely_better(b.f->core, &c), "so far may three be off");
    cr_expect(canary_may_be_better(b.f->core, &c));
    c.told_centi = own + 500 + 1893 / 2 + 20;
    cr_expect_not(canary_are_surely_better(b.f->core, &c));
    c.peer = peer(&b, 0)->number;
    cr_expect(canary_are_surely_better(b.f->core, &c), "those who stayed surely hear it better");
    c.told_centi = own + 240;
    cr_expect_not(canary_may_be_better(b.f->core, &c), "not half of what makes it worth the way");
    fixture_free(b.f);
}

/* Where those who surely lean miss nothing who misses some answers may have a bad access. */
Test(core_canary, nobody_follows_who_hears_less_of_it_than_the_others) {
    struct bed b = bed_new(0, SESSIONS);
    struct canary c = fresh(&b);
    suffer(&b, SESSIONS);
    struct session *s = session_of(&b, 0);
    for (int i = 0; i < 2; i++)
        hears(&b, 0, 0, 16, 1);
    cr_assert(ailing_leaning(b.f->core, s, peer(&b, 0)->number) >= 2 * LEAN_SOME);
    c.heard = (struct lean_heard){.asked = 500};
    cr_expect(canary_may_turn(b.f->core, s, &c, peer(&b, 0)), "nobody went before it");
    c.first = false;
    c.example = (struct canary_example){.went_centi = 9300, .stayed_centi = 3000};
    cr_expect_not(canary_may_turn(b.f->core, s, &c, peer(&b, 0)));
    c.heard.lost_milli = 20000;
    cr_expect(canary_may_turn(b.f->core, s, &c, peer(&b, 0)), "they miss some, too");
    c.heard = (struct lean_heard){.asked = LEAN_OTHERS - 1};
    cr_expect(canary_may_turn(b.f->core, s, &c, peer(&b, 0)), "they have told too little");
    fixture_free(b.f);
}

static struct canary gone_from(uint16_t before_centi) {
    return (struct canary){.location = {.addr = {.family = 4}},
                           .settled = INSTANT_NEVER,
                           .first = true,
                           .sent = 3,
                           .had_centi = {before_centi, before_centi, before_centi},
                           .told_reports = 9,
                           .told_spread = 300};
}

Test(core_canary, nobody_is_sent_back_to_where_it_was_worse_off) {
    struct bed b = bed_new(3, SESSIONS);
    struct canary c = gone_from(3000);
    c.of_ailing = true;
    cr_expect_eq(canary_own_centi(b.f->core, &c), 3000u, "all have gone: what they had before");
    suffer(&b, SESSIONS);
    c.worst_centi = 8000; /* those who stayed are others */
    c.told_centi = 3000 + 500 + 164 + 20;
    cr_expect(canary_would_lose_more_here(b.f->core, &c));
    c.told_centi -= 40;
    cr_expect_not(canary_would_lose_more_here(b.f->core, &c), "so far may nine be off");
    c.told_centi = 8500;
    c.worst_centi = 3100;
    cr_expect_not(canary_would_lose_more_here(b.f->core, &c), "those who stayed lost as much then");
    c.worst_centi = 8000;
    c.told_reports = 0;
    cr_expect_not(canary_would_lose_more_here(b.f->core, &c), "nobody knows");
    c.told_reports = 9;
    c.told_centi = 3240;
    cr_expect(canary_fare_as_before(b.f->core, &c), "that peer is to blame");
    c.told_centi = 3260;
    cr_expect_not(canary_fare_as_before(b.f->core, &c), "they fare well, and so may others");
    c.first = false;
    c.told_centi = 2800;
    cr_expect(canary_would_lose_more_here(b.f->core, &c), "who followed has seen it, and stays");
    c.told_centi = 2700;
    cr_expect_not(canary_would_lose_more_here(b.f->core, &c), "unless it fares worse");
    fixture_free(b.f);
}

Test(core_canary, who_follows_has_fared_as_the_first) {
    struct bed b = bed_new(0, SESSIONS);
    struct canary c = fresh(&b);
    suffer(&b, SESSIONS);
    struct session *s = session_of(&b, 0);
    uint32_t has = level_mean(&s->ail->rating);
    s->fares_centi = (uint16_t)has;
    c.first = false;
    c.example = (struct canary_example){.went_centi = has + 3000, .stayed_centi = has - 1000};
    cr_expect(canary_may_turn(b.f->core, s, &c, peer(&b, 0)));
    c.example.went_centi = has + 490;
    cr_expect_not(canary_may_turn(b.f->core, s, &c, peer(&b, 0)), "it would not gain enough");
    s->ail->lean = (struct lean){0};
    hears(&b, 0, 0, 16, 1);
    int32_t leaning = ailing_leaning(b.f->core, s, peer(&b, 0)->number);
    cr_assert(leaning < LEAN_SOME && leaning > -LEAN_SOME, "%d", (int)leaning);
    c.example.went_centi = has + 3000;
    cr_expect(canary_may_turn(b.f->core, s, &c, peer(&b, 0)), "it fares as they did");
    c.example.stayed_centi = has - 2500;
    cr_expect_not(canary_may_turn(b.f->core, s, &c, peer(&b, 0)), "it may be another matter");
    for (int i = 0; i < 4; i++)
        hears(&b, 0, 0, 16, 0);
    cr_expect(canary_may_turn(b.f->core, s, &c, peer(&b, 0)), "it is sure itself");
    c.example = (struct canary_example){0};
    cr_expect(canary_may_turn(b.f->core, s, &c, peer(&b, 0)), "nobody went before it");
    fixture_free(b.f);
}

/* Those who were asked have gone. */
static void go(struct bed *b) {
    for (uint32_t i = 0; i < SESSIONS; i++)
        if (session_of(b, i)->move != NULL) {
            struct node_session other = b->sessions[b->gone];
            b->sessions[b->gone++] = b->sessions[i];
            b->sessions[i] = other;
        }
    tell(b);
}

/* Those who went fare as well as one can. */
static void tells_of_newcomers(struct bed *b, uint32_t of) {
    const struct digest_entry e = {.location = {.addr = {.family = 4}},
                                   .usual_centi = 9300,
                                   .recent_centi = 9300,
                                   .reports = 9,
                                   .clients = 3};
    uint8_t bytes[DIGEST_HEADER_LEN + DIGEST_ENTRY_LEN_MAX];
    struct beat beat = {.boot = 1};
    size_t written, len = digest_encode(bytes, sizeof(bytes), &e, 1, &written);
    cr_assert(beat_add_block(&beat, BEAT_BLOCK_NEWCOMERS, bytes, len));
    canary_heard(b->f->core, peer(b, of), &beat);
}

static void suspected_for_a_moment(struct bed *b, uint32_t of) {
    peer(b, of)->verdict.verdict = VERDICT_SUSPECT;
    b->f->core->suspects = 1;
    canary_step(b->f->core);
    peer(b, of)->verdict.verdict = VERDICT_ALIVE;
    b->f->core->suspects = 0;
}

/* Where every path loses a little the peer is suspected now and then, for some ten milliseconds. */
Test(core_canary, a_moment_of_suspicion_does_not_begin_it_anew) {
    struct bed b = bed_new(3, SESSIONS);
    suffer(&b, SESSIONS);
    wait(&b, 200);
    cr_assert_eq(asked_to(&b, 0), 3u);
    go(&b);
    for (uint32_t i = 0; i < 45; i++) { /* 4.5 s */
        for (uint32_t k = b.gone; k < SESSIONS && i % 5 == 0; k++) {
            loses(&b, k);
            hears(&b, k, 0, 10, 0);
        }
        b.f->now = instant_add(b.f->now, duration_ms(100));
        b.f->core->now = b.f->now;
        if (i % 10 == 9)
            suspected_for_a_moment(&b, 0);
        tell(&b);
        tells_of_newcomers(&b, 0);
    }
    cr_expect_eq(b.f->core->counters.canaries_followed, 1u);
    fixture_free(b.f);
}

/* Of a pair that was in vain nobody speaks where another peer is heard as well. */
Test(core_canary, what_is_in_vain_at_one_peer_is_tried_at_another) {
    struct bed b = bed_new(3, SESSIONS);
    suffer(&b, SESSIONS);
    wait(&b, 200);
    cr_assert_eq(asked_to(&b, 0), 3u);
    for (int i = 0; i < 12 && asked_to(&b, 1) == 0; i++) { /* none of them goes */
        suffer(&b, SESSIONS);
        wait(&b, 1000);
    }
    cr_expect_eq(asked_to(&b, 1), 3u);
    fixture_free(b.f);
}

/* What the peer tells of its own clients there counts, too, if they are enough. */
Test(core_canary, nobody_follows_where_the_peers_own_have_fallen) {
    struct bed b = bed_new(0, SESSIONS);
    suffer(&b, SESSIONS);
    struct canary c = {.location = location_of(&b.sessions[0].client),
                       .peer = peer(&b, 0)->number,
                       .settled = INSTANT_NEVER,
                       .sent = 3,
                       .told_reports = 9,
                       .told_spread = 300,
                       .stayed_looks = 1};
    c.stayed_centi = canary_own_centi(b.f->core, &c);
    c.told_centi = c.stayed_centi + 2500;
    cr_expect(canary_are_surely_better(b.f->core, &c));
    struct perf_summary word = {.location = c.location,
                                .usual_centi = 9300,
                                .recent_centi = (uint16_t)c.stayed_centi,
                                .reports = FARES_REPORTS - 1,
                                .clients = 9};
    cr_assert(perf_told(b.f->core->fares.perf, c.peer, &word, b.f->core->now));
    cr_expect(canary_are_surely_better(b.f->core, &c), "of so few it says nothing");
    word.reports = 9;
    cr_assert(perf_told(b.f->core->fares.perf, c.peer, &word, b.f->core->now));
    cr_expect_not(canary_are_surely_better(b.f->core, &c));
    fixture_free(b.f);
}

/* Both peers are heard well, and whoever is asked to go to either of them does not. */
Test(core_canary, where_nobody_goes_no_peer_is_tried_twice) {
    struct bed b = bed_new(3, SESSIONS);
    for (int i = 0; i < 45; i++) {
        suffer(&b, SESSIONS);
        wait(&b, 1000);
    }
    cr_expect_eq(b.f->core->counters.canaries, 2u, "%u", (unsigned)b.f->core->counters.canaries);
    fixture_free(b.f);
}

Test(core_canary, nobody_ails_for_ever) {
    struct bed b = bed_new(0, SESSIONS);
    suffer(&b, 3);
    const struct prefix all = {.addr = {.family = 4}};
    cr_expect_eq(ailing_fares(b.f->core, &all).sessions, 3u);
    wait(&b, duration_in_ms(AILING_FOR) - 200);
    cr_expect_eq(ailing_fares(b.f->core, &all).sessions, 3u);
    wait(&b, 400);
    cr_expect_eq(ailing_fares(b.f->core, &all).sessions, 0u);
    loses(&b, 5);
    tell(&b);
    cr_expect_null(session_of(&b, 0)->ail, "it goes when another comes");
    cr_expect_not_null(session_of(&b, 5)->ail);
    fixture_free(b.f);
}

/* ---- why somebody stays ---------------------------------------------------------------------- */

static const char *why(const struct bed *b, uint32_t i) {
    static struct core_stay stay;
    stay = (struct core_stay){.word = "nothing"};
    bool stays = core_session_stays(b->f->core, &b->sessions[i].session, &stay);
    cr_expect_eq(stays, stay.text[0] != '\0');
    return stay.word;
}

static void loses_alone(struct bed *b, uint32_t i) {
    loses(b, i);
    tell(b);
}

Test(core_canary, why_one_stays_is_told) {
    struct bed b = bed_new(3, SESSIONS);
    cr_expect_str_eq(why(&b, 0), "nothing");
    loses_alone(&b, 0);
    cr_expect_str_eq(why(&b, 0), "unsure", "it has told nothing of others");
    hears(&b, 0, 0, 16, 12);
    cr_expect_str_eq(why(&b, 0), "as_bad");
    hears(&b, 0, 1, 16, 0);
    loses_alone(&b, 0);
    hears(&b, 0, 1, 16, 0);
    cr_expect_str_eq(why(&b, 0), "too_few", "it is alone");
    peer(&b, 1)->room.known = true;
    cr_expect_str_eq(why(&b, 0), "no_room");
    session_of(&b, 0)->came_s = core_second(b.f->core) - 1;
    cr_expect_str_eq(why(&b, 0), "new");
    b.f->policy.performance.canary = 0;
    fixture_step(b.f, &(struct core_event){.kind = CORE_POLICY_CHANGED, .u.policy = &b.f->policy});
    cr_expect_str_eq(why(&b, 0), "off");
    fixture_free(b.f);
}

Test(core_canary, and_what_becomes_of_others) {
    struct bed b = bed_new(3, SESSIONS);
    suffer(&b, SESSIONS);
    wait(&b, 200);
    uint32_t leaving = 0, watched = 0;
    for (uint32_t i = 0; i < SESSIONS; i++) {
        const char *word = why(&b, i);
        leaving += strcmp(word, "leaving") == 0;
        watched += strcmp(word, "watched") == 0;
    }
    cr_expect_eq(leaving, 3u);
    cr_expect_eq(watched, SESSIONS - 3u);
    for (int i = 0; i < 120; i++) { /* none of them goes, and peer1 is as bad */
        if (i % 10 == 0)
            suffer(&b, SESSIONS);
        for (uint32_t k = 0; k < SESSIONS && i % 10 == 0; k++)
            hears(&b, k, 1, 16, 12);
        wait(&b, 100);
    }
    cr_expect_str_eq(why(&b, SESSIONS - 1), "in_vain");
    fixture_free(b.f);
}
