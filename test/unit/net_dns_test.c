/* Against Knot DNS on a loopback port; without it those tests are skipped, aloud. */
#include "peerd/net/dns.h"

#include "peerd/net/sockaddr.h"
#include "test/unit/net_fixture.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define KNOTD "/usr/sbin/knotd"

/* ---- a name server ---- */

static const char ZONE[] = "$ORIGIN example.test.\n"
                           "$TTL 300\n"
                           "@ SOA ns hostmaster 1 3600 600 86400 60\n"
                           "@ NS ns\n"
                           "ns A 127.0.0.1\n"
                           "_peerd._tcp 60 SRV 20 5 7603 c\n"
                           "_peerd._tcp 60 SRV 10 60 7601 a\n"
                           "_peerd._tcp 60 SRV 10 40 7602 b\n"
                           "_short._tcp SRV 0 0 1 b\n"
                           "_brief._tcp 10 SRV 0 0 1 c\n"
                           "_unavailable._tcp SRV 0 0 0 .\n"
                           "_dangling._tcp SRV 0 0 1 missing\n"
                           "_half._tcp SRV 0 0 1 missing\n"
                           "_half._tcp SRV 1 0 2 a\n"
                           "a A 192.0.2.1\n"
                           "a AAAA 2001:db8::1\n"
                           "b 30 A 192.0.2.2\n"
                           "c A 192.0.2.3\n"
                           "alias CNAME a\n"
                           "text TXT \"no address\"\n"
                           "two 20 TXT \"first \" \"of two strings\"\n"
                           "two 20 TXT \"second\"\n"
                           "zero TXT \"a\\000b\"\n";

struct knot {
    struct folder folder;
    pid_t pid;
    char server[32]; /* for net_dns_options */
};

/* A port below the ephemeral range that is free for UDP and TCP. */
static uint16_t free_port(void) {
    uint16_t first = (uint16_t)(20000 + getpid() % 10000);

    for (uint16_t port = first; port < first + 200; port++) {
        struct addr a = loopback(port);
        int udp, tcp;
        if (net_socket_udp(&udp, &a) != ERR_OK)
            continue;
        bool free_too = net_socket_tcp(&tcp, &a, 1) == ERR_OK;
        close(udp);
        if (free_too) {
            close(tcp);
            return port;
        }
    }
    cr_assert_fail("no free port");
    return 0;
}

/* _many: so many records that the answer does not fit into a datagram. */
static void write_zone(const char *path) {
    FILE *file = fopen(path, "w");

    fputs(ZONE, file);
    for (int i = 0; i < 60; i++)
        fprintf(file, "_many._tcp SRV %d 0 %d c\n", i, 1000 + i);
    for (int i = 0; i < NET_DNS_TEXTS_MAX + 40; i++)
        fprintf(file, "much TXT \"%0100d\"\n", i);
    cr_assert_eq(fclose(file), 0);
}

static void start_knot(struct knot *k) {
    char conf[600], file[128];
    uint16_t port = free_port();

    k->folder = make_folder();
    snprintf(k->server, sizeof k->server, "127.0.0.1:%d", port);
    snprintf(file, sizeof file, "%s", in_folder(&k->folder, "knot.conf"));
    snprintf(conf, sizeof conf,
             "server:\n  rundir: %s\n  listen: 127.0.0.1@%d\n  udp-workers: 1\n  tcp-workers: 1\n"
             "database:\n  storage: %s\n"
             "zone:\n  - domain: example.test\n    storage: %s\n    file: zone\n"
             "    zonefile-sync: -1\n    journal-content: none\n",
             k->folder.path, port, k->folder.path, k->folder.path);
    write_file(file, conf);
    write_zone(in_folder(&k->folder, "zone"));
    k->pid = fork();
    cr_assert(k->pid >= 0);
    if (k->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* not even a crash of ours leaves it behind */
        freopen("/dev/null", "w", stdout);
        freopen("/dev/null", "w", stderr);
        execl(KNOTD, KNOTD, "-c", file, (char *)NULL);
        _exit(127);
    }
}

