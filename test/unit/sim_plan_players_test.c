/*
 * The planning tool, of players: which streams are made here, what CPU their players want before
 * and after, who stands still, and the program itself on two and three sites with a film.
 */
#include "peerd/sim/plan.h"
#include "peerd/sim/plan_streams.h"
#include "test/lib/program.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SITES 3

static const char *const names[SITES] = {"osl1", "sto1", "hel1"};
static char folder[64], paths[SITES][96];
static const char *files[SITES];
static struct plan plan;
static struct report report;

/* What differs from site to site of the sample, which has one peer. */
static void write_site(uint32_t site, const char *sample) {
    char command[1024];
    const char *a = names[(site + 1) % SITES], *b = names[(site + 2) % SITES];
    snprintf(command, sizeof(command),
             "sed -e '/^peers:/,/^# Each source/d' -e 's/osl1/%s/g' -e 's/longitude: 10.75/"
             "longitude: 1%u.5/' %s >%s && printf 'peers:\\n"
             "- {name: %s, key: k4.public.Y7ItFAXCiBL25ickHlp9aYqnk5Se1Pi6cKg5TNMo4GY, "
             "beats: \"%s:1\", control: \"%s:2\"}\\n"
             "- {name: %s, key: k4.public.kkLutnulh4oAZn0v4b1D-dqXIza_VvMc2_eOrQM1KoY, "
             "beats: \"%s:1\", control: \"%s:2\"}\\n' >>%s",
             names[site], site, sample, paths[site], a, a, a, b, b, b, paths[site]);
    cr_assert_eq(system(command), 0);
}

static void change(uint32_t site, const char *script) {
    char command[256];
    snprintf(command, sizeof(command), "sed -i '%s' %s", script, paths[site]);
    cr_assert_eq(system(command), 0);
}

static void make_sites(void) {
    snprintf(folder, sizeof(folder), "/tmp/peerd-plan-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    for (uint32_t i = 0; i < SITES; i++) {
        snprintf(paths[i], sizeof(paths[i]), "%s/%s.yaml", folder, names[i]);
        files[i] = paths[i];
        write_site(i, "conf/film.yaml");
    }
}

static void remove_sites(void) {
    char command[96];
    plan_free(&plan);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    cr_expect_eq(system(command), 0);
}

TestSuite(sim_plan_players, .init = make_sites, .fini = remove_sites, .timeout = 120);

static struct plan_request request(const char *const *list, uint32_t count) {
    return (struct plan_request){.files = list,
                                 .file_count = count,
                                 .load_ppm = 700000,
                                 .workers = 8,
                                 .makers = 8,
                                 .media_cpu = duration_ms(250),
                                 .player_buffer = duration_s(30),
                                 .buffer = duration_ms(200),
                                 .seed = 1};
}

static bool says(const struct plan_texts *t, const char *piece) {
    for (uint32_t i = 0; i < t->count; i++)
        if (strstr(t->list[i], piece) != NULL)
            return true;
    return false;
}

/* ---- from policies to an overlay ---- */

Test(sim_plan_players, what_a_cluster_makes_is_watched) {
    struct plan_request q = request(files, 2);
    q.kill = "osl1";
    change(1, "s/film # our own/other # our own/; s/  - name: film$/  - name: other/; "
              "/^origins:/,$s/name: other/name: film/");
    cr_assert(plan_load(&plan, &q));
    const struct scenario *s = &plan.scenario;
    cr_assert_eq(s->cluster_count, 2, "though it has no services");
    cr_expect_eq(s->stream_count, 1, "whatever its source is called");
    cr_expect_eq(s->streams[0].media_cpu.us, 250000);
    cr_expect_eq(s->clusters[1].makers, 8);
    cr_assert_eq(s->client_group_count, 2);
    cr_expect_str_eq(s->clients[0].name.text, "film-at-osl1");
    cr_expect_str_eq(s->clients[1].stream.text, "film");
    cr_expect_eq(s->clients[1].open_at[0], 1);
    cr_expect_eq(s->clients[0].count, 22, "70 %% of 8 cores at 0.25 each");
    cr_expect_eq(plan_wanted_ms(&plan, 22), 5500);
    cr_expect(s->clients[0].placed);
}

