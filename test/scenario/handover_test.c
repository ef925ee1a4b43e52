/* Witness, tenure, pace and playout together, under virtual time: what a listener goes through. */
#include "test/lib/handover.h"

#include <criterion/criterion.h>
#include <string.h>

#define SEEDS 500

static struct handover h; /* large: not on the stack */

static uint32_t serving_count(void) {
    uint32_t count = 0;
    for (uint8_t i = 0; i < h.config.servers; i++)
        count += h.servers[i].alive ? h.servers[i].tenure.counts[TENURE_SERVING] : 0;
    return count;
}

static const char *serving_name(void) {
    return h.witness.servers[h.witness.serving].address.name.text;
}

/* What must hold in every scenario that ends in peace. */
static void expect_whole(const char *what, uint64_t seed) {
    cr_expect_eq(h.playout.stats.lost, 0, "%s, seed %llu: %llu frames lost\n%s", what,
                 (unsigned long long)seed, (unsigned long long)h.playout.stats.lost, h.text);
    cr_expect_eq(h.wrong, 0, "%s, seed %llu: wrong bytes", what, (unsigned long long)seed);
    cr_expect_eq(h.playout.stats.differing, 0, "%s, seed %llu: duplicates differ", what,
                 (unsigned long long)seed);
}

Test(handover, one_kill_tells_this_story) {
    struct handover_config c = handover_config_default();
    handover_init(&h, &c);
    handover_run(&h, 2013);
    handover_kill(&h, 0);
    handover_run(&h, 1000);
    const char *story =
        "0 client: -> commit at fra1 under epoch 1 (none)\n"
        "60 fra1: session AQIDBA: free -> serving (epoch 1, credit 1 of 3)\n"
        "80 client: fra1 serves under epoch 1\n"
        "80 client: ams1 is the warm backup\n"
        "80 client: opening -> following\n"
        "100 ams1: session AQIDBA: free -> standby (epoch 1, credit 1 of 3)\n"
        "120 client: ams1 stands by (round trip 40 ms)\n"
        "2091 client: fra1: media missing for 45 ms -> hedge at ams1 from frame 98\n"
        "2091 client: following -> hedging\n"
        "2111 ams1: session AQIDBA: standby -> hedging (epoch 1, credit 1 of 3)\n"
        "2426 client: fra1: silent for 400 ms\n"
        "2426 client: hedging -> committing\n"
        "2426 client: -> commit at ams1 under epoch 2 (crashed)\n"
        "2446 ams1: session AQIDBA: hedging -> serving (epoch 2, credit 1 of 3)\n"
        "2466 client: ams1 serves under epoch 2\n"
        "2466 client: fra1 is the warm backup\n"
        "2466 client: committing -> following\n"
        "2706 client: moved fra1 -> ams1 (crashed): detected in 45 ms, first frame after 91 ms, "
        "gap 0 ms\n";
    cr_expect_str_eq(handover_text(&h), story);
    expect_whole("kill", 1);
    cr_expect_eq(h.playout.stats.duplicates, 0, "nothing was sent twice");
}

Test(handover, a_kill_loses_nothing_at_any_instant) {
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct rng g;
        rng_seed(&g, seed);
        struct handover_config c = handover_config_default();
        c.seed = seed;
        c.servers = 3;
        for (int i = 0; i < 3; i++)
            c.rtt[i] = rng_duration(&g, duration_ms(10), duration_ms(80));
        c.jitter = rng_duration(&g, DURATION_ZERO, duration_ms(3));
        handover_init(&h, &c);
        handover_run(&h, 1500 + (int64_t)rng_below(&g, 3000));
        handover_kill(&h, 0);
        handover_run(&h, 3000);
        expect_whole("kill", seed);
        cr_assert_eq(h.move_count, 1, "seed %llu: %u moves\n%s", (unsigned long long)seed,
                     h.move_count, h.text);
        cr_expect_eq(h.moves[0].cause, MOVE_CAUSE_CRASHED);
        cr_expect(h.moves[0].hedged && h.moves[0].detect_ms <= 60, "seed %llu: detected in %lld",
                  (unsigned long long)seed, (long long)h.moves[0].detect_ms);
        cr_expect_eq(h.moves[0].gap_ms, 0);
        cr_expect_eq(serving_count(), 1, "seed %llu: one server serves", (unsigned long long)seed);
    }
}

