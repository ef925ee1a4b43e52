/*
 * The core: all decisions of one cluster's peerd, as one machine.
 *
 * Events go in, intentions come out (outbox.h), trace lines tell what happened, queries (status.h)
 * show what it believes. It has no clock, socket, file, thread or randomness of its own: every
 * event carries `now` and the wall time, entropy comes with the event that needs it, jitter from a
 * generator seeded at the start. The daemon, the simulator and the tests differ only in who fills
 * the event and who empties the outbox; the same seed and events give the same intentions.
 *
 * What can happen is the list in `enum core_event_kind`. Which file handles it:
 *   beats, verdicts     peering.c (one peer), witness.c (what others say), rekey.c (other keys)
 *   nodes, credit       nodes.c (registration), credit.c (leasing), orders.c (asking them)
 *   sessions            sessions.c (the table), groups.c, report.c (what a node tells of them)
 *   opening             admission.c (may it?), open.c (where, and with which backups)
 *   moving              move.c (one session), leaving.c (asked to go), drain.c (all of them),
 *                       ledger.c (the record)
 *   standbys            standbys.c
 *   origins             origins.c (of streams; queries: pathways.h)
 *   players             audiences.c (how they fare), making.c (what CPU they cost)
 *   agreements          agreements.c (of all peers), agreement.c (the machine of one)
 *
 * A restart. Nothing is kept on disk; after core_init the core is *recovering* until every node of
 * the policy has registered and told all its sessions, or node_lease has passed. Meanwhile
 *   - beats say so (BEAT_FLAG_RECOVERING), and peers come back by the ordinary proof of life;
 *   - credit: a node is given its fixed share and no more (credit.h), so that leases granted by
 *     the run before and still outstanding cannot add up to more than the capacity;
 *   - opens are served from the nodes that have told all they have, and refused, with a short
 *     Retry-After, only while there is none such;
 *   - a drain goes on: the nodes tell of it, and of its end (drain.h);
 *   - sessions that come with a node's first full list are known, not moved: nothing enters the
 *     ledger and nothing is ordered. Nothing ever moves because of a restart.
 */
#ifndef PEERD_CORE_CORE_H
#define PEERD_CORE_CORE_H

#include "peerd/base/time.h"
#include "peerd/base/trace.h"
#include "peerd/core/journal.h"
#include "peerd/core/outbox.h"
#include "peerd/policy/policy.h"
#include "peerd/wire/agreement.h"
#include "peerd/wire/description.h"
#include "peerd/wire/node.h"
#include "peerd/wire/standbys.h"

#define CORE_ENTROPY_BYTES 32 /* [bytes] a session id, and the numbers of its media legs */

struct core;

struct core_setup {
    const struct policy *policy; /* copied */
    struct public_key self;      /* our cluster's key */
    uint64_t boot;               /* random id of this run, not 0 */
    uint64_t seed;               /* of the generator for jitter */
    struct instant now;
    struct trace *trace;     /* borrowed for the core's life; NULL: nothing is traced */
    struct journal *journal; /* likewise; NULL: nothing is entered */
    uint32_t locations_max;  /* of which it is followed how clients fare; 0: of none */
    void *storage; /* core_size() bytes of zeros that outlive it; NULL: it takes its own */
};

enum core_event_kind {
    CORE_TICK,              /* nothing but time has passed */
    CORE_BEAT_RECEIVED,     /* an authentic beat, of a cluster or of one of its nodes */
    CORE_PEER_DESCRIBED,    /* its description came, and its signature was right */
    CORE_PEER_UNREACHABLE,  /* a fetch or a lodging failed */
    CORE_NODE_REPORTED,     /* a node registered; answered by CORE_ANSWER_NODE */
    CORE_SESSION_OPEN,      /* a client that policy lets in; answered by CORE_ANSWER_OPEN */
    CORE_STANDBYS_LODGED,   /* a peer counts on us; answered by CORE_ANSWER_STANDBYS */
    CORE_STANDBYS_ANSWERED, /* what a peer set aside for us */
    CORE_AGREEMENT_HEARD,   /* what a peer says of an agreement, asked or not */
    CORE_DRAIN,             /* the operator wants the sessions gone */
    CORE_UNDRAIN,           /* … or not any more */
    CORE_MOVE,              /* … or one of them elsewhere; see core_move_refusal */
    CORE_POLICY_CHANGED,    /* peers, nodes and sessions that still make sense are kept */
    CORE_REKEYED,           /* our own key is another one from now on */
    CORE_ORIGIN_CHECKED,    /* a stream of ours was looked at */
    CORE_PLAYER_TOLD,       /* a player says how a stream reaches it */
    CORE_PLAYER_SENT,       /* a player was told to go to another cluster than it is at */
    CORE_PEER_REKEYED       /* a peer has shown that it holds the key that it had announced */
};

struct core_beat_received {
    uint32_t peer;           /* index in the policy */
    struct addr from;        /* where it came from: where a media-alive is answered */
    const struct beat *beat; /* opened */
};

struct core_peer_described {
    uint32_t peer;
    const struct description *description; /* copied; it was signed by the peer's key */
};

struct core_peer_unreachable {
    uint32_t peer;
    bool lodging; /* the lodging failed, not the fetch */
    enum err err;
};

