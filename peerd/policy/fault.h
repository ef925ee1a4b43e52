/*
 * Faults: what is wrong in a file that a person wrote, all of it at once.
 *
 * A fault says where (file:line:column and the path of the field), what was expected, what was
 * found, and where possible what to do. Secrets never enter a fault: what looks like a token or a
 * secret key is described, not quoted.
 */
#ifndef PEERD_POLICY_FAULT_H
#define PEERD_POLICY_FAULT_H

#include "peerd/policy/tree.h"

#define FAULTS_MAX         64   /* kept; the rest is counted */
#define FAULT_TEXT_LEN_MAX 255  /* [bytes] each of expected, found and hint */
#define FAULT_FILE_LEN_MAX 255  /* [bytes] */
#define FAULT_LINE_LEN_MAX 1280 /* [bytes] a fault in one line, file name included */

struct fault {
    struct mark mark;
    char path[TREE_PATH_LEN_MAX + 1];      /* `detection.interval`; empty: the whole file */
    char expected[FAULT_TEXT_LEN_MAX + 1]; /* "a duration such as 250ms" */
    char found[FAULT_TEXT_LEN_MAX + 1];    /* "`250`" */
    char hint[FAULT_TEXT_LEN_MAX + 1];     /* "a bare number has no unit; …"; may be empty */
};

/* About 60 KiB: for the heap or static storage. */
struct faults {
    char file[FAULT_FILE_LEN_MAX + 1]; /* as the caller named it */
    struct fault list[FAULTS_MAX];
    uint32_t count;     /* in the list */
    uint32_t lost;      /* found after the list was full */
    struct fault spare; /* where those go */
};

void faults_init(struct faults *f, const char *file);
bool faults_any(const struct faults *f);

/* True if one more would only be counted: then its hint is not worth working out. */
bool faults_full(const struct faults *f);

/* Adds a fault about a node (NULL: the whole file) and marks it and all above it as faulty. `key`
 * (may be NULL) names something missing below it. The caller fills in expected, found and hint;
 * the result is never NULL and valid until the next call. */
struct fault *fault_add(struct faults *f, struct tree_node *node, const char *key);
/* The same where there is no tree, or none yet. */
struct fault *fault_add_at(struct faults *f, struct mark mark, const char *path);

__attribute__((format(printf, 2, 3))) void fault_expected(struct fault *x, const char *format, ...);
__attribute__((format(printf, 2, 3))) void fault_found(struct fault *x, const char *format, ...);
__attribute__((format(printf, 2, 3))) void fault_hint(struct fault *x, const char *format, ...);

/* Puts them in the order of the file. */
void faults_sort(struct faults *f);

/* One line without a line feed: `fra1.yaml:7:13: detection.interval: expected a duration such as
 * 250ms, found `250` (a bare number has no unit: write 250ms or 250s)`. Returns `out`. */
const char *fault_to_text(const struct faults *f, const struct fault *x,
                          char out[FAULT_LINE_LEN_MAX + 1]);

/* The word among `count` words nearest to `text` by edits, NULL if none is near enough to be
 * meant. */
const char *fault_nearest(const char *text, const char *const *words, size_t count);

#endif
