#include "topo/probe.h"

#include <assert.h>
#include <string.h>

#define RTT_US_MAX 60000000 /* longer ones are no round trips */

void probe_init(struct probe *p, size_t count) {
    assert(count <= PROBE_TARGETS_MAX);
    memset(p, 0, sizeof(*p));
    p->count = count;
}

void probe_set(struct probe *p, size_t target, bool serving, bool standby) {
    assert(target < p->count);
    struct probe_target *t = &p->targets[target];
    t->serving = serving;
    t->standby = standby;
    t->chosen &= !serving && !standby;
}

/* ---- whom ------------------------------------------------------------------------------------ */

static bool is_other(const struct probe_target *t) {
    return !t->serving && !t->standby;
}

/* Never asked before asked long ago; of those, by what is expected, and what is not last. */
static bool is_before(const struct probe *p, const struct duration *expected, size_t a, size_t b) {
    const struct probe_target *x = &p->targets[a], *y = &p->targets[b];
    if (x->last_turn != y->last_turn)
        return x->last_turn < y->last_turn;
    if ((expected[a].us > 0) != (expected[b].us > 0))
        return expected[a].us > 0;
    return duration_less(expected[a], expected[b]);
}

/* Until there are as many as belong into it, or no others. */
static void fill_handful(struct probe *p, const struct duration *expected) {
    size_t chosen = 0;
    for (size_t i = 0; i < p->count; i++) {
        struct probe_target *t = &p->targets[i];
        t->chosen &= t->stay < PROBE_STAY;
        chosen += t->chosen;
    }
    for (; chosen < PROBE_HANDFUL; chosen++) {
        size_t best = p->count;
        for (size_t i = 0; i < p->count; i++)
            if (is_other(&p->targets[i]) && !p->targets[i].chosen &&
                (best == p->count || is_before(p, expected, i, best)))
                best = i;
        if (best == p->count)
            return;
        p->targets[best].chosen = true;
        p->targets[best].stay = 0;
    }
}

/* Of the standbys or of the handful, the one asked longest ago; p->count if there is none. */
static size_t asked_longest_ago(const struct probe *p, bool standbys) {
    size_t best = p->count;
    for (size_t i = 0; i < p->count; i++) {
        const struct probe_target *t = &p->targets[i];
        if ((standbys ? t->standby && !t->serving : t->chosen) &&
            (best == p->count || t->last_turn < p->targets[best].last_turn))
            best = i;
    }
    return best;
}

bool probe_next(struct probe *p, const struct duration *expected, size_t *target) {
    bool standbys = p->turn % 2 == 0;
    fill_handful(p, expected);
    size_t best = asked_longest_ago(p, standbys);
    if (best == p->count)
        best = asked_longest_ago(p, !standbys);
    if (best == p->count)
        return false;
    struct probe_target *t = &p->targets[best];
    t->last_turn = ++p->turn;
    t->silent += t->silent < UINT8_MAX;
    t->stay += t->stay < UINT8_MAX;
    *target = best;
    return true;
}

/* ---- what they say --------------------------------------------------------------------------- */

void probe_measured(struct probe *p, size_t target, struct duration rtt) {
    assert(target < p->count);
    struct probe_target *t = &p->targets[target];
    if (rtt.us < 1 || rtt.us > RTT_US_MAX)
        return;
    t->sample_us[t->next] = (uint32_t)rtt.us;
    t->next = (uint8_t)((t->next + 1) % PROBE_SAMPLES);
    t->samples += t->samples < PROBE_SAMPLES;
    t->silent = 0;
}

bool probe_is_deaf(const struct probe *p, size_t target) {
    assert(target < p->count);
    return p->targets[target].silent >= PROBE_DEAF;
}

struct duration probe_rtt(const struct probe *p, size_t target) {
    uint32_t sorted[PROBE_SAMPLES];
    assert(target < p->count);
    const struct probe_target *t = &p->targets[target];
    if (t->samples == 0 || probe_is_deaf(p, target))
        return DURATION_ZERO;
    for (size_t i = 0; i < t->samples; i++) {
        size_t k = i;
        for (; k > 0 && sorted[k - 1] > t->sample_us[i]; k--)
            sorted[k] = sorted[k - 1];
        sorted[k] = t->sample_us[i];
    }
    return duration_us(sorted[(t->samples - 1) / 2]);
}

bool probe_check_invariants(const struct probe *p) {
    size_t chosen = 0;
    if (p->count > PROBE_TARGETS_MAX)
        return false;
    for (size_t i = 0; i < p->count; i++) {
        const struct probe_target *t = &p->targets[i];
        if (t->samples > PROBE_SAMPLES || t->next >= PROBE_SAMPLES || t->last_turn > p->turn ||
            (t->chosen && !is_other(t)))
            return false;
        chosen += t->chosen;
    }
    return chosen <= PROBE_HANDFUL;
}
