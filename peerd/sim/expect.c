#include "peerd/sim/expect.h"

#include "peerd/policy/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ROW(r) ((struct report_expectation){.met = (r)})

static int64_t ms(struct duration d) {
    return duration_in_ms(d);
}

/* ---- who can prove anything ---- */

static bool is_in(uint32_t group, const struct report_client *c) {
    return group == SCENARIO_ALL || group == c->group;
}

/* Who heard nothing has missed nothing and moved nowhere, and proves nothing. Not met if nobody of
 * a group heard anything. */
static bool somebody_heard(uint32_t group, const struct report *r, struct report_expectation *row) {
    for (uint32_t i = 0; i < r->client_count; i++)
        if (is_in(group, &r->clients[i]) && r->clients[i].frames_expected > 0)
            return true;
    if (r->client_count == 0)
        return true;
    row->met = false;
    snprintf(row->found, sizeof(row->found), "nobody heard anything at all");
    return false;
}

/* The same of each: nor if one heard nothing that stayed and so should have. */
static void all_heard(uint32_t group, const struct report *r, struct report_expectation *row) {
    if (!somebody_heard(group, r, row))
        return;
    for (uint32_t i = 0; i < r->client_count && row->met; i++) {
        const struct report_client *c = &r->clients[i];
        if (!is_in(group, c) || c->left || c->frames_expected > 0)
            continue;
        row->met = false;
        snprintf(row->found, sizeof(row->found), "%s never heard anything: %.90s", c->name,
                 c->outcome);
    }
}

/* The same of each group of which somebody stayed: a listener may have been refused a session and
 * so have none to move, but not all of a group. */
static void groups_heard(const struct scenario *s, const struct report *r,
                         struct report_expectation *row) {
    bool heard[SCENARIO_CLIENTS_MAX] = {false}, present[SCENARIO_CLIENTS_MAX] = {false};
    if (!somebody_heard(SCENARIO_ALL, r, row))
        return;
    for (uint32_t i = 0; i < r->client_count; i++) {
        heard[r->clients[i].group] |= r->clients[i].frames_expected > 0;
        present[r->clients[i].group] |= !r->clients[i].left;
    }
    for (uint32_t i = 0; i < s->client_group_count && row->met; i++) {
        if (heard[i] || !present[i])
            continue;
        row->met = false;
        snprintf(row->found, sizeof(row->found), "nobody of %s heard anything at all",
                 s->clients[i].name.text);
    }
}

/* Nobody who has left, or never came, can be served: it is asked of the others, if there are. */
static uint32_t count_present(uint32_t group, const struct report *r,
                              struct report_expectation *row) {
    uint32_t present = 0, all = 0;
    for (uint32_t i = 0; i < r->client_count; i++) {
        all += is_in(group, &r->clients[i]);
        present += is_in(group, &r->clients[i]) && !r->clients[i].left;
    }
    if (all == 0 || present > 0)
        return present;
    row->met = false;
    snprintf(row->found, sizeof(row->found), "nobody is there at the end");
    return 0;
}

/* How many were lost, and where to look first. */
static void say_lost(uint32_t group, uint64_t lost, uint64_t expected, const struct report *r,
                     struct report_expectation *row) {
    const struct report_mark *first = NULL;
    snprintf(row->found, sizeof(row->found), "%" PRIu64 " lost of %" PRIu64, lost, expected);
    for (uint32_t i = 0; lost > 0 && i < r->mark_count; i++) {
        const struct report_mark *m = &r->marks[i];
        if (m->kind == REPORT_MARK_GAP && is_in(group, &r->clients[m->client]) &&
            (first == NULL || m->at_ms < first->at_ms))
            first = m;
    }
    if (first == NULL)
        return;
    size_t len = strlen(row->found);
    snprintf(row->found + len, sizeof(row->found) - len, ", the first by %s at %.2f s",
             r->clients[first->client].name, (double)first->at_ms / 1000);
}

/* ---- all clients together ---- */

static void frames_lost(const struct scenario_expectations *x, struct report *r) {
    uint64_t lost = report_frames_lost(r);
    struct report_expectation row = ROW(lost <= x->frames_lost_max);
    snprintf(row.what, sizeof(row.what), "at most %" PRIu32 " frames lost", x->frames_lost_max);
    say_lost(SCENARIO_ALL, lost, report_frames_expected(r), r, &row);
    somebody_heard(SCENARIO_ALL, r, &row);
    report_add_expectation(r, &row);
}

