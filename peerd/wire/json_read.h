/*
 * Reading JSON strictly: typed members with a range, and a fault that names the member.
 *
 * A thin layer over jansson that every JSON decoder of this folder uses. The first failure sticks,
 * like that of a `struct reader` (peerd/base/bytes.h): a decoder reads all its members in a row,
 * gets zeros after a failure, and asks once at the end. Duplicate keys, trailing bytes, NUL
 * characters, numbers with a fraction where an integer is due and integers beyond 63 bits are
 * refused. A member of unknown name is ignored unless the decoder calls json_read_only: programs of
 * two versions must be able to talk while a cluster is being upgraded.
 */
#ifndef PEERD_WIRE_JSON_READ_H
#define PEERD_WIRE_JSON_READ_H

#include "peerd/base/addr.h"
#include "peerd/base/err.h"
#include "peerd/base/id.h"
#include "peerd/wire/fault.h"
#include "peerd/wire/keys.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_document {
    json_t *root;             /* owned until json_read_end */
    enum err err;             /* the first failure, or ERR_OK */
    struct wire_fault *fault; /* the caller's; may be NULL */
};

/* A place in the document; it lives on the stack of whoever walks there. */
struct json_place {
    struct json_document *document;
    const struct json_place *parent; /* NULL at the root */
    const char *key;                 /* of a member; NULL for an element */
    size_t index;                    /* of an element */
    const json_t *value;             /* borrowed; NULL after a failure */
};

/* Parses at most `len_max` bytes whose root is an object. On failure the document is closed and
 * json_read_end need not be called. Errors: TRUNCATED, OVERSIZED, BAD_FIELD. */
enum err json_read_begin(struct json_document *d, struct json_place *root, const char *text,
                         size_t len, size_t len_max, struct wire_fault *fault);

/* Frees the tree and returns the first failure, or ERR_OK. */
enum err json_read_end(struct json_document *d);

/* Fails unless every member of the object is in `keys` (NULL-terminated). */
void json_read_only(const struct json_place *object, const char *const keys[]);

/* True if the object has that member: for optional ones. */
bool json_read_has(const struct json_place *object, const char *key);

/* The place of a member, for json_read_fail; its value is NULL if it is missing. */
struct json_place json_read_member(const struct json_place *object, const char *key);

/* Each reads a member that must be there and be in range; zero or empty after a failure. */
uint64_t json_read_uint(const struct json_place *object, const char *key, uint64_t min,
                        uint64_t max);
int64_t json_read_int(const struct json_place *object, const char *key, int64_t min, int64_t max);
bool json_read_bool(const struct json_place *object, const char *key);
struct name json_read_name(const struct json_place *object, const char *key);
struct addr json_read_addr(const struct json_place *object, const char *key);
struct prefix json_read_prefix(const struct json_place *object, const char *key);
struct public_key json_read_key(const struct json_place *object, const char *key);

/* Text of `len_min` to `size - 1` bytes of UTF-8 without control characters. */
void json_read_text(const struct json_place *object, const char *key, char *out, size_t len_min,
                    size_t size);

/* base64url of exactly `len` bytes. */
void json_read_bytes(const struct json_place *object, const char *key, void *out, size_t len);

/* A word that `word` gives for one of the values `first` to `last`; that value. */
unsigned json_read_word(const struct json_place *object, const char *key,
                        const char *(*word)(unsigned value), unsigned first, unsigned last);

/* The symbol of an error (peerd/base/err.h), "ok" included. */
enum err json_read_err(const struct json_place *object, const char *key);

/* The member as an object to walk into. */
struct json_place json_read_object(const struct json_place *object, const char *key);

/* Reads a member that must be an array of at most `max` elements into memory from calloc, `size`
 * bytes an element, one call of `read` each. Returns NULL if it is empty or on failure; otherwise
 * the caller frees it, also when a later member fails. */
void *json_read_array(const struct json_place *object, const char *key, size_t max, size_t size,
                      void (*read)(const struct json_place *element, void *out), size_t *count);

/* The same into the caller's storage of `max` elements. Returns how many there are. */
size_t json_read_list(const struct json_place *object, const char *key, void *out, size_t max,
                      size_t size, void (*read)(const struct json_place *element, void *out));

/* For elements that are no objects: `read` functions for the two above. */
void json_read_each_name(const struct json_place *element, void *out);       /* struct name */
void json_read_each_u32(const struct json_place *element, void *out);        /* uint32_t */
void json_read_each_addr(const struct json_place *element, void *out);       /* struct addr */
void json_read_each_prefix(const struct json_place *element, void *out);     /* struct prefix */
void json_read_each_session_id(const struct json_place *element, void *out); /* struct session_id */

/* For what only the decoder knows, such as two members that contradict each other. `expected`
 * completes the sentence "expected …". */
void json_read_fail(const struct json_place *place, const char *expected);

#endif
