/*
 * Discovery: the machine of topo/find.h gets its answers here, and its peers become peers.
 *
 * A domain's records come by topo/find/lookup; a cluster's description by HTTPS, pinned to the key
 * that is claimed for it; introductions from peers by HTTPS, pinned to theirs. When the peers that
 * were found change, a policy is made of the one in force and of them, and taken as if it had been
 * written so: the core does not tell them from the others.
 */
#include "peerd/io/acquaintances.h"
#include "peerd/io/daemon.h"
#include "peerd/net/clock.h"
#include "peerd/wire/introductions.h"
#include "topo/find/lookup.h"
#include "topo/rank.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALL_TIMEOUT duration_s(3)

_Static_assert(FIND_DOMAINS_MAX == POLICY_DOMAINS_MAX && FIND_RULES_MAX == POLICY_RULES_MAX &&
                   FIND_REVOKED_MAX == POLICY_REVOKED_MAX,
               "whatever a policy may say fits");
_Static_assert(FIND_HOLDERS_MAX > POLICY_PEERS_MAX, "ourselves and every peer");

/* A domain that is asked. */
struct question {
    struct discovery *of;
    uint32_t domain;
    struct lookup *lookup; /* NULL for none */
};

/* A description that is asked for. */
struct fetch {
    struct discovery *of;
    bool used;
    struct find_claim claim;
    struct net_dns_query *query; /* where it is; NULL once known */
    struct net_http_call *call;
};

struct discovery {
    struct daemon *daemon;
    struct find find;
    struct find_outbox outbox;
    struct net_timer tick;
    struct net_timer apply; /* never within a peer's own callback, since it may end the peer */
    struct question questions[FIND_DOMAINS_MAX];
    struct fetch fetches[FIND_FETCHES_MAX];
    struct acquaintances acquaintances;
    struct net_http_call *introductions; /* NULL for none … */
    struct find_key introducer;          /* … else the peer that was asked */
};

static void carry_out(struct discovery *x, const struct find_intention *i);

static void step(struct discovery *x, struct find_event *event) {
    event->now = net_now();
    find_step(&x->find, event, &x->outbox);
    for (uint32_t i = 0; i < x->outbox.count; i++)
        carry_out(x, &x->outbox.items[i]);
    net_log_trace(x->daemon->log, NET_LOG_INFO, &x->daemon->trace);
    net_timer_arm(&x->tick, find_deadline(&x->find));
}

/* When it is time to choose among many it wants to know where our clients are. */
static void tick(void *data, struct instant now) {
    struct discovery *x = data;
    struct find_event event = {.kind = FIND_TICK};
    struct find_clients clients;
    if (find_wants_clients(&x->find, now)) {
        core_clientele(x->daemon->core, &clients);
        acquaintances_wanting(&x->acquaintances, &x->find, now, &clients);
        event = (struct find_event){.kind = FIND_CLIENTS, .u.clients = &clients};
    }
    step(x, &event);
}

static struct public_key key_of(const struct find_key *key) {
    struct public_key out;
    memcpy(out.bytes, key->bytes, sizeof(out.bytes));
    return out;
}

static struct find_key find_key_of(const struct public_key *key) {
    struct find_key out;
    memcpy(out.bytes, key->bytes, sizeof(out.bytes));
    return out;
}

static void facts_of(struct find_facts *out, const struct description *d) {
    *out = (struct find_facts){.name = d->cluster,
                               .provider = d->provider,
                               .region = d->region,
                               .upstream = rank_domain_of(d->upstream),
                               .placed = d->placed,
                               .latitude_deg = d->latitude_udeg / 1e6,
                               .longitude_deg = d->longitude_udeg / 1e6,
                               .issued_s = d->issued_s,
                               .has_next = d->has_next_key};
    if (d->has_next_key)
        out->next = find_key_of(&d->next_key);
}

/* ---- domains --------------------------------------------------------------------------------- */

static void domain_answered(void *data, const struct lookup_answer *answer) {
    struct question *q = data;
    struct discovery *x = q->of;
    struct find_event event = {.kind = FIND_DOMAIN_MUTE, .u.domain = q->domain};
    q->lookup = NULL;
    if (answer->err == ERR_OK) {
        event.kind = FIND_DOMAIN_TOLD;
        event.u.told.domain = q->domain;
        event.u.told.claims = answer->claims;
        event.u.told.count = answer->count;
        event.u.told.ttl = answer->ttl;
    } else {
        net_log(x->daemon->log, NET_LOG_WARNING, "no clusters found, the last answer is kept",
                NET_TEXT("domain", x->find.config.domains[q->domain].text),
                NET_TEXT("why", answer->detail));
    }
    step(x, &event);
}