Test(handover, a_buffer_too_shallow_loses_only_what_it_must) {
    struct handover_config c = handover_config_default();
    c.depth = duration_ms(60); /* less than detection and a round trip: frames must be lost */
    handover_init(&h, &c);
    handover_run(&h, 2013);
    handover_kill(&h, 0);
    handover_run(&h, 2000);
    cr_assert_eq(h.move_count, 1);
    cr_expect_geq(h.playout.stats.lost, 1, "this test can see a loss");
    cr_expect_leq(h.playout.stats.lost, 3);
    cr_expect_eq(h.moves[0].gap_ms, (int64_t)h.playout.stats.lost * 20);
}

Test(handover, loss_is_never_silence) {
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct handover_config c = handover_config_default();
        c.seed = seed;
        c.loss_per_mille = (uint32_t)(10 + seed % 5 * 10);
        c.jitter = duration_ms((int64_t)(seed % 10));
        handover_init(&h, &c);
        handover_run(&h, 60000);
        const struct witness_stats *s = &h.witness.stats;
        cr_expect_eq(s->commits, 0, "seed %llu: committed\n%s", (unsigned long long)seed, h.text);
        cr_expect(s->hedges - s->cancels <= 1, "seed %llu: %llu hedges, %llu cancels",
                  (unsigned long long)seed, (unsigned long long)s->hedges,
                  (unsigned long long)s->cancels);
        cr_expect_eq(h.wrong + h.playout.stats.differing, 0);
        cr_expect_eq(serving_count(), 1);
    }
}

Test(handover, bursts_are_hedged_within_the_budget_and_never_committed) {
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct rng g;
        rng_seed(&g, seed);
        struct handover_config c = handover_config_default();
        c.seed = seed;
        c.client_hedges_per_minute = 10;
        handover_init(&h, &c);
        handover_run(&h, 1000);
        uint64_t bursts = 80;
        for (uint64_t i = 0; i < bursts; i++) {
            handover_run(&h, 300 + (int64_t)rng_below(&g, 800));
            h.servers[0].cut = true;
            handover_run(&h, 70);
            h.servers[0].cut = false;
        }
        handover_run(&h, 1000);
        const struct witness_stats *s = &h.witness.stats;
        uint64_t minutes = (uint64_t)(h.now.us / 60000000) + 1;
        cr_expect_eq(s->commits, 0, "seed %llu: committed\n%s", (unsigned long long)seed, h.text);
        cr_expect_geq(s->hedges, 10, "seed %llu: only %llu hedges", (unsigned long long)seed,
                      (unsigned long long)s->hedges);
        cr_expect_leq(s->hedges + s->extensions, 10 + 10 * minutes, "seed %llu: %llu hedges",
                      (unsigned long long)seed, (unsigned long long)s->hedges);
        cr_expect_gt(s->budget_denied, 0);
        cr_expect_eq(s->hedges, s->cancels);
    }
}

Test(handover, a_false_alarm_costs_duplicates_and_no_frame) {
    struct handover_config c = handover_config_default();
    handover_init(&h, &c);
    handover_run(&h, 2013);
    h.servers[0].cut = true;
    handover_run(&h, 110);
    h.servers[0].cut = false;
    handover_run(&h, 2000);
    expect_whole("false alarm", 1);
    cr_expect_eq(h.witness.stats.hedges, 1);
    cr_expect_eq(h.witness.stats.cancels, 1);
    cr_expect_eq(h.witness.stats.commits, 0);
    cr_expect_gt(h.playout.stats.duplicates, 0, "both sent for a while");
    cr_expect_gt(h.playout.stats.lost_before, 0, "the serving path did lose frames");
    cr_expect_eq(h.servers[1].tenure.counts[TENURE_STANDBY], 1, "the backup stands by again");
    cr_expect_str_eq(serving_name(), "fra1");
}

