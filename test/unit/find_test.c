/* Who is found, asked, accepted and forgotten, in virtual time. */
#include "topo/find.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct find f;
static struct find_config config;
static struct find_outbox outbox;
static struct trace trace;
static struct instant now;

/* What has been wanted since last looked, of each kind. */
static uint32_t wanted[4];
static struct find_claim fetching[64];
static uint32_t fetch_count;

static struct name name_of(const char *text) {
    struct name out;
    cr_assert(name_set(&out, text), "%s", text);
    return out;
}

static struct find_key key(int number) {
    struct find_key out = {{0}};
    memcpy(out.bytes, &number, sizeof(number));
    return out;
}

static void step(struct find_event event) {
    event.now = now;
    find_step(&f, &event, &outbox);
    find_check_invariants(&f);
    for (uint32_t i = 0; i < outbox.count; i++) {
        wanted[outbox.items[i].kind]++;
        if (outbox.items[i].kind == FIND_FETCH && fetch_count < 64)
            fetching[fetch_count++] = outbox.items[i].u.fetch.claim;
    }
}

/* Lets time pass, stepping when it is due. */
static void pass(struct duration d) {
    struct instant end = instant_add(now, d);
    for (struct instant at = find_deadline(&f); !instant_before(end, at); at = find_deadline(&f)) {
        now = instant_max(now, at);
        step((struct find_event){.kind = FIND_TICK});
    }
    now = end;
}

static void forget_wanted(void) {
    memset(wanted, 0, sizeof(wanted));
    fetch_count = 0;
}

static void configure(void) {
    step((struct find_event){.kind = FIND_CONFIGURED, .u.config = &config});
}

/* Two domains, a rule that takes everybody of acme. */
static void begin(void) {
    config = (struct find_config){.domain_count = 2,
                                  .rule_count = 1,
                                  .holder_count = 2,
                                  .introduction = true,
                                  .peers_max = 8,
                                  .refresh_min = duration_s(5),
                                  .refresh_max = duration_s(300),
                                  .keep = duration_s(3600),
                                  .retire = duration_s(7200)};
    strcpy(config.domains[0].text, "a.test");
    strcpy(config.domains[1].text, "b.test");
    config.rules[0].provider = name_of("acme");
    config.holders[0] = (struct find_holder){name_of("self"), key(1)};
    config.holders[1] = (struct find_holder){name_of("named"), key(2)};
    trace_init(&trace);
    find_init(&f, 7, &trace);
    now = instant_us(1000);
    forget_wanted();
    configure();
}

static struct find_claim claim(const char *name, int number) {
    struct find_claim out = {.name = name_of(name), .key = key(number)};
    snprintf(out.beats.text, sizeof(out.beats.text), "%s:7600", name);
    snprintf(out.control.text, sizeof(out.control.text), "%s:7601", name);
    return out;
}

static void told(uint32_t domain, const struct find_claim *claims, uint32_t count, int ttl_s) {
    step((struct find_event){
        .kind = FIND_DOMAIN_TOLD,
        .u.told = {.domain = domain, .claims = claims, .count = count, .ttl = duration_s(ttl_s)}});
}

static void told_one(const char *name, int number) {
    struct find_claim c = claim(name, number);
    told(0, &c, 1, 60);
}

static struct find_facts facts(const char *name, const char *provider) {
    return (struct find_facts){
        .name = name_of(name), .provider = name_of(provider), .region = name_of("eu")};
}

static void described_as(int number, struct find_facts it) {
    step(
        (struct find_event){.kind = FIND_DESCRIBED, .u.fetch = {.key = key(number), .facts = &it}});
}

static void described(const char *name, int number, const char *provider) {
    described_as(number, facts(name, provider));
}

static void missed(int number) {
    step((struct find_event){.kind = FIND_MISSED, .u.fetch.key = key(number)});
}

static const struct find_cluster *get(int number) {
    struct find_key k = key(number);
    return find_by_key(&f, &k);
}

