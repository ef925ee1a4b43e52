/* A lane a cluster: above, how it is; below, what its peers believe of it. */
#include "peerd/sim/html.h"
#include "peerd/sim/report_lanes_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LANE       25.0
#define BAR        9.0
#define SIGN_Y     18.0
#define VERDICTS   7
#define SIGNS_MAX  300 /* of a lane */
#define ALL_SHOWN  8   /* clusters of a close view */
#define TITLES_MAX 8   /* verdicts told one by one in a sign's text */

static const char *const state_classes[REPORT_STATE_COUNT] = {
    "up", "draining", "maimed", "headless", "stopped", "dark", "dead"};

static const char *state_text(enum report_state s) {
    switch (s) {
    case REPORT_STATE_UP:
        return "up";
    case REPORT_STATE_DRAINING:
        return "draining";
    case REPORT_STATE_MAIMED:
        return "a part of it is down";
    case REPORT_STATE_HEADLESS:
        return "peerd down, media up";
    case REPORT_STATE_STOPPED:
        return "stopped";
    case REPORT_STATE_DARK:
        return "cut off";
    case REPORT_STATE_DEAD:
        return "dead";
    case REPORT_STATE_COUNT:
        break;
    }
    return "";
}

static void bar(const struct lanes *l, uint32_t cluster, enum report_state state, int64_t from_ms,
                int64_t to_ms) {
    double x = lanes_x_within(l, from_ms), wide = lanes_x_within(l, to_ms) - x;
    if (!lanes_visible(l, from_ms, to_ms) || wide <= 0)
        return;
    bool coloured = state <= REPORT_STATE_HEADLESS;
    fprintf(l->out,
            "<rect class=\"bar %s %s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\">"
            "<title>",
            state_classes[state], coloured ? report_lanes_colour(l->p, cluster) : "", x, l->y + 2,
            wide < 0.8 ? 0.8 : wide, BAR);
    html_text(l->out, l->p->scenario->clusters[cluster].identity.name.text);
    html_textf(l->out, ": %s from ", state_text(state));
    html_instant(l->out, from_ms);
    fputs(" to ", l->out);
    html_instant(l->out, to_ms);
    fputs("</title></rect>\n", l->out);
    if (state != REPORT_STATE_UP && wide > 9 + 6 * (double)strlen(state_text(state)))
        fprintf(l->out, "<text class=\"state%s\" x=\"%.1f\" y=\"%.1f\">%s</text>\n",
                coloured ? "" : " light", x + 4, l->y + 9.6, state_text(state));
}

static void bars(const struct lanes *l, uint32_t cluster) {
    const struct report *r = l->p->report;
    enum report_state state = REPORT_STATE_UP;
    int64_t since = 0;
    for (uint32_t i = 0; i < r->change_count; i++) {
        if (r->changes[i].cluster != cluster)
            continue;
        bar(l, cluster, state, since, r->changes[i].at_ms);
        state = r->changes[i].state;
        since = r->changes[i].at_ms;
    }
    bar(l, cluster, state, since, l->p->end_ms);
}

/* ---- verdicts ---- */

/* Verdicts of one kind, close together. */
struct sign {
    const char *class;
    double x, last_x;
    uint32_t first, count; /* the first one, of the report */
    uint32_t told[TITLES_MAX];
};

static int kind_of(const struct name *verdict) {
    static const char *const names[VERDICTS] = {"alive",       "suspect",  "headless", "crashed",
                                                "partitioned", "degraded", "draining"};
    for (int i = 0; i < VERDICTS; i++)
        if (strcmp(verdict->text, names[i]) == 0)
            return i;
    return 0;
}

