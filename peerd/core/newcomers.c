#include "peerd/core/newcomers.h"

#include "monitor/level.h"
#include "peerd/core/leaving.h"
#include "peerd/core/state.h"
#include "peerd/wire/digest.h"
#include "topo/location.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

/* ---- groups ---------------------------------------------------------------------------------- */

static struct newcomers_group *find(const struct core *core, uint16_t peer,
                                    const struct prefix *location) {
    for (size_t i = 0; core->newcomers != NULL && i < NEWCOMERS_MAX; i++) {
        struct newcomers_group *g = &core->newcomers->groups[i];
        if (g->peer != 0 && g->peer == peer && location_equal(&g->location, location))
            return g;
    }
    return NULL;
}

/* All that come from a peer are one group more. */
static const struct prefix everywhere = {.addr = {.family = 4}, .bits = 0};

static struct newcomers_group *place(struct core *core) {
    if (core->newcomers == NULL)
        core->newcomers = calloc(1, sizeof(*core->newcomers));
    for (size_t i = 0; core->newcomers != NULL && i < NEWCOMERS_MAX; i++)
        if (core->newcomers->groups[i].peer == 0)
            return &core->newcomers->groups[i];
    return NULL;
}

static bool is_asked_for(const struct core *core, const struct newcomers_group *g) {
    return !instant_is_never(g->back_until) && instant_before(core->now, g->back_until);
}

static struct instant over_at(const struct newcomers_group *g) {
    return instant_add(g->came_at, NEWCOMERS_FOR);
}

static bool is_of(const struct newcomers_group *g, const struct session *s) {
    return s->came_from == g->peer && s->state == SESSION_STATE_COMMITTED &&
           (g->location.bits == 0 || prefix_holds(&g->location, &s->client));
}

/* It is the last wave that is asked for, and of all networks that is told of. */
static bool is_of_wave(const struct newcomers_group *g, const struct session *s) {
    return is_of(g, s) && s->came_s >= g->wave_s;
}

static void at_home(struct core *core, struct newcomers_group *g) {
    for (uint32_t i = 0; i < core->node_count; i++)
        for (struct link *l = list_first(&core->nodes[i]->sessions); l != NULL;
             l = list_after(&core->nodes[i]->sessions, l)) {
            struct session *s = LIST_ELEMENT(l, struct session, at_node);
            if (is_of(g, s))
                s->came_from = 0;
        }
    g->peer = 0;
}

/* ---- they come, and fare --------------------------------------------------------------------- */

static bool enter(struct core *core, const struct peering *from, const struct prefix *location) {
    struct newcomers_group *g = find(core, from->number, location);
    if (g == NULL) {
        g = place(core);
        if (g == NULL)
            return false;
        *g = (struct newcomers_group){
            .peer = from->number, .location = *location, .back_until = INSTANT_NEVER};
    }
    bool wave =
        g->sessions == 0 || instant_reached(core->now, instant_add(g->came_at, NEWCOMERS_WAVE));
    if (wave)
        g->wave_s = core_second(core);
    g->came_at = core->now;
    g->sessions++;
    if (wave || location->bits > 0) {
        g->reports = 0;
        g->centi = g->squares = 0;
    }
    g->next_at = over_at(g);
    return true;
}

void newcomers_came(struct core *core, struct session *s, const struct peering *from) {
    const struct prefix location = location_of(&s->client);
    if (from == NULL || location.addr.family == 0)
        return;
    bool known = enter(core, from, &everywhere);
    known |= enter(core, from, &location);
    if (known)
        s->came_from = from->number;
}

/* Of a location all of them have settled; of all together, who come one by one, it has. */
static bool has_settled(const struct core *core, const struct newcomers_group *g,
                        const struct session *s) {
    if (g->location.bits == 0)
        return is_of_wave(g, s) && core_second(core) - s->came_s > NEWCOMERS_SETTLE.us / 1000000;
    return instant_reached(core->now, instant_add(g->came_at, NEWCOMERS_SETTLE));
}

static void rated(struct core *core, const struct session *s, const struct prefix *location,
                  uint32_t rating_centi) {
    struct newcomers_group *g = find(core, s->came_from, location);
    if (g == NULL || !has_settled(core, g, s))
        return;
    g->reports++;
    g->centi += rating_centi;
    g->squares += (uint64_t)rating_centi * rating_centi;
}

void newcomers_rated(struct core *core, const struct session *s, uint32_t rating_centi) {
    const struct prefix location = location_of(&s->client);
    if (s->came_from == 0)
        return;
    rated(core, s, &location, rating_centi);
    rated(core, s, &everywhere, rating_centi);
}

/* ---- told ------------------------------------------------------------------------------------ */

static struct digest_entry said(const struct newcomers_group *g) {
    uint64_t mean = g->centi / g->reports, square = g->squares / g->reports;
    return (struct digest_entry){
        .location = g->location,
        .usual_centi = (uint16_t)mean,
        .recent_centi = (uint16_t)mean,
        .spread_centi = (uint16_t)level_root(square - mean * mean),
        .reports = (uint16_t)(g->reports < UINT16_MAX ? g->reports : UINT16_MAX),
        .clients = (uint16_t)(g->sessions < UINT16_MAX ? g->sessions : UINT16_MAX)};
}

