/*
 * A session as a local URL: real HTTP on loopback, frames and lost ones by hand.
 */
#include "peerd/net/clock.h"
#include "transcoder/client/local.h"
#include "transcoder/client/ogg.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PLAYERS 17 /* one more than may */

static const struct peerclient_media opus = {.encoding = "opus", .fmtp = "stereo=1", .ssrc = 7};
static struct net_loop *loop;
static struct addr at;
static char heard[65536];
static size_t heard_len; /* [bytes] */

static void begin(void) {
    char text[32];
    snprintf(text, sizeof(text), "127.0.0.1:%u", 20000 + (unsigned)getpid() % 12000);
    cr_assert(addr_from_text(&at, text));
    loop = net_loop_new();
}

static void end(void) {
    net_loop_free(loop);
}

static void turn(int64_t ms) {
    net_loop_run_until(loop, instant_add(net_now(), duration_ms(ms)));
}

static int player(const char *request) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(at.port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    cr_assert_eq(write(fd, request, strlen(request)), (ssize_t)strlen(request));
    turn(30);
    return fd;
}

/* All that has come. */
static void hear(int fd) {
    ssize_t got;
    heard_len = 0;
    while (heard_len + 1 < sizeof(heard) &&
           (got = recv(fd, heard + heard_len, sizeof(heard) - 1 - heard_len, MSG_DONTWAIT)) > 0)
        heard_len += (size_t)got;
    heard[heard_len] = '\0';
}

/* The n-th page in what was heard, from 0; NULL: there is none. */
static const uint8_t *page(int n) {
    const char *from = heard;
    for (const char *p; (p = memmem(from, heard_len - (size_t)(from - heard), "OggS", 4)) != NULL;
         from = p + 4)
        if (n-- == 0)
            return (const uint8_t *)p;
    return NULL;
}

static uint32_t granule(const uint8_t *p) {
    return p[6] | (uint32_t)p[7] << 8 | (uint32_t)p[8] << 16;
}

static const char get[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
TestSuite(local, .init = begin, .fini = end, .timeout = 60);

/* A lost frame takes its time, as a byte that says what kind it was. */
Test(local, frames_and_lost_ones) {
    static const uint8_t payload[] = {0x7b, 1, 2, 3};
    char why[200];
    struct local *l = local_open(loop, &at, &opus, why, sizeof(why));
    cr_assert_not_null(l, "%s", why);
    int fd = player(get);
    for (uint64_t n = 0; n < 10; n++) {
        bool lost = n == 4 || n == 5;
        local_frame(l, &(struct peerclient_frame){.index = n,
                                                  .lost = lost,
                                                  .payload = lost ? NULL : payload,
                                                  .len = lost ? 0 : sizeof(payload)});
    }
    turn(30);
    local_close(l);
    hear(fd);
    close(fd);
    cr_expect_not_null(strstr(heard, "audio/ogg"));
    cr_assert_not_null(page(1));
    cr_expect_eq(memcmp(page(0) + 28, "OpusHead\1\2", 10), 0, "two channels");
    for (int n = 0; n < 10; n++) {
        const uint8_t *p = page(2 + n);
        bool lost = n == 4 || n == 5;
        cr_assert_not_null(p, "page of frame %d", n);
        cr_expect_eq(granule(p), (uint32_t)(n + 1) * 960, "frame %d", n);
        cr_expect_eq(p[27], lost ? 1 : sizeof(payload), "frame %d", n);
        cr_expect_eq(p[28], lost ? 0x78 : 0x7b, "frame %d", n);
    }
    cr_assert_not_null(page(12));
    cr_expect_eq(page(12)[5], 4, "the end is told");
    cr_expect_null(page(13));
}

Test(local, no_more_players_than_may) {
    char why[200];
    int fds[PLAYERS];
    struct local *l = local_open(loop, &at, &opus, why, sizeof(why));
    cr_assert_not_null(l, "%s", why);
    for (int i = 0; i < PLAYERS; i++) {
        fds[i] = player(get);
        hear(fds[i]);
        cr_expect_not_null(strstr(heard, i + 1 < PLAYERS ? " 200 " : " 503 "), "%d: %s", i, heard);
    }
    close(fds[3]);
    for (uint64_t n = 0; n < 3; n++) {
        local_frame(l, &(struct peerclient_frame){.index = n, .lost = true});
        turn(20);
    }
    close(fds[PLAYERS - 1]);
    fds[3] = player(get);
    hear(fds[3]);
    cr_expect_not_null(strstr(heard, " 200 "), "who has gone makes room: %s", heard);
    local_close(l);
    for (int i = 0; i + 1 < PLAYERS; i++)
        close(fds[i]);
}

Test(local, what_it_refuses) {
    static const struct peerclient_media pcmu = {.encoding = "PCMU", .fmtp = ""};
    char why[200];
    cr_expect_null(local_open(loop, &at, &pcmu, why, sizeof(why)));
    cr_expect_str_eq(why, "--http: expected a profile of opus, found one of PCMU");
    struct local *l = local_open(loop, &at, &opus, why, sizeof(why));
    cr_assert_not_null(l, "%s", why);
    cr_expect_null(local_open(loop, &at, &opus, why, sizeof(why)));
    cr_expect_not_null(strstr(why, "--http: "), "%s", why);
    int fd = player("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    hear(fd);
    cr_expect_not_null(strstr(heard, " 405 "), "%s", heard);
    close(fd);
    fd = player("GET /../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n");
    hear(fd);
    cr_expect_not_null(strstr(heard, " 404 "), "%s", heard);
    close(fd);
    local_close(l);
}
