/*
 * Beats on the wire: a datagram comes in, is opened under the key of the peer that its hint names,
 * and becomes an event; an intention is sealed under a fresh nonce and leaves in the same turn.
 *
 * The hint only selects a key to try. Nothing of a datagram is believed, and no state touched,
 * before its seal has opened. What cannot be opened is counted by reason and dropped without an
 * answer: a stranger learns nothing, not even that somebody listens.
 */
#include "peerd/io/daemon.h"
#include "peerd/net/clock.h"

#include <sodium.h>

/* A search for a media-alive's key tries up to 32 of them, 16 µs: at most 2,000 a second and peer
 * are 3 % of a core, and a second's worth of nodes that begin to beat at once is within it. */
#define SEARCH_EVERY duration_us(500)
#define SEARCH_BURST duration_ms(100)

_Static_assert(POLICY_NODES_MAX <= 32, "daemon_peer.nodes_heard has a bit for each node");

static struct daemon_peer *peer_by_hint(struct daemon *d, const struct key_hint *hint) {
    for (uint32_t i = 0; i < d->peer_count; i++)
        if (key_hint_equal(&d->peers[i]->hint, hint))
            return d->peers[i];
    return NULL;
}

/* ---- keys ---- */

/* One X25519 a peer, then a hash a key: 64 peers take some 10 ms, which a reload may. */
enum err beats_keys(struct daemon *d, struct daemon_peer *p) {
    struct seal_secret secret;
    enum err err = seal_secret_derive(&secret, &d->key, &p->key);
    if (err != ERR_OK)
        return err;
    const struct public_key *me = &d->key.public_key;
    seal_key_from(&p->seal, &secret, me, &p->key, true, SEAL_PURPOSE_BEAT, 0);
    seal_key_from(&p->open, &secret, me, &p->key, false, SEAL_PURPOSE_BEAT, 0);
    for (uint32_t n = 0; n < POLICY_NODES_MAX; n++) {
        struct daemon_node_keys *k = &p->nodes[n];
        seal_key_from(&k->alive_in, &secret, me, &p->key, false, SEAL_PURPOSE_MEDIA_ALIVE, n);
        seal_key_from(&k->alive_out, &secret, me, &p->key, true, SEAL_PURPOSE_MEDIA_ALIVE, n);
        seal_key_from(&k->answer_in, &secret, me, &p->key, false, SEAL_PURPOSE_MEDIA_ANSWER, n);
        seal_key_from(&k->answer_out, &secret, me, &p->key, true, SEAL_PURPOSE_MEDIA_ANSWER, n);
    }
    sodium_memzero(&secret, sizeof(secret));
    return ERR_OK;
}

/* ---- opening ---- */

static enum err try_node(struct daemon_peer *p, uint32_t node, const struct net_datagram *datagram,
                         struct beat *out) {
    enum err err = beat_open(out, datagram->data, datagram->len, &p->nodes[node].alive_in);
    if (err == ERR_OK && out->node != node)
        return ERR_BAD_FIELD;
    if (err == ERR_OK)
        p->nodes_heard |= UINT32_C(1) << node;
    return err;
}

/* False if this peer's budget of searches is spent. A token bucket kept as the instant up to which
 * its content has been used. */
static bool may_search(struct daemon_peer *p, struct instant now) {
    struct instant full = instant_sub(now, SEARCH_BURST);
    if (instant_before(p->search_paid_for, full))
        p->search_paid_for = full;
    if (instant_before(now, p->search_paid_for))
        return false;
    p->search_paid_for = instant_add(p->search_paid_for, SEARCH_EVERY);
    return true;
}

/* A media-alive is sealed under its node's own key, and which node it is stands inside the seal; so
 * each number that a cluster can have given out is tried, which tells an eavesdropper less than a
 * clear number would. A try is 0.5 µs, but a stranger who has seen the hint can ask for 32 of them
 * with each datagram: nodes that were heard before are tried first and always, the others within a
 * budget. */
static enum err open_media_alive(struct daemon_peer *p, const struct net_datagram *datagram,
                                 struct beat *out, struct instant now) {
    uint32_t heard = p->nodes_heard;
    for (uint32_t node = 0; node < POLICY_NODES_MAX; node++) {
        if ((heard >> node & 1) == 0)
            continue;
        enum err err = try_node(p, node, datagram, out);
        if (err != ERR_BAD_SEAL)
            return err;
    }
    if (!may_search(p, now))
        return ERR_BUDGET;
    for (uint32_t node = 0; node < POLICY_NODES_MAX; node++) {
        if ((heard >> node & 1) != 0)
            continue;
        enum err err = try_node(p, node, datagram, out);
        if (err != ERR_BAD_SEAL)
            return err;
    }
    return ERR_BAD_SEAL;
}

static void received(void *data, const struct net_datagram *datagram, struct instant now) {
    struct daemon *d = data;
    enum beat_kind kind;
    struct key_hint hint;
    struct beat beat;
    enum err err = beat_peek(datagram->data, datagram->len, &kind, &hint);
    struct daemon_peer *p = err == ERR_OK ? peer_by_hint(d, &hint) : NULL;
    if (err == ERR_OK && p == NULL) {
        d->counters.datagrams_foreign++;
        return;
    }
    if (err == ERR_OK && kind == BEAT_KIND_MEDIA_ALIVE)
        err = open_media_alive(p, datagram, &beat, now);
    else if (err == ERR_OK)
        err = beat_open(&beat, datagram->data, datagram->len, &p->open);
    if (err != ERR_OK) {
        d->counters.datagrams_bad[err]++;
        return;
    }
    daemon_step(d, &(struct core_event){
                       .kind = CORE_BEAT_RECEIVED,
                       .u.beat = {.peer = p->index, .from = datagram->from, .beat = &beat}});
}

enum err beats_open(struct daemon *d) {
    char text[ADDR_TEXT_LEN_MAX + 1];
    const struct addr *bind_to = &d->policy->beats.bind;
    d->hint = key_hint_of(&d->key.public_key);
    enum err err = net_udp_bind(&d->beats, d->loop, bind_to, received, d);
    if (err != ERR_OK)
        net_logf(d->log, NET_LOG_ERROR, "beats.bind %s: cannot listen: %m",
                 addr_to_text(bind_to, text));
    return err;
}

static const uint8_t *fresh_nonce(struct daemon *d) {
    if (d->nonces_left == 0) {
        net_entropy(d->nonces, sizeof(d->nonces));
        d->nonces_left = DAEMON_NONCES;
    }
    return d->nonces[--d->nonces_left];
}

void beats_send(struct daemon *d, const struct core_send_beat *send) {
    struct daemon_peer *p = daemon_peer_at(d, send->peer);
    const struct addr *to = addr_is_none(&send->to) ? &p->beats.addr : &send->to;
    const struct seal_key *key = &p->seal;
    uint8_t datagram[BEAT_LEN_MAX];
    if (addr_is_none(to))
        return; /* not resolved yet: to the peer this is a beat lost on the way */
    if (send->beat.kind == BEAT_KIND_MEDIA_ALIVE)
        key = &p->nodes[send->beat.node].answer_out; /* a number that opened, so one of ours */
    size_t len = beat_seal(datagram, sizeof(datagram), &send->beat, &d->hint, key, fresh_nonce(d));
    if (len > 0)
        net_udp_send(d->beats, to, datagram, len);
}
