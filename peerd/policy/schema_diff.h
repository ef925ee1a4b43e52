/*
 * Diff: in what two records that one table describes differ, for people.
 *
 * A value is told by its path, as faults tell it, before and after, as it would be written. Of a
 * list whose elements have a key of their own each is known by that, whatever its place; of other
 * lists of mappings the place counts, and of lists of values which ones there are. Values that only
 * a custom reader understands may be secret: it is told that they differ, and no more.
 */
#ifndef PEERD_POLICY_SCHEMA_DIFF_H
#define PEERD_POLICY_SCHEMA_DIFF_H

#include "peerd/policy/schema.h"

#define SCHEMA_DIFF_PATH_LEN_MAX  191 /* [bytes] */
#define SCHEMA_DIFF_VALUE_LEN_MAX 319 /* [bytes] */

/* `before` or `after` is NULL for what is not there. */
typedef void schema_diff_tell(void *data, const char *path, const char *before, const char *after);

/* Neither record is changed. Of SCHEMA_CUSTOM rows those with a size are compared. */
void schema_diff(const struct schema_table *table, const void *before, const void *after,
                 schema_diff_tell *tell, void *data);

#endif
