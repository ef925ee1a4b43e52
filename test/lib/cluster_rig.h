/*
 * A cluster for tests: the real peerd with its own folder, keys, policy and address.
 *
 * Each test process has a loopback address of its own, made from its process id, so that runs at
 * the same time never meet: 127.a.b.c, beats on port 7600, control on 7601, clients on 7680, nodes'
 * media from 7700 on. The rig holds every secret key and can so ask as operator, peer, node or
 * stranger, and stand in for a node.
 */
#ifndef TEST_LIB_CLUSTER_RIG_H
#define TEST_LIB_CLUSTER_RIG_H

#include "peerd/net/http_client.h"
#include "peerd/net/loop.h"
#include "peerd/wire/node.h"
#include "test/lib/program.h"

#include <jansson.h>

#define CLUSTER_TOKEN "a-token-for-tests"

enum cluster_asker {
    AS_OPERATOR, /* the cluster's own key */
    AS_PEER,     /* ams1 */
    AS_NODE,     /* n1 */
    AS_STRANGER, /* a key that no policy names */
    AS_NOBODY    /* no certificate at all */
};
#define CLUSTER_KEYS AS_NOBODY

struct cluster_rig {
    char dir[64];
    char ip[20];                        /* 127.a.b.c */
    struct key_pair keys[CLUSTER_KEYS]; /* of whom above */
    char public_texts[CLUSTER_KEYS][KEY_PUBLIC_TEXT_LEN + 1];
    struct net_identity *identities[CLUSTER_KEYS];
    struct net_loop *loop;
    struct net_http_client *http;
    struct program peerd;
    struct program node; /* a real transcoderd */
    unsigned starts;     /* of peerd: names its output files */
    uint64_t node_boot;  /* what cluster_register says */
    uint64_t node_seq;
};

/* What came back. */
struct cluster_answer {
    enum err err;
    unsigned status;                                             /* 0: no answer */
    char body[65536];                                            /* terminated */
    size_t body_len;                                             /* [bytes] */
    char type[64], retry_after[16], allow[32], authenticate[64]; /* headers, "" if absent */
    char etag[64], security[512];                                /* Content-Security-Policy */
};

/* Makes folder, keys, key files (fra1.key 0600, ams1.key, ams1.pub, n1.key, n1.pub) and the HTTP
 * client. */
void cluster_open(struct cluster_rig *r);

/* Kills what runs and removes the folder. */
void cluster_close(struct cluster_rig *r);

/* Path of a file in the folder, in one of a few rotating buffers. */
const char *cluster_file(const struct cluster_rig *r, const char *name);
void cluster_write(const struct cluster_rig *r, const char *name, const char *text);

/* The usual policy: cluster fra1, node n1, a service radio with profiles pcmu and opus and the
 * sources robot and coffee, a grant for CLUSTER_TOKEN and one for 198.51.100.0/24. `more` is put at
 * the end: further keys of the top level, "" for none. Text from malloc. */
char *cluster_policy(const struct cluster_rig *r, const char *more);

/* A block `peers:` with the peer ams1, whose doors are ports 7610 and 7611. */
const char *cluster_peers(const struct cluster_rig *r);

/* Writes fra1.yaml; the text is freed. */
void cluster_write_policy(const struct cluster_rig *r, char *policy);

/* Starts peerd with fra1.yaml; true as soon as it is ready, false if it ended. */
bool cluster_start(struct cluster_rig *r);

/* SIGTERM; the exit status, which is 0 unless something went wrong (a leak, too). */
int cluster_stop(struct cluster_rig *r);

bool cluster_await_log(const struct cluster_rig *r, const char *text);

/* One request at the control door (HTTPS, pinned) or at the clients' (plain HTTP). With a `body` it
 * is a POST unless `method` says otherwise, without one a GET; both may be NULL. `headers` end with
 * a NULL name; may be NULL. */
void cluster_control(struct cluster_rig *r, struct cluster_answer *out, enum cluster_asker who,
                     const char *method, const char *path, const char *body);
void cluster_client(struct cluster_rig *r, struct cluster_answer *out, const char *method,
                    const char *path, const char *body, const struct net_http_header *headers);

/* Any request to anywhere. */
void cluster_call(struct cluster_rig *r, struct cluster_answer *out,
                  struct net_http_call_options options);

/* Registers as n1 with one worker, both profiles and both sources, in full. False if it was
 * refused; else the answer is in `out` for node_answer_free (may be NULL). */
bool cluster_register(struct cluster_rig *r, struct node_answer *out);

/* Makes the recordings (robot of `frames` frames; coffee, a minute), starts the real transcoderd as
 * n1 with one worker on port 7700, and waits until a session could be opened. False if there is no
 * such program: skip the test. */
bool cluster_start_node(struct cluster_rig *r, uint32_t frames);

/* A value of a JSON answer by a path such as "drain.left" or "nodes.0.name". The number is -1 if it
 * is no integer; booleans are 0 and 1. */
json_int_t cluster_number(const struct cluster_answer *a, const char *path);
bool cluster_says(const struct cluster_answer *a, const char *path, const char *text);

#endif
