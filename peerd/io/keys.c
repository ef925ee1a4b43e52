/*
 * Keys: which are whose, now, next and before.
 *
 * A cluster announces its next key in its description, signed by the one in force, and peers pin
 * both. Whoever of them is shown the next one in use (a beat that opens, a handshake, a signature)
 * goes over to it there and then: the one before is no key of that cluster any more, except for
 * tickets that it signed until then. We do the same with ours when the policy's file names the one
 * that it has announced. Until a peer has gone over it seals for our former key; that opens for a
 * moment, so that no beat is lost.
 *
 *                       theirs in force          theirs next
 *    ours in force      sealed and opened        opened: it has switched
 *    ours before        opened for a while       opened: both have switched at once
 *
 * Nothing is written down. After a restart the policy's file must name the keys that are in force,
 * and our former ones as long as tickets signed by them are about (`cluster.former_keys`).
 */
#include "peerd/io/daemon.h"
#include "peerd/net/clock.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define FORMER_OPENS duration_s(10) /* a peer that beats at all has heard of the switch by then */

static const struct public_key none;

static int64_t wall_s(void) {
    return net_wall().us / 1000000;
}

bool keys_revoked(const struct daemon *d, const struct public_key *key) {
    const struct policy_discovery *x = &d->policy->discovery;
    for (uint32_t i = 0; i < x->revoked_count; i++)
        if (public_key_equal(&x->revoked[i], key))
            return true;
    return false;
}

bool keys_announces(const struct daemon *d) {
    const struct public_key *next = &d->policy->cluster.next_key;
    return !public_key_equal(next, &none) && !public_key_equal(next, &d->key.public_key);
}

/* ---- former ones ----------------------------------------------------------------------------- */

/* Its place among the former ones; as many as there are if it is none. */
static size_t former_at(const struct description_past *past, const struct public_key *key) {
    size_t i = 0;
    while (i < past->former_count && !public_key_equal(&past->former[i].key, key))
        i++;
    return i;
}

static bool is_former(const struct description_past *past, const struct public_key *key) {
    return former_at(past, key) < past->former_count;
}

/* The oldest gives way; what is known of one already is replaced. */
static void note_former(struct description_past *past, const struct description_former *former) {
    size_t at = former_at(past, &former->key);
    if (at == DESCRIPTION_FORMER_MAX) {
        at--;
        memmove(&past->former[0], &past->former[1], at * sizeof(past->former[0]));
    } else if (at == past->former_count) {
        past->former_count++;
    }
    past->former[at] = *former;
}

static bool is_in(const struct public_key *list, size_t count, const struct public_key *key) {
    for (size_t i = 0; i < count; i++)
        if (public_key_equal(&list[i], key))
            return true;
    return false;
}

/* As of now: it switches, and its last ticket expires a ticket's life later, as far as we know. */
static struct description_former former_now(const struct daemon *d, const struct public_key *key) {
    int64_t now_s = wall_s();
    return (struct description_former){
        .key = *key,
        .switched_s = now_s,
        .until_s = now_s + d->policy->limits.ticket_life.us / 1000000,
    };
}

static void note_own_formers(struct daemon *d) {
    const struct policy_cluster *c = &d->policy->cluster;
    for (uint32_t i = 0; i < c->former_key_count; i++) {
        const struct description_former former = former_now(d, &c->former_keys[i]);
        if (!is_former(&d->past, &former.key))
            note_former(&d->past, &former);
    }
}

void keys_open(struct daemon *d) {
    d->former_opens = net_now();
    d->announced = d->policy->cluster.next_key;
    note_own_formers(d);
}

/* ---- sealing --------------------------------------------------------------------------------- */

static void free_seals(struct daemon_seals **seals) {
    if (*seals != NULL)
        sodium_memzero(*seals, sizeof(**seals));
    free(*seals);
    *seals = NULL;
}