static void stop_knot(struct knot *k) {
    char command[128];

    kill(k->pid, SIGKILL);
    waitpid(k->pid, NULL, 0);
    snprintf(command, sizeof command, "rm -rf '%s'", k->folder.path);
    cr_expect_eq(system(command), 0);
}

/* ---- asking ---- */

struct answer {
    struct net_loop *loop;
    int done;
    enum err err;
    struct net_dns_target targets[NET_DNS_TARGETS_MAX];
    size_t count;
    struct duration ttl;
};

static void note_answer(void *data, const struct net_dns_result *r) {
    struct answer *a = data;

    a->done++;
    a->err = r->err;
    a->count = r->count;
    a->ttl = r->ttl;
    memcpy(a->targets, r->targets, r->count * sizeof r->targets[0]);
    cr_expect((r->err == ERR_OK) == (r->count > 0) && (r->err == ERR_OK) == (r->detail[0] == '\0'));
    net_loop_stop(a->loop);
}

/* Asks for SRV records if the name begins like one, for addresses with port 5 otherwise. */
static void ask(struct net_dns *dns, struct answer *a, const char *name) {
    struct net_loop *loop = a->loop;

    *a = (struct answer){.loop = loop};
    if (name[0] == '_')
        cr_assert_not_null(net_dns_srv(dns, name, note_answer, a));
    else
        cr_assert_not_null(net_dns_host(dns, name, 5, note_answer, a));
    cr_assert_eq(a->done, 0, "never before it returns");
    run_until_stopped(loop);
    cr_assert_eq(a->done, 1);
}

/* "addr/priority/weight/host addr/…", addresses of one record in rising order of family. */
static void describe(const struct answer *a, char *out, size_t size) {
    char addr[ADDR_TEXT_LEN_MAX + 1];
    size_t len = 0;

    out[0] = '\0';
    for (int family = 4; family <= 6; family += 2)
        for (size_t i = 0; i < a->count; i++)
            if (a->targets[i].addr.family == family)
                len += (size_t)snprintf(out + len, size - len, "%s%s/%d/%d/%s", len > 0 ? " " : "",
                                        addr_to_text(&a->targets[i].addr, addr),
                                        a->targets[i].priority, a->targets[i].weight,
                                        a->targets[i].host);
}

/* Until it listens it is asked often; afterwards it may take its time. */
static void wait_for_knot(const struct knot *k, struct answer *a) {
    struct instant end = in_ms(PATIENCE_S * 1000);
    struct net_dns *dns;

    cr_assert_eq(net_dns_new(&dns, a->loop, &(struct net_dns_options){.servers = k->server}),
                 ERR_OK);
    do {
        cr_assert_not(instant_reached(net_now(), end), "knotd does not answer");
        usleep(50000);
        ask(dns, a, "ns.example.test");
    } while (a->err != ERR_OK);
    net_dns_free(dns);
}

