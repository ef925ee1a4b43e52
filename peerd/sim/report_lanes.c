#include "peerd/sim/report_lanes.h"

#include "peerd/sim/html.h"
#include "peerd/sim/report_lanes_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define AXIS_ROW     16.0
#define LABEL_ROW    13.0
#define LABEL_ROWS   5
#define LABEL_MAX    44  /* [characters] */
#define LETTER       6.4 /* [px] mean width of a letter at 11 px */
#define AUDIENCE     64.0
#define AUDIENCE_BIN 220

bool lanes_may_add(const struct lanes *l) {
    return ++*l->elements <= LANES_ELEMENTS_MAX;
}

double lanes_x(const struct lanes *l, int64_t ms) {
    double part = (double)(ms - l->view.from_ms) / (double)(l->view.to_ms - l->view.from_ms);
    return LANES_X0 + part * (LANES_X1 - LANES_X0);
}

double lanes_x_within(const struct lanes *l, int64_t ms) {
    double x = lanes_x(l, ms);
    return x < LANES_X0 ? LANES_X0 : x > LANES_X1 ? LANES_X1 : x;
}

bool lanes_visible(const struct lanes *l, int64_t from_ms, int64_t to_ms) {
    return to_ms >= l->view.from_ms && from_ms <= l->view.to_ms;
}

void lanes_label(const struct lanes *l, int x, double y, const char *class, const char *text) {
    fprintf(l->out, "<text class=\"%s\" x=\"%d\" y=\"%.1f\">", class, x, y);
    html_text(l->out, text);
    fputs("</text>\n", l->out);
}

const char *report_lanes_colour(const struct picture *p, uint32_t cluster) {
    static const char *const classes[PICTURE_COLOURS + 1] = {"k0", "k1", "k2", "k3", "k4",
                                                             "k5", "k6", "k7", "kx"};
    return cluster < p->scenario->cluster_count ? classes[p->colours[cluster]] : "kx";
}

/* ---- the axis ---- */

/* A round number of milliseconds between lines, so that about ten of them fit. */
static int64_t step_of(int64_t span_ms) {
    int64_t step = 1;
    for (int k = 0; step * 12 < span_ms; k++)
        step = k % 3 == 1 ? step / 2 * 5 : step * 2;
    return step;
}

static void axis(struct lanes *l) {
    int64_t step = step_of(l->view.to_ms - l->view.from_ms);
    int digits = step % 1000 == 0 ? 0 : step % 100 == 0 ? 1 : step % 10 == 0 ? 2 : 3;
    for (int64_t at = (l->view.from_ms + step - 1) / step * step; at <= l->view.to_ms; at += step) {
        double x = lanes_x(l, at);
        fprintf(l->out, "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\">%.*f s</text>\n", x, l->y + 11,
                digits, (double)at / 1000);
    }
    l->y += AXIS_ROW;
}

static void grid(const struct lanes *l, double top, double bottom) {
    int64_t step = step_of(l->view.to_ms - l->view.from_ms);
    fputs("<path class=\"grid\" d=\"", l->out);
    for (int64_t at = (l->view.from_ms + step - 1) / step * step; at <= l->view.to_ms; at += step)
        fprintf(l->out, "M%.1f %.1fV%.1f", lanes_x(l, at), top, bottom);
    fputs("\"/>\n", l->out);
}

/* ---- events ---- */

/* What does harm, what mends, and the rest. */
static const char *class_of(const struct report_event *e) {
    static const struct {
        const char *verb;
        const char *class;
    } verbs[] = {{"kill", "harm"},      {"stop", "harm"},    {"blackhole", "harm"},
                 {"partition", "harm"}, {"restart", "mend"}, {"continue", "mend"},
                 {"heal", "mend"},      {"undrain", "mend"}};
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (strncmp(e->text, verbs[i].verb, strlen(verbs[i].verb)) == 0)
            return verbs[i].class;
    return "plan";
}

