#include "peerd/sim/discovery.h"

#include "peerd/sim/invariants.h"
#include "peerd/sim/narrative.h"
#include "peerd/sim/rekey.h"
#include "peerd/sim/site.h"
#include "topo/find.h"
#include "topo/rank.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RESOLVED  duration_ms(1)    /* the resolver is on the site's own network */
#define GIVEN_UP  duration_ms(2800) /* c-ares: 400, 800 and 1,600 ms for its three tries */
#define LIES_BYTE 0x1a /* of keys that nobody holds; those that are held have another */

_Static_assert(FIND_KEY_BYTES == sizeof(struct public_key), "both are the same bytes");

struct sim_discovery {
    struct find find;
    struct find_outbox outbox;
    enum scenario_resolver resolver;
    uint64_t questions; /* so far; the newest is under way if … */
    bool asking;        /* … this is so */
    bool anew;          /* the peers are other ones, and are about to be taken */
};

/* ---- keys and places ---- */

static struct find_key find_key_of(const struct public_key *key) {
    struct find_key out;
    memcpy(out.bytes, key->bytes, sizeof(out.bytes));
    return out;
}

static struct public_key key_of(const struct find_key *key) {
    struct public_key out;
    memcpy(out.bytes, key->bytes, sizeof(out.bytes));
    return out;
}

static struct find_key false_key(uint32_t cluster) {
    return (struct find_key){{LIES_BYTE, (uint8_t)(cluster >> 8), (uint8_t)cluster}};
}

/* Places are clusters, by number. */
static void place_of(struct find_place *out, uint32_t cluster) {
    snprintf(out->text, sizeof(out->text), "%u", (unsigned)cluster);
}

static uint32_t cluster_at(const struct find_place *place) {
    return (uint32_t)strtoul(place->text, NULL, 10);
}

static struct find_claim claim_of(const struct sim *sim, uint32_t cluster, bool lies) {
    struct find_claim out = {.name = sim->scenario->clusters[cluster].identity.name,
                             .key =
                                 lies ? false_key(cluster) : find_key_of(&sim->sites[cluster].key)};
    place_of(&out.beats, cluster);
    place_of(&out.control, cluster);
    return out;
}

bool sim_discovery_opens(const struct sim *sim, const struct sim_site *site, uint32_t from) {
    const struct sim_site *other = &sim->sites[from];
    uint32_t peer = site->peer_of[from], back = other->peer_of[site->index];
    if (site->discovery == NULL)
        return true;
    return sim_site_knows(site, peer) &&
           public_key_equal(&site->policy.peers[peer].key, &other->key) &&
           (!sim_site_knows(other, back) ||
            public_key_equal(&other->policy.peers[back].key, &site->key));
}

/* ---- steps ---- */

static void step(struct sim *sim, struct sim_site *site, struct find_event *event);

static void ask_resolver(struct sim *sim, struct sim_site *site) {
    struct sim_discovery *d = site->discovery;
    d->asking = true;
    d->questions++;
    sim_put(sim, d->resolver == SCENARIO_RESOLVER_SILENT ? GIVEN_UP : RESOLVED,
            &(struct sim_event){.kind = SIM_RESOLVED, .a = site->index, .n = d->questions});
}

/* Never within a step of the machine. */
static void take_soon(struct sim *sim, struct sim_site *site) {
    if (site->discovery->anew)
        return;
    site->discovery->anew = true;
    sim_put(sim, DURATION_ZERO,
            &(struct sim_event){.kind = SIM_PEERS_FOUND, .a = site->index, .n = site->peerd.run});
}

static void carry_out(struct sim *sim, struct sim_site *site, const struct find_intention *i) {
    switch (i->kind) {
    case FIND_ASK_DOMAIN:
        ask_resolver(sim, site);
        return;
    case FIND_FETCH: {
        struct public_key key = key_of(&i->u.fetch.claim.key);
        sim_call_find(sim, site, cluster_at(&i->u.fetch.claim.control), &key);
        return;
    }
    case FIND_ASK_PEER:
        return; /* nobody is introduced */
    case FIND_NEW_PEERS:
        take_soon(sim, site);
        return;
    }
}

