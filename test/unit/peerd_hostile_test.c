/*
 * The real peerd under bad input at every port: random bytes, datagrams that look right, keys that
 * open nothing, connections that hold on. It counts, answers nothing to strangers, and serves on.
 */
#include "peerd/base/rng.h"
#include "peerd/net/clock.h"
#include "peerd/net/sockaddr.h"
#include "peerd/wire/beat.h"
#include "test/lib/exposition.h"
#include "test/unit/cluster_fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(peerd_hostile, .init = open_running, .fini = close_running, .timeout = 170);

static struct rng rng;

static void fill(uint8_t *out, size_t len) {
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)rng_below(&rng, 256);
}

static int connected(int type, uint16_t port) {
    struct sockaddr_storage to;
    struct addr a;
    char text[64];
    snprintf(text, sizeof(text), "%s:%u", rig.ip, port);
    cr_assert(addr_from_text(&a, text));
    socklen_t len = net_sockaddr_from_addr(&to, &a);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    cr_assert(fd >= 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&to, len), 0);
    return fd;
}

static void expect_serves(void) {
    cluster_client(&rig, &answer, NULL, "/v1/status", NULL, with_token);
    cr_expect_eq(answer.status, 200, "clients: %u %s", answer.status, err_text(answer.err));
    cluster_control(&rig, &answer, AS_OPERATOR, NULL, "/v1/status", NULL);
    cr_expect_eq(answer.status, 200, "operator: %u %s", answer.status, err_text(answer.err));
}

static double metric(const char *sample) {
    char why[300] = "";
    cluster_client(&rig, &answer, NULL, "/metrics", NULL, with_token);
    cr_expect(exposition_check(answer.body, why, sizeof(why)), "%s", why);
    return exposition_value(answer.body, sample);
}

static bool await_metric(const char *sample, double at_least) {
    struct instant end = instant_add(net_now(), duration_ms(PROGRAM_PATIENCE_MS));
    while (metric(sample) < at_least)
        if (instant_reached(net_now(), end))
            return false;
        else
            usleep(20000);
    return true;
}

#define DROPPED(reason) "peerd_datagrams_dropped_total{reason=\"" reason "\"}"

static bool is_answered(int fd, int ms) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, ms) > 0 && (p.revents & POLLIN) != 0;
}

Test(peerd_hostile, random_datagrams) {
    uint8_t datagram[2048];
    rng_seed(&rng, 1);
    int fd = connected(SOCK_DGRAM, 7600);
    for (int i = 0; i < 10000; i++) {
        size_t len = rng_below(&rng, sizeof(datagram));
        fill(datagram, len);
        send(fd, datagram, len, MSG_DONTWAIT);
        if (i % 200 == 199)
            expect_serves(); /* which also leaves it the time to read them all */
    }
    cr_expect_not(is_answered(fd, 200), "a stranger gets no answer");
    cr_expect(await_metric(DROPPED("oversized"), 1));
    cr_expect(await_metric(DROPPED("truncated"), 1));
    cr_expect(await_metric(DROPPED("bad_magic"), 1000));
    close(fd);
}

/* The clear header of a beat, and noise after it. */
static size_t forge(uint8_t *out, enum beat_kind kind, const struct key_hint *hint) {
    fill(out, BEAT_LEN_MIN);
    memcpy(out, "pB\x02", 3);
    out[3] = (uint8_t)kind;
    memcpy(out + 4, hint->bytes, KEY_HINT_BYTES);
    return BEAT_LEN_MIN;
}

Test(peerd_hostile, beats_of_strangers_and_forged_ones) {
    uint8_t datagram[BEAT_LEN_MAX];
    struct key_hint stranger = key_hint_of(&rig.keys[AS_STRANGER].public_key);
    struct key_hint ams1 = key_hint_of(&rig.keys[AS_PEER].public_key);
    rng_seed(&rng, 2);
    int fd = connected(SOCK_DGRAM, 7600);
    for (int i = 0; i < 100; i++) {
        send(fd, datagram, forge(datagram, BEAT_KIND_BEAT, &stranger), 0);
        send(fd, datagram, forge(datagram, BEAT_KIND_BEAT, &ams1), 0);
    }
    cr_expect(await_metric(DROPPED("stranger"), 100));
    cr_expect(await_metric(DROPPED("bad_seal"), 100));
    cr_expect_eq(metric("peerd_beats_received_total"), 0);
    close(fd);
}

