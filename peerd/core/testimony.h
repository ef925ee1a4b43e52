/*
 * Testimony: what clients say of the cluster that served them, by turning to us.
 *
 * A hedge, or a commit that no hedge came before, is a word: its client has heard nothing for some
 * frames. Called off again, it is taken back. Only who holds a ticket is heard, since our workers
 * serve nobody else. Words are counted by location: clients of one network share their way to that
 * cluster, and a broken way there is no dead cluster. Whom we know of its clients are those who
 * stand by here.
 */
#ifndef PEERD_CORE_TESTIMONY_H
#define PEERD_CORE_TESTIMONY_H

#include "monitor/verdict.h"
#include "peerd/base/addr.h"

#define TESTIMONY_PLACES_MAX 32                /* locations told apart; further ones are mute */
#define TESTIMONY_LIFE       duration_ms(1000) /* [ms] after the last word all are forgotten */
#define TESTIMONY_AGAIN      duration_ms(20)   /* [ms] those who stand by are counted so often */

struct core;
struct peering;
struct session;

struct testimony_place {
    struct prefix location;
    uint32_t missing; /* clients that miss it */
    uint32_t known;   /* that stand by here, when counted last, and those who have moved here */
    uint32_t moved;   /* of those missing: they do not stand by any more */
};

struct testimony {
    struct testimony_place *places; /* owned; NULL while there is no word */
    uint32_t place_count;
    uint32_t missing;
    struct instant first, last; /* word */
    struct instant counted;     /* "never": not yet */
    struct verdict_clients sum; /* as counted then */
};

void testimony_init(struct testimony *t);
void testimony_free(struct testimony *t);

/* A client of `from` (NULL: of nobody we know) has begun to hedge here, or has committed here
 * without. Judges that cluster anew. */
void testimony_given(struct core *core, struct peering *from, const struct session *s, bool moved);

/* It has committed after the hedge that we know of. */
void testimony_moved(struct core *core, struct peering *from, const struct session *s);

/* It hears its server again. */
void testimony_taken_back(struct core *core, struct peering *from, const struct session *s);

/* Sums it up for the verdict. */
struct verdict_clients testimony_sum(const struct core *core, struct peering *p);

#endif
