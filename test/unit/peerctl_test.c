/*
 * The real peerctl: keys, checks, the schema, and what it says of a peerd that is there, that
 * refuses, or that is not.
 */
#include "test/unit/cluster_fixture.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char policy_path[160];

static void open_ctl(void) {
    char path[512];
    open_rig();
    if (!program_find("peerctl", path, sizeof(path)))
        cr_skip_test("no peerctl in $PEERD_BIN");
    cluster_write_policy(&rig, cluster_policy(&rig, cluster_peers(&rig)));
    snprintf(policy_path, sizeof(policy_path), "%s", cluster_file(&rig, "fra1.yaml"));
}

static void close_ctl(void) {
    close_running();
}

TestSuite(peerctl, .init = open_ctl, .fini = close_ctl, .timeout = 120);

#define CTL(...) program_run(rig.dir, "peerctl", (const char *[]){__VA_ARGS__, NULL})

static void expect(const char *what, struct program_result r, int status, const char *out,
                   const char *err) {
    cr_expect_eq(r.status, status, "%s: %d", what, r.status);
    cr_expect_not_null(strstr(r.out, out), "%s: `%s` not in `%s`", what, out, r.out);
    cr_expect_not_null(strstr(r.err, err), "%s: `%s` not in `%s`", what, err, r.err);
    cr_expect(out[0] != '\0' || r.out[0] == '\0', "%s: nothing was due: %s", what, r.out);
    cr_expect(err[0] != '\0' || r.err[0] == '\0', "%s: nothing was due: %s", what, r.err);
    program_result_free(&r);
}

/* True if a text is one JSON document of the given type. */
static bool is_json(const char *text, json_type type) {
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    bool good = root != NULL && json_typeof(root) == type;
    json_decref(root);
    return good;
}

Test(peerctl, options) {
    static const struct {
        const char *what;
        const char *words[8]; /* ends with NULL */
        int status;
        const char *out, *err;
    } rows[] = {
        {"no command", {NULL}, 64, "", "usage: peerctl COMMAND"},
        {"help", {"--help"}, 0, "usage: peerctl COMMAND", ""},
        {"version", {"--version"}, 0, "peerctl 0.", ""},
        {"unknown command", {"statis"}, 64, "", "peerctl: no command `statis`; try --help\n"},
        {"unknown option",
         {"--nonsense", "status"},
         64,
         "",
         "peerctl: unknown option --nonsense; try --help\n"},
        {"no value",
         {"status", "--policy"},
         64,
         "",
         "peerctl: a value is missing after --policy; try --help\n"},
        {"no policy", {"status"}, 64, "", "--policy FILE says which peerd is meant"},
        {"a word too many", {"status", "now"}, 64, "", "unexpected argument `now`"},
        {"check without a file", {"check"}, 64, "", "expected at least one POLICY"},
        {"genkey without a file", {"genkey"}, 64, "", "expected one FILE, found 0"},
        {"pubkey with two", {"pubkey", "a", "b"}, 64, "", "expected one FILE, found 2"},
        {"deadline without unit",
         {"drain", "--deadline", "10", "--policy", "x"},
         64,
         "",
         "expected a duration such as 10min, found `10`"},
        {"an option of another command",
         {"status", "--deadline", "10s", "--policy", "x"},
         64,
         "",
         "peerctl status: --deadline means nothing there; try --help\n"},
        {"of a local one", {"pubkey", "--policy", "x"}, 64, "", "--policy means nothing there"},
        {"no such shell", {"completion", "tcsh"}, 64, "", "expected `bash` or `zsh`"},
        {"client that is none",
         {"sessions", "--client", "berlin", "--policy", "x"},
         64,
         "",
         "expected an address or a prefix"},
        {"place that is none",
         {"status", "--policy", "x", "--connect", "here"},
         64,
         "",
         "--connect: expected ip:port, found `here`"},
    };
    for (size_t i = 0; i < ITEMS(rows); i++)
        expect(rows[i].what, program_run(rig.dir, "peerctl", rows[i].words), rows[i].status,
               rows[i].out, rows[i].err);
}

