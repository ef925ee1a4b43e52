/*
 * Scenarios as YAML text: any bytes give either faults and nothing to free, or a scenario in which
 * every index points at something.
 */
#include "peerd/sim/scenario.h"

#include <stdlib.h>
#include <string.h>

static struct faults faults;
static struct policy policy;

static void require(bool ok) {
    if (!ok)
        abort();
}

static void check_end(const struct scenario *s, const struct scenario_end *e) {
    if (e->group)
        require(e->index < s->client_group_count);
    else
        require(e->index < s->cluster_count || e->index > SCENARIO_NONE ||
                e->index == SCENARIO_LAST);
}

static void check_event(const struct scenario *s, const struct scenario_event *e) {
    char text[64];
    require(e->verb < SCENARIO_VERB_COUNT && e->mark.line > 0);
    require(e->at.from.us >= 0 && e->at.from.us <= e->at.to.us && e->at.to.us <= s->duration.us);
    for (uint32_t i = 0; i < e->cut.from_count; i++)
        check_end(s, &e->cut.from[i]);
    for (uint32_t i = 0; i < e->cut.to_count; i++)
        check_end(s, &e->cut.to[i]);
    if (e->target.cluster < s->cluster_count && e->target.part == SCENARIO_PART_NODE)
        require(e->target.number < s->clusters[e->target.cluster].nodes);
    require(strlen(scenario_event_text(s, e, text, sizeof(text))) < sizeof(text));
}

static void check_scenario(const struct scenario *s) {
    char text[256];
    uint32_t order[SCENARIO_OPEN_AT_MAX];
    struct scenario_abilities can = {.runner = "nobody"};
    require(s->cluster_count > 0 && s->profile_count > 0 && s->source_count > 0);
    for (uint32_t i = 0; i < s->client_group_count; i++) {
        uint32_t count = scenario_client_order(s, i, 3, order);
        require(count > 0 && s->clients[i].count > 0);
        for (uint32_t k = 0; k < count; k++)
            require(order[k] < s->cluster_count);
        require(scenario_link_between(s, i, true, 0, false).rtt.us >= 0);
    }
    for (uint32_t i = 0; i < s->event_count; i++)
        check_event(s, &s->events[i]);
    for (uint32_t i = 0; i < s->expectations.move_count; i++)
        require(s->expectations.moves[i].of_index == SCENARIO_ALL ||
                s->expectations.moves[i].of_index < s->client_group_count);
    scenario_policy(s, s->cluster_count - 1, &policy);
    scenario_describe(s, text, sizeof(text));
    scenario_check_abilities(s, &can, &faults);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct scenario s;
    enum err err = scenario_parse((const char *)data, len, "f", &s, &faults);
    require((err == ERR_OK) == !faults_any(&faults));
    if (err == ERR_OK)
        check_scenario(&s);
    else
        require(s.clusters == NULL && s.events == NULL);
    scenario_free(&s);
    return 0;
}
