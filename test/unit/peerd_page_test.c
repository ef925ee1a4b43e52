/*
 * The real peerd's status page: files with type, ETag and what a browser may do with them; who may
 * look; what the page is told, and that events come to it as they happen.
 */
#include "test/unit/cluster_fixture.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

TestSuite(peerd_page, .init = open_rig, .fini = close_running, .timeout = 120);

/* With that said of the clients' door. */
static void start_with(const char *door) {
    char *text = cluster_policy(&rig, cluster_peers(&rig));
    char *at = strstr(text, "plain_http: true}");
    char *whole = malloc(strlen(text) + strlen(door) + 8);
    cr_assert(at != NULL && whole != NULL);
    int before = (int)(at - text) + (int)strlen("plain_http: true");
    sprintf(whole, "%.*s%s%s", before, text, door, text + before);
    free(text);
    cluster_write_policy(&rig, whole);
    cr_assert(cluster_start(&rig));
}

static void ask(const char *method, const char *path, const struct net_http_header *headers) {
    cluster_client(&rig, &answer, method, path, NULL, headers);
}

Test(peerd_page, files) {
    static const struct {
        const char *path, *type, *has;
    } rows[] = {
        {"/", "text/html; charset=utf-8", "<html lang=\"en\">"},
        {"/page/page.css", "text/css; charset=utf-8", "prefers-reduced-motion"},
        {"/page/page.js", "text/javascript; charset=utf-8", "from '/page/source.js'"},
        {"/page/source.js", "text/javascript; charset=utf-8", "/v1/page/events"},
        {"/page/icon.svg", "image/svg+xml", "<svg"},
    };
    char etags[ITEMS(rows)][sizeof(answer.etag)];
    start_with(", viewers: 127.0.0.0/8");
    for (size_t i = 0; i < ITEMS(rows); i++) {
        ask(NULL, rows[i].path, NULL);
        cr_expect_eq(answer.status, 200, "%s: %u", rows[i].path, answer.status);
        cr_expect_str_eq(answer.type, rows[i].type);
        cr_expect_not_null(strstr(answer.body, rows[i].has), "%s", rows[i].path);
        cr_expect_not_null(strstr(answer.security, "default-src 'none'"), "%s", answer.security);
        cr_expect_null(strstr(answer.security, "unsafe"), "%s", answer.security);
        cr_expect(answer.etag[0] == '"' && strlen(answer.etag) > 16, "%s", answer.etag);
        strcpy(etags[i], answer.etag);
        for (size_t k = 0; k < i; k++)
            cr_expect_str_neq(etags[k], etags[i], "%s", rows[i].path);
        const struct net_http_header has[] = {{"If-None-Match", etags[i]}, {NULL, NULL}};
        ask(NULL, rows[i].path, has);
        cr_expect_eq(answer.status, 304, "%s: %u", rows[i].path, answer.status);
        cr_expect_eq(answer.body_len, 0);
        cr_expect_str_eq(answer.etag, etags[i]);
    }
    const struct net_http_header other[] = {{"If-None-Match", etags[1]}, {NULL, NULL}};
    ask(NULL, "/", other);
    cr_expect_eq(answer.status, 200, "the tag of another file");
    ask("HEAD", "/", NULL);
    cr_expect_eq(answer.status, 200);
    ask("DELETE", "/", NULL);
    cr_expect_eq(answer.status, 405);
    cr_expect_str_eq(answer.allow, "GET, HEAD");
}

/* What the page asks for lies in one folder and names nothing of another host. */
Test(peerd_page, nothing_from_outside) {
    static const char *const paths[] = {"/",
                                        "/page/page.css",
                                        "/page/page.js",
                                        "/page/dom.js",
                                        "/page/map.js",
                                        "/page/sections.js",
                                        "/page/source.js"};
    start_with(", viewers: 127.0.0.0/8");
    for (size_t i = 0; i < ITEMS(paths); i++) {
        ask(NULL, paths[i], NULL);
        cr_expect_eq(answer.status, 200, "%s", paths[i]);
        for (const char *at = answer.body; (at = strstr(at, "//")) != NULL; at += 2)
            cr_expect(at == answer.body || at[-1] != ':' ||
                          strncmp(at, "//www.w3.org/2000/svg", 21) == 0,
                      "%s: %.40s", paths[i], at);
    }
}

