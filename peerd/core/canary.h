/*
 * Canary: our path to a location is bad, so a few of those who suffer from it go first, to one
 * peer. What comes of it is said of that *pair*, a location and a peer, and of no other: several
 * peers may be tried for one location, at the same time or one after the other.
 *
 *    (none) --> SEEKING --some go--> WATCHING --they fare better: eight times as many--> WATCHING
 *                  |                  |  |  |
 *    nobody can go |        none went |  |  +--nobody is left who could go--> RESTING --+
 *                  v                  |  | they do not,                       |  ^      | who came
 *              GIVEN_UP <-------------+  | or nobody tells    they fare no    |  |      v since
 *                | ^ ^                   v                    better any more |  +-- WATCHING
 *                | | |              RETURNING: they are                       |
 *                | | +----------------- asked back, CANARY_BACK               |
 *                | +----------------------------------------------------------+
 *                +--> SEEKING, CANARY_DWELL later, unless others of its location go somewhere
 *
 * Whichever way a pair ends in vain another one of its location is SEEKING at once. All of them end
 * when our path is to blame no more.
 *
 * It begins in either of two ways. A location falls, and our path is to blame (monitor/degrade.h).
 * Or enough sessions (`degraded_clients_min`), wherever they are, lose frames of ours and surely
 * hear one peer better (ailing.h, monitor/lean.h): they may be few in each of their networks, and
 * nobody need know what they had before. Of these there is one location, *everywhere*.
 *
 * Only who suffers goes, the worst off first: who loses frames and hears the peer better, or whose
 * own reports lie below what is usual there by half a fall. Nobody goes where its own client says
 * that as much is lost, and nobody at all where all who say so do together, whatever the peer tells
 * of others; clients that have not said enough are waited for (CANARY_HESITATE). Where clients do
 * not tell, of `probing: false` or of older versions, those who go first find it out.
 *
 * The peer is the one whose clients there fare best, by what it tells, and by enough to be worth
 * the way (half of what counts as a fall); where none tells, or nobody can go to one who does, the
 * one whom our own clients there hear best, and by far better than us (monitor/ways.h). Once those
 * who were asked serve from there, or stay, what it tells of them from CANARY_WATCH later on
 * decides: the mean of all that those who went have had since they came (newcomers.h), against the
 * mean of what those who stayed, and suffer, have here in the same time, or had before if none of
 * these is left. Only who fares better by that gain and what chance may make of it is followed, and
 * only while all whom the peer serves there do, as far as it tells; and nobody while our path seems
 * well: where clients' newest words, half a second each, tell of less than half the runs of losses
 * that they told of before. Who follows fares as those did
 * who went, before they went, and hears the peer better, and no worse than all who surely do
 * (lean_is_apart()); others lose by chance, or by their own access.
 *
 * Else those who went first are asked back, as they are when our path is found to be well, or not
 * to blame, while they are watched. The peer sends them, with cause `return`. But nobody is sent
 * back to where it was worse off itself: where all who share a path have left it, those who stay
 * are others and fare well. So who followed comes back only if it fares worse than it did, and who
 * went first stays if it is surely better off, unless those who stayed were in its place, and the
 * path is well again (canary_trial.c).
 *
 * Where that peer has no room, by its own word, for all who suffer, some of those who go first are
 * tried at the next best at the same time: a canary *beside* the first, of the same location, with
 * a peer of its own, which is judged and followed by itself. Whom a full worker of one has refused
 * is asked to go to the other, once that is followed, too. Where nothing is said of room those who
 * are left are tried out at the next best when the first takes nobody more, however few.
 *
 * A peer that dies, or is cut off from us, before it has told says nothing against those who went
 * there: they stay, and some of the others go first to the next best. What those have found who
 * come back is about the peer where they were; the next best is tried at once, by others than they,
 * who may follow.
 *
 * A wave that follows is filled up with those who are sure later, and judged with them. A location
 * that falls while some of it have just gone with those of all networks sends nobody first: what
 * becomes of these is seen before, and in vain is in vain for it, too. Where most of a location
 * fall those of all networks wait for that, CANARY_OWN at most, since peers' words may then say
 * where its clients fare best.
 *
 * Nobody goes who was moved here less than CANARY_STAY ago, nobody to where its ticket does not
 * lead, and whoever does not go lapses (leaving.h). Who went first and was back within CANARY_AWAY
 * does not go first again within CANARY_ONCE, and each time in vain it takes twice as long until
 * that peer is tried again. It was not in vain where of several networks nobody has lost a frame
 * since they were asked back: the path has healed, and RETURNING ends it. While we drain there are
 * no canaries: all leave anyhow.
 *
 * A move costs: two streams for its overlap, a pre-roll, and the risk that the new path is worse.
 * What a session must gain to be worth that is canary_gain_wanted(); what all of them together may
 * cost a cluster is its budget (gains.h), and a client goes so four times in half an hour at most.
 *
 * Allocated when the first one begins. `canary` of the policy says how many; none by default.
 */
