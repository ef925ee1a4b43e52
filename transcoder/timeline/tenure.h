/*
 * Tenure: which sessions a worker holds, by what right, and until when.
 *
 *            standby                       hedge                    until reached, cancel
 *   (none) ----------> STANDBY ------------------------> HEDGING -------------------------> STANDBY
 *     |                   |  ^ standby of a newer epoch    |   (or ENDED if it had no standby)
 *     |  commit           |  +-------------------------+   |
 *     |                   | commit                     |   | commit
 *     +-------------------+-----------> SERVING -------+<--+
 *     |  hedge                             |
 *     +---------> HEDGING                  | release, lease over, source ended, move overdue
 *                                          v
 *    any ---- release, lease over ----> ENDED ---- TENURE_TOMB_MS ----> (none)
 *
 *   (none), STANDBY, HEDGING, SERVING (newer epoch) ---- hot standby ----> HOT
 *   HOT ---- commit ----> SERVING      HOT ---- standby ----> STANDBY
 *
 * HOT is a standby that sends: every frame from the one that was live when it was asked for, by the
 * listener's clock as its reports tell it, without the right to serve and without an epoch. Reports
 * renew it as they renew a session that is served, for no longer than that; so where a client is
 * gone both end. It holds the slot of credit that a standby holds, and of those slots only
 * `hot_max` may send at a time: one more is refused with ERR_BUDGET, and may stand by silently.
 *
 * Epochs fence: the client alone assigns them, and what comes under an older one than the newest
 * seen is refused as stale. An equal one is idempotent. Counters refuse replays. Both survive the
 * session as a tombstone for longer than any cookie is good for, so that a recorded resume revives
 * nothing.
 *
 * Credit {slots, until} is leased by peerd. A standby sets a slot aside, a commit spends it, a
 * hedge uses its standby's or takes one for its short life; the sum never exceeds what is leased.
 * When the credit's lease is over nothing new is admitted, and what was admitted goes on under its
 * own lease: a dead peerd blocks nothing at once and everything in the end. Sessions of other
 * clusters' tickets are counted by issuer, and bounded where peerd has said so (guests.h). How many
 * of each cluster's may begin to send at once is bounded by what this machine can do (window.h):
 * the worker says when a session's first frame has gone out, and when frames of others are late.
 * Who comes first when slots are few, and which standbys and hedges end for it, is said in
 * tenure_admit.c.
 *
 * The worker verifies cookie, ticket and signature before it tells tenure; it keeps its own state a
 * session in an array by the same slot number. The simulator uses tenure just so.
 */
#ifndef TRANSCODER_TIMELINE_TENURE_H
#define TRANSCODER_TIMELINE_TENURE_H

#include "peerd/base/err.h"
#include "peerd/base/id.h"
#include "peerd/base/trace.h"
#include "peerd/wire/message.h"
#include "transcoder/timeline/budget.h"
#include "transcoder/timeline/due.h"
#include "transcoder/timeline/guests.h"
#include "transcoder/timeline/owners.h"
#include "transcoder/timeline/position.h"
#include "transcoder/timeline/rush.h"
#include "transcoder/timeline/window.h"

#define TENURE_TOMB_MS      90000 /* [ms] a cookie is good for at most 60 s */
#define TENURE_NOTICE_MS    100   /* [ms] first repetition of a notice; doubles up to 1 s */
#define TENURE_OUT_MAX      16    /* intentions that one event can cause */
#define TENURE_SLOT_NONE    UINT32_MAX
#define TENURE_PRIORITIES   8    /* classes */
#define TENURE_END_AFTER_MS 5000 /* [ms] an end is repeated for so long if nobody sees it */

enum tenure_state {
    TENURE_FREE,    /* the slot holds no session */
    TENURE_STANDBY, /* prepared: a slot of credit is set aside */
    TENURE_HOT,     /* that, and sending: the receiver takes the first of each frame */
    TENURE_HEDGING, /* sending for a short while, no right to serve */
    TENURE_SERVING, /* sending, under `epoch` */
    TENURE_ENDED    /* tombstone: fences epoch and counter only */
};

