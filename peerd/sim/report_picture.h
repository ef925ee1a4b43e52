/*
 * What a page about a run shows: which listeners and clusters, in which colours, and where to look
 * first. Here it is chosen; report_html*.c write it down.
 *
 * A run may have a million listeners and a thousand clusters; a picture has room for a few dozen.
 * The worst come first: who lost most, then who hears nothing at the end, then who moved.
 */
#ifndef PEERD_SIM_REPORT_PICTURE_H
#define PEERD_SIM_REPORT_PICTURE_H

#include "peerd/sim/report.h"

#define PICTURE_LANES_MAX    60 /* listeners */
#define PICTURE_ALIKE_MAX    10 /* of a group, that lost nothing, if not all fit */
#define PICTURE_CLUSTERS_MAX 24
#define PICTURE_COLOURS      8 /* beyond them grey */

/* Instants that explain much. */
enum picture_subject {
    PICTURE_FIRST_LOSS,  /* the first frame that was lost */
    PICTURE_LONGEST_GAP, /* where it begins, if that is another instant */
    PICTURE_FIRST_MOVE,  /* if that is another instant, too */
    PICTURE_FIRST_EVENT, /* if nothing was lost and nobody moved */
    PICTURE_VIOLATION    /* where an invariant was broken: the last that happened */
};

#define PICTURE_FOCUSES_MAX 2

struct picture_focus {
    enum picture_subject subject;
    int64_t at_ms;
    uint32_t client;                    /* of a loss; UINT32_MAX: of none in particular */
    int64_t gap_ms;                     /* that begins there, at that client */
    const struct report_event *culprit; /* the last event before it; NULL: none */
};

struct picture {
    const struct report *report; /* borrowed; its marks are sorted */
    const struct scenario *scenario;
    int64_t end_ms;
    uint32_t *marks_of; /* by client: its first mark; one more than there are clients */
    uint8_t *colours;   /* by cluster: 0 to PICTURE_COLOURS − 1, or PICTURE_COLOURS: grey */
    uint32_t *lanes;    /* clients, worst first, then by group */
    uint32_t lane_count;
    uint32_t *clusters; /* in the order of the scenario */
    uint32_t cluster_count;
    struct picture_focus focuses[PICTURE_FOCUSES_MAX];
    uint32_t focus_count; /* 0: nothing happened */
};

/* False if memory is short; picture_free in either case. */
bool picture_make(struct picture *p, const struct report *report, const struct scenario *scenario);
void picture_free(struct picture *p);

/* The cluster that serves a client at an instant; REPORT_NOBODY if none does. */
uint32_t picture_served_by(const struct picture *p, uint32_t client, int64_t at_ms);

/* True if the client has a mark of this kind between two instants. */
bool picture_has(const struct picture *p, uint32_t client, enum report_mark_kind kind,
                 int64_t from_ms, int64_t to_ms);

/* Index of a cluster by name; UINT32_MAX if there is none. */
uint32_t picture_cluster(const struct picture *p, const struct name *name);

#endif
