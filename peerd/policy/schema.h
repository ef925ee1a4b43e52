/*
 * A schema: one table row a key, and one engine that reads a tree by it.
 *
 * A row says everything about a key: type, range, default, whether it must be given, what it means,
 * and where its value goes. Ranges and defaults stand in the table as a person would write them in
 * the file ("10ms..10s", "64kbit/s") and pass through the same parsers. Reading never stops at the
 * first fault: every fault of a file is found in one pass. The same table writes the reference for
 * people (schema_markdown). Policy and scenario files are both read this way.
 *
 * To add a key: a field in the struct (policy.h), a row in its table (policy_schema.c), perhaps a
 * checker; default, range, fault and reference follow from the row.
 */
#ifndef PEERD_POLICY_SCHEMA_H
#define PEERD_POLICY_SCHEMA_H

#include "peerd/policy/fault.h"
#include "peerd/policy/tree.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum schema_type {
    SCHEMA_NAME,        /* struct name: 1 to 31 of a-z, 0-9, '-', '_', '.' */
    SCHEMA_TEXT,        /* char[size] */
    SCHEMA_COUNT,       /* uint32_t */
    SCHEMA_U64,         /* uint64_t */
    SCHEMA_NUMBER,      /* double */
    SCHEMA_BOOL,        /* bool: true or false */
    SCHEMA_DURATION,    /* struct duration, unit required: us, ms, s, min, h, d */
    SCHEMA_DURATION_MS, /* uint32_t [ms], unit required in the file */
    SCHEMA_PERCENT,     /* uint32_t [parts per million], `2%` in the file */
    SCHEMA_BITRATE,     /* uint32_t [bit/s], `64kbit/s` in the file */
    SCHEMA_FREQUENCY,   /* uint32_t [Hz], `8kHz` in the file */
    SCHEMA_ADDR,        /* struct addr: ip:port, port not 0 */
    SCHEMA_HOST,        /* struct addr: an address, port 0 if none is given */
    SCHEMA_PREFIX,      /* struct prefix: 192.0.2.0/24 */
    SCHEMA_KEY,         /* struct public_key: k4.public.… */
    SCHEMA_ENUM,        /* an enum (int): index into `words` */
    SCHEMA_MAPPING,     /* a struct, by `table` */
    SCHEMA_LIST,        /* array of values by `item` (a row), or of structs by `table` */
    SCHEMA_CUSTOM       /* whatever `read` makes of it; `form` describes it */
};

struct schema_table;

/* One pass over one tree. */
struct schema_run {
    struct faults *faults; /* where faults go */
    void *context;         /* of the caller, for checkers */
};

struct schema_row {
    const char *key;
    enum schema_type type;
    size_t offset;      /* [bytes] into the struct that the table describes */
    bool required;      /* without it the mapping is refused */
    const char *preset; /* value if the key is absent, as in the file; NULL: all zero, "unset" */
    const char *range;  /* "10ms..10s", both ends allowed; NULL: whatever the type holds */
    const char *doc;    /* a sentence for people */
    size_t size;        /* SCHEMA_TEXT: [bytes] with its terminator; SCHEMA_CUSTOM: or 0 */
    const char *const *words;         /* SCHEMA_ENUM: NULL-terminated */
    const struct schema_table *table; /* SCHEMA_MAPPING, and SCHEMA_LIST of mappings */
    const struct schema_row *item;    /* SCHEMA_LIST of scalars: key and offset unused */
    size_t stride;                    /* SCHEMA_LIST: [bytes] from one element to the next */
    size_t count_offset; /* SCHEMA_LIST: where the number of elements goes (uint32_t) */
    uint32_t count_max;  /* SCHEMA_LIST: elements there is room for, or that are allowed */
    bool heap;           /* SCHEMA_LIST: the field is a pointer; freed by schema_release */
    bool single;         /* SCHEMA_LIST of scalars: one value may stand without the brackets */
    const char *unique;  /* SCHEMA_LIST of mappings: the key whose value must differ; of scalars:
                            "" if they must differ */
    const char *form;    /* what is expected, for the fault and the reference; NULL: by type */
    /* SCHEMA_CUSTOM: reads the node into the field; adds faults itself. */
    void (*read)(struct schema_run *run, const struct schema_row *row, struct tree_node *node,
                 void *field);
    /* Called with a value that was read well, for what a type and a range cannot say. */
    void (*check)(struct schema_run *run, const struct schema_row *row, struct tree_node *node,
                  void *field);
};

struct schema_table {
    const char *title; /* "a peer", for faults and headings */
    const char *doc;   /* a paragraph for people; may be NULL */
    const struct schema_row *rows;
    size_t row_count;
    size_t record_size; /* [bytes] of the struct */
    /* Called after all rows, even if some were refused: look at node->faulty of what you use. */
    void (*check)(struct schema_run *run, struct tree_node *node, void *record);
};

/* Reads a whole document into `record`, which is zeroed first. Faults are added in file order; the
 * record is fit for use only if there are none. `root` may be NULL (an empty file). Free heap lists
 * with schema_release in either case. */
void schema_read(const struct schema_table *table, struct tree_node *root, void *record,
                 struct faults *faults, void *context);

/* Frees the heap lists within a record. The record itself stays the caller's. */
void schema_release(const struct schema_table *table, void *record);

/* ---- for checkers and custom readers ---- */

/* Reads a mapping or one value; false after adding faults. */
bool schema_read_mapping(struct schema_run *run, const struct schema_table *table,
                         struct tree_node *node, void *record);
bool schema_read_value(struct schema_run *run, const struct schema_row *row, struct tree_node *node,
                       void *field);

/* Fills in a fault "expected <row's form>, found <node>". */
struct fault *schema_mismatch(struct schema_run *run, const struct schema_row *row,
                              struct tree_node *node);

/* "a list", "a mapping", "nothing" or the scalar in back quotes, shortened. */
void schema_found(struct fault *x, const struct tree_node *node);

/* The value under `key` if it is there and was read without a fault, else NULL. */
struct tree_node *schema_good(const struct tree_node *mapping, const char *key);

/* True if every element of a list has a good value under `key`; a missing list counts as good. If
 * not, somebody who refers to an element by that key may be right after all. */
bool schema_names_good(const struct tree_node *list, const char *key);

/* ---- for people ---- */

/* Visits a table and all below it, each once, with where it stands first: "" for the whole file,
 * `services[].priority` and the like below. */
typedef void (*schema_visit_fn)(void *data, const struct schema_table *table, const char *path);
void schema_walk(const struct schema_table *table, schema_visit_fn visit, void *data);

/* Writes the reference as Markdown, one table a mapping, headings from `level` (2: "##"). Like
 * snprintf it returns the whole length and never writes past `size`. */
size_t schema_markdown(const struct schema_table *table, unsigned level, char *out, size_t size);

/* The same as sections of a man page, in mdoc(7), below a heading of the caller's (schema_mdoc.c).
 */
size_t schema_mdoc(const struct schema_table *table, char *out, size_t size);

/* Checks a table itself: ranges and defaults parse, keys differ, lists fit. NULL if it is sound,
 * otherwise the key of the first bad row. For tests. */
const char *schema_table_defect(const struct schema_table *table);

#endif
