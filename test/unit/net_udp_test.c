#include "peerd/net/udp.h"

#include "peerd/net/sockaddr.h"
#include "test/unit/net_fixture.h"

#include <netinet/in.h>
#include <sys/socket.h>

struct inbox {
    struct net_loop *loop;
    struct net_udp *udp;
    size_t count, stop_at;
    uint64_t sum; /* of the numbers carried */
    struct addr last_from;
    size_t last_len;
    struct instant last_at, last_now;
    bool echo, close_on_first;
};

static void received(void *data, const struct net_datagram *d, struct instant now) {
    struct inbox *in = data;
    uint32_t number = 0;

    if (d->len >= sizeof number)
        memcpy(&number, d->data, sizeof number);
    in->sum += number;
    in->last_from = d->from;
    in->last_len = d->len;
    in->last_at = d->at;
    in->last_now = now;
    if (in->echo)
        net_udp_send(in->udp, &d->from, d->data, d->len);
    if (++in->count == in->stop_at)
        net_loop_stop(in->loop);
    if (in->close_on_first)
        net_udp_close(in->udp);
}

static struct addr open_inbox(struct inbox *in, struct net_loop *loop, struct addr at) {
    in->loop = loop;
    cr_assert_eq(net_udp_bind(&in->udp, loop, &at, received, in), ERR_OK);
    return net_udp_address(in->udp);
}

Test(net_udp, a_thousand_datagrams_there_and_back) {
    enum {
        N = 1000,
        WINDOW = 100
    };
    static const struct {
        const char *what;
        bool v6;
    } rows[] = {{"IPv4", false}, {"IPv6", true}};

    for (size_t r = 0; r < 2; r++) {
        struct net_loop *loop = net_loop_new();
        struct inbox a = {.stop_at = N}, b = {.echo = true};
        struct addr any = rows[r].v6 ? loopback6(0) : loopback(0);
        struct addr a_at = open_inbox(&a, loop, any), b_at = open_inbox(&b, loop, any);
        uint8_t payload[172] = {0};

        /* In windows, so that no kernel buffer overflows: that would be a loss, not our error. */
        for (uint32_t i = 0; i < N; i += WINDOW) {
            for (uint32_t k = i; k < i + WINDOW; k++) {
                memcpy(payload, &k, sizeof k);
                cr_assert(net_udp_send(a.udp, &b_at, payload, sizeof payload));
            }
            a.stop_at = i + WINDOW;
            run_until_stopped(loop);
        }
        cr_expect_eq(b.count, N, "%s", rows[r].what);
        cr_expect_eq(a.sum, (uint64_t)N * (N - 1) / 2, "%s: each once", rows[r].what);
        cr_expect(addr_equal(&b.last_from, &a_at), "%s: sender", rows[r].what);
        cr_expect_eq(net_udp_counters(a.udp)->sent, N);
        cr_expect_eq(net_udp_counters(a.udp)->sent_bytes, N * sizeof payload);
        cr_expect_eq(net_udp_counters(b.udp)->received_bytes, N * sizeof payload);
        net_udp_close(a.udp);
        net_udp_close(b.udp);
        net_loop_free(loop);
    }
}

Test(net_udp, a_dual_stack_socket_speaks_ipv4_and_calls_it_so) {
    struct net_loop *loop = net_loop_new();
    struct inbox four = {.stop_at = 1}, both = {.echo = true};
    struct addr four_at = open_inbox(&four, loop, loopback(0));
    struct addr any6 = addr_ipv6((const uint8_t[16]){0}, 0);
    struct addr both_at = open_inbox(&both, loop, any6);
    struct addr to = loopback(both_at.port), six = loopback6(both_at.port);

    cr_assert(net_udp_send(four.udp, &to, "ping", 4));
    run_until_stopped(loop);
    cr_expect(addr_equal(&both.last_from, &four_at), "IPv4-mapped is folded");
    cr_expect(addr_equal(&four.last_from, &to));
    cr_expect_not(net_udp_send(four.udp, &six, "ping", 4), "IPv6 from an IPv4 socket");
    cr_expect_not(net_udp_send(four.udp, &(struct addr){0}, "ping", 4), "to nobody");
    cr_expect_eq(net_udp_counters(four.udp)->dropped_family, 2);
    net_udp_close(four.udp);
    net_udp_close(both.udp);
    net_loop_free(loop);
}

