/*
 * Passes as the client library uses them: it plays from a media port that this test is, and what
 * stands under its reports is looked at. The port forges, forgets and grows old.
 */
#include "peerd/net/clock.h"
#include "peerd/net/sockaddr.h"
#include "peerd/wire/api.h"
#include "test/lib/fake_cluster.h"
#include "transcoder/client/peerclient.h"
#include "transcoder/rtp/rtp.h"
#include "transcoder/timeline/passes.h"
#include "transcoder/timeline/position.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SAMPLES     160
#define PERIOD      6000
#define PATIENCE_MS 30000

static const uint8_t secret[32] = {1, 2, 3}, entropy[32] = {7};
static const struct cookie cookie = {{0xc0, 0x0c}};

/* What it answers, beside hellos and commits. */
static struct port {
    int fd;
    struct addr at;
    struct api_session_answer session;
    struct fake_cluster cluster;
    struct fake_answer script;
    struct peerclient *client;
    pthread_t thread;
    struct sockaddr_storage from; /* where the client is */
    socklen_t from_len;
    struct public_key key; /* its key, as its knock says */
    uint64_t frame;        /* sent next */
    struct instant due;    /* when; "never" until it is asked to serve */
    bool is_old;           /* of a version that knows neither knocks nor passes */
    bool has_forgotten;    /* refuses what passes prove that it handed out before */
    uint32_t knocks, handed_out, passed, is_signed;
} port;

static void answer(const struct message *m) {
    uint8_t data[MESSAGE_LEN_MAX];
    size_t len = message_encode(data, sizeof(data), m, NULL);
    cr_assert_gt(len, 0u);
    sendto(port.fd, data, len, 0, (const struct sockaddr *)&port.from, port.from_len);
}

static void refuse(const struct message *m, uint64_t nonce, uint64_t counter) {
    answer(&(struct message){
        .kind = MESSAGE_REFUSE,
        .nonce = nonce,
        .u.refuse = {.session = port.session.session,
                     .purpose = m->kind == MESSAGE_RESUME ? m->u.resume.purpose : RESUME_COMMIT,
                     .error = ERR_BAD_COOKIE,
                     .counter = counter}});
}

static void knock_received(const struct message *m) {
    struct message a = {.kind = MESSAGE_PASS, .nonce = m->nonce};
    struct pass pass;
    port.knocks++;
    if (memcmp(&m->u.knock.cookie, &cookie, sizeof(cookie)) != 0) {
        a.kind = MESSAGE_COOKIE;
        a.u.cookie.cookie = cookie;
        answer(&a);
        return;
    }
    port.key = m->u.knock.client;
    pass_make(&pass, secret, &port.key, PERIOD);
    a.u.pass.mark = pass.mark;
    cr_assert_eq(pass_seal(a.u.pass.sealed, &pass, &port.key, entropy), ERR_OK);
    port.handed_out++;
    port.has_forgotten = false;
    answer(&a);
}

/* How it is proved, and that it is. False: it is not taken. */
static bool is_proved(const struct message *m) {
    struct key_hint me = key_hint_of(&port.session.cluster_key);
    if (m->mark == 0) {
        port.is_signed += m->kind == MESSAGE_REPORT;
        if (port.knocks > 0 && port.handed_out > 0)
            cr_expect_eq(message_verify(m, &port.key, &me), ERR_OK);
        return true;
    }
    cr_expect_eq(message_verify_passed(m, &port.key, &me, secret, PERIOD), ERR_OK);
    port.passed += m->kind == MESSAGE_REPORT;
    return !port.has_forgotten;
}

static void asked(const struct message *m) {
    struct message a = {.nonce = m->nonce};
    uint64_t counter = m->kind == MESSAGE_RESUME ? m->u.resume.counter : m->u.report.counter;
    if (!is_proved(m)) {
        refuse(m, m->nonce, counter);
        return;
    }
    if (m->kind == MESSAGE_REPORT) {
        a.kind = MESSAGE_ACK;
        a.u.ack = (struct message_ack){port.session.session, m->u.report.epoch, counter, 5000};
        answer(&a);
        return;
    }
    a.kind = MESSAGE_GRANT;
    a.u.grant = (struct message_grant){.session = port.session.session,
                                       .purpose = m->u.resume.purpose,
                                       .epoch = m->u.resume.epoch,
                                       .counter = counter,
                                       .start_frame = m->u.resume.from_frame,
                                       .lease_ms = 5000,
                                       .cluster = key_hint_of(&port.session.cluster_key)};
    answer(&a);
    if (m->u.resume.purpose == RESUME_COMMIT && instant_is_never(port.due)) {
        port.frame = m->u.resume.from_frame;
        port.due = net_now();
    }
}

static void received(const uint8_t *data, size_t len) {
    struct message m, a = {.kind = MESSAGE_COOKIE, .u.cookie = {.cookie = cookie}};
    if (message_decode(&m, data, len) != ERR_OK)
        return; /* RTCP */
    if (port.is_old && (m.mark != 0 || m.kind == MESSAGE_KNOCK)) {
        port.passed += m.kind == MESSAGE_REPORT;
        return;
    }
    a.nonce = m.nonce;
    a.u.cookie.cluster = key_hint_of(&port.session.cluster_key);
    if (m.kind == MESSAGE_HELLO)
        answer(&a);
    else if (m.kind == MESSAGE_KNOCK)
        knock_received(&m);
    else if (m.kind == MESSAGE_RESUME || m.kind == MESSAGE_REPORT)
        asked(&m);
}

