#include "peerd/sim/report_html.h"

#include "peerd/sim/html.h"
#include "peerd/sim/report_html_private.h"
#include "peerd/sim/report_lanes.h"
#include "peerd/sim/report_style.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define AROUND_MS  1000 /* [ms] before and after the instant that explains most … */
#define CULPRIT_MS 3000 /* … or further back, to the event that comes before it within this */

static void put_head(FILE *out, const struct report_page *page) {
    const struct report *r = page->report;
    bool ok = report_ok(r) && page->violation == NULL;
    fputs("<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\"><head>"
          "<meta charset=\"utf-8\"/>"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>",
          out);
    html_textf(out, "%s, seed %" PRIu64 ": %s", r->scenario.text, r->seed,
               ok ? "as expected" : "not as expected");
    fprintf(out, "</title>\n<style>\n%s</style></head>\n<body><main>\n", report_style);
    fputs("<div class=\"head\"><div><div class=\"over\">", out);
    html_textf(out, "%s, seed %" PRIu64 ", ", r->runner, r->seed);
    html_duration(out, duration_in_ms(page->scenario->duration));
    fputs("</div>", out);
    html_element(out, "h1", NULL, r->scenario.text);
    html_element(out, "p", NULL, page->scenario->description);
    fprintf(out, "</div><div class=\"badge %s\">%s</div></div>\n", ok ? "good" : "bad",
            ok ? "as expected" : "not as expected");
}

/* ---- legend ---- */

static void put_sign(FILE *out, const char *class, const char *path, const char *text) {
    fprintf(out, "<span><svg viewBox=\"0 0 14 12\"><path class=\"%s\" d=\"%s\"/></svg>", class,
            path);
    html_text(out, text);
    fputs("</span>", out);
}

void report_lanes_write_legend(FILE *out, const struct picture *p) {
    fputs("<div class=\"legend\">", out);
    for (uint32_t i = 0, shown = 0; i < p->scenario->cluster_count && shown < PICTURE_COLOURS; i++)
        if (p->colours[i] < PICTURE_COLOURS) {
            put_sign(out, report_lanes_colour(p, i), "M0 1h14v9h-14z",
                     p->scenario->clusters[i].identity.name.text);
            shown++;
        }
    if (p->scenario->cluster_count > PICTURE_COLOURS)
        put_sign(out, "kx", "M0 1h14v9h-14z", "other clusters");
    put_sign(out, "gap", "M3 0h8v11h-8z", "media missing");
    put_sign(out, "hedge", "M7 3v7", "hedge");
    put_sign(out, "move", "M4 1l7 5-7 5z", "move");
    put_sign(out, "v-suspect", "M7 2a4 4 0 1 0 .1 0z", "a peer suspects it");
    put_sign(out, "v-crashed", "M7 0l6 6-6 6-6-6z", "says it crashed");
    put_sign(out, "v-partitioned", "M7 0l6 6-6 6-6-6z", "is partitioned");
    put_sign(out, "v-headless", "M7 0l6 6-6 6-6-6z", "is headless");
    put_sign(out, "v-draining", "M7 0l6 6-6 6-6-6z", "drains");
    put_sign(out, "v-alive", "M7 2l-5 8h10z", "is alive");
    fputs("</div>\n", out);
}

/* ---- pictures ---- */

static struct lanes_view close_view(const struct picture_focus *f) {
    struct lanes_view v = {f->at_ms - AROUND_MS, f->at_ms + AROUND_MS, true, f->client};
    if (f->culprit != NULL && f->culprit->at_ms < v.from_ms + 100 &&
        f->culprit->at_ms > f->at_ms - CULPRIT_MS)
        v.from_ms = f->culprit->at_ms - 200;
    return v;
}

static const char *subject_text(enum picture_subject s) {
    switch (s) {
    case PICTURE_FIRST_LOSS:
        return "Around the first loss, at ";
    case PICTURE_LONGEST_GAP:
        return "Where the longest gap begins, at ";
    case PICTURE_FIRST_MOVE:
        return "Around the first move, at ";
    case PICTURE_FIRST_EVENT:
        return "Around the first event, at ";
    case PICTURE_VIOLATION:
        return "Before the invariant was broken, at ";
    }
    return "";
}

static bool put_close(FILE *out, const struct picture *p, const struct picture_focus *f) {
    struct lanes_view view = close_view(f);
    /* A run that is hardly longer shows the same below. */
    if ((view.to_ms - view.from_ms) * 2 > p->end_ms)
        return true;
    fprintf(out, "<h2>%s", subject_text(f->subject));
    html_instant(out, f->at_ms);
    fputs("</h2>\n<figure>", out);
    bool ok = report_lanes_write(out, p, &view);
    fputs("</figure>\n", out);
    return ok;
}

static bool put_whole(FILE *out, const struct picture *p) {
    struct lanes_view view = {0, p->end_ms, false, UINT32_MAX};
    fputs("<h2>The whole run</h2>\n<figure>", out);
    bool ok = report_lanes_write(out, p, &view);
    report_lanes_write_legend(out, p);
    if (p->report->marks_left_out > 0)
        html_textf(out, "%" PRIu64 " more marks of listeners are left out",
                   p->report->marks_left_out);
    fputs("</figure>\n", out);
    return ok;
}

/* ---- all of it ---- */

bool report_html_write(FILE *out, const struct report_page *page) {
    struct picture picture;
    bool ok = picture_make(&picture, page->report, page->scenario);
    if (ok) {
        put_head(out, page);
        page_story(out, page, &picture);
        fputs("<div class=\"again\"><code>", out);
        html_text(out, page->command);
        fputs("</code></div>\n", out);
        page_tiles(out, page);
        const struct picture_focus end = {
            .subject = PICTURE_VIOLATION, .at_ms = page->violated_ms, .client = UINT32_MAX};
        if (page->violated_ms > 0)
            ok = put_close(out, &picture, &end);
        for (uint32_t i = 0; i < picture.focus_count; i++)
            ok = put_close(out, &picture, &picture.focuses[i]) && ok;
        ok = put_whole(out, &picture) && ok;
        page_tables(out, page);
        fprintf(out, "</main>\n<script>\n%s</script></body></html>\n", report_script);
    }
    picture_free(&picture);
    return ok && !ferror(out);
}

bool report_html_save(const char *path, const struct report_page *page) {
    FILE *out = fopen(path, "we");
    bool ok = out != NULL && report_html_write(out, page);
    int saved = errno;
    if (out != NULL && fclose(out) != 0) {
        saved = errno;
        ok = false;
    }
    if (!ok)
        fprintf(stderr, "%s: cannot be written: %s\n", path, strerror(saved));
    return ok;
}
