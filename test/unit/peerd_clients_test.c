/*
 * The real peerd's door for clients: rights, sessions, refusals in words, idempotency, status and
 * metrics; plain, with TLS, and over IPv6.
 */
#include "peerd/net/clock.h"
#include "peerd/wire/ticket.h"
#include "test/lib/exposition.h"
#include "test/unit/cluster_fixture.h"

#include <signal.h>
#include <unistd.h>

TestSuite(peerd_clients, .init = open_running, .fini = close_running, .timeout = 120);

#define PROBLEM "application/problem+json"

static char request_body[1024];

/* A request with one thing said otherwise; NULL for nothing. */
static const char *request(const char *service, const char *profile, const char *source,
                           const char *more) {
    snprintf(request_body, sizeof(request_body),
             "{\"service\":\"%s\",\"profile\":\"%s\",\"source\":\"%s\",\"client_key\":\"%s\","
             "\"protection\":\"cold\"%s}",
             service, profile, source, rig.public_texts[AS_STRANGER], more);
    return request_body;
}

static void post(const char *body, const struct net_http_header *headers) {
    cluster_client(&rig, &answer, NULL, "/v1/sessions", body, headers);
}

Test(peerd_clients, rights) {
    static const struct {
        const char *what;
        const char *authorization; /* NULL: none */
        unsigned status;
        const char *authenticate; /* what is asked for */
    } rows[] = {
        {"none", NULL, 401, "Bearer"},
        {"another scheme", "Basic YTpi", 403, ""},
        {"wrong token", "Bearer not-that-token", 403, ""},
        {"empty token", "Bearer ", 403, ""},
        {"part of the token", "Bearer a-token-for-test", 403, ""},
        {"more than the token", "Bearer " CLUSTER_TOKEN "s", 403, ""},
        {"the token", "Bearer " CLUSTER_TOKEN, 200, ""},
        {"the scheme in other letters", "bearer " CLUSTER_TOKEN, 200, ""},
    };
    static const char *const paths[] = {"/v1/status", "/metrics", "/v1/sessions", "/nowhere"};
    for (size_t i = 0; i < ITEMS(rows); i++)
        for (size_t k = 0; k < ITEMS(paths); k++) {
            const struct net_http_header headers[] = {{"Authorization", rows[i].authorization},
                                                      {NULL, NULL}};
            unsigned expected = rows[i].status != 200 ? rows[i].status
                                : k < 2               ? 200
                                : k == 2              ? 405
                                                      : 404;
            cluster_client(&rig, &answer, NULL, paths[k], NULL,
                           rows[i].authorization != NULL ? headers : NULL);
            cr_expect_eq(answer.status, expected, "%s, %s: %u", rows[i].what, paths[k],
                         answer.status);
            cr_expect_str_eq(answer.authenticate, rows[i].authenticate, "%s", rows[i].what);
            if (rows[i].status != 200)
                cr_expect(cluster_says(&answer, "code", "denied"), "%s", answer.body);
        }
    post(request("radio", "pcmu", "robot", ""), NULL);
    cr_expect_eq(answer.status, 401, "before the body is looked at");
}