static void step(struct sim *sim, struct sim_site *site, struct find_event *event) {
    struct sim_discovery *d = site->discovery;
    event->now = sim_site_now(sim, site);
    sim->steps++;
    find_step(&d->find, event, &d->outbox);
    sim_narrative_drain(sim, &sim->trace, NULL);
    for (uint32_t i = 0; i < d->outbox.count; i++)
        carry_out(sim, site, &d->outbox.items[i]);
    sim_due_site(sim, site);
}

/* ---- life ---- */

void sim_discovery_init(struct sim *sim, struct sim_site *site) {
    if (sim->scenario->discovery.given)
        site->discovery = sim_alloc(1, sizeof(*site->discovery));
}

void sim_discovery_free(struct sim_site *site) {
    free(site->discovery);
}

void sim_discovery_starts(struct sim *sim, struct sim_site *site) {
    struct sim_discovery *d = site->discovery;
    if (d == NULL)
        return;
    find_init(&d->find, rng_u64(&sim->rng), &sim->trace);
    d->asking = d->anew = false;
    site->policy.peer_count = 0;
    for (uint32_t i = 0; i < sim->site_count; i++)
        site->peer_of[i] = UINT32_MAX;
}

static void fill_config(struct find_config *c, const struct sim_site *site) {
    const struct policy *p = &site->policy;
    const struct policy_discovery *from = &p->discovery;
    c->domain_count = from->dns_count;
    c->rule_count = from->accept_count;
    c->peers_max = from->peers_max;
    c->refresh_min = from->refresh_min;
    c->refresh_max = from->refresh_max;
    c->keep = from->keep;
    c->retire = duration_add(p->limits.ticket_life, p->limits.clock_skew);
    c->own.provider = p->cluster.provider;
    c->own.region = p->cluster.region;
    c->own.upstream = rank_domain_of(p->cluster.upstream.text);
    c->own.placed = p->cluster.placed;
    c->own.latitude_deg = p->cluster.latitude_deg;
    c->own.longitude_deg = p->cluster.longitude_deg;
    c->holder_count = 1;
    c->holders[0] = (struct find_holder){p->cluster.name, find_key_of(&site->key)};
    for (uint32_t i = 0; i < from->dns_count; i++)
        memcpy(c->domains[i].text, from->dns[i].text, sizeof(c->domains[i].text));
    for (uint32_t i = 0; i < from->accept_count; i++)
        memcpy(c->rules[i].pattern, from->accept[i].pattern, sizeof(c->rules[i].pattern));
}

void sim_discovery_begins(struct sim *sim, struct sim_site *site) {
    if (site->discovery == NULL)
        return;
    struct find_config *config = sim_alloc(1, sizeof(*config));
    fill_config(config, site);
    step(sim, site, &(struct find_event){.kind = FIND_CONFIGURED, .u.config = config});
    free(config);
}

struct instant sim_discovery_deadline(const struct sim_site *site) {
    return site->discovery != NULL ? find_deadline(&site->discovery->find) : INSTANT_NEVER;
}

/* Others to whom we are a peer: of a real cluster its questions tell that. */
static void fill_wanting(const struct sim *sim, const struct sim_site *site,
                         struct find_clients *out) {
    for (uint32_t i = 0; i < sim->site_count && out->wanting_count < FIND_PEERS_MAX; i++) {
        const struct sim_site *other = &sim->sites[i];
        if (other->core != NULL && sim_site_knows(other, other->peer_of[site->index]) &&
            !sim_site_knows(site, site->peer_of[i]))
            out->wanting[out->wanting_count++] = find_key_of(&other->key);
    }
}

