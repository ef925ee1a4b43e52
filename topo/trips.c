#include "topo/trips.h"

#include "peerd/base/chains.h"

#include <string.h>

_Static_assert(TRIPS_PLACES % TRIPS_WAYS == 0 && TRIPS_WIDE_PLACES % TRIPS_WAYS == 0,
               "places come in rows");

static const uint8_t wider_ipv4[TRIPS_WIDER] = {20, 16}, wider_ipv6[TRIPS_WIDER] = {44, 40};

void trips_init(struct trips *t) {
    memset(t, 0, sizeof(*t));
}

/* ---- places ---------------------------------------------------------------------------------- */

/* Fields are hashed one by one: what lies between them need not be zero. */
static size_t row_of(const struct prefix *location, uint16_t cluster, size_t places) {
    uint8_t key[sizeof(location->addr.ip) + 4];
    memcpy(key, location->addr.ip, sizeof(location->addr.ip));
    key[sizeof(location->addr.ip)] = location->addr.family;
    key[sizeof(location->addr.ip) + 1] = (uint8_t)location->bits;
    key[sizeof(location->addr.ip) + 2] = (uint8_t)(cluster >> 8);
    key[sizeof(location->addr.ip) + 3] = (uint8_t)cluster;
    return chains_hash(key, sizeof(key)) % (places / TRIPS_WAYS) * TRIPS_WAYS;
}

static bool is_of(const struct trips_entry *e, const struct prefix *location, uint16_t cluster) {
    return e->location.addr.family != 0 && e->cluster == cluster &&
           e->location.bits == location->bits && e->location.addr.family == location->addr.family &&
           memcmp(e->location.addr.ip, location->addr.ip, sizeof(location->addr.ip)) == 0;
}

static const struct trips_entry *find_in(const struct trips_entry *row,
                                         const struct prefix *location, uint16_t cluster) {
    for (size_t i = 0; i < TRIPS_WAYS; i++)
        if (is_of(&row[i], location, cluster))
            return &row[i];
    return NULL;
}

static const struct trips_entry *find(const struct trips *t, const struct prefix *location,
                                      uint16_t cluster) {
    return find_in(&t->places[row_of(location, cluster, TRIPS_PLACES)], location, cluster);
}

/* That of the two, or a free one, or the one whose turn was longest ago. */
static struct trips_entry *make_in(struct trips_entry *row, const struct prefix *location,
                                   uint16_t cluster) {
    struct trips_entry *place = NULL;
    for (size_t i = 0; i < TRIPS_WAYS; i++)
        if (is_of(&row[i], location, cluster))
            return &row[i];
    for (size_t i = 0; i < TRIPS_WAYS; i++) {
        bool free = row[i].location.addr.family == 0;
        bool before = place == NULL || (place->location.addr.family != 0 &&
                                        (free || instant_before(row[i].turn_at, place->turn_at)));
        place = before ? &row[i] : place;
    }
    *place = (struct trips_entry){.location = *location, .cluster = cluster};
    return place;
}

static struct trips_entry *make(struct trips *t, const struct prefix *location, uint16_t cluster) {
    return make_in(&t->places[row_of(location, cluster, TRIPS_PLACES)], location, cluster);
}

/* The prefix around a location at that step; of less than a location there is none. */
static bool widen(const struct prefix *location, int step, struct prefix *out) {
    uint8_t bits = location->addr.family == 4 ? wider_ipv4[step] : wider_ipv6[step];
    *out = *location;
    out->bits = bits;
    memset(&out->addr.ip[(bits + 7) / 8], 0, sizeof(out->addr.ip) - (bits + 7U) / 8);
    if (bits % 8 != 0)
        out->addr.ip[bits / 8] &= (uint8_t)(0xff00 >> bits % 8);
    return bits < location->bits;
}

/* ---- words ----------------------------------------------------------------------------------- */

static bool is_old(const struct trips_word *word, struct instant now) {
    return instant_reached(now, instant_add(word->heard_at, TRIPS_KEEP));
}

/* That of the client, or a free one, or the one not heard for longest. */
static struct trips_word *word_of(struct trips_entry *e, uint32_t client) {
    struct trips_word *oldest = &e->words[0];
    for (uint8_t i = 0; i < e->count; i++) {
        if (e->words[i].client == client)
            return &e->words[i];
        if (instant_before(e->words[i].heard_at, oldest->heard_at))
            oldest = &e->words[i];
    }
    return e->count < TRIPS_CLIENTS ? &e->words[e->count++] : oldest;
}

/* What a location comes to is its one word in each prefix around it. */
static void tell_around(struct trips *t, const struct prefix *location, uint16_t cluster,
                        struct instant now) {
    struct trips_view view = trips_find(t, location, cluster, now);
    uint32_t who = chains_hash(location->addr.ip, sizeof(location->addr.ip));
    struct prefix wide;
    for (int step = 0; step < TRIPS_WIDER && widen(location, step, &wide); step++) {
        struct trips_entry *e =
            make_in(&t->wide[row_of(&wide, cluster, TRIPS_WIDE_PLACES)], &wide, cluster);
        *word_of(e, who) =
            (struct trips_word){.client = who, .rtt_us = (uint32_t)view.rtt.us, .heard_at = now};
        e->heard_at = e->turn_at = now;
    }
}