Test(peerctl, genkey_and_pubkey) {
    char path[160];
    struct stat st;
    struct public_key key;
    snprintf(path, sizeof(path), "%s", cluster_file(&rig, "new.key"));
    struct program_result made = CTL("genkey", path);
    cr_assert_eq(made.status, 0, "%s", made.err);
    made.out[strcspn(made.out, "\n")] = '\0';
    cr_expect_eq(public_key_from_text(&key, made.out), ERR_OK, "%s", made.out);
    cr_assert_eq(stat(path, &st), 0);
    cr_expect_eq(st.st_mode & 0777, 0600);
    char *secret = program_read(path);
    cr_expect_eq(strncmp(secret, "k4.secret.", 10), 0);
    expect("pubkey", CTL("pubkey", path), 0, made.out, "");
    expect("again", CTL("genkey", path), 1, "", "exists, and a key is never overwritten");
    char *after = program_read(path);
    cr_expect_str_eq(after, secret, "it was not touched");
    struct program_result json = CTL("pubkey", path, "--json");
    cr_expect(is_json(json.out, JSON_OBJECT), "%s", json.out);
    cr_expect_not_null(strstr(json.out, made.out));
    program_result_free(&json);
    chmod(path, 0640);
    expect("others may read", CTL("pubkey", path), 1, "", "chmod 600");
    expect("no such file", CTL("pubkey", "/nowhere/x.key"), 1, "", "No such file");
    chmod(cluster_file(&rig, "ams1.pub"), 0600);
    expect("no secret key", CTL("pubkey", cluster_file(&rig, "ams1.pub")), 1, "",
           "not a k4.secret key file");
    expect("no such folder", CTL("genkey", "/nowhere/x.key"), 1, "", "/nowhere/x.key: ");
    free(secret);
    free(after);
    program_result_free(&made);
}

Test(peerctl, check) {
    static const char bad[] = "cluster: {name: fra1}\nbeets: 1\n";
    char bad_path[160];
    cluster_write(&rig, "bad.yaml", bad);
    snprintf(bad_path, sizeof(bad_path), "%s", cluster_file(&rig, "bad.yaml"));
    cluster_write(&rig, "robot.wav", "RIFF");
    expect("good", CTL("check", policy_path), 0, "fra1.yaml: in order\n",
           "coffee.wav: No such file or directory; on this machine, workers could not serve it\n");
    struct program_result r = CTL("check", policy_path);
    cr_expect_null(strstr(r.err, "robot.wav"), "it can be read: %s", r.err);
    program_result_free(&r);
    r = CTL("check", bad_path, policy_path);
    cr_expect_eq(r.status, 1);
    cr_expect_not_null(strstr(r.err, "bad.yaml:2:1: beets: expected a key of a policy, found "
                                     "unknown key `beets` (did you mean `beats`?)\n"),
                       "%s", r.err);
    cr_expect_not_null(strstr(r.err, "cluster.key_file"), "%s", r.err);
    cr_expect_not_null(strstr(r.err, "peer_listen"), "%s", r.err);
    cr_expect_not_null(strstr(r.out, "fra1.yaml: in order\n"), "the other one is checked, too");
    program_result_free(&r);
    r = CTL("check", bad_path, policy_path, "--json");
    cr_expect_eq(r.status, 1);
    cr_expect_str_eq(r.err, "");
    json_t *report = json_loads(r.out, 0, NULL);
    cr_assert_eq(json_array_size(report), 2, "%s", r.out);
    const json_t *first = json_array_get(report, 0);
    cr_expect(json_is_false(json_object_get(first, "ok")));
    cr_expect_geq(json_array_size(json_object_get(first, "faults")), 3);
    const json_t *fault = json_array_get(json_object_get(first, "faults"), 0);
    cr_expect_eq(json_integer_value(json_object_get(fault, "line")), 1);
    const json_t *second = json_array_get(report, 1);
    cr_expect(json_is_true(json_object_get(second, "ok")), "what workers read is no fault");
    cr_expect_str_eq(json_string_value(json_array_get(json_object_get(second, "unreadable"), 0)),
                     "coffee");
    json_decref(report);
    program_result_free(&r);
}

