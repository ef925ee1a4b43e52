/*
 * How soon is a session on again, against what watching costs and what is held ready for it: the
 * study that the authors of the framework wanted (Raman & Katz, "An Architecture for Highly
 * Available Wide-Area Service Composition"; re-instantiation time, monitoring overhead, backup
 * pre-provisioning).
 *
 * Sites die under listeners, 30 to 80 ms away, 0.2 to 0.5 % of packets lost. First the interval of
 * beats is varied, then what a backup holds ready for a session, then how many slots the other
 * sites set aside, under so much load of their own; each sets them aside for each of its peers.
 * Pictures in build/bench/tradeoff-*.svg.
 */
#include "test/bench/overhead.h"
#include "test/bench/sheet.h"
#include "test/bench/tradeoff.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PEERS      10
#define RUNS       20
#define RUNS_QUICK 2
#define LISTENERS  30
#define CAPACITY   40 /* of each of the two other sites */
#define WIDTH      640
#define HEIGHT     400
#define LEFT       60
#define RIGHT      170
#define TOP        40
#define BOTTOM     50
#define CURVES     3
#define POINTS     5

static const double intervals_ms[POINTS] = {50, 100, 200, 500, 1000};
static const unsigned reserved[POINTS] = {0, 4, 8, 12, 15}; /* at each of two; 15 are all */
static const double loads[CURVES] = {0.4, 0.8, 1.2};        /* who want a slot, of CAPACITY */

static unsigned runs(const struct sheet *s) {
    return s->quick ? RUNS_QUICK : RUNS;
}

/* ---- pictures -------------------------------------------------------------------------------- */

struct chart {
    const char *path, *title, *x_unit, *y_unit;
    bool logarithmic; /* both axes */
    double x_from, x_to, y_from, y_to;
    const char *names[CURVES];
    double x[CURVES][POINTS], y[CURVES][POINTS];
};

static double along(const struct chart *c, double value, double from, double to) {
    double held = fmin(fmax(value, from), to);
    return c->logarithmic ? log(held / from) / log(to / from) : (held - from) / (to - from);
}

static double x_of(const struct chart *c, double value) {
    return LEFT + along(c, value, c->x_from, c->x_to) * (WIDTH - LEFT - RIGHT);
}

static double y_of(const struct chart *c, double value) {
    return HEIGHT - BOTTOM - along(c, value, c->y_from, c->y_to) * (HEIGHT - TOP - BOTTOM);
}

static double step_of(const struct chart *c, double from, double to, unsigned k) {
    return c->logarithmic ? from * pow(to / from, k / 4.0) : from + (to - from) * k / 4.0;
}

static void draw_axes(FILE *f, const struct chart *c) {
    fprintf(f, "<text x='%d' y='20' font-size='14'>%s</text>\n", LEFT, c->title);
    for (unsigned k = 0; k <= 4; k++) {
        double x = step_of(c, c->x_from, c->x_to, k), y = step_of(c, c->y_from, c->y_to, k);
        fprintf(f,
                "<line x1='%.1f' y1='%d' x2='%.1f' y2='%d' stroke='#ddd'/><text x='%.1f' y='%d' "
                "text-anchor='middle'>%.3g %s</text>\n",
                x_of(c, x), TOP, x_of(c, x), HEIGHT - BOTTOM, x_of(c, x), HEIGHT - BOTTOM + 16, x,
                c->x_unit);
        fprintf(f,
                "<line x1='%d' y1='%.1f' x2='%d' y2='%.1f' stroke='#ddd'/><text x='%d' y='%.1f' "
                "text-anchor='end'>%.3g %s</text>\n",
                LEFT, y_of(c, y), WIDTH - RIGHT, y_of(c, y), LEFT - 4, y_of(c, y) + 4, y,
                c->y_unit);
    }
}

static void draw(const struct sheet *s, const struct chart *c) {
    static const char *const colours[CURVES] = {"#1f77b4", "#d62728", "#2ca02c"};
    FILE *f = fopen(c->path, "w");
    if (f == NULL) {
        sheet_note(s, "%s: cannot be written", c->path);
        return;
    }
    fprintf(f,
            "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' "
            "font-family='sans-serif' font-size='11'><rect width='100%%' height='100%%' "
            "fill='white'/>\n",
            WIDTH, HEIGHT);
    draw_axes(f, c);
    for (size_t k = 0; k < CURVES && c->names[k] != NULL; k++) {
        fprintf(f, "<polyline fill='none' stroke='%s' stroke-width='1.5' points='", colours[k]);
        for (size_t i = 0; i < POINTS; i++)
            fprintf(f, "%.1f,%.1f ", x_of(c, c->x[k][i]), y_of(c, c->y[k][i]));
        fprintf(f, "'/><text x='%d' y='%d' fill='%s'>%s</text>\n", WIDTH - RIGHT + 10,
                TOP + 14 + (int)k * 16, colours[k], c->names[k]);
    }
    fputs("</svg>\n", f);
    fclose(f);
    sheet_note(s, "  picture: %s", c->path);
}

/* ---- the three questions --------------------------------------------------------------------- */

__attribute__((format(printf, 5, 6))) static void
put(struct sheet *s, const char *figure, double value, const char *unit, const char *format, ...) {
    char what[160];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    sheet_put(s, figure, what, value, unit);
}

