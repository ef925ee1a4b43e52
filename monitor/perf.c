#include "monitor/perf_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_OF_JITTER 2               /* times: what an unknown playout buffer is taken for */
#define BUFFER_LEAST     duration_ms(20) /* [ms] one frame */
#define ROOM_FIRST       16

void perf_init(struct perf *p, const struct perf_settings *settings) {
    assert(settings->locations_max >= ROOM_FIRST);
    *p = (struct perf){.settings = *settings, .bytes = sizeof(*p)};
}

void perf_free(struct perf *p) {
    if (p == NULL)
        return;
    for (uint32_t i = 0; i < p->count; i++) {
        free(p->list[i].own);
        free(p->list[i].peers);
    }
    free(p->list);
    p->list = NULL;
    p->count = p->room = 0;
}

/* ---- own clients ----------------------------------------------------------------------------- */

uint32_t perf_rate(const struct perf_sample *s) {
    struct duration buffer = s->buffer;
    if (buffer.us <= 0)
        buffer = duration_max(duration_scale(s->jitter, BUFFER_OF_JITTER, 1), BUFFER_LEAST);
    struct duration way =
        duration_is_endless(s->rtt) ? DURATION_ZERO : duration_scale(s->rtt, 1, 2);
    uint64_t loss = s->expected == 0 ? 0 : (uint64_t)s->lost * 1000000 / s->expected;
    const struct experience_voice voice = {
        .loss_ppm = loss > 1000000 ? 1000000 : (uint32_t)loss,
        .burst_milli = experience_burst_milli(s->expected, s->lost, s->runs),
        .delay = duration_add(way, buffer),
    };
    return experience_r_centi(s->codec, &voice);
}

static void fade_sketches(struct perf_own *own, struct instant now) {
    for (int i = 0; instant_reached(now, instant_add(own->faded_at, PERF_FADE_EVERY)); i++) {
        own->faded_at = instant_add(own->faded_at, PERF_FADE_EVERY);
        if (i == 64) { /* by then nothing is left */
            own->faded_at = now;
            break;
        }
        sketch_fade(&own->rating, 7, 8);
        sketch_fade(&own->rtt, 7, 8);
        sketch_fade(&own->jitter, 7, 8);
    }
}

static void turn_clients(struct perf_own *own, struct instant now) {
    if (!instant_reached(now, instant_add(own->clients_at, PERF_CLIENTS_FOR)))
        return;
    bool long_ago =
        instant_reached(now, instant_add(own->clients_at, duration_scale(PERF_CLIENTS_FOR, 2, 1)));
    for (int i = 0; i < 2; i++) {
        own->clients[1][i] = long_ago ? 0 : own->clients[0][i];
        own->clients[0][i] = 0;
    }
    own->clients_at = now;
}

uint32_t perf_clients(const struct perf_own *own, struct instant now) {
    struct perf_own then = {.clients_at = own->clients_at};
    memcpy(then.clients, own->clients, sizeof(then.clients));
    turn_clients(&then, now);
    uint32_t count = 0;
    for (int i = 0; i < 2; i++)
        count += (uint32_t)__builtin_popcountll(then.clients[0][i] | then.clients[1][i]);
    return count;
}

/* One entry a location of ours, made when its first client is heard. */
static struct perf_own *own_of(struct perf *p, const struct prefix *location, struct instant now) {
    struct perf_location *at = perf_table_own(p, location);
    if (at == NULL)
        at = perf_table_make(p, location, true, now);
    if (at == NULL)
        return NULL;
    at->heard_at = now;
    if (at->own != NULL)
        return at->own;
    at->own = calloc(1, sizeof(*at->own));
    if (at->own == NULL)
        return NULL;
    p->bytes += sizeof(*at->own);
    degrade_init(&at->own->degrade, now);
    at->own->clients_at = at->own->faded_at = now;
    at->own->told_at = instant_us(INT64_MIN);
    return at->own;
}

