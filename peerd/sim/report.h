/*
 * The report of a run: what happened to the listeners, and whether that was expected.
 *
 * One struct and one writer for the simulator and for the live runner, so that both say the same
 * in the same form; nothing here knows which of them it is. JSON, one object in one line:
 *   {"runner":…, "scenario":…, "seed":…, "listeners":…, "frames_expected":…, "frames_lost":…,
 *    "frames_duplicated":…,
 *    "moves":[{"client":…,"cause":…,"from":…,"to":…,"at_ms":…,"detect_ms":…,"first_frame_ms":…,
 *              "gap_ms":…}, …],
 *    "verdicts":[{"at_ms":…,"observer":…,"peer":…,"verdict":…,"evidence":…}, …],
 *    "expectations":[{"what":…,"met":…,"found":…}, …], "ok":…}
 * Instants count from the start of the scenario [ms]. first_frame_ms is −1 if the new server was
 * never heard. A frame expected is one whose playout instant has passed.
 */
#ifndef PEERD_SIM_REPORT_H
#define PEERD_SIM_REPORT_H

#include "peerd/sim/scenario.h"

#define REPORT_TEXT_LEN_MAX 199 /* [characters] of evidence, an expectation, an outcome */
#define REPORT_NAME_LEN_MAX 47  /* [characters] of a client: its group, a dash, a number */

struct report_move {
    char client[REPORT_NAME_LEN_MAX + 1];
    uint32_t group;    /* of the client */
    struct name cause; /* as move_cause_name() says it */
    struct name from;
    struct name to;
    int64_t at_ms;          /* [ms] when the output had passed it */
    int64_t detect_ms;      /* [ms] from the first missing arrival to the first hedge or commit */
    int64_t first_frame_ms; /* [ms] from the same instant to the new server's first frame */
    int64_t gap_ms;         /* [ms] of media missing at the output */
};

struct report_verdict {
    int64_t at_ms;
    struct name observer;
    struct name peer;
    struct name verdict; /* as verdict_name() says it */
    char evidence[REPORT_TEXT_LEN_MAX + 1];
};

struct report_client {
    char name[REPORT_NAME_LEN_MAX + 1];
    uint32_t group;
    uint64_t frames_expected;
    uint64_t frames_lost;
    uint64_t frames_duplicated;
    uint64_t hedges;
    int64_t gap_max_ms;     /* [ms] longest stretch of media missing at the output */
    int64_t served_from_ms; /* [ms] since when media has been heard without a break of
                               REPORT_BREAK_MS; REPORT_UNSERVED if it is not heard at the end */
    char outcome[REPORT_TEXT_LEN_MAX + 1]; /* `playing`, or why not */
};

#define REPORT_UNSERVED INT64_MAX
#define REPORT_BREAK_MS 200 /* [ms] less is a loss that a player conceals; this is an outage */

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
    struct report_move *moves;
    uint32_t move_count;
    struct report_verdict *verdicts;
    uint32_t verdict_count;
    struct report_expectation *expectations;
    uint32_t expectation_count;
    bool broken; /* something went wrong that no expectation names; also when memory was short */
};

void report_init(struct report *r, const char *runner, const struct name *scenario, uint64_t seed);
void report_free(struct report *r);

/* Add a copy. Without memory the report is broken, and says so. */
void report_add_client(struct report *r, const struct report_client *client);
void report_add_move(struct report *r, const struct report_move *move);
void report_add_verdict(struct report *r, const struct report_verdict *verdict);
void report_add_expectation(struct report *r, const struct report_expectation *expectation);

/* Sums over the clients. */
uint64_t report_frames_expected(const struct report *r);
uint64_t report_frames_lost(const struct report *r);
uint64_t report_frames_duplicated(const struct report *r);

/* True if nothing is broken and every expectation is met. */
bool report_ok(const struct report *r);

/* The JSON above, without a line feed, from malloc, the caller's to free(). NULL if memory is
 * short or text is not UTF-8. */
char *report_to_json(const struct report *r);

/* A summary for people: a table of groups, moves by cause, expectations. From malloc; NULL if
 * memory is short. `scenario` names the groups. */
char *report_to_text(const struct report *r, const struct scenario *scenario);

#endif