static void ask_domain(struct discovery *x, uint32_t domain) {
    struct question *q = &x->questions[domain];
    lookup_cancel(q->lookup);
    *q = (struct question){.of = x, .domain = domain};
    q->lookup =
        lookup_start(x->daemon->dns, x->find.config.domains[domain].text, domain_answered, q);
}

/* ---- descriptions ---------------------------------------------------------------------------- */

static void fetch_ended(struct fetch *f, enum err err, const char *why,
                        const struct description *d) {
    struct discovery *x = f->of;
    struct find_facts facts;
    struct find_event event = {.kind = FIND_MISSED, .u.fetch.key = f->claim.key};
    if (err == ERR_OK) {
        facts_of(&facts, d);
        event.kind = FIND_DESCRIBED;
        event.u.fetch.facts = &facts;
    } else {
        net_log(x->daemon->log, NET_LOG_INFO, "cluster heard of, not met",
                NET_TEXT("cluster", f->claim.name.text), NET_TEXT("at", f->claim.control.text),
                NET_TEXT("error", err_name(err)), NET_TEXT("why", why));
    }
    f->used = false;
    step(x, &event);
}

static void fetched(void *data, const struct net_http_result *result) {
    struct fetch *f = data;
    struct wire_fault fault = {{0}};
    struct description d = {.issued_s = 0};
    struct public_key key = key_of(&f->claim.key);
    enum err err = result->err;
    f->call = NULL;
    if (err == ERR_OK && result->status != 200)
        err = result->status == 403 ? ERR_DENIED : ERR_UNREACHABLE;
    if (err == ERR_OK)
        err = description_open(&d, (const char *)result->body, result->body_len, &f->claim.name,
                               &key, &fault);
    struct discovery *x = f->of;
    struct find_key met = f->claim.key;
    fetch_ended(f, err, fault.text[0] != '\0' ? fault.text : result->detail, &d);
    if (err != ERR_OK)
        return;
    acquaintances_keep(&x->acquaintances, &x->find, &met, &d, (const char *)result->body,
                       result->body_len);
    description_free(&d);
}

static bool call(struct discovery *x, const struct addr *to, const char *path,
                 const struct public_key *pinned, net_http_done_fn done, void *data,
                 struct net_http_call **out) {
    char url[ADDR_TEXT_LEN_MAX + 160], text[ADDR_TEXT_LEN_MAX + 1];
    snprintf(url, sizeof(url), "https://%s%s", addr_to_text(to, text), path);
    struct net_http_call_options options = {
        .url = url,
        .timeout = CALL_TIMEOUT,
        .identity = x->daemon->identity,
        .pinned = pinned,
        .connect_to = *to,
        .done = done,
        .data = data,
    };
    return net_http_call(x->daemon->http, &options, out) == ERR_OK;
}

/* Without a call nothing comes back, and the machine takes the silence for a miss. */
static void fetch_from(struct fetch *f, const struct addr *to) {
    struct public_key key = key_of(&f->claim.key);
    f->used = call(f->of, to, "/v1/description", &key, fetched, f, &f->call);
}

static void place_found(void *data, const struct net_dns_result *result) {
    struct fetch *f = data;
    f->query = NULL;
    if (result->err != ERR_OK) {
        fetch_ended(f, result->err, result->detail, NULL);
        return;
    }
    net_dns_order(result->targets, result->count, &f->of->daemon->rng);
    fetch_from(f, &result->targets[0].addr);
}

static void fetch(struct discovery *x, const struct find_claim *claim) {
    struct addr at;
    struct fetch *f = NULL;
    for (uint32_t i = 0; i < FIND_FETCHES_MAX && f == NULL; i++)
        if (!x->fetches[i].used)
            f = &x->fetches[i];
    if (f == NULL)
        return;
    *f = (struct fetch){.of = x, .used = true, .claim = *claim};
    if (addr_from_text(&at, claim->control.text)) {
        fetch_from(f, &at);
        return;
    }
    f->query = net_dns_place(x->daemon->dns, claim->control.text, place_found, f);
    f->used = f->query != NULL;
}

