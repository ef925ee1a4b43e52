#include "peerd/core/state.h"
#include "test/unit/core_fixture.h"

/* While some peer is suspected beats are sent, and asked for, more often. Two peers of the test's
 * answer each beat at once, until one falls silent. */

#define PEERS 2

static struct echo others[PEERS];
static bool silent[PEERS];
static uint32_t sent[PEERS];   /* beats since they were counted last */
static uint16_t asked, stated; /* [ms] in the newest beat to the second peer */
static bool tells;             /* the second peer says of the first … */
static uint32_t told_age_ms;   /* … how long ago it was heard */

static void answer(struct fixture *f, const struct core_send_beat *b) {
    struct beat beat = {.kind = BEAT_KIND_BEAT, .interval_ms = 500, .ask_interval_ms = 500};
    struct core_event e = {.kind = CORE_BEAT_RECEIVED};
    if (tells && b->peer == 1)
        beat.views[beat.view_count++] = (struct beat_view){
            .peer = key_hint_of(&f->policy.peers[0].key), .age_ms = told_age_ms, .rtt_ms = 1};
    echo_beat_received(&others[b->peer], &b->beat, f->now);
    echo_fill(&others[b->peer], &beat, f->now);
    e.u.beat = (struct core_beat_received){.peer = b->peer, .beat = &beat};
    fixture_step(f, &e);
}

static void take_beats(struct fixture *f) {
    struct core_send_beat beats[CORE_OUTBOX_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < f->outbox.count; i++)
        if (f->outbox.items[i].kind == CORE_SEND_BEAT)
            beats[count++] = f->outbox.items[i].u.beat;
    for (uint32_t i = 0; i < count; i++) {
        sent[beats[i].peer]++;
        if (beats[i].peer == 1) {
            asked = beats[i].beat.ask_interval_ms;
            stated = beats[i].beat.interval_ms;
        }
        if (!silent[beats[i].peer])
            answer(f, &beats[i]);
    }
}

static void converse(struct fixture *f, int64_t ms) {
    memset(sent, 0, sizeof(sent));
    for (int64_t t = 0; t < ms; t += 10) {
        f->now = instant_add(f->now, duration_ms(10));
        fixture_step(f, &(struct core_event){.kind = CORE_TICK});
        take_beats(f);
    }
}

static struct fixture *begin(int64_t suspect_ms, uint32_t nodes) {
    struct fixture *f = fixture_new(nodes, PEERS, 100);
    tells = false;
    f->policy.detection = (struct policy_detection){.detect_within = duration_ms(4000),
                                                    .false_alarm_every = duration_s(3600),
                                                    .interval = duration_ms(500),
                                                    .interval_suspect = duration_ms(suspect_ms)};
    fixture_step(f, &(struct core_event){.kind = CORE_POLICY_CHANGED, .u.policy = &f->policy});
    for (uint32_t i = 0; i < PEERS; i++) {
        echo_init(&others[i], 70 + i);
        silent[i] = false;
    }
    converse(f, 10000);
    cr_assert_eq(core_peer_status(f->core, 0, f->now).verdict, VERDICT_ALIVE);
    return f;
}

/* Until the first peer is suspected. */
static void fall_silent(struct fixture *f) {
    silent[0] = true;
    for (int i = 0; i < 1000 && core_peer_status(f->core, 0, f->now).verdict == VERDICT_ALIVE; i++)
        converse(f, 10);
    cr_assert_eq(core_peer_status(f->core, 0, f->now).verdict, VERDICT_SUSPECT);
}

Test(core_suspicion, beats_come_faster_while_it_lasts) {
    struct fixture *f = begin(100, 0);
    converse(f, 4000);
    cr_expect(sent[1] >= 7 && sent[1] <= 9, "%u in 4 s", sent[1]);
    cr_expect_eq(asked, 500);
    fall_silent(f);
    converse(f, 1000);
    cr_expect_eq(core_peer_status(f->core, 0, f->now).verdict, VERDICT_SUSPECT);
    cr_expect_eq(asked, 100, "the others are asked as often");
    cr_expect_eq(stated, 100, "and told");
    cr_expect(sent[0] >= 9 && sent[0] <= 11, "%u to whom is suspected", sent[0]);
    cr_expect(sent[1] >= 9 && sent[1] <= 11, "%u to the other", sent[1]);
    silent[0] = false;
    converse(f, 2000);
    cr_expect_eq(core_peer_status(f->core, 0, f->now).verdict, VERDICT_ALIVE);
    converse(f, 4000);
    cr_expect(sent[1] >= 7 && sent[1] <= 9, "%u in 4 s again", sent[1]);
    cr_expect_eq(asked, 500);
    fixture_free(f);
}

Test(core_suspicion, without_the_key_nothing_changes) {
    struct fixture *f = begin(0, 0);
    fall_silent(f);
    converse(f, 2000);
    cr_expect_eq(asked, 500);
    cr_expect(sent[1] >= 3 && sent[1] <= 6, "%u in 2 s", sent[1]);
    fixture_free(f);
}

/* A peer that leaves the policy while it is suspected is not waited for. */
Test(core_suspicion, ends_with_the_peering) {
    struct fixture *f = begin(100, 0);
    fall_silent(f);
    f->policy.peers[0] = f->policy.peers[1];
    f->policy.peer_count = 1;
    fixture_step(f, &(struct core_event){.kind = CORE_POLICY_CHANGED, .u.policy = &f->policy});
    cr_expect_eq(f->core->suspects, 0);
    fixture_free(f);
}

/* Clients convict before our own ears are at their end, and a witness acquits as soon as it says
 * that it hears that peer. */
Test(core_suspicion, a_witness_acquits_whom_clients_have_convicted) {
    struct fixture *f = begin(100, 1);
    struct node_session hedges[2];
    for (uint8_t i = 0; i < 2; i++) {
        hedges[i] = fixture_session(i + 1, 1, RESUME_HEDGE);
        hedges[i].served_by = key_hint_of(&f->policy.peers[0].key);
        hedges[i].cause = MOVE_CAUSE_CRASHED;
    }
    fall_silent(f);
    tells = true;
    told_age_ms = 2000;
    converse(f, 600);
    fixture_register(f);
    cr_expect_eq(core_peer_status(f->core, 0, f->now).verdict, VERDICT_SUSPECT);
    fixture_node(f, 0, &(struct fixture_report){hedges, 2, .changes = true});
    converse(f, 200);
    struct core_peer_status s = core_peer_status(f->core, 0, f->now);
    cr_expect_eq(s.verdict, VERDICT_CRASHED, "%s: %s", verdict_name(s.verdict), s.evidence);
    cr_expect_eq(s.opinion, DETECTOR_SUSPECT, "our own ears would wait");
    told_age_ms = 0;
    converse(f, 600);
    s = core_peer_status(f->core, 0, f->now);
    cr_expect_eq(s.verdict, VERDICT_SUSPECT, "%s: %s", verdict_name(s.verdict), s.evidence);
    fixture_free(f);
}
