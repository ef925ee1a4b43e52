/*
 * Progress: how fast something empties, and when it will be empty.
 *
 * What has gone is counted by the second, over a window of the last ones; what comes meanwhile is
 * not held against it. The rate is of that window, or of the time since the beginning while that is
 * shorter. Where nothing has gone in it, there is no estimate: a guess would be believed.
 */
#ifndef PEERD_CORE_PROGRESS_H
#define PEERD_CORE_PROGRESS_H

#include "peerd/base/time.h"

#include <stdbool.h>
#include <stdint.h>

#define PROGRESS_WINDOW_S 10

struct progress {
    struct instant since;
    uint32_t left;                       /* as told last */
    uint64_t gone;                       /* since the beginning */
    int64_t second;                      /* newest that counts, from `since` */
    uint32_t gone_in[PROGRESS_WINDOW_S]; /* by second modulo the window */
};

void progress_begin(struct progress *p, uint32_t left, struct instant now);

/* So many are left. */
void progress_told(struct progress *p, uint32_t left, struct instant now);

/* [1/s] that have gone in the window; 0 for none. */
double progress_rate(const struct progress *p, struct instant now);

/* Until none is left, at that rate; endless if that is not known, zero if none is. */
struct duration progress_left(const struct progress *p, struct instant now);

#endif
