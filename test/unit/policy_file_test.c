#include "peerd/io/policy_file.h"

#include "peerd/io/yaml.h"
#include "test/unit/policy_fixture.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Each test works in a folder of its own. */

static struct faults faults;
static char folder[64];

static void make_folder(void) {
    snprintf(folder, sizeof(folder), "/tmp/peerd-policy-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

static void remove_folder(void) {
    char path[PATH_MAX];
    DIR *dir = opendir(folder);
    cr_assert_not_null(dir);
    for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
        unlink(path);
    }
    closedir(dir);
    rmdir(folder);
}

TestSuite(policy_file, .init = make_folder, .fini = remove_folder);

static const char *in_folder(const char *name) {
    static char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void write_bytes(const char *name, mode_t mode, const char *data, size_t len) {
    FILE *file = fopen(in_folder(name), "w");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(data, 1, len, file), len);
    fclose(file);
    cr_assert_eq(chmod(in_folder(name), mode), 0);
}

static void write_text(const char *name, mode_t mode, const char *text) {
    write_bytes(name, mode, text, strlen(text));
}

/* A key pair made from one number, in NAME.key and NAME.pub. */
static struct key_pair write_keys(const char *name, uint8_t number) {
    char file[64], text[KEY_SECRET_TEXT_LEN + 2], public_text[KEY_PUBLIC_TEXT_LEN + 2];
    struct key_pair pair;
    uint8_t seed[KEY_BYTES] = {number};
    key_pair_from_seed(&pair, seed);
    key_pair_to_text(&pair, text);
    public_key_to_text(&pair.public_key, public_text);
    strcat(text, "\n");
    strcat(public_text, "\n");
    snprintf(file, sizeof(file), "%s.key", name);
    write_text(file, 0600, text);
    snprintf(file, sizeof(file), "%s.pub", name);
    write_text(file, 0644, public_text);
    return pair;
}

/* All faults, with the folder's name written as FOLDER. */
static const char *faults_here(void) {
    static char text[FAULTS_TEXT_MAX + 1];
    const char *from = faults_text(&faults);
    char *to = text;
    size_t len = strlen(folder);
    while (*from != '\0') {
        if (strncmp(from, folder, len) == 0) {
            to = stpcpy(to, "FOLDER");
            from += len;
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
    return text;
}

static void copy_sample(const char *name) {
    static char data[65536];
    char path[64];
    snprintf(path, sizeof(path), "conf/%s", name);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s: %s (tests run at the top of the repository)", path,
                       strerror(errno));
    size_t len = fread(data, 1, sizeof(data), file);
    fclose(file);
    write_bytes(name, 0644, data, len);
}

Test(policy_file, loads_the_samples_of_three_clusters) {
    static const char *const names[] = {"fra1", "ams1", "lon1"};
    struct key_pair pairs[3];
    for (uint8_t i = 0; i < 3; i++) {
        char name[32];
        pairs[i] = write_keys(names[i], i + 1);
        snprintf(name, sizeof(name), "%s-n1", names[i]);
        write_keys(name, 10 + i);
    }
    for (int i = 0; i < 3; i++) {
        char name[32];
        struct key_pair own;
        snprintf(name, sizeof(name), "%s.yaml", names[i]);
        copy_sample(name);
        struct policy *p = policy_file_load(in_folder(name), &own, &faults);
        cr_assert_not_null(p, "%s", faults_here());
        cr_expect(public_key_equal(&own.public_key, &pairs[i].public_key));
        cr_expect_str_eq(p->cluster.name.text, names[i]);
        cr_expect_eq(p->peer_count, 2);
        cr_expect_eq(p->node_count, 1);
        for (int k = 0; k < 3; k++) {
            struct name other;
            cr_assert(name_set(&other, names[k]));
            const struct policy_peer *peer = policy_peer_find(p, &other);
            cr_expect_eq(peer == NULL, i == k);
            cr_expect(i == k || public_key_equal(&peer->key, &pairs[k].public_key));
        }
        policy_file_free(p);
    }
}

/* Every sample in conf/ is in one of these two tests. */
Test(policy_file, loads_the_commented_sample) {
    DIR *dir = opendir("conf");
    int samples = 0;
    cr_assert_not_null(dir);
    for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir))
        samples += strlen(e->d_name) > 5 && strcmp(e->d_name + strlen(e->d_name) - 5, ".yaml") == 0;
    closedir(dir);
    cr_expect_eq(samples, 7, "a sample was added: load it here, too");
    struct policy *p = policy_file_load("conf/two-sites.yaml", NULL, &faults);
    cr_assert_not_null(p, "%s", faults_text(&faults));
    cr_expect_eq(p->service_count, 2);
    cr_expect_eq(p->grant_count, 2);
    cr_expect(p->cluster.placed);
    policy_file_free(p);
    p = policy_file_load("conf/federation.yaml", NULL, &faults);
    cr_assert_not_null(p, "%s", faults_text(&faults));
    cr_expect(policy_finds(p));
    cr_expect_eq(p->discovery.accept_count, 3);
    cr_expect_eq(p->agreement_count, 1);
    policy_file_free(p);
    p = policy_file_load("conf/film.yaml", NULL, &faults);
    cr_assert_not_null(p, "%s", faults_text(&faults));
    cr_expect_eq(p->rendition_count, 4);
    cr_expect_eq(p->renditions[0].fps, 25);
    cr_expect_eq(p->renditions[3].channels, 2);
    policy_file_free(p);
    p = policy_file_load("conf/streams.yaml", NULL, &faults);
    cr_assert_not_null(p, "%s", faults_text(&faults));
    cr_expect_eq(p->origin_count, 2);
    cr_expect(p->origins[1].live);
    policy_file_free(p);
    policy_file_free(NULL);
}

