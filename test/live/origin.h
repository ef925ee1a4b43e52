/*
 * An origin: the one HTTP server that has a recording, a real nginx in a place of its own, whose
 * round trip to every cluster is what the scenario says of the source (`origin`).
 *
 * It is no cluster's: it stays when they die, and who is dark does not reach it. Clusters know it
 * by the URL in their catalogue, and ask for ranges.
 */
#ifndef TEST_LIVE_ORIGIN_H
#define TEST_LIVE_ORIGIN_H

#include "test/live/site.h"
#include "test/live/wide.h"

#define ORIGIN_PROGRAM "nginx"
#define ORIGIN_PACKAGE "nginx-light"
#define ORIGIN_PORT    8000

struct origin {
    struct name source;
    char dir[SITE_PATH_MAX + 48];
    pid_t pid; /* 0 while it does not run */
};

/* Where nginx is; NULL: nowhere. */
const char *origin_program(void);

/* Starts one for source number `source`, which has been placed (recording.h), and makes its
 * location the URL. It answers when this returns. False with errno set. */
bool origin_make(struct origin *o, struct scenario *scenario, uint32_t source,
                 const struct space *space, const char *run_dir);

/* True if it has ended. */
bool origin_reap(struct origin *o);

void origin_close(struct origin *o);

#endif
