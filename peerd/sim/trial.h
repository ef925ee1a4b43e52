/*
 * A trial: one run of a scenario in a process of its own.
 *
 * An assertion that fails, a crash or a run without end costs that process only and is a result
 * like any other. Many trials at once use the cores that there are. The process says what came of
 * it through a pipe; whoever began it calls trial_wait until it has ended.
 */
#ifndef PEERD_SIM_TRIAL_H
#define PEERD_SIM_TRIAL_H

#include "peerd/base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TRIAL_SAID_MAX    49152 /* [bytes] kept of what it says; the rest is read and dropped */
#define TRIAL_FAILURE_MAX 511   /* [bytes] */

enum trial_end {
    TRIAL_OK,
    TRIAL_FAILED,  /* an invariant, an assertion, an expectation, a crash, no end in time */
    TRIAL_UNUSABLE /* the scenario cannot be read, or asks what the simulator cannot do */
};

struct trial_options {
    const char *text;   /* the scenario; NULL: the swarm's of this seed */
    const char *folder; /* in which the files lie that the text names; NULL: this one */
    uint64_t seed;
    int limit_s;                   /* [s] real time; longer is a failure, too */
    struct duration detect_within; /* in place of the scenario's, of which then only invariants are
                                      expected; zero: as it says */
};

struct trial {
    uint64_t seed;
    int limit_s;
    pid_t pid; /* 0: not in use */
    int fd;    /* what it says; -1 once it has ended */
    int64_t began_ms;
    bool overdue;
    char said[TRIAL_SAID_MAX + 1];
    size_t said_len;
    enum trial_end end;
    char failure[TRIAL_FAILURE_MAX +
                 1]; /* one line: the sentence, the assertion, what was not met */
    uint64_t digest; /* of all lines; 0 unless it ran to its end */
};

/* False, with errno, if no process could be made. */
bool trial_begin(struct trial *t, const struct trial_options *options);

/* Waits until one of those in use has ended and returns it, with `end` and `failure` filled in and
 * not in use any more; NULL if none is in use, or none ended within `timeout_ms`. */
struct trial *trial_wait(struct trial *list, uint32_t count, int timeout_ms);

/* One from beginning to end. */
bool trial_run(struct trial *t, const struct trial_options *options);

struct report_watch;

/* How well its clusters watched one another; false if it did not say so. */
bool trial_watch(const struct trial *t, struct report_watch *out);

/* Kills those in use. */
void trial_stop(struct trial *list, uint32_t count);

/* A failure less what changes when a scenario is cut down: numbers, the names in `names` (may be
 * NULL; terminated by NULL), and what stands after a colon. Two of a kind read alike. */
void trial_kind(const char *failure, const char *const *names, char out[TRIAL_FAILURE_MAX + 1]);

#endif
