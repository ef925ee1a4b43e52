#include "peerd/sim/report_figure.h"

#include <stdlib.h>

static int64_t figure(const struct report_move *m, enum report_what what) {
    switch (what) {
    case REPORT_NOTICED:
        return m->detect_ms;
    case REPORT_FIRST_FRAME:
        return m->first_frame_ms;
    case REPORT_GAP:
        return m->gap_ms;
    }
    return -1;
}

static bool fits(const struct name *pattern, const struct name *name) {
    return pattern->text[0] == '\0' || name_equal(pattern, name);
}

bool report_move_is_like(const struct report_move *m, const struct report_move *of) {
    return fits(&of->cause, &m->cause) && fits(&of->from, &m->from) && fits(&of->to, &m->to);
}

static int compare_numbers(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

struct report_figure report_figure_of(const struct report *r, const struct report_move *of,
                                      enum report_what what) {
    struct report_figure f = {0, -1, -1, -1};
    int64_t *values = calloc((size_t)r->move_count + 1, sizeof(*values));
    for (uint32_t i = 0; values != NULL && i < r->move_count; i++)
        if (report_move_is_like(&r->moves[i], of) && figure(&r->moves[i], what) >= 0)
            values[f.count++] = figure(&r->moves[i], what);
    if (f.count > 0) {
        qsort(values, f.count, sizeof(*values), compare_numbers);
        f.median = values[f.count / 2];
        f.p99 = values[(uint32_t)((uint64_t)f.count * 99 / 100)];
        f.most = values[f.count - 1];
    }
    free(values);
    return f;
}
