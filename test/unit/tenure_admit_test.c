#include "transcoder/timeline/tenure.h"

#include <criterion/criterion.h>
#include <string.h>

#define CAPACITY 16
#define CREDIT   4

struct fixture {
    struct tenure t;
    struct tenure_session sessions[CAPACITY];
    struct due_entry due[CAPACITY];
    uint32_t index[64];
    struct tenure_outbox out;
    struct guests guests;
    struct board board;
    uint64_t counter;
};

static struct instant at_ms(int64_t ms) {
    return instant_us(ms * 1000);
}

static const struct name fra1 = {"fra1"}, ams1 = {"ams1"};

static struct fixture *start(void) {
    static struct fixture f;
    memset(&f, 0, sizeof(f));
    const struct tenure_config config = {.session_lease = duration_ms(60000),
                                         .standby_lease = duration_ms(60000),
                                         .hedge_ms_max = 500,
                                         .hedges_per_minute = 4,
                                         .hot_max = 2,
                                         .retry_ms = 700};
    cr_assert_leq(tenure_index_count(CAPACITY), 64);
    tenure_init(&f.t, &config, f.sessions, f.due, f.index, CAPACITY);
    board_init(&f.board);
    guests_init(&f.guests, &f.board, 0);
    guests_begin(&f.guests);
    f.t.guests = &f.guests;
    struct tenure_event e = {.kind = TENURE_CREDIT_LEASED, .now = at_ms(0)};
    e.u.credit.slots = CREDIT;
    e.u.credit.until = at_ms(300000);
    tenure_step(&f.t, &e, &f.out);
    return &f;
}

/* `server`: which cluster serves it, or did; 0: none. */
static enum err ask_as(struct fixture *f, uint8_t id, const struct name *issuer, uint8_t priority,
                       enum resume_purpose purpose, uint8_t server, int64_t ms) {
    struct message_resume m = {.session = {{id}},
                               .purpose = purpose,
                               .epoch = purpose == RESUME_COMMIT && server > 0 ? 2 : 1,
                               .counter = ++f->counter,
                               .from_frame = 100,
                               .live_frame = 105,
                               .hedge_ms = 500,
                               .served_by = {{server}}};
    const struct tenure_event e = {.kind = TENURE_RESUME_RECEIVED,
                                   .now = at_ms(ms),
                                   .issuer = issuer,
                                   .priority = priority,
                                   .u.resume = &m};
    bool room = tenure_has_room(&f->t, &m, issuer != NULL ? issuer : &(struct name){"us"}, NULL,
                                priority, at_ms(ms));
    struct session_id who = {{id}};
    bool here = tenure_find(&f->t, &who) != TENURE_SLOT_NONE;
    tenure_step(&f->t, &e, &f->out);
    tenure_check_invariants(&f->t);
    for (uint32_t i = 0; i < f->out.count; i++) {
        if (f->out.items[i].kind == TENURE_PREPARE)
            cr_expect(room || here, "%u is admitted, and nothing was opened for it", id);
        if (f->out.items[i].kind == TENURE_GRANT)
            return ERR_OK;
        if (f->out.items[i].kind == TENURE_REFUSE && !f->out.items[i].unasked)
            return f->out.items[i].error;
    }
    return ERR_COUNT;
}

static enum err ask(struct fixture *f, uint8_t id, uint8_t priority, enum resume_purpose purpose,
                    uint8_t server, int64_t ms) {
    return ask_as(f, id, NULL, priority, purpose, server, ms);
}

static enum tenure_state state_of(const struct fixture *f, uint8_t id) {
    struct session_id s = {{id}};
    uint32_t slot = tenure_find(&f->t, &s);
    return slot == TENURE_SLOT_NONE ? TENURE_FREE : f->t.sessions[slot].state;
}

