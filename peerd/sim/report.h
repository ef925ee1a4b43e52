/*
 * The report of a run: what happened to the listeners, and whether that was expected.
 *
 * One struct and one writer for the simulator and for the live runner, so that both say the same
 * in the same form; nothing here knows which of them it is. JSON, one object in one line:
 *   {"runner":…, "scenario":…, "seed":…, "listeners":…, "frames_expected":…, "frames_lost":…,
 *    "frames_duplicated":…, "reordered":…, "duplicates_apart":…,
 *    "moves":[{"client":…,"cause":…,"from":…,"to":…,"at_ms":…,"detect_ms":…,"first_frame_ms":…,
 *              "gap_ms":…}, …],
 *    "verdicts":[{"at_ms":…,"observer":…,"peer":…,"verdict":…,"location":…,"evidence":…}, …],
 *    "events":[{"at_ms":…,"target":…,"text":…}, …],
 *    "gaps":[{"client":…,"at_ms":…,"ms":…}, …],
 *    "hedges":[{"client":…,"at_ms":…}, …], "hedges_left_out":…,
 *    "watch":{…, see report_watch.h},
 *    "expectations":[{"what":…,"met":…,"found":…}, …], "stood_still_ms":…, "broken_by":…,
 *    "ok":…}
 * `broken_by` is there if something went wrong that no expectation names: "interrupted". Instants
 * count from the start of the scenario [ms]. `stood_still_ms` is there if the machine of a live run
 * did so. Of hedges REPORT_HEDGES_MAX are told, and `hedges_left_out` says how many more there
 * were. first_frame_ms is −1 if the new server was never heard. A frame expected is one whose
 * playout instant has passed. `target` is empty for an event that is meant for all, or hits no
 * single cluster; `location` is there only if a cluster says it of its own path to a group of
 * clients. Lists are in the order of time, `moves` of the same instant and `gaps` and `hedges`
 * client by client. report_html.h draws the same report for people.
 */
#ifndef PEERD_SIM_REPORT_H
#define PEERD_SIM_REPORT_H

#include "peerd/base/interned.h"
#include "peerd/sim/scenario.h"

#define REPORT_TEXT_LEN_MAX 199 /* [characters] of evidence, an expectation, an outcome */
#define REPORT_NAME_LEN_MAX 47  /* [characters] of a client: its group, a dash, a number */

struct report_move {
    char client[REPORT_NAME_LEN_MAX + 1];
    uint32_t group;    /* of the client */
    struct name cause; /* as move_cause_name() says it */
    struct name from;
    struct name to;
    int64_t at_ms;          /* [ms] from then on the new server serves */
    int64_t detect_ms;      /* [ms] from the first missing arrival to the first hedge or commit */
    int64_t first_frame_ms; /* [ms] from the same instant to the new server's first frame */
    int64_t gap_ms;         /* [ms] of media missing at the output */
};

struct report_verdict {
    int64_t at_ms;
    struct name observer;
    struct name peer;
    struct name verdict;  /* as verdict_name() says it */
    struct name location; /* empty; else a cluster says this of its own path to where these clients
                             are: the first group in that network */
    char evidence[REPORT_TEXT_LEN_MAX + 1];
};

/* There may be a million. Texts are borrowed of whoever adds it, NULL for empty; of one in a report
 * they are the report's, and never NULL. */
struct report_client {
    const char *name;      /* its group, a dash, a number */
    const char *outcome;   /* `playing`, or why not */
    const char *served_by; /* the cluster that serves it at the end; empty: none */
    uint64_t frames_expected;
    uint64_t frames_lost;
    uint32_t frames_duplicated;
    uint32_t reordered;        /* [frames] at the output */
    uint32_t duplicates_apart; /* [frames] that came twice outside of any overlap: overlap.h */
    uint32_t hedges;
    int64_t gap_max_ms;     /* [ms] longest stretch of media missing at the output */
    int64_t served_from_ms; /* [ms] since when media has been heard without a break of
                               REPORT_BREAK_MS; REPORT_UNSERVED if it is not heard at the end */
    uint32_t group;
    bool left; /* it went, or never came, because the scenario says so: nobody owes it media */
};

#define REPORT_UNSERVED INT64_MAX
#define REPORT_BREAK_MS 200 /* [ms] less is a loss that a player conceals; this is an outage */

/* What the timeline did. */
struct report_event {
    int64_t at_ms;
    struct name target; /* cluster; empty: none, or many */
    char text[REPORT_TEXT_LEN_MAX + 1];
};

