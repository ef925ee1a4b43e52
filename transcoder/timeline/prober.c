#include "transcoder/timeline/prober.h"

#include <assert.h>

_Static_assert(PROBER_TARGETS_MAX + WITNESS_SERVERS_MAX - 1 <= MESSAGE_TRIPS_MAX,
               "one message tells all that is known");
_Static_assert(NAMED_MAX <= PROBER_TARGETS_MAX, "all who are named are asked");
_Static_assert(PROBER_TARGETS_MAX <= PROBE_TARGETS_MAX, "all of them can be chosen");

/* At least `least`, and up to `more` longer. */
static struct instant later(struct prober *p, struct instant now, struct duration least,
                            struct duration more) {
    struct duration jitter = duration_us((int64_t)rng_below(&p->rng, (uint64_t)more.us));
    return instant_add(now, duration_add(least, jitter));
}

static struct instant next_packet(struct prober *p, struct instant now) {
    return p->probe.count == 0 ? INSTANT_NEVER : later(p, now, PROBER_EVERY, PROBER_EVERY);
}

void prober_init(struct prober *p, const struct witness_address *targets, size_t count,
                 uint64_t seed, struct instant now) {
    *p = (struct prober){.told_at = now};
    count = count < PROBER_TARGETS_MAX ? count : PROBER_TARGETS_MAX;
    probe_init(&p->probe, count);
    for (size_t i = 0; i < count; i++)
        p->targets[i] = targets[i];
    rng_seed(&p->rng, seed);
    p->next_at = next_packet(p, now);
    p->tell_at = later(p, now, PROBER_TELL_FIRST, PROBER_EVERY);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static uint64_t fresh_nonce(struct prober *p) {
    uint64_t nonce;
    do
        nonce = rng_u64(&p->rng);
    while (nonce == 0);
    return nonce;
}

/* Nobody tells a client what to expect of them; they come in the order of their ranking. */
static void ask(struct prober *p, struct instant now, struct prober_out *out) {
    static const struct duration unknown[PROBE_TARGETS_MAX];
    if (!probe_next(&p->probe, unknown, &p->asked))
        return;
    p->nonce = fresh_nonce(p);
    p->sent_at = now;
    p->stats.sent++;
    out->probes = true;
    out->to = p->targets[p->asked].media;
    out->probe = (struct message){
        .kind = MESSAGE_PROBE, .nonce = p->nonce, .u.probe = {.target = p->targets[p->asked].hint}};
}

bool prober_echoed(struct prober *p, const struct addr *from, uint64_t nonce,
                   const struct key_hint *cluster, struct instant now) {
    const struct witness_address *asked = &p->targets[p->asked];
    if (p->nonce == 0 || nonce != p->nonce || !addr_equal(from, &asked->media) ||
        !key_hint_equal(cluster, &asked->hint)) {
        p->stats.foreign++;
        return false;
    }
    p->nonce = 0;
    p->stats.answered++;
    probe_measured(&p->probe, p->asked, instant_since(now, p->sent_at));
    p->news[p->asked] = true;
    return true;
}

/* ---- telling --------------------------------------------------------------------------------- */

static void add(struct message_trips *t, const struct key_hint *cluster, struct duration rtt,
                uint32_t samples) {
    if (rtt.us < 1 || rtt.us > MESSAGE_TRIP_US_MAX || t->count == MESSAGE_TRIPS_MAX)
        return;
    t->list[t->count++] =
        (struct message_trip){.cluster = *cluster,
                              .rtt_us = (uint32_t)rtt.us,
                              .samples = (uint8_t)(samples < UINT8_MAX ? samples : UINT8_MAX)};
}

/* It counts, too, that nothing was heard; a backup without any round trip says nothing. */
static void add_outcomes(struct witness *w, struct instant now, struct message_trips *t) {
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++) {
        struct witness_server *s = &w->servers[i];
        if (s->role == WITNESS_ROLE_FREE || i == w->serving || s->path.hellos_answered == 0 ||
            duration_is_endless(s->path.rtt_smooth))
            continue;
        uint8_t before = t->count;
        struct path_outcomes o = path_outcomes(&s->path, now);
        if (o.asked > 0)
            add(t, &s->address.hint, s->path.rtt_smooth, s->path.hellos_answered);
        if (t->count == before)
            continue;
        struct message_trip *trip = &t->list[before];
        trip->asked = (uint8_t)(o.asked < UINT8_MAX ? o.asked : UINT8_MAX);
        trip->lost = (uint8_t)(o.lost < trip->asked ? o.lost : trip->asked);
    }
}

