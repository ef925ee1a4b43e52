#include "transcoder/timeline/tenure.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/*
 * Guests by themselves, and as tenure asks them.
 */

#define CAPACITY 8
#define ROW      5 /* of the board; any */

static const struct node_guest_services no_services;

struct fixture {
    struct tenure t;
    struct board board;
    struct guests guests;
    struct tenure_session sessions[CAPACITY];
    struct due_entry due[CAPACITY];
    uint32_t index[16];
    struct tenure_outbox out;
    uint64_t counter;
};

static struct name named(const char *text) {
    struct name n = {.text = ""};
    name_set(&n, text);
    return n;
}

static void limit(struct guests *g, const char *issuer, uint32_t slots, enum err refusal) {
    const struct guest_limit l = {named(issuer), ROW, refusal, NODE_GUEST_SERVICES_ALL,
                                  NODE_GUEST_HOT_ALL};
    board_limit_set(g->board, ROW, slots, slots);
    guests_limit_set(g, &l, 1, &no_services);
}

static void start(struct fixture *f) {
    const struct tenure_config config = {.session_lease = duration_s(5),
                                         .standby_lease = duration_s(3),
                                         .hedge_ms_max = 500,
                                         .hedges_per_minute = 10};
    struct tenure_event e = {.kind = TENURE_CREDIT_LEASED, .now = instant_us(0)};
    memset(f, 0, sizeof(*f));
    tenure_init(&f->t, &config, f->sessions, f->due, f->index, CAPACITY);
    board_init(&f->board);
    guests_init(&f->guests, &f->board, 0);
    guests_begin(&f->guests);
    f->t.guests = &f->guests;
    e.u.credit.slots = CAPACITY;
    e.u.credit.until = instant_us(INT64_C(300000000));
    tenure_step(&f->t, &e, &f->out);
}

/* ERR_OK for a grant. */
static enum err ask_as(struct fixture *f, const char *issuer, uint8_t id, enum resume_purpose what,
                       bool adopted) {
    const struct name name = named(issuer);
    const struct message_resume m = {
        .session = {{id}}, .purpose = what, .epoch = 1, .counter = ++f->counter, .hedge_ms = 400};
    const struct tenure_event e = {.kind = TENURE_RESUME_RECEIVED,
                                   .now = instant_us(1000),
                                   .issuer = issuer[0] != '\0' ? &name : NULL,
                                   .adopted = adopted,
                                   .u.resume = &m};
    tenure_step(&f->t, &e, &f->out);
    tenure_check_invariants(&f->t);
    for (uint32_t i = 0; i < f->out.count; i++)
        if (f->out.items[i].kind == TENURE_REFUSE)
            return f->out.items[i].error;
    return ERR_OK;
}

static enum err ask(struct fixture *f, const char *issuer, uint8_t id, enum resume_purpose what) {
    return ask_as(f, issuer, id, what, false);
}

static uint32_t here(const struct fixture *f, const char *issuer) {
    const struct name name = named(issuer);
    return guests_here(&f->guests, &name);
}

Test(guests, no_more_come_than_there_are_slots_whatever_for) {
    static struct fixture f;
    start(&f);
    limit(&f.guests, "acme", 3, ERR_NO_CREDIT);
    cr_expect_eq(ask(&f, "acme", 1, RESUME_STANDBY), ERR_OK);
    cr_expect_eq(ask(&f, "acme", 2, RESUME_HEDGE), ERR_OK);
    cr_expect_eq(ask(&f, "acme", 3, RESUME_COMMIT), ERR_OK);
    cr_expect_eq(ask(&f, "acme", 4, RESUME_STANDBY), ERR_NO_CREDIT);
    cr_expect_eq(ask(&f, "acme", 4, RESUME_HEDGE), ERR_NO_CREDIT);
    cr_expect_eq(ask(&f, "acme", 4, RESUME_COMMIT), ERR_NO_CREDIT);
    const struct name acme = named("acme");
    cr_expect_eq(guests_refused(&f.guests, &acme).refused, 3u);
    cr_expect_eq(guests_refused(&f.guests, &acme).refused, 0u, "since it was asked last");
    cr_expect_eq(ask(&f, "beta", 5, RESUME_COMMIT), ERR_OK, "another's are not bounded");
    cr_expect_eq(ask(&f, "", 6, RESUME_COMMIT), ERR_OK, "nor are ours");
    cr_expect_eq(ask(&f, "acme", 1, RESUME_COMMIT), ERR_OK, "who stands by may serve");
    cr_expect_eq(ask(&f, "acme", 2, RESUME_COMMIT), ERR_OK, "and who hedges");
    cr_expect(here(&f, "acme") == 3 && here(&f, "beta") == 1);
    cr_expect_eq(ask(&f, "acme", 3, RESUME_RELEASE), ERR_OK);
    cr_expect_eq(ask(&f, "acme", 4, RESUME_COMMIT), ERR_OK, "one has left");
}

