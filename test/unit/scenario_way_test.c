#include "peerd/sim/scenario.h"

#include "test/unit/policy_fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* What happens between two ends: rows of links, matrices, places, the last mile; and who is near.
 */

static struct faults faults;

static void parse(const char *text, struct scenario *s) {
    enum err err = scenario_parse(text, strlen(text), "f", s, &faults);
    cr_assert_eq(err, ERR_OK, "%s", faults_text(&faults));
}

/* A file with this text, for the length of a test. */
static const char *file_of(const char *text) {
    static char path[64];
    snprintf(path, sizeof(path), "/tmp/scenario_way_test_%ld", (long)getpid());
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f);
    fputs(text, f);
    fclose(f);
    return path;
}

static bool take(struct scenario *s, const char *text) {
    const char *path = file_of(text);
    bool good = scenario_take_matrix(s, path, &faults);
    unlink(path);
    return good;
}

/* ---- which row ---- */

static const char linked[] = "name: x\n"
                             "duration: 9s\n"
                             "clusters:\n"
                             "  - {name: eu, count: 3}\n"
                             "  - {name: us, count: 2}\n"
                             "  - {name: lone}\n"
                             "links:\n"
                             "  - {between: all, rtt: 10ms}\n"
                             "  - {between: [eu, us], rtt: 90ms}\n"
                             "  - {between: [eu1, us1], rtt: 70ms}\n"
                             "  - {between: [us1, eu1], one_way: true, rtt: 200ms}\n"
                             "  - {between: [clients, eu], rtt: 30ms}\n"
                             "  - {between: [far, all], rtt: 300ms}\n"
                             "clients: [{name: near}, {name: far}]\n";

static const struct {
    const char *what;
    uint32_t from;
    bool from_group;
    uint32_t to;
    bool to_group;
    int64_t delay_ms;
} fitting[] = {
    {"two of one region", 0, false, 1, false, 5},
    {"one outside", 0, false, 5, false, 5},
    {"two regions", 1, false, 4, false, 45},
    {"the same, back", 4, false, 1, false, 45},
    {"two of them by name", 0, false, 3, false, 35},
    {"and one way back", 3, false, 0, false, 100},
    {"listeners and a region", 0, true, 2, false, 15},
    {"to them", 2, false, 0, true, 15},
    {"listeners and another", 0, true, 3, false, 5},
    {"one group and everybody", 1, true, 2, false, 150},
};

static void check_fitting(const struct scenario *s, const char *how) {
    for (size_t i = 0; i < sizeof(fitting) / sizeof(fitting[0]); i++) {
        struct path_quality q = scenario_way(s, fitting[i].from, fitting[i].from_group,
                                             fitting[i].to, fitting[i].to_group);
        cr_expect_eq(q.delay.us, fitting[i].delay_ms * 1000, "%s, %s: %ld us", fitting[i].what, how,
                     (long)q.delay.us);
    }
}

Test(scenario_way, the_last_row_that_fits_counts) {
    struct scenario s;
    parse(linked, &s);
    struct scenario_ways *ways = s.ways;
    cr_expect_not_null(ways);
    check_fitting(&s, "by the table");
    s.ways = NULL;
    check_fitting(&s, "row by row");
    s.ways = ways;
    scenario_free(&s);
}

Test(scenario_way, rows_that_a_runner_appends_count_more) {
    struct scenario s;
    parse(linked, &s);
    struct scenario_link *loaded = s.links;
    struct scenario_link *more = calloc(s.link_count + 1, sizeof(*more));
    memcpy(more, loaded, s.link_count * sizeof(*more));
    more[s.link_count++] = (struct scenario_link){.ends = {{.index = 1}, {.index = 4}},
                                                  .end_count = 2,
                                                  .rtt_given = true,
                                                  .rtt = duration_ms(8)};
    s.links = more;
    cr_expect_eq(scenario_way(&s, 1, false, 4, false).delay.us, 4000);
    cr_expect_eq(scenario_way(&s, 0, false, 4, false).delay.us, 45000, "the others as before");
    s.links = loaded;
    s.link_count--;
    free(more);
    scenario_free(&s);
}

/* ---- how far ---- */

