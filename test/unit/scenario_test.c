#include "peerd/sim/scenario.h"

#include "test/unit/policy_fixture.h"

#include <criterion/criterion.h>

static struct faults faults;

static const char whole[] = "name: site-dies\n"
                            "description: The serving site dies; nobody hears it.\n"
                            "seed: 7\n"
                            "duration: 20s\n"
                            "detection: {detect_within: 300ms, interval: 50ms}\n"
                            "clusters:\n"
                            "  - {name: fra1, provider: acme, peers: ams1}\n"
                            "  - {name: ams1, workers: 3, nodes: 2, capacity: 50}\n"
                            "  - {name: lon1, peers: [ams1]}\n"
                            "links:\n"
                            "  - {between: all, rtt: 10ms, jitter: 2ms}\n"
                            "  - {between: [clients, fra1], rtt: 30ms, loss: 0.5%}\n"
                            "  - {between: [near, fra1], rtt: 1ms}\n"
                            "clients:\n"
                            "  - {count: 10, start: {between: [0s, 1s]}, spread: true}\n"
                            "  - {name: near, open_at: [lon1, ams1], profile: pcmu, "
                            "protection: cold}\n"
                            "timeline:\n"
                            "  - {at: {between: [4s, 6s]}, kill: serving, blackhole: true}\n"
                            "  - {at: 10s, restart: last}\n"
                            "  - {at: 11s, kill: {worker: ams1, number: 5}}\n"
                            "  - {at: 12s, drain: ams1, deadline: 5s}\n"
                            "  - {at: 13s, partition: {from: fra1, to: [ams1, clients], "
                            "one_way: true}}\n"
                            "  - {at: 14s, heal: all}\n"
                            "  - {at: 15s, heal: fra1}\n"
                            "  - {at: 16s, link: {between: [fra1, ams1], loss: 5%}}\n"
                            "  - {at: 17s, stop: {peerd: ams1}}\n"
                            "  - {at: 18s, blackhole: lon1}\n"
                            "expectations:\n"
                            "  frames_lost_max: 0\n"
                            "  gap_max: 0ms\n"
                            "  all_served_by: 1s\n"
                            "  moves: [{cause: crashed, min: 1, of: near}, {max: 3}]\n"
                            "  must_not_move: near\nperformance: {locations_max: 0}\n";

static void parse(const char *text, struct scenario *s) {
    enum err err = scenario_parse(text, strlen(text), "f", s, &faults);
    cr_assert_eq(err, ERR_OK, "%s", faults_text(&faults));
}

Test(scenario, its_tables_are_sound) {
    const char *defect = schema_table_defect(&scenario_table);
    cr_expect_null(defect, "%s", defect);
}

Test(scenario, reads_all_of_it) {
    struct scenario s;
    parse(whole, &s);
    cr_expect_str_eq(s.name.text, "site-dies");
    cr_expect(s.seed_given && s.seed == 7);
    cr_expect_eq(s.duration.us, 20000000);
    cr_expect_eq(s.detection.interval.us, 50000);
    cr_expect_eq(s.limits.hedge_ms_max, 500, "defaults as in a policy");
    cr_assert_eq(s.cluster_count, 3);
    cr_expect_str_eq(s.clusters[0].identity.provider.text, "acme");
    cr_expect_str_eq(s.clusters[0].identity.region.text, "fra1", "a domain of its own");
    cr_expect_eq(s.clusters[1].workers, 3);
    cr_assert_eq(s.profile_count, 2);
    cr_expect_str_eq(s.profiles[0].name.text, "opus");
    cr_expect_eq(s.sources[0].tone.us, 30000000);
    cr_expect_str_eq(s.services[0].name.text, "radio");
    cr_assert_eq(s.client_group_count, 2);
    cr_expect_str_eq(s.clients[0].name.text, "clients1");
    cr_expect_str_eq(s.clients[0].profile.text, "opus");
    cr_expect_eq(s.clients[0].buffer.us, 200000);
    cr_expect_eq(s.clients[0].start.to.us, 1000000);
    cr_expect_eq(s.clients[1].open_at_count, 2);
    cr_expect_eq(s.clients[1].open_at[0], 2);
    cr_expect_eq(s.clients[1].open_at[1], 1);
    cr_expect_eq(s.clients[1].protection, PROTECTION_COLD);
    scenario_free(&s);
}

