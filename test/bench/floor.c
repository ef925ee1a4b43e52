#include "test/bench/floor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH     32
#define RECEIVERS 16
#define LEN_MAX   1500
#define REPORT    82 /* [bytes] that a report's signature stands over, without its label */

struct sender {
    int fd;
    int receivers[RECEIVERS];
    struct sockaddr_in to[RECEIVERS];
    struct mmsghdr headers[BATCH];
    struct iovec vectors[BATCH];
    uint8_t data[LEN_MAX];
    double drained_s; /* of CPU, not to be counted */
};

static int open_socket(struct sockaddr_in *at) {
    struct sockaddr_in any = {.sin_family = AF_INET};
    socklen_t len = sizeof(*at);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) != 0 ||
        getsockname(fd, (struct sockaddr *)at, &len) != 0)
        sheet_die("no socket: %s", strerror(errno));
    return fd;
}

static void drain(struct sender *x) {
    double begun_s = sheet_cpu_s();
    uint8_t dropped[LEN_MAX];
    for (int i = 0; i < RECEIVERS; i++)
        while (recv(x->receivers[i], dropped, sizeof(dropped), MSG_DONTWAIT) >= 0)
            continue;
    x->drained_s += sheet_cpu_s() - begun_s;
}

/* A batch to all receivers in turn; the CPU that draining takes is noted. */
static void send_batches(struct sender *x, unsigned batches) {
    for (unsigned n = 0; n < batches; n++) {
        if (sendmmsg(x->fd, x->headers, BATCH, 0) != BATCH)
            sheet_die("cannot send: %s", strerror(errno));
        if (n % 16 == 15)
            drain(x);
    }
    drain(x);
}

double floor_send_us(const struct sheet *s, size_t bytes) {
    struct sender x = {.drained_s = 0};
    struct sockaddr_in own;
    double us[SHEET_ROUNDS];
    unsigned batches = s->quick ? 200 : 3000;
    x.fd = open_socket(&own);
    for (int i = 0; i < RECEIVERS; i++)
        x.receivers[i] = open_socket(&x.to[i]);
    for (int i = 0; i < BATCH; i++) {
        x.vectors[i] = (struct iovec){.iov_base = x.data, .iov_len = bytes};
        x.headers[i].msg_hdr = (struct msghdr){.msg_name = &x.to[i % RECEIVERS],
                                               .msg_namelen = sizeof(x.to[0]),
                                               .msg_iov = &x.vectors[i],
                                               .msg_iovlen = 1};
    }
    for (unsigned i = 0; i < sheet_rounds(s); i++) {
        x.drained_s = 0;
        double begun_s = sheet_cpu_s();
        send_batches(&x, batches);
        us[i] = (sheet_cpu_s() - begun_s - x.drained_s) * 1e6 / (batches * BATCH);
    }
    close(x.fd);
    for (int i = 0; i < RECEIVERS; i++)
        close(x.receivers[i]);
    return sheet_median(us, sheet_rounds(s));
}

struct signature {
    uint8_t public_key[crypto_sign_PUBLICKEYBYTES];
    uint8_t bytes[crypto_sign_BYTES];
    uint8_t report[REPORT];
};

static void verify(void *data, uint32_t times) {
    const struct signature *x = data;
    for (uint32_t i = 0; i < times; i++)
        if (crypto_sign_verify_detached(x->bytes, x->report, sizeof(x->report), x->public_key) != 0)
            sheet_die("a signature does not verify");
}

double floor_verify_us(const struct sheet *s) {
    struct signature x = {.report = {1, 2, 3}};
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    crypto_sign_keypair(x.public_key, secret);
    crypto_sign_detached(x.bytes, NULL, x.report, sizeof(x.report), secret);
    return 1e6 / sheet_rate(s, verify, &x);
}
