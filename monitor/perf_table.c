#include "monitor/perf_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define LEVELS     8
#define FREED_PART 8 /* of all locations, made room for at once */
#define ROOM_FIRST 16

/* How locations widen when there are too many. */
static const uint8_t levels_ipv4[LEVELS] = {24, 20, 16, 12, 8, 4, 0, 0};
static const uint8_t levels_ipv6[LEVELS] = {48, 44, 40, 36, 32, 24, 16, 0};

static const uint8_t *levels_of(const struct prefix *prefix) {
    return prefix->addr.family == 4 ? levels_ipv4 : levels_ipv6;
}

uint32_t perf_table_us(struct duration d) {
    return d.us < 0 ? 0 : d.us > UINT32_MAX ? UINT32_MAX : (uint32_t)d.us;
}

/* ---- prefixes -------------------------------------------------------------------------------- */

struct prefix perf_table_widen(const struct prefix *prefix, uint32_t bits) {
    struct prefix wide = *prefix;
    if (bits >= prefix->bits)
        return wide;
    wide.bits = (uint8_t)bits;
    memset(&wide.addr.ip[(bits + 7) / 8], 0, sizeof(wide.addr.ip) - (bits + 7) / 8);
    if (bits % 8 != 0)
        wide.addr.ip[bits / 8] &= (uint8_t)(0xff00 >> bits % 8);
    return wide;
}

/* A wider prefix stands before all that it holds. */
int perf_table_compare(const struct prefix *a, const struct prefix *b) {
    int order = (int)a->addr.family - (int)b->addr.family;
    if (order == 0)
        order = memcmp(a->addr.ip, b->addr.ip, sizeof(a->addr.ip));
    return order != 0 ? order : (int)a->bits - (int)b->bits;
}

static bool holds(const struct prefix *wide, const struct prefix *narrow) {
    return wide->bits <= narrow->bits && prefix_holds(wide, &narrow->addr);
}

uint32_t perf_table_first(const struct perf *p, const struct prefix *prefix) {
    uint32_t at = 0, end = p->count;
    while (at < end) {
        uint32_t middle = (at + end) / 2;
        if (perf_table_compare(&p->list[middle].prefix, prefix) < 0)
            at = middle + 1;
        else
            end = middle;
    }
    return at;
}

static struct perf_location *exact(const struct perf *p, const struct prefix *prefix) {
    uint32_t at = perf_table_first(p, prefix);
    bool found = at < p->count && perf_table_compare(&p->list[at].prefix, prefix) == 0;
    return found ? &p->list[at] : NULL;
}

struct perf_location *perf_table_own(const struct perf *p, const struct prefix *location) {
    struct perf_location *at = exact(p, location);
    if (at != NULL && at->own != NULL)
        return at;
    if (p->merged == 0) /* then there are no wider ones */
        return NULL;
    const uint8_t *levels = levels_of(location);
    for (int i = 0; i < LEVELS; i++) {
        if (levels[i] >= location->bits)
            continue;
        struct prefix wide = perf_table_widen(location, levels[i]);
        at = exact(p, &wide);
        if (at != NULL && at->own != NULL)
            return at;
    }
    return NULL;
}

/* ---- making room ----------------------------------------------------------------------------- */

static void release(struct perf *p, struct perf_location *at) {
    if (at->own != NULL)
        p->bytes -= sizeof(*at->own);
    p->bytes -= at->peer_room * sizeof(at->peers[0]);
    free(at->own);
    free(at->peers);
    *at = (struct perf_location){0};
}

/* Those that were released leave the list. */
static void close_up(struct perf *p) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < p->count; i++)
        if (p->list[i].prefix.addr.family != 0)
            p->list[kept++] = p->list[i];
    p->count = kept;
}

static void forget_old(struct perf *p, struct instant now) {
    for (uint32_t i = 0; i < p->count; i++)
        if (instant_reached(now, instant_add(p->list[i].heard_at, PERF_FORGET)))
            release(p, &p->list[i]);
    close_up(p);
}

void perf_table_drop_silent(struct perf *p) {
    for (uint32_t i = 0; i < p->count; i++)
        if (p->list[i].own == NULL && p->list[i].peer_count == 0)
            release(p, &p->list[i]);
    close_up(p);
}

/* What peers have said of places of nobody of ours counts no more. */
static void forget_stale(struct perf *p, struct instant now) {
    for (uint32_t i = 0; i < p->count; i++)
        if (p->list[i].own == NULL &&
            instant_reached(now, instant_add(p->list[i].heard_at, PERF_PEER_FORGET)))
            release(p, &p->list[i]);
    close_up(p);
}

