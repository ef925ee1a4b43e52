/*
 * The real peerd's policy is changed under it: by SIGHUP, by the file alone, by the operator; to
 * something unusable, to something that needs a restart, to other peers, while calls to those
 * peers and questions about their names are under way.
 */
#include "peerd/net/clock.h"
#include "test/unit/cluster_fixture.h"

#include <signal.h>
#include <unistd.h>

TestSuite(peerd_reload, .init = open_running, .fini = close_running, .timeout = 120);

static void status(void) {
    cluster_control(&rig, &answer, AS_OPERATOR, NULL, "/v1/status", NULL);
    cr_assert_eq(answer.status, 200);
}

/* Polls a number of a page until it is there. */
static bool await_number(const char *page, const char *path, json_int_t value) {
    struct instant end = instant_add(net_now(), duration_ms(PROGRAM_PATIENCE_MS));
    do {
        cluster_control(&rig, &answer, AS_OPERATOR, NULL, page, NULL);
        if (cluster_number(&answer, path) == value)
            return true;
        usleep(20000);
    } while (!instant_reached(net_now(), end));
    return false;
}

static bool await_word(const char *page, const char *path, const char *word) {
    struct instant end = instant_add(net_now(), duration_ms(PROGRAM_PATIENCE_MS));
    do {
        cluster_control(&rig, &answer, AS_OPERATOR, NULL, page, NULL);
        if (cluster_says(&answer, path, word))
            return true;
        usleep(20000);
    } while (!instant_reached(net_now(), end));
    return false;
}

/* [YAML] nobody is suspected because the machine had no time for him. */
#define PATIENT "detection: {detect_within: 30s, interval: 20ms}\n"

/* A block `peers:` from lines of the form `name key beats control`; "@" stands for our address. */
static char *peers(const char *const lines[]) {
    static char block[4096];
    size_t at = (size_t)snprintf(block, sizeof(block), PATIENT "peers:\n");
    for (size_t i = 0; lines[i] != NULL; i++) {
        char name[32], key[80], beats[64], control[64];
        cr_assert_eq(sscanf(lines[i], "%31s %79s %63s %63s", name, key, beats, control), 4);
        at += (size_t)snprintf(block + at, sizeof(block) - at,
                               "  - {name: %s, key: %s, beats: '%s%s', control: '%s%s'}\n", name,
                               key, beats[0] == '@' ? rig.ip : "", beats + (beats[0] == '@'),
                               control[0] == '@' ? rig.ip : "", control + (control[0] == '@'));
    }
    return block;
}

Test(peerd_reload, a_bad_file_changes_nothing) {
    cluster_write(&rig, "fra1.yaml", "cluster: {name: fra1}\nbeats: 5\n");
    program_signal(&rig.peerd, SIGHUP);
    cr_assert(await_number("/v1/status", "policy.newer_refused", 1), "%s", answer.body);
    cr_expect_eq(cluster_number(&answer, "peers"), 1, "the old policy rules");
    cr_expect_not_null(strstr(answer.body, "fra1.yaml:2:8: beats: expected"), "%s", answer.body);
    cr_expect_not_null(strstr(answer.body, "peer_listen"), "all faults, not the first alone");
    cluster_client(&rig, &answer, NULL, "/v1/status", NULL, with_token);
    cr_expect_eq(cluster_number(&answer, "policy.newer_refused"), 1);
    cr_expect_null(strstr(answer.body, "expected"), "faults are for operators: %s", answer.body);
    cluster_client(&rig, &answer, NULL, "/metrics", NULL, with_token);
    cr_expect_not_null(strstr(answer.body, "\npeerd_policy_refused 1\n"));
    cr_expect_null(strstr(answer.body, "\npeerd_policy_reload_failures_total 0\n"));
    cluster_write_policy(&rig, cluster_policy(&rig, ""));
    program_signal(&rig.peerd, SIGHUP);
    cr_assert(await_number("/v1/status", "policy.newer_refused", 0), "%s", answer.body);
    cr_expect_eq(cluster_number(&answer, "peers"), 0, "and the good one is taken");
}

/* Nobody has to say so: the file is looked at. */
Test(peerd_reload, the_file_is_watched) {
    cluster_write_policy(&rig, cluster_policy(&rig, ""));
    cr_expect(await_number("/v1/status", "peers", 0));
    unlink(cluster_file(&rig, "fra1.yaml")); /* as some editors do before they write */
    cluster_write_policy(&rig, cluster_policy(&rig, cluster_peers(&rig)));
    cr_expect(await_number("/v1/status", "peers", 1));
}