static void put_sign(const struct lanes *l, const struct sign *s) {
    const struct report *r = l->p->report;
    const struct report_verdict *first = &r->verdicts[s->first];
    double y = l->y + SIGN_Y;
    fprintf(l->out, "<g class=\"sign v-%s\"><path d=\"", s->class);
    if (strcmp(s->class, "alive") == 0)
        fprintf(l->out, "M%.1f %.1fl-4 6h8z", s->x, y - 3.5);
    else if (strcmp(s->class, "suspect") == 0)
        fprintf(l->out, "M%.1f %.1fa3.2 3.2 0 1 0 .1 0z", s->x, y - 3.2);
    else
        fprintf(l->out, "M%.1f %.1fl4.4 4.4-4.4 4.4-4.4-4.4z", s->x, y - 4.4);
    fputs("\"/>", l->out);
    if (s->count > 1)
        fprintf(l->out, "<text x=\"%.1f\" y=\"%.1f\">%" PRIu32 "</text>", s->x + 5.5, y + 3,
                s->count);
    fputs("<title>", l->out);
    html_textf(l->out, "%s %s", first->peer.text, first->verdict.text);
    for (uint32_t i = 0; i < s->count && i < TITLES_MAX; i++) {
        const struct report_verdict *v = &r->verdicts[s->told[i]];
        fputs("\n", l->out);
        html_instant(l->out, v->at_ms);
        html_textf(l->out, " %s%s%s", v->observer.text, v->evidence[0] != '\0' ? ": " : "",
                   v->evidence);
    }
    if (s->count > TITLES_MAX)
        html_textf(l->out, "\nand %" PRIu32 " more", s->count - TITLES_MAX);
    fputs("</title></g>\n", l->out);
}

static void signs(const struct lanes *l, uint32_t cluster) {
    const struct name *name = &l->p->scenario->clusters[cluster].identity.name;
    const struct report *r = l->p->report;
    struct sign open[VERDICTS] = {0};
    uint32_t put = 0;
    for (uint32_t i = 0; i < r->verdict_count && put < SIGNS_MAX; i++) {
        const struct report_verdict *v = &r->verdicts[i];
        if (!lanes_visible(l, v->at_ms, v->at_ms) || !name_equal(&v->peer, name))
            continue;
        struct sign *s = &open[kind_of(&v->verdict)];
        double x = lanes_x(l, v->at_ms);
        if (s->count > 0 && x - s->last_x > LANES_MERGE * 3) {
            put_sign(l, s);
            put++;
            s->count = 0;
        }
        if (s->count == 0)
            *s = (struct sign){.class = v->verdict.text, .x = x, .first = i};
        if (s->count < TITLES_MAX)
            s->told[s->count] = i;
        s->count++;
        s->last_x = x;
    }
    for (int i = 0; i < VERDICTS; i++)
        if (open[i].count > 0)
            put_sign(l, &open[i]);
}

/* ---- lanes ---- */

static void lane(struct lanes *l, uint32_t cluster) {
    fprintf(l->out, "<rect class=\"%s\" x=\"%d\" y=\"%.1f\" width=\"9\" height=\"9\" rx=\"2\"/>\n",
            report_lanes_colour(l->p, cluster), LANES_X0 - 16, l->y + 2);
    lanes_label(l, LANES_X0 - 21, l->y + 10, "name strong",
                l->p->scenario->clusters[cluster].identity.name.text);
    bars(l, cluster);
    signs(l, cluster);
    l->y += LANE;
}

/* In a close view of many: those that are hit, judged, or moved to in it. */
static bool is_concerned(const struct lanes *l, uint32_t cluster) {
    const struct report *r = l->p->report;
    const struct name *name = &l->p->scenario->clusters[cluster].identity.name;
    bool concerned = !l->view.close || l->p->scenario->cluster_count <= ALL_SHOWN;
    for (uint32_t i = 0; i < r->change_count && !concerned; i++)
        concerned = r->changes[i].cluster == cluster;
    for (uint32_t i = 0; i < r->verdict_count && !concerned; i++)
        concerned = lanes_visible(l, r->verdicts[i].at_ms, r->verdicts[i].at_ms) &&
                    name_equal(&r->verdicts[i].peer, name);
    for (uint32_t i = 0; i < r->mark_count && !concerned; i++)
        concerned = r->marks[i].kind == REPORT_MARK_SERVED && r->marks[i].value == cluster &&
                    lanes_visible(l, r->marks[i].at_ms, r->marks[i].at_ms);
    return concerned;
}

void lanes_clusters(struct lanes *l) {
    uint32_t all = l->p->scenario->cluster_count, shown = 0;
    char text[96];
    for (uint32_t i = 0; i < l->p->cluster_count; i++)
        if (is_concerned(l, l->p->clusters[i])) {
            lane(l, l->p->clusters[i]);
            shown++;
        }
    if (shown < all) {
        snprintf(text, sizeof(text), "and %" PRIu32 " more clusters", all - shown);
        lanes_label(l, LANES_NAME, l->y + 8, "name faint", text);
        l->y += 14;
    }
    l->y += 4;
}