/* One location a beat, in turn, and all of them together. */
void newcomers_fill(struct core *core, const struct peering *to, struct beat *beat) {
    struct newcomers *n = core->newcomers;
    struct digest_entry entries[2];
    uint8_t bytes[DIGEST_HEADER_LEN + 2 * DIGEST_ENTRY_LEN_MAX];
    size_t count = 0, written;
    if (n == NULL || !to->takes_blocks || !core->policy.performance.tell)
        return;
    const struct newcomers_group *all = find(core, to->number, &everywhere);
    for (uint32_t i = 0; i < NEWCOMERS_MAX && count == 0; i++) {
        const struct newcomers_group *g = &n->groups[(n->turn + i) % NEWCOMERS_MAX];
        if (g->peer != to->number || g->reports == 0 || g == all)
            continue;
        entries[count++] = said(g);
        n->turn = (n->turn + i + 1) % NEWCOMERS_MAX;
    }
    if (all != NULL && all->reports > 0)
        entries[count++] = said(all);
    size_t len = digest_encode(bytes, sizeof(bytes), entries, count, &written);
    if (len > 0)
        beat_add_block(beat, BEAT_BLOCK_NEWCOMERS, bytes, len);
}

/* ---- asked for ------------------------------------------------------------------------------- */

/* Its location may be a wider one than ours: it has had to merge some. */
static void ask_for(struct core *core, const struct peering *from, const struct prefix *location) {
    char text[LOCATION_TEXT_LEN_MAX + 1];
    for (size_t i = 0; i < NEWCOMERS_MAX; i++) {
        struct newcomers_group *g = &core->newcomers->groups[i];
        bool all = location->bits == 0 && g->location.bits == 0;
        if (g->peer != from->number || (!all && (location->bits == 0 || g->location.bits == 0 ||
                                                 !prefix_holds(location, &g->location.addr))))
            continue;
        if (!is_asked_for(core, g)) {
            core_trace(core, "newcomers: %s asks for its sessions of %s back",
                       from->policy.name.text,
                       all ? "several networks, those who came last"
                           : location_to_text(&g->location, text));
            g->next_at = instant_add(g->came_at, NEWCOMERS_STAY);
        }
        g->back_until = instant_add(core->now, NEWCOMERS_BACK);
    }
}

void newcomers_heard(struct core *core, const struct peering *from, const struct beat *beat) {
    struct digest_entry entries[DIGEST_ENTRIES_MAX];
    size_t len = 0, count = 0;
    const uint8_t *block = beat_find_block(beat, BEAT_BLOCK_GIVE_BACK, &len);
    if (block == NULL || core->newcomers == NULL)
        return;
    if (digest_decode(entries, &count, block, len) != ERR_OK) {
        core->counters.digests_refused++;
        return;
    }
    for (size_t i = 0; i < count; i++)
        ask_for(core, from, &entries[i].location);
}

/* ---- sent back ------------------------------------------------------------------------------- */

/* False: its node takes no more orders now. */
static bool send_home(struct core *core, struct session *s, const struct peering *home) {
    if (leaving_target(core, s, &home->policy.name) != home)
        return true; /* it is not fit to take it; it stays */
    if (!leaving_order(core, s, home, MOVE_CAUSE_RETURN))
        return false;
    s->move->asked = true;
    core->counters.sessions_returned++;
    return true;
}

/* Those who were ordered and whose wish has lapsed are asked again while they are asked for. */
static void send_some(struct core *core, struct newcomers_group *g, const struct peering *home) {
    uint32_t sent = 0;
    for (uint32_t i = 0; i < core->node_count; i++)
        for (struct link *l = list_first(&core->nodes[i]->sessions);
             l != NULL && sent < NEWCOMERS_AT_ONCE; l = list_after(&core->nodes[i]->sessions, l)) {
            struct session *s = LIST_ELEMENT(l, struct session, at_node);
            if (!is_of_wave(g, s) || s->queue != NULL)
                continue;
            if (!send_home(core, s, home))
                break;
            sent++;
        }
}

static void look(struct core *core, struct newcomers_group *g) {
    const struct peering *home = NULL;
    for (uint32_t i = 0; i < core->peer_count; i++)
        if (core->peers[i]->number == g->peer)
            home = core->peers[i];
    g->next_at = over_at(g);
    if (home == NULL || instant_reached(core->now, g->next_at)) {
        at_home(core, g);
        return;
    }
    if (!is_asked_for(core, g))
        return;
    if (!core->drain.active)
        send_some(core, g, home);
    g->next_at = instant_min(g->next_at, instant_add(core->now, NEWCOMERS_RETRY));
}

void newcomers_step(struct core *core) {
    for (size_t i = 0; core->newcomers != NULL && i < NEWCOMERS_MAX; i++) {
        struct newcomers_group *g = &core->newcomers->groups[i];
        if (g->peer != 0 && instant_reached(core->now, g->next_at))
            look(core, g);
    }
}

struct instant newcomers_deadline(const struct core *core) {
    struct instant due = INSTANT_NEVER;
    for (size_t i = 0; core->newcomers != NULL && i < NEWCOMERS_MAX; i++)
        if (core->newcomers->groups[i].peer != 0)
            due = instant_min(due, core->newcomers->groups[i].next_at);
    return due;
}

void newcomers_check_invariants(const struct core *core) {
    for (size_t i = 0; core->newcomers != NULL && i < NEWCOMERS_MAX; i++) {
        const struct newcomers_group *g = &core->newcomers->groups[i];
        if (g->peer == 0)
            continue;
        assert(g->sessions > 0 && !instant_before(over_at(g), g->next_at));
        assert(!is_asked_for(core, g) || !instant_is_never(g->next_at));
        for (size_t k = i + 1; k < NEWCOMERS_MAX; k++)
            assert(core->newcomers->groups[k].peer != g->peer ||
                   !location_equal(&core->newcomers->groups[k].location, &g->location));
    }
}
