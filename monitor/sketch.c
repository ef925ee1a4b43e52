#include "monitor/sketch.h"

#include <assert.h>
#include <string.h>

#define PER_OCTAVE 16
#define WEIGHT_MAX UINT16_MAX

/* ---- buckets --------------------------------------------------------------------------------- */

static uint16_t index_of(uint32_t figure) {
    if (figure < 2 * PER_OCTAVE)
        return (uint16_t)figure;
    uint32_t shift = 31U - (uint32_t)__builtin_clz(figure) - 4;
    return (uint16_t)(shift * PER_OCTAVE + (figure >> shift));
}

/* The middle of a bucket. */
static uint32_t figure_of(uint16_t index) {
    if (index < 2 * PER_OCTAVE)
        return index;
    uint32_t shift = index / PER_OCTAVE - 1U;
    uint32_t from = (uint32_t)(index % PER_OCTAVE + PER_OCTAVE) << shift;
    return from + (1U << shift) / 2;
}

/* The first bucket that is not below. */
static uint32_t find(const struct sketch *s, uint16_t index) {
    uint32_t at = 0, end = s->count;
    while (at < end) {
        uint32_t middle = (at + end) / 2;
        if (s->buckets[middle].index < index)
            at = middle + 1;
        else
            end = middle;
    }
    return at;
}

/* Makes room: the two lowest become one, if their weights fit. */
static void collapse(struct sketch *s) {
    uint32_t both = (uint32_t)s->buckets[0].weight + s->buckets[1].weight;
    while (both > WEIGHT_MAX) {
        sketch_fade(s, 1, 2);
        both = (uint32_t)s->buckets[0].weight + s->buckets[1].weight;
    }
    s->buckets[1].weight = (uint16_t)both;
    s->count--;
    memmove(&s->buckets[0], &s->buckets[1], s->count * sizeof(s->buckets[0]));
}

/* The bucket of this index, made if need be; lower than all of a full sketch counts as the lowest.
 */
static struct sketch_bucket *bucket_of(struct sketch *s, uint16_t index) {
    uint32_t at = find(s, index);
    if (at < s->count && s->buckets[at].index == index)
        return &s->buckets[at];
    if (s->count == SKETCH_BUCKETS && at > 0) {
        collapse(s);
        at = find(s, index);
    }
    if (s->count == SKETCH_BUCKETS)
        return &s->buckets[0];
    memmove(&s->buckets[at + 1], &s->buckets[at], (s->count - at) * sizeof(s->buckets[0]));
    s->count++;
    s->buckets[at] = (struct sketch_bucket){index, 0};
    return &s->buckets[at];
}

static void put(struct sketch *s, uint16_t index, uint32_t weight) {
    struct sketch_bucket *bucket = bucket_of(s, index);
    while (bucket->weight + weight > WEIGHT_MAX) {
        sketch_fade(s, 1, 2);
        bucket = bucket_of(s, index);
        weight = weight > WEIGHT_MAX / 2 ? weight / 2 : weight;
    }
    bucket->weight = (uint16_t)(bucket->weight + weight);
    s->total += weight;
}

/* ---- in and out ------------------------------------------------------------------------------ */

void sketch_add(struct sketch *s, uint32_t figure) {
    put(s, index_of(figure), SKETCH_UNIT);
}

void sketch_fade(struct sketch *s, uint32_t num, uint32_t den) {
    assert(den > 0 && num <= den);
    uint64_t rest = 0;
    uint32_t kept = 0;
    s->total = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        uint64_t weight = (uint64_t)s->buckets[i].weight * num + rest;
        rest = weight % den;
        weight /= den;
        if (weight > WEIGHT_MAX)
            weight = WEIGHT_MAX;
        if (weight == 0)
            continue;
        s->buckets[kept++] = (struct sketch_bucket){s->buckets[i].index, (uint16_t)weight};
        s->total += (uint32_t)weight;
    }
    s->count = (uint16_t)kept;
}

void sketch_merge(struct sketch *s, const struct sketch *other) {
    for (uint32_t i = other->count; i-- > 0;)
        put(s, other->buckets[i].index, other->buckets[i].weight);
}

uint32_t sketch_quantile(const struct sketch *s, uint32_t permille) {
    if (s->count == 0)
        return 0;
    uint64_t rank = ((uint64_t)s->total * (permille < 1000 ? permille : 1000) + 999) / 1000,
             seen = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        seen += s->buckets[i].weight;
        if (seen >= rank && seen > 0)
            return figure_of(s->buckets[i].index);
    }
    return figure_of(s->buckets[s->count - 1].index);
}

uint32_t sketch_figures(const struct sketch *s) {
    return (s->total + SKETCH_UNIT - 1) / SKETCH_UNIT;
}

void sketch_check_invariants(const struct sketch *s) {
    uint32_t total = 0;
    assert(s->count <= SKETCH_BUCKETS);
    for (uint32_t i = 0; i < s->count; i++) {
        assert(s->buckets[i].weight > 0);
        assert(i == 0 || s->buckets[i - 1].index < s->buckets[i].index);
        total += s->buckets[i].weight;
    }
    assert(total == s->total);
}