struct tenure_config {
    struct duration session_lease; /* a report renews it */
    struct duration standby_lease; /* another standby resume renews it; a hot one has the other */
    uint32_t hedge_ms_max;         /* [ms] longest hedge granted at a time */
    uint32_t hedges_per_minute;    /* per session, extensions included */
    uint32_t hot_max;              /* hot standbys at a time */
    uint32_t retry_ms;          /* [ms] least Retry-After of refusals for want of credit or room */
    uint32_t retry_draining_ms; /* [ms] the least while draining */
    uint32_t notices_from;      /* a session's first has the number after: see below */
};

/* Numbers of notices grow although a worker is started anew and takes its sessions over: a client
 * heeds none that it has seen. Tenths of a second of the machine's own clock grow faster, and fit
 * for thirteen years. */
static inline uint32_t tenure_notices_from(struct instant now) {
    return (uint32_t)(now.us / 100000);
}

struct tenure_notice {
    uint32_t number; /* 0: none */
    enum notice_what what;
    enum err error;
    uint64_t end; /* with NOTICE_END: one past the last frame; FRAME_NEVER unknown */
    struct key_hint target;
    enum move_cause cause;   /* with NOTICE_MOVE */
    bool only;               /* with NOTICE_MOVE: there or nowhere */
    struct instant deadline; /* with NOTICE_MOVE */
    struct instant again;    /* when it is repeated; "never" once seen */
    struct duration every;   /* until the repetition after that */
};

struct tenure_session {
    enum tenure_state state;
    struct session_id id;
    uint32_t epoch;   /* newest epoch seen: the fence */
    uint64_t counter; /* highest counter seen */
    bool released;    /* the client is served elsewhere under `epoch`: only a newer one commits */
    bool standby;     /* a slot of credit is set aside, also while hedging */
    bool sending;     /* media was started and not stopped */
    bool resting;     /* see tenure_rest() */
    uint8_t guest;    /* row of its issuer while it is here; GUESTS_NONE: not counted */
    uint8_t window;   /* row of its issuer until its first frame is out; WINDOW_NONE */
    uint8_t priority; /* class of its service */
    uint8_t owner;    /* row of its server while it stands by; OWNERS_NONE: it is not counted */
    struct instant since; /* of the state */
    struct instant lease; /* end of the lease; of a tombstone: when it is forgotten */
    struct instant hedge; /* end of the hedge; "never" if none */
    struct budget hedges; /* what is left of its hedges */
    struct tenure_notice notice;
    uint32_t notice_number;    /* last number given */
    uint64_t last_frame;       /* from the newest report */
    struct key_hint served_by; /* before it came here; of a standby, now */
    enum move_cause cause;     /* why it came here */
    uint32_t next_free;        /* of a free slot: the next one */
};

struct tenure {
    struct tenure_config config;
    struct tenure_session *sessions; /* caller-owned */
    uint32_t capacity;
    struct rush rush; /* of those who are refused */
    struct windows windows;
    uint32_t standing[TENURE_PRIORITIES]; /* standbys a class … */
    uint32_t hedging[TENURE_PRIORITIES];  /* … and hedges */
    struct owners owners;                 /* who serves those standbys */
    uint8_t short_class;                  /* one of that class, who was missed, found no slot … */
    struct instant short_until;           /* … so until then less urgent ones find none */
    uint64_t displaced;                   /* who gave way to a newcomer */
    struct due due;                       /* by slot */
    uint32_t *index;       /* caller-owned hash index, tenure_index_count(capacity) numbers */
    uint32_t index_count;  /* a power of two */
    uint32_t first_free;   /* TENURE_SLOT_NONE: no slot was never used or forgotten */
    uint32_t credit_slots; /* leased */
    struct instant credit_until;
    uint32_t credit_ceiling; /* above credit_slots only until sessions have shrunk with them */
    uint32_t credit_used;    /* standbys, hedges without standby, and sessions served */
    struct guests *guests;   /* caller-owned; NULL: issuers are not told apart */
    bool draining;
    uint32_t counts[TENURE_ENDED + 1]; /* sessions a state */
    uint64_t replayed;                 /* messages dropped: counter seen before */
    uint64_t stale;                    /* messages refused: overtaken epoch */
    uint64_t refused;                  /* refusals of any kind */
};