Test(peerd_page, who_may_look) {
    static const char *const paths[] = {"/",        "/page/page.js",   "/page/nothing",
                                        "/v1/page", "/v1/page/policy", "/v1/page/events"};
    start_with("");
    for (size_t i = 0; i < ITEMS(paths); i++) {
        ask(NULL, paths[i], NULL);
        cr_expect_eq(answer.status, 401, "nobody was named: %s: %u", paths[i], answer.status);
        ask(NULL, paths[i], with_token);
        cr_expect_eq(answer.status, 404, "clients are no viewers: %s: %u", paths[i], answer.status);
    }
    cr_assert_eq(cluster_stop(&rig), 0);
    start_with(", viewers: [198.51.100.0/24, 127.0.0.2/31]");
    ask(NULL, "/v1/page", NULL);
    cr_expect_eq(answer.status, 401, "another address: %u", answer.status);
    cr_assert_eq(cluster_stop(&rig), 0);
    start_with(", viewers: [198.51.100.0/24, 127.0.0.1/32]");
    for (size_t i = 0; i < ITEMS(paths); i++) {
        ask(NULL, paths[i], NULL);
        cr_expect_eq(answer.status, i == 2 ? 404 : 200, "%s: %u", paths[i], answer.status);
        ask("POST", paths[i], NULL);
        cr_expect_geq(answer.status, 404, "it only looks: %s: %u", paths[i], answer.status);
    }
    ask(NULL, "/v1/status", NULL);
    cr_expect_eq(answer.status, 401, "viewers are no clients");
}

#define PAGE_TOKEN "Seen:by-0ur-operators" /* a colon is as good as any other */

static void write_token(const char *token) {
    cluster_write(&rig, "page.token", token);
    cr_assert_eq(chmod(cluster_file(&rig, "page.token"), 0600), 0);
}

/* The status of what is asked for with that in Authorization; NULL: without. */
static unsigned shown(const char *path, const char *authorization) {
    const struct net_http_header headers[] = {{"Authorization", authorization}, {NULL, NULL}};
    ask(NULL, path, authorization != NULL ? headers : NULL);
    return answer.status;
}

/* Basic, of `user:password`. */
static const char *basic(const char *pair) {
    static char out[1024] = "Basic ";
    sodium_bin2base64(out + 6, sizeof(out) - 6, (const unsigned char *)pair, strlen(pair),
                      sodium_base64_VARIANT_ORIGINAL);
    return out;
}