Test(scenario_way, delays_come_from_links_then_the_matrix_then_places) {
    struct scenario s;
    parse("name: x\n"
          "duration: 9s\n"
          "clusters:\n"
          "  - {name: a, place: frankfurt}\n"
          "  - {name: b, place: new-york}\n"
          "  - {name: c}\n"
          "links: [{between: [a, c], rtt: 2ms}, {between: [a, b], jitter: 3ms}]\n"
          "clients: [{name: l, place: {latitude: 50.11, longitude: 8.68}}]\n",
          &s);
    /* 6203 km of great circle × 1.4 at 200 km/ms, and half a millisecond. */
    cr_expect_lt(llabs(scenario_way(&s, 0, false, 1, false).delay.us - 43920), 200, "places");
    cr_expect_eq(scenario_way(&s, 0, false, 1, false).jitter.us, 3000, "and the row's jitter");
    cr_expect_eq(scenario_way(&s, 0, true, 0, false).delay.us, 500, "the same place");
    cr_expect_eq(scenario_way(&s, 1, false, 2, false).delay.us, 10000, "one is nowhere");
    cr_expect_eq(scenario_way(&s, 0, false, 2, false).delay.us, 1000, "a row says so");
    cr_assert(take(&s, "0 80 9\n100.5 0 9\n7 0 0\n"), "%s", faults_text(&faults));
    cr_expect_eq(s.matrix.size, 3);
    cr_expect_eq(scenario_way(&s, 0, false, 1, false).delay.us, 40000, "measured");
    cr_expect_eq(scenario_way(&s, 1, false, 0, false).delay.us, 50250, "otherwise back");
    cr_expect_eq(scenario_way(&s, 2, false, 1, false).delay.us, 4500, "only back was measured");
    cr_expect_eq(scenario_way(&s, 0, false, 2, false).delay.us, 1000, "a row counts more");
    cr_expect_eq(scenario_way(&s, 0, true, 1, false).delay.us, 40000, "a group is a row, too");
    scenario_free(&s);
}

Test(scenario_way, a_last_mile_comes_on_top) {
    struct scenario s;
    parse("name: x\n"
          "duration: 9s\n"
          "clusters: [{name: a}]\n"
          "links: [{between: all, rtt: 20ms, jitter: 1ms, loss: 10%, rate: 1Mbit/s, queue: 50ms,\n"
          "  outages: {every: 1h}, duplicate: 1%}]\n"
          "clients:\n"
          "  - {name: plain}\n"
          "  - {name: home, access: {delay: 5ms, jitter: 2ms, loss: 10%, rate: 64kbit/s,\n"
          "      queue: 500ms, jitter_correlation: 25%}}\n"
          "  - {name: fast, access: {rate: 8Mbit/s, outages: {every: 1min, longest: 2s}}}\n"
          "  - {name: burst, access: {loss: 2%, loss_burst: 4}}\n",
          &s);
    struct path_quality q = scenario_way(&s, 0, true, 0, false);
    cr_expect(q.delay.us == 10000 && q.jitter.us == 1000 && q.loss_ppm == 100000);
    q = scenario_way(&s, 0, false, 1, true);
    cr_expect(q.delay.us == 15000 && q.jitter.us == 3000, "delays and jitters add");
    cr_expect_eq(q.loss_ppm, 190000, "losses compose");
    cr_expect_eq(q.jitter_correlation_ppm, 250000);
    cr_expect(q.rate_bps == 64000 && q.queue.us == 500000, "the smaller rate and its queue");
    cr_expect(q.outages.every.us == 3600000000 && q.duplicate_ppm == 10000, "of the link");
    q = scenario_way(&s, 2, true, 0, false);
    cr_expect(q.rate_bps == 1000000 && q.queue.us == 50000);
    cr_expect(q.outages.every.us == 60000000 && q.outages.longest.us == 2000000, "its own");
    q = scenario_way(&s, 3, true, 0, false);
    cr_expect_eq(q.loss_ppm, 100000, "the link's");
    cr_expect_eq(q.bursts.leave_ppm, 250000, "one in four leaves");
    scenario_free(&s);
}

/* ---- matrices ---- */

