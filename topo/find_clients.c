#include "topo/find_clients.h"

#include "topo/city.h"
#include "topo/find_private.h"
#include "topo/location.h"

#include <string.h>

#define LANDMARKS_MAX 4    /* the nearest, by way of which others are estimated */
#define US_PER_KM     14.0 /* there and back in glass, by cables that do not run straight */

/* ---- what was told --------------------------------------------------------------------------- */

static struct find_cluster *cluster_with(struct find *f, const struct find_key *key) {
    for (uint32_t i = 0; i < f->top; i++)
        if (f->clusters[i].used && find_key_equal(&f->clusters[i].claim.key, key))
            return &f->clusters[i];
    return NULL;
}

static bool is_any_heard(const struct find_clients *told) {
    for (uint32_t i = 0; i < told->peer_count; i++)
        if (told->peers[i].heard)
            return true;
    return false;
}

/* Whoever hears nobody is cut off itself, and that says nothing of others. */
static void hear_peer(struct find *f, const struct find_peer *p, bool any, struct instant now) {
    struct find_cluster *c = cluster_with(f, &p->key);
    if (c == NULL || c->state != FIND_STATE_ACCEPTED)
        return;
    c->cost = p->cost;
    if (!p->heard && any && duration_less(FIND_CHOOSE_EVERY, instant_since(now, c->accepted)))
        c->deaf_until = instant_add(now, FIND_DEAF);
    else if (p->heard)
        c->deaf_until = instant_us(INT64_MIN);
}

/* Where there is no room it takes the place of the one with least, if that has less. */
static struct find_known *location_for(struct find_clientele *c, const struct prefix *where,
                                       uint32_t weight) {
    struct find_known *at = &c->locations[0];
    for (uint32_t i = 0; i < c->location_count; i++) {
        if (location_equal(&c->locations[i].location, where))
            return &c->locations[i];
        if (c->locations[i].weight < at->weight)
            at = &c->locations[i];
    }
    if (c->location_count < FIND_LOCATIONS_MAX)
        at = &c->locations[c->location_count++];
    else if (at->weight >= weight)
        return NULL;
    *at = (struct find_known){.location = *where};
    return at;
}

/* Those that nobody tells of fade, and are gone with less than half a session. */
static void fade(struct find_clientele *c) {
    uint32_t left = 0;
    for (uint32_t i = 0; i < c->location_count; i++) {
        c->locations[i].weight -= c->locations[i].weight / 4;
        if (c->locations[i].weight >= FIND_WEIGHT / 2)
            c->locations[left++] = c->locations[i];
    }
    c->location_count = left;
}

/* Takes the place of what was known of that cluster; nearest first. */
static void put_way(struct find_known *at, const struct find_way *way) {
    uint32_t count = 0, place;
    for (uint32_t i = 0; i < at->way_count; i++)
        if (!find_key_equal(&at->ways[i].key, &way->key))
            at->ways[count++] = at->ways[i];
    for (place = count; place > 0 && at->ways[place - 1].us > way->us; place--)
        if (place < FIND_PEERS_MAX)
            at->ways[place] = at->ways[place - 1];
    if (place < FIND_PEERS_MAX)
        at->ways[place] = *way;
    at->way_count = count < FIND_PEERS_MAX ? count + 1 : count;
}

static void hear_location(struct find_clientele *c, const struct find_clients *told,
                          const struct find_location *l, bool first) {
    uint32_t most = UINT32_MAX / FIND_WEIGHT / 2;
    uint32_t weight = (l->sessions < most ? l->sessions : most) * FIND_WEIGHT;
    struct find_known *at = location_for(c, &l->location, first ? weight : weight / 4);
    if (at == NULL)
        return;
    at->weight += first ? weight : weight / 4;
    at->rtt_us = l->rtt_us;
    for (uint32_t i = 0; i < told->peer_count; i++) {
        const struct find_peer *p = &told->peers[i];
        if (l->way_us[i] != 0)
            put_way(at, &(struct find_way){.key = p->key,
                                           .us = l->way_us[i],
                                           .placed = p->placed,
                                           .latitude_deg = p->latitude_deg,
                                           .longitude_deg = p->longitude_deg});
    }
}

void find_clients_heard(struct find *f, const struct find_clients *told, struct instant now) {
    struct find_clientele *c = &f->clientele;
    bool first = c->location_count == 0, any = is_any_heard(told);
    c->held_count = 0;
    for (uint32_t i = 0; i < told->peer_count; i++) {
        hear_peer(f, &told->peers[i], any, now);
        if (told->peers[i].held)
            c->held[c->held_count++] = told->peers[i].key;
    }
    memcpy(c->wanting, told->wanting, sizeof(c->wanting));
    c->wanting_count = told->wanting_count;
    fade(c);
    for (uint32_t i = 0; i < told->location_count; i++)
        hear_location(c, told, &told->locations[i], first);
}

/* ---- ways ------------------------------------------------------------------------------------ */

/* [µs] 0: unknown, since one of the two does not say where it is. */
static uint32_t apart_us(bool placed, double latitude_deg, double longitude_deg,
                         const struct find_facts *to) {
    if (!placed || !to->placed)
        return 0;
    return 1000 + (uint32_t)(US_PER_KM * city_distance_km(latitude_deg, longitude_deg,
                                                          to->latitude_deg, to->longitude_deg));
}

static uint32_t shorter_us(uint32_t a_us, uint32_t b_us) {
    return a_us == 0 || (b_us != 0 && b_us < a_us) ? b_us : a_us;
}

uint32_t find_way_us(const struct find *f, uint32_t l, const struct find_cluster *c) {
    const struct find_facts *own = &f->config.own;
    uint32_t us = apart_us(own->placed, own->latitude_deg, own->longitude_deg, &c->facts);
    if (l >= f->clientele.location_count)
        return us;
    const struct find_known *at = &f->clientele.locations[l];
    us = us == 0 ? 0 : us + at->rtt_us;
    for (uint32_t i = 0; i < at->way_count; i++)
        if (find_key_equal(&at->ways[i].key, &c->claim.key))
            return at->ways[i].us;
    for (uint32_t i = 0; i < at->way_count && i < LANDMARKS_MAX; i++) {
        const struct find_way *w = &at->ways[i];
        uint32_t on_us = apart_us(w->placed, w->latitude_deg, w->longitude_deg, &c->facts);
        us = shorter_us(us, on_us == 0 ? 0 : on_us + w->us);
    }
    return us;
}
