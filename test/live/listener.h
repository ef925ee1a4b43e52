/*
 * A listener: one peerclient process with a player behind it.
 */
#ifndef TEST_LIVE_LISTENER_H
#define TEST_LIVE_LISTENER_H

#include "peerd/sim/report.h"
#include "peerd/sim/scenario.h"
#include "test/live/lines.h"
#include "test/live/player.h"
#include "test/live/space.h"

#include <jansson.h>

#define LISTENER_PORT     5004 /* of the player: what every RTP example uses */
#define LISTENER_PATH_MAX 240

struct listener {
    uint32_t index;  /* in the run */
    uint32_t group;  /* in the scenario */
    uint32_t number; /* in its group */
    char name[REPORT_NAME_LEN_MAX + 1];
    struct instant start; /* when it opens its session; "never": when it is called */
    struct instant leave; /* when it goes; "never": at the end */
    bool called_away;     /* `leave` comes from the timeline */
    bool vanishes;        /* it goes without a word */
    bool left;            /* it has gone, at `leave` */
    pid_t pid;            /* 0 before and afterwards */
    bool begun;           /* its process has been started */
    bool stopping;        /* by us */
    int status;           /* of the process, once it has ended */
    struct duration cpu;  /* that it used; likewise */
    struct player player;
    char session[24];                 /* id, as last heard of; empty: none yet */
    uint32_t serving;                 /* site, as last heard of; SCENARIO_NONE */
    char out_path[LISTENER_PATH_MAX]; /* standard output: the report */
    struct lines *log;                /* standard error */
    json_t *report;                   /* of the process; NULL until it ended well */
    /* What peerclient says on standard error, as it says it. */
    void (*said)(void *data, struct listener *l, const char *line);
    void *data;
};

struct listener_config {
    const struct scenario *scenario;
    const struct space *space;
    struct net_loop *loop;
    const char *dir; /* of the run */
    const char *bin; /* where peerclient is */
    bool record;     /* payloads, into dir/NAME.payload */
};

/* Opens the player's port. False if it is taken. */
bool listener_make(struct listener *l, const struct listener_config *config);

/* Starts peerclient. */
bool listener_start(struct listener *l, const struct listener_config *config);

/* Asks it to end; it then reports. */
void listener_stop(struct listener *l);

/* It goes because the scenario says so: politely, or, if it vanishes, killed. What is due later is
 * not expected any more. */
void listener_leave(struct listener *l, struct instant now);

/* Takes note that a process has ended; true if it was this one. Reads its report. */
bool listener_reap(struct listener *l);

/* SIGKILL if it still runs; closes player and log. False if a recording could not be written. */
bool listener_close(struct listener *l);

/* RTP ticks a frame of a profile. */
uint32_t listener_samples(const struct policy_profile *profile);

/* Until when it is counted, in a run that has ended at `ended`. */
struct instant listener_end(const struct listener *l, struct instant ended);

/* A number of its report; 0 if there is none. */
int64_t listener_number(const struct listener *l, const char *key);

#endif
