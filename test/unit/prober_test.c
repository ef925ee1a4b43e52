/*
 * Whom a client probes and when, what it believes, and what it tells; and how much a worker
 * answers.
 */
#include "test/unit/witness_fixture.h"
#include "transcoder/timeline/probed.h"
#include "transcoder/timeline/prober.h"

#define TARGETS 5

static struct prober p;
static struct prober_out out;
static int64_t now_ms;

static struct witness_address target(uint8_t n) {
    struct witness_address a = {.hint = {{(uint8_t)(0x40 + n)}}};
    name_set(&a.name, "far1");
    a.media = addr_ipv4((uint8_t[]){203, 0, 113, (uint8_t)(n + 1)}, 7700);
    return a;
}

/* Of the witness only what a prober looks at. */
static void follow(void) {
    memset(&f.w, 0, sizeof(f.w));
    f.w.config.session = session;
    f.w.state = WITNESS_FOLLOWING;
    schedule_init(&f.w.schedule, duration_ms(20));
    for (int i = 0; i < WITNESS_GAINS_MAX; i++)
        f.w.gained[i] = INSTANT_NEVER;
    f.w.doubt.until = at_ms(-60000);
    for (uint8_t i = 0; i < SERVERS; i++) {
        f.w.servers[i].role = i == 0 ? WITNESS_ROLE_SERVING : WITNESS_ROLE_BACKUP;
        f.w.servers[i].address = address(i);
        path_init(&f.w.servers[i].path);
    }
}

static void begin(void) {
    struct witness_address targets[TARGETS];
    for (uint8_t i = 0; i < TARGETS; i++)
        targets[i] = target(i);
    follow();
    now_ms = 1000;
    prober_init(&p, targets, TARGETS, 7, at_ms(now_ms));
}

/* The next time that something is due. */
static void tick(void) {
    int64_t due = prober_deadline(&p).us / 1000 + 1;
    now_ms = due > now_ms ? due : now_ms;
    prober_ticked(&p, &f.w, at_ms(now_ms), &out);
    prober_check_invariants(&p);
}

static void until_probe(void) {
    do
        tick();
    while (!out.probes);
}

static bool echo(int64_t after_ms) {
    const struct witness_address *asked = &p.targets[p.asked];
    return prober_echoed(&p, &out.to, out.probe.nonce, &asked->hint, at_ms(now_ms + after_ms));
}

TestSuite(prober, .init = begin);

Test(prober, asks_each_in_turn_and_never_two_within_a_second) {
    int64_t last = now_ms;
    int asked[TARGETS] = {0};
    for (int i = 0; i < 100; i++) {
        until_probe();
        cr_expect(now_ms - last >= 1000 && now_ms - last <= 2001, "%d: after %d ms", i,
                  (int)(now_ms - last));
        last = now_ms;
        size_t which = prober_find(&p, &out.to);
        cr_assert_lt(which, (size_t)TARGETS);
        asked[which]++;
        cr_expect_eq(out.probe.kind, MESSAGE_PROBE);
        cr_expect(key_hint_equal(&out.probe.u.probe.target, &p.targets[which].hint));
        cr_expect_neq(out.probe.nonce, 0u);
        cr_expect(echo(30 + (int64_t)which));
    }
    for (int i = 0; i < TARGETS; i++)
        cr_expect_eq(asked[i], 20, "%d: %d", i, asked[i]);
    cr_expect(p.stats.sent == 100 && p.stats.answered == 100);
    cr_expect_eq(prober_rtt(&p, 3).us, 33000);
}

Test(prober, thousands_do_not_ask_in_step) {
    int in_tenth[10] = {0};
    struct witness_address one = target(0);
    for (uint64_t seed = 0; seed < 1000; seed++) {
        prober_init(&p, &one, 1, seed, at_ms(0));
        in_tenth[(p.next_at.us / 1000 - 1000) / 100]++;
    }
    for (int i = 0; i < 10; i++)
        cr_expect(in_tenth[i] > 60 && in_tenth[i] < 140, "%d ms: %d", 1000 + 100 * i, in_tenth[i]);
}

