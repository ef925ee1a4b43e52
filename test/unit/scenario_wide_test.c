#include "peerd/sim/scenario.h"

#include "test/unit/policy_fixture.h"

#include <criterion/criterion.h>
#include <time.h>

/* What a wide area needs of the format: many clusters a row, links in full, listeners that come and
 * go, clocks, and expectations of single ones. The rest of it: scenario_test.c,
 * scenario_way_test.c. */

static struct faults faults;

static const char wide[] =
    "name: wide\n"
    "duration: 100s\n"
    "detection: {detect_within: 2s, interval: 300ms}\n"
    "limits: {session_lease: 8s}\n"
    "clusters:\n"
    "  - {name: eu, count: 20, provider: acme, place: Frankfurt, nearest: 5, elsewhere: 1,\n"
    "     detection: {detect_within: 1s}, limits: {hedge_max: 200ms}}\n"
    "  - {name: us, count: 2, region: america, place: {latitude: 40, longitude: -74}, nearest: 3}\n"
    "  - {name: lone, place: tokyo, peers: [us1, us2]}\n"
    "links:\n"
    "  - {between: all, jitter: 3ms, jitter_correlation: 40%, loss: 1%, loss_burst: 4}\n"
    "  - {between: [eu, america], rtt: 90ms, gilbert_elliott: {enter: 1%, leave: 25%,\n"
    "     loss_good: 0.1%}, loss: 0.2%}\n"
    "  - {between: [us1, eu1], one_way: true, rate: 2Mbit/s, queue: 40ms, reorder: 1%,\n"
    "     duplicate: 2%, replay: 0.5%, replay_in: 3s, outages: {every: 10min, least: 500ms,\n"
    "     longest: 30s, shape: 1.2}}\n"
    "clients:\n"
    "  - {name: home, count: 9, place: berlin, open_at: nearest, start: waiting}\n"
    "  - {name: office, start: 1s, leave: {between: [50s, 60s]}, access: {delay: 4ms}}\n"
    "timeline:\n"
    "  - {at: [10s, {between: [20s, 22s]}, 30s], kill: {region: eu}, blackhole: true}\n"
    "  - {at: [11s, 23s], heal: {region: america}}\n"
    "  - {at: 12s, drain: {provider: acme}}\n"
    "  - {at: 13s, arrive: home}\n"
    "  - {at: 14s, arrive: {group: home, count: 3, spread: 2s}}\n"
    "  - {at: 15s, leave: {group: all, count: 2, vanish: true}}\n"
    "  - {at: 16s, clock: {cluster: lone, forward: 5s, drift: -50ppm}}\n"
    "  - {at: 17s, clock: {region: eu, back: 1min}}\n"
    "  - {at: 18s, clock: {provider: acme, drift: 0ppm}}\n"
    "  - {at: 19s, partition: {from: america, to: [lone, eu]}}\n"
    "  - {at: 20s, link: {between: [eu, home], loss: 3%}}\n"
    "expectations:\n"
    "  moves: [{cause: crashed, min: 1, from: eu1, to: us1, by: 40s}]\n"
    "  verdicts:\n"
    "    - {of: eu1, verdict: crashed, by: [us1, us2], from: 10s, until: 12s}\n"
    "    - {of: us1, verdict: crashed, never: true}\n"
    "    - {of: eu2, verdict: suspect, by: all}\n"
    "  clients:\n"
    "    - {of: home, frames_lost_max: 3, gap_max: 40ms, all_served_by: 35s, served_at_end: [us1, "
    "us2]}\n"
    "    - {of: all, gap_max: 1s}\n";

static void parse(const char *text, struct scenario *s) {
    enum err err = scenario_parse(text, strlen(text), "f", s, &faults);
    cr_assert_eq(err, ERR_OK, "%s", faults_text(&faults));
}

