#include "peerd/core/room.h"
#include "peerd/core/state.h"
#include "test/unit/core_fixture.h"

/*
 * What nodes are told of peer0's sessions. It has not been heard, so for a lease as many as are
 * reserved for it may come (core_agreements_test has the agreements themselves).
 */

#define HELD 10

static struct fixture *ready(uint32_t nodes) {
    struct fixture *f = fixture_new(nodes, 2, 100 * nodes);
    f->policy.peers[0].reserved_slots = HELD;
    f->policy.peers[1].reserved_slots = 4;
    f->policy.agreement_count = 1;
    f->policy.agreements[0] = (struct policy_agreement){
        .pattern = "peer0", .asks = 20, .cost_max = 5, .lease = duration_s(600)};
    core_free(f->core);
    fixture_start(f, 2);
    return f;
}

static struct core_answer_node told(struct fixture *f, uint32_t node, uint32_t sessions,
                                    uint64_t refused, bool lost) {
    struct node_guest guest = {.sessions = sessions, .refused = refused};
    name_set(&guest.issuer, "peer0");
    return fixture_node(
        f, node,
        &(struct fixture_report){
            .changes = f->seq[node] > 0, .guests = &guest, .guest_count = 1, .lost_answer = lost});
}

Test(core_allotment, a_node_may_have_what_is_held_and_of_others_what_there_is) {
    struct fixture *f = ready(1);
    struct core_answer_node a = told(f, 0, 0, 0, false);
    cr_assert_eq(a.guest_count, 2u);
    cr_expect_str_eq(a.guests[1].issuer.text, "peer1");
    cr_expect(a.guests[1].slots == NODE_GUEST_SLOTS_ALL && a.guests[1].kept == 4,
              "peer1 has to agree upon nothing, and has what is reserved for it");
    cr_expect_str_eq(a.guests[0].issuer.text, "peer0");
    cr_expect(a.guests[0].slots == HELD && a.guests[0].refusal == ERR_NO_CREDIT);
    cr_expect_eq(a.guests[0].kept, (uint32_t)HELD, "what is agreed upon nobody else gets either");
    cr_expect_eq(a.guests[0].services, NODE_GUEST_SERVICES_ALL,
                 "what it agreed before is not known");
    a = told(f, 0, 7, 0, false);
    cr_expect_eq(a.guests[0].slots, (uint32_t)HELD, "those that are there are of them");
    f->policy.agreement_count = 0;
    fixture_step(f, &(struct core_event){.kind = CORE_POLICY_CHANGED, .u.policy = &f->policy});
    a = told(f, 0, 7, 0, false);
    cr_expect(a.guest_count == 2 && a.guests[0].slots == NODE_GUEST_SLOTS_ALL &&
              a.guests[0].kept == HELD && a.guests[0].services == NODE_GUEST_SERVICES_ALL &&
              a.guests[0].refusal == ERR_NO_CREDIT);
    f->policy.peers[0].accept_moves = false;
    f->policy.peers[1].reserved_slots = 0;
    fixture_step(f, &(struct core_event){.kind = CORE_POLICY_CHANGED, .u.policy = &f->policy});
    cr_expect_eq(told(f, 0, 7, 0, false).guest_count, 0u, "nothing is kept for who may not come");
    fixture_free(f);
}

Test(core_allotment, each_node_keeps_its_part_of_what_is_kept) {
    struct fixture *f = ready(2);
    f->policy.agreement_count = 0;
    f->policy.peers[0].reserved_slots = HELD + 1;
    fixture_step(f, &(struct core_event){.kind = CORE_POLICY_CHANGED, .u.policy = &f->policy});
    cr_expect_eq(told(f, 0, 0, 0, false).guests[0].kept, HELD + 1u, "the only one that is there");
    for (uint32_t here = 0; here < 4 * HELD; here += HELD) {
        struct core_answer_node a = told(f, 1, 0, 0, false);
        cr_assert_eq(a.guest_count, 2u);
        cr_expect(a.guests[0].kept == HELD / 2 + 1 && a.guests[1].kept == 2);
        a = told(f, 0, here, 0, false);
        cr_assert_eq(a.guest_count, 2u);
        cr_expect(a.guests[0].kept == HELD / 2 && a.guests[1].kept == 2, "however many are here");
        cr_expect_eq(a.guests[0].slots, NODE_GUEST_SLOTS_ALL, "and may come");
    }
    fixture_free(f);
}

Test(core_allotment, a_node_is_told_for_how_many_each_worker_may_send) {
    struct fixture *f = ready(1);
    f->policy.agreements[0].hot_standbys = 3;
    fixture_step(f, &(struct core_event){.kind = CORE_POLICY_CHANGED, .u.policy = &f->policy});
    cr_expect_eq(told(f, 0, 0, 0, false).guests[0].hot, 3u);
    fixture_free(f);
}