/* What node `node` of ams1 sends when its peerd is silent. */
static size_t media_alive(uint8_t *out, uint8_t node, uint64_t seq) {
    const struct beat beat = {
        .kind = BEAT_KIND_MEDIA_ALIVE, .boot = 7, .seq = seq, .interval_ms = 100, .node = node};
    struct key_hint hint = key_hint_of(&rig.keys[AS_PEER].public_key);
    uint8_t nonce[BEAT_NONCE_BYTES];
    struct seal_key key;
    net_entropy(nonce, sizeof(nonce));
    cr_assert_eq(seal_key_derive(&key, &rig.keys[AS_PEER], &rig.keys[AS_OPERATOR].public_key, true,
                                 SEAL_PURPOSE_MEDIA_ALIVE, node),
                 ERR_OK);
    return beat_seal(out, BEAT_LEN_MAX, &beat, &hint, &key, nonce);
}

/* Opens what peerd answered to a node; false if it does not under that key. */
static bool is_answer_to(uint8_t node, enum seal_purpose purpose, const uint8_t *datagram,
                         size_t len) {
    struct beat beat;
    struct seal_key key;
    cr_assert_eq(seal_key_derive(&key, &rig.keys[AS_PEER], &rig.keys[AS_OPERATOR].public_key, false,
                                 purpose, node),
                 ERR_OK);
    return beat_open(&beat, datagram, len, &key) == ERR_OK && beat.node == node &&
           beat.echo_boot != 7; /* not confirmed yet: a first word proves nothing */
}

/* Every number that a cluster can give out opens; the answer has a key of its own, so that it can
 * never be taken for a media-alive of ours. */
Test(peerd_hostile, media_alive_is_found_out_by_its_key) {
    uint8_t datagram[BEAT_LEN_MAX];
    static const uint8_t nodes[] = {0, 5, 31};
    int fd = connected(SOCK_DGRAM, 7600);
    for (size_t i = 0; i < ITEMS(nodes); i++) {
        send(fd, datagram, media_alive(datagram, nodes[i], 1), 0);
        cr_assert(is_answered(fd, PROGRAM_PATIENCE_MS), "node %u", nodes[i]);
        ssize_t len = recv(fd, datagram, sizeof(datagram), 0);
        cr_assert(len > 0);
        cr_expect(is_answer_to(nodes[i], SEAL_PURPOSE_MEDIA_ANSWER, datagram, (size_t)len));
        cr_expect_not(is_answer_to(nodes[i], SEAL_PURPOSE_MEDIA_ALIVE, datagram, (size_t)len));
    }
    send(fd, datagram, media_alive(datagram, 32, 1), 0);
    cr_expect(await_metric(DROPPED("bad_seal"), 1), "no policy has room for a 33rd node");
    cr_expect_eq(metric("peerd_media_alive_received_total"), 3);
    close(fd);
}

/* The hint stands in the clear, so anybody can ask for a search; those are budgeted, and a node
 * that was heard before does not need one. */
Test(peerd_hostile, forged_media_alive_are_budgeted) {
    uint8_t datagram[BEAT_LEN_MAX];
    struct key_hint ams1 = key_hint_of(&rig.keys[AS_PEER].public_key);
    rng_seed(&rng, 3);
    int fd = connected(SOCK_DGRAM, 7600);
    send(fd, datagram, media_alive(datagram, 3, 1), 0);
    cr_assert(await_metric("peerd_media_alive_received_total", 1));
    struct instant end = instant_add(net_now(), duration_ms(PROGRAM_PATIENCE_MS));
    while (metric(DROPPED("budget")) < 100 && !instant_reached(net_now(), end))
        for (int i = 0; i < 1000; i++)
            send(fd, datagram, forge(datagram, BEAT_KIND_MEDIA_ALIVE, &ams1), MSG_DONTWAIT);
    cr_expect(metric(DROPPED("budget")) >= 100);
    for (uint64_t seq = 2; seq < 40; seq++) {
        for (int i = 0; i < 20; i++)
            send(fd, datagram, forge(datagram, BEAT_KIND_MEDIA_ALIVE, &ams1), MSG_DONTWAIT);
        send(fd, datagram, media_alive(datagram, 3, seq), MSG_DONTWAIT);
        if (seq % 5 == 0)
            expect_serves();
    }
    cr_expect(await_metric("peerd_media_alive_received_total", 30));
    close(fd);
}

Test(peerd_hostile, random_bytes_at_tcp_ports) {
    static const uint16_t ports[] = {7601, 7680};
    uint8_t bytes[3000];
    rng_seed(&rng, 4);
    for (size_t p = 0; p < ITEMS(ports); p++)
        for (int i = 0; i < 150; i++) {
            int fd = connected(SOCK_STREAM, ports[p]);
            size_t len = rng_below(&rng, sizeof(bytes));
            fill(bytes, len);
            if (i % 3 == 0)
                memcpy(bytes, "\x16\x03\x01\x02\x00\x01", 6); /* as a TLS handshake begins */
            if (i % 3 == 1)
                memcpy(bytes, "GET / ", 6);
            send(fd, bytes, len, MSG_NOSIGNAL);
            if (i % 2 == 0)
                shutdown(fd, SHUT_WR);
            close(fd);
            if (i % 50 == 49)
                expect_serves();
        }
    expect_serves();
}