Test(handover, a_planned_move_loses_nothing_and_leaves_no_gap) {
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct rng g;
        rng_seed(&g, seed);
        struct handover_config c = handover_config_default();
        c.seed = seed;
        bool even = seed % 2 == 0; /* both at the same distance: then nothing may overtake either */
        for (int i = 0; i < 2; i++)
            c.rtt[i] = even ? duration_ms(30) : rng_duration(&g, duration_ms(10), duration_ms(80));
        handover_init(&h, &c);
        handover_run(&h, 1000 + (int64_t)rng_below(&g, 3000));
        handover_order_move(&h, 0, 1, 5000);
        handover_run(&h, 3000);
        expect_whole("drain", seed);
        cr_assert_eq(h.move_count, 1, "seed %llu: %u moves\n%s", (unsigned long long)seed,
                     h.move_count, h.text);
        cr_expect_eq(h.moves[0].cause, MOVE_CAUSE_DRAIN);
        cr_expect_eq(h.moves[0].gap_ms, 0);
        cr_expect_eq(h.servers[0].tenure.counts[TENURE_SERVING], 0);
        cr_expect_eq(h.servers[1].tenure.counts[TENURE_SERVING], 1);
        cr_expect_eq(h.witness.stats.hedges, 0, "seed %llu: it was no alarm\n%s",
                     (unsigned long long)seed, h.text);
        int64_t gap_us_max = even ? 27000 : 20000 + 40000;
        cr_expect_leq(h.arrival_gap_max.us, gap_us_max, "seed %llu: arrival gap %lld us",
                      (unsigned long long)seed, (long long)h.arrival_gap_max.us);
        if (even)
            cr_expect_eq(h.disordered, 0, "seed %llu: %llu out of order", (unsigned long long)seed,
                         (unsigned long long)h.disordered);
    }
}

Test(handover, there_and_back_again) {
    struct handover_config c = handover_config_default();
    handover_init(&h, &c);
    handover_run(&h, 2000);
    for (int i = 0; i < 6; i++) {
        handover_order_move(&h, (uint8_t)(i % 2), (uint8_t)(1 - i % 2), 5000);
        handover_run(&h, 3000);
        cr_expect_str_eq(serving_name(), i % 2 ? "fra1" : "ams1", "move %d\n%s", i, h.text);
    }
    cr_expect_eq(h.move_count, 6);
    cr_expect_eq(h.disordered, 0);
    cr_expect_leq(h.arrival_gap_max.us, 27000, "no drift, however often: %lld us",
                  (long long)h.arrival_gap_max.us);
    expect_whole("drains", 1);
}

Test(handover, a_planned_move_survives_the_death_of_the_old_server) {
    for (int64_t after = 0; after < 200; after += 7) {
        struct handover_config c = handover_config_default();
        handover_init(&h, &c);
        handover_run(&h, 2000);
        handover_order_move(&h, 0, 1, 5000);
        handover_run(&h, after);
        handover_kill(&h, 0);
        handover_run(&h, 3000);
        expect_whole("drain and kill", (uint64_t)after);
        cr_expect_str_eq(serving_name(), "ams1");
    }
}

Test(handover, a_dead_backup_is_passed_over) {
    struct handover_config c = handover_config_default();
    c.servers = 3;
    c.rtt[0] = c.rtt[1] = c.rtt[2] = duration_ms(20);
    handover_init(&h, &c);
    handover_run(&h, 2013);
    handover_kill(&h, 0);
    handover_kill(&h, 1);
    handover_run(&h, 3000);
    expect_whole("two dead", 1);
    cr_expect_eq(h.witness.stats.hedges, 2);
    cr_assert_eq(h.move_count, 1, "%s", h.text);
    cr_expect_str_eq(h.moves[0].to.text, "lon1");
}

Test(handover, a_backup_that_died_before_is_warm_no_longer) {
    struct handover_config c = handover_config_default();
    c.servers = 3;
    handover_init(&h, &c);
    handover_run(&h, 2000);
    handover_kill(&h, 1);
    handover_run(&h, 5000);
    cr_expect_eq(h.witness.servers[2].role, WITNESS_ROLE_WARM);
    cr_expect_eq(h.servers[2].tenure.counts[TENURE_STANDBY], 1);
    handover_kill(&h, 0);
    handover_run(&h, 2000);
    expect_whole("second backup", 1);
    cr_expect_str_eq(serving_name(), "lon1");
}

Test(handover, a_worker_started_anew_takes_the_session_up_again) {
    struct handover_config c = handover_config_default();
    handover_init(&h, &c);
    handover_run(&h, 2013);
    handover_kill(&h, 0);
    handover_run(&h, 80);
    handover_restart(&h, 0);
    handover_run(&h, 3000);
    expect_whole("worker restart", 1);
    cr_expect_str_eq(serving_name(), "fra1", "%s", h.text);
    cr_expect_eq(serving_count(), 1);
    cr_expect_eq(h.witness.epoch, 2);
}

