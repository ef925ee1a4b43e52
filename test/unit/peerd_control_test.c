/*
 * The real peerd's pinned door: who may ask what, and what comes of it. Whose key the handshake
 * has proven decides; nothing else is looked at before.
 */
#include "peerd/wire/description.h"
#include "peerd/wire/standbys.h"
#include "test/unit/cluster_fixture.h"

TestSuite(peerd_control, .init = open_running, .fini = close_running, .timeout = 120);

static void ask(enum cluster_asker who, const char *method, const char *path, const char *body) {
    cluster_control(&rig, &answer, who, method, path, body);
}

#define FORM  "application/problem+json"
#define LODGE "{\"ttl_ms\":1000,\"groups\":[]}"

Test(peerd_control, who_may_ask_what) {
    static const struct {
        const char *method, *path, *body;
        enum cluster_asker may;
    } routes[] = {
        {"GET", "/v1/description", NULL, AS_PEER},  {"POST", "/v1/standbys", LODGE, AS_PEER},
        {"POST", "/v1/node", "{}", AS_NODE},        {"GET", "/v1/status", NULL, AS_OPERATOR},
        {"GET", "/v1/peers", NULL, AS_OPERATOR},    {"GET", "/v1/sessions", NULL, AS_OPERATOR},
        {"GET", "/v1/moves", NULL, AS_OPERATOR},    {"POST", "/v1/drain", "{}", AS_OPERATOR},
        {"POST", "/v1/undrain", "{}", AS_OPERATOR}, {"POST", "/v1/reload", "{}", AS_OPERATOR},
    };
    static const char *const names[] = {"operator", "peer", "node", "stranger"};
    for (size_t i = 0; i < ITEMS(routes); i++)
        for (int who = AS_OPERATOR; who <= AS_STRANGER; who++) {
            ask((enum cluster_asker)who, routes[i].method, routes[i].path, routes[i].body);
            cr_expect_eq(answer.err, ERR_OK);
            if (who == (int)routes[i].may) {
                /* An empty object is no registration, but it was let in to be told so. */
                unsigned expected = who == AS_NODE ? 400 : 200;
                cr_expect_eq(answer.status, expected, "%s as %s: %u %s", routes[i].path, names[who],
                             answer.status, answer.body);
                continue;
            }
            cr_expect_eq(answer.status, 403, "%s as %s: %u", routes[i].path, names[who],
                         answer.status);
            cr_expect(cluster_says(&answer, "code", "denied"), "%s", answer.body);
            cr_expect_str_eq(answer.type, FORM);
        }
}

/* The handshake itself wants a certificate with an Ed25519 key, whosesoever it is. */
Test(peerd_control, no_certificate_no_connection) {
    ask(AS_NOBODY, NULL, "/v1/status", NULL);
    cr_expect_neq(answer.err, ERR_OK);
    cr_expect_eq(answer.status, 0);
    ask(AS_OPERATOR, NULL, "/v1/status", NULL);
    cr_expect_eq(answer.status, 200, "others are not disturbed");
}

/* Nobody who pins our key talks to a server with another one. */
Test(peerd_control, the_server_proves_its_key_too) {
    char url[64];
    snprintf(url, sizeof(url), "https://%s:7601/v1/status", rig.ip);
    cluster_call(&rig, &answer,
                 (struct net_http_call_options){.url = url,
                                                .identity = rig.identities[AS_OPERATOR],
                                                .pinned = &rig.keys[AS_STRANGER].public_key});
    cr_expect_eq(answer.err, ERR_FOREIGN);
}

Test(peerd_control, paths_and_methods) {
    ask(AS_OPERATOR, NULL, "/v1/nothing", NULL);
    cr_expect_eq(answer.status, 404);
    cr_expect_str_eq(answer.type, FORM);
    ask(AS_STRANGER, NULL, "/v1/nothing", NULL);
    cr_expect_eq(answer.status, 403, "a stranger does not learn what there is");
    ask(AS_OPERATOR, "POST", "/v1/status", "{}");
    cr_expect_eq(answer.status, 405);
    cr_expect_str_eq(answer.allow, "GET");
    ask(AS_OPERATOR, "GET", "/v1/drain", NULL);
    cr_expect_eq(answer.status, 405);
    cr_expect_str_eq(answer.allow, "POST");
    ask(AS_OPERATOR, "HEAD", "/v1/status", NULL);
    cr_expect_eq(answer.status, 200);
    cr_expect_eq(answer.body_len, 0);
}

