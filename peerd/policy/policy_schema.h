/*
 * The tables by which policies are read. Scenarios use some of them, too: a detection or a profile
 * is written the same way wherever it stands.
 */
#ifndef PEERD_POLICY_POLICY_SCHEMA_H
#define PEERD_POLICY_POLICY_SCHEMA_H

#include "peerd/policy/policy.h"
#include "peerd/policy/schema.h"

extern const struct schema_table policy_table;           /* struct policy, a whole file */
extern const struct schema_table policy_place_table;     /* struct policy_cluster */
extern const struct schema_table policy_detection_table; /* struct policy_detection */
extern const struct schema_table policy_limits_table;    /* struct policy_limits */
extern const struct schema_table policy_performance_table;
extern const struct schema_table policy_agreement_table;
extern const struct schema_table policy_profile_table;   /* struct policy_profile */
extern const struct schema_table policy_source_table;    /* struct policy_source */
extern const struct schema_table policy_service_table;   /* struct policy_service */
extern const struct schema_table policy_origin_table;    /* struct policy_origin */
extern const struct schema_table policy_rendition_table; /* struct policy_rendition */

/* Reads a policy from a tree. Key and token files are not read: their fields hold the file names
 * and policy_check_keys is to be called once they are resolved. */
void policy_read(struct policy *out, struct tree_node *root, struct faults *faults);

/* Checks what needs every key: no two peers or nodes with one key, none with our own. `own` may be
 * NULL if it is not known. */
void policy_check_keys(const struct policy *p, const struct public_key *own, struct tree_node *root,
                       struct faults *faults);

#define POLICY_TOKEN_FORM "a token of 8 to 255 printable characters without space"
bool policy_token_valid(const char *token, size_t len);

/* BLAKE2b-256 of a token, as a grant keeps it. */
void policy_token_digest(uint8_t out[32], const char *token, size_t len);

#endif