Test(peerd_reload, on_request) {
    cluster_control(&rig, &answer, AS_OPERATOR, "POST", "/v1/reload", "{}");
    cr_expect_eq(answer.status, 200);
    cluster_write(&rig, "fra1.yaml", "grants: [{token: se<ret}]\n");
    cluster_control(&rig, &answer, AS_OPERATOR, "POST", "/v1/reload", "{}");
    cr_expect_eq(answer.status, 409);
    cr_expect(cluster_says(&answer, "code", "bad_policy"), "%s", answer.body);
    cr_expect_not_null(strstr(answer.body, "fra1.yaml:1:"), "%s", answer.body);
    status();
    cr_expect_null(strstr(answer.body, "se<ret"), "no token in a fault: %s", answer.body);
}

Test(peerd_reload, what_needs_a_restart) {
    const struct {
        const char *from, *to, *says;
    } rows[] = {
        {"name: fra1", "name: fra2", "cluster.name: expected no change while running"},
        {"fra1.key", "stranger.key",
         "cluster.key_file (a key that `next_key` did not announce): expected"},
        {":7600", ":7699", "beats.bind: expected no change"},
        {":7601", ":7699", "peer_listen.bind: expected no change"},
        {":7680", ":7699", "client_listen: expected no change"},
        {"grants:", "dns_server: 127.0.0.1\ngrants:", "dns_server: expected no change"},
    };
    for (size_t i = 0; i < ITEMS(rows); i++) {
        char text[4096];
        char *policy = cluster_policy(&rig, "");
        char *at = strstr(policy, rows[i].from);
        cr_assert_not_null(at);
        snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - policy), policy, rows[i].to,
                 at + strlen(rows[i].from));
        free(policy);
        cluster_write(&rig, "fra1.yaml", text);
        cluster_control(&rig, &answer, AS_OPERATOR, "POST", "/v1/reload", "{}");
        cr_expect_eq(answer.status, 409, "%s: %u", rows[i].to, answer.status);
        cr_expect_not_null(strstr(answer.body, rows[i].says), "%s: %s", rows[i].to, answer.body);
    }
    status();
    cr_expect(cluster_says(&answer, "cluster", "fra1"));
    cr_expect_eq(cluster_number(&answer, "peers"), 1);
}

/* A key that the policy names no longer is a stranger's at once, on connections that exist, too. */
Test(peerd_reload, rights_are_taken_away) {
    cluster_control(&rig, &answer, AS_PEER, NULL, "/v1/description", NULL);
    cr_expect_eq(answer.status, 200);
    cluster_write_policy(&rig, cluster_policy(&rig, ""));
    cluster_control(&rig, &answer, AS_OPERATOR, "POST", "/v1/reload", "{}");
    cr_expect_eq(answer.status, 200);
    cluster_control(&rig, &answer, AS_PEER, NULL, "/v1/description", NULL);
    cr_expect_eq(answer.status, 403);
}

/* ---- peers that change while there is traffic with them ---- */

/* The real ams1, on the ports that cluster_peers names. */
static void start_ams1(struct program *ams1) {
    char text[2048], path[160];
    snprintf(text, sizeof(text),
             "cluster: {name: ams1, provider: bolt, region: eu-west, key_file: ams1.key}\n"
             "beats: {bind: '%s:7610'}\n"
             "peer_listen: {bind: '%s:7611'}\n"
             "peers: [{name: fra1, key: %s, beats: '%s:7600', control: '%s:7601'}]\n" PATIENT,
             rig.ip, rig.ip, rig.public_texts[AS_OPERATOR], rig.ip, rig.ip);
    cluster_write(&rig, "ams1.yaml", text);
    snprintf(path, sizeof(path), "%s", cluster_file(&rig, "ams1.yaml"));
    program_start(ams1, rig.dir, "-ams1", "peerd", (const char *[]){"--policy", path, NULL});
    cr_assert(program_await_error(ams1, ": ready ", PROGRAM_PATIENCE_MS));
}