Test(prober, believes_the_one_who_was_asked_once) {
    struct addr elsewhere = target(4).media;
    struct key_hint other = {{9}};
    until_probe();
    const struct key_hint hint = p.targets[p.asked].hint;
    cr_expect_not(prober_echoed(&p, &out.to, out.probe.nonce ^ 1, &hint, at_ms(now_ms + 5)));
    cr_expect_not(prober_echoed(&p, &out.to, 0, &hint, at_ms(now_ms + 5)));
    cr_expect_not(prober_echoed(&p, &elsewhere, out.probe.nonce, &hint, at_ms(now_ms + 5)));
    cr_expect_not(prober_echoed(&p, &out.to, out.probe.nonce, &other, at_ms(now_ms + 5)));
    cr_expect_eq(prober_rtt(&p, p.asked).us, 0);
    cr_expect(echo(25));
    cr_expect_not(echo(26), "a second time");
    cr_expect_eq(prober_rtt(&p, p.asked).us, 25000);
    cr_expect_eq(p.stats.foreign, 5u);
    struct prober_out before = out;
    until_probe();
    cr_expect_not(prober_echoed(&p, &before.to, before.probe.nonce, &hint, at_ms(now_ms + 5)),
                  "another is out");
}

/* What media misses comes first. */
Test(prober, asks_nobody_while_media_is_missing) {
    f.w.state = WITNESS_HEDGING;
    for (int i = 0; i < 20; i++) {
        tick();
        cr_expect(!out.probes && !out.tells);
    }
    f.w.state = WITNESS_FOLLOWING;
    int64_t since = now_ms;
    until_probe();
    cr_expect_leq(now_ms - since, 2001);
}

Test(prober, tells_what_is_new_to_whoever_serves) {
    path_sent(&f.w.servers[1].path, 5, true, true, at_ms(now_ms));
    path_answered(&f.w.servers[1].path, 5, at_ms(now_ms + 17));
    path_heard(&f.w.servers[1].path, at_ms(now_ms + 17));
    do {
        tick();
        if (out.probes)
            echo(40);
    } while (!out.tells);
    cr_expect(now_ms >= 4000 && now_ms <= 5001, "%d ms", (int)now_ms);
    const struct message_trips *t = &out.trips.u.trips;
    cr_expect(out.trips.kind == MESSAGE_TRIPS && out.server == 0);
    cr_expect(key_hint_equal(&t->target, &f.w.servers[0].address.hint));
    cr_expect(session_id_equal(&t->session, &session));
    cr_assert_geq(t->count, 2);
    cr_expect(key_hint_equal(&t->list[0].cluster, &f.w.servers[1].address.hint),
              "the backup that answers, of two, and not who serves");
    cr_expect(t->list[0].rtt_us == 17000 && t->list[0].samples == 1);
    cr_expect(t->list[1].cluster.bytes[0] >= 0x40 && t->list[1].rtt_us == 40000);
    cr_expect_eq(t->counter, 1u);
}

Test(prober, tells_nothing_twice_and_often_enough) {
    int64_t told = now_ms;
    uint64_t counter = 0;
    while (now_ms < 120000) {
        tick();
        if (out.probes)
            echo(40);
        if (!out.tells)
            continue;
        cr_expect(counter == 0 || (now_ms - told >= 8000 && now_ms - told <= 12001), "%d ms",
                  (int)(now_ms - told));
        cr_expect_eq(out.trips.u.trips.counter, counter + 1);
        counter++;
        told = now_ms;
    }
    cr_expect_geq(counter, 9u);
    until_probe(); /* nobody answers any more: what was measured is told, and nothing after it */
    while (now_ms < 160000)
        tick();
    uint64_t last = p.counter;
    while (now_ms < 260000)
        tick();
    cr_expect_eq(p.counter, last);
}

Test(prober, tells_of_backups_where_there_is_nobody_to_probe) {
    prober_init(&p, NULL, 0, 3, at_ms(1000));
    cr_expect(instant_is_never(p.next_at));
    path_sent(&f.w.servers[2].path, 5, true, true, at_ms(1500));
    path_answered(&f.w.servers[2].path, 5, at_ms(1525));
    path_heard(&f.w.servers[2].path, at_ms(1525));
    tick();
    cr_expect(out.tells && !out.probes);
    cr_expect(out.trips.u.trips.count == 1 && out.trips.u.trips.list[0].rtt_us == 25000);
}

Test(prober, takes_no_more_than_a_handful) {
    struct witness_address many[PROBER_TARGETS_MAX + 3];
    for (uint8_t i = 0; i < PROBER_TARGETS_MAX + 3; i++)
        many[i] = target(i);
    prober_init(&p, many, PROBER_TARGETS_MAX + 3, 1, at_ms(0));
    cr_expect_eq(p.probe.count, (size_t)PROBER_TARGETS_MAX);
    cr_expect_eq(prober_find(&p, &many[PROBER_TARGETS_MAX].media), (size_t)PROBER_TARGETS_MAX);
}

