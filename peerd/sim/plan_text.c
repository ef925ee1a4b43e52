/* A plan for people, and as JSON. */
#include "peerd/sim/plan.h"
#include "peerd/wire/json_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define JSON_LEN_MAX ((size_t)64 << 20)
#define ROWS_MAX     60
#define WIDTH        96 /* [columns] of a sentence */

static const char *name_of(const struct plan *plan, uint32_t cluster) {
    return cluster < plan->count ? plan->policies[cluster]->cluster.name.text : "nowhere";
}

/* ---- for people ---- */

/* ` and fra1, ams1 die` */
static void print_hit(FILE *out, const char *joint, const char *list, const char *one,
                      const char *many) {
    if (list == NULL)
        return;
    fprintf(out, "%s ", joint);
    for (const char *c = list; *c != '\0'; c++)
        fprintf(out, *c == ',' ? "%c " : "%c", *c);
    fprintf(out, " %s", strchr(list, ',') != NULL ? many : one);
}

static void print_head(FILE *out, const struct plan *plan, const struct plan_result *r) {
    const struct plan_request *q = &plan->request;
    fputs("If", out);
    print_hit(out, "", q->kill, "dies", "die");
    print_hit(out, q->kill != NULL ? " and" : "", q->drain, "drains", "drain");
    print_hit(out, q->kill != NULL || q->drain != NULL ? " and" : "", q->cut, "is cut", "are cut");
    fprintf(out, ": %" PRIu32 " clusters, %" PRIu32 " listeners, ", plan->count, r->listeners);
    if (plan->stream_count > 0)
        fprintf(out, "%" PRIu32 " players, ", r->players.count);
    fprintf(out, "%" PRIu32 " cores a machine, seed %" PRIu64 "\n", q->workers, q->seed);
    for (uint32_t i = 0; i < plan->notes.count; i++)
        fprintf(out, "  note: %s\n", plan->notes.list[i]);
}

static void print_flows(FILE *out, const struct plan *plan, const char *whose,
                        const uint32_t *flows, uint32_t stuck) {
    uint32_t rows = 0;
    fprintf(out, "\n  %-20s %-20s %9s\n", "from", "to", whose);
    for (uint32_t from = 0; from < plan->count; from++)
        for (uint32_t to = 0; to <= plan->count; to++) {
            uint32_t n = flows[(size_t)from * (plan->count + 1) + to];
            if (n > 0 && ++rows <= ROWS_MAX)
                fprintf(out, "  %-20s %-20s %9" PRIu32 "\n", name_of(plan, from), name_of(plan, to),
                        n);
        }
    if (rows == 0)
        fprintf(out, "  nobody %s move\n", stuck > 0 ? "can" : "has to");
    if (rows > ROWS_MAX)
        fprintf(out, "  and %" PRIu32 " more rows\n", rows - ROWS_MAX);
}

static const char *remark(const struct plan *plan, const struct plan_result *r, uint32_t cluster,
                          char out[64]) {
    uint32_t capacity = plan_capacity(plan->policies[cluster]);
    uint32_t used = r->after[cluster] + plan->standbys_after[cluster];
    if (plan->drains[cluster] && r->after[cluster] > 0)
        snprintf(out, 64, "in use");
    else if (plan->hit[cluster])
        snprintf(out, 64, plan->drains[cluster] ? "empty" : "gone");
    else if (used >= capacity)
        snprintf(out, 64, "full");
    else
        snprintf(out, 64, "%" PRIu32, capacity - used);
    return out;
}

static void print_clusters(FILE *out, const struct plan *plan, const struct plan_result *r) {
    char text[64];
    uint32_t rows = 0, all = 0;
    fprintf(out, "\n  %-20s %8s %9s   %-17s   %s\n", "", "", "set", "before", "after");
    fprintf(out, "  %-20s %8s %9s   %8s %8s   %8s %8s %7s\n", "cluster", "capacity", "aside",
            "sessions", "standbys", "sessions", "standbys", "free");
    for (uint32_t i = 0; i < plan->count; i++) {
        bool touched = plan->hit[i] || r->before[i] != r->after[i] || plan->count <= ROWS_MAX;
        all += plan->policies[i]->service_count > 0;
        if (plan->policies[i]->service_count == 0 || !touched || ++rows > ROWS_MAX)
            continue;
        const struct policy *p = plan->policies[i];
        fprintf(out,
                "  %-20s %8" PRIu32 " %9" PRIu32 "   %8" PRIu32 " %8" PRIu32 "   %8" PRIu32
                " %8" PRIu32 " %7s\n",
                name_of(plan, i), plan_capacity(p), plan_reserved(p), r->before[i],
                plan->standbys_before[i], r->after[i], plan->standbys_after[i],
                remark(plan, r, i, text));
    }
    if (rows > ROWS_MAX)
        rows = ROWS_MAX;
    if (rows < all)
        fprintf(out, "  and %" PRIu32 " more clusters\n", all - rows);
}