Test(scenario_wide, a_row_makes_many_clusters) {
    static struct policy p;
    struct scenario s;
    parse(wide, &s);
    cr_assert_eq(s.cluster_count, 23);
    cr_expect_str_eq(s.clusters[0].identity.name.text, "eu1");
    cr_expect_str_eq(s.clusters[19].identity.name.text, "eu20");
    cr_expect_str_eq(s.clusters[19].identity.region.text, "eu", "that of the row");
    cr_expect_str_eq(s.clusters[19].identity.provider.text, "acme");
    cr_expect_str_eq(s.clusters[20].identity.region.text, "america");
    cr_expect_str_eq(s.clusters[21].identity.provider.text, "us2", "one of its own");
    cr_expect_eq(s.clusters[21].row, 1);
    cr_expect_eq(s.clusters[21].region_first, 20);
    cr_expect_str_eq(s.clusters[22].identity.region.text, "lone");
    cr_expect(s.clusters[22].identity.latitude_deg == 35.68 && s.clusters[22].identity.placed);
    scenario_policy(&s, 3, &p);
    cr_expect_eq(p.detection.detect_within.us, 1000000, "its own");
    cr_expect_eq(p.detection.interval.us, 300000, "the scenario's");
    cr_expect_eq(p.limits.hedge_ms_max, 200);
    cr_expect_eq(p.limits.session_lease.us, 8000000);
    cr_expect_eq(p.limits.opens_per_s, 200, "the default");
    scenario_policy(&s, 22, &p);
    cr_expect_eq(p.detection.detect_within.us, 2000000);
    cr_expect_eq(p.peer_count, 2);
    scenario_free(&s);
}

Test(scenario_wide, links_in_full) {
    struct scenario s;
    parse(wide, &s);
    const struct path_quality *q = &s.links[0].quality;
    cr_expect(!s.links[0].rtt_given && q->jitter.us == 3000);
    cr_expect_eq(q->jitter_correlation_ppm, 400000);
    cr_expect_eq(q->loss_ppm, 0, "it has become bursts");
    /* 1 % of the time in a state that lasts 4 packets: enter = 0.25 × 0.01 / 0.99. */
    cr_expect(q->bursts.leave_ppm == 250000 && q->bursts.enter_ppm == 2525);
    cr_expect(q->bursts.loss_bad_ppm == 1000000 && q->bursts.loss_good_ppm == 0);
    q = &s.links[1].quality;
    cr_expect(s.links[1].rtt_given && s.links[1].ends[0].region && s.links[1].ends[1].region);
    cr_expect_eq(s.links[1].ends[1].index, 20);
    cr_expect(q->bursts.enter_ppm == 10000 && q->bursts.leave_ppm == 250000);
    cr_expect(q->bursts.loss_bad_ppm == 1000000 && q->bursts.loss_good_ppm == 1000);
    cr_expect_eq(q->loss_ppm, 2000, "on top");
    q = &s.links[2].quality;
    cr_expect(s.links[2].one_way && q->rate_bps == 2000000 && q->queue.us == 40000);
    cr_expect(q->reorder_ppm == 10000 && q->duplicate_ppm == 20000 && q->replay_ppm == 5000);
    cr_expect(q->replay_in.us == 3000000 && q->outages.every.us == 600000000);
    cr_expect(q->outages.least.us == 500000 && q->outages.longest.us == 30000000);
    cr_expect_eq(q->outages.shape_permille, 1200);
    cr_expect_eq(q->bursts.enter_ppm, 0, "a row counts with all its keys");
    scenario_free(&s);
}

static bool read_bursts(const char *loss, const char *burst, struct scenario *s) {
    char text[256];
    snprintf(text, sizeof(text),
             "name: x\nduration: 5s\nclusters: [{name: a}, {name: b}]\n"
             "links: [{between: all, loss: %s, loss_burst: %s}]\n",
             loss, burst);
    return scenario_parse(text, strlen(text), "f", s, &faults) == ERR_OK;
}

/* What is printed of bursts makes the same bursts when it is written into a scenario. */
Test(scenario_wide, bursts_are_printed_as_they_were_given) {
    static const char *const rows[][2] = {
        {"2%", "3"},      {"1%", "8"},     {"0.5%", "5"},    {"33.3333%", "2"}, {"0.0001%", "3"},
        {"50%", "1"},     {"80%", "4"},    {"5%", "100000"}, {"12.5%", "7"},    {"90%", "10"},
        {"99.99%", "50"}, {"0.3%", "333"}, {"1.234%", "1.2"}};
    static char said[8192];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char loss[32], burst[32];
        struct scenario s;
        if (!read_bursts(rows[i][0], rows[i][1], &s)) {
            cr_expect_geq(i, 9, "%s", faults_text(&faults));
            continue; /* no chain loses so much */
        }
        const struct path_bursts given = s.links[0].quality.bursts;
        scenario_describe(&s, said, sizeof(said));
        scenario_free(&s);
        const char *at = strstr(said, "its rtt, ");
        cr_assert_not_null(at, "%s", said);
        cr_assert_eq(sscanf(at, "its rtt, %31s lost in bursts of %31s", loss, burst), 2, "%s", at);
        if (i < 4)
            cr_expect(strcmp(loss, rows[i][0]) == 0 && strcmp(burst, rows[i][1]) == 0, "%s", at);
        cr_assert(read_bursts(loss, burst, &s), "%s", at);
        cr_expect_eq(memcmp(&given, &s.links[0].quality.bursts, sizeof(given)), 0, "%s", at);
        scenario_free(&s);
    }
}