/* One X25519 a pair, then a hash a key: 64 peers take some 10 ms, which a reload may. */
static enum err derive(struct daemon_seals **out, const struct key_pair *ours,
                       const struct public_key *theirs) {
    struct seal_secret secret;
    const struct public_key *me = &ours->public_key;
    enum err err = seal_secret_derive(&secret, ours, theirs);
    if (err != ERR_OK)
        return err;
    struct daemon_seals *s = calloc(1, sizeof(*s));
    for (uint32_t n = 0; s != NULL && n < POLICY_NODES_MAX; n++) {
        struct daemon_node_keys *k = &s->nodes[n];
        seal_key_from(&k->alive_in, &secret, me, theirs, false, SEAL_PURPOSE_MEDIA_ALIVE, n);
        seal_key_from(&k->alive_out, &secret, me, theirs, true, SEAL_PURPOSE_MEDIA_ALIVE, n);
        seal_key_from(&k->answer_in, &secret, me, theirs, false, SEAL_PURPOSE_MEDIA_ANSWER, n);
        seal_key_from(&k->answer_out, &secret, me, theirs, true, SEAL_PURPOSE_MEDIA_ANSWER, n);
    }
    if (s != NULL) {
        seal_key_from(&s->seal, &secret, me, theirs, true, SEAL_PURPOSE_BEAT, 0);
        seal_key_from(&s->open, &secret, me, theirs, false, SEAL_PURPOSE_BEAT, 0);
    }
    sodium_memzero(&secret, sizeof(secret));
    *out = s;
    return s != NULL ? ERR_OK : ERR_NO_MEMORY;
}

/* ---- a peer's next one ----------------------------------------------------------------------- */

static void forget_next(struct daemon_peer *p) {
    for (int ours = 0; ours < DAEMON_AGES; ours++)
        free_seals(&p->seals[ours][DAEMON_OTHER]);
    p->has_next = false;
}

/* Somebody else's key would make two peers of one. */
static bool is_taken(const struct daemon *d, const struct daemon_peer *p,
                     const struct public_key *key) {
    if (public_key_equal(key, &d->key.public_key) ||
        public_key_equal(key, &d->policy->cluster.next_key))
        return true;
    for (uint32_t i = 0; i < d->policy->node_count; i++)
        if (public_key_equal(key, &d->policy->nodes[i].key))
            return true;
    for (uint32_t i = 0; i < d->peer_count; i++)
        if (d->peers[i] != p &&
            (public_key_equal(key, &d->peers[i]->key) ||
             (d->peers[i]->has_next && public_key_equal(key, &d->peers[i]->next))))
            return true;
    return false;
}

static void pin_next(struct daemon_peer *p, const struct public_key *key) {
    struct daemon *d = p->daemon;
    struct daemon_seals *seals;
    if (p->has_next && public_key_equal(&p->next, key))
        return;
    forget_next(p);
    if (public_key_equal(key, &none) || public_key_equal(key, &p->key) || keys_revoked(d, key) ||
        derive(&seals, &d->key, key) != ERR_OK)
        return;
    p->seals[DAEMON_IN_FORCE][DAEMON_OTHER] = seals;
    p->has_next = true;
    p->next = *key;
    p->next_hint = key_hint_of(key);
}

/* The policy has the last word on it. */
static void choose_next(struct daemon_peer *p, const struct policy_peer *policy) {
    bool pinned = !public_key_equal(&policy->next_key, &none) &&
                  !public_key_equal(&policy->next_key, &p->key);
    pin_next(p, pinned ? &policy->next_key : &p->announced);
}

enum err keys_peer_open(struct daemon_peer *p, const struct policy_peer *policy) {
    p->key = policy->key;
    p->hint = key_hint_of(&policy->key);
    enum err err = derive(&p->seals[DAEMON_IN_FORCE][DAEMON_IN_FORCE], &p->daemon->key, &p->key);
    if (err == ERR_OK)
        choose_next(p, policy);
    return err;
}

