/*
 * Nodes: the machines of workers that registered, each by a lease that it renews by polling.
 *
 * A node of the policy has a record from the start. It is *registered* while its lease runs and
 * *complete* once it has told all its sessions since it registered. When the lease ends its
 * sessions leave the table: they may well live on, but we know no more of them; they are back with
 * its next full report.
 *
 * A supervisor that was started anew has a new boot id and takes the place of the one before at
 * once. If that one goes on reporting, there are two under one name and key: the first stays, and
 * the second is refused for as long as the first one's lease runs.
 */
#ifndef PEERD_CORE_NODES_H
#define PEERD_CORE_NODES_H

#include "peerd/core/allotment.h"
#include "peerd/core/credit.h"
#include "peerd/core/list.h"
#include "peerd/core/load.h"
#include "peerd/core/orders.h"
#include "peerd/core/outbox.h"
#include "peerd/core/replan.h"
#include "peerd/policy/policy.h"
#include "peerd/wire/node.h"

struct core;
struct core_event;
struct session;

/* A divergence that a full report did not cure is not asked about with every poll. */
#define NODE_FULL_AGAIN duration_s(1)

struct node {
    struct policy_node policy;
    uint32_t index; /* in the policy */
    bool registered;
    bool complete;
    bool want_full;
    uint64_t boot;
    uint64_t former;       /* boot whose place this one took while it was registered; 0: none */
    uint32_t former_heard; /* reports of it since then: one may have been on its way as it died */
    uint64_t twin; /* boot of the second one, refused while this one is registered; 0: none */
    uint64_t seq;  /* highest request seen of this boot */
    struct instant heard;
    struct instant lease; /* "never" unless registered */
    struct instant full_asked;
    struct credit credit;
    struct load load;
    struct allotments allotments; /* of slots to peers' sessions; none unless registered */
    struct orders orders;
    struct set_digest digest; /* of the sessions in our table, as the node counts them */
    uint32_t mark;            /* of its newest full report */
    struct list sessions;
    struct list waiting;       /* those that are to leave and have not been asked to, see drain.h */
    struct replan_pass replan; /* over them */
    uint32_t used;             /* sessions in any state, by state and by worker: */
    uint32_t used_by_state[4]; /* enum session_state */
    uint32_t used_by_worker[NODE_WORKERS_MAX];
    uint32_t media_count;
    struct addr media[NODE_WORKERS_MAX];
    struct node_worker workers[NODE_WORKERS_MAX]; /* by index; pid 0: not running */
    uint32_t profile_count;
    struct node_profile profiles[NODE_PROFILES_MAX];
    uint32_t source_count;
    struct node_source *sources; /* owned */
    uint32_t start_count;
    struct node_starts *starts; /* owned: how sessions begin there, for who looks on */
    struct node_making making;  /* of streams; its list is owned */
};

struct node *node_new(const struct policy_node *policy, uint32_t index);

/* Its sessions must be gone. Accepts NULL. */
void node_free(struct node *n);

/* The source and profile as this node has them; NULL where it cannot serve them. */
const struct node_source *node_source_find(const struct node *n, const struct name *name);
const struct node_profile *node_profile_find(const struct node *n, const struct name *name);

/* Free slots of its running workers, and the worker with most of them (UINT32_MAX for none). */
uint32_t node_free_slots(const struct node *n);
uint32_t node_worker_pick(const struct node *n);

/* … and of these such as it keeps for no peer. */
uint32_t node_open_slots(const struct core *core, const struct node *n);

/* CORE_NODE_REPORTED. */
void node_reported(struct core *core, const struct core_event *event, struct core_outbox *outbox);

/* Ends leases that are over. */
void nodes_expire(struct core *core);
struct instant nodes_deadline(const struct core *core);

/* Takes a node out of sight: its sessions leave the table. */
void node_lost(struct core *core, struct node *n, const char *why);

void nodes_check_invariants(const struct core *core);

#endif
