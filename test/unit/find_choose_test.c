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
