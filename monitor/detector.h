/*
 * The failure detector: is one peer, as far as our own ears go, alive, late or gone?
 *
 * It is told of proofs of life and answers with an opinion; it knows nothing of other witnesses
 * (that is verdict.h) and nothing of bytes. Two clocks run at once:
 *   - the *arrival* clock: a beat is announced for a certain time after the last one; when it is
 *     late by more than the jitter seen so far, the opinion is SUSPECT (prepare, ask others);
 *   - the *life* clock: a proof of life holds as of the instant at which we sent what the beat
 *     echoes. When that is `detect_within` ago, the opinion is EXPIRED. Whoever dies at t cannot
 *     have proven life after t, so it expires before t + detect_within whatever the path does,
 *     and beats that were held back on the way buy no time.
 * The arrival clock has a second hand: once the path has been measured for long enough, a peer that
 * has not been heard by the freshness point of monitor/quality.h is EXPIRED before the life clock
 * says so. That point is the earliest at which wrong ones stay `false_alarm_every` apart. Until
 * then, and where the path is too bad for an earlier one, the life clock alone decides; it takes a
 * mean and a deviation (Jacobson 1988) of proof age, for paths slower than the wish.
 *
 * A process that was not scheduled heard nothing, and must distrust itself first: time during
 * which we were deaf is reported by detector_own_stall and does not count as the peer's silence.
 */
#ifndef MONITOR_DETECTOR_H
#define MONITOR_DETECTOR_H

#include "monitor/cadence.h"
#include "monitor/quality.h"
#include "peerd/base/time.h"

#include <stdbool.h>
#include <stdint.h>

#define DETECTOR_STALLS_MAX 4 /* own stalls remembered; of more the oldest become one */
#define DETECTOR_SLOW_MAX   8 /* times detect_within: a path with older proofs is none */

/* What the operator wants, not how to get it. */
struct detector_wish {
    struct duration detect_within;     /* from death to EXPIRED, at most */
    struct duration false_alarm_every; /* between two wrong EXPIRED, at least */
    struct duration interval;          /* beats leave this often until the path is measured */
    struct duration interval_min;      /* and may be asked for within these; both zero: as usual */
    struct duration interval_max;
};

enum detector_opinion {
    DETECTOR_UNKNOWN, /* no proof of life yet: neither trusted nor convicted */
    DETECTOR_TRUST,
    DETECTOR_SUSPECT, /* the announced beat is late */
    DETECTOR_EXPIRED  /* no proof of life within the time asked */
};

struct detector_stall {
    struct instant from; /* last instant at which we certainly listened */
    struct instant to;   /* back again */
};

struct detector {
    struct detector_wish wish;
    enum detector_opinion opinion;
    struct instant life_at;        /* newest proven instant of life; "never" until the first */
    struct instant arrival;        /* when the newest proof arrived */
    struct instant slow_at;        /* the life of the newest that came too late to prove any */
    struct instant unconfirmed_at; /* newest beat that proved nothing; "never" for none */
    uint32_t unconfirmed;          /* such beats since the newest proof of life */
    struct duration announced;     /* the next beat was promised within this */
    double gap_mean_us;            /* [µs] between arrivals */
    double gap_dev_us;             /* [µs] mean deviation of it */
    double lag_mean_us;            /* [µs] age of a proof when it arrives */
    double lag_dev_us;             /* [µs] mean deviation of it */
    uint64_t proofs;               /* proofs of life taken */
    uint64_t suspicions;           /* times trust was lost */
    uint64_t expiries;             /* times it expired */
    uint64_t mistakes;             /* expiries after which the same run proved to be alive … */
    bool excused;                  /* the next proof comes from a new run: no mistake of ours */
    struct detector_stall stalls[DETECTOR_STALLS_MAX]; /* oldest first */
    uint8_t stall_count;
    struct quality quality;    /* of the path, and what margin it allows */
    struct cadence cadence;    /* how often the peer is asked to beat */
    struct instant first_at;   /* of the first proof; "never" until then */
    struct instant expired_at; /* of the newest expiry; "never" for none */
    uint64_t mistakes_before;  /* of those, with beats as were asked for before … */
    struct instant asked_at;   /* … those asked for now; "never" for the usual */
    struct instant unmet_at;   /* the wish could not be met, or had not been; "never" for not yet */
    struct duration mistaken;  /* sum of the times that mistakes lasted */
    struct duration detected;  /* life age at the newest expiry that was none; zero for none */
};

