#include "peerd/core/journal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

void journal_init(struct journal *j) {
    j->count = 0;
    j->summing = 0;
    memset(j->sums, 0, sizeof(j->sums));
    memset(j->redirects, 0, sizeof(j->redirects));
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

void journal_moved(struct journal *j, const struct move *m, const char *evidence,
                   struct instant now) {
    const struct journal_entry entry = {.at = now,
                                        .kind = JOURNAL_MOVE,
                                        .what = move_state_name(m->state),
                                        .about = m->to,
                                        .from = m->from,
                                        .session = m->session,
                                        .cause = m->cause};
    journal_enter(j, &entry, evidence);
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

/* ---- redirects ---- */

static void enter_redirects(struct journal *j, struct journal_redirects *r, uint32_t count,
                            struct instant now) {
    char text[JOURNAL_TEXT_LEN_MAX + 1];
    snprintf(text, sizeof(text), "new sessions begin at peers, the newest at %s", r->about.text);
    journal_enter(j,
                  &(struct journal_entry){.at = now,
                                          .kind = JOURNAL_REDIRECT,
                                          .what = r->word,
                                          .about = r->about,
                                          .count = count},
                  text);
    r->sum = (struct journal_sum){.since = now, .begun = true};
}

void journal_redirected(struct journal *j, uint32_t reason, const char *word, const struct name *to,
                        struct instant now) {
    if (j == NULL)
        return;
    assert(reason < JOURNAL_REDIRECTS);
    struct journal_redirects *r = &j->redirects[reason];
    r->word = word;
    r->about = *to;
    if (r->sum.count == 0 && is_over(&r->sum, now)) {
        enter_redirects(j, r, 1, now);
        return;
    }
    j->summing += r->sum.count == 0;
    r->sum.count += r->sum.count < UINT32_MAX;
}

/* ---- time ---- */

static void settle_redirects(struct journal *j, struct instant now) {
    for (int i = 0; i < JOURNAL_REDIRECTS; i++) {
        struct journal_redirects *r = &j->redirects[i];
        if (r->sum.count == 0 || !is_over(&r->sum, now))
            continue;
        j->summing--;
        enter_redirects(j, r, r->sum.count, now);
    }
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
    settle_redirects(j, now);
}

/* ---- reading ---- */

uint64_t journal_first(const struct journal *j) {
    return j->count <= JOURNAL_MAX ? 1 : j->count - JOURNAL_MAX + 1;
}

const struct journal_entry *journal_departure(const struct journal *j,
                                              const struct session_id *session,
                                              const struct name *from) {
    for (uint64_t number = j->count; number >= journal_first(j) && number > 0; number--) {
        const struct journal_entry *e = &j->entries[number % JOURNAL_MAX];
        if (e->kind == JOURNAL_MOVE && session_id_equal(&e->session, session) &&
            name_equal(&e->from, from))
            return e;
    }
    return NULL;
}

const struct journal_entry *journal_find(const struct journal *j, uint64_t number) {
    if (number < journal_first(j) || number > j->count)
        return NULL;
    return &j->entries[number % JOURNAL_MAX];
}

const char *journal_kind_name(enum journal_kind kind) {
    static const char *const names[] = {"verdict",  "move", "drain",  "policy",  "refusal",
                                        "redirect", "load", "origin", "location"};
    return (unsigned)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "?";
}

void journal_check_invariants(const struct journal *j) {
    uint32_t summing = 0;
    for (int what = 0; what < JOURNAL_REFUSED_KINDS; what++)
        for (int e = 0; e < ERR_COUNT; e++)
            summing += j->sums[what][e].count > 0;
    for (int i = 0; i < JOURNAL_REDIRECTS; i++)
        summing += j->redirects[i].sum.count > 0;
    assert(summing == j->summing);
    for (uint64_t n = journal_first(j); n <= j->count; n++) {
        const struct journal_entry *e = journal_find(j, n);
        assert(e != NULL && e->number == n && e->what != NULL && e->count > 0);
        assert(n == journal_first(j) || !instant_before(e->at, journal_find(j, n - 1)->at));
    }
}
