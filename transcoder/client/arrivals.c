/*
 * Arrivals: what comes in on the media socket, sorted by its first byte (RFC 7983) and by who sent
 * it. Only servers of this session are listened to; everybody else is counted and ignored.
 */
#include "transcoder/client/client.h"
#include "transcoder/rtp/rtp.h"
#include "transcoder/rtp/rtx.h"

/* Sent again on request: for the buffer, but no word on how the path is. */
static void again_arrived(struct peerclient *c, uint8_t server, const struct rtp_packet *packet,
                          uint64_t frame, const struct net_datagram *d) {
    playout_insert_again(&c->playout, server, frame, packet->payload, packet->payload_len, d->at);
    client_step(c, &(struct witness_event){.kind = WITNESS_PACKET_HEARD, .server = server});
}

static void media_arrived(struct peerclient *c, uint8_t server, const struct net_datagram *d) {
    const struct api_rtp *rtp = &c->session.rtp;
    struct rtp_packet packet;
    uint64_t frame = 0;
    bool whole = rtp_decode(&packet, d->data, d->len) == ERR_OK;
    bool again = whole && rtx_decode(&packet, &packet, rtp->payload_type, c->position.ssrc);
    if (!whole || packet.payload_type != rtp->payload_type ||
        !position_frame(&c->position, packet.ssrc, packet.seq, packet.timestamp,
                        witness_frame_near(&c->witness), &frame)) {
        c->foreign++;
        return;
    }
    if (again) {
        again_arrived(c, server, &packet, frame, d);
        return;
    }
    if (c->stats_of != c->witness.serving) {
        /* Another server, another path: RFC 3550 statistics are of one stream. */
        rtp_stats_init(&c->stats, c->session.rtp.clock_rate_hz);
        c->stats_of = c->witness.serving;
    }
    if (server == c->stats_of)
        rtp_stats_received(&c->stats, packet.seq, packet.timestamp, d->at);
    struct witness_event event = {.kind = WITNESS_FRAME_ARRIVED, .server = server};
    event.u.media.frame = frame;
    event.u.media.result =
        playout_insert(&c->playout, server, frame, packet.payload, packet.payload_len, d->at);
    client_step(c, &event);
}

static void report_arrived(struct peerclient *c, uint8_t server, const struct net_datagram *d) {
    struct rtcp_report report;
    if (rtcp_decode(&report, d->data, d->len) != ERR_OK) {
        c->foreign++;
        return;
    }
    if (report.is_sender && server == c->stats_of)
        rtp_stats_sr_received(&c->stats, report.ntp, d->at);
    client_step(c, &(struct witness_event){.kind = WITNESS_PACKET_HEARD, .server = server});
}

/* What answers nothing that was asked tells nothing of passes either: whoever does not see our
 * packets could make us sign, and a herd of us with it. */
static void heed_passes(struct peerclient *c, uint8_t server, const struct message *m,
                        const struct net_datagram *d) {
    bool answers = m->kind == MESSAGE_GRANT || m->kind == MESSAGE_REFUSE || m->kind == MESSAGE_ACK;
    if (!answers || !path_waits(&c->witness.servers[server].path, m->nonce))
        return;
    passes_heard(&c->passes, &d->from, d->at);
    if (m->kind == MESSAGE_REFUSE && m->u.refuse.error == ERR_BAD_COOKIE)
        passes_forget(&c->passes, &d->from);
}

static void message_arrived(struct peerclient *c, uint8_t server, const struct net_datagram *d) {
    struct message m;
    if (message_decode(&m, d->data, d->len) != ERR_OK) {
        c->foreign++;
        return;
    }
    struct witness_event event = {.server = server, .nonce = m.nonce};
    heed_passes(c, server, &m, d);
    switch (m.kind) {
    case MESSAGE_COOKIE:
        if (passes_cookie(&c->passes, &d->from, m.nonce, &m.u.cookie.cookie, d->at)) {
            departures_knock(c, server, d->at);
            return;
        }
        event.kind = WITNESS_COOKIE_RECEIVED;
        event.u.cookie = m.u.cookie;
        break;
    case MESSAGE_GRANT:
        event.kind = WITNESS_GRANTED;
        event.u.grant = m.u.grant;
        break;
    case MESSAGE_REFUSE:
        event.kind = WITNESS_REFUSED;
        event.u.refuse = m.u.refuse;
        break;
    case MESSAGE_ACK:
        event.kind = WITNESS_ACKNOWLEDGED;
        event.u.ack = m.u.ack;
        break;
    case MESSAGE_NOTICE:
        if (!session_id_equal(&m.u.notice.session, &c->session.session)) {
            c->foreign++;
            return;
        }
        event.kind = WITNESS_NOTICED;
        event.u.notice = m.u.notice;
        break;
    case MESSAGE_BACKUPS:
        event.kind = WITNESS_BACKUPS_TOLD;
        event.u.backups = m.u.named;
        break;
    case MESSAGE_NAMED:
        c->foreign += !probing_named(c, &m, d);
        return;
    case MESSAGE_PASS:
        c->foreign +=
            passes_told(&c->passes, &d->from, m.nonce, &m.u.pass, &c->key, d->at) != ERR_OK;
        return;
    case MESSAGE_HELLO:
    case MESSAGE_RESUME:
    case MESSAGE_REPORT:
    case MESSAGE_PROBE:
    case MESSAGE_KNOCK:
    case MESSAGE_TRIPS: /* servers do not ask … */
    case MESSAGE_ECHO:  /* … and are not probed */
        c->foreign++;
        return;
    }
    client_step(c, &event);
}

void arrivals_datagram(void *data, const struct net_datagram *d, struct instant now) {
    struct peerclient *c = data;
    (void)now;
    if (c->end != PEERCLIENT_END_NONE)
        return;
    uint8_t server = witness_server_find(&c->witness, &d->from);
    if (server == WITNESS_SERVER_NONE || d->len == 0) {
        c->foreign += !probing_datagram(c, d);
        return;
    }
    if (d->data[0] == MESSAGE_FIRST_BYTE) {
        message_arrived(c, server, d);
        return;
    }
    switch (rtp_kind(d->data, d->len)) {
    case RTP_KIND_RTP:
        media_arrived(c, server, d);
        return;
    case RTP_KIND_RTCP:
        report_arrived(c, server, d);
        return;
    case RTP_KIND_NEITHER:
        c->foreign++;
        return;
    }
}
