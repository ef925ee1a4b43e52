#include "test/lib/standstill.h"
#include "test/unit/net_http_fixture.h"

#include "peerd/net/sockaddr.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

/* An answer that is given many times (peerd/net/http_server.h). */
TestSuite(net_http_ready, .init = standstill_begin);

#define BODY_BYTES ((size_t)24 << 20) /* more than the kernel takes for one who does not read */

static void make_ready(struct site *s, const char *body, size_t len) {
    static const struct net_http_header extra[] = {{"X-Extra", "more"}};

    s->lent++;
    s->ready = net_http_ready_new(&(struct net_http_answer){.status = 203,
                                                            .content_type = "text/plain",
                                                            .body = body,
                                                            .body_len = len,
                                                            .headers = extra,
                                                            .header_count = 1,
                                                            .release = give_back,
                                                            .owner = s});
    cr_assert_not_null(s->ready);
}

static void expect_ready(const struct outcome *o, const char *body) {
    cr_expect(o->err == ERR_OK && o->status == 203, "%u %s", o->status, o->detail);
    cr_expect_str_eq(o->body, body);
    cr_expect_str_eq(o->type, "text/plain");
    cr_expect_str_eq(o->extra, "more");
}

static void settle(struct site *s) {
    net_loop_run_until(s->loop, in_ms(5));
}

Test(net_http_ready, many_have_it_and_the_body_comes_back_once) {
    struct site s = {0};
    struct outcome o;

    open_site(&s, (struct net_http_server_options){0});
    make_ready(&s, "ready", 5);
    for (int i = 0; i < 20; i++) {
        get(&s, &o, "/ready");
        expect_ready(&o, "ready");
    }
    call(&s, &o, (struct net_http_call_options){.method = "HEAD", .url = url_of(&s, "/ready")});
    expect_ready(&o, "");
    settle(&s);
    cr_expect_eq(s.returned, 0, "its owner has it still");
    net_http_ready_drop(s.ready);
    cr_expect_eq(s.returned, 1);
    close_site(&s);
}

Test(net_http_ready, who_has_waited_has_it_too) {
    enum {
        N = 8
    };
    static struct outcome o[N];
    struct site s = {0};
    size_t left = N;

    open_site(&s, (struct net_http_server_options){0});
    make_ready(&s, "ready", 5);
    for (int i = 0; i < N; i++) {
        o[i].left = &left;
        start_call(&s, &o[i], (struct net_http_call_options){.url = url_of(&s, "/never")}, NULL);
    }
    while (s.kept_count < N)
        net_loop_run_until(s.loop, in_ms(1));
    while (s.kept_count > 0)
        net_http_answer_ready(s.kept[--s.kept_count], s.ready);
    /* None has been sent yet: each still needs what its owner does not. */
    net_http_ready_drop(s.ready);
    cr_expect_eq(s.returned, 0);
    run_until_stopped(s.loop);
    for (int i = 0; i < N; i++)
        expect_ready(&o[i], "ready");
    settle(&s);
    cr_expect_eq(s.returned, 1, "and now nobody does");
    close_site(&s);
}

Test(net_http_ready, who_has_left_needs_nothing) {
    struct site s = {0};
    struct outcome o[2] = {0};
    size_t left = 99;

    open_site(&s, (struct net_http_server_options){0});
    make_ready(&s, "ready", 5);
    for (int i = 0; i < 2; i++) {
        o[i].left = &left;
        start_call(&s, &o[i], (struct net_http_call_options){.url = url_of(&s, "/never")}, NULL);
    }
    while (s.kept_count < 2)
        net_loop_run_until(s.loop, in_ms(1));
    net_http_server_stop(s.server);
    s.server = NULL;
    while (s.kept_count > 0)
        net_http_answer_ready(s.kept[--s.kept_count], s.ready);
    cr_expect_eq(s.returned, 0);
    net_http_ready_drop(s.ready);
    cr_expect_eq(s.returned, 1);
    close_site(&s);
}

/* ---- one who reads slowly -------------------------------------------------------------------- */

static int ask_for_it(struct site *s) {
    static const char question[] = "GET /ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    struct addr at = net_http_server_address(s->server);
    struct sockaddr_storage sa;
    socklen_t len = net_sockaddr_from_addr(&sa, &at);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    cr_assert_eq(connect(fd, (struct sockaddr *)&sa, len), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    cr_assert_eq(write(fd, question, sizeof question - 1), (ssize_t)sizeof question - 1);
    return fd;
}

/* [bytes] that come until the end; each must be what the body has there. */
static size_t read_it(struct site *s, int fd, const char *body) {
    static char part[1 << 16];
    size_t len = 0;
    bool head = true;

    for (;;) {
        ssize_t got = recv(fd, part, sizeof part - 1, 0);
        const char *from = part;
        if (got == 0)
            return len;
        if (got < 0) {
            cr_assert_eq(errno, EAGAIN);
            net_loop_run_until(s->loop, in_ms(1));
            continue;
        }
        part[got] = '\0';
        if (head) {
            from = strstr(part, "\r\n\r\n");
            cr_assert_not_null(from);
            from += 4;
            head = false;
        }
        size_t more = (size_t)(part + got - from);
        cr_assert(len + more <= BODY_BYTES && memcmp(from, body + len, more) == 0, "at %zu", len);
        len += more;
    }
}

Test(net_http_ready, who_reads_slowly_has_all_of_it_though_it_was_dropped) {
    struct site s = {0};
    struct outcome o;
    char *body = malloc(BODY_BYTES);

    for (size_t i = 0; i < BODY_BYTES; i++)
        body[i] = (char)('a' + i * 2654435761u % 26);
    open_site(&s, (struct net_http_server_options){0});
    make_ready(&s, body, BODY_BYTES);
    int slow = ask_for_it(&s);
    get(&s, &o, "/hello"); /* the question has arrived */
    settle(&s);
    net_http_ready_drop(s.ready);
    settle(&s);
    cr_expect_eq(s.returned, 0, "it is being read");
    cr_expect_eq(read_it(&s, slow, body), BODY_BYTES);
    settle(&s);
    cr_expect_eq(s.returned, 1);
    close(slow);
    close_site(&s);
    free(body);
}