Test(peerd_control, refusals_are_counted) {
    ask(AS_STRANGER, NULL, "/v1/status", NULL);
    ask(AS_STRANGER, "POST", "/v1/node", "{}");
    cluster_client(&rig, &answer, NULL, "/metrics", NULL, with_token);
    cr_expect_not_null(strstr(answer.body, "\npeerd_requests_denied_total 2\n"), "%s", answer.body);
    cr_expect(cluster_await_log(&rig, rig.public_texts[AS_STRANGER]), "the log says whose key");
}

/* Each body is refused with the member named. */
Test(peerd_control, bodies_that_make_no_sense) {
    static const struct {
        enum cluster_asker who;
        const char *path, *body;
        unsigned status;
        const char *says;
    } rows[] = {
        {AS_OPERATOR, "/v1/drain", "{", 400, "line 1"},
        {AS_OPERATOR, "/v1/drain", "[]", 400, "the document: expected an object"},
        {AS_OPERATOR, "/v1/drain", "{\"deadline\":1}", 400, "deadline: expected no member"},
        {AS_OPERATOR, "/v1/drain", "{\"deadline_ms\":-1}", 400, "deadline_ms: expected an integer"},
        {AS_OPERATOR, "/v1/drain", "{\"deadline_ms\":0}", 400, "deadline_ms: expected an integer"},
        {AS_OPERATOR, "/v1/drain", "{\"to\":\"ams1\"}", 409, "to: that cluster is not alive"},
        {AS_OPERATOR, "/v1/drain", "{\"to\":\"fra1\"}", 409, "to: that is the cluster that is"},
        {AS_OPERATOR, "/v1/drain", "{\"deadline_ms\":86400001}", 400, "deadline_ms: expected"},
        {AS_OPERATOR, "/v1/drain", "{\"deadline_ms\":\"1s\"}", 400, "deadline_ms: expected"},
        {AS_OPERATOR, "/v1/drain", "{\"to\":\"AMS 1\"}", 400, "to: expected a name"},
        {AS_OPERATOR, "/v1/drain", "{\"to\":\"\xff\"}", 400, "line 1"},
        {AS_OPERATOR, "/v1/drain", "{\"to\":\"lon1\"}", 404, "to: no peer of that name"},
        {AS_OPERATOR, "/v1/drain", "{\"to\":\"ams1\",\"to\":\"ams1\"}", 400, "duplicate"},
        {AS_NODE, "/v1/node", "\x01\x02 garbage", 400, "line 1"},
        {AS_NODE, "/v1/node", "{}", 400, "node: expected a name"},
        {AS_NODE, "/v1/node", "{\"node\":\"n1\",\"boot\":7}", 400, "boot: expected"},
        {AS_PEER, "/v1/standbys", "{}", 400, "ttl_ms: expected an integer"},
        {AS_PEER, "/v1/standbys", "{\"ttl_ms\":0,\"groups\":[]}", 400, "ttl_ms: expected"},
        {AS_PEER, "/v1/standbys", "{\"ttl_ms\":1,\"groups\":[1]}", 400, "groups[0]"},
    };
    for (size_t i = 0; i < ITEMS(rows); i++) {
        ask(rows[i].who, "POST", rows[i].path, rows[i].body);
        cr_expect_eq(answer.status, rows[i].status, "%s: %u", rows[i].body, answer.status);
        cr_expect_not_null(strstr(answer.body, rows[i].says), "%s: %s", rows[i].body, answer.body);
        cr_expect_str_eq(answer.type, FORM, "%s", rows[i].body);
    }
    ask(AS_OPERATOR, NULL, "/v1/status", NULL);
    cr_expect_eq(cluster_number(&answer, "drain.draining"), 0, "none of them has begun a drain");
}

/* Only nodes have much to say, and nobody more than there is room for. */
Test(peerd_control, bodies_that_are_too_large) {
    static const struct {
        const char *what;
        enum cluster_asker who;
        const char *path;
        size_t len;
        unsigned status;
    } rows[] = {
        {"operator", AS_OPERATOR, "/v1/drain", 5000, 413},
        {"peer", AS_PEER, "/v1/standbys", STANDBYS_REQUEST_LEN_MAX + 1, 413},
        {"node", AS_NODE, "/v1/node", NODE_REQUEST_LEN_MAX + 1, 413},
        {"node within bounds", AS_NODE, "/v1/node", 3 << 20, 400},
        {"stranger", AS_STRANGER, "/v1/node", 3 << 20, 403},
    };
    char *body = malloc(NODE_REQUEST_LEN_MAX + 2);
    cr_assert_not_null(body);
    for (size_t i = 0; i < ITEMS(rows); i++) {
        memset(body, ' ', rows[i].len);
        body[rows[i].len] = '\0';
        ask(rows[i].who, "POST", rows[i].path, body);
        cr_expect_eq(answer.status, rows[i].status, "%s: %u", rows[i].what, answer.status);
    }
    free(body);
}