/* Text that is not ASCII, and more faults than are kept. */
Test(peerctl, check_of_odd_files) {
    char text[8192] = "cluster: {name: Zürich, x: \"\\u0007 bell\"}\n";
    char path[160];
    for (int i = 0; i < 100; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "key%d: 1\n", i);
    cluster_write(&rig, "odd.yaml", text);
    snprintf(path, sizeof(path), "%s", cluster_file(&rig, "odd.yaml"));
    struct program_result r = CTL("check", path);
    cr_expect_eq(r.status, 1);
    cr_expect_not_null(strstr(r.err, "more\n"), "%s", r.err);
    cr_expect_null(strchr(r.err, '\a'), "no control character reaches the terminal");
    program_result_free(&r);
    r = CTL("check", path, "--json");
    cr_expect(is_json(r.out, JSON_ARRAY), "%s", r.out);
    cr_expect_not_null(strstr(r.out, "cluster.name"), "%s", r.out);
    program_result_free(&r);
}

Test(peerctl, schema) {
    struct program_result r = CTL("schema");
    cr_expect_eq(r.status, 0);
    static const char *const keys[] = {"cluster", "key_file", "detect_within", "plain_http",
                                       "node_lease"};
    for (size_t i = 0; i < ITEMS(keys); i++)
        cr_expect_not_null(strstr(r.out, keys[i]), "%s", keys[i]);
    program_result_free(&r);
}

Test(peerctl, a_peerd_that_is_not_there) {
    static const char *const commands[] = {"status", "peers",   "sessions", "moves",
                                           "drain",  "undrain", "reload"};
    for (size_t i = 0; i < ITEMS(commands); i++)
        expect(commands[i], CTL(commands[i], "--policy", policy_path), 2, "", "peerctl: ");
}

Test(peerctl, a_policy_that_is_not_in_order) {
    cluster_write(&rig, "bad.yaml", "cluster: 1\n");
    expect("bad", CTL("status", "--policy", cluster_file(&rig, "bad.yaml")), 1, "",
           "bad.yaml:1:10: cluster: expected");
}

Test(peerctl, a_running_peerd) {
    static const struct {
        const char *command, *says;
        int status; /* node and peer are not there, which is not well */
    } rows[] = {
        {"status", "trouble    node n1 is not registered\n", 1},
        {"peers", "ams1", 1},
        {"sessions", "0 in all", 0},
        {"moves", "no move yet", 0},
        {"ledger", "no move yet", 0},
        {"reload", "cluster    fra1", 0},
        {"drain", "draining", 0},
        {"undrain", "cluster    fra1", 0},
        {"diff", "nothing would change", 0},
    };
    cr_assert(cluster_start(&rig));
    for (size_t i = 0; i < ITEMS(rows); i++) {
        expect(rows[i].command, CTL(rows[i].command, "--policy", policy_path), rows[i].status,
               rows[i].says, "");
        struct program_result r = CTL(rows[i].command, "--policy", policy_path, "--json");
        cr_expect_eq(r.status, rows[i].status, "%s", rows[i].command);
        cr_expect(is_json(r.out, JSON_OBJECT), "%s: %s", rows[i].command, r.out);
        program_result_free(&r);
    }
    expect("why", CTL("why", "ams1", "--policy", policy_path), 0, "next: alive with", "");
    expect("why, what was wished", CTL("why", "ams1", "--policy", policy_path), 0,
           "wished:   T_D 400 ms, a false alarm every 7200 s\n", "");
    expect("why, what there was", CTL("why", "ams1", "--policy", policy_path), 0,
           "achieved: T_MR none so far, T_M 0 ms, P_A 1.0000000\n", "");
    expect("why whom", CTL("why", "--policy", policy_path), 64, "",
           "expected the name of one peer");
    expect("why a session", CTL("why", "AAAAAAAAAAAAAAAAAAAAAA", "--policy", policy_path), 1, "",
           "session: expected one that is served or opened here");
    expect("ledger of one",
           CTL("ledger", "--session", "AAAAAAAAAAAAAAAAAAAAAA", "--cause", "drain", "--policy",
               policy_path),
           0, "no move yet", "");
    expect("ledger of no cause", CTL("ledger", "--cause", "weather", "--policy", policy_path), 64,
           "",
           "--cause: expected drain, degraded, crashed, partitioned or return, found `weather`");
    expect("ledger of hardly a session", CTL("ledger", "--session", "foo", "--policy", policy_path),
           64, "", "found `foo`");
    expect("ledger of no session", CTL("ledger", "--session", "a&b", "--policy", policy_path), 64,
           "", "--session: expected the id");
    expect("locations", CTL("locations", "--policy", policy_path), 0,
           "0 in all, 0 of them fallen, 0 degraded by our path; 0 others with peers", "");
    expect("rank", CTL("rank", "192.0.2.7", "--policy", policy_path), 1, "",
           "no node of ours that makes it is registered");
    expect("rank what", CTL("rank", "10.0.0.0/8", "--policy", policy_path), 64, "",
           "expected an address or a prefix");
    expect("rank which service", CTL("rank", "192.0.2.7", "tv", "--policy", policy_path), 1, "",
           "found `tv`");
    expect("why of a stranger", CTL("why", "rom9", "--policy", policy_path), 1, "",
           "or the id of a session (22 characters); found `rom9`\n");
    expect("why of a slip", CTL("why", "asm1", "--policy", policy_path), 1, "",
           "found `asm1`; did you mean `ams1`?\n");
    cr_expect_eq(program_wait(&rig.peerd, 0), -1, "it runs still");
}