enum tenure_event_kind {
    TENURE_RESUME_RECEIVED, /* verified: cookie, ticket, signature, source in the catalogue */
    TENURE_REPORT_RECEIVED, /* verified */
    TENURE_CREDIT_LEASED,   /* from peerd */
    TENURE_DRAIN_CHANGED,   /* from peerd or the operator */
    TENURE_MOVE_ORDERED,    /* from peerd: this session should move to `target` */
    TENURE_SOURCE_STOPPED,  /* from the media part: ended, failed; all that exists has been sent */
    TENURE_MEDIA_BEGUN,     /* likewise: the first frame since TENURE_MEDIA_START is on the wire */
    TENURE_FELL_BEHIND,     /* likewise: frames of sessions that are served go out too late */
    TENURE_TICKED           /* the deadline was reached */
};

struct tenure_event {
    enum tenure_event_kind kind;
    struct instant now;
    const struct name *issuer;  /* RESUME_RECEIVED: who signed its ticket; NULL: ourselves */
    const struct name *service; /* likewise: what it is for; NULL: any */
    uint8_t priority;           /* RESUME_RECEIVED: class of that service, 0 the most urgent */
    bool unready;               /* RESUME_RECEIVED: nothing is at hand for it; there was no room */
    bool adopted;               /* RESUME_RECEIVED: it was here before its worker was replaced */
    union {
        const struct message_resume
            *resume; /* borrowed for the step; the ticket is not looked at */
        const struct message_report *report; /* borrowed for the step */
        struct {
            uint32_t slots;
            struct instant until;
        } credit;
        bool draining;
        struct {
            struct session_id session;
            struct key_hint target;
            enum move_cause cause;
            struct duration deadline; /* from now */
            bool only;                /* there or nowhere */
        } move;
        struct {
            struct session_id session;
            enum err error; /* ERR_SOURCE_ENDED, ERR_SOURCE_FAILED, … */
            uint64_t end;   /* one past the last frame that was to be sent; FRAME_NEVER unknown */
        } source;
        struct {
            uint32_t slot;
            struct instant asked; /* when TENURE_MEDIA_START came */
        } begun;
    } u;
};

enum tenure_out_kind {
    TENURE_GRANT,        /* answer; the worker adds mergeable_from, determinism and nonce */
    TENURE_REFUSE,       /* answer */
    TENURE_ACK,          /* answer to a report, which pace_follow() is to hear of */
    TENURE_PREPARE,      /* a new session: the worker sets up its own part, slot by number */
    TENURE_MEDIA_START,  /* pre-roll, then pace_start(from, live, held); any former run is over */
    TENURE_MEDIA_REPAIR, /* already sending: pace_repair(from, held) */
    TENURE_MEDIA_STOP,   /* stop sending; keep the session prepared */
    TENURE_NOTICE,       /* tell the client */
    TENURE_FORGET        /* the session is over: free all it had, at once */
};

struct tenure_out {
    enum tenure_out_kind kind;
    uint32_t slot; /* TENURE_SLOT_NONE with refusals of sessions that are not held */
    struct session_id session;
    enum resume_purpose purpose;  /* GRANT, REFUSE */
    uint32_t epoch;               /* GRANT, ACK */
    uint64_t counter;             /* GRANT, REFUSE, ACK: of the question */
    uint32_t lease_ms;            /* [ms] GRANT, ACK */
    enum err error;               /* REFUSE, FORGET (why), NOTICE */
    uint32_t retry_after_ms;      /* [ms] REFUSE */
    bool unasked;                 /* REFUSE: to that session's client, not to who asked just now */
    int32_t lag_us;               /* [µs] ACK: of the report */
    uint64_t from;                /* GRANT (start_frame), MEDIA_START, MEDIA_REPAIR */
    uint64_t live;                /* MEDIA_START, MEDIA_REPAIR */
    uint8_t held[HELD_BITS / 8];  /* MEDIA_START, MEDIA_REPAIR */
    struct instant until;         /* MEDIA_START, MEDIA_REPAIR: tenure stops it then by itself */
    struct message_notice notice; /* NOTICE, complete */
};

struct tenure_outbox {
    struct tenure_out items[TENURE_OUT_MAX];
    uint32_t count;
    struct trace *trace; /* may be NULL */
};

/* Numbers that the index needs for `capacity` sessions. */
uint32_t tenure_index_count(uint32_t capacity);

