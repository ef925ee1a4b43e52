#include "topo/turn.h"

#include <assert.h>

struct waiting {
    bool had; /* it has had a turn … */
    struct instant at;
};

static bool is_before(const struct waiting *a, const struct waiting *b) {
    if (a->had != b->had)
        return b->had;
    return a->had && instant_before(a->at, b->at);
}

size_t turn_choose(struct trips *t, const struct prefix *location, const uint16_t *clusters,
                   size_t count, struct instant now, uint8_t *out, size_t room) {
    struct waiting waiting[TURN_CANDIDATES_MAX] = {{0}};
    bool taken[TURN_CANDIDATES_MAX] = {false};
    size_t held = 0;
    assert(count <= TURN_CANDIDATES_MAX);
    for (size_t i = 0; i < count; i++)
        waiting[i].had = trips_turn(t, location, clusters[i], &waiting[i].at);
    for (; held < count && held < room; held++) {
        size_t best = count;
        for (size_t i = 0; i < count; i++)
            if (!taken[i] && (best == count || is_before(&waiting[i], &waiting[best])))
                best = i;
        taken[best] = true;
        out[held] = (uint8_t)best;
    }
    for (size_t i = 0; i < held; i++)
        trips_named(t, location, clusters[out[i]], now);
    return held;
}