Test(peerctl, drain_until_it_is_empty) {
    cr_assert(cluster_start(&rig));
    node_tells(1, (struct drain_word){0});
    expect("wait", CTL("drain", "--wait", "--deadline", "10m", "--policy", policy_path), 0,
           "drained: no session is left\n", "");
    expect("nobody there", CTL("drain", "--to", "ams1", "--policy", policy_path), 1, "",
           "to: that cluster is not alive");
    expect("no time", CTL("drain", "--deadline", "0s", "--policy", policy_path), 64, "",
           "--deadline: expected 1ms or more, found `0s`");
    expect("no such peer", CTL("drain", "--to", "lon1", "--policy", policy_path), 1, "",
           "refused (404)");
    expect("too long", CTL("drain", "--deadline", "2d", "--policy", policy_path), 64, "",
           "--deadline: expected a day (1d) at most, found `2d`");
    struct program_result r = CTL("drain", "--wait", "--json", "--policy", policy_path);
    cr_expect_eq(r.status, 0);
    cr_expect(is_json(r.out, JSON_OBJECT), "%s", r.out);
    program_result_free(&r);
}

Test(peerctl, undrain_of_who_does_not_drain) {
    cr_assert(cluster_start(&rig));
    expect("just started", CTL("undrain", "--policy", policy_path), 0,
           "fra1 was not draining as far as it knows: it was just started", "");
    node_tells(1, (struct drain_word){0});
    program_result_free(&(struct program_result[]){CTL("drain", "--policy", policy_path)}[0]);
    struct program_result r = CTL("undrain", "--policy", policy_path);
    cr_expect_null(strstr(r.out, "was not draining"), "%s", r.out);
    program_result_free(&r);
    expect("again", CTL("undrain", "--policy", policy_path), 0,
           "fra1 was not draining: there was nothing to call off\n", "");
}

/* Of those that were short of anything, and of a peer in any case. */
Test(peerctl, how_sessions_begin_here) {
    struct node_starts starts[] = {{.window = 256, .in_time = 70},
                                   {.window = 64, .under_way = 2, .in_time = 9, .refused = 31}};
    name_set(&starts[1].issuer, "ams1");
    cr_assert(cluster_start(&rig));
    expect("nobody has", CTL("peer", "ams1", "--policy", policy_path), 1, "peer       ams1", "");
    node_says((struct node_request){.boot = 1, .starts = starts, .start_count = 2});
    struct program_result r = CTL("status", "--policy", policy_path);
    cr_expect_not_null(strstr(r.out, "\n  starts   ams1: 64 of its sessions may begin at a time, 2 "
                                     "do; so far 9 in time, 0 late, 31 told to come again\n"),
                       "%s", r.out);
    cr_expect_null(strstr(r.out, "starts   fra1"), "it was short of nothing: %s", r.out);
    program_result_free(&r);
    expect("of a peer", CTL("peer", "ams1", "--policy", policy_path), 1,
           "\nstarts     64 of its sessions may begin at a time, 2 do;", "");
    r = CTL("status", "--json", "--policy", policy_path);
    cr_expect_not_null(strstr(r.out, "\"starts\":[{\"cluster\":\"fra1\",\"window\":256,"), "%s",
                       r.out);
    program_result_free(&r);
}