static void gap(const struct scenario_expectations *x, struct report *r) {
    const struct report_client *worst = NULL;
    for (uint32_t i = 0; i < r->client_count; i++)
        if (worst == NULL || r->clients[i].gap_max_ms > worst->gap_max_ms)
            worst = &r->clients[i];
    struct report_expectation row = ROW(worst == NULL || worst->gap_max_ms <= ms(x->gap_max));
    snprintf(row.what, sizeof(row.what), "no gap longer than %" PRId64 " ms", ms(x->gap_max));
    if (worst != NULL)
        snprintf(row.found, sizeof(row.found), "%" PRId64 " ms at %s", worst->gap_max_ms,
                 worst->name);
    all_heard(SCENARIO_ALL, r, &row);
    report_add_expectation(r, &row);
}

static void detection(const struct scenario_expectations *x, struct report *r) {
    const struct report_move *worst = NULL;
    for (uint32_t i = 0; i < r->move_count; i++)
        if (worst == NULL || r->moves[i].detect_ms > worst->detect_ms)
            worst = &r->moves[i];
    struct report_expectation row = ROW(worst == NULL || worst->detect_ms <= ms(x->detect_max));
    snprintf(row.what, sizeof(row.what), "every failure noticed within %" PRId64 " ms",
             ms(x->detect_max));
    if (worst != NULL)
        snprintf(row.found, sizeof(row.found), "%" PRId64 " ms at %s", worst->detect_ms,
                 worst->client);
    else
        snprintf(row.found, sizeof(row.found), "no move");
    somebody_heard(SCENARIO_ALL, r, &row);
    report_add_expectation(r, &row);
}

static void served(const struct scenario_expectations *x, struct report *r) {
    uint32_t unserved = 0;
    const struct report_client *example = NULL;
    for (uint32_t i = 0; i < r->client_count; i++)
        if (!r->clients[i].left && r->clients[i].served_from_ms > ms(x->all_served_by)) {
            unserved++;
            example = example == NULL ? &r->clients[i] : example;
        }
    struct report_expectation row = ROW(unserved == 0);
    snprintf(row.what, sizeof(row.what), "everybody has media from %" PRId64 " ms to the end",
             ms(x->all_served_by));
    uint32_t asked = count_present(SCENARIO_ALL, r, &row);
    if (example == NULL && row.met)
        snprintf(row.found, sizeof(row.found), "all %" PRIu32, asked);
    else if (example != NULL && example->served_from_ms == REPORT_UNSERVED)
        snprintf(row.found, sizeof(row.found), "%" PRIu32 " do not, first %s: %.90s", unserved,
                 example->name, example->outcome);
    else if (example != NULL)
        snprintf(row.found, sizeof(row.found), "%" PRIu32 " do not, first %s: from %" PRId64 " ms",
                 unserved, example->name, example->served_from_ms);
    report_add_expectation(r, &row);
}

static void hedges(const struct scenario_expectations *x, struct report *r) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < r->client_count; i++)
        sum += r->clients[i].hedges;
    struct report_expectation row = ROW(sum <= x->hedges_max);
    snprintf(row.what, sizeof(row.what), "at most %" PRIu32 " hedges", x->hedges_max);
    snprintf(row.found, sizeof(row.found), "%" PRIu64, sum);
    somebody_heard(SCENARIO_ALL, r, &row);
    report_add_expectation(r, &row);
}

static void no_more_than(const char *what, uint32_t most, uint64_t found, struct report *r) {
    struct report_expectation row = ROW(found <= most);
    snprintf(row.what, sizeof(row.what), "at most %" PRIu32 " frames %s", most, what);
    snprintf(row.found, sizeof(row.found), "%" PRIu64, found);
    somebody_heard(SCENARIO_ALL, r, &row);
    report_add_expectation(r, &row);
}

static bool counts(const struct scenario_moves *m, const struct report_move *move) {
    return (m->cause == SCENARIO_CAUSE_ANY ||
            strcmp(move->cause.text, scenario_cause_name(m->cause)) == 0) &&
           (m->of_index == SCENARIO_ALL || m->of_index == move->group) &&
           (name_is_empty(&m->from) || name_equal(&m->from, &move->from)) &&
           (name_is_empty(&m->to) || name_equal(&m->to, &move->to)) &&
           (!m->by_given || move->at_ms <= ms(m->by));
}