Test(net_udp, sizes) {
    static const struct {
        const char *what;
        size_t len;
        bool arrives;
    } rows[] = {{"empty", 0, true},
                {"one byte", 1, true},
                {"the largest", NET_UDP_DATAGRAM_MAX, true},
                {"one too many", NET_UDP_DATAGRAM_MAX + 1, false}};
    struct net_loop *loop = net_loop_new();
    struct inbox in = {0};
    struct addr at = open_inbox(&in, loop, loopback(0));
    struct sockaddr_storage sa;
    socklen_t sa_len = net_sockaddr_from_addr(&sa, &at);
    uint8_t payload[NET_UDP_DATAGRAM_MAX + 1] = {0};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t before = in.count;
        cr_assert_eq(sendto(fd, payload, rows[i].len, 0, (struct sockaddr *)&sa, sa_len),
                     (ssize_t)rows[i].len);
        /* A short one behind it shows that the other has been dealt with. */
        sendto(fd, payload, 4, 0, (struct sockaddr *)&sa, sa_len);
        in.stop_at = before + (rows[i].arrives ? 2 : 1);
        run_until_stopped(loop);
        cr_expect_eq(in.count, in.stop_at, "%s", rows[i].what);
    }
    cr_expect_eq(net_udp_counters(in.udp)->oversized, 1);
    cr_expect_not(net_udp_send(in.udp, &at, payload, sizeof payload), "nor can it be sent");
    close(fd);
    net_udp_close(in.udp);
    net_loop_free(loop);
}

Test(net_udp, icmp_does_not_matter) {
    struct net_loop *loop = net_loop_new();
    struct inbox in = {.stop_at = 1}, gone = {0};
    struct addr at = open_inbox(&in, loop, loopback(0));
    struct addr nobody = open_inbox(&gone, loop, loopback(0));

    net_udp_close(gone.udp);
    for (int i = 0; i < 100; i++) {
        cr_expect(net_udp_send(in.udp, &nobody, "anyone?", 7));
        net_udp_flush(in.udp);
    }
    cr_expect(net_udp_send(in.udp, &at, "self", 4));
    run_until_stopped(loop);
    cr_expect_eq(in.last_len, 4);
    cr_expect_eq(net_udp_counters(in.udp)->sent, 101, "port unreachable came back and was nothing");
    net_udp_close(in.udp);
    net_loop_free(loop);
}

/* A socket that somebody connected before we adopted it does get ICMP's errors. */
Test(net_udp, errors_of_an_adopted_socket_are_counted_and_passed_over) {
    struct net_loop *loop = net_loop_new();
    struct inbox in = {.loop = loop, .stop_at = 1}, far = {0};
    struct addr far_at = open_inbox(&far, loop, loopback(0)), bind_to = loopback(0);
    struct sockaddr_storage sa;
    int fd;

    cr_assert_eq(net_socket_udp(&fd, &bind_to), ERR_OK);
    socklen_t len = net_sockaddr_from_addr(&sa, &far_at);
    cr_assert_eq(connect(fd, (struct sockaddr *)&sa, len), 0);
    cr_assert_eq(net_udp_adopt(&in.udp, loop, fd, received, &in), ERR_OK);
    net_udp_close(far.udp);
    for (int i = 0; i < 5; i++) {
        net_udp_send(in.udp, &far_at, "x", 1);
        net_udp_flush(in.udp);
    }
    net_loop_run_until(loop, in_ms(5));
    const struct net_udp_counters *c = net_udp_counters(in.udp);
    cr_expect(c->send_refused > 0 && c->send_refused + c->sent == 5, "%d refused, %d sent",
              (int)c->send_refused, (int)c->sent);
    /* Back again on the same port: everything works on. */
    struct addr again = far_at;
    cr_assert_eq(net_udp_bind(&far.udp, loop, &again, received, &far), ERR_OK);
    far.stop_at = 1;
    net_udp_send(in.udp, &far_at, "back", 4);
    run_until_stopped(loop);
    cr_expect_eq(far.last_len, 4);
    net_udp_close(far.udp);
    net_udp_close(in.udp);
    net_loop_free(loop);
}

/* The kernel begins to stamp a moment after the first socket of the machine asked for it, later if
 * it is busy; until then arrival is the time of reading. Hence several tries. */
