#include "test/lib/media_client.h"

#include "peerd/net/clock.h"
#include "peerd/net/sockaddr.h"
#include "transcoder/rtp/rtp.h"

#include <assert.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void media_client_open(struct media_client *c, const struct addr *server,
                       const struct key_hint *target) {
    struct sockaddr_storage sa;
    uint8_t seed[KEY_BYTES];
    memset(c, 0, sizeof(*c));
    c->server = *server;
    c->target = *target;
    net_entropy(seed, sizeof(seed));
    key_pair_from_seed(&c->key, seed);
    net_entropy(&c->session, sizeof(c->session));
    c->fd = socket(server->family == 6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert(c->fd >= 0);
    socklen_t len = net_sockaddr_from_addr(&sa, server);
    int connected = connect(c->fd, (struct sockaddr *)&sa, len);
    assert(connected == 0);
    (void)connected;
}

void media_client_close(struct media_client *c) {
    close(c->fd);
}

void media_client_ticket(struct media_client *c, const struct ticket *ticket,
                         const struct key_pair *issuer, uint32_t samples) {
    c->ticket = *ticket;
    c->ticket.session = c->session;
    c->ticket.client = c->key.public_key;
    c->token_len = ticket_sign(c->token, &c->ticket, issuer);
    assert(c->token_len > 0);
    c->position = position_of_leg(&c->ticket.legs[0], samples);
}

void media_client_send(struct media_client *c, const void *data, size_t len) {
    /* A port that is closed for a moment answers with ICMP, which is not a test's business. */
    if (send(c->fd, data, len, 0) < 0)
        send(c->fd, data, len, 0);
}

/* ---- receiving ------------------------------------------------------------------------------- */

static void rtp_received(struct media_client *c, const uint8_t *data, size_t len) {
    struct rtp_packet p;
    uint64_t frame;
    if (rtp_decode(&p, data, len) != ERR_OK ||
        !position_frame(&c->position, p.ssrc, p.seq, p.timestamp, media_client_end(c), &frame) ||
        frame >= MEDIA_CLIENT_FRAMES_MAX) {
        c->strangers++;
        return;
    }
    struct media_client_frame *f = &c->frames[frame];
    size_t kept = p.payload_len < sizeof(f->payload) ? p.payload_len : sizeof(f->payload);
    c->payload_type = p.payload_type;
    c->received++;
    if (f->copies++ == 0) {
        f->first = net_now();
        f->len = (uint16_t)p.payload_len;
        memcpy(f->payload, p.payload, kept);
    } else if (f->len != p.payload_len || memcmp(f->payload, p.payload, kept) != 0) {
        f->differs = true;
    }
}

/* True if it was an answer, to be looked at by whoever asked. */
static bool datagram_received(struct media_client *c, const uint8_t *data, size_t len,
                              struct message *answer) {
    if (len > 0 && data[0] == MESSAGE_FIRST_BYTE) {
        if (message_decode(answer, data, len) != ERR_OK)
            return false;
        if (answer->kind == MESSAGE_ECHO && len == MESSAGE_PROBE_LEN) {
            c->echo_count++;
            return false;
        }
        c->pass_count += answer->kind == MESSAGE_PASS;
        if (answer->kind != MESSAGE_NOTICE)
            return true;
        c->notice = answer->u.notice;
        c->notice_count++;
        return false;
    }
    if (rtp_kind(data, len) == RTP_KIND_RTCP) {
        c->sr_count += rtcp_decode(&c->sr, data, len) == ERR_OK;
        return false;
    }
    rtp_received(c, data, len);
    return false;
}

/* Receives until an answer to `nonce` came (0: to anything) or the time is over; without a place
 * for it none is waited for. What is there is taken first: the time may be over because nobody let
 * us run. */
static bool receive(struct media_client *c, uint64_t nonce, struct instant end,
                    struct message *answer) {
    uint8_t data[2048];
    struct message other;
    for (;;) {
        ssize_t n = recv(c->fd, data, sizeof(data), MSG_DONTWAIT);
        if (n >= 0) {
            if (datagram_received(c, data, (size_t)n, answer != NULL ? answer : &other) &&
                answer != NULL && (nonce == 0 || answer->nonce == nonce))
                return true;
            continue;
        }
        int64_t left_us = instant_since(end, net_now()).us;
        if (left_us <= 0)
            return false;
        struct pollfd p = {.fd = c->fd, .events = POLLIN};
        poll(&p, 1, (int)((left_us + 999) / 1000));
    }
}

static struct instant after_ms(int64_t ms) {
    return instant_add(net_now(), duration_ms(ms));
}

void media_client_listen(struct media_client *c, int64_t ms) {
    receive(c, 0, after_ms(ms), NULL);
}

bool media_client_await(struct media_client *c, uint64_t frame) {
    struct instant end = after_ms(MEDIA_CLIENT_PATIENCE_MS);
    while (c->frames[frame].copies == 0 && instant_before(net_now(), end))
        media_client_listen(c, 5);
    return c->frames[frame].copies > 0;
}

bool media_client_await_silence(struct media_client *c, int64_t ms) {
    struct instant end = after_ms(MEDIA_CLIENT_PATIENCE_MS);
    uint32_t before;
    do {
        before = c->received;
        media_client_listen(c, ms);
        /* It may have been the server that stood still. The second answer comes from a turn of its
         * loop that began after it went on, and what was due then is on its way before. */
        if (!media_client_hello(c) || !media_client_hello(c))
            return false;
        media_client_listen(c, 0);
    } while (c->received != before && instant_before(net_now(), end));
    return c->received == before;
}

uint32_t media_client_missing(const struct media_client *c, uint64_t from, uint64_t to) {
    uint32_t n = 0;
    for (uint64_t i = from; i < to; i++)
        n += c->frames[i].copies == 0;
    return n;
}

uint64_t media_client_end(const struct media_client *c) {
    for (uint64_t i = MEDIA_CLIENT_FRAMES_MAX; i > 0; i--)
        if (c->frames[i - 1].copies > 0)
            return i;
    return 0;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void say(struct media_client *c, const struct message *m) {
    uint8_t data[MESSAGE_LEN_MAX];
    bool passed = c->pass.mark != 0 && (m->kind == MESSAGE_RESUME || m->kind == MESSAGE_REPORT);
    size_t len = passed ? message_encode_passed(data, sizeof(data), m, &c->pass)
                        : message_encode(data, sizeof(data), m, &c->key);
    assert(len > 0);
    media_client_send(c, data, len);
}

/* Sends a message, again every 200 ms as a client would, until it is answered. */
static bool ask(struct media_client *c, const struct message *m, struct message *answer) {
    struct instant end = after_ms(MEDIA_CLIENT_PATIENCE_MS);
    while (instant_before(net_now(), end)) {
        say(c, m);
        if (receive(c, m->nonce, instant_min(end, after_ms(200)), answer))
            return true;
    }
    return false;
}

bool media_client_hello(struct media_client *c) {
    struct message answer;
    const struct message hello = {.kind = MESSAGE_HELLO, .nonce = ++c->nonce};
    if (!ask(c, &hello, &answer) || answer.kind != MESSAGE_COOKIE)
        return false;
    c->cookie = answer.u.cookie.cookie;
    c->free_slots = answer.u.cookie.free_slots;
    return true;
}

bool media_client_knock(struct media_client *c) {
    struct message answer;
    const struct message m = {
        .kind = MESSAGE_KNOCK,
        .nonce = ++c->nonce,
        .u.knock = {.cookie = c->cookie, .target = c->target, .client = c->key.public_key}};
    return ask(c, &m, &answer) && answer.kind == MESSAGE_PASS &&
           pass_open(&c->pass, answer.u.pass.sealed, answer.u.pass.mark, &c->key) == ERR_OK;
}

uint32_t media_client_probe(struct media_client *c, const struct key_hint *target, int times) {
    uint32_t before = c->echo_count;
    for (int i = 0; i < times; i++)
        say(c, &(struct message){
                   .kind = MESSAGE_PROBE, .nonce = ++c->nonce, .u.probe = {.target = *target}});
    media_client_hello(c); /* answered after them */
    return c->echo_count - before;
}

struct message_resume media_client_resume(struct media_client *c, enum resume_purpose purpose,
                                          uint32_t epoch, uint64_t from, uint64_t live) {
    struct message_resume r = {.cookie = c->cookie,
                               .target = c->target,
                               .session = c->session,
                               .purpose = purpose,
                               .epoch = epoch,
                               .counter = ++c->counter,
                               .from_frame = from,
                               .live_frame = live,
                               .hedge_ms = purpose == RESUME_HEDGE ? 500 : 0,
                               .ticket_len = (uint16_t)c->token_len};
    memcpy(r.ticket, c->token, c->token_len);
    return r;
}

bool media_client_ask(struct media_client *c, const struct message_resume *resume,
                      struct message *answer) {
    const struct message m = {.kind = MESSAGE_RESUME, .nonce = ++c->nonce, .u.resume = *resume};
    return ask(c, &m, answer);
}

bool media_client_is_ignored(struct media_client *c, const struct message_resume *resume) {
    const struct message m = {.kind = MESSAGE_RESUME, .nonce = ++c->nonce, .u.resume = *resume};
    const struct message hello = {.kind = MESSAGE_HELLO, .nonce = ++c->nonce};
    struct instant end = after_ms(MEDIA_CLIENT_PATIENCE_MS);
    struct message answer;
    say(c, &m);
    say(c, &hello);
    while (receive(c, 0, end, &answer))
        if (answer.nonce == m.nonce || answer.nonce == hello.nonce)
            return answer.nonce == hello.nonce;
    return false;
}

bool media_client_report(struct media_client *c, uint32_t epoch, uint64_t last_frame,
                         struct message *answer) {
    struct message m = {.kind = MESSAGE_REPORT, .nonce = ++c->nonce};
    m.u.report = (struct message_report){.target = c->target,
                                         .session = c->session,
                                         .epoch = epoch,
                                         .counter = ++c->counter,
                                         .last_frame = last_frame,
                                         .expected = (uint32_t)last_frame + 1,
                                         .notice = c->notice.number};
    return ask(c, &m, answer);
}