/* Sent in chunks a body announces no length, and is too large all the same. */
Test(peerd_control, bodies_that_are_too_large_and_do_not_say_so) {
    static char body[STANDBYS_REQUEST_LEN_MAX + 2];
    static const struct net_http_header chunked = {"Transfer-Encoding", "chunked"};
    static const char *const paths[] = {"/v1/standbys", "/v1/description"};
    char url[256];
    memset(body, ' ', sizeof(body) - 1);
    for (size_t i = 0; i < ITEMS(paths); i++) {
        snprintf(url, sizeof(url), "https://%s:7601%s", rig.ip, paths[i]);
        cluster_call(&rig, &answer,
                     (struct net_http_call_options){.url = url,
                                                    .headers = &chunked,
                                                    .header_count = 1,
                                                    .body = body,
                                                    .body_len = sizeof(body) - 1,
                                                    .identity = rig.identities[AS_PEER],
                                                    .pinned = &rig.keys[AS_OPERATOR].public_key});
        cr_expect_eq(answer.status, 413, "%s: %u", paths[i], answer.status);
    }
}

/* The key says which node it is; it cannot speak for another. */
Test(peerd_control, node_under_another_name) {
    char *body = NULL;
    struct node_request request = {.boot = 1, .seq = 1, .full = true};
    name_set(&request.node, "n2");
    body = node_request_encode(&request, NULL);
    cr_assert_not_null(body);
    ask(AS_NODE, "POST", "/v1/node", body);
    free(body);
    cr_expect_eq(answer.status, 403);
    cr_expect_not_null(strstr(answer.body, "another name"), "%s", answer.body);
    ask(AS_OPERATOR, NULL, "/v1/status", NULL);
    cr_expect_eq(cluster_number(&answer, "nodes_registered"), 0);
}

Test(peerd_control, node_registers) {
    struct node_answer a = {0};
    cr_assert(cluster_register(&rig, &a), "%s", answer.body);
    cr_expect_eq(a.seq, rig.node_seq);
    cr_expect_str_eq(a.cluster.text, "fra1");
    cr_expect(public_key_equal(&a.cluster_key, &rig.keys[AS_OPERATOR].public_key));
    cr_expect(a.has_catalogue);
    cr_assert_eq(a.catalogue.source_count, 2);
    cr_expect_str_eq(a.catalogue.sources[0].location, cluster_file(&rig, "robot.wav"),
                     "relative to the policy, told as absolute");
    cr_expect_eq(a.issuer_count, 2, "its own tickets, and the peer's");
    cr_assert_eq(a.media_alive_count, 1);
    cr_expect_str_eq(a.media_alive[0].cluster.text, "ams1");
    cr_expect_eq(a.credit.slots, 100);
    node_answer_free(&a);
    ask(AS_OPERATOR, NULL, "/v1/status", NULL);
    cr_expect(cluster_says(&answer, "nodes.0.name", "n1"));
    cr_expect_eq(cluster_number(&answer, "nodes.0.registered"), 1);
    cr_expect_eq(cluster_number(&answer, "free"), 100);
    cr_expect_eq(cluster_number(&answer, "counters.node_reports"), 1);
}

Test(peerd_control, a_second_node_under_one_name_is_told) {
    static const struct {
        uint64_t boot;
        unsigned status;
    } rows[] = {{1, 200}, {2, 200}, {1, 503}, {1, 200}, {2, 409}, {1, 200}, {2, 409}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct node_request request = {.boot = rows[i].boot, .seq = 1 + i, .full = true};
        name_set(&request.node, "n1");
        char *body = node_request_encode(&request, NULL);
        cr_assert_not_null(body);
        ask(AS_NODE, "POST", "/v1/node", body);
        free(body);
        cr_expect_eq(answer.status, rows[i].status, "%zu: %u %s", i, answer.status, answer.body);
        if (rows[i].status == 409)
            cr_expect_not_null(strstr(answer.body, "under this name and key"), "%s", answer.body);
    }
}

