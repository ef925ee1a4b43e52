/* Clusters that know each other by DNS alone: what a scenario says of it, and what runners get. */
#include "peerd/sim/scenario.h"

#include <criterion/criterion.h>
#include <string.h>

static const char text[] = "name: found\nduration: 60s\ndiscovery: {ttl: 2s, keep: 30s}\n"
                           "clusters: [{name: fra1, region: eu, reserved_slots: 3}, {name: ams1}]\n"
                           "timeline:\n"
                           "  - {at: 5s, dns: {does: fails}}\n"
                           "  - {at: [6s, 7s], dns: {region: eu, does: silent}}\n"
                           "  - {at: 8s, dns: {cluster: serving, does: lies}}\n"
                           "  - {at: 9s, dns: {cluster: ams1, does: forgets}}\n"
                           "  - {at: 10s, dns: {cluster: last, does: answers}}\n";

static void load(struct scenario *s) {
    static struct faults faults;
    char line[FAULT_LINE_LEN_MAX + 1] = "";
    enum err err = scenario_parse(text, strlen(text), "found", s, &faults);
    if (faults.count > 0)
        fault_to_text(&faults, &faults.list[0], line);
    cr_assert_eq(err, ERR_OK, "%s", line);
}

Test(scenario_discovery, events) {
    static const struct {
        enum scenario_resolver does;
        uint32_t cluster;
        bool region;
        const char *text;
    } wanted[] = {
        {SCENARIO_RESOLVER_FAILS, SCENARIO_ALL, false, "dns site all fails"},
        {SCENARIO_RESOLVER_SILENT, SCENARIO_NONE, true, "dns region eu is silent"},
        {SCENARIO_RESOLVER_SILENT, SCENARIO_NONE, true, "dns region eu is silent"},
        {SCENARIO_RESOLVER_LIES, SCENARIO_SERVING, false, "dns site serving lies"},
        {SCENARIO_RESOLVER_FORGETS, 1, false, "dns site ams1 forgets"},
        {SCENARIO_RESOLVER_ANSWERS, SCENARIO_LAST, false, "dns site last answers"},
    };
    struct scenario s;
    char line[256];
    load(&s);
    cr_assert_eq(s.event_count, sizeof(wanted) / sizeof(wanted[0]));
    for (uint32_t i = 0; i < s.event_count; i++) {
        const struct scenario_event *e = &s.events[i];
        cr_expect_eq(e->verb, SCENARIO_VERB_DNS);
        cr_expect_eq(e->resolver, wanted[i].does, "%s", wanted[i].text);
        cr_expect_eq(e->target.cluster, wanted[i].cluster, "%s", wanted[i].text);
        cr_expect_eq(e->target.region, wanted[i].region, "%s", wanted[i].text);
        cr_expect_str_eq(scenario_event_text(&s, e, line, sizeof(line)), wanted[i].text);
    }
    scenario_free(&s);
}

Test(scenario_discovery, policies_name_nobody) {
    static struct policy p;
    struct scenario s;
    load(&s);
    cr_expect_eq(s.discovery.ttl.us, 2000000);
    scenario_policy(&s, 0, &p);
    cr_expect_eq(p.peer_count, 0);
    cr_assert(p.discovery.dns_count == 1 && p.discovery.accept_count == 1);
    cr_expect_str_eq(p.discovery.dns[0].text, SCENARIO_DOMAIN);
    cr_expect_str_eq(p.discovery.accept[0].pattern, "*");
    cr_expect_eq(p.discovery.accept[0].reserved_slots, 3);
    cr_expect_eq(p.discovery.refresh_min.us, 1000000, "the TTL decides, however short");
    cr_expect_eq(p.discovery.keep.us, 30000000);
    scenario_free(&s);
}

Test(scenario_discovery, without_it_policies_name_everybody) {
    static struct policy p;
    static struct faults faults;
    static const char plain[] = "{name: x, duration: 1s, clusters: [{name: fra1}, {name: ams1}]}";
    struct scenario s;
    cr_assert_eq(scenario_parse(plain, strlen(plain), "plain", &s, &faults), ERR_OK);
    cr_expect_not(s.discovery.given);
    scenario_policy(&s, 0, &p);
    cr_expect(p.peer_count == 1 && !policy_finds(&p));
    scenario_free(&s);
}

Test(scenario_discovery, describes_itself) {
    struct scenario s;
    char out[4096];
    load(&s);
    scenario_describe(&s, out, sizeof(out));
    cr_expect_not_null(strstr(out,
                              "  discovery by DNS alone: records live 2s, whom no answer names "
                              "any more is kept 30s\n"),
                       "%s", out);
    cr_expect_not_null(strstr(out, "  at 6s: dns region eu is silent\n"), "%s", out);
    scenario_free(&s);
}
