/*
 * Way home: who left a bad path of its own cluster goes back when that path is well again.
 *
 *         WAY_HOME_SURE packets,            WAY_HOME_WELL, or
 *         WAY_HOME_LOST at most lost        WAY_HOME_AGAIN later
 *    BAD ----------------------------> WELL -----------------> SCOUT
 *     ^                                 |                        | WAY_HOME_SCOUT later,
 *     |                                 |                        v the scout is not back
 *     +---------------------------------+---------------------- OPEN
 *       more is lost, nobody tells for WAY_HOME_FRESH, or somebody had to leave again
 *
 * Nobody of theirs is left at home who could tell, but they hear it themselves: a client that went
 * because its server asked it to, for it fares better elsewhere, counts what becomes of its hellos
 * to its backups, twice a second to the first of them and more rarely to others, and tells that
 * every ten seconds (transcoder/timeline/prober.h). That is both ways together, so it looks worse
 * than what media would lose, and never better.
 *
 * What it says is about paths as they are without the media of these sessions. Whether that was
 * what filled them only a session that goes shows, so a single one goes first, and all others
 * follow at the pace of homing (homing.h), if policy has anybody sent home at all. Who has to leave
 * again within WAY_HOME_CALM closes the way for all of that location: then it has to be well for
 * WAY_HOME_AGAIN, and for twice as long each further time. A client makes four moves that it only
 * gains by within half an hour and would have to stay on a bad path after that (gains.h): with
 * these two nobody is sent home by the fourth. Whoever left to another cluster the second time is
 * bound by its client, which tells nobody of the way then (prober.h).
 *
 * By home and location, WAY_HOME_MAX of them; of more nobody goes. Allocated when the first word
 * comes; a restart forgets.
 */
#ifndef PEERD_CORE_WAY_HOME_H
#define PEERD_CORE_WAY_HOME_H

#include "monitor/level.h"
#include "peerd/base/addr.h"
#include "peerd/base/id.h"

#include <stdbool.h>

#define WAY_HOME_MAX      64
#define WAY_HOME_HALF     duration_s(15)   /* [s] half-life of what is known of a way */
#define WAY_HOME_SURE     12               /* packets, faded, that it stands on at least */
#define WAY_HOME_LOST     200              /* [1/100 %] of these, at most */
#define WAY_HOME_FRESH    duration_s(30)   /* [s] without a word nothing is known */
#define WAY_HOME_WELL     duration_s(45)   /* [s] it is well for so long before anybody goes … */
#define WAY_HOME_AGAIN    duration_s(1800) /* [s] … or so long, when it was in vain */
#define WAY_HOME_SCOUT    duration_s(20)   /* [s] one is at home before others follow */
#define WAY_HOME_CALM     duration_s(1800) /* [s] at home: not in vain */
#define WAY_HOME_VAIN_MAX 3                /* times that are counted: two hours */

struct core;
struct node_trip;
struct peering;
struct session;

struct way_home {
    uint16_t home; /* the peer's number; 0: the place is free */
    struct prefix location;
    struct level lost;         /* [1/100 %] a figure a packet: none or all */
    struct instant heard_at;   /* the newest word */
    struct instant well_since; /* "never" while it is not */
    struct instant scout_at;   /* a scout was asked to go; "never": none was since then */
    struct instant sent_at;    /* the newest that was; "never" if somebody had to leave since */
    struct session_id scout;
    uint8_t in_vain; /* times that somebody had to leave again, less those that it was not so */
};

/* What a client has told of a peer. False: it is not about its way home. */
bool way_home_heard(struct core *core, const struct node_trip *t, const struct peering *to);

/* May that session, which left home for a bad path, go there as far as the path is concerned? */
bool way_home_is_open(const struct core *core, const struct session *s);

/* It has been asked to. */
void way_home_sent(struct core *core, const struct session *s);

/* It is served here since its path from home is bad. */
void way_home_left(struct core *core, const struct session *s);

/* It is a peer no longer, and its number may be another's one day. */
void way_home_forget(struct core *core, const struct peering *home);

void way_home_check_invariants(const struct core *core);

#endif