static const struct {
    const char *what, *text, *faults;
} bad_matrices[] = {
    {"empty", "",
     "1:1: expected a matrix of 1 to 4096 round-trip times a line, found an empty line\n"},
    {"a word", "0 1\n1 x\n",
     "2:3: expected a round-trip time in milliseconds, at most 60000, found `x`\n"},
    {"negative", "0\t-1\n1\t0\n",
     "1:3: expected a round-trip time in milliseconds, at most 60000, found `-1`\n"},
    {"not a number", "0 nan\n1 0\n",
     "1:3: expected a round-trip time in milliseconds, at most 60000, found `nan`\n"},
    {"a short line", "0 1 2\n0 1\n",
     "2:4: expected as many values as in the first line, found 2 of 3\n"},
    {"a long line", "0 1\n0 1 2\n",
     "2:5: expected as many values as in the first line, found more than 2\n"},
    {"too few lines", "0 1\n",
     "2:1: expected as many lines as columns, found 1 lines and 2 columns\n"},
    {"too many lines", "0 1\n1 0\n2 2\n",
     "3:1: expected as many lines as columns, found more than 2 lines\n"},
    {"packed", "\x1f\x8b\x08",
     "1:1: expected a matrix in plain text, found a gzip file (unpack it first: gunzip --keep "
     "FILE.gz)\n"},
};

Test(scenario_way, refuses_matrices_with_their_own_lines) {
    struct scenario s;
    parse("name: x\nduration: 5s\nclusters: [{name: a}, {name: b}]\n", &s);
    cr_assert(take(&s, "0 6\n6 0\n\n"));
    for (size_t i = 0; i < sizeof(bad_matrices) / sizeof(bad_matrices[0]); i++) {
        cr_expect_not(take(&s, bad_matrices[i].text), "%s", bad_matrices[i].what);
        cr_expect_str_eq(faults_text(&faults), bad_matrices[i].faults, "%s:\n%s",
                         bad_matrices[i].what, faults_text(&faults));
        cr_expect_eq(scenario_way(&s, 0, false, 1, false).delay.us, 3000, "the old one stays");
    }
    cr_expect_not(scenario_take_matrix(&s, "/nowhere/at/all", &faults));
    cr_expect_str_eq(faults_text(&faults), "expected a readable file of round-trip times, found No "
                                           "such file or directory\n");
    cr_expect_not(scenario_take_matrix(&s, "/tmp", &faults));
    cr_expect_str_eq(faults_text(&faults), "expected a readable file of round-trip times, found Is "
                                           "a directory\n");
    cr_expect_not(scenario_take_matrix(&s, "/dev/zero", &faults));
    cr_expect_str_eq(faults_text(&faults), "expected a readable file of round-trip times, found a "
                                           "pipe, a device or a socket\n");
    scenario_free(&s);
}

/* Nobody may ever write into a pipe. */
Test(scenario_way, only_files_are_read, .timeout = 10) {
    char path[64];
    struct scenario s;
    snprintf(path, sizeof(path), "/tmp/scenario_way_pipe_%ld", (long)getpid());
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_expect_eq(scenario_load(path, &s, &faults), ERR_BAD_POLICY);
    cr_expect_str_eq(faults_text(&faults),
                     "expected a readable file, found a pipe, a device or a socket\n");
    unlink(path);
}

Test(scenario_way, a_scenario_brings_its_matrix) {
    char text[256];
    struct scenario s;
    const char *path = file_of("0 50\n50 0\n");
    snprintf(text, sizeof(text),
             "name: x\nduration: 5s\nrtt_matrix: %s\nclusters: [{name: a}, {name: b}]\n", path);
    parse(text, &s);
    cr_expect_eq(scenario_way(&s, 0, false, 1, false).delay.us, 10000, "not looked at yet");
    faults_init(&faults, "x.yaml");
    cr_expect(scenario_bring_files(&s, "/tmp/x.yaml", &faults), "%s", faults_text(&faults));
    cr_expect_eq(scenario_way(&s, 0, false, 1, false).delay.us, 25000);
    cr_expect_str_eq(faults.file, "x.yaml", "what a runner refuses is not in the matrix");
    scenario_free(&s);
    unlink(path);
}

