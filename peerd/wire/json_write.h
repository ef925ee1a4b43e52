/*
 * Writing JSON: members into jansson objects with one sticky failure.
 *
 * The counterpart of json_read.h. Every put takes over its value, and after a failure (no memory,
 * text that is not UTF-8) does nothing; json_write_end then returns NULL.
 */
#ifndef PEERD_WIRE_JSON_WRITE_H
#define PEERD_WIRE_JSON_WRITE_H

#include "peerd/base/addr.h"
#include "peerd/base/err.h"
#include "peerd/base/id.h"
#include "peerd/wire/keys.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_writing {
    json_t *root; /* an object */
    bool failed;
};

void json_write_begin(struct json_writing *w);

/* Members of `object`, which is the root or what json_write_object or json_write_element gave.
 * An integer must be below 2^63: JSON has no larger ones that everybody reads exactly. */
void json_write_uint(struct json_writing *w, json_t *object, const char *key, uint64_t value);
void json_write_int(struct json_writing *w, json_t *object, const char *key, int64_t value);
void json_write_bool(struct json_writing *w, json_t *object, const char *key, bool value);
void json_write_string(struct json_writing *w, json_t *object, const char *key, const char *text);
void json_write_name(struct json_writing *w, json_t *object, const char *key,
                     const struct name *name);
void json_write_addr(struct json_writing *w, json_t *object, const char *key,
                     const struct addr *addr);
/* "192.0.2.0/24"; left out if it is none. */
void json_write_prefix(struct json_writing *w, json_t *object, const char *key,
                       const struct prefix *prefix);
void json_write_key(struct json_writing *w, json_t *object, const char *key,
                    const struct public_key *value);
void json_write_bytes(struct json_writing *w, json_t *object, const char *key, const void *data,
                      size_t len);

/* A new object or array as a member, borrowed from the tree; NULL after a failure, which every
 * put accepts. */
json_t *json_write_object(struct json_writing *w, json_t *object, const char *key);
json_t *json_write_array(struct json_writing *w, json_t *object, const char *key);

/* Elements of an array: a new object, or strings. */
json_t *json_write_element(struct json_writing *w, json_t *array);
void json_write_names(struct json_writing *w, json_t *object, const char *key,
                      const struct name *names, size_t count);
void json_write_addrs(struct json_writing *w, json_t *object, const char *key,
                      const struct addr *addrs, size_t count);
void json_write_prefixes(struct json_writing *w, json_t *object, const char *key,
                         const struct prefix *prefixes, size_t count);
void json_write_uints(struct json_writing *w, json_t *object, const char *key,
                      const uint32_t *values, size_t count);
void json_write_session_ids(struct json_writing *w, json_t *object, const char *key,
                            const struct session_id *ids, size_t count);

/* Ends the writing: compact text in the order in which members were put, from malloc, the caller's
 * to free(). NULL after a failure or if it is longer than `len_max`. `len` may be NULL. */
char *json_write_end(struct json_writing *w, size_t len_max, size_t *len);

#endif
