/*
 * Degrade: do clients of a location fare worse with us than they used to, and is it our path?
 *
 * One machine a location. Each report of a client is one rating (monitor/experience), and each goes
 * into a cumulative sum after Page (1954): how far it lies below what is usual here, less what
 * always scatters, at most two steps for one report, so that a few bad clients among many never
 * add up; a third of all has to be bad. What a short burst does to everybody's next report is no
 * degradation either: bad reports must come for longer than DEGRADE_BURST and a reporting interval.
 * Then clients *fall*, and the cause is sought in what peers tell of their own clients there:
 *
 *    1 access    their clients there have fallen, too: moving does not help
 *    2 path      those of at least one peer have not, by far: our path to the location is bad
 *    3 ways      nobody with enough reports serves the location, or nobody has told since: then it
 *                is the path if our own clients hear another cluster better than us, and the
 *                access if none (monitor/ways.h)
 *    4 unknown   they have not told of that, or too little
 *
 * A peer's word counts once it is from after the fall, and a cause is believed if chance would give
 * it less than once in forty times (of normal errors), or when there is no more time to wait. Then
 * an event with its evidence comes out, one more if better evidence changes the cause, and one when
 * clients have fared as usual for a while. What is usual is not learnt while they fall, nor ever of
 * clients who hear another cluster better than us: what is bad from the first is not usual.
 *
 *                    enough reports            sum full                 cause found
 *        LEARNING ------------------> STEADY ------------> FALLING ----------------> PATH
 *                                       ^  ^----------------'                        ACCESS
 *                                       |     sum drains                             UNKNOWN
 *                                       '------------------------------------------------'
 *                                                   fares as usual for a while
 */
#ifndef MONITOR_DEGRADE_H
#define MONITOR_DEGRADE_H

#include "monitor/level.h"
#include "monitor/ways.h"
#include "peerd/base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEGRADE_USUAL_HALF   duration_s(300)  /* [s] half-life of what is usual … */
#define DEGRADE_RECENT_HALF  duration_ms(500) /* [ms] … and of what is now */
#define DEGRADE_LATELY_HALF  duration_s(2) /* [s] … and of what was lately, see degrade_lately() */
#define DEGRADE_LEARN        40            /* reports before anything is usual … */
#define DEGRADE_LEARN_FOR    duration_s(8) /* [s] … and time */
#define DEGRADE_FULL         20000         /* [1/1000 steps] of the sum: ten very bad reports */
#define DEGRADE_STEP_MAX     2000          /* [1/1000] one report counts at most so much … */
#define DEGRADE_STEP_MIN     1000          /* [1/1000] … and a good one takes at most so much */
#define DEGRADE_SHARE        3             /* one of so many clients must be bad */
#define DEGRADE_BURST        duration_ms(800) /* [ms] what lasts no longer is no degradation */
#define DEGRADE_WAIT         duration_ms(900) /* [ms] for peers' words, after the sum is full */
#define DEGRADE_SURE         196           /* [1/100 standard errors] a cause is believed at once */
#define DEGRADE_LIKELY       100           /* [1/100 standard errors] and after it, by ways alone */
#define DEGRADE_REVISE       duration_s(3) /* [s] another cause must hold as long */
#define DEGRADE_SPREAD_MIN   300           /* [R/100] of ratings, however alike they seem */
#define DEGRADE_LEARN_AGAIN  duration_s(900) /* [s] what has been bad for so long becomes usual */
#define DEGRADE_PEERS_MAX    16
#define DEGRADE_TEXT_LEN_MAX 335 /* [characters] */

enum degrade_state {
    DEGRADE_STATE_LEARNING = 0,
    DEGRADE_STATE_STEADY,
    DEGRADE_STATE_FALLING,
    DEGRADE_STATE_PATH,
    DEGRADE_STATE_ACCESS,
    DEGRADE_STATE_UNKNOWN
};

enum degrade_cause {
    DEGRADE_CAUSE_UNKNOWN = 0,
    DEGRADE_CAUSE_PATH,
    DEGRADE_CAUSE_ACCESS
};

enum degrade_change {
    DEGRADE_CHANGE_BEGAN = 1,
    DEGRADE_CHANGE_CAUSE, /* the cause is another than was said */
    DEGRADE_CHANGE_ENDED
};

/* What is wished; zero fields are never valid. */
struct degrade_wish {
    uint32_t drop_centi;      /* [R/100] a loss of so much is a degradation */
    uint32_t clients_min;     /* with a bad report */
    uint32_t reports_min;     /* of a peer, recent, for its word to count */
    struct duration interval; /* clients report this often */
    struct duration hold;     /* fares as usual for so long: it has ended */
};