Test(peerd_page, who_has_the_token_may_look) {
    static const char *const paths[] = {"/", "/page/page.js", "/v1/page", "/v1/page/policy",
                                        "/v1/page/events?last=1"};
    static const char *const wrong[] = {"Bearer Seen:by-0ur-operator",
                                        "Bearer Seen:by-0ur-operators2",
                                        "Bearer ",
                                        "Bearer " CLUSTER_TOKEN,
                                        "Digest " PAGE_TOKEN,
                                        PAGE_TOKEN,
                                        "Basic",
                                        "Basic ",
                                        "Basic U2Vlbg",
                                        "Basic ====",
                                        "Basic Seen:by-0ur-operators"};
    static const char *const wrong_pairs[] = {
        PAGE_TOKEN, ":by-0ur-operators", "me:", ":", "me:Seen:by-0ur-o", "Seen:by-0ur-operators:"};
    char long_pair[900];
    write_token(PAGE_TOKEN "\n");
    start_with(", viewers: 198.51.100.0/24, viewers_token_file: page.token");
    for (size_t i = 0; i < ITEMS(paths); i++) {
        cr_expect_eq(shown(paths[i], NULL), 401, "%s: %u", paths[i], answer.status);
        cr_expect_str_eq(answer.authenticate, "Basic realm=\"peerd\", charset=\"UTF-8\"");
        cr_expect_null(strstr(answer.body, "fra1"), "%s", answer.body);
        cr_expect_eq(shown(paths[i], "bearer " PAGE_TOKEN), 200, "%s: %u", paths[i], answer.status);
        cr_expect_eq(shown(paths[i], basic("me:" PAGE_TOKEN)), 200, "%s", paths[i]);
        cr_expect_eq(shown(paths[i], basic(":" PAGE_TOKEN)), 200, "any user will do");
    }
    for (size_t i = 0; i < ITEMS(wrong); i++)
        cr_expect_eq(shown("/v1/page", wrong[i]), 401, "%s: %u", wrong[i], answer.status);
    for (size_t i = 0; i < ITEMS(wrong_pairs); i++)
        cr_expect_eq(shown("/v1/page", basic(wrong_pairs[i])), 401, "%s", wrong_pairs[i]);
    snprintf(long_pair, sizeof(long_pair), "%0600d:" PAGE_TOKEN, 0);
    cr_expect_eq(shown("/v1/page", basic(long_pair)), 401, "longer than any");
    cr_expect_eq(shown("/v1/status", "Bearer " PAGE_TOKEN), 403, "viewers are no clients");
    cr_expect_eq(shown("/v1/status", basic("me:" PAGE_TOKEN)), 403);
    ask("POST", "/v1/page", NULL);
    cr_expect_eq(answer.status, 401);
    const struct net_http_header other[] = {
        {"Authorization", "Bearer " PAGE_TOKEN}, {"Host", "evil.example.net"}, {NULL, NULL}};
    ask(NULL, "/v1/page", other);
    cr_expect_eq(answer.status, 403, "a name that is not ours, whoever asks");
    shown("/v1/page/policy", "Bearer " PAGE_TOKEN);
    cr_expect_not_null(strstr(answer.body, "page.token"), "where it lies: %s", answer.body);
    cr_expect_null(strstr(answer.body, PAGE_TOKEN), "and not what it is");
}

/* Whoever comes from an address of theirs is not asked; a reload takes another token, whole or not.
 */
Test(peerd_page, another_token) {
    write_token(PAGE_TOKEN);
    start_with(", viewers: 127.0.0.0/8, viewers_token_file: page.token");
    cr_expect_eq(shown("/v1/page", NULL), 200);
    cr_assert_eq(cluster_stop(&rig), 0);
    start_with(", viewers_token_file: page.token");
    cr_expect_eq(shown("/v1/page", "Bearer " PAGE_TOKEN), 200);
    write_token("another-one-of-them");
    cr_expect_eq(shown("/v1/page", "Bearer " PAGE_TOKEN), 200, "until a reload");
    program_signal(&rig.peerd, SIGHUP);
    cr_assert(cluster_await_log(&rig, "policy taken"));
    cr_expect_eq(shown("/v1/page", "Bearer " PAGE_TOKEN), 401, "taken away");
    cr_expect_eq(shown("/v1/page", "Bearer another-one-of-them"), 200);
    write_token("short");
    program_signal(&rig.peerd, SIGHUP);
    cr_assert(cluster_await_log(&rig, "viewers_token_file: expected a readable file with a token"));
    cr_expect_eq(shown("/v1/page", "Bearer short"), 401);
    cr_expect_eq(shown("/v1/page", "Bearer another-one-of-them"), 200, "the old one holds");
}

/* A name that somebody points at us is not ours: his page would read what its viewer may. */
Test(peerd_page, names) {
    static const struct {
        const char *host;
        unsigned status;
    } rows[] = {
        {"127.0.0.1:7680", 200},        {"[::1]:7680", 200},
        {"localhost:7680", 200},        {"LOCALHOST", 200},
        {"fra1.example.net:7680", 200}, {"fra1.example.net", 200},
        {"evil.example.net", 403},      {"fra1.example.net.evil.org", 403},
        {"127.0.0.1.evil.org", 403},    {"localhost.evil.org:7680", 403},
    };
    start_with(", advertise: 'fra1.example.net:7680', viewers: 127.0.0.0/8");
    for (size_t i = 0; i < ITEMS(rows); i++) {
        const struct net_http_header host[] = {{"Host", rows[i].host}, {NULL, NULL}};
        ask(NULL, i % 2 == 0 ? "/v1/page" : "/", host);
        cr_expect_eq(answer.status, rows[i].status, "%s: %u", rows[i].host, answer.status);
    }
}

