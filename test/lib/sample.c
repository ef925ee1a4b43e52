#include "test/lib/sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define APART_PART 0.20
#define APART_MS   15
#define FRAME_MS   20 /* gaps are whole frames */

const char *sample_name(enum sample_kind kind) {
    switch (kind) {
    case SAMPLE_NOTICED:
        return "noticed";
    case SAMPLE_FIRST:
        return "first frame";
    case SAMPLE_GAP:
        return "gap";
    case SAMPLE_VERDICT:
        return "verdict";
    case SAMPLE_COUNT:
        break;
    }
    return "?";
}

void sample_add(struct sample *s, double value) {
    if (s->count == s->room) {
        size_t room = s->room > 0 ? 2 * s->room : 64;
        double *values = realloc(s->values, room * sizeof(*values));
        if (values == NULL)
            abort();
        s->values = values;
        s->room = room;
    }
    s->values[s->count++] = value;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double sample_median(struct sample *s) {
    if (s->count == 0)
        return 0;
    qsort(s->values, s->count, sizeof(*s->values), by_size);
    double middle = s->values[s->count / 2], below = 0, same = 0;
    for (size_t i = 0; i < s->count; i++) {
        below += s->values[i] < middle;
        same += s->values[i] == middle;
    }
    if (s->grain_ms > 0)
        return middle + s->grain_ms * (((double)s->count / 2 - below) / same - 0.5);
    return (s->values[(s->count - 1) / 2] + s->values[s->count / 2]) / 2;
}

double sample_max(const struct sample *s) {
    double max = 0;
    for (size_t i = 0; i < s->count; i++)
        max = s->values[i] > max ? s->values[i] : max;
    return max;
}

bool sample_agrees(struct sample *a, struct sample *b) {
    double x = sample_median(a), y = sample_median(b);
    if (a->count == 0 || b->count == 0)
        return a->count == b->count;
    return fabs(x - y) <= fmax(APART_MS, APART_PART * fmax(x, y));
}

/* ---- a report ---- */

static double number(const json_t *object, const char *key) {
    return json_number_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key) {
    const char *value = json_string_value(json_object_get(object, key));
    return value != NULL ? value : "";
}

static void take_moves(struct samples *s, const json_t *report) {
    const json_t *move;
    size_t i;
    json_array_foreach(json_object_get(report, "moves"), i, move) {
        s->moves++;
        if (strcmp(text(move, "cause"), "drain") != 0)
            sample_add(&s->kinds[SAMPLE_NOTICED], number(move, "detect_ms"));
        if (number(move, "first_frame_ms") >= 0)
            sample_add(&s->kinds[SAMPLE_FIRST], number(move, "first_frame_ms"));
    }
}

/* Gaps come client by client; who is not named had none. */
static void take_gaps(struct samples *s, const json_t *report) {
    s->kinds[SAMPLE_GAP].grain_ms = FRAME_MS;
    const json_t *gap, *gaps = json_object_get(report, "gaps");
    size_t i, named = 0, listeners = (size_t)number(report, "listeners");
    const char *client = "";
    double longest = 0;
    json_array_foreach(gaps, i, gap) {
        if (strcmp(text(gap, "client"), client) != 0) {
            if (named > 0)
                sample_add(&s->kinds[SAMPLE_GAP], longest);
            named++;
            longest = 0;
            client = text(gap, "client");
        }
        longest = fmax(longest, number(gap, "ms"));
    }
    if (named > 0)
        sample_add(&s->kinds[SAMPLE_GAP], longest);
    for (; named < listeners; named++)
        sample_add(&s->kinds[SAMPLE_GAP], 0);
}

/* The latest event before an instant; negative if there was none. */
static double event_before(const json_t *report, double at_ms) {
    const json_t *event;
    double latest = -1;
    size_t i;
    json_array_foreach(json_object_get(report, "events"), i, event) {
        double event_ms = number(event, "at_ms");
        latest = event_ms <= at_ms && event_ms > latest ? event_ms : latest;
    }
    return latest;
}

/* Suspicion is not a verdict, and what a site says of itself is no detection. */
static bool is_detection(const json_t *v) {
    const char *verdict = text(v, "verdict");
    return strcmp(verdict, "suspect") != 0 && strcmp(verdict, "alive") != 0 &&
           strcmp(verdict, "draining") != 0;
}

static bool told_before(const json_t *verdicts, size_t before, const json_t *v, double since_ms) {
    for (size_t i = 0; i < before; i++) {
        const json_t *x = json_array_get(verdicts, i);
        if (number(x, "at_ms") >= since_ms && is_detection(x) &&
            strcmp(text(x, "peer"), text(v, "peer")) == 0 &&
            strcmp(text(x, "observer"), text(v, "observer")) == 0)
            return true;
    }
    return false;
}

static void take_verdicts(struct samples *s, const json_t *report) {
    const json_t *v, *verdicts = json_object_get(report, "verdicts");
    size_t i;
    json_array_foreach(verdicts, i, v) {
        double at_ms = number(v, "at_ms"), event_ms = event_before(report, at_ms);
        if (is_detection(v) && event_ms >= 0 && !told_before(verdicts, i, v, event_ms))
            sample_add(&s->kinds[SAMPLE_VERDICT], at_ms - event_ms);
    }
}

void samples_take(struct samples *s, const json_t *report) {
    s->runs++;
    if (report == NULL || !json_is_true(json_object_get(report, "ok"))) {
        s->failed++;
        return;
    }
    s->frames_lost += number(report, "frames_lost");
    s->frames_expected += number(report, "frames_expected");
    take_moves(s, report);
    take_gaps(s, report);
    take_verdicts(s, report);
}

void samples_free(struct samples *s) {
    for (int i = 0; i < SAMPLE_COUNT; i++)
        free(s->kinds[i].values);
    memset(s, 0, sizeof(*s));
}
