#include "peerd/sim/bench_ranking_private.h"
#include "topo/turn.h"

#include <string.h>

/*
 * What a listener measures: the machines are those of the product, from the client's prober to the
 * table of its cluster. Between them are this world's round trips in place of datagrams, and two
 * delays: of the poll with which a node tells peerd, and of what peerd answers.
 */

#define POLL     duration_ms(500)
#define MEDIA(k) addr_ipv4((const uint8_t[]){10, 0, 0, (uint8_t)(k)}, 7700)

static uint16_t number_of(uint32_t cluster) {
    return (uint16_t)(cluster + 1);
}

static struct key_hint hint_of(uint32_t cluster) {
    return (struct key_hint){{0x70, (uint8_t)cluster}};
}

static uint32_t cluster_at(const struct addr *media) {
    return media->ip[3];
}

static struct witness_address address_of(uint32_t cluster) {
    return (struct witness_address){{"c"}, hint_of(cluster), MEDIA(cluster)};
}

static struct instant later(const struct ranking_world *w, struct duration by) {
    return instant_add(w->now, by);
}

/* ---- opening --------------------------------------------------------------------------------- */

static void add_server(struct ranking_client *c, uint8_t slot, uint32_t cluster) {
    struct witness_server *s = &c->witness.servers[slot];
    s->role = slot == 0   ? WITNESS_ROLE_SERVING
              : slot == 1 ? WITNESS_ROLE_WARM
                          : WITNESS_ROLE_BACKUP;
    s->address = address_of(cluster);
    path_init(&s->path);
}

static bool is_server(const struct ranking_client *c, uint32_t cluster) {
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++)
        if (c->witness.servers[i].role != WITNESS_ROLE_FREE &&
            cluster_at(&c->witness.servers[i].address.media) == cluster)
            return true;
    return false;
}

/* As peerd/core/naming does it: those that are no backups, in their order, take turns. */
static uint8_t name_others(struct ranking_world *w, struct ranking_client *c,
                           uint8_t out[NAMED_MAX]) {
    uint8_t order[RANKING_CLUSTERS], chosen[NAMED_MAX], others = 0;
    uint16_t numbers[RANKING_CLUSTERS];
    size_t ranked = ranking_order(w, c, RANKING_BY_MEASURING, order, RANKING_CLUSTERS);
    for (size_t i = 0; i < ranked; i++)
        if (!is_server(c, order[i])) {
            numbers[others] = number_of(order[i]);
            order[others++] = order[i];
        }
    size_t count = turn_choose(&w->trips[c->serving], &c->location, numbers, others, w->now, chosen,
                               NAMED_MAX);
    for (size_t i = 0; i < count; i++)
        out[i] = order[chosen[i]];
    return (uint8_t)count;
}

void ranking_client_open(struct ranking_world *w, struct ranking_client *c) {
    uint8_t order[TICKET_BACKUPS_MAX], others[NAMED_MAX];
    struct witness_address targets[NAMED_MAX];
    size_t backups = ranking_order(w, c, RANKING_BY_MEASURING, order, TICKET_BACKUPS_MAX);
    c->witness.config.session = c->session;
    c->witness.state = WITNESS_FOLLOWING;
    add_server(c, 0, c->serving);
    for (size_t i = 0; i < backups; i++) {
        add_server(c, (uint8_t)(i + 1), order[i]);
        c->hello_at[i] = later(w, duration_ms(100 * (int64_t)i));
    }
    uint8_t count = name_others(w, c, others);
    for (uint8_t i = 0; i < count; i++)
        targets[i] = address_of(others[i]);
    prober_init(&c->prober, targets, count, rng_u64(&w->rng), w->now);
    c->naming = (struct naming){.began = false};
    c->named_at = INSTANT_NEVER;
}

/* ---- measuring ------------------------------------------------------------------------------- */

