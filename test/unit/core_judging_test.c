#include "peerd/core/state.h"
#include "test/unit/core_fixture.h"

/* What a witness's word becomes before it is judged: of when it is, whose, and of what worth. The
 * detectors and the words of the peers are set by the test, on paths of which nothing is known. */

#define PEERS 3

struct bed {
    struct fixture *f;
    struct core *core;
};

static void heard(struct bed *b, uint32_t peer, int64_t announced_ms) {
    struct peering *p = b->core->peers[peer];
    detector_life_proven(&p->detector, b->f->now, b->f->now, duration_ms(announced_ms));
    b->core->now = b->f->now;
    peering_judge(b->core, p);
}

static struct bed bed_new(int64_t interval_ms, int64_t within_ms) {
    struct bed b = {.f = fixture_new(0, PEERS, 100)};
    b.f->policy.detection.interval = duration_ms(interval_ms);
    b.f->policy.detection.detect_within = duration_ms(within_ms);
    fixture_step(b.f, &(struct core_event){.kind = CORE_POLICY_CHANGED, .u.policy = &b.f->policy});
    b.core = b.f->core;
    for (uint32_t i = 0; i < PEERS; i++)
        heard(&b, i, interval_ms);
    return b;
}

/* One tells now how old its newest proof of the first peer is. */
static void tells(struct bed *b, uint32_t witness, uint32_t age_ms) {
    b->core->peers[witness]->views[0] = (struct peering_view){
        true, b->f->now, {.peer = b->core->peers[0]->hint, .age_ms = age_ms, .rtt_ms = 0}};
}

static const struct verdict_result *judged(struct bed *b) {
    b->core->now = b->f->now;
    peering_judge(b->core, b->core->peers[0]);
    return &b->core->peers[0]->verdict;
}

static void lasts(struct bed *b, int64_t ms) {
    b->f->now = instant_add(b->f->now, duration_ms(ms));
}

/* Who was given up has nothing to say of others, for it or against. */
Test(core_judging, the_dead_are_no_witnesses) {
    struct bed b = bed_new(100, 400);
    lasts(&b, 60);
    heard(&b, 0, 100);
    tells(&b, 1, 5000);
    lasts(&b, 350);
    heard(&b, 2, 100);
    lasts(&b, 30);
    tells(&b, 2, 5000);
    b.core->now = b.f->now;
    peering_judge(b.core, b.core->peers[1]);
    cr_assert_eq(b.core->peers[1]->detector.opinion, DETECTOR_EXPIRED);
    lasts(&b, 25);
    tells(&b, 1, 5000); /* as of before: an old beat may come late */
    const struct verdict_result *v = judged(&b);
    cr_expect_eq(v->verdict, VERDICT_CRASHED, "%s: %s", verdict_name(v->verdict), v->evidence);
    cr_expect_str_eq(v->evidence, "no beat for 405 ms; peer2 silent too");
    fixture_free(b.f);
}

/* Seconds later its witness is dead as well, and nobody else remembers. */
Test(core_judging, who_is_convicted_stays_so_on_the_evidence_of_then) {
    struct bed b = bed_new(100, 400);
    lasts(&b, 380);
    heard(&b, 1, 100);
    heard(&b, 2, 100);
    lasts(&b, 25);
    tells(&b, 1, 5000);
    tells(&b, 2, 5000);
    const struct verdict_result *v = judged(&b);
    cr_assert_eq(v->verdict, VERDICT_CRASHED);
    for (int i = 0; i < 50; i++) {
        lasts(&b, 100);
        heard(&b, 2, 100);
        v = judged(&b);
        cr_expect_eq(v->verdict, VERDICT_CRASHED);
        cr_expect_str_eq(v->evidence, "no beat for 405 ms; peer1, peer2 silent too");
    }
    heard(&b, 0, 100);
    cr_expect_str_eq(v->evidence, "rtt not measured yet", "%s", v->evidence);
    fixture_free(b.f);
}

/* Two clusters that have not described themselves are two, whatever they may turn out to be. */
Test(core_judging, the_undescribed_are_domains_of_their_own) {
    struct bed b = bed_new(100, 400);
    lasts(&b, 380);
    heard(&b, 1, 100);
    heard(&b, 2, 100);
    lasts(&b, 25);
    tells(&b, 1, 5000);
    tells(&b, 2, 5000);
    const struct verdict_result *v = judged(&b);
    cr_expect_eq(v->verdict, VERDICT_CRASHED, "%s: %s", verdict_name(v->verdict), v->evidence);
    cr_expect_str_eq(v->evidence, "no beat for 405 ms; peer1, peer2 silent too");
    fixture_free(b.f);
}

