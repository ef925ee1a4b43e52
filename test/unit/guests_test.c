#include "transcoder/timeline/tenure.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/*
 * Guests by themselves, and as tenure asks them.
 */

#define CAPACITY 8

struct fixture {
    struct tenure t;
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
    const struct node_guest_limit l = {named(issuer), slots, refusal};
    guests_limit_set(g, &l, 1);
}

static void start(struct fixture *f) {
    const struct tenure_config config = {.session_lease = duration_s(5),
                                         .standby_lease = duration_s(3),
                                         .hedge_ms_max = 500,
                                         .hedges_per_minute = 10};
    struct tenure_event e = {.kind = TENURE_CREDIT_LEASED, .now = instant_us(0)};
    memset(f, 0, sizeof(*f));
    tenure_init(&f->t, &config, f->sessions, f->due, f->index, CAPACITY);
    guests_init(&f->guests);
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
    cr_expect_eq(guests_refused(&f.guests, &acme), 3u);
    cr_expect_eq(guests_refused(&f.guests, &acme), 0u, "since it was asked last");
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
    guests_limit_set(&f.guests, NULL, 0);
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
    static struct guests g;
    char text[16];
    guests_init(&g);
    for (int i = 0; i < GUESTS_MAX; i++) {
        snprintf(text, sizeof(text), "c%d", i);
        const struct name name = named(text);
        uint8_t row = guests_row(&g, &name);
        cr_assert_neq(row, GUESTS_NONE);
        guests_count(&g, row, 1);
    }
    const struct name more = named("more"), first = named("c0"), none = named("");
    cr_expect_eq(guests_row(&g, &more), GUESTS_NONE);
    cr_expect_eq(guests_admit(&g, GUESTS_NONE), ERR_OK);
    cr_expect_eq(guests_row(&g, &none), GUESTS_NONE);
    guests_count(&g, guests_row(&g, &first), -1);
    cr_expect_neq(guests_row(&g, &more), GUESTS_NONE, "in the place of one that has left");
}

Test(guests, the_parts_of_workers_add_up) {
    static const struct {
        const char *what;
        uint32_t slots, count, here[4];
    } rows[] = {
        {"nobody here", 10, 2, {0, 0}},
        {"does not divide", 11, 4, {0, 0, 0, 0}},
        {"some here", 10, 3, {5, 0, 1}},
        {"full", 6, 2, {6, 0}},
        {"fewer than are here", 4, 2, {3, 3}},
        {"none at all", 0, 2, {2, 1}},
        {"one worker", 7, 1, {3}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (uint64_t turn = 0; turn < 5; turn++) {
            uint32_t sum = 0, most = 0;
            for (uint32_t w = 0; w < rows[i].count; w++) {
                uint32_t part = guests_part(rows[i].slots, rows[i].here, rows[i].count, w, turn);
                uint32_t more = part > rows[i].here[w] ? part - rows[i].here[w] : 0;
                sum += part;
                most = more > most ? more : most;
            }
            cr_expect_eq(sum, rows[i].slots, "%s: %u", rows[i].what, sum);
            cr_expect_leq(most, (rows[i].slots + rows[i].count - 1) / rows[i].count, "%s",
                          rows[i].what);
        }
    const uint32_t nobody[2] = {0, 0};
    cr_expect_neq(guests_part(1, nobody, 2, 0, 0), guests_part(1, nobody, 2, 0, 1),
                  "what does not divide goes round");
}

Test(guests, a_node_keeps_what_was_refused_to_whom_is_named_again) {
    static struct guests_allotted a;
    const struct node_guest_limit both[] = {{named("acme"), 3, ERR_NO_CREDIT},
                                            {named("beta"), 0, ERR_DENIED}};
    guests_allot(&a, both, 2);
    guests_allotted_refused(&a, &both[1].issuer, 5);
    guests_allot(&a, &both[1], 1);
    cr_expect(a.count == 1 && a.refused[0] == 5);
    guests_allotted_refused(&a, &both[0].issuer, 5);
    guests_allot(&a, both, 2);
    cr_expect(a.count == 2 && a.refused[0] == 0 && a.refused[1] == 5);
}
