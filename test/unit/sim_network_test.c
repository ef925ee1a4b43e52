#include "peerd/sim/network.h"

#include "test/unit/sim_fixture.h"

static const char text[] =
    "name: net\n"
    "duration: 10s\n"
    "clusters: [{name: fra1}, {name: ams1}, {name: lon1}]\n"
    "links:\n"
    "  - {between: all, rtt: 40ms}\n"
    "  - {between: [clients, fra1], rtt: 60ms, jitter: 10ms, loss: 25%}\n"
    "clients: [{name: near, count: 1}, {name: far, count: 1}]\n"
    "timeline:\n"
    "  - {at: 1s, partition: {from: fra1, to: [ams1, near], one_way: true}}\n"
    "  - {at: 2s, partition: {from: ams1, to: lon1}}\n"
    "  - {at: 3s, heal: fra1}\n"
    "  - {at: 4s, heal: {from: lon1, to: ams1}}\n"
    "  - {at: 5s, heal: all}\n"
    "  - {at: 6s, link: {between: [fra1, ams1], rtt: 7ms}}\n";

enum {
    FRA1,
    AMS1,
    LON1,
    NEAR,
    FAR
};

struct fixture {
    struct scenario scenario;
    struct sim_network network;
};

static void begin(struct fixture *f) {
    static struct faults faults;
    cr_assert_eq(scenario_parse(text, strlen(text), "f", &f->scenario, &faults), ERR_OK);
    sim_network_init(&f->network, &f->scenario, 1);
}

static void finish(struct fixture *f) {
    sim_network_free(&f->network);
    scenario_free(&f->scenario);
}

Test(sim_network, takes_half_a_round_trip_each_way) {
    struct fixture f;
    struct sim_flow flow = {.arrived = instant_us(0)};
    struct instant at;
    begin(&f);
    cr_assert(sim_network_send(&f.network, FRA1, AMS1, &flow, instant_us(1000), &at));
    cr_expect_eq(at.us, 21000);
    finish(&f);
}

Test(sim_network, loses_what_it_says_and_never_reorders) {
    struct fixture f;
    struct sim_flow flow = {.arrived = instant_us(0)};
    struct instant at, before = instant_us(0);
    int arrived = 0, spread = 0;
    begin(&f);
    for (int i = 0; i < 10000; i++) {
        struct instant now = instant_us(i * 500);
        if (!sim_network_send(&f.network, NEAR, FRA1, &flow, now, &at))
            continue;
        arrived++;
        int64_t took = instant_since(at, now).us;
        cr_assert(at.us >= before.us && took >= 30000 && took <= 40000, "took %ld", (long)took);
        spread += took > 33000;
        before = at;
    }
    cr_expect(arrived > 7300 && arrived < 7700, "%d of 10000 at a quarter lost", arrived);
    cr_expect(spread > 1000, "there is jitter");
    finish(&f);
}

Test(sim_network, cuts_and_heals) {
    static const struct {
        const char *what;
        int entries; /* of the timeline, applied so far */
        uint32_t from, to;
        bool open;
    } rows[] = {
        {"nothing yet", 0, FRA1, AMS1, true},
        {"one way: that way", 1, FRA1, AMS1, false},
        {"one way: not the other", 1, AMS1, FRA1, true},
        {"one way: a group", 1, FRA1, NEAR, false},
        {"one way: not another group", 1, FRA1, FAR, true},
        {"both ways: there", 2, AMS1, LON1, false},
        {"both ways: back", 2, LON1, AMS1, false},
        {"a cluster healed", 3, FRA1, NEAR, true},
        {"another is not", 3, AMS1, LON1, false},
        {"between two healed, from either side", 4, AMS1, LON1, true},
        {"all healed", 5, FRA1, AMS1, true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        begin(&f);
        for (int k = 0; k < rows[i].entries; k++) {
            const struct scenario_event *e = &f.scenario.events[k];
            if (e->verb == SCENARIO_VERB_PARTITION)
                sim_network_partition(&f.network, &e->cut);
            else
                sim_network_heal(&f.network, &e->cut);
        }
        cr_expect_eq(sim_network_open(&f.network, rows[i].from, rows[i].to), rows[i].open, "%s",
                     rows[i].what);
        finish(&f);
    }
}

Test(sim_network, a_dark_cluster_is_reached_by_nobody_until_healed) {
    struct fixture f;
    struct instant at;
    begin(&f);
    f.network.dark[FRA1] = true;
    cr_expect_not(sim_network_open(&f.network, NEAR, FRA1));
    cr_expect_not(sim_network_open(&f.network, FRA1, LON1));
    cr_expect(sim_network_open(&f.network, NEAR, AMS1));
    cr_expect_not(sim_network_stream(&f.network, NEAR, FRA1, 3, instant_us(0), &at));
    sim_network_heal(&f.network, &f.scenario.events[3].cut); /* of others */
    cr_expect_not(sim_network_open(&f.network, NEAR, FRA1));
    sim_network_heal(&f.network, &f.scenario.events[2].cut);
    cr_expect(sim_network_open(&f.network, NEAR, FRA1));
    finish(&f);
}

Test(sim_network, a_link_changes_on_its_own) {
    struct fixture f;
    struct sim_flow flow = {.arrived = instant_us(0)}, other = flow;
    struct instant at;
    begin(&f);
    sim_network_link(&f.network, &f.scenario.events[5].link);
    sim_network_send(&f.network, AMS1, FRA1, &flow, instant_us(0), &at);
    cr_expect_eq(at.us, 3500);
    sim_network_send(&f.network, AMS1, LON1, &other, instant_us(0), &at);
    cr_expect_eq(at.us, 20000);
    finish(&f);
}
