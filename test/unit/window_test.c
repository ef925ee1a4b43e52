#include "transcoder/timeline/tenure.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define CAPACITY 600

static struct instant at_ms(int64_t ms) {
    return instant_us(ms * 1000);
}

static struct name name_of(const char *text) {
    struct name n = {{0}};
    cr_assert(name_set(&n, text));
    return n;
}

/* ---- the window itself ----------------------------------------------------------------------- */

static uint32_t fill(struct windows *w, uint8_t row, uint32_t slots_max, bool first, int64_t ms) {
    uint32_t count = 0;
    while (windows_admit(w, row, slots_max, first, at_ms(ms)) && count < 100000) {
        windows_begun(w, row);
        count++;
    }
    return count;
}

static void end_all(struct windows *w, uint8_t row, enum window_end end, int64_t admitted_ms,
                    int64_t ms) {
    while (w->rows[row].under_way > 0)
        windows_ended(w, row, end, at_ms(admitted_ms), at_ms(ms));
    windows_check_invariants(w);
}

Test(window, begins_at_what_a_buffer_has_time_for) {
    struct windows w;
    const struct name fra1 = name_of("fra1");
    windows_init(&w, at_ms(0));
    uint8_t row = windows_row(&w, &fra1, at_ms(0));
    cr_expect_eq(fill(&w, row, UINT32_MAX, false, 0), WINDOW_FIRST);
    cr_expect_eq(w.rows[row].refused, 1);
    end_all(&w, row, WINDOW_GIVEN_UP, 0, 1);
    cr_expect_eq(window_starts(&w.rows[row]), WINDOW_FIRST, "who gives up says nothing");
    cr_expect_eq(fill(&w, row, 40, false, 2), 40, "not more than there are slots");
    end_all(&w, row, WINDOW_GIVEN_UP, 2, 3);
    cr_expect_eq(fill(&w, row, UINT32_MAX, true, 4), WINDOW_FIRST / 2,
                 "whom nobody has served before finds half of it");
}

Test(window, opens_by_addition_and_closes_by_half) {
    struct windows w;
    const struct name fra1 = name_of("fra1");
    windows_init(&w, at_ms(0));
    uint8_t row = windows_row(&w, &fra1, at_ms(0));
    fill(&w, row, UINT32_MAX, false, 0);
    end_all(&w, row, WINDOW_IN_TIME, 0, 100);
    uint32_t opened = window_starts(&w.rows[row]);
    cr_expect(opened > WINDOW_FIRST && opened <= WINDOW_FIRST + WINDOW_FIRST / 4, "%u", opened);
    for (int i = 0; i < 1000; i++) { /* one by one: nothing is learnt about many at once */
        windows_begun(&w, row);
        windows_ended(&w, row, WINDOW_IN_TIME, at_ms(100), at_ms(101));
    }
    cr_expect_eq(window_starts(&w.rows[row]), opened);
    fill(&w, row, UINT32_MAX, false, 200);
    end_all(&w, row, WINDOW_TOO_LATE, 200, 600);
    cr_expect_eq(window_starts(&w.rows[row]), opened / 2, "once for all that were under way");
    cr_expect_eq(w.rows[row].halvings, 1);
    for (int64_t ms = 1000; ms < 20000; ms += 1000) {
        cr_assert(windows_admit(&w, row, UINT32_MAX, false, at_ms(ms)));
        windows_begun(&w, row);
        end_all(&w, row, WINDOW_TOO_LATE, ms, ms + 500);
    }
    cr_expect_eq(window_starts(&w.rows[row]), WINDOW_FLOOR, "somebody must try");
    windows_row(&w, &fra1, at_ms(19500 + WINDOW_REST_S * 1000));
    cr_expect_eq(window_starts(&w.rows[row]), WINDOW_FIRST, "that was long ago");
}

Test(window, frames_of_others_that_are_late_close_those_in_use) {
    struct windows w;
    const struct name a = name_of("fra1"), b = name_of("ams1");
    windows_init(&w, at_ms(0));
    uint8_t at_work = windows_row(&w, &a, at_ms(0)), idle = windows_row(&w, &b, at_ms(0));
    windows_begun(&w, at_work);
    windows_behind(&w, at_ms(10));
    windows_behind(&w, at_ms(20)); /* that is the same */
    cr_expect_eq(window_starts(&w.rows[at_work]), WINDOW_FIRST / 2);
    cr_expect_eq(window_starts(&w.rows[idle]), WINDOW_FIRST);
    windows_behind(&w, at_ms(10 + WINDOW_LATE + 1));
    cr_expect_eq(window_starts(&w.rows[at_work]), WINDOW_FIRST / 4);
}