/* How a cluster is, from outside; the worst that holds. */
enum report_state {
    REPORT_STATE_UP,
    REPORT_STATE_DRAINING,
    REPORT_STATE_MAIMED,   /* a node or a worker of it is dead or stopped */
    REPORT_STATE_HEADLESS, /* its peerd is dead or stopped, its media lives */
    REPORT_STATE_STOPPED,  /* all of it */
    REPORT_STATE_DARK,     /* its packets vanish; its processes live */
    REPORT_STATE_DEAD,
    REPORT_STATE_COUNT
};

/* It has been so since `at_ms`; before the first change it was up. */
struct report_change {
    int64_t at_ms;
    uint32_t cluster; /* index in the scenario */
    enum report_state state;
};

/* What a picture of a listener needs. There may be millions, so they are small, and no more than
 * REPORT_MARKS_MAX are kept. */
enum report_mark_kind {
    REPORT_MARK_SERVED, /* from now on by cluster `value`; REPORT_NOBODY: by none */
    REPORT_MARK_HEDGED, /* it asked cluster `value` for a hedge */
    REPORT_MARK_GAP     /* from here on `value` ms of media were missing at the output */
};

struct report_mark {
    int64_t at_ms;
    uint32_t client; /* its number among the report's clients */
    uint32_t value;
    enum report_mark_kind kind;
};

#define REPORT_NOBODY     UINT32_MAX
#define REPORT_MARKS_MAX  8000000
#define REPORT_HEDGES_MAX 100000

struct report_watch;

struct report_expectation {
    char what[REPORT_TEXT_LEN_MAX + 1]; /* `at most 0 frames lost` */
    char found[REPORT_TEXT_LEN_MAX + 1];
    bool met;
};

struct report {
    const char *runner; /* "sim" or "live"; borrowed */
    struct name scenario;
    uint64_t seed;
    struct report_client *clients; /* owned, like the other arrays */
    uint32_t client_count;
    struct report_names *names; /* of clients, newest first */
    struct interns texts;       /* outcomes and clusters of clients */
    struct report_move *moves;
    uint32_t move_count;
    uint64_t entered[SCENARIO_CAUSES]; /* arrivals that ledgers hold, by cause; of "any" none */
    struct report_verdict *verdicts;
    uint32_t verdict_count;
    struct report_expectation *expectations;
    uint32_t expectation_count;
    struct report_event *events;
    uint32_t event_count;
    struct report_change *changes;
    uint32_t change_count;
    struct report_mark *marks;
    uint32_t mark_count;
    struct report_watch *watch; /* owned; NULL: not summed up */
    uint64_t marks_left_out;    /* beyond REPORT_MARKS_MAX */
    int64_t stood_still_ms;     /* [ms] the machine of a live run, when it should not; longest */
    bool broken; /* something went wrong that no expectation names; also when memory was short */
    const char *broken_by; /* what, if more is to be said: a literal, or NULL */
};

void report_init(struct report *r, const char *runner, const struct name *scenario, uint64_t seed);
void report_free(struct report *r);

/* Add a copy, of texts too. Without memory the report is broken, and says so. */
void report_add_client(struct report *r, const struct report_client *client);
void report_add_move(struct report *r, const struct report_move *move);
void report_add_verdict(struct report *r, const struct report_verdict *verdict);
void report_add_expectation(struct report *r, const struct report_expectation *expectation);
void report_add_event(struct report *r, const struct report_event *event);
void report_add_change(struct report *r, const struct report_change *change);
void report_add_mark(struct report *r, const struct report_mark *mark);

/* Sums over the clients. */
uint64_t report_frames_expected(const struct report *r);
uint64_t report_frames_lost(const struct report *r);
uint64_t report_frames_duplicated(const struct report *r);
uint64_t report_reordered(const struct report *r);
uint64_t report_duplicates_apart(const struct report *r);

/* True if nothing is broken and every expectation is met. */
bool report_ok(const struct report *r);

/* Marks client by client, those of one in the order of time; moves by their instant, those of one
 * instant client by client. The JSON wants it, and the page. */
void report_sort(struct report *r);

/* The JSON above, without a line feed, from malloc, the caller's to free(). NULL if memory is
 * short or text is not UTF-8. */
char *report_to_json(const struct report *r);

/* A summary for people: a table of groups, moves by cause, expectations. From malloc; NULL if
 * memory is short. `scenario` names the groups. */
char *report_to_text(const struct report *r, const struct scenario *scenario);

#endif
