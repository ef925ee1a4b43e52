/*
 * Operators: what is done by peerctl at a site while a run goes on, each time a process of its own.
 */
#ifndef TEST_LIVE_OPERATORS_H
#define TEST_LIVE_OPERATORS_H

#include "test/live/runner.h"

struct helper;

struct operators {
    struct runner *r;
    bool hurt[SPACE_SITES_MAX]; /* its peerd has been killed or stopped: it need not answer */
    struct helper *helpers;     /* owned, as they were started */
    uint32_t helper_count, helper_room;
};

/* Drains a site, or ends that. */
void operators_maintain(struct operators *o, const struct scenario_event *e, struct site *s);

/* Asks whoever serves a listener, as that has said last, to have its session moved. */
void operators_move(struct operators *o, const struct scenario_move *m);

/* Takes note of those that have ended, and tells what came of them. */
void operators_reap(struct operators *o);

/* Ends those that still run, and frees. */
void operators_end(struct operators *o);

#endif