Test(guests, a_limit_that_comes_later_counts_who_is_here) {
    static struct fixture f;
    start(&f);
    cr_expect_eq(ask(&f, "acme", 1, RESUME_COMMIT), ERR_OK);
    cr_expect_eq(ask(&f, "acme", 2, RESUME_STANDBY), ERR_OK);
    limit(&f.guests, "acme", 1, ERR_NO_CREDIT);
    cr_expect_eq(ask(&f, "acme", 3, RESUME_COMMIT), ERR_NO_CREDIT);
    cr_expect_eq(ask(&f, "acme", 2, RESUME_COMMIT), ERR_OK, "who was here may serve");
    guests_limit_set(&f.guests, NULL, 0, &no_services);
    cr_expect_eq(ask(&f, "acme", 3, RESUME_COMMIT), ERR_OK, "and with no limit anybody comes");
}

Test(guests, with_nothing_agreed_a_standby_may_not_serve) {
    static struct fixture f;
    start(&f);
    cr_expect_eq(ask(&f, "acme", 1, RESUME_STANDBY), ERR_OK);
    cr_expect_eq(ask(&f, "acme", 2, RESUME_COMMIT), ERR_OK);
    limit(&f.guests, "acme", 0, ERR_DENIED);
    cr_expect_eq(ask(&f, "acme", 1, RESUME_HEDGE), ERR_DENIED);
    cr_expect_eq(here(&f, "acme"), 1u, "it is over");
    cr_expect_eq(ask(&f, "acme", 2, RESUME_COMMIT), ERR_OK, "who is served stays");
}

/* As `ask`, for a service. */
static enum err ask_for(struct fixture *f, const char *service, uint8_t id,
                        enum resume_purpose what) {
    const struct name issuer = named("acme"), name = named(service);
    const struct message_resume m = {
        .session = {{id}}, .purpose = what, .epoch = 1, .counter = ++f->counter, .hedge_ms = 400};
    const struct tenure_event e = {.kind = TENURE_RESUME_RECEIVED,
                                   .now = instant_us(1000),
                                   .issuer = &issuer,
                                   .service = &name,
                                   .u.resume = &m};
    tenure_step(&f->t, &e, &f->out);
    tenure_check_invariants(&f->t);
    return f->out.items[0].kind == TENURE_REFUSE ? f->out.items[0].error : ERR_OK;
}

static void agree_on(struct fixture *f, uint32_t services) {
    const struct node_guest_services known = {.names = {named("radio"), named("voice")},
                                              .count = 2};
    const struct guest_limit l = {named("acme"), ROW, ERR_NO_CREDIT, services, NODE_GUEST_HOT_ALL};
    board_limit_set(&f->board, ROW, CAPACITY, 0);
    guests_limit_set(&f->guests, &l, 1, &known);
}

