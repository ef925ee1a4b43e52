#include "peerd/sim/swarm.h"

#include "peerd/base/rng.h"
#include "peerd/policy/text.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>

#define CLUSTERS_MAX 5
#define FAULTS_MAX   14
#define FAULTS_FROM  2000  /* [ms] listeners have begun by then */
#define FAULTS_UNTIL 20000 /* [ms] no fault begins later */
#define HEAL_AT      24000 /* [ms] */
#define DURATION     44000 /* [ms] the witness gives up after 10 s; leases are shorter */

static const char *const names[CLUSTERS_MAX] = {"ams1", "fra1", "lon1", "mad1", "par1"};

struct draw {
    struct rng rng;
    struct text text;
    uint32_t clusters, nodes, workers;
};

static uint32_t below(struct draw *d, uint32_t bound) {
    return (uint32_t)rng_below(&d->rng, bound);
}

static uint32_t between(struct draw *d, uint32_t from, uint32_t to) {
    return from + below(d, to - from + 1);
}

static bool one_in(struct draw *d, uint32_t n) {
    return below(d, n) == 0;
}

static const char *any(struct draw *d) {
    return names[below(d, d->clusters)];
}

/* ---- who ---- */

static void draw_clusters(struct draw *d, uint32_t clients) {
    bool tight = one_in(d, 4);
    text_putf(&d->text, "clusters:\n");
    for (uint32_t i = 0; i < d->clusters; i++) {
        uint32_t capacity = tight ? between(d, clients / 2 + 2, clients + 4) : 2 * clients + 10;
        text_putf(&d->text,
                  "  - {name: %s, nodes: %" PRIu32 ", workers: %" PRIu32 ", capacity: %" PRIu32
                  "}\n",
                  names[i], d->nodes, d->workers, capacity);
    }
}

static void draw_links(struct draw *d) {
    text_putf(&d->text, "links:\n  - {between: all, rtt: %" PRIu32 "ms, jitter: %" PRIu32 "ms}\n",
              between(d, 5, 60), below(d, 8));
    for (uint32_t i = 0; i < d->clusters; i++)
        text_putf(&d->text,
                  "  - {between: [clients, %s], rtt: %" PRIu32 "ms, jitter: %" PRIu32
                  "ms, loss: 0.%" PRIu32 "%%}\n",
                  names[i], between(d, 10, 120), below(d, 15), one_in(d, 2) ? 0 : below(d, 10));
}

static void draw_clients(struct draw *d, uint32_t clients) {
    text_putf(&d->text, "clients:\n");
    text_putf(&d->text,
              "  - {name: near, count: %" PRIu32 ", spread: %s, buffer: %" PRIu32
              "ms, profile: %s, start: {between: [0s, 2s]}}\n",
              clients - clients / 3, one_in(d, 2) ? "true" : "false", between(d, 10, 25) * 20,
              one_in(d, 2) ? "opus" : "pcmu");
    if (clients / 3 > 0)
        text_putf(&d->text,
                  "  - {name: far, count: %" PRIu32 ", spread: true, buffer: 400ms, profile: %s, "
                  "start: {between: [0s, 15s]}}\n",
                  clients / 3, one_in(d, 2) ? "opus" : "pcmu");
}

/* ---- what happens ---- */

static void put_entry(struct draw *d, uint32_t at_ms, const char *what) {
    text_putf(&d->text, "  - {at: %" PRIu32 "ms, %s}\n", at_ms, what);
}

#define PUT(at, ...)                                                                               \
    do {                                                                                           \
        char what[160];                                                                            \
        struct text t = text_over(what, sizeof(what));                                             \
        text_putf(&t, __VA_ARGS__);                                                                \
        put_entry(d, at, what);                                                                    \
    } while (0)