/* At most LABEL_MAX characters, never half of one. */
static void label_of(const struct report_event *e, char out[REPORT_TEXT_LEN_MAX + 64]) {
    bool named = e->target.text[0] == '\0' || strstr(e->text, e->target.text) != NULL;
    snprintf(out, REPORT_TEXT_LEN_MAX + 64, "%s%s%s", e->text, named ? "" : " = ",
             named ? "" : e->target.text);
    if (strlen(out) <= LABEL_MAX)
        return;
    size_t end = LABEL_MAX - 1;
    while (end > 0 && ((unsigned char)out[end] & 0xc0) == 0x80)
        end--;
    strcpy(out + end, "…");
}

static void put_event(const struct lanes *l, const struct report_event *e, double y, bool left,
                      const char *label) {
    double x = lanes_x(l, e->at_ms);
    fprintf(l->out, "<text class=\"event %s%s\" x=\"%.1f\" y=\"%.1f\">", class_of(e),
            left ? " left" : "", left ? x - 3 : x + 3, y);
    html_text(l->out, label);
    fputs("<title>", l->out);
    html_instant(l->out, e->at_ms);
    fputs(": ", l->out);
    html_text(l->out, e->text);
    html_text(l->out, e->target.text[0] != '\0' ? ", hits " : "");
    html_text(l->out, e->target.text);
    fputs("</title></text>\n", l->out);
}

/* Labels stand in the first row that has room; without any the line alone remains. */
void lanes_events(struct lanes *l) {
    const struct report *r = l->p->report;
    double ends[LABEL_ROWS];
    int rows = 0;
    axis(l);
    for (int i = 0; i < LABEL_ROWS; i++)
        ends[i] = 0;
    for (uint32_t i = 0; i < r->event_count; i++) {
        const struct report_event *e = &r->events[i];
        char label[REPORT_TEXT_LEN_MAX + 64];
        if (!lanes_visible(l, e->at_ms, e->at_ms))
            continue;
        label_of(e, label);
        double x = lanes_x(l, e->at_ms), width = (double)strlen(label) * LETTER + 8;
        bool left = x + width > LANES_WIDTH;
        int row = 0;
        while (row < LABEL_ROWS && ends[row] > (left ? x - width : x))
            row++;
        if (row == LABEL_ROWS)
            continue;
        ends[row] = left ? x : x + width;
        rows = row + 1 > rows ? row + 1 : rows;
        put_event(l, e, l->y + 10 + LABEL_ROW * row, left, label);
    }
    l->y += LABEL_ROW * rows + 6;
}

void lanes_event_lines(const struct lanes *l, double top, double bottom) {
    const struct report *r = l->p->report;
    double last[3] = {-9, -9, -9};
    for (uint32_t i = 0; i < r->event_count; i++) {
        const char *class = class_of(&r->events[i]);
        double *before = &last[class[0] == 'h' ? 0 : class[0] == 'm' ? 1 : 2];
        double x = lanes_x(l, r->events[i].at_ms);
        if (!lanes_visible(l, r->events[i].at_ms, r->events[i].at_ms) || x - *before < 1)
            continue;
        *before = x;
        fprintf(l->out, "<path class=\"line %s\" d=\"M%.1f %.1fV%.1f\"/>\n", class, x, top, bottom);
    }
}

/* ---- how many each cluster serves ---- */

static uint32_t bin_of(const struct lanes *l, int64_t ms) {
    int64_t span = l->view.to_ms - l->view.from_ms;
    int64_t bin = (ms - l->view.from_ms) * AUDIENCE_BIN / span;
    return bin < 0 ? 0 : bin > AUDIENCE_BIN ? AUDIENCE_BIN : (uint32_t)bin;
}

/* served[colour][bin]: listeners, in the middle of nothing: a change counts from its own bin. */
static void count_served(const struct lanes *l,
                         int64_t served[PICTURE_COLOURS + 1][AUDIENCE_BIN + 1]) {
    const struct report *r = l->p->report;
    for (uint32_t client = 0; client < r->client_count; client++) {
        uint32_t by = REPORT_NOBODY;
        for (uint32_t i = l->p->marks_of[client]; i < l->p->marks_of[client + 1]; i++) {
            const struct report_mark *m = &r->marks[i];
            if (m->kind != REPORT_MARK_SERVED)
                continue;
            uint32_t bin = bin_of(l, m->at_ms);
            if (by < l->p->scenario->cluster_count)
                served[l->p->colours[by]][bin]--;
            by = m->value;
            if (by < l->p->scenario->cluster_count)
                served[l->p->colours[by]][bin]++;
        }
    }
    for (int colour = 0; colour <= PICTURE_COLOURS; colour++)
        for (int bin = 1; bin <= AUDIENCE_BIN; bin++)
            served[colour][bin] += served[colour][bin - 1];
}

