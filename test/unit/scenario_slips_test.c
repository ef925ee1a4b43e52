/* Slips in scenarios that would let a run do, or ask, nothing. */
#include "peerd/sim/scenario.h"

#include "test/unit/policy_fixture.h"

#include <criterion/criterion.h>
#include <string.h>

static struct faults faults;

#define HEAD   "{name: x, duration: 10s, clusters: [{name: fra1}, {name: ams1}], "
#define EXPECT HEAD "expectations:\n{"

static const struct {
    const char *what, *text, *faults;
} refused[] = {
    {"verdicts that nothing asks for",
     EXPECT "verdicts: [{of: fra1, verdict: crashed, may: true}]}}",
     "2:47: expectations.verdicts[0].may: expected `verdicts_only` beside it, found none (any run "
     "would do)\n"},
    {"liars about what is not there",
     HEAD "clients: [\n{name: l, lies: {of: fra2, says: misses, from: 11s}}]}",
     "2:22: clients[0].lies.of: expected a cluster of this scenario, found `fra2` (did you mean "
     "`fra1`?)\n2:48: clients[0].lies.from: expected an instant before the end of the scenario at "
     "10s, found 11s\n"},
    {"a curve of too few beats", HEAD "curve: {\ndetect_within: [400ms, 150ms]}}",
     "2:24: curve.detect_within[1]: expected at least twice `detection.interval`, found 150ms\n"},
    {"undone before it is done",
     HEAD "timeline: [\n{at: 1s, restart: fra1}, {at: 2s, kill: fra1}]}",
     "2:19: timeline[0].restart: expected what an earlier entry has killed, found `fra1`, which "
     "none has\n"},
    {"undone of another part",
     HEAD "timeline: [\n{at: 1s, kill: {peerd: fra1}}, {at: 2s, restart: {node: fra1}}]}",
     "2:50: timeline[1].restart: expected what an earlier entry has killed, found `fra1`, which "
     "none has\n"},
    {"undone what was done to others",
     HEAD "timeline: [\n{at: 1s, stop: fra1}, {at: 2s, continue: ams1}]}",
     "2:42: timeline[1].continue: expected what an earlier entry has stopped, found `ams1`, which "
     "none has\n"},
    {"healed what is whole", HEAD "timeline: [\n{at: 1s, kill: fra1}, {at: [2s, 3s], heal: fra1}]}",
     "2:44: timeline[1].heal: expected what an earlier entry has cut off, found `fra1`, which none "
     "has\n"},
    {"resolvers that nobody asks", HEAD "timeline: [\n{at: 1s, dns: {does: lies}}]}",
     "2:15: timeline[0].dns: expected `discovery`, without which nobody asks a resolver, found "
     "none\n"},
    {"resolvers of nobody, that do nothing",
     HEAD "discovery: {ttl: 2s}, timeline: [\n{at: 1s, dns: {cluster: fra1}},\n"
          "{at: 1s, dns: {cluster: fra2, does: fails}},\n"
          "{at: 1s, dns: {cluster: fra1, region: ams1, does: fails}}]}",
     "2:15: timeline[0].dns.does: expected one of answers, fails, silent, forgets, lies, found no "
     "key `does` (it is required)\n"
     "3:25: timeline[1].dns.cluster: expected all, serving, last, a cluster of this scenario, "
     "found `fra2` (did you mean `fra1`?)\n"
     "4:15: timeline[2].dns: expected one of cluster, region and provider, or none for all, found "
     "several\n"},
    {"discovery beside what it would find",
     "{name: x, duration: 10s, discovery: {keep: 5s}, clusters: [\n{name: fra1, nearest: 1}, "
     "{name: ams1, peers: fra1}],\ntimeline: [{at: 1s, rekey: fra1}, {at: [2s, 3s], policy: "
     "{cluster: fra1, nodes: 1}}]}",
     "2:23: clusters[0].nearest: expected peers that DNS names, as `discovery` says, found a "
     "choice "
     "of them\n"
     "2:47: clusters[1].peers: expected peers that DNS names, as `discovery` says, found a choice "
     "of them\n"
     "3:28: timeline[0].rekey: expected keys that stay, beside `discovery`, found another one\n"
     "3:58: timeline[1].policy: expected policies that stay, beside `discovery`, found another "
     "one\n"},
    {"a TTL that DNS cannot say",
     "{name: x, duration: 10s, clusters: [{name: a}], discovery:\n{ttl: 1500ms}}",
     "2:7: discovery.ttl: expected whole seconds, as DNS counts, found parts of one\n"},
    {"more clusters than may be found",
     "{name: x, duration: 10s, discovery: {}, clusters: [{name: a},\n{name: b, count: 40}]}",
     "2:1: clusters[1]: expected at most 32 clusters with `discovery`, found 41\n"},
};

Test(scenario_slips, refuses) {
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct scenario s;
        enum err err = scenario_parse(refused[i].text, strlen(refused[i].text), "f", &s, &faults);
        cr_expect_eq(err, ERR_BAD_POLICY, "%s", refused[i].what);
        cr_expect_str_eq(faults_text(&faults), refused[i].faults, "%s:\n%s", refused[i].what,
                         faults_text(&faults));
        cr_expect_null(s.clusters, "nothing is left to free");
    }
}
