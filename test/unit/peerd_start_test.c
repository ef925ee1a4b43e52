/*
 * The real peerd up to its first event: options, --check, and everything that keeps it from
 * starting. Each of these leaves a daemon half open, which sanitizers then look at.
 */
#include "peerd/net/sockaddr.h"
#include "test/unit/cluster_fixture.h"

#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(peerd_start, .init = open_rig, .fini = close_rig, .timeout = 120);

static size_t count_lines(const char *text) {
    size_t lines = 0;
    for (; *text != '\0'; text++)
        lines += *text == '\n';
    return lines;
}

Test(peerd_start, options) {
    static const struct {
        const char *what;
        const char *words[4];
        int status;
        const char *out; /* how it begins; "" nothing */
        const char *err;
    } rows[] = {
        {"none", {NULL}, 2, "", "peerd: --policy FILE is needed; try --help\n"},
        {"unknown", {"--nonsense"}, 2, "", "peerd: unknown option --nonsense; try --help\n"},
        {"short", {"-x"}, 2, "", "peerd: unknown option -x; try --help\n"},
        {"no value", {"--policy"}, 2, "", "peerd: a value is missing after --policy; try --help\n"},
        {"value where none belongs",
         {"--policy", "x", "--check=1"},
         2,
         "",
         "peerd: unknown option --check=1; try --help\n"},
        {"more words", {"--policy", "x", "y"}, 2, "", "peerd: unexpected argument; try --help\n"},
        {"help", {"--help"}, 0, "usage: peerd --policy FILE", ""},
        {"version", {"--version"}, 0, "peerd 0.", ""},
    };
    for (size_t i = 0; i < ITEMS(rows); i++) {
        struct program_result r = program_run(rig.dir, "peerd", rows[i].words);
        cr_expect_eq(r.status, rows[i].status, "%s: %d", rows[i].what, r.status);
        cr_expect_str_eq(r.err, rows[i].err, "%s", rows[i].what);
        cr_expect_eq(strncmp(r.out, rows[i].out, strlen(rows[i].out)), 0, "%s", rows[i].what);
        cr_expect_eq(rows[i].out[0] == '\0', r.out[0] == '\0', "%s", rows[i].what);
        program_result_free(&r);
    }
}

static struct program_result check(const char *policy) {
    char path[160];
    snprintf(path, sizeof(path), "%s", cluster_file(&rig, policy));
    return program_run(rig.dir, "peerd", (const char *[]){"--check", "--policy", path, NULL});
}

Test(peerd_start, check_of_a_good_policy) {
    char expected[200];
    cluster_write_policy(&rig, cluster_policy(&rig, cluster_peers(&rig)));
    struct program_result r = check("fra1.yaml");
    snprintf(expected, sizeof(expected), "%s: in order\n", cluster_file(&rig, "fra1.yaml"));
    cr_expect_eq(r.status, 0);
    cr_expect_str_eq(r.out, expected);
    cr_expect_str_eq(r.err, "");
    program_result_free(&r);
}

/* Every fault in one pass, in the order of the file, each with its place. */
Test(peerd_start, check_of_a_bad_policy) {
    static const char policy[] =
        "cluster: {name: fra1, provider: acme, region: eu, key_file: missing.key}\n"
        "beets: {bind: '127.0.0.1:7600'}\n"
        "beats: {bind: '127.0.0.1:7600'}\n"
        "peer_listen: {bind: '127.0.0.1:7601'}\n"
        "detection: {detect_within: 400, interval: 100kg}\n"
        "nodes: [{name: n1, key_file: n1.pub}, {name: n1, key_file: ams1.pub}]\n"
        "grants: [{token: sh0rt}]\n";
    static const char form[] =
        "%1$s/bad.yaml:1:61: cluster.key_file: expected a readable file with a secret key "
        "(k4.secret.…), found No such file or directory: %1$s/missing.key "
        "(`peerctl genkey FILE` makes one)\n"
        "%1$s/bad.yaml:2:1: beets: expected a key of a policy, found unknown key `beets` "
        "(did you mean `beats`?)\n"
        "%1$s/bad.yaml:5:28: detection.detect_within: expected a duration from 20ms to 60s, "
        "found `400` (a bare number has no unit: write 400ms or 400s)\n"
        "%1$s/bad.yaml:5:43: detection.interval: expected a duration from 5ms to 10s, found "
        "`100kg` (unknown unit `kg`: known are us, ms, s, min, h, d)\n"
        "%1$s/bad.yaml:6:46: nodes[1].name: expected a name that differs from all others in "
        "`nodes`, found `n1` again (first on line 6)\n"
        "%1$s/bad.yaml:7:18: grants[0].token: expected a token of 8 to 255 printable characters "
        "without space, found one of 5 bytes\n";
    char expected[4096];
    cluster_write(&rig, "bad.yaml", policy);
    struct program_result r = check("bad.yaml");
    snprintf(expected, sizeof(expected), form, rig.dir);
    cr_expect_eq(r.status, 1);
    cr_expect_str_eq(r.out, "");
    cr_expect_str_eq(r.err, expected);
    cr_expect_null(strstr(r.err, "sh0rt"), "what looks like a token is never quoted");
    program_result_free(&r);
}

