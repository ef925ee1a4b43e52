/* The witness on paths that lose all for a while: what it bears, and for how long. */
#include "test/unit/witness_fixture.h"

/* Frames first…last−1, of which `run` in a row of eighty are lost. */
static void stream_lossy(uint64_t first, uint64_t last, uint64_t run) {
    for (uint64_t n = first; n < last; n++)
        if (n % 80 >= run)
            stream(0, n, n + 1);
}

/* Nothing more comes of fra1; says when somebody was asked to serve. ams1 hedges, and its frames
 * come until `hedged_ms`. */
static int64_t commit_after(int64_t last_ms, int64_t hedged_ms) {
    uint64_t next = f.p.high;
    bool granted = false;
    forget_sent();
    for (int64_t ms = last_ms + 1; ms < last_ms + 3000; ms++) {
        wait_until(ms);
        play();
        if (!granted && resume_to(1, RESUME_HEDGE, 0) != NULL) {
            give_grant(1, RESUME_HEDGE);
            granted = true;
        }
        if (granted && ms < hedged_ms && ms % 20 == 0)
            give_frame(1, next++);
        for (uint8_t server = 0; server < SERVERS; server++)
            if (resume_to(server, RESUME_COMMIT, 0) != NULL)
                return ms - last_ms;
    }
    return -1;
}

Test(witness_lapses, silence_is_borne_by_what_the_path_has_shown) {
    static const struct {
        const char *what;
        int64_t young_s;
        uint64_t run;      /* frames lost of eighty */
        int64_t hedged_ms; /* after the last frame */
        int64_t from_ms, to_ms;
    } rows[] = {
        {"a path that loses nothing", 0, 0, 9999, 200, 215},
        {"… or is too new to tell", 60, 0, 9999, 400, 415},
        {"… and no frame of a hedge comes", 60, 0, 0, 400, 415},
        {"a path that loses two in a row", 0, 2, 9999, 520, 560},
        {"… and the hedge falls silent, too", 0, 2, 120, 480, 520},
        {"a path that loses four in a row", 0, 4, 9999, 890, 940},
        {"… and the hedge falls silent, too", 0, 4, 120, 480, 540},
        {"… and no frame of it comes", 0, 4, 0, 400, 450},
        {"a path that loses eight in a row", 0, 8, 9999, 1640, 1720},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct witness_config config = calm_config();
        config.young = duration_s(rows[i].young_s);
        config.hedges_per_minute = 1000;
        start_as(config);
        f.p.config.depth = duration_ms(200);
        for (uint64_t n = 0; n < 1200; n += 80) {
            forget_sent();
            stream_lossy(n, n + 80, rows[i].run);
        }
        cr_assert_eq(f.w.state, WITNESS_FOLLOWING, "%s", rows[i].what);
        int64_t ms = commit_after(f.ms, f.ms + rows[i].hedged_ms);
        cr_expect(ms >= rows[i].from_ms && ms <= rows[i].to_ms, "%s: after %lld ms", rows[i].what,
                  (long long)ms);
        cr_expect_eq(f.w.attempt.cause, MOVE_CAUSE_CRASHED, "%s", rows[i].what);
    }
}

/* Without an answer to its reports the server would let the session go. */
Test(witness_lapses, reports_that_are_lost_are_soon_sent_again) {
    static const int64_t after_ms[] = {500, 500, 500, 100, 100, 100};
    start_streaming();
    f.deaf = 1; /* fra1's frames come, and nothing that answers a question */
    int64_t before = f.w.report_at.us / 1000;
    size_t reports = 0;
    for (uint64_t n = 50; n < 190 && reports < 6; n++) {
        stream(0, n, n + 1);
        if (f.w.report_at.us / 1000 == before)
            continue;
        cr_expect_eq(f.w.report_at.us / 1000 - before, after_ms[reports], "report %zu", reports);
        before = f.w.report_at.us / 1000;
        reports++;
    }
    cr_expect_eq(reports, 6);
    f.deaf = 0;
    f.answered = f.count;
    wait_until(before);
    answer_all();
    cr_expect_eq(f.w.unheard, 0);
    forget_sent();
}

/* A lease that has room for two reports only would end with two of them lost on a path that loses
 * one in two hundred: under a short one each is sent again as soon as its answer could be here, and
 * an answer ends that. */
