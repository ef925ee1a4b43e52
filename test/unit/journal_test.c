#include "peerd/core/journal.h"

#include <criterion/criterion.h>
#include <string.h>

static struct journal j; /* large: not on the stack */

static struct instant at_ms(int64_t ms) {
    return instant_us(ms * 1000);
}

static void enter(int64_t ms, const char *text) {
    struct journal_entry e = {.number = 0};
    e.at = at_ms(ms);
    e.kind = JOURNAL_DRAIN;
    e.what = "begun";
    journal_enter(&j, &e, text);
}

Test(journal, keeps_the_newest_by_number) {
    journal_init(&j);
    cr_expect_null(journal_find(&j, 0));
    cr_expect_null(journal_find(&j, 1));
    for (int i = 1; i <= JOURNAL_MAX + 5; i++)
        enter(i, "text");
    cr_expect_eq(j.count, JOURNAL_MAX + 5u);
    cr_expect_eq(journal_first(&j), 6u);
    cr_expect_null(journal_find(&j, 5));
    cr_expect_eq(journal_find(&j, 6)->at.us, 6000);
    cr_expect_eq(journal_find(&j, JOURNAL_MAX + 5)->number, JOURNAL_MAX + 5u);
    cr_expect_null(journal_find(&j, JOURNAL_MAX + 6));
    journal_check_invariants(&j);
}

Test(journal, without_one_nothing_is_entered) {
    struct journal_entry e = {.number = 0};
    journal_enter(NULL, &e, "text");
    journal_refused(NULL, JOURNAL_REFUSED_OPEN, ERR_BUDGET, at_ms(0));
    journal_settle(NULL, at_ms(0));
}

/* Two bytes each; an odd bound would cut one in half. */
Test(journal, long_text_is_cut_between_characters) {
    char text[2 * JOURNAL_TEXT_LEN_MAX + 1];
    for (size_t i = 0; i + 1 < sizeof(text); i += 2)
        memcpy(text + i, "\xc2\xb1", 2);
    text[sizeof(text) - 1] = '\0';
    journal_init(&j);
    enter(1, text);
    enter(2, NULL);
    cr_expect_eq(strlen(journal_find(&j, 1)->text), (size_t)JOURNAL_TEXT_LEN_MAX / 2 * 2);
    cr_expect_str_eq(journal_find(&j, 2)->text, "");
}

Test(journal, a_flood_of_refusals_is_a_line_a_second) {
    journal_init(&j);
    for (int i = 0; i < 10000; i++)
        journal_refused(&j, JOURNAL_REFUSED_OPEN, ERR_BUDGET, at_ms(100 + i / 10));
    cr_expect_eq(j.count, 1u, "the first at once");
    cr_expect_eq(journal_find(&j, 1)->count, 1u);
    journal_settle(&j, at_ms(1099));
    cr_expect_eq(j.count, 1u);
    journal_settle(&j, at_ms(1100));
    cr_assert_eq(j.count, 2u, "the others when a second is over");
    cr_expect_eq(journal_find(&j, 2)->count, 9999u);
    cr_expect_eq(journal_find(&j, 2)->error, ERR_BUDGET);
    journal_settle(&j, at_ms(60000));
    cr_expect_eq(j.count, 2u, "there is nothing more");
    journal_check_invariants(&j);
}

Test(journal, each_reason_is_summed_up_by_itself) {
    journal_init(&j);
    journal_refused(&j, JOURNAL_REFUSED_OPEN, ERR_BUDGET, at_ms(0));
    journal_refused(&j, JOURNAL_REFUSED_OPEN, ERR_NO_CREDIT, at_ms(1));
    journal_refused(&j, JOURNAL_REFUSED_SESSION, ERR_NO_CREDIT, at_ms(2));
    cr_expect_eq(j.count, 3u);
    journal_refused(&j, JOURNAL_REFUSED_OPEN, ERR_NO_CREDIT, at_ms(3));
    cr_expect_eq(j.count, 3u);
    journal_check_invariants(&j);
    journal_refused(&j, JOURNAL_REFUSED_OPEN, ERR_BUDGET, at_ms(1500));
    cr_expect_eq(j.count, 4u, "after a second without any the next one is at once");
    journal_settle(&j, at_ms(1500));
    cr_expect_eq(j.count, 5u);
    cr_expect_str_eq(journal_find(&j, 5)->what, "open");
    journal_check_invariants(&j);
}

static void move(const struct session_id *session, const char *from, const char *text) {
    struct journal_entry e = {.at = at_ms(1), .kind = JOURNAL_MOVE, .what = "over"};
    name_set(&e.from, from);
    e.session = *session;
    journal_enter(&j, &e, text);
}

Test(journal, the_newest_way_of_a_session_out) {
    const struct session_id one = {{1}}, two = {{2}};
    struct name fra1;
    name_set(&fra1, "fra1");
    journal_init(&j);
    cr_expect_null(journal_departure(&j, &one, &fra1));
    move(&one, "fra1", "first");
    move(&one, "fra1", "second");
    move(&one, "ams1", "it came back");
    move(&two, "fra1", "another one");
    enter(2, "no move at all");
    const struct journal_entry *e = journal_departure(&j, &one, &fra1);
    cr_assert_not_null(e);
    cr_expect_str_eq(e->text, "second");
    for (int i = 0; i < JOURNAL_MAX; i++)
        enter(3, "text");
    cr_expect_null(journal_departure(&j, &one, &fra1), "it is not kept any more");
}
