#include "topo/find.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/*
 * More clusters are found than may be peers.
 */

static struct find f;
static struct find_config config;
static struct trace trace;
static struct instant now;

static void step(struct find_event *e) {
    static struct find_outbox outbox;
    e->now = now;
    find_step(&f, e, &outbox);
    find_check_invariants(&f);
}

static void pass(int64_t seconds) {
    for (int64_t i = 0; i < seconds * 10; i++) {
        now = instant_add(now, duration_ms(100));
        step(&(struct find_event){.kind = FIND_TICK});
    }
}

static struct name name_of(const char *text) {
    struct name n;
    cr_assert(name_set(&n, text));
    return n;
}

static struct find_key key_of(uint8_t number) {
    return (struct find_key){{number}};
}

/* A config that accepts everybody, and says of us where we are if `placed`. */
static void begin(uint32_t peers_max, bool placed) {
    trace_init(&trace);
    now = instant_us(1000);
    config = (struct find_config){.domain_count = 1,
                                  .rule_count = 1,
                                  .holder_count = 1,
                                  .peers_max = peers_max,
                                  .refresh_min = duration_s(5),
                                  .refresh_max = duration_s(300),
                                  .keep = duration_s(36000),
                                  .retire = duration_s(7200)};
    strcpy(config.domains[0].text, "a.test");
    strcpy(config.rules[0].pattern, "*");
    config.holders[0] = (struct find_holder){name_of("self"), key_of(1)};
    config.own = (struct find_facts){.provider = name_of("self"),
                                     .region = name_of("eu-central"),
                                     .placed = placed,
                                     .latitude_deg = 50.1,
                                     .longitude_deg = 8.7};
    find_init(&f, 7, &trace);
    step(&(struct find_event){.kind = FIND_CONFIGURED, .u.config = &config});
}

/* It is named, and says of itself where it is; without a region it does not. */
static void meet(const char *name, uint8_t number, const char *region, double latitude_deg,
                 double longitude_deg) {
    struct find_claim c = {.name = name_of(name), .key = key_of(number)};
    struct find_facts it = {.name = c.name,
                            .provider = c.name,
                            .region = name_of(region),
                            .placed = latitude_deg != 0,
                            .latitude_deg = latitude_deg,
                            .longitude_deg = longitude_deg};
    snprintf(c.beats.text, sizeof(c.beats.text), "%s:7600", name);
    snprintf(c.control.text, sizeof(c.control.text), "%s:7601", name);
    step(&(struct find_event){
        .kind = FIND_DOMAIN_TOLD,
        .u.told = {.domain = 0, .claims = &c, .count = 1, .ttl = duration_s(60)}});
    pass(1);
    step(&(struct find_event){.kind = FIND_DESCRIBED,
                              .u.fetch = {.key = key_of(number), .facts = &it}});
}

static bool is_peer(uint8_t number) {
    struct find_key key = key_of(number);
    const struct find_cluster *c = find_by_key(&f, &key);
    cr_assert_not_null(c);
    cr_expect(c->state == FIND_STATE_ACCEPTED || c->refusal == FIND_REFUSAL_FULL);
    return c->state == FIND_STATE_ACCEPTED;
}

Test(find_choose, of_many_those_are_taken_who_back_us_up_best_and_stay) {
    begin(2, true);
    meet("syd1", 10, "au", -33.9, 151.2);
    meet("gru1", 11, "br", -23.5, -46.6);
    meet("par1", 12, "eu-west", 48.9, 2.4);
    cr_expect(is_peer(10) && is_peer(11) && !is_peer(12), "first come, first served");
    pass(10);
    cr_expect(is_peer(12) && is_peer(10) != is_peer(11), "one of them has made room");
    meet("lon1", 13, "eu-north", 51.5, -0.1);
    cr_expect(!is_peer(13));
    pass(60);
    cr_expect(is_peer(12) && is_peer(13) && !is_peer(10) && !is_peer(11));
    uint64_t changes = f.counters.changes;
    meet("lux1", 14, "eu-small", 49.6, 6.1);
    pass(600);
    cr_expect(!is_peer(14), "it is nearer still, which is a trifle");
    cr_expect_eq(f.counters.changes, changes, "nobody comes and goes because of it");
}

Test(find_choose, who_falls_with_us_makes_room) {
    begin(1, true);
    meet("fra2", 10, "eu-central", 50.2, 8.8);
    meet("par1", 11, "eu-west", 48.9, 2.4);
    cr_expect(is_peer(10));
    pass(12);
    cr_expect(is_peer(11) && !is_peer(10));
}

Test(find_choose, who_does_not_say_where_it_is_displaces_nobody) {
    for (int placed = 0; placed <= 1; placed++) {
        begin(1, placed == 1);
        meet("ams1", 10, "eu-west", 0, 0);
        meet("bru1", 11, "eu-north", 0, 0);
        pass(200);
        cr_expect(is_peer(10) && !is_peer(11));
    }
}

/* ---- what our own experience says ------------------------------------------------------------ */

static struct find_clients clients;

static void tell_place(uint32_t number, uint32_t sessions, uint32_t rtt_ms) {
    struct find_location *l = &clients.locations[clients.location_count++];
    *l = (struct find_location){.sessions = sessions, .rtt_us = rtt_ms * 1000};
    l->location.addr.family = 4;
    l->location.addr.ip[0] = (uint8_t)number;
    l->location.bits = 24;
}

static void tell_peer(uint8_t number, bool heard, bool held, uint32_t cost) {
    clients.peers[clients.peer_count++] =
        (struct find_peer){.key = key_of(number), .heard = heard, .held = held, .cost = cost};
}