/* ---- introductions --------------------------------------------------------------------------- */

static void introduce(struct discovery *x, const struct description *d) {
    struct find_claim claim = {.name = d->cluster, .key = find_key_of(&d->key)};
    struct find_facts facts;
    if (d->doors == NULL || !policy_place_valid(d->doors->beats) ||
        !policy_place_valid(d->doors->control))
        return;
    _Static_assert(sizeof(claim.beats.text) == sizeof(d->doors->beats), "both hold the same text");
    memcpy(claim.beats.text, d->doors->beats, sizeof(claim.beats.text));
    memcpy(claim.control.text, d->doors->control, sizeof(claim.control.text));
    facts_of(&facts, d);
    step(x, &(struct find_event){
                .kind = FIND_INTRODUCED,
                .u.introduced = {.claim = &claim, .facts = &facts, .by = x->introducer}});
}

/* Where the next question to it goes on. */
static void remember_page(struct discovery *x, const struct public_key *next) {
    for (uint32_t i = 0; i < x->daemon->peer_count; i++) {
        struct daemon_peer *p = x->daemon->peers[i];
        struct find_key key = find_key_of(&p->key);
        if (find_key_equal(&key, &x->introducer))
            p->introduced_last = *next;
    }
}

static void introductions_came(void *data, const struct net_http_result *result) {
    static struct description known[INTRODUCTIONS_MAX];
    struct discovery *x = data;
    struct public_key next;
    size_t count = 0, refused = 0;
    x->introductions = NULL;
    if (result->err != ERR_OK || result->status != 200)
        return;
    enum err err = introductions_decode(known, &count, &refused, &next, (const char *)result->body,
                                        result->body_len, NULL);
    if (err != ERR_OK || refused > 0)
        net_log(x->daemon->log, NET_LOG_WARNING, "introductions refused",
                NET_TEXT("error", err_name(err)), NET_NUMBER("refused", (int64_t)refused));
    remember_page(x, &next);
    for (size_t i = 0; i < count; i++) {
        introduce(x, &known[i]);
        description_free(&known[i]);
    }
}

/* The first question goes to any place of the circle: so those to different peers differ. */
static void introductions_path(struct daemon_peer *p, char *out, size_t size) {
    static const struct public_key none;
    char after[64];
    if (public_key_equal(&p->introduced_last, &none))
        net_entropy(&p->introduced_last, sizeof(p->introduced_last));
    base64url_encode(p->introduced_last.bytes, sizeof(p->introduced_last), after, sizeof(after));
    snprintf(out, size, "/v1/introductions?after=%s", after);
}

static void ask_peer(struct discovery *x, uint32_t number) {
    char path[128];
    struct daemon *d = x->daemon;
    if (x->introductions != NULL || number >= d->peer_count)
        return;
    struct daemon_peer *p = d->peers[number];
    x->introducer = find_key_of(&p->key);
    introductions_path(p, path, sizeof(path));
    if (addr_is_none(&p->control.addr) || p->revoked ||
        !call(x, &p->control.addr, path, &p->key, introductions_came, x, &x->introductions))
        x->introductions = NULL;
}

char *discovery_introductions(const struct daemon *d, uint32_t asker,
                              const struct public_key *after, size_t *len) {
    const struct discovery *x = d->discovery;
    return acquaintances_page(d, x != NULL ? &x->acquaintances : NULL, discovery_state(d), asker,
                              after, len);
}

void discovery_asked(struct daemon *d, const struct public_key *key) {
    struct find_key asker = find_key_of(key);
    if (d->discovery != NULL)
        acquaintances_asked(&d->discovery->acquaintances, &d->discovery->find, &asker, net_now());
}

/* ---- peers ----------------------------------------------------------------------------------- */

static uint32_t slots_left(const struct policy *p) {
    uint64_t capacity = 0, reserved = 0;
    for (uint32_t i = 0; i < p->service_count; i++)
        capacity += p->services[i].capacity;
    for (uint32_t i = 0; i < p->peer_count; i++)
        reserved += p->peers[i].reserved_slots;
    return capacity > reserved ? (uint32_t)(capacity - reserved) : 0;
}

