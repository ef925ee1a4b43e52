/*
 * A client's media socket: whatever its servers send, in whatever order, breaks no invariant of the
 * session behind it.
 *
 * An input is a list of records: kind, server, value, length (of RTP in units of five bytes), then
 * as many bytes. A nonce and a session id cannot be guessed, so two kinds of record are completed
 * with what only a server of this session knows; all else is the fuzzer's. 0 a datagram as it is 1
 * a message: kind from `value`, nonce and session filled in 2 RTP of a frame near the newest one,
 * `value` - 64 away      3 time passes; a message whose `value` has its highest bit set is an echo,
 * of one who was probed, or, with the next bit set as well, names others to probe, or, with the one
 * after that, other backups
 */
#include "peerd/net/clock.h"
#include "transcoder/client/client.h"
#include "transcoder/rtp/rtp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVERS      3
#define PROBED       2 /* beside them */
#define RTP_UNIT     5
#define DATAGRAM_MAX (255 * RTP_UNIT)

static void require(bool ok) {
    if (!ok)
        abort();
}

static struct name named(const char *text) {
    struct name n = {{0}};
    require(name_set(&n, text));
    return n;
}

/* Ports of discard and its neighbours: what the session sends goes nowhere. */
static struct addr place(uint16_t number) {
    return addr_ipv4((const uint8_t[]){127, 0, 0, 1}, (uint16_t)(9 + number));
}

static struct public_key key_of(uint8_t number) {
    uint8_t seed[KEY_BYTES] = {number};
    struct key_pair pair;
    key_pair_from_seed(&pair, seed);
    return pair.public_key;
}

static void fill_session(struct api_session_answer *s) {
    *s = (struct api_session_answer){.session = {{1, 2, 3}},
                                     .ticket = "v4.public.AAAA",
                                     .epoch = 1,
                                     .lease_ms = 5000,
                                     .expires_s = 2000000000,
                                     .cluster = named("fra1"),
                                     .cluster_key = key_of(1),
                                     .media = place(0),
                                     .backup_count = SERVERS - 1,
                                     .measures = true,
                                     .probe_count = PROBED,
                                     .rtp = {.encoding = "PCMU",
                                             .clock_rate_hz = 8000,
                                             .channels = 1,
                                             .frame_ms = FRAME_MS,
                                             .samples_per_frame = 160,
                                             .ssrc = 0x12345678,
                                             .seq0 = 65530,
                                             .ts0 = 0xffffff00}};
    s->backups[0] = (struct api_backup){named("ams1"), key_of(2), place(1)};
    s->backups[1] = (struct api_backup){named("lon1"), key_of(3), place(2)};
    s->probes[0] = (struct api_backup){named("par1"), key_of(4), place(3)};
    s->probes[1] = (struct api_backup){named("vie1"), key_of(5), place(4)};
}

static void frame_due(void *data, const struct peerclient_frame *frame) {
    uint64_t *next = data;
    require(frame->index == *next && frame->lost == (frame->payload == NULL));
    (*next)++;
}

static struct peerclient *open_client(uint64_t *next) {
    static const char *const clusters[] = {"http://127.0.0.1:1"};
    struct peerclient_config config = {.clusters = clusters,
                                       .cluster_count = 1,
                                       .service = "radio",
                                       .profile = "pcmu",
                                       .source = "robot",
                                       .protection = "hot",
                                       .bind_ip = "127.0.0.1",
                                       .frame = frame_due,
                                       .data = next};
    uint8_t seed[KEY_BYTES] = {9};
    struct peerclient *c = peerclient_new(&config, NULL, 0);
    require(c != NULL);
    key_pair_from_seed(&c->key, seed);
    fill_session(&c->session);
    client_session_opened(c);
    require(c->opened);
    return c;
}

