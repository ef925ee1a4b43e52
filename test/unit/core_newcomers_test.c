/* Sessions that a peer has sent since its path to them is bad: state by state. */
#include "peerd/core/canary.h"
#include "peerd/core/newcomers.h"
#include "peerd/core/state.h"
#include "peerd/wire/digest.h"
#include "test/unit/core_fixture.h"

#define SESSIONS 4

struct bed {
    struct fixture *f;
    struct node_session sessions[SESSIONS];
    struct core_answer_node answer; /* of the newest report */
};

static struct peering *peer(const struct bed *b, uint32_t index) {
    return b->f->core->peers[index];
}

static void peers_live(struct bed *b) {
    for (uint32_t i = 0; i < 2; i++) {
        peer(b, i)->verdict.verdict = VERDICT_ALIVE;
        peer(b, i)->takes_blocks = true;
        peering_show(b->f->core, peer(b, i));
    }
}

static void tell(struct bed *b) {
    peers_live(b);
    b->answer = fixture_node(
        b->f, 0, &(struct fixture_report){.sessions = b->sessions, .session_count = SESSIONS});
}

/* They stand by here, with tickets of peer0. */
static struct bed bed_new(void) {
    struct bed b = {.f = fixture_new(1, 2, 100)};
    b.f->policy.performance.tell = true;
    b.f->policy.performance.tell_bytes_per_s = 600;
    b.f->policy.detection.flap_half_life = duration_s(60);
    fixture_step(b.f, &(struct core_event){.kind = CORE_POLICY_CHANGED, .u.policy = &b.f->policy});
    for (uint32_t i = 0; i < SESSIONS; i++) {
        b.sessions[i] = fixture_session(i + 1, 1, RESUME_STANDBY);
        b.sessions[i].issuer = b.f->policy.peers[0].name;
        b.sessions[i].backups[0] = b.f->policy.cluster.name;
        b.sessions[i].backups[1] = b.f->policy.peers[1].name;
        b.sessions[i].backup_count = 2;
    }
    fixture_register(b.f);
    tell(&b);
    return b;
}

static void comes(struct bed *b, uint32_t i, enum move_cause cause, uint32_t from) {
    b->sessions[i].purpose = RESUME_COMMIT;
    b->sessions[i].epoch++;
    b->sessions[i].cause = cause;
    b->sessions[i].served_by = key_hint_of(&b->f->policy.peers[from].key);
    tell(b);
}

static void leaves(struct bed *b, uint32_t i) {
    b->sessions[i].purpose = RESUME_STANDBY;
    b->sessions[i].epoch++;
    tell(b);
}

static void wait(struct bed *b, int64_t ms) {
    for (int64_t left = ms; left > 0; left -= 100) {
        b->f->now = instant_add(b->f->now, duration_ms(left < 100 ? left : 100));
        tell(b);
    }
}

static struct session *session_of(const struct bed *b, uint32_t i) {
    struct session *s = session_find(b->f->core, &b->sessions[i].session);
    cr_assert_not_null(s);
    return s;
}

static bool is_sent_home(const struct bed *b, uint32_t i) {
    const struct move *m = session_of(b, i)->move;
    return m != NULL && m->out && m->cause == MOVE_CAUSE_RETURN &&
           name_equal(&m->to, &b->f->policy.peers[0].name);
}

static uint32_t sent_home(const struct bed *b) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < SESSIONS; i++)
        count += is_sent_home(b, i);
    return count;
}

static struct beat beat_of(enum beat_block kind, const char *location) {
    struct beat beat = {0};
    struct digest_entry entry = {.recent_centi = 9000, .reports = 20};
    uint8_t bytes[DIGEST_HEADER_LEN + DIGEST_ENTRY_LEN_MAX];
    size_t written;
    prefix_from_text(&entry.location, location);
    size_t len = digest_encode(bytes, sizeof(bytes), &entry, 1, &written);
    cr_assert(beat_add_block(&beat, kind, bytes, len));
    return beat;
}

static struct beat beat_with(enum beat_block kind) {
    return beat_of(kind, "192.0.2.0/24");
}

static void asks(struct bed *b, uint32_t from) {
    const struct beat beat = beat_with(BEAT_BLOCK_GIVE_BACK);
    newcomers_heard(b->f->core, peer(b, from), &beat);
}

