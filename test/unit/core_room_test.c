#include "peerd/core/moves.h"
#include "peerd/core/room.h"
#include "peerd/core/state.h"
#include "test/unit/core_fixture.h"

/* Two peers that are well; the sessions' tickets are ours and name both, the first one first. */
static struct fixture *with_sessions(struct node_session *sessions, size_t count) {
    struct fixture *f = fixture_new(1, 2, 100);
    for (size_t i = 0; i < count; i++) {
        sessions[i] = fixture_session((uint8_t)(i + 1), 1, RESUME_COMMIT);
        for (int b = 0; b < 2; b++)
            sessions[i].backups[b] = f->policy.peers[b].name;
        sessions[i].backup_count = 2;
    }
    fixture_register(f);
    fixture_node(f, 0, &(struct fixture_report){.sessions = sessions, .session_count = count});
    for (int i = 0; i < 2; i++) {
        f->core->peers[i]->verdict.verdict = VERDICT_ALIVE;
        f->core->peers[i]->said_free = 50;
        peering_show(f->core, f->core->peers[i]);
    }
    return f;
}

static void says(struct fixture *f, int peer, uint32_t room, uint32_t standing) {
    struct beat beat = {.kind = BEAT_KIND_BEAT};
    uint8_t bytes[ROOM_WORD_LEN];
    room_word_write(bytes, &(struct room_word){room, standing});
    cr_assert(beat_add_block(&beat, BEAT_BLOCK_ROOM, bytes, sizeof(bytes)));
    room_heard(f->core, f->core->peers[peer], &beat);
}

static int goes_to(const struct fixture *f, const struct session *s) {
    const struct name any = {""};
    const struct peering *to = leaving_target(f->core, s, &any);
    return to == NULL ? -1 : (int)to->index;
}

Test(core_room, sessions_are_spread_by_what_there_is) {
    struct node_session told[6];
    struct fixture *f = with_sessions(told, 6);
    static const int expected[6] = {0, 0, 1, 1, 1, -1};
    says(f, 0, 2, 0);
    says(f, 1, 3, 0);
    f->core->drain.active = true;
    for (int i = 0; i < 6; i++) {
        struct session *s = session_find(f->core, &told[i].session);
        cr_expect_eq(goes_to(f, s), expected[i], "session %d goes to %d", i, goes_to(f, s));
        if (expected[i] >= 0)
            cr_assert(moves_order(f->core, s, f->core->peers[expected[i]], MOVE_CAUSE_DRAIN));
    }
    f->core->drain.active = false;
    fixture_free(f);
}

/* Who is asked to go counts, and who has gone for as long as the peer's word may not have him. */
Test(core_room, who_is_on_his_way_counts_once) {
    struct node_session told[2];
    struct fixture *f = with_sessions(told, 2);
    struct session *first = session_find(f->core, &told[0].session);
    struct session *second = session_find(f->core, &told[1].session);
    const struct peering *p = f->core->peers[1];
    says(f, 1, 1, 0);
    cr_expect_eq(room_left(f->core, second, p), 1u);
    cr_assert(moves_order(f->core, first, p, MOVE_CAUSE_DRAIN));
    cr_expect_eq(room_left(f->core, first, p), 1u, "it does not stand in its own way");
    cr_expect_eq(room_left(f->core, second, p), 0u);
    cr_assert(moves_order_again(f->core, first, f->core->peers[0]));
    cr_expect_eq(room_left(f->core, second, p), 1u, "the other one goes elsewhere after all");
    cr_assert(moves_order_again(f->core, first, p));
    moves_call_off(f->core, first, "undrained");
    cr_expect_eq(room_left(f->core, second, p), 1u);
    cr_assert(moves_order(f->core, first, p, MOVE_CAUSE_DRAIN));
    moves_session_left(f->core, first);
    cr_expect_eq(room_left(f->core, second, p), 0u, "it is there, and that was not said yet");
    f->core->now = instant_add(f->core->now, ROOM_TOLD);
    cr_expect_eq(room_left(f->core, second, p), 1u, "now the peer's word has it");
    f->core->now = instant_sub(f->core->now, ROOM_TOLD);
    fixture_free(f);
}