struct core_node_reported {
    uint64_t request; /* any token, comes back in the answer */
    uint32_t node;    /* index in the policy: its key was right */
    const struct node_request *report;
};

struct core_session_open {
    uint64_t request; /* any token, comes back in the answer */
    struct name service;
    struct name profile;
    struct name source;
    struct public_key client;
    enum protection protection;
    uint64_t start_frame; /* position of frame 0 in the source [frames of 20 ms] */
    struct addr from;     /* the client's, for its location */
    bool idempotent;      /* the next field is given */
    uint8_t digest[32];   /* over idempotency key, client key and request, keyed with a secret of
                             ours: the same digest within CORE_IDEMPOTENT_LIFE gets the same
                             answer, and the same session id even after a restart, unless that
                             session is known to be over; the epoch is one more than the last */
    uint8_t entropy[CORE_ENTROPY_BYTES]; /* fresh random, used if not idempotent */
};

struct core_standbys_lodged {
    uint64_t request; /* any token, comes back in the answer */
    uint32_t peer;
    uint32_t ttl_ms; /* [ms] */
    const struct standbys_group *groups;
    uint32_t group_count;
};

struct core_standbys_answered {
    uint32_t peer;
    const uint32_t *slots; /* for each group, in the order of the lodging */
    uint32_t slot_count;
    uint32_t ttl_ms; /* [ms] */
};

struct core_agreement_heard {
    uint64_t request; /* token of one that asks; answered by CORE_ANSWER_AGREEMENT */
    uint32_t peer;    /* whose key it was */
    bool asked;       /* it waits for an answer; else it is one itself */
    const struct agreement_message *message;
};

struct core_drain {
    struct duration deadline; /* zero: as the policy says */
    struct name to;           /* empty: each session's own backups */
};

struct core_move {
    struct session_id session;
    struct name to; /* cluster */
};

struct core_origin_checked {
    uint32_t origin; /* index in the policy */
    enum err err;    /* ERR_OK: it is as it should be */
};

struct core_player_told {
    struct name origin;
    struct name cluster;   /* where it fetches it: one that has it */
    struct addr client;    /* where it is */
    bool live;             /* the stream is */
    uint16_t rating_centi; /* [R/100] monitor/players */
};

struct core_player_sent {
    struct name origin;
    struct name cluster; /* where it goes: the first of the pathways that it was told */
    struct addr client;
};

struct core_peer_rekeyed {
    uint32_t peer;
    struct public_key key;
};

struct core_event {
    enum core_event_kind kind;
    struct instant now; /* never before that of the event before */
    struct wall wall;   /* for tickets only */
    union {
        struct core_beat_received beat;
        struct core_peer_described described;
        struct core_peer_unreachable unreachable;
        struct core_node_reported node;
        struct core_session_open open;
        struct core_standbys_lodged lodged;
        struct core_standbys_answered standbys;
        struct core_agreement_heard agreement;
        struct core_drain drain;
        struct core_move move;
        const struct policy *policy; /* CORE_POLICY_CHANGED; copied */
        struct public_key self;      /* CORE_REKEYED */
        struct core_peer_rekeyed rekeyed;
        struct core_origin_checked checked;
        struct core_player_told player;
        struct core_player_sent sent;
    } u;
};

/* ---- lifecycle ---- */

/* Of a core's own struct: much of it is never touched. Its tables come from malloc in any case. */
size_t core_size(void);

/* Makes a core. NULL if memory is short. The caller gives it back with core_free. */
struct core *core_init(const struct core_setup *setup);
void core_free(struct core *core);

/* ---- step ---- */

/* Takes one event and everything that has become due. `outbox` must be empty. Indices outside the
 * policy are bugs of the caller and are asserted; what beats, nodes, clients and peers say is
 * not: it is counted, traced and dropped. */
void core_step(struct core *core, const struct core_event *event, struct core_outbox *outbox);

/* Hints that a beat of that peer, or an open, is going to be a step's event soon, so that what it
 * needs is near the processor by then: first core_foresee(), a microsecond later one of the others.
 * Nothing follows from them. */
void core_foresee(const struct core *core, uint32_t peer);
void core_foresee_beat(const struct core *core, uint32_t peer);
void core_foresee_open(const struct core *core);

/* When core_step wants to be called at the latest, with CORE_TICK if nothing else happens. A step
 * that comes later than this by more than CORE_STALL_MIN is taken as a sign that this process did
 * not run, and silence of peers in that time is not held against them. */
struct instant core_deadline(const struct core *core);

/* Asserts everything that must be true between steps; slow (all sessions), for tests. */
void core_check_invariants(const struct core *core);

/* ---- constants ---- */

#define CORE_STALL_MIN       duration_ms(30) /* [ms] more than a loaded event loop is ever late */
#define CORE_IDEMPOTENT_LIFE duration_s(60)  /* [s] any client has given up by then */
#define CORE_IDEMPOTENT_MAX                                                                        \
    1024 /* answers remembered; the oldest goes, which costs only `repeated` */
#define CORE_STANDBYS_MAX 1024 /* groups lodged with us by all peers; the rest gets no slots */
#define CORE_STANDBYS_TTL duration_s(30)

#endif
