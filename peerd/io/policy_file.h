/*
 * A policy from its file: YAML, schema, and the files it names (keys and tokens).
 *
 * File names in a policy are relative to the folder of the policy file. Nothing here touches the
 * network or the core, so that the simulator can load policies, too.
 */
#ifndef PEERD_IO_POLICY_FILE_H
#define PEERD_IO_POLICY_FILE_H

#include "peerd/policy/fault.h"
#include "peerd/policy/policy.h"

/* Loads a policy. With `own` the cluster's secret key is read from cluster.key_file into it, and
 * checked against the peers' keys; with NULL that file is not looked at (for planning tools and
 * checks away from the site). Returns a policy on the heap (policy_file_free) or NULL with at least
 * one fault; then `own` is wiped. `faults` is initialised here. */
struct policy *policy_file_load(const char *path, struct key_pair *own, struct faults *faults);

/* The same from that file alone: files that it names are not looked at, so there are no keys and no
 * tokens in it. For planning, where there are policies of sites whose keys are elsewhere. */
struct policy *policy_file_load_alone(const char *path, struct faults *faults);

/* What leads to the peerd of a policy, for who asks it as its own cluster. */
struct policy_way {
    struct key_pair own; /* all zero: cluster.key_file is faulty, or what it names */
    struct addr control; /* peer_listen.bind; port 0: that is faulty */
    struct public_key
        also[1 + POLICY_FORMER_MAX]; /* next_key and former_keys, those that are well */
    uint32_t also_count;
};

/* Reads that much of a policy, which may have faults: a peerd that runs has kept the one before,
 * and somebody wants to ask it. All of them are in `faults`; where the file is no YAML only the
 * first, and what stands before it is read. The caller wipes `out`. */
void policy_file_find(const char *path, struct policy_way *out, struct faults *faults);

/* Wipes and frees; NULL is fine. */
void policy_file_free(struct policy *p);

/* Makes a file name absolute, as seen from the folder of the file `path`; absolute names stay.
 * False if it does not fit or that folder cannot be found. */
bool policy_file_resolve(const char *path, const char *name, char *out, size_t out_size);

/* Reads a key file: its first line is a k4.secret (then only the owner may read the file) or
 * k4.public key. ERR_IO, ERR_DENIED (others may read it) or ERR_BAD_FIELD; errno is set for
 * ERR_IO. The text read is wiped. */
enum err key_file_read_secret(struct key_pair *out, const char *path);
enum err key_file_read_public(struct public_key *out, const char *path);

#endif
