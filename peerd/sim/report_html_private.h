/* What the files of the page share. */
#ifndef PEERD_SIM_REPORT_HTML_PRIVATE_H
#define PEERD_SIM_REPORT_HTML_PRIVATE_H

#include "peerd/sim/report_figure.h"
#include "peerd/sim/report_html.h"
#include "peerd/sim/report_picture.h"

/* Median, the one that 99 % do not exceed, and the largest, of one figure of some moves. */
struct page_figure {
    uint32_t count;
    int64_t median, p99, most;
};

enum page_what {
    PAGE_NOTICED,
    PAGE_FIRST_FRAME,
    PAGE_GAP
};

/* Over the moves that `of` is like in cause, from and to; an empty name fits all. Moves of which
 * the figure is not known (−1) do not count. */
struct page_figure page_figure_of(const struct report *r, const struct report_move *of,
                                  enum page_what what);

void page_story(FILE *out, const struct report_page *page, const struct picture *picture);
void page_tiles(FILE *out, const struct report_page *page);
void page_tables(FILE *out, const struct report_page *page);

#endif