Test(tenure_admit, a_standby_of_a_less_urgent_class_gives_way) {
    struct fixture *f = start();
    ask(f, 1, 5, RESUME_COMMIT, false, 1);
    ask(f, 2, 5, RESUME_STANDBY, true, 2);
    ask(f, 3, 3, RESUME_STANDBY, true, 3);
    ask(f, 4, 5, RESUME_STANDBY, true, 4);
    cr_expect_eq(ask(f, 5, 5, RESUME_COMMIT, true, 10), ERR_NO_CREDIT, "not to its own class");
    cr_expect_eq(ask(f, 6, 2, RESUME_COMMIT, true, 11), ERR_OK);
    cr_expect_eq(state_of(f, 4), TENURE_ENDED, "the least urgent, and of these the last");
    cr_expect_eq(f->t.displaced, 1);
    cr_expect_eq(ask(f, 7, 2, RESUME_HEDGE, true, 12), ERR_OK);
    cr_expect_eq(state_of(f, 2), TENURE_ENDED);
    cr_expect_eq(ask(f, 8, 0, RESUME_STANDBY, true, 13), ERR_OK, "also to a standby");
    cr_expect_eq(state_of(f, 3), TENURE_ENDED);
    cr_expect_eq(ask(f, 9, 2, RESUME_COMMIT, true, 14), ERR_NO_CREDIT,
                 "who is served never gives way, nor does anybody that is as urgent");
    cr_expect_eq(state_of(f, 1), TENURE_SERVING);
    cr_expect_eq(state_of(f, 7), TENURE_HEDGING);
    cr_expect_eq(state_of(f, 8), TENURE_STANDBY);
}

/* Of that event's outbox, who is told without having asked; 0: nobody. */
static uint8_t told_unasked(const struct fixture *f) {
    for (uint32_t i = 0; i < f->out.count; i++) {
        const struct tenure_out *o = &f->out.items[i];
        if (o->kind == TENURE_REFUSE && o->unasked)
            return o->purpose == RESUME_HEDGE && o->error == ERR_NO_CREDIT && o->retry_after_ms > 0
                       ? o->session.bytes[0]
                       : UINT8_MAX;
    }
    return 0;
}

Test(tenure_admit, a_hedge_gives_way_while_nobody_has_committed) {
    struct fixture *f = start();
    ask(f, 1, 5, RESUME_HEDGE, true, 1);
    ask(f, 2, 3, RESUME_HEDGE, true, 2);
    ask(f, 3, 5, RESUME_HEDGE, true, 3);
    ask(f, 3, 5, RESUME_COMMIT, true, 4);
    ask(f, 4, 4, RESUME_STANDBY, true, 5);
    cr_expect_eq(ask(f, 5, 2, RESUME_HEDGE, true, 10), ERR_OK);
    cr_expect_eq(state_of(f, 4), TENURE_ENDED, "whom nobody hears goes first");
    cr_expect_eq(told_unasked(f), 0, "and is told when it asks again");
    cr_expect_eq(ask(f, 6, 2, RESUME_STANDBY, true, 11), ERR_NO_CREDIT, "nobody misses that one");
    cr_expect_eq(ask(f, 7, 2, RESUME_COMMIT, false, 12), ERR_NO_CREDIT, "nor that one");
    cr_expect_eq(ask(f, 8, 5, RESUME_HEDGE, true, 13), ERR_NO_CREDIT, "not to its own class");
    cr_expect_eq(ask(f, 9, 2, RESUME_HEDGE, true, 14), ERR_OK);
    cr_expect_eq(state_of(f, 1), TENURE_ENDED, "the least urgent");
    cr_expect_eq(told_unasked(f), 1);
    cr_expect_eq(ask(f, 1, 5, RESUME_COMMIT, true, 15), ERR_NO_CREDIT, "there is no slot any more");
    cr_expect_eq(ask(f, 10, 2, RESUME_COMMIT, true, 16), ERR_OK);
    cr_expect_eq(state_of(f, 2), TENURE_ENDED);
    cr_expect_eq(ask(f, 11, 0, RESUME_HEDGE, true, 17), ERR_OK, "also a hedge of class 2");
    cr_expect_eq(ask(f, 12, 0, RESUME_HEDGE, true, 18), ERR_OK);
    cr_expect_eq(ask(f, 13, 0, RESUME_HEDGE, true, 19), ERR_NO_CREDIT,
                 "who has committed is served: it stays");
    cr_expect(state_of(f, 3) == TENURE_SERVING && state_of(f, 10) == TENURE_SERVING);
    cr_expect_eq(f->t.displaced, 5);
}