/* Whether a cluster makes streams, and is worth a row. */
static bool is_maker(const struct plan *plan, uint32_t cluster) {
    return plan_makers(plan, cluster) > 0;
}

static void print_wanted(FILE *out, const struct plan *plan, const struct plan_players *p,
                         uint32_t cluster) {
    char after[16];
    if (!plan->hit[cluster] || p->after[cluster] > 0)
        snprintf(after, sizeof(after), "%.1f",
                 (double)plan_wanted_ms(plan, p->after[cluster]) / 1000);
    else
        snprintf(after, sizeof(after), plan->drains[cluster] ? "empty" : "gone");
    fprintf(out, "  %-20s %8" PRIu32 "   %8" PRIu32 " %8.1f   %8" PRIu32 " %8s %12" PRIu32 "\n",
            name_of(plan, cluster), plan_makers(plan, cluster), p->before[cluster],
            (double)plan_wanted_ms(plan, p->before[cluster]) / 1000, p->after[cluster], after,
            p->stood[cluster]);
}

static void print_players(FILE *out, const struct plan *plan, const struct plan_players *p) {
    uint32_t rows = 0, makers = 0;
    fprintf(out, "\n  %-20s %8s   %-17s   %s\n", "", "cores of", "before", "after");
    fprintf(out, "  %-20s %8s   %8s %8s   %8s %8s %12s\n", "cluster", "makers", "players", "wanted",
            "players", "wanted", "stood still");
    for (uint32_t i = 0; i < plan->count; i++) {
        bool touched = plan->hit[i] || p->before[i] != p->after[i] || plan->count <= ROWS_MAX;
        makers += is_maker(plan, i);
        if (is_maker(plan, i) && touched && ++rows <= ROWS_MAX)
            print_wanted(out, plan, p, i);
    }
    if (rows > ROWS_MAX)
        rows = ROWS_MAX;
    if (rows < makers)
        fprintf(out, "  and %" PRIu32 " more clusters\n", makers - rows);
}

static void print_standing(FILE *out, const struct plan_players *p) {
    fputs("\n", out);
    if (p->stood_since > 0)
        fprintf(out,
                "  %-32s %" PRIu32 " of %" PRIu32 ", %.1f s at a time at most, %.1f s together\n",
                "players stood still", p->stood_since, p->count, (double)p->longest_ms / 1000,
                (double)p->stood_ms / 1000);
    else
        fprintf(out, "  %-32s none\n", "players stood still");
    if (p->refused > 0)
        fprintf(out, "  %-32s %" PRIu64 "\n", "segments not in time (404)", p->refused);
    if (p->nowhere > 0)
        fprintf(out, "  %-32s %" PRIu32 " players\n", "have nowhere to go", p->nowhere);
    if (p->stuck > 0)
        fprintf(out, "  %-32s %" PRIu32 " players\n", "still where it drains", p->stuck);
}

static void print_figure(FILE *out, const char *what, const struct report_figure *f) {
    fprintf(out, "  %-32s median %" PRId64 " ms, 99 %% %" PRId64 " ms, most %" PRId64 " ms\n", what,
            f->median, f->p99, f->most);
}

static void print_gaps(FILE *out, const struct plan *plan, const struct plan_result *r) {
    fputs("\n", out);
    if (r->noticed.count > 0) {
        print_figure(out, "media missing until noticed", &r->noticed);
        print_figure(out, "media missing until first frame", &r->first_frame);
        char text[48];
        snprintf(text, sizeof(text), "gap heard, buffer %" PRId64 " ms",
                 duration_in_ms(plan->request.buffer));
        print_figure(out, text, &r->gap);
    }
    if (r->moved > 0)
        fprintf(out, "  %-32s %.2f s after it happened\n", "the last one was taken over",
                (double)r->served_ms / 1000);
    if (r->nowhere > 0)
        fprintf(out, "  %-32s %" PRIu32 " listeners (%s)\n", "refused, Retry-After 1 s", r->nowhere,
                r->refusal != NULL ? r->refusal : "");
    if (r->stuck > 0)
        fprintf(out, "  %-32s %" PRIu32 " listeners\n", "still where it drains", r->stuck);
    if (r->losers > 0)
        fprintf(out, "  %-32s %" PRIu64 ", by %" PRIu32 " of %" PRIu32 " listeners\n",
                "frames lost", r->lost, r->losers, r->listeners);
    else
        fprintf(out, "  %-32s none\n", "frames lost");
    if (r->buffer_count > 0)
        fprintf(out, "  %-32s", "would hear a gap, by buffer");
    for (uint32_t i = 0; i < r->buffer_count; i++)
        fprintf(out, "%s %" PRId64 " ms: %" PRIu32, i > 0 ? "," : "", r->buffers[i].buffer_ms,
                r->buffers[i].listeners);
    if (r->buffer_count > 0)
        fprintf(out, " of %" PRIu32 "\n", r->noticed.count);
}