Test(scenario, reads_the_timeline) {
    struct scenario s;
    parse(whole, &s);
    cr_assert_eq(s.event_count, 10);
    const struct scenario_event *e = s.events;
    cr_expect_eq(e[0].verb, SCENARIO_VERB_KILL);
    cr_expect_eq(e[0].target.cluster, SCENARIO_SERVING);
    cr_expect_eq(e[0].target.part, SCENARIO_PART_SITE);
    cr_expect(e[0].blackhole);
    cr_expect_eq(e[0].at.from.us, 4000000);
    cr_expect_eq(e[0].at.to.us, 6000000);
    cr_expect_eq(e[0].mark.line, 18);
    cr_expect_eq(e[1].verb, SCENARIO_VERB_RESTART);
    cr_expect_eq(e[1].target.cluster, SCENARIO_LAST);
    cr_expect_eq(e[2].target.part, SCENARIO_PART_WORKER);
    cr_expect_eq(e[2].target.cluster, 1);
    cr_expect_eq(e[2].target.number, 5);
    cr_expect_eq(e[3].verb, SCENARIO_VERB_DRAIN);
    cr_expect_eq(e[3].deadline.us, 5000000);
    cr_expect_eq(e[4].verb, SCENARIO_VERB_PARTITION);
    cr_expect(e[4].cut.one_way);
    cr_expect_eq(e[4].cut.from[0].index, 0);
    cr_expect_eq(e[4].cut.to_count, 2);
    cr_expect_eq(e[4].cut.to[1].index, SCENARIO_CLIENTS);
    cr_expect_eq(e[5].verb, SCENARIO_VERB_HEAL);
    cr_expect_eq(e[5].cut.from_count, 0, "everything");
    cr_expect_eq(e[6].cut.from[0].index, 0);
    cr_expect_eq(e[6].cut.to[0].index, SCENARIO_ALL);
    cr_expect_eq(e[7].link.quality.loss_ppm, 50000);
    cr_expect_eq(e[7].link.ends[1].index, 1);
    cr_expect_eq(e[8].verb, SCENARIO_VERB_STOP);
    cr_expect_eq(e[8].target.part, SCENARIO_PART_PEERD);
    cr_expect_eq(e[9].verb, SCENARIO_VERB_BLACKHOLE);
    cr_expect_eq(e[9].target.cluster, 2);
    cr_expect_not(e[9].blackhole);
    const struct scenario_expectations *x = &s.expectations;
    cr_expect(x->frames_lost_max_given && x->gap_max_given && x->all_served_by_given);
    cr_expect_not(x->detect_max_given || x->hedges_max_given);
    cr_expect_eq(x->moves[0].of_index, 1);
    cr_expect_eq(x->moves[0].max, UINT32_MAX);
    cr_expect_eq(x->moves[1].of_index, SCENARIO_ALL);
    cr_expect_eq(x->moves[1].max, 3);
    cr_expect_eq(x->must_not_move[0], 1);
    scenario_free(&s);
}

Test(scenario, clients_ask_in_turn) {
    struct scenario s;
    uint32_t order[SCENARIO_OPEN_AT_MAX];
    parse(whole, &s);
    cr_expect_eq(scenario_client_order(&s, 0, 0, order), 3);
    cr_expect(order[0] == 0 && order[1] == 1 && order[2] == 2);
    scenario_client_order(&s, 0, 4, order);
    cr_expect(order[0] == 1 && order[1] == 2 && order[2] == 0);
    cr_expect_eq(scenario_client_order(&s, 1, 4, order), 2);
    cr_expect(order[0] == 2 && order[1] == 1, "not spread");
    scenario_free(&s);
}

Test(scenario, instants_are_drawn_within_their_bounds) {
    const struct scenario_when fixed = {duration_s(5), duration_s(5)};
    const struct scenario_when between = {duration_us(10), duration_us(12)};
    cr_expect_eq(scenario_instant(&fixed, UINT64_MAX).us, 5000000);
    cr_expect_eq(scenario_instant(&between, 0).us, 10);
    cr_expect_eq(scenario_instant(&between, 2).us, 12);
    cr_expect_eq(scenario_instant(&between, 3).us, 10);
}