static void send_frame(void) {
    uint8_t data[RTP_HEADER_BYTES + SAMPLES], silence[SAMPLES];
    memset(silence, 0xff, sizeof(silence));
    const struct api_rtp *rtp = &port.session.rtp;
    struct rtp_packet p = {.seq = (uint16_t)(rtp->seq0 + port.frame),
                           .timestamp = rtp->ts0 + (uint32_t)port.frame * SAMPLES,
                           .ssrc = rtp->ssrc,
                           .payload = silence,
                           .payload_len = SAMPLES};
    sendto(port.fd, data, rtp_encode(data, sizeof(data), &p), 0,
           (const struct sockaddr *)&port.from, port.from_len);
    port.frame++;
    port.due = instant_add(port.due, duration_ms(FRAME_MS));
}

/* Serves until `count` is that much more than it was; false if it takes too long. */
static bool serve(const uint32_t *count, uint32_t more) {
    struct instant end = instant_add(net_now(), duration_ms(PATIENCE_MS));
    uint32_t until = *count + more;
    while (*count < until && instant_before(net_now(), end)) {
        uint8_t data[2048];
        struct pollfd p = {.fd = port.fd, .events = POLLIN};
        poll(&p, 1, 2);
        for (ssize_t n = 0; n >= 0;) {
            port.from_len = sizeof(port.from);
            struct sockaddr_storage from;
            socklen_t from_len = sizeof(from);
            n = recvfrom(port.fd, data, sizeof(data), MSG_DONTWAIT, (struct sockaddr *)&from,
                         &from_len);
            if (n < 0)
                break;
            port.from = from;
            port.from_len = from_len;
            received(data, (size_t)n);
        }
        while (!instant_is_never(port.due) && instant_reached(net_now(), port.due))
            send_frame();
    }
    return *count >= until;
}

static void *run(void *data) {
    (void)data;
    peerclient_run(port.client);
    return NULL;
}

static void open_port(void) {
    struct addr any = addr_ipv4((const uint8_t[]){127, 0, 0, 1}, 0);
    cr_assert_eq(net_socket_udp(&port.fd, &any), ERR_OK);
    port.at = net_addr_of_socket(port.fd);
}

static void start(void) {
    struct key_pair cluster;
    memset(&port, 0, sizeof(port));
    port.due = INSTANT_NEVER;
    open_port();
    key_pair_from_seed(&cluster, secret);
    port.session = (struct api_session_answer){.session = {{9}},
                                               .ticket = "v4.public.AAAA",
                                               .epoch = 1,
                                               .lease_ms = 5000,
                                               .expires_s = 4000000000,
                                               .cluster_key = cluster.public_key,
                                               .media = port.at,
                                               .rtp = {.encoding = "PCMU",
                                                       .clock_rate_hz = 8000,
                                                       .channels = 1,
                                                       .frame_ms = FRAME_MS,
                                                       .samples_per_frame = SAMPLES,
                                                       .ssrc = 77,
                                                       .seq0 = 65530}};
    name_set(&port.session.cluster, "fra1");
    port.script = (struct fake_answer){201, api_session_answer_encode(&port.session, NULL), 0};
    cr_assert_not_null(port.script.body);
    fake_cluster_start(&port.cluster, "127.0.0.1", &port.script, 1);
    const char *urls[] = {port.cluster.url};
    struct peerclient_config config = {.clusters = urls,
                                       .cluster_count = 1,
                                       .service = "radio",
                                       .profile = "pcmu",
                                       .source = "coffee"};
    port.client = peerclient_new(&config, NULL, 0);
    cr_assert_not_null(port.client);
    cr_assert_eq(pthread_create(&port.thread, NULL, run, NULL), 0);
    cr_assert(serve(&port.handed_out, 1), "it does not ask for a pass");
    cr_assert(serve(&port.passed, 1), "it does not use it");
    port.is_signed = 0;
}

static void stop(void) {
    peerclient_stop(port.client);
    pthread_join(port.thread, NULL);
    peerclient_free(port.client);
    fake_cluster_stop(&port.cluster);
    free((char *)port.script.body);
    close(port.fd);
}

TestSuite(client_pass, .init = start, .fini = stop, .timeout = 120);

Test(client_pass, goes_with_every_report) {
    cr_expect(serve(&port.passed, 4));
    cr_expect_eq(port.is_signed, 0, "%u", port.is_signed);
}

/* It comes from the server's address, as whoever forges that would send it, but he has not seen
 * what it should answer. */
Test(client_pass, is_not_forgotten_for_a_refusal_of_nothing) {
    uint32_t knocks = port.knocks;
    for (int i = 0; i < 4; i++) {
        refuse(&(struct message){.kind = MESSAGE_REPORT}, 0x1234 + (uint64_t)i, 1000);
        cr_assert(serve(&port.passed, 1), "it signs");
    }
    cr_expect_eq(port.is_signed, 0, "%u", port.is_signed);
    cr_expect_eq(port.knocks, knocks);
}

/* The machine has begun anew. */
Test(client_pass, is_forgotten_where_it_proves_nothing) {
    uint32_t passed = port.passed;
    port.has_forgotten = true;
    cr_expect(serve(&port.handed_out, 1), "it asks for another");
    cr_expect_leq(port.passed, passed + 1, "once is enough");
    cr_expect(serve(&port.passed, 2));
}

/* In its place comes a version that drops all that a pass proves, and says nothing. */
Test(client_pass, is_not_believed_in_for_ever_where_nobody_answers) {
    port.is_old = true;
    cr_expect(serve(&port.is_signed, 1));
    uint32_t passed = port.passed;
    cr_expect(serve(&port.is_signed, 4));
    cr_expect_eq(port.passed, passed, "who answers those who sign is not asked by a pass again");
}
