#include "test/unit/net_http_fixture.h"

#include "peerd/net/sockaddr.h"

static void open_plain(struct site *s) {
    open_site(s, (struct net_http_server_options){0});
}

Test(net_http_client, options_that_make_no_sense) {
    struct key_pair pair = key_number(1);
    struct net_identity *identity;
    struct site s = {0};
    struct outcome o;

    cr_assert_eq(net_identity_new(&identity, &pair), ERR_OK);
    open_plain(&s);
    const struct {
        const char *what, *url;
        const struct public_key *pinned;
        const struct net_identity *identity;
    } rows[] = {{"another protocol", "file:///etc/passwd", NULL, NULL},
                {"none", "127.0.0.1:1/x", NULL, NULL},
                {"a pin in the clear", "http://127.0.0.1:1/", &pair.public_key, NULL},
                {"an identity in the clear", "http://127.0.0.1:1/", NULL, identity}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct net_http_call *c;
        struct net_http_call_options options = {
            .url = rows[i].url, .pinned = rows[i].pinned, .identity = rows[i].identity};
        cr_expect_eq(start_call(&s, &o, options, &c), ERR_BAD_FIELD, "%s", rows[i].what);
        cr_expect_null(c);
    }
    net_loop_run_until(s.loop, in_ms(3));
    cr_expect_eq(o.done, 0);
    net_identity_free(identity);
    net_http_client_free(NULL);
    close_site(&s);
}

Test(net_http_client, what_can_go_wrong_on_the_way) {
    struct site s = {0};
    struct outcome o;
    struct addr at = loopback(0);
    char unreachable[64], mute[64], no_host[80], text[ADDR_TEXT_LEN_MAX + 1];
    int closed_fd, mute_fd;

    open_plain(&s);
    /* A port where nobody listens, and one where nobody accepts. */
    cr_assert_eq(net_socket_tcp(&closed_fd, &at, 1), ERR_OK);
    at = net_addr_of_socket(closed_fd);
    close(closed_fd);
    snprintf(unreachable, sizeof unreachable, "http://%s/", addr_to_text(&at, text));
    at.port = 0;
    cr_assert_eq(net_socket_tcp(&mute_fd, &at, 1), ERR_OK);
    at = net_addr_of_socket(mute_fd);
    snprintf(mute, sizeof mute, "http://%s/", addr_to_text(&at, text));
    /* A label of 64 letters is refused by the resolver itself, so no name server is asked. */
    snprintf(no_host, sizeof no_host, "http://x%063d/", 0);
    const struct {
        const char *what, *url;
        size_t max;
        enum err expected;
    } rows[] = {{"nobody listens", unreachable, 0, ERR_UNREACHABLE},
                {"nobody answers", mute, 0, ERR_TIMEOUT},
                {"no such host", no_host, 0, ERR_NOT_FOUND},
                {"a URL that is none", "http://127.0.0.1:999999/", 0, ERR_BAD_FIELD},
                {"too long an answer", url_of(&s, "/hello"), 4, ERR_OVERSIZED},
                {"just short enough", s.url, 5, ERR_OK}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct duration patience = duration_ms(rows[i].expected == ERR_TIMEOUT ? 80 : 20000);
        call(&s, &o,
             (struct net_http_call_options){
                 .url = rows[i].url, .answer_bytes_max = rows[i].max, .timeout = patience});
        cr_expect_eq(o.err, rows[i].expected, "%s: %s %s", rows[i].what, err_name(o.err), o.detail);
        cr_expect_eq(o.status, rows[i].expected == ERR_OK ? 200 : 0, "%s", rows[i].what);
        cr_expect((o.detail[0] == '\0') == (o.err == ERR_OK), "%s", rows[i].what);
    }
    close(mute_fd);
    close_site(&s);
}

Test(net_http_client, the_url_names_and_connect_to_decides) {
    struct site s = {0};
    struct outcome o;

    open_plain(&s);
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    call(&s, &o,
         (struct net_http_call_options){.url = "http://ams1.example:80/hello",
                                        .connect_to = net_http_server_address(s.server)});
    cr_expect_str_eq(o.body, "hello", "%s", o.detail);
    get(&s, &o, "/hello");
    cr_expect_str_eq(o.body, "hello", "no proxy from the environment: %s", o.detail);
    close_site(&s);
}

struct canceller {
    struct outcome outcome;
    struct net_http_call *victim;
};

static void cancel_other(void *data, const struct net_http_result *r) {
    struct canceller *c = data;

    note_outcome(&c->outcome, r);
    net_http_cancel(c->victim);
}