void sim_discovery_due(struct sim *sim, struct sim_site *site) {
    struct instant now = sim_site_now(sim, site);
    struct find_event event = {.kind = FIND_TICK};
    struct find_clients clients;
    if (site->discovery == NULL || !instant_reached(now, find_deadline(&site->discovery->find)))
        return;
    if (site->core != NULL && find_wants_clients(&site->discovery->find, now)) {
        core_clientele(site->core, &clients);
        fill_wanting(sim, site, &clients);
        event = (struct find_event){.kind = FIND_CLIENTS, .u.clients = &clients};
    }
    step(sim, site, &event);
}

void sim_discovery_check(const struct sim_site *site) {
    if (site->discovery != NULL)
        find_check_invariants(&site->discovery->find);
}

/* ---- the resolver ---- */

/* Whoever waits is answered as soon as somebody answers at all. */
void sim_discovery_resolver(struct sim *sim, struct sim_site *site, enum scenario_resolver does) {
    struct sim_discovery *d = site->discovery;
    d->resolver = does;
    if (d->asking && does != SCENARIO_RESOLVER_SILENT)
        sim_put(sim, RESOLVED,
                &(struct sim_event){.kind = SIM_RESOLVED, .a = site->index, .n = d->questions});
}

void sim_discovery_resolved(struct sim *sim, const struct sim_event *e) {
    struct sim_site *site = &sim->sites[e->a];
    struct sim_discovery *d = site->discovery;
    if (!d->asking || e->n != d->questions || site->core == NULL ||
        sim_process_holds(sim, &site->peerd, e))
        return;
    struct find_event event = {.kind = FIND_DOMAIN_MUTE, .u.domain = 0};
    struct find_claim *claims = NULL;
    d->asking = false;
    if (d->resolver == SCENARIO_RESOLVER_ANSWERS || d->resolver == SCENARIO_RESOLVER_LIES) {
        claims = sim_alloc(sim->site_count, sizeof(*claims));
        for (uint32_t i = 0; i < sim->site_count; i++)
            claims[i] = claim_of(sim, i, d->resolver == SCENARIO_RESOLVER_LIES);
        event = (struct find_event){.kind = FIND_DOMAIN_TOLD,
                                    .u.told = {.claims = claims,
                                               .count = sim->site_count,
                                               .ttl = sim->scenario->discovery.ttl}};
    }
    step(sim, site, &event);
    free(claims);
}

/* ---- descriptions ---- */

bool sim_discovery_may_ask(const struct sim *sim, const struct sim_site *site, uint32_t asker) {
    struct find_key key = find_key_of(&sim->sites[asker].key);
    const struct find_cluster *c =
        site->discovery != NULL ? find_by_key(&site->discovery->find, &key) : NULL;
    return c != NULL && c->state != FIND_STATE_RETIRED;
}

void sim_discovery_fetched(struct sim *sim, struct sim_site *site, const struct public_key *key,
                           const struct description *d) {
    struct find_event event = {.kind = FIND_MISSED, .u.fetch.key = find_key_of(key)};
    struct find_facts facts;
    if (d != NULL) {
        facts = (struct find_facts){.name = d->cluster,
                                    .provider = d->provider,
                                    .region = d->region,
                                    .upstream = rank_domain_of(d->upstream),
                                    .placed = d->placed,
                                    .latitude_deg = d->latitude_udeg / 1e6,
                                    .longitude_deg = d->longitude_udeg / 1e6,
                                    .issued_s = d->issued_s};
        event.kind = FIND_DESCRIBED;
        event.u.fetch.facts = &facts;
    }
    step(sim, site, &event);
}

void sim_discovery_described(struct sim *sim, struct sim_site *site, uint32_t peer,
                             const struct description *d) {
    if (site->discovery == NULL || !sim_site_knows(site, peer))
        return;
    struct public_key key = site->policy.peers[peer].key;
    sim_discovery_fetched(sim, site, &key, d);
}

