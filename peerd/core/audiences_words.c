/*
 * What is known of audiences: as we hear it, and as peers tell.
 */
#include "peerd/core/audiences_inner.h"
#include "peerd/core/state.h"
#include "peerd/wire/audience.h"
#include "topo/location.h"

/* ---- of a place ------------------------------------------------------------------------------ */

const struct audience_row *audience_find(const struct core *core, const struct name *origin,
                                         const struct name *cluster,
                                         const struct prefix *location) {
    const struct audiences *a = core->audiences;
    for (uint32_t i = 0; a != NULL && i < a->row_count; i++) {
        const struct audience_row *row = &a->rows[i];
        if (location_equal(&row->location, location) && name_equal(&row->cluster, cluster) &&
            name_equal(&row->origin, origin))
            return row;
    }
    return NULL;
}

bool audience_is_held(const struct audience_row *row) {
    return row->state == AUDIENCE_STATE_ALL;
}

uint32_t audience_clients(const struct core *core, const struct audience_row *row) {
    int64_t now_ms = duration_in_ms(instant_since(core->now, core->started));
    uint32_t count = 0;
    for (size_t i = 0; i < AUDIENCES_CLIENTS; i++)
        count +=
            row->heard_ms[i] != 0 && now_ms - row->heard_ms[i] <= duration_in_ms(AUDIENCES_FRESH);
    return count;
}

struct audience_figures audience_now(const struct core *core, const struct audience_row *row) {
    struct level told = row->told;
    level_fade(&told, AUDIENCES_HALF, core->now);
    return (struct audience_figures){level_mean(&told), level_spread(&told), level_figures(&told)};
}

uint32_t audience_chance(uint32_t spread_centi, uint32_t reports) {
    uint64_t wide = spread_centi < DEGRADE_SPREAD_MIN ? DEGRADE_SPREAD_MIN : spread_centi;
    return level_root(wide * wide * 269 / 100 / (reports > 0 ? reports : 1));
}

/* ---- of the same stream elsewhere ------------------------------------------------------------ */

static bool is_fresh(const struct core *core, struct instant heard_at, struct duration within) {
    return !instant_reached(core->now, instant_add(heard_at, within));
}

static bool is_elsewhere(const struct audience_row *row, const struct prefix *location,
                         const struct name *origin, const struct name *cluster) {
    return location_equal(&row->location, location) && name_equal(&row->origin, origin) &&
           !name_equal(&row->cluster, cluster);
}

size_t audience_others(const struct core *core, const struct audience_row *row,
                       struct degrade_peer out[DEGRADE_PEERS_MAX]) {
    const struct audiences *a = core->audiences;
    size_t count = 0;
    for (uint32_t i = 0; i < a->row_count && count < DEGRADE_PEERS_MAX; i++) {
        const struct audience_row *r = &a->rows[i];
        const struct audience_figures f = audience_now(core, r);
        if (f.figures > 0 && is_elsewhere(row, &r->location, &r->origin, &r->cluster) &&
            is_fresh(core, r->heard_at, AUDIENCES_FRESH))
            out[count++] = (struct degrade_peer){.usual_centi = level_mean(&r->degrade.usual),
                                                 .recent_centi = f.centi,
                                                 .spread_centi = f.spread_centi,
                                                 .reports = f.figures,
                                                 .heard_at = r->heard_at};
    }
    for (uint32_t i = 0; i < a->word_count && count < DEGRADE_PEERS_MAX; i++) {
        const struct audience_word *w = &a->words[i];
        if (is_elsewhere(row, &w->location, &w->origin, &w->cluster) &&
            is_fresh(core, w->told.heard_at, AUDIENCES_FRESH))
            out[count++] = w->told;
    }
    return count;
}

/* ---- for a rank ------------------------------------------------------------------------------ */

static struct rank_experience experience(uint32_t centi, uint32_t spread, uint32_t reports) {
    return (struct rank_experience){.known = true,
                                    .r_tenths = (uint16_t)(centi / 10),
                                    .margin_tenths =
                                        (uint16_t)(audience_chance(spread, reports) / 10)};
}