static const char *state(int number) {
    const struct find_cluster *c = get(number);
    return c == NULL ? "unknown" : find_state_name(c->state);
}

#define EXPECT_STATE(number, text)                                                                 \
    cr_expect_str_eq(state(number), text, "line %d: %s", __LINE__, state(number))

/* Told of, and asked for what it says of itself. */
static void meet(const char *name, int number, const char *provider) {
    told_one(name, number);
    pass(duration_s(1));
    described(name, number, provider);
}

Test(find, a_cluster_that_a_domain_names_is_asked_and_becomes_a_peer) {
    begin();
    pass(duration_s(1));
    cr_expect_eq(wanted[FIND_ASK_DOMAIN], 2, "each domain once");
    cr_expect_eq(wanted[FIND_FETCH], 0);
    told_one("ams1", 10);
    EXPECT_STATE(10, "heard");
    pass(duration_s(1));
    cr_expect_eq(wanted[FIND_FETCH], 1);
    cr_expect_str_eq(fetching[0].control.text, "ams1:7601");
    cr_expect_eq(wanted[FIND_NEW_PEERS], 0, "nothing is believed yet");
    described("ams1", 10, "acme");
    EXPECT_STATE(10, "accepted");
    cr_expect_eq(wanted[FIND_NEW_PEERS], 1);
    uint32_t cursor = 0;
    const struct find_cluster *peer = find_next_peer(&f, &cursor);
    cr_assert_not_null(peer);
    cr_expect_eq(peer->rule, 0);
    cr_expect_null(find_next_peer(&f, &cursor));
    described("ams1", 10, "acme");
    cr_expect_eq(wanted[FIND_NEW_PEERS], 1, "the same again is no news");
    pass(duration_s(3000));
    cr_expect_eq(wanted[FIND_FETCH], 1, "a peer is the core's to ask");
}

Test(find, rules_and_names_decide_who_is_a_peer) {
    static const struct {
        const char *what, *name;
        int key;
        const char *provider, *state;
        enum find_refusal why;
    } rows[] = {
        {"the rule fits", "ams1", 10, "acme", "accepted", FIND_REFUSAL_NONE},
        {"no rule fits", "ams1", 10, "evil", "refused", FIND_REFUSAL_NO_RULE},
        {"our own name", "self", 10, "acme", "refused", FIND_REFUSAL_NAME_TAKEN},
        {"the name of a peer of the policy", "named", 10, "acme", "refused",
         FIND_REFUSAL_NAME_TAKEN},
        {"a name that another key has", "held", 10, "acme", "refused", FIND_REFUSAL_NAME_TAKEN},
        {"a second rule fits, by region, pattern and key", "lon7", 77, "other", "accepted",
         FIND_REFUSAL_NONE},
        {"the second without its key", "lon7", 78, "other", "refused", FIND_REFUSAL_NO_RULE},
        {"the second without its pattern", "lo7", 77, "other", "refused", FIND_REFUSAL_NO_RULE},
        {"revoked", "ams1", 66, "acme", "unknown", FIND_REFUSAL_NONE},
        {"ourselves", "self", 1, "acme", "unknown", FIND_REFUSAL_NONE},
        {"a peer of the policy", "named", 2, "acme", "unknown", FIND_REFUSAL_NONE},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin();
        config.rules[config.rule_count++] = (struct find_rule){
            .region = name_of("eu"), .pattern = "lon?", .by_key = true, .key = key(77)};
        config.revoked[config.revoked_count++] = key(66);
        configure();
        meet("held", 9, "acme");
        struct find_claim both[2] = {claim("held", 9), claim(rows[i].name, rows[i].key)};
        told(0, both, 2, 60);
        pass(duration_s(1));
        described(rows[i].name, rows[i].key, rows[i].provider);
        cr_expect_str_eq(state(rows[i].key), rows[i].state, "%s: %s", rows[i].what,
                         state(rows[i].key));
        if (get(rows[i].key) != NULL)
            cr_expect_eq(get(rows[i].key)->refusal, rows[i].why, "%s", rows[i].what);
    }
}

