/*
 * Audiences: the players of a stream at one cluster and of one location, and whether they suffer.
 *
 *                  they fall                    those who went fare better
 *      (none) -----------------> FIRST ----------------------------------------> ALL
 *      ^  ^ ^                    |   |                                          |  ^
 *      |  | '--- well again -----'   | they do not, or nobody tells             |  |
 *      |  |                          v                        AUDIENCES_HOLD    |  | they
 *      |  '---- AUDIENCES_DWELL -- GIVEN_UP                   later, or it is   |  | suffer
 *      |        later, and well      |  ^                     well again        v  | there
 *      |                             '--' later, and not well: FIRST           BACK
 *      '--------- they fare well there, or nobody wants to be there -------------'
 *
 * What a player says when it asks, and what the server of its media passes on, is one rating
 * (monitor/players). Those of one place go into a machine of monitor/degrade, as reports of
 * sessions do, held against what is known of the stream's other clusters there. Where they fall,
 * and not everywhere, some go first: as many as `canary` of the policy says, and
 * AUDIENCES_FIRST_MIN at least, drawn by their address. Only if those who are elsewhere fare better
 * by what is worth the way and what chance may make of it are the others sent, too, and after a
 * while some come back first. Each time in vain it takes twice as long.
 *
 * Nothing is kept of a player, only of places: who is sent away follows from its address and the
 * state of its place. A player that stands elsewhere stays there, whoever is asked. Where all is
 * bad nobody is sent anywhere.
 *
 * Whoever steers players is seldom who serves them, so clusters tell each other what they hear
 * (wire/audience): it is what those who went are judged by, and it ranks pathways for players that
 * come (pathways.h). What we hear ourselves goes before what we are told. While all are kept
 * away from a place that is told as it was when they fell, or else whoever has heard nothing for
 * long would send them back.
 *
 * Where the servers of media pass on what players say, it is the serving cluster that hears them,
 * and others whom they ask: so it tells which of its own players are to be elsewhere. Of others'
 * nobody can say that.
 *
 * Players are strangers. A client counts once a second, whatever it sends; a third of those of a
 * place must be badly off, eight at least (`degraded_clients_min`); and whoever lies moves
 * neighbours of its own /24 or /48 and nobody else. Rows are bounded: one that nobody speaks of
 * any more, and from which nobody is kept, makes room.
 */
#ifndef PEERD_CORE_AUDIENCES_H
#define PEERD_CORE_AUDIENCES_H

#include "monitor/degrade.h"
#include "peerd/core/core.h"
#include "topo/rank.h"

#define AUDIENCES_MAX       128              /* that are heard here */
#define AUDIENCES_WORDS_MAX 256              /* of peers */
#define AUDIENCES_CLIENTS   64               /* of one that are told apart, by hash */
#define AUDIENCES_REPORTS   3                /* for a word to count */
#define AUDIENCES_HALF      duration_s(4)    /* [s] half-life of what is compared */
#define AUDIENCES_STEP      duration_ms(250) /* [ms] it is judged so often, while there is need */
#define AUDIENCES_ONCE      duration_s(1)    /* [s] a client counts once in this */
#define AUDIENCES_LIVE      duration_s(2)    /* [s] players of a live stream ask so often … */
#define AUDIENCES_CALM      duration_s(5)    /* [s] … and others */
#define AUDIENCES_FRESH     duration_s(10)   /* [s] an older word says nothing of now … */
#define AUDIENCES_FORGET    duration_s(15)   /* [s] … nor this of anything */
#define AUDIENCES_JUDGE_MAX duration_s(30)   /* [s] what is not sure by then is not so */
#define AUDIENCES_HOLD      duration_s(60)   /* [s] nobody is let back, at first */
#define AUDIENCES_DWELL     duration_s(60)   /* [s] until it is tried again, at first */
#define AUDIENCES_BACK_MAX  duration_s(90) /* [s] somebody has come back by then, or nobody will */
#define AUDIENCES_DOUBLINGS 4
#define AUDIENCES_FIRST_MIN 5 /* clients that go first */

struct beat;
struct peering;

enum audience_state {
    AUDIENCE_STATE_NONE = 0,
    AUDIENCE_STATE_FIRST,
    AUDIENCE_STATE_ALL,
    AUDIENCE_STATE_BACK,
    AUDIENCE_STATE_GIVEN_UP
};

struct audience_row {
    struct name origin;
    struct name cluster; /* where they fetch it; empty: the row is free */
    struct prefix location;
    bool live;
    struct instant heard_at;
    struct level told; /* [R/100] of late */
    struct degrade degrade;
    uint32_t heard_ms[AUDIENCES_CLIENTS]; /* [ms] since the core began; 0: never */
    enum audience_state state;
    struct instant since;        /* of the state */
    struct instant until;        /* likewise; "never": it ends otherwise */
    uint16_t first_permille;     /* of clients that go first, or come back first */
    uint8_t doublings;           /* of what follows */
    uint16_t fell_from, fell_to; /* [R/100] usual, and when they fell … */
    uint16_t fell_clients;       /* … at least so many */
};

/* What a peer has heard. */
struct audience_word {
    struct name origin;
    struct name cluster; /* of the pathway; empty: free */
    struct prefix location;
    uint16_t teller; /* the peer's number */
    struct degrade_peer told;
    uint16_t leave_from, leave_to; /* lots of those whom it wants elsewhere: of its own only */
};

struct audiences {
    struct audience_row rows[AUDIENCES_MAX];
    struct audience_word words[AUDIENCES_WORDS_MAX];
    uint32_t row_count, word_count; /* places in use lie before these */
    struct instant next_at;
};

/* CORE_PLAYER_TOLD. */
void audiences_told(struct core *core, const struct core_player_told *e);

/* Into a beat, and out of one. */
void audiences_fill(const struct core *core, struct peering *to, struct beat *beat);
void audiences_heard(struct core *core, const struct peering *from, const struct beat *beat);

/* [0..999] where a client stands among those of its place. */
uint32_t audiences_lot(const struct name *origin, const struct addr *client);

/* Is a client of that lot to be elsewhere than at that cluster? */
bool audiences_leave(const struct core *core, const struct name *origin, const struct name *cluster,
                     const struct prefix *location, uint32_t lot);

/* How players fare there: as we hear, else as the peer tells whose word stands on most reports. */
struct rank_experience audiences_experience(const struct core *core, const struct name *origin,
                                            const struct name *cluster,
                                            const struct prefix *location);

void audiences_step(struct core *core);
struct instant audiences_deadline(const struct core *core);
void audiences_check_invariants(const struct core *core);

const char *audience_state_name(enum audience_state state);

#endif
