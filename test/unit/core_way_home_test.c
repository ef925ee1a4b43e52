/* Who left a bad path goes home when its clients hear that way well again. */
#include "peerd/core/way_home.h"

#include "test/unit/homing_fixture.h"

#define SESSIONS 4

/* Home has been there all the time. */
static void report(struct bed *b) {
    tell(b, VERDICT_ALIVE);
    home_of(b)->back_since = b->f->core->started;
}

static void leave_home(struct bed *b, uint32_t i) {
    comes(b, i, MOVE_CAUSE_DEGRADED);
}

static struct bed bed_of_fled(void) {
    struct bed b = bed_new(&(struct bed_setup){
        .count = SESSIONS, .homing = POLICY_RETURN_ALWAYS, .return_per_s = 50, .probing = true});
    report(&b);
    for (uint32_t i = 0; i < SESSIONS; i++)
        leave_home(&b, i);
    report(&b);
    return b;
}

/* What the client of a session says of its way home. */
static void hears(struct bed *b, uint32_t i, uint8_t asked, uint8_t lost) {
    struct node_trip t = {.client = b->sessions[i].client,
                          .cluster = key_hint_of(&b->f->policy.peers[0].key),
                          .rtt_us = 40000,
                          .samples = 20,
                          .asked = asked,
                          .lost = lost,
                          .session = b->sessions[i].session};
    fares_trips_heard(b->f->core, &(struct node_request){.trips = &t, .trip_count = 1});
}

/* So long they all hear it like that, a word each second of one of them. */
static void listen(struct bed *b, int64_t seconds, uint8_t asked, uint8_t lost) {
    for (int64_t s = 0; s < seconds; s++) {
        for (int i = 0; i < 10; i++) {
            b->f->now = instant_add(b->f->now, duration_ms(100));
            report(b);
        }
        hears(b, (uint32_t)s % SESSIONS, asked, lost);
    }
}

/* Whoever is asked to goes home and stands by here. */
static uint32_t go(struct bed *b) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < SESSIONS; i++)
        if (is_sent_home(b, i)) {
            goes(b, i);
            count++;
        }
    report(b);
    return count;
}

Test(core_way_home, nobody_goes_while_it_is_bad_or_unheard) {
    static const struct {
        const char *what;
        uint8_t asked, lost;
    } rows[] = {{"a seventh is lost either way", 20, 5},
                {"one in twenty", 20, 1},
                {"nothing is told of it", 0, 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bed b = bed_of_fled();
        listen(&b, 200, rows[i].asked, rows[i].lost);
        cr_expect_eq(sent_home(&b), 0u, "%s", rows[i].what);
        bed_free(&b);
    }
}

Test(core_way_home, one_goes_first_and_the_others_when_it_has_stayed) {
    struct bed b = bed_of_fled();
    listen(&b, 40, 20, 0);
    cr_expect_eq(sent_home(&b), 0u, "it may be well for a moment");
    listen(&b, 10, 20, 0);
    cr_expect_eq(go(&b), 1u, "a scout");
    listen(&b, 12, 20, 0);
    cr_expect_eq(sent_home(&b), 0u, "it has not been there for long");
    listen(&b, 12, 20, 0);
    cr_expect_eq(go(&b), SESSIONS - 1u);
    bed_free(&b);
}

Test(core_way_home, while_the_scout_stays_nobody_follows) {
    struct bed b = bed_of_fled();
    listen(&b, 50, 20, 0);
    cr_assert_eq(sent_home(&b), 1u);
    listen(&b, 60, 20, 0);
    cr_expect_leq(sent_home(&b), 1u, "its client does not go");
    bed_free(&b);
}

Test(core_way_home, what_becomes_bad_again_begins_anew) {
    struct bed b = bed_of_fled();
    listen(&b, 40, 20, 0);
    listen(&b, 2, 20, 5);
    listen(&b, 40, 20, 0);
    cr_expect_eq(sent_home(&b), 0u);
    bed_free(&b);
}

/* Sends a scout, which has to leave again so long after it went. */
static void in_vain(struct bed *b, int64_t after_s) {
    uint32_t scout = 0;
    while (scout < SESSIONS && !is_sent_home(b, scout))
        scout++;
    cr_assert_eq(go(b), 1u);
    listen(b, after_s, 20, 5);
    leave_home(b, scout);
    report(b);
}

Test(core_way_home, who_has_to_leave_again_closes_it_for_long) {
    static const int64_t again_s[] = {1800, 3600};
    struct bed b = bed_of_fled();
    listen(&b, 50, 20, 0);
    for (size_t i = 0; i < sizeof(again_s) / sizeof(again_s[0]); i++) {
        in_vain(&b, 5);
        listen(&b, again_s[i] - 5, 20, 0);
        cr_expect_eq(sent_home(&b), 0u, "%zu: 45 s are not enough any more", i);
        listen(&b, 10, 20, 0);
        cr_expect_eq(sent_home(&b), 1u, "%zu", i);
    }
    bed_free(&b);
}

/* Who loses frames here tells of its backups for another reason. */
Test(core_way_home, what_is_said_in_doubt_of_us_is_no_word_of_it) {
    struct bed b = bed_of_fled();
    struct ailing_report bad = {.expected = 25, .lost = 5, .rating_centi = 5000};
    for (int s = 0; s < 50; s++) {
        for (uint32_t i = 0; i < SESSIONS; i++)
            ailing_heard(b.f->core, session_find(b.f->core, &b.sessions[i].session), &bad);
        listen(&b, 1, 20, 0);
    }
    cr_expect_eq(sent_home(&b), 0u);
    bed_free(&b);
}
