/*
 * The real transcoderd for tests, standing alone: its own folder, recordings and configuration.
 *
 * The program under test is $PEERD_BIN/transcoderd, started with --config and ports of the kernel's
 * choice; what it logs is read to learn ports and process ids.
 */
#ifndef TEST_LIB_TRANSCODERD_RIG_H
#define TEST_LIB_TRANSCODERD_RIG_H

#include "peerd/wire/node.h"
#include "test/lib/media_client.h"

#include <stdio.h>
#include <sys/types.h>

#define RIG_WORKERS_MAX 4
#define RIG_SOURCES_MAX 4
#define RIG_PATIENCE_MS 30000 /* [ms] longer than any machine makes us wait */

struct rig_source {
    const char *name;
    uint32_t frames; /* [frames of 20 ms] of noise at 8 kHz, mono */
    bool loop;
    bool missing;    /* no such file */
    const char *url; /* in place of a file */
};

struct rig {
    char dir[64];
    const char *bind; /* --media; 127.0.0.1 and a port of the kernel's choice */
    pid_t pid;
    FILE *log; /* what the program says */
    uint32_t workers;
    bool ready;           /* every worker runs */
    size_t sources_known; /* read, or found bad */
    struct addr media[RIG_WORKERS_MAX];
    pid_t worker_pids[RIG_WORKERS_MAX];
    struct key_pair cluster, issuer; /* whose worker it is; who else's tickets it takes */
    struct node_answer config;
    struct node_catalogue catalogue;
    struct node_source_spec sources[RIG_SOURCES_MAX];
    struct node_profile_spec profiles[2]; /* pcmu, opus */
    struct ticket_issuer issuers[2];
};

/* Fills keys and configuration: credit 16, session lease 3 s. Change it, then start. */
void rig_init(struct rig *r, const struct rig_source *sources, size_t count);

/* Writes the configuration, starts the program, waits until it serves and has read its sources.
 * False if there is no program to start: skip the test. */
bool rig_start(struct rig *r, uint32_t workers);

/* Writes the configuration anew and says SIGHUP. */
void rig_reload(struct rig *r);

/* Waits until the log says `sentence`, and learns from what it reads. False if it does not. */
bool rig_await_log(struct rig *r, const char *sentence);

/* SIGKILL, and removes the folder. */
void rig_stop(struct rig *r);

/* A client with a good ticket for a source and a profile ("pcmu", "opus"). */
void rig_client(struct rig *r, struct media_client *c, const char *source, const char *profile);

/* Path of a source's file. */
const char *rig_path(const struct rig *r, const char *source, char out[128]);

#endif
