/*
 * Starts: how the sessions of each cluster begin at this machine, added up from what its workers
 * say of their windows (transcoder/timeline/window.h), for who looks on. There is room for
 * STARTS_MAX clusters; of further ones nothing is told.
 */
#ifndef TRANSCODER_WORKER_STARTS_H
#define TRANSCODER_WORKER_STARTS_H

#include "peerd/wire/node.h"
#include "transcoder/worker/link.h"

#define STARTS_MAX NODE_STARTS_MAX

struct starts_row {
    struct name issuer; /* empty: tickets of our own */
    uint32_t starts[NODE_WORKERS_MAX];
    uint32_t under_way[NODE_WORKERS_MAX];
    uint64_t in_time, late, busy;
};

struct starts {
    struct starts_row rows[STARTS_MAX];
    uint32_t count;
};

void starts_told(struct starts *s, uint32_t worker, const struct link_window *w);

/* Its process is another one. */
void starts_worker_lost(struct starts *s, uint32_t worker);

/* [starts] that may be under way at all workers together, and that are. */
uint32_t starts_window(const struct starts_row *row);
uint32_t starts_under_way(const struct starts_row *row);

#endif
