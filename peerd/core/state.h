/*
 * The core's own struct: every part of it, for the files of this folder only.
 */
#ifndef PEERD_CORE_STATE_H
#define PEERD_CORE_STATE_H

#include "peerd/base/rng.h"
#include "peerd/core/admission.h"
#include "peerd/core/agreements.h"
#include "peerd/core/ailing.h"
#include "peerd/core/audiences.h"
#include "peerd/core/canary.h"
#include "peerd/core/causes.h"
#include "peerd/core/coords.h"
#include "peerd/core/core.h"
#include "peerd/core/counterpart.h"
#include "peerd/core/credit.h"
#include "peerd/core/descriptions.h"
#include "peerd/core/drain.h"
#include "peerd/core/fares.h"
#include "peerd/core/gains.h"
#include "peerd/core/groups.h"
#include "peerd/core/homing.h"
#include "peerd/core/leaving.h"
#include "peerd/core/ledger.h"
#include "peerd/core/making.h"
#include "peerd/core/memories.h"
#include "peerd/core/newcomers.h"
#include "peerd/core/nodes.h"
#include "peerd/core/open.h"
#include "peerd/core/origins.h"
#include "peerd/core/peering.h"
#include "peerd/core/promises.h"
#include "peerd/core/replan.h"
#include "peerd/core/sessions.h"
#include "peerd/core/standbys.h"
#include "peerd/core/status.h"
#include "peerd/core/wishes.h"

/* It is large, and of most of it only a little is ever touched. What every step looks at lies
 * together, from the end of the policy to the beginning of the ledger. */
struct core {
    struct policy policy;

    struct instant now; /* of the step under way */
    struct wall wall;
    struct instant started;
    struct instant promised; /* core_deadline at the end of the step before … */
    bool stepped;            /* … if there was one */
    bool recovering;
    bool lent; /* this storage is */
    uint32_t peer_count;
    uint32_t node_count;
    uint32_t suspects;      /* peers that are suspected now */
    struct instant stalled; /* when we came back from our own last absence; the start for none */
    struct sessions sessions;
    struct drain drain;
    struct leaving leaving;
    struct wishes wishes;
    struct ailing ailing;
    struct homing homing;
    struct replan replan;
    struct causes causes;
    struct gains gains;
    struct standbys_scratch standbys;
    struct core_counters counters;
    struct peering_face faces[POLICY_PEERS_MAX]; /* by index in the policy */
    struct peering *peers[POLICY_PEERS_MAX];     /* likewise */
    struct node *nodes[POLICY_NODES_MAX];        /* likewise */
    struct groups groups;
    struct interns interns;                     /* of sessions, groups and memories */
    uint32_t service_used[POLICY_SERVICES_MAX]; /* sessions in any state, by service */
    struct admission admission;
    struct memories memories;
    struct fares fares;
    struct coords *coords;             /* owned; NULL until used */
    struct canaries *canaries;         /* likewise */
    struct instant judged_at;          /* how clients hear others is looked at again */
    struct way_home *ways_home;        /* likewise, WAY_HOME_MAX */
    struct newcomers *newcomers;       /* likewise */
    struct counterparts *counterparts; /* likewise */
    struct audiences *audiences;       /* likewise */
    struct makings *makings;           /* likewise */
    struct rng rng;
    struct trace *trace;
    struct journal *journal;
    struct name name; /* of this cluster */
    struct public_key self;
    struct key_hint former_hint; /* of our key before; all zero: none */
    struct rank_place place;
    uint64_t boot;           /* of this run */
    uint64_t boots;          /* given to echoes so far */
    uint16_t peering_number; /* given last */
    struct ledger ledger;

    struct credit_orphan orphans[POLICY_NODES_MAX];
    struct own_description own;
    struct agreements agreements;
    struct origins origins;
    struct node_order orders[CORE_ORDERS_MAX];       /* of the answer in this step's outbox */
    struct node_guest_limit guests[NODE_GUESTS_MAX]; /* likewise */
};

/* One line, with the cluster's name in front: who speaks matters where several write one log. */
#define core_trace(core, format, ...)                                                              \
    trace_linef((core)->trace, (core)->now, "%s " format, (core)->name.text, __VA_ARGS__)

/* A boot id for an echo of its own: never 0 and never the same twice in a run, so that neither a
 * number nor a recording from before a peer was forgotten means anything to its new echo. */
uint64_t core_new_boot(struct core *core);

/* [s] since the start, counted from 1: 0 stands for never. */
static inline uint32_t core_second(const struct core *core) {
    return (uint32_t)(instant_since(core->now, core->started).us / 1000000 + 1);
}

/* Free slots under the credit granted, less all that is in use or was just opened. */
uint32_t core_free_slots(const struct core *core);

/* Sums over registered nodes. */
uint32_t core_credit_granted(const struct core *core);

#endif
