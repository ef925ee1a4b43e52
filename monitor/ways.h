/*
 * Ways: of a location whose clients lose frames of ours, how well the same clients hear others.
 *
 * Where a peer serves enough clients of its own there its words say whose fault it is (degrade.h).
 * Where it does not, our clients can: while they lose frames they ask their backups for a sign of
 * life, ten times a second, and say what became of it (transcoder/timeline/doubt.h). What a
 * client's own access loses it loses on every way. So a way that loses less than half of what ours
 * does shows that our path is bad, and that one could go there; if none does it is the access.
 *
 * That is believed if chance would say so less than once in forty times, where losses come in runs
 * of WAYS_RUN packets; or once in six, when there is no time left to wait: those who go first show
 * whether it was right. A question and its answer may both be lost, a frame in one direction only:
 * so a bad access looks worse on other ways, and never better.
 *
 * Of each location the figures of WAYS_MAX clusters; further ones take the place of the one that
 * stands on least. One client's word counts as WAYS_WORD packets at most.
 */
#ifndef MONITOR_WAYS_H
#define MONITOR_WAYS_H

#include "monitor/level.h"

#include <stdbool.h>

#define WAYS_MAX  3
#define WAYS_WORD 16                /* [packets] of one word */
#define WAYS_HALF duration_ms(1000) /* [ms] half-life of what is known of a way */
#define WAYS_ALL  10000             /* [1/100 %] */
#define WAYS_OWN  100               /* [1/100 %] who loses less suffers from something else */
#define WAYS_MIN  8                 /* [packets] of fewer nothing is concluded */
#define WAYS_RUN  2                 /* [packets] lost in a row */

struct ways_entry {
    uint16_t cluster;  /* the owner's number for it; 0: the place is free */
    struct level lost; /* [1/100 %] a figure a packet: none or all */
};

/* All zero: nothing heard. */
struct ways {
    struct level own; /* [1/100 %] of frames that we sent, a figure a report */
    struct ways_entry list[WAYS_MAX];
};

/* A client's report: so many frames expected of us, so many missing. */
void ways_own(struct ways *w, uint32_t expected, uint32_t lost, struct instant now);

/* A client's word of another cluster: packets asked, and not answered. */
void ways_told(struct ways *w, uint16_t cluster, uint32_t asked, uint32_t lost, struct instant now);

enum ways_finding {
    WAYS_NOTHING, /* too little is known */
    WAYS_PATH,    /* our path is bad, and the way to `cluster` is not */
    WAYS_ACCESS   /* that to `cluster` is as bad, and so are all others */
};

struct ways_view {
    enum ways_finding finding;
    uint32_t errors;    /* [1/100 standard errors] that it is away from the other finding */
    uint16_t cluster;   /* that says so most clearly */
    uint32_t lost;      /* [1/100 %] on the way to it … */
    uint32_t packets;   /* … of so many … */
    uint32_t lost_ours; /* [1/100 %] … and on ours */
};
struct ways_view ways_find(const struct ways *w, struct instant now);

/* The same of one cluster's way alone. */
struct ways_view ways_one(const struct ways *w, uint16_t cluster, struct instant now);

#endif