/* Who waits for clusters to be sure has to wait that much longer for the first frame. */
static void watching(struct sheet *s) {
    static struct chart chart = {.path = "build/bench/tradeoff-watching.svg",
                                 .title = "Time to the first frame (99 %) against bytes of beats",
                                 .x_unit = "B/s",
                                 .y_unit = "ms",
                                 .logarithmic = true,
                                 .x_from = 100,
                                 .x_to = 3200,
                                 .y_from = 50,
                                 .y_to = 12800,
                                 .names = {"listeners ask", "if clusters did"}};
    sheet_group(s, "watching", "how often clusters beat: warm backups, the simulator");
    for (size_t i = 0; i < POINTS; i++) {
        struct tradeoff_case c = {intervals_ms[i], "warm", 0, 0, 0, LISTENERS};
        struct tradeoff_found f;
        char key[64];
        double bytes = overhead_bytes_per_s(PEERS, c.interval_ms);
        tradeoff_simulate(&c, runs(s), &f);
        snprintf(key, sizeof(key), "bytes_per_s_%g", c.interval_ms);
        put(s, key, bytes, "B/s", "a beat every %g ms, to each of %d peers", c.interval_ms, PEERS);
        snprintf(key, sizeof(key), "known_ms_p99_%g", c.interval_ms);
        put(s, key, f.known_ms_p99, "ms", "  the death is known to peers within (99 %%)");
        snprintf(key, sizeof(key), "first_frame_ms_p99_%g", c.interval_ms);
        put(s, key, f.first_frame_ms_p99, "ms", "  listeners have a frame of another within");
        snprintf(key, sizeof(key), "lost_share_%g", c.interval_ms);
        put(s, key, 100 * f.lost_share, "%", "  listeners who lost a frame, of any cause");
        for (size_t k = 0; k < 2; k++)
            chart.x[k][i] = bytes;
        chart.y[0][i] = f.first_frame_ms_p99;
        chart.y[1][i] = f.known_ms_p99 + f.first_frame_ms;
    }
    draw(s, &chart);
}

/* With the real programs: what is held ready saves their work, which the simulator does not do. */
static void held_ready(struct sheet *s) {
    static const char *const levels[] = {"cold", "warm", "hot"};
    if (s->quick)
        return;
    sheet_group(s, "held_ready", "what a backup holds ready: the real programs, one death each");
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        struct tradeoff_case c = {100, levels[i], 0, 0, 0, LISTENERS};
        struct tradeoff_found f;
        char key[64], why[256];
        if (!tradeoff_live(&c, &f, why, sizeof(why))) {
            sheet_note(s, "  not measured: %s", why);
            return;
        }
        snprintf(key, sizeof(key), "first_frame_ms_p50_%s", levels[i]);
        put(s, key, f.first_frame_ms, "ms", "%s: the new server's first frame after, median",
            levels[i]);
        snprintf(key, sizeof(key), "first_frame_ms_p99_%s", levels[i]);
        put(s, key, f.first_frame_ms_p99, "ms", "  99 %%");
        snprintf(key, sizeof(key), "lost_frames_%s", levels[i]);
        put(s, key, f.lost_frames, "", "  frames of 20 ms lost by a listener, mean");
        snprintf(key, sizeof(key), "slots_%s", levels[i]);
        put(s, key, strcmp(levels[i], "cold") == 0 ? 0 : 1, "", "  slots held at the backup%s",
            strcmp(levels[i], "hot") == 0 ? ", which sends all the time" : "");
    }
}

static void set_aside(struct sheet *s) {
    static struct chart chart = {.path = "build/bench/tradeoff-reserved.svg",
                                 .title = "Listeners without media after 5 s, against slots aside",
                                 .x_unit = "%",
                                 .y_unit = "%",
                                 .x_to = 100,
                                 .y_to = 100};
    static char names[CURVES][48];
    sheet_group(s, "set_aside",
                "slots of 40 that two sites set aside for each of their two peers: the simulator");
    for (size_t k = 0; k < CURVES; k++) {
        snprintf(names[k], sizeof(names[k]), "own demand %.0f %%", 100 * loads[k]);
        chart.names[k] = names[k];
        for (size_t i = 0; i < POINTS; i++) {
            struct tradeoff_case c = {
                100, "warm", CAPACITY, reserved[i], (unsigned)(loads[k] * CAPACITY), LISTENERS};
            struct tradeoff_found f;
            char key[64];
            double aside = 100.0 * 2 * reserved[i] / LISTENERS;
            tradeoff_simulate(&c, runs(s), &f);
            snprintf(key, sizeof(key), "unserved_%.0f_%.0f", 100 * loads[k], aside);
            put(s, key, 100 * f.unserved, "%",
                "own demand %.0f %%, %.0f %% set aside: without media", 100 * loads[k], aside);
            snprintf(key, sizeof(key), "own_refused_%.0f_%.0f", 100 * loads[k], aside);
            put(s, key, 100 * f.own_refused, "%", "  own listeners refused for it");
            chart.x[k][i] = aside;
            chart.y[k][i] = 100 * f.unserved;
        }
    }
    draw(s, &chart);
}

int main(int argc, char **argv) {
    struct sheet s;
    sheet_open(&s, "tradeoff", "time to resume, against watching and what is held ready", argc,
               argv);
    watching(&s);
    held_ready(&s);
    set_aside(&s);
    return sheet_close(&s);
}
