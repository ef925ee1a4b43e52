/*
 * Between the files of the scenario format: the tables, and what is done after reading by them.
 *
 * scenario_schema*.c take a file down as it is written, a row of it a record, names as names.
 * scenario_resolve*.c then find out what names stand for, and make of a row that stands for many
 * (`count: 50`, a list of instants) as many records. scenario_peers.c chooses the nearest.
 */
#ifndef PEERD_SIM_SCENARIO_PRIVATE_H
#define PEERD_SIM_SCENARIO_PRIVATE_H

#include "peerd/policy/schema_rows.h"
#include "peerd/sim/scenario.h"

#define WHEN_FORM       "an instant such as 5s, or {between: [4s, 6s]}"
#define PLACE_FORM      "a city such as frankfurt, or {latitude: …, longitude: …}"
#define SCENARIO_RTT_MS 20  /* [ms] where nothing says more */
#define CITY_KM         300 /* [km] clusters of one row lie so far around their place */

extern const char *const scenario_lie_words[];
extern const char *const scenario_resolver_words[];
extern const struct schema_table scenario_cluster_table;      /* struct scenario_cluster */
extern const struct schema_table scenario_clients_table;      /* struct scenario_clients */
extern const struct schema_table scenario_source_table;       /* struct scenario_source */
extern const struct schema_table scenario_stream_table;       /* struct scenario_stream */
extern const struct schema_table scenario_agreement_table;    /* struct scenario_agreement */
extern const struct schema_table scenario_wish_table;         /* struct scenario_wish */
extern const struct schema_table scenario_link_table;         /* struct scenario_link */
extern const struct schema_table scenario_access_table;       /* struct path_quality */
extern const struct schema_table scenario_event_table;        /* struct scenario_event */
extern const struct schema_table scenario_expectations_table; /* struct scenario_expectations */

extern const struct schema_row scenario_name_item; /* an element of a list of names */

/* Reads an instant into a struct scenario_when. */
void scenario_read_when(struct schema_run *run, const struct schema_row *row,
                        struct tree_node *node, void *field);

/* Reads a place into a struct policy_cluster, which then is placed. */
void scenario_read_place(struct schema_run *run, const struct schema_row *row,
                         struct tree_node *node, void *field);

/* Refuses names that are words of the format. */
void scenario_check_name(struct schema_run *run, const struct schema_row *row,
                         struct tree_node *node, void *field);

/* True if a row of that key was named by the entry as an option, such as `blackhole: true`. */
bool scenario_is_option(enum scenario_verb v, const struct tree_node *node);

/* The chain of bursts of that mean length that lose all: how it leaves its bad state, and how it
 * enters it if that share is to be lost; more than a million: no such chain loses so much. */
uint32_t scenario_burst_leave_ppm(double packets);
uint64_t scenario_burst_enter_ppm(uint32_t leave_ppm, uint32_t loss_ppm);

/* ---- names become indices ---- */

/* What a name may stand for at some place. */
enum {
    MAY_BE_ALL = 1,
    MAY_BE_SERVING = 2,
    MAY_BE_LAST = 4,
    MAY_BE_CLIENTS = 8,
    MAY_BE_GROUP = 16,
    MAY_BE_CLUSTER = 32,
    MAY_BE_REGION = 64 /* resolve_end only */
};
#define MAY_BE_END (MAY_BE_CLUSTER | MAY_BE_GROUP | MAY_BE_CLIENTS | MAY_BE_ALL | MAY_BE_REGION)

struct scenario_names;

struct resolving {
    struct schema_run *run;
    struct scenario *s;
    struct tree_node *root;
    bool clusters_good; /* every cluster has a name */
    bool groups_good;
    struct scenario_names *clusters, *groups; /* for looking up */
};

/* Fills in what was not said (profiles, services, sources) and turns names into indices. The
 * checker of scenario_table. */
void scenario_resolve(struct schema_run *run, struct tree_node *root, void *record);

