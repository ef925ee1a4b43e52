#include "peerd/sim/network.h"

#include "peerd/sim/queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define RETRANSMIT      duration_ms(200) /* TCP's least retransmission timeout (Linux) */
#define RETRANSMIT_MAX  4             /* … which doubles so often before whoever waits gives up */
#define OUTAGE_PATIENCE duration_s(1) /* of TCP: longer outages are like a cut */
#define PPM             1000000

/* An entry of `ways`: nobody has used it yet, or its delay [µs] plus one, or, with the highest bit,
 * the index of its state. */
#define WAY_UNKNOWN  UINT32_C(0)
#define WAY_HAS_MORE (UINT32_C(1) << 31)

uint32_t sim_network_group(const struct sim_network *n, uint32_t group) {
    return n->scenario->cluster_count + group;
}

static bool is_group(const struct sim_network *n, uint32_t end) {
    return end >= n->scenario->cluster_count;
}

static uint32_t index_of(const struct sim_network *n, uint32_t end) {
    return is_group(n, end) ? end - n->scenario->cluster_count : end;
}

static size_t cut_words(const struct sim_network *n) {
    return ((size_t)n->end_count * n->end_count + 63) / 64;
}

void sim_network_init(struct sim_network *n, const struct scenario *scenario, uint64_t seed) {
    *n = (struct sim_network){.scenario = scenario,
                              .end_count = scenario->cluster_count + scenario->client_group_count};
    rng_seed(&n->rng, seed);
    n->ways = sim_alloc((size_t)n->end_count * n->end_count, sizeof(*n->ways));
    n->cuts = sim_alloc(cut_words(n), sizeof(*n->cuts));
    n->dark = sim_alloc(n->end_count, sizeof(*n->dark));
    n->miles = sim_alloc(2 * (size_t)scenario->client_group_count + 1, sizeof(*n->miles));
    for (uint32_t i = 0; i < 2 * scenario->client_group_count; i++)
        n->miles[i] = scenario_mile(&scenario->clients[i / 2]);
}

void sim_network_free(struct sim_network *n) {
    free(n->changes);
    free(n->ways);
    free(n->states);
    free(n->cuts);
    free(n->dark);
    free(n->miles);
}

/* ---- ways ---- */

static uint32_t *entry_of(const struct sim_network *n, uint32_t from, uint32_t to) {
    return &n->ways[(size_t)from * n->end_count + to];
}

/* By the newest row that fits: of those that the timeline has brought, else of the file. */
struct path_quality sim_network_quality(const struct sim_network *n, uint32_t from, uint32_t to) {
    uint32_t a = index_of(n, from), b = index_of(n, to);
    bool a_group = is_group(n, from), b_group = is_group(n, to);
    for (uint32_t i = n->change_count; i-- > 0;)
        if (scenario_link_fits(n->scenario, n->changes[i], a, a_group, b, b_group))
            return scenario_link_way(n->scenario, n->changes[i], a, a_group, b, b_group);
    return scenario_way(n->scenario, a, a_group, b, b_group);
}

static uint32_t add_state(struct sim_network *n, uint32_t from, uint32_t to,
                          const struct path_quality *q, struct instant now) {
    if (n->state_count == n->state_room) {
        n->state_room = n->state_room == 0 ? 64 : 2 * n->state_room;
        n->states = sim_grow(n->states, n->state_room, sizeof(*n->states));
    }
    struct sim_way *s = &n->states[n->state_count];
    s->from = from;
    s->to = to;
    way_init(&s->way, q, now);
    return WAY_HAS_MORE | n->state_count++;
}

/* The entry of a way, filled in. */
static uint32_t entry(struct sim_network *n, uint32_t from, uint32_t to, struct instant now) {
    uint32_t *e = entry_of(n, from, to);
    if (*e != WAY_UNKNOWN)
        return *e;
    struct path_quality q = sim_network_quality(n, from, to);
    bool fits = q.delay.us >= 0 && q.delay.us < WAY_HAS_MORE - 1;
    *e = path_quality_is_delay(&q) && fits ? (uint32_t)q.delay.us + 1
                                           : add_state(n, from, to, &q, now);
    return *e;
}

static struct way *state_of(struct sim_network *n, uint32_t e) {
    return (e & WAY_HAS_MORE) == 0 ? NULL : &n->states[e & ~WAY_HAS_MORE].way;
}