Test(tenure_admit, a_hot_standby_does_too) {
    struct fixture *f = start();
    for (uint8_t id = 1; id <= CREDIT; id++)
        cr_assert_eq(ask(f, id, id <= 2 ? 4 : 0, id <= 2 ? RESUME_HOT : RESUME_COMMIT, true, id),
                     ERR_OK);
    cr_expect_eq(ask(f, 9, 0, RESUME_COMMIT, true, 10), ERR_OK);
    cr_expect_eq(state_of(f, 2), TENURE_ENDED);
    cr_expect_eq(state_of(f, 1), TENURE_HOT);
}

/* ---- whose owner lives ----------------------------------------------------------------------- */

#define DEAD  1
#define ALIVE 7
#define THIRD 9

Test(tenure_admit, a_promise_keeps_nobody_who_is_missed_from_a_slot) {
    struct fixture *f = start();
    ask(f, 1, 3, RESUME_COMMIT, 0, 1);
    ask(f, 2, 3, RESUME_STANDBY, ALIVE, 2);
    ask(f, 3, 3, RESUME_STANDBY, DEAD, 3);
    ask(f, 4, 3, RESUME_HOT, ALIVE, 4);
    cr_expect_eq(ask(f, 5, 3, RESUME_STANDBY, DEAD, 5), ERR_NO_CREDIT, "a promise for another");
    cr_expect_eq(ask(f, 6, 3, RESUME_COMMIT, 0, 6), ERR_NO_CREDIT, "nobody misses an opening");
    cr_expect_eq(ask(f, 7, 4, RESUME_COMMIT, DEAD, 7), ERR_NO_CREDIT, "it is less urgent");
    cr_expect_eq(ask(f, 10, 3, RESUME_HEDGE, DEAD, 10), ERR_OK);
    cr_expect_eq(state_of(f, 4), TENURE_ENDED, "whoever came last");
    cr_expect_eq(told_unasked(f), 0, "and is told when it asks again");
    cr_expect_eq(ask(f, 11, 3, RESUME_COMMIT, DEAD, 11), ERR_OK);
    cr_expect_eq(state_of(f, 2), TENURE_ENDED);
    cr_expect_eq(ask(f, 12, 3, RESUME_COMMIT, DEAD, 12), ERR_NO_CREDIT);
    cr_expect_eq(state_of(f, 3), TENURE_STANDBY, "its own site is the dead one: its turn is now");
    cr_expect_eq(ask(f, 13, 3, RESUME_COMMIT, THIRD, 13), ERR_OK, "another dies as well");
    cr_expect_eq(state_of(f, 3), TENURE_ENDED);
    cr_expect_eq(f->t.displaced, 3);
    cr_expect_eq(ask(f, 2, 3, RESUME_STANDBY, ALIVE, 20), ERR_NO_CREDIT, "it does not come back");
}

