/*
 * Ranking: which clusters should back a session up, or serve a location, best first.
 *
 * Candidates are compared by a numbered total order, and the first rule that tells two apart
 * decides (the test has a losing row for each number). Three of them exclude, the others order:
 *    1 may it? It takes our sessions, and policy lets us give them       else not in the list
 *    2 it holds or reaches the source, same content, and the profile     else not in the list
 *    3 its verdict allows it, and it does not drain                      else not in the list
 *    4 a free slot
 *    5 the experience expected there, by G.107's bands of satisfaction; what is not known, or not
 *      sure, is not held against anybody
 *    6 falls with the serving cluster: provider, then region, then upstream
 *    7 falls with those before it in the list: provider, then region, then upstream
 *    8 the same determinism id: frames merge, nothing has to be switched over
 *    9 cost
 *   10 nearness to the client: the round trip that clients measured, else what coordinates
 *      estimate, else the round trip between the clusters
 *   11 name
 * Verdict stands before slots since it excludes; what cannot be had is looked at first.
 *
 * Nearness counts in classes of 2 ms, from 64 ms on of a sixteenth of an octave (3 to 6 %), which
 * is what clients can tell apart. A round trip between clusters says less about the client and
 * counts in whole octaves from 8 ms on, so that noise does not reorder anybody.
 *
 * Those who are equal by 1 to 10 are dealt to the sessions of a cluster in proportion to their
 * room, so that a dead site is not a stampede on one neighbour: the next in the order is one of
 * them with a probability that follows its free slots, and so is the one after it among the others.
 * A session draws by its id one of RANK_CLASSES points that divide all this evenly, and not one of
 * its own: sessions of one class have the same backups, and can be kept as one group. The points
 * divide the first choice of up to six equals exactly (sessions draw their points by chance). It
 * depends on nothing but session and candidates: whoever ranks the same gets the same order.
 *
 * Weighted rendezvous hashing (Thaler & Ravishankar 1998; Schindelhauer & Schomaker 2005) has the
 * same distribution and would also keep orders alike when a candidate goes; but a ticket is ranked
 * once, and hashing so few classes would be far from fair.
 */
#ifndef TOPO_RANK_H
#define TOPO_RANK_H

#include "peerd/base/addr.h"
#include "peerd/base/id.h"
#include "peerd/base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RANK_CANDIDATES_MAX 64
#define RANK_CLASSES        60 /* of sessions: 2, 3, 4, 5 and 6 divide it */

/* Where a cluster stands or falls with others; zero is "not known", which gains nothing: it counts
 * as the same as everybody's. */
struct rank_place {
    uint64_t provider; /* rank_domain_of a name */
    uint64_t region;
    uint64_t upstream;
};

/* What clients of the location experience there: the R-factor of ITU-T G.107, in tenths. */
struct rank_experience {
    bool known;
    uint16_t r_tenths;      /* 0..1000 */
    uint16_t margin_tenths; /* it is not better than r + margin, with the confidence asked for */
};

/* What nobody has filled in is unknown, and counts neither for nor against. */
struct rank_candidate {
    struct name name;
    struct rank_place place;
    bool usable;           /* verdict allows it and it is not draining */
    bool offers;           /* service, profile, and source with equal digest */
    bool accepts;          /* it takes our sessions, and we may give them */
    bool same_determinism; /* as the serving cluster, for that profile */
    uint32_t free_slots;
    uint32_t cost; /* in whatever unit the policies agree upon; 0: none */
    struct rank_experience experience;
    struct duration rtt;           /* between the clusters; zero or endless: unknown */
    struct duration rtt_measured;  /* by the clients; zero: by none */
    uint32_t measured_by;          /* so many of them at least; for tables */
    struct duration measured_ago;  /* the newest; for tables */
    bool measured_by_ours;         /* by clients that we serve; for tables */
    struct prefix measured_from;   /* by neighbours within; family 0: at the place itself */
    struct duration rtt_estimated; /* by coordinates; zero: unknown */
};

enum rank_rule {
    RANK_RULE_NONE = 0, /* the very same candidate, or the first of a table */
    RANK_RULE_MAY = 1,
    RANK_RULE_SOURCE = 2,
    RANK_RULE_VERDICT = 3,
    RANK_RULE_FREE_SLOTS = 4,
    RANK_RULE_EXPERIENCE = 5,
    RANK_RULE_SERVING = 6,
    RANK_RULE_LIST = 7,
    RANK_RULE_DETERMINISM = 8,
    RANK_RULE_COST = 9,
    RANK_RULE_NEARNESS = 10,
    RANK_RULE_NAME = 11
};

/* What a rule asks, in a few words for tables. */
const char *rank_rule_text(enum rank_rule rule);

/* From whom to be independent: the serving cluster, and those in the list already. */
struct rank_list {
    struct rank_place serving;
    const struct rank_place *before;
    size_t before_count;
};

/* A number for a provider, region or upstream text (FNV-1a, 64 bit); 0 for the empty text. */
uint64_t rank_domain_of(const char *text);

/* One number for the whole place: witnesses of equal domain count once. */
uint64_t rank_place_domain(const struct rank_place *place);

/* The rule that keeps it out of the list; RANK_RULE_NONE if none does. */
enum rank_rule rank_excluded_by(const struct rank_candidate *c);

/* Negative if `a` comes first. `rule`, if not NULL, says which number decided. */
int rank_compare(const struct rank_candidate *a, const struct rank_candidate *b,
                 const struct rank_list *list, enum rank_rule *rule);

/* Writes the indexes of the best eligible candidates, best first, at most `room` of them, and
 * returns how many. `count` is at most RANK_CANDIDATES_MAX. Without a session (NULL) equals are not
 * dealt: they come by name. */
size_t rank_order(const struct rank_candidate *candidates, size_t count,
                  const struct rank_place *serving, const struct session_id *session,
                  uint8_t *order, size_t room);

/* One line of a table that explains an order. */
struct rank_row {
    uint8_t candidate;   /* index */
    uint8_t place;       /* 1 for the first, 0 for one that is kept out */
    enum rank_rule rule; /* what put it behind the line before, or out */
};

/* All candidates: the whole order, then those that are kept out, in the order given. With a session
 * the rule RANK_RULE_NAME says that it was dealt. Returns `count`. */
size_t rank_table(const struct rank_candidate *candidates, size_t count,
                  const struct rank_place *serving, const struct session_id *session,
                  struct rank_row rows[RANK_CANDIDATES_MAX]);

#endif