/* It has left, been home, and left again: home once more would be the last of its moves for a while
 * (WITNESS_GAINS_MAX), and it would have to stay there if that is bad for the third time. */
static bool has_left_twice(const struct witness *w, struct instant now) {
    struct instant first = w->gained[WITNESS_GAINS_MAX - 2];
    return !instant_is_never(first) &&
           instant_before(now, instant_add(first, WITNESS_GAINS_WITHIN));
}

/* Who was asked to leave may be asked to come back when the way is well: what becomes of hellos is
 * counted from now on, and told if it has been since then, and nothing of a time of doubt. */
static bool watches_ways(const struct prober *p, struct witness *w, struct instant now) {
    bool doubted = instant_before(p->told_at, instant_add(w->doubt.until, PROBER_TELL));
    if (instant_is_never(w->gained[0]) || has_left_twice(w, now))
        return false;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++) {
        struct path *path = &w->servers[i].path;
        if (w->servers[i].role != WITNESS_ROLE_FREE && i != w->serving &&
            (doubted || !path->looked_at))
            path_look(path);
    }
    return !doubted && instant_before(w->gained[0], p->told_at);
}

static void add_backups(const struct prober *p, const struct witness *w, struct message_trips *t) {
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++) {
        const struct witness_server *s = &w->servers[i];
        if (s->role == WITNESS_ROLE_FREE || i == w->serving || s->path.hellos_answered == 0 ||
            instant_is_never(s->path.heard) || instant_before(s->path.heard, p->told_at) ||
            duration_is_endless(s->path.rtt_smooth))
            continue;
        add(t, &s->address.hint, s->path.rtt_smooth, s->path.hellos_answered);
    }
}

static void add_targets(struct prober *p, struct message_trips *t) {
    for (size_t i = 0; i < p->probe.count; i++) {
        if (p->news[i])
            add(t, &p->targets[i].hint, probe_rtt(&p->probe, i), p->probe.targets[i].samples);
        p->news[i] = false;
    }
}

static void tell(struct prober *p, struct witness *w, struct instant now, struct prober_out *out) {
    struct message_trips *t = &out->trips.u.trips;
    out->trips = (struct message){.kind = MESSAGE_TRIPS};
    t->target = w->servers[w->serving].address.hint;
    t->session = w->config.session;
    if (doubt_is(&w->doubt, now)) {
        add_outcomes(w, now, t);
        if (t->count > 0)
            t->own = witness_own_frames(w);
    } else {
        if (watches_ways(p, w, now))
            add_outcomes(w, now, t);
        else
            add_backups(p, w, t);
        add_targets(p, t);
    }
    p->told_at = now;
    if (t->count == 0)
        return;
    t->counter = ++p->counter;
    out->trips.nonce = p->tell_nonce = fresh_nonce(p);
    p->told_to = w->servers[w->serving].address.media;
    out->server = w->serving;
    out->tells = true;
}

/* ---- others in their place ------------------------------------------------------------------- */

static bool is_server(const struct witness *w, const struct named_cluster *c) {
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++)
        if (w->servers[i].role != WITNESS_ROLE_FREE &&
            (addr_equal(&w->servers[i].address.media, &c->media) ||
             key_hint_equal(&w->servers[i].address.hint, &c->hint)))
            return true;
    return false;
}

static struct named_cluster target_at(const struct prober *p, size_t i) {
    return (struct named_cluster){p->targets[i].name, p->targets[i].hint, p->targets[i].media};
}

/* Index of the same cluster at the same place; PROBER_TARGETS_MAX: it is none of the targets. */
static size_t known_as(const struct prober *p, const struct named_cluster *c) {
    size_t at = prober_find(p, &c->media);
    return at < PROBER_TARGETS_MAX && key_hint_equal(&p->targets[at].hint, &c->hint)
               ? at
               : PROBER_TARGETS_MAX;
}

