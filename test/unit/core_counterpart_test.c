/* What a peer tells of a session that is not served here any more, and how much of it is believed.
 */
#include "peerd/core/counterpart.h"
#include "peerd/core/state.h"
#include "peerd/wire/counterpart.h"
#include "test/unit/core_fixture.h"

static void tells(struct fixture *f, uint32_t number, uint32_t epoch) {
    const struct counterpart_word w = {.what = COUNTERPART_HEARD,
                                       .cause = MOVE_CAUSE_PARTITIONED,
                                       .session = fixture_id(number),
                                       .epoch = epoch,
                                       .told = {epoch, 45, 80, 2, 5}};
    uint8_t bytes[COUNTERPART_LEN];
    struct beat beat = {0};
    counterpart_write(bytes, &w);
    cr_assert(beat_add_block(&beat, BEAT_BLOCK_COUNTERPART, bytes, sizeof(bytes)));
    counterpart_heard(f->core, f->core->peers[0], &beat);
    ledger_check_invariants(&f->core->ledger);
}

static uint64_t entered(const struct fixture *f) {
    return core_ledger(f->core)->count;
}

/* Sessions 1 … count are served here, under epoch 4. */
static struct fixture *serving(struct node_session *s, uint32_t count) {
    struct fixture *f = fixture_new(1, 1, 1000);
    fixture_register(f);
    for (uint32_t i = 0; i < count; i++)
        s[i] = fixture_session(i + 1, 4, RESUME_COMMIT);
    fixture_node(f, 0, &(struct fixture_report){.sessions = s, .session_count = count});
    return f;
}

static void all_end(struct fixture *f) {
    fixture_node(f, 0, &(struct fixture_report){.session_count = 0});
    cr_assert_eq(core_status(f->core).sessions, 0u);
}

Test(core_counterpart, only_what_was_here_is_entered) {
    struct node_session s;
    struct fixture *f = serving(&s, 1);
    tells(f, 2, 9);
    cr_expect_eq(entered(f), 0u, "nobody knows that session");
    all_end(f);
    tells(f, 2, 9);
    cr_expect_eq(entered(f), 0u, "nor now");
    tells(f, 1, 4);
    cr_expect_eq(entered(f), 0u, "it was here under that epoch itself");
    tells(f, 1, 6);
    cr_assert_eq(entered(f), 1u);
    tells(f, 1, 6);
    cr_expect_eq(entered(f), 1u, "beats repeat it");
    const struct ledger_entry *e = ledger_find(core_ledger(f->core), 1);
    cr_expect(e->move.out && e->move.epoch_from == 4 && e->move.epoch_to == 6);
    cr_expect(e->cause == MOVE_CAUSE_PARTITIONED && e->told.lost == 2 && e->told.epoch == 6);
    cr_expect_str_eq(e->move.to.text, "peer0");
    cr_expect_str_eq(e->evidence, "peer0 serves it, as it tells; its lease here had ended");
    cr_expect_eq(core_ledger(f->core)->figures.of[MOVE_CAUSE_PARTITIONED].left, 1u);
    fixture_free(f);
}

Test(core_counterpart, its_lease_may_not_have_ended_yet) {
    struct node_session s;
    struct fixture *f = serving(&s, 1);
    tells(f, 1, 6);
    cr_assert_eq(entered(f), 1u);
    cr_expect_str_eq(ledger_find(core_ledger(f->core), 1)->evidence,
                     "peer0 serves it, as it tells; its lease here has not ended yet");
    all_end(f);
    tells(f, 1, 6);
    cr_expect_eq(entered(f), 1u, "it is the same");
    fixture_free(f);
}

/* Of more than are remembered the newest are. */
Test(core_counterpart, so_many_are_remembered) {
    static struct node_session s[COUNTERPART_GONE + 2];
    struct fixture *f = serving(s, COUNTERPART_GONE + 2);
    all_end(f);
    for (uint32_t i = 1; i <= COUNTERPART_GONE + 2; i++)
        tells(f, i, 6);
    cr_expect_eq(entered(f), (uint64_t)COUNTERPART_GONE, "%lu", (unsigned long)entered(f));
    fixture_free(f);
}

Test(core_counterpart, what_cannot_be_read_is_counted) {
    struct node_session s;
    struct fixture *f = serving(&s, 1);
    uint8_t bytes[COUNTERPART_LEN] = {77};
    struct beat beat = {0};
    beat_add_block(&beat, BEAT_BLOCK_COUNTERPART, bytes, sizeof(bytes));
    counterpart_heard(f->core, f->core->peers[0], &beat);
    cr_expect_eq(core_counters(f->core)->digests_refused, 1u);
    cr_expect_eq(entered(f), 0u);
    fixture_free(f);
}