/* Half a request, or none, and then nothing more: others are served meanwhile. */
Test(peerd_hostile, connections_that_hold_on) {
    int fds[200];
    static const char half[] = "POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n";
    for (size_t i = 0; i < ITEMS(fds); i++) {
        fds[i] = connected(SOCK_STREAM, i % 2 == 0 ? 7601 : 7680);
        if (i % 4 == 1)
            send(fds[i], half, sizeof(half) - 1, MSG_NOSIGNAL);
    }
    expect_serves();
    for (size_t i = 0; i < ITEMS(fds); i++)
        close(fds[i]);
    expect_serves();
}

/* Requests that no client of ours would send; each is answered or hung up on, none disturbs. */
Test(peerd_hostile, odd_http) {
    static const char *const requests[] = {
        "GET /v1/status HTTP/1.1\r\n\r\n",
        "GET  HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST /v1/sessions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "POST /v1/sessions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        "Authorization: Bearer " CLUSTER_TOKEN "\r\n\r\n5\r\n{\"a\":\r\n0\r\n\r\n",
        "GET /v1/sessions/%00%ff%2e%2e HTTP/1.1\r\nHost: x\r\n"
        "Authorization: Bearer " CLUSTER_TOKEN "\r\n\r\n",
        "GET /metrics?a=%zz&&&=;x[] HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " CLUSTER_TOKEN
        "\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    };
    char text[4096];
    for (size_t i = 0; i < ITEMS(requests); i++) {
        int fd = connected(SOCK_STREAM, 7680);
        send(fd, requests[i], strlen(requests[i]), MSG_NOSIGNAL);
        shutdown(fd, SHUT_WR);
        struct pollfd p = {.fd = fd, .events = POLLIN};
        cr_expect_eq(poll(&p, 1, PROGRAM_PATIENCE_MS), 1, "request %zu hangs", i);
        ssize_t len = recv(fd, text, sizeof(text) - 1, 0);
        text[len > 0 ? len : 0] = '\0';
        cr_expect(len <= 0 || strncmp(text, "HTTP/1.", 7) == 0, "request %zu: %s", i, text);
        cr_expect_null(strstr(text, " 500 "), "request %zu: %s", i, text);
        close(fd);
    }
    char *header = malloc(70000);
    cr_assert_not_null(header);
    memset(header, 'h', 69999);
    header[69999] = '\0';
    const struct net_http_header headers[] = {{"X-Long", header}, {NULL, NULL}};
    cluster_client(&rig, &answer, NULL, "/v1/status", NULL, headers);
    cr_expect(answer.status == 431 || answer.status == 0, "%u", answer.status);
    free(header);
    expect_serves();
}

/* Nothing secret leaves by the pages or the log, whatever went wrong before. */
Test(peerd_hostile, secrets_stay_where_they_are) {
    char secret[KEY_SECRET_TEXT_LEN + 1];
    static const char *const pages[] = {"/v1/status", "/v1/peers", "/v1/sessions", "/v1/moves"};
    static const struct net_http_header wrong[] = {{"Authorization", "Bearer wr0ng-t0ken"},
                                                   {NULL, NULL}};
    cr_assert(cluster_register(&rig, NULL));
    cluster_client(&rig, &answer, NULL, "/v1/status", NULL, wrong);
    cr_expect_null(strstr(answer.body, "wr0ng"), "%s", answer.body);
    key_pair_to_text(&rig.keys[AS_OPERATOR], secret);
    for (size_t i = 0; i < ITEMS(pages); i++) {
        cluster_control(&rig, &answer, AS_OPERATOR, NULL, pages[i], NULL);
        cr_expect_eq(answer.status, 200);
        cr_expect_null(strstr(answer.body, CLUSTER_TOKEN), "%s", pages[i]);
        cr_expect_null(strstr(answer.body, "k4.secret"), "%s", pages[i]);
    }
    cr_expect_eq(cluster_stop(&rig), 0);
    char *log = program_read(rig.peerd.err_path);
    cr_expect_null(strstr(log, CLUSTER_TOKEN));
    cr_expect_null(strstr(log, "wr0ng"));
    cr_expect_null(strstr(log, secret + 10));
    cr_expect_null(strstr(log, "k4.secret"));
    free(log);
}