/* The keys that a node gets are the ones that the backup tries, and each way has its own. */
Test(peerd_control, node_gets_the_keys_of_media_alive) {
    struct node_answer a = {0};
    struct seal_key expected;
    cr_assert(cluster_register(&rig, &a));
    cr_assert_eq(a.media_alive_count, 1);
    const struct node_media_alive *m = &a.media_alive[0];
    cr_expect_eq(m->node, 0);
    cr_assert_eq(seal_key_derive(&expected, &rig.keys[AS_PEER], &rig.keys[AS_OPERATOR].public_key,
                                 false, SEAL_PURPOSE_MEDIA_ALIVE, 0),
                 ERR_OK);
    cr_expect_eq(memcmp(&expected, &m->key, sizeof(expected)), 0);
    cr_assert_eq(seal_key_derive(&expected, &rig.keys[AS_PEER], &rig.keys[AS_OPERATOR].public_key,
                                 true, SEAL_PURPOSE_MEDIA_ANSWER, 0),
                 ERR_OK);
    cr_expect_eq(memcmp(&expected, &m->answer_key, sizeof(expected)), 0);
    node_answer_free(&a);
}

Test(peerd_control, description_is_signed) {
    struct description d = {.service_count = 0};
    struct wire_fault fault = {{0}};
    struct name fra1;
    char url[64];
    name_set(&fra1, "fra1");
    cr_assert(cluster_register(&rig, NULL));
    ask(AS_PEER, NULL, "/v1/description", NULL);
    cr_assert_eq(answer.status, 200);
    cr_assert_eq(description_open(&d, answer.body, answer.body_len, &fra1,
                                  &rig.keys[AS_OPERATOR].public_key, &fault),
                 ERR_OK, "%s", fault.text);
    cr_expect_eq(d.source_count, 2);
    cr_expect_eq(d.media_count, 1);
    snprintf(url, sizeof(url), "http://%s:7680", rig.ip);
    cr_expect_str_eq(d.clients_url, url);
    description_free(&d);
    cr_expect_neq(description_open(&d, answer.body, answer.body_len, &fra1,
                                   &rig.keys[AS_PEER].public_key, &fault),
                  ERR_OK, "under another key it is no description");
}

Test(peerd_control, standbys_are_lodged) {
    struct standbys_answer out;
    struct standbys_group group = {.backup_count = 1, .sessions = 4};
    name_set(&group.issuer, "ams1");
    name_set(&group.service, "radio");
    name_set(&group.backups[0], "fra1");
    cr_assert(prefix_from_text(&group.location, "198.51.100.0/24"));
    const struct standbys_request request = {.ttl_ms = 5000, .groups = &group, .group_count = 1};
    char *body = standbys_request_encode(&request, NULL);
    cr_assert_not_null(body);
    cr_assert(cluster_register(&rig, NULL));
    ask(AS_PEER, "POST", "/v1/standbys", body);
    cr_assert_eq(answer.status, 200, "%s", answer.body);
    cr_assert_eq(standbys_answer_decode(&out, answer.body, answer.body_len, 1, NULL), ERR_OK);
    cr_expect_eq(out.slots[0], 4);
    standbys_answer_free(&out);
    ask(AS_OPERATOR, NULL, "/v1/peers", NULL);
    cr_expect_eq(cluster_number(&answer, "peers.0.standby_slots"), 4, "%s", answer.body);
    free(body);
}

Test(peerd_control, drain_and_undrain) {
    node_tells(1, (struct drain_word){0});
    ask(AS_OPERATOR, "POST", "/v1/drain", "{\"deadline_ms\":60000}");
    cr_expect_eq(answer.status, 200);
    cr_expect_eq(cluster_number(&answer, "drain.draining"), 1);
    cr_expect_eq(cluster_number(&answer, "drain.drained"), 1, "there is nothing to move");
    cr_expect(cluster_number(&answer, "drain.deadline_ms") > 50000);
    ask(AS_OPERATOR, "POST", "/v1/drain", NULL);
    cr_expect_eq(answer.status, 200, "again, without a body");
    ask(AS_OPERATOR, "POST", "/v1/undrain", "{}");
    cr_expect_eq(answer.status, 200);
    cr_expect_eq(cluster_number(&answer, "drain.draining"), 0);
    cr_expect_eq(cluster_number(&answer, "was_draining"), 1);
    cr_expect_eq(cluster_number(&answer, "drain.deadline_ms"), -1, "null");
    ask(AS_OPERATOR, "POST", "/v1/undrain", "{}");
    cr_expect_eq(cluster_number(&answer, "was_draining"), 0, "there was none any more");
}