Test(handover, a_server_that_lives_but_is_mute_is_left) {
    struct handover_config c = handover_config_default();
    handover_init(&h, &c);
    handover_run(&h, 3000);
    h.servers[0].mute = true;
    handover_run(&h, 5000);
    expect_whole("mute", 1);
    cr_assert_geq(h.move_count, 1);
    const struct witness_move *last = &h.moves[h.move_count - 1];
    cr_expect_eq(last->cause, MOVE_CAUSE_DEGRADED, "%s", h.text);
    cr_expect_str_eq(serving_name(), "ams1");
    cr_expect_eq(serving_count(), 1, "the mute one was released");
}

Test(handover, a_site_that_was_cut_off_is_released_when_it_is_back) {
    struct handover_config c = handover_config_default();
    c.lease = duration_s(60); /* so that no lease does it */
    handover_init(&h, &c);
    handover_run(&h, 2013);
    h.servers[0].cut = true;
    handover_run(&h, 1500);
    cr_expect_eq(serving_count(), 2, "both believe that they serve");
    h.servers[0].cut = false;
    handover_run(&h, 1500);
    cr_expect_eq(serving_count(), 1, "%s", h.text);
    cr_expect_str_eq(serving_name(), "ams1");
    cr_expect_eq(h.servers[0].tenure.counts[TENURE_STANDBY], 1, "it is the backup now");
    expect_whole("cut", 1);
}

Test(handover, streams_that_cannot_be_merged_are_spliced_once) {
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct handover_config c = handover_config_default();
        c.seed = seed;
        c.never_mergeable = true;
        c.jitter = duration_ms((int64_t)(seed % 8));
        handover_init(&h, &c);
        handover_run(&h, 2000 + (int64_t)seed * 3);
        bool drain = seed % 2 == 0;
        if (drain)
            handover_order_move(&h, 0, 1, 5000);
        else
            handover_kill(&h, 0);
        handover_run(&h, 3000);
        expect_whole("never mergeable", seed);
        cr_expect_eq(h.playout.stats.splices, 1, "seed %llu: %llu splices",
                     (unsigned long long)seed, (unsigned long long)h.playout.stats.splices);
    }
}

Test(handover, a_replayed_commit_revives_nothing) {
    struct handover_config c = handover_config_default();
    handover_init(&h, &c);
    handover_run(&h, 2000);
    struct handover_packet stolen = h.replay; /* the commit of epoch 1 */
    handover_order_move(&h, 0, 1, 5000);
    handover_run(&h, 2000);
    cr_assert_eq(h.servers[0].tenure.counts[TENURE_SERVING], 0);
    uint64_t replayed = h.servers[0].tenure.replayed;
    uint64_t sent = h.servers[0].sent;
    h.replay = stolen;
    handover_replay(&h);
    handover_run(&h, 1000);
    cr_expect_eq(h.servers[0].tenure.replayed, replayed + 1);
    cr_expect_eq(h.servers[0].sent, sent, "not one frame was sent");
    cr_expect_eq(serving_count(), 1);
    expect_whole("replay", 1);
}

