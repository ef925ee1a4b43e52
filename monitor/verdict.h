/*
 * The verdict: what we believe of a peer, after hearing everybody who knows something.
 *
 * Rules are a numbered total order; the first that applies wins (the test has a losing row for
 * each number). README.md says what is done about each verdict:
 *    1 unknown      no proof of life since we started: nobody is convicted unheard
 *    2 draining     we trust it, and it says that it drains
 *    3 degraded     we trust it, and its clients fare markedly worse than with others
 *    4 alive        we trust it
 *    5 suspect      its beat is late, no more; or expired, sooner than `detect_within`; and 10 does
 *                   not apply
 *    6 headless     expired, but its nodes prove that media lives
 *    7 suspect      expired, its nodes have spoken and not yet proven it: one short wait, which is
 *                   not for one convicted: a word without proof may be a recording
 *    8 partitioned  expired, but authentic beats come that do not hear us: one direction is cut
 *    9 partitioned  expired, but a witness has proof newer than ours can be: it vetoes,
 *                   for VERDICT_VETO_MAX at most
 *   10 crashed      late or expired, what we asked of it was not answered, and its clients miss it
 *                   too, as do others: beats and media have stopped, there is nothing to wait for
 *   11 suspect      expired, but a witness's proof is not old enough to tell, or a witness has not
 *                   told since: one whose words are lost is no reason to convict
 *   12 suspect      expired, with nobody to ask, or few that agree, on a path too bad to convict
 *                   by so few ears so soon; or with everybody else at once, or after losses on it,
 *                   before it is measured
 *   13 crashed      expired, and nobody else has a reason to object
 *
 * A view alone never convicts: without our own suspicion, and a question of ours that was not
 * answered, the rules from 6 on are out of reach. A witness can only object or agree, it counts
 * once per failure domain, and its objection wears out, so that one that lies cannot keep a dead
 * cluster alive for ever. A client has a ticket or it is not heard; all those of one location are
 * one witness, and they count only where most of those whom we know there, and of all, say so.
 *
 * A detector that knows its path well expires before `detect_within`, and is wrong as seldom as was
 * wished. That is rare enough to prepare and too often to convict: until our newest proof is
 * `detect_within` old, such an expiry is rule 5, whichever other cluster testifies.
 *
 * Why 9 and 11 cannot break `detect_within`: a witness's newest proof is from before the crash, so
 * it is older than `detect_within` no later than `detect_within` after the crash, ours or not. One
 * that has not told is awaited for as long as it may still be alive itself, by our own detector. 12
 * breaks it on purpose, by half with one that agrees and up to VERDICT_ALONE_MAX times without any:
 * on a path that loses beats in bursts one cannot have both `detect_within` and
 * `false_alarm_every` from one pair of ears, and where there is no other cluster to turn to nothing
 * is gained by haste. With two that agree it does not: a proof is as of when the beat left that it
 * echoes, and the peer lived for half a round trip longer, to take that in. On such a path proofs,
 * ours and a witness's, count for so much longer, by half of `detect_within` at most; and still a
 * crash is noticed within `detect_within` of it, as far as both ways take the same time.
 *
 * Of a path that is not measured yet nobody knows how much it loses. If all others fall silent at
 * once, that is more likely ours than theirs, and there is nobody to turn to: we wait by half
 * longer. So do we if it has lost beats at all, whoever agrees: other ways to it may be as bad, and
 * lose a burst while ours does (quiet.yaml, seeds 475 and 733). Its clients' word needs no wait.
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
/* A node or witness not heard for longer is mute. */
#define VERDICT_HEARING_MAX duration_ms(1000)
#define VERDICT_VIEW_SLACK  duration_ms(30) /* [ms] ages in views are coarse */

/* So many beats in a row must prove nothing before they mean deafness: the first one after a pause
 * of its sender was simply sent before it could hear anything. */
#define VERDICT_DEAF_BEATS 2

#define VERDICT_PROBES    3 /* beats, a quarter interval after the other, to which no answer … */
#define VERDICT_SHARE     2 /* one in so many clients must miss it, or their word is none */
#define VERDICT_DOMAINS   2 /* clients' locations and witnesses' failure domains that miss it … */
#define VERDICT_ALONE     1 /* … and one more if so few clients only hedge: one is one bad way */
#define VERDICT_ALONE_MAX 5 /* times detect_within: without anybody to ask we wait no longer */
#define VERDICT_ENOUGH    3 /* failure domains that agree outweigh one that has not told yet */

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
    struct duration age;    /* of that proof, as told; endless for none */
    struct duration rtt;    /* between those two, as told; zero for unknown */
    struct instant mute_at; /* until then its next word is awaited */
};

/* What clients say whom that cluster served, and who have the right to resume with us. */
struct verdict_clients {
    uint32_t known;           /* that stand by here, or did */
    uint32_t missing;         /* of them: have heard nothing from it since our newest proof */
    uint32_t places_known;    /* locations of the first … */
    uint32_t places;          /* … and those of them where most miss it */
    struct duration within;   /* the first word and the last lie no further apart */
    struct instant forget_at; /* these words count until then */
    uint32_t moved;           /* of those missing: they have committed here, and hedge no longer */
};

struct verdict_input {
    enum detector_opinion opinion;
    struct detector_figures figures;
    struct instant life_at;         /* our newest proof, see detector */
    struct instant suspected_since; /* when it was last trusted; "never" while it is */
    struct instant expired_since;   /* when our own detector expired; "never" while it has not */
    struct instant media_life_at;   /* newest proof from one of its nodes; "never" for none */
    struct instant media_heard_at;  /* newest word from one of its nodes; "never" for none */
    struct instant media_since;     /* first word of them in this silence; "never" for none */
    struct instant heard_at;        /* newest beat of it, whatever it proves; "never" for none */
    struct instant unconfirmed_at;  /* newest beat that proves nothing; "never" for none */
    uint32_t unconfirmed;           /* such beats since its newest proof of life */
    struct duration interval;       /* beats are expected this often */
    struct duration rtt;            /* to the peer */
    struct duration detect_within;
    bool draining;  /* it says so */
    bool degraded;  /* performance says so */
    bool convicted; /* crashed was the verdict before: doubts of 7, 11 and 12 are behind us */
    bool deserted;  /* all others fell silent with it, of whom there are some */
    const struct verdict_witness *witnesses;
    size_t witness_count;
    struct verdict_clients clients;
};

/* What a witness's word is worth. */
enum verdict_word {
    VERDICT_WORD_OBJECTS, /* it has proof that we cannot explain away */
    VERDICT_WORD_UNSURE,  /* it heard it too recently to tell */
    VERDICT_WORD_AGREES,  /* it has missed it for longer than ever happens by itself */
    VERDICT_WORD_AWAITED, /* what it told was usual then, and it has told nothing since */
    VERDICT_WORD_NONE     /* it is not awaited any longer */
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

/* For those who ask it: whether it must be asked again. */
enum verdict_word verdict_word_of(const struct verdict_input *in, const struct verdict_witness *w,
                                  struct instant now);

/* True if a session may choose it as a backup: alive, or for want of better degraded. One that is
 * merely late is left out, too: it may be about to turn out dead. */
bool verdict_is_usable(enum verdict v);

const char *verdict_name(enum verdict v);

#endif
