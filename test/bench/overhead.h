/*
 * Overhead: what watching costs on the wire, reckoned from the beats themselves.
 */
#ifndef TEST_BENCH_OVERHEAD_H
#define TEST_BENCH_OVERHEAD_H

/* [bytes] of UDP payload of a sealed beat with so many views, of a peerd that has run for a week.
 */
double overhead_beat_bytes(unsigned views);

/* [bytes/s] to one of `peers`, beats being so far apart. Views of the others ride every third usual
 * interval while all is well, and never on more beats than there are. */
double overhead_bytes_per_s(unsigned peers, double interval_ms);

#endif
