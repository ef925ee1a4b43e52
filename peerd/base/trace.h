/*
 * Trace lines: what happened, in words for a tired operator, one line a transition.
 *
 * A pure machine writes into a caller-owned ring; the daemon logs it, the simulator prints it and
 * scenario tests compare it, so the wording is reviewed like code. When the ring is full the oldest
 * line goes and `lost` counts it: tracing never blocks and never fails.
 */
#ifndef PEERD_BASE_TRACE_H
#define PEERD_BASE_TRACE_H

#include "peerd/base/time.h"

#include <stddef.h>
#include <stdint.h>

#define TRACE_LINE_LEN_MAX 239 /* [characters] two terminal lines; longer ones end in "…" */
#define TRACE_LINES_MAX    256 /* lines kept between two drains */

struct trace_line {
    struct instant at;                 /* when it happened */
    char text[TRACE_LINE_LEN_MAX + 1]; /* without a line feed */
};

struct trace {
    struct trace_line lines[TRACE_LINES_MAX]; /* ring */
    uint32_t first;                           /* index of the oldest line */
    uint32_t count;                           /* lines held */
    uint64_t lost;                            /* lines overwritten unread */
};

void trace_init(struct trace *t);

/* Appends one formatted line. `t` may be NULL: then nothing is traced. */
__attribute__((format(printf, 3, 4))) void trace_linef(struct trace *t, struct instant at,
                                                       const char *format, ...);

/* Removes and returns the oldest line, valid until the next append; NULL when empty. */
const struct trace_line *trace_take(struct trace *t);

#endif
