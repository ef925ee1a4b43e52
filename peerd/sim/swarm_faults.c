#include "peerd/sim/swarm_private.h"

#include <assert.h>
#include <inttypes.h>

#define FAULTS_MAX 14
#define UNDRAIN_MS 500 /* [ms] after the healing: what was just started hears it as well */

/* ---- entries --------------------------------------------------------------------------------- */

/* Mostly when listeners have begun, and sometimes while they do. */
static uint32_t any_instant(struct swarm *s) {
    bool early = swarm_one_in(s, 5);
    return swarm_between(s, early ? 0 : SWARM_FAULTS_FROM, s->heal_at - 1);
}

/* When a fault ends: soon, or with the healing only. */
static uint32_t end_of(struct swarm *s, uint32_t at) {
    bool last = swarm_one_in(s, 4);
    uint32_t lasts = swarm_one_in(s, 3) ? swarm_between(s, 50, 600) : swarm_between(s, 300, 8000);
    return last ? s->heal_at : swarm_within(s, at + lasts);
}

/* A site by its name, or the one that matters most. */
static const char *any_site(struct swarm *s) {
    uint32_t drawn = swarm_below(s, s->clusters);
    return swarm_one_in(s, 6) ? "serving" : swarm_cluster(drawn);
}

/* What goes back to work: the word would mean another site by then. */
static const char *back(const char *site) {
    return site[0] == 's' ? "last" : site;
}

/* ---- a part of a site ------------------------------------------------------------------------ */

struct part {
    const char *name;
    const char *site;
    uint32_t number;
};

static struct part any_part(struct swarm *s, enum swarm_fault kind) {
    uint32_t cluster = swarm_below(s, s->clusters);
    uint32_t workers = s->nodes[cluster] * s->workers[cluster];
    uint32_t node = swarm_below(s, s->nodes[cluster]), worker = swarm_below(s, workers);
    struct part part = {.name = "site", .site = swarm_cluster(cluster)};
    if (kind == SWARM_PEERD) {
        part.name = "peerd";
    } else if (kind == SWARM_NODE) {
        part.name = "node";
        part.number = node;
    } else if (kind == SWARM_WORKER) {
        part.name = "worker";
        part.number = worker;
    }
    return part;
}

static void put_part(struct swarm *s, uint32_t at, const char *verb, const struct part *p) {
    if (p->number > 0)
        SWARM_PUT(s, at, "%s: {%s: %s, number: %" PRIu32 "}", verb, p->name, p->site, p->number);
    else
        SWARM_PUT(s, at, "%s: {%s: %s}", verb, p->name, p->site);
}

static enum swarm_fault any_kind(struct swarm *s) {
    static const enum swarm_fault kinds[] = {SWARM_SITE, SWARM_PEERD, SWARM_NODE, SWARM_WORKER};
    return kinds[swarm_below(s, 4)];
}

static void kill_and_restart(struct swarm *s, uint32_t at, enum swarm_fault kind) {
    struct part part = any_part(s, kind);
    put_part(s, at, "kill", &part);
    if (kind != SWARM_WORKER) /* its supervisor starts another */
        put_part(s, end_of(s, at), "restart", &part);
}

static void kill_site(struct swarm *s, uint32_t at) {
    const char *site = any_site(s);
    bool hole = swarm_one_in(s, 2);
    SWARM_PUT(s, at, "kill: %s, blackhole: %s", site, hole ? "true" : "false");
    SWARM_PUT(s, end_of(s, at), "restart: %s", back(site));
}

static void stop_and_continue(struct swarm *s, uint32_t at) {
    struct part part = any_part(s, any_kind(s));
    put_part(s, at, "stop", &part);
    put_part(s, end_of(s, at), "continue", &part);
}

