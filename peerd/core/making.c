#include "peerd/core/making.h"

#include "peerd/core/state.h"
#include "peerd/wire/audience.h"
#include "topo/location.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static struct makings *made(struct core *core) {
    if (core->makings == NULL)
        core->makings = calloc(1, sizeof(*core->makings));
    return core->makings;
}

/* ---- ours ------------------------------------------------------------------------------------ */

void making_node_told(struct node *n, const struct node_making *told) {
    size_t count = told->stream_count < NODE_SOURCES_MAX ? told->stream_count : NODE_SOURCES_MAX;
    struct node_stream *copy = count == 0 ? NULL : malloc(count * sizeof(*copy));
    if (copy != NULL)
        memcpy(copy, told->streams, count * sizeof(*copy));
    free(n->making.streams);
    n->making = *told;
    n->making.streams = copy;
    n->making.stream_count = copy != NULL ? count : 0;
}

static const struct node_stream *stream_of(const struct node *n, const struct name *source) {
    for (size_t i = 0; i < n->making.stream_count; i++)
        if (name_equal(&n->making.streams[i].source, source))
            return &n->making.streams[i];
    return NULL;
}

/* Whoever comes may be served by any of the machines behind the origin's URL. False: nobody of
 * ours makes it, or none has spoken. */
static bool own_word(const struct core *core, const struct policy_origin *origin,
                     struct making_word *out) {
    uint64_t spare_ms = 0;
    uint32_t player_ms = 0;
    bool any = false;
    for (uint32_t i = 0; i < core->node_count && !name_is_empty(&origin->source); i++) {
        const struct node *n = core->nodes[i];
        const struct node_stream *s = n->registered ? stream_of(n, &origin->source) : NULL;
        if (s == NULL)
            continue;
        any = true;
        spare_ms += n->making.spare_ms;
        player_ms = s->player_ms > player_ms ? s->player_ms : player_ms;
    }
    *out = (struct making_word){.way = audience_way(&origin->name, &core->name),
                                .spare_ms = spare_ms < UINT32_MAX ? (uint32_t)spare_ms : UINT32_MAX,
                                .player_ms =
                                    player_ms < UINT16_MAX ? (uint16_t)player_ms : UINT16_MAX};
    return any;
}

/* ---- told ------------------------------------------------------------------------------------ */

void making_fill(const struct core *core, struct peering *to, struct beat *beat) {
    uint32_t count = core->policy.origin_count;
    struct making_word word;
    uint8_t bytes[MAKING_WORD_LEN];
    if (!to->takes_blocks)
        return;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t turn = (to->making_turn + i) % count;
        if (!own_word(core, &core->policy.origins[turn], &word))
            continue;
        making_word_write(bytes, &word);
        if (beat_add_block(beat, BEAT_BLOCK_MAKING, bytes, sizeof(bytes)))
            to->making_turn = (turn + 1) % count;
        return;
    }
}

/* ---- sites ----------------------------------------------------------------------------------- */

static const struct making_site *find(const struct core *core, const struct name *cluster) {
    for (uint32_t i = 0; core->makings != NULL && i < core->makings->site_count; i++)
        if (name_equal(&core->makings->sites[i].cluster, cluster))
            return &core->makings->sites[i];
    return NULL;
}

static bool is_in_use(const struct core *core, const struct name *cluster) {
    return name_equal(cluster, &core->name) || peering_by_name(core, cluster) != NULL;
}

/* Rows of clusters that are peers no more make room. NULL without memory. */
static struct making_site *site_for(struct core *core, const struct name *cluster) {
    const struct making_site *known = find(core, cluster);
    struct makings *m = made(core);
    struct making_site *place = NULL;
    if (m == NULL || known != NULL)
        return m == NULL ? NULL : &m->sites[known - m->sites];
    if (m->site_count < MAKING_SITES_MAX)
        place = &m->sites[m->site_count++];
    for (uint32_t i = 0; place == NULL && i < m->site_count; i++)
        place = is_in_use(core, &m->sites[i].cluster) ? NULL : &m->sites[i];
    if (place != NULL)
        *place = (struct making_site){.cluster = *cluster, .given_from = core->now};
    return place;
}

/* ---- heard ----------------------------------------------------------------------------------- */

static bool is_of(const struct peering *p, uint32_t way) {
    for (size_t i = 0; p->described && i < p->description.origin_count; i++)
        if (audience_way(&p->description.origins[i].name, &p->policy.name) == way)
            return true;
    return false;
}

static bool is_fresh(const struct core *core, const struct making_told *t) {
    return duration_less(instant_since(core->now, t->at), MAKING_FRESH);
}