Test(peerd_clients, session_is_opened) {
    struct api_session_answer a;
    struct wire_fault fault = {{0}};
    struct ticket ticket;
    char media[64];
    cr_assert(cluster_register(&rig, NULL));
    post(request("radio", "opus", "robot", ",\"start_ms\":2000"), with_token);
    cr_assert_eq(answer.status, 201, "%u %s", answer.status, answer.body);
    cr_expect_str_eq(answer.type, "application/json");
    cr_assert_eq(api_session_answer_decode(&a, answer.body, answer.body_len, &fault), ERR_OK, "%s",
                 fault.text);
    cr_expect_eq(a.epoch, 1);
    cr_expect_str_eq(a.cluster.text, "fra1");
    cr_expect(public_key_equal(&a.cluster_key, &rig.keys[AS_OPERATOR].public_key));
    snprintf(media, sizeof(media), "%s:7700", rig.ip);
    char text[ADDR_TEXT_LEN_MAX + 1];
    cr_expect_str_eq(addr_to_text(&a.media, text), media);
    cr_expect_eq(a.backup_count, 0, "the peer was never heard");
    cr_expect_str_eq(a.rtp.encoding, "opus");
    cr_expect_eq(a.rtp.payload_type, 111);
    cr_expect_eq(a.rtp.clock_rate_hz, 48000);
    cr_expect_eq(a.rtp.channels, 2);
    cr_expect_eq(a.rtp.samples_per_frame, 960);
    cr_expect_not_null(strstr(a.rtp.fmtp, "maxaveragebitrate=64000"), "%s", a.rtp.fmtp);
    const struct ticket_issuer issuer = {.cluster = a.cluster,
                                         .key = rig.keys[AS_OPERATOR].public_key};
    cr_assert_eq(
        ticket_verify(&ticket, a.ticket, strlen(a.ticket), &issuer, 1, net_wall(), DURATION_ZERO),
        ERR_OK);
    cr_expect(session_id_equal(&ticket.session, &a.session));
    cr_expect(public_key_equal(&ticket.client, &rig.keys[AS_STRANGER].public_key));
    cr_expect_eq(ticket.anchor_frame, 100, "2 s are 100 frames");
    cr_expect_eq(ticket.legs[0].ssrc, a.rtp.ssrc);
    cluster_control(&rig, &answer, AS_OPERATOR, NULL, "/v1/sessions", NULL);
    cr_expect_eq(cluster_number(&answer, "total"), 1, "%s", answer.body);
    cr_expect(cluster_says(&answer, "sessions.0.state", "opened"));
    cr_expect(cluster_says(&answer, "sessions.0.source", "robot"));
    cluster_control(&rig, &answer, AS_OPERATOR, NULL, "/v1/sessions?limit=0", NULL);
    cr_expect_eq(cluster_number(&answer, "total"), 1, "all are counted, none shown");
    cr_expect_null(strstr(answer.body, "opened"));
}

Test(peerd_clients, refusals_say_what_is_wrong) {
    static const struct {
        const char *service, *profile, *source, *more;
        unsigned status;
        const char *code, *detail;
    } rows[] = {
        {"tv", "pcmu", "robot", "", 404, "unknown_service", ""},
        {"radio", "mp3", "robot", "", 404, "unknown_profile", ""},
        {"radio", "pcmu", "vinyl", "", 404, "unknown_source", ""},
        {"radio", "pcmu", "robot", ",\"protektion\":\"hot\"", 400, "bad_field",
         "protektion: expected no member of this name"},
        {"radio", "pcmu", "robot", ",\"start_ms\":-1", 400, "bad_field", "start_ms: expected"},
        {"radio", "pcmu", "robot", ",\"start_ms\":31536000001", 400, "bad_field", "start_ms"},
        {"radio", "pcmu", "robot", ",\"source\":\"coffee\"", 400, "bad_field", "duplicate"},
        {"Radio!", "pcmu", "robot", "", 400, "bad_field", "service: expected a name"},
        {"radio", "pcmu", "../../etc/passwd", "", 400, "bad_field", "source: expected a name"},
        {"radio", "pcmu", "http://127.0.0.1/x", "", 400, "bad_field", "source: expected a name"},
        {"", "pcmu", "robot", "", 400, "bad_field", "service: expected a name"},
    };
    cr_assert(cluster_register(&rig, NULL));
    for (size_t i = 0; i < ITEMS(rows); i++) {
        post(request(rows[i].service, rows[i].profile, rows[i].source, rows[i].more), with_token);
        cr_expect_eq(answer.status, rows[i].status, "row %zu: %u %s", i, answer.status,
                     answer.body);
        cr_expect(cluster_says(&answer, "code", rows[i].code), "row %zu: %s", i, answer.body);
        cr_expect_eq(cluster_number(&answer, "status"), rows[i].status);
        cr_expect_not_null(strstr(answer.body, rows[i].detail), "row %zu: %s", i, answer.body);
        cr_expect_str_eq(answer.type, PROBLEM);
    }
    request("radio", "pcmu", "robot", "");
    memcpy(strstr(request_body, "\"cold\""), "\"hot\" ", 6);
    post(request_body, with_token);
    cr_expect_eq(answer.status, 422, "%u %s", answer.status, answer.body);
    cr_expect(cluster_says(&answer, "code", "unsupported"));
    cr_expect_not_null(strstr(answer.body, "this service is not offered with hot protection"));
    static const char *const garbage[] = {"{",
                                          "null",
                                          "[1]",
                                          "\xff\xfe",
                                          "{\"service\":1}",
                                          "{}",
                                          "\"x\"",
                                          "{\"service\":\"radio\\u0000\"}"};
    for (size_t i = 0; i < ITEMS(garbage); i++) {
        post(garbage[i], with_token);
        cr_expect_eq(answer.status, 400, "%s: %u", garbage[i], answer.status);
        cr_expect_str_eq(answer.type, PROBLEM);
        cr_expect(answer.body_len > 0, "%s: it says why", garbage[i]);
    }
    cluster_control(&rig, &answer, AS_OPERATOR, NULL, "/v1/sessions", NULL);
    cr_expect_eq(cluster_number(&answer, "total"), 0);
}