Test(guests, a_service_that_is_not_in_the_terms_is_refused_at_the_door) {
    static struct fixture f;
    start(&f);
    const struct name acme = named("acme"), radio = named("radio"), voice = named("voice");
    agree_on(&f, 1);
    cr_expect_eq(ask_for(&f, "radio", 1, RESUME_STANDBY), ERR_OK);
    cr_expect_eq(ask_for(&f, "voice", 2, RESUME_STANDBY), ERR_DENIED);
    cr_expect_eq(ask_for(&f, "voice", 2, RESUME_COMMIT), ERR_DENIED);
    cr_expect_eq(ask_for(&f, "nobodys", 3, RESUME_HEDGE), ERR_DENIED);
    cr_expect(guests_room(&f.guests, &acme, &radio) && !guests_room(&f.guests, &acme, &voice));
    cr_expect(guests_deny(&f.guests, &acme, &voice) && !guests_deny(&f.guests, &acme, &radio));
    struct guests_turned_away away = guests_refused(&f.guests, &acme);
    cr_expect(away.denied == 3 && away.refused == 0);
    cr_expect_eq(here(&f, "acme"), 1u, "and takes no slot");
    agree_on(&f, 2);
    cr_expect_eq(ask_for(&f, "radio", 1, RESUME_COMMIT), ERR_DENIED, "it is not agreed any more");
    cr_expect_eq(here(&f, "acme"), 0u);
    cr_expect_eq(ask_for(&f, "voice", 2, RESUME_COMMIT), ERR_OK);
    agree_on(&f, 0);
    cr_expect_eq(ask_for(&f, "voice", 4, RESUME_STANDBY), ERR_DENIED);
    cr_expect_eq(ask_for(&f, "voice", 2, RESUME_COMMIT), ERR_OK, "who is served stays");
    agree_on(&f, NODE_GUEST_SERVICES_ALL);
    cr_expect_eq(ask_for(&f, "nobodys", 3, RESUME_STANDBY), ERR_OK, "of that nothing was said");
}

Test(guests, who_is_adopted_is_no_newcomer) {
    static struct fixture f;
    start(&f);
    limit(&f.guests, "acme", 1, ERR_NO_CREDIT);
    cr_expect_eq(ask_as(&f, "acme", 1, RESUME_COMMIT, true), ERR_OK);
    cr_expect_eq(ask_as(&f, "acme", 2, RESUME_COMMIT, true), ERR_OK);
    cr_expect_eq(here(&f, "acme"), 2u);
    cr_expect_eq(ask(&f, "acme", 3, RESUME_COMMIT), ERR_NO_CREDIT);
}

Test(guests, more_issuers_than_there_are_rows_are_not_told_apart) {
    static struct board board;
    static struct guests g;
    char text[16];
    guests_init(&g, &board, 0);
    for (int i = 0; i < GUESTS_MAX; i++) {
        snprintf(text, sizeof(text), "c%d", i);
        const struct name name = named(text);
        uint8_t row = guests_row(&g, &name);
        cr_assert_neq(row, GUESTS_NONE);
        guests_count(&g, row, 1);
    }
    const struct name more = named("more"), first = named("c0"), none = named("");
    cr_expect_eq(guests_row(&g, &more), GUESTS_NONE);
    cr_expect_eq(guests_row(&g, &none), GUESTS_NONE);
    guests_count(&g, guests_row(&g, &first), -1);
    cr_expect_neq(guests_row(&g, &more), GUESTS_NONE, "in the place of one that has left");
}

struct two {
    struct board board;
    struct guests workers[2];
    uint8_t row[2];
};

static void start_two(struct two *t, uint32_t slots) {
    const struct guest_limit l = {named("acme"), ROW, ERR_NO_CREDIT, NODE_GUEST_SERVICES_ALL,
                                  NODE_GUEST_HOT_ALL};
    memset(t, 0, sizeof(*t));
    board_init(&t->board);
    board_limit_set(&t->board, ROW, slots, slots);
    for (uint32_t w = 0; w < 2; w++) {
        guests_init(&t->workers[w], &t->board, w);
        guests_limit_set(&t->workers[w], &l, 1, &no_services);
        guests_credit(&t->workers[w], 8);
        guests_begin(&t->workers[w]);
        t->row[w] = guests_row(&t->workers[w], &l.issuer);
    }
}

static bool comes(struct two *t, uint32_t worker) {
    if (guests_admit(&t->workers[worker], t->row[worker], NULL) != ERR_OK)
        return false;
    guests_count(&t->workers[worker], t->row[worker], 1);
    return true;
}

Test(guests, workers_draw_from_what_the_machine_may_have) {
    static struct two t;
    start_two(&t, 3);
    const struct name acme = named("acme");
    cr_expect(comes(&t, 0) && comes(&t, 0) && comes(&t, 0), "all at one");
    cr_expect(!comes(&t, 1) && !guests_room(&t.workers[1], &acme, NULL));
    guests_count(&t.workers[0], t.row[0], -1);
    cr_expect(guests_room(&t.workers[1], &acme, NULL) && comes(&t, 1),
              "what one gives back another has");
    cr_expect(!comes(&t, 0) && !comes(&t, 1));
    board_limit_set(&t.board, ROW, 4, 4);
    cr_expect(comes(&t, 1), "more are allotted: at once, and to whoever is asked");
    cr_expect(!comes(&t, 1));
}