/* A proof may be newer than ours by two intervals, a round trip and 30 ms without being another.
 * The word of a witness 400 ms away was 200 ms under way. */
Test(core_judging, a_word_is_as_old_as_its_way) {
    static const struct {
        const char *what;
        int64_t rtt_ms; /* to the witness */
        uint32_t age_ms;
        enum verdict verdict;
    } rows[] = {{"from near by", 0, 50, VERDICT_PARTITIONED},
                {"from far away", 400, 50, VERDICT_SUSPECT},
                {"how far is not known", -1, 50, VERDICT_PARTITIONED},
                {"old, from near by", 0, 250, VERDICT_SUSPECT},
                {"so old that it misses it, too", 0, 5000, VERDICT_CRASHED}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bed b = bed_new(100, 400);
        lasts(&b, 380);
        heard(&b, 1, 100);
        heard(&b, 2, 100);
        lasts(&b, 25);
        b.core->peers[1]->rtt = rows[i].rtt_ms < 0 ? DURATION_ENDLESS : duration_ms(rows[i].rtt_ms);
        tells(&b, 1, rows[i].age_ms);
        const struct verdict_result *v = judged(&b);
        cr_expect_eq(v->verdict, rows[i].verdict, "%s: %s: %s", rows[i].what,
                     verdict_name(v->verdict), v->evidence);
        fixture_free(b.f);
    }
}

/* While somebody is suspected beats are promised more often than they usually come. What counts as
 * a newer proof than ours does not shrink with that: the proofs that are compared are from before.
 */
Test(core_judging, a_hurried_beat_makes_nobody_object) {
    struct bed b = bed_new(100, 400);
    lasts(&b, 60);
    heard(&b, 0, 20);
    lasts(&b, 350);
    heard(&b, 1, 100);
    heard(&b, 2, 100);
    lasts(&b, 55);
    tells(&b, 1, 250); /* 155 ms newer than ours */
    const struct verdict_result *v = judged(&b);
    cr_expect_eq(v->verdict, VERDICT_SUSPECT, "%s: %s", verdict_name(v->verdict), v->evidence);
    cr_expect_eq(v->rule, 11, "%u: %s", v->rule, v->evidence);
    tells(&b, 1, 150); /* 255 ms: more than 230 */
    v = judged(&b);
    cr_expect_eq(v->verdict, VERDICT_PARTITIONED, "%s: %s", verdict_name(v->verdict), v->evidence);
    fixture_free(b.f);
}

/* Three that fall silent at once are rather one of us; two that do, while the third is heard, are
 * two. One that has been silent for longer has nothing to do with it. */
Test(core_judging, whoever_hears_nobody_doubts_itself_first) {
    static const struct {
        const char *what;
        int64_t others_ms[2]; /* when they are heard last */
        enum verdict verdict;
        const char *evidence;
    } rows[] = {
        {"all at once",
         {0, 30},
         VERDICT_SUSPECT,
         "no beat for 405 ms, nor of anybody else: it may be us"},
        {"one is heard", {0, 380}, VERDICT_CRASHED, "no beat for 400 ms; no witness"},
        {"the others were silent before",
         {-800, -900},
         VERDICT_CRASHED,
         "no beat for 400 ms; no witness"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bed b = bed_new(100, 400);
        struct instant began = instant_add(b.f->now, duration_ms(1000));
        for (int64_t ms = -900; ms <= 405; ms += 5) {
            b.core->now = b.f->now = instant_add(began, duration_ms(ms));
            for (uint32_t k = 0; k < 2; k++)
                if (rows[i].others_ms[k] == ms)
                    heard(&b, k + 1, 100);
            if (ms == 0)
                heard(&b, 0, 100);
            for (uint32_t k = 0; k < PEERS; k++)
                peering_judge(b.core, b.core->peers[(k + 1) % PEERS]);
        }
        const struct verdict_result *v = judged(&b);
        cr_expect_eq(v->verdict, rows[i].verdict, "%s: %s", rows[i].what, verdict_name(v->verdict));
        cr_expect_str_eq(v->evidence, rows[i].evidence, "%s: %s", rows[i].what, v->evidence);
        lasts(&b, 195);
        cr_expect_eq(judged(&b)->verdict, VERDICT_CRASHED, "%s: not for ever", rows[i].what);
        fixture_free(b.f);
    }
}
