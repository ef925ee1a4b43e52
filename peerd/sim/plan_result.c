/* From the report of a run to what an operator wants to know. */
#include "peerd/sim/plan.h"
#include "peerd/sim/plan_players.h"
#include "peerd/sim/report_picture.h"

#include <stdlib.h>
#include <string.h>

#define HERD_MS 1000

static const int64_t buffers_ms[] = {60, 100, 150, 200, 300, 500, 1000, 2000};

/* ---- who is where ---- */

static bool is_player(const struct plan *plan, const struct report_client *c) {
    return !name_is_empty(&plan->scenario.clients[c->group].stream);
}

static void count_listener(const struct plan *plan, const struct picture *p, uint32_t client,
                           struct plan_result *out) {
    const struct report_client *c = &p->report->clients[client];
    uint32_t count = plan->count;
    uint32_t home = plan->scenario.clients[c->group].open_at[0];
    uint32_t before = picture_served_by(p, client, plan->event_ms - 1);
    uint32_t after = picture_served_by(p, client, p->end_ms);
    if (c->served_from_ms == REPORT_UNSERVED || after >= count)
        after = count;
    out->listeners++;
    out->wanted[home]++;
    out->losers += c->frames_lost > 0;
    out->lost += c->frames_lost;
    if (after < count)
        out->after[after]++;
    out->stuck += after < count && plan->drains[after];
    if (before >= count) {
        out->unopened++;
        return;
    }
    out->before[before]++;
    if (before == after)
        return;
    out->flows[(size_t)before * (count + 1) + after]++;
    out->moved += after < count;
    out->nowhere += after == count;
    if (after < count)
        out->gained[after]++;
    if (after == count && out->refusal == NULL)
        out->refusal = c->outcome;
}

/* When the last of those who moved was taken over. */
static void note_last_move(const struct plan *plan, const struct picture *p, uint32_t client,
                           struct plan_result *out) {
    const struct report *r = p->report;
    for (uint32_t i = p->marks_of[client]; i < p->marks_of[client + 1]; i++)
        if (r->marks[i].kind == REPORT_MARK_SERVED && r->marks[i].value != REPORT_NOBODY &&
            r->marks[i].at_ms - plan->event_ms > out->served_ms)
            out->served_ms = r->marks[i].at_ms - plan->event_ms;
}

/* The herd at the doors of the others, as long as it lasts. */
static void count_hedges(const struct plan *plan, const struct report *r, struct plan_result *out) {
    for (uint32_t i = 0; i < r->mark_count; i++) {
        const struct report_mark *m = &r->marks[i];
        if (m->kind == REPORT_MARK_HEDGED && m->value < plan->count && m->at_ms >= plan->event_ms &&
            m->at_ms < plan->event_ms + HERD_MS)
            out->asked[m->value]++;
    }
}

/* ---- gaps ---- */

static bool was_planned(const struct report_move *m) {
    return strcmp(m->cause.text, scenario_cause_name(SCENARIO_CAUSE_DRAIN)) == 0 ||
           strcmp(m->cause.text, scenario_cause_name(SCENARIO_CAUSE_RETURN)) == 0;
}

/* The report's moves that a failure caused; borrows everything. */
static struct report unplanned(const struct report *r) {
    struct report out = *r;
    out.moves = calloc((size_t)r->move_count + 1, sizeof(*out.moves));
    out.move_count = 0;
    for (uint32_t i = 0; out.moves != NULL && i < r->move_count; i++)
        if (!was_planned(&r->moves[i]))
            out.moves[out.move_count++] = r->moves[i];
    return out;
}

/* With a buffer of B, a frame is missed if the new server's first one comes later than B after the
 * first one was missing. */
static void try_buffers(const struct report *r, struct plan_result *out) {
    for (size_t i = 0; i < sizeof(buffers_ms) / sizeof(buffers_ms[0]); i++) {
        struct plan_buffer b = {.buffer_ms = buffers_ms[i]};
        for (uint32_t k = 0; k < r->move_count; k++)
            b.listeners += r->moves[k].first_frame_ms > b.buffer_ms;
        out->buffers[out->buffer_count++] = b;
        if (b.listeners == 0)
            return;
    }
}

/* ---- all of it ---- */

bool plan_judge(const struct plan *plan, const struct report *report, struct plan_result *out) {
    static const struct report_move any;
    struct picture picture;
    size_t count = plan->count;
    *out = (struct plan_result){.served_ms = -1};
    out->before = calloc(count + 1, sizeof(*out->before));
    out->after = calloc(count + 1, sizeof(*out->after));
    out->wanted = calloc(count + 1, sizeof(*out->wanted));
    out->gained = calloc(count + 1, sizeof(*out->gained));
    out->asked = calloc(count + 1, sizeof(*out->asked));
    out->flows = calloc(count * (count + 1) + 1, sizeof(*out->flows));
    struct report failures = unplanned(report);
    bool ok = picture_make(&picture, report, &plan->scenario) && out->before != NULL &&
              out->after != NULL && out->wanted != NULL && out->gained != NULL &&
              out->asked != NULL && out->flows != NULL && failures.moves != NULL;
    ok = plan_players_init(plan, &out->players) && ok;
    for (uint32_t i = 0; ok && i < report->client_count; i++) {
        if (is_player(plan, &report->clients[i])) {
            plan_players_count(plan, &picture, i, &out->players);
            continue;
        }
        count_listener(plan, &picture, i, out);
        note_last_move(plan, &picture, i, out);
    }
    if (ok) {
        count_hedges(plan, report, out);
        out->noticed = report_figure_of(&failures, &any, REPORT_NOTICED);
        out->first_frame = report_figure_of(&failures, &any, REPORT_FIRST_FRAME);
        out->gap = report_figure_of(&failures, &any, REPORT_GAP);
        if (failures.move_count > 0)
            try_buffers(&failures, out);
        plan_players_judge(plan, &out->players);
        out->ok = out->players.ok && out->nowhere == 0 && out->stuck == 0 && out->unopened == 0 &&
                  out->lost == 0 && !report->broken;
        plan_advise(plan, out);
    }
    free(failures.moves);
    picture_free(&picture);
    return ok;
}

void plan_result_free(struct plan_result *r) {
    free(r->before);
    free(r->after);
    free(r->wanted);
    free(r->gained);
    free(r->asked);
    free(r->flows);
    plan_players_free(&r->players);
    free(r->advice.list);
    *r = (struct plan_result){.ok = false};
}
