#include "peerd/sim/network.h"

#include "test/unit/sim_fixture.h"

#include <stdlib.h>

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

#define BYTES 200

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
    struct way_fate fate;
    struct duration delay;
    begin(&f);
    cr_expect(sim_network_delay(&f.network, FRA1, AMS1, &delay) && delay.us == 20000);
    cr_assert(sim_network_send(&f.network, FRA1, AMS1, BYTES, instant_us(1000), &fate));
    cr_expect_eq(fate.count, 1);
    cr_expect_eq(fate.arrivals[0].at.us, 21000);
    cr_expect(sim_network_delay(&f.network, FRA1, AMS1, &delay) && delay.us == 20000);
    cr_expect_eq(f.network.state_count, 0, "delay alone needs no state");
    cr_expect_not(sim_network_delay(&f.network, FRA1, NEAR, &delay));
    finish(&f);
}

/* A listener's last mile is one: what is lost of one cluster's packets is lost of another's. */
Test(sim_network, an_access_loses_of_everybody_at_once) {
    static const char with_access[] =
        "name: net\n"
        "duration: 10s\n"
        "clusters: [{name: fra1}, {name: ams1}, {name: lon1}]\n"
        "clients:\n"
        "  - {name: near, access: {loss: 20%, loss_burst: 50}}\n"
        "  - {name: far}\n"
        "links: [{between: [clients, lon1], loss: 20%, loss_burst: 50}]\n";
    static struct faults faults;
    struct fixture f;
    struct way_fate fate;
    uint32_t alike[2] = {0}, lost = 0;
    cr_assert_eq(scenario_parse(with_access, strlen(with_access), "f", &f.scenario, &faults),
                 ERR_OK);
    sim_network_init(&f.network, &f.scenario, 1);
    for (int i = 0; i < 20000; i++) {
        struct instant now = instant_us(i * 1000);
        bool down = sim_network_send(&f.network, FRA1, NEAR, BYTES, now, &fate);
        alike[0] += down == sim_network_send(&f.network, AMS1, NEAR, BYTES, now, &fate);
        alike[1] += down == sim_network_send(&f.network, NEAR, FRA1, BYTES, now, &fate);
        cr_assert(sim_network_send(&f.network, FRA1, FAR, BYTES, now, &fate));
        lost += !down;
    }
    cr_expect(lost > 3000 && lost < 5000, "%u lost", lost);
    cr_expect_gt(alike[0], 19000, "a burst ends in the middle at times: %u", alike[0]);
    cr_expect(alike[1] > 11000 && alike[1] < 16000, "up is another way than down: %u", alike[1]);
    finish(&f);
}