/* Peers tell again: what only they know of gives way to clients of ours. */
static void forget_foreign(struct perf *p) {
    for (uint32_t i = 0; i < p->count; i++)
        if (p->list[i].own == NULL)
            release(p, &p->list[i]);
    close_up(p);
}

/* The busier one's state is kept: what is usual for most clients is usual. */
static void merge_own(struct perf_own *into, const struct perf_own *from) {
    struct perf_own both = into->reports >= from->reports ? *into : *from;
    const struct perf_own *less = into->reports >= from->reports ? from : into;
    level_merge(&both.degrade.usual, &less->degrade.usual);
    level_merge(&both.degrade.recent, &less->degrade.recent);
    sketch_merge(&both.rating, &less->rating);
    sketch_merge(&both.rtt, &less->rtt);
    sketch_merge(&both.jitter, &less->jitter);
    both.reports += less->reports;
    both.expected += less->expected;
    both.lost += less->lost;
    for (int i = 0; i < 4; i++)
        both.clients[i / 2][i % 2] |= less->clients[i / 2][i % 2];
    *into = both;
}

/* As if one had told of all clients. */
static void merge_word(struct perf_peer *into, const struct perf_peer *from) {
    uint32_t a = into->reports + 1U, b = from->reports + 1U,
             clients = into->clients + from->clients;
    uint32_t reports = into->reports + from->reports;
    into->usual_centi = (uint16_t)((into->usual_centi * a + from->usual_centi * b) / (a + b));
    into->recent_centi = (uint16_t)((into->recent_centi * a + from->recent_centi * b) / (a + b));
    into->spread_centi = (uint16_t)((into->spread_centi * a + from->spread_centi * b) / (a + b));
    into->reports = (uint16_t)(reports < UINT16_MAX ? reports : UINT16_MAX);
    into->clients = (uint16_t)(clients < UINT16_MAX ? clients : UINT16_MAX);
    if (into->rtt_ms == 0 || from->rtt_ms == 0)
        into->rtt_ms = into->rtt_ms > from->rtt_ms ? into->rtt_ms : from->rtt_ms;
    else
        into->rtt_ms = (uint16_t)((into->rtt_ms * a + from->rtt_ms * b) / (a + b));
    into->heard_at = instant_min(into->heard_at, from->heard_at);
}

static size_t merge_words(struct perf_peer *list, size_t count, const struct perf_location *from) {
    for (uint32_t i = 0; i < from->peer_count; i++) {
        size_t at = 0;
        while (at < count && list[at].cluster != from->peers[i].cluster)
            at++;
        if (at < count)
            merge_word(&list[at], &from->peers[i]);
        else if (count < PERF_PEERS_MAX)
            list[count++] = from->peers[i];
    }
    return count;
}

/* Locations from..to become one of that prefix, which is the first of them. */
static void merge_group(struct perf *p, uint32_t from, uint32_t to, const struct prefix *wide) {
    struct perf_location *into = &p->list[from];
    struct perf_peer words[PERF_PEERS_MAX];
    size_t count = merge_words(words, 0, into);
    for (uint32_t i = from + 1; i < to; i++) {
        struct perf_location *at = &p->list[i];
        count = merge_words(words, count, at);
        into->heard_at = instant_max(into->heard_at, at->heard_at);
        if (into->own == NULL) {
            into->own = at->own;
            at->own = NULL;
        } else if (at->own != NULL) {
            merge_own(into->own, at->own);
        }
        release(p, at);
        p->merged++;
    }
    into->prefix = *wide;
    for (size_t i = 0; i < count; i++)
        perf_table_tell(p, into, &words[i]); /* without memory a peer's word is lost, no more */
}

struct group {
    uint32_t from, to;
    uint64_t busy; /* reports for each location that merging frees */
};

static int least_busy_first(const void *a, const void *b) {
    const struct group *x = a, *y = b;
    if (x->busy != y->busy)
        return x->busy < y->busy ? -1 : 1;
    return x->from < y->from ? -1 : x->from > y->from;
}

/* What would be merged if locations had no more bits than at this level. */
static uint32_t find_groups(const struct perf *p, int level, struct group *groups) {
    uint32_t count = 0;
    for (uint32_t from = 0, to; from < p->count; from = to) {
        const struct prefix *first = &p->list[from].prefix;
        struct prefix wide = perf_table_widen(first, levels_of(first)[level]);
        uint64_t reports = 0;
        for (to = from; to < p->count && holds(&wide, &p->list[to].prefix); to++)
            reports += p->list[to].own == NULL ? 0 : p->list[to].own->reports;
        if (to - from > 1)
            groups[count++] = (struct group){from, to, reports / (to - from - 1)};
    }
    qsort(groups, count, sizeof(groups[0]), least_busy_first);
    return count;
}