Test(tenure_admit, its_client_says_whose_a_standby_is) {
    struct fixture *f = start();
    for (uint8_t id = 1; id <= 3; id++)
        ask(f, id, 3, RESUME_COMMIT, 0, id);
    ask(f, 4, 3, RESUME_STANDBY, ALIVE, 4);
    ask(f, 4, 3, RESUME_STANDBY, DEAD, 5);
    cr_expect_eq(ask(f, 5, 3, RESUME_HEDGE, DEAD, 6), ERR_NO_CREDIT, "it has moved there");
    ask(f, 4, 3, RESUME_HEDGE, ALIVE, 7);
    ask(f, 4, 3, RESUME_CANCEL, ALIVE, 8);
    cr_assert_eq(state_of(f, 4), TENURE_STANDBY);
    cr_expect_eq(ask(f, 5, 3, RESUME_HEDGE, ALIVE, 9), ERR_NO_CREDIT, "and away again");
    ask(f, 4, 3, RESUME_STANDBY, 0, 10);
    cr_expect_eq(ask(f, 5, 3, RESUME_HEDGE, DEAD, 11), ERR_NO_CREDIT, "nobody knows whose it is");
    ask(f, 4, 3, RESUME_STANDBY, ALIVE, 12);
    cr_expect_eq(ask(f, 5, 3, RESUME_HEDGE, 0, 13), ERR_NO_CREDIT, "nor who is missed");
    cr_expect_eq(ask(f, 5, 3, RESUME_HEDGE, DEAD, 14), ERR_OK);
}

Test(tenure_admit, a_less_urgent_hedge_gives_way_before_a_promise_of_ones_own_class) {
    struct fixture *f = start();
    ask(f, 1, 3, RESUME_STANDBY, ALIVE, 1);
    ask(f, 2, 5, RESUME_HEDGE, DEAD, 2);
    ask(f, 3, 3, RESUME_COMMIT, 0, 3);
    ask(f, 4, 3, RESUME_COMMIT, 0, 4);
    cr_expect_eq(ask(f, 5, 3, RESUME_HEDGE, DEAD, 5), ERR_OK);
    cr_expect(state_of(f, 2) == TENURE_ENDED && state_of(f, 1) == TENURE_STANDBY);
    cr_expect_eq(ask(f, 6, 3, RESUME_HEDGE, DEAD, 6), ERR_OK);
    cr_expect_eq(state_of(f, 1), TENURE_ENDED);
}

Test(tenure_admit, what_was_agreed_with_a_peer_is_not_given_to_a_third) {
    struct fixture *f = start();
    const struct guest_limit limit = {
        .issuer = fra1, .row = 0, .refusal = ERR_NO_CREDIT, .services = NODE_GUEST_SERVICES_ALL};
    const struct node_guest_services none = {.count = 0};
    board_limit_set(&f->board, 0, CREDIT, CREDIT);
    guests_limit_set(&f->guests, &limit, 1, &none);
    for (uint8_t id = 1; id <= CREDIT; id++)
        cr_assert_eq(ask_as(f, id, &fra1, 7, RESUME_STANDBY, true, id), ERR_OK);
    cr_expect_eq(ask_as(f, 10, &ams1, 0, RESUME_COMMIT, true, 10), ERR_NO_CREDIT);
    cr_expect_eq(ask(f, 11, 0, RESUME_COMMIT, true, 11), ERR_NO_CREDIT, "not even to ours");
    cr_expect_eq(ask_as(f, 12, &fra1, 0, RESUME_COMMIT, true, 12), ERR_OK);
    cr_expect_eq(f->t.displaced, 1);
    board_limit_set(&f->board, 0, 2, 2); /* less is agreed, and all are here */
    cr_expect_eq(ask_as(f, 13, &fra1, 0, RESUME_COMMIT, true, 13), ERR_NO_CREDIT,
                 "one that goes does not make room for two");
}

Test(tenure_admit, within_its_peers_bound_one_gives_way_to_its_own) {
    struct fixture *f = start();
    const struct guest_limit limit = {
        .issuer = fra1, .row = 0, .refusal = ERR_NO_CREDIT, .services = NODE_GUEST_SERVICES_ALL};
    const struct node_guest_services none = {.count = 0};
    board_limit_set(&f->board, 0, 2, 2);
    guests_limit_set(&f->guests, &limit, 1, &none);
    ask_as(f, 1, &ams1, 7, RESUME_STANDBY, true, 1);
    ask_as(f, 2, &fra1, 6, RESUME_STANDBY, true, 2);
    ask_as(f, 3, &fra1, 6, RESUME_COMMIT, true, 3);
    cr_expect_eq(ask_as(f, 4, &fra1, 1, RESUME_COMMIT, true, 4), ERR_OK, "there is a free slot");
    cr_expect_eq(state_of(f, 2), TENURE_ENDED, "but only two of fra1's may be here");
    cr_expect_eq(state_of(f, 1), TENURE_STANDBY, "a third's does not help");
}