/* Up and down at a pace that the drawn leases and detectors may just follow, or not. */
static void flap(struct swarm *s, uint32_t at) {
    enum swarm_fault kind = any_kind(s);
    struct part part = any_part(s, kind);
    bool stops = swarm_one_in(s, 3);
    uint32_t times = swarm_between(s, 2, 6), down = swarm_between(s, 20, 1500);
    uint32_t up = swarm_between(s, 60, 2000);
    for (uint32_t i = 0; i < times && at < s->heal_at; i++, at += down + up) {
        put_part(s, at, stops ? "stop" : "kill", &part);
        put_part(s, swarm_within(s, at + down), stops ? "continue" : "restart", &part);
    }
}

/* It starts, and dies again before its nodes, peers and clients have told it what it was. */
static void kill_again(struct swarm *s, uint32_t at) {
    struct part part = any_part(s, swarm_one_in(s, 2) ? SWARM_PEERD : SWARM_NODE);
    uint32_t down = swarm_between(s, 50, 2000), up = swarm_between(s, 50, 400);
    put_part(s, at, "kill", &part);
    put_part(s, swarm_within(s, at + down), "restart", &part);
    put_part(s, swarm_within(s, at + down + up), "kill", &part);
    put_part(s, end_of(s, swarm_within(s, at + down + up)), "restart", &part);
}

static void storm(struct swarm *s, uint32_t at) {
    uint32_t apart = swarm_below(s, 400), down = swarm_between(s, 20, 1500);
    for (uint32_t i = 0; i < s->clusters; i++) {
        uint32_t begin = swarm_within(s, at + i * apart);
        SWARM_PUT(s, begin, "kill: {peerd: %s}", swarm_cluster(i));
        SWARM_PUT(s, swarm_within(s, begin + down), "restart: {peerd: %s}", swarm_cluster(i));
    }
}

/* ---- sites ----------------------------------------------------------------------------------- */

static void put_drain(struct swarm *s, uint32_t at, const char *site) {
    uint32_t deadline = swarm_between(s, 200, 10000);
    if (swarm_one_in(s, 5))
        SWARM_PUT(s, at, "drain: %s", site);
    else
        SWARM_PUT(s, at, "drain: %s, deadline: %" PRIu32 "ms", site, deadline);
}

static void drain(struct swarm *s, uint32_t at) {
    const char *site = any_site(s);
    put_drain(s, at, site);
    SWARM_PUT(s, end_of(s, at), "undrain: %s", back(site));
}

static void kill_while_draining(struct swarm *s, uint32_t at) {
    uint32_t cluster = swarm_below(s, s->clusters);
    struct part part = any_part(s, any_kind(s));
    bool itself = swarm_one_in(s, 2);
    uint32_t soon = swarm_within(s, at + swarm_between(s, 10, 1500));
    if (itself)
        part.site = swarm_cluster(cluster);
    if (itself && part.number > 0)
        part.number = 0; /* it may have fewer of them */
    put_drain(s, at, swarm_cluster(cluster));
    put_part(s, soon, "kill", &part);
    put_part(s, end_of(s, soon), "restart", &part);
    SWARM_PUT(s, end_of(s, soon), "undrain: %s", swarm_cluster(cluster));
}

static void region(struct swarm *s, uint32_t at) {
    uint32_t cluster = swarm_below(s, s->clusters), until = end_of(s, at);
    bool by_region = swarm_one_in(s, 2);
    const char *key = by_region ? "region" : "provider";
    const char *name = by_region ? swarm_region(cluster) : swarm_provider(cluster);
    switch (swarm_below(s, 4)) {
    case 0:
        SWARM_PUT(s, at, "kill: {%s: %s}, blackhole: true", key, name);
        SWARM_PUT(s, until, "restart: {%s: %s}", key, name);
        return;
    case 1:
        SWARM_PUT(s, at, "blackhole: {%s: %s}", key, name);
        SWARM_PUT(s, until, "heal: {%s: %s}", key, name);
        return;
    case 2:
        SWARM_PUT(s, at, "stop: {%s: %s}", key, name);
        SWARM_PUT(s, until, "continue: {%s: %s}", key, name);
        return;
    default:
        SWARM_PUT(s, at, "drain: {%s: %s}", key, name);
        SWARM_PUT(s, until, "undrain: {%s: %s}", key, name);
        return;
    }
}

