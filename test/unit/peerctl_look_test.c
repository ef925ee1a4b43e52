/*
 * What an operator looks at: one peer, parts of lists, who answers how soon, which doors peers
 * reach, colours on a terminal, and what a shell is told to complete.
 */
#include "peerd/net/clock.h"
#include "test/unit/cluster_fixture.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char policy_path[160];
static struct program ams1; /* a second real peerd, for a peer */

static void open_ctl(void) {
    char path[512];
    open_rig();
    if (!program_find("peerctl", path, sizeof(path)))
        cr_skip_test("no peerctl in $PEERD_BIN");
    cluster_write_policy(&rig, cluster_policy(&rig, cluster_peers(&rig)));
    snprintf(policy_path, sizeof(policy_path), "%s", cluster_file(&rig, "fra1.yaml"));
}

static void close_ctl(void) {
    if (ams1.pid > 0)
        program_signal(&ams1, SIGKILL);
    close_running();
}

TestSuite(peerctl_look, .init = open_ctl, .fini = close_ctl, .timeout = 120);

#define CTL(...) program_run(rig.dir, "peerctl", (const char *[]){__VA_ARGS__, NULL})

static void expect(const char *what, struct program_result r, int status, const char *out,
                   const char *err) {
    cr_expect_eq(r.status, status, "%s: %d: %s%s", what, r.status, r.out, r.err);
    cr_expect_not_null(strstr(r.out, out), "%s: `%s` not in `%s`", what, out, r.out);
    cr_expect_not_null(strstr(r.err, err), "%s: `%s` not in `%s`", what, err, r.err);
    program_result_free(&r);
}

/* The other one has fra1 for its peer, and what else is said of it. */
static void start_peer_with(const char *more) {
    char text[2048], path[160];
    snprintf(text, sizeof(text),
             "cluster: {name: ams1, provider: other, region: eu-west, key_file: ams1.key}\n"
             "beats: {bind: '%s:7610'}\n"
             "peer_listen: {bind: '%s:7611'}\n"
             "peers: [{name: fra1, key: %s, beats: '%s:7600', control: '%s:7601'}]\n%s",
             rig.ip, rig.ip, rig.public_texts[AS_OPERATOR], rig.ip, rig.ip, more);
    cluster_write(&rig, "ams1.yaml", text);
    snprintf(path, sizeof(path), "%s", cluster_file(&rig, "ams1.yaml"));
    program_start(&ams1, rig.dir, "-ams1", "peerd", (const char *[]){"--policy", path, NULL});
    cr_assert(program_await_error(&ams1, ": ready ", PROGRAM_PATIENCE_MS));
}

static void start_peer(void) {
    start_peer_with("");
}

static json_t *peer_now(void) {
    struct program_result r = CTL("peer", "ams1", "--json", "--policy", policy_path);
    json_t *peer = json_loads(r.out, 0, NULL);
    program_result_free(&r);
    return peer;
}

/* Alive, and described. */
static bool is_known(bool both_ways) {
    for (int i = 0; i < PROGRAM_PATIENCE_MS / 20; i++) {
        json_t *peer = peer_now();
        const char *verdict = json_string_value(json_object_get(peer, "verdict"));
        bool known = verdict != NULL && strcmp(verdict, "alive") == 0 &&
                     json_is_integer(json_object_get(peer, "described_ms_ago"));
        json_decref(peer);
        if (known && (!both_ways || program_await_error(&ams1, "ams1 > fra1 ", 20)))
            return true;
        usleep(20000);
    }
    return false;
}

