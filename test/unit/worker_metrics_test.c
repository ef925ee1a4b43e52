/* What a node tells Prometheus, rendered from facts. */
#include "test/lib/exposition.h"
#include "transcoder/worker/metrics.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const struct node_worker workers[] = {
    {.index = 0, .pid = 100, .restarts = 2, .frames = 5000000000, .sessions = 7, .cpu_ms = 1500},
    {.index = 1, .pid = 0, .resent = 3, .credit_spent = 4, .probes = 5, .probes_refused = 6},
};

static struct starts starts_of_two(void) {
    struct starts s = {.count = 0};
    const struct link_window ours = {.starts = 256, .in_time = 4};
    const struct link_window theirs[] = {
        {.issuer = {"fra1"}, .starts = 128, .under_way = 3, .late = 1, .busy = 9},
        {.issuer = {"fra1"}, .starts = 64, .under_way = 2, .in_time = 5, .busy = 1}};
    starts_told(&s, 0, &ours);
    starts_told(&s, 0, &theirs[0]);
    starts_told(&s, 1, &theirs[0]);
    starts_told(&s, 1, &theirs[1]);
    starts_told(&s, 2, &theirs[1]);
    starts_worker_lost(&s, 2);
    return s;
}

static const struct {
    const char *sample;
    double value;
} rows[] = {
    {"transcoderd_worker_up{worker=\"0\"}", 1},
    {"transcoderd_worker_up{worker=\"1\"}", 0},
    {"transcoderd_worker_restarts_total{worker=\"0\"}", 2},
    {"transcoderd_worker_frames_total{worker=\"0\"}", 5e9},
    {"transcoderd_worker_sessions{worker=\"0\"}", 7},
    {"transcoderd_worker_cpu_seconds_total{worker=\"0\"}", 1.5},
    {"transcoderd_worker_packets_resent_total{worker=\"1\"}", 3},
    {"transcoderd_worker_credit_spent_slots{worker=\"1\"}", 4},
    {"transcoderd_worker_probes_answered_total{worker=\"1\"}", 5},
    {"transcoderd_worker_probes_refused_total{worker=\"1\"}", 6},
    {"transcoderd_starts_window{cluster=\"ams1\"}", 256},
    {"transcoderd_starts_in_time_total{cluster=\"ams1\"}", 4},
    {"transcoderd_starts_window{cluster=\"fra1\"}", 192},
    {"transcoderd_starts_under_way{cluster=\"fra1\"}", 5},
    {"transcoderd_starts_in_time_total{cluster=\"fra1\"}", 10},
    {"transcoderd_starts_late_total{cluster=\"fra1\"}", 2},
    {"transcoderd_starts_busy_total{cluster=\"fra1\"}", 20},
    {"transcoderd_streams_requests_total{answer=\"hit\"}", 11},
    {"transcoderd_streams_requests_total{answer=\"waited\"}", 12},
    {"transcoderd_streams_requests_total{answer=\"refused\"}", 13},
    {"transcoderd_streams_made_total", 14},
    {"transcoderd_streams_made_ahead_total", 15},
    {"transcoderd_streams_failed_total", 16},
    {"transcoderd_streams_dropped_total", 17},
    {"transcoderd_streams_kept_bytes", 18},
    {"transcoderd_streams_maker_cpu_seconds_total", 1.9},
    {"transcoderd_streams_renditions", 20},
    {"transcoderd_streams_renditions_slow", 21},
    {"transcoderd_streams_makers", 4},
    {"transcoderd_streams_spare_cpu_ratio", 2.5},
    {"transcoderd_rendition_cpu_ratio{rendition=\"720p\"}", 0.415},
    {"transcoderd_rendition_cpu_ratio{rendition=\"aac\"}", 0.005},
    {"transcoderd_standbys", 8},
    {"transcoderd_credit_slots", 9},
    {"transcoderd_credit_left_seconds", 2.5},
    {"transcoderd_peerd_unheard_seconds", 0.25},
    {"transcoderd_sources", 10},
    {"transcoderd_sources_broken", 1},
    {"transcoderd_draining", 1},
};

Test(worker_metrics, page) {
    const struct starts starts = starts_of_two();
    const struct link_streams streams = {11, 12, 13, 14, 15, 16, 17, 18, 1900000, 4, 2500, 20, 21};
    const struct link_rendition_cost costs[] = {{{"720p"}, 415}, {{"aac"}, 5}};
    struct metrics_facts facts = {.workers = workers,
                                  .worker_count = 2,
                                  .starts = starts.rows,
                                  .starts_count = starts.count,
                                  .self = {"ams1"},
                                  .streams = &streams,
                                  .costs = costs,
                                  .cost_count = 2,
                                  .standbys = 8,
                                  .credit_slots = 9,
                                  .credit = duration_ms(2500),
                                  .unheard = duration_ms(250),
                                  .sources = 10,
                                  .broken = 1,
                                  .draining = true};
    char why[256];
    char *page = metrics_render(&facts);
    cr_assert_not_null(page);
    cr_expect(exposition_check(page, why, sizeof(why)), "%s\n%s", why, page);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect_float_eq(exposition_value(page, rows[i].sample), rows[i].value, 1e-9, "%s\n%s",
                           rows[i].sample, page);
    free(page);
    /* Without a peerd: nothing is said of it. */
    facts.credit = facts.unheard = DURATION_ENDLESS;
    facts.streams = NULL;
    page = metrics_render(&facts);
    cr_expect_null(strstr(page, "credit_left"));
    cr_expect_null(strstr(page, "unheard"));
    cr_expect_null(strstr(page, "streams"));
    free(page);
}