Test(sim_plan_players, how_many_there_are_follows_from_cores_or_is_said) {
    static const struct {
        const char *what;
        uint32_t load_ppm, makers, players, media_ms, nodes;
        uint32_t cores, count;
    } rows[] = {
        {"half of them", 500000, 8, 0, 250, 1, 8, 16},
        {"of two machines", 500000, 8, 0, 250, 2, 16, 32},
        {"dearer", 500000, 8, 0, 1000, 1, 8, 4},
        {"so many", 500000, 4, 30, 250, 1, 4, 30},
        {"no more than a scenario may have", 1000000, 100, 0, 1000, 2, 128, 128},
        {"nobody fits", 100000, 1, 0, 250, 1, 1, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct plan_request q = request(files, 1);
        q.load_ppm = rows[i].load_ppm;
        q.makers = rows[i].makers;
        q.players = rows[i].players;
        q.media_cpu = duration_ms(rows[i].media_ms);
        if (rows[i].nodes == 2)
            change(0, "s/^  - name: n1$/  - {name: n2, key: "
                      "k4.public.A66v1Htqv_E2LetqQaEk5HgN2BXtfRTUNmcPftolXkQ}\\n  - name: n1/");
        cr_assert(plan_load(&plan, &q), "%s", rows[i].what);
        cr_expect_eq(plan_makers(&plan, 0), rows[i].cores, "%s", rows[i].what);
        cr_expect_eq(plan.scenario.client_group_count, rows[i].count > 0, "%s", rows[i].what);
        if (rows[i].count > 0)
            cr_expect_eq(plan.scenario.clients[0].count, rows[i].count, "%s: %u", rows[i].what,
                         plan.scenario.clients[0].count);
        cr_expect_eq(says(&plan.notes, "osl1 has no CPU for a player under this --load"),
                     rows[i].count == 0, "%s", rows[i].what);
        plan_free(&plan);
        write_site(0, "conf/film.yaml");
    }
}

Test(sim_plan_players, what_another_program_serves_is_left_out_and_said) {
    const char *const list[] = {"conf/streams.yaml", paths[0], paths[1]};
    struct plan_request q = request(list, 3);
    change(1, "s/^    source: film.*//");
    cr_assert(plan_load(&plan, &q));
    cr_expect(says(&plan.notes, "fra1 has the stream film from another program"));
    cr_expect(says(&plan.notes, "fra1 has the stream channel-1 from another program"));
    cr_expect(says(&plan.notes, "fra1 has no nodes"));
    cr_expect(says(&plan.notes, "sto1 has the stream film from another program"));
    cr_expect(says(&plan.notes, "sto1 has no services"));
    cr_expect_not(says(&plan.notes, "osl1 has the stream"));
    cr_expect_eq(plan.count, 1);
    cr_expect_eq(plan.policies[0]->origin_count, 1);
}

/* ---- from a run to advice ---- */

#define NOWHERE UINT32_MAX

/* Of osl1, sto1 or hel1; it stood still for so long, so long after it happened. */
static void add_player(uint32_t before, uint32_t after, uint32_t stood_ms, int64_t after_ms) {
    uint32_t number = report.client_count;
    struct report_client c = {.name = "p", .outcome = "playing", .frames_lost = stood_ms / 20};
    c.group = 0;
    c.hedges = stood_ms > 0;
    report_add_client(&report, &c);
    if (before != NOWHERE)
        report_add_mark(&report, &(struct report_mark){100, number, before, REPORT_MARK_SERVED});
    if (after != before)
        report_add_mark(&report, &(struct report_mark){plan.event_ms + 5000, number, after,
                                                       REPORT_MARK_SERVED});
    if (stood_ms > 0)
        report_add_mark(&report, &(struct report_mark){plan.event_ms + after_ms, number, stood_ms,
                                                       REPORT_MARK_GAP});
}

static void load_three(const char *kill, const char *drain, uint32_t makers) {
    struct plan_request q = request(files, SITES);
    struct name name;
    q.kill = kill;
    q.drain = drain;
    q.makers = makers;
    cr_assert(plan_load(&plan, &q));
    name_set(&name, "plan");
    report_init(&report, "sim", &name, 1);
}

static void end(struct plan_result *r) {
    plan_result_free(r);
    report_free(&report);
    plan_free(&plan);
}

Test(sim_plan_players, counts_who_went_where_and_who_stood_still) {
    struct plan_result r;
    load_three("osl1", NULL, 8);
    add_player(0, 1, 0, 0);
    add_player(0, 1, 3000, 9000);
    add_player(0, 2, 500, 8000);
    add_player(0, 0, 20000, 8000); /* its last segment came from the dead */
    add_player(1, 1, 700, -4000);
    add_player(NOWHERE, NOWHERE, 0, 0);
    report_sort(&report);
    cr_assert(plan_judge(&plan, &report, &r));
    const struct plan_players *p = &r.players;
    cr_expect(r.listeners == 0 && r.lost == 0 && r.moved == 0, "players are no listeners");
    cr_expect(p->count == 6 && p->moved == 3 && p->nowhere == 1 && p->unbegun == 1);
    cr_expect(p->before[0] == 4 && p->before[1] == 1 && p->after[0] == 0 && p->after[1] == 3);
    cr_expect(p->flows[0 * 4 + 1] == 2 && p->flows[0 * 4 + 2] == 1 && p->flows[0 * 4 + 3] == 1);
    cr_expect(p->stood[1] == 1 && p->stood[2] == 1 && p->stood[3] == 1, "of those since then");
    cr_expect(p->stood_before == 1 && p->stood_since == 3);
    cr_expect(p->longest_ms == 20000 && p->stood_ms == 23500 && p->refused == 4);
    cr_expect_not(r.ok);
    end(&r);
}

Test(sim_plan_players, advice_is_in_cores) {
    static const struct {
        const char *what, *kill, *drain;
        uint32_t makers, players; /* there are so many of osl1; all go to … */
        uint32_t to, stood_ms;
        int64_t stood_at_ms;
        const char *said; /* NULL: nothing */
        const char *verdict;
    } rows[] = {
        {"there is room", "osl1", NULL, 8, 20, 1, 0, 0, NULL,
         "All are served, and nobody misses a frame."},
        {"nearly full", "osl1", NULL, 8, 31, 1, 0, 0, "sto1 wants 7.8 of its 8 cores afterwards.",
         "All are served, and nobody misses a frame."},
        {"too many, whose buffers last", "osl1", NULL, 8, 33, 1, 0, 0,
         "sto1 wants 8.2 of its 8 cores afterwards: players will stand still. 2 more cores there "
         "would do.",
         "All are served, BUT PLAYERS STAND STILL."},
        {"too many", "osl1", NULL, 8, 40, 1, 100, 20000,
         "sto1 wants 10.0 of its 8 cores afterwards: 40 players stand still. 4 more cores there "
         "would do.",
         "All are served, BUT PLAYERS STAND STILL."},
        {"for a moment", "osl1", NULL, 8, 20, 1, 100, 9000,
         "sto1 wants 5.0 of its 8 cores afterwards, which will do; 20 players stand still until "
         "buffers are full again.",
         "All are served, BUT PLAYERS STAND STILL."},
        {"before it happened", NULL, "hel1", 8, 33, 0, 100, -1000,
         "osl1 wants 8.2 of its 8 cores even before: 2 more cores there would do.",
         "All are served, BUT PLAYERS STAND STILL."},
        {"before, and not any more", NULL, "hel1", 8, 20, 0, 100, -1000,
         "20 of 20 players stand still even before.",
         "All are served, BUT PLAYERS STOOD STILL EVEN BEFORE."},
        {"who drains keeps them", NULL, "osl1", 2, 20, 0, 0, 0,
         "20 players of osl1 have nowhere to go: 0.0 of 4 cores are taken afterwards at sto1 or "
         "hel1. 2 more there would do.",
         "THE DRAIN DOES NOT FINISH: not all can leave."},
        {"nobody is left", "osl1,sto1,hel1", NULL, 8, 3, NOWHERE, 0, 0,
         "3 players of osl1 have nowhere to go: no peer of it that is left has its streams",
         "NOT ALL ARE SERVED."},
        {"though others could", "osl1", NULL, 8, 3, NOWHERE, 0, 0,
         "3 players of osl1 have not gone, though sto1 or hel1 have CPU to spare.",
         "NOT ALL ARE SERVED."},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct plan_result r;
        load_three(rows[i].kill, rows[i].drain, rows[i].makers);
        for (uint32_t k = 0; k < rows[i].players; k++)
            add_player(0, rows[i].to, rows[i].stood_ms, rows[i].stood_at_ms);
        report_sort(&report);
        cr_assert(plan_judge(&plan, &report, &r));
        cr_expect_eq(r.ok,
                     strcmp(plan_verdict(&r), "All are served, and nobody misses a frame.") == 0,
                     "%s", rows[i].what);
        cr_expect_str_eq(plan_verdict(&r), rows[i].verdict, "%s: %s", rows[i].what,
                         plan_verdict(&r));
        cr_expect_eq(r.advice.count > 0, rows[i].said != NULL, "%s", rows[i].what);
        cr_expect(rows[i].said == NULL || says(&r.advice, rows[i].said), "%s: not said, but `%s`",
                  rows[i].what, r.advice.count > 0 ? r.advice.list[0] : "");
        end(&r);
    }
}

/* ---- the program ---- */

#define RUN(...) program_run(folder, "peersim", (const char *[]){__VA_ARGS__, NULL})

static bool have_program(void) {
    char path[512];
    if (!program_find("peersim", path, sizeof(path)))
        cr_skip_test("no peersim in $PEERD_BIN");
    return true;
}

static int64_t number(const json_t *root, const char *key) {
    const json_t *value = json_object_get(root, key);
    cr_assert(json_is_integer(value), "%s", key);
    return json_integer_value(value);
}

/* The runs of two or three sites, each with 20 players for whom 8 cores are many. */
Test(sim_plan_players, sites_die_and_drain_and_cores_decide) {
    static const struct {
        const char *what, *verb, *cluster;
        const char *makers;
        uint32_t sites;
        bool moves, stands;
        int status;
    } rows[] = {
        {"a death, and CPU enough", "--kill", "osl1", "12", 3, true, false, 0},
        {"a drain, and CPU enough", "--drain", "osl1", "12", 3, true, false, 0},
        {"a death, and too little", "--kill", "osl1", "8", 2, true, true, 1},
        {"each hears the clients, not the other", "--cut", "osl1/sto1", "12", 2, true, false, 0},
    };
    cr_assert(have_program());
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct program_result r =
            RUN(rows[i].verb, rows[i].cluster, "--players", "20", "--makers", rows[i].makers,
                "--json", paths[0], paths[1], rows[i].sites > 2 ? paths[2] : NULL);
        json_t *root = json_loads(r.out, JSON_REJECT_DUPLICATES, NULL);
        cr_assert_not_null(root, "%s: %s%s", rows[i].what, r.out, r.err);
        cr_expect_eq(r.status, rows[i].status, "%s: %s", rows[i].what, r.out);
        cr_expect_eq(number(root, "players"), 20 * rows[i].sites, "%s", rows[i].what);
        cr_expect_eq(number(root, "players_moved") > 0, rows[i].moves, "%s: %s", rows[i].what,
                     r.out);
        cr_expect_eq(number(root, "players_stood_still") > 0, rows[i].stands, "%s: %s",
                     rows[i].what, r.out);
        cr_expect(number(root, "players_unbegun") == 0 && number(root, "players_stuck") == 0, "%s",
                  rows[i].what);
        cr_expect_eq(json_array_size(json_object_get(root, "flows")), 0, "%s", rows[i].what);
        json_decref(root);
        program_result_free(&r);
    }
}

