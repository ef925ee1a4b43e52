/*
 * A site under measurement: the real peerd and the real transcoderd with some workers, as a cluster
 * of its own on loopback, with its own folder, keys, policy and address.
 *
 * Programs are those of the same build. Their logs stay in the folder while the benchmark runs; all
 * die with it. The recording is that of a machine (machine.h), which is made first.
 */
#ifndef TEST_BENCH_SITE_H
#define TEST_BENCH_SITE_H

#include "test/bench/machine.h"

#define SITE_WORKERS_MAX 8
#define SITE_CAPACITY    4000 /* sessions */

struct site {
    char name[8]; /* of the cluster */
    char ip[20];  /* 127.… */
    char dir[96];
    const struct machine *material; /* recording; borrowed */
    struct key_pair key, node_key;
    uint32_t worker_count;
    uint32_t complexity; /* of Opus, 0 to 10; the default profile's unless it is changed */
    pid_t peerd, supervisor;
    pid_t workers[SITE_WORKERS_MAX];
    struct addr media[SITE_WORKERS_MAX];
};

/* What its processes have used. */
struct site_usage {
    double workers_s;    /* [s] of CPU of all workers */
    double supervisor_s; /* [s] of CPU */
    double peerd_s;      /* [s] of CPU */
};

/* Makes folder and keys; `number` tells its address from other sites' of this process. */
void site_init(struct site *s, const struct machine *material, const char *name, unsigned number,
               uint32_t workers);

/* Starts both programs and waits until sessions can be opened; `peer` may be NULL. */
void site_start(struct site *s, const struct site *peer);

/* Every process of it, at once, as a power cut. */
void site_kill(struct site *s);

/* Kills what runs, and removes the folder. */
void site_destroy(struct site *s);

struct site_usage site_usage(const struct site *s);

/* The door for clients: http://127.…:7680. */
void site_url(const struct site *s, char *out, size_t size);

/* One of its workers as a machine of its own, for a crowd. */
struct machine site_machine(const struct site *s, uint32_t worker);

#endif
