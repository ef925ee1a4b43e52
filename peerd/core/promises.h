/*
 * Promises: whose sessions stand by here.
 *
 * A standby is of the cluster that serves its session now, which its client names with each renewal
 * and its node hands on; by its ticket it may be another's. Where slots are few one gives way to
 * whom somebody misses, or who has to leave, unless that one was served by the same cluster
 * (transcoder/timeline/tenure_admit.h), so a peer can be told how many slots there are for those
 * that it serves (room.h). Counted as sessions come, change and go: nobody scans them.
 */
#ifndef PEERD_CORE_PROMISES_H
#define PEERD_CORE_PROMISES_H

#include "peerd/wire/node.h"

struct core;
struct peering;
struct session;

/* A node tells of a session; its record has been set. */
void promises_told(struct core *core, struct session *s, const struct node_session *told);

/* It stands by here no longer, as far as is known. */
void promises_forget(struct core *core, struct session *s);

/* Peers are others than before. */
void promises_refresh(struct core *core);

/* [sessions] Standbys of its tickets that it may serve itself. */
uint32_t promises_to(const struct peering *p);

/* [sessions] Standbys whose slots those that a peer serves may have: of others, and neither agreed
 * nor kept for the one whose ticket it is. */
uint32_t promises_to_others(const struct core *core, const struct peering *p);

void promises_check_invariants(const struct core *core);

#endif
