/*
 * The demo: three clusters, ten listeners, a dead site; and what a newcomer is told about it.
 *
 * It is a scenario like any other, written here because the number of kills is asked for, and run
 * by the same runner. Every figure that it prints was measured in that run.
 */
#ifndef TEST_LIVE_DEMO_H
#define TEST_LIVE_DEMO_H

#include "test/live/render.h"
#include "test/live/runner.h"

#define DEMO_KILLS_MAX 50

/* The scenario as YAML; static storage. */
const char *demo_scenario(unsigned kills);

/* What is about to happen, before anything does. */
void demo_print_opening(const struct render *x, const struct scenario *s, unsigned kills,
                        unsigned long long seed);

/* What happened, afterwards. */
void demo_print_summary(const struct render *x, const struct runner *r);

/* The report and, of each kill, what was measured; JSON from malloc, NULL if memory is short. */
char *demo_json(const struct runner *r);

/* Frames lost at all players that were due in the time of one episode. */
uint64_t demo_lost_in(const struct runner *r, uint32_t episode);

#endif
