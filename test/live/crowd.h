/*
 * The crowd: which listeners come and go, and when.
 *
 * A listener comes at its `start` or when the timeline lets it arrive, and goes at its group's
 * `leave`, or when the timeline lets it go: politely, or without a word.
 */
#ifndef TEST_LIVE_CROWD_H
#define TEST_LIVE_CROWD_H

#include "test/live/runner.h"

/* The scenario begins now: draws when each of them comes, and goes. */
void crowd_begin(struct runner *r, struct instant now);

/* So many of a group that have not come yet, or of those that are there, in their order, one after
 * another over the time given. Returns how many. */
uint32_t crowd_arrive(struct runner *r, const struct scenario_crowd *crowd, struct instant now);
uint32_t crowd_leave(struct runner *r, const struct scenario_crowd *crowd, struct instant now);

/* Starts and ends whoever is due. */
void crowd_tick(struct runner *r, struct instant now);

#endif