Test(tenure_admit, who_is_missed_comes_before_who_is_not) {
    struct fixture *f = start();
    for (uint8_t id = 1; id <= CREDIT; id++)
        ask(f, id, 3, RESUME_COMMIT, false, id);
    cr_expect_eq(ask(f, 10, 3, RESUME_STANDBY, true, 10), ERR_NO_CREDIT);
    ask(f, 1, 3, RESUME_RELEASE, true, 20);
    cr_expect_eq(ask(f, 11, 3, RESUME_STANDBY, true, 21), ERR_OK,
                 "a standby that found no slot keeps nobody away");
    cr_expect_eq(ask(f, 12, 3, RESUME_COMMIT, true, 22), ERR_NO_CREDIT);
    ask(f, 2, 3, RESUME_RELEASE, true, 30);
    cr_expect_eq(ask(f, 13, 3, RESUME_STANDBY, true, 31), ERR_NO_CREDIT, "12 is missed");
    cr_expect_eq(ask(f, 14, 3, RESUME_COMMIT, false, 32), ERR_NO_CREDIT, "an opening waits, too");
    cr_expect_eq(ask(f, 12, 3, RESUME_COMMIT, true, 1000), ERR_OK, "and finds what became free");
    ask(f, 3, 3, RESUME_RELEASE, true, 1010);
    cr_expect_eq(ask(f, 15, 2, RESUME_STANDBY, true, 1020), ERR_OK, "a more urgent one need not");
    ask(f, 4, 3, RESUME_RELEASE, true, 1030);
    cr_expect_eq(ask(f, 16, 3, RESUME_COMMIT, false, 6000), ERR_OK, "that was long ago");
}

/* The most urgent of those who found no slot says who waits for them, whoever came first. */
Test(tenure_admit, whom_the_missed_keep_waiting_says_the_most_urgent_of_them) {
    static const struct {
        const char *what;
        uint8_t first, then;
        enum err opening; /* of class 2, when a slot has become free */
    } rows[] = {{"a more urgent one came last", 3, 1, ERR_NO_CREDIT},
                {"and first", 1, 3, ERR_NO_CREDIT},
                {"both are less urgent", 3, 4, ERR_OK}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture *f = start();
        for (uint8_t id = 1; id <= CREDIT; id++)
            ask(f, id, 0, RESUME_COMMIT, false, id);
        cr_assert_eq(ask(f, 10, rows[i].first, RESUME_COMMIT, true, 10), ERR_NO_CREDIT);
        cr_assert_eq(ask(f, 11, rows[i].then, RESUME_COMMIT, true, 11), ERR_NO_CREDIT);
        ask(f, 1, 0, RESUME_RELEASE, true, 20);
        cr_expect_eq(ask(f, 12, 2, RESUME_COMMIT, false, 21), rows[i].opening, "%s", rows[i].what);
    }
}

Test(tenure_admit, nothing_was_opened_for_it) {
    struct fixture *f = start();
    struct message_resume m = {
        .session = {{1}}, .purpose = RESUME_COMMIT, .epoch = 1, .counter = 1, .live_frame = 1};
    const struct tenure_event e = {.kind = TENURE_RESUME_RECEIVED,
                                   .now = at_ms(1),
                                   .unready = true,
                                   .issuer = &fra1,
                                   .u.resume = &m};
    tenure_step(&f->t, &e, &f->out);
    tenure_check_invariants(&f->t);
    cr_assert_eq(f->out.count, 1);
    cr_expect_eq(f->out.items[0].error, ERR_NO_CREDIT);
}

