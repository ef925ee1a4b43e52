/*
 * The verdict: what we believe of a peer, after hearing everybody who knows something.
 *
 * Rules are a numbered total order; the first that applies wins (the test has a losing row for
 * each number):
 *    1 unknown      no proof of life since we started: nobody is convicted unheard
 *    2 draining     we trust it, and it says that it drains
 *    3 degraded     we trust it, and its clients fare markedly worse than with others
 *    4 alive        we trust it
 *    5 suspect      its beat is late, no more; or expired, sooner than `detect_within`
 *    6 headless     expired, but its nodes prove that media lives
 *    7 suspect      expired, its nodes have spoken and not yet proven it: one short wait
 *    8 partitioned  expired, but authentic beats come that do not hear us: one direction is cut
 *    9 partitioned  expired, but a fresh witness has proof newer than ours can be: it vetoes,
 *                   for VERDICT_VETO_MAX at most
 *   10 suspect      expired, but a fresh witness's proof is not old enough to tell
 *   11 crashed      expired, and nobody else has a reason to object
 * A view alone never convicts: without our own expiry the rules from 6 on are out of reach. A
 * witness can only object, it counts once per failure domain, and its objection wears out, so that
 * one that lies cannot keep a dead cluster alive for ever.
 *
 * A detector that knows its path well expires before `detect_within`, and is wrong as seldom as was
 * wished. That is rare enough to prepare and too often to convict: until our newest proof is
 * `detect_within` old, such an expiry is rule 5, whoever testifies.
 *
 * Why 9 and 10 cannot break `detect_within`: a witness's newest proof is from before the crash, so
 * it is older than `detect_within` no later than `detect_within` after the crash, ours or not.
 */
#ifndef MONITOR_VERDICT_H
#define MONITOR_VERDICT_H

#include "monitor/detector.h"
#include "peerd/base/id.h"
#include "peerd/base/time.h"

#include <stddef.h>

#define VERDICT_WITNESSES_MAX 64             /* as many as views fit into a beat */
#define VERDICT_TEXT_LEN_MAX  159            /* [characters] */
#define VERDICT_VETO_MAX      duration_s(10) /* [s] views hold a verdict up this long */
#define VERDICT_HEARING_MAX                                                                        \
    duration_ms(1000)                      /* [ms] a node or witness not heard for longer is mute */
#define VERDICT_VIEW_SLACK duration_ms(30) /* [ms] ages in views are coarse */

/* So many beats in a row must prove nothing before they mean deafness: the first one after a pause
 * of its sender was simply sent before it could hear anything. */
#define VERDICT_DEAF_BEATS 2

/* The numbers travel in beats and are never reused. */
enum verdict {
    VERDICT_UNKNOWN = 0,
    VERDICT_ALIVE = 1,
    VERDICT_SUSPECT = 2,
    VERDICT_HEADLESS = 3,
    VERDICT_CRASHED = 4,
    VERDICT_PARTITIONED = 5,
    VERDICT_DEGRADED = 6,
    VERDICT_DRAINING = 7
};
#define VERDICT_COUNT 8

/* What one trusted peer last said of the cluster in question. */
struct verdict_witness {
    struct name name;
    uint64_t domain;        /* its failure domain: equal numbers stand or fall together */
    struct instant life_at; /* its newest proof of life, on our clock; "never" for none */
    struct instant told_at; /* when that view arrived */
};

struct verdict_input {
    enum detector_opinion opinion;
    struct detector_figures figures;
    struct instant life_at;        /* our newest proof, see detector */
    struct instant expired_since;  /* when our own detector expired; "never" while it has not */
    struct instant media_life_at;  /* newest proof from one of its nodes; "never" for none */
    struct instant media_heard_at; /* newest word from one of its nodes; "never" for none */
    struct instant media_since;    /* first word of them in this silence; "never" for none */
    struct instant unconfirmed_at; /* newest beat that proves nothing; "never" for none */
    uint32_t unconfirmed;          /* such beats since its newest proof of life */
    struct duration interval;      /* beats are expected this often */
    struct duration rtt;           /* to the peer */
    struct duration detect_within;
    bool draining; /* it says so */
    bool degraded; /* performance says so */
    const struct verdict_witness *witnesses;
    size_t witness_count;
};

struct verdict_result {
    enum verdict verdict;
    uint8_t rule;                            /* number in the list above */
    struct instant again_at;                 /* when the same input could give another result */
    int64_t rtt_ms;                          /* [ms] that the evidence of rule 4 names */
    char evidence[VERDICT_TEXT_LEN_MAX + 1]; /* for people: "no beat for 310 ms; lon1 silent too" */
};

/* Judges. Pure: the same input gives the same result. */
void verdict_judge(struct verdict_result *out, const struct verdict_input *in, struct instant now);

/* True if the peer is alive as it was, so that judging it would give the same again: what nearly
 * every beat says. Of the input only opinion, words and round trip need be there. */
bool verdict_stands(const struct verdict_result *before, const struct verdict_input *in);

/* True if a session may choose it as a backup: alive, or for want of better degraded. One that is
 * merely late is left out, too: it may be about to turn out dead. */
bool verdict_is_usable(enum verdict v);

const char *verdict_name(enum verdict v);

#endif
