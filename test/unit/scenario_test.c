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