/* The overlays in its folders; whether they are peers of one another is the planner's to say. */
Test(policy_file, loads_the_overlays_among_the_samples) {
    static const struct {
        const char *file;
        uint32_t peers, residence, agreements;
    } rows[] = {
        {"conf/hub/hub1.yaml", 2, 2, 1},   {"conf/hub/mad1.yaml", 1, 2, 1},
        {"conf/hub/nyc1.yaml", 1, 0, 0},   {"conf/paid/own1.yaml", 2, 0, 2},
        {"conf/paid/dear1.yaml", 1, 0, 1}, {"conf/paid/thrift1.yaml", 1, 0, 1},
        {"conf/five/vie1.yaml", 4, 0, 0},  {"conf/five/ams7.yaml", 4, 0, 0},
        {"conf/five/prg1.yaml", 4, 0, 1},  {"conf/five/zrh1.yaml", 4, 1, 0},
        {"conf/five/mil1.yaml", 4, 0, 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct policy *p = policy_file_load_alone(rows[i].file, &faults);
        cr_assert_not_null(p, "%s: %s", rows[i].file, faults_text(&faults));
        cr_expect_eq(p->peer_count, rows[i].peers, "%s", rows[i].file);
        cr_expect_eq(p->residence_count, rows[i].residence, "%s", rows[i].file);
        cr_expect_eq(p->agreement_count, rows[i].agreements, "%s", rows[i].file);
        policy_file_free(p);
    }
}

#define HEAD                                                                                       \
    "cluster: {name: a, provider: b, region: c, key_file: own.key}\n"                              \
    "beats: {bind: 127.0.0.1:1}\npeer_listen: {bind: 127.0.0.1:2}\n"

static const struct {
    const char *what, *text;
    size_t len; /* 0: to the terminator */
    const char *faults;
} yaml_rows[] = {
    {"tab", "a:\n\tb: 1\n", 0, "2:1: expected YAML, found a tab (indent with spaces)\n"},
    {"tab after umlauts", "ä: ü\nb: \t\t1\n\t: c\n", 0,
     "3:1: expected YAML, found a tab (indent with spaces)\n"},
    {"alias", "a: &x [1]\nb: *x\n", 0,
     "2:4: b: expected values written out, found an alias (`*name`) (aliases are not "
     "understood "
     "here: repeat the value)\n"},
    {"anchor that nothing refers to", "a: 1\nb: [&x 2, &y {c: 3}]\n", 0,
     "2:5: expected values written out, found an anchor (`&name`) (nothing refers to it, nor "
     "could it: aliases are not understood here)\n"},
    {"alias within itself", "a: &x {b: *x}\n", 0,
     "1:11: a.b: expected values written out, found an alias (`*name`) (aliases are not "
     "understood "
     "here: repeat the value)\n"},
    {"key without a blank behind its colon", "a: 1\nb:2\nc: 3\n", 0,
     "2:1: expected a key, a colon and a blank, found no such colon (on the same line, after "
     "at "
     "most 1024 characters)\n"},
    {"quote that is not closed", "a: 1\nb: \"c\nd: 2\n", 0,
     "2:4: expected a quote at the end of the text, too, found the end of the file\n"},
    {"merge key", "a: {<<: {b: 1}}\n", 0,
     "1:5: a.<<: expected keys with values, found a merge key `<<` (write the keys out)\n"},
    {"tag", "a: !!int 5\n", 0,
     "1:4: a: expected plain YAML, found a tag (write the value without `!`)\n"},
    {"second document", "a: 1\n---\nb: 2\n", 0,
     "2:1: expected one document, found a second one after `---` (put it into a file of its "
     "own)\n"},
    {"list as a key", "? [a]\n: b\n", 0,
     "1:3: expected keys that are plain words, found a list in place of a key\n"},
    {"NUL by escape", "a: \"x\\0y\"\n", 0, "1:4: a: expected text without NUL, found a NUL byte\n"},
    {"NUL byte", "a: \0 1\n", 8, "1:4: expected text in UTF-8, found the control character 0x00\n"},
    {"bytes that are no UTF-8", "a: \xff\xfe\n", 0,
     "1:4: expected text in UTF-8, found invalid leading UTF-8 octet\n"},
    {"UTF-16",
     "\xff\xfe"
     "a\0:\0",
     6, "1:1: expected text in UTF-8, found UTF-16 (save it as UTF-8)\n"},
    {"a byte order mark is no fault",
     "\xef\xbb\xbf"
     "a: b: c\n",
     0,
     "1:5: expected YAML, found something else: mapping values are not allowed in this "
     "context\n"},
    {"binary",
     "\x7f"
     "ELF\x02\x01\x01",
     7, "1:1: expected text in UTF-8, found the control character 0x7f\n"},
    {"colon in a value", "a: b: c\n", 0,
     "1:5: expected YAML, found something else: mapping values are not allowed in this "
     "context\n"},
    {"list left open", "a: [1, 2\n", 0,
     "2:1: expected YAML, found something else: did not find expected ',' or ']' (while "
     "parsing a flow "
     "sequence)\n"},
    {"a second byte order mark",
     "a: 1\nb: \xef\xbb\xbf"
     "2\n",
     0,
     "2:4: expected text in UTF-8, found a byte order mark (U+FEFF) that is not at the "
     "beginning "
     "(remove it)\n"},
    {"all that can be told at once", "a: *x\nb: !!int 5\nc: [1, *y]\n<<: *z\n---\n", 0,
     "1:4: a: expected values written out, found an alias (`*name`) (aliases are not "
     "understood "
     "here: repeat the value)\n"
     "2:4: b: expected plain YAML, found a tag (write the value without `!`)\n"
     "3:8: c[1]: expected values written out, found an alias (`*name`) (aliases are not "
     "understood here: repeat the value)\n"
     "4:1: <<: expected keys with values, found a merge key `<<` (write the keys out)\n"
     "5:1: expected one document, found a second one after `---` (put it into a file of its "
     "own)\n"},
    {"text after the end", "a: 1\n...\nb: 2\n", 0,
     "3:1: expected one document of keys with values, found something after its end (each line "
     "is `key: value`, or begins with `- `, indented below its key)\n"},
};

Test(policy_file, refuses_yaml_with_a_place) {
    for (size_t i = 0; i < sizeof(yaml_rows) / sizeof(yaml_rows[0]); i++) {
        struct tree tree;
        write_bytes("p.yaml", 0644, yaml_rows[i].text,
                    yaml_rows[i].len > 0 ? yaml_rows[i].len : strlen(yaml_rows[i].text));
        cr_expect_null(policy_file_load(in_folder("p.yaml"), NULL, &faults), "%s",
                       yaml_rows[i].what);
        tree_init(&tree);
        faults_init(&faults, in_folder("p.yaml"));
        yaml_load(&tree, in_folder("p.yaml"), &faults);
        tree_free(&tree);
        cr_expect_str_eq(faults_text(&faults), yaml_rows[i].faults, "%s:\n%s", yaml_rows[i].what,
                         faults_text(&faults));
    }
    write_bytes("p.yaml", 0644, "", 0);
    cr_expect_null(policy_file_load(in_folder("p.yaml"), NULL, &faults));
    cr_expect_str_eq(faults_text(&faults), "1:1: expected a policy, found an empty file\n");
}

/* What a small file could make much work with. */
Test(policy_file, bounds_what_it_reads) {
    static char text[YAML_BYTES_MAX + 2];
    static const struct {
        const char *what, *repeated;
        size_t count;
        const char *faults;
    } rows[] = {
        {"deep in brackets", "[", 500000,
         "1:33: expected at most 32 lists and mappings within one another, found more\n"},
        {"deep in dashes", "- ", 500000,
         "1:65: expected at most 32 lists and mappings within one another, found more\n"},
        {"deep in mappings", "{a: ", 200000,
         "1:129: expected at most 32 lists and mappings within one another, found more\n"},
        {"many values", "- x\n", 250000,
         "100000:3: expected at most 100000 keys and values, found more\n"},
        {"large, in one line", "#", YAML_BYTES_MAX + 1,
         "1:1048577: expected a file of at most 1048576 bytes, found more\n"},
        {"large", "#x\n", YAML_BYTES_MAX / 3 + 1,
         "349526:2: expected a file of at most 1048576 bytes, found more\n"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t len = strlen(rows[i].repeated);
        for (size_t k = 0; k < rows[i].count; k++)
            memcpy(text + k * len, rows[i].repeated, len);
        write_bytes("p.yaml", 0644, text, rows[i].count * len);
        cr_expect_null(policy_file_load(in_folder("p.yaml"), NULL, &faults), "%s", rows[i].what);
        cr_expect_str_eq(faults_text(&faults), rows[i].faults, "%s:\n%s", rows[i].what,
                         faults_text(&faults));
    }
}

Test(policy_file, says_when_there_is_no_file) {
    cr_expect_null(policy_file_load(in_folder("none.yaml"), NULL, &faults));
    cr_expect_str_eq(faults_text(&faults),
                     "expected a readable file, found No such file or directory\n");
    cr_expect_null(policy_file_load(folder, NULL, &faults));
    cr_expect_str_eq(faults_text(&faults), "expected a readable file, found Is a directory\n");
}

/* A database of locations that knows none: one node, no data, the metadata (MaxMind DB 2.0). */
static void write_database(const char *name) {
    static const char bytes[] = "\0\0\1\0\0\1"
                                "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                "\xab\xcd\xefMaxMind.com\xe9"
                                "\x4anode_count\xc1\1"
                                "\x4brecord_size\xa1\x18"
                                "\x4aip_version\xa1\4"
                                "\x4d"
                                "database_type\x44Test"
                                "\x49languages\1\4\x42"
                                "en"
                                "\x5b"
                                "binary_format_major_version\xa1\2"
                                "\x5b"
                                "binary_format_minor_version\xa0"
                                "\x4b"
                                "build_epoch\1\2\1"
                                "\x4b"
                                "description\xe1\x42"
                                "en\x44Test";
    write_bytes(name, 0644, bytes, sizeof(bytes) - 1);
}

Test(policy_file, opens_databases_as_the_daemon_does, .timeout = 10) {
    static const struct {
        const char *file, *found;
    } rows[] = {
        {"good.mmdb", NULL},
        {"pipe", "5:21: location_databases: expected a readable file with locations, in MaxMind's "
                 "format, found not a file: FOLDER/pipe\n"},
        {"folder", "5:21: location_databases: expected a readable file with locations, in "
                   "MaxMind's format, found not a file: FOLDER/folder\n"},
        {"/dev/zero", "5:21: location_databases: expected a readable file with locations, in "
                      "MaxMind's format, found not a file: /dev/zero\n"},
        {"text", "5:21: location_databases: expected a readable file with locations, in MaxMind's "
                 "format, found The MaxMind DB file contains invalid metadata: FOLDER/text\n"},
    };
    struct key_pair own;
    char text[2048];
    write_keys("own", 1);
    write_database("good.mmdb");
    write_text("text", 0644, "not a database, and long enough to be looked at for one\n");
    cr_assert_eq(mkfifo(in_folder("pipe"), 0644), 0);
    cr_assert_eq(mkdir(in_folder("folder"), 0755), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(text, sizeof(text), "%s\nlocation_databases: %s\n", HEAD, rows[i].file);
        write_text("p.yaml", 0644, text);
        struct policy *p = policy_file_load(in_folder("p.yaml"), &own, &faults);
        cr_expect_eq(p != NULL, rows[i].found == NULL, "%s", rows[i].file);
        cr_expect_str_eq(faults_here(), rows[i].found == NULL ? "" : rows[i].found, "%s",
                         faults_here());
        policy_file_free(p);
    }
    rmdir(in_folder("folder"));
}

Test(policy_file, reads_the_files_it_names_from_its_own_folder) {
    struct key_pair own, mine = write_keys("own", 1), peer = write_keys("peer", 2);
    write_text("token", 0600, "a-long-token\n");
    write_text("c.pem", 0644, "x");
    write_database("places.mmdb");
    write_text("p.yaml", 0644,
               HEAD "client_listen: {bind: 127.0.0.1:3, tls_cert: c.pem, tls_key: c.pem, "
                    "viewers_token_file: token}\n"
                    "peers: [{name: p, key_file: peer.pub, beats: 'h:1', control: 'h:1'}]\n"
                    "grants: [{token_file: token}, {token: a-long-token}]\n"
                    "sources: [{name: s, location: rec/s.wav}, {name: t, location: /t.wav}, "
                    "{name: u, location: 'http://h/u.wav'}]\n"
                    "location_databases: places.mmdb\n");
    struct policy *p = policy_file_load(in_folder("p.yaml"), &own, &faults);
    cr_assert_not_null(p, "%s", faults_here());
    cr_expect(public_key_equal(&own.public_key, &mine.public_key));
    cr_expect(public_key_equal(&p->peers[0].key, &peer.public_key));
    cr_expect_eq(memcmp(p->grants[0].token_digest, p->grants[1].token_digest, 32), 0);
    cr_expect_eq(memcmp(p->client_listen.viewers_token_digest, p->grants[1].token_digest, 32), 0);
    cr_expect_str_eq(p->client_listen.viewers_token_file.text, in_folder("token"));
    cr_expect_str_eq(p->client_listen.tls_cert.text, in_folder("c.pem"));
    cr_expect_str_eq(p->cluster.key_file.text, in_folder("own.key"));
    cr_expect_str_eq(p->sources[0].location.text, in_folder("rec/s.wav"), "nodes run elsewhere");
    cr_expect_str_eq(p->sources[1].location.text, "/t.wav");
    cr_expect_str_eq(p->sources[2].location.text, "http://h/u.wav");
    cr_expect_eq(p->location_database_count, 1u);
    cr_expect_str_eq(p->location_databases[0].text, in_folder("places.mmdb"));
    policy_file_free(p);
}

Test(policy_file, a_name_without_folder_is_seen_from_here) {
    char before[PATH_MAX];
    write_text("p.yaml", 0644, HEAD "sources: [{name: s, location: s.wav}]\n");
    cr_assert_not_null(getcwd(before, sizeof(before)));
    cr_assert_eq(chdir(folder), 0);
    struct policy *p = policy_file_load("p.yaml", NULL, &faults);
    cr_assert_eq(chdir(before), 0);
    cr_assert_not_null(p, "%s", faults_here());
    cr_expect_str_eq(p->sources[0].location.text, in_folder("s.wav"));
    policy_file_free(p);
}

Test(policy_file, refuses_files_with_the_place_where_they_are_named) {
    struct key_pair own;
    write_keys("peer", 2);
    write_keys("open", 3);
    cr_assert_eq(chmod(in_folder("open.key"), 0640), 0);
    write_text("word", 0600, "hello\n");
    write_text("seen", 0640, "a-long-token\n");
    write_text("p.yaml", 0644,
               "cluster: {name: a, provider: b, region: c, key_file: open.key}\n"
               "beats: {bind: 127.0.0.1:1}\npeer_listen: {bind: 127.0.0.1:2}\n"
               "client_listen: {bind: 127.0.0.1:3, tls_cert: none.pem, tls_key: word, "
               "viewers_token_file: seen}\n"
               "peers:\n"
               "  - {name: p, key_file: none.pub, beats: 'h:1', control: 'h:1'}\n"
               "  - {name: q, key_file: peer.key, beats: 'h:1', control: 'h:1'}\n"
               "grants: [{token_file: word}]\nlimits: {sessions_max: 0}\n"
               "location_databases: [word, none.mmdb]\n");
    memset(&own, 1, sizeof(own));
    cr_expect_null(policy_file_load(in_folder("p.yaml"), &own, &faults));
    cr_expect_str_eq(
        faults_here(),
        "1:54: cluster.key_file: expected a readable file with a secret key (k4.secret.…), found "
        "one that others may read: FOLDER/open.key (chmod 600 it, and make a new key if others may "
        "have read it)\n"
        "4:46: client_listen.tls_cert: expected a readable file with PEM, found No such file or "
        "directory: FOLDER/none.pem\n"
        "4:91: client_listen.viewers_token_file: expected a readable file with a token of 8 to 255 "
        "printable characters without space, found one that others may read: FOLDER/seen (chmod "
        "600 it, and make a new key if others may have read it)\n"
        "6:25: peers[0].key_file: expected a readable file with a public key (k4.public.…), found "
        "No such file or directory: FOLDER/none.pub (`peerctl pubkey FILE` makes one from a secret "
        "key)\n"
        "7:25: peers[1].key_file: expected a readable file with a public key (k4.public.…), found "
        "something else in it: FOLDER/peer.key (`peerctl pubkey FILE` makes one from a secret "
        "key)\n"
        "8:23: grants[0].token_file: expected a readable file with a token of 8 to 255 printable "
        "characters without space, found something else in it: FOLDER/word\n"
        "9:24: limits.sessions_max: expected a whole number from 1 to 2000000, found `0`\n"
        "10:22: location_databases[0]: expected a readable file with locations, in MaxMind's "
        "format, found The MaxMind DB file contains invalid metadata: FOLDER/word\n"
        "10:28: location_databases[1]: expected a readable file with locations, in MaxMind's "
        "format, found No such file or directory: FOLDER/none.mmdb\n",
        "%s", faults_here());
    for (size_t i = 0; i < KEY_BYTES; i++)
        cr_expect_eq(own.seed[i], 0, "wiped");
}

Test(policy_file, refuses_our_own_key_among_the_peers) {
    struct key_pair own;
    write_keys("own", 1);
    write_text("p.yaml", 0644,
               HEAD "peers: [{name: p, key_file: own.pub, beats: 'h:1', control: 'h:1'}]\n");
    cr_expect_null(policy_file_load(in_folder("p.yaml"), &own, &faults));
    cr_expect_str_eq(
        faults_text(&faults),
        "4:29: peers[0].key_file: expected a key of its own for each cluster and node, "
        "found the key of our own cluster\n");
    struct policy *p = policy_file_load(in_folder("p.yaml"), NULL, &faults);
    cr_expect_not_null(p, "without our key nobody can tell");
    policy_file_free(p);
}

/* What leads to a peerd that runs is read of a file that somebody has broken elsewhere. */
Test(policy_file, finds_its_peerd_in_spite_of_faults) {
    struct public_key next = write_keys("next", 4).public_key;
    struct public_key own = write_keys("own", 1).public_key, none = {0};
    struct policy_way way;
    char text[1024], key[KEY_PUBLIC_TEXT_LEN + 1];
    static const char peers[] = "peer_listen: {bind: '127.0.0.1:2'}\n";
    static const struct {
        const char *what, *cluster, *listen, *more;
        bool knows, finds;
        uint32_t also;
    } rows[] = {
        {"all is well but for the rest", "key_file: own.key", peers, "", true, true, 0},
        {"a key that nobody knows", "key_file: own.key", peers, "beets: 1\n", true, true, 0},
        {"in the cluster itself", "key_file: own.key, colour: red", peers, "", true, true, 0},
        {"beside the address", "key_file: own.key",
         "peer_listen: {bind: '127.0.0.1:2', advertise: '?'}\n", "", true, true, 0},
        {"keys that follow", "key_file: own.key, next_key_file: next.pub", peers, "beets: 1\n",
         true, true, 1},
        {"one that is none", "key_file: own.key, former_keys: [k4.public.x, @], next_key: 1", peers,
         "", true, true, 1},
        {"no YAML behind it", "key_file: own.key", peers, "beats: {bind\n\t- x: [\n", true, true,
         0},
        {"no YAML before it", "key_file: own.key", "", "beats: [1, 2\npeer_listen: 1\n", true,
         false, 0},
        {"no address", "key_file: own.key", "peer_listen: {bind: here}\n", "", true, false, 0},
        {"no key", "key_file: none.key", peers, "", false, true, 0},
        {"no key, and an empty name", "key_file: ''", peers, "", false, true, 0},
        {"a public key", "key_file: next.pub", peers, "", false, true, 0},
        {"no cluster", NULL, peers, "", false, true, 0},
    };
    public_key_to_text(&next, key);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *cluster = rows[i].cluster != NULL ? rows[i].cluster : "";
        const char *at = strchr(cluster, '@');
        int before = at != NULL ? (int)(at - cluster) : (int)strlen(cluster);
        snprintf(text, sizeof(text), "%s{name: a, %.*s%s%s}\n%s%s",
                 rows[i].cluster != NULL ? "cluster: " : "cloister: ", before, cluster,
                 at != NULL ? key : "", at != NULL ? at + 1 : "", rows[i].listen, rows[i].more);
        write_text("p.yaml", 0644, text);
        memset(&way, 1, sizeof(way));
        policy_file_find(in_folder("p.yaml"), &way, &faults);
        cr_expect(faults_any(&faults), "%s", rows[i].what);
        cr_expect(public_key_equal(&way.own.public_key, rows[i].knows ? &own : &none), "%s",
                  rows[i].what);
        cr_expect_eq(way.control.port, rows[i].finds ? 2 : 0, "%s", rows[i].what);
        cr_expect_eq(way.also_count, rows[i].also, "%s: %u", rows[i].what, way.also_count);
        cr_expect(rows[i].also == 0 || public_key_equal(&way.also[0], &next), "%s", rows[i].what);
    }
    policy_file_find("/nowhere/p.yaml", &way, &faults);
    cr_expect_str_eq(faults_text(&faults),
                     "expected a readable file, found No such file or directory\n");
    cr_expect_eq(way.control.port, 0);
}

/* Where the text is no YAML one fault is told, and not what is missing behind it. */
Test(policy_file, a_part_is_not_blamed_for_what_it_lacks) {
    struct policy_way way;
    write_keys("own", 1);
    write_text("p.yaml", 0644, HEAD "limits: {sessions_max: 1\n");
    policy_file_find(in_folder("p.yaml"), &way, &faults);
    cr_expect_eq(faults.count, 1, "%s", faults_text(&faults));
    cr_expect_neq(way.control.port, 0);
}

Test(policy_file, key_files) {
    struct key_pair pair, made = write_keys("a", 1);
    struct public_key key;
    cr_expect_eq(key_file_read_secret(&pair, in_folder("a.key")), ERR_OK);
    cr_expect(public_key_equal(&pair.public_key, &made.public_key));
    cr_expect_eq(key_file_read_public(&key, in_folder("a.pub")), ERR_OK);
    cr_expect(public_key_equal(&key, &made.public_key));
    cr_expect_eq(key_file_read_secret(&pair, in_folder("a.pub")), ERR_DENIED, "mode comes first");
    cr_expect_eq(key_file_read_public(&key, in_folder("a.key")), ERR_BAD_FIELD);
    cr_expect_eq(key_file_read_public(&key, in_folder("none")), ERR_IO);
    cr_expect_eq(errno, ENOENT);
    write_text("empty", 0600, "");
    cr_expect_eq(key_file_read_secret(&pair, in_folder("empty")), ERR_BAD_FIELD);
    char line[600];
    memset(line, 'x', sizeof(line));
    write_bytes("long", 0600, line, sizeof(line));
    cr_expect_eq(key_file_read_secret(&pair, in_folder("long")), ERR_BAD_FIELD);
}

/* A pipe that nobody writes to, or whose writer says nothing, in place of a file. */
Test(policy_file, pipes_hold_nobody_up, .timeout = 20) {
    struct key_pair pair;
    struct tree tree;
    char path[PATH_MAX];
    tree_init(&tree);
    faults_init(&faults, "pipe");
    snprintf(path, sizeof(path), "%s", in_folder("pipe"));
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_expect_eq(key_file_read_secret(&pair, path), ERR_BAD_FIELD);
    cr_expect(yaml_load(&tree, path, &faults), "nobody writes: it is empty");
    int writer = open(path, O_RDWR | O_CLOEXEC);
    cr_assert_geq(writer, 0);
    cr_expect_not(yaml_load(&tree, path, &faults), "nothing comes");
    cr_expect_eq(key_file_read_secret(&pair, path), ERR_IO);
    close(writer);
    cr_expect_eq(faults.count, 1u);
    tree_free(&tree);
}