Test(peerctl_look, a_peer_that_is_there) {
    cr_assert(cluster_start(&rig));
    expect("nobody", CTL("peer", "ams1", "--policy", policy_path), 1, "peer       ams1, unknown",
           "");
    expect("ping nobody", CTL("ping", "ams1", "--policy", policy_path), 2, "0 of 5 answered", "");
    start_peer();
    cr_assert(is_known(false));
    expect("peer", CTL("peer", "ams1", "--policy", policy_path), 0, "peer       ams1, alive", "");
    expect("its key", CTL("peer", "ams1", "--policy", policy_path), 0, rig.public_texts[AS_PEER],
           "");
    expect("peers", CTL("peers", "--policy", policy_path), 0, "ams1  alive", "");
    expect("whom", CTL("peer", "lon1", "--policy", policy_path), 1, "", "no peer `lon1`");
    expect("which", CTL("peer", "--policy", policy_path), 64, "", "expected the name of one peer");
    expect("ping", CTL("ping", "--policy", policy_path), 0, "5 of 5 answered", "");
    expect("ping it", CTL("ping", "ams1", "--policy", policy_path), 0, "ams1: answered in ", "");
    expect("as JSON", CTL("ping", "ams1", "--json", "--policy", policy_path), 0,
           "{\"cluster\":\"ams1\",\"asked\":5,\"answered\":5,", "");
}

/* What a shell says of a text, if there is such a shell: 0 that it can read it. */
static int shell_reads(const char *shell, const char *text) {
    char command[256];
    cluster_write(&rig, "completion", text);
    snprintf(command, sizeof(command), "command -v %s >/dev/null || exit 0; %s -n %s", shell, shell,
             cluster_file(&rig, "completion"));
    return system(command);
}

/* What bash offers after some words, in one line. */
static void completes(const char *words, const char *wanted) {
    char command[1024], line[4096] = "";
    snprintf(command, sizeof(command),
             "bash -c 'source %s; COMP_WORDS=(peerctl %s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); "
             "_peerctl; echo \"${COMPREPLY[*]}\"' | sort -u | tr '\\n' ' '",
             cluster_file(&rig, "completion"), words);
    FILE *out = popen(command, "r");
    cr_assert_not_null(out);
    if (fgets(line, sizeof(line), out) == NULL)
        line[0] = '\0';
    pclose(out);
    cr_expect_not_null(strstr(line, wanted), "after `%s`: `%s` not in `%s`", words, wanted, line);
}

Test(peerctl_look, completion) {
    char words[512];
    struct program_result r = CTL("completion", "zsh");
    cr_expect_eq(r.status, 0);
    cr_expect_eq(strncmp(r.out, "#compdef peerctl\n", 17), 0);
    cr_expect_eq(shell_reads("zsh", r.out), 0);
    program_result_free(&r);
    r = CTL("completion", "bash");
    cr_expect_eq(r.status, 0);
    cr_expect_eq(shell_reads("bash", r.out), 0);
    program_result_free(&r);
    completes("und", "undrain");
    completes("drain --de", "--deadline");
    completes("completion \"\"", "bash zsh");
    completes("ledger --cause cr", "crashed");
    snprintf(words, sizeof(words), "why --policy %s \"\"", policy_path);
    completes(words, "ams1");
    snprintf(words, sizeof(words), "drain --policy %s --to am", policy_path);
    completes(words, "ams1");
}

/* A terminal is painted, whatever else is not, nor one whose owner does not want it. */
Test(peerctl_look, colours) {
    static const struct {
        const char *what, *environment;
        bool painted;
    } rows[] = {
        {"a terminal", "TERM=xterm", true},
        {"nobody wants it", "TERM=xterm NO_COLOR=1", false},
        {"empty is nothing", "TERM=xterm NO_COLOR=", true},
        {"dumb", "TERM=dumb", false},
    };
    char path[512], command[1500], text[8192];
    cr_assert(cluster_start(&rig));
    if (system("command -v script >/dev/null") != 0)
        cr_skip_test("no script(1)");
    cr_assert(program_find("peerctl", path, sizeof(path)));
    for (size_t i = 0; i < ITEMS(rows); i++) {
        snprintf(command, sizeof(command),
                 "env -u NO_COLOR %s script -qec '%s status --policy %s' /dev/null </dev/null",
                 rows[i].environment, path, policy_path);
        FILE *out = popen(command, "r");
        cr_assert_not_null(out);
        text[fread(text, 1, sizeof(text) - 1, out)] = '\0';
        pclose(out);
        cr_expect_not_null(strstr(text, "trouble"), "%s: %s", rows[i].what, text);
        cr_expect_eq(strstr(text, "\033[") != NULL, rows[i].painted, "%s: %s", rows[i].what, text);
    }
    struct program_result r = CTL("status", "--policy", policy_path);
    cr_expect_null(strstr(r.out, "\033["), "a pipe: %s", r.out);
    program_result_free(&r);
}

