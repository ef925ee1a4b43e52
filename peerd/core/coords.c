#include "peerd/core/coords.h"

#include "peerd/core/state.h"
#include "peerd/wire/nearness.h"

#include <math.h>
#include <stdlib.h>

#define TENTHS  10  /* in a millisecond */
#define PERCENT 100 /* in one */
/* Springs pulled to place a location: some ten microseconds, and by then they rest. */
#define PULLS 1000

_Static_assert(NEARNESS_DIMENSIONS == COORD_DIMENSIONS, "what travels is what there is");
_Static_assert(PERF_PEERS_MAX + 1 > COORDS_TRIPS_MIN, "a location can be placed");

/* What a peer has said; `number` is its peering's. */
struct coords_peer {
    uint16_t number;
    bool known;
    struct instant heard_at, tell_at;
    struct coord at;
};

struct coords {
    struct coord_map map; /* ours, with our peers as neighbours */
    struct coords_peer peers[POLICY_PEERS_MAX];
};

static bool are_wanted(const struct core *core) {
    return core->policy.performance.coordinates && core->fares.locations_max > 0;
}

/* Without memory there are none. */
static struct coords *made(struct core *core) {
    if (core->coords != NULL || !are_wanted(core))
        return are_wanted(core) ? core->coords : NULL;
    core->coords = calloc(1, sizeof(*core->coords));
    if (core->coords != NULL)
        coord_init(&core->coords->map);
    return core->coords;
}

void coords_free(struct core *core) {
    free(core->coords);
    core->coords = NULL;
}

/* Another policy may have given its place in the list to another. */
static struct coords_peer *peer_of(struct coords *c, const struct peering *p) {
    struct coords_peer *peer = &c->peers[p->index];
    if (peer->number != p->number)
        *peer = (struct coords_peer){.number = p->number, .tell_at = instant_us(INT64_MIN)};
    return peer;
}

const struct coord *coords_of(const struct core *core, const struct peering *p) {
    const struct coords_peer *peer = core->coords == NULL ? NULL : &core->coords->peers[p->index];
    return peer != NULL && peer->number == p->number && peer->known ? &peer->at : NULL;
}

/* ---- as it travels --------------------------------------------------------------------------- */

static double within(double value, double low, double high) {
    return value < low ? low : value > high ? high : value;
}

static struct nearness_coordinate to_wire(const struct coord *c) {
    struct nearness_coordinate out;
    for (int i = 0; i < COORD_DIMENSIONS; i++)
        out.at_tenths[i] = (int16_t)lround(within(c->at_ms[i] * TENTHS, -INT16_MAX, INT16_MAX));
    out.height_tenths = (uint16_t)lround(within(c->height_ms * TENTHS, 1, UINT16_MAX));
    out.error_percent = (uint8_t)lround(within(c->error * PERCENT, 1, NEARNESS_ERROR_PERCENT_MAX));
    return out;
}

static struct coord from_wire(const struct nearness_coordinate *c) {
    struct coord out;
    for (int i = 0; i < COORD_DIMENSIONS; i++)
        out.at_ms[i] = (double)c->at_tenths[i] / TENTHS;
    out.height_ms = (double)c->height_tenths / TENTHS;
    out.error = (double)c->error_percent / PERCENT;
    return out;
}

/* ---- told and heard -------------------------------------------------------------------------- */

void coords_fill(struct core *core, const struct peering *to, struct beat *beat) {
    uint8_t bytes[NEARNESS_COORDINATE_LEN];
    struct coords *c = to->takes_blocks ? made(core) : NULL;
    struct coords_peer *peer = c == NULL ? NULL : peer_of(c, to);
    if (peer == NULL || instant_before(core->now, peer->tell_at))
        return;
    struct nearness_coordinate ours = to_wire(&c->map.self);
    nearness_write_coordinate(bytes, &ours);
    if (!beat_add_block(beat, BEAT_BLOCK_COORDINATE, bytes, sizeof(bytes)))
        return;
    bool young = instant_before(core->now, instant_add(core->started, COORDS_YOUNG));
    peer->tell_at = instant_add(core->now, young ? COORDS_EVERY_YOUNG : COORDS_EVERY);
}

/* A direction for clusters that begin at the same spot; another one each time. */
static uint64_t direction(const struct core *core, const struct coords *c) {
    return core->boot * (2 * c->map.turn + 1) ^ core->boot >> 32;
}

void coords_heard(struct core *core, const struct peering *from, const struct beat *beat) {
    size_t len = 0;
    const uint8_t *block = beat_find_block(beat, BEAT_BLOCK_COORDINATE, &len);
    struct coords *c = block == NULL ? NULL : made(core);
    struct nearness_coordinate told;
    if (c == NULL)
        return;
    struct coords_peer *peer = peer_of(c, from);
    if (peer->known && instant_before(core->now, instant_add(peer->heard_at, COORDS_HEED_MIN)))
        return;
    if (!nearness_read_coordinate(&told, block, len)) {
        core->counters.coordinates_refused++;
        return;
    }
    peer->known = true;
    peer->heard_at = core->now;
    peer->at = from_wire(&told);
    if (!duration_is_endless(from->rtt))
        coord_measured(&c->map, from->number, &peer->at, from->rtt, direction(core, c));
}

void coords_forget(struct core *core, const struct peering *p) {
    if (core->coords != NULL)
        coord_forget(&core->coords->map, p->number);
}

const struct coord *coords_own(const struct core *core) {
    return core->coords != NULL && are_wanted(core) ? &core->coords->map.self : NULL;
}

/* ---- clients --------------------------------------------------------------------------------- */

struct trip {
    const struct coord *to;
    struct duration rtt;
};

/* Ours first. */
static size_t find_trips(const struct core *core, const struct prefix *location,
                         const struct fares_words *words, struct trip trips[COORD_NEIGHBOURS_MAX]) {
    size_t count = 0;
    struct duration own = fares_own_rtt(core, location);
    if (own.us > 0)
        trips[count++] = (struct trip){&core->coords->map.self, own};
    for (uint32_t i = 0; i < core->peer_count && count < COORD_NEIGHBOURS_MAX; i++) {
        const struct peering *p = core->peers[i];
        struct trip t = {coords_of(core, p), fares_trip_of_peer(core, p, location, words).rtt};
        if (t.to != NULL && t.rtt.us > 0)
            trips[count++] = t;
    }
    return count;
}

bool coords_locate(const struct core *core, const struct prefix *location,
                   const struct fares_words *words, struct coord *out) {
    struct trip trips[COORD_NEIGHBOURS_MAX];
    struct coord_map map;
    if (core->coords == NULL || !are_wanted(core))
        return false;
    size_t count = find_trips(core, location, words, trips);
    if (count < COORDS_TRIPS_MIN)
        return false;
    coord_init(&map);
    for (size_t pulls = 0; pulls < PULLS; pulls += count * count)
        for (size_t i = 0; i < count; i++)
            coord_measured(&map, i, trips[i].to, trips[i].rtt, 0x9e3779b97f4a7c15);
    *out = map.self;
    return true;
}