/* False without memory. */
static bool widen(struct perf *p, uint32_t wanted) {
    struct group *groups = malloc((p->count / 2 + 1) * sizeof(groups[0]));
    if (groups == NULL)
        return false;
    for (int level = 1; level < LEVELS && p->count > wanted; level++) {
        uint32_t count = find_groups(p, level, groups), left = p->count;
        for (uint32_t i = 0; i < count && left > wanted; i++) {
            const struct prefix *first = &p->list[groups[i].from].prefix;
            struct prefix wide = perf_table_widen(first, levels_of(first)[level]);
            left -= groups[i].to - groups[i].from - 1;
            merge_group(p, groups[i].from, groups[i].to, &wide);
        }
        close_up(p);
    }
    free(groups);
    return p->count < p->settings.locations_max;
}

static bool make_room(struct perf *p, bool ours, struct instant now) {
    uint32_t most = p->settings.locations_max;
    if (p->count == most)
        forget_old(p, now);
    if (p->count == most)
        forget_stale(p, now);
    if (p->count == most && !ours && !perf_share_free(p))
        return false;
    if (p->count == most)
        forget_foreign(p);
    if (p->count == most && !widen(p, most - most / FREED_PART))
        return false;
    if (p->count < p->room)
        return true;
    uint32_t room = p->room == 0 ? ROOM_FIRST : p->room * 2;
    room = room < most ? room : most;
    struct perf_location *list = realloc(p->list, room * sizeof(list[0]));
    if (list == NULL)
        return false;
    p->bytes += (room - p->room) * sizeof(list[0]);
    p->list = list;
    p->room = room;
    return true;
}

struct perf_location *perf_table_make(struct perf *p, const struct prefix *prefix, bool ours,
                                      struct instant now) {
    struct perf_location *found = exact(p, prefix);
    if (found != NULL)
        return found;
    uint64_t merged = p->merged;
    if (!make_room(p, ours, now))
        return NULL;
    if (p->merged != merged) { /* what was asked for may have become part of a wider one */
        found = perf_table_own(p, prefix);
        if (found != NULL)
            return found;
    }
    uint32_t at = perf_table_first(p, prefix);
    memmove(&p->list[at + 1], &p->list[at], (p->count - at) * sizeof(p->list[0]));
    p->count++;
    p->list[at] = (struct perf_location){.prefix = *prefix, .heard_at = now};
    return &p->list[at];
}

/* ---- peers ----------------------------------------------------------------------------------- */

static bool knows(const struct perf_peer *list, size_t count, uint16_t cluster) {
    for (size_t i = 0; i < count; i++)
        if (list[i].cluster == cluster)
            return true;
    return false;
}

static size_t add_new(struct perf_peer *out, size_t count, const struct perf_peer *more,
                      size_t more_count) {
    for (size_t i = 0; i < more_count && count < PERF_PEERS_MAX; i++)
        if (!knows(out, count, more[i].cluster))
            out[count++] = more[i];
    return count;
}

size_t perf_table_peers(const struct perf *p, const struct prefix *location,
                        struct perf_peer *out) {
    size_t count = 0;
    for (int bits = location->bits; bits >= 0; bits--) {
        struct prefix wide = perf_table_widen(location, (uint32_t)bits);
        const struct perf_location *at = exact(p, &wide);
        if (at != NULL)
            count = add_new(out, count, at->peers, at->peer_count);
    }
    struct perf_peer within[PERF_PEERS_MAX];
    size_t within_count = 0;
    for (uint32_t i = perf_table_first(p, location);
         i < p->count && holds(location, &p->list[i].prefix); i++)
        if (p->list[i].prefix.bits > location->bits)
            within_count = merge_words(within, within_count, &p->list[i]);
    return add_new(out, count, within, within_count);
}

void perf_check_invariants(const struct perf *p) {
    size_t bytes = sizeof(*p) + p->room * sizeof(p->list[0]);
    assert(p->count <= p->settings.locations_max && p->count <= p->room);
    for (uint32_t i = 0; i < p->count; i++) {
        const struct perf_location *at = &p->list[i];
        assert(prefix_is_canonical(&at->prefix) && at->prefix.addr.family != 0);
        assert(i == 0 || perf_table_compare(&p->list[i - 1].prefix, &at->prefix) < 0);
        assert(at->peer_count <= at->peer_room && at->peer_count <= PERF_PEERS_MAX);
        bytes += at->peer_room * sizeof(at->peers[0]);
        if (at->own == NULL)
            continue;
        bytes += sizeof(*at->own);
        degrade_check_invariants(&at->own->degrade);
        sketch_check_invariants(&at->own->rating);
    }
    assert(bytes == p->bytes);
}
