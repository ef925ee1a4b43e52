/*
 * The outbox: what the core wants done, in order.
 *
 * The caller owns it, hands it to core_step, carries the intentions out in their order and empties
 * it (outbox_clear) before the next step. Pointers in intentions lead into the core and hold until
 * the next step.
 *
 * It is bounded, and nothing is lost when it is full: an event that calls for an answer puts that
 * answer first, for which an empty outbox always has room; whatever else does not fit stays due,
 * core_deadline says "now", and the next step goes on with it.
 */
#ifndef PEERD_CORE_OUTBOX_H
#define PEERD_CORE_OUTBOX_H

#include "peerd/base/addr.h"
#include "peerd/base/err.h"
#include "peerd/base/time.h"
#include "peerd/policy/policy.h"
#include "peerd/wire/agreement.h"
#include "peerd/wire/api.h"
#include "peerd/wire/beat.h"
#include "peerd/wire/node.h"
#include "peerd/wire/standbys.h"
#include "peerd/wire/ticket.h"

#define CORE_OUTBOX_MAX      64  /* intentions: one beat to each of POLICY_PEERS_MAX peers */
#define CORE_ORDERS_MAX      256 /* orders to one node in flight; the rest waits for a poll */
#define CORE_OPEN_DETAIL_MAX 95  /* [characters] */

enum core_intention_kind {
    CORE_SEND_BEAT,
    CORE_ANSWER_OPEN,
    CORE_ANSWER_NODE,
    CORE_ANSWER_STANDBYS,
    CORE_ANSWER_AGREEMENT,
    CORE_FETCH_DESCRIPTION,
    CORE_LODGE_STANDBYS,
    CORE_SAY_AGREEMENT
};

/* Seal and send. The echo fields are filled: send it in this turn of the loop, or not at all. */
struct core_send_beat {
    uint32_t peer;    /* index in the policy */
    struct addr to;   /* family 0: where the policy says; else answer a node's media-alive there */
    struct beat beat; /* kind media-alive: seal with the key of that node, see beat.node */
};

/* A backup that a client may turn to. */
struct core_backup {
    struct name cluster;
    struct public_key key;
    struct addr media; /* of one of its workers */
};

/* Why a session begins at a peer, see redirect.h. */
enum core_redirect {
    CORE_REDIRECT_NOT, /* it begins here */
    CORE_REDIRECT_DRAINING,
    CORE_REDIRECT_FULL,  /* no room here, or no node of ours that makes it */
    CORE_REDIRECT_BETTER /* the peer is better for the client's location */
};
#define CORE_REDIRECTS 4

/* Answer a session_open. With ERR_OK: sign `ticket` and answer 201. Otherwise a problem. */
struct core_answer_open {
    uint64_t request; /* token of the event */
    enum err err;
    uint32_t retry_after_ms;               /* [ms] 0: do not retry; else with jitter already */
    char detail[CORE_OPEN_DETAIL_MAX + 1]; /* a sentence for people */
    bool repeated;                         /* the idempotency key was known: nothing new was made */
    struct ticket ticket;
    uint32_t epoch;                                 /* the first commit carries it */
    uint32_t lease_ms;                              /* [ms] */
    enum core_redirect redirect;                    /* why not here */
    struct name cluster;                            /* where the session is to be started … */
    struct public_key cluster_key;                  /* … with that key … */
    struct addr media;                              /* … and there */
    struct core_backup backups[TICKET_BACKUPS_MAX]; /* best first, as in the ticket; but the ticket
                                                       of a session that begins at a peer names
                                                       that one first, and not us */
    uint32_t backup_count;
    bool measures; /* the client is to tell how far away the backups are, and these: */
    struct core_backup probes[API_PROBES_MAX]; /* best first, none a backup */
    uint32_t probe_count;
    const struct policy_profile *profile; /* parameters for the answer's `rtp` */
};

/* Answer a node_reported; io adds catalogue, issuers, media-alive keys, limits and self. */
struct core_answer_node {
    uint64_t request; /* token of the event */
    uint32_t node;    /* index in the policy */
    uint64_t seq;     /* of the node's request */
    /* ERR_OK, or else the rest means nothing: ERR_STALE (another boot has taken its place: ask
     * again), ERR_DENIED (it is the second one under this name: ask again after lease_ms). */
    enum err refused;
    bool want_full;
    bool draining;
    struct drain_word drain; /* the operator's newest, to be kept */
    uint32_t lease_ms;       /* [ms] */
    uint32_t poll_ms;        /* [ms] */
    struct node_credit credit;
    const struct node_order *orders; /* rising ids */
    uint32_t order_count;
    const struct node_guest_limit *guests;
    uint32_t guest_count;
    const struct node_named *named;
    uint32_t named_count;
    const struct node_named *told; /* other backups for clients, best first */
    uint32_t told_count;
};

/* Answer a standbys_lodged. */
struct core_answer_standbys {
    uint64_t request;      /* token of the event */
    enum err err;          /* ERR_DENIED: policy takes nothing from this peer */
    uint32_t lease_ms;     /* [ms] */
    const uint32_t *slots; /* set aside for each group, in the event's order */
    uint32_t slot_count;
};

/* GET the peer's description; answer with peer_described or peer_unreachable. */
struct core_fetch_description {
    uint32_t peer; /* index in the policy */
};

/* POST all our groups that count on this peer; answer with standbys_answered or peer_unreachable.
 * At most one in an outbox. */
struct core_lodge_standbys {
    uint32_t peer;                       /* index in the policy */
    uint32_t ttl_ms;                     /* [ms] */
    const struct standbys_group *groups; /* may be none: nothing counts on it any more */
    uint32_t group_count;
};

/* Answer an agreement_heard that asked. */
struct core_answer_agreement {
    uint64_t request;                        /* token of the event */
    enum err err;                            /* ERR_FOREIGN: it is not who it should be, or makes
                                                things up */
    const struct agreement_message *message; /* with ERR_OK */
};

/* POST it to the peer; what it answers is an agreement_heard that asks nothing. If none comes it is
 * said again in time. With an answer to another one, at most one in an outbox. */
struct core_say_agreement {
    uint32_t peer; /* index in the policy */
    const struct agreement_message *message;
};

struct core_intention {
    enum core_intention_kind kind;
    union {
        struct core_send_beat beat;
        struct core_answer_open open;
        struct core_answer_node node;
        struct core_answer_standbys standbys;
        struct core_fetch_description fetch;
        struct core_lodge_standbys lodge;
        struct core_answer_agreement agreement;
        struct core_say_agreement say;
    } u;
};

struct core_outbox {
    uint32_t count;
    struct core_intention items[CORE_OUTBOX_MAX];
};

/* Empties it; also how a fresh one is made. */
void outbox_clear(struct core_outbox *o);

/* The next free item with its kind set and the rest zero, or NULL when full. Of a beat there are no
 * views, no digest and no blocks, and what is in their places is anything: most beats need little
 * of that room. */
struct core_intention *outbox_put(struct core_outbox *o, enum core_intention_kind kind);

#endif
