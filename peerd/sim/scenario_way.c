#include "peerd/sim/scenario_private.h"
#include "topo/city.h"

#include <stdlib.h>

/*
 * The way from one end to another: which row of `links` counts, and the delay where none says it.
 *
 * A run may ask for a million ways and a file may have thousands of rows, so the rows stand in a
 * table by their two ends: an end that is asked about is meant by at most three (itself, its region
 * or all clients, all), a way therefore by at most nine, and of the rows found the last one counts.
 * Rows that a runner has appended since, as the timeline says, are looked at one by one.
 */

#define PPM             1000000u
#define GLASS_KM_PER_MS 200.0 /* light in glass is a third slower than in the void */
#define STRETCH         1.4   /* cables follow coasts and railways, not great circles */
#define ROUTERS_US      500   /* [µs] each way */
#define GROUP_BIT       0x40000000u
#define REGION_BIT      0x20000000u
#define MEANINGS        3 /* of an end */

_Static_assert(SCENARIO_CLUSTERS_MAX < REGION_BIT && SCENARIO_CLIENTS_MAX < REGION_BIT,
               "clusters, regions and groups are told apart by two bits");

/* ---- which row ---- */

bool scenario_end_holds(const struct scenario *s, const struct scenario_end *end, uint32_t index,
                        bool group) {
    if (end->region)
        return !group && s->clusters[index].region_first == end->index;
    return end->index == SCENARIO_ALL || (end->index == SCENARIO_CLIENTS && group) ||
           (end->index == index && end->group == group);
}

bool scenario_link_fits(const struct scenario *s, const struct scenario_link *link, uint32_t from,
                        bool from_group, uint32_t to, bool to_group) {
    const struct scenario_end *ends = link->ends;
    if (scenario_end_holds(s, &ends[0], from, from_group) &&
        scenario_end_holds(s, &ends[1], to, to_group))
        return true;
    return !link->one_way && scenario_end_holds(s, &ends[1], from, from_group) &&
           scenario_end_holds(s, &ends[0], to, to_group);
}

struct slot {
    uint64_t key;
    uint32_t link; /* its number in `links` plus one; 0: free */
};

struct scenario_ways {
    uint32_t mask;  /* room less one; a power of two */
    uint32_t count; /* of rows in it; later ones were added by a runner */
    struct slot slots[];
};

static uint32_t code_of(uint32_t index, bool group) {
    return group ? index | GROUP_BIT : index;
}

/* Never from a seed or an address: the same file gives the same table. */
static struct slot *slot_of(const struct scenario_ways *ways, uint32_t from, uint32_t to) {
    uint64_t key = (uint64_t)from << 32 | to;
    uint64_t mixed = key * UINT64_C(0x9E3779B97F4A7C15);
    uint32_t at = (uint32_t)(mixed >> 32) & ways->mask;
    const struct slot *slot = &ways->slots[at];
    while (slot->link != 0 && slot->key != key) {
        at = (at + 1) & ways->mask;
        slot = &ways->slots[at];
    }
    return (struct slot *)slot;
}

static void put(struct scenario_ways *ways, const struct scenario_end *from,
                const struct scenario_end *to, uint32_t link) {
    uint32_t a = code_of(from->index, from->group) | (from->region ? REGION_BIT : 0);
    uint32_t b = code_of(to->index, to->group) | (to->region ? REGION_BIT : 0);
    *slot_of(ways, a, b) = (struct slot){(uint64_t)a << 32 | b, link + 1};
}

struct scenario_ways *scenario_ways_make(const struct scenario *s) {
    uint32_t room = 16;
    while (room < 4 * s->link_count)
        room *= 2;
    struct scenario_ways *ways = calloc(1, sizeof(*ways) + room * sizeof(ways->slots[0]));
    if (ways == NULL)
        return NULL;
    ways->mask = room - 1;
    ways->count = s->link_count;
    for (uint32_t i = 0; i < s->link_count; i++) {
        const struct scenario_link *link = &s->links[i];
        put(ways, &link->ends[0], &link->ends[1], i);
        if (!link->one_way)
            put(ways, &link->ends[1], &link->ends[0], i);
    }
    return ways;
}

void scenario_ways_free(struct scenario_ways *ways) {
    free(ways);
}

static void meanings(const struct scenario *s, uint32_t index, bool group, uint32_t out[MEANINGS]) {
    out[0] = code_of(index, group);
    out[1] = group ? SCENARIO_CLIENTS : s->clusters[index].region_first | REGION_BIT;
    out[2] = SCENARIO_ALL;
}

static const struct scenario_link *find_link(const struct scenario *s, uint32_t from,
                                             bool from_group, uint32_t to, bool to_group) {
    uint32_t a[MEANINGS], b[MEANINGS], best = 0;
    uint32_t in_table = s->ways != NULL ? s->ways->count : 0;
    for (uint32_t i = s->link_count; i-- > in_table;) {
        if (scenario_link_fits(s, &s->links[i], from, from_group, to, to_group))
            return &s->links[i];
    }
    if (s->ways == NULL)
        return NULL;
    meanings(s, from, from_group, a);
    meanings(s, to, to_group, b);
    for (uint32_t i = 0; i < MEANINGS; i++) {
        for (uint32_t k = 0; k < MEANINGS; k++) {
            uint32_t link = slot_of(s->ways, a[i], b[k])->link;
            best = link > best ? link : best;
        }
    }
    return best > 0 ? &s->links[best - 1] : NULL;
}