/* Replaces the first `from` in a text from malloc. */
static char *with(char *text, const char *from, const char *to) {
    size_t size = strlen(text) + strlen(to) + 1;
    char *at = strstr(text, from);
    char *out = malloc(size);
    cr_assert_not_null(at, "%s", from);
    cr_assert_not_null(out);
    snprintf(out, size, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    free(text);
    return out;
}

/* One fault each: said with its place, status 1, both by --check and at a start. */
Test(peerd_start, single_faults) {
    const struct {
        const char *what;
        const char *from, *to;
        const char *says;
    } rows[] = {
        {"own name among peers", "name: ams1", "name: fra1",
         "peers[0].name: expected the name of another cluster, found `fra1`, our own"},
        {"own key as a peer's", rig.public_texts[AS_PEER], rig.public_texts[AS_OPERATOR],
         "peers[0].key: expected a key of its own for each cluster and node, found the key of our "
         "own cluster"},
        {"a peer's key as a node's", rig.public_texts[AS_NODE], rig.public_texts[AS_PEER],
         "nodes[0].key: expected a key of its own"},
        {"a secret key in a policy", rig.public_texts[AS_PEER], "k4.secret.AAAA",
         "peers[0].key: expected a public key (k4.public.…), found a secret key"},
        {"wrong unit", "bitrate: 64kbit/s", "bitrate: 64kHz", "profiles[1].bitrate: expected a"},
        {"unknown profile", "[opus, pcmu]", "[opsu, pcmu]",
         "services[0].profiles[0]: expected the name of a profile of this policy, found `opsu` "
         "(did you mean `opus`?)"},
        {"no such key file", "fra1.key", "fra2.key", "found No such file or directory"},
        {"not a key file", "fra1.key", "fra1.yaml", "cluster.key_file: expected a readable file"},
        {"not YAML", "grants:", "gr\tants: [", "fra1.yaml:"},
        {"a protocol that nodes do not open", "location: robot.wav", "location: 'gopher://x/y'",
         "nodes open no other protocol than http and https"},
        {"plain HTTP not said in so many words", "plain_http: true", "plain_http: false",
         "client_listen.tls_cert: expected a PEM file"},
    };
    for (size_t i = 0; i < ITEMS(rows); i++) {
        char *policy = cluster_policy(&rig, cluster_peers(&rig));
        char path[160];
        cluster_write_policy(&rig, with(policy, rows[i].from, rows[i].to));
        chmod(cluster_file(&rig, "fra1.yaml"), 0600); /* one row reads it as a key file */
        struct program_result r = check("fra1.yaml");
        cr_expect_eq(r.status, 1, "%s", rows[i].what);
        cr_expect_not_null(strstr(r.err, rows[i].says), "%s:\n%s", rows[i].what, r.err);
        program_result_free(&r);
        snprintf(path, sizeof(path), "%s", cluster_file(&rig, "fra1.yaml"));
        r = program_run(rig.dir, "peerd", (const char *[]){"--policy", path, NULL});
        cr_expect_eq(r.status, 1, "%s", rows[i].what);
        cr_expect_not_null(strstr(r.err, "policy refused"), "%s:\n%s", rows[i].what, r.err);
        cr_expect_not_null(strstr(r.err, "cannot start"), "%s:\n%s", rows[i].what, r.err);
        program_result_free(&r);
    }
}

Test(peerd_start, key_file_that_others_may_read) {
    cluster_write_policy(&rig, cluster_policy(&rig, ""));
    chmod(cluster_file(&rig, "fra1.key"), 0644);
    struct program_result r = check("fra1.yaml");
    cr_expect_eq(r.status, 1);
    cr_expect_not_null(strstr(r.err, "cluster.key_file: expected a readable file with a secret "
                                     "key (k4.secret.…), found one that others may read"),
                       "%s", r.err);
    cr_expect_not_null(strstr(r.err, "chmod 600"), "%s", r.err);
    program_result_free(&r);
}

Test(peerd_start, no_policy_file) {
    struct program_result r =
        program_run(rig.dir, "peerd", (const char *[]){"--policy", "/nowhere/fra1.yaml", NULL});
    cr_expect_eq(r.status, 1);
    cr_expect_not_null(strstr(r.err, "/nowhere/fra1.yaml: expected a readable file"), "%s", r.err);
    program_result_free(&r);
}

/* A socket on a port of the rig's own address. */
static int take_port(int type, uint16_t port) {
    struct sockaddr_storage to;
    struct addr a;
    char text[64];
    snprintf(text, sizeof(text), "%s:%u", rig.ip, port);
    cr_assert(addr_from_text(&a, text));
    socklen_t len = net_sockaddr_from_addr(&to, &a);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&to, len) == 0);
    cr_assert(type != SOCK_STREAM || listen(fd, 1) == 0);
    return fd;
}