Test(find, patterns) {
    static const struct {
        const char *pattern, *text;
        bool fits;
    } rows[] = {
        {"*", "", true},          {"*", "ams1", true},     {"ams1", "ams1", true},
        {"ams1", "ams12", false}, {"ams?", "ams1", true},  {"ams?", "ams", false},
        {"a*1", "ams1", true},    {"a*1", "ams12", false}, {"*m*1", "amsm1", true},
        {"*a", "aba", true},      {"", "", true},          {"", "a", false},
        {"a**b", "ab", true},     {"*.eu", "x.eu", true},  {"a*b*c", "aXbYbZ", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect_eq(find_pattern_fits(rows[i].pattern, rows[i].text), rows[i].fits, "%s of %s",
                     rows[i].pattern, rows[i].text);
}

/* How many questions to domain 0 within a time in which each is answered by `answer`. */
static uint32_t questions_in(struct duration time, int ttl_s) {
    struct instant end = instant_add(now, time);
    uint32_t before = wanted[FIND_ASK_DOMAIN];
    while (instant_before(now, end)) {
        pass(duration_us(find_deadline(&f).us - now.us));
        for (uint32_t i = 0; i < outbox.count; i++)
            if (outbox.items[i].kind == FIND_ASK_DOMAIN && ttl_s >= 0)
                told(outbox.items[i].u.domain, NULL, 0, ttl_s);
            else if (outbox.items[i].kind == FIND_ASK_DOMAIN)
                step((struct find_event){.kind = FIND_DOMAIN_MUTE,
                                         .u.domain = outbox.items[i].u.domain});
    }
    return wanted[FIND_ASK_DOMAIN] - before;
}

Test(find, a_ttl_is_obeyed_within_bounds_and_failures_back_off) {
    static const struct {
        const char *what;
        int ttl_s; /* -1: no answer */
        uint32_t least, most;
    } rows[] = {
        {"a minute", 60, 60, 61},
        {"none, so refresh_min", 0, 719, 721},
        {"a week, so refresh_max", 604800, 12, 13},
        {"no answer", -1, 60, 130},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin();
        config.domain_count = 1;
        configure();
        uint32_t count = questions_in(duration_s(3600), rows[i].ttl_s);
        cr_expect(count >= rows[i].least && count <= rows[i].most, "%s: %u questions an hour",
                  rows[i].what, count);
    }
    /* A domain that is heard again is asked as ever. */
    told(0, NULL, 0, 60);
    cr_expect_eq(f.domains[0].misses, 0);
    cr_expect_eq(find_deadline(&f).us, now.us + 60000000);
}

Test(find, without_an_answer_nothing_ends_and_with_another_not_at_once) {
    begin();
    meet("ams1", 10, "acme");
    for (int i = 0; i < 100; i++) {
        step((struct find_event){.kind = FIND_DOMAIN_MUTE, .u.domain = 0});
        pass(duration_s(3600));
        step((struct find_event){.kind = FIND_DOMAIN_MUTE, .u.domain = 1});
    }
    EXPECT_STATE(10, "accepted");
    told_one("lon1", 11);
    pass(duration_s(3500));
    EXPECT_STATE(10, "accepted");
    struct find_claim both[2] = {claim("ams1", 10), claim("lon1", 11)};
    told(0, both, 2, 60);
    pass(duration_s(100));
    told_one("lon1", 11);
    pass(duration_s(3500));
    EXPECT_STATE(10, "accepted");
    forget_wanted();
    pass(duration_s(200));
    EXPECT_STATE(10, "unknown");
    cr_expect_eq(wanted[FIND_NEW_PEERS], 1);
}

Test(find, a_lie_about_a_key_changes_nothing_for_a_peer) {
    begin();
    meet("ams1", 10, "acme");
    told_one("ams1", 99);
    pass(duration_s(1));
    EXPECT_STATE(10, "accepted");
    described("ams1", 99, "acme"); /* the liar even answers */
    EXPECT_STATE(10, "accepted");
    EXPECT_STATE(99, "refused");
    told_one("ams1", 10);
    EXPECT_STATE(10, "accepted");
    cr_expect_eq(f.counters.changes, 1);
}

Test(find, who_does_not_answer_is_asked_ever_more_rarely) {
    enum {
        MANY = 32
    };
    begin();
    config.domain_count = 1;
    configure();
    struct find_claim many[MANY];
    for (int i = 0; i < MANY; i++) {
        char name[16];
        snprintf(name, sizeof(name), "c%d", i);
        many[i] = claim(name, 100 + i);
    }
    told(0, many, MANY, 300);
    uint32_t in_first_s = 0, fetches = 0;
    struct instant begun = now, last = instant_us(-1000000);
    while (instant_since(now, begun).us < 600000000) {
        forget_wanted();
        pass(duration_us(find_deadline(&f).us - now.us));
        if (wanted[FIND_ASK_DOMAIN] > 0)
            told(0, many, MANY, 300);
        while (fetch_count > 0) {
            struct find_key k = fetching[--fetch_count].key;
            cr_expect(now.us - last.us >= FIND_FETCH_PACE.us, "one at a time");
            last = now;
            fetches++;
            in_first_s += instant_since(now, begun).us < 1000000;
            step((struct find_event){.kind = FIND_MISSED, .u.fetch.key = k});
        }
    }
    cr_expect(in_first_s >= 16 && in_first_s <= 21, "%u in the first second", in_first_s);
    /* 1 + 2 + … + 32 s, then each minute at most, drawn from the upper half. */
    cr_expect(fetches > 12 * 32 && fetches < 28 * 32, "%u of 32 in 10 min", fetches);
}

Test(find, a_question_without_an_answer_is_asked_again) {
    begin();
    told_one("ams1", 10);
    pass(duration_s(1));
    cr_expect_eq(wanted[FIND_FETCH], 1);
    forget_wanted();
    pass(duration_s(25));
    cr_expect_eq(wanted[FIND_FETCH], 1);
    cr_expect(wanted[FIND_ASK_DOMAIN] >= 1);
    missed(10);
    missed(10); /* late, and counted no more */
    cr_expect_eq(f.counters.fetches_missed, 2);
}

Test(find, a_key_is_succeeded_by_the_one_that_it_announced) {
    begin();
    meet("ams1", 10, "acme");
    struct find_facts it = facts("ams1", "acme");
    it.has_next = true;
    it.next = key(20);
    described_as(10, it);
    EXPECT_STATE(20, "heard");
    forget_wanted();
    for (int i = 0; i < 60; i++) { /* not in force yet: asked every few seconds */
        pass(duration_s(1));
        missed(20);
    }
    cr_expect(wanted[FIND_FETCH] >= 15 && wanted[FIND_FETCH] <= 45, "%u", wanted[FIND_FETCH]);
    described("ams1", 20, "acme");
    EXPECT_STATE(20, "accepted");
    EXPECT_STATE(10, "retired");
    struct find_claim both[2] = {claim("ams1", 10), claim("ams1", 20)};
    told(0, both, 2, 60);
    described("ams1", 10, "acme");
    EXPECT_STATE(10, "retired"); /* refused for anything new */
    EXPECT_STATE(20, "accepted");
    pass(duration_s(7100));
    EXPECT_STATE(10, "retired");
    told_one("ams1", 20);
    pass(duration_s(200));
    EXPECT_STATE(10, "unknown"); /* its last ticket has expired */
    EXPECT_STATE(20, "accepted");
}

/* A rule that pins a key holds for the one that this key has announced, as long as it is known. */
Test(find, a_rule_with_a_key_holds_for_its_successor) {
    begin();
    config.rules[0] = (struct find_rule){.by_key = true, .key = key(10)};
    configure();
    meet("ams1", 10, "acme");
    EXPECT_STATE(10, "accepted");
    struct find_facts it = facts("ams1", "acme");
    described("ams1", 20, "acme");
    EXPECT_STATE(20, "unknown"); /* nobody has announced it */
    it.has_next = true;
    it.next = key(20);
    described_as(10, it);
    described("ams1", 20, "acme");
    EXPECT_STATE(20, "accepted");
    EXPECT_STATE(10, "retired");
    configure(); /* judged anew: its predecessor is retired and known */
    EXPECT_STATE(20, "accepted");
    meet("lon1", 30, "acme");
    EXPECT_STATE(30, "refused");
}

Test(find, a_key_is_revoked_at_once_and_its_name_is_free) {
    begin();
    meet("ams1", 10, "acme");
    struct find_claim both[2] = {claim("ams1", 10), claim("ams1", 20)};
    told(0, both, 2, 60);
    pass(duration_s(1));
    described("ams1", 20, "acme");
    EXPECT_STATE(20, "refused");
    config.revoked[config.revoked_count++] = key(10);
    forget_wanted();
    configure();
    EXPECT_STATE(10, "unknown");
    EXPECT_STATE(20, "accepted");
    cr_expect_eq(wanted[FIND_NEW_PEERS], 1);
}

Test(find, another_policy_keeps_whom_it_would_find) {
    begin();
    struct find_claim one = claim("ams1", 10), two = claim("lon1", 11);
    told(0, &one, 1, 60);
    told(1, &two, 1, 60);
    pass(duration_s(1));
    described("ams1", 10, "acme");
    described("lon1", 11, "acme");
    strcpy(config.domains[0].text, "b.test"); /* what was the second is the first */
    config.domain_count = 1;
    configure();
    EXPECT_STATE(10, "unknown");
    EXPECT_STATE(11, "accepted");
    config.rules[0].provider = name_of("other");
    configure();
    EXPECT_STATE(11, "refused");
    config.rules[0].provider = name_of("acme");
    configure();
    EXPECT_STATE(11, "accepted");
    config.holders[config.holder_count++] = (struct find_holder){name_of("lon1"), key(11)};
    configure();
    EXPECT_STATE(11, "unknown"); /* the policy names it now */
}

Test(find, peers_are_bounded_and_a_place_that_is_free_is_taken) {
    begin();
    config.peers_max = 1;
    configure();
    struct find_claim both[2] = {claim("ams1", 10), claim("lon1", 11)};
    told(0, both, 2, 60);
    pass(duration_s(1));
    described("ams1", 10, "acme");
    described("lon1", 11, "acme");
    EXPECT_STATE(10, "accepted");
    EXPECT_STATE(11, "refused");
    cr_expect_eq(get(11)->refusal, FIND_REFUSAL_FULL);
    described("ams1", 10, "evil");
    EXPECT_STATE(10, "refused");
    EXPECT_STATE(11, "accepted");
}

static void introduced(const char *name, int number, int64_t issued_s) {
    struct find_claim c = claim(name, number);
    struct find_facts it = facts(name, "acme");
    it.issued_s = issued_s;
    step((struct find_event){.kind = FIND_INTRODUCED, .u.introduced = {.claim = &c, .facts = &it}});
}

Test(find, introductions_are_claims_and_old_ones_are_none) {
    begin();
    introduced("ams1", 10, 1000);
    EXPECT_STATE(10, "heard"); /* a signature proves who wrote it, not that it is there */
    pass(duration_s(1));
    struct find_facts it = facts("ams1", "acme");
    it.issued_s = 2000;
    described_as(10, it);
    EXPECT_STATE(10, "accepted");
    struct find_claim old = claim("ams1", 10);
    strcpy(old.control.text, "elsewhere:1");
    it.issued_s = 1999;
    step((struct find_event){.kind = FIND_INTRODUCED,
                             .u.introduced = {.claim = &old, .facts = &it}});
    cr_expect_eq(f.counters.stale, 1);
    cr_expect_str_eq(get(10)->claim.control.text, "ams1:7601");
    config.introduction = false;
    configure();
    EXPECT_STATE(10, "unknown");
    introduced("lon1", 11, 1);
    EXPECT_STATE(11, "unknown");
}

Test(find, a_liar_cannot_fill_the_table_by_introductions) {
    char name[16];
    begin();
    config.peers_max = 64;
    configure();
    meet("ams1", 10, "acme");
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "x%d", i);
        introduced(name, 1000 + i, 1);
    }
    uint32_t known = 0;
    for (uint32_t i = 0; i < FIND_CLUSTERS_MAX; i++)
        known += f.clusters[i].used;
    cr_expect_eq(known, FIND_INTRODUCED_MAX + 1, "%u", known);
    EXPECT_STATE(10, "accepted");
    struct find_claim many[FIND_CLAIMS_MAX];
    for (int i = 0; i < FIND_CLAIMS_MAX; i++) {
        snprintf(name, sizeof(name), "c%d", i);
        many[i] = claim(name, 100 + i);
    }
    told(1, many, FIND_CLAIMS_MAX, 60);
    EXPECT_STATE(131, "heard");
}

