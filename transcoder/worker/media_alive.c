#include "transcoder/worker/media_alive.h"

#include "peerd/net/clock.h"
#include "peerd/net/udp.h"
#include "peerd/wire/beat.h"
#include "peerd/wire/echo.h"
#include "transcoder/timeline/headless.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct backup {
    struct node_media_alive to;
    struct echo echo;
};

struct media_alive {
    struct net_loop *loop;
    struct net_log *log;
    struct net_udp *udp[2]; /* IPv4, IPv6; NULL where the system has none */
    struct net_timer timer;
    struct key_hint cluster;
    struct backup backups[NODE_MEDIA_ALIVE_MAX];
    size_t count;
    struct headless peerd;
    uint32_t sessions;
    bool beating;
};

static void beat(struct media_alive *m, struct backup *b, struct instant now) {
    struct beat beat = {.kind = BEAT_KIND_MEDIA_ALIVE,
                        .interval_ms = MEDIA_ALIVE_INTERVAL_MS,
                        .node = b->to.node,
                        .sessions = m->sessions};
    uint8_t nonce[BEAT_NONCE_BYTES], datagram[BEAT_LEN_MAX];
    struct net_udp *udp = m->udp[b->to.beats.family == 6];
    if (udp == NULL)
        return;
    echo_fill(&b->echo, &beat, now);
    net_entropy(nonce, sizeof(nonce));
    size_t len = beat_seal(datagram, sizeof(datagram), &beat, &m->cluster, &b->to.key, nonce);
    if (len > 0)
        net_udp_send(udp, &b->to.beats, datagram, len);
}

/* A backup answers each beat; ours prove life by echoing what it says (wire/echo.h). Its first
 * answer is echoed at once and not a beat later, because it is about to judge. That does not go
 * back and forth: the second answer is no candidate's any more. */
static void answer_received(struct media_alive *m, struct backup *b, const struct beat *in,
                            struct instant now) {
    struct echo_proof proof = echo_beat_received(&b->echo, in, now);
    if (m->beating && proof.result == ECHO_CANDIDATE)
        beat(m, b, now);
}

static void datagram_received(void *data, const struct net_datagram *d, struct instant now) {
    struct media_alive *m = data;
    struct beat in;
    for (size_t i = 0; i < m->count; i++) {
        struct backup *b = &m->backups[i];
        if (addr_equal(&d->from, &b->to.beats) &&
            beat_open(&in, d->data, d->len, &b->to.answer_key) == ERR_OK &&
            in.kind == BEAT_KIND_MEDIA_ALIVE) {
            answer_received(m, b, &in, now);
            return;
        }
    }
}

static void set_beating(struct media_alive *m, bool beating) {
    if (m->beating == beating)
        return;
    m->beating = beating;
    net_log(m->log, beating ? NET_LOG_WARNING : NET_LOG_INFO,
            beating ? "peerd is silent: telling the backups that media is alive"
                    : "peerd is back: it speaks for itself again",
            NET_NUMBER("backups", m->count), NET_NUMBER("sessions", m->sessions));
}

static void beat_if_headless(struct media_alive *m, struct instant now) {
    if (headless_is(&m->peerd, now) && m->sessions > 0 && m->count > 0)
        set_beating(m, true);
    for (size_t i = 0; m->beating && m->sessions > 0 && i < m->count; i++)
        beat(m, &m->backups[i], now);
}

static void timer_fired(void *data, struct instant now) {
    struct media_alive *m = data;
    beat_if_headless(m, now);
    net_timer_arm(&m->timer, instant_add(now, duration_ms(MEDIA_ALIVE_INTERVAL_MS)));
}

struct media_alive *media_alive_new(struct net_loop *loop, struct net_log *log) {
    struct media_alive *m = calloc(1, sizeof(*m));
    struct addr any4, any6;
    if (m == NULL)
        return NULL;
    m->loop = loop;
    m->log = log;
    headless_init(&m->peerd);
    if (addr_from_text(&any4, "0.0.0.0:0"))
        net_udp_bind(&m->udp[0], loop, &any4, datagram_received, m);
    if (addr_from_text(&any6, "[::]:0"))
        net_udp_bind(&m->udp[1], loop, &any6, datagram_received, m);
    net_timer_init(&m->timer, loop, timer_fired, m);
    net_timer_arm(&m->timer, instant_add(net_now(), duration_ms(MEDIA_ALIVE_INTERVAL_MS)));
    return m;
}

/* A backup is who holds its key, wherever it is to be found. */
static const struct backup *find(const struct media_alive *m, const struct node_media_alive *to) {
    for (size_t i = 0; i < m->count; i++)
        if (sodium_memcmp(m->backups[i].to.key.bytes, to->key.bytes, SEAL_KEY_BYTES) == 0)
            return &m->backups[i];
    return NULL;
}

static bool says_the_same(const struct backup *b, const struct node_media_alive *to) {
    return b != NULL && addr_equal(&b->to.beats, &to->beats) && b->to.node == to->node &&
           sodium_memcmp(b->to.answer_key.bytes, to->answer_key.bytes, SEAL_KEY_BYTES) == 0;
}

/* The usual answer repeats what the last one said. */
static bool same(const struct media_alive *m, const struct node_media_alive *backups,
                 size_t count) {
    if (count != m->count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!says_the_same(find(m, &backups[i]), &backups[i]))
            return false;
    return true;
}

/* A boot of its own: who comes back after having been forgotten heard numbers from us before. */
static void begin(struct echo *echo) {
    uint64_t boot = 0;
    while (boot == 0)
        net_entropy(&boot, sizeof(boot));
    echo_init(echo, boot);
}

void media_alive_peerd_heard(struct media_alive *m, struct duration poll,
                             const struct public_key *cluster,
                             const struct node_media_alive *backups, size_t count) {
    headless_answered(&m->peerd, poll, net_now());
    m->cluster = key_hint_of(cluster);
    set_beating(m, false);
    if (same(m, backups, count))
        return;
    struct backup *fresh = calloc(NODE_MEDIA_ALIVE_MAX, sizeof(*fresh));
    if (fresh == NULL)
        return;
    for (size_t i = 0; i < count; i++) {
        /* Numbering goes on where it was, or the backup would take our beats for replays. */
        const struct backup *old = find(m, &backups[i]);
        if (old != NULL)
            fresh[i] = *old;
        else
            begin(&fresh[i].echo);
        fresh[i].to = backups[i];
    }
    memcpy(m->backups, fresh, sizeof(m->backups));
    m->count = count;
    sodium_memzero(fresh, NODE_MEDIA_ALIVE_MAX * sizeof(*fresh));
    free(fresh);
}

/* Whoever beats already goes on in time. */
void media_alive_peerd_gone(struct media_alive *m) {
    headless_refused(&m->peerd);
    if (!m->beating)
        beat_if_headless(m, net_now());
}

void media_alive_sessions(struct media_alive *m, uint32_t sessions) {
    m->sessions = sessions;
}
