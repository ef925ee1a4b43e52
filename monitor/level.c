#include "monitor/level.h"

#define WEIGHT_MAX ((int64_t)1 << 30) /* four million figures: squares of these fit by far */

/* 2^(-k/8) in parts of 65536. */
static const int64_t eighths[8] = {65536, 60097, 55109, 50535, 46341, 42495, 38968, 35734};

static void scale(struct level *l, int64_t num, int64_t den) {
    l->weight = l->weight * num / den;
    l->sum = l->sum * num / den;
    /* Beyond 2^47 its lowest bits say nothing. */
    l->square = l->square > ((int64_t)1 << 46) ? l->square / den * num : l->square * num / den;
}

void level_fade(struct level *l, struct duration half_life, struct instant now) {
    struct duration eighth = duration_scale(half_life, 1, 8);
    int64_t passed_us = instant_since(now, l->at).us;
    if (l->weight == 0) {
        l->at = now;
        return;
    }
    if (eighth.us <= 0 || passed_us < eighth.us)
        return;
    int64_t steps = passed_us / eighth.us;
    l->at = instant_add(l->at, duration_us(steps * eighth.us));
    if (steps >= 8 * 40) {
        *l = (struct level){.at = l->at};
        return;
    }
    scale(l, eighths[steps % 8], 65536);
    scale(l, 1, (int64_t)1 << steps / 8);
    if (l->weight == 0)
        *l = (struct level){.at = l->at};
}

void level_add(struct level *l, struct duration half_life, uint32_t figure, struct instant now) {
    int64_t x = figure < LEVEL_FIGURE_MAX ? figure : LEVEL_FIGURE_MAX;
    level_fade(l, half_life, now);
    if (l->weight >= WEIGHT_MAX)
        scale(l, 1, 2);
    l->weight += LEVEL_UNIT;
    l->sum += LEVEL_UNIT * x;
    l->square += LEVEL_UNIT * x * x;
}

void level_merge(struct level *l, const struct level *other) {
    struct level half = *other;
    if (l->weight == 0)
        l->at = other->at;
    while (l->weight + half.weight > WEIGHT_MAX) {
        scale(l, 1, 2);
        scale(&half, 1, 2);
    }
    l->weight += half.weight;
    l->sum += half.sum;
    l->square += half.square;
}

uint32_t level_root(uint64_t square) {
    uint64_t root = 0;
    for (uint64_t bit = (uint64_t)1 << 31; bit > 0; bit >>= 1)
        if ((root | bit) * (root | bit) <= square)
            root |= bit;
    return (uint32_t)root;
}

uint32_t level_mean(const struct level *l) {
    return l->weight == 0 ? 0 : (uint32_t)(l->sum / l->weight);
}

uint32_t level_spread(const struct level *l) {
    if (l->weight == 0)
        return 0;
    int64_t mean = l->sum / l->weight, variance = l->square / l->weight - mean * mean;
    return variance <= 0 ? 0 : level_root((uint64_t)variance);
}

uint32_t level_figures(const struct level *l) {
    return (uint32_t)((l->weight + LEVEL_UNIT / 2) / LEVEL_UNIT);
}