Test(core_allotment, with_nothing_held_all_are_denied) {
    struct fixture *f = ready(1);
    f->policy.peers[0].reserved_slots = 0;
    fixture_step(f, &(struct core_event){.kind = CORE_POLICY_CHANGED, .u.policy = &f->policy});
    struct core_answer_node a = told(f, 0, 0, 0, false);
    cr_expect(a.guest_count == 2 && a.guests[0].slots == 0 && a.guests[0].refusal == ERR_DENIED);
    cr_expect_eq(a.guests[0].kept, 0u);
    fixture_free(f);
}

Test(core_allotment, what_workers_refused_is_counted_once_and_from_when_we_are_there) {
    struct fixture *f = ready(1);
    told(f, 0, 0, 1000, false); /* of these the run before has told */
    cr_expect_eq(core_counters(f->core)->sessions_denied, 0u);
    told(f, 0, 0, 1003, false);
    told(f, 0, 0, 1003, false);
    cr_expect_eq(core_counters(f->core)->sessions_denied, 3u);
    told(f, 0, 0, 1005, false);
    cr_expect_eq(core_counters(f->core)->sessions_denied, 5u);
    f->boot[0]++;
    f->seq[0] = 0; /* the node was started anew, and tells all it has */
    told(f, 0, 0, 0, false);
    told(f, 0, 0, 2, false);
    cr_expect_eq(core_counters(f->core)->sessions_denied, 7u);
    fixture_free(f);
}

Test(core_allotment, what_workers_denied_is_counted_by_itself) {
    struct fixture *f = ready(1);
    struct node_guest guest = {.denied = 5};
    name_set(&guest.issuer, "peer0");
    struct fixture_report report = {.guests = &guest, .guest_count = 1};
    told(f, 0, 0, 0, false);
    for (int i = 0; i < 2; i++) { /* told twice, counted once */
        report.changes = true;
        fixture_node(f, 0, &report);
        cr_expect_eq(core_counters(f->core)->sessions_denied, 5u);
    }
    guest.denied = 6;
    fixture_node(f, 0, &report);
    cr_expect_eq(core_counters(f->core)->sessions_denied, 6u);
    fixture_free(f);
}

Test(core_allotment, a_node_not_heard_yet_has_its_part_until_its_lease_would_be_over) {
    struct fixture *f = ready(2);
    cr_expect_eq(told(f, 0, 0, 0, false).guests[0].slots, (uint32_t)HELD / 2);
    for (int i = 0; i < 30; i++) {
        fixture_wait(f, 100);
        told(f, 0, 0, 0, false);
    }
    cr_expect_eq(told(f, 0, 0, 0, false).guests[0].slots, (uint32_t)HELD, "it does not come");
    fixture_free(f);
}

/* Two nodes let in whom they may, as they believe; every third answer is lost. */
Test(core_allotment, nodes_together_never_let_in_more_than_is_held) {
    struct fixture *f = ready(2);
    struct rng rng;
    uint32_t believes[2] = {0, 0}, here[2] = {0, 0}, most = 0;
    rng_seed(&rng, 17);
    for (int i = 0; i < 4000; i++) {
        uint32_t n = (uint32_t)rng_below(&rng, 2);
        bool lost = rng_below(&rng, 3) == 0;
        struct core_answer_node a = told(f, n, here[n], 0, lost);
        if (!lost)
            believes[n] = a.guests[0].slots;
        for (uint32_t k = 0; k < 2; k++) {
            if (here[k] < believes[k] && rng_below(&rng, 2) == 0)
                here[k] += 1 + (uint32_t)rng_below(&rng, believes[k] - here[k]);
            if (here[k] > 0 && rng_below(&rng, 4) == 0)
                here[k] -= 1 + (uint32_t)rng_below(&rng, here[k]);
        }
        uint32_t sum = here[0] + here[1];
        cr_assert_leq(sum, (uint32_t)HELD, "after %d reports", i);
        most = sum > most ? sum : most;
        if (i % 50 == 0)
            fixture_wait(f, 10);
    }
    cr_expect_eq(most, (uint32_t)HELD, "and all slots are used: %u", most);
    fixture_free(f);
}

/* peer0 finds what is kept for it and what is kept for nobody; peer1 likewise. */
Test(core_allotment, a_peer_is_told_of_no_room_that_is_kept_for_others) {
    struct fixture *f = ready(1);
    told(f, 0, 0, 0, false);
    uint32_t all = core_free_slots(f->core);
    for (uint32_t i = 0; i < 2; i++) {
        struct beat beat = {.kind = BEAT_KIND_BEAT};
        struct room_word w = {0, 0};
        size_t len = 0;
        f->core->recovering = false;
        f->core->peers[i]->takes_blocks = true;
        room_fill(f->core, f->core->peers[i], &beat);
        const uint8_t *block = beat_find_block(&beat, BEAT_BLOCK_ROOM, &len);
        cr_assert(block != NULL && room_word_read(&w, block, len));
        cr_expect_eq(w.room, i == 0 ? HELD : all - HELD, "peer%u: %u of %u", i, w.room, all);
    }
    fixture_free(f);
}
