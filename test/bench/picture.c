#include "test/bench/picture.h"

#include <math.h>
#include <stdio.h>

#define WIDTH    760
#define HEIGHT   460
#define LEFT     60
#define RIGHT    150
#define TOP      40
#define BOTTOM   50
#define TD_MIN   50.0   /* [ms] both axes are logarithmic */
#define TD_MAX   5000.0 /* [ms] */
#define RATE_MIN 0.05   /* mistakes an hour; none at all is drawn here */
#define RATE_MAX 20000.0

static const char *const colours[] = {"#d62728", "#ff9896", "#1f77b4", "#17becf", "#9467bd",
                                      "#2ca02c", "#98df8a", "#bcbd22", "#8c564b", "#7f7f7f"};

static double x_of(double td_ms) {
    double share = log(fmin(fmax(td_ms, TD_MIN), TD_MAX) / TD_MIN) / log(TD_MAX / TD_MIN);
    return LEFT + share * (WIDTH - LEFT - RIGHT);
}

static double y_of(double per_hour) {
    double r = fmin(fmax(per_hour, RATE_MIN), RATE_MAX);
    return HEIGHT - BOTTOM - log(r / RATE_MIN) / log(RATE_MAX / RATE_MIN) * (HEIGHT - TOP - BOTTOM);
}

static void axes(FILE *f, const char *title, double wish_per_hour, double wish_ms) {
    fprintf(f,
            "<text x='%d' y='20' font-size='14'>%s: detection time (p99) against mistakes</text>",
            LEFT, title);
    for (double t = TD_MIN; t <= TD_MAX; t *= t == 50 || t == 500 ? 2 : 5)
        fprintf(f,
                "<line x1='%.1f' y1='%d' x2='%.1f' y2='%d' stroke='#ddd'/>"
                "<text x='%.1f' y='%d' text-anchor='middle'>%g ms</text>\n",
                x_of(t), TOP, x_of(t), HEIGHT - BOTTOM, x_of(t), HEIGHT - BOTTOM + 16, t);
    for (double r = 0.1; r <= RATE_MAX; r *= 10)
        fprintf(f,
                "<line x1='%d' y1='%.1f' x2='%d' y2='%.1f' stroke='#ddd'/>"
                "<text x='%d' y='%.1f' text-anchor='end'>%g/h</text>\n",
                LEFT, y_of(r), WIDTH - RIGHT, y_of(r), LEFT - 4, y_of(r) + 4, r);
    fprintf(f, "<text x='%d' y='%.1f' text-anchor='end'>none</text>\n", LEFT - 4,
            y_of(RATE_MIN) + 4);
    fprintf(f, "<rect x='%d' y='%.1f' width='%.1f' height='%.1f' fill='#2ca02c' opacity='0.08'/>\n",
            LEFT, y_of(wish_per_hour), x_of(wish_ms) - LEFT, HEIGHT - BOTTOM - y_of(wish_per_hour));
}

static void curve(FILE *f, const struct picture_set *s, const char *colour) {
    fprintf(f, "<polyline fill='none' stroke='%s' stroke-width='1.5' points='", colour);
    for (size_t i = 0; i < s->count; i++)
        fprintf(f, "%.1f,%.1f ", x_of(s->results[i].td_ms_p99),
                y_of(s->results[i].mistakes_per_hour));
    fputs("'/>\n", f);
    for (size_t i = 0; i < s->count; i++)
        fprintf(f, "<circle cx='%.1f' cy='%.1f' r='%d' fill='%s'/>\n",
                x_of(s->results[i].td_ms_p99), y_of(s->results[i].mistakes_per_hour),
                s->count == 1 || s->customary == i + 1 ? 6 : 2, colour);
}

bool picture_write(const char *path, const char *title, const struct picture_set *sets,
                   size_t count, double wish_per_hour, double wish_ms) {
    FILE *f = fopen(path, "w");
    if (f == NULL) {
        perror(path);
        return false;
    }
    fprintf(f,
            "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' "
            "font-family='sans-serif' font-size='11'><rect width='100%%' height='100%%' "
            "fill='white'/>\n",
            WIDTH, HEIGHT);
    axes(f, title, wish_per_hour, wish_ms);
    for (size_t i = 0; i < count; i++) {
        const char *colour = colours[i % (sizeof(colours) / sizeof(colours[0]))];
        curve(f, &sets[i], colour);
        fprintf(f, "<text x='%d' y='%d' fill='%s'>%s</text>\n", WIDTH - RIGHT + 10,
                TOP + 14 + (int)i * 16, colour, sets[i].name);
    }
    fprintf(f,
            "<text x='%d' y='%d'>large dot: customary,</text><text x='%d' y='%d'>or our own "
            "choice;</text><text x='%d' y='%d'>green: the wish</text></svg>\n",
            WIDTH - RIGHT + 10, HEIGHT - BOTTOM - 32, WIDTH - RIGHT + 10, HEIGHT - BOTTOM - 18,
            WIDTH - RIGHT + 10, HEIGHT - BOTTOM - 4);
    return fclose(f) == 0;
}