Test(handover, when_everybody_refuses_the_end_is_told) {
    static const struct {
        const char *what;
        enum err refuse;
        enum err end;
        int64_t within_ms;
        int64_t not_within_ms;
    } rows[] = {
        {"no capacity: asked again and again, then given up", ERR_NO_CREDIT, ERR_NO_CREDIT, 12000,
         9000},
        {"an unknown source is unknown at once", ERR_UNKNOWN_SOURCE, ERR_UNKNOWN_SOURCE, 400, 0},
        {"a denied ticket is denied at once", ERR_DENIED, ERR_DENIED, 400, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct handover_config c = handover_config_default();
        handover_init(&h, &c);
        h.servers[0].refuse = h.servers[1].refuse = rows[i].refuse;
        handover_run(&h, rows[i].not_within_ms);
        cr_expect(!h.ended, "%s: too soon", rows[i].what);
        handover_run(&h, rows[i].within_ms - rows[i].not_within_ms);
        cr_expect(h.ended, "%s: not ended\n%s", rows[i].what, h.text);
        cr_expect_eq(h.ended_why, rows[i].end, "%s: %s", rows[i].what, err_name(h.ended_why));
    }
}

Test(handover, a_refusal_for_a_while_is_waited_out) {
    struct handover_config c = handover_config_default();
    handover_init(&h, &c);
    h.servers[0].refuse = h.servers[1].refuse = ERR_NO_CREDIT;
    handover_run(&h, 3000);
    h.servers[1].refuse = ERR_OK;
    handover_run(&h, 3000);
    cr_expect_not(h.ended);
    cr_expect_str_eq(serving_name(), "ams1");
    expect_whole("late start", 1);
    cr_expect_gt(h.playout.stats.played, 50);
}

Test(handover, the_end_of_the_source_is_played_to_the_last_frame) {
    struct handover_config c = handover_config_default();
    c.end = 150;
    handover_init(&h, &c);
    handover_run(&h, 5000);
    cr_expect(h.ended);
    cr_expect_eq(h.ended_why, ERR_SOURCE_ENDED, "%s", err_name(h.ended_why));
    expect_whole("end", 1);
    cr_expect_eq(h.playout.stats.played, 150);
    cr_expect_eq(serving_count(), 0, "nobody serves a session that is over");
}

Test(handover, a_kill_right_before_the_end_still_ends_well) {
    struct handover_config c = handover_config_default();
    c.end = 150;
    handover_init(&h, &c);
    handover_run(&h, 2800);
    handover_kill(&h, 0);
    handover_run(&h, 4000);
    cr_expect(h.ended, "%s", h.text);
    expect_whole("end", 1);
    cr_expect_eq(h.playout.stats.played, 150, "%llu\n%s",
                 (unsigned long long)h.playout.stats.played, h.text);
}

/* Media of the last frames is lost, the notice is not: 150 frames are there to be heard. */
Test(handover, the_last_frames_may_be_lost_on_the_way) {
    for (int frames = 1; frames <= 6; frames++) {
        struct handover_config c = handover_config_default();
        c.end = 150;
        handover_init(&h, &c);
        handover_run(&h, 56 + (150 - frames) * 20); /* frame n is sent at 66 + n * 20 */
        h.servers[0].mute = true;
        handover_run(&h, 4000);
        cr_expect(h.ended, "%d frames", frames);
        cr_expect_eq(h.playout.stats.expected, 150, "%d frames: %llu", frames,
                     (unsigned long long)h.playout.stats.expected);
        expect_whole("last frames", (uint64_t)frames);
        cr_expect_eq(h.witness.stats.hedges, 1, "%d frames\n%s", frames, h.text);
        cr_expect_eq(serving_count(), 0);
    }
}

Test(handover, a_client_that_vanishes_leaves_nothing_behind) {
    struct handover_config c = handover_config_default();
    handover_init(&h, &c);
    handover_run(&h, 2000);
    cr_assert_eq(h.servers[0].tenure.credit_used + h.servers[1].tenure.credit_used, 2);
    h.servers[0].cut = h.servers[1].cut = true;
    handover_run(&h, 6000);
    for (int i = 0; i < 2; i++) {
        cr_expect_eq(h.servers[i].tenure.credit_used, 0, "server %d: its lease is over", i);
        uint64_t sent = h.servers[i].sent;
        handover_run(&h, 500);
        cr_expect_eq(h.servers[i].sent, sent, "server %d sends no more", i);
    }
}

Test(handover, kill_after_kill_while_sites_come_back) {
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct handover_config c = handover_config_default();
        c.seed = seed;
        c.servers = 3;
        c.jitter = duration_ms(2);
        handover_init(&h, &c);
        handover_run(&h, 2000 + (int64_t)seed);
        for (int i = 0; i < 4; i++) {
            uint8_t victim = h.witness.serving;
            handover_kill(&h, victim);
            handover_run(&h, 5000);
            handover_restart(&h, victim);
            handover_run(&h, 8000);
        }
        expect_whole("kills", seed);
        cr_expect_eq(h.witness.stats.commits, 4, "seed %llu\n%s", (unsigned long long)seed, h.text);
        cr_expect_eq(serving_count(), 1);
    }
}

Test(handover, the_same_seed_tells_the_same_story) {
    static char first[HANDOVER_TEXT_MAX];
    for (int round = 0; round < 2; round++) {
        struct handover_config c = handover_config_default();
        c.seed = 99;
        c.servers = 3;
        c.jitter = duration_ms(9);
        c.loss_per_mille = 40;
        handover_init(&h, &c);
        handover_run(&h, 5000);
        handover_kill(&h, 0);
        handover_run(&h, 5000);
        if (round == 0)
            memcpy(first, h.text, sizeof(first));
    }
    cr_expect_str_eq(first, handover_text(&h));
}

