/* A lane a listener: a bar in the colour of who serves it, hedges below, gaps in red. */
#include "peerd/sim/html.h"
#include "peerd/sim/report_lanes_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LANE      15.0
#define BAR       7.0
#define CLOSE_MAX 24 /* lanes of a close view */

static const char *cluster_name(const struct lanes *l, uint32_t cluster) {
    return cluster < l->p->scenario->cluster_count
               ? l->p->scenario->clusters[cluster].identity.name.text
               : "nobody";
}

/* ---- a lane ---- */

static void served(const struct lanes *l, uint32_t by, int64_t from_ms, int64_t to_ms) {
    double x = lanes_x_within(l, from_ms), wide = lanes_x_within(l, to_ms) - x;
    if (by == REPORT_NOBODY || !lanes_visible(l, from_ms, to_ms) || wide < 0.2 || !lanes_may_add(l))
        return;
    fprintf(l->out,
            "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"><title>",
            report_lanes_colour(l->p, by), x, l->y + 3, wide, BAR);
    html_textf(l->out, "served by %s from ", cluster_name(l, by));
    html_instant(l->out, from_ms);
    fputs(" to ", l->out);
    html_instant(l->out, to_ms);
    fputs("</title></rect>\n", l->out);
}

static void bars(const struct lanes *l, uint32_t client) {
    const struct report *r = l->p->report;
    uint32_t by = REPORT_NOBODY;
    int64_t since = 0;
    for (uint32_t i = l->p->marks_of[client]; i < l->p->marks_of[client + 1]; i++) {
        const struct report_mark *m = &r->marks[i];
        if (m->kind != REPORT_MARK_SERVED)
            continue;
        served(l, by, since, m->at_ms);
        by = m->value;
        since = m->at_ms;
    }
    served(l, by, since, l->p->end_ms);
}

/* An arrow where the server changes; of many in one place the first. */
static void moves(const struct lanes *l, uint32_t client) {
    const struct report *r = l->p->report;
    uint32_t by = REPORT_NOBODY;
    double before = -9;
    for (uint32_t i = l->p->marks_of[client]; i < l->p->marks_of[client + 1]; i++) {
        const struct report_mark *m = &r->marks[i];
        if (m->kind != REPORT_MARK_SERVED)
            continue;
        uint32_t from = by;
        double x = lanes_x(l, m->at_ms);
        by = m->value;
        if (from == REPORT_NOBODY || by == REPORT_NOBODY || !lanes_visible(l, m->at_ms, m->at_ms) ||
            x - before < LANES_MERGE || !lanes_may_add(l))
            continue;
        before = x;
        fprintf(l->out, "<path class=\"move\" d=\"M%.1f %.1fl6 4.5-6 4.5z\"><title>", x, l->y + 2);
        html_instant(l->out, m->at_ms);
        html_textf(l->out, ": moves from %s to %s", cluster_name(l, from), cluster_name(l, by));
        fputs("</title></path>\n", l->out);
    }
}

static void hedges(const struct lanes *l, uint32_t client) {
    const struct report *r = l->p->report;
    double before = -9;
    for (uint32_t i = l->p->marks_of[client]; i < l->p->marks_of[client + 1]; i++) {
        const struct report_mark *m = &r->marks[i];
        double x = lanes_x(l, m->at_ms);
        if (m->kind != REPORT_MARK_HEDGED || !lanes_visible(l, m->at_ms, m->at_ms) ||
            x - before < 2 || !lanes_may_add(l))
            continue;
        before = x;
        fprintf(l->out, "<path class=\"hedge\" d=\"M%.1f %.1fv5\"><title>", x, l->y + 9.5);
        html_instant(l->out, m->at_ms);
        html_textf(l->out, ": asks %s for what is missing (hedge)", cluster_name(l, m->value));
        fputs("</title></path>\n", l->out);
    }
}

/* Gaps closer together than can be seen are one. */
struct hole {
    double x, end;
    int64_t at_ms, missing_ms;
    uint32_t count;
};

