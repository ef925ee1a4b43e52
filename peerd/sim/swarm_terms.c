#include "peerd/sim/swarm_private.h"

#include <inttypes.h>

/* What clusters have agreed upon: under some seeds only, and from numbers of their own, so that the
 * others stay what they were. */

#define AGREE_EVERY 3 /* seeds */

/* Of the leases of agreements several end within a run; of the numbers some fit what the other sets
 * aside and some do not. */
static void put_terms(struct swarm *s, uint32_t cluster, uint32_t other) {
    uint32_t listeners = s->listeners[0] + s->listeners[1] + s->listeners[2];
    uint32_t asks = swarm_between(s, 0, 2 * listeners + 4), lease = swarm_between(s, 3, 20);
    bool insists = swarm_one_in(s, 4), dear = swarm_one_in(s, 6), cheap = swarm_one_in(s, 6);
    uint32_t least = insists && asks > 0 ? swarm_between(s, 1, asks) : 0;
    text_putf(&s->text,
              "  - {at: %s, terms: {name: %s, asks: %" PRIu32 ", asks_min: %" PRIu32
              ", lease: %" PRIu32 "s, cost: %d, cost_max: %d}}\n",
              swarm_cluster(cluster), swarm_cluster(other), asks, least, lease, dear ? 9 : 1,
              cheap ? 5 : 20);
}

void swarm_draw_agreements(struct swarm *s) {
    struct rng before = s->rng;
    s->rng = s->terms;
    if (swarm_one_in(s, AGREE_EVERY)) {
        bool all = swarm_one_in(s, 3);
        uint32_t rows = 0;
        for (uint32_t i = 0; i < s->clusters; i++)
            for (uint32_t k = 0; k < s->clusters; k++) {
                bool drawn = swarm_one_in(s, 2);
                if (i == k || !(all || drawn))
                    continue;
                if (rows++ == 0)
                    text_putf(&s->text, "agreements:\n");
                put_terms(s, i, k);
            }
    }
    s->terms = s->rng;
    s->rng = before;
}