/* The later doors first: what was opened before them is closed again. */
Test(peerd_start, ports_that_are_taken) {
    static const struct {
        const char *what;
        int type;
        uint16_t port;
        const char *says;
    } rows[] = {
        {"clients", SOCK_STREAM, 7680, "client_listen: cannot listen on"},
        {"control", SOCK_STREAM, 7601, "peer_listen: cannot listen on"},
        {"beats", SOCK_DGRAM, 7600, "beats.bind"},
    };
    char path[160];
    cluster_write_policy(&rig, cluster_policy(&rig, cluster_peers(&rig)));
    for (size_t i = 0; i < ITEMS(rows); i++) {
        int fd = take_port(rows[i].type, rows[i].port);
        snprintf(path, sizeof(path), "%s", cluster_file(&rig, "fra1.yaml"));
        struct program_result r =
            program_run(rig.dir, "peerd", (const char *[]){"--policy", path, NULL});
        cr_expect_eq(r.status, 1, "%s: %d", rows[i].what, r.status);
        cr_expect_not_null(strstr(r.err, rows[i].says), "%s:\n%s", rows[i].what, r.err);
        cr_expect_not_null(strstr(r.err, "Address already in use"), "%s:\n%s", rows[i].what, r.err);
        cr_expect_eq(count_lines(r.err), 2, "%s:\n%s", rows[i].what, r.err);
        program_result_free(&r);
        close(fd);
    }
}

Test(peerd_start, certificate_that_cannot_be_used) {
    char *policy = cluster_policy(&rig, "");
    char path[160];
    cluster_write(&rig, "cert.pem", "nothing of the kind\n");
    cluster_write_policy(&rig,
                         with(policy, "plain_http: true", "tls_cert: cert.pem, tls_key: cert.pem"));
    snprintf(path, sizeof(path), "%s", cluster_file(&rig, "fra1.yaml"));
    struct program_result r =
        program_run(rig.dir, "peerd", (const char *[]){"--policy", path, NULL});
    cr_expect_eq(r.status, 1);
    cr_expect_not_null(strstr(r.err, "client_listen: "), "%s", r.err);
    cr_expect_not_null(strstr(r.err, "cert.pem"), "%s", r.err);
    program_result_free(&r);
}

Test(peerd_start, ends_at_once_on_a_signal) {
    static const int numbers[] = {SIGTERM, SIGINT};
    cluster_write_policy(&rig, cluster_policy(&rig, cluster_peers(&rig)));
    for (size_t i = 0; i < ITEMS(numbers); i++) {
        cr_assert(cluster_start(&rig));
        program_signal(&rig.peerd, numbers[i]);
        cr_expect_eq(program_wait(&rig.peerd, PROGRAM_PATIENCE_MS), 0);
        cr_expect(cluster_await_log(&rig, "nothing to save"));
    }
}

/* Crash-only: the ports are free again at once, and what it knew comes back from its nodes. */
Test(peerd_start, killed_and_started_again) {
    cluster_write_policy(&rig, cluster_policy(&rig, ""));
    for (int i = 0; i < 3; i++) {
        cr_assert(cluster_start(&rig), "run %d", i);
        cr_assert(cluster_register(&rig, NULL), "run %d", i);
        cluster_control(&rig, &answer, AS_OPERATOR, NULL, "/v1/status", NULL);
        cr_expect_eq(cluster_number(&answer, "nodes_registered"), 1, "run %d", i);
        cr_expect_eq(cluster_number(&answer, "recovering"), 0, "run %d: all nodes are back", i);
        program_signal(&rig.peerd, SIGKILL);
    }
}
