/* Answers that go on: to one who reads, to one who does not, and to one who goes. */
#include "test/lib/standstill.h"
#include "test/unit/net_http_fixture.h"

#include "peerd/net/sockaddr.h"

#include <sys/socket.h>

TestSuite(net_http_stream, .init = standstill_begin);

struct pieces {
    struct outcome outcome; /* first: the call's data is both */
    char text[64];
    size_t len;
    int count;
};

static void keep_piece(void *data, const char *text, size_t len) {
    struct pieces *p = data;
    cr_assert(p->len + len < sizeof(p->text));
    memcpy(p->text + p->len, text, len);
    p->len += len;
    p->count++;
}

static struct net_http_server_options plain(void) {
    return (struct net_http_server_options){0};
}

Test(net_http_stream, what_is_written_comes_as_it_is_written) {
    struct site s = {0};
    struct pieces p = {.len = 0};

    open_site(&s, plain());
    p.outcome.left = NULL;
    cr_assert_eq(start_call(&s, &p.outcome,
                            (struct net_http_call_options){.url = url_of(&s, "/stream"),
                                                           .piece = keep_piece},
                            NULL),
                 ERR_OK);
    run_until_stopped(s.loop);
    cr_expect(p.outcome.err == ERR_OK && p.outcome.status == 200);
    cr_expect_eq(p.len, 9u);
    cr_expect_eq(strncmp(p.text, "onetwoend", 9), 0, "%s", p.text);
    cr_expect_eq(p.count, 3, "each by itself: %d", p.count);
    cr_expect_eq(p.outcome.body_len, 0u, "nothing is kept");
    cr_expect_eq(s.overs, 0, "who ends it is not told that it is over");
    get(&s, &p.outcome, "/hello");
    cr_expect_str_eq(p.outcome.body, "hello", "the server serves on");
    close_site(&s);
}

Test(net_http_stream, one_who_wants_it_whole_has_it_whole) {
    struct site s = {0};
    struct outcome o;

    open_site(&s, plain());
    get(&s, &o, "/stream");
    cr_expect_str_eq(o.body, "onetwoend");
    cr_expect_geq(duration_in_ms(o.took), 60);
    close_site(&s);
}

Test(net_http_stream, a_refusal_comes_as_a_refusal) {
    struct site s = {0};
    struct pieces p = {.len = 0};

    open_site(&s, plain());
    call(&s, &p.outcome,
         (struct net_http_call_options){.url = url_of(&s, "/busy"), .piece = keep_piece});
    cr_expect_eq(p.outcome.status, 503);
    cr_expect_eq(p.count, 0);
    cr_expect_not_null(strstr(p.outcome.body, "all \\\"slots\\\" taken"), "%s", p.outcome.body);
    close_site(&s);
}

Test(net_http_stream, silence_ends_it_for_who_reads) {
    struct site s = {0};
    struct pieces p = {.len = 0};

    open_site(&s, plain());
    call(&s, &p.outcome,
         (struct net_http_call_options){
             .url = url_of(&s, "/open"), .piece = keep_piece, .timeout = duration_ms(900)});
    cr_expect_eq(p.outcome.err, ERR_TIMEOUT, "%s", err_name(p.outcome.err));
    cr_expect_eq(p.len, 3u);
    close_site(&s);
    cr_expect_eq(s.overs, 1);
}

/* Connects and asks, and reads nothing. */
static int ask_and_sleep(struct site *s, const char *path) {
    struct sockaddr_storage to;
    char request[128];
    int fd = socket(AF_INET, SOCK_STREAM, 0), small = 4096;
    struct addr at = net_http_server_address(s->server);
    socklen_t len = net_sockaddr_from_addr(&to, &at);

    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    cr_assert_eq(connect(fd, (struct sockaddr *)&to, len), 0);
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
    cr_assert_eq(send(fd, request, strlen(request), 0), (ssize_t)strlen(request));
    return fd;
}

Test(net_http_stream, one_who_does_not_read_is_cut_off) {
    struct site s = {0};
    struct outcome o;

    open_site(&s, plain());
    int fd = ask_and_sleep(&s, "/flood");
    for (int i = 0; i < 100 && s.overs == 0; i++)
        net_loop_run_until(s.loop, in_ms(100));
    cr_expect_eq(s.overs, 1, "after %zu bytes", s.flooded);
    get(&s, &o, "/hello");
    cr_expect_str_eq(o.body, "hello");
    close(fd);
    close_site(&s);
}

Test(net_http_stream, one_who_goes_is_noticed_when_he_is_written_to) {
    struct site s = {0};

    open_site(&s, plain());
    int fd = ask_and_sleep(&s, "/flood");
    net_loop_run_until(s.loop, in_ms(10));
    cr_assert_not_null(s.stream);
    close(fd);
    for (int i = 0; i < 100 && s.overs == 0; i++)
        net_loop_run_until(s.loop, in_ms(100));
    cr_expect_eq(s.overs, 1);
    close_site(&s);
}

Test(net_http_stream, a_server_that_stops_ends_what_is_open) {
    struct site s = {0};

    open_site(&s, plain());
    int fd = ask_and_sleep(&s, "/open");
    net_loop_run_until(s.loop, in_ms(50));
    cr_assert_not_null(s.stream);
    close_site(&s);
    cr_expect_eq(s.overs, 1);
    close(fd);
}
