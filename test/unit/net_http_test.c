#include "test/lib/standstill.h"
#include "test/unit/net_http_fixture.h"

#include "peerd/net/sockaddr.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/socket.h>

/* The server and its clients share a loop, and time passes only when none of them has anything to
 * do: whoever is cut off was slow, not the machine. */
TestSuite(net_http, .init = standstill_begin);

static struct net_http_server_options plain(void) {
    return (struct net_http_server_options){0};
}

Test(net_http, methods_headers_queries_and_bodies) {
    static const struct net_http_header asked[] = {{"X-Asked", "yes"}, {"X-Empty", ""}};
    static const struct {
        const char *what, *method, *path, *body;
        unsigned status;
        const char *expected;
    } rows[] = {
        {"plain get", NULL, "/hello", NULL, 200, "hello"},
        {"header and query", NULL, "/who?q=a%20b%26c&x", NULL, 200,
         "GET 127.0.0.1:0 - x-asked=yes q=a b&c"},
        {"query without a value", NULL, "/who?q", NULL, 200, "GET 127.0.0.1:0 - x-asked=yes q="},
        {"no query", NULL, "/who", NULL, 200, "GET 127.0.0.1:0 - x-asked=yes q=(none)"},
        {"a path is decoded", NULL, "/he%6Clo", NULL, 200, "hello"},
        {"post", NULL, "/echo", "{\"a\":1}", 201, "{\"a\":1}"},
        {"post nothing", "POST", "/echo", NULL, 201, ""},
        {"put", "PUT", "/echo", "x", 201, "x"},
        {"delete", "DELETE", "/who", NULL, 200, "DELETE 127.0.0.1:0 - x-asked=yes q=(none)"},
        {"head has no body", "HEAD", "/hello", NULL, 200, ""},
        {"unknown", NULL, "/nothing", NULL, 404,
         "{\"title\":\"Not Found\",\"status\":404,\"code\":\"not_found\"}"}};
    struct site s = {0};
    struct outcome o;

    open_site(&s, plain());
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        call(&s, &o,
             (struct net_http_call_options){.method = rows[i].method,
                                            .url = url_of(&s, rows[i].path),
                                            .body = rows[i].body,
                                            .body_len =
                                                rows[i].body != NULL ? strlen(rows[i].body) : 0,
                                            .headers = asked,
                                            .header_count = 2});
        cr_expect_eq(o.err, ERR_OK, "%s: %s", rows[i].what, o.detail);
        cr_expect_eq(o.status, rows[i].status, "%s: %u", rows[i].what, o.status);
        cr_expect_str_eq(o.body, rows[i].expected, "%s: %s", rows[i].what, o.body);
        cr_expect_eq(o.reused, i > 0, "%s: one connection for all", rows[i].what);
        if (rows[i].status == 200)
            cr_expect(strcmp(o.type, "text/plain") == 0 && strcmp(o.extra, "more") == 0, "%s",
                      rows[i].what);
    }
    cr_expect_eq(net_http_server_counters(s.server)->connections, 1);
    cr_expect_eq(net_http_server_counters(s.server)->requests, sizeof rows / sizeof rows[0]);
    close_site(&s);
}

Test(net_http, a_browser_asks_before_a_script_may) {
    static const struct { const char *path, *network; } rows[] = {{"/hello", "true"}, {"/who", ""}};
    struct site s = {0};
    struct outcome o;

    open_site(&s, plain());
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        call(&s, &o,
             (struct net_http_call_options){.method = "OPTIONS", .url = url_of(&s, rows[i].path)});
        cr_expect(o.err == ERR_OK && o.status == 204, "%s: %u %s", rows[i].path, o.status,
                  o.detail);
        cr_expect_str_eq(o.origin, "*");
        cr_expect_str_eq(o.allowed, "X-One, X-Two");
        cr_expect_str_eq(o.network, rows[i].network, "%s", rows[i].path);
    }
    close_site(&s);
}

Test(net_http, over_ipv6) {
    struct net_http_server_options options = {.bind_to = loopback6(0)};
    struct site s = {0};
    struct outcome o;

    open_site(&s, options);
    get(&s, &o, "/who");
    cr_expect_str_eq(o.body, "GET [::1]:0 - x-asked=(none) q=(none)");
    close_site(&s);
}

