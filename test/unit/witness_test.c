/* The witness, event by event: paths, misses, hedges. What a listener goes through is in
 * test/scenario/handover_test.c. */
#include "test/unit/witness_fixture.h"

Test(witness, answers_that_nobody_asked_for_are_dropped) {
    start_streaming();
    wait_until(2020);
    struct witness before = f.w;
    struct witness_event e = {
        .kind = WITNESS_GRANTED, .now = at_ms(2020), .server = 1, .nonce = 4711};
    e.u.grant = (struct message_grant){.purpose = RESUME_COMMIT, .epoch = 2, .lease_ms = 9};
    step(&e);
    e.kind = WITNESS_REFUSED;
    e.server = 0;
    step(&e);
    cr_expect_eq(f.w.stats.forged, 2);
    cr_expect_eq(f.w.serving, before.serving);
    cr_expect_eq(f.w.epoch_high, before.epoch_high);
    cr_expect_eq(f.w.servers[0].path.heard.us, before.servers[0].path.heard.us,
                 "a forger is no sign of life");
    e.server = 7;
    step(&e);
    cr_expect_eq(f.w.stats.forged, 2, "a slot without a server is nobody");
}

Test(witness, hellos_and_reports_keep_their_rhythm) {
    start();
    forget_sent();
    f.deaf = 2;
    stream(0, 0, 500); /* ten seconds */
    size_t hellos[SERVERS] = {0}, reports = 0;
    for (size_t i = 0; i < f.count; i++) {
        hellos[f.sent[i].o.server] += f.sent[i].o.kind == WITNESS_SEND_HELLO;
        reports += f.sent[i].o.kind == WITNESS_SEND_REPORT;
    }
    cr_expect(hellos[1] + hellos[2] >= 20 && hellos[1] + hellos[2] <= 26, "%zu and %zu", hellos[1],
              hellos[2]);
    cr_expect_leq(hellos[0], 3);
    cr_expect(reports >= 20 && reports <= 23, "%zu", reports);
    cr_expect_eq(f.w.servers[2].role, WITNESS_ROLE_WARM, "ams1 never answered: lon1 is warm");
}

Test(witness, a_standby_is_renewed_without_its_ticket) {
    start();
    const struct witness_out *first = resume_to(1, RESUME_STANDBY, 0);
    cr_assert_not_null(first);
    cr_expect(first->u.resume.with_ticket);
    uint64_t counter = first->u.resume.counter;
    forget_sent();
    stream(0, 0, 60);
    const struct witness_out *next = resume_to(1, RESUME_STANDBY, 0);
    cr_assert_not_null(next);
    cr_expect_not(next->u.resume.with_ticket);
    cr_expect_gt(next->u.resume.counter, counter);
    cr_expect_eq(sent_at(next), 160 + 1000, "a third of its lease of 3 s");
}

Test(witness, a_hedge_says_what_is_missing_and_what_is_held) {
    start();
    stream(0, 0, 50);
    /* 50 and 51 are lost, 52 comes: no silence yet. 53 and all after are missing. */
    stream(0, 52, 53);
    forget_sent();
    wait_until(2200);
    const struct witness_out *o = resume_to(1, RESUME_HEDGE, 0);
    cr_assert_not_null(o);
    /* Frame 53 was expected at 2060; 45 ms is the least that is waited. */
    cr_expect(sent_at(o) >= 2105 && sent_at(o) <= 2115, "%lld", (long long)sent_at(o));
    cr_expect_eq(o->u.resume.from_frame, 50);
    cr_expect_eq(o->u.resume.held[0], 0x02, "52 is held: %02x", o->u.resume.held[0]);
    /* A round trip of 40 ms later frame 57 or 58 should come: (2105 + 40 − 1000) / 20 = 57.25 */
    cr_expect_eq(o->u.resume.live_frame, 58);
    cr_expect_eq(o->u.resume.hedge_ms, 500);
    cr_expect_eq(o->u.resume.epoch, 1, "no epoch changes");
    cr_expect(o->u.resume.with_ticket);
    cr_expect_eq(f.w.epoch, 1);
}

