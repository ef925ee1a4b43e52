/*
 * Windows: how many sessions of one giving cluster may begin here at a time.
 *
 *                          a start in time: + 1/4, if at least half of it was in use
 *                        +--------------------------------------+
 *                        v                                      |
 *     256 ---------> [ size ] -- under way < size: admitted -- starts
 *                        ^    -- else: busy, again in 30 to 280 ms
 *                        |                                      |
 *                        +--------------------------------------+
 *                          one that is late, or frames of those served here are: halved,
 *                          once for all that were admitted before that
 *
 * When a site dies, what it served begins here within a tenth of a second. Slots say how many may
 * be here, not how many may begin at once; each start costs CPU before its first frame (a pre-roll,
 * a source to open), and of too many at a time all would be too late, and those served here with
 * them. So each cluster whose tickets are presented has a window of starts under way: from the
 * grant of a hedge or a commit that makes us send until its first frame is on the wire. It opens
 * and closes as TCP's does (additive increase, multiplicative decrease: Chiu & Jain 1989; one
 * decrease for what one window had under way: RFC 6582). Whoever finds it full is told `busy` and a
 * wait short enough to come again within the playout buffer, and has other backups meanwhile: that
 * spreads a herd. Our own tickets have a window, too; so no cluster's herd shuts out another's, and
 * a cluster whose starts are late has fewer under way than one whose are in time.
 *
 * Whom nobody misses yet waits for those who are missed: a session that nobody has served before
 * finds only half of the window, unless that is small, and is never late (who opens one waits for
 * seconds anyway).
 *
 * Not windowed: who is served or hedged here already, whatever it asks; standbys, which cost no
 * pre-roll; sessions that were here before their worker was replaced.
 *
 * There are rows for WINDOWS_MAX clusters that have starts under way, or had lately; a row whose
 * cluster was quiet longest is given to another. When all are in use the others share the last.
 */
#ifndef TRANSCODER_TIMELINE_WINDOW_H
#define TRANSCODER_TIMELINE_WINDOW_H

#include "peerd/base/id.h"
#include "peerd/base/time.h"
#include "transcoder/timeline/rush.h"

#include <stdbool.h>

#define WINDOWS_MAX 32        /* rows; 0 is for tickets of our own */
#define WINDOW_NONE UINT8_MAX /* of a session that has nothing under way */

/* A quick start is 1 to 2 ms of CPU: so many are done within a customary playout buffer. */
#define WINDOW_FIRST 256
/* A window that lets nobody in would never learn that things are better. */
#define WINDOW_FLOOR  8
#define WINDOW_UNIT   16  /* [1/start] of `size` */
#define WINDOW_OPEN   4   /* [1/16 starts] by which a start in time opens it */
#define WINDOW_REST_S 60  /* [s] after which a quiet one begins anew */
#define WINDOW_LATE   250 /* [ms] to the first frame, or nobody's buffer is as long */
#define WINDOW_BEHIND                                                                              \
    60                   /* [ms] a frame of who is served is late by: three frames, nearly a miss  \
                          */
#define WINDOW_RETRY 30  /* [ms] the least wait of who is told `busy` … */
#define WINDOW_SPAN  250 /* [ms] … and over how long at most they are spread */

struct window {
    struct name issuer;    /* empty: the row is free; or ours, in row 0 */
    uint32_t size;         /* [1/16 starts] */
    uint32_t under_way;    /* [starts] */
    struct instant used;   /* last looked at */
    struct instant halved; /* what was admitted before says nothing new */
    uint64_t in_time;      /* starts so far … */
    uint64_t late;         /* … and those that were not */
    uint64_t refused;      /* told `busy` */
    uint64_t halvings;
};

struct windows {
    struct window rows[WINDOWS_MAX];
    struct rush rush; /* of those who are told `busy` */
};

enum window_end {
    WINDOW_IN_TIME,
    WINDOW_TOO_LATE,
    WINDOW_GIVEN_UP /* it was cancelled, or ended, before it could be either */
};

void windows_init(struct windows *w, struct instant now);

/* The row of a cluster (NULL: ourselves), made if need be. Good until another is asked for, and as
 * long as one is under way in it. */
uint8_t windows_row(struct windows *w, const struct name *issuer, struct instant now);

/* May one more begin, of at most `slots_max` that there are for that cluster? A refusal is counted.
 * `first`: nobody has served it before. */
bool windows_admit(struct windows *w, uint8_t row, uint32_t slots_max, bool first,
                   struct instant now);

/* It begins … */
void windows_begun(struct windows *w, uint8_t row);

/* … and has sent its first frame, or will not; it was admitted at `admitted`. */
void windows_ended(struct windows *w, uint8_t row, enum window_end end, struct instant admitted,
                   struct instant now);

/* Frames of those who are served here are late: who has starts under way gives way. */
void windows_behind(struct windows *w, struct instant now);

/* [ms] after which one that was told `busy` may ask again. */
uint32_t windows_wait_ms(struct windows *w, const struct session_id *who, uint64_t counter,
                         struct instant now);

/* [starts] that may be under way. */
uint32_t window_starts(const struct window *w);

void windows_check_invariants(const struct windows *w);

#endif
