/*
 * A strict reader of Prometheus' text format 0.0.4, for want of promtool.
 *
 * It knows what we promise: HELP and TYPE once before the samples of a family, a family in one
 * piece, legal names and labels, numbers that are numbers, `_total` on counters and on nothing
 * else, histograms whose buckets add up, no time stamps, no sample twice, a line feed at the end.
 */
#ifndef TEST_LIB_EXPOSITION_H
#define TEST_LIB_EXPOSITION_H

#include <stdbool.h>
#include <stddef.h>

/* True if the page is in order; else `why` names the line and what is wrong with it. */
bool exposition_check(const char *page, char *why, size_t why_size);

/* The value of a sample, `name` or `name{labels}` as written; -1 if it is not there. */
double exposition_value(const char *page, const char *sample);

#endif