void trips_heard(struct trips *t, const struct prefix *location, uint16_t cluster, uint32_t client,
                 uint32_t rtt_us, uint32_t samples, struct instant now) {
    if (location->addr.family == 0 || rtt_us == 0 || samples < TRIPS_SAMPLES_MIN)
        return;
    struct trips_entry *e = make(t, location, cluster);
    *word_of(e, client) = (struct trips_word){.client = client, .rtt_us = rtt_us, .heard_at = now};
    e->heard_at = e->turn_at = now;
    tell_around(t, location, cluster, now);
}

/* ---- turns ----------------------------------------------------------------------------------- */

void trips_named(struct trips *t, const struct prefix *location, uint16_t cluster,
                 struct instant now) {
    if (location->addr.family != 0)
        make(t, location, cluster)->turn_at = now;
}

bool trips_turn(const struct trips *t, const struct prefix *location, uint16_t cluster,
                struct instant *at) {
    const struct trips_entry *e = location->addr.family == 0 ? NULL : find(t, location, cluster);
    if (e != NULL)
        *at = e->turn_at;
    return e != NULL;
}

/* ---- what is known --------------------------------------------------------------------------- */

/* Those that are not old, by what they say; returns how many. */
static uint32_t sort_words(const struct trips_entry *e, struct instant now,
                           uint32_t sorted[TRIPS_CLIENTS]) {
    uint32_t count = 0;
    for (uint8_t i = 0; i < e->count; i++) {
        uint32_t k = count;
        if (is_old(&e->words[i], now))
            continue;
        for (; k > 0 && sorted[k - 1] > e->words[i].rtt_us; k--)
            sorted[k] = sorted[k - 1];
        sorted[k] = e->words[i].rtt_us;
        count++;
    }
    return count;
}

static bool agree(uint32_t a_us, uint32_t b_us) {
    int64_t less = a_us < b_us ? a_us : b_us, more = a_us < b_us ? b_us : a_us;
    return more - less <= TRIPS_AGREE.us || more - less <= less / 2;
}

static struct trips_view view_of(const struct trips_entry *e, struct instant now) {
    uint32_t sorted[TRIPS_CLIENTS], agreeing = 0;
    uint32_t count = e == NULL ? 0 : sort_words(e, now, sorted);
    if (count == 0)
        return (struct trips_view){.clients = 0};
    for (uint32_t i = 0; i < count; i++)
        agreeing += agree(sorted[i], sorted[count / 2]);
    return (struct trips_view){.rtt = duration_us(sorted[count / 2]),
                               .clients = count,
                               .agreeing = agreeing,
                               .heard_at = e->heard_at};
}

struct trips_view trips_find(const struct trips *t, const struct prefix *location, uint16_t cluster,
                             struct instant now) {
    return view_of(location->addr.family == 0 ? NULL : find(t, location, cluster), now);
}

struct trips_view trips_around(const struct trips *t, const struct prefix *location,
                               uint16_t cluster, struct instant now, struct prefix *from) {
    for (int step = 0; location->addr.family != 0 && step < TRIPS_WIDER; step++) {
        if (!widen(location, step, from))
            break;
        const struct trips_entry *row = &t->wide[row_of(from, cluster, TRIPS_WIDE_PLACES)];
        struct trips_view view = view_of(find_in(row, from, cluster), now);
        if (view.agreeing >= TRIPS_SURE && view.agreeing * 2 > view.clients)
            return view;
    }
    *from = (struct prefix){.bits = 0};
    return (struct trips_view){.clients = 0};
}

struct duration trips_believed(const struct trips_view *view, struct duration plausible) {
    if (view->agreeing == 0 || view->agreeing >= TRIPS_SURE)
        return view->rtt;
    return duration_max(view->rtt,
                        duration_scale(plausible, 1, (int64_t)TRIPS_ALONE / 2 << view->agreeing));
}

void trips_forget_cluster(struct trips *t, uint16_t cluster) {
    for (size_t i = 0; i < TRIPS_PLACES; i++)
        if (t->places[i].cluster == cluster)
            t->places[i] = (struct trips_entry){.count = 0};
    for (size_t i = 0; i < TRIPS_WIDE_PLACES; i++)
        if (t->wide[i].cluster == cluster)
            t->wide[i] = (struct trips_entry){.count = 0};
}

static bool are_in_place(const struct trips_entry *places, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct trips_entry *e = &places[i];
        if (e->count > TRIPS_CLIENTS || (e->location.addr.family == 0 && e->count > 0))
            return false;
        if (e->location.addr.family != 0 &&
            i / TRIPS_WAYS * TRIPS_WAYS != row_of(&e->location, e->cluster, count))
            return false;
    }
    return true;
}

bool trips_check_invariants(const struct trips *t) {
    return are_in_place(t->places, TRIPS_PLACES) && are_in_place(t->wide, TRIPS_WIDE_PLACES);
}