Test(sim_network, loses_what_it_says_and_never_reorders) {
    struct fixture f;
    struct way_fate fate;
    struct instant before = instant_us(0);
    int arrived = 0, spread = 0;
    begin(&f);
    for (int i = 0; i < 10000; i++) {
        struct instant now = instant_us(i * 500);
        if (!sim_network_send(&f.network, NEAR, FRA1, BYTES, now, &fate))
            continue;
        struct instant at = fate.arrivals[0].at;
        arrived++;
        int64_t took = instant_since(at, now).us;
        cr_assert(at.us >= before.us && took >= 30000 && took <= 40000, "took %ld", (long)took);
        spread += took > 33000;
        before = at;
    }
    cr_expect(arrived > 7300 && arrived < 7700, "%d of 10000 at a quarter lost", arrived);
    cr_expect(spread > 1000, "there is jitter");
    cr_expect_eq(f.network.state_count, 1, "of the one way that was used");
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

static int64_t takes(struct fixture *f, uint32_t from, uint32_t to, int64_t now_ms) {
    struct way_fate fate;
    struct instant now = instant_us(now_ms * 1000);
    cr_assert(sim_network_send(&f->network, from, to, BYTES, now, &fate));
    return instant_since(fate.arrivals[0].at, now).us;
}

Test(sim_network, a_link_changes_on_its_own) {
    struct fixture f;
    begin(&f);
    cr_expect_eq(takes(&f, AMS1, FRA1, 0), 20000);
    sim_network_link(&f.network, &f.scenario.events[5].link, instant_us(0));
    cr_expect_eq(takes(&f, AMS1, FRA1, 1), 3500);
    cr_expect_eq(takes(&f, FRA1, AMS1, 1), 3500);
    cr_expect_eq(takes(&f, AMS1, LON1, 1), 20000);
    finish(&f);
}

Test(sim_network, a_link_changes_one_way_alone_if_asked) {
    struct fixture f;
    begin(&f);
    f.scenario.events[5].link.one_way = true;
    sim_network_link(&f.network, &f.scenario.events[5].link, instant_us(0));
    cr_expect_eq(takes(&f, FRA1, AMS1, 1), 3500);
    finish(&f);
}

Test(sim_network, keeps_the_order_of_a_way_that_changes) {
    struct fixture f;
    struct scenario_link nearer;
    begin(&f);
    nearer = f.scenario.links[1];
    nearer.rtt = duration_ms(2);
    nearer.quality = (struct path_quality){.delay = duration_ms(1)};
    f.scenario.links[1].quality.loss_ppm = 0;
    sim_network_free(&f.network);
    sim_network_init(&f.network, &f.scenario, 1);
    int64_t arrives = takes(&f, NEAR, FRA1, 100) + 100000;
    sim_network_link(&f.network, &nearer, instant_us(101000));
    cr_expect_eq(takes(&f, NEAR, FRA1, 101) + 101000, arrives, "nobody overtakes");
    cr_expect_eq(takes(&f, NEAR, FRA1, 200), 1000);
    cr_expect_eq(takes(&f, FAR, FRA1, 200), 1000, "a way that is used later has changed, too");
    finish(&f);
}

/* Every packet twice, and every one again later. */
Test(sim_network, brings_copies) {
    struct fixture f;
    struct way_fate fate;
    begin(&f);
    f.scenario.links[0].quality = (struct path_quality){
        .duplicate_ppm = 1000000, .replay_ppm = 1000000, .replay_in = duration_s(5)};
    cr_assert(sim_network_send(&f.network, FRA1, AMS1, BYTES, instant_us(0), &fate));
    cr_assert_eq(fate.count, 3);
    cr_expect_eq(fate.arrivals[0].at.us, 20000);
    cr_expect_eq(fate.arrivals[1].copy, WAY_COPY_DUPLICATE);
    cr_expect_eq(fate.arrivals[2].copy, WAY_COPY_REPLAY);
    finish(&f);
}

Test(sim_network, a_stream_pays_for_loss_with_time_and_gives_up_at_last) {
    static const struct {
        const char *what;
        struct path_quality quality;
        int64_t least_ms, most_ms; /* −1: it gives up */
    } rows[] = {
        {"nothing is lost", {.duplicate_ppm = 1000000}, 60, 60},
        {"half is lost", {.loss_ppm = 500000}, 60, 60 + 3 * 3000},
        {"everything is lost", {.loss_ppm = 1000000}, -1, -1},
        {"everything, in a burst", {.bursts = {1000000, 0, 1000000, 0}}, -1, -1},
        {"an outage for an hour", {.outages = {{1}, {3600000000}, {3600000000}, 1500}}, -1, -1},
        {"an outage of half a second", {.outages = {{1}, {500000}, {500000}, 1500}}, 600, 2200},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        struct instant at, now = instant_us(0);
        begin(&f);
        f.scenario.links[0].quality = rows[i].quality;
        sim_network_stream(&f.network, AMS1, LON1, 1, now, &at); /* its clock begins */
        now = instant_us(100000);
        bool through = sim_network_stream(&f.network, AMS1, LON1, 3, now, &at);
        int64_t took = through ? duration_in_ms(instant_since(at, now)) : -1;
        cr_expect(took >= rows[i].least_ms && took <= rows[i].most_ms, "%s: %ld ms", rows[i].what,
                  (long)took);
        finish(&f);
    }
}

/* A thousand clusters and a thousand groups: what is not used costs next to nothing. */
Test(sim_network, holds_two_thousand_ends) {
    enum {
        CLUSTERS = 1000,
        GROUPS = 1000
    };
    struct scenario scenario = {.cluster_count = CLUSTERS, .client_group_count = GROUPS};
    struct scenario_link all = {.ends = {{.index = SCENARIO_ALL}, {.index = SCENARIO_ALL}},
                                .end_count = 2,
                                .rtt_given = true,
                                .rtt = duration_ms(30),
                                .quality = {.delay = duration_ms(15), .jitter = duration_ms(4)}};
    struct sim_network n;
    struct way_fate fate;
    scenario.clusters = calloc(CLUSTERS, sizeof(*scenario.clusters));
    scenario.clients = calloc(GROUPS, sizeof(*scenario.clients));
    scenario.links = &all;
    scenario.link_count = 1;
    sim_network_init(&n, &scenario, 1);
    for (uint32_t from = 0; from < CLUSTERS; from++)
        for (uint32_t k = 1; k <= 20; k++) {
            cr_assert(sim_network_send(&n, from, (from + k * 37) % CLUSTERS, BYTES, instant_us(0),
                                       &fate));
            cr_assert(sim_network_send(&n, from, CLUSTERS + (from + k) % GROUPS, BYTES,
                                       instant_us(0), &fate));
        }
    cr_expect_eq(n.state_count, 40000);
    size_t bytes = n.state_room * sizeof(*n.states) +
                   (size_t)n.end_count * n.end_count * sizeof(*n.ways) +
                   (size_t)n.end_count * n.end_count / 8;
    cr_expect(bytes < 64 << 20, "%zu MiB", bytes >> 20);
    sim_network_link(&n, &all, instant_us(1));
    sim_network_free(&n);
    free(scenario.clusters);
    free(scenario.clients);
}
