#include "topo/trips.h"

#include "peerd/base/chains.h"

#include <string.h>

_Static_assert(TRIPS_PLACES % TRIPS_WAYS == 0, "places come in rows");

void trips_init(struct trips *t) {
    memset(t, 0, sizeof(*t));
}

/* ---- places ---------------------------------------------------------------------------------- */

/* Fields are hashed one by one: what lies between them need not be zero. */
static size_t row_of(const struct prefix *location, uint16_t cluster) {
    uint8_t key[sizeof(location->addr.ip) + 4];
    memcpy(key, location->addr.ip, sizeof(location->addr.ip));
    key[sizeof(location->addr.ip)] = location->addr.family;
    key[sizeof(location->addr.ip) + 1] = (uint8_t)location->bits;
    key[sizeof(location->addr.ip) + 2] = (uint8_t)(cluster >> 8);
    key[sizeof(location->addr.ip) + 3] = (uint8_t)cluster;
    return chains_hash(key, sizeof(key)) % (TRIPS_PLACES / TRIPS_WAYS) * TRIPS_WAYS;
}

static bool is_of(const struct trips_entry *e, const struct prefix *location, uint16_t cluster) {
    return e->location.addr.family != 0 && e->cluster == cluster &&
           e->location.bits == location->bits && e->location.addr.family == location->addr.family &&
           memcmp(e->location.addr.ip, location->addr.ip, sizeof(location->addr.ip)) == 0;
}

static const struct trips_entry *find(const struct trips *t, const struct prefix *location,
                                      uint16_t cluster) {
    const struct trips_entry *row = &t->places[row_of(location, cluster)];
    for (size_t i = 0; i < TRIPS_WAYS; i++)
        if (is_of(&row[i], location, cluster))
            return &row[i];
    return NULL;
}

/* That of the two, or a free one, or the one not heard for longest. */
static struct trips_entry *make(struct trips *t, const struct prefix *location, uint16_t cluster) {
    struct trips_entry *row = &t->places[row_of(location, cluster)], *place = NULL;
    for (size_t i = 0; i < TRIPS_WAYS; i++)
        if (is_of(&row[i], location, cluster))
            return &row[i];
    for (size_t i = 0; i < TRIPS_WAYS; i++) {
        bool free = row[i].location.addr.family == 0;
        bool before = place == NULL || (place->location.addr.family != 0 &&
                                        (free || instant_before(row[i].heard_at, place->heard_at)));
        place = before ? &row[i] : place;
    }
    *place = (struct trips_entry){.location = *location, .cluster = cluster};
    return place;
}

/* ---- words ----------------------------------------------------------------------------------- */

static struct trips_word *word_of(struct trips_entry *e, uint32_t client) {
    for (uint8_t i = 0; i < e->count; i++)
        if (e->words[i].client == client)
            return &e->words[i];
    struct trips_word *word = &e->words[e->next];
    e->next = (uint8_t)((e->next + 1) % TRIPS_CLIENTS);
    e->count += e->count < TRIPS_CLIENTS;
    return word;
}

static bool is_old(const struct trips_entry *e, struct instant now) {
    return instant_reached(now, instant_add(e->heard_at, TRIPS_KEEP));
}

void trips_heard(struct trips *t, const struct prefix *location, uint16_t cluster, uint32_t client,
                 uint32_t rtt_us, uint32_t samples, struct instant now) {
    if (location->addr.family == 0 || rtt_us == 0 || samples < TRIPS_SAMPLES_MIN)
        return;
    struct trips_entry *e = make(t, location, cluster);
    if (e->count > 0 && is_old(e, now))
        e->count = e->next = 0;
    *word_of(e, client) = (struct trips_word){.client = client, .rtt_us = rtt_us};
    e->heard_at = now;
}

static uint32_t median(const struct trips_entry *e) {
    uint32_t sorted[TRIPS_CLIENTS];
    for (uint8_t i = 0; i < e->count; i++) {
        uint8_t k = i;
        for (; k > 0 && sorted[k - 1] > e->words[i].rtt_us; k--)
            sorted[k] = sorted[k - 1];
        sorted[k] = e->words[i].rtt_us;
    }
    return sorted[(e->count - 1) / 2];
}

struct trips_view trips_find(const struct trips *t, const struct prefix *location, uint16_t cluster,
                             struct instant now) {
    const struct trips_entry *e = location->addr.family == 0 ? NULL : find(t, location, cluster);
    if (e == NULL || e->count == 0 || is_old(e, now))
        return (struct trips_view){.clients = 0};
    return (struct trips_view){
        .rtt = duration_us(median(e)), .clients = e->count, .heard_at = e->heard_at};
}

void trips_forget_cluster(struct trips *t, uint16_t cluster) {
    for (size_t i = 0; i < TRIPS_PLACES; i++)
        if (t->places[i].cluster == cluster)
            t->places[i] = (struct trips_entry){.count = 0};
}

bool trips_check_invariants(const struct trips *t) {
    for (size_t i = 0; i < TRIPS_PLACES; i++) {
        const struct trips_entry *e = &t->places[i];
        if (e->count > TRIPS_CLIENTS || e->next >= TRIPS_CLIENTS ||
            (e->location.addr.family == 0) != (e->count == 0))
            return false;
        if (e->count > 0 && i / TRIPS_WAYS * TRIPS_WAYS != row_of(&e->location, e->cluster))
            return false;
    }
    return true;
}