Test(net_dns, names_served_by_knot) {
    static const struct {
        const char *what, *name;
        enum err expected;
        int64_t ttl_s;
        const char *targets; /* sorted by the server, so compared by set where several */
    } rows[] = {
        {"one SRV record, the host's TTL is smaller", "_short._tcp.example.test", ERR_OK, 30,
         "192.0.2.2:1/0/0/b.example.test"},
        {"one SRV record, its own TTL is smaller", "_brief._tcp.example.test", ERR_OK, 10,
         "192.0.2.3:1/0/0/c.example.test"},
        {"two families", "a.example.test", ERR_OK, 300,
         "192.0.2.1:5/0/0/a.example.test [2001:db8::1]:5/0/0/a.example.test"},
        {"an alias", "alias.example.test", ERR_OK, 300,
         "192.0.2.1:5/0/0/alias.example.test [2001:db8::1]:5/0/0/alias.example.test"},
        {"one target of two is missing", "_half._tcp.example.test", ERR_OK, 300,
         "192.0.2.1:2/1/0/a.example.test [2001:db8::1]:2/1/0/a.example.test"},
        {"an address", "192.0.2.9", ERR_OK, -1, "192.0.2.9:5/0/0/192.0.2.9"},
        {"no such name", "_nothing._tcp.example.test", ERR_NOT_FOUND, 0, ""},
        {"no such host", "missing.example.test", ERR_NOT_FOUND, 0, ""},
        {"a name without addresses", "text.example.test", ERR_NOT_FOUND, 0, ""},
        {"decidedly not available", "_unavailable._tcp.example.test", ERR_NOT_FOUND, 0, ""},
        {"a target that does not exist", "_dangling._tcp.example.test", ERR_NOT_FOUND, 0, ""},
        {"no name at all", "_bad..name", ERR_BAD_FIELD, 0, ""}};
    struct knot k;
    struct net_dns *dns;
    struct answer a = {.loop = net_loop_new()};
    char text[600];

    if (access(KNOTD, X_OK) != 0)
        cr_skip_test("no " KNOTD);
    start_knot(&k);
    wait_for_knot(&k, &a);
    cr_assert_eq(net_dns_new(&dns, a.loop,
                             &(struct net_dns_options){.servers = k.server,
                                                       .timeout = duration_s(PATIENCE_S / 2)}),
                 ERR_OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ask(dns, &a, rows[i].name);
        describe(&a, text, sizeof text);
        cr_expect_eq(a.err, rows[i].expected, "%s: %s", rows[i].what, err_name(a.err));
        cr_expect_str_eq(text, rows[i].targets, "%s: %s", rows[i].what, text);
        if (rows[i].ttl_s >= 0)
            cr_expect_eq(a.ttl.us, rows[i].ttl_s * 1000000, "%s: %d s", rows[i].what,
                         (int)(a.ttl.us / 1000000));
    }

    /* Several records, in the order of RFC 2782. */
    struct rng g;
    rng_seed(&g, 1);
    ask(dns, &a, "_peerd._tcp.example.test");
    cr_expect_eq(a.count, 4);
    cr_expect_eq(a.ttl.us, 30000000, "of the host b");
    net_dns_order(a.targets, a.count, &g);
    cr_expect_eq(a.targets[3].addr.port, 7603, "the lower priority comes last");
    bool a_first = a.targets[0].addr.port == 7601;
    cr_expect_eq(a.targets[a_first ? 1 : 2].addr.port, 7601, "addresses of a host stay together");

    /* More than fits into a datagram: asked for again over TCP, and bounded. */
    ask(dns, &a, "_many._tcp.example.test");
    cr_expect_eq(a.count, NET_DNS_RECORDS_MAX, "%zu", a.count);
    net_dns_free(dns);
    net_loop_free(a.loop);
    stop_knot(&k);
}

struct texts {
    struct net_loop *loop;
    enum err err;
    size_t count;
    int64_t ttl_s;
    char joined[600]; /* in rising order, a bar between */
};

static int by_text(const void *a, const void *b) {
    return strcmp(a, b);
}

static void note_texts(void *data, const struct net_dns_texts *r) {
    struct texts *t = data;
    char sorted[NET_DNS_TEXTS_MAX][NET_DNS_TEXT_LEN_MAX + 1];

    t->err = r->err;
    t->count = r->count;
    t->ttl_s = r->ttl.us / 1000000;
    memcpy(sorted, r->texts, r->count * sizeof sorted[0]);
    qsort(sorted, r->count, sizeof sorted[0], by_text);
    for (size_t i = 0, at = 0; i < r->count && at < sizeof t->joined; i++)
        at += (size_t)snprintf(t->joined + at, sizeof t->joined - at, "%s%s", i > 0 ? "|" : "",
                               sorted[i]);
    net_loop_stop(t->loop);
}