/* All storage is the caller's: `capacity` sessions, as many due entries, the index. */
void tenure_init(struct tenure *t, const struct tenure_config *config,
                 struct tenure_session *sessions, struct due_entry *due, uint32_t *index,
                 uint32_t capacity);

/* Goes on in larger storage: the first entries of `sessions` and `due` hold what the old arrays
 * held, `index` is fresh. Slots keep their numbers. For who would rather not set aside room for all
 * the sessions that may ever come. */
void tenure_grow(struct tenure *t, struct tenure_session *sessions, struct due_entry *due,
                 uint32_t *index, uint32_t capacity);

/* The session is renewed again and again and nothing else happens to it, so its owner does not say
 * so each time: its lease stands still until tenure_wake(), before any other event concerns it. For
 * a simulator; only while no notice is out and no hedge runs. */
void tenure_rest(struct tenure *t, uint32_t slot);

/* And goes on, as the newest message before now has left it: its counter, and the lease until
 * when; of a session served also the newest frame reported. */
void tenure_wake(struct tenure *t, uint32_t slot, uint64_t counter, uint64_t last_frame,
                 struct instant lease);

/* True if a session more would cost a tombstone, or find no room. */
bool tenure_is_full(const struct tenure *t);

/* Empties `out` (but its trace), then handles the event. A tick handles one session: call again
 * until tenure_deadline() lies ahead. */
void tenure_step(struct tenure *t, const struct tenure_event *e, struct tenure_outbox *out);

struct instant tenure_deadline(const struct tenure *t);
void tenure_check_invariants(const struct tenure *t);

/* Slot of a session that is held or remembered, TENURE_SLOT_NONE otherwise. Its key and addresses
 * stand in the worker's own array. */
uint32_t tenure_find(const struct tenure *t, const struct session_id *id);

/* [ms] after which whoever asked that may ask again, having been refused for that reason; 0 if
 * waiting changes nothing. For what a caller refuses by itself: who has not proved who he is makes
 * nobody else wait longer. */
uint32_t tenure_retry_ms(struct tenure *t, const struct message_resume *m, enum err error,
                         struct instant now);

/* Hints for who has many of these: a message of that session comes soon. First tenure_foresee(), a
 * microsecond later tenure_foreseen(), which guesses its slot (TENURE_SLOT_NONE: it is not held).
 * Nothing follows from them. */
void tenure_foresee(const struct tenure *t, const struct session_id *id);
uint32_t tenure_foreseen(const struct tenure *t, const struct session_id *id);

/* For reports to peerd: walk slots 0 … capacity−1; NULL where nothing is held (tombstones too). */
const struct tenure_session *tenure_session_at(const struct tenure *t, uint32_t slot);

/* For reports to peerd, of a session that is held: what it is here for, as the resume that brought
 * it there said, and the rest of its lease or hedge [ms], at most ms_max. */
enum resume_purpose tenure_purpose(const struct tenure_session *s);
uint32_t tenure_lease_ms(const struct tenure_session *s, struct instant now, uint32_t ms_max);

/* May there be a slot for a newcomer of that class, perhaps one of who gives way? For who would not
 * open a source in vain. */
bool tenure_has_room(const struct tenure *t, const struct message_resume *m,
                     const struct name *issuer, const struct name *service, uint8_t priority,
                     struct instant now);

/* Nobody with tickets of that issuer (NULL: ourselves, or unknown) finds a slot here, and a crowd
 * tries: a newcomer is turned away before its ticket and signature are looked at, since two
 * verifications for each of thousands would take the time of those who are served. Counted, and to
 * come again as if it had been refused. Who claims another's name to be looked at gains nothing. */
bool tenure_turns_away(struct tenure *t, const struct message_resume *m, const struct name *issuer,
                       struct instant now);

/* Would a newcomer with a ticket of that issuer (NULL: ourselves) find a slot, if no bound forbids
 * it (guests_room)? */
bool tenure_slot_for(const struct tenure *t, const struct name *issuer, struct instant now);

/* The slot of the standby or hedge that would give way if that resume came now; TENURE_SLOT_NONE:
 * none. */
uint32_t tenure_gives_way(const struct tenure *t, const struct tenure_event *e);

/* Slots of credit that any newcomer could have now, kept for nobody: for cookies and status. */
uint32_t tenure_free(const struct tenure *t, struct instant now);

const char *tenure_state_name(enum tenure_state s);

#endif
