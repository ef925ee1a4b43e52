#include "test/live/chronicle.h"

#include "peerd/net/clock.h"

#include <stdio.h>
#include <string.h>

/* ---- sites ---- */

static enum report_state state_of(const struct runner *r, uint32_t site) {
    const struct site *s = &r->sites[site];
    bool peerd = s->peerd != 0 && !s->peerd_doomed;
    uint32_t nodes = 0;
    for (uint32_t i = 0; i < s->node_count; i++)
        nodes += s->nodes[i] != 0 && !s->node_doomed[i];
    if (!peerd && nodes == 0)
        return REPORT_STATE_DEAD;
    if (r->space.dead[site])
        return REPORT_STATE_DARK;
    if (r->stopped[site][SCENARIO_PART_SITE])
        return REPORT_STATE_STOPPED;
    if (!peerd || r->stopped[site][SCENARIO_PART_PEERD])
        return REPORT_STATE_HEADLESS;
    if (nodes < s->node_count || r->stopped[site][SCENARIO_PART_NODE] ||
        r->stopped[site][SCENARIO_PART_WORKER])
        return REPORT_STATE_MAIMED;
    return r->draining[site] ? REPORT_STATE_DRAINING : REPORT_STATE_UP;
}

static void look(struct runner *r, struct instant at) {
    for (uint32_t i = 0; i < r->site_count; i++) {
        enum report_state state = state_of(r, i);
        if (state == r->states[i])
            continue;
        r->states[i] = state;
        report_add_change(&r->report, &(struct report_change){
                                          .at_ms = duration_in_ms(instant_since(at, r->started)),
                                          .cluster = i,
                                          .state = state});
    }
}

void chronicle_look(struct runner *r) {
    if (!instant_is_never(r->started))
        look(r, net_now());
}

/* What processes do not show: that they are stopped, or drain. */
static void note_hit(struct runner *r, const struct scenario_event *e, uint32_t site) {
    bool back = e->verb == SCENARIO_VERB_RESTART &&
                (e->target.part == SCENARIO_PART_SITE || e->target.part == SCENARIO_PART_PEERD);
    if (e->verb == SCENARIO_VERB_DRAIN)
        r->draining[site] = true;
    if (e->verb == SCENARIO_VERB_UNDRAIN || back)
        r->draining[site] = false;
    if (e->verb == SCENARIO_VERB_STOP)
        r->stopped[site][e->target.part] = true;
    bool goes_on = e->verb == SCENARIO_VERB_CONTINUE || e->verb == SCENARIO_VERB_RESTART;
    if (goes_on)
        r->stopped[site][e->target.part] = false;
    if (goes_on && e->target.part == SCENARIO_PART_SITE)
        memset(r->stopped[site], 0, sizeof(r->stopped[site]));
}

void chronicle_event(struct runner *r, const struct scenario_event *e, const bool *hit,
                     struct instant at) {
    struct report_event row = {.at_ms = duration_in_ms(instant_since(at, r->started))};
    uint32_t count = 0, site = 0;
    scenario_event_text(r->scenario, e, row.text, sizeof(row.text));
    for (uint32_t i = 0; i < r->site_count; i++)
        if (hit[i]) {
            count++;
            site = i;
        }
    if (count == 1 && e->target.cluster != SCENARIO_ALL)
        row.target = r->sites[site].name;
    report_add_event(&r->report, &row);
    for (uint32_t i = 0; i < r->site_count; i++)
        if (hit[i])
            note_hit(r, e, i);
    look(r, at);
}

/* ---- listeners ---- */

static uint32_t site_named(const struct runner *r, const char *name) {
    for (uint32_t i = 0; i < r->site_count; i++)
        if (strcmp(r->sites[i].name.text, name) == 0)
            return i;
    return REPORT_NOBODY;
}

static void mark(struct runner *r, const struct listener *l, enum report_mark_kind kind,
                 struct instant at, uint32_t value) {
    report_add_mark(&r->report,
                    &(struct report_mark){.at_ms = duration_in_ms(instant_since(at, r->started)),
                                          .client = l->index,
                                          .value = value,
                                          .kind = kind});
}

/* "12.345678 ams1 serves under epoch 2", "12.345678 -> hedge at ams1 from frame 250 …" */
void chronicle_listener_said(struct runner *r, const struct listener *l, const char *line) {
    char name[NAME_LEN_MAX + 1];
    unsigned epoch;
    if (instant_is_never(r->started))
        return;
    if (sscanf(line, "%*f %31s serves under epoch %u", name, &epoch) == 2)
        mark(r, l, REPORT_MARK_SERVED, net_now(), site_named(r, name));
    else if (strstr(line, "the session has ended") != NULL)
        mark(r, l, REPORT_MARK_SERVED, net_now(), REPORT_NOBODY);
    const char *hedge = strstr(line, "-> hedge at ");
    if (hedge != NULL && sscanf(hedge, "-> hedge at %31s", name) == 1)
        mark(r, l, REPORT_MARK_HEDGED, net_now(), site_named(r, name));
}

struct gaps {
    struct runner *r;
    const struct listener *l;
};

static void gap_heard(void *data, struct instant from, int64_t frames) {
    struct gaps *g = data;
    mark(g->r, g->l, REPORT_MARK_GAP, from, (uint32_t)(frames * PLAYER_FRAME_MS));
}

void chronicle_listener(struct runner *r, const struct listener *l, int64_t end) {
    player_gaps(&l->player, listener_end(l, r->ended), end, gap_heard, &(struct gaps){r, l});
}
