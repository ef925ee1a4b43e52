/* Tables of a page: expectations, moves, verdicts, events. Long ones are cut, and say so. */
#include "peerd/sim/html.h"
#include "peerd/sim/report_html_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX   200 /* of a table */
#define ROUTES_MAX 60  /* cause, from, to */

static void begin(FILE *out, const char *title, const char *head) {
    html_element(out, "h2", NULL, title);
    fprintf(out, "\n<div class=\"scroll\"><table><thead><tr>%s</tr></thead><tbody>\n", head);
}

static void end(FILE *out, uint32_t all, uint32_t shown) {
    fputs("</tbody></table></div>\n", out);
    if (shown < all)
        fprintf(out, "<p class=\"faint\">and %" PRIu32 " more</p>\n", all - shown);
}

static void cell_text(FILE *out, const char *text) {
    html_element(out, "td", NULL, text);
}

static void cell_instant(FILE *out, int64_t ms) {
    fputs("<td class=\"n\">", out);
    html_instant(out, ms);
    fputs("</td>", out);
}

/* Less than nothing: not known. */
static void cell_ms(FILE *out, int64_t ms) {
    fputs("<td class=\"n\">", out);
    if (ms < 0)
        fputs("–", out);
    else
        html_duration(out, ms);
    fputs("</td>", out);
}

static void cell_number(FILE *out, uint64_t n) {
    fputs("<td class=\"n\">", out);
    html_number(out, n);
    fputs("</td>", out);
}

/* ---- expectations ---- */

static void put_expectation(FILE *out, const struct report_expectation *e) {
    fprintf(out, "<tr%s><td class=\"%s\">%s</td>", e->met ? "" : " class=\"unmet\"",
            e->met ? "good" : "bad", e->met ? "met" : "not met");
    cell_text(out, e->what);
    cell_text(out, e->found);
    fputs("</tr>\n", out);
}

static void expectations(FILE *out, const struct report *r) {
    if (r->expectation_count == 0)
        return;
    begin(out, "Expectations", "<th></th><th>expected</th><th>found</th>");
    for (int met = 0; met < 2; met++)
        for (uint32_t i = 0; i < r->expectation_count; i++)
            if (r->expectations[i].met == met)
                put_expectation(out, &r->expectations[i]);
    end(out, 0, 0);
}

/* ---- moves ---- */

/* Each cause, from and to that occurs, most moves first. */
struct route {
    struct report_move like;
    uint32_t count;
};

static int compare_routes(const void *a, const void *b) {
    const struct route *x = a, *y = b;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    int from = strcmp(x->like.from.text, y->like.from.text);
    return from != 0 ? from : strcmp(x->like.to.text, y->like.to.text);
}

static uint32_t find_routes(const struct report *r, struct route list[ROUTES_MAX], uint32_t *rest) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < r->move_count; i++) {
        uint32_t k = 0;
        while (k < count && !report_move_is_like(&r->moves[i], &list[k].like))
            k++;
        if (k == ROUTES_MAX) {
            ++*rest;
            continue;
        }
        if (k == count)
            list[count++] = (struct route){.like = r->moves[i]};
        list[k].count++;
    }
    qsort(list, count, sizeof(*list), compare_routes);
    return count;
}

static void put_route(FILE *out, const struct report *r, const struct route *w) {
    fputs("<tr>", out);
    cell_text(out, w->like.cause.text);
    cell_text(out, w->like.from.text);
    cell_text(out, w->like.to.text);
    cell_number(out, w->count);
    for (enum report_what what = REPORT_NOTICED; what <= REPORT_GAP; what++) {
        struct report_figure f = report_figure_of(r, &w->like, what);
        cell_ms(out, f.median);
        cell_ms(out, f.p99);
        cell_ms(out, f.most);
    }
    fputs("</tr>\n", out);
}

