/*
 * Traces of heartbeats: read from a file, written to one, or made up.
 *
 * A file has a line a beat: sequence number, send instant [µs], arrival instant [µs] or `-` for a
 * lost one; lines that begin with `#` are comments. Both instants are taken to be of one clock, as
 * far as detection times are concerned; no detector is told of that.
 */
#ifndef TEST_BENCH_BEATS_H
#define TEST_BENCH_BEATS_H

#include "peerd/sim/rivals.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct beats {
    struct beats_line *lines; /* by send instant */
    size_t count;
    size_t room;
};

/* Ends the process, with the line's number, if the file is not a trace. */
void beats_read(struct beats *b, const char *path);
void beats_write(const struct beats *b, FILE *f);
void beats_free(struct beats *b);
void beats_put(struct beats *b, struct beats_line line);

/* What kinds of path can be made up: names and one-line descriptions, ended by NULL. */
struct beats_kind {
    const char *name;
    const char *what;
};
const struct beats_kind *beats_kinds(void);

/* The same seed makes the same trace. `kind` may carry a figure: `loss:5` is five per cent,
 * `burst:2:3` two per cent in bursts of three beats. Returns 0, or -1 for an unknown kind. */
int beats_generate(struct beats *b, const char *kind, double hours, double interval_ms,
                   uint64_t seed);

#endif
