#include "peerd/core/state.h"
#include "test/unit/core_fixture.h"

/* What clients say of the first peer, by turning to us: how it is counted, taken back, forgotten.
 */

#define GUESTS 4

struct bed {
    struct fixture *f;
    struct node_session guests[GUESTS]; /* in two locations, by turns */
};

static struct bed bed_new(void) {
    struct bed b = {.f = fixture_new(1, 2, 100)};
    fixture_register(b.f);
    for (uint32_t i = 0; i < GUESTS; i++) {
        b.guests[i] = fixture_session(i + 1, 1, RESUME_STANDBY);
        b.guests[i].client.ip[2] = (uint8_t)(2 + i % 2);
        b.guests[i].client.ip[3] = (uint8_t)(i + 1);
        b.guests[i].served_by = key_hint_of(&b.f->policy.peers[0].key);
        b.guests[i].cause = MOVE_CAUSE_CRASHED;
    }
    return b;
}

/* It asks our worker for this, and the node tells so. */
static void turns(struct bed *b, uint32_t guest, enum resume_purpose purpose) {
    b->guests[guest].purpose = purpose;
    b->guests[guest].epoch += purpose == RESUME_COMMIT;
    fixture_node(b->f, 0, &(struct fixture_report){&b->guests[guest], 1, .changes = true});
}

/* Nobody turns anywhere; the node keeps telling so, or it would be given up with its sessions. */
static void lasts(struct bed *b, int64_t ms) {
    for (int64_t left = ms; left > 0; left -= 50) {
        b->f->now = instant_add(b->f->now, duration_ms(50));
        fixture_node(b->f, 0, &(struct fixture_report){.changes = true});
    }
}

static struct verdict_clients sum(const struct bed *b) {
    b->f->core->peers[0]->testimony.counted = INSTANT_NEVER;
    return testimony_sum(b->f->core, b->f->core->peers[0]);
}

static void expect(const struct bed *b, const char *what, uint32_t missing, uint32_t moved,
                   uint32_t places) {
    struct verdict_clients c = sum(b);
    cr_expect_eq(c.missing, missing, "%s: %u miss it", what, c.missing);
    cr_expect_eq(c.moved, moved, "%s: %u have moved", what, c.moved);
    cr_expect_eq(c.places, places, "%s: in %u places", what, c.places);
    cr_expect_eq(c.known >= c.missing, true, "%s: %u are known", what, c.known);
}

Test(core_testimony, words_are_counted_taken_back_and_kept_if_acted_on) {
    struct bed b = bed_new();
    expect(&b, "nobody has spoken", 0, 0, 0);
    turns(&b, 0, RESUME_HEDGE);
    turns(&b, 1, RESUME_HEDGE);
    expect(&b, "two hedge", 2, 0, 2);
    turns(&b, 1, RESUME_STANDBY);
    expect(&b, "one hears its server again", 1, 0, 1);
    turns(&b, 0, RESUME_COMMIT);
    expect(&b, "the other has moved", 1, 1, 1);
    fixture_free(b.f);
}

/* Its node tells of it again: an answer was lost, or its figures are others. */
Test(core_testimony, who_is_told_of_again_is_one_client) {
    struct bed b = bed_new();
    for (int i = 0; i < 3; i++)
        turns(&b, 0, RESUME_HEDGE);
    expect(&b, "one hedges", 1, 0, 1);
    turns(&b, 0, RESUME_COMMIT);
    fixture_node(b.f, 0, &(struct fixture_report){&b.guests[0], 1, .changes = true});
    expect(&b, "and moves", 1, 1, 1);
    fixture_free(b.f);
}

/* What was said a second before the newest word belongs to another story. */
Test(core_testimony, words_are_forgotten_after_a_second_of_silence) {
    struct bed b = bed_new();
    turns(&b, 0, RESUME_HEDGE);
    turns(&b, 1, RESUME_HEDGE);
    lasts(&b, 950);
    expect(&b, "not yet", 2, 0, 2);
    lasts(&b, 100);
    expect(&b, "over", 0, 0, 0);
    turns(&b, 2, RESUME_HEDGE);
    expect(&b, "begun anew", 1, 0, 1);
    cr_expect_eq(sum(&b).within.us, 0, "the first word is the new one");
    fixture_free(b.f);
}

/* The one who hedged is forgotten; another of its location has moved since. When the first one
 * calls its hedge off it takes back what is not counted any more, and not the other's word. */
Test(core_testimony, what_is_forgotten_cannot_be_taken_back) {
    struct bed b = bed_new();
    turns(&b, 0, RESUME_HEDGE);
    lasts(&b, 1100);
    turns(&b, 2, RESUME_COMMIT);
    expect(&b, "one has moved without a hedge", 1, 1, 1);
    turns(&b, 0, RESUME_STANDBY);
    expect(&b, "and still has", 1, 1, 1);
    fixture_free(b.f);
}

/* Whom a third cluster gave a ticket stands by under its name: their locations are known as soon as
 * they speak, or those who miss it would be more than there are. */
Test(core_testimony, a_location_that_misses_it_is_one_that_we_know) {
    struct bed b = bed_new();
    turns(&b, 0, RESUME_HEDGE);
    cr_expect_eq(sum(&b).places_known, 1);
    turns(&b, 1, RESUME_HEDGE);
    turns(&b, 2, RESUME_COMMIT);
    struct verdict_clients c = sum(&b);
    cr_expect_eq(c.places_known, 2, "%u", c.places_known);
    cr_expect_eq(c.places, 2, "%u", c.places);
    fixture_free(b.f);
}