Test(guests, who_was_admitted_and_does_not_come_takes_no_slot) {
    static struct two t;
    start_two(&t, 1);
    cr_expect_eq(guests_admit(&t.workers[0], t.row[0], NULL), ERR_OK);
    cr_expect(!comes(&t, 1), "it is taken as soon as it is promised");
    guests_forgo(&t.workers[0], t.row[0]);
    cr_expect(comes(&t, 1));
}

Test(guests, what_a_dead_worker_had_is_kept_until_its_replacement_has_adopted) {
    static struct two t;
    start_two(&t, 3);
    cr_expect(comes(&t, 0) && comes(&t, 0));
    const struct guest_limit l = {named("acme"), ROW, ERR_NO_CREDIT, NODE_GUEST_SERVICES_ALL,
                                  NODE_GUEST_HOT_ALL};
    guests_init(&t.workers[0], &t.board, 0);
    guests_limit_set(&t.workers[0], &l, 1, &no_services);
    t.row[0] = guests_row(&t.workers[0], &l.issuer);
    guests_count(&t.workers[0], t.row[0], 1);
    cr_expect(comes(&t, 1) && !comes(&t, 1), "two are its, although one of them is not here yet");
    cr_expect(!comes(&t, 0), "nor does it admit anybody before it has begun");
    guests_begin(&t.workers[0]);
    cr_expect(comes(&t, 1), "one was not adopted: its slot is free");
    cr_expect(!comes(&t, 0) && !comes(&t, 1));
}

Test(guests, a_node_keeps_what_was_refused_to_whom_is_named_again) {
    static struct guests_allotted a;
    static struct board board;
    const struct node_guest_limit both[] = {
        {named("acme"), 3, ERR_NO_CREDIT, 0, NODE_GUEST_HOT_ALL, 2},
        {named("beta"), 0, ERR_DENIED, 0, NODE_GUEST_HOT_ALL, 0}};
    guests_allot(&a, &board, both, 2, &no_services);
    guests_allotted_refused(&a, &both[1].issuer, (struct guests_turned_away){5, 7});
    guests_allot(&a, &board, &both[1], 1, &no_services);
    cr_expect(a.count == 1 && a.turned_away[0].refused == 5 && a.turned_away[0].denied == 7);
    cr_expect(!board_keeps_any(&board), "nothing is kept for who is not named any more");
    guests_allotted_refused(&a, &both[0].issuer, (struct guests_turned_away){5, 7});
    guests_allot(&a, &board, both, 2, &no_services);
    cr_expect(a.count == 2 && a.turned_away[0].refused == 0 && a.turned_away[1].refused == 5);
}

Test(guests, rows_of_the_board_stay_and_are_not_given_away_at_once) {
    static struct guests_allotted a;
    static struct board board;
    struct node_guest_limit limits[NODE_GUESTS_MAX];
    char text[16];
    for (int turn = 0; turn < 5; turn++) {
        for (uint32_t i = 0; i < NODE_GUESTS_MAX; i++) { /* every other is another each time */
            snprintf(text, sizeof(text), "c%u-%d", i, i % 2 == 0 ? 0 : turn);
            limits[i] = (struct node_guest_limit){named(text),        i + 1, ERR_NO_CREDIT, 0,
                                                  NODE_GUEST_HOT_ALL, i};
        }
        struct guests_allotted before = a;
        guests_allot(&a, &board, limits, NODE_GUESTS_MAX, &no_services);
        for (uint32_t i = 0; i < a.count; i++) {
            struct guest_limit told = guests_allotted_limit(&a, i);
            cr_expect(board.slots[told.row] == i + 1 && board.kept[told.row] == i);
            cr_expect_eq(a.fresh[i], turn == 0 || i % 2 == 1);
            for (uint32_t j = 0; j < before.count; j++)
                cr_expect((before.rows[j] == told.row) == (i == j && !a.fresh[i]), "%u %u", i, j);
        }
    }
}

/* ---- kept slots ------------------------------------------------------------------------------ */

/* Two workers of four slots each, with so many kept for acme and for beta; gamma has none. */
struct kept {
    struct board board;
    struct guests workers[2];
};

