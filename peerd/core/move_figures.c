#include "peerd/core/move_figures.h"

#include <assert.h>

/* Whole frames up to a fifth of a second, the quality that is aimed at, coarser beyond it. */
static const uint32_t bounds_ms[MOVE_BUCKETS - 1] = {0,   20,  40,  60,   80,   100,  150,  200,
                                                     300, 400, 600, 1000, 2000, 5000, 10000};

#define FRAME_MS 20

uint32_t move_bucket_ms(unsigned bucket) {
    assert(bucket < MOVE_BUCKETS - 1);
    return bounds_ms[bucket];
}

uint64_t move_histogram_count(const struct move_histogram *h) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < MOVE_BUCKETS; i++)
        sum += h->counts[i];
    return sum;
}

static void add(struct move_histogram *h, int64_t ms) {
    unsigned bucket = 0;
    while (bucket < MOVE_BUCKETS - 1 && ms > bounds_ms[bucket])
        bucket++;
    h->counts[bucket]++;
    h->sum_ms += ms > 0 ? (uint64_t)ms : 0;
}

static void add_between(struct move_histogram *h, struct instant from, struct instant to) {
    if (!instant_is_never(from) && !instant_is_never(to))
        add(h, duration_in_ms(instant_since(to, from)));
}

void move_figures_entered(struct move_figures *f, const struct move *m, enum move_cause cause) {
    assert(cause <= MOVE_CAUSE_RETURN && move_is_over(m));
    struct move_figures_of_cause *of = &f->of[cause];
    if (m->state == MOVE_STATE_CANCELLED) {
        of->cancelled++;
    } else if (m->out) {
        of->left++;
        add_between(&of->prepare, m->begun, m->overlaps);
        add_between(&of->overlap_leaving, m->overlaps, m->released);
    } else {
        of->arrived++;
        of->held[m->held]++;
        of->full += m->preroll == NODE_PREROLL_FULL;
        of->quick += m->preroll == NODE_PREROLL_QUICK;
        of->least += m->preroll == NODE_PREROLL_LEAST;
        add_between(&of->overlap_arriving, m->overlaps, m->switched);
    }
}

void move_figures_told(struct move_figures *f, enum move_cause cause,
                       const struct message_moved *told) {
    struct move_figures_of_cause *of = &f->of[cause];
    of->told++;
    of->lost += told->lost;
    of->duplicates += told->duplicates;
    add(&of->detect, told->detect_ms);
    add(&of->gap, (int64_t)told->lost * FRAME_MS);
    if (told->first_frame_ms != MESSAGE_MOVED_NO_FRAME)
        add(&of->first_frame, told->first_frame_ms);
}

void move_figures_check_invariants(const struct move_figures *f) {
    for (unsigned c = 0; c < MOVE_CAUSES; c++) {
        const struct move_figures_of_cause *of = &f->of[c];
        uint64_t held = 0;
        for (unsigned i = 0; i <= PROTECTION_HOT; i++)
            held += of->held[i];
        assert(held == of->arrived);
        assert(of->full + of->quick <= of->arrived);
        assert(of->told <= of->arrived && move_histogram_count(&of->gap) == of->told);
        assert(move_histogram_count(&of->detect) == of->told);
        assert(move_histogram_count(&of->first_frame) <= of->told);
        assert(move_histogram_count(&of->prepare) <= of->left);
        assert(move_histogram_count(&of->overlap_leaving) <= of->left);
        assert(move_histogram_count(&of->overlap_arriving) <= of->arrived);
    }
}