/* ---- the network ----------------------------------------------------------------------------- */

static void cut(struct swarm *s, uint32_t at) {
    uint32_t a = swarm_below(s, s->clusters), b = (a + 1) % s->clusters;
    uint32_t until = end_of(s, at), group = swarm_below(s, s->groups);
    const char *from = swarm_cluster(a), *to = swarm_cluster(b);
    bool one_way = swarm_one_in(s, 3), turned = swarm_one_in(s, 2);
    uint32_t drawn = swarm_below(s, 4);
    if (drawn == 0)
        to = "clients";
    else if (drawn == 1)
        to = "all";
    else if (drawn == 2)
        to = swarm_group(group);
    if (turned) {
        const char *other = from;
        from = to;
        to = other;
    }
    SWARM_PUT(s, at, "partition: {from: %s, to: %s, one_way: %s}", from, to,
              one_way ? "true" : "false");
    SWARM_PUT(s, until, "heal: {from: %s, to: %s}", from, to);
}

static void blackhole(struct swarm *s, uint32_t at) {
    const char *site = any_site(s);
    SWARM_PUT(s, at, "blackhole: %s", site);
    SWARM_PUT(s, end_of(s, at), "heal: %s", back(site));
}

static void link_ends(struct swarm *s, uint32_t at) {
    uint32_t a = swarm_below(s, s->clusters), b = (a + 1) % s->clusters;
    uint32_t rtt = swarm_between(s, 2, swarm_one_in(s, 4) ? 600 : 150);
    bool one_way = swarm_one_in(s, 2), clients = swarm_one_in(s, 2);
    text_putf(&s->text, "  - {at: %" PRIu32 "ms, link: {between: [%s, %s], rtt: %" PRIu32 "ms%s",
              at, swarm_cluster(a), clients ? "clients" : swarm_cluster(b), rtt,
              one_way && s->options[SWARM_ASYMMETRY] ? ", one_way: true" : "");
    swarm_quality(s, true);
    text_putf(&s->text, "}}\n");
}

/* ---- listeners and clocks -------------------------------------------------------------------- */

static void arrive(struct swarm *s, uint32_t at) {
    uint32_t count = swarm_between(s, 1, s->listeners[2]), spread = swarm_below(s, 3000);
    SWARM_PUT(s, at, "arrive: {group: late, count: %" PRIu32 ", spread: %" PRIu32 "ms}", count,
              swarm_one_in(s, 2) ? 0 : spread);
}

static void leave(struct swarm *s, uint32_t at) {
    uint32_t group = swarm_below(s, s->groups);
    uint32_t count = swarm_between(s, 1, s->listeners[group] / 2 + 1);
    uint32_t spread = swarm_below(s, 8000);
    bool vanish = !swarm_one_in(s, 3);
    SWARM_PUT(s, at, "leave: {group: %s, count: %" PRIu32 ", spread: %" PRIu32 "ms, vanish: %s}",
              swarm_group(group), count, spread, vanish ? "true" : "false");
}