Test(peerctl_look, parts_of_lists) {
    cr_assert(cluster_start(&rig));
    expect("sessions", CTL("sessions", "--client", "192.0.2.7", "--policy", policy_path), 0,
           "0 of them of 192.0.2.7/32, of 0 in all", "");
    expect("locations", CTL("locations", "2001:db8:0::/32", "--policy", policy_path), 0,
           "0 of them in 2001:db8::/32, of 0 in all", "");
    expect("of a word", CTL("locations", "berlin", "--policy", policy_path), 64, "",
           "expected at most one address or prefix");
    cluster_control(&rig, &answer, AS_OPERATOR, NULL, "/v1/sessions?client=berlin", NULL);
    cr_expect_eq(answer.status, 400);
    cr_expect_not_null(strstr(answer.body, "client: expected an address or a prefix"));
}

static struct program_result origins_once(const char *word) {
    struct program_result r = CTL("origins", "--policy", policy_path);
    for (int i = 0; i < PROGRAM_PATIENCE_MS / 20 && strstr(r.out, word) == NULL; i++) {
        program_result_free(&r);
        usleep(20000);
        r = CTL("origins", "--policy", policy_path);
    }
    return r;
}

/* Nobody answers for the film at either place, so it is ill at both: ours by our looks, the peer's
 * by its word. News it has looked at once only. */
Test(peerctl_look, origins) {
    char more[1024], at_peer[512];
    cr_assert(cluster_start(&rig));
    expect("none", CTL("origins", "--policy", policy_path), 0, "neither we nor peers have", "");
    snprintf(more, sizeof(more),
             "%sorigins: [{name: film, url: 'http://%s:7695/film.m3u8', check_every: 500ms, "
             "answer_within: 200ms}]\n",
             cluster_peers(&rig), rig.ip);
    snprintf(
        at_peer, sizeof(at_peer),
        "client_listen: {bind: '%s:7690', plain_http: true}\n"
        "origins:\n  - {name: news, url: 'http://%s:7695/n.m3u8', check_every: 1min, live: true}\n"
        "  - {name: film, url: 'http://%s:7695/film.m3u8', check_every: 500ms, "
        "answer_within: 200ms}\n",
        rig.ip, rig.ip, rig.ip);
    cluster_write_policy(&rig, cluster_policy(&rig, more));
    start_peer_with(at_peer);
    cr_assert(program_await_error(&rig.peerd, "origin film is ill", PROGRAM_PATIENCE_MS));
    cr_assert(is_known(true));
    struct program_result r = origins_once("film         ams1     ill  ");
    cr_expect_eq(r.status, 1, "%s%s", r.out, r.err);
    static const char *const rows[] = {"film         fra1     ill  ", "film         ams1     ill  ",
                                       "  -  no: it is ill  ",        "looks failed: ",
                                       "news (live)  ams1     well ", "  -  yes, place 1  "};
    for (size_t i = 0; i < ITEMS(rows); i++)
        cr_expect_not_null(strstr(r.out, rows[i]), "`%s` not in %s", rows[i], r.out);
    program_result_free(&r);
    r = CTL("origins", "--json", "--policy", policy_path);
    json_t *root = json_loads(r.out, 0, NULL), *here, *news;
    const char *name, *state = "", *verdict = "";
    cr_assert_eq(json_unpack(root, "{s:[{s:s, s:[o]}, {s:[o]}]}", "origins", "name", &name, "at",
                             &here, "at", &news),
                 0, "%s", r.out);
    cr_expect_str_eq(name, "film");
    cr_expect_null(json_object_get(here, "verdict"), "of ourselves there is none");
    cr_expect(json_is_string(json_object_get(here, "why")), "%s", r.out);
    cr_expect_eq(json_unpack(news, "{s:s, s:s, s:n, s:n}", "state", &state, "verdict", &verdict,
                             "against", "since_ms_ago"),
                 0, "%s", r.out);
    cr_expect(strcmp(state, "well") == 0 && strcmp(verdict, "alive") == 0, "%s", r.out);
    json_decref(root);
    program_result_free(&r);
    cluster_control(&rig, &answer, AS_PEER, NULL, "/v1/origins", NULL);
    cr_expect_eq(answer.status, 403);
}