Test(find, peers_are_asked_whom_they_know_each_in_turn) {
    begin();
    config.domain_count = 0;
    configure();
    step((struct find_event){.kind = FIND_PEERS, .u.peers = 5});
    pass(duration_s(6));
    cr_expect(wanted[FIND_ASK_PEER] >= 5 && wanted[FIND_ASK_PEER] <= 10, "%u at first",
              wanted[FIND_ASK_PEER]);
    pass(duration_s(25));
    forget_wanted();
    pass(duration_s(300));
    cr_expect(wanted[FIND_ASK_PEER] >= 45 && wanted[FIND_ASK_PEER] <= 105, "%u in five minutes",
              wanted[FIND_ASK_PEER]);
    step((struct find_event){.kind = FIND_PEERS, .u.peers = 0});
    forget_wanted();
    pass(duration_s(300));
    cr_expect_eq(wanted[FIND_ASK_PEER], 0);
}

Test(find, whatever_happens_its_invariants_hold) {
    struct rng g;
    rng_seed(&g, 11);
    begin();
    for (int i = 0; i < 6000; i++) {
        struct find_claim claims[4];
        char name[16];
        for (int n = 0; n < 4; n++) {
            snprintf(name, sizeof(name), "c%d", (int)rng_below(&g, 12));
            claims[n] = claim(name, 10 + (int)rng_below(&g, 150));
        }
        int number = 10 + (int)rng_below(&g, 150);
        struct find_facts it = facts(name, rng_below(&g, 4) > 0 ? "acme" : "evil");
        it.has_next = rng_below(&g, 2) > 0;
        it.next = key(10 + (int)rng_below(&g, 150));
        it.issued_s = (int64_t)rng_below(&g, 5);
        switch (rng_below(&g, 7)) {
        case 0:
            told((uint32_t)rng_below(&g, 2), claims, (uint32_t)rng_below(&g, 5), 30);
            break;
        case 1:
            step((struct find_event){.kind = FIND_DOMAIN_MUTE, .u.domain = 1});
            break;
        case 2:
            described_as(number, it);
            break;
        case 3:
            missed(number);
            break;
        case 4:
            introduced(name, number, it.issued_s);
            break;
        case 5:
            pass(duration_ms((int64_t)rng_below(&g, 3000)));
            break;
        default:
            if (rng_below(&g, 50) > 0)
                break;
            config.revoked_count = (uint32_t)rng_below(&g, 3);
            config.revoked[0] = key(number);
            config.revoked[1] = key(number + 1);
            config.peers_max = 1 + (uint32_t)rng_below(&g, 10);
            config.domain_count = 1 + (uint32_t)rng_below(&g, 2);
            configure();
        }
    }
}
