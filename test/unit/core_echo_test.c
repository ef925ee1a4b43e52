#include "peerd/core/state.h"
#include "test/unit/core_fixture.h"

/* Whether what a peering or a node's place forgets can be told to it again as news. The other side
 * is an echo of the test's; all that it ever sent is recorded. */
#define ROUNDS 250

static struct echo other;
static struct beat recorded[4 * ROUNDS];
static unsigned recorded_count, life;

static void hear(struct fixture *f, const struct beat *beat) {
    struct core_event e = {.kind = CORE_BEAT_RECEIVED};
    e.u.beat = (struct core_beat_received){.peer = 0, .beat = beat};
    fixture_step(f, &e);
}

static void take(const struct fixture *f, enum beat_kind kind, uint8_t node) {
    for (uint32_t i = 0; i < f->outbox.count; i++) {
        const struct core_send_beat *sent = &f->outbox.items[i].u.beat;
        if (f->outbox.items[i].kind == CORE_SEND_BEAT && sent->beat.kind == kind &&
            sent->beat.node == node)
            life += echo_beat_received(&other, &sent->beat, f->now).result == ECHO_LIFE;
    }
}

/* Each says something every 100 ms and hears the other. */
static void converse(struct fixture *f, enum beat_kind kind, uint8_t node, int rounds) {
    life = 0;
    for (int i = 0; i < rounds; i++) {
        struct beat beat = {.kind = kind, .interval_ms = 100, .node = node};
        f->now = instant_add(f->now, duration_ms(100));
        fixture_step(f, &(struct core_event){.kind = CORE_TICK});
        take(f, kind, node);
        echo_fill(&other, &beat, f->now);
        cr_assert_lt(recorded_count, 4 * ROUNDS);
        recorded[recorded_count++] = beat;
        hear(f, &beat);
        take(f, kind, node);
    }
}

static struct fixture *begin(uint64_t boot) {
    struct fixture *f = fixture_new(0, 1, 100);
    echo_init(&other, boot);
    recorded_count = 0;
    return f;
}

static enum verdict verdict(const struct fixture *f) {
    return core_peer_status(f->core, 0, f->now).verdict;
}

static void peers(struct fixture *f, uint32_t count) {
    f->policy.peer_count = count;
    fixture_step(f, &(struct core_event){.kind = CORE_POLICY_CHANGED, .u.policy = &f->policy});
}

Test(core_echo, a_peer_that_comes_back_is_believed_and_its_recording_is_not) {
    struct fixture *f = begin(77);
    converse(f, BEAT_KIND_BEAT, 0, ROUNDS);
    cr_expect_eq(verdict(f), VERDICT_ALIVE);
    cr_expect_gt(life, 200u);
    peers(f, 0);
    peers(f, 1);
    for (unsigned i = 0; i < recorded_count; i++) {
        f->now = instant_add(f->now, duration_ms(100));
        hear(f, &recorded[i]);
        cr_assert_neq(verdict(f), VERDICT_ALIVE, "recorded beat %u", i);
        cr_assert_eq(core_peer_status(f->core, 0, f->now).boot, 0u, "recorded beat %u", i);
    }
    converse(f, BEAT_KIND_BEAT, 0, 10);
    cr_expect_eq(verdict(f), VERDICT_ALIVE, "ours knows the peer again");
    cr_expect_gt(life, 5u, "and the peer us: %u", life);
    fixture_free(f);
}

/* A node that has fallen silent loses its place to others of the same peer. */
Test(core_echo, a_node_that_comes_back_is_believed_and_its_recording_is_not) {
    struct fixture *f = begin(78);
    const struct peering *p = f->core->peers[0];
    converse(f, BEAT_KIND_MEDIA_ALIVE, 3, ROUNDS);
    cr_expect_not(instant_is_never(media_alive_life(p)));
    fixture_wait(f, 60000);
    for (uint8_t node = 10; node < 10 + PEERING_MEDIA_MAX; node++) {
        struct beat beat = {.kind = BEAT_KIND_MEDIA_ALIVE, .boot = node, .seq = 1, .node = node};
        hear(f, &beat);
    }
    cr_expect(instant_is_never(media_alive_life(p)), "all places are others' now");
    fixture_wait(f, 60000);
    for (unsigned i = 0; i < recorded_count; i++) {
        f->now = instant_add(f->now, duration_ms(100));
        hear(f, &recorded[i]);
        cr_assert(instant_is_never(media_alive_life(p)), "recorded beat %u", i);
    }
    converse(f, BEAT_KIND_MEDIA_ALIVE, 3, 10);
    cr_expect_not(instant_is_never(media_alive_life(p)));
    cr_expect_gt(life, 5u, "and the node us: %u", life);
    fixture_free(f);
}

Test(core_echo, no_boot_comes_twice) {
    static uint64_t seen[3000];
    struct fixture *f = fixture_new(0, 1, 100);
    for (unsigned i = 0; i < 3000; i++) {
        seen[i] = core_new_boot(f->core);
        cr_assert_neq(seen[i], 0u);
        for (unsigned k = 0; k < i; k++)
            cr_assert_neq(seen[i], seen[k]);
    }
    fixture_free(f);
}
