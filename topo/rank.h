/*
 * Ranking: which clusters should back a session up, best first.
 *
 * A candidate must be eligible; eligible ones are compared by a numbered total order, and the
 * first rule that tells two apart decides (the test has a losing row for each number):
 *   eligible: usable, offers service, profile and the source with the same content, takes ours
 *   1 another provider than the serving cluster    2 another region    3 another upstream
 *   4 the same determinism id: frames merge, nothing has to be switched over
 *   5 a free slot
 *   6 RTT, in classes that double from 8 ms on, so that noise does not reorder anybody
 *   7 name
 * Those who are equal by 1 to 6 are dealt to the sessions of a cluster in proportion to their room,
 * so that a dead site is not a stampede on one neighbour: the next in the order is one of them with
 * a probability that follows its free slots, and so is the one after it among the others. A session
 * draws by its id one of RANK_CLASSES points that divide all this evenly, and not one of its own:
 * sessions of one class have the same backups, and can be kept as one group. The points divide
 * the first choice of up to six equals exactly (sessions draw their points by chance). It
 * depends on nothing but session and candidates: whoever ranks the same gets the same order.
 *
 * Weighted rendezvous hashing (Thaler & Ravishankar 1998; Schindelhauer & Schomaker 2005) has the
 * same distribution and would also keep orders alike when a candidate goes; but a ticket is ranked
 * once, and hashing so few classes would be far from fair.
 */
#ifndef TOPO_RANK_H
#define TOPO_RANK_H

#include "peerd/base/id.h"
#include "peerd/base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RANK_CANDIDATES_MAX 64
#define RANK_CLASSES        60 /* of sessions: 2, 3, 4, 5 and 6 divide it */

/* Where a cluster stands or falls with others; zero is "not known" and equals nothing. */
struct rank_place {
    uint64_t provider; /* rank_domain_of a name */
    uint64_t region;
    uint64_t upstream;
};

struct rank_candidate {
    struct name name;
    struct rank_place place;
    bool usable;           /* verdict allows it and it is not draining */
    bool offers;           /* service, profile, and source with equal digest */
    bool accepts;          /* it takes our sessions, and we may give them */
    bool same_determinism; /* as the serving cluster, for that profile */
    uint32_t free_slots;
    struct duration rtt; /* endless for unknown */
};

enum rank_rule {
    RANK_RULE_NONE = 0, /* the very same candidate */
    RANK_RULE_PROVIDER = 1,
    RANK_RULE_REGION = 2,
    RANK_RULE_UPSTREAM = 3,
    RANK_RULE_DETERMINISM = 4,
    RANK_RULE_FREE_SLOTS = 5,
    RANK_RULE_RTT = 6,
    RANK_RULE_NAME = 7
};

/* A number for a provider, region or upstream text (FNV-1a, 64 bit); 0 for the empty text. */
uint64_t rank_domain_of(const char *text);

/* One number for the whole place: witnesses of equal domain count once. */
uint64_t rank_place_domain(const struct rank_place *place);

bool rank_is_eligible(const struct rank_candidate *c);

/* Negative if `a` comes first. `rule`, if not NULL, says which number decided. */
int rank_compare(const struct rank_candidate *a, const struct rank_candidate *b,
                 const struct rank_place *serving, enum rank_rule *rule);

/* Writes the indexes of the best eligible candidates, best first, at most `room` of them, and
 * returns how many. `count` is at most RANK_CANDIDATES_MAX. */
size_t rank_order(const struct rank_candidate *candidates, size_t count,
                  const struct rank_place *serving, const struct session_id *session,
                  uint8_t *order, size_t room);

#endif
