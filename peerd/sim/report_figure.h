/*
 * Figures of moves: median, 99th percentile, largest.
 */
#ifndef PEERD_SIM_REPORT_FIGURE_H
#define PEERD_SIM_REPORT_FIGURE_H

#include "peerd/sim/report.h"

struct report_figure {
    uint32_t count;
    int64_t median, p99, most; /* [ms] −1: there is none */
};

enum report_what {
    REPORT_NOTICED,
    REPORT_FIRST_FRAME,
    REPORT_GAP
};

/* True if a move is like `of` in cause, from and to; an empty name fits all. */
bool report_move_is_like(const struct report_move *m, const struct report_move *of);

/* Over the moves that are like `of`. Moves of which the figure is not known (−1) do not count. */
struct report_figure report_figure_of(const struct report *r, const struct report_move *of,
                                      enum report_what what);

#endif