Test(sim_plan_players, people_are_told_in_cores) {
    char page[128];
    cr_assert(have_program());
    snprintf(page, sizeof(page), "%s/page.html", folder);
    struct program_result r =
        RUN("--kill", "osl1", "--players", "20", "--html", page, paths[0], paths[1]);
    cr_expect_eq(r.status, 1, "%s%s", r.out, r.err);
    cr_expect_not_null(strstr(r.out, "If osl1 dies: 2 clusters, 0 listeners, 40 players, 8 cores"),
                       "%s", r.out);
    cr_expect_null(strstr(r.out, "listeners\n"), "nobody has sessions: %s", r.out);
    cr_expect_not_null(strstr(r.out, "sto1 wants 10.0 of its 8 cores afterwards: "), "%s", r.out);
    cr_expect_not_null(strstr(r.out, " more cores there would do."), "%s", r.out);
    cr_expect_eq(access(page, R_OK), 0);
    program_result_free(&r);
}

/* What cores are counted by: forty of two groups want ten, and seven are not enough. */
Test(sim_plan_players, nobody_watches_what_another_does) {
    char path[128];
    cr_assert(have_program());
    snprintf(path, sizeof(path), "%s/apart.yaml", folder);
    FILE *f = fopen(path, "w");
    fputs("name: apart\nduration: 90s\nstreams: [{name: film, media_cpu: 250ms}]\n"
          "clusters: [{name: fra1, makers: 7}]\nclients:\n"
          "- {name: some, count: 20, stream: film, start: {between: [0s, 20s]}}\n"
          "- {name: others, count: 20, stream: film, start: {between: [0s, 20s]}}\n",
          f);
    fclose(f);
    struct program_result r = RUN(path, "--seed", "1", "--json");
    json_t *root = json_loads(r.out, 0, NULL);
    cr_assert_not_null(root, "%s%s", r.out, r.err);
    cr_expect_gt(number(root, "frames_lost"), 10000, "%s", r.err);
    cr_expect_gt(json_array_size(json_object_get(root, "gaps")), 0, "and it is seen when");
    json_decref(root);
    program_result_free(&r);
}

