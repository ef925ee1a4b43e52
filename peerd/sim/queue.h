/*
 * The queue: everything that is going to happen, in the order of virtual time.
 *
 * Events of one instant come out in the order in which they were put, so that a run is a function
 * of its seed alone. An event owns its body until it is handled; timers that move all the time
 * (deadlines of machines) are not here but in a `due` (world.h).
 *
 * A million listeners have millions of events ahead of them, most of them far away. Only what
 * happens before the `horizon` is in the heap, which so remains small and near the processor;
 * the rest lies unsorted in bins of SIM_BIN_US, each of which is emptied into the heap as its time
 * comes (Brown 1988, calendar queues, less the resizing).
 */
#ifndef PEERD_SIM_QUEUE_H
#define PEERD_SIM_QUEUE_H

#include "peerd/base/heap.h"

enum sim_event_kind {
    SIM_MEDIA,           /* a: client, b: worker, n: frame */
    SIM_TO_CLIENT,       /* a: client, b: worker; body: struct message */
    SIM_TO_WORKER,       /* a: worker, b: client; body: struct message */
    SIM_NACK,            /* a: worker, b: client, n: frame; body: which after it, 64 bits */
    SIM_BEAT,            /* a: cluster, b: cluster it is from; body: struct sim_beat */
    SIM_BEAT_TO_NODE,    /* a: node, b: cluster it is from; body: struct sim_beat */
    SIM_CALL,            /* a: cluster that is asked; body: struct sim_call */
    SIM_CALL_ANSWERED,   /* a: cluster that asked; body: struct sim_call */
    SIM_CALL_FAILED,     /* a: cluster that asked; body: struct sim_call */
    SIM_RESOLVED,        /* a: cluster, n: question; its resolver, or the end of patience */
    SIM_PEERS_FOUND,     /* a: cluster, n: run; other ones */
    SIM_OPEN,            /* a: cluster, b: client, n: attempt */
    SIM_OPEN_ANSWERED,   /* a: client, b: cluster, n: attempt; body: struct core_answer_open */
    SIM_OPEN_FAILED,     /* a: client, b: cluster, n: attempt */
    SIM_OPEN_AGAIN,      /* a: client, n: attempt */
    SIM_CLIENT_STARTS,   /* a: client */
    SIM_CLIENT_VANISHES, /* a: client */
    SIM_CLIENT_LEAVES,   /* a: client */
    SIM_POLL,            /* a: node, n: run */
    SIM_POLL_ASKED,      /* a: cluster, b: node; body: struct sim_poll */
    SIM_POLL_ANSWERED,   /* a: node, n: run; body: struct node_answer */
    SIM_POLL_FAILED,     /* a: node, b: request, n: run */
    SIM_POLL_REFUSED,    /* the same: nobody listens there */
    SIM_NODE_TICK,       /* a: node, n: run */
    SIM_PEERD_STARTS,    /* a: cluster, n: run */
    SIM_NODE_STARTS,     /* a: node, n: run */
    SIM_WORKER_STARTS,   /* a: worker, n: run */
    SIM_TIMELINE,        /* a: entry of the scenario */
    SIM_PLAYER,          /* a: client, n: what it waited for; see player.c */
    SIM_STEER,           /* a: cluster, b: client, n: question */
    SIM_STEERED, /* a: client, b: cluster, n: question; body: struct sim_steering, or NULL */
    SIM_SEGMENT, /* a: cluster, b: client, n: segment and attempt, 32 bits each */
    SIM_SEGMENT_ANSWERED, /* a: client, b: cluster, n: attempt; see kitchen.h */
    SIM_KITCHEN,          /* a: cluster, n: run of its machine */
    SIM_LEASE_DUE,        /* a: worker, b: slot, n: run; an invariant looks whether it is held */
    SIM_CHECK             /* once a second: all invariants in full */
};

struct sim_event {
    enum sim_event_kind kind;
    uint32_t a, b;
    uint64_t n;
    void *body; /* of a datagram from sim_body_make(), else from malloc; or NULL */
};

#define SIM_BIN_US 10000 /* [µs] width of a bin */
#define SIM_BINS                                                                                   \
    1000000 /* at most: what is later than all of them is in the heap from the first               \
             */

/* An event that is far away, and its place among those of the same instant. */
struct sim_far {
    struct instant at;
    uint64_t order;
    struct sim_event event;
};

struct sim_bin {
    struct sim_far *events;
    uint32_t count, room;
};

#define SIM_FRONT 16 /* events whose turn comes next: enough to fetch what they need meanwhile */

/* The first of all are in front, in order, unless there is nothing at all. */
struct sim_queue {
    struct heap_entry front[SIM_FRONT]; /* not later than anything else */
    uint32_t front_count;
    struct heap heap;         /* what else is earlier than the horizon */
    struct sim_event *events; /* slots; a heap key is (order, slot) */
    uint32_t *free_slots;     /* a stack */
    uint32_t slot_count, free_count;
    uint64_t order; /* of the next event */
    struct sim_bin *bins;
    uint64_t base;      /* the first bin begins so many widths after the origin */
    uint32_t bin_count; /* allocated */
    uint32_t next_bin;  /* the first that begins at the horizon or later */
    uint64_t far_count; /* events in bins */
};

/* Both abort when memory is short: a simulator has nobody to report to. */
void sim_queue_init(struct sim_queue *q);
void sim_queue_put(struct sim_queue *q, struct instant at, const struct sim_event *event);

/* "never" when empty. */
struct instant sim_queue_first(const struct sim_queue *q);

/* The event before which `n` others are going to be taken, if none is put before it; NULL if that
 * is not known yet. A hint, for who would prepare. */
const struct sim_event *sim_queue_soon(const struct sim_queue *q, uint32_t n);

/* Takes the earliest event, with its body; false when empty. */
bool sim_queue_take(struct sim_queue *q, struct sim_event *out);

/* Must be empty: bodies are the owner's to give back. */
void sim_queue_free(struct sim_queue *q);

/* calloc and realloc that do not return without memory; and a copy, NULL of nothing. */
void *sim_alloc(size_t count, size_t size);
void *sim_copy(const void *from, size_t count, size_t size);
void *sim_grow(void *old, size_t count, size_t size);

#endif
