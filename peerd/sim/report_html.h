/*
 * A report as a page: one file, no network, no script needed; for the simulator and the live
 * runner alike.
 *
 * It begins with what went wrong and when, then shows the second around it, then the whole run as
 * swim lanes, then tables. However many listeners and clusters there were, it stays below 5 MB:
 * what is left out is counted. The page is HTML and XML.
 */
#ifndef PEERD_SIM_REPORT_HTML_H
#define PEERD_SIM_REPORT_HTML_H

#include "peerd/sim/report.h"

#include <stdio.h>

struct report_page {
    const struct report *report; /* its marks are sorted (report_sort) */
    const struct scenario *scenario;
    const char *command;   /* to run it again */
    const char *violation; /* of an invariant, or other trouble, in a sentence; NULL: none */
    int64_t violated_ms;   /* when; 0: at no instant in particular */
};

/* False if memory is short or the file cannot be written. */
bool report_html_write(FILE *out, const struct report_page *page);

/* The same into a file, which is replaced. False after telling why on standard error. */
bool report_html_save(const char *path, const struct report_page *page);

#endif