void keys_peer_close(struct daemon_peer *p) {
    for (int ours = 0; ours < DAEMON_AGES; ours++)
        for (int theirs = 0; theirs < DAEMON_AGES; theirs++)
            free_seals(&p->seals[ours][theirs]);
}

static void log_announced(const struct daemon_peer *p, bool taken) {
    char text[KEY_PUBLIC_TEXT_LEN + 1];
    public_key_to_text(&p->announced, text);
    net_log(p->daemon->log, taken ? NET_LOG_WARNING : NET_LOG_INFO,
            taken ? "next key of a peer refused: it is another's"
                  : "a peer has announced its next key",
            NET_TEXT("peer", p->name.text), NET_TEXT("key", text));
}

static void note_announced(struct daemon_peer *p, const struct public_key *announced) {
    struct daemon *d = p->daemon;
    if (public_key_equal(announced, &p->announced))
        return;
    bool taken = is_taken(d, p, announced);
    p->announced = *announced;
    if (!public_key_equal(announced, &none))
        log_announced(p, taken);
    if (taken)
        p->announced = none;
    choose_next(p, &d->policy->peers[p->index]);
}

static void note_past(struct daemon_peer *p, const struct description_past *past) {
    p->past.revoked_count = 0;
    for (size_t i = 0; past != NULL && i < past->former_count; i++)
        note_former(&p->past, &past->former[i]);
    for (size_t i = 0; past != NULL && i < past->revoked_count; i++)
        p->past.revoked[p->past.revoked_count++] = past->revoked[i];
}

void keys_peer_described(struct daemon_peer *p, const struct description *description) {
    note_past(p, description->past);
    note_announced(p, description->has_next_key ? &description->next_key : &none);
}

void keys_peer_switched(struct daemon_peer *p) {
    struct daemon *d = p->daemon;
    const struct description_former former = former_now(d, &p->key);
    note_former(&p->past, &former);
    for (int ours = 0; ours < DAEMON_AGES; ours++) {
        free_seals(&p->seals[ours][DAEMON_IN_FORCE]);
        p->seals[ours][DAEMON_IN_FORCE] = p->seals[ours][DAEMON_OTHER];
        p->seals[ours][DAEMON_OTHER] = NULL;
    }
    p->key = p->next;
    p->hint = p->next_hint;
    p->has_next = p->revoked = false;
    p->announced = none;
    free(p->envelope); /* signed by the one before */
    p->envelope = NULL;
    struct policy_peer *policy = &d->policy->peers[p->index];
    p->outdated = !policy->found;
    policy->key = p->key;
    net_log(d->log, NET_LOG_INFO, "a peer has gone over to its next key",
            NET_TEXT("peer", p->name.text));
    daemon_step(d, &(struct core_event){.kind = CORE_PEER_REKEYED,
                                        .u.rekeyed = {.peer = p->index, .key = p->key}});
}

void keys_peer_follows(struct daemon_peer *p) {
    for (int theirs = 0; theirs < DAEMON_AGES; theirs++)
        free_seals(&p->seals[DAEMON_OTHER][theirs]);
}

/* ---- policies -------------------------------------------------------------------------------- */

static struct daemon_peer *peer_named(const struct daemon *d, const struct name *name) {
    for (uint32_t i = 0; i < d->peer_count; i++)
        if (name_equal(&d->peers[i]->name, name))
            return d->peers[i];
    return NULL;
}

static bool is_ahead(const struct daemon_peer *p, const struct policy_peer *named) {
    return p->has_next && public_key_equal(&named->key, &p->next);
}

static bool is_behind(const struct daemon_peer *p, const struct policy_peer *named) {
    return !public_key_equal(&named->key, &p->key) && is_former(&p->past, &named->key);
}

