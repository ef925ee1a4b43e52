/* The beginning of a page: what went wrong and when, in sentences; then figures. */
#include "peerd/sim/html.h"
#include "peerd/sim/report_html_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define REASONS_MAX 5

/* ---- the story ---- */

static void unmet(FILE *out, const struct report_page *page) {
    const struct report *r = page->report;
    bool any = page->violation != NULL;
    for (uint32_t i = 0; i < r->expectation_count; i++)
        any |= !r->expectations[i].met;
    if (!any) {
        if (r->broken)
            fputs("<p>Something went wrong that no expectation names; the last lines of the run "
                  "say what.</p>",
                  out);
        return;
    }
    fputs("<ul>", out);
    if (page->violation != NULL) {
        fputs("<li><strong>", out);
        if (page->violated_ms > 0) {
            html_instant(out, page->violated_ms);
            fputs(": ", out);
        }
        html_text(out, page->violation);
        fputs("</strong></li>\n", out);
    }
    for (uint32_t i = 0; i < r->expectation_count; i++) {
        if (r->expectations[i].met)
            continue;
        fputs("<li>expected <strong>", out);
        html_text(out, r->expectations[i].what);
        fputs("</strong>, found ", out);
        html_text(out, r->expectations[i].found);
        fputs("</li>\n", out);
    }
    fputs("</ul>\n", out);
}

static void after_what(FILE *out, const struct picture_focus *f) {
    if (f->culprit == NULL) {
        fputs(", before anything had happened", out);
        return;
    }
    fputs(", ", out);
    html_duration(out, f->at_ms - f->culprit->at_ms);
    fputs(" after <strong>", out);
    html_text(out, f->culprit->text);
    if (f->culprit->target.text[0] != '\0' &&
        strstr(f->culprit->text, f->culprit->target.text) == NULL)
        html_textf(out, " (%s)", f->culprit->target.text);
    fputs("</strong>", out);
}

static void loss(FILE *out, const struct picture *p, const struct picture_focus *f) {
    uint32_t by = picture_served_by(p, f->client, f->at_ms);
    fprintf(out, "<p>%s <strong>",
            f->subject == PICTURE_FIRST_LOSS ? "The first frame was lost at"
                                             : "The longest gap begins at");
    html_instant(out, f->at_ms);
    fprintf(out, "</strong> %s <strong>", f->subject == PICTURE_FIRST_LOSS ? "by" : "at");
    html_text(out, p->report->clients[f->client].name);
    fputs("</strong>, served by ", out);
    html_text(out, by < p->scenario->cluster_count ? p->scenario->clusters[by].identity.name.text
                                                   : "nobody");
    after_what(out, f);
    fputs("; it missed ", out);
    html_duration(out, f->gap_ms);
    fputs(".</p>\n", out);
}

static void losses(FILE *out, const struct picture *p) {
    const struct report *r = p->report;
    const struct report_client *worst = &r->clients[0];
    uint32_t losers = 0;
    for (uint32_t i = 0; i < p->focus_count; i++)
        if (p->focuses[i].client != UINT32_MAX)
            loss(out, p, &p->focuses[i]);
    for (uint32_t i = 0; i < r->client_count; i++) {
        losers += r->clients[i].frames_lost > 0;
        if (r->clients[i].frames_lost > worst->frames_lost)
            worst = &r->clients[i];
    }
    html_textf(out,
               "In all %" PRIu32 " of %" PRIu32 " listeners lost %" PRIu64
               " frames; worst was %s with %" PRIu64 " frames and a gap of ",
               losers, r->client_count, report_frames_lost(r), worst->name, worst->frames_lost);
    html_duration(out, worst->gap_max_ms);
    fputs(".", out);
}

static void nothing_lost(FILE *out, const struct picture *p) {
    const struct report *r = p->report;
    html_textf(out, "Nothing was lost: %" PRIu32 " listeners, ", r->client_count);
    html_number(out, report_frames_expected(r));
    html_textf(out, " frames, %" PRIu32 " moves", r->move_count);
    if (p->focus_count > 0 && p->focuses[0].subject == PICTURE_FIRST_MOVE) {
        fputs(", the first over at ", out);
        html_instant(out, p->focuses[0].at_ms);
        after_what(out, &p->focuses[0]);
    }
    fputs(".", out);
}

