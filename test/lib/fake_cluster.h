/*
 * A cluster that is none: an HTTP server on a thread of its own that answers POST /v1/sessions with
 * what a script says, for tests of clients.
 */
#ifndef TEST_LIB_FAKE_CLUSTER_H
#define TEST_LIB_FAKE_CLUSTER_H

#include "peerd/base/addr.h"

#include <pthread.h>
#include <stdbool.h>

struct fake_answer {
    unsigned status;  /* 0: never answers, though the connection stands */
    const char *body; /* NULL: none */
    unsigned retry_after_s;
};

struct fake_cluster {
    const struct fake_answer *script; /* answered one after another; the last one for ever */
    unsigned script_len;
    char url[64];
    /* Written by the thread, to be read after fake_cluster_stop. */
    unsigned requests;
    bool keys_differ; /* a request came with another Idempotency-Key than the first */
    char key[256];    /* that one */
    char authorization[300];
    char body[4096]; /* of the last request */
    pthread_t thread;
    int started[2]; /* pipe: the thread says that it listens */
    int ending[2];  /* pipe: it is told to end */
};

/* Listens on the IPv4 address `ip`, a port of the kernel's choice. */
void fake_cluster_start(struct fake_cluster *f, const char *ip, const struct fake_answer *script,
                        unsigned script_len);
void fake_cluster_stop(struct fake_cluster *f);

#endif
