/*
 * From the quality that is wished to the margin that gives it: how late may a beat be?
 *
 * After Chen, Toueg and Aguilera, "On the Quality of Service of Failure Detectors" (2002): a beat
 * promises the next; the *freshness point* is when that should arrive, plus a margin. Of two
 * margins the smaller detects sooner (T_D) and is wrong more often (T_MR). Theirs follows from loss
 * rate and delay variance by Chebyshev, for independent loss; ours from the measured frequency of
 * each run of lost beats (monitor/runs.h) and from the measured tail of lateness (monitor/tail.h):
 *
 *     mistakes per second(margin) = sum over k of  frequency of runs of k lost beats
 *                                   × share of beats later than  margin - k × interval
 *
 * where lateness after a loss has a tail of its own, since a hand-over or a full queue does both.
 *
 * The margin taken is the smallest that keeps this below the wish. If none does within the longest
 * permitted, it is the smallest that is nearly as good as the longest: waiting must buy something.
 *
 * It is then held. Whoever dies while a margin is at its longest is noticed after that long, and
 * who is mistaken for dead was so while it was at its shortest: one that moves has the worst of
 * both. So it begins short, as far as the first minute can tell; it is raised when mistakes have
 * been seen that the wish does not allow and that the longer one would have prevented, or at the
 * beginning when far too many must be expected; and it is lowered when that saves a tenth of the
 * wait and the estimate is far better than the wish.
 *
 * When a beat "should arrive" is foretold in three ways at once: as the last one, as the mean of
 * the last few (Bertier 2002 and every round-trip estimator), and as the mean of the last hundreds
 * (NFD-E). Each has a tail of its own, and the one whose margin is smallest is followed: on a path
 * whose delay wanders that is the first, on a jittery one the last. After a route change all of
 * them begin anew where the path now is, the last after a while only: a hand-over is no new route.
 *
 * Send instants are on the sender's clock and arrivals on ours; only the change of their difference
 * matters, so the clocks need not agree. A late sender says so by the send instant.
 */
#ifndef MONITOR_QUALITY_H
#define MONITOR_QUALITY_H

#include "monitor/runs.h"
#include "monitor/tail.h"
#include "peerd/base/time.h"

#include <stdbool.h>

#define QUALITY_FORETELLERS 3
#define QUALITY_LEARN       duration_s(70) /* [s] no margin is derived from less than this … */
#define QUALITY_LEARN_BEATS 100            /* … and so many beats */
#define QUALITY_AGAIN       80             /* beats after which the margin is computed anew */

struct quality_foreteller {
    double transit_us;  /* [µs] arrival on our clock less send instant on theirs, expected */
    double dev_us;      /* [µs] mean deviation from it */
    double spread_us;   /* [µs] mean distance from the slowest of the three */
    uint8_t off;        /* beats in a row that were far off to the same side … */
    bool off_late;      /* … this one */
    struct tail tail;   /* of lateness, lost beats deducted */
    struct tail recent; /* the same of the last minutes: they count if the path has become worse */
    struct tail after;  /* the same of those that came after a loss: trouble comes together */
};

/* What is demanded of a margin. */
struct quality_wish {
    struct duration false_alarm_every; /* mistakes are at least this far apart */
    struct duration margin_max;        /* no margin may be longer */
};

/* What comes of it. */
struct quality_answer {
    struct duration margin;      /* beats may come so much later than foretold */
    struct duration recurrence;  /* estimated time between mistakes with it (T_MR) */
    struct duration margin_need; /* that meets the wish, though it were longer than permitted */
    uint8_t foreteller;          /* whose margin it is */
    bool reachable;              /* some margin that is permitted meets the wish */
    bool known;                  /* measured long enough */
};

struct quality {
    bool heard;
    uint64_t seq;             /* of the newest beat */
    int64_t sent_us;          /* [µs] of the newest, sender's clock */
    struct instant arrival;   /* of the newest */
    struct duration interval; /* the newest promised the next within this */
    struct duration observed; /* time that the statistics stand for, faded */
    uint64_t beats;
    uint32_t since_answer; /* beats since the answer was computed */
    struct quality_answer answer;
    struct duration answered; /* the answer is for this interval */
    struct runs runs;
    struct quality_foreteller foretellers[QUALITY_FORETELLERS];
};

void quality_init(struct quality *q);

/* The peer has been started anew: its clock and numbers begin anew, the path has not changed. */
void quality_new_run(struct quality *q);

/* A beat arrived that is newer than all before. `deaf` is how long of the time since the newest, or
 * since this one should have come, we did not listen: nothing is learnt then, since neither
 * lateness nor loss is the path's. */
void quality_heard(struct quality *q, uint64_t seq, int64_t sent_us, struct instant now,
                   struct duration interval, struct duration deaf, const struct quality_wish *wish);

/* The freshness point: until then a newer beat is expected. Only after the first. */
struct instant quality_fresh_until(const struct quality *q);

/* When a beat sent then should arrive; "never" if nothing has been heard yet. */
struct instant quality_foretold(const struct quality *q, int64_t sent_us);

/* When the answer says so, without the margin. */
struct instant quality_expected(const struct quality *q);

/* Mistakes per second with such a margin, by the foreteller in use. */
double quality_mistakes_per_s(const struct quality *q, struct duration margin);

/* The same as foretold for another interval between beats. */
double quality_mistakes_per_s_at(const struct quality *q, struct duration interval,
                                 struct duration margin);

void quality_check_invariants(const struct quality *q);

#endif