/* All doors there are: beats, control, clients and a worker's. Nobody else may ask, nor too often.
 */
Test(peerctl_look, check_live) {
    cr_assert(cluster_start(&rig));
    if (!cluster_start_node(&rig, 500))
        cr_skip_test("no transcoderd in $PEERD_BIN");
    start_peer();
    cr_assert(is_known(true));
    struct program_result r;
    for (int i = 0; i < 4; i++) { /* until its description of us is one with a worker in it */
        r = CTL("check", "--live", "--policy", policy_path);
        if (strstr(r.out, "media") != NULL)
            break;
        program_result_free(&r);
        sleep(5);
    }
    cr_expect_eq(r.status, 0, "%s%s", r.out, r.err);
    cr_expect_not_null(strstr(r.out, "1 of 1 peers reach all they tried\n"), "%s", r.out);
    static const char *const doors[] = {"ams1  beats ", "ams1  control ", "ams1  clients ",
                                        "ams1  media "};
    for (size_t i = 0; i < ITEMS(doors); i++)
        cr_expect_not_null(strstr(r.out, doors[i]), "%s in %s", doors[i], r.out);
    cr_expect_null(strstr(r.out, "  no "), "%s", r.out);
    program_result_free(&r);
    expect("too often", CTL("check", "--live", "--policy", policy_path), 2, "asked too often", "");
    cluster_control(&rig, &answer, AS_STRANGER, "POST", "/v1/reach", NULL);
    cr_expect_eq(answer.status, 403);
    cluster_control(&rig, &answer, AS_NODE, "POST", "/v1/reach", NULL);
    cr_expect_eq(answer.status, 403);
}

/* Nobody listens where our policy has the peer: no door is reached, and no haste tells which. */
Test(peerctl_look, doors_that_are_closed) {
    cr_assert(cluster_start(&rig));
    struct instant begun = net_now();
    cluster_control(&rig, &answer, AS_PEER, "POST", "/v1/reach", NULL);
    cr_expect_eq(answer.status, 200, "%s", answer.body);
    cr_expect_geq(instant_since(net_now(), begun).us, 2400000);
    cr_expect(cluster_says(&answer, "cluster", "fra1"));
    cr_expect(cluster_says(&answer, "doors.0.door", "beats"), "%s", answer.body);
    cr_expect_eq(cluster_number(&answer, "doors.0.reached"), 0);
    cr_expect(cluster_says(&answer, "doors.1.door", "control"), "%s", answer.body);
    cr_expect_eq(cluster_number(&answer, "doors.1.reached"), 0);
    cluster_control(&rig, &answer, AS_PEER, "POST", "/v1/reach", NULL);
    cr_expect_eq(answer.status, 429, "%s", answer.body);
    cr_expect_str_eq(answer.retry_after, "5");
}
