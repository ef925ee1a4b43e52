/*
 * Standbys: our groups lodged with peers, and theirs with us.
 *
 * A group is lodged with the first usable of its backups. What a lodging states replaces what it
 * stated before and is leased, so it is repeated every third of its life, and soon after a change.
 * For a peer's groups we set slots aside out of what policy reserves for it, in the order stated,
 * less what its sessions already use here. The reservation itself is always kept (admission.h);
 * lodging tells the other side what it can count on.
 */
#ifndef PEERD_CORE_STANDBYS_H
#define PEERD_CORE_STANDBYS_H

#include "peerd/core/outbox.h"
#include "peerd/core/peering.h"

#define STANDBYS_CHANGE_AFTER duration_s(1) /* changes are gathered for so long */
#define STANDBYS_RETRY        duration_s(2)

/* Scratch for the one lodging and the one answer of a step. */
struct standbys_scratch {
    struct standbys_group *groups; /* owned */
    uint32_t *slots;               /* owned */
    bool lodging;                  /* `groups` is in use by this step's outbox */
};

/* CORE_STANDBYS_LODGED. */
void standbys_lodged(struct core *core, const struct core_event *event, struct core_outbox *outbox);

/* CORE_STANDBYS_ANSWERED, and a lodging that failed. */
void standbys_answered(struct core *core, const struct core_event *event);
void standbys_missed(struct core *core, struct peering *p);

/* The groups that count on this peer have changed. */
void standbys_changed(struct core *core, struct peering *p);

/* Lodges when it is time; forgets what a peer has not repeated. */
void standbys_step(struct core *core, struct peering *p, struct core_outbox *outbox);
struct instant standbys_deadline(const struct peering *p);

/* What policy reserves for peers and they do not use at this instant [sessions]. */
uint32_t standbys_reserved_unused(const struct core *core);

#endif