/* True for words that mean something special where a cluster's name could stand. */
bool scenario_word_reserved(const char *text);

/* An index over `count` names, `stride` bytes from one to the next; NULL without memory. It points
 * into the records. */
struct scenario_names *scenario_names_make(const struct name *first, size_t stride, uint32_t count);
void scenario_names_free(struct scenario_names *names);
bool scenario_names_find(const struct scenario_names *names, const char *name, uint32_t *index);

/* Finds what a name stands for, SCENARIO_NONE with a fault if nothing; `group` (may be NULL) tells
 * a group of clients from a cluster. */
void resolve_name(struct resolving *r, struct tree_node *node, const struct name *name,
                  unsigned may_be, uint32_t *index, bool *group);

/* The same for an end of a link or a partition. */
void resolve_end(struct resolving *r, struct tree_node *node, unsigned may_be,
                 struct scenario_end *end);

/* Refuses a second end that is the first one again, where it is a single cluster: no packet goes
 * that way. */
void resolve_differ(struct resolving *r, struct tree_node *node, const struct scenario_end *first,
                    const struct scenario_end *second);

/* The n-th value of a list that may have been written as a single value. */
struct tree_node *resolve_element(struct tree_node *list, uint32_t n);

/* Refuses what is not among the names of another list of the file, such as `profiles`. */
void resolve_known(struct resolving *r, struct tree_node *node, const char *what, const char *list,
                   const void *names, size_t stride, uint32_t count);
#define RESOLVE_KNOWN(r, node, what, list, array, field, count)                                    \
    resolve_known(r, node, what, list, &(array)[0].field, sizeof((array)[0]), count)

/* Refuses an instant after the end of the scenario. */
void resolve_instant(struct resolving *r, struct tree_node *node, const struct scenario_when *when);
void resolve_no_memory(struct resolving *r);

/* The parts of scenario_resolve. Clusters first: the rest refers to them. */
void resolve_cluster_rows(struct resolving *r);
void resolve_peerings(struct resolving *r);
void resolve_discovery(struct resolving *r); /* after the timeline */
void resolve_streams(struct resolving *r);   /* after the clusters */
void resolve_steered(struct resolving *r);   /* after the expectations: who has no session */
void resolve_link(struct resolving *r, struct tree_node *node, struct scenario_link *link);
void resolve_events(struct resolving *r);
void resolve_expectations(struct resolving *r);

/* Refuses to restart, continue or heal what no earlier entry of `list` can have killed, stopped or
 * cut off. For a timeline without a fault, when each event has one instant. */
void resolve_undone(struct resolving *r, struct tree_node *list);

/* ---- worked out ---- */

/* Chooses the peers of all clusters that want the nearest ones, and the clusters that listeners
 * ask who want the nearest ones. False without memory. */
bool scenario_choose_nearest(struct scenario *s);

/* Then, and by topo/choose, the peers of those who choose by coverage. False without memory. */
bool scenario_choose_covering(struct scenario *s);

/* Makes the index that scenario_way looks into. Without memory there is none. */
struct scenario_ways *scenario_ways_make(const struct scenario *s);
void scenario_ways_free(struct scenario_ways *ways);

/* Reads a matrix from memory; false with one fault, `out` untouched. */
bool scenario_matrix_parse(const char *text, size_t len, struct scenario_matrix *out,
                           struct faults *faults);

/* How others write matrices. */
struct scenario_matrix_form {
    double unit_ms; /* [ms] of a value: 1000 for seconds */
    bool gaps;      /* `nan`, `-1`, `-` and the like are what was not measured, not mistakes */
};

bool scenario_matrix_parse_form(const char *text, size_t len,
                                const struct scenario_matrix_form *form,
                                struct scenario_matrix *out, struct faults *faults);

/* A file of that kind, from malloc; NULL with a fault. */
char *scenario_matrix_slurp(const char *path, size_t *len, struct faults *faults);

#endif
