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
    if (e->verb == SCENARIO_VERB_ARRIVE || e->verb == SCENARIO_VERB_LEAVE)
        require(e->crowd.group == SCENARIO_ALL || e->crowd.group < s->client_group_count);
    if (e->verb == SCENARIO_VERB_MOVE)
        require(e->move.group < s->client_group_count && e->move.to < s->cluster_count &&
                e->move.number < s->clients[e->move.group].count);
    if (e->target.cluster < s->cluster_count && e->target.part == SCENARIO_PART_NODE)
        require(e->target.number < s->clusters[e->target.cluster].nodes);
    require(strlen(scenario_event_text(s, e, text, sizeof(text))) < sizeof(text));
}

/* A share of a million, each of them. */
static void check_quality(const struct path_quality *q) {
    require(q->delay.us >= 0 && q->jitter.us >= 0 && q->queue.us >= 0);
    require(q->loss_ppm <= 1000000 && q->bursts.enter_ppm <= 1000000 &&
            q->bursts.leave_ppm <= 1000000 && q->bursts.loss_bad_ppm <= 1000000);
    require(q->reorder_ppm <= 1000000 && q->duplicate_ppm <= 1000000 && q->replay_ppm <= 1000000);
    require(q->outages.every.us == 0 || q->outages.least.us <= q->outages.longest.us);
}

static void check_expectations(const struct scenario *s) {
    const struct scenario_expectations *x = &s->expectations;
    for (uint32_t i = 0; i < x->move_count; i++)
        require(x->moves[i].of_index == SCENARIO_ALL ||
                x->moves[i].of_index < s->client_group_count);
    for (uint32_t i = 0; i < x->verdict_count; i++) {
        require(x->verdicts[i].of_index < s->cluster_count);
        for (uint32_t k = 0; k < x->verdicts[i].by_count; k++)
            require(x->verdicts[i].by[k] == SCENARIO_ALL ||
                    x->verdicts[i].by[k] < s->cluster_count);
    }
    for (uint32_t i = 0; i < x->hearing_count; i++)
        require(x->clients[i].of_index == SCENARIO_ALL ||
                x->clients[i].of_index < s->client_group_count);
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
        struct path_quality q = scenario_way(s, i, true, 0, false);
        check_quality(&q);
    }
    for (uint32_t i = 0; i < s->event_count; i++)
        check_event(s, &s->events[i]);
    check_expectations(s);
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
