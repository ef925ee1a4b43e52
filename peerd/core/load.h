/*
 * Load: a machine of ours is itself the reason why its clients fare badly: it makes frames late.
 *
 *                LOAD_LATE for LOAD_HOLD      as late still, LOAD_WATCH later: twice as many
 *      (none) ----------------------------> SHEDDING <-----------------------------+
 *        ^                                  |  |   +-------------------------------+
 *        |       no later than LOAD_WELL    |  |
 *        +------ for LOAD_HOLD -------------+  |  LOAD_SHARE of those it had were asked,
 *        |                                     |  or nobody can go
 *        +---------- LOAD_DWELL later ------ RESTING
 *
 * Such clients fare badly at all their locations at once, and no path is to blame, so that neither
 * monitor/degrade nor a canary of a location sees what it is; but each node tells how long the most
 * overdue frame of a worker has waited, several times a second. One late moment is none: every word
 * for LOAD_HOLD has to say so. Then a few of its sessions go first, as canaries do (the policy's
 * `canary` says how many; none by default), to the first of their backups that is fit and has room
 * by its own word; more follow only while it is late, and not while it catches up by a quarter.
 * Each counts in the budget of gains (gains.h).
 * Never more than every LOAD_SHAREth of those that it had, no wave more than a second of a drain,
 * nobody who came less than CANARY_STAY ago; who does not go lapses (leaving.h). Their cause is
 * degraded, and the evidence how late it was. Who went stays: where it is now nothing is late.
 *
 * Between LOAD_WELL and LOAD_LATE nothing begins and nothing ends. While we drain, all leave
 * anyhow. A node that is lost, or its supervisor started anew, begins anew.
 */
#ifndef PEERD_CORE_LOAD_H
#define PEERD_CORE_LOAD_H

#include "peerd/base/time.h"

#include <stdbool.h>
#include <stdint.h>

#define LOAD_LATE_MS 20             /* [ms] a frame: a listener's buffer shrinks by it */
#define LOAD_WELL_MS 5              /* [ms] what a busy loop is late by itself */
#define LOAD_HOLD    duration_s(1)  /* [s] */
#define LOAD_WATCH   duration_s(2)  /* [s] a wave has gone, and what was behind is caught up */
#define LOAD_DWELL   duration_s(60) /* [s] */
#define LOAD_SHARE   2

struct core;
struct node;
struct node_request;

enum load_state {
    LOAD_STATE_NONE = 0,
    LOAD_STATE_SHEDDING,
    LOAD_STATE_RESTING
};

struct load {
    enum load_state state;
    bool told;                /* it has said how late it is, since it registered */
    uint32_t late_ms;         /* [ms] by its newest word */
    struct instant late_from; /* every word since then says LOAD_LATE; "never" */
    struct instant well_from; /* … LOAD_WELL; "never" */
    struct instant next_at;   /* SHEDDING: the next wave; RESTING: its end */
    uint32_t had;             /* sessions when it began */
    uint32_t wave;            /* [sessions] the next one */
    uint32_t was_ms;          /* [ms] how late it was when that was looked at last */
    uint32_t asked;           /* to go, in all */
};

void load_init(struct load *l);

/* A node's report has been taken into the table. */
void load_heard(struct core *core, struct node *n, const struct node_request *r);

/* A drain begins. */
void load_stop_all(struct core *core);

void load_check_invariants(const struct core *core);

#endif