Test(net_dns, texts_served_by_knot) {
    static const struct {
        const char *what, *name;
        enum err err;
        size_t count;
        int64_t ttl_s;
        const char *joined; /* NULL: too much to write down */
    } rows[] = {
        {"one", "text.example.test", ERR_OK, 1, 300, "no address"},
        {"two, one of two strings", "two.example.test", ERR_OK, 2, 20,
         "first of two strings|second"},
        {"with a zero byte in it", "zero.example.test", ERR_NOT_FOUND, 0, 0, ""},
        {"truncated, so over TCP, and bounded", "much.example.test", ERR_OK, NET_DNS_TEXTS_MAX, 300,
         NULL},
        {"no TXT record", "a.example.test", ERR_NOT_FOUND, 0, 0, ""},
        {"no such name", "missing.example.test", ERR_NOT_FOUND, 0, 0, ""},
        {"no name at all", "bad..name", ERR_BAD_FIELD, 0, 0, ""},
    };
    struct knot k;
    struct net_dns *dns;
    struct answer a = {.loop = net_loop_new()};

    if (access(KNOTD, X_OK) != 0)
        cr_skip_test("no " KNOTD);
    start_knot(&k);
    wait_for_knot(&k, &a);
    cr_assert_eq(net_dns_new(&dns, a.loop,
                             &(struct net_dns_options){.servers = k.server,
                                                       .timeout = duration_s(PATIENCE_S / 2)}),
                 ERR_OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct texts t = {.loop = a.loop, .count = 99};
        cr_assert_not_null(net_dns_txt(dns, rows[i].name, note_texts, &t));
        run_until_stopped(a.loop);
        cr_expect_eq(t.err, rows[i].err, "%s: %s", rows[i].what, err_name(t.err));
        cr_expect_eq(t.count, rows[i].count, "%s: %zu", rows[i].what, t.count);
        cr_expect_eq(t.ttl_s, rows[i].ttl_s, "%s: %d s", rows[i].what, (int)t.ttl_s);
        if (rows[i].joined != NULL)
            cr_expect_str_eq(t.joined, rows[i].joined, "%s: %s", rows[i].what, t.joined);
    }
    net_dns_cancel(net_dns_txt(dns, "text.example.test", note_texts, NULL));
    net_dns_txt(dns, "text.example.test", note_texts, NULL);
    net_dns_free(dns);
    net_loop_free(a.loop);
    stop_knot(&k);
}

/* ---- servers that do not help ---- */

Test(net_dns, servers_that_are_mute_or_gone) {
    struct addr at = loopback(0);
    char mute[ADDR_TEXT_LEN_MAX + 1], gone[ADDR_TEXT_LEN_MAX + 1];
    int mute_fd, gone_fd;

    cr_assert_eq(net_socket_udp(&mute_fd, &at), ERR_OK);
    at = net_addr_of_socket(mute_fd);
    addr_to_text(&at, mute);
    at.port = 0;
    cr_assert_eq(net_socket_udp(&gone_fd, &at), ERR_OK);
    at = net_addr_of_socket(gone_fd);
    addr_to_text(&at, gone);
    close(gone_fd);
    const struct {
        const char *what, *servers;
        struct duration timeout;
        enum err expected;
    } rows[] = {{"mute", mute, duration_ms(20), ERR_TIMEOUT},
                {"gone", gone, duration_s(20), ERR_UNREACHABLE}};
    for (size_t i = 0; i < 2; i++) {
        struct answer a = {.loop = net_loop_new()};
        struct net_dns *dns;
        cr_assert_eq(net_dns_new(&dns, a.loop,
                                 &(struct net_dns_options){.servers = rows[i].servers,
                                                           .timeout = rows[i].timeout,
                                                           .tries = 2}),
                     ERR_OK);
        ask(dns, &a, "_peerd._tcp.example.test");
        cr_expect_eq(a.err, rows[i].expected, "%s: %s", rows[i].what, err_name(a.err));
        ask(dns, &a, "host.example.test");
        cr_expect_eq(a.err, rows[i].expected, "%s: %s", rows[i].what, err_name(a.err));
        net_dns_free(dns);
        net_loop_free(a.loop);
    }
    close(mute_fd);
}