Test(core_room, whose_word_counts) {
    struct node_session told[1];
    struct fixture *f = with_sessions(told, 1);
    const struct session *s = session_find(f->core, &told[0].session);
    struct beat broken = {.kind = BEAT_KIND_BEAT};
    struct beat silent = {.kind = BEAT_KIND_BEAT}, anew = {.flags = BEAT_FLAG_RECOVERING};
    cr_expect_eq(room_left(f->core, s, f->core->peers[0]), ROOM_ANY, "of an older version");
    beat_add_block(&broken, BEAT_BLOCK_ROOM, "1234567", ROOM_WORD_LEN - 1);
    room_heard(f->core, f->core->peers[0], &broken);
    cr_expect_eq(room_left(f->core, s, f->core->peers[0]), ROOM_ANY, "who can read that?");
    says(f, 0, 0, 0);
    cr_expect_eq(goes_to(f, s), 1);
    cr_expect(room_is_out(f->core->peers[0]));
    room_heard(f->core, f->core->peers[0], &silent);
    cr_expect_eq(goes_to(f, s), 1, "not each beat tells");
    room_heard(f->core, f->core->peers[0], &anew);
    cr_expect_eq(goes_to(f, s), 0, "its run is another one");
    says(f, 0, 0, 4);
    cr_expect_eq(goes_to(f, s), s->group->backup == f->core->peers[0] ? 0 : 1,
                 "it may stand by there");
    fixture_free(f);
}

/* What a beat of ours to that peer says; -1: nothing. */
static int64_t said_to(struct fixture *f, int peer, bool standing) {
    struct beat beat = {.kind = BEAT_KIND_BEAT};
    struct room_word w = {0, 0};
    size_t len = 0;
    room_fill(f->core, f->core->peers[peer], &beat);
    const uint8_t *block = beat_find_block(&beat, BEAT_BLOCK_ROOM, &len);
    if (block == NULL)
        return -1;
    cr_assert(room_word_read(&w, block, len));
    return standing ? w.standing : w.room;
}

/* By its ticket a standby is of one peer, by its client's word of who serves it: -1 is nobody. */
struct standby {
    int issuer, server;
};

static void stand_by(struct fixture *f, const struct standby *list, size_t count) {
    struct node_session sessions[4];
    for (size_t i = 0; i < count; i++) {
        sessions[i] = fixture_session((uint32_t)(50 + i), 1, RESUME_STANDBY);
        sessions[i].issuer = f->policy.peers[list[i].issuer].name;
        if (list[i].server >= 0)
            sessions[i].served_by = key_hint_of(&f->policy.peers[list[i].server].key);
    }
    fixture_node(f, 0, &(struct fixture_report){.sessions = sessions, .session_count = count});
}

Test(core_room, promises_to_others_are_room) {
    static const struct {
        const char *what;
        struct standby list[4];
        size_t count;
        uint32_t reserved, more, standing;
    } rows[] = {
        {"none", {{0}}, 0, 0, 0, 0},
        {"the other one serves two of its own", {{1, 1}, {1, 1}}, 2, 0, 2, 0},
        {"one of these is kept for it", {{1, 1}, {1, 1}}, 2, 1, 1, 0},
        {"it serves two of this one's", {{0, 1}, {0, 1}}, 2, 0, 2, 0},
        {"this one serves two, whosever", {{0, 0}, {1, 0}}, 2, 0, 0, 1},
        {"nobody says who does", {{0, -1}, {1, -1}}, 2, 0, 0, 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct node_session told[1];
        struct fixture *f = with_sessions(told, 0);
        f->core->peers[1]->policy.reserved_slots = rows[i].reserved;
        f->core->peers[0]->takes_blocks = true;
        stand_by(f, rows[i].list, rows[i].count);
        uint32_t free_slots = core_free_slots(f->core);
        cr_expect_eq(said_to(f, 0, false), free_slots + rows[i].more, "%s", rows[i].what);
        cr_expect_eq(said_to(f, 0, true), rows[i].standing, "%s: standing", rows[i].what);
        stand_by(f, rows[i].list, 0);
        cr_expect_eq(said_to(f, 0, false), core_free_slots(f->core) - rows[i].reserved, "%s: gone",
                     rows[i].what);
        fixture_free(f);
    }
}

Test(core_room, what_we_say) {
    struct node_session told[3];
    struct fixture *f = with_sessions(told, 3);
    uint32_t all = core_free_slots(f->core);
    cr_assert_gt(all, 20u);
    f->core->recovering = false;
    cr_expect_eq(said_to(f, 0, false), -1, "it may be of an older version");
    f->core->peers[0]->takes_blocks = true;
    cr_expect_eq(said_to(f, 0, false), all);
    f->core->recovering = true;
    cr_expect_eq(said_to(f, 0, false), -1);
    f->core->recovering = false;
    f->core->drain.active = true;
    cr_expect_eq(said_to(f, 0, false), 0);
    f->core->drain.active = false;
    f->core->peers[0]->policy.accept_moves = false;
    cr_expect_eq(said_to(f, 0, false), 0);
    f->core->peers[0]->policy.accept_moves = true;
    f->core->peers[0]->here = 5;
    f->core->peers[0]->served = 2;
    cr_expect_eq(said_to(f, 0, true), 3);
    f->core->peers[0]->here = f->core->peers[0]->served = 0;
    fixture_free(f);
}
