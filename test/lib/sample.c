#include "test/lib/sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_MS 20   /* gaps are whole frames */
#define SOON_MS  3000 /* a hedge later than this has another reason than the event */

const char *sample_name(enum sample_kind kind) {
    switch (kind) {
    case SAMPLE_ASKED:
        return "asked";
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

void sample_add(struct sample *s, double ms, unsigned run) {
    if (s->count == s->room) {
        size_t room = s->room > 0 ? 2 * s->room : 64;
        struct sample_value *values = realloc(s->values, room * sizeof(*values));
        if (values == NULL)
            abort();
        s->values = values;
        s->room = room;
    }
    s->values[s->count++] = (struct sample_value){ms, run};
}

static int by_size(const void *a, const void *b) {
    const struct sample_value *x = a, *y = b;
    return (x->ms > y->ms) - (x->ms < y->ms);
}

void sample_sort(struct sample *s) {
    if (s->count > 1)
        qsort(s->values, s->count, sizeof(*s->values), by_size);
}

static double grouped(const struct sample *s, double part, double ms) {
    double below = 0, same = 0;
    if (ms == 0)
        return 0;
    for (size_t i = 0; i < s->count; i++) {
        below += s->values[i].ms < ms;
        same += s->values[i].ms == ms;
    }
    return ms + s->grain_ms * ((part * (double)s->count - below) / same - 0.5);
}

double sample_quantile(const struct sample *s, double part) {
    if (s->count == 0)
        return 0;
    size_t last = s->count - 1;
    if (s->grain_ms > 0) {
        size_t i = (size_t)(part * (double)s->count);
        return grouped(s, part, s->values[i < last ? i : last].ms);
    }
    double at = part * (double)last;
    size_t i = (size_t)at, next = i < last ? i + 1 : last;
    return s->values[i].ms + (at - (double)i) * (s->values[next].ms - s->values[i].ms);
}

double sample_max(const struct sample *s) {
    double max = 0;
    for (size_t i = 0; i < s->count; i++)
        max = fmax(max, s->values[i].ms);
    return max;
}

/* ---- a report ---- */

static double number(const json_t *object, const char *key) {
    return json_number_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key) {
    const char *value = json_string_value(json_object_get(object, key));
    return value != NULL ? value : "";
}

/* Of the run that is being taken in. */
static void take(struct samples *s, enum sample_kind kind, double ms) {
    sample_add(&s->kinds[kind], ms, s->runs - 1);
}

static void take_moves(struct samples *s, const json_t *report) {
    const json_t *move;
    size_t i;
    json_array_foreach(json_object_get(report, "moves"), i, move) {
        s->moves++;
        if (strcmp(text(move, "cause"), "drain") != 0)
            take(s, SAMPLE_NOTICED, number(move, "detect_ms"));
        if (number(move, "first_frame_ms") >= 0)
            take(s, SAMPLE_FIRST, number(move, "first_frame_ms"));
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
                take(s, SAMPLE_GAP, longest);
            named++;
            longest = 0;
            client = text(gap, "client");
        }
        longest = fmax(longest, number(gap, "ms"));
    }
    if (named > 0)
        take(s, SAMPLE_GAP, longest);
    for (; named < listeners; named++)
        take(s, SAMPLE_GAP, 0);
}

/* What is over again is nothing to be detected. */
static bool is_recovery(const json_t *event) {
    static const char *const verbs[] = {"heal", "restart", "continue", "undrain"};
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (strncmp(text(event, "text"), verbs[i], strlen(verbs[i])) == 0)
            return true;
    return false;
}

/* The latest event before an instant that hit `target`, or anybody if it is NULL or no event hit
 * it; negative if there was none, or if that was a recovery. */
static double event_before(const json_t *report, double at_ms, const char *target) {
    const json_t *event;
    double latest = -1, latest_of_target = -1;
    bool recovers = false;
    size_t i;
    json_array_foreach(json_object_get(report, "events"), i, event) {
        double event_ms = number(event, "at_ms");
        if (event_ms > at_ms)
            continue;
        if (event_ms >= latest) {
            latest = event_ms;
            recovers = is_recovery(event);
        }
        if (target != NULL && strcmp(text(event, "target"), target) == 0 && !is_recovery(event))
            latest_of_target = fmax(latest_of_target, event_ms);
    }
    return recovers ? -1 : latest_of_target >= 0 ? latest_of_target : latest;
}

/* What a listener asks first after an event is its answer to it; hedges come client by client. */
static void take_hedges(struct samples *s, const json_t *report) {
    const json_t *hedge;
    const char *client = "";
    double answered = -1; /* the event of its last hedge */
    size_t i;
    json_array_foreach(json_object_get(report, "hedges"), i, hedge) {
        double at_ms = number(hedge, "at_ms"), event_ms = event_before(report, at_ms, NULL);
        if (strcmp(text(hedge, "client"), client) != 0)
            answered = -1;
        client = text(hedge, "client");
        if (event_ms < 0 || event_ms == answered)
            continue;
        answered = event_ms;
        if (at_ms - event_ms < SOON_MS)
            take(s, SAMPLE_ASKED, at_ms - event_ms);
    }
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
        double at_ms = number(v, "at_ms"), event_ms = event_before(report, at_ms, text(v, "peer"));
        if (is_detection(v) && event_ms >= 0 && !told_before(verdicts, i, v, event_ms))
            take(s, SAMPLE_VERDICT, at_ms - event_ms);
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
    take_hedges(s, report);
    take_moves(s, report);
    take_gaps(s, report);
    take_verdicts(s, report);
}

void samples_free(struct samples *s) {
    for (int i = 0; i < SAMPLE_COUNT; i++)
        free(s->kinds[i].values);
    memset(s, 0, sizeof(*s));
}
