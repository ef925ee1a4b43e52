/* Scenarios that are refused: each fault at its place, what was expected there and what found. */
#include "peerd/sim/scenario.h"

#include "test/unit/policy_fixture.h"

#include <criterion/criterion.h>

static struct faults faults;

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

Test(scenario_refused, one_by_one) {
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct scenario s;
        enum err err = scenario_parse(refused[i].text, strlen(refused[i].text), "f", &s, &faults);
        cr_expect_eq(err, ERR_BAD_POLICY, "%s", refused[i].what);
        cr_expect_str_eq(faults_text(&faults), refused[i].faults, "%s:\n%s", refused[i].what,
                         faults_text(&faults));
        cr_expect_null(s.clusters, "nothing is left to free");
    }
}

Test(scenario_refused, many_clusters_need_lists_of_peers) {
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