static bool turned_away(struct fixture *f, uint8_t id, enum resume_purpose purpose, int64_t ms) {
    const struct message_resume m = {
        .session = {{id}}, .purpose = purpose, .counter = 1, .served_by = {{DEAD}}};
    return tenure_turns_away(&f->t, &m, NULL, at_ms(ms));
}

Test(tenure_admit, a_crowd_that_finds_nothing_is_not_looked_at_closely) {
    struct fixture *f = start();
    for (uint8_t id = 1; id <= CREDIT; id++)
        ask(f, id, 3, RESUME_COMMIT, false, id);
    cr_expect_not(turned_away(f, 99, RESUME_COMMIT, 10), "one is no crowd");
    for (uint8_t id = 10; id < 60; id++)
        cr_assert_eq(ask(f, id, 3, RESUME_COMMIT, true, 20), ERR_NO_CREDIT);
    uint64_t refused = f->t.refused;
    cr_expect(turned_away(f, 99, RESUME_COMMIT, 20));
    cr_expect(turned_away(f, 98, RESUME_STANDBY, 20));
    cr_expect_eq(f->t.refused, refused + 2);
    cr_expect_not(turned_away(f, 1, RESUME_COMMIT, 20), "who is here is heard");
    cr_expect_not(turned_away(f, 99, RESUME_RELEASE, 20));
    cr_expect_not(turned_away(f, 99, RESUME_COMMIT, 2000), "that was long ago");
    for (uint8_t id = 10; id < 60; id++)
        ask(f, id, 3, RESUME_COMMIT, true, 3000);
    ask(f, 1, 3, RESUME_RELEASE, true, 3000);
    cr_expect_not(turned_away(f, 99, RESUME_COMMIT, 3000), "there is a slot");
    ask(f, 61, 3, RESUME_STANDBY, true, 9000);
    for (uint8_t id = 10; id < 60; id++)
        ask(f, id, 3, RESUME_COMMIT, true, 9001);
    cr_expect_not(turned_away(f, 99, RESUME_COMMIT, 9001), "a standby may give way");
}

Test(tenure_admit, a_crowd_is_looked_at_while_a_promise_may_give_way_to_it) {
    struct fixture *f = start();
    for (uint8_t id = 1; id < CREDIT; id++)
        ask(f, id, 0, RESUME_COMMIT, 0, id);
    ask(f, 50, 0, RESUME_STANDBY, DEAD, 10);
    for (uint8_t id = 60; id < 120; id++)
        ask(f, id, 0, RESUME_HEDGE, DEAD, 20);
    cr_expect(turned_away(f, 99, RESUME_HEDGE, 20), "it is of those who are missed");
    ask(f, 50, 0, RESUME_STANDBY, ALIVE, 21);
    cr_expect_not(turned_away(f, 99, RESUME_HEDGE, 22));
    cr_expect(turned_away(f, 99, RESUME_STANDBY, 22), "one promise for another");
}

Test(tenure_admit, a_crowd_of_the_first_class_there_is_finds_no_hedge_in_its_way) {
    struct fixture *f = start();
    struct node_guest_services services = {.count = 1, .priorities = {3}};
    name_set(&services.names[0], "radio");
    guests_limit_set(&f->guests, NULL, 0, &services);
    for (uint8_t id = 1; id < 60; id++)
        ask(f, id, 3, RESUME_HEDGE, true, 20);
    cr_expect(turned_away(f, 99, RESUME_HEDGE, 20), "nobody of another class will come");
    services.count = 2;
    services.priorities[1] = 2;
    name_set(&services.names[1], "calls");
    guests_limit_set(&f->guests, NULL, 0, &services);
    cr_expect_not(turned_away(f, 99, RESUME_HEDGE, 20), "it may be a more urgent one");
    cr_expect(turned_away(f, 99, RESUME_STANDBY, 20), "which nobody misses");
}

