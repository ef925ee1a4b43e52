/*
 * A site: one cluster made real. Its own folder, keys, policy file, peerd and transcoderds.
 *
 * Nothing is shared among sites but recordings. Where the space gives user ids, the folder belongs
 * to the site's alone and even the programs are copies of its own.
 */
#ifndef TEST_LIVE_SITE_H
#define TEST_LIVE_SITE_H

#include "peerd/net/loop.h"
#include "peerd/sim/scenario.h"
#include "test/live/lines.h"
#include "test/live/space.h"
#include "test/live/wallclock.h"

#define SITE_BEATS_PORT   7600
#define SITE_CONTROL_PORT 7601
#define SITE_CLIENTS_PORT 7680
#define SITE_DNS_PORT     5300 /* of its resolver, which is none of its processes */
#define SITE_MEDIA_PORT   7700 /* worker 0 of node 0 */
#define SITE_NODE_PORTS   64   /* ports from one node's first to the next one's */
#define SITE_PATH_MAX     220

struct site {
    uint32_t index;
    struct name name;
    const struct space *space;
    struct net_loop *loop;
    char dir[SITE_PATH_MAX];
    char bin[SITE_PATH_MAX]; /* where its programs are */
    struct wallclock wall;
    struct key_pair key;
    struct key_pair node_keys[POLICY_NODES_MAX];
    uint32_t node_count;
    uint32_t workers; /* a node */
    pid_t peerd;      /* 0 while it does not run; so below */
    pid_t nodes[POLICY_NODES_MAX];
    bool peerd_doomed; /* its end, when it comes, was wanted */
    bool node_doomed[POLICY_NODES_MAX];
    struct lines *log;        /* of peerd, while it runs */
    struct instant restarted; /* peerd, when last; "never" before any restart */
    bool asked;               /* for its table since then, and has not answered */
    void (*said)(void *data, struct site *site, const char *line); /* what peerd logs */
    void *data;
};

/* Makes folder and keys. Keys are new each time. False with errno set. */
bool site_make(struct site *s, const struct scenario *scenario, uint32_t index,
               const struct space *space, struct net_loop *loop, const char *run_dir,
               const char *bin);

/* Writes policy.yaml, once all sites have keys. */
bool site_write_policy(const struct site *s, const struct site *all,
                       const struct scenario *scenario);

/* Start and stop parts. Starting what runs, and killing what does not, does nothing. */
bool site_start_peerd(struct site *s);
bool site_start_node(struct site *s, uint32_t node);
bool site_start(struct site *s);
void site_signal(struct site *s, int number);

/* The process id of a worker, counted over all nodes; 0 if there is none. */
pid_t site_worker(const struct site *s, uint32_t number);

/* SIGKILL to a part alone. False if it does not run. */
bool site_kill_peerd(struct site *s);
bool site_kill_node(struct site *s, uint32_t node);

/* Takes note of processes that have ended. Returns the name of one that nobody wanted to end, NULL
 * if there is none. */
const char *site_reap(struct site *s);

/* Ends everything of it. */
void site_close(struct site *s);

/* Hands a file to it. */
bool site_give(const struct site *s, const char *path, mode_t mode);

/* Writes a number into a file of it, for the scripts that run inside. */
void site_note(const struct site *s, const char *file, int number);

/* Path of a file in the site's folder; static storage. */
const char *site_path(const struct site *s, const char *name);

#endif
