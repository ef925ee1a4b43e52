/*
 * A machine under measurement: the real transcoderd standing alone, with one worker, and what it
 * uses of processor and memory.
 *
 * The program is that of the same build, ../bin/transcoderd as seen from the benchmark, started
 * with --config in a folder of its own and a port of the kernel's choice. It logs as in service,
 * into a file. It dies with the benchmark.
 */
#ifndef TEST_BENCH_MACHINE_H
#define TEST_BENCH_MACHINE_H

#include "peerd/base/addr.h"
#include "peerd/wire/keys.h"
#include "peerd/wire/node.h"
#include "peerd/wire/ticket.h"
#include "transcoder/media/profile.h"

#include <sys/types.h>

#define MACHINE_SLOTS      2000    /* sessions that its credit and limits allow */
#define MACHINE_LEASE_MS   10000   /* of a session, as in the sample policies */
#define MACHINE_STANDBY_MS 60000   /* of a standby: no benchmark renews one */
#define MACHINE_HEDGES     60000   /* a session and minute: the budget is not what is measured */
#define MACHINE_STALL_MS   "60000" /* a busy machine must not have its worker switched off */
#define MACHINE_SOURCE     "recording"

struct machine {
    char dir[64];
    char recording[96];
    bool music; /* what is recorded */
    struct source_digest digest;
    pid_t supervisor;
    pid_t worker;
    struct addr media;
    struct key_pair cluster; /* whose machine it is */
    struct key_pair issuer;  /* whose tickets it takes … */
    char issuer_name[8];     /* … under this name */
};

struct machine_usage {
    double worker_s;     /* [s] of CPU since it started, all threads */
    double supervisor_s; /* [s] of CPU */
};

/* Makes keys, folder and recording. Ends the process if it cannot. */
void machine_init(struct machine *m);

/* Starts transcoderd and waits until it serves; may be called again after machine_stop. */
void machine_start(struct machine *m);
void machine_stop(struct machine *m);

/* Removes what machine_init made. */
void machine_destroy(struct machine *m);

struct machine_usage machine_usage(const struct machine *m);

/* [KiB] anonymous part of the worker's proportional set size. The rest are libraries, whose share
 * changes whenever any other process that uses them comes or goes. */
double machine_worker_kib(const struct machine *m);

/* Writes what transcoderd reads with --config: what a peerd would answer it. */
void machine_write_config(const char *path, const struct node_answer *a);

/* The profile as the machine's catalogue has it: codec defaults under the codec's name. */
struct media_profile machine_profile(enum media_codec codec);

#endif