Test(peerd_control, lists_and_limits) {
    static const struct {
        const char *path;
        unsigned status;
    } rows[] = {
        {"/v1/sessions", 200},
        {"/v1/sessions?limit=0", 200},
        {"/v1/sessions?limit=5", 200},
        {"/v1/sessions?limit=99999999999999", 200},
        {"/v1/sessions?limit=-1", 400},
        {"/v1/sessions?limit=many", 400},
        {"/v1/sessions?limit=5x", 400},
        {"/v1/sessions?limit=", 400},
        {"/v1/moves", 200},
        {"/v1/moves?cause=drain", 200},
        {"/v1/moves?cause=weather", 400},
        {"/v1/moves?cause=none", 400},
        {"/v1/moves?session=AAAAAAAAAAAAAAAAAAAAAA&cause=return", 200},
        {"/v1/moves?session=short", 400},
        {"/v1/moves?session=", 400},
        {"/v1/events", 200},
        {"/v1/events?since=0000000000000000-5", 200},
        {"/v1/events?since=5", 400},
        {"/v1/events?since=0000000000000000-", 400},
        {"/v1/events?since=0000000000000000-5x", 400},
        {"/v1/events?since=00000000000000000-5", 400},
        {"/v1/peers", 200},
        {"/v1/why?cluster=ams1", 200},
        {"/v1/why?cluster=nowhere", 404},
        {"/v1/why?cluster=fra1", 404},
        {"/v1/why?cluster=Not%20a%20name", 400},
        {"/v1/why", 400},
        {"/v1/why?session=AAAAAAAAAAAAAAAAAAAAAA", 404},
        {"/v1/why?session=short", 400},
        {"/v1/rank", 400},
        {"/v1/locations", 200},
        {"/v1/locations?limit=many", 400},
        {"/v1/rank?location=10.0.0.0/8", 400},
        {"/v1/rank?location=192.0.2.7&service=No%20name", 400},
        {"/v1/rank?location=192.0.2.7&service=nothing", 404},
        {"/v1/rank?location=192.0.2.7", 503},
    };
    for (size_t i = 0; i < ITEMS(rows); i++) {
        ask(AS_OPERATOR, NULL, rows[i].path, NULL);
        cr_expect_eq(answer.status, rows[i].status, "%s: %u", rows[i].path, answer.status);
        if (answer.status == 200)
            cr_expect(cluster_says(&answer, "cluster", "fra1"), "%s: %s", rows[i].path,
                      answer.body);
    }
    ask(AS_OPERATOR, NULL, "/v1/peers", NULL);
    cr_expect(cluster_says(&answer, "peers.0.name", "ams1"));
    cr_expect(cluster_says(&answer, "peers.0.verdict", "unknown") ||
                  cluster_says(&answer, "peers.0.verdict", "crashed") ||
                  cluster_says(&answer, "peers.0.verdict", "suspect"),
              "never heard, so not alive: %s", answer.body);
    cr_expect_eq(cluster_number(&answer, "peers.0.damped"), 0);
    cr_expect_eq(cluster_number(&answer, "peers.0.flaps"), 0);
    ask(AS_OPERATOR, NULL, "/v1/why?cluster=ams1", NULL);
    cr_expect(cluster_says(&answer, "peer", "ams1"));
    cr_expect_not_null(strstr(answer.body, "\"outlook\":\"alive with"), "%s", answer.body);
    cr_expect_not_null(strstr(answer.body, "\"changes\":["), "%s", answer.body);
    cr_expect_eq(cluster_number(&answer, "damped_for_ms"), -1, "null");
    ask(AS_PEER, NULL, "/v1/why?cluster=ams1", NULL);
    cr_expect_eq(answer.status, 403, "what we think of a peer is not its business");
}

/* The status names what an operator needs; a client gets it without paths and faults. */
Test(peerd_control, status_of_operators_and_of_clients) {
    ask(AS_OPERATOR, NULL, "/v1/status", NULL);
    cr_expect_eq(answer.status, 200);
    cr_expect_str_eq(answer.type, "application/json");
    cr_expect(cluster_says(&answer, "policy.file", cluster_file(&rig, "fra1.yaml")));
    cr_expect_eq(cluster_number(&answer, "policy.newer_refused"), 0);
    cr_expect_eq(cluster_number(&answer, "peers"), 1);
    cluster_client(&rig, &answer, NULL, "/v1/status", NULL, with_token);
    cr_expect_eq(answer.status, 200);
    cr_expect_eq(cluster_number(&answer, "peers"), 1);
    cr_expect_null(strstr(answer.body, rig.dir), "no path: %s", answer.body);
}