bool perf_heard(struct perf *p, const struct perf_sample *s, struct instant now) {
    if (s->location.addr.family == 0)
        return false;
    struct perf_own *own = own_of(p, &s->location, now);
    if (own == NULL)
        return false;
    uint32_t rating = perf_rate(s), bit = s->client * 2654435769U >> 25;
    bool was_awake = degrade_is_awake(&own->degrade);
    fade_sketches(own, now);
    turn_clients(own, now);
    own->clients[0][bit / 64] |= (uint64_t)1 << bit % 64;
    own->reports++;
    own->expected += s->expected;
    own->lost += s->lost;
    sketch_add(&own->rating, rating);
    if (!duration_is_endless(s->rtt))
        sketch_add(&own->rtt, perf_table_us(s->rtt));
    sketch_add(&own->jitter, perf_table_us(s->jitter));
    if (s->ails)
        degrade_heard_ailing(&own->degrade, &p->settings.wish, now, s->session, rating);
    else
        degrade_heard(&own->degrade, &p->settings.wish, now, s->session, rating);
    degrade_lost(&own->degrade, s->expected, s->lost, now);
    if (!was_awake && degrade_is_awake(&own->degrade))
        p->awake++;
    return true;
}

void perf_way_heard(struct perf *p, const struct prefix *location, uint16_t cluster, uint32_t asked,
                    uint32_t lost, struct instant now) {
    struct perf_location *at = perf_table_own(p, location);
    if (at != NULL)
        degrade_way_heard(&at->own->degrade, &p->settings.wish, cluster, asked, lost, now);
}

struct ways_view perf_way(const struct perf *p, const struct prefix *location, uint16_t cluster,
                          struct instant now) {
    const struct perf_location *at = perf_find(p, location);
    return at == NULL ? (struct ways_view){.finding = WAYS_NOTHING}
                      : ways_one(&at->own->degrade.ways, cluster, now);
}

/* ---- peers' clients -------------------------------------------------------------------------- */

static struct perf_peer *peer_of(struct perf_location *at, uint16_t cluster) {
    for (uint32_t i = 0; i < at->peer_count; i++)
        if (at->peers[i].cluster == cluster)
            return &at->peers[i];
    return NULL;
}

/* A place for one more; of PERF_PEERS_MAX the one not heard for longest gives way. */
static struct perf_peer *add_peer(struct perf *p, struct perf_location *at) {
    if (at->peer_count == PERF_PEERS_MAX) {
        struct perf_peer *oldest = &at->peers[0];
        for (uint32_t i = 1; i < at->peer_count; i++)
            if (instant_before(at->peers[i].heard_at, oldest->heard_at))
                oldest = &at->peers[i];
        return oldest;
    }
    if (at->peer_count == at->peer_room) {
        uint8_t room = (uint8_t)(at->peer_room == 0 ? 2 : at->peer_room * 2);
        struct perf_peer *list = realloc(at->peers, room * sizeof(list[0]));
        if (list == NULL)
            return NULL;
        p->bytes += (size_t)(room - at->peer_room) * sizeof(list[0]);
        at->peers = list;
        at->peer_room = room;
    }
    return &at->peers[at->peer_count++];
}

bool perf_table_tell(struct perf *p, struct perf_location *at, const struct perf_peer *word) {
    struct perf_peer *peer = peer_of(at, word->cluster);
    if (peer == NULL)
        peer = add_peer(p, at);
    if (peer == NULL)
        return false;
    *peer = *word;
    return true;
}

bool perf_told(struct perf *p, uint16_t cluster, const struct perf_summary *s, struct instant now) {
    if (s->location.addr.family == 0 || !prefix_is_canonical(&s->location))
        return false;
    struct perf_location *at = perf_table_make(p, &s->location, false, now);
    if (at == NULL)
        return false;
    at->heard_at = now;
    const struct perf_peer word = {.heard_at = now,
                                   .cluster = cluster,
                                   .usual_centi = s->usual_centi,
                                   .recent_centi = s->recent_centi,
                                   .spread_centi = s->spread_centi,
                                   .reports = s->reports,
                                   .clients = s->clients,
                                   .rtt_ms = s->rtt_ms};
    return perf_table_tell(p, at, &word);
}

void perf_forget_cluster(struct perf *p, uint16_t cluster) {
    for (uint32_t i = 0; i < p->count; i++) {
        struct perf_location *at = &p->list[i];
        struct perf_peer *peer = peer_of(at, cluster);
        if (peer != NULL)
            *peer = at->peers[--at->peer_count];
    }
}