Test(window, more_clusters_than_rows_share_the_last) {
    struct windows w;
    char text[16];
    windows_init(&w, at_ms(0));
    for (uint32_t i = 0; i < WINDOWS_MAX + 8; i++) {
        snprintf(text, sizeof(text), "c%u", i);
        const struct name n = name_of(text);
        uint8_t row = windows_row(&w, &n, at_ms(i));
        cr_expect_eq(row, i < WINDOWS_MAX - 2 ? i + 1 : WINDOWS_MAX - 1, "%u in %u", i, row);
        windows_begun(&w, row);
    }
    const struct name quiet = name_of("c3"), next = name_of("next");
    uint8_t row = windows_row(&w, &quiet, at_ms(100));
    end_all(&w, row, WINDOW_IN_TIME, 3, 101);
    cr_expect_eq(windows_row(&w, &next, at_ms(102)), row, "a quiet one's is given away");
    windows_check_invariants(&w);
}

Test(window, who_is_told_busy_is_back_within_a_buffer_and_not_in_step) {
    struct windows w;
    uint32_t most = 0, per_10ms[64] = {0};
    windows_init(&w, at_ms(0));
    fill(&w, 0, 8, false, 0);
    for (uint32_t i = 0; i < 200; i++) {
        struct session_id who = {{0}};
        memcpy(who.bytes, &i, sizeof(i));
        windows_admit(&w, 0, 8, false, at_ms(0));
        uint32_t ms = windows_wait_ms(&w, &who, 7, at_ms(0));
        cr_assert(ms >= WINDOW_RETRY && ms <= WINDOW_RETRY + WINDOW_SPAN, "%u", ms);
        uint32_t n = ++per_10ms[ms / 10];
        most = n > most ? n : most;
    }
    cr_expect_leq(most, 40, "%u of 200 within 10 ms", most);
}

/* ---- at a worker ----------------------------------------------------------------------------- */

struct fixture {
    struct tenure t;
    struct tenure_session sessions[CAPACITY];
    struct due_entry due[CAPACITY];
    uint32_t index[2048];
    struct tenure_outbox out;
    struct guests guests;
    struct board board;
    uint64_t counter;
};

static struct fixture *start(void) {
    static struct fixture f;
    memset(&f, 0, sizeof(f));
    const struct tenure_config config = {.session_lease = duration_ms(5000),
                                         .standby_lease = duration_ms(5000),
                                         .hedge_ms_max = 500,
                                         .hedges_per_minute = 4,
                                         .retry_ms = 700};
    cr_assert_leq(tenure_index_count(CAPACITY), 2048);
    tenure_init(&f.t, &config, f.sessions, f.due, f.index, CAPACITY);
    board_init(&f.board);
    guests_init(&f.guests, &f.board, 0);
    guests_begin(&f.guests);
    f.t.guests = &f.guests;
    struct tenure_event e = {.kind = TENURE_CREDIT_LEASED, .now = at_ms(0)};
    e.u.credit.slots = CAPACITY;
    e.u.credit.until = at_ms(300000);
    tenure_step(&f.t, &e, &f.out);
    return &f;
}

static enum err ask(struct fixture *f, uint16_t id, const struct name *issuer,
                    enum resume_purpose purpose, uint32_t epoch, int64_t ms) {
    struct message_resume m = {.session = {{(uint8_t)id, (uint8_t)(id >> 8)}},
                               .purpose = purpose,
                               .epoch = epoch,
                               .counter = ++f->counter,
                               .from_frame = 100,
                               .live_frame = 105,
                               .hedge_ms = 500,
                               .served_by = {{1}}};
    const struct tenure_event e = {
        .kind = TENURE_RESUME_RECEIVED, .now = at_ms(ms), .issuer = issuer, .u.resume = &m};
    tenure_step(&f->t, &e, &f->out);
    tenure_check_invariants(&f->t);
    for (uint32_t i = 0; i < f->out.count; i++) {
        if (f->out.items[i].kind == TENURE_GRANT)
            return ERR_OK;
        if (f->out.items[i].kind == TENURE_REFUSE)
            return f->out.items[i].error;
    }
    return ERR_COUNT;
}

