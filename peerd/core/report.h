/*
 * What a node tells of its sessions, taken into the table.
 *
 * Epochs: a report under an older epoch than known never replaces. One lease-holder a session:
 * of two nodes that both claim to serve it, the newer epoch wins, at equal epochs the one that was
 * first; the other is ordered to end it.
 */
#ifndef PEERD_CORE_REPORT_H
#define PEERD_CORE_REPORT_H

#include "peerd/core/nodes.h"

void report_sessions(struct core *core, struct node *n, const struct node_request *r);

#endif