static const struct degrade_peer *word_of(const struct core *core, const struct name *origin,
                                          const struct name *cluster,
                                          const struct prefix *location) {
    const struct audiences *a = core->audiences;
    const struct degrade_peer *best = NULL;
    for (uint32_t i = 0; i < a->word_count; i++) {
        const struct audience_word *w = &a->words[i];
        if (location_equal(&w->location, location) && name_equal(&w->cluster, cluster) &&
            name_equal(&w->origin, origin) && is_fresh(core, w->told.heard_at, AUDIENCES_FORGET) &&
            (best == NULL || w->told.reports > best->reports))
            best = &w->told;
    }
    return best;
}

struct rank_experience audiences_experience(const struct core *core, const struct name *origin,
                                            const struct name *cluster,
                                            const struct prefix *location) {
    const struct rank_experience unknown = {.known = false};
    if (core->audiences == NULL)
        return unknown;
    const struct audience_row *row = audience_find(core, origin, cluster, location);
    if (row != NULL && audience_is_held(row))
        return experience(row->fell_to, 0, AUDIENCES_REPORTS);
    if (row != NULL) {
        const struct audience_figures f = audience_now(core, row);
        if (f.figures >= AUDIENCES_REPORTS)
            return experience(f.centi, f.spread_centi, f.figures);
    }
    const struct degrade_peer *word = word_of(core, origin, cluster, location);
    return word != NULL && word->reports >= AUDIENCES_REPORTS
               ? experience(word->recent_centi, word->spread_centi, word->reports)
               : unknown;
}

bool audience_wants_away(const struct core *core, const struct name *origin,
                         const struct name *cluster, const struct prefix *location, uint32_t lot) {
    const struct audiences *a = core->audiences;
    for (uint32_t i = 0; i < a->word_count; i++) {
        const struct audience_word *w = &a->words[i];
        if (lot >= w->leave_from && lot < w->leave_to && location_equal(&w->location, location) &&
            name_equal(&w->cluster, cluster) && name_equal(&w->origin, origin) &&
            is_fresh(core, w->told.heard_at, AUDIENCES_FRESH))
            return true;
    }
    return false;
}

/* ---- told ------------------------------------------------------------------------------------ */

static uint16_t least(uint32_t a) {
    return (uint16_t)(a < UINT16_MAX ? a : UINT16_MAX);
}

/* A peer that speaks of a place knows it: how the few fare who came from there is no news of who
 * lives there. */
static bool has_told_of(const struct core *core, const struct peering *to,
                        const struct prefix *location) {
    const struct audiences *a = core->audiences;
    for (uint32_t i = 0; i < a->word_count; i++)
        if (a->words[i].teller == to->number && location_equal(&a->words[i].location, location) &&
            is_fresh(core, a->words[i].told.heard_at, AUDIENCES_FRESH))
            return true;
    return false;
}

static bool may_tell(const struct core *core, const struct audience_row *row, uint32_t clients,
                     const struct peering *to) {
    const struct policy_performance *p = &core->policy.performance;
    uint32_t bits = row->location.addr.family == 4 ? p->tell_ipv4_bits : p->tell_ipv6_bits;
    return row->location.bits <= bits &&
           (clients >= p->tell_clients_min || has_told_of(core, to, &row->location));
}

/* False: there is nothing that may be told of it. */
static bool say_of(const struct core *core, const struct audience_row *row,
                   const struct peering *to, struct digest_entry *out) {
    const struct audience_figures f = audience_now(core, row);
    const bool held = audience_is_held(row);
    uint32_t clients = held ? row->fell_clients : audience_clients(core, row);
    if (!may_tell(core, row, clients, to) || (!held && f.figures == 0))
        return false;
    *out = (struct digest_entry){.location = row->location,
                                 .usual_centi =
                                     held ? row->fell_from : least(level_mean(&row->degrade.usual)),
                                 .recent_centi = held ? row->fell_to : least(f.centi),
                                 .spread_centi = held ? 0 : least(f.spread_centi),
                                 .reports = held ? AUDIENCES_REPORTS : least(f.figures),
                                 .clients = least(clients)};
    return true;
}