Test(net_http_client, connects_from_where_it_is_told) {
    static const struct {
        const char *what, *local_ip, *seen; /* NULL: it fails */
    } rows[] = {
        {"from anywhere", NULL, "GET 127.0.0.1:0 "},
        {"from there", "127.0.0.9", "GET 127.0.0.9:0 "},
        {"not an address of this machine", "192.0.2.77", NULL},
    };
    struct site s = {0};
    struct outcome o;

    open_plain(&s);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        call(&s, &o,
             (struct net_http_call_options){.url = url_of(&s, "/who"),
                                            .local_ip = rows[i].local_ip});
        cr_expect_eq(o.err == ERR_OK, rows[i].seen != NULL, "%s: %s", rows[i].what, o.detail);
        cr_expect(rows[i].seen == NULL || strncmp(o.body, rows[i].seen, strlen(rows[i].seen)) == 0,
                  "%s: %s", rows[i].what, o.body);
    }
    close_site(&s);
}

Test(net_http_client, cancelled_calls_do_not_come_back) {
    struct site s = {0};
    struct outcome o = {0};
    struct canceller c = {.outcome.site = &s};
    struct net_http_call *call;

    open_plain(&s);
    cr_assert_eq(
        start_call(&s, &o, (struct net_http_call_options){.url = url_of(&s, "/later")}, &call),
        ERR_OK);
    net_http_cancel(call);
    cr_assert_eq(
        start_call(&s, &o, (struct net_http_call_options){.url = url_of(&s, "/later")}, &call),
        ERR_OK);
    net_loop_run_until(s.loop, in_ms(10)); /* on the wire */
    net_http_cancel(call);
    /* From within another's callback. */
    cr_assert_eq(
        start_call(&s, &o, (struct net_http_call_options){.url = url_of(&s, "/never")}, &c.victim),
        ERR_OK);
    cr_assert_eq(net_http_call(s.client,
                               &(struct net_http_call_options){
                                   .url = url_of(&s, "/hello"), .done = cancel_other, .data = &c},
                               NULL),
                 ERR_OK);
    run_until_stopped(s.loop);
    net_loop_run_until(s.loop, in_ms(60));
    cr_expect_eq(c.outcome.done, 1);
    cr_expect_eq(o.done, 0);
    cr_expect_eq(net_http_calls_in_flight(s.client), 0);
    /* And those in flight when the client goes. */
    start_call(&s, &o, (struct net_http_call_options){.url = url_of(&s, "/never")}, NULL);
    net_loop_run_until(s.loop, in_ms(5));
    close_site(&s);
    cr_expect_eq(o.done, 0);
}

struct again {
    struct outcome outcome;
    struct site *site;
    int left;
};

static void call_again(void *data, const struct net_http_result *r) {
    struct again *a = data;
    struct net_http_call_options options = {.url = a->site->url, .done = call_again, .data = a};

    cr_assert_eq(r->status, 200);
    a->outcome.reused = r->reused;
    if (--a->left == 0)
        net_loop_stop(a->site->loop);
    else
        cr_assert_eq(net_http_call(a->site->client, &options, NULL), ERR_OK);
}

Test(net_http_client, a_poll_that_calls_again_from_its_callback_keeps_its_connection) {
    struct site s = {0};
    struct again a = {.site = &s, .left = 200};

    open_plain(&s);
    net_http_call(s.client,
                  &(struct net_http_call_options){
                      .url = url_of(&s, "/hello"), .done = call_again, .data = &a},
                  NULL);
    run_until_stopped(s.loop);
    cr_expect(a.outcome.reused);
    cr_expect_eq(net_http_server_counters(s.server)->connections, 1);
    close_site(&s);
}

Test(net_http_client, a_server_gone_and_back_is_reached_anew) {
    struct net_http_server_options options = {0};
    struct site s = {0};
    struct outcome o;
    char detail[100];

    open_plain(&s);
    get(&s, &o, "/hello");
    options.bind_to = net_http_server_address(s.server);
    options.handler = handle;
    options.data = &s;
    net_http_server_stop(s.server);
    call(&s, &o, (struct net_http_call_options){.url = s.url});
    cr_expect_eq(o.err, ERR_UNREACHABLE, "%s", o.detail);
    cr_assert_eq(net_http_server_start(&s.server, s.loop, &options, detail, sizeof detail), ERR_OK,
                 "%s", detail);
    get(&s, &o, "/hello");
    cr_expect_eq(o.status, 200, "%s", o.detail);
    close_site(&s);
}

Test(net_http_client, calls_in_flight_are_bounded) {
    struct site s = {0};
    struct outcome o = {0};
    struct addr at = loopback(0);
    char url[64], text[ADDR_TEXT_LEN_MAX + 1];
    int fd;

    open_plain(&s);
    cr_assert_eq(net_socket_tcp(&fd, &at, 1), ERR_OK);
    at = net_addr_of_socket(fd);
    snprintf(url, sizeof url, "http://%s/", addr_to_text(&at, text));
    for (int i = 0; i < NET_HTTP_CALLS_MAX; i++)
        cr_assert_eq(start_call(&s, &o, (struct net_http_call_options){.url = url}, NULL), ERR_OK);
    cr_expect_eq(start_call(&s, &o, (struct net_http_call_options){.url = url}, NULL), ERR_FULL);
    close_site(&s);
    close(fd);
}
