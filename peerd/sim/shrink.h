/*
 * Shrinking: a scenario that fails is cut down until nothing can be left out any more.
 *
 * Delta debugging (Zeller & Hildebrandt 2002, the complements only, as Lithium does) over the tree
 * of the file, from its large pieces to its small ones (Misherghi & Su 2006, HDD): entries of the
 * timeline, whole sections, clusters and groups of clients with all that names them, how many there
 * are, single keys, the duration, and at last round instants. It works on the file's own words, so
 * a file of a person is cut down as well as a drawn one, and what the format learns later as well.
 * Whether a candidate still fails in the same way, the caller says; one that cannot be read does
 * not. Where so many moves are expected, listeners for them, a timeline and its time stay: a file
 * that no run could satisfy shows nothing.
 */
#ifndef PEERD_SIM_SHRINK_H
#define PEERD_SIM_SHRINK_H

#include "peerd/policy/tree.h"

enum shrink_verdict {
    SHRINK_SAME,   /* it fails as the original does */
    SHRINK_OTHER,  /* it does not, or cannot be read */
    SHRINK_ENOUGH, /* no time is left: shrinking ends with what it has */
};

struct shrink_options {
    enum shrink_verdict (*fails)(void *context, const char *text); /* runs this YAML */
    void *context;
    uint32_t attempts_max; /* candidates tried */
};

struct shrink_outcome {
    uint32_t entries_before, entries_after; /* of the timeline */
    uint32_t attempts;
};

/* Cuts `tree` down, a scenario that fails. False if memory was short: what was found so far is in
 * the tree all the same. */
bool shrink_tree(struct tree *tree, const struct shrink_options *options,
                 struct shrink_outcome *out);

#endif
