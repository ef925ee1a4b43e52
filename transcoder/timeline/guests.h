/*
 * Guests: the sessions at one worker, counted by the cluster that issued their tickets, and how
 * many of each may come.
 *
 * What providers have agreed is bounded at the door: peerd allots slots of a node to each peer with
 * which something has to be agreed, the node writes them on the board that its workers share
 * (board.h), and a worker refuses whoever would be one too many at all of them without asking
 * anybody. An issuer of whom nothing was said is not bounded here; how many of its sessions there
 * are is known all the same, so that a limit that comes later counts them.
 *
 * What is kept for a peer (board.h) nobody else gets, neither another peer's herd nor those who
 * come with tickets of our own; whether anything was agreed or not. So whoever is let in is counted
 * with all that are at the machine, also one whose issuer is not bounded.
 *
 * The same goes for services: a peer's session of a service that is not in the terms is refused
 * (ERR_DENIED), since peerd says which of its services each peer may use.
 *
 * Of a peer's standbys so many may send (tenure.h, HOT) at one worker as peerd says.
 *
 * A limit concerns newcomers. Who is here stays, and a standby may serve, unless nothing is agreed
 * at all, or not for its service (ERR_DENIED): then it may not begin to.
 */
#ifndef TRANSCODER_TIMELINE_GUESTS_H
#define TRANSCODER_TIMELINE_GUESTS_H

#include "transcoder/timeline/board.h"

#include <stddef.h>

#define GUESTS_MAX  128 /* issuers with a limit or with sessions here; twice as many as peers */
#define GUESTS_NONE UINT8_MAX

struct guests_turned_away {
    uint64_t refused; /* one too many, or nothing is agreed */
    uint64_t denied;  /* of a service that is not in the terms */
};

struct guest {
    struct name issuer; /* empty: the row is free */
    uint8_t row;        /* of the board; GUESTS_NONE: as many may come as there is credit */
    enum err refusal;   /* of one too many: ERR_NO_CREDIT, or ERR_DENIED if nothing is agreed */
    uint32_t here;      /* [sessions] standing by, hedging, served */
    uint32_t hot;       /* of these, standbys that send … */
    uint32_t hot_max;   /* … and how many may */
    uint32_t services;  /* as in node_guest_limit */
    struct guests_turned_away turned_away; /* since guests_refused() asked last */
};

struct guests {
    struct board *board; /* the machine's */
    uint32_t worker;     /* whose these are */
    bool telling;        /* on the board; not before what is to be adopted is here */
    uint32_t used;       /* [sessions] at this worker, whosever they are … */
    uint32_t credit;     /* … and how many may be: its part */
    struct node_guest_services services; /* that limits speak of */
    struct guest rows[GUESTS_MAX];       /* a row stays where it is while a session of it is here */
};

/* What a worker is told of a peer whose sessions are bounded. */
struct guest_limit {
    struct name issuer;
    uint8_t row; /* of the board */
    enum err refusal;
    uint32_t services;
    uint32_t hot_max;
};

/* What peerd has allotted to a node, and what its workers have refused because of it. */
struct guests_allotted {
    struct node_guest_limit limits[NODE_GUESTS_MAX];
    uint8_t rows[NODE_GUESTS_MAX]; /* of the board, for the same issuer; kept while it is named */
    bool fresh[NODE_GUESTS_MAX];   /* it was not named before */
    struct guests_turned_away turned_away[NODE_GUESTS_MAX]; /* likewise */
    struct node_guest_services services;
    uint32_t count;
    uint32_t next; /* where a free row is looked for */
};

/* Worker number `worker` of those that share the board, which stays the caller's. */
void guests_init(struct guests *g, struct board *board, uint32_t worker);

/* Whoever was to be adopted is here: from now on the board is told, and newcomers are let in. */
void guests_begin(struct guests *g);

/* From now on these limits hold, and no others. What finds no room is not bounded here. */
void guests_limit_set(struct guests *g, const struct guest_limit *limits, size_t count,
                      const struct node_guest_services *services);

/* The issuer's row, made if need be; GUESTS_NONE if there is no room. A free one is given away
 * before anything else happens, so whoever asks for it counts a session in it at once. */
uint8_t guests_row(struct guests *g, const struct name *issuer);

/* The same without making one. */
uint8_t guests_find(const struct guests *g, const struct name *issuer);

/* So many sessions may be at this worker. */
void guests_credit(struct guests *g, uint32_t credit);

/* Is there a slot for one more of that row, kept or free? `after_one`: if somebody left before, of
 * whom nothing is kept. Whether a bound is reached is another question. */
bool guests_slot(const struct guests *g, uint8_t row, bool after_one);

/* [sessions] for which there are slots that are kept for nobody. */
uint32_t guests_free(const struct guests *g);

/* Would one more of that row have a slot that is kept for it? */
bool guests_keep(const struct guests *g, uint8_t row);

/* Is what those of that row have here theirs, since it was agreed or kept for them? */
bool guests_own(const struct guests *g, uint8_t row);

/* Is anything kept here for anybody, in use or not? */
bool guests_keep_any(const struct guests *g);

/* May one more come, for that service (NULL: any)? Then it is to be counted, or forgone, before
 * anything else happens. Refusals because of a bound are counted. */
enum err guests_admit(struct guests *g, uint8_t row, const struct name *service);

/* It was admitted and does not come. */
void guests_forgo(struct guests *g, uint8_t row);

/* Does no bound forbid one more? */
bool guests_room(const struct guests *g, const struct name *issuer, const struct name *service);

/* Is nothing agreed with it at all, or not for that service? */
bool guests_deny(const struct guests *g, const struct name *issuer, const struct name *service);

/* May one that stands by here begin to serve? Likewise. */
enum err guests_serve(struct guests *g, uint8_t row, const struct name *service);

/* The class of sessions for that service: 0 the most urgent, where nothing was said as well. */
uint8_t guests_priority(const struct guests *g, const struct name *service);

/* The most urgent class that any service has. */
uint8_t guests_first(const struct guests *g);

/* [sessions] of it that may be at this machine; UINT32_MAX: as many as there is credit for. */
uint32_t guests_slots(const struct guests *g, uint8_t row);

/* A session has come (1) or gone (-1), or neither (0). */
void guests_count(struct guests *g, uint8_t row, int change);

/* May one more of that issuer's standbys send? Who does goes on when fewer may. */
bool guests_may_be_hot(const struct guests *g, const struct name *issuer);

/* A standby has begun (1) or ceased (-1) to send. */
void guests_hot(struct guests *g, uint8_t row, int change);

/* [sessions] of that issuer. */
uint32_t guests_here(const struct guests *g, const struct name *issuer);

/* How many of that issuer were refused since this was asked last. */
struct guests_turned_away guests_refused(struct guests *g, const struct name *issuer);

/* ---- the node -------------------------------------------------------------------------------- */

/* peerd has spoken: the board says so, and what was refused to those whom it names again is kept.
 * At most NODE_GUESTS_MAX are. */
void guests_allot(struct guests_allotted *a, struct board *board,
                  const struct node_guest_limit *limits, size_t count,
                  const struct node_guest_services *services);

/* As a worker is told of the limit number `index`. */
struct guest_limit guests_allotted_limit(const struct guests_allotted *a, uint32_t index);

/* A worker has refused so many. */
void guests_allotted_refused(struct guests_allotted *a, const struct name *issuer,
                             struct guests_turned_away more);

#endif