static void clocks(struct swarm *s, uint32_t at) {
    const char *site = any_site(s);
    uint32_t step = swarm_one_in(s, 2) ? swarm_between(s, 1, 25000) : swarm_between(s, 1, 500);
    uint32_t ppm = swarm_one_in(s, 4) ? swarm_below(s, 20000) : swarm_below(s, 500);
    bool back_or_slow = swarm_one_in(s, 2);
    if (swarm_one_in(s, 2))
        SWARM_PUT(s, at, "clock: {cluster: %s, %s: %" PRIu32 "ms}", site,
                  back_or_slow ? "back" : "forward", step);
    else
        SWARM_PUT(s, at, "clock: {cluster: %s, drift: %s%" PRIu32 "ppm}", site,
                  back_or_slow ? "-" : "", ppm);
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* A flat switch: one kind a case. */
static void draw_fault(struct swarm *s, enum swarm_fault kind, uint32_t at) {
    switch (kind) {
    case SWARM_SITE:
        kill_site(s, at);
        return;
    case SWARM_PEERD:
    case SWARM_NODE:
    case SWARM_WORKER:
        kill_and_restart(s, at, kind);
        return;
    case SWARM_DRAIN:
        drain(s, at);
        return;
    case SWARM_STOP:
        stop_and_continue(s, at);
        return;
    case SWARM_PARTITION:
        cut(s, at);
        return;
    case SWARM_BLACKHOLE:
        blackhole(s, at);
        return;
    case SWARM_LINK:
        link_ends(s, at);
        return;
    case SWARM_REGION:
        region(s, at);
        return;
    case SWARM_FLAP:
        flap(s, at);
        return;
    case SWARM_STORM:
        storm(s, at);
        return;
    case SWARM_AGAIN:
        kill_again(s, at);
        return;
    case SWARM_KILL_DRAIN:
        kill_while_draining(s, at);
        return;
    case SWARM_ARRIVE:
        arrive(s, at);
        return;
    case SWARM_LEAVE:
        leave(s, at);
        return;
    case SWARM_CLOCK:
        clocks(s, at);
        return;
    case SWARM_FAULT_COUNT:
        return;
    }
}

/* Under every third one operators move single sessions, to where they may or may not go. */
static void put_moves(struct swarm *s) {
    uint64_t drawn = rng_below(&s->redirects, 3), count = 1 + rng_below(&s->redirects, 4);
    for (uint64_t i = 0; i < count && drawn == 0; i++) {
        uint32_t group = (uint32_t)rng_below(&s->redirects, s->groups);
        uint32_t at = (uint32_t)rng_below(&s->redirects, s->heal_at);
        uint64_t number = rng_below(&s->redirects, s->listeners[group]);
        uint64_t to = rng_below(&s->redirects, s->clusters);
        SWARM_PUT(s, at, "move: {group: %s, number: %" PRIu64 ", to: %s}", swarm_group(group),
                  number, swarm_cluster((uint32_t)to));
    }
}

static void heal_all(struct swarm *s) {
    uint32_t rtt = swarm_between(s, 2, 50); /* see the detection drawn */
    SWARM_PUT(s, s->heal_at, "heal: all");
    SWARM_PUT(s, s->heal_at, "link: {between: all, rtt: %" PRIu32 "ms, jitter: 2ms}", rtt);
    SWARM_PUT(s, s->heal_at, "continue: all");
    SWARM_PUT(s, s->heal_at, "restart: all");
    if (s->faults[SWARM_CLOCK])
        SWARM_PUT(s, s->heal_at, "clock: {cluster: all, drift: 0ppm}");
    SWARM_PUT(s, s->heal_at + UNDRAIN_MS, "undrain: all");
    if (s->reshaped)
        SWARM_PUT(s, s->heal_at + UNDRAIN_MS, "policy: {cluster: all}");
}

void swarm_draw_timeline(struct swarm *s) {
    enum swarm_fault kinds[SWARM_FAULT_COUNT];
    uint32_t kind_count = 0, faults = swarm_between(s, 1, FAULTS_MAX);
    for (enum swarm_fault k = 0; k < SWARM_FAULT_COUNT; k++)
        if (s->faults[k])
            kinds[kind_count++] = k;
    text_putf(&s->text, "timeline:\n");
    for (uint32_t i = 0; i < faults && kind_count > 0; i++) {
        uint32_t kind = swarm_below(s, kind_count), at = any_instant(s);
        draw_fault(s, kinds[kind], at);
    }
    swarm_draw_more(s);
    swarm_draw_resolvers(s);
    put_moves(s);
    heal_all(s);
}