/* ---- others in their place ------------------------------------------------------------------- */

static struct message_named others(uint8_t first, uint8_t count) {
    struct message_named n = {.session = session, .count = count};
    for (uint8_t i = 0; i < count; i++) {
        const struct witness_address a = target((uint8_t)(first + i));
        n.list[i] = (struct named_cluster){a.name, a.hint, a.media};
    }
    return n;
}

static void until_told(void) {
    do {
        tick();
        if (out.probes)
            echo(40);
    } while (!out.tells);
}

static bool name(const struct message_named *n) {
    const struct addr from = f.w.servers[0].address.media;
    bool taken = prober_named(&p, &f.w, &from, out.trips.nonce, n, at_ms(now_ms + 500));
    prober_check_invariants(&p);
    return taken;
}

Test(prober, asks_others_when_it_is_named_others) {
    until_told();
    const struct message_named n = others(3, 6); /* two that it knows, four that it does not */
    struct duration known = prober_rtt(&p, 3), also = prober_rtt(&p, 4);
    cr_expect(name(&n));
    cr_expect_eq(p.probe.count, 6u);
    cr_expect_eq(p.stats.named, 1u);
    cr_expect(prober_rtt(&p, 0).us == known.us && prober_rtt(&p, 1).us == also.us,
              "who stays keeps what it has said");
    cr_expect_eq(prober_rtt(&p, 2).us, 0);
    int asked[6] = {0};
    for (int i = 0; i < 60; i++) {
        until_probe();
        size_t which = prober_find(&p, &out.to);
        cr_assert_lt(which, 6u, "nobody else is asked any more");
        asked[which]++;
        echo(40);
    }
    for (int i = 0; i < 6; i++)
        cr_expect_geq(asked[i], 7, "%d: %d", i, asked[i]);
}

Test(prober, who_has_become_a_server_is_not_probed) {
    until_probe();
    echo(40);
    struct witness_server *s = &f.w.servers[WITNESS_SERVERS_MAX - 1];
    s->role = WITNESS_ROLE_BACKUP;
    s->address = target(2);
    path_init(&s->path);
    for (int i = 0; i < 30; i++) {
        until_probe();
        cr_expect_not(addr_equal(&out.to, &s->address.media));
        echo(40);
    }
    cr_expect_eq(p.probe.count, (size_t)(TARGETS - 1));
}

Test(prober, what_is_out_is_still_waited_for_if_its_target_stays) {
    until_told();
    until_probe();
    const uint64_t nonce = p.tell_nonce;
    const struct addr from = p.told_to;
    const struct witness_address asked = p.targets[p.asked];
    struct message_named n = others(8, 2);
    n.list[1] = (struct named_cluster){asked.name, asked.hint, asked.media};
    cr_expect(prober_named(&p, &f.w, &from, nonce, &n, at_ms(now_ms + 10)));
    cr_expect(echo(30), "it is the second now");
    until_told();
    until_probe();
    n = others(10, 2);
    cr_expect(prober_named(&p, &f.w, &p.told_to, p.tell_nonce, &n, at_ms(now_ms + 10)));
    cr_expect_eq(p.nonce, 0u, "and is not if it goes");
}

Test(prober, believes_names_once_and_from_whoever_serves_alone) {
    struct addr server = f.w.servers[0].address.media, other = f.w.servers[1].address.media;
    struct message_named n = others(8, 3), foreign = n;
    cr_expect_not(prober_named(&p, &f.w, &server, 0, &n, at_ms(now_ms)), "nobody has asked");
    until_told();
    foreign.session.bytes[0] ^= 1;
    cr_expect_not(prober_named(&p, &f.w, &other, out.trips.nonce, &n, at_ms(now_ms)));
    cr_expect_not(prober_named(&p, &f.w, &server, out.trips.nonce ^ 1, &n, at_ms(now_ms)));
    cr_expect_not(prober_named(&p, &f.w, &server, out.trips.nonce, &foreign, at_ms(now_ms)));
    cr_expect_eq(p.probe.count, (size_t)TARGETS);
    cr_expect(name(&n));
    cr_expect_not(name(&n), "a second time");
    cr_expect_eq(p.stats.foreign, 5u);
}