/* [ms] there and back, as measured. */
static void is_away(uint8_t server, int64_t rtt_ms) {
    f.w.servers[server].path.rtt_smooth = duration_ms(rtt_ms);
}

Test(witness, a_hedge_is_repeated_after_20_and_60_ms_until_it_is_answered) {
    start_streaming();
    is_away(2, 40);
    wait_until(2130);
    const struct witness_out *o[3];
    for (size_t i = 0; i < 3; i++) {
        o[i] = resume_to(1, RESUME_HEDGE, i);
        cr_assert_not_null(o[i], "hedge %zu", i);
    }
    cr_expect_eq(sent_at(o[1]) - sent_at(o[0]), 20);
    cr_expect_eq(sent_at(o[2]) - sent_at(o[0]), 60);
    cr_expect(o[0]->nonce != o[1]->nonce && o[1]->nonce != o[2]->nonce);
    cr_expect(o[0]->u.resume.counter < o[1]->u.resume.counter &&
              o[1]->u.resume.counter < o[2]->u.resume.counter);
    cr_expect_eq(f.w.stats.hedges, 1, "it is one hedge");
    wait_until(2145);
    const struct witness_out *fourth = resume_to(1, RESUME_HEDGE, 3);
    cr_assert_not_null(fourth);
    cr_expect_eq(sent_at(fourth) - sent_at(o[0]), 90, "all three may be lost in one burst");

    start_streaming();
    wait_until(2050);
    give_grant(1, RESUME_HEDGE);
    wait_until(2189);
    cr_expect_null(resume_to(1, RESUME_HEDGE, 1), "answered: not repeated");
    cr_expect_null(resume_to(2, RESUME_HEDGE, 0), "nor is anybody else asked");
    wait_until(2195);
    cr_expect_not_null(resume_to(2, RESUME_HEDGE, 0),
                       "granted, and not heard for a round trip and 100 ms: it may have died, too");
}

Test(witness, a_backup_that_does_not_answer_is_not_waited_for) {
    start_streaming();
    is_away(2, 40);
    wait_until(2200);
    const struct witness_out *first = resume_to(1, RESUME_HEDGE, 0);
    const struct witness_out *second = resume_to(2, RESUME_HEDGE, 0);
    cr_assert(first != NULL && second != NULL);
    cr_expect_eq(sent_at(second) - sent_at(first), 40 + 60, "a round trip and 60 ms");
    cr_expect_eq(f.w.stats.hedges, 2);
}

/* Frame 50, the first that is missing, is due at 2200. */
Test(witness, the_next_backup_is_asked_while_it_can_still_be_in_time) {
    static const struct {
        const char *what;
        int64_t first_ms, second_ms; /* away */
        int64_t asked_ms;            /* when the second is asked */
    } rows[] = {
        {"the second is 70 ms away, and needs 10", 40, 70, 2120},
        {"the answer of the first cannot be here by then: it is waited for as ever", 70, 80, 2175},
        {"nothing that the second sends can be in time", 40, 150, 2145},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start_streaming();
        is_away(1, rows[i].first_ms);
        is_away(2, rows[i].second_ms);
        wait_until(2200);
        const struct witness_out *second = resume_to(2, RESUME_HEDGE, 0);
        cr_assert_not_null(second, "%s", rows[i].what);
        cr_expect_eq(sent_at(second), rows[i].asked_ms, "%s: at %lld", rows[i].what,
                     (long long)sent_at(second));
    }
}

static const struct witness_out *nack_to(uint8_t server) {
    for (size_t i = 0; i < f.count; i++)
        if (f.sent[i].o.kind == WITNESS_SEND_NACK && f.sent[i].o.server == server)
            return &f.sent[i].o;
    return NULL;
}