Test(scenario_wide, listeners_come_and_go) {
    struct scenario s;
    parse(wide, &s);
    cr_expect(s.clients[0].waits && s.clients[0].placed && s.clients[0].open_at_nearest);
    cr_expect_eq(s.clients[0].open_at_count, 16);
    cr_expect(s.clients[1].leaves && s.clients[1].leave.to.us == 60000000);
    cr_expect(s.clients[1].access_given && s.clients[1].access.delay.us == 4000);
    cr_expect_not(s.clients[0].access_given || s.clients[0].leaves || s.clients[1].waits);
    scenario_free(&s);
}

/* Which rows of the timeline became which events. */
Test(scenario_wide, entries_that_stand_for_several) {
    struct scenario s;
    parse(wide, &s);
    const struct scenario_event *e = s.events;
    cr_assert_eq(s.event_count, 3 + 2 * 2 + 9);
    for (int i = 0; i < 3; i++)
        cr_expect(e[i].row == 0 && e[i].verb == SCENARIO_VERB_KILL && e[i].blackhole &&
                  e[i].target.region && e[i].target.cluster == SCENARIO_NONE);
    cr_expect(e[1].at.from.us == 20000000 && e[1].at.to.us == 22000000);
    cr_expect_eq(e[2].at.from.us, 30000000);
    for (int i = 3; i < 7; i++)
        cr_expect(e[i].verb == SCENARIO_VERB_HEAL && e[i].row == 1 && e[i].cut.from_count == 1 &&
                  e[i].cut.from[0].index == 20 + (i - 3) % 2u &&
                  e[i].cut.to[0].index == SCENARIO_ALL &&
                  e[i].at.to.us == (i < 5 ? 11 : 23) * 1000000);
    cr_expect(e[7].target.provider && e[7].verb == SCENARIO_VERB_DRAIN);
    cr_expect(e[8].crowd.group == 0 && e[8].crowd.count == UINT32_MAX);
    cr_expect(e[9].crowd.count == 3 && e[9].crowd.spread.us == 2000000);
    cr_expect(e[10].crowd.group == SCENARIO_ALL && e[10].crowd.vanish && e[10].crowd.count == 2);
    cr_expect(e[11].target.cluster == 22 && e[11].clock.step_us == 5000000);
    cr_expect(e[11].clock.drifts && e[11].clock.drift_ppm == -50);
    cr_expect(e[12].target.region && e[12].clock.step_us == -60000000 && !e[12].clock.drifts);
    cr_expect(e[13].target.provider && e[13].clock.drifts && e[13].clock.drift_ppm == 0);
    cr_expect_eq(e[14].cut.from_count, 2, "spelled out");
    cr_expect_eq(e[14].cut.to_count, 2, "too many to be");
    cr_expect(e[14].cut.to[1].region && scenario_end_holds(&s, &e[14].cut.to[1], 19, false));
    cr_expect_not(scenario_end_holds(&s, &e[14].cut.to[1], 20, false));
    cr_expect(scenario_link_fits(&s, &e[15].link, 7, false, 0, true));
    cr_expect_not(scenario_link_fits(&s, &e[15].link, 7, false, 1, true));
    scenario_free(&s);
}

