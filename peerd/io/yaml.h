/*
 * YAML text to tree, through libyaml's event parser.
 *
 * Understood is the part of YAML that people write into configurations: one document of mappings,
 * lists and scalars, in UTF-8. Aliases, tags, merge keys and further documents are refused with a
 * sentence, and so is a file of more than YAML_BYTES_MAX, so that no small file makes much work.
 * What is refused so as a value leaves a place in the tree, marked as faulty, so that all else that
 * is wrong in the file is told with it; where the text is no YAML nothing behind that place is
 * known.
 */
#ifndef PEERD_IO_YAML_H
#define PEERD_IO_YAML_H

#include "peerd/policy/fault.h"
#include "peerd/policy/tree.h"

#define YAML_BYTES_MAX (1024u * 1024u)

/* Parses `len` bytes into an initialised, empty tree. An empty file gives a tree without root and
 * no fault. False: one fault at least was added, and the tree is empty again. True says only that
 * there is a tree: whoever reads it asks faults_any() afterwards. */
bool yaml_parse(struct tree *tree, const char *text, size_t len, struct faults *faults);

/* Reads and parses a file. The same, and a fault also if it cannot be read or is too large. */
bool yaml_load(struct tree *tree, const char *path, struct faults *faults);

/* The same, but where it is false the tree holds what stood before the place at which reading
 * ended: for who can do with a part. What was open there has fewer keys or items than the file. */
bool yaml_load_part(struct tree *tree, const char *path, struct faults *faults);

/* The way back: a document that yaml_parse reads into an equal tree, marks and comments aside. From
 * malloc, terminated, the caller's to free(); NULL if memory is short. Lists of the root stand one
 * item a line, all else within a line. */
char *yaml_write(const struct tree_node *root);

#endif
