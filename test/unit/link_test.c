#include "transcoder/worker/link.h"

#include "peerd/net/clock.h"
#include "test/lib/standstill.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct end {
    struct link *link;
    uint64_t pings, statuses, last;
    bool closed, drained, free_on_receipt;
};

static void received(void *data, enum link_kind kind, const void *body) {
    struct end *e = data;
    if (kind == LINK_PING) {
        e->pings++;
        e->last = ((const struct link_ping *)body)->number;
    }
    e->statuses += kind == LINK_STATUS;
    if (e->free_on_receipt) {
        link_free(e->link);
        e->link = NULL;
    }
}

static void closed(void *data) {
    ((struct end *)data)->closed = true;
}

static void drained(void *data) {
    ((struct end *)data)->drained = true;
}

static struct net_loop *loop;
static int fds[2];

static void open_end(struct end *e, int fd, size_t queue_max) {
    const struct link_handlers handlers = {
        .received = received, .closed = closed, .drained = drained, .data = e};
    cr_assert_eq(link_open(&e->link, loop, fd, queue_max, &handlers), ERR_OK);
}

static void run_ms(int64_t ms) {
    net_loop_run_until(loop, instant_add(net_now(), duration_ms(ms)));
}

static void start(void) {
    standstill_begin();
    loop = net_loop_new();
    cr_assert_eq(link_pair(fds), ERR_OK);
}

static void stop(void) {
    net_loop_free(loop);
}

TestSuite(link, .init = start, .fini = stop);

Test(link, carries_messages_whole_and_in_order) {
    struct end a = {0}, b = {0};
    const struct link_status status = {.ping = 7};
    open_end(&a, fds[0], 1 << 20);
    open_end(&b, fds[1], 1 << 20);
    for (uint64_t i = 1; i <= 100; i++) {
        const struct link_ping ping = {.number = i};
        cr_assert(link_send(a.link, LINK_PING, &ping));
    }
    cr_assert(link_send(b.link, LINK_STATUS, &status));
    run_ms(50);
    cr_expect_eq(b.pings, 100);
    cr_expect_eq(b.last, 100);
    cr_expect_eq(a.statuses, 1);
    link_free(a.link);
    run_ms(20);
    cr_expect(b.closed, "the other end is gone");
    cr_expect(!link_send(b.link, LINK_STATUS, &status), "nobody listens");
    link_free(b.link);
}

Test(link, queue_is_bounded_and_drains) {
    struct end a = {0}, b = {0};
    struct link_session s;
    uint64_t sent = 0;
    memset(&s, 0, sizeof(s));
    open_end(&a, fds[0], 100 * sizeof(s));
    while (sent < 100000 && link_send(a.link, LINK_SESSION, &s))
        sent++;
    cr_expect_lt(sent, 100000, "nobody reads: there is an end to it");
    cr_expect_gt(sent, 100, "the kernel holds some, the queue the rest");
    const struct link_ping ping = {.number = 1};
    open_end(&b, fds[1], 1 << 20);
    run_ms(200);
    cr_expect(a.drained);
    cr_expect(link_send(a.link, LINK_PING, &ping));
    run_ms(20);
    cr_expect_eq(b.pings, 1);
    link_free(a.link);
    link_free(b.link);
}

Test(link, nonsense_closes_it) {
    static const struct {
        const char *what;
        uint64_t kind;
        size_t len;
    } rows[] = {
        {"unknown kind", LINK_KINDS, 16},
        {"kind far out", UINT64_MAX, 16},
        {"too short for its kind", LINK_STATUS, 16},
        {"too long for its kind", LINK_PING, 24},
        {"no kind at all", 0, 3},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t bytes[LINK_LEN_MAX] = {0};
        struct end a = {0};
        int pair[2];
        cr_assert_eq(link_pair(pair), ERR_OK);
        open_end(&a, pair[0], 1 << 20);
        memcpy(bytes, &rows[i].kind, sizeof(rows[i].kind));
        cr_assert_eq(send(pair[1], bytes, rows[i].len, 0), (ssize_t)rows[i].len);
        run_ms(20);
        cr_expect(a.closed, "%s", rows[i].what);
        cr_expect_eq(a.pings + a.statuses, 0, "%s", rows[i].what);
        link_free(a.link);
        close(pair[1]);
    }
    close(fds[0]);
    close(fds[1]);
}

Test(link, may_be_freed_from_within) {
    struct end a = {0}, b = {.free_on_receipt = true};
    open_end(&a, fds[0], 1 << 20);
    open_end(&b, fds[1], 1 << 20);
    const struct link_ping ping = {.number = 1};
    for (int i = 0; i < 3; i++)
        link_send(a.link, LINK_PING, &ping);
    run_ms(20);
    cr_expect_eq(b.pings, 1, "the rest was not for it any more");
    cr_expect(a.closed);
    link_free(a.link);
}