static void begun(struct fixture *f, uint16_t id, int64_t asked_ms, int64_t ms) {
    struct session_id who = {{(uint8_t)id, (uint8_t)(id >> 8)}};
    struct tenure_event e = {.kind = TENURE_MEDIA_BEGUN, .now = at_ms(ms)};
    e.u.begun.slot = tenure_find(&f->t, &who);
    e.u.begun.asked = at_ms(asked_ms);
    tenure_step(&f->t, &e, &f->out);
    tenure_check_invariants(&f->t);
}

Test(window, a_herd_finds_it_full_and_others_find_theirs) {
    struct fixture *f = start();
    const struct name fra1 = name_of("fra1"), ams1 = name_of("ams1");
    for (uint16_t id = 0; id < WINDOW_FIRST; id++)
        cr_assert_eq(ask(f, id, &fra1, RESUME_HEDGE, 1, 10), ERR_OK);
    cr_expect_eq(ask(f, 400, &fra1, RESUME_STANDBY, 1, 10), ERR_OK, "costs no start");
    cr_expect_eq(ask(f, 400, &fra1, RESUME_HEDGE, 1, 11), ERR_BUSY);
    cr_expect_leq(f->out.items[0].retry_after_ms, WINDOW_RETRY + WINDOW_SPAN);
    cr_expect_eq(f->t.counts[TENURE_STANDBY], 1, "its slot waits for it");
    cr_expect_eq(ask(f, 401, &fra1, RESUME_COMMIT, 2, 11), ERR_BUSY);
    cr_expect_eq(ask(f, 402, &ams1, RESUME_HEDGE, 1, 11), ERR_OK, "another cluster's");
    cr_expect_eq(ask(f, 403, NULL, RESUME_COMMIT, 1, 11), ERR_OK, "and ours");
    cr_expect_eq(ask(f, 0, &fra1, RESUME_COMMIT, 2, 12), ERR_OK, "it sends already");
    begun(f, 0, 10, 20);
    cr_expect_eq(ask(f, 400, &fra1, RESUME_HEDGE, 1, 50), ERR_OK, "one is out of the way");
    cr_expect_eq(ask(f, 401, &fra1, RESUME_COMMIT, 2, 50), ERR_BUSY);
    cr_expect_eq(ask(f, 1, &fra1, RESUME_CANCEL, 1, 51), ERR_OK);
    cr_expect_eq(ask(f, 401, &fra1, RESUME_COMMIT, 2, 52), ERR_OK, "who cancels is, too");
}

Test(window, late_starts_close_it) {
    struct fixture *f = start();
    const struct name fra1 = name_of("fra1");
    for (uint16_t id = 0; id < WINDOW_FIRST; id++)
        ask(f, id, &fra1, RESUME_COMMIT, 2, 10);
    uint8_t row = windows_row(&f->t.windows, &fra1, at_ms(10));
    for (uint16_t id = 0; id < 100; id++)
        begun(f, id, 10, 200);
    cr_expect_eq(f->t.windows.rows[row].in_time, 100);
    begun(f, 100, 10, 10 + WINDOW_LATE + 1);
    begun(f, 101, 10, 10 + WINDOW_LATE + 2);
    cr_expect_eq(f->t.windows.rows[row].halvings, 1);
    cr_expect_eq(ask(f, 500, &fra1, RESUME_COMMIT, 2, 300), ERR_BUSY);
}

Test(window, an_opening_is_never_late) {
    struct fixture *f = start();
    struct message_resume m = {
        .session = {{9}}, .purpose = RESUME_COMMIT, .epoch = 1, .counter = 1};
    const struct tenure_event e = {
        .kind = TENURE_RESUME_RECEIVED, .now = at_ms(10), .u.resume = &m};
    tenure_step(&f->t, &e, &f->out);
    begun(f, 9, 10, 2000);
    cr_expect_eq(f->t.windows.rows[0].in_time, 1);
    cr_expect_eq(window_starts(&f->t.windows.rows[0]), WINDOW_FIRST);
}

Test(window, a_hedge_that_nobody_heard_was_late) {
    struct fixture *f = start();
    const struct name fra1 = name_of("fra1");
    ask(f, 1, &fra1, RESUME_HEDGE, 1, 10);
    uint8_t row = windows_row(&f->t.windows, &fra1, at_ms(10));
    const struct tenure_event tick = {.kind = TENURE_TICKED, .now = at_ms(511)};
    tenure_step(&f->t, &tick, &f->out);
    tenure_check_invariants(&f->t);
    cr_expect_eq(f->t.windows.rows[row].late, 1);
    cr_expect_eq(f->t.windows.rows[row].under_way, 0);
}
