/*
 * Doubt: is it the way of whoever serves that loses frames, or are all ways to here as bad?
 *
 *               frames are lost, more than now and then
 *    (none) ----------------------------------------------> IN DOUBT
 *       ^                                                   |   | ^
 *       +------------- DOUBT_FOR after the last one --------+   +-+ DOUBT_EVERY: the backups
 *                                                                   are asked for a sign of life
 *
 * A client alone can tell: whatever its own access loses, it loses of its backups' packets, too.
 * Hellos twice a second tell that too late, so that while it is in doubt it says hello to each
 * backup that answers every DOUBT_EVERY, in the first second twice as often, and tells whoever
 * serves twice a second what became of it (prober.h). That goes on for some seconds at a time,
 * DOUBT_LOOKS a minute at most: who may have ten thousand clients behind one bad path has three
 * hundred bytes a second of each.
 *
 * Only lost frames that others came after count: a path that is wholly silent is for hedges and
 * commits to deal with. Two frames a second may always be lost, and a single short run; and where
 * more is usual, twice what is, up to a bound: looks that are spent on what a path does all the
 * time are missing when it falls.
 */
#ifndef TRANSCODER_TIMELINE_DOUBT_H
#define TRANSCODER_TIMELINE_DOUBT_H

#include "transcoder/timeline/budget.h"

#define DOUBT_FULL   2200             /* [frames/1000] lost ones, and it begins … */
#define DOUBT_RUN    2                /* … of which one run brings so many at most … */
#define DOUBT_LONG   6                /* … unless it is as long as that … */
#define DOUBT_FRAMES 3                /* … which brings so many, … */
#define DOUBT_SELDOM 400              /* [frames/1000 s] … where less is usual … */
#define DOUBT_FORGET duration_ms(700) /* [ms] … one of which is forgotten in each of these … */
#define DOUBT_USUAL  duration_s(16)   /* [s] … beside twice what is usual over so long … */
#define DOUBT_MOST   750              /* [frames/1000 s] … and usual is so much at most */
#define DOUBT_FOR    duration_s(2)    /* [s] */
#define DOUBT_EVERY  duration_ms(100) /* [ms] a look … */
#define DOUBT_SOON   duration_ms(50) /* [ms] … and each of the first ones: it is not known yet … */
#define DOUBT_FIRST  20              /* … so many */
#define DOUBT_TELL   duration_ms(250) /* [ms] in its first second it is told so often */
#define DOUBT_LOOKS  80               /* a minute, and at once */

struct doubt {
    int64_t level_us;       /* [µs × frames] lost lately, DOUBT_FORGET each */
    int64_t usual;          /* [frames/1000 s] lost for long, runs counted likewise */
    struct instant at;      /* when that was true */
    struct instant since;   /* it is in doubt … */
    struct instant until;   /* … until then */
    struct instant look_at; /* the next look; "never" while it is not in doubt */
    uint8_t looked;         /* since it began, as far as that is counted */
    struct budget looks;
};

/* At any time: nothing is lost yet. */
void doubt_init(struct doubt *d);

/* So many frames are lost. True if it is in doubt only from now on. */
bool doubt_lost(struct doubt *d, uint64_t frames, struct instant now);

bool doubt_is(const struct doubt *d, struct instant now);

/* True: the backups are to be asked now. To be called when doubt_deadline() is reached, or more
 * often. `follows`: media comes; while it is missing nobody is asked oftener than DOUBT_EVERY. */
bool doubt_look(struct doubt *d, struct instant now, bool follows);

struct instant doubt_deadline(const struct doubt *d);

#endif