static void routes(FILE *out, const struct report *r) {
    static struct route list[ROUTES_MAX];
    uint32_t rest = 0, count = find_routes(r, list, &rest);
    begin(out, "Moves, by cause and route",
          "<th>cause</th><th>from</th><th>to</th><th class=\"n\">moves</th>"
          "<th class=\"n\">noticed: median</th><th class=\"n\">99 %</th><th class=\"n\">most</th>"
          "<th class=\"n\">first frame: median</th><th class=\"n\">99 %</th>"
          "<th class=\"n\">most</th><th class=\"n\">gap: median</th><th class=\"n\">99 %</th>"
          "<th class=\"n\">most</th>");
    for (uint32_t i = 0; i < count; i++)
        put_route(out, r, &list[i]);
    end(out, rest, 0);
}

static void put_move(FILE *out, const struct report_move *m) {
    fputs("<tr>", out);
    cell_instant(out, m->at_ms);
    cell_text(out, m->client);
    cell_text(out, m->cause.text);
    cell_text(out, m->from.text);
    cell_text(out, m->to.text);
    cell_ms(out, m->detect_ms);
    cell_ms(out, m->first_frame_ms);
    cell_ms(out, m->gap_ms);
    fputs("</tr>\n", out);
}

/* If not all can be shown, those with a gap are. */
static void moves(FILE *out, const struct report *r) {
    uint32_t shown = 0, with_gap = 0;
    if (r->move_count == 0)
        return;
    routes(out, r);
    for (uint32_t i = 0; i < r->move_count; i++)
        with_gap += r->moves[i].gap_ms > 0;
    begin(out, "Moves",
          "<th class=\"n\">over at</th><th>listener</th><th>cause</th><th>from</th><th>to</th>"
          "<th class=\"n\">noticed</th><th class=\"n\">first frame</th><th class=\"n\">gap</th>");
    bool gaps_only = r->move_count > ROWS_MAX && with_gap > 0;
    for (uint32_t i = 0; i < r->move_count && shown < ROWS_MAX; i++)
        if (!gaps_only || r->moves[i].gap_ms > 0) {
            put_move(out, &r->moves[i]);
            shown++;
        }
    end(out, r->move_count, shown);
}

/* ---- verdicts and events ---- */

static void put_verdict(FILE *out, const struct report_verdict *v) {
    fputs("<tr>", out);
    cell_instant(out, v->at_ms);
    cell_text(out, v->observer.text);
    cell_text(out, v->peer.text);
    fputs("<td class=\"w\"><span class=\"verdict v-", out);
    html_text(out, v->verdict.text);
    fputs("\">", out);
    html_text(out, v->verdict.text);
    fputs("</span></td>", out);
    cell_text(out, v->evidence);
    fputs("</tr>\n", out);
}

static void verdicts(FILE *out, const struct report *r) {
    uint32_t shown = r->verdict_count < ROWS_MAX ? r->verdict_count : ROWS_MAX;
    if (r->verdict_count == 0)
        return;
    begin(out, "Verdicts",
          "<th class=\"n\">at</th><th>who</th><th>of whom</th><th>verdict</th><th>evidence</th>");
    for (uint32_t i = 0; i < shown; i++)
        put_verdict(out, &r->verdicts[i]);
    end(out, r->verdict_count, shown);
}

static void events(FILE *out, const struct report *r) {
    uint32_t shown = r->event_count < ROWS_MAX ? r->event_count : ROWS_MAX;
    if (r->event_count == 0)
        return;
    begin(out, "Events", "<th class=\"n\">at</th><th>what</th><th>hits</th>");
    for (uint32_t i = 0; i < shown; i++) {
        fputs("<tr>", out);
        cell_instant(out, r->events[i].at_ms);
        cell_text(out, r->events[i].text);
        cell_text(out, r->events[i].target.text);
        fputs("</tr>\n", out);
    }
    end(out, r->event_count, shown);
}

void page_tables(FILE *out, const struct report_page *page) {
    expectations(out, page->report);
    events(out, page->report);
    moves(out, page->report);
    verdicts(out, page->report);
}
