#include "peerd/sim/rekey.h"

#include "peerd/sim/site.h"

#define FORMER_OPENS duration_s(10) /* as long as the daemon's */

/* A seal: the number of the sender's key, that of the receiver's, and that there is one. */
#define SEAL(from, to) (UINT64_C(1) << 32 | (uint64_t)(to) << 16 | (from))
#define SEAL_FROM(s)   ((uint32_t)(s)&0xffff)
#define SEAL_TO(s)     ((uint32_t)(s) >> 16 & 0xffff)

struct sim_keys {
    uint32_t mine;               /* number of the key in force, from 0 */
    struct instant former_opens; /* what is sealed for the one before opens until then */
    int64_t switched_s;          /* [s] since the Unix epoch */
    struct {
        uint32_t in_force;
        bool announced; /* it has said that the one after that is its next */
        bool follows;   /* it has shown that it knows ours */
        bool went_over; /* in this run: the one before is known, too */
    } theirs[POLICY_PEERS_MAX];
};

/* Keys are never used for anything but their hints. */
struct public_key sim_rekey_key(uint32_t cluster, uint32_t node, uint32_t number) {
    struct public_key key = {
        .bytes = {0x5e, (uint8_t)(cluster >> 8), (uint8_t)cluster, (uint8_t)node, (uint8_t)number}};
    return key;
}

void sim_rekey_init(struct sim *sim, struct sim_site *site) {
    bool any = false;
    for (uint32_t i = 0; i < sim->scenario->event_count; i++)
        any = any || sim->scenario->events[i].verb == SCENARIO_VERB_REKEY;
    if (any)
        site->keys = sim_alloc(1, sizeof(*site->keys));
}

void sim_rekey_policy(struct sim *sim, struct sim_site *site) {
    (void)sim;
    for (uint32_t i = 0; site->keys != NULL && i < site->policy.peer_count; i++)
        site->policy.peers[i].key =
            sim_rekey_key(site->cluster_of[i], 0, site->keys->theirs[i].in_force);
}

void sim_rekey_started(struct sim *sim, struct sim_site *site) {
    struct sim_keys *k = site->keys;
    if (k == NULL)
        return;
    k->former_opens = sim->now;
    for (uint32_t i = 0; i < POLICY_PEERS_MAX; i++) {
        k->theirs[i].announced = false;
        k->theirs[i].follows = true;
        k->theirs[i].went_over = false;
    }
    for (uint32_t i = 0; i < site->policy.peer_count; i++)
        k->theirs[i].in_force = sim->sites[site->cluster_of[i]].keys->mine;
    sim_rekey_policy(sim, site);
}

void sim_rekey(struct sim *sim, struct sim_site *site) {
    struct sim_keys *k = site->keys;
    k->mine++;
    k->former_opens = instant_add(sim->now, FORMER_OPENS);
    k->switched_s = sim_wall(sim, &site->clock).us / 1000000;
    for (uint32_t i = 0; i < POLICY_PEERS_MAX; i++)
        k->theirs[i].follows = false;
    site->former_hint = site->hint;
    site->key = sim_rekey_key(site->index, 0, k->mine);
    site->hint = key_hint_of(&site->key);
    if (site->peerd.life == SIM_LIFE_RUNNING)
        sim_site_step(sim, site, &(struct core_event){.kind = CORE_REKEYED, .u.self = site->key});
}

uint64_t sim_rekey_seal(const struct sim *sim, uint32_t from, uint32_t to) {
    const struct sim_keys *k = sim->sites[from].keys;
    uint32_t peer = sim->sites[from].peer_of[to];
    return k == NULL || peer >= POLICY_PEERS_MAX ? 0 : SEAL(k->mine, k->theirs[peer].in_force);
}

/* It has shown that it holds the key that it had announced. */
static void go_over(struct sim *sim, struct sim_site *site, uint32_t peer) {
    struct sim_keys *k = site->keys;
    k->theirs[peer].in_force++;
    k->theirs[peer].announced = false;
    k->theirs[peer].went_over = true;
    sim_rekey_policy(sim, site);
    sim_site_step(
        sim, site,
        &(struct core_event){.kind = CORE_PEER_REKEYED,
                             .u.rekeyed = {.peer = peer, .key = site->policy.peers[peer].key}});
}

/* False: that is no key of it, or of ours. */
static bool ours_opens(const struct sim *sim, const struct sim_keys *k, uint32_t peer,
                       uint32_t number) {
    return number == k->mine || (number + 1 == k->mine && !k->theirs[peer].follows &&
                                 instant_before(sim->now, k->former_opens));
}

bool sim_rekey_opens(struct sim *sim, struct sim_site *site, uint32_t peer, uint64_t seal) {
    struct sim_keys *k = site->keys;
    if (k == NULL || seal == 0)
        return true;
    bool next = k->theirs[peer].announced && SEAL_FROM(seal) == k->theirs[peer].in_force + 1;
    if ((!next && SEAL_FROM(seal) != k->theirs[peer].in_force) ||
        !ours_opens(sim, k, peer, SEAL_TO(seal)))
        return false;
    k->theirs[peer].follows |= SEAL_TO(seal) == k->mine;
    if (next)
        go_over(sim, site, peer);
    return true;
}

void sim_rekey_describe(const struct sim_site *site, struct description *d) {
    d->has_next_key = site->keys != NULL;
    if (d->has_next_key)
        d->next_key = sim_rekey_key(site->index, 0, site->keys->mine + 1);
}

void sim_rekey_described(struct sim *sim, struct sim_site *site, uint32_t peer,
                         const struct description *d) {
    struct sim_keys *k = site->keys;
    if (k == NULL)
        return;
    struct public_key now = sim_rekey_key(site->cluster_of[peer], 0, k->theirs[peer].in_force);
    if (!public_key_equal(&now, &d->key) && k->theirs[peer].announced)
        go_over(sim, site, peer);
    k->theirs[peer].announced = d->has_next_key;
}

bool sim_rekey_knows(const struct sim *sim, const struct sim_site *site, uint32_t peer,
                     const struct key_hint *hint) {
    const struct sim_site *other = &sim->sites[site->cluster_of[peer]];
    if (site->keys == NULL)
        return key_hint_equal(&other->hint, hint);
    for (uint32_t back = 0; back <= site->keys->theirs[peer].went_over; back++) {
        uint32_t number = site->keys->theirs[peer].in_force - back;
        struct public_key key = sim_rekey_key(other->index, 0, number);
        struct key_hint known = key_hint_of(&key);
        if (key_hint_equal(&known, hint))
            return true;
    }
    return false;
}

bool sim_rekey_is_called(const struct sim_site *site, const struct key_hint *hint) {
    return key_hint_equal(&site->hint, hint) ||
           (site->keys != NULL && site->keys->mine > 0 && key_hint_equal(&site->former_hint, hint));
}

struct key_hint sim_rekey_known_as(const struct sim_site *site, int64_t issued_s) {
    const struct sim_keys *k = site->keys;
    return k != NULL && k->mine > 0 && issued_s <= k->switched_s ? site->former_hint : site->hint;
}