Test(peerd_clients, sizes_methods_and_paths) {
    char *large = malloc(100001);
    cr_assert_not_null(large);
    memset(large, ' ', 100000);
    large[100000] = '\0';
    post(large, with_token);
    cr_expect_eq(answer.status, 413);
    large[API_REQUEST_LEN_MAX + 1] = '\0';
    post(large, with_token);
    cr_expect_eq(answer.status, 413);
    large[API_REQUEST_LEN_MAX] = '\0';
    post(large, with_token);
    cr_expect_eq(answer.status, 400, "within bounds, but nothing in it");
    free(large);
    cluster_client(&rig, &answer, "PUT", "/v1/sessions", "{}", with_token);
    cr_expect_eq(answer.status, 405);
    cr_expect_str_eq(answer.allow, "POST");
    cluster_client(&rig, &answer, "POST", "/metrics", "{}", with_token);
    cr_expect_eq(answer.status, 405);
    cr_expect_str_eq(answer.allow, "GET, HEAD");
    cluster_client(&rig, &answer, "HEAD", "/metrics", NULL, with_token);
    cr_expect_eq(answer.status, 200);
    cr_expect_eq(answer.body_len, 0);
    cluster_client(&rig, &answer, NULL, "/v1/drain", NULL, with_token);
    cr_expect_eq(answer.status, 404, "that is the other door's");
}

/* Without a node there is nobody to serve it, but there may be in a moment. */
Test(peerd_clients, no_node_no_session) {
    post(request("radio", "pcmu", "robot", ""), with_token);
    cr_expect_eq(answer.status, 503, "%u %s", answer.status, answer.body);
    cr_expect(cluster_says(&answer, "code", "no_credit"), "%s", answer.body);
    int seconds = atoi(answer.retry_after);
    cr_expect(seconds >= 1 && seconds <= 60, "Retry-After: %s", answer.retry_after);
    cr_expect_eq(cluster_number(&answer, "retry_after_s"), seconds);
}

static void post_with_key(const char *body, const char *key) {
    const struct net_http_header headers[] = {
        {"Authorization", "Bearer " CLUSTER_TOKEN}, {"Idempotency-Key", key}, {NULL, NULL}};
    post(body, headers);
}

static struct session_id opened(void) {
    struct api_session_answer a = {.epoch = 0};
    cr_assert_eq(answer.status, 201, "%u %s", answer.status, answer.body);
    cr_assert_eq(api_session_answer_decode(&a, answer.body, answer.body_len, NULL), ERR_OK);
    return a.session;
}

Test(peerd_clients, idempotency) {
    char long_key[300];
    cr_assert(cluster_register(&rig, NULL));
    post_with_key(request("radio", "pcmu", "robot", ""), "one");
    struct session_id first = opened();
    for (int i = 0; i < 3; i++) {
        post_with_key(request("radio", "pcmu", "robot", ""), "one");
        struct session_id again = opened();
        cr_expect(session_id_equal(&first, &again), "the same key: the same session");
    }
    post_with_key(request("radio", "pcmu", "robot", ""), "two");
    struct session_id second = opened();
    cr_expect_not(session_id_equal(&first, &second), "another key");
    post_with_key(request("radio", "pcmu", "coffee", ""), "one");
    struct session_id third = opened();
    cr_expect_not(session_id_equal(&first, &third), "the same key of another request");
    post(request("radio", "pcmu", "robot", ""), with_token);
    struct session_id fourth = opened();
    post(request("radio", "pcmu", "robot", ""), with_token);
    struct session_id fifth = opened();
    cr_expect_not(session_id_equal(&fourth, &fifth), "without a key each is new");
    cluster_control(&rig, &answer, AS_OPERATOR, NULL, "/v1/status", NULL);
    cr_expect_eq(cluster_number(&answer, "counters.opens_repeated"), 3);
    memset(long_key, 'k', sizeof(long_key));
    long_key[256] = '\0';
    post_with_key(request("radio", "pcmu", "robot", ""), long_key);
    cr_expect_eq(answer.status, 400);
    cr_expect_not_null(strstr(answer.body, "Idempotency-Key"));
    long_key[255] = '\0';
    post_with_key(request("radio", "pcmu", "robot", ""), long_key);
    cr_expect_eq(answer.status, 201);
}