static struct duration delay_of(uint32_t e) {
    return duration_us((int64_t)e - 1);
}

/* The last mile that a way goes over, if that has bursts or outages of its own; else NULL. */
static struct way_mile *mile_of(const struct sim_network *n, uint32_t from, uint32_t to) {
    bool up = is_group(n, from);
    if (!up && !is_group(n, to))
        return NULL;
    struct way_mile *mile = &n->miles[2 * (size_t)index_of(n, up ? from : to) + up];
    return mile->bursts || mile->outages ? mile : NULL;
}

/* ---- sending ---- */

static bool is_cut(const struct sim_network *n, uint32_t from, uint32_t to) {
    size_t bit = (size_t)from * n->end_count + to;
    return (n->cuts[bit / 64] >> (bit % 64) & 1) != 0;
}

static void set_cut(struct sim_network *n, uint32_t from, uint32_t to, bool cut) {
    size_t bit = (size_t)from * n->end_count + to;
    if (cut)
        n->cuts[bit / 64] |= UINT64_C(1) << (bit % 64);
    else
        n->cuts[bit / 64] &= ~(UINT64_C(1) << (bit % 64));
}

bool sim_network_open(const struct sim_network *n, uint32_t from, uint32_t to) {
    return !n->dark[from] && !n->dark[to] && !(n->any_cut && is_cut(n, from, to));
}

bool sim_network_delay(struct sim_network *n, uint32_t from, uint32_t to, struct duration *delay) {
    uint32_t e = *entry_of(n, from, to);
    if (e == WAY_UNKNOWN) { /* without an instant it gets no state here */
        struct path_quality q = sim_network_quality(n, from, to);
        *delay = q.delay;
        return path_quality_is_delay(&q);
    }
    *delay = delay_of(e);
    return state_of(n, e) == NULL;
}

bool sim_network_send(struct sim_network *n, uint32_t from, uint32_t to, uint32_t bytes,
                      struct instant now, struct way_fate *out) {
    if (!sim_network_open(n, from, to))
        return false;
    uint32_t e = entry(n, from, to, now);
    struct way *state = state_of(n, e);
    struct way_mile *mile = state == NULL ? NULL : mile_of(n, from, to);
    if (mile != NULL)
        way_take_mile(state, mile);
    if (state != NULL) {
        bool arrives = way_send(state, &n->rng, now, bytes, out);
        if (mile != NULL)
            way_give_mile(state, mile);
        return arrives;
    }
    *out = (struct way_fate){.count = 1};
    out->arrivals[0].at = instant_add(now, delay_of(e));
    return true;
}

/* What is lost on one trip is sent again, later and later. */
static bool retransmitted(struct sim_network *n, const struct path_quality *q, struct instant *at) {
    uint32_t loss = path_quality_loss(q);
    struct duration timeout = RETRANSMIT;
    for (uint32_t i = 0; loss > 0 && rng_below(&n->rng, PPM) < loss; i++) {
        if (i == RETRANSMIT_MAX)
            return false;
        *at = instant_add(*at, timeout);
        timeout = duration_scale(timeout, 2, 1);
    }
    return true;
}

/* A trip that begins at `*at`, which may lie after `now`: it leaves no trace in the way's order. */
static bool make_trip(struct sim_network *n, uint32_t from, uint32_t to, struct instant now,
                      struct instant *at) {
    uint32_t e = entry(n, from, to, now);
    struct way *w = state_of(n, e);
    if (w == NULL) {
        *at = instant_add(*at, delay_of(e));
        return true;
    }
    struct way_mile *mile = mile_of(n, from, to);
    if (mile != NULL)
        way_take_mile(w, mile);
    bool out = way_is_out(w, &n->rng, now);
    if (mile != NULL)
        way_give_mile(w, mile);
    if (out) {
        if (duration_less(OUTAGE_PATIENCE, instant_since(w->outage_until, now)))
            return false;
        *at = instant_max(*at, instant_add(w->outage_until, RETRANSMIT));
    }
    *at = instant_add(*at, w->quality.delay);
    *at = instant_add(*at, rng_duration(&n->rng, DURATION_ZERO, w->quality.jitter));
    return retransmitted(n, &w->quality, at);
}