/* Hellos to a backup, as often as a witness sends them. */
static void greet(struct ranking_world *w, struct ranking_client *c, uint8_t slot,
                  struct duration every, struct instant until) {
    struct witness_server *s = &c->witness.servers[slot];
    struct instant *at = &c->hello_at[slot - 1];
    for (; instant_before(*at, until); *at = instant_add(*at, every)) {
        uint64_t nonce = rng_u64(&w->rng) | 1;
        struct duration rtt = ranking_sample(w, c->node, w->node_of[cluster_at(&s->address.media)]);
        path_sent(&s->path, nonce, true, true, *at);
        if (rtt.us > 0 && path_answered(&s->path, nonce, instant_add(*at, rtt)))
            path_heard(&s->path, instant_add(*at, rtt));
    }
}

/* It answers before the next packet, or in vain. */
static void probe(struct ranking_world *w, struct ranking_client *c, const struct prober_out *out,
                  struct instant at) {
    struct duration rtt = ranking_sample(w, c->node, w->node_of[cluster_at(&out->to)]);
    struct instant back = instant_add(at, rtt);
    w->result->packets++;
    if (rtt.us > 0 && instant_before(back, c->prober.next_at))
        prober_echoed(&c->prober, &out->to, out->probe.nonce, &out->probe.u.probe.target, back);
}

static void ask_for_others(struct ranking_world *w, struct ranking_client *c) {
    uint8_t others[NAMED_MAX], count = name_others(w, c, others);
    c->named = (struct message_named){.session = c->session, .count = count};
    for (uint8_t i = 0; i < count; i++) {
        const struct witness_address a = address_of(others[i]);
        c->named.list[i] = (struct named_cluster){a.name, a.hint, a.media};
    }
    c->named_at =
        count > 0 ? instant_add(w->now, duration_add(POLL, duration_ms(100))) : INSTANT_NEVER;
}

/* To the worker, from there to peerd, which remembers it and may be asked for others. */
static void tell(struct ranking_world *w, struct ranking_client *c, const struct message *m,
                 struct instant at) {
    struct trips *trips = &w->trips[c->serving];
    const struct message_trips *t = &m->u.trips;
    if (ranking_sample(w, c->node, w->node_of[c->serving]).us == 0)
        return; /* lost */
    for (uint8_t i = 0; i < t->count; i++)
        trips_heard(trips, &c->location, number_of(t->list[i].cluster.bytes[1]), c->node,
                    t->list[i].rtt_us, t->list[i].samples, at);
    if (naming_told(&c->naming, m->nonce, at) && !w->request->no_turns)
        ask_for_others(w, c);
}

/* What peerd has answered reaches the worker, and the client unless it is lost. */
static void hear_names(struct ranking_world *w, struct ranking_client *c) {
    uint64_t nonce;
    struct instant at = c->named_at;
    c->named_at = INSTANT_NEVER;
    if (naming_named(&c->naming, at, &nonce) &&
        ranking_sample(w, w->node_of[c->serving], c->node).us > 0)
        prober_named(&c->prober, &c->witness, &c->witness.servers[0].address.media, nonce,
                     &c->named, at);
}

void ranking_client_live(struct ranking_world *w, struct ranking_client *c) {
    const struct witness_config usual = witness_config_default();
    struct instant until = later(w, duration_s(1)), at;
    struct prober_out out;
    for (uint8_t i = 1; i <= TICKET_BACKUPS_MAX; i++)
        if (c->witness.servers[i].role != WITNESS_ROLE_FREE)
            greet(w, c, i, i == 1 ? usual.hello : usual.hello_idle, until);
    for (;;) {
        at = instant_min(prober_deadline(&c->prober), c->named_at);
        if (!instant_before(at, until))
            return;
        if (instant_reached(at, c->named_at)) {
            hear_names(w, c);
            continue;
        }
        prober_ticked(&c->prober, &c->witness, at, &out);
        if (out.probes)
            probe(w, c, &out, at);
        if (out.tells)
            tell(w, c, &out.trips, at);
    }
}