Test(peerctl, move_what_is_not_there) {
    const char *id = "AAAAAAAAAAAAAAAAAAAAAA";
    cr_assert(cluster_start(&rig));
    expect("nobody's", CTL("move", id, "ams1", "--policy", policy_path), 1, "",
           "session: it is not served here");
    expect("one that begins with a dash",
           CTL("move", "-AAAAAAAAAAAAAAAAAAAAA", "ams1", "--policy", policy_path), 1, "",
           "session: it is not served here");
    expect("no session", CTL("move", "berlin", "ams1", "--policy", policy_path), 64, "",
           "expected a session and a cluster");
    expect("where to", CTL("move", id, "--policy", policy_path), 64, "",
           "expected a session and a cluster");
}

/* Another cluster's key is no operator's key here. */
Test(peerctl, the_wrong_key) {
    char text[4096], place[40];
    char *policy = cluster_policy(&rig, "");
    char *at = strstr(policy, "fra1.key");
    cr_assert(cluster_start(&rig));
    cr_assert_not_null(at);
    snprintf(text, sizeof(text), "%.*sstranger.key%s", (int)(at - policy), policy, at + 8);
    free(policy);
    cluster_write(&rig, "other.yaml", text);
    snprintf(place, sizeof(place), "%s:7601", rig.ip);
    /* It pins its own key, so it does not even talk to a peerd that has another one. */
    expect("wrong key",
           CTL("status", "--connect", place, "--policy", cluster_file(&rig, "other.yaml")), 2, "",
           "peerctl: ");
}

/* Place and key are enough: the policy file may be in any state. */
Test(peerctl, without_a_policy) {
    char place[40], key[160], other[160];
    cr_assert(cluster_start(&rig));
    snprintf(place, sizeof(place), "%s:7601", rig.ip);
    snprintf(key, sizeof(key), "%s", cluster_file(&rig, "fra1.key"));
    snprintf(other, sizeof(other), "%s", cluster_file(&rig, "stranger.key"));
    expect("both", CTL("status", "--connect", place, "--key", key), 1, "cluster    fra1", "");
    expect("no place", CTL("status", "--key", key), 64, "", "--policy FILE says which");
    expect("another key", CTL("status", "--connect", place, "--key", other), 2, "", "peerctl: ");
    chmod(key, 0644);
    expect("others may read", CTL("status", "--connect", place, "--key", key), 1, "",
           "others may read it");
    chmod(key, 0600);
    expect("no file", CTL("status", "--connect", place, "--key", "/nowhere/k"), 1, "",
           "/nowhere/k");
}

/* What a reload would do is told, and not done. */
Test(peerctl, diff_of_another_policy) {
    char *policy = cluster_policy(&rig, "performance: {tell_clients_min: 9}\n");
    cr_assert(cluster_start(&rig));
    cluster_write(&rig, "new.yaml", policy);
    free(policy);
    const char *file = cluster_file(&rig, "new.yaml");
    expect("diff", CTL("diff", file, "--policy", policy_path), 0, "5 -> 9", "");
    expect("and again", CTL("diff", file, "--policy", policy_path), 0,
           "performance.tell_clients_min", "");
    expect("no file", CTL("diff", "/nowhere", "--policy", policy_path), 64, "", "which is there");
}

/* A reload that peerd refuses is said, with all that is wrong. */
Test(peerctl, reload_of_a_bad_policy) {
    char good[160];
    cr_assert(cluster_start(&rig));
    cluster_write_policy(&rig, cluster_policy(&rig, ""));
    snprintf(good, sizeof(good), "%s", cluster_file(&rig, "good.yaml"));
    char *policy = cluster_policy(&rig, "");
    cluster_write(&rig, "good.yaml", policy);
    cluster_write(&rig, "fra1.yaml", "cluster: 1\nbeets: 2\n");
    free(policy);
    expect("diff", CTL("diff", "--policy", good), 1, "", "refused (409)");
    expect("the first", CTL("diff", "--policy", good), 1, "", "fra1.yaml:1:10: cluster: expected");
    expect("and others", CTL("diff", "--policy", good), 1, "", "did you mean `beats`?");
    expect("not a reload", CTL("status", "--policy", good), 1, "cluster    fra1", "");
    expect("reload", CTL("reload", "--policy", good), 1, "", "refused (409)");
    expect("all of it", CTL("reload", "--policy", good), 1, "", "did you mean `beats`?");
    expect("status", CTL("status", "--policy", good), 1, "the file has faults", "");
}

