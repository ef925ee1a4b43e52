/*
 * Sessions: the table of everything that runs, stands by or was just opened in this cluster.
 *
 * One record a session id, in at most limits.sessions_max records; beyond that new ones are
 * refused and counted, and what a node runs without our knowing it is still limited by its credit.
 * A record belongs to one node and worker: the committed lease-holder if there is one. All figures
 * that depend on sessions are kept here, as they enter, change and leave.
 */
#ifndef PEERD_CORE_SESSIONS_H
#define PEERD_CORE_SESSIONS_H

#include "peerd/core/groups.h"
#include "peerd/core/list.h"
#include "peerd/core/status.h"
#include "peerd/wire/node.h"

struct core;
struct node;

struct session {
    struct chained chained;
    struct session_id id;
    enum session_state state;
    uint32_t epoch;
    struct group *group;
    struct node *node;
    uint32_t worker;
    uint32_t slot;            /* in the table, for cursors */
    uint32_t mark;            /* of the full report that told it last */
    uint32_t profile, source; /* names, interned */
    uint32_t came_s;          /* [s] when it came to be served here (core_second) … */
    uint32_t homed_s;         /* [s] when it was sent home last; see homing.h … */
    int64_t expires_s;        /* [s] since the Unix epoch */
    struct addr client;
    struct instant since;
    struct instant renewed;
    uint64_t last_frame;
    uint32_t expected, lost_before, lost_after; /* [frames] */
    uint32_t rtt_us, jitter_us;                 /* [µs] */
    uint16_t came_from;                         /* number of the peer (newcomers.h), or 0 */
    uint16_t owner;       /* standing by: number of the peer that serves it, 0 unknown */
    uint8_t came_cause;   /* … and why, see homing.h */
    uint8_t homed;        /* … so often in vain of late */
    bool hot;             /* a standby that sends, too */
    bool found;           /* it was served here before we were started */
    uint16_t fares_centi; /* [R/100] of its reports lately; 0: none yet */
    struct ail *ail;      /* owned; NULL: it loses nothing (ailing.h) */
    struct move *move;    /* owned; NULL: not moving */
    struct link at_node;  /* on node->sessions */
    struct link queued;   /* on the list that `queue` names */
    struct list *queue;   /* opened, waiting to leave, or leaving; or NULL */
};

struct sessions {
    struct chains by_id;
    struct session **slots; /* grows up to the maximum; NULL where free */
    uint32_t slot_count;    /* used or free for reuse */
    uint32_t slot_room;     /* allocated */
    uint32_t *free_slots;   /* a stack, as large as `slots` */
    uint32_t free_count;
    uint32_t count;
    uint32_t by_state[4]; /* enum session_state */
    uint32_t hot;         /* standbys that send */
    struct list opened;   /* oldest first: they all wait equally long */
};

void sessions_init(struct sessions *t);
void sessions_free(struct core *core);

struct session *session_find(const struct core *core, const struct session_id *id);

/* What a new record needs to know. */
struct session_birth {
    const struct session_id *id;
    enum session_state state;
    uint32_t epoch;
    struct group_about about;
    struct node *node;
    uint32_t worker;
    const struct name *profile;
    const struct name *source;
};

/* ERR_FULL at the configured maximum, ERR_NO_MEMORY; the record otherwise in `out`. */
enum err session_add(struct core *core, const struct session_birth *birth, struct session **out);
void session_remove(struct core *core, struct session *s);

/* The one place where state, epoch and lease-holder of a record change, with all that counts
 * them. The epoch never goes back. */
void session_set(struct core *core, struct session *s, enum session_state state, uint32_t epoch,
                 struct node *node, uint32_t worker);

/* Its client goes by other backups: it is of another group from now on. */
void session_regroup(struct core *core, struct session *s, const struct group_about *about);

/* Puts it on a queue, or (NULL) on none. */
void session_queue(struct session *s, struct list *queue);

/* Drops what was opened and never started. */
void sessions_expire_opened(struct core *core);
struct instant sessions_deadline(const struct core *core);

void sessions_check_invariants(const struct core *core);

#endif