Test(net_dns, cancelled_and_abandoned_queries_do_not_come_back) {
    struct addr at = loopback(0);
    struct answer a = {.loop = net_loop_new()};
    char mute[ADDR_TEXT_LEN_MAX + 1];
    struct net_dns *dns;
    int fd;

    cr_assert_eq(net_socket_udp(&fd, &at), ERR_OK);
    at = net_addr_of_socket(fd);
    addr_to_text(&at, mute);
    cr_assert_eq(net_dns_new(&dns, a.loop,
                             &(struct net_dns_options){
                                 .servers = mute, .timeout = duration_ms(10), .tries = 1}),
                 ERR_OK);
    net_dns_cancel(net_dns_srv(dns, "_a._tcp.example.test", note_answer, &a));
    net_dns_cancel(net_dns_host(dns, "192.0.2.1", 1, note_answer, &a)); /* known already */
    struct net_dns_query *q = net_dns_host(dns, "b.example.test", 1, note_answer, &a);
    net_loop_run_until(a.loop, in_ms(2));
    net_dns_cancel(q);
    net_loop_run_until(a.loop, in_ms(60));
    cr_expect_eq(a.done, 0);
    net_dns_srv(dns, "_c._tcp.example.test", note_answer, &a);
    net_dns_host(dns, "d.example.test", 1, note_answer, &a);
    net_dns_host(dns, "192.0.2.1", 1, note_answer, &a);
    net_dns_free(dns);
    net_dns_free(NULL);
    net_loop_run_until(a.loop, in_ms(30));
    cr_expect_eq(a.done, 0);
    close(fd);
    net_loop_free(a.loop);
}

Test(net_dns, a_server_list_that_is_none) {
    struct net_loop *loop = net_loop_new();
    struct net_dns *dns;

    cr_expect_eq(net_dns_new(&dns, loop, &(struct net_dns_options){.servers = "nonsense:x"}),
                 ERR_BAD_FIELD);
    cr_expect_null(dns);
    net_loop_free(loop);
}

/* ---- order ---- */

static struct net_dns_target target(uint16_t record, uint16_t priority, uint16_t weight,
                                    uint16_t port) {
    return (struct net_dns_target){
        .addr = loopback(port), .priority = priority, .weight = weight, .record = record};
}

Test(net_dns, order_is_by_priority_and_keeps_a_records_addresses_together) {
    struct rng g;

    rng_seed(&g, 3);
    for (int round = 0; round < 500; round++) {
        struct net_dns_target t[] = {target(0, 20, 1, 1), target(1, 10, 0, 2), target(2, 10, 9, 3),
                                     target(2, 10, 9, 4), target(3, 5, 0, 5),  target(4, 20, 7, 6),
                                     target(4, 20, 7, 7), target(4, 20, 7, 8)};
        uint64_t ports = 0;
        net_dns_order(t, 8, &g);
        cr_expect_eq(t[0].addr.port, 5);
        for (int i = 0; i < 8; i++) {
            ports |= 1u << t[i].addr.port;
            cr_expect(i == 0 || t[i - 1].priority <= t[i].priority);
            if (t[i].addr.port == 4 || t[i].addr.port == 7 || t[i].addr.port == 8)
                cr_expect_eq(t[i - 1].addr.port, t[i].addr.port - 1, "round %d", round);
        }
        cr_expect_eq(ports, 0x1fe, "each once");
    }
    net_dns_order(NULL, 0, &g);
}

Test(net_dns, order_draws_by_weight) {
    enum {
        N = 20000
    };
    int first[3] = {0}, second_after_a[3] = {0};
    struct rng g;

    rng_seed(&g, 4);
    for (int i = 0; i < N; i++) {
        struct net_dns_target t[] = {target(0, 1, 60, 0), target(1, 1, 30, 1), target(2, 1, 10, 2)};
        net_dns_order(t, 3, &g);
        first[t[0].addr.port]++;
        if (t[0].addr.port == 0)
            second_after_a[t[1].addr.port]++;
    }
    /* RFC 2782 draws from 0 to the sum inclusive, so shares are off by one in a hundred and one. */
    static const double share[3] = {0.6, 0.3, 0.1};
    for (int i = 0; i < 3; i++)
        cr_expect(first[i] > N * (share[i] - 0.02) && first[i] < N * (share[i] + 0.02), "%d: %d", i,
                  first[i]);
    cr_expect(second_after_a[1] > 2 * second_after_a[2], "30 to 10 among those left: %d %d",
              second_after_a[1], second_after_a[2]);
}