Test(net_http, a_problem_says_what_and_when_to_come_back) {
    struct site s = {0};
    struct outcome o;

    open_site(&s, plain());
    get(&s, &o, "/busy");
    cr_expect_eq(o.status, 503);
    cr_expect_eq(o.retry_after.us, 7000000);
    cr_expect_str_eq(o.type, "application/problem+json");
    json_t *j = json_loads(o.body, 0, NULL);
    cr_assert_not_null(j);
    cr_expect_str_eq(json_string_value(json_object_get(j, "title")), "Service Unavailable");
    cr_expect_str_eq(json_string_value(json_object_get(j, "code")), "no_credit");
    cr_expect_str_eq(json_string_value(json_object_get(j, "detail")), "all \"slots\" taken");
    json_decref(j);
    close_site(&s);
}

Test(net_http, a_hundred_at_once_answered_later) {
    enum {
        N = 100
    };
    static struct outcome o[N];
    struct site s = {0};
    size_t left = N;

    open_site(&s, plain());
    for (int i = 0; i < N; i++) {
        o[i].left = &left;
        cr_assert_eq(start_call(&s, &o[i],
                                (struct net_http_call_options){
                                    .url = url_of(&s, i % 2 ? "/later" : "/hello")},
                                NULL),
                     ERR_OK);
    }
    cr_expect_eq(net_http_calls_in_flight(s.client), N);
    run_until_stopped(s.loop);
    for (int i = 0; i < N; i++)
        cr_expect(o[i].done == 1 && o[i].status == 200 &&
                      strcmp(o[i].body, i % 2 ? "later" : "hello") == 0,
                  "%d: %s %s", i, err_name(o[i].err), o[i].detail);
    cr_expect_eq(net_http_calls_in_flight(s.client), 0);
    close_site(&s);
}

Test(net_http, bodies_too_long) {
    enum {
        MAX = 5000
    };
    static char body[MAX * 20];
    static const struct {
        const char *what;
        size_t len;
        unsigned status;
    } rows[] = {{"the longest allowed", MAX, 201},
                {"one byte more", MAX + 1, 413},
                {"read for courtesy", MAX * 4, 413},
                {"not even read", MAX * 20, 413}};
    struct net_http_server_options options = {.body_bytes_max = MAX};
    struct site s = {0};
    struct outcome o;

    memset(body, 'x', sizeof body);
    open_site(&s, options);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static const struct net_http_header expect[] = {{"Expect", "100-continue"}};
        static const struct net_http_header chunked[] = {{"Transfer-Encoding", "chunked"}};
        for (int way = 0; way < 3; way++) {
            /* Without Expect, a client that is cut off while it sends may miss the answer. */
            if (way != 1 && rows[i].len > MAX * 8)
                continue;
            call(&s, &o,
                 (struct net_http_call_options){.url = url_of(&s, "/echo"),
                                                .body = body,
                                                .body_len = rows[i].len,
                                                .headers = way == 1 ? expect : chunked,
                                                .header_count = way > 0});
            cr_expect_eq(o.status, rows[i].status, "%s, way %d: %u %s", rows[i].what, way, o.status,
                         o.detail);
            cr_expect(rows[i].status != 201 || o.body_len == rows[i].len);
        }
    }
    cr_expect_eq(net_http_server_counters(s.server)->refused, 3 + 3 + 1);
    get(&s, &o, "/hello");
    cr_expect_eq(o.status, 200, "and all is well");
    close_site(&s);
}

static unsigned admit_some(void *data, const struct net_http_request *r) {
    (void)data;
    cr_assert(r->body_len == 0);
    if (net_http_header(r, "Authorization") == NULL)
        return 401;
    return strcmp(r->path, "/secret") == 0 ? 403 : 0;
}

Test(net_http, admission_by_headers_alone) {
    static const struct net_http_header token[] = {{"Authorization", "Bearer x"}};
    static const struct {
        const char *what, *path;
        bool token;
        unsigned status;
    } rows[] = {{"without a token", "/echo", false, 401},
                {"with one", "/echo", true, 201},
                {"not that", "/secret", true, 403}};
    struct net_http_server_options options = {.admit = admit_some};
    struct site s = {0};
    struct outcome o;

    open_site(&s, options);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        call(&s, &o,
             (struct net_http_call_options){.url = url_of(&s, rows[i].path),
                                            .body = "body",
                                            .body_len = 4,
                                            .headers = token,
                                            .header_count = rows[i].token});
        cr_expect_eq(o.status, rows[i].status, "%s: %u", rows[i].what, o.status);
        cr_expect(o.status == 201 || strcmp(o.type, "application/problem+json") == 0);
    }
    cr_expect_eq(net_http_server_counters(s.server)->requests, 1, "the handler saw only one");
    close_site(&s);
}