static void add_peer(struct policy *p, const struct find_cluster *c) {
    const struct policy_rule *rule = &p->discovery.accept[c->rule];
    uint32_t left = slots_left(p);
    struct policy_peer *peer = &p->peers[p->peer_count++];
    _Static_assert(sizeof(peer->beats) == sizeof(c->claim.beats), "both hold the same text");
    *peer = (struct policy_peer){
        .name = c->facts.name,
        .key = key_of(&c->claim.key),
        .accept_moves = rule->accept_moves,
        .offer_moves = rule->offer_moves,
        .found = true,
        .reserved_slots = rule->reserved_slots < left ? rule->reserved_slots : left,
        .wish = rule->wish,
    };
    memcpy(peer->beats.text, c->claim.beats.text, sizeof(peer->beats.text));
    memcpy(peer->control.text, c->claim.control.text, sizeof(peer->control.text));
}

void discovery_add_peers(const struct daemon *d, struct policy *p) {
    const struct find_cluster *c;
    uint32_t cursor = 0;
    while (d->discovery != NULL && p->peer_count < POLICY_PEERS_MAX &&
           (c = find_next_peer(&d->discovery->find, &cursor)) != NULL)
        if (policy_peer_find(p, &c->facts.name) == NULL)
            add_peer(p, c);
}

static void apply(void *data, struct instant now) {
    struct discovery *x = data;
    (void)now;
    reload_found(x->daemon);
    step(x, &(struct find_event){.kind = FIND_PEERS, .u.peers = x->daemon->peer_count});
}

static void carry_out(struct discovery *x, const struct find_intention *i) {
    switch (i->kind) {
    case FIND_ASK_DOMAIN:
        ask_domain(x, i->u.domain);
        return;
    case FIND_FETCH:
        fetch(x, &i->u.fetch.claim);
        return;
    case FIND_ASK_PEER:
        ask_peer(x, i->u.peer);
        return;
    case FIND_NEW_PEERS:
        net_timer_arm(&x->apply, net_now());
        return;
    }
}

void discovery_described(struct daemon_peer *p, const struct description *d, const char *envelope,
                         size_t len) {
    struct discovery *x = p->daemon->discovery;
    struct find_facts facts;
    if (d->doors != NULL && len <= INTRODUCTION_LEN_MAX) {
        char *copy = strndup(envelope, len);
        free(p->envelope);
        p->envelope = copy;
    }
    if (x == NULL || !p->daemon->policy->peers[p->index].found)
        return;
    facts_of(&facts, d);
    step(x, &(struct find_event){.kind = FIND_DESCRIBED,
                                 .u.fetch = {.key = find_key_of(&p->key), .facts = &facts}});
}

/* ---- policy ---------------------------------------------------------------------------------- */

static struct find_rule rule_of(const struct policy_rule *r) {
    static const struct public_key none;
    struct find_rule out = {.provider = r->provider,
                            .region = r->region,
                            .by_key = !public_key_equal(&r->key, &none),
                            .key = find_key_of(&r->key)};
    memcpy(out.pattern, r->pattern, sizeof(out.pattern));
    return out;
}

static void fill_holders(struct find_config *c, const struct daemon *d, const struct policy *p) {
    c->holders[c->holder_count++] =
        (struct find_holder){p->cluster.name, find_key_of(&d->key.public_key)};
    for (uint32_t i = 0; i < p->peer_count; i++)
        if (!p->peers[i].found)
            c->holders[c->holder_count++] =
                (struct find_holder){p->peers[i].name, find_key_of(&p->peers[i].key)};
}

static void config_of(struct find_config *c, const struct daemon *d, const struct policy *p) {
    const struct policy_discovery *from = &p->discovery;
    *c = (struct find_config){
        .domain_count = from->dns_count,
        .rule_count = from->accept_count,
        .revoked_count = from->revoked_count,
        .introduction = from->introduction,
        .refresh_min = from->refresh_min,
        .refresh_max = from->refresh_max,
        .keep = from->keep,
        .retire = duration_add(p->limits.ticket_life, p->limits.clock_skew),
        .own = {.provider = p->cluster.provider,
                .region = p->cluster.region,
                .upstream = rank_domain_of(p->cluster.upstream.text),
                .placed = p->cluster.placed,
                .latitude_deg = p->cluster.latitude_deg,
                .longitude_deg = p->cluster.longitude_deg},
    };
    fill_holders(c, d, p);
    uint32_t room = POLICY_PEERS_MAX - (c->holder_count - 1);
    c->peers_max = from->peers_max < room ? from->peers_max : room;
    for (uint32_t i = 0; i < from->dns_count; i++)
        memcpy(c->domains[i].text, from->dns[i].text, sizeof(c->domains[i].text));
    for (uint32_t i = 0; i < from->accept_count; i++)
        c->rules[i] = rule_of(&from->accept[i]);
    for (uint32_t i = 0; i < from->revoked_count; i++)
        c->revoked[i] = find_key_of(&from->revoked[i]);
}