/* Until it is asked for next, and then it is told. */
static void choose_with_clients(void) {
    int64_t waited = 0;
    while (!find_wants_clients(&f, now) && waited++ < 70 * 10) {
        now = instant_add(now, duration_ms(100));
        if (!find_wants_clients(&f, now))
            step(&(struct find_event){.kind = FIND_TICK});
    }
    cr_assert(find_wants_clients(&f, now));
    step(&(struct find_event){.kind = FIND_CLIENTS, .u.clients = &clients});
    memset(&clients, 0, sizeof(clients));
}

/* One in Paris that is a peer, one in Sydney that is none; then clients in Sydney have measured it.
 */
Test(find_choose, who_is_near_our_clients_is_taken_not_who_is_near_us) {
    begin(1, true);
    meet("par1", 10, "eu-west", 48.9, 2.4);
    meet("syd1", 11, "au", -33.9, 151.2);
    meet("mel1", 12, "au-south", -37.8, 145.0);
    choose_with_clients();
    cr_expect(is_peer(10), "nobody has told of clients");
    tell_place(1, 50, 300);
    tell_peer(10, true, false, 0);
    clients.peers[0].placed = true;
    clients.peers[0].latitude_deg = -33.9; /* a landmark next to them, whatever it is */
    clients.peers[0].longitude_deg = 151.2;
    clients.locations[0].way_us[0] = 290000;
    choose_with_clients();
    cr_expect(is_peer(10) && !is_peer(11), "by way of it syd1 is as far");
    tell_place(1, 50, 300);
    tell_peer(11, true, false, 0);
    clients.locations[0].way_us[0] = 10000; /* syd1 was a peer for a while, and was measured */
    choose_with_clients();
    cr_expect(!is_peer(10) && is_peer(11));
}

Test(find_choose, few_clients_for_a_minute_change_nothing) {
    begin(1, true);
    meet("par1", 10, "eu-west", 48.9, 2.4);
    meet("syd1", 11, "au", -33.9, 151.2);
    for (int i = 0; i < 3; i++) {
        tell_place(1, 100, 10);
        tell_peer(10, true, true, 0);
        tell_peer(11, true, false, 0);
        clients.locations[0].way_us[0] = 15000;
        choose_with_clients();
    }
    tell_place(1, 100, 10); /* … and twice as many at the other end of the world */
    tell_place(2, 200, 300);
    tell_peer(10, true, true, 0);
    tell_peer(11, true, false, 0);
    clients.locations[0].way_us[0] = 15000;
    clients.locations[1].way_us[1] = 5000;
    choose_with_clients();
    cr_expect(is_peer(10) && !is_peer(11));
    for (int i = 0; i < 12; i++) {
        tell_place(1, 10, 10);
        tell_place(2, 200, 300);
        tell_peer(10, true, true, 0);
        clients.locations[0].way_us[0] = 15000;
        if (is_peer(11))
            break;
        choose_with_clients();
    }
    cr_expect(is_peer(11) && !is_peer(10), "they stay");
}

Test(find_choose, who_asks_less_is_taken_and_remembered) {
    begin(1, true);
    meet("par1", 10, "eu-west", 48.9, 2.4);
    meet("bru1", 11, "eu-north", 50.8, 4.4);
    choose_with_clients();
    cr_expect(is_peer(10));
    tell_peer(10, true, true, 900);
    choose_with_clients();
    cr_expect(!is_peer(10) && is_peer(11), "it asks too much");
    tell_peer(11, true, true, 3);
    choose_with_clients();
    choose_with_clients();
    cr_expect(is_peer(11), "and that is not forgotten");
}

Test(find_choose, who_is_not_heard_is_passed_over_but_not_by_one_who_is_cut_off) {
    begin(2, true);
    meet("par1", 10, "eu-west", 48.9, 2.4);
    meet("bru1", 11, "eu-north", 50.8, 4.4);
    meet("rom1", 12, "it", 41.9, 12.5);
    choose_with_clients();
    cr_expect(is_peer(10) && is_peer(11));
    for (int i = 0; i < 3; i++) {
        tell_peer(10, false, false, 0);
        tell_peer(11, false, false, 0);
        choose_with_clients();
    }
    cr_expect(is_peer(10) && is_peer(11), "nobody is heard: it is us");
    tell_peer(10, true, false, 0);
    tell_peer(11, false, false, 0);
    choose_with_clients();
    cr_expect(is_peer(10) && is_peer(12) && !is_peer(11));
    for (int i = 0; i < 5; i++)
        choose_with_clients();
    cr_expect(is_peer(12) && !is_peer(11), "nor asked again at once");
}

Test(find_choose, who_wants_us_is_taken_before_one_who_is_somewhat_nearer) {
    for (int wants = 0; wants <= 1; wants++) {
        begin(1, true);
        meet("gru1", 10, "br", -23.5, -46.6);
        meet("ams1", 11, "eu-west", 52.4, 4.9);
        meet("bru1", 12, "eu-north", 50.8, 4.4);
        if (wants == 1)
            clients.wanting[clients.wanting_count++] = key_of(11);
        choose_with_clients();
        cr_expect_eq(is_peer(11), wants == 1);
        cr_expect_eq(is_peer(12), wants == 0);
    }
}

Test(find_choose, with_whom_there_are_sessions_stays_longer) {
    for (int held = 0; held <= 1; held++) {
        begin(1, true);
        meet("par1", 10, "eu-west", 48.9, 2.4);
        meet("bru1", 11, "eu-north", 50.8, 4.4);
        choose_with_clients();
        tell_peer(10, true, held == 1, 4); /* 5/14 against 4/10, or 6/14 */
        choose_with_clients();
        cr_expect_eq(is_peer(10), held == 1);
    }
}
