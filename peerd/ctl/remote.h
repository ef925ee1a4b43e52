/*
 * A running peerd, asked over its pinned door with the cluster's own key.
 */
#ifndef PEERD_CTL_REMOTE_H
#define PEERD_CTL_REMOTE_H

#include "peerd/ctl/ctl.h"
#include "peerd/net/http_client.h"
#include "peerd/policy/policy.h"

struct remote {
    struct net_loop *loop;
    struct net_http_client *http;
    struct net_identity *identity;
    struct key_pair key;
    struct public_key also[1 + POLICY_FORMER_MAX]; /* our next and former ones: peerd may not have
                                                      taken the policy yet, or no longer */
    size_t also_count;
    struct addr to;
    bool quiet;     /* that it does not answer is not said */
    int status;     /* of the answer; 0 for none */
    json_t *answer; /* owned */
};

/* Finds out whom to ask, and as who. CTL_DONE, or why not, said on standard error; remote_close is
 * due in either case. */
int remote_open(struct remote *r, const struct ctl_options *o);
void remote_close(struct remote *r);

/* Asks once; CTL_DONE with r->answer set, or why not, said on standard error. */
int remote_ask(struct remote *r, const char *method, const char *path, const char *body);

/* Of the answer about peers the one of that name; NULL, said on standard error. Borrowed. */
const json_t *remote_peer(const json_t *answer, const char *name);

/* As a table, or as it came. */
void remote_print(const struct ctl_options *o, const json_t *answer,
                  void (*table)(const json_t *answer));

/* What every call to it has in common; the rest is the caller's. `url` has room for `size`. */
struct net_http_call_options remote_call(struct remote *r, const char *path, char *url,
                                         size_t size);

/* The same to a peer, a row of our peerd's answer about peers, where our peerd has it and by the
 * key that it has. `key` has to live until the call is made. False: it is not known where it is. */
bool remote_call_peer(struct remote *r, const json_t *peer, const char *path, char *url,
                      size_t size, struct public_key *key, struct net_http_call_options *out);

#endif
