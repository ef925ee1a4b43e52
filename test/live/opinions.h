/*
 * Opinions: what each peerd last said of each of its peers, and when all of them agree.
 */
#ifndef TEST_LIVE_OPINIONS_H
#define TEST_LIVE_OPINIONS_H

#include "peerd/sim/report.h"
#include "test/live/site.h"

struct opinions {
    struct name of[SPACE_SITES_MAX][SPACE_SITES_MAX]; /* observer, peer; empty: none yet */
    struct name agreed[SPACE_SITES_MAX];              /* what all said last of a peer */
};

/* Reads a line that a peerd logged. True if it is a verdict on a peer; `out` then holds all but the
 * instant. */
bool opinion_read(struct report_verdict *out, const char *line);

/* Reads such a line about clients of a location. True if a cluster says that its own path to them
 * is bad; `out` then holds all but the instant and whose location that is. */
bool opinion_fall_read(struct report_verdict *out, struct prefix *location, const char *line);

/* Takes note of it. True if now all sites that live (other than the peer) say the same of the peer,
 * and did not before. */
bool opinion_noted(struct opinions *o, const struct site *sites, uint32_t site_count,
                   const struct report_verdict *v);

/* A peerd that starts again has no opinion. */
void opinions_forget(struct opinions *o, uint32_t observer);

#endif