/* A sentence in lines of WIDTH. */
static void print_wrapped(FILE *out, const char *text) {
    while (strlen(text) > WIDTH) {
        size_t end = WIDTH;
        while (end > 0 && text[end] != ' ')
            end--;
        if (end == 0)
            break;
        fprintf(out, "  %.*s\n  ", (int)end, text);
        text += end + 1;
    }
    fprintf(out, "  %s\n", text);
}

/* Of players; NULL: they fare well. */
static const char *verdict_of_players(const struct plan_players *p) {
    if (p->stood_since > 0 || p->short_after > 0)
        return "All are served, BUT PLAYERS STAND STILL.";
    if (p->stood_before > 0 || p->short_before > 0)
        return "All are served, BUT PLAYERS STOOD STILL EVEN BEFORE.";
    return p->unbegun > 0 ? "All who played are served, but NOT ALL HAD BEGUN." : NULL;
}

const char *plan_verdict(const struct plan_result *r) {
    const char *players = verdict_of_players(&r->players);
    if (r->nowhere > 0 || r->players.nowhere > 0)
        return "NOT ALL ARE SERVED.";
    if (r->stuck > 0 || r->players.stuck > 0)
        return "THE DRAIN DOES NOT FINISH: not all can leave.";
    if (r->lost > 0 && players != NULL)
        return "FRAMES ARE LOST, AND PLAYERS STAND STILL OR HAVE NOT BEGUN.";
    if (r->lost > 0)
        return r->unopened > 0
                   ? "All who had a session are served, BUT FRAMES ARE LOST, and not all had one."
                   : "All are served, BUT FRAMES ARE LOST.";
    if (r->unopened > 0)
        return players != NULL ? "PLAYERS STAND STILL OR HAVE NOT BEGUN, and not all had a session."
                               : "All who had a session are served, but NOT ALL HAD ONE.";
    if (players != NULL)
        return players;
    return r->ok ? "All are served, and nobody misses a frame." : "Something else went wrong.";
}

void plan_print(FILE *out, const struct plan *plan, const struct plan_result *r) {
    print_head(out, plan, r);
    bool sessions = r->listeners > 0 || plan->stream_count == 0;
    if (sessions) {
        print_flows(out, plan, "listeners", r->flows, r->stuck);
        print_clusters(out, plan, r);
        print_gaps(out, plan, r);
    }
    if (plan->stream_count > 0) {
        print_flows(out, plan, "players", r->players.flows, r->players.stuck);
        print_players(out, plan, &r->players);
        print_standing(out, &r->players);
    }
    fputs("\n", out);
    for (uint32_t i = 0; i < r->advice.count; i++)
        print_wrapped(out, r->advice.list[i]);
    fprintf(out, "  %s\n", plan_verdict(r));
}

/* ---- JSON ---- */

static void write_texts(struct json_writing *w, const char *key, const struct plan_texts *t) {
    json_t *array = json_write_array(w, w->root, key);
    for (uint32_t i = 0; i < t->count; i++)
        json_array_append_new(array, json_string(t->list[i]));
}

static void write_figure(struct json_writing *w, const char *key, const struct report_figure *f) {
    json_t *o = json_write_object(w, w->root, key);
    json_write_uint(w, o, "count", f->count);
    json_write_int(w, o, "median", f->median);
    json_write_int(w, o, "p99", f->p99);
    json_write_int(w, o, "max", f->most);
}

static void write_flows(struct json_writing *w, const struct plan *plan, const char *key,
                        const char *whose, const uint32_t *flows) {
    json_t *array = json_write_array(w, w->root, key);
    for (uint32_t from = 0; from < plan->count; from++)
        for (uint32_t to = 0; to <= plan->count; to++) {
            uint32_t n = flows[(size_t)from * (plan->count + 1) + to];
            if (n == 0)
                continue;
            json_t *o = json_write_element(w, array);
            json_write_string(w, o, "from", name_of(plan, from));
            json_write_string(w, o, "to", to < plan->count ? name_of(plan, to) : "");
            json_write_uint(w, o, whose, n);
        }
}