/* What is told to peer0, as it reads it; false: nothing. */
static bool told(struct bed *b, struct digest_entry *out) {
    struct digest_entry entries[DIGEST_ENTRIES_MAX];
    struct beat beat = {0};
    size_t len = 0, count = 0;
    newcomers_fill(b->f->core, peer(b, 0), &beat);
    const uint8_t *block = beat_find_block(&beat, BEAT_BLOCK_NEWCOMERS, &len);
    if (block == NULL)
        return false;
    cr_assert_eq(digest_decode(entries, &count, block, len), ERR_OK);
    *out = entries[0];
    cr_assert_eq(count, 2u, "those of a location, and all together");
    cr_expect_eq(entries[1].location.bits, 0);
    cr_expect_eq(entries[1].recent_centi, entries[0].recent_centi);
    return true;
}

static void rated(struct bed *b, uint32_t i, uint32_t centi) {
    newcomers_rated(b->f->core, session_of(b, i), centi);
}

Test(core_newcomers, are_those_whom_a_peer_has_sent_off_a_bad_path) {
    static const struct {
        enum move_cause cause;
        bool newcomer;
    } rows[] = {
        {MOVE_CAUSE_DEGRADED, true}, {MOVE_CAUSE_CRASHED, false}, {MOVE_CAUSE_PARTITIONED, false},
        {MOVE_CAUSE_DRAIN, false},   {MOVE_CAUSE_RETURN, false},  {MOVE_CAUSE_NONE, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bed b = bed_new();
        comes(&b, 0, rows[i].cause, 0);
        cr_expect_eq(session_of(&b, 0)->came_from != 0, rows[i].newcomer, "%s",
                     move_cause_name(rows[i].cause));
        cr_expect_eq(!instant_is_never(newcomers_deadline(b.f->core)), rows[i].newcomer);
        fixture_free(b.f);
    }
}

/* It stood by here in between, so the record of it is the same one. */
Test(core_newcomers, whoever_is_sent_back_to_us_is_none_any_more) {
    struct bed b = bed_new();
    comes(&b, 0, MOVE_CAUSE_DEGRADED, 0);
    cr_assert_neq(session_of(&b, 0)->came_from, 0);
    wait(&b, 3000);
    leaves(&b, 0);
    comes(&b, 0, MOVE_CAUSE_RETURN, 0);
    cr_expect_eq(session_of(&b, 0)->came_from, 0);
    comes(&b, 1, MOVE_CAUSE_DEGRADED, 0);
    wait(&b, 3000);
    asks(&b, 0);
    wait(&b, 500);
    cr_expect_not(is_sent_home(&b, 0), "it is at home");
    cr_expect(is_sent_home(&b, 1));
    fixture_free(b.f);
}

Test(core_newcomers, what_they_have_had_since_the_newest_settled_is_told) {
    struct bed b = bed_new();
    struct digest_entry e;
    comes(&b, 0, MOVE_CAUSE_DEGRADED, 0);
    comes(&b, 1, MOVE_CAUSE_DEGRADED, 0);
    wait(&b, 1100);
    rated(&b, 0, 2000);
    cr_expect_not(told(&b, &e), "the way here is part of that");
    wait(&b, 1000);
    rated(&b, 0, 8000);
    rated(&b, 1, 9000);
    rated(&b, 2, 1000); /* it is none of them */
    cr_assert(told(&b, &e));
    cr_expect_eq(e.recent_centi, 8500);
    cr_expect_eq(e.spread_centi, 500);
    cr_expect_eq(e.reports, 2);
    cr_expect_eq(e.clients, 2);
    comes(&b, 2, MOVE_CAUSE_DEGRADED, 0);
    cr_expect_not(told(&b, &e), "anew, from when that one has settled");
    b.f->policy.performance.tell = false;
    fixture_step(b.f, &(struct core_event){.kind = CORE_POLICY_CHANGED, .u.policy = &b.f->policy});
    wait(&b, 1300);
    rated(&b, 0, 8000);
    cr_expect_not(told(&b, &e), "the policy tells nobody how clients fare");
    fixture_free(b.f);
}

Test(core_newcomers, go_home_when_they_are_asked_for_and_not_at_once) {
    struct bed b = bed_new();
    comes(&b, 0, MOVE_CAUSE_DEGRADED, 0);
    comes(&b, 1, MOVE_CAUSE_DEGRADED, 1);
    comes(&b, 2, MOVE_CAUSE_CRASHED, 0);
    wait(&b, 1000);
    asks(&b, 0);
    wait(&b, 900);
    cr_expect_eq(sent_home(&b), 0u, "everybody stays for two seconds");
    wait(&b, 200);
    cr_expect(is_sent_home(&b, 0));
    cr_expect_eq(sent_home(&b), 1u, "another peer's and whoever fled stay");
    fixture_free(b.f);
}

/* Of several networks: who came before has been followed, and fares well. */
Test(core_newcomers, of_several_networks_the_last_wave_goes_home) {
    struct bed b = bed_new();
    struct digest_entry entries[DIGEST_ENTRIES_MAX];
    struct beat beat = {0};
    size_t len = 0, count = 0;
    comes(&b, 0, MOVE_CAUSE_DEGRADED, 0);
    wait(&b, 4000);
    rated(&b, 0, 9000);
    comes(&b, 1, MOVE_CAUSE_DEGRADED, 0);
    wait(&b, 1000);
    comes(&b, 2, MOVE_CAUSE_DEGRADED, 0);
    wait(&b, 3000);
    rated(&b, 0, 9000);
    rated(&b, 1, 3000);
    rated(&b, 2, 4000);
    newcomers_fill(b.f->core, peer(&b, 0), &beat);
    const uint8_t *block = beat_find_block(&beat, BEAT_BLOCK_NEWCOMERS, &len);
    cr_assert_eq(digest_decode(entries, &count, block, len), ERR_OK);
    cr_assert_eq(count, 2u);
    cr_expect_eq(entries[1].recent_centi, 3500, "those who came last, and nobody else");
    const struct beat wish = beat_of(BEAT_BLOCK_GIVE_BACK, "0.0.0.0/0");
    newcomers_heard(b.f->core, peer(&b, 0), &wish);
    wait(&b, 500);
    cr_expect_not(is_sent_home(&b, 0));
    cr_expect(is_sent_home(&b, 1));
    cr_expect(is_sent_home(&b, 2));
    fixture_free(b.f);
}

Test(core_newcomers, stay_once_nobody_asks_for_them_any_more) {
    struct bed b = bed_new();
    comes(&b, 0, MOVE_CAUSE_DEGRADED, 0);
    asks(&b, 0);
    wait(&b, 5000);
    cr_expect_eq(sent_home(&b), 0u, "it was asked for before it might go, and not again");
    asks(&b, 0);
    wait(&b, 100);
    cr_expect_eq(sent_home(&b), 1u);
    fixture_free(b.f);
}

Test(core_newcomers, are_at_home_after_a_minute) {
    struct bed b = bed_new();
    comes(&b, 0, MOVE_CAUSE_DEGRADED, 0);
    wait(&b, 59900);
    cr_expect_neq(session_of(&b, 0)->came_from, 0);
    wait(&b, 200);
    cr_expect_eq(session_of(&b, 0)->came_from, 0);
    cr_expect(instant_is_never(newcomers_deadline(b.f->core)));
    asks(&b, 0);
    wait(&b, 3000);
    cr_expect_eq(sent_home(&b), 0u);
    fixture_free(b.f);
}

Test(core_newcomers, stay_where_home_is_not_fit_and_go_once_it_is) {
    struct bed b = bed_new();
    comes(&b, 0, MOVE_CAUSE_DEGRADED, 0);
    wait(&b, 3000);
    b.f->policy.peers[0].offer_moves = false;
    fixture_step(b.f, &(struct core_event){.kind = CORE_POLICY_CHANGED, .u.policy = &b.f->policy});
    asks(&b, 0);
    wait(&b, 500);
    cr_expect_eq(sent_home(&b), 0u);
    b.f->policy.peers[0].offer_moves = true;
    fixture_step(b.f, &(struct core_event){.kind = CORE_POLICY_CHANGED, .u.policy = &b.f->policy});
    wait(&b, 500);
    cr_expect_eq(sent_home(&b), 1u);
    fixture_free(b.f);
}

Test(core_newcomers, while_we_drain_nobody_is_sent_back) {
    struct bed b = bed_new();
    comes(&b, 0, MOVE_CAUSE_DEGRADED, 0);
    wait(&b, 3000);
    struct core_event drain = {.kind = CORE_DRAIN};
    drain.u.drain.deadline = duration_s(60);
    fixture_step(b.f, &drain);
    asks(&b, 0);
    wait(&b, 1000);
    cr_expect_eq(sent_home(&b), 0u);
    fixture_free(b.f);
}

/* All together are a group of their own: it has a place from the first one on. */
Test(core_newcomers, beyond_so_many_groups_are_told_of_with_all_others) {
    struct bed b = bed_new();
    for (uint32_t n = 0; n <= NEWCOMERS_MAX; n++) {
        struct session *s = session_of(&b, 0);
        s->came_from = 0;
        s->client = addr_ipv4((uint8_t[]){198, 51, (uint8_t)n, 1}, 5004);
        newcomers_came(b.f->core, s, peer(&b, 0));
        cr_expect_eq(s->came_from, peer(&b, 0)->number, "%u", n);
    }
    cr_expect_eq(b.f->core->newcomers->groups[0].location.bits, 0);
    cr_expect_eq(b.f->core->newcomers->groups[0].sessions, NEWCOMERS_MAX + 1);
    newcomers_check_invariants(b.f->core);
    struct session *s = session_of(&b, 1);
    s->client = addr_ipv4((uint8_t[]){198, 52, 0, 1}, 5004);
    newcomers_came(b.f->core, s, peer(&b, 1));
    cr_expect_eq(s->came_from, 0, "another peer's find no place at all, and stay");
    fixture_free(b.f);
}

/* Two ends of one thing: what is told of newcomers, and that they are asked back. Each reads its
 * own block and not the other's. */
Test(core_newcomers, each_end_reads_its_own_block) {
    struct bed b = bed_new();
    const struct beat words = beat_with(BEAT_BLOCK_NEWCOMERS);
    const struct beat wish = beat_with(BEAT_BLOCK_GIVE_BACK);
    comes(&b, 0, MOVE_CAUSE_DEGRADED, 0);
    wait(&b, 3000);
    struct core *core = b.f->core;
    core->canaries = calloc(1, sizeof(*core->canaries));
    cr_assert_not_null(core->canaries);
    struct canary *c = &core->canaries->list[0];
    *c = (struct canary){.state = CANARY_STATE_WATCHING,
                         .peer = peer(&b, 0)->number,
                         .sent = 1,
                         .settled = instant_sub(core->now, duration_s(10)),
                         .next_at = instant_add(core->now, duration_s(10))};
    prefix_from_text(&c->location, "192.0.2.0/24");
    newcomers_heard(core, peer(&b, 0), &words);
    canary_heard(core, peer(&b, 0), &wish);
    cr_expect(instant_is_never(core->newcomers->groups[1].back_until));
    cr_expect_eq(c->told_reports, 0u);
    canary_heard(core, peer(&b, 1), &words);
    newcomers_heard(core, peer(&b, 1), &wish);
    cr_expect(instant_is_never(core->newcomers->groups[1].back_until), "it is not peer1's");
    cr_expect_eq(c->told_reports, 0u, "nor did they go there");
    canary_heard(core, peer(&b, 0), &words);
    newcomers_heard(core, peer(&b, 0), &wish);
    cr_expect_eq(c->told_reports, 20u);
    cr_expect_eq(c->told_centi, 9000u);
    cr_expect_not(instant_is_never(core->newcomers->groups[1].back_until));
    fixture_free(b.f);
}

Test(core_newcomers, a_block_that_cannot_be_read_is_counted) {
    struct bed b = bed_new();
    struct beat beat = {0};
    comes(&b, 0, MOVE_CAUSE_DEGRADED, 0);
    cr_assert(beat_add_block(&beat, BEAT_BLOCK_GIVE_BACK, (const uint8_t[]){9, 9}, 2));
    newcomers_heard(b.f->core, peer(&b, 0), &beat);
    cr_expect_eq(core_counters(b.f->core)->digests_refused, 1u);
    cr_expect(instant_is_never(b.f->core->newcomers->groups[1].back_until));
    fixture_free(b.f);
}
