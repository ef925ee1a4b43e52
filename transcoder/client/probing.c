/*
 * Probing: the prober's packets as datagrams, its answers, and what it knows for the report.
 */
#include "peerd/net/clock.h"
#include "transcoder/client/client.h"

#include <stdio.h>

void probing_begin(struct peerclient *c) {
    const struct api_session_answer *s = &c->session;
    struct witness_address targets[API_PROBES_MAX];
    uint64_t seed = 0;
    net_entropy(&seed, sizeof(seed));
    for (uint8_t i = 0; i < s->probe_count; i++)
        targets[i] = (struct witness_address){s->probes[i].cluster, key_hint_of(&s->probes[i].key),
                                              s->probes[i].media};
    prober_init(&c->prober, targets, s->probe_count, seed, net_now());
}

static void send_to(struct peerclient *c, const struct addr *to, const struct message *m) {
    uint8_t datagram[MESSAGE_LEN_MAX];
    size_t len = message_encode(datagram, sizeof(datagram), m, &c->key);
    if (len > 0)
        net_udp_send(c->udp, to, datagram, len);
}

void probing_due(struct peerclient *c, struct instant now) {
    struct prober_out out;
    if (!c->session.measures)
        return;
    prober_ticked(&c->prober, &c->witness, now, &out);
    if (out.probes)
        send_to(c, &out.to, &out.probe);
    if (out.tells)
        send_to(c, &c->witness.servers[out.server].address.media, &out.trips);
}

struct instant probing_deadline(const struct peerclient *c) {
    return c->session.measures ? prober_deadline(&c->prober) : INSTANT_NEVER;
}

bool probing_datagram(struct peerclient *c, const struct net_datagram *d) {
    struct message m;
    return c->session.measures && prober_find(&c->prober, &d->from) < PROBER_TARGETS_MAX &&
           message_decode(&m, d->data, d->len) == ERR_OK && m.kind == MESSAGE_ECHO &&
           prober_echoed(&c->prober, &d->from, m.nonce, &m.u.echo.cluster, d->at);
}

bool probing_named(struct peerclient *c, const struct message *m, const struct net_datagram *d) {
    return c->session.measures &&
           prober_named(&c->prober, &c->witness, &d->from, m->nonce, &m->u.named, d->at);
}

/* ---- the report ------------------------------------------------------------------------------ */

static void add(struct peerclient_report *out, const struct name *cluster, const char *role,
                struct duration rtt, uint32_t samples) {
    struct peerclient_trip *t = &out->trips[out->trip_count];
    if (out->trip_count == PEERCLIENT_TRIPS_MAX)
        return;
    out->trip_count++;
    t->rtt_ms = duration_is_endless(rtt) ? 0 : (double)rtt.us / 1000;
    t->samples = t->rtt_ms > 0 ? samples : 0;
    t->role = role;
    snprintf(t->cluster, sizeof(t->cluster), "%s", cluster->text);
}

void probing_report(const struct peerclient *c, struct peerclient_report *out) {
    const struct prober *p = &c->prober;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++) {
        const struct witness_server *s = &c->witness.servers[i];
        if (s->role != WITNESS_ROLE_FREE)
            add(out, &s->address.name, i == c->witness.serving ? "serving" : "backup",
                s->path.rtt_smooth, s->path.hellos_answered);
    }
    for (size_t i = 0; c->session.measures && i < p->probe.count; i++)
        add(out, &p->targets[i].name, "candidate", prober_rtt(p, i), p->probe.targets[i].samples);
    out->probes_sent = p->stats.sent;
    out->probes_answered = p->stats.answered;
}