/* ---- judging --------------------------------------------------------------------------------- */

size_t perf_words(const struct perf *p, const struct prefix *location, struct instant now,
                  struct perf_peer *out) {
    size_t count = perf_table_peers(p, location, out), kept = 0;
    for (size_t i = 0; i < count; i++)
        if (!instant_reached(now, instant_add(out[i].heard_at, PERF_PEER_FORGET)))
            out[kept++] = out[i];
    return kept;
}

static size_t words_about(const struct perf *p, const struct prefix *location, struct instant now,
                          struct degrade_peer *words, uint16_t *clusters) {
    struct perf_peer peers[PERF_PEERS_MAX];
    size_t count = perf_words(p, location, now, peers);
    for (size_t i = 0; i < count; i++) {
        clusters[i] = peers[i].cluster;
        words[i] = (struct degrade_peer){.usual_centi = peers[i].usual_centi,
                                         .recent_centi = peers[i].recent_centi,
                                         .spread_centi = peers[i].spread_centi,
                                         .reports = peers[i].reports,
                                         .heard_at = peers[i].heard_at};
    }
    return count;
}

bool perf_judge(struct perf *p, uint32_t *cursor, struct instant now, struct prefix *location,
                struct degrade_event *event, uint16_t *clusters) {
    struct degrade_peer words[PERF_PEERS_MAX];
    if (*cursor == 0) {
        p->awake = 0;
        for (uint32_t i = 0; i < p->count; i++)
            p->awake += p->list[i].own != NULL && degrade_is_awake(&p->list[i].own->degrade);
    }
    for (; p->awake > 0 && *cursor < p->count; (*cursor)++) {
        struct perf_location *at = &p->list[*cursor];
        if (at->own == NULL || !degrade_is_awake(&at->own->degrade))
            continue;
        size_t count = words_about(p, &at->prefix, now, words, clusters);
        if (degrade_judge(&at->own->degrade, &p->settings.wish, now, words, count, event)) {
            *location = at->prefix;
            (*cursor)++;
            return true;
        }
    }
    return false;
}

/* ---- views ----------------------------------------------------------------------------------- */

/* 95 % of a normal mean. */
static uint32_t within(uint32_t spread, uint32_t reports) {
    uint64_t wide = spread < DEGRADE_SPREAD_MIN ? DEGRADE_SPREAD_MIN : spread;
    return level_root(wide * wide * 384 / 100 / (reports == 0 ? 1 : reports));
}

struct perf_view perf_around_view(const struct perf_around *around) {
    uint32_t reports = level_figures(&around->level);
    return (struct perf_view){level_mean(&around->level),
                              within(level_spread(&around->level), reports), reports};
}

struct perf_view perf_own_view(const struct perf *p, const struct prefix *location) {
    const struct perf_location *at = perf_find(p, location);
    if (at == NULL || at->own->reports == 0)
        return (struct perf_view){0};
    const struct level *usual = &at->own->degrade.usual, *recent = &at->own->degrade.recent;
    bool bad = degrade_is_bad(&at->own->degrade) && recent->weight > 0;
    const struct level *level = bad ? recent : usual;
    uint32_t reports = level_figures(level);
    return (struct perf_view){level_mean(level), within(level_spread(level), reports), reports};
}

struct perf_view perf_word_view(const struct perf *p, const struct perf_peer *w) {
    bool bad = w->reports > 0 && w->usual_centi >= w->recent_centi + p->settings.wish.drop_centi;
    return (struct perf_view){bad ? w->recent_centi : w->usual_centi,
                              within(w->spread_centi, w->reports), w->reports > 0 ? w->reports : 1};
}

struct perf_view perf_peer_view(const struct perf *p, const struct prefix *location,
                                uint16_t cluster) {
    struct perf_peer peers[PERF_PEERS_MAX];
    size_t count = perf_table_peers(p, location, peers);
    for (size_t i = 0; i < count; i++)
        if (peers[i].cluster == cluster)
            return perf_word_view(p, &peers[i]);
    return (struct perf_view){0};
}

const struct perf_location *perf_find(const struct perf *p, const struct prefix *location) {
    return perf_table_own(p, location);
}