/* Somebody has broken the file meanwhile: who drains must be able to call it off all the same. */
Test(peerctl, told_what_to_do_in_spite_of_a_broken_policy) {
    char *policy = cluster_policy(&rig, cluster_peers(&rig));
    size_t size = strlen(policy) + 256;
    char *broken = malloc(size), place[40];
    cr_assert(cluster_start(&rig));
    snprintf(broken, size, "%sbeets: 1\nbeats2: 1\nlimit: 1\nsauces: 1\n", policy);
    cluster_write(&rig, "fra1.yaml", broken);
    expect("drain", CTL("drain", "--policy", policy_path), 0, "draining",
           "fra1.yaml has faults; a peerd that runs has kept its policy, and is asked");
    expect("where they are", CTL("status", "--policy", policy_path), 1, "draining",
           "unknown key `beets` (did you mean `beats`?)\n");
    expect("not all of them", CTL("status", "--policy", policy_path), 1, "draining",
           "and 1 more: peerctl check ");
    snprintf(broken, size, "%slimits: [1\n", policy);
    cluster_write(&rig, "fra1.yaml", broken);
    expect("undrain, and it is no YAML", CTL("undrain", "--policy", policy_path), 0,
           "cluster    fra1", "fra1.yaml has faults");
    struct program_result r = CTL("status", "--json", "--policy", policy_path);
    cr_expect(is_json(r.out, JSON_OBJECT), "%s", r.out);
    program_result_free(&r);
    snprintf(place, sizeof(place), "%s:7601", rig.ip);
    snprintf(broken, size, "cluster: {key_file: fra1.key}\npeer_listen: {bind: here}\n");
    cluster_write(&rig, "fra1.yaml", broken);
    expect("nowhere to ask", CTL("undrain", "--policy", policy_path), 1, "",
           "fra1.yaml does not tell whom to ask");
    expect("told where", CTL("undrain", "--policy", policy_path, "--connect", place), 0, "fra1",
           "fra1.yaml has faults");
    free(broken);
    free(policy);
}

Test(peerctl, an_answer_that_cannot_be_written) {
    char path[512], command[1024];
    cr_assert(program_find("peerctl", path, sizeof(path)));
    snprintf(command, sizeof(command), "%s check --json %s > /dev/null", path, policy_path);
    cr_expect_eq(system(command), 0);
    snprintf(command, sizeof(command), "%s check --json %s > /dev/full 2> /dev/null", path,
             policy_path);
    int status = system(command);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 1, "%x", (unsigned)status);
}

/* True as soon as a file holds a text. */
static bool comes(const char *path, const char *text) {
    for (int i = 0; i < PROGRAM_PATIENCE_MS / 20; i++) {
        char *all = program_read(path);
        bool there = strstr(all, text) != NULL;
        free(all);
        if (there)
            return true;
        usleep(20000);
    }
    return false;
}

static bool is_followed(void) {
    for (int i = 0; i < PROGRAM_PATIENCE_MS / 20; i++) {
        cluster_client(&rig, &answer, NULL, "/metrics", NULL, with_token);
        if (strstr(answer.body, "\npeerd_event_readers 1\n") != NULL)
            return true;
        usleep(20000);
    }
    return false;
}

static void drained_and_not(void) {
    program_result_free(&(struct program_result[]){CTL("drain", "--policy", policy_path)}[0]);
    program_result_free(&(struct program_result[]){CTL("undrain", "--policy", policy_path)}[0]);
}

/* Its peerd is killed meanwhile; the next one hears of the drain from its node, or that it is over.
 */
Test(peerctl, drain_over_a_restart) {
    const char *const words[] = {"drain", "--wait", "--policy", policy_path, NULL};
    struct program p;
    for (int called_off = 0; called_off < 2; called_off++) {
        cr_assert(cluster_start(&rig));
        program_start(&p, rig.dir, called_off ? "waits-2" : "waits-1", "peerctl", words);
        cr_assert(comes(p.out_path, "0 sessions left"), "nothing is known of the node yet");
        program_signal(&rig.peerd, SIGKILL);
        cr_assert(comes(p.err_path, "peerd does not answer; it is asked again"));
        cr_assert(cluster_start(&rig));
        node_tells(2, (struct drain_word){
                          .number = UINT64_C(1) << 50, .active = !called_off, .within_ms = 60000});
        struct program_result r = program_finish(&p, PROGRAM_PATIENCE_MS);
        cr_expect_eq(r.status, called_off ? 4 : 0, "%d: %s", r.status, r.err);
        cr_expect_eq(strstr(r.err, "called off by somebody else, or forgotten") != NULL, called_off,
                     "%s", r.err);
        program_result_free(&r);
        program_signal(&rig.peerd, SIGKILL);
    }
    cr_assert(cluster_start(&rig));
}

