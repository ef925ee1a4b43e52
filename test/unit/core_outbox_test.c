#include "test/unit/core_fixture.h"

/* With 64 peers one tick owes 64 beats, as many as an outbox holds; any answer takes one place. */
Test(core_outbox, what_does_not_fit_stays_due) {
    struct fixture *f = fixture_new(1, 64, 100);
    uint32_t beats[64] = {0}, steps = 0;
    fixture_node(f, 0, &(struct fixture_report){0});
    for (;;) {
        for (uint32_t i = 0; i < f->outbox.count; i++)
            if (f->outbox.items[i].kind == CORE_SEND_BEAT)
                beats[f->outbox.items[i].u.beat.peer]++;
        if (instant_before(f->now, core_deadline(f->core)))
            break;
        cr_assert(++steps < 10);
        fixture_step(f, &(struct core_event){.kind = CORE_TICK});
    }
    cr_expect_geq(steps, 1u, "the first step was full");
    for (uint32_t i = 0; i < 64; i++)
        cr_expect_eq(beats[i], 1u, "peer %u: %u", i, beats[i]);
    cr_expect_eq(core_counters(f->core)->beats_sent, 64u);
    fixture_free(f);
}

Test(core_outbox, beats_carry_state_and_views_of_all_others) {
    struct fixture *f = fixture_new(1, 3, 100);
    struct node_session s = fixture_session(1, 1, RESUME_COMMIT);
    fixture_node(f, 0, &(struct fixture_report){.sessions = &s, .session_count = 1});
    const struct core_intention *i = fixture_find(f, CORE_SEND_BEAT);
    cr_assert_not_null(i);
    const struct beat *b = &i->u.beat.beat;
    cr_expect(b->kind == BEAT_KIND_BEAT && b->boot != 0 && b->seq == 1);
    cr_expect(b->interval_ms == 100 && b->ask_interval_ms == 100);
    cr_expect_eq(b->view_count, 2);
    cr_expect(b->sessions == 1 && b->free_slots == 99, "%u %u", b->sessions, b->free_slots);
    cr_expect(addr_is_none(&i->u.beat.to));
    cr_expect_not(b->flags & BEAT_FLAG_RECOVERING, "its only node has told all");
    fixture_free(f);
    f = fixture_new(1, 1, 100);
    fixture_step(f, &(struct core_event){.kind = CORE_TICK});
    cr_expect(fixture_find(f, CORE_SEND_BEAT)->u.beat.beat.flags & BEAT_FLAG_RECOVERING);
    fixture_free(f);
}

/* [bytes] of UDP payload, were it a beat of a run a week old that hears its peer. */
static size_t bytes_after_a_week(const struct beat *sent) {
    static const struct key_hint sender;
    static const uint8_t nonce[BEAT_NONCE_BYTES];
    static const struct seal_key key;
    uint8_t out[BEAT_LEN_MAX];
    struct beat b = *sent;
    b.seq = b.echo_seq = 6048000 + sent->seq;
    b.send_us = 604800000000;
    b.echo_boot = 7;
    b.echo_age_us = 50000;
    return beat_seal(out, sizeof(out), &b, &sender, &key, nonce);
}

/* Beats are for ever, so their bytes count: ten peers, ten beats a second, a third with views. */
Test(core_outbox, while_nothing_happens_beats_are_short) {
    struct fixture *f = fixture_new(1, 10, 100);
    size_t bytes = 0;
    uint32_t beats = 0, with_views = 0;
    fixture_wait(f, 1000);
    for (int i = 0; i < 600; i++) {
        fixture_wait(f, 50);
        for (uint32_t n = 0; n < f->outbox.count; n++) {
            const struct core_intention *o = &f->outbox.items[n];
            if (o->kind != CORE_SEND_BEAT || o->u.beat.peer != 0)
                continue;
            bytes += bytes_after_a_week(&o->u.beat.beat);
            beats++;
            with_views += o->u.beat.beat.view_count > 0;
        }
    }
    cr_expect_eq(beats, 300u, "%u", beats);
    cr_expect_eq(with_views, 100u, "%u", with_views);
    cr_expect_leq(bytes, (size_t)30 * 1400, "%zu in 30 s", bytes);
    fixture_free(f);
}

Test(core_outbox, put_refuses_when_full) {
    static struct core_outbox o;
    outbox_clear(&o);
    for (uint32_t i = 0; i < CORE_OUTBOX_MAX; i++)
        cr_assert_not_null(outbox_put(&o, CORE_SEND_BEAT));
    cr_expect_null(outbox_put(&o, CORE_SEND_BEAT));
    outbox_clear(&o);
    struct core_intention *i = outbox_put(&o, CORE_FETCH_DESCRIPTION);
    cr_expect(i != NULL && i->kind == CORE_FETCH_DESCRIPTION && i->u.fetch.peer == 0);
}

/* By their bytes on the wire: what lies between the members of a struct means nothing. */
static bool same_beat(const struct beat *a, const struct beat *b) {
    static const struct key_hint sender;
    static const uint8_t nonce[BEAT_NONCE_BYTES];
    static const struct seal_key key;
    uint8_t one[BEAT_LEN_MAX], other[BEAT_LEN_MAX];
    size_t len = beat_seal(one, sizeof(one), a, &sender, &key, nonce);
    return len > 0 && len == beat_seal(other, sizeof(other), b, &sender, &key, nonce) &&
           memcmp(one, other, len) == 0;
}

Test(core_outbox, the_same_events_give_the_same_intentions) {
    static struct core_outbox first[40];
    for (int run = 0; run < 2; run++) {
        struct fixture *f = fixture_new(2, 5, 100);
        for (int i = 0; i < 40; i++) {
            struct core_session_open open = fixture_request((uint32_t)i);
            open.protection = PROTECTION_COLD;
            if (i % 5 == 0)
                fixture_node(f, (uint32_t)i % 2, &(struct fixture_report){0});
            else
                fixture_open(f, &open);
            if (run == 0)
                first[i] = f->outbox;
            cr_assert_eq(f->outbox.count, first[i].count);
            for (uint32_t k = 0; k < f->outbox.count; k++) {
                const struct core_intention *a = &f->outbox.items[k], *b = &first[i].items[k];
                cr_assert_eq(a->kind, b->kind);
                if (a->kind == CORE_SEND_BEAT)
                    cr_assert(same_beat(&a->u.beat.beat, &b->u.beat.beat));
                if (a->kind == CORE_ANSWER_OPEN)
                    cr_assert(a->u.open.err == b->u.open.err &&
                              a->u.open.retry_after_ms == b->u.open.retry_after_ms &&
                              addr_equal(&a->u.open.media, &b->u.open.media));
            }
            f->now = instant_add(f->now, duration_ms(20));
        }
        fixture_free(f);
    }
}
