#include "peerd/sim/swarm_private.h"

#include <inttypes.h>

/* How clusters come to be peers: by agreement, or since DNS names them. Each is drawn from numbers
 * of its own, so that a seed which has neither draws what it always drew. */

#define RESOLVER_FAULTS_MAX 4

static uint32_t below(struct rng *rng, uint32_t bound) {
    return (uint32_t)rng_below(rng, bound);
}

void swarm_draw_peerings(struct swarm *s, uint64_t seed) {
    rng_seed(&s->deals, seed ^ UINT64_C(0xdea15eed));
    rng_seed(&s->asking, seed ^ UINT64_C(0xd15c5eed));
    s->agrees = rng_below(&s->deals, 3) == 0;
    s->discovers = rng_below(&s->asking, 4) == 0;
}

/* ---- agreements ------------------------------------------------------------------------------ */

void swarm_put_reserved(struct swarm *s, uint32_t capacity) {
    uint32_t drawn = below(&s->deals, capacity / s->clusters + 1);
    if (s->agrees)
        text_putf(&s->text, ", reserved_slots: %" PRIu32, drawn);
}

/* What one policy, or every one, says of one peer, or of all. */
static void put_terms(struct swarm *s, uint32_t listeners) {
    uint32_t at = below(&s->deals, 2 * s->clusters), of = below(&s->deals, 2 * s->clusters);
    uint32_t asks = below(&s->deals, 2 * listeners + 2), min = below(&s->deals, 4);
    uint32_t cost = below(&s->deals, 20), most = below(&s->deals, 40);
    uint32_t lease_ms = 3000 + below(&s->deals, 12000);
    text_putf(&s->text, "  - {");
    if (at < s->clusters)
        text_putf(&s->text, "at: %s, ", swarm_cluster(at));
    text_putf(&s->text, "terms: {name: \"%s\", asks: %" PRIu32,
              of < s->clusters ? swarm_cluster(of) : "*", asks);
    if (min == 0 && asks > 0)
        text_putf(&s->text, ", asks_min: 1");
    if (cost < 10)
        text_putf(&s->text, ", cost: %" PRIu32, cost);
    if (most < 10)
        text_putf(&s->text, ", cost_max: %" PRIu32, most);
    if (s->hots)
        text_putf(&s->text, ", hot_standbys: %" PRIu64, rng_below(&s->hot, 6));
    text_putf(&s->text, ", lease: %" PRIu32 "ms}}\n", lease_ms);
}

void swarm_draw_agreements(struct swarm *s, uint32_t listeners) {
    if (!s->agrees)
        return;
    uint32_t rows = 1 + below(&s->deals, 3);
    text_putf(&s->text, "agreements:\n");
    for (uint32_t i = 0; i < rows; i++)
        put_terms(s, listeners);
}

/* ---- discovery ------------------------------------------------------------------------------- */

void swarm_put_discovery(struct swarm *s) {
    uint32_t ttl_s = 1 + below(&s->asking, 5), keep_s = 5 + below(&s->asking, 60);
    bool keeps = below(&s->asking, 2) == 0;
    if (!s->discovers)
        return;
    text_putf(&s->text, "discovery: {ttl: %" PRIu32 "s", ttl_s);
    if (!keeps)
        text_putf(&s->text, ", keep: %" PRIu32 "s", keep_s);
    text_putf(&s->text, "}\n");
}

void swarm_draw_resolvers(struct swarm *s) {
    static const char *const does[] = {"fails", "silent", "forgets", "lies", "answers"};
    if (!s->discovers)
        return;
    uint32_t faults = below(&s->asking, RESOLVER_FAULTS_MAX + 1);
    for (uint32_t i = 0; i < faults; i++) {
        uint32_t at = below(&s->asking, s->heal_at), what = below(&s->asking, 5);
        uint32_t whose = below(&s->asking, s->clusters + 2);
        SWARM_PUT(s, at, "dns: {cluster: %s, does: %s}",
                  whose < s->clusters ? swarm_cluster(whose) : "all", does[what]);
    }
    SWARM_PUT(s, s->heal_at, "dns: {does: answers}");
}