Test(peerctl, events_that_have_happened) {
    cr_assert(cluster_start(&rig));
    drained_and_not();
    expect("all", CTL("events", "--policy", policy_path), 0,
           "drain    undrained   undrained: 0 sessions stay", "");
    cluster_control(&rig, &answer, AS_OPERATOR, NULL, "/v1/events", NULL);
    json_t *root = json_loads(answer.body, 0, NULL);
    const json_t *events = json_object_get(root, "events");
    size_t count = json_array_size(events);
    cr_assert_geq(count, 2u);
    const char *id = json_string_value(json_object_get(json_array_get(events, 0), "id"));
    struct program_result r = CTL("events", "--since", id, "--json", "--policy", policy_path);
    json_t *rest = json_loads(r.out, 0, NULL);
    cr_expect_eq(json_array_size(json_object_get(rest, "events")), count - 1);
    json_decref(rest);
    json_decref(root);
    program_result_free(&r);
    expect("no id", CTL("events", "--since", "yesterday", "--policy", policy_path), 64, "",
           "--since: expected the id of an event");
}

/* It follows, across a restart of peerd, whose events are another run's. */
Test(peerctl, events_as_they_happen) {
    struct program p;
    const char *const words[] = {"events", "-f", "--policy", policy_path, NULL};
    cr_assert(cluster_start(&rig));
    drained_and_not(); /* before it listens: not told */
    program_start(&p, rig.dir, "follower", "peerctl", words);
    cr_assert(is_followed());
    char *before = program_read(p.out_path);
    cr_expect_str_eq(before, "");
    free(before);
    drained_and_not();
    cr_expect(comes(p.out_path, "drain    undrained"));
    cluster_write(&rig, "fra1.yaml", "cluster: 1\n");
    program_signal(&rig.peerd, SIGHUP);
    cr_expect(comes(p.out_path, "policy   refused"));
    cr_expect(comes(p.out_path, "fra1.yaml:1:1: beats: expected a mapping"));
    cluster_write_policy(&rig, cluster_policy(&rig, cluster_peers(&rig)));
    program_signal(&rig.peerd, SIGKILL);
    cr_assert(cluster_start(&rig));
    cr_assert(is_followed());
    node_tells(2, (struct drain_word){0});
    drained_and_not();
    cr_expect(comes(p.out_path, "drain    drained"));
    program_signal(&p, SIGTERM);
    struct program_result r = program_finish(&p, PROGRAM_PATIENCE_MS);
    cr_expect_eq(r.status, 128 + SIGTERM);
    cr_expect_not_null(strstr(r.err, "peerctl: "), "it says that peerd was away: %s", r.err);
    program_result_free(&r);
}

/* Seventeen want to follow: one is refused, and says so. */
Test(peerctl, events_have_a_bounded_number_of_followers) {
    enum {
        MANY = 16
    };
    struct program p[MANY];
    char tag[16];
    const char *const words[] = {"events", "-f", "--policy", policy_path, NULL};
    cr_assert(cluster_start(&rig));
    for (int i = 0; i < MANY; i++) {
        snprintf(tag, sizeof(tag), "follower%d", i);
        program_start(&p[i], rig.dir, tag, "peerctl", words);
    }
    for (int i = 0; i < PROGRAM_PATIENCE_MS / 20; i++) {
        cluster_client(&rig, &answer, NULL, "/metrics", NULL, with_token);
        if (strstr(answer.body, "\npeerd_event_readers 16\n") != NULL)
            break;
        usleep(20000);
    }
    expect("one too many", CTL("events", "-f", "--policy", policy_path), 1, "", "refused (503)");
    for (int i = 0; i < MANY; i++)
        program_signal(&p[i], SIGKILL);
    expect("there is room again", CTL("events", "--policy", policy_path), 0, "nothing has happened",
           "");
}