static void put_hole(const struct lanes *l, const struct hole *h) {
    if (h->count == 0 || !lanes_may_add(l))
        return;
    double wide = h->end - h->x < 2.2 ? 2.2 : h->end - h->x;
    fprintf(l->out,
            "<rect class=\"gap\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"><title>",
            h->x, l->y + 1, wide, BAR + 4);
    html_instant(l->out, h->at_ms);
    if (h->count == 1)
        html_textf(l->out, ": %" PRId64 " ms missing", h->missing_ms);
    else
        html_textf(l->out, ": %" PRIu32 " gaps, %" PRId64 " ms missing together", h->count,
                   h->missing_ms);
    fputs("</title></rect>\n", l->out);
}

static void gaps(const struct lanes *l, uint32_t client) {
    const struct report *r = l->p->report;
    struct hole hole = {0};
    for (uint32_t i = l->p->marks_of[client]; i < l->p->marks_of[client + 1]; i++) {
        const struct report_mark *m = &r->marks[i];
        int64_t until = m->at_ms + (int64_t)m->value;
        if (m->kind != REPORT_MARK_GAP || !lanes_visible(l, m->at_ms, until))
            continue;
        double x = lanes_x_within(l, m->at_ms), end = lanes_x_within(l, until);
        if (hole.count > 0 && x - hole.end > LANES_MERGE) {
            put_hole(l, &hole);
            hole = (struct hole){0};
        }
        if (hole.count++ == 0) {
            hole.x = x;
            hole.at_ms = m->at_ms;
        }
        hole.end = end;
        hole.missing_ms += m->value;
    }
    put_hole(l, &hole);
}

static void figure(const struct lanes *l, const struct report_client *c) {
    if (c->frames_lost > 0)
        fprintf(l->out, "<text class=\"figure bad\" x=\"%d\" y=\"%.1f\">%" PRIu64 " lost",
                LANES_X1 + 6, l->y + 10, c->frames_lost);
    else if (c->served_from_ms != REPORT_UNSERVED)
        return;
    else if (strcmp(c->outcome, "playing") == 0)
        fprintf(l->out, "<text class=\"figure bad\" x=\"%d\" y=\"%.1f\">silent at the end",
                LANES_X1 + 6, l->y + 10);
    else
        fprintf(l->out, "<text class=\"figure faint\" x=\"%d\" y=\"%.1f\">over", LANES_X1 + 6,
                l->y + 10);
    fputs("<title>", l->out);
    html_textf(l->out,
               "%" PRIu64 " of %" PRIu64 " frames lost, longest gap %" PRId64 " ms; at the end: %s",
               c->frames_lost, c->frames_expected, c->gap_max_ms, c->outcome);
    fputs("</title></text>\n", l->out);
}

/* Who was never served has room for the reason. */
static void reason(const struct lanes *l, uint32_t client) {
    const struct report_client *c = &l->p->report->clients[client];
    if (c->served_from_ms != REPORT_UNSERVED ||
        picture_has(l->p, client, REPORT_MARK_SERVED, INT64_MIN, INT64_MAX))
        return;
    fprintf(l->out, "<text class=\"faint\" x=\"%d\" y=\"%.1f\">", LANES_X0 + 4, l->y + 10);
    html_text(l->out, c->outcome);
    fputs("</text>\n", l->out);
}

static void lane(struct lanes *l, uint32_t client) {
    const struct report_client *c = &l->p->report->clients[client];
    lanes_label(l, LANES_NAME, l->y + 10, c->frames_lost > 0 ? "name bad" : "name", c->name);
    bars(l, client);
    gaps(l, client);
    hedges(l, client);
    moves(l, client);
    figure(l, c);
    reason(l, client);
    l->y += LANE;
}

/* ---- groups ---- */

static bool happened(const struct lanes *l, uint32_t client) {
    int64_t from = l->view.from_ms, to = l->view.to_ms;
    return picture_has(l->p, client, REPORT_MARK_GAP, from, to) ||
           picture_has(l->p, client, REPORT_MARK_HEDGED, from, to) ||
           picture_has(l->p, client, REPORT_MARK_SERVED, from, to);
}

/* Those of a group that have no lane. */
struct folded {
    uint32_t count, losers;
};

