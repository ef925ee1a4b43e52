#include "test/live/render.h"

#include "peerd/net/clock.h"

#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BAR_CELLS 28

/* The plot: one column is COLUMN_MS, the event stands after BEFORE_COLUMNS. */
#define COLUMN_MS      10
#define BEFORE_COLUMNS 12
#define COLUMNS        64

void render_init(struct render *x, const struct runner *runner, enum render_style style) {
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
    bool terminal = isatty(1) && term != NULL && strcmp(term, "dumb") != 0;
    setlocale(LC_CTYPE, "");
    *x = (struct render){.runner = runner, .style = style};
    x->bar = style == RENDER_PRETTY && terminal;
    x->colour = x->bar && (no_colour == NULL || no_colour[0] == '\0');
    x->wide = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
}

const char *render_bold(const struct render *x) {
    return x->colour ? "\033[1m" : "";
}

const char *render_dim(const struct render *x) {
    return x->colour ? "\033[2m" : "";
}

const char *render_good(const struct render *x) {
    return x->colour ? "\033[32m" : "";
}

const char *render_bad(const struct render *x) {
    return x->colour ? "\033[1;31m" : "";
}

const char *render_plain(const struct render *x) {
    return x->colour ? "\033[0m" : "";
}

static void hide_bar(struct render *x) {
    if (x->bar_shown)
        fputs("\r\033[K", stdout);
    x->bar_shown = false;
}

static const char *colour_of(const struct render *x, enum fact_kind kind) {
    switch (kind) {
    case FACT_RUN:
        return "";
    case FACT_ACTION:
        return render_bold(x);
    case FACT_OVERLAY:
    case FACT_VERDICT:
        return render_dim(x);
    case FACT_LISTENER:
        return render_good(x);
    case FACT_TROUBLE:
        return render_bad(x);
    }
    return "";
}

static void fact(void *data, enum fact_kind kind, struct duration at, const char *text) {
    struct render *x = data;
    if ((x->style == RENDER_QUIET && kind != FACT_TROUBLE) ||
        (x->style == RENDER_PRETTY && kind == FACT_OVERLAY) ||
        (x->style == RENDER_PLAIN && kind == FACT_VERDICT))
        return;
    hide_bar(x);
    if (at.us < 0)
        printf("%9s  ", "");
    else
        printf("%7.2f s  ", (double)at.us / 1e6);
    printf("%s%s%s\n", colour_of(x, kind), text, render_plain(x));
    fflush(stdout);
}

/* ---- the bar ---- */

static void draw_bar(struct render *x) {
    const struct runner *r = x->runner;
    struct instant now = net_now();
    uint64_t frames = 0, lost = 0;
    uint32_t playing = 0;
    for (uint32_t i = 0; i < r->listener_count; i++) {
        struct player_count c = player_count(&r->listeners[i].player, now, -1, REPORT_BREAK_MS);
        frames += c.expected;
        lost += c.lost;
        playing += c.expected > 0 && !instant_is_never(c.unbroken);
    }
    double part = (double)instant_since(now, r->started).us / (double)r->scenario->duration.us;
    int cells = part > 1 ? BAR_CELLS : (int)(part * BAR_CELLS);
    hide_bar(x);
    fputs("           ", stdout);
    for (int i = 0; i < BAR_CELLS; i++)
        fputs(i < cells ? (x->wide ? "━" : "#") : (x->wide ? "─" : "-"), stdout);
    printf("  %u of %u play, %" PRIu64 " frames heard, %s%" PRIu64 " lost%s", playing,
           r->listener_count, frames - lost, lost > 0 ? render_bad(x) : "", lost, render_plain(x));
    fflush(stdout);
    x->bar_shown = true;
}

static void tick(void *data) {
    struct render *x = data;
    if (x->bar && x->runner->state == RUNNER_RUNNING)
        draw_bar(x);
}

struct narrator render_narrator(struct render *x) {
    return (struct narrator){.fact = fact, .tick = tick, .data = x};
}

void render_end(struct render *x) {
    hide_bar(x);
    x->bar = false;
}

/* ---- the plot ---- */

/* A count in a column: nothing, one packet, or how many. */
static void put_cell(const struct render *x, unsigned count) {
    if (count == 0)
        fputs(" ", stdout);
    else if (count == 1)
        fputs(x->wide ? "▪" : "|", stdout);
    else
        printf("%c", count < 10 ? '0' + (int)count : '+');
}

static int column_of(const struct episode *e, struct instant at) {
    int64_t us = instant_since(at, e->at).us + BEFORE_COLUMNS * COLUMN_MS * 1000;
    return us < 0 || us >= COLUMNS * COLUMN_MS * 1000 ? -1 : (int)(us / (COLUMN_MS * 1000));
}

static void put_row(const struct render *x, const char *name, const unsigned counts[COLUMNS]) {
    printf("  %-12s ", name);
    for (int i = 0; i < COLUMNS; i++)
        put_cell(x, counts[i]);
    putchar('\n');
}

static void put_site(const struct render *x, const struct episode *e, uint32_t listener,
                     uint32_t site) {
    const struct episodes *all = &x->runner->episodes;
    unsigned counts[COLUMNS] = {0}, sum = 0;
    char name[NAME_LEN_MAX + 8];
    for (uint32_t i = 0; i < all->packet_count; i++) {
        int column = column_of(e, all->packets[i].at);
        if (column >= 0 && all->packets[i].listener == listener && all->packets[i].site == site) {
            counts[column]++;
            sum++;
        }
    }
    snprintf(name, sizeof(name), "from %.20s", x->runner->sites[site].name.text);
    if (sum > 0)
        put_row(x, name, counts);
}

static void put_player(const struct render *x, const struct episode *e, uint32_t listener) {
    const struct player *p = &x->runner->listeners[listener].player;
    unsigned counts[COLUMNS] = {0};
    for (size_t i = 0; i < p->room; i++) {
        int column = instant_is_never(p->packets[i].at) ? -1 : column_of(e, p->packets[i].at);
        if (column >= 0)
            counts[column]++;
    }
    put_row(x, "the player", counts);
}

/* The site that died first, then the others. */
void render_arrivals(const struct render *x, const struct episode *e) {
    const struct runner *r = x->runner;
    uint32_t listener = 0;
    while (listener < r->listener_count && !e->listeners[listener].affected)
        listener++;
    if (r->tap == NULL || listener == r->listener_count)
        return;
    printf("  What reached one of the listeners (%s) as %s died; a column is %d ms, a mark a\n"
           "  packet, a digit so many of them:\n\n",
           r->listeners[listener].name, r->sites[e->site].name.text, COLUMN_MS);
    put_site(x, e, listener, e->site);
    for (uint32_t i = 0; i < r->site_count; i++)
        if (i != e->site)
            put_site(x, e, listener, i);
    put_player(x, e, listener);
    printf("  %-12s %*s^ killed%*s+0.5 s\n", "", BEFORE_COLUMNS, "",
           500 / COLUMN_MS - (int)sizeof("killed") - 3, "");
}
