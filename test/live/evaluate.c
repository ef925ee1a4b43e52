/*
 * Evaluation: what the players heard and what the listeners say of themselves become the report.
 *
 * The players' counts are the ones that are judged. A listener's own report is only where causes
 * and figures of moves come from, and the two must agree.
 */
#include "test/live/runner.h"

#include "peerd/sim/expect.h"
#include "peerd/sim/report_watch.h"
#include "test/live/chronicle.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CPU_PART_MAX 4       /* a quarter of a core; sanitizers need a tenth */
#define CPU_US_MIN   2000000 /* [µs] less is not worth a word */

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static int64_t number_of(const json_t *object, const char *key) {
    const json_t *n = json_object_get(object, key);
    return json_is_real(n) ? (int64_t)json_real_value(n) : json_integer_value(n);
}

static void add_moves(struct runner *r, const struct listener *l) {
    const json_t *move;
    size_t i;
    json_array_foreach(json_object_get(l->report, "moves"), i, move) {
        struct report_move row = {.group = l->group,
                                  .detect_ms = number_of(move, "detect_ms"),
                                  .first_frame_ms = number_of(move, "first_frame_ms"),
                                  .gap_ms = number_of(move, "gap_ms")};
        row.at_ms = duration_in_ms(instant_since(l->start, r->started)) + number_of(move, "at_ms");
        snprintf(row.client, sizeof(row.client), "%s", l->name);
        name_set(&row.cause, text_of(move, "cause"));
        name_set(&row.from, text_of(move, "from"));
        name_set(&row.to, text_of(move, "to"));
        report_add_move(&r->report, &row);
    }
}

/* Who vanished left no report, but has said aloud what happened until then. */
static void add_moves_said(struct runner *r, const struct listener *l) {
    char path[LISTENER_PATH_MAX + 64], line[512], cause[32], from[32], to[32];
    double at_s;
    snprintf(path, sizeof(path), "%s/%s.log", r->dir, l->name);
    FILE *log = fopen(path, "re");
    while (log != NULL && fgets(line, sizeof(line), log) != NULL) {
        struct report_move row = {.group = l->group};
        if (sscanf(line,
                   "%lf moved %31s -> %31s (%31[^)]): detected in %" SCNd64
                   " ms, first frame after %" SCNd64 " ms, gap %" SCNd64 " ms",
                   &at_s, from, to, cause, &row.detect_ms, &row.first_frame_ms, &row.gap_ms) != 7)
            continue;
        row.at_ms = duration_in_ms(instant_since(l->start, r->started)) + (int64_t)(at_s * 1000);
        snprintf(row.client, sizeof(row.client), "%s", l->name);
        name_set(&row.cause, cause);
        name_set(&row.from, from);
        name_set(&row.to, to);
        report_add_move(&r->report, &row);
    }
    if (log != NULL)
        fclose(log);
}

static int64_t tone_frames(const struct scenario *s, const struct name *source) {
    for (uint32_t i = 0; i < s->source_count; i++)
        if (name_equal(&s->sources[i].source.name, source))
            return duration_in_ms(s->sources[i].tone) / PLAYER_FRAME_MS;
    return 0;
}

/* A source that ended well ends the count with its last frame: of a tone we know which that is,
 * whoever heard it. */
static int64_t last_position(const struct runner *r, const struct listener *l) {
    bool ended = l->report != NULL && strcmp(text_of(l->report, "end"), "source_ended") == 0;
    int64_t frames = tone_frames(r->scenario, &r->scenario->clients[l->group].source);
    int64_t heard = l->player.highest + 1;
    if (!ended)
        return -1;
    return heard > frames ? heard : frames;
}

static void trouble(struct runner *r, const struct listener *l, const char *what) {
    runner_fact(r, FACT_TROUBLE, "%s: %s", l->name, what);
    r->troubled = true;
}

static void check_player(struct runner *r, const struct listener *l) {
    char text[160];
    r->out_of_order += l->player.out_of_order;
    r->duplicated += l->player.duplicated;
    r->foreign += l->player.foreign;
    if (l->player.out_of_order + l->player.duplicated + l->player.foreign == 0)
        return;
    snprintf(text, sizeof(text),
             "its player got %" PRIu64 " packets out of order, %" PRIu64 " twice, %" PRIu64
             " that do not belong",
             l->player.out_of_order, l->player.duplicated, l->player.foreign);
    trouble(r, l, text);
}