/* ---- kept slots ------------------------------------------------------------------------------ */

static const struct name lon1 = {"lon1"};

/* Two of the slots are kept for ams1, of which as many may come as there is room for. */
static void keep_two(struct fixture *f) {
    const struct guest_limit limit = {.issuer = ams1,
                                      .row = 0,
                                      .refusal = ERR_NO_CREDIT,
                                      .services = NODE_GUEST_SERVICES_ALL,
                                      .hot_max = NODE_GUEST_HOT_ALL};
    const struct node_guest_services none = {.count = 0};
    board_limit_set(&f->board, 0, NODE_GUEST_SLOTS_ALL, 2);
    guests_limit_set(&f->guests, &limit, 1, &none);
}

Test(tenure_admit, what_is_kept_for_a_peer_nobody_else_gets) {
    struct fixture *f = start();
    keep_two(f);
    cr_expect_eq(ask_as(f, 1, &fra1, 3, RESUME_HEDGE, true, 1), ERR_OK);
    cr_expect_eq(ask_as(f, 2, &lon1, 3, RESUME_COMMIT, true, 2), ERR_OK);
    cr_expect_eq(ask_as(f, 3, &fra1, 3, RESUME_COMMIT, true, 3), ERR_NO_CREDIT);
    cr_expect_eq(ask_as(f, 4, &fra1, 3, RESUME_HOT, true, 4), ERR_NO_CREDIT);
    cr_expect_eq(ask(f, 5, 0, RESUME_COMMIT, false, 5), ERR_NO_CREDIT, "nor do we");
    cr_expect_eq(tenure_free(&f->t, at_ms(5)), 0);
    cr_expect(tenure_slot_for(&f->t, &ams1, at_ms(5)) && !tenure_slot_for(&f->t, &fra1, at_ms(5)));
    cr_expect_eq(ask_as(f, 6, &ams1, 7, RESUME_STANDBY, true, 6), ERR_OK,
                 "although others, who are more urgent and missed, have found none");
    cr_expect_eq(ask_as(f, 7, &ams1, 3, RESUME_COMMIT, true, 7), ERR_OK);
    cr_expect_eq(ask_as(f, 8, &ams1, 7, RESUME_COMMIT, true, 8), ERR_NO_CREDIT);
}

Test(tenure_admit, a_standby_in_a_kept_slot_gives_way_to_its_own_only) {
    struct fixture *f = start();
    keep_two(f);
    for (uint8_t id = 1; id <= 3; id++)
        cr_assert_eq(ask_as(f, id, &ams1, 5, RESUME_STANDBY, true, id), ERR_OK);
    cr_assert_eq(ask_as(f, 4, &fra1, 5, RESUME_COMMIT, true, 4), ERR_OK);
    cr_expect_eq(ask_as(f, 5, &fra1, 1, RESUME_COMMIT, true, 10), ERR_OK,
                 "one is more than is kept");
    cr_expect_eq(state_of(f, 3), TENURE_ENDED);
    cr_expect_eq(ask_as(f, 6, &fra1, 1, RESUME_COMMIT, true, 11), ERR_NO_CREDIT, "two are kept");
    cr_expect_eq(ask(f, 7, 0, RESUME_COMMIT, true, 12), ERR_NO_CREDIT);
    cr_expect(f->t.displaced == 1 && state_of(f, 2) == TENURE_STANDBY);
    cr_expect_eq(ask_as(f, 8, &ams1, 1, RESUME_COMMIT, true, 13), ERR_OK);
    cr_expect_eq(state_of(f, 2), TENURE_ENDED);
}