/* A file that is ahead of the peer waits for it; discovery has met whom it names. */
void keys_resolve(struct daemon *d, struct policy *policy) {
    for (uint32_t i = 0; i < policy->peer_count; i++) {
        struct policy_peer *named = &policy->peers[i];
        struct daemon_peer *p = peer_named(d, &named->name);
        if (p == NULL)
            continue;
        bool ahead = is_ahead(p, named), behind = is_behind(p, named);
        p->outdated = behind && !named->found;
        if (ahead && named->found)
            keys_peer_switched(p);
        if (ahead || behind)
            named->key = p->key;
    }
}

void keys_foresee(const struct daemon *d, struct policy *policy) {
    for (uint32_t i = 0; i < policy->peer_count; i++) {
        const struct daemon_peer *p = peer_named(d, &policy->peers[i].name);
        if (p != NULL && (is_ahead(p, &policy->peers[i]) || is_behind(p, &policy->peers[i])))
            policy->peers[i].key = p->key;
    }
}

static void next_told_to_nobody(struct daemon *d) {
    d->announced = d->policy->cluster.next_key;
    for (uint32_t i = 0; i < d->peer_count; i++)
        d->peers[i]->told_next = false;
}

static void close_revoked(struct daemon *d) {
    for (size_t i = 0; i < d->past.former_count; i++)
        if (keys_revoked(d, &d->past.former[i].key))
            d->former_opens = net_now();
}

void keys_policy_taken(struct daemon *d) {
    note_own_formers(d);
    close_revoked(d);
    if (!public_key_equal(&d->announced, &d->policy->cluster.next_key))
        next_told_to_nobody(d);
    for (uint32_t i = 0; i < d->peer_count; i++) {
        struct daemon_peer *p = d->peers[i];
        if (p->has_next && (keys_revoked(d, &p->next) || is_taken(d, p, &p->next)))
            forget_next(p);
        choose_next(p, &d->policy->peers[i]);
        if (keys_revoked(d, &p->key) && p->has_next)
            keys_peer_switched(p);
        p->revoked = keys_revoked(d, &p->key);
    }
}

/* ---- our own --------------------------------------------------------------------------------- */

/* With the new key towards each peer's two; false if memory is short. */
static bool derive_all(const struct daemon *d, const struct key_pair *pair,
                       struct daemon_seals *out[][DAEMON_AGES]) {
    for (uint32_t i = 0; i < d->peer_count; i++) {
        const struct daemon_peer *p = d->peers[i];
        if (derive(&out[i][DAEMON_IN_FORCE], pair, &p->key) != ERR_OK ||
            (p->has_next && derive(&out[i][DAEMON_OTHER], pair, &p->next) != ERR_OK))
            return false;
    }
    return true;
}

static void take_seals(struct daemon_peer *p, struct daemon_seals *fresh[DAEMON_AGES]) {
    for (int theirs = 0; theirs < DAEMON_AGES; theirs++) {
        free_seals(&p->seals[DAEMON_OTHER][theirs]);
        p->seals[DAEMON_OTHER][theirs] = p->seals[DAEMON_IN_FORCE][theirs];
        p->seals[DAEMON_IN_FORCE][theirs] = fresh[theirs];
    }
    p->told_next = false;
}

/* Who has not been told will take us for a stranger until its operator tells it. */
static void warn_of_the_untold(const struct daemon *d) {
    for (uint32_t i = 0; i < d->peer_count; i++)
        if (!d->peers[i]->told_next)
            net_log(d->log, NET_LOG_WARNING, "a peer may not know our next key",
                    NET_TEXT("peer", d->peers[i]->name.text));
}