/* What was opened with a key is the same session after a restart, too. */
Test(peerd_clients, idempotency_outlives_a_crash) {
    cr_assert(cluster_register(&rig, NULL));
    post_with_key(request("radio", "pcmu", "robot", ""), "one");
    struct session_id first = opened();
    program_signal(&rig.peerd, SIGKILL);
    cr_assert(cluster_start(&rig));
    cr_assert(cluster_register(&rig, NULL));
    post_with_key(request("radio", "pcmu", "robot", ""), "one");
    struct session_id again = opened();
    cr_expect(session_id_equal(&first, &again));
}

/* Nobody but the cluster can tell which id a request gets, so no two clusters give the same. */
Test(peerd_clients, the_same_request_to_two_clusters_makes_two_sessions) {
    struct api_session_answer a = {.epoch = 0}, b = {.epoch = 0};
    const char *body = request("radio", "pcmu", "robot", "");
    cr_assert(cluster_register(&rig, NULL));
    post_with_key(body, "one");
    cr_assert_eq(api_session_answer_decode(&a, answer.body, answer.body_len, NULL), ERR_OK);
    close_running();
    open_running(); /* with new keys */
    cr_assert(cluster_register(&rig, NULL));
    post_with_key(body, "one");
    cr_assert_eq(api_session_answer_decode(&b, answer.body, answer.body_len, NULL), ERR_OK);
    cr_expect_not(public_key_equal(&a.cluster_key, &b.cluster_key));
    cr_expect_not(session_id_equal(&a.session, &b.session));
    cr_expect_neq(a.rtp.ssrc, b.rtp.ssrc);
}

Test(peerd_clients, capacity_is_kept) {
    unsigned opened_count = 0;
    cr_assert(cluster_register(&rig, NULL));
    for (int i = 0; i < 110; i++) {
        post(request("radio", "pcmu", "robot", ""), with_token);
        opened_count += answer.status == 201;
        if (answer.status != 201) {
            cr_expect_eq(answer.status, 503, "%u", answer.status);
            cr_expect(cluster_says(&answer, "code", "no_credit"), "%s", answer.body);
            cr_expect_neq(answer.retry_after[0], '\0');
        }
    }
    cr_expect_eq(opened_count, 90, "100 less the 10 reserved for the peer: %u", opened_count);
}

Test(peerd_clients, metrics_are_well_formed) {
    char why[300] = "";
    cr_assert(cluster_register(&rig, NULL));
    post(request("radio", "pcmu", "robot", ""), with_token);
    cluster_client(&rig, &answer, NULL, "/metrics", NULL, with_token);
    cr_expect_eq(answer.status, 200);
    cr_expect_str_eq(answer.type, "text/plain; version=0.0.4; charset=utf-8");
    cr_expect(exposition_check(answer.body, why, sizeof(why)), "%s\n%s", why, answer.body);
    static const struct {
        const char *sample;
        double value;
    } rows[] = {
        {"peerd_nodes_registered", 1},
        {"peerd_capacity_sessions", 100},
        {"peerd_credit_sessions", 100},
        {"peerd_sessions{state=\"opened\"}", 1},
        {"peerd_sessions{state=\"committed\"}", 0},
        {"peerd_opens_answered_total", 1},
        {"peerd_policy_refused", 0},
        {"peerd_policy_reloads_total", 0},
        {"peerd_peer_verdict{peer=\"ams1\",verdict=\"alive\"}", 0},
        {"peerd_datagrams_dropped_total{reason=\"stranger\"}", 0},
        {"peerd_peer_detection_bound_seconds{peer=\"ams1\"}", 0.4},
        {"peerd_peer_beat_interval_asked_seconds{peer=\"ams1\"}", 0.1},
        {"peerd_peer_mistake_duration_seconds{peer=\"ams1\"}", 0},
        {"peerd_peer_accuracy_ratio{peer=\"ams1\"}", 1},
        {"peerd_peer_wish_met{peer=\"ams1\"}", 1},
    };
    for (size_t i = 0; i < ITEMS(rows); i++)
        cr_expect_eq(exposition_value(answer.body, rows[i].sample), rows[i].value, "%s is %f",
                     rows[i].sample, exposition_value(answer.body, rows[i].sample));
}