/* ---- peers ---- */

/* In the order in which they were found, as the daemon has them. */
static uint32_t list_peers(const struct sim *sim, const struct sim_site *site,
                           struct policy_peer *out, uint32_t *clusters) {
    const struct policy_rule *rule = &site->policy.discovery.accept[0];
    const struct find_cluster *c;
    uint32_t cursor = 0, count = 0, left = site->capacity;
    while (count < POLICY_PEERS_MAX &&
           (c = find_next_peer(&site->discovery->find, &cursor)) != NULL) {
        uint32_t reserved = rule->reserved_slots < left ? rule->reserved_slots : left;
        clusters[count] = cluster_at(&c->claim.control);
        assert(clusters[count] < sim->site_count);
        out[count++] = (struct policy_peer){.name = c->facts.name,
                                            .key = key_of(&c->claim.key),
                                            .accept_moves = rule->accept_moves,
                                            .offer_moves = rule->offer_moves,
                                            .found = true,
                                            .reserved_slots = reserved,
                                            .wish = rule->wish};
        left -= reserved;
    }
    return count;
}

static bool same_peer(const struct policy_peer *a, const struct policy_peer *b) {
    return name_equal(&a->name, &b->name) && public_key_equal(&a->key, &b->key) &&
           a->reserved_slots == b->reserved_slots;
}

/* Where each of the new ones stood before, into `was`; true if all is as it was. */
static bool find_places(const struct policy *p, const struct policy_peer *peers, uint32_t count,
                        uint32_t *was) {
    bool same = count == p->peer_count;
    for (uint32_t i = 0; i < count; i++) {
        was[i] = UINT32_MAX;
        for (uint32_t k = 0; k < p->peer_count; k++)
            if (name_equal(&p->peers[k].name, &peers[i].name) &&
                public_key_equal(&p->peers[k].key, &peers[i].key))
                was[i] = k;
        same = same && was[i] == i && same_peer(&p->peers[i], &peers[i]);
    }
    return same;
}

static void take(struct sim *sim, struct sim_site *site, const struct policy_peer *peers,
                 const uint32_t *clusters, const uint32_t *was, uint32_t count) {
    enum verdict verdicts[POLICY_PEERS_MAX];
    memcpy(verdicts, site->verdicts, sizeof(verdicts));
    for (uint32_t i = 0; i < sim->site_count; i++)
        site->peer_of[i] = UINT32_MAX;
    for (uint32_t i = 0; i < count; i++) {
        site->policy.peers[i] = peers[i];
        site->cluster_of[i] = clusters[i];
        site->peer_of[clusters[i]] = i;
        site->verdicts[i] = was[i] == UINT32_MAX ? VERDICT_UNKNOWN : verdicts[was[i]];
    }
    site->policy.peer_count = count;
}

void sim_discovery_found(struct sim *sim, const struct sim_event *e) {
    struct sim_site *site = &sim->sites[e->a];
    uint32_t clusters[POLICY_PEERS_MAX], was[POLICY_PEERS_MAX];
    if (e->n != site->peerd.run || site->core == NULL || sim_process_holds(sim, &site->peerd, e))
        return;
    struct policy_peer *peers = sim_alloc(POLICY_PEERS_MAX, sizeof(*peers));
    uint32_t count = list_peers(sim, site, peers, clusters);
    site->discovery->anew = false;
    if (!find_places(&site->policy, peers, count, was)) {
        take(sim, site, peers, clusters, was, count);
        sim_invariants_peers_change(sim, site, was);
        sim_site_step(sim, site,
                      &(struct core_event){.kind = CORE_POLICY_CHANGED, .u.policy = &site->policy});
    }
    free(peers);
    step(sim, site, &(struct find_event){.kind = FIND_PEERS, .u.peers = count});
}