Test(witness_lapses, under_a_short_lease_a_lost_report_is_sent_again_at_once) {
    static const struct {
        const char *what;
        uint32_t lease_ms;
        int64_t rtt_ms;
        int64_t after_ms;
    } rows[] = {
        {"two reports a lease", 1190, 40, 100},
        {"fewer than four", 1999, 40, 100},
        {"… far away", 1190, 160, 200},
        {"four", 2000, 40, 500},
        {"many", 5000, 40, 500},
        {"the server has not said", 0, 40, 500},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start_streaming();
        f.w.servers[0].path.rtt_smooth = duration_ms(rows[i].rtt_ms);
        f.w.lease_ms = rows[i].lease_ms;
        int64_t asked = f.w.report_at.us / 1000;
        wait_until(asked);
        cr_expect_eq(f.w.report_at.us / 1000, asked + rows[i].after_ms, "%s", rows[i].what);
        give_ack();
        cr_expect_eq(f.w.report_at.us / 1000, asked + 500, "%s: answered", rows[i].what);
        forget_sent();
    }
}

/* … as long as whoever serves says in its answers. */
Test(witness_lapses, the_lease_is_what_the_serving_one_says) {
    struct witness_config config = calm_config();
    config.session = session;
    start_with(&config);
    f.ms = 40;
    wait_until(40);
    give_cookie(0);
    f.ms = 80;
    give_grant(0, RESUME_COMMIT);
    cr_expect_eq(f.w.lease_ms, 3000);
    wait_until(120);
    struct witness_event e = {.kind = WITNESS_ACKNOWLEDGED,
                              .now = at_ms(120),
                              .nonce = last_nonce(WITNESS_SEND_REPORT, 0)};
    e.u.ack.lease_ms = 1190;
    step(&e);
    cr_expect_eq(f.w.lease_ms, 1190);
}

/* The hedge under which silence was borne is over: it was not slept through, so nobody asks the
 * silent one once more. */
Test(witness_lapses, silence_that_is_borne_no_more_is_left_at_once) {
    struct witness_config config = calm_config();
    config.young = duration_s(0);
    config.hedges_per_minute = 1000;
    start_as(config);
    f.p.config.depth = duration_ms(200);
    for (uint64_t n = 0; n < 1200; n += 80) {
        forget_sent();
        stream_lossy(n, n + 80, 4);
    }
    budget_init(&f.w.hedges, 1, at_ms(f.ms));
    forget_sent();
    uint64_t next = f.p.high;
    int64_t last_ms = f.ms;
    for (int64_t ms = last_ms + 1; ms < last_ms + 3000 && f.w.state != WITNESS_COMMITTING; ms++) {
        wait_until(ms);
        play();
        if (ms == last_ms + 90)
            step(&(struct witness_event){
                .kind = WITNESS_PACKET_HEARD, .now = at_ms(ms), .server = 0});
        if (ms == last_ms + 70)
            give_grant(1, RESUME_HEDGE);
        if (ms > last_ms + 70 && ms % 20 == 0)
            give_frame(1, next++);
    }
    cr_expect_eq(f.w.state, WITNESS_COMMITTING);
    cr_expect_eq(f.w.attempt.server, 1, "asked %d", f.w.attempt.server);
    cr_expect_geq(f.ms - last_ms, 400, "after %lld ms", (long long)(f.ms - last_ms));
}

/* Of each forty frames `run` are lost, for `cycles` of them: nobody is asked to serve meanwhile. */
static void stream_bursts(uint64_t run, uint64_t cycles, const char *what) {
    for (uint64_t cycle = 0; cycle < cycles; cycle++) {
        forget_sent();
        stream(0, 40 * cycle, 40 * cycle + 40 - run);
        wait_until(1000 + 20 * (40 * (int64_t)cycle + 40) - 1);
        for (uint8_t server = 0; server < SERVERS; server++)
            cr_assert_null(resume_to(server, RESUME_COMMIT, 0), "%s: %d is asked in cycle %llu",
                           what, server, (unsigned long long)cycle);
    }
}