static double height_of(const struct lanes *l, int64_t count) {
    return AUDIENCE * (double)count / (double)l->p->report->client_count;
}

static void area(const struct lanes *l, int colour, const int64_t *counts, int64_t *below) {
    static const char *const classes[] = {"k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7", "kx"};
    double wide = (double)(LANES_X1 - LANES_X0) / AUDIENCE_BIN, base = l->y + AUDIENCE;
    int64_t any = 0;
    for (int bin = 0; bin < AUDIENCE_BIN; bin++)
        any += counts[bin];
    if (any == 0)
        return;
    fprintf(l->out, "<path class=\"%s\" d=\"M%d %.1f", classes[colour], LANES_X0,
            base - height_of(l, below[0]));
    for (int bin = 0; bin < AUDIENCE_BIN; bin++)
        fprintf(l->out, "V%.1fH%.1f", base - height_of(l, below[bin] + counts[bin]),
                LANES_X0 + wide * (bin + 1));
    for (int bin = AUDIENCE_BIN; bin-- > 0;) {
        fprintf(l->out, "V%.1fH%.1f", base - height_of(l, below[bin]), LANES_X0 + wide * bin);
        below[bin] += counts[bin];
    }
    fputs("Z\"/>\n", l->out);
}

void lanes_audience(struct lanes *l) {
    static int64_t served[PICTURE_COLOURS + 1][AUDIENCE_BIN + 1];
    int64_t below[AUDIENCE_BIN + 1] = {0};
    char text[64];
    if (l->p->report->client_count == 0)
        return;
    memset(served, 0, sizeof(served));
    count_served(l, served);
    fprintf(l->out, "<rect class=\"ground\" x=\"%d\" y=\"%.1f\" width=\"%d\" height=\"%.1f\"/>\n",
            LANES_X0, l->y, LANES_X1 - LANES_X0, AUDIENCE);
    for (int colour = 0; colour <= PICTURE_COLOURS; colour++)
        area(l, colour, served[colour], below);
    snprintf(text, sizeof(text), "%" PRIu32 " listeners", l->p->report->client_count);
    lanes_label(l, LANES_NAME, l->y + 14, "name strong", text);
    lanes_label(l, LANES_NAME, l->y + 28, "name faint", "served by");
    l->y += AUDIENCE + 8;
}

/* ---- all of it ---- */

static void frame(FILE *out, const struct lanes *l, double top) {
    fprintf(out,
            "<svg class=\"lanes\" viewBox=\"0 0 %d %.0f\" role=\"img\" "
            "xmlns=\"http://www.w3.org/2000/svg\" data-from=\"%" PRId64 "\" data-to=\"%" PRId64
            "\" data-x0=\"%d\" data-x1=\"%d\">\n",
            LANES_WIDTH, l->y + 4, l->view.from_ms, l->view.to_ms, LANES_X0, LANES_X1);
    struct lanes behind = *l;
    behind.out = out;
    grid(&behind, top, l->y);
    lanes_event_lines(&behind, top, l->y);
}

bool report_lanes_write(FILE *out, const struct picture *picture, const struct lanes_view *view) {
    char *body = NULL;
    size_t size = 0;
    uint32_t elements = 0;
    struct lanes l = {
        .out = open_memstream(&body, &size), .p = picture, .view = *view, .elements = &elements};
    if (l.out == NULL)
        return false;
    lanes_events(&l);
    double top = l.y - 6;
    if (!view->close)
        lanes_audience(&l);
    lanes_clusters(&l);
    lanes_clients(&l);
    bool ok = fclose(l.out) == 0 && body != NULL;
    if (ok) {
        frame(out, &l, top);
        fwrite(body, 1, size, out);
        fputs("</svg>\n", out);
        if (elements > LANES_ELEMENTS_MAX)
            html_textf(out, "%" PRIu32 " more bars and signs of listeners are left out",
                       elements - LANES_ELEMENTS_MAX);
    }
    free(body);
    return ok;
}