Test(peerd_page, what_it_is_told) {
    start_with(", viewers: 127.0.0.0/8");
    cr_assert(cluster_register(&rig, NULL));
    ask(NULL, "/v1/page", NULL);
    cr_expect_str_eq(answer.type, "application/json");
    cr_expect(cluster_says(&answer, "status.cluster", "fra1"), "%s", answer.body);
    cr_expect(cluster_says(&answer, "status.nodes.0.name", "n1"));
    cr_expect_eq(cluster_number(&answer, "status.capacity"), 100);
    cr_expect(cluster_says(&answer, "peers.peers.0.name", "ams1"));
    cr_expect(cluster_says(&answer, "peers.peers.0.verdict", "unknown"));
    cr_expect_eq(cluster_number(&answer, "peers.peers.0.reserved_slots"), 10);
    cr_expect(cluster_says(&answer, "agreements.agreements.0.state", "trusted"));
    cr_expect_eq(cluster_number(&answer, "locations.total"), 0);
    cr_expect_eq(cluster_number(&answer, "moves.forgotten"), 0);
    ask(NULL, "/v1/page/policy", NULL);
    cr_expect(cluster_says(&answer, "services.0.name", "radio"), "%s", answer.body);
    cr_expect_not_null(
        strstr(answer.body, "{\"key\":\"limits.node_lease\",\"preset\":\"2s\",\"value\":\"5min\"}"),
        "%s", answer.body);
    cr_expect_null(strstr(answer.body, "limits.sessions_max"), "what holds without a word");
    cr_expect_null(strstr(answer.body, CLUSTER_TOKEN), "secrets stay");
}

/* A connection that follows events, and what came until `text` did. */
static bool comes(int fd, const char *text, char *all, size_t size) {
    size_t len = strlen(all);
    while (strstr(all, text) == NULL && len + 1 < size) {
        ssize_t got = read(fd, all + len, size - len - 1);
        if (got <= 0)
            return false;
        len += (size_t)got;
        all[len] = '\0';
    }
    return strstr(all, text) != NULL;
}

static int follow(void) {
    static const char request[] = "GET /v1/page/events HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                                  "Accept: text/event-stream\r\n\r\n";
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(7680)};
    const struct timeval patience = {.tv_sec = 20};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    inet_pton(AF_INET, rig.ip, &to.sin_addr);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 &&
        write(fd, request, sizeof(request) - 1) == (ssize_t)sizeof(request) - 1)
        return fd;
    close(fd);
    return -1;
}

/* Its readers have places of their own, and take none of operators' programs. */
Test(peerd_page, events_as_they_happen) {
    static char all[16384];
    int fds[17];
    start_with(", viewers: 127.0.0.0/8");
    for (size_t i = 0; i < ITEMS(fds); i++) {
        bool last = i + 1 == ITEMS(fds);
        fds[i] = follow();
        cr_assert_geq(fds[i], 0);
        all[0] = '\0';
        cr_expect(comes(fds[i], last ? "503" : "retry: 1000", all, sizeof(all)), "%zu: %s", i, all);
    }
    cluster_control(&rig, &answer, AS_OPERATOR, "POST", "/v1/drain", "{}");
    cr_expect_eq(answer.status, 200, "%s", answer.body);
    all[0] = '\0';
    cr_expect(comes(fds[0], "\"kind\":\"drain\",\"what\":\"begun\"", all, sizeof(all)), "%s", all);
    for (size_t i = 0; i < ITEMS(fds); i++)
        close(fds[i]);
    ask(NULL, "/v1/page/events?last=1", NULL);
    cr_expect(cluster_says(&answer, "events.0.kind", "drain"), "%s", answer.body);
    cr_expect_eq(cluster_number(&answer, "events.1.number"), -1, "only the newest");
}