Test(scenario_way, a_matrix_that_is_not_there_is_missed_where_it_is_named) {
    static const struct {
        const char *file, *faults;
    } rows[] = {
        {"nowhere.txt", "3:13: rtt_matrix: expected a readable file of round-trip times, relative "
                        "to the scenario, "
                        "found `nowhere.txt`: No such file or directory\n"},
        {".", "3:13: rtt_matrix: expected a readable file of round-trip times, relative to the "
              "scenario, "
              "found `.`: Is a directory\n"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[256];
        struct scenario s;
        snprintf(text, sizeof(text),
                 "name: x\nduration: 5s\nrtt_matrix: %s\nclusters: [{name: a}, {name: b}]\n",
                 rows[i].file);
        parse(text, &s);
        cr_expect_not(scenario_bring_files(&s, "/tmp/x.yaml", &faults));
        cr_expect_str_eq(faults_text(&faults), rows[i].faults, "%s", faults_text(&faults));
        scenario_free(&s);
    }
}

/* Both runners look for it and say so where the scenario names it; a plan, whose policies name what
 * lies elsewhere, does not. */
Test(scenario_way, a_recording_that_is_not_there_is_missed_by_who_plays_it) {
    const struct scenario_abilities plan = {.runner = "it", .links = true};
    const struct scenario_abilities live = {.runner = "it", .links = true, .recordings = true};
    const char *path = file_of("sound");
    char text[512];
    struct scenario s;
    snprintf(text, sizeof(text),
             "name: x\nduration: 5s\nclusters: [{name: a}]\nsources:\n"
             "  - {name: there, location: %s}\n  - {name: tone, tone: 5s}\n"
             "  - {name: far, location: \"http://nowhere.example/x\"}\n"
             "  - {name: gone, location: gone.wav}\n  - {name: folder, location: /tmp}\n",
             path);
    parse(text, &s);
    cr_assert(scenario_bring_files(&s, "/tmp/x.yaml", &faults), "%s", faults_text(&faults));
    cr_expect(scenario_check_abilities(&s, &plan, &faults));
    cr_expect_not(scenario_check_abilities(&s, &live, &faults));
    cr_expect_str_eq(faults_text(&faults),
                     "8:28: sources[3].location: expected something that it can do, found "
                     "`/tmp/gone.wav`: No such file or directory\n"
                     "9:30: sources[4].location: expected something that it can do, found "
                     "`/tmp`: Is a directory\n",
                     "%s", faults_text(&faults));
    scenario_free(&s);
    unlink(path);
}

/* The real thing, where it lies beside the tree. */
Test(scenario_way, reads_what_planetlab_measured) {
    static const char packed[] = "../shared/data/rtt/planetlab-490.txt.gz";
    char command[256], path[64];
    struct scenario s;
    if (access(packed, R_OK) != 0)
        cr_skip_test("%s is not there", packed);
    snprintf(path, sizeof(path), "/tmp/scenario_way_test_%ld", (long)getpid());
    snprintf(command, sizeof(command), "gunzip -c %s > %s", packed, path);
    cr_assert_eq(system(command), 0);
    parse("name: x\nduration: 5s\nclusters: [{name: c, count: 1000, nearest: 20}]\n", &s);
    bool good = scenario_take_matrix(&s, path, &faults);
    unlink(path);
    cr_assert(good, "%s", faults_text(&faults));
    cr_expect_eq(s.matrix.size, 490);
    cr_expect_eq(scenario_way(&s, 0, false, 3, false).delay.us, 60710, "121.42 ms there and back");
    cr_expect_eq(scenario_way(&s, 490, false, 493, false).delay.us, 60710, "and around again");
    for (uint32_t i = 0; i < s.cluster_count; i++)
        cr_expect(s.clusters[i].peer_count >= 20 && s.clusters[i].peer_count <= POLICY_PEERS_MAX);
    scenario_free(&s);
}

/* ---- who is near ---- */

static bool has_peer(const struct scenario *s, uint32_t a, uint32_t b) {
    for (uint32_t i = 0; i < s->clusters[a].peer_count; i++) {
        if (name_equal(&s->clusters[a].peers[i], &s->clusters[b].identity.name))
            return true;
    }
    return false;
}

Test(scenario_way, peerings_of_the_nearest_are_mutual_and_bounded) {
    struct scenario s;
    parse("name: x\n"
          "duration: 5s\n"
          "clusters:\n"
          "  - {name: eu, count: 100, place: frankfurt, nearest: 12, elsewhere: 4}\n"
          "  - {name: us, count: 100, place: new-york, nearest: 12, elsewhere: 4}\n"
          "  - {name: asia, count: 3, place: tokyo, nearest: 2}\n",
          &s);
    uint32_t degree_max = 0;
    for (uint32_t i = 0; i < s.cluster_count; i++) {
        uint32_t others = 0;
        degree_max = s.clusters[i].peer_count > degree_max ? s.clusters[i].peer_count : degree_max;
        for (uint32_t k = 0; k < s.cluster_count; k++) {
            cr_expect_eq(has_peer(&s, i, k), has_peer(&s, k, i), "%u and %u", i, k);
            others +=
                has_peer(&s, i, k) && s.clusters[i].region_first != s.clusters[k].region_first;
        }
        cr_expect(i >= 200 || (s.clusters[i].peer_count >= 12 && others >= 4), "%u: %u, %u", i,
                  s.clusters[i].peer_count, others);
    }
    cr_expect_leq(degree_max, POLICY_PEERS_MAX);
    cr_expect(has_peer(&s, 200, 201) && has_peer(&s, 200, 202) && has_peer(&s, 201, 202));
    cr_expect_eq(s.clusters[200].peer_count, 2, "nobody else is near");
    scenario_free(&s);
}

Test(scenario_way, a_list_that_names_one_who_wants_the_nearest) {
    static struct policy p;
    struct scenario s;
    parse("name: x\n"
          "duration: 5s\n"
          "clusters:\n"
          "  - {name: a, place: berlin, nearest: 1}\n"
          "  - {name: b, place: hamburg, peers: [c]}\n"
          "  - {name: c, place: munich}\n"
          "  - {name: d, place: tokyo, peers: [a]}\n",
          &s);
    cr_expect(has_peer(&s, 0, 3), "d has a on its list");
    cr_expect(has_peer(&s, 0, 2), "b is nearer than c, and has a list without a");
    scenario_policy(&s, 0, &p);
    cr_expect_eq(p.peer_count, 2);
    cr_expect(scenario_are_peers(&s, 1, 2) && scenario_are_peers(&s, 2, 0));
    cr_expect_not(scenario_are_peers(&s, 2, 3) || scenario_are_peers(&s, 0, 1));
    scenario_free(&s);
}

Test(scenario_way, listeners_ask_the_nearest_also_by_a_new_matrix) {
    struct scenario s;
    uint32_t order[SCENARIO_OPEN_AT_MAX];
    parse("name: x\n"
          "duration: 5s\n"
          "clusters: [{name: a, place: tokyo}, {name: b, place: paris}, {name: c, place: rome}]\n"
          "clients: [{name: l, place: lyon, open_at: nearest}]\n",
          &s);
    cr_assert_eq(scenario_client_order(&s, 0, 0, order), 3);
    cr_expect(order[0] == 1 && order[1] == 2 && order[2] == 0);
    cr_assert(take(&s, "0 9 9 1\n9 0 9 5\n9 9 0 3\n1 5 3 0\n"));
    scenario_client_order(&s, 0, 0, order);
    cr_expect(order[0] == 0 && order[1] == 2 && order[2] == 1);
    scenario_free(&s);
}

Test(scenario_way, clusters_of_a_row_lie_around_their_place) {
    struct scenario s;
    parse("name: x\nduration: 5s\nclusters: [{name: c, count: 50, place: Singapore, nearest: 1}]\n",
          &s);
    for (uint32_t i = 0; i < s.cluster_count; i++) {
        cr_expect(scenario_way(&s, 0, false, i, false).delay.us <= 500 + 2200, "at most 300 km");
        for (uint32_t k = 0; k < i; k++)
            cr_expect(scenario_way(&s, i, false, k, false).delay.us > 500 + 100, "%u on %u", i, k);
    }
    scenario_free(&s);
}
