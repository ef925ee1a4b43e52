#include "peerd/sim/report.h"

#include "peerd/policy/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The report for people. */

struct column {
    uint32_t listeners, playing;
    uint64_t expected, lost, duplicated, hedges;
    int64_t gap_max_ms;
    uint32_t moves;
};

static struct column sum_up(const struct report *r, uint32_t group) {
    struct column c = {0};
    for (uint32_t i = 0; i < r->client_count; i++) {
        const struct report_client *k = &r->clients[i];
        if (k->group != group)
            continue;
        c.listeners++;
        c.playing += k->served_from_ms != REPORT_UNSERVED;
        c.expected += k->frames_expected;
        c.lost += k->frames_lost;
        c.duplicated += k->frames_duplicated;
        c.hedges += k->hedges;
        c.gap_max_ms = k->gap_max_ms > c.gap_max_ms ? k->gap_max_ms : c.gap_max_ms;
    }
    for (uint32_t i = 0; i < r->move_count; i++)
        c.moves += r->moves[i].group == group;
    return c;
}

static void put_groups(struct text *t, const struct report *r, const struct scenario *s) {
    text_putf(t, "  %-16s %9s %7s %10s %7s %7s %7s %7s %8s\n", "listeners", "count", "hear",
              "expected", "lost", "twice", "hedges", "moves", "gap max");
    for (uint32_t i = 0; i < s->client_group_count; i++) {
        struct column c = sum_up(r, i);
        text_putf(t,
                  "  %-16s %9" PRIu32 " %7" PRIu32 " %10" PRIu64 " %7" PRIu64 " %7" PRIu64
                  " %7" PRIu64 " %7" PRIu32 " %5" PRId64 " ms\n",
                  s->clients[i].name.text, c.listeners, c.playing, c.expected, c.lost, c.duplicated,
                  c.hedges, c.moves, c.gap_max_ms);
    }
}

/* Middle and worst of one figure over all moves of a cause. */
static int compare(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void put_figure(struct text *t, const char *what, int64_t *values, uint32_t count) {
    qsort(values, count, sizeof(*values), compare);
    text_putf(t, "%s %" PRId64 "/%" PRId64 " ms", what, values[count / 2], values[count - 1]);
}

static void put_cause(struct text *t, const struct report *r, const char *cause, int64_t *values) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < r->move_count; i++)
        count += strcmp(r->moves[i].cause.text, cause) == 0;
    if (count == 0)
        return;
    text_putf(t, "  %" PRIu32 " moves, cause %s; median/most: ", count, cause);
    static const char *const names[] = {"noticed", ", first frame", ", gap"};
    for (int figure = 0; figure < 3; figure++) {
        uint32_t n = 0;
        for (uint32_t i = 0; i < r->move_count; i++) {
            const struct report_move *m = &r->moves[i];
            if (strcmp(m->cause.text, cause) == 0)
                values[n++] = figure == 0   ? m->detect_ms
                              : figure == 1 ? m->first_frame_ms
                                            : m->gap_ms;
        }
        put_figure(t, names[figure], values, n);
    }
    text_putf(t, "\n");
}

static void put_moves(struct text *t, const struct report *r) {
    int64_t *values = calloc(r->move_count + 1, sizeof(*values));
    if (values == NULL)
        return;
    for (enum scenario_cause c = SCENARIO_CAUSE_DRAIN; c <= SCENARIO_CAUSE_RETURN; c++)
        put_cause(t, r, scenario_cause_name(c), values);
    free(values);
}

/* Why some do not hear anything at the end. */
struct reason {
    const struct report_client *first;
    uint32_t count;
};

static uint32_t gather(const struct report *r, struct reason *reasons) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < r->client_count; i++) {
        const struct report_client *k = &r->clients[i];
        uint32_t n = 0;
        if (k->served_from_ms != REPORT_UNSERVED)
            continue;
        while (n < count && strcmp(reasons[n].first->outcome, k->outcome) != 0)
            n++;
        if (n == count)
            reasons[count++] = (struct reason){.first = k};
        reasons[n].count++;
    }
    return count;
}

static void put_outcomes(struct text *t, const struct report *r) {
    struct reason *reasons = calloc((size_t)r->client_count + 1, sizeof(*reasons));
    uint32_t count = reasons == NULL ? 0 : gather(r, reasons);
    for (uint32_t i = 0; i < count; i++)
        text_putf(t, "  %" PRIu32 " without media at the end: %s (first %s)\n", reasons[i].count,
                  reasons[i].first->outcome, reasons[i].first->name);
    free(reasons);
}

static void put_all(struct text *t, const struct report *r, const struct scenario *s) {
    put_groups(t, r, s);
    put_outcomes(t, r);
    put_moves(t, r);
    for (uint32_t i = 0; i < r->expectation_count; i++) {
        const struct report_expectation *e = &r->expectations[i];
        text_putf(t, "  %s %s: %s\n", e->met ? "met  " : "UNMET", e->what, e->found);
    }
    text_putf(t, "  %s\n", report_ok(r) ? "as expected" : "NOT AS EXPECTED");
}

char *report_to_text(const struct report *r, const struct scenario *scenario) {
    struct text measure = text_over(NULL, 0);
    put_all(&measure, r, scenario);
    char *out = malloc(measure.len + 1);
    if (out == NULL)
        return NULL;
    struct text t = text_over(out, measure.len + 1);
    put_all(&t, r, scenario);
    return out;
}
