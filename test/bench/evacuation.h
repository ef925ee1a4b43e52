/*
 * An evacuation: one cluster that lets all its sessions go to five peers, in virtual time.
 *
 * Six cores, the same that the daemon and the simulator run, say to each other what they want to
 * say: beats, lodgings and their answers. Nodes poll every EVACUATION_POLL_MS and hold the
 * sessions; a client that is asked to go has committed elsewhere EVACUATION_CLIENT_MS later, and
 * tells its new server how that was EVACUATION_TOLD_MS after that. Only what the cores do is
 * measured: everything around them is as small as it can be, and its CPU is not counted.
 */
#ifndef TEST_BENCH_EVACUATION_H
#define TEST_BENCH_EVACUATION_H

#include "peerd/base/time.h"

#include <stdbool.h>
#include <stdint.h>

#define EVACUATION_PEERS     5
#define EVACUATION_POLL_MS   100 /* [ms] as in the sample policies */
#define EVACUATION_ONE_WAY   10  /* [ms] between clusters, and from a client to any of them */
#define EVACUATION_CLIENT_MS 150 /* [ms] notice, hedge, its first frame, commit */
#define EVACUATION_ENOUGH_MS 60000
#define EVACUATION_TOLD_MS   500 /* [ms] until the client's next report */

struct evacuation_setup {
    uint32_t sessions;
    uint32_t room;  /* [sessions] of each peer */
    uint32_t per_s; /* drain_per_s of the policy */
    bool figures;   /* nodes also tell each session's figures once a second, as real ones do */
    bool json;      /* requests are decoded and answers encoded: what peerd does beside the core */
};

struct evacuation_result {
    bool whole;                /* all have moved, within EVACUATION_ENOUGH_MS */
    uint32_t moved;            /* sessions that are served by a peer, under one epoch more */
    uint32_t ledger_out;       /* entries at the one that is left … */
    uint32_t ledger_in;        /* … and at the peers … */
    uint32_t ledger_told;      /* … of which clients have told what they were like */
    uint32_t orders;           /* taken on by nodes, repeated ones among them */
    uint32_t lodgings;         /* requests between clusters from the drain on */
    double lasted_s;           /* [s] of virtual time from the drain to the last session gone */
    double leaving_cpu_s;      /* [s] of CPU in the core of the one that is left … */
    double arriving_cpu_s;     /* … and in those of all peers together */
    double arriving_cpu_max_s; /* … the busiest of them */
    double json_cpu_s;         /* [s] of CPU of all of them, with `json` */
};

/* Ends the process if the clusters do not come to be alive for each other. */
struct evacuation_result evacuation_run(const struct evacuation_setup *setup);

#endif