/* What an access loses in bursts is lost wherever the listener goes. */
Test(witness_lapses, bursts_do_not_add_up_to_a_dead_path) {
    static const struct {
        const char *what;
        uint64_t run;
    } rows[] = {{"four of forty", 4}, {"six of forty", 6}, {"eight of forty", 8}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start();
        stream_bursts(rows[i].run, 150, rows[i].what);
        cr_expect_eq(f.w.serving, 0, "%s", rows[i].what);
        cr_expect_eq(f.w.stats.commits, 0, "%s", rows[i].what);
    }
}

/* A path that delivers three frames now and then is left, after as much media missing as of one
 * that delivers none. */
Test(witness_lapses, more_than_half_missing_adds_up) {
    start_streaming();
    f.w.reseated_at = at_ms(1900);
    int64_t asked = -1;
    for (uint64_t n = 50; n < 250 && asked < 0; n++) {
        wait_until(1000 + (int64_t)n * 20);
        play();
        if (n % 12 < 3)
            give_frame(0, n);
        answer_all();
        forget_sent();
        if (f.w.state == WITNESS_COMMITTING)
            asked = f.ms - 1980;
    }
    cr_assert_geq(asked, 0, "it is followed for ever");
    cr_expect_eq(f.w.attempt.cause, MOVE_CAUSE_DEGRADED);
    cr_expect(asked >= 1000 && asked <= 2500, "after %lld ms", (long long)asked);
}

/* Who loses a burst each second or so has hedges left when none passes. */
Test(witness_lapses, bursts_do_not_spend_all_hedges) {
    start();
    stream_bursts(5, 150, "bursts");
    cr_expect_geq(budget_left(&f.w.hedges, at_ms(f.ms)), f.w.config.hedges_per_minute / 3 - 1);
    forget_sent();
}

/* When somebody is asked to hedge first, after the last frame. */
static int64_t hedge_after(int64_t last_ms) {
    wait_until(last_ms + 195);
    const struct witness_out *o = resume_to(1, RESUME_HEDGE, 0);
    return o == NULL ? -1 : sent_at(o) - last_ms;
}

Test(witness_lapses, a_hedge_waits_only_where_few_are_left_and_there_is_time) {
    static const struct {
        const char *what;
        uint64_t run;     /* frames lost of forty */
        uint32_t left;    /* hedges of thirty */
        int64_t depth_ms; /* of the buffer */
        int64_t from_ms, to_ms;
    } rows[] = {
        {"a path of bursts, few hedges left", 5, 9, 250, 120, 160},
        {"… many left", 5, 10, 250, 60, 70},
        {"… a short buffer", 5, 9, 160, 60, 110},
        {"a path that loses nothing", 0, 9, 250, 60, 70},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start();
        f.p.config.depth = duration_ms(rows[i].depth_ms);
        stream_bursts(rows[i].run, 5, rows[i].what);
        while (budget_left(&f.w.hedges, at_ms(f.ms)) > rows[i].left)
            budget_spend(&f.w.hedges, at_ms(f.ms));
        forget_sent();
        stream(0, 200, 230); /* 0.6 s: less than a hedge costs */
        forget_sent();
        int64_t ms = hedge_after(f.ms);
        cr_expect(ms >= rows[i].from_ms && ms <= rows[i].to_ms, "%s: after %lld ms", rows[i].what,
                  (long long)ms);
    }
}

/* Its frames come again after a burst, but not yet three of them: it is not asked to take up again,
 * and nobody to hedge. */
Test(witness_lapses, who_is_heard_again_is_not_mute) {
    start();
    stream_bursts(5, 5, "bursts");
    while (budget_left(&f.w.hedges, at_ms(f.ms)) > 0)
        budget_spend(&f.w.hedges, at_ms(f.ms));
    forget_sent();
    stream(0, 200, 230);
    int64_t last = f.ms;
    wait_until(last + 160);
    give_frame(0, 237);
    wait_until(last + 200);
    give_frame(0, 239);
    forget_sent();
    wait_until(last + 235);
    cr_expect_null(resume_to(0, RESUME_COMMIT, 0), "it is asked to take up again");
    cr_expect_null(resume_to(1, RESUME_COMMIT, 0));
    wait_until(last + 240);
    give_frame(0, 241);
    cr_expect_eq(f.w.state, WITNESS_FOLLOWING);
}