static struct folded fold(const struct lanes *l, uint32_t group) {
    const struct report *r = l->p->report;
    struct folded f = {0};
    for (uint32_t i = 0; i < r->client_count; i++)
        if (r->clients[i].group == group) {
            f.count++;
            f.losers += r->clients[i].frames_lost > 0;
        }
    for (uint32_t i = 0; i < l->p->lane_count; i++)
        if (r->clients[l->p->lanes[i]].group == group) {
            f.count--;
            f.losers -= r->clients[l->p->lanes[i]].frames_lost > 0;
        }
    return f;
}

static void put_folded(struct lanes *l, const char *of, struct folded f) {
    char text[160];
    if (f.count == 0)
        return;
    if (f.losers == 0)
        snprintf(text, sizeof(text), "and %" PRIu32 " more %s without a loss", f.count, of);
    else
        snprintf(text, sizeof(text), "and %" PRIu32 " more %s; %" PRIu32 " of them lost less",
                 f.count, of, f.losers);
    fprintf(l->out, "<text class=\"more\" x=\"%d\" y=\"%.1f\">", LANES_X0, l->y + 10);
    html_text(l->out, text);
    fputs("</text>\n", l->out);
    l->y += LANE + 3;
}

/* Groups none of which has a lane. */
static void put_rest(struct lanes *l, struct folded shown) {
    const struct report *r = l->p->report;
    struct folded rest = {.count = r->client_count - l->p->lane_count - shown.count};
    for (uint32_t i = 0; i < r->client_count; i++)
        rest.losers += r->clients[i].frames_lost > 0;
    for (uint32_t i = 0; i < l->p->lane_count; i++)
        rest.losers -= r->clients[l->p->lanes[i]].frames_lost > 0;
    rest.losers -= shown.losers;
    put_folded(l, "of other groups", rest);
}

static bool is_among(const uint32_t *list, uint32_t count, uint32_t client) {
    for (uint32_t i = 0; i < count; i++)
        if (list[i] == client)
            return true;
    return false;
}

/* First the one that this view is about, then who misses something in it, then the others. */
static uint32_t choose_close(const struct lanes *l, uint32_t list[CLOSE_MAX]) {
    int64_t from = l->view.from_ms, to = l->view.to_ms;
    const struct picture *p = l->p;
    uint32_t count = 0;
    if (l->view.client < p->report->client_count)
        list[count++] = l->view.client;
    for (uint32_t i = 0; i < p->lane_count && count < CLOSE_MAX; i++)
        if (picture_has(p, p->lanes[i], REPORT_MARK_GAP, from, to) &&
            !is_among(list, count, p->lanes[i]))
            list[count++] = p->lanes[i];
    for (uint32_t i = 0; i < p->report->client_count && count < CLOSE_MAX; i++)
        if (picture_has(p, i, REPORT_MARK_GAP, from, to) && !is_among(list, count, i))
            list[count++] = i;
    for (uint32_t i = 0; i < p->lane_count && count < CLOSE_MAX; i++)
        if (happened(l, p->lanes[i]) && !is_among(list, count, p->lanes[i]))
            list[count++] = p->lanes[i];
    return count;
}

static void put_close(struct lanes *l) {
    uint32_t list[CLOSE_MAX], count = choose_close(l, list);
    for (uint32_t i = 0; i < count; i++)
        lane(l, list[i]);
}

void lanes_clients(struct lanes *l) {
    const struct report *r = l->p->report;
    struct folded shown = {0};
    if (l->view.close) {
        put_close(l);
        return;
    }
    for (uint32_t i = 0; i < l->p->lane_count; i++) {
        uint32_t group = r->clients[l->p->lanes[i]].group;
        lane(l, l->p->lanes[i]);
        if (i + 1 < l->p->lane_count && r->clients[l->p->lanes[i + 1]].group == group)
            continue;
        struct folded f = fold(l, group);
        const char *name = group < l->p->scenario->client_group_count
                               ? l->p->scenario->clients[group].name.text
                               : "";
        put_folded(l, name, f);
        shown.count += f.count;
        shown.losers += f.losers;
    }
    put_rest(l, shown);
}