/* What is out is still waited for if its target stays. */
static void put(struct prober *p, const struct prober *before, const struct named_cluster *c) {
    size_t was = known_as(before, c), at = p->probe.count++;
    p->targets[at] = (struct witness_address){c->name, c->hint, c->media};
    p->probe.targets[at] = (struct probe_target){0};
    p->news[at] = false;
    if (was == PROBER_TARGETS_MAX)
        return;
    p->probe.targets[at] = before->probe.targets[was];
    p->news[at] = before->news[was];
    if (before->asked == was && before->nonce != 0) {
        p->asked = at;
        p->nonce = before->nonce;
    }
}

bool prober_named(struct prober *p, const struct witness *w, const struct addr *from,
                  uint64_t nonce, const struct message_named *named, struct instant now) {
    if (p->tell_nonce == 0 || nonce != p->tell_nonce || !addr_equal(from, &p->told_to) ||
        !session_id_equal(&named->session, &w->config.session)) {
        p->stats.foreign++;
        return false;
    }
    const struct prober before = *p;
    p->tell_nonce = p->nonce = 0;
    p->probe.count = p->asked = 0;
    p->stats.named++;
    for (uint8_t i = 0; i < named->count; i++)
        if (!is_server(w, &named->list[i]) &&
            prober_find(p, &named->list[i].media) == PROBER_TARGETS_MAX)
            put(p, &before, &named->list[i]);
    if (p->probe.count == 0)
        p->next_at = INSTANT_NEVER;
    else if (before.probe.count == 0)
        p->next_at = next_packet(p, now);
    return true;
}

/* Who is one of our servers since it was named has its packets as one. */
static void drop_servers(struct prober *p, const struct witness *w) {
    bool any = false;
    for (size_t i = 0; i < p->probe.count; i++) {
        const struct named_cluster c = target_at(p, i);
        any |= is_server(w, &c);
    }
    if (!any)
        return;
    const struct prober before = *p;
    p->nonce = 0;
    p->probe.count = p->asked = 0;
    for (size_t i = 0; i < before.probe.count; i++) {
        const struct named_cluster c = target_at(&before, i);
        if (!is_server(w, &c))
            put(p, &before, &c);
    }
}

/* ---- steps ----------------------------------------------------------------------------------- */

/* Media may be missing: then a backup hedges, and what is known of its way is wanted all the more.
 */
static bool may_tell(const struct witness *w, bool doubts) {
    return w->state == WITNESS_FOLLOWING ||
           (doubts && (w->state == WITNESS_HEDGING || w->state == WITNESS_MISSING));
}

/* Sooner at first: it is not known yet whose fault it is. */
static struct instant doubt_told_at(const struct prober *p, const struct witness *w,
                                    struct instant now) {
    struct instant begun = w->doubt.since;
    bool early = instant_before(now, instant_add(begun, PROBER_EARLY));
    return instant_add(instant_max(p->told_at, begun), early ? DOUBT_TELL : PROBER_DOUBT);
}

void prober_ticked(struct prober *p, struct witness *w, struct instant now,
                   struct prober_out *out) {
    bool follows = w->state == WITNESS_FOLLOWING, doubts = doubt_is(&w->doubt, now);
    out->probes = out->tells = false;
    if (instant_reached(now, p->next_at)) {
        drop_servers(p, w);
        if (follows)
            ask(p, now, out);
        p->next_at = next_packet(p, now);
    }
    if (doubts)
        p->tell_at = instant_min(p->tell_at, doubt_told_at(p, w, now));
    if (!instant_reached(now, p->tell_at))
        return;
    if (may_tell(w, doubts))
        tell(p, w, now, out);
    p->tell_at = later(p, now, PROBER_TELL, duration_us(PROBER_TELL.us / 2));
}

struct instant prober_deadline(const struct prober *p) {
    return instant_min(p->next_at, p->tell_at);
}

size_t prober_find(const struct prober *p, const struct addr *media) {
    for (size_t i = 0; i < p->probe.count; i++)
        if (addr_equal(&p->targets[i].media, media))
            return i;
    return PROBER_TARGETS_MAX;
}

struct duration prober_rtt(const struct prober *p, size_t target) {
    return probe_rtt(&p->probe, target);
}

void prober_check_invariants(const struct prober *p) {
    assert(probe_check_invariants(&p->probe));
    assert(p->probe.count <= PROBER_TARGETS_MAX);
    assert(p->stats.answered <= p->stats.sent && p->stats.sent == p->probe.turn);
    assert(instant_is_never(p->next_at) == (p->probe.count == 0));
    assert(p->nonce == 0 || p->stats.answered < p->stats.sent);
}
