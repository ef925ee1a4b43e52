/*
 * Players as benchmarks have them: questions over HTTP on a connection that is kept.
 */
#ifndef TEST_BENCH_ASK_H
#define TEST_BENCH_ASK_H

#include <stddef.h>

/* A connection to an IPv4 address, without Nagle's delay; -1: refused. */
int ask_dial(const char *ip, unsigned port);

/* [bytes] of the whole answer that begins at `text`, once its headers are there; 0: not yet, or it
 * does not say (no Content-Length). */
size_t ask_answer_len(const char *text);

#endif