Test(net_http, a_handler_that_does_not_answer_is_answered_for) {
    struct net_http_server_options options = {.answer_within = duration_ms(60)};
    struct site s = {0};
    struct outcome o;

    open_site(&s, options);
    get(&s, &o, "/never");
    cr_expect_eq(o.status, 503);
    cr_expect_eq(o.retry_after.us, 1000000);
    cr_expect_eq(net_http_server_counters(s.server)->overdue, 1);
    /* The handler's own answer comes too late, and is nothing. */
    cr_assert_eq(s.kept_count, 1);
    cr_expect_str_eq(s.kept[0]->path, "/never", "still readable");
    cr_expect_null(net_http_header(s.kept[0], "Host"));
    answer_kept(&s, net_now());
    get(&s, &o, "/hello");
    cr_expect_eq(o.status, 200);
    close_site(&s);
}

Test(net_http, stopping_with_requests_open) {
    struct site s = {0};
    struct outcome o[3] = {0};
    size_t left = 99;

    open_site(&s, plain());
    for (int i = 0; i < 3; i++) {
        o[i].left = &left;
        start_call(&s, &o[i], (struct net_http_call_options){.url = url_of(&s, "/never")}, NULL);
    }
    while (s.kept_count < 3)
        net_loop_run_until(s.loop, in_ms(1));
    /* The server goes first, then its handler answers, then the client hears of it. */
    net_http_server_stop(s.server);
    s.server = NULL;
    answer_kept(&s, net_now());
    left = 3;
    run_until_stopped(s.loop);
    for (int i = 0; i < 3; i++)
        cr_expect(o[i].done == 1 && (o[i].status == 503 || o[i].err != ERR_OK));
    close_site(&s);
}

/* ---- clients that are not ours ---- */