Test(scenario, makes_a_policy_for_each_cluster) {
    static struct policy p;
    struct scenario s;
    parse(whole, &s);
    scenario_policy(&s, 0, &p);
    cr_expect_str_eq(p.cluster.name.text, "fra1");
    cr_assert_eq(p.peer_count, 1, "its own list leaves lon1 out");
    cr_expect_str_eq(p.peers[0].name.text, "ams1");
    cr_expect(p.peers[0].accept_moves && p.peers[0].offer_moves);
    cr_expect_eq(p.detection.detect_within.us, 300000);
    cr_expect_eq(p.services[0].capacity, 1000);
    cr_expect_eq(p.profile_count, 2);
    cr_expect_str_eq(p.sources[0].name.text, "tone");
    cr_expect_eq(p.node_count, 1);
    scenario_policy(&s, 1, &p);
    cr_expect_eq(p.peer_count, 2);
    cr_expect_eq(p.services[0].capacity, 50);
    cr_expect_eq(p.node_count, 2);
    cr_expect_str_eq(p.nodes[1].name.text, "n2");
    scenario_free(&s);
}

Test(scenario, describes_itself) {
    static char out[8192];
    struct scenario s;
    parse(whole, &s);
    size_t len = scenario_describe(&s, out, sizeof(out));
    cr_expect_eq(len, strlen(out));
    cr_expect_str_eq(
        out,
        "site-dies: The serving site dies; nobody hears it.\n"
        "  lasts     20s, seed 7\n"
        "  clusters  fra1, ams1, lon1\n"
        "  detection detected within 300ms, beats every 50ms\n"
        "  limits    leases: session 5s, credit 5min, node 2s; drain deadline 30s; a second: 200 "
        "opens, 100 drained; a minute: 6000 moves to fare better\n"
        "  service   radio: capacity 1000\n"
        "  cluster   fra1: 1 x 2 workers, provider acme, peers: ams1\n"
        "  cluster   ams1: 2 x 3 workers, capacity 50\n"
        "  cluster   lon1: 1 x 2 workers, peers: ams1\n"
        "  link      all: rtt 10ms, jitter 2ms\n"
        "  link      clients and fra1: rtt 30ms, loss 0.5%\n"
        "  link      near and fra1: rtt 1ms\n"
        "  clients   10 x clients1: radio opus of tone, buffer 200ms, at all in turn, from "
        "0ms..1s\n"
        "  clients   1 x near: radio pcmu of tone, buffer 200ms, at lon1, ams1, from 0ms, cold\n"
        "  at 4s..6s: kill site serving, blackholed\n"
        "  at 10s: restart site last\n"
        "  at 11s: kill worker 5 of ams1\n"
        "  at 12s: drain site ams1 within 5s\n"
        "  at 13s: partition fra1 to ams1, clients\n"
        "  at 14s: heal all\n"
        "  at 15s: heal fra1 from all\n"
        "  at 16s: link fra1 and ams1: its rtt, loss 5%\n"
        "  at 17s: stop peerd ams1\n"
        "  at 18s: blackhole site lon1\n"
        "  expects   at most 0 frames lost\n"
        "  expects   no gap over 0ms\n"
        "  expects   everybody served from 1s\n"
        "  expects   1 or more moves, cause crashed, of near\n"
        "  expects   0 to 3 moves, cause any, of all\n"
        "  expects   no move of near\n",
        "%s", out);
    scenario_free(&s);
}

