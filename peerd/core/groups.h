/*
 * Groups: sessions that share issuer, service, location of the client and backups.
 *
 * Whatever concerns many sessions (standbys, plans, comparisons) is done by group, so that its
 * cost follows the number of places and not of listeners. A group lives as long as a session is in
 * it. Its digest covers the committed ones, under their current epochs.
 */
#ifndef PEERD_CORE_GROUPS_H
#define PEERD_CORE_GROUPS_H

#include "peerd/base/addr.h"
#include "peerd/base/id.h"
#include "peerd/base/interned.h"
#include "peerd/core/list.h"
#include "peerd/wire/set_digest.h"
#include "peerd/wire/ticket.h"

struct core;
struct peering;
struct standbys_group;

/* What a group's sessions share, as a ticket says it. */
struct group_about {
    const struct name *issuer;
    const struct name *service;
    const struct name *backups;
    uint8_t backup_count;
    struct prefix location; /* of the client */
};

/* The same in short; names are interned. All bytes count, there is no padding. */
struct group_key {
    uint32_t issuer;
    uint32_t service;
    uint32_t backups[TICKET_BACKUPS_MAX];
    uint8_t location[18]; /* family, bits, address */
    uint8_t backup_count;
    uint8_t nothing;
};

struct group {
    struct chained chained;
    struct link all; /* on core->groups.all, oldest first */
    struct group_key key;
    uint32_t members;         /* sessions in any state */
    uint32_t committed;       /* of them */
    struct set_digest digest; /* of the committed */
    int32_t service_index;    /* in the policy; -1: not offered any more */
    struct peering *issuer;   /* NULL: ourselves, or nobody we know */
    struct peering *backup;   /* with whom it is lodged: the first usable; NULL for none */
    struct link lodged;       /* on backup->groups */
    struct link displaced;    /* on core->groups.displaced: not lodged with its first choice, or
                                 that one is damped */
    uint32_t replan_stamp;    /* of the newest look (replan.h) … */
    bool replan_needed;       /* … and what it found */
};

struct groups {
    struct chains by_key;
    struct list all;
    struct list displaced;
};

void groups_init(struct groups *t);

/* Once every session is gone. */
void groups_free(struct groups *t);

/* Finds or makes the group and counts one member more; NULL if memory is short. */
struct group *group_join(struct core *core, const struct group_about *about);

/* One member less; the last one takes the group along. */
void group_leave(struct core *core, struct group *g);

/* A member has been committed, ceased to be, or changed its epoch (ceased and been committed). */
void group_committed(struct core *core, struct group *g, const struct session_id *id,
                     uint32_t epoch);
void group_uncommitted(struct core *core, struct group *g, const struct session_id *id,
                       uint32_t epoch);

/* Chooses anew with whom the group is lodged: the first of its backups that can be counted on. */
void group_relodge(struct core *core, struct group *g);

/* May its sessions be moved to the peer, by policy (`offer_moves`, `residence`) and by what was
 * agreed? Whoever orders a move asks this. */
bool group_may_go(const struct core *core, const struct group *g, const struct peering *p);

/* What is said of it to others. */
struct name group_issuer(const struct core *core, const struct group *g);
struct name group_service(const struct core *core, const struct group *g);
struct name group_backup(const struct core *core, const struct group *g, uint8_t rank);
struct prefix group_location(const struct group *g);
void group_describe(const struct core *core, const struct group *g, struct standbys_group *out);

/* The peer can no longer be counted on, or can be again. Costs as many steps as there are groups
 * that this concerns. */
void groups_peer_changed(struct core *core, struct peering *p);

/* The peer tells another region than before: `residence` may say otherwise of it. Likewise. */
void groups_peer_placed(struct core *core, struct peering *p);

/* Peers, services or verdicts are others now: all groups, all references. */
void groups_refresh(struct core *core);

#endif
