/*
 * Departures: intentions of the witness as datagrams. Resumes and reports are proved by a pass of
 * their server, or signed with the key of this session; each report goes with an RTCP receiver
 * report on the same port (RFC 5761).
 */
#include "peerd/net/clock.h"
#include "transcoder/client/client.h"

#include <stdio.h>
#include <string.h>

static const struct addr *place_of(const struct peerclient *c, const struct witness_out *out) {
    return &c->witness.servers[out->server].address.media;
}

static void send_message(struct peerclient *c, const struct witness_out *out, struct message *m) {
    uint8_t datagram[MESSAGE_LEN_MAX];
    const struct pass *pass =
        m->kind == MESSAGE_HELLO ? NULL : passes_of(&c->passes, place_of(c, out), c->clock.at);
    m->nonce = out->nonce;
    size_t len = pass != NULL ? message_encode_passed(datagram, sizeof(datagram), m, pass)
                              : message_encode(datagram, sizeof(datagram), m, &c->key);
    if (len == 0)
        return;
    net_udp_send(c->udp, place_of(c, out), datagram, len);
    if (pass != NULL)
        passes_used(&c->passes, place_of(c, out), c->clock.at);
}

/* In calm, so that nobody is asked for that in haste. */
void departures_knock(struct peerclient *c, uint8_t server, struct instant now) {
    const struct witness_address *to = &c->witness.servers[server].address;
    uint8_t datagram[MESSAGE_KNOCK_LEN];
    struct message m = {.kind = MESSAGE_KNOCK,
                        .u.knock = {.target = to->hint, .client = c->key.public_key}};
    net_entropy(&m.nonce, sizeof(m.nonce));
    m.nonce |= 1; /* it is not 0 */
    if (c->witness.state != WITNESS_FOLLOWING ||
        !passes_wants(&c->passes, &to->media, m.nonce, now, &m.u.knock.cookie))
        return;
    size_t len = message_encode(datagram, sizeof(datagram), &m, NULL);
    net_udp_send(c->udp, &to->media, datagram, len);
}

static void send_receiver_report(struct peerclient *c, const struct witness_out *out,
                                 struct instant now) {
    uint8_t datagram[RTCP_LEN_MAX];
    struct rtcp_report report = {.ssrc = c->own_ssrc, .block_count = 1};
    if (c->stats_of != out->server || !c->stats.started)
        return;
    rtp_stats_block(&c->stats, &report.blocks[0], c->position.ssrc, now);
    int64_t depth_ms = duration_in_ms(c->playout.config.depth);
    report.playout =
        (struct rtcp_playout){.depth_ms = (uint16_t)(depth_ms < UINT16_MAX ? depth_ms : UINT16_MAX),
                              .burst_x16 = c->playout.stats.burst_x16};
    snprintf(report.cname, sizeof(report.cname), "%s", c->cname);
    size_t len = rtcp_encode(datagram, sizeof(datagram), &report);
    if (len > 0)
        net_udp_send(c->udp, place_of(c, out), datagram, len);
}

/* RFC 4585 lets feedback go at once; the figures of the next report are not begun anew for it. */
static void send_nack(struct peerclient *c, const struct witness_out *out) {
    uint8_t datagram[RTCP_LEN_MAX];
    struct rtcp_report report = {.ssrc = c->own_ssrc, .nack_ssrc = c->position.ssrc};
    for (unsigned i = 0; i < NACK_FRAMES_MAX; i++)
        if ((out->u.nack.missing >> i & 1) != 0)
            rtcp_nack_add(&report, position_seq(&c->position, out->u.nack.from + i));
    snprintf(report.cname, sizeof(report.cname), "%s", c->cname);
    size_t len = rtcp_encode(datagram, sizeof(datagram), &report);
    if (len > 0)
        net_udp_send(c->udp, place_of(c, out), datagram, len);
}

static uint32_t clamp_u32(uint64_t v) {
    return v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

static void send_report(struct peerclient *c, const struct witness_out *out) {
    struct message m;
    const struct playout_stats *s = &c->playout.stats;
    witness_report_fill(&m, &c->witness, out);
    m.u.report.expected = clamp_u32(s->expected);
    m.u.report.lost_before = clamp_u32(s->lost_before);
    m.u.report.lost_after = clamp_u32(s->lost);
    m.u.report.jitter_us = clamp_u32((uint64_t)rtp_stats_jitter_time(&c->stats).us);
    send_message(c, out, &m);
}

void departures_send(struct peerclient *c, const struct witness_out *out) {
    struct message m;
    switch (out->kind) {
    case WITNESS_SEND_HELLO:
        memset(&m, 0, sizeof(m));
        m.kind = MESSAGE_HELLO;
        send_message(c, out, &m);
        departures_knock(c, out->server, c->clock.at);
        return;
    case WITNESS_SEND_RESUME:
        witness_resume_fill(&m, &c->witness, out, c->session.ticket, strlen(c->session.ticket));
        send_message(c, out, &m);
        return;
    case WITNESS_SEND_REPORT:
        send_report(c, out);
        send_receiver_report(c, out, c->clock.at);
        departures_knock(c, out->server, c->clock.at);
        return;
    case WITNESS_SEND_NACK:
        send_nack(c, out);
        return;
    case WITNESS_MOVED:
    case WITNESS_SESSION_ENDED:
        return; /* client.c's */
    }
}