/* What only a server of this session knows: the nonce of a question, and the session's id. */
static void complete(struct peerclient *c, uint8_t server, uint8_t value, uint8_t *d, size_t len) {
    const struct path *path = &c->witness.servers[server].path;
    uint64_t nonce = path->pending[value >> 3 & 15].nonce;
    if (len < 12)
        return;
    d[0] = MESSAGE_FIRST_BYTE;
    d[1] = 3;
    d[2] = (uint8_t)(1 + (value & 7));
    if ((value & 0x80) != 0) {
        d[2] = MESSAGE_ECHO;
        nonce = c->prober.nonce;
    }
    if ((value & 0xe0) == 0xa0) {
        d[2] = MESSAGE_BACKUPS;
        nonce = c->witness.reported[value & 1];
    }
    if ((value & 0xc0) == 0xc0) {
        d[2] = MESSAGE_NAMED;
        nonce = c->prober.tell_nonce;
    }
    d[3] = 0;
    for (int i = 0; i < 8; i++)
        d[4 + i] = (uint8_t)(nonce >> (56 - 8 * i));
    if (d[2] != MESSAGE_COOKIE && len >= 12 + SESSION_ID_BYTES)
        memcpy(d + 12, c->session.session.bytes, SESSION_ID_BYTES);
}

static size_t packet(struct peerclient *c, uint8_t value, uint8_t *d, size_t len) {
    uint8_t out[DATAGRAM_MAX + RTP_HEADER_BYTES];
    uint64_t near = witness_frame_near(&c->witness) + value;
    uint64_t frame = near > 64 ? near - 64 : 0;
    const struct rtp_packet p = {.payload_type = c->session.rtp.payload_type,
                                 .seq = position_seq(&c->position, frame),
                                 .timestamp = position_timestamp(&c->position, frame),
                                 .ssrc = c->position.ssrc,
                                 .payload = d,
                                 .payload_len = len};
    size_t out_len = rtp_encode(out, sizeof(out), &p);
    memcpy(d, out, out_len);
    return out_len;
}

static void feed(struct peerclient *c, const uint8_t head[4], const uint8_t *bytes, size_t len) {
    uint8_t d[DATAGRAM_MAX + RTP_HEADER_BYTES];
    uint8_t server = head[1] % SERVERS;
    memcpy(d, bytes, len);
    switch (head[0] & 3) {
    case 0:
        break;
    case 1:
        complete(c, server, head[2], d, len);
        break;
    case 2:
        len = packet(c, head[2], d, len);
        break;
    case 3:
        if (c->end != PEERCLIENT_END_NONE)
            return;
        c->prober.next_at = instant_min(c->prober.next_at, net_now()); /* nobody waits a second */
        c->prober.tell_at = instant_min(c->prober.tell_at, net_now());
        client_step(c, &(struct witness_event){.kind = WITNESS_TICKED});
        return;
    }
    struct instant now = net_now();
    struct net_datagram datagram = {.from = place(server), .data = d, .len = len, .at = now};
    if ((head[0] & 3) == 1 && (head[2] & 0xc0) == 0xc0) {
        datagram.from = c->prober.told_to;
    } else if ((head[0] & 3) == 1 && (head[2] & 0x80) != 0) {
        datagram.from = c->prober.targets[c->prober.asked].media;
        if (len >= 12 + KEY_HINT_BYTES && (head[1] & 0x40) == 0)
            memcpy(d + 12, c->prober.targets[c->prober.asked].hint.bytes, KEY_HINT_BYTES);
    }
    if ((head[1] & 0x80) != 0)
        datagram.from.port = 4711; /* a stranger's */
    arrivals_datagram(c, &datagram, now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint64_t next = 0;
    struct peerclient *c = open_client(&next);
    struct peerclient_report report;
    while (size >= 4) {
        size_t len = (size_t)data[3] * ((data[0] & 3) == 2 ? RTP_UNIT : 1);
        len = len < size - 4 ? len : size - 4;
        feed(c, data, data + 4, len);
        data += 4 + len;
        size -= 4 + len;
        witness_check_invariants(&c->witness);
        playout_check_invariants(&c->playout);
        prober_check_invariants(&c->prober);
    }
    peerclient_report(c, &report);
    require(report.frames_expected == report.frames_played + report.frames_lost);
    require(report.frames_expected == next);
    client_finish(c, PEERCLIENT_END_CLOSED, "");
    peerclient_free(c);
    return 0;
}