Test(witness, what_a_hedge_loses_is_asked_for_once_more) {
    start_streaming();
    wait_until(2085);
    give_grant(1, RESUME_HEDGE);
    give_frame(1, 50);
    give_frame(1, 54);
    wait_until(2110);
    const struct witness_out *o = nack_to(1);
    cr_assert_not_null(o);
    cr_expect_eq(o->u.nack.from, 51);
    cr_expect_eq(o->u.nack.missing, 7, "%llx", (long long)o->u.nack.missing);
    cr_expect(sent_at(o) >= 2085 + 2 && sent_at(o) <= 2085 + 4,
              "when all of a backfill is sent: %lld", (long long)sent_at(o));
    cr_expect_null(nack_to(0), "who is silent is asked for nothing");

    /* It serves, and what it has lost as a hedge is still of interest. */
    uint64_t n = 55;
    for (; f.w.state == WITNESS_HEDGING; n++) {
        cr_assert_lt(n, 100);
        wait_until(2085 + (int64_t)(n - 53) * 20);
        give_frame(1, n);
    }
    cr_assert_eq(f.w.attempt.server, 1);
    give_grant(1, RESUME_COMMIT);
    cr_assert_eq(f.w.serving, 1);
    forget_sent();
    give_frame(1, n + 2);
    wait_until(f.ms + 30);
    o = nack_to(1);
    cr_assert_not_null(o);
    cr_expect_eq(o->u.nack.from + (uint64_t)__builtin_ctzll(o->u.nack.missing), n);
}

/* Its host was started anew, and the answer to the hello beside the hedge is here already. */
Test(witness, who_refuses_an_old_cookie_is_asked_at_once_with_the_new_one) {
    start_streaming();
    wait_until(2046);
    cr_assert_not_null(resume_to(1, RESUME_HEDGE, 0));
    uint64_t nonce = last_nonce(WITNESS_SEND_RESUME, 1);
    f.ms = 2062; /* the way is 16 ms, measured as 40 */
    give_cookie(1);
    forget_sent();
    struct witness_event e = {
        .kind = WITNESS_REFUSED, .now = at_ms(2062), .server = 1, .nonce = nonce};
    e.u.refuse = (struct message_refuse){.session = session,
                                         .purpose = RESUME_HEDGE,
                                         .error = ERR_BAD_COOKIE,
                                         .counter = f.w.counter};
    step(&e);
    cr_expect_not_null(resume_to(1, RESUME_HEDGE, 0));
}

Test(witness, media_again_cancels) {
    start_streaming();
    wait_until(2060);
    cr_assert_eq(f.w.state, WITNESS_HEDGING);
    f.ms = 2060;
    give_frame(0, 50);
    cr_expect_eq(f.w.state, WITNESS_HEDGING, "one frame may be a straggler");
    f.ms = 2061;
    give_frame(0, 51);
    f.ms = 2062;
    give_frame(0, 52);
    cr_expect_eq(f.w.state, WITNESS_FOLLOWING);
    cr_expect_not_null(resume_to(1, RESUME_CANCEL, 0));
    cr_expect_eq(f.w.stats.cancels, 1);
    wait_until(2070);
    cr_expect_null(resume_to(1, RESUME_COMMIT, 0));
}