static int dial(struct site *s) {
    struct addr at = net_http_server_address(s->server);
    struct sockaddr_storage sa;
    socklen_t len = net_sockaddr_from_addr(&sa, &at);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    cr_assert_eq(connect(fd, (struct sockaddr *)&sa, len), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

/* Lets the server run until the connection ends or `ms` are over; true if it ended. */
static bool ended(struct site *s, int fd, int64_t ms, char *text, size_t size) {
    struct instant until = in_ms(ms);
    size_t len = 0;

    while (!instant_reached(net_now(), until)) {
        net_loop_run_until(s->loop, in_ms(20));
        ssize_t got = recv(fd, text + len, size - 1 - len, 0);
        if (got > 0)
            len += (size_t)got;
        text[len] = '\0';
        if (got == 0 || (got < 0 && errno != EAGAIN))
            return true;
    }
    return false;
}

Test(net_http, slow_clients_are_cut_off_and_hinder_nobody) {
    struct net_http_server_options options = {.idle = duration_ms(300)};
    struct site s = {0};
    struct outcome o;
    char text[512];

    open_site(&s, options);
    int dribbling = dial(&s);
    cr_expect_eq(write(dribbling, "GET /hello HTTP/1.1\r\nX: ", 24), 24);
    struct instant start = net_now();
    /* Never done, never silent: a timeout that counts from the last byte would not help. */
    while (!ended(&s, dribbling, 20, text, sizeof text)) {
        cr_assert(net_now().us - start.us < PATIENCE_S * 1000000ll);
        if (write(dribbling, "x", 1) != 1)
            break;
    }
    int64_t took_us = net_now().us - start.us;
    cr_expect(took_us >= 250000 && took_us <= 700000, "%d µs", (int)took_us);
    cr_expect_eq(net_http_server_counters(s.server)->cut_off, 1);
    cr_expect_eq(net_http_server_counters(s.server)->requests, 0);
    /* A request that waits for its handler is not slow. */
    int waiting = dial(&s);
    cr_expect_eq(write(waiting, "GET /never HTTP/1.1\r\nHost: x\r\n\r\n", 33), 33);
    cr_expect_not(ended(&s, waiting, 700, text, sizeof text));
    answer_kept(&s, net_now());
    cr_expect(ended(&s, waiting, PATIENCE_S * 1000, text, sizeof text));
    cr_expect_not_null(strstr(text, "later"), "%s", text);
    get(&s, &o, "/hello");
    cr_expect_eq(o.status, 200);
    close(dribbling);
    close(waiting);
    close_site(&s);
}

/* microhttpd's own clock, which is real, would do it after more than a second. */
Test(net_http_silent, is_cut_off_too) {
    struct net_http_server_options options = {.idle = duration_ms(300)};
    struct site s = {0};
    char text[64];

    open_site(&s, options);
    struct instant start = net_now();
    int silent = dial(&s);
    cr_expect(ended(&s, silent, PATIENCE_S * 1000, text, sizeof text));
    bool at_once = net_now().us - start.us < 1000000;
    cr_expect(net_http_server_counters(s.server)->cut_off == 1 || !at_once);
    close(silent);
    close_site(&s);
}

Test(net_http, a_client_who_leaves_while_we_think) {
    struct site s = {0};
    struct outcome o;

    open_site(&s, plain());
    int fd = dial(&s);
    cr_expect_eq(write(fd, "GET /never HTTP/1.1\r\nHost: x\r\n\r\n", 33), 33);
    while (s.kept_count == 0)
        net_loop_run_until(s.loop, in_ms(1));
    close(fd);
    net_loop_run_until(s.loop, in_ms(5));
    answer_kept(&s, net_now());
    get(&s, &o, "/hello");
    cr_expect_eq(o.status, 200);
    close_site(&s);
}

Test(net_http, connections_are_limited) {
    struct net_http_server_options options = {.connections_max_per_ip = 3};
    struct site s = {0};
    char text[64];
    int fds[4];

    open_site(&s, options);
    for (int i = 0; i < 4; i++)
        fds[i] = dial(&s);
    cr_expect(ended(&s, fds[3], PATIENCE_S * 1000, text, sizeof text), "the fourth");
    cr_expect_not(ended(&s, fds[0], 20, text, sizeof text), "the first");
    cr_expect_eq(net_http_server_counters(s.server)->open, 3);
    for (int i = 0; i < 4; i++)
        close(fds[i]);
    close_site(&s);
}

Test(net_http, nonsense_is_refused_and_hinders_nobody) {
    static const struct {
        const char *what, *text, *expected;
    } rows[] = {
        {"noise", "\x16\x03\x01\x02\x00\x01\x00\xff\r\n\r\n", "HTTP/1."},
        {"no host", "GET /hello HTTP/1.1\r\n\r\n", " 400 "},
        {"length is no number", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1x\r\n\r\n",
         " 400 "},
        {"negative length", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
         " 400 "},
        {"enormous length",
         "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9223372036854775807\r\n\r\n", " 413 "},
        {"bad chunk", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
         " 400 "}};
    struct net_http_server_options options = {.idle = duration_ms(400)};
    struct site s = {0};
    struct outcome o;
    char text[2048];

    open_site(&s, options);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int fd = dial(&s);
        size_t len = i == 0 ? 11 : strlen(rows[i].text);
        cr_expect_eq(write(fd, rows[i].text, len), (ssize_t)len);
        text[0] = '\0';
        cr_expect(ended(&s, fd, PATIENCE_S * 1000, text, sizeof text), "%s", rows[i].what);
        cr_expect(strstr(text, rows[i].expected) != NULL || (i == 0 && text[0] == '\0'), "%s: %s",
                  rows[i].what, text);
        close(fd);
    }
    cr_expect_eq(net_http_server_counters(s.server)->requests, 0);
    get(&s, &o, "/hello");
    cr_expect_eq(o.status, 200);
    close_site(&s);
}

Test(net_http, an_address_taken) {
    struct net_http_server_options options = plain();
    struct net_http_server *second;
    struct site s = {0};
    char detail[200];

    open_site(&s, options);
    options.bind_to = net_http_server_address(s.server);
    options.handler = handle;
    cr_expect_eq(net_http_server_start(&second, s.loop, &options, detail, sizeof detail), ERR_IO);
    cr_expect_null(second);
    cr_expect_not_null(strstr(detail, "in use"), "%s", detail);
    net_http_server_stop(NULL);
    close_site(&s);
}