static void moves(const struct scenario_moves *m, struct report *r) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < r->move_count; i++)
        count += counts(m, &r->moves[i]);
    struct report_expectation row = ROW(count >= m->min && count <= m->max);
    struct text t = text_over(row.what, sizeof(row.what));
    text_putf(&t, "%" PRIu32 " ", m->min);
    if (m->max == UINT32_MAX)
        text_putf(&t, "or more");
    else
        text_putf(&t, "to %" PRIu32, m->max);
    text_putf(&t, " moves (cause %s, of %s%s%s%s%s", scenario_cause_name(m->cause),
              m->of_index == SCENARIO_ALL ? "all" : m->of.text,
              name_is_empty(&m->from) ? "" : ", from ", m->from.text,
              name_is_empty(&m->to) ? "" : ", to ", m->to.text);
    if (m->by_given)
        text_putf(&t, ", by %" PRId64 " ms", ms(m->by));
    text_putf(&t, ")");
    snprintf(row.found, sizeof(row.found), "%" PRIu32, count);
    if (m->min == 0)
        somebody_heard(m->of_index, r, &row);
    report_add_expectation(r, &row);
}

/* What those who took sessions over have entered. */
static void entered(const struct scenario_moves *m, struct report *r) {
    uint64_t count = 0;
    for (int c = 0; c < SCENARIO_CAUSES; c++)
        count += m->cause == SCENARIO_CAUSE_ANY || (int)m->cause == c ? r->entered[c] : 0;
    struct report_expectation row = ROW(count >= m->min && count <= m->max);
    struct text t = text_over(row.what, sizeof(row.what));
    text_putf(&t, "%" PRIu32 " ", m->min);
    if (m->max == UINT32_MAX)
        text_putf(&t, "or more");
    else
        text_putf(&t, "to %" PRIu32, m->max);
    text_putf(&t, " arrivals in ledgers (cause %s)", scenario_cause_name(m->cause));
    snprintf(row.found, sizeof(row.found), "%" PRIu64, count);
    report_add_expectation(r, &row);
}

static void no_move(const struct scenario *s, const struct name *name, uint32_t group,
                    struct report *r) {
    const struct report_move *example = NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < r->move_count; i++)
        if (group == SCENARIO_ALL || r->moves[i].group == group) {
            count++;
            example = example == NULL ? &r->moves[i] : example;
        }
    struct report_expectation row = ROW(count == 0);
    snprintf(row.what, sizeof(row.what), "no session of %s moves", name->text);
    if (example == NULL)
        snprintf(row.found, sizeof(row.found), "none did");
    else
        snprintf(row.found, sizeof(row.found), "%" PRIu32 " moves, first %s, %s to %s (%s)", count,
                 example->client, example->from.text, example->to.text, example->cause.text);
    if (row.met && group == SCENARIO_ALL)
        groups_heard(s, r, &row);
    else if (row.met)
        somebody_heard(group, r, &row);
    report_add_expectation(r, &row);
}

/* ---- what one group hears ---- */

static bool is_of(const struct scenario_hearing *h, const struct report_client *c) {
    return is_in(h->of_index, c);
}

struct frames {
    uint64_t lost, expected;
};

static struct frames frames_of(uint32_t group, const struct report *r) {
    struct frames f = {0};
    for (uint32_t i = 0; i < r->client_count; i++)
        if (is_in(group, &r->clients[i])) {
            f.lost += r->clients[i].frames_lost;
            f.expected += r->clients[i].frames_expected;
        }
    return f;
}

static void group_frames_lost(const struct scenario_hearing *h, struct report *r) {
    struct frames f = frames_of(h->of_index, r);
    struct report_expectation row = ROW(f.lost <= h->frames_lost_max);
    snprintf(row.what, sizeof(row.what), "%s: at most %" PRIu32 " frames lost", h->of.text,
             h->frames_lost_max);
    say_lost(h->of_index, f.lost, f.expected, r, &row);
    somebody_heard(h->of_index, r, &row);
    report_add_expectation(r, &row);
}

/* Counts of frames are far below 2^32, so the products fit. */
static void group_loses_at_most(const struct scenario_hearing *h, struct report *r) {
    struct frames f = frames_of(h->of_index, r), other = frames_of(h->loses_at_most_index, r);
    struct report_expectation row = ROW(f.lost * other.expected <= other.lost * f.expected);
    snprintf(row.what, sizeof(row.what), "%s: loses no more than %s", h->of.text,
             h->loses_at_most.text);
    snprintf(row.found, sizeof(row.found),
             "%" PRIu64 " lost of %" PRIu64 ", of the others %" PRIu64 " of %" PRIu64, f.lost,
             f.expected, other.lost, other.expected);
    somebody_heard(h->of_index, r, &row);
    if (row.met)
        somebody_heard(h->loses_at_most_index, r, &row);
    report_add_expectation(r, &row);
}

