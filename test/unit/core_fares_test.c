#include "test/unit/core_fixture.h"

#include <criterion/criterion.h>

#define CLIENTS 20

struct bed {
    struct fixture *f;
    struct node_session sessions[CLIENTS];
    int falls, ends; /* lines that say so */
    char line[TRACE_LINE_LEN_MAX + 1];
};

static void read_lines(struct bed *b) {
    for (uint32_t i = 0; i < b->f->trace.count; i++) {
        const char *text = b->f->trace.lines[(b->f->trace.first + i) % TRACE_LINES_MAX].text;
        if (strstr(text, "fares worse") != NULL) {
            b->falls++;
            snprintf(b->line, sizeof(b->line), "%s", text);
        }
        b->ends += strstr(text, "fares as usual") != NULL;
    }
    trace_init(&b->f->trace);
}

/* A second of reports each 100 ms, of two clients each: all have sent 50 frames more. */
static void run(struct bed *b, int seconds, uint32_t lost_of_50, int bad_clients) {
    for (int tenth = 0; tenth < seconds * 10; tenth++) {
        for (int i = tenth % 10 * 2; i < tenth % 10 * 2 + 2; i++) {
            b->sessions[i].expected += 50;
            b->sessions[i].lost_before += i < bad_clients ? lost_of_50 : 0;
            b->sessions[i].lost_after += i < bad_clients ? lost_of_50 : 0;
        }
        b->f->now = instant_add(b->f->now, duration_ms(100));
        fixture_node(b->f, 0,
                     &(struct fixture_report){.sessions = b->sessions, .session_count = CLIENTS});
        read_lines(b);
    }
}

static struct bed bed_new(void) {
    struct bed b = {.f = fixture_new(1, 1, 100)};
    for (uint32_t i = 0; i < CLIENTS; i++) {
        b.sessions[i] = fixture_session(i + 1, 1, RESUME_COMMIT);
        b.sessions[i].client.ip[3] = (uint8_t)(i + 1);
        b.sessions[i].expected = 1000; /* before we knew of it: nothing of it is ours */
        b.sessions[i].lost_before = 900;
        b.sessions[i].rtt_us = 30000;
        b.sessions[i].jitter_us = 2000;
    }
    return b;
}

Test(core_fares, clients_of_a_location_that_fall_together_are_noticed_and_that_it_is_over) {
    struct bed b = bed_new();
    run(&b, 20, 0, 0);
    cr_expect_eq(b.falls, 0);
    cr_expect_eq(core_status(b.f->core).locations, 1);
    run(&b, 4, 8, CLIENTS);
    cr_assert_eq(b.falls, 1);
    cr_expect_not_null(strstr(b.line, "fra1 192.0.2.0/24 fares worse: R 93 -> "), "%s", b.line);
    cr_expect_not_null(strstr(b.line, "no peer can tell whose fault it is"), "%s", b.line);
    cr_expect_eq(core_status(b.f->core).locations_bad, 1);
    struct core_location_status l;
    uint32_t cursor = 0;
    cr_assert(core_location_next(b.f->core, &cursor, b.f->now, &l));
    cr_expect_str_eq(l.state, "unknown");
    cr_expect(l.usual_centi > 9200, "%u", l.usual_centi);
    cr_expect(l.recent_centi < 7000 && l.recent_centi > 0, "%u", l.recent_centi);
    cr_expect(l.rtt_us_p50 > 29000 && l.rtt_us_p50 < 31000, "%u", l.rtt_us_p50);
    cr_expect_geq(l.clients, 16);
    cr_expect_eq(l.lost, 4 * CLIENTS * 8);
    cr_expect_not(core_location_next(b.f->core, &cursor, b.f->now, &l));
    cr_expect_eq(core_counters(b.f->core)->degradations, 1);
    run(&b, 20, 0, 0);
    cr_expect_eq(b.falls, 1);
    cr_expect_eq(b.ends, 1);
    cr_expect_eq(core_status(b.f->core).locations_bad, 0);
    fixture_free(b.f);
}

Test(core_fares, a_few_bad_lines_are_nobodys_fall) {
    struct bed b = bed_new();
    run(&b, 20, 0, 0);
    run(&b, 20, 20, 5);
    cr_expect_eq(b.falls, 0);
    cr_expect_eq(core_counters(b.f->core)->degradations, 0);
    fixture_free(b.f);
}

Test(core_fares, figures_that_go_back_or_stand_still_are_no_ratings) {
    struct bed b = bed_new();
    run(&b, 20, 0, 0);
    for (int i = 0; i < CLIENTS; i++)
        b.sessions[i].expected -= 900, b.sessions[i].lost_before -= 900;
    run(&b, 3, 0, 0);
    cr_expect_eq(b.falls, 0);
    fixture_free(b.f);
}

Test(core_fares, tell_how_far_away_the_clients_of_a_location_are) {
    struct bed b = bed_new();
    struct core_fare fare;
    struct prefix here, elsewhere;
    cr_assert(prefix_from_text(&here, "192.0.2.0/24"));
    cr_assert(prefix_from_text(&elsewhere, "198.51.100.0/24"));
    cr_expect_not(core_fare(b.f->core, &here, &fare), "nobody has told yet");
    run(&b, 20, 0, 0);
    cr_assert(core_fare(b.f->core, &here, &fare));
    cr_expect(fare.rtt.us > 29000 && fare.rtt.us < 31000, "%d", (int)fare.rtt.us);
    cr_expect(fare.rating_centi > 9000 && fare.rating_centi < 9500, "%u", fare.rating_centi);
    cr_expect_gt(fare.reports, 0u);
    cr_expect_not(core_fare(b.f->core, &elsewhere, &fare));
    cr_expect_eq(fare.reports, 0u);
    fixture_free(b.f);
}

/* A tenth of all is missing everywhere; what else clients report makes it better or worse. */
Test(core_fares, gaps_and_buffers_count) {
    static const struct {
        const char *what;
        uint16_t buffer_ms, burst_x16;
        uint32_t rtt_ms, jitter_ms;
        double r; /* 93.2 less Ie,eff and Idd of G.107 */
    } rows[] = {
        {"nothing is told", 0, 0, 30, 2, 93.2 - 27.07},
        {"one by one", 0, 16, 30, 2, 93.2 - 27.07},
        {"five in a row", 0, 80, 30, 2, 93.2 - 34.77},
        {"jitter, and a buffer for it", 0, 0, 200, 60, 93.2 - 27.07 - 5.26},
        {"a deep one is not held against anybody", 400, 0, 200, 60, 93.2 - 27.07 - 5.26},
        {"a shallow one is less delay, for its loss", 40, 0, 200, 60, 93.2 - 27.07 - 0.05},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bed b = bed_new();
        struct core_location_status l;
        uint32_t cursor = 0;
        for (uint32_t k = 0; k < CLIENTS; k++) {
            b.sessions[k].buffer_ms = rows[i].buffer_ms;
            b.sessions[k].burst_x16 = rows[i].burst_x16;
            b.sessions[k].rtt_us = rows[i].rtt_ms * 1000;
            b.sessions[k].jitter_us = rows[i].jitter_ms * 1000;
        }
        run(&b, 10, 5, CLIENTS);
        cr_assert(core_location_next(b.f->core, &cursor, b.f->now, &l));
        cr_expect_float_eq(l.usual_centi / 100.0, rows[i].r, 0.1, "%s: %u", rows[i].what,
                           l.usual_centi);
        fixture_free(b.f);
    }
}