Test(scenario_wide, expects_of_single_ones) {
    struct scenario s;
    parse(wide, &s);
    const struct scenario_expectations *x = &s.expectations;
    cr_expect(strcmp(x->moves[0].to.text, "us1") == 0 && x->moves[0].by.us == 40000000);
    cr_expect(x->verdicts[0].of_index == 0 && x->verdicts[0].by_count == 2);
    cr_expect(x->verdicts[0].by[1] == 21 && x->verdicts[0].until.us == 12000000);
    cr_expect(x->verdicts[1].never && x->verdicts[1].by_count == 0);
    cr_expect_eq(x->verdicts[1].until.us, DURATION_ENDLESS.us);
    cr_expect_eq(x->verdicts[2].by[0], SCENARIO_ALL);
    cr_expect(x->clients[0].of_index == 0 && x->clients[0].frames_lost_max == 3);
    cr_expect(x->clients[0].served_at_end_count == 2 && x->clients[0].served_at_end_index[0] == 20);
    cr_expect(x->clients[1].of_index == SCENARIO_ALL && x->clients[1].gap_max_given);
    cr_expect_not(x->clients[1].all_served_by_given || x->clients[1].frames_lost_max_given);
    scenario_free(&s);
}

Test(scenario_wide, describes_it) {
    static const char *const lines[] = {
        "  clusters  eu1..eu20, us1..us2, lone\n",
        "at the nearest, waiting, placed at 52.52 13.41\n",
        ", from 1s to 50s..1min, last mile 4ms\n",
        "  cluster   eu1, …: 1 x 2 workers, region eu, provider acme, at 50.11 8.68, peers: the 5 "
        "nearest\n",
        "              detected within 1s, beats every 300ms\n",
        "  link      us1 to eu1: its rtt, outages every 10min, rate 2Mbit/s, reordered 1%, twice "
        "2%, replayed 0.5%\n",
        "  expects   of home: at most 3 frames lost; no gap over 40ms; served from 35s; at the end "
        "at us1, us2\n",
        "  expects   of all: no gap over 1s\n",
        "  at 10s: kill region eu, blackholed\n",
        "  at 14s: arrive 3 of home over 2s\n",
        "  at 15s: leave 2 of all, without a word\n",
        "  at 16s: clock site lone forward 5s drifts -50 ppm\n",
        "  at 17s: clock region eu back 1min\n",
        "  at 20s: link eu and home: its rtt, loss 3%\n",
        "  expects   1 or more moves, cause crashed, of all, from eu1, to us1, by 40s\n",
        "  expects   crashed of eu1 by us1, us2, from 10s, until 12s\n",
        "  expects   never crashed of us1 by anybody\n",
    };
    static char out[16384];
    struct scenario s;
    parse(wide, &s);
    cr_expect_lt(scenario_describe(&s, out, sizeof(out)), sizeof(out));
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        cr_expect_not_null(strstr(out, lines[i]), "%s in\n%s", lines[i], out);
    scenario_free(&s);
}

Test(scenario_wide, a_runner_refuses_by_feature_once_a_row) {
    struct scenario s;
    struct scenario_abilities can = {.runner = "it", .links = true};
    parse(wide, &s);
    for (enum scenario_verb v = 0; v < SCENARIO_VERB_COUNT; v++)
        can.verbs[v] = v != SCENARIO_VERB_ARRIVE && v != SCENARIO_VERB_LEAVE;
    for (enum scenario_part p = 0; p < SCENARIO_PART_COUNT; p++)
        can.parts[p] = true;
    cr_expect_not(scenario_check_abilities(&s, &can, &faults));
    static const char *const found[] = {
        "18:5: clients[0]: expected something that it can do, found listeners that wait for an",
        "19:5: clients[1]: expected something that it can do, found listeners that leave\n",
        "21:5: timeline[0]: expected something that it can do, found a whole region or provider",
        "23:5: timeline[2]: expected something that it can do, found a whole region or provider",
        "24:5: timeline[3]: expected something that it can do, found `arrive`",
        "27:5: timeline[6]: expected something that it can do, found a clock that steps\n",
        "29:5: timeline[8]: expected something that it can do, found a whole region",
        "30:5: timeline[9]: expected something that it can do, found a whole region as one end\n",
        "31:5: timeline[10]: expected something that it can do, found a whole region as one end\n",
    };
    for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++)
        cr_expect_not_null(strstr(faults_text(&faults), found[i]), "%s in\n%s", found[i],
                           faults_text(&faults));
    cr_expect_null(strstr(faults_text(&faults), "timeline[1]"), "healing it was spelled out");
    scenario_free(&s);
}