/* What starts a machine has, and how far away others may be, has an end. */
Test(scenario, a_runner_refuses_what_is_too_much) {
    static const struct scenario_abilities can = {
        .runner = "it", .links = true, .workers_max = 8, .rtt_max = {2000000}};
    static const struct {
        const char *what, *clusters, *links, *faults;
    } rows[] = {
        {"as many workers as it can", "[{name: a, nodes: 2, workers: 3}, {name: b}]", "[]", ""},
        {"one more", "[{name: a, nodes: 7, workers: 1}, {name: b}]", "[]",
         "3:45: clusters[1]: expected something that it can do, found 9 workers, more than 8\n"},
        {"as far as it can", "[{name: a}, {name: b}]", "[{between: all, rtt: 2s}]", ""},
        {"further, by the second row", "[{name: a}, {name: b}]",
         "[{between: all, rtt: 1s}, {between: [a, b], rtt: 3s}]",
         "4:34: links: expected something that it can do, found a round trip of up to 3s between "
         "clusters, more than 2s\n"},
        {"further, but not in force", "[{name: a}, {name: b}]",
         "[{between: all, rtt: 3s}, {between: [a, b], rtt: 1s}]", ""},
        {"further one way", "[{name: a}, {name: b}]", "[{between: [b, a], rtt: 4s, one_way: true}]",
         "4:9: links: expected something that it can do, found a round trip of up to 2010ms "
         "between "
         "clusters, more than 2s\n"},
        {"further by jitter", "[{name: a}, {name: b}]", "[{between: all, rtt: 1s, jitter: 600ms}]",
         "4:9: links: expected something that it can do, found a round trip of up to 2200ms "
         "between clusters, more than 2s\n"},
        {"further from listeners only", "[{name: a}, {name: b}]", "[{between: [c, a], rtt: 9s}]",
         ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scenario s;
        char text[512];
        snprintf(text, sizeof(text),
                 "name: t\nduration: 2s\nclusters: %s\nlinks: %s\nclients: [{name: c}]\n",
                 rows[i].clusters, rows[i].links);
        parse(text, &s);
        bool able = scenario_check_abilities(&s, &can, &faults);
        cr_expect_str_eq(faults_text(&faults), rows[i].faults, "%s: %s", rows[i].what,
                         faults_text(&faults));
        cr_expect_eq(able, rows[i].faults[0] == '\0', "%s", rows[i].what);
        scenario_free(&s);
    }
}

Test(scenario, a_runner_refuses_what_it_cannot_do) {
    struct scenario s;
    struct scenario_abilities can = {
        .runner = "the live runner", .clients_max = 10, .clusters_max = 2};
    parse(whole, &s);
    can.verbs[SCENARIO_VERB_KILL] = can.verbs[SCENARIO_VERB_RESTART] = true;
    can.verbs[SCENARIO_VERB_DRAIN] = can.verbs[SCENARIO_VERB_HEAL] = true;
    can.parts[SCENARIO_PART_SITE] = true;
    cr_expect_not(scenario_check_abilities(&s, &can, &faults));
    faults_sort(&faults);
    cr_expect_str_eq(
        faults_text(&faults),
        "9:5: clusters[2]: expected something that the live runner can do, found 3 clusters, more "
        "than 2\n"
        "11:5: links: expected something that the live runner can do, found delay, jitter or loss "
        "of a link\n"
        "12:5: links: expected something that the live runner can do, found delay, jitter or loss "
        "of a link\n"
        "13:5: links: expected something that the live runner can do, found delay, jitter or loss "
        "of a link\n"
        "16:5: clients[1]: expected something that the live runner can do, found 11 clients, more "
        "than 10\n"
        "18:5: timeline[0]: expected something that the live runner can do, found `blackhole`\n"
        "20:5: timeline[2]: expected something that the live runner can do, found to kill a "
        "worker\n"
        "22:5: timeline[4]: expected something that the live runner can do, found `partition` (it "
        "can kill, restart, drain, heal)\n"
        "25:5: timeline[7]: expected something that the live runner can do, found `link` (it can "
        "kill, restart, drain, heal)\n"
        "26:5: timeline[8]: expected something that the live runner can do, found `stop` (it can "
        "kill, restart, drain, heal)\n"
        "27:5: timeline[9]: expected something that the live runner can do, found `blackhole` (it "
        "can kill, restart, drain, heal)\n",
        "%s", faults_text(&faults));
    for (enum scenario_verb v = 0; v < SCENARIO_VERB_COUNT; v++)
        can.verbs[v] = true;
    for (enum scenario_part p = 0; p < SCENARIO_PART_COUNT; p++)
        can.parts[p] = true;
    can.links = true;
    can.clients_max = can.clusters_max = 0;
    faults_init(&faults, "f");
    cr_expect(scenario_check_abilities(&s, &can, &faults));
    cr_expect_not(faults_any(&faults));
    scenario_free(&s);
}

/* The head is one line; what a row adds begins on line 2. */
#define HEAD   "{name: x, duration: 10s, clusters: [{name: fra1}, {name: ams1}], "
#define EVENT  HEAD "timeline: [\n{at: 1s, "
#define EXPECT HEAD "expectations:\n{"

static const struct {
    const char *what, *text, *faults;
} refused[] = {
    {"nothing but a name", "name: x\n",
     "1:1: clusters: expected a list, found no key `clusters` (it is required)\n"
     "1:1: duration: expected a duration from 1s to 30d, found no key `duration` (it is "
     "required)\n"},
    {"no UTF-8", "name: x\n# \xc3\xa4 \xff\n",
     "2:5: expected text in UTF-8, found invalid leading UTF-8 octet\n"},
    {"no clusters", "name: x\nduration: 5s\nclusters: []\n",
     "3:11: clusters: expected at least one element, found an empty list\n"},
    {"a word as a name",
     "name: x\nduration: 5s\nclusters: [{name: serving}, {name: b}, "
     "{name: b}]\n",
     "3:19: clusters[0].name: expected a name other than all, clients, last, nearest, none and "
     "serving, "
     "found `serving`, a word of this format\n"
     "3:47: clusters[2].name: expected a name that differs from all others in `clusters`, "
     "found "
     "`b` again (first on line 3)\n"},
    {"peers", "name: x\nduration: 5s\nclusters: [{name: a, peers: [a, c]}, {name: b, peers: a}]\n",
     "3:30: clusters[0].peers[0]: expected another cluster, found `a`, the cluster itself\n"
     "3:33: clusters[0].peers[1]: expected a cluster of this scenario, found `c`\n"
     "3:55: clusters[1].peers: expected a peering that both sides list, found `a`, which "
     "leaves "
     "this one out\n"},
    {"an instant without unit", EVENT "kill: fra1}, {at: 5, kill: fra1}]}",
     "2:28: timeline[1].at: expected a duration from 0s to 30d, found `5` (a bare number has "
     "no "
     "unit: write 5ms or 5s)\n"},
    {"instants",
     HEAD "timeline: [\n{at: {between: [2s, 1s]}, kill: fra1},\n"
          "{at: {between: [2s]}, kill: fra1},\n{at: [1s, 2s], kill: fra1},\n"
          "{at: {from: 1s}, kill: fra1},\n{at: 11s, kill: fra1}]}",
     "2:16: timeline[0].at.between: expected two instants, the earlier one first, found the "
     "later one first\n"
     "3:16: timeline[1].at.between: expected two instants, the earlier one first, found one\n"
     "5:6: timeline[3].at.between: expected a list, found no key `between` (it is required)\n"
     "5:7: timeline[3].at.from: expected a key of an instant such as 5s, or {between: [4s, "
     "6s]}, found unknown key `from` (known are between)\n"
     "6:6: timeline[4].at: expected an instant before the end of the scenario at 10s, found "
     "11s\n"},
    {"target that is none", EVENT "kill: fra}]}",
     "2:16: timeline[0].kill: expected all, serving, last, a cluster of this scenario, found "
     "`fra` (did you mean `fra1`?)\n"},
    {"two targets", EVENT "kill: {peerd: fra1, worker: fra1}}]}",
     "2:16: timeline[0].kill: expected exactly one of site, peerd, node, worker, region and "
     "provider, found several\n"},
    {"a target of nothing", EVENT "kill: {number: 1}}]}",
     "2:16: timeline[0].kill: expected exactly one of site, peerd, node, worker, region and "
     "provider, found none of them\n"},
    {"a worker that is not there", EVENT "kill: {worker: fra1, number: 2}}]}",
     "2:39: timeline[0].kill.number: expected a number below 2, which is how many there are, "
     "found 2\n"},
    {"a worker cannot be drained", EVENT "drain: {worker: fra1}}]}",
     "2:17: timeline[0].drain: expected a whole site to drain, found a worker\n"},
    {"nothing happens", EVENT "deadline: 5s}]}",
     "2:1: timeline[0]: expected something to happen, such as kill: fra1, found no key that "
     "says so\n"},
    {"two things happen", EVENT "kill: fra1, drain: ams1}]}",
     "2:29: timeline[0].drain: expected one thing to happen in each entry, found `drain` "
     "beside "
     "`kill`\n"},
    {"an unknown thing happens", EVENT "kil: fra1}]}",
     "2:1: timeline[0]: expected something to happen, such as kill: fra1, found no key that "
     "says so\n"
     "2:10: timeline[0].kil: expected a key of an entry of the timeline, found unknown key "
     "`kil` (did you mean `kill`?)\n"},
    {"options of others", EVENT "kill: {peerd: fra1}, blackhole: true, deadline: 5s}]}",
     "2:42: timeline[0].blackhole: expected blackhole: true only beside the kill of a site, "
     "found it beside `kill`\n"
     "2:58: timeline[0].deadline: expected a deadline only beside `drain`, found it beside "
     "`kill`\n"},
    {"heal", EVENT "heal: al}]}",
     "2:16: timeline[0].heal: expected all, serving, last, a cluster of this scenario, found "
     "`al` (did you mean `all`?)\n"},
    {"a partition of one side", EVENT "partition: {from: fra1}}]}",
     "2:21: timeline[0].partition.to: expected a value or a list, found no key `to` (it is "
     "required)\n"},
    {"links",
     HEAD "links: [\n{between: [fra1]},\n{between: fra1},\n{between: [fra1, amS]},\n"
          "{between: [fra1, am1], loss: 101%, rtt: 5%}]}",
     "2:11: links[0].between: expected all, or two of: a cluster, a region, a group of clients, "
     "clients, "
     "found a list of 1\n"
     "3:11: links[1].between: expected all, or two of: a cluster, a region, a group of clients, "
     "clients, "
     "found `fra1`\n"
     "4:18: links[2].between[1]: expected a name (up to 31 of a-z 0-9 - _ .), found `amS` "
     "(small letters only)\n"
     "5:18: links[3].between[1]: expected all, clients, a region, a cluster or a group of clients "
     "of "
     "this "
     "scenario, found `am1` (did you mean `ams1`?)\n"
     "5:30: links[3].loss: expected a percentage from 0% to 100%, found `101%`\n"
     "5:41: links[3].rtt: expected a duration from 0s to 10s, found `5%` (`%` makes it a "
     "percentage)\n"},
    {"clients",
     HEAD "clients: [\n{name: a, profile: opsu, source: tune, service: radoi,\n"
          "open_at: fra2, start: 11s, buffer: 200},\n{name: a}]}",
     "2:20: clients[0].profile: expected the name of a profile of this scenario, found `opsu` "
     "(did you mean `opus`?)\n"
     "2:34: clients[0].source: expected the name of a source of this scenario, found `tune` "
     "(did you mean `tone`?)\n"
     "2:49: clients[0].service: expected the name of a service of this scenario, found `radoi` "
     "(did you mean `radio`?)\n"
     "3:10: clients[0].open_at: expected a cluster of this scenario, found `fra2` (did you "
     "mean "
     "`fra1`?)\n"
     "3:23: clients[0].start: expected an instant before the end of the scenario at 10s, found "
     "11s\n"
     "3:36: clients[0].buffer: expected a duration from 20ms to 10s, found `200` (a bare "
     "number "
     "has no unit: write 200ms or 200s)\n"
     "4:8: clients[1].name: expected a name that differs from all others in `clients`, found "
     "`a` again (first on line 2)\n"},
    {"sources",
     HEAD "sources: [\n{name: a}, {name: b, tone: 5s, location: /x}, "
          "{name: c, tone: 5s, class: live}, {name: d, tone: 5, class: seekable},\n"
          "{name: e, location: x, class: push}, {name: f, class: live}]}",
     "2:1: sources[0]: expected either `location` or `tone`, found neither\n"
     "2:42: sources[1].location: expected either `location` or `tone`, found both\n"
     "2:74: sources[2].class: expected exact, as every tone is, found `live`\n"
     "2:97: sources[3].tone: expected a duration from 1s to 1h, found `5` (a bare number has no "
     "unit: write 5ms or 5s)\n"
     "2:107: sources[3].class: expected exact, as every tone is, found `seekable`\n"
     "3:31: sources[4].class: expected exact or seekable, found `push`, which no worker serves "
     "yet\n"
     "3:38: sources[5]: expected either `location` or `tone`, found neither\n"
     "3:55: sources[5].class: expected exact or seekable, found `live`, which no worker serves "
     "yet\n"},
    {"expectations",
     EXPECT "frames_lost_max: 2%, gap_max: 5, moves: [{cause: crash, min: 3, max: 2, of: x}], "
            "must_not_move: y}}",
     "2:19: expectations.frames_lost_max: expected a whole number, found `2%` (it has no "
     "unit)\n"
     "2:32: expectations.gap_max: expected a duration from 0s to 1d, found `5` (a bare number "
     "has no unit: write 5ms or 5s)\n"
     "2:51: expectations.moves[0].cause: expected one of any, drain, degraded, crashed, "
     "partitioned, return, found `crash` (did you mean `crashed`?)\n"
     "2:71: expectations.moves[0].max: expected min to be at most max, found min: 3 and max: 2\n"
     "2:78: expectations.moves[0].of: expected a group of clients of this scenario, found `x`\n"
     "2:98: expectations.must_not_move: expected all, a group of clients of this scenario, "
     "found `y`\n"},
    {"a link to itself", HEAD "links: [\n{between: [ams1, ams1]}, {between: [fra1, clients]}]}",
     "2:18: links[0].between[1]: expected two ends that differ, found `ams1` again\n"},
    {"a verdict on itself",
     EXPECT "verdicts: [{of: fra1, verdict: crashed, by: [ams1, fra1]}, {of: ams1, verdict: alive, "
            "by: all}]}}",
     "2:53: expectations.verdicts[0].by[1]: expected another cluster, found `fra1`, which is the "
     "one that is judged\n"},
    {"after the end",
     EXPECT
     "all_served_by: 11s, verdicts: [{of: fra1, verdict: crashed, from: 12s, never: true}],\n"
     "clients: [{of: all, all_served_by: 10s}, {of: all, all_served_by: 13s}]}}",
     "2:17: expectations.all_served_by: expected an instant before the end of the scenario at 10s, "
     "found 11s\n"
     "2:68: expectations.verdicts[0].from: expected an instant before the end of the scenario at "
     "10s, found 12s\n"
     "3:67: expectations.clients[1].all_served_by: expected an instant before the end of the "
     "scenario at 10s, found 13s\n"},
    {"sources that no worker serves",
     HEAD "sources: [\n{name: a, location: /x, class: live}, {name: b, class: push}]}",
     "2:32: sources[0].class: expected exact or seekable, found `live`, which no worker serves "
     "yet\n"
     "2:56: sources[1].class: expected exact or seekable, found `push`, which no worker serves "
     "yet\n"},
    {"an origin of what has one, and one too far",
     HEAD "sources: [\n{name: a, location: http://h/a.wav, origin: 20ms},\n"
          "{name: b, tone: 5s, origin: 1s}]}",
     "2:45: sources[0].origin: expected a file or a tone, which is put onto a server of its own, "
     "found `http://h/a.wav`, which has one\n"
     "3:29: sources[1].origin: expected a duration from 1ms to 400ms, found `1s`\n"},
    {"a protection that there is not", HEAD "clients: [\n{protection: boiling}]}",
     "2:14: clients[0].protection: expected one of cold, warm, hot, found `boiling`\n"},
    {"what any run meets",
     EXPECT "must_not_move: [], moves: [{cause: drain}], clients: [{of: all}], verdicts: []}}",
     "2:17: expectations.must_not_move: expected at least one, found an empty list (any run would "
     "do)\n"
     "2:29: expectations.moves[0]: expected a `min` of at least 1, or a `max`, found neither (any "
     "run would do)\n"
     "2:56: expectations.clients[0]: expected `frames_lost_max`, `gap_max`, `all_served_by`, "
     "`served_at_end` or `loses_at_most`, found none of them (any run would do)\n"
     "2:78: expectations.verdicts: expected at least one, found an empty list (any run would "
     "do)\n"},
    {"expected after the end",
     EXPECT "moves: [{min: 1, by: 11s}], verdicts: [{of: fra1, verdict: alive, until: 50s}]}}",
     "2:23: expectations.moves[0].by: expected an instant before the end of the scenario at 10s, "
     "found 11s\n"
     "2:75: expectations.verdicts[0].until: expected an instant before the end of the scenario at "
     "10s, found 50s\n"},
    {"a cluster like a region",
     "name: x\nduration: 5s\nclusters: [{name: a, region: b}, {name: b}, {name: c, region: c}]\n",
     "3:30: clusters[0].region: expected a name for this region that nothing else has, found `b`, "
     "as a cluster is called\n"},
    {"a group like a cluster or a region",
     "name: x\nduration: 5s\nclusters: [{name: a, region: eu}]\nclients: [{name: a}, {name: eu}]\n",
     "4:18: clients[0].name: expected a name for this group that nothing else has, found `a`, as a "
     "cluster is called\n"
     "4:29: clients[1].name: expected a name for this group that nothing else has, found `eu`, as "
     "a region is called\n"},
    {"a region called all", "name: x\nduration: 5s\nclusters: [{name: a, region: all}]\n",
     "3:30: clusters[0].region: expected a name other than all, clients, last, nearest, none and "
     "serving, found `all`, a word of this format\n"},
    {"cut off from itself", EVENT "partition: {from: [ams1, fra1], to: fra1}}]}",
     "2:46: timeline[0].partition.to: expected sides that have no end in common, found `fra1` on "
     "both\n"},
    {"listeners cut off from listeners", EVENT "partition: {from: clients, to: clients}}]}",
     "2:41: timeline[0].partition.to: expected sides that have no end in common, found `clients` "
     "on both\n"},
    {"nobody waits",
     HEAD "clients: [{name: l}], timeline: [\n{at: 1s, arrive: l}, "
          "{at: 1s, arrive: all}]}",
     "2:18: timeline[0].arrive: expected listeners with `start: waiting`, found `l`, who come by "
     "themselves\n"
     "2:39: timeline[1].arrive: expected listeners with `start: waiting`, found `all`, who come by "
     "themselves\n"},
    {"more than there are",
     HEAD "clients: [{name: l, count: 2, start: waiting}, {name: k}], timeline: [\n"
          "{at: 1s, arrive: {group: l, count: 3}}, {at: 2s, leave: {group: k, count: 2}},\n"
          "{at: 2s, arrive: {group: all, count: 3}}, {at: 2s, leave: {group: all, count: 4}}]}",
     "2:36: timeline[0].arrive.count: expected at most 2, which is how many there are, found 3\n"
     "2:75: timeline[1].leave.count: expected at most 1, which is how many there are, found 2\n"
     "3:38: timeline[2].arrive.count: expected at most 2, which is how many there are, found 3\n"
     "3:79: timeline[3].leave.count: expected at most 3, which is how many there are, found 4\n"},
    {"a region in place of a cluster",
     "name: x\nduration: 5s\nclusters: [{name: a, region: eu, provider: acme}]\n"
     "timeline: [{at: 1s, kill: eu}, {at: 1s, drain: acme}]\n",
     "4:27: timeline[0].kill: expected all, serving, last, a cluster of this scenario, found `eu` "
     "(for all clusters of a region write {region: eu})\n"
     "4:48: timeline[1].drain: expected all, serving, last, a cluster of this scenario, found "
     "`acme` (for all clusters of a provider write {provider: acme})\n"},
    {"fewer than least", EXPECT "moves: [{min: 3, max: 2}]}}",
     "2:24: expectations.moves[0].max: expected min to be at most max, found min: 3 and max: 2\n"},
};

Test(scenario, refuses) {
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct scenario s;
        enum err err = scenario_parse(refused[i].text, strlen(refused[i].text), "f", &s, &faults);
        cr_expect_eq(err, ERR_BAD_POLICY, "%s", refused[i].what);
        cr_expect_str_eq(faults_text(&faults), refused[i].faults, "%s:\n%s", refused[i].what,
                         faults_text(&faults));
        cr_expect_null(s.clusters, "nothing is left to free");
    }
}

