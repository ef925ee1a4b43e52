/*
 * What a policy's types and ranges cannot say: values that must fit one another. Private to the
 * tables; each function is a row's or a table's checker (see schema.h).
 */
#ifndef PEERD_POLICY_POLICY_CHECK_H
#define PEERD_POLICY_POLICY_CHECK_H

#include "peerd/policy/schema.h"

/* Of single values. */
void policy_check_endpoint(struct schema_run *run, const struct schema_row *row,
                           struct tree_node *node, void *field);
void policy_check_peer_endpoint(struct schema_run *run, const struct schema_row *row,
                                struct tree_node *node, void *field);
void policy_check_codec(struct schema_run *run, const struct schema_row *row,
                        struct tree_node *node, void *field);
void policy_check_location(struct schema_run *run, const struct schema_row *row,
                           struct tree_node *node, void *field);
void policy_check_origin_mpd(struct schema_run *run, const struct schema_row *row,
                             struct tree_node *node, void *field);
void policy_check_origin_url(struct schema_run *run, const struct schema_row *row,
                             struct tree_node *node, void *field);
void policy_check_whereabouts(struct schema_run *run, const struct schema_row *row,
                              struct tree_node *node, void *field);
void policy_check_dns_server(struct schema_run *run, const struct schema_row *row,
                             struct tree_node *node, void *field);
void policy_check_domain(struct schema_run *run, const struct schema_row *row,
                         struct tree_node *node, void *field);
void policy_check_pattern(struct schema_run *run, const struct schema_row *row,
                          struct tree_node *node, void *field);
void policy_read_token(struct schema_run *run, const struct schema_row *row, struct tree_node *node,
                       void *field);

/* Of whole mappings. */
void policy_check_place(struct schema_run *run, struct tree_node *node, void *record);
void policy_check_listen(struct schema_run *run, struct tree_node *node, void *record);
void policy_check_client_listen(struct schema_run *run, struct tree_node *node, void *record);
void policy_check_key_given(struct schema_run *run, struct tree_node *node, void *record);
void policy_check_next_key(struct schema_run *run, struct tree_node *node, void *record);
void policy_check_grant(struct schema_run *run, struct tree_node *node, void *record);
void policy_check_profile(struct schema_run *run, struct tree_node *node, void *record);
void policy_read_date(struct schema_run *run, const struct schema_row *row, struct tree_node *node,
                      void *field);
void policy_check_source(struct schema_run *run, struct tree_node *node, void *record);
void policy_check_detection(struct schema_run *run, struct tree_node *node, void *record);
void policy_check_limits(struct schema_run *run, struct tree_node *node, void *record);
void policy_check_agreement(struct schema_run *run, struct tree_node *node, void *record);
void policy_check_rule(struct schema_run *run, struct tree_node *node, void *record);
void policy_check_discovery(struct schema_run *run, struct tree_node *node, void *record);
void policy_check_whole(struct schema_run *run, struct tree_node *node, void *record);

/* Refuses what is under a key, if it is there and good: it means nothing with this codec, or not
 * that. `why` is what was expected in its place. */
void policy_refuse_key(struct schema_run *run, struct tree_node *node, const char *key,
                       const char *codec, const char *why);

/* Rows of `agreements` that no peer reaches: of nobody whom the policy knows, or after one that
 * fits all that they fit. */
struct policy;
void policy_check_rows(struct schema_run *run, const struct policy *p, struct tree_node *root);

/* Two prefixes that are written differently may be one. */
bool policy_same_prefix(const char *a, const char *b);

/* The name nearest to `name` among those of records, for hints: `names` points at the first
 * record's struct name, `stride` bytes from one to the next. NULL if none is near. */
const char *policy_nearest_name(const char *name, const void *names, size_t stride, uint32_t count);

#endif
