/*
 * The timeline: carries out a scenario's events at their instants.
 */
#ifndef TEST_LIVE_TIMELINE_H
#define TEST_LIVE_TIMELINE_H

#include "test/live/runner.h"

struct timeline;

/* What this runner can do, for scenario_check_abilities. */
extern const struct scenario_abilities timeline_abilities;

/* Adds a fault for what this space forbids; true if there is none. */
bool timeline_check(const struct scenario *s, const struct space *space, struct faults *faults);

/* Draws the instants. NULL if memory is short. */
struct timeline *timeline_new(struct runner *r);
void timeline_free(struct timeline *t);

/* The scenario begins now. */
void timeline_start(struct timeline *t);

/* A helper of the timeline (peerctl) may have ended. */
void timeline_reap(struct timeline *t);

/* The instant of the event that comes first of this verb; "without end" if there is none. */
struct duration timeline_first(const struct timeline *t, enum scenario_verb verb);

#endif
