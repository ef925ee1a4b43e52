/*
 * Lines: what a process says, line by line, as it says it, and into a file.
 */
#ifndef TEST_LIVE_LINES_H
#define TEST_LIVE_LINES_H

#include "peerd/net/loop.h"

#include <stddef.h>

#define LINES_LEN_MAX 8192 /* [bytes] a longer line is cut */

struct lines;

/* Makes a pipe and watches it; *give is the end for the process, which the caller closes. `path`
 * (may be NULL) is appended to. `said` gets each line without its line feed, while it lives. NULL
 * if the system refuses. */
struct lines *lines_open(struct net_loop *loop, const char *path, int *give,
                         void (*said)(void *data, const char *line), void *data);

/* Takes what is still in the pipe, then closes. Accepts NULL. */
void lines_close(struct lines *lines);

#endif