/* Those who hear nothing at the end, by reason. */
static void silent(FILE *out, const struct report *r) {
    const char *reasons[REASONS_MAX];
    uint32_t counts[REASONS_MAX] = {0}, reason_count = 0, all = 0;
    for (uint32_t i = 0; i < r->client_count; i++) {
        uint32_t k = 0;
        if (r->clients[i].served_from_ms != REPORT_UNSERVED)
            continue;
        all++;
        while (k < reason_count && strcmp(reasons[k], r->clients[i].outcome) != 0)
            k++;
        if (k == REASONS_MAX)
            continue;
        if (k == reason_count)
            reasons[reason_count++] = r->clients[i].outcome;
        counts[k]++;
    }
    if (all == 0)
        return;
    html_textf(out, " %" PRIu32 " heard nothing at the end:", all);
    for (uint32_t k = 0; k < reason_count; k++)
        html_textf(out, "%s %" PRIu32 " %s", k > 0 ? ";" : "", counts[k],
                   strcmp(reasons[k], "playing") == 0 ? "waiting for media" : reasons[k]);
    fputs(".", out);
}

void page_story(FILE *out, const struct report_page *page, const struct picture *p) {
    const struct report *r = page->report;
    bool ok = report_ok(r) && page->violation == NULL;
    bool lost = p->focus_count > 0 && p->focuses[0].subject == PICTURE_FIRST_LOSS;
    fprintf(out, "<div class=\"story %s\">\n", !ok ? "bad" : lost ? "plain" : "good");
    if (!ok)
        unmet(out, page);
    fputs("<div>", out);
    if (lost)
        losses(out, p);
    else
        nothing_lost(out, p);
    silent(out, r);
    fputs("</div></div>\n", out);
}

/* ---- figures ---- */

static void begin_tile(FILE *out, bool bad) {
    fprintf(out, "<div class=\"tile\"><b%s>", bad ? " class=\"bad\"" : "");
}

static void end_tile(FILE *out, const char *what) {
    fputs("</b>", out);
    html_element(out, "span", NULL, what);
    fputs("</div>\n", out);
}

static void number_tile(FILE *out, uint64_t n, bool bad, const char *what) {
    begin_tile(out, bad);
    html_number(out, n);
    end_tile(out, what);
}

static void figure_tile(FILE *out, const struct report *r, enum report_what what,
                        const char *name) {
    struct report_figure f = report_figure_of(r, &(struct report_move){.at_ms = 0}, what);
    char text[96];
    if (f.count == 0)
        return;
    begin_tile(out, false);
    html_duration(out, f.median);
    snprintf(text, sizeof(text), "%s, median; 99 %% %" PRId64 " ms, most %" PRId64 " ms", name,
             f.p99, f.most);
    end_tile(out, text);
}

static void moves_tile(FILE *out, const struct report *r) {
    char text[200] = "moves";
    size_t len = strlen(text);
    for (enum scenario_cause c = SCENARIO_CAUSE_DRAIN; c <= SCENARIO_CAUSE_RETURN; c++) {
        uint32_t count = 0;
        for (uint32_t i = 0; i < r->move_count; i++)
            count += strcmp(r->moves[i].cause.text, scenario_cause_name(c)) == 0;
        if (count > 0)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s %" PRIu32 " %s",
                                    len > 5 ? "," : ":", count, scenario_cause_name(c));
    }
    number_tile(out, r->move_count, false, text);
}

void page_tiles(FILE *out, const struct report_page *page) {
    const struct report *r = page->report;
    uint64_t hear = 0, hedges = 0;
    int64_t gap_ms = 0;
    char text[64];
    for (uint32_t i = 0; i < r->client_count; i++) {
        hear += r->clients[i].served_from_ms != REPORT_UNSERVED;
        hedges += r->clients[i].hedges;
        gap_ms = r->clients[i].gap_max_ms > gap_ms ? r->clients[i].gap_max_ms : gap_ms;
    }
    fputs("<div class=\"tiles\">\n", out);
    snprintf(text, sizeof(text), "listeners; %" PRIu64 " hear media at the end", hear);
    number_tile(out, r->client_count, false, text);
    number_tile(out, report_frames_expected(r), false, "frames expected");
    number_tile(out, report_frames_lost(r), report_frames_lost(r) > 0, "frames lost");
    begin_tile(out, gap_ms > 0);
    html_duration(out, gap_ms);
    end_tile(out, "longest gap");
    moves_tile(out, r);
    figure_tile(out, r, REPORT_NOTICED, "noticed");
    figure_tile(out, r, REPORT_FIRST_FRAME, "first frame");
    number_tile(out, hedges, false, "hedges");
    fputs("</div>\n", out);
}
