/* Metrics: see metrics.h. Base units, HELP and TYPE for each family, `_total` on counters. */
#include "transcoder/worker/metrics.h"

#include "peerd/net/http_server.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTIONS_MAX 16

struct metrics {
    struct net_http_server *door;
    metrics_tell_fn tell;
    void *data;
};

static void family(FILE *out, const char *name, const char *type, const char *help) {
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void gauge(FILE *out, const char *name, const char *help, double value) {
    family(out, name, "gauge", help);
    fprintf(out, "%s %.9g\n", name, value);
}

/* One line a worker: a whole number of 32 or 64 bits, in the unit that `divisor` makes of it. */
static void of_workers(FILE *out, const struct metrics_facts *f, const char *name, const char *type,
                       const char *help, size_t at, size_t size, double divisor) {
    family(out, name, type, help);
    for (uint32_t i = 0; i < f->worker_count; i++) {
        const char *field = (const char *)&f->workers[i] + at;
        uint64_t value = size == sizeof(uint32_t) ? *(const uint32_t *)(const void *)field
                                                  : *(const uint64_t *)(const void *)field;
        if (divisor > 1)
            fprintf(out, "%s{worker=\"%" PRIu32 "\"} %.3f\n", name, f->workers[i].index,
                    (double)value / divisor);
        else
            fprintf(out, "%s{worker=\"%" PRIu32 "\"} %" PRIu64 "\n", name, f->workers[i].index,
                    value);
    }
}

static void put_workers(FILE *out, const struct metrics_facts *f) {
#define OF(field, name, type, help, divisor)                                                       \
    of_workers(out, f, "transcoderd_worker_" name, type, help,                                     \
               offsetof(struct node_worker, field), sizeof(f->workers[0].field), divisor)
    family(out, "transcoderd_worker_up", "gauge", "0 while the process is being replaced.");
    for (uint32_t i = 0; i < f->worker_count; i++)
        fprintf(out, "transcoderd_worker_up{worker=\"%" PRIu32 "\"} %d\n", f->workers[i].index,
                f->workers[i].pid != 0);
    OF(restarts, "restarts_total", "counter", "Times that its process was replaced.", 1);
    OF(sessions, "sessions", "gauge", "Sessions that it serves.", 1);
    OF(credit_spent, "credit_spent_slots", "gauge", "Slots of the credit in use.", 1);
    OF(frames, "frames_total", "counter", "Frames sent.", 1);
    OF(resent, "packets_resent_total", "counter", "RTP packets sent again.", 1);
    OF(cpu_ms, "cpu_seconds_total", "counter", "CPU time, user and system.", 1000);
    OF(late_ms, "late_seconds", "gauge", "How late its frames go out, on average.", 1000);
    OF(probes, "probes_answered_total", "counter", "Probes of others' clients answered.", 1);
    OF(probes_refused, "probes_refused_total", "counter", "The same, dropped: too many.", 1);
#undef OF
}

/* A line for each cluster whose sessions have begun here. */
static void of_starts(FILE *out, const struct metrics_facts *f, const char *name, const char *type,
                      const char *help, uint64_t (*value)(const struct starts_row *row)) {
    if (f->starts_count > 0)
        family(out, name, type, help);
    for (uint32_t i = 0; i < f->starts_count; i++) {
        const struct starts_row *row = &f->starts[i];
        const struct name *who = name_is_empty(&row->issuer) ? &f->self : &row->issuer;
        fprintf(out, "%s{cluster=\"%s\"} %" PRIu64 "\n", name, who->text, value(row));
    }
}

static uint64_t window_of(const struct starts_row *row) {
    return starts_window(row);
}

static uint64_t under_way_of(const struct starts_row *row) {
    return starts_under_way(row);
}

static uint64_t in_time_of(const struct starts_row *row) {
    return row->in_time;
}

static uint64_t late_of(const struct starts_row *row) {
    return row->late;
}

static uint64_t busy_of(const struct starts_row *row) {
    return row->busy;
}

static void put_starts(FILE *out, const struct metrics_facts *f) {
    of_starts(out, f, "transcoderd_starts_window", "gauge",
              "Sessions of that cluster's tickets that may begin at a time.", window_of);
    of_starts(out, f, "transcoderd_starts_under_way", "gauge", "Those that do.", under_way_of);
    of_starts(out, f, "transcoderd_starts_in_time_total", "counter",
              "Starts whose first frame went out in time.", in_time_of);
    of_starts(out, f, "transcoderd_starts_late_total", "counter", "Starts that were late.",
              late_of);
    of_starts(out, f, "transcoderd_starts_busy_total", "counter",
              "Starts refused for a moment, as too many were under way.", busy_of);
}

static void counter(FILE *out, const char *name, const char *help, uint64_t value) {
    family(out, name, "counter", help);
    fprintf(out, "%s %" PRIu64 "\n", name, value);
}

static void put_costs(FILE *out, const struct metrics_facts *f) {
    if (f->cost_count > 0)
        family(out, "transcoderd_rendition_cpu_ratio", "gauge",
               "CPU seconds for a second of media of that rendition, mean of the latest segments.");
    for (size_t i = 0; i < f->cost_count; i++)
        fprintf(out, "transcoderd_rendition_cpu_ratio{rendition=\"%s\"} %.3f\n",
                f->costs[i].rendition.text, f->costs[i].media_ms / 1000.0);
}

static void put_streams(FILE *out, const struct link_streams *s) {
    family(out, "transcoderd_streams_requests_total", "counter",
           "Requests for segments: at hand, made while they waited, and told no (404).");
    fprintf(out,
            "transcoderd_streams_requests_total{answer=\"hit\"} %" PRIu64
            "\ntranscoderd_streams_requests_total{answer=\"waited\"} %" PRIu64
            "\ntranscoderd_streams_requests_total{answer=\"refused\"} %" PRIu64 "\n",
            s->hits, s->waited, s->refused);
    counter(out, "transcoderd_streams_made_total", "Segments made.", s->made);
    counter(out, "transcoderd_streams_made_ahead_total", "The same before anybody asked.",
            s->ahead);
    counter(out, "transcoderd_streams_failed_total", "Segments that could not be made.", s->failed);
    counter(out, "transcoderd_streams_dropped_total", "Segments dropped to make room.", s->dropped);
    family(out, "transcoderd_streams_maker_cpu_seconds_total", "counter",
           "CPU time that making segments took.");
    fprintf(out, "transcoderd_streams_maker_cpu_seconds_total %.3f\n", (double)s->cpu_us / 1e6);
    gauge(out, "transcoderd_streams_makers", "Processes that make segments.", s->makers);
    gauge(out, "transcoderd_streams_spare_cpu_ratio",
          "CPU seconds a second that they had to spare of late.", s->spare_ms / 1000.0);
    gauge(out, "transcoderd_streams_kept_bytes", "Segments at hand.", (double)s->bytes);
    gauge(out, "transcoderd_streams_renditions", "Renditions of streams that can be made.",
          s->renditions);
    gauge(out, "transcoderd_streams_renditions_slow",
          "Those of which one segment in 100 takes a second or more: they are made ahead only.",
          s->slow);
}

char *metrics_render(const struct metrics_facts *f) {
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (out == NULL)
        return NULL;
    put_workers(out, f);
    put_starts(out, f);
    if (f->streams != NULL)
        put_streams(out, f->streams);
    put_costs(out, f);
    gauge(out, "transcoderd_standbys", "Sessions here that others serve: standbys and hedges.",
          f->standbys);
    gauge(out, "transcoderd_credit_slots", "Sessions that peerd lets this node admit.",
          f->credit_slots);
    if (f->credit.us != DURATION_ENDLESS.us)
        gauge(out, "transcoderd_credit_left_seconds", "Until that lease ends.",
              (double)f->credit.us / 1e6);
    if (f->unheard.us != DURATION_ENDLESS.us)
        gauge(out, "transcoderd_peerd_unheard_seconds", "Since peerd has answered last.",
              (double)f->unheard.us / 1e6);
    gauge(out, "transcoderd_sources", "Sources in the catalogue.", f->sources);
    gauge(out, "transcoderd_sources_broken", "Those of them that cannot be read.", f->broken);
    gauge(out, "transcoderd_draining", "1 while the cluster is being drained.", f->draining);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

static void asked(void *data, struct net_http_request *r) {
    struct metrics *m = data;
    struct metrics_facts facts = {.worker_count = 0};
    const struct net_http_header allow = {"Allow", "GET, HEAD"};
    if (strcmp(r->path, "/metrics") != 0) {
        net_http_answer_problem(r, 404, ERR_NOT_FOUND, "here is /metrics and nothing else", 0);
        return;
    }
    if (strcmp(r->method, "GET") != 0 && strcmp(r->method, "HEAD") != 0) {
        net_http_answer(
            r, &(struct net_http_answer){.status = 405, .headers = &allow, .header_count = 1});
        return;
    }
    m->tell(m->data, &facts);
    char *text = metrics_render(&facts);
    if (text == NULL) {
        net_http_answer_problem(r, 503, ERR_NO_MEMORY, NULL, 1);
        return;
    }
    net_http_answer(
        r, &(struct net_http_answer){.status = 200,
                                     .content_type = "text/plain; version=0.0.4; charset=utf-8",
                                     .body = text,
                                     .body_len = strlen(text)});
    free(text);
}

/* A door for who looks on: it takes no bodies and few connections, and keeps none for long. */
struct metrics *metrics_open(struct net_loop *loop, struct net_log *log, const struct addr *bind_to,
                             metrics_tell_fn tell, void *data) {
    char detail[256] = "";
    struct metrics *m = calloc(1, sizeof(*m));
    if (m == NULL)
        return NULL;
    m->tell = tell;
    m->data = data;
    const struct net_http_server_options options = {.door = NET_HTTP_DOOR_PLAIN,
                                                    .bind_to = *bind_to,
                                                    .connections_max = CONNECTIONS_MAX,
                                                    .body_bytes_max = 1,
                                                    .handler = asked,
                                                    .data = m};
    if (net_http_server_start(&m->door, loop, &options, detail, sizeof(detail)) == ERR_OK)
        return m;
    net_log(log, NET_LOG_ERROR, "--metrics cannot be served", NET_TEXT("why", detail));
    free(m);
    return NULL;
}