Test(scenario_wide, lies_are_not_for_every_runner) {
    static const char text[] = "{name: x, duration: 5s, clusters: [{name: a}, {name: b},\n"
                               "{name: c, lies: {of: a, says: misses}}]}";
    struct scenario s;
    struct scenario_abilities can = {.runner = "it"};
    static char out[4096];
    parse(text, &s);
    cr_expect_eq(s.clusters[2].lies.says, SCENARIO_LIE_MISSES);
    cr_expect_eq(s.clusters[2].lies.of, 0);
    scenario_describe(&s, out, sizeof(out));
    cr_expect_not_null(strstr(out, "c: 1 x 2 workers, says falsely that it misses a\n"), "%s", out);
    cr_expect_not(scenario_check_abilities(&s, &can, &faults));
    cr_expect_not_null(strstr(faults_text(&faults), "clusters[2].lies: expected something that it "
                                                    "can do, found a cluster that lies\n"),
                       "%s", faults_text(&faults));
    can.lies = true;
    cr_expect(scenario_check_abilities(&s, &can, &faults));
    scenario_free(&s);
}

/* The head is one line; what a row adds begins on line 2. */
#define HEAD                                                                                       \
    "{name: x, duration: 10s, clusters: [{name: fra1, region: de}, {name: ams1}], clients: "       \
    "[{name: l}], "
#define EVENT  HEAD "timeline: [\n{at: 1s, "
#define EXPECT HEAD "expectations:\n{"
#define LINK   HEAD "links: [\n{between: all, "
#define ROWS   "{name: x, duration: 10s, clusters: [\n"

