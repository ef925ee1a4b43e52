/*
 * A parsed document as a plain tree, whatever syntax it came from.
 *
 * Three kinds of node: a scalar (text, not yet a number or anything else), a sequence, a mapping.
 * Every node knows where it stood (line and column) and its way up, so that a fault can name both.
 * A tree is built by a parser through tree_scalar, tree_open and tree_close, in document order; it
 * owns its memory, bounds depth, nodes and text, and has no aliases: each node has one parent, so
 * nothing can be visited more often than it was written.
 */
#ifndef PEERD_POLICY_TREE_H
#define PEERD_POLICY_TREE_H

#include "peerd/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TREE_DEPTH_MAX    32              /* nested lists and mappings; a policy needs 5 */
#define TREE_NODES_MAX    100000          /* keys count as nodes */
#define TREE_TEXT_LEN_MAX (1024u * 1024u) /* [bytes] all scalars together */
#define TREE_PATH_LEN_MAX 127             /* [characters] `services[2].profiles[0]` */

struct mark {
    uint32_t line;   /* counted from 1; 0: nowhere in particular */
    uint32_t column; /* counted from 1, in characters */
};

enum tree_kind {
    TREE_SCALAR,
    TREE_SEQUENCE,
    TREE_MAPPING
};

struct tree_node {
    enum tree_kind kind;
    bool quoted; /* scalar: it stood in quotes or in a block, so it is text and no number */
    bool faulty; /* it, or something in it, was refused: further checks leave it alone */
    struct mark mark;
    const char *text;         /* scalar: terminated, without NUL inside */
    uint32_t len;             /* scalar: [bytes] */
    uint32_t count;           /* children */
    uint32_t index;           /* place among its siblings, counted from 0 */
    struct tree_node *key;    /* the scalar before the colon, if the parent is a mapping */
    struct tree_node *parent; /* NULL for the root */
    struct tree_node *first;  /* child */
    struct tree_node *last;   /* child */
    struct tree_node *next;   /* sibling */
};

struct tree_chunk;

struct tree {
    struct tree_node *root;    /* NULL until something was added */
    struct tree_node *open;    /* the innermost container still open */
    struct tree_node *key;     /* in a mapping: a key that waits for its value */
    struct tree_chunk *chunks; /* memory of nodes and text */
    size_t text_len;           /* [bytes] held so far */
    uint32_t nodes;            /* held so far */
    uint32_t depth;            /* containers open */
};

void tree_init(struct tree *t);

/* Gives back the memory; the tree is then as after tree_init. */
void tree_free(struct tree *t);

/* Adds a scalar, opens or closes a container, at the place where the parser stands. On a limit or a
 * text with NUL inside: ERR_OVERSIZED or ERR_BAD_FIELD, and the tree stays as it was: it holds what
 * came before. A key that is not a scalar, a close without open, or a second root gives
 * ERR_BAD_FIELD. */
enum err tree_scalar(struct tree *t, const char *text, size_t len, bool quoted, struct mark mark);
enum err tree_open(struct tree *t, enum tree_kind kind, struct mark mark);
enum err tree_close(struct tree *t);

/* Copies text into the tree's memory, where it lives as long as the tree: for who changes a tree
 * that was read. NULL: no memory, or more than TREE_TEXT_LEN_MAX. */
const char *tree_keep(struct tree *t, const char *text, size_t len);

/* The value under `key`; NULL if `mapping` is NULL, no mapping, or has no such key. */
struct tree_node *tree_find(const struct tree_node *mapping, const char *key);

/* The child at `index`; NULL if there is none. */
struct tree_node *tree_child(const struct tree_node *node, uint32_t index);

/* Writes the way from the root to the node, such as `peers[1].key`, "" for the root; a path that
 * does not fit begins with "…". `suffix` (may be NULL) is one more key below it. Returns `out`. */
const char *tree_path(const struct tree_node *node, const char *suffix,
                      char out[TREE_PATH_LEN_MAX + 1]);

#endif