/* A fault and, soon or at the healing only, its end. */
static void draw_fault(struct draw *d, uint32_t at) {
    uint32_t until = one_in(d, 4) ? HEAL_AT : at + between(d, 300, 8000);
    const char *name = any(d);
    uint32_t node = below(d, d->nodes), worker = below(d, d->nodes * d->workers);
    if (until > HEAL_AT)
        until = HEAL_AT;
    switch (below(d, 10)) {
    case 0:
        PUT(at, "kill: %s, blackhole: true", name);
        PUT(until, "restart: %s", name);
        return;
    case 1:
        PUT(at, "kill: {site: %s}", name);
        PUT(until, "restart: {site: %s}", name);
        return;
    case 2:
        PUT(at, "kill: {peerd: %s}", name);
        PUT(until, "restart: {peerd: %s}", name);
        return;
    case 3:
        PUT(at, "kill: {node: %s, number: %" PRIu32 "}", name, node);
        PUT(until, "restart: {node: %s, number: %" PRIu32 "}", name, node);
        return;
    case 4:
        PUT(at, "kill: {worker: %s, number: %" PRIu32 "}", name, worker);
        return;
    case 5:
        PUT(at, "drain: %s, deadline: %" PRIu32 "ms", name, between(d, 500, 10000));
        PUT(until, "undrain: %s", name);
        return;
    case 6:
        PUT(at, "stop: {%s: %s}", one_in(d, 2) ? "peerd" : one_in(d, 2) ? "worker" : "node", name);
        PUT(until, "continue: {site: %s}", name);
        return;
    case 7:
        PUT(at, "partition: {from: %s, to: %s, one_way: %s}", name,
            one_in(d, 2) ? "clients" : "all", one_in(d, 3) ? "true" : "false");
        PUT(until, "heal: %s", name);
        return;
    case 8:
        PUT(at, "blackhole: %s", name);
        PUT(until, "heal: %s", name);
        return;
    default:
        PUT(at,
            "link: {between: [clients, %s], rtt: %" PRIu32 "ms, jitter: 20ms, loss: %" PRIu32 "%%}",
            name, between(d, 10, 200), below(d, 20));
        return;
    }
}

static void heal_all(struct draw *d) {
    PUT(HEAL_AT, "heal: all");
    PUT(HEAL_AT, "link: {between: all, rtt: %" PRIu32 "ms, jitter: 2ms}", between(d, 5, 80));
    for (uint32_t i = 0; i < d->clusters; i++) {
        PUT(HEAL_AT, "continue: {site: %s}", names[i]);
        PUT(HEAL_AT, "restart: {site: %s}", names[i]);
        PUT(HEAL_AT + 500, "undrain: %s", names[i]); /* one that was just started hears it, too */
    }
}

static void draw_limits(struct draw *d) {
    text_putf(&d->text,
              "limits: {session_lease: %" PRIu32 "s, credit_lease: %" PRIu32
              "s, opens_per_s: %" PRIu32 ", drain_per_s: %" PRIu32 "}\n",
              between(d, 2, 6), one_in(d, 3) ? between(d, 10, 30) : 300, between(d, 20, 200),
              between(d, 5, 100));
    if (one_in(d, 2))
        text_putf(&d->text, "detection: {detect_within: %" PRIu32 "ms, interval: %" PRIu32 "ms}\n",
                  between(d, 300, 800), between(d, 40, 120));
}

size_t swarm_draw(uint64_t seed, char out[SWARM_TEXT_MAX]) {
    struct draw draw = {.text = text_over(out, SWARM_TEXT_MAX)}, *d = &draw;
    rng_seed(&d->rng, seed ^ UINT64_C(0x5a5a17e9)); /* not the run's own numbers */
    d->clusters = between(d, 2, CLUSTERS_MAX);
    d->nodes = between(d, 1, 2);
    d->workers = between(d, 1, 3);
    uint32_t clients = between(d, 3, 45), faults = between(d, 1, FAULTS_MAX);
    text_putf(&d->text, "name: swarm-%" PRIu64 "\ndescription: Drawn by seed %" PRIu64 ".\n", seed,
              seed);
    text_putf(&d->text, "duration: %dms\n", DURATION);
    draw_limits(d);
    text_putf(&d->text, "sources:\n  - {name: tone, tone: 30s, loop: %s}\n",
              one_in(d, 6) ? "false" : "true");
    draw_clusters(d, clients);
    draw_links(d);
    draw_clients(d, clients);
    text_putf(&d->text, "expectations: {whole: true}\ntimeline:\n");
    for (uint32_t i = 0; i < faults; i++)
        draw_fault(d, between(d, FAULTS_FROM, FAULTS_UNTIL));
    heal_all(d);
    assert(d->text.len < SWARM_TEXT_MAX);
    return d->text.len;
}