static const struct {
    const char *what, *text, *faults;
} refused[] = {
    {"a city", ROWS "{name: a, place: frankfrut}, {name: b, place: xyzzy}]}",
     "2:18: clusters[0].place: expected a city such as frankfurt, or {latitude: …, longitude: …}, "
     "found `frankfrut` (did you mean `frankfurt`?)\n"
     "2:47: clusters[1].place: expected a city such as frankfurt, or {latitude: …, longitude: …}, "
     "found `xyzzy` (a city that is not known has to be given by its coordinates)\n"},
    {"half a place", ROWS "{name: a, place: {latitude: 91}}]}",
     "2:18: clusters[0].place.longitude: expected a number from -180 to 180, found no key "
     "`longitude` (it is required)\n"
     "2:29: clusters[0].place.latitude: expected a number from -90 to 90, found `91`\n"},
    {"lies",
     ROWS "{name: a, lies: {of: a, says: hears}},\n{name: b, lies: {of: c, says: hears}},\n"
          "{name: d, lies: {of: a, says: nothing}}]}",
     "2:22: clusters[0].lies.of: expected another cluster, found `a`, the cluster itself\n"
     "3:22: clusters[1].lies.of: expected a cluster of this scenario, found `c`\n"
     "4:31: clusters[2].lies.says: expected one of truth, hears, misses, found `nothing`\n"},
    {"two clusters of one name", ROWS "{name: eu, count: 3},\n{name: eu2}]}",
     "3:8: clusters[1].name: expected names that differ from those of all other clusters, found "
     "`eu2` again (first on line 2)\n"},
    {"too many clusters", ROWS "{name: eu, count: 1024, nearest: 5}, {name: us}]}",
     "2:38: clusters[1]: expected at most 1024 clusters, found 1025\n"},
    {"a name without room", ROWS "{name: a234567890123456789012345678901, count: 2}]}",
     "2:8: clusters[0].name: expected a name that has room for a number, found "
     "`a234567890123456789012345678901`\n"},
    {"peers and nearest",
     ROWS "{name: a, peers: b, nearest: 3}, {name: b}, {name: c, elsewhere: 1},\n"
          "{name: d, nearest: 1, elsewhere: 2}]}",
     "2:30: clusters[0].nearest: expected either `peers` or `nearest`, found both\n"
     "2:66: clusters[2].elsewhere: expected at most as many as `nearest`, found no `nearest`\n"
     "3:34: clusters[3].elsewhere: expected at most as many as `nearest`, found more\n"},
    {"overrides that do not fit what they inherit",
     "{name: x, duration: 10s, detection: {detect_within: 200ms}, clusters: [\n"
     "{name: a, detection: {interval: 150ms}}, {name: b, detection: 5s},\n"
     "{name: c, limits: {hedge_mx: 1s}}]}",
     "2:33: clusters[0].detection.interval: expected interval to fit at least twice into "
     "detect_within, so that one may be lost, found interval: 150ms and detect_within: 200ms\n"
     "2:63: clusters[1].detection: expected a mapping: the detection, found `5s`\n"
     "3:20: clusters[2].limits.hedge_mx: expected a key of the limits, found unknown key "
     "`hedge_mx` (did "
     "you mean `hedge_max`?)\n"},
    {"bursts",
     LINK "loss_burst: 4},\n{between: all, loss: 90%, loss_burst: 1.5},\n"
          "{between: all, loss: 1%, loss_burst: 3, gilbert_elliott: {enter: 1%, leave: 9%}},\n"
          "{between: all, loss: 1%, loss_burst: half}]}",
     "2:28: links[0].loss_burst: expected beside it a `loss` that bursts of this length can make, "
     "found none\n"
     "3:39: links[1].loss_burst: expected beside it a `loss` that bursts of this length can make, "
     "found more\n"
     "4:58: links[2].gilbert_elliott: expected either `loss_burst` or `gilbert_elliott`, found "
     "both\n"
     "5:38: links[3].loss_burst: expected a number from 1 to 100000, found `half`\n"},
    {"one way of all", LINK "one_way: true, rate: 5kbit}]}",
     "2:25: links[0].one_way: expected two ends, the sending one first, found `between: all`\n"
     "2:37: links[0].rate: expected a bit rate from 1kbit/s to 4000Mbit/s, found `5kbit` (unknown "
     "unit `kbit`: known are bit/s, kbit/s, Mbit/s; did you mean `kbit/s`?)\n"},
    {"outages", LINK "outages: {least: 5s, longest: 2s, shape: 0}}]}",
     "2:25: links[0].outages.every: expected a duration from 1ms to 365d, found no key `every` "
     "(it is required)\n"
     "2:57: links[0].outages.shape: expected a number from 0.1 to 100, found `0`\n"},
    {"a region that is none", HEAD "links: [\n{between: [fra1, d]}, {between: [de, nl]}]}",
     "2:18: links[0].between[1]: expected all, clients, a region, a cluster or a group of clients "
     "of this scenario, found `d`\n"
     "2:38: links[1].between[1]: expected all, clients, a region, a cluster or a group of clients "
     "of this scenario, found `nl`\n"},
    {"a target region",
     EVENT "kill: {region: dee}}, {at: 2s, drain: {provider: fra2}},\n"
           "{at: 3s, stop: {region: de, provider: fra1}}]}",
     "2:25: timeline[0].kill.region: expected a region of this scenario, found `dee` (did you mean "
     "`de`?)\n"
     "2:59: timeline[1].drain.provider: expected a provider of this scenario, found `fra2` (did "
     "you "
     "mean `fra1`?)\n"
     "3:16: timeline[2].stop: expected exactly one of site, peerd, node, worker, region and "
     "provider, found several\n"},
    {"lists of instants",
     HEAD "timeline: [\n{at: [], kill: fra1}, {at: [1s, 11s], kill: fra1},\n"
          "{at: [[1s]], kill: fra1}]}",
     "2:6: timeline[0].at: expected an instant such as 5s, or {between: [4s, 6s]}, or a list of "
     "them, found a list\n"
     "2:33: timeline[1].at[1]: expected an instant before the end of the scenario at 10s, found "
     "11s\n"
     "3:7: timeline[2].at[0]: expected an instant such as 5s, or {between: [4s, 6s]}, or a list of "
     "them, found a list\n"},
    {"who arrives",
     EVENT "arrive: ll}, {at: 1s, leave: {count: 3}}, {at: 1s, arrive: {group: l, vanish: true}}]}",
     "2:18: timeline[0].arrive: expected all, a group of clients of this scenario, found `ll` (did "
     "you mean `all`?)\n"
     "2:39: timeline[1].leave.group: expected a name (up to 31 of a-z 0-9 - _ .), found no key "
     "`group` (it is required)\n"
     "2:80: timeline[2].arrive.vanish: expected a key of who arrives, found unknown key `vanish` "
     "(known are group, count, spread)\n"},
    {"who is moved",
     EVENT "move: l}, {at: 1s, move: {group: all, to: ams1}}, {at: 1s, move: {group: l, number: 9, "
           "to: eu}},\n{at: 1s, move: {group: l, whom: 1}}]}",
     "2:16: timeline[0].move: expected who is moved: a mapping (keys with values), found a single "
     "value\n"
     "2:43: timeline[1].move.group: expected a group of clients of this scenario, found `all`\n"
     "2:94: timeline[2].move.number: expected a number below 1, which is how many there are, found "
     "9\n"
     "2:101: timeline[2].move.to: expected a cluster of this scenario, found `eu`\n"
     "3:16: timeline[3].move.to: expected a name (up to 31 of a-z 0-9 - _ .), found no key `to` "
     "(it "
     "is required)\n"
     "3:27: timeline[3].move.whom: expected a key of who is moved, found unknown key `whom` (known "
     "are group, number, to)\n"},
    {"clocks",
     EVENT
     "clock: {cluster: fra1}}, {at: 1s, clock: {forward: 1s}},\n"
     "{at: 1s, clock: {cluster: fra1, forward: 1s, back: 2s}},\n"
     "{at: 1s, clock: {cluster: fra2, drift: 5}}, {at: 1s, clock: {cluster: fra2, drift: 5ppm}}]}",
     "2:17: timeline[0].clock: expected one of forward and back, or drift, found none of them\n"
     "2:51: timeline[1].clock: expected one of cluster, region and provider, found none or "
     "several\n"
     "3:17: timeline[2].clock: expected one of forward and back, or drift, found forward and back\n"
     "4:40: timeline[3].clock.drift: expected a drift such as 50ppm or -50ppm, up to 100000ppm, "
     "found `5`\n"
     "4:71: timeline[4].clock.cluster: expected all, serving, last, a cluster of this scenario, "
     "found `fra2` (did you mean `fra1`?)\n"},
    {"leaving before arriving",
     "{name: x, duration: 10s, clusters: [{name: a}], clients: [\n{start: 5s, leave: 4s}, {leave: "
     "11s}]}",
     "2:20: clients[0].leave: expected an instant after `start`, found an earlier one\n"
     "2:33: clients[1].leave: expected an instant before the end of the scenario at 10s, found "
     "11s\n"},
    {"verdicts",
     EXPECT "verdicts: [{of: fra2, verdict: crash, by: [all, ams2], from: 5s, until: 2s}]}}",
     "2:18: expectations.verdicts[0].of: expected a cluster of this scenario, found `fra2` (did "
     "you "
     "mean `fra1`?)\n"
     "2:33: expectations.verdicts[0].verdict: expected one of unknown, alive, suspect, headless, "
     "crashed, partitioned, degraded, draining, found `crash` (did you mean `crashed`?)\n"
     "2:45: expectations.verdicts[0].by[0]: expected a cluster of this scenario, found `all`\n"
     "2:50: expectations.verdicts[0].by[1]: expected a cluster of this scenario, found `ams2` (did "
     "you mean `ams1`?)\n"
     "2:74: expectations.verdicts[0].until: expected from to be at most until, found from: 5s and "
     "until: 2s\n"},
    {"what a group hears", EXPECT "clients: [{gap_max: 1s}, {of: m, served_at_end: ams2}]}}",
     "2:12: expectations.clients[0].of: expected a name (up to 31 of a-z 0-9 - _ .), found no key "
     "`of` (it is required)\n"
     "2:32: expectations.clients[1].of: expected all, a group of clients of this scenario, found "
     "`m`\n"
     "2:50: expectations.clients[1].served_at_end: expected a cluster of this scenario, found "
     "`ams2` (did you mean `ams1`?)\n"},
    {"whom one is compared with",
     EXPECT "clients: [{of: l, loses_at_most: l}, {of: l, loses_at_most: all}]}}",
     "2:35: expectations.clients[0].loses_at_most: expected another group, found `l`, which is the "
     "one that is judged\n"
     "2:62: expectations.clients[1].loses_at_most: expected a group of clients of this scenario, "
     "found `all`\n"},
    {"moves", EXPECT "moves: [{from: fra2, to: l, max: 1}]}}",
     "2:17: expectations.moves[0].from: expected a cluster of this scenario, found `fra2` (did you "
     "mean `fra1`?)\n"
     "2:27: expectations.moves[0].to: expected a cluster of this scenario, found `l`\n"},
};

Test(scenario_wide, refuses) {
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct scenario s;
        enum err err = scenario_parse(refused[i].text, strlen(refused[i].text), "f", &s, &faults);
        cr_expect_eq(err, ERR_BAD_POLICY, "%s", refused[i].what);
        cr_expect_str_eq(faults_text(&faults), refused[i].faults, "%s:\n%s", refused[i].what,
                         faults_text(&faults));
        cr_expect_null(s.clusters, "nothing is left to free");
    }
}
