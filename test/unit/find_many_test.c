/* A thousand clusters that know each other, and peers who tell of more than there is room for. */
#include "topo/find.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define DOMAINS 4
#define EACH    250 /* clusters that a domain names */

static struct find f;
static struct find_config config;
static struct find_outbox outbox;
static struct trace trace;
static struct instant now;
static uint32_t fetches, domains_asked;
static bool answers; /* whoever is asked says what it is */

static void step(struct find_event event);

static struct find_key key(uint32_t number) {
    struct find_key out = {{0}};
    memcpy(out.bytes, &number, sizeof(number));
    return out;
}

static struct find_claim claim(uint32_t number) {
    struct find_claim out = {.key = key(number)};
    snprintf(out.name.text, sizeof(out.name.text), "c%u", (unsigned)number);
    snprintf(out.beats.text, sizeof(out.beats.text), "c%u:7600", (unsigned)number);
    snprintf(out.control.text, sizeof(out.control.text), "c%u:7601", (unsigned)number);
    return out;
}

/* Of thirty providers, twenty regions and ten upstreams, all over the world. */
static struct find_facts facts_of(const struct find_claim *c) {
    uint32_t number;
    struct find_facts out = {.name = c->name, .placed = true, .issued_s = 1};
    memcpy(&number, c->key.bytes, sizeof(number));
    snprintf(out.provider.text, sizeof(out.provider.text), "p%u", (unsigned)number % 30);
    snprintf(out.region.text, sizeof(out.region.text), "r%u", (unsigned)number % 20);
    out.upstream = 1 + number % 10;
    out.latitude_deg = (double)(number * 37 % 120) - 60;
    out.longitude_deg = (double)(number * 101 % 360) - 180;
    return out;
}

static void answer(const struct find_claim *c) {
    struct find_facts facts = facts_of(c);
    struct find_event event = {.kind = answers ? FIND_DESCRIBED : FIND_MISSED};
    event.u.fetch.key = c->key;
    event.u.fetch.facts = &facts;
    step(event);
}

static void answer_domain(uint32_t domain) {
    struct find_claim claims[EACH];
    for (uint32_t i = 0; i < EACH; i++)
        claims[i] = claim(100 + domain * EACH + i);
    step((struct find_event){
        .kind = FIND_DOMAIN_TOLD,
        .u.told = {.domain = domain, .claims = claims, .count = EACH, .ttl = duration_s(60)}});
}

static void step(struct find_event event) {
    event.now = now;
    find_step(&f, &event, &outbox);
    struct find_outbox wanted = outbox;
    for (uint32_t i = 0; i < wanted.count; i++) {
        if (wanted.items[i].kind == FIND_FETCH) {
            fetches++;
            answer(&wanted.items[i].u.fetch.claim);
        } else if (wanted.items[i].kind == FIND_ASK_DOMAIN) {
            domains_asked++;
            answer_domain(wanted.items[i].u.domain);
        }
    }
}

static void pass(struct duration d) {
    struct instant end = instant_add(now, d);
    for (struct instant at = find_deadline(&f); !instant_before(end, at); at = find_deadline(&f)) {
        now = instant_max(now, at);
        step((struct find_event){.kind = FIND_TICK});
    }
    now = end;
    find_check_invariants(&f);
}

static void begin(uint32_t domains) {
    config = (struct find_config){.domain_count = domains,
                                  .rule_count = 1,
                                  .holder_count = 1,
                                  .introduction = true,
                                  .peers_max = 20,
                                  .refresh_min = duration_s(5),
                                  .refresh_max = duration_s(300),
                                  .keep = duration_s(36000),
                                  .retire = duration_s(7200)};
    for (uint32_t i = 0; i < domains; i++)
        snprintf(config.domains[i].text, sizeof(config.domains[i].text), "d%u.test", (unsigned)i);
    strcpy(config.rules[0].pattern, "*");
    config.holders[0] = (struct find_holder){{"self"}, key(1)};
    config.own = (struct find_facts){.provider = {"own"},
                                     .region = {"home"},
                                     .upstream = 99,
                                     .placed = true,
                                     .latitude_deg = 50.1,
                                     .longitude_deg = 8.7};
    trace_init(&trace);
    find_init(&f, 7, &trace);
    now = instant_us(1000);
    fetches = domains_asked = 0;
    answers = true;
    step((struct find_event){.kind = FIND_CONFIGURED, .u.config = &config});
}