#ifndef PEERD_CORE_CANARY_H
#define PEERD_CORE_CANARY_H

#include "monitor/lean.h"
#include "peerd/base/addr.h"
#include "peerd/base/id.h"
#include "peerd/base/time.h"

#include <stdbool.h>
#include <stdint.h>

#define CANARY_MAX       16                /* sessions of a wave that are looked after */
#define CANARY_PAIRS     16                /* at a time; others have to wait for their next word */
#define CANARY_GROWTH    8                 /* a wave is so many times the one before */
#define CANARY_STEP      duration_ms(100)  /* [ms] they are looked at so often */
#define CANARY_LATE      duration_s(2)     /* [s] who has not gone by then is not waited for */
#define CANARY_WATCH     duration_ms(1500) /* [ms] from their coming to the first word … */
#define CANARY_JUDGE     duration_s(2)     /* [s] … and so long they are compared at least … */
#define CANARY_JUDGE_MAX duration_s(4) /* [s] … and at most: what is not sure by then is not so */
#define CANARY_PROMISING duration_s(8) /* [s] … but for chance, which tells by then */
#define CANARY_WELL      duration_ms(800) /* [ms] without a bad report our path may be well again */
#define CANARY_RUNS      6                /* … or with half as many runs of losses as these */
#define CANARY_STAYED    duration_s(2)    /* [s] without any report nobody has stayed */
#define CANARY_BACK      duration_s(5)    /* [s] they are asked back for so long */
#define CANARY_DOUBLINGS 4                /* of CANARY_DWELL */
#define CANARY_ONCE      duration_s(1800) /* [s] a session goes first once in this … */
#define CANARY_AWAY      duration_s(60)   /* [s] … unless it was away for so long … */
#define CANARY_TRIED     256              /* … as far as so many are remembered */
#define CANARY_FRESH     duration_s(3)    /* [s] an older word is none */
#define CANARY_AGAIN     duration_s(5)    /* [s] who came meanwhile follows, too */
#define CANARY_DWELL     duration_s(60)   /* [s] until it is tried again */
#define CANARY_HESITATE  duration_s(5)    /* [s] for clients to tell how they hear others … */
#define CANARY_LEFT      duration_s(15)   /* [s] after others have followed, for who is left */
#define CANARY_HEAR      duration_ms(600) /* [ms] … before half a certainty is enough … */
#define CANARY_ANEW      duration_ms(300) /* [ms] … and so often they are asked for */
#define CANARY_OWN       duration_ms(250) /* [ms] for a location that falls to get one of its own */
#define CANARY_MORE      duration_ms(500) /* [ms] who is sure later goes with those who follow */
#define CANARY_STAY      duration_s(10)   /* [s] who was moved stays so long where it is … */
#define CANARY_FOUND     duration_s(2)    /* [s] … who began, or was found, here so long */