Test(prober, does_not_ask_its_servers_nor_anybody_twice) {
    struct message_named n = others(8, 5);
    until_told();
    n.list[1].media = f.w.servers[1].address.media;
    n.list[2].hint = f.w.servers[0].address.hint;
    n.list[4] = n.list[3];
    cr_expect(name(&n));
    cr_expect_eq(p.probe.count, 2u);
    until_told();
    n.count = 1;
    n.list[0].media = f.w.servers[0].address.media;
    cr_expect(name(&n));
    cr_expect(p.probe.count == 0 && instant_is_never(p.next_at), "then there is nobody");
    path_sent(&f.w.servers[1].path, 5, true, true, at_ms(now_ms));
    path_answered(&f.w.servers[1].path, 5, at_ms(now_ms + 17));
    path_heard(&f.w.servers[1].path, at_ms(now_ms + 17)); /* so there is something to tell */
    until_told();
    n = others(8, 2);
    cr_expect(name(&n));
    until_probe();
}

Test(probed, answers_so_many_a_second_and_forgets_whom) {
    struct probed d = {.answered = 0};
    int answered = 0;
    for (int ms = 0; ms < 3000; ms++)
        answered += probed_admits(&d, 5, at_ms(70000 + ms));
    cr_expect_eq(answered, 15);
    cr_expect(d.answered == 15 && d.refused == 2985);
    cr_expect_not(probed_admits(&d, 0, at_ms(80000)), "policy permits none");
    cr_expect(probed_admits(&d, 5, at_ms(80001)));
}

/* ---- in doubt -------------------------------------------------------------------------------- */

static void heard_from(uint8_t server, uint64_t nonce, int64_t answered, int64_t lost) {
    struct path *way = &f.w.servers[server].path;
    path_look(way);
    for (int64_t i = 0; i < answered + lost; i++)
        path_sent(way, nonce + (uint64_t)i, i == 0, true, at_ms(now_ms - 400));
    for (int64_t i = 0; i < answered; i++)
        cr_assert(path_answered(way, nonce + (uint64_t)i, at_ms(now_ms - 370)));
}

static void begin_to_doubt(void) {
    doubt_init(&f.w.doubt);
    for (int i = 0; i < DOUBT_FRAMES; i++)
        doubt_lost(&f.w.doubt, 1, at_ms(now_ms));
}

Test(prober, in_doubt_it_tells_how_each_backup_is_heard_sooner_at_first) {
    begin_to_doubt();
    heard_from(1, 100, 5, 0);
    heard_from(2, 200, 3, 2);
    f.w.servers[2].path.heard = INSTANT_NEVER;
    now_ms += 249;
    prober_ticked(&p, &f.w, at_ms(now_ms), &out);
    cr_expect_not(out.tells);
    now_ms += 151;
    prober_ticked(&p, &f.w, at_ms(now_ms), &out);
    cr_assert(out.tells);
    const struct message_trips *t = &out.trips.u.trips;
    cr_assert_eq(t->count, 2, "%u", t->count);
    cr_expect(t->list[0].asked == 5 && t->list[0].lost == 0);
    cr_expect(t->list[1].asked == 5 && t->list[1].lost == 2);
    f.w.state = WITNESS_HEDGING;
    heard_from(1, 300, 1, 0);
    now_ms += 500;
    prober_ticked(&p, &f.w, at_ms(now_ms), &out);
    cr_assert(out.tells, "while media is missing, too");
    cr_expect(out.trips.u.trips.count == 1 && out.trips.u.trips.list[0].asked == 1);
    now_ms += 500;
    prober_ticked(&p, &f.w, at_ms(now_ms), &out);
    cr_expect_not(out.tells, "of nothing new it does not");
    heard_from(1, 400, 1, 0);
    now_ms += 499;
    doubt_lost(&f.w.doubt, 2, at_ms(now_ms - 400));
    doubt_lost(&f.w.doubt, 2, at_ms(now_ms - 400));
    prober_ticked(&p, &f.w, at_ms(now_ms), &out);
    cr_expect_not(out.tells, "later on it does every half second");
    now_ms += 1;
    prober_ticked(&p, &f.w, at_ms(now_ms), &out);
    cr_expect(out.tells);
}

static void arrives(uint64_t frame) {
    now_ms = 1000 + (int64_t)(frame - 100) * 20;
    cr_assert_eq(playout_insert(&f.p, 0, frame, NULL, 10, at_ms(now_ms)), PLAYOUT_NEW);
    schedule_frame_arrived(&f.w.schedule, frame, at_ms(now_ms));
}