static void hear(uint8_t server) {
    step(&(struct witness_event){
        .kind = WITNESS_PACKET_HEARD, .now = at_ms(f.ms), .server = server});
}

/* When somebody is asked to serve, after the last frame, if ams1 is heard first at `heard_ms`. */
static int64_t asked_to_serve(int64_t last_ms, int64_t heard_ms) {
    for (int64_t ms = last_ms + 1; ms < last_ms + 4000; ms++) {
        wait_until(ms);
        if (ms == last_ms + heard_ms)
            hear(1);
        for (uint8_t server = 0; server < SERVERS; server++)
            if (resume_to(server, RESUME_COMMIT, 0) != NULL)
                return sent_at(resume_to(server, RESUME_COMMIT, 0)) - last_ms;
    }
    return -1;
}

/* What its access loses is lost of everybody's packets: to go is of no use before another is heard
 * while the serving path is silent. */
Test(witness_lapses, silence_of_everybody_is_no_evidence) {
    static const struct {
        const char *what;
        uint32_t hedges; /* left */
        int64_t heard_ms;
        int64_t from_ms, to_ms;
    } rows[] = {
        {"another is heard soon", 30, 100, 200, 210},
        {"… and no hedge is left", 0, 100, 200, 210},
        {"another is heard later", 30, 600, 645, 650},
        {"… and no hedge is left", 0, 600, 645, 650},
        {"nobody is", 30, -1, 3000, 3005},
        {"… and no hedge is left", 0, -1, 3000, 3005},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start_streaming();
        f.alone = true;
        while (budget_left(&f.w.hedges, at_ms(f.ms)) > rows[i].hedges)
            budget_spend(&f.w.hedges, at_ms(f.ms));
        int64_t ms = asked_to_serve(f.ms, rows[i].heard_ms);
        cr_expect(ms >= rows[i].from_ms && ms <= rows[i].to_ms, "%s: after %lld ms", rows[i].what,
                  (long long)ms);
        for (uint8_t server = 1; server < SERVERS && rows[i].heard_ms != 100; server++)
            cr_expect(last_nonce(WITNESS_SEND_HELLO, server) != 0, "%s: %d is asked", rows[i].what,
                      server);
    }
}

Test(witness_lapses, who_is_heard_again_after_a_silence_of_everybody_is_followed) {
    start_streaming();
    f.alone = true;
    for (uint64_t n = 110; n < 114; n++) { /* 1.2 s later */
        wait_until(1000 + (int64_t)n * 20);
        play();
        if (n == 110)
            hear(0); /* an answer of its */
        else
            give_frame(0, n);
        hear(1);
    }
    cr_expect_eq(f.w.state, WITNESS_FOLLOWING);
    for (uint8_t server = 0; server < SERVERS; server++)
        cr_expect_null(resume_to(server, RESUME_COMMIT, 0));
}

/* Who does not answer anyhow is no comparison. */
Test(witness_lapses, silence_counts_where_nobody_else_is_known_to_live) {
    start_streaming();
    f.alone = true;
    f.w.servers[1].path.hellos_missed = f.w.servers[2].path.hellos_missed = 4;
    int64_t ms = asked_to_serve(f.ms, -1);
    cr_expect(ms >= 200 && ms <= 210, "after %lld ms", (long long)ms);
}

/* A hedge was asked for the place of a way that has become much longer: whoever is to serve begins
 * anew. */
Test(witness_lapses, a_hedge_out_of_place_is_called_off_before_its_server_is_asked_to_serve) {
    static const struct {
        int64_t rtt_ms;
        bool called_off;
    } rows[] = {{40, false}, {200, false}, {300, true}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start_streaming();
        wait_until(2070);
        cr_assert_not_null(resume_to(1, RESUME_HEDGE, 0));
        f.w.servers[1].path.rtt_smooth = duration_ms(rows[i].rtt_ms);
        wait_until(2300);
        const struct witness_out *off = resume_to(1, RESUME_CANCEL, 0);
        const struct witness_out *serve = resume_to(1, RESUME_COMMIT, 0);
        cr_assert_not_null(serve);
        cr_expect_eq(off != NULL, rows[i].called_off, "%lld ms", (long long)rows[i].rtt_ms);
        cr_expect(off == NULL || off < serve, "first");
    }
}
