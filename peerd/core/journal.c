#include "peerd/core/journal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

void journal_init(struct journal *j) {
    j->count = 0;
    j->summing = 0;
    memset(j->sums, 0, sizeof(j->sums));
}

/* Cut where a character begins: it is told as JSON. */
static void copy_text(char out[JOURNAL_TEXT_LEN_MAX + 1], const char *text) {
    size_t len = strlen(text);
    if (len > JOURNAL_TEXT_LEN_MAX) {
        len = JOURNAL_TEXT_LEN_MAX;
        while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
            len--;
    }
    memcpy(out, text, len);
    out[len] = '\0';
}

void journal_enter(struct journal *j, const struct journal_entry *entry, const char *text) {
    if (j == NULL)
        return;
    struct journal_entry *e = &j->entries[++j->count % JOURNAL_MAX];
    *e = *entry;
    e->number = j->count;
    if (e->count == 0)
        e->count = 1;
    copy_text(e->text, text != NULL ? text : "");
}

/* ---- refusals ---- */

static void enter_refusals(struct journal *j, enum journal_refused what, enum err error,
                           uint32_t count, struct instant now) {
    static const char *const words[] = {"open", "session"};
    journal_enter(j,
                  &(struct journal_entry){.at = now,
                                          .kind = JOURNAL_REFUSAL,
                                          .what = words[what],
                                          .error = error,
                                          .count = count},
                  err_text(error));
    j->sums[what][error] = (struct journal_sum){.since = now, .begun = true};
}

static bool is_over(const struct journal_sum *s, struct instant now) {
    return !s->begun || instant_reached(now, instant_add(s->since, JOURNAL_SUM_EVERY));
}

void journal_refused(struct journal *j, enum journal_refused what, enum err error,
                     struct instant now) {
    if (j == NULL)
        return;
    assert(error > ERR_OK && error < ERR_COUNT);
    struct journal_sum *s = &j->sums[what][error];
    if (s->count == 0 && is_over(s, now)) {
        enter_refusals(j, what, error, 1, now);
        return;
    }
    j->summing += s->count == 0;
    s->count += s->count < UINT32_MAX;
}

void journal_settle(struct journal *j, struct instant now) {
    if (j == NULL || j->summing == 0)
        return;
    for (int what = 0; what < JOURNAL_REFUSED_KINDS; what++)
        for (int e = 0; e < ERR_COUNT; e++) {
            struct journal_sum *s = &j->sums[what][e];
            if (s->count == 0 || !is_over(s, now))
                continue;
            j->summing--;
            enter_refusals(j, (enum journal_refused)what, (enum err)e, s->count, now);
        }
}

/* ---- reading ---- */

uint64_t journal_first(const struct journal *j) {
    return j->count <= JOURNAL_MAX ? 1 : j->count - JOURNAL_MAX + 1;
}

const struct journal_entry *journal_find(const struct journal *j, uint64_t number) {
    if (number < journal_first(j) || number > j->count)
        return NULL;
    return &j->entries[number % JOURNAL_MAX];
}

const char *journal_kind_name(enum journal_kind kind) {
    static const char *const names[] = {"verdict", "move",    "drain",
                                        "policy",  "refusal", "location"};
    return (unsigned)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "?";
}

void journal_check_invariants(const struct journal *j) {
    uint32_t summing = 0;
    for (int what = 0; what < JOURNAL_REFUSED_KINDS; what++)
        for (int e = 0; e < ERR_COUNT; e++)
            summing += j->sums[what][e].count > 0;
    assert(summing == j->summing);
    for (uint64_t n = journal_first(j); n <= j->count; n++) {
        const struct journal_entry *e = journal_find(j, n);
        assert(e != NULL && e->number == n && e->what != NULL && e->count > 0);
        assert(n == journal_first(j) || !instant_before(e->at, journal_find(j, n - 1)->at));
    }
}
