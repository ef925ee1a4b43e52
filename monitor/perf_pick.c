/*
 * What of monitor/perf leaves the cluster.
 */
#include "monitor/perf_table.h"

#include <string.h>

#define STALE_S_MAX 600            /* [s] longer ago is as long ago as never */
#define QUIET_FOR   duration_s(60) /* [s] of a location nobody reports from nothing is told */

/* Locations that go as one, since nobody may know them apart. */
struct group {
    struct perf_summary summary;
    uint32_t from, to;
    uint64_t urgency;
};

static uint16_t short_of(uint64_t figure) {
    return figure < UINT16_MAX ? (uint16_t)figure : UINT16_MAX;
}

static bool is_quiet(const struct perf_location *at, struct instant now) {
    return instant_reached(now, instant_add(at->heard_at, QUIET_FOR));
}

static uint64_t urgency_of(const struct perf *p, const struct group *g, struct instant now) {
    uint64_t changed = 0, stale = 0, falling = 0;
    for (uint32_t i = g->from; i < g->to; i++) {
        const struct perf_own *own = p->list[i].own;
        if (own == NULL)
            continue;
        uint32_t a = own->told_centi, b = level_mean(&own->degrade.recent);
        uint64_t by = a > b ? a - b : b - a;
        struct duration ago = instant_since(now, own->told_at);
        uint64_t ago_s =
            ago.us > STALE_S_MAX * (int64_t)1000000 ? STALE_S_MAX : (uint64_t)ago.us / 1000000;
        changed = by > changed ? by : changed;
        stale = ago_s > stale ? ago_s : stale;
        falling |= own->degrade.fall > DEGRADE_FULL / 4 || degrade_is_bad(&own->degrade);
    }
    if (changed < PERF_CHANGED)
        changed = 0;
    return (falling * 5000 + changed + stale * 10 + 1) * g->summary.clients;
}

/* All of ours from `from` on that are the same at this granularity. */
static struct group group_at(const struct perf *p, uint32_t from,
                             const struct perf_privacy *privacy, struct instant now) {
    const struct prefix *first = &p->list[from].prefix;
    uint32_t bits = first->addr.family == 4 ? privacy->bits_ipv4 : privacy->bits_ipv6;
    struct group g = {.from = from, .to = from};
    struct level usual = {0}, recent = {0};
    uint64_t clients = 0;
    g.summary.location = perf_table_widen(first, bits);
    for (; g.to < p->count; g.to++) {
        const struct perf_location *at = &p->list[g.to];
        struct prefix wide = perf_table_widen(&at->prefix, bits);
        if (perf_table_compare(&wide, &g.summary.location) != 0)
            break;
        if (at->own == NULL || is_quiet(at, now))
            continue;
        struct level u = at->own->degrade.usual, r = degrade_lately(&at->own->degrade, now);
        level_fade(&u, DEGRADE_USUAL_HALF, now);
        level_merge(&usual, &u);
        level_merge(&recent, &r);
        clients += perf_clients(at->own, now);
    }
    g.summary.usual_centi = short_of(level_mean(&usual));
    g.summary.recent_centi = short_of(level_mean(&recent));
    g.summary.spread_centi = short_of(level_spread(&recent));
    g.summary.reports = short_of(level_figures(&recent));
    g.summary.clients = short_of(clients);
    return g;
}

/* Keeps the most urgent, in order; equals stay in the order of their prefixes. */
static size_t keep(struct group *best, size_t count, size_t room, const struct group *g) {
    if (count == room && best[count - 1].urgency >= g->urgency)
        return count;
    size_t at = count < room ? count++ : count - 1;
    for (; at > 0 && best[at - 1].urgency < g->urgency; at--)
        best[at] = best[at - 1];
    best[at] = *g;
    return count;
}

static size_t bytes_of(const struct perf_room *room, const struct perf_summary *s) {
    return s->location.addr.family == 4 ? room->bytes_ipv4 : room->bytes_ipv6;
}

/* The median of all of them who were heard lately, each location as many figures as it has clients,
 * however often these report: a lone client is not the word of all. What stands on fewer figures
 * than clients are asked for is not told. */
static uint16_t trip_of(const struct perf *p, const struct group *g, uint32_t clients_min,
                        struct instant now) {
    struct sketch all = {.count = 0};
    for (uint32_t i = g->from; i < g->to; i++) {
        const struct perf_location *at = &p->list[i];
        if (at->own == NULL || is_quiet(at, now))
            continue;
        struct sketch its = at->own->rtt;
        uint32_t most = perf_clients(at->own, now) * SKETCH_UNIT;
        if (its.total > most)
            sketch_fade(&its, most, its.total);
        sketch_merge(&all, &its);
    }
    if (sketch_figures(&all) < clients_min)
        return 0;
    return short_of((sketch_quantile(&all, 500) + 999ULL) / 1000);
}

static void mark_told(struct perf *p, const struct group *g, struct instant now) {
    for (uint32_t i = g->from; i < g->to; i++)
        if (p->list[i].own != NULL) {
            p->list[i].own->told_at = now;
            p->list[i].own->told_centi = g->summary.recent_centi;
        }
}

size_t perf_pick(struct perf *p, const struct perf_privacy *privacy, const struct perf_room *room,
                 struct instant now, struct perf_summary *out) {
    struct group best[PERF_PICK_MAX];
    size_t count = 0, picked = 0, bytes = 0;
    size_t most = room->count < PERF_PICK_MAX ? room->count : PERF_PICK_MAX;
    for (uint32_t from = 0; most > 0 && from < p->count;) {
        struct group g = group_at(p, from, privacy, now);
        from = g.to;
        if (g.summary.clients == 0 || g.summary.clients < privacy->clients_min)
            continue;
        g.urgency = urgency_of(p, &g, now);
        count = keep(best, count, most, &g);
    }
    for (size_t i = 0; i < count; i++) {
        if (bytes + bytes_of(room, &best[i].summary) > room->bytes)
            continue;
        bytes += bytes_of(room, &best[i].summary);
        mark_told(p, &best[i], now);
        best[i].summary.rtt_ms = trip_of(p, &best[i], privacy->clients_min, now);
        out[picked++] = best[i].summary;
    }
    return picked;
}