/* Its own count may see frames late by less than the player's allowance, never the reverse. */
static void check_report(struct runner *r, const struct listener *l, uint64_t lost) {
    char text[160];
    if (l->left && l->vanishes)
        return; /* it had no time to report */
    if (!l->begun || l->report == NULL) {
        trouble(r, l, l->begun ? "it left no report" : "its program could not be started");
        return;
    }
    uint64_t own = (uint64_t)listener_number(l, "frames_lost");
    if (listener_number(l, "frames_differing") > 0)
        trouble(r, l, "two sites sent different bytes for one frame");
    if (lost <= own)
        return;
    snprintf(text, sizeof(text),
             "its player missed %" PRIu64 " frames, it says %" PRIu64
             ": they left late, or got lost behind it",
             lost, own);
    runner_fact(r, FACT_LISTENER, "%s: %s", l->name, text);
}

/* A sidecar has next to nothing to do. One that spins would be heard elsewhere first. */
static void check_cpu(struct runner *r, const struct listener *l) {
    char text[160];
    struct duration lived = instant_since(listener_end(l, r->ended), l->start);
    if (l->cpu.us < CPU_US_MIN || l->cpu.us * CPU_PART_MAX < lived.us)
        return;
    snprintf(text, sizeof(text), "it used %.1f s of CPU in %.1f s", (double)l->cpu.us / 1e6,
             (double)lived.us / 1e6);
    trouble(r, l, text);
}

static void add_listener(struct runner *r, const struct listener *l) {
    int64_t last = last_position(r, l);
    /* It may be gone before its player would have got to the last frame of a source. */
    struct instant end = last < 0 ? listener_end(l, r->ended) : INSTANT_NEVER;
    struct player_count c = player_count(&l->player, end, last, REPORT_BREAK_MS);
    char outcome[REPORT_TEXT_LEN_MAX + 1];
    struct report_client row = {
        .group = l->group,
        .name = l->name,
        .outcome = outcome,
        .frames_expected = c.expected,
        .frames_lost = c.lost,
        .frames_duplicated = (uint32_t)listener_number(l, "frames_duplicated"),
        .reordered = (uint32_t)l->player.out_of_order,
        .duplicates_apart = r->copies != NULL ? (uint32_t)r->copies[l->index].apart : 0,
        .hedges = (uint32_t)listener_number(l, "hedges"),
        .gap_max_ms = c.gap_max_ms,
        .served_from_ms = REPORT_UNSERVED,
        .left = l->left || instant_is_never(l->start)};
    if (l->report != NULL && c.expected > 0)
        row.served_by = text_of(l->report, "cluster");
    if (instant_is_never(l->start)) { /* nobody called it */
        snprintf(outcome, sizeof(outcome), "its time has not come");
        report_add_client(&r->report, &row);
        return;
    }
    if (!instant_is_never(c.unbroken) && !l->left)
        row.served_from_ms = duration_in_ms(instant_since(c.unbroken, r->started));
    if (l->left)
        snprintf(outcome, sizeof(outcome), "%s", l->vanishes ? "gone without a word" : "closed");
    else if (c.expected > 0 && !instant_is_never(c.unbroken))
        snprintf(outcome, sizeof(outcome), "playing");
    else
        snprintf(outcome, sizeof(outcome), "%.150s",
                 l->report != NULL ? text_of(l->report, "detail") : "nothing was heard");
    report_add_client(&r->report, &row);
    chronicle_listener(r, l, last_position(r, l));
    check_player(r, l);
    check_report(r, l, c.lost);
    check_cpu(r, l);
    /* Who was refused has said so, and expectations judge it. */
    if (c.expected == 0 && listener_number(l, "frames_played") > 0)
        trouble(r, l, "it played, and its player heard nothing");
}

void evaluate(struct runner *r) {
    for (uint32_t i = 0; i < r->listener_count; i++) {
        add_listener(r, &r->listeners[i]);
        if (r->listeners[i].left && r->listeners[i].vanishes)
            add_moves_said(r, &r->listeners[i]);
        else
            add_moves(r, &r->listeners[i]);
    }
    report_sort(&r->report);
    r->report.watch = malloc(sizeof(*r->report.watch));
    if (r->report.watch != NULL)
        report_watch_of(r->report.watch, r->scenario, &r->report);
    r->report.stood_still_ms = duration_in_ms(r->stood_still);
    expect_all(r->scenario, &r->report);
    r->report.broken = r->report.broken || r->troubled || r->interrupted || r->command_status != 0;
    r->report.broken_by = r->interrupted           ? "interrupted"
                          : r->command_status != 0 ? "the command failed"
                          : r->troubled            ? "something that should not happen: see the log"
                                                   : NULL;
}
