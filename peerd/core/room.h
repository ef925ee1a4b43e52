/*
 * Room: how many sessions of ours a peer can take, by its own word, asked before anybody is sent.
 *
 *     its beats tell      room R, standing S          (wire/room.h)
 *     on their way        asked to go there, A; gone there within ROOM_TOLD, G: not in R and S yet
 *     left                for whose group is lodged there   R + S - A - G
 *                         for whoever else                  R     - A - G
 *
 * A drain, a wish, a wave and a way home choose among those with something left, so that sessions
 * are spread by what there is, and nobody is sent where he would be refused; who finds nobody waits
 * where he is served. Of those lodged with a peer it is not known which stand by there (a cold one
 * does not), so the last of them may be refused after all, and then is as one whom a stale word has
 * misled: a drain's client turns to its next backup by itself. Of another cluster's tickets nothing
 * is said: what is kept and agreed is its own.
 *
 * What we say to a peer: the slots that are free, less what is kept for others, and those of
 * standbys whose sessions others serve (promises.h), which give way to who leaves it or misses it;
 * of one with whom something is agreed no more than that. While we recover, and where services are
 * of several classes (a more urgent session takes a standby's slot, so that full is not full for
 * all), nothing is said. Who says nothing, as older versions do, is asked as if it had room for
 * all.
 */
#ifndef PEERD_CORE_ROOM_H
#define PEERD_CORE_ROOM_H

#include "peerd/base/id.h"
#include "peerd/base/time.h"
#include "peerd/wire/room.h"

#include <stdbool.h>
#include <stdint.h>

#define ROOM_TOLD       duration_s(1) /* [s] who has gone is in the peer's word by then */
#define ROOM_GONE_PART  duration_ms(250)
#define ROOM_GONE_PARTS 4
#define ROOM_ANY        UINT32_MAX /* [sessions] nothing is known */

struct beat;
struct core;
struct peering;
struct session;

/* Of one peer. */
struct room {
    bool known;                     /* by a beat of this run of it */
    struct room_word word;          /* the newest */
    uint32_t asked;                 /* [sessions] ours that are asked to go there */
    uint32_t gone[ROOM_GONE_PARTS]; /* [sessions] ours that went there, newest part first … */
    struct instant gone_from;       /* … which began then */
};

/* Into a beat to that peer; and from one. */
void room_fill(const struct core *core, const struct peering *to, struct beat *beat);
void room_heard(struct core *core, struct peering *p, const struct beat *beat);

/* [sessions] such as this one that may be sent there now; ROOM_ANY. */
uint32_t room_left(const struct core *core, const struct session *s, const struct peering *p);

/* Has it said that it can take none of ours at all? */
bool room_is_out(const struct peering *p);

/* A session of ours is asked to go to that cluster, is asked no more, or has gone. */
void room_asked(struct core *core, const struct name *to);
void room_unasked(struct core *core, const struct name *to);
void room_gone(struct core *core, const struct name *to);

#endif