/* The word before about the same, else a free place, else the oldest. */
static struct making_told *place_of(struct making_site *s, uint32_t way) {
    struct making_told *oldest = &s->told[0];
    for (uint32_t i = 0; i < s->told_count; i++) {
        if (s->told[i].word.way == way)
            return &s->told[i];
        if (instant_before(s->told[i].at, oldest->at))
            oldest = &s->told[i];
    }
    return s->told_count < ORIGINS_MAX ? &s->told[s->told_count++] : oldest;
}

void making_heard(struct core *core, const struct peering *from, const struct beat *beat) {
    struct making_word word;
    size_t len = 0;
    const uint8_t *block = beat_find_block(beat, BEAT_BLOCK_MAKING, &len);
    if (block == NULL)
        return;
    if (!making_word_read(&word, block, len)) {
        core->counters.digests_refused++;
        return;
    }
    struct making_site *s = is_of(from, word.way) ? site_for(core, &from->policy.name) : NULL;
    if (s != NULL)
        *place_of(s, word.way) = (struct making_told){word, core->now};
}

/* ---- how many more --------------------------------------------------------------------------- */

bool making_of(const struct core *core, const struct name *origin, const struct name *cluster,
               struct making_word *out) {
    const struct policy_origin *own = policy_origin_find(&core->policy, origin);
    if (name_equal(cluster, &core->name))
        return own != NULL && own_word(core, own, out) && out->player_ms > 0;
    const struct making_site *s = find(core, cluster);
    uint32_t way = s != NULL && s->told_count > 0 ? audience_way(origin, cluster) : 0;
    for (uint32_t i = 0; s != NULL && i < s->told_count; i++)
        if (s->told[i].word.way == way && is_fresh(core, &s->told[i])) {
            *out = s->told[i].word;
            return out->player_ms > 0;
        }
    return false;
}

static int64_t parts_since(const struct core *core, const struct making_site *s) {
    return instant_since(core->now, s->given_from).us / MAKING_PART.us;
}

static uint64_t given_ms(const struct core *core, const struct name *cluster) {
    const struct making_site *s = find(core, cluster);
    uint64_t sum = 0;
    for (int64_t i = 0; s != NULL && i + parts_since(core, s) < MAKING_PARTS; i++)
        sum += s->given_ms[i];
    return sum;
}

uint32_t making_players(const struct core *core, const struct name *origin,
                        const struct name *cluster) {
    struct making_word word;
    if (!making_of(core, origin, cluster, &word))
        return MAKING_ANY;
    uint64_t given = given_ms(core, cluster);
    return given < word.spare_ms ? (uint32_t)((word.spare_ms - given) / word.player_ms) : 0;
}

/* ---- who is on the way ----------------------------------------------------------------------- */

/* Who was counted, and is counted as from now on. */
static bool was_counted(struct core *core, const struct core_player_sent *e) {
    uint32_t now_ms = (uint32_t)duration_in_ms(instant_since(core->now, core->started)) + 1;
    uint32_t key =
        audience_way(&e->origin, &core->name) ^ location_client(&e->client) * 2654435769U;
    struct making_client *c = &core->makings->clients[(key ^ key >> 16) % MAKING_CLIENTS];
    bool counted = c->at_ms != 0 && c->key == key &&
                   now_ms - c->at_ms < (uint32_t)duration_in_ms(MAKING_SETTLES);
    if (!counted)
        *c = (struct making_client){key, now_ms};
    return counted;
}

static void give(struct core *core, struct making_site *s, uint32_t ms) {
    int64_t later = parts_since(core, s);
    for (int64_t i = MAKING_PARTS - 1; i >= 0 && later > 0; i--)
        s->given_ms[i] = i >= later ? s->given_ms[i - later] : 0;
    if (later > 0)
        s->given_from = core->now;
    s->given_ms[0] += ms;
}

void making_sent(struct core *core, const struct core_player_sent *e) {
    struct making_word word;
    struct making_site *s = NULL;
    if (making_of(core, &e->origin, &e->cluster, &word))
        s = site_for(core, &e->cluster);
    if (s != NULL && !was_counted(core, e))
        give(core, s, word.player_ms);
}

void making_check_invariants(const struct core *core) {
    const struct makings *m = core->makings;
    if (m == NULL)
        return;
    assert(m->site_count <= MAKING_SITES_MAX);
    for (uint32_t i = 0; i < m->site_count; i++) {
        assert(m->sites[i].told_count <= ORIGINS_MAX);
        assert(!instant_before(core->now, m->sites[i].given_from));
        for (uint32_t k = 0; k < i; k++)
            assert(!name_equal(&m->sites[i].cluster, &m->sites[k].cluster));
    }
}
