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

/* A search for a media-alive's key tries up to 32 of them, 16 µs: at most 2,000 a second and peer
 * are 3 % of a core, and a second's worth of nodes that begin to beat at once is within it. */
#define SEARCH_EVERY duration_us(500)
#define SEARCH_BURST duration_ms(100)

_Static_assert(POLICY_NODES_MAX <= 32, "daemon_peer.nodes_heard has a bit for each node");

/* Whose, and by which of its keys. */
static struct daemon_peer *peer_by_hint(struct daemon *d, const struct key_hint *hint,
                                        enum daemon_age *theirs) {
    for (uint32_t i = 0; i < d->peer_count; i++) {
        struct daemon_peer *p = d->peers[i];
        *theirs = key_hint_equal(&p->hint, hint) ? DAEMON_IN_FORCE : DAEMON_OTHER;
        if (*theirs == DAEMON_IN_FORCE || (p->has_next && key_hint_equal(&p->next_hint, hint)))
            return p;
    }
    return NULL;
}

/* ---- opening ---- */

static enum err try_node(struct daemon_peer *p, const struct daemon_seals *seals, uint32_t node,
                         const struct net_datagram *datagram, struct beat *out) {
    enum err err = beat_open(out, datagram->data, datagram->len, &seals->nodes[node].alive_in);
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
static enum err open_media_alive(struct daemon_peer *p, const struct daemon_seals *seals,
                                 const struct net_datagram *datagram, struct beat *out,
                                 struct instant now) {
    uint32_t heard = p->nodes_heard;
    for (uint32_t node = 0; node < POLICY_NODES_MAX; node++) {
        if ((heard >> node & 1) == 0)
            continue;
        enum err err = try_node(p, seals, node, datagram, out);
        if (err != ERR_BAD_SEAL)
            return err;
    }
    if (!may_search(p, now))
        return ERR_BUDGET;
    for (uint32_t node = 0; node < POLICY_NODES_MAX; node++) {
        if ((heard >> node & 1) != 0)
            continue;
        enum err err = try_node(p, seals, node, datagram, out);
        if (err != ERR_BAD_SEAL)
            return err;
    }
    return ERR_BAD_SEAL;
}

/* With our key in force or, for a while, the one before; sets which. */
static enum err open_beat(struct daemon_peer *p, enum beat_kind kind, enum daemon_age theirs,
                          const struct net_datagram *datagram, struct beat *out, struct instant now,
                          enum daemon_age *ours) {
    enum err err = ERR_BAD_SEAL;
    bool former_too = !instant_reached(now, p->daemon->former_opens);
    for (*ours = DAEMON_IN_FORCE; *ours < (former_too ? DAEMON_AGES : DAEMON_OTHER); ++*ours) {
        const struct daemon_seals *seals = p->seals[*ours][theirs];
        if (seals == NULL)
            continue;
        err = kind == BEAT_KIND_MEDIA_ALIVE
                  ? open_media_alive(p, seals, datagram, out, now)
                  : beat_open(out, datagram->data, datagram->len, &seals->open);
        if (err != ERR_BAD_SEAL)
            return err;
    }
    return err;
}

/* It holds the key under which this opened, and knows the one of ours for which it is sealed. */
static void note_keys(struct daemon_peer *p, enum daemon_age ours, enum daemon_age theirs) {
    if (theirs == DAEMON_OTHER)
        keys_peer_switched(p);
    if (ours == DAEMON_IN_FORCE)
        keys_peer_follows(p);
}

static void received(void *data, const struct net_datagram *datagram, struct instant now) {
    struct daemon *d = data;
    enum beat_kind kind;
    enum daemon_age ours = DAEMON_IN_FORCE, theirs = DAEMON_IN_FORCE;
    struct key_hint hint;
    struct beat beat;
    enum err err = beat_peek(datagram->data, datagram->len, &kind, &hint);
    struct daemon_peer *p = err == ERR_OK ? peer_by_hint(d, &hint, &theirs) : NULL;
    if (err == ERR_OK && p == NULL) {
        d->counters.datagrams_foreign++;
        return;
    }
    if (err == ERR_OK && p->revoked && theirs == DAEMON_IN_FORCE)
        err = ERR_DENIED;
    if (err == ERR_OK)
        err = open_beat(p, kind, theirs, datagram, &beat, now, &ours);
    if (err != ERR_OK) {
        d->counters.datagrams_bad[err]++;
        return;
    }
    note_keys(p, ours, theirs);
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
    const struct daemon_seals *seals = p->seals[DAEMON_IN_FORCE][DAEMON_IN_FORCE];
    const struct seal_key *key = &seals->seal;
    uint8_t datagram[BEAT_LEN_MAX];
    if (addr_is_none(to))
        return; /* not resolved yet: to the peer this is a beat lost on the way */
    if (send->beat.kind == BEAT_KIND_MEDIA_ALIVE)
        key = &seals->nodes[send->beat.node].answer_out; /* a number that opened, so one of ours */
    size_t len = beat_seal(datagram, sizeof(datagram), &send->beat, &d->hint, key, fresh_nonce(d));
    if (len > 0)
        net_udp_send(d->beats, to, datagram, len);
}