static uint32_t count(enum find_state state) {
    uint32_t out = 0;
    for (uint32_t i = 0; i < FIND_CLUSTERS_MAX; i++)
        out += f.clusters[i].used && f.clusters[i].state == state;
    return out;
}

Test(find_many, a_thousand_are_known_and_some_of_them_peers) {
    begin(DOMAINS);
    pass(duration_s(60)); /* one each 50 ms */
    cr_expect_eq(count(FIND_STATE_ACCEPTED), 20u);
    cr_expect_eq(count(FIND_STATE_REFUSED), 980u);
    uint32_t cursor = 0;
    pass(duration_s(120)); /* chosen: none falls with us, nor is far away */
    for (const struct find_cluster *c; (c = find_next_peer(&f, &cursor)) != NULL;)
        cr_expect(c->facts.latitude_deg > 15 && c->facts.longitude_deg > -60 &&
                      c->facts.longitude_deg < 80,
                  "%s at %.0f, %.0f", c->facts.name.text, c->facts.latitude_deg,
                  c->facts.longitude_deg);
    uint64_t changes = f.counters.changes;
    fetches = 0;
    pass(duration_s(1200));
    cr_expect(fetches > 1000 && fetches < 1200 * 3, "%u questions in 20 min", fetches);
    cr_expect_eq(f.counters.changes, changes, "nobody comes and goes");
}

static void introduce(uint32_t by, uint32_t number) {
    struct find_claim c = claim(number);
    struct find_facts facts = facts_of(&c);
    step((struct find_event){.kind = FIND_INTRODUCED,
                             .u.introduced = {.claim = &c, .facts = &facts, .by = key(by)}});
}

static uint32_t introduced_by(uint32_t by) {
    struct find_key k = key(by);
    uint32_t out = 0;
    for (uint32_t i = 0; i < FIND_CLUSTERS_MAX; i++)
        out += f.clusters[i].used && find_key_equal(&f.clusters[i].introducer, &k);
    return out;
}

/* All that they introduce answers, so that nobody is unreachable. */
Test(find_many, four_peers_fill_the_table_and_a_fifth_is_heard) {
    begin(0);
    for (uint32_t by = 0; by < 4; by++)
        for (uint32_t i = 0; i < 2 * FIND_INTRODUCED_MAX; i++)
            introduce(10 + by, 1000 * (by + 1) + i);
    pass(duration_s(90));
    cr_expect_eq(count(FIND_STATE_ACCEPTED) + count(FIND_STATE_REFUSED), FIND_CLUSTERS_MAX);
    for (uint32_t by = 0; by < 4; by++)
        cr_expect_eq(introduced_by(10 + by), FIND_INTRODUCED_MAX);
    for (uint32_t i = 0; i < 2 * FIND_INTRODUCED_MAX; i++)
        introduce(14, 8000 + i);
    for (uint32_t by = 0; by < 5; by++)
        cr_expect(introduced_by(10 + by) >= FIND_CLUSTERS_MAX / 5 - 8 &&
                      introduced_by(10 + by) <= FIND_CLUSTERS_MAX / 5 + 8,
                  "%u", introduced_by(10 + by));
    cr_expect_eq(count(FIND_STATE_ACCEPTED), 20u, "nobody who is a peer makes room");
}

Test(find_many, whom_a_domain_names_is_let_in_before_those_who_were_introduced) {
    begin(0);
    for (uint32_t by = 0; by < 4; by++)
        for (uint32_t i = 0; i < FIND_INTRODUCED_MAX; i++)
            introduce(10 + by, 1000 * (by + 1) + i);
    pass(duration_s(90));
    config.domain_count = DOMAINS;
    for (uint32_t i = 0; i < DOMAINS; i++)
        snprintf(config.domains[i].text, sizeof(config.domains[i].text), "d%u.test", (unsigned)i);
    step((struct find_event){.kind = FIND_CONFIGURED, .u.config = &config});
    pass(duration_s(1));
    uint32_t named = 0;
    for (uint32_t i = 0; i < FIND_CLUSTERS_MAX; i++)
        named += f.clusters[i].used && f.clusters[i].told_by != 0;
    cr_expect(named >= DOMAINS * EACH - FIND_FETCHES_MAX, "%u", named);
    cr_expect_eq(count(FIND_STATE_ACCEPTED), 20u);
}