enum err keys_switch(struct daemon *d, const struct key_pair *pair) {
    struct daemon_seals *fresh[POLICY_PEERS_MAX][DAEMON_AGES] = {{NULL}};
    struct net_identity *identity = NULL;
    bool good = derive_all(d, pair, fresh) && net_identity_new(&identity, pair) == ERR_OK &&
                net_http_server_rekey(d->control, identity) == ERR_OK;
    if (!good) {
        for (uint32_t i = 0; i < d->peer_count; i++)
            for (int theirs = 0; theirs < DAEMON_AGES; theirs++)
                free_seals(&fresh[i][theirs]);
        net_identity_free(identity);
        return ERR_NO_MEMORY;
    }
    warn_of_the_untold(d);
    const struct description_former former = former_now(d, &d->key.public_key);
    note_former(&d->past, &former);
    for (uint32_t i = 0; i < d->peer_count; i++)
        take_seals(d->peers[i], fresh[i]);
    net_identity_free(d->identity);
    d->identity = identity;
    d->key = *pair;
    d->hint = key_hint_of(&pair->public_key);
    d->former_opens = instant_add(net_now(), FORMER_OPENS);
    net_log(d->log, NET_LOG_INFO, "our own key is the one that was announced, from now on");
    daemon_step(d, &(struct core_event){.kind = CORE_REKEYED, .u.self = d->key.public_key});
    return ERR_OK;
}

void keys_describe(const struct daemon *d, struct description *out, struct description_past *past) {
    *past = (struct description_past){.former_count = 0};
    out->has_next_key = keys_announces(d);
    if (out->has_next_key)
        out->next_key = d->policy->cluster.next_key;
    for (size_t i = 0; i < d->past.former_count; i++)
        if (keys_revoked(d, &d->past.former[i].key))
            past->revoked[past->revoked_count++] = d->past.former[i].key;
        else
            past->former[past->former_count++] = d->past.former[i];
    out->past = past->former_count + past->revoked_count > 0 ? past : NULL;
}

/* ---- tickets --------------------------------------------------------------------------------- */

bool keys_revoked_of(const struct daemon *d, const struct description_past *past,
                     const struct public_key *key) {
    return keys_revoked(d, key) || is_in(past->revoked, past->revoked_count, key);
}

static size_t former_issuers(const struct daemon *d, const struct name *name,
                             const struct description_past *past, struct ticket_issuer *out) {
    int64_t skew_s = d->policy->limits.clock_skew.us / 1000000;
    size_t count = 0;
    for (size_t i = 0; i < past->former_count; i++) {
        const struct description_former *f = &past->former[i];
        if (keys_revoked_of(d, past, &f->key))
            out[count++] = ticket_issuer_revoked(name, &f->key);
        else if (f->until_s + skew_s > wall_s())
            out[count++] = (struct ticket_issuer){.cluster = *name,
                                                  .key = f->key,
                                                  .issued_until_s = f->switched_s,
                                                  .expires_until_s = f->until_s};
    }
    return count;
}

_Static_assert((POLICY_PEERS_MAX + 1) * (2 + DESCRIPTION_FORMER_MAX) <= NODE_ISSUERS_MAX,
               "every key of every peer fits");

/* Our own, and those of peers whose sessions the policy lets in. The next ones are among them: the
 * first ticket may be here before the word that the key has changed. */
size_t keys_issuers(const struct daemon *d, struct ticket_issuer *out) {
    const struct name *name = &d->policy->cluster.name;
    size_t count = 0;
    out[count++] = ticket_issuer_of(name, &d->key.public_key);
    if (keys_announces(d))
        out[count++] = ticket_issuer_of(name, &d->policy->cluster.next_key);
    count += former_issuers(d, name, &d->past, out + count);
    for (uint32_t i = 0; i < d->peer_count; i++) {
        const struct daemon_peer *p = d->peers[i];
        if (!d->policy->peers[i].accept_moves)
            continue;
        out[count++] = p->revoked ? ticket_issuer_revoked(&p->name, &p->key)
                                  : ticket_issuer_of(&p->name, &p->key);
        if (p->has_next)
            out[count++] = ticket_issuer_of(&p->name, &p->next);
        count += former_issuers(d, &p->name, &p->past, out + count);
    }
    return count + discovery_add_issuers(d, out + count, NODE_ISSUERS_MAX - count);
}