Test(net_udp, arrival_is_stamped_by_the_kernel_not_by_a_busy_loop) {
    enum {
        TRIES = 50,
        BUSY_US = 40000
    };
    struct net_loop *loop = net_loop_new();
    struct inbox in = {0};
    struct addr at = open_inbox(&in, loop, loopback(0));
    bool stamped = false;

    for (int i = 0; i < TRIES && !stamped; i++) {
        in.stop_at = in.count + 1;
        struct instant before = net_now();
        net_udp_send(in.udp, &at, "x", 1);
        net_udp_flush(in.udp);
        usleep(BUSY_US); /* we are busy */
        run_until_stopped(loop);
        cr_expect(in.last_now.us - before.us >= BUSY_US);
        cr_expect(in.last_at.us <= in.last_now.us);
        stamped = in.last_at.us < in.last_now.us - BUSY_US / 2;
    }
    cr_expect(stamped, "arrived %d µs before it was read", (int)(in.last_now.us - in.last_at.us));
    net_udp_close(in.udp);
    net_loop_free(loop);
}

static void never(void *data, const struct net_datagram *d, struct instant now) {
    (void)data;
    (void)d;
    (void)now;
    cr_assert_fail("received");
}

static void send_all(struct net_udp *udp, const struct addr *to, int n) {
    for (int i = 0; i < n; i++)
        net_udp_send(udp, to, "x", 1);
    net_udp_flush(udp);
}

Test(net_udp, closing_in_the_callback_and_with_datagrams_queued) {
    struct net_loop *loop = net_loop_new();
    struct inbox in = {.close_on_first = true}, out = {0}, sink = {.stop_at = 3};
    struct addr at = open_inbox(&in, loop, loopback(0)), sink_at;

    open_inbox(&out, loop, loopback(0));
    send_all(out.udp, &at, 5);
    net_loop_run_until(loop, in_ms(5));
    cr_expect_eq(in.count, 1, "the rest of the batch is not handed over");
    /* What is queued at close goes out. */
    sink_at = open_inbox(&sink, loop, loopback(0));
    for (int i = 0; i < 3; i++)
        net_udp_send(out.udp, &sink_at, "x", 1);
    net_udp_close(out.udp);
    run_until_stopped(loop);
    net_udp_close(sink.udp);
    net_udp_close(NULL);
    net_loop_free(loop);
}

Test(net_udp, what_cannot_be_bound_or_adopted) {
    struct net_loop *loop = net_loop_new();
    struct inbox in = {0};
    struct addr taken = open_inbox(&in, loop, loopback(0)), none = {0};
    struct net_udp *udp;
    int fds[2];

    cr_expect_eq(net_udp_bind(&udp, loop, &taken, never, NULL), ERR_IO, "taken");
    cr_expect_null(udp);
    cr_expect_eq(net_udp_bind(&udp, loop, &none, never, NULL), ERR_IO, "no address");
    cr_assert_eq(pipe(fds), 0);
    cr_expect_eq(net_udp_adopt(&udp, loop, fds[0], never, NULL), ERR_IO, "not a socket");
    cr_expect_eq(close(fds[0]), -1, "owned nevertheless");
    close(fds[1]);
    net_udp_close(in.udp);
    net_loop_free(loop);
}

Test(net_sockaddr, there_and_back) {
    static const char *const rows[] = {"127.0.0.1:1", "192.0.2.7:65535", "[2001:db8::1]:5004"};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sockaddr_storage sa;
        struct addr a, back;
        cr_assert(addr_from_text(&a, rows[i]));
        cr_expect_gt(net_sockaddr_from_addr(&sa, &a), 0);
        back = net_addr_from_sockaddr((struct sockaddr *)&sa);
        cr_expect(addr_equal(&a, &back), "%s", rows[i]);
        cr_expect_eq(net_sockaddr_mapped(&sa, &a), sizeof(struct sockaddr_in6));
        back = net_addr_from_sockaddr((struct sockaddr *)&sa);
        cr_expect(addr_equal(&a, &back), "%s mapped", rows[i]);
    }
    struct addr none = net_addr_from_sockaddr(&(struct sockaddr){.sa_family = AF_UNIX});
    cr_expect(addr_is_none(&none));
    cr_expect(addr_is_none(&(struct addr){0}));
}