static void group_gap(const struct scenario_hearing *h, struct report *r) {
    const struct report_client *worst = NULL;
    for (uint32_t i = 0; i < r->client_count; i++)
        if (is_of(h, &r->clients[i]) &&
            (worst == NULL || r->clients[i].gap_max_ms > worst->gap_max_ms))
            worst = &r->clients[i];
    struct report_expectation row = ROW(worst == NULL || worst->gap_max_ms <= ms(h->gap_max));
    snprintf(row.what, sizeof(row.what), "%s: no gap longer than %" PRId64 " ms", h->of.text,
             ms(h->gap_max));
    if (worst != NULL)
        snprintf(row.found, sizeof(row.found), "%" PRId64 " ms at %s", worst->gap_max_ms,
                 worst->name);
    all_heard(h->of_index, r, &row);
    report_add_expectation(r, &row);
}

static void group_served(const struct scenario_hearing *h, struct report *r) {
    const struct report_client *example = NULL;
    uint32_t unserved = 0;
    for (uint32_t i = 0; i < r->client_count; i++)
        if (is_of(h, &r->clients[i]) && !r->clients[i].left &&
            r->clients[i].served_from_ms > ms(h->all_served_by)) {
            unserved++;
            example = example == NULL ? &r->clients[i] : example;
        }
    struct report_expectation row = ROW(unserved == 0);
    snprintf(row.what, sizeof(row.what), "%s: each has media from %" PRId64 " ms to the end",
             h->of.text, ms(h->all_served_by));
    uint32_t asked = count_present(h->of_index, r, &row);
    if (example == NULL && row.met)
        snprintf(row.found, sizeof(row.found), "all %" PRIu32, asked);
    else if (example != NULL)
        snprintf(row.found, sizeof(row.found), "%" PRIu32 " do not, first %s: %.90s", unserved,
                 example->name, example->outcome);
    report_add_expectation(r, &row);
}

static bool is_among(const char *name, const struct name *names, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(name, names[i].text) == 0)
            return true;
    return false;
}

static void group_served_at_end(const struct scenario_hearing *h, struct report *r) {
    const struct report_client *example = NULL;
    uint32_t elsewhere = 0;
    for (uint32_t i = 0; i < r->client_count; i++) {
        const struct report_client *c = &r->clients[i];
        if (!is_of(h, c) || c->left ||
            is_among(c->served_by, h->served_at_end, h->served_at_end_count))
            continue;
        elsewhere++;
        example = example == NULL ? c : example;
    }
    struct report_expectation row = ROW(elsewhere == 0);
    snprintf(row.what, sizeof(row.what), "%s: at the end each is at %s%s", h->of.text,
             h->served_at_end[0].text, h->served_at_end_count > 1 ? " or others named" : "");
    uint32_t asked = count_present(h->of_index, r, &row);
    if (example == NULL && row.met)
        snprintf(row.found, sizeof(row.found), "all %" PRIu32, asked);
    else if (example != NULL)
        snprintf(row.found, sizeof(row.found), "%" PRIu32 " are not, first %s: at %s", elsewhere,
                 example->name, example->served_by[0] == '\0' ? "none" : example->served_by);
    report_add_expectation(r, &row);
}

static void hearing(const struct scenario_hearing *h, struct report *r) {
    if (h->frames_lost_max_given)
        group_frames_lost(h, r);
    if (h->gap_max_given)
        group_gap(h, r);
    if (h->all_served_by_given)
        group_served(h, r);
    if (h->served_at_end_count > 0)
        group_served_at_end(h, r);
    if (!name_is_empty(&h->loses_at_most))
        group_loses_at_most(h, r);
}

void expect_all(const struct scenario *scenario, struct report *report) {
    const struct scenario_expectations *x = &scenario->expectations;
    if (x->frames_lost_max_given)
        frames_lost(x, report);
    if (x->gap_max_given)
        gap(x, report);
    if (x->detect_max_given)
        detection(x, report);
    if (x->all_served_by_given)
        served(x, report);
    if (x->hedges_max_given)
        hedges(x, report);
    if (x->reordered_max_given)
        no_more_than("reordered", x->reordered_max, report_reordered(report), report);
    if (x->duplicates_apart_max_given)
        no_more_than("twice outside of an overlap", x->duplicates_apart_max,
                     report_duplicates_apart(report), report);
    for (uint32_t i = 0; i < x->move_count; i++)
        moves(&x->moves[i], report);
    for (uint32_t i = 0; i < x->entered_count; i++)
        entered(&x->entered[i], report);
    for (uint32_t i = 0; i < x->verdict_count; i++)
        if (!x->verdicts[i].may)
            expect_verdict(scenario, &x->verdicts[i], report);
    if (x->verdicts_only)
        expect_no_other_verdict(x, report);
    for (uint32_t i = 0; i < x->hearing_count; i++)
        hearing(&x->clients[i], report);
    for (uint32_t i = 0; i < x->must_not_move_count; i++)
        no_move(scenario, &x->must_not_move_names[i], x->must_not_move[i], report);
}
