/*
 * Noise: random bytes at every port. Some of it looks like the beginning of something real, for
 * pure noise never gets past the first byte.
 */
#include "test/live/hostile.h"

#include "peerd/base/rng.h"
#include "peerd/net/sockaddr.h"
#include "peerd/wire/message.h"
#include "test/live/site.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DATAGRAMS   1500 /* a port */
#define CONNECTIONS 60   /* a port */
#define BURST       50   /* datagrams, then a breath: noise, not a flood */

static void fill(struct rng *rng, uint8_t *out, size_t len) {
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)rng_u64(rng);
}

static void pause_ms(long ms) {
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

static int connect_to(const struct addr *to, int type) {
    struct sockaddr_storage sa;
    socklen_t len = net_sockaddr_from_addr(&sa, to);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&sa, len) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Ours, RTP, RTCP, or a beat; then noise. */
static size_t make_datagram(struct rng *rng, uint8_t out[1500]) {
    static const uint8_t firsts[] = {MESSAGE_FIRST_BYTE, 0x80, 0xf0, 0x00};
    size_t len = rng_below(rng, 8) == 0 ? rng_below(rng, 1400) : rng_below(rng, 200);
    fill(rng, out, len + 4);
    uint64_t kind = rng_below(rng, 5);
    if (kind < 4)
        out[0] = firsts[kind];
    if (kind == 0) { /* version and kind are right */
        out[1] = 1;
        out[2] = (uint8_t)(1 + rng_below(rng, 8));
        out[3] = 0;
    } else if (kind == 2) {
        out[0] = 0x81;
        out[1] = (uint8_t)(200 + rng_below(rng, 5));
    }
    return len;
}

static bool noise_udp(struct rng *rng, const struct addr *to) {
    uint8_t data[1504];
    int fd = connect_to(to, SOCK_DGRAM);
    if (fd < 0)
        return false;
    for (int i = 0; i < DATAGRAMS; i++) {
        size_t len = make_datagram(rng, data);
        if (send(fd, data, len, 0) < 0 && errno == ECONNREFUSED) {
            close(fd);
            return false; /* nobody listens there any more */
        }
        if (i % BURST == BURST - 1)
            pause_ms(2);
    }
    close(fd);
    return true;
}

/* Noise, half a handshake, half a request, or nothing at all, and gone. */
static bool noise_tcp(struct rng *rng, const struct addr *to) {
    static const char half[] = "POST /v1/sessions HTTP/1.1\r\nContent-Length: 100\r\n\r\n{\"serv";
    uint8_t data[1504];
    for (int i = 0; i < CONNECTIONS; i++) {
        int fd = connect_to(to, SOCK_STREAM);
        if (fd < 0)
            return false;
        fill(rng, data, sizeof(data));
        size_t len = rng_below(rng, sizeof(data));
        if (i % 4 == 1) /* a TLS record that says it is a client hello */
            memcpy(data, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
        if (i % 4 == 2) {
            memcpy(data, half, sizeof(half) - 1);
            len = sizeof(half) - 1;
        }
        if (i % 4 != 3 && send(fd, data, len, MSG_NOSIGNAL) < 0 && errno == ECONNREFUSED)
            return false;
        if (i % 10 == 0)
            pause_ms(5);
        close(fd);
    }
    return true;
}

void hostile_noise(struct hostile *h, uint64_t seed) {
    static const uint16_t udp[] = {SITE_BEATS_PORT, SITE_MEDIA_PORT, SITE_MEDIA_PORT + 1};
    static const uint16_t tcp[] = {SITE_CONTROL_PORT, SITE_CLIENTS_PORT};
    struct rng rng;
    rng_seed(&rng, seed);
    for (uint32_t i = 0; i < h->site_count; i++) {
        const struct hostile_site *s = &h->sites[i];
        bool ok = true;
        for (size_t k = 0; k < sizeof(udp) / sizeof(udp[0]); k++) {
            struct addr to = space_site_addr(NULL, s->index, udp[k]);
            ok = noise_udp(&rng, &to) && ok;
        }
        for (size_t k = 0; k < sizeof(tcp) / sizeof(tcp[0]); k++) {
            struct addr to = space_site_addr(NULL, s->index, tcp[k]);
            ok = noise_tcp(&rng, &to) && ok;
        }
        hostile_result(h, ok, "noise at every port of %s: %d datagrams and %d connections each",
                       s->name.text, DATAGRAMS, CONNECTIONS);
    }
}