/* ---- other listeners ------------------------------------------------------------------------- */

/* Replaces the whole line that begins with `key`. */
static void restart_with(const char *key, const char *line) {
    char *policy = cluster_policy(&rig, "");
    char *at = strstr(policy, key);
    cr_assert_not_null(at);
    char *end = strchr(at, '\n');
    char *text = malloc(strlen(policy) + strlen(line) + 1);
    cr_assert_not_null(text);
    sprintf(text, "%.*s%s%s", (int)(at - policy), policy, line, end);
    free(policy);
    cr_assert_eq(cluster_stop(&rig), 0);
    cluster_write_policy(&rig, text);
    cr_assert(cluster_start(&rig));
}

/* An address that the policy names needs no token. On loopback requests come from 127.0.0.1. */
Test(peerd_clients, prefix_grant) {
    restart_with("  - prefix:", "  - prefix: 127.0.0.1/32");
    cluster_client(&rig, &answer, NULL, "/v1/status", NULL, NULL);
    cr_expect_eq(answer.status, 200, "%u", answer.status);
    restart_with("  - prefix:", "  - prefix: 127.0.0.2/31");
    cluster_client(&rig, &answer, NULL, "/v1/status", NULL, NULL);
    cr_expect_eq(answer.status, 401, "%u", answer.status);
    cluster_client(&rig, &answer, NULL, "/v1/status", NULL, with_token);
    cr_expect_eq(answer.status, 200, "%u", answer.status);
}

Test(peerd_clients, ipv6) {
    char line[160], url[64];
    unsigned port = 20000 + (unsigned)getpid() % 10000;
    snprintf(line, sizeof(line), "client_listen: {bind: '[::1]:%u', plain_http: true}", port);
    restart_with("client_listen:", line);
    snprintf(url, sizeof(url), "http://[::1]:%u/v1/status", port);
    cluster_call(
        &rig, &answer,
        (struct net_http_call_options){.url = url, .headers = with_token, .header_count = 1});
    cr_expect_eq(answer.status, 200);
    cluster_call(&rig, &answer, (struct net_http_call_options){.url = url});
    cr_expect_eq(answer.status, 401, "a grant for IPv4 addresses says nothing about ::1");
}

static bool make_certificate(const char *name) {
    char command[600];
    snprintf(command, sizeof(command),
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
             "-subj /CN=%s -addext subjectAltName=IP:%s -keyout %s/tls.key -out %s/tls.pem "
             "2>/dev/null",
             name, rig.ip, rig.dir, rig.dir);
    return system(command) == 0;
}

/* The operator's certificate, which clients check against a CA; new files are taken. */
Test(peerd_clients, tls) {
    char line[160], url[64], ca[160];
    if (!make_certificate("one"))
        cr_skip_test("no openssl to make a certificate with");
    snprintf(line, sizeof(line),
             "client_listen: {bind: '%s:7680', tls_cert: tls.pem, tls_key: tls.key}", rig.ip);
    restart_with("client_listen:", line);
    snprintf(url, sizeof(url), "https://%s:7680/v1/status", rig.ip);
    snprintf(ca, sizeof(ca), "%s", cluster_file(&rig, "tls.pem"));
    const struct net_http_call_options options = {
        .url = url, .headers = with_token, .header_count = 1, .ca_file = ca};
    cluster_call(&rig, &answer, options);
    cr_expect_eq(answer.status, 200, "%s", err_text(answer.err));
    cluster_client(&rig, &answer, NULL, "/v1/status", NULL, with_token);
    cr_expect_neq(answer.status, 200, "nothing in the clear");
    cr_assert(make_certificate("two"));
    cr_expect(cluster_await_log(&rig, "new certificate taken"));
    cluster_call(&rig, &answer, options);
    cr_expect_eq(answer.status, 200);
    cluster_write(&rig, "tls.pem", "damaged\n");
    cr_expect(cluster_await_log(&rig, "the old one stays"));
    cluster_call(&rig, &answer, (struct net_http_call_options){.url = url, .headers = with_token});
    cr_expect_eq(answer.err, ERR_FOREIGN, "no CA vouches for it, but it is there");
}
