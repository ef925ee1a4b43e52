#include "peerd/sim/expect.h"

#include "peerd/policy/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Expectations of verdicts: who came to believe what of whom, and when. */

#define NAMED_MAX 4 /* clusters; of more only the first is named */

static bool is_there(const struct scenario_verdict *v, const struct report_verdict *row) {
    return name_is_empty(&v->location) || name_equal(&v->neighbours, &row->location);
}

/* The first row of `observer` (NULL: of anybody) that says so within the time; NULL if none. */
static const struct report_verdict *find(const struct scenario_verdict *v,
                                         const struct name *observer, const struct report *r) {
    for (uint32_t i = 0; i < r->verdict_count; i++) {
        const struct report_verdict *row = &r->verdicts[i];
        if (name_equal(&row->peer, &v->of) && name_equal(&row->verdict, &v->verdict) &&
            (observer == NULL || name_equal(&row->observer, observer)) && is_there(v, row) &&
            row->at_ms >= duration_in_ms(v->from) && row->at_ms <= duration_in_ms(v->until))
            return row;
    }
    return NULL;
}

/* One that was dead, stopped or cut off at some time before the end may have had no opinion. */
static bool was_well(uint32_t cluster, const struct scenario_verdict *v, const struct report *r) {
    for (uint32_t i = 0; i < r->change_count; i++) {
        const struct report_change *c = &r->changes[i];
        if (c->cluster == cluster && c->at_ms <= duration_in_ms(v->until) &&
            c->state >= REPORT_STATE_HEADLESS)
            return false;
    }
    return true;
}

static bool is_asked(const struct scenario *s, const struct scenario_verdict *v,
                     const struct report *r, uint32_t cluster) {
    for (uint32_t i = 0; i < v->by_count; i++) {
        if (v->by[i] == cluster)
            return true;
        if (v->by[i] == SCENARIO_ALL)
            return scenario_are_peers(s, cluster, v->of_index) && was_well(cluster, v, r);
    }
    return false;
}

static void say_what(const struct scenario_verdict *v, struct report_expectation *row) {
    struct text t = text_over(row->what, sizeof(row->what));
    text_putf(&t, "%s %sjudged %s", v->of.text, v->never ? "never " : "", v->verdict.text);
    if (name_is_empty(&v->location))
        text_putf(&t, " by %s", v->by_count == 0 ? "anybody" : v->by_names[0].text);
    else
        text_putf(&t, " for %s by itself", v->location.text);
    if (v->by_count > NAMED_MAX)
        text_putf(&t, " and %" PRIu32 " more", v->by_count - 1);
    for (uint32_t i = 1; i < v->by_count && v->by_count <= NAMED_MAX; i++)
        text_putf(&t, "%s%s", i + 1 < v->by_count ? ", " : " and ", v->by_names[i].text);
    if (v->from.us > 0)
        text_putf(&t, " from %" PRId64 " ms", duration_in_ms(v->from));
    if (v->until.us < DURATION_ENDLESS.us)
        text_putf(&t, " until %" PRId64 " ms", duration_in_ms(v->until));
}

static void say_found(const struct report_verdict *found, struct report_expectation *row) {
    if (found == NULL)
        snprintf(row->found, sizeof(row->found), "nobody did");
    else
        snprintf(row->found, sizeof(row->found), "%s at %" PRId64 " ms: %.100s",
                 found->observer.text, found->at_ms, found->evidence);
}

/* Why it does not count what this one believed: its last change of mind before the end. */
static void say_missing(const struct scenario_verdict *v, const struct name *observer,
                        const struct report *r, struct text *t) {
    const struct report_verdict *last = NULL;
    for (uint32_t i = 0; i < r->verdict_count; i++) {
        const struct report_verdict *row = &r->verdicts[i];
        if (!name_equal(&row->peer, &v->of) || !name_equal(&row->observer, observer))
            continue;
        /* The one that was wanted, at another time, says most. */
        if (last == NULL || !name_equal(&last->verdict, &v->verdict) ||
            name_equal(&row->verdict, &v->verdict))
            last = row;
    }
    if (last == NULL)
        text_putf(t, ", which never changed its mind");
    else
        text_putf(t, ", which judged it %s at %" PRId64 " ms", last->verdict.text, last->at_ms);
}

/* Those who are asked, one by one. */
static void judge_each(const struct scenario *s, const struct scenario_verdict *v,
                       const struct report *r, struct report_expectation *row) {
    const struct report_verdict *example = NULL;
    uint32_t asked = 0, did = 0, silent = SCENARIO_NONE;
    for (uint32_t i = 0; i < s->cluster_count; i++) {
        if (!is_asked(s, v, r, i))
            continue;
        const struct report_verdict *found = find(v, &s->clusters[i].identity.name, r);
        asked++;
        did += found != NULL;
        if (found == NULL && silent == SCENARIO_NONE)
            silent = i;
        example = example == NULL ? found : example;
    }
    row->met = v->never ? did == 0 : asked > 0 && did == asked;
    say_found(example, row);
    if (v->never || row->met)
        return;
    struct text t = text_over(row->found, sizeof(row->found));
    text_putf(&t, "%" PRIu32 " of %" PRIu32 ", not %s", did, asked,
              silent == SCENARIO_NONE ? "anybody" : s->clusters[silent].identity.name.text);
    if (silent != SCENARIO_NONE)
        say_missing(v, &s->clusters[silent].identity.name, r, &t);
}

void expect_verdict(const struct scenario *scenario, const struct scenario_verdict *verdict,
                    struct report *report) {
    struct report_expectation row = {.met = false};
    say_what(verdict, &row);
    if (verdict->by_count > 0) {
        judge_each(scenario, verdict, report, &row);
    } else {
        const struct report_verdict *found = find(verdict, NULL, report);
        row.met = (found != NULL) != verdict->never;
        say_found(found, &row);
    }
    report_add_expectation(report, &row);
}

/* ---- and no other ---------------------------------------------------------------------------- */

static bool is_free(const struct name *verdict) {
    static const char *const words[] = {"alive", "suspect", "unknown"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(verdict->text, words[i]) == 0)
            return true;
    return false;
}

static bool is_by(const struct scenario_verdict *v, const struct name *observer) {
    for (uint32_t i = 0; i < v->by_count; i++)
        if (v->by[i] == SCENARIO_ALL || name_equal(&v->by_names[i], observer))
            return true;
    return v->by_count == 0;
}

static bool is_expected(const struct scenario_expectations *x, const struct report_verdict *row) {
    for (uint32_t i = 0; i < x->verdict_count; i++) {
        const struct scenario_verdict *v = &x->verdicts[i];
        if (!v->never && name_equal(&v->of, &row->peer) && name_equal(&v->verdict, &row->verdict) &&
            is_by(v, &row->observer) && is_there(v, row) && row->at_ms >= duration_in_ms(v->from) &&
            row->at_ms <= duration_in_ms(v->until))
            return true;
    }
    return false;
}

void expect_no_other_verdict(const struct scenario_expectations *x, struct report *report) {
    struct report_expectation row = {.met = true, .what = "no other verdict", .found = "none"};
    for (uint32_t i = 0; i < report->verdict_count && row.met; i++) {
        const struct report_verdict *v = &report->verdicts[i];
        if (is_free(&v->verdict) || is_expected(x, v))
            continue;
        row.met = false;
        snprintf(row.found, sizeof(row.found), "%s judged %s by %s at %" PRId64 " ms: %.60s",
                 v->peer.text, v->verdict.text, v->observer.text, v->at_ms, v->evidence);
    }
    report_add_expectation(report, &row);
}
