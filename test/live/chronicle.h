/*
 * The chronicle: what the report's page needs beyond what is judged. Events, how each site is, who
 * serves which listener and whom it asked to hedge (as peerclient says it), and gaps (as the player
 * heard them).
 */
#ifndef TEST_LIVE_CHRONICLE_H
#define TEST_LIVE_CHRONICLE_H

#include "test/live/runner.h"

/* The timeline did something at an instant; `hit` are the sites that it hit, by their index. */
void chronicle_event(struct runner *r, const struct scenario_event *e, const bool *hit,
                     struct instant at);

/* Looks at every site; those that changed are noted. */
void chronicle_look(struct runner *r);

/* A line that a listener wrote. */
void chronicle_listener_said(struct runner *r, const struct listener *l, const char *line);

/* At the end: the gaps of a listener, up to position `end` (-1: endless). */
void chronicle_listener(struct runner *r, const struct listener *l, int64_t end);

#endif
