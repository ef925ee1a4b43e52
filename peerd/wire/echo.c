#include "peerd/wire/echo.h"

#include <assert.h>

#define WINDOW_BITS 64

static const struct instant earliest = {INT64_MIN};

void echo_init(struct echo *e, uint64_t boot) {
    assert(boot != 0);
    *e = (struct echo){.boot = boot, .life_at = earliest};
}

static uint32_t age_us(struct instant now, struct instant heard) {
    int64_t us = instant_since(now, heard).us;
    if (us < 0)
        return 0;
    return us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

void echo_fill(struct echo *e, struct beat *beat, struct instant now) {
    e->seq++;
    e->sent_at[e->seq % ECHO_SENT_MAX] = now;
    beat->boot = e->boot;
    beat->seq = e->seq;
    beat->send_us = now.us;
    beat->echo_boot = e->confirmed.boot;
    beat->echo_seq = e->confirmed.seq_max;
    beat->echo_age_us = e->confirmed.boot == 0 ? 0 : age_us(now, e->confirmed.heard);
    beat->candidate_boot = e->candidate.boot;
    beat->candidate_seq = e->candidate.seq_max;
}

/* ---- window ---------------------------------------------------------------------------------- */

static bool window_has_room(const struct echo_incarnation *in, uint64_t seq) {
    if (seq > in->seq_max)
        return true;
    uint64_t back = in->seq_max - seq;
    return back < WINDOW_BITS && (in->window >> back & 1) == 0;
}

static void window_take(struct echo_incarnation *in, uint64_t seq, struct instant now) {
    if (seq <= in->seq_max) {
        in->window |= 1ULL << (in->seq_max - seq);
        return;
    }
    uint64_t ahead = seq - in->seq_max;
    in->window = ahead < WINDOW_BITS ? in->window << ahead | 1 : 1;
    in->seq_max = seq;
    in->heard = now;
}

/* ---- proof ----------------------------------------------------------------------------------- */

/* One of our sends that we still know the instant of. A peer that claims to have heard what we
 * have not sent proves nothing. */
static bool provable(const struct echo *e, uint64_t boot, uint64_t seq) {
    return boot == e->boot && seq != 0 && seq <= e->seq && e->seq - seq < ECHO_SENT_MAX;
}

/* The newest of our sends that the beat echoes in either of its places; 0 for none. */
static uint64_t echoed_by(const struct echo *e, const struct beat *b) {
    uint64_t seq = provable(e, b->echo_boot, b->echo_seq) ? b->echo_seq : 0;
    if (provable(e, b->candidate_boot, b->candidate_seq) && b->candidate_seq > seq)
        seq = b->candidate_seq;
    return seq;
}

static void prove_life(struct echo *e, const struct beat *b, uint64_t echoed, struct instant now,
                       struct echo_proof *proof) {
    proof->result = ECHO_LIFE;
    proof->life_at = e->sent_at[echoed % ECHO_SENT_MAX];
    e->life_at = instant_max(e->life_at, proof->life_at);
    if (!provable(e, b->echo_boot, b->echo_seq) || b->echo_age_us == UINT32_MAX)
        return;
    struct duration total = instant_since(now, e->sent_at[b->echo_seq % ECHO_SENT_MAX]);
    struct duration held = duration_us(b->echo_age_us);
    proof->rtt_known = !duration_less(total, held);
    if (proof->rtt_known)
        proof->rtt = duration_sub(total, held);
}

/* ---- incarnations ---------------------------------------------------------------------------- */

static void hear(struct echo_incarnation *in, const struct beat *b, uint64_t echoed,
                 struct instant now, struct echo_proof *proof) {
    proof->newest = b->seq > in->seq_max;
    window_take(in, b->seq, now);
    if (echoed > in->echoed)
        in->echoed = echoed;
}

static void confirmed_heard(struct echo *e, const struct beat *b, struct instant now,
                            struct echo_proof *proof) {
    if (!window_has_room(&e->confirmed, b->seq))
        return;
    uint64_t echoed = echoed_by(e, b);
    hear(&e->confirmed, b, echoed, now, proof);
    proof->result = ECHO_UNCONFIRMED;
    if (echoed != 0)
        prove_life(e, b, echoed, now, proof);
}

static void candidate_heard(struct echo *e, const struct beat *b, struct instant now,
                            struct echo_proof *proof) {
    if (!window_has_room(&e->candidate, b->seq))
        return;
    uint64_t echoed = echoed_by(e, b);
    hear(&e->candidate, b, echoed, now, proof);
    proof->result = ECHO_CANDIDATE;
    if (echoed <= e->candidate.our_seq_at_first)
        return;
    e->retired_boot = e->confirmed.boot;
    e->confirmed = e->candidate;
    e->candidate = (struct echo_incarnation){0};
    proof->new_boot = true;
    prove_life(e, b, echoed, now, proof);
}

static void stranger_heard(struct echo *e, const struct beat *b, struct instant now,
                           struct echo_proof *proof) {
    uint64_t echoed = echoed_by(e, b);
    proof->result = ECHO_CANDIDATE;
    if (e->candidate.boot != 0 && echoed < e->candidate.echoed)
        return;
    e->candidate = (struct echo_incarnation){.boot = b->boot, .our_seq_at_first = e->seq};
    hear(&e->candidate, b, echoed, now, proof);
}

struct echo_proof echo_beat_received(struct echo *e, const struct beat *beat, struct instant now) {
    struct echo_proof proof = {.result = ECHO_REPLAYED, .life_at = earliest};
    if (beat->boot == 0 || beat->seq == 0 || beat->boot == e->boot || beat->boot == e->retired_boot)
        return proof;
    if (beat->boot == e->confirmed.boot)
        confirmed_heard(e, beat, now, &proof);
    else if (beat->boot == e->candidate.boot)
        candidate_heard(e, beat, now, &proof);
    else
        stranger_heard(e, beat, now, &proof);
    return proof;
}

/* ---- invariants ------------------------------------------------------------------------------ */

static void check_incarnation(const struct echo *e, const struct echo_incarnation *in) {
    if (in->boot == 0) {
        assert(in->seq_max == 0 && in->window == 0 && in->echoed == 0);
        return;
    }
    assert(in->boot != e->boot && in->boot != e->retired_boot);
    assert(in->seq_max != 0 && (in->window & 1) == 1);
    assert(in->echoed <= e->seq && in->our_seq_at_first <= e->seq);
}

void echo_check_invariants(const struct echo *e) {
    assert(e->boot != 0 && e->boot != e->retired_boot);
    check_incarnation(e, &e->confirmed);
    check_incarnation(e, &e->candidate);
    assert(e->confirmed.boot == 0 || e->confirmed.boot != e->candidate.boot);
    assert(e->confirmed.boot == 0 || e->confirmed.echoed > e->confirmed.our_seq_at_first);
    /* Life is proven as of one of our sends, and never before something was confirmed. */
    assert((e->life_at.us == INT64_MIN) == (e->confirmed.boot == 0));
    assert(e->seq == 0 || !instant_before(e->sent_at[e->seq % ECHO_SENT_MAX], e->life_at));
}
