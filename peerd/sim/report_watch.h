/*
 * How well clusters watched one another, from the outcome of a run: when the dead were taken for
 * dead, and how often the living were; one row of the curve that corroboration is measured by.
 *
 * What is true is known here: who was dead, dark or stopped, and from when. A suspicion or verdict
 * about any other cluster is wrong, and so is the move of a listener for its sake. Instants are
 * those of the report, in whole milliseconds.
 */
#ifndef PEERD_SIM_REPORT_WATCH_H
#define PEERD_SIM_REPORT_WATCH_H

#include "peerd/sim/report.h"
#include "peerd/wire/json_write.h"

#define REPORT_WATCH_DETECTED_MAX 16384 /* detections kept; of more the rest is only counted */
#define REPORT_WATCH_TOLD_MAX     2048  /* of them in a line */
#define REPORT_WATCH_LINE_MAX     32768 /* [bytes] */

struct report_watch {
    double peer_days;          /* of clusters that had a peer to watch, summed */
    double listener_days;      /* of listeners, all of the time */
    uint64_t suspicions_wrong; /* mistakes of detectors: of the living */
    uint64_t crashed_wrong;    /* verdicts of the living */
    uint64_t moves_wrong;      /* listeners that left the living as if it had crashed */
    uint32_t undetected;       /* peers of a dead one that lived and did not find out */
    uint32_t detected;         /* those that did … */
    uint32_t ms[REPORT_WATCH_DETECTED_MAX]; /* [ms] … and after how long; the first so many */
    uint32_t suspected_ms[REPORT_WATCH_DETECTED_MAX]; /* [ms] until the same only suspected it */
};

void report_watch_of(struct report_watch *out, const struct scenario *scenario,
                     const struct report *r);

/* As one line of numbers, for another process, and back; false if it is no such line. */
void report_watch_to_line(const struct report_watch *w, char *out, size_t size);
bool report_watch_from_line(struct report_watch *out, const char *line);

/* Members peer_days, listener_days, suspicions_wrong, crashed_wrong, moves_wrong, detected,
 * undetected, detected_ms_p50, _p99 and _most, and suspected_ms_p50 and _p99 of the same deaths (-1
 * where nothing was detected). Sorts both lists. */
void report_watch_write(struct json_writing *out, json_t *object, struct report_watch *w);

/* [ms] a quantile of a list of the detections that are kept; -1 for none. Sorts it. */
int64_t report_watch_quantile(const struct report_watch *w, uint32_t *ms, uint32_t permille);

/* Adds the second to the first; of more detections than are kept the rest is only counted. */
void report_watch_add(struct report_watch *sum, const struct report_watch *one);

#endif