/* What one peer last told of its own clients there. */
struct degrade_peer {
    uint32_t usual_centi;    /* [R/100] */
    uint32_t recent_centi;   /* [R/100] */
    uint32_t spread_centi;   /* [R/100] of recent ones, a standard deviation */
    uint32_t reports;        /* that `recent` stands on, faded */
    struct instant heard_at; /* when that arrived */
};

/* All zero but the state: nothing heard. */
struct degrade {
    enum degrade_state state;
    struct instant since;          /* of the state */
    struct instant first_at;       /* of the first report that is learnt from */
    uint32_t ailing;               /* reports since then that were not, while LEARNING */
    struct level usual, recent;    /* [R/100] */
    struct level lately;           /* [R/100] likewise */
    int32_t fall;                  /* [1/1000 steps] the sum */
    struct instant fall_from;      /* when it last left zero, with a bad report */
    struct instant risen_at;       /* when the sum last was less than a quarter full */
    struct instant bad_at;         /* the newest bad report */
    struct instant good_from;      /* reports are as usual since; "never" while they are not */
    uint64_t seen, bad;            /* clients since the sum left zero, a bit a client by hash */
    struct ways ways;              /* how they hear others, since they fall */
    enum degrade_cause otherwise;  /* another cause that the evidence is for … */
    struct instant otherwise_from; /* … since then */
};

struct degrade_event {
    enum degrade_change change;
    enum degrade_cause cause;
    struct instant onset;     /* estimated */
    uint32_t usual_centi;     /* [R/100] before … */
    uint32_t recent_centi;    /* … and now */
    uint32_t clients_bad;     /* at least so many … */
    uint32_t clients;         /* … of so many */
    uint32_t sure_permille;   /* of the cause */
    size_t peer;              /* whose word weighed most; DEGRADE_PEERS_MAX: nobody's */
    struct degrade_peer word; /* … and what it was */
    struct ways_view way;     /* without any: what our own clients hear; or nothing */
};

void degrade_init(struct degrade *d, struct instant now);

/* A client's report, rated. `client` is a hash. */
void degrade_heard(struct degrade *d, const struct degrade_wish *wish, struct instant now,
                   uint32_t client, uint32_t r_centi);

/* The same of a client that hears another cluster better than us: it fares as nobody should, so
 * that nothing usual is learnt of it, and nothing at all while a third of all reports are such. */
void degrade_heard_ailing(struct degrade *d, const struct degrade_wish *wish, struct instant now,
                          uint32_t client, uint32_t r_centi);

/* Of the same report, after that: so many frames expected of us, so many lost. */
void degrade_lost(struct degrade *d, uint32_t expected, uint32_t lost, struct instant now);

/* A client there has asked another cluster so many packets, and lost so many of the answers. */
void degrade_way_heard(struct degrade *d, const struct degrade_wish *wish, uint16_t cluster,
                       uint32_t asked, uint32_t lost, struct instant now);

/* To be asked several times a second while degrade_is_awake(). At most DEGRADE_PEERS_MAX peers are
 * looked at. True if `out` is an event. */
bool degrade_judge(struct degrade *d, const struct degrade_wish *wish, struct instant now,
                   const struct degrade_peer *peers, size_t count, struct degrade_event *out);

/* False: nothing would come of judging. */
bool degrade_is_awake(const struct degrade *d);

/* What can be told of how they fare now, faded until `now`. Clients who lose nothing report seldom:
 * as long as none is worse off than usual what they had in the last seconds counts, so that a few
 * of them are enough to be believed; from the first bad report on only what is recent does. */
struct level degrade_lately(const struct degrade *d, struct instant now);

/* Clients of the location suffer; by our path, if that is known to be the cause. */
bool degrade_is_bad(const struct degrade *d);

/* "203.0.113.0/24 fares worse: R 91 -> 62 (MOS 4.4 -> 3.2) at 19 of 20 clients; with ams1 90 -> 90
 * (7 reports): our path (sure 99.9 %)". `peer` is the name of the event's peer, or of its way's
 * cluster. Returns `out`. */
const char *degrade_event_to_text(const struct degrade_event *e, const char *location,
                                  const char *peer, char out[DEGRADE_TEXT_LEN_MAX + 1]);

const char *degrade_cause_name(enum degrade_cause cause);

void degrade_check_invariants(const struct degrade *d);

#endif