Test(scenario, many_clusters_need_lists_of_peers) {
    static char text[100000];
    struct scenario s;
    size_t at = (size_t)snprintf(text, sizeof(text), "name: x\nduration: 5s\nclusters:\n");
    for (int i = 0; i < 66; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, "  - {name: c%d%s}\n", i,
                               i > 0 ? ", peers: c0" : "");
    cr_expect_eq(scenario_parse(text, at, "f", &s, &faults), ERR_BAD_POLICY);
    cr_expect_str_eq(strchr(faults_text(&faults), '\n') + 1, "", "one fault");
    cr_expect_str_eq(faults.list[0].path, "clusters[0].peers");
    at = (size_t)snprintf(text, sizeof(text), "name: x\nduration: 5s\nclusters:\n");
    for (int i = 0; i < 70; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, "  - {name: c%d}\n", i);
    cr_expect_eq(scenario_parse(text, at, "f", &s, &faults), ERR_BAD_POLICY);
    cr_expect_str_eq(
        faults_text(&faults),
        "69:5: clusters[65].peers: expected a list of peers, `nearest` or `chooses`, since "
        "there are more than 65 clusters, found no key `peers`\n",
        "%s", faults_text(&faults));
}

Test(scenario, verbs_and_parts_have_names) {
    for (enum scenario_verb v = 0; v < SCENARIO_VERB_COUNT; v++)
        cr_expect_str_neq(scenario_verb_name(v), "unknown");
    for (enum scenario_part p = 0; p < SCENARIO_PART_COUNT; p++)
        cr_expect_str_neq(scenario_part_name(p), "unknown");
    cr_expect_str_eq(scenario_verb_name(SCENARIO_VERB_COUNT), "unknown");
    cr_expect_str_eq(scenario_cause_name(SCENARIO_CAUSE_PARTITIONED), "partitioned");
}

/* Both runners draw from this, so that a seed means the same instants in either. */
Test(scenario, a_seed_draws_the_same_instants_for_everybody) {
    struct rng a, b, other;
    scenario_draws(&a, 7);
    scenario_draws(&b, 7);
    scenario_draws(&other, 8);
    const struct scenario_when when = {duration_s(8), duration_s(10)};
    for (int i = 0; i < 20; i++) {
        struct duration first = scenario_instant(&when, rng_u64(&a));
        cr_expect_eq(first.us, scenario_instant(&when, rng_u64(&b)).us);
        cr_expect_neq(first.us, scenario_instant(&when, rng_u64(&other)).us);
        cr_expect(first.us >= when.from.us && first.us <= when.to.us);
    }
}