/* A swarm: the seed draws the faults; then all heals, and everything must be as it should be. */
static void one_fault(struct rng *g) {
    uint8_t i = (uint8_t)rng_below(g, h.config.servers);
    struct handover_server *s = &h.servers[i];
    switch (rng_below(g, 9)) {
    case 0:
        handover_kill(&h, i);
        return;
    case 1:
    case 2:
        if (!s->alive)
            handover_restart(&h, i);
        return;
    case 3:
        s->cut = !s->cut;
        return;
    case 4:
        s->mute = !s->mute;
        return;
    case 5:
        s->refuse = s->refuse == ERR_OK ? ERR_NO_CREDIT : ERR_OK;
        return;
    case 6:
        h.config.loss_per_mille = (uint32_t)rng_below(g, 300);
        return;
    case 7:
        if (s->alive)
            handover_order_move(&h, i, (uint8_t)rng_below(g, h.config.servers), 3000);
        return;
    case 8:
        h.config.rtt[i] = rng_duration(g, duration_ms(5), duration_ms(250));
        return;
    }
}

static void heal(void) {
    h.config.loss_per_mille = 0;
    for (uint8_t i = 0; i < h.config.servers; i++) {
        struct handover_server *s = &h.servers[i];
        s->cut = s->mute = false;
        s->refuse = ERR_OK;
        h.config.rtt[i] = duration_ms(40);
        if (!s->alive)
            handover_restart(&h, i);
    }
}

Test(handover, whatever_happens_it_heals) {
    uint64_t followed = 0;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct rng g;
        rng_seed(&g, seed);
        struct handover_config c = handover_config_default();
        c.seed = seed;
        c.servers = (uint8_t)(1 + rng_below(&g, 3));
        c.never_mergeable = rng_below(&g, 4) == 0;
        c.jitter = rng_duration(&g, DURATION_ZERO, duration_ms(30));
        handover_init(&h, &c);
        handover_run(&h, 1000);
        for (int i = 0; i < 20; i++) {
            handover_run(&h, (int64_t)rng_below(&g, 900));
            one_fault(&g);
        }
        heal();
        handover_run(&h, 16000);
        cr_expect_eq(h.wrong + h.playout.stats.differing, 0, "seed %llu", (unsigned long long)seed);
        if (h.ended)
            continue; /* nobody was there for ten seconds: it said so */
        followed++;
        uint64_t lost = h.playout.stats.lost;
        uint64_t played = h.playout.stats.played;
        handover_run(&h, 5000);
        cr_expect_eq(h.witness.state, WITNESS_FOLLOWING, "seed %llu: %s\n%s",
                     (unsigned long long)seed, witness_state_name(h.witness.state), h.text);
        cr_expect_eq(serving_count(), 1, "seed %llu: %u serve\n%s", (unsigned long long)seed,
                     serving_count(), h.text);
        cr_expect_eq(h.playout.stats.lost, lost, "seed %llu: still losing",
                     (unsigned long long)seed);
        cr_expect_geq(h.playout.stats.played, played + 249, "seed %llu: not playing",
                      (unsigned long long)seed);
    }
    cr_expect_geq(followed, 360, "only %llu of 400 lived on", (unsigned long long)followed);
}

Test(handover, a_planned_move_that_nobody_takes_changes_nothing) {
    for (int mute = 0; mute < 2; mute++) {
        struct handover_config c = handover_config_default();
        handover_init(&h, &c);
        handover_run(&h, 2000);
        if (mute)
            h.servers[1].mute = true; /* it grants, and is never heard */
        else
            h.servers[1].refuse = ERR_NO_CREDIT;
        handover_order_move(&h, 0, 1, 60000);
        handover_run(&h, 3000);
        cr_expect_eq(h.witness.state, WITNESS_FOLLOWING, "%s", h.text);
        cr_expect_str_eq(serving_name(), "fra1");
        cr_expect_eq(h.servers[1].tenure.counts[TENURE_SERVING], 0);
        cr_expect_geq(h.witness.epoch_high, 3, "what was asked is fenced, released or not");
        expect_whole("nobody takes us", (uint64_t)mute);
        h.servers[1].mute = false;
        h.servers[1].refuse = ERR_OK;
        handover_run(&h, 2000);
        handover_kill(&h, 0);
        handover_run(&h, 2000);
        cr_expect_str_eq(serving_name(), "ams1", "%s", h.text);
        expect_whole("and the next kill", (uint64_t)mute);
    }
}
