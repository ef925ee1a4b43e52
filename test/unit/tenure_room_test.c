/*
 * What a simulator of very many workers needs of tenure: storage that grows, and rest.
 */
#include "transcoder/timeline/tenure.h"

#include <criterion/criterion.h>
#include <string.h>

#define FIRST  4
#define LARGER 20

struct fixture {
    struct tenure t;
    struct tenure_session sessions[FIRST], more[LARGER];
    struct due_entry due[FIRST], more_due[LARGER];
    uint32_t index[8], more_index[64];
    struct tenure_outbox out;
    uint64_t counter;
};

static struct instant at_ms(int64_t ms) {
    return instant_us(ms * 1000);
}

static void step(struct fixture *f, const struct tenure_event *e) {
    tenure_step(&f->t, e, &f->out);
    tenure_check_invariants(&f->t);
}

static void start(struct fixture *f) {
    const struct tenure_config config = {.session_lease = duration_ms(5000),
                                         .standby_lease = duration_ms(3000)};
    struct tenure_event e = {.kind = TENURE_CREDIT_LEASED, .now = at_ms(0)};
    e.u.credit.slots = 100;
    e.u.credit.until = at_ms(300000);
    memset(f, 0, sizeof(*f));
    cr_assert(tenure_index_count(FIRST) <= 8 && tenure_index_count(LARGER) <= 64);
    tenure_init(&f->t, &config, f->sessions, f->due, f->index, FIRST);
    step(f, &e);
}

static bool ask(struct fixture *f, uint8_t id, enum resume_purpose purpose, int64_t ms) {
    const struct message_resume m = {
        .session = {{id}}, .purpose = purpose, .epoch = 1, .counter = ++f->counter};
    step(f,
         &(struct tenure_event){.kind = TENURE_RESUME_RECEIVED, .now = at_ms(ms), .u.resume = &m});
    for (uint32_t i = 0; i < f->out.count; i++)
        if (f->out.items[i].kind == TENURE_GRANT)
            return true;
    return false;
}

static bool report(struct fixture *f, uint8_t id, int64_t ms) {
    const struct message_report m = {.session = {{id}}, .epoch = 1, .counter = ++f->counter};
    step(f,
         &(struct tenure_event){.kind = TENURE_REPORT_RECEIVED, .now = at_ms(ms), .u.report = &m});
    return f->out.count > 0 && f->out.items[0].kind == TENURE_ACK;
}

/* Sessions that end by then. */
static uint32_t pass(struct fixture *f, int64_t ms) {
    uint32_t ended = 0;
    while (instant_reached(at_ms(ms), tenure_deadline(&f->t))) {
        step(f, &(struct tenure_event){.kind = TENURE_TICKED, .now = tenure_deadline(&f->t)});
        for (uint32_t i = 0; i < f->out.count; i++)
            ended += f->out.items[i].kind == TENURE_FORGET;
    }
    return ended;
}

Test(tenure_room, goes_on_in_larger_storage) {
    static struct fixture f;
    start(&f);
    for (uint8_t i = 1; i <= FIRST; i++)
        cr_expect(ask(&f, i, RESUME_COMMIT, i));
    cr_expect(ask(&f, 3, RESUME_RELEASE, 50));
    cr_assert(tenure_is_full(&f.t));
    memcpy(f.more, f.sessions, sizeof(f.sessions));
    memcpy(f.more_due, f.due, sizeof(f.due));
    memset(f.sessions, 0xaa, sizeof(f.sessions));
    memset(f.due, 0xaa, sizeof(f.due));
    tenure_grow(&f.t, f.more, f.more_due, f.more_index, LARGER);
    tenure_check_invariants(&f.t);
    cr_expect_not(tenure_is_full(&f.t));
    for (uint8_t i = FIRST + 1; i <= LARGER; i++)
        cr_expect(ask(&f, i, RESUME_COMMIT, 60), "%u", i);
    cr_expect_eq(f.t.counts[TENURE_ENDED], 1, "no tombstone had to go");
    cr_expect(report(&f, 1, 70));
    cr_expect_eq(pass(&f, 6000), LARGER - 1, "leases of before and after end");
}

Test(tenure_room, a_lease_stands_still_while_its_session_rests) {
    static struct fixture f;
    const struct session_id first = {{1}};
    start(&f);
    cr_expect(ask(&f, 1, RESUME_COMMIT, 0));
    cr_expect(ask(&f, 2, RESUME_STANDBY, 0));
    tenure_rest(&f.t, tenure_find(&f.t, &first));
    tenure_check_invariants(&f.t);
    cr_expect_eq(pass(&f, 60000), 1, "the standby, which did not rest");
    cr_expect_eq(f.t.counts[TENURE_SERVING], 1);
    tenure_wake(&f.t, tenure_find(&f.t, &first), 500, 77, at_ms(62000));
    tenure_check_invariants(&f.t);
    cr_expect_not(report(&f, 1, 60500), "a counter of before it woke");
    f.counter = 500;
    cr_expect(report(&f, 1, 61000), "a newer one goes on");
    cr_expect_eq(pass(&f, 66001), 1, "and the lease as well");
}