struct beat;
struct core;
struct peering;
struct session;

enum canary_state {
    CANARY_STATE_NONE = 0,
    CANARY_STATE_SEEKING,
    CANARY_STATE_WATCHING,
    CANARY_STATE_RESTING,
    CANARY_STATE_RETURNING,
    CANARY_STATE_GIVEN_UP
};

/* What others who suffer from the same thing have had; all zero: nobody was followed yet. */
struct canary_example {
    uint32_t went_centi;   /* [R/100] those who went first, there … */
    uint32_t stayed_centi; /* [R/100] … and those who stayed, or themselves before */
    struct instant until;  /* who is left may go by it for so long */
};

struct canary {
    enum canary_state state;
    struct prefix location;
    uint16_t peer;                          /* its number; 0: nobody has gone to any */
    uint32_t wave;                          /* [sessions] as many go at once */
    uint32_t sent;                          /* … of them have been asked to */
    struct session_id sessions[CANARY_MAX]; /* the first of these … */
    struct addr clients[CANARY_MAX];        /* … and where they are … */
    uint16_t had_centi[CANARY_MAX];         /* [R/100] … and what each had before; 0: unknown */
    struct instant asked_at;                /* they were asked to go */
    struct instant settled;                 /* each has gone or stays; "never" before */
    uint32_t told_centi;                    /* [R/100] those who went, as the peer told last … */
    uint32_t told_reports;                  /* … on so many; 0: it has not told … */
    uint32_t told_spread;                   /* [R/100] … of which one has such a spread */
    uint32_t stayed_centi;                  /* [R/100] sum of what those who stayed had … */
    uint32_t stayed_looks;                  /* … each time that was looked at */
    uint32_t worst_centi;          /* [R/100] … and what, when they fared worst; 0: none */
    struct canary_example example; /* of those who went first, once they are followed */
    struct lean_heard heard;       /* its peer, by all who surely hear it better */
    bool blamed;                   /* in vain, and that is the peer: others may do */
    bool of_ailing;                /* they lost frames of ours, and not of others */
    struct instant begun;          /* it was found that our path is bad, or tried again */
    bool first;                    /* it is the first wave */
    bool beside;            /* another one of its location goes where there is no room for all */
    bool waited;            /* everywhere: locations' own ones have been waited for */
    struct instant more_at; /* a wave that follows is filled up */
    uint8_t doublings;      /* of the dwell time, so far */
    struct instant next_at; /* to be looked at */
};

struct canary_tried {
    struct session_id session;
    uint32_t at_s; /* [s] it was asked to go first (core_second); 0: the place is free */
};

struct canaries {
    struct canary list[CANARY_PAIRS];
    struct canary_tried tried[CANARY_TRIED]; /* the newest, in a ring … */
    uint32_t tried_next;                     /* … of which this place is next */
    struct instant sure_at; /* enough of all networks hear a peer better, since; "never" */
};

/* Our path to that location has been found bad. */
void canary_begin(struct core *core, const struct prefix *location);

/* Clients have told how they hear others: enough of them may hear one peer better than us,
 * wherever they are. */
void canary_judge(struct core *core);

/* It is well again, or not to blame after all. */
void canary_end(struct core *core, const struct prefix *location);

/* A drain begins: what was asked for is part of it now. */
void canary_stop_all(struct core *core);

/* A session that was asked to go off a bad path, and has not gone: its target may have refused it.
 * Another one that was tried and found better, or the same again. */
const struct name *canary_instead(const struct core *core, const struct session *s);

/* Into a beat: the peer is asked for those who went to it. Out of one: what it tells of them. */
void canary_fill(const struct core *core, const struct peering *to, struct beat *beat);
void canary_heard(struct core *core, const struct peering *from, const struct beat *beat);

void canary_step(struct core *core);
struct instant canary_deadline(const struct core *core);
void canary_check_invariants(const struct core *core);

#endif