/* What it achieves, for evidence texts, status and metrics. */
struct detector_figures {
    struct duration silent;        /* since the newest arrival, our own deafness deducted */
    struct duration life_age;      /* since the newest proven instant of life, likewise */
    struct duration expected;      /* arrivals are expected within this … */
    struct duration margin;        /* … give or take this */
    struct duration bound;         /* detection time in force (T_D) */
    struct duration proof_max;     /* what is older when it arrives proves nothing */
    bool meets_wish;               /* false where the path needs a longer bound than asked, or where
                                      mistakes must be expected more often, or lately did */
    struct duration asked;         /* of the peer: a beat every so often */
    bool measured;                 /* the three below are known: measured for long enough */
    bool loses;                    /* beats have been lost on this path */
    struct duration fresh;         /* a beat may be so much later than foretold before it expires */
    struct duration recurs;        /* estimated time between mistakes (T_MR) with this bound */
    struct duration needs;         /* the bound that would meet `false_alarm_every` on this path */
    struct duration mistake_every; /* achieved T_MR; endless without a mistake */
    struct duration mistake_lasts; /* achieved T_M, mean; zero without a mistake */
    double accuracy;               /* achieved P_A: share of the time in which it was right */
    struct duration detected;      /* achieved T_D, at most: life age at the newest true expiry */
};

void detector_init(struct detector *d, const struct detector_wish *wish);

/* The operator changed his mind; what was learnt of the path is kept. */
void detector_wish_changed(struct detector *d, const struct detector_wish *wish);

/* A beat newer than all before arrived, whatever it proves: its number, when its sender says to
 * have sent it (on its own clock), and when at the latest it will send the next. To be told before
 * what it proves. */
void detector_heard(struct detector *d, uint64_t seq, int64_t sent_us, struct instant now,
                    struct duration announced);

/* A beat proved life as of `life_at` and promised the next within `announced`. Older proofs than
 * the newest are counted for jitter and prove nothing new. What is older than the bound on arrival
 * proves nothing about now; of one expired or not known yet it teaches how slow the path is, so
 * that the next may count: figures then say that the wish is not met. */
void detector_life_proven(struct detector *d, struct instant life_at, struct instant now,
                          struct duration announced);

/* The peer has been started anew: its proofs from now on do not make an expiry a mistake. */
void detector_new_run(struct detector *d);

/* An authentic beat that echoes nothing of ours, or nothing newer than what has been echoed
 * before: evidence, never life. */
void detector_unconfirmed(struct detector *d, struct instant now);

/* How often it would have the peer beat: the longest interval that gives the wish (cadence.h). */
struct duration detector_interval_wished(const struct detector *d);

/* We were not running between these two instants. */
void detector_own_stall(struct detector *d, struct instant from, struct instant to);

/* When the opinion may change next without an input; never if it cannot. */
struct instant detector_deadline(const struct detector *d);

/* When it is given up if nothing is heard any more; never if nothing has been heard yet. */
struct instant detector_expires_at(const struct detector *d);

/* Lets time pass and returns the opinion. */
enum detector_opinion detector_step(struct detector *d, struct instant now);

/* Time since an instant, less that in which we did not run. */
struct duration detector_age(const struct detector *d, struct instant since, struct instant now);

/* Two of the figures, for those who ask at every beat. */
bool detector_is_measured(const struct detector *d);
bool detector_meets_wish(const struct detector *d, struct instant now);

struct detector_figures detector_figures(const struct detector *d, struct instant now);
const char *detector_opinion_name(enum detector_opinion o);
void detector_check_invariants(const struct detector *d);

#endif