Test(peerd_reload, peers_come_go_and_change_places) {
    struct program ams1 = {.pid = 0};
    char good[200], stranger[200], unresolved[200], moved[200];
    const char *key = rig.public_texts[AS_PEER];
    snprintf(good, sizeof(good), "ams1 %s @:7610 @:7611", key);
    snprintf(stranger, sizeof(stranger), "lon1 %s @:7620 @:7621", rig.public_texts[AS_STRANGER]);
    snprintf(unresolved, sizeof(unresolved), "lon1 %s localhost:7620 nowhere.invalid:7621",
             rig.public_texts[AS_STRANGER]);
    snprintf(moved, sizeof(moved), "ams1 %s localhost:7610 localhost:7611", key);
    char other_key[200];
    snprintf(other_key, sizeof(other_key), "ams1 %s @:7610 @:7611", rig.public_texts[AS_STRANGER]);
    const char *const lists[][3] = {
        {good, stranger}, {stranger, good},    {NULL}, {unresolved, good},
        {other_key},      {moved, unresolved}, {good}};
    start_ams1(&ams1);
    cr_assert(await_word("/v1/peers", "peers.0.verdict", "alive"), "%s", answer.body);
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < ITEMS(lists); i++) {
            char *block = lists[i][0] == NULL ? (char *)(uintptr_t) "" : peers(lists[i]);
            cluster_write_policy(&rig, cluster_policy(&rig, block));
            cluster_control(&rig, &answer, AS_OPERATOR, "POST", "/v1/reload", "{}");
            cr_assert_eq(answer.status, 200, "%zu: %s", i, answer.body);
            usleep(50000 * (useconds_t)round); /* so that things are at different points */
        }
    cr_expect(await_word("/v1/peers", "peers.0.verdict", "alive"), "%s", answer.body);
    cr_expect(cluster_says(&answer, "peers.0.name", "ams1"));
    program_signal(&ams1, SIGTERM);
    cr_expect_eq(program_wait(&ams1, PROGRAM_PATIENCE_MS), 0);
}

/* A reload that leaves a peer as it was is nothing that the peer, or its verdict, notices. Of a new
 * one nothing is known; a beat that is late because the machine is busy makes one suspect. */
Test(peerd_reload, a_peer_that_stays_is_not_disturbed) {
    struct program ams1 = {.pid = 0};
    char good[200], before[200];
    snprintf(good, sizeof(good), "ams1 %s @:7610 @:7611", rig.public_texts[AS_PEER]);
    snprintf(before, sizeof(before), "lon1 %s @:7620 @:7621", rig.public_texts[AS_STRANGER]);
    start_ams1(&ams1);
    cr_assert(await_word("/v1/peers", "peers.0.verdict", "alive"), "%s", answer.body);
    for (int i = 0; i < 10; i++) {
        const char *const list[] = {i % 2 == 0 ? before : good, i % 2 == 0 ? good : before, NULL};
        cluster_write_policy(&rig, cluster_policy(&rig, peers(list)));
        cluster_control(&rig, &answer, AS_OPERATOR, "POST", "/v1/reload", "{}");
        cr_assert_eq(answer.status, 200);
        cluster_control(&rig, &answer, AS_OPERATOR, NULL, "/v1/peers", NULL);
        const char *path = i % 2 == 0 ? "peers.1.verdict" : "peers.0.verdict";
        cr_expect(cluster_says(&answer, path, "alive") || cluster_says(&answer, path, "suspect"),
                  "%d: %s", i, answer.body);
    }
    program_signal(&ams1, SIGKILL);
}

/* Nodes change places, too; each keeps its name, and its registration. */
Test(peerd_reload, nodes_change_places) {
    cr_assert(cluster_register(&rig, NULL));
    char *policy = cluster_policy(&rig, "");
    char text[4096], two[400];
    char *at = strstr(policy, "nodes: [");
    cr_assert_not_null(at);
    snprintf(two, sizeof(two), "nodes: [{name: n0, key: %s}, ", rig.public_texts[AS_STRANGER]);
    snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - policy), policy, two,
             at + strlen("nodes: ["));
    free(policy);
    cluster_write(&rig, "fra1.yaml", text);
    cluster_control(&rig, &answer, AS_OPERATOR, "POST", "/v1/reload", "{}");
    cr_assert_eq(answer.status, 200, "%s", answer.body);
    cr_expect(cluster_says(&answer, "nodes.1.name", "n1"));
    cr_expect_eq(cluster_number(&answer, "nodes.1.registered"), 1);
    cr_expect_eq(cluster_number(&answer, "nodes.0.registered"), 0);
    cr_expect(cluster_register(&rig, NULL), "under its new number");
}