Test(tenure_admit, nobody_gives_way_in_vain) {
    struct fixture *f = start();
    for (uint8_t id = 1; id <= CREDIT; id++)
        ask_as(f, id, &fra1, 5, RESUME_STANDBY, true, id);
    keep_two(f); /* a policy has changed; both of them are in use by others */
    cr_expect_eq(ask_as(f, 9, &lon1, 1, RESUME_COMMIT, true, 10), ERR_NO_CREDIT,
                 "what becomes free is kept now");
    cr_expect_eq(f->t.displaced, 0);
    cr_expect_eq(ask_as(f, 10, &ams1, 1, RESUME_COMMIT, true, 11), ERR_OK);
    cr_expect_eq(f->t.displaced, 1);
}

Test(tenure_admit, in_a_crowd_whoever_has_a_slot_kept_is_looked_at) {
    struct fixture *f = start();
    keep_two(f);
    for (uint8_t id = 1; id < 60; id++)
        ask_as(f, id, &fra1, 3, RESUME_COMMIT, true, 20);
    const struct message_resume m = {
        .session = {{99}}, .purpose = RESUME_COMMIT, .counter = ++f->counter};
    cr_expect(tenure_turns_away(&f->t, &m, &fra1, at_ms(20)), "two of four are left, and kept");
    cr_expect(tenure_turns_away(&f->t, &m, NULL, at_ms(20)));
    cr_expect_not(tenure_turns_away(&f->t, &m, &ams1, at_ms(20)));
    cr_expect_eq(ask_as(f, 70, &ams1, 3, RESUME_COMMIT, true, 21), ERR_OK);
    cr_expect_eq(ask_as(f, 71, &ams1, 3, RESUME_COMMIT, true, 22), ERR_OK);
    cr_expect(tenure_turns_away(&f->t, &m, &ams1, at_ms(22)));
}

/* Of eight slots at two workers, one has six sessions; then it dies. */
Test(tenure_admit, who_was_let_in_beyond_a_workers_part_is_adopted) {
    static struct fixture next;
    struct fixture *f = start();
    keep_two(f);
    board_tell_credit(&f->board, 1, CREDIT);
    for (uint8_t id = 1; id <= CREDIT; id++)
        cr_assert_eq(ask(f, id, 3, RESUME_COMMIT, true, id), ERR_OK);
    cr_expect_eq(ask_as(f, 5, &fra1, 3, RESUME_COMMIT, true, 5), ERR_NO_CREDIT, "its part is full");
    cr_expect_eq(ask_as(f, 6, &ams1, 3, RESUME_COMMIT, true, 6), ERR_OK);
    cr_expect_eq(ask_as(f, 7, &ams1, 3, RESUME_COMMIT, true, 7), ERR_OK);
    next = *f;
    tenure_init(&next.t, &f->t.config, next.sessions, next.due, next.index, CAPACITY);
    guests_init(&next.guests, &next.board, 0);
    next.t.guests = &next.guests;
    struct tenure_event e = {.kind = TENURE_CREDIT_LEASED, .now = at_ms(10)};
    e.u.credit.slots = CREDIT;
    e.u.credit.until = at_ms(300000);
    tenure_step(&next.t, &e, &next.out);
    keep_two(&next);
    for (uint8_t id = 7; id >= 1; id--) {
        const struct message_resume m = {
            .session = {{id}}, .purpose = RESUME_COMMIT, .epoch = 2, .counter = 1};
        e = (struct tenure_event){.kind = TENURE_RESUME_RECEIVED,
                                  .now = at_ms(10),
                                  .issuer = id > CREDIT ? &ams1 : NULL,
                                  .adopted = true,
                                  .u.resume = &m};
        if (id == 5)
            continue;
        tenure_step(&next.t, &e, &next.out);
        tenure_check_invariants(&next.t);
        cr_expect_eq(state_of(&next, id), TENURE_SERVING, "%u", id);
    }
    guests_begin(&next.guests);
    cr_expect_eq(next.board.used[0], 6u);
    cr_expect_eq(ask(&next, 8, 0, RESUME_COMMIT, true, 11), ERR_NO_CREDIT);
}