static struct discovery *open_discovery(struct daemon *d) {
    uint64_t seed = 0;
    struct discovery *x = calloc(1, sizeof(*x));
    if (x == NULL)
        return NULL;
    net_entropy(&seed, sizeof(seed));
    x->daemon = d;
    find_init(&x->find, seed, &d->trace);
    acquaintances_init(&x->acquaintances);
    net_timer_init(&x->tick, d->loop, tick, x);
    net_timer_init(&x->apply, d->loop, apply, x);
    return x;
}

enum err discovery_configure(struct daemon *d, const struct policy *p) {
    if (d->discovery == NULL && !policy_finds(p))
        return ERR_OK;
    if (d->discovery == NULL && (d->discovery = open_discovery(d)) == NULL)
        return ERR_NO_MEMORY;
    struct discovery *x = d->discovery;
    struct find_config *config = malloc(sizeof(*config));
    if (config == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < FIND_DOMAINS_MAX; i++) {
        lookup_cancel(x->questions[i].lookup);
        x->questions[i].lookup = NULL;
    }
    config_of(config, d, p);
    step(x, &(struct find_event){.kind = FIND_CONFIGURED, .u.config = config});
    free(config);
    net_timer_arm(&x->apply, net_now()); /* it also counts those who can be asked */
    return ERR_OK;
}

const struct find *discovery_state(const struct daemon *d) {
    return d->discovery != NULL ? &d->discovery->find : NULL;
}

bool discovery_knows(const struct daemon *d, const struct public_key *key) {
    struct find_key wanted = find_key_of(key);
    const struct find_cluster *c =
        d->discovery != NULL ? find_by_key(&d->discovery->find, &wanted) : NULL;
    return c != NULL && c->state != FIND_STATE_RETIRED;
}

static struct ticket_issuer revoked_issuer(const struct find_cluster *c) {
    const struct public_key key = key_of(&c->claim.key);
    return ticket_issuer_revoked(&c->facts.name, &key);
}

static struct ticket_issuer retired_issuer(const struct daemon *d, const struct find_cluster *c) {
    int64_t ago_s = instant_since(net_now(), c->retired).us / 1000000;
    struct ticket_issuer out = {.cluster = c->facts.name, .key = key_of(&c->claim.key)};
    out.issued_until_s = net_wall().us / 1000000 - ago_s;
    out.expires_until_s = out.issued_until_s + d->policy->limits.ticket_life.us / 1000000;
    return out;
}

size_t discovery_add_issuers(const struct daemon *d, struct ticket_issuer *out, size_t room) {
    const struct find *f = discovery_state(d);
    size_t count = 0;
    for (uint32_t i = 0; f != NULL && i < f->top && count < room; i++) {
        const struct find_cluster *c = &f->clusters[i];
        if (c->used && c->state == FIND_STATE_RETIRED && find_by_key(f, &c->claim.key) != NULL &&
            policy_peer_find(d->policy, &c->facts.name) == NULL)
            out[count++] = retired_issuer(d, c);
        else if (c->used && c->described && find_by_key(f, &c->claim.key) == NULL)
            out[count++] = revoked_issuer(c);
    }
    return count;
}

static void fetch_cancel(struct fetch *f) {
    if (f->used && f->query != NULL)
        net_dns_cancel(f->query);
    if (f->used && f->call != NULL)
        net_http_cancel(f->call);
    f->used = false;
}

void discovery_close(struct daemon *d) {
    struct discovery *x = d->discovery;
    if (x == NULL)
        return;
    net_timer_cancel(&x->tick);
    net_timer_cancel(&x->apply);
    for (uint32_t i = 0; i < FIND_DOMAINS_MAX; i++)
        lookup_cancel(x->questions[i].lookup);
    for (uint32_t i = 0; i < FIND_FETCHES_MAX; i++)
        fetch_cancel(&x->fetches[i]);
    if (x->introductions != NULL)
        net_http_cancel(x->introductions);
    acquaintances_free(&x->acquaintances);
    free(x);
    d->discovery = NULL;
}