bool sim_network_stream(struct sim_network *n, uint32_t from, uint32_t to, uint32_t trips,
                        struct instant now, struct instant *arrival) {
    struct instant at = now;
    if (!sim_network_open(n, from, to) || (trips > 1 && !sim_network_open(n, to, from)))
        return false;
    for (uint32_t i = 0; i < trips; i++)
        if (!(i % 2 == 0 ? make_trip(n, from, to, now, &at) : make_trip(n, to, from, now, &at)))
            return false;
    *arrival = at;
    return true;
}

/* ---- what the timeline says ---- */

/* All ends that fit one of these, into `out`, which has room for all; returns how many. */
static uint32_t ends_of(const struct sim_network *n, const struct scenario_end *ends,
                        uint32_t count, uint32_t *out) {
    uint32_t found = 0;
    for (uint32_t end = 0; end < n->end_count; end++)
        for (uint32_t i = 0; i < count; i++)
            if (scenario_end_holds(n->scenario, &ends[i], index_of(n, end), is_group(n, end))) {
                out[found++] = end;
                break;
            }
    return found;
}

/* Two lists of ends, for all ways between them. */
struct sides {
    uint32_t *a, *b;
    uint32_t a_count, b_count;
};

static struct sides sides_of(const struct sim_network *n, const struct scenario_end *a,
                             uint32_t a_count, const struct scenario_end *b, uint32_t b_count) {
    struct sides s = {.a = sim_alloc(n->end_count, sizeof(*s.a)),
                      .b = sim_alloc(n->end_count, sizeof(*s.b))};
    s.a_count = ends_of(n, a, a_count, s.a);
    s.b_count = ends_of(n, b, b_count, s.b);
    return s;
}

static void free_sides(struct sides *s) {
    free(s->a);
    free(s->b);
}

static void set_cuts(struct sim_network *n, const struct scenario_cut *cut, bool one_way,
                     bool value) {
    struct sides s = sides_of(n, cut->from, cut->from_count, cut->to, cut->to_count);
    for (uint32_t i = 0; i < s.a_count; i++)
        for (uint32_t k = 0; k < s.b_count; k++) {
            if (s.a[i] == s.b[k])
                continue;
            set_cut(n, s.a[i], s.b[k], value);
            if (!one_way)
                set_cut(n, s.b[k], s.a[i], value);
        }
    free_sides(&s);
}

void sim_network_partition(struct sim_network *n, const struct scenario_cut *cut) {
    n->any_cut = true;
    set_cuts(n, cut, cut->one_way, true);
}

/* Whoever is healed as a whole is not dark any more either. */
void sim_network_heal(struct sim_network *n, const struct scenario_cut *cut) {
    if (cut->from_count == 0) {
        memset(n->cuts, 0, cut_words(n) * sizeof(*n->cuts));
        memset(n->dark, 0, n->end_count * sizeof(*n->dark));
        n->any_cut = false;
        return;
    }
    set_cuts(n, cut, false, false);
    if (cut->to_count != 1 || cut->to[0].index != SCENARIO_ALL)
        return;
    struct sides s = sides_of(n, cut->from, cut->from_count, NULL, 0);
    for (uint32_t i = 0; i < s.a_count; i++)
        n->dark[s.a[i]] = false;
    free_sides(&s);
}

/* A way with a state changes at once, another is filled in anew when it is used next. */
static void change_way(struct sim_network *n, uint32_t from, uint32_t to, struct instant now) {
    uint32_t *e = entry_of(n, from, to);
    struct way *w = state_of(n, *e);
    if (w == NULL) {
        *e = WAY_UNKNOWN;
        return;
    }
    struct path_quality q = sim_network_quality(n, from, to);
    way_set_quality(w, &q, now);
}

void sim_network_link(struct sim_network *n, const struct scenario_link *link, struct instant now) {
    if (n->change_count == n->change_room) {
        n->change_room = 2 * n->change_room + 8;
        n->changes = sim_grow(n->changes, n->change_room, sizeof(*n->changes));
    }
    n->changes[n->change_count++] = link;
    struct sides s = sides_of(n, &link->ends[0], 1, &link->ends[1], 1);
    for (uint32_t i = 0; i < s.a_count; i++)
        for (uint32_t k = 0; k < s.b_count; k++) {
            change_way(n, s.a[i], s.b[k], now);
            if (!link->one_way)
                change_way(n, s.b[k], s.a[i], now);
        }
    free_sides(&s);
}
