/*
 * The order of RFC 2782: rising priority; within one, a draw weighted by the records' weights,
 * where those of weight zero come first in the drawing order and so have a very small chance.
 */
#include "peerd/net/dns.h"

#include <stdbool.h>
#include <string.h>

/* Moves targets[from .. from + count) to targets[to], shifting up what lies between. */
static void move_down(struct net_dns_target *targets, size_t from, size_t count, size_t to) {
    struct net_dns_target moved;

    for (size_t i = 0; i < count; i++) {
        moved = targets[from + i];
        memmove(&targets[to + i + 1], &targets[to + i], (from - to) * sizeof targets[0]);
        targets[to + i] = moved;
    }
}

/* How many addresses follow from `at` on that belong to the same record. */
static size_t record_span(const struct net_dns_target *targets, size_t at, size_t end) {
    size_t n = 1;

    while (at + n < end && targets[at + n].record == targets[at].record)
        n++;
    return n;
}

/* Priority, then weight zero before others, then as answered: the drawing order. */
static bool drawn_before(const struct net_dns_target *a, const struct net_dns_target *b) {
    if (a->priority != b->priority)
        return a->priority < b->priority;
    if ((a->weight == 0) != (b->weight == 0))
        return a->weight == 0;
    return a->record < b->record;
}

/* Draws one record out of targets[start..end), all of one priority; returns its place. */
static size_t draw(const struct net_dns_target *targets, size_t start, size_t end,
                   struct rng *rng) {
    uint64_t sum = 0, running = 0;

    for (size_t i = start; i < end; i += record_span(targets, i, end))
        sum += targets[i].weight;
    uint64_t pick = rng_below(rng, sum + 1);
    for (size_t i = start; i < end; i += record_span(targets, i, end)) {
        running += targets[i].weight;
        if (running >= pick)
            return i;
    }
    return start;
}

void net_dns_order(struct net_dns_target *targets, size_t count, struct rng *rng) {
    size_t at = 0;

    /* Insertion keeps the addresses of one record in their order, which qsort would not. */
    for (size_t i = 1; i < count; i++) {
        size_t to = i;
        while (to > 0 && drawn_before(&targets[i], &targets[to - 1]))
            to--;
        if (to < i)
            move_down(targets, i, 1, to);
    }
    while (at < count) {
        size_t end = at;
        while (end < count && targets[end].priority == targets[at].priority)
            end++;
        while (at < end) {
            size_t picked = draw(targets, at, end, rng);
            size_t span = record_span(targets, picked, end);
            move_down(targets, picked, span, at);
            at += span;
        }
    }
}