/* ---- how far ---- */

static uint32_t measured_us(const struct scenario *s, uint32_t from, uint32_t to) {
    const struct scenario_matrix *m = &s->matrix;
    uint32_t rtt_us = m->rtt_us[(size_t)from * m->size + to];
    return rtt_us > 0 ? rtt_us : m->rtt_us[(size_t)to * m->size + from];
}

struct place {
    bool known;
    double latitude_deg, longitude_deg;
};

static struct place place_of(const struct scenario *s, uint32_t index, bool group) {
    if (group) {
        const struct scenario_clients *g = &s->clients[index];
        return (struct place){g->placed, g->latitude_deg, g->longitude_deg};
    }
    const struct policy_cluster *c = &s->clusters[index].identity;
    return (struct place){c->placed, c->latitude_deg, c->longitude_deg};
}

static struct duration delay_between(const struct scenario *s, uint32_t from, bool from_group,
                                     uint32_t to, bool to_group) {
    uint32_t rtt_us = 0;
    if (s->matrix.size > 0)
        rtt_us = measured_us(s, (from + (from_group ? s->cluster_count : 0)) % s->matrix.size,
                             (to + (to_group ? s->cluster_count : 0)) % s->matrix.size);
    if (rtt_us > 0)
        return duration_us(rtt_us / 2);
    struct place a = place_of(s, from, from_group), b = place_of(s, to, to_group);
    if (!a.known || !b.known)
        return duration_ms(SCENARIO_RTT_MS / 2);
    double km = city_distance_km(a.latitude_deg, a.longitude_deg, b.latitude_deg, b.longitude_deg);
    return duration_us(ROUTERS_US + (int64_t)(km * STRETCH / GLASS_KM_PER_MS * 1000 + 0.5));
}

/* ---- the last mile ---- */

/* Of packets, what one or the other does. */
static uint32_t either_ppm(uint32_t a_ppm, uint32_t b_ppm) {
    return (uint32_t)(a_ppm + (uint64_t)(PPM - a_ppm) * b_ppm / PPM);
}

static bool has_bursts(const struct path_quality *q) {
    return q->bursts.enter_ppm > 0 || q->bursts.loss_good_ppm > 0;
}

struct way_mile scenario_mile(const struct scenario_clients *g) {
    return (struct way_mile){.bursts = g->access_given && has_bursts(&g->access),
                             .outages = g->access_given && g->access.outages.every.us > 0};
}

static void add_access(struct path_quality *q, const struct scenario_clients *g) {
    const struct path_quality *a = &g->access;
    if (!g->access_given)
        return;
    q->delay = duration_add(q->delay, a->delay);
    q->jitter = duration_add(q->jitter, a->jitter);
    if (a->jitter_correlation_ppm > q->jitter_correlation_ppm)
        q->jitter_correlation_ppm = a->jitter_correlation_ppm;
    q->loss_ppm = either_ppm(q->loss_ppm, a->loss_ppm);
    if (has_bursts(a))
        q->bursts = a->bursts;
    if (a->outages.every.us > 0)
        q->outages = a->outages;
    if (a->rate_bps > 0 && (q->rate_bps == 0 || a->rate_bps < q->rate_bps)) {
        q->rate_bps = a->rate_bps;
        q->queue = a->queue;
    }
    q->reorder_ppm = either_ppm(q->reorder_ppm, a->reorder_ppm);
    q->duplicate_ppm = either_ppm(q->duplicate_ppm, a->duplicate_ppm);
    if (a->replay_ppm > 0)
        q->replay_in = q->replay_ppm > 0 ? duration_max(q->replay_in, a->replay_in) : a->replay_in;
    q->replay_ppm = either_ppm(q->replay_ppm, a->replay_ppm);
}

/* ---- all of it ---- */

struct path_quality scenario_link_way(const struct scenario *s, const struct scenario_link *link,
                                      uint32_t from, bool from_group, uint32_t to, bool to_group) {
    struct path_quality q = {.delay = DURATION_ZERO};
    if (link != NULL)
        q = link->quality;
    q.delay = link != NULL && link->rtt_given ? duration_us(link->rtt.us / 2)
                                              : delay_between(s, from, from_group, to, to_group);
    if (from_group)
        add_access(&q, &s->clients[from]);
    if (to_group)
        add_access(&q, &s->clients[to]);
    return q;
}

struct path_quality scenario_way(const struct scenario *s, uint32_t from, bool from_group,
                                 uint32_t to, bool to_group) {
    return scenario_link_way(s, find_link(s, from, from_group, to, to_group), from, from_group, to,
                             to_group);
}