static void keep(struct kept *k, uint32_t acme, uint32_t beta) {
    const struct guest_limit l[] = {
        {named("acme"), 1, ERR_NO_CREDIT, NODE_GUEST_SERVICES_ALL, NODE_GUEST_HOT_ALL},
        {named("beta"), 2, ERR_NO_CREDIT, NODE_GUEST_SERVICES_ALL, NODE_GUEST_HOT_ALL}};
    memset(k, 0, sizeof(*k));
    board_init(&k->board);
    board_limit_set(&k->board, 1, NODE_GUEST_SLOTS_ALL, acme);
    board_limit_set(&k->board, 2, NODE_GUEST_SLOTS_ALL, beta);
    for (uint32_t w = 0; w < 2; w++) {
        guests_init(&k->workers[w], &k->board, w);
        guests_limit_set(&k->workers[w], l, 2, &no_services);
        guests_credit(&k->workers[w], 4);
        guests_begin(&k->workers[w]);
    }
}

/* How many of that issuer's ("": ours) are let in, of so many who ask. */
static uint32_t let_in(struct kept *k, uint32_t worker, const char *issuer, uint32_t ask_count) {
    struct guests *g = &k->workers[worker];
    const struct name name = named(issuer);
    uint32_t count = 0;
    for (uint32_t i = 0; i < ask_count; i++) {
        uint8_t row = guests_row(g, &name);
        bool slot = guests_slot(g, row, false);
        enum err err = guests_admit(g, row, NULL);
        cr_expect_eq(slot, err == ERR_OK, "what is said beforehand holds");
        cr_expect(err == ERR_OK || err == ERR_NO_CREDIT);
        if (err == ERR_OK)
            guests_count(g, row, 1);
        count += err == ERR_OK;
    }
    return count;
}

Test(guests, nobody_else_gets_what_is_kept_for_a_peer) {
    static struct kept k;
    keep(&k, 2, 1);
    cr_expect_eq(let_in(&k, 0, "gamma", 9), 4u, "its part of the worker's slots …");
    cr_expect_eq(let_in(&k, 1, "gamma", 9), 1u, "… and of the machine's what is kept for nobody");
    cr_expect_eq(let_in(&k, 1, "", 9), 0u, "nor do we");
    cr_expect_eq(guests_free(&k.workers[1]), 0u);
    cr_expect_eq(let_in(&k, 0, "beta", 9), 1u, "also at a worker that has its part full");
    cr_expect_eq(let_in(&k, 1, "acme", 9), 2u, "no more than is kept, as nothing else is left");
    cr_expect_eq(let_in(&k, 0, "acme", 9) + let_in(&k, 1, "gamma", 9), 0u);
}

Test(guests, what_is_kept_for_oneself_leaves_the_rest_to_all) {
    static struct kept k;
    keep(&k, 2, 1);
    cr_expect_eq(let_in(&k, 0, "acme", 9), 4u, "two that are kept, and two as anybody's");
    cr_expect_eq(let_in(&k, 1, "acme", 9), 3u, "all but beta's");
    guests_count(&k.workers[1], guests_row(&k.workers[1], &(struct name){"acme"}), -1);
    cr_expect_eq(let_in(&k, 1, "", 9), 1u, "who leaves was more than is kept: anybody's");
    cr_expect_eq(let_in(&k, 1, "beta", 9), 1u);
}

Test(guests, a_slot_that_is_kept_is_kept_again_when_who_had_it_leaves) {
    static struct kept k;
    keep(&k, 2, 0);
    cr_expect_eq(let_in(&k, 0, "acme", 2) + let_in(&k, 0, "gamma", 9) + let_in(&k, 1, "", 9), 8u);
    guests_count(&k.workers[0], guests_row(&k.workers[0], &(struct name){"acme"}), -1);
    cr_expect_eq(let_in(&k, 0, "gamma", 9) + let_in(&k, 1, "beta", 9), 0u);
    cr_expect_eq(let_in(&k, 1, "acme", 9), 1u, "wherever its next one is sent");
    board_limit_set(&k.board, 1, NODE_GUEST_SLOTS_ALL, 0);
    guests_count(&k.workers[0], guests_row(&k.workers[0], &(struct name){"gamma"}), -1);
    cr_expect_eq(let_in(&k, 1, "beta", 9), 0u, "a worker that has more than its part takes nobody");
    cr_expect_eq(let_in(&k, 0, "beta", 9), 1u);
}