/* An origin at one site only: who dies takes it along. */
Test(sim_plan_players, nobody_else_has_it) {
    cr_assert(have_program());
    change(1, "/^origins:/,/^    source:/s/name: film/name: opera/");
    struct program_result r = RUN("--kill", "osl1", paths[0], paths[1]);
    cr_expect_eq(r.status, 1, "%s%s", r.out, r.err);
    cr_expect_not_null(strstr(r.out, "22 players of osl1 have nowhere to go: no peer of it"), "%s",
                       r.out);
    cr_expect_not_null(strstr(r.out, "NOT ALL ARE SERVED."), "%s", r.out);
    program_result_free(&r);
}

Test(sim_plan_players, wrong_words_are_refused) {
    static const struct {
        const char *option, *value, *err;
    } rows[] = {
        {"--players", "0", "--players 0: expected at least 1"},
        {"--makers", "129", "--makers 129: expected a whole number up to 128"},
        {"--media-cpu", "250", "--media-cpu 250: expected a duration"},
        {"--media-cpu", "5s", "--media-cpu 5s: expected a duration such as"},
    };
    cr_assert(have_program());
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct program_result r = RUN("--kill", "osl1", rows[i].option, rows[i].value, paths[0]);
        cr_expect_eq(r.status, 2, "%s", rows[i].option);
        cr_expect_not_null(strstr(r.err, rows[i].err), "%s: %s", rows[i].option, r.err);
        program_result_free(&r);
    }
}