/* Frames count from when it began to doubt until two before the newest, each once. */
Test(prober, in_doubt_it_tells_what_became_of_the_servers_frames) {
    playout_init(&f.p, &(struct playout_config){.depth = duration_ms(800),
                                                .frame = duration_ms(20),
                                                .first_frame = 100,
                                                .slots = f.slots,
                                                .slot_count = PLAYOUT_SLOTS,
                                                .payload_bytes_max = 0});
    f.w.playout = &f.p;
    for (uint64_t frame = 100; frame < 110; frame++)
        arrives(frame);
    begin_to_doubt();
    f.w.doubt_from = 110;
    for (uint64_t frame = 110; frame < 130; frame++)
        if (frame != 112 && frame != 113 && frame != 120 && frame != 128)
            arrives(frame);
    struct trip_own own = witness_own_frames(&f.w);
    cr_expect(own.due == 18 && own.lost == 3 && own.runs == 2, "%u %u %u", own.due, own.lost,
              own.runs);
    own = witness_own_frames(&f.w);
    cr_expect(own.due == 0 && own.lost == 0, "nothing twice");
    arrives(131);
    own = witness_own_frames(&f.w);
    cr_expect(own.due == 2 && own.lost == 1 && own.runs == 1, "%u %u %u", own.due, own.lost,
              own.runs);
    f.w.doubt_from = 100;
    own = witness_own_frames(&f.w);
    cr_expect(own.due == 30 && own.lost == 4 && own.runs == 3, "%u %u", own.due, own.lost);
    heard_from(1, 100, 5, 0);
    f.w.doubt_from = 110;
    now_ms += 400;
    prober_ticked(&p, &f.w, at_ms(now_ms), &out);
    cr_assert(out.tells);
    cr_expect(out.trips.u.trips.own.due == 20 && out.trips.u.trips.own.lost == 4);
}

Test(prober, without_doubt_it_says_nothing_of_outcomes) {
    heard_from(1, 100, 5, 3);
    f.w.servers[1].path.heard = at_ms(2000);
    do
        tick();
    while (!out.tells);
    cr_expect_eq(out.trips.u.trips.list[0].asked, 0);
}

/* … but where it was asked to go elsewhere, for it may be wanted back: from the word after on. */
Test(prober, who_was_asked_to_leave_tells_how_its_backups_are_heard) {
    f.w.gained[0] = at_ms(now_ms);
    f.w.servers[1].path.heard = at_ms(60000);
    path_sent(&f.w.servers[1].path, 90, true, true, at_ms(now_ms));
    cr_assert(path_answered(&f.w.servers[1].path, 90, at_ms(now_ms + 30)));
    until_told();
    cr_expect_eq(out.trips.u.trips.list[0].asked, 0, "nothing was counted before");
    for (uint64_t i = 0; i < 6; i++) {
        path_sent(&f.w.servers[1].path, 100 + i, true, true, at_ms(now_ms));
        if (i < 4)
            cr_assert(path_answered(&f.w.servers[1].path, 100 + i, at_ms(now_ms + 30)));
    }
    until_told();
    cr_expect_eq(out.trips.u.trips.list[0].asked, 6);
    cr_expect_eq(out.trips.u.trips.list[0].lost, 2);
}

/* Whoever serves it now may not know that it was home, and had to leave again. */
Test(prober, who_has_left_twice_does_not_tell_for_half_an_hour) {
    static const struct {
        int64_t first_s; /* it left, before now; home and away again since */
        bool tells;
    } rows[] = {{1700, false}, {1900, true}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        follow();
        f.w.gained[2] = at_ms(now_ms - rows[i].first_s * 1000);
        f.w.gained[1] = at_ms(now_ms - 200000);
        f.w.gained[0] = at_ms(now_ms - 100000);
        f.w.servers[1].path.heard = at_ms(60000);
        until_told();
        heard_from(1, 100, 5, 3);
        until_told();
        cr_expect_eq(out.trips.u.trips.list[0].asked > 0, rows[i].tells, "row %zu", i);
    }
}

/* What it lost in a time of doubt may be its own access's fault. */
Test(prober, what_was_heard_in_doubt_is_no_word_of_the_way_back) {
    f.w.gained[0] = at_ms(now_ms - 1000);
    f.w.servers[1].path.heard = at_ms(60000);
    f.w.doubt.until = at_ms(now_ms - 100);
    heard_from(1, 100, 5, 3);
    until_told();
    cr_expect_eq(out.trips.u.trips.list[0].asked, 0);
}