/* CPU in ms for each second. */
static void write_makers(struct json_writing *w, json_t *o, const struct plan *plan,
                         const struct plan_players *p, uint32_t cluster) {
    json_write_uint(w, o, "makers", plan_makers(plan, cluster));
    json_write_uint(w, o, "players_before", p->before[cluster]);
    json_write_uint(w, o, "players_after", p->after[cluster]);
    json_write_uint(w, o, "players_stood_still", p->stood[cluster]);
    json_write_uint(w, o, "cpu_wanted_before_ms_per_s", plan_wanted_ms(plan, p->before[cluster]));
    json_write_uint(w, o, "cpu_wanted_after_ms_per_s", plan_wanted_ms(plan, p->after[cluster]));
}

static void write_clusters(struct json_writing *w, const struct plan *plan,
                           const struct plan_result *r) {
    json_t *array = json_write_array(w, w->root, "clusters");
    for (uint32_t i = 0; i < plan->count; i++) {
        json_t *o = json_write_element(w, array);
        json_write_string(w, o, "name", name_of(plan, i));
        json_write_uint(w, o, "capacity", plan_capacity(plan->policies[i]));
        json_write_uint(w, o, "reserved", plan_reserved(plan->policies[i]));
        json_write_uint(w, o, "before", r->before[i]);
        json_write_uint(w, o, "after", r->after[i]);
        json_write_uint(w, o, "standbys_before", plan->standbys_before[i]);
        json_write_uint(w, o, "standbys_after", plan->standbys_after[i]);
        json_write_bool(w, o, "gone", plan->hit[i] && !(plan->drains[i] && r->after[i] > 0));
        json_write_uint(w, o, "stuck", plan->drains[i] ? r->after[i] : 0);
        write_makers(w, o, plan, &r->players, i);
    }
}

static void write_players(struct json_writing *w, const struct plan *plan,
                          const struct plan_players *p) {
    json_write_uint(w, w->root, "players", p->count);
    json_write_uint(w, w->root, "players_moved", p->moved);
    json_write_uint(w, w->root, "players_nowhere", p->nowhere);
    json_write_uint(w, w->root, "players_stuck", p->stuck);
    json_write_uint(w, w->root, "players_unbegun", p->unbegun);
    json_write_uint(w, w->root, "players_stood_still_before", p->stood_before);
    json_write_uint(w, w->root, "players_stood_still", p->stood_since);
    json_write_uint(w, w->root, "stood_still_ms", p->stood_ms);
    json_write_uint(w, w->root, "stood_still_ms_max", p->longest_ms);
    json_write_uint(w, w->root, "segments_refused", p->refused);
    write_flows(w, plan, "player_flows", "players", p->flows);
}

static void write_buffers(struct json_writing *w, const struct plan_result *r) {
    json_t *array = json_write_array(w, w->root, "buffers");
    for (uint32_t i = 0; i < r->buffer_count; i++) {
        json_t *o = json_write_element(w, array);
        json_write_int(w, o, "buffer_ms", r->buffers[i].buffer_ms);
        json_write_uint(w, o, "listeners", r->buffers[i].listeners);
    }
}

char *plan_to_json(const struct plan *plan, const struct plan_result *r) {
    const struct plan_request *q = &plan->request;
    struct json_writing w;
    json_write_begin(&w);
    json_write_string(&w, w.root, "kill", q->kill != NULL ? q->kill : "");
    json_write_string(&w, w.root, "drain", q->drain != NULL ? q->drain : "");
    json_write_string(&w, w.root, "cut", q->cut != NULL ? q->cut : "");
    json_write_uint(&w, w.root, "seed", q->seed & INT64_MAX);
    json_write_uint(&w, w.root, "listeners", r->listeners);
    json_write_uint(&w, w.root, "moved", r->moved);
    json_write_uint(&w, w.root, "refused", r->nowhere);
    json_write_uint(&w, w.root, "stuck", r->stuck);
    json_write_uint(&w, w.root, "unopened", r->unopened);
    json_write_uint(&w, w.root, "frames_lost", r->lost);
    json_write_uint(&w, w.root, "listeners_losing", r->losers);
    json_write_int(&w, w.root, "all_taken_over_ms", r->served_ms);
    write_flows(&w, plan, "flows", "listeners", r->flows);
    write_clusters(&w, plan, r);
    write_figure(&w, "noticed_ms", &r->noticed);
    write_figure(&w, "first_frame_ms", &r->first_frame);
    write_figure(&w, "gap_ms", &r->gap);
    write_buffers(&w, r);
    write_players(&w, plan, &r->players);
    write_texts(&w, "advice", &r->advice);
    write_texts(&w, "notes", &plan->notes);
    json_write_bool(&w, w.root, "ok", r->ok);
    return json_write_end(&w, JSON_LEN_MAX, NULL);
}