/* Frames 50-52 are lost, 53 and on come in time: the backup may only now have begun. */
Test(witness, a_hedge_is_not_cancelled_before_it_has_filled_the_hole) {
    for (int filled = 0; filled <= 1; filled++) {
        start_streaming();
        wait_until(2050);
        cr_expect_eq(f.w.state, WITNESS_HEDGING);
        stream(0, 53, 57);
        cr_expect_eq(f.w.state, WITNESS_FOLLOWING, "media is there again");
        cr_expect_null(resume_to(1, RESUME_CANCEL, 0), "three frames are not");
        for (uint64_t n = 50; n < 53 && filled; n++)
            give_frame(1, n);
        stream(0, 57, filled ? 58 : 62);
        cr_expect_eq(resume_to(1, RESUME_CANCEL, 0) != NULL, filled,
                     "frame 52 is due at 2240: until then it may come");
        stream(0, filled ? 58 : 62, 65);
        cr_expect_not_null(resume_to(1, RESUME_CANCEL, 0), "filled, or too late");
        cr_expect_null(resume_to(1, RESUME_CANCEL, 1), "once");
        cr_expect_eq(f.w.stats.cancels, 1);
        cr_expect_eq(f.p.stats.lost, filled ? 0 : 3);
    }
}

Test(witness, only_silence_commits_at_once) {
    static const struct {
        const char *what;
        int64_t signs_every_ms; /* a packet of the serving path; 0 none */
        int64_t commit_from_ms, commit_to_ms;
        enum move_cause cause;
        uint8_t at;
    } rows[] = {
        /* The last frame came at 1980; frame 50 was expected at 2000. */
        {"silence", 0, 2180, 2200, MOVE_CAUSE_CRASHED, 1},
        {"alive without media: it is asked itself first", 50, 2200, 2260, MOVE_CAUSE_CRASHED, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start_streaming();
        int64_t asked = -1;
        for (int64_t ms = 1981; ms < 2600 && asked < 0; ms++) {
            wait_until(ms);
            if (rows[i].signs_every_ms > 0 && ms % rows[i].signs_every_ms == 0)
                step(&(struct witness_event){
                    .kind = WITNESS_PACKET_HEARD, .now = at_ms(ms), .server = 0});
            const struct witness_out *o = resume_to(rows[i].at, RESUME_COMMIT, 0);
            if (o == NULL)
                continue;
            asked = sent_at(o);
            cr_expect_eq(o->u.resume.cause, rows[i].cause, "%s", rows[i].what);
            cr_expect_eq(o->u.resume.epoch, 2, "%s: a fresh epoch", rows[i].what);
            cr_expect_eq(o->u.resume.served_by.bytes[0], 1, "%s", rows[i].what);
        }
        cr_expect(asked >= rows[i].commit_from_ms && asked <= rows[i].commit_to_ms, "%s: at %lld",
                  rows[i].what, (long long)asked);
    }
}

Test(witness, a_zombie_is_left_after_a_second) {
    start_streaming();
    f.w.reseated_at = at_ms(1900); /* it was asked to take up again a moment ago: not twice */
    int64_t asked = -1;
    for (int64_t ms = 1981; ms < 4000 && asked < 0; ms++) {
        wait_until(ms);
        if (ms % 40 == 0)
            step(&(struct witness_event){
                .kind = WITNESS_PACKET_HEARD, .now = at_ms(ms), .server = 0});
        if (ms == 2060)
            give_grant(1, RESUME_HEDGE);
        const struct witness_out *o = resume_to(1, RESUME_COMMIT, 0);
        if (o != NULL) {
            asked = sent_at(o);
            cr_expect_eq(o->u.resume.cause, MOVE_CAUSE_DEGRADED);
        }
    }
    cr_expect(asked >= 3000 && asked <= 3110, "at %lld", (long long)asked);
    cr_expect_geq(f.w.stats.extensions, 1, "meanwhile the hedge was extended");
}

Test(witness, jitter_makes_it_patient) {
    start();
    for (uint64_t n = 0; n < 300; n++) {
        wait_until(1000 + (int64_t)n * 20 + (n % 2 ? 15 : 0));
        play();
        give_frame(0, n);
    }
    forget_sent();
    int64_t last = f.ms;
    wait_until(last + 300);
    const struct witness_out *o = resume_to(1, RESUME_HEDGE, 0);
    o = o != NULL ? o : resume_to(2, RESUME_HEDGE, 0);
    cr_assert_not_null(o);
    /* Jitter tends to 15 ms: 40 + 60 ms after the frame that was expected 5 ms later. */
    cr_expect(sent_at(o) - last >= 95 && sent_at(o) - last <= 110, "after %lld ms",
              (long long)(sent_at(o) - last));
}

Test(witness, the_budget_of_hedges) {
    struct witness_config config = calm_config();
    config.hedges_per_minute = 0;
    start_with(&config);
    f.ms = 40;
    give_cookie(0);
    give_grant(0, RESUME_COMMIT);
    wait_until(100);
    give_cookie(1);
    stream(0, 0, 50);
    wait_until(2100);
    cr_expect_eq(f.w.state, WITNESS_MISSING, "nobody may be asked");
    cr_expect_null(resume_to(1, RESUME_HEDGE, 0));
    cr_expect_gt(f.w.stats.budget_denied, 0);
    wait_until(2300);
    cr_expect_not_null(resume_to(1, RESUME_COMMIT, 0), "silence commits all the same");
}

Test(witness, cold_lodges_nothing_and_hedges_all_the_same) {
    for (int cold = 0; cold <= 1; cold++) {
        struct witness_config config = calm_config();
        config.cold = cold;
        start_with(&config);
        f.ms = 40;
        give_cookie(0);
        give_grant(0, RESUME_COMMIT);
        wait_until(100);
        give_cookie(1);
        give_cookie(2);
        stream(0, 0, 50);
        cr_expect_eq(resume_to(1, RESUME_STANDBY, 0) == NULL, cold, "cold %d", cold);
        cr_expect_null(resume_to(2, RESUME_STANDBY, 0));
        give_cookie(1); /* the answer to the newest of the hellos that keep the path open */
        forget_sent();
        wait_until(2100);
        const struct witness_out *o = resume_to(1, RESUME_HEDGE, 0);
        cr_assert_not_null(o, "cold %d: its cookie is at hand", cold);
        cr_expect(o->u.resume.with_ticket);
        cr_expect_null(resume_to(1, RESUME_COMMIT, 0));
        wait_until(2300);
        cr_expect_not_null(resume_to(1, RESUME_COMMIT, 0), "cold %d", cold);
    }
}

Test(witness, a_packet_from_the_future_does_not_put_it_to_sleep) {
    start();
    stream(0, 0, 50);
    give_frame(0, 100); /* within the slots, a second ahead of its time */
    give_frame(0, 20000);
    forget_sent();
    wait_until(2100);
    cr_expect_not_null(resume_to(1, RESUME_HEDGE, 0), "the miss is still seen");
}

Test(witness, who_has_slept_does_not_take_it_for_silence) {
    start_streaming();
    wait_until(2060);
    cr_assert_eq(f.w.state, WITNESS_HEDGING);
    forget_sent();
    f.ms = 2500; /* the process was stopped; its sockets have not been read yet */
    step(&(struct witness_event){.kind = WITNESS_TICKED, .now = at_ms(2500)});
    cr_expect_null(resume_to(1, RESUME_COMMIT, 0), "not before somebody was asked");
    cr_expect_neq(last_nonce(WITNESS_SEND_HELLO, 0), 0, "who serves is asked");
    wait_until(2599);
    cr_expect_null(resume_to(1, RESUME_COMMIT, 0));
    wait_until(2601);
    cr_expect_not_null(resume_to(1, RESUME_COMMIT, 0), "and had a round trip and 60 ms");
}

Test(witness, frames_that_come_too_late_are_no_media) {
    start_streaming();
    for (int64_t ms = 2000; ms <= 2160; ms += 20) {
        wait_until(ms);
        play();
        give_frame(0, (uint64_t)(ms - 1000) / 20 - 30); /* long played */
    }
    cr_expect_eq(f.w.state, WITNESS_HEDGING);
    cr_expect_eq(f.w.stats.cancels, 0);
    wait_until(2190);
    cr_expect_null(resume_to(1, RESUME_COMMIT, 0), "but no silence either");
}

static uint64_t newest_report(void) {
    return f.w.reported[0];
}

static struct named_cluster named(uint8_t server) {
    struct witness_address a = address(server);
    return (struct named_cluster){a.name, a.hint, a.media};
}

/* par1, who was not known, and ams1 at another door. */
static struct witness_event backups_told(uint64_t nonce) {
    struct witness_event e = {.kind = WITNESS_BACKUPS_TOLD, .now = at_ms(1980), .nonce = nonce};
    e.u.backups = (struct message_named){.session = session, .count = 2};
    e.u.backups.list[0] = named(3);
    e.u.backups.list[1] = named(1);
    e.u.backups.list[1].media = addr_ipv4((uint8_t[]){192, 0, 2, 99}, 7700);
    return e;
}

Test(witness, new_backups) {
    start_streaming();
    struct witness_event e = backups_told(newest_report());
    const struct addr door = address(1).media;
    cr_assert_neq(e.nonce, 0u);
    step(&e);
    struct addr old = address(2).media, par1 = address(3).media;
    uint8_t lon1 = witness_server_find(&f.w, &old);
    cr_assert_neq(lon1, WITNESS_SERVER_NONE, "lon1 is not offered any more, but known");
    cr_expect_gt(f.w.servers[lon1].rank, f.w.servers[1].rank);
    uint8_t slot = witness_server_find(&f.w, &par1);
    cr_assert_neq(slot, WITNESS_SERVER_NONE);
    cr_expect_eq(f.w.servers[slot].role, WITNESS_ROLE_WARM);
    cr_expect_eq(witness_server_find(&f.w, &door), 1, "ams1 answers where it is");
    cr_expect_eq(f.w.serving, 0, "who serves is not touched");
    struct message m;
    for (size_t i = f.count; i-- > 0;)
        if (f.sent[i].o.kind == WITNESS_SEND_REPORT) {
            witness_report_fill(&m, &f.w, &f.sent[i].o);
            break;
        }
    cr_expect_eq(m.u.report.backups, named_mark(&e.u.backups), "it is said at once");
    cr_expect_eq(m.nonce, newest_report());
}

Test(witness, a_backup_that_does_not_answer_is_looked_for_at_its_new_door) {
    start_streaming();
    struct witness_event e = backups_told(newest_report());
    f.w.servers[1].path.hellos_missed = 4;
    f.w.servers[1].standby_until = INSTANT_NEVER;
    f.w.servers[1].path.heard = at_ms(1980 - 20000);
    step(&e);
    cr_expect_eq(witness_server_find(&f.w, &e.u.backups.list[1].media), 1);
    cr_expect_not(path_has_cookie(&f.w.servers[1].path, at_ms(1980)), "which has to be proven");
}

Test(witness, backups_are_believed_of_who_has_our_newest_report) {
    static const struct {
        const char *what;
        bool foreign;
        uint8_t server;
        uint64_t nonce_off;
    } rows[] = {{"a nonce that we have not sent", false, 0, 1},
                {"another session", true, 0, 0},
                {"a backup, and not who serves", false, 1, 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start_streaming();
        struct witness_event e = backups_told(newest_report() + rows[i].nonce_off);
        struct addr par1 = address(3).media;
        e.server = rows[i].server;
        e.u.backups.session.bytes[0] ^= rows[i].foreign ? 1 : 0;
        step(&e);
        cr_expect_eq(witness_server_find(&f.w, &par1), WITNESS_SERVER_NONE, "%s", rows[i].what);
    }
}

Test(witness, messages_are_filled_in) {
    start_streaming();
    wait_until(2050);
    const struct witness_out *o = resume_to(1, RESUME_HEDGE, 0);
    cr_assert_not_null(o);
    struct message m;
    witness_resume_fill(&m, &f.w, o, "v4.public.x", 11);
    cr_expect_eq(m.kind, MESSAGE_RESUME);
    cr_expect_eq(m.nonce, o->nonce);
    cr_expect_eq(m.u.resume.target.bytes[0], 2);
    cr_expect_eq(m.u.resume.cookie.bytes[0], 0xc1);
    cr_expect_eq(m.u.resume.counter, o->u.resume.counter);
    cr_expect_eq(m.u.resume.ticket_len, 11);
    cr_expect(session_id_equal(&m.u.resume.session, &session));
    for (size_t i = 0; i < f.count; i++) {
        if (f.sent[i].o.kind != WITNESS_SEND_REPORT)
            continue;
        witness_report_fill(&m, &f.w, &f.sent[i].o);
        cr_expect_eq(m.kind, MESSAGE_REPORT);
        cr_expect_eq(m.u.report.target.bytes[0], 1);
        cr_expect_eq(m.u.report.epoch, 1);
    }
}

Test(witness, a_stream_that_cannot_be_merged_is_asked_for_whole) {
    start();
    f.w.config.mergeable = false;
    stream(0, 0, 50);
    stream(0, 52, 53);
    forget_sent();
    wait_until(2120);
    const struct witness_out *o = resume_to(1, RESUME_HEDGE, 0);
    cr_assert_not_null(o);
    cr_expect_eq(o->u.resume.from_frame, 50);
    for (size_t i = 0; i < sizeof(o->u.resume.held); i++)
        cr_expect_eq(o->u.resume.held[i], 0, "52 is held, but it is another's");
}

Test(witness, a_hedge_left_over_from_the_last_miss_is_asked_anew) {
    start_streaming();
    wait_until(2060);
    give_grant(1, RESUME_HEDGE);
    wait_until(2160);
    f.w.report_at = at_ms(2161);
    wait_until(2161);
    give_refusal(0, RESUME_COMMIT, ERR_UNKNOWN_SESSION, 0); /* it was started anew */
    give_grant(0, RESUME_COMMIT);
    cr_assert_eq(f.w.state, WITNESS_FOLLOWING);
    cr_expect(f.w.servers[1].hedge.active, "the hedge runs on until fra1 is heard");
    cr_expect_null(resume_to(1, RESUME_CANCEL, 0));
    forget_sent();
    wait_until(2161 + 150 + 40 + 45); /* its time to begin, and the miss time */
    cr_expect_not_null(resume_to(1, RESUME_HEDGE, 0));
}

static int32_t newest_lag_us(void) {
    for (size_t i = f.count; i-- > 0;)
        if (f.sent[i].o.kind == WITNESS_SEND_REPORT)
            return f.sent[i].o.u.report.lag_us;
    return MESSAGE_LAG_UNKNOWN;
}

/* Frame n comes `late_ms` after the grid that the first one began, and every other one later still:
 * the least delayed counts. */
static void stream_late(uint64_t first, uint64_t last, int late_ms) {
    for (uint64_t n = first; n < last; n++) {
        wait_until(1000 + (int64_t)n * 20 + late_ms + (n % 2 == 0 ? 0 : 9));
        play();
        give_frame(0, n);
        answer_all();
    }
}

Test(witness, reports_say_how_late_frames_come) {
    static const int late_ms[] = {0, 7, -12, 30};
    start();
    cr_expect_eq(newest_lag_us(), MESSAGE_LAG_UNKNOWN, "nothing has come yet");
    stream(0, 0, 1);
    uint64_t n = 1;
    for (size_t i = 0; i < sizeof(late_ms) / sizeof(late_ms[0]); i++, n += 250) {
        forget_sent();
        stream_late(n, n + 250, late_ms[i]);
        cr_expect_eq(newest_lag_us(), late_ms[i] * 1000, "%d ms: %d us", late_ms[i],
                     newest_lag_us());
    }
}
