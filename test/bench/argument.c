#include "test/bench/argument.h"

#include "peerd/base/rng.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

#define DELAY_US  20000
#define JITTER_US 2000

/* Intervals after the last arrival. */
#define SHORT 1.05
#define LONG  2.05

void argument_beats(struct beats *b, unsigned lost, unsigned most, double hours, double interval_ms,
                    uint64_t seed) {
    assert(most > 0 && most <= ARGUMENT_LOST_MAX && lost <= most);
    struct rng rng;
    size_t count = (size_t)(hours * 3600e3 / interval_ms), at[ARGUMENT_LOST_MAX];
    rng_seed(&rng, seed);
    for (unsigned i = 0; i < most; i++)
        at[i] = (size_t)((double)count * (i + 0.5 + rng_unit(&rng) / 2) / (most + 1));
    *b = (struct beats){0};
    for (size_t i = 0; i < count; i++) {
        int64_t send_us = (int64_t)((double)i * interval_ms * 1e3);
        int64_t arrival_us = send_us + DELAY_US + (int64_t)rng_below(&rng, JITTER_US);
        for (unsigned k = 0; k < lost; k++)
            if (i == at[k])
                arrival_us = BEATS_LOST;
        beats_put(b, (struct beats_line){i + 1, send_us, arrival_us});
    }
}

size_t argument_alike(const struct beats *a, const struct beats *b) {
    size_t i = 0;
    while (i < a->count && i < b->count && a->lines[i].seq == b->lines[i].seq &&
           a->lines[i].send_us == b->lines[i].send_us &&
           a->lines[i].arrival_us == b->lines[i].arrival_us)
        i++;
    return i;
}

/* `count` is of mistakes, `expected` when the peer is given up. */
static void turns_start(struct rival *r) {
    r->u.chen.count = 0;
    r->u.chen.expected = RIVALS_NEVER;
}

static int64_t turns_heard(struct rival *r, const struct beats_line *line) {
    struct rival_chen *s = &r->u.chen;
    if (s->expected < line->arrival_us)
        s->count++;
    double wait = (double)s->count >= r->param ? LONG : SHORT;
    s->expected = line->arrival_us + (int64_t)(wait * r->interval_us);
    return s->expected;
}

const struct rival_kind *argument_turns_after(void) {
    static const struct rival_kind kind = {.name = "turns",
                                           .param = "mistakes",
                                           .state_bytes = sizeof(struct rival),
                                           .start = turns_start,
                                           .heard = turns_heard};
    return &kind;
}