void audiences_fill(const struct core *core, struct peering *to, struct beat *beat) {
    const struct audiences *a = core->audiences;
    if (a == NULL || !to->takes_blocks || !core->policy.performance.tell)
        return;
    for (uint32_t i = 0; i < a->row_count; i++) {
        const struct audience_row *row = &a->rows[(to->audience_turn + i) % a->row_count];
        struct digest_entry entry;
        uint8_t bytes[AUDIENCE_BLOCK_LEN_MAX];
        if (!say_of(core, row, to, &entry))
            continue;
        const struct audience_lots lots = audience_leaving(row);
        const struct audience_told told = {.way = audience_way(&row->origin, &row->cluster),
                                           .leave_from = lots.from,
                                           .leave_to = lots.to,
                                           .fares = entry};
        size_t len = audience_write(bytes, &told);
        if (beat_add_block(beat, BEAT_BLOCK_AUDIENCE, bytes, len))
            to->audience_turn = (to->audience_turn + i + 1) % a->row_count;
        return;
    }
}

/* ---- heard ----------------------------------------------------------------------------------- */

struct way {
    const struct name *origin, *cluster;
};

/* Whose check that is, of all pathways that we know; no names: nobody's. */
static struct way way_of(const struct core *core, uint32_t check) {
    for (uint32_t i = 0; i < core->policy.origin_count; i++) {
        const struct name *origin = &core->policy.origins[i].name;
        if (audience_way(origin, &core->name) == check)
            return (struct way){origin, &core->name};
    }
    for (uint32_t i = 0; i < core->peer_count; i++) {
        const struct peering *p = core->peers[i];
        for (size_t k = 0; p->described && k < p->description.origin_count; k++)
            if (audience_way(&p->description.origins[k].name, &p->policy.name) == check)
                return (struct way){&p->description.origins[k].name, &p->policy.name};
    }
    return (struct way){NULL, NULL};
}

/* The word before of the same about the same; else a free place, else the oldest. */
static struct audience_word *place(struct audiences *a, uint16_t teller, const struct way *way,
                                   const struct prefix *location) {
    struct audience_word *oldest = &a->words[0];
    for (uint32_t i = 0; i < a->word_count; i++) {
        struct audience_word *w = &a->words[i];
        if (w->teller == teller && location_equal(&w->location, location) &&
            name_equal(&w->cluster, way->cluster) && name_equal(&w->origin, way->origin))
            return w;
        if (instant_before(w->told.heard_at, oldest->told.heard_at))
            oldest = w;
    }
    return a->word_count < AUDIENCES_WORDS_MAX ? &a->words[a->word_count++] : oldest;
}

void audiences_heard(struct core *core, const struct peering *from, const struct beat *beat) {
    struct audience_told told;
    size_t len = 0;
    const uint8_t *block = beat_find_block(beat, BEAT_BLOCK_AUDIENCE, &len);
    if (block == NULL)
        return;
    if (!audience_read(&told, block, len)) {
        core->counters.digests_refused++;
        return;
    }
    const struct way way = way_of(core, told.way);
    struct audiences *a = way.origin == NULL ? NULL : audiences_made(core);
    if (a == NULL)
        return;
    bool own = name_equal(way.cluster, &from->policy.name);
    const struct digest_entry *fares = &told.fares;
    *place(a, from->number, &way, &fares->location) =
        (struct audience_word){.origin = *way.origin,
                               .cluster = *way.cluster,
                               .location = fares->location,
                               .teller = from->number,
                               .leave_from = own ? told.leave_from : 0,
                               .leave_to = own ? told.leave_to : 0,
                               .told = {.usual_centi = fares->usual_centi,
                                        .recent_centi = fares->recent_centi,
                                        .spread_centi = fares->spread_centi,
                                        .reports = fares->reports,
                                        .heard_at = core->now}};
}
